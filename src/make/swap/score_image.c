/* score_image.c: what is measured on one pair of pictures: region, SSIM, PSNR,
 * seam.
 *
 * SSIM: Z. Wang, A. C. Bovik, H. R. Sheikh, E. P. Simoncelli, "Image Quality
 * Assessment: From Error Visibility to Structural Similarity", 2004.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "make/swap/color.h"
#include "make/swap/score.h"

lk_affine lk_score_align(const lk_point lm[LK_LANDMARKS])
{
    lk_affine m = lk_face_align(lm, LK_SCORE_CROP, 1.0f);
    m.c += LK_SCORE_MARGIN;
    m.f += LK_SCORE_MARGIN;
    return m;
}

/* --- region ------------------------------------------------------------------------- */

static int by_x_then_y(const void *a, const void *b)
{
    const lk_point *p = a, *q = b;
    if (p->x != q->x) return p->x < q->x ? -1 : 1;
    return (p->y > q->y) - (p->y < q->y);
}

static double turn(lk_point o, lk_point a, lk_point b)
{
    return (double)(a.x - o.x) * (double)(b.y - o.y) - (double)(a.y - o.y) * (double)(b.x - o.x);
}

/* Andrew's monotone chain. */
int lk_score_hull(const lk_point *p, int n, lk_point *out)
{
    lk_point sorted[LK_LANDMARKS], chain[2 * LK_LANDMARKS];
    if (n < 1 || n > LK_LANDMARKS) return 0;
    memcpy(sorted, p, (size_t)n * sizeof *p);
    qsort(sorted, (size_t)n, sizeof *sorted, by_x_then_y);
    int k = 0;
    for (int i = 0; i < n; i++) {
        while (k >= 2 && turn(chain[k - 2], chain[k - 1], sorted[i]) <= 0) k--;
        chain[k++] = sorted[i];
    }
    for (int i = n - 2, lower = k + 1; i >= 0; i--) {
        while (k >= lower && turn(chain[k - 2], chain[k - 1], sorted[i]) <= 0) k--;
        chain[k++] = sorted[i];
    }
    k = LK_MIN(k - 1, n); /* the first point again */
    if (k > 0) memcpy(out, chain, (size_t)k * sizeof *out);
    return k;
}

/* Distance inside a convex polygon (least over its edges), negative outside. */
static float depth(const lk_point *hull, int n, float x, float y)
{
    float least = INFINITY;
    for (int i = 0; i < n; i++) {
        lk_point a = hull[i], b = hull[(i + 1) % n];
        float ex = b.x - a.x, ey = b.y - a.y, len = hypotf(ex, ey);
        if (len > 0) least = fminf(least, (ex * (y - a.y) - ey * (x - a.x)) / len);
    }
    return least;
}

static bool within(const lk_rect *box, float x, float y, float margin)
{
    return box && x >= box->x0 - margin && x <= box->x1 + margin && y >= box->y0 - margin &&
           y <= box->y1 + margin;
}

int lk_score_region(const lk_point lm[LK_LANDMARKS], const lk_rect *skip, float *mask)
{
    lk_point hull[LK_LANDMARKS];
    int n = lk_score_hull(lm, LK_LANDMARKS, hull), pixels = 0;
    for (int y = 0; y < LK_SCORE_CANVAS; y++) {
        for (int x = 0; x < LK_SCORE_CANVAS; x++) {
            bool crop = x >= LK_SCORE_MARGIN && y >= LK_SCORE_MARGIN &&
                        x < LK_SCORE_CANVAS - LK_SCORE_MARGIN && y < LK_SCORE_CANVAS - LK_SCORE_MARGIN;
            bool in = crop && n >= 3 &&
                      depth(hull, n, (float)x, (float)y) >= LK_SCORE_ERODE * LK_SCORE_CROP &&
                      !within(skip, (float)x, (float)y, 6);
            mask[y * LK_SCORE_CANVAS + x] = in ? 1 : 0;
            pixels += in;
        }
    }
    return pixels;
}

