/* request.c: signing with two hands. The studio asks with a file, the subject answers with a file signed on a
 * machine of their own, the studio adds its signature; what comes back must be, byte for byte, what was
 * asked. */
#include <stdio.h>
#include <string.h>

#include "consent/bound.h"
#include "consent/internal.h"

#define ANSWER_WITHIN ((int64_t)30 * 86400) /* seconds that a question stays open */

static const uint8_t no_key[LK_SIGN_PUBLIC];

static bool copy_text(const lk_cbor *v, char *out, size_t cap)
{
    if (!v || v->kind != LK_CBOR_TEXT || v->number >= cap || memchr(v->data, 0, v->number)) return false;
    memcpy(out, v->data, v->number);
    out[v->number] = '\0';
    return true;
}

/* --- asking ------------------------------------------------------------------------------ */

static lk_status write_question(const lk_registry *r, const char *name, const lk_bytes *body,
                                const lk_bytes *personal, lk_bytes *file, lk_error *err)
{
    lk_bytes q = {0};
    lk_cbor_map(&q, 4);
    lk_cbor_text(&q, "name");
    lk_cbor_text(&q, name);
    lk_cbor_text(&q, "record");
    lk_cbor_bytes(&q, body->b, body->len);
    lk_cbor_text(&q, "schema");
    lk_cbor_text(&q, "likeness-consent-request-1");
    lk_cbor_text(&q, "personal");
    if (personal->len) lk_cbor_bytes(&q, personal->b, personal->len);
    else lk_cbor_null(&q);
    lk_status s = q.failed
                      ? consent_no_memory(err)
                      : cose_write(COSE_REQUEST, r->studio_public, r->studio_secret, q.b, q.len, file, err);
    if (q.b) lk_wipe(q.b, q.len);
    lk_bytes_clear(&q);
    return s;
}

static lk_status keep_question(lk_registry *r, const lk_consent_terms *t, const lk_bytes *body,
                               const lk_bytes *sealed, lk_error *err)
{
    lk_text detail = {0};
    LK_TRY(lk_store_run(r->db, err, NULL,
                        "INSERT OR REPLACE INTO request(record, number, body, sealed) VALUES(?1, ?2, ?3, ?4)",
                        sealed->len ? "sibb" : "sibn", t->id, t->version, body->b, body->len, sealed->b,
                        sealed->len));
    pair_text(&detail, "record", t->id);
    pair_int(&detail, "version", t->version);
    pair_text(&detail, "subject", t->subject);
    lk_text_add(&detail, "}");
    lk_status s = audit_append(r, "request", &detail, NULL, NULL, err);
    lk_text_clear(&detail);
    return s;
}

static lk_status request(lk_registry *r, const lk_consent_draft *d, const uint8_t *own_key,
                         lk_consent_terms *t, lk_bytes *personal, lk_bytes *file, lk_error *err)
{
    lk_subject who;
    lk_bytes body = {0}, sealed = {0};
    LK_TRY(issue_terms(r, d, t, &who, personal, err));
    const known_person *known = known_own_key(&r->known, who.id);
    if (known && own_key && memcmp(known->key, own_key, LK_SIGN_PUBLIC))
        return LK_FAIL(err, LK_E_CONSENT, "%s signs with another key than the one given; leave it out",
                       who.name);
    t->subject_holds_key = true;
    memcpy(t->subject_key, known ? known->key : own_key ? own_key : no_key, LK_SIGN_PUBLIC);
    lk_status s = lk_consent_encode(t, &body, err);
    if (s == LK_OK) s = issue_seal(r, personal, &sealed, err);
    if (s == LK_OK) s = write_question(r, who.name, &body, personal, file, err);
    if (s == LK_OK) s = keep_question(r, t, &body, &sealed, err);
    lk_bytes_clear(&body);
    lk_bytes_clear(&sealed);
    return s;
}

lk_status lk_consent_request(lk_registry *r, const lk_consent_draft *d, const uint8_t *own_key,
                             lk_bytes *file, char id[37], lk_error *err)
{
    lk_consent_terms t;
    lk_bytes personal = {0};
    LK_TRY(registry_begin(r, err));
    lk_status s = registry_end(r, request(r, d, own_key, &t, &personal, file, err), false, err);
    if (personal.b) lk_wipe(personal.b, personal.len);
    lk_bytes_clear(&personal);
    if (s == LK_OK && id) strcpy(id, t.id);
    return s;
}

