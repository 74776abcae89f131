/* Training of face-landmark: crops framed as a detection frames them and as the last
 * frame's points frame them; cross entropy of each heatmap against a small Gaussian
 * plus the distance of its mean from the truth.
 */
#include <math.h>
#include <string.h>

#include "face/train/task.h"

#define S LK_NET_CROP
#define N LK_LANDMARKS
#define CELLS (LK_HEAT * LK_HEAT)
#define LABELS \
    (3 * N + 2) /* x y of each point (heatmap cells), weights, face 0/1, outer eye distance (cells) */
#define SIGMA 0.9f           /* of the target heatmap, cells */
#define COORD_WEIGHT 3.0f
#define HUBER 0.15f          /* cells; below it the distance counts squared */
#define FACE_WEIGHT 0.3f
#define TURNED_SHARE 0.6f
#define BLINK_SHARE 0.12f
#define BLINK_TRIES 40       /* blinks are about one frame in thirty */
#define LID_WEIGHT 2.5f      /* of the eyelids: a pixel or two tell a blink from an open eye */

/* Eyes and mouth carry expression; the jaw line is loosely defined along itself. */
static float importance(int i) { return i < 17 ? 0.7f : i < 36 ? 1.0f : 1.5f; }

static lk_affine jittered(const lk_example *e, bool held, bool misframed, lk_rng *r)
{
    lk_point lm[N];
    lk_affine m;
    float mid = (S - 1) * 0.5f;
    bool box = lk_rng_uniform(r) < 0.5f;
    float turn = box ? lk_rng_range(r, -40, 40) : lk_rng_range(r, -10, 10);
    float stretch = lk_rng_range(r, -0.10f, 0.10f), shear = lk_rng_range(r, -0.08f, 0.08f);
    if (held) turn *= 0.5f, stretch = shear = 0;
    memcpy(lm, e->lm, sizeof lm);
    if (box) { /* turn the face in the picture, then frame it upright as a detection would */
        lk_affine t =
            lk_affine_about(e->pic.w * 0.5f, e->pic.h * 0.5f, turn, 1 + stretch, 1 - stretch, shear);
        for (int i = 0; i < N; i++) lk_affine_apply(t, lm[i].x, lm[i].y, &lm[i].x, &lm[i].y);
        m = lk_affine_mul(lk_landmark_frame_box(lk_face_box(lm)), t);
    } else {
        m = lk_affine_mul(lk_affine_about(mid, mid, turn, 1 + stretch, 1 - stretch, shear),
                          lk_landmark_frame_points(lm));
    }
    float shift = box ? 0.09f : 0.05f,
          scale = expf(box ? lk_rng_range(r, -0.22f, 0.18f) : lk_rng_range(r, -0.1f, 0.1f));
    float dx = lk_rng_range(r, -shift, shift) * S, dy = lk_rng_range(r, -shift, shift) * S;
    if (misframed) {
        float way = lk_rng_range(r, 0, 6.2832f), far = lk_rng_range(r, 0.5f, 0.9f) * S;
        float kind = lk_rng_uniform(r);
        if (kind < 0.5f) dx += cosf(way) * far, dy += sinf(way) * far;
        else scale *= kind < 0.8f ? 0.35f : 3.2f;
    }
    m = lk_affine_mul(lk_affine_about(mid, mid, 0, scale, scale, 0), m);
    return lk_affine_mul(lk_affine_shift(dx, dy), m);
}

/* What is rare and hard comes more often: blinks, and of three faces the one turned most. */
static const lk_example *pick_hard(const lk_face_job *job, lk_example_source source, bool held, lk_rng *r)
{
    const lk_example *best = lk_face_job_pick(job, source, held, r);
    if (held || (source != LK_SOURCE_STILL && source != LK_SOURCE_ACTOR)) return best;
    if (lk_rng_uniform(r) < BLINK_SHARE) {
        for (int i = 0; i < BLINK_TRIES && !best->closed; i++) best = lk_face_job_pick(job, source, held, r);
        return best;
    }
    if (lk_rng_uniform(r) > TURNED_SHARE) return best;
    for (int i = 0; i < 2; i++) {
        const lk_example *e = lk_face_job_pick(job, source, held, r);
        if (fabsf(e->yaw) > fabsf(best->yaw)) best = e;
    }
    return best;
}