/* --- SSIM and PSNR ---------------------------------------------------------------------- */

#define WINDOW 5 /* to each side */

size_t lk_score_ssim_floats(int w, int h) { return 7 * (size_t)w * (size_t)h; }

/* Separable Gaussian of one plane; at the border the window is cut and renormalised. */
static void window_mean(const float *src, float *dst, float *tmp, int w, int h)
{
    float k[WINDOW + 1];
    for (int i = 0; i <= WINDOW; i++) k[i] = expf(-(float)(i * i) / (2 * 1.5f * 1.5f));
    for (int pass = 0; pass < 2; pass++) {
        const float *in = pass ? tmp : src;
        float *out = pass ? dst : tmp;
        int count = pass ? h : w;
        size_t step = pass ? (size_t)w : 1;
        for (int y = 0; y < h; y++) {
            for (int x = 0; x < w; x++) {
                int at = pass ? y : x;
                const float *p = in + (size_t)y * (size_t)w + (size_t)x;
                float sum = k[0] * p[0], weight = k[0];
                for (int i = 1; i <= WINDOW; i++) {
                    if (at >= i) { sum += k[i] * *(p - step * (size_t)i); weight += k[i]; }
                    if (at + i < count) { sum += k[i] * *(p + step * (size_t)i); weight += k[i]; }
                }
                out[(size_t)y * (size_t)w + (size_t)x] = sum / weight;
            }
        }
    }
}

double lk_score_ssim(const lk_image *a, const lk_image *b, const float *mask, float *scratch)
{
    const double c1 = 0.01 * 0.01, c2 = 0.03 * 0.03;
    int w = a->w, h = a->h, ch = a->c;
    size_t n = (size_t)w * (size_t)h;
    /* Values are taken relative to mid grey: the second moments then keep their digits in f32. */
    float *plane = scratch, *tmp = scratch + n, *moment[5];
    for (int i = 0; i < 5; i++) moment[i] = scratch + (size_t)(i + 2) * n;
    double total = 0;
    int64_t count = 0;
    for (int c = 0; c < ch; c++) {
        for (int m = 0; m < 5; m++) {
            for (size_t i = 0; i < n; i++) {
                float x = a->data[i * (size_t)ch + (size_t)c] - 0.5f,
                      y = b->data[i * (size_t)ch + (size_t)c] - 0.5f;
                plane[i] = m == 0 ? x : m == 1 ? y : m == 2 ? x * x : m == 3 ? y * y : x * y;
            }
            window_mean(plane, moment[m], tmp, w, h);
        }
        for (size_t i = 0; i < n; i++) {
            if (!(mask[i] > 0)) continue;
            double mx = moment[0][i], my = moment[1][i];
            double vx = moment[2][i] - mx * mx, vy = moment[3][i] - my * my, cov = moment[4][i] - mx * my;
            mx += 0.5;
            my += 0.5;
            total += (2 * mx * my + c1) * (2 * cov + c2) / ((mx * mx + my * my + c1) * (vx + vy + c2));
            count++;
        }
    }
    return count ? total / (double)count : NAN;
}

double lk_score_psnr(const lk_image *a, const lk_image *b, const float *mask)
{
    double sum = 0;
    int64_t count = 0;
    for (size_t i = 0; i < (size_t)a->w * (size_t)a->h; i++) {
        if (!(mask[i] > 0)) continue;
        for (size_t c = 0; c < (size_t)a->c; c++) {
            double d = (double)a->data[i * (size_t)a->c + c] - (double)b->data[i * (size_t)a->c + c];
            sum += d * d;
            count++;
        }
    }
    if (!count) return NAN;
    return sum / (double)count > 1e-10 ? -10 * log10(sum / (double)count) : 100;
}

/* --- seam --------------------------------------------------------------------------------- */

