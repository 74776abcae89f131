/* progress.c: how a long job looks to a person.
 *
 * On a terminal: one live line on stderr, redrawn in place. Elsewhere (a pipe, a
 * log): a plain line when a phase starts, every five seconds, and when it ends.
 */
#include "cli.h"

#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static struct {
    bool terminal, live, known;
    char phase[64];
    double last;
} state;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void print_duration(char *out, size_t n, double s)
{
    long t = (long)(s + 0.5);
    if (t >= 3600) snprintf(out, n, "%ld:%02ld:%02ld", t / 3600, t / 60 % 60, t % 60);
    else snprintf(out, n, "%ld:%02ld", t / 60, t % 60);
}

static void format_line(char *line, size_t n, const lk_progress *p)
{
    char eta[32] = "";
    int len = snprintf(line, n, "%s", p->phase);
#define ADD(...) do { if (len > 0 && (size_t)len < n) len += snprintf(line + len, n - (size_t)len, __VA_ARGS__); } while (0)
    if (p->total > 0) ADD("  %3d %%  %lld/%lld %s", (int)(100 * p->done / p->total), (long long)p->done, (long long)p->total, p->unit);
    else ADD("  %lld %s", (long long)p->done, p->unit);
    if (p->rate > 0) ADD("  %.*f/s", p->rate < 10 ? 2 : 0, p->rate);
    if (p->eta >= 0) {
        print_duration(eta, sizeof eta, p->eta);
        ADD("  ETA %s", eta);
    }
    if (p->note && *p->note) ADD("  %s", p->note);
#undef ADD
}

static void report(void *user, const lk_progress *p)
{
    (void)user;
    char line[512];
    double t = now();
    bool new_phase = strcmp(state.phase, p->phase) != 0;
    bool ended = p->total > 0 && p->done >= p->total;
    if (new_phase) {
        cli_progress_end();
        snprintf(state.phase, sizeof state.phase, "%s", p->phase);
    }
    format_line(line, sizeof line, p);
    if (state.terminal) {
        struct winsize size = {0};
        int columns = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
        fprintf(stderr, "\r%.*s\x1b[K", columns - 1, line);
        fflush(stderr);
        state.live = true;
        if (ended) cli_progress_end();
    } else if (new_phase || ended || t - state.last >= 5) {
        fprintf(stderr, "%s\n", line);
        state.last = t;
    }
}

void cli_progress_end(void)
{
    if (state.live) fputc('\n', stderr);
    state.live = false;
}

lk_progress_sink cli_progress_sink(bool quiet)
{
    state.terminal = isatty(STDERR_FILENO);
    return (lk_progress_sink){quiet ? NULL : report, NULL};
}

void cli_line(void *user, const char *line)
{
    (void)user;
    cli_progress_end();
    puts(line);
}
