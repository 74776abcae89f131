/* motion.c: does the light of two clips move together, and where?
 *
 * A clip's motion is how the mean luma of 8 x 8 cells changes over three eighths of a second, less the mean change of
 * some seconds: the scene itself, its brightness and any logo count for nothing. Both clips' are correlated over all
 * cells and moments of a window. Copies stay near one through scaling, cropping and recoding; two takes of one
 * person in one place give what chance gives. Every offset that the looks allow is tried, then speeds other than one.
 */
#include "mark/copies/align.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RATE COPIES_MOTION_RATE
#define CELLS COPIES_CELLS

enum {
    WINDOW = 4 * RATE, /* samples that are correlated at once; a shorter query is one window */
    LEAST = RATE,      /* and fewer than a second say nothing */
    STEP = 3,          /* samples over which change is taken */
    AROUND = 2 * RATE  /* samples before and after that say what is usual */
};
#define STILL_LEVEL 0.08    /* deviation of steps, in code values, under which a window holds coding noise only */
#define CUT_LEAST 4.0f      /* mean step of all cells, in code values, that may be a cut ... */
#define CUT_TIMES 4.0f      /* ... when it is so many times the median of the steps around it */
#define WINDOW_R 0.4        /* a window that agrees at least so well may belong to a copy */
#define AGREED 0.93         /* correlation that needs no other speed */
#define OTHER_SPEED 0.04    /* what another speed must be better by */
#define TURN_LENGTH 5       /* seconds that must agree for the speed to be told finely */
#define SPEED_LENGTH 2.5    /* seconds a clip needs for its speed to be told */
#define WORK 400000         /* windows x offsets that are tried before windows are thinned out */

/* A clip's motion at RATE, turned and run at another speed. Sample k is second begin + k / RATE. */
typedef struct track {
    int n;
    double begin;
    float *v;      /* n x CELLS, code values */
    float *energy; /* of each window of `window` samples: sum of squares about the cells' means */
    int window;
} track;

static void track_clear(track *t)
{
    lk_free(t->v);
    lk_free(t->energy);
    *t = (track){0};
}

/* Where the cell (y, x) of the picture in a view lies in the picture as it is. */
static int turned_cell(int view, int y, int x)
{
    int e = COPIES_GRID - 1;
    switch (view) {
    case 1: return (e - x) * COPIES_GRID + y;
    case 2: return (e - y) * COPIES_GRID + e - x;
    case 3: return x * COPIES_GRID + e - y;
    case 4: return y * COPIES_GRID + e - x;
    case 5: return (e - y) * COPIES_GRID + x;
    case 6: return x * COPIES_GRID + y;
    case 7: return (e - x) * COPIES_GRID + e - y;
    default: return y * COPIES_GRID + x;
    }
}

/* Where a cell's mean is taken from: four cells about the place that it has in the inner part that is left. */
typedef struct tap {
    int cell[4];
    float weight[4];
} tap;

static void taps_make(int view, double inner, tap out[CELLS])
{
    for (int i = 0; i < CELLS; i++) {
        double place[2] = {(double)(i / COPIES_GRID), (double)(i % COPIES_GRID)};
        int low[2];
        float part[2];
        for (int k = 0; k < 2; k++) {
            double middle = (COPIES_GRID - 1) / 2.0, at = middle + (place[k] - middle) * inner;
            low[k] = LK_CLAMP((int)at, 0, COPIES_GRID - 2);
            part[k] = (float)(at - low[k]);
        }
        for (int k = 0; k < 4; k++) {
            int y = low[0] + k / 2, x = low[1] + k % 2;
            out[i].cell[k] = turned_cell(view, y, x);
            out[i].weight[k] = (k / 2 ? part[0] : 1 - part[0]) * (k % 2 ? part[1] : 1 - part[1]);
        }
    }
}

/* How each cell changed over STEP samples. Slow drifts, in which any two clips of three seconds agree by chance, lose
 * their weight: two takes of a speaker then correlate by 0.4 in the median where the cells themselves do by 0.5. */
