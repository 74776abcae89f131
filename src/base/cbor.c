/* cbor.c: CBOR (RFC 8949), written shortest and read strictly.
 *
 * A signed text must mean one thing, so whatever two readers could understand differently is refused:
 * indefinite lengths, duplicate keys, text that is no UTF-8, `undefined` and unknown simple values, bytes
 * behind the item.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cbor.h"

enum { MAX_DEPTH = 32, MAX_ITEMS = 262144, BLOCK = 32 };

/* Bytes of the valid UTF-8 sequence at p (RFC 3629: nothing longer than needed, no surrogates, nothing beyond
 * U+10FFFF); 0 when there is none. */
static size_t utf8_length(const uint8_t *p, size_t left)
{
    uint8_t c = p[0];
    size_t n = c < 0x80                 ? 1
               : c >= 0xc2 && c <= 0xdf ? 2
               : (c & 0xf0) == 0xe0     ? 3
               : c >= 0xf0 && c <= 0xf4 ? 4
                                        : 0;
    if (n == 0 || n > left) return 0;
    for (size_t k = 1; k < n; k++)
        if ((p[k] & 0xc0) != 0x80) return 0;
    if ((c == 0xe0 && p[1] < 0xa0) || (c == 0xed && p[1] > 0x9f) || (c == 0xf0 && p[1] < 0x90) ||
        (c == 0xf4 && p[1] > 0x8f))
        return 0;
    return n;
}

static bool is_utf8(const uint8_t *p, size_t n)
{
    for (size_t i = 0, k; i < n; i += k) {
        k = utf8_length(p + i, n - i);
        if (k == 0) return false;
    }
    return true;
}

/* --- writing ------------------------------------------------------------------------------ */

static bool reserve(lk_bytes *o, size_t n)
{
    if (o->failed) return false;
    if (n > PTRDIFF_MAX / 2 - o->len) return !(o->failed = true);
    if (o->len + n <= o->cap) return true;
    size_t cap = LK_MAX(o->len + n, LK_MAX(o->cap * 2, (size_t)256));
    uint8_t *b = lk_realloc(o->b, o->len, cap);
    if (!b) return !(o->failed = true);
    o->b = b;
    o->cap = cap;
    return true;
}

void lk_bytes_add(lk_bytes *o, const void *data, size_t n)
{
    if (n == 0 || !reserve(o, n)) return;
    memcpy(o->b + o->len, data, n);
    o->len += n;
}

void lk_bytes_zeros(lk_bytes *o, size_t n)
{
    if (n == 0 || !reserve(o, n)) return;
    memset(o->b + o->len, 0, n);
    o->len += n;
}

void lk_bytes_u8(lk_bytes *o, uint8_t v) { lk_bytes_add(o, &v, 1); }

void lk_bytes_be(lk_bytes *o, uint64_t v, int bytes)
{
    uint8_t b[8];
    for (int i = 0; i < 8; i++) b[i] = (uint8_t)(v >> (56 - 8 * i));
    lk_bytes_add(o, b + 8 - LK_CLAMP(bytes, 1, 8), (size_t)LK_CLAMP(bytes, 1, 8));
}

void lk_bytes_clear(lk_bytes *o)
{
    lk_free(o->b);
    *o = (lk_bytes){0};
}

/* The head of an item: major type in the top three bits, then the shortest form of v. */
static void head(lk_bytes *o, unsigned major, uint64_t v)
{
    unsigned m = major << 5;
    if (v < 24) {
        lk_bytes_u8(o, (uint8_t)(m | v));
        return;
    }
    int log = v <= UINT8_MAX ? 0 : v <= UINT16_MAX ? 1 : v <= UINT32_MAX ? 2 : 3;
    lk_bytes_u8(o, (uint8_t)(m | (24u + (unsigned)log)));
    lk_bytes_be(o, v, 1 << log);
}

void lk_cbor_uint(lk_bytes *o, uint64_t v) { head(o, 0, v); }

