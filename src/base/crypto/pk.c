/* pk.c: private keys and signatures. COSE wants ECDSA signatures as r||s, each as
 * long as the curve's order (RFC 9053, 2.1); OpenSSL speaks DER, so they are
 * converted here and nowhere else.
 */
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rsa.h>

#include "base/crypto/pki_impl.h"

enum { RSA_BITS_MIN = 2048, RSA_BITS_MAX = 4096 };
/* scrypt at 16 MiB and about 0.2 s a guess: the most memory that OpenSSL's readers allow by default. A
 * passphrase of random bits needs none of that: no guessing reaches it. */
enum { SCRYPT_N = 1 << 14, SCRYPT_N_RANDOM = 1 << 10, SCRYPT_R = 8, SCRYPT_P = 5, SALT_BYTES = 16 };

static const struct curve {
    const char *group, *name;
    lk_pk_alg alg;
    size_t order_bytes;
} curves[] = {
    {"prime256v1", "P-256", LK_PK_ES256, 32},
    {"secp384r1", "P-384", LK_PK_ES384, 48},
    {"secp521r1", "P-521", LK_PK_ES512, 66},
};

static const struct curve *curve_of(const EVP_PKEY *key)
{
    char group[64];
    size_t n = 0;
    if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC) return NULL;
    if (EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof group, &n) != 1)
        return NULL;
    for (size_t i = 0; i < LK_COUNT(curves); i++)
        if (!strcmp(group, curves[i].group)) return &curves[i];
    return NULL;
}

bool pki_key_fits(const EVP_PKEY *key, lk_pk_alg *alg, size_t *sig_n)
{
    const struct curve *c = curve_of(key);
    int bits = EVP_PKEY_get_bits(key);
    switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_EC:
        if (!c) return false;
        *alg = c->alg;
        *sig_n = 2 * c->order_bytes;
        return true;
    case EVP_PKEY_ED25519:
        *alg = LK_PK_EDDSA;
        *sig_n = 64;
        return true;
    case EVP_PKEY_RSA:
    case EVP_PKEY_RSA_PSS:
        *alg = LK_PK_PS256;
        *sig_n = (size_t)(bits + 7) / 8;
        return bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX;
    default: return false;
    }
}

const char *pki_key_name(const EVP_PKEY *key, char out[32])
{
    const struct curve *c = curve_of(key);
    int id = EVP_PKEY_get_base_id(key);
    if (c) snprintf(out, 32, "EC %s", c->name);
    else if (id == EVP_PKEY_ED25519) snprintf(out, 32, "Ed25519");
    else if (id == EVP_PKEY_RSA || id == EVP_PKEY_RSA_PSS)
        snprintf(out, 32, "RSA %d", EVP_PKEY_get_bits(key));
    else snprintf(out, 32, "%.20s", EVP_PKEY_get0_type_name(key) ? EVP_PKEY_get0_type_name(key) : "unknown");
    return out;
}

/* --- keys ---------------------------------------------------------------------------------- */

static lk_status adopt(EVP_PKEY *pkey, lk_pk **out, lk_error *err)
{
    char name[32];
    lk_pk k = {.pkey = pkey};
    if (!pki_key_fits(pkey, &k.alg, &k.sig_n)) {
        pki_key_name(pkey, name);
        EVP_PKEY_free(pkey);
        return PKI_FAIL(
            err, LK_E_UNSUPPORTED,
            "a key of kind %s cannot sign content credentials; use EC P-256, P-384, P-521, Ed25519 or RSA "
            "of 2048 to 4096 bits",
            name);
    }
    lk_pk *made = *out = lk_alloc(sizeof *made);
    if (!made) {
        EVP_PKEY_free(pkey);
        return PKI_NO_MEMORY(err);
    }
    *made = k;
    ERR_clear_error();
    return LK_OK;
}

lk_status lk_pk_new(lk_pk_alg alg, lk_pk **out, lk_error *err)
{
    *out = NULL;
    if (alg != LK_PK_ES256 && alg != LK_PK_EDDSA)
        return LK_FAIL(err, LK_E_ARG, "keys are made for ES256 or EdDSA, not for COSE algorithm %d",
                       (int)alg);
    EVP_PKEY *pkey = alg == LK_PK_ES256 ? EVP_EC_gen("P-256") : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    if (!pkey)
        return PKI_FAIL(err, LK_E_BUG, "a key pair could not be made; is the system's random source there?");
    return adopt(pkey, out, err);
}

