/* thread.c: worker threads and the one thread budget. */
#include <omp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "flow/flow.h"

enum { MOST_THREADS = 1024 };

struct lk_thread {
    pthread_t id;
    lk_thread_fn fn;
    void *user;
    lk_status status;
    lk_error err;
};

static void *run(void *user)
{
    lk_thread *t = user;
    /* OpenMP keeps its count per thread that was not made by OpenMP. */
    omp_set_num_threads(lk_thread_budget());
    t->status = t->fn(t->user, &t->err);
    return NULL;
}

lk_status lk_thread_start(lk_thread **out, lk_thread_fn fn, void *user, lk_error *err)
{
    lk_thread *t = *out = lk_calloc(1, sizeof *t);
    if (!t) return LK_FAIL(err, LK_E_NOMEM, "no memory for a thread");
    t->fn = fn;
    t->user = user;
    /* Signals belong to the program's own threads: a worker inherits a full mask,
     * but for those that a fault of its own raises. */
    sigset_t all, before;
    sigfillset(&all);
    static const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
    for (size_t i = 0; i < LK_COUNT(own); i++) sigdelset(&all, own[i]);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&t->id, NULL, run, t);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0) {
        lk_free(t);
        *out = NULL;
        return LK_FAIL(err, LK_E_NOMEM,
                       "the system starts no more threads (%s); close other programs or raise "
                       "'ulimit -u'",
                       strerror(rc));
    }
    return LK_OK;
}

lk_status lk_thread_join(lk_thread **t, lk_error *err)
{
    lk_thread *x = *t;
    if (!x) return LK_OK;
    pthread_join(x->id, NULL);
    lk_status s = x->status;
    if (s != LK_OK && err) *err = x->err;
    lk_free(x);
    *t = NULL;
    return s;
}

/* --- the budget -------------------------------------------------------------- */

static atomic_int budget; /* 0 = not asked for yet */

static int usable_cpus(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) return CPU_COUNT(&set);
    return 1;
}

int lk_thread_budget(void)
{
    int n = atomic_load(&budget);
    if (n > 0) return n;
    const char *text = getenv("LIKENESS_THREADS");
    char *end = NULL;
    long asked = text ? strtol(text, &end, 10) : 0;
    if (text && end != text && *end == '\0' && asked >= 1) n = (int)LK_MIN(asked, (long)MOST_THREADS);
    else n = usable_cpus();
    int none = 0;
    return atomic_compare_exchange_strong(&budget, &none, n) ? n : none;
}

void lk_thread_budget_set(int n)
{
    n = LK_CLAMP(n, 1, MOST_THREADS);
    atomic_store(&budget, n);
    omp_set_num_threads(n);
}
