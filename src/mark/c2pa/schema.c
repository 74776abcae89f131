/* schema.c: what kinds of values the fields of assertions may hold. Readers that decode into typed records
 * refuse a manifest with a number where a text belongs; so does this one. Fields that are in no row may hold
 * anything.
 */
#include <string.h>

#include "mark/c2pa/internal.h"

/* Forms of values, as bits. The last three: a list of maps, a list of byte strings, not absent and not null. */
enum { TEXT = 1, UINT = 2, BOOL = 4, MAP = 8, BYTES = 16, DATE = 32, MAPS = 64, BYTE_LIST = 128, NEEDED = 256 };

typedef struct field {
    const char *name;
    int forms;
} field;

static int form_of(const lk_cbor *v)
{
    switch (v->kind) {
    case LK_CBOR_TEXT: return TEXT;
    case LK_CBOR_UINT: return UINT;
    case LK_CBOR_BOOL: return BOOL;
    case LK_CBOR_MAP: return MAP;
    case LK_CBOR_BYTES: return BYTES;
    case LK_CBOR_TAG: return v->number == 0 && v->child->kind == LK_CBOR_TEXT ? DATE : 0;
    default: return 0;
    }
}

static bool fits(const lk_cbor *v, int forms)
{
    if (!v) return !(forms & NEEDED);
    if (v->kind == LK_CBOR_NULL) return !(forms & NEEDED); /* some writers put null for "none" */
    if (v->kind != LK_CBOR_ARRAY) return (form_of(v) & forms) != 0;
    int each = forms & MAPS ? MAP : forms & BYTE_LIST ? BYTES : 0;
    for (const lk_cbor *c = v->child; c; c = c->next)
        if (form_of(c) != each) return false;
    return each != 0;
}

/* NULL, or the name of the first field that does not fit. fields ends with a row without name. */
static const char *misfit(const lk_cbor *map, const field *fields)
{
    if (!map || map->kind != LK_CBOR_MAP) return "(all of it)";
    for (; fields->name; fields++)
        if (!fits(lk_cbor_get(map, fields->name), fields->forms)) return fields->name;
    return NULL;
}

/* The same for each map of a list. */
static const char *misfit_each(const lk_cbor *list, const field *fields)
{
    const char *bad = NULL;
    for (const lk_cbor *v = list && list->kind == LK_CBOR_ARRAY ? list->child : NULL; v && !bad; v = v->next)
        bad = misfit(v, fields);
    return bad;
}

/* --- generators and their icons ----------------------------------------------------------- */

static const field generator_fields[] = {{"name", TEXT | NEEDED},    {"version", TEXT}, {"specVersion", TEXT},
                                         {"operating_system", TEXT}, {"icon", MAP},     {NULL, 0}};

static const jumbf_box *data_box(const c2pa_unit *u, const char *url)
{
    static const char folder[] = "c2pa.databoxes/";
    const char *p = strstr(url, folder);
    if (!p || !u->data || (c2pa_uri_absolute(url) && !c2pa_uri_in(url, u))) return NULL;
    for (const jumbf_box *b = u->data->child; b; b = b->next)
        if (b->type == JUMBF_JUMB && !strcmp(b->label, p + sizeof folder - 1)) return b;
    return NULL;
}

/* A picture that is named must be there, as it was. */
static void judge_icon(judge *j, c2pa_unit *u, const lk_cbor *icon, const char *url)
{
    c2pa_link link;
    if (!icon || icon->kind != LK_CBOR_MAP) return;
    lk_status s = c2pa_link_read(icon, j->arena, &link);
    if (s == LK_E_NOMEM) judge_no_memory(j);
    const char *label = s == LK_OK && (!c2pa_uri_absolute(link.url) || c2pa_uri_in(link.url, u))
                            ? c2pa_uri_part(link.url)
                            : NULL;
    c2pa_part *p = label ? c2pa_unit_part(u, label) : NULL;
    const jumbf_box *b = s == LK_OK && !p ? data_box(u, link.url) : NULL;
    c2pa_hashes once = {0};
    c2pa_match m = p   ? c2pa_link_matches(&link, u->alg, &p->hashes, p->box->data, p->box->n)
                   : b ? c2pa_link_matches(&link, u->alg, &once, b->data, b->n)
                       : C2PA_DIFFERENT;
    if (m == C2PA_NO_MEMORY) judge_no_memory(j);
    else if (!p && !b) judge_say(j, BAD, "assertion.missing", url, "an icon that is not there");
    else if (m != C2PA_SAME)
        judge_say(j, BAD, "assertion.hashedURI.mismatch", url, "an icon that was changed");
}

static void judge_generator(judge *j, c2pa_unit *u, const lk_cbor *map, const char *code, const char *url)
{
    const char *bad = misfit(map, generator_fields);
    for (const lk_cbor *v = bad ? NULL : map->child; v; v = v->next)
        if (v->key->kind != LK_CBOR_TEXT || v->kind == LK_CBOR_BYTES) bad = "(another one)";
    if (bad)
        judge_say(j, BAD, code, url, "the field %s of a generator holds something else than it should", bad);
    else judge_icon(j, u, lk_cbor_get(map, "icon"), url);
}

