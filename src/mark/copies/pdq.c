/* pdq.c: the perceptual hash PDQ of a picture (Davis and Rosen, "TMK+PDQF: A Video-Matching Algorithm" and "PDQ", 2019).
 *
 * Luma is smoothed by two passes of a box filter along rows and columns (a tent, after Jarosz), sampled at 64 x 64, taken
 * to its 16 x 16 lowest cosine frequencies without the mean, and each becomes one bit: above the median or not. The
 * eight ways to turn a picture only change the signs of the cosine frequencies or swap rows with columns, so that all
 * eight hashes come from one transform. Quality says how much is in the picture: flat ones hash to noise.
 */
#include "mark/copies/internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 64, LOW = 16 };

/* out[o] = mean of in[o - left .. o + right], clipped to the row: the window is centred, and one longer to the right when even. */
static void box_row(const float *in, float *out, int n, int window)
{
    int right = (window + 2) / 2 - 1, left = window - right - 1, count = 0;
    float sum = 0;
    for (int i = 0; i < LK_MIN(right, n); i++, count++) sum += in[i];
    for (int o = 0; o < n; o++) {
        if (o + right < n) {
            sum += in[o + right];
            count++;
        }
        if (o - left - 1 >= 0) {
            sum -= in[o - left - 1];
            count--;
        }
        out[o] = sum / (float)count;
    }
}

/* The same down the columns, a row at a time so that it runs along memory, in strips that fit the first-level cache. */
static void box_columns(const float *in, float *out, int w, int h, int window)
{
    enum { STRIP = 512 };
    int right = (window + 2) / 2 - 1, left = window - right - 1;
    for (int x0 = 0; x0 < w; x0 += STRIP) {
        float sum[STRIP] = {0};
        int n = LK_MIN(STRIP, w - x0), count = 0;
        for (; count < LK_MIN(right, h); count++)
            for (int x = 0; x < n; x++) sum[x] += in[(size_t)count * w + x0 + x];
        for (int o = 0; o < h; o++) {
            if (o + right < h) {
                const float *add = in + (size_t)(o + right) * w + x0;
                for (int x = 0; x < n; x++) sum[x] += add[x];
                count++;
            }
            if (o - left - 1 >= 0) {
                const float *drop = in + (size_t)(o - left - 1) * w + x0;
                for (int x = 0; x < n; x++) sum[x] -= drop[x];
                count--;
            }
            float scale = 1.0f / (float)count, *row = out + (size_t)o * w + x0;
            for (int x = 0; x < n; x++) row[x] = sum[x] * scale;
        }
    }
}

static int window_of(int n) { return (n + 2 * SIDE - 1) / (2 * SIDE); }

/* The share of strong steps between neighbours, 0..100; truncated a step at a time, as the published code does. */
static int quality_of(float s[SIDE][SIDE])
{
    int sum = 0;
    for (int i = 0; i < SIDE - 1; i++)
        for (int j = 0; j < SIDE; j++) sum += abs((int)((s[i][j] - s[i + 1][j]) * 100 / 255));
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE - 1; j++) sum += abs((int)((s[i][j] - s[i][j + 1]) * 100 / 255));
    return LK_MIN(sum / 90, 100);
}

static void transform(float s[SIDE][SIDE], float out[LOW][LOW])
{
    float basis[LOW][SIDE], half[LOW][SIDE];
    for (int i = 0; i < LOW; i++)
        for (int k = 0; k < SIDE; k++)
            basis[i][k] = (float)(sqrt(2.0 / SIDE) * cos(M_PI / 2 / SIDE * (i + 1) * (2 * k + 1)));
    for (int i = 0; i < LOW; i++)
        for (int x = 0; x < SIDE; x++) {
            float sum = 0;
            for (int y = 0; y < SIDE; y++) sum += basis[i][y] * s[y][x];
            half[i][x] = sum;
        }
    for (int i = 0; i < LOW; i++)
        for (int j = 0; j < LOW; j++) {
            float sum = 0;
            for (int x = 0; x < SIDE; x++) sum += half[i][x] * basis[j][x];
            out[i][j] = sum;
        }
}

/* The 128th smallest of 256, by Hoare's selection. */
static float lower_median(const float *in)
{
    float a[LOW * LOW];
    memcpy(a, in, sizeof a);
    int lo = 0, hi = LOW * LOW - 1, want = LOW * LOW / 2 - 1;
    while (lo < hi) {
        float pivot = a[(lo + hi) / 2];
        int i = lo, j = hi;
        while (i <= j) {
            while (a[i] < pivot) i++;
            while (a[j] > pivot) j--;
            if (i > j) break;
            float t = a[i];
            a[i++] = a[j];
            a[j--] = t;
        }
        if (want <= j) hi = j;
        else if (want >= i) lo = i;
        else break;
    }
    return a[want];
}

