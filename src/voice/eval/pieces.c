/* Loading held-out people. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "voice/eval/pieces.h"
#include "voice/train/data.h"

#define SNR 15.0
#define MOST 10  /* recordings of one person, so that nobody counts for most of the pairs */
#define JOINED 3 /* GRID sentences of about 1.8 s of speech in one recording */

typedef struct reader {
    const lk_voice_asker *a;
    lk_speaker *sp;
    lk_pieces *out;
    lk_audio noise[16], room;
    int noises;
    lk_meter meter;
} reader;

static lk_status no_memory(lk_error *err) { return LK_FAIL(err, LK_E_NOMEM, "no memory to measure the speaker model"); }

static lk_status cut(reader *r, const lk_audio *audio, int person, lk_heard how, lk_error *err)
{
    static const int seconds[] = {3, 6};
    lk_voiced v;
    LK_TRY(lk_voiced_make(audio->data, audio->samples, &v, err));
    lk_status s = LK_OK;
    for (size_t k = 0; k < LK_COUNT(seconds); k++) {
        int64_t size = seconds[k] * LK_MEL_RATE;
        for (int64_t at = 0; s == LK_OK && at + size <= v.frames; at += size) {
            lk_pieces *o = r->out;
            if (o->count == o->cap) {
                int64_t cap = o->cap ? o->cap * 2 : 256;
                lk_piece *all = lk_realloc(o->all, (size_t)o->cap * sizeof *all, (size_t)cap * sizeof *all);
                if (!all) {
                    s = no_memory(err);
                    break;
                }
                o->all = all;
                o->cap = cap;
            }
            lk_piece *p = &o->all[o->count++];
            *p = (lk_piece){.person = person, .recording = o->recordings, .seconds = seconds[k], .how = how};
            double start = lk_now();
            lk_speaker_piece_embed(r->sp, &v, at, at + size, p->v);
            o->busy += lk_now() - start;
            o->heard += seconds[k];
            o->embedded++;
        }
    }
    lk_voiced_clear(&v);
    return s;
}

/* In each way; takes the sound over. */
static lk_status hear(reader *r, lk_audio *audio, int person, bool clean_only, lk_error *err)
{
    lk_audio other = {0};
    lk_status s = cut(r, audio, person, LK_HEARD_CLEAN, err);
    if (s == LK_OK && !clean_only) {
        if (r->room.samples) s = lk_voice_echo(audio, &r->room, &other, err);
        if (s == LK_OK && other.samples) s = cut(r, &other, person, LK_HEARD_ROOM, err);
        if (s == LK_OK && r->noises) {
            lk_rng rng = lk_rng_at(5, 1, 0, (uint64_t)r->out->recordings);
            const lk_audio *noise = &r->noise[r->out->recordings % r->noises];
            s = lk_voice_mix(audio, noise, lk_rng_below(&rng, (uint32_t)LK_CLAMP(noise->samples, 1, 1 << 30)), SNR, err);
            if (s == LK_OK) s = cut(r, audio, person, LK_HEARD_NOISE, err);
        }
    }
    r->out->recordings++;
    lk_audio_clear(&other);
    lk_audio_clear(audio);
    lk_meter_set(&r->meter, r->out->recordings, "");
    return s == LK_OK && lk_cancel_raised(r->a->o->cancel) ? LK_FAIL(err, LK_E_CANCELLED, "the bench was stopped") : s;
}

static bool ends(const char *name, const char *with)
{
    size_t n = strlen(name), m = strlen(with);
    return n > m && !strcmp(name + n - m, with);
}

static bool is_sound(const char *name) { return ends(name, ".flac") || ends(name, ".mpg"); }
static bool is_plain(const char *name) { return !strchr(name, '.'); }

typedef lk_status (*file_fn)(reader *r, const char *path, int number, lk_error *err);

static lk_status each(reader *r, const char *folder, bool (*keep)(const char *), file_fn fn, lk_error *err)
{
    char **names = NULL, *dir = lk_strfmt("%s/%s", r->a->o->data, folder);
    int n = 0;
    if (!dir) return no_memory(err);
    lk_status s = lk_dir_list(dir, keep, &names, &n, err);
    for (int i = 0; s == LK_OK && i < n; i++) {
        char *path = lk_strfmt("%s/%s", folder, names[i]);
        s = path ? fn(r, path, i, err) : no_memory(err);
        lk_free(path);
    }
    lk_dir_list_free(names, n);
    lk_free(dir);
    return s;
}

static lk_status sound(reader *r, const char *path, lk_audio *out, lk_error *err)
{
    char *full = lk_strfmt("%s/%s", r->a->o->data, path);
    if (!full) return no_memory(err);
    lk_status s = lk_audio_read(full, LK_VOICE_RATE, 1, out, err);
    lk_free(full);
    return s;
}

