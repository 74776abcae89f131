/* judge.c: is a chain fit to sign C2PA claims, and does an anchor vouch for it?
 *
 * First the C2PA certificate profile (specification 2.2, 14.5), rule by rule in a
 * table; then that each certificate is signed by the next; then dates; then the
 * path to an anchor, by OpenSSL's RFC 5280 validation. Where c2pa-rs and this
 * differ, this is the stricter.
 */
#include <string.h>

#include <openssl/x509v3.h>

#include "base/crypto/pki_impl.h"

enum { CHAIN_MAX = 10 };

/* --- the profile ----------------------------------------------------------------------------- */

static bool is_v3(X509 *x) { return X509_get_version(x) == X509_VERSION_3; }

/* RSASSA-PSS must name its hash, and MGF1 the same one. */
static bool pss_is_fit(const X509_ALGOR *alg)
{
    const ASN1_OBJECT *oid;
    int kind;
    const void *value;
    X509_ALGOR_get0(&oid, &kind, &value, alg);
    if (kind != V_ASN1_SEQUENCE) return false;
    RSA_PSS_PARAMS *p = ASN1_item_unpack(value, ASN1_ITEM_rptr(RSA_PSS_PARAMS));
    bool ok = false;
    if (p && p->hashAlgorithm && p->maskGenAlgorithm) {
        const ASN1_OBJECT *hash, *mask;
        const void *mask_value;
        int mask_kind;
        X509_ALGOR_get0(&hash, NULL, NULL, p->hashAlgorithm);
        X509_ALGOR_get0(&mask, &mask_kind, &mask_value, p->maskGenAlgorithm);
        int nid = OBJ_obj2nid(hash);
        ok = (nid == NID_sha256 || nid == NID_sha384 || nid == NID_sha512) && OBJ_obj2nid(mask) == NID_mgf1 &&
             mask_kind == V_ASN1_SEQUENCE;
        X509_ALGOR *inner = ok ? ASN1_item_unpack(mask_value, ASN1_ITEM_rptr(X509_ALGOR)) : NULL;
        if (inner) X509_ALGOR_get0(&hash, NULL, NULL, inner);
        ok = inner && OBJ_obj2nid(hash) == nid;
        X509_ALGOR_free(inner);
    }
    RSA_PSS_PARAMS_free(p);
    return ok;
}

static bool signed_by_known(X509 *x)
{
    switch (X509_get_signature_nid(x)) {
    case NID_sha256WithRSAEncryption:
    case NID_sha384WithRSAEncryption:
    case NID_sha512WithRSAEncryption:
    case NID_ecdsa_with_SHA256:
    case NID_ecdsa_with_SHA384:
    case NID_ecdsa_with_SHA512:
    case NID_ED25519: return true;
    case NID_rsassaPss: return pss_is_fit(X509_get0_tbs_sigalg(x));
    default: return false;
    }
}

static bool key_is_fit(X509 *x)
{
    EVP_PKEY *key = X509_get0_pubkey(x);
    X509_ALGOR *alg = NULL;
    lk_pk_alg ignored;
    size_t bytes;
    int kind = V_ASN1_UNDEF;
    if (!key || !pki_key_fits(key, &ignored, &bytes)) return false;
    if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC) return true;
    /* A curve by name: parameters spelled out may only look like one. */
    if (X509_PUBKEY_get0_param(NULL, NULL, NULL, &alg, X509_get_X509_PUBKEY(x)) != 1) return false;
    X509_ALGOR_get0(NULL, &kind, NULL, alg);
    return kind == V_ASN1_OBJECT;
}

static bool has_no_unique_ids(X509 *x)
{
    const ASN1_BIT_STRING *issuer = NULL, *subject = NULL;
    X509_get0_uids(x, &issuer, &subject);
    return !issuer && !subject;
}

/* Present once; OpenSSL gives -2 for a repeated extension. */
static bool has_once(X509 *x, int nid)
{
    int how = 0;
    int at = X509_get_ext_by_NID(x, nid, -1);
    void *value = X509_get_ext_d2i(x, nid, &how, NULL);
    if (value) {
        const X509V3_EXT_METHOD *m = X509V3_EXT_get_nid(nid);
        if (m->it) ASN1_item_free(value, ASN1_ITEM_ptr(m->it));
        else m->ext_free(value);
    }
    return at >= 0 && value;
}

static bool has_aki(X509 *x) { return has_once(x, NID_authority_key_identifier); }

static bool ku_signs(X509 *x)
{
    return has_once(x, NID_key_usage) && (X509_get_key_usage(x) & KU_DIGITAL_SIGNATURE);
}

static bool ku_is_no_ca(X509 *x) { return !(X509_get_key_usage(x) & (KU_KEY_CERT_SIGN | KU_CRL_SIGN)); }
static bool is_no_ca(X509 *x) { return !(X509_get_extension_flags(x) & EXFLAG_CA); }

