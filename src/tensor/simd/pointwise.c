/* Activations, their gradients with the bias sums, and sums of two tensors.
 * Each is one pass over memory. */
#include "tensor/simd/kernels.h"

/* Expand BODY for each activation, so that the choice is made once and not per element. */
#define BY_ACT(act, CALL)                             \
    switch (act) {                                    \
    case LK_ACT_NONE: CALL(LK_ACT_NONE); break;       \
    case LK_ACT_RELU: CALL(LK_ACT_RELU); break;       \
    case LK_ACT_LEAKY: CALL(LK_ACT_LEAKY); break;     \
    case LK_ACT_SIGMOID: CALL(LK_ACT_SIGMOID); break; \
    case LK_ACT_TANH: CALL(LK_ACT_TANH); break;       \
    case LK_ACT_SWISH: CALL(LK_ACT_SWISH); break;     \
    }

INLINE void act_loop(lk_dtype type, lk_act act, float slope, const void *x, void *y, int64_t i, int64_t end)
{
    const vf s = vset(slope);
    for (; i + LANES <= end; i += LANES) store(type, y, i, vact(act, s, load(type, x, i)));
    const int n = (int)(end - i);
    if (n > 0) store_tail(type, y, i, n, vact(act, s, load_tail(type, x, i, n)));
}

INLINE void act_body(lk_dtype type, lk_act act, float slope, const void *x, void *y, int64_t i, int64_t end)
{
#define CALL(a) act_loop(type, a, slope, x, y, i, end)
    BY_ACT(act, CALL)
#undef CALL
}

void KERNEL(act)(lk_dtype type, lk_act act, float slope, const void *x, void *y, int64_t count)
{
    IN_PARTS(count, type, act_body, act, slope, x, y);
}

INLINE void grad_loop(lk_dtype type, lk_act act, float slope, const void *v, const void *dy, void *dx,
                      int64_t i, int64_t end)
{
    const vf s = vset(slope);
    for (; i + LANES <= end; i += LANES)
        store(type, dx, i, load(type, dy, i) * vact_slope(act, s, load(type, v, i)));
    const int n = (int)(end - i);
    if (n > 0)
        store_tail(type, dx, i, n, load_tail(type, dy, i, n) * vact_slope(act, s, load_tail(type, v, i, n)));
}

INLINE void grad_body(lk_dtype type, lk_act act, float slope, const void *v, const void *dy, void *dx,
                      int64_t i, int64_t end)
{
#define CALL(a) grad_loop(type, a, slope, v, dy, dx, i, end)
    BY_ACT(act, CALL)
#undef CALL
}

void KERNEL(act_grad)(lk_dtype type, lk_act act, float slope, const void *v, const void *dy, void *dx,
                      int64_t count)
{
    IN_PARTS(count, type, grad_body, act, slope, v, dy, dx);
}

INLINE int64_t padded(int64_t channels) { return (channels + LANES - 1) / LANES * LANES; }

/* Sixteen rows of few channels are `channels` whole vectors, whose lanes fold onto the channels afterwards.
 * Row by row, the sums would wait for one masked store after the other. */
INLINE void narrow_loop(lk_dtype type, lk_act act, float slope, const void *v, const void *dy, void *dx,
                        float *sum, int64_t first, int64_t end, int64_t channels)
{
    float lane[LANES * LANES] = {0};
    const vf s = vset(slope);
    const int64_t span = LANES * channels;
    for (int64_t i = first * channels; i < end * channels; i += span)
        for (int64_t j = 0; j < span && i + j < end * channels; j += LANES) {
            const int n = (int)LK_MIN(end * channels - i - j, LANES);
            vf g = load_upto(type, dy, i + j, n);
            if (act != LK_ACT_NONE) {
                g *= vact_slope(act, s, load_upto(type, v, i + j, n));
                store_upto(type, dx, i + j, n, g);
            }
            store_f32(lane + j, load_f32(lane + j) + g);
        }
    for (int64_t j = 0; j < span; j++) sum[j % channels] += lane[j];
}

/* One slice of rows: dx, and its column sums into sum (zeroed here). */
INLINE void bias_loop(lk_dtype type, lk_act act, float slope, const void *v, const void *dy, void *dx,
                      float *sum, int64_t first, int64_t end, int64_t channels)
{
    const vf s = vset(slope);
    memset(sum, 0, (size_t)padded(channels) * sizeof *sum);
    if (channels < LANES) {
        narrow_loop(type, act, slope, v, dy, dx, sum, first, end, channels);
        return;
    }
    for (int64_t r = first; r < end; r++)
        for (int64_t c = 0; c < channels; c += LANES) {
            const int n = (int)LK_MIN(channels - c, LANES);
            const int64_t i = r * channels + c;
            vf g = load_upto(type, dy, i, n);
            if (act != LK_ACT_NONE) {
                g *= vact_slope(act, s, load_upto(type, v, i, n));
                store_upto(type, dx, i, n, g);
            }
            store_f32(sum + c, load_f32(sum + c) + g);
        }
}

INLINE void bias_body(lk_dtype type, lk_act act, float slope, const void *v, const void *dy, void *dx,
                      float *sum, int64_t first, int64_t end, int64_t channels)
{
#define CALL(a) bias_loop(type, a, slope, v, dy, dx, sum, first, end, channels)
    BY_ACT(act, CALL)
#undef CALL
}

void KERNEL(act_bias_grad)(lk_dtype type, lk_act act, float slope, const void *v, const void *dy, void *dx,
                           float *dbias, float *partial, int64_t rows, int64_t channels)
{
    if (!dbias) {
        KERNEL(act_grad)(type, act, slope, v, dy, dx, rows * channels);
        return;
    }
#pragma omp parallel for schedule(static) if (rows * channels > SERIAL_BELOW)
    for (int64_t k = 0; k < LK_SIMD_SLICES; k++)
        BY_TYPE(type, bias_body, act, slope, v, dy, dx, partial + k * padded(channels),
                rows * k / LK_SIMD_SLICES, rows * (k + 1) / LK_SIMD_SLICES, channels);
    for (int64_t k = 0; k < LK_SIMD_SLICES; k++)
        for (int64_t c = 0; c < channels; c++) dbias[c] += partial[k * padded(channels) + c];
}

INLINE void add_loop(lk_dtype type, lk_act act, float slope, const void *a, const void *b, void *pre, void *y,
                     int64_t i, int64_t end)
{
    const vf s = vset(slope);
    for (; i + LANES <= end; i += LANES) {
        const vf v = load(type, a, i) + load(type, b, i);
        if (pre) store(type, pre, i, v);
        store(type, y, i, vact(act, s, v));
    }
    const int n = (int)(end - i);
    if (n <= 0) return;
    const vf v = load_tail(type, a, i, n) + load_tail(type, b, i, n);
    if (pre) store_tail(type, pre, i, n, v);
    store_tail(type, y, i, n, vact(act, s, v));
}

INLINE void add_body(lk_dtype type, lk_act act, float slope, const void *a, const void *b, void *pre, void *y,
                     int64_t i, int64_t end)
{
#define CALL(k) add_loop(type, k, slope, a, b, pre, y, i, end)
    BY_ACT(act, CALL)
#undef CALL
}

void KERNEL(add_act)(lk_dtype type, lk_act act, float slope, const void *a, const void *b, void *pre, void *y,
                     int64_t count)
{
    IN_PARTS(count, type, add_body, act, slope, a, b, pre, y);
}
