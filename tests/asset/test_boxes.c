/* test_boxes.c: MP4, MOV and HEIF: every table of places still points to the same bytes after room was made,
 * and the hash of boxes is the one of the specification, worked out here a second time by hand. */
#include <sys/stat.h>

#include "base/digest.h"
#include "files.h"

static uint8_t *load(const char *path, size_t *n)
{
    void *b = NULL;
    lk_error err = {0};
    CHECK_OK(lk_file_read(path, (size_t)1 << 28, &b, n, &err), &err);
    return b;
}

/* Where a box of the type starts; from on. n when there is none. */
static size_t find_box(const uint8_t *b, size_t n, size_t from, const char *type)
{
    for (size_t i = from; i + 8 <= n; i++)
        if (tag_is(b + i + 4, type)) return i;
    return n;
}

static void put_in(const char *in, const char *out, size_t size)
{
    lk_error err = {0};
    c2pa_layout l;
    uint8_t *store = make_store(size, size);
    CHECK_OK(c2pa_asset_reserve(in, out, size, &l, &err), &err);
    CHECK_OK(c2pa_asset_fill(out, &l, store, size, &err), &err);
    CHECK_INT(l.file_size, lk_file_size(out));
    free(store);
}

/* --- places
 * --------------------------------------------------------------------------------------------------- */

enum { FTYP = 24, CHUNKS = 12, TRACKS = 3 };

static void add_c2pa(made *m, lk_rng *r)
{
    size_t at = box_open(m, "uuid");
    add(m, bmff_uuid, 16);
    add(m, "\0\0\0\0manifest\0\0\0\0\0\0\0\0\0", 21);
    add_noise(m, 40 + lk_rng_below(r, 300), 4);
    box_close(m, at);
}

/* Boxes in random order; three tracks, each of its own moov (readers of real files know one; for the tables
 * it is all the same), with chunks anywhere in the mdat boxes. */
static void make_random(made *m, uint64_t seed)
{
    lk_rng r = lk_rng_at(seed, 1, 0, 0);
    size_t data_at[16], data_n[16], moovs[TRACKS], tables = 0;
    int data = 0, placed = 0, width[TRACKS];
    static const uint8_t zeros[40];
    ftyp(m, lk_rng_below(&r, 2) ? "isom" : "qt  ");
    while (placed < TRACKS || data == 0) {
        switch (lk_rng_below(&r, 6)) {
        case 0: box(m, lk_rng_below(&r, 2) ? "free" : "skip", zeros, lk_rng_below(&r, 40)); break;
        case 1: add_c2pa(m, &r); break;
        case 2:
            if (placed == TRACKS) break;
            moovs[placed] = m->n;
            width[placed] = lk_rng_below(&r, 2) ? 4 : 8;
            moov(m, 0, 0, CHUNKS, width[placed++], false);
            break;
        default: {
            if (data == 15) break;
            bool large = lk_rng_below(&r, 4) == 0;
            size_t at = m->n, n = 4 + lk_rng_below(&r, 500);
            add_be(m, large ? 1 : n + 8, 4);
            add(m, "mdat", 4);
            if (large) add_be(m, n + 16, 8);
            data_at[data] = m->n, data_n[data++] = n;
            add_noise(m, n, at);
        }
        }
    }
    if (lk_rng_below(&r, 2)) { /* the last box has no size */
        add(m, "\0\0\0\0mdat", 8);
        data_at[data] = m->n, data_n[data++] = 100;
        add_noise(m, 100, seed);
    }
    for (int t = 0; t < TRACKS; t++) {
        tables = find_box(m->b, m->n, moovs[t], width[t] == 8 ? "co64" : "stco") + 16;
        for (int i = 0; i < CHUNKS; i++) {
            int d = (int)lk_rng_below(&r, (uint32_t)data);
            uint64_t place = data_at[d] + lk_rng_below(&r, (uint32_t)data_n[d] - 3);
            if (width[t] == 8) put_be64(m->b + tables + 8 * i, place);
            else put_be32(m->b + tables + 4 * i, (uint32_t)place);
        }
    }
}

static uint64_t place_of(const uint8_t *table, int i) /* table: at its box */
{
    return tag_is(table + 4, "co64") ? be64(table + 16 + 8 * i) : be32(table + 16 + 4 * i);
}

