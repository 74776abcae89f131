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

static lk_der copy(const lk_der *d)
{
    lk_der c = {lk_alloc(d->n), d->n};
    memcpy(c.data, d->data, d->n);
    return c;
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
        CHECK(!lk_cert_verify(cert.data, cert.n, alg == LK_PK_EDDSA ? LK_PK_ES256 : LK_PK_EDDSA, text, len, sig, n), "alg");
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
         "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24"
         "655141438e7a100b"},
        {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
         "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
         "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aee"
         "b00d291612bb0c00"},
        {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
         "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
         "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28d"
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
    static const struct { const char *curve; lk_pk_alg alg; const char *point, *sig; } vectors[] = {
        {"prime256v1", LK_PK_ES256,
         "0460FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB67903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299",
         "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8"},
        {"secp384r1", LK_PK_ES384,
         "04EC3A4E415B4E19A4568618029F427FA5DA9A8BC4AE92E02E06AAE5286B300C64DEF8F0EA9055866064A254515480BC138015D9B72D7D57244EA8EF9AC0C621896708A59367F9DFB9F54CA84B3F1C9DB1288B231C3AE0D4FE7344FD2533264720",
         "94EDBB92A5ECB8AAD4736E56C691916B3F88140666CE9FA73D64C4EA95AD133C81A648152E44ACF96E36DD1E80FABE4699EF4AEB15F178CEA1FE40DB2603138F130E740A19624526203B6351D0A3A94FA329C145786E679E7B82C71A38628AC8"},
    };
    for (size_t i = 0; i < LK_COUNT(vectors); i++) {
        uint8_t point[160], sig[160];
        int point_n = unhex(vectors[i].point, point), sig_n = unhex(vectors[i].sig, sig);
        OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("group", (char *)(uintptr_t)vectors[i].curve, 0),
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
        CHECK(lk_cert_verify(der, (size_t)n, vectors[i].alg, "sample", 6, sig, (size_t)sig_n), "vector %zu", i);
        CHECK(!lk_cert_verify(der, (size_t)n, vectors[i].alg, "sampla", 6, sig, (size_t)sig_n), "vector %zu", i);
        OPENSSL_free(der);
        EVP_PKEY_free(pub);
        cert_free(&ca);
    }
}