static lk_status of_person(reader *r, const char *path, int number, lk_error *err)
{
    if (number >= MOST) return LK_OK;
    lk_audio a = {0};
    LK_TRY(sound(r, path, &a, err));
    return hear(r, &a, r->out->people, false, err);
}

static lk_status one_utt(reader *r, const char *path, int number, lk_error *err)
{
    if (!lk_voice_speaker_held(number)) return LK_OK;
    lk_status s = of_person(r, path, number, err);
    r->out->people++;
    return s;
}

static lk_status ten_utt(reader *r, const char *folder, int number, lk_error *err)
{
    (void)number;
    lk_status s = each(r, folder, is_sound, of_person, err);
    r->out->people++;
    return s;
}

/* GRID's clips are short: three make one recording. */
static lk_status grid(reader *r, lk_error *err)
{
    char **names = NULL, *dir = lk_strfmt("%s/grid/s1", r->a->o->data);
    int n = 0;
    if (!dir) return no_memory(err);
    lk_status s = lk_dir_list(dir, is_sound, &names, &n, err);
    lk_audio joined = {LK_VOICE_RATE, 1, 0, NULL};
    for (int i = 0; s == LK_OK && i < n; i++) {
        char path[300];
        lk_audio a = {0};
        snprintf(path, sizeof path, "grid/s1/%.200s", names[i]);
        s = sound(r, path, &a, err);
        if (s != LK_OK) break;
        float *more = lk_realloc(joined.data, (size_t)joined.samples * sizeof(float),
                                 (size_t)(joined.samples + a.samples) * sizeof(float) + 4);
        if (more) {
            memcpy(more + joined.samples, a.data, (size_t)a.samples * sizeof(float));
            joined.data = more;
            joined.samples += a.samples;
        } else s = no_memory(err);
        lk_audio_clear(&a);
        if (s == LK_OK && i % JOINED == JOINED - 1) {
            s = hear(r, &joined, r->out->people, false, err);
            joined = (lk_audio){LK_VOICE_RATE, 1, 0, NULL};
        }
    }
    lk_audio_clear(&joined);
    r->out->people++;
    lk_dir_list_free(names, n);
    lk_free(dir);
    return s;
}

static bool is_noise(const char *name) { return ends(name, ".flac") && strncmp(name, "rir_", 4); }

static lk_status noise(reader *r, const char *path, int number, lk_error *err)
{
    if (!lk_voice_noise_held(number) || r->noises == (int)LK_COUNT(r->noise)) return LK_OK;
    return sound(r, path, &r->noise[r->noises++], err);
}

static void close_reader(reader *r)
{
    for (int i = 0; i < r->noises; i++) lk_audio_clear(&r->noise[i]);
    lk_audio_clear(&r->room);
    lk_meter_finish(&r->meter, "");
}

lk_status lk_pieces_people(const lk_voice_asker *a, lk_speaker *sp, lk_pieces *out, lk_error *err)
{
    reader r = {.a = a, .sp = sp, .out = out};
    memset(out, 0, sizeof *out);
    lk_meter_init(&r.meter, a->o->progress, "listen", "recordings", 0);
    lk_status s = each(&r, "noise", is_noise, noise, err);
    if (s == LK_OK) s = sound(&r, "noise/" LK_VOICE_ROOM_HELD, &r.room, err);
    if (s == LK_OK) s = each(&r, "speech_librispeech/ten_utt", is_plain, ten_utt, err);
    if (s == LK_OK) s = each(&r, "speech_librispeech/one_utt", is_sound, one_utt, err);
    if (s == LK_OK) s = ten_utt(&r, "speech_lj", 0, err);
    if (s == LK_OK) s = grid(&r, err);
    close_reader(&r);
    if (s != LK_OK) lk_pieces_clear(out);
    return s;
}

lk_status lk_pieces_actors(const lk_voice_asker *a, lk_speaker *sp, lk_pieces *out, lk_error *err)
{
    reader r = {.a = a, .sp = sp, .out = out};
    memset(out, 0, sizeof *out);
    lk_meter_init(&r.meter, a->o->progress, "listen", "recordings", 12);
    lk_status s = LK_OK;
    for (int i = 0; s == LK_OK && i < 12; i++) {
        char path[64];
        lk_audio audio = {0};
        snprintf(path, sizeof path, "actors/actors/%c/%s", 'A' + i / 2, i % 2 ? "perf.wav" : "train.flac");
        s = sound(&r, path, &audio, err);
        if (s == LK_OK) s = hear(&r, &audio, i / 2, true, err);
    }
    close_reader(&r);
    if (s != LK_OK) lk_pieces_clear(out);
    return s;
}

void lk_pieces_clear(lk_pieces *p)
{
    lk_free(p->all);
    memset(p, 0, sizeof *p);
}