static size_t next_table(const uint8_t *b, size_t n, size_t from)
{
    size_t a = find_box(b, n, from, "stco"), c = find_box(b, n, from, "co64");
    return LK_MIN(a, c);
}

static void places_stay(void)
{
    for (uint64_t seed = 0; seed < 150; seed++) {
        make_random(&file_a, seed);
        put_in(save(&file_a, "in"), where("out"), seed % 5 ? 500 : 70000);
        size_t n = 0, at_a = 0, at_b = 0;
        uint8_t *b = load(where("out"), &n);
        for (int t = 0; b && t < TRACKS; t++) {
            at_a = next_table(file_a.b, file_a.n, at_a + 5), at_b = next_table(b, n, at_b + 5);
            for (int i = 0; at_a < file_a.n && at_b < n && i < CHUNKS; i++) {
                uint64_t p = place_of(file_a.b + at_a, i), q = place_of(b + at_b, i);
                CHECK(q + 4 <= n && !memcmp(file_a.b + p, b + q, 4),
                      "seed %d, table %d: place %d is now %llu of %zu", (int)seed, t, i,
                      (unsigned long long)q, n);
            }
            CHECK(at_a < file_a.n && at_b < n, "a table went");
        }
        /* One C2PA box is left, and it comes second. */
        c2pa_layout l;
        lk_error err = {0};
        CHECK_OK(c2pa_asset_probe(where("out"), &l, &err), &err);
        CHECK(l.stores == 1 && l.hole.start == FTYP, "%d stores, one at %d", l.stores, (int)l.hole.start);
        CHECK(find_box(b, n, 0, "uuid") == FTYP && find_box(b, n, FTYP + 5, "uuid") == n,
              "an old manifest is still there");
        lk_free(b);
    }
}

/* More than 4 GB, nearly all of it a hole. moov first: places that just fit no longer do, and the table must
 * become wider, which moves everything again. */
static void sparse_case(bool moov_first, bool sized, int width)
{
    const uint64_t big = 5ull << 30;
    const char *in = where("in"), *out = where("out");
    lk_error err = {0};
    c2pa_layout l;
    ftyp(&file_a, "isom");
    size_t table = 0, data = file_a.n;
    for (int turn = 0; turn < 2;
         turn++) { /* the place of the data depends on the size of what comes before */
        ftyp(&file_a, "isom");
        if (moov_first) moov(&file_a, data + 16, width == 8 ? 1ull << 30 : 1073741700, 5, width, false);
        data = file_a.n;
    }
    add_be(&file_a, sized ? 1 : 0, 4);
    add(&file_a, "mdat", 4);
    if (sized) add_be(&file_a, big, 8);
    const size_t head = file_a.n;
    if (!sized && moov_first) /* no 16 byte header: the places are 8 less */
        for (int i = 0; i < 5; i++) {
            table = next_table(file_a.b, file_a.n, 0) + 16;
            if (width == 8) put_be64(file_a.b + table + 8 * i, be64(file_a.b + table + 8 * i) - 8);
            else put_be32(file_a.b + table + 4 * i, be32(file_a.b + table + 4 * i) - 8);
        }
    save(&file_a, "in");
    FILE *f = fopen(in, "r+b");
    CHECK(f && truncate(in, (off_t)(data + big)) == 0, "no sparse file");
    if (!moov_first) {
        file_b.n = 0;
        moov(&file_b, head, width == 8 ? 1ull << 30 : 1073741700, 5, width, false);
        fseeko(f, (off_t)(data + big), SEEK_SET);
        fwrite(file_b.b, 1, file_b.n, f);
    }
    uint64_t place[5];
    for (int i = 0; i < 5; i++) { /* a mark at each place */
        const made *m = moov_first ? &file_a : &file_b;
        place[i] = place_of(m->b + next_table(m->b, m->n, 0), i);
        fseeko(f, (off_t)place[i], SEEK_SET);
        fprintf(f, "mark %d\n", i);
    }
    fclose(f);

    double before = lk_now();
    CHECK_OK(c2pa_asset_reserve(in, out, 1 << 20, &l, &err), &err);
    CHECK_OK(c2pa_asset_probe(out, &l, &err), &err);
    CHECK(lk_now() - before < 5, "making room in a hole took %.1f s", lk_now() - before);
    struct stat st = {0};
    CHECK(stat(out, &st) == 0 && (uint64_t)st.st_size > big && st.st_blocks < 1 << 14,
          "the hole was filled: %lld blocks", (long long)st.st_blocks);

    if (getenv("LIKENESS_TEST_LONG")) {
        c2pa_digest d;
        lk_hash whole;
        CHECK_OK(c2pa_hash_ranges(out, NULL, 0, "sha256", &d, &err), &err);
        CHECK_OK(lk_hash_file(out, &whole, &err), &err);
        CHECK(!memcmp(d.b, whole.b, sizeof whole.b), "two hashes of one large file");
    }

    f = fopen(out, "rb");
    uint8_t b[4096];
    size_t room = FTYP + 45 + (1 << 20);
    fseeko(f, moov_first ? (off_t)room : (off_t)(st.st_size - (off_t)file_b.n - 40), SEEK_SET);
    size_t n = fread(b, 1, sizeof b, f);
    size_t at = next_table(b, n, 0);
    CHECK(at < n && tag_is(b + at + 4, "co64"), "no table of places");
    for (int i = 0; at < n && i < 5; i++) {
        char mark[8] = "", want[24];
        snprintf(want, sizeof want, "mark %d\n", i);
        uint64_t p = place_of(b + at, i);
        fseeko(f, (off_t)p, SEEK_SET);
        CHECK(fread(mark, 1, 7, f) == 7 && !memcmp(mark, want, 7), "place %d is wrong: %llu", i,
              (unsigned long long)p);
    }
    if (moov_first && at < n) { /* the sizes of the boxes around a wider table */
        size_t end = find_box(b, n, 0, "mdat"), m = find_box(b, n, 0, "moov");
        CHECK(end < n && m + be32(b + m) == end, "moov has the wrong size");
        CHECK(end < n && be32(b + end) == 1 && be64(b + end + 8) == (sized ? big : big + 8),
              "mdat has the wrong size");
    }
    fclose(f);
    unlink(in), unlink(out);
}