static bool on_lid(int i) { return (i >= 36 && i < 48) && i != 36 && i != 39 && i != 42 && i != 45; }

static void fill_one(const lk_face_job *job, bool held, lk_rng *r, float *x, float *y, float *scratch)
{
    float u = lk_rng_uniform(r);
    bool photo = u < 0.45f, still = u < 0.78f;
    bool none = !held && lk_rng_uniform(r) < 0.06f, misframed = !held && !none && lk_rng_uniform(r) < 0.06f;
    lk_example_source source = none    ? LK_SOURCE_NOFACE
                       : photo ? LK_SOURCE_PHOTO
                       : still ? LK_SOURCE_STILL
                               : LK_SOURCE_ACTOR;
    const lk_example *e = pick_hard(job, source, held, r);
    const lk_example *other = lk_face_job_pick(job, LK_SOURCE_NOFACE, false, r);
    memset(y, 0, LABELS * sizeof *y);
    bool face = e->has_lm && !misframed;
    lk_affine m;
    if (e->has_lm) m = jittered(e, held, misframed, r);
    else {
        float zoom = S / (lk_rng_range(r, 0.2f, 0.9f) * LK_MIN(e->pic.w, e->pic.h));
        m = lk_affine_mul(lk_affine_about(S * 0.5f, S * 0.5f, lk_rng_range(r, -40, 40), zoom, zoom, 0),
                          lk_affine_shift(S * 0.5f - lk_rng_uniform(r) * e->pic.w,
                                          S * 0.5f - lk_rng_uniform(r) * e->pic.h));
    }
    bool mirror = lk_rng_uniform(r) < 0.5f;
    if (mirror) m = lk_affine_mul(lk_affine_mirror(S), m);
    lk_affine back = lk_affine_invert(m);
    bool cut =
        !e->whole || lk_rng_uniform(r) < 0.7f; /* else a strange background shows beyond the picture's edge */
    if (!cut) lk_pic_sample(&other->pic, lk_affine_about(0, 0, 0, 1.2f, 1.2f, 0), true, x, S, S);
    lk_pic_sample(&e->pic, back, cut, x, S, S);
    if (!held && lk_rng_uniform(r) < 0.3f) lk_augment_occlude(x, S, S, &other->pic, NULL, r);
    lk_augment_photo(x, S, S, held ? 0.3f : 1.0f, r, scratch);
    for (int i = 0; i < S * S * 3; i++) x[i] = lk_net_pixel(x[i]);

    y[3 * N] = face;
    if (!face) return;
    int perm[N];
    lk_mirror_permutation(perm);
    for (int i = 0; i < N; i++) {
        int from = mirror ? perm[i] : i;
        float px, py;
        lk_affine_apply(m, e->lm[from].x, e->lm[from].y, &px, &py);
        y[2 * i] = (px + 0.5f) / LK_HEAT_STRIDE - 0.5f;
        y[2 * i + 1] = (py + 0.5f) / LK_HEAT_STRIDE - 0.5f;
        bool inside = px > 0 && py > 0 && px < S - 1 && py < S - 1;
        float lid = on_lid(i) ? LID_WEIGHT : 1;
        y[2 * N + i] = inside ? lid * importance(i) * e->weight[from] : 0;
    }
    y[3 * N + 1] = hypotf(y[2 * 45] - y[2 * 36], y[2 * 45 + 1] - y[2 * 36 + 1]);
}

static void fill(const lk_face_job *job, uint64_t step, bool held, float *x, float *y, float *scratch)
{
    for (int b = 0; b < job->batch; b++) {
        lk_rng r = lk_rng_at(job->options.seed, held ? 2 : 1, 0, step * 4096 + (uint64_t)b);
        fill_one(job, held, &r, x + (size_t)b * S * S * 3, y + (size_t)b * LABELS, scratch);
    }
}

