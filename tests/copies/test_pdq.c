/* test_pdq.c: the picture hash against a slow reference, what it stands and what it tells apart. */
#include "mark/copies/internal.h"
#include "pictures.h"

/* The published algorithm word for word, in double, without a running sum or any other shortcut. */
static lk_pdq slow_pdq(const lk_image *im, int *quality)
{
    int w = im->w, h = im->h, win_x = (w + 127) / 128, win_y = (h + 127) / 128;
    size_t n = (size_t)w * h;
    double *a = calloc(n, sizeof *a), *b = calloc(n, sizeof *b), s[64][64], c[256], sorted[256];
    for (size_t i = 0; i < n; i++) {
        const float *p = im->data + i * im->c;
        a[i] = im->c == 1 ? p[0] * 255.0 : (0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2]) * 255.0;
    }
    for (int pass = 0; pass < 4; pass++) {
        bool rows = pass % 2 == 0;
        int win = rows ? win_x : win_y, right = (win + 2) / 2 - 1, left = win - right - 1;
        for (int y = 0; y < h; y++)
            for (int x = 0; x < w; x++) {
                double sum = 0;
                int count = 0, at = rows ? x : y, size = rows ? w : h;
                for (int k = LK_MAX(at - left, 0); k <= LK_MIN(at + right, size - 1); k++, count++)
                    sum += rows ? a[(size_t)y * w + k] : a[(size_t)k * w + x];
                b[(size_t)y * w + x] = sum / count;
            }
        double *t = a;
        a = b;
        b = t;
    }
    for (int i = 0; i < 64; i++)
        for (int j = 0; j < 64; j++) s[i][j] = a[(size_t)((i + 0.5) * h / 64) * w + (size_t)((j + 0.5) * w / 64)];
    int sum = 0;
    for (int i = 0; i < 64; i++)
        for (int j = 0; j < 64; j++) {
            if (i < 63) sum += abs((int)((s[i][j] - s[i + 1][j]) * 100 / 255));
            if (j < 63) sum += abs((int)((s[i][j] - s[i][j + 1]) * 100 / 255));
        }
    *quality = LK_MIN(sum / 90, 100);
    for (int u = 0; u < 16; u++)
        for (int v = 0; v < 16; v++) {
            double f = 0;
            for (int i = 0; i < 64; i++)
                for (int j = 0; j < 64; j++)
                    f += s[i][j] * cos(M_PI / 128 * (u + 1) * (2 * i + 1)) * cos(M_PI / 128 * (v + 1) * (2 * j + 1));
            c[u * 16 + v] = f;
        }
    memcpy(sorted, c, sizeof c);
    for (int i = 1; i < 256; i++) /* insertion sort */
        for (int j = i; j > 0 && sorted[j] < sorted[j - 1]; j--) {
            double t = sorted[j];
            sorted[j] = sorted[j - 1];
            sorted[j - 1] = t;
        }
    lk_pdq out = {{0}};
    for (int k = 0; k < 256; k++)
        if (c[k] > sorted[127]) out.w[k / 64] |= 1ull << (k % 64);
    free(a);
    free(b);
    return out;
}

static lk_pdq hash_of(const lk_image *im)
{
    lk_pdq h = {{0}};
    lk_error err = {0};
    CHECK_OK(lk_pdq_image(im, &h, NULL, &err), &err);
    return h;
}

static int bits_set(const lk_pdq *h)
{
    static const lk_pdq none;
    return lk_pdq_distance(h, &none);
}

static void test_reference(void)
{
    static const int sizes[][2] = {{640, 360}, {64, 64}, {65, 63}, {127, 129}, {333, 517}, {1000, 40}, {1, 1}, {3, 700}};
    for (size_t i = 0; i < LK_COUNT(sizes); i++) {
        lk_error err = {0};
        lk_image im = scene(sizes[i][0], sizes[i][1], i);
        lk_pdq fast;
        int q = -1, slow_q = -1;
        CHECK_OK(lk_pdq_image(&im, &fast, &q, &err), &err);
        lk_pdq slow = slow_pdq(&im, &slow_q);
        bool flat = im.w < 4 && im.h < 4; /* all coefficients are rounding noise */
        CHECK(flat || lk_pdq_distance(&fast, &slow) <= 2, "%d x %d: %d bits from the reference", im.w, im.h, lk_pdq_distance(&fast, &slow));
        CHECK(abs(q - slow_q) <= 1, "%d x %d: quality %d, reference %d", im.w, im.h, q, slow_q);
        CHECK(flat || abs(bits_set(&fast) - 128) <= 1, "half of the bits are set: %d", bits_set(&fast));
        lk_image_clear(&im);
    }
    lk_image im = {0};
    int q, slow_q;
    CHECK(frame_at(SAMPLE_A, 1, &im), "the bundled clip is there");
    lk_pdq fast = hash_of(&im), slow = slow_pdq(&im, &slow_q);
    CHECK(lk_pdq_distance(&fast, &slow) <= 2, "%d bits from the reference", lk_pdq_distance(&fast, &slow));
    lk_image grey = {0};
    lk_error err = {0};
    CHECK_OK(lk_image_new(im.w, im.h, 1, &grey, &err), &err);
    for (size_t i = 0; i < (size_t)im.w * im.h; i++)
        grey.data[i] = 0.299f * im.data[3 * i] + 0.587f * im.data[3 * i + 1] + 0.114f * im.data[3 * i + 2];
    lk_pdq from_grey;
    CHECK_OK(lk_pdq_image(&grey, &from_grey, &q, &err), &err);
    CHECK_INT(lk_pdq_distance(&fast, &from_grey), 0);
    lk_image_clear(&grey);
    lk_image_clear(&im);
}

