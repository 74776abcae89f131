/* enrol.h: who somebody is to a machine. A challenge asks a person to say words nobody could know before and to turn
 * the head as told; an enrolment keeps what the answer showed: what was checked, with scores, and templates of face
 * and voice. Training footage is then compared with the template (studio/ does that): a grant says that Ann agreed,
 * an enrolment says who Ann is. People who must never be cloned are kept in the same form.
 *
 * Templates are biometric data: they lie sealed to the key of personal blocks, go with the person's erasure, and are
 * opaque here. What an enrolment says is text whose hash stands in the log; a row that is not what the log knows, or
 * that is missing though the log knows it, is refused as tampered. Start with enrol.c, then challenge.c.
 */
#ifndef LK_CONSENT_ENROL_H
#define LK_CONSENT_ENROL_H

#include "consent/consent.h"

enum {
    LK_ENROL_TEMPLATE = 8192,   /* most bytes of one template */
    LK_CHALLENGE_TRIES = 3,     /* answers that are judged; more would be guessing */
    LK_CHALLENGE_SECONDS = 1800 /* default time to record and bring the answer */
};

typedef struct lk_challenge {
    char id[37], subject[37];
    char sentence[512];         /* to be said */
    char turns[64];             /* words divided by spaces, in order: left, right, up, down */
    int64_t issued, expires, tries;
} lk_challenge;
/* A new one; what was open for this subject is void from now on. LK_E_RANGE: seconds outside 60 .. 86400. */
lk_status lk_challenge_make(lk_registry *r, const char *subject, const char *sentence, const char *turns,
                            int64_t seconds, lk_challenge *out, lk_error *err);
/* The open one, one try of it taken: an answer that fails cannot be tried for ever. LK_E_CONSENT (rule: challenge)
 * when there is none, it has expired, or all tries are used. */
lk_status lk_challenge_take(lk_registry *r, const char *subject, lk_challenge *out, lk_error *err);

typedef struct lk_enrolment {
    char id[37];                /* filled in by lk_enrol_add */
    char subject[37];           /* whose; "" for somebody who must never be cloned */
    char name[128];             /* of the subject, or what the protected person is called in the list */
    lk_assurance level;
    int64_t when;
    lk_hash evidence;           /* SHA-256 of the recording */
    char challenge[37];         /* that it answered, "" = none */
    char reviewer[128];         /* who looked at it, "" = nobody */
    char checks[4096];          /* JSON object: what was checked, with scores */
    uint8_t face[LK_ENROL_TEMPLATE], voice[LK_ENROL_TEMPLATE];
    size_t face_n, voice_n;     /* 0 = none */
} lk_enrolment;

/* Fill in subject (name or id; "" = protected, then name), and all but id and when. The newest enrolment of a subject
 * counts; those before stay in the log. A challenge that was answered is used up in the same transaction. */
lk_status lk_enrol_add(lk_registry *r, lk_enrolment *e, lk_error *err);
/* LK_E_CONSENT with a row in the log: not enrolled (rule: enrolment), or tampered. */
lk_status lk_enrol_get(lk_registry *r, const char *subject, const char *what_for, lk_enrolment *out, lk_error *err);
/* The same without a row in the log: LK_E_NOTFOUND when not enrolled. */
lk_status lk_enrol_find(lk_registry *r, const char *subject, lk_enrolment *out, lk_error *err);
/* Everybody who is enrolled, and everybody who is protected. e is valid during the call; fn may use the registry. */
lk_status lk_enrol_each(lk_registry *r, lk_status (*fn)(void *user, const lk_enrolment *e), void *user, lk_error *err);
/* Take somebody off the list of those who must never be cloned. LK_E_NOTFOUND. */
lk_status lk_protect_remove(lk_registry *r, const char *id_or_name, lk_error *err);

/* Refusals and decisions that are found out above this room belong into the log all the same. */
typedef enum lk_refusal {
    LK_REFUSED_ENROLMENT, /* not enrolled by what is needed */
    LK_REFUSED_MATCH,     /* the footage shows somebody else, or somebody who cannot be told */
    LK_REFUSED_TWIN,      /* enrolled under another name already */
    LK_REFUSED_PROTECTED, /* must never be cloned */
    LK_REFUSED_CHALLENGE, /* the answer does not fit */
    LK_REFUSED_MADE       /* what was made looks like somebody who did not agree */
} lk_refusal;
void lk_refusal_note(lk_registry *r, lk_refusal why, const char *subject_or_null, lk_use use_or_0, const char *what_for);
/* A named person decided what the program left open. about: which face of the file; hash: of the file. */
lk_status lk_review_note(lk_registry *r, const char *subject, const char *reviewer, const char *about,
                         const lk_hash *hash, double score, lk_error *err);

#endif
