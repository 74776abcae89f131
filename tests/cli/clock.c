/* clock.c: a clock that stands where CLOCK_AT says, put before the C library's with LD_PRELOAD: what a person does who
 * sets the clock of the computer. The program itself has no such switch. */
#include <stdlib.h>
#include <time.h>

__attribute__((visibility("default"))) time_t time(time_t *out)
{
    const char *at = getenv("CLOCK_AT");
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    time_t t = at ? (time_t)atoll(at) : now.tv_sec;
    if (out) *out = t;
    return t;
}
