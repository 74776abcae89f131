/* kernels.h: what the kernel files share. Each is compiled with SIMD_SET set to
 * avx512, avx2 or plain, and its functions carry that name at the end. */
#ifndef LK_TENSOR_KERNELS_H
#define LK_TENSOR_KERNELS_H

#include <omp.h>

#include "tensor/simd/simd.h"
#include "tensor/simd/vec.h"

#define JOIN2(a, b) a##b
#define JOIN(a, b) JOIN2(a, b)
#define KERNEL(name) JOIN(JOIN(lk_simd_, name##_), SIMD_SET)

/* Below this many elements waking the other threads costs more than it saves. */
#define SERIAL_BELOW 16384

/* This thread's part of 0..count, cut at multiples of 16. Called inside a parallel region. A kernel's body is
 * an INLINE function over such a part, called with a constant type, so that the compiler specialises it; the
 * pragma stays outside because an outlined region would lose the constant. */
INLINE void my_part(int64_t count, int64_t *first, int64_t *end)
{
    const int64_t blocks = (count + LANES - 1) / LANES, threads = omp_get_num_threads(), me = omp_get_thread_num();
    *first = blocks * me / threads * LANES;
    *end = LK_MIN(blocks * (me + 1) / threads * LANES, count);
}

/* Run BODY(type, ..., first, end) over the parts of `count` with the type made a constant. */
#define BY_TYPE(type, body, ...) \
    do { if ((type) == LK_F32) body(LK_F32, __VA_ARGS__); else body(LK_BF16, __VA_ARGS__); } while (0)

#define IN_PARTS(count, type, body, ...)                                        \
    do {                                                                        \
        _Pragma("omp parallel if ((count) > SERIAL_BELOW)")                     \
        {                                                                       \
            int64_t first_, end_;                                               \
            my_part((count), &first_, &end_);                                   \
            BY_TYPE(type, body, __VA_ARGS__, first_, end_);                     \
        }                                                                       \
    } while (0)

void KERNEL(convert)(lk_dtype to, const void *src, void *dst, int64_t count);
void KERNEL(accumulate)(lk_dtype type, void *acc, const void *x, int64_t count);
void KERNEL(fill)(lk_dtype type, void *dst, float value, int64_t count);
void KERNEL(act)(lk_dtype type, lk_act act, float slope, const void *x, void *y, int64_t count);
void KERNEL(act_grad)(lk_dtype type, lk_act act, float slope, const void *v, const void *dy, void *dx, int64_t count);
void KERNEL(act_bias_grad)(lk_dtype type, lk_act act, float slope, const void *v, const void *dy, void *dx, float *dbias,
                           float *partial, int64_t rows, int64_t channels);
void KERNEL(add_act)(lk_dtype type, lk_act act, float slope, const void *a, const void *b, void *pre, void *y,
                     int64_t count);
void KERNEL(dense_weight_grad)(lk_dtype type, const void *x, const void *g, float *dweight, int64_t n, int64_t features,
                               int64_t units);

#endif
