/* trace.h: the lineage as a graph, to be shown: neighbours, records, people. lk_lineage_walk (consent.h) tells what lies
 * how far away; this tells by which way. And erasure: what goes when a person asks for it, and what stays as proof.
 */
#ifndef LK_TRACE_H
#define LK_TRACE_H

#include "consent/consent.h"

/* Everything found is handed out after it was read: fn may use the registry. What it returns other than LK_OK ends the
 * walk and is the answer. */
typedef lk_status (*lk_asset_fn)(void *user, const lk_asset *a);

/* LK_E_NOTFOUND: the registry never saw it, or knows it only as somebody's parent. */
lk_status lk_asset_find(lk_registry *r, const lk_hash *h, lk_asset *out, lk_error *err);
/* up: what it was made from directly, else what was made from it. A parent that was never added is of kind "unknown". */
lk_status lk_asset_near(lk_registry *r, const lk_hash *h, bool up, lk_asset_fn fn, void *user, lk_error *err);
/* The records that it was made under, in the order of their signing. */
lk_status lk_asset_records(lk_registry *r, const lk_hash *h, lk_status (*fn)(void *user, const char *record_id),
                           void *user, lk_error *err);
/* Everything made under any record of this person or from what was, oldest first. */
lk_status lk_asset_of_subject(lk_registry *r, const char *name_or_id, lk_asset_fn fn, void *user, lk_error *err);

/* --- erasure ----------------------------------------------------------------------------------------- */

typedef struct lk_erasure {
    char subject[37], name[128];
    bool outputs;             /* made clips and pictures go too */
    bool resumed;             /* it was begun before, and not finished */
} lk_erasure;
/* In one transaction: a row in the journal, every record of the person revoked and every key destroyed that stands on
 * one, each in the log. From then on nothing of theirs opens; files are removed next, by the caller, who knows where
 * they lie. When it was begun before this finds that again. LK_E_STATE: it was finished. */
lk_status lk_erase_begin(lk_registry *r, const char *name_or_id, bool outputs, lk_erasure *out, lk_error *err);
/* The last step, in one transaction: sealed personal blocks, open requests, paths and notes of what held their
 * likeness, and their name (the row is signed anew as "erased ..."). The log keeps ids and hashes: proof of what was
 * agreed to and ended, without saying whose it was. files: how many were removed, for the log. gone: the assets whose
 * paths and notes are forgotten. */
lk_status lk_erase_finish(lk_registry *r, const lk_erasure *e, const lk_hash *gone, int gone_count, int64_t files,
                          lk_error *err);

#endif
