/* training.h: a swap training small enough for a test: 32 px, a few channels wide,
 * on drawn faces. */
#ifndef LK_TESTS_TRAINING_H
#define LK_TESTS_TRAINING_H

#include "dataset/drawn.h"
#include "make/swap/train.h"

static lk_error err;

typedef struct lesson {
    drawn_world world;
    char source_path[128], target_path[128], model[128], work[128];
    lk_dataset *source, *target;
    lk_swap_train_options o;
} lesson;

__attribute__((unused)) static void lesson_options(lesson *l, int64_t steps)
{
    l->o = lk_swap_train_defaults(32);
    l->o.config = (lk_swap_config){.size = 32, .enc = 8, .ae = 24, .dec = 8, .mask = 4, .coverage = 1.0f};
    l->o.model_path = drawn_path(&l->world, "model.likeness", l->model);
    l->o.work_path = drawn_path(&l->world, "work.checkpoint", l->work);
    l->o.minutes = 0;
    l->o.steps = steps;
    l->o.batch = 4;
    l->o.lr = 3e-3f;
    l->o.seed = 3;
    l->o.threads = 1;
}

__attribute__((unused)) static void lesson_open(lesson *l, int64_t steps)
{
    memset(l, 0, sizeof *l);
    lk_thread_budget_set(1); /* pictures this small do not gain by a second thread */
    drawn_world_open(&l->world);
    drawn_dataset(l->world.source, LK_USE_FACE_SOURCE, 0, 64,
                  drawn_path(&l->world, "source.dataset", l->source_path));
    drawn_dataset(l->world.target, LK_USE_FACE_TARGET, 1, 48,
                  drawn_path(&l->world, "target.dataset", l->target_path));
    CHECK_OK(lk_dataset_open(l->source_path, l->world.source, LK_USE_FACE_SOURCE, &l->source, &err), &err);
    CHECK_OK(lk_dataset_open(l->target_path, l->world.target, LK_USE_FACE_TARGET, &l->target, &err), &err);
    lesson_options(l, steps);
}

__attribute__((unused)) static void lesson_close(lesson *l)
{
    lk_dataset_close(&l->source);
    lk_dataset_close(&l->target);
    drawn_world_close(&l->world);
}

__attribute__((unused)) static lk_status lesson_train(lesson *l, lk_swap_train_report *r,
                                                      const lk_cancel *cancel, const lk_progress_sink *sink)
{
    const lk_grant *s = l->world.source, *t = l->world.target;
    return lk_swap_train(&l->source, &s, 1, &l->target, &t, 1, &l->o, r, cancel, sink, &err);
}

/* Hash of the weights alone: the card beside them holds the time of day, and no two encryptions are alike. */
__attribute__((unused)) static void weights_hash(const char *path, char out[LK_HASH_HEX])
{
    lk_swap_info info;
    CHECK_OK(lk_swap_model_info(path, &info, &err), &err);
    lk_hash_hex(&info.weights, out);
}

#endif
