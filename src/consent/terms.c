/* terms.c: the terms of a record as bytes, and back. One table says every key; its rows stand in the order
 * that deterministic CBOR wants (RFC 8949 4.2.1: shorter keys first, then by byte), so writing is one pass.
 * Reading fills the struct and writes it again: only the very same bytes are a record. */
#include <string.h>

#include "consent/internal.h"

typedef enum kind { TEXT, FIXED, NUMBER, FLAG, HASH, KEY, WORD, SET, BANS, GRANTEES } kind;

typedef struct field {
    const char *key;
    kind kind;
    size_t at, cap;        /* place in the struct, and its bytes when a TEXT */
    const word_row *words; /* of a WORD or a SET */
    const char *fixed;     /* of a FIXED */
    bool lines;            /* a TEXT of several lines */
} field;

#define AT(member) offsetof(lk_consent_terms, member)
#define TEXT_ROW(key, member, ...)                                                                           \
    {                                                                                                        \
        key, TEXT, AT(member), sizeof((lk_consent_terms *)0)->member, __VA_ARGS__                            \
    }

static const word_row holders[] = {{1, "subject", NULL}, {0, "studio", NULL}, {0, NULL, NULL}};

static const field fields[] = {
    {"age", WORD, AT(age), .words = age_words},
    {"from", NUMBER, AT(from)},
    {"uses", SET, AT(uses), .words = use_words},
    {"quota", NUMBER, AT(quota)},
    {"until", NUMBER, AT(until)},
    {"duties", SET, AT(duties), .words = duty_words},
    TEXT_ROW("record", id),
    {"schema", FIXED, .fixed = "likeness-consent-2"},
    {"status", FIXED, .fixed = "kept in the log that studio_key signs"},
    TEXT_ROW("contact", contact),
    {"created", NUMBER, AT(created)},
    TEXT_ROW("project", project),
    TEXT_ROW("subject", subject),
    {"version", NUMBER, AT(version)},
    {"adult_at", NUMBER, AT(adult_at)},
    {"evidence", HASH, AT(evidence)},
    {"grantees", GRANTEES},
    {"personal", HASH, AT(personal)},
    {"previous", HASH, AT(previous)},
    {"assurance", WORD, AT(assurance), .words = assurance_words},
    {"forbidden", BANS},
    {"guardians", NUMBER, AT(guardians)},
    TEXT_ROW("statement", statement, .lines = true),
    TEXT_ROW("territory", territory),
    {"key_holder", WORD, AT(subject_holds_key), .words = holders},
    {"studio_key", KEY, AT(studio_key)},
    {"withdrawal", FIXED, .fixed = "at any time and without reasons; nothing is made once it is in the log"},
    {"subject_key", KEY, AT(subject_key)},
    TEXT_ROW("compensation", compensation),
    {"depicts_nobody", FLAG, AT(depicts_nobody)},
};

bool terms_hash_given(const lk_hash *h)
{
    static const lk_hash none;
    return memcmp(h, &none, sizeof none) != 0;
}

/* An enum or a bool of the struct: WORD fields are one or the other. */
static int64_t word_value(const lk_consent_terms *t, const field *f)
{
    if (f->at == AT(subject_holds_key)) return t->subject_holds_key;
    return f->at == AT(age) ? (int64_t)t->age : (int64_t)t->assurance;
}

static void set_word(lk_consent_terms *t, const field *f, int64_t value)
{
    if (f->at == AT(subject_holds_key)) t->subject_holds_key = value != 0;
    else if (f->at == AT(age)) t->age = (lk_age)value;
    else t->assurance = (lk_assurance)value;
}

/* --- writing ----------------------------------------------------------------------------- */

static lk_status write_set(const word_row *rows, const char *key, uint32_t set, lk_bytes *o, lk_error *err)
{
    uint64_t n = 0;
    if (set == 0 || (set & ~words_all(rows)))
        return LK_FAIL(err, LK_E_ARG, "a consent needs %s, at least one and only known ones", key);
    for (const word_row *w = rows; w->word; w++) n += (set & (uint32_t)w->value) != 0;
    lk_cbor_array(o, n);
    for (const word_row *w = rows; w->word; w++)
        if (set & (uint32_t)w->value) lk_cbor_text(o, w->word);
    return LK_OK;
}

