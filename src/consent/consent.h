/* consent: level 2. Subjects, signed consent records, grants, revocation, the
 * audit log and lineage rows: the one gate in. May include base/, flow/, store/.
 * Start with terms.h (what is signed), then record.c (what is verified), rules.c
 * and grant.c (what is checked at each use); log.h is the log as a Merkle tree.
 *
 * Said honestly: open source can be patched by a determined person. The promise
 * is safe by default and tamper-evident, not tamper-proof (docs/ETHICS.md).
 */
#ifndef LK_CONSENT_H
#define LK_CONSENT_H

#include "base/base.h"
#include "consent/terms.h"

/* The registry of one project: a database (store/) and a keys folder. Safe to use from several threads and
 * from several processes at once. A lost or damaged part is an error and is never made anew. */
typedef struct lk_registry lk_registry;
/* Opens or, when create, makes DIR/registry.db and DIR/keys (0700, keys 0600). LK_E_NOTFOUND: no project
 * there; LK_E_FORMAT: damaged, or database and key do not belong together. Grants stay good after close. */
lk_status lk_registry_open(const char *dir, bool create, lk_registry **out, lk_error *err);
void lk_registry_close(lk_registry **r);
/* Names the project once and for ever, in the log; a second name is not taken. Records for another project
 * are then refused. */
lk_status lk_registry_name(lk_registry *r, const char *project, lk_error *err);
/* A folder that was copied is refused (the copy would not see what is revoked in the other). This says, in
 * the log, that the registry lives here from now on and the other is gone. */
lk_status lk_registry_moved(lk_registry *r, lk_error *err);
/* The studio's public key: the name by which records grant it anything. */
const uint8_t *lk_registry_key(const lk_registry *r);

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

/* A consent record in brief. It is signed by the subject and by the studio and never changed; an amendment
 * is a new version of the same id, revocation is a row of the log. terms.h has all that it says. */
typedef struct lk_consent_record {
    char id[37], subject[37];
    char statement[512];  /* intended use in words */
    char project[128];
    uint32_t uses;        /* set of lk_use */
    int64_t from, until;  /* Unix seconds; at most ten years */
    int64_t revoked;      /* 0 = not revoked */
    int64_t version;      /* 1, and one more with each amendment */
} lk_consent_record;

/* What shall be agreed to. Zero the struct, then fill in subject, terms.uses and terms.statement; what is
 * left empty gets its default: adult, one year from now, this project and its studio, worldwide, no quota,
 * "unpaid, stated". */
typedef struct lk_consent_draft {
    const char *subject;     /* name or id */
    lk_consent_terms terms;  /* id set: an amendment of that record, every field as it shall be from now on */
    int64_t term_seconds;    /* 0 = one year; at most ten years; never past a minor's 18th birthday */
    lk_personal personal;    /* what is given is sealed */
} lk_consent_draft;

/* The quick way: both keys are in the project, and the record says so. LK_E_CONSENT when the subject signs
 * with a key of their own, or when a minor has no guardian. out may be NULL. */
lk_status lk_consent_sign(lk_registry *r, const lk_consent_draft *d, lk_consent_record *out, lk_error *err);
/* The same with nothing but the most needful. */
lk_status lk_consent_issue(lk_registry *r, const char *subject, uint32_t uses, int64_t term_seconds,
                           const char *project, const char *statement, lk_consent_record *out, lk_error *err);

/* The way with two hands. The studio writes a request, to send to the subject; kept here until it is
 * accepted, at most 30 days. own_key: the subject's public key when it is known, else NULL: they bring it
 * along. */
lk_status lk_consent_request(lk_registry *r, const lk_consent_draft *d, const uint8_t *own_key,
                             lk_bytes *file, char id[37], lk_error *err);
/* On the subject's machine, without a registry: what a request asks. LK_E_FORMAT when it was changed on
 * the way. */
