/* test_hostile.c: files that were made to hurt, and machines that fail: a status, never a crash, a leak or a
 * file descriptor left open. */
#include "fault.h"
#include "files.h"

static const char *const names[C2PA_FORMATS] = {"jpeg", "png", "wav", "bmff"};

/* A small file of the format with a store. */
static void make_signed(made *m, c2pa_format f)
{
    lk_error err = {0};
    c2pa_layout l;
    uint8_t *store = make_store(70, 9);
    make_small(m, f);
    CHECK_OK(c2pa_asset_reserve(save(m, "plain"), where("signed"), 70, &l, &err), &err);
    CHECK_OK(c2pa_asset_fill(where("signed"), &l, store, 70, &err), &err);
    void *b = NULL;
    CHECK_OK(lk_file_read(where("signed"), sizeof m->b, &b, &m->n, &err), &err);
    if (b) memcpy(m->b, b, m->n);
    lk_free(b);
    free(store);
}

/* Everything on bytes in memory, in a block of just that size so that a sanitizer sees every step outside. */
static lk_status all_calls(const uint8_t *b, size_t n)
{
    uint8_t *exact = malloc(n ? n : 1);
    if (!exact) abort();
    memcpy(exact, b, n);
    asset_source src = {.name = "memory", .fd = -1, .memory = exact, .size = n};
    asset_scan sc;
    asset_plan plan = {0};
    c2pa_layout l;
    c2pa_digest d;
    lk_error err = {0};
    void *store = NULL;
    size_t store_n;
    c2pa_bmff_skip skip[] = {{.xpath = "/uuid", .data = {{8, bmff_uuid, 16}}, .data_count = 1},
                             {.xpath = "/moov/trak/mdia"}};
    lk_status s = asset_scan_source(&src, &sc, &err), t;
    CHECK(s == LK_OK || s == LK_E_FORMAT || s == LK_E_UNSUPPORTED, "status %d: %s", (int)s, err.message);
    CHECK(s == LK_OK || err.message[0], "a failure without words");
    t = asset_hash_bmff_source(&src, skip, 2, 3, "sha256", &d, &err);
    CHECK(t == LK_OK || t == LK_E_FORMAT || t == LK_E_UNSUPPORTED, "hash: status %d: %s", (int)t,
          err.message);
    if (s == LK_OK) {
        t = asset_read_source(&src, &sc.l, &store, &store_n, &err);
        CHECK(t == LK_OK || t == LK_E_NOTFOUND || t == LK_E_FORMAT, "read: status %d: %s", (int)t,
              err.message);
        lk_free(store);
        t = asset_plan_source(&src, &sc, 100, &plan, &l, &err);
        CHECK(t == LK_OK || t == LK_E_FORMAT || t == LK_E_UNSUPPORTED, "plan: status %d: %s", (int)t,
              err.message);
        asset_sink k = {.name = "counted", .fd = -1};
        if (t == LK_OK)
            CHECK(asset_plan_write(&plan, &src, &l, &k, &err) == LK_OK && k.at == l.file_size, "%s",
                  err.message);
        asset_plan_clear(&plan);
    }
    free(exact);
    return s;
}

static void truncations(void)
{
    for (int f = 0; f < C2PA_FORMATS; f++) {
        make_signed(&file_a, (c2pa_format)f);
        CHECK_INT(all_calls(file_a.b, file_a.n), LK_OK);
        int accepted = 0;
        for (size_t n = 0; n < file_a.n; n++) accepted += all_calls(file_a.b, n) == LK_OK;
        /* A box file that ends between two boxes is one; the others say where they end. */
        CHECK(accepted == (f == C2PA_BMFF ? 3 : 0), "%s: %d cut files are taken for whole", names[f],
              accepted);
    }
}

/* Every 4 and 8 byte field, wherever it is, gets the values that break sums. */
static void edge_numbers(void)
{
    static const uint64_t edges[] = {0,
                                     1,
                                     7,
                                     8,
                                     15,
                                     16,
                                     0x7fffffff,
                                     0x80000000,
                                     0xfffffff7,
                                     0xfffffff8,
                                     0xffffffff,
                                     0x7fffffffffffffff,
                                     0xfffffffffffffff0,
                                     0xffffffffffffffff};
    for (int f = 0; f < C2PA_FORMATS; f++) {
        make_signed(&file_a, (c2pa_format)f);
        for (size_t at = 0; at + 8 <= file_a.n; at++)
            for (size_t e = 0; e < LK_COUNT(edges); e++)
                for (int way = 0; way < 4; way++) {
                    uint8_t kept[20];
                    size_t n = LK_MIN(file_a.n - at, sizeof kept);
                    memcpy(kept, file_a.b + at, n);
                    if (way == 0) put_be32(file_a.b + at, (uint32_t)edges[e]);
                    if (way == 1) put_le32(file_a.b + at, (uint32_t)edges[e]);
                    if (way == 2) put_be64(file_a.b + at, edges[e]);
                    if (way == 3 && n >= 16)
                        put_be32(file_a.b + at, 1), put_be64(file_a.b + at + 8, edges[e]);
                    all_calls(file_a.b, file_a.n);
                    memcpy(file_a.b + at, kept, n);
                }
    }
}

