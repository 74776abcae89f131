/* rules.c: every rule that can say no, one row each, and what to do about it. What a rule is asked about has
 * been verified before: here it is only judged. */
#include <stdio.h>
#include <string.h>

#include "consent/internal.h"

/* Seconds that a clock may be set back: time zones and slips, not loopholes. */
enum { CLOCK_SLACK = 24 * 3600 };

static const struct rule_row {
    const char *word, *state, *words;
} rows[RULES] = {
    [RULE_NONE] = {"none", "valid", "nothing is against it"},
    [RULE_TAMPERED] = {"tampered", "tampered", "the record is not what was signed"},
    [RULE_REVOKED] = {"revoked", "revoked", "the record was revoked"},
    [RULE_AGE] = {"age", "grown up", "the record was signed for a minor who is 18 now"},
    [RULE_TERM] = {"term", "expired", "the term is over"},
    [RULE_NOT_YET] = {"begin", "not yet valid", "the term has not begun"},
    [RULE_GUARDIAN] = {"guardian", "no guardian", "no guardian agreed for a minor"},
    [RULE_GRANTEE] = {"grantee", "for others", "the record is for other studios than this"},
    [RULE_PROJECT] = {"project", "other project", "the record is for another project"},
    [RULE_QUOTA] = {"quota", "used up", "as many outputs were made as were agreed to"},
    [RULE_PURPOSE] = {"purpose", "", "this use was not agreed to"},
    [RULE_ABSENT] = {"absent", "", "nothing was agreed to"},
    [RULE_PERSON] = {"person", "", "nobody of that name is known, or their row was changed"},
    [RULE_CLOCK] = {"clock", "", "the clock was set back"},
    [RULE_COPY] = {"copy", "", "the registry is a copy"},
    [RULE_LOG] = {"log", "", "the log or a key is damaged, or was tampered with"},
    [RULE_ENROLMENT] = {"enrolment", "", "it was never shown who the person is"},
    [RULE_MATCH] = {"match", "", "the footage does not show the person for sure"},
    [RULE_TWIN] = {"twin", "", "the same face or voice is enrolled under another name"},
    [RULE_PROTECTED] = {"protected", "", "the person must never be cloned"},
    [RULE_CHALLENGE] = {"challenge", "", "the recording does not answer the challenge"},
    [RULE_MADE] = {"made", "", "what was made does not look like the person who agreed"},
};

const char *rule_word(rule x) { return rows[x].word; }
const char *rule_state(rule x) { return rows[x].state; }
const char *rule_words(rule x) { return rows[x].words; }

const char *rule_words_of(const char *word)
{
    for (int i = 0; i < RULES; i++)
        if (!strcmp(rows[i].word, word)) return rows[i].words;
    return word;
}

/* Counted in the log, not in the tables that carry the lineage: those can be edited. Pictures that only show
 * how the work is going do not count, and the same output again is not another one. */
lk_status rules_outputs(lk_registry *r, const char *id, int64_t *count, lk_error *err)
{
    lk_stmt *q = NULL;
    LK_TRY(lk_store_prepare(r->db,
                            "SELECT count(DISTINCT json_extract(detail, '$.asset')) FROM audit, "
                            "json_each(audit.detail, '$.records') AS one WHERE audit.kind = 'asset' AND "
                            "json_extract(detail, '$.kind') = 'output' AND "
                            "coalesce(json_extract(detail, '$.counts'), 1) = 1 AND one.value = ?1",
                            &q, err));
    lk_status s = lk_stmt_bind(q, err, "s", id);
    if (s == LK_OK) s = lk_stmt_step(q, err);
    if (s == LK_OK) *count = lk_stmt_int(q, 0);
    lk_stmt_free(&q);
    return s;
}

static bool granted_to(const lk_consent_terms *t, const uint8_t key[LK_SIGN_PUBLIC])
{
    for (int i = 0; i < t->grantee_count; i++)
        if (!memcmp(t->grantees[i].key, key, LK_SIGN_PUBLIC)) return true;
    return false;
}

lk_status rules_judge(lk_registry *r, record *c, lk_error *err)
{
    const lk_consent_terms *t = &c->terms;
    int64_t now = lk_wall_time(), outputs = 0;
    c->state = RULE_NONE;
    if (c->brief.revoked) c->state = RULE_REVOKED;
    else if (t->age == LK_AGE_MINOR && now >= t->adult_at) c->state = RULE_AGE;
    else if (now >= t->until) c->state = RULE_TERM;
    /* The clock may be a little back (rules_check_clock); what was signed a moment ago counts all the
     * same. */
    else if (LK_MAX(now, r->audit_time) < t->from) c->state = RULE_NOT_YET;
    else if (t->age == LK_AGE_MINOR && t->guardians < 1) c->state = RULE_GUARDIAN;
    else if (!granted_to(t, r->studio_public)) c->state = RULE_GRANTEE;
    else if (*r->known.project && !c->first_form && strcmp(t->project, r->known.project) != 0)
        c->state = RULE_PROJECT;
    else if (t->quota > 0) {
        LK_TRY(rules_outputs(r, c->brief.id, &outputs, err));
        if (outputs >= t->quota) c->state = RULE_QUOTA;
    }
    return LK_OK;
}

