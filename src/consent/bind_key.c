/* bind_key.c: data keys: made and stored with the grants that they stand on, handed out while those are good, destroyed
 * when one of them ends. A key leaves the registry only into the memory of a program that may use it. */
#include <stdio.h>
#include <string.h>

#include "base/aead.h"
#include "consent/bound.h"

enum { WRAPPED = LK_AEAD_KEY + LK_SEAL_EXTRA };
_Static_assert(WRAPPED == LK_BIND_TICKET, "a ticket is a sealed key");
_Static_assert(sizeof(((lk_bind_key *)0)->secret) == LK_AEAD_KEY, "room for the key");

void lk_bind_key_free(lk_bind_key **k)
{
    if (!*k) return;
    lk_wipe((*k)->secret, sizeof (*k)->secret);
    lk_free(*k);
    *k = NULL;
}

lk_status bind_key_check(const lk_bind_key *k, lk_error *err)
{
    for (int i = 0; i < k->grant_count; i++) LK_TRY(lk_grant_check(k->grants[i], grant_use(k->grants[i]), err));
    return LK_OK;
}

/* Good at this moment, of one registry. */
static lk_status check_grants(const lk_grant *const *grants, int count, lk_registry **r, lk_error *err)
{
    if (count < 1) return lk_grant_check(NULL, LK_USE_FACE_SOURCE, err);
    if (count > LK_BIND_PEOPLE)
        return LK_FAIL(err, LK_E_ARG, "%d grants are more than the %d that a file can be bound to", count, LK_BIND_PEOPLE);
    for (int i = 0; i < count; i++) {
        if (!grants[i]) return lk_grant_check(NULL, LK_USE_FACE_SOURCE, err);
        if (grant_registry(grants[i]) != grant_registry(grants[0]))
            return LK_FAIL(err, LK_E_CONSENT, "the grants of %s and %s are of two projects; open both people in one",
                           lk_grant_subject_name(grants[0]), lk_grant_subject_name(grants[i]));
    }
    *r = grant_registry(grants[0]);
    for (int i = 0; i < count; i++) LK_TRY(lk_grant_check(grants[i], grant_use(grants[i]), err));
    return LK_OK;
}

static lk_status key_alloc(const lk_grant *const *grants, int count, lk_bind_key **out, lk_error *err)
{
    lk_bind_key *k = *out = lk_calloc(1, sizeof *k);
    if (!k) return consent_no_memory(err);
    for (int i = 0; i < count; i++) k->grants[i] = grants[i];
    k->grant_count = count;
    return LK_OK;
}

/* --- what stands in the registry ------------------------------------------------------------------- */

static lk_status wrap(const uint8_t secret[LK_AEAD_KEY], const uint8_t to[LK_SIGN_PUBLIC], uint8_t box[WRAPPED],
                      lk_error *err)
{
    uint8_t pub[LK_SEAL_PUBLIC];
    LK_TRY(lk_seal_public_of_signer(to, pub, err));
    return lk_seal_close(pub, secret, LK_AEAD_KEY, box, err);
}

static lk_status unwrap(const lk_registry *r, const uint8_t box[WRAPPED], uint8_t secret[LK_AEAD_KEY], lk_error *err)
{
    uint8_t sec[LK_SEAL_SECRET];
    lk_seal_secret_of_signer(r->studio_secret, sec);
    lk_status s = lk_seal_open(sec, box, WRAPPED, secret, err);
    lk_wipe(sec, sizeof sec);
    return s;
}

