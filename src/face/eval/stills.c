/* stills.c: detection on photographs, and points on photographs and posed renderings. */
#include "face/eval/parts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- detection: Caltech ------------------------------------------------------------
 * A label is the box of the whole head with hair and some shoulder. A detection (brows to chin) matches when
 * its middle lies inside that box and its height is 25 to 90 % of the box's. Three drawings are not people
 * and are left out. False alarms are counted on the second half of the pictures without people; the first
 * half was trained on. */

#define ALARM_PICTURES 20 /* one false alarm is allowed in so many */
#define FLOOR 0.02f       /* lowest score that is collected */

static int rising(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return x < y ? -1 : x > y;
}

static bool matches(const lk_detection *d, const float head[4])
{
    float x = 0.5f * (d->box.x0 + d->box.x1), y = 0.5f * (d->box.y0 + d->box.y1), h = d->box.y1 - d->box.y0;
    return x > head[0] && y > head[1] && x < head[0] + head[2] && y < head[1] + head[3] && h > 0.25f * head[3]
           && h < 0.9f * head[3];
}

/* What one picture gave: the best matching score (0 when missed), the scores of all detections, and the same
 * question to the whole analyser, in which the points have a say too. */
typedef struct detections {
    float score[64];
    int count;
    float best;
    bool analysed;
    int analysed_count;
} detections;

static lk_status look_at(lk_eval *e, const char *path, const float head[4], detections *out, lk_error *err)
{
    lk_image im = {0};
    lk_detection found[LK_COUNT(out->score)];
    lk_face faces[16];
    int k = 0;
    *out = (detections){0};
    LK_TRY(lk_eval_picture(path, &im, err));
    lk_status s =
        lk_detector_run(e->a->detector, &im, e->a->o.min_face, FLOOR, found, (int)LK_COUNT(found), &k, err);
    for (int i = 0; i < k && s == LK_OK; i++) {
        out->score[out->count++] = found[i].score;
        if (head && matches(&found[i], head)) out->best = fmaxf(out->best, found[i].score);
    }
    if (s == LK_OK) s = lk_analyse_image(e->a, &im, faces, (int)LK_COUNT(faces), &out->analysed_count, err);
    for (int i = 0; i < out->analysed_count && s == LK_OK && head; i++)
        out->analysed |= matches(&(lk_detection){faces[i].box, 1}, head);
    lk_image_clear(&im);
    return s == LK_OK ? lk_eval_tick(e, "detection", err) : s;
}

typedef struct tally { float *face, *alarm; int faces, alarms, pictures, analysed, analysed_alarms; } tally;
enum { FACES_MAX = 1024, ALARMS_MAX = 16384 };

static lk_status people(lk_eval *e, tally *t, lk_error *err)
{
    char path[1024], *line;
    void *text;
    size_t n;
    lk_eval_path(e, path, "faces_caltech/labels.csv");
    LK_TRY(lk_file_read(path, 1 << 20, &text, &n, err));
    char *rest = text;
    lk_status s = LK_OK;
    for (int number = 0; s == LK_OK && (line = strsep(&rest, "\n")) && t->faces < FACES_MAX; number++) {
        char file[64], who[64], picture[1024];
        float head[4];
        detections d;
        if (number == 0 || !*line) continue;
        if (sscanf(line, "%63[^,],%63[^,],%f,%f,%f,%f", file, who, &head[0], &head[1], &head[2], &head[3])
            != 6) {
            s = LK_FAIL(err, LK_E_FORMAT, "line %d of %s is not file,identity,x,y,w,h", number + 1, path);
            break;
        }
        if (!strcmp(who, "drawing")) continue;
        lk_eval_path(e, picture, "faces_caltech/%s", file);
        s = look_at(e, picture, head, &d, err);
        t->face[t->faces++] = d.best;
        t->analysed += d.analysed;
    }
    lk_free(text);
    return s;
}

static lk_status nobody(lk_eval *e, tally *t, lk_error *err)
{
    char folder[1024];
    lk_eval_names names;
    lk_eval_path(e, folder, "noface_caltech");
    LK_TRY(lk_eval_list(folder, ".jpg", &names, err));
    lk_status s = LK_OK;
    for (int i = names.count / 2; i < names.count && s == LK_OK; i++) {
        char picture[1300];
        detections d;
        snprintf(picture, sizeof picture, "%s/%s", folder, names.name[i]);
        s = look_at(e, picture, NULL, &d, err);
        for (int k = 0; k < d.count && t->alarms < ALARMS_MAX; k++) t->alarm[t->alarms++] = d.score[k];
        t->analysed_alarms += d.analysed_count;
        t->pictures++;
    }
    lk_eval_names_free(&names);
    return s;
}

