/* record.c: consent records: what a person agreed to, signed by both sides. */
#include <stdio.h>
#include <string.h>

#include "consent/internal.h"

#define TEN_YEARS ((int64_t)3653 * 86400)

/* --- uses --------------------------------------------------------------------------- */

static const struct use_row {
    lk_use use;
    const char *word;
} use_rows[] = {
    {LK_USE_FACE_SOURCE, "face-source"},
    {LK_USE_FACE_TARGET, "face-target"},
    {LK_USE_VOICE, "voice"},
    {LK_USE_EXPRESSION, "expression"},
    {LK_USE_LIPS, "lips"},
    {LK_USE_CHARACTER, "character"},
};

static uint32_t all_uses(void)
{
    uint32_t all = 0;
    for (size_t i = 0; i < LK_COUNT(use_rows); i++) all |= use_rows[i].use;
    return all;
}

uint32_t lk_use_parse(const char *words, lk_error *err)
{
    uint32_t set = 0;
    const char *p = words ? words : "";
    for (;;) {
        size_t n = strcspn(p, ",");
        uint32_t use = 0;
        for (size_t i = 0; i < LK_COUNT(use_rows); i++)
            if (strlen(use_rows[i].word) == n && !memcmp(use_rows[i].word, p, n)) use = use_rows[i].use;
        if (!use) {
            char known[128];
            lk_use_print(all_uses(), known, sizeof known);
            LK_FAIL(err, LK_E_ARG, "'%.*s' is no use that one can agree to; there are: %s",
                    (int)LK_MIN(n, (size_t)40), p, known);
            return 0;
        }
        set |= use;
        if (!p[n]) return set;
        p += n + 1;
    }
}

void lk_use_print(uint32_t uses, char *out, size_t n)
{
    size_t at = 0;
    if (n > 0) *out = '\0';
    for (size_t i = 0; i < LK_COUNT(use_rows) && at < n; i++)
        if (uses & use_rows[i].use)
            at += (size_t)snprintf(out + at, n - at, "%s%s", at ? "," : "", use_rows[i].word);
}

/* --- the signed text ------------------------------------------------------------------ */

static lk_status record_text(const lk_consent_record *c, const lk_subject *subject,
                             const uint8_t subject_key[LK_SIGN_PUBLIC], const lk_registry *r, lk_text *t,
                             lk_error *err)
{
    char uses[128];
    lk_use_print(c->uses, uses, sizeof uses);
    pair_text(t, "format", "likeness-consent-1");
    pair_text(t, "id", c->id);
    pair_text(t, "subject", subject->id);
    pair_text(t, "subject_name", subject->name);
    pair_int(t, "depicts_nobody", subject->depicts_nobody);
    pair_hex(t, "subject_key", subject_key, LK_SIGN_PUBLIC);
    pair_hex(t, "studio_key", r->studio_public, LK_SIGN_PUBLIC);
    pair_text(t, "project", c->project);
    pair_text(t, "statement", c->statement);
    pair_text(t, "uses", uses);
    pair_int(t, "from", c->from);
    pair_int(t, "until", c->until);
    lk_text_add(t, "}");
    return t->failed ? consent_no_memory(err) : LK_OK;
}

static bool copy_member(const lk_json *v, const char *key, char *out, size_t cap)
{
    const char *s = lk_json_string(v, key, NULL);
    if (!s || strlen(s) >= cap) return false;
    strcpy(out, s);
    return true;
}