typedef struct lk_consent_question {
    lk_consent_terms terms;
    lk_personal personal;
    bool has_personal;
    char name[128];          /* what the studio calls them */
} lk_consent_question;
lk_status lk_consent_question_read(const void *file, size_t n, lk_consent_question *out, lk_error *err);
/* The subject's answer: yes, with this key. signed_file is what the studio accepts. */
lk_status lk_consent_answer(const lk_consent_question *q, const uint8_t pub[LK_SIGN_PUBLIC],
                            const uint8_t sec[LK_SIGN_SECRET], lk_bytes *signed_file, lk_error *err);
/* Also on the subject's machine: "I withdraw", for the signed record that they kept. */
lk_status lk_consent_withdraw(const void *signed_file, size_t n, const char *reason,
                              const uint8_t pub[LK_SIGN_PUBLIC], const uint8_t sec[LK_SIGN_SECRET],
                              lk_bytes *out, lk_error *err);
/* Back in the studio: an answer (its record is stored and granted from now on), or a withdrawal (the
 * record is revoked). LK_E_CONSENT when it is not what was asked, or not signed by whom it must be. */
lk_status lk_consent_accept(lk_registry *r, const void *file, size_t n, lk_consent_record *out,
                            lk_error *err);

/* Everything about one record: all that the newest version says. */
typedef struct lk_consent_detail {
    lk_consent_record brief;
    lk_consent_terms terms;
    lk_hash hash;            /* the consent id */
    lk_personal personal;
    bool has_personal;       /* else there is none, it was erased, or its key is gone */
    bool first_form;         /* signed before records said all this */
    char state[20], name[128];
    int64_t outputs;         /* that count against the quota */
} lk_consent_detail;
lk_status lk_consent_show(lk_registry *r, const char *record_id, lk_consent_detail *out, lk_error *err);
/* The consent id of the newest version: SHA-256 of what was signed. */
lk_status lk_consent_hash(lk_registry *r, const char *record_id, lk_hash *out, lk_error *err);
/* The record that a manifest names by the consent id of any of its versions, or, as manifests did at first, by the
 * hash of its id. LK_E_NOTFOUND: none of this registry. */
lk_status lk_consent_find(lk_registry *r, const lk_hash *named, char record_id[37], lk_error *err);

/* From now on no grant stands on the record, in no process. Revoking twice is fine. reason may be NULL. */
lk_status lk_consent_revoke(lk_registry *r, const char *record_id, const char *reason, lk_error *err);
/* In the order of signing. state: "valid", "expired", "revoked", "tampered", "not yet valid", "grown up"
 * (signed for a minor), "no guardian", "for others", "other project", "used up"; of a tampered record only
 * the ids are filled in. */
lk_status lk_consent_each(lk_registry *r, const char *subject_or_null,
                          lk_status (*fn)(void *user, const lk_consent_record *c, const char *state),
                          void *user, lk_error *err);
/* A grant: opaque, only this room can make one. Every function that touches a likeness takes one; there is
 * no NULL that means "anyone". Getting it writes an audit row in the same transaction; a refusal writes
 * one too. */
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
const lk_hash *lk_grant_consent_hash(const lk_grant *g); /* of the version it was given on: for manifests */
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
/* Grants are checked again, and an "output" counts against their quotas unless its note begins with
 * "contact sheet" or "training preview"; only "media" may come without any. A parent need not be known
 * here (a clip straight from somebody's disk). The same asset again adds parents and grants. An asset
 * cannot become its own ancestor (LK_E_ARG). */
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

/* --- binding: bind.h ------------------------------------------------------------------- Files that hold
 * a likeness are encrypted, and their keys stand on records: revoking one destroys them in the same
 * transaction. */

/* --- keys outside a project: the subject's, a witness's ----------------------------------- */

/* One Ed25519 secret in a file of rights 0600. LK_E_STATE: there is one already, it is never replaced.
 * LK_E_CONSENT: others may read it. The caller wipes sec. */
lk_status lk_keyfile_make(const char *path, uint8_t pub[LK_SIGN_PUBLIC], uint8_t sec[LK_SIGN_SECRET],
                          lk_error *err);
lk_status lk_keyfile_load(const char *path, uint8_t pub[LK_SIGN_PUBLIC], uint8_t sec[LK_SIGN_SECRET],
                          lk_error *err);

#endif