static void sparse(void)
{
    for (int i = 0; i < 8; i++)
        if ((i & 2) || (i & 1)) sparse_case(i & 1, i & 2, i & 4 ? 8 : 4);
}

/* --- other tables
 * ------------------------------------------------------------------------------------------------ */

/* A HEIF file with three items: by extents, by base, and in idat, which is no place in the file. */
static void items(void)
{
    for (int version = 0; version < 3; version++)
        for (int base = 0; base < 9; base += 4) {
            ftyp(&file_a, "mif1");
            size_t meta = box_open(&file_a, "meta");
            add_be(&file_a, 0, 4);
            box(&file_a, "hdlr", "\0\0\0\0\0\0\0\0pict\0\0\0\0\0\0\0\0\0\0\0\0", 25);
            size_t iloc = box_open(&file_a, "iloc"), places[4];
            add_be(&file_a, (uint64_t)version << 24, 4);
            add_be(&file_a, 0x4400u | (unsigned)base << 4, 2);
            add_be(&file_a, 3, version < 2 ? 2 : 4);
            for (int i = 0; i < 3; i++) {
                add_be(&file_a, (unsigned)i + 1, version < 2 ? 2 : 4);
                if (version) add_be(&file_a, i == 2, 2); /* construction method */
                add_be(&file_a, 0, 2);
                add_be(&file_a, i == 1 && base ? 0x40 : 0, base);
                add_be(&file_a, i == 0 ? 2 : 1, 2);
                for (int e = 0; e < (i == 0 ? 2 : 1); e++) {
                    places[i + e + (i > 0)] = file_a.n;
                    add_be(&file_a, 0, 4);
                    add_be(&file_a, 4, 4);
                }
            }
            box_close(&file_a, iloc);
            box_close(&file_a, meta);
            size_t mdat = box_open(&file_a, "mdat");
            size_t data = file_a.n;
            add(&file_a, "item 1a item 1b item 2", 22);
            box_close(&file_a, mdat);
            put_be32(file_a.b + places[0], (uint32_t)data);
            put_be32(file_a.b + places[1], (uint32_t)data + 8);
            put_be32(file_a.b + places[2], (uint32_t)data + 16 - (base ? 0x40 : 0));
            put_be32(file_a.b + places[3], 7);
            put_in(save(&file_a, "in"), where("out"), 999);
            size_t n = 0, more = 45 + 999;
            uint8_t *b = load(where("out"), &n);
            CHECK_INT(n, file_a.n + more);
            static const char *const want[] = {"item 1a", "item 1b", "item 2"};
            for (int i = 0; b && i < 3; i++) {
                const uint8_t *p = b + places[i] + more;
                uint64_t add_base = 0;
                if (i == 2 && base) add_base = base == 4 ? be32(p - 6) : be64(p - 10);
                CHECK(be32(p) + add_base + 8 <= n + 2 &&
                          !memcmp(b + be32(p) + add_base, want[i], strlen(want[i])),
                      "version %d, base of %d bytes: item %d", version, base, i);
            }
            if (b)
                CHECK_INT(be32(b + places[3] + more),
                          7); /* in idat; or, as a place, inside ftyp, which stayed */
            lk_free(b);
        }
}

