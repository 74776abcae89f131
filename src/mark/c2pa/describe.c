/* describe.c: what manifests say, taken out of their CBOR for people and for other rooms. Nothing is judged
 * here, and what a manifest says is only worth what verify.c found.
 */
#include <string.h>

#include "mark/c2pa/internal.h"

typedef struct describer {
    lk_arena *arena;
    bool no_memory;
} describer;

static void *take(describer *d, size_t count, size_t size)
{
    void *p = lk_arena_alloc(d->arena,
                             LK_MAX(count, (size_t)1) * size); /* counts are bounded by the store's size */
    if (!p) d->no_memory = true;
    return p;
}

static const char *text(describer *d, const lk_cbor *v)
{
    if (v && v->kind == LK_CBOR_TAG) v = v->child; /* dates */
    if (!v || v->kind != LK_CBOR_TEXT || (v->number && memchr(v->data, 0, (size_t)v->number))) return NULL;
    const char *s = lk_cbor_string(v, d->arena);
    if (!s) d->no_memory = true;
    return s;
}

static const char *entry(describer *d, const lk_cbor *map, const char *key)
{
    return text(d, lk_cbor_get(map, key));
}

static const char *alg_name(lk_pk_alg a)
{
    switch (a) {
    case LK_PK_ES256: return "es256";
    case LK_PK_EDDSA: return "ed25519";
    case LK_PK_ES384: return "es384";
    case LK_PK_ES512: return "es512";
    case LK_PK_PS256: return "ps256";
    case LK_PK_PS384: return "ps384";
    case LK_PK_PS512: return "ps512";
    }
    return "unknown";
}

/* --- assertions --------------------------------------------------------------------------- */

static bool is(const c2pa_part *p, const char *kind) { return p->cbor && !strcmp(p->kind, kind); }

static void describe_actions(describer *d, const c2pa_unit *u, c2pa_manifest *m)
{
    size_t n = 0;
    for (int i = 0; i < u->part_count; i++) {
        const lk_cbor *list = is(&u->parts[i], "c2pa.actions") ? lk_cbor_get(u->parts[i].cbor, "actions")
                                                               : NULL;
        if (list && list->kind == LK_CBOR_ARRAY) n += (size_t)list->number;
    }
    c2pa_seen_action *a = take(d, n, sizeof *a);
    if (!a) return;
    m->actions = a;
    for (int i = 0; i < u->part_count; i++) {
        const lk_cbor *list = is(&u->parts[i], "c2pa.actions") ? lk_cbor_get(u->parts[i].cbor, "actions")
                                                               : NULL;
        if (!list || list->kind != LK_CBOR_ARRAY) continue;
        for (const lk_cbor *v = list->child; v; v = v->next) {
            const lk_cbor *agent = lk_cbor_get(v, "softwareAgent");
            a[m->action_count++] = (c2pa_seen_action){
                .action = entry(d, v, "action"),
                .source_type = entry(d, v, "digitalSourceType"),
                .description = entry(d, v, "description"),
                .when = entry(d, v, "when"),
                .agent = agent && agent->kind == LK_CBOR_MAP ? entry(d, agent, "name") : text(d, agent)};
        }
    }
}

static void describe_ingredients(describer *d, const judge *j, const c2pa_unit *u, c2pa_manifest *m,
                                 const c2pa_manifest *all)
{
    size_t n = 0;
    for (int i = 0; i < u->part_count; i++) n += is(&u->parts[i], "c2pa.ingredient");
    c2pa_seen_ingredient *g = take(d, n, sizeof *g);
    if (!g) return;
    m->ingredients = g;
    for (int i = 0; i < u->part_count; i++) {
        const lk_cbor *c = u->parts[i].cbor;
        ingredient_view view;
        if (!is(&u->parts[i], "c2pa.ingredient")) continue;
        c2pa_seen_ingredient *one = &g[m->ingredient_count++];
        *one = (c2pa_seen_ingredient){.title = entry(d, c, "dc:title"),
                                      .format = entry(d, c, "dc:format"),
                                      .relation = entry(d, c, "relationship"),
                                      .instance_id = entry(d, c, "instanceID"),
                                      .description = entry(d, c, "description")};
        if (!ingredient_view_read(&u->parts[i], &view) || !view.manifest) continue;
        const char *url = entry(d, view.manifest, "url");
        const c2pa_unit *target = url ? c2pa_store_find_uri(&j->store, url) : NULL;
        if (target) one->manifest = &all[target - j->store.units];
    }
}

