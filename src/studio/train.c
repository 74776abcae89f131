/* train.c: from two datasets and their grants to a model, with previews through mark/. */
#include "dataset/dataset.h"
#include "make/swap/swap.h"
#include "studio/sheet.h"
#include "studio/studio.h"

#include <stdio.h>
#include <string.h>

lk_train_job lk_train_defaults(void)
{
    return (lk_train_job){.size = 96, .minutes = 20, .batch = 8, .gan_power = -1, .seed = 1, .dtype = "auto"};
}

typedef struct preview_out { const char *path; lk_mark_origin origin; } preview_out;

/* A preview is made pixels: it leaves through mark/ like everything else. */
static lk_status write_preview(void *user, const lk_swap_preview *pv, lk_error *err)
{
    preview_out *o = user;
    return lk_sheet_mark(o->path, &pv->sheet, &o->origin, err);
}

typedef struct side { const char *role; lk_use use; lk_grant *grant; lk_dataset *data; } side;

static lk_status open_side(lk_project *p, const char *subject, side *sd, lk_error *err)
{
    char path[1024];
    LK_TRY(lk_grant_get(p->registry, subject, sd->use, "train swap", &sd->grant, err));
    LK_TRY(lk_project_dataset(p, subject, sd->role, path, err));
    if (!lk_path_exists(path))
        return LK_FAIL(err, LK_E_NOTFOUND, "%s has no faces imported as %s; do it with: likeness import CLIP --subject \"%s\" --as %s",
                       subject, sd->role, subject, sd->role);
    return lk_dataset_open(path, sd->grant, sd->use, &sd->data, err);
}

static lk_status options_of(const lk_project *p, const lk_train_job *job, const char *name, lk_swap_train_options *o,
                            char base[1024], char work[1024], lk_train_result *out, lk_error *err)
{
    if (job->size != 64 && job->size != 96 && job->size != 128)
        return LK_FAIL(err, LK_E_ARG, "the face is drawn at 64, 96 or 128 px, not at %d", job->size);
    *o = lk_swap_train_defaults(job->size);
    LK_TRY(lk_project_path(p, "models", name, LK_BOUND_ENDING, out->model_path, err));
    LK_TRY(lk_project_path(p, "work", name, ".checkpoint", work, err));
    if (job->preview) snprintf(out->preview_path, sizeof out->preview_path, "%s", job->preview);
    else LK_TRY(lk_project_path(p, "previews", name, ".png", out->preview_path, err));
    snprintf(base, 1024, "%s/swap-base-96.safetensors", lk_models_dir());
    if (!job->from_scratch && !lk_path_exists(base))
        return LK_FAIL(err, LK_E_NOTFOUND, "the shipped base %s is missing; reinstall, set LIKENESS_MODELS, or train with --from-scratch", base);
    o->base = job->from_scratch ? NULL : base;
    o->model_path = out->model_path;
    o->work_path = work;
    o->resume = !job->restart;
    o->minutes = job->minutes;
    o->steps = job->steps;
    if (job->batch > 0) o->batch = job->batch;
    if (job->gan_power >= 0) o->gan_power = (float)job->gan_power;
    o->seed = job->seed;
    o->dtype_auto = !job->dtype || !strcmp(job->dtype, "auto");
    if (!o->dtype_auto) o->dtype = !strcmp(job->dtype, "f32") ? LK_F32 : LK_BF16;
    return LK_OK;
}

lk_status lk_train_swap(lk_project *p, const lk_train_job *job, lk_train_result *out, const lk_cancel *cancel,
                        const lk_progress_sink *progress, lk_error *err)
{
    memset(out, 0, sizeof *out);
    char base[1024], work[1024], name[300];
    side src = {.role = "source", .use = LK_USE_FACE_SOURCE}, dst = {.role = "target", .use = LK_USE_FACE_TARGET};
    lk_swap_train_options o;
    lk_swap_train_report report = {0};
    lk_mark_desk *desk;
    bool own_desk;
    snprintf(name, sizeof name, "%s", job->name ? job->name : "");
    if (!job->name) snprintf(name, sizeof name, "%.128s-on-%.128s", job->source, job->target);
    lk_status s;
    LK_GOTO(done, open_side(p, job->source, &src, err));
    LK_GOTO(done, open_side(p, job->target, &dst, err));
    LK_GOTO(done, options_of(p, job, name, &o, base, work, out, err));
    const lk_grant *grants[] = {src.grant, dst.grant};
    const lk_use uses[] = {src.use, dst.use};
    const lk_hash parents[] = {lk_dataset_hash(src.data), lk_dataset_hash(dst.data)};
    LK_GOTO(done, lk_project_desk(p, &desk, &own_desk, err));
    preview_out preview = {out->preview_path, {.registry = p->registry, .grants = grants, .uses = uses, .grant_count = 2,
                                               .parents = parents, .parent_count = 2, .action = "training preview",
                                               .desk = desk, .model = "a face swap model in training"}};
    o.preview = write_preview;
    o.preview_user = &preview;
    LK_GOTO(done, lk_swap_train(&src.data, (const lk_grant *const *)&src.grant, 1, &dst.data, (const lk_grant *const *)&dst.grant, 1,
                                &o, &report, cancel, progress, err));
    lk_asset asset = {.hash = report.model_hash, .kind = "model", .created = lk_wall_time()};
    lk_path_absolute(out->model_path, asset.path, sizeof asset.path);
    snprintf(asset.note, sizeof asset.note, "face of %.100s on %.100s, %lld steps", job->source, job->target, (long long)report.steps);
    LK_GOTO(done, lk_lineage_add(p->registry, &asset, parents, 2, grants, 2, err));
    out->steps = report.steps;
    out->minutes = report.minutes;
    out->images_per_second = report.images_per_second;
    out->loss_train = report.loss_train;
    out->loss_held_out = report.loss_held_out;
    out->ssim_held_out = report.ssim_held_out;
done:
    lk_dataset_close(&src.data);
    lk_dataset_close(&dst.data);
    lk_grant_free(&src.grant);
    lk_grant_free(&dst.grant);
    return s;
}
