/* bind_head.c: the header of a container as bytes, and back. The keys stand in the order that deterministic CBOR wants
 * (RFC 8949 4.2.1). Reading fills the struct and writes it again: only the very same bytes are a header. */
#include <stdio.h>
#include <string.h>

#include "base/cbor.h"
#include "consent/bound.h"

enum { HEAD_VERSION = 2, HEAD_PAIRS = 12, PERSON_PAIRS = 6 };
#define BODY_MAX ((uint64_t)1 << 48)

lk_status bind_head_complete(lk_bind_info *h, lk_error *err)
{
    lk_hasher *hasher = NULL;
    h->expires = INT64_MAX;
    for (int i = 0; i < h->people_count; i++) h->expires = LK_MIN(h->expires, h->people[i].until);
    if (lk_hasher_new(&hasher) != LK_OK) return consent_no_memory(err);
    for (int i = 0; i < h->parent_count; i++) lk_hasher_add(hasher, h->parents[i].b, LK_HASH_BYTES);
    h->training_root = lk_hasher_finish(hasher);
    return LK_OK;
}

/* --- writing ------------------------------------------------------------------------------------ */

static void put_hash(lk_bytes *o, const char *key, const lk_hash *h)
{
    lk_cbor_text(o, key);
    lk_cbor_bytes(o, h->b, LK_HASH_BYTES);
}

static void put_int(lk_bytes *o, const char *key, int64_t v)
{
    lk_cbor_text(o, key);
    lk_cbor_int(o, v);
}

static void put_text(lk_bytes *o, const char *key, const char *v)
{
    lk_cbor_text(o, key);
    lk_cbor_text(o, v);
}

static void put_person(lk_bytes *o, const lk_bind_person *p)
{
    char use[32];
    lk_use_print(p->use, use, sizeof use);
    lk_cbor_map(o, PERSON_PAIRS);
    put_text(o, "use", use);
    put_int(o, "until", p->until);
    put_text(o, "record", p->record);
    put_hash(o, "consent", &p->consent);
    put_text(o, "subject", p->subject);
    put_hash(o, "enrolment", &p->enrolment);
}

static bool sensible(const lk_bind_info *h)
{
    bool good = *h->kind && h->people_count >= 1 && h->people_count <= LK_BIND_PEOPLE && h->parent_count >= 0 &&
                h->parent_count <= LK_BIND_PARENTS && h->made > 0 && h->expires > 0 && h->bytes > 0 &&
                h->bytes <= BODY_MAX;
    for (int i = 0; good && i < h->people_count; i++) {
        const lk_bind_person *p = &h->people[i];
        uint32_t use = (uint32_t)p->use;
        good = looks_like_id(p->subject) && looks_like_id(p->record) && p->until >= h->expires && use &&
               !(use & (use - 1));
    }
    return good;
}

lk_status bind_head_encode(const lk_bind_info *h, lk_bytes *o, lk_error *err)
{
    if (!sensible(h)) return LK_FAIL(err, LK_E_ARG, "the header of a %.31s says something impossible", h->kind);
    lk_cbor_map(o, HEAD_PAIRS);
    lk_cbor_text(o, "key");
    lk_cbor_bytes(o, h->key_id, LK_BIND_ID);
    put_text(o, "kind", h->kind);
    put_int(o, "made", h->made);
    lk_cbor_text(o, "bytes");
    lk_cbor_uint(o, h->bytes);
    put_text(o, "detail", h->detail);
    lk_cbor_text(o, "people");
    lk_cbor_array(o, (uint64_t)h->people_count);
    for (int i = 0; i < h->people_count; i++) put_person(o, &h->people[i]);
    put_hash(o, "content", &h->content);
    put_int(o, "expires", h->expires);
    lk_cbor_text(o, "grantee");
    lk_cbor_bytes(o, h->grantee, LK_SIGN_PUBLIC);
    lk_cbor_text(o, "parents");
    lk_cbor_array(o, (uint64_t)h->parent_count);
    for (int i = 0; i < h->parent_count; i++) lk_cbor_bytes(o, h->parents[i].b, LK_HASH_BYTES);
    put_int(o, "version", HEAD_VERSION);
    put_hash(o, "training_root", &h->training_root);
    if (o->failed) return consent_no_memory(err);
    if (o->len > BIND_HEAD_MAX) return LK_FAIL(err, LK_E_RANGE, "the header of a %s would have %zu bytes", h->kind, o->len);
    return LK_OK;
}

/* --- reading -------------------------------------------------------------------------------------- */

