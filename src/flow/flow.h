/* flow: level 1. The only room that starts threads (compute threads inside an
 * operator belong to OpenMP, shared by oneDNN and tensor/). Bounded queues that
 * carry pointers, worker threads, cancel tokens, throttled progress and the one
 * thread budget. May include base/. Start with queue.c.
 */
#ifndef LK_FLOW_H
#define LK_FLOW_H

#include "base/base.h"
#include "likeness/job.h"

/* A queue of pointers between one or more producers and consumers. put blocks
 * when full, take blocks when empty. close: no more will be put, takers get the
 * rest and then LK_END. stop: both sides return LK_E_CANCELLED at once. */
typedef struct lk_queue lk_queue;
lk_status lk_queue_new(lk_queue **out, int capacity, lk_error *err);
lk_status lk_queue_put(lk_queue *q, void *item);   /* on failure the caller still owns item */
lk_status lk_queue_take(lk_queue *q, void **item);
void lk_queue_close(lk_queue *q);
void lk_queue_stop(lk_queue *q);
void lk_queue_free(lk_queue *q, void (*free_item)(void *)); /* free_item for leftovers, may be NULL */

/* A thread that runs fn(user) once. join returns fn's status and fills err with its detail. */
typedef struct lk_thread lk_thread;
typedef lk_status (*lk_thread_fn)(void *user, lk_error *err);
lk_status lk_thread_start(lk_thread **out, lk_thread_fn fn, void *user, lk_error *err);
lk_status lk_thread_join(lk_thread **t, lk_error *err);

/* Threads the process may use: LIKENESS_THREADS, else the CPUs it may run on.
 * OpenMP keeps its count per thread: set gives it to the caller's, lk_thread_start
 * to each worker. A program calls lk_thread_budget_set(lk_thread_budget()) first. */
int lk_thread_budget(void);
void lk_thread_budget_set(int n); /* 1 to 1024 */

/* Progress meter: throttles to 10 Hz, keeps a rate over about 10 s, computes ETA.
 * init reports at once, so that the user sees the phase begin; finish reports always. */
typedef struct lk_meter {
    const lk_progress_sink *sink;
    const char *phase, *unit;
    int64_t total, done;
    double start, last, rate_time;
    int64_t rate_done;
    double rate;
} lk_meter;
void lk_meter_init(lk_meter *m, const lk_progress_sink *sink, const char *phase, const char *unit,
                   int64_t total);
void lk_meter_resume(lk_meter *m, int64_t done); /* after init: a resumed job's work is not this run's rate */
void lk_meter_set(lk_meter *m, int64_t done, const char *note); /* note may be NULL */
void lk_meter_finish(lk_meter *m, const char *note);

#endif
