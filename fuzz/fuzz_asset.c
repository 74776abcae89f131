/* fuzz_asset.c: bytes -> the readers of JPEG, PNG, WAV and MP4 and their hashes; what they accept must take a
 * new store, be read back with it, and not have changed around it. All in memory. */
#include <stdlib.h>

#include "mark/asset/impl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STORE = 4099 };

static const asset_format *const formats[C2PA_FORMATS] = {&asset_jpeg, &asset_png, &asset_riff, &asset_bmff};

static void must(bool good)
{
    if (!good) __builtin_trap();
}

/* A JUMBF box as far as asset/ looks into it. */
static void make_store(uint8_t *b)
{
    memset(b, 0x5a, STORE);
    put_be32(b, STORE);
    memcpy(b + 4, "jumb\0\0\0\x1ejumdc2pa", 16);
}

static void hash_boxes(const asset_source *src)
{
    static const uint8_t uuid[4] = {0xd8, 0xfe, 0xc3, 0xd6};
    c2pa_bmff_skip skip[6] = {
        {.xpath = "/uuid", .data = {{.offset = 8, .value = uuid, .n = 4}}, .data_count = 1},
        {.xpath = "/ftyp"},
        {.xpath = "/moov/trak/mdia/minf/stbl/stco", .has_version = true},
        {.xpath = "/moov/meta/iloc", .subset = {{4, 4}, {0, 0}}, .subset_count = 2},
        {.xpath = "/mdat", .subset = {{3, 5}, {UINT64_MAX, 9}, {6, UINT64_MAX}}, .subset_count = 3},
        {.xpath = "/mfra/tfra", .has_flags = true, .has_length = true, .length = 24}};
    c2pa_digest d;
    for (int n = 0; n <= 6; n += 3) asset_hash_bmff_source(src, skip, n, 3, "sha256", &d, NULL);
}

/* What is around the store of a file, or of several where they all were left out. */
static c2pa_digest hash_around(const asset_source *src, const c2pa_range *old, int count)
{
    c2pa_digest d;
    must(asset_hash_ranges_source(src, old, count, "sha256", &d, NULL) == LK_OK && d.n == 32);
    return d;
}

static void put_in(const asset_source *src, const asset_scan *sc)
{
    uint8_t store[STORE];
    asset_plan plan;
    c2pa_layout l;
    lk_error err;
    lk_status s = asset_plan_source(src, sc, STORE, &plan, &l, &err);
    must(s == LK_OK || s == LK_E_UNSUPPORTED || s == LK_E_FORMAT);
    if (s == LK_OK) {
        asset_sink k = {.name = "out", .fd = -1, .memory = malloc(l.file_size), .size = l.file_size};
        must(k.memory != NULL);
        must(asset_plan_write(&plan, src, &l, &k, &err) == LK_OK && k.at == l.file_size);
        make_store(store);
        k.at = l.hole.start;
        must(formats[l.format]->wrap(&k, &l, store, &err) == LK_OK &&
             k.at == l.hole.start + asset_room(l.format, STORE));

        asset_source out = {.name = "out", .fd = -1, .memory = k.memory, .size = k.size};
        asset_scan again;
        void *back;
        size_t n;
        must(asset_scan_source(&out, &again, &err) == LK_OK && again.l.stores == 1);
        must(again.l.hole.start == l.hole.start && again.l.hole.length == l.hole.length &&
             again.l.store_size == STORE);
        must(asset_read_source(&out, &again.l, &back, &n, &err) == LK_OK && n == STORE &&
             !memcmp(back, store, STORE));
        lk_free(back);
        if (l.format == C2PA_JPEG || l.format == C2PA_PNG) { /* the others have sizes and places to correct */
            c2pa_digest a = hash_around(src, sc->old, sc->old_count), b = hash_around(&out, &l.hole, 1);
            must(!memcmp(a.b, b.b, 32));
        } else if (l.format == C2PA_BMFF) {
            hash_boxes(&out);
        }
        free(k.memory);
    }
    asset_plan_clear(&plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    asset_source src = {.name = "in", .fd = -1, .memory = data, .size = size};
    asset_scan sc;
    void *store;
    size_t n;
    lk_error err;
    hash_boxes(&src);
    if (asset_scan_source(&src, &sc, &err) != LK_OK) return 0;
    if (sc.l.stores) {
        must(sc.l.hole.length <= size && sc.l.hole.start <= size - sc.l.hole.length &&
             sc.l.store_size < sc.l.hole.length);
        if (asset_read_source(&src, &sc.l, &store, &n, &err) == LK_OK) must(n == sc.l.store_size);
        lk_free(store);
    }
    put_in(&src, &sc);
    return 0;
}
