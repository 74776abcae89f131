/* test_embed.c: room is made, filled, found and read back, in every format and its variants; the rest of the
 * file stays as it was; what only looks like a store, or like one store, is told apart. */
#include "base/digest.h"
#include "files.h"

static const char *const names[C2PA_FORMATS] = {"jpeg", "png", "wav", "bmff"};

static c2pa_layout look(const char *path)
{
    lk_error err = {0};
    c2pa_layout l;
    CHECK_OK(c2pa_asset_probe(path, &l, &err), &err);
    return l;
}

/* in's bytes without its old store are out's without its new one. */
static void check_kept(const char *in, const char *out, const char *what)
{
    c2pa_digest a, b;
    lk_error err = {0};
    c2pa_layout l = look(in), m = look(out);
    CHECK_OK(c2pa_hash_ranges(in, &l.hole, l.stores, "sha256", &a, &err), &err);
    CHECK_OK(c2pa_hash_ranges(out, &m.hole, 1, "sha256", &b, &err), &err);
    CHECK(a.n == 32 && b.n == 32 && !memcmp(a.b, b.b, 32), "%s: the rest of the file changed", what);
}

static void embed(const char *in, const char *out, size_t n, const char *what)
{
    lk_error err = {0};
    c2pa_layout l;
    uint8_t *store = make_store(n, n);
    void *back = NULL;
    size_t back_n = 0;
    CHECK_OK(c2pa_asset_reserve(in, out, n, &l, &err), &err);
    CHECK_INT(l.file_size, lk_file_size(out));
    CHECK_INT(l.store_size, n);
    CHECK_OK(c2pa_asset_fill(out, &l, store, n, &err), &err);
    c2pa_layout seen = look(out);
    CHECK(seen.stores == 1 && seen.hole.start == l.hole.start && seen.hole.length == l.hole.length &&
              seen.store_size == n && seen.file_size == l.file_size && seen.format == l.format &&
              !strcmp(seen.mime, l.mime),
          "%s, %zu: the layout that was promised is not the one that is found", what, n);
    CHECK_OK(c2pa_asset_read(out, &seen, &back, &back_n, &err), &err);
    CHECK(back_n == n && back && !memcmp(back, store, n), "%s: a store of %zu bytes came back changed", what,
          n);
    lk_free(back);
    free(store);
}

static const size_t sizes[] = {38,    39,    255,    256,    63999,  64000,  64001,
                               65535, 65536, 127999, 128000, 128001, 1 << 20};

static void every_size(void)
{
    for (int f = 0; f < C2PA_FORMATS; f++) {
        make_small(&file_a, (c2pa_format)f);
        const char *in = save(&file_a, names[f]), *out = where("out"), *again = where("again");
        CHECK_INT(look(in).stores, 0);
        for (size_t i = 0; i < LK_COUNT(sizes); i++) {
            embed(in, out, sizes[i], names[f]);
            if (f == C2PA_JPEG || f == C2PA_PNG) check_kept(in, out, names[f]);
            /* A new store takes the place of an old one: as if there had been none. */
            embed(out, again, 1000, names[f]);
            embed(in, out, 1000, names[f]);
            c2pa_digest a, b;
            lk_error err = {0};
            CHECK_OK(c2pa_hash_ranges(out, NULL, 0, "sha512", &a, &err), &err);
            CHECK_OK(c2pa_hash_ranges(again, NULL, 0, "sha512", &b, &err), &err);
            CHECK(a.n == 64 && !memcmp(&a, &b, sizeof a), "%s: something stays of an old store of %zu bytes",
                  names[f], sizes[i]);
        }
    }
}

static void random_sizes(void)
{
    lk_rng r = lk_rng_at(11, 0, 0, 0);
    for (int i = 0; i < 200; i++) {
        c2pa_format f = (c2pa_format)lk_rng_below(&r, C2PA_FORMATS);
        make_small(&file_a, f);
        embed(save(&file_a, names[f]), where("out"),
              ASSET_STORE_MIN + lk_rng_below(&r, 1u << (6 + lk_rng_below(&r, 12))), names[f]);
    }
}

