/* internal.h: what the files of consent/ share.
 *
 * Trust runs like this. The studio's secret key lies in DIR/keys, outside the
 * database. Subject rows and consent records carry its signature, records the
 * subject's too; what a record says is read from its signed bytes, never from a
 * column. Audit rows form a hash chain whose last row is signed, and
 * DIR/keys/audit.tip remembers how far the chain had grown, so that neither a
 * changed row, nor a removed one, nor an old copy of the database goes unseen.
 * Which version of a record is the newest, and whether it was revoked, is what
 * the verified log says of it (known.c); rows of other tables only carry it.
 */
#ifndef LK_CONSENT_INTERNAL_H
#define LK_CONSENT_INTERNAL_H

#include <pthread.h>

#include "base/seal.h"
#include "consent/consent.h"
#include "store/store.h"

enum { CONSENT_RECORD_MAX = 65536 }; /* bytes; more than any record, request or personal block has */

/* What the verified log says of a record, and of a person who signs with a key of their own. */
typedef struct known_record { char id[37]; int64_t version, revoked; lk_hash hash; } known_record;
typedef struct known_enrolment { char whose[37], id[37]; lk_hash body; } known_enrolment; /* whose: subject, or "" */
typedef struct known_person { char id[37]; uint8_t key[LK_SIGN_PUBLIC]; } known_person;
typedef struct knowledge {
    known_record *records;
    size_t record_count, record_cap;
    known_person *people;
    size_t person_count, person_cap;
    known_enrolment *enrolments;
    size_t enrolment_count, enrolment_cap;
    char place[24];    /* inode of the studio's key; "" in logs older than this rule */
    char project[128]; /* "" = never named */
} knowledge;

struct lk_registry {
    pthread_mutex_t lock; /* recursive: grants are checked from worker threads too */
    int refs;             /* one of the opener and one of each grant */
    bool writing;         /* between registry_begin and registry_end */
    char *dir;
    lk_store *db;
    uint8_t studio_secret[LK_SIGN_SECRET], studio_public[LK_SIGN_PUBLIC];
    /* How far the audit log has been verified, and what it said so far. */
    int64_t audit_rows, audit_time;
    lk_hash audit_hash;
    knowledge known;
    bool tip_checked;
};

void registry_lock(lk_registry *r);
void registry_unlock(lk_registry *r);
lk_registry *registry_ref(lk_registry *r);
/* Lock and open a transaction; end commits when so_far is LK_OK, else rolls back, and unlocks. A tip that
 * could not be remembered makes rows no less valid; with need_tip it is a failure all the same. */
lk_status registry_begin(lk_registry *r, lk_error *err);
lk_status registry_end(lk_registry *r, lk_status so_far, bool need_tip, lk_error *err);
lk_status consent_no_memory(lk_error *err);

/* --- keyfile.c, keys.c: DIR/keys, one file a secret, readable by their owner alone --------- */

lk_status keyfile_load_seal(const char *path, uint8_t pub[LK_SEAL_PUBLIC], uint8_t sec[LK_SEAL_SECRET],
                            lk_error *err);
lk_status keyfile_make_seal(const char *path, uint8_t pub[LK_SEAL_PUBLIC], uint8_t sec[LK_SEAL_SECRET],
                            lk_error *err);

lk_status keys_folder(const char *dir, lk_error *err);
bool keys_have(const char *dir, const char *name);
/* Never replaces a key: when there is one already (another process was faster), that one is loaded. */
lk_status keys_make(const char *dir, const char *name, uint8_t pub[LK_SIGN_PUBLIC],
                    uint8_t sec[LK_SIGN_SECRET], lk_error *err);
lk_status keys_load(const char *dir, const char *name, uint8_t pub[LK_SIGN_PUBLIC],
                    uint8_t sec[LK_SIGN_SECRET], lk_error *err);
void keys_remove(const char *dir, const char *name);
/* The key that personal blocks are sealed to, made when it is first needed. */
lk_status keys_personal(const char *dir, bool make, uint8_t pub[LK_SEAL_PUBLIC],
                        uint8_t sec[LK_SEAL_SECRET], lk_error *err);
