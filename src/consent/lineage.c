/* lineage.c: everything remembers its parents and the consents that it stands on. */
#include <string.h>

#include "consent/internal.h"

/* A chain longer than this is damage (or a circle that damage made). */
enum { MOST_GENERATIONS = 1000 };

static lk_status check_asset(const lk_asset *a, const lk_hash *parents, int parent_count, int grant_count,
                             lk_error *err)
{
    static const char *const kinds[] = {"media", "dataset", "model", "output"};
    bool known = false;
    for (size_t i = 0; i < LK_COUNT(kinds); i++) known = known || !strcmp(a->kind, kinds[i]);
    if (!known) return LK_FAIL(err, LK_E_ARG, "'%.16s' is no kind of asset", a->kind);
    if (parent_count < 0 || grant_count < 0)
        return LK_FAIL(err, LK_E_ARG, "a count of parents or grants is negative");
    if (grant_count == 0 && strcmp(a->kind, "media") != 0)
        return LK_FAIL(err, LK_E_CONSENT,
                       "the %s %.200s stands on nobody's consent; only footage as it was filmed may", a->kind,
                       a->path);
    for (int i = 0; i < parent_count; i++)
        if (lk_hash_equal(&parents[i], &a->hash))
            return LK_FAIL(err, LK_E_ARG, "%.200s cannot be its own parent", a->path);
    return LK_OK;
}

/* Each must be good at this moment, and of this registry: rows of another would mean nothing here. */
static lk_status check_grants(lk_registry *r, const lk_grant *const *grants, int count, lk_error *err)
{
    for (int i = 0; i < count; i++) {
        if (!grants[i]) return lk_grant_check(NULL, LK_USE_FACE_SOURCE, err);
        if (grant_registry(grants[i]) != r)
            return LK_FAIL(err, LK_E_CONSENT, "the grant of %s is of another project than %s",
                           lk_grant_subject_name(grants[i]), r->dir);
        LK_TRY(lk_grant_check(grants[i], grant_use(grants[i]), err));
    }
    return LK_OK;
}

/* Nothing may become its own ancestor. */
static lk_status check_no_circle(lk_registry *r, const lk_hash *child, const lk_hash *parent, lk_error *err)
{
    lk_stmt *q = NULL;
    LK_TRY(lk_store_prepare(
        r->db,
        "WITH RECURSIVE up(hash) AS (VALUES(?1) UNION SELECT parent.parent FROM parent JOIN up "
        "ON parent.child = up.hash) SELECT 1 FROM up WHERE hash = ?2",
        &q, err));
    lk_status s =
        lk_stmt_bind(q, err, "bb", parent->b, (size_t)LK_HASH_BYTES, child->b, (size_t)LK_HASH_BYTES);
    if (s == LK_OK) s = lk_stmt_step(q, err);
    lk_stmt_free(&q);
    if (s == LK_OK)
        return LK_FAIL(err, LK_E_ARG,
                       "an asset would become its own ancestor; check what was named as its source");
    return s == LK_END ? LK_OK : s;
}

static lk_status check_same_kind(lk_registry *r, const lk_asset *a, lk_error *err)
{
    lk_stmt *q = NULL;
    LK_TRY(lk_store_prepare(r->db, "SELECT kind FROM asset WHERE hash = ?1", &q, err));
    lk_status s = lk_stmt_bind(q, err, "b", a->hash.b, (size_t)LK_HASH_BYTES);
    if (s == LK_OK) s = lk_stmt_step(q, err);
    if (s == LK_OK && strcmp(lk_stmt_text(q, 0), a->kind) != 0)
        s = LK_FAIL(err, LK_E_ARG, "%.200s is known as %s and cannot be %s too", a->path, lk_stmt_text(q, 0),
                    a->kind);
    lk_stmt_free(&q);
    return s == LK_END ? LK_OK : s;
}

static void hash_list(lk_text *t, const char *key, const lk_hash *list, int n)
{
    lk_text_add(t, ",\"%s\":[", key);
    for (int i = 0; i < n; i++) {
        char hex[LK_HASH_HEX];
        lk_hash_hex(&list[i], hex);
        lk_text_add(t, "%s\"%s\"", i ? "," : "", hex);
    }
    lk_text_add(t, "]");
}

/* Pictures that show how the work is going are outputs too, but nobody agreed to a number of them. */
static bool counts(const lk_asset *a)
{
    static const char *const in_passing[] = {"contact sheet", "training preview"};
    bool yes = strcmp(a->kind, "output") == 0;
    for (size_t i = 0; i < LK_COUNT(in_passing); i++)
        yes = yes && strncmp(a->note, in_passing[i], strlen(in_passing[i])) != 0;
    return yes;
}

