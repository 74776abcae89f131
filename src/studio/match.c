/* match.c: comparing faces and voices with those who are enrolled and those who must never be cloned. */
#include "studio/enroll.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void match_voice_write(const float v[LK_SPEAKER_EMBEDDING], uint8_t out[MATCH_VOICE_BYTES])
{
    memcpy(out, "LKV1", 4);
    for (int i = 0; i < LK_SPEAKER_EMBEDDING; i++) {
        uint32_t u;
        memcpy(&u, &v[i], 4);
        for (int k = 0; k < 4; k++) out[4 + i * 4 + k] = (uint8_t)(u >> (8 * k));
    }
}

bool match_voice_read(const uint8_t *b, size_t n, float v[LK_SPEAKER_EMBEDDING])
{
    if (n != MATCH_VOICE_BYTES || memcmp(b, "LKV1", 4)) return false;
    for (int i = 0; i < LK_SPEAKER_EMBEDDING; i++) {
        uint32_t u = 0;
        for (int k = 0; k < 4; k++) u |= (uint32_t)b[4 + i * 4 + k] << (8 * k);
        memcpy(&v[i], &u, 4);
        if (!isfinite(v[i])) return false;
    }
    return true;
}

bool match_reviewer(const char *name)
{
    int letters = 0;
    for (const unsigned char *p = (const unsigned char *)name; *p; p++) letters += *p > '@' && *p != 0x7f; /* no blanks, digits or dots */
    return letters >= 2;
}

typedef struct search {
    lk_project *p;
    lk_analyser *a;
    const lk_face_template *face;
    const float *voice;
    const lk_subject *self;
    int self_count;
    lk_face_thresholds faces;
    lk_speaker_limits voices;
    match_other *out;
    lk_error *err;
} search;

static enroll_mark zone(double score, double accept, double reject)
{
    return score >= accept ? ENROLL_FAIL : score >= reject ? ENROLL_DOUBT : ENROLL_PASS;
}

static void keep_worst(search *s, const lk_enrolment *e, enroll_mark mark, double score, const char *what)
{
    match_other *o = s->out;
    if (mark < o->mark || (mark == o->mark && score <= o->score)) return;
    o->mark = mark;
    o->score = score;
    o->refusal = *e->subject ? LK_REFUSED_TWIN : LK_REFUSED_PROTECTED;
    snprintf(o->who, sizeof o->who, "the %s of %.100s%s", what, e->name, *e->subject ? "" : " (protected)");
}

/* How many of the two voices are a synthetic actor's. Two of them may be given the same voice: it is nobody's. One
 * is compared, but synthetic voices are so alike that nothing is sure. */
static int nobodys_voices(const search *s, const lk_enrolment *e)
{
    lk_subject other;
    bool mine = s->self_count && s->self->depicts_nobody;
    bool theirs = *e->subject && lk_subject_find(s->p->registry, e->subject, &other, NULL) == LK_OK && other.depicts_nobody;
    return mine + theirs;
}

/* The network tells voices less well than faces: below the line where one stranger in a thousand passes lies a third of
 * all strangers in doubt, and a doubt about everybody would be none. */
static enroll_mark voice_zone(const search *s, const lk_enrolment *e, double score)
{
    if (score < (double)s->voices.accept) return ENROLL_PASS;
    return nobodys_voices(s, e) ? ENROLL_DOUBT : ENROLL_FAIL;
}

static lk_status compare(void *user, const lk_enrolment *e)
{
    search *s = user;
    for (int i = 0; i < s->self_count; i++)
        if (*e->subject && !strcmp(e->subject, s->self[i].id)) return LK_OK;
    if (s->face && e->face_n) {
        lk_face_template theirs;
        float score;
        LK_TRY(lk_face_template_read(s->a, e->face, e->face_n, e->name, &theirs, s->err));
        LK_TRY(lk_face_template_compare(s->face, &theirs, &score, s->err));
        keep_worst(s, e, zone((double)score, (double)s->faces.accept, (double)s->faces.reject), (double)score, "face");
    }
    if (s->voice && e->voice_n && nobodys_voices(s, e) < 2) {
        float theirs[LK_SPEAKER_EMBEDDING];
        if (!match_voice_read(e->voice, e->voice_n, theirs))
            return LK_FAIL(s->err, LK_E_FORMAT, "the voice template of %s cannot be read; enroll them anew", e->name);
        double score = (double)lk_speaker_cosine(s->voice, theirs);
        keep_worst(s, e, voice_zone(s, e, score), score, "voice");
    }
    return LK_OK;
}

lk_status match_others(lk_project *p, lk_analyser *a, const lk_face_template *face, lk_speaker *speaker, const float *voice,
                       const lk_subject *self, int self_count, match_other *out, lk_error *err)
{
    search s = {.p = p, .a = a, .face = face, .voice = voice, .self = self, .self_count = self_count, .out = out, .err = err};
    *out = (match_other){.mark = ENROLL_PASS, .score = -1};
    if (face) LK_TRY(lk_analyser_thresholds(a, &s.faces, err));
    if (voice) LK_TRY(lk_speaker_thresholds(speaker, &s.voices, err));
    return lk_enrol_each(p->registry, compare, &s, err);
}

lk_status match_template(lk_project *p, lk_analyser *a, const char *subject, const char *what_for, lk_face_template *out, lk_error *err)
{
    lk_enrolment *e = lk_calloc(1, sizeof *e);
    if (!e) return LK_FAIL(err, LK_E_NOMEM, "no memory to read the enrolment of %s", subject);
    lk_status s = lk_enrol_get(p->registry, subject, what_for, e, err);
    if (s == LK_OK && !e->face_n) {
        lk_refusal_note(p->registry, LK_REFUSED_ENROLMENT, subject, 0, what_for);
        s = LK_FAIL(err, LK_E_CONSENT, "%s is enrolled by voice alone; enroll the face too with a clip that shows it (rule: enrolment)",
                    subject);
    }
    if (s == LK_OK) s = lk_face_template_read(a, e->face, e->face_n, subject, out, err);
    lk_wipe(e, sizeof *e);
    lk_free(e);
    return s;
}
