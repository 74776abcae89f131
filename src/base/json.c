/* json.c: JSON (RFC 8259), parsed strictly into an arena.
 *
 * Stricter than the RFC where two readers could disagree: duplicate keys,
 * embedded NUL, lone surrogates and invalid UTF-8 are refused. A signed text
 * must mean one thing.
 */
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

enum { MAX_DEPTH = 64, MAX_BYTES = 64 << 20 };

typedef struct parser {
    const char *begin, *p, *end;
    lk_arena *arena;
    lk_error *err;
} parser;

static lk_status fail(parser *ps, const char *what)
{
    return LK_FAIL(ps->err, LK_E_FORMAT, "the JSON text is damaged at byte %td: %s", ps->p - ps->begin, what);
}

static lk_status fail_memory(parser *ps)
{
    return LK_FAIL(ps->err, LK_E_NOMEM, "no memory for a JSON text of %td bytes", ps->end - ps->begin);
}

static void skip_space(parser *ps)
{
    while (ps->p < ps->end && (*ps->p == ' ' || *ps->p == '\t' || *ps->p == '\n' || *ps->p == '\r')) ps->p++;
}

/* --- UTF-8 ---------------------------------------------------------------- */

/* Length of the valid sequence at p (1 to 4), 0 when there is none (RFC 3629). */
static int utf8_length(const unsigned char *p, size_t left)
{
    if (left == 0) return 0;
    if (p[0] < 0x80) return 1;
    int n = p[0] >= 0xC2 && p[0] <= 0xDF   ? 2
            : (p[0] & 0xF0) == 0xE0        ? 3
            : p[0] >= 0xF0 && p[0] <= 0xF4 ? 4
                                           : 0;
    if (n == 0 || left < (size_t)n) return 0;
    for (int i = 1; i < n; i++)
        if ((p[i] & 0xC0) != 0x80) return 0;
    if (p[0] == 0xE0 && p[1] < 0xA0) return 0; /* longer than needed */
    if (p[0] == 0xED && p[1] > 0x9F) return 0; /* surrogate */
    if (p[0] == 0xF0 && p[1] < 0x90) return 0;
    if (p[0] == 0xF4 && p[1] > 0x8F) return 0; /* beyond U+10FFFF */
    return n;
}

static int utf8_put(char *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    int n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (int i = n - 1; i > 0; i--, c >>= 6) out[i] = (char)(0x80 | (c & 0x3F));
    out[0] = (char)(lead[n] | c);
    return n;
}

/* --- parsing -------------------------------------------------------------- */

static int hex4(const char *p, const char *end)
{
    if (end - p < 4) return -1;
    int v = 0;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        int d = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
        if (d < 0) return -1;
        v = v << 4 | d;
    }
    return v;
}

static lk_status parse_unicode_escape(parser *ps, char **out)
{
    int c = hex4(ps->p, ps->end);
    if (c < 0) return fail(ps, "\\u needs four hexadecimal digits");
    ps->p += 4;
    uint32_t code = (uint32_t)c;
    if (c >= 0xD800 && c <= 0xDBFF) {
        int low = ps->end - ps->p >= 6 && ps->p[0] == '\\' && ps->p[1] == 'u' ? hex4(ps->p + 2, ps->end) : -1;
        if (low < 0xDC00 || low > 0xDFFF) return fail(ps, "half of a surrogate pair");
        ps->p += 6;
        code = 0x10000 + ((uint32_t)(c - 0xD800) << 10) + (uint32_t)(low - 0xDC00);
    } else if (c >= 0xDC00 && c <= 0xDFFF) {
        return fail(ps, "half of a surrogate pair");
    }
    if (code == 0) return fail(ps, "an embedded NUL character");
    *out += utf8_put(*out, code);
    return LK_OK;
}