static lk_status audit_asset(lk_registry *r, const lk_asset *a, const lk_hash *parents, int parent_count,
                             const lk_grant *const *grants, int grant_count, lk_error *err)
{
    lk_text t = {0};
    pair_hex(&t, "asset", a->hash.b, LK_HASH_BYTES);
    pair_text(&t, "kind", a->kind);
    pair_int(&t, "counts", counts(a));
    hash_list(&t, "parents", parents, parent_count);
    lk_text_add(&t, ",\"records\":[");
    for (int i = 0; i < grant_count; i++) {
        if (i) lk_text_add(&t, ",");
        lk_json_quote(&t, lk_grant_record_id(grants[i]));
    }
    lk_text_add(&t, "]}");
    lk_status s = audit_append(r, "asset", &t, NULL, NULL, err);
    lk_text_clear(&t);
    return s;
}

static lk_status insert_asset(lk_registry *r, const lk_asset *a, const lk_hash *parents, int parent_count,
                              const lk_grant *const *grants, int grant_count, int *full, lk_error *err)
{
    const size_t hn = LK_HASH_BYTES;
    if (counts(a)) audit_forget(r); /* what is counted is counted in the whole log */
    LK_TRY(audit_catch_up(r, err));
    LK_TRY(check_grants(r, grants, grant_count, err));
    for (*full = 0; counts(a) && *full < grant_count; ++*full)
        LK_TRY(grant_check_quota(grants[*full], &a->hash, err));
    *full = -1;
    LK_TRY(check_same_kind(r, a, err));
    LK_TRY(lk_store_run(r->db, err, NULL,
                        "INSERT INTO asset(hash, kind, path, note, created) VALUES(?1, ?2, ?3, ?4, ?5) ON "
                        "CONFLICT DO NOTHING",
                        "bsssi", a->hash.b, hn, a->kind, a->path, a->note,
                        a->created ? a->created : lk_wall_time()));
    for (int i = 0; i < parent_count; i++) {
        LK_TRY(check_no_circle(r, &a->hash, &parents[i], err));
        LK_TRY(lk_store_run(r->db, err, NULL,
                            "INSERT INTO parent(child, parent) VALUES(?1, ?2) ON CONFLICT DO NOTHING", "bb",
                            a->hash.b, hn, parents[i].b, hn));
    }
    for (int i = 0; i < grant_count; i++)
        LK_TRY(lk_store_run(r->db, err, NULL,
                            "INSERT INTO asset_record(asset, record) VALUES(?1, ?2) ON CONFLICT DO NOTHING",
                            "bs", a->hash.b, hn, lk_grant_record_id(grants[i])));
    return audit_asset(r, a, parents, parent_count, grants, grant_count, err);
}

lk_status lk_lineage_add(lk_registry *r, const lk_asset *a, const lk_hash *parents, int parent_count,
                         const lk_grant *const *grants, int grant_count, lk_error *err)
{
    LK_TRY(check_asset(a, parents, parent_count, grant_count, err));
    int full = -1; /* the grant whose quota is used up */
    LK_TRY(registry_begin(r, err));
    lk_status s = insert_asset(r, a, parents, parent_count, grants, grant_count, &full, err);
    s = registry_end(r, s, false, err);
    if (s == LK_E_CONSENT && full >= 0) grant_note_quota(grants[full]);
    return s;
}

/* --- asking ------------------------------------------------------------------------------ */

typedef struct found {
    lk_asset asset;
    int depth;
} found;
typedef struct found_list {
    found *items;
    size_t n, cap;
} found_list;

/* Columns: hash, kind, path, note, created, depth. A parent that is no asset has but its hash. */
static lk_status collect(lk_stmt *q, found_list *list, lk_error *err)
{
    lk_status s;
    while ((s = lk_stmt_step(q, err)) == LK_OK) {
        if (list->n == list->cap) {
            size_t cap = list->cap * 2 + 16;
            found *more = lk_realloc(list->items, list->n * sizeof *more, cap * sizeof *more);
            if (!more) return consent_no_memory(err);
            list->items = more;
            list->cap = cap;
        }
        found *f = &list->items[list->n++];
        memset(f, 0, sizeof *f);
        LK_TRY(lk_stmt_copy_blob(q, 0, f->asset.hash.b, LK_HASH_BYTES, err));
        LK_TRY(lk_stmt_copy_text(q, 1, f->asset.kind, sizeof f->asset.kind, err));
        LK_TRY(lk_stmt_copy_text(q, 2, f->asset.path, sizeof f->asset.path, err));
        LK_TRY(lk_stmt_copy_text(q, 3, f->asset.note, sizeof f->asset.note, err));
        f->asset.created = lk_stmt_int(q, 4);
        f->depth = (int)lk_stmt_int(q, 5);
        if (!*f->asset.kind) strcpy(f->asset.kind, "unknown");
    }
    return s == LK_END ? LK_OK : s;
}

