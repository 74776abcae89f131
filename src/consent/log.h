/* log.h: the audit log as a Merkle tree (RFC 9162 2.1), so that somebody who holds one row, or one older
 * checkpoint, can check it against a newer checkpoint without the registry, and a log that was rewritten or
 * shown differently to two people is found out.
 *
 * A leaf is SHA-256(0x00 || the text that the row's own hash is of). Checkpoints are signed notes (C2SP
 * signed-note, tlog-checkpoint); witnesses add cosignatures (C2SP tlog-cosignature). Start with merkle.c,
 * then note.c.
 */
#ifndef LK_CONSENT_LOG_H
#define LK_CONSENT_LOG_H

#include "consent/consent.h"

/* --- merkle.c: the tree over an array of leaf hashes ------------------------------------ */

enum { LK_MERKLE_PATH = 64 }; /* no proof is longer */

lk_hash lk_merkle_leaf(const void *data, size_t n);
/* The root over n leaves; SHA-256 of nothing for n = 0. */
lk_hash lk_merkle_root(const lk_hash *leaves, int64_t n);
/* Hashes that lead from leaf index (0 <= index < n) to the root; returns their number. */
int lk_merkle_inclusion(const lk_hash *leaves, int64_t n, int64_t index, lk_hash path[LK_MERKLE_PATH]);
/* Hashes that show the tree of n leaves to be that of m with leaves added (0 < m <= n); none when m = n. */
int lk_merkle_consistency(const lk_hash *leaves, int64_t m, int64_t n, lk_hash path[LK_MERKLE_PATH]);
bool lk_merkle_check_inclusion(const lk_hash *leaf, int64_t index, int64_t n, const lk_hash *path, int count,
                               const lk_hash *root);
bool lk_merkle_check_consistency(int64_t m, int64_t n, const lk_hash *old_root, const lk_hash *new_root,
                                 const lk_hash *path, int count);

/* --- note.c: checkpoints --------------------------------------------------------------------- */

typedef struct lk_checkpoint {
    char origin[96];         /* name of the log: "likeness/consent/" and the studio's public key in hex */
    uint8_t key[LK_SIGN_PUBLIC]; /* the same: whose key that is the reader must know */
    int64_t size;            /* rows */
    lk_hash root;
    int64_t old_size;        /* of the checkpoint that the proof starts from; 0 = no proof */
    lk_hash proof[LK_MERKLE_PATH];
    int proof_count;
    char note[8192];         /* the signed text and its signatures, without the proof */
} lk_checkpoint;

/* The log as it stands now, signed by the studio. since (may be NULL): an older checkpoint of this log,
 * whose consistency with the new one is proved in the lines before it (the form that C2SP tlog-witness
 * asks for). */
lk_status lk_log_checkpoint(lk_registry *r, const lk_checkpoint *since, lk_text *out, lk_error *err);
/* Read, and verify the signature of the log's own key. LK_E_FORMAT with what is wrong. */
lk_status lk_checkpoint_read(const void *text, size_t n, lk_checkpoint *out, lk_error *err);
/* newer must be older with rows added: by the proof that newer carries, or because they are the same.
 * LK_E_FORMAT when the two contradict each other, LK_E_ARG when newer carries no proof from older. */
lk_status lk_checkpoint_follows(const lk_checkpoint *older, const lk_checkpoint *newer, lk_error *err);
/* A witness's line under a checkpoint: "I saw it at that time". out gets the whole text with the line
 * added. */
lk_status lk_checkpoint_cosign(const lk_checkpoint *c, const char *name, const uint8_t pub[LK_SIGN_PUBLIC],
                               const uint8_t sec[LK_SIGN_SECRET], int64_t time, lk_text *out, lk_error *err);
/* When the witness of this key signed the checkpoint; LK_E_NOTFOUND when it did not, LK_E_FORMAT when
 * wrongly. */
lk_status lk_checkpoint_cosigned(const lk_checkpoint *c, const uint8_t pub[LK_SIGN_PUBLIC], int64_t *time,
                                 lk_error *err);

/* --- proof.c: one row, proved ------------------------------------------------------------------ */

/* JSON: the row, its path, a checkpoint. what: a record id (the row that signed its newest version)
 * or the number of a row. */
lk_status lk_log_prove(lk_registry *r, const char *what, lk_text *out, lk_error *err);
/* What a proof proves, once it is verified without any registry. */
typedef struct lk_log_proof {
    int64_t row, time;
    char kind[16];
    char words[512];         /* the row in plain words */
    lk_checkpoint checkpoint;
} lk_log_proof;
lk_status lk_log_check(const void *json, size_t n, lk_log_proof *out, lk_error *err);

/* --- log.c: rows for people -------------------------------------------------------------------- */

typedef struct lk_log_row {
    int64_t seq, time;
    const char *kind, *words, *detail; /* valid during the call */
} lk_log_row;
/* In order, the log verified before. names: in the words, people are called as the registry calls them. */
lk_status lk_log_each(lk_registry *r, bool names, lk_status (*fn)(void *user, const lk_log_row *row),
                      void *user, lk_error *err);

#endif
