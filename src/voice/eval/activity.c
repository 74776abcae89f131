/* Speech activity against known truth: GRID's word times, and phone times of made voices in pauses and noise. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "voice/eval.h"

#define GRID_UNITS 25000.0 /* of its word times in a second */
#define SENTENCES 6        /* of each made voice */
#define LEAD 2             /* s of pause before and after */
#define BRIDGE 0.25        /* s: shorter pauses inside a sentence count as speech */
#define COLLAR 0.05        /* s to either side of an edge that are not judged */

typedef struct count { int64_t speech, missed, pause, false_alarm; } count;

static bool inside(const lk_speech *s, double at)
{
    for (int64_t i = 0; i < s->count; i++)
        if (at >= s->segment[i].start && at < s->segment[i].end) return true;
    return false;
}

static bool near_edge(const lk_speech *truth, double at)
{
    for (int64_t i = 0; i < truth->count; i++)
        if ((at > truth->segment[i].start - COLLAR && at < truth->segment[i].start + COLLAR) ||
            (at > truth->segment[i].end - COLLAR && at < truth->segment[i].end + COLLAR))
            return true;
    return false;
}

static lk_status judge(const lk_audio *a, const lk_speech *truth, count *c, lk_error *err)
{
    lk_speech found;
    LK_TRY(lk_speech_find(a->data, a->samples, &found, err));
    for (int64_t t = 0; t < a->samples / LK_MEL_HOP; t++) {
        double at = ((double)t + 0.5) / LK_MEL_RATE;
        if (near_edge(truth, at)) continue;
        bool is = inside(truth, at), said = inside(&found, at);
        c->speech += is;
        c->missed += is && !said;
        c->pause += !is;
        c->false_alarm += !is && said;
    }
    lk_speech_clear(&found);
    return LK_OK;
}

static lk_status tell(const lk_voice_asker *a, const char *name, const count *c, lk_error *err)
{
    LK_TRY(lk_voice_tell(a, "activity", 100.0 * (double)c->missed / (double)LK_MAX(c->speech, 1), "%", "5", c->speech, err,
                         "%s: speech missed", name));
    return lk_voice_tell(a, "activity", 100.0 * (double)c->false_alarm / (double)LK_MAX(c->pause, 1), "%", "5", c->pause,
                         err, "%s: pause taken for speech", name);
}

static bool is_align(const char *name)
{
    size_t n = strlen(name);
    return n > 6 && !strcmp(name + n - 6, ".align");
}

/* From the first word to the last. */
static void grid_truth(const char *text, lk_speech_segment *out)
{
    *out = (lk_speech_segment){-1, -1};
    while (*text) {
        char *end, word[32] = "";
        double from = strtod(text, &end), to = strtod(end, &end);
        if (end == text || sscanf(end, "%31s", word) != 1) break;
        if (strcmp(word, "sil") && strcmp(word, "sp")) {
            if (out->start < 0) out->start = from / GRID_UNITS;
            out->end = to / GRID_UNITS;
        }
        const char *line = strchr(end, '\n');
        if (!line) break;
        text = line + 1;
    }
}

static lk_status grid(const lk_voice_asker *a, lk_error *err)
{
    char **names = NULL, *dir = lk_strfmt("%s/grid/s1", a->o->data);
    int n = 0;
    count c = {0};
    if (!dir) return LK_FAIL(err, LK_E_NOMEM, "no memory to measure speech activity");
    lk_status s = lk_dir_list(dir, is_align, &names, &n, err);
    for (int i = 0; s == LK_OK && i < n; i++) {
        char *text = NULL, *align = lk_strfmt("%s/%s", dir, names[i]),
             *clip = lk_strfmt("%s/%.*s.mpg", dir, (int)(strlen(names[i]) - 6), names[i]);
        size_t bytes;
        lk_audio audio = {0};
        lk_speech_segment one;
        lk_speech truth = {&one, 1, 0};
        s = align && clip ? lk_file_read(align, 1 << 16, (void **)&text, &bytes, err)
                          : LK_FAIL(err, LK_E_NOMEM, "no memory to measure speech activity");
        if (s == LK_OK) s = lk_audio_read(clip, LK_VOICE_RATE, 1, &audio, err);
        if (s == LK_OK) {
            grid_truth(text, &one);
            s = judge(&audio, &truth, &c, err);
        }
        lk_audio_clear(&audio);
        lk_free(text);
        lk_free(align);
        lk_free(clip);
    }
    lk_dir_list_free(names, n);
    lk_free(dir);
    return s == LK_OK ? tell(a, "GRID", &c, err) : s;
}

