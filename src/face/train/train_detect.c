/* Training of face-detect on canvases made up as needed: photographs as they are,
 * heads cut out with a soft edge onto pictures without people, several sizes at
 * once, and pictures without any face. Focal loss on the score (Lin et al. 2017),
 * Huber on the box, as in CenterNet-like detectors.
 */
#include <math.h>
#include <string.h>

#include "face/train/task.h"

#define D 256          /* canvas side */
#define FACES 6
#define LABELS (FACES * 5) /* x0 y0 x1 y1 and what to do with it */
enum { NOTHING = 0, FIND = 1, IGNORE = 2 };
#define SMALLEST 17.0f /* px, box height that is asked for */
#define LARGEST 215.0f
#define BOX_WEIGHT 1.0f
#define HUBER 0.1f
#define PRIOR_LOGIT (-4.0f)

static const struct {
    const char *name;
    float stride;
} levels[LK_DETECT_LEVELS] = {{"p8", 8}, {"p16", 16}, {"p32", 32}};

static lk_rect mapped_box(const lk_example *e, lk_affine m)
{
    lk_point lm[LK_LANDMARKS];
    for (int i = 0; i < LK_LANDMARKS; i++) lk_affine_apply(m, e->lm[i].x, e->lm[i].y, &lm[i].x, &lm[i].y);
    return lk_face_box(lm);
}

/* Picture -> canvas: the face gets a random size, tilt and place. */
static lk_affine place(const lk_example *e, float smallest, float largest, lk_rng *r)
{
    lk_rect b = lk_face_box(e->lm);
    float size = smallest * powf(largest / smallest, lk_rng_uniform(r));
    float zoom = size / (b.y1 - b.y0), stretch = lk_rng_range(r, 0.92f, 1.09f);
    float tilt = lk_rng_uniform(r) < 0.4f ? lk_rng_range(r, -32, 32) : lk_rng_range(r, -8, 8);
    float cx = (b.x0 + b.x1) * 0.5f, cy = (b.y0 + b.y1) * 0.5f;
    float edge = fminf(size * 0.35f, D * 0.4f);
    lk_affine m = lk_affine_about(0, 0, tilt, zoom * stretch, zoom / stretch, 0);
    m = lk_affine_mul(m, lk_affine_shift(-cx, -cy));
    m = lk_affine_mul(lk_affine_shift(lk_rng_range(r, edge, D - edge), lk_rng_range(r, edge, D - edge)), m);
    if (lk_rng_uniform(r) < 0.5f) m = lk_affine_mul(lk_affine_mirror(D), m);
    return m;
}

static void background(const lk_face_job *job, bool held, float *x, lk_rng *r)
{
    const lk_example *e = lk_face_job_pick(job, LK_SOURCE_NOFACE, held, r);
    if (e->has_lm || lk_rng_uniform(r) < 0.08f) { /* flat, padding-grey now and then */
        bool grey = lk_rng_uniform(r) < 0.4f;
        float colour[3] = {grey ? 0.5f : lk_rng_uniform(r), grey ? 0.5f : lk_rng_uniform(r),
                           grey ? 0.5f : lk_rng_uniform(r)};
        for (int i = 0; i < D * D * 3; i++) x[i] = colour[i % 3];
        return;
    }
    float cover = (float)D / LK_MIN(e->pic.w, e->pic.h), zoom = cover * expf(lk_rng_range(r, -0.2f, 0.9f));
    lk_affine m = lk_affine_about(D * 0.5f, D * 0.5f, lk_rng_range(r, -10, 10), zoom, zoom, 0);
    m = lk_affine_mul(m, lk_affine_shift(D * 0.5f - lk_rng_range(r, 0.2f, 0.8f) * e->pic.w,
                                         D * 0.5f - lk_rng_range(r, 0.2f, 0.8f) * e->pic.h));
    if (lk_rng_uniform(r) < 0.5f) m = lk_affine_mul(lk_affine_mirror(D), m);
    lk_pic_sample(&e->pic, lk_affine_invert(m), true, x, D, D);
}

