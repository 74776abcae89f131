/* statement.c: prepared statements, their parameters and columns. */
#include <string.h>

#include "store/internal.h"

lk_status lk_store_prepare(lk_store *db, const char *sql, lk_stmt **out, lk_error *err)
{
    lk_stmt *q = *out = lk_calloc(1, sizeof *q);
    if (!q)
        return LK_FAIL(err, LK_E_NOMEM, "no memory to use %s; close other programs and try again", db->path);
    q->store = db;
    int rc = sqlite3_prepare_v2(db->db, sql, -1, &q->s, NULL);
    if (rc == SQLITE_OK) return LK_OK;
    lk_stmt_free(out);
    return store_fail(db, rc, "reading", err);
}

void lk_stmt_free(lk_stmt **q)
{
    if (!*q) return;
    sqlite3_finalize((*q)->s);
    lk_free(*q);
    *q = NULL;
}

static int bind_blob(sqlite3_stmt *s, int i, const void *data, size_t n)
{
    return sqlite3_bind_blob64(s, i, data ? data : "", n, SQLITE_TRANSIENT);
}

static int bind_text(sqlite3_stmt *s, int i, const char *text)
{
    return text ? sqlite3_bind_text64(s, i, text, strlen(text), SQLITE_TRANSIENT, SQLITE_UTF8)
                : sqlite3_bind_null(s, i);
}

static lk_status bind_all(lk_stmt *q, lk_error *err, const char *types, va_list ap)
{
    sqlite3_reset(q->s); /* its answer is that of the last step, which was already given */
    if ((int)strlen(types) != sqlite3_bind_parameter_count(q->s))
        return LK_FAIL(err, LK_E_BUG, "%zu values for the %d parameters of: %.200s", strlen(types),
                       sqlite3_bind_parameter_count(q->s), sqlite3_sql(q->s));
    for (int i = 1; types[i - 1]; i++) {
        int rc;
        switch (types[i - 1]) {
        case 'i': rc = sqlite3_bind_int64(q->s, i, va_arg(ap, int64_t)); break;
        case 'd': rc = sqlite3_bind_double(q->s, i, va_arg(ap, double)); break;
        case 's': rc = bind_text(q->s, i, va_arg(ap, const char *)); break;
        case 'n': rc = sqlite3_bind_null(q->s, i); break;
        case 'b': {
            const void *data = va_arg(ap, const void *);
            rc = bind_blob(q->s, i, data, va_arg(ap, size_t));
            break;
        }
        default: return LK_FAIL(err, LK_E_BUG, "'%c' is no type of a parameter", types[i - 1]);
        }
        if (rc != SQLITE_OK) return store_fail(q->store, rc, "changing", err);
    }
    return LK_OK;
}

lk_status lk_stmt_bind(lk_stmt *q, lk_error *err, const char *types, ...)
{
    va_list ap;
    va_start(ap, types);
    lk_status s = bind_all(q, err, types, ap);
    va_end(ap);
    return s;
}

lk_status lk_stmt_step(lk_stmt *q, lk_error *err)
{
    int rc = sqlite3_step(q->s);
    if (rc == SQLITE_ROW) return LK_OK;
    if (rc == SQLITE_DONE) return LK_END;
    return store_fail(q->store, rc, sqlite3_stmt_readonly(q->s) ? "reading" : "changing", err);
}

lk_status lk_stmt_run(lk_stmt *q, lk_error *err)
{
    lk_status s;
    do s = lk_stmt_step(q, err);
    while (s == LK_OK);
    sqlite3_reset(q->s);
    return s == LK_END ? LK_OK : s;
}

lk_status lk_store_run(lk_store *db, lk_error *err, int64_t *changed, const char *sql, const char *types, ...)
{
    lk_stmt *q = NULL;
    LK_TRY(lk_store_prepare(db, sql, &q, err));
    va_list ap;
    va_start(ap, types);
    lk_status s = bind_all(q, err, types, ap);
    va_end(ap);
    int64_t before = sqlite3_total_changes64(db->db);
    if (s == LK_OK) s = lk_stmt_run(q, err);
    if (changed) *changed = sqlite3_total_changes64(db->db) - before;
    lk_stmt_free(&q);
    return s;
}

/* --- columns --------------------------------------------------------------------- */

int64_t lk_stmt_int(lk_stmt *q, int column) { return sqlite3_column_int64(q->s, column); }

double lk_stmt_double(lk_stmt *q, int column) { return sqlite3_column_double(q->s, column); }

const char *lk_stmt_text(lk_stmt *q, int column)
{
    const char *s = (const char *)sqlite3_column_text(q->s, column);
    return s ? s : "";
}

const void *lk_stmt_blob(lk_stmt *q, int column, size_t *n)
{
    const void *data = sqlite3_column_blob(q->s, column);
    *n = data ? (size_t)sqlite3_column_bytes(q->s, column) : 0;
    return data;
}

bool lk_stmt_null(lk_stmt *q, int column) { return sqlite3_column_type(q->s, column) == SQLITE_NULL; }

lk_status lk_stmt_need_text(lk_stmt *q, int column, const char **out, lk_error *err)
{
    const char *s = (const char *)sqlite3_column_text(q->s, column);
    *out = s ? s : "";
    if (!s && !lk_stmt_null(q, column))
        return LK_FAIL(err, LK_E_NOMEM, "no memory to read %s; close other programs and try again",
                       q->store->path);
    if (s && strlen(s) != (size_t)sqlite3_column_bytes(q->s, column))
        return LK_FAIL(err, LK_E_FORMAT,
                       "%s holds a text with a NUL inside in column %s: the row was changed; restore "
                       "the file from a copy",
                       q->store->path, sqlite3_column_name(q->s, column));
    return LK_OK;
}

lk_status lk_stmt_copy_text(lk_stmt *q, int column, char *out, size_t cap, lk_error *err)
{
    const char *s;
    out[0] = '\0';
    LK_TRY(lk_stmt_need_text(q, column, &s, err));
    size_t n = strlen(s);
    if (n >= cap)
        return LK_FAIL(err, LK_E_FORMAT,
                       "%s holds a text of %zu bytes in column %s, where %zu are possible: the row "
                       "was changed; restore the file from a copy",
                       q->store->path, n, sqlite3_column_name(q->s, column), cap - 1);
    memcpy(out, s, n + 1);
    return LK_OK;
}

lk_status lk_stmt_copy_blob(lk_stmt *q, int column, void *out, size_t n, lk_error *err)
{
    size_t have;
    const void *data = lk_stmt_blob(q, column, &have);
    if (have != n)
        return LK_FAIL(err, LK_E_FORMAT,
                       "%s holds %zu bytes in column %s, where %zu belong: the row was changed; "
                       "restore the file from a copy",
                       q->store->path, have, sqlite3_column_name(q->s, column), n);
    memcpy(out, data, n);
    return LK_OK;
}
