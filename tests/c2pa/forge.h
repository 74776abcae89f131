/* forge.h: manifests that our own writer would never make: each row of the table changes one thing of a good one and
 * says what judging must find. The signature is made last and is valid unless the row is about the signature.
 */
#ifndef LK_TESTS_C2PA_FORGE_H
#define LK_TESTS_C2PA_FORGE_H

#include "asset/files.h"
#include "people.h"

enum { MAX_PARTS = 1100 };
typedef struct forge_part {
    char label[80];
    const char *type;  /* of the superbox: "cbor", "json", "file" */
    lk_bytes content;  /* of its cbor or json box; of all boxes for another type */
    enum { CREATED, GATHERED, UNLISTED, TWICE } list;
    bool wrong_hash, binding;
    lk_hash hash;      /* as written */
} forge_part;

typedef struct forge {
    const person *who;
    char label[120];
    const char *type, *claim_label;   /* "c2ma", "c2pa.claim.v2" */
    forge_part part[MAX_PARTS];
    int count;
    /* claim */
    const char *without;              /* a field that is left out */
    const char *extra_key;            /* a field more */
    const char *alg, *signature_url, *list_url; /* list_url: another address for the first entry */
    const char *redacted;             /* an entry of redacted_assertions */
    bool numeric_title;
    lk_bytes claim_more, info_more;   /* "key value" written into the claim and its claim_generator_info */
    /* binding */
    int64_t skip_start, skip_length;  /* added to the exclusion */
    bool skip_more, pad_dirty, remote, second_binding;
    const char *binding_alg;
    /* boxes */
    bool no_claim, two_claims, no_signature, no_parts, bare_box, unknown_box, trailing, salted;
    lk_bytes before;                  /* manifests that stand before this one */
    void (*edit_cose)(struct forge *f, lk_bytes *cose);
    void (*edit_store)(struct forge *f, lk_bytes *store);
} forge;

static void entry(lk_bytes *o, const char *key, const char *value)
{
    lk_cbor_text(o, key);
    lk_cbor_text(o, value);
}

static lk_bytes *add_part(forge *f, const char *label)
{
    forge_part *p = &f->part[f->count++];
    *p = (forge_part){.type = "cbor"};
    snprintf(p->label, sizeof p->label, "%s", label);
    return &p->content;
}

/* {"actions": [{"action": a, "digitalSourceType"?: t}]}; the row may write its own instead. */
static void simple_actions(lk_bytes *o, const char *action, const char *type)
{
    lk_cbor_map(o, 1);
    lk_cbor_text(o, "actions");
    lk_cbor_array(o, 1);
    lk_cbor_map(o, type ? 2 : 1);
    entry(o, "action", action);
    if (type) entry(o, "digitalSourceType", type);
}

static void forge_start(forge *f, const person *who, bool actions)
{
    lk_error err = {0};
    *f = (forge){.who = who, .type = "c2ma", .claim_label = "c2pa.claim.v2", .alg = "sha256"};
    CHECK_OK(c2pa_label_new(f->label, &err), &err);
    if (actions) simple_actions(add_part(f, "c2pa.actions.v2"), "c2pa.created", IPTC "trainedAlgorithmicMedia");
}

static void forge_clear(forge *f)
{
    for (int i = 0; i < f->count; i++) lk_bytes_clear(&f->part[i].content);
    lk_bytes_clear(&f->before);
    lk_bytes_clear(&f->claim_more);
    lk_bytes_clear(&f->info_more);
}

static size_t head_of(uint64_t v) { return v < 24 ? 1 : v < 256 ? 2 : v < 65536 ? 3 : v <= UINT32_MAX ? 5 : 9; }

static void forge_binding(const forge *f, const c2pa_range *hole, const c2pa_digest *hash, lk_bytes *o)
{
    static const uint8_t zeros[32];
    uint64_t start = (hole ? hole->start : 0) + (uint64_t)f->skip_start, length = (hole ? hole->length : 0) + (uint64_t)f->skip_length;
    lk_cbor_map(o, f->remote ? 6 : 5);
    lk_cbor_text(o, "exclusions");
    lk_cbor_array(o, f->skip_more ? 2 : 1);
    lk_cbor_map(o, 2);
    lk_cbor_text(o, "start");
    lk_cbor_uint(o, start);
    lk_cbor_text(o, "length");
    lk_cbor_uint(o, length);
    size_t pad = 18 - head_of(start) - head_of(length);
    if (f->skip_more) { /* the last four bytes of the file: a PNG's last checksum */
        uint64_t at = hole ? hole->start + hole->length + 30 : 100000;
        lk_cbor_map(o, 2);
        lk_cbor_text(o, "start");
        lk_cbor_uint(o, at);
        lk_cbor_text(o, "length");
        lk_cbor_uint(o, 4);
        pad += 5 - head_of(at);
    }
    entry(o, "name", "jumbf manifest");
    entry(o, "alg", f->binding_alg ? f->binding_alg : "sha256");
    lk_cbor_text(o, "hash");
    lk_cbor_bytes(o, hash ? hash->b : zeros, 32);
    lk_cbor_text(o, "pad");
    uint8_t padding[32] = {0};
    if (f->pad_dirty) padding[0] = 1;
    lk_cbor_bytes(o, padding, pad);
    if (f->remote) entry(o, "url", "http://example.org/hash");
}