static void describe_soft_binding(describer *d, const lk_cbor *c, c2pa_manifest *m)
{
    const lk_cbor *blocks = lk_cbor_get(c, "blocks");
    const lk_cbor *value = blocks && blocks->kind == LK_CBOR_ARRAY ? lk_cbor_get(blocks->child, "value")
                                                                   : NULL;
    if (m->watermark_alg || !value || value->kind != LK_CBOR_BYTES) return;
    uint8_t *copy = take(d, (size_t)value->number, 1);
    if (!copy) return;
    if (value->number) memcpy(copy, value->data, (size_t)value->number);
    m->watermark_alg = entry(d, c, "alg");
    m->watermark = copy;
    m->watermark_n = (size_t)value->number;
}

static void describe_consent(describer *d, const lk_cbor *c, c2pa_manifest *m)
{
    const lk_cbor *records = lk_cbor_get(c, "records");
    if (m->consent || !records || records->kind != LK_CBOR_ARRAY) return;
    lk_hash *h = take(d, (size_t)records->number, sizeof *h);
    if (!h) return;
    m->consent = h;
    for (const lk_cbor *v = records->child; v; v = v->next)
        if (v->kind == LK_CBOR_BYTES && v->number == LK_HASH_BYTES)
            memcpy(h[m->consent_count++].b, v->data, LK_HASH_BYTES);
}

static bool forbids_training(const lk_cbor *c)
{
    const lk_cbor *entries = lk_cbor_get(c, "entries");
    if (!entries || entries->kind != LK_CBOR_MAP) return false;
    for (const lk_cbor *v = entries->child; v; v = v->next) {
        bool training = lk_cbor_is_text(v->key, "cawg.ai_generative_training") ||
                        lk_cbor_is_text(v->key, "cawg.ai_training") ||
                        lk_cbor_is_text(v->key, "c2pa.ai_generative_training") ||
                        lk_cbor_is_text(v->key, "c2pa.ai_training");
        if (training && lk_cbor_is_text(lk_cbor_get(v, "use"), "notAllowed")) return true;
    }
    return false;
}

/* --- manifests ---------------------------------------------------------------------------- */

static void describe_unit(describer *d, const judge *j, const c2pa_unit *u, c2pa_manifest *m,
                          const c2pa_manifest *all)
{
    const lk_cbor *info = lk_cbor_get(u->claim, "claim_generator_info");
    if (info && info->kind == LK_CBOR_ARRAY) info = info->child;
    *m = (c2pa_manifest){.label = u->label,
                         .title = entry(d, u->claim, "dc:title"),
                         .generator = entry(d, info, "name"),
                         .generator_version = entry(d, info, "version"),
                         .instance_id = entry(d, u->claim, "instanceID"),
                         .claim_version = u->claim_version,
                         .verdict = LK_CERT_INVALID};
    if (!m->generator) m->generator = entry(d, u->claim, "claim_generator");
    if (u->has_cose) {
        m->alg = alg_name(u->cose.alg);
        m->has_signer = lk_cert_read(u->cose.chain[0].data, u->cose.chain[0].n, &m->signer, NULL) == LK_OK;
        m->verdict = u->verdict;
        m->signed_at = u->signed_at;
    }
    const char **labels = take(d, (size_t)u->part_count, sizeof *labels);
    if (!labels) return;
    m->assertions = labels;
    for (int i = 0; i < u->part_count; i++) labels[m->assertion_count++] = u->parts[i].label;
    describe_actions(d, u, m);
    describe_ingredients(d, j, u, m, all);
    for (int i = 0; i < u->part_count; i++) {
        const c2pa_part *p = &u->parts[i];
        if (is(p, "c2pa.soft-binding")) describe_soft_binding(d, p->cbor, m);
        if (is(p, "org.likeness.consent")) describe_consent(d, p->cbor, m);
        if (is(p, "cawg.training-mining") || is(p, "c2pa.training-mining"))
            m->no_training = m->no_training || forbids_training(p->cbor);
    }
}

bool c2pa_describe(judge *j, c2pa_manifest **out, int *count)
{
    describer d = {.arena = j->arena};
    c2pa_manifest *all = take(&d, (size_t)j->store.count, sizeof *all);
    if (!all) return false;
    for (int i = 0; i < j->store.count && !d.no_memory; i++)
        describe_unit(&d, j, &j->store.units[i], &all[i], all);
    *out = all;
    *count = j->store.count;
    return !d.no_memory;
}