void lk_cbor_int(lk_bytes *o, int64_t v)
{
    if (v >= 0) head(o, 0, (uint64_t)v);
    else head(o, 1, (uint64_t)(-(v + 1)));
}

void lk_cbor_bytes(lk_bytes *o, const void *data, size_t n)
{
    head(o, 2, n);
    lk_bytes_add(o, data, n);
}

/* File names may hold any bytes; what a reader would refuse becomes U+FFFD. */
static void repaired_text(lk_bytes *o, const uint8_t *s, size_t n)
{
    lk_bytes good = {0};
    for (size_t i = 0, k; i < n; i += LK_MAX(k, (size_t)1)) {
        k = utf8_length(s + i, n - i);
        lk_bytes_add(&good, k ? (const void *)(s + i) : "\xef\xbf\xbd", k ? k : 3);
    }
    head(o, 3, good.len);
    lk_bytes_add(o, good.b, good.len);
    o->failed = o->failed || good.failed;
    lk_bytes_clear(&good);
}

void lk_cbor_textn(lk_bytes *o, const char *s, size_t n)
{
    if (!is_utf8((const uint8_t *)s, n)) {
        repaired_text(o, (const uint8_t *)s, n);
        return;
    }
    head(o, 3, n);
    lk_bytes_add(o, s, n);
}

void lk_cbor_text(lk_bytes *o, const char *s) { lk_cbor_textn(o, s, strlen(s)); }
void lk_cbor_array(lk_bytes *o, uint64_t count) { head(o, 4, count); }
void lk_cbor_map(lk_bytes *o, uint64_t pairs) { head(o, 5, pairs); }
void lk_cbor_tag(lk_bytes *o, uint64_t tag) { head(o, 6, tag); }
void lk_cbor_bool(lk_bytes *o, bool v) { lk_bytes_u8(o, v ? 0xf5 : 0xf4); }
void lk_cbor_null(lk_bytes *o) { lk_bytes_u8(o, 0xf6); }

void lk_cbor_double(lk_bytes *o, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, 8);
    lk_bytes_u8(o, 0xfb);
    lk_bytes_be(o, bits, 8);
}

/* --- reading ------------------------------------------------------------------------------ */

typedef struct reader {
    const uint8_t *begin, *p, *end;
    lk_cbor_rules rules;
    lk_arena *arena;
    lk_cbor
        *block; /* nodes not yet used; the arena gives 64-byte pieces, one node at a time would waste half */
    int left, items;
    lk_error *err;
} reader;

static lk_status fail(reader *r, const char *what)
{
    return LK_FAIL(r->err, LK_E_FORMAT, "the CBOR data is damaged at byte %td: %s", r->p - r->begin, what);
}

static lk_status fail_memory(reader *r)
{
    return LK_FAIL(r->err, LK_E_NOMEM, "no memory for CBOR data of %td bytes", r->end - r->begin);
}

static lk_status node(reader *r, lk_cbor **out)
{
    if (r->items >= MAX_ITEMS) return fail(r, "more than 262144 items");
    if (r->left == 0) {
        r->block = lk_arena_alloc(r->arena, BLOCK * sizeof *r->block);
        if (!r->block) return fail_memory(r);
        r->left = BLOCK;
    }
    r->left--;
    r->items++;
    *out = r->block++;
    return LK_OK;
}

static uint64_t be(const uint8_t *p, int n)
{
    uint64_t v = 0;
    for (int i = 0; i < n; i++) v = v << 8 | p[i];
    return v;
}

static lk_status read_head(reader *r, unsigned *major, unsigned *info, uint64_t *v)
{
    if (r->p >= r->end) return fail(r, "it ends early");
    uint8_t b = *r->p;
    *major = b >> 5;
    *info = b & 31u;
    *v = *info;
    if (*info < 24) {
        r->p++;
        return LK_OK;
    }
    if (*info > 27) return fail(r, *info == 31 ? "an indefinite length" : "a reserved head");
    int n = 1 << (*info - 24);
    if (r->end - r->p < 1 + n) return fail(r, "it ends early");
    *v = be(r->p + 1, n);
    bool longer = n == 1 ? *v < 24 : *v >> (n * 4) == 0;
    if (*major != 7 && longer && r->rules == LK_CBOR_STRICT) return fail(r, "a number longer than needed");
    r->p += 1 + n;
    return LK_OK;
}