static void steps(track *t)
{
    t->n = LK_MAX(t->n - STEP, 0);
    for (size_t i = 0; i < (size_t)t->n * CELLS; i++) t->v[i] = t->v[i + STEP * CELLS] - t->v[i];
}

static int by_size(const void *a, const void *b) { return (*(const float *)a > *(const float *)b) - (*(const float *)a < *(const float *)b); }

/* A cut outweighs all that moves beside it, and is left out: a step that is far larger than the usual one of its seconds. */
static lk_status drop_cuts(track *t, lk_error *err)
{
    float *size = lk_alloc((size_t)LK_MAX(t->n, 1) * sizeof *size), near[2 * AROUND + 1];
    if (!size) return copies_no_memory(err, "comparing clips");
    for (int k = 0; k < t->n; k++) {
        size[k] = 0;
        for (int i = 0; i < CELLS; i++) size[k] += fabsf(t->v[(size_t)k * CELLS + i]) / CELLS;
    }
    for (int k = 0; k < t->n; k++) {
        int from = LK_MAX(k - AROUND, 0), n = LK_MIN(k + AROUND, t->n - 1) - from + 1;
        if (size[k] < CUT_LEAST) continue;
        memcpy(near, size + from, (size_t)n * sizeof *near);
        qsort(near, (size_t)n, sizeof *near, by_size);
        if (size[k] > CUT_TIMES * near[n / 2]) memset(t->v + (size_t)k * CELLS, 0, CELLS * sizeof *t->v);
    }
    lk_free(size);
    return LK_OK;
}

/* Cells of a crop are never quite those of the whole: what is finer than two of them is left out. */
static void blur(track *t)
{
    enum { G = COPIES_GRID };
    for (int k = 0; k < t->n; k++) {
        float *p = t->v + (size_t)k * CELLS, row[CELLS];
        for (int i = 0; i < CELLS; i++) {
            int x = i % G;
            row[i] = 0.5f * p[i] + 0.25f * (p[x ? i - 1 : i] + p[x < G - 1 ? i + 1 : i]);
        }
        for (int i = 0; i < CELLS; i++)
            p[i] = 0.5f * row[i] + 0.25f * (row[i >= G ? i - G : i] + row[i < CELLS - G ? i + G : i]);
    }
}

/* speed: second t of the clip becomes second speed * t of the track. inner: of the picture, what is looked at. */
static lk_status track_make(const copies_motion *m, int count, int view, double inner, bool blurred, double speed, track *out, lk_error *err)
{
    *out = (track){0};
    if (count < 2) return LK_OK;
    /* On the grid of whole samples, so that the offset of two tracks is a whole number. */
    double first = ceil(m[0].seconds * speed * RATE - 0.5), last = floor(m[count - 1].seconds * speed * RATE + 0.5);
    int n = (int)(last - first) + 1;
    tap taps[CELLS];
    if (n < 1) return LK_OK;
    out->v = lk_alloc((size_t)n * CELLS * sizeof *out->v);
    if (!out->v) return copies_no_memory(err, "comparing clips");
    out->n = n;
    out->begin = first / RATE;
    taps_make(view, inner, taps);
    for (int k = 0, j = 0; k < n; k++) {
        double t = (first + k) / (speed * RATE);
        while (j + 2 < count && m[j + 1].seconds < t) j++;
        double gap = m[j + 1].seconds - m[j].seconds;
        float b = (float)LK_CLAMP(gap > 0 ? (t - m[j].seconds) / gap : 0, 0.0, 1.0) / 256, a = 1.0f / 256 - b;
        for (int i = 0; i < CELLS; i++) {
            float v = 0;
            for (int c = 0; c < 4; c++)
                v += taps[i].weight[c] * (a * m[j].cell[taps[i].cell[c]] + b * m[j + 1].cell[taps[i].cell[c]]);
            out->v[(size_t)k * CELLS + i] = v;
        }
    }
    steps(out);
    lk_status s = drop_cuts(out, err);
    if (s == LK_OK && blurred) blur(out);
    if (s != LK_OK) track_clear(out);
    return s;
}