/* --- answering, on the subject's machine -------------------------------------------------------- */

static lk_status read_question(const lk_cbor *map, const uint8_t signer[LK_SIGN_PUBLIC],
                               lk_consent_question *out, lk_error *err)
{
    const lk_cbor *body = lk_cbor_get(map, "record"), *personal = lk_cbor_get(map, "personal");
    if (!body || body->kind != LK_CBOR_BYTES || !personal ||
        (personal->kind != LK_CBOR_BYTES && personal->kind != LK_CBOR_NULL) ||
        !copy_text(lk_cbor_get(map, "name"), out->name, sizeof out->name) ||
        !lk_cbor_is_text(lk_cbor_get(map, "schema"), "likeness-consent-request-1"))
        return LK_FAIL(err, LK_E_FORMAT, "a request lacks a part");
    LK_TRY(lk_consent_decode(body->data, body->number, &out->terms, err));
    if (check_words("name", out->name, sizeof out->name, false, err) != LK_OK) return LK_E_FORMAT;
    if (memcmp(out->terms.studio_key, signer, LK_SIGN_PUBLIC) || !out->terms.subject_holds_key)
        return LK_FAIL(err, LK_E_FORMAT, "a request is not signed by the studio that it names");
    out->has_personal = personal->kind == LK_CBOR_BYTES;
    if (out->has_personal != terms_hash_given(&out->terms.personal))
        return LK_FAIL(err, LK_E_FORMAT, "a request comes without the personal block that it stands on");
    if (!out->has_personal) return LK_OK;
    lk_hash hash = lk_hash_bytes(personal->data, personal->number);
    if (!lk_hash_equal(&hash, &out->terms.personal))
        return LK_FAIL(err, LK_E_FORMAT, "a request comes with another personal block than it stands on");
    return lk_personal_decode(personal->data, personal->number, &out->personal, err);
}

lk_status lk_consent_question_read(const void *file, size_t n, lk_consent_question *out, lk_error *err)
{
    uint8_t signer[LK_SIGN_PUBLIC], sig[LK_SIGN_BYTES];
    const uint8_t *payload = NULL;
    size_t payload_n = 0;
    lk_arena *arena = NULL;
    lk_cbor *map = NULL;
    memset(out, 0, sizeof *out);
    LK_TRY(cose_read(file, n, COSE_REQUEST, signer, &payload, &payload_n, sig, err));
    if (lk_arena_new(&arena, 4096) != LK_OK) return consent_no_memory(err);
    lk_status s = lk_cbor_parse(payload, payload_n, LK_CBOR_STRICT, arena, &map, err);
    if (s == LK_OK) s = read_question(map, signer, out, err);
    lk_arena_free(arena);
    if (s != LK_OK) lk_wipe(out, sizeof *out);
    return s;
}

lk_status lk_consent_answer(const lk_consent_question *q, const uint8_t pub[LK_SIGN_PUBLIC],
                            const uint8_t sec[LK_SIGN_SECRET], lk_bytes *signed_file, lk_error *err)
{
    lk_consent_terms t = q->terms;
    lk_bytes body = {0};
    if (memcmp(t.subject_key, no_key, LK_SIGN_PUBLIC) && memcmp(t.subject_key, pub, LK_SIGN_PUBLIC))
        return LK_FAIL(err, LK_E_CONSENT,
                       "this request is for another key than yours; sign with the key that you signed "
                       "with before, or tell the studio");
    if (!memcmp(t.studio_key, pub, LK_SIGN_PUBLIC))
        return LK_FAIL(err, LK_E_CONSENT,
                       "the studio cannot agree in the place of the person: this is the studio's key");
    memcpy(t.subject_key, pub, LK_SIGN_PUBLIC);
    lk_status s = lk_consent_encode(&t, &body, err);
    if (s == LK_OK) s = cose_write(COSE_RECORD, pub, sec, body.b, body.len, signed_file, err);
    lk_bytes_clear(&body);
    return s;
}