static void forge_list(forge *f, const char *key, bool gathered, lk_bytes *o)
{
    int n = 0;
    for (int pass = 0; pass < 2; pass++) {
        if (pass && (n || !gathered)) {
            lk_cbor_text(o, key);
            lk_cbor_array(o, (uint64_t)n);
        }
        for (int i = 0; i < f->count; i++) {
            const forge_part *p = &f->part[i];
            if (p->list == UNLISTED || (p->list == GATHERED) != gathered) continue;
            for (int k = 0; k < (p->list == TWICE ? 2 : 1); k++) {
                n += !pass;
                if (!pass) continue;
                char url[128];
                snprintf(url, sizeof url, "self#jumbf=c2pa.assertions/%s", p->label);
                lk_cbor_map(o, 2);
                entry(o, "url", f->list_url && i == 0 ? f->list_url : url);
                lk_cbor_text(o, "hash");
                lk_hash h = p->hash;
                h.b[0] ^= p->wrong_hash;
                lk_cbor_bytes(o, h.b, 32);
            }
        }
    }
}

static void forge_claim(forge *f, lk_bytes *o)
{
    lk_bytes body = {0};
    int fields = 0;
    bool v1 = !strcmp(f->claim_label, "c2pa.claim"), gathered = false;
    for (int i = 0; i < f->count; i++) gathered = gathered || f->part[i].list == GATHERED;
#define FIELD(key) if ((!f->without || strcmp(f->without, key)) && ++fields)
    FIELD("instanceID") entry(&body, "instanceID", "xmp:iid:0b9d6d2e-8d0c-4b3a-8a43-cc3a4f7b9a51");
    if (v1) {
        FIELD("claim_generator") entry(&body, "claim_generator", "tests/1.0");
        FIELD("dc:format") entry(&body, "dc:format", "image/png");
    } else {
        FIELD("claim_generator_info") {
            lk_cbor_text(&body, "claim_generator_info");
            bool name = !f->without || strcmp(f->without, "name");
            lk_cbor_map(&body, (name ? 1 : 0) + (f->info_more.len ? 1 : 0));
            if (name) entry(&body, "name", "Tests");
            lk_bytes_add(&body, f->info_more.b, f->info_more.len);
        }
    }
    FIELD("signature") entry(&body, "signature", f->signature_url ? f->signature_url : "self#jumbf=c2pa.signature");
    FIELD("assertions") forge_list(f, v1 ? "assertions" : "created_assertions", false, &body);
    if (gathered) FIELD("gathered_assertions") forge_list(f, "gathered_assertions", true, &body);
    FIELD("alg") entry(&body, "alg", f->alg);
#undef FIELD
    if (f->redacted && ++fields) {
        lk_cbor_text(&body, "redacted_assertions");
        lk_cbor_array(&body, 1);
        lk_cbor_text(&body, f->redacted);
    }
    if (f->extra_key && ++fields) entry(&body, f->extra_key, "something");
    if (f->numeric_title && ++fields) {
        lk_cbor_text(&body, "dc:title");
        lk_cbor_uint(&body, 7);
    }
    if (f->claim_more.len && ++fields) lk_bytes_add(&body, f->claim_more.b, f->claim_more.len);
    lk_cbor_map(o, (uint64_t)fields);
    lk_bytes_add(o, body.b, body.len);
    lk_bytes_clear(&body);
}

static void forge_parts(forge *f, lk_bytes *o)
{
    size_t all = jumbf_open(o, "c2as", "c2pa.assertions");
    for (int i = 0; i < f->count; i++) {
        forge_part *p = &f->part[i];
        size_t at = jumbf_open(o, p->type, p->label);
        if (f->salted && i == 0) { /* a description with salt: 16 bytes more, in a box of their own */
            o->b[at + 8 + 8 + 16] = 0x13;
            o->b[at + 8 + 3] = (uint8_t)(o->b[at + 8 + 3] + 24);
            lk_bytes_be(o, 24, 4);
            lk_bytes_add(o, "c2sh0123456789abcdef", 20);
        }
        if (!strcmp(p->type, "cbor") || !strcmp(p->type, "json")) jumbf_content(o, p->type, p->content.b, p->content.len);
        else lk_bytes_add(o, p->content.b, p->content.len);
        jumbf_close(o, at);
        p->hash = lk_hash_bytes(o->b + at + 8, o->len - at - 8);
    }
    jumbf_close(o, all);
}