/* Only the head, within a soft ellipse that takes more or less hair and neck along. */
static void paste_head(const lk_example *e, lk_affine m, float *x, float *scratch, lk_rng *r)
{
    lk_rect b = lk_face_box(e->lm);
    float more = lk_rng_range(r, 0.8f, 1.4f), soft = lk_rng_range(r, 0.03f, 0.25f);
    float rx = (b.x1 - b.x0) * 0.70f * more, ry = (b.y1 - b.y0) * 0.85f * more;
    float cx = (b.x0 + b.x1) * 0.5f, cy = (b.y0 + b.y1) * 0.5f - (b.y1 - b.y0) * 0.12f;
    lk_rect c = mapped_box(e, m);
    float reach = fmaxf(c.x1 - c.x0, c.y1 - c.y0) * 1.6f;
    int x0 = LK_CLAMP((int)((c.x0 + c.x1) * 0.5f - reach), 0, D),
        x1 = LK_CLAMP((int)((c.x0 + c.x1) * 0.5f + reach), x0, D);
    int y0 = LK_CLAMP((int)((c.y0 + c.y1) * 0.5f - reach), 0, D),
        y1 = LK_CLAMP((int)((c.y0 + c.y1) * 0.5f + reach), y0, D);
    int w = x1 - x0, h = y1 - y0;
    if (w < 1 || h < 1) return;
    lk_affine back = lk_affine_mul(lk_affine_invert(m), lk_affine_shift((float)x0, (float)y0));
    memset(scratch, 0, (size_t)w * h * 3 * sizeof *scratch);
    lk_pic_sample(&e->pic, back, true, scratch, w, h);
    for (int y = 0; y < h; y++)
        for (int xx = 0; xx < w; xx++) {
            float px, py;
            lk_affine_apply(back, (float)xx, (float)y, &px, &py);
            if (px < 0 || py < 0 || px > e->pic.w - 1 || py > e->pic.h - 1) continue;
            px = (px - cx) / rx;
            py = (py - cy) / ry;
            float a = LK_CLAMP((1 - sqrtf(px * px + py * py)) / soft + 0.5f, 0.0f, 1.0f);
            float *p = x + ((y0 + y) * D + x0 + xx) * 3;
            for (int k = 0; k < 3; k++) p[k] += a * (scratch[(y * w + xx) * 3 + k] - p[k]);
        }
}

static const lk_example *pick_face(const lk_face_job *job, bool held, lk_rng *r)
{
    for (int tries = 0; tries < 20; tries++) {
        float u = lk_rng_uniform(r);
        const lk_example *e = lk_face_job_pick(job,
                                               u < 0.55f   ? LK_SOURCE_PHOTO
                                               : u < 0.85f ? LK_SOURCE_STILL
                                                           : LK_SOURCE_ACTOR,
                                               held, r);
        if (e->has_lm) return e;
    }
    return NULL;
}

