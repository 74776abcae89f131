/* assertions.c: the assertion boxes of a manifest that we make: ingredients, actions, soft binding, consent,
 * hard binding, training-mining. Labels and fields as in the C2PA specification 2.2; the fields of 2.4 that
 * readers of 2.2 stumble over (digitalSourceType of an ingredient) are left out.
 */
#include <stdio.h>
#include <string.h>

#include "mark/c2pa/internal.h"

static const uint8_t c2pa_uuid[16] = {0xD8, 0xFE, 0xC3, 0xD6, 0x1B, 0x0E, 0x48, 0x3C,
                                      0x92, 0x97, 0x58, 0x28, 0x87, 0x7E, 0xC4, 0x81};

static void text_entry(lk_bytes *o, const char *key, const char *value)
{
    lk_cbor_text(o, key);
    lk_cbor_text(o, value);
}

void c2pa_write_link(lk_bytes *o, const char *url, const lk_hash *hash, bool with_alg)
{
    lk_cbor_map(o, with_alg ? 3 : 2);
    text_entry(o, "url", url);
    if (with_alg) text_entry(o, "alg", "sha256");
    lk_cbor_text(o, "hash");
    lk_cbor_bytes(o, hash->b, LK_HASH_BYTES);
}

/* Put content into a box of its own; its hash is what the claim will list. content is emptied. */
static void put(lk_bytes *o, c2pa_written *w, const char *label, lk_bytes *content, bool gathered)
{
    size_t at = jumbf_open(o, "cbor", label);
    jumbf_content(o, "cbor", content->b, content->len);
    jumbf_close(o, at);
    o->failed = o->failed || content->failed;
    lk_bytes_clear(content);
    if (o->failed) return;
    snprintf(w->row[w->count].label, sizeof w->row[w->count].label, "%s", label);
    w->row[w->count].hash = lk_hash_bytes(o->b + at + 8, o->len - at - 8);
    w->row[w->count++].gathered = gathered;
}

/* --- ingredients -------------------------------------------------------------------------- */

static void write_findings(lk_bytes *o, const c2pa_report *r, const char *through)
{
    static const char *const group[] = {"success", "informational", "failure"};
    lk_cbor_map(o, 3);
    for (int severity = 0; severity < 3; severity++) {
        int n = 0;
        for (int pass = 0; pass < 2; pass++) {
            if (pass) {
                lk_cbor_text(o, group[severity]);
                lk_cbor_array(o, (uint64_t)n);
            }
            for (int i = 0; i < r->finding_count; i++) {
                const c2pa_finding *f = &r->findings[i];
                bool here = through ? f->ingredient && !strcmp(f->ingredient, through) : !f->ingredient;
                if (!here || f->severity != severity) continue;
                if (!pass) {
                    n++;
                    continue;
                }
                lk_cbor_map(o, 1u + (f->url ? 1 : 0) + (f->explanation ? 1 : 0));
                text_entry(o, "code", f->code);
                if (f->url) text_entry(o, "url", f->url);
                if (f->explanation) text_entry(o, "explanation", f->explanation);
            }
        }
    }
}

/* Is this the first finding that came through its ingredient assertion? */
static bool opens_delta(const c2pa_report *r, int i)
{
    if (!r->findings[i].ingredient) return false;
    for (int k = 0; k < i; k++)
        if (r->findings[k].ingredient && !strcmp(r->findings[k].ingredient, r->findings[i].ingredient))
            return false;
    return true;
}

static void write_results(lk_bytes *o, const c2pa_report *r)
{
    int deltas = 0;
    for (int i = 0; i < r->finding_count; i++) deltas += opens_delta(r, i);
    lk_cbor_map(o, deltas ? 2 : 1);
    lk_cbor_text(o, "activeManifest");
    write_findings(o, r, NULL);
    if (!deltas) return;
    lk_cbor_text(o, "ingredientDeltas");
    lk_cbor_array(o, (uint64_t)deltas);
    for (int i = 0; i < r->finding_count; i++) {
        if (!opens_delta(r, i)) continue;
        lk_cbor_map(o, 2);
        text_entry(o, "ingredientAssertionURI", r->findings[i].ingredient);
        lk_cbor_text(o, "validationDeltas");
        write_findings(o, r, r->findings[i].ingredient);
    }
}

