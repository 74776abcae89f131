/* subject.c: the people, and the actors that depict nobody. A row counts only
 * with the studio's signature over all of it. */
#include <string.h>

#include "consent/bound.h"
#include "consent/internal.h"

static lk_status subject_text(const lk_subject *s, const uint8_t pub[LK_SIGN_PUBLIC], lk_text *t,
                              lk_error *err)
{
    pair_text(t, "format", "likeness-subject-1");
    pair_text(t, "id", s->id);
    pair_text(t, "name", s->name);
    pair_int(t, "depicts_nobody", s->depicts_nobody);
    pair_int(t, "created", s->created);
    pair_hex(t, "key", pub, LK_SIGN_PUBLIC);
    lk_text_add(t, "}");
    return t->failed ? consent_no_memory(err) : LK_OK;
}

#define SUBJECT_QUERY "SELECT id, name, depicts_nobody, created, key, studio_sig FROM subject "

static lk_status subject_read(lk_registry *r, lk_stmt *q, lk_subject *out, uint8_t pub[LK_SIGN_PUBLIC],
                              lk_error *err)
{
    uint8_t sig[LK_SIGN_BYTES];
    lk_text t = {0};
    memset(out, 0, sizeof *out);
    LK_TRY(lk_stmt_copy_text(q, 0, out->id, sizeof out->id, err));
    LK_TRY(lk_stmt_copy_text(q, 1, out->name, sizeof out->name, err));
    out->depicts_nobody = lk_stmt_int(q, 2) != 0;
    out->created = lk_stmt_int(q, 3);
    LK_TRY(lk_stmt_copy_blob(q, 4, pub, LK_SIGN_PUBLIC, err));
    LK_TRY(lk_stmt_copy_blob(q, 5, sig, LK_SIGN_BYTES, err));
    lk_status s = subject_text(out, pub, &t, err);
    if (s == LK_OK && !lk_sign_check(r->studio_public, t.s, t.len, sig))
        s = LK_FAIL(err, LK_E_CONSENT,
                    "the row of subject %s in %s/registry.db does not carry the studio's signature: it was "
                    "changed; restore the folder from a copy (rule: person)",
                    out->name, r->dir);
    lk_text_clear(&t);
    return s;
}

lk_status subject_load(lk_registry *r, const char *name_or_id, lk_subject *out, uint8_t pub[LK_SIGN_PUBLIC],
                       lk_error *err)
{
    lk_stmt *q = NULL;
    memset(out, 0, sizeof *out);
    /* No name looks like an id (lk_subject_add), so at most one row fits. */
    LK_TRY(lk_store_prepare(r->db, SUBJECT_QUERY "WHERE id = ?1 OR name = ?1", &q, err));
    lk_status s = lk_stmt_bind(q, err, "s", name_or_id ? name_or_id : "");
    if (s == LK_OK) s = lk_stmt_step(q, err);
    if (s == LK_OK) s = subject_read(r, q, out, pub, err);
    else if (s == LK_END)
        s = LK_FAIL(err, LK_E_NOTFOUND,
                    "nobody called '%s' is in %s; add them with: likeness subject add '%s'",
                    name_or_id ? name_or_id : "", r->dir, name_or_id ? name_or_id : "NAME");
    lk_stmt_free(&q);
    return s;
}

lk_status lk_subject_find(lk_registry *r, const char *name_or_id, lk_subject *out, lk_error *err)
{
    uint8_t pub[LK_SIGN_PUBLIC];
    registry_lock(r);
    lk_status s = subject_load(r, name_or_id, out, pub, err);
    registry_unlock(r);
    return s;
}

static lk_status subject_insert(lk_registry *r, const lk_subject *x, const uint8_t pub[LK_SIGN_PUBLIC],
                                lk_error *err)
{
    uint8_t sig[LK_SIGN_BYTES];
    lk_text text = {0}, detail = {0};
    lk_status s;
    LK_GOTO(done, subject_text(x, pub, &text, err));
    LK_GOTO(done, lk_sign_make(r->studio_secret, text.s, text.len, sig, err));
    pair_text(&detail, "subject", x->id);
    pair_hex(&detail, "key", pub, LK_SIGN_PUBLIC); /* no name: rows of the log are shown to others as proof */
    lk_text_add(&detail, "}");
    LK_GOTO(done, lk_store_run(r->db, err, NULL,
                               "INSERT INTO subject(id, name, depicts_nobody, created, key, studio_sig) "
                               "VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
                               "ssiibb", x->id, x->name, (int64_t)x->depicts_nobody, x->created, pub,
                               (size_t)LK_SIGN_PUBLIC, sig, (size_t)LK_SIGN_BYTES));
    s = audit_append(r, "subject", &detail, NULL, NULL, err);
done:
    lk_text_clear(&text);
    lk_text_clear(&detail);
    return s;
}

