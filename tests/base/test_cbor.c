/* test_cbor.c: what is written reads back; what is not strict is refused; examples of RFC 8949, appendix A. */
#include "base/cbor.h"
#include "check.h"
#include "fault.h"

static lk_arena *arena;
static lk_error err;

static size_t unhex(const char *hex, uint8_t *out)
{
    size_t n = strlen(hex) / 2;
    for (size_t i = 0; i < n; i++) {
        unsigned v = 0;
        sscanf(hex + 2 * i, "%2x", &v);
        out[i] = (uint8_t)v;
    }
    return n;
}

static lk_status parse(const char *hex, lk_cbor_rules rules, lk_cbor **out)
{
    /* a block of just that size, so that a sanitizer sees a byte read past its end */
    uint8_t *b = malloc(strlen(hex) / 2 + 1), *exact;
    size_t n = unhex(hex, b);
    exact = malloc(n ? n : 1);
    memcpy(exact, b, n);
    lk_status s = lk_cbor_parse(exact, n, rules, arena, out, &err);
    free(exact); /* of the tree, only numbers are looked at from here on */
    free(b);
    return s;
}

static void test_heads(void)
{
    static const struct { uint64_t v; const char *hex; } rows[] = {
        {0, "00"}, {23, "17"}, {24, "1818"}, {255, "18ff"}, {256, "190100"}, {65535, "19ffff"}, {65536, "1a00010000"},
        {UINT32_MAX, "1affffffff"}, {(uint64_t)UINT32_MAX + 1, "1b0000000100000000"}, {UINT64_MAX, "1bffffffffffffffff"}};
    for (size_t i = 0; i < LK_COUNT(rows); i++) {
        lk_bytes o = {0};
        uint8_t want[16];
        size_t n = unhex(rows[i].hex, want);
        lk_cbor_uint(&o, rows[i].v);
        CHECK(o.len == n && !memcmp(o.b, want, n), "row %zu", i);
        lk_cbor *c;
        CHECK_OK(lk_cbor_parse(o.b, o.len, LK_CBOR_STRICT, arena, &c, &err), &err);
        CHECK(c->kind == LK_CBOR_UINT && c->number == rows[i].v && c->size == n, "row %zu", i);
        lk_bytes_clear(&o);
    }
    static const int64_t ints[] = {0, -1, -24, -25, -256, -257, INT64_MIN, INT64_MAX};
    for (size_t i = 0; i < LK_COUNT(ints); i++) {
        lk_bytes o = {0};
        lk_cbor_int(&o, ints[i]);
        lk_cbor *c;
        CHECK_OK(lk_cbor_parse(o.b, o.len, LK_CBOR_STRICT, arena, &c, &err), &err);
        int64_t got = c->kind == LK_CBOR_NINT ? -1 - (int64_t)c->number : (int64_t)c->number;
        CHECK(got == ints[i], "%lld", (long long)got);
        lk_bytes_clear(&o);
    }
}

static void test_lengths(void)
{
    static const size_t sizes[] = {0, 1, 23, 24, 25, 255, 256, 257, 65535, 65536, 65537};
    for (size_t i = 0; i < LK_COUNT(sizes); i++) {
        lk_bytes o = {0}, body = {0};
        lk_bytes_zeros(&body, sizes[i]);
        lk_cbor_array(&o, 2);
        lk_cbor_bytes(&o, body.b, body.len);
        lk_cbor_textn(&o, (const char *)body.b, body.len);
        CHECK(!o.failed, "memory");
        lk_cbor *c;
        CHECK_OK(lk_cbor_parse(o.b, o.len, LK_CBOR_STRICT, arena, &c, &err), &err);
        CHECK_INT(c->child->number, sizes[i]);
        CHECK_INT(c->child->next->kind, LK_CBOR_TEXT);
        if (sizes[i]) CHECK(!lk_cbor_string(c->child->next, arena), "a text with NUL has no C string");
        for (size_t cut = 0; cut < o.len; cut += 1 + o.len / 300)
            CHECK_STATUS(lk_cbor_parse(o.b, cut, LK_CBOR_STRICT, arena, &c, &err), LK_E_FORMAT, &err);
        lk_bytes_clear(&o);
        lk_bytes_clear(&body);
    }
}

