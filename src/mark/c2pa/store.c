/* store.c: the bytes of a manifest store -> manifests with their claims and assertions, by structure alone.
 * Whether what they say is true is for verify.c; here a box that is missing, doubled or of a wrong kind ends
 * the reading.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "mark/c2pa/internal.h"

typedef struct reader {
    lk_arena *arena, *scratch; /* scratch: for what is only looked over */
    c2pa_store *store;
    const char *code, *url;
    lk_error *err;
} reader;

static lk_status fail(reader *r, const char *code, const char *url, const char *what)
{
    r->code = code;
    r->url = url;
    return LK_FAIL(r->err, LK_E_FORMAT, "the manifest store is not as it must be: %s", what);
}

static lk_status fail_memory(reader *r)
{
    return LK_FAIL(r->err, LK_E_NOMEM, "no memory for a manifest store");
}

static const char *join(lk_arena *arena, const char *a, const char *b, const char *c)
{
    size_t na = strlen(a), nb = strlen(b), nc = strlen(c);
    char *s = lk_arena_alloc(arena, na + nb + nc + 1);
    if (!s) return NULL;
    memcpy(s, a, na);
    memcpy(s + na, b, nb);
    memcpy(s + na + nb, c, nc);
    return s;
}

/* --- addresses ---------------------------------------------------------------------------- */

static const char scheme[] = "self#jumbf=", root[] = "self#jumbf=/c2pa/", part_folder[] = "c2pa.assertions/";

/* Bytes of the manifest label at uri + root's; 0 when the URI is relative or malformed. */
static size_t manifest_in(const char *uri)
{
    return strncmp(uri, root, sizeof root - 1) ? 0 : strcspn(uri + sizeof root - 1, "/");
}

bool c2pa_uri_in(const char *uri, const c2pa_unit *u)
{
    size_t n = manifest_in(uri);
    return n && strlen(u->label) == n && !memcmp(uri + sizeof root - 1, u->label, n);
}

bool c2pa_uri_absolute(const char *uri) { return manifest_in(uri) > 0; }

const char *c2pa_uri_part(const char *uri)
{
    size_t n = manifest_in(uri);
    const char *p = uri;
    if (n) {
        p += sizeof root - 1 + n;
        if (*p++ != '/') return NULL;
    } else {
        if (strncmp(uri, scheme, sizeof scheme - 1)) return NULL;
        p += sizeof scheme - 1;
    }
    if (strncmp(p, part_folder, sizeof part_folder - 1)) return NULL;
    p += sizeof part_folder - 1;
    return *p && !strchr(p, '/') ? p : NULL;
}

c2pa_unit *c2pa_store_find(const c2pa_store *s, const char *label)
{
    for (int i = 0; i < s->count; i++)
        if (!strcmp(s->units[i].label, label)) return &s->units[i];
    return NULL;
}

c2pa_unit *c2pa_store_find_uri(const c2pa_store *s, const char *uri)
{
    for (int i = 0; i < s->count; i++)
        if (c2pa_uri_in(uri, &s->units[i])) return &s->units[i];
    return NULL;
}

c2pa_part *c2pa_unit_part(const c2pa_unit *u, const char *label)
{
    for (int i = 0; i < u->part_count; i++)
        if (!strcmp(u->parts[i].label, label)) return &u->parts[i];
    return NULL;
}

/* --- hashed addresses --------------------------------------------------------------------- */

static bool is_clean_text(const lk_cbor *v)
{
    return v && v->kind == LK_CBOR_TEXT && !(v->number && memchr(v->data, 0, (size_t)v->number));
}

lk_status c2pa_link_read(const lk_cbor *v, lk_arena *arena, c2pa_link *out)
{
    const lk_cbor *url = lk_cbor_get(v, "url"), *hash = lk_cbor_get(v, "hash"), *alg = lk_cbor_get(v, "alg");
    *out = (c2pa_link){0};
    if (!is_clean_text(url) || (alg && !is_clean_text(alg)) || !hash || hash->kind != LK_CBOR_BYTES)
        return LK_E_FORMAT;
    out->url = lk_cbor_string(url, arena);
    out->alg = alg ? lk_cbor_string(alg, arena) : NULL;
    if (!out->url || (alg && !out->alg)) return LK_E_NOMEM;
    out->hash = hash->data;
    out->hash_n = (size_t)hash->number;
    return LK_OK;
}