static void test_flat(void)
{
    lk_image im = {0};
    lk_error err = {0};
    lk_pdq h;
    int quality = -1;
    CHECK_OK(lk_image_new(320, 200, 3, &im, &err), &err);
    CHECK_OK(lk_pdq_image(&im, &h, &quality, &err), &err);
    CHECK_INT(quality, 0);
    lk_image_clear(&im);
    lk_image bad = {.w = 2, .h = 2, .c = 2};
    CHECK_STATUS(lk_pdq_image(&bad, &h, &quality, &err), LK_E_ARG, &err);
}

/* Each of the eight hashes is what the turned picture hashes to, but for a few bits: sampling is not symmetric. */
static void test_views(void)
{
    lk_image im = {0};
    lk_error err = {0};
    lk_pdq views[8];
    lk_status s;
    int quality;
    CHECK(frame_at(SAMPLE_B, 2, &im), "the bundled clip is there");
    lk_pdq_turned(&im, views, &quality, &err, &s);
    CHECK_OK(s, &err);
    lk_pdq plain = hash_of(&im);
    CHECK_INT(lk_pdq_distance(&plain, &views[0]), 0);
    for (int v = 1; v < 8; v++) {
        lk_image t = turned(&im, v);
        lk_pdq h = hash_of(&t);
        CHECK(lk_pdq_distance(&h, &views[v]) <= 12, "view %d: %d bits", v, lk_pdq_distance(&h, &views[v]));
        CHECK(lk_pdq_distance(&views[0], &views[v]) > 60, "view %d is another picture: %d bits", v, lk_pdq_distance(&views[0], &views[v]));
        lk_image_clear(&t);
    }
    lk_image_clear(&im);
}

typedef void (*change_fn)(lk_image *im);
static void change_resize(lk_image *im)
{
    lk_image half = resized(im, im->w / 3, im->h / 3);
    lk_image_clear(im);
    *im = half;
}
static void change_light(lk_image *im)
{
    for (size_t i = 0, n = (size_t)im->w * im->h * im->c; i < n; i++) im->data[i] = LK_CLAMP(im->data[i] * 1.15f + 0.06f, 0.0f, 1.0f);
}
static void change_noise(lk_image *im)
{
    lk_rng rng = lk_rng_at(5, 5, 5, 5);
    for (size_t i = 0, n = (size_t)im->w * im->h * im->c; i < n; i++) im->data[i] = LK_CLAMP(im->data[i] + 0.05f * lk_rng_normal(&rng), 0.0f, 1.0f);
}
static void change_text(lk_image *im)
{
    const float white[3] = {1, 1, 1};
    lk_draw_text(im, (float)im->w * 0.05f, (float)im->h * 0.92f, (float)im->h * 0.04f, "a caption at the edge", white);
}
static void change_blur(lk_image *im)
{
    lk_error err = {0};
    CHECK_OK(lk_image_blur(im, 2, &err), &err);
}
static void change_stretch(lk_image *im) /* the shape of the picture does not count */
{
    lk_image other = resized(im, im->w, im->h * 4 / 3);
    lk_image_clear(im);
    *im = other;
}

static void test_edits(void)
{
    static const struct { const char *name; change_fn fn; } rows[] = {{"jpeg", jpeg_like}, {"resize", change_resize}, {"light", change_light},
                                                                        {"noise", change_noise}, {"text", change_text}, {"blur", change_blur},
                                                                        {"stretch", change_stretch}};
    for (int k = 0; k < 6; k++) {
        lk_image im = {0};
        CHECK(frame_at(k % 2 ? SAMPLE_A : SAMPLE_B, 0.5 + k, &im), "the bundled clip is there");
        lk_pdq before = hash_of(&im);
        for (size_t i = 0; i < LK_COUNT(rows); i++) {
            lk_image copy = {0};
            lk_error err = {0};
            CHECK_OK(lk_image_copy(&im, &copy, &err), &err);
            rows[i].fn(&copy);
            lk_pdq after = hash_of(&copy);
            CHECK(lk_pdq_distance(&before, &after) <= LK_PDQ_NEAR, "%s: %d bits", rows[i].name, lk_pdq_distance(&before, &after));
            lk_image_clear(&copy);
        }
        lk_image_clear(&im);
    }
}

static void test_unrelated(void)
{
    enum { N = 24 };
    lk_pdq h[N + 2];
    int nearest = 256;
    for (int i = 0; i < N; i++) {
        lk_image im = scene(320, 240, 100 + (uint64_t)i);
        h[i] = hash_of(&im);
        lk_image_clear(&im);
    }
    for (int i = 0; i < 2; i++) {
        lk_image im = {0};
        CHECK(frame_at(i ? SAMPLE_A : SAMPLE_B, 1, &im), "the bundled clip is there");
        h[N + i] = hash_of(&im);
        lk_image_clear(&im);
    }
    for (int i = 0; i < N + 2; i++)
        for (int j = 0; j < i; j++) nearest = LK_MIN(nearest, lk_pdq_distance(&h[i], &h[j]));
    CHECK(nearest > 60, "two unrelated pictures are %d bits apart", nearest);
}

static const check_test tests[] = {{"reference", test_reference}, {"flat", test_flat},         {"views", test_views},
                                   {"edits", test_edits},         {"unrelated", test_unrelated}};
CHECK_MAIN(tests)
