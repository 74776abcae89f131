/* cert.c: making certificates: a studio's self-signed root, and leaves that sign
 * C2PA claims. What a leaf carries is what the C2PA specification's certificate
 * profile demands, so that readers other than ours accept it.
 */
#include <string.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/crypto/pki_impl.h"

lk_status pki_take(unsigned char *encoded, int n, lk_der *out, lk_error *err)
{
    *out = (lk_der){0};
    if (n > 0) out->data = lk_alloc((size_t)n);
    if (out->data) {
        memcpy(out->data, encoded, (size_t)n);
        out->n = (size_t)n;
    }
    OPENSSL_free(encoded);
    if (!out->data) return PKI_NO_MEMORY(err);
    ERR_clear_error();
    return LK_OK;
}

static bool add_name(X509_NAME *to, const char *field, const char *value)
{
    return !value || !*value ||
           X509_NAME_add_entry_by_txt(to, field, MBSTRING_UTF8, (const unsigned char *)value, -1, -1, 0) == 1;
}

static bool set_name(X509_NAME *to, const lk_cert_name *name)
{
    return add_name(to, "C", name->country) && add_name(to, "O", name->organization) &&
           add_name(to, "CN", name->common_name);
}

static bool extend(X509 *x, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    bool ok = e && X509_add_ext(x, e, -1) == 1;
    X509_EXTENSION_free(e);
    return ok;
}

/* Sixteen random bytes, positive and of full length: two certificates never share one. */
static bool set_serial(X509 *x)
{
    uint8_t bytes[16];
    if (lk_random_bytes(bytes, sizeof bytes, NULL) != LK_OK) return false;
    bytes[0] = (uint8_t)((bytes[0] & 0x7f) | 0x40);
    BIGNUM *n = BN_bin2bn(bytes, sizeof bytes, NULL);
    bool ok = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x));
    BN_free(n);
    return ok;
}

/* All but names, extensions and signature. An hour back: clocks differ. */
static X509 *blank(const lk_pk *key, int64_t until)
{
    X509 *x = X509_new();
    if (x && X509_set_version(x, X509_VERSION_3) == 1 && set_serial(x) &&
        ASN1_TIME_set(X509_getm_notBefore(x), (time_t)(lk_wall_time() - 3600)) &&
        ASN1_TIME_set(X509_getm_notAfter(x), (time_t)until) && X509_set_pubkey(x, key->pkey) == 1)
        return x;
    X509_free(x);
    return NULL;
}

static bool sign_with(X509 *x, const lk_pk *key)
{
    const EVP_MD *md = key->alg == LK_PK_EDDSA   ? NULL
                       : key->alg == LK_PK_ES384 ? EVP_sha384()
                       : key->alg == LK_PK_ES512 ? EVP_sha512()
                                                 : EVP_sha256();
    return X509_sign(x, key->pkey, md) > 0;
}

static lk_status check_order(const lk_cert_name *name, int days, lk_error *err)
{
    if (!name->common_name || !*name->common_name)
        return LK_FAIL(err, LK_E_ARG, "a certificate needs a name");
    if (strlen(name->common_name) > 64 || (name->organization && strlen(name->organization) > 64))
        return LK_FAIL(err, LK_E_ARG, "names in certificates have at most 64 bytes");
    if (name->country && *name->country && strlen(name->country) != 2)
        return LK_FAIL(err, LK_E_ARG, "a country is two letters, such as DE, not \"%s\"", name->country);
    if (days < 1 || days > 36500)
        return LK_FAIL(err, LK_E_RANGE, "a certificate lasts 1 to 36500 days, not %d", days);
    return LK_OK;
}

static lk_status encode(X509 *x, bool ok, lk_der *out, lk_error *err)
{
    unsigned char *der = NULL;
    int n = ok ? i2d_X509(x, &der) : -1;
    X509_free(x);
    if (n <= 0) return PKI_FAIL(err, LK_E_BUG, "a certificate could not be made; is its name valid UTF-8?");
    return pki_take(der, n, out, err);
}

