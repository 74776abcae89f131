/* Where somebody speaks: edges, steady noise, hum, silence, damage, loudness, and a lack of memory. */
#include "voice/activity.h"
#include "check.h"
#include "fault.h"
#include "made.h"

static void finds_the_edges(void)
{
    lk_error err = {0};
    for (int noisy = 0; noisy < 2; noisy++) {
        int64_t n;
        float *x = made_recording(2, 3, made_man, &n);
        if (noisy) made_noise(x, n, 0.004f, 1);
        lk_speech s;
        CHECK_OK(lk_speech_find(x, n, &s, &err), &err);
        CHECK_INT(s.count, 1);
        if (s.count == 1) {
            CHECK_NEAR(s.segment[0].start, 2, 0.15);
            CHECK_NEAR(s.segment[0].end, 5, 0.2);
            CHECK_NEAR(s.seconds, s.segment[0].end - s.segment[0].start, 1e-9);
        }
        lk_speech_clear(&s);
        lk_free(x);
    }
}

static void pauses_part_segments(void)
{
    lk_error err = {0};
    int64_t n = 9 * LK_VOICE_RATE;
    float *x = lk_calloc((size_t)n, sizeof *x);
    made_speak(x, n, 1 * LK_VOICE_RATE, 2, made_man);
    made_speak(x, n, 5 * LK_VOICE_RATE, 3, made_woman);
    made_noise(x, n, 0.002f, 2);
    lk_speech s;
    CHECK_OK(lk_speech_find(x, n, &s, &err), &err);
    CHECK_INT(s.count, 2);
    if (s.count == 2) {
        CHECK_NEAR(s.segment[0].end, 3, 0.2);
        CHECK_NEAR(s.segment[1].start, 5, 0.2);
    }
    lk_speech_clear(&s);
    lk_free(x);
}

static void no_speech(void)
{
    lk_error err = {0};
    int64_t n = 6 * LK_VOICE_RATE;
    static const char *const names[] = {"silence", "white noise", "hum", "constant", "noise that begins"};
    for (size_t k = 0; k < LK_COUNT(names); k++) {
        float *x = lk_calloc((size_t)n, sizeof *x);
        for (int64_t i = 0; i < n; i++)
            x[i] = k == 2 ? 0.2f * (float)(sin(2 * M_PI * 100 * (double)i / LK_VOICE_RATE) +
                                           0.5 * sin(2 * M_PI * 200 * (double)i / LK_VOICE_RATE))
                 : k == 3 ? 0.3f
                          : 0;
        if (k == 1) made_noise(x, n, 0.1f, 3);
        if (k == 2) made_noise(x, n, 0.001f, 3);
        if (k == 4) made_noise(x + n / 2, n / 2, 0.1f, 4);
        lk_speech s;
        CHECK_OK(lk_speech_find(x, n, &s, &err), &err);
        CHECK(s.seconds < 0.3, "%s: %g s of speech", names[k], s.seconds);
        lk_speech_clear(&s);
        lk_free(x);
    }
}

static void loudness_changes_nothing(void)
{
    lk_error err = {0};
    int64_t n;
    float *x = made_recording(1, 3, made_woman, &n);
    made_noise(x, n, 0.003f, 5);
    lk_speech a, b;
    CHECK_OK(lk_speech_find(x, n, &a, &err), &err);
    CHECK(a.count > 0, "speech was found");
    static const float gains[] = {1e-4f, 0.125f, 30, 1e15f};
    for (size_t k = 0; k < LK_COUNT(gains); k++) {
        float *y = lk_alloc((size_t)n * sizeof *y);
        for (int64_t i = 0; i < n; i++) y[i] = x[i] * gains[k];
        CHECK_OK(lk_speech_find(y, n, &b, &err), &err);
        if (k < 3) CHECK_INT(b.count, a.count);
        for (int64_t i = 0; k < 3 && i < a.count && i < b.count; i++)
            CHECK_NEAR(b.segment[i].start, a.segment[i].start, 0.021);
        lk_speech_clear(&b);
        lk_free(y);
    }
    lk_speech_clear(&a);
    lk_free(x);
}

static void odd_input(void)
{
    lk_error err = {0};
    lk_speech s;
    float x[1000] = {0};
    CHECK_OK(lk_speech_find(NULL, 0, &s, &err), &err);
    CHECK_INT(s.count, 0);
    lk_speech_clear(&s);
    for (int64_t n = 1; n < 1000; n += 37) {
        CHECK_OK(lk_speech_find(x, n, &s, &err), &err);
        CHECK_INT(s.count, 0);
        lk_speech_clear(&s);
    }
    CHECK_STATUS(lk_speech_find(NULL, 5, &s, &err), LK_E_ARG, &err);
    CHECK_STATUS(lk_speech_find(x, -1, &s, &err), LK_E_ARG, &err);
    CHECK_STATUS(lk_speech_find(x, INT64_MAX, &s, &err), LK_E_RANGE, &err);
    x[700] = NAN;
    CHECK_STATUS(lk_speech_find(x, 1000, &s, &err), LK_E_FORMAT, &err);
    CHECK(strstr(err.message, "700"), "says where: %s", err.message);
    x[700] = -INFINITY;
    CHECK_STATUS(lk_speech_find(x, 1000, &s, &err), LK_E_FORMAT, &err);
    CHECK(!s.segment, "nothing is left");
}

static void lack_of_memory(void)
{
    lk_error err = {0};
    int64_t n;
    float *x = made_recording(0.5, 1, made_man, &n);
    FAULT_LOOP(LK_FAULT_ALLOC, false, {
        lk_speech s;
        lk_status st = lk_speech_find(x, n, &s, &err);
        CHECK(fault_clean(st), "%d %s", st, err.message);
        lk_speech_clear(&s);
    });
    lk_free(x);
}

static const check_test tests[] = {
    {"finds the edges", finds_the_edges},
    {"pauses part segments", pauses_part_segments},
    {"no speech", no_speech},
    {"loudness changes nothing", loudness_changes_nothing},
    {"odd input", odd_input},
    {"lack of memory", lack_of_memory},
};
CHECK_MAIN(tests)
