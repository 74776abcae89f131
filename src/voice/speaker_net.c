/* The network, and what it is fed with. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "voice/speaker_net.h"

#define LEAK 0.1f
#define VOICED 0.6f     /* periodicity of frames whose pitch is believed */

static lk_node residual(lk_net *net, const char *name, lk_node x, int c)
{
    char sub[64];
    snprintf(sub, sizeof sub, "%s.first", name);
    lk_node y = lk_net_conv(net, sub, x, c, 3, 1, LK_ACT_LEAKY, LEAK);
    snprintf(sub, sizeof sub, "%s.second", name);
    y = lk_net_conv(net, sub, y, c, 3, 1, LK_ACT_NONE, 0);
    return lk_net_add(net, x, y, LK_ACT_LEAKY, LEAK);
}

/* A small residual network over time and frequency; what it finds is averaged over time, as x-vectors are
 * (Snyder et al. 2018). */
lk_node lk_net_speaker(lk_net *net, int batch, lk_node *embedding)
{
    lk_op_attr none = {0};
    lk_node in = lk_net_input(net, (lk_shape){batch, LK_CHUNK, LK_MEL_BANDS, 1}, false);
    lk_node x = lk_net_conv(net, "stem", in, 16, 3, 2, LK_ACT_LEAKY, LEAK);
    x = lk_net_conv(net, "down4", x, 32, 3, 2, LK_ACT_LEAKY, LEAK);
    x = lk_net_conv(net, "down8", x, 64, 3, 2, LK_ACT_LEAKY, LEAK);
    x = residual(net, "r8", x, 64);
    x = lk_net_conv(net, "down16", x, 96, 3, 2, LK_ACT_LEAKY, LEAK);
    x = residual(net, "r16", x, 96);
    x = lk_net_reshape(net, x, 13, 1, 3 * 96); /* all bands of one moment side by side */
    x = lk_net_conv(net, "moment", x, 256, 1, 1, LK_ACT_LEAKY, LEAK);
    x = lk_net_op(net, "mean", LK_OP_GLOBAL_POOL, &none, &x, 1);
    x = lk_net_dense(net, "embed", x, LK_VOICE_DEEP, LK_ACT_NONE, 0);
    x = lk_net_op(net, "unit", LK_OP_L2_NORM, &none, &x, 1);
    lk_net_output(net, x, "embedding");
    if (embedding) *embedding = x;
    return in;
}

static lk_status pull_together(const lk_mel *mel, const lk_speech *speech, const float *voiced,
                               const float *hertz, lk_voiced *out, lk_error *err)
{
    int64_t most = 0;
    for (int64_t i = 0; i < speech->count; i++)
        most += (int64_t)((speech->segment[i].end - speech->segment[i].start) * LK_MEL_RATE) + 2;
    out->power = lk_alloc((size_t)(most * LK_MEL_BANDS + 1) * sizeof(float));
    out->pitch = lk_alloc((size_t)(most + 1) * sizeof(float));
    out->at = lk_alloc((size_t)(most + 1) * sizeof(int64_t));
    if (!out->power || !out->pitch || !out->at) return LK_FAIL(err, LK_E_NOMEM, "no memory to look at the voice");
    for (int64_t i = 0; i < speech->count; i++) {
        int64_t from = llround(speech->segment[i].start * LK_MEL_RATE),
                to = LK_MIN(llround(speech->segment[i].end * LK_MEL_RATE), mel->frames);
        for (int64_t t = from; t < to; t++) {
            memcpy(out->power + out->frames * LK_MEL_BANDS, mel->power + t * LK_MEL_BANDS,
                   LK_MEL_BANDS * sizeof(float));
            out->pitch[out->frames] = voiced[t] > VOICED && hertz[t] > 0 ? logf(hertz[t]) : 0;
            out->at[out->frames++] = t;
        }
    }
    out->seconds = (double)out->frames / LK_MEL_RATE;
    return LK_OK;
}

lk_status lk_voiced_make(const float *samples, int64_t n, lk_voiced *out, lk_error *err)
{
    memset(out, 0, sizeof *out);
    lk_mel mel;
    lk_speech speech = {0};
    LK_TRY(lk_mel_make(samples, n, &mel, err));
    lk_status s = lk_speech_find_in(samples, n, &mel, &speech, err);
    size_t rows = (size_t)mel.frames + 1;
    float *voiced = lk_calloc(rows, 2 * sizeof(float));
    uint8_t *want = lk_calloc(rows, 1);
    if (s == LK_OK && !(voiced && want)) s = LK_FAIL(err, LK_E_NOMEM, "no memory to look at the voice");
    if (s == LK_OK) {
        for (int64_t i = 0; i < speech.count; i++)
            for (int64_t t = llround(speech.segment[i].start * LK_MEL_RATE);
                 t < LK_MIN(llround(speech.segment[i].end * LK_MEL_RATE), mel.frames); t++)
                want[t] = 1;
        s = lk_voice_periodicity(samples, n, want, voiced, voiced + rows, err);
    }
    if (s == LK_OK) s = pull_together(&mel, &speech, voiced, voiced + rows, out, err);
    lk_free(voiced);
    lk_free(want);
    lk_speech_clear(&speech);
    lk_mel_clear(&mel);
    if (s != LK_OK) lk_voiced_clear(out);
    return s;
}

void lk_voiced_clear(lk_voiced *v)
{
    lk_free(v->power);
    lk_free(v->pitch);
    lk_free(v->at);
    memset(v, 0, sizeof *v);
}

void lk_chunk_make(const float *power, int64_t frames, float *out)
{
    int64_t from = LK_MIN(frames, LK_CHUNK);
    float gain = lk_gain_of(power, from);
    double mean[LK_MEL_BANDS] = {0};
    for (int64_t t = 0; t < LK_CHUNK; t++)
        for (int b = 0; b < LK_MEL_BANDS; b++) {
            float v = logf(power[t % from * LK_MEL_BANDS + b] * gain + LK_VOICE_FLOOR);
            out[t * LK_MEL_BANDS + b] = v;
            mean[b] += v / LK_CHUNK;
        }
    for (int64_t t = 0; t < LK_CHUNK; t++)
        for (int b = 0; b < LK_MEL_BANDS; b++)
            out[t * LK_MEL_BANDS + b] = 0.5f * (out[t * LK_MEL_BANDS + b] - (float)mean[b]);
}
