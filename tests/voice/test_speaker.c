/* The speaker model: what an embedding depends on and what not, pieces in time, damaged files, a lack of memory; and,
 * with the data at hand, that two people are two people. Training on made-up speakers resumes to the same bytes. */
#include "check.h"
#include "fault.h"
#include "made.h"
#include "tempdir.h"
#include "voice/speaker_net.h"
#include "voice/train/train.h"

#include <unistd.h>

#define NO_MODEL "the models are not here (LIKENESS_MODELS)"

static const char *models(void)
{
    const char *d = getenv("LIKENESS_MODELS");
    return d && *d ? d : "models";
}

static lk_speaker *open_model(void)
{
    lk_speaker *sp = NULL;
    lk_error err = {0};
    char path[1024];
    snprintf(path, sizeof path, "%s/" LK_SPEAKER_NET ".safetensors", models());
    if (!lk_path_exists(path)) return NULL;
    CHECK_OK(lk_speaker_open(models(), &sp, &err), &err);
    return sp;
}

static void embed_made(lk_speaker *sp, double lead, double seconds, made_voice who, float gain, float *out)
{
    lk_error err = {0};
    int64_t n;
    float *x = made_recording(lead, seconds, who, &n), speech = 0;
    for (int64_t i = 0; i < n; i++) x[i] *= gain;
    CHECK_OK(lk_speaker_embed(sp, x, n, out, &speech, &err), &err);
    CHECK(speech > 0.85f * (float)seconds && speech < (float)seconds + 0.5f, "%g s of speech in %g", (double)speech, seconds);
    lk_free(x);
}

static void a_unit_vector_of_the_voice(void)
{
    lk_speaker *sp = open_model();
    if (!sp) SKIP(NO_MODEL);
    float a[LK_SPEAKER_EMBEDDING], b[LK_SPEAKER_EMBEDDING], c[LK_SPEAKER_EMBEDDING];
    made_voice again = made_man;
    embed_made(sp, 0.5, 5, made_man, 1, a);
    embed_made(sp, 0.5, 5, made_man, 1, b);
    CHECK(!memcmp(a, b, sizeof a), "the same sound gives the same bytes");
    double norm = 0;
    for (int i = 0; i < LK_SPEAKER_EMBEDDING; i++) norm += (double)a[i] * a[i];
    CHECK_NEAR(norm, 1, 1e-4);
    CHECK_NEAR(lk_speaker_cosine(a, a), 1, 1e-6);
    again.words = 9;
    embed_made(sp, 0.5, 5, again, 1, b);
    embed_made(sp, 0.5, 5, made_woman, 1, c);
    CHECK(lk_speaker_cosine(a, b) > lk_speaker_cosine(a, c) + 0.1f, "other words %g, another voice %g",
          (double)lk_speaker_cosine(a, b), (double)lk_speaker_cosine(a, c));
    lk_speaker_close(&sp);
}

static void loudness_and_silence_do_not_count(void)
{
    lk_speaker *sp = open_model();
    if (!sp) SKIP(NO_MODEL);
    float a[LK_SPEAKER_EMBEDDING], b[LK_SPEAKER_EMBEDDING];
    embed_made(sp, 1, 4, made_woman, 1, a);
    embed_made(sp, 1, 4, made_woman, 0.01f, b);
    CHECK(lk_speaker_cosine(a, b) > 0.999f, "40 dB quieter: %g", (double)lk_speaker_cosine(a, b));
    embed_made(sp, 6, 4, made_woman, 1, b);
    CHECK(lk_speaker_cosine(a, b) > 0.99f, "after silence: %g", (double)lk_speaker_cosine(a, b));
    lk_speaker_close(&sp);
}

