/* text.c: ids and canonical text. What is signed is one line of JSON with fixed
 * keys in fixed order, so that the same facts always give the same bytes. */
#include <stdio.h>
#include <string.h>

#include "consent/internal.h"

lk_status consent_no_memory(lk_error *err)
{
    return LK_FAIL(err, LK_E_NOMEM, "no memory for the consent registry; close other programs and try again");
}

lk_status new_id(char out[37], lk_error *err)
{
    uint8_t b[16];
    LK_TRY(lk_random_bytes(b, sizeof b, err));
    b[6] = (uint8_t)((b[6] & 0x0F) | 0x40); /* RFC 4122: version 4, its variant */
    b[8] = (uint8_t)((b[8] & 0x3F) | 0x80);
    char *p = out;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) *p++ = '-';
        p += snprintf(p, 3, "%02x", b[i]);
    }
    return LK_OK;
}

bool looks_like_id(const char *s)
{
    if (strlen(s) != 36) return false;
    for (int i = 0; i < 36; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? s[i] != '-' : !strchr("0123456789abcdef", s[i])) return false;
    }
    return true;
}

static void add_key(lk_text *t, const char *key)
{
    lk_text_addn(t, t->len == 0 ? "{" : ",", 1);
    lk_json_quote(t, key);
    lk_text_addn(t, ":", 1);
}

void pair_text(lk_text *t, const char *key, const char *value)
{
    add_key(t, key);
    lk_json_quote(t, value);
}

void pair_int(lk_text *t, const char *key, int64_t value)
{
    add_key(t, key);
    lk_text_add(t, "%lld", (long long)value);
}

void pair_hex(lk_text *t, const char *key, const void *data, size_t n)
{
    add_key(t, key);
    lk_text_addn(t, "\"", 1);
    for (size_t i = 0; i < n; i++) lk_text_add(t, "%02x", ((const uint8_t *)data)[i]);
    lk_text_addn(t, "\"", 1);
}

lk_status check_words(const char *what, const char *s, size_t cap, bool lines, lk_error *err)
{
    if (!s || !*s) return LK_FAIL(err, LK_E_ARG, "the %s is empty; give one", what);
    if (strlen(s) >= cap)
        return LK_FAIL(err, LK_E_RANGE, "the %s has %zu bytes; use at most %zu", what, strlen(s), cap - 1);
    if (*s == ' ' || s[strlen(s) - 1] == ' ')
        return LK_FAIL(err, LK_E_ARG, "the %s begins or ends with a space; leave it out", what);
    for (const char *p = s; *p; p++)
        if (((unsigned char)*p < 0x20 && !(lines && *p == '\n')) || *p == 0x7F)
            return LK_FAIL(err, LK_E_ARG, "the %s holds a control character; use plain text", what);
    for (const unsigned char *p = (const unsigned char *)s; *p; p++) /* U+202A..202E, U+2066..2069 */
        if (p[0] == 0xE2 && ((p[1] == 0x80 && p[2] >= 0xAA && p[2] <= 0xAE) ||
                             (p[1] == 0x81 && p[2] >= 0xA6 && p[2] <= 0xA9)))
            return LK_FAIL(err, LK_E_ARG,
                           "the %s turns the direction of writing by a hidden character; use plain text",
                           what);
    /* Quoting replaces what is not UTF-8, so reading back must give the same. */
    lk_text t = {0};
    lk_arena *arena = NULL;
    lk_json *v = NULL;
    lk_json_quote(&t, s);
    lk_status st = t.failed || lk_arena_new(&arena, 4096) != LK_OK ? consent_no_memory(err) : LK_OK;
    if (st == LK_OK) st = lk_json_parse(t.s, t.len, arena, &v, err);
    if (st == LK_OK && strcmp(v->string, s) != 0)
        st = LK_FAIL(err, LK_E_ARG, "the %s is not UTF-8 text; type it in a UTF-8 terminal", what);
    lk_arena_free(arena);
    lk_text_clear(&t);
    return st;
}
