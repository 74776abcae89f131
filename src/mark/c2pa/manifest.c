/* manifest.c: the claim, and the store around it: manifests of ingredients first, as they were, then ours. */
#include <stdio.h>
#include <string.h>

#include "mark/c2pa/internal.h"

#define SPEC_VERSION "2.4.0"

static void text_entry(lk_bytes *o, const char *key, const char *value)
{
    lk_cbor_text(o, key);
    lk_cbor_text(o, value);
}

static void write_list(const c2pa_written *w, bool gathered, const char *key, lk_bytes *o)
{
    int n = 0;
    for (int i = 0; i < w->count; i++) n += w->row[i].gathered == gathered;
    if (!n) return;
    lk_cbor_text(o, key);
    lk_cbor_array(o, (uint64_t)n);
    for (int i = 0; i < w->count; i++) {
        if (w->row[i].gathered != gathered) continue;
        char url[80];
        snprintf(url, sizeof url, "self#jumbf=c2pa.assertions/%s", w->row[i].label);
        c2pa_write_link(o, url, &w->row[i].hash, false);
    }
}

/* No field but these: some readers refuse a claim with one that they do not know. */
static void write_claim(const c2pa_draft *d, const c2pa_written *w, lk_bytes *o)
{
    bool gathered = false;
    for (int i = 0; i < w->count; i++) gathered = gathered || w->row[i].gathered;
    lk_cbor_map(o, 5u + (gathered ? 1 : 0) + (d->spec->title ? 1 : 0));
    text_entry(o, "instanceID", d->instance);
    lk_cbor_text(o, "claim_generator_info");
    lk_cbor_map(o, 3);
    text_entry(o, "name", d->signer->demo ? "Likeness (demo key)" : "Likeness");
    text_entry(o, "version", LK_VERSION);
    text_entry(o, "specVersion", SPEC_VERSION);
    lk_text url = {0}; /* absolute: so the claim covers the manifest's label, which nothing else does */
    lk_text_add(&url, "self#jumbf=/c2pa/%s/c2pa.signature", d->label);
    text_entry(o, "signature", url.failed ? "" : url.s);
    o->failed = o->failed || url.failed;
    lk_text_clear(&url);
    write_list(w, false, "created_assertions", o);
    write_list(w, true, "gathered_assertions", o);
    if (d->spec->title) text_entry(o, "dc:title", d->spec->title);
    text_entry(o, "alg", "sha256"); /* without it, alg of the single links is not enough for some readers */
}

/* The manifests of the ingredients, each label once: where two files carry the same one, it is the same
 * (sign.c). */
static void copy_kept(const c2pa_draft *d, lk_bytes *o)
{
    for (int i = 0; i < d->spec->ingredient_count; i++) {
        if (!d->kept[i].box) continue;
        for (const jumbf_box *m = d->kept[i].box->child; m; m = m->next) {
            bool there = false;
            for (int k = 0; k < i && !there; k++)
                for (const jumbf_box *e = d->kept[k].box ? d->kept[k].box->child : NULL; e && !there;
                     e = e->next)
                    there = !strcmp(e->label, m->label);
            if (!there) lk_bytes_add(o, m->start, m->size);
        }
    }
}

lk_status c2pa_draft_write(const c2pa_draft *d, const c2pa_range *hole, const c2pa_digest *hash, bool dry,
                           lk_bytes *o, lk_error *err)
{
    lk_status s = LK_OK;
    lk_bytes claim = {0}, sig = {0};
    c2pa_written w;
    size_t store = jumbf_open(o, "c2pa", "c2pa");
    copy_kept(d, o);
    size_t manifest = jumbf_open(o, "c2ma", d->label);
    c2pa_write_assertions(d, hole, hash, o, &w);
    if (o->failed) goto done;
    write_claim(d, &w, &claim);
    if (claim.failed) goto done;
    size_t at = jumbf_open(o, "c2cl", "c2pa.claim.v2");
    jumbf_content(o, "cbor", claim.b, claim.len);
    jumbf_close(o, at);

    LK_GOTO(done, cose_make(d->signer, claim.b, claim.len, dry, &sig, err));
    at = jumbf_open(o, "c2cs", "c2pa.signature");
    jumbf_content(o, "cbor", sig.b, sig.len);
    jumbf_close(o, at);
    jumbf_close(o, manifest);
    jumbf_close(o, store);
done:
    if (s == LK_OK && (o->failed || claim.failed)) {
        s = o->len > C2PA_STORE_MAX
                ? LK_FAIL(err, LK_E_RANGE,
                          "the manifests of the sources take more than 32 MiB; use fewer sources")
                : LK_FAIL(err, LK_E_NOMEM, "no memory for a manifest");
    }
    lk_bytes_clear(&claim);
    lk_bytes_clear(&sig);
    return s;
}
