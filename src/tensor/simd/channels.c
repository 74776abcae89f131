/* Kernels that reduce over positions or samples: normalisation, global pooling
 * and gates. A "group" is a run of rows (positions) of `channels` values each:
 * the whole batch for batch norm, one sample for the others. Its per-channel
 * sums are made in LK_SIMD_SLICES slices when there is one group and in one
 * when there are many, and are always added in the same order. */
#include "tensor/simd/kernels.h"

/* Where slice k of all the work lies. */
typedef struct span {
    int64_t group, first, end;
} span; /* rows counted from the group's first */

INLINE int64_t slice_count(int64_t groups) { return groups == 1 ? LK_SIMD_SLICES : groups; }

INLINE span slice_at(int64_t groups, int64_t rows, int64_t k)
{
    if (groups > 1) return (span){k, 0, rows};
    return (span){0, rows * k / LK_SIMD_SLICES, rows * (k + 1) / LK_SIMD_SLICES};
}

/* What is summed: d and e of each element, where
 * MOMENTS: d = x - (the group's first row), which keeps the squares small; e = d^2
 * NORM:    d = dy, e = dy * (x - mean) * inverse
 * GATE:    d = x,  e = x * dy (global pooling reads d alone, with y = x) */
typedef enum sums { MOMENTS, NORM, GATE } sums;

INLINE void sum_slice(lk_dtype type, sums what, const void *x, const void *dy, const float *mean,
                      const float *inverse, float *partial, int64_t groups, int64_t rows, int64_t channels,
                      int64_t k)
{
    const span s = slice_at(groups, rows, k);
    float *d = partial + 2 * k * channels, *e = d + channels;
    const int64_t base = s.group * rows * channels, own = s.group * channels;
    for (int64_t c = 0; c < channels; c += LANES) {
        const int n = (int)LK_MIN(channels - c, LANES);
        const vf first = load_upto(type, x, base + c, n);
        const vf m = what == NORM ? load_upto(LK_F32, mean, own + c, n) : first;
        const vf r = what == NORM ? load_upto(LK_F32, inverse, own + c, n) : first;
        vf ds = vset(0), es = vset(0);
        for (int64_t row = s.first; row < s.end; row++) {
            const vf v = load_upto(type, x, base + row * channels + c, n);
            if (what == MOMENTS) {
                const vf t = v - m;
                ds += t;
                es += t * t;
            } else {
                const vf g = load_upto(type, dy, base + row * channels + c, n);
                ds += what == NORM ? g : v;
                es += what == NORM ? g * (v - m) * r : v * g;
            }
        }
        store_upto(LK_F32, d, c, n, ds);
        store_upto(LK_F32, e, c, n, es);
    }
}

static void run_sums(lk_dtype type, sums what, const void *x, const void *dy, const float *mean,
                     const float *inverse, float *partial, int64_t groups, int64_t rows, int64_t channels)
{
    const int64_t slices = slice_count(groups);
#pragma omp parallel for schedule(static) if (groups * rows * channels > SERIAL_BELOW)
    for (int64_t k = 0; k < slices; k++) {
        if (what == MOMENTS)
            BY_TYPE(type, sum_slice, MOMENTS, x, dy, mean, inverse, partial, groups, rows, channels, k);
        else if (what == NORM)
            BY_TYPE(type, sum_slice, NORM, x, dy, mean, inverse, partial, groups, rows, channels, k);
        else BY_TYPE(type, sum_slice, GATE, x, dy, mean, inverse, partial, groups, rows, channels, k);
    }
}

/* The two sums of channel c of a group, over its slices. */
INLINE void total(const float *partial, int64_t groups, int64_t group, int64_t channels, int64_t c, double *d,
                  double *e)
{
    const int64_t first = groups > 1 ? group : 0, end = groups > 1 ? group + 1 : LK_SIMD_SLICES;
    *d = *e = 0;
    for (int64_t k = first; k < end; k++) {
        *d += partial[2 * k * channels + c];
        *e += partial[(2 * k + 1) * channels + c];
    }
}

void KERNEL(moments)(lk_dtype type, const void *x, float *partial, float *mean, float *var, int64_t groups,
                     int64_t rows, int64_t channels)
{
    run_sums(type, MOMENTS, x, NULL, NULL, NULL, partial, groups, rows, channels);
    for (int64_t g = 0; g < groups; g++)
        for (int64_t c = 0; c < channels; c++) {
            double d, e;
            total(partial, groups, g, channels, c, &d, &e);
            d /= (double)rows;
            mean[g * channels + c] = (float)(load_one(type, x, g * rows * channels + c) + d);
            const double v = e / (double)rows - d * d;
            var[g * channels + c] = (float)(v > 0 ? v : 0);
        }
}

void KERNEL(norm_sums)(lk_dtype type, const void *x, const void *dy, const float *mean, const float *inverse,
                       float *partial, float *sum, float *dot, int64_t groups, int64_t rows, int64_t channels)
{
    run_sums(type, NORM, x, dy, mean, inverse, partial, groups, rows, channels);
    for (int64_t g = 0; g < groups; g++)
        for (int64_t c = 0; c < channels; c++) {
            double d, e;
            total(partial, groups, g, channels, c, &d, &e);
            sum[g * channels + c] = (float)d;
            dot[g * channels + c] = (float)e;
        }
}

