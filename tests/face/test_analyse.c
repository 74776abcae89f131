/* The pipeline: what happens without models, and (with them) on faceless, tiny and one-picture clips. */
#include "check.h"
#include "faces.h"

#include "face/clip.h"

#include <unistd.h>

static void without_models(void)
{
    lk_error err = {0};
    lk_analyser_options o = lk_analyser_defaults();
    lk_analyser *a = NULL;
    o.models_dir = "/nowhere/models";
    CHECK_STATUS(lk_analyser_open(&o, &a, &err), LK_E_NOTFOUND, &err);
    CHECK(!a, "nothing is opened");
    CHECK(strstr(err.message, "/nowhere/models/face-detect.safetensors"), "names the file: %s", err.message);
    CHECK(strstr(err.message, "LIKENESS_MODELS"), "names the remedy: %s", err.message);
}

static void models_from_the_environment(void)
{
    const char *now = getenv("LIKENESS_MODELS");
    char *kept = now ? lk_strdup(now) : NULL;
    setenv("LIKENESS_MODELS", "/some/where", 1);
    CHECK_STR(lk_models_dir(), "/some/where");
    unsetenv("LIKENESS_MODELS");
    CHECK(lk_models_dir() && *lk_models_dir(), "there is a default");
    if (kept) setenv("LIKENESS_MODELS", kept, 1);
    lk_free(kept);
}

/* --- finishing tracks: no networks needed ------------------------------------------ */

typedef struct raw { lk_face_clip clip; lk_face_frame *frames; } raw;

static raw raw_clip(int frames)
{
    raw r = {0};
    CHECK_INT(lk_arena_new(&r.clip.arena, 1 << 16), LK_OK);
    r.frames = lk_calloc((size_t)frames, sizeof *r.frames);
    r.clip.count = frames;
    for (int i = 0; i < frames; i++) r.frames[i].index = r.frames[i].pts = i;
    return r;
}

static void put(raw *r, int frame, int track, float x, float y, float io)
{
    lk_error err = {0};
    lk_face f = {.track = track, .quality = 0.9f, .score = 0.9f};
    flat_face(x, y, io, 0, f.lm);
    f.box = lk_face_box(f.lm);
    CHECK_OK(lk_clip_add_face(r->clip.arena, &r->frames[frame], &f, &err), &err);
}

static void done(raw *r)
{
    lk_free(r->frames);
    lk_face_clip_clear(&r->clip);
}

static void short_gaps_are_bridged(void)
{
    lk_error err = {0};
    for (int gap = 1; gap <= 7; gap++) {
        raw r = raw_clip(40);
        for (int i = 0; i < 40; i++)
            if (i < 15 || i >= 15 + gap) put(&r, i, 3, 200 + 2.0f * i, 150, 60);
        CHECK_OK(lk_clip_finish(&r.clip, r.frames, true, &err), &err);
        CHECK_INT(r.clip.tracks, 1);
        for (int i = 0; i < 40; i++) {
            bool missing = i >= 15 && i < 15 + gap;
            CHECK_INT(r.clip.frames[i].count, missing && gap > 5 ? 0 : 1);
            if (!r.clip.frames[i].count) continue;
            const lk_face *f = &r.clip.frames[i].faces[0];
            lk_point want[LK_LANDMARKS];
            flat_face(200 + 2.0f * i, 150, 60, 0, want);
            CHECK_INT(f->track, 0);
            CHECK(hypotf(f->lm[30].x - want[30].x, f->lm[30].y - want[30].y) < 0.5f, "gap %d picture %d", gap, i);
            CHECK(missing ? f->quality < 0.5f : f->quality > 0.8f, "gap %d picture %d: quality %g", gap, i,
                  f->quality);
            CHECK_NEAR(f->yaw, 0, 12);
        }
        done(&r);
    }
}

