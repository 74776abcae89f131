/* aead.h: encryption of large data that notices every change: XChaCha20-Poly1305 in a stream of chunks (libsodium's
 * secretstream). Each chunk is tied to all that came before it, the last one is marked as the last, and the first covers
 * associated data that stays readable: so a flipped bit, a chunk left out, doubled, moved or taken from another stream,
 * a cut end and a header of another file are all found. Lengths are 64 bits wide.
 *
 *     stream := head (24 bytes) chunk*          chunk := box of LK_AEAD_CHUNK bytes, the last of 0..LK_AEAD_CHUNK
 */
#ifndef LK_AEAD_H
#define LK_AEAD_H

#include "base/base.h"

#define LK_AEAD_KEY 32
#define LK_AEAD_HEAD 24                 /* random, not secret: a key may be used for many streams */
#define LK_AEAD_EXTRA 17                /* a box is so many bytes longer than what is in it */
#define LK_AEAD_CHUNK ((size_t)1 << 18) /* bytes of plain data in every box but the last */
#define LK_AEAD_BOX (LK_AEAD_CHUNK + LK_AEAD_EXTRA)

/* One stream, in either direction. Wipe it with lk_aead_clear. */
typedef struct lk_aead { uint64_t state[8]; bool ended; } lk_aead;
/* A new stream: head is filled and must reach the reader first. */
lk_status lk_aead_seal_begin(lk_aead *a, const uint8_t key[LK_AEAD_KEY], uint8_t head[LK_AEAD_HEAD], lk_error *err);
void lk_aead_open_begin(lk_aead *a, const uint8_t key[LK_AEAD_KEY], const uint8_t head[LK_AEAD_HEAD]);
/* box takes n + LK_AEAD_EXTRA bytes; n at most LK_AEAD_CHUNK. ad (may be NULL) is covered, not contained. Nothing
 * follows the last. box and plain do not overlap. */
lk_status lk_aead_push(lk_aead *a, const void *plain, size_t n, const void *ad, size_t ad_n, bool last, uint8_t *box,
                       lk_error *err);
/* plain takes n - LK_AEAD_EXTRA bytes and is wiped when the box is refused. LK_E_FORMAT: not the next box of this
 * stream, or not under this key and ad. */
lk_status lk_aead_pull(lk_aead *a, const uint8_t *box, size_t n, const void *ad, size_t ad_n, bool *last, uint8_t *plain,
                       lk_error *err);
void lk_aead_clear(lk_aead *a);

/* --- whole buffers: head and boxes ---------------------------------------------------------- */

/* Bytes of a stream of n plain bytes; 0 when that has no 64 bits. */
uint64_t lk_aead_sealed_size(uint64_t n);
/* Plain bytes of a stream of n bytes; UINT64_MAX when no stream has that length. */
uint64_t lk_aead_plain_size(uint64_t n);
/* out takes lk_aead_sealed_size(n) bytes. */
lk_status lk_aead_seal(const uint8_t key[LK_AEAD_KEY], const void *ad, size_t ad_n, const void *plain, uint64_t n,
                       uint8_t *out, lk_error *err);
/* out takes lk_aead_plain_size(n) bytes and is wiped when anything is refused (LK_E_FORMAT). */
lk_status lk_aead_open(const uint8_t key[LK_AEAD_KEY], const void *ad, size_t ad_n, const uint8_t *sealed, uint64_t n,
                       uint8_t *out, lk_error *err);

#endif