static void fill_one(const lk_face_job *job, bool held, lk_rng *r, float *x, float *y, float *scratch)
{
    memset(y, 0, LABELS * sizeof *y);
    background(job, held, x, r);
    float kind = lk_rng_uniform(r);
    int faces = kind < 0.15f ? 0 : kind < 0.55f ? 1 : 2 + (int)lk_rng_below(r, 3);
    bool whole = kind >= 0.15f && kind < 0.40f;
    if (faces == 0 && lk_rng_uniform(r) < 0.5f) lk_augment_occlude(x, D, D, NULL, NULL, r);
    int kept = 0;
    for (int i = 0; i < faces; i++) {
        const lk_example *e = pick_face(job, held, r);
        if (!e) break;
        lk_affine m = place(e, SMALLEST * 0.9f, faces > 2 ? 90 : LARGEST, r);
        lk_rect b = mapped_box(e, m), room = {b.x0 - 0.3f * (b.x1 - b.x0), b.y0 - 0.5f * (b.y1 - b.y0),
                                              b.x1 + 0.3f * (b.x1 - b.x0), b.y1 + 0.3f * (b.y1 - b.y0)};
        bool free = true;
        for (int k = 0; k < kept; k++)
            if (lk_rect_iou(room, *(lk_rect *)(y + 5 * k)) > 0) free = false;
        if (!free) continue;
        if (whole && e->whole) lk_pic_sample(&e->pic, lk_affine_invert(m), false, x, D, D);
        else paste_head(e, m, x, scratch, r);
        float cx = (b.x0 + b.x1) * 0.5f, cy = (b.y0 + b.y1) * 0.5f;
        float *label = y + 5 * kept++;
        memcpy(label, &b, sizeof b);
        label[4] = cx < 4 || cy < 4 || cx > D - 4 || cy > D - 4 || b.y1 - b.y0 < SMALLEST ? IGNORE : FIND;
        if (kept == FACES) break;
    }
    if (kept && !held && lk_rng_uniform(r) < 0.2f) { /* something before a part of the first face */
        float *f = y, w = f[2] - f[0], h = f[3] - f[1], cx = lk_rng_range(r, f[0], f[2]),
              cy = lk_rng_range(r, f[1], f[3]);
        float colour[3] = {lk_rng_uniform(r), lk_rng_uniform(r), lk_rng_uniform(r)};
        float rx = lk_rng_range(r, 0.08f, 0.3f) * w, ry = lk_rng_range(r, 0.08f, 0.3f) * h;
        for (int yy = LK_MAX((int)(cy - ry), 0); yy < LK_MIN((int)(cy + ry), D); yy++)
            for (int xx = LK_MAX((int)(cx - rx), 0); xx < LK_MIN((int)(cx + rx), D); xx++)
                memcpy(x + (yy * D + xx) * 3, colour, sizeof colour);
    }
    lk_augment_photo(x, D, D, held ? 0.3f : 0.8f, r, scratch);
    for (int i = 0; i < D * D * 3; i++) x[i] = lk_net_pixel(x[i]);
}

static void fill(const lk_face_job *job, uint64_t step, bool held, float *x, float *y, float *scratch)
{
    for (int b = 0; b < job->batch; b++) {
        lk_rng r = lk_rng_at(job->options.seed, held ? 4 : 3, 0, step * 4096 + (uint64_t)b);
        fill_one(job, held, &r, x + (size_t)b * D * D * 3, y + (size_t)b * LABELS, scratch);
    }
}

/* What a cell at (px, py) of a level should say: -1 no face, -2 no opinion, else the label's index. */
static int assign(const float *y, int level, float px, float py)
{
    int verdict = -1;
    float s = levels[level].stride;
    for (int k = 0; k < FACES; k++) {
        const float *f = y + 5 * k;
        if (f[4] == NOTHING) continue;
        float w = f[2] - f[0], h = f[3] - f[1], size = sqrtf(w * h) / s;
        float dx = fabsf((f[0] + f[2]) * 0.5f - px), dy = fabsf((f[1] + f[3]) * 0.5f - py);
        if (f[4] == IGNORE) {
            if (dx < w * 0.6f && dy < h * 0.6f) verdict = -2;
            continue;
        }
        bool fits = (size >= 2.5f || level == 0) && (size < 6.5f || level == LK_DETECT_LEVELS - 1);
        bool nearly = (size >= 1.7f || level == 0) && (size < 9.5f || level == LK_DETECT_LEVELS - 1);
        float d = fmaxf(dx, dy) / s;
        if (fits && d <= 0.8f) return k;
        if (nearly && d <= 1.7f) verdict = -2;
    }
    return verdict;
}

static double huber(float e, float *slope)
{
    *slope = fabsf(e) < HUBER ? e / HUBER : e > 0 ? 1.0f : -1.0f;
    return fabsf(e) < HUBER ? e * e / (2 * HUBER) : fabsf(e) - HUBER / 2;
}

