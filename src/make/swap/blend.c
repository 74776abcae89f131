/* blend.c: multi-band blending.
 *
 * P. J. Burt, E. H. Adelson, "A Multiresolution Spline With Application to Image
 * Mosaics", ACM TOG 1983. The blend of two pictures with a mask is linear in
 * their difference, so only the pyramid of the difference is built: half the
 * work, and a frame that is not touched stays exactly as it is.
 *
 * The difference is known only inside the mask (outside, a made face is whatever
 * the network drew). Its pyramid is therefore weighted: a level holds
 * (colour x mask, mask) in four floats, and colour at a level is their quotient.
 */
#include "make/swap/render.h"

#define LEVELS_MAX 8

lk_status lk_swap_reserve(lk_swap_buffer *b, size_t floats, lk_error *err)
{
    if (floats <= b->cap) return LK_OK;
    size_t want = floats + floats / 4; /* a face that comes nearer does not ask at every frame */
    lk_free(b->data);
    b->cap = 0;
    b->data = want < floats || want > SIZE_MAX / sizeof(float) ? NULL : lk_alloc(want * sizeof(float));
    if (!b->data) return LK_FAIL(err, LK_E_NOMEM, "no memory to blend a face (%zu MiB)", floats / 262144);
    b->cap = want;
    return LK_OK;
}

/* One level down: the 5-tap binomial in both directions, every second pixel; the border is repeated, so that
 * a face cut by the edge of the frame keeps its full weight there. row: 4 floats for each of the w columns.
 */
SWAP_CLONES
static void shrink(const float *restrict src, int w, int h, float *restrict dst, float *restrict row)
{
    static const float k[5] = {1 / 16.0f, 4 / 16.0f, 6 / 16.0f, 4 / 16.0f, 1 / 16.0f};
    int cw = (w + 1) / 2, ch = (h + 1) / 2;
    for (int cy = 0; cy < ch; cy++) {
        for (int i = 0; i < 4 * w; i++) row[i] = 0;
        for (int t = -2; t <= 2; t++) {
            int y = LK_CLAMP(2 * cy + t, 0, h - 1);
            const float *p = src + (size_t)y * 4 * (size_t)w;
            for (int i = 0; i < 4 * w; i++) row[i] += k[t + 2] * p[i];
        }
        float *q = dst + (size_t)cy * 4 * (size_t)cw;
        for (int cx = 0; cx < cw; cx++) {
            float acc[4] = {0};
            for (int t = -2; t <= 2; t++) {
                int x = LK_CLAMP(2 * cx + t, 0, w - 1);
                for (int c = 0; c < 4; c++) acc[c] += k[t + 2] * row[4 * x + c];
            }
            for (int c = 0; c < 4; c++) q[4 * cx + c] = acc[c];
        }
    }
}

/* One row of the level below from the level above: odd places halfway between two, even ones weighted 1 6 1.
 */
SWAP_CLONES
static void grow_row(const float *restrict src, int cw, int ch, int y, int w, float *restrict out,
                     float *restrict row)
{
    int cy = y / 2, up = LK_MAX(cy - 1, 0), down = LK_MIN(cy + 1, ch - 1);
    const float *a = src + (size_t)up * 4 * (size_t)cw, *b = src + (size_t)cy * 4 * (size_t)cw;
    const float *c = src + (size_t)down * 4 * (size_t)cw;
    if (y & 1)
        for (int i = 0; i < 4 * cw; i++) row[i] = 0.5f * (b[i] + c[i]);
    else
        for (int i = 0; i < 4 * cw; i++) row[i] = 0.125f * (a[i] + 6 * b[i] + c[i]);
    for (int x = 0; x < cw; x++) {
        const float *l = row + 4 * LK_MAX(x - 1, 0), *m = row + 4 * x, *r = row + 4 * LK_MIN(x + 1, cw - 1);
        for (int j = 0; j < 4; j++) out[8 * x + j] = 0.125f * (l[j] + 6 * m[j] + r[j]);
        if (2 * x + 1 >= w) continue;
        for (int j = 0; j < 4; j++) out[8 * x + 4 + j] = 0.5f * (m[j] + r[j]);
    }
}

/* What is known of the colour at a level; where nothing is known the pixel gets the mean of its known
 * neighbours, so that `grow_row`, which reads one pixel beyond the known ones, does not drag the seam towards
 * zero. */
