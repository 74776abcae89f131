/* make_swap_base: builds the datasets of the swap base from the synthetic actors E
 * and F and the stills, and trains the base that models/ ships.
 *
 *   make_swap_base DATA WORK OUT MINUTES [SIZE [SEED]]
 *
 * DATA: the folder with actors/; WORK: a folder for registry, datasets, checkpoint
 * and preview; OUT: the safetensors file. Nobody here exists: each of the 42 is
 * added to WORK's own registry as a subject who depicts nobody, with a consent
 * record, and every picture passes the same gate as anybody's. Actors A to D are
 * never opened. Run again to resume. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "face/labels.h"
#include "make/swap/swap.h"

#define PEOPLE_MAX 64
#define TRUTH_FRAMES 200 /* of the 300 of E's face on F and the reverse; the rest is for measuring */

typedef struct person { char name[32]; lk_grant *grant; lk_dataset *data; char path[1200]; } person;
typedef struct cast { lk_registry *registry; person list[PEOPLE_MAX]; int count; const char *work; } cast;

static lk_status grant_of(lk_registry *r, const char *name, lk_grant **out, lk_error *err)
{
    lk_subject s;
    lk_consent_record rec;
    lk_status status = lk_subject_find(r, name, &s, err);
    if (status == LK_E_NOTFOUND) {
        LK_TRY(lk_subject_add(r, name, true, &s, err));
        LK_TRY(lk_consent_issue(r, s.id, LK_USE_FACE_SOURCE | LK_USE_FACE_TARGET, (int64_t)3650 * 86400,
                                "swap base",
                                "a synthetic actor who depicts nobody, for the base of swap models", &rec,
                                    err));
    } else if (status != LK_OK) {
        return status;
    }
    return lk_grant_get(r, s.id, LK_USE_FACE_SOURCE, "swap base", out, err);
}

static lk_status add_person(cast *c, const char *name, person **out, lk_error *err)
{
    for (int i = 0; i < c->count; i++)
        if (!strcmp(c->list[i].name, name)) {
            *out = &c->list[i];
            return LK_OK;
        }
    if (c->count == PEOPLE_MAX) return LK_FAIL(err, LK_E_RANGE, "more than %d people", PEOPLE_MAX);
    person *p = &c->list[c->count++];
    snprintf(p->name, sizeof p->name, "%s", name);
    snprintf(p->path, sizeof p->path, "%s/%s.dataset", c->work, name);
    *out = p;
    return grant_of(c->registry, name, &p->grant, err);
}

/* Frames of a clip with the landmarks of a label file (which may be another clip of the same instants). */
static lk_status add_clip(lk_dataset_builder *b, const char *video, const char *labels, int clip, int most,
                          lk_error *err)
{
    lk_labels l = {0};
    lk_reader *reader = NULL;
    lk_frame *frame = NULL;
    lk_status s = lk_labels_read(labels, &l, err);
    if (s == LK_OK) s = lk_reader_open(video, &reader, err);
    for (int i = 0; s == LK_OK && i < LK_MIN(l.count, most); i++) {
        lk_image rgb = {0};
        s = lk_reader_next(reader, &frame, err);
        if (s == LK_OK) s = lk_frame_to_image(frame, &rgb, err);
        if (s == LK_OK) s = lk_dataset_builder_add(b, &rgb, l.frames[i].lm, NULL, i, clip, err);
        lk_image_clear(&rgb);
        lk_frame_unref(&frame);
    }
    if (s == LK_END) s = LK_OK;
    lk_reader_close(&reader);
    lk_labels_clear(&l);
    return s;
}

static lk_status build_actor(cast *c, const char *data, const char *name, const char *other, lk_error *err)
{
    person *p;
    LK_TRY(add_person(c, name, &p, err));
    if (lk_path_exists(p->path)) return LK_OK;
    lk_dataset_builder *b;
    LK_TRY(lk_dataset_builder_new(p->grant, LK_USE_FACE_SOURCE, 2600, &b, err));
    static const char *const form[3][2] = {{"%s/actors/actors/%s/train.mp4",
                                            "%s/actors/actors/%s/train.jsonl.gz"},
                                           {"%s/actors/actors/%s/perf.mp4",
                                            "%s/actors/actors/%s/perf.jsonl.gz"},
                                           {"%s/actors/truth/swap/%s_face_on_%s_perf.mp4",
                                            "%s/actors/actors/%s/perf.jsonl.gz"}};
    lk_status s = LK_OK;
    for (int k = 0; k < 3 && s == LK_OK; k++) {
        char video[1024], labels[1024];
        snprintf(video, sizeof video, form[k][0], data, name, other);
        snprintf(labels, sizeof labels, form[k][1], data, k == 2 ? other : name);
        s = add_clip(b, video, labels, k, k == 2 ? TRUTH_FRAMES : 1 << 20, err);
    }
    if (s == LK_OK) s = lk_dataset_builder_finish(&b, p->path, NULL, err);
    lk_dataset_builder_free(&b);
    printf("%s built\n", p->path);
    return s;
}

typedef struct still_builder { char name[32]; lk_dataset_builder *b; } still_builder;

