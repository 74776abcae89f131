/* test_pki.c: keys, signatures, certificates, time stamps. */
#include "check.h"

#include "certs.h"

#include <openssl/ts.h>

static lk_error err;
static const char text[] = "the bytes that are signed";

static int unhex(const char *hex, uint8_t *out)
{
    int n = 0;
    unsigned v;
    for (; hex[0] && sscanf(hex, "%2x", &v) == 1; hex += 2) out[n++] = (uint8_t)v;
    return n;
}

/* --- keys and signatures ---------------------------------------------------------------------- */

static void with_certificate(lk_pk *key, lk_der *cert)
{
    CHECK_OK(lk_cert_root(key, &(lk_cert_name){"test", NULL, NULL}, 10, cert, &err), &err);
}

static void round_trip(lk_pk_alg alg)
{
    uint8_t sig[LK_PK_SIG_MAX];
    size_t n = 0;
    lk_pk *key, *other;
    lk_der cert, wrong;
    CHECK_OK(lk_pk_new(alg, &key, &err), &err);
    CHECK_OK(lk_pk_new(alg, &other, &err), &err);
    with_certificate(key, &cert);
    with_certificate(other, &wrong);
    CHECK_INT(lk_pk_alg_of(key), alg);
    CHECK_INT(lk_pk_sig_size(key), 64);
    for (size_t len = 0; len <= sizeof text; len += sizeof text) {
        CHECK_OK(lk_pk_sign(key, text, len, sig, &n, &err), &err);
        CHECK_INT(n, 64);
        CHECK(lk_cert_verify(cert.data, cert.n, alg, text, len, sig, n), "own signature");
        CHECK(!lk_cert_verify(wrong.data, wrong.n, alg, text, len, sig, n), "another's certificate");
        CHECK(!lk_cert_verify(cert.data, cert.n, alg, "x", 1, sig, n), "other words");
        CHECK(!lk_cert_verify(cert.data, cert.n, alg, text, len, sig, n - 1), "short");
        CHECK(!lk_cert_verify(cert.data, cert.n, alg == LK_PK_EDDSA ? LK_PK_ES256 : LK_PK_EDDSA, text, len,
                              sig, n),
              "alg");
        CHECK(!lk_cert_verify(cert.data, cert.n, LK_PK_PS256, text, len, sig, n), "alg");
        for (int bit = 0; bit < 512; bit += 7) {
            sig[bit / 8] ^= (uint8_t)(1 << bit % 8);
            CHECK(!lk_cert_verify(cert.data, cert.n, alg, text, len, sig, n), "bit %d flipped", bit);
            sig[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
    CHECK(lk_cert_matches_key(cert.data, cert.n, key), "own key");
    CHECK(!lk_cert_matches_key(cert.data, cert.n, other), "another key");
    lk_free(cert.data);
    lk_free(wrong.data);
    lk_pk_free(&key);
    lk_pk_free(&other);
    CHECK(!key, "freed");
}

static void es256(void) { round_trip(LK_PK_ES256); }
static void eddsa(void) { round_trip(LK_PK_EDDSA); }

/* r and s are padded to 32 bytes: about one signature in 128 has a leading zero. */
static void es256_short_numbers(void)
{
    uint8_t sig[LK_PK_SIG_MAX];
    size_t n;
    lk_pk *key;
    lk_der cert;
    int padded = 0;
    CHECK_OK(lk_pk_new(LK_PK_ES256, &key, &err), &err);
    with_certificate(key, &cert);
    for (int i = 0; i < 6000 && padded < 3; i++) {
        CHECK_OK(lk_pk_sign(key, &i, sizeof i, sig, &n, &err), &err);
        if (sig[0] && sig[32]) continue;
        padded++;
        CHECK(lk_cert_verify(cert.data, cert.n, LK_PK_ES256, &i, sizeof i, sig, n), "signature %d", i);
    }
    CHECK_INT(padded, 3);
    lk_free(cert.data);
    lk_pk_free(&key);
}

/* RFC 8032, 7.1, tests 1 to 3: secret, public, message, signature. */
static void rfc8032(void)
{
    static const char *const vectors[][4] = {
        {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
         "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
         "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25"
         "bf5f0595bbe24"
         "655141438e7a100b"},
        {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
         "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
         "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387"
         "b2eaeb4302aee"
         "b00d291612bb0c00"},
        {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
         "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
         "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7"
         "c15e9716ed28d"
         "c027beceea1ec40a"},
    };
    for (size_t i = 0; i < LK_COUNT(vectors); i++) {
        uint8_t secret[32], want[64], msg[4], got[LK_PK_SIG_MAX];
        size_t n = 0, msg_n = (size_t)unhex(vectors[i][2], msg);
        unhex(vectors[i][0], secret);
        unhex(vectors[i][3], want);
        EVP_PKEY *raw = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, 32);
        BIO *bio = BIO_new(BIO_s_mem());
        char *pem;
        PEM_write_bio_PrivateKey(bio, raw, NULL, NULL, 0, NULL, NULL);
        size_t pem_n = (size_t)BIO_get_mem_data(bio, &pem);
        lk_pk *key;
        lk_der cert;
        CHECK_OK(lk_pk_from_pem(pem, pem_n, NULL, &key, &err), &err);
        CHECK_OK(lk_pk_sign(key, msg, msg_n, got, &n, &err), &err);
        CHECK(n == 64 && !memcmp(got, want, 64), "vector %zu", i);
        with_certificate(key, &cert);
        CHECK(lk_cert_verify(cert.data, cert.n, LK_PK_EDDSA, msg, msg_n, want, 64), "vector %zu", i);
        lk_free(cert.data);
        lk_pk_free(&key);
        BIO_free(bio);
        EVP_PKEY_free(raw);
    }
}

/* RFC 6979, A.2.5: P-256 with SHA-256 of "sample"; A.2.6: P-384 with SHA-384. */
static void rfc6979(void)
{
    static const struct {
        const char *curve;
        lk_pk_alg alg;
        const char *point, *sig;
    } vectors[] = {
        {"prime256v1", LK_PK_ES256,
         "0460FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB67903FE1008B8BC99A41AE9E95628BC64F"
         "2F1B20C2D7E9F5177A3C294D4462299",
         "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716F7CB1C942D657C41D436C7A1B6E29F65F3E"
         "900DBB9AFF4064DC4AB2F843ACDA8"},
        {"secp384r1", LK_PK_ES384,
         "04EC3A4E415B4E19A4568618029F427FA5DA9A8BC4AE92E02E06AAE5286B300C64DEF8F0EA9055866064A254515480BC138"
         "015D9B72D7D57244EA8EF9AC0C621896708A59367F9DFB9F54CA84B3F1C9DB1288B231C3AE0D4FE7344FD2533264720",
         "94EDBB92A5ECB8AAD4736E56C691916B3F88140666CE9FA73D64C4EA95AD133C81A648152E44ACF96E36DD1E80FABE4699E"
         "F4AEB15F178CEA1FE40DB2603138F130E740A19624526203B6351D0A3A94FA329C145786E679E7B82C71A38628AC8"},
    };
    for (size_t i = 0; i < LK_COUNT(vectors); i++) {
        uint8_t point[160], sig[160];
        int point_n = unhex(vectors[i].point, point), sig_n = unhex(vectors[i].sig, sig);
        OSSL_PARAM params[] = {
            OSSL_PARAM_construct_utf8_string("group", (char *)(uintptr_t)vectors[i].curve, 0),
            OSSL_PARAM_construct_octet_string("pub", point, (size_t)point_n), OSSL_PARAM_construct_end()};
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
        EVP_PKEY *pub = NULL;
        EVP_PKEY_fromdata_init(ctx);
        CHECK_INT(EVP_PKEY_fromdata(ctx, &pub, EVP_PKEY_PUBLIC_KEY, params), 1);
        EVP_PKEY_CTX_free(ctx);
        /* A certificate that holds the key: who signed it does not matter here. */
        made_cert ca = cert_make(&(cert_plan){.name = "any"}, NULL);
        X509_set_pubkey(ca.x, pub);
        X509_sign(ca.x, ca.key, EVP_sha256());
        unsigned char *der = NULL;
        int n = i2d_X509(ca.x, &der);
        CHECK(lk_cert_verify(der, (size_t)n, vectors[i].alg, "sample", 6, sig, (size_t)sig_n), "vector %zu",
              i);
        CHECK(!lk_cert_verify(der, (size_t)n, vectors[i].alg, "sampla", 6, sig, (size_t)sig_n), "vector %zu",
              i);
        OPENSSL_free(der);
        EVP_PKEY_free(pub);
        cert_free(&ca);
    }
}

/* What others sign with: every algorithm that may be verified, and none that does not fit the key. */
static void other_algorithms(void)
{
    static const struct {
        const char *key, *hash;
        lk_pk_alg alg;
        bool pss;
    } rows[] = {
        {"P-384", "SHA384", LK_PK_ES384, false},  {"P-521", "SHA512", LK_PK_ES512, false},
        {"P-384", "SHA256", LK_PK_ES256, false},  {"RSA2048", "SHA256", LK_PK_PS256, true},
        {"RSA3072", "SHA384", LK_PK_PS384, true}, {"RSA2048", "SHA512", LK_PK_PS512, true},
    };
    for (size_t i = 0; i < LK_COUNT(rows); i++) {
        made_cert c = cert_make(&(cert_plan){.key = rows[i].key}, NULL);
        uint8_t sig[600], raw[600];
        size_t n = sizeof sig;
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        EVP_PKEY_CTX *how;
        EVP_DigestSignInit(ctx, &how, EVP_get_digestbyname(rows[i].hash), NULL, c.key);
        if (rows[i].pss) {
            EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING);
            EVP_PKEY_CTX_set_rsa_pss_saltlen(how, RSA_PSS_SALTLEN_DIGEST);
        }
        CHECK_INT(EVP_DigestSign(ctx, sig, &n, (const unsigned char *)text, sizeof text), 1);
        EVP_MD_CTX_free(ctx);
        if (!rows[i].pss) {
            const unsigned char *p = sig;
            ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &p, (long)n);
            int half = EVP_PKEY_get_bits(c.key) == 384 ? 48 : 66;
            BN_bn2binpad(ECDSA_SIG_get0_r(s), raw, half);
            BN_bn2binpad(ECDSA_SIG_get0_s(s), raw + half, half);
            ECDSA_SIG_free(s);
            n = (size_t)(2 * half);
        } else memcpy(raw, sig, n);
        CHECK(lk_cert_verify(c.der.data, c.der.n, rows[i].alg, text, sizeof text, raw, n), "row %zu", i);
        for (int alg = LK_PK_PS512; alg <= LK_PK_ES256; alg++)
            if (alg != (int)rows[i].alg)
                CHECK(!lk_cert_verify(c.der.data, c.der.n, (lk_pk_alg)alg, text, sizeof text, raw, n),
                      "row %zu as %d", i, alg);
        raw[5] ^= 1;
        CHECK(!lk_cert_verify(c.der.data, c.der.n, rows[i].alg, text, sizeof text, raw, n), "row %zu", i);
        cert_free(&c);
    }
}

