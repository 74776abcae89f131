/* import.c: clips and stills of one person become a dataset of the project. */
#include "dataset/dataset.h"
#include "studio/studio.h"

#include <stdio.h>
#include <string.h>

/* A file that is no clip is found before an hour is spent on those that stand before it, and leaves no row. */
static lk_status check_files(const lk_import_job *job, lk_error *err)
{
    for (int i = 0; i < job->file_count; i++) {
        lk_reader *r = NULL;
        LK_TRY(lk_reader_open(job->files[i], &r, err));
        lk_reader_close(&r);
    }
    return LK_OK;
}

/* Source files are parents of the dataset in the lineage. */
static lk_status add_sources(lk_project *p, const lk_import_job *job, const lk_grant *g, lk_hash *hashes, lk_error *err)
{
    for (int i = 0; i < job->file_count; i++) {
        lk_asset a = {.kind = "media", .created = lk_wall_time()};
        LK_TRY(lk_hash_file(job->files[i], &a.hash, err));
        lk_path_absolute(job->files[i], a.path, sizeof a.path);
        snprintf(a.note, sizeof a.note, "footage of %.128s as %.16s", job->subject, job->role);
        hashes[i] = a.hash;
        LK_TRY(lk_lineage_add(p->registry, &a, NULL, 0, &g, 1, err));
    }
    return LK_OK;
}

static void report_out(const lk_import_report *r, lk_import_result *out)
{
    out->frames = r->frames;
    out->with_face = r->with_face;
    out->kept = r->kept;
    out->other_faces = r->other_faces;
}

lk_status lk_import_run(lk_project *p, const lk_import_job *job, lk_import_result *out, const lk_cancel *cancel,
                        const lk_progress_sink *progress, lk_error *err)
{
    memset(out, 0, sizeof *out);
    lk_use use = lk_role_use(job->role, err);
    if (!use) return LK_E_ARG;
    if (job->file_count < 1 || job->file_count > 1000)
        return LK_FAIL(err, LK_E_ARG, "give 1 to 1000 clips or pictures of %s, not %d", job->subject, job->file_count);
    LK_TRY(lk_project_dataset(p, job->subject, job->role, out->path, err));

    lk_status s;
    lk_grant *g = NULL;
    lk_analyser *a = NULL;
    lk_dataset *d = NULL;
    lk_text coverage = {0};
    lk_import_report report = {0};
    lk_hash *sources = lk_calloc((size_t)job->file_count, sizeof *sources);
    if (!sources) return LK_FAIL(err, LK_E_NOMEM, "no memory to import %d files", job->file_count);
    LK_GOTO(done, lk_grant_get(p->registry, job->subject, use, "import", &g, err));
    LK_GOTO(done, check_files(job, err));
    LK_GOTO(done, add_sources(p, job, g, sources, err));
    LK_GOTO(done, lk_analyser_open(NULL, &a, err));
    lk_asset asset = {.kind = "dataset", .created = lk_wall_time()};
    LK_GOTO(done, lk_dataset_import(g, use, a, job->files, job->file_count, job->track, job->max_samples, out->path, &asset.hash,
                                    &report, cancel, progress, err));
    lk_path_absolute(out->path, asset.path, sizeof asset.path);
    snprintf(asset.note, sizeof asset.note, "%lld faces of %.128s as %.16s", (long long)report.kept, job->subject, job->role);
    LK_GOTO(done, lk_lineage_add(p->registry, &asset, sources, job->file_count, (const lk_grant *const *)&g, 1, err));
    report_out(&report, out);
    LK_GOTO(done, lk_dataset_open(out->path, g, use, &d, err));
    lk_dataset_coverage(d, &coverage);
    snprintf(out->coverage, sizeof out->coverage, "%s", coverage.s && !coverage.failed ? coverage.s : "");
done:
    lk_text_clear(&coverage);
    lk_dataset_close(&d);
    lk_analyser_close(&a);
    lk_grant_free(&g);
    lk_free(sources);
    return s;
}
