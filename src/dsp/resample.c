/* resample.c: any rate to any rate, without delay: a sinc under a Hann window of 16 zero crossings a side.
 *
 * libswresample is media's and keeps no promise about the position of sample 0; here positions are the point.
 * The kernel is tabulated at 256 fractions of a sample and read between two of them, which leaves errors near
 * -90 dB.
 */
#include "dsp/dsp.h"

#include <math.h>
#include <string.h>

enum { PHASES = 256, CROSSINGS = 16 };

lk_status lk_resample(const float *in, int64_t n, double step, float *out, int64_t out_n, lk_error *err)
{
    if (n < 0 || out_n < 0)
        return LK_FAIL(err, LK_E_ARG, "a sound cannot have %lld samples", (long long)LK_MIN(n, out_n));
    if (step == 1) {
        const int64_t have = LK_MIN(n, out_n);
        memcpy(out, in, (size_t)have * sizeof(float));
        memset(out + have, 0, (size_t)(out_n - have) * sizeof(float));
        return LK_OK;
    }
    if (!(step > 0.01 && step < 100))
        return LK_FAIL(err, LK_E_RANGE, "a change of rate by %g is outside 0.01..100", step);
    const double cut = step > 1 ? 0.96 / step : 0.96;
    const int half = (int)ceil(CROSSINGS / cut), taps = 2 * half;
    float *table = lk_alloc((size_t)(PHASES + 1) * (size_t)taps * sizeof(float));
    float *padded = lk_calloc((size_t)(n + 2 * (int64_t)taps), sizeof(float));
    if (!table || !padded) {
        lk_free(table);
        lk_free(padded);
        return LK_FAIL(err, LK_E_NOMEM, "no memory to resample %lld samples", (long long)n);
    }
    for (int p = 0; p <= PHASES; p++)
        for (int k = 0; k < taps; k++) {
            double x = k - (half - 1) - (double)p / PHASES, a = M_PI * cut * x;
            double w = fabs(x) < half ? 0.5 + 0.5 * cos(M_PI * x / half) : 0;
            table[p * taps + k] = (float)(cut * w * (fabs(a) < 1e-9 ? 1 : sin(a) / a));
        }
    memcpy(padded + taps, in, (size_t)n * sizeof(float));
    for (int64_t i = 0; i < out_n; i++) {
        double at = (double)i * step;
        int64_t whole = (int64_t)at;
        if (whole - half >= n) {
            out[i] = 0;
            continue;
        }
        double fine = (at - (double)whole) * PHASES;
        int p = (int)fine;
        float mix = (float)(fine - p), a = 0, b = 0;
        const float *x = padded + taps + whole - (half - 1), *h = table + p * taps, *g = h + taps;
#pragma omp simd reduction(+ : a, b)
        for (int k = 0; k < taps; k++) {
            a += x[k] * h[k];
            b += x[k] * g[k];
        }
        out[i] = a + mix * (b - a);
    }
    lk_free(table);
    lk_free(padded);
    return LK_OK;
}