static void passphrases(void)
{
    lk_pk *key, *back;
    char *pem;
    uint8_t sig[LK_PK_SIG_MAX];
    size_t n;
    lk_der cert;
    CHECK_OK(lk_pk_new(LK_PK_ES256, &key, &err), &err);
    with_certificate(key, &cert);
    CHECK_OK(lk_pk_to_pem(key, "correct horse", &pem, &err), &err);
    CHECK(strstr(pem, "BEGIN ENCRYPTED PRIVATE KEY"), "%s", pem);
    CHECK_OK(lk_pk_from_pem(pem, strlen(pem), "correct horse", &back, &err), &err);
    CHECK_OK(lk_pk_sign(back, text, sizeof text, sig, &n, &err), &err);
    CHECK(lk_cert_verify(cert.data, cert.n, LK_PK_ES256, text, sizeof text, sig, n), "the same key");
    lk_pk_free(&back);
    CHECK_STATUS(lk_pk_from_pem(pem, strlen(pem), "correct hors", &back, &err), LK_E_ARG, &err);
    CHECK(strstr(err.message, "encrypted") && !back, "%s", err.message);
    CHECK_STATUS(lk_pk_from_pem(pem, strlen(pem), NULL, &back, &err), LK_E_ARG, &err);
    CHECK(strstr(err.message, "encrypted") && !back, "%s", err.message);
    CHECK_STATUS(lk_pk_from_pem(pem, strlen(pem), "", &back, &err), LK_E_ARG, &err);
    pem[strlen(pem) / 2] ^= 1;
    CHECK(lk_pk_from_pem(pem, strlen(pem), "correct horse", &back, &err) != LK_OK && !back, "damaged");
    lk_free(pem);
    CHECK_OK(lk_pk_to_pem_random(key, "0123456789abcdef", &pem, &err), &err);
    CHECK(strstr(pem, "BEGIN ENCRYPTED PRIVATE KEY"), "%s", pem);
    CHECK_STATUS(lk_pk_from_pem(pem, strlen(pem), "0123456789abcdee", &back, &err), LK_E_ARG, &err);
    CHECK_OK(lk_pk_from_pem(pem, strlen(pem), "0123456789abcdef", &back, &err), &err);
    lk_pk_free(&back);
    lk_free(pem);
    CHECK_OK(lk_pk_to_pem(key, NULL, &pem, &err), &err);
    CHECK(strstr(pem, "BEGIN PRIVATE KEY"), "%s", pem);
    CHECK_OK(lk_pk_from_pem(pem, strlen(pem), NULL, &back, &err), &err);
    lk_pk_free(&back);
    lk_free(pem);
    CHECK_STATUS(lk_pk_to_pem(key, "", &pem, &err), LK_E_ARG, &err);
    CHECK_STATUS(lk_pk_from_pem("no key", 6, NULL, &back, &err), LK_E_FORMAT, &err);
    CHECK_STATUS(lk_pk_new(LK_PK_PS256, &back, &err), LK_E_ARG, &err);
    lk_free(cert.data);
    lk_pk_free(&key);
}

