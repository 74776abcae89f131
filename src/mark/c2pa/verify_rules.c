/* verify_rules.c: what actions and ingredients of a claim must be like. Claims of version 1 were made before
 * these rules and are held to the few that they had.
 */
#include <string.h>

#include "mark/c2pa/internal.h"

/* --- ingredients -------------------------------------------------------------------------- */

static bool is_link(const lk_cbor *v)
{
    const lk_cbor *url = lk_cbor_get(v, "url"), *hash = lk_cbor_get(v, "hash");
    return url && url->kind == LK_CBOR_TEXT && hash && hash->kind == LK_CBOR_BYTES;
}

static bool text_or_absent(const lk_cbor *map, const char *key)
{
    const lk_cbor *v = lk_cbor_get(map, key);
    return !v || v->kind == LK_CBOR_TEXT;
}

bool ingredient_view_read(const c2pa_part *p, ingredient_view *out)
{
    static const char *const relations[] = {"parentOf", "componentOf", "inputTo"};
    const lk_cbor *c = p->cbor, *relation = lk_cbor_get(c, "relationship");
    *out = (ingredient_view){0};
    for (size_t i = 0; i < LK_COUNT(relations); i++)
        if (lk_cbor_is_text(relation, relations[i])) out->relationship = relations[i];
    if (!out->relationship || !text_or_absent(c, "dc:title") || !text_or_absent(c, "dc:format") ||
        !text_or_absent(c, "instanceID"))
        return false;
    out->manifest = lk_cbor_get(c, p->version >= 3 ? "activeManifest" : "c2pa_manifest");
    out->signature = lk_cbor_get(c, "claimSignature");
    out->results = lk_cbor_get(c, p->version >= 3 ? "validationResults" : "validationStatus");
    if ((out->manifest && !is_link(out->manifest)) || (out->signature && !is_link(out->signature)))
        return false;
    if (p->version < 3) return lk_cbor_get(c, "dc:title") && lk_cbor_get(c, "dc:format");
    if (lk_cbor_get(c, "c2pa_manifest")) return false;
    if (out->manifest &&
        (!out->results || out->results->kind != LK_CBOR_MAP || lk_cbor_get(c, "digitalSourceType")))
        return false;
    return true;
}

void judge_parents(judge *j, const c2pa_unit *u)
{
    int parents = 0;
    for (int i = 0; i < u->part_count; i++) {
        ingredient_view view;
        const c2pa_part *p = &u->parts[i];
        if (strcmp(p->kind, "c2pa.ingredient")) continue;
        if (!p->cbor || !ingredient_view_read(p, &view))
            judge_say(j, BAD, "assertion.ingredient.malformed", p->uri,
                      "an ingredient without its fields, or with those of another version");
        else parents += !strcmp(view.relationship, "parentOf");
    }
    if (u->update && parents == 0)
        judge_say(j, BAD, "manifest.update.wrongParents", u->uri, "an update of no manifest");
    else if (parents > 1)
        judge_say(j, BAD, "manifest.multipleParents", u->uri, "more than one ingredient is the parent");
}

/* --- actions ------------------------------------------------------------------------------ */

static bool is_one(const lk_cbor *action, const char *const *names)
{
    for (; *names; names++)
        if (lk_cbor_is_text(action, *names)) return true;
    return false;
}

/* The ingredient assertion of u that v points to, with the hash that it has; NULL when there is none. */
static const c2pa_part *find_ingredient(judge *j, c2pa_unit *u, const lk_cbor *v)
{
    c2pa_link link;
    lk_status s = c2pa_link_read(v, j->arena, &link);
    if (s == LK_E_NOMEM) judge_no_memory(j);
    if (s != LK_OK || (c2pa_uri_absolute(link.url) && !c2pa_uri_in(link.url, u))) return NULL;
    const char *label = c2pa_uri_part(link.url);
    c2pa_part *p = label ? c2pa_unit_part(u, label) : NULL;
    if (!p || strcmp(p->kind, "c2pa.ingredient") || !p->cbor) return NULL;
    c2pa_match m = c2pa_link_matches(&link, u->alg, &p->hashes, p->box->data, p->box->n);
    if (m == C2PA_NO_MEMORY) judge_no_memory(j);
    return m == C2PA_SAME ? p : NULL;
}

typedef struct named {
    int count, related;
    bool gone;
} named;

static void count_ingredient(judge *j, c2pa_unit *u, const lk_cbor *link, const char *relationship, named *n)
{
    ingredient_view view;
    const c2pa_part *p = find_ingredient(j, u, link);
    if (!p || !ingredient_view_read(p, &view)) {
        n->gone = true;
        return;
    }
    n->count++;
    n->related += !strcmp(view.relationship, relationship);
}

/* How many ingredients an action names, how many of them have this relationship, and whether one is not
 * there. */
static named count_named(judge *j, c2pa_unit *u, const lk_cbor *params, const char *relationship)
{
    const lk_cbor *one = lk_cbor_get(params, "ingredient"), *many = lk_cbor_get(params, "ingredients");
    named n = {.gone = many && many->kind != LK_CBOR_ARRAY};
    if (one) count_ingredient(j, u, one, relationship, &n);
    for (const lk_cbor *v = many && !n.gone ? many->child : NULL; v; v = v->next)
        count_ingredient(j, u, v, relationship, &n);
    return n;
}

