/* test_fft.c: transforms against the sum that defines them, there and back, in one and two dimensions, from
 * many threads; windows and rates; and every allocation failing. */
#include "dsp/dsp.h"

#include "check.h"
#include "fault.h"

#include <pthread.h>

static void noise(float *x, int n, uint64_t seed)
{
    lk_rng r = lk_rng_at(seed, 0, 0, 0);
    for (int i = 0; i < n; i++) x[i] = lk_rng_normal(&r);
}

static double relative(const float *a, const double *b, int n)
{
    double d = 0, e = 1e-30;
    for (int i = 0; i < n; i++) {
        d += (a[i] - b[i]) * (a[i] - b[i]);
        e += b[i] * b[i];
    }
    return sqrt(d / e);
}

static void against_the_sum(void)
{
    static const int sizes[] = {1, 2, 3, 8, 15, 64, 97, 512, 600};
    lk_error err = {0};
    for (size_t k = 0; k < LK_COUNT(sizes); k++) {
        int n = sizes[k], half = n / 2 + 1;
        float x[600], got[2 * 301];
        double want[2 * 301];
        noise(x, n, k);
        lk_fft *f = NULL;
        CHECK_OK(lk_fft_new(n, &f, &err), &err);
        if (!f) return;
        lk_fft_forward(f, x, got);
        for (int i = 0; i < half; i++) {
            want[2 * i] = want[2 * i + 1] = 0;
            for (int t = 0; t < n; t++) {
                double a = -2.0 * M_PI * (double)((int64_t)i * t % n) / n;
                want[2 * i] += x[t] * cos(a);
                want[2 * i + 1] += x[t] * sin(a);
            }
        }
        double e = relative(got, want, 2 * half);
        CHECK(e < 1e-6, "size %d: relative error %g", n, e);
        lk_fft_free(&f);
        CHECK(f == NULL, "the handle is cleared");
    }
}

static void against_the_sum_2d(void)
{
    enum { R = 6, C = 10, H = C / 2 + 1 };
    float x[R * C], got[2 * R * H];
    double want[2 * R * H];
    lk_error err = {0};
    lk_fft *f = NULL;
    noise(x, R * C, 77);
    CHECK_OK(lk_fft_new_2d(R, C, &f, &err), &err);
    if (!f) return;
    lk_fft_forward(f, x, got);
    for (int u = 0; u < R; u++)
        for (int v = 0; v < H; v++) {
            double re = 0, im = 0;
            for (int y = 0; y < R; y++)
                for (int z = 0; z < C; z++) {
                    double a = -2.0 * M_PI * ((double)(u * y) / R + (double)(v * z) / C);
                    re += x[y * C + z] * cos(a);
                    im += x[y * C + z] * sin(a);
                }
            want[2 * (u * H + v)] = re;
            want[2 * (u * H + v) + 1] = im;
        }
    double e = relative(got, want, 2 * R * H);
    CHECK(e < 1e-6, "relative error %g", e);
    lk_fft_free(&f);
}

static void there_and_back(void)
{
    static const int sizes[][2] = {{1, 1}, {1, 1000}, {1, 4096}, {64, 64}, {128, 128}, {30, 7}};
    lk_error err = {0};
    for (size_t k = 0; k < LK_COUNT(sizes); k++) {
        int rows = sizes[k][0], cols = sizes[k][1], n = rows * cols;
        float *x = lk_calloc((size_t)n, 4), *y = lk_calloc((size_t)n, 4),
              *z = lk_calloc((size_t)(n + 2 * rows + 2), 4);
        float *kept = lk_calloc((size_t)(n + 2 * rows + 2), 4);
        size_t bytes = (size_t)rows * (size_t)(cols / 2 + 1) * 8;
        lk_fft *f = NULL;
        noise(x, n, 100 + k);
        if (rows == 1) CHECK_OK(lk_fft_new(cols, &f, &err), &err);
        else CHECK_OK(lk_fft_new_2d(rows, cols, &f, &err), &err);
        if (f) {
            lk_fft_forward(f, x, z);
            memcpy(kept, z, bytes);
            lk_fft_inverse(f, z, y);
            double worst = 0;
            for (int i = 0; i < n; i++) worst = LK_MAX(worst, fabs(y[i] / n - x[i]));
            CHECK(worst < 1e-5, "%d x %d: off by %g", rows, cols, worst);
            CHECK(!memcmp(kept, z, bytes), "the inverse keeps its input");
        }
        lk_fft_free(&f);
        lk_free(x), lk_free(y), lk_free(z), lk_free(kept);
    }
}

static void refuses_odd_sizes(void)
{
    lk_error err = {0};
    lk_fft *f = NULL;
    CHECK_STATUS(lk_fft_new(0, &f, &err), LK_E_RANGE, &err);
    CHECK_STATUS(lk_fft_new(-5, &f, &err), LK_E_RANGE, &err);
    CHECK_STATUS(lk_fft_new_2d(1 << 20, 1 << 20, &f, &err), LK_E_RANGE, &err);
    CHECK(!f, "nothing is handed out");
    lk_fft_free(&f);
    lk_fft_free(NULL);
}