/* Keys of kinds that cannot sign content credentials are named and refused. */
static void unfit_keys(void)
{
    static const char *const kinds[] = {"P-224", "RSA1024", "ED448"};
    for (size_t i = 0; i < LK_COUNT(kinds); i++) {
        EVP_PKEY *raw = plan_key(&(cert_plan){.key = kinds[i]});
        BIO *bio = BIO_new(BIO_s_mem());
        char *pem;
        lk_pk *key;
        PEM_write_bio_PrivateKey(bio, raw, NULL, NULL, 0, NULL, NULL);
        size_t n = (size_t)BIO_get_mem_data(bio, &pem);
        CHECK_STATUS(lk_pk_from_pem(pem, n, NULL, &key, &err), LK_E_UNSUPPORTED, &err);
        BIO_free(bio);
        EVP_PKEY_free(raw);
    }
}

/* --- time stamps ------------------------------------------------------------------------------ */

static ASN1_INTEGER *next_serial(TS_RESP_CTX *ctx, void *user)
{
    ASN1_INTEGER *n = ASN1_INTEGER_new();
    ASN1_INTEGER_set(n, 7);
    return n;
}
static int64_t stamp_time;
static int fixed_time(TS_RESP_CTX *ctx, void *user, long *sec, long *usec)
{
    *sec = (long)stamp_time;
    *usec = 0;
    return 1;
}