static void test_tree(void)
{
    lk_cbor *c;
    lk_bytes o = {0};
    lk_cbor_map(&o, 6);
    lk_cbor_text(&o, "a");
    lk_cbor_uint(&o, 1);
    lk_cbor_text(&o, "b");
    lk_cbor_array(&o, 2);
    lk_cbor_uint(&o, 2);
    lk_cbor_uint(&o, 3);
    lk_cbor_int(&o, -7);
    lk_cbor_bytes(&o, "\1", 1);
    lk_cbor_int(&o, 33);
    lk_cbor_tag(&o, 0);
    lk_cbor_text(&o, "x");
    lk_cbor_text(&o, "t");
    lk_cbor_bool(&o, true);
    lk_cbor_text(&o, "n");
    lk_cbor_null(&o);
    CHECK_OK(lk_cbor_parse(o.b, o.len, LK_CBOR_STRICT, arena, &c, &err), &err);
    CHECK_INT(c->number, 6);
    CHECK_INT(lk_cbor_get(c, "a")->number, 1);
    CHECK_INT(lk_cbor_get(c, "b")->child->next->number, 3);
    CHECK_INT(lk_cbor_get_int(c, -7)->kind, LK_CBOR_BYTES);
    CHECK_INT(lk_cbor_get_int(c, 33)->kind, LK_CBOR_TAG);
    CHECK_STR(lk_cbor_string(lk_cbor_get_int(c, 33)->child, arena), "x");
    CHECK_INT(lk_cbor_get(c, "t")->number, 1);
    CHECK_INT(lk_cbor_get(c, "n")->kind, LK_CBOR_NULL);
    CHECK(!lk_cbor_get(c, "z") && !lk_cbor_get_int(c, 7) && !lk_cbor_get(c->child, "a"), "absent keys");
    CHECK(c->start == o.b && c->size == o.len, "the encoded form is the whole buffer");
    lk_bytes_clear(&o);
}

static void test_names(void)
{
    static const struct { const char *in, *out; } rows[] = {{"", ""}, {"plain", "plain"}, {"M\xc3\xbcller", "M\xc3\xbcller"},
        {"M\xfcller", "M\xef\xbf\xbdller"}, {"\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd"}, {"a\xff", "a\xef\xbf\xbd"}};
    for (size_t i = 0; i < LK_COUNT(rows); i++) {
        lk_bytes o = {0};
        lk_cbor *c;
        lk_cbor_text(&o, rows[i].in);
        CHECK_OK(lk_cbor_parse(o.b, o.len, LK_CBOR_STRICT, arena, &c, &err), &err);
        CHECK_STR(lk_cbor_string(c, arena), rows[i].out);
        lk_bytes_clear(&o);
    }
}

static void test_floats(void)
{
    static const struct { const char *hex; double v; } rows[] = {
        {"f90000", 0}, {"f93c00", 1}, {"f93e00", 1.5}, {"f97bff", 65504}, {"fa47c35000", 100000}, {"f90001", 5.960464477539063e-8},
        {"f90400", 0.00006103515625}, {"f9c400", -4}, {"fb3ff199999999999a", 1.1}, {"fbc010666666666666", -4.1}};
    for (size_t i = 0; i < LK_COUNT(rows); i++) {
        lk_cbor *c;
        CHECK_OK(parse(rows[i].hex, LK_CBOR_STRICT, &c), &err);
        CHECK(c->kind == LK_CBOR_FLOAT && c->real == rows[i].v, "%s gives %g", rows[i].hex, c->real);
    }
    lk_bytes o = {0};
    lk_cbor_double(&o, 1.1);
    CHECK(o.len == 9 && o.b[0] == 0xfb && o.b[8] == 0x9a, "1.1");
    lk_bytes_clear(&o);
}

