/* test_colour.c: a frame read as RGB and blended back, in every format, depth, range and matrix. */
#include "check.h"
#include "media/impl.h"

static lk_error err;

static const struct {
    lk_chroma chroma;
    int depth;
} formats[] = {
    {LK_CHROMA_420, 8},  {LK_CHROMA_420, 10}, {LK_CHROMA_422, 8},   {LK_CHROMA_422, 10}, {LK_CHROMA_444, 8},
    {LK_CHROMA_444, 10}, {LK_CHROMA_GREY, 8}, {LK_CHROMA_GREY, 10}, {LK_CHROMA_RGB, 8},  {LK_CHROMA_RGB, 10},
};
static const enum AVColorSpace matrices[] = {AVCOL_SPC_BT709, AVCOL_SPC_SMPTE170M, AVCOL_SPC_BT2020_NCL};

static lk_frame *frame_new(lk_chroma chroma, int depth, int w, int h, enum AVColorSpace matrix, bool full,
                           enum AVChromaLocation loc)
{
    AVFrame *av = NULL;
    lk_frame *f = NULL;
    lk_frame_info info = {.time_base = {1, 25}, .index = 7};
    CHECK_OK(media_avframe_new(media_native_format(chroma, depth), w, h, NULL, &av, &err), &err);
    av->colorspace = matrix;
    av->color_range = full ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
    av->chroma_location = loc;
    CHECK_OK(media_frame_wrap(&av, &info, &f, &err), &err);
    f->writable = true;
    return f;
}

static int planes(const lk_frame *f) { return f->chroma == LK_CHROMA_GREY ? 1 : 3; }

static void plane_size(const lk_frame *f, int p, int *w, int *h)
{
    bool x = p && (f->chroma == LK_CHROMA_420 || f->chroma == LK_CHROMA_422),
         y = p && f->chroma == LK_CHROMA_420;
    *w = x ? (f->info.width + 1) / 2 : f->info.width;
    *h = y ? (f->info.height + 1) / 2 : f->info.height;
}

static int get(const lk_frame *f, int p, int x, int y)
{
    const uint8_t *row = f->av->data[p] + (ptrdiff_t)y * f->av->linesize[p];
    return f->info.bit_depth > 8 ? ((const uint16_t *)(const void *)row)[x] : row[x];
}

static void set(lk_frame *f, int p, int x, int y, int v)
{
    uint8_t *row = f->av->data[p] + (ptrdiff_t)y * f->av->linesize[p];
    if (f->info.bit_depth > 8) ((uint16_t *)(void *)row)[x] = (uint16_t)v;
    else row[x] = (uint8_t)v;
}

/* Colours that exist in RGB: luma in the middle, chroma near neutral; per-pixel noise where chroma is whole,
 * a slope where it is subsampled (interpolation is exact on slopes). */
static void fill(lk_frame *f, uint64_t seed)
{
    lk_rng r = lk_rng_at(seed, 2, 0, 0);
    int unit = 1 << (f->info.bit_depth - 8);
    bool slope = f->chroma == LK_CHROMA_420 || f->chroma == LK_CHROMA_422;
    for (int p = 0; p < planes(f); p++) {
        int w, h;
        plane_size(f, p, &w, &h);
        for (int y = 0; y < h; y++)
            for (int x = 0; x < w; x++) {
                int v = (110 + (int)lk_rng_below(&r, 30)) * unit + (int)lk_rng_below(&r, (uint32_t)unit);
                if (p && slope) v = (118 + (p == 1 ? x : y) / 3) * unit;
                set(f, p, x, y, v);
            }
    }
}

static void round_trip_within_one_code(void)
{
    for (size_t n = 0; n < LK_COUNT(formats); n++)
        for (size_t m = 0; m < LK_COUNT(matrices); m++)
            for (int full = 0; full < 2; full++) {
                lk_frame *f = frame_new(formats[n].chroma, formats[n].depth, 45, 27, matrices[m], full,
                                        AVCHROMA_LOC_LEFT),
                         *g = NULL;
                lk_image rgb;
                fill(f, n);
                CHECK_OK(lk_frame_to_image(f, &rgb, &err), &err);
                CHECK_OK(lk_frame_writable(f, &g, &err), &err);
                CHECK_OK(lk_frame_blend_rgb(g, 0, 0, &rgb, NULL, &err), &err);
                int worst = 0;
                for (int p = 0; p < planes(f); p++) {
                    int w, h;
                    plane_size(f, p, &w, &h);
                    /* At the picture's edge the slope ends and interpolation flattens it: one sample is left
                     * out. */
                    int rim = p && formats[n].chroma <= LK_CHROMA_422;
                    for (int y = rim; y < h - rim; y++)
                        for (int x = rim; x < w - rim; x++)
                            worst = LK_MAX(worst, abs(get(f, p, x, y) - get(g, p, x, y)));
                }
                CHECK(worst <= 1, "format %zu matrix %zu range %d: off by %d codes", n, m, full, worst);
                lk_image_clear(&rgb);
                lk_frame_unref(&f);
                lk_frame_unref(&g);
            }
}

