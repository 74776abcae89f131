/* enroll_checks.c: what a recording must show before it counts as an enrolment; one row of the table each. */
#include "face/turns.h"
#include "studio/enroll.h"
#include "voice/lips.h"
#include "voice/words.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define SAY(out, ...) snprintf((out)->said, sizeof(out)->said, __VA_ARGS__)

/* --- looking and listening --------------------------------------------------------------------------------------- */

static int64_t frames_with(const lk_face_clip *c, int count)
{
    int64_t n = 0;
    for (int64_t i = 0; i < c->count; i++) n += count < 0 ? c->frames[i].count > 1 : c->frames[i].count == count;
    return n;
}

/* The longest track stands for the person; that there is no second person is a check of its own. */
static lk_status make_face(enroll_session *s, const lk_cancel *cancel, const lk_progress_sink *progress, lk_error *err)
{
    if (s->clip.tracks < 1) return LK_OK;
    lk_track_template *t = lk_calloc((size_t)s->clip.tracks, sizeof *t);
    if (!t) return LK_FAIL(err, LK_E_NOMEM, "no memory for %d tracks of %s", s->clip.tracks, s->clip_path);
    lk_status st = lk_face_clip_templates(s->analyser, s->clip_path, &s->clip, NULL, t, cancel, progress, err);
    int best = -1;
    for (int i = 0; st == LK_OK && i < s->clip.tracks; i++)
        if (t[i].t.frames > 0 && (best < 0 || t[i].frames > t[best].frames)) best = i;
    if (st == LK_OK && best >= 0) {
        s->face = t[best].t;
        s->has_face = true;
    }
    lk_free(t);
    return st;
}

static lk_status make_voice(enroll_session *s, lk_error *err)
{
    lk_error why;
    LK_TRY(lk_speaker_open(lk_models_dir(), &s->speaker, err));
    if (!s->sound.data) return LK_OK;
    lk_status st = lk_speaker_embed(s->speaker, s->sound.data, s->sound.samples, s->voice, NULL, &why);
    s->has_voice = st == LK_OK;
    if (st == LK_OK || st == LK_E_NOTFOUND) return LK_OK; /* too little speech: a check says so */
    if (err) *err = why;
    return st;
}

lk_status enroll_probe(const char *path, bool *picture, bool *sound, lk_error *err)
{
    lk_reader *r = NULL;
    lk_audio a = {0};
    lk_status s = lk_reader_open(path, &r, err);
    *picture = s == LK_OK;
    *sound = s == LK_OK && lk_reader_info(r)->has_audio;
    lk_reader_close(&r);
    if (s != LK_E_FORMAT && s != LK_E_UNSUPPORTED) return s;
    if (lk_audio_read(path, LK_VOICE_RATE, 1, &a, NULL) != LK_OK) return s; /* no clip and no sound: the first error says it */
    lk_audio_clear(&a);
    *sound = true;
    return LK_OK;
}

lk_status enroll_look(enroll_session *s, const lk_cancel *cancel, const lk_progress_sink *progress, lk_error *err)
{
    bool picture, sound;
    LK_TRY(enroll_probe(s->clip_path, &picture, &sound, err));
    if (picture) {
        LK_TRY(lk_analyser_open(NULL, &s->analyser, err));
        LK_TRY(lk_analyse_clip(s->analyser, s->clip_path, &s->clip, cancel, progress, err));
        LK_TRY(make_face(s, cancel, progress, err));
    }
    if (sound) LK_TRY(lk_audio_read(s->clip_path, LK_VOICE_RATE, 1, &s->sound, err));
    return make_voice(s, err);
}

void enroll_clear(enroll_session *s)
{
    lk_face_clip_clear(&s->clip);
    lk_analyser_close(&s->analyser);
    lk_speaker_close(&s->speaker);
    lk_audio_clear(&s->sound);
    lk_wipe(&s->face, sizeof s->face);
    lk_wipe(s->voice, sizeof s->voice);
}

/* --- the checks ------------------------------------------------------------------------------------------------------ */

/* A recording of the voice alone enrolls the voice; what asks for a picture is then left to a person. */
static bool heard_only(const enroll_session *s) { return s->clip.count == 0; }

static lk_status one_face(enroll_session *s, enroll_result *out, lk_error *err)
{
    if (heard_only(s)) return SAY(out, "sound alone"), LK_OK;
    double n = (double)LK_MAX(s->clip.count, 1), more = (double)frames_with(&s->clip, -1) / n, one = (double)frames_with(&s->clip, 1) / n;
    out->score = one;
    out->mark = one >= 0.9 && more <= 0.02 ? ENROLL_PASS : one >= 0.6 && more <= 0.2 ? ENROLL_DOUBT : ENROLL_FAIL;
    SAY(out, "one face in %.0f %% of the pictures, several in %.0f %%", 100 * one, 100 * more);
    return LK_OK;
}

