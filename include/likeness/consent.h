/* consent.h: consent in full: terms, signing with two hands, the log and its proofs. studio.h has the few calls that
 * a pipeline needs; this is what a program needs that asks people, or that a person asked signs with.
 *
 * Calls that take an lk_project are the studio's. The lk_paper_ calls need no project: they are for the subject, for a
 * witness, for anybody who was handed a proof. Errors of refusal (LK_E_CONSENT) name the rule and the remedy. Where a
 * call takes a file to write and a line function, file NULL means: line by line.
 */
#ifndef LIKENESS_CONSENT_H
#define LIKENESS_CONSENT_H

#include "likeness/studio.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What shall be agreed to, in words. NULL or "": the default, or in an amendment what was agreed to before. Lists are
 * divided by ';', sets of words by ','. */
typedef struct lk_people_terms {
    const char *uses;         /* "face-source,voice"; required in a new record */
    const char *statement;    /* intended use, in the person's words; required in a new record */
    int days;                 /* term, 0 = 365, or as before */
    const char *project;      /* this project */
    const char *territory;    /* "worldwide" */
    const char *pay;          /* "unpaid, stated" */
    long long quota;          /* outputs; 0 = no limit, -1 = default or as before */
    const char *forbid;       /* beyond what is always forbidden: "advertising;alcohol" */
    const char *duties;       /* beyond label, c2pa and watermark: "spoken,credit" */
    const char *grantees;     /* "NAME=KEY IN HEX;..."; this studio */
    const char *contact;      /* whom to ask to revoke */
    const char *age;          /* "adult", "minor", "deceased" */
    const char *born;         /* YYYY-MM-DD; sealed, as all below */
    const char *legal_name, *reach;
    const char *guardians;    /* "NAME;NAME" */
    const char *estate;
} lk_people_terms;
lk_people_terms lk_people_terms_defaults(void);

/* Sign with both keys, which the project holds; the record says so. */
lk_status lk_people_sign(lk_project *p, const char *name, const lk_people_terms *t, char record_id[37], lk_error *err);
/* Write what the person shall sign to file. own_key: their public key in hex when it is known, else NULL. */
lk_status lk_people_request(lk_project *p, const char *name, const lk_people_terms *t, const char *own_key,
                            const char *file, char record_id[37], lk_error *err);
/* A new version of a record: signed at once, or, with file, written there for the person to sign. */
lk_status lk_people_amend(lk_project *p, const char *record_id, const lk_people_terms *t, const char *file, lk_error *err);
/* What the person sent back: an answer or a withdrawal. One line says what it did. */
lk_status lk_people_accept(lk_project *p, const char *file, lk_line_fn out, void *user, lk_error *err);

/* One record: the page in plain words, or one JSON object. */
lk_status lk_people_show(lk_project *p, const char *record_id, bool json, const char *file, lk_line_fn out, void *user,
                         lk_error *err);
/* As lk_people_consents; json: one object a line. */
lk_status lk_people_records(lk_project *p, const char *name_or_null, bool json, lk_line_fn out, void *user, lk_error *err);
/* The audit log in plain words, a line a row; json: one object a row. */
lk_status lk_people_log(lk_project *p, bool json, lk_line_fn out, void *user, lk_error *err);
/* Proof of the row that signed a record, or of a row by its number, as JSON text. */
lk_status lk_people_prove(lk_project *p, const char *what, const char *file, lk_line_fn out, void *user, lk_error *err);
/* The signed head of the log; since (may be NULL): file of an older one, from which the growth is proved. */
lk_status lk_people_checkpoint(lk_project *p, const char *since, const char *file, lk_line_fn out, void *user,
                               lk_error *err);
/* The project was copied here and the other is gone for good. */
lk_status lk_people_moved(lk_project *p, lk_error *err);

/* Make the key FILE, or read it when it is there: its public half, to tell others. */
lk_status lk_paper_key(const char *file, bool *made, char public_hex[65], lk_error *err);
/* What a request asks, as the page in plain words. */
lk_status lk_paper_read(const char *request, lk_line_fn out, void *user, lk_error *err);
/* Say yes to it. */
lk_status lk_paper_sign(const char *request, const char *key, const char *out_file, lk_error *err);
/* Take a yes back. signed_file: what lk_paper_sign wrote. */
lk_status lk_paper_withdraw(const char *signed_file, const char *key, const char *reason, const char *out_file,
                            lk_error *err);
/* Check a proof; or a checkpoint; or, with newer, that a log only grew from one checkpoint to the other. key, witness
 * (may be NULL): public keys in hex that must have signed. LK_E_FORMAT when it does not hold. */
lk_status lk_paper_check(const char *file, const char *newer, const char *key, const char *witness, lk_line_fn out,
                         void *user, lk_error *err);
/* Sign a checkpoint as a witness, if it follows from the last one of the same log that this key signed (remembered
 * beside the key). name: of the witness, like a web address. */
lk_status lk_paper_witness(const char *checkpoint, const char *key, const char *name, const char *file, lk_line_fn out,
                           void *user, lk_error *err);
#ifdef __cplusplus
}
#endif
#endif