/* A time-stamp server's answer to a request. */
static unsigned char *answer(const made_cert *tsa, const void *request, size_t n, int *len)
{
    TS_RESP_CTX *ctx = TS_RESP_CTX_new();
    TS_RESP_CTX_set_serial_cb(ctx, next_serial, NULL);
    TS_RESP_CTX_set_time_cb(ctx, fixed_time, NULL);
    TS_RESP_CTX_set_signer_cert(ctx, tsa->x);
    TS_RESP_CTX_set_signer_key(ctx, tsa->key);
    TS_RESP_CTX_set_signer_digest(ctx, EVP_sha256());
    ASN1_OBJECT *policy = OBJ_txt2obj("1.2.3.4", 1);
    TS_RESP_CTX_set_def_policy(ctx, policy);
    TS_RESP_CTX_add_md(ctx, EVP_sha256());
    TS_RESP_CTX_set_ess_cert_id_digest(ctx, EVP_sha256());
    BIO *in = BIO_new_mem_buf(request, (int)n);
    TS_RESP *r = TS_RESP_create_response(ctx, in);
    unsigned char *der = NULL;
    *len = i2d_TS_RESP(r, &der);
    TS_RESP_free(r);
    BIO_free(in);
    ASN1_OBJECT_free(policy);
    TS_RESP_CTX_free(ctx);
    return der;
}