/* A row of the log for everything that is done with a key; it names records, never people. */
static lk_status note(lk_registry *r, const char *kind, const lk_bind_info *h, const uint8_t *other, lk_error *err)
{
    lk_text t = {0};
    pair_hex(&t, "key", h->key_id, LK_BIND_ID);
    pair_text(&t, "kind", h->kind);
    if (other) pair_hex(&t, "studio", other, LK_SIGN_PUBLIC);
    lk_text_add(&t, ",\"records\":[");
    for (int i = 0; i < h->people_count; i++) {
        if (i) lk_text_add(&t, ",");
        lk_json_quote(&t, h->people[i].record);
    }
    lk_text_add(&t, "]}");
    lk_status s = audit_catch_up(r, err);
    if (s == LK_OK) s = audit_append(r, kind, &t, NULL, NULL, err);
    lk_text_clear(&t);
    return s;
}

static lk_status insert(lk_registry *r, const lk_bind_info *h, const char *path, const uint8_t box[WRAPPED],
                        const uint8_t *came_from, lk_error *err)
{
    LK_TRY(lk_store_run(r->db, err, NULL,
                        "INSERT INTO bound(id, kind, path, made, wrapped, came_from) VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
                        came_from ? "bssibb" : "bssibn", h->key_id, (size_t)LK_BIND_ID, h->kind, path, h->made, box,
                        (size_t)WRAPPED, came_from, (size_t)LK_SIGN_PUBLIC));
    for (int i = 0; i < h->people_count; i++)
        LK_TRY(lk_store_run(r->db, err, NULL,
                            "INSERT INTO bound_record(id, record) VALUES(?1, ?2) ON CONFLICT DO NOTHING", "bs",
                            h->key_id, (size_t)LK_BIND_ID, h->people[i].record));
    return note(r, "bind", h, came_from, err);
}

/* The people of the header from the grants, each with the end of the term as it is signed now. */
static lk_status people_of(lk_registry *r, const lk_grant *const *grants, int count, lk_bind_info *h, lk_error *err)
{
    record c;
    h->people_count = count;
    for (int i = 0; i < count; i++) {
        lk_bind_person *p = &h->people[i];
        LK_TRY(record_load(r, lk_grant_record_id(grants[i]), &c, err));
        strcpy(p->subject, lk_grant_subject_id(grants[i]));
        strcpy(p->record, c.brief.id);
        p->consent = c.hash;
        const known_enrolment *shown = known_enrolled(&r->known, p->subject);
        if (shown) p->enrolment = shown->body;
        p->use = grant_use(grants[i]);
        p->until = c.brief.until;
        if (c.terms.age == LK_AGE_MINOR) p->until = LK_MIN(p->until, c.terms.adult_at);
    }
    return bind_head_complete(h, err);
}

static lk_status make_in_transaction(lk_registry *r, lk_bind_key *k, const char *path, lk_error *err)
{
    uint8_t box[WRAPPED];
    lk_registry *same;
    LK_TRY(check_grants(k->grants, k->grant_count, &same, err));
    LK_TRY(people_of(r, k->grants, k->grant_count, &k->head, err));
    LK_TRY(wrap(k->secret, r->studio_public, box, err));
    return insert(r, &k->head, path, box, NULL, err);
}

lk_status lk_bind_key_new(const char *kind, const char *path, const lk_grant *const *grants, int count,
                          lk_bind_key **out, lk_error *err)
{
    lk_registry *r = NULL;
    *out = NULL;
    LK_TRY(check_grants(grants, count, &r, err));
    LK_TRY(key_alloc(grants, count, out, err));
    lk_bind_key *k = *out;
    snprintf(k->head.kind, sizeof k->head.kind, "%s", kind);
    memcpy(k->head.grantee, r->studio_public, LK_SIGN_PUBLIC);
    k->head.made = LK_MAX(lk_wall_time(), 1);
    lk_status s = lk_random_bytes(k->head.key_id, LK_BIND_ID, err);
    if (s == LK_OK) s = lk_random_bytes(k->secret, sizeof k->secret, err);
    if (s == LK_OK) s = registry_begin(r, err);
    if (s == LK_OK) s = registry_end(r, make_in_transaction(r, k, path, err), false, err);
    if (s != LK_OK) lk_bind_key_free(out);
    return s;
}

/* --- handing out ---------------------------------------------------------------------------------------- */

