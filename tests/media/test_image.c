/* test_image.c: warping, resizing and blur against slow definitions, and drawing. */
#include "check.h"
#include "media/media.h"

static lk_error err;

/* A picture with detail at all scales and no symmetry. */
static lk_image noise_image(int w, int h, int c, uint64_t seed)
{
    lk_image im;
    CHECK_OK(lk_image_new(w, h, c, &im, &err), &err);
    lk_rng r = lk_rng_at(seed, 1, 0, 0);
    for (int i = 0; i < w * h * c; i++) im.data[i] = lk_rng_uniform(&r);
    return im;
}

static int reflect(int i, int n)
{
    while (i < 0 || i >= n) i = i < 0 ? -i : 2 * (n - 1) - i;
    return i;
}

static double pixel(const lk_image *s, int x, int y, int k, lk_border b)
{
    if (x < 0 || y < 0 || x >= s->w || y >= s->h) {
        if (b == LK_BORDER_ZERO) return 0;
        x = b == LK_BORDER_CLAMP ? LK_CLAMP(x, 0, s->w - 1) : reflect(x, s->w);
        y = b == LK_BORDER_CLAMP ? LK_CLAMP(y, 0, s->h - 1) : reflect(y, s->h);
    }
    return s->data[((size_t)y * s->w + x) * s->c + k];
}

static double keys(double d)
{
    d = fabs(d);
    return d < 1 ? (1.5 * d - 2.5) * d * d + 1 : d < 2 ? ((-0.5 * d + 2.5) * d - 4) * d + 2 : 0;
}

/* The value at (x, y) by the definition of each filter: a sum over a wide neighbourhood, in double. */
static double sample(const lk_image *s, double x, double y, int k, bool cubic, lk_border b)
{
    double v = 0;
    int ix = (int)floor(x), iy = (int)floor(y);
    for (int j = iy - 3; j <= iy + 4; j++)
        for (int i = ix - 3; i <= ix + 4; i++) {
            double w = cubic ? keys(x - i) * keys(y - j)
                             : fmax(0, 1 - fabs(x - i)) * fmax(0, 1 - fabs(y - j));
            if (w != 0) v += w * pixel(s, i, j, k, b);
        }
    return v;
}

static void warp_matches_definition(void)
{
    static const lk_affine maps[] = {
        {1, 0, 0, 0, 1, 0}, {0.8f, 0.3f, -4.5f, -0.25f, 1.1f, 3.25f}, {2.5f, 0, -20, 0, 2.5f, -11}};
    for (int c = 1; c <= 3; c += 2)
        for (int cubic = 0; cubic < 2; cubic++)
            for (int b = 0; b < 3; b++)
                for (size_t m = 0; m < LK_COUNT(maps); m++) {
                    lk_image s = noise_image(37, 29, c, 5), d = noise_image(41, 23, c, 6);
                    lk_image_warp(&s, &d, maps[m], cubic ? LK_FILTER_CUBIC : LK_FILTER_BILINEAR,
                                  (lk_border)b);
                    double worst = 0;
                    for (int y = 0; y < d.h; y++)
                        for (int x = 0; x < d.w; x++)
                            for (int k = 0; k < c; k++) {
                                double sx = (double)maps[m].a * x + (double)maps[m].b * y + maps[m].c;
                                double sy = (double)maps[m].d * x + (double)maps[m].e * y + maps[m].f;
                                double want = sample(&s, sx, sy, k, cubic, (lk_border)b);
                                worst = fmax(worst, fabs(want - d.data[(y * d.w + x) * c + k]));
                            }
                    CHECK(worst < 2e-4, "channels %d cubic %d border %d map %zu: off by %g", c, cubic, b, m,
                          worst);
                    lk_image_clear(&s);
                    lk_image_clear(&d);
                }
}

