/* face_eval: the figures of the face room on a terminal, without the command.
 * face_eval DATA [PART [MODELS]]
 */
#include "face/eval.h"

#include <stdio.h>

static lk_status print_row(void *user, const lk_eval_row *r, lk_error *err)
{
    (void)user, (void)err;
    printf("%-9s %-62s %9.4g %-9s %-8s n %lld\n", r->what, r->figure, r->value, r->unit, r->target,
           (long long)r->n);
    fflush(stdout);
    return LK_OK;
}

int main(int argc, char **argv)
{
    lk_error err = {0};
    if (argc < 2) {
        fprintf(stderr, "usage: face_eval DATA [PART [MODELS]]\nparts:");
        for (const char *const *p = lk_face_eval_parts(); *p; p++) fprintf(stderr, " %s", *p);
        fprintf(stderr, "\n");
        return 2;
    }
    lk_face_eval_options o = {.data = argv[1],
                              .only = argc > 2 && argv[2][0] ? argv[2] : NULL,
                              .models_dir = argc > 3 ? argv[3] : NULL};
    lk_status s = lk_face_eval(&o, print_row, NULL, &err);
    if (s != LK_OK) fprintf(stderr, "%s\n", err.message);
    return s == LK_OK ? 0 : lk_status_exit_code(s);
}
