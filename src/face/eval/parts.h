/* parts.h: what the files of eval/ share. */
#ifndef LK_FACE_EVAL_PARTS_H
#define LK_FACE_EVAL_PARTS_H

#include "face/analyser.h"
#include "face/eval.h"

typedef struct lk_eval {
    const lk_face_eval_options *o;
    lk_analyser *a;
    lk_eval_row_fn row;
    void *user;
    lk_meter meter;
    int64_t done;
} lk_eval;

/* One part, measured and reported. */
lk_status lk_eval_detector(lk_eval *e, lk_error *err); /* eval/stills.c */
lk_status lk_eval_points(lk_eval *e, lk_error *err);   /* eval/stills.c */
lk_status lk_eval_actors(lk_eval *e, lk_error *err);   /* eval/actors.c */
lk_status lk_eval_real(lk_eval *e, lk_error *err);     /* eval/real.c */
lk_status lk_eval_masks(lk_eval *e, lk_error *err);    /* eval/masks.c */
lk_status lk_eval_identity(lk_eval *e, lk_error *err); /* eval/identity.c */
lk_status lk_eval_speed(lk_eval *e, lk_error *err);    /* eval/real.c */

/* Report one figure; value NaN reports nothing (no samples). */
lk_status lk_eval_report(lk_eval *e, const char *what, const char *figure, double value, const char *unit,
                         const char *target, int64_t n, lk_error *err);
/* Called now and then: progress, and LK_E_CANCELLED when asked to stop. */
lk_status lk_eval_tick(lk_eval *e, const char *note, lk_error *err);
/* PATH inside the data folder, from a format. */
void lk_eval_path(const lk_eval *e, char out[1024], const char *fmt, ...) LK_PRINTF(3, 4);
/* The first picture of a file, as RGB. */
lk_status lk_eval_picture(const char *path, lk_image *out, lk_error *err);
/* Names in a folder that end in `suffix`, sorted, joined in *names (n pointers); free with
 * lk_eval_names_free. */
typedef struct lk_eval_names { int count; char **name; } lk_eval_names;
lk_status lk_eval_list(const char *folder, const char *suffix, lk_eval_names *out, lk_error *err);
void lk_eval_names_free(lk_eval_names *names);
/* Mean distance of the 68 points over the truth's outer-eye distance. */
double lk_eval_point_error(const lk_point *got, const lk_point *truth);
/* The face of the list whose middle is nearest to the truth's, within half its width; NULL when none is. */
const lk_face *lk_eval_nearest(const lk_face *faces, int count, const lk_point *truth);
/* A face as mask and identity see it. crop: allocated. */
lk_affine lk_eval_crop(const lk_image *rgb, const lk_point *lm, lk_image *crop);

#endif