/* Known points: H.273's formulas by hand. */
static void known_colours(void)
{
    static const struct {
        enum AVColorSpace m;
        bool full;
        int depth, y, u, v;
        float r, g, b;
    } rows[] = {
        {AVCOL_SPC_BT709, false, 8, 16, 128, 128, 0, 0, 0},
        {AVCOL_SPC_BT709, false, 8, 235, 128, 128, 1, 1, 1},
        {AVCOL_SPC_BT709, false, 10, 940, 512, 512, 1, 1, 1},
        {AVCOL_SPC_BT709, true, 8, 255, 128, 128, 1, 1, 1},
        {AVCOL_SPC_SMPTE170M, false, 8, 81, 90, 240, 1, 0, 0},
        {AVCOL_SPC_SMPTE170M, false, 8, 145, 54, 34, 0, 1, 0},
        {AVCOL_SPC_BT709, false, 8, 63, 102, 240, 1, 0, 0},
        {AVCOL_SPC_BT709, false, 8, 32, 240, 118, 0, 0, 1},
        {AVCOL_SPC_BT2020_NCL, false, 10, 294, 387, 960, 1, 0, 0},
    };
    for (size_t n = 0; n < LK_COUNT(rows); n++) {
        lk_frame *f = frame_new(LK_CHROMA_444, rows[n].depth, 4, 4, rows[n].m, rows[n].full,
                                AVCHROMA_LOC_LEFT);
        lk_image im;
        for (int i = 0; i < 16; i++) {
            set(f, 0, i % 4, i / 4, rows[n].y);
            set(f, 1, i % 4, i / 4, rows[n].u);
            set(f, 2, i % 4, i / 4, rows[n].v);
        }
        CHECK_OK(lk_frame_to_image(f, &im, &err), &err);
        CHECK_NEAR(im.data[0], rows[n].r, 0.01);
        CHECK_NEAR(im.data[1], rows[n].g, 0.01);
        CHECK_NEAR(im.data[2], rows[n].b, 0.01);
        lk_image_clear(&im);
        lk_frame_unref(&f);
    }
}

/* A horizontal chroma slope must read back as a straight line through the right places for each siting. */
static void chroma_siting(void)
{
    static const struct {
        enum AVChromaLocation loc;
        double x, y;
    } rows[] = {{AVCHROMA_LOC_LEFT, 0, 0.5},
                {AVCHROMA_LOC_CENTER, 0.5, 0.5},
                {AVCHROMA_LOC_TOPLEFT, 0, 0},
                {AVCHROMA_LOC_TOP, 0.5, 0}};
    for (size_t n = 0; n < LK_COUNT(rows); n++) {
        lk_frame *f = frame_new(LK_CHROMA_420, 8, 40, 40, AVCOL_SPC_BT709, true, rows[n].loc);
        lk_image im;
        for (int i = 0; i < 1600; i++) set(f, 0, i % 40, i / 40, 128);
        for (int i = 0; i < 400; i++) {
            set(f, 1, i % 20, i / 20, 118 + i % 20); /* Cb grows to the right */
            set(f, 2, i % 20, i / 20, 118 + i / 20); /* Cr grows downwards */
        }
        CHECK_OK(lk_frame_to_image(f, &im, &err), &err);
        for (int y = 4; y < 36; y++)
            for (int x = 4; x < 36; x++) {
                const float *p = im.data + (y * 40 + x) * 3;
                double cb = (p[2] * 255 - 128) / (2 * (1 - 0.0722)) + 128,
                       cr = (p[0] * 255 - 128) / (2 * (1 - 0.2126)) + 128;
                CHECK_NEAR(cb, 118 + (x - rows[n].x) / 2, 0.01);
                CHECK_NEAR(cr, 118 + (y - rows[n].y) / 2, 0.01);
            }
        lk_image_clear(&im);
        lk_frame_unref(&f);
    }
}

