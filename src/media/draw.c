/* draw.c: antialiased lines, dots, boxes and fills for sheets and labels.
 *
 * Everything is a distance to a shape: coverage is 1 inside, 0 outside and runs
 * through the pixel on the edge.
 */
#include "media/impl.h"

#include <math.h>
#include <string.h>

MEDIA_INLINE void mix(lk_image *im, int x, int y, const float rgb[3], float a)
{
    float *p = im->data + ((size_t)y * im->w + x) * im->c;
    if (im->c == 1) {
        p[0] += a * (0.299f * rgb[0] + 0.587f * rgb[1] + 0.114f * rgb[2] - p[0]);
        return;
    }
    for (int k = 0; k < 3; k++) p[k] += a * (rgb[k] - p[k]);
}

/* Pixels that a shape with these bounds can touch; false when none. */
static bool touched(const lk_image *im, float x0, float y0, float x1, float y1, int box[4])
{
    if (!(x0 < (float)im->w) || !(y0 < (float)im->h) || !(x1 > -1) || !(y1 > -1)) return false; /* NaN too */
    box[0] = x0 > 0 ? (int)x0 : 0;
    box[1] = y0 > 0 ? (int)y0 : 0;
    box[2] = x1 < (float)im->w - 1 ? (int)x1 + 1 : im->w - 1;
    box[3] = y1 < (float)im->h - 1 ? (int)y1 + 1 : im->h - 1;
    return true;
}

static float segment_distance(float px, float py, float x0, float y0, float x1, float y1)
{
    float dx = x1 - x0, dy = y1 - y0, len = dx * dx + dy * dy;
    float t = len > 0 ? ((px - x0) * dx + (py - y0) * dy) / len : 0;
    t = LK_CLAMP(t, 0.0f, 1.0f);
    return hypotf(px - x0 - t * dx, py - y0 - t * dy);
}

/* One stroke of round-ended segments (4 floats each), blended once per pixel however often it crosses itself.
 */
void media_draw_segments(lk_image *im, const float *seg, int count, float width, const float rgb[3])
{
    float r = LK_MAX(width, 0.2f) / 2 + 0.5f, lo_x = INFINITY, lo_y = INFINITY, hi_x = -INFINITY,
          hi_y = -INFINITY;
    int box[4];
    for (int i = 0; i < count; i++) {
        lo_x = fminf(lo_x, fminf(seg[4 * i], seg[4 * i + 2]));
        hi_x = fmaxf(hi_x, fmaxf(seg[4 * i], seg[4 * i + 2]));
        lo_y = fminf(lo_y, fminf(seg[4 * i + 1], seg[4 * i + 3]));
        hi_y = fmaxf(hi_y, fmaxf(seg[4 * i + 1], seg[4 * i + 3]));
    }
    if (!touched(im, lo_x - r, lo_y - r, hi_x + r, hi_y + r, box)) return;
    for (int y = box[1]; y <= box[3]; y++)
        for (int x = box[0]; x <= box[2]; x++) {
            float d = INFINITY;
            for (int i = 0; i < count; i++) {
                const float *s = seg + 4 * i;
                if (fminf(s[1], s[3]) - r > (float)y || fmaxf(s[1], s[3]) + r < (float)y) continue;
                d = fminf(d, segment_distance((float)x, (float)y, s[0], s[1], s[2], s[3]));
            }
            if (d < r) mix(im, x, y, rgb, fminf(r - d, 1.0f));
        }
}

void lk_draw_line(lk_image *im, float x0, float y0, float x1, float y1, float width, const float rgb[3])
{
    float seg[4] = {x0, y0, x1, y1};
    media_draw_segments(im, seg, 1, width, rgb);
}

void lk_draw_dot(lk_image *im, float x, float y, float radius, const float rgb[3])
{
    lk_draw_line(im, x, y, x, y, 2 * radius, rgb);
}

void lk_draw_box(lk_image *im, float x0, float y0, float x1, float y1, float width, const float rgb[3])
{
    /* Four strips: a large box must not cost its area. */
    lk_draw_line(im, x0, y0, x1, y0, width, rgb);
    lk_draw_line(im, x0, y1, x1, y1, width, rgb);
    lk_draw_line(im, x0, y0, x0, y1, width, rgb);
    lk_draw_line(im, x1, y0, x1, y1, width, rgb);
}

void lk_draw_fill(lk_image *im, float x0, float y0, float x1, float y1, const float rgb[3], float alpha)
{
    int box[4];
    if (!touched(im, x0, y0, x1, y1, box)) return;
    for (int y = box[1]; y <= box[3]; y++) {
        float cy = fminf((float)y + 0.5f, y1) - fmaxf((float)y - 0.5f, y0);
        for (int x = box[0]; cy > 0 && x <= box[2]; x++) {
            float cx = fminf((float)x + 0.5f, x1) - fmaxf((float)x - 0.5f, x0);
            if (cx > 0) mix(im, x, y, rgb, alpha * fminf(cx, 1.0f) * fminf(cy, 1.0f));
        }
    }
}

void lk_draw_paste(lk_image *dst, const lk_image *src, int x, int y)
{
    int x0 = LK_MAX(x, 0), x1 = (int)LK_MIN((int64_t)x + src->w, dst->w);
    int y0 = LK_MAX(y, 0), y1 = (int)LK_MIN((int64_t)y + src->h, dst->h);
    for (int v = y0; v < y1; v++)
        for (int u = x0; u < x1; u++) {
            const float *p = src->data + ((size_t)(v - y) * src->w + (u - x)) * src->c;
            float *q = dst->data + ((size_t)v * dst->w + u) * dst->c;
            if (src->c == dst->c) memcpy(q, p, (size_t)src->c * sizeof(float));
            else if (src->c == 1) q[0] = q[1] = q[2] = p[0];
            else q[0] = 0.299f * p[0] + 0.587f * p[1] + 0.114f * p[2];
        }
}
