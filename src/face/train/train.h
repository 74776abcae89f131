/* train.h: training of the face room's own networks with the project's engine.
 *
 * train.c is the loop (batches from a second thread, optimiser, EMA, checkpoints,
 * held-out score, export); one file a network fills batches and computes its loss
 * (train_detect.c, train_landmark.c, train_mask.c, train_id.c); data.c loads the
 * pictures and their labels, augment.c disturbs them. Who is held out is decided
 * in one place, data.c.
 */
#ifndef LK_FACE_TRAIN_H
#define LK_FACE_TRAIN_H

#include "face/nets.h"

typedef struct lk_face_train_options {
    const char *data_dir;   /* NULL: $LIKENESS_DATA, else ../shared/data */
    const char *output;     /* weights to write, e.g. models/face-detect.safetensors */
    const char *checkpoint; /* NULL: OUTPUT.ckpt */
    const char *models_dir; /* where the landmark model is that face-id places unlabelled pictures with; NULL:
                               lk_models_dir() */
    const char *start_from; /* weights to begin with instead of random ones; NULL: none */
    double minutes;         /* stop (with a checkpoint, resumable) after this long; 0: no limit */
    int64_t steps;          /* 0: the network's default; the learning-rate schedule ends here */
    uint64_t seed;
    int batch;              /* 0: the network's default */
    bool resume;            /* go on from the checkpoint; bit-identical to not having stopped */
    bool synthetic;         /* made-up shapes instead of data: for tests */
    lk_backend backend;
    lk_dtype type;
} lk_face_train_options;

typedef struct lk_face_train_result {
    int64_t steps;         /* taken in all */
    double first_loss, last_loss; /* means over the first and last ten steps of this call */
    double held_out;       /* score on the held-out slice, lower is better */
    bool finished;
} lk_face_train_result;

lk_face_train_options lk_face_train_defaults(void);
/* net: face-detect, face-landmark, face-mask or face-id. result may be NULL. */
lk_status lk_face_train(const char *net, const lk_face_train_options *o, lk_face_train_result *result,
                        const lk_cancel *cancel, const lk_progress_sink *progress, lk_error *err);

#endif
