/* calibration.h: what the shipped identity network's file says about its scores.
 * Internal to the room.
 */
#ifndef LK_FACE_CALIBRATION_H
#define LK_FACE_CALIBRATION_H

#include "face/template.h"

#define LK_COHORT_NEAREST 30 /* of the cohort, whose cosines make a face's scale; in the file when it differs */

typedef struct lk_face_calibration {
    lk_hash model;
    bool has_thresholds;
    lk_face_thresholds thresholds;
    int cohort, nearest; /* cohort 0: none */
    float *stranger;     /* cohort x LK_EMBEDDING, unit length */
} lk_face_calibration;

lk_status lk_face_calibration_open(const char *models_dir, lk_face_calibration **out, lk_error *err);
void lk_face_calibration_close(lk_face_calibration **c);
/* Mean and deviation of the cosines of v with its nearest strangers. */
void lk_face_calibration_scale(const lk_face_calibration *c, const float v[LK_EMBEDDING], float *mean,
                               float *deviation);
/* The analyser's own, opened when first asked for. */
lk_status lk_analyser_calibration(lk_analyser *a, const lk_face_calibration **out, lk_error *err);

#endif