static lk_status write_bans(const lk_consent_terms *t, lk_bytes *o, lk_error *err)
{
    uint64_t always = 0;
    if (t->ban_count < 0 || t->ban_count > LK_CONSENT_BANS)
        return LK_FAIL(err, LK_E_RANGE,
                       "a consent forbids at most %d things beyond those that are always "
                       "forbidden",
                       LK_CONSENT_BANS);
    for (const lk_ban *b = lk_consent_bans(); b->word; b++) always++;
    lk_cbor_array(o, always + (uint64_t)t->ban_count);
    for (const lk_ban *b = lk_consent_bans(); b->word; b++) lk_cbor_text(o, b->word);
    for (int i = 0; i < t->ban_count; i++) {
        LK_TRY(check_words("forbidden use", t->bans[i], sizeof t->bans[i], false, err));
        lk_cbor_text(o, t->bans[i]);
    }
    return LK_OK;
}

static lk_status write_grantees(const lk_consent_terms *t, lk_bytes *o, lk_error *err)
{
    if (t->grantee_count < 1 || t->grantee_count > LK_CONSENT_GRANTEES)
        return LK_FAIL(err, LK_E_RANGE, "a consent names 1 to %d grantees, not %d", LK_CONSENT_GRANTEES,
                       t->grantee_count);
    lk_cbor_array(o, (uint64_t)t->grantee_count);
    for (int i = 0; i < t->grantee_count; i++) {
        const lk_grantee *g = &t->grantees[i];
        LK_TRY(check_words("grantee's name", g->name, sizeof g->name, false, err));
        lk_cbor_map(o, 2);
        lk_cbor_text(o, "key");
        lk_cbor_bytes(o, g->key, sizeof g->key);
        lk_cbor_text(o, "name");
        lk_cbor_text(o, g->name);
    }
    return LK_OK;
}

static lk_status write_field(const lk_consent_terms *t, const field *f, lk_bytes *o, lk_error *err)
{
    const char *base = (const char *)t + f->at;
    int64_t number = 0;
    lk_hash hash;
    uint32_t set;
    bool flag;
    lk_cbor_text(o, f->key);
    switch (f->kind) {
    case TEXT:
        LK_TRY(check_words(f->key, base, f->cap, f->lines, err));
        lk_cbor_text(o, base);
        return LK_OK;
    case FIXED: lk_cbor_text(o, f->fixed); return LK_OK;
    case NUMBER:
        memcpy(&number, base, sizeof number);
        if (number < 0) return LK_FAIL(err, LK_E_RANGE, "a consent's %s is below zero", f->key);
        lk_cbor_uint(o, (uint64_t)number);
        return LK_OK;
    case FLAG:
        memcpy(&flag, base, sizeof flag);
        lk_cbor_bool(o, flag);
        return LK_OK;
    case HASH:
        memcpy(&hash, base, sizeof hash);
        if (terms_hash_given(&hash)) lk_cbor_bytes(o, hash.b, sizeof hash.b);
        else lk_cbor_null(o);
        return LK_OK;
    case KEY: lk_cbor_bytes(o, base, LK_SIGN_PUBLIC); return LK_OK;
    case WORD: {
        const char *word = word_of(f->words, word_value(t, f));
        if (!*word) return LK_FAIL(err, LK_E_ARG, "a consent's %s is no known word", f->key);
        lk_cbor_text(o, word);
        return LK_OK;
    }
    case SET: memcpy(&set, base, sizeof set); return write_set(f->words, f->key, set, o, err);
    case BANS: return write_bans(t, o, err);
    case GRANTEES: return write_grantees(t, o, err);
    }
    return LK_FAIL(err, LK_E_BUG, "a field of no kind");
}

lk_status lk_consent_encode(const lk_consent_terms *t, lk_bytes *out, lk_error *err)
{
    lk_cbor_map(out, LK_COUNT(fields));
    for (size_t i = 0; i < LK_COUNT(fields); i++) LK_TRY(write_field(t, &fields[i], out, err));
    return out->failed ? consent_no_memory(err) : LK_OK;
}

/* --- reading: whatever does not fit is left out here, and then the bytes differ ------------- */

static bool copy_text(const lk_cbor *v, char *out, size_t cap)
{
    if (!v || v->kind != LK_CBOR_TEXT || v->number >= cap || memchr(v->data, 0, v->number)) return false;
    memcpy(out, v->data, v->number);
    out[v->number] = '\0';
    return true;
}

static bool copy_bytes(const lk_cbor *v, void *out, size_t n)
{
    if (!v || v->kind != LK_CBOR_BYTES || v->number != n) return false;
    memcpy(out, v->data, n);
    return true;
}

