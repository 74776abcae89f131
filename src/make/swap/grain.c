/* grain.c: the noise of the frame, measured and given to made pixels.
 *
 * A face without the grain of its frame looks pasted on. The level is measured
 * with the Laplacian difference of J. Immerkaer, "Fast Noise Variance
 * Estimation", CVIU 1996, which is blind to slopes, in the flattest tiles of the
 * face, at full and at half resolution: two numbers that tell sensor grain from
 * the coarser blotches that a codec leaves.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "make/swap/render.h"

#define TILE 8
#define TILES_MAX 1024
#define STREAM_GRAIN 0x6772u

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Lower quartile over the tiles that lie wholly inside the mask; 0 when there are too few. */
static float flat_noise(const float *y, const float *mask, int w, int h)
{
    float tiles[TILES_MAX];
    int count = 0;
    int tx = (w - 2) / TILE, ty = (h - 2) / TILE, skip = 1;
    while (tx > 0 && ty > 0 && (tx / skip) * (ty / skip) >= TILES_MAX) skip++;
    for (int j = 0; j < ty; j += skip) {
        for (int i = 0; i < tx; i += skip) {
            double sum = 0;
            bool inside = true;
            for (int v = 0; v < TILE && inside; v++) {
                const float *p = y + (size_t)(1 + j * TILE + v) * (size_t)w + 1 + i * TILE;
                const float *m = mask + (p - y);
                for (int u = 0; u < TILE; u++) {
                    inside = inside && m[u] > 0.9f;
                    float d = p[u - w - 1] - 2 * p[u - w] + p[u - w + 1] -
                              2 * (p[u - 1] - 2 * p[u] + p[u + 1]) + p[u + w - 1] - 2 * p[u + w] +
                              p[u + w + 1];
                    sum += (double)fabsf(d);
                }
            }
            if (inside && count < TILES_MAX) tiles[count++] = (float)(sum / (TILE * TILE));
        }
    }
    if (count < 4) return 0;
    qsort(tiles, (size_t)count, sizeof *tiles, by_value);
    /* sqrt(pi/2) / 6: mean |d| of unit noise is 6 sqrt(2/pi); 1.12: the lower quartile of a tile's mean lies
     * that much below its expectation, as simulated. */
    return tiles[count / 4] * 1.12f * 1.2533141f / 6;
}

lk_swap_noise lk_swap_noise_measure(const lk_image *rgb, const float *mask, float *scratch)
{
    int w = rgb->w, h = rgb->h, hw = w / 2, hh = h / 2;
    size_t n = (size_t)w * (size_t)h;
    float *y = scratch, *half = scratch + n, *half_mask = half + n;
    for (size_t i = 0; i < n; i++)
        y[i] = 0.2126f * rgb->data[3 * i] + 0.7152f * rgb->data[3 * i + 1] + 0.0722f * rgb->data[3 * i + 2];
    for (int j = 0; j < hh; j++) {
        for (int i = 0; i < hw; i++) {
            size_t a = (size_t)(2 * j) * (size_t)w + (size_t)(2 * i), b = a + (size_t)w;
            half[j * hw + i] = 0.25f * (y[a] + y[a + 1] + y[b] + y[b + 1]);
            half_mask[j * hw + i] = 0.25f * (mask[a] + mask[a + 1] + mask[b] + mask[b + 1]);
        }
    }
    lk_swap_noise level = {flat_noise(y, mask, w, h), flat_noise(half, half_mask, hw, hh)};
    return level;
}

/* The sum of two bytes: a bell near enough for grain, deviation 1, two of them a draw. */
static float bell(uint32_t u)
{
    return (float)((int)(u & 255) + (int)(u >> 8 & 255) - 255) * (1 / 104.5f);
}

/* Two rows of independent white noise, keyed by the place in the frame. */
static void white_rows(float *one, float *two, int w, int x0, int y, int64_t frame, const uint32_t key[2])
{
    uint32_t block[4], last = UINT32_MAX;
    for (int x = 0; x < w; x++) {
        uint32_t at = (uint32_t)(x0 + x);
        if (at / 4 != last) {
            uint32_t counter[4] = {at / 4, (uint32_t)y, (uint32_t)frame, (uint32_t)((uint64_t)frame >> 32)};
            last = at / 4;
            lk_philox4x32(counter, key, block);
        }
        one[x] = bell(block[at & 3]);
        two[x] = bell(block[at & 3] >> 16);
    }
}

void lk_swap_noise_add(lk_image *rgb, const float *weight, lk_swap_noise level, uint64_t seed, int64_t frame,
                       int x0, int y0, float *scratch)
{
    /* Two kinds: white noise of deviation a, and noise correlated over 2 x 2 pixels of deviation b. The
     * Laplacian difference sees the first as (a, a/2) at the two resolutions, the second as (b/3, 0.583 b);
     * solved for what was measured. */
    float fine = level.fine * level.fine, coarse = level.coarse * level.coarse;
    float bb = LK_MAX((coarse - fine / 4) / 0.312f, 0.0f), aa = LK_MAX(fine - bb / 9, 0.0f);
    float a = sqrtf(aa), b = sqrtf(bb) / 2; /* a sum of four has twice the deviation */
    if (a + b < 1e-4f) return;
    uint32_t key[2] = {(uint32_t)seed ^ STREAM_GRAIN, (uint32_t)(seed >> 32)};
    int w = rgb->w + 1;
    float *white = scratch, *row = scratch + w, *next = row + w;
    white_rows(white, row, w, x0, y0, frame, key);
    for (int y = 0; y < rgb->h; y++) {
        /* the white row belongs to this row, the correlated one reaches into the next */
        float *ahead = next + w;
        white_rows(ahead, next, w, x0, y0 + y + 1, frame, key);
        for (int x = 0; x < rgb->w; x++) {
            size_t i = (size_t)y * (size_t)rgb->w + (size_t)x;
            float v = weight[i] * (a * white[x] + b * (row[x] + row[x + 1] + next[x] + next[x + 1]));
            for (size_t c = 0; c < 3; c++) rgb->data[3 * i + c] += v;
        }
        memcpy(white, ahead, (size_t)w * sizeof *white);
        memcpy(row, next, (size_t)w * sizeof *row);
    }
}
