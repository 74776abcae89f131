/* pki.h: private keys, X.509 certificates and signatures as COSE uses them; over OpenSSL, which stays in
 * crypto/. Times are Unix seconds; DER and PEM as in RFC 5280, 5958, 7468.
 */
#ifndef LK_PKI_H
#define LK_PKI_H

#include "base/base.h"

typedef enum lk_pk_alg {
    LK_PK_ES256 = -7, /* COSE numbers; ECDSA, raw r||s */
    LK_PK_EDDSA = -8, /* Ed25519 */
    LK_PK_ES384 = -35,
    LK_PK_ES512 = -36,
    LK_PK_PS256 = -37, /* the rest: verifying only */
    LK_PK_PS384 = -38,
    LK_PK_PS512 = -39
} lk_pk_alg;

/* --- private keys ------------------------------------------------------------------------ */

typedef struct lk_pk lk_pk; /* a private key in memory; wiped when freed */
lk_status lk_pk_new(lk_pk_alg alg, lk_pk **out, lk_error *err); /* ES256 (P-256) or EdDSA */
lk_pk_alg lk_pk_alg_of(const lk_pk *k);
/* PKCS#8 PEM. passphrase NULL: not encrypted; else PBES2, scrypt, AES-256-CBC. *pem is lk_free'd. */
lk_status lk_pk_to_pem(const lk_pk *k, const char *passphrase, char **pem, lk_error *err);
/* The same under a passphrase that is random, of 128 bits or more: nothing to stretch, so that opening it is
 * quick. */
lk_status lk_pk_to_pem_random(const lk_pk *k, const char *passphrase, char **pem, lk_error *err);
/* LK_E_ARG with "encrypted" in the message when a passphrase is needed or wrong. */
lk_status lk_pk_from_pem(const char *pem, size_t n, const char *passphrase, lk_pk **out, lk_error *err);
void lk_pk_free(lk_pk **k);
#define LK_PK_SIG_MAX 528
size_t lk_pk_sig_size(const lk_pk *k); /* 64 for ES256 and EdDSA */
lk_status lk_pk_sign(const lk_pk *k, const void *msg, size_t n, uint8_t sig[LK_PK_SIG_MAX], size_t *sig_n,
                     lk_error *err);

/* --- certificates -------------------------------------------------------------------------- */

typedef struct lk_der {
    uint8_t *data;
    size_t n;
} lk_der; /* one certificate; data is lk_free'd */
typedef struct lk_cert_name {
    const char *common_name, *organization, *country;
} lk_cert_name;
/* A self-signed root, and a leaf for C2PA signing (keyUsage digitalSignature; EKU emailProtection and
 * documentSigning; AKI, SKI; not a CA). days from now (lk_wall_time) minus an hour. */
lk_status lk_cert_root(const lk_pk *key, const lk_cert_name *name, int days, lk_der *out, lk_error *err);
lk_status lk_cert_leaf(const lk_pk *leaf_key, const lk_cert_name *name, int days, const lk_pk *root_key,
                       const lk_der *root, lk_der *out, lk_error *err);
lk_status lk_cert_to_pem(const lk_der *certs, int count, char **pem, lk_error *err);
/* At most max; certs[i].data each lk_free'd. */
lk_status lk_cert_from_pem(const char *pem, size_t n, lk_der *certs, int max, int *count, lk_error *err);

typedef struct lk_cert_info {
    char subject[256], issuer[256], common_name[128], organization[128], serial[64], key[32]; /* "EC P-256" */
    int64_t not_before, not_after;
    lk_hash sha256; /* of the DER */
    bool ca, self_signed;
} lk_cert_info;
lk_status lk_cert_read(const void *der, size_t n, lk_cert_info *out, lk_error *err);
bool lk_cert_matches_key(const void *der, size_t n, const lk_pk *key);
/* True when sig is alg's signature of msg by the certificate's key (key type must fit alg). */
bool lk_cert_verify(const void *der, size_t n, lk_pk_alg alg, const void *msg, size_t msg_n, const void *sig,
                    size_t sig_n);

typedef enum lk_cert_verdict {
    LK_CERT_TRUSTED,   /* chain ends in one of the anchors, profile and dates fit */
    LK_CERT_UNTRUSTED, /* well-formed and fit for signing, but no anchor vouches for it */
    LK_CERT_EXPIRED,   /* leaf outside its dates at `at` */
    LK_CERT_INVALID /* breaks the C2PA certificate profile (trust.md 1.5: v3, key type and size, AKI, KU, EKU,
                       not CA, no anyEKU, chain signature wrong...) */
} lk_cert_verdict;
/* chain[0] is the leaf. why: one short reason. Chains of at most 10; anchors are PEM bundles already split.
 */
lk_cert_verdict lk_cert_judge(const lk_der *chain, int count, const lk_der *anchors, int anchor_count,
                              int64_t at, char why[160]);

/* --- time stamps (RFC 3161) ------------------------------------------------------------------ */

/* A request for hash (SHA-256) with a random nonce and certReq; and the token out of a response, checked
 * against the request's hash. */
lk_status lk_tsa_request(const lk_hash *hash, void **der, size_t *n, lk_error *err);
lk_status lk_tsa_token(const void *response, size_t n, const lk_hash *hash, void **token, size_t *token_n,
                       int64_t *time, lk_error *err);
/* A token on its own, as found in a manifest: over hash, when; chain judged like signers but with
 * timeStamping EKU. */
lk_status lk_tsa_verify(const void *token, size_t n, const lk_hash *hash, const lk_der *anchors,
                        int anchor_count, int64_t *time, bool *trusted, lk_error *err);

#endif