/* Samples under alpha 0, and all outside the rectangle, keep their codes; the same call gives the same bytes.
 */
static void untouched_is_bit_exact(void)
{
    for (size_t n = 0; n < LK_COUNT(formats); n++)
        for (int place = 0; place < 4; place++) {
            static const int at[4][2] = {{8, 6}, {9, 7}, {-5, -3}, {41, 30}};
            lk_frame *f = frame_new(formats[n].chroma, formats[n].depth, 61, 43, AVCOL_SPC_BT709, false,
                                    place & 1 ? AVCHROMA_LOC_CENTER : AVCHROMA_LOC_LEFT);
            lk_frame *g = NULL, *again = NULL;
            lk_image rgb, alpha;
            fill(f, n);
            CHECK_OK(lk_image_new(24, 18, 3, &rgb, &err), &err);
            CHECK_OK(lk_image_new(24, 18, 1, &alpha, &err), &err);
            for (int i = 0; i < 24 * 18 * 3; i++) rgb.data[i] = 0.9f;
            for (int y = 5; y < 13; y++)
                for (int x = 7; x < 16; x++) alpha.data[y * 24 + x] = x == 7 ? 0.25f : 1;
            CHECK_OK(lk_frame_writable(f, &g, &err), &err);
            CHECK_OK(lk_frame_writable(f, &again, &err), &err);
            CHECK_OK(lk_frame_blend_rgb(g, at[place][0], at[place][1], &rgb, &alpha, &err), &err);
            CHECK_OK(lk_frame_blend_rgb(again, at[place][0], at[place][1], &rgb, &alpha, &err), &err);
            int changed = 0, wrong = 0, differ = 0;
            for (int p = 0; p < planes(f); p++) {
                int w, h, sx, sy;
                plane_size(f, p, &w, &h);
                sx = w < 61 ? 2 : 1;
                sy = h < 43 ? 2 : 1;
                for (int y = 0; y < h; y++)
                    for (int x = 0; x < w; x++) {
                        bool covered = false; /* any pixel of the sample's own footprint under alpha */
                        for (int j = -1; j <= sy - 1; j++)
                            for (int i = -1; i <= sx - 1; i++) {
                                if ((i < 0 && sx == 1) || (j < 0 && sy == 1)) continue;
                                int u = x * sx + i - at[place][0], v = y * sy + j - at[place][1];
                                if (u >= 7 && u < 16 && v >= 5 && v < 13) covered = true;
                            }
                        changed += get(f, p, x, y) != get(g, p, x, y);
                        wrong += !covered && get(f, p, x, y) != get(g, p, x, y);
                        differ += get(again, p, x, y) != get(g, p, x, y);
                    }
            }
            CHECK(changed > 20, "format %zu place %d: %d samples changed", n, place, changed);
            CHECK(wrong == 0, "format %zu place %d: %d samples outside the alpha changed", n, place, wrong);
            CHECK(differ == 0, "format %zu place %d: %d samples differ from run to run", n, place, differ);
            lk_image_clear(&rgb);
            lk_image_clear(&alpha);
            lk_frame_unref(&f);
            lk_frame_unref(&g);
            lk_frame_unref(&again);
        }
}

/* Half alpha is the mean of both; the dither is unbiased. */
static void blend_is_linear(void)
{
    for (size_t n = 0; n < LK_COUNT(formats); n++) {
        lk_frame *f = frame_new(formats[n].chroma, formats[n].depth, 64, 64, AVCOL_SPC_BT709, false,
                                AVCHROMA_LOC_LEFT);
        lk_image rgb, alpha, out;
        int unit = 1 << (formats[n].depth - 8);
        for (int p = 0; p < planes(f); p++) {
            int w, h;
            plane_size(f, p, &w, &h);
            for (int i = 0; i < w * h; i++)
                set(f, p, i % w, i / w, (p && f->chroma != LK_CHROMA_RGB ? 128 : 126) * unit);
        }
        CHECK_OK(lk_image_new(64, 64, 3, &rgb, &err), &err);
        CHECK_OK(lk_image_new(64, 64, 1, &alpha, &err), &err);
        for (int i = 0; i < 64 * 64; i++) {
            rgb.data[3 * i] = 0.61f;
            rgb.data[3 * i + 1] = 0.52f;
            rgb.data[3 * i + 2] = 0.57f;
            alpha.data[i] = 0.37f;
        }
        CHECK_OK(lk_frame_blend_rgb(f, 0, 0, &rgb, &alpha, &err), &err);
        CHECK_OK(lk_frame_to_image(f, &out, &err), &err);
        double mean[3] = {0, 0, 0}, grey = 110.0 / 219;
        for (int i = 0; i < 64 * 64; i++)
            for (int k = 0; k < 3; k++) mean[k] += out.data[3 * i + k] / (64.0 * 64);
        bool colour = f->chroma != LK_CHROMA_GREY;
        double luma = 0.2126 * 0.61 + 0.7152 * 0.52 + 0.0722 * 0.57;
        CHECK_NEAR(mean[0], grey + 0.37 * ((colour ? 0.61 : luma) - grey), 0.0012);
        CHECK_NEAR(mean[1], grey + 0.37 * ((colour ? 0.52 : luma) - grey), 0.0012);
        CHECK_NEAR(mean[2], grey + 0.37 * ((colour ? 0.57 : luma) - grey), 0.0012);
        lk_image_clear(&rgb);
        lk_image_clear(&alpha);
        lk_image_clear(&out);
        lk_frame_unref(&f);
    }
}

