/* Small 8-bit picture pyramids and their sampling. */
#include <math.h>
#include <string.h>

#include "face/train/data.h"

static lk_status halve(lk_pic *p, int level, lk_error *err)
{
    int w = LK_MAX(p->w >> level, 1), h = LK_MAX(p->h >> level, 1);
    int pw = LK_MAX(p->w >> (level - 1), 1), ph = LK_MAX(p->h >> (level - 1), 1);
    const uint8_t *src = p->level[level - 1];
    uint8_t *dst = p->level[level] = lk_alloc((size_t)w * h * p->c);
    if (!dst) return LK_FAIL(err, LK_E_NOMEM, "no memory for the training pictures");
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            int x0 = LK_MIN(2 * x, pw - 1), x1 = LK_MIN(2 * x + 1, pw - 1);
            int y0 = LK_MIN(2 * y, ph - 1), y1 = LK_MIN(2 * y + 1, ph - 1);
            for (int c = 0; c < p->c; c++)
                dst[(y * w + x) * p->c + c] =
                    (uint8_t)((src[(y0 * pw + x0) * p->c + c] + src[(y0 * pw + x1) * p->c + c] +
                               src[(y1 * pw + x0) * p->c + c] + src[(y1 * pw + x1) * p->c + c] + 2) /
                              4);
        }
    return LK_OK;
}

lk_status lk_pic_make(const lk_image *im, int max_side, lk_pic *out, lk_error *err)
{
    memset(out, 0, sizeof *out);
    lk_image small = {0};
    float f = fminf(1, (float)max_side / LK_MAX(im->w, im->h));
    if (f < 1) {
        LK_TRY(lk_image_new(LK_MAX((int)lrintf(im->w * f), 1), LK_MAX((int)lrintf(im->h * f), 1), im->c,
                            &small, err));
        lk_image_resize(im, &small, LK_FILTER_AREA);
        im = &small;
    }
    out->w = im->w;
    out->h = im->h;
    out->c = im->c;
    size_t n = (size_t)im->w * im->h * im->c;
    lk_status s = LK_OK;
    out->level[0] = lk_alloc(n);
    if (!out->level[0]) s = LK_FAIL(err, LK_E_NOMEM, "no memory for the training pictures");
    for (size_t i = 0; s == LK_OK && i < n; i++)
        out->level[0][i] = (uint8_t)lrintf(LK_CLAMP(im->data[i], 0.0f, 1.0f) * 255);
    out->levels = 1;
    while (s == LK_OK && out->levels < LK_PIC_LEVELS && LK_MIN(out->w, out->h) >> out->levels >= 8) {
        s = halve(out, out->levels, err);
        out->levels++;
    }
    lk_image_clear(&small);
    if (s != LK_OK) lk_pic_clear(out);
    return s;
}

void lk_pic_clear(lk_pic *p)
{
    for (int i = 0; i < LK_PIC_LEVELS; i++) lk_free(p->level[i]);
    memset(p, 0, sizeof *p);
}

void lk_pic_sample(const lk_pic *p, lk_affine to_src, bool clamp, float *dst, int w, int h)
{
    float scale = sqrtf(fabsf(to_src.a * to_src.e - to_src.b * to_src.d)); /* source px per destination px */
    int level = LK_CLAMP((int)floorf(log2f(fmaxf(scale, 1e-6f)) + 0.4f), 0, p->levels - 1);
    int lw = LK_MAX(p->w >> level, 1), lh = LK_MAX(p->h >> level, 1), c = p->c;
    const uint8_t *src = p->level[level];
    float k = 1.0f / (float)(1 << level),
          shift = 0.5f * k - 0.5f; /* level px = (source px + 0.5) * k - 0.5 */
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            float sx, sy;
            lk_affine_apply(to_src, (float)x, (float)y, &sx, &sy);
            if (!clamp && (sx < -0.5f || sy < -0.5f || sx > p->w - 0.5f || sy > p->h - 0.5f)) continue;
            sx = LK_CLAMP(sx * k + shift, 0.0f, (float)(lw - 1));
            sy = LK_CLAMP(sy * k + shift, 0.0f, (float)(lh - 1));
            int x0 = (int)sx, y0 = (int)sy, x1 = LK_MIN(x0 + 1, lw - 1), y1 = LK_MIN(y0 + 1, lh - 1);
            float fx = sx - x0, fy = sy - y0;
            const uint8_t *a = src + ((size_t)y0 * lw + x0) * c, *b = src + ((size_t)y0 * lw + x1) * c;
            const uint8_t *d = src + ((size_t)y1 * lw + x0) * c, *e = src + ((size_t)y1 * lw + x1) * c;
            for (int i = 0; i < c; i++) {
                float top = a[i] + fx * (b[i] - a[i]), low = d[i] + fx * (e[i] - d[i]);
                dst[(y * w + x) * c + i] = (top + fy * (low - top)) * (1.0f / 255);
            }
        }
}
