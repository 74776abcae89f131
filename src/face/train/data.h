/* data.h: the labelled pictures that the face networks learn from, kept in memory
 * as small 8-bit pyramids. Also the one place that knows who is held out: London's
 * devtest people, all of Caltech's faces, actors A to D, the second half of the
 * pictures without faces. None of those is ever opened here.
 */
#ifndef LK_FACE_TRAIN_DATA_H
#define LK_FACE_TRAIN_DATA_H

#include "face/nets.h"

#define LK_PIC_LEVELS 6

/* An 8-bit picture and its halvings; c 3 (RGB) or 1. */
typedef struct lk_pic { int w, h, c, levels; uint8_t *level[LK_PIC_LEVELS]; } lk_pic;
lk_status lk_pic_make(const lk_image *im, int max_side, lk_pic *out, lk_error *err);
void lk_pic_clear(lk_pic *p);
/* dst (h, w, c floats, 0..1) = picture at to_src; the level is chosen by the map's scale. Outside: clamped,
 * or (clamp false) left as it is in dst. */
void lk_pic_sample(const lk_pic *p, lk_affine to_src, bool clamp, float *dst, int w, int h);

typedef enum lk_example_source {
    LK_SOURCE_PHOTO,
    LK_SOURCE_STILL,
    LK_SOURCE_ACTOR,
    LK_SOURCE_NOFACE,
    LK_SOURCES
} lk_example_source;

typedef struct lk_example {
    lk_pic pic;
    lk_pic mask;               /* visible face 255, else 0; levels 0 when there is none */
    lk_point lm[LK_LANDMARKS]; /* in pic's pixels */
    float weight[LK_LANDMARKS]; /* 1 seen, less where the label is a guess behind an occluder */
    bool has_lm;
    float yaw;                 /* degrees, of the points; 0 for photographs */
    bool closed;               /* eyes shut or nearly so: a blink */
    bool whole;                /* the whole photograph, not a crop of a frame */
    lk_example_source source;
    int identity;              /* class number, -1 none */
    bool held;                 /* validation slice: looked at, not learned from */
} lk_example;

enum {
    LK_WANT_PHOTOS = 1,
    LK_WANT_SMILES = 2 /* no landmarks */,
    LK_WANT_STILLS = 4,
    LK_WANT_ACTORS = 8,
    LK_WANT_NOFACE = 16,
    LK_WANT_MASKED_ONLY = 32
};

typedef struct lk_face_data {
    lk_example *all;
    int count, capacity, identities;
    lk_hash fingerprint;       /* of names, labels and pixels, in loading order */
    struct lk_hasher *hasher;
} lk_face_data;

const char *lk_face_data_dir(const char *given); /* given, $LIKENESS_DATA or ../shared/data */
lk_status lk_face_data_load(const char *dir, unsigned want, lk_face_data *out, const lk_cancel *cancel,
                            const lk_progress_sink *progress, lk_error *err);
/* Instead of data: ellipses with features, so that tests can train. */
lk_status lk_face_data_synthetic(uint64_t seed, int count, lk_face_data *out, lk_error *err);
void lk_face_data_clear(lk_face_data *d);
/* Next free example, zeroed; NULL when memory is gone. */
lk_example *lk_face_data_add(lk_face_data *d);

#endif