/* What others sign with: every algorithm that may be verified, and none that does not fit the key. */
static void other_algorithms(void)
{
    static const struct { const char *key, *hash; lk_pk_alg alg; bool pss; } rows[] = {
        {"P-384", "SHA384", LK_PK_ES384, false}, {"P-521", "SHA512", LK_PK_ES512, false}, {"P-384", "SHA256", LK_PK_ES256, false},
        {"RSA2048", "SHA256", LK_PK_PS256, true}, {"RSA3072", "SHA384", LK_PK_PS384, true}, {"RSA2048", "SHA512", LK_PK_PS512, true},
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
        } else
            memcpy(raw, sig, n);
        CHECK(lk_cert_verify(c.der.data, c.der.n, rows[i].alg, text, sizeof text, raw, n), "row %zu", i);
        for (int alg = LK_PK_PS512; alg <= LK_PK_ES256; alg++)
            if (alg != (int)rows[i].alg)
                CHECK(!lk_cert_verify(c.der.data, c.der.n, (lk_pk_alg)alg, text, sizeof text, raw, n), "row %zu as %d", i, alg);
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

/* --- certificates --------------------------------------------------------------------------- */

static void made_certificates(void)
{
    lk_pk *root_key, *leaf_key;
    lk_der root, leaf;
    lk_cert_info info;
    char why[160];
    lk_wall_time_set(NOW);
    for (int i = 0; i < 2; i++) {
        lk_pk_alg alg = i ? LK_PK_EDDSA : LK_PK_ES256;
        CHECK_OK(lk_pk_new(alg, &root_key, &err), &err);
        CHECK_OK(lk_pk_new(alg, &leaf_key, &err), &err);
        CHECK_OK(lk_cert_root(root_key, &(lk_cert_name){"Studio X root", "Studio X", "DE"}, 3650, &root, &err), &err);
        CHECK_OK(lk_cert_leaf(leaf_key, &(lk_cert_name){"Studio \xc3\x84", "Studio X", NULL}, 9000, root_key, &root, &leaf, &err),
                 &err);
        CHECK_OK(lk_cert_read(root.data, root.n, &info, &err), &err);
        CHECK(info.ca && info.self_signed, "a root");
        CHECK_STR(info.subject, "CN=Studio X root,O=Studio X,C=DE");
        CHECK_OK(lk_cert_read(leaf.data, leaf.n, &info, &err), &err);
        CHECK(!info.ca && !info.self_signed, "a leaf");
        CHECK_STR(info.common_name, "Studio \xc3\x84");
        CHECK_STR(info.organization, "Studio X");
        CHECK_STR(info.issuer, "CN=Studio X root,O=Studio X,C=DE");
        CHECK_STR(info.key, i ? "Ed25519" : "EC P-256");
        CHECK_INT(info.not_before, NOW - 3600);
        CHECK_INT(info.not_after, NOW + 3650LL * DAY); /* not longer than its root */
        CHECK_INT(strlen(info.serial), 32);
        CHECK_INT(lk_cert_judge(&leaf, 1, &root, 1, NOW, why), LK_CERT_TRUSTED);
        CHECK_INT(lk_cert_judge(&leaf, 1, NULL, 0, NOW, why), LK_CERT_UNTRUSTED);
        CHECK_INT(lk_cert_judge(&leaf, 1, &leaf, 1, NOW, why), LK_CERT_TRUSTED);
        CHECK_INT(lk_cert_judge(&root, 1, &root, 1, NOW, why), LK_CERT_INVALID); /* a root signs no claims */
        CHECK_INT(lk_cert_judge((lk_der[]){leaf, root}, 2, &root, 1, NOW, why), LK_CERT_TRUSTED);
        CHECK_INT(lk_cert_judge(&leaf, 1, &root, 1, NOW - 3601, why), LK_CERT_EXPIRED);
        CHECK_INT(lk_cert_judge(&leaf, 1, &root, 1, NOW + 3651LL * DAY, why), LK_CERT_EXPIRED);
        CHECK(strstr(why, "expired on 2037-"), "%s", why);
        CHECK_INT(lk_cert_judge(&leaf, 0, &root, 1, NOW, why), LK_CERT_INVALID);
        lk_der none;
        CHECK_STATUS(lk_cert_leaf(leaf_key, &(lk_cert_name){"x", NULL, NULL}, 9, leaf_key, &root, &none, &err), LK_E_FORMAT, &err);
        lk_wall_time_set(NOW + 3651LL * DAY);
        CHECK_STATUS(lk_cert_leaf(leaf_key, &(lk_cert_name){"x", NULL, NULL}, 9, root_key, &root, &none, &err), LK_E_STATE, &err);
        lk_wall_time_set(NOW);
        CHECK_STATUS(lk_cert_root(root_key, &(lk_cert_name){"", NULL, NULL}, 9, &none, &err), LK_E_ARG, &err);
        CHECK_STATUS(lk_cert_root(root_key, &(lk_cert_name){"x", NULL, "GER"}, 9, &none, &err), LK_E_ARG, &err);
        CHECK_STATUS(lk_cert_root(root_key, &(lk_cert_name){"x", NULL, NULL}, 0, &none, &err), LK_E_RANGE, &err);
        lk_free(root.data);
        lk_free(leaf.data);
        lk_pk_free(&root_key);
        lk_pk_free(&leaf_key);
    }
    lk_wall_time_set(0);
}

#define ROOT {.name = "root", .bc = "critical,CA:TRUE", .ku = "critical,keyCertSign,cRLSign"}
#define LEAF .name = "leaf", .bc = "critical,CA:FALSE"
#define KU .ku = "critical,digitalSignature"
#define EKU .eku = "emailProtection"

/* Each rule of the profile broken one at a time, and what is allowed beside. */
static void profile(void)
{
    static const struct { const char *what; cert_plan plan; lk_cert_verdict want; } rows[] = {
        {"as it should be", {LEAF, KU, EKU}, LK_CERT_TRUSTED},
        {"document signing", {LEAF, KU, .eku = "1.3.6.1.5.5.7.3.36"}, LK_CERT_TRUSTED},
        {"C2PA's own usage", {LEAF, KU, .eku = "1.3.6.1.4.1.62558.2.1"}, LK_CERT_TRUSTED},
        {"Microsoft's usage", {LEAF, KU, .eku = "1.3.6.1.4.1.311.76.59.1.9"}, LK_CERT_TRUSTED},
        {"no basic constraints", {.name = "leaf", KU, EKU}, LK_CERT_TRUSTED},
        {"no SKI", {LEAF, KU, EKU, .no_ski = true}, LK_CERT_TRUSTED},
        {"Ed25519", {LEAF, KU, EKU, .key = "ED25519"}, LK_CERT_TRUSTED},
        {"P-384", {LEAF, KU, EKU, .key = "P-384"}, LK_CERT_TRUSTED},
        {"P-521", {LEAF, KU, EKU, .key = "P-521"}, LK_CERT_TRUSTED},
        {"RSA 2048", {LEAF, KU, EKU, .key = "RSA2048"}, LK_CERT_TRUSTED},
        {"SHA-512", {LEAF, KU, EKU, .hash = "SHA512"}, LK_CERT_TRUSTED},
        {"non-repudiation too", {LEAF, EKU, .ku = "critical,digitalSignature,nonRepudiation"}, LK_CERT_TRUSTED},
        {"version 1", {LEAF, KU, EKU, .v1 = true}, LK_CERT_INVALID},
        {"no AKI", {LEAF, KU, EKU, .no_aki = true}, LK_CERT_INVALID},
        {"no key usage", {LEAF, EKU}, LK_CERT_INVALID},
        {"key usage without signing", {LEAF, EKU, .ku = "critical,keyEncipherment"}, LK_CERT_INVALID},
        {"key usage of an authority", {LEAF, EKU, .ku = "critical,digitalSignature,keyCertSign"}, LK_CERT_INVALID},
        {"no extended key usage", {LEAF, KU}, LK_CERT_INVALID},
        {"any usage", {LEAF, KU, .eku = "emailProtection,anyExtendedKeyUsage"}, LK_CERT_INVALID},
        {"time stamps alone", {LEAF, KU, .eku = "timeStamping"}, LK_CERT_INVALID},
        {"time stamps and mail", {LEAF, KU, .eku = "emailProtection,timeStamping"}, LK_CERT_INVALID},
        {"OCSP and mail", {LEAF, KU, .eku = "emailProtection,OCSPSigning"}, LK_CERT_INVALID},
        {"code signing", {LEAF, KU, .eku = "codeSigning"}, LK_CERT_INVALID},
        {"web server", {LEAF, KU, .eku = "serverAuth"}, LK_CERT_INVALID},
        {"an authority", {.name = "leaf", .bc = "critical,CA:TRUE", KU, EKU}, LK_CERT_INVALID},
        {"P-224", {LEAF, KU, EKU, .key = "P-224"}, LK_CERT_INVALID},
        {"Bitcoin's curve", {LEAF, KU, EKU, .key = "secp256k1"}, LK_CERT_INVALID},
        {"curve spelled out", {LEAF, KU, EKU, .explicit_curve = true}, LK_CERT_INVALID},
        {"RSA 1024", {LEAF, KU, EKU, .key = "RSA1024"}, LK_CERT_INVALID},
        {"Ed448", {LEAF, KU, EKU, .key = "ED448"}, LK_CERT_INVALID},
        {"SHA-1", {LEAF, KU, EKU, .hash = "SHA1"}, LK_CERT_INVALID},
        {"unknown critical extension", {LEAF, KU, EKU, .unknown_critical = true}, LK_CERT_INVALID},
        {"expired", {LEAF, KU, EKU, .until = NOW - 1}, LK_CERT_EXPIRED},
        {"not yet valid", {LEAF, KU, EKU, .from = NOW + 1}, LK_CERT_EXPIRED},
        {"its first second", {LEAF, KU, EKU, .from = NOW}, LK_CERT_TRUSTED},
        {"its last second", {LEAF, KU, EKU, .until = NOW + 1}, LK_CERT_TRUSTED},
        {"the second after", {LEAF, KU, EKU, .until = NOW}, LK_CERT_EXPIRED},
    };
    made_cert root = cert_make(&(cert_plan)ROOT, NULL);
    for (size_t i = 0; i < LK_COUNT(rows); i++) {
        char why[160] = "";
        made_cert leaf = cert_make(&rows[i].plan, &root);
        lk_cert_verdict got = lk_cert_judge(&leaf.der, 1, &root.der, 1, NOW, why);
        CHECK(got == rows[i].want, "%s: verdict %d, wanted %d: %s", rows[i].what, (int)got, (int)rows[i].want, why);
        CHECK(*why, "%s: a reason", rows[i].what);
        cert_free(&leaf);
    }
    cert_free(&root);
}

static void pss_certificates(void)
{
    char why[160];
    made_cert root = cert_make(&(cert_plan){.name = "root", .key = "RSA2048", .bc = "critical,CA:TRUE", .ku = "critical,keyCertSign"}, NULL);
    made_cert good = cert_make(&(cert_plan){LEAF, KU, EKU, .pss = true, .hash = "SHA256"}, &root);
    made_cert weak = cert_make(&(cert_plan){LEAF, KU, EKU, .pss = true, .hash = "SHA1"}, &root);
    CHECK(lk_cert_judge(&good.der, 1, &root.der, 1, NOW, why) == LK_CERT_TRUSTED, "%s", why);
    CHECK(lk_cert_judge(&weak.der, 1, &root.der, 1, NOW, why) == LK_CERT_INVALID, "%s", why);
    cert_free(&good);
    cert_free(&weak);
    cert_free(&root);
}

static void chains(void)
{
    char why[160];
    made_cert root = cert_make(&(cert_plan)ROOT, NULL), imposter = cert_make(&(cert_plan)ROOT, NULL);
    made_cert mid = cert_make(&(cert_plan){.name = "mid", .bc = "critical,CA:TRUE,pathlen:0", .ku = "critical,keyCertSign"}, &root);
    made_cert low = cert_make(&(cert_plan){.name = "low", .bc = "critical,CA:TRUE", .ku = "critical,keyCertSign"}, &mid);
    made_cert old = cert_make(&(cert_plan){.name = "old", .bc = "critical,CA:TRUE", .ku = "critical,keyCertSign", .until = NOW - 1}, &root);
    made_cert no_ca = cert_make(&(cert_plan){.name = "no ca", .bc = "critical,CA:FALSE", KU, EKU}, &root);
    cert_plan plan = {LEAF, KU, EKU};
    made_cert leaf = cert_make(&plan, &mid), deep = cert_make(&plan, &low), late = cert_make(&plan, &old),
              rogue = cert_make(&plan, &no_ca), alone = cert_make(&plan, NULL), fake = cert_make(&plan, &imposter);
#define JUDGE(anchor, at, ...)                                                                       \
    lk_cert_judge((lk_der[]){__VA_ARGS__}, (int)(sizeof((lk_der[]){__VA_ARGS__}) / sizeof(lk_der)), &(anchor).der, 1, at, why)
    CHECK(JUDGE(root, NOW, leaf.der, mid.der) == LK_CERT_TRUSTED, "%s", why);
    CHECK(JUDGE(root, NOW, leaf.der, mid.der, root.der) == LK_CERT_TRUSTED, "%s", why);
    CHECK(JUDGE(mid, NOW, leaf.der) == LK_CERT_TRUSTED, "an anchor that is no root: %s", why);
    CHECK(JUDGE(root, NOW, leaf.der) == LK_CERT_UNTRUSTED, "the middle is missing: %s", why);
    CHECK(JUDGE(root, NOW, leaf.der, root.der) == LK_CERT_INVALID, "the middle is missing: %s", why);
    CHECK(JUDGE(root, NOW, leaf.der, root.der, mid.der) == LK_CERT_INVALID, "out of order: %s", why);
    CHECK(JUDGE(root, NOW, deep.der, low.der, mid.der) == LK_CERT_UNTRUSTED, "longer than the middle allows: %s", why);
    CHECK(JUDGE(root, NOW, late.der, old.der) == LK_CERT_UNTRUSTED, "an expired middle: %s", why);
    CHECK(JUDGE(root, NOW - DAY / 2, late.der, old.der) == LK_CERT_TRUSTED, "before it expired: %s", why);
    CHECK(JUDGE(root, NOW, rogue.der, no_ca.der) == LK_CERT_INVALID, "issued by a signer: %s", why);
    CHECK(JUDGE(no_ca, NOW, rogue.der) == LK_CERT_UNTRUSTED, "a trusted signer is no issuer: %s", why);
    CHECK(JUDGE(root, NOW, alone.der) == LK_CERT_UNTRUSTED, "self-signed: %s", why);
    CHECK(JUDGE(alone, NOW, alone.der) == LK_CERT_TRUSTED, "self-signed and named: %s", why);
    CHECK(JUDGE(root, NOW, fake.der) == LK_CERT_UNTRUSTED, "the name is right, the key is not: %s", why);
    CHECK(JUDGE(root, NOW, fake.der, root.der) == LK_CERT_INVALID, "the name is right, the key is not: %s", why);
    CHECK(JUDGE(root, NOW, fake.der, imposter.der) == LK_CERT_UNTRUSTED, "another root of that name: %s", why);
#undef JUDGE
    lk_der many[11];
    for (int i = 0; i < 11; i++) many[i] = leaf.der;
    CHECK_INT(lk_cert_judge(many, 11, &root.der, 1, NOW, why), LK_CERT_INVALID);
    made_cert *all[] = {&root, &imposter, &mid, &low, &old, &no_ca, &leaf, &deep, &late, &rogue, &alone, &fake};
    for (size_t i = 0; i < LK_COUNT(all); i++) cert_free(all[i]);
}

static void pem_bundles(void)
{
    made_cert a = cert_make(&(cert_plan)ROOT, NULL), b = cert_make(&(cert_plan){LEAF, KU, EKU}, &a);
    lk_der both[2] = {b.der, a.der}, back[4];
    char *pem;
    int n = 0;
    CHECK_OK(lk_cert_to_pem(both, 2, &pem, &err), &err);
    char *loose = lk_strfmt("words before\n%swords after\n", pem);
    CHECK_OK(lk_cert_from_pem(loose, strlen(loose), back, 4, &n, &err), &err);
    CHECK_INT(n, 2);
    for (int i = 0; i < n; i++) {
        CHECK(back[i].n == both[i].n && !memcmp(back[i].data, both[i].data, back[i].n), "certificate %d", i);
        lk_free(back[i].data);
    }
    CHECK_STATUS(lk_cert_from_pem(pem, strlen(pem), back, 1, &n, &err), LK_E_RANGE, &err);
    CHECK_INT(n, 0);
    CHECK_STATUS(lk_cert_from_pem("nothing", 7, back, 4, &n, &err), LK_E_FORMAT, &err);
    char *first = strchr(pem, '\n') + 8;
    *first = *first == 'A' ? 'B' : 'A';
    CHECK(lk_cert_from_pem(pem, strlen(pem), back, 4, &n, &err) != LK_OK && n == 0, "damaged");
    lk_free(loose);
    lk_free(pem);
    cert_free(&a);
    cert_free(&b);
}

/* Cut at every length and with every byte changed: a verdict, never a crash, and never trust. */
static void hostile_certificates(void)
{
    made_cert root = cert_make(&(cert_plan)ROOT, NULL), leaf = cert_make(&(cert_plan){LEAF, KU, EKU}, &root);
    lk_cert_info info;
    char why[160];
    for (size_t n = 0; n < leaf.der.n; n++) {
        lk_der cut = {lk_alloc(n), n}; /* its own block, so that a sanitizer sees the end */
        memcpy(cut.data, leaf.der.data, n);
        CHECK(lk_cert_judge(&cut, 1, &root.der, 1, NOW, why) == LK_CERT_INVALID, "cut at %zu", n);
        CHECK(lk_cert_read(cut.data, cut.n, &info, &err) == LK_E_FORMAT, "cut at %zu", n);
        lk_free(cut.data);
    }
    lk_der longer = {lk_calloc(1, leaf.der.n + 1), leaf.der.n + 1};
    memcpy(longer.data, leaf.der.data, leaf.der.n);
    CHECK_INT(lk_cert_judge(&longer, 1, &root.der, 1, NOW, why), LK_CERT_INVALID);
    lk_free(longer.data);
    lk_der flipped = copy(&leaf.der);
    for (size_t i = 0; i < flipped.n; i++)
        for (int bit = 0; bit < 8; bit++) {
            flipped.data[i] ^= (uint8_t)(1 << bit);
            CHECK(lk_cert_judge(&flipped, 1, &root.der, 1, NOW, why) != LK_CERT_TRUSTED, "byte %zu bit %d: %s", i, bit, why);
            (void)lk_cert_read(flipped.data, flipped.n, &info, &err);
            (void)lk_cert_verify(flipped.data, flipped.n, LK_PK_ES256, text, sizeof text, flipped.data, 64);
            flipped.data[i] ^= (uint8_t)(1 << bit);
        }
    lk_free(flipped.data);
    cert_free(&root);
    cert_free(&leaf);
}

static void strange_names(void)
{
    lk_cert_info info;
    char long_name[61];
    memset(long_name, 'x', 60);
    long_name[60] = '\0';
    made_cert a = cert_make(&(cert_plan){.name = "line\nbreak\x7f"}, NULL);
    CHECK_OK(lk_cert_read(a.der.data, a.der.n, &info, &err), &err);
    CHECK_STR(info.common_name, "line?break?");
    CHECK(!strchr(info.subject, '\n'), "%s", info.subject);
    cert_free(&a);
    a = cert_make(&(cert_plan){.name = long_name}, NULL);
    CHECK_OK(lk_cert_read(a.der.data, a.der.n, &info, &err), &err);
    CHECK_STR(info.common_name, long_name);
    cert_free(&a);
}

/* --- time stamps ------------------------------------------------------------------------------ */

static ASN1_INTEGER *next_serial(TS_RESP_CTX *ctx, void *user) { ASN1_INTEGER *n = ASN1_INTEGER_new(); ASN1_INTEGER_set(n, 7); return n; }
static int64_t stamp_time;
static int fixed_time(TS_RESP_CTX *ctx, void *user, long *sec, long *usec) { *sec = (long)stamp_time; *usec = 0; return 1; }

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
    made_cert tsa = cert_make(&(cert_plan){.name = "tsa", .bc = "critical,CA:FALSE", KU, .eku = "critical,timeStamping"}, &root);
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
    CHECK_STATUS(lk_tsa_verify(token, token_n, &wrong, &root.der, 1, &when, &trusted, &err), LK_E_FORMAT, &err);
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
        CHECK(lk_tsa_verify(cut.data, i, &hash, &root.der, 1, &at, &trusted, &err) != LK_OK && !trusted, "cut at %zu", i);
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
static void *ossl_realloc(void *p, size_t n, const char *f, int l) { return ossl_fails() ? NULL : realloc(p, n); }
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
    {"made_certificates", made_certificates},
    {"profile", profile},
    {"pss_certificates", pss_certificates},
    {"chains", chains},
    {"pem_bundles", pem_bundles},
    {"hostile_certificates", hostile_certificates},
    {"strange_names", strange_names},
    {"time_stamps", time_stamps},
    {"no_memory", no_memory},
    {"no_memory_inside", no_memory_inside},
};

int main(int argc, char **argv)
{
    CRYPTO_set_mem_functions(ossl_malloc, ossl_realloc, ossl_free);
    return check_main(argc, argv, tests, (int)LK_COUNT(tests));
}