static lk_status name_is_free(lk_registry *r, const char *name, lk_error *err)
{
    lk_stmt *q = NULL;
    LK_TRY(lk_store_prepare(r->db, "SELECT 1 FROM subject WHERE name = ?1", &q, err));
    lk_status s = lk_stmt_bind(q, err, "s", name);
    if (s == LK_OK) s = lk_stmt_step(q, err);
    lk_stmt_free(&q);
    if (s == LK_OK)
        return LK_FAIL(err, LK_E_STATE, "somebody called '%s' is already in %s; choose another name", name,
                       r->dir);
    return s == LK_END ? LK_OK : s;
}

lk_status lk_subject_add(lk_registry *r, const char *name, bool depicts_nobody, lk_subject *out,
                         lk_error *err)
{
    uint8_t pub[LK_SIGN_PUBLIC], sec[LK_SIGN_SECRET];
    lk_subject x = {.depicts_nobody = depicts_nobody, .created = lk_wall_time()};
    LK_TRY(check_words("name", name, sizeof x.name, false, err));
    if (looks_like_id(name))
        return LK_FAIL(err, LK_E_ARG, "'%s' has the form of an id; choose a name that people can read", name);
    strcpy(x.name, name);
    LK_TRY(new_id(x.id, err));
    char *key = lk_strfmt("subject-%s.key", x.id);
    if (!key) return consent_no_memory(err);

    lk_status s = registry_begin(r, err);
    if (s == LK_OK) {
        s = name_is_free(r, name, err);
        if (s == LK_OK) s = audit_catch_up(r, err);
        if (s == LK_OK) s = keys_make(r->dir, key, pub, sec, err);
        lk_wipe(sec, sizeof sec);
        if (s == LK_OK) s = subject_insert(r, &x, pub, err);
        s = registry_end(r, s, false, err);
    }
    if (s != LK_OK) keys_remove(r->dir, key); /* its name is nobody else's */
    lk_free(key);
    if (s == LK_OK && out) *out = x;
    return s;
}

lk_status subject_forget_name(lk_registry *r, const char *id, lk_error *err)
{
    uint8_t pub[LK_SIGN_PUBLIC], sig[LK_SIGN_BYTES];
    lk_subject x;
    lk_text text = {0};
    LK_TRY(subject_load(r, id, &x, pub, err));
    memset(x.name, 0, sizeof x.name);
    memcpy(x.name, "erased ", 7);
    memcpy(x.name + 7, x.id, 8);
    lk_status s = subject_text(&x, pub, &text, err);
    if (s == LK_OK) s = lk_sign_make(r->studio_secret, text.s, text.len, sig, err);
    if (s == LK_OK)
        s = lk_store_run(r->db, err, NULL, "UPDATE subject SET name = ?2, studio_sig = ?3 WHERE id = ?1",
                         "ssb", x.id, x.name, sig, (size_t)LK_SIGN_BYTES);
    lk_text_clear(&text);
    return s;
}

/* Everybody is read before anybody is handed out: fn may use the registry. */
lk_status lk_subject_each(lk_registry *r, lk_status (*fn)(void *user, const lk_subject *s), void *user,
                          lk_error *err)
{
    lk_subject *all = NULL;
    size_t n = 0, cap = 0;
    lk_stmt *q = NULL;
    uint8_t pub[LK_SIGN_PUBLIC];
    registry_lock(r);
    lk_status s = lk_store_prepare(r->db, SUBJECT_QUERY "ORDER BY name", &q, err);
    while (s == LK_OK && (s = lk_stmt_step(q, err)) == LK_OK) {
        if (n == cap) {
            lk_subject *more = lk_realloc(all, n * sizeof *all, (cap = cap * 2 + 16) * sizeof *all);
            if (!more) {
                s = consent_no_memory(err);
                break;
            }
            all = more;
        }
        s = subject_read(r, q, &all[n++], pub, err);
    }
    lk_stmt_free(&q);
    registry_unlock(r);
    if (s == LK_END) s = LK_OK;
    for (size_t i = 0; i < n && s == LK_OK; i++) s = fn(user, &all[i]);
    lk_free(all);
    return s;
}