static void random_changes(void)
{
    lk_rng r = lk_rng_at(21, 0, 0, 0);
    for (int f = 0; f < C2PA_FORMATS; f++) {
        make_signed(&file_a, (c2pa_format)f);
        for (int i = 0; i < 4000; i++) {
            file_b.n = file_a.n;
            memcpy(file_b.b, file_a.b, file_a.n);
            for (uint32_t k = 1 + lk_rng_below(&r, 5); k > 0; k--) {
                uint32_t at = lk_rng_below(&r, (uint32_t)file_b.n),
                         from = lk_rng_below(&r, (uint32_t)file_b.n);
                uint32_t n = 1 + lk_rng_below(&r, (uint32_t)LK_MIN(file_b.n - LK_MAX(at, from), (size_t)12));
                switch (lk_rng_below(&r, 3)) {
                case 0: file_b.b[at] ^= (uint8_t)(1u << lk_rng_below(&r, 8)); break;
                case 1: memmove(file_b.b + at, file_b.b + from, n); break;
                default: file_b.b[at] = (uint8_t)(lk_rng_below(&r, 2) ? 0xff : 0);
                }
            }
            all_calls(file_b.b, file_b.n);
        }
    }
}

/* Nesting, counts, and what takes long. */
static void bombs(void)
{
    static const char *const nest[] = {"moov", "trak", "mdia", "minf", "stbl", "meta"};
    for (size_t k = 0; k < LK_COUNT(nest); k++) { /* one in another, 100 000 deep */
        ftyp(&file_a, "isom");
        size_t at = box_open(&file_a, "moov"), size = 800000;
        for (size_t left = size - 8; left >= 8; left -= 8) add_be(&file_a, left, 4), add(&file_a, nest[k], 4);
        put_be32(file_a.b + at, (uint32_t)size);
        c2pa_bmff_skip deep = {.xpath = "/moov/moov/moov/moov/moov/moov/moov/moov/moov/moov/moov/moov"};
        asset_source src = {.name = "memory", .fd = -1, .memory = file_a.b, .size = file_a.n};
        c2pa_digest d;
        CHECK_INT(all_calls(file_a.b, file_a.n), LK_OK);
        CHECK_INT(asset_hash_bmff_source(&src, &deep, 1, 3, "sha256", &d, NULL), LK_OK);
        asset_scan sc;
        asset_plan plan = {0};
        c2pa_layout l;
        lk_error err = {0};
        CHECK_OK(asset_scan_source(&src, &sc, &err), &err);
        CHECK_INT(asset_plan_source(&src, &sc, 100, &plan, &l, &err), LK_E_FORMAT);
        asset_plan_clear(&plan);
    }
    double before = lk_now();
    ftyp(&file_a, "isom"); /* more boxes than any file has */
    for (int i = 0; i < 70000; i++)
        add(&file_a,
            "\0\0\0\x08"
            "free",
            8);
    CHECK_INT(all_calls(file_a.b, file_a.n), LK_E_FORMAT);
    ftyp(&file_a, "isom"); /* as many as are taken, each with an own manifest */
    for (int i = 0; i < 300; i++) {
        size_t at = box_open(&file_a, "uuid");
        add(&file_a, bmff_uuid, 16);
        add(&file_a, "\0\0\0\0manifest\0\0\0\0\0\0\0\0\x55store", 26);
        box_close(&file_a, at);
    }
    CHECK_INT(all_calls(file_a.b, file_a.n), LK_E_FORMAT);
    png_start(&file_a);
    for (int i = 0; i < 300; i++) png_chunk(&file_a, "caBX", "store", 5);
    png_end(&file_a);
    CHECK_INT(all_calls(file_a.b, file_a.n), LK_E_FORMAT);
    png_start(
        &file_a); /* chunks without content; a table that claims 4e9 entries; a picture that is all markers */
    for (int i = 0; i < 170000; i++) add(&file_a, "\0\0\0\0tEXt\0\0\0\0", 12);
    png_end(&file_a);
    CHECK_INT(all_calls(file_a.b, file_a.n), LK_OK);
    for (int wide = 4; wide <= 8; wide += 4) {
        ftyp(&file_a, "isom");
        moov(&file_a, 0, 0, 100, wide, false);
        for (size_t i = 0; i < file_a.n; i++)
            if (tag_is(file_a.b + i, wide == 4 ? "stco" : "co64")) put_be32(file_a.b + i + 8, 0xffffffff);
        CHECK_INT(all_calls(file_a.b, file_a.n), LK_OK);
    }
    jpeg_start(&file_a, true);
    for (int i = 0; i < 300000; i++) add(&file_a, "\xff\xeb\0\2", 4);
    for (int i = 0; i < 300000; i++) add(&file_a, "\xff\xff", 2);
    add(&file_a, "\xd9", 1);
    CHECK_INT(all_calls(file_a.b, file_a.n), LK_OK);
    CHECK(lk_now() - before < 20, "%.1f s for a few small files", lk_now() - before);
}