lk_status rules_refuse(const lk_registry *r, rule x, const char *name, const char *use, const record *c,
                       lk_error *err)
{
    const lk_consent_record *b = &c->brief;
    char when[32];
    switch (x) {
    case RULE_TAMPERED:
        return LK_FAIL(
            err, LK_E_CONSENT,
            "consent record %s of %s was tampered with: it is not what was signed; restore %s from a copy "
            "(rule: tampered)",
            b->id, name, r->dir);
    case RULE_REVOKED:
        lk_time_iso(b->revoked, when);
        return LK_FAIL(
            err, LK_E_CONSENT,
            "%s revoked consent record %s at %s; nothing more may be made for %s unless %s agrees anew "
            "(rule: revoked)",
            name, b->id, when, use, name);
    case RULE_AGE:
        lk_time_iso(c->terms.adult_at, when);
        return LK_FAIL(
            err, LK_E_CONSENT,
            "guardians signed consent record %s for %s as a minor, and it ended with the 18th birthday on "
            "%.10s; ask %s, who decides alone now, to sign (rule: age)",
            b->id, name, when, name);
    case RULE_TERM:
        lk_time_iso(b->until, when);
        return LK_FAIL(err, LK_E_CONSENT,
                       "consent record %s of %s for %s expired at %s; ask %s to sign a new one (rule: term)",
                       b->id, name, use, when, name);
    case RULE_NOT_YET:
        lk_time_iso(b->from, when);
        return LK_FAIL(
            err, LK_E_CONSENT,
            "consent record %s of %s for %s begins only at %s; wait until then, or check the clock "
            "(rule: begin)",
            b->id, name, use, when);
    case RULE_GUARDIAN:
        return LK_FAIL(
            err, LK_E_CONSENT,
            "consent record %s is of a minor and names no guardian; have it signed anew by %s's guardians "
            "(rule: guardian)",
            b->id, name);
    case RULE_GRANTEE:
        return LK_FAIL(
            err, LK_E_CONSENT,
            "consent record %s of %s is granted to '%s' and not to the studio whose key is in %s/keys; ask "
            "%s to grant it to this one (rule: grantee)",
            b->id, name, c->terms.grantees[0].name, r->dir, name);
    case RULE_PROJECT:
        return LK_FAIL(
            err, LK_E_CONSENT,
            "consent record %s of %s is for the project '%.100s', this one is '%.100s'; ask %s to agree to "
            "this project too (rule: project)",
            b->id, name, b->project, r->known.project, name);
    case RULE_QUOTA:
        return LK_FAIL(
            err, LK_E_CONSENT,
            "%s agreed to %lld output%s under consent record %s, and so many were made; ask %s whether more "
            "are wanted (likeness consent amend %s --quota N) (rule: quota)",
            name, (long long)c->terms.quota, c->terms.quota == 1 ? "" : "s", b->id, name, b->id);
    default: return LK_OK;
    }
}

lk_status rules_check_clock(const lk_registry *r, lk_error *err)
{
    int64_t now = lk_wall_time();
    if (now >= r->audit_time - CLOCK_SLACK) return LK_OK;
    char now_iso[32], last_iso[32];
    lk_time_iso(now, now_iso);
    lk_time_iso(r->audit_time, last_iso);
    return LK_FAIL(err, LK_E_CONSENT,
                   "the clock says %s, but the audit log in %s was last written at %s: no term can be "
                   "checked; set the clock right (rule: clock)",
                   now_iso, r->dir, last_iso);
}

lk_status rules_check_place(const lk_registry *r, lk_error *err)
{
    char place[24];
    if (!*r->known.place) return LK_OK; /* a log from before this rule */
    LK_TRY(keys_place(r->dir, place, err));
    if (!strcmp(place, r->known.place)) return LK_OK;
    return LK_FAIL(
        err, LK_E_CONSENT,
        "%s is a copy: what is revoked in the other would not be seen here; work in the other, or when it "
        "is gone for good say so with: likeness consent moved --project '%s' (rule: copy)",
        r->dir, r->dir);
}
