/* record.c: reading records: nothing counts that is not verified at this moment, by signature and by the log.
 */
#include <stdio.h>
#include <string.h>

#include "consent/bound.h"
#include "consent/internal.h"

/* The bytes and both signatures of the newest version. */
static lk_status verify_version(const lk_registry *r, lk_stmt *row, record *out, lk_error *err)
{
    uint8_t subject_sig[LK_SIGN_BYTES], studio_sig[LK_SIGN_BYTES];
    lk_consent_terms *t = &out->terms;
    size_t n = 0;
    const void *body = lk_stmt_blob(row, 6, &n);
    LK_TRY(lk_stmt_copy_blob(row, 7, subject_sig, sizeof subject_sig, err));
    LK_TRY(lk_stmt_copy_blob(row, 8, studio_sig, sizeof studio_sig, err));
    LK_TRY(lk_consent_decode(body, n, t, err));
    LK_TRY(cose_check(COSE_RECORD, t->subject_key, body, n, subject_sig, err));
    LK_TRY(cose_check(COSE_RECORD, r->studio_public, body, n, studio_sig, err));
    if (memcmp(t->studio_key, r->studio_public, LK_SIGN_PUBLIC) || t->version != lk_stmt_int(row, 5))
        return LK_FAIL(err, LK_E_FORMAT, "the row's columns differ from what was signed");
    out->hash = lk_hash_bytes(body, n);
    return LK_OK;
}

/* LK_E_FORMAT or LK_E_CONSENT: not what was signed. Other failures say nothing about the record. */
static lk_status verify(lk_registry *r, lk_stmt *row, record *out, lk_error *err)
{
    uint8_t key[LK_SIGN_PUBLIC];
    lk_consent_record *b = &out->brief;
    lk_subject subject;
    LK_TRY(lk_stmt_copy_text(row, 0, b->id, sizeof b->id, err));
    LK_TRY(lk_stmt_copy_text(row, 1, b->subject, sizeof b->subject, err));
    lk_status s = subject_load(r, b->subject, &subject, key, err);
    if (s == LK_E_NOTFOUND) s = LK_E_FORMAT;
    LK_TRY(s);
    out->first_form = lk_stmt_null(row, 5);
    LK_TRY(out->first_form ? record_v1_read(r, row, &subject, &out->terms, &out->hash, err)
                           : verify_version(r, row, out, err));
    if (strcmp(out->terms.id, b->id) || strcmp(out->terms.subject, b->subject))
        return LK_FAIL(err, LK_E_FORMAT, "the row's columns differ from what was signed");
    const known_record *known = known_find(&r->known, b->id);
    if (!known || known->version != out->terms.version || !lk_hash_equal(&known->hash, &out->hash))
        return LK_FAIL(err, LK_E_FORMAT, "the log knows another version of the record, or none");
    return LK_OK;
}

static lk_status revoked_at(lk_registry *r, const char *id, int64_t *when, lk_error *err)
{
    lk_stmt *q = NULL;
    const known_record *known = known_find(&r->known, id);
    *when = known ? known->revoked : 0;
    LK_TRY(lk_store_prepare(r->db, "SELECT time FROM revocation WHERE record = ?1", &q, err));
    lk_status s = lk_stmt_bind(q, err, "s", id);
    if (s == LK_OK) s = lk_stmt_step(q, err);
    if (s == LK_OK && *when == 0) *when = LK_MAX(lk_stmt_int(q, 0), 1);
    lk_stmt_free(&q);
    return s == LK_END ? LK_OK : s;
}

lk_status record_read(lk_registry *r, lk_stmt *row, record *out, lk_error *err)
{
    memset(out, 0, sizeof *out);
    lk_status s = verify(r, row, out, err);
    if (s == LK_E_FORMAT || s == LK_E_CONSENT) {
        /* Nothing of it may be believed but its name in the list. */
        record bare = {.state = RULE_TAMPERED};
        strcpy(bare.brief.id, out->brief.id);
        strcpy(bare.brief.subject, out->brief.subject);
        *out = bare;
        return LK_OK;
    }
    LK_TRY(s);
    lk_consent_record *b = &out->brief;
    strcpy(b->statement, out->terms.statement);
    strcpy(b->project, out->terms.project);
    b->uses = out->terms.uses;
    b->from = out->terms.from;
    b->until = out->terms.until;
    b->version = out->terms.version;
    LK_TRY(revoked_at(r, b->id, &b->revoked, err));
    return rules_judge(r, out, err);
}

