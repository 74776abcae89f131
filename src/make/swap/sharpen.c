/* sharpen.c: give the made face the sharpness of the frame around it.
 *
 * A decoder of 96 px draws eyes and teeth soft. How sharp the frame itself is at
 * that scale is seen in its own crop: the ratio of the finest band's energy says
 * how much the made face's finest band has to be raised, or, in a frame blurred
 * by motion or focus, lowered.
 */
#include <math.h>

#include "make/swap/render.h"

/* 5-tap binomial of interleaved data, both directions, border clamped; tmp as large as src. */
SWAP_CLONES
static void smooth(const float *restrict src, float *restrict dst, float *restrict tmp, int w, int h, int c)
{
    int line = w * c;
    for (int y = 0; y < h; y++) {
        const float *p = src + y * line;
        float *q = tmp + y * line;
        for (int x = 0; x < line; x++) {
            int a = x - 2 * c, b = x - c, d = x + c, e = x + 2 * c, first = x % c, last = line - c + first;
            a = a < 0 ? first : a; b = b < 0 ? first : b;
            d = d >= line ? last : d; e = e >= line ? last : e;
            q[x] = (p[a] + p[e] + 4 * (p[b] + p[d]) + 6 * p[x]) * (1 / 16.0f);
        }
    }
    for (int y = 0; y < h; y++) {
        const float *a = tmp + LK_MAX(y - 2, 0) * line, *b = tmp + LK_MAX(y - 1, 0) * line, *m = tmp + y * line;
        const float *d = tmp + LK_MIN(y + 1, h - 1) * line, *e = tmp + LK_MIN(y + 2, h - 1) * line;
        float *q = dst + y * line;
        for (int x = 0; x < line; x++) q[x] = (a[x] + e[x] + 4 * (b[x] + d[x]) + 6 * m[x]) * (1 / 16.0f);
    }
}

/* Weighted mean square of luma's finest band. scratch: 3 planes. */
static double detail_energy(const lk_image *im, const float *weight, float *scratch)
{
    int n = im->w * im->h;
    float *y = scratch, *soft = scratch + n, *tmp = soft + n;
    for (int i = 0; i < n; i++) y[i] = 0.2126f * im->data[3 * i] + 0.7152f * im->data[3 * i + 1] + 0.0722f * im->data[3 * i + 2];
    smooth(y, soft, tmp, im->w, im->h, 1);
    double sum = 0, w = 0;
    for (int i = 0; i < n; i++) {
        float d = y[i] - soft[i];
        sum += (double)(weight[i] * d * d);
        w += (double)weight[i];
    }
    return w > 1 ? sum / w : 0;
}

float lk_swap_detail_ratio(const lk_image *made, const lk_image *target, const float *weight, float noise, float *scratch)
{
    double have = detail_energy(made, weight, scratch);
    double want = detail_energy(target, weight, scratch) - (double)(noise * noise);
    if (have < 1e-7 || want < 1e-7) return 1; /* flat: a painted or black face */
    return (float)sqrt(want / have);
}

void lk_swap_sharpen(lk_image *made, const float *weight, float gain, float limit, float *scratch)
{
    int n = made->w * made->h;
    float *soft = scratch, *tmp = scratch + 3 * n;
    if (gain == 0) return;
    smooth(made->data, soft, tmp, made->w, made->h, 3);
    for (int i = 0; i < n; i++) {
        for (int c = 0; c < 3; c++) {
            float *p = &made->data[3 * i + c];
            float change = LK_CLAMP(gain * weight[i] * (*p - soft[3 * i + c]), -limit, limit);
            *p = LK_CLAMP(*p + change, 0.0f, 1.0f);
        }
    }
}