static lk_status check_known(lk_registry *r, const lk_hash *h, lk_error *err)
{
    lk_stmt *q = NULL;
    LK_TRY(lk_store_prepare(
        r->db, "SELECT 1 FROM asset WHERE hash = ?1 UNION SELECT 1 FROM parent WHERE parent = ?1", &q, err));
    lk_status s = lk_stmt_bind(q, err, "b", h->b, (size_t)LK_HASH_BYTES);
    if (s == LK_OK) s = lk_stmt_step(q, err);
    lk_stmt_free(&q);
    if (s == LK_END) {
        char hex[LK_HASH_HEX];
        lk_hash_hex(h, hex);
        return LK_FAIL(err, LK_E_NOTFOUND,
                       "%s knows nothing of %.16s...: it was made elsewhere, or changed since", r->dir, hex);
    }
    return s;
}

static const char walk_up[] = "WITH RECURSIVE walk(hash, depth) AS (VALUES(?1, 0) UNION SELECT "
                              "parent.parent, depth + 1 FROM parent JOIN walk "
                              "ON parent.child = walk.hash WHERE depth < ?2) "
                              "SELECT walk.hash, kind, path, note, created, min(depth) AS d FROM walk LEFT "
                              "JOIN asset ON asset.hash = walk.hash "
                              "WHERE depth > 0 GROUP BY walk.hash ORDER BY d, created, walk.hash";
static const char walk_down[] = "WITH RECURSIVE walk(hash, depth) AS (VALUES(?1, 0) UNION SELECT "
                                "parent.child, depth + 1 FROM parent JOIN walk "
                                "ON parent.parent = walk.hash WHERE depth < ?2) "
                                "SELECT walk.hash, kind, path, note, created, min(depth) AS d FROM walk LEFT "
                                "JOIN asset ON asset.hash = walk.hash "
                                "WHERE depth > 0 GROUP BY walk.hash ORDER BY d, created, walk.hash";

lk_status lk_lineage_walk(lk_registry *r, const lk_hash *h, bool up,
                          lk_status (*fn)(void *user, const lk_asset *a, int depth), void *user,
                          lk_error *err)
{
    found_list list = {0};
    lk_stmt *q = NULL;
    registry_lock(r);
    lk_status s = check_known(r, h, err);
    if (s == LK_OK) s = lk_store_prepare(r->db, up ? walk_up : walk_down, &q, err);
    if (s == LK_OK) s = lk_stmt_bind(q, err, "bi", h->b, (size_t)LK_HASH_BYTES, (int64_t)MOST_GENERATIONS);
    if (s == LK_OK) s = collect(q, &list, err);
    lk_stmt_free(&q);
    registry_unlock(r);
    for (size_t i = 0; i < list.n && s == LK_OK; i++) s = fn(user, &list.items[i].asset, list.items[i].depth);
    lk_free(list.items);
    return s;
}

/* What stands on the record itself, and everything that was made from that. */
static const char of_record[] = "WITH RECURSIVE walk(hash) AS (SELECT asset FROM asset_record WHERE record = "
                                "?1 UNION SELECT parent.child FROM parent "
                                "JOIN walk ON parent.parent = walk.hash) "
                                "SELECT asset.hash, kind, path, note, created, 0 FROM walk JOIN asset ON "
                                "asset.hash = walk.hash ORDER BY created, asset.rowid";

lk_status lk_lineage_of_record(lk_registry *r, const char *record_id,
                               lk_status (*fn)(void *user, const lk_asset *a), void *user, lk_error *err)
{
    found_list list = {0};
    lk_stmt *q = NULL;
    record c;
    registry_lock(r);
    lk_status s = record_load(r, record_id, &c, err);
    if (s == LK_OK) s = lk_store_prepare(r->db, of_record, &q, err);
    if (s == LK_OK) s = lk_stmt_bind(q, err, "s", record_id);
    if (s == LK_OK) s = collect(q, &list, err);
    lk_stmt_free(&q);
    registry_unlock(r);
    for (size_t i = 0; i < list.n && s == LK_OK; i++) s = fn(user, &list.items[i].asset);
    lk_free(list.items);
    return s;
}
