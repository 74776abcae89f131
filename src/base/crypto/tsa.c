/* tsa.c: RFC 3161 time stamps: the question, the answer, and a token on its own. */
#include <string.h>

#include <openssl/ts.h>

#include "base/crypto/pki_impl.h"

enum { TOKEN_MAX = 1 << 20 };

/* --- asking ---------------------------------------------------------------------------------- */

static bool set_imprint(TS_REQ *req, const lk_hash *hash)
{
    TS_MSG_IMPRINT *m = TS_MSG_IMPRINT_new();
    X509_ALGOR *alg = X509_ALGOR_new();
    bool ok = m && alg && X509_ALGOR_set0(alg, OBJ_nid2obj(NID_sha256), V_ASN1_NULL, NULL) == 1 &&
              TS_MSG_IMPRINT_set_algo(m, alg) == 1 &&
              TS_MSG_IMPRINT_set_msg(m, (unsigned char *)(uintptr_t)hash->b, LK_HASH_BYTES) == 1 &&
              TS_REQ_set_msg_imprint(req, m) == 1;
    X509_ALGOR_free(alg);
    TS_MSG_IMPRINT_free(m);
    return ok;
}

static bool set_nonce(TS_REQ *req)
{
    uint8_t bytes[16];
    if (lk_random_bytes(bytes, sizeof bytes, NULL) != LK_OK) return false;
    bytes[0] = (uint8_t)((bytes[0] & 0x7f) | 0x40);
    BIGNUM *n = BN_bin2bn(bytes, sizeof bytes, NULL);
    ASN1_INTEGER *nonce = n ? BN_to_ASN1_INTEGER(n, NULL) : NULL;
    bool ok = nonce && TS_REQ_set_nonce(req, nonce) == 1;
    ASN1_INTEGER_free(nonce);
    BN_free(n);
    return ok;
}

lk_status lk_tsa_request(const lk_hash *hash, void **der, size_t *n, lk_error *err)
{
    lk_der out = {0};
    unsigned char *bytes = NULL;
    int len = -1;
    *der = NULL;
    *n = 0;
    TS_REQ *req = TS_REQ_new();
    if (req && TS_REQ_set_version(req, 1) == 1 && set_imprint(req, hash) && set_nonce(req) &&
        TS_REQ_set_cert_req(req, 1) == 1)
        len = i2d_TS_REQ(req, &bytes);
    TS_REQ_free(req);
    if (len <= 0) return PKI_NO_MEMORY(err);
    LK_TRY(pki_take(bytes, len, &out, err));
    *der = out.data;
    *n = out.n;
    return LK_OK;
}

/* --- reading --------------------------------------------------------------------------------- */

static bool is_over(TS_TST_INFO *info, const lk_hash *hash)
{
    const ASN1_OBJECT *alg = NULL;
    TS_MSG_IMPRINT *m = TS_TST_INFO_get_msg_imprint(info);
    X509_ALGOR_get0(&alg, NULL, NULL, TS_MSG_IMPRINT_get_algo(m));
    const ASN1_OCTET_STRING *msg = TS_MSG_IMPRINT_get_msg(m);
    return OBJ_obj2nid(alg) == NID_sha256 && ASN1_STRING_length(msg) == LK_HASH_BYTES &&
           !memcmp(ASN1_STRING_get0_data(msg), hash->b, LK_HASH_BYTES);
}

/* The token's own words: signed by the one certificate that it names, over hash, at a time. */
static lk_status read_token(PKCS7 *token, const lk_hash *hash, int64_t *time, lk_error *err)
{
    lk_status s = LK_OK;
    if (!PKCS7_type_is_signed(token) || sk_PKCS7_SIGNER_INFO_num(PKCS7_get_signer_info(token)) != 1)
        return PKI_FAIL(err, LK_E_FORMAT, "the time stamp has not exactly one signer");
    TS_TST_INFO *info = PKCS7_to_TS_TST_INFO(token);
    if (!info) return PKI_FAIL(err, LK_E_FORMAT, "the time stamp holds no time");
    if (!is_over(info, hash)) s = PKI_FAIL(err, LK_E_FORMAT, "the time stamp is of something else");
    else if (!pki_time(TS_TST_INFO_get_time(info), time))
        s = PKI_FAIL(err, LK_E_FORMAT, "the time stamp's time is malformed");
    TS_TST_INFO_free(info);
    if (s == LK_OK && PKCS7_verify(token, NULL, NULL, NULL, NULL, PKCS7_NOVERIFY) != 1)
        s = PKI_FAIL(err, LK_E_FORMAT, "the time stamp's signature is wrong, or its certificate is missing");
    return s;
}