/* The inode of the studio's key, in decimal: a copied folder has another. */
lk_status keys_place(const char *dir, char out[24], lk_error *err);
/* The tip of the audit log as this project last saw it; rows 0 when there is no such file yet. */
lk_status keys_tip_load(const char *dir, int64_t *rows, lk_hash *hash, lk_error *err);
lk_status keys_tip_save(const char *dir, int64_t rows, const lk_hash *hash, lk_error *err);

/* --- audit.c, known.c ----------------------------------------------------------------- */

typedef struct audit_row {
    int64_t seq, time;
    char kind[16];
    const char *detail; /* a JSON object */
    lk_hash prev, hash;
    uint8_t sig[LK_SIGN_BYTES];
} audit_row;

#define AUDIT_QUERY "SELECT seq, time, kind, detail, prev, hash, sig FROM audit "
lk_status audit_read(lk_stmt *row, audit_row *out, lk_error *err);
/* What the row's hash is of, and what its leaf in the Merkle tree is: a text of fixed shape. Returns its
 * length. */
enum { AUDIT_TEXT = 256 };
size_t audit_text(const audit_row *row, char out[AUDIT_TEXT]);

/* Verify what was added since the last call, and that nothing before it went away. LK_E_FORMAT when the log
 * was tampered with. */
lk_status audit_catch_up(lk_registry *r, lk_error *err);
/* The next audit_catch_up begins with the first row again. */
void audit_forget(lk_registry *r);
/* Add a row to the open transaction. detail: a JSON object. seq and hash (may be NULL) name the row. */
lk_status audit_append(lk_registry *r, const char *kind, const lk_text *detail, int64_t *seq, lk_hash *hash,
                       lk_error *err);
/* After the commit: remember the new tip. A failure makes rows no less valid. */
lk_status audit_remember_tip(lk_registry *r, lk_error *err);

/* Keep what a verified row says about who may do what. */
lk_status known_note(knowledge *k, const audit_row *row, lk_error *err);
void known_clear(knowledge *k);
const known_record *known_find(const knowledge *k, const char *record);
const known_person *known_own_key(const knowledge *k, const char *subject);

/* log.c, note.c: leaf hashes of all rows, verified from the first (the caller frees); a row in plain
 * words, names looked up when a registry is given; a checkpoint over a root. */
lk_status log_leaves(lk_registry *r, lk_hash **leaves, int64_t *n, lk_error *err);
lk_status log_words(const char *kind, const char *detail, lk_registry *names, lk_text *out, lk_error *err);
lk_status note_write(const lk_registry *r, int64_t size, const lk_hash *root, lk_text *out, lk_error *err);

/* --- text.c: ids and canonical text ------------------------------------------------------ */

lk_status new_id(char out[37], lk_error *err); /* a random UUID, version 4 */
bool looks_like_id(const char *s);
/* {"key":"value" or ,"key":"value": the first pair of an object opens it. The caller adds the "}". */
void pair_text(lk_text *t, const char *key, const char *value);
void pair_int(lk_text *t, const char *key, int64_t value);
void pair_hex(lk_text *t, const char *key, const void *data, size_t n);
/* Non-empty UTF-8 of less than cap bytes without control characters, apart from line ends when lines, and
 * without those that turn the direction of writing: what is signed must look like what it is. */
lk_status check_words(const char *what, const char *s, size_t cap, bool lines, lk_error *err);

/* --- words.c, terms.c, personal.c ---------------------------------------------------------- */

typedef struct word_row { int64_t value; const char *word, *meaning; } word_row; /* ended by a NULL word */
extern const word_row use_words[], duty_words[], age_words[], assurance_words[];
const char *word_of(const word_row *rows, int64_t value); /* "" when none */
bool word_find(const word_row *rows, const char *word, size_t n, int64_t *value);
uint32_t words_all(const word_row *rows);

bool terms_hash_given(const lk_hash *h);
/* Midnight (UTC) of the birthday so many years after YYYY-MM-DD; LK_E_ARG when that is no date. */
lk_status personal_birthday(const char *date, int years, int64_t *when, lk_error *err);

/* --- cose.c: what kind of thing is signed -------------------------------------------------- */

