/* store.c: opening, creating and migrating a database; transactions. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/internal.h"

enum { BUSY_MS = 10000 };

lk_status store_fail(lk_store *db, int rc, const char *doing, lk_error *err)
{
    const char *path = db->path, *why = db->db ? sqlite3_errmsg(db->db) : sqlite3_errstr(rc);
    if (rc == SQLITE_IOERR_NOMEM) rc = SQLITE_NOMEM;
    switch (rc & 0xFF) {
    case SQLITE_NOMEM:
        return LK_FAIL(err, LK_E_NOMEM, "no memory while %s %s; close other programs and try again", doing,
                       path);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return LK_FAIL(err, LK_E_IO,
                       "%s has been locked by another program for %d s while %s it; wait for that "
                       "program or end it",
                       path, BUSY_MS / 1000, doing);
    case SQLITE_FULL:
        return LK_FAIL(err, LK_E_IO, "the disk is full while %s %s; free some space, nothing was changed",
                       doing, path);
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
        return LK_FAIL(err, LK_E_IO, "%s cannot be written (%s); check the rights of the file and its folder",
                       path, why);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return LK_FAIL(err, LK_E_FORMAT,
                       "%s is damaged or no database (%s); restore it from a copy, it is not "
                       "touched",
                       path, why);
    case SQLITE_ERROR:
    case SQLITE_SCHEMA:
        return LK_FAIL(err, LK_E_FORMAT, "%s does not have the expected tables (%s); restore it from a copy",
                       path, why);
    case SQLITE_CONSTRAINT:
        return LK_FAIL(err, LK_E_ARG, "%s already holds rows that this contradicts (%s)", path, why);
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
        return LK_FAIL(err, LK_E_BUG, "%s was used wrongly while %s it (%s)", path, doing, why);
    default: return LK_FAIL(err, LK_E_IO, "%s failed while %s it (%s); check the disk", path, doing, why);
    }
}

lk_status lk_store_exec(lk_store *db, const char *sql, lk_error *err)
{
    int rc = sqlite3_exec(db->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? LK_OK : store_fail(db, rc, "changing", err);
}

static lk_status read_pragma(lk_store *db, const char *sql, int64_t *out, lk_error *err)
{
    lk_stmt *q = NULL;
    lk_status s = lk_store_prepare(db, sql, &q, err);
    if (s == LK_OK) s = lk_stmt_step(q, err);
    if (s == LK_OK) *out = lk_stmt_int(q, 0);
    lk_stmt_free(&q);
    return s == LK_END ? LK_FAIL(err, LK_E_FORMAT, "%s gives no answer to %s", db->path, sql) : s;
}

/* A pragma that answers GOOD, or nothing, when all is well. */
static lk_status run_check(lk_store *db, const char *sql, const char *good, lk_error *err)
{
    lk_stmt *q = NULL;
    unsigned failures = store_read_failures();
    lk_status s = lk_store_prepare(db, sql, &q, err);
    if (s == LK_OK) s = lk_stmt_step(q, err);
    if (s == LK_OK && strcmp(lk_stmt_text(q, 0), good) != 0) {
        char finding[200];
        snprintf(finding, sizeof finding, "%s", lk_stmt_text(q, 0));
        for (char *p = finding; *p; p++)
            if (*p == '\n') *p = ' ';
        s = store_read_failures() != failures
                ? LK_FAIL(err, LK_E_IO, "%s cannot be read (%s); check the disk", db->path, finding)
                : LK_FAIL(err, LK_E_FORMAT, "%s is damaged (%s); restore it from a copy, it is not touched",
                          db->path, finding);
    }
    lk_stmt_free(&q);
    return s == LK_END ? LK_OK : s;
}

lk_status lk_store_check(lk_store *db, lk_error *err)
{
    LK_TRY(run_check(db, "PRAGMA integrity_check(1)", "ok", err));
    return run_check(db, "PRAGMA foreign_key_check", "", err);
}

/* Ours, undamaged and not from the future? Nothing has been written to the file when this refuses. */
static lk_status recognise(lk_store *db, const lk_schema *schema, bool fresh, lk_error *err)
{
    int64_t version = 0, app = 0;
    LK_TRY(read_pragma(db, "PRAGMA application_id", &app, err));
    LK_TRY(read_pragma(db, "PRAGMA user_version", &version, err));
    if (fresh) return LK_OK;
    if ((uint32_t)app != schema->app_id || version < 1)
        return LK_FAIL(err, LK_E_FORMAT, "%s is a database of another program; name another file", db->path);
    if (version > schema->count)
        return LK_FAIL(err, LK_E_UNSUPPORTED,
                       "%s was written by a newer version of the program (table version %lld, "
                       "this one knows %d); update the program",
                       db->path, (long long)version, schema->count);
    return run_check(db, "PRAGMA quick_check(1)", "ok", err);
}

static lk_status migrate(lk_store *db, const lk_schema *schema, lk_error *err)
{
    for (;;) {
        int64_t version = 0;
        LK_TRY(read_pragma(db, "PRAGMA user_version", &version, err));
        if (version >= schema->count) return LK_OK;
        LK_TRY(lk_store_begin(db, err));
        /* Another process may have been faster: only the lock makes the number certain. */
        int64_t now = 0;
        lk_status s = read_pragma(db, "PRAGMA user_version", &now, err);
        if (s == LK_OK && now == version) {
            char stamp[96];
            snprintf(stamp, sizeof stamp, "PRAGMA application_id = %d; PRAGMA user_version = %lld",
                     (int32_t)schema->app_id, (long long)version + 1);
            s = lk_store_exec(db, schema->rows[version].sql, err);
            if (s == LK_OK) s = lk_store_exec(db, stamp, err);
        }
        LK_TRY(lk_store_end(db, s, err));
    }
}