static const lk_grant *grant_of(const lk_bind_person *p, const lk_grant *const *grants, int count)
{
    for (int i = 0; i < count; i++)
        if (grant_use(grants[i]) == p->use && !strcmp(lk_grant_subject_id(grants[i]), p->subject)) return grants[i];
    return NULL;
}

/* Does each person in the header stand behind it, under the record that it names? */
static lk_status check_people(const lk_bind_info *h, const char *path, const lk_grant *const *grants, int count,
                              lk_error *err)
{
    char when[32], use[32];
    for (int i = 0; i < h->people_count; i++) {
        const lk_bind_person *p = &h->people[i];
        const lk_grant *g = grant_of(p, grants, count);
        lk_use_print(p->use, use, sizeof use);
        if (!g)
            return LK_FAIL(err, LK_E_CONSENT,
                           "'%s' has subject %s in it as %s, whose consent is not at hand; ask for it (rule: person)",
                           path, p->subject, use);
        if (strcmp(lk_grant_record_id(g), p->record))
            return LK_FAIL(err, LK_E_CONSENT,
                           "'%s' stands on consent record %s of %s, not on the one that is valid now (%s): make it "
                           "again (rule: revoked)",
                           path, p->record, lk_grant_subject_name(g), lk_grant_record_id(g));
        /* A later version of the record, signed by both, may have moved the end of its term; else the header's holds. */
        if (lk_wall_time() >= p->until && lk_hash_equal(lk_grant_consent_hash(g), &p->consent)) {
            lk_time_iso(p->until, when);
            return LK_FAIL(err, LK_E_CONSENT, "'%s' was good until %s, when consent record %s of %s ended (rule: term)",
                           path, when, p->record, lk_grant_subject_name(g));
        }
    }
    for (int i = 0; i < count; i++) {
        bool in = false;
        for (int k = 0; k < h->people_count; k++) in = in || grant_of(&h->people[k], &grants[i], 1);
        if (!in)
            return LK_FAIL(err, LK_E_CONSENT,
                           "the consent at hand is %s's, who is not in '%s'; name the right person (rule: person)",
                           lk_grant_subject_name(grants[i]), path);
    }
    return LK_OK;
}

/* The row of a key: LK_END when there is none. */
static lk_status load(lk_registry *r, const uint8_t id[LK_BIND_ID], uint8_t box[WRAPPED], bool *destroyed,
                      uint8_t came_from[LK_SIGN_PUBLIC], lk_error *err)
{
    lk_stmt *q = NULL;
    LK_TRY(lk_store_prepare(r->db, "SELECT wrapped, destroyed, came_from FROM bound WHERE id = ?1", &q, err));
    lk_status s = lk_stmt_bind(q, err, "b", id, (size_t)LK_BIND_ID);
    if (s == LK_OK) s = lk_stmt_step(q, err);
    if (s == LK_OK) {
        memcpy(came_from, r->studio_public, LK_SIGN_PUBLIC);
        *destroyed = lk_stmt_null(q, 0) || lk_stmt_int(q, 1) != 0;
        if (!*destroyed) s = lk_stmt_copy_blob(q, 0, box, WRAPPED, err);
        if (s == LK_OK && !lk_stmt_null(q, 2)) s = lk_stmt_copy_blob(q, 2, came_from, LK_SIGN_PUBLIC, err);
    }
    lk_stmt_free(&q);
    return s;
}

static lk_status refuse_destroyed(const char *path, lk_error *err)
{
    return LK_FAIL(err, LK_E_CONSENT,
                   "the key of '%s' was destroyed when a consent that it stands on was revoked: nobody can open it any "
                   "more (rule: revoked)",
                   path);
}