#define COSE_RECORD "application/vnd.likeness.consent+cbor"
#define COSE_REQUEST "application/vnd.likeness.consent-request+cbor"
#define COSE_WITHDRAWAL "application/vnd.likeness.consent-withdrawal+cbor"
lk_status cose_sign(const char *type, const uint8_t pub[LK_SIGN_PUBLIC], const uint8_t sec[LK_SIGN_SECRET],
                    const void *payload, size_t n, uint8_t sig[LK_SIGN_BYTES], lk_error *err);
/* LK_E_FORMAT when it does not fit. */
lk_status cose_check(const char *type, const uint8_t pub[LK_SIGN_PUBLIC], const void *payload, size_t n,
                     const uint8_t sig[LK_SIGN_BYTES], lk_error *err);
/* A whole COSE_Sign1 message, and back: payload points into data, pub is the key that signed it. Whose key
 * that is the caller must know. */
lk_status cose_write(const char *type, const uint8_t pub[LK_SIGN_PUBLIC], const uint8_t sec[LK_SIGN_SECRET],
                     const void *payload, size_t n, lk_bytes *out, lk_error *err);
lk_status cose_read(const void *data, size_t n, const char *type, uint8_t pub[LK_SIGN_PUBLIC],
                    const uint8_t **payload, size_t *payload_n, uint8_t sig[LK_SIGN_BYTES], lk_error *err);

/* --- subject.c, record.c, rules.c ------------------------------------------------------------ */

/* As lk_subject_find, with the key that the studio keeps for them. LK_E_CONSENT when the studio's
 * signature does not fit the row. */
lk_status subject_load(lk_registry *r, const char *name_or_id, lk_subject *out, uint8_t pub[LK_SIGN_PUBLIC],
                       lk_error *err);

/* Why nothing may be done, in the order of what the user should hear first when several rules say no. The
 * words stand in rules.c and in the log. */
typedef enum rule {
    RULE_NONE, /* nothing against it */
    /* of a record, whatever it is asked for */
    RULE_TAMPERED,
    RULE_REVOKED,
    RULE_AGE,
    RULE_TERM,
    RULE_NOT_YET,
    RULE_GUARDIAN,
    RULE_GRANTEE,
    RULE_PROJECT,
    RULE_QUOTA,
    /* of what is asked */
    RULE_PURPOSE,
    RULE_ABSENT,
    RULE_PERSON,
    RULE_CLOCK,
    RULE_COPY,
    RULE_LOG,
    /* of who it is: enrol.h */
    RULE_ENROLMENT,
    RULE_MATCH,
    RULE_TWIN,
    RULE_PROTECTED,
    RULE_CHALLENGE,
    RULE_MADE,
    RULES
} rule;

/* A record as it stands at this moment. */
typedef struct record {
    lk_consent_record brief;
    lk_consent_terms terms;
    lk_hash hash;       /* consent id of the newest version */
    bool first_form;    /* signed before there were terms: JSON text, little of which is said */
    rule state;
} record;

const char *rule_word(rule x);  /* "term", as it stands in the log and in refusals */
const char *rule_state(rule x); /* "expired", as it stands in lists; "valid" for RULE_NONE */
const char *rule_words(rule x); /* a half sentence */
const char *rule_words_of(const char *word); /* the same from the log's word; the word itself when unknown */
/* What the rules say about a verified record now. */
lk_status rules_judge(lk_registry *r, record *c, lk_error *err);
/* LK_E_CONSENT with the rule and the remedy. use: the word asked for. */
lk_status rules_refuse(const lk_registry *r, rule x, const char *name, const char *use, const record *c,
                       lk_error *err);
/* LK_E_CONSENT when the clock stands more than a day before the newest row. */
lk_status rules_check_clock(const lk_registry *r, lk_error *err);
/* LK_E_CONSENT when the folder is a copy of the one that the log was written in. */
lk_status rules_check_place(const lk_registry *r, lk_error *err);
/* Outputs that the verified log counts against the record. */
lk_status rules_outputs(lk_registry *r, const char *id, int64_t *count, lk_error *err);

/* Read the present row of RECORD_QUERY and verify everything about it at this moment: out->state says what
 * is against it. */
