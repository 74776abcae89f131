/* verify_binding.c: the hard binding: is this file, outside the manifest store, the one that was signed? */
#include <string.h>

#include "mark/c2pa/internal.h"

enum { MAX_RANGES = 64, MAX_SKIPS = 64 };

/* An algorithm named in the assertion, else the claim's; "" when it is no text. */
static const char *alg_of(judge *j, const c2pa_unit *u, const lk_cbor *map)
{
    const lk_cbor *alg = lk_cbor_get(map, "alg");
    if (!alg) return u->alg;
    if (alg->kind != LK_CBOR_TEXT || (alg->number && memchr(alg->data, 0, (size_t)alg->number))) return "";
    const char *s = lk_cbor_string(alg, j->arena);
    if (!s) judge_no_memory(j);
    return s ? s : "";
}

static void judge_digest(judge *j, const c2pa_part *p, lk_status s, const lk_error *why,
                         const c2pa_digest *got, bool boxes)
{
    const lk_cbor *want = lk_cbor_get(p->cbor, "hash");
    const char *match = boxes ? "assertion.bmffHash.match" : "assertion.dataHash.match";
    const char *mismatch = boxes ? "assertion.bmffHash.mismatch" : "assertion.dataHash.mismatch";
    if (s == LK_E_NOMEM || s == LK_E_IO || s == LK_E_NOTFOUND) {
        if (j->failed == LK_OK) j->failed = s;
        if (j->err && j->failed == s) *j->err = *why;
    } else if (s == LK_E_UNSUPPORTED) {
        judge_say(j, BAD, "algorithm.unsupported", p->uri, "%s", why->message);
    } else if (s != LK_OK) {
        judge_say(j, BAD, mismatch, p->uri, "%s", why->message);
    } else if (want && want->kind == LK_CBOR_BYTES && want->number == got->n && got->n &&
               !memcmp(want->data, got->b, got->n)) {
        judge_say(j, GOOD, match, p->uri, "the file is the one that was signed");
    } else {
        judge_say(j, BAD, mismatch, p->uri, "the file was changed after signing");
    }
}

/* --- c2pa.hash.data ----------------------------------------------------------------------- */

static bool zero_bytes(const lk_cbor *v)
{
    if (!v) return true;
    if (v->kind != LK_CBOR_BYTES) return false;
    for (uint64_t i = 0; i < v->number; i++)
        if (v->data[i]) return false;
    return true;
}

static int read_ranges(const lk_cbor *list, c2pa_range *out)
{
    int n = 0;
    if (!list || list->kind != LK_CBOR_ARRAY || list->number > MAX_RANGES) return -1;
    for (const lk_cbor *v = list->child; v; v = v->next) {
        const lk_cbor *start = lk_cbor_get(v, "start"), *length = lk_cbor_get(v, "length");
        if (!start || !length || start->kind != LK_CBOR_UINT || length->kind != LK_CBOR_UINT) return -1;
        out[n++] = (c2pa_range){start->number, length->number};
    }
    return n;
}

/* One exclusion is the store's place exactly, or anything could hide around it. */
static bool leaves_out_store(const judge *j, const c2pa_range *r, int n)
{
    for (int i = 0; i < n; i++)
        if (r[i].start == j->layout.hole.start && r[i].length == j->layout.hole.length) return true;
    return false;
}

/* An update grew the store after the binding was made: what it left out there is the store as it is now, and
 * everything behind has moved. */
static void follow_growth(const judge *j, c2pa_range *r, int n)
{
    uint64_t grown = 0;
    for (int i = 0; i < n; i++) {
        if (r[i].start > j->layout.hole.start)
            r[i].start += grown; /* wraps with a shrunken store; the hash refuses it then */
        if (r[i].start != j->layout.hole.start) continue;
        grown = j->layout.hole.length - r[i].length;
        r[i].length = j->layout.hole.length;
    }
}

static void judge_data(judge *j, const c2pa_unit *u, const c2pa_part *p, bool updated)
{
    static const char malformed[] = "assertion.dataHash.malformed";
    c2pa_range ranges[MAX_RANGES];
    int n = read_ranges(lk_cbor_get(p->cbor, "exclusions"), ranges);
    if (n < 0 || lk_cbor_get(p->cbor, "url") || !zero_bytes(lk_cbor_get(p->cbor, "pad")) ||
        !zero_bytes(lk_cbor_get(p->cbor, "pad2"))) {
        judge_say(j, BAD, malformed, p->uri, "the binding is not as it must be");
        return;
    }
    if (j->layout.format == C2PA_BMFF) {
        judge_say(j, BAD, "assertion.dataHash.mismatch", p->uri,
                  "a file of this kind is bound by its boxes, not by its bytes");
        return;
    }
    if (updated) follow_growth(j, ranges, n);
    if (!leaves_out_store(j, ranges, n)) {
        judge_say(j, BAD, "assertion.dataHash.mismatch", p->uri,
                  "what the binding leaves out is not the manifest store");
        return;
    }
    if (n > 1)
        judge_say(j, INFO, "assertion.dataHash.additionalExclusionsPresent", p->uri,
                  "the binding leaves out more than the manifest store");
    c2pa_digest got = {0};
    lk_error why = {0};
    lk_status s = c2pa_hash_ranges(j->path, ranges, n, alg_of(j, u, p->cbor), &got, &why);
    judge_digest(j, p, s, &why, &got, false);
}

