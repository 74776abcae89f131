/* audio_embed.c: the writer of the sound watermark.
 *
 * A patchwork in time and frequency: each chip makes one half of its 64 ms louder and the other softer, by 3
 * dB at most and mostly by less than one. The change is a factor, so that silence stays silence and quiet
 * bands are changed little.
 *
 * The writer knows the sound it writes into, and uses it (improved spread spectrum, Malvar and Florencio
 * 2003): a symbol that the sound already says by chance is left alone, one that it contradicts is pushed,
 * until all stand clear by the same margin: the largest that the allowed noise pays for, block by block.
 * Overlapping frames disturb one another a little, so a block is measured again with its mark, and pushed
 * again.
 */
#include "mark/watermark/audio.h"

#include <math.h>
#include <string.h>

enum { FRAMES = AM_STEPS * AM_STEP_FRAMES, SPECTRUM = AM_FRAME + 2, PASSES = 4 };
static const double snr_default = 28.6; /* dB, of every block over the change that is made to it */
static const float gain_most = 0.35f;   /* nepers */
static const double margin_most = 4;    /* more than codecs take away: sound that could bear more is spared */

typedef struct writer {
    am_layout layout;
    uint8_t want[AM_SYMBOLS];
    float window[AM_FRAME];
    lk_fft *fft;
    int channels;
    float *sound, *mark; /* n samples a channel */
    int64_t n;
    float *bins;         /* of the block: channel, frame, AM_BINS complex */
    float *store;        /* the planes below: */
    float *early, *late; /* powers of the halves of all steps: of the sound, and with its mark so far */
    float *early_marked, *late_marked;
    float *value, *slope, *cost, *gain, *next, *scratch;
    float *carry;        /* AM_HOP samples a channel that the block before left in this one */
    float sum[AM_SYMBOLS], gather[AM_SYMBOLS], noise[AM_SYMBOLS];
    float soft[WM_CODED_BITS]; /* what a reader would sum over the blocks so far */
} writer;

static void writer_clear(writer *w)
{
    lk_fft_free(&w->fft);
    lk_free(w->bins);
    lk_free(w->store);
    lk_free(w->sound);
    lk_free(w->mark);
}

static lk_status writer_init(writer *w, const lk_audio *a, uint64_t id, const wm_key *key, lk_error *err)
{
    LK_TRY(am_planes(a, &w->sound, &w->n, err));
    float **plane[] = {&w->early, &w->late, &w->early_marked, &w->late_marked, &w->value, &w->slope,
                       &w->cost,  &w->gain, &w->next,         &w->scratch,     &w->carry};
    w->channels = a->channels;
    am_layout_make(key, &w->layout);
    am_window(w->window);
    memset(w->want, 1, sizeof w->want);
    wm_encode(id, w->want);
    w->mark = lk_calloc((size_t)w->n * (size_t)w->channels, sizeof(float));
    w->bins = lk_alloc((size_t)w->channels * FRAMES * AM_BINS * 2 * sizeof(float));
    w->store = lk_alloc(((LK_COUNT(plane) - 1) * AM_CHIPS + (size_t)w->channels * AM_HOP) * sizeof(float));
    if (!w->mark || !w->bins || !w->store)
        return LK_FAIL(err, LK_E_NOMEM, "no memory for the sound's watermark");
    for (size_t i = 0; i < LK_COUNT(plane); i++) *plane[i] = w->store + i * AM_CHIPS;
    return lk_fft_new(AM_FRAME, &w->fft, err);
}

/* Powers of the halves of all steps of the block that begins at `at`: of the sound alone, keeping its
 * spectra, or with its mark. */
static void analyse(writer *w, int64_t at, bool marked, float *early, float *late)
{
    float frame[AM_FRAME], spectrum[SPECTRUM];
    memset(early, 0, AM_CHIPS * sizeof(float));
    memset(late, 0, AM_CHIPS * sizeof(float));
    for (int c = 0; c < w->channels; c++)
        for (int t = 0; t < FRAMES; t++) {
            const int64_t first = at + (int64_t)t * AM_HOP;
            const int have = (int)LK_CLAMP(w->n - first, 0, AM_FRAME);
            const float *x = w->sound + c * w->n + first, *m = w->mark + c * w->n + first;
            for (int i = 0; i < have; i++) frame[i] = (marked ? x[i] + m[i] : x[i]) * w->window[i];
            for (int i = have; i < AM_FRAME; i++) frame[i] = 0;
            lk_fft_forward(w->fft, frame, spectrum);
            float *half = t % AM_STEP_FRAMES < AM_STEP_FRAMES / 2 ? early : late;
            am_band_powers(spectrum, half + t / AM_STEP_FRAMES * AM_BANDS);
            if (!marked)
                memcpy(w->bins + ((size_t)c * FRAMES + (size_t)t) * AM_BINS * 2, spectrum + 2 * AM_BIN,
                       AM_BINS * 2 * sizeof(float));
        }
}

