/* verify.c: judging a file: find the store, read it, judge the active manifest and, through its ingredients,
 * the ones that it was made from.
 *
 * The state: every failure of the active manifest is fatal, but for a signer whom no anchor vouches for
 * (VALID, not TRUSTED). A failure of an ingredient is fatal unless the claim that took it in states it:
 * whoever signed then knew, and says so. What an update manifest updates is no such ingredient: it binds the
 * file and must hold.
 */
#include <stdio.h>
#include <string.h>

#include "mark/c2pa/internal.h"

/* --- findings ----------------------------------------------------------------------------- */

void judge_no_memory(judge *j)
{
    if (j->failed == LK_OK) j->failed = LK_FAIL(j->err, LK_E_NOMEM, "no memory to judge %s", j->path);
}

static bool grow(judge *j)
{
    if (j->count < j->room) return true;
    int room = LK_MAX(64, j->room * 2);
    c2pa_finding *f = lk_arena_alloc(j->arena, (size_t)room * sizeof *f);
    if (!f) return false;
    if (j->count) memcpy(f, j->findings, (size_t)j->count * sizeof *f);
    j->findings = f;
    j->room = room;
    return true;
}

void judge_say(judge *j, int severity, const char *code, const char *url, const char *fmt, ...)
{
    if (j->count >= C2PA_MAX_FINDINGS) {
        j->overflow = true;
        return;
    }
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    const char *kept = lk_arena_strdup(j->arena, text);
    if (!kept || !grow(j)) {
        judge_no_memory(j);
        return;
    }
    j->findings[j->count++] = (c2pa_finding){.code = code,
                                             .url = url,
                                             .explanation = kept,
                                             .severity = severity,
                                             .ingredient = j->depth ? j->steps[j->depth - 1].uri : NULL,
                                             .recorded = severity == BAD && j->depth &&
                                                         !j->steps[j->depth - 1].updated &&
                                                         judge_recorded(j, code, url)};
}

/* --- what claims recorded of their ingredients -------------------------------------------- */

/* Addresses in results may be relative to the ingredient's manifest. */
static bool same_address(const lk_cbor *v, const char *url, const c2pa_unit *u)
{
    static const char relative[] = "self#jumbf=";
    if (lk_cbor_is_text(v, url)) return true;
    size_t r = sizeof relative - 1, n = u ? strlen(u->uri) : 0;
    if (!u || v->kind != LK_CBOR_TEXT || v->number <= r || memcmp(v->data, relative, r) || v->data[r] == '/')
        return false;
    return strlen(url) == n + 1 + (size_t)v->number - r && !memcmp(url, u->uri, n) && url[n] == '/' &&
           !memcmp(url + n + 1, v->data + r, (size_t)v->number - r);
}

static bool list_has(const lk_cbor *list, const char *code, const char *url, const c2pa_unit *u)
{
    if (!list || list->kind != LK_CBOR_ARRAY || list->number > C2PA_MAX_FINDINGS) return false;
    for (const lk_cbor *v = list->child; v; v = v->next) {
        const lk_cbor *at = lk_cbor_get(v, "url");
        if (lk_cbor_is_text(lk_cbor_get(v, "code"), code) &&
            (at && url ? same_address(at, url, u) : !at && !url))
            return true;
    }
    return false;
}

bool judge_recorded(const judge *j, const char *code, const char *url)
{
    for (int i = 0; i < j->depth; i++) {
        const lk_cbor *r = j->steps[i].results;
        const c2pa_unit *u = j->steps[i].unit;
        if (!r) continue;
        if (list_has(r, code, url, u) ||
            list_has(lk_cbor_get(lk_cbor_get(r, "activeManifest"), "failure"), code, url, u))
            return true;
        const lk_cbor *deltas = lk_cbor_get(r, "ingredientDeltas");
        if (!deltas || deltas->kind != LK_CBOR_ARRAY || deltas->number > C2PA_MAX_ASSERTIONS) continue;
        for (const lk_cbor *d = deltas->child; d; d = d->next)
            if (list_has(lk_cbor_get(lk_cbor_get(d, "validationDeltas"), "failure"), code, url, u))
                return true;
    }
    return false;
}

/* --- manifests ---------------------------------------------------------------------------- */

static void judge_unit(judge *j, c2pa_unit *u);

/* Does the ingredient assertion point to the manifest as it is in the store? Claims before 1.3 hashed the
 * claim alone. */
