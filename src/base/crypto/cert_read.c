/* cert_read.c: what a certificate says, and signatures checked with its key. */
#include <string.h>
#include <time.h>

#include <openssl/x509v3.h>

#include "base/crypto/pki_impl.h"

enum { DER_MAX = 1 << 16 };

X509 *pki_parse(const void *der, size_t n)
{
    if (!der || n == 0 || n > DER_MAX) return NULL;
    const unsigned char *p = der;
    X509 *x = d2i_X509(NULL, &p, (long)n);
    unsigned char *again = NULL;
    int again_n = x && p == (const unsigned char *)der + n ? i2d_X509(x, &again) : -1;
    if (again_n != (int)n || memcmp(again, der, n) != 0) {
        X509_free(x);
        x = NULL;
    }
    OPENSSL_free(again);
    ERR_clear_error();
    return x;
}

bool pki_time(const ASN1_TIME *t, int64_t *out)
{
    struct tm tm;
    if (!t || ASN1_TIME_to_tm(t, &tm) != 1) return false;
    *out = (int64_t)timegm(&tm);
    return true;
}

/* Printable on one line whatever the certificate says. */
static void copy_clean(const char *from, size_t n, char *to, size_t room)
{
    size_t used = LK_MIN(n, room - 1);
    while (used > 0 && used < n && ((unsigned char)from[used] & 0xc0) == 0x80) used--; /* no half letter */
    for (size_t i = 0; i < used; i++) to[i] = (unsigned char)from[i] < 32 || from[i] == 127 ? '?' : from[i];
    to[used] = '\0';
}

static void name_line(const X509_NAME *name, char *out, size_t room)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    long n = 0;
    if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0)
        n = BIO_get_mem_data(bio, &text);
    copy_clean(text ? text : "", n > 0 ? (size_t)n : 0, out, room);
    BIO_free(bio);
}

static void name_field(const X509_NAME *name, int nid, char *out, size_t room)
{
    unsigned char *utf8 = NULL;
    int at = X509_NAME_get_index_by_NID(name, nid, -1);
    const X509_NAME_ENTRY *e = at >= 0 ? X509_NAME_get_entry(name, at) : NULL;
    int n = e ? ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(e)) : 0;
    copy_clean(utf8 ? (const char *)utf8 : "", n > 0 ? (size_t)n : 0, out, room);
    OPENSSL_free(utf8);
}

static void serial_hex(const ASN1_INTEGER *serial, char out[64])
{
    const unsigned char *p = ASN1_STRING_get0_data(serial);
    int n = LK_MIN(ASN1_STRING_length(serial), 31);
    out[0] = '\0';
    for (int i = 0; i < n; i++) snprintf(out + 2 * i, 3, "%02x", p[i]);
}

lk_status lk_cert_read(const void *der, size_t n, lk_cert_info *out, lk_error *err)
{
    *out = (lk_cert_info){.ca = false};
    X509 *x = pki_parse(der, n);
    if (!x) return PKI_FAIL(err, LK_E_FORMAT, "a certificate is damaged");
    if (!pki_time(X509_get0_notBefore(x), &out->not_before) ||
        !pki_time(X509_get0_notAfter(x), &out->not_after)) {
        X509_free(x);
        return PKI_FAIL(err, LK_E_FORMAT, "a certificate has no readable dates");
    }
    const X509_NAME *subject = X509_get_subject_name(x), *issuer = X509_get_issuer_name(x);
    name_line(subject, out->subject, sizeof out->subject);
    name_line(issuer, out->issuer, sizeof out->issuer);
    name_field(subject, NID_commonName, out->common_name, sizeof out->common_name);
    name_field(subject, NID_organizationName, out->organization, sizeof out->organization);
    serial_hex(X509_get0_serialNumber(x), out->serial);
    EVP_PKEY *key = X509_get0_pubkey(x);
    if (key) pki_key_name(key, out->key);
    else snprintf(out->key, sizeof out->key, "unknown");
    out->sha256 = lk_hash_bytes(der, n);
    out->ca = X509_check_ca(x) == 1;
    out->self_signed = X509_NAME_cmp(subject, issuer) == 0;
    X509_free(x);
    ERR_clear_error();
    return LK_OK;
}

bool lk_cert_matches_key(const void *der, size_t n, const lk_pk *key)
{
    X509 *x = pki_parse(der, n);
    bool ok = x && X509_check_private_key(x, key->pkey) == 1;
    X509_free(x);
    ERR_clear_error();
    return ok;
}

bool lk_cert_verify(const void *der, size_t n, lk_pk_alg alg, const void *msg, size_t msg_n, const void *sig,
                    size_t sig_n)
{
    X509 *x = pki_parse(der, n);
    EVP_PKEY *key = x ? X509_get0_pubkey(x) : NULL;
    bool ok = key && pki_verify(key, alg, msg, msg_n, sig, sig_n);
    X509_free(x);
    ERR_clear_error();
    return ok;
}
