/* voice_train: trains the speaker model from a terminal.
 * voice_train OUTPUT [data=DIR] [steps=N] [batch=N] [seed=N] [minutes=M] [resume]
 * Ctrl-C stops with a checkpoint; resume goes on from it. Afterwards measure it and store its thresholds:
 * voice_eval MODELS_DIR [data=DIR] [store]
 */
#include "voice/train/train.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static lk_cancel *cancel;

static void stop(int sig)
{
    (void)sig;
    lk_cancel_raise(cancel);
}

static void show(void *user, const lk_progress *p)
{
    double *last = user, now = lk_now();
    if (now - *last < 5 && p->done != p->total) return;
    *last = now;
    printf("%s %lld/%lld %s  %.2f/s  eta %.0f s  %s\n", p->phase, (long long)p->done, (long long)p->total, p->unit,
           p->rate, p->eta, p->note);
    fflush(stdout);
}

static const char *value_of(const char *arg, const char *key)
{
    size_t n = strlen(key);
    return !strncmp(arg, key, n) && arg[n] == '=' ? arg + n + 1 : NULL;
}

int main(int argc, char **argv)
{
    lk_voice_train_options o = lk_voice_train_defaults();
    bool fine = argc > 1;
    for (int i = 2; i < argc && fine; i++) {
        const char *v;
        if ((v = value_of(argv[i], "data"))) o.data_dir = v;
        else if ((v = value_of(argv[i], "steps"))) o.steps = atoll(v);
        else if ((v = value_of(argv[i], "batch"))) o.batch = atoi(v);
        else if ((v = value_of(argv[i], "seed"))) o.seed = strtoull(v, NULL, 10);
        else if ((v = value_of(argv[i], "minutes"))) o.minutes = atof(v);
        else if (!strcmp(argv[i], "resume")) o.resume = true;
        else fine = false;
    }
    if (!fine) {
        fprintf(stderr, "usage: voice_train OUTPUT [data=DIR] [steps=N] [batch=N] [seed=N] [minutes=M] [resume]\n");
        return 2;
    }
    o.output = argv[1];
    cancel = lk_cancel_new();
    signal(SIGINT, stop);
    double last = 0;
    lk_progress_sink sink = {show, &last};
    lk_voice_train_result r;
    lk_error err = {0};
    lk_status s = lk_voice_train(&o, &r, cancel, &sink, &err);
    if (s != LK_OK) fprintf(stderr, "%s\n", err.message);
    else printf("%lld steps, loss %.4f -> %.4f\n", (long long)r.steps, r.first_loss, r.last_loss);
    lk_cancel_free(cancel);
    return s == LK_OK ? 0 : lk_status_exit_code(s);
}
