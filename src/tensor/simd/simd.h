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

typedef struct lk_simd_table {
    const char *name;
    /* from the other type into `to` */
    void (*convert)(lk_dtype to, const void *src, void *dst, int64_t count);
    /* acc += x, in place */
    void (*accumulate)(lk_dtype type, void *acc, const void *x, int64_t count);
    void (*fill)(lk_dtype type, void *dst, float value, int64_t count);
} lk_simd_table;

const lk_simd_table *lk_simd(void);

extern const lk_simd_table lk_simd_avx512, lk_simd_avx2, lk_simd_plain;

#endif