static void wrong_calls(void)
{
    lk_error err = {0};
    c2pa_layout l;
    void *data;
    size_t n;
    uint8_t *store = make_store(100, 1);
    make_small(&file_a, C2PA_PNG);
    const char *in = save(&file_a, "in"), *out = where("out");
    CHECK_STATUS(c2pa_asset_reserve(in, out, 37, &l, &err), LK_E_ARG, &err);
    CHECK_STATUS(c2pa_asset_reserve(in, out, (size_t)C2PA_STORE_MAX + 1, &l, &err), LK_E_ARG, &err);
    CHECK_STATUS(c2pa_asset_reserve(in, in, 100, &l, &err), LK_E_ARG, &err);
    CHECK_INT(look(in).file_size, file_a.n);
    l = look(in);
    CHECK_STATUS(c2pa_asset_read(in, &l, &data, &n, &err), LK_E_NOTFOUND, &err);
    CHECK_OK(c2pa_asset_reserve(in, out, 100, &l, &err), &err);
    CHECK_STATUS(c2pa_asset_fill(out, &l, store, 99, &err), LK_E_ARG, &err);
    CHECK_STATUS(c2pa_asset_fill(in, &l, store, 100, &err), LK_E_STATE, &err);
    store[3]++;
    CHECK_STATUS(c2pa_asset_fill(out, &l, store, 100, &err), LK_E_ARG, &err);
    free(store);
    CHECK_STATUS(c2pa_asset_probe(where("nowhere"), &l, &err), LK_E_NOTFOUND, &err);
    CHECK_STATUS(c2pa_asset_probe(tempdir, &l, &err), LK_E_UNSUPPORTED, &err);
    CHECK_STATUS(c2pa_asset_probe("/dev/null", &l, &err), LK_E_UNSUPPORTED, &err);
    file_a.n = 0;
    CHECK_STATUS(c2pa_asset_probe(save(&file_a, "in"), &l, &err), LK_E_UNSUPPORTED, &err);
    CHECK_STATUS(c2pa_hash_ranges(out, NULL, 0, "md5", &(c2pa_digest){0}, &err), LK_E_UNSUPPORTED, &err);
    c2pa_range bad[][2] = {{{0, 0}, {5, 1}},
                           {{5, 2}, {6, 1}},
                           {{1, 1}, {file_b.n + 500, 1}},
                           {{9, 1}, {10, UINT64_MAX}},
                           {{9, 1}, {2, 1}}};
    for (size_t i = 0; i < LK_COUNT(bad); i++)
        CHECK_STATUS(c2pa_hash_ranges(out, bad[i], 2, "sha256", &(c2pa_digest){0}, &err), LK_E_FORMAT, &err);
}

