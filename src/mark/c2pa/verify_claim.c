/* verify_claim.c: is the claim signed by who it says, and are the assertions the ones that it lists? */
#include <string.h>

#include "mark/c2pa/internal.h"

/* --- time stamp --------------------------------------------------------------------------- */

/* The time at which the certificate is judged. A stamp of an authority that nobody vouches for counts only
 * beside claims of version 1, whose stamps never were judged otherwise. */
static int64_t judge_stamp(judge *j, const c2pa_unit *u, int64_t *signed_at)
{
    const cose_sign1 *c = &u->cose;
    *signed_at = 0;
    if (!c->stamp) return j->at;
    if (!c->token) {
        judge_say(j, INFO, "timeStamp.malformed", u->signature_uri, "the time stamp is empty");
        return j->at;
    }
    lk_bytes tbs = {0};
    cose_to_stamp(&tbs, c, u->claim_bytes, u->claim_n);
    lk_hash hash = lk_hash_bytes(tbs.b, tbs.len);
    bool no_memory = tbs.failed, trusted = false;
    lk_bytes_clear(&tbs);
    int64_t when = 0;
    lk_error why = {0};
    lk_status s = no_memory ? LK_E_NOMEM
                            : lk_tsa_verify(c->token, c->token_n, &hash, j->anchors, j->anchor_count, &when,
                                            &trusted, &why);
    if (s == LK_E_NOMEM) {
        judge_no_memory(j);
    } else if (s != LK_OK) {
        judge_say(j, INFO, "timeStamp.mismatch", u->signature_uri, "%s", why.message);
    } else {
        judge_say(j, GOOD, "timeStamp.validated", u->signature_uri, "the time stamp is of this signature");
        judge_say(j, trusted ? GOOD : INFO, trusted ? "timeStamp.trusted" : "timeStamp.untrusted",
                  u->signature_uri, trusted ? "its authority is trusted" : "its authority is not known here");
        if (trusted || (u->claim_version == 1 && c->stamp == 1)) *signed_at = when;
    }
    return *signed_at ? *signed_at : j->at;
}

/* --- signature ---------------------------------------------------------------------------- */

static void say_verdict(judge *j, const c2pa_unit *u, lk_cert_verdict verdict, const char *why)
{
    static const struct {
        int severity;
        const char *code;
    } row[] = {
        [LK_CERT_TRUSTED] = {GOOD, "signingCredential.trusted"},
        [LK_CERT_UNTRUSTED] = {BAD, "signingCredential.untrusted"},
        [LK_CERT_EXPIRED] = {BAD, "signingCredential.expired"},
        [LK_CERT_INVALID] = {BAD, "signingCredential.invalid"},
    };
    judge_say(j, row[verdict].severity, row[verdict].code, u->signature_uri, "%s", why);
}

static bool points_here(const c2pa_unit *u)
{
    static const char relative[] = "self#jumbf=c2pa.signature";
    const lk_cbor *s = lk_cbor_get(u->claim, "signature");
    return lk_cbor_is_text(s, relative) || lk_cbor_is_text(s, u->signature_uri);
}

void judge_signature(judge *j, c2pa_unit *u)
{
    const jumbf_box *box = jumbf_only(u->signature, JUMBF_CBOR);
    if (!points_here(u))
        judge_say(j, BAD, "claimSignature.missing", u->signature_uri,
                  "the claim names another box as its signature");
    const char *code = NULL;
    lk_error why = {0};
    lk_status s = cose_parse(box->data, box->n, u->claim_version, j->arena, &u->cose, &code, &why);
    if (s == LK_E_NOMEM) {
        judge_no_memory(j);
        return;
    }
    if (s != LK_OK) {
        judge_say(j, BAD, code, u->signature_uri, "%s", why.message);
        return;
    }
    u->has_cose = true;
    int64_t at = judge_stamp(j, u, &u->signed_at);
    char reason[160] = "";
    u->verdict = lk_cert_judge(u->cose.chain, u->cose.chain_count, j->anchors, j->anchor_count, at, reason);
    say_verdict(j, u, u->verdict, reason);
    if (u->verdict == LK_CERT_INVALID) return; /* its key is not fit to be tried */

    lk_bytes tbs = {0};
    cose_to_sign(&tbs, u->cose.head, u->cose.head_n, u->claim_bytes, u->claim_n);
    if (tbs.failed) {
        judge_no_memory(j);
    } else if (lk_cert_verify(u->cose.chain[0].data, u->cose.chain[0].n, u->cose.alg, tbs.b, tbs.len,
                              u->cose.sig, u->cose.sig_n)) {
        if (u->verdict != LK_CERT_EXPIRED)
            judge_say(j, GOOD, "claimSignature.insideValidity", u->signature_uri,
                      "signed while the certificate was valid");
        judge_say(j, GOOD, "claimSignature.validated", u->signature_uri, "the claim's signature is valid");
    } else {
        judge_say(j, BAD, "claimSignature.mismatch", u->signature_uri,
                  "the claim was changed after it was signed, or another key signed it");
    }
    lk_bytes_clear(&tbs);
}

/* --- redactions --------------------------------------------------------------------------- */

