/* sharpen.c: give the made face the sharpness of the frame around it.
 *
 * A decoder of 96 px draws eyes and teeth soft. How sharp the frame itself is at
 * that scale is seen in its own crop: the ratios of the energies of the two finest
 * bands say how much those of the made face have to be raised, or, in a frame
 * blurred by motion or focus, lowered.
 */
#include <math.h>

#include "make/swap/render.h"

/* 5-tap binomial with taps `step` pixels apart (the "a trous" pyramid), interleaved data, both directions,
 * border clamped; tmp as large as src. */
SWAP_CLONES
static void smooth(const float *restrict src, float *restrict dst, float *restrict tmp, int w, int h, int c,
                   int step)
{
    int line = w * c, near = step * c, far = 2 * near;
    for (int y = 0; y < h; y++) {
        const float *p = src + y * line;
        float *q = tmp + y * line;
        for (int x = 0; x < line; x++) {
            if (x >= far && x + far < line) {
                q[x] = (p[x - far] + p[x + far] + 4 * (p[x - near] + p[x + near]) + 6 * p[x]) * (1 / 16.0f);
                continue;
            }
            int first = x % c, last = line - c + first;
            int a = x >= far ? x - far : first, b = x >= near ? x - near : first;
            int d = x + near < line ? x + near : last, e = x + far < line ? x + far : last;
            q[x] = (p[a] + p[e] + 4 * (p[b] + p[d]) + 6 * p[x]) * (1 / 16.0f);
        }
    }
    for (int y = 0; y < h; y++) {
        const float *a = tmp + LK_MAX(y - 2 * step, 0) * line, *b = tmp + LK_MAX(y - step, 0) * line,
                    *m = tmp + y * line;
        const float *d = tmp + LK_MIN(y + step, h - 1) * line, *e = tmp + LK_MIN(y + 2 * step, h - 1) * line;
        float *q = dst + y * line;
        for (int x = 0; x < line; x++) q[x] = (a[x] + e[x] + 4 * (b[x] + d[x]) + 6 * m[x]) * (1 / 16.0f);
    }
}

/* Weighted mean square of luma's two finest bands. scratch: 4 planes. */
static void band_energy(const lk_image *im, const float *weight, float *scratch, double out[2])
{
    int n = im->w * im->h;
    float *y = scratch, *soft = scratch + n, *softer = soft + n, *tmp = softer + n;
    for (int i = 0; i < n; i++)
        y[i] = 0.2126f * im->data[3 * i] + 0.7152f * im->data[3 * i + 1] + 0.0722f * im->data[3 * i + 2];
    smooth(y, soft, tmp, im->w, im->h, 1, 1);
    smooth(soft, softer, tmp, im->w, im->h, 1, 2);
    double fine = 0, coarse = 0, w = 0;
    for (int i = 0; i < n; i++) {
        float f = y[i] - soft[i], c = soft[i] - softer[i];
        fine += (double)(weight[i] * f * f);
        coarse += (double)(weight[i] * c * c);
        w += (double)weight[i];
    }
    out[0] = w > 1 ? fine / w : 0;
    out[1] = w > 1 ? coarse / w : 0;
}

lk_swap_detail lk_swap_detail_ratio(const lk_image *made, const lk_image *target, const float *weight,
                                    float noise, float *scratch)
{
    double have[2], want[2];
    band_energy(made, weight, scratch, have);
    band_energy(target, weight, scratch, want);
    want[0] -= (double)(noise * noise);
    /* flat: a painted or black face */
    lk_swap_detail d = {1, 1};
    if (have[0] > 1e-7 && want[0] > 1e-7) d.fine = (float)sqrt(want[0] / have[0]);
    if (have[1] > 1e-7 && want[1] > 1e-7) d.coarse = (float)sqrt(want[1] / have[1]);
    return d;
}

void lk_swap_sharpen(lk_image *made, const float *weight, lk_swap_detail gain, float limit, float *scratch)
{
    int n = made->w * made->h;
    float *soft = scratch, *softer = scratch + 3 * n, *tmp = scratch + 6 * n;
    if (gain.fine == 0 && gain.coarse == 0) return;
    smooth(made->data, soft, tmp, made->w, made->h, 3, 1);
    smooth(soft, softer, tmp, made->w, made->h, 3, 2);
    for (int i = 0; i < n; i++) {
        for (int c = 0; c < 3; c++) {
            float *p = &made->data[3 * i + c], s = soft[3 * i + c];
            float change = weight[i] * (gain.fine * (*p - s) + gain.coarse * (s - softer[3 * i + c]));
            *p = LK_CLAMP(*p + LK_CLAMP(change, -limit, limit), 0.0f, 1.0f);
        }
    }
}
