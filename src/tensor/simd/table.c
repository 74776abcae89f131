/* The table of one instruction set's kernels. */
#include "tensor/simd/kernels.h"

#define TEXT2(a) #a
#define TEXT(a) TEXT2(a)

const lk_simd_table JOIN(lk_simd_, SIMD_SET) = {
    .name = TEXT(SIMD_SET),
    .convert = KERNEL(convert),
    .accumulate = KERNEL(accumulate),
    .fill = KERNEL(fill),
    .act = KERNEL(act),
    .act_grad = KERNEL(act_grad),
    .act_bias_grad = KERNEL(act_bias_grad),
    .add_act = KERNEL(add_act),
    .dense_weight_grad = KERNEL(dense_weight_grad),
    .depthwise_weight_grad = KERNEL(depthwise_weight_grad),
    .shuffle = KERNEL(shuffle),
    .copy_columns = KERNEL(copy_columns),
    .resize = KERNEL(resize),
    .resize_grad = KERNEL(resize_grad),
    .pool = KERNEL(pool),
    .pool_grad = KERNEL(pool_grad),
    .moments = KERNEL(moments),
    .norm_sums = KERNEL(norm_sums),
    .affine = KERNEL(affine),
    .position_sums = KERNEL(position_sums),
    .gate = KERNEL(gate),
    .sample_norm = KERNEL(sample_norm),
    .sample_norm_grad = KERNEL(sample_norm_grad),
    .ssim = KERNEL(ssim),
    .bce = KERNEL(bce),
};
