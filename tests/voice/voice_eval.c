/* voice_eval: the bench's figures without the command, and where the speaker model gets its thresholds from.
 * voice_eval MODELS_DIR [data=DIR] [only=activity|speaker] [store]
 */
#include "voice/eval.h"
#include "voice/train/data.h"

#include <stdio.h>
#include <string.h>

static lk_status row(void *user, const lk_voice_row *r, lk_error *err)
{
    (void)user, (void)err;
    printf("%-10s %-62s %9.4g %-3s (n %lld)\n", r->what, r->figure, r->value, r->unit, (long long)r->n);
    fflush(stdout);
    return LK_OK;
}

int main(int argc, char **argv)
{
    lk_error err = {0};
    lk_voice_eval_options o = {.data = lk_voice_data_dir(NULL), .models_dir = argc > 1 ? argv[1] : NULL};
    lk_speaker_limits limits;
    float share;
    bool store = false, fine = argc > 1;
    for (int i = 2; i < argc; i++)
        if (!strncmp(argv[i], "data=", 5)) o.data = argv[i] + 5;
        else if (!strncmp(argv[i], "only=", 5)) o.only = argv[i] + 5;
        else if (!strcmp(argv[i], "store")) store = true;
        else fine = false;
    if (!fine || (store && o.only && strcmp(o.only, "speaker"))) {
        fprintf(stderr, "usage: voice_eval MODELS_DIR [data=DIR] [only=activity|speaker] [store]\n");
        return 2;
    }
    lk_status s = lk_voice_eval(&o, row, NULL, store ? &limits : NULL, store ? &share : NULL, &err);
    if (s == LK_OK && store) {
        char path[1024];
        snprintf(path, sizeof path, "%s/" LK_SPEAKER_NET ".safetensors", o.models_dir);
        s = lk_speaker_set(path, limits, share, &err);
        if (s == LK_OK) printf("stored in %s\n", path);
    }
    if (s != LK_OK) fprintf(stderr, "%s\n", err.message);
    return s == LK_OK ? 0 : lk_status_exit_code(s);
}