static lk_status track_energy(track *t, int w, lk_error *err)
{
    double sum[CELLS] = {0}, square[CELLS] = {0};
    if (t->window == w) return LK_OK;
    lk_free(t->energy);
    t->window = 0;
    t->energy = lk_alloc((size_t)LK_MAX(t->n - w + 1, 1) * sizeof *t->energy);
    if (!t->energy) return copies_no_memory(err, "comparing clips");
    for (int k = 0; k < t->n; k++) {
        const float *v = t->v + (size_t)k * CELLS, *old = k >= w ? v - (size_t)w * CELLS : NULL;
        double e = 0;
        for (int i = 0; i < CELLS; i++) {
            sum[i] += v[i] - (old ? old[i] : 0);
            square[i] += (double)v[i] * v[i] - (old ? (double)old[i] * old[i] : 0);
            e += square[i] - sum[i] * sum[i] / w;
        }
        if (k >= w - 1) t->energy[k - w + 1] = (float)LK_MAX(e, 0.0);
    }
    t->window = w;
    return LK_OK;
}

/* A window without its cells' means. */
static void centre(const float *v, int w, float *out)
{
    float mean[CELLS] = {0};
    for (int k = 0; k < w; k++)
        for (int i = 0; i < CELLS; i++) mean[i] += v[(size_t)k * CELLS + i];
    for (int k = 0; k < w; k++)
        for (int i = 0; i < CELLS; i++) out[(size_t)k * CELLS + i] = v[(size_t)k * CELLS + i] - mean[i] / (float)w;
}

static COPIES_CLONES float dot(const float *a, const float *b, int n)
{
    float sum[16] = {0}, s = 0;
    for (int k = 0; k < n; k += 16)
        for (int i = 0; i < 16; i++) sum[i] += a[k + i] * b[k + i];
    for (int i = 0; i < 16; i++) s += sum[i];
    return s;
}

static float floor_energy(int w) { return (float)(STILL_LEVEL * STILL_LEVEL * CELLS) * (float)w; }

/* The windows of a query that move, each centred, side by side. */
typedef struct windows {
    int w, count, step;
    int *from;
    float *energy, *v;
} windows;

static void windows_clear(windows *x)
{
    lk_free(x->from);
    lk_free(x->energy);
    lk_free(x->v);
    *x = (windows){0};
}

static lk_status windows_make(track *q, int most, windows *out, lk_error *err)
{
    int w = LK_MIN(q->n, WINDOW);
    *out = (windows){.w = w, .step = LK_MAX(w / 4, 1)};
    if (w < LEAST) return LK_OK;
    LK_TRY(track_energy(q, w, err));
    int places = (q->n - w + out->step - 1) / out->step + 1, moving = 0; /* the last one ends where the query does */
    for (int i = 0; i < places; i++) moving += q->energy[LK_MIN(i * out->step, q->n - w)] >= floor_energy(w);
    int keep = LK_MIN(moving, most);
    if (!keep) return LK_OK;
    out->from = lk_alloc((size_t)keep * sizeof *out->from);
    out->energy = lk_alloc((size_t)keep * sizeof *out->energy);
    out->v = lk_alloc((size_t)keep * w * CELLS * sizeof *out->v);
    if (!out->from || !out->energy || !out->v) {
        windows_clear(out);
        return copies_no_memory(err, "comparing clips");
    }
    for (int i = 0, seen = 0; i < places && out->count < keep; i++) {
        int from = LK_MIN(i * out->step, q->n - w);
        if (q->energy[from] < floor_energy(w)) continue;
        if ((int64_t)seen++ * keep / moving < out->count) continue; /* evenly thinned */
        out->from[out->count] = from;
        out->energy[out->count] = q->energy[from];
        centre(q->v + (size_t)from * CELLS, w, out->v + (size_t)out->count++ * w * CELLS);
    }
    return LK_OK;
}