c2pa_match c2pa_link_matches(const c2pa_link *link, const char *alg, c2pa_hashes *known, const void *data,
                             size_t n)
{
    static const char *const algs[3] = {"sha256", "sha384", "sha512"};
    int i = 0;
    if (link->alg) alg = link->alg;
    while (i < 3 && strcmp(alg, algs[i])) i++;
    if (i == 3) return C2PA_UNKNOWN_ALG;
    if (!known->have[i]) {
        lk_digest *d = NULL;
        if (lk_digest_new(alg, &d) != LK_OK) return C2PA_NO_MEMORY;
        lk_digest_add(d, data, n);
        lk_digest_finish(d, known->b[i]);
        known->have[i] = true;
    }
    return lk_digest_size(alg) == link->hash_n && !memcmp(known->b[i], link->hash, link->hash_n)
               ? C2PA_SAME
               : C2PA_DIFFERENT;
}

/* --- assertions --------------------------------------------------------------------------- */

/* "c2pa.ingredient.v3__1" -> "c2pa.ingredient", 3. Thumbnails carry their instance before the last dot;
 * nobody here looks at those. */
static bool split_label(const char *label, lk_arena *arena, c2pa_part *p)
{
    char *kind = lk_arena_strdup(arena, label);
    if (!kind) return false;
    char *instance = strstr(kind, "__");
    if (instance && instance[2] && strspn(instance + 2, "0123456789") == strlen(instance + 2))
        *instance = '\0';
    p->version = 1;
    char *dot = strrchr(kind, '.');
    if (dot && dot[1] == 'v' && dot[2] >= '1' && dot[2] <= '9' && !dot[3]) {
        p->version = dot[2] - '0';
        *dot = '\0';
    }
    p->kind = kind;
    return true;
}

static int count_items(const lk_cbor *c)
{
    int n = 1;
    for (const lk_cbor *k = c->child; k; k = k->next)
        n += count_items(k) + (k->key ? count_items(k->key) : 0);
    return n;
}

/* Kinds that judging or describing looks into; the others are parsed only to see that they can be. */
static bool wanted(const char *kind)
{
    static const char *const kinds[] = {"c2pa.actions",         "c2pa.ingredient",     "c2pa.hash.data",
                                        "c2pa.hash.bmff",       "c2pa.soft-binding",   "org.likeness.consent",
                                        "cawg.training-mining", "c2pa.training-mining"};
    for (size_t i = 0; i < LK_COUNT(kinds); i++)
        if (!strcmp(kind, kinds[i])) return true;
    return c2pa_schema_wants(kind);
}

static lk_status keep(reader *r, const jumbf_box *content, const char *code, const char *url,
                      const lk_cbor **out)
{
    lk_cbor *c = NULL;
    lk_status s = lk_cbor_parse(content->data, content->n, LK_CBOR_TOLERANT, r->arena, &c, r->err);
    if (s == LK_E_FORMAT) {
        r->code = code;
        r->url = url;
    }
    if (s != LK_OK) return s;
    r->store->items += count_items(c);
    if (r->store->items > C2PA_MAX_ITEMS) return fail(r, code, url, "more than 500000 CBOR items");
    *out = c;
    return LK_OK;
}

static lk_status read_cbor_part(reader *r, c2pa_part *p, const jumbf_box *content)
{
    static const char invalid[] = "assertion.cbor.invalid";
    if (wanted(p->kind)) return keep(r, content, invalid, p->uri, &p->cbor);
    lk_cbor *c = NULL;
    lk_status s = lk_cbor_parse(content->data, content->n, LK_CBOR_TOLERANT, r->scratch, &c, r->err);
    lk_arena_clear(r->scratch);
    if (s == LK_E_FORMAT) {
        r->code = invalid;
        r->url = p->uri;
    }
    return s;
}

