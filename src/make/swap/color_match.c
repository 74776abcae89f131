/* color_match.c: bring a made face into the light of the frame.
 *
 * Two steps, both in CIELAB and inside a mask: mean and deviation (E. Reinhard,
 * M. Ashikhmin, B. Gooch, P. Shirley, "Color Transfer between Images", IEEE CG&A
 * 2001), and the low frequencies, which carry where the light comes from.
 */
#include <math.h>

#include "make/swap/color.h"

void lk_color_measure(const float *lab, const float *mask, size_t n, lk_color_stats *out)
{
    double w = 0, sum[3] = {0}, square[3] = {0};
    for (size_t i = 0; i < n; i++) w += mask[i];
    for (int c = 0; c < 3; c++) {
        const float *p = lab + (size_t)c * n;
        double s = 0, q = 0;
        for (size_t i = 0; i < n; i++) {
            s += (double)(mask[i] * p[i]);
            q += (double)(mask[i] * p[i] * p[i]);
        }
        sum[c] = s;
        square[c] = q;
    }
    *out = (lk_color_stats){.weight = (float)w};
    for (int c = 0; c < 3 && w >= 1; c++) {
        double mean = sum[c] / w;
        out->mean[c] = (float)mean;
        out->std[c] = (float)sqrt(LK_MAX(square[c] / w - mean * mean, 0.0));
    }
}

lk_color_map lk_color_map_between(const lk_color_stats *from, const lk_color_stats *to, float amount)
{
    lk_color_map m = {{1, 1, 1}, {0, 0, 0}};
    if (from->weight < 1 || to->weight < 1) return m;
    for (int c = 0; c < 3; c++) {
        /* A half-occluded or nearly flat face must not blow up the contrast: the ratio is damped and limited.
         */
        float ratio = (to->std[c] + 1) / (from->std[c] + 1);
        m.scale[c] = 1 + amount * (LK_CLAMP(ratio, 0.7f, 1.4f) - 1);
        m.shift[c] = from->mean[c] + amount * (to->mean[c] - from->mean[c]) - m.scale[c] * from->mean[c];
    }
    return m;
}

void lk_color_map_apply(lk_color_map m, float *lab, size_t n)
{
    for (int c = 0; c < 3; c++) {
        float *p = lab + (size_t)c * n;
        for (size_t i = 0; i < n; i++) p[i] = p[i] * m.scale[c] + m.shift[c];
    }
}

lk_color_map lk_color_map_steady(lk_color_map before, lk_color_map now)
{
    /* The change is judged at mid grey skin (L 55), in units of Lab: up to about 1 it is averaged over some
     * six frames, from 5 on it is taken as it is. */
    lk_color_map out;
    for (int c = 0; c < 3; c++) {
        float at = c == 0 ? 55.0f : 12.0f;
        float change = fabsf((now.scale[c] - before.scale[c]) * at + now.shift[c] - before.shift[c]);
        float k = LK_CLAMP(0.15f + 0.85f * (change - 1) / 4, 0.15f, 1.0f);
        out.scale[c] = before.scale[c] + k * (now.scale[c] - before.scale[c]);
        out.shift[c] = before.shift[c] + k * (now.shift[c] - before.shift[c]);
    }
    return out;
}

/* --- the light ---------------------------------------------------------------------
 * The difference is averaged over STEP x STEP cells, blurred there and read back
 * with bilinear weights: a Gaussian of many pixels has nothing to lose by it. */

#define STEP 4
#define RADIUS_MAX 24

lk_status lk_color_light_open(int max_w, int max_h, lk_color_light *out, lk_error *err)
{
    size_t cells = (size_t)((max_w + STEP - 1) / STEP) * (size_t)((max_h + STEP - 1) / STEP);
    *out = (lk_color_light){max_w, max_h, lk_alloc(2 * 4 * cells * sizeof(float))};
    return out->mem ? LK_OK
                    : LK_FAIL(err, LK_E_NOMEM, "no memory for colour matching of %d x %d", max_w, max_h);
}

void lk_color_light_close(lk_color_light *l)
{
    lk_free(l->mem);
    *l = (lk_color_light){0};
}

