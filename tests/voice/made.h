/* made.h: made-up voices for tests that must not need data: a pulse train through formants, syllables of vowels with
 * hiss between them, in noise when wanted. Who speaks is in the pitch and the length of the throat. */
#ifndef LK_TESTS_VOICE_MADE_H
#define LK_TESTS_VOICE_MADE_H

#include "voice/voice.h"

#include <math.h>

typedef struct made_voice { double pitch, throat; uint64_t words; } made_voice; /* Hz; 1 = an adult man's */

static double made_pass(double y[2], double x, double hz, double width)
{
    double r = exp(-M_PI * width / LK_VOICE_RATE), a = 2 * r * cos(2 * M_PI * hz / LK_VOICE_RATE), b = -r * r;
    double v = x * (1 - a - b) + a * y[0] + b * y[1];
    y[1] = y[0];
    y[0] = v;
    return v;
}

/* `seconds` of unbroken syllables from sample `at` on, added to out. */
__attribute__((unused)) static void made_speak(float *out, int64_t n, int64_t at, double seconds, made_voice who)
{
    static const double vowels[][3] = {{730, 1090, 2440}, {270, 2290, 3010}, {300, 870, 2240}, {660, 1720, 2410},
                                       {520, 1190, 2390}, {440, 1020, 2240}};
    lk_rng r = lk_rng_at(who.words, 5, 0, 0);
    double y[3][2] = {{0}}, phase = 0, length = 0, begin = 0, hiss = 0, pitch = who.pitch;
    const double *v = vowels[0];
    int64_t count = (int64_t)(seconds * LK_VOICE_RATE);
    for (int64_t i = 0; i < count && at + i < n; i++) {
        double t = (double)i / LK_VOICE_RATE, u, x;
        if (t >= begin + length) {
            begin = t;
            length = lk_rng_range(&r, 0.14f, 0.28f);
            v = vowels[lk_rng_below(&r, 6)];
            hiss = lk_rng_range(&r, 0.0f, 0.06f);
            pitch = who.pitch * lk_rng_range(&r, 0.92f, 1.1f);
        }
        u = (t - begin) / length;
        phase += pitch / LK_VOICE_RATE;
        x = phase >= 1 ? 1 : 0;
        phase -= x;
        x = 8 * x * sin(M_PI * LK_MIN(1, u + 0.1)) + 0.05 * (double)lk_rng_normal(&r);
        double formed = 0;
        for (int k = 0; k < 3; k++) formed += made_pass(y[k], x, v[k] / who.throat, 80 + 40 * k) / (1 + k);
        double burst = u > 0.85 ? hiss * (double)lk_rng_normal(&r) : 0;
        out[at + i] += (float)(0.15 * (formed * (u > 0.85 ? 0.3 : 1) + burst));
    }
}

__attribute__((unused)) static void made_noise(float *out, int64_t n, float loud, uint64_t seed)
{
    lk_rng r = lk_rng_at(seed, 6, 0, 0);
    for (int64_t i = 0; i < n; i++) out[i] += loud * lk_rng_normal(&r);
}

/* lead s of silence, speech s of speech, lead s of silence; lk_free what comes back. */
__attribute__((unused)) static float *made_recording(double lead, double speech, made_voice who, int64_t *n)
{
    *n = (int64_t)((2 * lead + speech) * LK_VOICE_RATE);
    float *out = lk_calloc((size_t)*n + 1, sizeof(float));
    if (out) made_speak(out, *n, (int64_t)(lead * LK_VOICE_RATE), speech, who);
    return out;
}

static const made_voice made_man = {110, 1.0, 1}, made_woman = {215, 0.84, 2};

#endif