static void write_ingredient(const c2pa_draft *d, int index, lk_bytes *o)
{
    static const char *const relation[] = {"parentOf", "componentOf", "inputTo"};
    const c2pa_ingredient *in = &d->spec->ingredients[index];
    const c2pa_kept *kept = &d->kept[index];
    bool linked = kept->marked && kept->box;
    lk_cbor_map(o, 2u + (in->title ? 1 : 0) + (in->format ? 1 : 0) + (in->description ? 1 : 0) +
                       (in->model ? 1 : 0) + (linked ? 2 : 0) + (kept->marked ? 1 : 0));
    text_entry(o, "relationship", relation[in->relation]);
    text_entry(o, "instanceID", in->instance_id ? in->instance_id : d->ingredient_instance[index]);
    if (in->title) text_entry(o, "dc:title", in->title);
    if (in->format) text_entry(o, "dc:format", in->format);
    if (in->description) text_entry(o, "description", in->description);
    if (in->model) {
        lk_cbor_text(o, "dataTypes");
        lk_cbor_array(o, 1);
        lk_cbor_map(o, 1);
        text_entry(o, "type", "c2pa.types.model");
    }
    if (linked) {
        lk_text url = {0};
        lk_text_add(&url, "self#jumbf=/c2pa/%s", kept->active);
        lk_cbor_text(o, "activeManifest");
        c2pa_write_link(o, url.failed ? "" : url.s, &kept->manifest, true);
        lk_text_add(&url, "/c2pa.signature");
        lk_cbor_text(o, "claimSignature");
        c2pa_write_link(o, url.failed ? "" : url.s, &kept->signature, true);
        o->failed = o->failed || url.failed;
        lk_text_clear(&url);
    }
    if (kept->marked) {
        lk_cbor_text(o, "validationResults");
        write_results(o, &kept->report);
    }
}

/* --- actions ------------------------------------------------------------------------------ */

static void write_action(const c2pa_action *a, const c2pa_written *w, lk_bytes *o)
{
    lk_cbor_map(o, 2u + (a->source_type ? 1 : 0) + (a->description ? 1 : 0) + (a->when ? 1 : 0) +
                       (a->ingredient_count ? 1 : 0));
    text_entry(o, "action", a->action);
    lk_cbor_text(o, "softwareAgent");
    lk_cbor_map(o, 2);
    text_entry(o, "name", "Likeness");
    text_entry(o, "version", LK_VERSION);
    if (a->source_type) text_entry(o, "digitalSourceType", a->source_type);
    if (a->description) text_entry(o, "description", a->description);
    if (a->when) {
        char iso[32];
        lk_time_iso(a->when, iso);
        lk_cbor_text(o, "when");
        lk_cbor_tag(o, 0);
        lk_cbor_text(o, iso);
    }
    if (a->ingredient_count) {
        lk_cbor_text(o, "parameters");
        lk_cbor_map(o, 1);
        lk_cbor_text(o, "ingredients");
        lk_cbor_array(o, (uint64_t)a->ingredient_count);
        for (int i = 0; i < a->ingredient_count; i++) { /* ingredients are the first assertions written */
            char url[80];
            snprintf(url, sizeof url, "self#jumbf=c2pa.assertions/%s", w->row[a->ingredients[i]].label);
            c2pa_write_link(o, url, &w->row[a->ingredients[i]].hash, false);
        }
    }
}

/* --- bindings ----------------------------------------------------------------------------- */

static size_t uint_size(uint64_t v)
{
    return v < 24 ? 1 : v <= UINT8_MAX ? 2 : v <= UINT16_MAX ? 3 : v <= UINT32_MAX ? 5 : 9;
}

/* c2pa.hash.data. The hole's place is known only once its size is: pad evens out what its numbers take. */
static void write_data_hash(const c2pa_range *hole, const c2pa_digest *hash, size_t pad, lk_bytes *o)
{
    c2pa_range r = hole ? *hole : (c2pa_range){0};
    static const uint8_t zeros[LK_HASH_BYTES];
    lk_cbor_map(o, 5);
    lk_cbor_text(o, "exclusions");
    lk_cbor_array(o, 1);
    lk_cbor_map(o, 2);
    lk_cbor_text(o, "start");
    lk_cbor_uint(o, r.start);
    lk_cbor_text(o, "length");
    lk_cbor_uint(o, r.length);
    text_entry(o, "name", "jumbf manifest");
    text_entry(o, "alg", "sha256");
    lk_cbor_text(o, "hash");
    lk_cbor_bytes(o, hash ? hash->b : zeros, LK_HASH_BYTES);
    lk_cbor_text(o, "pad");
    lk_cbor_bytes(o, zeros,
                  18 - uint_size(r.start) - uint_size(r.length) + pad); /* 0 to 17: a head of one byte */
}

void c2pa_bmff_skips(c2pa_bmff_skip skip[C2PA_BMFF_SKIPS])
{
    memset(skip, 0, C2PA_BMFF_SKIPS * sizeof *skip);
    strcpy(skip[0].xpath, "/uuid");
    skip[0].data[0].offset = 8; /* behind size and type */
    skip[0].data[0].value = c2pa_uuid;
    skip[0].data[0].n = sizeof c2pa_uuid;
    skip[0].data_count = 1;
    strcpy(skip[1].xpath, "/ftyp");
    strcpy(skip[2].xpath, "/mfra");
}

