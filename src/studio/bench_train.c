/* bench_train.c: the arithmetic of the training step at each size, on synthetic data. */
#include "make/swap/swap.h"
#include "studio/studio.h"

#include <stdio.h>
#include <stdlib.h>

static lk_status one(const lk_bench *b, int size, lk_dtype dtype, lk_error *err)
{
    char name[32];
    lk_swap_bench r;
    lk_swap_config config = lk_swap_config_default(size);
    bool published = size == 96 && dtype == LK_BF16;
    double seconds = b->job->minutes > 0 ? b->job->minutes * 60 : 15;
    LK_TRY(lk_swap_bench_train(&config, 8, seconds, dtype, &r, b->cancel, err));
    snprintf(name, sizeof name, "%d px %s", size, dtype == LK_BF16 ? "bf16" : "f32");
    LK_TRY(lk_bench_row(b, name, "training step, 8 + 8 images", r.images_per_second, "images/s", published ? ">= 34.7" : "", err));
    LK_TRY(lk_bench_row(b, name, "arithmetic", r.gflops, "GFLOP/s", "", err));
    LK_TRY(lk_bench_row(b, name, "one image, forward + backward", r.gflop_per_image, "GFLOP", "", err));
    LK_TRY(lk_bench_row(b, name, "share of forward", 100 * r.forward, "%", "", err));
    LK_TRY(lk_bench_row(b, name, "share of backward", 100 * r.backward, "%", "", err));
    LK_TRY(lk_bench_row(b, name, "share of losses", 100 * r.loss, "%", "", err));
    LK_TRY(lk_bench_row(b, name, "share of optimiser", 100 * r.optimise, "%", "", err));
    return lk_bench_row(b, name, "memory of networks and weights", (double)r.memory / 1e6, "MB", "", err);
}

lk_status lk_bench_train(const lk_bench *b, lk_error *err)
{
    static const int sizes[] = {64, 96, 128};
    int only = b->job->only ? atoi(b->job->only) : 0;
    bool any = false;
    for (size_t i = 0; i < LK_COUNT(sizes); i++) {
        if (only && only != sizes[i]) continue;
        if (lk_cpu_has_bf16()) LK_TRY(one(b, sizes[i], LK_BF16, err));
        LK_TRY(one(b, sizes[i], LK_F32, err));
        any = true;
    }
    return any ? LK_OK : LK_FAIL(err, LK_E_ARG, "the step is timed at 64, 96 and 128, not at \"%s\"", b->job->only);
}