static bool claim_redacts(const c2pa_unit *above, const c2pa_unit *u, const char *part_label)
{
    const lk_cbor *list = lk_cbor_get(above->claim, "redacted_assertions");
    for (const lk_cbor *v = list ? list->child : NULL; v; v = v->next) {
        size_t n = strlen(u->uri);
        const char *p = (const char *)v->data;
        if (v->number <= n || memcmp(p, u->uri, n) || p[n] != '/') continue;
        if (!part_label) return true;
        static const char folder[] = "/c2pa.assertions/";
        size_t f = sizeof folder - 1, m = strlen(part_label);
        if (v->number == n + f + m && !memcmp(p + n, folder, f) && !memcmp(p + n + f, part_label, m))
            return true;
    }
    return false;
}

/* Only claims on the way down to u are asked: anything else in the store may have been put there by anyone.
 */
static bool any_above(const judge *j, const c2pa_unit *u, const char *part_label)
{
    if (j->depth == 0) return false; /* u is the active manifest */
    if (claim_redacts(&j->store.units[j->store.count - 1], u, part_label)) return true;
    for (int i = 0; i + 1 < j->depth; i++)
        if (claim_redacts(j->steps[i].unit, u, part_label)) return true;
    return false;
}

bool judge_redacted(const judge *j, const c2pa_unit *u, const char *part_label)
{
    return any_above(j, u, part_label);
}
bool judge_redacts(const judge *j, const c2pa_unit *u) { return any_above(j, u, NULL); }

static bool contains(const lk_cbor *text, const char *s)
{
    size_t n = strlen(s);
    for (uint64_t i = 0; i + n <= text->number; i++)
        if (!memcmp(text->data + i, s, n)) return true;
    return false;
}

/* What may not be redacted: anything of one's own, actions, and bindings. */
static void judge_redactions(judge *j, const c2pa_unit *u)
{
    const lk_cbor *list = lk_cbor_get(u->claim, "redacted_assertions");
    for (const lk_cbor *v = list ? list->child : NULL; v; v = v->next) {
        if (contains(v, u->label))
            judge_say(j, BAD, "assertion.selfRedacted", u->uri, "the claim redacts an assertion of its own");
        if (contains(v, "c2pa.actions"))
            judge_say(j, BAD, "assertion.action.redacted", u->uri, "the claim redacts actions");
        if (contains(v, "c2pa.hash."))
            judge_say(j, BAD, "assertion.dataHash.redacted", u->uri, "the claim redacts a binding");
    }
}

/* --- assertions --------------------------------------------------------------------------- */

static void judge_hash(judge *j, const c2pa_unit *u, c2pa_part *p, const c2pa_link *link)
{
    switch (c2pa_link_matches(link, u->alg, &p->hashes, p->box->data, p->box->n)) {
    case C2PA_SAME:
        judge_say(j, GOOD, "assertion.hashedURI.match", p->uri, "the assertion is the one that was signed");
        break;
    case C2PA_DIFFERENT:
        judge_say(j, BAD, "assertion.hashedURI.mismatch", p->uri, "the assertion was changed after signing");
        break;
    case C2PA_UNKNOWN_ALG:
        judge_say(j, BAD, "algorithm.unsupported", p->uri, "its hash algorithm is not known here");
        break;
    case C2PA_NO_MEMORY: judge_no_memory(j); break;
    }
}

static void judge_listed(judge *j, c2pa_unit *u, const lk_cbor *entry, bool gathered)
{
    c2pa_link link;
    lk_status s = c2pa_link_read(entry, j->arena, &link);
    if (s == LK_E_NOMEM) {
        judge_no_memory(j);
        return;
    }
    if (s != LK_OK) {
        judge_say(j, BAD, "claim.malformed", u->uri,
                  "an entry of the list of assertions is no hashed address");
        return;
    }
    if (c2pa_uri_absolute(link.url) && !c2pa_uri_in(link.url, u)) {
        judge_say(j, BAD, "assertion.outsideManifest", link.url,
                  "the claim lists an assertion of another manifest");
        return;
    }
    const char *label = c2pa_uri_part(link.url);
    c2pa_part *p = label ? c2pa_unit_part(u, label) : NULL;
    bool redacted = label && judge_redacted(j, u, label);
    if (!p) {
        if (!redacted)
            judge_say(j, BAD, "assertion.missing", link.url,
                      "the claim lists an assertion that is not there");
        return;
    }
    if (p->created || p->gathered)
        judge_say(j, BAD, "claim.malformed", p->uri, "the claim lists an assertion twice");
    p->created = p->created || !gathered;
    p->gathered = p->gathered || gathered;
    if (redacted) judge_say(j, BAD, "assertion.notRedacted", p->uri, "a redacted assertion is still there");
    else judge_hash(j, u, p, &link);
}

static void judge_list(judge *j, c2pa_unit *u, const char *key, bool gathered)
{
    const lk_cbor *list = lk_cbor_get(u->claim, key);
    if (list && list->number > C2PA_MAX_ASSERTIONS) {
        judge_say(j, BAD, "claim.malformed", u->uri, "the claim lists more than 1000 assertions");
        return;
    }
    for (const lk_cbor *v = list ? list->child : NULL; v; v = v->next) judge_listed(j, u, v, gathered);
}

void judge_assertions(judge *j, c2pa_unit *u)
{
    judge_redactions(j, u);
    if (u->claim_version == 1) {
        judge_list(j, u, "assertions", false);
    } else {
        judge_list(j, u, "created_assertions", false);
        judge_list(j, u, "gathered_assertions", true);
    }
    for (int i = 0; i < u->part_count; i++)
        if (!u->parts[i].created && !u->parts[i].gathered)
            judge_say(j, BAD, "assertion.undeclared", u->parts[i].uri,
                      "an assertion that the claim does not list");
}