static void judge_manifest_link(judge *j, c2pa_unit *u, const c2pa_link *manifest, const lk_cbor *signature)
{
    c2pa_match m = c2pa_link_matches(manifest, u->alg, &u->box_hashes, u->box->data, u->box->n);
    if (m == C2PA_DIFFERENT && u->claim_version == 1)
        m = c2pa_link_matches(manifest, u->alg, &u->claim_hashes, u->claim_bytes, u->claim_n);
    bool redacted = m == C2PA_DIFFERENT && judge_redacts(j, u);
    if (m == C2PA_NO_MEMORY) judge_no_memory(j);
    else if (m == C2PA_UNKNOWN_ALG)
        judge_say(j, BAD, "algorithm.unsupported", u->uri,
                  "the ingredient's manifest is bound by an unknown hash");
    else if (m == C2PA_SAME)
        judge_say(j, GOOD, "ingredient.manifest.validated", u->uri,
                  "the ingredient's manifest is as it was taken in");
    else if (!redacted)
        judge_say(j, BAD, "ingredient.manifest.mismatch", u->uri,
                  "the ingredient's manifest was changed after it was taken in");

    if (!signature) {
        if (redacted)
            judge_say(j, BAD, "ingredient.claimSignature.missing", u->uri,
                      "a redacted ingredient without its signature's hash");
        return;
    }
    c2pa_link link;
    lk_status s = c2pa_link_read(signature, j->arena, &link);
    if (s == LK_E_NOMEM) judge_no_memory(j);
    m = s == LK_OK
            ? c2pa_link_matches(&link, u->alg, &u->signature_hashes, u->signature->data, u->signature->n)
            : C2PA_DIFFERENT;
    if (m == C2PA_NO_MEMORY) judge_no_memory(j);
    bool here = s == LK_OK && !strcmp(link.url, u->signature_uri);
    bool good = m == C2PA_SAME && here;
    judge_say(j, good ? GOOD : BAD,
              good ? "ingredient.claimSignature.validated" : "ingredient.claimSignature.mismatch", u->uri,
              good ? "the ingredient's signature is as it was taken in"
                   : "the ingredient's signature is not the one that was taken in");
}

static void judge_ingredient(judge *j, const c2pa_unit *above, const c2pa_part *p)
{
    ingredient_view view;
    if (!p->cbor || !ingredient_view_read(p, &view)) return; /* judge_parents has said so */
    if (!view.manifest) {
        if (strcmp(view.relationship, "inputTo"))
            judge_say(j, INFO, "ingredient.unknownProvenance", p->uri, "the ingredient has no manifest");
        return;
    }
    c2pa_link link;
    lk_status s = c2pa_link_read(view.manifest, j->arena, &link);
    if (s != LK_OK) {
        if (s == LK_E_NOMEM) judge_no_memory(j);
        else
            judge_say(j, BAD, "assertion.ingredient.malformed", p->uri,
                      "the address of its manifest is none");
        return;
    }
    if (j->depth == C2PA_MAX_DEPTH) {
        judge_say(j, BAD, "assertion.ingredient.malformed", p->uri,
                  "ingredients of ingredients more than 64 deep");
        return;
    }
    c2pa_unit *u = c2pa_store_find_uri(&j->store, link.url);
    bool updated = above->update && (j->depth == 0 || j->steps[j->depth - 1].updated);
    j->steps[j->depth++] =
        (judge_step){.unit = u, .uri = p->uri, .results = view.results, .updated = updated};
    if (!u) {
        judge_say(j, BAD, "ingredient.manifest.missing", link.url,
                  "the ingredient's manifest is not in the store");
    } else if (u->judging || u == above) {
        judge_say(j, BAD, "assertion.ingredient.malformed", p->uri, "a manifest is an ingredient of itself");
    } else {
        judge_manifest_link(j, u, &link, view.signature);
        if (!u->judged) judge_unit(j, u);
    }
    j->depth--;
}

static void judge_unit(judge *j, c2pa_unit *u)
{
    u->judged = u->judging = true;
    judge_signature(j, u);
    judge_assertions(j, u);
    judge_schema(j, u);
    if (j->depth == 0) judge_binding(j, u);
    judge_actions(j, u);
    judge_parents(j, u);
    for (int i = 0; i < u->part_count && j->failed == LK_OK; i++)
        if (!strcmp(u->parts[i].kind, "c2pa.ingredient")) judge_ingredient(j, u, &u->parts[i]);
    u->judging = false;
}

static c2pa_state state_of(const judge *j)
{
    if (j->overflow || !j->store.count) return C2PA_INVALID;
    for (int i = 0; i < j->count; i++)
        if (j->findings[i].severity == BAD && !j->findings[i].recorded &&
            strcmp(j->findings[i].code, "signingCredential.untrusted"))
            return C2PA_INVALID;
    const c2pa_unit *active = &j->store.units[j->store.count - 1];
    return active->has_cose && active->verdict == LK_CERT_TRUSTED ? C2PA_TRUSTED : C2PA_VALID;
}