/* Loss of one cell, gradient into g; unit = 1 / number of positive cells in the batch. */
static double cell_loss(const float *v, float *g, const float *y, int k, int level, float px, float py,
                        float unit)
{
    float z = LK_CLAMP(v[0], -20.0f, 20.0f), p = 1 / (1 + expf(-z)), q = 1 / (1 + expf(z));
    if (k < 0) {
        g[0] += unit * (p * p * p - 2 * p * p * q * logf(q));
        return -unit * p * p * logf(q);
    }
    const float *f = y + 5 * k;
    float s = levels[level].stride, slope;
    float want[4] = {((f[0] + f[2]) * 0.5f - px) / s, ((f[1] + f[3]) * 0.5f - py) / s,
                     logf((f[2] - f[0]) / (4 * s)), logf((f[3] - f[1]) / (4 * s))};
    double loss = -q * q * logf(p);
    g[0] += unit * (2 * p * q * q * logf(p) - q * q * q);
    for (int i = 0; i < 4; i++) {
        loss += BOX_WEIGHT * huber(v[1 + i] - want[i], &slope);
        g[1 + i] += unit * BOX_WEIGHT * slope;
    }
    return loss * unit;
}

static double loss(lk_face_job *job, const float *y)
{
    double total = 0;
    int positive = 0;
    for (int pass = 0; pass < 2; pass++) /* count, then charge */
        for (int l = 0; l < LK_DETECT_LEVELS; l++) {
            const lk_tensor *t = lk_net_out(job->net, levels[l].name);
            float *g = lk_net_out_grad(job->net, levels[l].name)->data;
            int n = D / (int)levels[l].stride;
            for (int b = 0; b < job->batch; b++)
                for (int i = 0; i < n * n; i++) {
                    float px = (i % n + 0.5f) * levels[l].stride - 0.5f,
                          py = (i / n + 0.5f) * levels[l].stride - 0.5f;
                    int k = assign(y + b * LABELS, l, px, py);
                    size_t at = ((size_t)b * n * n + i) * LK_DETECT_OUT;
                    if (pass == 0) positive += k >= 0;
                    else if (k != -2)
                        total += cell_loss((const float *)t->data + at, g + at, y + b * LABELS, k, l, px, py,
                                           1.0f / LK_MAX(positive, 1));
                }
        }
    return total;
}

/* Missed faces plus false alarms at score 0.5, per face, percent. */
static void score(lk_face_job *job, const float *y, double *sum, double *weight)
{
    lk_detection found[256];
    for (int b = 0; b < job->batch; b++) {
        int n = lk_detect_decode(job->net, b, D, D, 0, found, 256);
        lk_detection_sort(found, n);
        n = lk_detection_nms(found, n, 0.4f);
        bool used[256] = {0};
        for (int k = 0; k < FACES; k++) {
            const float *f = y + b * LABELS + 5 * k;
            if (f[4] == NOTHING) continue;
            bool hit = false;
            for (int i = 0; i < n; i++)
                if (!used[i] && lk_rect_iou(found[i].box, (lk_rect){f[0], f[1], f[2], f[3]}) >
                                    (f[4] == FIND ? 0.45f : 0.1f))
                    hit = used[i] = true;
            if (f[4] == FIND) *sum += hit ? 0 : 100, *weight += 1;
        }
        for (int i = 0; i < n; i++) *sum += used[i] ? 0 : 100;
    }
}

static void init(lk_face_job *job)
{
    lk_param *bias = lk_params_find(job->params, "head2.bias");
    if (bias) bias->value[0] = PRIOR_LOGIT; /* nearly every cell says no */
}

static lk_node describe(lk_face_job *job, lk_net *net, int batch)
{
    return lk_net_face_detect(net, batch, D, D);
}
static lk_node shipped(lk_net *net) { return lk_net_face_detect(net, 1, LK_DETECT_ALIGN, LK_DETECT_ALIGN); }

const lk_face_task lk_face_task_detect = {
    .name = "face-detect",
    .want = LK_WANT_PHOTOS | LK_WANT_STILLS | LK_WANT_ACTORS | LK_WANT_NOFACE,
    .steps = 2600,
    .batch = 16,
    .lr = 1.2e-3f,
    .threshold = 0.7f,
    .height = D,
    .width = D,
    .labels = LABELS,
    .score_name = "% missed or false",
    .describe = describe,
    .shipped = shipped,
    .init = init,
    .fill = fill,
    .loss = loss,
    .score = score,
};
