/* cmd_make.c: faces, import, train swap, swap, model show. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

lk_status cmd_faces(cli_args *a, lk_error *err)
{
    bool json = !cli_flag(a, "no-json");
    const char *picture = cli_str(a, "picture");
    if (!json && !picture) return cli_usage_error(err, "--no-json without --picture would show nothing");
    lk_status s = lk_faces_run(a->project, a->args[0], picture, json ? cli_line : NULL, NULL, a->cancel, &a->progress, err);
    if (!s && picture && !json) printf("picture: %s\n", picture);
    return s;
}

lk_status cmd_import(cli_args *a, lk_error *err)
{
    const char *subject = cli_str(a, "subject");
    if (!subject) return cli_usage_error(err, "say who is seen: --subject NAME");
    lk_import_result *r = calloc(1, sizeof *r);
    if (!r) return LK_E_NOMEM;
    lk_import_job job = {.subject = subject, .role = cli_str(a, "as"), .files = a->args, .file_count = a->arg_count,
                         .track = (int)cli_int(a, "track"), .max_samples = (int)cli_int(a, "max-samples"),
                         .reviewer = cli_str(a, "review")};
    lk_status s = lk_import_run(a->project, &job, r, a->cancel, &a->progress, err);
    if (!s) {
        cli_progress_end();
        printf("%s: %lld frames, %lld with the face, %lld kept", subject, (long long)r->frames, (long long)r->with_face,
               (long long)r->kept);
        if (r->other_faces) printf(", %lld faces of other people left out", (long long)r->other_faces);
        printf("\n%s%sdataset: %s\n", r->people, r->coverage, r->path);
    }
    free(r);
    return s;
}

lk_status cmd_train_swap(cli_args *a, lk_error *err)
{
    lk_train_job job = lk_train_defaults();
    lk_train_result r;
    job.source = cli_str(a, "from");
    job.target = cli_str(a, "onto");
    if (!job.source || !job.target) return cli_usage_error(err, "say whose face goes onto whose: --from NAME --onto NAME");
    job.name = cli_str(a, "name");
    job.size = (int)cli_int(a, "size");
    job.steps = cli_int(a, "steps");
    job.minutes = job.steps > 0 ? 0 : cli_real(a, "minutes");
    job.batch = (int)cli_int(a, "batch");
    job.gan_power = cli_real(a, "gan-power");
    job.seed = (uint64_t)cli_int(a, "seed");
    job.dtype = cli_str(a, "dtype");
    job.from_scratch = cli_flag(a, "from-scratch");
    job.restart = cli_flag(a, "restart");
    job.preview = cli_str(a, "preview");
    lk_status s = lk_train_swap(a->project, &job, &r, a->cancel, &a->progress, err);
    if (s) return s;
    cli_progress_end();
    printf("model:   %s\npreview: %s\n%lld steps in %.1f min, %.1f images/s, held-out loss %.4f, SSIM %.3f\n", r.model_path,
           r.preview_path, (long long)r.steps, r.minutes, r.images_per_second, r.loss_held_out, r.ssim_held_out);
    return LK_OK;
}

lk_status cmd_swap(cli_args *a, lk_error *err)
{
    lk_swap_job job = lk_swap_defaults();
    lk_swap_result r;
    job.model = cli_str(a, "model");
    job.input = a->args[0];
    job.output = cli_str(a, "output");
    if (!job.model) return cli_usage_error(err, "say which model: --model NAME (see PROJECT/models)");
    if (!job.output) return cli_usage_error(err, "say where the made clip goes: --output FILE.mp4");
    job.track = (int)cli_int(a, "track");
    job.label = cli_str(a, "label");
    job.label_style = cli_str(a, "label-style");
    job.sheet = cli_str(a, "sheet");
    job.crf = (int)cli_int(a, "crf");
    job.color = cli_str(a, "color");
    job.sharpen = cli_real(a, "sharpen");
    job.grain = cli_real(a, "grain");
    lk_status s = lk_swap_run(a->project, &job, &r, a->cancel, &a->progress, err);
    if (s) return s;
    cli_progress_end();
    printf("clip:  %s\n", job.output);
    if (job.sheet) printf("sheet: %s\n", job.sheet);
    printf("%lld frames, face put into %lld (track %d), %.1f s, %.1f frames/s\n", (long long)r.frames, (long long)r.swapped,
           r.track, r.seconds, r.frames_per_second);
    return LK_OK;
}

lk_status cmd_model_show(cli_args *a, lk_error *err)
{
    /* A model file needs no project; a name is looked up in the project when there is one. */
    return lk_model_show(a->project, a->args[0], cli_flag(a, "json"), cli_line, NULL, err);
}
