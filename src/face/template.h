/* template.h: who a track of pictures shows, as one vector that can be kept and
 * compared: the sum of the embeddings of well-conditioned frames, at unit length.
 * Level 3 like the room: says how alike two templates are and where the shipped
 * network's own measurements draw the lines, and decides nothing. Start with
 * template.c (building, comparing, bytes), then template_clip.c (one template for
 * each track of a clip), calibration.c (what the model file says of its scores).
 */
#ifndef LK_FACE_TEMPLATE_H
#define LK_FACE_TEMPLATE_H

#include "face/face.h"

/* Templates are compared only when the same weights made them: model is the SHA-256 of those tensors. */
typedef struct lk_face_template {
    float v[LK_EMBEDDING]; /* unit length */
    int frames;            /* that were summed */
    float spread;          /* 0 = all frames alike; 1 - mean cosine of the frames with v. High: maybe two people */
    lk_hash model;
} lk_face_template;

/* The cosine, -1..1. LK_E_STATE: of different models; the score is then -infinity. */
lk_status lk_face_template_compare(const lk_face_template *a, const lk_face_template *b, float *score, lk_error *err);

/* At or above accept, one stranger in a thousand passes; below reject fall one or two in a hundred true comparisons,
 * both measured between templates of people that the network never saw and written into the model file by the
 * tool that measured them. Between the two a human must look. LK_E_NOTFOUND: the model was never calibrated. */
typedef struct lk_face_thresholds { float accept, reject; } lk_face_thresholds;
lk_status lk_analyser_thresholds(lk_analyser *a, lk_face_thresholds *out, lk_error *err);
/* The hash that templates of this analyser carry. */
lk_status lk_analyser_identity_model(lk_analyser *a, lk_hash *out, lk_error *err);

/* --- building from pictures ------------------------------------------------------- */

#define LK_TEMPLATE_FRAMES 24 /* most that a template sums */

typedef struct lk_template_options {
    int max_frames;    /* default and limit LK_TEMPLATE_FRAMES */
    int min_frames;    /* fewer are refused; default 3. 1 for a still */
    float min_quality; /* of the landmarks, default 0.5 */
    float max_yaw;     /* degrees either way, default 40; pitch the same */
    float min_eyes;    /* px between the outer eye corners, default 24 */
    float min_sharp;   /* lk_face_sharpness, default 0.05 */
} lk_template_options;
lk_template_options lk_template_defaults(void);

/* What became of the pictures shown to a builder. */
typedef struct lk_template_tally { int seen, used, small, turned, unclear, blurred; } lk_template_tally;

typedef struct lk_template_frame { float v[LK_EMBEDDING], sharp, merit, yaw; int64_t tag; } lk_template_frame;
typedef struct lk_template_builder {
    lk_analyser *a;
    lk_template_options o;
    lk_template_tally tally;
    lk_image crop;
    int count;
    lk_template_frame frame[LK_TEMPLATE_FRAMES];
} lk_template_builder;

/* o NULL: defaults. The analyser must outlive the builder. */
lk_status lk_template_begin(lk_template_builder *b, lk_analyser *a, const lk_template_options *o, lk_error *err);
void lk_template_clear(lk_template_builder *b);
/* A face of a picture. One that is small, turned, unclear or blurred is counted and left out, which is no error; when
 * max_frames are held, it takes the place of the poorest of the most frequent pose if it is better. tag: any number,
 * given back by lk_template_best. */
lk_status lk_template_add_face(lk_template_builder *b, const lk_face *face, const lk_image *rgb, int64_t tag,
                               lk_error *err);
/* An aligned crop (as lk_face_embed takes it) of a pose that the caller found good. */
lk_status lk_template_add_crop(lk_template_builder *b, const lk_image *crop, float yaw, int64_t tag, lk_error *err);
/* Is the face fit to be added, as far as its landmarks tell? tally may be NULL. */
bool lk_template_fit(const lk_template_options *o, const lk_face *face, lk_template_tally *tally);
/* Of a fit face, 0..1: large, frontal and sure. */
float lk_template_merit(const lk_face *face);
/* The template of what was added. LK_E_NOTFOUND with the reasons when there are fewer than min_frames. */
lk_status lk_template_finish(const lk_template_builder *b, lk_face_template *out, lk_error *err);
/* Tag of the clearest picture held; -1 when there is none. */
int64_t lk_template_best(const lk_template_builder *b);
/* Mean step between neighbouring pixels of a crop's middle over its contrast: about 0.1 and more for a sharp face. */
float lk_face_sharpness(const lk_image *crop);

/* --- one for each track of a clip -------------------------------------------------- */

typedef struct lk_track_template {
    lk_face_template t;          /* frames 0: too few were fit; tally says why */
    lk_template_tally tally;     /* over all frames of the track; used: those summed */
    int64_t frames;              /* of the clip that show the track */
    int64_t first, last, best;   /* positions in clip->frames; best (-1: none) makes the clearest still */
    double first_seconds, last_seconds, best_seconds;
} lk_track_template;

/* Reads the clip (or still) at path again, at the frames chosen: at most max_frames a track, spread over its time and
 * poses. out: clip->tracks of them. A clip of a single picture needs only one frame. o NULL: defaults. */
lk_status lk_face_clip_templates(lk_analyser *a, const char *path, const lk_face_clip *clip,
                                 const lk_template_options *o, lk_track_template *out, const lk_cancel *cancel,
                                 const lk_progress_sink *progress, lk_error *err);

/* --- bytes --------------------------------------------------------------------------- */

#define LK_FACE_TEMPLATE_BYTES (52 + 4 * LK_EMBEDDING) /* version 1 */
void lk_face_template_write(const lk_face_template *t, uint8_t out[LK_FACE_TEMPLATE_BYTES]);
/* LK_E_FORMAT: damaged, cut or of a later format. LK_E_STATE: made by another network than the analyser's. what names
 * the bytes' origin in errors. */
lk_status lk_face_template_read(lk_analyser *a, const void *bytes, size_t n, const char *what, lk_face_template *out,
                                lk_error *err);

#endif
