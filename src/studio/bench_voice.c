/* bench_voice.c: the figures of the voice room, as bench rows. */
#include "face/face.h"
#include "studio/studio.h"
#include "voice/eval.h"

#include <stdio.h>

static lk_status row(void *user, const lk_voice_row *r, lk_error *err)
{
    char figure[200];
    snprintf(figure, sizeof figure, "%.150s (n %lld)", r->figure, (long long)r->n);
    return lk_bench_row(user, r->what, figure, r->value, r->unit, r->target, err);
}

lk_status lk_bench_voice(const lk_bench *b, lk_error *err)
{
    lk_bench copy = *b;
    lk_voice_eval_options o = {.data = b->data, .models_dir = lk_models_dir(), .only = b->job->only,
                               .cancel = b->cancel, .progress = b->progress};
    return lk_voice_eval(&o, row, &copy, NULL, NULL, err);
}
