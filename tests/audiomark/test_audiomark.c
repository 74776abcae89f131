/* test_audiomark.c: the sound watermark on a made voice: every rate, what it survives, what must not be
 * accepted, what it leaves alone, and every allocation failing. Real speech and real codecs are
 * tools/bench_audiomark.py's. */
#include "dsp/dsp.h"
#include "mark/watermark/watermark.h"

#include "check.h"
#include "fault.h"
#include "tempdir.h"
#include "voice.h"

static const uint64_t id = 0x9e3779b97f4a7c15;

static lk_audio copy(const lk_audio *a)
{
    lk_audio b = *a;
    const size_t bytes = (size_t)(a->samples * a->channels) * sizeof(float);
    b.data = lk_alloc(bytes);
    memcpy(b.data, a->data, bytes);
    return b;
}

static double snr(const lk_audio *was, const lk_audio *is)
{
    double s = 0, d = 1e-30;
    for (int64_t i = 0; i < was->samples * was->channels; i++) {
        s += (double)was->data[i] * was->data[i];
        d += (double)(is->data[i] - was->data[i]) * (is->data[i] - was->data[i]);
    }
    return 10 * log10(s / d);
}

static wm_found read_mark(const lk_audio *a)
{
    lk_error err = {0};
    wm_found f = {0};
    const wm_key key = wm_public_key();
    CHECK_OK(wm_audio_detect(a, &key, &f, &err), &err);
    return f;
}

static lk_audio marked_voice(uint64_t seed, double seconds, int rate, int channels)
{
    lk_error err = {0};
    const wm_key key = wm_public_key();
    lk_audio a = voice_make(seed, seconds, rate, channels);
    bool marked = false;
    CHECK_OK(wm_audio_embed(&a, id, &key, 0, &marked, &err), &err);
    CHECK(marked, "the writer reads its own mark");
    return a;
}

static void every_rate(void)
{
    static const int rates[] = {16000, 22050, 44100, 48000, 96000};
    lk_error err = {0};
    const wm_key key = wm_public_key();
    for (size_t k = 0; k < LK_COUNT(rates); k++)
        for (int channels = 1; channels <= 2; channels++) {
            lk_audio was = voice_make(k + 1, 12.5, rates[k], channels), a = copy(&was);
            bool marked = false;
            CHECK_OK(wm_audio_embed(&a, id, &key, 0, &marked, &err), &err);
            wm_found f = read_mark(&a);
            CHECK(marked && f.found && f.id == id && f.scale == 1 && f.end > 12,
                  "%d Hz, %d channels: z %.2f, errors %.3f", rates[k], channels, f.z, f.errors);
            CHECK(snr(&was, &a) >= 28, "%d Hz: %.2f dB", rates[k], snr(&was, &a));
            lk_audio_clear(&was), lk_audio_clear(&a);
        }
}

/* --- attacks: one row, one function -------------------------------------------------------------- */

static lk_audio resampled(const lk_audio *a, double step, int rate)
{
    lk_error err = {0};
    lk_audio b = {rate, 1, (int64_t)((double)a->samples / step), NULL};
    b.data = lk_alloc((size_t)b.samples * sizeof(float));
    CHECK_OK(lk_resample(a->data, a->samples, step, b.data, b.samples, &err), &err);
    return b;
}

static lk_audio played_faster(const lk_audio *a, double by) { return resampled(a, by, a->rate); }
static lk_audio other_rate(const lk_audio *a, double rate) { return resampled(a, a->rate / rate, (int)rate); }

static lk_audio cut(const lk_audio *a, double seconds)
{
    lk_audio b = copy(a);
    const int64_t first = (int64_t)(seconds * a->rate);
    b.samples -= first;
    memmove(b.data, b.data + first, (size_t)b.samples * sizeof(float));
    return b;
}

static lk_audio noisy(const lk_audio *a, double db)
{
    lk_audio b = copy(a);
    double e = 0;
    for (int64_t i = 0; i < b.samples; i++) e += (double)b.data[i] * b.data[i];
    const float level = (float)(sqrt(e / (double)b.samples) * pow(10, -db / 20));
    lk_rng r = lk_rng_at(5, 0, 0, 0);
    for (int64_t i = 0; i < b.samples; i++) b.data[i] += level * lk_rng_normal(&r);
    return b;
}