static double share_above(const float *score, int n, float limit)
{
    int k = 0;
    for (int i = 0; i < n; i++) k += score[i] >= limit;
    return n ? 100.0 * k / n : NAN;
}

static lk_status report_detector(lk_eval *e, tally *t, lk_error *err)
{
    qsort(t->alarm, (size_t)t->alarms, sizeof *t->alarm, rising);
    int allowed = t->pictures / ALARM_PICTURES, at_shipped = 0;
    float limit = t->alarms > allowed ? nextafterf(t->alarm[t->alarms - 1 - allowed], 2) : FLOOR;
    float shipped = lk_detector_threshold(e->a->detector);
    for (int i = 0; i < t->alarms; i++) at_shipped += t->alarm[i] >= shipped;
    double pictures = 20.0 / LK_MAX(t->pictures, 1);
    const struct { const char *figure; double value; const char *unit, *target; int64_t n;
    } rows[] = {
        {"recall at 1 false alarm in 20 pictures", share_above(t->face, t->faces, limit), "%", ">= 98",
         t->faces},
        {"score threshold for that", limit, "", "", t->pictures},
        {"score threshold shipped", shipped, "", "", 0},
        {"recall there", share_above(t->face, t->faces, shipped), "%", "", t->faces},
        {"false alarms in 20 pictures there", pictures * at_shipped, "", "", t->pictures},
        {"recall of the whole analyser", 100.0 * t->analysed / LK_MAX(t->faces, 1), "%", ">= 98", t->faces},
        {"false alarms in 20 pictures of it", pictures * t->analysed_alarms, "", "<= 1", t->pictures},
    };
    for (size_t i = 0; i < LK_COUNT(rows); i++)
        LK_TRY(lk_eval_report(e, "detector", rows[i].figure, rows[i].value, rows[i].unit, rows[i].target,
                              rows[i].n, err));
    return LK_OK;
}

lk_status lk_eval_detector(lk_eval *e, lk_error *err)
{
    tally t = {.face = lk_alloc(FACES_MAX * sizeof(float)), .alarm = lk_alloc(ALARMS_MAX * sizeof(float))};
    lk_status s = t.face && t.alarm ? LK_OK : LK_FAIL(err, LK_E_NOMEM, "no memory for the face bench");
    if (s == LK_OK) s = people(e, &t, err);
    if (s == LK_OK) s = nobody(e, &t, err);
    if (s == LK_OK) s = report_detector(e, &t, err);
    lk_free(t.face);
    lk_free(t.alarm);
    return s;
}

/* --- points: London's held-out people, held-out rendered people at all poses ------------ */

static lk_status read_points(const char *path, lk_point lm[LK_LANDMARKS], lk_error *err)
{
    void *text;
    size_t n;
    LK_TRY(lk_file_read(path, 1 << 16, &text, &n, err));
    char *p = text;
    int got = 0;
    for (char *end; got < LK_LANDMARKS; got++, p = end) {
        lm[got].x = strtof(p, &end);
        if (end == p) break;
        p = end;
        lm[got].y = strtof(p, &end);
        if (end == p) break;
    }
    lk_free(text);
    return got == LK_LANDMARKS ? LK_OK : LK_FAIL(err, LK_E_FORMAT, "%s does not hold 68 points", path);
}

/* Error of the face nearest to the truth, NaN when it was not found. */
static lk_status still_error(lk_eval *e, const char *picture, const lk_point *truth, double *error,
                             lk_face *found, lk_error *err)
{
    lk_image im = {0};
    lk_face faces[16];
    int n = 0;
    LK_TRY(lk_eval_picture(picture, &im, err));
    lk_status s = lk_analyse_image(e->a, &im, faces, (int)LK_COUNT(faces), &n, err);
    lk_image_clear(&im);
    LK_TRY(s);
    const lk_face *f = lk_eval_nearest(faces, n, truth);
    *error = f ? lk_eval_point_error(f->lm, truth) : NAN;
    if (f) *found = *f;
    return lk_eval_tick(e, "points", err);
}