/* What the text says. LK_E_FORMAT when it is not the canonical text of anything. */
static lk_status record_parse(lk_registry *r, const char *text, const lk_subject *subject,
                              const uint8_t subject_key[LK_SIGN_PUBLIC], lk_consent_record *out,
                              lk_error *err)
{
    lk_arena *arena = NULL;
    lk_json *v = NULL;
    lk_text again = {0};
    char uses[128];
    if (lk_arena_new(&arena, 8192) != LK_OK) return consent_no_memory(err);
    lk_status s = lk_json_parse(text, strlen(text), arena, &v, err);
    if (s == LK_OK) {
        bool good = copy_member(v, "id", out->id, sizeof out->id) &&
                    copy_member(v, "subject", out->subject, sizeof out->subject) &&
                    copy_member(v, "project", out->project, sizeof out->project) &&
                    copy_member(v, "statement", out->statement, sizeof out->statement) &&
                    copy_member(v, "uses", uses, sizeof uses);
        double from = lk_json_number(v, "from", -1), until = lk_json_number(v, "until", -1);
        good = good && from >= 0 && from < 1e15 && until >= 0 && until < 1e15;
        if (good) {
            out->uses = lk_use_parse(uses, NULL);
            out->from = (int64_t)from;
            out->until = (int64_t)until;
            /* Writing it again must give the same bytes: nothing hides in it, nothing is read two ways. */
            s = record_text(out, subject, subject_key, r, &again, err);
            good = s == LK_OK && out->uses != 0 && !strcmp(again.s, text);
        }
        if (s == LK_OK && !good)
            s = LK_FAIL(err, LK_E_FORMAT, "a consent record is not in its canonical form");
    }
    lk_text_clear(&again);
    lk_arena_free(arena);
    return s;
}

/* --- verifying --------------------------------------------------------------------------- */

const char *record_state_name(record_state s)
{
    static const char *const names[RECORD_STATES] = {"valid", "tampered", "revoked", "expired",
                                                     "not yet valid"};
    return names[s];
}

static lk_status revoked_at(lk_registry *r, const char *record, int64_t *when, lk_error *err)
{
    lk_stmt *q = NULL;
    *when = audit_revoked(r, record);
    LK_TRY(lk_store_prepare(r->db, "SELECT time FROM revocation WHERE record = ?1", &q, err));
    lk_status s = lk_stmt_bind(q, err, "s", record);
    if (s == LK_OK) s = lk_stmt_step(q, err);
    if (s == LK_OK && *when == 0) *when = LK_MAX(lk_stmt_int(q, 0), 1);
    lk_stmt_free(&q);
    return s == LK_END ? LK_OK : s;
}

/* LK_E_FORMAT or LK_E_CONSENT: not what was signed. Other failures say nothing about the record. */
static lk_status verify(lk_registry *r, lk_stmt *row, lk_consent_record *out, lk_error *err)
{
    uint8_t subject_sig[LK_SIGN_BYTES], studio_sig[LK_SIGN_BYTES], key[LK_SIGN_PUBLIC];
    char id[37], subject_id[37];
    lk_subject subject;
    LK_TRY(lk_stmt_copy_text(row, 0, id, sizeof id, err));
    strcpy(out->id, id); /* for the list, should the rest be worth nothing */
    LK_TRY(lk_stmt_copy_text(row, 1, subject_id, sizeof subject_id, err));
    strcpy(out->subject, subject_id);
    LK_TRY(lk_stmt_copy_blob(row, 3, subject_sig, sizeof subject_sig, err));
    LK_TRY(lk_stmt_copy_blob(row, 4, studio_sig, sizeof studio_sig, err));
    lk_status s = subject_load(r, subject_id, &subject, key, err);
    if (s == LK_E_NOTFOUND) s = LK_E_FORMAT;
    LK_TRY(s);
    const char *text;
    LK_TRY(lk_stmt_need_text(row, 2, &text, err));
    size_t n = strlen(text);
    if (!lk_sign_check(key, text, n, subject_sig) || !lk_sign_check(r->studio_public, text, n, studio_sig))
        return LK_FAIL(err, LK_E_FORMAT, "a signature does not fit");
    LK_TRY(record_parse(r, text, &subject, key, out, err));
    if (strcmp(out->id, id) || strcmp(out->subject, subject_id))
        return LK_FAIL(err, LK_E_FORMAT, "the row's columns differ from its text");
    return LK_OK;
}

lk_status record_read(lk_registry *r, lk_stmt *row, lk_consent_record *out, record_state *state,
                      lk_error *err)
{
    memset(out, 0, sizeof *out);
    *state = RECORD_TAMPERED;
    lk_status s = verify(r, row, out, err);
    if (s == LK_E_FORMAT || s == LK_E_CONSENT) {
        /* Nothing of it may be believed but its name in the list. */
        lk_consent_record bare = {0};
        strcpy(bare.id, out->id);
        strcpy(bare.subject, out->subject);
        *out = bare;
        return LK_OK;
    }
    LK_TRY(s);
    LK_TRY(revoked_at(r, out->id, &out->revoked, err));
    int64_t now = lk_wall_time();
    *state = out->revoked ? RECORD_REVOKED : now >= out->until ? RECORD_EXPIRED : RECORD_VALID;
    /* The clock may be a little back (audit_check_clock); what was signed a moment ago counts all the same.
     * */
    if (*state == RECORD_VALID && LK_MAX(now, r->audit_time) < out->from) *state = RECORD_NOT_YET;
    return LK_OK;
}

