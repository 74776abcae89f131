/* studio.h: the whole pipeline as a handful of jobs on a project folder. This is
 * the header that programs use; the command `likeness` is built on it alone.
 *
 * A project is a folder: registry.db and keys/ (consent, lineage, audit log),
 * datasets/, models/, work/ (checkpoints of trainings under way), previews/.
 *
 * Common law: strings passed in are read during the call only; structs returned
 * by value hold no pointers to free unless said. Long jobs take a cancel token and
 * a progress sink, both may be NULL. One job at a time per lk_project.
 */
#ifndef LIKENESS_STUDIO_H
#define LIKENESS_STUDIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "likeness/job.h"
#include "likeness/status.h"

#ifdef __cplusplus
extern "C" {
#endif

const char *lk_version(void); /* "0.1.0" */

typedef struct lk_project lk_project;

/* Open the project in DIR; create makes it when absent. *out is NULL on failure. */
lk_status lk_project_open(const char *dir, bool create, lk_project **out, lk_error *err);
void lk_project_close(lk_project **p); /* NULL allowed */

/* A receiver of text lines (reports, tables, JSON lines); line has no final newline. */
typedef void (*lk_line_fn)(void *user, const char *line);

/* --- people and consent ------------------------------------------------------- */

/* Add a person. depicts_nobody: a synthetic actor. id (37 bytes) may be NULL. */
lk_status lk_people_add(lk_project *p, const char *name, bool depicts_nobody, char id[37], lk_error *err);
lk_status lk_people_list(lk_project *p, lk_line_fn out, void *user, lk_error *err);
/* Sign a consent record. uses: words such as "face-source,face-target". days: 1..3650. */
lk_status lk_people_consent(lk_project *p, const char *name, const char *uses, int days, const char *statement,
                            char record_id[37], lk_error *err);
lk_status lk_people_consents(lk_project *p, const char *name_or_null, lk_line_fn out, void *user, lk_error *err);
lk_status lk_people_revoke(lk_project *p, const char *record_id, const char *reason, lk_error *err);
/* Check the audit log's hash chain; rows gets the number of rows. */
lk_status lk_people_audit(lk_project *p, int64_t *rows, lk_error *err);

/* --- import -------------------------------------------------------------------- */

typedef struct lk_import_job {
    const char *subject;      /* who is seen */
    const char *role;         /* "source" (the face to put on) or "target" (the performance) */
    const char *const *files; /* clips and stills */
    int file_count;
    int track;                /* the only track to take; -1 = all that show the subject */
    int max_samples;          /* 0 = default */
    const char *reviewer;     /* who looked at the faces in doubt; NULL = nobody: they refuse the import */
} lk_import_job;
typedef struct lk_import_result {
    char path[1024];          /* the dataset */
    int64_t frames, with_face, kept, other_faces;
    char coverage[4096];      /* table and advice, text */
    char people[4096];        /* others in the footage, a line a track */
} lk_import_result;
lk_status lk_import_run(lk_project *p, const lk_import_job *job, lk_import_result *out, const lk_cancel *cancel,
                        const lk_progress_sink *progress, lk_error *err);

/* --- train ------------------------------------------------------------------------ */

typedef struct lk_train_job {
    const char *source, *target; /* subjects */
    const char *name;         /* of the model; NULL = SOURCE-on-TARGET */
    int size;                 /* 64, 96, 128 */
    double minutes;           /* 0 = by steps */
    int64_t steps;
    int batch;                /* faces of each person a step, 0 = 8 */
    double gan_power;         /* strength of the adversarial last phase; negative = default */
    uint64_t seed;
    const char *dtype;        /* "auto", "bf16", "f32" */
    bool from_scratch;        /* do not start from the shipped base */
    bool restart;             /* ignore a checkpoint of an earlier run */
    const char *preview;      /* path of the preview picture, NULL = PROJECT/previews/NAME.png */
} lk_train_job;
lk_train_job lk_train_defaults(void);
typedef struct lk_train_result {
    char model_path[1024], preview_path[1024];
    int64_t steps;
    double minutes, images_per_second, loss_train, loss_held_out, ssim_held_out;
} lk_train_result;
lk_status lk_train_swap(lk_project *p, const lk_train_job *job, lk_train_result *out, const lk_cancel *cancel,
                        const lk_progress_sink *progress, lk_error *err);

/* --- swap --------------------------------------------------------------------------- */

typedef struct lk_swap_job {
    const char *model;        /* name in the project or a file */
    const char *input;        /* the performance */
    const char *output;       /* .mp4 or .mov */
    int track;                /* which track gets the face; -1 = the one that looks like the model's target */
    const char *label;        /* placement: "bottom-left"... NULL = default */
    const char *label_style;  /* "plate", "band", "icon"; NULL = plate */
    const char *sheet;        /* contact sheet PNG, NULL = none */
    const char *source_still; /* a picture or clip of the source for the sheet, NULL = from the dataset */
    int crf;                  /* 0 = default */
    const char *color;        /* "auto", "none", "meanstd", "lowfreq" */
    double sharpen, grain;    /* negative = default */
} lk_swap_job;
lk_swap_job lk_swap_defaults(void);
typedef struct lk_swap_result { int64_t frames, swapped; double seconds, frames_per_second, marking_seconds; int track; float likeness; char output_hash[65]; } lk_swap_result; /* likeness: score of the made face against the source's enrolled one */
lk_status lk_swap_run(lk_project *p, const lk_swap_job *job, lk_swap_result *out, const lk_cancel *cancel,
                      const lk_progress_sink *progress, lk_error *err);

/* --- keys: who signs what is made ------------------------------------------------ */

/* With p NULL these act on the user's own identity, which signs for every project that has none. A project with neither
 * signs with a demo identity, made at its first output, whose name says that it is one. Private keys are encrypted. */

/* Asks a person for a passphrase: true and out (NUL-terminated) filled, or false. again: a new one, to be typed twice. */
typedef bool (*lk_ask_fn)(void *user, const char *what, bool again, char out[1024]);
/* Whom to ask, for the whole process; nobody until this is called. LIKENESS_PASSPHRASE_FILE is tried first. */
void lk_ask_with(lk_ask_fn ask, void *user);

typedef struct lk_signing_job {
    const char *name;         /* who signs: "Studio X" */
    const char *organization, *country; /* may be NULL; country is two letters */
    const char *algorithm;    /* "es256" or "ed25519" */
    int days;                 /* how long the certificate lasts */
    const char *passphrase_file; /* its first line; NULL = LIKENESS_PASSPHRASE_FILE, else ask, else a random one is made and kept */
    const char *key_passphrase_file; /* import: opens the key that is given, NULL = it is not encrypted, or ask */
    bool ask;                 /* ask for a new passphrase */
    bool replace;             /* put away an identity that is there */
} lk_signing_job;
lk_signing_job lk_signing_defaults(void);
lk_status lk_signing_make(lk_project *p, const lk_signing_job *job, lk_error *err);
/* One's own certificate: PEM chain, the signer's first, and its private key. */
lk_status lk_signing_import(lk_project *p, const char *chain, const char *key, const lk_signing_job *job, lk_error *err);
/* A new certificate and key by the same root. */
lk_status lk_signing_rotate(lk_project *p, const lk_signing_job *job, lk_error *err);
lk_status lk_signing_show(lk_project *p, lk_line_fn out, void *user, lk_error *err);
/* Trust the issuers in a PEM file when judging what others signed. */
lk_status lk_signing_trust(lk_project *p, const char *pem, int *count, lk_error *err);
/* The address of an RFC 3161 time-stamp server, asked at every signing; NULL = none, nothing goes over the network. */
lk_status lk_signing_tsa(lk_project *p, const char *url, lk_error *err);

/* --- look ------------------------------------------------------------------------------ */

/* Faces of a clip or still: one JSON line a frame to out (may be NULL), and a picture with boxes, points and
 * tracks (may be NULL; up to 12 frames of the clip), signed with the project's key, or without a project the user's. */
lk_status lk_faces_run(lk_project *p_or_null, const char *input, const char *picture, lk_line_fn out, void *user, const lk_cancel *cancel,
                       const lk_progress_sink *progress, lk_error *err);
/* A model's header in words; json: one JSON object instead. Needs no grant: no likeness is loaded. */
lk_status lk_model_show(lk_project *p_or_null, const char *name_or_path, bool json, lk_line_fn out, void *user, lk_error *err);
/* CPU features, libraries, models, disk and memory. LK_OK when all that is needed is there. */
lk_status lk_doctor_run(lk_line_fn out, void *user, lk_error *err);

/* --- where a file comes from ---------------------------------------------------------------- */

typedef struct lk_verify_job {
    const char *path;         /* anybody's clip, picture or sound */
    bool json;                /* one JSON object instead of words */
    bool quick;               /* manifest and registry alone: do not decode, look for no hidden mark */
    const char *trust;        /* PEM file with further trusted roots, NULL = none */
} lk_verify_job;
/* Tell what is known of a file's origin. project: its registry and its trust list are consulted; NULL = neither. *outcome:
 * 0 origin proven by a trusted signer, 10 intact manifest of an unknown signer, 11 no manifest but our hidden mark or a
 * registered copy, 12 nothing known, 13 broken manifest, 14 marks that contradict each other. Works offline. */
lk_status lk_verify_run(lk_project *p_or_null, const lk_verify_job *job, int *outcome, lk_line_fn out, void *user,
                        const lk_cancel *cancel, const lk_progress_sink *progress, lk_error *err);

/* --- copies: files that are watched for --------------------------------------------------------- */

/* The registry of looks and sounds of a project: every output, and files that are added. Only hashes are kept. */
typedef struct lk_copies_job {
    const char *const *paths; /* files and folders (with all that is in them, but no other project) */
    int path_count;
} lk_copies_job;
typedef struct lk_copies_result { int64_t files, added, known, skipped; double seconds, clip_seconds; } lk_copies_result;
/* A file that cannot be read is told as a line and skipped; files that were named fail the job when all is done. What was
 * added stays when the job is stopped, and is passed over the next time. */
lk_status lk_copies_job_add(lk_project *p, const lk_copies_job *job, lk_copies_result *result, lk_line_fn out, void *user,
                            const lk_cancel *cancel, const lk_progress_sink *progress, lk_error *err);
lk_status lk_copies_job_list(lk_project *p, bool json, lk_line_fn out, void *user, lk_error *err);
/* An added file, by its path or its SHA-256 (8 digits or more). Outputs stay: their marks lead here. */
lk_status lk_copies_job_remove(lk_project *p, const char *file, lk_line_fn out, void *user, lk_error *err);
/* What a file is a copy of, in words or as one JSON object. LK_OK found or not; found (may be NULL): how many copies. */
lk_status lk_copies_job_search(lk_project *p, const char *path, bool json, int *found, lk_line_fn out, void *user,
                               const lk_cancel *cancel, const lk_progress_sink *progress, lk_error *err);

/* --- benches ------------------------------------------------------------------------------- */

typedef struct lk_bench_job {
    const char *what;         /* a row of lk_bench_names */
    const char *data;         /* data folder, NULL = LIKENESS_DATA or ../shared/data */
    const char *only;         /* restrict, such as "A-B" for swap or "96" for train; NULL = all */
    double minutes;           /* training time a pair (swap), 0 = default */
    const char *work;         /* folder for results, NULL = a temporary one */
    const char *csv;          /* rows are appended here, NULL = none */
} lk_bench_job;
/* Names and one-line descriptions, ended by a NULL name. */
typedef struct lk_bench_name { const char *name, *help; } lk_bench_name;
const lk_bench_name *lk_bench_names(void);
lk_status lk_bench_run(const lk_bench_job *job, lk_line_fn out, void *user, const lk_cancel *cancel,
                       const lk_progress_sink *progress, lk_error *err);

/* --- thread budget, files ---------------------------------------------------------------------- */

void lk_threads_set(int n); /* 0 = all CPUs this process may use */
/* Folder of the shipped models. */
const char *lk_models_where(void);
/* Folder of the shipped sample clips, NULL when it is not there. */
const char *lk_samples_where(void);

#ifdef __cplusplus
}
#endif
#endif
