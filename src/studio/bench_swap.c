/* bench_swap.c: swap fidelity against truth: import, train, render and score each
 * pair exactly as a user would, through the same jobs.
 */
#include "dataset/dataset.h"
#include "face/labels.h"
#include "make/swap/swap.h"
#include "studio/enroll.h"

#include <stdio.h>
#include <string.h>

typedef struct pair { const char *name; char source, target; } pair;
/* The first four are the benchmark; E-F and F-E are for tuning and run only when named. */
static const pair pairs[] = {{"A-B", 'A', 'B'}, {"B-A", 'B', 'A'}, {"C-D", 'C', 'D'}, {"D-C", 'D', 'C'}, {"E-F", 'E', 'F'}, {"F-E", 'F', 'E'}};
enum { BENCHMARK_PAIRS = 4 };

static lk_status import(const lk_bench *b, lk_project *p, const char *name, const char *role, const char *clip, lk_error *err)
{
    char path[1024];
    LK_TRY(lk_project_dataset(p, name, role, path, err));
    if (lk_path_exists(path)) return LK_OK;
    lk_import_job job = {.subject = name, .role = role, .files = &clip, .file_count = 1, .track = -1};
    lk_import_result *r = lk_calloc(1, sizeof *r);
    if (!r) return LK_FAIL(err, LK_E_NOMEM, "no memory for the import of %s", clip);
    lk_status s = lk_import_run(p, &job, r, b->cancel, b->progress, err);
    lk_free(r);
    return s;
}

/* result NULL: the truth clip itself, which tells what our own embedding and landmarks can say at best. Both actors are
 * enrolled by their training clips: another room and light than the performance, for the one as for the other. */
static lk_status score(const lk_bench *b, lk_project *p, const pair *pr, const char *result, const char *untouched, lk_swap_score *out, lk_error *err)
{
    char truth[1024], labels_path[1024];
    lk_face_template source, target;
    lk_labels labels = {0};
    lk_analyser *a = NULL;
    lk_point(*lm)[LK_LANDMARKS] = NULL;
    const char names[2][2] = {{pr->source, 0}, {pr->target, 0}};
    snprintf(truth, sizeof truth, "%s/actors/truth/swap/%c_face_on_%c_perf.mp4", b->data, pr->source, pr->target);
    snprintf(labels_path, sizeof labels_path, "%s/actors/truth/swap/%c_face_on_%c_perf.jsonl.gz", b->data, pr->source, pr->target);
    lk_status s;
    LK_GOTO(done, lk_labels_read(labels_path, &labels, err));
    lm = lk_calloc((size_t)labels.count, sizeof *lm);
    if (!lm) {
        s = LK_FAIL(err, LK_E_NOMEM, "no memory for the labels of %s", truth);
        goto done;
    }
    for (int i = 0; i < labels.count; i++) memcpy(lm[i], labels.frames[i].lm, sizeof lm[i]);
    LK_GOTO(done, lk_analyser_open(NULL, &a, err));
    LK_GOTO(done, match_template(p, a, names[0], "bench swap", &source, err));
    LK_GOTO(done, match_template(p, a, names[1], "bench swap", &target, err));
    s = lk_swap_score_clip(a, result ? result : truth, truth, untouched, (const lk_point(*)[LK_LANDMARKS])lm, labels.count, source.v, target.v, NULL, out, b->cancel, err);
done:
    lk_free(lm);
    lk_labels_clear(&labels);
    lk_analyser_close(&a);
    return s;
}