/* The sum of how far each window's correlation is above chance, with the query's sample 0 at the entry's sample `place`. */
static float score_at(const windows *x, const track *e, int place)
{
    float sum = 0, least = floor_energy(x->w);
    for (int i = 0; i < x->count; i++) {
        int at = place + x->from[i];
        if (at < 0 || at + x->w > e->n) continue;
        float norm = sqrtf(x->energy[i] * LK_MAX(e->energy[at], least));
        float r = dot(x->v + (size_t)i * x->w * CELLS, e->v + (size_t)at * CELLS, x->w * CELLS) / norm;
        sum += LK_MAX(r - WINDOW_R / 2, 0.0f);
    }
    return sum;
}

/* The query: what is compared of it, and turned how. */
typedef struct clip {
    const copies_motion *motion;
    int count, view;
    double inner;
    bool blurred;
} clip;

typedef struct candidate {
    double offset;
    float score; /* a window's mean */
    bool compared;
} candidate;

static lk_status try_speed(const clip *query, track *e, const copies_pair *pairs, int pair_count,
                           double speed, candidate *best, lk_error *err)
{
    track q = {0};
    windows x = {0};
    copies_votes votes = {0};
    lk_status s;
    LK_GOTO(done, track_make(query->motion, query->count, query->view, query->inner, query->blurred, speed, &q, err));
    LK_GOTO(done, copies_vote(pairs, pair_count, speed, &votes, err));
    int tried = 0;
    for (int k = 0; k < votes.count; k++) tried += votes.weight[k] >= votes.best / 2;
    LK_GOTO(done, windows_make(&q, LK_MAX(WORK / LK_MAX(tried, 1), 8), &x, err));
    if (!x.count) goto done;
    LK_GOTO(done, track_energy(e, x.w, err));
    best->compared = true;
    int shift = (int)lrint((q.begin - e->begin) * RATE);
    for (int k = 0; k < votes.count; k++) {
        if (votes.weight[k] < votes.best / 2) continue;
        float score = score_at(&x, e, votes.first + k + shift) / (float)x.count;
        if (score <= best->score) continue;
        best->score = score;
        best->offset = (double)(votes.first + k) / RATE;
    }
done:
    copies_votes_clear(&votes);
    windows_clear(&x);
    track_clear(&q);
    return s;
}

/* --- the fine alignment ----------------------------------------------------------------------------------------- */

/* w samples of the entry that lie beside the query's from `from` on; false when it does not reach so far. */
static bool beside(const track *q, int from, int w, const track *e, double speed, double offset, float *out)
{
    for (int k = 0; k < w; k++) {
        double at = ((q->begin + (double)(from + k) / RATE) * speed + offset - e->begin) * RATE;
        if (at < -0.75 || at > e->n - 1 + 0.75) return false;
        at = LK_CLAMP(at, 0.0, (double)(e->n - 1));
        int i = LK_MIN((int)at, LK_MAX(e->n - 2, 0));
        float b = (float)(at - i), a = 1 - b;
        const float *p = e->v + (size_t)i * CELLS, *next = e->n > 1 ? p + CELLS : p;
        for (int c = 0; c < CELLS; c++) out[(size_t)k * CELLS + c] = a * p[c] + b * next[c];
    }
    return true;
}

typedef struct sums {
    double xy, xx, yy;
} sums;

static bool window_sums(const windows *x, int i, const track *q, const track *e, double speed, double offset, float *work, sums *out)
{
    const float *v = x->v + (size_t)i * x->w * CELLS;
    if (!beside(q, x->from[i], x->w, e, speed, offset, work)) return false;
    centre(work, x->w, work);
    *out = (sums){dot(v, work, x->w * CELLS), x->energy[i], dot(work, work, x->w * CELLS)};
    out->yy = LK_MAX(out->yy, (double)floor_energy(x->w));
    return true;
}

static double r_of(sums s) { return s.xx > 0 && s.yy > 0 ? s.xy / sqrt(s.xx * s.yy) : 0; }

static double fine_score(const windows *x, const track *q, const track *e, double speed, double offset, float *work)
{
    double sum = 0;
    for (int i = 0; i < x->count; i++) {
        sums s;
        if (window_sums(x, i, q, e, speed, offset, work, &s)) sum += LK_MAX(r_of(s) - WINDOW_R / 2, 0.0);
    }
    return sum;
}

