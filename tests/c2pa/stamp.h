/* stamp.h: a time-stamp authority for tests, as c2pa_signer.time_stamp. */
#ifndef LK_TESTS_C2PA_STAMP_H
#define LK_TESTS_C2PA_STAMP_H

#include <openssl/ts.h>

#include "base/certs.h"

typedef struct authority {
    made_cert root, cert;
    int64_t now;   /* the time that it states */
    bool refuses;
    int asked;
} authority;

static ASN1_INTEGER *stamp_serial(TS_RESP_CTX *ctx, void *user)
{
    ASN1_INTEGER *n = ASN1_INTEGER_new();
    ASN1_INTEGER_set(n, 7);
    return n;
}
static int stamp_time(TS_RESP_CTX *ctx, void *user, long *sec, long *usec)
{
    *sec = (long)((authority *)user)->now;
    *usec = 0;
    return 1;
}

__attribute__((unused)) static void authority_make(authority *a, int64_t now)
{
    a->root = cert_make(&(cert_plan){.name = "Stamp root", .bc = "critical,CA:TRUE", .ku = "critical,keyCertSign", .from = now - DAY,
                                     .until = now + 3650LL * DAY}, NULL);
    a->cert = cert_make(&(cert_plan){.name = "Stamps", .bc = "critical,CA:FALSE", .ku = "critical,digitalSignature",
                                     .eku = "critical,timeStamping", .from = now - DAY, .until = now + 3650LL * DAY}, &a->root);
    a->now = now;
}

__attribute__((unused)) static void authority_free(authority *a)
{
    cert_free(&a->root);
    cert_free(&a->cert);
}

__attribute__((unused)) static lk_status authority_stamp(void *user, const void *request, size_t n, void **response, size_t *response_n,
                                                         lk_error *err)
{
    authority *a = user;
    a->asked++;
    if (a->refuses) return LK_FAIL(err, LK_E_IO, "the time-stamp service does not answer");
    TS_RESP_CTX *ctx = TS_RESP_CTX_new();
    TS_RESP_CTX_set_serial_cb(ctx, stamp_serial, NULL);
    TS_RESP_CTX_set_time_cb(ctx, stamp_time, a);
    TS_RESP_CTX_set_signer_cert(ctx, a->cert.x);
    TS_RESP_CTX_set_signer_key(ctx, a->cert.key);
    TS_RESP_CTX_set_signer_digest(ctx, EVP_sha256());
    ASN1_OBJECT *policy = OBJ_txt2obj("1.2.3.4", 1);
    TS_RESP_CTX_set_def_policy(ctx, policy);
    TS_RESP_CTX_add_md(ctx, EVP_sha256());
    TS_RESP_CTX_set_ess_cert_id_digest(ctx, EVP_sha256());
    BIO *in = BIO_new_mem_buf(request, (int)n);
    TS_RESP *r = TS_RESP_create_response(ctx, in);
    unsigned char *der = NULL;
    int len = i2d_TS_RESP(r, &der);
    *response = len > 0 ? lk_alloc((size_t)len) : NULL;
    *response_n = len > 0 ? (size_t)len : 0;
    if (*response) memcpy(*response, der, (size_t)len);
    OPENSSL_free(der);
    TS_RESP_free(r);
    BIO_free(in);
    ASN1_OBJECT_free(policy);
    TS_RESP_CTX_free(ctx);
    return *response ? LK_OK : LK_FAIL(err, LK_E_NOMEM, "no memory for a time stamp");
}

#endif
