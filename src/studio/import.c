/* import.c: clips and stills of one person become a dataset of the project. */
#include "dataset/dataset.h"
#include "studio/enroll.h"

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

/* Everybody in the footage who was left out, and who was taken on somebody's word. */
static void list_others(const lk_import_job *job, const lk_import_report *r, char *out, size_t cap)
{
    static const char *const words[] = {"", "taken on the reviewer's word", "somebody else, left out", "too unclear to tell, left out"};
    size_t at = 0;
    *out = '\0';
    for (int i = 0; i < r->told && at + 1 < cap; i++) {
        const lk_import_track *t = &r->track[i];
        if (t->is == LK_TRACK_SAME) continue;
        int n = snprintf(out + at, cap - at, "%s, track %d, %.1f to %.1f s: %s (score %.2f)\n", lk_path_base(job->files[t->clip]), t->track,
                         t->first_seconds, t->last_seconds, words[t->is], (double)t->score);
        at = LK_MIN(at + (size_t)LK_MAX(n, 0), cap - 1);
    }
}

/* Who it must be: the enrolled template, unless that face has another name here or must never be cloned. */
static lk_status load_who(lk_project *p, const lk_import_job *job, lk_use use, lk_analyser *a, lk_import_who *who, lk_error *err)
{
    match_other other;
    lk_subject self;
    LK_TRY(lk_subject_find(p->registry, job->subject, &self, err));
    LK_TRY(match_template(p, a, job->subject, "import", &who->face, err));
    LK_TRY(lk_analyser_thresholds(a, &who->limits, err));
    who->doubt_is_settled = job->reviewer != NULL;
    LK_TRY(match_others(p, a, &who->face, NULL, NULL, &self, 1, &other, err));
    if (other.mark != ENROLL_FAIL) return LK_OK; /* doubt was settled when they were enrolled */
    lk_refusal_note(p->registry, other.refusal, self.id, use, "import");
    return LK_FAIL(err, LK_E_CONSENT, "%s looks like %s (score %.2f): %s (rule: %s)", self.name, other.who, other.score,
                   other.refusal == LK_REFUSED_TWIN ? "one person has one name here; erase the one that is wrong"
                                                    : "nobody alike is imported",
                   other.refusal == LK_REFUSED_TWIN ? "twin" : "protected");
}

static lk_status note_reviews(lk_project *p, const lk_import_job *job, const lk_import_report *r, const lk_hash *sources, lk_error *err)
{
    for (int i = 0; i < r->told; i++)
        if (r->track[i].is == LK_TRACK_DOUBT && (job->track < 0 || job->track == r->track[i].track)) {
            char about[32]; /* no file name: rows of the log are shown to others */
            snprintf(about, sizeof about, "track %d", r->track[i].track);
            LK_TRY(lk_review_note(p->registry, job->subject, job->reviewer, about, &sources[r->track[i].clip], (double)r->track[i].score, err));
        }
    return LK_OK;
}

lk_status lk_import_run(lk_project *p, const lk_import_job *job, lk_import_result *out, const lk_cancel *cancel,
                        const lk_progress_sink *progress, lk_error *err)
{
    memset(out, 0, sizeof *out);
    lk_use use = lk_role_use(job->role, err);
    if (!use) return LK_E_ARG;
    if (job->reviewer && !match_reviewer(job->reviewer))
        return LK_FAIL(err, LK_E_ARG, "a reviewer answers for their word by name; '%.40s' is none", job->reviewer);
    if (job->file_count < 1 || job->file_count > 1000)
        return LK_FAIL(err, LK_E_ARG, "give 1 to 1000 clips or pictures of %s, not %d", job->subject, job->file_count);
    LK_TRY(lk_project_dataset(p, job->subject, job->role, out->path, err));

    lk_status s;
    lk_grant *g = NULL;
    lk_analyser *a = NULL;
    lk_dataset *d = NULL;
    lk_text coverage = {0};
    lk_import_report report = {0};
    lk_import_who who;
    memset(&who, 0, sizeof who);
    lk_hash *sources = lk_calloc((size_t)job->file_count, sizeof *sources);
    if (!sources) return LK_FAIL(err, LK_E_NOMEM, "no memory to import %d files", job->file_count);
    LK_GOTO(done, lk_grant_get(p->registry, job->subject, use, "import", &g, err));
    LK_GOTO(done, check_files(job, err));
    LK_GOTO(done, lk_analyser_open(NULL, &a, err));
    LK_GOTO(done, load_who(p, job, use, a, &who, err));
    lk_asset asset = {.kind = "dataset", .created = lk_wall_time()};
    s = lk_dataset_import(g, use, &who, a, job->files, job->file_count, job->track, job->max_samples, out->path, &asset.hash, &report,
                          cancel, progress, err);
    if (s == LK_E_CONSENT && report.no_match) lk_refusal_note(p->registry, LK_REFUSED_MATCH, job->subject, use, "import");
    if (s) goto done;
    s = add_sources(p, job, g, sources, err);
    if (!s) s = note_reviews(p, job, &report, sources, err);
    if (s) { /* what was taken on somebody's word does not stay without that word in the log */
        remove(out->path);
        goto done;
    }
    lk_path_absolute(out->path, asset.path, sizeof asset.path);
    snprintf(asset.note, sizeof asset.note, "%lld faces of %.128s as %.16s", (long long)report.kept, job->subject, job->role);
    LK_GOTO(done, lk_lineage_add(p->registry, &asset, sources, job->file_count, (const lk_grant *const *)&g, 1, err));
    report_out(&report, out);
    list_others(job, &report, out->people, sizeof out->people);
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