lk_status lk_consent_withdraw(const void *signed_file, size_t n, const char *reason,
                              const uint8_t pub[LK_SIGN_PUBLIC], const uint8_t sec[LK_SIGN_SECRET],
                              lk_bytes *out, lk_error *err)
{
    uint8_t signer[LK_SIGN_PUBLIC], sig[LK_SIGN_BYTES];
    const uint8_t *payload = NULL;
    size_t payload_n = 0;
    lk_consent_terms t;
    lk_bytes w = {0};
    if (!reason || !*reason) reason = "no reason given";
    LK_TRY(check_words("reason", reason, 512, true, err));
    LK_TRY(cose_read(signed_file, n, COSE_RECORD, signer, &payload, &payload_n, sig, err));
    LK_TRY(lk_consent_decode(payload, payload_n, &t, err));
    if (memcmp(signer, pub, LK_SIGN_PUBLIC))
        return LK_FAIL(err, LK_E_CONSENT, "this record was signed with another key than yours");
    lk_cbor_map(&w, 3);
    lk_cbor_text(&w, "reason");
    lk_cbor_text(&w, reason);
    lk_cbor_text(&w, "record");
    lk_cbor_text(&w, t.id);
    lk_cbor_text(&w, "schema");
    lk_cbor_text(&w, "likeness-consent-withdrawal-1");
    lk_status s =
        w.failed ? consent_no_memory(err) : cose_write(COSE_WITHDRAWAL, pub, sec, w.b, w.len, out, err);
    lk_bytes_clear(&w);
    return s;
}

/* --- back in the studio ---------------------------------------------------------------------------- */

/* The answer must be the question with nothing but the key filled in. */
static lk_status fits_question(const lk_consent_terms *t, const void *asked, size_t asked_n,
                               const void *answer, size_t answer_n, lk_error *err)
{
    lk_consent_terms q;
    lk_bytes again = {0};
    LK_TRY(lk_consent_decode(asked, asked_n, &q, err));
    bool open = !memcmp(q.subject_key, no_key, LK_SIGN_PUBLIC);
    if (open) memcpy(q.subject_key, t->subject_key, LK_SIGN_PUBLIC);
    lk_status s = lk_consent_encode(&q, &again, err);
    if (s == LK_OK && (again.len != answer_n || memcmp(again.b, answer, answer_n)))
        s = LK_FAIL(err, LK_E_CONSENT, "what was signed is not what was asked (record %s); ask anew", t->id);
    lk_bytes_clear(&again);
    return s;
}

static lk_status may_sign(lk_registry *r, const lk_consent_terms *t, const lk_subject *who, lk_error *err)
{
    const known_person *own = known_own_key(&r->known, t->subject);
    const known_record *before = known_find(&r->known, t->id);
    int64_t now = lk_wall_time();
    if (own && memcmp(own->key, t->subject_key, LK_SIGN_PUBLIC))
        return LK_FAIL(
            err, LK_E_CONSENT,
            "this is signed with another key than %s signed with before; ask %s, and if the key is lost, "
            "revoke what it signed and add them anew",
            who->name, who->name);
    if (!memcmp(t->subject_key, r->studio_public, LK_SIGN_PUBLIC))
        return LK_FAIL(err, LK_E_CONSENT, "this is signed with the studio's own key, not with %s's",
                       who->name);
    if (before && before->revoked)
        return LK_FAIL(err, LK_E_CONSENT,
                       "consent record %s was revoked; ask %s for a new one (rule: revoked)", t->id,
                       who->name);
    if ((t->version == 1) != !before ||
        (before && (before->version != t->version - 1 || !lk_hash_equal(&before->hash, &t->previous))))
        return LK_FAIL(err, LK_E_CONSENT, "consent record %s has changed since this was asked; ask anew",
                       t->id);
    if (now >= t->until || now >= t->created + ANSWER_WITHIN)
        return LK_FAIL(err, LK_E_CONSENT,
                       "this was asked too long ago to be answered now; ask anew (rule: term)");
    return LK_OK;
}