static void remap_matches_warp(void)
{
    lk_image s = noise_image(50, 40, 3, 7), a = noise_image(33, 21, 3, 8), b = noise_image(33, 21, 3, 9);
    lk_affine m = {1.1f, 0.2f, 3.3f, -0.15f, 0.9f, 5.1f};
    float grid[33 * 21 * 2];
    for (int y = 0; y < 21; y++)
        for (int x = 0; x < 33; x++)
            lk_affine_apply(m, (float)x, (float)y, &grid[2 * (y * 33 + x)], &grid[2 * (y * 33 + x) + 1]);
    lk_image_warp(&s, &a, m, LK_FILTER_CUBIC, LK_BORDER_MIRROR);
    lk_image_remap(&s, &b, grid, LK_FILTER_CUBIC, LK_BORDER_MIRROR);
    for (int i = 0; i < 33 * 21 * 3; i++) CHECK_NEAR(a.data[i], b.data[i], 1e-4);
    /* Nonsense places must stay inside the picture's values and inside its memory. */
    for (int i = 0; i < 33 * 21 * 2; i++) grid[i] = i % 3 ? (i % 2 ? 1e30f : -1e30f) : NAN;
    lk_image_remap(&s, &b, grid, LK_FILTER_BILINEAR, LK_BORDER_MIRROR);
    for (int i = 0; i < 33 * 21 * 3; i++) CHECK(b.data[i] >= 0 && b.data[i] <= 1, "%g", (double)b.data[i]);
    lk_image_clear(&s);
    lk_image_clear(&a);
    lk_image_clear(&b);
}

/* Shrinking must average: a fine checkerboard becomes grey, whatever the phase. */
static void area_warp_does_not_alias(void)
{
    lk_image s = noise_image(200, 200, 1, 1), d = noise_image(40, 40, 1, 2);
    for (int i = 0; i < 200 * 200; i++) s.data[i] = (float)((i % 200 + i / 200) & 1);
    lk_image_warp(&s, &d, (lk_affine){4.3f, 0.2f, 3, -0.2f, 4.3f, 14}, LK_FILTER_AREA, LK_BORDER_CLAMP);
    for (int i = 0; i < 40 * 40; i++)
        CHECK(fabsf(d.data[i] - 0.5f) < 0.06f, "pixel %d is %g", i, (double)d.data[i]);
    lk_image_clear(&s);
    lk_image_clear(&d);
}

static double resize_weight(lk_filter f, double scale, double at, int i)
{
    double width = fmax(scale, 1), d = fabs(i - at);
    if (f == LK_FILTER_AREA && scale > 1)
        return fmax(0, fmin(i + 0.5, at + scale / 2) - fmax(i - 0.5, at - scale / 2));
    return f == LK_FILTER_CUBIC ? keys(d / width) : fmax(0, 1 - d / width);
}

static void resize_matches_definition(void)
{
    static const int sizes[][4] = {{31, 17, 64, 50}, {64, 50, 20, 9}, {33, 20, 33, 7},
                                   {5, 90, 9, 11},   {1, 1, 6, 4},    {40, 40, 1, 1}};
    for (size_t n = 0; n < LK_COUNT(sizes); n++)
        for (int f = 0; f < 3; f++)
            for (int c = 1; c <= 3; c += 2) {
                int w = sizes[n][0], h = sizes[n][1];
                lk_image s = noise_image(w, h, c, n), d = noise_image(sizes[n][2], sizes[n][3], c, 99);
                lk_image_resize(&s, &d, (lk_filter)f);
                double sx = (double)w / d.w, sy = (double)h / d.h, worst = 0;
                for (int y = 0; y < d.h; y++)
                    for (int x = 0; x < d.w; x++) {
                        double v = 0, sum = 0, ax = (x + 0.5) * sx - 0.5, ay = (y + 0.5) * sy - 0.5;
                        for (int j = -150; j < h + 150; j++) {
                            double wy = resize_weight((lk_filter)f, sy, ay, j);
                            for (int i = -100; wy != 0 && i < w + 100; i++) {
                                double wt = wy * resize_weight((lk_filter)f, sx, ax, i);
                                v += wt * pixel(&s, i, j, 0, LK_BORDER_CLAMP);
                                sum += wt;
                            }
                        }
                        worst = fmax(worst, fabs(v / sum - d.data[(y * d.w + x) * c]));
                    }
                CHECK(worst < 1e-5, "%dx%d to %dx%d filter %d channels %d: off by %g", w, h, d.w, d.h, f, c,
                      worst);
                lk_image_clear(&s);
                lk_image_clear(&d);
            }
}