static lk_status rows_of(const lk_bench *b, const char *name, const lk_swap_score *sc, const lk_swap_score *best, const lk_train_result *t, const lk_swap_result *r, lk_error *err)
{
    LK_TRY(lk_bench_row(b, name, "SSIM, face region", sc->ssim, "", ">= 0.90", err));
    LK_TRY(lk_bench_row(b, name, "SSIM, untouched destination", sc->ssim_untouched, "", "", err));
    LK_TRY(lk_bench_row(b, name, "SSIM, worst frame", sc->ssim_min, "", "", err));
    LK_TRY(lk_bench_row(b, name, "PSNR, face region", sc->psnr, "dB", ">= 27", err));
    LK_TRY(lk_bench_row(b, name, "PSNR, untouched destination", sc->psnr_untouched, "dB", "", err));
    LK_TRY(lk_bench_row(b, name, "cosine to source actor", sc->id_source, "", "", err));
    LK_TRY(lk_bench_row(b, name, "cosine to destination actor", sc->id_dest, "", "", err));
    LK_TRY(lk_bench_row(b, name, "identity margin, worst frame", sc->id_margin_min, "", "> 0", err));
    LK_TRY(lk_bench_row(b, name, "cosine of the truth to the source", best->id_source, "", "", err));
    LK_TRY(lk_bench_row(b, name, "cosine of the truth to the dest.", best->id_dest, "", "", err));
    LK_TRY(lk_bench_row(b, name, "landmark error / inter-ocular", 100 * sc->landmark_error, "%", "<= 3", err));
    LK_TRY(lk_bench_row(b, name, "the same on the truth itself", 100 * sc->landmark_floor, "%", "", err));
    LK_TRY(lk_bench_row(b, name, "mouth opening correlation", sc->mouth_corr, "", ">= 0.95", err));
    LK_TRY(lk_bench_row(b, name, "flicker of landmarks / truth's", sc->flicker_landmarks, "x", "<= 1.15", err));
    LK_TRY(lk_bench_row(b, name, "flicker of luma / truth's", sc->flicker_luma, "x", "<= 1.15", err));
    LK_TRY(lk_bench_row(b, name, "seam delta E, mean", sc->seam_mean, "", "<= 2", err));
    LK_TRY(lk_bench_row(b, name, "seam delta E, 95 %", sc->seam_p95, "", "<= 5", err));
    LK_TRY(lk_bench_row(b, name, "training", t->minutes, "min", "<= 30", err));
    LK_TRY(lk_bench_row(b, name, "training steps", (double)t->steps, "", "", err));
    LK_TRY(lk_bench_row(b, name, "made face against the enrolled one", (double)r->likeness, "", "", err));
    return lk_bench_row(b, name, "rendering, file to file", r->frames_per_second, "frames/s", ">= 25", err);
}

static lk_status run_pair(const lk_bench *b, const pair *pr, lk_error *err)
{
    char dir[900], source_clip[1024], target_train[1024], target_clip[1024], result[1024], sheet[1024], model[1100];
    const char names[2][2] = {{pr->source, 0}, {pr->target, 0}};
    snprintf(dir, sizeof dir, "%s/project", b->work);
    snprintf(source_clip, sizeof source_clip, "%s/actors/actors/%c/train.mp4", b->data, pr->source);
    snprintf(target_clip, sizeof target_clip, "%s/actors/actors/%c/perf.mp4", b->data, pr->target);
    snprintf(target_train, sizeof target_train, "%s/actors/actors/%c/train.mp4", b->data, pr->target);
    snprintf(result, sizeof result, "%s/%s.mp4", b->work, pr->name);
    snprintf(sheet, sizeof sheet, "%s/%s.png", b->work, pr->name);
    lk_project *p = NULL;
    lk_train_job train = lk_train_defaults();
    lk_train_result trained = {0};
    lk_swap_job swap = lk_swap_defaults();
    lk_swap_result swapped = {0};
    lk_swap_score sc, best;
    lk_status s;
    LK_GOTO(done, lk_project_open(dir, true, &p, err));
    LK_GOTO(done, lk_bench_person(b, p, names[0], source_clip, err));
    LK_GOTO(done, lk_bench_person(b, p, names[1], target_train, err));
    LK_GOTO(done, import(b, p, names[0], "source", source_clip, err));
    LK_GOTO(done, import(b, p, names[1], "target", target_clip, err));
    train.source = names[0];
    train.target = names[1];
    train.name = pr->name;
    if (b->job->minutes > 0) train.minutes = b->job->minutes;
    /* A model that is there already is scored again (after a change of rendering); remove it to train anew. */
    LK_GOTO(done, lk_project_path(p, "models", pr->name, LK_BOUND_ENDING, model, err));
    if (!lk_path_exists(model)) LK_GOTO(done, lk_train_swap(p, &train, &trained, b->cancel, b->progress, err));
    swap.model = pr->name;
    swap.input = target_clip;
    swap.output = result;
    swap.sheet = sheet;
    LK_GOTO(done, lk_swap_run(p, &swap, &swapped, b->cancel, b->progress, err));
    LK_GOTO(done, score(b, p, pr, result, target_clip, &sc, err));
    LK_GOTO(done, score(b, p, pr, NULL, target_clip, &best, err));
    s = rows_of(b, pr->name, &sc, &best, &trained, &swapped, err);
done:
    lk_project_close(&p);
    return s;
}

lk_status lk_bench_swap(const lk_bench *b, lk_error *err)
{
    bool any = false;
    for (size_t i = 0; i < LK_COUNT(pairs); i++) {
        if (b->job->only ? strcmp(b->job->only, pairs[i].name) != 0 : i >= BENCHMARK_PAIRS) continue;
        LK_TRY(run_pair(b, &pairs[i], err));
        any = true;
    }
    return any ? LK_OK : LK_FAIL(err, LK_E_ARG, "there is no pair \"%s\"; pairs are A-B B-A C-D D-C E-F F-E", b->job->only);
}