/* --- actions ------------------------------------------------------------------------------ */

static const field action_fields[] = {{"action", TEXT | NEEDED},
                                      {"when", TEXT | DATE},
                                      {"softwareAgent", TEXT | MAP},
                                      {"softwareAgentIndex", UINT},
                                      {"description", TEXT},
                                      {"reason", TEXT},
                                      {"changes", MAPS},
                                      {"changed", TEXT},
                                      {"parameters", MAP},
                                      {"digitalSourceType", TEXT},
                                      {"instanceId", TEXT},
                                      {"actors", MAPS},
                                      {"related", MAPS},
                                      {NULL, 0}};
static const field parameter_fields[] = {{"redacted", TEXT},
                                         {"sourceLanguage", TEXT},
                                         {"targetLanguage", TEXT},
                                         {"multipleInstances", BOOL},
                                         {"ingredients", MAPS},
                                         {"ingredient", MAP},
                                         {NULL, 0}};
static const field actor_fields[] = {{"identifier", TEXT}, {"credentials", MAPS}, {NULL, 0}};
static const field change_fields[] = {{"region", MAPS | NEEDED},
                                      {"name", TEXT},
                                      {"identifier", TEXT},
                                      {"type", TEXT},
                                      {"role", TEXT},
                                      {"description", TEXT},
                                      {"metadata", MAP},
                                      {NULL, 0}};
static const field list_fields[] = {{"actions", MAPS | NEEDED}, {"allActionsIncluded", BOOL},
                                    {"metadata", MAP},          {"templates", MAPS},
                                    {"softwareAgents", MAPS},   {NULL, 0}};
static const field template_fields[] = {{"action", TEXT | NEEDED},
                                        {"description", TEXT},
                                        {"softwareAgent", TEXT | MAP},
                                        {"softwareAgentIndex", UINT},
                                        {"digitalSourceType", TEXT},
                                        {"icon", MAP},
                                        {NULL, 0}};
static const field region_fields[] = {{"type", TEXT | NEEDED}, {"shape", MAP}, {"time", MAP}, {"frame", MAP},
                                      {"text", MAP},           {"item", MAP},  {NULL, 0}};

static void judge_action_fields(judge *j, c2pa_unit *u, const c2pa_part *p, const lk_cbor *a)
{
    static const char code[] = "assertion.action.malformed";
    const lk_cbor *params = lk_cbor_get(a, "parameters"), *agent = lk_cbor_get(a, "softwareAgent"),
                  *changes = lk_cbor_get(a, "changes");
    const char *bad = misfit(a, action_fields);
    if (!bad && params && params->kind == LK_CBOR_MAP) bad = misfit(params, parameter_fields);
    if (!bad) bad = misfit_each(lk_cbor_get(a, "actors"), actor_fields);
    if (!bad) bad = misfit_each(lk_cbor_get(a, "related"), action_fields);
    if (!bad) bad = misfit_each(changes, change_fields);
    for (const lk_cbor *c = !bad && changes && changes->kind == LK_CBOR_ARRAY ? changes->child : NULL;
         c && !bad; c = c->next)
        bad = misfit_each(lk_cbor_get(c, "region"), region_fields);
    if (bad)
        judge_say(j, BAD, code, p->uri, "the field %s of an action holds something else than it should", bad);
    else if (agent && agent->kind == LK_CBOR_MAP) judge_generator(j, u, agent, code, p->uri);
}

static void judge_action_part(judge *j, c2pa_unit *u, const c2pa_part *p)
{
    static const char code[] = "assertion.action.malformed";
    const lk_cbor *templates = lk_cbor_get(p->cbor, "templates"),
                  *agents = lk_cbor_get(p->cbor, "softwareAgents"), *list;
    const char *bad = misfit(p->cbor, list_fields);
    if (!bad) bad = misfit_each(templates, template_fields);
    if (bad) {
        judge_say(j, BAD, code, p->uri, "the field %s of actions holds something else than it should", bad);
        return;
    }
    for (const lk_cbor *v = templates && templates->kind == LK_CBOR_ARRAY ? templates->child : NULL; v;
         v = v->next)
        judge_icon(j, u, lk_cbor_get(v, "icon"), p->uri);
    for (const lk_cbor *v = agents && agents->kind == LK_CBOR_ARRAY ? agents->child : NULL; v; v = v->next)
        judge_generator(j, u, v, code, p->uri);
    list = lk_cbor_get(p->cbor, "actions");
    for (const lk_cbor *v = list->child; v; v = v->next) judge_action_fields(j, u, p, v);
}

/* --- metadata in JSON-LD ------------------------------------------------------------------ */

/* Every field belongs to a vocabulary that @context names. */
static bool is_metadata(const lk_json *j)
{
    const lk_json *context = lk_json_get(j, "@context");
    if (!context || context->kind != LK_JSON_OBJECT) return false;
    for (const lk_json *v = j->child; v; v = v->next) {
        if (v == context || !strcmp(v->key, "@context")) continue;
        const char *colon = strchr(v->key, ':');
        bool known = false;
        for (const lk_json *c = context->child; colon && c; c = c->next)
            known = known ||
                    (strlen(c->key) == (size_t)(colon - v->key) && !memcmp(c->key, v->key, strlen(c->key)));
        if (!known) return false;
    }
    return true;
}

