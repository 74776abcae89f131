/* enroll.h: showing who somebody is, before their likeness is used. A consent record says that a person agreed; an
 * enrolment lets the program tell that person from others: footage for training must show them (studio.h: import), the
 * same face or voice cannot be enrolled under a second name, and people who must never be cloned are refused.
 *
 * Common law as in studio.h. Refusals are LK_E_CONSENT, name the rule and stand in the audit log.
 */
#ifndef LIKENESS_ENROLL_H
#define LIKENESS_ENROLL_H

#include "likeness/studio.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Ask a person to record themselves: a sentence with random words and head turns, printed line by line. Open for so many
 * minutes (0 = 30), for three answers; a new challenge makes the one before void. */
lk_status lk_people_challenge(lk_project *p, const char *name, int minutes, lk_line_fn out, void *user, lk_error *err);

typedef struct lk_enroll_job {
    const char *subject;
    const char *clip;         /* the answer to the open challenge; without one, any clip or still of the person */
    bool no_challenge;        /* stated as "unverified" in every record signed afterwards; of a real person a reviewer must vouch */
    const char *reviewer;     /* who looked at it where the program is in doubt; NULL = nobody: doubt refuses */
} lk_enroll_job;
/* Judge the clip and keep what it shows. One line a check, with what was measured. Any failed check refuses, any doubt
 * without a reviewer too; then nothing is kept but the row in the log. */
lk_status lk_people_enroll(lk_project *p, const lk_enroll_job *job, lk_line_fn out, void *user, const lk_cancel *cancel,
                           const lk_progress_sink *progress, lk_error *err);

/* Put somebody on the list of those who must never be cloned: nobody who looks or sounds like them is enrolled or
 * imported from then on. clip: shows or sounds like them. name: what the list calls them. */
lk_status lk_people_protect(lk_project *p, const char *name, const char *clip, lk_line_fn out, void *user, const lk_cancel *cancel,
                            const lk_progress_sink *progress, lk_error *err);
lk_status lk_people_unprotect(lk_project *p, const char *name_or_id, lk_error *err);
/* Who is enrolled, how sure the studio is, and who is protected. */
lk_status lk_people_enrolled(lk_project *p, lk_line_fn out, void *user, lk_error *err);

#ifdef __cplusplus
}
#endif
#endif
