/* simd.h: our own kernels for everything that is bound by memory rather than by
 * arithmetic. The files that define them are compiled once for each
 * instruction set in meson.build (avx512 with bf16, avx2, plain); each compile
 * yields one table of functions, and lk_simd() picks the best that the CPU runs.
 * Every kernel takes f32 or bf16 by `type`, computes in f32, is threaded with a
 * static schedule and reduces in an order fixed by the thread count.
 *
 * A count is in elements. Buffers of different arguments may be the same buffer
 * (in place) where "in place" is said, and may not overlap otherwise. */
#ifndef LK_TENSOR_SIMD_H
#define LK_TENSOR_SIMD_H

#include "tensor/op.h"

/* Sums over rows are made in this many slices, whatever the number of threads, and added in order. */
#define LK_SIMD_SLICES 16

typedef struct lk_simd_table {
    const char *name;
    /* from the other type into `to` */
    void (*convert)(lk_dtype to, const void *src, void *dst, int64_t count);
    /* acc += x, in place */
    void (*accumulate)(lk_dtype type, void *acc, const void *x, int64_t count);
    void (*fill)(lk_dtype type, void *dst, float value, int64_t count);

    /* --- pointwise.c --- */
    /* y = act(x); in place allowed */
    void (*act)(lk_dtype type, lk_act act, float slope, const void *x, void *y, int64_t count);
    /* dx = dy * act'(v); v is the output, or for swish the input; in place on dy allowed */
    void (*act_grad)(lk_dtype type, lk_act act, float slope, const void *v, const void *dy, void *dx,
                     int64_t count);
    /* The same over (rows, channels), adding the column sums to dbias (may be NULL). Without an activation dx
     * is not written. partial: LK_SIMD_SLICES * (channels rounded up to 16) floats. */
    void (*act_bias_grad)(lk_dtype type, lk_act act, float slope, const void *v, const void *dy, void *dx,
                          float *dbias, float *partial, int64_t rows, int64_t channels);
    /* y = act(a + b); pre, when not NULL, gets a + b */
    void (*add_act)(lk_dtype type, lk_act act, float slope, const void *a, const void *b, void *pre, void *y,
                    int64_t count);

    /* --- dense.c --- */
    /* dweight(units, features) += sum over n of g(n, units) x(n, features) */
    void (*dense_weight_grad)(lk_dtype type, const void *x, const void *g, float *dweight, int64_t n,
                              int64_t features, int64_t units);

    /* --- depthwise.c: dweight(channels, k, k) += gradient; partial: lk_depthwise_floats --- */
    void (*depthwise_weight_grad)(lk_dtype type, const void *x, const void *g, float *dweight, float *partial,
                                  lk_shape in, lk_shape out, int k, int stride, int pad);

    /* --- spatial.c; s is the shape of the smaller picture for resize, of the input for pools --- */
    /* rows: n * h of the input (narrow); w, c: width of the input, channels of the output (wide); back: wide
     * -> narrow */
    void (*shuffle)(lk_dtype type, void *narrow, void *wide, int64_t rows, int64_t w, int64_t c, int r,
                    bool back);
    /* rows runs of bytes, steps in bytes */
    void (*copy_columns)(const void *src, int64_t src_step, void *dst, int64_t dst_step, int64_t bytes,
                         int64_t rows);
    void (*resize)(lk_dtype type, const void *x, void *y, lk_shape s, int r);
    void (*resize_grad)(lk_dtype type, const void *dy, void *dx, lk_shape s, int r);
    /* largest: maximum, else mean */
    void (*pool)(lk_dtype type, bool largest, const void *x, void *y, lk_shape s, int k);
    void (*pool_grad)(lk_dtype type, bool largest, const void *x, const void *dy, void *dx, lk_shape s,
                      int k);

    /* --- channels.c; partial: 2 * max(groups, LK_SIMD_SLICES) * channels floats --- */
    void (*moments)(lk_dtype type, const void *x, float *partial, float *mean, float *var, int64_t groups,
                    int64_t rows, int64_t channels);
    /* sum of dy, and of dy times the normalised x */
    void (*norm_sums)(lk_dtype type, const void *x, const void *dy, const float *mean, const float *inverse,
                      float *partial, float *sum, float *dot, int64_t groups, int64_t rows, int64_t channels);
    /* y = (x - mean) * k1 + k2, and + k3 * dy when dy is not NULL */
    void (*affine)(lk_dtype type, const void *x, const void *dy, void *y, const float *mean, const float *k1,
                   const float *k2, const float *k3, int64_t groups, int64_t rows, int64_t channels);
    /* y(groups, channels) = sum over rows of x * dy; with dy NULL the mean of x */
    void (*position_sums)(lk_dtype type, const void *x, const void *dy, float *partial, void *y,
                          int64_t groups, int64_t rows, int64_t channels);
    /* y = x * gate(groups, channels); with x NULL, y = factor * gate */
    void (*gate)(lk_dtype type, const void *x, const void *gate, float factor, void *y, int64_t groups,
                 int64_t rows, int64_t channels);
    /* y = x * r, r = (sum x^2 / divisor + epsilon)^-1/2 of each sample; r into saved when not NULL */
    void (*sample_norm)(lk_dtype type, const void *x, void *y, float *saved, int64_t samples, int64_t count,
                        float divisor, float epsilon);
    void (*sample_norm_grad)(lk_dtype type, const void *x, const void *dy, void *dx, const float *saved,
                             int64_t samples, int64_t count, float divisor);

    /* --- ssim.c: sum of SSIM over all valid positions; scale times its gradient is added to grad (may be
     * NULL). mask (n, h, w) may be NULL; tap: the window; scratch: LK_SIMD_SLICES * lk_ssim_floats --- */
    double (*ssim)(const float *x, const float *y, const float *mask, float *grad, lk_shape s,
                   const float *tap, int window, float scale, float *scratch);
    /* --- bce.c: sum of weights * cross entropy; scale times its gradient is added to grad. target, weights
     * and grad may be NULL --- */
    double (*bce)(const float *x, const float *target, float label, const float *weights, float *grad,
                  float scale, int64_t count);
} lk_simd_table;

#define LK_SSIM_MAX_WINDOW 64

/* Floats in one row of ssim's scratch: the picture's, the window's reach on both sides, a vector; and in all
 * of it. */
static inline size_t lk_ssim_row(int64_t w, int64_t c, int window)
{
    return ((size_t)(w * c) + 2 * (size_t)(window - 1) * (size_t)c + 31) / 16 * 16;
}
static inline size_t lk_ssim_floats(int64_t w, int64_t c, int window)
{
    return lk_ssim_row(w, c, window) *
           (7 * (size_t)window + 4 + 4 + 3); /* rings of 4 and 3 rows, single rows */
}

static inline size_t lk_depthwise_floats(int64_t channels, int k)
{
    return (size_t)LK_SIMD_SLICES * ((size_t)(channels + 15) / 16 * 16) * (size_t)k * (size_t)k;
}

const lk_simd_table *lk_simd(void);

extern const lk_simd_table lk_simd_avx512, lk_simd_avx2, lk_simd_plain;

#endif
