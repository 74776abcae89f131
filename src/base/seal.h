/* seal.h: a box that anyone can close and one key can open (libsodium's sealed box: X25519, XSalsa20-Poly1305, the
 * sender's key thrown away). For what must lie beside signed things without being read by whoever holds them.
 */
#ifndef LK_SEAL_H
#define LK_SEAL_H

#include "base/base.h"

#define LK_SEAL_PUBLIC 32
#define LK_SEAL_SECRET 32
#define LK_SEAL_EXTRA 48 /* a sealed message is so many bytes longer than the message */

lk_status lk_seal_keypair(uint8_t pub[LK_SEAL_PUBLIC], uint8_t sec[LK_SEAL_SECRET], lk_error *err);
/* The public half of a secret. */
void lk_seal_public(const uint8_t sec[LK_SEAL_SECRET], uint8_t pub[LK_SEAL_PUBLIC]);
/* box takes n + LK_SEAL_EXTRA bytes. Sealing the same message twice gives different bytes. */
lk_status lk_seal_close(const uint8_t pub[LK_SEAL_PUBLIC], const void *msg, size_t n, uint8_t *box, lk_error *err);
/* msg takes n - LK_SEAL_EXTRA bytes. LK_E_FORMAT: shorter than any box, changed, or sealed to another key. */
lk_status lk_seal_open(const uint8_t sec[LK_SEAL_SECRET], const uint8_t *box, size_t n, uint8_t *msg, lk_error *err);
/* Whoever signs can be sealed to: the X25519 pair that belongs to an Ed25519 pair. LK_E_ARG: no public key. */
lk_status lk_seal_public_of_signer(const uint8_t signer[LK_SIGN_PUBLIC], uint8_t pub[LK_SEAL_PUBLIC], lk_error *err);
void lk_seal_secret_of_signer(const uint8_t signer[LK_SIGN_SECRET], uint8_t sec[LK_SEAL_SECRET]);

#endif
