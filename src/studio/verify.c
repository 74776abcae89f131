/* verify.c: the verify job: anybody's file against its own marks and, when there is a project, against that project's
 * registry and trust list. */
#include "mark/read.h"
#include "studio/keys.h"
#include "studio/studio.h"

#include <string.h>

#define PEM_MAX ((size_t)1 << 20)

#define FILE_ROOTS_MAX 64

/* The certificates of a file that the user names behind those of the project. */
static lk_status add_file(lk_anchors *a, const char *path, lk_error *err)
{
    void *pem;
    size_t n;
    int got = 0;
    LK_TRY(lk_file_read(path, PEM_MAX, &pem, &n, err));
    lk_der *grown = lk_realloc(a->list, (size_t)a->count * sizeof *grown, (size_t)(a->count + FILE_ROOTS_MAX) * sizeof *grown);
    lk_status s = grown ? LK_OK : LK_FAIL(err, LK_E_NOMEM, "no memory for the certificates of %s", path);
    if (grown) a->list = grown;
    if (s == LK_OK) s = lk_cert_from_pem(pem, n, a->list + a->count, FILE_ROOTS_MAX, &got, err);
    lk_free(pem);
    if (s == LK_OK && !got) s = LK_FAIL(err, LK_E_FORMAT, "%s holds no certificate in PEM form", path);
    a->count += got;
    return s;
}

/* The report's text, line by line. */
static lk_status tell(const lk_verify_report *r, bool json, lk_line_fn out, void *user, lk_error *err)
{
    lk_text t = {0};
    if (json) lk_verify_json(r, &t);
    else lk_verify_text(r, &t);
    if (t.failed) {
        lk_text_clear(&t);
        return LK_FAIL(err, LK_E_NOMEM, "no memory for the report on %s", r->path);
    }
    for (char *line = t.s, *end; line && *line; line = end) {
        end = strchr(line, '\n');
        if (end) *end++ = 0;
        out(user, line);
    }
    lk_text_clear(&t);
    return LK_OK;
}

lk_status lk_verify_run(lk_project *p, const lk_verify_job *job, int *outcome, lk_line_fn out, void *user,
                        const lk_cancel *cancel, const lk_progress_sink *progress, lk_error *err)
{
    lk_anchors a = {.count = 0};
    lk_copies *copies = NULL;
    lk_verify_report *r = lk_calloc(1, sizeof *r);
    lk_status s = LK_OK;
    if (!r) return LK_FAIL(err, LK_E_NOMEM, "no memory to verify %s", job->path);
    LK_GOTO(done, lk_project_anchors(p, &a, err));
    if (job->trust) LK_GOTO(done, add_file(&a, job->trust, err));
    if (p) {
        s = lk_copies_open(p->dir, false, &copies, err);
        if (s && s != LK_E_NOTFOUND) goto done;
    }
    lk_verify_spec spec = {.path = job->path, .anchors = a.list, .anchor_count = a.count, .registry = p ? p->registry : NULL,
                           .copies = copies, .quick = job->quick};
    LK_GOTO(done, lk_verify_file(&spec, r, cancel, progress, err));
    *outcome = (int)r->outcome;
    s = tell(r, job->json, out, user, err);
    lk_verify_clear(r);
done:
    lk_copies_close(&copies);
    lk_anchors_clear(&a);
    lk_free(r);
    return s;
}