/* A whole response or a bare token; NULL when it is neither, or the response is a refusal. */
static PKCS7 *parse(const void *der, size_t n, bool *refused)
{
    PKCS7 *token = NULL;
    const unsigned char *p = der, *end = p + n;
    *refused = false;
    if (n > TOKEN_MAX) return NULL;
    TS_RESP *resp = d2i_TS_RESP(NULL, &p, (long)n);
    if (resp && p == end) {
        const ASN1_INTEGER *status = TS_STATUS_INFO_get0_status(TS_RESP_get_status_info(resp));
        long code = ASN1_INTEGER_get(status);
        *refused = code != TS_STATUS_GRANTED && code != TS_STATUS_GRANTED_WITH_MODS;
        PKCS7 *inside = TS_RESP_get_token(resp);
        if (!*refused && inside) token = PKCS7_dup(inside);
    } else {
        p = der;
        token = d2i_PKCS7(NULL, &p, (long)n);
        if (token && p != end) {
            PKCS7_free(token);
            token = NULL;
        }
    }
    TS_RESP_free(resp);
    ERR_clear_error();
    return token;
}

lk_status lk_tsa_token(const void *response, size_t n, const lk_hash *hash, void **token, size_t *token_n,
                       int64_t *time, lk_error *err)
{
    bool refused;
    lk_der out = {0};
    unsigned char *bytes = NULL;
    *token = NULL;
    *token_n = 0;
    PKCS7 *t = parse(response, n, &refused);
    if (!t)
        return LK_FAIL(err, LK_E_FORMAT,
                       refused ? "the time-stamp server refused; ask it later, or another one"
                               : "the time-stamp server's answer is no time stamp; check its address");
    lk_status s = read_token(t, hash, time, err);
    int len = s == LK_OK ? i2d_PKCS7(t, &bytes) : -1;
    PKCS7_free(t);
    if (s == LK_OK && len <= 0) s = PKI_NO_MEMORY(err);
    if (s == LK_OK) s = pki_take(bytes, len, &out, err);
    *token = out.data;
    *token_n = out.n;
    return s;
}

/* The path to an anchor, the purpose (timeStamping alone, critical) and the token's binding to its
 * certificate (ESSCertID) are OpenSSL's to check. */
static bool is_trusted(PKCS7 *token, const lk_der *anchors, int count, int64_t at)
{
    X509_STORE *store = pki_store(anchors, count, at);
    TS_VERIFY_CTX *ctx = store ? TS_VERIFY_CTX_new() : NULL;
    bool ok = false;
    if (ctx) {
        TS_VERIFY_CTX_set_flags(ctx, TS_VFY_SIGNATURE | TS_VFY_VERSION);
        TS_VERIFY_CTX_set_store(ctx, store); /* owns it from here */
        store = NULL;
        ok = TS_RESP_verify_token(ctx, token) == 1;
    }
    TS_VERIFY_CTX_free(ctx);
    X509_STORE_free(store);
    return ok;
}

lk_status lk_tsa_verify(const void *token, size_t n, const lk_hash *hash, const lk_der *anchors,
                        int anchor_count, int64_t *time, bool *trusted, lk_error *err)
{
    bool refused;
    *time = 0;
    *trusted = false;
    PKCS7 *t = parse(token, n, &refused);
    if (!t) return LK_FAIL(err, LK_E_FORMAT, "the time stamp is malformed");
    lk_status s = read_token(t, hash, time, err);
    if (s == LK_OK) *trusted = anchor_count > 0 && is_trusted(t, anchors, anchor_count, *time);
    PKCS7_free(t);
    ERR_clear_error();
    return s;
}