/* Write the mark of the present gains, over an earlier pass. Returns its energy within the block. */
static double synthesise(writer *w, int64_t at)
{
    float frame[AM_FRAME], spectrum[SPECTRUM] = {0};
    double energy = 0;
    for (int c = 0; c < w->channels; c++) {
        float *m = w->mark + c * w->n + at;
        memset(m, 0, (size_t)LK_MIN(w->n - at, AM_BLOCK + AM_HOP) * sizeof(float));
        memcpy(m, w->carry + c * AM_HOP, (size_t)LK_MIN(w->n - at, AM_HOP) * sizeof(float));
        for (int t = 0; t < FRAMES && at + (int64_t)t * AM_HOP < w->n; t++) {
            const float *x = w->bins + ((size_t)c * FRAMES + (size_t)t) * AM_BINS * 2;
            const float *g = w->gain + t / AM_STEP_FRAMES * AM_BANDS;
            const float way = t % AM_STEP_FRAMES < AM_STEP_FRAMES / 2 ? 1 : -1;
            for (int b = 0; b < AM_BANDS; b++) {
                const float factor = (expf(way * g[b]) - 1) / AM_FRAME;
                for (int k = b * 2 * AM_BAND_BINS; k < (b + 1) * 2 * AM_BAND_BINS; k++)
                    spectrum[2 * AM_BIN + k] = x[k] * factor;
            }
            lk_fft_inverse(w->fft, spectrum, frame);
            const int have = (int)LK_MIN(w->n - at - (int64_t)t * AM_HOP, AM_FRAME);
            for (int i = 0; i < have; i++) m[t * AM_HOP + i] += frame[i] * w->window[i];
        }
        for (int64_t i = 0; i < LK_MIN(w->n - at, AM_BLOCK); i++) energy += (double)m[i] * m[i];
    }
    return energy;
}

/* Energy that these gains would add if frames did not overlap. */
static double planned_energy(const writer *w, const float *gain)
{
    double e = 0;
    for (int i = 0; i < AM_CHIPS; i++) e += (double)(w->early[i] + w->late[i]) * gain[i] * gain[i];
    return e * 2 / AM_FRAME;
}

/* next = gain + what the symbols under the margin still need, spread over each one's chips by what they give
 * for their cost. */
static void push_to(writer *w, double margin)
{
    float need[AM_SYMBOLS];
    for (int s = 0; s < AM_SYMBOLS; s++) {
        const float lack = (float)margin * w->noise[s] - w->sum[s];
        need[s] = lack > 0 && w->gather[s] > 0 ? lack / (2 * w->gather[s]) : 0;
    }
    for (int p = 0, i = 0; p < AM_STEPS; p++)
        for (int b = 0; b < AM_BANDS; b++, i++) {
            const int s = w->layout.symbol[p][b];
            const float way = (float)(w->want[s] ? w->layout.sign[p][b] : -w->layout.sign[p][b]);
            const float g = w->gain[i] + way * need[s] * fmaxf(w->slope[i], 0) / w->cost[i];
            w->next[i] = LK_CLAMP(g, -gain_most, gain_most);
        }
}

/* The sums that the symbols have now, towards what they should be. */
static void sum_symbols(writer *w, const float floors[AM_BANDS])
{
    am_measure(w->early_marked, w->late_marked, AM_STEPS, floors, w->value, w->slope);
    for (int s = 0; s < AM_SYMBOLS; s++) w->sum[s] = w->gather[s] = w->noise[s] = 0;
    for (int p = 0, i = 0; p < AM_STEPS; p++)
        for (int b = 0; b < AM_BANDS; b++, i++) {
            const int s = w->layout.symbol[p][b];
            const float slope = fmaxf(w->slope[i], 0);
            w->sum[s] += (float)(w->want[s] ? w->layout.sign[p][b] : -w->layout.sign[p][b]) * w->value[i];
            w->gather[s] += slope * slope / w->cost[i];
            w->noise[s] += slope * slope;
        }
    for (int s = 0; s < AM_SYMBOLS; s++) w->noise[s] = sqrtf(w->noise[s]);
}

/* Take the largest margin that the budget pays for, and say what it is. */
static double push_all(writer *w, double budget)
{
    double low = 0, high = margin_most;
    push_to(w, high);
    if (planned_energy(w, w->next) > budget) {
        for (int i = 0; i < 14; i++) {
            const double middle = 0.5 * (low + high);
            push_to(w, middle);
            if (planned_energy(w, w->next) > budget) high = middle;
            else low = middle;
        }
        push_to(w, low);
        high = low;
    }
    float *t = w->gain;
    w->gain = w->next;
    w->next = t;
    return high;
}

/* What a change costs: its energy to a power under one. At one, all of it would go to the weakest bands,
 * where noise and codecs take it away; at nought, strong bands would pay alike, and eat the budget. */
