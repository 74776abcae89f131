/* lineage.h: what came from what. Tracing a file both ways, everything that was made with a person's likeness, erasing a
 * person, answering for a file that was found, and archives of models. For programs; the command is built on it.
 *
 * Law as in studio.h. A file is recognised by its bytes; when those were changed on the way, by its manifest, its hidden
 * mark or its looks, as `likeness verify` reads them.
 */
#ifndef LIKENESS_LINEAGE_H
#define LIKENESS_LINEAGE_H

#include "likeness/studio.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct lk_trace_job {
    const char *what;         /* a file, the name of a model of the project, or a SHA-256 in hex */
    bool json;                /* one JSON object instead of a tree in words */
    const char *picture;      /* the same as a picture, PNG; NULL = none. Signed like everything drawn here. */
} lk_trace_job;
/* Everything that it came from, and everything made from it. LK_E_NOTFOUND: the project knows nothing of it. */
lk_status lk_trace_run(lk_project *p, const lk_trace_job *job, lk_line_fn out, void *user, const lk_cancel *cancel,
                       const lk_progress_sink *progress, lk_error *err);

/* Everything made with this person's likeness: dates, hashes, where it lies and whether it is still there. */
lk_status lk_people_outputs(lk_project *p, const char *name, bool json, lk_line_fn out, void *user, lk_error *err);

typedef struct lk_erase_result {
    int64_t removed;          /* files of the project */
    int64_t left;             /* made clips and pictures that are still somewhere; they were listed */
    bool resumed;             /* finished what an earlier run had begun */
} lk_erase_result;
/* Forget a person: revokes their records, destroys the keys of everything that holds their likeness, removes datasets,
 * models, checkpoints, previews and personal data; outputs: made clips inside the project too. Keeps the log: ids and
 * hashes. Lists what exists elsewhere. Interrupted, it is finished by the same call. Cannot be undone. */
lk_status lk_people_erase(lk_project *p, const char *name, bool outputs, lk_erase_result *result, lk_line_fn out, void *user,
                          lk_error *err);

typedef struct lk_takedown_job {
    const char *path;         /* the file that was found */
    const char *report;       /* the report as a text file; NULL = only lines */
    const char *trust;        /* PEM file with further trusted roots, NULL = none */
} lk_takedown_job;
/* From a found file to its manifest, hidden mark, consent and job, and a report that can be sent to a platform. *outcome
 * as of lk_verify_run. Without a project: what the file's own marks say. */
lk_status lk_takedown_run(lk_project *p_or_null, const lk_takedown_job *job, int *outcome, lk_line_fn out, void *user,
                          const lk_cancel *cancel, const lk_progress_sink *progress, lk_error *err);

/* Copy a model out of the project, bound as it is: it opens only in a project that holds its key, and while consent
 * stands. to: a studio's public key (64 hex digits, or a file that begins with them) which every record of the model
 * names as a grantee; its key then travels along, sealed to that studio. NULL: the key stays here. */
lk_status lk_model_export(lk_project *p, const char *name, const char *path, const char *to, lk_error *err);
/* Take such a file in as PROJECT/models/NAME; name NULL: as the file is called. Refused (LK_E_CONSENT) unless every record
 * that it stands on is good here. */
lk_status lk_model_import(lk_project *p, const char *path, const char *name, char model_path[1024], lk_error *err);

#ifdef __cplusplus
}
#endif
#endif