static lk_status open_file(const char *path, const lk_schema *schema, bool fresh, lk_store **out,
                           lk_error *err)
{
    lk_status s;
    lk_store *db = *out = lk_calloc(1, sizeof *db);
    char *name = NULL;
    if (db) db->path = lk_strdup(path);
    /* "./" keeps names such as ":memory:" and "file:x" what they are: names of files. */
    name = lk_strfmt("%s%s", *path == '/' ? "" : "./", path);
    if (!db || !db->path || !name || !store_vfs()) {
        s = LK_FAIL(err, LK_E_NOMEM, "no memory to open %s; close other programs and try again", path);
        goto failed;
    }
    int rc = sqlite3_open_v2(name, &db->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, store_vfs());
    if (rc != SQLITE_OK) {
        s = store_fail(db, rc, "opening", err);
        goto failed;
    }
    sqlite3_extended_result_codes(db->db, 1);
    sqlite3_busy_timeout(db->db, BUSY_MS);
    sqlite3_db_config(db->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    LK_GOTO(failed,
            lk_store_exec(db,
                          "PRAGMA cell_size_check = ON; PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL; "
                          "PRAGMA secure_delete = ON", /* what is deleted is overwritten: keys are kept here */
                          err));
    LK_GOTO(failed, recognise(db, schema, fresh, err));
    LK_GOTO(failed, run_check(db, "PRAGMA journal_mode = WAL", "wal", err));
    LK_GOTO(failed, migrate(db, schema, err));
    lk_free(name);
    return LK_OK;
failed:
    lk_free(name);
    lk_store_close(out);
    return s;
}

/* A new database gets its tables under another name and is moved into place whole.
 * So a file that is there but empty is always damage, never a half-made start. */
static lk_status create_file(const char *path, const lk_schema *schema, lk_error *err)
{
    lk_status s;
    lk_store *db = NULL;
    uint64_t tag;
    LK_TRY(lk_random_bytes(&tag, sizeof tag, err));
    char *tmp = lk_strfmt("%s.tmp-%016llx", path, (unsigned long long)tag);
    if (!tmp)
        return LK_FAIL(err, LK_E_NOMEM, "no memory to create %s; close other programs and try again", path);
    /* Made by us for its rights: what is stored is nobody else's business. SQLite
     * gives its side files the rights of the database. */
    int fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        s = LK_FAIL(err, LK_E_IO, "%s cannot be created (%m); check the folder and its rights", path);
        lk_free(tmp);
        return s;
    }
    close(fd);
    s = open_file(tmp, schema, true, &db, err);
    /* Closing moves the rows of the log into the file too, but cannot say when it
     * failed: only the main file gets the final name. */
    if (s == LK_OK) s = lk_store_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", err);
    lk_store_close(&db);
    if (s == LK_OK) {
        s = lk_file_sync_new(tmp, path, err);
        if (s == LK_E_STATE) s = LK_OK; /* another process made it in the meantime */
    }
    unlink(tmp);
    static const char *const sides[] = {"-wal", "-shm", "-journal"};
    for (size_t i = 0; i < LK_COUNT(sides); i++) {
        char name[4096];
        if (snprintf(name, sizeof name, "%s%s", tmp, sides[i]) < (int)sizeof name) unlink(name);
    }
    lk_free(tmp);
    return s;
}

lk_status lk_store_open(const char *path, const lk_schema *schema, bool create, lk_store **out, lk_error *err)
{
    *out = NULL;
    if (!*path) return LK_FAIL(err, LK_E_ARG, "a database needs a file name");
    if (!lk_path_exists(path)) {
        if (!create) return LK_FAIL(err, LK_E_NOTFOUND, "%s does not exist; check the name", path);
        LK_TRY(create_file(path, schema, err));
    }
    if (lk_file_size(path) == 0)
        return LK_FAIL(err, LK_E_FORMAT, "%s is empty: its content was lost; restore it from a copy", path);
    return open_file(path, schema, false, out, err);
}

void lk_store_close(lk_store **db)
{
    if (!*db) return;
    lk_store_rollback(*db);
    sqlite3_close_v2((*db)->db);
    lk_free((*db)->path);
    lk_free(*db);
    *db = NULL;
}

const char *lk_store_path(const lk_store *db) { return db->path; }

/* --- transactions -------------------------------------------------------------- */

lk_status lk_store_begin(lk_store *db, lk_error *err)
{
    if (!sqlite3_get_autocommit(db->db))
        return LK_FAIL(err, LK_E_STATE, "a transaction of %s is already open", db->path);
    return lk_store_exec(db, "BEGIN IMMEDIATE", err);
}

lk_status lk_store_commit(lk_store *db, lk_error *err)
{
    if (sqlite3_get_autocommit(db->db)) /* SQLite ends a transaction by itself when the disk fails it */
        return LK_FAIL(err, LK_E_STATE, "no transaction of %s is open", db->path);
    lk_status s = lk_store_exec(db, "COMMIT", err);
    if (s != LK_OK) lk_store_rollback(db);
    return s;
}

void lk_store_rollback(lk_store *db)
{
    /* More than once: when memory lacks for it, a moment later it may not, and a transaction left open would stop
     * everything that comes after. */
    for (int i = 0; i < 3 && db->db && !sqlite3_get_autocommit(db->db); i++)
        sqlite3_exec(db->db, "ROLLBACK", NULL, NULL, NULL);
}

lk_status lk_store_end(lk_store *db, lk_status so_far, lk_error *err)
{
    if (so_far == LK_OK) return lk_store_commit(db, err);
    lk_store_rollback(db);
    return so_far;
}
