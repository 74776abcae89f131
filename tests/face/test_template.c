/* Face templates: building, comparing, keeping; with the shipped models on the sample clips, and (data there) on
 * further clips of the actors. */
#include "check.h"
#include "faces.h"
#include "tempdir.h"

#include "face/calibration.h"
#include "face/template.h"

static lk_analyser *open_models(void)
{
    lk_error err = {0};
    lk_analyser *a = NULL;
    CHECK_OK(lk_analyser_open(NULL, &a, &err), &err);
    return a;
}

/* The template of the first track of a clip, its first `frames` pictures (0: all). */
static lk_status template_of(lk_analyser *a, const char *path, int64_t frames, lk_track_template *out, lk_error *err)
{
    lk_face_clip clip;
    LK_TRY(lk_analyse_clip(a, path, &clip, NULL, NULL, err));
    if (frames && clip.count > frames) clip.count = frames;
    CHECK_INT(clip.tracks, 1);
    lk_status s = lk_face_clip_templates(a, path, &clip, NULL, out, NULL, NULL, err);
    lk_face_clip_clear(&clip);
    return s;
}

static void actors_are_told_apart(void)
{
    lk_error err = {0};
    lk_analyser *a = open_models();
    if (!a) return;
    lk_face_thresholds limit = {0};
    lk_track_template t[3] = {{.frames = 0}};
    float same = 0, other = 0;
    CHECK_OK(template_of(a, "samples/actor-a-train.mp4", 500, &t[0], &err), &err);
    CHECK_OK(template_of(a, "samples/actor-b-performance.mp4", 0, &t[1], &err), &err);
    CHECK_OK(lk_analyser_thresholds(a, &limit, &err), &err);
    for (int i = 0; i < 2; i++) {
        CHECK(t[i].t.frames >= 12 && t[i].t.frames <= LK_TEMPLATE_FRAMES, "%d frames", t[i].t.frames);
        CHECK_INT(t[i].tally.used, t[i].t.frames);
        CHECK_INT(t[i].first, 0);
        CHECK(t[i].last > 250 && t[i].last_seconds > 10 && t[i].best >= 0, "last %lld best %lld", (long long)t[i].last,
              (long long)t[i].best);
        CHECK(t[i].best_seconds >= t[i].first_seconds && t[i].best_seconds <= t[i].last_seconds, "best %g",
              t[i].best_seconds);
        CHECK_NEAR(lk_embedding_cosine(t[i].t.v, t[i].t.v), 1, 1e-4);
        CHECK(t[i].t.spread < 0.4f, "spread %g", (double)t[i].t.spread);
    }
    CHECK_OK(lk_face_template_compare(&t[0].t, &t[1].t, &other, &err), &err);
    CHECK_OK(lk_face_template_compare(&t[0].t, &t[0].t, &same, &err), &err);
    CHECK(same > limit.accept, "with itself %g, accept %g", (double)same, (double)limit.accept);
    CHECK(other < limit.accept && other < same - 0.1f, "A and B: %g, accept %g", (double)other, (double)limit.accept);
    /* The second half of A's clip, by itself, is A. */
    lk_face_clip clip;
    CHECK_OK(lk_analyse_clip(a, "samples/actor-a-train.mp4", &clip, NULL, NULL, &err), &err);
    for (int64_t i = 0; i < clip.count; i++)
        if (i < 550) clip.frames[i].count = 0;
    CHECK_OK(lk_face_clip_templates(a, "samples/actor-a-train.mp4", &clip, NULL, &t[2], NULL, NULL, &err), &err);
    lk_face_clip_clear(&clip);
    CHECK(t[2].first >= 550 && t[2].best >= 550, "first %lld", (long long)t[2].first);
    CHECK_OK(lk_face_template_compare(&t[0].t, &t[2].t, &same, &err), &err);
    CHECK(same > other + 0.1f, "A and A: %g, A and B %g", (double)same, (double)other);
    CHECK(same > limit.reject, "A and A: %g, reject %g", (double)same, (double)limit.reject);
    lk_analyser_close(&a);
}

static void another_clip_of_the_same_actor(void)
{
    const char *data = getenv("LIKENESS_DATA");
    char path[1024];
    snprintf(path, sizeof path, "%s/actors/actors/A/perf.mp4", data && *data ? data : "../shared/data");
    if (!lk_path_exists(path)) SKIP("the actors are not here (LIKENESS_DATA)");
    lk_error err = {0};
    lk_analyser *a = open_models();
    if (!a) return;
    lk_track_template t[3];
    float same = 0, other = 0;
    CHECK_OK(template_of(a, "samples/actor-a-train.mp4", 400, &t[0], &err), &err);
    CHECK_OK(template_of(a, path, 0, &t[1], &err), &err);
    CHECK_OK(template_of(a, "samples/actor-b-performance.mp4", 0, &t[2], &err), &err);
    CHECK_OK(lk_face_template_compare(&t[0].t, &t[1].t, &same, &err), &err);
    CHECK_OK(lk_face_template_compare(&t[1].t, &t[2].t, &other, &err), &err);
    CHECK(same > other + 0.1f, "A in two rooms: %g; A and B %g", (double)same, (double)other);
    lk_analyser_close(&a);
}

