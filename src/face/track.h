/* track.h: following faces through a clip. track.c decides who is who, cut.c finds
 * scene cuts. Neither knows networks or frames: the tracker sees the picture through
 * lk_face_eyes, so that its rules are tested on scripted faces. Internal to the room.
 */
#ifndef LK_FACE_TRACK_H
#define LK_FACE_TRACK_H

#include "face/nets.h"

#define LK_QUALITY_MIN 0.5f /* of the points: below it there is no face to begin with */

/* How the tracker looks at the current picture. */
typedef struct lk_face_eyes {
    void *user;
    /* All faces, best score first, overlaps removed. Dear: called on some pictures only. */
    lk_status (*detect)(void *user, lk_detection *out, int max, int *count, lk_error *err);
    /* The 68 points of the face that to_crop (picture -> LK_NET_CROP px) frames; quality 0..1: is one there?
     */
    lk_status (*locate)(void *user, lk_affine to_crop, lk_point lm[LK_LANDMARKS], float *quality,
                        lk_error *err);
} lk_face_eyes;

typedef struct lk_tracker_options {
    int redetect_every;  /* pictures between detections while every face is followed */
    int max_faces;       /* followed at a time, at most LK_TRACKER_MAX */
    float start_quality; /* of the points, to begin a track */
    float keep_quality;  /* of the points, to go on; below it the face counts as lost */
    int forget_after;    /* pictures after which a lost face that comes back is somebody new */
} lk_tracker_options;
#define LK_TRACKER_MAX 32
lk_tracker_options lk_tracker_defaults(void);

typedef struct lk_tracker lk_tracker;
lk_status lk_tracker_new(const lk_tracker_options *o, lk_tracker **out, lk_error *err);
void lk_tracker_free(lk_tracker *t);
/* A new clip: no tracks, ids from 0. */
void lk_tracker_reset(lk_tracker *t);
/* A scene cut before the next picture: every track ends; ids go on counting. */
void lk_tracker_cut(lk_tracker *t);
/* The next picture. faces: those seen in it, by rising id; angles are not filled. */
typedef struct lk_picture_size { int w, h; } lk_picture_size;
lk_status lk_tracker_step(lk_tracker *t, const lk_picture_size *in, const lk_face_eyes *eyes, lk_face *faces,
                          int max, int *count, lk_error *err);
int lk_tracker_ids(const lk_tracker *t); /* ids given so far */

/* From a detection: two passes, the second framed by the points of the first. Used for stills too.
 * LK_E_NOTFOUND without a message when nothing face-like is there. */
lk_status lk_face_locate(const lk_face_eyes *eyes, lk_rect box, lk_point lm[LK_LANDMARKS], float *quality,
                         lk_error *err);
/* From the same face in the picture before (or after, walking back): one pass framed by its old points plus
 * motion (px a picture). LK_E_NOTFOUND without a message when it is not there, or somewhere it cannot have
 * gone. */
typedef struct lk_continued {
    lk_point lm[LK_LANDMARKS];
    lk_rect box;
    float quality, jump; /* jump: distance from where it was expected, in face sizes */
} lk_continued;
lk_status lk_face_continue(const lk_face_eyes *eyes, const lk_picture_size *in,
                           const lk_point from[LK_LANDMARKS], lk_point motion, float keep_quality,
                           lk_continued *out, lk_error *err);
/* Could these points be a face: finite, a sensible size, near the mean shape (turned up to profile)? */
bool lk_landmarks_plausible(const lk_point lm[LK_LANDMARKS]);

/* Scene cuts from thumbnails of luma, LK_CUT_W x LK_CUT_H, 0..1. */
#define LK_CUT_W 32
#define LK_CUT_H 18
typedef struct lk_cut_state { bool started; float last[LK_CUT_W * LK_CUT_H]; float usual; } lk_cut_state;
/* True when the picture does not continue the last one. {0} starts a clip. */
bool lk_cut_step(lk_cut_state *c, const float thumb[LK_CUT_W * LK_CUT_H]);

#endif