static lk_status face_template(enroll_session *s, enroll_result *out, lk_error *err)
{
    out->score = s->has_face ? s->face.frames : 0;
    out->mark = s->has_face ? ENROLL_PASS : heard_only(s) ? ENROLL_NOTED : ENROLL_FAIL;
    if (s->has_face) SAY(out, "from %d clear pictures", s->face.frames);
    else if (heard_only(s)) SAY(out, "no picture: the face is not enrolled");
    else SAY(out, "no clear picture of the face: record it larger, frontal and in even light");
    return LK_OK;
}

/* Without a challenge a clip without sound will do, for the face alone. */
static lk_status voice_template(enroll_session *s, enroll_result *out, lk_error *err)
{
    lk_speech speech = {0};
    if (s->sound.data) LK_TRY(lk_speech_find(s->sound.data, s->sound.samples, &speech, err));
    out->score = speech.seconds;
    out->mark = s->has_voice ? ENROLL_PASS : s->challenged || heard_only(s) ? ENROLL_FAIL : ENROLL_NOTED;
    if (s->has_voice) SAY(out, "from %.1f s of speech", speech.seconds);
    else SAY(out, "%s", s->sound.data ? "too little speech: the voice is not enrolled" : "no sound: the voice is not enrolled");
    lk_speech_clear(&speech);
    return LK_OK;
}

static lk_status head_turns(enroll_session *s, enroll_result *out, lk_error *err)
{
    lk_turn_event e[32];
    lk_turns_result r;
    if (heard_only(s)) {
        out->mark = ENROLL_DOUBT;
        SAY(out, "no picture: a person must say that it is them");
        return LK_OK;
    }
    LK_TRY(lk_face_turns_judge(s->challenge.turns, e, lk_face_turns(&s->clip, e, 32), &r, err));
    out->score = (double)r.in_order / r.asked;
    out->mark = r.verdict == LK_TURNS_FIT ? ENROLL_PASS : r.verdict == LK_TURNS_DOUBT ? ENROLL_DOUBT : ENROLL_FAIL;
    SAY(out, "%d of %d in order%s; seen: %s", r.in_order, r.asked, r.mirrored ? " (mirror image)" : "", *r.said ? r.said : "none");
    return LK_OK;
}

static lk_status words_fit(enroll_session *look, enroll_result *out, lk_error *err)
{
    lk_words_ear *ear = NULL;
    lk_words_result *r = lk_calloc(1, sizeof *r);
    lk_status s = LK_OK;
    lk_error why;
    if (!r) return LK_FAIL(err, LK_E_NOMEM, "no memory to listen to %s", look->clip_path);
    out->mark = ENROLL_FAIL;
    if (!look->sound.data) {
        SAY(out, "the recording has no sound");
        goto done;
    }
    LK_GOTO(done, lk_words_open(lk_models_dir(), &ear, err));
    if ((s = lk_words_judge(ear, look->sound.data, look->sound.samples, look->challenge.sentence, r, &why)) != LK_OK) {
        /* silence, or longer than any answer: that is a wrong answer, not a broken program */
        SAY(out, "%.190s", why.message);
        if (s == LK_E_NOMEM && err) *err = why;
        else s = LK_OK;
        goto done;
    }
    out->score = r->chance;
    out->mark = r->verdict == LK_WORDS_FITS ? ENROLL_PASS : r->verdict == LK_WORDS_DOUBT ? ENROLL_DOUBT : ENROLL_FAIL;
    SAY(out, "%d of %d random words heard; other words would do as well with a chance of %.2g", r->recognised, r->random, r->chance);
done:
    lk_words_close(&ear);
    lk_free(r);
    return s;
}

/* Inner lips over eye distance, of the largest face of each picture. */
static float mouth_of(const lk_face_frame *f)
{
    const lk_face *best = NULL;
    for (int k = 0; k < f->count; k++)
        if (!best || f->faces[k].box.x1 - f->faces[k].box.x0 > best->box.x1 - best->box.x0) best = &f->faces[k];
    if (!best) return NAN;
    float gap = 0;
    for (int i = 0; i < 3; i++) gap += hypotf(best->lm[61 + i].x - best->lm[67 - i].x, best->lm[61 + i].y - best->lm[67 - i].y) / 3;
    return gap / fmaxf(lk_face_interocular(best->lm), 1e-3f);
}