static void a_still_needs_one_picture(void)
{
    lk_error err = {0};
    lk_analyser *a = open_models();
    if (!a) return;
    lk_track_template t;
    CHECK_OK(template_of(a, TEST_DATA "/face_cc0.jpg", 0, &t, &err), &err);
    CHECK_INT(t.t.frames, 1);
    CHECK_INT(t.best, 0);
    CHECK_INT(t.frames, 1);
    CHECK_NEAR(t.t.spread, 0, 1e-3);
    lk_analyser_close(&a);
}

static void too_few_pictures_are_refused(void)
{
    lk_error err = {0};
    lk_analyser *a = open_models();
    if (!a) return;
    lk_template_builder b;
    lk_template_options o = lk_template_defaults();
    lk_image im = {0}, flat = {0};
    lk_face_template t;
    lk_face f = {.quality = 0.9f};
    CHECK_OK(lk_image_new(200, 200, 3, &im, &err), &err);
    CHECK_OK(lk_image_new(96, 96, 3, &flat, &err), &err);
    lk_rng r = lk_rng_at(3, 1, 0, 0);
    for (int i = 0; i < 200 * 200 * 3; i++) im.data[i] = lk_rng_uniform(&r);
    CHECK_OK(lk_template_begin(&b, a, NULL, &err), &err);
    flat_face(100, 100, 60, 0, f.lm);
    CHECK_OK(lk_template_add_face(&b, &f, &im, 5, &err), &err);
    CHECK_OK(lk_template_add_face(&b, &f, &im, 6, &err), &err);
    CHECK_INT(b.count, 2);
    f.quality = 0.1f;
    CHECK_OK(lk_template_add_face(&b, &f, &im, 7, &err), &err);
    f.quality = 0.9f, f.yaw = 70;
    CHECK_OK(lk_template_add_face(&b, &f, &im, 8, &err), &err);
    f.yaw = 0;
    flat_face(100, 100, 15, 0, f.lm);
    CHECK_OK(lk_template_add_face(&b, &f, &im, 9, &err), &err);
    CHECK_OK(lk_template_add_crop(&b, &flat, 0, 10, &err), &err); /* nothing to see in it */
    CHECK_INT(b.count, 2);
    CHECK_STATUS(lk_template_finish(&b, &t, &err), LK_E_NOTFOUND, &err);
    CHECK(strstr(err.message, "2 of 6, 3 are needed (1 too small, 1 turned away, 1 unclear, 1 blurred)"), "%s",
          err.message);
    CHECK_INT(t.frames, 0);
    CHECK(lk_template_best(&b) == 5 || lk_template_best(&b) == 6, "best %lld", (long long)lk_template_best(&b));
    lk_template_clear(&b);
    o.min_frames = 30;
    CHECK_STATUS(lk_template_begin(&b, a, &o, &err), LK_E_ARG, &err);
    lk_template_clear(&b);
    lk_image_clear(&im);
    lk_image_clear(&flat);
    lk_analyser_close(&a);
}

/* More than a template holds: the poorest of the commonest pose makes room. */
static void a_full_builder_keeps_the_better(void)
{
    lk_error err = {0};
    lk_analyser *a = open_models();
    if (!a) return;
    lk_template_builder b;
    lk_template_options o = lk_template_defaults();
    lk_image crop = {0};
    o.max_frames = 4;
    CHECK_OK(lk_image_new(96, 96, 3, &crop, &err), &err);
    lk_rng r = lk_rng_at(4, 1, 0, 0);
    for (int i = 0; i < 96 * 96 * 3; i++) crop.data[i] = lk_rng_uniform(&r);
    CHECK_OK(lk_template_begin(&b, a, &o, &err), &err);
    static const float yaw[] = {30, 6, 5, 4, 3, -3, 35};
    for (int i = 0; i < 7; i++) CHECK_OK(lk_template_add_crop(&b, &crop, yaw[i], i, &err), &err);
    int kept = 0;
    for (int i = 0; i < b.count; i++) kept |= 1 << b.frame[i].tag;
    CHECK_INT(b.count, 4);
    CHECK_INT(kept, 1 << 0 | 1 << 3 | 1 << 4 | 1 << 5);
    lk_template_clear(&b);
    lk_image_clear(&crop);
    lk_analyser_close(&a);
}

static lk_face_template made_up(lk_analyser *a)
{
    lk_error err = {0};
    lk_face_template t = {.frames = 7, .spread = 0.25f};
    for (int i = 0; i < LK_EMBEDDING; i++) t.v[i] = (i & 1 ? -1.0f : 1.0f) / sqrtf(LK_EMBEDDING);
    CHECK_OK(lk_analyser_identity_model(a, &t.model, &err), &err);
    return t;
}

