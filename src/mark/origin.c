/* origin.c: who stands behind an output: the grants that allow it, the parents
 * that it was made from, and how the file itself says so.
 */
#include <stdio.h>
#include <string.h>

#include "mark/internal.h"

#define GRANTS_MAX 64
#define PARENTS_MAX 1024

/* The one vocabulary term for "camera footage with trained-model parts in it": what readers of C2PA and IPTC
 * look for. */
#define SOURCE_TYPE "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"

static bool copy_list(void *out, const void *from, int count, size_t size)
{
    void *p = lk_alloc(LK_MAX((size_t)count * size, 1));
    if (p && count) memcpy(p, from, (size_t)count * size);
    memcpy(out, &p, sizeof(p));
    return p != NULL;
}

lk_status mark_origin_init(const lk_mark_origin *from, bool synthetic, origin *o, lk_error *err)
{
    *o = (origin){0};
    if (!from || !from->action || !*from->action)
        return LK_FAIL(err, LK_E_ARG, "an output must say what made it");
    if (from->grant_count < 0 || from->grant_count > GRANTS_MAX || from->parent_count < 0 ||
        from->parent_count > PARENTS_MAX)
        return LK_FAIL(err, LK_E_ARG, "an output of %d grants and %d parents is out of limits",
                       from->grant_count, from->parent_count);
    if (synthetic && (from->grant_count == 0 || !from->grants || !from->uses))
        return LK_FAIL(err, LK_E_CONSENT, "nobody's consent stands behind this %s; ask for a grant first",
                       from->action);
    if (from->grant_count && !from->registry)
        return LK_FAIL(err, LK_E_CONSENT, "this %s names no consent registry; open the project's first",
                       from->action);
    if (!from->desk)
        return LK_FAIL(err, LK_E_MARK, "there is nothing to sign this %s with; open the project's desk first", from->action);
    *o = (origin){.registry = from->registry,
                  .grant_count = from->grant_count,
                  .parent_count = from->parent_count,
                  .desk = from->desk,
                  .synthetic = synthetic};
    snprintf(o->action, sizeof(o->action), "%s", from->action);
    bool ok = copy_list(&o->grants, from->grants, o->grant_count, sizeof(*o->grants));
    ok = ok && copy_list(&o->uses, from->uses, o->grant_count, sizeof(*o->uses));
    ok = ok && copy_list(&o->parents, from->parents, o->parent_count, sizeof(*o->parents));
    if (ok && from->model_card) ok = (o->model_card = lk_strdup(from->model_card)) != NULL;
    if (ok && from->opened) ok = (o->opened = lk_strdup(from->opened)) != NULL;
    if (ok && from->model) ok = (o->model = lk_strdup(from->model)) != NULL;
    lk_status s = ok ? mark_origin_check(o, err) : LK_FAIL(err, LK_E_NOMEM, "no memory to mark an output");
    if (s != LK_OK) mark_origin_clear(o);
    return s;
}

void mark_origin_clear(origin *o)
{
    lk_free(o->grants);
    lk_free(o->uses);
    lk_free(o->parents);
    lk_free(o->model_card);
    lk_free(o->opened);
    lk_free(o->model);
    *o = (origin){0};
}

lk_status mark_origin_check(const origin *o, lk_error *err)
{
    for (int i = 0; i < o->grant_count; i++) LK_TRY(lk_grant_check(o->grants[i], o->uses[i], err));
    return LK_OK;
}

lk_status mark_origin_record(const origin *o, const char *path, const lk_hash *hash, const char *note,
                             lk_error *err)
{
    if (!o->grant_count)
        return LK_OK; /* somebody's own footage with lines drawn on it stands on no consent */
    lk_asset a = {.hash = *hash, .kind = "output", .created = lk_wall_time()};
    lk_path_absolute(path, a.path, sizeof(a.path));
    snprintf(a.note, sizeof(a.note), "%s%s%s", o->action, *note ? ", " : "", note);
    lk_error why = {0};
    lk_status s = lk_lineage_add(o->registry, &a, o->parents, o->parent_count, o->grants, o->grant_count,
                                 &why);
    if (s == LK_OK) return LK_OK;
    if (s == LK_E_CONSENT) return LK_FAIL(err, s, "%s", why.message);
    return LK_FAIL(err, LK_E_MARK, "%s could not be recorded, so it was not kept: %s", path, why.message);
}

/* --- tags -------------------------------------------------------------------------------- */

static void add(tag_list *t, const char *key, const char *value)
{
    if (t->count + 2 >= MARK_TAGS) return;
    t->pair[t->count++] = key;
    t->pair[t->count++] = value;
}

/* Takes value over; false when it is NULL, which is how a failed format shows. */
static bool add_owned(tag_list *t, const char *key, char *value)
{
    if (!value) return false;
    t->owned[t->owned_count++] = value;
    add(t, key, value);
    return true;
}

/* Records are named by their consent id: the file tells which consent it stands on without telling whose. */
static char *record_hashes(const origin *o)
{
    lk_text list = {0};
    for (int i = 0; i < o->grant_count; i++) {
        char hex[LK_HASH_HEX];
        lk_hash_hex(lk_grant_consent_hash(o->grants[i]), hex);
        lk_text_add(&list, "%s%s", i ? "," : "", hex);
    }
    char *s = list.failed ? NULL : lk_strdup(list.s ? list.s : "");
    lk_text_clear(&list);
    return s;
}

static char *parent_hashes(const origin *o)
{
    lk_text list = {0};
    for (int i = 0; i < o->parent_count; i++) {
        char hex[LK_HASH_HEX];
        lk_hash_hex(&o->parents[i], hex);
        lk_text_add(&list, "%s%s", i ? "," : "", hex);
    }
    char *s = list.failed ? NULL : lk_strdup(list.s ? list.s : "");
    lk_text_clear(&list);
    return s;
}

lk_status mark_tags_make(const origin *o, tag_list *t, lk_error *err)
{
    *t = (tag_list){.count = 0};
    bool ok = true;
    if (o->synthetic) {
        ok = add_owned(
            t, "comment",
            lk_strfmt("Synthetic media (%s), made with Likeness by consent of the people shown.", o->action));
        add(t, "synthetic", "yes");
        add(t, "digital_source_type", SOURCE_TYPE);
    } else {
        ok = add_owned(t, "comment",
                       lk_strfmt("%s made with Likeness; drawn over the picture, no made pixel of a person.",
                                 o->action));
        add(t, "synthetic", "no");
    }
    add(t, "generator", "Likeness " LK_VERSION);
    ok = ok && add_owned(t, "action", lk_strdup(o->action));
    if (o->grant_count) ok = ok && add_owned(t, "consent_records", record_hashes(o));
    if (o->parent_count) ok = ok && add_owned(t, "parents", parent_hashes(o));
    if (o->model_card) {
        char hex[LK_HASH_HEX];
        lk_hash h = lk_hash_bytes(o->model_card, strlen(o->model_card));
        lk_hash_hex(&h, hex);
        ok = ok && add_owned(t, "model_card", lk_strdup(o->model_card));
        ok = ok && add_owned(t, "model_card_sha256", lk_strdup(hex));
    }
    if (ok) return LK_OK;
    mark_tags_clear(t);
    return LK_FAIL(err, LK_E_NOMEM, "no memory to mark an output");
}

void mark_tags_clear(tag_list *t)
{
    for (int i = 0; i < t->owned_count; i++) lk_free(t->owned[i]);
    *t = (tag_list){.count = 0};
}