/* sidx counts from its own end; a C2PA box inside its spans goes. saio holds places like stco. */
static void index_and_auxiliary(void)
{
    lk_rng r = lk_rng_at(3, 0, 0, 0);
    for (int version = 0; version < 2; version++) {
        ftyp(&file_a, "isom");
        size_t sidx = box_open(&file_a, "sidx");
        add_be(&file_a, (uint64_t)version << 24, 4);
        add(&file_a, "\0\0\0\1\0\0\3\350", 8);
        add_be(&file_a, 0, version ? 8 : 4);
        size_t first = file_a.n;
        add_be(&file_a, 0, version ? 8 : 4);
        add_be(&file_a, 2, 4);
        size_t spans = file_a.n;
        add_noise(&file_a, 24, 3);
        box_close(&file_a, sidx);
        size_t anchor = file_a.n;
        add_c2pa(&file_a, &r);
        size_t one = file_a.n;
        box(&file_a, "mdat", "first", 5);
        size_t two = file_a.n;
        box(&file_a, "mdat", "2nd", 3);
        add_c2pa(&file_a, &r);
        size_t end = file_a.n;
        put_be32(file_a.b + first + (version ? 4 : 0), (uint32_t)(one - anchor));
        put_be32(file_a.b + spans, 0x80000000u | (uint32_t)(two - one));
        put_be32(file_a.b + spans + 12, (uint32_t)(end - two));
        put_in(save(&file_a, "in"), where("out"), 999);
        size_t n = 0;
        uint8_t *b = load(where("out"), &n);
        size_t at = find_box(b, n, FTYP, "sidx") - sidx;
        CHECK_INT(be32(b + at + first + (version ? 4 : 0)), 0);
        CHECK_INT(be32(b + at + spans), 0x80000000u | 13);
        CHECK_INT(be32(b + at + spans + 12), 11);
        lk_free(b);
        put_be32(file_a.b + spans + 12, 0x7fffffff);
        c2pa_layout l;
        lk_error err = {0};
        CHECK_STATUS(c2pa_asset_reserve(save(&file_a, "in"), where("out"), 999, &l, &err), LK_E_FORMAT, &err);
    }
    for (int version = 0; version < 4; version++) { /* bit 1: with the type of the auxiliary data */
        ftyp(&file_a, "isom");
        size_t m = box_open(&file_a, "moov"), t = box_open(&file_a, "trak"), d = box_open(&file_a, "mdia"),
               i = box_open(&file_a, "minf"), s = box_open(&file_a, "stbl"), saio = box_open(&file_a, "saio");
        add_be(&file_a, (uint64_t)(version & 1) << 24 | (version >> 1), 4);
        if (version & 2) add(&file_a, "cenc\0\0\0\0", 8);
        add_be(&file_a, 1, 4);
        size_t place = file_a.n + (version & 1 ? 4 : 0);
        add_be(&file_a, 0, version & 1 ? 8 : 4);
        box_close(&file_a, saio), box_close(&file_a, s), box_close(&file_a, i), box_close(&file_a, d),
            box_close(&file_a, t);
        box_close(&file_a, m);
        put_be32(file_a.b + place, (uint32_t)file_a.n + 9);
        box(&file_a, "mdat", " here", 5);
        put_in(save(&file_a, "in"), where("out"), 100);
        size_t n = 0;
        uint8_t *b = load(where("out"), &n);
        CHECK(b && be32(b + place + 145) + 4 <= n && !memcmp(b + be32(b + place + 145), "here", 4),
              "saio of version %d", version);
        lk_free(b);
    }
}