static lk_audio quiet(const lk_audio *a, double volume)
{
    lk_audio b = copy(a);
    for (int64_t i = 0; i < b.samples; i++) b.data[i] = (float)(lrint(b.data[i] * volume * 32767) / 32767.0);
    return b;
}

static lk_audio clipped(const lk_audio *a, double at)
{
    lk_audio b = copy(a);
    for (int64_t i = 0; i < b.samples; i++) b.data[i] = LK_CLAMP(b.data[i], (float)-at, (float)at);
    return b;
}

/* Tempo without pitch: pieces of 40 ms, each moved to where it joins the last one best (WSOLA). */
static lk_audio hurried(const lk_audio *a, double by)
{
    enum { PIECE = 640, HALF = PIECE / 2, SEEK = 160 };
    lk_audio b = {a->rate, 1, (int64_t)((double)a->samples / by) - 2 * PIECE, NULL};
    b.data = lk_calloc((size_t)b.samples + PIECE, sizeof(float));
    int64_t last = 0;
    for (int64_t to = 0; to < b.samples; to += HALF) {
        int64_t from = (int64_t)((double)to * by), best = from;
        double most = -1e30;
        for (int64_t k = LK_MAX(from - SEEK, 0); to > 0 && k <= from + SEEK && k + PIECE <= a->samples; k += 4) {
            double like = 0;
            for (int i = 0; i < HALF; i += 2) like += a->data[k + i] * a->data[last + HALF + i];
            if (like > most) most = like, best = k;
        }
        for (int i = 0; i < PIECE && best + i < a->samples; i++)
            b.data[to + i] += a->data[best + i] * (float)(0.5 - 0.5 * cos(2 * M_PI * i / PIECE));
        last = LK_MIN(best, a->samples - PIECE);
    }
    return b;
}

static lk_audio upside_down(const lk_audio *a, double unused)
{
    lk_audio b = {a->rate, 2, a->samples, lk_alloc((size_t)a->samples * 2 * sizeof(float))};
    for (int64_t i = 0; i < a->samples; i++) b.data[2 * i] = a->data[i], b.data[2 * i + 1] = -a->data[i];
    return b;
}

static void survives(void)
{
    static const struct {
        const char *name;
        lk_audio (*fn)(const lk_audio *, double);
        double by, speed;
    } attacks[] = {{"2 % faster", played_faster, 1.02, 1.02},
                   {"2 % slower", played_faster, 0.98, 0.98},
                   {"4.7 % faster", played_faster, 1.047, 1.047},
                   {"tempo 3 % faster", hurried, 1.03, 1.03},
                   {"at 8 kHz", other_rate, 8000, 1},
                   {"at 44.1 kHz", other_rate, 44100, 1},
                   {"without its first 1.237 s", cut, 1.237, 1},
                   {"noise at -30 dB", noisy, 30, 1},
                   {"at 1 % volume, 16 bits", quiet, 0.01, 1},
                   {"clipped", clipped, 0.15, 1},
                   {"one channel inverted", upside_down, 0, 1}};
    lk_audio a = marked_voice(20, 14, 16000, 1);
    for (size_t k = 0; k < LK_COUNT(attacks); k++) {
        lk_audio b = attacks[k].fn(&a, attacks[k].by);
        wm_found f = read_mark(&b);
        CHECK(f.found && f.id == id, "%s: z %.2f, errors %.3f", attacks[k].name, f.z, f.errors);
        CHECK_NEAR(f.scale, attacks[k].speed, 0.0012);
        lk_audio_clear(&b);
    }
    lk_audio_clear(&a);
}

