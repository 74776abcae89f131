/* words_feature.c: log mel energies (Davis & Mermelstein 1980, without the cosine transform: the network learns its own), made
 * independent of level, microphone and noise floor as far as a mean can do that. */
#include <math.h>
#include <string.h>

#include "dsp/dsp.h"
#include "voice/words_internal.h"

#define LOWEST 80.0   /* Hz */
#define HIGHEST 7200.0
#define FLOOR 1e-4    /* of the active frames' mean power in each band: what lies below it is silence */
#define ACTIVE 1e-2   /* of the loud frames' power */
#define SCALE 0.4f    /* brings the energies to about unit deviation */
#define SILENT 1e-9   /* mean power of the loud frames, full scale 1 */

static double mel(double hz) { return 1127 * log1p(hz / 700); }
static double hertz(double m) { return 700 * expm1(m / 1127); }

/* Triangles over the power spectrum, first and last bin and weights. */
typedef struct bank {
    int first[LK_WORDS_MEL], count[LK_WORDS_MEL];
    float weight[LK_WORDS_MEL][LK_WORDS_FFT / 2 + 1];
} bank;

static void make_bank(bank *b, double warp)
{
    double lo = mel(LOWEST), step = (mel(HIGHEST) - lo) / (LK_WORDS_MEL + 1), bin = (double)LK_WORDS_RATE / LK_WORDS_FFT;
    memset(b, 0, sizeof *b);
    for (int m = 0; m < LK_WORDS_MEL; m++) {
        double l = hertz(lo + m * step) * warp, c = hertz(lo + (m + 1) * step) * warp, r = hertz(lo + (m + 2) * step) * warp;
        if (r > LK_WORDS_RATE / 2.0) { /* warped past the end: the last band that is there */
            double over = r - LK_WORDS_RATE / 2.0;
            l -= over, c -= over, r -= over;
        }
        if (r - l < 2.2 * bin) l = c - 1.1 * bin, r = c + 1.1 * bin; /* never empty */
        b->first[m] = (int)LK_MAX(ceil(l / bin), 0);
        double sum = 0;
        for (int k = b->first[m]; k <= LK_WORDS_FFT / 2 && k * bin < r; k++) {
            double f = k * bin, w = f < c ? (f - l) / (c - l) : (r - f) / (r - c);
            b->weight[m][b->count[m]++] = (float)LK_MAX(w, 0.0);
            sum += LK_MAX(w, 0.0);
        }
        for (int k = 0; k < b->count[m]; k++) b->weight[m][k] /= (float)LK_MAX(sum, 1e-9);
    }
}

/* The mean power of the frames that carry speech, in each band; false when there is none. */
static bool active_means(const float *power, int64_t frames, double mean[LK_WORDS_MEL], unsigned char *active)
{
    double loud = 0; /* a soft maximum: the mean weighted by the power itself, deaf to one click */
    double sum = 0, sum2 = 0;
    for (int64_t t = 0; t < frames; t++) {
        double p = 0;
        for (int m = 0; m < LK_WORDS_MEL; m++) p += power[t * LK_WORDS_MEL + m];
        sum += p;
        sum2 += p * p;
    }
    loud = sum > 0 ? sum2 / sum : 0;
    if (!(loud > SILENT)) return false;
    int64_t n = 0;
    memset(mean, 0, sizeof(double) * LK_WORDS_MEL);
    for (int64_t t = 0; t < frames; t++) {
        double p = 0;
        for (int m = 0; m < LK_WORDS_MEL; m++) p += power[t * LK_WORDS_MEL + m];
        active[t] = p > ACTIVE * loud;
        if (!active[t]) continue;
        n++;
        for (int m = 0; m < LK_WORDS_MEL; m++) mean[m] += power[t * LK_WORDS_MEL + m];
    }
    for (int m = 0; m < LK_WORDS_MEL; m++) mean[m] /= (double)LK_MAX(n, 1);
    return n > 0;
}

lk_status lk_words_features(const float *samples, int64_t n, double warp, float *out, lk_error *err)
{
    int64_t frames = lk_words_frames(n);
    lk_fft *fft = NULL;
    lk_status s = LK_OK;
    bank *b = lk_alloc(sizeof *b);
    unsigned char *active = lk_calloc((size_t)LK_MAX(frames, 1), 1);
    float *real = lk_alloc(sizeof(float) * LK_WORDS_FFT), *spectrum = lk_alloc(sizeof(float) * (LK_WORDS_FFT + 2));
    float window[LK_WORDS_WINDOW];
    double mean[LK_WORDS_MEL], centre[LK_WORDS_MEL] = {0};
    if (!b || !active || !real || !spectrum) {
        s = LK_FAIL(err, LK_E_NOMEM, "no memory to hear %lld samples", (long long)n);
        goto done;
    }
    LK_GOTO(done, lk_fft_new(LK_WORDS_FFT, &fft, err));
    make_bank(b, warp);
    lk_window_hann(window, LK_WORDS_WINDOW, true);
    for (int64_t t = 0; t < frames; t++) {
        int64_t from = t * LK_WORDS_HOP + LK_WORDS_HOP / 2 - LK_WORDS_WINDOW / 2;
        memset(real, 0, sizeof(float) * LK_WORDS_FFT);
        for (int i = 0; i < LK_WORDS_WINDOW; i++) {
            int64_t k = from + i;
            if (k >= 0 && k < n) real[i] = window[i] * (samples[k] - 0.97f * (k ? samples[k - 1] : 0.0f));
        }
        lk_fft_forward(fft, real, spectrum);
        for (int m = 0; m < LK_WORDS_MEL; m++) {
            double p = 0;
            for (int k = 0; k < b->count[m]; k++) {
                const float *c = spectrum + 2 * (b->first[m] + k);
                p += (double)b->weight[m][k] * ((double)c[0] * c[0] + (double)c[1] * c[1]);
            }
            out[t * LK_WORDS_MEL + m] = (float)(p / LK_WORDS_WINDOW);
        }
    }
    if (!active_means(out, frames, mean, active)) {
        s = LK_FAIL(err, LK_E_FORMAT, "the recording is silent; check the microphone and record it again");
        goto done;
    }
    int64_t count = 0;
    for (int64_t t = 0; t < frames; t++) {
        for (int m = 0; m < LK_WORDS_MEL; m++) {
            float *x = &out[t * LK_WORDS_MEL + m];
            *x = SCALE * (float)log((double)*x / (mean[m] + 1e-20) + FLOOR);
            if (active[t]) centre[m] += *x;
        }
        count += active[t];
    }
    for (int64_t t = 0; t < frames; t++)
        for (int m = 0; m < LK_WORDS_MEL; m++) out[t * LK_WORDS_MEL + m] -= (float)(centre[m] / (double)LK_MAX(count, 1));
done:
    lk_fft_free(&fft);
    lk_free(b);
    lk_free(active);
    lk_free(real);
    lk_free(spectrum);
    return s;
}
