/* test_notice.c: the spoken notice and the loudness that it follows. */
#include "check.h"
#include "fault.h"

#include "mark/notice.h"

static lk_error err;

static lk_audio tone(int rate, int channels, double seconds, double hertz, double amplitude)
{
    lk_audio a = {rate, channels, (int64_t)(seconds * rate), NULL};
    a.data = lk_calloc((size_t)a.samples * (size_t)channels, sizeof(float));
    for (int64_t i = 0; i < a.samples; i++)
        for (int c = 0; c < channels; c++)
            a.data[i * channels + c] = (float)(amplitude * sin(2 * M_PI * hertz * (double)i / rate));
    return a;
}

static double peak_of(const lk_audio *a)
{
    double peak = 0;
    for (int64_t i = 0; i < a->samples * a->channels; i++) peak = fmax(peak, fabs(a->data[i]));
    return peak;
}

/* BS.1770: 997 Hz at 0 dBFS in one channel is -3.01 LUFS. EBU Tech 3341, cases 1 and 2: stereo 1 kHz at -23
 * and -33 dBFS reads -23 and -33 LUFS; case 3: the quieter parts around are gated out. */
static void loudness(void)
{
    static const int rates[] = {16000, 22050, 44100, 48000, 96000};
    for (size_t i = 0; i < LK_COUNT(rates); i++) {
        lk_audio a = tone(rates[i], 1, 2, 997, 1);
        CHECK_NEAR(mark_loudness(&a), -3.01, 0.1);
        lk_audio_clear(&a);
        a = tone(rates[i], 2, 5, 1000, pow(10, -23 / 20.0));
        CHECK_NEAR(mark_loudness(&a), -23, 0.1);
        lk_audio_clear(&a);
    }
    lk_audio a = tone(48000, 2, 5, 1000, pow(10, -33 / 20.0));
    CHECK_NEAR(mark_loudness(&a), -33, 0.1);
    lk_audio_clear(&a);
    a = tone(48000, 2, 80, 1000, 1);
    for (int64_t i = 0; i < a.samples; i++)
        for (int c = 0; c < 2; c++)
            a.data[2 * i + c] *= (float)pow(10, (i < 10 * 48000 || i >= 70 * 48000 ? -36 : -23) / 20.0);
    CHECK_NEAR(mark_loudness(&a), -23, 0.1);
    memset(a.data, 0, sizeof(float) * 2 * (size_t)a.samples);
    CHECK(isinf(mark_loudness(&a)), "silence");
    a.samples = 100;
    CHECK(isinf(mark_loudness(&a)), "too short");
    lk_audio_clear(&a);
}

static void made_at_every_rate(void)
{
    static const int rates[] = {8000, 16000, 22050, 44100, 48000, 96000}, channels[] = {1, 2, 6};
    for (size_t i = 0; i < LK_COUNT(rates); i++)
        for (size_t k = 0; k < LK_COUNT(channels); k++) {
            lk_audio a;
            CHECK_OK(lk_notice_make(rates[i], channels[k], "en", &a, &err), &err);
            double seconds = (double)a.samples / rates[i];
            CHECK(a.rate == rates[i] && a.channels == channels[k] && seconds > 1.2 && seconds < 3.5, "%g s",
                  seconds);
            CHECK_NEAR(mark_loudness(&a), -23, 0.3);
            CHECK(peak_of(&a) <= 0.9, "%g", peak_of(&a));
            if (channels[k] == 6)
                CHECK(a.data[3 + 6 * (a.samples / 2)] == 0, "nothing on the effects channel");
            lk_audio_clear(&a);
        }
    lk_audio a;
    CHECK_STATUS(lk_notice_make(48000, 1, "xx", &a, &err), LK_E_UNSUPPORTED, &err);
    CHECK_STATUS(lk_notice_make(0, 1, "en", &a, &err), LK_E_RANGE, &err);
    CHECK_STATUS(lk_notice_make(48000, 0, "en", &a, &err), LK_E_RANGE, &err);
}

/* As loud as what follows, within bounds; the pause is silent and the programme untouched. */
static void prepended(void)
{
    static const double levels[][2] = {{-18, -18}, {-23, -23}, {-30, -30}, {-50, -36}, {-300, -23}};
    for (size_t i = 0; i < LK_COUNT(levels); i++) {
        lk_audio a = tone(44100, 2, 3, 1000, levels[i][0] < -100 ? 0 : pow(10, levels[i][0] / 20));
        int64_t n = a.samples;
        float *was = malloc((size_t)n * 2 * sizeof(float));
        memcpy(was, a.data, (size_t)n * 2 * sizeof(float));
        CHECK_OK(mark_notice_prepend(&a, &err), &err);
        int64_t before = a.samples - n, pause = (int64_t)(LK_NOTICE_PAUSE * 44100);
        CHECK(before > 44100, "%lld", (long long)before);
        CHECK(!memcmp(a.data + 2 * before, was, (size_t)n * 2 * sizeof(float)), "the programme is untouched");
        for (int64_t k = 2 * (before - pause); k < 2 * before; k++) CHECK(a.data[k] == 0, "pause");
        lk_audio head = {44100, 2, before - pause, a.data};
        CHECK_NEAR(mark_loudness(&head), levels[i][1], 0.5);
        free(was);
        lk_audio_clear(&a);
    }
}

static void no_memory(void)
{
    FAULT_LOOP(LK_FAULT_ALLOC, false, {
        lk_audio a = {16000, 1, 16000, NULL};
        a.data = lk_calloc(16000, sizeof(float));
        if (a.data) {
            lk_status s = mark_notice_prepend(&a, &err);
            CHECK(s == LK_OK ? a.samples > 32000 : s == LK_E_NOMEM && a.samples == 16000, "%d", (int)s);
        }
        lk_audio_clear(&a);
    });
}

static const check_test tests[] = {
    {"loudness", loudness},
    {"made_at_every_rate", made_at_every_rate},
    {"prepended", prepended},
    {"no_memory", no_memory},
};
CHECK_MAIN(tests)
