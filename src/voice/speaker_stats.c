/* The classical half: statistics of cepstra and pitch over a piece of speech. */
#include <math.h>
#include <string.h>

#include "voice/speaker_net.h"

#define RELEVANCE 16.0 /* frames of a sound that weigh as much as what is known beforehand */

float lk_gain_of(const float *power, int64_t frames)
{
    double level = 0;
    for (int64_t i = 0; i < frames * LK_MEL_BANDS; i++) level += power[i];
    return (float)(1 / (level / (double)(frames * LK_MEL_BANDS) + 1e-30));
}

void lk_cepstra_make(const float *power, float gain, float out[LK_CEPSTRA])
{
    float v[LK_MEL_BANDS];
    for (int b = 0; b < LK_MEL_BANDS; b++) v[b] = logf(power[b] * gain + LK_VOICE_FLOOR);
    for (int k = 0; k < LK_CEPSTRA; k++) {
        /* cos((k + 1) (b + 1/2) pi / n) by its recurrence: cos(a + d) = 2 cos(d) cos(a) - cos(a - d) */
        double step = M_PI * (k + 1) / LK_MEL_BANDS, now = cos(0.5 * step), before = now, twice = 2 * cos(step), sum = 0;
        for (int b = 0; b < LK_MEL_BANDS; b++) {
            sum += v[b] * now;
            double next = twice * now - before;
            before = now;
            now = next;
        }
        out[k] = (float)(sum * sqrt(2.0 / LK_MEL_BANDS));
    }
}

double lk_sounds_guess(const lk_voice_sounds *s, const float x[LK_CEPSTRA], float sure[LK_GAUSSIANS])
{
    double l[LK_GAUSSIANS], top = -1e300, sum = 0;
    for (int g = 0; g < LK_GAUSSIANS; g++) {
        l[g] = log(s->weight[g] + 1e-20);
        for (int k = 0; k < LK_CEPSTRA; k++) {
            double d = (x[k] - s->mean[g][k]) / s->deviation[g][k];
            l[g] -= 0.5 * d * d + log(s->deviation[g][k]);
        }
        top = fmax(top, l[g]);
    }
    for (int g = 0; g < LK_GAUSSIANS; g++) sum += exp(l[g] - top);
    for (int g = 0; g < LK_GAUSSIANS; g++) sure[g] = (float)(exp(l[g] - top) / sum);
    return top + log(sum);
}

static void shifts(const float *power, int64_t frames, float gain, const float *mean, const lk_voice_sounds *s, float *out)
{
    double n[LK_GAUSSIANS] = {0}, f[LK_GAUSSIANS][LK_CEPSTRA] = {{0}};
    for (int64_t t = 0; t < frames; t++) {
        float c[LK_CEPSTRA], sure[LK_GAUSSIANS];
        lk_cepstra_make(power + t * LK_MEL_BANDS, gain, c);
        for (int k = 0; k < LK_CEPSTRA; k++) c[k] -= mean[k];
        lk_sounds_guess(s, c, sure);
        for (int g = 0; g < LK_GAUSSIANS; g++) {
            if (sure[g] < 1e-4f) continue;
            n[g] += sure[g];
            for (int k = 0; k < LK_CEPSTRA; k++) f[g][k] += sure[g] * (c[k] - s->mean[g][k]) / s->deviation[g][k];
        }
    }
    for (int g = 0; g < LK_GAUSSIANS; g++)
        for (int k = 0; k < LK_CEPSTRA; k++)
            out[g * LK_CEPSTRA + k] = (float)(f[g][k] / (n[g] + RELEVANCE) * sqrt(s->weight[g]));
}

void lk_stats_make(const float *power, const float *pitch, int64_t frames, const lk_voice_sounds *sounds,
                   float out[LK_VOICE_STATS])
{
    float gain = lk_gain_of(power, frames);
    double sum[LK_CEPSTRA] = {0}, square[LK_CEPSTRA] = {0}, slope[LK_CEPSTRA] = {0}, f = 0, ff = 0;
    float before[2][LK_CEPSTRA] = {{0}};
    int64_t voiced = 0;
    for (int64_t t = 0; t < frames; t++) {
        float c[LK_CEPSTRA];
        lk_cepstra_make(power + t * LK_MEL_BANDS, gain, c);
        for (int k = 0; k < LK_CEPSTRA; k++) {
            sum[k] += c[k];
            square[k] += (double)c[k] * c[k];
            if (t > 1) slope[k] += (double)(c[k] - before[t & 1][k]) * (c[k] - before[t & 1][k]);
        }
        memcpy(before[t & 1], c, sizeof c);
        if (pitch[t] > 0) {
            voiced++;
            f += pitch[t];
            ff += (double)pitch[t] * pitch[t];
        }
    }
    double n = (double)LK_MAX(frames, 1), nv = (double)LK_MAX(voiced, 1);
    for (int k = 0; k < LK_CEPSTRA; k++) {
        double m = sum[k] / n;
        out[k] = (float)m;
        out[LK_CEPSTRA + k] = 0.5f * (float)log(square[k] / n - m * m + 1e-3);
        out[2 * LK_CEPSTRA + k] = 0.5f * (float)log(slope[k] / n + 1e-3);
    }
    out[3 * LK_CEPSTRA] = voiced ? (float)(f / nv) : 5.0f;
    out[3 * LK_CEPSTRA + 1] = (float)sqrt(fmax(ff / nv - f / nv * f / nv, 0));
    shifts(power, frames, gain, out, sounds, out + LK_VOICE_PLAIN);
}