static lk_status read_json_part(reader *r, c2pa_part *p, const jumbf_box *content)
{
    lk_json *j = NULL;
    if (content->n > C2PA_MAX_JSON)
        return fail(r, "assertion.json.invalid", p->uri, "a JSON assertion of more than 1 MiB");
    lk_status s = lk_json_parse((const char *)content->data, content->n, r->scratch, &j, r->err);
    lk_arena_clear(r->scratch);
    if (s == LK_E_FORMAT) {
        r->code = "assertion.json.invalid";
        r->url = p->uri;
    }
    return s;
}

static lk_status read_part(reader *r, const c2pa_unit *u, const jumbf_box *b, c2pa_part *p)
{
    if (b->type != JUMBF_JUMB)
        return fail(r, "claim.malformed", u->uri, "a box that is no assertion among the assertions");
    p->label = b->label;
    p->box = b;
    p->uri = join(r->arena, u->uri, "/c2pa.assertions/", b->label);
    if (!p->uri || !split_label(b->label, r->arena, p)) return fail_memory(r);
    for (const c2pa_part *other = u->parts; other < p; other++)
        if (!strcmp(other->label, p->label))
            return fail(r, "claim.malformed", p->uri, "two assertions of one label");
    if (jumbf_is(b, "cbor")) {
        const jumbf_box *content = jumbf_only(b, JUMBF_CBOR);
        return content ? read_cbor_part(r, p, content)
                       : fail(r, "assertion.cbor.invalid", p->uri, "a CBOR assertion without CBOR");
    }
    if (jumbf_is(b, "json")) {
        const jumbf_box *content = jumbf_only(b, JUMBF_JSON);
        return content ? read_json_part(r, p, content)
                       : fail(r, "assertion.json.invalid", p->uri, "a JSON assertion without JSON");
    }
    bool file = jumbf_is(b, "file") && b->children == 2 && b->child->type == JUMBF_TYPE('b', 'f', 'd', 'b') &&
                b->child->next->type == JUMBF_TYPE('b', 'i', 'd', 'b');
    bool other = jumbf_is(b, "uuid") && jumbf_only(b, JUMBF_TYPE('u', 'u', 'i', 'd')) && b->child->n >= 16;
    if (file || other) return LK_OK;
    return fail(r, "claim.malformed", p->uri, "an assertion box of an unknown kind");
}

/* --- claims ------------------------------------------------------------------------------- */

static bool list_has(const char *const *list, const lk_cbor *key)
{
    for (; *list; list++)
        if (lk_cbor_is_text(key, *list)) return true;
    return false;
}

static bool is_text(const lk_cbor *v) { return v && v->kind == LK_CBOR_TEXT && v->number > 0; }
static bool is_array(const lk_cbor *v) { return v && v->kind == LK_CBOR_ARRAY && v->number > 0; }

