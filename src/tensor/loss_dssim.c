/* Structural dissimilarity; the arithmetic is in simd/ssim.c. */
#include "tensor/tensor.h"

#include <assert.h>
#include <math.h>

#include "tensor/simd/simd.h"

size_t lk_loss_dssim_scratch(lk_shape s, int window)
{
    return sizeof(float) * LK_SIMD_SLICES * lk_ssim_floats(s.w, s.c, window);
}

double lk_loss_dssim(const lk_tensor *x, const lk_tensor *y, const lk_tensor *mask, int window, float sigma,
                     float weight, lk_tensor *grad, void *scratch)
{
    const lk_shape s = x->shape;
    float tap[LK_SSIM_MAX_WINDOW];
    double sum = 0;
    assert(x->type == LK_F32 && y->type == LK_F32);
    assert(window >= 1 && window <= LK_SSIM_MAX_WINDOW && s.h >= window && s.w >= window);
    for (int k = 0; k < window; k++) {
        const double d = (k - (window - 1) / 2.0) / sigma;
        tap[k] = (float)exp(-0.5 * d * d);
        sum += tap[k];
    }
    for (int k = 0; k < window; k++) tap[k] = (float)(tap[k] / sum);
    const double values = (double)s.n * (s.h - window + 1) * (s.w - window + 1) * s.c;
    const double similarity =
        lk_simd()->ssim(x->data, y->data, mask ? mask->data : NULL, grad ? grad->data : NULL, s, tap, window,
                        (float)(-0.5 * weight / values), scratch);
    return 0.5 * weight * (1 - similarity / values);
}
