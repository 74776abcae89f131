/* seal.c: sealed boxes, readable by libsodium's crypto_box_seal_open. */
#include <string.h>

#include <sodium.h>

#include "base/seal.h"

_Static_assert(LK_SEAL_PUBLIC == crypto_box_PUBLICKEYBYTES, "public key size");
_Static_assert(LK_SEAL_SECRET == crypto_box_SECRETKEYBYTES, "secret key size");
_Static_assert(LK_SEAL_EXTRA == crypto_box_SEALBYTES, "sealed box overhead");

lk_status lk_seal_keypair(uint8_t pub[LK_SEAL_PUBLIC], uint8_t sec[LK_SEAL_SECRET], lk_error *err)
{
    uint8_t seed[crypto_box_SEEDBYTES];
    LK_TRY(lk_random_bytes(seed, sizeof seed, err));
    int rc = crypto_box_seed_keypair(pub, sec, seed);
    lk_wipe(seed, sizeof seed);
    return rc == 0 ? LK_OK : LK_FAIL(err, LK_E_BUG, "a key pair could not be made");
}

void lk_seal_public(const uint8_t sec[LK_SEAL_SECRET], uint8_t pub[LK_SEAL_PUBLIC])
{
    crypto_scalarmult_base(pub, sec);
}

/* What crypto_box_seal does, but with a sender's key of our own making: libsodium aborts the process when the system
 * has no random bytes, a library may not. The nonce is BLAKE2b over both public keys. */
lk_status lk_seal_close(const uint8_t pub[LK_SEAL_PUBLIC], const void *msg, size_t n, uint8_t *box, lk_error *err)
{
    uint8_t sender[LK_SEAL_PUBLIC], secret[LK_SEAL_SECRET], nonce[crypto_box_NONCEBYTES];
    crypto_generichash_state h;
    if (n > SIZE_MAX - LK_SEAL_EXTRA) return LK_FAIL(err, LK_E_RANGE, "a message of %zu bytes cannot be sealed", n);
    LK_TRY(lk_seal_keypair(sender, secret, err));
    crypto_generichash_init(&h, NULL, 0, sizeof nonce);
    crypto_generichash_update(&h, sender, sizeof sender);
    crypto_generichash_update(&h, pub, LK_SEAL_PUBLIC);
    crypto_generichash_final(&h, nonce, sizeof nonce);
    memcpy(box, sender, sizeof sender);
    int rc = crypto_box_easy(box + sizeof sender, msg, n, nonce, pub, secret);
    lk_wipe(secret, sizeof secret);
    return rc == 0 ? LK_OK : LK_FAIL(err, LK_E_ARG, "a message cannot be sealed to this key: it is no X25519 public key");
}

lk_status lk_seal_open(const uint8_t sec[LK_SEAL_SECRET], const uint8_t *box, size_t n, uint8_t *msg, lk_error *err)
{
    uint8_t pub[LK_SEAL_PUBLIC];
    lk_seal_public(sec, pub);
    if (n < LK_SEAL_EXTRA || crypto_box_seal_open(msg, box, n, pub, sec) != 0)
        return LK_FAIL(err, LK_E_FORMAT, "a sealed block was changed, or sealed to another key");
    return LK_OK;
}

lk_status lk_seal_public_of_signer(const uint8_t signer[LK_SIGN_PUBLIC], uint8_t pub[LK_SEAL_PUBLIC], lk_error *err)
{
    if (crypto_sign_ed25519_pk_to_curve25519(pub, signer) == 0) return LK_OK;
    return LK_FAIL(err, LK_E_ARG, "nothing can be sealed to this key: it is no Ed25519 public key");
}

void lk_seal_secret_of_signer(const uint8_t signer[LK_SIGN_SECRET], uint8_t sec[LK_SEAL_SECRET])
{
    (void)crypto_sign_ed25519_sk_to_curve25519(sec, signer); /* a hash of the seed: it cannot fail */
}