static void judge_store(judge *j, const void *data, size_t n)
{
    const char *code = NULL, *url = NULL;
    lk_error why = {0};
    lk_status s = c2pa_store_parse(data, n, j->arena, &j->store, &code, &url, &why);
    if (s == LK_E_NOMEM) {
        judge_no_memory(j);
    } else if (s != LK_OK) {
        j->store.count = 0; /* half a store is none */
        judge_say(j, BAD, code, url, "%s", why.message);
    } else {
        judge_unit(j, &j->store.units[j->store.count - 1]);
        for (int i = 0; i < j->store.count; i++)
            if (!j->store.units[i].judged)
                judge_say(j, INFO, "manifest.unreferenced", j->store.units[i].uri,
                          "no other manifest refers to this one");
    }
}

/* --- files -------------------------------------------------------------------------------- */

static lk_status judge_file(judge *j, void **data, lk_error *err)
{
    size_t n = 0;
    lk_error why = {0};
    lk_status s = c2pa_asset_probe(j->path, &j->layout, &why);
    if (s == LK_OK && j->layout.stores == 0) return LK_OK;
    if (s == LK_OK && j->layout.stores > 1) {
        judge_say(j, BAD, "claim.multiple", NULL, "the file carries %d manifest stores", j->layout.stores);
        return j->failed;
    }
    if (s == LK_OK) s = c2pa_asset_read(j->path, &j->layout, data, &n, &why);
    if (s == LK_E_FORMAT || s == LK_E_RANGE) {
        judge_say(j, BAD, "general.error", NULL, "%s", why.message);
        return j->failed;
    }
    if (s != LK_OK) {
        if (err) *err = why;
        return s;
    }
    judge_store(j, *data, n);
    return j->failed;
}

/* What a judge starts from and what it comes to. The arena of the judge becomes that of the report. */
static lk_status judge_new(const char *path, const lk_der *anchors, int anchor_count, int64_t at, judge **out,
                           lk_error *err)
{
    lk_arena *arena = NULL;
    *out = NULL;
    if (lk_arena_new(&arena, 1 << 15) == LK_OK) *out = lk_arena_alloc(arena, sizeof **out);
    if (!*out) {
        lk_arena_free(arena);
        return LK_FAIL(err, LK_E_NOMEM, "no memory to judge %s", path);
    }
    **out = (judge){.arena = arena,
                    .path = path,
                    .anchors = anchors,
                    .anchor_count = anchor_count,
                    .at = at ? at : lk_wall_time(),
                    .err = err};
    return LK_OK;
}

static lk_status judge_report(judge *j, c2pa_report *out)
{
    c2pa_manifest *seen = NULL;
    int count = 0;
    if (j->store.count && !c2pa_describe(j, &seen, &count)) judge_no_memory(j);
    if (j->failed != LK_OK) return j->failed;
    *out = (c2pa_report){.arena = j->arena,
                         .layout = j->layout,
                         .manifests = seen,
                         .manifest_count = count,
                         .active = count ? &seen[count - 1] : NULL,
                         .findings = j->findings,
                         .finding_count = j->count};
    bool none = j->layout.stores == 0 && j->count == 0;
    out->state = none ? C2PA_NONE : state_of(j);
    return LK_OK;
}

lk_status c2pa_verify_file(const char *path, const lk_der *anchors, int anchor_count, int64_t at,
                           c2pa_report *out, lk_error *err)
{
    *out = (c2pa_report){0};
    judge *j;
    LK_TRY(judge_new(path, anchors, anchor_count, at, &j, err));
    lk_arena *arena = j->arena;
    void *data = NULL;
    lk_status s = judge_file(j, &data, err);
    if (s == LK_OK) s = judge_report(j, out);
    lk_free(data);
    if (s != LK_OK) lk_arena_free(arena);
    return s;
}

lk_status c2pa_verify_bytes(const void *data, size_t n, c2pa_report *out, lk_error *err)
{
    *out = (c2pa_report){0};
    judge *j;
    LK_TRY(judge_new("/dev/null", NULL, 0, 0, &j, err)); /* no file: the binding fails */
    lk_arena *arena = j->arena;
    judge_store(j, data, n);
    lk_status s = judge_report(j, out);
    if (s != LK_OK) lk_arena_free(arena);
    return s;
}

void c2pa_report_clear(c2pa_report *r)
{
    if (!r) return;
    lk_arena_free(r->arena);
    *r = (c2pa_report){0};
}
