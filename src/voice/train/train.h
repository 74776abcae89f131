/* train.h: training of the speaker model with the project's engine. train.c is the loop (CosFace: Wang et al. 2018,
 * over people at several speeds; export), back.c the statistics' half (LDA), data.c and draw.c what it hears.
 */
#ifndef LK_VOICE_TRAIN_H
#define LK_VOICE_TRAIN_H

#include "voice/train/data.h"

typedef struct lk_voice_train_options {
    const char *data_dir;   /* NULL: $LIKENESS_DATA, else ../shared/data */
    const char *output;     /* model to write, e.g. models/voice-speaker.safetensors */
    const char *checkpoint; /* NULL: OUTPUT.ckpt */
    double minutes;         /* stop (with a checkpoint, resumable) after this long; 0: no limit */
    int64_t steps;          /* 0: default; the learning-rate schedule ends here */
    uint64_t seed;
    int batch;              /* 0: default */
    bool resume;            /* go on from the checkpoint; bit-identical to not having stopped */
    bool synthetic;         /* made-up speakers instead of data: for tests */
    lk_dtype type;
} lk_voice_train_options;
typedef struct lk_voice_train_result {
    int64_t steps;
    double first_loss, last_loss; /* means over the first and last ten steps of this call */
    bool finished;
} lk_voice_train_result;
lk_voice_train_options lk_voice_train_defaults(void);
lk_status lk_voice_train(const lk_voice_train_options *o, lk_voice_train_result *result, const lk_cancel *cancel,
                         const lk_progress_sink *progress, lk_error *err);

/* back.c: the means of both halves and the statistics' projection. net has batch 1 and trained weights. */
lk_status lk_voice_back_fit(const lk_voice_data *d, lk_net *net, lk_node in, uint64_t seed, lk_speaker_back *out,
                            lk_error *err);

#endif