static void far_into_a_long_sound(void)
{
    lk_audio plain = voice_make(31, 40, 16000, 1), mark = marked_voice(32, 20, 16000, 1);
    lk_audio b = {16000, 1, plain.samples + mark.samples,
                  lk_alloc((size_t)(plain.samples + mark.samples) * sizeof(float))};
    memcpy(b.data, plain.data, (size_t)plain.samples * sizeof(float));
    memcpy(b.data + plain.samples, mark.data, (size_t)mark.samples * sizeof(float));
    wm_found f = read_mark(&b);
    CHECK(f.found && f.id == id && f.end > 42, "z %.2f, %g to %g s", f.z, f.begin, f.end);
    lk_audio_clear(&plain), lk_audio_clear(&mark), lk_audio_clear(&b);
}

/* --- what must not be ---------------------------------------------------------------------------- */

static void not_without_mark_or_key(void)
{
    lk_error err = {0};
    lk_audio plain = voice_make(41, 13, 16000, 1), a = marked_voice(42, 13, 16000, 1);
    wm_found f = read_mark(&plain);
    CHECK(!f.found && f.id == 0 && f.z < 6.5, "unmarked: z %.2f", f.z);
    wm_key other = wm_public_key();
    other.b[31] ^= 1;
    CHECK_OK(wm_audio_detect(&a, &other, &f, &err), &err);
    CHECK(!f.found && f.id == 0 && f.z < 6.5, "another key: z %.2f", f.z);
    lk_audio_clear(&plain), lk_audio_clear(&a);
}

static void two_keys_in_one_sound(void)
{
    lk_error err = {0};
    lk_audio a = marked_voice(43, 20, 16000, 1);
    wm_key mine = {{1, 2, 3}};
    wm_found f;
    bool marked = false;
    CHECK_OK(wm_audio_embed(&a, 77, &mine, 0, &marked, &err), &err);
    CHECK_OK(wm_audio_detect(&a, &mine, &f, &err), &err);
    CHECK(marked && f.found && f.id == 77, "the studio's: z %.2f", f.z);
    f = read_mark(&a);
    CHECK(f.found && f.id == id, "everybody's: z %.2f", f.z);
    lk_audio_clear(&a);
}

static void too_short_or_silent(void)
{
    lk_error err = {0};
    const wm_key key = wm_public_key();
    bool marked = true;
    lk_audio a = voice_make(51, 5.5, 16000, 1), was = copy(&a);
    CHECK_OK(wm_audio_embed(&a, id, &key, 0, &marked, &err), &err);
    CHECK(!marked && !memcmp(a.data, was.data, (size_t)a.samples * sizeof(float)),
          "5.5 s are left as they are");
    CHECK(!read_mark(&a).found, "nothing is found in them");
    lk_audio_clear(&a), lk_audio_clear(&was);

    a = (lk_audio){48000, 2, 48000 * 14, lk_calloc(48000 * 28, sizeof(float))};
    marked = true;
    CHECK_OK(wm_audio_embed(&a, id, &key, 0, &marked, &err), &err);
    int loud = 0;
    for (int64_t i = 0; i < 2 * a.samples; i++) loud += a.data[i] != 0;
    CHECK(!marked && !loud, "silence stays silence, %d samples do not", loud);
    CHECK(!read_mark(&a).found, "nothing is found in it");
    a.samples = 0;
    CHECK(!read_mark(&a).found, "nor in nothing");
    a.rate = 800;
    CHECK(!read_mark(&a).found, "nor in what no writer takes");
    a.rate = 8000;
    CHECK_STATUS(wm_audio_embed(&a, id, &key, 0, &marked, &err), LK_E_RANGE, &err);
    a.rate = 48000, a.channels = 0;
    CHECK_STATUS(wm_audio_embed(&a, id, &key, 0, &marked, &err), LK_E_RANGE, &err);
    a.channels = 2;
    CHECK_STATUS(wm_audio_embed(&a, id, &key, NAN, &marked, &err), LK_E_RANGE, &err);
    lk_audio_clear(&a);
}