static void refused(void)
{
    lk_error err = {0};
    c2pa_layout l;
    static const struct {
        const char *type;
        lk_status want;
    } boxes[] = {{"moof", LK_E_UNSUPPORTED}, {"mfra", LK_E_UNSUPPORTED}, {"free", LK_OK}};
    for (size_t i = 0; i < LK_COUNT(boxes); i++) {
        make_small(&file_a, C2PA_BMFF);
        box(&file_a, boxes[i].type, "", 0);
        CHECK_OK(c2pa_asset_probe(save(&file_a, "in"), &l, &err), &err);
        CHECK_STATUS(c2pa_asset_reserve(where("in"), where("out"), 100, &l, &err), boxes[i].want, &err);
    }
    ftyp(&file_a, "qt  ");
    moov(&file_a, 100, 1, 3, 4, true); /* samples in another file */
    CHECK_STATUS(c2pa_asset_reserve(save(&file_a, "in"), where("out"), 100, &l, &err), LK_E_UNSUPPORTED,
                 &err);
    ftyp(&file_a, "qt  ");
    size_t at = box_open(&file_a, "moov");
    box(&file_a, "cmov", "compressed", 10);
    box_close(&file_a, at);
    CHECK_STATUS(c2pa_asset_reserve(save(&file_a, "in"), where("out"), 100, &l, &err), LK_E_UNSUPPORTED,
                 &err);
    /* Every byte of the header of C2PA's box counts: version, flags, purpose, place of a Merkle box. */
    for (size_t i = 0; i < 45; i++) {
        lk_rng r = lk_rng_at(1, 0, 0, 0);
        ftyp(&file_a, "isom");
        size_t start = file_a.n;
        add_c2pa(&file_a, &r);
        file_a.b[start + i] ^= 4;
        lk_status s = c2pa_asset_probe(save(&file_a, "in"), &l, &err);
        if (i >= 4 && i < 24)
            CHECK(s == LK_OK && l.stores == 0, "byte %zu: %d stores", i, l.stores); /* another kind of box */
        else CHECK(s == LK_E_FORMAT, "byte %zu of the header may be anything", i);
    }
    static const struct {
        const char *brand, *mime;
    } kinds[] = {{"isom", "video/mp4"},
                 {"mp42", "video/mp4"},
                 {"qt  ", "video/quicktime"},
                 {"M4A ", "audio/mp4"},
                 {"avif", "image/avif"}};
    for (size_t i = 0; i < LK_COUNT(kinds); i++) {
        ftyp(&file_a, kinds[i].brand);
        CHECK_OK(c2pa_asset_probe(save(&file_a, "in"), &l, &err), &err);
        CHECK_STR(l.mime, kinds[i].mime);
    }
}

/* --- the hash
 * ---------------------------------------------------------------------------------------------------------
 */

/* SHA of pieces given as (-1, place) for a place and (from, to) for bytes. */
static void by_hand(const made *m, const char *alg, const long (*piece)[2], int count, c2pa_digest *out)
{
    lk_digest *d;
    if (lk_digest_new(alg, &d) != LK_OK) abort();
    for (int i = 0; i < count; i++) {
        uint8_t place[8];
        put_be64(place, (uint64_t)piece[i][1]);
        if (piece[i][0] < 0) lk_digest_add(d, place, 8);
        else lk_digest_add(d, m->b + piece[i][0], (size_t)(piece[i][1] - piece[i][0]));
    }
    *out = (c2pa_digest){.n = lk_digest_size(alg)};
    lk_digest_finish(d, out->b);
}

static void same_hash(const made *m, const c2pa_bmff_skip *skip, int count, const long (*piece)[2],
                      int pieces, const char *what)
{
    static const char *const algs[] = {"sha256", "sha384", "sha512"};
    lk_error err = {0};
    for (int i = 0; i < 3; i++)
        for (int version = 2; version <= 3; version++) {
            c2pa_digest got, want;
            CHECK_OK(c2pa_hash_bmff(save(m, "in"), skip, count, version, algs[i], &got, &err), &err);
            by_hand(m, algs[i], piece, pieces, &want);
            CHECK(got.n == want.n && !memcmp(got.b, want.b, want.n), "%s, %s: another hash", what, algs[i]);
        }
}