static lk_pdq bits_of(float c[LOW][LOW])
{
    lk_pdq h = {{0}};
    float median = lower_median(&c[0][0]);
    for (int k = 0; k < LOW * LOW; k++)
        if (c[k / LOW][k % LOW] > median) h.w[k >> 6] |= 1ull << (k & 63);
    return h;
}

/* Row i holds the vertical frequency i + 1: mirroring changes the sign of odd frequencies, that is of even places. */
static void view_of(float c[LOW][LOW], int view, float out[LOW][LOW])
{
    static const struct { bool swap, flip_i, flip_j; } how[PDQ_VIEWS] = {
        {false, false, false}, {true, false, true}, {false, true, true},  {true, true, false},
        {false, false, true},  {false, true, false}, {true, false, false}, {true, true, true},
    };
    for (int i = 0; i < LOW; i++)
        for (int j = 0; j < LOW; j++) {
            float v = how[view].swap ? c[j][i] : c[i][j];
            bool minus = (how[view].flip_i && !(i & 1)) != (how[view].flip_j && !(j & 1));
            out[i][j] = minus ? -v : v;
        }
}

void pdq_area(const lk_image *grey, int x, int y, int w, int h, lk_pdq out[PDQ_VIEWS], int *quality, float *work)
{
    float *a = work, *b = work + (size_t)w * h, small[SIDE][SIDE], low[LOW][LOW], turned[LOW][LOW];
    for (int r = 0; r < h; r++) {
        const float *in = grey->data + (size_t)(y + r) * grey->w + x;
        for (int i = 0; i < w; i++) a[(size_t)r * w + i] = in[i] * 255.0f;
    }
    for (int pass = 0; pass < 2; pass++) {
        for (int r = 0; r < h; r++) box_row(a + (size_t)r * w, b + (size_t)r * w, w, window_of(w));
        box_columns(b, a, w, h, window_of(h));
    }
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++)
            small[i][j] = a[(size_t)((i + 0.5) * h / SIDE) * w + (size_t)((j + 0.5) * w / SIDE)];
    *quality = quality_of(small);
    transform(small, low);
    for (int v = 0; v < PDQ_VIEWS; v++) {
        view_of(low, v, turned);
        out[v] = bits_of(turned);
    }
}

/* --- of a picture ----------------------------------------------------------------------------------------- */

/* Luma as ITU-R BT.601 weighs it, which is what the published hash does whatever the picture's tags say. */
lk_status pdq_grey(const lk_image *img, lk_image *grey, lk_error *err)
{
    if (!img || !img->data || img->w < 1 || img->h < 1 || (img->c != 1 && img->c != 3))
        return LK_FAIL(err, LK_E_ARG, "a perceptual hash needs an RGB or grey picture");
    LK_TRY(lk_image_new(img->w, img->h, 1, grey, err));
    size_t n = (size_t)img->w * img->h;
    if (img->c == 1) memcpy(grey->data, img->data, n * sizeof *grey->data);
    else
        for (size_t i = 0; i < n; i++) {
            const float *p = img->data + 3 * i;
            grey->data[i] = 0.299f * p[0] + 0.587f * p[1] + 0.114f * p[2];
        }
    return LK_OK;
}

static lk_status all_views(const lk_image *img, lk_pdq out[PDQ_VIEWS], int *quality, lk_error *err)
{
    lk_image grey = {0};
    LK_TRY(pdq_grey(img, &grey, err));
    float *work = lk_alloc(2 * (size_t)grey.w * grey.h * sizeof *work);
    if (work) pdq_area(&grey, 0, 0, grey.w, grey.h, out, quality, work);
    lk_free(work);
    lk_image_clear(&grey);
    return work ? LK_OK : copies_no_memory(err, "hashing a picture");
}

lk_status lk_pdq_image(const lk_image *rgb_or_grey, lk_pdq *out, int *quality, lk_error *err)
{
    lk_pdq views[PDQ_VIEWS];
    int q = 0;
    LK_TRY(all_views(rgb_or_grey, views, &q, err));
    *out = views[0];
    if (quality) *quality = q;
    return LK_OK;
}

void lk_pdq_turned(const lk_image *img, lk_pdq out[8], int *quality, lk_error *err, lk_status *s)
{
    int q = 0;
    *s = all_views(img, out, &q, err);
    if (quality) *quality = q;
}

int lk_pdq_distance(const lk_pdq *a, const lk_pdq *b) { return pdq_distance(a, b); }