/* One heatmap: p in place of the logits' exponentials; returns the loss and writes its gradient. */
static double heat_loss(const float *z, float *g, const float *target, float weight)
{
    float p[CELLS], top = -1e30f, sum = 0, mx = 0, my = 0, gx[LK_HEAT], gy[LK_HEAT], gxs = 0, gys = 0;
    for (int i = 0; i < CELLS; i++) top = fmaxf(top, z[i * N]);
    for (int i = 0; i < CELLS; i++) sum += p[i] = expf(z[i * N] - top);
    for (int i = 0; i < LK_HEAT; i++) {
        gxs += gx[i] = expf(-(i - target[0]) * (i - target[0]) / (2 * SIGMA * SIGMA));
        gys += gy[i] = expf(-(i - target[1]) * (i - target[1]) / (2 * SIGMA * SIGMA));
    }
    float norm = 1 / sum, gnorm = 1 / (gxs * gys), lsum = logf(sum);
    for (int i = 0; i < CELLS; i++) {
        p[i] *= norm;
        mx += p[i] * (i % LK_HEAT);
        my += p[i] * (i / LK_HEAT);
    }
    float ex = mx - target[0], ey = my - target[1], dist = sqrtf(ex * ex + ey * ey);
    float d = dist < HUBER ? 1 / HUBER : 1 / dist; /* gradient of the Huber distance is d * e */
    double loss = COORD_WEIGHT * (dist < HUBER ? dist * dist / (2 * HUBER) : dist - HUBER / 2);
    for (int i = 0; i < CELLS; i++) {
        int cx = i % LK_HEAT, cy = i / LK_HEAT;
        float q = gx[cx] * gy[cy] * gnorm;
        loss -= q * (z[i * N] - top - lsum);
        g[i * N] += weight * (p[i] - q + COORD_WEIGHT * p[i] * d * ((cx - mx) * ex + (cy - my) * ey));
    }
    return loss * weight;
}

static double loss(lk_face_job *job, const float *y)
{
    const float *z = lk_net_out(job->net, "heat")->data;
    const lk_tensor *face = lk_net_out(job->net, "face");
    float *g = lk_net_out_grad(job->net, "heat")->data;
    double total = 0, weights = 0;
    for (int b = 0; b < job->batch; b++)
        for (int i = 0; i < N; i++) weights += y[b * LABELS + 2 * N + i];
    float unit = weights > 0 ? (float)(1 / weights) : 0;
    for (int b = 0; b < job->batch; b++)
        for (int i = 0; i < N; i++) {
            float w = y[b * LABELS + 2 * N + i];
            if (w > 0)
                total += heat_loss(z + (size_t)b * CELLS * N + i, g + (size_t)b * CELLS * N + i,
                                   y + b * LABELS + 2 * i, w * unit);
        }
    float label[LK_FACE_BATCH_MAX];
    for (int b = 0; b < job->batch; b++) label[b] = y[b * LABELS + 3 * N];
    lk_tensor target = {LK_F32, face->shape, label};
    return total + lk_loss_bce(face, &target, 0, NULL, FACE_WEIGHT, lk_net_out_grad(job->net, "face"));
}

/* Mean distance over the outer eye distance, percent. */
static void score(lk_face_job *job, const float *y, double *sum, double *weight)
{
    const float *z = lk_net_out(job->net, "heat")->data;
    lk_point lm[N];
    for (int b = 0; b < job->batch; b++) {
        const float *t = y + b * LABELS;
        if (t[3 * N] < 0.5f || t[3 * N + 1] < 1) continue;
        lk_heat_points(z + (size_t)b * CELLS * N, lm, NULL);
        for (int i = 0; i < N; i++)
            *sum += 100.0 / N *
                    hypotf((lm[i].x + 0.5f) / LK_HEAT_STRIDE - 0.5f - t[2 * i],
                           (lm[i].y + 0.5f) / LK_HEAT_STRIDE - 0.5f - t[2 * i + 1]) /
                    t[3 * N + 1];
        *weight += 1;
    }
}

static lk_node describe(lk_face_job *job, lk_net *net, int batch) { return lk_net_face_landmark(net, batch); }
static lk_node shipped(lk_net *net) { return lk_net_face_landmark(net, 1); }

const lk_face_task lk_face_task_landmark = {
    .name = "face-landmark",
    .want = LK_WANT_PHOTOS | LK_WANT_STILLS | LK_WANT_ACTORS | LK_WANT_NOFACE,
    .steps = 2600,
    .batch = 32,
    .lr = 1.5e-3f,
    .height = S,
    .width = S,
    .labels = LABELS,
    .score_name = "% of eye distance",
    .describe = describe,
    .shipped = shipped,
    .fill = fill,
    .loss = loss,
    .score = score,
};
