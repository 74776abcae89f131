/* Mel power and periodicity, frame by frame. */
#include <math.h>
#include <string.h>

#include "dsp/dsp.h"
#include "voice/mel.h"

#define BINS (LK_MEL_WINDOW / 2 + 1)
#define PADDED (2 * LK_MEL_WINDOW) /* so that the autocorrelation does not wrap */
#define LOW_HZ 60.0
#define HIGH_HZ 7600.0
#define LAG_MIN (LK_VOICE_RATE / 400)
#define LAG_MAX (LK_VOICE_RATE / 70)
#define OCTAVE 1.1f

static double mel(double hz) { return 1127.0 * log1p(hz / 700.0); }
static double hertz(double m) { return 700.0 * expm1(m / 1127.0); }

/* Triangles between neighbouring centres, equal steps on the mel scale; row of bins a band. */
static void make_bands(float w[LK_MEL_BANDS][BINS])
{
    double step = (mel(HIGH_HZ) - mel(LOW_HZ)) / (LK_MEL_BANDS + 1);
    for (int b = 0; b < LK_MEL_BANDS; b++) {
        double lo = hertz(mel(LOW_HZ) + b * step), mid = hertz(mel(LOW_HZ) + (b + 1) * step),
               hi = hertz(mel(LOW_HZ) + (b + 2) * step);
        for (int k = 0; k < BINS; k++) {
            double f = (double)k * LK_VOICE_RATE / LK_MEL_WINDOW;
            w[b][k] = (float)fmax(0, fmin((f - lo) / (mid - lo), (hi - f) / (hi - mid)));
        }
    }
}

static void cut_frame(const float *samples, int64_t n, int64_t t, const float *window, float *out)
{
    int64_t from = t * LK_MEL_HOP + LK_MEL_HOP / 2 - LK_MEL_WINDOW / 2;
    for (int i = 0; i < LK_MEL_WINDOW; i++) {
        int64_t at = from + i;
        out[i] = at >= 0 && at < n ? samples[at] * window[i] : 0.0f;
    }
}

static lk_status check_samples(const float *samples, int64_t n, lk_error *err)
{
    if (n < 0 || (n > 0 && !samples)) return LK_FAIL(err, LK_E_ARG, "there is no sound to look at");
    if (n > (int64_t)LK_VOICE_HOURS * 3600 * LK_VOICE_RATE)
        return LK_FAIL(err, LK_E_RANGE, "the recording is longer than %d hours; cut it into parts", LK_VOICE_HOURS);
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(samples[i]))
            return LK_FAIL(err, LK_E_FORMAT,
                           "the sound is damaged: sample %lld is not a number; export it again", (long long)i);
    return LK_OK;
}

typedef struct work {
    lk_fft *fft;
    float window[LK_MEL_WINDOW], frame[PADDED], spectrum[2 * (LK_MEL_WINDOW + 1)];
    float band[LK_MEL_BANDS][BINS];
    int first[LK_MEL_BANDS], last[LK_MEL_BANDS]; /* bins where the band is not zero */
} work;

static lk_status no_memory(lk_error *err) { return LK_FAIL(err, LK_E_NOMEM, "no memory to analyse the sound"); }

lk_status lk_mel_make(const float *samples, int64_t n, lk_mel *out, lk_error *err)
{
    memset(out, 0, sizeof *out);
    LK_TRY(check_samples(samples, n, err));
    work *w = lk_calloc(1, sizeof *w);
    int64_t frames = n / LK_MEL_HOP;
    out->power = lk_calloc((size_t)frames * LK_MEL_BANDS + 1, sizeof(float));
    lk_status s = w && out->power ? lk_fft_new(LK_MEL_WINDOW, &w->fft, err) : no_memory(err);
    if (s != LK_OK) {
        lk_free(w);
        lk_mel_clear(out);
        return s;
    }
    out->frames = frames;
    lk_window_hann(w->window, LK_MEL_WINDOW, true);
    make_bands(w->band);
    for (int b = 0; b < LK_MEL_BANDS; b++) {
        w->first[b] = BINS;
        for (int k = 0; k < BINS; k++)
            if (w->band[b][k] > 0) {
                w->first[b] = LK_MIN(w->first[b], k);
                w->last[b] = k;
            }
    }
    float power[BINS];
    for (int64_t t = 0; t < frames; t++) {
        cut_frame(samples, n, t, w->window, w->frame);
        lk_fft_forward(w->fft, w->frame, w->spectrum);
        for (int k = 0; k < BINS; k++)
            power[k] = w->spectrum[2 * k] * w->spectrum[2 * k] + w->spectrum[2 * k + 1] * w->spectrum[2 * k + 1];
        for (int b = 0; b < LK_MEL_BANDS; b++) {
            float sum = 0;
            for (int k = w->first[b]; k <= w->last[b]; k++) sum += w->band[b][k] * power[k];
            /* Samples near the largest float would overflow; what they say is "very loud". */
            out->power[t * LK_MEL_BANDS + b] = fminf(sum, 1e30f);
        }
    }
    lk_fft_free(&w->fft);
    lk_free(w);
    return LK_OK;
}

void lk_mel_clear(lk_mel *m)
{
    lk_free(m->power);
    memset(m, 0, sizeof *m);
}

static void autocorrelate(work *w, const float *in, float *out)
{
    memset(w->frame, 0, sizeof w->frame);
    memcpy(w->frame, in, LK_MEL_WINDOW * sizeof *in);
    lk_fft_forward(w->fft, w->frame, w->spectrum);
    for (int k = 0; k <= LK_MEL_WINDOW; k++) {
        float p = w->spectrum[2 * k] * w->spectrum[2 * k] + w->spectrum[2 * k + 1] * w->spectrum[2 * k + 1];
        w->spectrum[2 * k] = p;
        w->spectrum[2 * k + 1] = 0;
    }
    lk_fft_inverse(w->fft, w->spectrum, out);
}

lk_status lk_voice_periodicity(const float *samples, int64_t n, const uint8_t *want, float *out, float *hertz,
                               lk_error *err)
{
    work *w = lk_calloc(1, sizeof *w);
    float *own = lk_calloc(2 * PADDED, sizeof(float)), *r = own + PADDED;
    lk_status s = w && own ? lk_fft_new(PADDED, &w->fft, err) : no_memory(err);
    if (s != LK_OK) goto done;
    lk_window_hann(w->window, LK_MEL_WINDOW, true);
    autocorrelate(w, w->window, own);
    for (int64_t t = 0; t < n / LK_MEL_HOP; t++) {
        float cut[LK_MEL_WINDOW], best = 0;
        int at = LAG_MIN;
        out[t] = 0;
        if (hertz) hertz[t] = 0;
        if (!want[t]) continue;
        cut_frame(samples, n, t, w->window, cut);
        autocorrelate(w, cut, r);
        if (!(r[0] > 0) || !isfinite(r[0])) continue;
        for (int lag = LAG_MIN; lag <= LAG_MAX; lag++) {
            r[lag] = r[lag] / r[0] / (own[lag] / own[0]);
            /* Twice a period is as good a period: a later peak must be clearly higher. */
            if (r[lag] > best * (lag > at + at / 2 ? OCTAVE : 1)) best = r[lag], at = lag;
        }
        out[t] = fminf(best, 1);
        if (hertz) hertz[t] = (float)LK_VOICE_RATE / (float)at;
    }
    lk_fft_free(&w->fft);
done:
    lk_free(own);
    lk_free(w);
    return s;
}
