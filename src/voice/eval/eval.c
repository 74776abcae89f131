/* What all questions share: rows, noise at a known level, and asking each in turn. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "voice/eval.h"

lk_status lk_voice_tell(const lk_voice_asker *a, const char *what, double value, const char *unit, const char *target,
                        int64_t n, lk_error *err, const char *fmt, ...)
{
    char figure[120];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(figure, sizeof figure, fmt, ap);
    va_end(ap);
    lk_voice_row r = {what, figure, value, unit, target, n};
    return a->row(a->user, &r, err);
}

lk_status lk_voice_mix(lk_audio *in, const lk_audio *noise, int64_t at, double snr, lk_error *err)
{
    lk_speech speech;
    LK_TRY(lk_speech_find(in->data, in->samples, &speech, err));
    double loud = 0, n = 0, quiet = 0;
    for (int64_t k = 0; k < speech.count; k++)
        for (int64_t i = (int64_t)(speech.segment[k].start * LK_VOICE_RATE);
             i < LK_MIN((int64_t)(speech.segment[k].end * LK_VOICE_RATE), in->samples); i++, n++)
            loud += (double)in->data[i] * in->data[i];
    lk_speech_clear(&speech);
    if (noise->samples < 1) return LK_FAIL(err, LK_E_FORMAT, "a noise of the bench data is empty");
    for (int64_t i = 0; i < in->samples; i++) {
        float v = noise->data[(at + i) % noise->samples];
        quiet += (double)v * v;
    }
    if (!(loud > 0) || !(quiet > 0)) return LK_OK;
    float gain = (float)sqrt(loud / n / (quiet / (double)in->samples) * pow(10, -snr / 10));
    for (int64_t i = 0; i < in->samples; i++) in->data[i] += gain * noise->data[(at + i) % noise->samples];
    return LK_OK;
}

lk_status lk_voice_eval(const lk_voice_eval_options *o, lk_voice_row_fn row, void *user, lk_speaker_limits *limits,
                        float *share, lk_error *err)
{
    lk_voice_asker a = {o, row, user};
    bool activity = !o->only || !strcmp(o->only, "activity"), speaker = !o->only || !strcmp(o->only, "speaker");
    if (!activity && !speaker)
        return LK_FAIL(err, LK_E_ARG, "the bench of voices has no part \"%s\": choose activity or speaker", o->only);
    if (activity) LK_TRY(lk_voice_eval_activity(&a, err));
    return speaker ? lk_voice_eval_speaker(&a, limits, share, err) : LK_OK;
}
