/* The measures of a swap: colour difference against the published pairs, SSIM
 * against a slow reference, region, seam; and a whole clip where the actors' data
 * is at hand.
 */
#include "check.h"
#include "make/swap/color.h"
#include "make/swap/score.h"
#include "make/swap/swap.h"

#include <unistd.h>

static lk_error err;

static void fill_random(lk_image *im, uint64_t seed)
{
    lk_rng r = lk_rng_at(seed, 1, 0, 0);
    for (int i = 0; i < im->w * im->h * im->c; i++) im->data[i] = lk_rng_uniform(&r);
}

/* Sharma, Wu, Dalal 2005, table 1 */
static void delta_e_published(void)
{
    static const double pair[34][7] = {
        {50, 2.6772, -79.7751, 50, 0, -82.7485, 2.0425},
        {50, 3.1571, -77.2803, 50, 0, -82.7485, 2.8615},
        {50, 2.8361, -74.0200, 50, 0, -82.7485, 3.4412},
        {50, -1.3802, -84.2814, 50, 0, -82.7485, 1.0000},
        {50, -1.1848, -84.8006, 50, 0, -82.7485, 1.0000},
        {50, -0.9009, -85.5211, 50, 0, -82.7485, 1.0000},
        {50, 0, 0, 50, -1, 2, 2.3669},
        {50, -1, 2, 50, 0, 0, 2.3669},
        {50, 2.4900, -0.0010, 50, -2.4900, 0.0009, 7.1792},
        {50, 2.4900, -0.0010, 50, -2.4900, 0.0010, 7.1792},
        {50, 2.4900, -0.0010, 50, -2.4900, 0.0011, 7.2195},
        {50, 2.4900, -0.0010, 50, -2.4900, 0.0012, 7.2195},
        {50, -0.0010, 2.4900, 50, 0.0009, -2.4900, 4.8045},
        {50, -0.0010, 2.4900, 50, 0.0010, -2.4900, 4.8045},
        {50, -0.0010, 2.4900, 50, 0.0011, -2.4900, 4.7461},
        {50, 2.5, 0, 50, 0, -2.5, 4.3065},
        {50, 2.5, 0, 73, 25, -18, 27.1492},
        {50, 2.5, 0, 61, -5, 29, 22.8977},
        {50, 2.5, 0, 56, -27, -3, 31.9030},
        {50, 2.5, 0, 58, 24, 15, 19.4535},
        {50, 2.5, 0, 50, 3.1736, 0.5854, 1.0000},
        {50, 2.5, 0, 50, 3.2972, 0, 1.0000},
        {50, 2.5, 0, 50, 1.8634, 0.5757, 1.0000},
        {50, 2.5, 0, 50, 3.2592, 0.3350, 1.0000},
        {60.2574, -34.0099, 36.2677, 60.4626, -34.1751, 39.4387, 1.2644},
        {63.0109, -31.0961, -5.8663, 62.8187, -29.7946, -4.0864, 1.2630},
        {61.2901, 3.7196, -5.3901, 61.4292, 2.2480, -4.9620, 1.8731},
        {35.0831, -44.1164, 3.7933, 35.0232, -40.0716, 1.5901, 1.8645},
        {22.7233, 20.0904, -46.6940, 23.0331, 14.9730, -42.5619, 2.0373},
        {36.4612, 47.8580, 18.3852, 36.2715, 50.5065, 21.2231, 1.4146},
        {90.8027, -2.0831, 1.4410, 91.1528, -1.6435, 0.0447, 1.4441},
        {90.9257, -0.5406, -0.9208, 88.6381, -0.8985, -0.7239, 1.5381},
        {6.7747, -0.2908, -2.4247, 5.8714, -0.0985, -2.2286, 0.6377},
        {2.0776, 0.0795, -1.1350, 0.9033, -0.0636, -0.5514, 0.9082}};
    for (size_t i = 0; i < LK_COUNT(pair); i++) {
        CHECK_NEAR(lk_color_delta_e(pair[i], pair[i] + 3), pair[i][6], 1e-4);
        CHECK_NEAR(lk_color_delta_e(pair[i] + 3, pair[i]), pair[i][6], 1e-4);
    }
}

