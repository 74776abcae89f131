/* analyser.h: what analyse.c (pictures) and clip.c (whole clips) share. Internal to
 * the room.
 */
#ifndef LK_FACE_ANALYSER_H
#define LK_FACE_ANALYSER_H

#include "face/calibration.h"
#include "face/smooth.h"
#include "face/track.h"

struct lk_analyser {
    lk_analyser_options o;
    char *models_dir;
    lk_detector *detector;
    lk_landmarker *landmarker;
    lk_masker *masker;     /* NULL until asked for */
    lk_embedder *embedder; /* NULL until asked for */
    lk_face_calibration *calibration; /* NULL until asked for */
    lk_tracker *tracker;
    lk_cut_state cut;
    struct { int track; lk_smoother state; } smooth[LK_TRACKER_MAX];
    /* What the eyes look at: a still, or a frame, converted as a whole when that was needed. */
    const lk_image *still;
    const lk_frame *frame;
    lk_image whole, patch;
    size_t patch_room;     /* floats */
    bool whole_ready;
};

/* One picture of a clip, without smoothing and pose. cut: it begins a new scene. */
lk_status lk_analyser_follow(lk_analyser *a, const lk_frame *f, lk_face *faces, int max, int *count,
                             bool *cut, lk_error *err);
/* The eyes, on the given frame (NULL: on what the analyser looks at already). */
lk_face_eyes lk_analyser_eyes(lk_analyser *a, const lk_frame *f);

#endif