static void time_stamps(void)
{
    made_cert root = cert_make(&(cert_plan)ROOT, NULL), other = cert_make(&(cert_plan)ROOT, NULL);
    made_cert tsa = cert_make(
        &(cert_plan){.name = "tsa", .bc = "critical,CA:FALSE", KU, .eku = "critical,timeStamping"}, &root);
    lk_hash hash = lk_hash_bytes("signature", 9), wrong = lk_hash_bytes("signaturf", 9);
    void *request = NULL, *request2 = NULL, *token = NULL;
    size_t n = 0, token_n = 0;
    int64_t when = 0;
    int len = 0;
    bool trusted = false;
    CHECK_OK(lk_tsa_request(&hash, &request, &n, &err), &err);
    CHECK_OK(lk_tsa_request(&hash, &request2, &n, &err), &err);
    CHECK(memcmp(request, request2, n) != 0, "a nonce");
    stamp_time = NOW + 5;
    unsigned char *resp = answer(&tsa, request, n, &len);
    CHECK_OK(lk_tsa_token(resp, (size_t)len, &hash, &token, &token_n, &when, &err), &err);
    CHECK_INT(when, NOW + 5);
    CHECK_OK(lk_tsa_verify(token, token_n, &hash, &root.der, 1, &when, &trusted, &err), &err);
    CHECK(trusted && when == NOW + 5, "by its root");
    CHECK_OK(lk_tsa_verify(resp, (size_t)len, &hash, &root.der, 1, &when, &trusted, &err), &err);
    CHECK(trusted, "a whole response does too");
    CHECK_OK(lk_tsa_verify(token, token_n, &hash, &other.der, 1, &when, &trusted, &err), &err);
    CHECK(!trusted, "another root");
    CHECK_OK(lk_tsa_verify(token, token_n, &hash, NULL, 0, &when, &trusted, &err), &err);
    CHECK(!trusted, "no root");
    CHECK_STATUS(lk_tsa_verify(token, token_n, &wrong, &root.der, 1, &when, &trusted, &err), LK_E_FORMAT,
                 &err);
    void *none;
    size_t none_n;
    CHECK_STATUS(lk_tsa_token(resp, (size_t)len, &wrong, &none, &none_n, &when, &err), LK_E_FORMAT, &err);
    CHECK_STATUS(lk_tsa_token("<html>", 6, &hash, &none, &none_n, &when, &err), LK_E_FORMAT, &err);
    uint8_t *t = token;
    for (size_t i = 0; i < token_n; i++) {
        uint8_t was = t[i];
        t[i] ^= (uint8_t)(1 << i % 8);
        int64_t at = 0;
        if (lk_tsa_verify(t, token_n, &hash, &root.der, 1, &at, &trusted, &err) == LK_OK && trusted)
            CHECK(at == NOW + 5, "byte %zu changed the time", i);
        t[i] = was;
        lk_der cut = {lk_alloc(i), i};
        memcpy(cut.data, t, i);
        CHECK(lk_tsa_verify(cut.data, i, &hash, &root.der, 1, &at, &trusted, &err) != LK_OK && !trusted,
              "cut at %zu", i);
        lk_free(cut.data);
    }
    OPENSSL_free(resp);
    lk_free(token);
    /* A server with a certificate for mail stamps nothing, and one that had expired by then neither. */
    stamp_time = NOW + 500LL * DAY;
    resp = answer(&tsa, request, n, &len);
    CHECK_OK(lk_tsa_verify(resp, (size_t)len, &hash, &root.der, 1, &when, &trusted, &err), &err);
    CHECK(!trusted, "expired when it stamped");
    OPENSSL_free(resp);
    resp = answer(&tsa, "\x30\x03\x02\x01\x01", 5, &len); /* a refusal */
    CHECK_STATUS(lk_tsa_token(resp, (size_t)len, &hash, &none, &none_n, &when, &err), LK_E_FORMAT, &err);
    CHECK(strstr(err.message, "refused"), "%s", err.message);
    OPENSSL_free(resp);
    lk_free(request);
    lk_free(request2);
    cert_free(&tsa);
    cert_free(&root);
    cert_free(&other);
}

/* --- no memory -------------------------------------------------------------------------------- */