static lk_status take_out(lk_registry *r, const lk_bind_info *h, const char *path, uint8_t secret[LK_AEAD_KEY],
                          lk_error *err)
{
    uint8_t box[WRAPPED], came_from[LK_SIGN_PUBLIC];
    bool destroyed = false;
    lk_status s = load(r, h->key_id, box, &destroyed, came_from, err);
    if (s == LK_END)
        return LK_FAIL(err, LK_E_CONSENT,
                       "%s does not hold the key of '%s': it was made in another project, and opens only there "
                       "(rule: grantee)",
                       r->dir, path);
    LK_TRY(s);
    if (destroyed) return refuse_destroyed(path, err);
    if (memcmp(h->grantee, came_from, LK_SIGN_PUBLIC))
        return LK_FAIL(err, LK_E_CONSENT, "'%s' is bound to another studio than the one whose key is in %s/keys "
                       "(rule: grantee)", path, r->dir);
    return unwrap(r, box, secret, err);
}

lk_status lk_bind_key_open(const lk_bind_info *h, const char *path, const lk_grant *const *grants, int count,
                           lk_bind_key **out, lk_error *err)
{
    lk_registry *r = NULL;
    *out = NULL;
    LK_TRY(check_grants(grants, count, &r, err));
    LK_TRY(check_people(h, path, grants, count, err));
    LK_TRY(key_alloc(grants, count, out, err));
    (*out)->head = *h;
    registry_lock(r);
    lk_status s = take_out(r, h, path, (*out)->secret, err);
    registry_unlock(r);
    if (s == LK_OK) s = bind_key_check(*out, err); /* nothing was revoked while the key was on its way */
    if (s != LK_OK) lk_bind_key_free(out);
    return s;
}

/* --- destroying -------------------------------------------------------------------------------------------- */

lk_status bind_destroy(lk_registry *r, const char *record_id, lk_error *err)
{
    int64_t gone = 0;
    lk_text t = {0};
    LK_TRY(lk_store_run(r->db, err, &gone,
                        "UPDATE bound SET wrapped = NULL, destroyed = max(?2, 1) WHERE wrapped IS NOT NULL AND id IN "
                        "(SELECT id FROM bound_record WHERE record = ?1)",
                        "si", record_id, lk_wall_time()));
    if (!gone) return LK_OK;
    pair_text(&t, "record", record_id);
    pair_int(&t, "keys", gone);
    lk_text_add(&t, "}");
    lk_status s = audit_catch_up(r, err);
    if (s == LK_OK) s = audit_append(r, "destroy", &t, NULL, NULL, err);
    lk_text_clear(&t);
    return s;
}

void bind_scrub(lk_registry *r)
{
    lk_error why = {0};
    registry_lock(r);
    if (lk_store_exec(r->db, "PRAGMA wal_checkpoint(TRUNCATE)", &why) != LK_OK)
        lk_log(1, "consent", "the journal of %s/registry.db is cleared only when it is closed (%s)", r->dir, why.message);
    registry_unlock(r);
}

/* --- listing --------------------------------------------------------------------------------------------------- */

lk_status lk_bound_each(lk_registry *r, const char *record_id, lk_status (*fn)(void *user, const lk_bound *b), void *user,
                        lk_error *err)
{
    lk_stmt *q = NULL;
    lk_bound *all = NULL;
    size_t n = 0, cap = 0;
    registry_lock(r);
    lk_status s = lk_store_prepare(r->db,
                                   "SELECT id, kind, path, made, destroyed FROM bound WHERE ?1 IS NULL OR id IN "
                                   "(SELECT id FROM bound_record WHERE record = ?1) ORDER BY made, rowid",
                                   &q, err);
    if (s == LK_OK) s = lk_stmt_bind(q, err, "s", record_id);
    while (s == LK_OK && (s = lk_stmt_step(q, err)) == LK_OK) {
        if (n == cap) {
            lk_bound *more = lk_realloc(all, n * sizeof *all, (cap = cap * 2 + 16) * sizeof *all);
            if (!more) {
                s = consent_no_memory(err);
                break;
            }
            all = more;
        }
        lk_bound *b = &all[n++];
        s = lk_stmt_copy_blob(q, 0, b->id, LK_BIND_ID, err);
        if (s == LK_OK) s = lk_stmt_copy_text(q, 1, b->kind, sizeof b->kind, err);
        if (s == LK_OK) s = lk_stmt_copy_text(q, 2, b->path, sizeof b->path, err);
        b->made = lk_stmt_int(q, 3);
        b->destroyed = lk_stmt_int(q, 4);
    }
    lk_stmt_free(&q);
    registry_unlock(r);
    if (s == LK_END) s = LK_OK;
    for (size_t i = 0; i < n && s == LK_OK; i++) s = fn(user, &all[i]);
    lk_free(all);
    return s;
}

