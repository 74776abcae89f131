/* bind.h: what holds a person's likeness (a model, its checkpoints, a dataset of faces) lies on the disk in a container
 * that is bound to the consent it stands on:
 *
 *     "LKBOUND1" | length of the header, 4 bytes, high first | header, canonical CBOR | encrypted body (base/aead.h)
 *
 * The header can be read by anybody and says who is in it, under which records, from what it was made, until when, and
 * for which studio. It is associated data of the body: change a byte of it, or put another body behind it, and nothing
 * opens. The key of the body is random and lies in the registry alone, sealed to the studio's key; it is handed out
 * only while every record that the header names stands, and destroyed when one of them is revoked.
 *
 * What this cannot do is said in docs/ETHICS.md: a program that once had the key can have kept it.
 */
#ifndef LK_BIND_H
#define LK_BIND_H

#include "consent/consent.h"

#define LK_BIND_PEOPLE 8
#define LK_BIND_PARENTS 64
#define LK_BIND_ID 16
#define LK_BIND_DETAIL 8192

typedef struct lk_bind_person {
    char subject[37], record[37];
    lk_hash consent;          /* id of the version of the record that it was made under */
    lk_hash enrolment;        /* what told this person from others, templates included; zero = nothing did */
    lk_use use;
    int64_t until;            /* end of that version's term */
} lk_bind_person;

/* The header. */
typedef struct lk_bind_info {
    char kind[32];            /* "swap model", "swap checkpoint", "face dataset" */
    uint8_t key_id[LK_BIND_ID];
    uint8_t grantee[LK_SIGN_PUBLIC]; /* the studio that it is for */
    lk_bind_person people[LK_BIND_PEOPLE];
    int people_count;
    lk_hash parents[LK_BIND_PARENTS]; /* what it was made from: datasets, footage */
    int parent_count;
    lk_hash training_root;    /* SHA-256 over the parents, one behind the other */
    int64_t made, expires;    /* expires: the earliest end of a term */
    lk_hash content;          /* of what the craft calls its content (weights): the same content has the same hash */
    char detail[LK_BIND_DETAIL]; /* what the craft says about it, JSON */
    uint64_t bytes;           /* of the plain body */
} lk_bind_info;

/* Is it a container at all? false also when it cannot be read. */
bool lk_bind_is(const char *path);
/* The header as it stands there. Nobody has vouched for it: that does only the opening of the body. LK_E_FORMAT: no
 * container, or damaged. */
lk_status lk_bind_info_read(const char *path, lk_bind_info *out, lk_error *err);
/* The same from memory: the whole header, without what stands before it. */
lk_status lk_bind_info_decode(const void *cbor, size_t n, lk_bind_info *out, lk_error *err);

/* --- keys ------------------------------------------------------------------------------------------ */

/* A data key in memory, for one model, training or dataset. It stands on grants: they must outlive it. */
typedef struct lk_bind_key lk_bind_key;
/* Makes one and stores it, sealed, in the grants' registry, in the transaction that finds them good. All grants are of
 * one registry; path is where the container will lie (kept to find it again). */
lk_status lk_bind_key_new(const char *kind, const char *path, const lk_grant *const *grants, int count,
                          lk_bind_key **out, lk_error *err);
/* The key of a container that exists. Every person in the header needs the grant of the very record that is named, for
 * the very use, good at this moment; every grant must be of a person in it. LK_E_CONSENT: a grant that lacks or fails,
 * another studio's, expired, or the key was destroyed or never was here. */
lk_status lk_bind_key_open(const lk_bind_info *info, const char *path, const lk_grant *const *grants, int count,
                           lk_bind_key **out, lk_error *err);
void lk_bind_key_free(lk_bind_key **k); /* wiped; NULL allowed */

/* --- writing and reading ----------------------------------------------------------------------------- */

/* Writing into a draft of path. what: parents, content, detail and bytes are read from it, all else comes
 * from the key; bytes is what will be put, exactly. Grants are checked when it is begun and when it is finished. */
typedef struct lk_bind_writer lk_bind_writer;
lk_status lk_bind_write(const lk_bind_key *k, const char *path, const lk_bind_info *what, lk_bind_writer **out,
                        lk_error *err);
lk_status lk_bind_put(void *writer, const void *data, size_t n, lk_error *err);
/* Complete and on the disk, but not yet seen by anybody: for the caller to publish (lk_draft_publish). Frees the writer
 * in any case; on failure nothing is left. */
lk_status lk_bind_finish(lk_bind_writer **w, lk_draft *out, lk_error *err);
void lk_bind_abort(lk_bind_writer **w);

typedef struct lk_bind_reader lk_bind_reader;
/* out (may be NULL) gets the header, vouched for once the body's first piece could be read. */
lk_status lk_bind_read(const char *path, const lk_grant *const *grants, int count, lk_bind_info *out,
                       lk_bind_reader **reader, lk_error *err);
/* Exactly n bytes of the body. LK_E_FORMAT: changed, cut or exchanged. Behind the last byte the end is checked. */
lk_status lk_bind_get(void *reader, void *to, size_t n, lk_error *err);
void lk_bind_close(lk_bind_reader **r);

/* --- the keys of a registry ------------------------------------------------------------------------- */

typedef struct lk_bound {
    uint8_t id[LK_BIND_ID];
    char kind[32], path[1024];
    int64_t made, destroyed;  /* 0 = the key is there */
} lk_bound;
/* Everything bound to a record, oldest first; record NULL: all. */
lk_status lk_bound_each(lk_registry *r, const char *record_or_null, lk_status (*fn)(void *user, const lk_bound *b),
                        void *user, lk_error *err);
/* Carry a key to a studio that all records name as a grantee: *box (LK_BIND_TICKET bytes) opens with that studio's
 * secret key alone. LK_E_CONSENT when a record does not name it. Written to the log. */
#define LK_BIND_TICKET 80
lk_status lk_bind_ticket_make(lk_registry *r, const lk_bind_info *info, const uint8_t to[LK_SIGN_PUBLIC],
                              const lk_grant *const *grants, int count, uint8_t box[LK_BIND_TICKET], lk_error *err);
/* Take such a key in. The records must stand in this registry too. */
lk_status lk_bind_ticket_take(lk_registry *r, const lk_bind_info *info, const char *path,
                              const uint8_t box[LK_BIND_TICKET], const lk_grant *const *grants, int count, lk_error *err);

#endif