static lk_status add_still(cast *c, still_builder *open, const char *data, const lk_json *row, int number,
                           lk_error *err)
{
    const lk_json *lm = lk_json_get(row, "lm"), *hidden = lk_json_get(row, "occluders"),
        *face = lk_json_get(row, "face");
    if (!face || !face->number || !lm || lm->count != 2 * LK_LANDMARKS || (hidden && hidden->count))
        return LK_OK;
    lk_point p[LK_LANDMARKS];
    const lk_json *v = lm->child;
    for (int i = 0; i < LK_LANDMARKS; i++, v = v->next->next)
        p[i] = (lk_point){(float)v->number, (float)v->next->number};
    if (lk_face_interocular(p) < 26.0f) return LK_OK; /* too small to show a 96 px face */
    const char *id = lk_json_string(row, "id", ""), *file = lk_json_string(row, "file", "");
    person *who;
    LK_TRY(add_person(c, id, &who, err));
    still_builder *b = &open[who - c->list];
    if (lk_path_exists(who->path)) return LK_OK;
    if (!b->b) LK_TRY(lk_dataset_builder_new(who->grant, LK_USE_FACE_SOURCE, 0, &b->b, err));
    char path[1024];
    snprintf(path, sizeof path, "%s/actors/stills/%s", data, file);
    lk_reader *reader = NULL;
    lk_frame *frame = NULL;
    lk_image rgb = {0};
    lk_status s = lk_reader_open(path, &reader, err);
    if (s == LK_OK) s = lk_reader_next(reader, &frame, err);
    if (s == LK_OK) s = lk_frame_to_image(frame, &rgb, err);
    if (s == LK_OK) s = lk_dataset_builder_add(b->b, &rgb, p, NULL, number, 0, err);
    lk_image_clear(&rgb);
    lk_frame_unref(&frame);
    lk_reader_close(&reader);
    return s;
}

static lk_status build_stills(cast *c, const char *data, lk_error *err)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/actors/stills/labels.jsonl", data);
    void *text = NULL;
    size_t n = 0;
    LK_TRY(lk_file_read(path, (size_t)64 << 20, &text, &n, err));
    still_builder open[PEOPLE_MAX] = {0};
    lk_arena *arena = NULL;
    lk_status s = lk_arena_new(&arena, 1 << 16);
    int number = 0;
    for (char *line = text, *end; s == LK_OK && *line; line = end + 1, number++) {
        end = strchr(line, '\n');
        if (!end) break;
        lk_json *row = NULL;
        s = lk_json_parse(line, (size_t)(end - line), arena, &row, err);
        if (s == LK_OK) s = add_still(c, open, data, row, number, err);
        lk_arena_clear(arena);
    }
    for (int i = 0; i < c->count; i++) {
        if (open[i].b && s == LK_OK) s = lk_dataset_builder_finish(&open[i].b, c->list[i].path, NULL, err);
        lk_dataset_builder_free(&open[i].b);
    }
    lk_arena_free(arena);
    lk_free(text);
    return s;
}

static void on_progress(void *user, const lk_progress *p)
{
    static double last;
    double now = lk_now();
    if (now - last < 5 && p->done != p->total) return;
    last = now;
    printf("%s %lld/%lld  %.2f %s/s  eta %.0f s  %s\n", p->phase, (long long)p->done, (long long)p->total,
           p->rate, p->unit, p->eta, p->note);
    fflush(stdout);
}

static void on_log(void *user, int level, const char *room, const char *line)
{
    printf("[%s] %s\n", room, line);
    fflush(stdout);
}

static lk_status run(int argc, char **argv, lk_error *err)
{
    static cast c;
    const char *data = argv[1], *work = argv[2];
    char registry[1024], checkpoint[1024];
    snprintf(registry, sizeof registry, "%s/registry", work);
    snprintf(checkpoint, sizeof checkpoint, "%s/base.checkpoint", work);
    c.work = work;
    LK_TRY(lk_dir_make(work, err));
    LK_TRY(lk_registry_open(registry, true, &c.registry, err));
    LK_TRY(build_actor(&c, data, "E", "F", err));
    LK_TRY(build_actor(&c, data, "F", "E", err));
    LK_TRY(build_stills(&c, data, err));
    lk_dataset *sets[PEOPLE_MAX];
    const lk_grant *grants[PEOPLE_MAX];
    for (int i = 0; i < c.count; i++) {
        LK_TRY(lk_dataset_open(c.list[i].path, c.list[i].grant, LK_USE_FACE_SOURCE, &c.list[i].data, err));
        sets[i] = c.list[i].data;
        grants[i] = c.list[i].grant;
        printf("%s: %d samples\n", c.list[i].name, lk_dataset_count(sets[i]));
    }
    /* F's performance and E's face on it, each way: both pictures, either face. */
    const lk_swap_twin twins[] = {{1, 1, 0, 2}, {0, 2, 1, 1}, {0, 1, 1, 2}, {1, 2, 0, 1}};
    lk_swap_train_options o = lk_swap_train_defaults(argc > 5 ? atoi(argv[5]) : 96);
    o.model_path = argv[3];
    o.work_path = checkpoint;
    o.resume = true;
    o.minutes = atof(argv[4]);
    o.seed = argc > 6 ? (uint64_t)atoll(argv[6]) : 1;
    o.twins = twins;
    o.twin_count = 4;
    lk_progress_sink sink = {.report = on_progress};
    lk_swap_train_report report;
    LK_TRY(lk_swap_train_base(sets, grants, c.count, &o, &report, NULL, &sink, err));
    printf("%s\n", report.card);
    for (int i = 0; i < c.count; i++) {
        lk_dataset_close(&c.list[i].data);
        lk_grant_free(&c.list[i].grant);
    }
    lk_registry_close(&c.registry);
    return LK_OK;
}

int main(int argc, char **argv)
{
    if (argc < 5) {
        fprintf(stderr, "use: make_swap_base DATA WORK OUT MINUTES [SIZE [SEED]]\n");
        return 2;
    }
    lk_error err = {0};
    lk_log_sink(on_log, NULL, 2);
    lk_status s = run(argc, argv, &err);
    if (s != LK_OK) fprintf(stderr, "make_swap_base: %s (%s)\n", err.message, err.origin);
    return lk_status_exit_code(s);
}
