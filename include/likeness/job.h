/* job.h: what every long job takes: a way to stop it and a way to watch it.
 *
 * Both may be NULL. The cancel token is safe to raise from a signal handler or
 * another thread. The progress sink is called from the thread that runs the job,
 * at most about ten times a second and once at the end of each phase.
 */
#ifndef LIKENESS_JOB_H
#define LIKENESS_JOB_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct lk_cancel lk_cancel;

lk_cancel *lk_cancel_new(void);       /* NULL when memory is gone */
void lk_cancel_free(lk_cancel *c);
void lk_cancel_raise(lk_cancel *c);   /* async-signal-safe */
int lk_cancel_raised(const lk_cancel *c); /* 0 for NULL */

/* One report. Strings live only during the call. */
typedef struct lk_progress {
    const char *phase;   /* "import", "train", "render"... */
    int64_t done, total; /* total 0 = unknown */
    double rate;         /* units per second over the last seconds, 0 unknown */
    double eta;          /* seconds to go, negative = unknown */
    const char *unit;    /* "frames", "steps" */
    const char *note;    /* more, such as "loss 0.0321  held-out 0.0345", or "" */
} lk_progress;

typedef struct lk_progress_sink {
    void (*report)(void *user, const lk_progress *p);
    void *user;
} lk_progress_sink;

#ifdef __cplusplus
}
#endif
#endif