/* Only windows that already agree can tell the alignment exactly: the rest may belong to something else. */
static void keep_agreeing(windows *x, const track *q, const track *e, double speed, double offset, float *work)
{
    int kept = 0;
    for (int i = 0; i < x->count; i++) {
        sums s;
        if (!window_sums(x, i, q, e, speed, offset, work, &s) || r_of(s) < WINDOW_R) continue;
        if (kept != i) memcpy(x->v + (size_t)kept * x->w * CELLS, x->v + (size_t)i * x->w * CELLS, (size_t)x->w * CELLS * sizeof *x->v);
        x->from[kept] = x->from[i];
        x->energy[kept++] = x->energy[i];
    }
    x->count = kept;
}

/* Hill climbing on offset and speed in steps that halve; turning the line about the middle keeps the two apart. In a few
 * seconds any speed fits a little better than the true one, so there the speed stays. */
static void refine(const windows *x, const track *q, const track *e, double *speed, double *offset, float *work)
{
    if (!x->count) return;
    double from = q->begin + (double)x->from[0] / RATE, to = q->begin + (double)(x->from[x->count - 1] + x->w) / RATE;
    double middle = (from + to) / 2, length = to - from, best = fine_score(x, q, e, *speed, *offset, work);
    int ways = length >= TURN_LENGTH ? 4 : 2;
    for (double step = 0.5 / RATE; step > 0.01; step /= 2)
        for (int round = 0; round < 6; round++) {
            bool better = false;
            for (int way = 0; way < ways; way++) {
                double turn = way < 2 ? 0 : (way == 2 ? 1 : -1) * 2 * step / length, shift = way == 0 ? step : way == 1 ? -step : 0;
                double s = *speed + turn, o = *offset + shift - turn * middle, score = fine_score(x, q, e, s, o, work);
                if (score <= best) continue;
                best = score;
                *speed = s;
                *offset = o;
                better = true;
            }
            if (!better) break;
        }
}

/* Does the second of the query from `from` on agree? What does not move does not disagree. */
static bool second_agrees(const track *q, const track *e, const motion_fit *f, int from, float *work)
{
    float mine[RATE * CELLS], least = floor_energy(RATE);
    if (!beside(q, from, RATE, e, f->speed, f->offset, work)) return false;
    centre(q->v + (size_t)from * CELLS, RATE, mine);
    centre(work, RATE, work);
    sums s = {dot(mine, work, RATE * CELLS), dot(mine, mine, RATE * CELLS), dot(work, work, RATE * CELLS)};
    return LK_MAX(s.xx, s.yy) < least || s.xy / sqrt(LK_MAX(s.xx, (double)least) * LK_MAX(s.yy, (double)least)) >= WINDOW_R;
}

/* The longest run of windows that agree; what does not move, and a second or two in doubt, do not end it. */
static void measure(const windows *x, const track *q, const track *e, motion_fit *f, float *work)
{
    sums all = {0}, run = {0};
    double best = 0;
    int begin = -1, end = 0, lost = 0, agreeing = 0;
    for (int i = 0; i <= x->count; i++) {
        sums s = {0};
        bool there = i < x->count && window_sums(x, i, q, e, f->speed, f->offset, work, &s);
        if (there) all = (sums){all.xy + s.xy, all.xx + s.xx, all.yy + s.yy};
        if (there && r_of(s) >= WINDOW_R) {
            if (begin < 0) {
                begin = x->from[i];
                run = (sums){0};
                agreeing = 0;
            }
            lost = 0;
            end = x->from[i] + x->w;
            run = (sums){run.xy + s.xy, run.xx + s.xx, run.yy + s.yy};
            agreeing++;
        } else if (begin >= 0 && (++lost > 4 || i == x->count)) {
            double seconds = (x->w + (agreeing - 1) * x->step) / (double)RATE;
            if (seconds > best) {
                best = seconds;
                f->begin = q->begin + (double)begin / RATE;
                f->end = q->begin + (double)(end + STEP) / RATE;
                f->seconds = seconds;
                f->r = r_of(run);
            }
            begin = -1;
            lost = 0;
        }
    }
    if (!best) {
        f->r = r_of(all);
        return;
    }
    /* A window agrees when most of it does: its ends are looked at second by second. */
    begin = (int)lrint((f->begin - q->begin) * RATE);
    end = (int)lrint((f->end - q->begin) * RATE) - STEP;
    while (end - begin > RATE && !second_agrees(q, e, f, begin, work)) begin++;
    while (end - begin > RATE && !second_agrees(q, e, f, end - RATE, work)) end--;
    f->begin = q->begin + (double)begin / RATE;
    f->end = q->begin + (double)(end + STEP) / RATE; /* what a step begins is seen where it ends */
}