static void test_refused(void)
{
    static const struct { const char *hex; bool tolerated; } rows[] = {
        {"", false},                   /* nothing */
        {"0000", false},               /* a byte behind the item */
        {"1817", true},                /* 23 in two bytes */
        {"190017", true}, {"1a00000017", true}, {"1b0000000000000017", true}, {"580141", true},
        {"9fff", false},               /* indefinite array, string, map; a break alone */
        {"5fff", false}, {"bfff", false}, {"ff", false},
        {"1c", false}, {"1d", false}, {"1e", false}, /* reserved */
        {"f7", false}, {"f0", false}, {"f820", false}, /* undefined, unassigned simple values */
        {"6180", false}, {"62c080", false}, {"63eda080", false}, {"64f4908080", false}, {"61c3", false}, /* no UTF-8 */
        {"62e282", false},
        {"a2616101616102", false},     /* one key twice */
        {"a2010101" "02", false},
        {"a2" "1801" "01" "01" "02", false}, /* the same number, spelt in two ways */
        {"8201", false}, {"a101", false}, {"4201", false}, {"6261", false}, {"c0", false}, /* cut */
        {"9bffffffffffffffff", false}, {"bbffffffffffffffff", false}, {"5bffffffffffffffff", false}, /* sizes of doom */
        {"7bffffffffffffffff", false}, {"bb8000000000000000", false}};
    for (size_t i = 0; i < LK_COUNT(rows); i++) {
        lk_cbor *c = NULL;
        CHECK(parse(rows[i].hex, LK_CBOR_STRICT, &c) == LK_E_FORMAT && !c, "strict: %s", rows[i].hex);
        CHECK((parse(rows[i].hex, LK_CBOR_TOLERANT, &c) == LK_OK) == rows[i].tolerated, "tolerant: %s", rows[i].hex);
    }
}

static void test_limits(void)
{
    lk_bytes o = {0};
    lk_cbor *c;
    for (int i = 0; i < 31; i++) lk_cbor_array(&o, 1);
    lk_cbor_uint(&o, 0);
    CHECK_OK(lk_cbor_parse(o.b, o.len, LK_CBOR_STRICT, arena, &c, &err), &err);
    lk_bytes_clear(&o);
    for (int i = 0; i < 100000; i++) lk_bytes_u8(&o, i % 2 ? 0xc0 : 0x81);
    CHECK_STATUS(lk_cbor_parse(o.b, o.len, LK_CBOR_STRICT, arena, &c, &err), LK_E_FORMAT, &err);
    lk_bytes_clear(&o);

    lk_cbor_array(&o, 262143);
    lk_bytes_zeros(&o, 262143);
    CHECK_OK(lk_cbor_parse(o.b, o.len, LK_CBOR_STRICT, arena, &c, &err), &err);
    lk_bytes_clear(&o);
    lk_cbor_array(&o, 262144);
    lk_bytes_zeros(&o, 262144);
    CHECK_STATUS(lk_cbor_parse(o.b, o.len, LK_CBOR_STRICT, arena, &c, &err), LK_E_FORMAT, &err);
    lk_bytes_clear(&o);

    /* many keys, the last of them twice: found, and fast */
    for (int twice = 0; twice < 2; twice++) {
        lk_cbor_map(&o, 100000);
        for (uint64_t i = 0; i < 100000; i++) {
            lk_cbor_uint(&o, twice && i == 99999 ? 5 : 100000 - i);
            lk_cbor_null(&o);
        }
        double from = lk_now();
        CHECK_STATUS(lk_cbor_parse(o.b, o.len, LK_CBOR_STRICT, arena, &c, &err), twice ? LK_E_FORMAT : LK_OK, &err);
        CHECK(lk_now() - from < 2, "%.1f s", lk_now() - from);
        lk_bytes_clear(&o);
    }
}

static void test_memory(void)
{
    FAULT_LOOP(LK_FAULT_ALLOC, false, {
        lk_arena *a = NULL;
        lk_bytes o = {0};
        lk_cbor *c = NULL;
        lk_status s = lk_arena_new(&a, 4096);
        lk_cbor_map(&o, 100);
        for (uint64_t i = 0; i < 100; i++) {
            lk_cbor_uint(&o, i);
            lk_cbor_text(&o, "a value that takes some room");
        }
        if (s == LK_OK) s = o.failed ? LK_E_NOMEM : lk_cbor_parse(o.b, o.len, LK_CBOR_STRICT, a, &c, &err);
        CHECK(fault_clean(s), "status %d", (int)s);
        CHECK((s == LK_OK) == (c != NULL), "a tree comes with success only");
        lk_bytes_clear(&o);
        lk_arena_free(a);
    });
}

int main(int argc, char **argv)
{
    static const check_test tests[] = {
        {"heads", test_heads}, {"lengths", test_lengths}, {"tree", test_tree}, {"names", test_names}, {"floats", test_floats},
        {"refused", test_refused}, {"limits", test_limits}, {"memory", test_memory}};
    if (lk_arena_new(&arena, 1 << 16) != LK_OK) return 1;
    int rc = check_main(argc, argv, tests, LK_COUNT(tests));
    lk_arena_free(arena);
    return rc;
}
