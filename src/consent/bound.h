/* bound.h: what the files that bind (bind_head.c, bind_key.c, bind_file.c), erase (erase.c) and walk the lineage
 * (trace.c) share with the rest of consent/: their tables and what revoking calls. */
#ifndef LK_BOUND_H
#define LK_BOUND_H

#include "consent/bind.h"
#include "consent/internal.h"

/* One row a data key, sealed to the studio's key until it is destroyed; came_from is the studio that sent it along with
 * an archive, NULL for those made here. What keys stand on, row by row. Erasures that were begun, so that one that was
 * interrupted is finished. */
#define BIND_TABLES                                                                                             \
    "CREATE TABLE bound(id BLOB PRIMARY KEY, kind TEXT NOT NULL, path TEXT NOT NULL, made INTEGER NOT NULL,"    \
    " wrapped BLOB, destroyed INTEGER NOT NULL DEFAULT 0, came_from BLOB) STRICT;"                              \
    "CREATE TABLE bound_record(id BLOB NOT NULL REFERENCES bound(id), record TEXT NOT NULL REFERENCES record(id)," \
    " PRIMARY KEY(id, record)) STRICT;"                                                                         \
    "CREATE INDEX bound_record_record ON bound_record(record);"                                                 \
    "CREATE TABLE erasure(subject TEXT PRIMARY KEY REFERENCES subject(id), begun INTEGER NOT NULL,"             \
    " outputs INTEGER NOT NULL, done INTEGER NOT NULL DEFAULT 0) STRICT;"

enum { BIND_HEAD_MAX = 65536 }; /* bytes of a header */

/* Canonical bytes of a header; LK_E_ARG when it says something impossible. */
lk_status bind_head_encode(const lk_bind_info *h, lk_bytes *out, lk_error *err);
/* Fill in what follows from the rest: training root and the earliest end of a term. */
lk_status bind_head_complete(lk_bind_info *h, lk_error *err);

/* A key in memory. */
struct lk_bind_key {
    uint8_t secret[32];
    lk_bind_info head;              /* all but parents, content, detail and bytes */
    const lk_grant *grants[LK_BIND_PEOPLE];
    int grant_count;
};
lk_status bind_key_check(const lk_bind_key *k, lk_error *err); /* its grants, at this moment */

/* Inside the transaction that revokes the record: destroys every key that stands on it. */
lk_status bind_destroy(lk_registry *r, const char *record_id, lk_error *err);
/* Inside a transaction: the row of a person who asked for erasure, signed anew under a name that says nothing. */
lk_status subject_forget_name(lk_registry *r, const char *id, lk_error *err);
/* Behind the commit: what was overwritten leaves the journal of the database too. A failure is for later: the journal
 * goes at the latest when the last program closes the database. */
void bind_scrub(lk_registry *r);

#endif
