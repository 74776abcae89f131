/* face_train: trains one of the face room's networks from a terminal.
 * face_train NET OUTPUT [data=DIR] [steps=N] [batch=N] [seed=N] [minutes=M] [from=WEIGHTS] [models=DIR]
 *            [resume]
 * Ctrl-C stops with a checkpoint; resume goes on from it.
 */
#include "face/train/train.h"

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
    printf("%s %lld/%lld %s  %.2f/s  eta %.0f s  %s\n", p->phase, (long long)p->done, (long long)p->total,
           p->unit, p->rate, p->eta, p->note);
    fflush(stdout);
}

/* "key=value" -> value, else NULL */
static const char *value_of(const char *arg, const char *key)
{
    size_t n = strlen(key);
    return !strncmp(arg, key, n) && arg[n] == '=' ? arg + n + 1 : NULL;
}

static bool take(lk_face_train_options *o, const char *arg)
{
    const char *v;
    if ((v = value_of(arg, "data"))) o->data_dir = v;
    else if ((v = value_of(arg, "models"))) o->models_dir = v;
    else if ((v = value_of(arg, "from"))) o->start_from = v;
    else if ((v = value_of(arg, "steps"))) o->steps = atoll(v);
    else if ((v = value_of(arg, "batch"))) o->batch = atoi(v);
    else if ((v = value_of(arg, "seed"))) o->seed = strtoull(v, NULL, 10);
    else if ((v = value_of(arg, "minutes"))) o->minutes = atof(v);
    else if (!strcmp(arg, "resume")) o->resume = true;
    else return false;
    return true;
}

int main(int argc, char **argv)
{
    lk_face_train_options o = lk_face_train_defaults();
    bool fine = argc > 2;
    for (int i = 3; i < argc && fine; i++) fine = take(&o, argv[i]);
    if (!fine) {
        fprintf(stderr, "usage: face_train face-detect|face-landmark|face-mask|face-id OUTPUT [data=DIR] "
                        "[steps=N] [batch=N] [seed=N] [minutes=M] [from=WEIGHTS] [models=DIR] [resume]\n");
        return 2;
    }
    o.output = argv[2];
    cancel = lk_cancel_new();
    signal(SIGINT, stop);
    double last = 0;
    lk_progress_sink sink = {show, &last};
    lk_face_train_result r;
    lk_error err = {0};
    lk_status s = lk_face_train(argv[1], &o, &r, cancel, &sink, &err);
    if (s != LK_OK) fprintf(stderr, "%s\n", err.message);
    else
        printf("%lld steps, loss %.4f -> %.4f, held-out %.4f\n", (long long)r.steps, r.first_loss,
               r.last_loss, r.held_out);
    lk_cancel_free(cancel);
    return s == LK_OK ? 0 : lk_status_exit_code(s);
}
