/* pki_impl.h: what the files behind base/pki.h share. OpenSSL's types end here. */
#ifndef LK_PKI_IMPL_H
#define LK_PKI_IMPL_H

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/pki.h"

struct lk_pk {
    EVP_PKEY *pkey;
    lk_pk_alg alg; /* the COSE algorithm that the key signs with */
    size_t sig_n;
};

/* OpenSSL keeps its own reasons in a queue per thread; none of ours may leave one behind. */
#define PKI_FAIL(err, code, ...) (ERR_clear_error(), LK_FAIL((err), (code), __VA_ARGS__))
#define PKI_NO_MEMORY(err)                                                                                   \
    PKI_FAIL((err), LK_E_NOMEM, "no memory for keys and certificates; close other programs")

/* The algorithm and size of a key's signatures; false when it is none that COSE and C2PA know. */
bool pki_key_fits(const EVP_PKEY *key, lk_pk_alg *alg, size_t *sig_n);
const char *pki_key_name(const EVP_PKEY *key, char out[32]); /* "EC P-256", "Ed25519", "RSA 2048" */
bool pki_verify(EVP_PKEY *key, lk_pk_alg alg, const void *msg, size_t msg_n, const void *sig, size_t sig_n);

/* One certificate, all of the bytes and in the outer shape that it would be written again; NULL otherwise. */
X509 *pki_parse(const void *der, size_t n);
/* Seconds since 1970; false when the time is malformed. */
bool pki_time(const ASN1_TIME *t, int64_t *out);
/* The bytes of a DER encoding by OpenSSL, copied to memory of ours; frees the encoding. */
lk_status pki_take(unsigned char *encoded, int n, lk_der *out, lk_error *err);

/* judge.c: a store of the anchors that judges at a time. NULL when there is no memory. */
X509_STORE *pki_store(const lk_der *anchors, int count, int64_t at);

#endif
