/* bench_face.c: the figures of the analysis room, as bench rows. */
#include "face/eval.h"
#include "studio/studio.h"

#include <stdio.h>

static lk_status row(void *user, const lk_eval_row *r, lk_error *err)
{
    char figure[200];
    snprintf(figure, sizeof figure, "%.150s (n %lld)", r->figure, (long long)r->n);
    return lk_bench_row(user, r->what, figure, r->value, r->unit, r->target, err);
}

lk_status lk_bench_face(const lk_bench *b, lk_error *err)
{
    lk_bench copy = *b;
    lk_face_eval_options o = {.data = b->data, .only = b->job->only, .cancel = b->cancel, .progress = b->progress};
    return lk_face_eval(&o, row, &copy, err);
}