static void a_jump_is_not_bridged(void)
{
    lk_error err = {0};
    raw r = raw_clip(30);
    for (int i = 0; i < 30; i++)
        if (i < 12 || i >= 15) put(&r, i, 0, i < 12 ? 150 : 330, 150, 60);
    CHECK_OK(lk_clip_finish(&r.clip, r.frames, true, &err), &err);
    for (int i = 12; i < 15; i++) CHECK_INT(r.clip.frames[i].count, 0);
    done(&r);
}

static void ids_follow_appearance_and_flickers_go(void)
{
    lk_error err = {0};
    raw r = raw_clip(30);
    for (int i = 0; i < 30; i++) {
        if (i >= 5) put(&r, i, 2, 450, 150, 50);
        put(&r, i, 7, 150, 150, 60);
        if (i == 9) { /* something that looked like a face, once */
            put(&r, i, 5, 300, 300, 30);
            r.frames[i].faces[r.frames[i].count - 1].quality = 0.55f;
        }
    }
    CHECK_OK(lk_clip_finish(&r.clip, r.frames, true, &err), &err);
    CHECK_INT(r.clip.tracks, 2);
    CHECK_INT(r.clip.frames[9].count, 2);
    CHECK(r.clip.frames[9].faces[0].lm[30].x < 200, "track 0 is the one that came first");
    CHECK_INT(r.clip.frames[9].faces[0].track, 0);
    CHECK_INT(r.clip.frames[9].faces[1].track, 1);
    done(&r);
}

static void a_single_picture_is_kept(void)
{
    lk_error err = {0};
    raw r = raw_clip(1);
    put(&r, 0, 0, 100, 100, 40);
    CHECK_OK(lk_clip_finish(&r.clip, r.frames, true, &err), &err);
    CHECK_INT(r.clip.tracks, 1);
    CHECK_INT(r.clip.frames[0].count, 1);
    done(&r);
}

static void out_of_memory_is_reported(void)
{
    bool failed = true;
    for (int nth = 1; failed && nth < 200; nth++) {
        lk_error err = {0};
        raw r = raw_clip(20);
        for (int i = 0; i < 20; i++)
            if (i != 8) put(&r, i, 0, 200 + i, 150, 60);
        lk_fault_set(LK_FAULT_ALLOC, nth, false);
        lk_status s = lk_clip_finish(&r.clip, r.frames, true, &err);
        lk_fault_set(LK_FAULT_ALLOC, 0, false);
        failed = s != LK_OK;
        CHECK(!failed || s == LK_E_NOMEM, "allocation %d: status %d", nth, s);
        CHECK(nth > 1 || failed, "the first failure is seen");
        done(&r);
    }
    CHECK(!failed, "in the end it works");
}

/* --- with the shipped models --------------------------------------------------------- */

static lk_analyser *open_models(void)
{
    lk_error err = {0};
    lk_analyser *a = NULL;
    if (lk_analyser_open(NULL, &a, &err) != LK_OK) return NULL;
    return a;
}

static void pictures_without_a_face(void)
{
    lk_analyser *a = open_models();
    if (!a) SKIP("the models are not here (LIKENESS_MODELS)");
    lk_error err = {0};
    lk_face f[16];
    static const int sizes[][2] = {{1, 1}, {2, 7}, {17, 5}, {64, 64}, {333, 97}, {640, 360}};
    for (size_t k = 0; k < LK_COUNT(sizes); k++) {
        lk_image im;
        int n = -1;
        lk_rng r = lk_rng_at(7, 1, 0, k);
        CHECK_OK(lk_image_new(sizes[k][0], sizes[k][1], 3, &im, &err), &err);
        for (size_t i = 0; i < (size_t)im.w * (size_t)im.h * 3; i++) im.data[i] = 0.4f + 0.2f * lk_rng_uniform(&r);
        CHECK_OK(lk_analyse_image(a, &im, f, 16, &n, &err), &err);
        CHECK_INT(n, 0);
        lk_image_clear(&im);
    }
    lk_image grey = {0};
    int n;
    CHECK_OK(lk_image_new(64, 64, 1, &grey, &err), &err);
    CHECK_STATUS(lk_analyse_image(a, &grey, f, 16, &n, &err), LK_E_ARG, &err);
    CHECK_STATUS(lk_face_embed(a, &grey, (float[LK_EMBEDDING]){0}, &err), LK_E_ARG, &err);
    lk_image_clear(&grey);
    lk_analyser_close(&a);
}

