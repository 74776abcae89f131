/* bench_copies.c: a search among a million hashes. The same figures as `likeness bench copies`, for profilers. */
#include "mark/copies/internal.h"

#include <stdio.h>
#include <stdlib.h>

static lk_status count_one(void *user, int64_t place, int distance)
{
    (void)place;
    (void)distance;
    ++*(int64_t *)user;
    return LK_OK;
}

int main(int argc, char **argv)
{
    int64_t n = argc > 1 ? atoll(argv[1]) : 1000000, found = 0, scanned = 0;
    enum { QUERIES = 2000, SCANS = 20 };
    lk_error err = {0};
    lk_rng r = lk_rng_at(7, 1, 0, 0);
    lk_pdq *v = lk_alloc((size_t)n * sizeof *v);
    copies_index *x = NULL;
    if (!v) return 1;
    for (int64_t i = 0; i < n; i++)
        for (int k = 0; k < 4; k++) v[i].w[k] = (uint64_t)lk_rng_u32(&r) << 32 | lk_rng_u32(&r);
    double t = lk_now();
    if (copies_index_new(v, n, &x, &err) != LK_OK) return fprintf(stderr, "%s\n", err.message), 1;
    double build = lk_now() - t;
    t = lk_now();
    for (int i = 0; i < QUERIES; i++) {
        lk_pdq q = v[(uint64_t)i * 7919 % (uint64_t)n];
        q.w[i & 3] ^= 0x0101010101010101ull;
        copies_index_find(x, &q, count_one, &found);
    }
    double find = (lk_now() - t) / QUERIES;
    t = lk_now();
    for (int i = 0; i < SCANS; i++) {
        lk_pdq q = v[(uint64_t)i * 7919 % (uint64_t)n];
        q.w[i & 3] ^= 0x0101010101010101ull;
        copies_scan(v, n, &q, count_one, &scanned);
    }
    double scan = (lk_now() - t) / SCANS;
    printf("%lld hashes: index built in %.3f s, a query %.4f ms (%.2f found), a scan %.3f ms (%.2f found), ratio %.0f\n", (long long)n, build,
           find * 1e3, (double)found / QUERIES, scan * 1e3, (double)scanned / SCANS, scan / find);
    copies_index_free(&x);
    lk_free(v);
    return 0;
}
