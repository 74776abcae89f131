/* calibration.h: what the shipped identity network's file says about its scores.
 * Internal to the room.
 */
#ifndef LK_FACE_CALIBRATION_H
#define LK_FACE_CALIBRATION_H

#include "face/template.h"

typedef struct lk_face_calibration {
    lk_hash model;
    bool has_thresholds;
    lk_face_thresholds thresholds;
} lk_face_calibration;

lk_status lk_face_calibration_open(const char *models_dir, lk_face_calibration **out, lk_error *err);
void lk_face_calibration_close(lk_face_calibration **c);
/* The analyser's own, opened when first asked for. */
lk_status lk_analyser_calibration(lk_analyser *a, const lk_face_calibration **out, lk_error *err);

#endif