/* A crop anywhere equals the same part of the whole; beyond the frame the edge goes on. */
static void crops_equal_the_whole(void)
{
    for (size_t n = 0; n < LK_COUNT(formats); n++)
        for (int c = 1; c <= 3; c += 2) {
            lk_frame *f = frame_new(formats[n].chroma, formats[n].depth, 71, 37, AVCOL_SPC_BT709, false,
                                    AVCHROMA_LOC_LEFT);
            lk_image all, part;
            fill(f, 50 + n);
            CHECK_OK(lk_image_new(71, 37, c, &all, &err), &err);
            CHECK_OK(lk_frame_get_rgb(f, 0, 0, &all, &err), &err);
            static const int at[][2] = {{0, 0}, {1, 1}, {13, 6}, {-9, -4}, {60, 30}, {-200, 5}, {300, -300}};
            for (size_t k = 0; k < LK_COUNT(at); k++) {
                CHECK_OK(lk_image_new(23, 19, c, &part, &err), &err);
                CHECK_OK(lk_frame_get_rgb(f, at[k][0], at[k][1], &part, &err), &err);
                double worst = 0;
                for (int y = 0; y < 19; y++)
                    for (int x = 0; x < 23; x++) {
                        int u = at[k][0] + x, v = LK_CLAMP(at[k][1] + y, 0, 36);
                        if (u < 0 || u > 70)
                            continue; /* chroma of the outside is the edge sample's, checked by range below */
                        for (int i = 0; i < c; i++)
                            worst = fmax(worst, fabs((double)part.data[(y * 23 + x) * c + i] -
                                                     all.data[(v * 71 + u) * c + i]));
                    }
                CHECK(worst < 1e-6, "format %zu channels %d crop %zu: off by %g", n, c, k, worst);
                for (int i = 0; i < 23 * 19 * c; i++)
                    CHECK(part.data[i] >= 0 && part.data[i] <= 1, "%g", (double)part.data[i]);
                lk_image_clear(&part);
            }
            lk_image_clear(&all);
            lk_frame_unref(&f);
        }
}

static void shared_frames_are_safe(void)
{
    lk_image im;
    lk_frame *f = NULL, *g = NULL;
    CHECK_OK(lk_image_new(8, 8, 3, &im, &err), &err);
    im.data[0] = 1.7f;
    im.data[4] = -3;
    im.data[8] = NAN;
    CHECK_OK(lk_frame_from_image(&im, &f, &err), &err);
    CHECK_INT(get(f, 2, 0, 0), 255);
    f->writable = false;
    CHECK_STATUS(lk_frame_blend_rgb(f, 0, 0, &im, NULL, &err), LK_E_STATE, &err);
    CHECK_STATUS(lk_frame_set_time(f, 1, 1, (lk_rational){1, 25}, &err), LK_E_STATE, &err);
    g = lk_frame_ref(f);
    lk_frame_unref(&f);
    CHECK(f == NULL && g->info.width == 8, "the other reference lives on");
    lk_frame_unref(&g);
    lk_image_clear(&im);
}

static const check_test tests[] = {
    {"round trip within one code value", round_trip_within_one_code},
    {"known colours", known_colours},
    {"chroma siting", chroma_siting},
    {"untouched samples are bit-exact", untouched_is_bit_exact},
    {"blend is linear and unbiased", blend_is_linear},
    {"crops equal the whole", crops_equal_the_whole},
    {"shared frames are safe", shared_frames_are_safe},
};
CHECK_MAIN(tests)