/* [head, unprotected, payload, sig] written anew; the signature is of the head as it is written. */
__attribute__((unused)) static void rebuild(forge *x, lk_bytes *o, int alg, bool chain_in_head, bool chain_loose, const void *pad, size_t pad_n, bool payload)
{
    lk_bytes head = {0}, out = {0};
    lk_cbor_map(&head, chain_in_head ? 2 : 1);
    lk_cbor_uint(&head, 1);
    lk_cbor_int(&head, alg);
    if (chain_in_head) {
        lk_cbor_uint(&head, 33);
        lk_cbor_bytes(&head, x->who->chain[0].data, x->who->chain[0].n);
    }
    lk_bytes claim = {0}, tbs = {0};
    forge_claim(x, &claim);
    uint8_t sig[LK_PK_SIG_MAX];
    size_t sig_n;
    lk_error err = {0};
    cose_to_sign(&tbs, head.b, head.len, claim.b, claim.len);
    CHECK_OK(lk_pk_sign(x->who->key, tbs.b, tbs.len, sig, &sig_n, &err), &err);
    lk_cbor_tag(&out, 18);
    lk_cbor_array(&out, 4);
    lk_cbor_bytes(&out, head.b, head.len);
    lk_cbor_map(&out, (chain_loose ? 1 : 0) + (pad ? 1 : 0));
    if (chain_loose) {
        lk_cbor_uint(&out, 33);
        lk_cbor_bytes(&out, x->who->chain[0].data, x->who->chain[0].n);
    }
    if (pad) {
        lk_cbor_text(&out, "pad");
        lk_cbor_bytes(&out, pad, pad_n);
    }
    if (payload) lk_cbor_bytes(&out, claim.b, claim.len);
    else lk_cbor_null(&out);
    lk_cbor_bytes(&out, sig, sig_n);
    o->len = 0;
    lk_bytes_add(o, out.b, out.len);
    lk_bytes_clear(&head);
    lk_bytes_clear(&claim);
    lk_bytes_clear(&tbs);
    lk_bytes_clear(&out);
}
/* One manifest box. */
static void forge_manifest(forge *f, lk_bytes *o)
{
    lk_error err = {0};
    lk_bytes claim = {0}, cose = {0};
    size_t manifest = jumbf_open(o, f->type, f->label), at;
    if (!f->no_parts) forge_parts(f, o);
    forge_claim(f, &claim);
    for (int i = 0; i < (f->no_claim ? 0 : f->two_claims ? 2 : 1); i++) {
        at = jumbf_open(o, "c2cl", f->claim_label);
        jumbf_content(o, "cbor", claim.b, claim.len);
        jumbf_close(o, at);
    }
    CHECK_OK(cose_make(&f->who->signer, claim.b, claim.len, false, &cose, &err), &err);
    if (f->edit_cose) f->edit_cose(f, &cose);
    if (!f->no_signature) {
        at = jumbf_open(o, "c2cs", "c2pa.signature");
        jumbf_content(o, "cbor", cose.b, cose.len);
        jumbf_close(o, at);
    }
    if (f->bare_box) jumbf_content(o, "free", "bytes", 5);
    if (f->unknown_box) {
        at = jumbf_open(o, "abcd", "abc.def");
        jumbf_content(o, "cbor", "\xa0", 1);
        jumbf_close(o, at);
    }
    jumbf_close(o, manifest);
    lk_bytes_clear(&claim);
    lk_bytes_clear(&cose);
}

static void forge_store(forge *f, lk_bytes *o)
{
    o->len = 0;
    size_t store = jumbf_open(o, "c2pa", "c2pa");
    lk_bytes_add(o, f->before.b, f->before.len);
    forge_manifest(f, o);
    if (f->trailing) lk_bytes_zeros(o, 8);
    jumbf_close(o, store);
    if (f->edit_store) f->edit_store(f, o);
}

/* A PNG with the forged manifest. A binding is added as the last assertion unless there is one already (or none is
 * wanted, which without == "binding" says). */
static const char *forge_file(forge *f, const char *name)
{
    lk_error err = {0};
    lk_bytes store = {0};
    c2pa_layout l;
    c2pa_digest hash;
    const char *out = where(name);
    make_small(&file_a, C2PA_PNG);
    const char *in = save(&file_a, "plain.png");
    int binding = f->count;
    if (!f->without || strcmp(f->without, "binding")) forge_binding(f, NULL, NULL, add_part(f, "c2pa.hash.data"));
    if (f->second_binding) forge_binding(f, NULL, NULL, add_part(f, "c2pa.hash.data__1"));
    forge_store(f, &store);
    CHECK_OK(c2pa_asset_reserve(in, out, store.len, &l, &err), &err);
    CHECK_OK(c2pa_hash_ranges(out, &l.hole, 1, "sha256", &hash, &err), &err);
    if (f->skip_more) {
        c2pa_range two[2] = {l.hole, {l.hole.start + l.hole.length + 30, 4}};
        CHECK_OK(c2pa_hash_ranges(out, two, 2, "sha256", &hash, &err), &err);
    }
    for (int i = binding; i < f->count; i++) {
        f->part[i].content.len = 0;
        forge_binding(f, &l.hole, &hash, &f->part[i].content);
    }
    forge_store(f, &store);
    CHECK_INT(store.len, l.store_size);
    CHECK_OK(c2pa_asset_fill(out, &l, store.b, store.len, &err), &err);
    lk_bytes_clear(&store);
    return out;
}

#endif