static lk_status parse_string(parser *ps, const char **result)
{
    ps->p++; /* the opening quote */
    const char *close = ps->p;
    while (close < ps->end && *close != '"') close += *close == '\\' && close + 1 < ps->end ? 2 : 1;
    if (close >= ps->end) return fail(ps, "a string without its closing quote");
    /* Unescaping never makes text longer. */
    char *buf = lk_arena_alloc(ps->arena, (size_t)(close - ps->p) + 1), *out = buf;
    if (!buf) return fail_memory(ps);
    while (ps->p < close) {
        unsigned char c = (unsigned char)*ps->p;
        if (c < 0x20) return fail(ps, "a control character inside a string");
        if (c != '\\') {
            int n = utf8_length((const unsigned char *)ps->p, (size_t)(close - ps->p));
            if (n == 0) return fail(ps, "bytes that are not UTF-8");
            memcpy(out, ps->p, (size_t)n);
            out += n;
            ps->p += n;
            continue;
        }
        static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
        char escape = ps->p[1];
        ps->p += 2;
        const char *at = escape ? strchr(from, escape) : NULL;
        if (at) *out++ = to[at - from];
        else if (escape == 'u') LK_TRY(parse_unicode_escape(ps, &out));
        else return fail(ps, "an unknown escape in a string");
    }
    ps->p = close + 1;
    *result = buf;
    return LK_OK;
}

static locale_t c_locale;

static void c_locale_make(void) { c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0); }

/* The program around the library may have chosen a locale with a decimal comma. */
static locale_t plain_locale(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, c_locale_make);
    return c_locale;
}

static bool skip_digits(parser *ps)
{
    const char *start = ps->p;
    while (ps->p < ps->end && *ps->p >= '0' && *ps->p <= '9') ps->p++;
    return ps->p > start;
}

static lk_status parse_number(parser *ps, double *result)
{
    const char *start = ps->p;
    char token[64];
    if (*ps->p == '-') ps->p++;
    if (ps->p < ps->end && *ps->p == '0') ps->p++;
    else if (!skip_digits(ps)) return fail(ps, "not a value");
    if (ps->p < ps->end && *ps->p == '.') {
        ps->p++;
        if (!skip_digits(ps)) return fail(ps, "a number without digits after its point");
    }
    if (ps->p < ps->end && (*ps->p == 'e' || *ps->p == 'E')) {
        ps->p++;
        if (ps->p < ps->end && (*ps->p == '+' || *ps->p == '-')) ps->p++;
        if (!skip_digits(ps)) return fail(ps, "a number without digits in its exponent");
    }
    size_t n = (size_t)(ps->p - start);
    if (n >= sizeof token) return fail(ps, "a number of more than 63 characters");
    memcpy(token, start, n);
    token[n] = '\0';
    locale_t plain = plain_locale();
    if (!plain) return fail_memory(ps);
    *result = strtod_l(token, NULL, plain);
    if (!isfinite(*result)) return fail(ps, "a number too large to hold");
    return LK_OK;
}

static lk_status parse_word(parser *ps, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(ps->end - ps->p) < n || memcmp(ps->p, word, n)) return fail(ps, "not a value");
    ps->p += n;
    return LK_OK;
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp((*(const lk_json *const *)a)->key, (*(const lk_json *const *)b)->key);
}

static lk_status refuse_duplicates(parser *ps, const lk_json *object)
{
    if (object->count < 2) return LK_OK;
    const lk_json **list = lk_alloc(object->count * sizeof *list);
    if (!list) return fail_memory(ps);
    size_t n = 0;
    for (const lk_json *c = object->child; c; c = c->next) list[n++] = c;
    qsort(list, n, sizeof *list, compare_keys);
    bool twice = false;
    for (size_t i = 1; i < n && !twice; i++) twice = !strcmp(list[i - 1]->key, list[i]->key);
    lk_free(list);
    return twice ? fail(ps, "an object that has the same key twice") : LK_OK;
}

static lk_status parse_value(parser *ps, int depth, lk_json *v);

/* The children of an array or object, up to the closing bracket. */
static lk_status parse_children(parser *ps, int depth, lk_json *v)
{
    const bool object = v->kind == LK_JSON_OBJECT;
    const char close = object ? '}' : ']';
    if (depth >= MAX_DEPTH) return fail(ps, "nested more than 64 deep");
    ps->p++;
    skip_space(ps);
    if (ps->p < ps->end && *ps->p == close) {
        ps->p++;
        return LK_OK;
    }
    lk_json **tail = &v->child;
    for (;;) {
        lk_json *c = lk_arena_alloc(ps->arena, sizeof *c);
        if (!c) return fail_memory(ps);
        skip_space(ps);
        if (object) {
            if (ps->p >= ps->end || *ps->p != '"') return fail(ps, "a key in quotes is missing");
            LK_TRY(parse_string(ps, &c->key));
            skip_space(ps);
            if (ps->p >= ps->end || *ps->p != ':') return fail(ps, "a ':' after a key is missing");
            ps->p++;
        }
        LK_TRY(parse_value(ps, depth + 1, c));
        *tail = c;
        tail = &c->next;
        v->count++;
        skip_space(ps);
        if (ps->p >= ps->end) return fail(ps, "the end comes too early");
        char mark = *ps->p;
        if (mark != ',' && mark != close)
            return fail(ps, object ? "',' or '}' is missing" : "',' or ']' is missing");
        ps->p++;
        if (mark == close) return object ? refuse_duplicates(ps, v) : LK_OK;
    }
}

