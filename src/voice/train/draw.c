/* Training pieces: drawn from a clip and disturbed in the power of their bands, where a noise adds, an equaliser
 * multiplies and nothing need be transformed again. And made-up speakers for tests. */
#include <math.h>
#include <string.h>

#include "voice/train/data.h"

#define EQ_TERMS 6

static float mean_power(const float *p, int64_t frames)
{
    double sum = 0;
    for (int64_t i = 0; i < frames * LK_MEL_BANDS; i++) sum += p[i];
    return (float)(sum / (double)(frames * LK_MEL_BANDS)) + 1e-30f;
}

static void equalise(float *power, int64_t frames, lk_rng *r)
{
    float gain[LK_MEL_BANDS], term[EQ_TERMS];
    for (int k = 0; k < EQ_TERMS; k++) term[k] = lk_rng_normal(r) * 0.8f / (float)(1 + k);
    for (int b = 0; b < LK_MEL_BANDS; b++) {
        float db = 0;
        for (int k = 0; k < EQ_TERMS; k++) db += term[k] * cosf((float)M_PI * (float)(k + 1) * ((float)b + 0.5f) / LK_MEL_BANDS);
        gain[b] = expf(db);
    }
    if (lk_rng_uniform(r) < 0.25f) /* telephones and codecs */
        for (int b = 34 + (int)lk_rng_below(r, 13); b < LK_MEL_BANDS; b++) gain[b] *= 1e-4f;
    if (lk_rng_uniform(r) < 0.2f)
        for (int b = (int)lk_rng_below(r, 6); b >= 0; b--) gain[b] *= 1e-3f;
    for (int64_t i = 0; i < frames * LK_MEL_BANDS; i++) power[i] *= gain[i % LK_MEL_BANDS];
}

static void add_noise(const lk_mel *noise, float *power, int64_t frames, lk_rng *r)
{
    int64_t at = lk_rng_below(r, (uint32_t)noise->frames);
    double level = 0;
    for (int64_t t = 0; t < frames; t++)
        for (int b = 0; b < LK_MEL_BANDS; b++) level += noise->power[(at + t) % noise->frames * LK_MEL_BANDS + b];
    level = level / (double)(frames * LK_MEL_BANDS) + 1e-30;
    float snr = lk_rng_range(r, 5, 28), gain = mean_power(power, frames) / (float)level * powf(10, -0.1f * snr);
    for (int64_t t = 0; t < frames; t++)
        for (int b = 0; b < LK_MEL_BANDS; b++)
            power[t * LK_MEL_BANDS + b] += gain * noise->power[(at + t) % noise->frames * LK_MEL_BANDS + b];
}

void lk_voice_draw(const lk_voice_data *d, int c, int64_t frames, lk_rng *r, float *power, float *pitch)
{
    const lk_voice_clip *clip = &d->clip[c];
    int variant = lk_rng_uniform(r) < 0.5f ? 0 : 1 + (int)lk_rng_below(r, LK_VOICE_VARIANTS - 1);
    int64_t spare = clip->frames - frames, from = spare > 0 ? lk_rng_below(r, (uint32_t)spare) : 0;
    bool backwards = lk_rng_uniform(r) < 0.3f; /* other sounds of the same throat */
    for (int64_t t = 0; t < frames; t++) {
        int64_t u = (from + (backwards ? frames - 1 - t : t)) % clip->frames;
        memcpy(power + t * LK_MEL_BANDS, clip->power[variant] + u * LK_MEL_BANDS, LK_MEL_BANDS * sizeof(float));
        pitch[t] = clip->pitch[u];
    }
    if (lk_rng_uniform(r) < 0.5f) { /* the room's and recorder's own noise */
        if (lk_rng_uniform(r) < 0.8f) equalise(power, frames, r);
        if (d->noises && lk_rng_uniform(r) < 0.7f)
            add_noise(&d->noise[lk_rng_below(r, (uint32_t)d->noises)], power, frames, r);
    } else {
        if (d->noises && lk_rng_uniform(r) < 0.7f)
            add_noise(&d->noise[lk_rng_below(r, (uint32_t)d->noises)], power, frames, r);
        if (lk_rng_uniform(r) < 0.8f) equalise(power, frames, r);
    }
}

lk_status lk_voice_data_synthetic(uint64_t seed, int speakers, lk_voice_data *out, lk_error *err)
{
    memset(out, 0, sizeof *out);
    out->clip = lk_calloc((size_t)speakers * LK_VOICE_SPEEDS, sizeof *out->clip);
    out->noise = lk_calloc(1, sizeof *out->noise);
    if (!out->clip || !out->noise) goto fail;
    out->classes = speakers * LK_VOICE_SPEEDS;
    for (int c = 0; c < out->classes; c++) {
        lk_voice_clip *k = &out->clip[c];
        lk_rng who = lk_rng_at(seed, 3, 0, (uint64_t)c);
        float peak = lk_rng_range(&who, 8, 40), pitch = lk_rng_range(&who, 4.5f, 5.5f);
        k->frames = 3 * LK_CHUNK;
        if (!(k->pitch = lk_calloc((size_t)k->frames, sizeof(float)))) goto fail;
        for (int v = 0; v < LK_VOICE_VARIANTS; v++) {
            if (!(k->power[v] = lk_calloc((size_t)k->frames * LK_MEL_BANDS, sizeof(float)))) goto fail;
            for (int64_t t = 0; t < k->frames; t++)
                for (int b = 0; b < LK_MEL_BANDS; b++) {
                    float off = ((float)b - peak - 4 * sinf(0.2f * (float)t)) / 4;
                    k->power[v][t * LK_MEL_BANDS + b] = (1e-3f + expf(-off * off)) * expf(0.5f * lk_rng_normal(&who));
                    k->pitch[t] = t % 3 ? pitch : 0;
                }
        }
    }
    return LK_OK;
fail:
    lk_voice_data_clear(out);
    return LK_FAIL(err, LK_E_NOMEM, "no memory for the training speech");
}