lk_pk_alg lk_pk_alg_of(const lk_pk *k) { return k->alg; }
size_t lk_pk_sig_size(const lk_pk *k) { return k->sig_n; }

void lk_pk_free(lk_pk **k)
{
    if (!k || !*k) return;
    EVP_PKEY_free((*k)->pkey); /* clears the secret numbers */
    lk_free(*k);
    *k = NULL;
}

/* PKCS#8 under PBES2 with scrypt (RFC 7914) and AES-256-CBC. */
static X509_SIG *encrypt(const EVP_PKEY *pkey, const char *passphrase, bool random)
{
    uint8_t salt[SALT_BYTES];
    PKCS8_PRIV_KEY_INFO *plain = NULL;
    X509_ALGOR *how = NULL;
    X509_SIG *sealed = NULL;
    if (lk_random_bytes(salt, sizeof salt, NULL) == LK_OK)
        how = PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), salt, sizeof salt, NULL,
                                    random ? SCRYPT_N_RANDOM : SCRYPT_N, SCRYPT_R, random ? 1 : SCRYPT_P);
    if (how) plain = EVP_PKEY2PKCS8(pkey);
    if (plain) sealed = PKCS8_set0_pbe(passphrase, (int)strlen(passphrase), plain, how);
    if (!sealed) X509_ALGOR_free(how); /* else sealed owns it */
    PKCS8_PRIV_KEY_INFO_free(plain);
    return sealed;
}

static lk_status to_pem(const lk_pk *k, const char *passphrase, bool random, char **pem, lk_error *err)
{
    *pem = NULL;
    if (passphrase && (!*passphrase || strlen(passphrase) > 1023))
        return LK_FAIL(err, LK_E_ARG, "a passphrase has 1 to 1023 bytes");
    BIO *bio = BIO_new(BIO_s_secmem()); /* wiped when freed */
    X509_SIG *sealed = bio && passphrase ? encrypt(k->pkey, passphrase, random) : NULL;
    int ok = !bio         ? 0
             : passphrase ? sealed && PEM_write_bio_PKCS8(bio, sealed)
                          : PEM_write_bio_PKCS8PrivateKey(bio, k->pkey, NULL, NULL, 0, NULL, NULL);
    char *text = NULL;
    long n = ok == 1 ? BIO_get_mem_data(bio, &text) : 0;
    if (n > 0) *pem = lk_alloc((size_t)n + 1);
    if (*pem) {
        memcpy(*pem, text, (size_t)n);
        (*pem)[n] = '\0';
    }
    X509_SIG_free(sealed);
    BIO_free(bio);
    if (!*pem) return PKI_NO_MEMORY(err);
    return LK_OK;
}

lk_status lk_pk_to_pem(const lk_pk *k, const char *passphrase, char **pem, lk_error *err)
{
    return to_pem(k, passphrase, false, pem, err);
}

lk_status lk_pk_to_pem_random(const lk_pk *k, const char *passphrase, char **pem, lk_error *err)
{
    return to_pem(k, passphrase, true, pem, err);
}

typedef struct asked {
    const char *passphrase;
    bool was;
} asked;

static int give_passphrase(char *buf, int size, int writing, void *user)
{
    asked *a = user;
    a->was = true;
    size_t n = a->passphrase ? strlen(a->passphrase) : 0;
    if (!a->passphrase || n > (size_t)size) return -1;
    memcpy(buf, a->passphrase, n);
    return (int)n;
}

lk_status lk_pk_from_pem(const char *pem, size_t n, const char *passphrase, lk_pk **out, lk_error *err)
{
    *out = NULL;
    if (n > 65536)
        return LK_FAIL(err, LK_E_FORMAT, "a private key of %zu bytes is none; give one PEM key", n);
    BIO *bio = BIO_new_mem_buf(pem, (int)n);
    if (!bio) return PKI_NO_MEMORY(err);
    asked a = {passphrase, false};
    EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, give_passphrase, &a);
    BIO_free(bio);
    if (pkey) return adopt(pkey, out, err);
    if (a.was)
        return PKI_FAIL(err, LK_E_ARG,
                        passphrase ? "the private key is encrypted and the passphrase does not open it"
                                   : "the private key is encrypted; give its passphrase");
    return PKI_FAIL(err, LK_E_FORMAT,
                    "there is no readable private key (PEM, PKCS#8) in it; restore it from a copy");
}