lk_status lk_cert_root(const lk_pk *key, const lk_cert_name *name, int days, lk_der *out, lk_error *err)
{
    *out = (lk_der){0};
    LK_TRY(check_order(name, days, err));
    X509 *x = blank(key, lk_wall_time() + (int64_t)days * 86400);
    bool ok = x && set_name(X509_get_subject_name(x), name) &&
              X509_set_issuer_name(x, X509_get_subject_name(x)) == 1 &&
              extend(x, x, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
              extend(x, x, NID_key_usage, "critical,keyCertSign,cRLSign") &&
              extend(x, x, NID_subject_key_identifier, "hash") &&
              extend(x, x, NID_authority_key_identifier, "keyid:always") && sign_with(x, key);
    return encode(x, ok, out, err);
}

lk_status lk_cert_leaf(const lk_pk *leaf_key, const lk_cert_name *name, int days, const lk_pk *root_key,
                       const lk_der *root, lk_der *out, lk_error *err)
{
    *out = (lk_der){0};
    LK_TRY(check_order(name, days, err));
    X509 *issuer = pki_parse(root->data, root->n);
    int64_t issuer_until = 0;
    if (!issuer || !pki_time(X509_get0_notAfter(issuer), &issuer_until) ||
        X509_check_private_key(issuer, root_key->pkey) != 1) {
        X509_free(issuer);
        return PKI_FAIL(err, LK_E_FORMAT,
                        "the root certificate is damaged or its key is another; restore both from a copy");
    }
    /* A leaf that outlives its root helps nobody. */
    int64_t until = LK_MIN(lk_wall_time() + (int64_t)days * 86400, issuer_until);
    if (until <= lk_wall_time()) {
        X509_free(issuer);
        return PKI_FAIL(
            err, LK_E_STATE,
            "the root certificate has expired; make a new one with: likeness keys make --replace");
    }
    X509 *x = blank(leaf_key, until);
    bool ok =
        x && set_name(X509_get_subject_name(x), name) &&
        X509_set_issuer_name(x, X509_get_subject_name(issuer)) == 1 &&
        extend(x, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
        extend(x, issuer, NID_key_usage, "critical,digitalSignature") &&
        extend(x, issuer, NID_ext_key_usage, "emailProtection,1.3.6.1.5.5.7.3.36") && /* documentSigning */
        extend(x, issuer, NID_subject_key_identifier, "hash") &&
        extend(x, issuer, NID_authority_key_identifier, "keyid:always") && sign_with(x, root_key);
    X509_free(issuer);
    return encode(x, ok, out, err);
}

/* --- PEM ----------------------------------------------------------------------------------- */

lk_status lk_cert_to_pem(const lk_der *certs, int count, char **pem, lk_error *err)
{
    *pem = NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    bool ok = bio != NULL;
    for (int i = 0; ok && i < count; i++)
        ok = PEM_write_bio(bio, "CERTIFICATE", "", certs[i].data, (long)certs[i].n) > 0;
    char *text = NULL;
    long n = ok ? BIO_get_mem_data(bio, &text) : -1;
    if (n >= 0) *pem = lk_alloc((size_t)n + 1);
    if (*pem) {
        if (n) memcpy(*pem, text, (size_t)n);
        (*pem)[n] = '\0';
    }
    BIO_free(bio);
    if (!*pem) return PKI_NO_MEMORY(err);
    return LK_OK;
}

static bool is_certificate(const char *name)
{
    return !strcmp(name, "CERTIFICATE") || !strcmp(name, "X509 CERTIFICATE") ||
           !strcmp(name, "TRUSTED CERTIFICATE");
}

lk_status lk_cert_from_pem(const char *pem, size_t n, lk_der *certs, int max, int *count, lk_error *err)
{
    *count = 0;
    if (n > 16u << 20)
        return LK_FAIL(err, LK_E_RANGE, "certificates of %zu bytes are too many; 16 MiB is the most", n);
    BIO *bio = BIO_new_mem_buf(pem, (int)n);
    if (!bio) return PKI_NO_MEMORY(err);
    lk_status s = LK_OK;
    char *name = NULL, *header = NULL;
    unsigned char *der = NULL;
    long der_n = 0;
    while (s == LK_OK && PEM_read_bio(bio, &name, &header, &der, &der_n) == 1) {
        if (is_certificate(name)) {
            X509 *x = pki_parse(der, (size_t)der_n);
            if (!x)
                s = PKI_FAIL(err, LK_E_FORMAT, "certificate %d of the file is damaged; get it again",
                             *count + 1);
            else if (*count == max)
                s = PKI_FAIL(err, LK_E_RANGE, "there are more than %d certificates in the file", max);
            else {
                s = pki_take(der, (int)der_n, &certs[*count], err);
                der = NULL;
                if (s == LK_OK) (*count)++;
            }
            X509_free(x);
        }
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_clear_free(der, der ? (size_t)der_n : 0);
        name = header = NULL;
        der = NULL;
    }
    BIO_free(bio);
    ERR_clear_error(); /* the end of the file is an error to OpenSSL */
    if (s == LK_OK && !*count) s = LK_FAIL(err, LK_E_FORMAT, "there is no certificate (PEM) in it");
    if (s != LK_OK) {
        for (int i = 0; i < *count; i++) lk_free(certs[i].data);
        *count = 0;
    }
    return s;
}
