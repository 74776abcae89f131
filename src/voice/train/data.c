/* Loading training speech, rooms and noises. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dsp/dsp.h"
#include "voice/train/data.h"

static const double speeds[LK_VOICE_SPEEDS] = {1.0, 0.86, 0.93, 1.075, 1.16};

const char *lk_voice_data_dir(const char *given)
{
    const char *env = getenv("LIKENESS_DATA");
    return given ? given : env && *env ? env : "../shared/data";
}

static lk_status no_memory(lk_error *err) { return LK_FAIL(err, LK_E_NOMEM, "no memory for the training speech"); }

lk_status lk_voice_speed(const lk_audio *in, double speed, lk_audio *out, lk_error *err)
{
    *out = (lk_audio){in->rate, 1, (int64_t)((double)in->samples / speed), NULL};
    if (!(out->data = lk_alloc(((size_t)out->samples + 1) * sizeof(float)))) return no_memory(err);
    lk_status s = lk_resample(in->data, in->samples, speed, out->data, out->samples, err);
    if (s != LK_OK) lk_audio_clear(out);
    return s;
}

/* By one transform; the room's first strong sample is taken for the direct path, so that times stay. */
lk_status lk_voice_echo(const lk_audio *in, const lk_audio *room, lk_audio *out, lk_error *err)
{
    int n = 2;
    while (n < in->samples + room->samples && n < 1 << 26) n *= 2;
    int64_t direct = 0;
    for (int64_t i = 0; i < room->samples; i++)
        if (fabsf(room->data[i]) > fabsf(room->data[direct])) direct = i;
    *out = (lk_audio){in->rate, 1, in->samples, lk_alloc(((size_t)in->samples + 1) * sizeof(float))};
    float *x = lk_calloc((size_t)n * 4 + 8, sizeof(float));
    lk_fft *fft = NULL;
    lk_status s = x && out->data ? lk_fft_new(n, &fft, err) : no_memory(err);
    if (s == LK_OK) {
        float *a = x + n, *b = a + n + 4; /* n + 2 numbers each, kept on 16 bytes */
        memcpy(x, in->data, (size_t)LK_MIN(in->samples, n) * sizeof(float));
        lk_fft_forward(fft, x, a);
        memset(x, 0, (size_t)n * sizeof(float));
        memcpy(x, room->data, (size_t)LK_MIN(room->samples, n) * sizeof(float));
        lk_fft_forward(fft, x, b);
        for (int k = 0; k <= n / 2; k++) {
            float re = a[2 * k] * b[2 * k] - a[2 * k + 1] * b[2 * k + 1];
            a[2 * k + 1] = a[2 * k] * b[2 * k + 1] + a[2 * k + 1] * b[2 * k];
            a[2 * k] = re;
        }
        lk_fft_inverse(fft, a, x);
        for (int64_t i = 0; i < in->samples; i++) out->data[i] = i + direct < n ? x[i + direct] / (float)n : 0;
    }
    lk_fft_free(&fft);
    lk_free(x);
    if (s != LK_OK) lk_audio_clear(out);
    return s;
}

/* The same frames of the same speech, heard otherwise. */
static lk_status same_frames(const lk_audio *a, const lk_voiced *v, float **out, lk_error *err)
{
    lk_mel mel;
    LK_TRY(lk_mel_make(a->data, a->samples, &mel, err));
    *out = lk_alloc((size_t)(v->frames * LK_MEL_BANDS + 1) * sizeof(float));
    for (int64_t t = 0; *out && t < v->frames; t++)
        memcpy(*out + t * LK_MEL_BANDS, mel.power + LK_MIN(v->at[t], mel.frames - 1) * LK_MEL_BANDS,
               LK_MEL_BANDS * sizeof(float));
    lk_mel_clear(&mel);
    return *out ? LK_OK : no_memory(err);
}

static lk_status add_speed(const lk_audio *voice, double speed, const lk_audio *room, int rooms, int number,
                           lk_voice_clip *c, lk_error *err)
{
    lk_audio fast = {0}, echo = {0};
    lk_voiced v = {0};
    lk_status s = lk_voice_speed(voice, speed, &fast, err);
    if (s == LK_OK) s = lk_voiced_make(fast.data, fast.samples, &v, err);
    for (int i = 1; s == LK_OK && i < LK_VOICE_VARIANTS; i++) {
        const lk_audio *in = rooms ? &room[(number + i) % rooms] : NULL;
        if (in) s = lk_voice_echo(&fast, in, &echo, err);
        if (s == LK_OK) s = same_frames(in ? &echo : &fast, &v, &c->power[i], err);
        lk_audio_clear(&echo);
    }
    if (s == LK_OK) { /* taken over */
        c->frames = v.frames;
        c->power[0] = v.power;
        c->pitch = v.pitch;
        v.power = v.pitch = NULL;
    }
    lk_voiced_clear(&v);
    lk_audio_clear(&fast);
    return s;
}

typedef struct loader {
    const char *dir;
    lk_voice_data *d;
    lk_hasher *hash;
    lk_audio room[8];
    int rooms;
    lk_meter meter;
} loader;

static bool is_flac(const char *name)
{
    size_t n = strlen(name);
    return n > 5 && !strcmp(name + n - 5, ".flac");
}

static bool is_room(const char *name) { return is_flac(name) && !strncmp(name, "rir_", 4); }
static bool is_noise(const char *name) { return is_flac(name) && !is_room(name); }

