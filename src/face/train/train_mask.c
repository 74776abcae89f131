/* Training of face-mask. The rendered pictures have exact masks; a photograph has
 * none, but of an uncovered frontal face the inside of jaw and brows is surely
 * visible and what lies clearly outside the jaw surely is not; the forehead, where
 * the hair may begin anywhere, is left without an opinion.
 */
#include <math.h>
#include <string.h>

#include "face/train/task.h"

#define S LK_NET_CROP
#define PIXELS (S * S)
#define LABELS (2 * PIXELS) /* target, weight */

static bool in_polygon(const lk_point *p, int n, float x, float y)
{
    bool in = false;
    for (int i = 0, j = n - 1; i < n; j = i++)
        if ((p[i].y > y) != (p[j].y > y) && x < (p[j].x - p[i].x) * (y - p[i].y) / (p[j].y - p[i].y) + p[i].x)
            in = !in;
    return in;
}

/* Target and weight of a photograph from its points in crop pixels. */
static void from_points(const lk_point lm[LK_LANDMARKS], float *target, float *weight)
{
    enum { RIM = 27 }; /* jaw, then brows from the subject's left */
    lk_point inner[RIM], outer[RIM], mid = {0, 0};
    float brow = S;
    for (int i = 0; i < RIM; i++) {
        inner[i] = lm[i < 17 ? i : 26 - (i - 17)];
        mid.x += inner[i].x / RIM;
        mid.y += inner[i].y / RIM;
    }
    for (int i = 17; i < 27; i++) brow = fminf(brow, lm[i].y);
    for (int i = 0; i < RIM; i++) {
        outer[i] = (lk_point){mid.x + (inner[i].x - mid.x) * 1.08f, mid.y + (inner[i].y - mid.y) * 1.08f};
        inner[i] = (lk_point){mid.x + (inner[i].x - mid.x) * 0.97f, mid.y + (inner[i].y - mid.y) * 0.97f};
    }
    for (int y = 0; y < S; y++)
        for (int x = 0; x < S; x++) {
            bool in = in_polygon(inner, RIM, (float)x, (float)y),
                 near = in_polygon(outer, RIM, (float)x, (float)y);
            target[y * S + x] = in;
            weight[y * S + x] = in || (!near && y > brow + 6);
        }
}

static void fill_one(const lk_face_job *job, bool held, lk_rng *r, float *x, float *y, float *scratch)
{
    const lk_example *e = NULL;
    for (int tries = 0; tries < 50; tries++) {
        float u = lk_rng_uniform(r);
        e = lk_face_job_pick(job,
                             u < 0.35f   ? LK_SOURCE_PHOTO
                             : u < 0.75f ? LK_SOURCE_STILL
                                         : LK_SOURCE_ACTOR,
                             held, r);
        if (e->has_lm && (e->mask.levels || e->source == LK_SOURCE_PHOTO)) break;
    }
    const lk_example *other = lk_face_job_pick(job, LK_SOURCE_NOFACE, false, r);
    float mid = (S - 1) * 0.5f, scale = expf(lk_rng_range(r, -0.12f, 0.12f)),
          stretch = lk_rng_range(r, -0.06f, 0.06f);
    lk_affine m = lk_face_align(e->lm, S, LK_FACE_CROP_COVERAGE);
    m = lk_affine_mul(
        lk_affine_about(mid, mid, lk_rng_range(r, -12, 12), scale * (1 + stretch), scale * (1 - stretch), 0),
        m);
    m = lk_affine_mul(lk_affine_shift(lk_rng_range(r, -5, 5), lk_rng_range(r, -5, 5)), m);
    if (lk_rng_uniform(r) < 0.5f) m = lk_affine_mul(lk_affine_mirror(S), m);
    lk_affine back = lk_affine_invert(m);
    float *target = y, *weight = y + PIXELS;
    lk_pic_sample(&e->pic, back, true, x, S, S);
    if (e->mask.levels) {
        memset(target, 0, PIXELS * sizeof *target);
        lk_pic_sample(&e->mask, back, false, target, S, S);
        for (int i = 0; i < PIXELS; i++) weight[i] = 1;
    } else {
        lk_point lm[LK_LANDMARKS];
        for (int i = 0; i < LK_LANDMARKS; i++) lk_affine_apply(m, e->lm[i].x, e->lm[i].y, &lm[i].x, &lm[i].y);
        from_points(lm, target, weight);
    }
    if (!held && lk_rng_uniform(r) < 0.4f)
        lk_augment_occlude(x, S, S, other->has_lm ? NULL : &other->pic, target, r);
    lk_augment_photo(x, S, S, held ? 0.2f : 0.9f, r, scratch);
    for (int i = 0; i < PIXELS * 3; i++) x[i] = lk_net_pixel(x[i]);
}

static void fill(const lk_face_job *job, uint64_t step, bool held, float *x, float *y, float *scratch)
{
    for (int b = 0; b < job->batch; b++) {
        lk_rng r = lk_rng_at(job->options.seed, held ? 6 : 5, 0, step * 4096 + (uint64_t)b);
        fill_one(job, held, &r, x + (size_t)b * PIXELS * 3, y + (size_t)b * LABELS, scratch);
    }
}

static double loss(lk_face_job *job, const float *y)
{
    const float *z = lk_net_out(job->net, "mask")->data;
    float *g = lk_net_out_grad(job->net, "mask")->data;
    double total = 0;
    float unit = 1.0f / ((float)job->batch * PIXELS);
    for (int b = 0; b < job->batch; b++)
        for (int i = 0; i < PIXELS; i++) {
            float t = y[(size_t)b * LABELS + i], w = y[(size_t)b * LABELS + PIXELS + i],
                  v = z[(size_t)b * PIXELS + i];
            if (w == 0) continue;
            float p = 1 / (1 + expf(-v));
            total += w * (fmaxf(v, 0) - v * t + log1pf(expf(-fabsf(v))));
            g[(size_t)b * PIXELS + i] += w * unit * (p - t);
        }
    return total * unit;
}

/* 100 (1 - intersection over union), where there is an opinion. */
static void score(lk_face_job *job, const float *y, double *sum, double *weight)
{
    const float *z = lk_net_out(job->net, "mask")->data;
    for (int b = 0; b < job->batch; b++) {
        double both = 0, any = 0;
        for (int i = 0; i < PIXELS; i++) {
            bool t = y[(size_t)b * LABELS + i] > 0.5f, p = z[(size_t)b * PIXELS + i] > 0;
            if (y[(size_t)b * LABELS + PIXELS + i] == 0) continue;
            both += t && p;
            any += t || p;
        }
        *sum += 100 * (1 - both / fmax(any, 1));
        *weight += 1;
    }
}

static lk_node describe(lk_face_job *job, lk_net *net, int batch) { return lk_net_face_mask(net, batch); }
static lk_node shipped(lk_net *net) { return lk_net_face_mask(net, 1); }

const lk_face_task lk_face_task_mask = {
    .name = "face-mask",
    .want = LK_WANT_PHOTOS | LK_WANT_STILLS | LK_WANT_ACTORS | LK_WANT_NOFACE | LK_WANT_MASKED_ONLY,
    .steps = 1500,
    .batch = 32,
    .lr = 1.5e-3f,
    .threshold = 0.5f,
    .height = S,
    .width = S,
    .labels = LABELS,
    .score_name = "% outside IoU",
    .describe = describe,
    .shipped = shipped,
    .fill = fill,
    .loss = loss,
    .score = score,
};
