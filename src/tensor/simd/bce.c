/* Binary cross entropy on logits: max(x,0) - x t + log(1 + e^-|x|), in which
 * neither side can overflow. */
#include "tensor/simd/kernels.h"

/* log(1 + e) for e in 0..1 as 2 atanh(s), s = e / (2 + e) <= 1/3, by its series; error below 2e-8. */
INLINE vf log1p_unit(vf e)
{
    const vf s = e / (vset(2) + e), q = s * s;
    vf p = vset(1.0f / 13);
    p = p * q + vset(1.0f / 11);
    p = p * q + vset(1.0f / 9);
    p = p * q + vset(1.0f / 7);
    p = p * q + vset(1.0f / 5);
    p = p * q + vset(1.0f / 3);
    p = p * q + vset(1);
    return vset(2) * s * p;
}

static double slice_bce(const float *x, const float *target, float label, const float *weights, float *grad,
                        float scale, int64_t i, int64_t end)
{
    double sum = 0;
    for (; i < end; i += LANES) {
        const int n = (int)LK_MIN(end - i, LANES);
        const vf v = load_upto(LK_F32, x, i, n), t = target ? load_upto(LK_F32, target, i, n) : vset(label);
        const vf w = weights ? load_upto(LK_F32, weights, i, n) : vset(1), zero = vset(0), one = vset(1);
        const vf e = vexp(vselect(v > zero, -v, v)), loss = w * (vmax(v, zero) - v * t + log1p_unit(e));
        float lane[LANES];
        store_f32(lane, loss);
        for (int k = 0; k < n; k++) sum += lane[k];
        if (!grad) continue;
        const vf probability = vselect(v > zero, one, e) / (one + e);
        store_upto(LK_F32, grad, i, n, load_upto(LK_F32, grad, i, n) + vset(scale) * w * (probability - t));
    }
    return sum;
}

double KERNEL(bce)(const float *x, const float *target, float label, const float *weights, float *grad,
                   float scale, int64_t count)
{
    double slice[LK_SIMD_SLICES], sum = 0;
#pragma omp parallel for schedule(static) if (count > SERIAL_BELOW)
    for (int k = 0; k < LK_SIMD_SLICES; k++)
        slice[k] = slice_bce(x, target, label, weights, grad, scale, count * k / LK_SIMD_SLICES,
                             count * (k + 1) / LK_SIMD_SLICES);
    for (int k = 0; k < LK_SIMD_SLICES; k++) sum += slice[k];
    return sum;
}