/* One line of a voice's index.jsonl: where phones other than pauses are, with short pauses bridged. */
static lk_status phones(const lk_json *line, lk_speech_segment *seg, int most, lk_speech *out, lk_error *err)
{
    *out = (lk_speech){seg, 0, 0};
    const lk_json *list = lk_json_get(line, "phones");
    for (const lk_json *p = list ? list->child : NULL; p; p = p->next) {
        const lk_json *name = p->child, *from = name ? name->next : NULL, *to = from ? from->next : NULL;
        if (!to || !name->string) return LK_FAIL(err, LK_E_FORMAT, "the phones of a made voice are damaged");
        if (!strcmp(name->string, "pau")) continue;
        double start = from->number + LEAD, end = to->number + LEAD;
        if (out->count && start - seg[out->count - 1].end < BRIDGE) seg[out->count - 1].end = end;
        else if (out->count < most) seg[out->count++] = (lk_speech_segment){start, end};
    }
    return LK_OK;
}

/* The sentence between pauses, with white noise (or none) at snr dB below it. */
static lk_status sentence(const lk_audio *voice, double snr, uint64_t seed, const lk_speech *truth, count *c, lk_error *err)
{
    int64_t lead = LEAD * LK_VOICE_RATE;
    lk_audio a = {LK_VOICE_RATE, 1, voice->samples + 2 * lead, NULL}, noise = {LK_VOICE_RATE, 1, LK_VOICE_RATE * 3, NULL};
    a.data = lk_calloc((size_t)a.samples, sizeof(float));
    noise.data = lk_calloc((size_t)noise.samples, sizeof(float));
    lk_status s = a.data && noise.data ? LK_OK : LK_FAIL(err, LK_E_NOMEM, "no memory to measure speech activity");
    if (s == LK_OK) {
        lk_rng r = lk_rng_at(seed, 1, 0, 0);
        memcpy(a.data + lead, voice->data, (size_t)voice->samples * sizeof(float));
        for (int64_t i = 0; i < noise.samples; i++) noise.data[i] = lk_rng_normal(&r);
        s = lk_voice_mix(&a, &noise, 0, snr, err);
    }
    if (s == LK_OK) s = judge(&a, truth, c, err);
    lk_audio_clear(&a);
    lk_audio_clear(&noise);
    return s;
}

static lk_status voice(const lk_voice_asker *a, const char *name, const double *snr, count *c, int levels, lk_error *err)
{
    char *path = lk_strfmt("%s/actors/voices/%s/index.jsonl", a->o->data, name), *text = NULL;
    size_t bytes;
    lk_arena *arena = NULL;
    lk_status s = path && lk_arena_new(&arena, 1 << 16) == LK_OK ? lk_file_read(path, 1 << 24, (void **)&text, &bytes, err)
                                                             : LK_FAIL(err, LK_E_NOMEM, "no memory to read a voice");
    int done = 0;
    for (char *line = text; s == LK_OK && line && *line && done < SENTENCES;) {
        size_t n = strcspn(line, "\n");
        lk_json *root;
        lk_speech_segment seg[64];
        lk_speech truth;
        s = lk_json_parse(line, n, arena, &root, err);
        const char *file = s == LK_OK ? lk_json_string(root, "file", "") : "";
        if (s == LK_OK && strstr(file, "test")) {
            lk_audio audio = {0};
            char *clip = lk_strfmt("%s/actors/voices/%s/%s", a->o->data, name, file + (strstr(file, "test/") - file));
            s = clip ? lk_audio_read(clip, LK_VOICE_RATE, 1, &audio, err) : LK_FAIL(err, LK_E_NOMEM, "no memory to read a voice");
            if (s == LK_OK) s = phones(root, seg, (int)LK_COUNT(seg), &truth, err);
            for (int k = 0; s == LK_OK && k < levels; k++)
                s = sentence(&audio, snr[k], (uint64_t)(done + 1), &truth, &c[k], err);
            lk_audio_clear(&audio);
            lk_free(clip);
            done++;
        }
        line += n + (line[n] == '\n');
        lk_arena_clear(arena);
    }
    lk_free(text);
    lk_free(path);
    lk_arena_free(arena);
    return s;
}

lk_status lk_voice_eval_activity(const lk_voice_asker *a, lk_error *err)
{
    static const char *const names[] = {"slt", "rms", "awb", "kal16"};
    static const double snr[] = {60, 15, 5};
    count c[LK_COUNT(snr)] = {{0}};
    LK_TRY(grid(a, err));
    for (size_t i = 0; i < LK_COUNT(names); i++) LK_TRY(voice(a, names[i], snr, c, LK_COUNT(snr), err));
    for (size_t k = 0; k < LK_COUNT(snr); k++) {
        char name[64];
        snprintf(name, sizeof name, "made voices in noise at %g dB", snr[k]);
        LK_TRY(tell(a, name, &c[k], err));
    }
    return LK_OK;
}
