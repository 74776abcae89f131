/* am_tool.c: the sound watermark by hand, for tools/bench_audiomark.py.
 *
 *     am_tool embed IN OUT.wav ID     mark a file, write float WAV; prints snr, marked, seconds of work and
 * of sound am_tool detect FILE...          one line a file: found, id, z, errors, speed, seconds of work and
 * of sound am_tool null FILE SEED PIECE N  N pieces of PIECE seconds from anywhere in FILE, each with its own
 * speed, volume and noise, none marked: prints how many were searched, accepted, and the largest z
 *
 * A tool of the tests: it writes no clips and is not installed.
 */
#include "mark/watermark/watermark.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double cpu_seconds(void) { return (double)clock() / CLOCKS_PER_SEC; }

static int fail(const char *what, const lk_error *err)
{
    fprintf(stderr, "am_tool: %s: %s\n", what, err->message);
    return 1;
}

static bool write_wav(const char *path, const lk_audio *a)
{
    const uint32_t bytes = (uint32_t)(a->samples * a->channels * 4), rate = (uint32_t)a->rate,
                   ch = (uint32_t)a->channels;
    const uint32_t head[11] = {0x46464952, 36 + bytes, 0x45564157, 0x20746d66, 16, 3 | ch << 16, rate,
                               rate * ch * 4, ch * 4 | 32u << 16, 0x61746164, bytes};
    FILE *f = fopen(path, "wb");
    bool ok = f && fwrite(head, sizeof head, 1, f) == 1 && fwrite(a->data, 1, bytes, f) == bytes;
    return f && !fclose(f) && ok;
}

static int embed(const char *in, const char *out, uint64_t id)
{
    lk_error err = {0};
    lk_audio a;
    const wm_key key = wm_public_key();
    if (lk_audio_read(in, 0, 0, &a, &err) != LK_OK) return fail(in, &err);
    const size_t n = (size_t)(a.samples * a.channels);
    float *was = lk_alloc(n * sizeof(float));
    if (!was) return 1;
    memcpy(was, a.data, n * sizeof(float));
    bool marked = false;
    double t = cpu_seconds(), signal = 0, change = 1e-30;
    if (wm_audio_embed(&a, id, &key, 0, &marked, &err) != LK_OK) return fail(in, &err);
    t = cpu_seconds() - t;
    for (size_t i = 0; i < n; i++) {
        signal += (double)was[i] * was[i];
        change += (double)(a.data[i] - was[i]) * (a.data[i] - was[i]);
    }
    printf("marked %d snr %.2f cpu %.4f seconds %.3f\n", marked, 10 * log10(signal / change), t,
           (double)a.samples / a.rate);
    bool ok = write_wav(out, &a);
    lk_free(was);
    lk_audio_clear(&a);
    return !ok;
}

static int detect(const char *path)
{
    lk_error err = {0};
    lk_audio a;
    wm_found f;
    const wm_key key = wm_public_key();
    if (lk_audio_read(path, 0, 0, &a, &err) != LK_OK) return fail(path, &err);
    double t = cpu_seconds();
    if (wm_audio_detect(&a, &key, &f, &err) != LK_OK) return fail(path, &err);
    printf("found %d id %016" PRIx64 " z %.2f errors %.3f speed %.4f cpu %.4f seconds %.3f\n", f.found, f.id,
           f.z, f.errors, f.scale, cpu_seconds() - t, (double)a.samples / a.rate);
    lk_audio_clear(&a);
    return 0;
}

static int null_test(const char *path, uint64_t seed, double piece, int count)
{
    lk_error err = {0};
    lk_audio a;
    const wm_key key = wm_public_key();
    if (lk_audio_read(path, 0, 1, &a, &err) != LK_OK) return fail(path, &err);
    int accepted = 0, tried = 0;
    double most = 0, seconds = 0;
    const int64_t n = (int64_t)(piece * a.rate);
    lk_audio p = {a.rate, 1, n, lk_alloc((size_t)n * sizeof(float))};
    for (int k = 0; k < count && p.data && a.samples > 2; k++) {
        lk_rng r = lk_rng_at(seed, 1, 0, (uint64_t)k);
        const double start = lk_rng_uniform(&r) * (double)a.samples, speed = lk_rng_range(&r, 0.8f, 1.25f);
        const float volume = lk_rng_range(&r, 0.1f, 1), noise = powf(10, lk_rng_range(&r, -5, -1.5f));
        for (int64_t i = 0; i < n; i++) {
            const double at = fmod(start + (double)i * speed, (double)(a.samples - 1));
            const int64_t j = (int64_t)at;
            const float m = (float)(at - (double)j);
            p.data[i] = volume * (a.data[j] * (1 - m) + a.data[j + 1] * m) + noise * lk_rng_normal(&r);
        }
        wm_found f;
        if (wm_audio_detect(&p, &key, &f, &err) != LK_OK) return fail(path, &err);
        accepted += f.found;
        tried += f.z >= 4.8;
        most = LK_MAX(most, f.z);
        seconds += piece;
    }
    printf("seconds %.1f accepted %d tried %d z %.3f\n", seconds, accepted, tried, most);
    lk_free(p.data);
    lk_audio_clear(&a);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 5 && !strcmp(argv[1], "embed")) return embed(argv[2], argv[3], strtoull(argv[4], NULL, 16));
    if (argc == 6 && !strcmp(argv[1], "null"))
        return null_test(argv[2], strtoull(argv[3], NULL, 10), atof(argv[4]), atoi(argv[5]));
    if (argc > 2 && !strcmp(argv[1], "detect")) {
        int bad = 0;
        for (int i = 2; i < argc; i++) bad |= detect(argv[i]);
        return bad;
    }
    fprintf(stderr, "am_tool embed IN OUT.wav ID | detect FILE... | null FILE SEED PIECE N\n");
    return 2;
}