/* IEEE 754 half precision, which C17 has no type for. */
static double half(uint64_t h)
{
    uint64_t sign = h >> 15, exponent = h >> 10 & 31, fraction = h & 1023;
    uint64_t bits;
    double v;
    if (exponent == 0) { /* zero and subnormal: fraction times 2^-24 */
        v = (double)fraction / 16777216.0;
        return sign ? -v : v;
    }
    bits = sign << 63 | (exponent == 31 ? (uint64_t)2047 : exponent - 15 + 1023) << 52 | fraction << 42;
    memcpy(&v, &bits, 8);
    return v;
}

static lk_status read_simple(reader *r, unsigned info, uint64_t v, lk_cbor *c)
{
    if (info == 20 || info == 21) {
        c->kind = LK_CBOR_BOOL;
        c->number = info - 20;
    } else if (info == 22) {
        c->kind = LK_CBOR_NULL;
    } else if (info >= 25 && info <= 27) {
        c->kind = LK_CBOR_FLOAT;
        if (info == 25) {
            c->real = half(v);
        } else if (info == 26) {
            float f;
            uint32_t bits = (uint32_t)v;
            memcpy(&f, &bits, 4);
            c->real = f;
        } else {
            memcpy(&c->real, &v, 8);
        }
    } else {
        return fail(r, "a simple value without a meaning");
    }
    return LK_OK;
}

/* Order of keys by meaning, so that two spellings of one number are found equal. */
static int compare_keys(const lk_cbor *a, const lk_cbor *b)
{
    if (a->kind != b->kind) return a->kind < b->kind ? -1 : 1;
    bool whole = a->kind >= LK_CBOR_ARRAY && a->kind != LK_CBOR_BOOL && a->kind != LK_CBOR_NULL;
    if (whole) { /* rare kinds of keys: by their bytes */
        int d = memcmp(a->start, b->start, LK_MIN(a->size, b->size));
        return d ? d : (a->size > b->size) - (a->size < b->size);
    }
    if (a->number != b->number) return a->number < b->number ? -1 : 1;
    if (a->kind == LK_CBOR_BYTES || a->kind == LK_CBOR_TEXT)
        return a->number ? memcmp(a->data, b->data, (size_t)a->number) : 0;
    return 0;
}

static int compare_slots(const void *a, const void *b)
{
    return compare_keys(*(const lk_cbor *const *)a, *(const lk_cbor *const *)b);
}

/* By sorting: a hostile map of 10^5 keys must not cost 10^10 comparisons. */
static lk_status check_unique(reader *r, const lk_cbor *map)
{
    if (map->number < 2) return LK_OK;
    if (map->number <= 16) {
        for (const lk_cbor *a = map->child; a; a = a->next)
            for (const lk_cbor *b = a->next; b; b = b->next)
                if (compare_keys(a->key, b->key) == 0) return fail(r, "a key that occurs twice in one map");
        return LK_OK;
    }
    size_t n = 0;
    const lk_cbor **keys = lk_alloc((size_t)map->number * sizeof *keys);
    if (!keys) return fail_memory(r);
    for (const lk_cbor *a = map->child; a; a = a->next) keys[n++] = a->key;
    qsort(keys, n, sizeof *keys, compare_slots);
    bool twice = false;
    for (size_t i = 1; i < n; i++) twice = twice || compare_keys(keys[i - 1], keys[i]) == 0;
    lk_free(keys);
    return twice ? fail(r, "a key that occurs twice in one map") : LK_OK;
}

static lk_status read_item(reader *r, int depth, lk_cbor **out);

