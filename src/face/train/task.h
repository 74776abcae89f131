/* task.h: what train.c needs to know of a network to train it, and what a network's
 * training file gets from it. fill runs in the loader thread and depends on nothing
 * but (seed, step); the rest runs in the caller's thread.
 */
#ifndef LK_FACE_TRAIN_TASK_H
#define LK_FACE_TRAIN_TASK_H

#include "face/train/augment.h"
#include "face/train/data.h"
#include "face/train/train.h"

#define LK_FACE_BATCH_MAX 256

typedef struct lk_face_job lk_face_job;

typedef struct lk_face_task {
    const char *name;
    unsigned want;             /* LK_WANT_* */
    int64_t steps;             /* defaults */
    int batch;
    float lr, threshold;       /* threshold: goes into the file's metadata, 0 none */
    int height, width;         /* of an input sample */
    int labels;                /* floats of truth per sample */
    const char *score_name;    /* of the held-out score, lower is better */
    lk_node (*describe)(lk_face_job *job, lk_net *net, int batch);
    lk_face_describe_fn shipped;               /* the network as it is used; its parameters are exported */
    lk_status (*prepare)(lk_face_job *job, lk_error *err); /* after loading, may be NULL */
    void (*init)(lk_face_job *job);            /* touch fresh parameters, may be NULL */
    /* One batch: x is (batch, height, width, 3) as the net takes it, y is (batch, labels). */
    void (*fill)(const lk_face_job *job, uint64_t step, bool held, float *x, float *y,
                 float *scratch /* one sample */);
    double (*loss)(lk_face_job *job, const float *y); /* reads outputs, adds output gradients */
    void (*after_step)(lk_face_job *job);      /* may be NULL */
    /* Adds to sum and weight; the score is sum / weight over the held-out batches. */
    void (*score)(lk_face_job *job, const float *y, double *sum, double *weight);
} lk_face_task;

struct lk_face_job {
    const lk_face_task *task;
    lk_face_train_options options;
    lk_face_data data;
    int *pool[LK_SOURCES *
              2]; /* indices of examples by source, learned ones then (+ LK_SOURCES) held-out ones */
    int pool_count[LK_SOURCES * 2];
    int batch;
    lk_params *params;
    lk_net *net;
    lk_node in;
    void *own;                 /* of the task, from prepare; freed with lk_free */
};

/* A random example of a source; falls back to any source that has one. NULL: the data is empty. */
const lk_example *lk_face_job_pick(const lk_face_job *job, lk_example_source source, bool held, lk_rng *r);

extern const lk_face_task lk_face_task_detect, lk_face_task_landmark, lk_face_task_mask, lk_face_task_id;

#endif
