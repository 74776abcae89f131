/* cbor.h: CBOR (RFC 8949), the strict subset that signed things need: definite lengths, shortest integers,
 * no duplicate keys, valid UTF-8, depth at most 32. One writer into a growing buffer, one cursor over bytes.
 * What another program wrote less strictly is refused, never guessed at.
 */
#ifndef LK_CBOR_H
#define LK_CBOR_H

#include "base/base.h"

/* --- writing: sticky out-of-memory flag, so that callers check once ----------------------- */

typedef struct lk_bytes { uint8_t *b; size_t len, cap; bool failed; } lk_bytes; /* {0} is empty */
void lk_bytes_add(lk_bytes *o, const void *data, size_t n);
void lk_bytes_zeros(lk_bytes *o, size_t n);
void lk_bytes_u8(lk_bytes *o, uint8_t v);
void lk_bytes_be(lk_bytes *o, uint64_t v, int bytes); /* big-endian, 1..8 bytes */
void lk_bytes_clear(lk_bytes *o);

void lk_cbor_uint(lk_bytes *o, uint64_t v);
void lk_cbor_int(lk_bytes *o, int64_t v);
void lk_cbor_bytes(lk_bytes *o, const void *data, size_t n);
void lk_cbor_text(lk_bytes *o, const char *s); /* bytes that are no UTF-8 become U+FFFD */
void lk_cbor_textn(lk_bytes *o, const char *s, size_t n);
void lk_cbor_array(lk_bytes *o, uint64_t count); /* then the items */
void lk_cbor_map(lk_bytes *o, uint64_t pairs);   /* then key, value, key, value */
void lk_cbor_tag(lk_bytes *o, uint64_t tag);
void lk_cbor_bool(lk_bytes *o, bool v);
void lk_cbor_null(lk_bytes *o);
void lk_cbor_double(lk_bytes *o, double v);

/* --- reading: a tree in an arena, with limits --------------------------------------------- */

typedef enum lk_cbor_kind {
    LK_CBOR_UINT,  /* number */
    LK_CBOR_NINT,  /* -1 - number */
    LK_CBOR_BYTES,
    LK_CBOR_TEXT,
    LK_CBOR_ARRAY,
    LK_CBOR_MAP,
    LK_CBOR_TAG,   /* number; child is the tagged item */
    LK_CBOR_BOOL,
    LK_CBOR_NULL,
    LK_CBOR_FLOAT
} lk_cbor_kind;
typedef struct lk_cbor lk_cbor;
struct lk_cbor {
    lk_cbor_kind kind;
    uint64_t number;      /* also 0/1 for a bool, count of an array or map, length of bytes and text */
    double real;
    const uint8_t *data;  /* of bytes and text: inside the caller's buffer, not NUL-terminated */
    const uint8_t *start; /* encoded form of this item, inside the caller's buffer */
    size_t size;          /* of the encoded form */
    lk_cbor *key;         /* when the value of a map entry */
    lk_cbor *child, *next;
};
typedef enum lk_cbor_rules {
    LK_CBOR_STRICT,  /* also: shortest integers and lengths, floats allowed */
    LK_CBOR_TOLERANT /* longer than needed heads allowed; still definite, no duplicates, valid UTF-8 */
} lk_cbor_rules;
/* The whole buffer is one item; anything behind it is LK_E_FORMAT. At most 262144 items. The tree points into
 * data. */
lk_status lk_cbor_parse(const void *data, size_t n, lk_cbor_rules rules, lk_arena *arena, lk_cbor **out,
                        lk_error *err);
const lk_cbor *lk_cbor_get(const lk_cbor *map, const char *key); /* NULL when absent or no map */
const lk_cbor *lk_cbor_get_int(const lk_cbor *map, int64_t key);
bool lk_cbor_is_text(const lk_cbor *v, const char *s);
/* A NUL-terminated copy in the arena; NULL when v is not text, holds a NUL, or memory lacks. */
const char *lk_cbor_string(const lk_cbor *v, lk_arena *arena);

#endif