static bool read_set(const lk_cbor *v, const word_row *rows, uint32_t *set)
{
    *set = 0;
    if (!v || v->kind != LK_CBOR_ARRAY) return false;
    for (const lk_cbor *e = v->child; e; e = e->next) {
        int64_t one;
        if (e->kind != LK_CBOR_TEXT || !word_find(rows, (const char *)e->data, e->number, &one)) return false;
        *set |= (uint32_t)one;
    }
    return true;
}

static bool read_bans(const lk_cbor *v, lk_consent_terms *t)
{
    if (!v || v->kind != LK_CBOR_ARRAY) return false;
    const lk_cbor *e = v->child;
    for (const lk_ban *b = lk_consent_bans(); b->word; b++, e = e->next)
        if (!e || !lk_cbor_is_text(e, b->word)) return false;
    for (; e; e = e->next) {
        if (t->ban_count == LK_CONSENT_BANS || !copy_text(e, t->bans[t->ban_count], sizeof t->bans[0]))
            return false;
        t->ban_count++;
    }
    return true;
}

static bool read_grantees(const lk_cbor *v, lk_consent_terms *t)
{
    if (!v || v->kind != LK_CBOR_ARRAY) return false;
    for (const lk_cbor *e = v->child; e; e = e->next) {
        if (t->grantee_count == LK_CONSENT_GRANTEES) return false;
        lk_grantee *g = &t->grantees[t->grantee_count++];
        if (!copy_bytes(lk_cbor_get(e, "key"), g->key, sizeof g->key) ||
            !copy_text(lk_cbor_get(e, "name"), g->name, sizeof g->name))
            return false;
    }
    return true;
}

static bool read_field(const lk_cbor *map, const field *f, lk_consent_terms *t)
{
    const lk_cbor *v = lk_cbor_get(map, f->key);
    char *base = (char *)t + f->at;
    int64_t value;
    uint32_t set;
    if (!v) return false;
    switch (f->kind) {
    case TEXT: return copy_text(v, base, f->cap);
    case FIXED: return lk_cbor_is_text(v, f->fixed);
    case NUMBER:
        if (v->kind != LK_CBOR_UINT || v->number > INT64_MAX) return false;
        value = (int64_t)v->number;
        memcpy(base, &value, sizeof value);
        return true;
    case FLAG: t->depicts_nobody = v->number != 0; return v->kind == LK_CBOR_BOOL;
    case HASH: return v->kind == LK_CBOR_NULL || copy_bytes(v, base, sizeof(lk_hash));
    case KEY: return copy_bytes(v, base, LK_SIGN_PUBLIC);
    case WORD:
        if (v->kind != LK_CBOR_TEXT || !word_find(f->words, (const char *)v->data, v->number, &value))
            return false;
        set_word(t, f, value);
        return true;
    case SET:
        if (!read_set(v, f->words, &set)) return false;
        memcpy(base, &set, sizeof set);
        return true;
    case BANS: return read_bans(v, t);
    case GRANTEES: return read_grantees(v, t);
    }
    return false;
}

lk_status lk_consent_decode(const void *data, size_t n, lk_consent_terms *out, lk_error *err)
{
    lk_error why;
    lk_arena *arena = NULL;
    lk_cbor *map = NULL;
    lk_bytes again = {0};
    memset(out, 0, sizeof *out);
    if (n > CONSENT_RECORD_MAX)
        return LK_FAIL(err, LK_E_FORMAT, "a consent record of %zu bytes is longer than any", n);
    if (lk_arena_new(&arena, 16384) != LK_OK) return consent_no_memory(err);
    lk_status s = lk_cbor_parse(data, n, LK_CBOR_STRICT, arena, &map, &why);
    bool good = s == LK_OK;
    for (size_t i = 0; i < LK_COUNT(fields) && good; i++) good = read_field(map, &fields[i], out);
    if (good) {
        s = lk_consent_encode(out, &again, &why);
        good = s == LK_OK && again.len == n && !memcmp(again.b, data, n);
    }
    lk_bytes_clear(&again);
    lk_arena_free(arena);
    if (good) return LK_OK;
    memset(out, 0, sizeof *out);
    if (s == LK_E_NOMEM) return consent_no_memory(err);
    return LK_FAIL(err, LK_E_FORMAT, "a consent record is not in its canonical form%s%.300s", s ? ": " : "",
                   s ? why.message : "");
}