SWAP_CLONES
static void divide(const float *restrict level, int w, int h, float *restrict color)
{
    for (int y = 0; y < h; y++) {
        for (int x = 0; x < w; x++) {
            const float *p = level + 4 * ((size_t)y * (size_t)w + (size_t)x);
            float *q = color + 4 * ((size_t)y * (size_t)w + (size_t)x);
            float acc[4] = {p[0], p[1], p[2], p[3]};
            if (acc[3] < 1e-5f) {
                for (int j = LK_MAX(y - 1, 0); j <= LK_MIN(y + 1, h - 1); j++)
                    for (int i = LK_MAX(x - 1, 0); i <= LK_MIN(x + 1, w - 1); i++)
                        for (int c = 0; c < 4; c++)
                            acc[c] += level[4 * ((size_t)j * (size_t)w + (size_t)i) + (size_t)c];
            }
            float s = acc[3] > 1e-9f ? 1 / acc[3] : 0;
            for (int c = 0; c < 3; c++) q[c] = acc[c] * s;
            q[3] = 0;
        }
    }
}

lk_status lk_swap_blend(lk_swap_pyramid *pyramid, lk_image *delta, const float *mask, int levels,
                        lk_error *err)
{
    int w[LEVELS_MAX + 1] = {delta->w}, h[LEVELS_MAX + 1] = {delta->h}, top = 0;
    size_t total = 0, n = (size_t)delta->w * (size_t)delta->h;
    while (top < LK_MIN(levels, LEVELS_MAX) && LK_MIN(w[top], h[top]) >= 8) {
        w[top + 1] = (w[top] + 1) / 2;
        h[top + 1] = (h[top] + 1) / 2;
        top++;
    }
    if (top == 0) {
        for (size_t i = 0; i < n; i++)
            for (size_t c = 0; c < 3; c++) delta->data[3 * i + c] *= mask[i];
        return LK_OK;
    }
    float *level[LEVELS_MAX + 1], *sum[LEVELS_MAX + 1], *color[LEVELS_MAX + 1];
    for (int l = 0; l <= top; l++) total += 4 * (size_t)w[l] * (size_t)h[l] * (l ? 3 : 1);
    LK_TRY(lk_swap_reserve(&pyramid->mem, total + 12 * (size_t)delta->w + 64, err));
    float *at = pyramid->mem.data;
    for (int l = 0; l <= top; l++) {
        size_t size = 4 * (size_t)w[l] * (size_t)h[l];
        level[l] = at;
        at += size;
        sum[l] = color[l] = NULL;
        if (!l) continue;
        sum[l] = at;
        color[l] = at + size;
        at += 2 * size;
    }
    float *row = at, *up_sum = row + 4 * (size_t)(delta->w + 2),
          *up_color = up_sum + 4 * (size_t)(delta->w + 2);

    for (size_t i = 0; i < n; i++) {
        for (size_t c = 0; c < 3; c++) level[0][4 * i + c] = delta->data[3 * i + c] * mask[i];
        level[0][4 * i + 3] = mask[i];
    }
    for (int l = 0; l < top; l++) {
        shrink(level[l], w[l], h[l], level[l + 1], row);
        divide(level[l + 1], w[l + 1], h[l + 1], color[l + 1]);
    }
    /* Collapse. Band l is colour(l) - grown colour(l+1), cut with mask(l); mask x colour is what the level
     * holds. */
    size_t size = 4 * (size_t)w[top] * (size_t)h[top];
    for (size_t i = 0; i < size; i++) sum[top][i] = level[top][i];
    for (int l = top - 1; l >= 0; l--) {
        for (int y = 0; y < h[l]; y++) {
            grow_row(sum[l + 1], w[l + 1], h[l + 1], y, w[l], up_sum, row);
            grow_row(color[l + 1], w[l + 1], h[l + 1], y, w[l], up_color, row);
            const float *p = level[l] + 4 * (size_t)y * (size_t)w[l];
            if (l) {
                float *q = sum[l] + 4 * (size_t)y * (size_t)w[l];
                for (int x = 0; x < w[l]; x++)
                    for (int c = 0; c < 4; c++)
                        q[4 * x + c] = up_sum[4 * x + c] + p[4 * x + c] - p[4 * x + 3] * up_color[4 * x + c];
            } else {
                float *q = delta->data + 3 * (size_t)y * (size_t)w[0];
                for (int x = 0; x < w[0]; x++)
                    for (int c = 0; c < 3; c++)
                        q[3 * x + c] = up_sum[4 * x + c] + p[4 * x + c] - p[4 * x + 3] * up_color[4 * x + c];
            }
        }
    }
    return LK_OK;
}
