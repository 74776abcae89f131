/* test_flow.c: queue order, closing, stopping and stress; threads; cancel; meter; budget. */
#include <omp.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "check.h"
#include "fault.h"
#include "flow/flow.h"

static void test_queue_order(void)
{
    lk_error err = {0};
    lk_queue *q = NULL;
    void *item;
    CHECK_OK(lk_queue_new(&q, 4, &err), &err);
    for (intptr_t lap = 0; lap < 5; lap++) { /* round the ring several times */
        for (intptr_t i = 1; i <= 3; i++) CHECK_INT(lk_queue_put(q, (void *)(lap * 10 + i)), LK_OK);
        for (intptr_t i = 1; i <= 3; i++) {
            CHECK_INT(lk_queue_take(q, &item), LK_OK);
            CHECK_INT((intptr_t)item, lap * 10 + i);
        }
    }
    CHECK_INT(lk_queue_put(q, (void *)7), LK_OK);
    lk_queue_close(q);
    CHECK_INT(lk_queue_put(q, (void *)8), LK_E_STATE);
    CHECK_INT(lk_queue_take(q, &item), LK_OK);
    CHECK_INT((intptr_t)item, 7);
    CHECK_INT(lk_queue_take(q, &item), LK_END);
    CHECK(!item, "nothing is handed out at the end");
    lk_queue_stop(q);
    CHECK_INT(lk_queue_take(q, &item), LK_E_CANCELLED);
    CHECK_INT(lk_queue_put(q, (void *)9), LK_E_CANCELLED);
    lk_queue_free(q, NULL);
    CHECK_STATUS(lk_queue_new(&q, 0, &err), LK_E_ARG, &err);
    lk_queue_free(q, NULL);

    CHECK_OK(lk_queue_new(&q, 3, &err), &err); /* leftovers are freed */
    CHECK_INT(lk_queue_put(q, lk_alloc(10)), LK_OK);
    CHECK_INT(lk_queue_put(q, lk_alloc(10)), LK_OK);
    lk_queue_free(q, lk_free);
}

/* --- stress -------------------------------------------------------------------- */

enum { PRODUCERS = 3, CONSUMERS = 3, EACH = 2000 };

static struct {
    lk_queue *q;
    atomic_int producers;
    atomic_llong sum;
    atomic_int taken;
} stress;

static lk_status produce(void *user, lk_error *err)
{
    intptr_t first = (intptr_t)user * EACH;
    lk_status s = LK_OK;
    for (intptr_t i = 1; i <= EACH && s == LK_OK; i++) s = lk_queue_put(stress.q, (void *)(first + i));
    if (atomic_fetch_sub(&stress.producers, 1) == 1) lk_queue_close(stress.q);
    return s;
}

static lk_status consume(void *user, lk_error *err)
{
    intptr_t last[PRODUCERS] = {0};
    for (;;) {
        void *item;
        lk_status s = lk_queue_take(stress.q, &item);
        if (s == LK_END) return LK_OK;
        LK_TRY(s);
        intptr_t v = (intptr_t)item, from = (v - 1) / EACH;
        if (v <= last[from]) return LK_FAIL(err, LK_E_BUG, "item %td of producer %td came late", v, from);
        last[from] = v;
        atomic_fetch_add(&stress.sum, v);
        atomic_fetch_add(&stress.taken, 1);
    }
}

static void test_queue_stress(void)
{
    for (int capacity = 1; capacity <= 9; capacity += 4) {
        lk_error err = {0};
        lk_thread *threads[PRODUCERS + CONSUMERS];
        CHECK_OK(lk_queue_new(&stress.q, capacity, &err), &err);
        atomic_store(&stress.producers, PRODUCERS);
        atomic_store(&stress.sum, 0);
        atomic_store(&stress.taken, 0);
        for (intptr_t i = 0; i < PRODUCERS + CONSUMERS; i++)
            CHECK_OK(lk_thread_start(&threads[i], i < PRODUCERS ? produce : consume, (void *)i, &err), &err);
        for (int i = 0; i < PRODUCERS + CONSUMERS; i++) CHECK_OK(lk_thread_join(&threads[i], &err), &err);
        long long n = PRODUCERS * EACH;
        CHECK_INT(atomic_load(&stress.taken), n);
        CHECK_INT(atomic_load(&stress.sum), n * (n + 1) / 2);
        lk_queue_free(stress.q, NULL);
    }
}

static lk_status put_for_ever(void *user, lk_error *err)
{
    lk_status s;
    while ((s = lk_queue_put(user, user)) == LK_OK) {
    }
    return LK_FAIL(err, s, "the queue was stopped");
}

static lk_status take_one(void *user, lk_error *err)
{
    void *item;
    return lk_queue_take(user, &item);
}

