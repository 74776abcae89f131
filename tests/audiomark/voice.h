/* voice.h: a made voice for tests that must not need data: a glottal pulse train with a moving pitch through
 * moving formants, syllables with pauses, hissing between them, and the noise of a quiet room. */
#ifndef LK_TESTS_VOICE_H
#define LK_TESTS_VOICE_H

#include "base/base.h"
#include "media/media.h"

#include <math.h>

typedef struct voice_formant { double a, b, y1, y2; } voice_formant;

static void voice_tune(voice_formant *f, double hz, double width, int rate)
{
    const double r = exp(-M_PI * width / rate);
    f->a = 2 * r * cos(2 * M_PI * hz / rate);
    f->b = -r * r;
}

static double voice_pass(voice_formant *f, double x)
{
    const double y = x * (1 - f->a - f->b) + f->a * f->y1 + f->b * f->y2;
    f->y2 = f->y1;
    f->y1 = y;
    return y;
}

/* channels carry the same voice at different loudness, and noise of their own. Peaks near 0.3. Data for
 * lk_audio_clear. */
__attribute__((unused)) static lk_audio voice_make(uint64_t seed, double seconds, int rate, int channels)
{
    static const double vowels[][4] = {{730, 1090, 2440, 3400}, {270, 2290, 3010, 3700},
                                       {300, 870, 2240, 3300},  {660, 1720, 2410, 3500},
                                       {520, 1190, 2390, 3450}, {440, 1020, 2240, 3300}};
    lk_audio a = {rate, channels, (int64_t)(seconds * rate), NULL};
    a.data = lk_calloc((size_t)a.samples * (size_t)channels, sizeof(float));
    if (!a.data) return (lk_audio){0};
    lk_rng r = lk_rng_at(seed, 7, 0, 0), room = lk_rng_at(seed, 8, 0, 0);
    voice_formant f[4] = {0}, hiss_high = {0};
    double begin = 0, length = 0.2, pitch = 120, phase = 0, loud = 0, hiss = 0, glottis = 0;
    const double *from = vowels[0], *to = vowels[0];
    for (int64_t i = 0; i < a.samples; i++) {
        const double t = (double)i / rate;
        if (t >= begin + length) { /* the next syllable, or a pause */
            begin = t;
            length = lk_rng_range(&r, 0.12f, 0.32f);
            const bool pause = lk_rng_below(&r, 7) == 0;
            loud = pause ? 0 : lk_rng_range(&r, 0.3f, 1);
            hiss = pause ? 0 : lk_rng_below(&r, 3) == 0 ? lk_rng_range(&r, 0.02f, 0.1f) : 0;
            pitch = lk_rng_range(&r, 95, 180);
            from = to;
            to = vowels[lk_rng_below(&r, 6)];
        }
        const double u = (t - begin) / length;
        if (i % 32 == 0)
            for (int k = 0; k < 4; k++)
                voice_tune(&f[k], from[k] + (to[k] - from[k]) * LK_MIN(1, (t - begin) / 0.06), 90 + 50 * k,
                           rate);
        phase += pitch * (1.04 - 0.08 * u) / rate;
        double pulse = 0;
        if (phase >= 1) phase -= 1, pulse = rate / 400.0;
        glottis = 0.85 * glottis + 0.15 * pulse;
        double x = glottis + 0.006 * lk_rng_normal(&r), y = 0;
        for (int k = 0; k < 4; k++) y += voice_pass(&f[k], x) / (1 << k);
        if (i % 32 == 0) voice_tune(&hiss_high, LK_MIN(4500, 0.4 * rate), 1500, rate);
        y = 0.03 * y * loud * sin(M_PI * u) +
            0.12 * hiss * voice_pass(&hiss_high, lk_rng_normal(&r)) * (u < 0.4);
        for (int c = 0; c < channels; c++)
            a.data[i * channels + c] = (float)(y / (1 + 0.5 * c)) + 1e-4f * lk_rng_normal(&room);
    }
    return a;
}

#endif