static lk_status accept_answer(lk_registry *r, const uint8_t signer[LK_SIGN_PUBLIC], const uint8_t *payload,
                               size_t n, const uint8_t sig[LK_SIGN_BYTES], lk_consent_terms *t, lk_error *err)
{
    uint8_t key[LK_SIGN_PUBLIC];
    lk_subject who;
    lk_stmt *q = NULL;
    lk_bytes body = {0};
    LK_TRY(audit_catch_up(r, err));
    LK_TRY(rules_check_clock(r, err));
    LK_TRY(rules_check_place(r, err));
    LK_TRY(lk_consent_decode(payload, n, t, err));
    if (memcmp(signer, t->subject_key, LK_SIGN_PUBLIC))
        return LK_FAIL(err, LK_E_CONSENT, "consent record %s is signed by another key than it names", t->id);
    LK_TRY(lk_store_prepare(r->db, "SELECT body, sealed FROM request WHERE record = ?1 AND number = ?2", &q,
                            err));
    lk_status s = lk_stmt_bind(q, err, "si", t->id, t->version);
    if (s == LK_OK) s = lk_stmt_step(q, err);
    if (s == LK_END)
        s = LK_FAIL(err, LK_E_CONSENT,
                    "%s did not ask for record %s, or it was answered already; see: likeness consent "
                    "list",
                    r->dir, t->id);
    size_t asked_n = 0, sealed_n = 0;
    const void *asked = s == LK_OK ? lk_stmt_blob(q, 0, &asked_n) : NULL;
    const void *sealed = s == LK_OK ? lk_stmt_blob(q, 1, &sealed_n) : NULL;
    if (s == LK_OK) s = fits_question(t, asked, asked_n, payload, n, err);
    if (s == LK_OK) s = subject_load(r, t->subject, &who, key, err);
    if (s == LK_OK) s = may_sign(r, t, &who, err);
    lk_bytes_add(&body, payload, n);
    if (s == LK_OK && body.failed) s = consent_no_memory(err);
    if (s == LK_OK) s = issue_insert(r, t, &body, sig, sealed, sealed ? sealed_n : 0, err);
    lk_stmt_free(&q);
    lk_bytes_clear(&body);
    if (s == LK_OK) s = lk_store_run(r->db, err, NULL, "DELETE FROM request WHERE record = ?1", "s", t->id);
    return s;
}

static lk_status accept_withdrawal(lk_registry *r, const uint8_t signer[LK_SIGN_PUBLIC],
                                   const uint8_t *payload, size_t n, record *c, lk_error *err)
{
    char id[37], reason[512];
    lk_arena *arena = NULL;
    lk_cbor *map = NULL;
    if (lk_arena_new(&arena, 2048) != LK_OK) return consent_no_memory(err);
    lk_status s = lk_cbor_parse(payload, n, LK_CBOR_STRICT, arena, &map, err);
    if (s == LK_OK && (!copy_text(lk_cbor_get(map, "record"), id, sizeof id) ||
                       !copy_text(lk_cbor_get(map, "reason"), reason, sizeof reason)))
        s = LK_FAIL(err, LK_E_FORMAT, "a withdrawal lacks a part");
    lk_arena_free(arena);
    LK_TRY(s);
    LK_TRY(check_words("reason", reason, sizeof reason, true, err));
    LK_TRY(audit_catch_up(r, err));
    LK_TRY(record_load(r, id, c, err));
    if (c->state == RULE_TAMPERED) return rules_refuse(r, c->state, c->brief.subject, "", c, err);
    if (memcmp(signer, c->terms.subject_key, LK_SIGN_PUBLIC))
        return LK_FAIL(err, LK_E_CONSENT, "this withdrawal is not signed by whom consent record %s is of",
                       id);
    LK_TRY(record_revoke(r, id, reason, "subject", err));
    if (!c->brief.revoked) c->brief.revoked = lk_wall_time();
    return LK_OK;
}

lk_status lk_consent_accept(lk_registry *r, const void *file, size_t n, lk_consent_record *out, lk_error *err)
{
    uint8_t signer[LK_SIGN_PUBLIC], sig[LK_SIGN_BYTES];
    const uint8_t *payload = NULL;
    size_t payload_n = 0;
    record c = {.state = RULE_NONE};
    lk_status first = cose_read(file, n, COSE_WITHDRAWAL, signer, &payload, &payload_n, sig, err);
    bool withdrawal = first == LK_OK;
    if (!withdrawal && first != LK_E_FORMAT) return first;
    if (!withdrawal) LK_TRY(cose_read(file, n, COSE_RECORD, signer, &payload, &payload_n, sig, err));
    LK_TRY(registry_begin(r, err));
    lk_status s = withdrawal ? accept_withdrawal(r, signer, payload, payload_n, &c, err)
                             : accept_answer(r, signer, payload, payload_n, sig, &c.terms, err);
    s = registry_end(r, s, false, err);
    if (s != LK_OK) return s;
    if (withdrawal) bind_scrub(r);
    if (!withdrawal) { /* from now on nobody signs in their place: the key that the studio kept for them goes
                        */
        char name[64];
        snprintf(name, sizeof name, "subject-%s.key", c.terms.subject);
        keys_remove(r->dir, name);
        issue_brief(&c.terms, &c.brief);
    }
    if (out) *out = c.brief;
    return LK_OK;
}