static void windows(void)
{
    float w[512];
    lk_window_hann(w, 512, true);
    double worst = 0;
    for (int i = 0; i < 128; i++)
        worst = LK_MAX(worst, fabs(w[i] + w[i + 128] + w[i + 256] + w[i + 384] - 2.0));
    CHECK(worst < 1e-6, "periodic windows a quarter apart sum to 2, off by %g", worst);
    CHECK_NEAR(w[256], 1, 1e-7);
    lk_window_hann(w, 9, false);
    CHECK_NEAR(w[0], 0, 1e-7);
    CHECK_NEAR(w[8], 0, 1e-7);
    CHECK_NEAR(w[4], 1, 1e-7);
    lk_window_hann(w, 1, false);
    CHECK_NEAR(w[0], 1, 1e-7);
}

/* A tone stays where it was: its samples at the new rate are those of the same sine. */
static void resample(void)
{
    static const double steps[] = {1,    44100.0 / 16000, 16000.0 / 44100, 3, 1 / 3.0, 1.02,
                                   0.98, 48000.0 / 8000};
    enum { N = 4000 };
    lk_error err = {0};
    float *in = lk_calloc(N, 4), *out = lk_calloc(4 * N, 4);
    for (size_t k = 0; k < LK_COUNT(steps) && in && out; k++) {
        const double tone = 0.35 / LK_MAX(1, steps[k]); /* turns a sample: within both bands */
        const int n = (int)(N / steps[k]), margin = (int)(40 * LK_MAX(1, 1 / steps[k]));
        double worst = 0;
        for (int i = 0; i < N; i++) in[i] = (float)sin(2 * M_PI * tone * i);
        CHECK_OK(lk_resample(in, N, steps[k], out, n, &err), &err);
        for (int i = margin; i < n - margin; i++)
            worst = LK_MAX(worst, fabs(out[i] - sin(2 * M_PI * tone * i * steps[k])));
        CHECK(worst < 2e-3, "step %g: off by %g", steps[k], worst);
        if (steps[k] > 2) { /* what the lower rate cannot hold is taken out */
            for (int i = 0; i < N; i++) in[i] = (float)sin(2 * M_PI * 0.45 * i);
            CHECK_OK(lk_resample(in, N, steps[k], out, n, &err), &err);
            for (int i = margin, w = 1; i < n - margin && w; i++)
                CHECK((w = fabs(out[i]) < 2e-3), "alias %g", out[i]);
        }
    }
    CHECK_OK(lk_resample(in, 0, 1.5, out, 10, &err), &err);
    for (int i = 0; i < 10; i++) CHECK(out[i] == 0, "nothing comes of nothing");
    CHECK_STATUS(lk_resample(in, 10, 0, out, 10, &err), LK_E_RANGE, &err);
    CHECK_STATUS(lk_resample(in, 10, NAN, out, 10, &err), LK_E_RANGE, &err);
    CHECK_STATUS(lk_resample(in, -1, 1, out, 10, &err), LK_E_ARG, &err);
    lk_free(in), lk_free(out);
}

static void *plan_and_run(void *user)
{
    int *bad = user;
    for (int k = 0; k < 40; k++) {
        int n = 64 + 3 * k;
        float x[256], y[256], z[260];
        lk_fft *f = NULL;
        noise(x, n, (uint64_t)k);
        if (lk_fft_new(n, &f, NULL) != LK_OK) {
            ++*bad;
            continue;
        }
        lk_fft_forward(f, x, z);
        lk_fft_inverse(f, z, y);
        for (int i = 0; i < n; i++) *bad += fabsf(y[i] / (float)n - x[i]) > 1e-4f;
        lk_fft_free(&f);
    }
    return NULL;
}

static void plans_from_many_threads(void)
{
    pthread_t t[4];
    int bad[4] = {0};
    for (int i = 0; i < 4; i++)
        if (pthread_create(&t[i], NULL, plan_and_run, &bad[i])) {
            for (int j = 0; j < i; j++) pthread_join(t[j], NULL);
            SKIP("no threads to be had");
        }
    for (int i = 0; i < 4; i++) {
        pthread_join(t[i], NULL);
        CHECK_INT(bad[i], 0);
    }
}

static void no_memory(void)
{
    FAULT_LOOP(LK_FAULT_ALLOC, false, {
        lk_error err = {0};
        lk_fft *f = NULL;
        lk_status s = lk_fft_new(48, &f, &err);
        CHECK(fault_clean(s) && (s == LK_OK) == (f != NULL), "status %d", s);
        lk_fft_free(&f);
        float x[50] = {0};
        CHECK(fault_clean(lk_resample(x, 50, 0.7, x, 50, &err)), "%s", err.message);
    });
}

static const check_test tests[] = {
    {"against-the-sum", against_the_sum},
    {"against-the-sum-2d", against_the_sum_2d},
    {"there-and-back", there_and_back},
    {"refuses-odd-sizes", refuses_odd_sizes},
    {"windows", windows},
    {"resample", resample},
    {"plans-from-many-threads", plans_from_many_threads},
    {"no-memory", no_memory},
};
CHECK_MAIN(tests)
