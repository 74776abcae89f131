/* The steps of rendering, each alone: colour, blend, mask, sharpness, grain. */
#include "check.h"
#include "make/swap/render.h"

static lk_error err;

static float *noise(size_t n, uint64_t seed)
{
    float *p = lk_alloc(n * sizeof *p);
    lk_rng r = lk_rng_at(seed, 0, 0, 0);
    for (size_t i = 0; i < n; i++) p[i] = lk_rng_uniform(&r);
    return p;
}

static void lab_fast_is_lab(void)
{
    enum { N = 4096 };
    float *rgb = noise(3 * N, 1), *lab = lk_alloc(3 * N * sizeof(float)),
          *back = lk_alloc(3 * N * sizeof(float));
    for (int c = 0; c < 3; c++) {
        rgb[c] = 0;
        rgb[3 + c] = 1;
        rgb[6 + c] = 0.003f;
        rgb[9 + c] = c == 0;
    }
    lk_color_rgb_to_lab(rgb, lab, N);
    lk_color_lab_to_rgb(lab, back, N);
    for (int i = 0; i < N; i++) {
        double x[3] = {rgb[3 * i], rgb[3 * i + 1], rgb[3 * i + 2]}, y[3];
        lk_color_lab(x, y);
        for (int c = 0; c < 3; c++) {
            CHECK_NEAR(lab[c * N + i], y[c], 5e-3);
            CHECK_NEAR(back[3 * i + c], rgb[3 * i + c], 1e-4);
        }
    }
    const double white[3] = {1, 1, 1}, red[3] = {1, 0, 0};
    double y[3];
    lk_color_lab(white, y);
    CHECK_NEAR(y[0], 100, 1e-3);
    CHECK_NEAR(hypot(y[1], y[2]), 0, 0.02);
    lk_color_lab(red, y);
    CHECK_NEAR(y[0], 53.24, 0.02);
    CHECK_NEAR(y[1], 80.09, 0.02);
    CHECK_NEAR(y[2], 67.20, 0.02);
    lk_free(rgb);
    lk_free(lab);
    lk_free(back);
}

static void mean_and_deviation_are_moved(void)
{
    enum { N = 1000 };
    float *a = noise(3 * N, 2), *b = noise(3 * N, 3), mask[N];
    for (int i = 0; i < 3 * N; i++) {
        a[i] = 40 + 30 * a[i];
        b[i] = 55 + 36 * b[i];
    }
    for (int i = 0; i < N; i++) mask[i] = i < 700;
    for (int i = 700; i < N; i++) a[i] = 1e4f; /* what lies outside must not count */
    lk_color_stats from, to, got;
    lk_color_measure(a, mask, N, &from);
    lk_color_measure(b, mask, N, &to);
    lk_color_map none = lk_color_map_between(&from, &to, 0);
    for (int c = 0; c < 3; c++) {
        CHECK_NEAR(none.scale[c], 1, 0);
        CHECK_NEAR(none.shift[c], 0, 0);
    }
    lk_color_map_apply(lk_color_map_between(&from, &to, 1), a, N);
    lk_color_measure(a, mask, N, &got);
    for (int c = 0; c < 3; c++) {
        CHECK_NEAR(got.mean[c], to.mean[c], 0.02);
        CHECK_NEAR(got.std[c], to.std[c], 0.3); /* damped by one unit */
    }
    lk_color_stats flat = from;
    for (int c = 0; c < 3; c++) flat.std[c] = 0;
    CHECK(lk_color_map_between(&flat, &to, 1).scale[0] <= 1.4f, "contrast is limited");
    lk_free(a);
    lk_free(b);
}

static void steadying_damps_noise_and_follows_light(void)
{
    lk_color_map m = {{1, 1, 1}, {0, 0, 0}}, noisy = m, light = m;
    noisy.shift[0] = 0.8f;
    light.shift[0] = 9;
    CHECK_NEAR(lk_color_map_steady(m, noisy).shift[0], 0.12, 0.01);
    CHECK_NEAR(lk_color_map_steady(m, light).shift[0], 9, 1e-5);
}