lk_status record_load(lk_registry *r, const char *id, record *out, lk_error *err)
{
    lk_stmt *q = NULL;
    LK_TRY(lk_store_prepare(r->db, RECORD_QUERY "WHERE record.id = ?1", &q, err));
    lk_status s = lk_stmt_bind(q, err, "s", id);
    if (s == LK_OK) s = lk_stmt_step(q, err);
    if (s == LK_OK) s = record_read(r, q, out, err);
    else if (s == LK_END)
        s = LK_FAIL(err, LK_E_NOTFOUND,
                    "%s holds no consent record %.40s; list them with: likeness consent list", r->dir, id);
    lk_stmt_free(&q);
    return s;
}

/* --- revoking ------------------------------------------------------------------------------------ */

lk_status record_revoke(lk_registry *r, const char *id, const char *reason, const char *signed_by,
                        lk_error *err)
{
    record c;
    lk_text detail = {0};
    LK_TRY(audit_catch_up(r, err));
    LK_TRY(record_load(r, id, &c, err));
    if (c.state == RULE_REVOKED) return LK_OK; /* it is what was asked for */
    pair_text(&detail, "record", c.brief.id);
    pair_text(&detail, "reason", reason);
    pair_text(&detail, "signed_by", signed_by);
    lk_text_add(&detail, "}");
    lk_status s =
        lk_store_run(r->db, err, NULL, "INSERT INTO revocation(record, time, reason) VALUES(?1, ?2, ?3)",
                     "sis", c.brief.id, lk_wall_time(), reason);
    if (s == LK_OK) s = audit_append(r, "revoke", &detail, NULL, NULL, err);
    if (s == LK_OK) s = bind_destroy(r, c.brief.id, err);
    lk_text_clear(&detail);
    return s;
}

lk_status lk_consent_revoke(lk_registry *r, const char *record_id, const char *reason, lk_error *err)
{
    if (!reason || !*reason) reason = "no reason given";
    LK_TRY(check_words("reason", reason, 512, true, err));
    LK_TRY(registry_begin(r, err));
    lk_status s = registry_end(r, record_revoke(r, record_id, reason, "studio", err), false, err);
    if (s == LK_OK) bind_scrub(r);
    return s;
}

/* --- asking ---------------------------------------------------------------------------------------- */

typedef struct listed {
    lk_consent_record record;
    rule state;
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
    record c;
    registry_lock(r);
    lk_status s = audit_catch_up(r, err);
    if (s == LK_OK && subject_or_null) s = subject_load(r, subject_or_null, &who, key, err);
    if (s == LK_OK)
        s = lk_store_prepare(r->db,
                             RECORD_QUERY
                             "WHERE record.subject = ?1 OR ?1 IS NULL ORDER BY record.issued, record.rowid",
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
        s = record_read(r, q, &c, err);
        all[n++] = (listed){c.brief, c.state};
    }
    lk_stmt_free(&q);
    registry_unlock(r);
    if (s == LK_END) s = LK_OK;
    for (size_t i = 0; i < n && s == LK_OK; i++) s = fn(user, &all[i].record, rule_state(all[i].state));
    lk_free(all);
    return s;
}

/* The personal block of the newest version, when there is one, its key is there, and it is the one that was
 * signed. */
