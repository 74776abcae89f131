/* align.h: where two clips run together: by their looks (align.c) and by how light moves in them (motion.c). */
#ifndef LK_COPIES_ALIGN_H
#define LK_COPIES_ALIGN_H

#include "mark/copies/internal.h"

/* entry seconds = speed * query seconds + offset. Offsets are counted in bins of 1 / COPIES_MOTION_RATE s. */
typedef struct copies_votes {
    int first, count; /* offset of bin 0, in bins; how many bins */
    float *weight;    /* seconds of the query that this offset puts beside a near look */
    float best;
} copies_votes;
void copies_votes_clear(copies_votes *v);

/* One query look near one look of the entry. zoom: what the query shows is that share of the entry's width: below one
 * when the query is a crop of the entry, above when the entry is one of the query. */
typedef struct copies_pair {
    float query_begin, query_end, entry_begin, entry_end, zoom;
    int look, distance;
} copies_pair;
/* pairs sorted by look. Every look votes once for each offset that any of its pairs allows. */
lk_status copies_vote(const copies_pair *pairs, int count, double speed, copies_votes *out, lk_error *err);

/* What an alignment covers of the query, by looks, in slots of 1 / COPIES_MOTION_RATE s from second 0. */
typedef struct copies_cover {
    int slots;
    uint8_t *near; /* distance + 1 of the nearest pair that agrees, 0 none */
} copies_cover;
lk_status copies_cover_make(const copies_pair *pairs, int count, double speed, double offset, double duration, copies_cover *out,
                            lk_error *err);
void copies_cover_clear(copies_cover *c);

typedef struct motion_fit {
    bool compared;      /* the query moves somewhere, so that there was something to compare */
    double r;           /* correlation over all that was matched; over all that moves when nothing was */
    double speed, offset;
    double begin, end;  /* query seconds that move together */
    double seconds;     /* of them, those that move */
} motion_fit;
/* The best of the offsets that looks allow (weight at least half of the best), then of other speeds. */
lk_status motion_align(const copies_motion *query, int query_count, int view, double zoom, const copies_motion *entry, int entry_count,
                       const copies_pair *pairs, int pair_count, motion_fit *out, lk_error *err);
/* Is that a copy, with looks that differ by so many bits in the mean? A short match must be a better one: chance makes
 * short windows agree. */
bool motion_is_copy(const motion_fit *f, double distance);

#endif
