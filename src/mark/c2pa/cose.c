/* cose.c: the signature over a claim: COSE_Sign1 (RFC 9052) with a certificate chain (RFC 9360) and, when
 * asked for, an RFC 3161 time stamp over the signature (sigTst2).
 *
 *   18([ h'{1: alg, 33: chain}', {...}, null, signature ])
 *
 * The claim is not repeated inside: it is what stands in the claim's box. The second element, the unprotected
 * header, is covered by nothing; files of ours leave it empty unless a time stamp must go there, and what
 * pads it must be zero.
 */
#include <string.h>

#include "mark/c2pa/internal.h"

enum { TAG_SIGN1 = 18, LABEL_ALG = 1, LABEL_CRIT = 2, LABEL_X5CHAIN = 33, STAMP_ROOM = 10240 };

/* --- what is signed ----------------------------------------------------------------------- */

static void structure(lk_bytes *o, const char *context, const void *head, size_t head_n, const void *payload,
                      size_t n)
{
    lk_cbor_array(o, 4);
    lk_cbor_text(o, context);
    lk_cbor_bytes(o, head, head_n);
    lk_cbor_bytes(o, "", 0);
    lk_cbor_bytes(o, payload, n);
}

void cose_to_sign(lk_bytes *o, const void *head, size_t head_n, const void *claim, size_t claim_n)
{
    structure(o, "Signature1", head, head_n, claim, claim_n);
}

/* sigTst2 is over the signature as a CBOR byte string, inside the payload's byte string; sigTst over the
 * claim. */
void cose_to_stamp(lk_bytes *o, const cose_sign1 *c, const void *claim, size_t claim_n)
{
    if (c->stamp == 1) {
        structure(o, "CounterSignature", c->head, c->head_n, claim, claim_n);
        return;
    }
    lk_bytes sig = {0};
    lk_cbor_bytes(&sig, c->sig, c->sig_n);
    structure(o, "CounterSignature", c->head, c->head_n, sig.b, sig.len);
    o->failed = o->failed || sig.failed;
    lk_bytes_clear(&sig);
}

/* --- reading ------------------------------------------------------------------------------ */

static lk_status fail(lk_error *err, const char **code, const char *what_code, const char *what)
{
    *code = what_code;
    return LK_FAIL(err, LK_E_FORMAT, "the claim's signature cannot be used: %s", what);
}

static bool take_certificate(cose_sign1 *out, const lk_cbor *v)
{
    if (v->kind != LK_CBOR_BYTES || v->number == 0 || out->chain_count == COSE_MAX_CHAIN) return false;
    out->chain[out->chain_count++] = (lk_der){.data = (uint8_t *)(uintptr_t)v->data, .n = (size_t)v->number};
    return true;
}

static lk_status read_chain(cose_sign1 *out, const lk_cbor *v, const char **code, lk_error *err)
{
    bool good = false;
    if (v->kind == LK_CBOR_BYTES) {
        good = take_certificate(out, v);
    } else if (v->kind == LK_CBOR_ARRAY && v->number > 0) {
        good = true;
        for (const lk_cbor *c = v->child; c && good; c = c->next) good = take_certificate(out, c);
    }
    return good ? LK_OK
                : fail(err, code, "signingCredential.invalid",
                       "its certificate chain is none, or longer than 10");
}

/* Two places and two spellings are in use; claims of version 2 may have it in the protected header alone. */
static lk_status find_chain(const lk_cbor *head, const lk_cbor *loose, int claim_version, const lk_cbor **out,
                            const char **code, lk_error *err)
{
    const lk_cbor *places[4] = {lk_cbor_get_int(head, LABEL_X5CHAIN), lk_cbor_get(head, "x5chain"),
                                lk_cbor_get(loose, "x5chain"), lk_cbor_get_int(loose, LABEL_X5CHAIN)};
    int found = 0;
    for (int i = 0; i < 4; i++) {
        if (!places[i]) continue;
        if (i == 3 || (i == 2 && claim_version > 1))
            return fail(err, code, "signingCredential.invalid",
                        "its certificates are not among what is signed");
        *out = places[i];
        found++;
    }
    if (found == 1) return LK_OK;
    return fail(err, code, "signingCredential.invalid",
                found ? "it has two certificate chains" : "it has no certificate");
}

static bool all_zero(const lk_cbor *v)
{
    if (v->kind != LK_CBOR_BYTES) return false;
    for (uint64_t i = 0; i < v->number; i++)
        if (v->data[i]) return false;
    return true;
}

static lk_status read_loose(const lk_cbor *loose, cose_sign1 *out, const char **code, lk_error *err)
{
    static const char *const pads[] = {"pad", "pad2"};
    static const char *const stamps[] = {"sigTst", "sigTst2"};
    for (int i = 0; i < 2; i++) {
        const lk_cbor *pad = lk_cbor_get(loose, pads[i]);
        if (pad && !all_zero(pad))
            return fail(err, code, "claimSignature.mismatch", "something is hidden in its padding");
    }
    for (int i = 0; i < 2; i++) {
        const lk_cbor *stamp = lk_cbor_get(loose, stamps[i]);
        if (!stamp) continue;
        const lk_cbor *tokens = lk_cbor_get(stamp, "tstTokens");
        const lk_cbor *value = tokens && tokens->kind == LK_CBOR_ARRAY ? lk_cbor_get(tokens->child, "val")
                                                                       : NULL;
        out->stamp = i + 1; /* sigTst2 wins over sigTst */
        out->token = value && value->kind == LK_CBOR_BYTES ? value->data : NULL;
        out->token_n = out->token ? (size_t)value->number : 0;
    }
    return LK_OK;
}