static lk_status read_claim(reader *r, c2pa_unit *u, const jumbf_box *b)
{
    static const char *const v1[] = {"claim_generator",
                                     "claim_generator_hints",
                                     "claim_generator_info",
                                     "signature",
                                     "assertions",
                                     "dc:format",
                                     "instanceID",
                                     "dc:title",
                                     "redacted_assertions",
                                     "alg",
                                     "alg_soft",
                                     "metadata",
                                     NULL};
    static const char *const v2[] = {
        "instanceID", "claim_generator_info", "signature", "created_assertions", "gathered_assertions",
        "dc:title",   "redacted_assertions",  "alg",       "alg_soft",           "metadata",
        NULL};
    static const char malformed[] = "claim.malformed";
    const char *url = join(r->arena, u->uri, "/", b->label);
    if (!url) return fail_memory(r);
    u->claim_version = !strcmp(b->label, "c2pa.claim.v2") ? 2 : !strcmp(b->label, "c2pa.claim") ? 1 : 0;
    if (!u->claim_version) return fail(r, malformed, url, "a claim of a version that is not known here");
    const jumbf_box *content = jumbf_only(b, JUMBF_CBOR);
    if (!content) return fail(r, malformed, url, "a claim box without one CBOR box");
    u->claim_bytes = content->data;
    u->claim_n = content->n;
    LK_TRY(keep(r, content, malformed, url, &u->claim));
    const lk_cbor *c = u->claim;
    if (c->kind != LK_CBOR_MAP) return fail(r, malformed, url, "a claim that is no map");
    for (const lk_cbor *v = c->child; v; v = v->next)
        if (!list_has(u->claim_version == 1 ? v1 : v2, v->key))
            return fail(r, malformed, url, "a claim with an unknown field");

    const lk_cbor *info = lk_cbor_get(c, "claim_generator_info"),
                  *gathered = lk_cbor_get(c, "gathered_assertions");
    const lk_cbor *title = lk_cbor_get(c, "dc:title"), *redacted = lk_cbor_get(c, "redacted_assertions");
    bool good = is_text(lk_cbor_get(c, "instanceID")) && is_text(lk_cbor_get(c, "signature")) &&
                (!title || title->kind == LK_CBOR_TEXT) && (!redacted || redacted->kind == LK_CBOR_ARRAY);
    if (u->claim_version == 1)
        good = good && is_array(lk_cbor_get(c, "assertions")) && is_text(lk_cbor_get(c, "claim_generator")) &&
               lk_cbor_get(c, "dc:format") && lk_cbor_get(c, "dc:format")->kind == LK_CBOR_TEXT &&
               (!info || info->kind == LK_CBOR_ARRAY);
    else
        good = good && is_array(lk_cbor_get(c, "created_assertions")) && is_text(lk_cbor_get(info, "name")) &&
               (!gathered || is_array(gathered));
    good = good && (!redacted || redacted->number <= C2PA_MAX_ASSERTIONS);
    for (const lk_cbor *v = redacted ? redacted->child : NULL; v; v = v->next) good = good && is_text(v);
    if (!good) return fail(r, malformed, url, "a claim that lacks a field or has one of a wrong kind");

    const lk_cbor *alg = lk_cbor_get(c, "alg");
    u->alg = is_clean_text(alg) ? lk_cbor_string(alg, r->arena) : "";
    if (!u->alg) return fail_memory(r);
    if (!lk_digest_size(u->alg))
        return fail(r, "algorithm.unsupported", url, "a claim with an unknown hash algorithm");
    return LK_OK;
}

/* --- manifests ---------------------------------------------------------------------------- */

static bool is_uuid(const char *s)
{
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    for (size_t i = 0; i < sizeof form - 1; i++)
        if (form[i] == '-' ? s[i] != '-' : !s[i] || !strchr("0123456789abcdefABCDEF", s[i])) return false;
    return s[36] == '\0' || s[36] == ':';
}

/* "urn:c2pa:UUID[:more]"; claims of version 1 had "[vendor:]urn:uuid:UUID". */
static bool label_fits(const char *label, int claim_version)
{
    const char *old = strstr(label, "urn:uuid:");
    if (!strncmp(label, "urn:c2pa:", 9)) return is_uuid(label + 9);
    return (old && is_uuid(old + 9) && (old == label || old[-1] == ':')) || claim_version == 1;
}

typedef struct unit_boxes {
    const jumbf_box *parts, *claim, *signature, *credentials, *data;
} unit_boxes;

static lk_status sort_boxes(reader *r, const c2pa_unit *u, unit_boxes *x)
{
    for (const jumbf_box *b = u->box->child; b; b = b->next) {
        const jumbf_box **slot = NULL;
        if (b->type != JUMBF_JUMB) return fail(r, "claim.malformed", u->uri, "a bare box in a manifest");
        if (jumbf_is(b, "c2as") && !strcmp(b->label, "c2pa.assertions")) slot = &x->parts;
        else if (jumbf_is(b, "c2cl")) slot = &x->claim;
        else if (jumbf_is(b, "c2cs") && !strcmp(b->label, "c2pa.signature")) slot = &x->signature;
        else if (jumbf_is(b, "c2vc") && !strcmp(b->label, "c2pa.credentials")) slot = &x->credentials;
        else if (jumbf_is(b, "c2db") && !strcmp(b->label, "c2pa.databoxes")) slot = &x->data;
        if (!slot) return fail(r, "claim.malformed", u->uri, "a manifest with an unknown box");
        if (*slot)
            return fail(r, slot == &x->claim ? "claim.multiple" : "claim.malformed", u->uri,
                        "a manifest with a box twice");
        *slot = b;
    }
    if (!x->claim) return fail(r, "claim.missing", u->uri, "a manifest without a claim");
    if (!x->signature || !jumbf_only(x->signature, JUMBF_CBOR))
        return fail(r, "claimSignature.missing", u->uri, "a manifest without a signature");
    if (!x->parts) return fail(r, "claim.malformed", u->uri, "a manifest without assertions");
    return LK_OK;
}