static void refuses_what_holds_no_speech(void)
{
    lk_speaker *sp = open_model();
    if (!sp) SKIP(NO_MODEL);
    lk_error err = {0};
    float out[LK_SPEAKER_EMBEDDING], seconds;
    lk_speaker_pieces p;
    int64_t n;
    float *x = made_recording(1, 0.8, made_man, &n);
    CHECK_STATUS(lk_speaker_embed(sp, x, n, out, &seconds, &err), LK_E_NOTFOUND, &err);
    CHECK(seconds > 0.3f && seconds < 1.5f, "%g s were found", (double)seconds);
    CHECK(strstr(err.message, "1.5"), "says how much is needed: %s", err.message);
    CHECK_STATUS(lk_speaker_track(sp, x, n, 0, &p, &err), LK_E_NOTFOUND, &err);
    CHECK(!p.piece, "nothing is left");
    memset(x, 0, (size_t)n * sizeof *x);
    CHECK_STATUS(lk_speaker_embed(sp, x, n, out, NULL, &err), LK_E_NOTFOUND, &err);
    CHECK_STATUS(lk_speaker_embed(sp, x, 0, out, &seconds, &err), LK_E_NOTFOUND, &err);
    CHECK_NEAR(seconds, 0, 0);
    x[3] = NAN;
    CHECK_STATUS(lk_speaker_embed(sp, x, n, out, NULL, &err), LK_E_FORMAT, &err);
    CHECK_STATUS(lk_speaker_track(sp, x, n, 3, &p, &err), LK_E_FORMAT, &err);
    CHECK_STATUS(lk_speaker_track(sp, x, n, 0.5, &p, &err), LK_E_RANGE, &err);
    CHECK_STATUS(lk_speaker_track(sp, x, n, NAN, &p, &err), LK_E_RANGE, &err);
    lk_free(x);
    lk_speaker_close(&sp);
}

static void pieces_find_the_other_voice(void)
{
    lk_speaker *sp = open_model();
    if (!sp) SKIP(NO_MODEL);
    lk_error err = {0};
    int64_t n = 22 * LK_VOICE_RATE;
    float *x = lk_calloc((size_t)n, sizeof *x), who[LK_SPEAKER_EMBEDDING];
    made_speak(x, n, LK_VOICE_RATE, 9, made_man);
    made_speak(x, n, 12 * LK_VOICE_RATE, 9, made_woman);
    made_voice again = made_man;
    again.words = 17;
    embed_made(sp, 0.5, 6, again, 1, who);
    lk_speaker_pieces p;
    CHECK_OK(lk_speaker_track(sp, x, n, 3, &p, &err), &err);
    CHECK(p.count >= 9 && p.count <= 14, "%lld pieces of 18 s", (long long)p.count);
    float own = 1, other = -1;
    for (int64_t i = 0; i < p.count; i++) {
        const lk_speaker_piece *q = &p.piece[i];
        CHECK(q->start >= 0 && q->end > q->start + 2.9 && q->end <= 22, "%g..%g", q->start, q->end);
        CHECK(i == 0 || q->start > q[-1].start, "in order");
        float c = lk_speaker_cosine(who, q->embedding);
        if (q->end < 10.3) own = fminf(own, c);
        if (q->start > 11.5) other = fmaxf(other, c);
    }
    CHECK(own > other, "his least %g, hers at most %g", (double)own, (double)other);
    lk_speaker_pieces_clear(&p);
    lk_free(x);
    lk_speaker_close(&sp);
}

static void thresholds_come_with_the_model(void)
{
    lk_speaker *sp = open_model();
    if (!sp) SKIP(NO_MODEL);
    lk_error err = {0};
    lk_speaker_limits l;
    CHECK_OK(lk_speaker_thresholds(sp, &l, &err), &err);
    CHECK(l.accept > l.reject && l.accept < 1 && l.reject > -1, "accept %g reject %g", (double)l.accept, (double)l.reject);
    lk_speaker_close(&sp);
}

/* --- files ------------------------------------------------------------------------ */

