/* actors.c: the whole pipeline on the rendered actors A to D, whom no network has
 * seen: points by yaw, pose, steadiness, blinks and speech after smoothing.
 */
#include "face/eval/parts.h"
#include "face/labels.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define BINS 4
static const float bin_from[BINS + 1] = {0, 15, 30, 45, 91};
#define BLINK 0.45 /* of the clip's mean eye opening: a lower local minimum is a blink */

typedef struct sums {
    double error[BINS], turn[3], jitter, truth_jitter, blink, mouth;
    int64_t n[BINS], turns, jitters, blinks, mouths, frames, missed, tracks, clips;
} sums;

static double gap(const lk_point *lm, int a, int b) { return hypot(lm[a].x - lm[b].x, lm[a].y - lm[b].y); }

/* Eye aspect ratio (Soukupova and Cech 2016), mean of both eyes. */
static double eye_opening(const lk_point *lm)
{
    double right = (gap(lm, 37, 41) + gap(lm, 38, 40)) / fmax(2 * gap(lm, 36, 39), 1e-6);
    double left = (gap(lm, 43, 47) + gap(lm, 44, 46)) / fmax(2 * gap(lm, 42, 45), 1e-6);
    return 0.5 * (right + left);
}

static double mouth_opening(const lk_point *lm) { return gap(lm, 62, 66) / fmax(gap(lm, 36, 45), 1e-6); }

static double correlation(const double *a, const double *b, int n)
{
    double ma = 0, mb = 0, aa = 0, bb = 0, ab = 0;
    for (int i = 0; i < n; i++) ma += a[i] / n, mb += b[i] / n;
    for (int i = 0; i < n; i++)
        aa += (a[i] - ma) * (a[i] - ma), bb += (b[i] - mb) * (b[i] - mb), ab += (a[i] - ma) * (b[i] - mb);
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : NAN;
}

/* Mean square of the second difference of all points, over the outer-eye distance. */
static double tremble(const lk_point *a, const lk_point *b, const lk_point *c, double unit)
{
    double sum = 0;
    for (int i = 0; i < LK_LANDMARKS; i++) {
        double x = a[i].x - 2 * b[i].x + c[i].x, y = a[i].y - 2 * b[i].y + c[i].y;
        sum += x * x + y * y;
    }
    return sum / LK_LANDMARKS / (unit * unit);
}

/* Pictures where the face was followed from start to end: pointers into the clip, NULL where it was missed.
 */
static void pair_up(const lk_face_clip *clip, const lk_labels *truth, const lk_face **got, int n)
{
    for (int i = 0; i < n; i++)
        got[i] = lk_eval_nearest(clip->frames[i].faces, clip->frames[i].count, truth->frames[i].lm);
}

/* Depth that a blink keeps, against the truth's. */
static void add_blinks(const lk_face **got, const lk_labels *truth, int n, sums *s)
{
    double open = 0, open_got = 0;
    int seen = 0;
    for (int i = 0; i < n; i++)
        if (got[i]) open += eye_opening(truth->frames[i].lm), open_got += eye_opening(got[i]->lm), seen++;
    if (seen < 10) return;
    open /= seen;
    open_got /= seen;
    for (int i = 2; i + 2 < n; i++) {
        double here = eye_opening(truth->frames[i].lm), least = INFINITY;
        bool lowest = here < BLINK * open, whole = true;
        for (int d = -2; d <= 2; d++) {
            double other = eye_opening(truth->frames[i + d].lm);
            lowest &= d == 1 ? here < other : here <= other; /* of two equal ones, the second */
            whole &= got[i + d] != NULL;
            if (got[i + d] && d >= -1 && d <= 1) least = fmin(least, eye_opening(got[i + d]->lm));
        }
        if (!lowest || !whole) continue;
        s->blink += (open_got - least) / (open - here);
        s->blinks++;
    }
}

