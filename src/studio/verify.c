/* verify.c: the verify job: anybody's file against its own marks and, when there is a project, against that project's
 * registry and trust list. */
#include "studio/lineage.h"

#include <string.h>

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
    lk_verify_report *r = lk_calloc(1, sizeof *r);
    if (!r) return LK_FAIL(err, LK_E_NOMEM, "no memory to verify %s", job->path);
    lk_status s = lk_find_verify(p, job->path, job->trust, job->quick, r, cancel, progress, err);
    if (s == LK_OK) {
        *outcome = (int)r->outcome;
        s = tell(r, job->json, out, user, err);
        lk_verify_clear(r);
    }
    lk_free(r);
    return s;
}
