/* face: level 3. Finds faces, 68 landmarks, head pose, alignment, tracks, masks
 * and identity embeddings. Analysis only: knows no policy and makes nothing. May
 * include base/, flow/, media/, tensor/, nn/. Start with analyse.c (the
 * pipeline), then detect.c, landmark.c, align.c, track.c, mask.c, identity.c.
 * train/ holds the training of the room's own networks.
 *
 * Points: iBUG/Multi-PIE 68 order, pixels of the upright frame, (0,0) = centre of
 * the top-left pixel. Angles in degrees: yaw > 0 turns to the right of the
 * picture, pitch > 0 looks down, roll > 0 turns anticlockwise in the picture.
 */
#ifndef LK_FACE_H
#define LK_FACE_H

#include "media/media.h"
#include "nn/nn.h"

#define LK_LANDMARKS 68
#define LK_FACE_TOWER 128 /* numbers of one tower of the identity network (net_id.c) */
#define LK_FACE_TOWERS 3
#define LK_EMBEDDING (LK_FACE_TOWERS * LK_FACE_TOWER)

typedef struct lk_point { float x, y; } lk_point;
typedef struct lk_rect { float x0, y0, x1, y1; } lk_rect;

typedef struct lk_face {
    lk_rect box;                     /* brows to chin, ear to ear */
    float score;                     /* detector, 0..1 */
    lk_point lm[LK_LANDMARKS];
    float quality;                   /* landmark confidence, 0..1 */
    float yaw, pitch, roll;          /* degrees */
    int track;                       /* id within the clip, -1 before tracking */
} lk_face;

/* Geometry (align.c). The crop is the 33-point similarity alignment (brows, nose, eyes, two mouth corners; not the
 * jaw, not the inner mouth, so that speech does not scale the face) onto the mean shape, with `coverage`
 * widening it: 1.0 = the standard swap crop (brows to chin with margin), larger shows more context. */
lk_affine lk_face_align(const lk_point lm[LK_LANDMARKS], int size, float coverage); /* frame -> crop */
/* Mean shape in the standard crop of the given size and coverage. */
void lk_face_mean_shape(int size, float coverage, lk_point out[LK_LANDMARKS]);
/* Soft hull mask in crop space from landmarks already in crop space: jaw + brows lifted by half the brow-eye distance. */
lk_status lk_face_hull_mask(const lk_point lm[LK_LANDMARKS], lk_image *mask, float feather, lk_error *err);
void lk_face_pose(const lk_point lm[LK_LANDMARKS], float *yaw, float *pitch, float *roll);
float lk_face_interocular(const lk_point lm[LK_LANDMARKS]); /* outer eye corners, px */
/* Mirror left and right: x -> w-1-x and the order of the points. */
void lk_landmarks_mirror(lk_point lm[LK_LANDMARKS], float w);

/* Draw what was found onto an RGB picture: boxes, points coloured by part, track (or score) and yaw. */
void lk_face_draw(lk_image *im, const lk_face *faces, int count);

/* The analyser: loads face-detect, face-landmark, face-mask, face-id from models_dir. One owner thread. */
typedef struct lk_analyser lk_analyser;
typedef struct lk_analyser_options {
    const char *models_dir;   /* NULL = lk_models_dir() */
    float min_face;           /* px, default 24 */
    float threshold;          /* detector score, default as shipped with the model */
    int max_faces;            /* default 16 */
    int redetect_every;       /* frames between full detections while tracking, default 12 */
    bool smooth;              /* temporal landmark smoothing (does not blur blinks or speech), default true */
} lk_analyser_options;
lk_analyser_options lk_analyser_defaults(void);
lk_status lk_analyser_open(const lk_analyser_options *o, lk_analyser **out, lk_error *err);
void lk_analyser_close(lk_analyser **a);
/* One still: detect, landmarks, pose; best score first. count <= max. */
lk_status lk_analyse_image(lk_analyser *a, const lk_image *rgb, lk_face *faces, int max, int *count, lk_error *err);
/* Frames of one clip in order: tracks, smoothed landmarks. A cut or a lost face ends a track. */
lk_status lk_analyse_frame(lk_analyser *a, const lk_frame *f, lk_face *faces, int max, int *count, lk_error *err);
void lk_analyser_reset(lk_analyser *a); /* a new clip */
/* Visible face (hair, hands, glasses frames off) for one aligned crop; crop: RGB at lk_face_align(lm, crop->w, coverage 1.25);
 * mask: same size, 0..1. */
lk_status lk_face_mask(lk_analyser *a, const lk_image *crop, lk_image *mask, lk_error *err);
/* Unit vector; same crop convention. Compare with lk_embedding_cosine. */
lk_status lk_face_embed(lk_analyser *a, const lk_image *crop, float out[LK_EMBEDDING], lk_error *err);
float lk_embedding_cosine(const float *a, const float *b);
#define LK_FACE_CROP_COVERAGE 1.25f /* of crops for mask and identity */
/* Where the shipped models are: LIKENESS_MODELS, else the install folder, else models/ beside the build. */
const char *lk_models_dir(void);

/* A whole clip analysed once and kept: faces of every frame, by index and PTS. */
typedef struct lk_face_frame { int64_t index, pts; double seconds; int count; lk_face *faces; } lk_face_frame;
typedef struct lk_face_clip { lk_face_frame *frames; int64_t count; int tracks; int width, height; lk_arena *arena; } lk_face_clip;
/* Reads the whole clip; two-sided smoothing over each track. */
lk_status lk_analyse_clip(lk_analyser *a, const char *path, lk_face_clip *out, const lk_cancel *cancel, const lk_progress_sink *progress, lk_error *err);
void lk_face_clip_clear(lk_face_clip *c);

#endif