/* --- c2pa.hash.bmff ----------------------------------------------------------------------- */

static const lk_cbor *present(const lk_cbor *map, const char *key) /* some writers put null for "none" */
{
    const lk_cbor *v = lk_cbor_get(map, key);
    return v && v->kind != LK_CBOR_NULL ? v : NULL;
}

static bool read_skip_data(const lk_cbor *list, c2pa_bmff_skip *out)
{
    if (list->kind != LK_CBOR_ARRAY || list->number > LK_COUNT(out->data)) return false;
    for (const lk_cbor *v = list->child; v; v = v->next) {
        const lk_cbor *offset = lk_cbor_get(v, "offset"), *value = lk_cbor_get(v, "value");
        if (!offset || offset->kind != LK_CBOR_UINT || !value || value->kind != LK_CBOR_BYTES) return false;
        out->data[out->data_count].offset = offset->number;
        out->data[out->data_count].value = value->data;
        out->data[out->data_count++].n = (size_t)value->number;
    }
    return true;
}

static bool read_skip_subset(const lk_cbor *list, c2pa_bmff_skip *out)
{
    if (list->kind != LK_CBOR_ARRAY || list->number > LK_COUNT(out->subset)) return false;
    for (const lk_cbor *v = list->child; v; v = v->next) {
        const lk_cbor *offset = lk_cbor_get(v, "offset"), *length = lk_cbor_get(v, "length");
        if (!offset || offset->kind != LK_CBOR_UINT || !length || length->kind != LK_CBOR_UINT) return false;
        out->subset[out->subset_count].offset = offset->number;
        out->subset[out->subset_count++].length = length->number;
    }
    return true;
}

static bool read_skip(const lk_cbor *v, c2pa_bmff_skip *out)
{
    const lk_cbor *xpath = present(v, "xpath"), *length = present(v, "length"), *data = present(v, "data"),
                  *subset = present(v, "subset");
    const lk_cbor *version = present(v, "version"), *flags = present(v, "flags"),
                  *exact = present(v, "exact");
    *out = (c2pa_bmff_skip){0};
    if (!xpath || xpath->kind != LK_CBOR_TEXT || xpath->number == 0 || xpath->number >= sizeof out->xpath ||
        xpath->data[0] != '/' || memchr(xpath->data, 0, (size_t)xpath->number))
        return false;
    memcpy(out->xpath, xpath->data, (size_t)xpath->number);
    if (length) {
        if (length->kind != LK_CBOR_UINT) return false;
        out->has_length = true;
        out->length = length->number;
    }
    if (version) {
        if (version->kind != LK_CBOR_UINT || version->number > 255) return false;
        out->has_version = true;
        out->version = (uint8_t)version->number;
    }
    if (flags) {
        if (flags->kind != LK_CBOR_BYTES || flags->number != 3) return false;
        out->has_flags = true;
        memcpy(out->flags, flags->data, 3);
        if (exact && exact->kind != LK_CBOR_BOOL) return false;
        out->flags_exact = !exact || exact->number;
    }
    return (!data || read_skip_data(data, out)) && (!subset || read_skip_subset(subset, out));
}

static bool same_skip(const c2pa_bmff_skip *a, const c2pa_bmff_skip *b)
{
    if (strcmp(a->xpath, b->xpath) || a->has_length || a->has_version || a->has_flags || a->subset_count ||
        a->data_count != b->data_count)
        return false;
    for (int i = 0; i < b->data_count; i++)
        if (a->data[i].offset != b->data[i].offset || a->data[i].n != b->data[i].n ||
            memcmp(a->data[i].value, b->data[i].value, b->data[i].n))
            return false;
    return true;
}