static lk_status read_unit(reader *r, const jumbf_box *b, c2pa_unit *u)
{
    if (b->type != JUMBF_JUMB) return fail(r, "claim.malformed", NULL, "a box that is no manifest");
    u->box = b;
    u->label = b->label;
    u->uri = join(r->arena, root, b->label, "");
    if (!u->uri) return fail_memory(r);
    u->signature_uri = join(r->arena, u->uri, "/c2pa.signature", "");
    if (!u->signature_uri) return fail_memory(r);
    u->update = jumbf_is(b, "c2um");
    if (jumbf_is(b, "c2cm"))
        return fail(r, "manifest.compressed.invalid", u->uri,
                    "a compressed manifest, which is not read here");
    if (!u->update && !jumbf_is(b, "c2ma"))
        return fail(r, "claim.malformed", u->uri, "a manifest of an unknown kind");

    unit_boxes x = {0};
    LK_TRY(sort_boxes(r, u, &x));
    u->signature = x.signature;
    u->data = x.data;
    LK_TRY(read_claim(r, u, x.claim));
    if (!label_fits(u->label, u->claim_version))
        return fail(r, "claim.malformed", u->uri, "a manifest whose label is no URN");
    if (x.credentials && u->claim_version > 1)
        return fail(r, "claim.malformed", u->uri, "credentials beside a claim of version 2");
    if (x.parts->children > C2PA_MAX_ASSERTIONS)
        return fail(r, "claim.malformed", u->uri, "more than 1000 assertions");
    u->parts = lk_arena_alloc(r->arena, (size_t)LK_MAX(x.parts->children, 1) * sizeof *u->parts);
    if (!u->parts) return fail_memory(r);
    for (const jumbf_box *p = x.parts->child; p; p = p->next) {
        LK_TRY(read_part(r, u, p, &u->parts[u->part_count]));
        u->part_count++;
    }
    return LK_OK;
}

static lk_status read_store(reader *r, const void *data, size_t n)
{
    jumbf_box *box = NULL;
    r->code = "claim.malformed";
    LK_TRY(jumbf_parse(data, n, r->arena, &box, r->err));
    r->store->box = box;
    if (!jumbf_is(box, "c2pa") || strcmp(box->label, "c2pa"))
        return fail(r, "claim.missing", NULL, "it is no manifest store");
    if (!box->children) return fail(r, "claim.missing", NULL, "it is empty");
    if (box->children > C2PA_MAX_MANIFESTS)
        return fail(r, "claim.malformed", NULL, "more than 512 manifests");
    r->store->units = lk_arena_alloc(r->arena, (size_t)box->children * sizeof *r->store->units);
    if (!r->store->units) return fail_memory(r);
    for (const jumbf_box *b = box->child; b; b = b->next) {
        c2pa_unit *u = &r->store->units[r->store->count];
        LK_TRY(read_unit(r, b, u));
        if (c2pa_store_find(r->store, u->label))
            return fail(r, "claim.multiple", u->uri, "two manifests of one label");
        r->store->count++;
    }
    return LK_OK;
}

lk_status c2pa_store_parse(const void *data, size_t n, lk_arena *arena, c2pa_store *out, const char **code,
                           const char **url, lk_error *err)
{
    *out = (c2pa_store){0};
    *code = *url = NULL;
    reader r = {.arena = arena, .store = out, .err = err};
    if (lk_arena_new(&r.scratch, 1 << 16) != LK_OK) return fail_memory(&r);
    lk_status s = read_store(&r, data, n);
    lk_arena_free(r.scratch);
    *code = r.code;
    *url = r.url;
    return s;
}
