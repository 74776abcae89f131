/* world.h: a small registry with two people, which the consent tests share. */
#ifndef LK_TESTS_CONSENT_WORLD_H
#define LK_TESTS_CONSENT_WORLD_H

#include <sqlite3.h>

#include "check.h"
#include "consent/consent.h"
#include "tempdir.h"

enum { DAY = 86400, START = 1800000000 };

typedef struct world {
    char dir[128];
    lk_registry *r;
    lk_subject ann, bob;
    lk_consent_record ann_record, bob_record;
    lk_error err;
} world;

/* Ann agrees to be a face source and a voice for 30 days; Bob to be a face target. */
__attribute__((unused)) static world world_new(const char *name)
{
    world w = {.r = NULL};
    snprintf(w.dir, sizeof w.dir, "%.100s", in_tempdir(name));
    lk_wall_time_set(START);
    CHECK_OK(lk_registry_open(w.dir, true, &w.r, &w.err), &w.err);
    CHECK_OK(lk_subject_add(w.r, "Ann", false, &w.ann, &w.err), &w.err);
    CHECK_OK(lk_subject_add(w.r, "Bob", true, &w.bob, &w.err), &w.err);
    CHECK_OK(lk_consent_issue(w.r, "Ann", LK_USE_FACE_SOURCE | LK_USE_VOICE, 30 * DAY, "film",
                              "my face for the short film \"Dawn\"", &w.ann_record, &w.err),
             &w.err);
    CHECK_OK(lk_consent_issue(w.r, "Bob", LK_USE_FACE_TARGET, 30 * DAY, "film", "synthetic actor",
                              &w.bob_record, &w.err),
             &w.err);
    return w;
}

__attribute__((unused)) static void world_close(world *w)
{
    lk_registry_close(&w->r);
    tempdir_clear(w->dir);
    lk_wall_time_set(0);
}

/* Change the database behind the registry's back, as an intruder would. */
__attribute__((unused)) static void intrude(const world *w, const char *sql)
{
    char path[160];
    char *why = NULL;
    sqlite3 *db = NULL;
    snprintf(path, sizeof path, "%s/registry.db", w->dir);
    CHECK(sqlite3_open(path, &db) == SQLITE_OK && sqlite3_exec(db, sql, NULL, NULL, &why) == SQLITE_OK,
          "%s: %s", sql, why ? why : "not opened");
    sqlite3_free(why);
    sqlite3_close(db);
}

__attribute__((unused)) static int64_t ask_number(const world *w, const char *sql)
{
    char path[160];
    sqlite3 *db = NULL;
    sqlite3_stmt *q = NULL;
    int64_t n = -1;
    snprintf(path, sizeof path, "%s/registry.db", w->dir);
    if (sqlite3_open(path, &db) == SQLITE_OK && sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK &&
        sqlite3_step(q) == SQLITE_ROW)
        n = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    sqlite3_close(db);
    return n;
}

/* The registry as a program sees it that starts now. */
__attribute__((unused)) static void world_reopen(world *w)
{
    lk_registry_close(&w->r);
    CHECK_OK(lk_registry_open(w->dir, false, &w->r, &w->err), &w->err);
}

__attribute__((unused)) static lk_status try_grant(world *w, const char *who, lk_use use)
{
    lk_grant *g = NULL;
    lk_status s = lk_grant_get(w->r, who, use, "test", &g, &w->err);
    if ((s == LK_OK) != (g != NULL))
        check_fail(__FILE__, __LINE__, "status %d and grant %p", (int)s, (void *)g);
    if (s == LK_OK) s = lk_grant_check(g, use, &w->err);
    lk_grant_free(&g);
    return s;
}

#define CHECK_REFUSED(w, who, use, word)                                                                     \
    do {                                                                                                     \
        CHECK_STATUS(try_grant((w), (who), (use)), LK_E_CONSENT, &(w)->err);                                 \
        CHECK(strstr((w)->err.message, (word)), "the refusal does not say '%s': %s", (word),                 \
              (w)->err.message);                                                                             \
    } while (0)

#endif
