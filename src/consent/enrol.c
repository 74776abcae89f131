/* enrol.c: enrolments and the list of those who must never be cloned. The body is text whose hash stands in the log;
 * the templates lie beside it, sealed, and the body knows the hash of the box. */
#include <stdio.h>
#include <string.h>

#include "consent/enrol.h"
#include "consent/internal.h"

static lk_status tampered(const lk_registry *r, const char *what, lk_error *err)
{
    return LK_FAIL(err, LK_E_CONSENT, "the enrolment of %s in %s/registry.db is not what the log knows; restore the folder from a "
                                      "copy (rule: tampered)", what, r->dir);
}

/* --- what is kept -------------------------------------------------------------------------------------------- */

static lk_status body_text(const lk_enrolment *e, const lk_bytes *sealed, lk_text *t, lk_error *err)
{
    lk_hash box = lk_hash_bytes(sealed->b, sealed->len);
    pair_text(t, "format", "likeness-enrolment-1");
    pair_text(t, "id", e->id);
    pair_text(t, "subject", e->subject);
    pair_text(t, "name", *e->subject ? "" : e->name);
    pair_text(t, "level", lk_assurance_name(e->level));
    pair_int(t, "when", e->when);
    pair_hex(t, "evidence", e->evidence.b, sizeof e->evidence.b);
    pair_text(t, "challenge", e->challenge);
    pair_text(t, "reviewer", e->reviewer);
    pair_text(t, "checks", e->checks);
    pair_hex(t, "templates", box.b, sizeof box.b);
    lk_text_add(t, "}");
    return t->failed ? consent_no_memory(err) : LK_OK;
}

/* face and voice, each behind its length (little-endian). The box hides which of them is there. */
static void put_template(lk_bytes *out, const uint8_t *v, size_t n)
{
    uint8_t head[2] = {(uint8_t)n, (uint8_t)(n >> 8)};
    lk_bytes_add(out, head, 2);
    lk_bytes_add(out, v, n);
}

static bool get_template(const uint8_t **p, size_t *left, uint8_t *v, size_t *n)
{
    if (*left < 2) return false;
    *n = (size_t)(*p)[0] | (size_t)(*p)[1] << 8;
    if (*n > LK_ENROL_TEMPLATE || *n > *left - 2) return false;
    memcpy(v, *p + 2, *n);
    *p += 2 + *n;
    *left -= 2 + *n;
    return true;
}

static lk_status seal(lk_registry *r, const lk_enrolment *e, lk_bytes *sealed, lk_error *err)
{
    lk_bytes plain = {0};
    put_template(&plain, e->face, e->face_n);
    put_template(&plain, e->voice, e->voice_n);
    lk_status s = plain.failed ? consent_no_memory(err) : issue_seal(r, &plain, sealed, err);
    if (plain.b) lk_wipe(plain.b, plain.len);
    lk_bytes_clear(&plain);
    return s;
}

static lk_status unseal(lk_registry *r, const uint8_t *box, size_t n, lk_enrolment *e, lk_error *err)
{
    uint8_t pub[LK_SEAL_PUBLIC], sec[LK_SEAL_SECRET], plain[2 * LK_ENROL_TEMPLATE + 4];
    if (n < LK_SEAL_EXTRA || n - LK_SEAL_EXTRA > sizeof plain) return tampered(r, e->name, err);
    LK_TRY(keys_personal(r->dir, false, pub, sec, err));
    lk_status s = lk_seal_open(sec, box, n, plain, err);
    lk_wipe(sec, sizeof sec);
    const uint8_t *p = plain;
    size_t left = n - LK_SEAL_EXTRA;
    if (s == LK_OK && !(get_template(&p, &left, e->face, &e->face_n) && get_template(&p, &left, e->voice, &e->voice_n) && left == 0))
        s = tampered(r, e->name, err);
    lk_wipe(plain, sizeof plain);
    return s;
}

/* --- adding ------------------------------------------------------------------------------------------------------ */

static lk_status check_draft(const lk_enrolment *e, lk_error *err)
{
    if (e->face_n > LK_ENROL_TEMPLATE || e->voice_n > LK_ENROL_TEMPLATE || (!e->face_n && !e->voice_n))
        return LK_FAIL(err, LK_E_ARG, "an enrolment needs a template of the face or of the voice");
    if (*e->reviewer) LK_TRY(check_words("reviewer's name", e->reviewer, sizeof e->reviewer, false, err));
    if (!*e->subject) LK_TRY(check_words("name", e->name, sizeof e->name, false, err));
    return LK_OK;
}