lk_status record_load(lk_registry *r, const char *id, lk_consent_record *out, record_state *state,
                      lk_error *err)
{
    lk_stmt *q = NULL;
    LK_TRY(lk_store_prepare(r->db, RECORD_QUERY "WHERE id = ?1", &q, err));
    lk_status s = lk_stmt_bind(q, err, "s", id);
    if (s == LK_OK) s = lk_stmt_step(q, err);
    if (s == LK_OK) s = record_read(r, q, out, state, err);
    else if (s == LK_END)
        s = LK_FAIL(err, LK_E_NOTFOUND,
                    "%s holds no consent record %.40s; list them with: likeness consent list", r->dir, id);
    lk_stmt_free(&q);
    return s;
}

/* --- issuing and revoking ------------------------------------------------------------------- */

static lk_status insert_record(lk_registry *r, const lk_consent_record *c, const lk_subject *subject,
                               const uint8_t pub[LK_SIGN_PUBLIC], const uint8_t sec[LK_SIGN_SECRET],
                               lk_error *err)
{
    uint8_t subject_sig[LK_SIGN_BYTES], studio_sig[LK_SIGN_BYTES];
    lk_text text = {0}, detail = {0};
    lk_status s;
    LK_GOTO(done, record_text(c, subject, pub, r, &text, err));
    LK_GOTO(done, lk_sign_make(sec, text.s, text.len, subject_sig, err));
    LK_GOTO(done, lk_sign_make(r->studio_secret, text.s, text.len, studio_sig, err));
    lk_hash hash = lk_hash_bytes(text.s, text.len);
    pair_text(&detail, "record", c->id);
    pair_text(&detail, "subject", c->subject);
    pair_hex(&detail, "text_sha256", hash.b, LK_HASH_BYTES);
    lk_text_add(&detail, "}");
    LK_GOTO(done, lk_store_run(r->db, err, NULL,
                               "INSERT INTO record(id, subject, issued, text, subject_sig, studio_sig) "
                               "VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
                               "ssisbb", c->id, c->subject, c->from, text.s, subject_sig,
                               (size_t)LK_SIGN_BYTES, studio_sig, (size_t)LK_SIGN_BYTES));
    s = audit_append(r, "consent", &detail, NULL, NULL, err);
done:
    lk_text_clear(&text);
    lk_text_clear(&detail);
    return s;
}

static lk_status issue(lk_registry *r, const char *subject, lk_consent_record *c, lk_error *err)
{
    uint8_t key[LK_SIGN_PUBLIC], pub[LK_SIGN_PUBLIC], sec[LK_SIGN_SECRET];
    char name[64];
    lk_subject who;
    LK_TRY(audit_catch_up(r, err));
    LK_TRY(audit_check_clock(r, err));
    LK_TRY(subject_load(r, subject, &who, key, err));
    strcpy(c->subject, who.id);
    snprintf(name, sizeof name, "subject-%s.key", who.id);
    LK_TRY(keys_load(r->dir, name, pub, sec, err));
    lk_status s = memcmp(pub, key, sizeof pub) == 0
                      ? insert_record(r, c, &who, pub, sec, err)
                      : LK_FAIL(err, LK_E_CONSENT, "%s/keys/%s is not the key of %s; restore it from a copy",
                                r->dir, name, who.name);
    lk_wipe(sec, sizeof sec);
    return s;
}