static void judge_boxes(judge *j, const c2pa_unit *u, const c2pa_part *p)
{
    static const char malformed[] = "assertion.bmffHash.malformed";
    const lk_cbor *list = lk_cbor_get(p->cbor, "exclusions");
    if (p->version < 2 || p->version > 3 || present(p->cbor, "merkle")) {
        judge_say(j, BAD, "algorithm.unsupported", p->uri,
                  "a binding of fragments, or of a version that is not read here");
        return;
    }
    if (j->layout.format != C2PA_BMFF) {
        judge_say(j, BAD, "assertion.bmffHash.mismatch", p->uri, "a file of this kind has no boxes");
        return;
    }
    if (!list || list->kind != LK_CBOR_ARRAY || list->number > MAX_SKIPS || present(p->cbor, "url")) {
        judge_say(j, BAD, malformed, p->uri, "the binding is not as it must be");
        return;
    }
    c2pa_bmff_skip *skips = lk_arena_alloc(j->arena, (MAX_SKIPS + C2PA_BMFF_SKIPS) * sizeof *skips),
                   *own = skips + MAX_SKIPS;
    if (!skips) {
        judge_no_memory(j);
        return;
    }
    int n = 0, needed = 0;
    c2pa_bmff_skips(own);
    for (const lk_cbor *v = list->child; v; v = v->next) {
        if (!read_skip(v, &skips[n])) {
            judge_say(j, BAD, malformed, p->uri, "an exclusion of the binding is not as it must be");
            return;
        }
        for (int i = 0; i < C2PA_BMFF_SKIPS; i++) needed |= same_skip(&skips[n], &own[i]) << i;
        n++;
    }
    if (needed != (1 << C2PA_BMFF_SKIPS) - 1) {
        judge_say(j, BAD, malformed, p->uri, "the binding does not leave out the three boxes that it must");
        return;
    }
    if (n > C2PA_BMFF_SKIPS)
        judge_say(j, INFO, "assertion.bmffHash.additionalExclusionsPresent", p->uri,
                  "the binding leaves out more than it must");
    c2pa_digest got = {0};
    lk_error why = {0};
    lk_status s = c2pa_hash_bmff(j->path, skips, n, p->version, alg_of(j, u, p->cbor), &got, &why);
    judge_digest(j, p, s, &why, &got, true);
}

/* --- which one ---------------------------------------------------------------------------- */

static bool is_binding(const c2pa_part *p)
{
    static const char *const kinds[] = {"c2pa.hash.data", "c2pa.hash.bmff", "c2pa.hash.boxes",
                                        "c2pa.hash.collection.data"};
    for (size_t i = 0; i < LK_COUNT(kinds); i++)
        if (!strcmp(p->kind, kinds[i])) return true;
    return false;
}

static int find_binding(const c2pa_unit *u, const c2pa_part **found)
{
    int n = 0;
    for (int i = 0; i < u->part_count; i++) {
        if (!is_binding(&u->parts[i])) continue;
        *found = &u->parts[i];
        n++;
    }
    return n;
}

/* An update manifest says more about content that another manifest binds: that of its one parent. */
static const c2pa_unit *parent_of(judge *j, const c2pa_unit *u)
{
    const c2pa_unit *parent = NULL;
    const c2pa_part *binding;
    int ingredients = 0;
    bool picture = false;
    for (int i = 0; i < u->part_count; i++) {
        ingredient_view view;
        c2pa_link link;
        picture = picture || !strncmp(u->parts[i].label, "c2pa.thumbnail.claim", 20);
        if (strcmp(u->parts[i].kind, "c2pa.ingredient")) continue;
        ingredients++;
        if (!u->parts[i].cbor || !ingredient_view_read(&u->parts[i], &view) || !view.manifest ||
            strcmp(view.relationship, "parentOf"))
            continue;
        lk_status s = c2pa_link_read(view.manifest, j->arena, &link);
        if (s == LK_E_NOMEM) judge_no_memory(j);
        if (s == LK_OK) parent = c2pa_store_find_uri(&j->store, link.url);
    }
    if (find_binding(u, &binding) || ingredients != 1 || picture)
        judge_say(j, BAD, "manifest.update.invalid", u->uri,
                  "an update of statements alone has a binding, a picture or more than its parent");
    return parent;
}

void judge_binding(judge *j, const c2pa_unit *u)
{
    const c2pa_unit *active = u;
    for (int i = 0; u && u->update; i++) u = i < C2PA_MAX_DEPTH ? parent_of(j, u) : NULL;
    const c2pa_part *found = NULL;
    int n = u ? find_binding(u, &found) : 0;
    if (n == 0)
        judge_say(j, BAD, "claim.hardBindings.missing", active->uri,
                  "nothing binds the manifest to the file");
    else if (n > 1) judge_say(j, BAD, "assertion.multipleHardBindings", u->uri, "more than one hard binding");
    else if (!strcmp(found->kind, "c2pa.hash.data") && found->cbor) judge_data(j, u, found, u != active);
    else if (!strcmp(found->kind, "c2pa.hash.bmff") && found->cbor) judge_boxes(j, u, found);
    else judge_say(j, BAD, "algorithm.unsupported", found->uri, "a kind of binding that is not read here");
}
