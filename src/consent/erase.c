/* erase.c: when a person asks for it. First everything ends and every key goes, in one transaction with a row in the
 * journal; then the caller removes files, however often it takes; last goes what the tables say of the person. The log
 * stays whole: it holds ids and hashes, no names. */
#include <stdio.h>
#include <string.h>

#include "consent/bound.h"
#include "consent/trace.h"

static lk_status note(lk_registry *r, const char *kind, const char *subject, int64_t number, const char *what, lk_error *err)
{
    lk_text t = {0};
    pair_text(&t, "subject", subject);
    pair_int(&t, what, number);
    lk_text_add(&t, "}");
    lk_status s = audit_catch_up(r, err);
    if (s == LK_OK) s = audit_append(r, kind, &t, NULL, NULL, err);
    lk_text_clear(&t);
    return s;
}

/* --- beginning ------------------------------------------------------------------------------------- */

/* LK_OK: there is a row, *done says whether it is a finished one; LK_END: none. */
static lk_status journal(lk_registry *r, const char *subject, bool *outputs, bool *done, lk_error *err)
{
    lk_stmt *q = NULL;
    LK_TRY(lk_store_prepare(r->db, "SELECT outputs, done FROM erasure WHERE subject = ?1", &q, err));
    lk_status s = lk_stmt_bind(q, err, "s", subject);
    if (s == LK_OK) s = lk_stmt_step(q, err);
    if (s == LK_OK) {
        *outputs = lk_stmt_int(q, 0) != 0;
        *done = lk_stmt_int(q, 1) != 0;
    }
    lk_stmt_free(&q);
    return s;
}

/* Every record that was not revoked before, those whose term is over too: keys may still stand on them. */
static lk_status revoke_all(lk_registry *r, const char *subject, lk_error *err)
{
    for (;;) {
        char id[37];
        lk_stmt *q = NULL;
        LK_TRY(lk_store_prepare(r->db,
                                "SELECT id FROM record WHERE subject = ?1 AND id NOT IN (SELECT record FROM revocation) "
                                "LIMIT 1",
                                &q, err));
        lk_status s = lk_stmt_bind(q, err, "s", subject);
        if (s == LK_OK) s = lk_stmt_step(q, err);
        if (s == LK_OK) s = lk_stmt_copy_text(q, 0, id, sizeof id, err);
        lk_stmt_free(&q);
        if (s == LK_END) return LK_OK;
        LK_TRY(s);
        LK_TRY(record_revoke(r, id, "the person asked for erasure", "studio", err));
    }
}

static lk_status begin(lk_registry *r, const char *name, bool outputs, lk_erasure *out, lk_error *err)
{
    uint8_t key[LK_SIGN_PUBLIC];
    lk_subject who;
    bool before = false, done = false;
    LK_TRY(audit_catch_up(r, err));
    LK_TRY(rules_check_place(r, err));
    LK_TRY(subject_load(r, name, &who, key, err));
    strcpy(out->subject, who.id);
    strcpy(out->name, who.name);
    lk_status s = journal(r, who.id, &before, &done, err);
    if (s == LK_OK && done) return LK_FAIL(err, LK_E_STATE, "%s was erased before; nothing is left", name);
    if (s != LK_OK && s != LK_END) return s;
    out->resumed = s == LK_OK;
    out->outputs = outputs || (out->resumed && before);
    LK_TRY(lk_store_run(r->db, err, NULL,
                        "INSERT INTO erasure(subject, begun, outputs) VALUES(?1, ?2, ?3) ON CONFLICT(subject) DO UPDATE "
                        "SET outputs = excluded.outputs",
                        "sii", who.id, lk_wall_time(), (int64_t)out->outputs));
    if (!out->resumed) LK_TRY(note(r, "erase", who.id, out->outputs, "outputs", err));
    return revoke_all(r, who.id, err);
}

lk_status lk_erase_begin(lk_registry *r, const char *name, bool outputs, lk_erasure *out, lk_error *err)
{
    memset(out, 0, sizeof *out);
    LK_TRY(registry_begin(r, err));
    LK_TRY(registry_end(r, begin(r, name, outputs, out, err), false, err));
    bind_scrub(r);
    return LK_OK;
}

/* --- finishing --------------------------------------------------------------------------------------- */

static lk_status forget_assets(lk_registry *r, const lk_hash *gone, int count, lk_error *err)
{
    lk_stmt *q = NULL;
    LK_TRY(lk_store_prepare(r->db, "UPDATE asset SET path = '', note = 'erased' WHERE hash = ?1", &q, err));
    lk_status s = LK_OK;
    for (int i = 0; i < count && s == LK_OK; i++) {
        s = lk_stmt_bind(q, err, "b", gone[i].b, (size_t)LK_HASH_BYTES);
        if (s == LK_OK) s = lk_stmt_run(q, err);
    }
    lk_stmt_free(&q);
    return s;
}

static lk_status finish(lk_registry *r, const lk_erasure *e, const lk_hash *gone, int count, int64_t files, lk_error *err)
{
    static const char *const forget[] = {
        "UPDATE version SET sealed = NULL WHERE record IN (SELECT id FROM record WHERE subject = ?1)",
        "DELETE FROM request WHERE instr(body, CAST(?1 AS BLOB)) > 0", /* the id stands in what was asked */
        ("UPDATE bound SET path = '' WHERE id IN (SELECT bound_record.id FROM bound_record JOIN record ON record.id = "
         "bound_record.record WHERE record.subject = ?1)"),
    };
    for (size_t i = 0; i < LK_COUNT(forget); i++) LK_TRY(lk_store_run(r->db, err, NULL, forget[i], "s", e->subject));
    LK_TRY(enrol_forget(r, e->subject, err));
    LK_TRY(forget_assets(r, gone, count, err));
    LK_TRY(subject_forget_name(r, e->subject, err));
    LK_TRY(lk_store_run(r->db, err, NULL, "UPDATE erasure SET done = max(?2, 1) WHERE subject = ?1", "si", e->subject,
                        lk_wall_time()));
    return note(r, "erased", e->subject, files, "files", err);
}

lk_status lk_erase_finish(lk_registry *r, const lk_erasure *e, const lk_hash *gone, int gone_count, int64_t files,
                          lk_error *err)
{
    char key[64];
    LK_TRY(registry_begin(r, err));
    LK_TRY(registry_end(r, finish(r, e, gone, gone_count, files, err), false, err));
    snprintf(key, sizeof key, "subject-%s.key", e->subject);
    keys_remove(r->dir, key); /* what the studio signed with in their place */
    bind_scrub(r);
    return LK_OK;
}
