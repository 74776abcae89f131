/* optim.c: Adam (Kingma & Ba 2015), AdaBelief (Zhuang et al. 2020, with bias
 * correction) and SGD with momentum; decoupled weight decay (Loshchilov & Hutter
 * 2019); averaged weights. One pass over memory does it all, since a step is
 * bound by memory: value, gradient, both moments and the average stream by once.
 * The norm is summed per chunk and then in chunk order, so the result does not
 * depend on the number of threads. */
#include "nn/internal.h"

#include <assert.h>
#include <math.h>

typedef struct update {
    lk_optim_kind kind;
    float rate;                         /* learning rate with the first moment's bias correction */
    float root_correction;              /* 1 / sqrt(1 - beta2^t) */
    float decay;                        /* learning rate times weight decay */
    float beta1, beta2, epsilon, scale; /* scale: clipping factor of the gradient */
    float keep;                         /* EMA decay of this step; 1 = no averaging */
} update;

/* The loops are written once and compiled for three instruction sets; the widest that runs here is chosen. */
#define INLINE static inline __attribute__((always_inline))

INLINE void update_body(const update *u, int64_t n, float *restrict x, const float *restrict grad,
                        float *restrict m, float *restrict v, float *restrict ema)
{
    float b1 = u->beta1, b2 = u->beta2, rate = u->rate, root = u->root_correction, eps = u->epsilon,
          scale = u->scale;
    float decay = 1.0f - u->decay, keep = u->keep;
    switch (u->kind) {
    case LK_OPTIM_ADAM:
#pragma omp simd
        for (int64_t i = 0; i < n; i++) {
            float g = grad[i] * scale;
            float mi = b1 * m[i] + (1.0f - b1) * g, vi = b2 * v[i] + (1.0f - b2) * g * g;
            float xi = x[i] * decay - rate * mi / (sqrtf(vi) * root + eps);
            m[i] = mi;
            v[i] = vi;
            x[i] = xi;
            ema[i] = xi + keep * (ema[i] - xi);
        }
        break;
    case LK_OPTIM_ADABELIEF:
#pragma omp simd
        for (int64_t i = 0; i < n; i++) {
            float g = grad[i] * scale;
            float mi = b1 * m[i] + (1.0f - b1) * g, d = g - mi;
            float vi = b2 * v[i] + (1.0f - b2) * d * d + eps;
            float xi = x[i] * decay - rate * mi / (sqrtf(vi) * root + eps);
            m[i] = mi;
            v[i] = vi;
            x[i] = xi;
            ema[i] = xi + keep * (ema[i] - xi);
        }
        break;
    default:
#pragma omp simd
        for (int64_t i = 0; i < n; i++) {
            float mi = b1 * m[i] + grad[i] * scale, xi = x[i] * decay - rate * mi;
            m[i] = mi;
            x[i] = xi;
            ema[i] = xi + keep * (ema[i] - xi);
        }
    }
}

/* Without an average the last argument is the value itself, which restrict forbids; hence the second form. */
INLINE void update_any(const update *u, int64_t n, float *x, const float *g, float *m, float *v, float *ema)
{
    enum { PIECE = 1024 };
    float none[PIECE];
    if (ema) {
        update_body(u, n, x, g, m, v, ema);
        return;
    }
    for (int i = 0; i < PIECE; i++) none[i] = 0.0f;
    for (int64_t at = 0; at < n; at += PIECE)
        update_body(u, LK_MIN(n - at, PIECE), x + at, g + at, m + at, v + at, none);
}

INLINE double square_sum_body(const float *g, int64_t n)
{
    double total = 0.0;
    for (int64_t at = 0; at < n;
         at += 4096) { /* float within 4096 terms keeps the loop vectorised and exact enough */
        int64_t end = LK_MIN(n, at + 4096);
        float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
        for (int64_t i = at; i < end; i++) sum += g[i] * g[i];
        total += sum;
    }
    return total;
}

