/* internal.h: what the files of store/ share. */
#ifndef LK_STORE_INTERNAL_H
#define LK_STORE_INTERNAL_H

#include <sqlite3.h>

#include "store/store.h"

struct lk_store {
    sqlite3 *db;
    char *path;
};

struct lk_stmt {
    lk_store *store;
    sqlite3_stmt *s;
};

/* The name of the file layer that all our databases use (vfs.c), NULL when it could not be had. */
const char *store_vfs(void);

/* Reads that failed in this thread so far: SQLite's checks report them as damage. */
unsigned store_read_failures(void);

/* Turn SQLite's answer into ours, naming the file and what to do. */
lk_status store_fail(lk_store *db, int rc, const char *doing, lk_error *err);

#endif