static lk_status one_clip(lk_eval *e, char actor, const char *name, sums *s, lk_error *err)
{
    char path[1024], labels[1024];
    lk_face_clip clip;
    lk_labels truth;
    lk_eval_path(e, path, "actors/actors/%c/%s.mp4", actor, name);
    lk_eval_path(e, labels, "actors/actors/%c/%s.jsonl.gz", actor, name);
    LK_TRY(lk_labels_read(labels, &truth, err));
    lk_status st = lk_analyse_clip(e->a, path, &clip, e->o->cancel, NULL, err);
    int n = 0;
    const lk_face **got = NULL;
    double *mt = NULL, *mg = NULL;
    if (st == LK_OK) {
        n = (int)LK_MIN((int64_t)truth.count, clip.count);
        got = lk_calloc((size_t)n + 1, sizeof *got);
        mt = lk_calloc((size_t)n + 1, sizeof *mt);
        mg = lk_calloc((size_t)n + 1, sizeof *mg);
        if (!got || !mt || !mg) st = LK_FAIL(err, LK_E_NOMEM, "no memory for the face bench");
    }
    if (st == LK_OK) {
        int m = 0;
        pair_up(&clip, &truth, got, n);
        for (int i = 0; i < n; i++) {
            const lk_label_frame *t = &truth.frames[i];
            s->frames++;
            if (!got[i]) {
                s->missed++;
                continue;
            }
            int b = 0;
            while (b < BINS - 1 && fabsf(t->yaw) >= bin_from[b + 1]) b++;
            s->error[b] += lk_eval_point_error(got[i]->lm, t->lm);
            s->n[b]++;
            s->turn[0] += fabsf(got[i]->yaw - t->yaw);
            s->turn[1] += fabsf(got[i]->pitch - t->pitch);
            s->turn[2] += fabsf(got[i]->roll - t->roll);
            s->turns++;
            mt[m] = mouth_opening(t->lm);
            mg[m++] = mouth_opening(got[i]->lm);
            if (i < 1 || i + 1 >= n || !got[i - 1] || !got[i + 1]) continue;
            double unit = lk_face_interocular(t->lm);
            s->jitter += tremble(got[i - 1]->lm, got[i]->lm, got[i + 1]->lm, unit);
            s->truth_jitter += tremble(t[-1].lm, t->lm, t[1].lm, unit);
            s->jitters++;
        }
        double r = m > 10 ? correlation(mt, mg, m) : NAN;
        if (!isnan(r)) s->mouth += r, s->mouths++;
        add_blinks(got, &truth, n, s);
        s->tracks += clip.tracks;
        s->clips++;
        st = lk_eval_tick(e, path, err);
    }
    lk_face_clip_clear(&clip);
    lk_free(got);
    lk_free(mt);
    lk_free(mg);
    lk_labels_clear(&truth);
    return st;
}

static lk_status report(lk_eval *e, const char *clips, const sums *s, lk_error *err)
{
    char figure[96];
    double all = 0;
    int64_t seen = 0;
    for (int b = 0; b < BINS; b++) {
        all += s->error[b];
        seen += s->n[b];
        if (!s->n[b]) continue;
        snprintf(figure, sizeof figure, "%s, yaw %.0f-%.0f: error", clips, bin_from[b],
                 fminf(bin_from[b + 1], 90));
        LK_TRY(lk_eval_report(e, "actors", figure, 100 * s->error[b] / (double)s->n[b], "%", "<= 5", s->n[b],
                              err));
    }
    struct { const char *figure; double value; const char *unit, *target; int64_t n;
    } rows[] = {
        {"error / inter-ocular", seen ? 100 * all / (double)seen : NAN, "%", "<= 5", seen},
        {"frames missed", s->frames ? 100.0 * (double)s->missed / (double)s->frames : NAN, "%", "",
         s->frames},
        {"tracks a clip", s->clips ? (double)s->tracks / (double)s->clips : NAN, "", "1", s->clips},
        {"yaw error", s->turns ? s->turn[0] / (double)s->turns : NAN, "deg", "", s->turns},
        {"pitch error", s->turns ? s->turn[1] / (double)s->turns : NAN, "deg", "", s->turns},
        {"roll error", s->turns ? s->turn[2] / (double)s->turns : NAN, "deg", "", s->turns},
        {"second difference / truth's", s->jitters ? sqrt(s->jitter / s->truth_jitter) : NAN, "", "<= 1.15",
         s->jitters},
        {"blink depth kept", s->blinks ? 100 * s->blink / (double)s->blinks : NAN, "%", ">= 95", s->blinks},
        {"mouth opening correlation", s->mouths ? s->mouth / (double)s->mouths : NAN, "", ">= 0.95",
         s->mouths},
    };
    for (size_t i = 0; i < LK_COUNT(rows); i++) {
        snprintf(figure, sizeof figure, "%s: %s", clips, rows[i].figure);
        LK_TRY(
            lk_eval_report(e, "actors", figure, rows[i].value, rows[i].unit, rows[i].target, rows[i].n, err));
    }
    return LK_OK;
}

lk_status lk_eval_actors(lk_eval *e, lk_error *err)
{
    static const char *const names[] = {"perf", "train"};
    for (size_t k = 0; k < LK_COUNT(names); k++) {
        sums s = {0};
        for (char actor = 'A'; actor <= 'D'; actor++) LK_TRY(one_clip(e, actor, names[k], &s, err));
        LK_TRY(report(e, names[k], &s, err));
    }
    return LK_OK;
}
