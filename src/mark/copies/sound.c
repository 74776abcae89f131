/* sound.c: the words of a sound, and the run that two sounds share. */
#include "mark/copies/sound.h"

#include "dsp/dsp.h"

#include <math.h>
#include <string.h>

enum { RATE = 8000, WINDOW = 3072, HOP = 192, BANDS = 33, SPECTRUM = WINDOW + 2 };
/* Hz: what a telephone, a small speaker and every codec keep. */
static const double low_edge = 300, high_edge = 3000;
static const double silence = 1e-8;                   /* mean square: -80 dB */

/* Mono at RATE. */
static lk_status mixed(const lk_audio *a, float **out, int64_t *n, lk_error *err)
{
    *out = NULL;
    if (a->rate < 1000 || a->rate > 768000 || a->channels < 1 || a->samples < 0)
        return LK_FAIL(err, LK_E_RANGE, "sound of %d channels at %d Hz has no fingerprint", a->channels,
                       a->rate);
    *n = (int64_t)((double)a->samples * RATE / a->rate);
    float *line = lk_alloc((size_t)(a->samples + 1) * sizeof(float));
    float *mono = lk_alloc((size_t)(*n + 1) * sizeof(float));
    lk_status s = LK_OK;
    if (!line || !mono)
        s = LK_FAIL(err, LK_E_NOMEM, "no memory for %lld samples of sound", (long long)a->samples);
    if (s == LK_OK) {
        for (int64_t i = 0; i < a->samples; i++) {
            float sum = 0;
            for (int c = 0; c < a->channels; c++) sum += a->data[i * a->channels + c];
            line[i] = isfinite(sum) ? LK_CLAMP(sum / (float)a->channels, -64.0f, 64.0f) : 0;
        }
        s = lk_resample(line, a->samples, (double)a->rate / RATE, mono, *n, err);
    }
    lk_free(line);
    if (s != LK_OK) lk_free(mono);
    else *out = mono;
    return s;
}

/* First bins of the bands, equally spaced in log frequency, and one past the last. */
static void band_edges(int edge[BANDS + 1])
{
    for (int b = 0; b <= BANDS; b++)
        edge[b] = (int)lrint(low_edge * pow(high_edge / low_edge, (double)b / BANDS) * WINDOW / RATE);
}

static void band_energies(const float *spectrum, const int edge[BANDS + 1], float energy[BANDS])
{
    for (int b = 0; b < BANDS; b++) {
        energy[b] = 0;
        for (int k = edge[b]; k < edge[b + 1]; k++)
            energy[b] += spectrum[2 * k] * spectrum[2 * k] + spectrum[2 * k + 1] * spectrum[2 * k + 1];
    }
}

lk_status lk_sound_print(const lk_audio *a, uint32_t **words, int *n, double *seconds_per_word, lk_error *err)
{
    *words = NULL;
    *n = 0;
    if (seconds_per_word) *seconds_per_word = (double)HOP / RATE;
    float *mono, *work = NULL, now[BANDS], before[BANDS], *window, *frame, *spectrum;
    int64_t samples = 0;
    int edge[BANDS + 1];
    lk_fft *fft = NULL;
    uint32_t *w = NULL;
    LK_TRY(mixed(a, &mono, &samples, err));
    lk_status s = LK_OK;
    /* One less than there are frames: the first has none before it. */
    const int64_t count = samples < WINDOW + HOP ? 0 : (samples - WINDOW) / HOP;
    if (!count || count > INT32_MAX) {
        if (count) s = LK_FAIL(err, LK_E_RANGE, "the sound is too long for one fingerprint");
        goto done;
    }
    work = lk_alloc((2 * WINDOW + SPECTRUM) * sizeof(float));
    w = lk_alloc((size_t)count * sizeof *w);
    if (!work || !w) {
        s = LK_FAIL(err, LK_E_NOMEM, "no memory for the fingerprint of a sound");
        goto done;
    }
    LK_GOTO(done, lk_fft_new(WINDOW, &fft, err));
    window = work, frame = work + WINDOW, spectrum = work + 2 * WINDOW;
    lk_window_hann(window, WINDOW, true);
    band_edges(edge);
    for (int64_t t = 0; t <= count; t++) {
        const float *x = mono + t * HOP;
        double square = 0;
        for (int i = 0; i < WINDOW; i++) {
            frame[i] = x[i] * window[i];
            square += (double)x[i] * x[i];
        }
        lk_fft_forward(fft, frame, spectrum);
        band_energies(spectrum, edge, now);
        if (t > 0) {
            uint32_t word = 0;
            for (int b = 0; b < BANDS - 1; b++)
                word |= (uint32_t)(now[b] - now[b + 1] > before[b] - before[b + 1]) << b;
            w[t - 1] = square < silence * WINDOW ? 0 : LK_MAX(word, 1u); /* 0 is kept for silence */
        }
        memcpy(before, now, sizeof before);
    }
    *words = w;
    *n = (int)count;
    w = NULL;
done:
    lk_fft_free(&fft);
    lk_free(mono);
    lk_free(work);
    lk_free(w);
    return s;
}

/* --- runs ---------------------------------------------------------------------------------------- */

lk_sound_run lk_sound_run_at(const uint32_t *query, int query_n, const uint32_t *ref, int ref_n, int offset)
{
    /* The stretch with the largest sum of (allowed - wrong) bits, in hundredths of a bit: Kadane's scan. It
     * ends where the sounds part, and short dips within it do not end it. */
    static const int allowed = (int)(32 * 100 * LK_SOUND_MATCH);
    const int from = LK_MAX(0, -offset), to = (int)LK_MIN((int64_t)query_n, (int64_t)ref_n - offset);
    int64_t best = 0, sum = 0;
    int begin = from, best_begin = 0, best_end = 0;
    for (int i = from; i < to; i++) {
        const uint32_t q = query[i], r = ref[i + offset];
        if (q && r) sum += allowed - 100 * __builtin_popcount(q ^ r);
        if (sum <= 0) sum = 0, begin = i + 1;
        else if (sum > best) best = sum, best_begin = begin, best_end = i + 1;
    }
    int64_t wrong = 0, heard = 0;
    for (int i = best_begin; i < best_end; i++)
        if (query[i] && ref[i + offset]) wrong += __builtin_popcount(query[i] ^ ref[i + offset]), heard++;
    return (lk_sound_run){.found = heard >= LK_SOUND_RUN,
                          .query = best_begin,
                          .ref = best_begin + offset,
                          .words = best_end - best_begin,
                          .score = (double)best / 100,
                          .errors = heard ? (double)wrong / (32.0 * (double)heard) : 1};
}

lk_sound_run lk_sound_match(const uint32_t *query, int query_n, const uint32_t *ref, int ref_n)
{
    lk_sound_run best = {.errors = 1};
    for (int offset = LK_SOUND_RUN - query_n; offset <= ref_n - LK_SOUND_RUN; offset++) {
        const lk_sound_run run = lk_sound_run_at(query, query_n, ref, ref_n, offset);
        if (run.score > best.score) best = run;
    }
    return best;
}
