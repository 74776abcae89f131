/* proof.c: one row of the log, proved to somebody who has no registry: the row, the hashes that lead from it
 * to the root, and a checkpoint that the studio signed over that root. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "consent/internal.h"
#include "consent/log.h"

#define FORMAT "likeness-log-proof-1"
enum { PROOF_MOST = 1 << 20 };

/* The row's number, or the row that signed the newest version of a record. */
static lk_status find_row(lk_registry *r, const char *what, int64_t *seq, lk_error *err)
{
    char *end = NULL;
    *seq = strtoll(what, &end, 10);
    if (end != what && !*end) {
        if (*seq >= 1 && *seq <= r->audit_rows) return LK_OK;
        return LK_FAIL(err, LK_E_RANGE, "the log of %s has the rows 1 to %lld, not %.20s", r->dir,
                       (long long)r->audit_rows, what);
    }
    lk_stmt *q = NULL;
    LK_TRY(lk_store_prepare(r->db,
                            "SELECT max(seq) FROM audit WHERE kind IN ('consent', 'amend') AND "
                            "json_extract(detail, '$.record') = ?1",
                            &q, err));
    lk_status s = lk_stmt_bind(q, err, "s", what);
    if (s == LK_OK) s = lk_stmt_step(q, err);
    if (s == LK_OK) *seq = lk_stmt_int(q, 0);
    lk_stmt_free(&q);
    if (s == LK_OK && *seq < 1)
        s = LK_FAIL(err, LK_E_NOTFOUND,
                    "%s holds no consent record %.40s; name one of likeness consent list, or a row of "
                    "likeness consent log",
                    r->dir, what);
    return s;
}

static void write_proof(const audit_row *row, int64_t size, const lk_hash *path, int count, const char *note,
                        lk_text *out)
{
    char hex[LK_HASH_HEX];
    lk_text_add(out, "{\"format\":\"" FORMAT "\",\n \"row\":{\"seq\":%lld,\"time\":%lld,\"kind\":",
                (long long)row->seq, (long long)row->time);
    lk_json_quote(out, row->kind);
    lk_text_add(out, ",\"detail\":");
    lk_json_quote(out, row->detail);
    lk_hash_hex(&row->prev, hex);
    lk_text_add(out, ",\"prev\":\"%s\"},\n \"size\":%lld,\n \"path\":[", hex, (long long)size);
    for (int i = 0; i < count; i++) {
        lk_hash_hex(&path[i], hex);
        lk_text_add(out, "%s\"%s\"", i ? ",\n         " : "", hex);
    }
    lk_text_add(out, "],\n \"checkpoint\":");
    lk_json_quote(out, note);
    lk_text_add(out, "}\n");
}

lk_status lk_log_prove(lk_registry *r, const char *what, lk_text *out, lk_error *err)
{
    lk_hash *leaves = NULL, path[LK_MERKLE_PATH];
    lk_stmt *q = NULL;
    lk_text note = {0};
    audit_row row;
    int64_t n = 0, seq = 0;
    registry_lock(r);
    lk_status s = log_leaves(r, &leaves, &n, err);
    if (s == LK_OK) s = find_row(r, what, &seq, err);
    if (s == LK_OK) s = lk_store_prepare(r->db, AUDIT_QUERY "WHERE seq = ?1", &q, err);
    if (s == LK_OK) s = lk_stmt_bind(q, err, "i", seq);
    if (s == LK_OK) s = lk_stmt_step(q, err);
    if (s == LK_OK) s = audit_read(q, &row, err);
    if (s == LK_OK) {
        lk_hash root = lk_merkle_root(leaves, n);
        s = note_write(r, n, &root, &note, err);
    }
    if (s == LK_OK) {
        write_proof(&row, n, path, lk_merkle_inclusion(leaves, n, seq - 1, path), note.s, out);
        if (out->failed) s = consent_no_memory(err);
    }
    lk_stmt_free(&q);
    registry_unlock(r);
    lk_text_clear(&note);
    lk_free(leaves);
    return s;
}

/* --- checking, without a registry ------------------------------------------------------------------ */

typedef struct parts {
    audit_row row;
    lk_hash path[LK_MERKLE_PATH];
    int count;
    const char *note;
} parts;

static bool whole(double x, int64_t *out)
{
    if (!(x >= 0 && x < 9e15)) return false;
    *out = (int64_t)x;
    return (double)*out == x;
}

static bool read_parts(const lk_json *v, parts *p, int64_t *size)
{
    const lk_json *row = lk_json_get(v, "row"), *path = lk_json_get(v, "path");
    const char *kind = lk_json_string(row, "kind", ""), *detail = lk_json_string(row, "detail", NULL);
    p->note = lk_json_string(v, "checkpoint", NULL);
    if (strcmp(lk_json_string(v, "format", ""), FORMAT) != 0 || !detail || !p->note || !path ||
        path->kind != LK_JSON_ARRAY || path->count > LK_MERKLE_PATH || strlen(kind) >= sizeof p->row.kind ||
        !lk_hash_from_hex(lk_json_string(row, "prev", ""), &p->row.prev) ||
        !whole(lk_json_number(row, "seq", -1), &p->row.seq) ||
        !whole(lk_json_number(row, "time", -1), &p->row.time) || !whole(lk_json_number(v, "size", -1), size))
        return false;
    for (const lk_json *e = path->child; e; e = e->next)
        if (e->kind != LK_JSON_STRING || !lk_hash_from_hex(e->string, &p->path[p->count++])) return false;
    snprintf(p->row.kind, sizeof p->row.kind, "%s", kind);
    p->row.detail = detail;
    return true;
}

static lk_status check_parts(const parts *p, int64_t size, lk_log_proof *out, lk_error *err)
{
    char text[AUDIT_TEXT];
    lk_text words = {0};
    const lk_checkpoint *c = &out->checkpoint;
    LK_TRY(lk_checkpoint_read(p->note, strlen(p->note), &out->checkpoint, err));
    lk_hash leaf = lk_merkle_leaf(text, audit_text(&p->row, text));
    if (c->size != size ||
        !lk_merkle_check_inclusion(&leaf, p->row.seq - 1, c->size, p->path, p->count, &c->root))
        return LK_FAIL(err, LK_E_FORMAT,
                       "the proof does not hold: this row is not in the log that the checkpoint "
                       "stands for");
    out->row = p->row.seq;
    out->time = p->row.time;
    strcpy(out->kind, p->row.kind);
    lk_status s = log_words(p->row.kind, p->row.detail, NULL, &words, err);
    if (s == LK_OK) snprintf(out->words, sizeof out->words, "%s", words.s ? words.s : "");
    lk_text_clear(&words);
    return s;
}

lk_status lk_log_check(const void *json, size_t n, lk_log_proof *out, lk_error *err)
{
    lk_arena *arena = NULL;
    lk_json *v = NULL;
    parts p = {.count = 0};
    int64_t size = 0;
    memset(out, 0, sizeof *out);
    if (n > PROOF_MOST) return LK_FAIL(err, LK_E_FORMAT, "a proof of %zu bytes is longer than any", n);
    if (lk_arena_new(&arena, 8192) != LK_OK) return consent_no_memory(err);
    lk_status s = lk_json_parse(json, n, arena, &v, err);
    if (s == LK_OK && !read_parts(v, &p, &size))
        s = LK_FAIL(err, LK_E_FORMAT, "this is no proof of a row of a consent log, or it was damaged");
    if (s == LK_OK) s = check_parts(&p, size, out, err);
    lk_arena_free(arena);
    return s;
}
