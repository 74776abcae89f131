/* log.c: log lines go to one sink, by default nowhere. */
#include <pthread.h>
#include <stdio.h>

#include "base/base.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static lk_log_fn sink;
static void *sink_user;
static int sink_level = -1;

void lk_log_sink(lk_log_fn fn, void *user, int max_level)
{
    pthread_mutex_lock(&lock);
    sink = fn;
    sink_user = user;
    sink_level = fn ? max_level : -1;
    pthread_mutex_unlock(&lock);
}

/* The sink runs under the lock: lines of two threads never mix, and a sink that
 * was taken away is not called any more. It must not log itself. */
void lk_log(int level, const char *room, const char *fmt, ...)
{
    pthread_mutex_lock(&lock);
    if (level <= sink_level) {
        char line[1024];
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(line, sizeof line, fmt, ap);
        va_end(ap);
        sink(sink_user, level, room, line);
    }
    pthread_mutex_unlock(&lock);
}