static bool eku_has(X509 *x, const char *const *oids, size_t count)
{
    EXTENDED_KEY_USAGE *eku = X509_get_ext_d2i(x, NID_ext_key_usage, NULL, NULL);
    bool found = false;
    for (int i = 0; eku && i < sk_ASN1_OBJECT_num(eku); i++) {
        char oid[80];
        OBJ_obj2txt(oid, sizeof oid, sk_ASN1_OBJECT_value(eku, i), 1);
        for (size_t k = 0; k < count; k++) found |= !strcmp(oid, oids[k]);
    }
    EXTENDED_KEY_USAGE_free(eku);
    return found;
}

static bool has_eku(X509 *x) { return has_once(x, NID_ext_key_usage); }

static bool eku_not_any(X509 *x)
{
    static const char *const any[] = {"2.5.29.37.0"};
    return !eku_has(x, any, 1);
}

static bool eku_not_service(X509 *x)
{
    static const char *const service[] = {"1.3.6.1.5.5.7.3.8", "1.3.6.1.5.5.7.3.9"};
    return !eku_has(x, service, 2);
}

static bool eku_signs(X509 *x)
{
    static const char *const known[] = {
        "1.3.6.1.5.5.7.3.4",        /* emailProtection */
        "1.3.6.1.5.5.7.3.36",       /* documentSigning */
        "1.3.6.1.4.1.62558.2.1",    /* C2PA claim signing */
        "1.3.6.1.4.1.311.76.59.1.9" /* Microsoft's C2PA signing */
    };
    return eku_has(x, known, LK_COUNT(known));
}

/* A critical extension must be one that path validation acts on and that other C2PA readers know too. */
static bool critical_is_known(X509 *x)
{
    static const int known[] = {
        NID_basic_constraints,       NID_key_usage,         NID_ext_key_usage,      NID_subject_alt_name,
        NID_certificate_policies,    NID_policy_mappings,   NID_policy_constraints, NID_name_constraints,
        NID_crl_distribution_points, NID_inhibit_any_policy};
    for (int i = 0; i < X509_get_ext_count(x); i++) {
        X509_EXTENSION *e = X509_get_ext(x, i);
        int nid = OBJ_obj2nid(X509_EXTENSION_get_object(e));
        bool is_known = !X509_EXTENSION_get_critical(e);
        for (size_t k = 0; k < LK_COUNT(known); k++) is_known |= nid == known[k];
        if (!is_known) return false;
    }
    return true;
}

/* Extensions that OpenSSL could not make sense of, or twice the same. */
static bool extensions_are_whole(X509 *x)
{
    if (X509_get_extension_flags(x) & EXFLAG_INVALID) return false;
    for (int i = 0; i < X509_get_ext_count(x); i++) {
        const ASN1_OBJECT *oid = X509_EXTENSION_get_object(X509_get_ext(x, i));
        if (X509_get_ext_by_OBJ(x, oid, i) >= 0) return false;
    }
    return true;
}

/* In this order: the first that breaks is the reason given. */
static const struct rule {
    bool (*holds)(X509 *x);
    const char *broken;
} signer_profile[] =
    {
        {is_v3, "it is not an X.509 version 3 certificate"},
        {extensions_are_whole, "its extensions are malformed or repeated"},
        {signed_by_known, "it is signed by an algorithm that C2PA does not allow"},
        {key_is_fit, "its key is of a kind or size that C2PA does not allow"},
        {has_no_unique_ids, "it carries unique identifiers, which C2PA forbids"},
        {is_no_ca, "it is a certificate authority, not a signer"},
        {has_aki, "it has no authority key identifier"},
        {ku_signs, "its key usage is not digital signature"},
        {ku_is_no_ca, "its key usage is that of a certificate authority"},
        {has_eku, "it has no extended key usage"},
        {eku_not_any, "its extended key usage is anything at all, which C2PA forbids"},
        {eku_not_service, "it is for time stamps or revocation answers, which may do nothing else"},
        {eku_signs, "its extended key usage is none of those that C2PA allows"},
        {critical_is_known, "it has a critical extension that is not known here"},
},
  authority_profile[] = {
      {is_v3, "it is not an X.509 version 3 certificate"},
      {extensions_are_whole, "its extensions are malformed or repeated"},
      {signed_by_known, "it is signed by an algorithm that C2PA does not allow"},
      {key_is_fit, "its key is of a kind or size that C2PA does not allow"},
      {critical_is_known, "it has a critical extension that is not known here"},
};

static const char *first_broken(X509 *x, const struct rule *rules, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!rules[i].holds(x)) return rules[i].broken;
    return NULL;
}

/* --- the path ---------------------------------------------------------------------------------- */

static bool may_issue(X509 *x)
{
    return is_v3(x) && X509_check_ca(x) == 1 && (X509_get_key_usage(x) & KU_KEY_CERT_SIGN);
}

static bool is_issued_by(X509 *x, X509 *issuer)
{
    EVP_PKEY *key = X509_get0_pubkey(issuer);
    return key && X509_NAME_cmp(X509_get_issuer_name(x), X509_get_subject_name(issuer)) == 0 &&
           may_issue(issuer) && X509_verify(x, key) == 1;
}

