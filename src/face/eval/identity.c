/* identity.c: is it the same person? All pairs of the Caltech photographs (nobody of
 * them was trained on) with the neutral and smiling pictures of London's held-out
 * people; and whether a picture of an actor finds that actor among all six.
 */
#include "face/eval/templates.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PEOPLE_MAX 512
#define ACTORS 6

typedef struct portrait { float v[LK_EMBEDDING]; int person; } portrait;
typedef struct album { portrait *all; int count, missed; } album;

/* Embed the largest face of a picture. */
static lk_status embed(lk_eval *e, const lk_image *rgb, float v[LK_EMBEDDING], bool *found, lk_error *err)
{
    lk_face faces[16];
    int n = 0, best = -1;
    *found = false;
    LK_TRY(lk_analyse_image(e->a, rgb, faces, (int)LK_COUNT(faces), &n, err));
    for (int i = 0; i < n; i++)
        if (best < 0 || faces[i].box.y1 - faces[i].box.y0 > faces[best].box.y1 - faces[best].box.y0) best = i;
    if (best < 0) return LK_OK;
    lk_image crop;
    LK_TRY(lk_image_new(LK_NET_CROP, LK_NET_CROP, 3, &crop, err));
    lk_eval_crop(rgb, faces[best].lm, &crop);
    lk_status s = lk_face_embed(e->a, &crop, v, err);
    lk_image_clear(&crop);
    *found = s == LK_OK;
    return s;
}

static lk_status take(lk_eval *e, album *a, const char *path, int person, lk_error *err)
{
    lk_image im = {0};
    bool found = false;
    if (a->count == PEOPLE_MAX) return LK_OK;
    LK_TRY(lk_eval_picture(path, &im, err));
    a->all[a->count].person = person;
    lk_status s = embed(e, &im, a->all[a->count].v, &found, err);
    lk_image_clear(&im);
    LK_TRY(s);
    if (found) a->count++;
    else a->missed++;
    return lk_eval_tick(e, "identity", err);
}

/* Reads a CSV with one picture or person a line. */
static lk_status take_caltech(lk_eval *e, album *a, lk_error *err)
{
    char path[1024], *line;
    void *text;
    size_t n;
    lk_eval_path(e, path, "faces_caltech/labels.csv");
    LK_TRY(lk_file_read(path, 1 << 20, &text, &n, err));
    lk_status s = LK_OK;
    char *rest = text;
    while (s == LK_OK && (line = strsep(&rest, "\n"))) {
        char file[64];
        int who;
        if (sscanf(line, "%63[^,],%d,", file, &who) != 2) continue; /* the head line, and drawings */
        lk_eval_path(e, path, "faces_caltech/%s", file);
        s = take(e, a, path, who, err);
    }
    lk_free(text);
    return s;
}

static lk_status take_london(lk_eval *e, album *a, lk_error *err)
{
    char path[1024], *line;
    void *text;
    size_t n;
    lk_eval_path(e, path, "faces_london/roles.csv");
    LK_TRY(lk_file_read(path, 1 << 20, &text, &n, err));
    lk_status s = LK_OK;
    char *rest = text;
    while (s == LK_OK && (line = strsep(&rest, "\n"))) {
        char id[32], role[32];
        if (sscanf(line, "%31[^,],%31[^,]", id, role) != 2 || strcmp(role, "devtest")) continue;
        lk_eval_path(e, path, "faces_london/%s_neutral.jpg", id);
        s = take(e, a, path, 1000 + atoi(id), err);
        if (s == LK_OK) {
            lk_eval_path(e, path, "faces_london/%s_smile.jpg", id);
            s = take(e, a, path, 1000 + atoi(id), err);
        }
    }
    lk_free(text);
    return s;
}

static int rising(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return x < y ? -1 : x > y;
}