static void broken_clips_are_refused(void)
{
    lk_analyser *a = open_models();
    if (!a) SKIP("the models are not here (LIKENESS_MODELS)");
    lk_error err = {0};
    lk_face_clip clip;
    CHECK(lk_analyse_clip(a, "/nowhere/clip.mp4", &clip, NULL, NULL, &err) < 0, "a clip that is not there");
    CHECK(strstr(err.message, "/nowhere/clip.mp4"), "named: %s", err.message);
    CHECK(!clip.arena && !clip.frames, "and nothing is left");
    char path[] = "/tmp/likeness-empty-XXXXXX";
    int fd = mkstemp(path);
    close(fd);
    CHECK(lk_analyse_clip(a, path, &clip, NULL, NULL, &err) < 0, "an empty file");
    unlink(path);
    lk_analyser_close(&a);
}

static const char *data(void)
{
    const char *d = getenv("LIKENESS_DATA");
    return d && *d ? d : "../shared/data";
}

static void a_clip_of_one_actor(void)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/actors/actors/A/perf.mp4", data());
    lk_analyser *a = open_models();
    if (!a) SKIP("the models are not here (LIKENESS_MODELS)");
    if (!lk_path_exists(path)) {
        lk_analyser_close(&a);
        SKIP("the actors are not here (LIKENESS_DATA)");
    }
    lk_error err = {0};
    lk_face_clip one, two;
    CHECK_OK(lk_analyse_clip(a, path, &one, NULL, NULL, &err), &err);
    CHECK_INT(one.count, 300);
    CHECK_INT(one.tracks, 1);
    CHECK_INT(one.width, 640);
    /* The same analyser, the same clip: the same bytes. */
    CHECK_OK(lk_analyse_clip(a, path, &two, NULL, NULL, &err), &err);
    bool same = one.count == two.count;
    for (int64_t i = 0; same && i < one.count; i++)
        same = one.frames[i].count == two.frames[i].count && one.frames[i].pts == two.frames[i].pts
               && (!one.frames[i].count
                   || !memcmp(one.frames[i].faces, two.frames[i].faces,
                              (size_t)one.frames[i].count * sizeof(lk_face)));
    CHECK(same, "a second run gives the same faces");
    lk_face_clip_clear(&two);
    lk_cancel *c = lk_cancel_new();
    lk_cancel_raise(c);
    CHECK_STATUS(lk_analyse_clip(a, path, &two, c, NULL, &err), LK_E_CANCELLED, &err);
    CHECK(!two.arena, "a cancelled run leaves nothing");
    lk_cancel_free(c);
    lk_face_clip_clear(&one);
    lk_analyser_close(&a);
}

static const check_test tests[] = {
    {"without_models", without_models},
    {"models_from_the_environment", models_from_the_environment},
    {"short_gaps_are_bridged", short_gaps_are_bridged},
    {"a_jump_is_not_bridged", a_jump_is_not_bridged},
    {"ids_follow_appearance_and_flickers_go", ids_follow_appearance_and_flickers_go},
    {"a_single_picture_is_kept", a_single_picture_is_kept},
    {"out_of_memory_is_reported", out_of_memory_is_reported},
    {"pictures_without_a_face", pictures_without_a_face},
    {"broken_clips_are_refused", broken_clips_are_refused},
    {"a_clip_of_one_actor", a_clip_of_one_actor},
};
CHECK_MAIN(tests)
