/* warp.c: sampling a picture at places between its pixels: affine warps and
 * free grids. The samplers work on one pixel and all its channels: the taps of a
 * row are neighbours in memory, so that the inner loops become vectors.
 */
#include "media/impl.h"

#include <assert.h>
#include <math.h>

/* Far enough outside any picture, near enough to be an int: also where NaN goes. */
#define FAR 1e6f

MEDIA_INLINE float tame(float v) { return v > -FAR ? (v < FAR ? v : FAR) : -FAR; }

/* Index of a pixel under a border rule; -1 means zero. The mirror does not repeat the edge pixel. */
MEDIA_INLINE int border_index(int i, int n, lk_border border)
{
    if (i >= 0 && i < n) return i;
    if (border == LK_BORDER_ZERO) return -1;
    if (border == LK_BORDER_CLAMP || n == 1) return i < 0 ? 0 : n - 1;
    int period = 2 * (n - 1);
    i %= period;
    if (i < 0) i += period;
    return i < n ? i : period - i;
}

/* Copy the T x T pixels from (x, y) on into patch, applying the border rule. */
static void gather(const lk_image *s, int x, int y, int taps, lk_border border, float *patch)
{
    int c = s->c;
    for (int j = 0; j < taps; j++) {
        int yy = border_index(y + j, s->h, border);
        for (int i = 0; i < taps; i++) {
            int xx = border_index(x + i, s->w, border);
            float *d = patch + ((size_t)j * taps + i) * c;
            for (int k = 0; k < c; k++)
                d[k] = xx < 0 || yy < 0 ? 0.0f : s->data[((size_t)yy * s->w + xx) * c + k];
        }
    }
}

MEDIA_INLINE bool inside(const lk_image *s, int x, int y, int taps)
{
    return x >= 0 && y >= 0 && x + taps <= s->w && y + taps <= s->h;
}

MEDIA_INLINE void sample_bilinear(const lk_image *s, float x, float y, lk_border border, int c, float *out)
{
    x = tame(x);
    y = tame(y);
    float fx0 = floorf(x), fy0 = floorf(y);
    int ix = (int)fx0, iy = (int)fy0;
    float fx = x - fx0, fy = y - fy0, patch[2 * 2 * 3];
    const float *r0, *r1;
    if (inside(s, ix, iy, 2)) {
        r0 = s->data + ((size_t)iy * s->w + ix) * c;
        r1 = r0 + (size_t)s->w * c;
    } else {
        gather(s, ix, iy, 2, border, patch);
        r0 = patch;
        r1 = patch + 2 * c;
    }
    for (int k = 0; k < c; k++) {
        float top = r0[k] + fx * (r0[c + k] - r0[k]), low = r1[k] + fx * (r1[c + k] - r1[k]);
        out[k] = top + fy * (low - top);
    }
}

/* Catmull-Rom weights of the four taps at -1, 0, 1, 2 for a place t in [0,1) (Keys 1981, a = -1/2). */
MEDIA_INLINE void cubic_weights(float t, float w[4])
{
    float t2 = t * t, t3 = t2 * t;
    w[0] = -0.5f * t + t2 - 0.5f * t3;
    w[1] = 1.0f - 2.5f * t2 + 1.5f * t3;
    w[2] = 0.5f * t + 2.0f * t2 - 1.5f * t3;
    w[3] = -0.5f * t2 + 0.5f * t3;
}

MEDIA_INLINE void sample_cubic(const lk_image *s, float x, float y, lk_border border, int c, float *out)
{
    x = tame(x);
    y = tame(y);
    float fx0 = floorf(x), fy0 = floorf(y), wx[4], wy[4], patch[4 * 4 * 3], acc[12];
    int ix = (int)fx0 - 1, iy = (int)fy0 - 1;
    cubic_weights(x - fx0, wx);
    cubic_weights(y - fy0, wy);
    const float *row = patch;
    size_t stride = (size_t)4 * c;
    if (inside(s, ix, iy, 4)) {
        row = s->data + ((size_t)iy * s->w + ix) * c;
        stride = (size_t)s->w * c;
    } else {
        gather(s, ix, iy, 4, border, patch);
    }
    const float *r1 = row + stride, *r2 = r1 + stride, *r3 = r2 + stride;
    for (int i = 0; i < 4 * c; i++) acc[i] = wy[0] * row[i] + wy[1] * r1[i] + wy[2] * r2[i] + wy[3] * r3[i];
    for (int k = 0; k < c; k++)
        out[k] = wx[0] * acc[k] + wx[1] * acc[c + k] + wx[2] * acc[2 * c + k] + wx[3] * acc[3 * c + k];
}