static void hash_of_boxes(void)
{
    lk_rng r = lk_rng_at(2, 0, 0, 0);
    static const uint8_t version_one[] = {1, 0, 0, 5};
    ftyp(&file_a, "isom");
    long u = (long)file_a.n;
    add_c2pa(&file_a, &r);
    long f = (long)file_a.n;
    box(&file_a, "free", "twelve bytes", 12);
    long x = (long)file_a.n;
    box(&file_a, "uuid", "another sixteen, then more", 26);
    long m = (long)file_a.n;
    moov(&file_a, 7, 7, 3, 4, false);
    long d = (long)file_a.n;
    box(&file_a, "mdat", "samples", 7);
    long h = (long)file_a.n;
    box(&file_a, "mvhd", version_one, 4);
    long end = (long)file_a.n;
    long t = (long)find_box(file_a.b, file_a.n, 0, "trak"), s = (long)find_box(file_a.b, file_a.n, 0, "stco"),
         z = s + 16 + 12;
    c2pa_bmff_skip c2 = {.xpath = "/uuid", .data = {{8, bmff_uuid, 16}}, .data_count = 1},
                   ft = {.xpath = "/ftyp"}, none = {.xpath = "/mfra"};

    const long standard[][2] = {{-1, f}, {f, x},  {-1, x}, {x, m},  {-1, m},
                                {m, d},  {-1, d}, {d, h},  {-1, h}, {h, end}};
    same_hash(&file_a, (c2pa_bmff_skip[]){c2, ft, none}, 3, standard, 10, "standard");
    const long all[][2] = {{-1, 0}, {0, u},  {-1, u}, {u, f},  {-1, f}, {f, x},  {-1, x},
                           {x, m},  {-1, m}, {m, d},  {-1, d}, {d, h},  {-1, h}, {h, end}};
    same_hash(&file_a, NULL, 0, all, 14, "nothing left out");
    /* A nested box; its parent's place stays. A path that leads nowhere. */
    c2pa_bmff_skip nested = {.xpath = "/moov/trak/mdia/minf/stbl/stco"}, nowhere = {.xpath = "/moov/stbl"};
    const long no_stco[][2] = {{-1, f}, {f, x},  {-1, x}, {x, m},  {-1, m}, {m, s},
                               {z, d},  {-1, d}, {d, h},  {-1, h}, {h, end}};
    same_hash(&file_a, (c2pa_bmff_skip[]){c2, nested, ft, nowhere}, 4, no_stco, 11, "nested");
    /* Parts, out of order, overlapping, past the end, to the end; also from the very start of a box. */
    c2pa_bmff_skip parts = {.xpath = "/free",
                            .subset = {{10, 4}, {2, 3}, {4, 2}, {18, 99}, {5000, 1}, {20, 1}},
                            .subset_count = 6};
    const long without_parts[][2] = {{-1, 0},          {0, u},  {-1, f}, {f, f + 2}, {f + 6, f + 10},
                                     {f + 14, f + 18}, {-1, x}, {x, m},  {-1, m},    {m, d},
                                     {-1, d},          {d, h},  {-1, h}, {h, end}};
    same_hash(&file_a, (c2pa_bmff_skip[]){parts, c2}, 2, without_parts, 14, "parts");
    c2pa_bmff_skip rest = {.xpath = "/mdat", .subset = {{0, 0}}, .subset_count = 1};
    const long no_data[][2] = {{-1, f}, {f, x}, {-1, x}, {x, m}, {-1, m}, {m, d}, {-1, d}, {-1, h}, {h, end}};
    same_hash(&file_a, (c2pa_bmff_skip[]){c2, ft, rest}, 3, no_data, 9, "all of a box as a part");
    /* Conditions that do not hold: nothing more is left out. */
    c2pa_bmff_skip conditions[] = {
        {.xpath = "/free", .has_length = true, .length = 19},
        {.xpath = "/free",
         .data = {{8, (const uint8_t *)"twelve", 6}, {15, (const uint8_t *)"bytez", 5}},
         .data_count = 2},
        {.xpath = "/free",
         .data = {{15, (const uint8_t *)"bytes\0", 6}},
         .data_count = 1}, /* reaches out of the box */
        {.xpath = "/free", .data = {{UINT64_MAX, (const uint8_t *)"b", 1}}, .data_count = 1},
        {.xpath = "/free", .has_version = true, .version = 't'}, /* has none */
        {.xpath = "/mvhd", .has_version = true, .version = 0},
        {.xpath = "/mvhd", .has_flags = true, .flags = {0, 0, 4}, .flags_exact = true},
        {.xpath = "/mvhd", .has_flags = true, .flags = {0, 0, 2}},
        {.xpath = "/uuid", .has_version = true, .version = 'a'},
    };
    for (size_t i = 0; i < LK_COUNT(conditions); i++)
        same_hash(&file_a, (c2pa_bmff_skip[]){c2, ft, conditions[i]}, 3, standard, 10,
                  "a condition that does not hold");
    /* And ones that do. */
    c2pa_bmff_skip held[] = {
        {.xpath = "/mvhd", .has_length = true, .length = 12},
        {.xpath = "/mvhd", .has_version = true, .version = 1},
        {.xpath = "/mvhd", .has_flags = true, .flags = {0, 0, 5}, .flags_exact = true},
        {.xpath = "/mvhd", .has_flags = true, .flags = {0, 0, 4}, .has_version = true, .version = 1},
        {.xpath = "/mvhd", .data = {{8, version_one, 4}, {4, (const uint8_t *)"mvhd", 4}}, .data_count = 2},
    };
    for (size_t i = 0; i < LK_COUNT(held); i++)
        same_hash(&file_a, (c2pa_bmff_skip[]){c2, ft, held[i]}, 3, standard, 8, "a condition that holds");
    CHECK(t > 0, "no trak");

    lk_error err = {0};
    c2pa_digest out;
    static const char *const paths[] = {"/moov[1]/trak", "moov",        "/moo",    "/", "",
                                        "/moov/",        "/moov//trak", "/toolong"};
    for (size_t i = 0; i < LK_COUNT(paths); i++) {
        c2pa_bmff_skip odd = {0};
        snprintf(odd.xpath, sizeof odd.xpath, "%s", paths[i]);
        CHECK_STATUS(c2pa_hash_bmff(where("in"), &odd, 1, 3, "sha256", &out, &err), LK_E_UNSUPPORTED, &err);
    }
    CHECK_STATUS(c2pa_hash_bmff(where("in"), NULL, 0, 1, "sha256", &out, &err), LK_E_UNSUPPORTED, &err);
    CHECK_STATUS(c2pa_hash_bmff(where("in"), NULL, 0, 3, "sha1", &out, &err), LK_E_UNSUPPORTED, &err);
    size_t at = box_open(&file_a, "uuid");
    add(&file_a, bmff_uuid, 16);
    add(&file_a, "\0\0\0\0merkle\0map", 14);
    box_close(&file_a, at);
    CHECK_STATUS(c2pa_hash_bmff(save(&file_a, "in"), NULL, 0, 3, "sha256", &out, &err), LK_E_UNSUPPORTED,
                 &err);

    /* mfra is left out of every hash: only what belongs into it may be there. */
    static const struct {
        const char *type;
        size_t n;
        lk_status want;
    } in_mfra[] = {
        {"tfra", 16, LK_OK}, {"mfro", 8, LK_OK}, {"tfra", 0, LK_E_FORMAT}, {"free", 8, LK_E_FORMAT}};
    for (size_t i = 0; i < LK_COUNT(in_mfra); i++) {
        make_small(&file_a, C2PA_BMFF);
        at = box_open(&file_a, "mfra");
        box(&file_a, in_mfra[i].type, file_b.b, in_mfra[i].n);
        box_close(&file_a, at);
        CHECK_STATUS(c2pa_hash_bmff(save(&file_a, "in"), &none, 1, 3, "sha256", &out, &err), in_mfra[i].want,
                     &err);
    }

    /* A last box without a size ends with the file. */
    ftyp(&file_a, "isom");
    u = (long)file_a.n;
    add(&file_a, "\0\0\0\0mdat to the end", 19);
    const long open_end[][2] = {{-1, 0}, {0, u}, {-1, u}, {u, u + 19}};
    c2pa_bmff_skip mdat = {.xpath = "/mdat"};
    same_hash(&file_a, NULL, 0, open_end, 4, "a box without a size");
    same_hash(&file_a, &mdat, 1, open_end, 2, "a box without a size, left out");
}

static const check_test tests[] = {
    {"places stay", places_stay},
    {"sparse", sparse},
    {"items", items},
    {"index and auxiliary", index_and_auxiliary},
    {"refused", refused},
    {"hash of boxes", hash_of_boxes},
};

int main(int argc, char **argv)
{
    tempdir_make("boxes");
    return tempdir_remove(check_main(argc, argv, tests, LK_COUNT(tests)));
}