static lk_status read_one(loader *l, const char *folder, const char *name, lk_audio *out, lk_error *err)
{
    char *path = lk_strfmt("%s/%s/%s", l->dir, folder, name);
    if (!path) return no_memory(err);
    lk_status s = lk_audio_read(path, LK_VOICE_RATE, 1, out, err);
    lk_free(path);
    if (s != LK_OK) return s;
    lk_hasher_add(l->hash, name, strlen(name));
    lk_hasher_add(l->hash, out->data, (size_t)out->samples * sizeof(float));
    return LK_OK;
}

static lk_status list(loader *l, const char *folder, bool (*keep)(const char *), char ***names, int *count,
                      lk_error *err)
{
    char *path = lk_strfmt("%s/%s", l->dir, folder);
    if (!path) return no_memory(err);
    lk_status s = lk_dir_list(path, keep, names, count, err);
    lk_free(path);
    return s;
}

static lk_status load_rooms(loader *l, lk_error *err)
{
    char **names = NULL;
    int n = 0;
    LK_TRY(list(l, "noise", is_room, &names, &n, err));
    lk_status s = LK_OK;
    for (int i = 0; s == LK_OK && i < n && l->rooms < (int)LK_COUNT(l->room); i++)
        if (strcmp(names[i], LK_VOICE_ROOM_HELD)) s = read_one(l, "noise", names[i], &l->room[l->rooms++], err);
    lk_dir_list_free(names, n);
    return s;
}

static lk_status load_noises(loader *l, lk_error *err)
{
    char **names = NULL;
    int n = 0;
    LK_TRY(list(l, "noise", is_noise, &names, &n, err));
    l->d->noise = lk_calloc((size_t)n + 1, sizeof *l->d->noise);
    lk_status s = l->d->noise ? LK_OK : no_memory(err);
    for (int i = 0; s == LK_OK && i < n; i++) {
        lk_audio a = {0};
        if (lk_voice_noise_held(i)) continue;
        s = read_one(l, "noise", names[i], &a, err);
        if (s == LK_OK) s = lk_mel_make(a.data, a.samples, &l->d->noise[l->d->noises], err);
        if (s == LK_OK && l->d->noise[l->d->noises++].frames < 1)
            s = LK_FAIL(err, LK_E_FORMAT, "the noise %s is empty", names[i]);
        lk_audio_clear(&a);
    }
    lk_dir_list_free(names, n);
    return s;
}

static lk_status load_speakers(loader *l, const lk_progress_sink *progress, lk_error *err)
{
    char **names = NULL;
    int n = 0;
    lk_voice_data *d = l->d;
    LK_TRY(list(l, "speech_librispeech/one_utt", is_flac, &names, &n, err));
    d->clip = lk_calloc((size_t)n * LK_VOICE_SPEEDS + 1, sizeof *d->clip);
    lk_status s = d->clip ? LK_OK : no_memory(err);
    lk_meter_init(&l->meter, progress, "load", "speakers", n);
    for (int i = 0; s == LK_OK && i < n; i++) {
        lk_audio a = {0};
        lk_meter_set(&l->meter, i, names[i]);
        if (lk_voice_speaker_held(i)) continue;
        s = read_one(l, "speech_librispeech/one_utt", names[i], &a, err);
        int kept = 0;
        for (int k = 0; s == LK_OK && k < LK_VOICE_SPEEDS; k++) {
            s = add_speed(&a, speeds[k], l->room, l->rooms, i + k, &d->clip[d->classes + k], err);
            kept += s == LK_OK && d->clip[d->classes + k].frames >= LK_CHUNK / 2;
        }
        lk_audio_clear(&a);
        if (s != LK_OK) d->classes += LK_VOICE_SPEEDS; /* for the cleaning up */
        else if (kept == LK_VOICE_SPEEDS) d->classes += LK_VOICE_SPEEDS;
        else /* too little speech to learn from */
            for (int k = 0; k < LK_VOICE_SPEEDS; k++) {
                lk_voice_clip *c = &d->clip[d->classes + k];
                for (int v = 0; v < LK_VOICE_VARIANTS; v++) lk_free(c->power[v]);
                lk_free(c->pitch);
                memset(c, 0, sizeof *c);
            }
    }
    lk_meter_finish(&l->meter, "");
    lk_dir_list_free(names, n);
    if (s == LK_OK && d->classes < 2 * LK_VOICE_SPEEDS)
        s = LK_FAIL(err, LK_E_NOTFOUND, "%s/speech_librispeech/one_utt holds too few speakers to learn from", l->dir);
    return s;
}

lk_status lk_voice_data_load(const char *dir, lk_voice_data *out, const lk_progress_sink *progress, lk_error *err)
{
    memset(out, 0, sizeof *out);
    loader l = {.dir = lk_voice_data_dir(dir), .d = out};
    lk_status s = lk_hasher_new(&l.hash);
    if (s != LK_OK) return no_memory(err);
    s = load_rooms(&l, err);
    if (s == LK_OK) s = load_noises(&l, err);
    if (s == LK_OK) s = load_speakers(&l, progress, err);
    for (int i = 0; i < l.rooms; i++) lk_audio_clear(&l.room[i]);
    out->fingerprint = lk_hasher_finish(l.hash);
    if (s != LK_OK) lk_voice_data_clear(out);
    return s;
}

void lk_voice_data_clear(lk_voice_data *d)
{
    for (int c = 0; d->clip && c < d->classes; c++) {
        for (int v = 0; v < LK_VOICE_VARIANTS; v++) lk_free(d->clip[c].power[v]);
        lk_free(d->clip[c].pitch);
    }
    for (int i = 0; d->noise && i < d->noises; i++) lk_mel_clear(&d->noise[i]);
    lk_free(d->clip);
    lk_free(d->noise);
    memset(d, 0, sizeof *d);
}