static void judge_action_ingredients(judge *j, c2pa_unit *u, const char *url, const lk_cbor *action,
                                     const lk_cbor *params)
{
    static const char mismatch[] = "assertion.action.ingredientMismatch";
    static const char *const of_component[] = {"c2pa.placed", "c2pa.removed", NULL};
    static const char *const of_parent[] = {"c2pa.transcoded", "c2pa.repackaged", NULL};
    bool opened = lk_cbor_is_text(action, "c2pa.opened"), placed = is_one(action, of_component);
    named n = count_named(j, u, params, placed ? "componentOf" : "parentOf");
    const char *bad = NULL;
    if (n.gone) bad = "an action names an ingredient that is not there";
    else if (placed && !n.related) bad = "what was placed or removed is no component ingredient";
    else if (opened && (n.count != 1 || n.related != 1))
        bad = "what was opened is not the one parent ingredient";
    else if (is_one(action, of_parent) && n.count && !n.related)
        bad = "what was transcoded or repackaged is no parent ingredient";
    if (bad) judge_say(j, BAD, mismatch, url, "%s", bad);
}

static void judge_action(judge *j, c2pa_unit *u, const char *url, const lk_cbor *a, bool first)
{
    static const char malformed[] = "assertion.action.malformed";
    static const char *const beginnings[] = {"c2pa.opened", "c2pa.created", NULL};
    static const char *const withdrawn[] = {
        "c2pa.copied",  "c2pa.formatted", "c2pa.version_updated", "c2pa.printed",
        "c2pa.managed", "c2pa.produced",  "c2pa.saved",           NULL};
    const lk_cbor *action = lk_cbor_get(a, "action"), *params = lk_cbor_get(a, "parameters"),
                  *type = lk_cbor_get(a, "digitalSourceType");
    if (!action || action->kind != LK_CBOR_TEXT || action->number == 0 ||
        (params && params->kind != LK_CBOR_MAP) || (type && type->kind != LK_CBOR_TEXT)) {
        judge_say(j, BAD, malformed, url, "an action without a name, or with fields of a wrong kind");
        return;
    }
    bool beginning = is_one(action, beginnings);
    if (first && !beginning && !u->update)
        judge_say(j, BAD, malformed, url, "the first action is neither opened nor created");
    if (!first && beginning) judge_say(j, BAD, malformed, url, "opened or created is not the first action");
    if (lk_cbor_is_text(action, "c2pa.created") && !type)
        judge_say(j, BAD, malformed, url, "created without a digital source type");
    if (is_one(action, withdrawn))
        judge_say(j, BAD, malformed, url, "an action that claims of version 2 may not use");
    if (lk_cbor_is_text(action, "c2pa.translated") &&
        (!lk_cbor_get(params, "sourceLanguage") || !lk_cbor_get(params, "targetLanguage")))
        judge_say(j, BAD, malformed, url, "translated without its languages");
    if (lk_cbor_is_text(action, "c2pa.redacted")) {
        const lk_cbor *what = lk_cbor_get(params, "redacted"),
                      *list = lk_cbor_get(u->claim, "redacted_assertions");
        bool listed = false;
        for (const lk_cbor *v = what && list ? list->child : NULL; v; v = v->next)
            listed = listed || (what->kind == LK_CBOR_TEXT && v->number == what->number &&
                                !memcmp(v->data, what->data, (size_t)v->number));
        if (!listed)
            judge_say(j, BAD, "assertion.action.redactionMismatch", url,
                      "a redaction that the claim does not list");
    }
    judge_action_ingredients(j, u, url, action, params);
}

static void judge_action_list(judge *j, c2pa_unit *u, const c2pa_part *p, bool first)
{
    static const char *const of_updates[] = {"c2pa.edited.metadata", "c2pa.opened", "c2pa.published",
                                             "c2pa.redacted", NULL};
    const lk_cbor *list = lk_cbor_get(p->cbor, "actions");
    if (!list || list->kind != LK_CBOR_ARRAY || list->number == 0) {
        judge_say(j, BAD, "assertion.action.malformed", p->uri, "an actions assertion without actions");
        return;
    }
    for (const lk_cbor *a = list->child; a; a = a->next) {
        judge_action(j, u, p->uri, a, first && a == list->child);
        if (u->update && !is_one(lk_cbor_get(a, "action"), of_updates))
            judge_say(j, BAD, "manifest.update.invalid", p->uri,
                      "an update of the manifest alone names a change of the content");
    }
}

void judge_actions(judge *j, c2pa_unit *u)
{
    /* The first in the order of the store; those that the generator made itself come before gathered ones. */
    const c2pa_part *first = NULL;
    int count = 0;
    for (int pass = 0; pass < 2 && !first; pass++)
        for (int i = 0; i < u->part_count && !first; i++)
            if (!strcmp(u->parts[i].kind, "c2pa.actions") && u->parts[i].created == !pass)
                first = &u->parts[i];
    for (int i = 0; i < u->part_count; i++) count += !strcmp(u->parts[i].kind, "c2pa.actions");
    if (u->claim_version == 1) {
        if (count > 1)
            judge_say(j, BAD, "assertion.action.malformed", u->uri,
                      "more than one actions assertion in a claim of version 1");
        return;
    }
    if (!first && !u->update)
        judge_say(j, BAD, "assertion.action.malformed", u->uri, "a claim without actions");
    for (int i = 0; i < u->part_count; i++)
        if (!strcmp(u->parts[i].kind, "c2pa.actions"))
            judge_action_list(j, u, &u->parts[i], &u->parts[i] == first);
}
