/* cose.c: COSE_Sign1 (RFC 9052) with Ed25519, the one form in which consent is signed. The protected header
 * says what kind of thing is signed and with which key, so that a signature of one kind never passes for
 * another. */
#include <string.h>

#include "consent/internal.h"

enum { ALG = 1, CONTENT_TYPE = 3, KEY_ID = 4, EDDSA = -8, TAG_SIGN1 = 18 };

static void protected_header(lk_bytes *o, const char *type, const uint8_t pub[LK_SIGN_PUBLIC])
{
    lk_cbor_map(o, 3);
    lk_cbor_int(o, ALG);
    lk_cbor_int(o, EDDSA);
    lk_cbor_int(o, CONTENT_TYPE);
    lk_cbor_text(o, type);
    lk_cbor_int(o, KEY_ID);
    lk_cbor_bytes(o, pub, LK_SIGN_PUBLIC);
}

/* Sig_structure of RFC 9052 4.4: what is really signed. */
static lk_status to_be_signed(const char *type, const uint8_t pub[LK_SIGN_PUBLIC], const void *payload,
                              size_t n, lk_bytes *out, lk_error *err)
{
    lk_bytes header = {0};
    protected_header(&header, type, pub);
    lk_cbor_array(out, 4);
    lk_cbor_text(out, "Signature1");
    lk_cbor_bytes(out, header.b, header.len);
    lk_cbor_bytes(out, NULL, 0);
    lk_cbor_bytes(out, payload, n);
    bool failed = header.failed || out->failed;
    lk_bytes_clear(&header);
    return failed ? consent_no_memory(err) : LK_OK;
}

lk_status cose_sign(const char *type, const uint8_t pub[LK_SIGN_PUBLIC], const uint8_t sec[LK_SIGN_SECRET],
                    const void *payload, size_t n, uint8_t sig[LK_SIGN_BYTES], lk_error *err)
{
    lk_bytes message = {0};
    lk_status s = to_be_signed(type, pub, payload, n, &message, err);
    if (s == LK_OK) s = lk_sign_make(sec, message.b, message.len, sig, err);
    lk_bytes_clear(&message);
    return s;
}

lk_status cose_check(const char *type, const uint8_t pub[LK_SIGN_PUBLIC], const void *payload, size_t n,
                     const uint8_t sig[LK_SIGN_BYTES], lk_error *err)
{
    lk_bytes message = {0};
    lk_status s = to_be_signed(type, pub, payload, n, &message, err);
    if (s == LK_OK && !lk_sign_check(pub, message.b, message.len, sig))
        s = LK_FAIL(err, LK_E_FORMAT, "a signature does not fit");
    lk_bytes_clear(&message);
    return s;
}

lk_status cose_write(const char *type, const uint8_t pub[LK_SIGN_PUBLIC], const uint8_t sec[LK_SIGN_SECRET],
                     const void *payload, size_t n, lk_bytes *out, lk_error *err)
{
    uint8_t sig[LK_SIGN_BYTES];
    lk_bytes header = {0};
    LK_TRY(cose_sign(type, pub, sec, payload, n, sig, err));
    protected_header(&header, type, pub);
    lk_cbor_tag(out, TAG_SIGN1);
    lk_cbor_array(out, 4);
    lk_cbor_bytes(out, header.b, header.len);
    lk_cbor_map(out, 0);
    lk_cbor_bytes(out, payload, n);
    lk_cbor_bytes(out, sig, sizeof sig);
    bool failed = header.failed || out->failed;
    lk_bytes_clear(&header);
    return failed ? consent_no_memory(err) : LK_OK;
}

/* The key that the header names. LK_E_FORMAT when it is not exactly the header that we write for type. */
static lk_status header_key(const lk_cbor *header, const char *type, lk_arena *arena,
                            uint8_t pub[LK_SIGN_PUBLIC])
{
    lk_cbor *map = NULL;
    lk_bytes again = {0};
    if (header->kind != LK_CBOR_BYTES) return LK_E_FORMAT;
    LK_TRY(lk_cbor_parse(header->data, header->number, LK_CBOR_STRICT, arena, &map, NULL));
    const lk_cbor *kid = lk_cbor_get_int(map, KEY_ID);
    if (!kid || kid->kind != LK_CBOR_BYTES || kid->number != LK_SIGN_PUBLIC) return LK_E_FORMAT;
    memcpy(pub, kid->data, LK_SIGN_PUBLIC);
    protected_header(&again, type, pub);
    bool same = again.len == header->number && !memcmp(again.b, header->data, again.len);
    lk_status s = again.failed ? LK_E_NOMEM : same ? LK_OK : LK_E_FORMAT;
    lk_bytes_clear(&again);
    return s;
}

lk_status cose_read(const void *data, size_t n, const char *type, uint8_t pub[LK_SIGN_PUBLIC],
                    const uint8_t **payload, size_t *payload_n, uint8_t sig[LK_SIGN_BYTES], lk_error *err)
{
    lk_arena *arena = NULL;
    lk_cbor *tag = NULL;
    lk_error why;
    if (lk_arena_new(&arena, 8192) != LK_OK) return consent_no_memory(err);
    lk_status s = lk_cbor_parse(data, n, LK_CBOR_STRICT, arena, &tag, &why);
    if (s == LK_OK && (tag->kind != LK_CBOR_TAG || tag->number != TAG_SIGN1 ||
                       tag->child->kind != LK_CBOR_ARRAY || tag->child->number != 4))
        s = LK_E_FORMAT;
    if (s == LK_OK) {
        const lk_cbor *header = tag->child->child, *open = header->next, *body = open->next,
                      *seal = body->next;
        s = header_key(header, type, arena, pub);
        if (s == LK_OK && (open->kind != LK_CBOR_MAP || open->number != 0 || body->kind != LK_CBOR_BYTES ||
                           seal->kind != LK_CBOR_BYTES || seal->number != LK_SIGN_BYTES))
            s = LK_E_FORMAT;
        if (s == LK_OK) {
            memcpy(sig, seal->data, LK_SIGN_BYTES);
            *payload = body->data; /* inside the caller's bytes */
            *payload_n = body->number;
        }
    }
    lk_arena_free(arena);
    if (s == LK_E_NOMEM) return consent_no_memory(err);
    if (s != LK_OK) return LK_FAIL(err, LK_E_FORMAT, "this is no %s, or it was damaged", type);
    s = cose_check(type, pub, *payload, *payload_n, sig, err);
    return s == LK_E_FORMAT ? LK_FAIL(err, s, "the signature of this %s does not fit: it was changed", type)
                            : s;
}