static lk_status read_children(reader *r, lk_cbor *c, int depth)
{
    uint64_t per = c->kind == LK_CBOR_MAP ? 2 : 1, left = (uint64_t)(r->end - r->p);
    if (c->number > left / per)
        return fail(r, "more entries than bytes left"); /* each takes a byte at least */
    lk_cbor **link = &c->child;
    for (uint64_t i = 0; i < c->number; i++) {
        lk_cbor *key = NULL;
        if (c->kind == LK_CBOR_MAP) LK_TRY(read_item(r, depth + 1, &key));
        LK_TRY(read_item(r, depth + 1, link));
        (*link)->key = key;
        link = &(*link)->next;
    }
    return c->kind == LK_CBOR_MAP ? check_unique(r, c) : LK_OK;
}

static lk_status read_item(reader *r, int depth, lk_cbor **out)
{
    if (depth > MAX_DEPTH) return fail(r, "nested deeper than 32");
    lk_cbor *c = NULL;
    LK_TRY(node(r, &c));
    c->start = r->p;
    unsigned major = 0, info = 0;
    uint64_t v = 0;
    LK_TRY(read_head(r, &major, &info, &v));
    c->number = v;
    switch (major) {
    case 0: c->kind = LK_CBOR_UINT; break;
    case 1: c->kind = LK_CBOR_NINT; break;
    case 2:
    case 3:
        c->kind = major == 2 ? LK_CBOR_BYTES : LK_CBOR_TEXT;
        if (v > (uint64_t)(r->end - r->p)) return fail(r, "a string longer than what is left");
        c->data = r->p;
        if (major == 3 && !is_utf8(r->p, (size_t)v)) return fail(r, "text that is no UTF-8");
        r->p += v;
        break;
    case 4:
    case 5:
        c->kind = major == 4 ? LK_CBOR_ARRAY : LK_CBOR_MAP;
        LK_TRY(read_children(r, c, depth));
        break;
    case 6:
        c->kind = LK_CBOR_TAG;
        LK_TRY(read_item(r, depth + 1, &c->child));
        break;
    default: LK_TRY(read_simple(r, info, v, c));
    }
    c->size = (size_t)(r->p - c->start);
    *out = c;
    return LK_OK;
}

lk_status lk_cbor_parse(const void *data, size_t n, lk_cbor_rules rules, lk_arena *arena, lk_cbor **out,
                        lk_error *err)
{
    reader r = {.begin = data, .p = data, .rules = rules, .arena = arena, .err = err};
    r.end = n ? r.p + n : r.p;
    *out = NULL;
    lk_cbor *item = NULL;
    LK_TRY(read_item(&r, 1, &item));
    if (r.p != r.end) return fail(&r, "bytes behind its end");
    *out = item;
    return LK_OK;
}

/* --- looking around ----------------------------------------------------------------------- */

const lk_cbor *lk_cbor_get(const lk_cbor *map, const char *key)
{
    if (!map || map->kind != LK_CBOR_MAP) return NULL;
    for (const lk_cbor *v = map->child; v; v = v->next)
        if (lk_cbor_is_text(v->key, key)) return v;
    return NULL;
}

const lk_cbor *lk_cbor_get_int(const lk_cbor *map, int64_t key)
{
    if (!map || map->kind != LK_CBOR_MAP) return NULL;
    lk_cbor_kind kind = key < 0 ? LK_CBOR_NINT : LK_CBOR_UINT;
    uint64_t number = key < 0 ? (uint64_t)(-(key + 1)) : (uint64_t)key;
    for (const lk_cbor *v = map->child; v; v = v->next)
        if (v->key->kind == kind && v->key->number == number) return v;
    return NULL;
}

bool lk_cbor_is_text(const lk_cbor *v, const char *s)
{
    size_t n = strlen(s);
    return v && v->kind == LK_CBOR_TEXT && v->number == n && !memcmp(v->data, s, n);
}

const char *lk_cbor_string(const lk_cbor *v, lk_arena *arena)
{
    if (!v || v->kind != LK_CBOR_TEXT || (v->number && memchr(v->data, 0, (size_t)v->number))) return NULL;
    char *s = lk_arena_alloc(arena, (size_t)v->number + 1);
    if (s && v->number) memcpy(s, v->data, (size_t)v->number);
    return s;
}
