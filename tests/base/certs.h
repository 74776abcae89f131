/* certs.h: certificates with one thing wrong, made by OpenSSL directly. */
#ifndef LK_TEST_CERTS_H
#define LK_TEST_CERTS_H

#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "base/pki.h"

#define NOW 1800000000 /* the tests' clock */
#define DAY 86400

typedef struct cert_plan {
    const char *key;  /* "P-256", "P-224", "ED25519", "RSA2048"... */
    const char *hash; /* NULL = SHA-256, or none for Ed25519 */
    const char *name;
    const char *bc, *ku, *eku; /* as in openssl.cnf; NULL = extension absent */
    bool no_aki, no_ski, v1, unknown_critical, unique_id, explicit_curve, pss;
    int64_t from, until; /* 0 = a day ago, in a year */
} cert_plan;

typedef struct made_cert {
    X509 *x;
    EVP_PKEY *key;
    lk_der der;
} made_cert;

static EVP_PKEY *plan_key(const cert_plan *p)
{
    const char *k = p->key ? p->key : "P-256";
    EVP_PKEY *key = !strncmp(k, "RSA", 3)   ? EVP_RSA_gen((unsigned)atoi(k + 3))
                    : !strcmp(k, "ED25519") ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")
                    : !strcmp(k, "ED448")   ? EVP_PKEY_Q_keygen(NULL, NULL, "ED448")
                                            : EVP_EC_gen(k);
    if (key && p->explicit_curve) EVP_PKEY_set_utf8_string_param(key, "encoding", "explicit");
    return key;
}

static void plan_extend(X509 *x, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    if (!value) return;
    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    if (!e || X509_add_ext(x, e, -1) != 1) abort();
    X509_EXTENSION_free(e);
}

/* issuer NULL: self-signed. */
static made_cert cert_make(const cert_plan *p, const made_cert *issuer)
{
    static long serial = 1000;
    made_cert m = {X509_new(), plan_key(p), {0}};
    X509 *x = m.x, *from = issuer ? issuer->x : x;
    if (!x || !m.key) abort();
    X509_set_version(x, p->v1 ? X509_VERSION_1 : X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial);
    ASN1_TIME_set(X509_getm_notBefore(x), p->from ? p->from : NOW - DAY);
    ASN1_TIME_set(X509_getm_notAfter(x), p->until ? p->until : NOW + 365 * DAY);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
                               (const unsigned char *)(p->name ? p->name : "test"), -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(from));
    X509_set_pubkey(x, m.key);
    if (!p->v1) {
        plan_extend(x, from, NID_basic_constraints, p->bc);
        plan_extend(x, from, NID_key_usage, p->ku);
        plan_extend(x, from, NID_ext_key_usage, p->eku);
        plan_extend(x, from, NID_subject_key_identifier, p->no_ski ? NULL : "hash");
        plan_extend(x, from, NID_authority_key_identifier, p->no_aki ? NULL : "keyid:always");
        if (p->unknown_critical) {
            ASN1_OBJECT *oid = OBJ_txt2obj("1.2.3.4.5.6", 1);
            ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
            ASN1_OCTET_STRING_set(value, (const unsigned char *)"\x05\x00", 2);
            X509_EXTENSION *e = X509_EXTENSION_create_by_OBJ(NULL, oid, 1, value);
            X509_add_ext(x, e, -1);
            X509_EXTENSION_free(e);
            ASN1_OCTET_STRING_free(value);
            ASN1_OBJECT_free(oid);
        }
    }
    EVP_PKEY *by = issuer ? issuer->key : m.key;
    const EVP_MD *md =
        EVP_PKEY_get_base_id(by) == EVP_PKEY_ED25519 || EVP_PKEY_get_base_id(by) == EVP_PKEY_ED448
            ? NULL
            : EVP_get_digestbyname(p->hash ? p->hash : "SHA256");
    if (p->pss) {
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        EVP_PKEY_CTX *how;
        EVP_DigestSignInit(ctx, &how, md, NULL, by);
        EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING);
        if (X509_sign_ctx(x, ctx) <= 0) abort();
        EVP_MD_CTX_free(ctx);
    } else if (X509_sign(x, by, md) <= 0) abort();
    unsigned char *der = NULL;
    int n = i2d_X509(x, &der);
    m.der.data = lk_alloc((size_t)n);
    memcpy(m.der.data, der, (size_t)n);
    m.der.n = (size_t)n;
    OPENSSL_free(der);
    return m;
}

static void cert_free(made_cert *m)
{
    X509_free(m->x);
    EVP_PKEY_free(m->key);
    lk_free(m->der.data);
    *m = (made_cert){0};
}

/* Parts of plans: an issuer, and a signer as C2PA wants it. */
#define ROOT                                                                                                 \
    {                                                                                                        \
        .name = "root", .bc = "critical,CA:TRUE", .ku = "critical,keyCertSign,cRLSign"                       \
    }
#define LEAF .name = "leaf", .bc = "critical,CA:FALSE"
#define KU .ku = "critical,digitalSignature"
#define EKU .eku = "emailProtection"

#endif