/* The formula as written: a window of 11 x 11 around each pixel, in double. */
static double slow_ssim(const lk_image *a, const lk_image *b, const float *mask)
{
    double total = 0;
    int64_t n = 0;
    for (int y = 0; y < a->h; y++) {
        for (int x = 0; x < a->w; x++) {
            if (!(mask[y * a->w + x] > 0)) continue;
            for (int c = 0; c < a->c; c++) {
                double w = 0, p = 0, q = 0, pp = 0, qq = 0, pq = 0;
                for (int j = -5; j <= 5; j++) {
                    for (int i = -5; i <= 5; i++) {
                        if (x + i < 0 || y + j < 0 || x + i >= a->w || y + j >= a->h) continue;
                        double k = exp(-(i * i + j * j) / (2 * 1.5 * 1.5));
                        double u = (double)a->data[((y + j) * a->w + x + i) * a->c + c];
                        double v = (double)b->data[((y + j) * a->w + x + i) * a->c + c];
                        w += k; p += k * u; q += k * v; pp += k * u * u; qq += k * v * v; pq += k * u * v;
                    }
                }
                p /= w; q /= w;
                double vp = pp / w - p * p, vq = qq / w - q * q, cov = pq / w - p * q;
                total += (2 * p * q + 1e-4) * (2 * cov + 9e-4) / ((p * p + q * q + 1e-4) * (vp + vq + 9e-4));
                n++;
            }
        }
    }
    return total / (double)n;
}

static void ssim_reference(void)
{
    static const int sizes[][2] = {{32, 24}, {7, 5}, {11, 40}};
    for (size_t s = 0; s < LK_COUNT(sizes); s++) {
        lk_image a, b;
        int w = sizes[s][0], h = sizes[s][1];
        CHECK_OK(lk_image_new(w, h, 3, &a, &err), &err);
        CHECK_OK(lk_image_new(w, h, 3, &b, &err), &err);
        float *mask = lk_calloc((size_t)(w * h), sizeof *mask),
              *scratch = lk_calloc(lk_score_ssim_floats(w, h), sizeof *scratch);
        fill_random(&a, 7 + s);
        fill_random(&b, 70 + s);
        for (int i = 0; i < 3 * w * h; i++) b.data[i] = 0.7f * a.data[i] + 0.3f * b.data[i];
        for (int i = 0; i < w * h; i++) mask[i] = i % 3 != 0;
        CHECK_NEAR(lk_score_ssim(&a, &b, mask, scratch), slow_ssim(&a, &b, mask), 1e-5);
        CHECK_NEAR(lk_score_ssim(&a, &a, mask, scratch), 1, 1e-6);
        memset(mask, 0, (size_t)(w * h) * sizeof *mask);
        CHECK(isnan(lk_score_ssim(&a, &b, mask, scratch)), "an empty mask has no SSIM");
        lk_free(mask);
        lk_free(scratch);
        lk_image_clear(&a);
        lk_image_clear(&b);
    }
}

static void psnr_known(void)
{
    lk_image a, b;
    CHECK_OK(lk_image_new(16, 16, 3, &a, &err), &err);
    CHECK_OK(lk_image_new(16, 16, 3, &b, &err), &err);
    float mask[256];
    for (int i = 0; i < 256; i++) mask[i] = i >= 128;
    for (int i = 0; i < 3 * 256; i++)
        b.data[i] = i < 3 * 128 ? 1.0f : 0.1f; /* the upper half does not count */
    CHECK_NEAR(lk_score_psnr(&a, &b, mask), 20, 1e-5);
    CHECK_NEAR(lk_score_psnr(&a, &a, mask), 100, 0);
    lk_image_clear(&a);
    lk_image_clear(&b);
}

static void place_mean_face(lk_point lm[LK_LANDMARKS])
{
    lk_face_mean_shape(LK_SCORE_CROP, 1, lm);
    for (int i = 0; i < LK_LANDMARKS; i++) {
        lm[i].x += LK_SCORE_MARGIN;
        lm[i].y += LK_SCORE_MARGIN;
    }
}

