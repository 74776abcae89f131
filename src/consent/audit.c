/* audit.c: the log of everything that changes who may do what. Each row holds the
 * hash of the one before and the studio's signature; the newest signature thus
 * stands for the whole chain. Rows are only ever added, one a transaction. */
#include <stdio.h>
#include <string.h>

#include "consent/internal.h"

static const lk_hash zero_hash;

/* It ends with the hash of the detail: nothing to allocate, however long the log; and a detail may be shown
 * or withheld beside a proof without changing what was hashed. */
size_t audit_text(const audit_row *row, char out[AUDIT_TEXT])
{
    char prev[LK_HASH_HEX], detail[LK_HASH_HEX];
    lk_hash of_detail = lk_hash_bytes(row->detail, strlen(row->detail));
    lk_hash_hex(&row->prev, prev);
    lk_hash_hex(&of_detail, detail);
    return (size_t)snprintf(out, AUDIT_TEXT, "likeness-audit-1\n%s\n%lld\n%lld\n%s\n%s\n", prev,
                            (long long)row->seq, (long long)row->time, row->kind, detail);
}

static lk_hash row_hash(const audit_row *row)
{
    char text[AUDIT_TEXT];
    return lk_hash_bytes(text, audit_text(row, text));
}

static lk_status tampered(const lk_registry *r, int64_t seq, const char *what, lk_error *err)
{
    return LK_FAIL(err, LK_E_FORMAT,
                   "the audit log in %s/registry.db was tampered with: row %lld %s; restore the folder "
                   "from a copy",
                   r->dir, (long long)seq, what);
}

lk_status audit_read(lk_stmt *q, audit_row *row, lk_error *err)
{
    row->seq = lk_stmt_int(q, 0);
    row->time = lk_stmt_int(q, 1);
    LK_TRY(lk_stmt_copy_text(q, 2, row->kind, sizeof row->kind, err));
    LK_TRY(lk_stmt_need_text(q, 3, &row->detail, err));
    LK_TRY(lk_stmt_copy_blob(q, 4, row->prev.b, LK_HASH_BYTES, err));
    LK_TRY(lk_stmt_copy_blob(q, 5, row->hash.b, LK_HASH_BYTES, err));
    return lk_stmt_copy_blob(q, 6, row->sig, LK_SIGN_BYTES, err);
}

static lk_status verify_row(lk_registry *r, const audit_row *row, lk_error *err)
{
    lk_hash hash = row_hash(row);
    if (!lk_hash_equal(&hash, &row->hash)) return tampered(r, row->seq, "was changed", err);
    if (row->seq == r->audit_rows) /* the last row of the time before: still the same? */
        return lk_hash_equal(&hash, &r->audit_hash) ? LK_OK : tampered(r, row->seq, "was replaced", err);
    if (row->seq != r->audit_rows + 1) return tampered(r, r->audit_rows + 1, "is missing", err);
    if (!lk_hash_equal(&row->prev, &r->audit_hash))
        return tampered(r, row->seq, "does not follow the row before it", err);
    if (row->time < r->audit_time) return tampered(r, row->seq, "is older than the row before it", err);
    LK_TRY(known_note(&r->known, row, err));
    r->audit_rows = row->seq;
    r->audit_time = row->time;
    r->audit_hash = row->hash;
    return LK_OK;
}

/* The chain must have reached the tip that the keys folder remembers: an old copy
 * of the database, put in the place of the present one, has not. */
static lk_status check_tip(lk_registry *r, int64_t rows, const lk_hash *want, lk_error *err)
{
    if (rows == 0 && r->audit_rows > 1) /* only a registry that was made this moment has none */
        return LK_FAIL(err, LK_E_FORMAT,
                       "%s/keys/audit.tip is missing: an old copy of the audit log could not be told "
                       "from the present one; restore the folder from a copy",
                       r->dir);
    if (rows > r->audit_rows) return tampered(r, r->audit_rows + 1, "and later ones were removed", err);
    if (rows == 0) {
        LK_TRY(keys_tip_save(r->dir, r->audit_rows, &r->audit_hash, err));
    } else {
        lk_hash have;
        lk_stmt *q = NULL;
        LK_TRY(lk_store_prepare(r->db, "SELECT hash FROM audit WHERE seq = ?1", &q, err));
        lk_status s = lk_stmt_bind(q, err, "i", rows);
        if (s == LK_OK) s = lk_stmt_step(q, err);
        if (s == LK_OK) s = lk_stmt_copy_blob(q, 0, have.b, LK_HASH_BYTES, err);
        lk_stmt_free(&q);
        if (s == LK_END || (s == LK_OK && !lk_hash_equal(&have, want)))
            return tampered(r, rows, "was replaced", err);
        LK_TRY(s);
    }
    r->tip_checked = true;
    return LK_OK;
}

