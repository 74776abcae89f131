/* Kernels over plain arrays: conversion, filling, accumulation. */
#include "tensor/simd/kernels.h"

void KERNEL(f32_to_bf16)(const float *src, lk_bf16 *dst, int64_t count)
{
    const int64_t whole = count / LANES * LANES;
#pragma omp parallel for schedule(static) if (count > SERIAL_BELOW)
    for (int64_t i = 0; i < whole; i += LANES) store(LK_BF16, dst, i, load(LK_F32, src, i));
    if (whole < count) store_tail(LK_BF16, dst, whole, (int)(count - whole), load_tail(LK_F32, src, whole, (int)(count - whole)));
}

void KERNEL(bf16_to_f32)(const lk_bf16 *src, float *dst, int64_t count)
{
    const int64_t whole = count / LANES * LANES;
#pragma omp parallel for schedule(static) if (count > SERIAL_BELOW)
    for (int64_t i = 0; i < whole; i += LANES) store(LK_F32, dst, i, load(LK_BF16, src, i));
    if (whole < count) store_tail(LK_F32, dst, whole, (int)(count - whole), load_tail(LK_BF16, src, whole, (int)(count - whole)));
}

INLINE void accumulate_body(lk_dtype type, void *acc, const void *x, int64_t count)
{
    const int64_t whole = count / LANES * LANES;
#pragma omp parallel for schedule(static) if (count > SERIAL_BELOW)
    for (int64_t i = 0; i < whole; i += LANES) store(type, acc, i, load(type, acc, i) + load(type, x, i));
    const int rest = (int)(count - whole);
    if (rest) store_tail(type, acc, whole, rest, load_tail(type, acc, whole, rest) + load_tail(type, x, whole, rest));
}

void KERNEL(accumulate)(lk_dtype type, void *acc, const void *x, int64_t count)
{
    if (type == LK_F32) accumulate_body(LK_F32, acc, x, count);
    else accumulate_body(LK_BF16, acc, x, count);
}

void KERNEL(fill)(lk_dtype type, void *dst, float value, int64_t count)
{
    const int64_t whole = count / LANES * LANES;
#pragma omp parallel for schedule(static) if (count > SERIAL_BELOW)
    for (int64_t i = 0; i < whole; i += LANES) store(type, dst, i, vset(value));
    if (whole < count) store_tail(type, dst, whole, (int)(count - whole), vset(value));
}