static void weigh_costs(writer *w, float power)
{
    double mean = 1e-20;
    for (int i = 0; i < AM_CHIPS; i++) mean += (double)w->early[i] + w->late[i];
    mean /= AM_CHIPS;
    for (int i = 0; i < AM_CHIPS; i++)
        w->cost[i] = powf((w->early[i] + w->late[i]) / (float)mean + 1e-6f, power);
}

/* The costs that put most into strong bands without lowering the margin: a voice that is mostly bass has
 * budget to spare. */
static void choose_costs(writer *w, const float floors[AM_BANDS], double budget)
{
    static const float powers[] = {0.6f, 0.45f, 0.3f};
    double first = 0;
    for (size_t k = 0; k < LK_COUNT(powers); k++) {
        weigh_costs(w, powers[k]);
        sum_symbols(w, floors);
        const double margin = push_all(w, budget);
        memset(w->gain, 0, AM_CHIPS * sizeof(float));
        if (k == 0) first = margin;
        if (margin >= 0.9 * first) continue;
        weigh_costs(w, powers[k - 1]);
        return;
    }
}

static void mark_block(writer *w, int64_t at, double strength)
{
    double energy = 0, real = 1, added = 0;
    float floors[AM_BANDS];
    for (int c = 0; c < w->channels; c++) {
        const float *x = w->sound + c * w->n + at;
        for (int64_t i = 0; i < LK_MIN(w->n - at, AM_BLOCK); i++) energy += (double)x[i] * x[i];
        memcpy(w->carry + c * AM_HOP, w->mark + c * w->n + at,
               (size_t)LK_MIN(w->n - at, AM_HOP) * sizeof(float));
    }
    if (energy < 1e-9 * AM_BLOCK) return; /* -90 dB: silence */
    const double budget = energy * pow(10, -0.1 * snr_default) * strength * strength;
    analyse(w, at, false, w->early, w->late);
    am_floors(w->early, AM_STEPS, w->scratch, floors);
    memset(w->gain, 0, AM_CHIPS * sizeof(float));
    memcpy(w->early_marked, w->early, AM_CHIPS * sizeof(float));
    memcpy(w->late_marked, w->late, AM_CHIPS * sizeof(float));
    choose_costs(w, floors, budget);
    for (int pass = 1; pass <= PASSES; pass++) {
        sum_symbols(w, floors);
        /* Not all at once: later passes mend what earlier ones disturb. */
        push_all(w, budget / real * (pass + 2) / (PASSES + 2));
        const double planned = planned_energy(w, w->gain);
        added = synthesise(w, at);
        if (planned > 0) real = added / planned;
        if (pass == PASSES && added > budget) {
            const float less = (float)sqrt(budget / added);
            for (int i = 0; i < AM_CHIPS; i++) w->gain[i] *= less;
            synthesise(w, at);
        }
        analyse(w, at, true, w->early_marked, w->late_marked);
    }
    sum_symbols(w, floors);
    for (int s = 0; s < WM_CODED_BITS; s++) w->soft[s] += w->want[s] ? w->sum[s] : -w->sum[s];
}

lk_status wm_audio_embed(lk_audio *a, uint64_t id, const wm_key *key, double strength, bool *marked,
                         lk_error *err)
{
    if (marked) *marked = false;
    if (a->rate < AM_RATE)
        return LK_FAIL(err, LK_E_RANGE,
                       "sound at %d Hz is too coarse for a watermark; resample it to %d Hz or more", a->rate,
                       AM_RATE);
    if (!(strength >= 0 && strength <= 4))
        return LK_FAIL(err, LK_E_RANGE, "a strength of %g is outside 0..4", strength);
    writer *w = lk_calloc(1, sizeof *w);
    if (!w) return LK_FAIL(err, LK_E_NOMEM, "no memory for the sound's watermark");
    float *line = NULL;
    uint64_t read = 0;
    lk_status s;
    LK_GOTO(done, writer_init(w, a, id, key, err));
    if (w->n < AM_BLOCK) goto done;
    line = lk_alloc((size_t)a->samples * sizeof(float));
    if (!line) {
        s = LK_FAIL(err, LK_E_NOMEM, "no memory for %lld samples of sound", (long long)a->samples);
        goto done;
    }
    for (int64_t at = 0; at < w->n; at += AM_BLOCK) mark_block(w, at, strength > 0 ? strength : 1);
    /* The mark alone is brought to the file's rate: everything else of the sound stays as it was. */
    for (int c = 0; c < w->channels; c++) {
        LK_GOTO(done,
                lk_resample(w->mark + c * w->n, w->n, (double)AM_RATE / a->rate, line, a->samples, err));
        for (int64_t i = 0; i < a->samples; i++) a->data[i * w->channels + c] += line[i];
    }
    if (marked) *marked = wm_decode(w->soft, &read) && read == id;
done:
    writer_clear(w);
    lk_free(w);
    lk_free(line);
    return s;
}
