/* vec.h: sixteen floats at a time. Arithmetic is GCC's vector extension, which
 * every compiler and CPU here lowers by itself; only what it cannot say well
 * (bf16, masks, comparisons) is spelled out for AVX-512. Include only from
 * kernel files that meson.build compiles once per instruction set. */
#ifndef LK_TENSOR_VEC_H
#define LK_TENSOR_VEC_H

#include <stdint.h>
#include <string.h>

#include "tensor/tensor.h"

#ifdef __AVX512F__
#include <immintrin.h>
#endif

#define LANES 16
#define INLINE static inline __attribute__((always_inline, unused))

typedef float vf __attribute__((vector_size(64)));
typedef int32_t vi __attribute__((vector_size(64)));
typedef uint32_t vu __attribute__((vector_size(64)));
typedef uint16_t vh __attribute__((vector_size(32)));

INLINE vf vset(float v) { return (vf){v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v}; }
INLINE vf vselect(vi mask, vf yes, vf no) { return (vf)(((vi)yes & mask) | ((vi)no & ~mask)); }
INLINE vf vmax(vf a, vf b) { return vselect(a > b, a, b); }
INLINE vf vmin(vf a, vf b) { return vselect(a < b, a, b); }

/* Lane order is fixed, so that a sum does not depend on the instruction set's own choice. */
INLINE float vsum(vf v)
{
    float s[8];
    for (int i = 0; i < 8; i++) s[i] = v[i] + v[i + 8];
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

/* Round to nearest even, subnormals to zero as the CPU's own instruction does, NaN stays NaN. */
INLINE vh bf16_from(vf v)
{
#if defined(__AVX512BF16__)
    return (vh)_mm512_cvtneps_pbh((__m512)v);
#else
    const vu u = (vu)v, magnitude = u & 0x7fffffffu;
    vu r = (u + 0x7fffu + ((u >> 16) & 1u)) >> 16;
    const vu nan = (u >> 16) | 0x40u, zero = (u >> 16) & 0x8000u;
    const vu is_nan = (vu)(magnitude > 0x7f800000u), is_small = (vu)(magnitude < 0x00800000u);
    r = (nan & is_nan) | (r & ~is_nan);
    r = (zero & is_small) | (r & ~is_small);
    return __builtin_convertvector(r, vh);
#endif
}

INLINE vf bf16_to(vh h) { return (vf)(__builtin_convertvector(h, vu) << 16); }

INLINE vf load_f32(const float *p)
{
    vf v;
    memcpy(&v, p, sizeof v);
    return v;
}

INLINE void store_f32(float *p, vf v) { memcpy(p, &v, sizeof v); }

/* Load or store elements i .. i+15 of an array of either type. */
INLINE vf load(lk_dtype type, const void *p, int64_t i)
{
    if (type == LK_F32) return load_f32((const float *)p + i);
    vh h;
    memcpy(&h, (const lk_bf16 *)p + i, sizeof h);
    return bf16_to(h);
}

INLINE void store(lk_dtype type, void *p, int64_t i, vf v)
{
    if (type == LK_F32) {
        store_f32((float *)p + i, v);
    } else {
        const vh h = bf16_from(v);
        memcpy((lk_bf16 *)p + i, &h, sizeof h);
    }
}

INLINE float load_one(lk_dtype type, const void *p, int64_t i)
{
    if (type == LK_F32) return ((const float *)p)[i];
    const uint32_t u = (uint32_t)((const lk_bf16 *)p)[i] << 16;
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

/* The same for the last n <= 16 elements; the other lanes are 0, and are not written. */
INLINE vf load_tail(lk_dtype type, const void *p, int64_t i, int n)
{
#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VL__)
    const __mmask16 m = (__mmask16)((1u << n) - 1);
    if (type == LK_F32) return (vf)_mm512_maskz_loadu_ps(m, (const float *)p + i);
    return bf16_to((vh)_mm256_maskz_loadu_epi16(m, (const lk_bf16 *)p + i));
#else
    float f[LANES] = {0};
    lk_bf16 h[LANES] = {0};
    if (type == LK_F32) {
        memcpy(f, (const float *)p + i, (size_t)n * sizeof *f);
        return load_f32(f);
    }
    memcpy(h, (const lk_bf16 *)p + i, (size_t)n * sizeof *h);
    return load(LK_BF16, h, 0);
#endif
}

INLINE void store_tail(lk_dtype type, void *p, int64_t i, int n, vf v)
{
#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VL__)
    const __mmask16 m = (__mmask16)((1u << n) - 1);
    if (type == LK_F32) _mm512_mask_storeu_ps((float *)p + i, m, (__m512)v);
    else _mm256_mask_storeu_epi16((lk_bf16 *)p + i, m, (__m256i)bf16_from(v));
#else
    float f[LANES];
    lk_bf16 h[LANES];
    if (type == LK_F32) {
        store_f32(f, v);
        memcpy((float *)p + i, f, (size_t)n * sizeof *f);
    } else {
        store(LK_BF16, h, 0, v);
        memcpy((lk_bf16 *)p + i, h, (size_t)n * sizeof *h);
    }
#endif
}

/* Up to 16 elements, for loops over channels that may be few. */
INLINE vf load_upto(lk_dtype type, const void *p, int64_t i, int n)
{
    return n == LANES ? load(type, p, i) : load_tail(type, p, i, n);
}

INLINE void store_upto(lk_dtype type, void *p, int64_t i, int n, vf v)
{
    if (n == LANES) store(type, p, i, v);
    else store_tail(type, p, i, n, v);
}

INLINE void store_one(lk_dtype type, void *p, int64_t i, float v)
{
    if (type == LK_F32) ((float *)p)[i] = v;
    else ((lk_bf16 *)p)[i] = lk_bf16_from_f32(v);
}

/* exp by range reduction to 2^k * e^r, |r| <= ln2/2, and a degree-6 polynomial; relative error below 3e-7. */
INLINE vf vexp(vf x)
{
    x = vmin(vmax(x, vset(-87.0f)), vset(88.0f));
    const vf shift = vset(12582912.0f); /* 1.5 * 2^23: adding it rounds to an integer */
    const vf kf = (x * vset(1.44269504f) + shift) - shift;
    const vf r = (x - kf * vset(0.693359375f)) + kf * vset(2.12194440e-4f);
    vf p = vset(1.3981999507e-3f);
    p = p * r + vset(8.3334519073e-3f);
    p = p * r + vset(4.1665795894e-2f);
    p = p * r + vset(1.6666665459e-1f);
    p = p * r + vset(5.0000001201e-1f);
    p = (p * r * r + r) + vset(1.0f);
    const vi k = __builtin_convertvector(kf, vi);
    return p * (vf)((k + 127) << 23);
}

INLINE vf vsigmoid(vf x) { return vset(1.0f) / (vset(1.0f) + vexp(-x)); }

/* tanh(x) = 1 - 2 / (e^2x + 1), but for small x its odd series, where it would lose digits. */
INLINE vf vtanh(vf x)
{
    const vf big = vset(1.0f) - vset(2.0f) / (vexp(x * vset(2.0f)) + vset(1.0f));
    const vf s = x * x;
    const vf series =
        x * (vset(1.0f) + s * (vset(-0.33333333f) + s * (vset(0.13333333f) + s * vset(-0.05396825f))));
    return vselect(s < vset(0.01f), series, big);
}

INLINE vf vact(lk_act a, vf slope, vf x)
{
    const vf zero = vset(0);
    switch (a) {
    case LK_ACT_NONE: return x;
    case LK_ACT_RELU: return vselect(x > zero, x, zero);
    case LK_ACT_LEAKY: return vselect(x > zero, x, x * slope);
    case LK_ACT_SIGMOID: return vsigmoid(x);
    case LK_ACT_TANH: return vtanh(x);
    case LK_ACT_SWISH: return x * vsigmoid(x);
    }
    return x;
}

/* Derivative from v: the output, or for swish the input. */
INLINE vf vact_slope(lk_act a, vf slope, vf v)
{
    const vf zero = vset(0), one = vset(1);
    switch (a) {
    case LK_ACT_NONE: return one;
    case LK_ACT_RELU: return vselect(v > zero, one, zero);
    case LK_ACT_LEAKY: return vselect(v > zero, one, slope);
    case LK_ACT_SIGMOID: return v * (one - v);
    case LK_ACT_TANH: return one - v * v;
    case LK_ACT_SWISH: {
        const vf s = vsigmoid(v);
        return s * (one + v * (one - s));
    }
    }
    return one;
}

#endif
