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
    void (*act_grad)(lk_dtype type, lk_act act, float slope, const void *v, const void *dy, void *dx, int64_t count);
    /* The same over (rows, channels), adding the column sums to dbias (may be NULL). Without an activation dx is
     * not written. partial: LK_SIMD_SLICES * channels floats. */
    void (*act_bias_grad)(lk_dtype type, lk_act act, float slope, const void *v, const void *dy, void *dx, float *dbias,
                          float *partial, int64_t rows, int64_t channels);
    /* y = act(a + b); pre, when not NULL, gets a + b */
    void (*add_act)(lk_dtype type, lk_act act, float slope, const void *a, const void *b, void *pre, void *y,
                    int64_t count);

    /* --- dense.c --- */
    /* dweight(units, features) += sum over n of g(n, units) x(n, features) */
    void (*dense_weight_grad)(lk_dtype type, const void *x, const void *g, float *dweight, int64_t n, int64_t features,
                              int64_t units);
} lk_simd_table;

const lk_simd_table *lk_simd(void);

extern const lk_simd_table lk_simd_avx512, lk_simd_avx2, lk_simd_plain;

#endif
