/* fault.h: fail the n-th allocation, read, write or sync, for every n.
 *
 *     FAULT_LOOP(LK_FAULT_ALLOC, once, {
 *         lk_status s = lk_thing_open(&t, path, &err);
 *         CHECK(fault_clean(s), "...");
 *         lk_thing_close(t);
 *     });
 *
 * The body runs with the first call failing, then the second, and so on, until
 * a run in which no fault was hit; that last run is the good one. The leak
 * checker of a sanitised build sees what the failed runs left behind. A body
 * that never ends is stopped at FAULT_LIMIT and fails.
 */
#ifndef LK_TESTS_FAULT_H
#define LK_TESTS_FAULT_H

#include "base/base.h"
#include "check.h"

enum { FAULT_LIMIT = 20000 };

/* Calls with thousands of allocations try every STEP-th; all of them with LIKENESS_TEST_LONG set. */
__attribute__((unused)) static int fault_step(int step)
{
    return getenv("LIKENESS_TEST_LONG") ? 1 : step;
}

#define FAULT_LOOP(kind, is_sticky, ...) FAULT_LOOP_STEP(kind, is_sticky, 1, __VA_ARGS__)
#define FAULT_LOOP_STEP(kind, is_sticky, step, ...)                                                          \
    do {                                                                                                     \
        int64_t fault_n_ = 1, fault_runs_ = 0;                                                               \
        for (bool fault_more_ = true; fault_more_; fault_n_ += fault_step(step)) {                           \
            lk_fault_set((kind), fault_n_, (is_sticky));                                                     \
            __VA_ARGS__                                                                                      \
            fault_more_ = lk_fault_count(kind) >= fault_n_;                                                  \
            lk_fault_set((kind), 0, false);                                                                  \
            fault_runs_ += fault_more_;                                                                      \
            if (fault_more_ && fault_n_ >= FAULT_LIMIT) {                                                    \
                check_fail(__FILE__, __LINE__, "still hitting faults after %d runs", FAULT_LIMIT);           \
                break;                                                                                       \
            }                                                                                                \
        }                                                                                                    \
        if (fault_runs_ == 0) check_fail(__FILE__, __LINE__, "no fault was ever hit: this proves nothing");  \
    } while (0)

/* A failed run must report one of the failures that a lack of memory or disk may cause. */
__attribute__((unused)) static bool fault_clean(lk_status s)
{
    return s == LK_OK || s == LK_E_NOMEM || s == LK_E_IO;
}

#endif
