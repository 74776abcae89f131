/* enroll.c: asking somebody to show who they are, judging the answer, and keeping what it shows; and the list of those
 * who must never be cloned. */
#include "face/turns.h"
#include "studio/enroll.h"
#include "voice/words.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { RANDOM_WORDS = 6, TURNS = 4 };

/* --- asking ---------------------------------------------------------------------------------------------------------- */

static void tell(lk_line_fn out, void *user, const char *fmt, ...) LK_PRINTF(3, 4);
static void tell(lk_line_fn out, void *user, const char *fmt, ...)
{
    char line[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    if (out) out(user, line);
}

lk_status lk_people_challenge(lk_project *p, const char *name, int minutes, lk_line_fn out, void *user, lk_error *err)
{
    uint8_t random[32];
    char words[256], turns[64], sentence[512];
    lk_challenge c;
    lk_subject who;
    LK_TRY(lk_subject_find(p->registry, name, &who, err));
    LK_TRY(lk_random_bytes(random, sizeof random, err));
    LK_TRY(lk_words_pick(random, 24, RANDOM_WORDS, words, sizeof words, err));
    lk_face_turns_pick(random + 24, TURNS, turns, sizeof turns);
    snprintf(sentence, sizeof sentence, "I am %.128s and I agree that a synthetic version of me is made: %s", who.name, words);
    LK_TRY(lk_challenge_make(p->registry, who.id, sentence, turns, minutes ? minutes * 60 : LK_CHALLENGE_SECONDS, &c, err));
    char until[32];
    lk_time_iso(c.expires, until);
    tell(out, user, "%s: record one clip of yourself, face and shoulders, facing the camera, in a quiet and evenly lit room.", who.name);
    tell(out, user, " ");
    tell(out, user, "  1. Say:   %s", sentence);
    tell(out, user, "  2. Then turn your head and come back to the middle each time:   %s", turns);
    tell(out, user, " ");
    tell(out, user, "Open until %s, for %d answers. Then: likeness subject enroll '%s' CLIP", until, LK_CHALLENGE_TRIES, who.name);
    return LK_OK;
}

/* --- judging --------------------------------------------------------------------------------------------------------- */

typedef struct verdict { enroll_mark worst; lk_refusal refusal; const char *check; } verdict;

static void add_json(lk_text *t, const enroll_check *c, const enroll_result *r)
{
    static const char *const words[] = {"noted", "pass", "doubt", "fail"};
    lk_text_add(t, "%s\"%s\":{\"mark\":\"%s\",\"score\":%.4g,\"said\":", t->len > 1 ? "," : "", c->name, words[r->mark], r->score);
    lk_json_quote(t, r->said);
    lk_text_add(t, "}");
}

static lk_status judge(enroll_session *s, lk_text *json, verdict *v, lk_line_fn out, void *user, lk_error *err)
{
    static const char *const words[] = {"noted", "good", "IN DOUBT", "FAILED"};
    lk_text_add(json, "{");
    for (int i = 0; i < enroll_check_count; i++) {
        const enroll_check *c = &enroll_checks[i];
        enroll_result r = {.mark = ENROLL_NOTED, .refusal = LK_REFUSED_CHALLENGE};
        if (c->challenge && !s->challenged) continue;
        LK_TRY(c->run(s, &r, err));
        add_json(json, c, &r);
        tell(out, user, "  %-12s %-9s %s", c->name, words[r.mark], r.said);
        if (r.mark > v->worst) *v = (verdict){r.mark, r.refusal, c->name};
    }
    lk_text_add(json, "}");
    return json->failed ? LK_FAIL(err, LK_E_NOMEM, "no memory for the findings on %s", s->clip_path) : LK_OK;
}

static const char *rule_of(lk_refusal r)
{
    return r == LK_REFUSED_TWIN ? "twin" : r == LK_REFUSED_PROTECTED ? "protected" : r == LK_REFUSED_MATCH ? "match" : "challenge";
}

static lk_status refuse(enroll_session *s, const verdict *v, const lk_enroll_job *job, lk_error *err)
{
    lk_refusal_note(s->p->registry, v->refusal, s->who.id, 0, "enrolment");
    if (v->worst == ENROLL_FAIL)
        return LK_FAIL(err, LK_E_CONSENT, "%s does not show for sure that it is %s: '%s' failed; %s (rule: %s)", job->clip, s->who.name,
                       v->check, v->refusal == LK_REFUSED_CHALLENGE ? "record it again, or ask for a new challenge with: likeness subject enroll"
                       : v->refusal == LK_REFUSED_MATCH ? "the name was enrolled with another face; another person needs another name"
                       : v->refusal == LK_REFUSED_TWIN ? "who is enrolled has one name here"
                                                       : "this person is on the list of those who must never be cloned",
                       rule_of(v->refusal));
    return LK_FAIL(err, LK_E_CONSENT, "%s leaves doubt whether it is %s: '%s'; somebody must look at the recording and vouch for it with: "
                                      "--review 'THEIR NAME' (rule: %s)", job->clip, s->who.name, v->check, rule_of(v->refusal));
}

static void fill(lk_enrolment *e, const enroll_session *s)
{
    if (s->has_face) {
        lk_face_template_write(&s->face, e->face);
        e->face_n = LK_FACE_TEMPLATE_BYTES;
    }
    if (s->has_voice) {
        match_voice_write(s->voice, e->voice);
        e->voice_n = MATCH_VOICE_BYTES;
    }
}

static lk_status keep(enroll_session *s, const lk_enroll_job *job, const lk_text *json, const verdict *v, lk_line_fn out, void *user,
                      lk_error *err)
{
    lk_enrolment *e = lk_calloc(1, sizeof *e);
    if (!e || json->len >= sizeof e->checks) {
        lk_free(e);
        return LK_FAIL(err, LK_E_NOMEM, "no memory for the enrolment of %s", s->who.name);
    }
    strcpy(e->subject, s->who.id);
    strcpy(e->checks, json->s);
    if (s->challenged) strcpy(e->challenge, s->challenge.id);
    if (job->reviewer) snprintf(e->reviewer, sizeof e->reviewer, "%s", job->reviewer);
    e->level = !s->challenged ? LK_ASSURED_UNVERIFIED : v->worst == ENROLL_DOUBT ? LK_ASSURED_REVIEWED : LK_ASSURED_UPLOAD;
    fill(e, s);
    lk_status st = lk_hash_file(job->clip, &e->evidence, err);
    if (st == LK_OK) st = lk_enrol_add(s->p->registry, e, err);
    if (st == LK_OK)
        tell(out, user, "%s is enrolled: %s%s%s; assurance: %s", s->who.name, s->has_face ? "face" : "", s->has_face && s->has_voice ? " and " : "",
             s->has_voice ? "voice" : "", lk_assurance_name(e->level));
    lk_wipe(e, sizeof *e);
    lk_free(e);
    return st;
}

/* The clip must be readable before a try of the challenge is taken. */
static lk_status begin(enroll_session *s, const lk_enroll_job *job, lk_error *err)
{
    bool picture, sound;
    LK_TRY(lk_subject_find(s->p->registry, job->subject, &s->who, err));
    LK_TRY(enroll_probe(job->clip, &picture, &sound, err));
    s->clip_path = job->clip;
    s->challenged = !job->no_challenge;
    if (s->challenged) return lk_challenge_take(s->p->registry, s->who.id, &s->challenge, err);
    if (s->who.depicts_nobody || job->reviewer) return LK_OK;
    lk_refusal_note(s->p->registry, LK_REFUSED_CHALLENGE, s->who.id, 0, "enrolment");
    return LK_FAIL(err, LK_E_CONSENT, "any clip could be somebody else's: let %s answer a challenge (likeness subject enroll '%s'), or let "
                                      "somebody who knows %s vouch for the clip with: --review 'THEIR NAME' (rule: challenge)",
                   s->who.name, s->who.name, s->who.name);
}

lk_status lk_people_enroll(lk_project *p, const lk_enroll_job *job, lk_line_fn out, void *user, const lk_cancel *cancel,
                           const lk_progress_sink *progress, lk_error *err)
{
    verdict v = {ENROLL_NOTED, LK_REFUSED_CHALLENGE, ""};
    lk_text json = {0};
    lk_status s;
    if (!job->subject || !job->clip) return LK_FAIL(err, LK_E_ARG, "an enrolment needs a name and a clip");
    if (job->reviewer && !match_reviewer(job->reviewer))
        return LK_FAIL(err, LK_E_ARG, "a reviewer answers for their word by name; '%.40s' is none", job->reviewer);
    enroll_session *look = lk_calloc(1, sizeof *look);
    if (!look) return LK_FAIL(err, LK_E_NOMEM, "no memory to enroll %s", job->subject);
    look->p = p;
    LK_GOTO(done, begin(look, job, err));
    LK_GOTO(done, enroll_look(look, cancel, progress, err));
    LK_GOTO(done, judge(look, &json, &v, out, user, err));
    if (v.worst == ENROLL_FAIL || (v.worst == ENROLL_DOUBT && !job->reviewer)) s = refuse(look, &v, job, err);
    else s = keep(look, job, &json, &v, out, user, err);
done:
    lk_text_clear(&json);
    enroll_clear(look);
    lk_free(look);
    return s;
}

/* --- those who must never be cloned ------------------------------------------------------------------------------------- */

lk_status lk_people_protect(lk_project *p, const char *name, const char *clip, lk_line_fn out, void *user, const lk_cancel *cancel,
                            const lk_progress_sink *progress, lk_error *err)
{
    lk_enrolment *e = lk_calloc(1, sizeof *e);
    enroll_session *look = lk_calloc(1, sizeof *look);
    lk_status s = e && look ? LK_OK : LK_FAIL(err, LK_E_NOMEM, "no memory to look at %s", clip);
    if (s) goto done;
    look->p = p;
    look->clip_path = clip;
    if (strlen(name) >= sizeof e->name) {
        s = LK_FAIL(err, LK_E_ARG, "the name is longer than %zu bytes", sizeof e->name - 1);
        goto done;
    }
    strcpy(e->name, name);
    strcpy(e->checks, "{}");
    LK_GOTO(done, enroll_look(look, cancel, progress, err));
    if (!look->has_face && !look->has_voice) {
        s = LK_FAIL(err, LK_E_NOTFOUND, "%s shows no clear face and no voice: nobody could be told by it; use a clearer clip", clip);
        goto done;
    }
    fill(e, look);
    LK_GOTO(done, lk_hash_file(clip, &e->evidence, err));
    LK_GOTO(done, lk_enrol_add(p->registry, e, err));
    tell(out, user, "%s is protected by %s%s%s: nobody alike is enrolled or imported from now on (%s)", name, look->has_face ? "face" : "",
         look->has_face && look->has_voice ? " and " : "", look->has_voice ? "voice" : "", e->id);
done:
    if (look) enroll_clear(look);
    if (e) lk_wipe(e, sizeof *e);
    lk_free(look);
    lk_free(e);
    return s;
}

lk_status lk_people_unprotect(lk_project *p, const char *name_or_id, lk_error *err)
{
    return lk_protect_remove(p->registry, name_or_id, err);
}

typedef struct listing { lk_line_fn out; void *user; int count; } listing;

static lk_status list_one(void *user, const lk_enrolment *e)
{
    listing *l = user;
    char when[32];
    lk_time_iso(e->when, when);
    l->count++;
    if (*e->subject)
        tell(l->out, l->user, "%-24s enrolled %.10s  %s%s%s  %s%s%s", e->name, when, e->face_n ? "face" : "", e->face_n && e->voice_n ? "+" : "",
             e->voice_n ? "voice" : "", lk_assurance_name(e->level), *e->reviewer ? ", reviewed by " : "", e->reviewer);
    else
        tell(l->out, l->user, "%-24s PROTECTED since %.10s  %s%s%s  %s", e->name, when, e->face_n ? "face" : "",
             e->face_n && e->voice_n ? "+" : "", e->voice_n ? "voice" : "", e->id);
    return LK_OK;
}

lk_status lk_people_enrolled(lk_project *p, lk_line_fn out, void *user, lk_error *err)
{
    listing l = {out, user, 0};
    LK_TRY(lk_enrol_each(p->registry, list_one, &l, err));
    if (!l.count) tell(out, user, "nobody yet; ask a person with: likeness subject enroll NAME");
    return LK_OK;
}