lk_status lk_consent_issue(lk_registry *r, const char *subject, uint32_t uses, int64_t term_seconds,
                           const char *project, const char *statement, lk_consent_record *out, lk_error *err)
{
    lk_consent_record c = {.uses = uses, .from = lk_wall_time()};
    if (uses == 0 || (uses & ~all_uses()))
        return LK_FAIL(err, LK_E_ARG, "a consent needs at least one use, and only known ones");
    if (term_seconds < 1 || term_seconds > TEN_YEARS)
        return LK_FAIL(err, LK_E_RANGE, "a consent lasts from a second to ten years, not %lld seconds",
                       (long long)term_seconds);
    LK_TRY(check_words("project", project, sizeof c.project, false, err));
    LK_TRY(check_words("statement", statement, sizeof c.statement, true, err));
    strcpy(c.project, project);
    strcpy(c.statement, statement);
    c.until = c.from + term_seconds;
    LK_TRY(new_id(c.id, err));

    registry_lock(r);
    lk_status s = lk_store_begin(r->db, err);
    if (s == LK_OK) s = lk_store_end(r->db, issue(r, subject, &c, err), err);
    if (s == LK_OK && audit_remember_tip(r, NULL) != LK_OK)
        lk_log(1, "consent", "%s/keys/audit.tip was not renewed", r->dir);
    registry_unlock(r);
    if (s == LK_OK && out) *out = c;
    return s;
}

static lk_status revoke(lk_registry *r, const char *id, const char *reason, lk_error *err)
{
    lk_consent_record c;
    record_state state;
    lk_text detail = {0};
    LK_TRY(audit_catch_up(r, err));
    LK_TRY(record_load(r, id, &c, &state, err));
    if (state == RECORD_REVOKED) return LK_OK; /* it is what was asked for */
    pair_text(&detail, "record", c.id);
    pair_text(&detail, "reason", reason);
    lk_text_add(&detail, "}");
    lk_status s =
        lk_store_run(r->db, err, NULL, "INSERT INTO revocation(record, time, reason) VALUES(?1, ?2, ?3)",
                     "sis", c.id, lk_wall_time(), reason);
    if (s == LK_OK) s = audit_append(r, "revoke", &detail, NULL, NULL, err);
    lk_text_clear(&detail);
    return s;
}

lk_status lk_consent_revoke(lk_registry *r, const char *record_id, const char *reason, lk_error *err)
{
    if (!reason || !*reason) reason = "no reason given";
    LK_TRY(check_words("reason", reason, 512, true, err));
    registry_lock(r);
    lk_status s = lk_store_begin(r->db, err);
    if (s == LK_OK) s = lk_store_end(r->db, revoke(r, record_id, reason, err), err);
    if (s == LK_OK && audit_remember_tip(r, NULL) != LK_OK)
        lk_log(1, "consent", "%s/keys/audit.tip was not renewed", r->dir);
    registry_unlock(r);
    return s;
}

typedef struct listed {
    lk_consent_record record;
    record_state state;
} listed;

lk_status lk_consent_each(lk_registry *r, const char *subject_or_null,
                          lk_status (*fn)(void *user, const lk_consent_record *c, const char *state),
                          void *user, lk_error *err)
{
    listed *all = NULL;
    size_t n = 0, cap = 0;
    lk_stmt *q = NULL;
    lk_subject who = {{0}};
    uint8_t key[LK_SIGN_PUBLIC];
    registry_lock(r);
    lk_status s = audit_catch_up(r, err);
    if (s == LK_OK && subject_or_null) s = subject_load(r, subject_or_null, &who, key, err);
    if (s == LK_OK)
        s = lk_store_prepare(r->db, RECORD_QUERY "WHERE subject = ?1 OR ?1 IS NULL ORDER BY issued, rowid",
                             &q, err);
    if (s == LK_OK) s = lk_stmt_bind(q, err, "s", subject_or_null ? who.id : NULL);
    while (s == LK_OK && (s = lk_stmt_step(q, err)) == LK_OK) {
        if (n == cap) {
            listed *more = lk_realloc(all, n * sizeof *all, (cap = cap * 2 + 8) * sizeof *all);
            if (!more) {
                s = consent_no_memory(err);
                break;
            }
            all = more;
        }
        s = record_read(r, q, &all[n].record, &all[n].state, err);
        n++;
    }
    lk_stmt_free(&q);
    registry_unlock(r);
    if (s == LK_END) s = LK_OK;
    for (size_t i = 0; i < n && s == LK_OK; i++)
        s = fn(user, &all[i].record, record_state_name(all[i].state));
    lk_free(all);
    return s;
}