static bool get_text(const lk_cbor *map, const char *key, char *out, size_t cap)
{
    const lk_cbor *v = lk_cbor_get(map, key);
    if (!v || v->kind != LK_CBOR_TEXT || v->number >= cap || memchr(v->data, 0, (size_t)v->number)) return false;
    memcpy(out, v->data, (size_t)v->number);
    out[v->number] = '\0';
    return true;
}

static bool is_bytes(const lk_cbor *v, void *out, size_t n)
{
    if (!v || v->kind != LK_CBOR_BYTES || v->number != n) return false;
    memcpy(out, v->data, n);
    return true;
}

static bool get_int(const lk_cbor *map, const char *key, int64_t *out)
{
    const lk_cbor *v = lk_cbor_get(map, key);
    if (!v || v->kind != LK_CBOR_UINT || v->number > INT64_MAX) return false;
    *out = (int64_t)v->number;
    return true;
}

static bool get_person(const lk_cbor *v, lk_bind_person *p)
{
    char use[32];
    if (!get_text(v, "use", use, sizeof use) || !get_int(v, "until", &p->until) ||
        !get_text(v, "record", p->record, sizeof p->record) ||
        !is_bytes(lk_cbor_get(v, "consent"), p->consent.b, LK_HASH_BYTES) ||
        !get_text(v, "subject", p->subject, sizeof p->subject) ||
        !is_bytes(lk_cbor_get(v, "enrolment"), p->enrolment.b, LK_HASH_BYTES))
        return false;
    p->use = (lk_use)lk_use_parse(use, NULL);
    return true;
}

static bool fill(const lk_cbor *map, lk_bind_info *h)
{
    int64_t version = 0, bytes = 0;
    const lk_cbor *people = lk_cbor_get(map, "people"), *parents = lk_cbor_get(map, "parents");
    if (!get_int(map, "version", &version) || version != HEAD_VERSION || !get_int(map, "bytes", &bytes) ||
        !is_bytes(lk_cbor_get(map, "key"), h->key_id, LK_BIND_ID) || !get_text(map, "kind", h->kind, sizeof h->kind) ||
        !get_int(map, "made", &h->made) || !get_text(map, "detail", h->detail, sizeof h->detail) ||
        !is_bytes(lk_cbor_get(map, "content"), h->content.b, LK_HASH_BYTES) || !get_int(map, "expires", &h->expires) ||
        !is_bytes(lk_cbor_get(map, "grantee"), h->grantee, LK_SIGN_PUBLIC))
        return false;
    h->bytes = (uint64_t)bytes;
    if (!people || people->kind != LK_CBOR_ARRAY || people->number > LK_BIND_PEOPLE) return false;
    for (const lk_cbor *p = people->child; p; p = p->next)
        if (!get_person(p, &h->people[h->people_count++])) return false;
    if (!parents || parents->kind != LK_CBOR_ARRAY || parents->number > LK_BIND_PARENTS) return false;
    for (const lk_cbor *p = parents->child; p; p = p->next)
        if (!is_bytes(p, h->parents[h->parent_count++].b, LK_HASH_BYTES)) return false;
    return true;
}

lk_status lk_bind_info_decode(const void *cbor, size_t n, lk_bind_info *out, lk_error *err)
{
    lk_arena *arena = NULL;
    lk_cbor *map = NULL;
    lk_bytes again = {0};
    memset(out, 0, sizeof *out);
    if (n == 0 || n > BIND_HEAD_MAX)
        return LK_FAIL(err, LK_E_FORMAT, "the header of a bound file does not have %zu bytes", n);
    if (lk_arena_new(&arena, 16384) != LK_OK) return consent_no_memory(err);
    lk_error why = {0};
    lk_status s = lk_cbor_parse(cbor, n, LK_CBOR_STRICT, arena, &map, &why);
    if (s == LK_OK && !fill(map, out)) s = LK_E_FORMAT;
    lk_arena_free(arena);
    if (s == LK_OK) s = bind_head_complete(out, &why);
    if (s == LK_OK) s = bind_head_encode(out, &again, &why);
    if (s == LK_OK && (again.len != n || memcmp(again.b, cbor, n))) s = LK_E_FORMAT;
    lk_bytes_clear(&again);
    if (s == LK_OK) return LK_OK;
    memset(out, 0, sizeof *out);
    if (s == LK_E_NOMEM) return consent_no_memory(err);
    return LK_FAIL(err, LK_E_FORMAT, "the header of a bound file is damaged or of another version; take another copy");
}
