/* Training of a tower of face-id: classify the training people by the cosine between embedding
 * and class vector, the right class handicapped by a margin (CosFace: Wang et al.
 * 2018). Class vectors are kept at unit length after each step. The held-out slice is
 * people who were never learned.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "face/train/task.h"

#define S LK_NET_CROP
#define SCALE 18.0f
#define MARGIN 0.2f
#define PASSES 3 /* of the landmark net, to place an unlabelled photograph */

/* A smile is photographed like the same person's neutral face: start from its points and let the landmark net
 * move. */
static lk_status prepare(lk_face_job *job, lk_error *err)
{
    lk_landmarker *l = NULL;
    lk_status s = LK_OK;
    for (int i = 0; s == LK_OK && i < job->data.count; i++) {
        lk_example *e = &job->data.all[i];
        if (e->has_lm || e->identity < 0) continue;
        const lk_example *like = NULL;
        for (int k = 0; k < job->data.count; k++)
            if (job->data.all[k].identity == e->identity && job->data.all[k].has_lm) like = &job->data.all[k];
        if (!like) continue;
        if (!l) s = lk_landmarker_open(job->options.models_dir, &l, err);
        lk_image im = {0};
        if (s == LK_OK) s = lk_image_new(e->pic.w, e->pic.h, 3, &im, err);
        for (int k = 0; s == LK_OK && k < im.w * im.h * 3; k++)
            im.data[k] = e->pic.level[0][k] * (1.0f / 255);
        lk_point lm[LK_LANDMARKS];
        float quality = 0;
        memcpy(lm, like->lm, sizeof lm);
        for (int pass = 0; s == LK_OK && pass < PASSES; pass++)
            s = lk_landmarker_run(l, &im, lk_landmark_frame_points(lm), lm, &quality, NULL, err);
        if (s == LK_OK && quality > 0.5f) {
            memcpy(e->lm, lm, sizeof lm);
            e->has_lm = true;
        }
        lk_image_clear(&im);
    }
    lk_landmarker_close(&l);
    return s;
}

static void fill_one(const lk_face_job *job, bool held, lk_rng *r, float *x, float *y, float *scratch)
{
    const lk_example *e = NULL;
    for (int tries = 0; tries < 50; tries++) {
        float u = lk_rng_uniform(r);
        e = lk_face_job_pick(job,
                             u < 0.62f           ? LK_SOURCE_PHOTO
                             : u < 0.95f || held ? LK_SOURCE_STILL
                                                 : LK_SOURCE_ACTOR,
                             held, r);
        if (e->has_lm && e->identity >= 0) break;
    }
    const lk_example *other = lk_face_job_pick(job, LK_SOURCE_STILL, false, r);
    float mid = (S - 1) * 0.5f, scale = expf(lk_rng_range(r, -0.07f, 0.07f)),
          stretch = lk_rng_range(r, -0.03f, 0.03f);
    lk_affine m = lk_face_align(e->lm, S, LK_FACE_CROP_COVERAGE);
    m = lk_affine_mul(lk_affine_about(mid, mid, lk_rng_range(r, -7, 7), scale * (1 + stretch),
                                      scale * (1 - stretch), lk_rng_range(r, -0.05f, 0.05f)),
                      m);
    m = lk_affine_mul(lk_affine_shift(lk_rng_range(r, -3, 3), lk_rng_range(r, -3, 3)), m);
    if (lk_rng_uniform(r) < 0.5f) m = lk_affine_mul(lk_affine_mirror(S), m);
    lk_pic_sample(&e->pic, lk_affine_invert(m), true, x, S, S);
    if (!held && lk_rng_uniform(r) < 0.3f) lk_augment_occlude(x, S, S, &other->pic, NULL, r);
    if (lk_rng_uniform(r) < 0.5f) lk_augment_relight(x, S, lk_rng_range(r, 0.4f, 1), r);
    lk_augment_photo(x, S, S, held ? 0.6f : 1.0f, r, scratch);
    for (int i = 0; i < S * S * 3; i++) x[i] = lk_net_pixel(x[i]);
    y[0] = (float)e->identity;
}

static void fill(const lk_face_job *job, uint64_t step, bool held, float *x, float *y, float *scratch)
{
    for (int b = 0; b < job->batch; b++) {
        lk_rng r = lk_rng_at(job->options.seed, held ? 8 : 7, 0, step * 4096 + (uint64_t)b);
        fill_one(job, held, &r, x + (size_t)b * S * S * 3, y + b, scratch);
    }
}

