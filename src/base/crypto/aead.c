/* aead.c: streams of boxes, readable by libsodium's crypto_secretstream_xchacha20poly1305_pull. */
#include <string.h>

#include <sodium.h>

#include "base/aead.h"

typedef crypto_secretstream_xchacha20poly1305_state sodium_state;

_Static_assert(LK_AEAD_KEY == crypto_secretstream_xchacha20poly1305_KEYBYTES, "key size");
_Static_assert(LK_AEAD_HEAD == crypto_secretstream_xchacha20poly1305_HEADERBYTES, "head size");
_Static_assert(LK_AEAD_EXTRA == crypto_secretstream_xchacha20poly1305_ABYTES, "overhead of a box");
_Static_assert(sizeof(((lk_aead *)0)->state) >= sizeof(sodium_state), "room for the state");

static sodium_state *state_of(lk_aead *a) { return (sodium_state *)(void *)a->state; }

/* libsodium picks cipher code for this CPU once; asking again is cheap and safe from any thread. Should it fail, slower
 * code does the same. */
static void ready(void)
{
    if (sodium_init() < 0) lk_log(1, "base", "libsodium cannot choose its fastest code");
}

void lk_aead_open_begin(lk_aead *a, const uint8_t key[LK_AEAD_KEY], const uint8_t head[LK_AEAD_HEAD])
{
    ready();
    memset(a, 0, sizeof *a);
    (void)crypto_secretstream_xchacha20poly1305_init_pull(state_of(a), head, key);
}

/* The two directions begin in one state; libsodium's own init_push differs only in drawing the head itself, and it ends
 * the process when the system has no random bytes, which a library may not. */
lk_status lk_aead_seal_begin(lk_aead *a, const uint8_t key[LK_AEAD_KEY], uint8_t head[LK_AEAD_HEAD], lk_error *err)
{
    memset(a, 0, sizeof *a);
    a->ended = true; /* unless the next line succeeds */
    LK_TRY(lk_random_bytes(head, LK_AEAD_HEAD, err));
    lk_aead_open_begin(a, key, head);
    return LK_OK;
}

lk_status lk_aead_push(lk_aead *a, const void *plain, size_t n, const void *ad, size_t ad_n, bool last, uint8_t *box,
                       lk_error *err)
{
    if (a->ended) return LK_FAIL(err, LK_E_BUG, "an encrypted stream has ended, nothing can follow");
    if (n > LK_AEAD_CHUNK) return LK_FAIL(err, LK_E_BUG, "%zu bytes are too many for one box", n);
    const uint8_t tag = last ? crypto_secretstream_xchacha20poly1305_TAG_FINAL
                             : crypto_secretstream_xchacha20poly1305_TAG_MESSAGE;
    unsigned long long made = 0;
    (void)crypto_secretstream_xchacha20poly1305_push(state_of(a), box, &made, plain, n, ad, ad_n, tag);
    a->ended = last;
    return LK_OK;
}

lk_status lk_aead_pull(lk_aead *a, const uint8_t *box, size_t n, const void *ad, size_t ad_n, bool *last, uint8_t *plain,
                       lk_error *err)
{
    unsigned char tag = 0;
    unsigned long long got = 0;
    *last = false;
    bool good = !a->ended && n >= LK_AEAD_EXTRA && n <= LK_AEAD_BOX &&
                crypto_secretstream_xchacha20poly1305_pull(state_of(a), plain, &got, &tag, box, n, ad, ad_n) == 0;
    if (good && tag != crypto_secretstream_xchacha20poly1305_TAG_MESSAGE &&
        tag != crypto_secretstream_xchacha20poly1305_TAG_FINAL)
        good = false; /* tags that we never write */
    if (!good) {
        if (n >= LK_AEAD_EXTRA && n <= LK_AEAD_BOX) lk_wipe(plain, n - LK_AEAD_EXTRA);
        a->ended = true;
        return LK_FAIL(err, LK_E_FORMAT, "encrypted data was changed, or belongs to another header or key");
    }
    *last = a->ended = tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL;
    return LK_OK;
}