/* FIPS 180-4's examples, and parts of a file against the same parts joined in memory. */
static void hashes(void)
{
    static const struct {
        const char *alg, *hex;
    } abc[] = {
        {"sha256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"sha384",
         "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"},
        {"sha512", "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                   "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"}};
    for (size_t i = 0; i < LK_COUNT(abc); i++) {
        uint8_t got[LK_DIGEST_MAX];
        char hex[2 * LK_DIGEST_MAX + 1];
        lk_digest *d;
        CHECK_INT(lk_digest_new(abc[i].alg, &d), LK_OK);
        lk_digest_add(d, "a", 1);
        lk_digest_add(d, "bc", 2);
        lk_digest_finish(d, got);
        for (size_t k = 0; k < lk_digest_size(abc[i].alg); k++) snprintf(hex + 2 * k, 3, "%02x", got[k]);
        CHECK_STR(hex, abc[i].hex);
    }
    CHECK_INT(lk_digest_size("sha1"), 0);
    CHECK_INT(lk_digest_size(NULL), 0);

    lk_rng r = lk_rng_at(31, 0, 0, 0);
    file_a.n = 0;
    add_noise(&file_a, 600000, 31); /* more than two blocks */
    const char *in = save(&file_a, "noise");
    for (int turn = 0; turn < 20; turn++) {
        c2pa_range skip[6];
        lk_error err = {0};
        c2pa_digest d;
        uint64_t at = 0;
        int count = 0;
        file_b.n = 0;
        for (; count < 6; count++) {
            uint64_t start = at + lk_rng_below(&r, turn % 2 ? 200000 : 3), n = 1 + lk_rng_below(&r, 100000);
            if (start + n > file_a.n) break;
            skip[count] = (c2pa_range){start, n};
            add(&file_b, file_a.b + at, start - at);
            at = start + n;
        }
        add(&file_b, file_a.b + at, file_a.n - at);
        lk_hash want = lk_hash_bytes(file_b.b, file_b.n);
        CHECK_OK(c2pa_hash_ranges(in, skip, count, "sha256", &d, &err), &err);
        CHECK(d.n == 32 && !memcmp(d.b, want.b, 32), "%d ranges: another hash than in memory", count);
    }
}

/* --- JPEG
 * ---------------------------------------------------------------------------------------------------- */

static void jpeg_box(made *m, unsigned instance, uint32_t z, const char *type, size_t n)
{
    uint8_t b[200] = {'J', 'P'};
    const size_t in_file = LK_MIN(n, 100);
    put_be16(b + 2, instance);
    put_be32(b + 4, z);
    put_be32(b + 8, (uint32_t)n);
    memcpy(b + 12, type, 4);
    jpeg_segment(m, 0xeb, b, 8 + in_file);
}

static void jpeg_variants(void)
{
    static const uint8_t thumbnail[] = "Exif\0\0II*\0\xff\xd8\xff\xdb\0\4\0\0\xff\xda\0\2\x11\xff\xd9";
    for (int v = 0; v < 48; v++) {
        bool jfif = v & 1, late_jfif = v & 2;
        jpeg_start(&file_a, jfif);
        if (v & 4) jpeg_segment(&file_a, 0xe1, thumbnail, sizeof thumbnail);
        if (late_jfif) jpeg_segment(&file_a, 0xe0, "JFXX\0\x10", 6);
        for (int i = 0; i < (v >> 3 & 1) * 5; i++)
            jpeg_segment(&file_a, (uint8_t)(0xe2 + i), "some profile", 12);
        if (v & 8) { /* of other kinds; the last is a stray part that could be one of ours */
            jpeg_box(&file_a, 1, 1, "MATN", 40);
            jpeg_box(&file_a, 0x211, 1, "jumb", 60);
            jpeg_box(&file_a, 0x211, 2, "jumb", v & 2 ? 70000 : 700);
        }
        if (v & 16) add(&file_a, "\xff\xff\xff", 3); /* fill bytes */
        jpeg_scans(&file_a, v & 32 ? 4 : 1);
        if (v & 8) add(&file_a, "after the end", 13);
        const char *in = save(&file_a, "in"), *out = where("out");
        CHECK_INT(look(in).stores, 0);
        embed(in, out, v & 2 ? 70000 : 700, "jpeg");
        check_kept(in, out, "jpeg");
        CHECK_INT(look(out).hole.start, jfif ? 20 : 2);
    }
}

/* A picture with a store in three segments that is wrong in one way. */
static void jpeg_misshapen(void)
{
    enum {
        RIGHT,
        START,
        GAP,
        NUMBER,
        INSTANCE,
        LBOX,
        TBOX,
        SHORT,
        LONG,
        SURPLUS,
        HUGE,
        TWO,
        TWO_SCANS,
        WAYS
    };
    static const char *const ways[] = {"right",
                                       "start",
                                       "gap",
                                       "number",
                                       "instance",
                                       "LBox",
                                       "TBox",
                                       "short",
                                       "long",
                                       "surplus",
                                       "huge",
                                       "two stores",
                                       "second store between scans"};
    for (int way = 0; way < WAYS; way++) {
        lk_error err = {0};
        c2pa_layout l;
        uint8_t *store = make_store(300, 5);
        jpeg_start(&file_a, true);
        for (int copy = 0; copy < 1 + (way >= TWO); copy++) {
            if (copy && way == TWO_SCANS) {
                jpeg_segment(&file_a, 0xda, "\1\1\0\0\77\0", 6);
                add(&file_a, "\x11\xff\0\x22", 4);
            }
            for (unsigned z = 1; z <= 3 + (way == SURPLUS); z++) {
                uint8_t seg[400] = {'J', 'P', 2, 0x11};
                size_t n = 8;
                put_be32(seg + 4, z);
                if (z == 3 && way == GAP) jpeg_segment(&file_a, 0xfe, "comment", 7);
                if (z == 1 && way == START) seg[5] = 8; /* some readers look at the low half only */
                if (z == 3 && way == NUMBER) seg[7] = 4;
                if (z == 3 && way == INSTANCE) seg[3]++;
                if (z > 1) memcpy(seg + n, store, 8), n += 8;
                if (z == 2 && way == LBOX) seg[11]++;
                if (z == 2 && way == TBOX) seg[12]++;
                size_t part = z > 3 ? 10 : 100;
                memcpy(seg + n, store + (z > 3 ? 0 : 100 * (z - 1)), part);
                if (z == 1 && way == HUGE) put_be32(seg + n, (uint32_t)C2PA_STORE_MAX + 1);
                if (z == 3 && way == SHORT) part--;
                if (z == 3 && way == LONG) part++;
                jpeg_segment(&file_a, 0xeb, seg, n + part);
            }
        }
        jpeg_scans(&file_a, 1);
        lk_status s = c2pa_asset_probe(save(&file_a, "in"), &l, &err);
        if (way == RIGHT || way >= TWO) {
            CHECK(s == LK_OK && l.stores == (way == RIGHT ? 1 : 2) && l.store_size == 300, "%s: %s",
                  ways[way], err.message);
            embed(where("in"), where("out"), 500, ways[way]); /* all old ones are gone */
        } else {
            CHECK(s == LK_E_FORMAT, "%s is accepted", ways[way]);
        }
        free(store);
    }
}

/* --- PNG
 * ------------------------------------------------------------------------------------------------------- */

static void png_variants(void)
{
    lk_error err = {0};
    uint8_t *store = make_store(99, 6);
    for (int v = 0; v < 16; v++) {
        png_start(&file_a);
        if (v & 1) png_chunk(&file_a, "tEXt", "Title\0what", 10);
        if (v & 2) png_chunk(&file_a, "iTXt", "XML:com.adobe.xmp\0\0\0\0\0<x/>", 26);
        if (v & 4) png_chunk(&file_a, "acTL", "\0\0\0\1\0\0\0\0", 8);
        if (v & 4) png_chunk(&file_a, "fcTL", store, 26);
        if (v & 8) png_chunk(&file_a, "IDAT", "", 0), png_chunk(&file_a, "fdAT", "\0\0\0\1", 4);
        png_end(&file_a);
        if (v & 8) add(&file_a, "after the end", 13);
        embed(save(&file_a, "in"), where("out"), 500, "png");
        check_kept(where("in"), where("out"), "png");
        CHECK_INT(look(where("out")).hole.start, 33);
    }
    png_start(&file_a);
    png_chunk(&file_a, "caBX", store, 99);
    png_end(&file_a);
    file_b = file_a;
    file_a.n -= 12;
    png_chunk(&file_a, "caBX", store, 99);
    png_chunk(&file_a, "IEND", "", 0);
    CHECK_INT(look(save(&file_a, "two")).stores, 2);
    embed(where("two"), where("out"), 50, "png with two stores");
    file_a = file_b;
    file_a.b[33 + 8 + 50] ^= 1;
    void *data = NULL;
    size_t n;
    c2pa_layout l = look(save(&file_a, "crc"));
    CHECK_STATUS(c2pa_asset_read(where("crc"), &l, &data, &n, &err), LK_E_FORMAT, &err);
    CHECK(!data, "a store with a wrong check sum is handed out");
    put_be32(file_a.b + 33, (uint32_t)C2PA_STORE_MAX + 1);
    CHECK_STATUS(c2pa_asset_probe(save(&file_a, "crc"), &l, &err), LK_E_FORMAT, &err);
    free(store);
}

/* --- WAV
 * ---------------------------------------------------------------------------------------------------------
 */

static void wav_variants(void)
{
    lk_error err = {0};
    c2pa_layout l;
    for (int v = 0; v < 64; v++) {
        size_t n = v & 1 ? 1001 : 1000, at;
        wav_start(&file_a);
        if (v & 2) wav_chunk(&file_a, "LIST", 33, true);
        if (v & 4) wav_chunk(&file_a, "C2PA", 55, true);
        at = file_a.n;
        bool last = !(v & 8), pad = !(v & 16) || !last; /* the pad byte of the last chunk is forgotten */
        wav_chunk(&file_a, "data", n, pad);
        if (!last) wav_chunk(&file_a, "LIST", 21, true);
        wav_end(&file_a);
        if (v & 32) add(&file_a, "after the end", 13);
        const char *in = save(&file_a, "in"), *out = where("out");
        CHECK_INT(look(in).stores, v & 4 ? 1 : 0);
        embed(in, out, v & 2 ? 100 : 101, "wav");
        l = look(out);
        void *b;
        size_t size;
        CHECK_OK(lk_file_read(out, 1 << 20, &b, &size, &err), &err);
        const uint64_t end =
            l.hole.start + l.hole.length + (v & 2 ? 0 : 1); /* the pad byte is no part of the hole */
        CHECK_INT(le32((uint8_t *)b + 4), end - 8);
        CHECK_INT(l.hole.start % 2, 0);
        CHECK_INT(l.hole.length, 8 + l.store_size);
        CHECK_INT(l.file_size, end + (v & 32 ? 13 : 0));
        size_t gone = v & 4 ? 64 : 0;
        CHECK(!memcmp((uint8_t *)b + at - gone, file_a.b + at, 8 + n), "the sound changed (%d)", v);
        lk_free(b);
    }
    for (int i = 0; i < 2; i++) {
        wav_start(&file_a);
        wav_chunk(&file_a, "data", 10, true);
        wav_end(&file_a);
        memcpy(file_a.b, i ? "BW64" : "RF64", 4);
        CHECK_STATUS(c2pa_asset_probe(save(&file_a, "in"), &l, &err), LK_E_UNSUPPORTED, &err);
    }
    memcpy(file_a.b,
           "FORM\0\0\0\x12"
           "AIFF",
           12);
    CHECK_STATUS(c2pa_asset_probe(save(&file_a, "in"), &l, &err), LK_E_UNSUPPORTED, &err);
    wav_start(&file_a);
    wav_chunk(&file_a, "C2PA", 50, true);
    wav_chunk(&file_a, "data", 10, true);
    wav_chunk(&file_a, "C2PA", 51, true);
    wav_end(&file_a);
    CHECK_INT(look(save(&file_a, "in")).stores, 2);
    embed(where("in"), where("out"), 50, "wav with two stores");

    /* Nearly 4 GB, most of it a hole: a manifest would be too much. */
    wav_start(&file_a);
    add(&file_a, "data", 4);
    add_le(&file_a, 0xffffffffu - 8 - 37 - 1000, 4);
    put_le32(file_a.b + 4, 0xffffffffu - 1001);
    const char *large = save(&file_a, "large");
    CHECK(truncate(large, 0xffffffffll - 1001 + 8) == 0, "no sparse file");
    CHECK_STATUS(c2pa_asset_reserve(large, where("out"), 2000, &l, &err), LK_E_UNSUPPORTED, &err);
    CHECK_OK(c2pa_asset_reserve(large, where("out"), 500, &l, &err), &err);
    unlink(large), unlink(where("out"));
}

static const check_test tests[] = {
    {"every size", every_size},       {"random sizes", random_sizes},
    {"wrong calls", wrong_calls},     {"hashes", hashes},
    {"jpeg variants", jpeg_variants}, {"jpeg misshapen", jpeg_misshapen},
    {"png variants", png_variants},   {"wav variants", wav_variants},
};

int main(int argc, char **argv)
{
    tempdir_make("asset");
    return tempdir_remove(check_main(argc, argv, tests, LK_COUNT(tests)));
}