/* One destination row at source places (x, y) + i * (dx, dy). The channel count is a constant in each copy.
 */
MEDIA_INLINE void warp_row_c(const lk_image *s, float *out, int n, float x, float y, float dx, float dy,
                             bool cubic, lk_border border, int c)
{
    for (int i = 0; i < n; i++, out += c) {
        float px = x + (float)i * dx, py = y + (float)i * dy;
        if (cubic) sample_cubic(s, px, py, border, c, out);
        else sample_bilinear(s, px, py, border, c, out);
    }
}

MEDIA_CLONES static void warp_row(const lk_image *s, float *out, int n, float x, float y, float dx, float dy,
                                  bool cubic, lk_border border)
{
    if (s->c == 3) {
        if (cubic) warp_row_c(s, out, n, x, y, dx, dy, true, border, 3);
        else warp_row_c(s, out, n, x, y, dx, dy, false, border, 3);
    } else {
        if (cubic) warp_row_c(s, out, n, x, y, dx, dy, true, border, 1);
        else warp_row_c(s, out, n, x, y, dx, dy, false, border, 1);
    }
}

/* Each destination pixel is the mean of side x side bilinear samples spread over its footprint in the source.
 */
MEDIA_CLONES static void area_row(const lk_image *s, float *out, int n, float dst_y, lk_affine m, int side,
                                  lk_border border)
{
    int c = s->c;
    float scale = 1.0f / (float)(side * side);
    for (int i = 0; i < n; i++, out += c) {
        float sum[3] = {0, 0, 0}, one[3] = {0, 0, 0};
        for (int v = 0; v < side; v++) {
            for (int u = 0; u < side; u++) {
                float px, py;
                lk_affine_apply(m, (float)i + ((float)u + 0.5f) / (float)side - 0.5f,
                                dst_y + ((float)v + 0.5f) / (float)side - 0.5f, &px, &py);
                if (c == 3) sample_bilinear(s, px, py, border, 3, one);
                else sample_bilinear(s, px, py, border, 1, one);
                for (int k = 0; k < 3; k++) sum[k] += one[k];
            }
        }
        for (int k = 0; k < c; k++) out[k] = sum[k] * scale;
    }
}

void lk_image_warp(const lk_image *src, lk_image *dst, lk_affine m, lk_filter filter, lk_border border)
{
    assert(src->c == dst->c);
    int side = 1;
    if (filter == LK_FILTER_AREA) {
        /* The longer of the two steps decides. Bilinear samples up to 1.25 pixels apart leave no gap worth the
         * time of one more a side; nor are more than 32 a side worth theirs. */
        float step = fmaxf(hypotf(m.a, m.d), hypotf(m.b, m.e));
        side = step > 1.0f ? (int)ceilf(fminf(step, 40.0f) * 0.8f) : 1;
    }
#pragma omp parallel for schedule(static) if ((int64_t)dst->w * dst->h * side * side > MEDIA_PARALLEL)
    for (int y = 0; y < dst->h; y++) {
        float *out = dst->data + (size_t)y * dst->w * dst->c;
        if (side > 1) {
            area_row(src, out, dst->w, (float)y, m, side, border);
        } else {
            float sx, sy;
            lk_affine_apply(m, 0, (float)y, &sx, &sy);
            warp_row(src, out, dst->w, sx, sy, m.a, m.d, filter == LK_FILTER_CUBIC, border);
        }
    }
}

MEDIA_CLONES static void remap_row(const lk_image *s, float *out, const float *grid, int n, bool cubic,
                                   lk_border border)
{
    for (int i = 0; i < n; i++, out += s->c, grid += 2) {
        if (s->c == 3) {
            if (cubic) sample_cubic(s, grid[0], grid[1], border, 3, out);
            else sample_bilinear(s, grid[0], grid[1], border, 3, out);
        } else {
            if (cubic) sample_cubic(s, grid[0], grid[1], border, 1, out);
            else sample_bilinear(s, grid[0], grid[1], border, 1, out);
        }
    }
}

void lk_image_remap(const lk_image *src, lk_image *dst, const float *grid, lk_filter filter, lk_border border)
{
    assert(src->c == dst->c);
#pragma omp parallel for schedule(static) if ((int64_t)dst->w * dst->h > MEDIA_PARALLEL)
    for (int y = 0; y < dst->h; y++)
        remap_row(src, dst->data + (size_t)y * dst->w * dst->c, grid + (size_t)y * dst->w * 2, dst->w,
                  filter == LK_FILTER_CUBIC, border);
}
