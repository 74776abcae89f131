/* terms.h: what a consent record of the second form says, field by field, and its one encoding: a CBOR map
 * with the deterministic encoding of RFC 8949 4.2.1, so that the same terms are always the same bytes.
 * SHA-256 of those bytes is the *consent id* that manifests name. Both parties sign the bytes (COSE_Sign1,
 * RFC 9052, Ed25519).
 *
 * Who the person is (legal name, contact, birth date, guardians) is no part of it: that is the personal
 * block, sealed to a key of the studio's; the record holds the SHA-256 of the block, which begins with 32
 * random bytes so that nobody can find a name by trying.
 */
#ifndef LK_CONSENT_TERMS_H
#define LK_CONSENT_TERMS_H

#include "base/base.h"
#include "base/cbor.h"

/* Uses a person may agree to; a record holds a set of them. */
typedef enum lk_use {
    LK_USE_FACE_SOURCE = 1 << 0, /* my face may be put on somebody else's performance */
    LK_USE_FACE_TARGET = 1 << 1, /* my filmed performance may get another face */
    LK_USE_VOICE = 1 << 2,
    LK_USE_EXPRESSION = 1 << 3,
    LK_USE_LIPS = 1 << 4,
    LK_USE_CHARACTER = 1 << 5
} lk_use;

typedef enum lk_age { LK_AGE_ADULT, LK_AGE_MINOR, LK_AGE_DECEASED } lk_age;

/* How the studio assured itself of who signs. */
typedef enum lk_assurance {
    LK_ASSURED_UNVERIFIED, /* by its word */
    LK_ASSURED_UPLOAD,     /* an uploaded clip answered the challenge */
    LK_ASSURED_LIVE,       /* a live recording did */
    LK_ASSURED_REVIEWED    /* and a named person looked at it */
} lk_assurance;

/* What every output owes its viewers. Label, C2PA and watermark are always among them. */
typedef enum lk_duty {
    LK_DUTY_LABEL = 1 << 0,     /* a visible label */
    LK_DUTY_SPOKEN = 1 << 1,    /* a spoken notice */
    LK_DUTY_C2PA = 1 << 2,      /* a signed C2PA manifest */
    LK_DUTY_WATERMARK = 1 << 3, /* an imperceptible watermark */
    LK_DUTY_CREDIT = 1 << 4     /* the person is named in the credits */
} lk_duty;
#define LK_DUTIES_ALWAYS (LK_DUTY_LABEL | LK_DUTY_C2PA | LK_DUTY_WATERMARK)

enum { LK_CONSENT_GRANTEES = 8, LK_CONSENT_BANS = 8 };

typedef struct lk_grantee { char name[64]; uint8_t key[LK_SIGN_PUBLIC]; } lk_grantee;

typedef struct lk_consent_terms {
    char id[37];               /* of the record; an amendment keeps it */
    int64_t version;           /* 1, and one more with each amendment */
    int64_t created;           /* Unix seconds, as all times here */
    lk_hash previous;          /* consent id of the version before; zero in the first */
    char subject[37];          /* pseudonymous */
    bool depicts_nobody;       /* a synthetic actor */
    bool subject_holds_key;    /* else the studio held both keys, and the record says so */
    uint8_t subject_key[LK_SIGN_PUBLIC], studio_key[LK_SIGN_PUBLIC];
    lk_age age;
    int64_t guardians;         /* how many agreed for a minor */
    int64_t adult_at;          /* a minor's 18th birthday, 00:00 UTC; else 0 */
    uint32_t uses;             /* set of lk_use */
    char statement[512];       /* intended use in words */
    char bans[LK_CONSENT_BANS][64]; /* beyond the ones that always hold */
    int ban_count;
    char project[128];
    lk_grantee grantees[LK_CONSENT_GRANTEES];
    int grantee_count;         /* at least one */
    char territory[128];
    int64_t from, until;       /* at most ten years */
    int64_t quota;             /* outputs that may be made; 0 = no limit */
    char compensation[256];    /* or "unpaid, stated" */
    uint32_t duties;           /* set of lk_duty */
    char contact[256];         /* whom to ask to revoke */
    lk_assurance assurance;
    lk_hash evidence;          /* of the enrolment that shows it; zero = none */
    lk_hash personal;          /* of the personal block; zero = none */
} lk_consent_terms;

/* Who the person is. Empty strings: not given. */
typedef struct lk_personal {
    uint8_t salt[32];
    char legal_name[128], contact[256];
    char birth_date[11];       /* YYYY-MM-DD */
    char guardians[2][128];    /* who agree for a minor */
    char estate[128];          /* who agrees for a deceased person */
} lk_personal;

/* Append the encoding. LK_E_ARG or LK_E_RANGE when a field cannot be said. */
lk_status lk_consent_encode(const lk_consent_terms *t, lk_bytes *out, lk_error *err);
/* LK_E_FORMAT when the bytes are not exactly what lk_consent_encode writes for some terms: a ban that
 * always holds is missing, keys in another order, a longer integer, a control character in a text,
 * anything unknown. */
lk_status lk_consent_decode(const void *data, size_t n, lk_consent_terms *out, lk_error *err);

lk_status lk_personal_encode(const lk_personal *p, lk_bytes *out, lk_error *err);
lk_status lk_personal_decode(const void *data, size_t n, lk_personal *out, lk_error *err);

/* The bans that hold in every record and that no option removes: words, and what they mean; ended by a
 * NULL word. */
typedef struct lk_ban { const char *word, *meaning; } lk_ban;
const lk_ban *lk_consent_bans(void);

const char *lk_age_name(lk_age a);
const char *lk_assurance_name(lk_assurance a);
/* Parse "face-source,face-target"; 0 and an error for an unknown word. */
uint32_t lk_use_parse(const char *words, lk_error *err);
void lk_use_print(uint32_t uses, char *out, size_t n);
uint32_t lk_duty_parse(const char *words, lk_error *err);
void lk_duty_print(uint32_t duties, char *out, size_t n);

/* The record in plain words on one page, for both parties. name: what the registry calls the person.
 * personal, id (the consent id) and state (as lk_consent_each says it) may be NULL; without id it is what
 * is still to be signed. */
lk_status lk_consent_summary(const lk_consent_terms *t, const lk_personal *personal, const char *name,
                             const lk_hash *id, const char *state, lk_text *out, lk_error *err);

#endif