static void pauses_stay_silent(void)
{
    lk_error err = {0};
    const wm_key key = wm_public_key();
    lk_audio a = voice_make(61, 16, 44100, 1);
    const int64_t from = 5 * 44100, to = 7 * 44100, edge = 4410;
    for (int64_t i = from; i < to; i++) a.data[i] = 0;
    a.data[44100 * 9] = NAN; /* a damaged sample harms only itself */
    bool marked = false;
    CHECK_OK(wm_audio_embed(&a, id, &key, 0, &marked, &err), &err);
    int loud = 0, broken = 0;
    for (int64_t i = from + edge; i < to - edge; i++) loud += fabsf(a.data[i]) > 1e-9f;
    for (int64_t i = 0; i < a.samples; i++) broken += !isfinite(a.data[i]);
    CHECK(marked && loud == 0 && broken == 1, "%d samples of the pause are not silent, %d are broken", loud,
          broken);
    wm_found f = read_mark(&a);
    CHECK(f.found && f.id == id, "z %.2f", f.z);
    lk_audio_clear(&a);
}

static void same_bytes(void)
{
    lk_audio a = marked_voice(71, 13, 22050, 2), b = marked_voice(71, 13, 22050, 2);
    CHECK(!memcmp(a.data, b.data, (size_t)a.samples * 2 * sizeof(float)),
          "the same sound and id give the same bytes");
    wm_found f = read_mark(&a), g = read_mark(&b);
    CHECK(f.found && !memcmp(&f, &g, sizeof f), "and read the same");
    lk_audio_clear(&a), lk_audio_clear(&b);
}

static void from_a_file(void)
{
    lk_error err = {0};
    const wm_key key = wm_public_key();
    const char *path = in_tempdir("voice.wav");
    lk_audio a = marked_voice(81, 13, 16000, 1);
    FILE *f = fopen(path, "wb");
    const uint32_t bytes = (uint32_t)a.samples * 4;
    const uint32_t head[11] = {0x46464952, 36 + bytes, 0x45564157,   0x20746d66, 16,   3 | 1 << 16,
                               16000,      64000,      4 | 32 << 16, 0x61746164, bytes};
    CHECK(f && fwrite(head, sizeof head, 1, f) == 1 && fwrite(a.data, 1, bytes, f) == bytes, "written");
    if (f) fclose(f);
    wm_found found;
    CHECK_OK(wm_audio_detect_file(path, &key, &found, &err), &err);
    CHECK(found.found && found.id == id, "z %.2f", found.z);
    CHECK_STATUS(wm_audio_detect_file("/nowhere/at/all.wav", &key, &found, &err), LK_E_NOTFOUND, &err);
    CHECK(!found.found, "nothing is claimed of a file that is not there");
    lk_audio_clear(&a);
}

static void no_memory(void)
{
    const wm_key key = wm_public_key();
    lk_audio was = voice_make(91, 12.5, 22050, 2), a = copy(&was);
    const size_t bytes = (size_t)was.samples * 2 * sizeof(float);
    FAULT_LOOP(LK_FAULT_ALLOC, false, {
        lk_error err = {0};
        bool marked = false;
        memcpy(a.data, was.data, bytes);
        lk_status s = wm_audio_embed(&a, id, &key, 0, &marked, &err);
        CHECK(fault_clean(s) && marked == (s == LK_OK), "writing: status %d, marked %d", s, marked);
    });
    FAULT_LOOP(LK_FAULT_ALLOC, false, {
        lk_error err = {0};
        wm_found f;
        lk_status s = wm_audio_detect(&a, &key, &f, &err);
        CHECK(fault_clean(s) && f.found == (s == LK_OK), "reading: status %d, found %d", s, f.found);
    });
    lk_audio_clear(&was), lk_audio_clear(&a);
}

static const check_test tests[] = {
    {"every-rate", every_rate},
    {"survives", survives},
    {"far-into-a-long-sound", far_into_a_long_sound},
    {"not-without-mark-or-key", not_without_mark_or_key},
    {"two-keys-in-one-sound", two_keys_in_one_sound},
    {"too-short-or-silent", too_short_or_silent},
    {"pauses-stay-silent", pauses_stay_silent},
    {"same-bytes", same_bytes},
    {"from-a-file", from_a_file},
    {"no-memory", no_memory},
};

int main(int argc, char **argv)
{
    tempdir_make("audiomark");
    return tempdir_remove(check_main(argc, argv, tests, LK_COUNT(tests)));
}