/* --- tickets: a key on its way to another studio ----------------------------------------------------------------- */

static lk_status names_grantee(lk_registry *r, const char *id, const uint8_t to[LK_SIGN_PUBLIC], lk_error *err)
{
    record c;
    LK_TRY(record_load(r, id, &c, err));
    for (int i = 0; i < c.terms.grantee_count; i++)
        if (!memcmp(c.terms.grantees[i].key, to, LK_SIGN_PUBLIC)) return LK_OK;
    return LK_FAIL(err, LK_E_CONSENT,
                   "consent record %s is not granted to the studio of that key; ask who signed it to add it (rule: grantee)",
                   id);
}

lk_status lk_bind_ticket_make(lk_registry *r, const lk_bind_info *h, const uint8_t to[LK_SIGN_PUBLIC],
                              const lk_grant *const *grants, int count, uint8_t box[LK_BIND_TICKET], lk_error *err)
{
    lk_bind_key *k = NULL;
    LK_TRY(lk_bind_key_open(h, "the archive", grants, count, &k, err));
    lk_status s = registry_begin(r, err);
    if (s == LK_OK) {
        s = bind_key_check(k, err);
        for (int i = 0; i < h->people_count && s == LK_OK; i++) s = names_grantee(r, h->people[i].record, to, err);
        if (s == LK_OK) s = wrap(k->secret, to, box, err);
        if (s == LK_OK) s = note(r, "export", h, to, err);
        s = registry_end(r, s, false, err);
    }
    lk_bind_key_free(&k);
    return s;
}

static lk_status take_in_transaction(lk_registry *r, const lk_bind_info *h, const char *path,
                                     const uint8_t box[LK_BIND_TICKET], const lk_grant *const *grants, int count,
                                     lk_error *err)
{
    uint8_t secret[LK_AEAD_KEY], own[WRAPPED], came_from[LK_SIGN_PUBLIC];
    bool destroyed = false;
    lk_registry *same;
    LK_TRY(check_grants(grants, count, &same, err));
    if (same != r) return LK_FAIL(err, LK_E_CONSENT, "the consent at hand is of another project than %s", r->dir);
    LK_TRY(check_people(h, path, grants, count, err));
    lk_status s = load(r, h->key_id, own, &destroyed, came_from, err);
    if (s == LK_OK) return destroyed ? refuse_destroyed(path, err) : LK_OK; /* it is here already */
    if (s != LK_END) return s;
    if (unwrap(r, box, secret, NULL) != LK_OK)
        return LK_FAIL(err, LK_E_CONSENT, "the key in '%s' is for another studio than the one whose key is in %s/keys "
                       "(rule: grantee)", path, r->dir);
    s = wrap(secret, r->studio_public, own, err);
    lk_wipe(secret, sizeof secret);
    if (s == LK_OK) s = insert(r, h, path, own, h->grantee, err);
    return s;
}

lk_status lk_bind_ticket_take(lk_registry *r, const lk_bind_info *h, const char *path, const uint8_t box[LK_BIND_TICKET],
                              const lk_grant *const *grants, int count, lk_error *err)
{
    LK_TRY(registry_begin(r, err));
    return registry_end(r, take_in_transaction(r, h, path, box, grants, count, err), false, err);
}
