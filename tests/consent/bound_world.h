/* bound_world.h: a registry with Ann and Bob and a file bound to both, which the tests of binding share. */
#ifndef LK_TESTS_CONSENT_BOUND_WORLD_H
#define LK_TESTS_CONSENT_BOUND_WORLD_H

#include <unistd.h>

#include "base/seal.h"
#include "consent/bind.h"
#include "fault.h"
#include "sqlite_fault.h"
#include "world.h"

enum { BODY = 700000 }; /* three boxes, the last one not full */

typedef struct bound_world {
    world w;
    lk_grant *ann, *bob;
    const lk_grant *both[2];
    char path[160];
} bound_world;

static uint8_t body[BODY], got[BODY];

__attribute__((unused)) static void fill_body(uint32_t stream)
{
    lk_rng r = lk_rng_at(11, stream, 0, 0);
    for (size_t i = 0; i < BODY; i++) body[i] = (uint8_t)lk_rng_u32(&r);
}

__attribute__((unused)) static void grants(bound_world *b)
{
    CHECK_OK(lk_grant_get(b->w.r, "Ann", LK_USE_FACE_SOURCE, "test", &b->ann, &b->w.err), &b->w.err);
    CHECK_OK(lk_grant_get(b->w.r, "Bob", LK_USE_FACE_TARGET, "test", &b->bob, &b->w.err), &b->w.err);
    b->both[0] = b->ann;
    b->both[1] = b->bob;
}

__attribute__((unused)) static bound_world open_world(const char *name)
{
    bound_world b = {.w = world_new(name)};
    grants(&b);
    snprintf(b.path, sizeof b.path, "%s/model.likeness", b.w.dir);
    fill_body(1);
    return b;
}

__attribute__((unused)) static void close_world(bound_world *b)
{
    lk_grant_free(&b->ann);
    lk_grant_free(&b->bob);
    world_close(&b->w);
}

__attribute__((unused)) static lk_bind_info about(void)
{
    static lk_bind_info what;
    memset(&what, 0, sizeof what);
    what.parent_count = 2;
    what.parents[0] = lk_hash_bytes("one", 3);
    what.parents[1] = lk_hash_bytes("two", 3);
    what.content = lk_hash_bytes(body, BODY);
    strcpy(what.detail, "{\"size\":96}");
    what.bytes = BODY;
    return what;
}

/* In pieces of uneven length, as a writer of tensors puts them. */
__attribute__((unused)) static lk_status put_all(lk_bind_writer *w, lk_error *err)
{
    static const size_t pieces[] = {8, 1500, 0, 300000, 1, 262144};
    size_t at = 0;
    for (int i = 0; at < BODY; i++) {
        size_t n = LK_MIN(pieces[i % 6], BODY - at);
        LK_TRY(lk_bind_put(w, body + at, n, err));
        at += n;
    }
    return LK_OK;
}

__attribute__((unused)) static lk_status save_with(lk_bind_key *k, const char *path, lk_error *err)
{
    lk_bind_info what = about();
    lk_bind_writer *w = NULL;
    lk_draft d = {.fd = -1};
    LK_TRY(lk_bind_write(k, path, &what, &w, err));
    lk_status s = put_all(w, err);
    if (s != LK_OK) {
        lk_bind_abort(&w);
        return s;
    }
    LK_TRY(lk_bind_finish(&w, &d, err));
    return lk_draft_publish(&d, path, err);
}

__attribute__((unused)) static lk_status save(bound_world *b, const char *path)
{
    lk_bind_key *k = NULL;
    LK_TRY(lk_bind_key_new("swap model", path, b->both, 2, &k, &b->w.err));
    lk_status s = save_with(k, path, &b->w.err);
    lk_bind_key_free(&k);
    return s;
}

__attribute__((unused)) static lk_status load(const char *path, const lk_grant *const *g, int n, lk_bind_info *info, lk_error *err)
{
    static const size_t pieces[] = {8, 70000, 262144, 3, 300000};
    lk_bind_reader *r = NULL;
    LK_TRY(lk_bind_read(path, g, n, info, &r, err));
    lk_status s = LK_OK;
    size_t at = 0;
    for (int i = 0; s == LK_OK && at < BODY; i++) {
        size_t piece = LK_MIN(pieces[i % 5], BODY - at);
        s = lk_bind_get(r, got + at, piece, err);
        at += piece;
    }
    if (s == LK_OK && memcmp(got, body, BODY)) s = LK_FAIL(err, LK_E_BUG, "other bytes came back");
    if (s == LK_OK && lk_bind_get(r, got, 1, err) != LK_E_FORMAT) s = LK_FAIL(err, LK_E_BUG, "there is a byte too many");
    lk_bind_close(&r);
    return s;
}

#define CHECK_SAYS(expr, status, word)                                                                        \
    do {                                                                                                      \
        CHECK_STATUS(expr, status, &b.w.err);                                                                 \
        CHECK(strstr(b.w.err.message, (word)), "no word of '%s': %s", (word), b.w.err.message);               \
    } while (0)

/* Is the needle anywhere in the database, its journal included? */
__attribute__((unused)) static bool in_database(const world *w, const void *needle, size_t n)
{
    static const char *const files[] = {"registry.db", "registry.db-wal", "registry.db-journal"};
    bool found = false;
    for (size_t i = 0; i < LK_COUNT(files); i++) {
        char path[200];
        void *data;
        size_t size;
        lk_error e;
        snprintf(path, sizeof path, "%s/%s", w->dir, files[i]);
        if (!lk_path_exists(path) || lk_file_read(path, 1 << 26, &data, &size, &e) != LK_OK) continue;
        found = found || memmem(data, size, needle, n);
        lk_free(data);
    }
    return found;
}

__attribute__((unused)) static void wrapped_key(const world *w, uint8_t out[LK_BIND_TICKET])
{
    char path[160];
    sqlite3 *db = NULL;
    sqlite3_stmt *q = NULL;
    snprintf(path, sizeof path, "%s/registry.db", w->dir);
    CHECK(sqlite3_open(path, &db) == SQLITE_OK && sqlite3_prepare_v2(db, "SELECT wrapped FROM bound", -1, &q, NULL) == SQLITE_OK &&
              sqlite3_step(q) == SQLITE_ROW && sqlite3_column_bytes(q, 0) == LK_BIND_TICKET,
          "no wrapped key");
    if (sqlite3_column_blob(q, 0)) memcpy(out, sqlite3_column_blob(q, 0), LK_BIND_TICKET);
    sqlite3_finalize(q);
    sqlite3_close(db);
}

#endif