/* --- signatures ------------------------------------------------------------------------------ */

static const EVP_MD *digest_of(lk_pk_alg alg)
{
    switch (alg) {
    case LK_PK_ES256:
    case LK_PK_PS256: return EVP_sha256();
    case LK_PK_ES384:
    case LK_PK_PS384: return EVP_sha384();
    case LK_PK_ES512:
    case LK_PK_PS512: return EVP_sha512();
    case LK_PK_EDDSA: return NULL;
    }
    return NULL;
}

static bool is_pss(lk_pk_alg alg) { return alg == LK_PK_PS256 || alg == LK_PK_PS384 || alg == LK_PK_PS512; }

/* RSASSA-PSS as RFC 8230: MGF1 with the same hash, salt as long as the hash. */
static bool pss_setup(EVP_PKEY_CTX *ctx)
{
    return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1;
}

static bool der_to_raw(const uint8_t *der, size_t n, size_t half, uint8_t *raw)
{
    const unsigned char *p = der;
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)n);
    bool ok = sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, (int)half) == (int)half &&
              BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + half, (int)half) == (int)half;
    ECDSA_SIG_free(sig);
    return ok;
}

static int raw_to_der(const uint8_t *raw, size_t half, unsigned char **der)
{
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw, (int)half, NULL), *s = BN_bin2bn(raw + half, (int)half, NULL);
    int n = -1;
    if (sig && r && s && ECDSA_SIG_set0(sig, r, s) == 1) {
        r = s = NULL; /* sig owns them */
        n = i2d_ECDSA_SIG(sig, der);
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(sig);
    return n;
}

lk_status lk_pk_sign(const lk_pk *k, const void *msg, size_t n, uint8_t sig[LK_PK_SIG_MAX], size_t *sig_n,
                     lk_error *err)
{
    uint8_t der[LK_PK_SIG_MAX];
    size_t der_n = sizeof der;
    bool ec = curve_of(k->pkey) != NULL;
    EVP_PKEY_CTX *how = NULL; /* owned by ctx */
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx && EVP_DigestSignInit(ctx, &how, digest_of(k->alg), NULL, k->pkey) == 1 &&
              (!is_pss(k->alg) || pss_setup(how)) && EVP_DigestSign(ctx, der, &der_n, n ? msg : "", n) == 1;
    EVP_MD_CTX_free(ctx);
    if (ok && ec) ok = der_to_raw(der, der_n, k->sig_n / 2, sig);
    else if (ok) ok = der_n == k->sig_n;
    if (ok && !ec) memcpy(sig, der, der_n);
    *sig_n = ok ? k->sig_n : 0;
    if (!ok) return PKI_FAIL(err, LK_E_BUG, "a signature could not be made with the key");
    return LK_OK;
}

bool pki_verify(EVP_PKEY *key, lk_pk_alg alg, const void *msg, size_t msg_n, const void *sig, size_t sig_n)
{
    lk_pk_alg own;
    size_t full;
    if (!pki_key_fits(key, &own, &full) || sig_n != full) return false;
    bool ec = alg == LK_PK_ES256 || alg == LK_PK_ES384 || alg == LK_PK_ES512, key_ec = curve_of(key) != NULL;
    /* COSE lets any of the three curves go with any of the three hashes. */
    if (ec != key_ec || is_pss(alg) != (own == LK_PK_PS256) || (alg == LK_PK_EDDSA) != (own == LK_PK_EDDSA))
        return false;
    unsigned char *der = NULL;
    int der_n = ec ? raw_to_der(sig, full / 2, &der) : 0;
    EVP_PKEY_CTX *how = NULL;
    EVP_MD_CTX *ctx = der_n >= 0 ? EVP_MD_CTX_new() : NULL;
    bool ok = ctx && EVP_DigestVerifyInit(ctx, &how, digest_of(alg), NULL, key) == 1 &&
              (!is_pss(alg) || pss_setup(how)) &&
              EVP_DigestVerify(ctx, ec ? der : sig, ec ? (size_t)der_n : sig_n, msg_n ? msg : "", msg_n) == 1;
    EVP_MD_CTX_free(ctx);
    OPENSSL_free(der);
    ERR_clear_error();
    return ok;
}