#if defined(__x86_64__)
#define WIDE __attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")))
#define MIDDLE __attribute__((target("avx2,fma")))
WIDE static void update_wide(const update *u, int64_t n, float *x, const float *g, float *m, float *v,
                             float *e)
{
    update_any(u, n, x, g, m, v, e);
}
MIDDLE static void update_middle(const update *u, int64_t n, float *x, const float *g, float *m, float *v,
                                 float *e)
{
    update_any(u, n, x, g, m, v, e);
}
WIDE static double square_sum_wide(const float *g, int64_t n) { return square_sum_body(g, n); }
MIDDLE static double square_sum_middle(const float *g, int64_t n) { return square_sum_body(g, n); }
static int cpu_level(void)
{
    return __builtin_cpu_supports("avx512dq")                                ? 2
           : __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? 1
                                                                             : 0;
}
#else
static int cpu_level(void) { return 0; }
#define update_wide update_base
#define update_middle update_base
#define square_sum_wide square_sum_base
#define square_sum_middle square_sum_base
#endif
static void update_base(const update *u, int64_t n, float *x, const float *g, float *m, float *v, float *e)
{
    update_any(u, n, x, g, m, v, e);
}
static double square_sum_base(const float *g, int64_t n) { return square_sum_body(g, n); }

lk_optim lk_optim_default(lk_optim_kind kind)
{
    lk_optim o = {.kind = kind, .lr = 2e-4f, .beta1 = 0.9f, .beta2 = 0.999f, .epsilon = 1e-8f};
    if (kind == LK_OPTIM_ADABELIEF) o.epsilon = 1e-16f;
    if (kind == LK_OPTIM_SGD) o.lr = 1e-2f;
    return o;
}

static double gradient_norm(lk_params *p, int level)
{
    double (*const sum)(const float *, int64_t) = level == 2   ? square_sum_wide
                                                  : level == 1 ? square_sum_middle
                                                               : square_sum_base;
#pragma omp parallel for schedule(dynamic, 4)
    for (int c = 0; c < p->chunk_count; c++) {
        const lk_param_chunk *k = &p->chunks[c];
        const lk_param *q = p->list[k->param];
        p->chunk_norm[c] = q->learned && !q->frozen && q->grad ? sum(q->grad + k->from, k->count) : 0.0;
    }
    double total = 0.0;
    for (int c = 0; c < p->chunk_count; c++) total += p->chunk_norm[c];
    return sqrt(total);
}

double lk_optim_step(lk_optim *o, lk_params *p)
{
    assert(p->chunk_count && !p->swapped && "lk_params_train first; averaged weights must not be swapped in");
    int level = cpu_level();
    double norm = gradient_norm(p, level);
    if (!isfinite(norm)) return norm;
    o->t++;
    double t = (double)o->t;
    bool moments = o->kind != LK_OPTIM_SGD;
    update u = {.kind = o->kind,
                .beta1 = o->beta1,
                .beta2 = o->beta2,
                .epsilon = o->epsilon,
                .scale = 1.0f,
                .keep = 1.0f};
    double rate = moments ? o->lr / (1.0 - pow(o->beta1, t)) : o->lr;
    u.root_correction = moments ? (float)(1.0 / sqrt(1.0 - pow(o->beta2, t))) : 1.0f;
    if (o->clip_norm > 0.0f && norm > o->clip_norm) u.scale = (float)(o->clip_norm / norm);
    if (o->ema_decay > 0.0f) u.keep = (float)fmin(o->ema_decay, (1.0 + t) / (10.0 + t));
    void (*const run)(const update *, int64_t, float *, const float *, float *, float *, float *) =
        level == 2   ? update_wide
        : level == 1 ? update_middle
                     : update_base;
#pragma omp parallel for schedule(dynamic, 4)
    for (int c = 0; c < p->chunk_count; c++) {
        const lk_param_chunk *k = &p->chunks[c];
        lk_param *q = p->list[k->param];
        int64_t at = k->from;
        bool average = q->ema && o->ema_decay > 0.0f;
        if (q->learned && !q->frozen && q->grad) {
            update own = u;
            own.rate = (float)(rate * q->lr_scale);
            own.decay = o->lr * q->lr_scale * o->weight_decay;
            run(&own, k->count, q->value + at, q->grad + at, q->m + at, q->v + at,
                average ? q->ema + at : NULL);
        } else if (average) { /* running statistics and frozen weights: the average is the value */
            for (int64_t i = at; i < at + k->count; i++) q->ema[i] = q->value[i];
        }
    }
    lk_params_touch(p);
    return norm;
}

float lk_schedule_factor(int64_t step, int64_t warmup, int64_t total, int64_t decay)
{
    if (step < warmup) return (float)(step + 1) / (float)warmup;
    if (total <= 0 || decay <= 0 || step < total - decay) return 1.0f;
    if (step >= total) return 0.0f;
    return (float)(0.5 *
                   (1.0 + cos(3.14159265358979323846 * (double)(step - (total - decay)) / (double)decay)));
}