/* A small trained model in the temporary folder, unmeasured. */
static bool train_small(const char *name, int64_t steps, double minutes, bool resume)
{
    lk_error err = {0};
    lk_voice_train_options o = lk_voice_train_defaults();
    lk_voice_train_result r;
    char path[200];
    snprintf(path, sizeof path, "%s/%s/" LK_SPEAKER_NET ".safetensors", tempdir, name);
    o.synthetic = true;
    o.output = path;
    o.steps = steps;
    o.minutes = minutes;
    o.resume = resume;
    o.batch = 8;
    char *dir = lk_strfmt("%s/%s", tempdir, name);
    CHECK_OK(lk_dir_make(dir, &err), &err);
    lk_free(dir);
    CHECK_OK(lk_voice_train(&o, &r, NULL, NULL, &err), &err);
    return r.finished && r.last_loss < r.first_loss;
}

static char *read_model(const char *dir, size_t *n)
{
    char path[300];
    void *data = NULL;
    lk_error err = {0};
    snprintf(path, sizeof path, "%s/%s/" LK_SPEAKER_NET ".safetensors", tempdir, dir);
    CHECK_OK(lk_file_read(path, 1 << 28, &data, n, &err), &err);
    return data;
}

static void training_resumes_to_the_same_bytes(void)
{
    size_t a, b;
    CHECK(train_small("whole", 30, 0, false), "the loss falls");
    train_small("parts", 30, 1e-9, false);
    train_small("parts", 30, 1e-9, true);
    train_small("parts", 30, 0, true);
    char *x = read_model("whole", &a), *y = read_model("parts", &b);
    CHECK(x && y && a == b && !memcmp(x, y, a), "the models differ");
    lk_free(x);
    lk_free(y);
}

static void damaged_files_are_refused(void)
{
    lk_error err = {0};
    lk_speaker *sp = NULL;
    lk_speaker_limits l = {0.7f, 0.3f};
    char dir[200], path[300];
    CHECK_STATUS(lk_speaker_open("/nowhere", &sp, &err), LK_E_NOTFOUND, &err);
    CHECK(strstr(err.message, "/nowhere"), "named: %s", err.message);
    CHECK_STATUS(lk_speaker_open(NULL, &sp, &err), LK_E_ARG, &err);
    train_small("damage", 2, 0, false);
    snprintf(dir, sizeof dir, "%s/damage", tempdir);
    snprintf(path, sizeof path, "%s/" LK_SPEAKER_NET ".safetensors", dir);
    CHECK_OK(lk_speaker_open(dir, &sp, &err), &err);
    CHECK_STATUS(lk_speaker_thresholds(sp, &l, &err), LK_E_STATE, &err);
    lk_speaker_close(&sp);
    l = (lk_speaker_limits){0.7f, 0.3f};
    CHECK_OK(lk_speaker_set(path, l, 0.25f, &err), &err);
    CHECK_OK(lk_speaker_open(dir, &sp, &err), &err);
    CHECK_OK(lk_speaker_thresholds(sp, &l, &err), &err);
    CHECK_NEAR(l.accept, 0.7, 1e-6);
    CHECK_NEAR(l.reject, 0.3, 1e-6);
    lk_speaker_close(&sp);
    size_t n;
    char *good = read_model("damage", &n);
    for (int k = 0; good && k < 24; k++) { /* one bit anywhere; half a file; nothing */
        char *bad = lk_alloc(n);
        memcpy(bad, good, n);
        size_t len = k == 22 ? n / 2 : k == 23 ? 0 : n, at = (size_t)k * (n - 1) / 21;
        if (k < 22) bad[at] ^= 4;
        CHECK_OK(lk_file_write_atomic(path, bad, len, &err), &err);
        lk_status s = lk_speaker_open(dir, &sp, &err);
        CHECK(s < 0 && !sp, "damage %d was not noticed", k);
        CHECK(s >= 0 || strstr(err.message, LK_SPEAKER_NET) || strstr(err.message, "hash"), "named: %s", err.message);
        lk_speaker_close(&sp);
        lk_free(bad);
    }
    /* another network under this name */
    lk_named_tensor t = {.name = "x", .dtype = "F32", .rank = 1, .dim = {1}, .data = &l, .bytes = 4};
    CHECK_OK(lk_safetensors_write(path, &t, 1, "{\"net\":\"face-id\"}", &err), &err);
    CHECK_STATUS(lk_speaker_open(dir, &sp, &err), LK_E_FORMAT, &err);
    CHECK(strstr(err.message, "face-id"), "says what it is: %s", err.message);
    CHECK_OK(lk_safetensors_write(path, &t, 1, "{\"net\":\"" LK_SPEAKER_NET "\"}", &err), &err);
    CHECK_STATUS(lk_speaker_open(dir, &sp, &err), LK_E_FORMAT, &err);
    lk_free(good);
}