static void light_is_matched(void)
{
    enum { S = 96, N = S * S };
    lk_color_light l;
    CHECK_OK(lk_color_light_open(S, S, &l, &err), &err);
    float *lab = noise(3 * N, 4), *target = lk_alloc(3 * N * sizeof(float)),
          *mask = lk_alloc(N * sizeof(float)), *before = lk_alloc(3 * N * sizeof(float));
    for (int i = 0; i < N; i++) {
        float x = (float)(i % S) / S, y = (float)(i / S) / S;
        mask[i] = hypotf(x - 0.5f, y - 0.5f) < 0.4f;
        for (int c = 0; c < 3; c++) {
            lab[c * N + i] = 50 + 10 * lab[c * N + i]; /* fine texture, to be kept */
            target[c * N + i] = lab[c * N + i] + 6 + 10 * x; /* the same under another light */
            if (mask[i] == 0) target[c * N + i] = -500; /* background */
        }
    }
    memcpy(before, lab, 3 * N * sizeof(float));
    lk_color_light_match(&l, lab, target, mask, S, S, 0.1f * S, 1);
    double mean = 0, worst = 0, count = 0;
    for (int i = 0; i < N; i++) {
        if (mask[i] == 0) continue;
        double d = fabs((double)(lab[i] - target[i]));
        mean += d;
        worst = fmax(worst, d);
        count++;
    }
    CHECK(mean / count < 0.3, "mean error %g", mean / count);
    CHECK(worst < 1.5, "largest error %g", worst);
    /* nothing to do, nothing done; half the amount, half the way */
    memcpy(lab, before, 3 * N * sizeof(float));
    lk_color_light_match(&l, lab, before, mask, S, S, 0.1f * S, 1);
    for (int i = 0; i < 3 * N; i++) CHECK_NEAR(lab[i], before[i], 1e-4);
    for (int i = 0; i < 3 * N; i++) target[i] = before[i] + 8;
    lk_color_light_match(&l, lab, target, mask, S, S, 0.1f * S, 0.5f);
    for (int i = 0; i < N; i++)
        if (mask[i] > 0) CHECK_NEAR(lab[i], before[i] + 4, 0.01);
    lk_free(lab);
    lk_free(target);
    lk_free(mask);
    lk_free(before);
    lk_color_light_close(&l);
}

static void blend_sizes(int w, int h, int levels)
{
    lk_swap_pyramid p = {{0}};
    lk_image d;
    CHECK_OK(lk_image_new(w, h, 3, &d, &err), &err);
    float *mask = lk_alloc((size_t)(w * h) * sizeof *mask);
    /* a constant difference inside an ellipse, garbage outside */
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            float u = ((float)x - (float)w / 2) / ((float)w * 0.3f),
                  v = ((float)y - (float)h / 2) / ((float)h * 0.3f);
            mask[y * w + x] = u * u + v * v < 1;
            for (int c = 0; c < 3; c++)
                d.data[3 * (y * w + x) + c] = u * u + v * v < 1 ? 0.2f + 0.1f * (float)c : 1e3f;
        }
    CHECK_OK(lk_swap_blend(&p, &d, mask, levels, &err), &err);
    double middle = (double)d.data[3 * (h / 2 * w + w / 2)];
    for (int i = 0; i < w * h; i++)
        for (int c = 0; c < 3; c++) {
            float v = d.data[3 * i + c], full = 0.2f + 0.1f * (float)c;
            CHECK(v >= -1e-4f && v <= full * 1.001f,
                  "%dx%d, %d levels: %g outside 0..%g: the garbage came in", w, h, levels, (double)v,
                  (double)full);
        }
    CHECK(middle > (levels > 3 || w < 16 ? 0.1 : 0.19), "%dx%d, %d levels: %g in the middle", w, h, levels,
          middle);
    lk_image_clear(&d);
    lk_free(mask);
    lk_free(p.mem.data);
}

static void blend_keeps_colour_and_shuts_out_the_rest(void)
{
    static const int sizes[][2] = {{128, 128}, {97, 61}, {33, 130}, {8, 8}, {3, 40}, {4, 4}};
    for (size_t i = 0; i < LK_COUNT(sizes); i++)
        for (int levels = 0; levels <= 8; levels += 2) blend_sizes(sizes[i][0], sizes[i][1], levels);
}