/* c2pa.hash.bmff.v3 with the three exclusions that the specification demands, and no other. */
static void write_bmff_hash(const c2pa_digest *hash, lk_bytes *o)
{
    static const uint8_t zeros[LK_HASH_BYTES];
    c2pa_bmff_skip skip[C2PA_BMFF_SKIPS];
    c2pa_bmff_skips(skip);
    lk_cbor_map(o, 4);
    lk_cbor_text(o, "exclusions");
    lk_cbor_array(o, C2PA_BMFF_SKIPS);
    for (int i = 0; i < C2PA_BMFF_SKIPS; i++) {
        lk_cbor_map(o, skip[i].data_count ? 2 : 1);
        text_entry(o, "xpath", skip[i].xpath);
        if (!skip[i].data_count) continue;
        lk_cbor_text(o, "data");
        lk_cbor_array(o, 1);
        lk_cbor_map(o, 2);
        lk_cbor_text(o, "offset");
        lk_cbor_uint(o, skip[i].data[0].offset);
        lk_cbor_text(o, "value");
        lk_cbor_bytes(o, skip[i].data[0].value, skip[i].data[0].n);
    }
    text_entry(o, "name", "jumbf manifest");
    text_entry(o, "alg", "sha256");
    lk_cbor_text(o, "hash");
    lk_cbor_bytes(o, hash ? hash->b : zeros, LK_HASH_BYTES);
}

static void write_soft_binding(const c2pa_spec *spec, lk_bytes *o)
{
    lk_cbor_map(o, 3);
    text_entry(o, "alg", spec->watermark_alg);
    lk_cbor_text(o, "pad");
    lk_cbor_bytes(o, "", 0);
    lk_cbor_text(o, "blocks");
    lk_cbor_array(o, 1);
    lk_cbor_map(o, 2);
    lk_cbor_text(o, "scope");
    lk_cbor_map(o, 0);
    lk_cbor_text(o, "value");
    lk_cbor_bytes(o, spec->watermark, spec->watermark_n);
}

/* --- statements --------------------------------------------------------------------------- */

/* Hashes of consent records and the place in the transparency log: enough to find the record in the studio's
 * own registry, and to no one else a word about the person. */
static void write_consent(const c2pa_spec *spec, lk_bytes *o)
{
    lk_cbor_map(o, spec->log_index >= 0 ? 2 : 1);
    lk_cbor_text(o, "records");
    lk_cbor_array(o, (uint64_t)spec->consent_count);
    for (int i = 0; i < spec->consent_count; i++) lk_cbor_bytes(o, spec->consent[i].b, LK_HASH_BYTES);
    if (spec->log_index >= 0) {
        lk_cbor_text(o, "logIndex");
        lk_cbor_uint(o, (uint64_t)spec->log_index);
    }
}

static void write_no_training(lk_bytes *o)
{
    static const char *const uses[] = {"cawg.ai_generative_training", "cawg.ai_training", "cawg.data_mining"};
    lk_cbor_map(o, 1);
    lk_cbor_text(o, "entries");
    lk_cbor_map(o, LK_COUNT(uses));
    for (size_t i = 0; i < LK_COUNT(uses); i++) {
        lk_cbor_text(o, uses[i]);
        lk_cbor_map(o, 1);
        text_entry(o, "use", "notAllowed");
    }
}

/* --- all of them -------------------------------------------------------------------------- */

void c2pa_write_assertions(const c2pa_draft *d, const c2pa_range *hole, const c2pa_digest *hash, lk_bytes *o,
                           c2pa_written *w)
{
    const c2pa_spec *spec = d->spec;
    lk_bytes c = {0};
    w->count = 0;
    size_t at = jumbf_open(o, "c2as", "c2pa.assertions");
    for (int i = 0; i < spec->ingredient_count; i++) {
        char label[40] = "c2pa.ingredient.v3";
        if (i) snprintf(label, sizeof label, "c2pa.ingredient.v3__%d", i);
        write_ingredient(d, i, &c);
        put(o, w, label, &c, false);
        if (o->failed) return; /* actions point to every ingredient */
    }
    lk_cbor_map(&c, 2);
    lk_cbor_text(&c, "actions");
    lk_cbor_array(&c, (uint64_t)spec->action_count);
    for (int i = 0; i < spec->action_count; i++) write_action(&spec->actions[i], w, &c);
    lk_cbor_text(&c, "allActionsIncluded");
    lk_cbor_bool(&c, true);
    put(o, w, "c2pa.actions.v2", &c, false);
    if (spec->watermark) {
        write_soft_binding(spec, &c);
        put(o, w, "c2pa.soft-binding", &c, false);
    }
    if (spec->consent_count) {
        write_consent(spec, &c);
        put(o, w, "org.likeness.consent", &c, false);
    }
    if (d->format == C2PA_BMFF) {
        write_bmff_hash(hash, &c);
        put(o, w, "c2pa.hash.bmff.v3", &c, false);
    } else {
        write_data_hash(hole, hash, d->pad, &c);
        put(o, w, "c2pa.hash.data", &c, false);
    }
    if (spec->no_training) {
        write_no_training(&c);
        put(o, w, "cawg.training-mining", &c, true);
    }
    jumbf_close(o, at);
}
