/* studio: level 7. The project folder and its jobs; the only room that sees the
 * whole pipeline: it asks consent/ for grants, lets face/, dataset/ and make/ do
 * their work, and hands what was made to mark/. The public face of the room is
 * include/likeness/studio.h. May include every lower room, but never
 * media/writer.h. Start with project.c, then render.c (how a clip is swapped).
 */
#ifndef LK_STUDIO_H
#define LK_STUDIO_H

#include "base/base.h"
#include "consent/consent.h"
#include "face/face.h"
#include "likeness/studio.h"
#include "mark/mark.h"

struct lk_project {
    char dir[768];
    lk_registry *registry;
    lk_mark_desk *desk; /* opened when the first output is made */
};

/* What outputs are marked with: the project's desk, or, for pictures that belong to no project (p NULL), the user's own in
 * $XDG_CONFIG_HOME/likeness/desk, else ~/.config/likeness/desk. *own: the caller closes it. */
lk_status lk_project_desk(lk_project *p_or_null, lk_mark_desk **desk, bool *own, lk_error *err);

/* What files end with that hold a likeness: bound to consent and encrypted (consent/bind.h). */
#define LK_BOUND_ENDING ".likeness"
/* Path of FILE in the project's folder FOLDER (made when absent). */
lk_status lk_project_path(const lk_project *p, const char *folder, const char *file, const char *ending, char out[1024], lk_error *err);
/* A subject's or model's name as a file name: letters, digits, '-', '_', '.' stay, the rest becomes '_'; two
 * names that differ only there get different files by a short hash. */
void lk_project_file_name(const char *name, char out[160]);
/* Where the dataset of a subject in a role ("source", "target") is. */
lk_status lk_project_dataset(const lk_project *p, const char *subject, const char *role, char out[1024], lk_error *err);
/* A model's name or path to the path of a file that exists. p may be NULL. */
lk_status lk_project_model(const lk_project *p, const char *name_or_path, char out[1024], lk_error *err);

lk_use lk_role_use(const char *role, lk_error *err); /* 0 and an error for an unknown role */

/* bench.c: the rows that a bench prints and appends to its CSV. */
typedef struct lk_bench {
    const lk_bench_job *job;
    lk_line_fn out;
    void *user;
    const lk_cancel *cancel;
    const lk_progress_sink *progress;
    char data[768];
    char work[768];
} lk_bench;
void lk_bench_line(const lk_bench *b, const char *fmt, ...) LK_PRINTF(2, 3);
/* One figure: printed as a table row and kept for the CSV. target "" = none. */
lk_status lk_bench_row(const lk_bench *b, const char *what, const char *figure, double value, const char *unit, const char *target, lk_error *err);
/* A synthetic actor of a measurement: added, enrolled by the clip, and agreeing. One that is there already stays. */
lk_status lk_bench_person(const lk_bench *b, lk_project *p, const char *name, const char *clip, lk_error *err);
lk_status lk_bench_swap(const lk_bench *b, lk_error *err);
lk_status lk_bench_face(const lk_bench *b, lk_error *err);
lk_status lk_bench_voice(const lk_bench *b, lk_error *err);
lk_status lk_bench_train(const lk_bench *b, lk_error *err);
lk_status lk_bench_render(const lk_bench *b, lk_error *err);
lk_status lk_bench_copies(const lk_bench *b, lk_error *err);
lk_status lk_bench_mark(const lk_bench *b, lk_error *err);

#endif