/* Without a challenge nothing need be said. */
static lk_status lips_move(enroll_session *look, enroll_result *out, lk_error *err)
{
    if (heard_only(look)) return SAY(out, "no picture"), LK_OK;
    int64_t n = LK_MIN(look->clip.count, (int64_t)LK_LIPS_FRAMES_MAX);
    double *time = lk_alloc((size_t)n * (sizeof *time + sizeof(float)));
    float *mouth = (float *)(time + n);
    lk_lips_result r;
    lk_error why;
    lk_status s = LK_OK;
    out->mark = ENROLL_FAIL;
    if (!time) return LK_FAIL(err, LK_E_NOMEM, "no memory for the mouth in %s", look->clip_path);
    for (int64_t i = 0; i < n; i++) {
        time[i] = look->clip.frames[i].seconds;
        mouth[i] = mouth_of(&look->clip.frames[i]);
    }
    if (!look->sound.data) {
        SAY(out, "the recording has no sound");
    } else if ((s = lk_lips_judge(mouth, time, n, look->sound.data, look->sound.samples, LK_VOICE_RATE, &r, &why)) != LK_OK) {
        SAY(out, "%.190s", why.message);
        if (s == LK_E_NOMEM && err) *err = why;
        else s = LK_OK;
    } else {
        out->score = r.z;
        out->mark = r.verdict == LK_LIPS_MOVE ? ENROLL_PASS : r.verdict == LK_LIPS_DOUBT ? ENROLL_DOUBT : ENROLL_FAIL;
        SAY(out, "the mouth %s (correlation %.2f, sound %+.0f ms, %.1f deviations above chance)", lk_lips_verdict_name(r.verdict), r.correlation,
            1000 * r.lag, r.z);
    }
    lk_free(time);
    return s;
}

/* A name keeps its face: consent given by one person must not come to cover another by enrolling again. */
static lk_status as_before(enroll_session *look, enroll_result *out, lk_error *err)
{
    lk_enrolment *e = lk_calloc(1, sizeof *e);
    lk_face_template before;
    lk_face_thresholds limits;
    float score = 0;
    lk_error why;
    if (!e) return LK_FAIL(err, LK_E_NOMEM, "no memory to read the enrolment of %s", look->who.name);
    lk_status s = lk_enrol_find(look->p->registry, look->who.id, e, &why);
    out->refusal = LK_REFUSED_MATCH;
    if (s == LK_OK && e->face_n && heard_only(look)) { /* or the next enrolment could bring any face */
        out->mark = ENROLL_FAIL;
        SAY(out, "the name has a face already: record a clip that shows it");
    } else if (s == LK_E_NOTFOUND || (s == LK_OK && (!e->face_n || !look->has_face))) {
        s = LK_OK;
        SAY(out, "nothing to compare with");
    } else if (s != LK_OK) {
        if (err) *err = why;
    } else {
        LK_GOTO(done, lk_face_template_read(look->analyser, e->face, e->face_n, look->who.name, &before, err));
        LK_GOTO(done, lk_analyser_thresholds(look->analyser, &limits, err));
        LK_GOTO(done, lk_face_template_compare(&before, &look->face, &score, err));
        out->score = (double)score;
        out->mark = score >= limits.accept ? ENROLL_PASS : score >= limits.reject ? ENROLL_DOUBT : ENROLL_FAIL;
        SAY(out, "score %.2f against the enrolment before (sure from %.2f, somebody else below %.2f)", (double)score, (double)limits.accept,
            (double)limits.reject);
    }
done:
    lk_wipe(e, sizeof *e);
    lk_free(e);
    return s;
}

static lk_status nobody_else(enroll_session *s, enroll_result *out, lk_error *err)
{
    match_other o;
    LK_TRY(match_others(s->p, s->analyser, s->has_face ? &s->face : NULL, s->speaker, s->has_voice ? s->voice : NULL, &s->who, 1, &o, err));
    out->score = o.score;
    out->mark = o.mark;
    out->refusal = o.refusal;
    if (o.mark == ENROLL_PASS) SAY(out, "no other name with this face or voice");
    else SAY(out, "%s %s, score %.2f", o.mark == ENROLL_FAIL ? "it is" : "it may be", o.who, o.score);
    return LK_OK;
}

const enroll_check enroll_checks[] = {
    {"one face", false, one_face},     {"face", false, face_template},     {"voice", false, voice_template},
    {"head turns", true, head_turns},  {"words", true, words_fit},         {"lips", true, lips_move},
    {"as before", false, as_before},   {"nobody else", false, nobody_else},
};
const int enroll_check_count = (int)LK_COUNT(enroll_checks);
