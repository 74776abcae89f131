/* report.c: a report as JSON. Reading order: what it comes to, why, then every manifest of the store. */
#include <string.h>

#include "mark/c2pa/internal.h"

const char *c2pa_state_name(c2pa_state s)
{
    static const char *const names[] = {"none", "invalid", "valid", "trusted"};
    return (unsigned)s < LK_COUNT(names) ? names[s] : "unknown";
}

static const char *verdict_name(lk_cert_verdict v)
{
    static const char *const names[] = {"trusted", "untrusted", "expired", "invalid"};
    return (unsigned)v < LK_COUNT(names) ? names[v] : "unknown";
}

/* One "key": "value" of an object; nothing for NULL. first is cleared by the first one written. */
static void field(lk_text *o, bool *first, const char *key, const char *value)
{
    if (!value) return;
    lk_text_add(o, "%s\"%s\":", *first ? "" : ",", key);
    lk_json_quote(o, value);
    *first = false;
}

static void time_field(lk_text *o, bool *first, const char *key, int64_t when)
{
    char iso[32];
    lk_time_iso(when, iso);
    field(o, first, key, iso);
}

static void hex_string(lk_text *o, const uint8_t *b, size_t n)
{
    lk_text_add(o, "\"");
    for (size_t i = 0; i < n; i++) lk_text_add(o, "%02x", b[i]);
    lk_text_add(o, "\"");
}

static void signer_object(const c2pa_manifest *m, lk_text *o)
{
    bool first = true;
    lk_text_add(o, ",\"signer\":{");
    field(o, &first, "name", m->signer.common_name);
    field(o, &first, "organization", m->signer.organization);
    field(o, &first, "issuer", m->signer.issuer);
    field(o, &first, "serial", m->signer.serial);
    field(o, &first, "algorithm", m->alg);
    field(o, &first, "verdict", verdict_name(m->verdict));
    time_field(o, &first, "notBefore", m->signer.not_before);
    time_field(o, &first, "notAfter", m->signer.not_after);
    if (m->signed_at) time_field(o, &first, "signedAt", m->signed_at);
    lk_text_add(o, "}");
}

static void actions_array(const c2pa_manifest *m, lk_text *o)
{
    lk_text_add(o, ",\"actions\":[");
    for (int i = 0; i < m->action_count; i++) {
        const c2pa_seen_action *a = &m->actions[i];
        bool first = true;
        lk_text_add(o, "%s{", i ? "," : "");
        field(o, &first, "action", a->action);
        field(o, &first, "digitalSourceType", a->source_type);
        field(o, &first, "description", a->description);
        field(o, &first, "when", a->when);
        field(o, &first, "softwareAgent", a->agent);
        lk_text_add(o, "}");
    }
    lk_text_add(o, "]");
}

static void ingredients_array(const c2pa_manifest *m, lk_text *o)
{
    lk_text_add(o, ",\"ingredients\":[");
    for (int i = 0; i < m->ingredient_count; i++) {
        const c2pa_seen_ingredient *g = &m->ingredients[i];
        bool first = true;
        lk_text_add(o, "%s{", i ? "," : "");
        field(o, &first, "title", g->title);
        field(o, &first, "format", g->format);
        field(o, &first, "relationship", g->relation);
        field(o, &first, "instanceID", g->instance_id);
        field(o, &first, "description", g->description);
        field(o, &first, "manifest", g->manifest ? g->manifest->label : NULL);
        lk_text_add(o, "}");
    }
    lk_text_add(o, "]");
}

static void manifest_object(const c2pa_manifest *m, lk_text *o)
{
    bool first = true;
    lk_text_add(o, "{");
    field(o, &first, "label", m->label);
    field(o, &first, "title", m->title);
    field(o, &first, "generator", m->generator);
    field(o, &first, "generatorVersion", m->generator_version);
    field(o, &first, "instanceID", m->instance_id);
    lk_text_add(o, ",\"claimVersion\":%d", m->claim_version);
    if (m->has_signer) signer_object(m, o);
    lk_text_add(o, ",\"assertions\":[");
    for (int i = 0; i < m->assertion_count; i++) {
        if (i) lk_text_add(o, ",");
        lk_json_quote(o, m->assertions[i]);
    }
    lk_text_add(o, "]");
    actions_array(m, o);
    ingredients_array(m, o);
    if (m->watermark_alg) {
        lk_text_add(o, ",\"softBinding\":{\"alg\":");
        lk_json_quote(o, m->watermark_alg);
        lk_text_add(o, ",\"value\":");
        hex_string(o, m->watermark, m->watermark_n);
        lk_text_add(o, "}");
    }
    if (m->consent_count) {
        lk_text_add(o, ",\"consent\":[");
        for (int i = 0; i < m->consent_count; i++) {
            lk_text_add(o, "%s", i ? "," : "");
            hex_string(o, m->consent[i].b, LK_HASH_BYTES);
        }
        lk_text_add(o, "]");
    }
    if (m->no_training) lk_text_add(o, ",\"noTraining\":true");
    lk_text_add(o, "}");
}

void c2pa_report_json(const c2pa_report *r, lk_text *out)
{
    static const char *const severity[] = {"success", "informational", "failure"};
    bool first = true;
    lk_text_add(out, "{");
    field(out, &first, "state", c2pa_state_name(r->state));
    field(out, &first, "format", r->layout.mime[0] ? r->layout.mime : NULL);
    field(out, &first, "active", r->active ? r->active->label : NULL);
    lk_text_add(out, ",\"findings\":[");
    for (int i = 0; i < r->finding_count; i++) {
        const c2pa_finding *f = &r->findings[i];
        bool head = true;
        lk_text_add(out, "%s{", i ? "," : "");
        field(out, &head, "severity", severity[LK_CLAMP(f->severity, 0, 2)]);
        field(out, &head, "code", f->code);
        field(out, &head, "url", f->url);
        field(out, &head, "explanation", f->explanation);
        field(out, &head, "ingredient", f->ingredient);
        lk_text_add(out, f->recorded ? ",\"recorded\":true}" : "}");
    }
    lk_text_add(out, "],\"manifests\":[");
    for (int i = 0; i < r->manifest_count; i++) {
        if (i) lk_text_add(out, ",");
        manifest_object(&r->manifests[i], out);
    }
    lk_text_add(out, "]}");
}