static void region_is_the_eroded_hull(void)
{
    static float mask[LK_SCORE_CANVAS * LK_SCORE_CANVAS];
    lk_point lm[LK_LANDMARKS];
    place_mean_face(lm);
    int all = lk_score_region(lm, NULL, mask), sum = 0;
    for (int i = 0; i < LK_SCORE_CANVAS * LK_SCORE_CANVAS; i++) sum += mask[i] > 0;
    CHECK_INT(sum, all);
    CHECK(all > 2500 && all < 6000, "%d pixels", all);
    for (int i = 0; i < LK_LANDMARKS; i++) { /* an inner point is inside, an outline point is not */
        int at = (int)lroundf(lm[i].y) * LK_SCORE_CANVAS + (int)lroundf(lm[i].x);
        if (i < 17) CHECK(mask[at] == 0, "jaw point %d lies in the eroded region", i);
        if (i >= 27 && i < 36) CHECK(mask[at] == 1, "nose point %d lies outside", i);
    }
    lk_rect label = {0, LK_SCORE_CANVAS * 0.6f, LK_SCORE_CANVAS, LK_SCORE_CANVAS};
    int less = lk_score_region(lm, &label, mask);
    CHECK(less > 0 && less < all, "%d of %d pixels beside the label", less, all);
    for (int i = 0; i < LK_SCORE_CANVAS * LK_SCORE_CANVAS; i++)
        if (i / LK_SCORE_CANVAS >= LK_SCORE_CANVAS * 0.6f - 5)
            CHECK(mask[i] == 0, "row %d is under the label", i / LK_SCORE_CANVAS);
    lk_point line[LK_LANDMARKS];
    for (int i = 0; i < LK_LANDMARKS; i++) line[i] = (lk_point){(float)i, (float)i};
    CHECK_INT(lk_score_region(line, NULL, mask), 0);
}

static void seam_measures_the_step(void)
{
    lk_image a, truth;
    CHECK_OK(lk_image_new(LK_SCORE_CANVAS, LK_SCORE_CANVAS, 3, &a, &err), &err);
    CHECK_OK(lk_image_new(LK_SCORE_CANVAS, LK_SCORE_CANVAS, 3, &truth, &err), &err);
    lk_point lm[LK_LANDMARKS];
    double seam[LK_SCORE_SEAM_POINTS];
    place_mean_face(lm);
    lk_point hull[LK_LANDMARKS];
    int n = lk_score_hull(lm, LK_LANDMARKS, hull);
    CHECK(n >= 8 && n <= 27, "%d corners", n);
    fill_random(&truth, 3);
    memcpy(a.data, truth.data, (size_t)(a.w * a.h * 3) * sizeof(float));
    int points = lk_score_seam(&a, &truth, lm, NULL, seam);
    CHECK(points > 80, "%d points", points);
    for (int i = 0; i < points; i++) CHECK_NEAR(seam[i], 0, 1e-9);
    /* a grey face 10 % lighter than its truth, on the same grey ground */
    static float face[LK_SCORE_CANVAS * LK_SCORE_CANVAS];
    lk_image mask = {LK_SCORE_CANVAS, LK_SCORE_CANVAS, 1, face};
    for (int y = 0; y < mask.h; y++) {
        for (int x = 0; x < mask.w; x++) {
            bool in = true;
            for (int k = 0; k < n; k++) {
                lk_point p = hull[k], q = hull[(k + 1) % n];
                in = in && (q.x - p.x) * ((float)y - p.y) - (q.y - p.y) * ((float)x - p.x) >= 0;
            }
            for (int c = 0; c < 3; c++) {
                truth.data[3 * (y * mask.w + x) + c] = 0.5f;
                a.data[3 * (y * mask.w + x) + c] = in ? 0.6f : 0.5f;
            }
        }
    }
    const double g5[3] = {0.5, 0.5, 0.5}, g6[3] = {0.6, 0.6, 0.6};
    double l5[3], l6[3], mean = 0;
    lk_color_lab(g5, l5);
    lk_color_lab(g6, l6);
    points = lk_score_seam(&a, &truth, lm, NULL, seam);
    for (int i = 0; i < points; i++) mean += seam[i] / points;
    CHECK_NEAR(mean, lk_color_delta_e(l5, l6), 0.5);
    lk_image_clear(&a);
    lk_image_clear(&truth);
}

static void points_measures(void)
{
    lk_point lm[LK_LANDMARKS], moved[LK_LANDMARKS];
    place_mean_face(lm);
    memcpy(moved, lm, sizeof lm);
    for (int i = 0; i < LK_LANDMARKS; i++) moved[i].x += 0.05f * lk_face_interocular(lm);
    CHECK_NEAR(lk_score_landmark_error(moved, lm), 0.05, 1e-5);
    const double x[4] = {1, 2, 3, 4}, y[4] = {3, 5, 7, 9}, z[4] = {4, 3, 2, 1}, flat[4] = {1, 1, 1, 1};
    CHECK_NEAR(lk_score_correlation(x, y, 4), 1, 1e-12);
    CHECK_NEAR(lk_score_correlation(x, z, 4), -1, 1e-12);
    CHECK(isnan(lk_score_correlation(x, flat, 4)), "a constant correlates with nothing");
}

