/* face_calibrate: thresholds into MODELS/face-id.safetensors, which is first put together from TOWERS
 * when they are given.
 * face_calibrate DATA MODELS [TOWER...]
 */
#include "face/train/calibrate.h"

#include <stdio.h>

static lk_status print_row(void *user, const lk_eval_row *r, lk_error *err)
{
    (void)user, (void)err;
    printf("%-80s %9.4g %-3s n %lld\n", r->figure, r->value, r->unit, (long long)r->n);
    fflush(stdout);
    return LK_OK;
}

int main(int argc, char **argv)
{
    lk_error err = {0};
    int towers = argc - 3;
    if (argc < 3 || (towers && towers != LK_FACE_TOWERS)) {
        fprintf(stderr, "usage: face_calibrate DATA MODELS [%d TOWERS]\n", LK_FACE_TOWERS);
        return 2;
    }
    lk_face_calibrate_options o = {.data_dir = argv[1], .models_dir = argv[2]};
    lk_status s = LK_OK;
    if (towers) {
        char path[1024];
        const char *tower[LK_FACE_TOWERS];
        for (int k = 0; k < LK_FACE_TOWERS; k++) tower[k] = argv[3 + k];
        snprintf(path, sizeof path, "%s/face-id.safetensors", o.models_dir);
        s = lk_face_join(tower, path, &err);
    }
    if (s == LK_OK) s = lk_face_calibrate(&o, print_row, NULL, NULL, NULL, &err);
    if (s != LK_OK) fprintf(stderr, "%s\n", err.message);
    return s == LK_OK ? 0 : lk_status_exit_code(s);
}
