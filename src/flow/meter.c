/* meter.c: turns "so many are done" into reports at a bearable pace. */
#include <math.h>

#include "flow/flow.h"

static const double PACE = 0.1;    /* seconds between two reports */
static const double MEMORY = 10.0; /* seconds over which the rate is felt */

/* A mean that grows from "since the start" into an exponential one of MEMORY
 * seconds: steady from the first report on, and a change shows soon. */
static void update_rate(lk_meter *m, double now)
{
    double dt = now - m->rate_time;
    if (dt <= 0) return;
    double recent = (double)(m->done - m->rate_done) / dt;
    double weight = fmax(1.0 - exp(-dt / MEMORY), dt / (now - m->start));
    m->rate = fmax(0.0, m->rate + fmin(weight, 1.0) * (recent - m->rate));
    m->rate_time = now;
    m->rate_done = m->done;
}

static void report(lk_meter *m, double now, double eta, const char *note)
{
    m->last = now;
    if (!m->sink || !m->sink->report) return;
    const lk_progress p = {m->phase, m->done, m->total, m->rate, eta, m->unit, note ? note : ""};
    m->sink->report(m->sink->user, &p);
}

void lk_meter_init(lk_meter *m, const lk_progress_sink *sink, const char *phase, const char *unit,
                   int64_t total)
{
    double now = lk_now();
    *m = (lk_meter){
        .sink = sink, .phase = phase, .unit = unit, .total = total, .start = now, .rate_time = now};
    report(m, now, -1, NULL);
    m->last = now - PACE; /* the first real news is not held back */
}

void lk_meter_resume(lk_meter *m, int64_t done)
{
    m->done = m->rate_done = done;
    m->start = m->rate_time = lk_now();
}

void lk_meter_set(lk_meter *m, int64_t done, const char *note)
{
    double now = lk_now();
    m->done = done;
    if (now - m->last < PACE) return;
    update_rate(m, now);
    double eta = m->total > 0 && m->rate > 0 ? fmax(0.0, (double)(m->total - done) / m->rate) : -1;
    report(m, now, eta, note);
}

void lk_meter_finish(lk_meter *m, const char *note)
{
    double now = lk_now();
    update_rate(m, now);
    report(m, now, 0, note);
}