static lk_status note_row(lk_registry *r, const lk_enrolment *e, const char *body, size_t n, lk_error *err)
{
    lk_text detail = {0};
    lk_hash hash = lk_hash_bytes(body, n);
    if (*e->subject) pair_text(&detail, "subject", e->subject);
    pair_text(&detail, "enrolment", e->id);
    pair_text(&detail, "level", lk_assurance_name(e->level));
    pair_hex(&detail, "body", hash.b, sizeof hash.b);
    lk_text_add(&detail, "}");
    lk_status s = audit_append(r, *e->subject ? "enrol" : "protect", &detail, NULL, NULL, err);
    lk_text_clear(&detail);
    return s;
}

static lk_status add(lk_registry *r, lk_enrolment *e, lk_error *err)
{
    lk_bytes sealed = {0};
    lk_text body = {0};
    lk_status s;
    LK_TRY(audit_catch_up(r, err));
    LK_TRY(rules_check_clock(r, err));
    LK_TRY(rules_check_place(r, err));
    if (*e->subject) {
        uint8_t key[LK_SIGN_PUBLIC];
        lk_subject who;
        LK_TRY(subject_load(r, e->subject, &who, key, err));
        strcpy(e->subject, who.id);
        strcpy(e->name, who.name);
    }
    if (*e->challenge) LK_TRY(challenge_close(r, e->challenge, e->subject, err));
    LK_GOTO(done, seal(r, e, &sealed, err));
    LK_GOTO(done, body_text(e, &sealed, &body, err));
    /* Only the newest counts: what it replaces is kept as a hash in the log alone. */
    if (*e->subject) LK_GOTO(done, enrol_forget(r, e->subject, err));
    LK_GOTO(done, lk_store_run(r->db, err, NULL, "INSERT INTO enrolment(id, subject, name, body, sealed) VALUES(?1, ?2, ?3, ?4, ?5)",
                               "ssssb", e->id, e->subject, *e->subject ? "" : e->name, body.s, sealed.b, sealed.len));
    s = note_row(r, e, body.s, body.len, err);
done:
    lk_bytes_clear(&sealed);
    lk_text_clear(&body);
    return s;
}

lk_status lk_enrol_add(lk_registry *r, lk_enrolment *e, lk_error *err)
{
    LK_TRY(check_draft(e, err));
    LK_TRY(new_id(e->id, err));
    e->when = lk_wall_time();
    LK_TRY(registry_begin(r, err));
    return registry_end(r, add(r, e, err), true, err);
}

