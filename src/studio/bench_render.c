/* bench_render.c: frames/s from file to file, with a model trained just long enough
 * to exist: the arithmetic of rendering does not depend on how good it is.
 */
#include "studio/studio.h"

#include <stdio.h>

lk_status lk_bench_render(const lk_bench *b, lk_error *err)
{
    char dir[900], source_clip[1024], target_clip[1024], result[1024];
    const char *clip;
    snprintf(dir, sizeof dir, "%s/render-project", b->work);
    snprintf(source_clip, sizeof source_clip, "%s/actors/actors/E/perf.mp4", b->data);
    snprintf(target_clip, sizeof target_clip, "%s/actors/actors/F/perf.mp4", b->data);
    snprintf(result, sizeof result, "%s/render.mp4", b->work);
    lk_project *p = NULL;
    lk_train_job train = lk_train_defaults();
    lk_train_result trained;
    lk_swap_result r;
    lk_import_result *imported = lk_calloc(1, sizeof *imported);
    if (!imported) return LK_FAIL(err, LK_E_NOMEM, "no memory for the bench");
    lk_status s;
    LK_GOTO(done, lk_project_open(dir, true, &p, err));
    static const char *const names[] = {"E", "F"}, *const roles[] = {"source", "target"};
    for (int i = 0; i < 2; i++) {
        clip = i ? target_clip : source_clip;
        LK_GOTO(done, lk_bench_person(b, p, names[i], clip, err));
        lk_import_job job = {.subject = names[i], .role = roles[i], .files = &clip, .file_count = 1, .track = -1};
        LK_GOTO(done, lk_import_run(p, &job, imported, b->cancel, b->progress, err));
    }
    train.source = "E";
    train.target = "F";
    train.minutes = 0;
    train.steps = 8;
    LK_GOTO(done, lk_train_swap(p, &train, &trained, b->cancel, b->progress, err));
    lk_swap_job swap = lk_swap_defaults();
    swap.model = "E-on-F";
    swap.input = target_clip;
    swap.output = result;
    for (int run = 0; run < 3; run++) {
        LK_GOTO(done, lk_swap_run(p, &swap, &r, b->cancel, b->progress, err));
        LK_GOTO(done, lk_bench_row(b, "640x360 96px", "decode to published file", r.frames_per_second, "frames/s", ">= 25", err));
        LK_GOTO(done, lk_bench_row(b, "640x360 96px", "marking, of all its time", 100 * r.marking_seconds / r.seconds, "%", "<= 15", err));
    }
done:
    lk_project_close(&p);
    lk_free(imported);
    return s;
}