static lk_status parse_value(parser *ps, int depth, lk_json *v)
{
    skip_space(ps);
    if (ps->p >= ps->end) return fail(ps, "the end comes too early");
    switch (*ps->p) {
    case '{': v->kind = LK_JSON_OBJECT; return parse_children(ps, depth, v);
    case '[': v->kind = LK_JSON_ARRAY; return parse_children(ps, depth, v);
    case '"': v->kind = LK_JSON_STRING; return parse_string(ps, &v->string);
    case 't':
        v->kind = LK_JSON_BOOL;
        v->number = 1;
        return parse_word(ps, "true");
    case 'f': v->kind = LK_JSON_BOOL; return parse_word(ps, "false");
    case 'n': v->kind = LK_JSON_NULL; return parse_word(ps, "null");
    default: v->kind = LK_JSON_NUMBER; return parse_number(ps, &v->number);
    }
}

lk_status lk_json_parse(const char *text, size_t len, lk_arena *arena, lk_json **out, lk_error *err)
{
    parser ps = {text, text, text + len, arena, err};
    *out = NULL;
    if (len > MAX_BYTES)
        return LK_FAIL(err, LK_E_RANGE, "a JSON text of %zu bytes is over the limit of 64 MiB", len);
    lk_json *root = lk_arena_alloc(arena, sizeof *root);
    if (!root) return fail_memory(&ps);
    LK_TRY(parse_value(&ps, 0, root));
    skip_space(&ps);
    if (ps.p < ps.end) return fail(&ps, "something follows the value");
    *out = root;
    return LK_OK;
}

/* --- looking things up ----------------------------------------------------- */

const lk_json *lk_json_get(const lk_json *object, const char *key)
{
    if (!object || object->kind != LK_JSON_OBJECT) return NULL;
    for (const lk_json *c = object->child; c; c = c->next)
        if (!strcmp(c->key, key)) return c;
    return NULL;
}

const char *lk_json_string(const lk_json *object, const char *key, const char *fallback)
{
    const lk_json *v = lk_json_get(object, key);
    return v && v->kind == LK_JSON_STRING ? v->string : fallback;
}

double lk_json_number(const lk_json *object, const char *key, double fallback)
{
    const lk_json *v = lk_json_get(object, key);
    return v && (v->kind == LK_JSON_NUMBER || v->kind == LK_JSON_BOOL) ? v->number : fallback;
}

/* --- writing ---------------------------------------------------------------- */

void lk_json_quote(lk_text *t, const char *s)
{
    const unsigned char *p = (const unsigned char *)s;
    size_t left = strlen(s);
    lk_text_addn(t, "\"", 1);
    while (left > 0) {
        int n = utf8_length(p, left);
        if (n == 0) {
            lk_text_addn(t, "\xEF\xBF\xBD", 3); /* U+FFFD */
            n = 1;
        } else if (*p == '"' || *p == '\\') {
            lk_text_add(t, "\\%c", *p);
        } else if (*p < 0x20 || *p == 0x7F) {
            lk_text_add(t, "\\u%04x", *p);
        } else {
            lk_text_addn(t, (const char *)p, (size_t)n);
        }
        p += n;
        left -= (size_t)n;
    }
    lk_text_addn(t, "\"", 1);
}

/* The shortest of 15 to 17 digits that reads back as the same double. */
void lk_json_add_number(lk_text *t, double x)
{
    char digits[40] = "null"; /* JSON has no infinity and no NaN */
    locale_t plain = plain_locale(), before = plain ? uselocale(plain) : (locale_t)0;
    for (int precision = 15; isfinite(x) && precision <= 17; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, x);
        if (strtod(digits, NULL) == x) break;
    }
    if (plain) uselocale(before);
    lk_text_add(t, "%s", digits);
}
