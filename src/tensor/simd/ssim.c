/* SSIM (Wang, Bovik, Sheikh & Simoncelli 2004) over the valid positions of a
 * separable window, with its exact gradient.
 *
 * With windowed means mx, my, e2 = mean(x^2 + y^2), exy = mean(xy):
 *   S = A1 A2 / (B1 B2),  A1 = 2 mx my + C1,   A2 = 2 (exy - mx my) + C2,
 *                         B1 = mx^2 + my^2 + C1, B2 = e2 - mx^2 - my^2 + C2,
 * and the gradient reaches a pixel through mx, e2 and exy of every window over
 * it: dx = W'(dS/dmx) + 2 x W'(dS/de2) + y W'(dS/dexy), W' the transposed window.
 *
 * A sample is streamed from top to bottom. Rings of `window` rows hold the four
 * products of the input rows and the three derivative rows of the output, so
 * the working set stays in the second-level cache whatever the picture's height.
 * Channels stay interleaved: a step of one pixel is a step of c floats. */
#include "tensor/simd/kernels.h"

#define PRODUCTS 4    /* x, y, x^2 + y^2, x y */
#define DERIVATIVES 3 /* to mx, e2, exy */

/* Rows are padded in front by what the transposed window reaches back and behind by a whole vector. */
typedef struct work {
    int64_t step;                                     /* floats a row */
    float *product, *derivative, *row, *mean, *slope; /* rings of rows; single rows */
} work;

static work layout(float *scratch, int64_t w, int64_t c, int window)
{
    work k = {.step = (int64_t)lk_ssim_row(w, c, window)};
    k.product = scratch;
    k.derivative = k.product + PRODUCTS * window * k.step;
    k.row = k.derivative + DERIVATIVES * window * k.step;
    k.mean = k.row + PRODUCTS * k.step;
    k.slope = k.mean + PRODUCTS * k.step;
    return k;
}

/* The four products of input row `y` into its place in the ring. */
static void enter_row(const work *k, const float *x, const float *y, const float *mask, int64_t row,
                      int64_t w, int64_t c, int window)
{
    float *p = k->product + row % window * PRODUCTS * k->step;
    const int64_t n = w * c;
    if (mask)
        for (int64_t i = 0; i < w; i++)
            for (int64_t j = i * c; j < (i + 1) * c; j++) {
                p[j] = x[j] * mask[i];
                p[k->step + j] = y[j] * mask[i];
            }
    for (int64_t i = 0; i < n; i += LANES) {
        const int m = (int)LK_MIN(n - i, LANES);
        const vf a = load_upto(LK_F32, mask ? p : x, i, m),
                 b = load_upto(LK_F32, mask ? p + k->step : y, i, m);
        store_f32(p + i, a); /* rows have room for the whole vector */
        store_f32(p + k->step + i, b);
        store_f32(p + 2 * k->step + i, a * a + b * b);
        store_f32(p + 3 * k->step + i, a * b);
    }
}

/* Windowed means of the output row whose window ends with input row `last`. */
static void window_means(const work *k, const float *tap, int window, int64_t last, int64_t n, int64_t valid,
                         int64_t c)
{
    for (int64_t i = 0; i < n; i += LANES) {
        vf s[PRODUCTS] = {vset(0), vset(0), vset(0), vset(0)};
        for (int t = 0; t < window; t++) {
            const float *p = k->product + (last + 1 + t) % window * PRODUCTS * k->step + i;
            for (int q = 0; q < PRODUCTS; q++) s[q] += vset(tap[t]) * load_f32(p + q * k->step);
        }
        for (int q = 0; q < PRODUCTS; q++) store_f32(k->row + q * k->step + i, s[q]);
    }
    for (int64_t i = 0; i < valid; i += LANES) {
        vf s[PRODUCTS] = {vset(0), vset(0), vset(0), vset(0)};
        for (int t = 0; t < window; t++)
            for (int q = 0; q < PRODUCTS; q++)
                s[q] += vset(tap[t]) * load_f32(k->row + q * k->step + i + t * c);
        for (int q = 0; q < PRODUCTS; q++) store_f32(k->mean + q * k->step + i, s[q]);
    }
}

/* S of the row, summed; its three derivatives into slope, `reach` floats in. */
static double similarity_row(const work *k, int64_t valid, int64_t reach)
{
    const vf c1 = vset(0.01f * 0.01f), c2 = vset(0.03f * 0.03f), two = vset(2);
    double sum = 0;
    for (int64_t i = 0; i < valid; i += LANES) {
        const int m = (int)LK_MIN(valid - i, LANES);
        const vf mx = load_upto(LK_F32, k->mean, i, m), my = load_upto(LK_F32, k->mean + k->step, i, m);
        const vf e2 = load_upto(LK_F32, k->mean + 2 * k->step, i, m),
                 exy = load_upto(LK_F32, k->mean + 3 * k->step, i, m);
        const vf squares = mx * mx + my * my, a1 = two * mx * my + c1, b1 = squares + c1;
        const vf a2 = two * (exy - mx * my) + c2, b2 = e2 - squares + c2;
        const vf q = vset(1) / (b1 * b2), s = a1 * a2 * q;
        const vf to_e2 = -s * b1 * q, to_exy = two * a1 * q;
        const vf to_mx = two * (my * a2 * q - mx * s * b2 * q) - my * to_exy - two * mx * to_e2;
        float lane[LANES];
        store_f32(lane, s);
        for (int j = 0; j < m; j++) sum += lane[j];
        store_upto(LK_F32, k->slope, reach + i, m, to_mx);
        store_upto(LK_F32, k->slope + k->step, reach + i, m, to_e2);
        store_upto(LK_F32, k->slope + 2 * k->step, reach + i, m, to_exy);
    }
    return sum;
}