static void bytes_there_and_back(void)
{
    lk_error err = {0};
    lk_analyser *a = open_models();
    if (!a) return;
    lk_face_template t = made_up(a), back;
    uint8_t bytes[LK_FACE_TEMPLATE_BYTES], again[LK_FACE_TEMPLATE_BYTES];
    lk_face_template_write(&t, bytes);
    CHECK_OK(lk_face_template_read(a, bytes, sizeof bytes, "it", &back, &err), &err);
    lk_face_template_write(&back, again);
    CHECK(!memcmp(bytes, again, sizeof bytes), "the same bytes");
    CHECK_INT(back.frames, 7);
    CHECK_NEAR(back.spread, 0.25, 0);
    for (size_t i = 0; i < sizeof bytes; i++) { /* any damaged byte is found */
        bytes[i] ^= 0x10;
        lk_status s = lk_face_template_read(a, bytes, sizeof bytes, "it", &back, &err);
        CHECK(s == LK_E_FORMAT, "byte %zu: status %d", i, s);
        CHECK_INT(back.frames, 0);
        bytes[i] ^= 0x10;
    }
    for (size_t n = 0; n < sizeof bytes; n++)
        CHECK_STATUS(lk_face_template_read(a, bytes, n, "it", &back, &err), LK_E_FORMAT, &err);
    lk_analyser_close(&a);
}

static void another_network_is_refused(void)
{
    lk_error err = {0};
    lk_analyser *a = open_models();
    if (!a) return;
    lk_face_template t = made_up(a), old = t, back;
    uint8_t bytes[LK_FACE_TEMPLATE_BYTES];
    float score = 0;
    old.model.b[3] ^= 1;
    CHECK_STATUS(lk_face_template_compare(&t, &old, &score, &err), LK_E_STATE, &err);
    CHECK(score < -1e30f, "and the score passes nowhere: %g", (double)score);
    lk_face_template_write(&old, bytes);
    CHECK_STATUS(lk_face_template_read(a, bytes, sizeof bytes, "anna.face", &back, &err), LK_E_STATE, &err);
    CHECK(strstr(err.message, "anna.face was made by another version") && strstr(err.message, "enrol"), "%s",
          err.message);
    old = t;
    old.frames = 0;
    CHECK_STATUS(lk_face_template_compare(&t, &old, &score, &err), LK_E_ARG, &err);
    lk_analyser_close(&a);
}

static void out_of_memory_and_wrong_clips(void)
{
    lk_error err = {0};
    lk_analyser *a = open_models();
    if (!a) return;
    lk_face_clip clip;
    lk_track_template t;
    const char *path = TEST_DATA "/face_cc0.jpg";
    CHECK_OK(lk_analyse_clip(a, path, &clip, NULL, NULL, &err), &err);
    bool failed = true;
    for (int nth = 1; failed && nth < 500; nth++) {
        lk_fault_set(LK_FAULT_ALLOC, nth, false);
        lk_status s = lk_face_clip_templates(a, path, &clip, NULL, &t, NULL, NULL, &err);
        lk_fault_set(LK_FAULT_ALLOC, 0, false);
        failed = s != LK_OK;
        CHECK(!failed || (s < 0 && err.message[0]), "allocation %d: status %d", nth, s);
        CHECK(nth > 1 || failed, "the first failure is seen");
    }
    CHECK(!failed, "in the end it works");
    CHECK(lk_face_clip_templates(a, "/nowhere/x.mp4", &clip, NULL, &t, NULL, NULL, &err) < 0, "a clip that is gone");
    clip.frames[0].pts += 5;
    CHECK_STATUS(lk_face_clip_templates(a, path, &clip, NULL, &t, NULL, NULL, &err), LK_E_FORMAT, &err);
    CHECK(strstr(err.message, "is not the clip that was analysed"), "%s", err.message);
    lk_cancel *c = lk_cancel_new();
    lk_cancel_raise(c);
    CHECK_STATUS(lk_face_clip_templates(a, path, &clip, NULL, &t, c, NULL, &err), LK_E_CANCELLED, &err);
    lk_cancel_free(c);
    lk_face_clip_clear(&clip);
    lk_analyser_close(&a);
}

static const check_test tests[] = {
    {"actors_are_told_apart", actors_are_told_apart},
    {"another_clip_of_the_same_actor", another_clip_of_the_same_actor},
    {"a_still_needs_one_picture", a_still_needs_one_picture},
    {"too_few_pictures_are_refused", too_few_pictures_are_refused},
    {"a_full_builder_keeps_the_better", a_full_builder_keeps_the_better},
    {"bytes_there_and_back", bytes_there_and_back},
    {"another_network_is_refused", another_network_is_refused},
    {"out_of_memory_and_wrong_clips", out_of_memory_and_wrong_clips},
};
CHECK_MAIN(tests)