/* One direction of the blur over 4-component cells; a stride of cells between neighbours, `lines` lines apart
 * by `line`. */
static void blur_lines(const float *src, float *dst, int count, size_t stride, int lines, size_t line,
                       const float *kernel, int radius)
{
    for (int l = 0; l < lines; l++) {
        for (int i = 0; i < count; i++) {
            float acc[4] = {0};
            for (int k = -radius; k <= radius; k++) {
                int j = i + k;
                if (j < 0 || j >= count) continue; /* premultiplied: what is missing has no weight */
                const float *p = src + 4 * ((size_t)l * line + (size_t)j * stride);
                float w = kernel[k < 0 ? -k : k];
                for (int c = 0; c < 4; c++) acc[c] += w * p[c];
            }
            float *q = dst + 4 * ((size_t)l * line + (size_t)i * stride);
            for (int c = 0; c < 4; c++) q[c] = acc[c];
        }
    }
}

void lk_color_light_match(lk_color_light *l, float *lab, const float *target, const float *mask, int w, int h,
                          float sigma, float amount)
{
    int cw = (w + STEP - 1) / STEP, ch = (h + STEP - 1) / STEP;
    size_t n = (size_t)w * (size_t)h;
    float *cells = l->mem, *other = cells + 4 * (size_t)cw * (size_t)ch;
    for (int cy = 0; cy < ch; cy++) {
        for (int cx = 0; cx < cw; cx++) {
            float acc[4] = {0};
            for (int y = cy * STEP; y < LK_MIN(h, (cy + 1) * STEP); y++) {
                for (int x = cx * STEP; x < LK_MIN(w, (cx + 1) * STEP); x++) {
                    size_t i = (size_t)y * (size_t)w + (size_t)x;
                    for (int c = 0; c < 3; c++)
                        acc[c] += mask[i] * (target[(size_t)c * n + i] - lab[(size_t)c * n + i]);
                    acc[3] += mask[i];
                }
            }
            for (int c = 0; c < 4; c++) cells[4 * (cy * cw + cx) + c] = acc[c];
        }
    }
    float kernel[RADIUS_MAX + 1], s = LK_MAX(sigma / STEP, 0.3f);
    int radius = LK_MIN((int)ceilf(3 * s), RADIUS_MAX);
    for (int k = 0; k <= radius; k++) kernel[k] = expf(-0.5f * (float)(k * k) / (s * s));
    blur_lines(cells, other, cw, 1, ch, (size_t)cw, kernel, radius);
    blur_lines(other, cells, ch, (size_t)cw, cw, 1, kernel, radius);
    for (int i = 0; i < cw * ch; i++) {
        float *p = cells + 4 * i, k = amount / (p[3] + 1e-3f);
        for (int c = 0; c < 3; c++) p[c] *= k;
    }
    for (int y = 0; y < h; y++) {
        float fy = LK_CLAMP(((float)y + 0.5f) / STEP - 0.5f, 0.0f, (float)(ch - 1));
        int y0 = LK_MIN((int)fy, LK_MAX(ch - 2, 0)), y1 = LK_MIN(y0 + 1, ch - 1);
        float ty = fy - (float)y0;
        for (int x = 0; x < w; x++) {
            float fx = LK_CLAMP(((float)x + 0.5f) / STEP - 0.5f, 0.0f, (float)(cw - 1));
            int x0 = LK_MIN((int)fx, LK_MAX(cw - 2, 0)), x1 = LK_MIN(x0 + 1, cw - 1);
            float tx = fx - (float)x0;
            const float *a = cells + 4 * (y0 * cw + x0), *b = cells + 4 * (y0 * cw + x1);
            const float *d = cells + 4 * (y1 * cw + x0), *e = cells + 4 * (y1 * cw + x1);
            size_t i = (size_t)y * (size_t)w + (size_t)x;
            for (int c = 0; c < 3; c++) {
                float top = a[c] + tx * (b[c] - a[c]), bottom = d[c] + tx * (e[c] - d[c]);
                lab[(size_t)c * n + i] += top + ty * (bottom - top);
            }
        }
    }
}