static void judge_metadata(judge *j, const c2pa_part *p)
{
    const jumbf_box *b = jumbf_only(p->box, JUMBF_JSON);
    lk_arena *arena = NULL;
    lk_json *tree = NULL;
    lk_status s = !b ? LK_E_FORMAT : lk_arena_new(&arena, 1 << 14);
    if (s == LK_OK) s = lk_json_parse((const char *)b->data, b->n, arena, &tree, NULL);
    if (s == LK_E_NOMEM) judge_no_memory(j);
    else if (s != LK_OK || !is_metadata(tree))
        judge_say(j, BAD, "assertion.metadata.disallowed", p->uri, "metadata of no named vocabulary");
    lk_arena_free(arena);
}

/* --- the others --------------------------------------------------------------------------- */

static const field soft_fields[] = {
    {"alg", TEXT | NEEDED}, {"pad", BYTES | NEEDED}, {"blocks", MAPS | NEEDED},
    {"name", TEXT},         {"url", TEXT},           {NULL, 0}};
static const field block_fields[] = {{"scope", MAP | NEEDED}, {"value", BYTES | TEXT | NEEDED}, {NULL, 0}};
static const field status_fields[] = {{"ocspVals", BYTE_LIST | NEEDED}, {NULL, 0}};
static const field identity_fields[] = {{"signer_payload", MAP | NEEDED},
                                        {"signature", BYTES | NEEDED},
                                        {"pad1", BYTES | NEEDED},
                                        {"pad2", BYTES},
                                        {NULL, 0}};
static const field nothing[] = {{NULL, 0}};
static const struct kind_row {
    const char *kind;
    const field *fields;
    const char *code;
} kind_rows[] = {
    {"c2pa.soft-binding", soft_fields, "claim.malformed"},
    {"c2pa.certificate-status", status_fields, "assertion.cbor.invalid"},
    {"c2pa.time-stamp", nothing, "assertion.timestamp.malformed"},
    {"c2pa.assertion.metadata", nothing, "assertion.required.missing"},
    {"cawg.identity", identity_fields, "assertion.required.missing"},
};

bool c2pa_schema_wants(const char *kind)
{
    for (size_t i = 0; i < LK_COUNT(kind_rows); i++)
        if (!strcmp(kind, kind_rows[i].kind)) return true;
    return false;
}

static void judge_kind(judge *j, const c2pa_part *p)
{
    for (size_t i = 0; i < LK_COUNT(kind_rows); i++) {
        if (strcmp(p->kind, kind_rows[i].kind)) continue;
        const char *bad = misfit(p->cbor, kind_rows[i].fields);
        if (!bad && !strcmp(p->kind, "c2pa.soft-binding"))
            bad = misfit_each(lk_cbor_get(p->cbor, "blocks"), block_fields);
        if (!bad && !strcmp(p->kind, "c2pa.time-stamp"))
            for (const lk_cbor *v = p->cbor->child; v; v = v->next)
                if (v->key->kind != LK_CBOR_TEXT || v->kind != LK_CBOR_BYTES) bad = "(one of them)";
        if (bad)
            judge_say(j, BAD, kind_rows[i].code, p->uri, "the field %s holds something else than it should",
                      bad);
        else if (!strcmp(p->kind, "cawg.identity"))
            judge_say(j, INFO, "cawg.identity.unverified", p->uri,
                      "the identity that is claimed here is not checked");
    }
}

static bool ends_with(const char *s, const char *tail)
{
    size_t n = strlen(s), t = strlen(tail);
    return n >= t && !strcmp(s + n - t, tail);
}

void judge_schema(judge *j, c2pa_unit *u)
{
    const lk_cbor *info = lk_cbor_get(u->claim, "claim_generator_info");
    if (u->claim_version > 1) judge_generator(j, u, info, "claim.malformed", u->uri);
    for (int i = 0; i < u->part_count; i++) {
        const c2pa_part *p = &u->parts[i];
        judge_kind(j, p);
        if (!strcmp(p->kind, "c2pa.actions")) judge_action_part(j, u, p);
        else if (!strncmp(p->kind, "c2pa.thumbnail.claim", 20) && !jumbf_is(p->box, "file"))
            judge_say(j, BAD, "assertion.required.missing", p->uri, "a thumbnail that is no picture");
        else if (!strcmp(p->kind, "c2pa.cloud-data"))
            judge_say(j, BAD, "assertion.cloud-data.malformed", p->uri,
                      "data elsewhere, which is not fetched");
        else if (!strcmp(p->kind, "c2pa.external-reference"))
            judge_say(j, BAD, "assertion.external-reference.malformed", p->uri,
                      "data elsewhere, which is not fetched");
        else if (u->claim_version > 1 && ends_with(p->kind, ".metadata") &&
                 strcmp(p->kind, "c2pa.assertion.metadata"))
            judge_metadata(j, p);
    }
}