/* Stopping wakes both sides, whether they wait for room or for items. */
static void test_queue_stop(void)
{
    for (int i = 0; i < 50; i++) {
        lk_error err = {0};
        lk_queue *full = NULL, *empty = NULL;
        lk_thread *put = NULL, *take = NULL;
        CHECK_OK(lk_queue_new(&full, 2, &err), &err);
        CHECK_OK(lk_queue_new(&empty, 2, &err), &err);
        CHECK_OK(lk_thread_start(&put, put_for_ever, full, &err), &err);
        CHECK_OK(lk_thread_start(&take, take_one, empty, &err), &err);
        if (i % 2) usleep(500);
        lk_queue_stop(full);
        lk_queue_stop(empty);
        CHECK_STATUS(lk_thread_join(&put, &err), LK_E_CANCELLED, &err);
        CHECK_STR(err.message, "the queue was stopped");
        CHECK_INT(lk_thread_join(&take, &err), LK_E_CANCELLED);
        lk_queue_free(full, NULL);
        lk_queue_free(empty, NULL);
    }
}

/* --- threads, cancel, budget, meter ------------------------------------------------ */

static lk_status count_omp(void *user, lk_error *err)
{
    *(int *)user = omp_get_max_threads();
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    if (!sigismember(&mask, SIGINT) || sigismember(&mask, SIGSEGV))
        return LK_FAIL(err, LK_E_BUG, "a worker would take the program's signals");
    return LK_OK;
}

static void test_thread(void)
{
    lk_error err = {0};
    lk_thread *t = NULL;
    int n = 0;
    CHECK(lk_thread_budget() >= 1, "%d", lk_thread_budget());
    lk_thread_budget_set(3);
    CHECK_INT(lk_thread_budget(), 3);
    CHECK_INT(omp_get_max_threads(), 3);
    CHECK_OK(lk_thread_start(&t, count_omp, &n, &err), &err);
    CHECK_OK(lk_thread_join(&t, &err), &err);
    CHECK_INT(n, 3);
    CHECK(!t, "joined");
    CHECK_INT(lk_thread_join(&t, &err), LK_OK);
    lk_thread_budget_set(0);
    CHECK_INT(lk_thread_budget(), 1);
    FAULT_LOOP(LK_FAULT_ALLOC, false, {
        lk_thread *f = NULL;
        CHECK(fault_clean(lk_thread_start(&f, count_omp, &n, &err)), "not clean");
        CHECK_OK(lk_thread_join(&f, &err), &err);
    });
}

static lk_cancel *signalled;

static void on_signal(int number) { lk_cancel_raise(signalled); }

static void test_cancel(void)
{
    CHECK_INT(lk_cancel_raised(NULL), 0);
    lk_cancel_raise(NULL);
    signalled = lk_cancel_new();
    CHECK_INT(lk_cancel_raised(signalled), 0);
    signal(SIGUSR1, on_signal);
    raise(SIGUSR1);
    signal(SIGUSR1, SIG_DFL);
    CHECK_INT(lk_cancel_raised(signalled), 1);
    lk_cancel_free(signalled);
}

typedef struct seen {
    int reports;
    lk_progress last;
    char note[32];
} seen;

static void keep(void *user, const lk_progress *p)
{
    seen *s = user;
    s->reports++;
    s->last = *p;
    snprintf(s->note, sizeof s->note, "%s", p->note);
}

static void test_meter(void)
{
    seen got = {0};
    lk_progress_sink sink = {keep, &got};
    lk_meter m;
    lk_meter_init(&m, &sink, "train", "steps", 10000);
    CHECK_INT(got.reports, 1);
    CHECK(got.last.eta < 0 && got.last.rate == 0, "nothing is known yet");
    lk_meter_resume(&m, 5000);
    double start = lk_now();
    int64_t done = 5000;
    while (lk_now() - start < 0.55) {
        usleep(1000);
        lk_meter_set(&m, ++done, "note");
    }
    CHECK(got.reports >= 3 && got.reports <= 8, "%d reports in 0.55 s", got.reports);
    double rate = (double)(done - 5000) / (lk_now() - start);
    CHECK_NEAR(got.last.rate, rate,
               0.35 * rate); /* not 10 times that: the 5000 of the earlier run do not count */
    CHECK_NEAR(got.last.eta, (double)(10000 - got.last.done) / got.last.rate, 1e-6);
    CHECK_STR(got.note, "note");
    int before = got.reports;
    lk_meter_finish(&m, NULL);
    CHECK_INT(got.reports, before + 1);
    CHECK_INT(got.last.done, done);
    CHECK_NEAR(got.last.eta, 0, 0);
    CHECK_STR(got.note, "");

    lk_meter_init(&m, NULL, "import", "frames", 0); /* nobody watches */
    lk_meter_set(&m, 1, NULL);
    lk_meter_finish(&m, NULL);
}

static const check_test tests[] = {
    {"queue order", test_queue_order}, {"queue stress", test_queue_stress},
    {"queue stop", test_queue_stop},   {"thread", test_thread},
    {"cancel", test_cancel},           {"meter", test_meter},
};
CHECK_MAIN(tests)
