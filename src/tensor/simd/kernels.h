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
    const int64_t blocks = (count + LANES - 1) / LANES, threads = omp_get_num_threads(),
                  me = omp_get_thread_num();
    *first = blocks * me / threads * LANES;
    *end = LK_MIN(blocks * (me + 1) / threads * LANES, count);
}

/* Run BODY(type, ..., first, end) over the parts of `count` with the type made a constant. */
#define BY_TYPE(type, body, ...)                         \
    do {                                                 \
        if ((type) == LK_F32) body(LK_F32, __VA_ARGS__); \
        else body(LK_BF16, __VA_ARGS__);                 \
    } while (0)

#define IN_PARTS(count, type, body, ...)                    \
    do {                                                    \
        _Pragma("omp parallel if ((count) > SERIAL_BELOW)") \
        {                                                   \
            int64_t first_, end_;                           \
            my_part((count), &first_, &end_);               \
            BY_TYPE(type, body, __VA_ARGS__, first_, end_); \
        }                                                   \
    } while (0)

/* Every kernel of the table, declared with the table's own types. */
#define DECLARE(name) __typeof__(*(((lk_simd_table *)0)->name)) KERNEL(name)
DECLARE(convert);
DECLARE(accumulate);
DECLARE(fill);
DECLARE(act);
DECLARE(act_grad);
DECLARE(act_bias_grad);
DECLARE(add_act);
DECLARE(dense_weight_grad);
DECLARE(depthwise_weight_grad);
DECLARE(shuffle);
DECLARE(copy_columns);
DECLARE(resize);
DECLARE(resize_grad);
DECLARE(pool);
DECLARE(pool_grad);
DECLARE(moments);
DECLARE(norm_sums);
DECLARE(affine);
DECLARE(position_sums);
DECLARE(gate);
DECLARE(sample_norm);
DECLARE(sample_norm_grad);
DECLARE(ssim);
DECLARE(bce);
#undef DECLARE

#endif