static lk_status london(lk_eval *e, lk_error *err)
{
    char path[1024], picture[1024], *line;
    void *text;
    size_t size;
    lk_eval_path(e, path, "faces_london/roles.csv");
    LK_TRY(lk_file_read(path, 1 << 20, &text, &size, err));
    char *rest = text;
    double sum = 0;
    int n = 0, missed = 0;
    lk_status s = LK_OK;
    while (s == LK_OK && (line = strsep(&rest, "\n"))) {
        char id[32], role[32];
        if (sscanf(line, "%31[^,],%31[^,]", id, role) != 2 || strcmp(role, "devtest")) continue;
        lk_point truth[LK_LANDMARKS];
        lk_face f;
        double error = NAN;
        lk_eval_path(e, path, "faces_london/%s_neutral.pts68", id);
        lk_eval_path(e, picture, "faces_london/%s_neutral.jpg", id);
        s = read_points(path, truth, err);
        if (s == LK_OK) s = still_error(e, picture, truth, &error, &f, err);
        if (isnan(error)) missed++;
        else sum += error, n++;
    }
    lk_free(text);
    LK_TRY(s);
    LK_TRY(lk_eval_report(e, "points", "London held-out: error / inter-ocular", n ? 100 * sum / n : NAN, "%",
                          "<= 3.5", n, err));
    return lk_eval_report(e, "points", "London held-out: faces missed", missed, "", "0", n + missed, err);
}

#define BINS 5
static const float bin_from[BINS + 1] = {0, 15, 30, 45, 60, 91};

/* The stills of the three rendered people that training only looked at for validation: few, but to profile.
 */
static lk_status posed(lk_eval *e, lk_error *err)
{
    static const char *const held[] = {"s013", "s027", "s039"};
    char path[1024], picture[1024], *line;
    void *text;
    size_t size;
    lk_eval_path(e, path, "actors/stills/labels.jsonl");
    LK_TRY(lk_file_read(path, 64 << 20, &text, &size, err));
    lk_arena *arena = NULL;
    lk_status s = lk_arena_new(&arena, 1 << 16);
    double sum[BINS] = {0}, turn[BINS] = {0};
    int n[BINS] = {0}, missed[BINS] = {0};
    char *rest = text;
    while (s == LK_OK && (line = strsep(&rest, "\n"))) {
        bool wanted = false;
        for (size_t i = 0; i < LK_COUNT(held); i++) wanted |= strstr(line, held[i]) != NULL;
        if (!wanted) continue;
        lk_json *o;
        lk_arena_clear(arena);
        s = lk_json_parse(line, strlen(line), arena, &o, err);
        const lk_json *lm = s == LK_OK ? lk_json_get(o, "lm") : NULL,
                      *ypr = s == LK_OK ? lk_json_get(o, "ypr") : NULL;
        if (!lm || lm->count != 2 * LK_LANDMARKS || !ypr || !ypr->child) continue;
        lk_point truth[LK_LANDMARKS];
        const lk_json *v = lm->child;
        for (int i = 0; i < LK_LANDMARKS; i++, v = v->next) {
            truth[i].x = (float)v->number;
            v = v->next;
            truth[i].y = (float)v->number;
        }
        float yaw = (float)ypr->child->number;
        int b = 0;
        while (b < BINS - 1 && fabsf(yaw) >= bin_from[b + 1]) b++;
        lk_eval_path(e, picture, "actors/stills/%s", lk_json_string(o, "file", ""));
        double error = NAN;
        lk_face f;
        s = still_error(e, picture, truth, &error, &f, err);
        if (s != LK_OK) break;
        if (isnan(error)) missed[b]++;
        else sum[b] += error, turn[b] += fabsf(f.yaw - yaw), n[b]++;
    }
    lk_arena_free(arena);
    lk_free(text);
    LK_TRY(s);
    for (int b = 0; b < BINS; b++) {
        char figure[96];
        int all = n[b] + missed[b];
        if (!all) continue;
        snprintf(figure, sizeof figure, "rendered stills, yaw %.0f-%.0f: error", bin_from[b],
                 fminf(bin_from[b + 1], 90));
        LK_TRY(lk_eval_report(e, "points", figure, n[b] ? 100 * sum[b] / n[b] : NAN, "%", b < 4 ? "<= 5" : "",
                              n[b], err));
        snprintf(figure, sizeof figure, "rendered stills, yaw %.0f-%.0f: missed", bin_from[b],
                 fminf(bin_from[b + 1], 90));
        LK_TRY(lk_eval_report(e, "points", figure, 100.0 * missed[b] / all, "%", "", all, err));
        snprintf(figure, sizeof figure, "rendered stills, yaw %.0f-%.0f: yaw error", bin_from[b],
                 fminf(bin_from[b + 1], 90));
        LK_TRY(lk_eval_report(e, "points", figure, n[b] ? turn[b] / n[b] : NAN, "deg", "", n[b], err));
    }
    return LK_OK;
}

lk_status lk_eval_points(lk_eval *e, lk_error *err)
{
    LK_TRY(london(e, err));
    return posed(e, err);
}
