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

void KERNEL(f32_to_bf16)(const float *src, lk_bf16 *dst, int64_t count);
void KERNEL(bf16_to_f32)(const lk_bf16 *src, float *dst, int64_t count);
void KERNEL(accumulate)(lk_dtype type, void *acc, const void *x, int64_t count);
void KERNEL(fill)(lk_dtype type, void *dst, float value, int64_t count);

#endif
