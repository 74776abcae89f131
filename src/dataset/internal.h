/* dataset/internal.h: what build.c, read.c, coverage.c and import.c share: the
 * layout of the file and the numbers by which two samples are told apart. */
#ifndef LK_DATASET_INTERNAL_H
#define LK_DATASET_INTERNAL_H

#include "dataset/dataset.h"

#define DATASET_KIND "face dataset"
#define DATASET_FORMAT "likeness-dataset-2"
#define DATASET_PIXELS (LK_SAMPLE_SIZE * LK_SAMPLE_SIZE)
#define DATASET_INFO 5 /* yaw, pitch, roll, sharpness, scale */
#define DATASET_DEFAULT_MAX 2000
#define DATASET_LIMIT 20000 /* samples in one file: 2 GB */

/* What matters of a sample when another one may replace it: pose in degrees, openings in parts of the
 * distance between the outer eye corners, mean brightness 0..1. */
typedef struct dataset_look { float yaw, pitch, mouth, eye_right, eye_left, light; } dataset_look;
dataset_look dataset_look_of(const lk_sample *s);

/* Variance of the Laplacian of the luma where the mask is set, in 8-bit units. */
float dataset_sharpness(const uint8_t *rgb, const uint8_t *mask);

/* Choose keep of count samples: as many different looks as possible, of like ones the sharper. chosen[i] is
 * set for those that stay. Deterministic. */
lk_status dataset_thin(const lk_sample *s, int count, int keep, bool *chosen, lk_error *err);

struct lk_dataset {
    lk_safetensors *file;
    char subject[37], record[37];
    int count;
    const uint8_t *rgb, *mask;
    const float *lm, *info;
    const int32_t *index; /* frame, clip */
    lk_hash hash, content; /* of the whole file, of the samples */
};

#endif
