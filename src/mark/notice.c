/* notice.c: the spoken disclosure, as loud as what it is put before. */
#include "mark/notice.h"

#include <math.h>
#include <string.h>

#include "dsp/dsp.h"
#include "mark/notice_data.h"

#define DEFAULT_LUFS -23.0  /* EBU R128 */
#define QUIETEST_LUFS -36.0 /* below, the notice would be missed */
#define LOUDEST_LUFS -14.0
#define PEAK_MAX 0.89f /* -1 dB */

static const struct {
    const char *lang;
    const int16_t *data;
    const int *rate, *samples;
} notices[] = {
    {"en", notice_en, &notice_en_rate, &notice_en_samples},
};

static void scale(lk_audio *a, float gain)
{
    for (int64_t i = 0; i < a->samples * a->channels; i++) a->data[i] *= gain;
}

/* To a loudness, but no further than the peak allows. */
static void set_loudness(lk_audio *a, double target)
{
    float peak = 0;
    for (int64_t i = 0; i < a->samples * a->channels; i++) peak = fmaxf(peak, fabsf(a->data[i]));
    double gain = pow(10, (target - mark_loudness(a)) / 20);
    if (isfinite(gain)) scale(a, fminf((float)gain, peak > 0 ? PEAK_MAX / peak : 1));
}

static lk_status build(size_t which, int rate, int channels, lk_audio *out, lk_error *err)
{
    int n = *notices[which].samples;
    double step = (double)*notices[which].rate / rate;
    int64_t samples = (int64_t)ceil(n / step);
    float *mono = lk_alloc((size_t)n * sizeof *mono), *there = lk_alloc((size_t)samples * sizeof *there);
    *out = (lk_audio){rate, channels, samples, lk_calloc((size_t)samples * (size_t)channels, sizeof(float))};
    lk_status s =
        mono && there && out->data ? LK_OK : LK_FAIL(err, LK_E_NOMEM, "no memory for the spoken notice");
    if (s == LK_OK) {
        for (int i = 0; i < n; i++) mono[i] = (float)notices[which].data[i] / 32768.0f;
        s = lk_resample(mono, n, step, there, samples, err);
    }
    for (int64_t i = 0; s == LK_OK && i < samples; i++)
        for (int c = 0; c < channels; c++)
            out->data[i * channels + c] = channels >= 6 && c == 3 ? 0 : there[i];
    if (s == LK_OK) set_loudness(out, DEFAULT_LUFS);
    else lk_audio_clear(out);
    lk_free(mono);
    lk_free(there);
    return s;
}

lk_status lk_notice_make(int rate, int channels, const char *lang, lk_audio *out, lk_error *err)
{
    *out = (lk_audio){0};
    if (rate < 4000 || rate > 192000 || channels < 1 || channels > 64)
        return LK_FAIL(err, LK_E_RANGE, "a notice for %d channels at %d Hz cannot be made", channels, rate);
    for (size_t i = 0; i < LK_COUNT(notices); i++)
        if (!strcmp(lang, notices[i].lang)) return build(i, rate, channels, out, err);
    return LK_FAIL(err, LK_E_UNSUPPORTED, "there is no spoken notice in \"%s\"; there is one in \"en\"",
                   lang);
}

lk_status mark_notice_prepend(lk_audio *a, lk_error *err)
{
    lk_audio notice;
    LK_TRY(lk_notice_make(a->rate, a->channels, "en", &notice, err));
    double programme = mark_loudness(a);
    set_loudness(&notice,
                 isfinite(programme) ? LK_CLAMP(programme, QUIETEST_LUFS, LOUDEST_LUFS) : DEFAULT_LUFS);
    int64_t pause = (int64_t)(LK_NOTICE_PAUSE * a->rate), total;
    size_t bytes;
    float *joined = NULL;
    if (!__builtin_add_overflow(notice.samples + pause, a->samples, &total) && total >= 0 &&
        !__builtin_mul_overflow((size_t)total, (size_t)a->channels * sizeof(float), &bytes))
        joined = lk_calloc(1, bytes);
    if (joined) {
        size_t frame = (size_t)a->channels;
        memcpy(joined, notice.data, (size_t)notice.samples * frame * sizeof(float));
        memcpy(joined + (size_t)(notice.samples + pause) * frame, a->data,
               (size_t)a->samples * frame * sizeof(float));
        lk_free(a->data);
        a->data = joined;
        a->samples = total;
    }
    lk_audio_clear(&notice);
    return joined ? LK_OK
                  : LK_FAIL(err, LK_E_NOMEM, "no memory to put the spoken notice before %.0f s of sound",
                            (double)a->samples / a->rate);
}
