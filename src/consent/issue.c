/* issue.c: from a draft to a signed record: defaults filled in, rules for minors and for people with keys of
 * their own kept, signed by both, stored with its row of the log in one transaction. */
#include <stdio.h>
#include <string.h>

#include "consent/internal.h"

#define YEAR ((int64_t)365 * 86400)
#define TEN_YEARS ((int64_t)3653 * 86400)

static void or_else(char *s, size_t cap, const char *fallback)
{
    if (!*s) snprintf(s, cap, "%s", fallback);
}

static void fill_defaults(const lk_registry *r, lk_consent_terms *t)
{
    or_else(t->project, sizeof t->project, *r->known.project ? r->known.project : "this project");
    or_else(t->territory, sizeof t->territory, "worldwide");
    or_else(t->compensation, sizeof t->compensation, "unpaid, stated");
    or_else(t->contact, sizeof t->contact, "the studio that asked for this consent");
    t->duties |= LK_DUTIES_ALWAYS;
    if (t->grantee_count == 0) {
        lk_grantee *g = &t->grantees[t->grantee_count++];
        int n = (int)LK_MIN(strlen(t->project), (size_t)40);
        while (n > 0 && ((unsigned char)t->project[n] & 0xC0) == 0x80)
            n--; /* no half of a letter at the cut */
        snprintf(g->name, sizeof g->name, "the studio of %.*s", n, t->project);
        memcpy(g->key, r->studio_public, LK_SIGN_PUBLIC);
    }
}

/* Who may sign for whom, and until when. */
static lk_status apply_age(const lk_personal *p, lk_consent_terms *t, lk_error *err)
{
    int64_t adult_at = 0;
    if (*p->birth_date) LK_TRY(personal_birthday(p->birth_date, 18, &adult_at, err));
    for (t->guardians = 0; t->guardians < 2 && *p->guardians[t->guardians];) t->guardians++;
    if (t->age != LK_AGE_MINOR) {
        t->guardians = t->adult_at = 0;
        if (t->age == LK_AGE_ADULT && t->from < adult_at)
            return LK_FAIL(err, LK_E_CONSENT,
                           "born on %s, %s is a minor: guardians must agree (--age minor --guardian NAME) "
                           "(rule: guardian)",
                           p->birth_date, t->subject);
        if (t->age == LK_AGE_DECEASED && !*p->estate)
            return LK_FAIL(
                err, LK_E_CONSENT,
                "for a deceased person the estate must agree: name who acts for it (--estate NAME) "
                "(rule: guardian)");
        return LK_OK;
    }
    if (!adult_at)
        return LK_FAIL(err, LK_E_CONSENT,
                       "a minor's consent ends at 18: give the date of birth (--born YYYY-MM-DD) "
                       "(rule: age)");
    if (!t->guardians)
        return LK_FAIL(err, LK_E_CONSENT,
                       "a minor cannot agree alone: name who agrees for them (--guardian NAME) "
                       "(rule: guardian)");
    if (t->from >= adult_at)
        return LK_FAIL(err, LK_E_CONSENT,
                       "born on %s, this person is no minor any more and must agree alone "
                       "(--age adult) (rule: age)",
                       p->birth_date);
    t->adult_at = adult_at;
    t->until = LK_MIN(t->until, adult_at);
    return LK_OK;
}

/* An amendment says what it changes by the hash of what was; a new record starts a chain. */
static lk_status continue_chain(lk_registry *r, const lk_subject *who, lk_consent_terms *t, lk_error *err)
{
    record c;
    if (!*t->id) {
        t->version = 1;
        t->previous = (lk_hash){{0}};
        return new_id(t->id, err);
    }
    LK_TRY(record_load(r, t->id, &c, err));
    if (c.state == RULE_TAMPERED || c.state == RULE_REVOKED)
        return rules_refuse(r, c.state, who->name, "anything", &c, err);
    if (strcmp(c.brief.subject, who->id))
        return LK_FAIL(err, LK_E_ARG, "consent record %s is not of %s", t->id, who->name);
    t->version = c.terms.version + 1;
    t->previous = c.hash;
    return LK_OK;
}