/* Spread the derivatives of output row `row` over the columns, into the ring. */
static void spread_row(const work *k, const float *tap, int window, int64_t row, int64_t n, int64_t c)
{
    float *d = k->derivative + row % window * DERIVATIVES * k->step;
    const int64_t reach = (window - 1) * c;
    for (int64_t i = 0; i < n; i += LANES) {
        vf s[DERIVATIVES] = {vset(0), vset(0), vset(0)};
        for (int t = 0; t < window; t++)
            for (int q = 0; q < DERIVATIVES; q++)
                s[q] += vset(tap[t]) * load_f32(k->slope + q * k->step + reach + i - t * c);
        for (int q = 0; q < DERIVATIVES; q++) store_f32(d + q * k->step + i, s[q]);
    }
}

/* Add the gradient of input row `row`, which output rows row-window+1 .. row reach, as far as they exist. */
static void leave_row(const work *k, const float *x, const float *y, const float *mask, float *grad,
                      const float *tap, int window, int64_t row, int64_t outputs, float scale, int64_t w,
                      int64_t c)
{
    const int64_t n = w * c, from = LK_MAX(0, row - window + 1), to = LK_MIN(row, outputs - 1);
    float *total = k->row; /* free again by now */
    for (int64_t i = 0; i < n; i += LANES) {
        const int m = (int)LK_MIN(n - i, LANES);
        vf s[DERIVATIVES] = {vset(0), vset(0), vset(0)};
        for (int64_t o = from; o <= to; o++)
            for (int q = 0; q < DERIVATIVES; q++)
                s[q] += vset(tap[row - o]) *
                        load_f32(k->derivative + (o % window * DERIVATIVES + q) * k->step + i);
        if (mask) {
            for (int q = 0; q < DERIVATIVES; q++) store_f32(total + q * k->step + i, s[q]);
            continue;
        }
        const vf a = load_upto(LK_F32, x, i, m), b = load_upto(LK_F32, y, i, m);
        store_upto(LK_F32, grad, i, m,
                   load_upto(LK_F32, grad, i, m) + vset(scale) * (s[0] + vset(2) * a * s[1] + b * s[2]));
    }
    if (!mask) return;
    for (int64_t i = 0; i < w; i++)
        for (int64_t j = i * c; j < (i + 1) * c; j++)
            grad[j] += scale * mask[i] *
                       (total[j] + mask[i] * (2 * x[j] * total[k->step + j] + y[j] * total[2 * k->step + j]));
}

static double sample_ssim(const float *x, const float *y, const float *mask, float *grad, lk_shape s,
                          const float *tap, int window, float scale, float *scratch)
{
    const work k = layout(scratch, s.w, s.c, window);
    const int64_t n = (int64_t)s.w * s.c, valid = (int64_t)(s.w - window + 1) * s.c,
                  outputs = s.h - window + 1;
    const int64_t reach = (int64_t)(window - 1) * s.c;
    double sum = 0;
    memset(scratch, 0, sizeof(float) * lk_ssim_floats(s.w, s.c, window)); /* the padding must be zero */
    for (int64_t row = 0; row < s.h + window - 1; row++) {
        const int64_t out = row - window + 1; /* the output row that this input row completes */
        if (row < s.h)
            enter_row(&k, x + row * n, y + row * n, mask ? mask + row * s.w : NULL, row, s.w, s.c, window);
        if (out >= 0 && out < outputs) {
            window_means(&k, tap, window, row, n, valid, s.c);
            sum += similarity_row(&k, valid, reach);
            if (grad) spread_row(&k, tap, window, out, n, s.c);
        }
        /* input row `out` has had its last output row, which is output row `out` */
        if (grad && out >= 0)
            leave_row(&k, x + out * n, y + out * n, mask ? mask + out * s.w : NULL, grad + out * n, tap,
                      window, out, outputs, scale, s.w, s.c);
    }
    return sum;
}

double KERNEL(ssim)(const float *x, const float *y, const float *mask, float *grad, lk_shape s,
                    const float *tap, int window, float scale, float *scratch)
{
    const int64_t area = (int64_t)s.h * s.w, sample = area * s.c;
    const size_t floats = lk_ssim_floats(s.w, s.c, window);
    double slice[LK_SIMD_SLICES], sum = 0;
#pragma omp parallel for schedule(static)
    for (int k = 0; k < LK_SIMD_SLICES; k++) {
        slice[k] = 0;
        for (int64_t n = (int64_t)s.n * k / LK_SIMD_SLICES; n < (int64_t)s.n * (k + 1) / LK_SIMD_SLICES; n++)
            slice[k] += sample_ssim(x + n * sample, y + n * sample, mask ? mask + n * area : NULL,
                                    grad ? grad + n * sample : NULL, s, tap, window, scale,
                                    scratch + (size_t)k * floats);
    }
    for (int k = 0; k < LK_SIMD_SLICES; k++) sum += slice[k];
    return sum;
}
