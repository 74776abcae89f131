/* consent: level 2. Subjects, signed consent records, grants, revocation, the
 * audit log and lineage rows: the one gate in. May include base/, flow/, store/.
 * Start with record.c (what is signed), then grant.c (what is checked).
 *
 * Said honestly: open source can be patched by a determined person. The promise
 * is safe by default and tamper-evident, not tamper-proof (docs/ETHICS.md).
 */
#ifndef LK_CONSENT_H
#define LK_CONSENT_H

#include "base/base.h"

/* Uses a person may agree to; a record holds a set of them. */
typedef enum lk_use {
    LK_USE_FACE_SOURCE = 1 << 0, /* my face may be put on somebody else's performance */
    LK_USE_FACE_TARGET = 1 << 1, /* my filmed performance may get another face */
    LK_USE_VOICE = 1 << 2,
    LK_USE_EXPRESSION = 1 << 3,
    LK_USE_LIPS = 1 << 4,
    LK_USE_CHARACTER = 1 << 5
} lk_use;

/* The registry of one project: a database (store/) and a keys folder. Safe to use from several threads and
 * from several processes at once. A lost or damaged part is an error and is never made anew. */
typedef struct lk_registry lk_registry;
/* Opens or, when create, makes DIR/registry.db and DIR/keys (0700, keys 0600). LK_E_NOTFOUND: no project
 * there; LK_E_FORMAT: damaged, or database and key do not belong together. Grants stay good after close. */
lk_status lk_registry_open(const char *dir, bool create, lk_registry **out, lk_error *err);
void lk_registry_close(lk_registry **r);

typedef struct lk_subject { char id[37]; char name[128]; bool depicts_nobody; int64_t created; } lk_subject;
/* name is unique in the registry; depicts_nobody: a synthetic actor. Makes the subject's key pair. */
/* LK_E_STATE when the name is taken. */
lk_status lk_subject_add(lk_registry *r, const char *name, bool depicts_nobody, lk_subject *out,
                         lk_error *err);
/* LK_E_NOTFOUND: nobody of that name; LK_E_CONSENT: the row does not carry the studio's signature. */
lk_status lk_subject_find(lk_registry *r, const char *name_or_id, lk_subject *out, lk_error *err);
/* By name. fn may use the registry; what it returns other than LK_OK ends the walk and is the answer. */
lk_status lk_subject_each(lk_registry *r, lk_status (*fn)(void *user, const lk_subject *s), void *user,
                          lk_error *err);

/* A consent record: what the subject agreed to. Signed by the subject and by the studio (Ed25519 over
 * its canonical text). Immutable; revocation is a new row. */
typedef struct lk_consent_record {
    char id[37], subject[37];
    char statement[512];  /* intended use in words */
    char project[128];
    uint32_t uses;        /* set of lk_use */
    int64_t from, until;  /* Unix seconds; at most ten years */
    int64_t revoked;      /* 0 = not revoked */
} lk_consent_record;
lk_status lk_consent_issue(lk_registry *r, const char *subject, uint32_t uses, int64_t term_seconds,
                           const char *project, const char *statement, lk_consent_record *out, lk_error *err);
/* From now on no grant stands on the record, in no process. Revoking twice is fine. reason may be NULL. */
lk_status lk_consent_revoke(lk_registry *r, const char *record_id, const char *reason, lk_error *err);
/* In the order of signing. state: "valid", "expired", "revoked", "tampered", "not yet valid"; of a tampered
 * record only the ids are filled in. */
lk_status lk_consent_each(lk_registry *r, const char *subject_or_null,
                          lk_status (*fn)(void *user, const lk_consent_record *c, const char *state),
                          void *user, lk_error *err);
/* Parse "face-source,face-target"; 0 and an error for an unknown word. */
uint32_t lk_use_parse(const char *words, lk_error *err);
void lk_use_print(uint32_t uses, char *out, size_t n);

/* A grant: opaque, only this room can make one. Every function that touches a likeness takes one; there
 * is no NULL that means "anyone". Getting it writes an audit row in the same transaction. */
typedef struct lk_grant lk_grant;
/* use: exactly one. LK_E_CONSENT with the rule that failed and the remedy when no valid record covers
 * (subject, use). Of several the oldest is taken, so that what was made under it stays usable when a new one
 * is signed. */
lk_status lk_grant_get(lk_registry *r, const char *subject, lk_use use, const char *what_for, lk_grant **out,
                       lk_error *err);
/* Verified again: audit log, signatures, expiry, revocation, clock. Call at each use (each load, each
 * checkpoint, each few seconds of a long job). Refused: a NULL grant, and a use that is not the one the grant
 * was given for. */
lk_status lk_grant_check(const lk_grant *g, lk_use use, lk_error *err);
const char *lk_grant_subject_id(const lk_grant *g);
const char *lk_grant_subject_name(const lk_grant *g);
const char *lk_grant_record_id(const lk_grant *g);
bool lk_grant_depicts_nobody(const lk_grant *g);
void lk_grant_free(lk_grant **g);

/* Lineage: everything remembers its parents. kind: "media", "dataset", "model", "output". */
typedef struct lk_asset {
    lk_hash hash;
    char kind[16];
    char path[512];
    char note[256];
    int64_t created;
} lk_asset;
/* Grants are checked again; only "media" may come without any. A parent need not be known here (a clip
 * straight from somebody's disk). The same asset again adds parents and grants. An asset cannot become its
 * own ancestor (LK_E_ARG). */
lk_status lk_lineage_add(lk_registry *r, const lk_asset *a, const lk_hash *parents, int parent_count,
                         const lk_grant *const *grants, int grant_count, lk_error *err);
/* up: what it was made from (recursively), else what was made from it. depth from 1, nearest first. A
 * parent that was never added comes as kind "unknown" with its hash alone. LK_E_NOTFOUND when nothing is
 * known of h. */
lk_status lk_lineage_walk(lk_registry *r, const lk_hash *h, bool up,
                          lk_status (*fn)(void *user, const lk_asset *a, int depth), void *user,
                          lk_error *err);
/* All assets that stand on this consent record, and all that was made from those. */
lk_status lk_lineage_of_record(lk_registry *r, const char *record_id,
                               lk_status (*fn)(void *user, const lk_asset *a), void *user, lk_error *err);
/* Verify the audit log from the first row: hashes, signatures, order, and that it is no older copy.
 * LK_E_FORMAT with the first row that is wrong. rows (may be NULL) gets their number. */
lk_status lk_audit_verify(lk_registry *r, int64_t *rows, lk_error *err);

#endif
