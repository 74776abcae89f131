/* sign.c: Ed25519 signatures (RFC 8032) by libsodium. */
#include <sodium.h>

#include "base/base.h"

_Static_assert(LK_SIGN_PUBLIC == crypto_sign_PUBLICKEYBYTES, "public key size");
_Static_assert(LK_SIGN_SECRET == crypto_sign_SECRETKEYBYTES, "secret key size");
_Static_assert(LK_SIGN_BYTES == crypto_sign_BYTES, "signature size");

lk_status lk_sign_keypair(uint8_t pub[LK_SIGN_PUBLIC], uint8_t sec[LK_SIGN_SECRET], lk_error *err)
{
    /* The seed comes from our own call: libsodium aborts the process when the
     * system has no random bytes, a library may not. */
    uint8_t seed[crypto_sign_SEEDBYTES];
    LK_TRY(lk_random_bytes(seed, sizeof seed, err));
    int rc = crypto_sign_seed_keypair(pub, sec, seed);
    lk_wipe(seed, sizeof seed);
    if (rc != 0) return LK_FAIL(err, LK_E_BUG, "a key pair could not be made");
    return LK_OK;
}

lk_status lk_sign_make(const uint8_t sec[LK_SIGN_SECRET], const void *msg, size_t n,
                       uint8_t sig[LK_SIGN_BYTES], lk_error *err)
{
    if (crypto_sign_detached(sig, NULL, msg, n, sec) != 0)
        return LK_FAIL(err, LK_E_BUG, "a signature could not be made");
    return LK_OK;
}

bool lk_sign_check(const uint8_t pub[LK_SIGN_PUBLIC], const void *msg, size_t n,
                   const uint8_t sig[LK_SIGN_BYTES])
{
    return crypto_sign_verify_detached(sig, msg, n, pub) == 0;
}

void lk_wipe(void *p, size_t n) { sodium_memzero(p, n); }