/* The two people of the album whom one pair of pictures shows most alike. */
static void lookalikes(const album *a, int two[2])
{
    float most = -2;
    two[0] = two[1] = -1;
    for (int i = 0; i < a->count; i++)
        for (int j = i + 1; j < a->count; j++) {
            if (a->all[i].person == a->all[j].person) continue;
            float c = lk_embedding_cosine(a->all[i].v, a->all[j].v);
            if (c > most) most = c, two[0] = a->all[i].person, two[1] = a->all[j].person;
        }
}

/* All pairs of an album: cosines of the same person, and of different ones (but not of `two` with each other), sorted. */
static lk_status pairs(const album *a, const int two[2], float **same, int64_t *same_n, float **other, int64_t *other_n,
                       lk_error *err)
{
    size_t all = (size_t)a->count * (size_t)LK_MAX(a->count - 1, 0) / 2 + 1;
    *same_n = *other_n = 0;
    *same = lk_alloc(all * sizeof **same);
    *other = lk_alloc(all * sizeof **other);
    if (!*same || !*other) return LK_FAIL(err, LK_E_NOMEM, "no memory for the face bench");
    for (int i = 0; i < a->count; i++)
        for (int j = i + 1; j < a->count; j++) {
            float c = lk_embedding_cosine(a->all[i].v, a->all[j].v);
            if (a->all[i].person == a->all[j].person) (*same)[(*same_n)++] = c;
            else if (LK_MIN(a->all[i].person, a->all[j].person) != LK_MIN(two[0], two[1]) ||
                     LK_MAX(a->all[i].person, a->all[j].person) != LK_MAX(two[0], two[1]))
                (*other)[(*other_n)++] = c;
        }
    qsort(*same, (size_t)*same_n, sizeof **same, rising);
    qsort(*other, (size_t)*other_n, sizeof **other, rising);
    return LK_OK;
}

/* Equal error rate; and at 0.1 % false accepts, the threshold and the share of true pairs refused. */
static void rates(const float *same, int64_t same_n, const float *other, int64_t other_n, double *eer,
                  double *limit, double *refused)
{
    *eer = *limit = *refused = NAN;
    if (!same_n || !other_n) return;
    int64_t o = 0;
    double closest = INFINITY;
    for (int64_t s = 0; s < same_n; s++) { /* threshold just at each true pair */
        while (o < other_n && other[o] < same[s]) o++;
        double reject = (double)s / (double)same_n, accept = (double)(other_n - o) / (double)other_n;
        if (fabs(reject - accept) < closest) closest = fabs(reject - accept), *eer = 0.5 * (reject + accept);
    }
    float t = other[LK_MIN((int64_t)(0.999 * (double)other_n), other_n - 1)];
    int64_t below = 0;
    while (below < same_n && same[below] <= t) below++;
    *limit = t;
    *refused = (double)below / (double)same_n;
}

static lk_status photographs(lk_eval *e, album *a, lk_error *err)
{
    float *same = NULL, *other = NULL;
    int64_t same_n, other_n;
    double eer, limit, refused;
    LK_TRY(take_caltech(e, a, err));
    int caltech = a->count;
    LK_TRY(take_london(e, a, err));
    for (int part = 0; part < 3; part++) {
        album seen = *a;
        int two[2] = {-1, -1};
        if (part == 1) seen.count = caltech;
        if (part == 2) lookalikes(a, two);
        lk_status s = pairs(&seen, two, &same, &same_n, &other, &other_n, err);
        if (s == LK_OK) {
            rates(same, same_n, other, other_n, &eer, &limit, &refused);
            const char *name = part ? "Caltech alone: equal error rate"
                                    : "same person, Caltech + London held-out: equal error rate";
            if (part < 2)
                s = lk_eval_report(e, "identity", name, 100 * eer, "%", part ? "" : "<= 8", same_n + other_n, err);
            else /* how much of the strangers' tail is one pair of people */
                s = lk_eval_report(e, "identity", "true pairs refused at 0.1 %, without the two people most alike",
                                   100 * refused, "%", "", same_n, err);
            if (s == LK_OK && !part)
                s = lk_eval_report(e, "identity", "cosine at 0.1 % false accepts", limit, "", "", other_n,
                                   err);
            if (s == LK_OK && !part)
                s = lk_eval_report(e, "identity", "true pairs refused there", 100 * refused, "%", "", same_n,
                                   err);
        }
        lk_free(same);
        lk_free(other);
        same = other = NULL;
        LK_TRY(s);
    }
    return lk_eval_report(e, "identity", "pictures without a found face", a->missed, "", "0",
                          a->count + a->missed, err);
}

