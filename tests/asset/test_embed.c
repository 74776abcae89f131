/* test_embed.c: room is made, filled, found and read back; the rest of the file stays as it was. */
#include "files.h"

static const char *const names[C2PA_FORMATS] = {"jpeg", "png", "wav", "bmff"};

/* The bytes of out without the hole; in's first `head` bytes may differ (sizes, places). */
static void check_kept(const char *in, const char *out, const c2pa_layout *l, const char *what)
{
    c2pa_digest a, b;
    lk_error err = {0};
    CHECK_OK(c2pa_hash_ranges(in, NULL, 0, "sha256", &a, &err), &err);
    CHECK_OK(c2pa_hash_ranges(out, &l->hole, 1, "sha256", &b, &err), &err);
    CHECK(a.n == 32 && b.n == 32 && !memcmp(a.b, b.b, 32), "%s: the rest of the file changed", what);
}

static void round_trip(const char *in, size_t n, bool same_rest, const char *what)
{
    const char *out = where("out");
    lk_error err = {0};
    c2pa_layout l, seen;
    uint8_t *store = make_store(n, n);
    void *back = NULL;
    size_t back_n = 0;
    unlink(out);
    CHECK_OK(c2pa_asset_reserve(in, out, n, &l, &err), &err);
    CHECK_INT(l.file_size, lk_file_size(out));
    CHECK_INT(l.store_size, n);
    CHECK_OK(c2pa_asset_fill(out, &l, store, n, &err), &err);
    CHECK_OK(c2pa_asset_probe(out, &seen, &err), &err);
    CHECK(seen.stores == 1 && seen.hole.start == l.hole.start && seen.hole.length == l.hole.length &&
              seen.store_size == n && seen.file_size == l.file_size && seen.format == l.format && !strcmp(seen.mime, l.mime),
          "%s, %zu: the layout that was promised is not the one that is found", what, n);
    CHECK_OK(c2pa_asset_read(out, &seen, &back, &back_n, &err), &err);
    CHECK(back_n == n && back && !memcmp(back, store, n), "%s: a store of %zu bytes came back changed", what, n);
    if (same_rest) check_kept(in, out, &l, what);
    lk_free(back);
    free(store);
}

static const size_t sizes[] = {38, 39, 255, 256, 63999, 64000, 64001, 65535, 65536, 127999, 128000, 128001, 1 << 20};

static void every_size(void)
{
    for (int f = 0; f < C2PA_FORMATS; f++) {
        make_small(&file_a, (c2pa_format)f);
        const char *in = save(&file_a, names[f]);
        for (size_t i = 0; i < LK_COUNT(sizes); i++) round_trip(in, sizes[i], f == C2PA_JPEG || f == C2PA_PNG, names[f]);
    }
}

static const check_test tests[] = {{"every size", every_size}};

int main(int argc, char **argv)
{
    tempdir_make("asset");
    return tempdir_remove(check_main(argc, argv, tests, LK_COUNT(tests)));
}