X509_STORE *pki_store(const lk_der *anchors, int count, int64_t at)
{
    X509_STORE *store = X509_STORE_new();
    X509_VERIFY_PARAM *how = store ? X509_STORE_get0_param(store) : NULL;
    if (!how) return NULL;
    X509_VERIFY_PARAM_set_time(how, (time_t)at);
    /* An anchor need not be self-signed; 112 bits of security at least: no SHA-1, no RSA below 2048. */
    X509_VERIFY_PARAM_set_flags(how, X509_V_FLAG_PARTIAL_CHAIN);
    X509_VERIFY_PARAM_set_auth_level(how, 2);
    X509_VERIFY_PARAM_set_depth(how, CHAIN_MAX);
    for (int i = 0; i < count; i++) {
        X509 *x = pki_parse(anchors[i].data, anchors[i].n);
        if (x) X509_STORE_add_cert(store, x); /* one that is no certificate vouches for nothing */
        X509_free(x);
    }
    return store;
}

/* NULL when trusted, else why not. */
static const char *distrust(const lk_der *leaf, X509 **chain, int count, const lk_der *anchors,
                            int anchor_count, int64_t at)
{
    for (int i = 0; i < anchor_count; i++) /* the signer itself may be named as trusted */
        if (anchors[i].n == leaf->n && !memcmp(anchors[i].data, leaf->data, leaf->n)) return NULL;
    X509_STORE *store = pki_store(anchors, anchor_count, at);
    X509_STORE_CTX *ctx = store ? X509_STORE_CTX_new() : NULL;
    STACK_OF(X509) *between = ctx ? sk_X509_new_null() : NULL;
    const char *why = between ? NULL : "there is no memory to look for its issuer";
    for (int i = 1; !why && i < count; i++)
        if (!sk_X509_push(between, chain[i])) why = "there is no memory to look for its issuer";
    if (!why && X509_STORE_CTX_init(ctx, store, chain[0], between) != 1)
        why = "there is no memory to look for its issuer";
    if (!why && X509_verify_cert(ctx) != 1)
        why = anchor_count ? X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx))
                           : "no trusted issuers are known here";
    STACK_OF(X509) *path = why ? NULL : X509_STORE_CTX_get0_chain(ctx);
    for (int i = 1; path && i < sk_X509_num(path); i++)
        if (!may_issue(sk_X509_value(path, i)))
            why = "an issuer on the way to the anchor may not issue certificates";
    sk_X509_free(between);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    ERR_clear_error();
    return why;
}

static lk_cert_verdict judge(const lk_der *leaf, X509 **chain, int count, const lk_der *anchors,
                             int anchor_count, int64_t at, char why[160])
{
    const char *broken = first_broken(chain[0], signer_profile, LK_COUNT(signer_profile));
    if (broken) {
        snprintf(why, 160, "the signer's certificate does not fit: %s", broken);
        return LK_CERT_INVALID;
    }
    for (int i = 1; i < count; i++) {
        broken = first_broken(chain[i], authority_profile, LK_COUNT(authority_profile));
        if (!broken && !is_issued_by(chain[i - 1], chain[i])) broken = "it did not issue the one before it";
        if (broken) {
            snprintf(why, 160, "certificate %d of the chain does not fit: %s", i + 1, broken);
            return LK_CERT_INVALID;
        }
    }
    int64_t from, until;
    if (!pki_time(X509_get0_notBefore(chain[0]), &from) || !pki_time(X509_get0_notAfter(chain[0]), &until)) {
        snprintf(why, 160, "the signer's certificate has no readable dates");
        return LK_CERT_INVALID;
    }
    if (at < from || at >= until) { /* as OpenSSL has it: the last second is over */
        char when[32];
        lk_time_iso(at < from ? from : until, when);
        snprintf(why, 160, "the signer's certificate %s %.10s",
                 at < from ? "is valid only from" : "expired on", when);
        return LK_CERT_EXPIRED;
    }
    const char *doubt = distrust(leaf, chain, count, anchors, anchor_count, at);
    snprintf(why, 160, "%s", doubt ? doubt : "a trusted issuer vouches for the signer");
    return doubt ? LK_CERT_UNTRUSTED : LK_CERT_TRUSTED;
}

lk_cert_verdict lk_cert_judge(const lk_der *chain, int count, const lk_der *anchors, int anchor_count,
                              int64_t at, char why[160])
{
    X509 *parsed[CHAIN_MAX] = {NULL};
    lk_cert_verdict v = LK_CERT_INVALID;
    int n = 0;
    if (count < 1 || count > CHAIN_MAX) {
        snprintf(why, 160, "a chain of %d certificates is none; 1 to %d are", count, CHAIN_MAX);
        return v;
    }
    while (n < count && (parsed[n] = pki_parse(chain[n].data, chain[n].n))) n++;
    if (n == count) v = judge(chain, parsed, count, anchors, anchor_count, at, why);
    else snprintf(why, 160, "certificate %d of the chain is damaged", n + 1);
    for (int i = 0; i < n; i++) X509_free(parsed[i]);
    ERR_clear_error();
    return v;
}
