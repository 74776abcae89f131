/* align.c: offsets in time that many near looks agree on. */
#include "mark/copies/align.h"

#include <math.h>
#include <string.h>

#define RATE COPIES_MOTION_RATE

enum { MAX_BINS = 1 << 20 };
/* Looks are taken a quarter of a second apart, and agree with pictures a little before and after themselves. */
#define QUERY_SLACK 0.13
#define ENTRY_SLACK 0.25

void copies_votes_clear(copies_votes *v)
{
    lk_free(v->weight);
    *v = (copies_votes){0};
}

static void range_of(const copies_pair *p, double speed, int *lo, int *hi)
{
    *lo = (int)floor((p->entry_begin - ENTRY_SLACK - speed * (p->query_end + QUERY_SLACK)) * RATE);
    *hi = (int)ceil((p->entry_end + ENTRY_SLACK - speed * (p->query_begin - QUERY_SLACK)) * RATE);
}

lk_status copies_vote(const copies_pair *pairs, int count, double speed, copies_votes *out, lk_error *err)
{
    *out = (copies_votes){0};
    if (!count) return LK_OK;
    int lo = INT32_MAX, hi = INT32_MIN, a, b;
    for (int i = 0; i < count; i++) {
        range_of(&pairs[i], speed, &a, &b);
        lo = LK_MIN(lo, a);
        hi = LK_MAX(hi, b);
    }
    if ((int64_t)hi - lo >= MAX_BINS) hi = lo + MAX_BINS - 1; /* 36 hours: longer than what is registered */
    out->first = lo;
    out->count = hi - lo + 1;
    out->weight = lk_calloc((size_t)out->count, sizeof *out->weight);
    int32_t *voted = lk_alloc((size_t)out->count * sizeof *voted);
    if (!out->weight || !voted) {
        lk_free(voted);
        copies_votes_clear(out);
        return copies_no_memory(err, "comparing clips");
    }
    memset(voted, 0xFF, (size_t)out->count * sizeof *voted);
    for (int i = 0; i < count; i++) {
        float w = pairs[i].query_end - pairs[i].query_begin + 0.25f;
        range_of(&pairs[i], speed, &a, &b);
        for (int k = LK_MAX(a, lo); k <= LK_MIN(b, hi); k++) {
            if (voted[k - lo] == pairs[i].look) continue;
            voted[k - lo] = pairs[i].look;
            out->weight[k - lo] += w;
        }
    }
    for (int k = 0; k < out->count; k++) out->best = LK_MAX(out->best, out->weight[k]);
    lk_free(voted);
    return LK_OK;
}

void copies_cover_clear(copies_cover *c)
{
    lk_free(c->near);
    *c = (copies_cover){0};
}

lk_status copies_cover_make(const copies_pair *pairs, int count, double speed, double offset, double duration, copies_cover *out,
                            lk_error *err)
{
    *out = (copies_cover){.slots = (int)(LK_CLAMP(duration, 0.0, 1e5) * RATE) + 1};
    out->near = lk_calloc((size_t)out->slots, 1);
    if (!out->near) return copies_no_memory(err, "comparing clips");
    for (int i = 0; i < count; i++) {
        const copies_pair *p = &pairs[i];
        double from = LK_MAX(p->query_begin - QUERY_SLACK, (p->entry_begin - ENTRY_SLACK - offset) / speed);
        double to = LK_MIN(p->query_end + QUERY_SLACK, (p->entry_end + ENTRY_SLACK - offset) / speed);
        int a = LK_MAX((int)ceil(from * RATE), 0), b = LK_MIN((int)floor(to * RATE), out->slots - 1);
        for (int k = a; k <= b; k++)
            if (!out->near[k] || out->near[k] > p->distance + 1) out->near[k] = (uint8_t)(p->distance + 1);
    }
    return LK_OK;
}