lk_status audit_catch_up(lk_registry *r, lk_error *err)
{
    lk_stmt *q = NULL;
    audit_row row;
    lk_hash tip;
    int64_t seen = 0, tip_rows = 0;
    /* The tip first: another process may add rows, and move it, at any time. */
    if (!r->tip_checked) LK_TRY(keys_tip_load(r->dir, &tip_rows, &tip, err));
    LK_TRY(lk_store_prepare(r->db, AUDIT_QUERY "WHERE seq >= ?1 ORDER BY seq", &q, err));
    lk_status s = lk_stmt_bind(q, err, "i", r->audit_rows);
    while (s == LK_OK && (s = lk_stmt_step(q, err)) == LK_OK) {
        s = audit_read(q, &row, err);
        if (s == LK_OK) s = verify_row(r, &row, err);
        seen++;
    }
    lk_stmt_free(&q);
    if (s != LK_END) return s;
    if (seen == 0) return tampered(r, LK_MAX(r->audit_rows, 1), "and later ones were removed", err);
    if (!lk_sign_check(r->studio_public, row.hash.b, LK_HASH_BYTES, row.sig))
        return tampered(r, row.seq, "does not carry the studio's signature", err);
    return r->tip_checked ? LK_OK : check_tip(r, tip_rows, &tip, err);
}

void audit_forget(lk_registry *r)
{
    r->audit_rows = r->audit_time = 0;
    r->audit_hash = zero_hash;
    known_clear(&r->known);
    r->tip_checked = false;
}

lk_status audit_append(lk_registry *r, const char *kind, const lk_text *detail, int64_t *seq, lk_hash *hash,
                       lk_error *err)
{
    if (detail->failed) return consent_no_memory(err);
    audit_row row = {
        .seq = r->audit_rows + 1, .detail = detail->s, .prev = r->audit_rows ? r->audit_hash : zero_hash};
    row.time = LK_MAX(
        lk_wall_time(),
        r->audit_time); /* within the slack of rules_check_clock time may stand still, never run backwards */
    snprintf(row.kind, sizeof row.kind, "%s", kind);
    row.hash = row_hash(&row);
    LK_TRY(lk_sign_make(r->studio_secret, row.hash.b, LK_HASH_BYTES, row.sig, err));
    LK_TRY(lk_store_run(
        r->db, err, NULL,
        "INSERT INTO audit(seq, time, kind, detail, prev, hash, sig) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        "iissbbb", row.seq, row.time, row.kind, row.detail, row.prev.b, (size_t)LK_HASH_BYTES, row.hash.b,
        (size_t)LK_HASH_BYTES, row.sig, (size_t)LK_SIGN_BYTES));
    if (seq) *seq = row.seq;
    if (hash) *hash = row.hash;
    return LK_OK;
}

lk_status audit_remember_tip(lk_registry *r, lk_error *err)
{
    LK_TRY(audit_catch_up(r, err));
    return keys_tip_save(r->dir, r->audit_rows, &r->audit_hash, err);
}

/* From the first row, every signature, and the tip, whatever was verified before. */
lk_status lk_audit_verify(lk_registry *r, int64_t *rows, lk_error *err)
{
    lk_stmt *q = NULL;
    registry_lock(r);
    audit_forget(r);
    lk_status s = audit_catch_up(r, err);
    if (s == LK_OK) s = lk_store_prepare(r->db, "SELECT seq, hash, sig FROM audit ORDER BY seq", &q, err);
    while (s == LK_OK && (s = lk_stmt_step(q, err)) == LK_OK) {
        lk_hash hash;
        uint8_t sig[LK_SIGN_BYTES];
        s = lk_stmt_copy_blob(q, 1, hash.b, LK_HASH_BYTES, err);
        if (s == LK_OK) s = lk_stmt_copy_blob(q, 2, sig, LK_SIGN_BYTES, err);
        if (s == LK_OK && !lk_sign_check(r->studio_public, hash.b, LK_HASH_BYTES, sig))
            s = tampered(r, lk_stmt_int(q, 0), "does not carry the studio's signature", err);
    }
    lk_stmt_free(&q);
    if (rows) *rows = r->audit_rows;
    registry_unlock(r);
    return s == LK_END ? LK_OK : s;
}
