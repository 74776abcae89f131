/* render_mask.c: where the made face goes, and where its detail matters.
 */
#include <math.h>

#include "make/swap/render.h"

/* Least value within r pixels to each side along rows or columns; outside the picture is 0. */
static void shrink_lines(const float *src, float *dst, int size, int r, bool rows)
{
    for (int y = 0; y < size; y++) {
        for (int x = 0; x < size; x++) {
            int at = rows ? x : y, step = rows ? 1 : size;
            const float *p = src + y * size + x;
            float least = at < r || at + r >= size ? 0 : p[0];
            for (int k = 1; k <= r && least > 0; k++) least = fminf(least, fminf(p[-k * step], p[k * step]));
            dst[y * size + x] = least;
        }
    }
}

/* Three box blurs make a bell within a hundredth of a Gaussian, with compact support: the soft rim ends. */
static void box_lines(const float *src, float *dst, int size, int r, bool rows)
{
    int step = rows ? 1 : size, line = rows ? size : 1;
    float norm = 1.0f / (float)(2 * r + 1);
    for (int l = 0; l < size; l++) {
        const float *p = src + l * line;
        float *q = dst + l * line, sum = 0;
        for (int i = 0; i < LK_MIN(r, size); i++) sum += p[i * step];
        for (int i = 0; i < size; i++) {
            if (i + r < size) sum += p[(i + r) * step];
            if (i - r - 1 >= 0) sum -= p[(i - r - 1) * step];
            q[i * step] = LK_MAX(sum * norm, 0.0f);
        }
    }
}

lk_status lk_swap_mask_build(const lk_image *made, const lk_image *visible, const lk_point lm[LK_LANDMARKS],
                             float erode, float feather, lk_image *mask, float *scratch, lk_error *err)
{
    int size = mask->w, n = size * size;
    LK_TRY(lk_face_hull_mask(lm, mask, 0, err));
    for (int i = 0; i < n; i++) {
        float m = mask->data[i] * made->data[i];
        mask->data[i] = visible ? m * visible->data[i] : m;
    }
    int r = (int)lroundf(LK_CLAMP(erode, 0.0f, 0.25f) * (float)size);
    shrink_lines(mask->data, scratch, size, r, true);
    shrink_lines(scratch, mask->data, size, r, false);
    /* three boxes of radius b reach 3b to each side: the rim is about `feather` wide */
    int b = (int)lroundf(LK_CLAMP(feather, 0.0f, 0.5f) * (float)size / 6);
    for (int y = 0; y < size; y++) /* the rim must end before the crop does, however little is eroded */
        for (int x = 0; x < size; x++)
            if (LK_MIN(LK_MIN(x, y), LK_MIN(size - 1 - x, size - 1 - y)) <= 3 * b && b > 0)
                mask->data[y * size + x] = 0;
    for (int pass = 0; pass < 3 && b > 0; pass++) {
        box_lines(mask->data, scratch, size, b, true);
        box_lines(scratch, mask->data, size, b, false);
    }
    for (int i = 0; i < n; i++) /* rounding of the running sums must not make a pixel of nothing */
        if (mask->data[i] < 1 / 1024.0f) mask->data[i] = 0;
    return LK_OK;
}

/* A soft ellipse around points first..last. */
static void spot(const lk_point *lm, int first, int last, float grow, float elsewhere, lk_image *weight)
{
    float x0 = INFINITY, y0 = INFINITY, x1 = -INFINITY, y1 = -INFINITY;
    for (int i = first; i <= last; i++) {
        x0 = fminf(x0, lm[i].x); x1 = fmaxf(x1, lm[i].x);
        y0 = fminf(y0, lm[i].y); y1 = fmaxf(y1, lm[i].y);
    }
    float pad = grow * (float)weight->w, cx = (x0 + x1) / 2, cy = (y0 + y1) / 2;
    float rx = (x1 - x0) / 2 + pad, ry = (y1 - y0) / 2 + pad;
    if (!(rx > 0) || !(ry > 0)) return;
    for (int y = 0; y < weight->h; y++) {
        float dy = ((float)y - cy) / ry;
        if (dy * dy > 2) continue;
        for (int x = 0; x < weight->w; x++) {
            float dx = ((float)x - cx) / rx,
                  d = dx * dx + dy * dy; /* 1 on the ellipse, 2 at the end of the rim */
            float t = LK_CLAMP(2 - d, 0.0f, 1.0f), *p = &weight->data[y * weight->w + x];
            *p = LK_MAX(*p, elsewhere + (1 - elsewhere) * t);
        }
    }
}

void lk_swap_feature_weights(const lk_point lm[LK_LANDMARKS], float elsewhere, lk_image *weight)
{
    for (int i = 0; i < weight->w * weight->h; i++) weight->data[i] = elsewhere;
    spot(lm, 36, 41, 0.03f, elsewhere, weight);
    spot(lm, 42, 47, 0.03f, elsewhere, weight);
    spot(lm, 17, 21, 0.02f, elsewhere, weight);
    spot(lm, 22, 26, 0.02f, elsewhere, weight);
    spot(lm, 48, 59, 0.03f, elsewhere, weight);
}