/* Every `step`-th picture of a clip: add its embedding to `sum`, or (gallery given) count whether it finds
 * `actor`. */
static lk_status walk_clip(lk_eval *e, char actor, const char *name, int step, float (*sum)[LK_EMBEDDING],
                           float (*gallery)[LK_EMBEDDING], int64_t *right, int64_t *asked, lk_error *err)
{
    char path[1024];
    lk_reader *r = NULL;
    lk_eval_path(e, path, "actors/actors/%c/%s.mp4", actor, name);
    LK_TRY(lk_reader_open(path, &r, err));
    lk_status s;
    for (;;) {
        lk_frame *f = NULL;
        s = lk_reader_next(r, &f, err);
        if (s != LK_OK) break;
        if (lk_frame_get_info(f).index % step == 0) {
            lk_image rgb = {0};
            float v[LK_EMBEDDING];
            bool found = false;
            s = lk_frame_to_image(f, &rgb, err);
            if (s == LK_OK) s = embed(e, &rgb, v, &found, err);
            lk_image_clear(&rgb);
            if (s == LK_OK && found && sum)
                for (int i = 0; i < LK_EMBEDDING; i++) (*sum)[i] += v[i];
            if (s == LK_OK && found && gallery) {
                int best = 0;
                for (int k = 1; k < ACTORS; k++)
                    if (lk_embedding_cosine(v, gallery[k]) > lk_embedding_cosine(v, gallery[best])) best = k;
                *right += best == actor - 'A';
                ++*asked;
            }
            if (s == LK_OK) s = lk_eval_tick(e, "identity", err);
        }
        lk_frame_unref(&f);
        if (s != LK_OK) break;
    }
    lk_reader_close(&r);
    return s == LK_END ? LK_OK : s;
}

static lk_status actors(lk_eval *e, lk_error *err)
{
    float gallery[ACTORS][LK_EMBEDDING] = {{0}};
    int64_t right = 0, asked = 0;
    for (int k = 0; k < ACTORS; k++) {
        LK_TRY(walk_clip(e, (char)('A' + k), "train", 100, &gallery[k], NULL, NULL, NULL, err));
        double norm = 1e-12;
        for (int i = 0; i < LK_EMBEDDING; i++) norm += (double)gallery[k][i] * gallery[k][i];
        for (int i = 0; i < LK_EMBEDDING; i++) gallery[k][i] /= (float)sqrt(norm);
    }
    for (char actor = 'A'; actor <= 'D'; actor++)
        LK_TRY(walk_clip(e, actor, "perf", 15, NULL, gallery, &right, &asked, err));
    return lk_eval_report(e, "identity", "actors A-D found among six, other room",
                          asked ? 100.0 * (double)right / (double)asked : NAN, "%", "100", asked, err);
}

lk_status lk_eval_identity(lk_eval *e, lk_error *err)
{
    album a = {.all = lk_alloc(PEOPLE_MAX * sizeof *a.all)};
    if (!a.all) return LK_FAIL(err, LK_E_NOMEM, "no memory for the face bench");
    lk_status s = photographs(e, &a, err);
    lk_free(a.all);
    if (s == LK_OK) s = actors(e, err);
    return s == LK_OK ? lk_eval_templates(e, NULL, err) : s;
}
