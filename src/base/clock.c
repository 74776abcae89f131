/* clock.c: monotonic and wall time. */
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "base/base.h"

static _Atomic int64_t fixed_wall;

double lk_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int64_t lk_wall_time(void)
{
    int64_t fixed = atomic_load(&fixed_wall);
    return fixed ? fixed : (int64_t)time(NULL);
}

void lk_wall_time_set(int64_t fixed) { atomic_store(&fixed_wall, fixed); }

void lk_time_iso(int64_t unix_seconds, char out[32])
{
    time_t t = (time_t)unix_seconds;
    struct tm tm;
    if (!gmtime_r(&t, &tm) || tm.tm_year < -1900 ||
        tm.tm_year > 8099) { /* four digits hold years 0 to 9999 */
        snprintf(out, 32, "@%lld", (long long)unix_seconds);
        return;
    }
    strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}