static bool known_alg(const lk_cbor *v)
{
    static const lk_pk_alg known[] = {LK_PK_ES256, LK_PK_EDDSA, LK_PK_ES384, LK_PK_ES512,
                                      LK_PK_PS256, LK_PK_PS384, LK_PK_PS512};
    for (size_t i = 0; i < LK_COUNT(known); i++)
        if (v->kind == LK_CBOR_NINT && v->number == (uint64_t)(-(int64_t)known[i] - 1)) return true;
    return false;
}

lk_status cose_parse(const void *data, size_t n, int claim_version, lk_arena *arena, cose_sign1 *out,
                     const char **code, lk_error *err)
{
    static const char mismatch[] = "claimSignature.mismatch";
    *out = (cose_sign1){0};
    *code = mismatch;
    lk_cbor *top = NULL, *head = NULL;
    LK_TRY(lk_cbor_parse(data, n, LK_CBOR_TOLERANT, arena, &top, err));
    if (top->kind != LK_CBOR_TAG || top->number != TAG_SIGN1)
        return fail(err, code, mismatch, "it is no COSE_Sign1");
    const lk_cbor *a = top->child;
    if (a->kind != LK_CBOR_ARRAY || a->number != 4) return fail(err, code, mismatch, "it has not four parts");
    const lk_cbor *protected_head = a->child, *loose = protected_head->next, *payload = loose->next,
                  *sig = payload->next;
    if (protected_head->kind != LK_CBOR_BYTES || loose->kind != LK_CBOR_MAP || sig->kind != LK_CBOR_BYTES)
        return fail(err, code, mismatch, "its parts are of the wrong kind");
    if (payload->kind != LK_CBOR_NULL) return fail(err, code, mismatch, "it carries a claim of its own");
    out->head = protected_head->data;
    out->head_n = (size_t)protected_head->number;
    out->sig = sig->data;
    out->sig_n = (size_t)sig->number;

    LK_TRY(lk_cbor_parse(out->head, out->head_n, LK_CBOR_TOLERANT, arena, &head, err));
    const lk_cbor *alg = lk_cbor_get_int(head, LABEL_ALG), *chain = NULL;
    if (!alg || !known_alg(alg))
        return fail(err, code, "algorithm.unsupported", "its algorithm is not known here");
    if (lk_cbor_get_int(head, LABEL_CRIT))
        return fail(err, code, mismatch, "it demands an extension that is not known here");
    out->alg = (lk_pk_alg)(-1 - (int64_t)alg->number);
    LK_TRY(find_chain(head, loose, claim_version, &chain, code, err));
    LK_TRY(read_chain(out, chain, code, err));
    return read_loose(loose, out, code, err);
}

/* --- writing ------------------------------------------------------------------------------ */

static lk_status check_signer(const c2pa_signer *s, lk_error *err)
{
    if (!s->key || s->chain_count < 1 || s->chain_count > COSE_MAX_CHAIN)
        return LK_FAIL(err, LK_E_ARG, "a signer needs a key and 1 to %d certificates", COSE_MAX_CHAIN);
    lk_pk_alg alg = lk_pk_alg_of(s->key);
    if (alg != LK_PK_ES256 && alg != LK_PK_EDDSA)
        return LK_FAIL(err, LK_E_UNSUPPORTED,
                       "signing needs a P-256 or an Ed25519 key; make one with `likeness keys`");
    if (!lk_cert_matches_key(s->chain[0].data, s->chain[0].n, s->key))
        return LK_FAIL(err, LK_E_ARG, "the first certificate is not that of the signing key");
    return LK_OK;
}

static void write_head(lk_bytes *o, const c2pa_signer *s)
{
    lk_cbor_map(o, 2);
    lk_cbor_uint(o, LABEL_ALG);
    lk_cbor_int(o, lk_pk_alg_of(s->key));
    lk_cbor_uint(o, LABEL_X5CHAIN);
    if (s->chain_count > 1) lk_cbor_array(o, (uint64_t)s->chain_count); /* RFC 9360: one alone is no array */
    for (int i = 0; i < s->chain_count; i++) lk_cbor_bytes(o, s->chain[i].data, s->chain[i].n);
}

