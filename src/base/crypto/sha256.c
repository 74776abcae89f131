/* sha256.c: SHA-256 by OpenSSL, which uses the processor's instructions for it. */
#include <openssl/evp.h>
#include <sodium.h>

#include "base/base.h"

struct lk_hasher {
    EVP_MD_CTX *ctx;
};

lk_status lk_hasher_new(lk_hasher **out)
{
    lk_hasher *h = *out = lk_calloc(1, sizeof *h);
    if (!h) return LK_E_NOMEM;
    h->ctx = EVP_MD_CTX_new();
    if (!h->ctx || EVP_DigestInit_ex(h->ctx, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(h->ctx);
        lk_free(h);
        *out = NULL;
        return LK_E_NOMEM;
    }
    return LK_OK;
}

void lk_hasher_add(lk_hasher *h, const void *data, size_t n)
{
    if (n > 0) EVP_DigestUpdate(h->ctx, data, n);
}

lk_hash lk_hasher_finish(lk_hasher *h)
{
    lk_hash hash = {{0}};
    EVP_DigestFinal_ex(h->ctx, hash.b, NULL);
    EVP_MD_CTX_free(h->ctx);
    lk_free(h);
    return hash;
}

/* Has no way to report a failure, so it must not have one: when OpenSSL finds no
 * memory for its context, libsodium computes the same on the stack. */
lk_hash lk_hash_bytes(const void *data, size_t n)
{
    lk_hash hash;
    if (EVP_Digest(n ? data : "", n, hash.b, NULL, EVP_sha256(), NULL) != 1)
        crypto_hash_sha256(hash.b, data, n);
    return hash;
}
