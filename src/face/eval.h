/* eval.h: how good the room is, on people and pictures that its networks never saw.
 * eval/ holds one file a question; lk_face_eval asks them all. The figures are those
 * of the quality table; every row says over how many samples.
 */
#ifndef LK_FACE_EVAL_H
#define LK_FACE_EVAL_H

#include "face/face.h"

typedef struct lk_eval_row {
    const char *what;    /* group, such as "detector" */
    const char *figure;  /* such as "recall at 1 false alarm in 20 pictures" */
    double value;
    const char *unit;    /* "%", "deg", "frames/s", "" */
    const char *target;  /* as text, "" when it is for information */
    int64_t n;           /* samples behind it */
} lk_eval_row;
typedef lk_status (*lk_eval_row_fn)(void *user, const lk_eval_row *row, lk_error *err);

typedef struct lk_face_eval_options {
    const char *data;       /* folder with actors/, faces_london/ and so on */
    const char *models_dir; /* NULL = lk_models_dir() */
    const char *only;       /* NULL = all; else one of lk_face_eval_parts */
    const lk_cancel *cancel;
    const lk_progress_sink *progress;
} lk_face_eval_options;
/* LK_E_NOTFOUND names what is missing of the data. */
lk_status lk_face_eval(const lk_face_eval_options *o, lk_eval_row_fn row, void *user, lk_error *err);
/* Names of the parts, in order, NULL at the end. */
const char *const *lk_face_eval_parts(void);

#endif