/* Into the tensor y (groups, channels): the mean of x (dy NULL), or the sum of x * dy. */
void KERNEL(position_sums)(lk_dtype type, const void *x, const void *dy, float *partial, void *y,
                           int64_t groups, int64_t rows, int64_t channels)
{
    run_sums(type, GATE, x, dy ? dy : x, NULL, NULL, partial, groups, rows, channels);
    for (int64_t g = 0; g < groups; g++)
        for (int64_t c = 0; c < channels; c++) {
            double d, e;
            total(partial, groups, g, channels, c, &d, &e);
            store_one(type, y, g * channels + c, (float)(dy ? e : d / (double)rows));
        }
}

/* y = (x - mean) * k1 + k2 (+ k3 * dy), per group and channel. */
INLINE void affine_row(lk_dtype type, const void *x, const void *dy, void *y, const float *mean,
                       const float *k1, const float *k2, const float *k3, int64_t row, int64_t rows,
                       int64_t channels)
{
    const int64_t own = row / rows * channels;
    for (int64_t c = 0; c < channels; c += LANES) {
        const int n = (int)LK_MIN(channels - c, LANES);
        const int64_t i = row * channels + c;
        vf v = (load_upto(type, x, i, n) - load_upto(LK_F32, mean, own + c, n)) *
                   load_upto(LK_F32, k1, own + c, n) +
               load_upto(LK_F32, k2, own + c, n);
        if (dy) v += load_upto(type, dy, i, n) * load_upto(LK_F32, k3, own + c, n);
        store_upto(type, y, i, n, v);
    }
}

void KERNEL(affine)(lk_dtype type, const void *x, const void *dy, void *y, const float *mean, const float *k1,
                    const float *k2, const float *k3, int64_t groups, int64_t rows, int64_t channels)
{
#pragma omp parallel for schedule(static) if (groups * rows * channels > SERIAL_BELOW)
    for (int64_t row = 0; row < groups * rows; row++) {
        if (dy) BY_TYPE(type, affine_row, x, dy, y, mean, k1, k2, k3, row, rows, channels);
        else BY_TYPE(type, affine_row, x, NULL, y, mean, k1, k2, NULL, row, rows, channels);
    }
}

/* y = x * gate of its group and channel; without x, y = gate * factor everywhere. */
INLINE void gate_row(lk_dtype type, const void *x, const void *gate, float factor, void *y, int64_t row,
                     int64_t rows, int64_t channels)
{
    const int64_t own = row / rows * channels;
    for (int64_t c = 0; c < channels; c += LANES) {
        const int n = (int)LK_MIN(channels - c, LANES);
        const vf g = load_upto(type, gate, own + c, n);
        store_upto(type, y, row * channels + c, n,
                   x ? load_upto(type, x, row * channels + c, n) * g : g * vset(factor));
    }
}

void KERNEL(gate)(lk_dtype type, const void *x, const void *gate, float factor, void *y, int64_t groups,
                  int64_t rows, int64_t channels)
{
#pragma omp parallel for schedule(static) if (groups * rows * channels > SERIAL_BELOW)
    for (int64_t row = 0; row < groups * rows; row++)
        BY_TYPE(type, gate_row, x, gate, factor, y, row, rows, channels);
}

INLINE float dot_sample(lk_dtype type, const void *a, const void *b, int64_t first, int64_t count)
{
    vf s[4] = {vset(0), vset(0), vset(0), vset(0)};
    for (int64_t i = 0; i < count; i += LANES) {
        const int n = (int)LK_MIN(count - i, LANES);
        s[i / LANES % 4] += load_upto(type, a, first + i, n) * load_upto(type, b, first + i, n);
    }
    return vsum((s[0] + s[1]) + (s[2] + s[3]));
}

INLINE void norm_sample(lk_dtype type, const void *x, void *y, float *saved, int64_t n, int64_t count,
                        float divisor, float epsilon)
{
    const float r = 1.0f / __builtin_sqrtf(dot_sample(type, x, x, n * count, count) / divisor + epsilon);
    if (saved) saved[n] = r;
    for (int64_t i = 0; i < count; i += LANES) {
        const int k = (int)LK_MIN(count - i, LANES);
        store_upto(type, y, n * count + i, k, load_upto(type, x, n * count + i, k) * vset(r));
    }
}

void KERNEL(sample_norm)(lk_dtype type, const void *x, void *y, float *saved, int64_t samples, int64_t count,
                         float divisor, float epsilon)
{
#pragma omp parallel for schedule(static) if (samples * count > SERIAL_BELOW)
    for (int64_t n = 0; n < samples; n++) BY_TYPE(type, norm_sample, x, y, saved, n, count, divisor, epsilon);
}

INLINE void norm_sample_grad(lk_dtype type, const void *x, const void *dy, void *dx, const float *saved,
                             int64_t n, int64_t count, float divisor)
{
    const float r = saved[n], k = r * r * dot_sample(type, x, dy, n * count, count) / divisor;
    for (int64_t i = 0; i < count; i += LANES) {
        const int m = (int)LK_MIN(count - i, LANES);
        const vf v = load_upto(type, dy, n * count + i, m) - load_upto(type, x, n * count + i, m) * vset(k);
        store_upto(type, dx, n * count + i, m, v * vset(r));
    }
}

void KERNEL(sample_norm_grad)(lk_dtype type, const void *x, const void *dy, void *dx, const float *saved,
                              int64_t samples, int64_t count, float divisor)
{
#pragma omp parallel for schedule(static) if (samples * count > SERIAL_BELOW)
    for (int64_t n = 0; n < samples; n++)
        BY_TYPE(type, norm_sample_grad, x, dy, dx, saved, n, count, divisor);
}