void lk_aead_clear(lk_aead *a)
{
    lk_wipe(a, sizeof *a);
    a->ended = true;
}

/* --- whole buffers ------------------------------------------------------------------------------ */

uint64_t lk_aead_sealed_size(uint64_t n)
{
    uint64_t boxes = n / LK_AEAD_CHUNK + (n % LK_AEAD_CHUNK || !n ? 1 : 0), size;
    if (__builtin_mul_overflow(boxes, (uint64_t)LK_AEAD_EXTRA, &size) || __builtin_add_overflow(size, n, &size) ||
        __builtin_add_overflow(size, (uint64_t)LK_AEAD_HEAD, &size))
        return 0;
    return size;
}

uint64_t lk_aead_plain_size(uint64_t n)
{
    if (n < LK_AEAD_HEAD + LK_AEAD_EXTRA) return UINT64_MAX;
    uint64_t boxed = n - LK_AEAD_HEAD, whole = boxed / LK_AEAD_BOX, rest = boxed % LK_AEAD_BOX;
    if (rest > 0 && rest < LK_AEAD_EXTRA) return UINT64_MAX;
    if (rest == LK_AEAD_EXTRA && whole > 0) return UINT64_MAX; /* an empty box ends nothing but an empty stream */
    return whole * LK_AEAD_CHUNK + (rest ? rest - LK_AEAD_EXTRA : 0);
}

lk_status lk_aead_seal(const uint8_t key[LK_AEAD_KEY], const void *ad, size_t ad_n, const void *plain, uint64_t n,
                       uint8_t *out, lk_error *err)
{
    lk_aead a;
    const uint8_t *from = plain;
    if (!lk_aead_sealed_size(n)) return LK_FAIL(err, LK_E_RANGE, "%llu bytes cannot be encrypted at once", (unsigned long long)n);
    LK_TRY(lk_aead_seal_begin(&a, key, out, err));
    out += LK_AEAD_HEAD;
    lk_status s = LK_OK;
    for (bool last = false, first = true; s == LK_OK && !last; first = false) {
        size_t piece = (size_t)LK_MIN(n, (uint64_t)LK_AEAD_CHUNK);
        last = piece == n;
        s = lk_aead_push(&a, from, piece, first ? ad : NULL, first ? ad_n : 0, last, out, err);
        if (piece) from += piece;
        out += piece + LK_AEAD_EXTRA;
        n -= piece;
    }
    lk_aead_clear(&a);
    return s;
}

lk_status lk_aead_open(const uint8_t key[LK_AEAD_KEY], const void *ad, size_t ad_n, const uint8_t *sealed, uint64_t n,
                       uint8_t *out, lk_error *err)
{
    lk_aead a;
    uint64_t plain = lk_aead_plain_size(n), done = 0;
    if (plain == UINT64_MAX) return LK_FAIL(err, LK_E_FORMAT, "no encrypted data has %llu bytes: it was cut", (unsigned long long)n);
    lk_aead_open_begin(&a, key, sealed);
    sealed += LK_AEAD_HEAD;
    n -= LK_AEAD_HEAD;
    lk_status s = LK_OK;
    bool last = false;
    for (bool first = true; s == LK_OK && n; first = false) {
        size_t box = (size_t)LK_MIN(n, (uint64_t)LK_AEAD_BOX);
        s = lk_aead_pull(&a, sealed, box, first ? ad : NULL, first ? ad_n : 0, &last, out + done, err);
        if (s == LK_OK) done += box - LK_AEAD_EXTRA;
        sealed += box;
        n -= box;
    }
    if (s == LK_OK && !last) s = LK_FAIL(err, LK_E_FORMAT, "encrypted data was cut: its end is missing");
    if (s != LK_OK) lk_wipe(out, (size_t)plain);
    lk_aead_clear(&a);
    return s;
}
