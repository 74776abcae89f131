/* fuzz_pki.c: certificates, chains, PEM files and time stamps from outside. The first byte says which reader
 * gets the rest; chains are records of two length bytes (big-endian) and that many of DER, of which the last
 * is the anchor too.
 */
#include <string.h>

#include "base/pki.h"

enum { CHAIN, PEM, KEY, STAMP, KINDS };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void chain(const uint8_t *data, size_t n)
{
    lk_der certs[12];
    int count = 0;
    char why[160];
    lk_cert_info info;
    while (n >= 2 && count < 12) {
        size_t len = LK_MIN((size_t)(data[0] << 8 | data[1]), n - 2);
        certs[count] = (lk_der){lk_alloc(len), len}; /* a block of its own: a sanitizer sees its end */
        if (!certs[count].data) break;
        memcpy(certs[count].data, data + 2, len);
        data += 2 + len;
        n -= 2 + len;
        count++;
    }
    if (count) (void)lk_cert_judge(certs, count, &certs[count - 1], 1, 1800000000, why);
    for (int i = 0; i < count; i++) {
        (void)lk_cert_read(certs[i].data, certs[i].n, &info, NULL);
        (void)lk_cert_verify(certs[i].data, certs[i].n, LK_PK_ES256, "x", 1, certs[i].data,
                             LK_MIN(certs[i].n, 64));
        lk_free(certs[i].data);
    }
}

static void pem(const char *text, size_t n)
{
    lk_der certs[4];
    int count = 0;
    if (lk_cert_from_pem(text, n, certs, 4, &count, NULL) != LK_OK) return;
    for (int i = 0; i < count; i++) lk_free(certs[i].data);
}

static void stamp(const uint8_t *data, size_t n)
{
    lk_hash hash = lk_hash_bytes("signature", 9);
    int64_t when;
    bool trusted;
    void *token;
    size_t token_n;
    (void)lk_tsa_verify(data, n, &hash, NULL, 0, &when, &trusted, NULL);
    if (lk_tsa_token(data, n, &hash, &token, &token_n, &when, NULL) == LK_OK) lk_free(token);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    lk_pk *key = NULL;
    if (n < 1) return 0;
    switch (data[0] % KINDS) {
    case CHAIN: chain(data + 1, n - 1); break;
    case PEM: pem((const char *)data + 1, n - 1); break;
    case KEY: (void)lk_pk_from_pem((const char *)data + 1, n - 1, NULL, &key, NULL); break;
    case STAMP: stamp(data + 1, n - 1); break;
    }
    lk_pk_free(&key);
    return 0;
}