/* With a mask of ones the bands add up to what went in. */
static void blend_is_complete(void)
{
    lk_swap_pyramid p = {{0}};
    lk_image d, was;
    CHECK_OK(lk_image_new(75, 50, 3, &d, &err), &err);
    float *r = noise(75 * 50 * 3, 8), mask[75 * 50];
    memcpy(d.data, r, 75 * 50 * 3 * sizeof(float));
    CHECK_OK(lk_image_copy(&d, &was, &err), &err);
    for (int i = 0; i < 75 * 50; i++) mask[i] = 1;
    CHECK_OK(lk_swap_blend(&p, &d, mask, 5, &err), &err);
    for (int i = 0; i < 75 * 50 * 3; i++) CHECK_NEAR(d.data[i], was.data[i], 1e-5);
    lk_free(r);
    lk_image_clear(&d);
    lk_image_clear(&was);
    lk_free(p.mem.data);
}

static void mask_edges(void)
{
    enum { S = 96 };
    lk_image made, visible, mask;
    float scratch[S * S];
    lk_point lm[LK_LANDMARKS];
    CHECK_OK(lk_image_new(S, S, 1, &made, &err), &err);
    CHECK_OK(lk_image_new(S, S, 1, &visible, &err), &err);
    CHECK_OK(lk_image_new(S, S, 1, &mask, &err), &err);
    lk_face_mean_shape(S, 1, lm);
    for (int i = 0; i < S * S; i++) made.data[i] = visible.data[i] = 1;
    double area[3];
    for (int k = 0; k < 3; k++) {
        CHECK_OK(lk_swap_mask_build(&made, NULL, lm, 0.03f * (float)k, 0.12f, &mask, scratch, &err), &err);
        area[k] = 0;
        for (int i = 0; i < S * S; i++) {
            area[k] += (double)mask.data[i];
            CHECK(mask.data[i] >= 0 && mask.data[i] <= 1.0001f, "mask %g", (double)mask.data[i]);
        }
        CHECK(mask.data[S * S / 2 + S / 2] > 0.99f, "the middle of the face is made");
    }
    CHECK(area[0] > area[1] && area[1] > area[2], "erosion shrinks: %g %g %g", area[0], area[1], area[2]);
    /* a face larger than the crop ends softly at the crop's border */
    for (int i = 0; i < LK_LANDMARKS; i++)
        lm[i] = (lk_point){(lm[i].x - S / 2) * 3 + S / 2, (lm[i].y - S / 2) * 3 + S / 2};
    CHECK_OK(lk_swap_mask_build(&made, NULL, lm, 0.03f, 0.06f, &mask, scratch, &err), &err);
    for (int i = 0; i < S; i++)
        CHECK(mask.data[i] < 0.02f && mask.data[(S - 1) * S + i] < 0.02f && mask.data[i * S] < 0.02f &&
                  mask.data[i * S + S - 1] < 0.02f,
              "hard edge at the border, %d", i);
    /* hidden is hidden */
    lk_face_mean_shape(S, 1, lm);
    for (int i = 0; i < S * S; i++) visible.data[i] = i / S < S / 2;
    CHECK_OK(lk_swap_mask_build(&made, &visible, lm, 0.03f, 0.06f, &mask, scratch, &err), &err);
    for (int i = (S / 2 + 1) * S; i < S * S; i++) CHECK(mask.data[i] == 0, "hidden row %d is made", i / S);
    lk_image_clear(&made);
    lk_image_clear(&visible);
    lk_image_clear(&mask);
}