static lk_status open_personal(lk_registry *r, const record *c, lk_consent_detail *out, lk_error *err)
{
    uint8_t pub[LK_SEAL_PUBLIC], sec[LK_SEAL_SECRET];
    lk_stmt *q = NULL;
    size_t n = 0;
    lk_bytes plain = {0};
    LK_TRY(lk_store_prepare(r->db, "SELECT sealed FROM version WHERE record = ?1 AND number = ?2", &q, err));
    lk_status s = lk_stmt_bind(q, err, "si", c->brief.id, c->brief.version);
    if (s == LK_OK) s = lk_stmt_step(q, err);
    const uint8_t *box = s == LK_OK ? lk_stmt_blob(q, 0, &n) : NULL;
    if (box && n > LK_SEAL_EXTRA && keys_personal(r->dir, false, pub, sec, NULL) == LK_OK) {
        lk_bytes_zeros(&plain, n - LK_SEAL_EXTRA);
        s = plain.failed ? consent_no_memory(err) : lk_seal_open(sec, box, n, plain.b, err);
        lk_hash hash = s == LK_OK ? lk_hash_bytes(plain.b, plain.len) : (lk_hash){{0}};
        if (s == LK_OK && !lk_hash_equal(&hash, &c->terms.personal))
            s = LK_FAIL(err, LK_E_FORMAT,
                        "the personal block of consent record %s is not the one that was signed",
                        c->brief.id);
        if (s == LK_OK) s = lk_personal_decode(plain.b, plain.len, &out->personal, err);
        out->has_personal = s == LK_OK;
        lk_wipe(sec, sizeof sec);
        if (plain.b) lk_wipe(plain.b, plain.len);
    }
    lk_bytes_clear(&plain);
    lk_stmt_free(&q);
    return s == LK_END ? LK_OK : s;
}

lk_status lk_consent_show(lk_registry *r, const char *record_id, lk_consent_detail *out, lk_error *err)
{
    record c;
    lk_subject who;
    uint8_t key[LK_SIGN_PUBLIC];
    memset(out, 0, sizeof *out);
    registry_lock(r);
    lk_status s = audit_catch_up(r, err);
    if (s == LK_OK) s = record_load(r, record_id, &c, err);
    if (s == LK_OK && c.state == RULE_TAMPERED) s = rules_refuse(r, c.state, c.brief.subject, "", &c, err);
    if (s == LK_OK) s = subject_load(r, c.brief.subject, &who, key, err);
    if (s == LK_OK) s = rules_outputs(r, c.brief.id, &out->outputs, err);
    if (s == LK_OK && terms_hash_given(&c.terms.personal)) s = open_personal(r, &c, out, err);
    if (s == LK_OK) {
        out->brief = c.brief;
        out->terms = c.terms;
        out->hash = c.hash;
        out->first_form = c.first_form;
        snprintf(out->state, sizeof out->state, "%s", rule_state(c.state));
        snprintf(out->name, sizeof out->name, "%s", who.name);
    }
    registry_unlock(r);
    return s;
}

lk_status lk_consent_hash(lk_registry *r, const char *record_id, lk_hash *out, lk_error *err)
{
    record c;
    registry_lock(r);
    lk_status s = audit_catch_up(r, err);
    if (s == LK_OK) s = record_load(r, record_id, &c, err);
    if (s == LK_OK && c.state == RULE_TAMPERED) s = rules_refuse(r, c.state, c.brief.subject, "", &c, err);
    if (s == LK_OK) *out = c.hash;
    registry_unlock(r);
    return s;
}

/* The log knows every version, the tables too; the log cannot be edited. */
static lk_status find_version(lk_registry *r, const lk_hash *named, char id[37], lk_error *err)
{
    char hex[LK_HASH_HEX];
    lk_stmt *q = NULL;
    lk_hash_hex(named, hex);
    LK_TRY(lk_store_prepare(
        r->db,
        "SELECT json_extract(detail, '$.record') FROM audit WHERE kind IN ('consent', 'amend') AND "
        "coalesce(json_extract(detail, '$.consent'), json_extract(detail, '$.text_sha256')) = ?1",
        &q, err));
    lk_status s = lk_stmt_bind(q, err, "s", hex);
    if (s == LK_OK) s = lk_stmt_step(q, err);
    if (s == LK_OK) s = lk_stmt_copy_text(q, 0, id, 37, err);
    lk_stmt_free(&q);
    return s;
}

lk_status lk_consent_find(lk_registry *r, const lk_hash *named, char record_id[37], lk_error *err)
{
    registry_lock(r);
    lk_status s = audit_catch_up(r, err);
    if (s == LK_OK) s = find_version(r, named, record_id, err);
    for (size_t i = 0; s == LK_END && i < r->known.record_count; i++) {
        const char *id = r->known.records[i].id;
        lk_hash h = lk_hash_bytes(id, strlen(id));
        if (lk_hash_equal(&h, named)) {
            strcpy(record_id, id);
            s = LK_OK;
        }
    }
    registry_unlock(r);
    return s == LK_END ? LK_FAIL(err, LK_E_NOTFOUND, "%s holds no consent record of that hash", r->dir) : s;
}
