/* Kernels over plain arrays: conversion, filling, accumulation. */
#include "tensor/simd/kernels.h"

/* Named by the type that is written. */
INLINE void convert_body(lk_dtype to, const void *src, void *dst, int64_t i, int64_t end)
{
    const lk_dtype from = to == LK_F32 ? LK_BF16 : LK_F32;
    for (; i + LANES <= end; i += LANES) store(to, dst, i, load(from, src, i));
    if (i < end) store_tail(to, dst, i, (int)(end - i), load_tail(from, src, i, (int)(end - i)));
}

void KERNEL(convert)(lk_dtype to, const void *src, void *dst, int64_t count)
{
    IN_PARTS(count, to, convert_body, src, dst);
}

INLINE void accumulate_body(lk_dtype type, void *acc, const void *x, int64_t i, int64_t end)
{
    for (; i + LANES <= end; i += LANES) store(type, acc, i, load(type, acc, i) + load(type, x, i));
    const int n = (int)(end - i);
    if (n > 0) store_tail(type, acc, i, n, load_tail(type, acc, i, n) + load_tail(type, x, i, n));
}

void KERNEL(accumulate)(lk_dtype type, void *acc, const void *x, int64_t count)
{
    IN_PARTS(count, type, accumulate_body, acc, x);
}

INLINE void fill_body(lk_dtype type, void *dst, float value, int64_t i, int64_t end)
{
    for (; i + LANES <= end; i += LANES) store(type, dst, i, vset(value));
    if (i < end) store_tail(type, dst, i, (int)(end - i), vset(value));
}

void KERNEL(fill)(lk_dtype type, void *dst, float value, int64_t count)
{
    IN_PARTS(count, type, fill_body, dst, value);
}