/* Mean RGB of 3 x 3 pixels; false when they leave the picture. */
static bool patch(const lk_image *im, float fx, float fy, double rgb[3])
{
    int x = (int)lroundf(fx), y = (int)lroundf(fy);
    if (x < 1 || y < 1 || x >= im->w - 1 || y >= im->h - 1) return false;
    for (int c = 0; c < 3; c++) rgb[c] = 0;
    for (int j = -1; j <= 1; j++)
        for (int i = -1; i <= 1; i++)
            for (int c = 0; c < 3; c++) rgb[c] += (double)im->data[3 * ((y + j) * im->w + x + i) + c] / 9;
    return true;
}

int lk_score_seam(const lk_image *a, const lk_image *truth, const lk_point lm[LK_LANDMARKS],
                  const lk_rect *skip, double out[LK_SCORE_SEAM_POINTS])
{
    lk_point hull[LK_LANDMARKS];
    int n = lk_score_hull(lm, LK_LANDMARKS, hull), found = 0;
    if (n < 3) return 0;
    float around = 0;
    for (int i = 0; i < n; i++)
        around += hypotf(hull[(i + 1) % n].x - hull[i].x, hull[(i + 1) % n].y - hull[i].y);
    const float reach = 0.03f * LK_SCORE_CROP;
    float walked = 0, next = 0;
    for (int i = 0; i < n && found < LK_SCORE_SEAM_POINTS; i++) {
        lk_point p = hull[i], q = hull[(i + 1) % n];
        float ex = q.x - p.x, ey = q.y - p.y, len = hypotf(ex, ey);
        if (!(len > 0)) continue;
        float nx = -ey / len, ny = ex / len; /* inwards: the hull runs so that its inside is to this side */
        for (; next < walked + len && found < LK_SCORE_SEAM_POINTS; next += around / LK_SCORE_SEAM_POINTS) {
            float t = (next - walked) / len, x = p.x + t * ex, y = p.y + t * ey;
            double in[3], beyond[3], true_in[3], true_beyond[3], lab[4][3], expected[3];
            if (within(skip, x, y, reach + 2)) continue;
            if (!patch(a, x + nx * reach, y + ny * reach, in) ||
                !patch(a, x - nx * reach, y - ny * reach, beyond) ||
                !patch(truth, x + nx * reach, y + ny * reach, true_in) ||
                !patch(truth, x - nx * reach, y - ny * reach, true_beyond))
                continue;
            lk_color_lab(in, lab[0]);
            lk_color_lab(beyond, lab[1]);
            lk_color_lab(true_in, lab[2]);
            lk_color_lab(true_beyond, lab[3]);
            for (int c = 0; c < 3; c++) expected[c] = lab[1][c] + lab[2][c] - lab[3][c];
            out[found++] = lk_color_delta_e(lab[0], expected);
        }
        walked += len;
    }
    return found;
}

/* --- points --------------------------------------------------------------------------------- */

double lk_score_mouth(const lk_point lm[LK_LANDMARKS])
{
    double eyes = (double)lk_face_interocular(lm);
    return eyes > 0 ? (double)hypotf(lm[62].x - lm[66].x, lm[62].y - lm[66].y) / eyes : 0;
}

double lk_score_landmark_error(const lk_point a[LK_LANDMARKS], const lk_point truth[LK_LANDMARKS])
{
    double eyes = (double)lk_face_interocular(truth), sum = 0;
    for (int i = 0; i < LK_LANDMARKS; i++) sum += (double)hypotf(a[i].x - truth[i].x, a[i].y - truth[i].y);
    return eyes > 0 ? sum / LK_LANDMARKS / eyes : NAN;
}

double lk_score_correlation(const double *x, const double *y, int n)
{
    double mx = 0, my = 0, xx = 0, yy = 0, xy = 0;
    for (int i = 0; i < n; i++) {
        mx += x[i] / n;
        my += y[i] / n;
    }
    for (int i = 0; i < n; i++) {
        xx += (x[i] - mx) * (x[i] - mx);
        yy += (y[i] - my) * (y[i] - my);
        xy += (x[i] - mx) * (y[i] - my);
    }
    return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : NAN;
}