static lk_status encode_personal(const lk_personal *given, lk_consent_terms *t, lk_bytes *out, lk_error *err)
{
    lk_personal p = *given;
    t->personal = (lk_hash){{0}};
    if (!*p.legal_name && !*p.contact && !*p.birth_date && !*p.estate && !*p.guardians[0]) return LK_OK;
    LK_TRY(lk_random_bytes(p.salt, sizeof p.salt, err));
    LK_TRY(lk_personal_encode(&p, out, err));
    t->personal = lk_hash_bytes(out->b, out->len);
    return LK_OK;
}

lk_status issue_terms(lk_registry *r, const lk_consent_draft *d, lk_consent_terms *out, lk_subject *who,
                      lk_bytes *personal, lk_error *err)
{
    uint8_t key[LK_SIGN_PUBLIC];
    lk_consent_terms *t = out;
    int64_t term = d->term_seconds ? d->term_seconds : YEAR;
    *t = d->terms;
    if (t->uses == 0 || (t->uses & ~words_all(use_words)))
        return LK_FAIL(err, LK_E_ARG, "a consent needs at least one use, and only known ones");
    if (term < 1 || term > TEN_YEARS)
        return LK_FAIL(err, LK_E_RANGE, "a consent lasts from a second to ten years, not %lld seconds",
                       (long long)term);
    LK_TRY(audit_catch_up(r, err));
    LK_TRY(rules_check_clock(r, err));
    LK_TRY(rules_check_place(r, err));
    LK_TRY(subject_load(r, d->subject, who, key, err));
    fill_defaults(r, t);
    LK_TRY(check_words("statement", t->statement, sizeof t->statement, true, err));
    LK_TRY(check_words("project", t->project, sizeof t->project, false, err));
    strcpy(t->subject, who->id);
    t->depicts_nobody = who->depicts_nobody;
    LK_TRY(enrol_assurance(r, who->id, &t->assurance, &t->evidence, err));
    memcpy(t->studio_key, r->studio_public, LK_SIGN_PUBLIC);
    t->created = t->from = LK_MAX(lk_wall_time(), 1);
    t->until = t->from + term;
    LK_TRY(continue_chain(r, who, t, err));
    LK_TRY(apply_age(&d->personal, t, err));
    return encode_personal(&d->personal, t, personal, err);
}

lk_status issue_seal(lk_registry *r, const lk_bytes *personal, lk_bytes *sealed, lk_error *err)
{
    uint8_t pub[LK_SEAL_PUBLIC], sec[LK_SEAL_SECRET];
    if (personal->len == 0) return LK_OK;
    LK_TRY(keys_personal(r->dir, true, pub, sec, err));
    lk_wipe(sec, sizeof sec);
    lk_bytes_zeros(sealed, personal->len + LK_SEAL_EXTRA);
    return sealed->failed ? consent_no_memory(err)
                          : lk_seal_close(pub, personal->b, personal->len, sealed->b, err);
}

static lk_status log_record(lk_registry *r, const lk_consent_terms *t, const lk_bytes *body, lk_error *err)
{
    lk_text detail = {0};
    lk_hash hash = lk_hash_bytes(body->b, body->len);
    pair_text(&detail, "record", t->id);
    pair_int(&detail, "version", t->version);
    pair_text(&detail, "subject", t->subject);
    pair_hex(&detail, "consent", hash.b, LK_HASH_BYTES);
    pair_text(&detail, "key_holder", t->subject_holds_key ? "subject" : "studio");
    if (t->subject_holds_key) pair_hex(&detail, "own_key", t->subject_key, LK_SIGN_PUBLIC);
    lk_text_add(&detail, "}");
    lk_status s = audit_append(r, t->version == 1 ? "consent" : "amend", &detail, NULL, NULL, err);
    lk_text_clear(&detail);
    return s;
}