/* --- faults
 * ----------------------------------------------------------------------------------------------------- */

static lk_status whole_way(const char *in, const char *out, const uint8_t *store, size_t n)
{
    lk_error err = {0};
    c2pa_layout l;
    void *back = NULL;
    size_t back_n = 0;
    c2pa_digest d;
    c2pa_bmff_skip skip = {.xpath = "/moov/trak/mdia/minf/stbl/stco"};
    lk_status s = c2pa_asset_reserve(in, out, n, &l, &err);
    if (s != LK_OK) {
        CHECK(l.stores == 0 && l.file_size == 0, "a layout comes with a failure");
        CHECK(strstr(err.message, in) || strstr(err.message, out), "no file is named: %s", err.message);
        return s;
    }
    LK_TRY(c2pa_asset_fill(out, &l, store, n, &err));
    LK_TRY(c2pa_asset_probe(out, &l, &err));
    s = c2pa_asset_read(out, &l, &back, &back_n, &err);
    CHECK((s == LK_OK) == (back != NULL) && (s != LK_OK || !memcmp(back, store, n)),
          "a store comes with a failure");
    lk_free(back);
    LK_TRY(s);
    s = c2pa_hash_ranges(out, &l.hole, 1, "sha256", &d, &err);
    CHECK((s == LK_OK) == (d.n == 32), "a hash comes with a failure");
    LK_TRY(s);
    if (l.format == C2PA_BMFF) s = c2pa_hash_bmff(out, &skip, 1, 3, "sha384", &d, &err);
    CHECK((s == LK_OK) == (d.n != 0), "a hash comes with a failure");
    return s;
}

static void faults(void)
{
    static const lk_fault_kind kinds[] = {LK_FAULT_ALLOC, LK_FAULT_READ, LK_FAULT_WRITE};
    uint8_t *store = make_store(65000, 2);
    for (int f = 0; f < C2PA_FORMATS; f++) {
        make_signed(&file_a, (c2pa_format)f);
        const char *in = save(&file_a, "in"), *out = where("out");
        const int open_before = count_entries("/proc/self/fd");
        for (size_t k = 0; k < LK_COUNT(kinds); k++)
            for (int sticky = 0; sticky < 2; sticky++)
                FAULT_LOOP(kinds[k], sticky, {
                    lk_status s = whole_way(in, out, store, 65000);
                    CHECK(fault_clean(s), "%s: status %d", names[f], (int)s);
                    CHECK_INT(count_entries("/proc/self/fd"), open_before);
                    unlink(out);
                });
        CHECK_INT(whole_way(in, out, store, 65000), LK_OK);
    }
    free(store);
}

/* The disk is full for real: /dev/full takes nothing. */
static void full_disk(void)
{
    lk_error err = {0};
    c2pa_layout l;
    make_small(&file_a, C2PA_PNG);
    CHECK_STATUS(c2pa_asset_reserve(save(&file_a, "in"), where("no/such/folder"), 100, &l, &err), LK_E_IO,
                 &err);
    lk_status s = c2pa_asset_reserve(where("in"), "/dev/full", 100, &l, &err);
    CHECK(s == LK_E_IO, "status %d: %s", (int)s, err.message);
}

static const check_test tests[] = {
    {"truncations", truncations},
    {"edge numbers", edge_numbers},
    {"random changes", random_changes},
    {"bombs", bombs},
    {"faults", faults},
    {"full disk", full_disk},
};

int main(int argc, char **argv)
{
    tempdir_make("hostile");
    return tempdir_remove(check_main(argc, argv, tests, LK_COUNT(tests)));
}
