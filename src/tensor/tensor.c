/* Tensors themselves: bf16, conversion, filling, accumulation, and which
 * instruction set does it. */
#include "tensor/tensor.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/simd/simd.h"

float lk_bf16_to_f32(lk_bf16 v)
{
    const uint32_t u = (uint32_t)v << 16;
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

/* Subnormals become zero, as in the CPU's own conversion, so that every path gives the same bytes. */
lk_bf16 lk_bf16_from_f32(float v)
{
    uint32_t u;
    memcpy(&u, &v, sizeof u);
    const uint32_t magnitude = u & 0x7fffffffu;
    if (magnitude > 0x7f800000u) return (lk_bf16)((u >> 16) | 0x40u);
    if (magnitude < 0x00800000u) return (lk_bf16)((u >> 16) & 0x8000u);
    return (lk_bf16)((u + 0x7fffu + ((u >> 16) & 1u)) >> 16);
}

static const lk_simd_table *chosen;
static pthread_once_t chosen_once = PTHREAD_ONCE_INIT;

/* The best set that the CPU runs, or a lesser one by LIKENESS_SIMD=avx2|plain (to test or compare). */
static void choose_set(void)
{
    const char *asked = getenv("LIKENESS_SIMD");
    chosen = &lk_simd_plain;
    if (asked && !strcmp(asked, "plain")) return;
#ifdef LK_SIMD_X86
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) chosen = &lk_simd_avx2;
    if (asked && !strcmp(asked, "avx2")) return;
    if (__builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq"))
        chosen = &lk_simd_avx512;
#endif
}

const lk_simd_table *lk_simd(void)
{
    pthread_once(&chosen_once, choose_set);
    return chosen;
}

bool lk_cpu_has_bf16(void)
{
    const char *asked = getenv("LIKENESS_DTYPE");
    if (asked && !strcmp(asked, "f32")) return false;
    if (asked && !strcmp(asked, "bf16")) return true;
#ifdef LK_SIMD_X86
    return __builtin_cpu_supports("avx512bf16"); /* every CPU with amx has it too */
#else
    return false;
#endif
}

void lk_tensor_convert(const lk_tensor *src, lk_tensor *dst)
{
    const int64_t count = lk_shape_count(src->shape);
    assert(count == lk_shape_count(dst->shape));
    if (src->data == dst->data && src->type == dst->type) return;
    if (src->type == dst->type) {
        const int64_t bytes = (int64_t)lk_tensor_bytes(src), chunk = 16384, whole = bytes / chunk * chunk;
        lk_simd()->copy_columns(src->data, chunk, dst->data, chunk, chunk, bytes / chunk);
        memcpy((char *)dst->data + whole, (const char *)src->data + whole, (size_t)(bytes - whole));
    } else {
        lk_simd()->convert(dst->type, src->data, dst->data, count);
    }
}

void lk_tensor_accumulate(lk_tensor *acc, const lk_tensor *x)
{
    assert(acc->type == x->type && lk_shape_count(acc->shape) == lk_shape_count(x->shape));
    lk_simd()->accumulate(acc->type, acc->data, x->data, lk_shape_count(acc->shape));
}

void lk_tensor_fill(lk_tensor *t, float value)
{
    lk_simd()->fill(t->type, t->data, value, lk_shape_count(t->shape));
}
