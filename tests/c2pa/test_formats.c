/* test_formats.c: the limits of the box format, and the padding of signatures. */
#include "asset/files.h"
#include "people.h"

static lk_arena *arena;
static lk_error err;

static lk_status parse(const lk_bytes *o)
{
    jumbf_box *b;
    uint8_t *exact = malloc(o->len ? o->len : 1); /* so that a sanitizer sees a byte read past its end */
    memcpy(exact, o->b, o->len);
    lk_status s = jumbf_parse(exact, o->len, arena, &b, &err);
    free(exact);
    return s;
}

static lk_bytes one(const char *label)
{
    lk_bytes o = {0};
    size_t at = jumbf_open(&o, "c2pa", label);
    jumbf_content(&o, "cbor", "\xa0", 1);
    jumbf_close(&o, at);
    return o;
}

static void test_box(void)
{
    lk_bytes o = one("label");
    jumbf_box *b = NULL;
    CHECK_OK(jumbf_parse(o.b, o.len, arena, &b, &err), &err);
    CHECK_STR(b->label, "label");
    CHECK(jumbf_is(b, "c2pa") && !jumbf_is(b, "c2ma") && b->children == 1, "one child");
    CHECK(jumbf_only(b, JUMBF_CBOR) && !jumbf_only(b, JUMBF_JSON) && b->child->n == 1 && b->child->data == o.b + o.len - 1, "its content");
    for (size_t cut = 0; cut < o.len; cut++) {
        lk_bytes part = {.b = o.b, .len = cut};
        CHECK_STATUS(parse(&part), LK_E_FORMAT, &err);
    }
    /* Every length, too small, too large, open-ended (0), large (1): */
    static const size_t lengths[] = {0, 8, 39};
    static const uint32_t values[] = {0, 1, 7, 9, 0x7fffffff, 0x80000000, 0xffffffff};
    for (size_t i = 0; i < LK_COUNT(lengths); i++) {
        uint8_t was[4];
        memcpy(was, o.b + lengths[i], 4);
        for (size_t k = 0; k < LK_COUNT(values); k++) {
            uint32_t same = (uint32_t)was[0] << 24 | (uint32_t)was[1] << 16 | (uint32_t)was[2] << 8 | was[3];
            if (values[k] == same) continue;
            put_be32(o.b + lengths[i], values[k]);
            CHECK_STATUS(parse(&o), LK_E_FORMAT, &err);
        }
        memcpy(o.b + lengths[i], was, 4);
    }
    for (int toggles = 0; toggles < 256; toggles++) {
        o.b[32] = (uint8_t)toggles;
        CHECK((parse(&o) == LK_OK) == (toggles == 3), "toggles %d", toggles);
    }
    lk_bytes_clear(&o);
    static const char *const labels[] = {"", "a b", "a/b", "a;b", "a?b", "a#b", "a\tb", "a\x7fz", "\xc3\xa4"};
    for (size_t i = 0; i < LK_COUNT(labels); i++) {
        o = one(labels[i]);
        CHECK_STATUS(parse(&o), LK_E_FORMAT, &err);
        lk_bytes_clear(&o);
    }
}

static void test_limits(void)
{
    for (int depth = 15; depth <= 17; depth++) {
        lk_bytes o = {0};
        size_t at[20];
        for (int i = 0; i < depth; i++) at[i] = jumbf_open(&o, "c2pa", "x");
        for (int i = depth; i-- > 0;) jumbf_close(&o, at[i]);
        CHECK((parse(&o) == LK_OK) == (depth <= 16), "depth %d", depth);
        lk_bytes_clear(&o);
    }
    for (int boxes = 4095; boxes <= 4097; boxes++) {
        lk_bytes o = {0};
        size_t at = jumbf_open(&o, "c2pa", "x");
        for (int i = 1; i < boxes; i++) jumbf_content(&o, "free", "", 0);
        jumbf_close(&o, at);
        CHECK((parse(&o) == LK_OK) == (boxes <= 4096), "%d boxes", boxes);
        lk_bytes_clear(&o);
    }
    lk_bytes deep = {0}; /* a hundred thousand openings */
    for (int i = 0; i < 100000; i++) jumbf_open(&deep, "c2pa", "x");
    for (size_t i = 0; i < 100000; i++) put_be32(deep.b + i * (deep.len / 100000), (uint32_t)(deep.len - i * (deep.len / 100000)));
    CHECK_STATUS(parse(&deep), LK_E_FORMAT, &err);
    lk_bytes_clear(&deep);
}

/* Whatever the entry takes, the map is as long as it must be, and holds nothing but zeros besides. */
static void test_padding(void)
{
    enum { TOTAL = 70000 };
    for (size_t n = 0; n <= TOTAL; n += n < 200 || (n > 4300 && n < 4600) || n > 69600 ? 1 : 97) {
        lk_bytes entry = {0}, body = {0}, o = {0};
        lk_cbor *c = NULL;
        lk_bytes_zeros(&body, n);
        lk_cbor_text(&entry, "x");
        lk_cbor_bytes(&entry, body.b, body.len);
        bool good = cose_fill(&o, &entry, TOTAL);
        CHECK(good == (entry.len + 6 <= TOTAL), "%zu", n);
        if (good) {
            CHECK(!o.failed && o.len == TOTAL, "an entry of %zu: %zu", entry.len, o.len);
            CHECK_OK(lk_cbor_parse(o.b, o.len, LK_CBOR_STRICT, arena, &c, &err), &err);
            CHECK(lk_cbor_get(c, "pad") && lk_cbor_get(c, "x")->number == n, "both are there");
            lk_arena_clear(arena);
        }
        lk_bytes_clear(&entry);
        lk_bytes_clear(&body);
        lk_bytes_clear(&o);
    }
    lk_bytes none = {0}, o = {0};
    CHECK(cose_fill(&o, &none, TOTAL) && o.len == TOTAL, "without an entry");
    lk_bytes_clear(&o);
}

int main(int argc, char **argv)
{
    static const check_test tests[] = {{"box", test_box}, {"limits", test_limits}, {"padding", test_padding}};
    if (lk_arena_new(&arena, 1 << 16) != LK_OK) return 1;
    int rc = check_main(argc, argv, tests, LK_COUNT(tests));
    lk_arena_free(arena);
    return rc;
}
