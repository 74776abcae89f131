/* made.h: who a rendered clip shows. The made faces are compared with those who agreed and with everybody else who is
 * enrolled or protected, before the clip may leave. */
#ifndef LK_STUDIO_MADE_H
#define LK_STUDIO_MADE_H

#include "studio/enroll.h"

typedef struct made_check made_check;
/* frames: how many swapped frames will come, so that those looked at are spread over them. */
lk_status made_check_open(lk_analyser *a, int64_t frames, made_check **out, lk_error *err);
void made_check_close(made_check **m);
/* The n-th swapped frame, as made, with the face that was made in it. Most are only counted. */
lk_status made_check_frame(made_check *m, const lk_frame *made, const lk_face *face, lk_error *err);
/* LK_E_CONSENT (rule: made) when the made face is surely that of somebody who agreed to nothing here: another enrolled person
 * or a protected one, and more like them than like the source. score: how like the source it is (may be NULL). */
lk_status made_check_verdict(made_check *m, lk_project *p, const lk_grant *source, const lk_grant *target, float *score, lk_error *err);

#endif
