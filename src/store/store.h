/* store: level 1. SQLite, and the only room that sees sqlite3.h: one open
 * database with numbered migrations, prepared statements, transactions. Knows
 * nothing of what the rows mean. May include base/ alone. Start with
 * store.c (opening and migrating), then statement.c.
 *
 * One lk_store belongs to one thread at a time. Other processes may have the
 * same file open: readers never wait, a writer waits up to ten seconds.
 *
 *     lk_stmt *q = NULL;
 *     lk_status s = lk_store_prepare(db, "SELECT name FROM subject WHERE id = ?1", &q, err);
 *     if (s == LK_OK) s = lk_stmt_bind(q, err, "s", id);
 *     if (s == LK_OK) s = lk_stmt_step(q, err);         // LK_OK: a row; LK_END: no more
 *     if (s == LK_OK) puts(lk_stmt_text(q, 0));
 *     lk_stmt_free(&q);
 */
#ifndef LK_STORE_H
#define LK_STORE_H

#include "base/base.h"

typedef struct lk_store lk_store;
typedef struct lk_stmt lk_stmt;

/* Row n of the table takes a database from version n to n + 1. Rows are only ever
 * appended: a released row is never changed. Each runs in its own transaction
 * together with the new version number. */
typedef struct lk_migration { const char *name, *sql; } lk_migration;

typedef struct lk_schema {
    uint32_t app_id;              /* kept in the file: a database of another kind is refused */
    const lk_migration *rows;
    int count;
} lk_schema;

/* Open PATH and bring it to the newest version; create allows a new file. The file is never recreated or
 * repaired: LK_E_NOTFOUND absent, LK_E_FORMAT damaged or no database or of another kind, LK_E_UNSUPPORTED
 * written by a newer version, LK_E_IO locked for long or not readable. */
lk_status lk_store_open(const char *path, const lk_schema *schema, bool create, lk_store **out,
                        lk_error *err);
void lk_store_close(lk_store **db); /* statements must be freed before; an open transaction is rolled back */
const char *lk_store_path(const lk_store *db);

/* Compare the file's every page and index, and foreign keys: LK_E_FORMAT with the first finding. */
lk_status lk_store_check(lk_store *db, lk_error *err);

/* Statements without parameters and rows, separated by semicolons. */
lk_status lk_store_exec(lk_store *db, const char *sql, lk_error *err);

/* Transactions. begin takes the write lock at once, so that what is read inside is what is still true at
 * commit. They do not nest (LK_E_STATE). After commit returns LK_OK the rows are on the disk; after any
 * other answer none of them is. end commits when so_far is LK_OK and else rolls back and returns so_far. */
lk_status lk_store_begin(lk_store *db, lk_error *err);
lk_status lk_store_commit(lk_store *db, lk_error *err);
void lk_store_rollback(lk_store *db);
lk_status lk_store_end(lk_store *db, lk_status so_far, lk_error *err);

/* --- statements ------------------------------------------------------------- */

lk_status lk_store_prepare(lk_store *db, const char *sql, lk_stmt **out, lk_error *err);
void lk_stmt_free(lk_stmt **q);

/* Bind ?1, ?2, ... one letter each and start anew:
 * i int64_t, d double, s const char * (NULL allowed), b const void * with size_t, n nothing (SQL NULL).
 * Texts and blobs are copied. The number of letters must be that of the parameters. */
lk_status lk_stmt_bind(lk_stmt *q, lk_error *err, const char *types, ...);
lk_status lk_stmt_step(lk_stmt *q, lk_error *err); /* LK_OK with a row, LK_END after the last */
/* Bind, run to the end and free nothing: for INSERT and UPDATE. */
lk_status lk_stmt_run(lk_stmt *q, lk_error *err);
/* Prepare, bind, run and free in one call. changed (may be NULL): rows inserted, changed or deleted. */
lk_status lk_store_run(lk_store *db, lk_error *err, int64_t *changed, const char *sql, const char *types,
                       ...);

/* Columns of the present row, from 0. Valid until the next step, bind or free. NULL reads as 0 or "". */
int64_t lk_stmt_int(lk_stmt *q, int column);
double lk_stmt_double(lk_stmt *q, int column);
const char *lk_stmt_text(lk_stmt *q, int column);              /* never NULL */
const void *lk_stmt_blob(lk_stmt *q, int column, size_t *n);   /* NULL when empty */
bool lk_stmt_null(lk_stmt *q, int column);
/* As lk_stmt_text, but LK_E_NOMEM is told from an empty text, and LK_E_FORMAT from one with a NUL inside. */
lk_status lk_stmt_need_text(lk_stmt *q, int column, const char **out, lk_error *err);
/* Copy out a text, or a blob of exactly n bytes; LK_E_FORMAT when it does not fit: somebody bent the row. */
lk_status lk_stmt_copy_text(lk_stmt *q, int column, char *out, size_t cap, lk_error *err);
lk_status lk_stmt_copy_blob(lk_stmt *q, int column, void *out, size_t n, lk_error *err);

#endif