static lk_status everything(lk_error *e)
{
    lk_pk *root_key = NULL, *key = NULL, *back = NULL;
    lk_der root = {0}, leaf = {0}, list[2] = {{0}};
    char *pem = NULL, *certs = NULL;
    void *request = NULL;
    size_t n;
    int count = 0;
    lk_hash h = {{0}};
    lk_status s;
    LK_GOTO(done, lk_pk_new(LK_PK_EDDSA, &root_key, e));
    LK_GOTO(done, lk_pk_new(LK_PK_ES256, &key, e));
    LK_GOTO(done, lk_cert_root(root_key, &(lk_cert_name){"r", NULL, NULL}, 9, &root, e));
    LK_GOTO(done, lk_cert_leaf(key, &(lk_cert_name){"l", NULL, NULL}, 9, root_key, &root, &leaf, e));
    LK_GOTO(done, lk_pk_to_pem(key, NULL, &pem, e));
    LK_GOTO(done, lk_pk_from_pem(pem, strlen(pem), NULL, &back, e));
    LK_GOTO(done, lk_cert_to_pem((lk_der[]){leaf, root}, 2, &certs, e));
    LK_GOTO(done, lk_cert_from_pem(certs, strlen(certs), list, 2, &count, e));
    LK_GOTO(done, lk_tsa_request(&h, &request, &n, e));
done:
    for (int i = 0; i < count; i++) lk_free(list[i].data);
    lk_free(request);
    lk_free(certs);
    lk_free(pem);
    lk_free(root.data);
    lk_free(leaf.data);
    lk_pk_free(&back);
    lk_pk_free(&key);
    lk_pk_free(&root_key);
    return s;
}

static void no_memory(void)
{
    int64_t nth = 1;
    for (; nth < 100; nth++) {
        lk_fault_set(LK_FAULT_ALLOC, nth, false);
        lk_status s = everything(&err);
        int64_t seen = lk_fault_count(LK_FAULT_ALLOC);
        lk_fault_set(LK_FAULT_ALLOC, 0, false);
        if (seen < nth) {
            CHECK_OK(s, &err);
            break;
        }
        CHECK(s == LK_E_NOMEM, "allocation %lld: status %d: %s", (long long)nth, (int)s, err.message);
    }
    CHECK(nth > 5 && nth < 100, "%lld allocations", (long long)nth);
}

/* Deliberately last: OpenSSL's own allocations fail one after the other. */
static int64_t ossl_nth, ossl_seen;
static bool ossl_fails(void) { return ossl_nth && ++ossl_seen == ossl_nth; }
static void *ossl_malloc(size_t n, const char *f, int l) { return ossl_fails() ? NULL : malloc(n); }
static void *ossl_realloc(void *p, size_t n, const char *f, int l)
{
    return ossl_fails() ? NULL : realloc(p, n);
}
static void ossl_free(void *p, const char *f, int l) { free(p); }

static void no_memory_inside(void)
{
    int64_t nth = 1, failed = 0;
    CHECK_OK(everything(&err), &err); /* what OpenSSL sets up once is there now */
    made_cert root = cert_make(&(cert_plan)ROOT, NULL), leaf = cert_make(&(cert_plan){LEAF, KU, EKU}, &root);
    for (; nth < 20000; nth++) {
        char why[160];
        ossl_seen = 0;
        ossl_nth = nth;
        lk_cert_verdict v = lk_cert_judge(&leaf.der, 1, &root.der, 1, NOW, why);
        int64_t seen = ossl_seen;
        ossl_nth = 0;
        if (seen < nth) {
            CHECK_INT(v, LK_CERT_TRUSTED);
            break;
        }
        failed += v != LK_CERT_TRUSTED;
    }
    CHECK(failed > 10 && nth < 20000, "%lld refusals in %lld", (long long)failed, (long long)nth);
    for (nth = 1; nth < 60000; nth += 1 + nth / 50) {
        ossl_seen = 0;
        ossl_nth = nth;
        lk_status s = everything(&err);
        int64_t seen = ossl_seen;
        ossl_nth = 0;
        if (seen < nth) {
            CHECK_OK(s, &err);
            break;
        }
    }
    cert_free(&root);
    cert_free(&leaf);
}

static const check_test tests[] = {
    {"es256", es256},
    {"eddsa", eddsa},
    {"es256_short_numbers", es256_short_numbers},
    {"rfc8032", rfc8032},
    {"rfc6979", rfc6979},
    {"other_algorithms", other_algorithms},
    {"passphrases", passphrases},
    {"unfit_keys", unfit_keys},
    {"time_stamps", time_stamps},
    {"no_memory", no_memory},
    {"no_memory_inside", no_memory_inside},
};

int main(int argc, char **argv)
{
    CRYPTO_set_mem_functions(ossl_malloc, ossl_realloc, ossl_free);
    return check_main(argc, argv, tests, (int)LK_COUNT(tests));
}