/* --- a whole clip ------------------------------------------------------------------------- */

static const char *data_path(char *buf, size_t n, const char *tail)
{
    const char *root = getenv("LIKENESS_DATA");
    static const char *const roots[] = {"../shared/data", "../../shared/data", "../../../shared/data"};
    for (size_t i = 0; i <= LK_COUNT(roots); i++) {
        const char *r = i == 0 ? root : roots[i - 1];
        if (!r) continue;
        snprintf(buf, n, "%s/actors/%s", r, tail);
        if (access(buf, R_OK) == 0) return buf;
    }
    return NULL;
}

#define CLIP_FRAMES 12

static void clip_against_itself_and_untouched(void)
{
    char truth[512], dest[512];
    if (!data_path(truth, sizeof truth, "truth/swap/E_face_on_F_perf.mp4") ||
        !data_path(dest, sizeof dest, "actors/F/perf.mp4"))
        SKIP("set LIKENESS_DATA to the folder of the actors");
    /* a region that is certainly in the picture, the same for all frames */
    static lk_point lm[CLIP_FRAMES][LK_LANDMARKS];
    for (int f = 0; f < CLIP_FRAMES; f++) {
        lk_face_mean_shape(160, 1, lm[f]);
        for (int i = 0; i < LK_LANDMARKS; i++) {
            lm[f][i].x += 240;
            lm[f][i].y += 90;
        }
    }
    lk_swap_score s;
    CHECK_OK(lk_swap_score_clip(NULL, truth, truth, dest, lm, CLIP_FRAMES, NULL, NULL, NULL, &s, NULL, &err),
             &err);
    CHECK_INT(s.frames, CLIP_FRAMES);
    CHECK_NEAR(s.ssim, 1, 1e-6);
    CHECK_NEAR(s.psnr, 100, 0);
    CHECK_NEAR(s.seam_mean, 0, 1e-9);
    CHECK_NEAR(s.flicker_luma, 1, 1e-9);
    CHECK(s.ssim_untouched > 0.5 && s.ssim_untouched < 0.99, "untouched %g", s.ssim_untouched);
    CHECK(isnan(s.id_source) && isnan(s.landmark_error), "nothing measured it");
    double untouched = s.ssim_untouched, psnr = s.psnr_untouched;
    CHECK_OK(lk_swap_score_clip(NULL, dest, truth, dest, lm, CLIP_FRAMES, NULL, NULL, NULL, &s, NULL, &err),
             &err);
    CHECK_NEAR(s.ssim, untouched, 0);
    CHECK_NEAR(s.psnr, psnr, 0);
    CHECK_STATUS(lk_swap_score_clip(NULL, dest, truth, dest, lm, 0, NULL, NULL, NULL, &s, NULL, &err),
                 LK_E_ARG, &err);
    lk_rect everything = {0, 0, 10000, 10000};
    CHECK_STATUS(lk_swap_score_clip(NULL, dest, truth, dest, lm, 1, NULL, NULL, &everything, &s, NULL, &err),
                 LK_E_RANGE, &err);
    lk_cancel *stop = lk_cancel_new();
    lk_cancel_raise(stop);
    CHECK_STATUS(lk_swap_score_clip(NULL, dest, truth, dest, lm, 2, NULL, NULL, NULL, &s, stop, &err),
                 LK_E_CANCELLED, &err);
    lk_cancel_free(stop);
}

static void clip_errors(void)
{
    lk_point (*lm)[LK_LANDMARKS] = lk_calloc(1, sizeof *lm);
    lk_swap_score s;
    CHECK_STATUS(lk_swap_score_clip(NULL, "/nonexistent/a.mp4", "/nonexistent/b.mp4", "/nonexistent/c.mp4",
                                    (const lk_point(*)[LK_LANDMARKS])lm, 1, NULL, NULL, NULL, &s, NULL, &err),
                 LK_E_NOTFOUND, &err);
    lk_free(lm);
}

static const check_test tests[] = {
    {"delta_e_published", delta_e_published},
    {"ssim_reference", ssim_reference},
    {"psnr_known", psnr_known},
    {"region_is_the_eroded_hull", region_is_the_eroded_hull},
    {"seam_measures_the_step", seam_measures_the_step},
    {"points_measures", points_measures},
    {"clip_against_itself_and_untouched", clip_against_itself_and_untouched},
    {"clip_errors", clip_errors},
};
CHECK_MAIN(tests)