/* Without memory for tables the resize still happens, with the same values. */
static void resize_survives_no_memory(void)
{
    lk_image s = noise_image(30, 20, 3, 3), a = noise_image(50, 9, 3, 1), b = noise_image(50, 9, 3, 2);
    lk_image_resize(&s, &a, LK_FILTER_CUBIC);
    lk_fault_set(LK_FAULT_ALLOC, 1, true);
    lk_image_resize(&s, &b, LK_FILTER_CUBIC);
    CHECK(lk_fault_count(LK_FAULT_ALLOC) > 0, "no allocation was refused");
    lk_fault_set(LK_FAULT_ALLOC, 0, false);
    for (int i = 0; i < 50 * 9 * 3; i++) CHECK_NEAR(a.data[i], b.data[i], 1e-5);
    lk_image_clear(&s);
    lk_image_clear(&a);
    lk_image_clear(&b);
}

static void blur_matches_definition(void)
{
    static const float sigmas[] = {0.6f, 2.5f, 9.0f};
    for (size_t n = 0; n < LK_COUNT(sigmas); n++) {
        lk_image s = noise_image(23, 17, 3, n), d;
        CHECK_OK(lk_image_copy(&s, &d, &err), &err);
        CHECK_OK(lk_image_blur(&d, sigmas[n], &err), &err);
        int r = (int)ceilf(3.5f * sigmas[n]);
        for (int y = 0; y < s.h; y++)
            for (int x = 0; x < s.w; x++) {
                double v = 0, sum = 0;
                for (int j = -r; j <= r; j++)
                    for (int i = -r; i <= r; i++) {
                        double w = exp(-0.5 * (i * i + j * j) / ((double)sigmas[n] * sigmas[n]));
                        v += w * pixel(&s, x + i, y + j, 1, LK_BORDER_CLAMP);
                        sum += w;
                    }
                CHECK_NEAR(d.data[(y * s.w + x) * 3 + 1], v / sum, 1e-5);
            }
        lk_image_clear(&s);
        lk_image_clear(&d);
    }
}

static void affine_maps_invert(void)
{
    lk_affine m = {1.5f, -0.4f, 300.25f, 0.3f, 0.8f, -120.5f}, i = lk_affine_mul(m, lk_affine_invert(m));
    float x, y;
    lk_affine_apply(i, 123, 456, &x, &y);
    CHECK_NEAR(x, 123, 1e-3);
    CHECK_NEAR(y, 456, 1e-3);
    lk_affine flat = lk_affine_invert((lk_affine){1, 2, 0, 2, 4, 0});
    CHECK(flat.a == 0 && flat.f == 0, "a flat map has no inverse");
}

static void limits_are_kept(void)
{
    lk_image im;
    CHECK_STATUS(lk_image_new(16385, 4, 3, &im, &err), LK_E_RANGE, &err);
    CHECK_STATUS(lk_image_new(0, 4, 3, &im, &err), LK_E_RANGE, &err);
    CHECK_STATUS(lk_image_new(4, 4, 4, &im, &err), LK_E_ARG, &err);
    lk_fault_set(LK_FAULT_ALLOC, 1, true);
    CHECK_STATUS(lk_image_new(4, 4, 3, &im, &err), LK_E_NOMEM, &err);
    lk_fault_set(LK_FAULT_ALLOC, 0, false);
    CHECK(im.data == NULL, "a failed picture owns something");
}

/* --- drawing ---------------------------------------------------------------------------- */

static double total(const lk_image *im)
{
    double t = 0;
    for (int i = 0; i < im->w * im->h * im->c; i++) t += im->data[i];
    return t;
}