lk_status enrol_forget(lk_registry *r, const char *subject, lk_error *err)
{
    LK_TRY(lk_store_run(r->db, err, NULL, "DELETE FROM enrolment WHERE subject = ?1", "s", subject));
    return lk_store_run(r->db, err, NULL, "UPDATE challenge SET sentence = '', over = 1 WHERE subject = ?1", "s", subject);
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

static bool copy(const lk_json *v, const char *key, char *out, size_t cap)
{
    const char *s = lk_json_string(v, key, NULL);
    if (!s || strlen(s) >= cap) return false;
    strcpy(out, s);
    return true;
}

static bool read_body(const lk_json *v, lk_enrolment *e, lk_hash *box)
{
    char level[24];
    if (!copy(v, "id", e->id, sizeof e->id) || !copy(v, "subject", e->subject, sizeof e->subject) ||
        !copy(v, "name", e->name, sizeof e->name) || !copy(v, "challenge", e->challenge, sizeof e->challenge) ||
        !copy(v, "reviewer", e->reviewer, sizeof e->reviewer) || !copy(v, "checks", e->checks, sizeof e->checks) ||
        !copy(v, "level", level, sizeof level))
        return false;
    e->when = (int64_t)lk_json_number(v, "when", 0);
    int64_t value = 0;
    bool known = word_find(assurance_words, level, strlen(level), &value);
    e->level = (lk_assurance)value;
    return known && lk_hash_from_hex(lk_json_string(v, "evidence", ""), &e->evidence) &&
           lk_hash_from_hex(lk_json_string(v, "templates", ""), box);
}

/* The row must be, byte for byte, what the log has the hash of. */
static lk_status read_row(lk_registry *r, const known_enrolment *k, lk_stmt *q, const char *name, lk_enrolment *e, lk_error *err)
{
    const char *body;
    size_t n;
    lk_hash box, hash;
    lk_arena *arena = NULL;
    lk_json *v = NULL;
    LK_TRY(lk_stmt_need_text(q, 0, &body, err));
    const uint8_t *sealed = lk_stmt_blob(q, 1, &n);
    hash = lk_hash_bytes(body, strlen(body));
    if (!lk_hash_equal(&hash, &k->body) || !sealed) return tampered(r, name, err);
    if (lk_arena_new(&arena, 4096) != LK_OK) return consent_no_memory(err);
    lk_status s = lk_json_parse(body, strlen(body), arena, &v, err);
    if (s == LK_OK && !read_body(v, e, &box)) s = tampered(r, name, err);
    if (s == LK_OK) {
        hash = lk_hash_bytes(sealed, n);
        s = lk_hash_equal(&hash, &box) ? unseal(r, sealed, n, e, err) : tampered(r, name, err);
    }
    if (s == LK_OK && *e->subject) snprintf(e->name, sizeof e->name, "%s", name);
    lk_arena_free(arena);
    return s;
}

static lk_status load(lk_registry *r, const known_enrolment *k, const char *name, lk_enrolment *e, lk_error *err)
{
    lk_stmt *q = NULL;
    memset(e, 0, sizeof *e);
    LK_TRY(lk_store_prepare(r->db, "SELECT body, sealed FROM enrolment WHERE id = ?1", &q, err));
    lk_status s = lk_stmt_bind(q, err, "s", k->id);
    if (s == LK_OK) s = lk_stmt_step(q, err);
    if (s == LK_OK) s = read_row(r, k, q, name, e, err);
    else if (s == LK_END) s = tampered(r, name, err);
    lk_stmt_free(&q);
    return s;
}

static lk_status find(lk_registry *r, const char *subject, lk_enrolment *out, lk_error *err)
{
    uint8_t key[LK_SIGN_PUBLIC];
    lk_subject who;
    LK_TRY(audit_catch_up(r, err));
    LK_TRY(subject_load(r, subject, &who, key, err));
    const known_enrolment *k = known_enrolled(&r->known, who.id);
    if (!k)
        return LK_FAIL(err, LK_E_NOTFOUND, "nobody has shown who %s is: footage cannot be compared with anything; enroll them first "
                                           "with: likeness subject enroll '%s' (rule: enrolment)", who.name, who.name);
    return load(r, k, who.name, out, err);
}

lk_status enrol_assurance(lk_registry *r, const char *id, lk_assurance *level, lk_hash *evidence, lk_error *err)
{
    const known_enrolment *k = known_enrolled(&r->known, id);
    *level = LK_ASSURED_UNVERIFIED;
    *evidence = (lk_hash){{0}};
    if (!k) return LK_OK;
    lk_enrolment *e = lk_calloc(1, sizeof *e);
    lk_status s = e ? load(r, k, id, e, err) : consent_no_memory(err);
    if (s == LK_OK) {
        *level = e->level;
        *evidence = k->body;
    }
    if (e) lk_wipe(e, sizeof *e);
    lk_free(e);
    return s;
}

lk_status lk_enrol_find(lk_registry *r, const char *subject, lk_enrolment *out, lk_error *err)
{
    memset(out, 0, sizeof *out);
    registry_lock(r);
    lk_status s = find(r, subject, out, err);
    registry_unlock(r);
    return s;
}

lk_status lk_enrol_get(lk_registry *r, const char *subject, const char *what_for, lk_enrolment *out, lk_error *err)
{
    lk_error local;
    lk_subject who;
    if (!err) err = &local;
    LK_TRY(lk_subject_find(r, subject, &who, err));
    lk_status s = lk_enrol_find(r, subject, out, err);
    if (s == LK_E_NOTFOUND || s == LK_E_CONSENT) {
        refusal_note(r, s == LK_E_NOTFOUND ? RULE_ENROLMENT : RULE_TAMPERED, who.id, "", 0, what_for);
        lk_error why = *err;
        return LK_FAIL(err, LK_E_CONSENT, "%s", why.message);
    }
    return s;
}

/* --- everybody ---------------------------------------------------------------------------------------------------- */

/* A copy of what the log knows is walked, not the table: a row that somebody took away is missed. */
lk_status lk_enrol_each(lk_registry *r, lk_status (*fn)(void *user, const lk_enrolment *e), void *user, lk_error *err)
{
    registry_lock(r);
    lk_status s = audit_catch_up(r, err);
    size_t n = s == LK_OK ? r->known.enrolment_count : 0;
    known_enrolment *all = n ? lk_calloc(n, sizeof *all) : NULL;
    lk_enrolment *e = lk_calloc(1, sizeof *e);
    if (s == LK_OK && (!e || (n && !all))) s = consent_no_memory(err);
    if (s == LK_OK && n) memcpy(all, r->known.enrolments, n * sizeof *all);
    registry_unlock(r);
    for (size_t i = 0; i < n && s == LK_OK; i++) {
        uint8_t key[LK_SIGN_PUBLIC];
        lk_subject who = {.name = "a protected person"};
        registry_lock(r);
        if (*all[i].whose) s = subject_load(r, all[i].whose, &who, key, err);
        if (s == LK_OK) s = load(r, &all[i], who.name, e, err);
        registry_unlock(r);
        if (s == LK_OK) s = fn(user, e);
    }
    if (e) lk_wipe(e, sizeof *e);
    lk_free(e);
    lk_free(all);
    return s;
}

static lk_status unprotect(lk_registry *r, const char *which, lk_error *err)
{
    char id[37] = "";
    lk_stmt *q = NULL;
    lk_text detail = {0};
    LK_TRY(audit_catch_up(r, err));
    LK_TRY(lk_store_prepare(r->db, "SELECT id FROM enrolment WHERE subject = '' AND (id = ?1 OR name = ?1)", &q, err));
    lk_status s = lk_stmt_bind(q, err, "s", which);
    if (s == LK_OK) s = lk_stmt_step(q, err);
    if (s == LK_OK) s = lk_stmt_copy_text(q, 0, id, sizeof id, err);
    lk_stmt_free(&q);
    if (s == LK_END) return LK_FAIL(err, LK_E_NOTFOUND, "nobody called '%s' is on the list of those who must never be cloned", which);
    LK_TRY(s);
    LK_TRY(lk_store_run(r->db, err, NULL, "DELETE FROM enrolment WHERE id = ?1", "s", id));
    pair_text(&detail, "enrolment", id);
    lk_text_add(&detail, "}");
    s = audit_append(r, "unprotect", &detail, NULL, NULL, err);
    lk_text_clear(&detail);
    return s;
}

lk_status lk_protect_remove(lk_registry *r, const char *id_or_name, lk_error *err)
{
    LK_TRY(registry_begin(r, err));
    return registry_end(r, unprotect(r, id_or_name, err), false, err);
}

/* --- decisions from above --------------------------------------------------------------------------------------------- */

void lk_refusal_note(lk_registry *r, lk_refusal why, const char *subject, lk_use use, const char *what_for)
{
    static const rule rules[] = {[LK_REFUSED_ENROLMENT] = RULE_ENROLMENT,
                                 [LK_REFUSED_MATCH] = RULE_MATCH,
                                 [LK_REFUSED_TWIN] = RULE_TWIN,
                                 [LK_REFUSED_PROTECTED] = RULE_PROTECTED,
                                 [LK_REFUSED_CHALLENGE] = RULE_CHALLENGE,
                                 [LK_REFUSED_MADE] = RULE_MADE};
    lk_subject who = {.id = ""};
    if (subject && lk_subject_find(r, subject, &who, NULL) != LK_OK) *who.id = '\0';
    refusal_note(r, rules[why], who.id, "", use, what_for);
}

lk_status lk_review_note(lk_registry *r, const char *subject, const char *reviewer, const char *about, const lk_hash *hash,
                         double score, lk_error *err)
{
    uint8_t key[LK_SIGN_PUBLIC];
    char number[32];
    lk_subject who;
    lk_text t = {0};
    LK_TRY(check_words("reviewer's name", reviewer, 128, false, err));
    LK_TRY(registry_begin(r, err));
    lk_status s = audit_catch_up(r, err);
    if (s == LK_OK) s = subject_load(r, subject, &who, key, err);
    if (s == LK_OK) {
        snprintf(number, sizeof number, "%.3f", score);
        pair_text(&t, "subject", who.id);
        pair_text(&t, "reviewer", reviewer);
        pair_text(&t, "about", about);
        pair_hex(&t, "file", hash->b, sizeof hash->b);
        pair_text(&t, "score", number);
        lk_text_add(&t, "}");
        s = audit_append(r, "review", &t, NULL, NULL, err);
    }
    lk_text_clear(&t);
    return registry_end(r, s, false, err);
}