lk_status issue_insert(lk_registry *r, const lk_consent_terms *t, const lk_bytes *body,
                       const uint8_t subject_sig[LK_SIGN_BYTES], const void *sealed, size_t sealed_n,
                       lk_error *err)
{
    uint8_t studio_sig[LK_SIGN_BYTES];
    const char *types = sealed_n ? "sibbbb" : "sibbbn";
    LK_TRY(cose_sign(COSE_RECORD, r->studio_public, r->studio_secret, body->b, body->len, studio_sig, err));
    if (t->version == 1)
        LK_TRY(lk_store_run(r->db, err, NULL,
                            "INSERT INTO record(id, subject, issued, text, subject_sig, studio_sig) "
                            "VALUES(?1, ?2, ?3, '', x'', x'')",
                            "ssi", t->id, t->subject, t->from));
    LK_TRY(lk_store_run(r->db, err, NULL,
                        "INSERT INTO version(record, number, body, subject_sig, studio_sig, sealed) "
                        "VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
                        types, t->id, t->version, body->b, body->len, subject_sig, (size_t)LK_SIGN_BYTES,
                        studio_sig, (size_t)LK_SIGN_BYTES, sealed, sealed_n));
    return log_record(r, t, body, err);
}

/* --- the quick way ------------------------------------------------------------------------------- */

static lk_status sign_both(lk_registry *r, const lk_subject *who, lk_consent_terms *t,
                           const lk_bytes *personal, lk_error *err)
{
    uint8_t key[LK_SIGN_PUBLIC], pub[LK_SIGN_PUBLIC], sec[LK_SIGN_SECRET], sig[LK_SIGN_BYTES];
    char name[64];
    lk_subject again;
    lk_bytes body = {0}, sealed = {0};
    if (known_own_key(&r->known, who->id))
        return LK_FAIL(
            err, LK_E_CONSENT,
            "%s signs with a key of their own; nobody can sign in their place: likeness consent request '%s'",
            who->name, who->name);
    LK_TRY(subject_load(r, who->id, &again, key, err));
    snprintf(name, sizeof name, "subject-%s.key", who->id);
    LK_TRY(keys_load(r->dir, name, pub, sec, err));
    lk_status s = LK_OK;
    if (memcmp(pub, key, sizeof pub) != 0)
        s = LK_FAIL(err, LK_E_CONSENT, "%s/keys/%s is not the key of %s; restore it from a copy", r->dir,
                    name, who->name);
    t->subject_holds_key = false;
    memcpy(t->subject_key, pub, LK_SIGN_PUBLIC);
    if (s == LK_OK) s = lk_consent_encode(t, &body, err);
    if (s == LK_OK) s = cose_sign(COSE_RECORD, pub, sec, body.b, body.len, sig, err);
    if (s == LK_OK) s = issue_seal(r, personal, &sealed, err);
    if (s == LK_OK) s = issue_insert(r, t, &body, sig, sealed.b, sealed.len, err);
    lk_wipe(sec, sizeof sec);
    lk_bytes_clear(&body);
    lk_bytes_clear(&sealed);
    return s;
}

void issue_brief(const lk_consent_terms *t, lk_consent_record *out)
{
    *out = (lk_consent_record){.uses = t->uses, .from = t->from, .until = t->until, .version = t->version};
    strcpy(out->id, t->id);
    strcpy(out->subject, t->subject);
    strcpy(out->statement, t->statement);
    strcpy(out->project, t->project);
}

lk_status lk_consent_sign(lk_registry *r, const lk_consent_draft *d, lk_consent_record *out, lk_error *err)
{
    lk_consent_terms t;
    lk_subject who;
    lk_bytes personal = {0};
    LK_TRY(registry_begin(r, err));
    lk_status s = issue_terms(r, d, &t, &who, &personal, err);
    if (s == LK_OK) s = sign_both(r, &who, &t, &personal, err);
    s = registry_end(r, s, false, err);
    if (personal.b) lk_wipe(personal.b, personal.len);
    lk_bytes_clear(&personal);
    if (s == LK_OK && out) issue_brief(&t, out);
    return s;
}

lk_status lk_consent_issue(lk_registry *r, const char *subject, uint32_t uses, int64_t term_seconds,
                           const char *project, const char *statement, lk_consent_record *out, lk_error *err)
{
    lk_consent_draft d = {.subject = subject, .term_seconds = term_seconds, .terms.uses = uses};
    if (term_seconds < 1)
        return LK_FAIL(err, LK_E_RANGE, "a consent lasts from a second to ten years, not %lld seconds",
                       (long long)term_seconds);
    LK_TRY(check_words("project", project, sizeof d.terms.project, false, err));
    LK_TRY(check_words("statement", statement, sizeof d.terms.statement, true, err));
    strcpy(d.terms.project, project);
    strcpy(d.terms.statement, statement);
    return lk_consent_sign(r, &d, out, err);
}