#define RECORD_QUERY                                                                                         \
    "SELECT record.id, record.subject, record.text, record.subject_sig, record.studio_sig, version.number, " \
    "version.body, version.subject_sig, version.studio_sig FROM record LEFT JOIN version ON "                \
    "version.record = record.id AND version.number = "                                                       \
    "(SELECT max(number) FROM version WHERE record = record.id) "
lk_status record_read(lk_registry *r, lk_stmt *row, record *out, lk_error *err);
lk_status record_load(lk_registry *r, const char *id, record *out, lk_error *err);
/* Inside a transaction. Revoking twice is fine. signed_by: "studio" or "subject". */
lk_status record_revoke(lk_registry *r, const char *id, const char *reason, const char *signed_by,
                        lk_error *err);
/* record_v1.c: the terms that a record of the first form amounts to. LK_E_FORMAT when it is not what was
 * signed. */
lk_status record_v1_read(const lk_registry *r, lk_stmt *row, const lk_subject *subject, lk_consent_terms *out,
                         lk_hash *hash, lk_error *err);

/* --- issue.c: what sign and accept share ------------------------------------------------------- */

/* The terms of a draft, whole; the personal block encoded (empty when there is none). Inside a
 * transaction. */
lk_status issue_terms(lk_registry *r, const lk_consent_draft *d, lk_consent_terms *out, lk_subject *who,
                      lk_bytes *personal, lk_error *err);
/* The block sealed to the studio's key of personal blocks; nothing for nothing. */
lk_status issue_seal(lk_registry *r, const lk_bytes *personal, lk_bytes *sealed, lk_error *err);
/* Store what both sign, with its row in the log. sealed may be empty. Inside a transaction. */
lk_status issue_insert(lk_registry *r, const lk_consent_terms *t, const lk_bytes *body,
                       const uint8_t subject_sig[LK_SIGN_BYTES], const void *sealed, size_t sealed_n,
                       lk_error *err);

void issue_brief(const lk_consent_terms *t, lk_consent_record *out);

/* --- enrol.c, challenge.c -------------------------------------------------------------------------- */

#define ENROL_TABLES                                                                                                 \
    "CREATE TABLE challenge(id TEXT PRIMARY KEY, subject TEXT NOT NULL REFERENCES subject(id), sentence TEXT NOT NULL," \
    " turns TEXT NOT NULL, issued INTEGER NOT NULL, expires INTEGER NOT NULL, tries INTEGER NOT NULL DEFAULT 0,"     \
    " over INTEGER NOT NULL DEFAULT 0) STRICT;"                                                                      \
    "CREATE INDEX challenge_subject ON challenge(subject);"                                                          \
    "CREATE TABLE enrolment(id TEXT PRIMARY KEY, subject TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL,"     \
    " sealed BLOB NOT NULL) STRICT;"                                                                                 \
    "CREATE INDEX enrolment_subject ON enrolment(subject);"
/* Inside a transaction: the challenge was answered and is used up; LK_E_CONSENT when it is not open. */
lk_status challenge_close(lk_registry *r, const char *id, const char *subject, lk_error *err);
/* Inside the transaction that forgets a person. */
lk_status enrol_forget(lk_registry *r, const char *subject, lk_error *err);
/* How sure the studio is of who that is, and the hash of what shows it; unverified and zero when not enrolled. */
lk_status enrol_assurance(lk_registry *r, const char *subject_id, lk_assurance *level, lk_hash *evidence, lk_error *err);
const known_enrolment *known_enrolled(const knowledge *k, const char *subject);

/* --- grant.c: what lineage needs to know beyond the public calls ----------------------------- */

lk_use grant_use(const lk_grant *g);
/* LK_E_CONSENT when one more output would be more than was agreed to. Inside a transaction that verified
 * the whole log; grant_note_quota writes that refusal to the log, afterwards. */
lk_status grant_check_quota(const lk_grant *g, const lk_hash *output, lk_error *err);
void grant_note_quota(const lk_grant *g);
/* A refusal in the log, in a transaction of its own, unless one is open. subject, record: ids, may be "". */
void refusal_note(lk_registry *r, rule why, const char *subject, const char *record_id, lk_use use, const char *what_for);
lk_registry *grant_registry(const lk_grant *g);

#endif
