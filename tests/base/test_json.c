/* test_json.c: what the JSON reader accepts, refuses and writes. */
#include <locale.h>

#include "base/base.h"
#include "check.h"
#include "fault.h"

static lk_status parse(const char *text, size_t n, lk_arena *a, lk_json **out)
{
    lk_error err = {0};
    lk_status s = lk_json_parse(text, n, a, out, &err);
    if (s != LK_OK && !*err.message) check_fail(__FILE__, __LINE__, "a refusal without a message");
    return s;
}

static void test_values(void)
{
    static const char text[] =
        " {\"a\": [1, -2.5e3, true, null, {}], \"b\": \"x\\n\\u00e9\\ud83d\\ude00\\\"\", \"\": 0} ";
    lk_arena *a = NULL;
    lk_json *v = NULL;
    lk_arena_new(&a, 4096);
    CHECK_INT(parse(text, strlen(text), a, &v), LK_OK);
    if (!v) return;
    CHECK_INT(v->kind, LK_JSON_OBJECT);
    CHECK_INT(v->count, 3);
    const lk_json *list = lk_json_get(v, "a");
    CHECK(list && list->count == 5 && list->child->next->number == -2500, "the list is wrong");
    CHECK_STR(lk_json_string(v, "b", "?"), "x\n\xC3\xA9\xF0\x9F\x98\x80\"");
    CHECK_STR(lk_json_string(v, "none", "fallback"), "fallback");
    CHECK_STR(lk_json_string(v, "a", "fallback"), "fallback");
    CHECK_NEAR(lk_json_number(v, "", 5), 0, 0);
    CHECK_NEAR(lk_json_number(v, "b", 5), 5, 0);
    CHECK(!lk_json_get(list, "a") && !lk_json_get(NULL, "a"), "not an object");
    lk_arena_free(a);
}

static void test_refusals(void)
{
    static const char *const bad[] = {
        "",
        " ",
        "{",
        "[",
        "[1",
        "[1,",
        "[1,]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{1:1}",
        "nul",
        "tru",
        "01",
        "+1",
        "-",
        "1.",
        ".5",
        "1e",
        "1e+",
        "0x10",
        "NaN",
        "Infinity",
        "1e999",
        "\"",
        "\"\\",
        "\"\\\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\\u0000\"",
        "\"\\ud800\"",
        "\"\\udc00\"",
        "\"\\ud800\\u0041\"",
        "\"\n\"",
        "1 2",
        "[1]]",
        "\"\x80\"",
        "\"\xC0\xAF\"",
        "\"\xE0\x80\x80\"",
        "\"\xED\xA0\x80\"",
        "\"\xF4\x90\x80\x80\"",
        "\"\xE2\x82\"",
        "{\"a\":1,\"a\":2}",
        "{\"a\":1,\"b\":2,\"\\u0061\":3}",
        "\xEF\xBB\xBF{}",
        "[1 2]",
        "{\"a\" 1}",
        "'a'",
        "/**/1",
        "1111111111111111111111111111111111111111111111111111111111111111111111"};
    lk_arena *a = NULL;
    lk_arena_new(&a, 4096);
    for (size_t i = 0; i < LK_COUNT(bad); i++) {
        lk_json *v = NULL;
        CHECK(parse(bad[i], strlen(bad[i]), a, &v) == LK_E_FORMAT, "accepted: %s", bad[i]);
    }
    lk_json *v = NULL;
    CHECK_INT(parse("\"a\0b\"", 5, a, &v), LK_E_FORMAT);
    char deep[200];
    for (int depth = 63; depth <= 66; depth++) {
        memset(deep, '[', (size_t)depth);
        memset(deep + depth, ']', (size_t)depth);
        CHECK_INT(parse(deep, (size_t)depth * 2, a, &v), depth <= 64 ? LK_OK : LK_E_FORMAT);
    }
    lk_arena_free(a);
}

/* Every cut and many single-byte changes: a clean answer, whatever it is. */
static void test_damage(void)
{
    static const char good[] =
        "{\"k\":[1.5,\"\\u20ac\",{\"x\":[true,false,null]},-0.1e-7],\"z\":\"\xE2\x82\xAC\"}";
    const size_t n = sizeof good - 1;
    lk_arena *a = NULL;
    lk_json *v = NULL;
    lk_arena_new(&a, 4096);
    for (size_t cut = 0; cut < n; cut++) {
        char *exact = lk_alloc(cut); /* a heap copy, so that a sanitiser sees one byte too far */
        memcpy(exact, good, cut);
        CHECK(parse(exact, cut, a, &v) == LK_E_FORMAT, "accepted %zu bytes", cut);
        lk_free(exact);
        lk_arena_clear(a);
    }
    lk_rng r = lk_rng_at(11, 0, 0, 0);
    for (int i = 0; i < 20000; i++) {
        char copy[sizeof good];
        memcpy(copy, good, sizeof good);
        for (int k = 0; k < 1 + i % 3; k++) copy[lk_rng_below(&r, (uint32_t)n)] = (char)lk_rng_u32(&r);
        lk_status s = parse(copy, n, a, &v);
        CHECK(s == LK_OK || s == LK_E_FORMAT, "status %d", (int)s);
        lk_arena_clear(a);
    }
    lk_arena_free(a);
}

static void test_writing(void)
{
    lk_text t = {0};
    lk_json_quote(&t, "a\"b\\c\n\x01\xC3\xA9\xFF");
    CHECK_STR(t.s, "\"a\\\"b\\\\c\\u000a\\u0001\xC3\xA9\xEF\xBF\xBD\"");
    lk_text_clear(&t);

    static const double numbers[] = {0,         1, -1.5, 0.1, 1.0 / 3, 1e300, 5e-324, 123456789012345678.0,
                                     1769853600};
    setlocale(LC_ALL, "de_DE.UTF-8"); /* where installed: a decimal comma must not leak in */
    lk_arena *a = NULL;
    lk_arena_new(&a, 4096);
    for (size_t i = 0; i < LK_COUNT(numbers); i++) {
        lk_json *v = NULL;
        lk_json_add_number(&t, numbers[i]);
        CHECK(parse(t.s, t.len, a, &v) == LK_OK && v->number == numbers[i], "%s is not %.17g", t.s,
              numbers[i]);
        lk_text_clear(&t);
    }
    setlocale(LC_ALL, "C");
    lk_json_add_number(&t, NAN);
    CHECK_STR(t.s, "null");
    lk_text_clear(&t);
    lk_json_add_number(&t, 0.1);
    CHECK_STR(t.s, "0.1");
    lk_text_clear(&t);
    lk_arena_free(a);
}

static void test_faults(void)
{
    static const char text[] = "{\"a\":[1,2,\"three\"],\"b\":{\"c\":null,\"d\":true}}";
    FAULT_LOOP(LK_FAULT_ALLOC, false, {
        lk_arena *a = NULL;
        lk_json *v = NULL;
        lk_status s = lk_arena_new(&a, 1);
        if (s == LK_OK) s = parse(text, strlen(text), a, &v);
        CHECK(fault_clean(s) && (s == LK_OK) == (v != NULL), "status %d", (int)s);
        lk_arena_free(a);
    });
}

static const check_test tests[] = {
    {"values", test_values},   {"refusals", test_refusals}, {"damage", test_damage},
    {"writing", test_writing}, {"faults", test_faults},
};
CHECK_MAIN(tests)