static double loss(lk_face_job *job, const float *y)
{
    const lk_tensor *t = lk_net_out(job->net, "classes");
    int classes = t->shape.c;
    float *g = lk_net_out_grad(job->net, "classes")->data;
    double total = 0;
    for (int b = 0; b < job->batch; b++) {
        const float *cosine = (const float *)t->data + (size_t)b * classes;
        int own = (int)y[b];
        float top = -1e30f, sum = 0;
        for (int k = 0; k < classes; k++) top = fmaxf(top, SCALE * (cosine[k] - (k == own ? MARGIN : 0)));
        for (int k = 0; k < classes; k++) sum += expf(SCALE * (cosine[k] - (k == own ? MARGIN : 0)) - top);
        for (int k = 0; k < classes; k++) {
            float z = SCALE * (cosine[k] - (k == own ? MARGIN : 0)) - top, p = expf(z) / sum;
            g[(size_t)b * classes + k] += SCALE * (p - (k == own)) / job->batch;
            if (k == own) total -= (z - logf(sum)) / job->batch;
        }
    }
    return total;
}

static void after_step(lk_face_job *job)
{
    lk_param *w = lk_params_find(job->params, "classes.weight");
    for (int64_t row = 0; w && row < w->count / LK_FACE_TOWER; row++) {
        float *v = w->value + row * LK_FACE_TOWER;
        double n = 0;
        for (int i = 0; i < LK_FACE_TOWER; i++) n += (double)v[i] * v[i];
        float k = (float)(1 / sqrt(fmax(n, 1e-20)));
        for (int i = 0; i < LK_FACE_TOWER; i++) v[i] *= k;
    }
}

static void init(lk_face_job *job)
{
    lk_params_freeze(job->params, "classes.bias", true);
    after_step(job);
}

static int ascending(const void *a, const void *b)
{
    float p = *(const float *)a, q = *(const float *)b;
    return (p > q) - (p < q);
}

/* Equal error rate over the batch's pairs of held-out people, percent. */
static void score(lk_face_job *job, const float *y, double *sum, double *weight)
{
    const float *v = lk_net_out(job->net, "embedding")->data;
    static const int most = LK_FACE_BATCH_MAX * (LK_FACE_BATCH_MAX - 1) / 2;
    float *same = lk_alloc(sizeof(float) * 2 * (size_t)most), *other = same + most;
    int ns = 0, no = 0;
    if (!same) return;
    for (int a = 0; a < job->batch; a++)
        for (int b = a + 1; b < job->batch; b++) {
            float c = 0;
            for (int k = 0; k < LK_FACE_TOWER; k++) c += v[a * LK_FACE_TOWER + k] * v[b * LK_FACE_TOWER + k];
            if (y[a] == y[b]) same[ns++] = c;
            else other[no++] = c;
        }
    qsort(same, (size_t)ns, sizeof *same, ascending);
    qsort(other, (size_t)no, sizeof *other, ascending);
    for (int i = 0, k = 0; i < ns; i++) { /* threshold at same[i]: i misses */
        while (k < no && other[k] < same[i]) k++;
        if ((double)i / ns >= (double)(no - k) / LK_MAX(no, 1)) {
            *sum += 100.0 * ((double)i / ns + (double)(no - k) / LK_MAX(no, 1)) / 2;
            *weight += 1;
            break;
        }
    }
    lk_free(same);
}

static lk_node describe(lk_face_job *job, lk_net *net, int batch)
{
    lk_node embedding, in = lk_net_face_id_tower(net, batch, &embedding);
    lk_net_output(net,
                  lk_net_dense(net, "classes", embedding, LK_MAX(job->data.identities, 2), LK_ACT_NONE, 0),
                  "classes");
    return in;
}

static lk_node shipped(lk_net *net) { return lk_net_face_id_tower(net, 1, NULL); }

const lk_face_task lk_face_task_id = {
    .name = "face-id",
    .want = LK_WANT_PHOTOS | LK_WANT_SMILES | LK_WANT_STILLS | LK_WANT_ACTORS,
    .steps = 2200,
    .batch = 48,
    .lr = 1.2e-3f,
    .height = S,
    .width = S,
    .labels = 1,
    .score_name = "% equal error",
    .describe = describe,
    .shipped = shipped,
    .prepare = prepare,
    .init = init,
    .fill = fill,
    .loss = loss,
    .after_step = after_step,
    .score = score,
};
