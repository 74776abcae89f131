/* internal.h: what the files of consent/ share.
 *
 * Trust runs like this. The studio's secret key lies in DIR/keys, outside the
 * database. Subject rows and consent records carry its signature, records the
 * subject's too; what a record says is read from its signed text, never from a
 * column. Audit rows form a hash chain whose last row is signed, and
 * DIR/keys/audit.tip remembers how far the chain had grown, so that neither a
 * changed row, nor a removed one, nor an old copy of the database goes unseen.
 */
#ifndef LK_CONSENT_INTERNAL_H
#define LK_CONSENT_INTERNAL_H

#include <pthread.h>

#include "consent/consent.h"
#include "store/store.h"

typedef struct revocation { char record[37]; int64_t time; } revocation;

struct lk_registry {
    pthread_mutex_t lock; /* recursive: grants are checked from worker threads too */
    int refs;             /* one of the opener and one of each grant */
    char *dir;
    lk_store *db;
    uint8_t studio_secret[LK_SIGN_SECRET], studio_public[LK_SIGN_PUBLIC];
    /* How far the audit log has been verified, and what it said so far. */
    int64_t audit_rows, audit_time;
    lk_hash audit_hash;
    revocation *revoked;
    size_t revoked_count, revoked_cap;
    bool tip_checked;
};

void registry_lock(lk_registry *r);
void registry_unlock(lk_registry *r);
lk_registry *registry_ref(lk_registry *r);
lk_status consent_no_memory(lk_error *err);

/* --- keys.c: DIR/keys, one file a secret, readable by their owner alone --------- */

lk_status keys_folder(const char *dir, lk_error *err);
bool keys_have(const char *dir, const char *name);
/* Never replaces a key: when there is one already (another process was faster), that one is loaded. */
lk_status keys_make(const char *dir, const char *name, uint8_t pub[LK_SIGN_PUBLIC],
                    uint8_t sec[LK_SIGN_SECRET], lk_error *err);
lk_status keys_load(const char *dir, const char *name, uint8_t pub[LK_SIGN_PUBLIC],
                    uint8_t sec[LK_SIGN_SECRET], lk_error *err);
void keys_remove(const char *dir, const char *name);
/* The tip of the audit log as this project last saw it; rows 0 when there is no such file yet. */
lk_status keys_tip_load(const char *dir, int64_t *rows, lk_hash *hash, lk_error *err);
lk_status keys_tip_save(const char *dir, int64_t rows, const lk_hash *hash, lk_error *err);

/* --- audit.c ----------------------------------------------------------------------- */

/* Verify what was added since the last call, and that nothing before it went away. LK_E_FORMAT when the log
 * was tampered with. */
lk_status audit_catch_up(lk_registry *r, lk_error *err);
/* The next audit_catch_up begins with the first row again. */
void audit_forget(lk_registry *r);
/* Add the one row of the open transaction. detail: a JSON object. seq and hash (may be NULL) name the row. */
lk_status audit_append(lk_registry *r, const char *kind, const lk_text *detail, int64_t *seq, lk_hash *hash,
                       lk_error *err);
/* After the commit: remember the new tip. A failure makes rows no less valid. */
lk_status audit_remember_tip(lk_registry *r, lk_error *err);
/* 0 = not revoked. Knows only rows that audit_catch_up has verified. */
int64_t audit_revoked(const lk_registry *r, const char *record);
/* Refuse (LK_E_CONSENT) when the clock stands more than a day before the newest row. */
lk_status audit_check_clock(const lk_registry *r, lk_error *err);

/* --- text.c: ids and the canonical text of what is signed ---------------------------- */

lk_status new_id(char out[37], lk_error *err); /* a random UUID, version 4 */
bool looks_like_id(const char *s);
/* {"key":"value" or ,"key":"value": the first pair of an object opens it. The caller adds the "}". */
void pair_text(lk_text *t, const char *key, const char *value);
void pair_int(lk_text *t, const char *key, int64_t value);
void pair_hex(lk_text *t, const char *key, const void *data, size_t n);
/* Non-empty UTF-8 of less than cap bytes without control characters, apart from line ends when lines. */
lk_status check_words(const char *what, const char *s, size_t cap, bool lines, lk_error *err);

/* --- subject.c, record.c ---------------------------------------------------------------- */

/* As lk_subject_find, with the public key. LK_E_CONSENT when the studio's signature does not fit the row. */
lk_status subject_load(lk_registry *r, const char *name_or_id, lk_subject *out, uint8_t pub[LK_SIGN_PUBLIC],
                       lk_error *err);

/* Why a record does not count; in order of what the user should hear first when several do not. */
typedef enum record_state {
    RECORD_VALID,
    RECORD_TAMPERED,
    RECORD_REVOKED,
    RECORD_EXPIRED,
    RECORD_NOT_YET,
    RECORD_STATES
} record_state;
const char *record_state_name(record_state s);

/* Read the present row of RECORD_QUERY and verify everything about it at this moment. */
#define RECORD_QUERY "SELECT id, subject, text, subject_sig, studio_sig FROM record "
lk_status record_read(lk_registry *r, lk_stmt *row, lk_consent_record *out, record_state *state,
                      lk_error *err);
lk_status record_load(lk_registry *r, const char *id, lk_consent_record *out, record_state *state,
                      lk_error *err);

/* --- grant.c: what lineage needs to know beyond the public calls ----------------------------- */

lk_use grant_use(const lk_grant *g);
lk_registry *grant_registry(const lk_grant *g);

#endif