/* Coverage adds up to the area of the shape. */
static void shapes_have_their_area(void)
{
    static const float white[3] = {1, 1, 1};
    lk_image im;
    CHECK_OK(lk_image_new(80, 60, 1, &im, &err), &err);
    lk_draw_fill(&im, 10.25f, 5.5f, 30.75f, 15.5f, white, 1);
    CHECK_NEAR(total(&im), 205, 0.01);
    memset(im.data, 0, sizeof(float) * 80 * 60);
    lk_draw_dot(&im, 40.3f, 30.6f, 12, white);
    CHECK_NEAR(total(&im), 3.14159 * 144, 3);
    memset(im.data, 0, sizeof(float) * 80 * 60);
    lk_draw_line(&im, 10, 10, 60, 45, 3, white);
    CHECK_NEAR(total(&im), hypot(50, 35) * 3 + 3.14159 * 2.25, 3);
    /* Far outside, half outside, nowhere: no memory is touched that is not the picture's. */
    lk_draw_line(&im, -1e9f, 5, 1e9f, 5, 2, white);
    lk_draw_box(&im, -5, -5, 500, 500, 2, white);
    lk_draw_dot(&im, NAN, 3, 5, white);
    lk_draw_fill(&im, 70, 50, 1e9f, 1e9f, white, 1);
    CHECK_NEAR(im.data[59 * 80 + 79], 1, 1e-6);
    lk_image_clear(&im);
}

/* Every character has ink of its own, inside its box, and no two look the same. */
static void font_is_complete(void)
{
    static const float white[3] = {1, 1, 1};
    static float pictures[95][26 * 40];
    for (int c = 32; c < 127; c++) {
        char text[2] = {(char)c, 0};
        lk_image im;
        CHECK_OK(lk_image_new(26, 40, 1, &im, &err), &err);
        int w = lk_draw_text(&im, 0, 8, 20, text, white);
        CHECK_INT(w, lk_draw_text_width(20, text));
        CHECK(w > 0 && w < 26, "'%c' is %d wide", c, w);
        if (c == ' ') CHECK(total(&im) == 0, "a space has ink");
        else CHECK(total(&im) > 3, "'%c' has no ink", c);
        memcpy(pictures[c - 32], im.data, sizeof(pictures[0]));
        lk_image_clear(&im);
    }
    for (int a = 0; a < 95; a++)
        for (int b = a + 1; b < 95; b++) {
            double d = 0;
            for (int i = 0; i < 26 * 40; i++) d += fabs((double)pictures[a][i] - pictures[b][i]);
            CHECK(d > 2, "'%c' and '%c' look the same (%g)", a + 32, b + 32, d);
        }
}

static void paste_clips(void)
{
    lk_image big = noise_image(20, 20, 3, 1), small = noise_image(8, 8, 3, 2), grey = noise_image(4, 4, 1, 3);
    lk_draw_paste(&big, &small, -3, 15);
    CHECK_NEAR(big.data[(15 * 20 + 0) * 3], small.data[(0 * 8 + 3) * 3], 0);
    lk_draw_paste(&big, &grey, 18, 18);
    CHECK_NEAR(big.data[(19 * 20 + 19) * 3 + 2], grey.data[1 * 4 + 1], 0);
    lk_draw_paste(&big, &small, 2000, -2000);
    lk_image_clear(&big);
    lk_image_clear(&small);
    lk_image_clear(&grey);
}

static const check_test tests[] = {
    {"warp matches its definition", warp_matches_definition},
    {"remap matches warp", remap_matches_warp},
    {"area warp does not alias", area_warp_does_not_alias},
    {"resize matches its definition", resize_matches_definition},
    {"resize survives no memory", resize_survives_no_memory},
    {"blur matches its definition", blur_matches_definition},
    {"affine maps invert", affine_maps_invert},
    {"limits are kept", limits_are_kept},
    {"shapes have their area", shapes_have_their_area},
    {"the font is complete", font_is_complete},
    {"paste clips", paste_clips},
};
CHECK_MAIN(tests)
