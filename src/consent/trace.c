/* trace.c: the lineage row by row. */
#include <string.h>

#include "consent/bound.h"
#include "consent/trace.h"

typedef struct asset_list {
    lk_asset *items;
    size_t n, cap;
} asset_list;

static const char not_an_asset[] = "unknown";

/* Columns: hash, kind, path, note, created; all but the hash NULL for what was never added. */
static lk_status collect(lk_stmt *q, asset_list *list, lk_error *err)
{
    lk_status s;
    while ((s = lk_stmt_step(q, err)) == LK_OK) {
        if (list->n == list->cap) {
            size_t cap = list->cap * 2 + 16;
            lk_asset *more = lk_realloc(list->items, list->n * sizeof *more, cap * sizeof *more);
            if (!more) return consent_no_memory(err);
            list->items = more;
            list->cap = cap;
        }
        lk_asset *a = &list->items[list->n++];
        memset(a, 0, sizeof *a);
        LK_TRY(lk_stmt_copy_blob(q, 0, a->hash.b, LK_HASH_BYTES, err));
        LK_TRY(lk_stmt_copy_text(q, 1, a->kind, sizeof a->kind, err));
        LK_TRY(lk_stmt_copy_text(q, 2, a->path, sizeof a->path, err));
        LK_TRY(lk_stmt_copy_text(q, 3, a->note, sizeof a->note, err));
        a->created = lk_stmt_int(q, 4);
        if (!*a->kind) strcpy(a->kind, not_an_asset);
    }
    return s == LK_END ? LK_OK : s;
}

static lk_status hand_out(asset_list *list, lk_status so_far, lk_asset_fn fn, void *user)
{
    for (size_t i = 0; i < list->n && so_far == LK_OK; i++) so_far = fn(user, &list->items[i]);
    lk_free(list->items);
    return so_far;
}

static lk_status of_hash(lk_registry *r, const char *sql, const lk_hash *h, asset_list *list, lk_error *err)
{
    lk_stmt *q = NULL;
    registry_lock(r);
    lk_status s = lk_store_prepare(r->db, sql, &q, err);
    if (s == LK_OK) s = lk_stmt_bind(q, err, "b", h->b, (size_t)LK_HASH_BYTES);
    if (s == LK_OK) s = collect(q, list, err);
    lk_stmt_free(&q);
    registry_unlock(r);
    return s;
}

lk_status lk_asset_find(lk_registry *r, const lk_hash *h, lk_asset *out, lk_error *err)
{
    asset_list list = {0};
    lk_status s = of_hash(r, "SELECT hash, kind, path, note, created FROM asset WHERE hash = ?1", h, &list, err);
    if (s == LK_OK && list.n == 0) {
        char hex[LK_HASH_HEX];
        lk_hash_hex(h, hex);
        s = LK_FAIL(err, LK_E_NOTFOUND, "%s knows nothing of %.16s...: it was made elsewhere, or changed since", r->dir, hex);
    }
    if (s == LK_OK) *out = list.items[0];
    lk_free(list.items);
    return s;
}

lk_status lk_asset_near(lk_registry *r, const lk_hash *h, bool up, lk_asset_fn fn, void *user, lk_error *err)
{
    static const char parents[] = "SELECT parent.parent, kind, path, note, created FROM parent LEFT JOIN asset ON "
                                  "asset.hash = parent.parent WHERE parent.child = ?1 ORDER BY created, parent.parent";
    static const char children[] = "SELECT parent.child, kind, path, note, created FROM parent JOIN asset ON "
                                   "asset.hash = parent.child WHERE parent.parent = ?1 ORDER BY created, asset.rowid";
    asset_list list = {0};
    lk_status s = of_hash(r, up ? parents : children, h, &list, err);
    return hand_out(&list, s, fn, user);
}

lk_status lk_asset_records(lk_registry *r, const lk_hash *h, lk_status (*fn)(void *user, const char *record_id),
                           void *user, lk_error *err)
{
    lk_stmt *q = NULL;
    char(*ids)[37] = NULL;
    size_t n = 0, cap = 0;
    registry_lock(r);
    lk_status s = lk_store_prepare(r->db,
                                   "SELECT asset_record.record FROM asset_record JOIN record ON record.id = "
                                   "asset_record.record WHERE asset = ?1 ORDER BY record.issued, record.rowid",
                                   &q, err);
    if (s == LK_OK) s = lk_stmt_bind(q, err, "b", h->b, (size_t)LK_HASH_BYTES);
    while (s == LK_OK && (s = lk_stmt_step(q, err)) == LK_OK) {
        if (n == cap) {
            char(*more)[37] = lk_realloc(ids, n * sizeof *ids, (cap = cap * 2 + 8) * sizeof *ids);
            if (!more) {
                s = consent_no_memory(err);
                break;
            }
            ids = more;
        }
        s = lk_stmt_copy_text(q, 0, ids[n++], sizeof *ids, err);
    }
    lk_stmt_free(&q);
    registry_unlock(r);
    if (s == LK_END) s = LK_OK;
    for (size_t i = 0; i < n && s == LK_OK; i++) s = fn(user, ids[i]);
    lk_free(ids);
    return s;
}

lk_status lk_asset_of_subject(lk_registry *r, const char *name_or_id, lk_asset_fn fn, void *user, lk_error *err)
{
    static const char sql[] = "WITH RECURSIVE walk(hash) AS (SELECT asset FROM asset_record JOIN record ON record.id = "
                              "asset_record.record WHERE record.subject = ?1 UNION SELECT parent.child FROM parent JOIN "
                              "walk ON parent.parent = walk.hash) SELECT asset.hash, kind, path, note, created FROM walk "
                              "JOIN asset ON asset.hash = walk.hash ORDER BY created, asset.rowid";
    asset_list list = {0};
    uint8_t key[LK_SIGN_PUBLIC];
    lk_subject who;
    lk_stmt *q = NULL;
    registry_lock(r);
    lk_status s = subject_load(r, name_or_id, &who, key, err);
    if (s == LK_OK) s = lk_store_prepare(r->db, sql, &q, err);
    if (s == LK_OK) s = lk_stmt_bind(q, err, "s", who.id);
    if (s == LK_OK) s = collect(q, &list, err);
    lk_stmt_free(&q);
    registry_unlock(r);
    return hand_out(&list, s, fn, user);
}
