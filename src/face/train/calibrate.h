/* calibrate.h: towers joined to a face-id file, and its thresholds. */
#ifndef LK_FACE_TRAIN_CALIBRATE_H
#define LK_FACE_TRAIN_CALIBRATE_H

#include "face/eval.h"

typedef struct lk_face_calibrate_options {
    const char *data_dir;   /* NULL: $LIKENESS_DATA, else ../shared/data */
    const char *models_dir; /* holds the other networks and face-id.safetensors, which is written anew */
} lk_face_calibrate_options;
/* row gets the template figures (eval.h) that the thresholds stand on. */
lk_status lk_face_calibrate(const lk_face_calibrate_options *o, lk_eval_row_fn row, void *user, const lk_cancel *cancel,
                            const lk_progress_sink *progress, lk_error *err);

/* LK_FACE_TOWERS files of face_train into one (join.c), to be calibrated next. */
lk_status lk_face_join(const char *const tower[LK_FACE_TOWERS], const char *output, lk_error *err);

#endif
