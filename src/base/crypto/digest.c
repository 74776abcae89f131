/* digest.c: the SHA-2 family by name, by OpenSSL. */
#include <string.h>

#include <openssl/evp.h>

#include "base/digest.h"

struct lk_digest {
    EVP_MD_CTX *ctx;
};

static const struct {
    const char *name;
    size_t size;
    const EVP_MD *(*md)(void);
} algorithms[] = {{"sha256", 32, EVP_sha256}, {"sha384", 48, EVP_sha384}, {"sha512", 64, EVP_sha512}};

static int find(const char *alg)
{
    for (size_t i = 0; alg && i < LK_COUNT(algorithms); i++)
        if (!strcmp(alg, algorithms[i].name)) return (int)i;
    return -1;
}

size_t lk_digest_size(const char *alg)
{
    int i = find(alg);
    return i < 0 ? 0 : algorithms[i].size;
}

lk_status lk_digest_new(const char *alg, lk_digest **out)
{
    *out = NULL;
    int i = find(alg);
    if (i < 0) return LK_E_UNSUPPORTED;
    lk_digest *d = lk_calloc(1, sizeof *d);
    if (!d) return LK_E_NOMEM;
    d->ctx = EVP_MD_CTX_new();
    if (!d->ctx || EVP_DigestInit_ex(d->ctx, algorithms[i].md(), NULL) != 1) {
        EVP_MD_CTX_free(d->ctx);
        lk_free(d);
        return LK_E_NOMEM;
    }
    *out = d;
    return LK_OK;
}

void lk_digest_add(lk_digest *d, const void *data, size_t n)
{
    if (n > 0) EVP_DigestUpdate(d->ctx, data, n);
}

void lk_digest_finish(lk_digest *d, uint8_t out[LK_DIGEST_MAX])
{
    if (!d) return;
    uint8_t whole[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    EVP_DigestFinal_ex(d->ctx, whole, &n);
    if (out) memcpy(out, whole, n);
    EVP_MD_CTX_free(d->ctx);
    lk_free(d);
}
