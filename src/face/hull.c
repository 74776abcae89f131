/* hull.c: the soft mask spanned by the landmarks: the convex hull of the jaw and of
 * the brows lifted onto the forehead by half the distance between brows and eyes.
 */
#include "face/shape.h"

#include <math.h>
#include <stdlib.h>

#define OUTLINE (17 + 10)

static int by_x(const void *pa, const void *pb)
{
    const lk_point *a = pa, *b = pb;
    if (a->x != b->x) return a->x < b->x ? -1 : 1;
    return a->y < b->y ? -1 : a->y > b->y;
}

static float turn(lk_point o, lk_point a, lk_point b)
{
    return (a.x - o.x) * (b.y - o.y) - (a.y - o.y) * (b.x - o.x);
}

/* Andrew's monotone chain. Returns the corners in h (room for n + 1); inside is where turn() > 0. */
static int convex_hull(lk_point *p, int n, lk_point *h)
{
    qsort(p, (size_t)n, sizeof *p, by_x);
    int k = 0;
    for (int i = 0; i < n; i++) {
        while (k >= 2 && turn(h[k - 2], h[k - 1], p[i]) <= 0) k--;
        h[k++] = p[i];
    }
    for (int i = n - 2, bottom = k + 1; i >= 0; i--) {
        while (k >= bottom && turn(h[k - 2], h[k - 1], p[i]) <= 0) k--;
        h[k++] = p[i];
    }
    return k - 1;
}

/* Jaw and lifted brows. */
static void outline(const lk_point lm[LK_LANDMARKS], lk_point out[OUTLINE])
{
    float bx = 0, by = 0, ex = 0, ey = 0;
    for (int i = 17; i <= 26; i++) bx += lm[i].x / 10, by += lm[i].y / 10;
    for (int i = 36; i <= 47; i++) ex += lm[i].x / 12, ey += lm[i].y / 12;
    for (int i = 0; i < 17; i++) out[i] = lm[i];
    for (int i = 17; i <= 26; i++)
        out[i] = (lk_point){lm[i].x + 0.5f * (bx - ex), lm[i].y + 0.5f * (by - ey)};
}

lk_status lk_face_hull_mask(const lk_point lm[LK_LANDMARKS], lk_image *mask, float feather, lk_error *err)
{
    if (mask->c != 1 || !mask->data || !(feather >= 0))
        return LK_FAIL(err, LK_E_ARG,
                       "a hull mask needs a picture of one channel and a feather of at least 0 px");
    lk_point p[OUTLINE], h[OUTLINE + 1];
    outline(lm, p);
    for (int i = 0; i < OUTLINE; i++)
        if (!isfinite(p[i].x) || !isfinite(p[i].y))
            return LK_FAIL(err, LK_E_ARG, "a landmark is not a number");
    int n = convex_hull(p, OUTLINE, h);
    float nx[OUTLINE], ny[OUTLINE],
        nd[OUTLINE]; /* inward normals: nx*x + ny*y + nd = distance from the edge, > 0 inside */
    int edges = 0;
    for (int i = 0; i < n; i++) {
        lk_point a = h[i], b = h[(i + 1) % n];
        float dx = b.x - a.x, dy = b.y - a.y, len = hypotf(dx, dy);
        if (!(len > 0)) continue;
        nx[edges] = -dy / len;
        ny[edges] = dx / len;
        nd[edges] = -(nx[edges] * a.x + ny[edges] * a.y);
        edges++;
    }
    for (int y = 0; y < mask->h; y++)
        for (int x = 0; x < mask->w; x++) {
            float d = edges >= 3 ? INFINITY : -INFINITY; /* an outline without area masks nothing */
            for (int i = 0; i < edges; i++) d = fminf(d, nx[i] * (float)x + ny[i] * (float)y + nd[i]);
            /* Half a pixel outside to `feather` inside; at feather 0 this is the usual one-pixel
             * antialiasing. */
            float t = LK_CLAMP((d + 0.5f) / (feather + 1.0f), 0.0f, 1.0f);
            mask->data[(size_t)y * (size_t)mask->w + (size_t)x] = feather > 0 ? t * t * (3 - 2 * t) : t;
        }
    return LK_OK;
}