static void lack_of_memory(void)
{
    lk_speaker *sp = open_model();
    if (!sp) SKIP(NO_MODEL);
    lk_error err = {0};
    float out[LK_SPEAKER_EMBEDDING];
    lk_speaker_pieces p;
    int64_t n;
    float *x = made_recording(0.2, 2.5, made_man, &n);
    FAULT_LOOP(LK_FAULT_ALLOC, false, {
        lk_status s = lk_speaker_embed(sp, x, n, out, NULL, &err);
        CHECK(fault_clean(s), "%d %s", s, err.message);
        s = lk_speaker_track(sp, x, n, 2, &p, &err);
        CHECK(fault_clean(s), "%d %s", s, err.message);
        lk_speaker_pieces_clear(&p);
    });
    lk_speaker_close(&sp);
    FAULT_LOOP_STEP(LK_FAULT_ALLOC, false, 5, {
        lk_status s = lk_speaker_open(models(), &sp, &err);
        CHECK(fault_clean(s), "%d %s", s, err.message);
        CHECK((s == LK_OK) == (sp != NULL), "a handle only when it worked");
        lk_speaker_close(&sp);
    });
    lk_free(x);
}

/* --- people ----------------------------------------------------------------------- */

static void two_readers(void)
{
    const char *data = lk_voice_data_dir(NULL);
    static const char *const files[] = {"2033/2033-164914-0000", "2033/2033-164914-0003", "533/533-1066-0000",
                                        "533/533-1066-0003"};
    float v[LK_COUNT(files)][LK_SPEAKER_EMBEDDING];
    lk_error err = {0};
    char path[1100];
    snprintf(path, sizeof path, "%s/speech_librispeech/ten_utt/%s.flac", data, files[0]);
    if (!lk_path_exists(path)) SKIP("the speech is not here (LIKENESS_DATA)");
    lk_speaker *sp = open_model();
    if (!sp) SKIP(NO_MODEL);
    for (size_t i = 0; i < LK_COUNT(files); i++) {
        lk_audio a = {0};
        snprintf(path, sizeof path, "%s/speech_librispeech/ten_utt/%s.flac", data, files[i]);
        CHECK_OK(lk_audio_read(path, LK_VOICE_RATE, 1, &a, &err), &err);
        CHECK_OK(lk_speaker_embed(sp, a.data, a.samples, v[i], NULL, &err), &err);
        lk_audio_clear(&a);
    }
    float own = fminf(lk_speaker_cosine(v[0], v[1]), lk_speaker_cosine(v[2], v[3])),
          other = fmaxf(fmaxf(lk_speaker_cosine(v[0], v[2]), lk_speaker_cosine(v[0], v[3])),
                        fmaxf(lk_speaker_cosine(v[1], v[2]), lk_speaker_cosine(v[1], v[3])));
    CHECK(own > other + 0.1f, "one person %g, two %g", (double)own, (double)other);
    lk_speaker_close(&sp);
}

static const check_test tests[] = {
    {"a unit vector of the voice", a_unit_vector_of_the_voice},
    {"loudness and silence do not count", loudness_and_silence_do_not_count},
    {"refuses what holds no speech", refuses_what_holds_no_speech},
    {"pieces find the other voice", pieces_find_the_other_voice},
    {"thresholds come with the model", thresholds_come_with_the_model},
    {"training resumes to the same bytes", training_resumes_to_the_same_bytes},
    {"damaged files are refused", damaged_files_are_refused},
    {"lack of memory", lack_of_memory},
    {"two readers", two_readers},
};

int main(int argc, char **argv)
{
    tempdir_make("speaker");
    return tempdir_remove(check_main(argc, argv, tests, (int)LK_COUNT(tests)));
}
