/* fuzz_cbor.c: bytes -> CBOR reader -> writer. What the strict reader takes comes back as the very same bytes, for there
 * is one way to write it; and the tolerant reader takes it too. */
#include <string.h>

#include "base/cbor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_item(lk_bytes *o, const lk_cbor *c)
{
    switch (c->kind) {
    case LK_CBOR_UINT: lk_cbor_uint(o, c->number); break;
    case LK_CBOR_NINT:
        if (c->number <= INT64_MAX) lk_cbor_int(o, -1 - (int64_t)c->number);
        else lk_bytes_add(o, c->start, c->size); /* beyond what the writer is asked for */
        break;
    case LK_CBOR_BYTES: lk_cbor_bytes(o, c->data, (size_t)c->number); break;
    case LK_CBOR_TEXT: lk_cbor_textn(o, (const char *)c->data, (size_t)c->number); break;
    case LK_CBOR_ARRAY: lk_cbor_array(o, c->number); break;
    case LK_CBOR_MAP: lk_cbor_map(o, c->number); break;
    case LK_CBOR_TAG: lk_cbor_tag(o, c->number); break;
    case LK_CBOR_BOOL: lk_cbor_bool(o, c->number); break;
    case LK_CBOR_NULL: lk_cbor_null(o); break;
    case LK_CBOR_FLOAT: lk_bytes_add(o, c->start, c->size); break; /* of any width */
    }
    uint64_t children = 0;
    for (const lk_cbor *k = c->child; k; k = k->next, children++) {
        if (k->key) write_item(o, k->key);
        write_item(o, k);
    }
    bool many = c->kind == LK_CBOR_ARRAY || c->kind == LK_CBOR_MAP;
    if (many && children != c->number) __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    lk_arena *arena;
    lk_cbor *strict = NULL, *tolerant = NULL;
    lk_error err = {0};
    if (lk_arena_new(&arena, 4096) != LK_OK) return 0;
    lk_status a = lk_cbor_parse(data, size, LK_CBOR_STRICT, arena, &strict, &err);
    lk_status b = lk_cbor_parse(data, size, LK_CBOR_TOLERANT, arena, &tolerant, &err);
    if (a == LK_OK && b == LK_E_FORMAT) __builtin_trap();
    if (a == LK_OK) {
        lk_bytes o = {0};
        write_item(&o, strict);
        if (!o.failed && (o.len != size || memcmp(o.b, data, size))) __builtin_trap();
        lk_bytes_clear(&o);
    }
    if (b == LK_OK) {
        lk_cbor_get(tolerant, "alg");
        lk_cbor_get_int(tolerant, -7);
        lk_cbor_string(tolerant, arena);
    }
    lk_arena_free(arena);
    return 0;
}