/* Ask for the time of the signature. */
static lk_status stamp(const c2pa_signer *s, const cose_sign1 *c, void **token, size_t *token_n,
                       lk_error *err)
{
    lk_bytes tbs = {0};
    cose_to_stamp(&tbs, c, NULL, 0);
    lk_hash hash = lk_hash_bytes(tbs.b, tbs.len);
    bool failed = tbs.failed;
    lk_bytes_clear(&tbs);
    if (failed) return LK_FAIL(err, LK_E_NOMEM, "no memory for a time-stamp request");

    void *request = NULL, *response = NULL;
    size_t request_n = 0, response_n = 0;
    int64_t when;
    lk_status status = lk_tsa_request(&hash, &request, &request_n, err);
    if (status == LK_OK)
        status = s->time_stamp(s->time_stamp_user, request, request_n, &response, &response_n, err);
    if (status == LK_OK) status = lk_tsa_token(response, response_n, &hash, token, token_n, &when, err);
    lk_free(request);
    lk_free(response);
    return status;
}

static size_t head_size(size_t n) { return n < 24 ? 1 : n < 256 ? 2 : n < 65536 ? 3 : 5; }

/* The n with head_size(n) + n == total; -1 when no byte string takes just that many bytes (25, 258, ...). */
static int64_t string_of(size_t total)
{
    for (size_t head = 1; head <= 5; head++)
        if (total >= head && head_size(total - head) == head) return (int64_t)(total - head);
    return -1;
}

/* pad takes what is left; where no byte string takes just that much, an empty pad2 changes what is left. */
bool cose_fill(lk_bytes *o, const lk_bytes *entry, size_t total)
{
    enum { MAP = 1, PAD = 4, PAD2 = 6, LEAST = MAP + PAD + 1 };
    if (entry->len > total || total - entry->len < LEAST) return false;
    size_t left = total - entry->len - MAP - PAD;
    bool second = string_of(left) < 0;
    if (second) left -= PAD2; /* 25 is the least that is out of reach */
    lk_bytes zeros = {0};
    lk_bytes_zeros(&zeros, (size_t)string_of(left));
    lk_cbor_map(o, 1u + (entry->len ? 1 : 0) + (second ? 1 : 0));
    lk_bytes_add(o, entry->b, entry->len);
    lk_cbor_text(o, "pad");
    lk_cbor_bytes(o, zeros.b, zeros.len);
    if (second) {
        lk_cbor_text(o, "pad2");
        lk_cbor_bytes(o, "", 0);
    }
    o->failed = o->failed || entry->failed || zeros.failed;
    lk_bytes_clear(&zeros);
    return true;
}

/* The unprotected header with a token, always of STAMP_ROOM bytes: the file around the store is hashed before
 * the token is there. */
static lk_status write_stamped(lk_bytes *o, const void *token, size_t token_n, lk_error *err)
{
    lk_bytes entry = {0};
    if (token) {
        lk_cbor_text(&entry, "sigTst2");
        lk_cbor_map(&entry, 1);
        lk_cbor_text(&entry, "tstTokens");
        lk_cbor_array(&entry, 1);
        lk_cbor_map(&entry, 1);
        lk_cbor_text(&entry, "val");
        lk_cbor_bytes(&entry, token, token_n);
    }
    bool good = cose_fill(o, &entry, STAMP_ROOM);
    lk_bytes_clear(&entry);
    if (good) return LK_OK;
    return LK_FAIL(err, LK_E_RANGE,
                   "the time stamp takes %zu bytes, more than the %d that are kept for it; use another "
                   "time-stamp service",
                   token_n, STAMP_ROOM);
}

lk_status cose_make(const c2pa_signer *signer, const void *claim, size_t claim_n, bool dry, lk_bytes *o,
                    lk_error *err)
{
    LK_TRY(check_signer(signer, err));
    lk_status s = LK_OK;
    lk_bytes head = {0}, tbs = {0};
    uint8_t sig[LK_PK_SIG_MAX] = {0};
    size_t sig_n = lk_pk_sig_size(signer->key), token_n = 0;
    void *token = NULL;
    write_head(&head, signer);
    if (!dry) {
        cose_to_sign(&tbs, head.b, head.len, claim, claim_n);
        if (head.failed || tbs.failed) LK_GOTO(done, LK_FAIL(err, LK_E_NOMEM, "no memory for a signature"));
        LK_GOTO(done, lk_pk_sign(signer->key, tbs.b, tbs.len, sig, &sig_n, err));
        if (sig_n != lk_pk_sig_size(signer->key))
            LK_GOTO(done, LK_FAIL(err, LK_E_BUG, "a signature of %zu bytes", sig_n));
        if (signer->time_stamp) {
            cose_sign1 c = {.head = head.b, .head_n = head.len, .sig = sig, .sig_n = sig_n, .stamp = 2};
            LK_GOTO(done, stamp(signer, &c, &token, &token_n, err));
        }
    }
    lk_cbor_tag(o, TAG_SIGN1);
    lk_cbor_array(o, 4);
    lk_cbor_bytes(o, head.b, head.len);
    if (signer->time_stamp) LK_GOTO(done, write_stamped(o, token, token_n, err));
    else lk_cbor_map(o, 0);
    lk_cbor_null(o);
    lk_cbor_bytes(o, sig, sig_n);
    if (head.failed || o->failed) s = LK_FAIL(err, LK_E_NOMEM, "no memory for a signature");
done:
    lk_bytes_clear(&head);
    lk_bytes_clear(&tbs);
    lk_free(token);
    return s;
}
