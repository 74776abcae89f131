/* templates.h: the template figures, and the thresholds that they give; for the bench and
 * for the tool that writes the thresholds into the model file.
 */
#ifndef LK_FACE_EVAL_TEMPLATES_H
#define LK_FACE_EVAL_TEMPLATES_H

#include "face/eval/parts.h"
#include "face/template.h"

/* Reports the rows; at (may be NULL) gets the lines drawn from all sets. */
lk_status lk_eval_templates(lk_eval *e, lk_face_thresholds *at, lk_error *err);

#endif
