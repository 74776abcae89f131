/* eval_index.c: a million hashes: what building, loading and asking cost, and whether anything is missed. */
#include "mark/copies/eval.h"
#include "mark/copies/internal.h"

enum { QUERIES = 4096, SCANS = 320, A_FILE = 100 };

static lk_status count_found(void *user, int64_t place, int distance)
{
    (void)place;
    (void)distance;
    ++*(int64_t *)user;
    return LK_OK;
}

/* Query i is hash number place_of(i) with i % 32 of its bits changed. */
static int64_t place_of(int i, int64_t n) { return (int64_t)i * 7919 % n; }

static lk_pdq query_of(const lk_pdq *v, int i, int64_t n)
{
    lk_pdq origin = v[place_of(i, n)], q = origin;
    lk_rng r = lk_rng_at(11, 2, 0, (uint64_t)i);
    while (pdq_distance(&origin, &q) < i % (LK_PDQ_NEAR + 1)) {
        uint32_t bit = lk_rng_below(&r, 256); /* one that was changed before stays changed */
        lk_pdq next = q;
        next.w[bit >> 6] ^= 1ull << (bit & 63);
        if (pdq_distance(&origin, &next) > pdq_distance(&origin, &q)) q = next;
    }
    return q;
}

static lk_status measure(const lk_pdq *v, int64_t n, lk_copies_row_fn row, void *user, lk_error *err)
{
    copies_index *x = NULL;
    int64_t found = 0, sample = 0, scanned = 0;
    lk_pdq *q = lk_alloc(QUERIES * sizeof *q);
    if (!q) return copies_no_memory(err, "the bench of the index");
    for (int i = 0; i < QUERIES; i++) q[i] = query_of(v, i, n);
    double t = lk_now(), find, scan;
    lk_status s = copies_index_new(v, n, &x, err);
    double build = lk_now() - t;
    if (s) goto done;
    t = lk_now();
    for (int i = 0; i < QUERIES; i++) {
        copies_index_find(x, &q[i], count_found, &found);
        if (i == SCANS - 1) sample = found;
    }
    find = (lk_now() - t) / QUERIES;
    t = lk_now();
    for (int i = 0; i < SCANS; i++) copies_scan(v, n, &q[i], count_found, &scanned);
    scan = (lk_now() - t) / SCANS;
    LK_GOTO(done, row(user, "index", "hashes", (double)n, "", "", err));
    LK_GOTO(done, row(user, "index", "built in", build * 1e3, "ms", "", err));
    LK_GOTO(done, row(user, "index", "query at 31 bits", find * 1e3, "ms", "< 1", err));
    LK_GOTO(done, row(user, "index", "comparing each (popcount scan)", scan * 1e3, "ms", "", err));
    LK_GOTO(done, row(user, "index", "scan / query", scan / find, "x", "", err));
    LK_GOTO(done, row(user, "index", "found of what the scan finds", 100.0 * (double)sample / (double)LK_MAX(scanned, 1), "%", "100", err));
    LK_GOTO(done, row(user, "index", "planted at 0 to 31 bits, found", 100.0 * (double)found / QUERIES, "%", ">= 100", err));
done:
    copies_index_free(&x);
    lk_free(q);
    return s;
}

/* Rows as lk_copies_add writes them, but in one transaction: ten thousand would wait for the disk ten thousand times. */
static lk_status fill(lk_copies *c, const lk_pdq *v, int64_t n, lk_error *err)
{
    typedef struct row { lk_pdq hash; float begin, end; uint8_t rest[8]; } row;
    static row rows[A_FILE];
    LK_TRY(lk_store_begin(c->db, err));
    lk_status s = LK_OK;
    for (int64_t i = 0; i < n && s == LK_OK; i += A_FILE) {
        int64_t id = i / A_FILE + 1, count = LK_MIN((int64_t)A_FILE, n - i);
        lk_hash hash = lk_hash_bytes(&i, sizeof i);
        for (int k = 0; k < count; k++) rows[k] = (row){.hash = v[i + k], .begin = (float)k, .end = (float)k};
        s = lk_store_run(c->db, err, NULL, "INSERT INTO file(id, hash, path, kind, manifest, watermark, created, duration)"
                         " VALUES(?1, ?2, 'clip', 'added', '', 0, 0, 100)", "ib", id, hash.b, (size_t)LK_HASH_BYTES);
        if (s == LK_OK)
            s = lk_store_run(c->db, err, NULL, "INSERT INTO look(file, hashes) VALUES(?1, ?2)", "ib", id, rows, (size_t)count * sizeof *rows);
    }
    if (s == LK_OK) s = lk_store_exec(c->db, "UPDATE state SET generation = generation + 1", err);
    return lk_store_end(c->db, s, err);
}

static lk_status measure_load(const char *dir, const lk_pdq *v, int64_t n, lk_copies_row_fn row, void *user, lk_error *err)
{
    lk_copies *c = NULL;
    lk_status s = lk_copies_open(dir, true, &c, err);
    if (s == LK_OK) s = fill(c, v, n, err);
    lk_copies_close(&c);
    double t = lk_now();
    if (s == LK_OK) s = lk_copies_open(dir, false, &c, err); /* the pages are checked */
    double open = lk_now() - t;
    t = lk_now();
    if (s == LK_OK) s = copies_load(c, err);
    double load = lk_now() - t;
    if (s == LK_OK && c->flat.count != n) s = LK_FAIL(err, LK_E_BUG, "%lld of %lld hashes came back", (long long)c->flat.count, (long long)n);
    lk_copies_close(&c);
    LK_TRY(s);
    LK_TRY(row(user, "registry", "opened and checked", open * 1e3, "ms", "", err));
    return row(user, "registry", "hashes loaded and indexed", load * 1e3, "ms", "< 1000", err);
}

lk_status lk_copies_eval_index(const char *dir, int64_t hashes, lk_copies_row_fn row, void *user, lk_error *err)
{
    lk_pdq *v = lk_alloc((size_t)LK_MAX(hashes, 1) * sizeof *v);
    if (!v) return copies_no_memory(err, "the bench of the index");
    lk_rng r = lk_rng_at(7, 1, 0, 0);
    for (int64_t i = 0; i < hashes; i++)
        for (int k = 0; k < 4; k++) v[i].w[k] = (uint64_t)lk_rng_u32(&r) << 32 | lk_rng_u32(&r);
    lk_status s = measure(v, hashes, row, user, err);
    if (s == LK_OK) s = measure_load(dir, v, hashes, row, user, err);
    lk_free(v);
    return s;
}
