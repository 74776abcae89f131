/* test_index.c: multi-index hashing finds what comparing each hash finds: all of it, each once, with its distance. */
#include "check.h"
#include "mark/copies/internal.h"

static lk_pdq random_hash(lk_rng *r)
{
    lk_pdq h;
    for (int i = 0; i < 4; i++) h.w[i] = (uint64_t)lk_rng_u32(r) << 32 | lk_rng_u32(r);
    return h;
}

/* Exactly d bits of h changed, spread evenly over the sixteen pieces when even, else anywhere. */
static lk_pdq at_distance(lk_pdq origin, int d, bool even, lk_rng *r)
{
    lk_pdq h = origin;
    for (int i = 0; i < d;) {
        int bit = even ? 16 * (i % 16) + (int)lk_rng_below(r, 16) : (int)lk_rng_below(r, 256);
        lk_pdq next = h;
        next.w[bit >> 6] ^= 1ull << (bit & 63);
        if (lk_pdq_distance(&origin, &next) != i + 1) continue; /* that bit was changed already */
        h = next;
        i++;
    }
    return h;
}

typedef struct found {
    int64_t place[4096];
    int distance[4096], count;
} found;

static lk_status keep(void *user, int64_t place, int distance)
{
    found *f = user;
    if (f->count < 4096) {
        f->place[f->count] = place;
        f->distance[f->count] = distance;
    }
    f->count++;
    return LK_OK;
}

static int by_place(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static int compare_both(const copies_index *x, const lk_pdq *v, int64_t n, const lk_pdq *q)
{
    static found a, b;
    a.count = b.count = 0;
    CHECK_INT(copies_index_find(x, q, keep, &a), LK_OK);
    CHECK_INT(copies_scan(v, n, q, keep, &b), LK_OK);
    CHECK_INT(a.count, b.count);
    for (int i = 0; i < LK_MIN(a.count, 4096); i++) CHECK_INT(a.distance[i], lk_pdq_distance(q, &v[a.place[i]]));
    qsort(a.place, (size_t)LK_MIN(a.count, 4096), sizeof *a.place, by_place);
    qsort(b.place, (size_t)LK_MIN(b.count, 4096), sizeof *b.place, by_place);
    for (int i = 0; i < LK_MIN(LK_MIN(a.count, b.count), 4096); i++) CHECK_INT(a.place[i], b.place[i]);
    return a.count;
}

static void test_recall(void)
{
    enum { N = 100000, PLANTED = 33 * 8 };
    lk_error err = {0};
    lk_rng r = lk_rng_at(1, 2, 3, 4);
    lk_pdq *v = malloc(N * sizeof *v), q[8];
    for (int i = 0; i < N; i++) v[i] = random_hash(&r);
    for (int k = 0; k < 8; k++) q[k] = random_hash(&r);
    for (int i = 0; i < PLANTED; i++) v[(size_t)i * 367 + 11] = at_distance(q[i % 8], i / 8, i % 2, &r);
    copies_index *x = NULL;
    CHECK_OK(copies_index_new(v, N, &x, &err), &err);
    for (int k = 0; k < 8 && x; k++) CHECK_INT(compare_both(x, v, N, &q[k]), 32); /* 0 to 31 bits; the one at 32 is too far */
    for (int k = 0; k < 100 && x; k++) {
        lk_pdq other = random_hash(&r);
        compare_both(x, v, N, &other);
    }
    copies_index_free(&x);
    CHECK(!x, "freed");
    free(v);
}

/* Footage is no noise: thousands of frames within a few bits of each other, and pieces that many share. */
static void test_clusters(void)
{
    enum { N = 20000 };
    lk_error err = {0};
    lk_rng r = lk_rng_at(9, 2, 3, 4);
    lk_pdq *v = malloc(N * sizeof *v), centre[40];
    int most = 0;
    for (int k = 0; k < 40; k++) centre[k] = random_hash(&r);
    for (int i = 0; i < N; i++) v[i] = at_distance(centre[i % 40], (int)lk_rng_below(&r, 50), i % 3 == 0, &r);
    copies_index *x = NULL;
    CHECK_OK(copies_index_new(v, N, &x, &err), &err);
    for (int k = 0; k < 200 && x; k++) {
        lk_pdq q = at_distance(centre[k % 40], (int)lk_rng_below(&r, 20), false, &r);
        most = LK_MAX(most, compare_both(x, v, N, &q));
    }
    CHECK(most > 100, "clusters are found: %d", most);
    copies_index_free(&x);
    free(v);
}

static lk_status stop_at_third(void *user, int64_t place, int distance)
{
    (void)place;
    (void)distance;
    return ++*(int *)user == 3 ? LK_END : LK_OK;
}

static void test_edges(void)
{
    lk_error err = {0};
    copies_index *x = NULL;
    lk_pdq one = {{1, 2, 3, 4}}, same[5] = {one, one, one, one, one};
    found f = {.count = 0};
    CHECK_OK(copies_index_new(NULL, 0, &x, &err), &err);
    CHECK_INT(copies_index_find(x, &one, keep, &f), LK_OK);
    CHECK_INT(f.count, 0);
    copies_index_free(&x);
    CHECK_OK(copies_index_new(same, 5, &x, &err), &err);
    CHECK_INT(compare_both(x, same, 5, &one), 5);
    int calls = 0;
    CHECK_INT(copies_index_find(x, &one, stop_at_third, &calls), LK_END);
    CHECK_INT(calls, 3);
    copies_index_free(&x);
    CHECK_STATUS(copies_index_new(same, INT64_MAX, &x, &err), LK_E_RANGE, &err);
}

static const check_test tests[] = {{"recall", test_recall}, {"clusters", test_clusters}, {"edges", test_edges}};
CHECK_MAIN(tests)