static void sharpness_is_matched(void)
{
    enum { S = 96, N = S * S };
    lk_image sharp, soft, weight;
    CHECK_OK(lk_image_new(S, S, 3, &sharp, &err), &err);
    CHECK_OK(lk_image_new(S, S, 1, &weight, &err), &err);
    for (int i = 0; i < N; i++) {
        weight.data[i] = 1;
        for (int c = 0; c < 3; c++)
            sharp.data[3 * i + c] = 0.5f + 0.1f * sinf((float)(i % S) * 1.1f) * cosf((float)(i / S) * 0.9f);
    }
    CHECK_OK(lk_image_copy(&sharp, &soft, &err), &err);
    CHECK_OK(lk_image_blur(&soft, 0.8f, &err), &err);
    float *scratch = lk_alloc(9 * N * sizeof(float));
    lk_swap_detail ratio = lk_swap_detail_ratio(&soft, &sharp, weight.data, 0, scratch);
    CHECK(ratio.fine > 1.2f && ratio.fine < 3, "ratio %g", (double)ratio.fine);
    CHECK_NEAR(lk_swap_detail_ratio(&sharp, &sharp, weight.data, 0, scratch).fine, 1, 1e-6);
    CHECK_NEAR(lk_swap_detail_ratio(&sharp, &sharp, weight.data, 0, scratch).coarse, 1, 1e-6);
    double before = 0, after = 0;
    for (int i = 0; i < 3 * N; i++) before += fabs((double)(soft.data[i] - sharp.data[i]));
    lk_swap_sharpen(&soft, weight.data, (lk_swap_detail){ratio.fine - 1, 0}, 0.1f, scratch);
    for (int i = 0; i < 3 * N; i++) after += fabs((double)(soft.data[i] - sharp.data[i]));
    CHECK(after < 0.6 * before, "error %g, was %g", after, before);
    /* the change is limited, and none is asked of no gain */
    memcpy(soft.data, sharp.data, 3 * N * sizeof(float));
    lk_swap_sharpen(&soft, weight.data, (lk_swap_detail){50, 20}, 0.02f, scratch);
    for (int i = 0; i < 3 * N; i++)
        CHECK(fabsf(soft.data[i] - sharp.data[i]) <= 0.02001f, "changed by %g",
              (double)fabsf(soft.data[i] - sharp.data[i]));
    for (int i = 0; i < 3 * N; i++) soft.data[i] = 0.5f; /* a flat picture says nothing */
    CHECK_NEAR(lk_swap_detail_ratio(&soft, &sharp, weight.data, 0, scratch).fine, 1, 0);
    lk_free(scratch);
    lk_image_clear(&sharp);
    lk_image_clear(&soft);
    lk_image_clear(&weight);
}

static void noise_is_keyed_by_place(void)
{
    lk_image a, b;
    float ones[64 * 48], scratch[4 * 65];
    lk_swap_noise level = {0.02f, 0.012f};
    CHECK_OK(lk_image_new(64, 48, 3, &a, &err), &err);
    CHECK_OK(lk_image_new(32, 48, 3, &b, &err), &err);
    for (int i = 0; i < 64 * 48; i++) ones[i] = 1;
    lk_swap_noise_add(&a, ones, level, 1, 5, 100, 200, scratch);
    lk_swap_noise_add(&b, ones, level, 1, 5, 132, 200, scratch); /* its right half, drawn alone */
    for (int y = 0; y < 48; y++)
        for (int x = 0; x < 32; x++) CHECK_NEAR(b.data[3 * (32 * y + x)], a.data[3 * (64 * y + 32 + x)], 0);
    memset(b.data, 0, 32 * 48 * 3 * sizeof(float));
    lk_swap_noise_add(&b, ones, level, 1, 6, 132, 200, scratch); /* another frame, another noise */
    double same = 0, mean = 0, square = 0;
    for (int y = 0; y < 48; y++)
        for (int x = 0; x < 32; x++) same += b.data[3 * (32 * y + x)] == a.data[3 * (64 * y + 32 + x)];
    for (int i = 0; i < 64 * 48; i++) {
        mean += (double)a.data[3 * i] / (64 * 48);
        square += (double)(a.data[3 * i] * a.data[3 * i]) / (64 * 48);
    }
    CHECK(same < 10, "%g samples repeat", same);
    CHECK_NEAR(mean, 0, 0.002);
    CHECK(sqrt(square) > 0.018 && sqrt(square) < 0.026, "deviation %g", sqrt(square));
    lk_image_clear(&a);
    lk_image_clear(&b);
}

static const check_test tests[] = {
    {"lab_fast_is_lab", lab_fast_is_lab},
    {"mean_and_deviation_are_moved", mean_and_deviation_are_moved},
    {"steadying_damps_noise_and_follows_light", steadying_damps_noise_and_follows_light},
    {"light_is_matched", light_is_matched},
    {"blend_keeps_colour_and_shuts_out_the_rest", blend_keeps_colour_and_shuts_out_the_rest},
    {"blend_is_complete", blend_is_complete},
    {"mask_edges", mask_edges},
    {"sharpness_is_matched", sharpness_is_matched},
    {"noise_is_keyed_by_place", noise_is_keyed_by_place},
};
CHECK_MAIN(tests)
