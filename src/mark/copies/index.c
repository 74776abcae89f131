/* index.c: every hash within 31 bits of a query, among millions, in well under a millisecond.
 *
 * Multi-index hashing (Norouzi, Punjani and Fleet, "Fast search in Hamming space with multi-index hashing", CVPR 2012).
 * 256 bits are cut into 16 pieces of 16. Two hashes that differ in at most 31 bits differ in at most one bit in at
 * least one piece: if every piece differed in two or more, that would be 32. So 16 tables, each from the value of
 * its piece to the hashes that have it, are asked for the query's piece and its 16 neighbours at one bit: 272 short
 * lists hold every answer. Nothing is missed, and a look at each candidate's 256 bits drops the rest.
 */
#include "mark/copies/internal.h"

enum { PIECES = 16, PIECE_BITS = 16, BUCKETS = 1 << PIECE_BITS };

struct copies_index {
    const lk_pdq *hash;
    int64_t count;
    uint32_t *start[PIECES]; /* BUCKETS + 1 places in item */
    uint32_t *item[PIECES];  /* places in hash, those of one value side by side */
};

static inline unsigned piece(const lk_pdq *h, int p) { return (unsigned)(h->w[p >> 2] >> (16 * (p & 3))) & 0xFFFF; }

void copies_index_free(copies_index **xp)
{
    copies_index *x = *xp;
    if (!x) return;
    *xp = NULL;
    for (int p = 0; p < PIECES; p++) {
        lk_free(x->start[p]);
        lk_free(x->item[p]);
    }
    lk_free(x);
}

/* Counting sort by the value of piece p. */
static void fill(copies_index *x, int p)
{
    uint32_t *start = x->start[p], *item = x->item[p];
    for (int64_t i = 0; i < x->count; i++) start[piece(&x->hash[i], p) + 1]++;
    for (int b = 0; b < BUCKETS; b++) start[b + 1] += start[b];
    for (int64_t i = x->count - 1; i >= 0; i--) item[--start[piece(&x->hash[i], p) + 1]] = (uint32_t)i;
    /* Each start[v + 1] has moved down to where value v begins: shift them back into place. */
    for (int b = 0; b < BUCKETS; b++) start[b] = start[b + 1];
    start[BUCKETS] = (uint32_t)x->count;
}

lk_status copies_index_new(const lk_pdq *hashes, int64_t n, copies_index **out, lk_error *err)
{
    *out = NULL;
    if (n < 0 || n > INT32_MAX) return LK_FAIL(err, LK_E_RANGE, "an index of hashes holds up to 2^31, not %lld", (long long)n);
    copies_index *x = lk_calloc(1, sizeof *x);
    if (!x) return copies_no_memory(err, "the index of hashes");
    x->hash = hashes;
    x->count = n;
    for (int p = 0; p < PIECES; p++) {
        x->start[p] = lk_calloc(BUCKETS + 1, sizeof *x->start[p]);
        x->item[p] = lk_alloc((size_t)LK_MAX(n, 1) * sizeof *x->item[p]);
        if (!x->start[p] || !x->item[p]) {
            copies_index_free(&x);
            return copies_no_memory(err, "the index of hashes");
        }
        fill(x, p);
    }
    *out = x;
    return LK_OK;
}

/* Does a piece before p already lead to this candidate? Then it was told. */
static inline bool told_before(const lk_pdq *a, const lk_pdq *b, int p)
{
    for (int i = 0; i < p; i++)
        if (__builtin_popcount(piece(a, i) ^ piece(b, i)) <= 1) return true;
    return false;
}

/* The clones are static and behind plain functions: clang 14 gives a cloned function another name in its own object file only. */
COPIES_CLONES static lk_status find_near(const copies_index *x, const lk_pdq *q, copies_found_fn fn, void *user)
{
    enum { AHEAD = 8 };
    for (int p = 0; p < PIECES; p++) {
        const uint32_t *start = x->start[p], *item = x->item[p];
        unsigned mine = piece(q, p);
        for (int bit = -1; bit < PIECE_BITS; bit++) {
            unsigned v = bit < 0 ? mine : mine ^ 1u << bit;
            if (bit + 1 < PIECE_BITS) __builtin_prefetch(&start[mine ^ 1u << (bit + 1)]);
            uint32_t from = start[v], to = start[v + 1];
            for (uint32_t i = from; i < LK_MIN(from + AHEAD, to); i++) __builtin_prefetch(&x->hash[item[i]]);
            for (uint32_t i = from; i < to; i++) {
                if (i + AHEAD < to) __builtin_prefetch(&x->hash[item[i + AHEAD]]);
                const lk_pdq *h = &x->hash[item[i]];
                int d = pdq_distance(q, h);
                if (d > LK_PDQ_NEAR || told_before(q, h, p)) continue;
                LK_TRY(fn(user, item[i], d));
            }
        }
    }
    return LK_OK;
}

COPIES_CLONES static lk_status scan_all(const lk_pdq *hashes, int64_t n, const lk_pdq *q, copies_found_fn fn, void *user)
{
    for (int64_t i = 0; i < n; i++) {
        int d = pdq_distance(q, &hashes[i]);
        if (d <= LK_PDQ_NEAR) LK_TRY(fn(user, i, d));
    }
    return LK_OK;
}

lk_status copies_index_find(const copies_index *x, const lk_pdq *q, copies_found_fn fn, void *user)
{
    return find_near(x, q, fn, user);
}

lk_status copies_scan(const lk_pdq *hashes, int64_t n, const lk_pdq *q, copies_found_fn fn, void *user)
{
    return scan_all(hashes, n, q, fn, user);
}