static lk_status fine(const clip *query, track *e, const candidate *c, double speed, motion_fit *f, lk_error *err)
{
    enum { MOST = 64 }; /* windows to refine on: two minutes */
    track q = {0};
    windows some = {0}, all = {0};
    float *work = lk_alloc((size_t)WINDOW * CELLS * sizeof *work);
    lk_status s = work ? LK_OK : copies_no_memory(err, "comparing clips");
    if (s == LK_OK) s = track_make(query->motion, query->count, query->view, query->inner, query->blurred, 1, &q, err);
    if (s == LK_OK) s = windows_make(&q, MOST, &some, err);
    if (s == LK_OK) s = windows_make(&q, INT32_MAX, &all, err);
    if (s == LK_OK && all.count) {
        f->compared = true;
        f->speed = speed;
        f->offset = c->offset;
        keep_agreeing(&some, &q, e, f->speed, f->offset, work);
        refine(&some, &q, e, &f->speed, &f->offset, work);
        measure(&all, &q, e, f, work);
    }
    lk_free(work);
    windows_clear(&all);
    windows_clear(&some);
    track_clear(&q);
    return s;
}

/* How much speaks for a fit: correlation over long runs. */
static double weight(const motion_fit *f) { return f->r * f->seconds / (f->seconds + 1); }

lk_status motion_align(const copies_motion *query, int query_count, int view, double zoom, const copies_motion *entry, int entry_count,
                       const copies_pair *pairs, int pair_count, motion_fit *out, lk_error *err)
{
    static const double speeds[] = {1, 0.96, 1.04, 0.92, 1.08, 0.88, 1.12, 0.84, 1.16, 0.8, 1.2, 1.25};
    track e = {0};
    clip q = {query, query_count, view, LK_MIN(1 / zoom, 1.0), fabs(zoom - 1) > 0.02};
    double length = query_count ? query[query_count - 1].seconds - query[0].seconds : 0;
    *out = (motion_fit){.speed = 1};
    lk_status s = track_make(entry, entry_count, 0, LK_MIN(zoom, 1.0), q.blurred, 1, &e, err);
    for (size_t i = 0; i < LK_COUNT(speeds) && s == LK_OK && e.n >= LEAST; i++) {
        candidate c = {0};
        motion_fit f = {.speed = speeds[i]};
        s = try_speed(&q, &e, pairs, pair_count, speeds[i], &c, err);
        if (s == LK_OK && c.compared) s = fine(&q, &e, &c, speeds[i], &f, err);
        if (s == LK_OK && (!i || weight(&f) > weight(out) + OTHER_SPEED)) *out = f;
        /* In too short a clip any speed fits something; where it runs along at its own speed no other need be tried. */
        if (!i && (length < SPEED_LENGTH || !f.compared || (f.r >= AGREED && f.seconds > 0))) break;
    }
    track_clear(&e);
    return s;
}

/* Measured on sentences of one speaker before one wall (docs/REGISTRY.md): chance reaches 0.66 in clips of three seconds,
 * and falls with length. The nearer the looks, the less it takes. */
bool motion_is_copy(const motion_fit *f, double distance)
{
    double need = f->seconds >= 8 ? 0.5 : f->seconds >= 4 ? 0.58 : 0.68;
    if (fabs(f->speed - 1) > 0.02) need += 0.06; /* more was tried, so more can agree by chance */
    return f->compared && f->seconds >= 1 && f->r - 0.01 * (distance - 8) >= need;
}
