/* sign.c: a manifest into a file. The store's size is learnt from a first writing with zeros for hash and
 * signature; room for it is made in the new file, which then never moves again; then comes the hash of
 * everything around the room, and the store with it. What was written is read back by our own judge: only a
 * file that passes is left behind.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mark/c2pa/internal.h"

/* --- names -------------------------------------------------------------------------------- */

static lk_status new_uuid(const char *prefix, char out[64], lk_error *err)
{
    uint8_t u[16];
    LK_TRY(lk_random_bytes(u, sizeof u, err));
    u[6] = (uint8_t)((u[6] & 0x0f) | 0x40); /* version 4, RFC 9562 */
    u[8] = (uint8_t)((u[8] & 0x3f) | 0x80);
    snprintf(out, 64, "%s%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", prefix, u[0],
             u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13], u[14], u[15]);
    return LK_OK;
}

lk_status c2pa_label_new(char label[64], lk_error *err) { return new_uuid("urn:c2pa:", label, err); }

/* --- what the caller asks for ------------------------------------------------------------- */

static lk_status check_action(const c2pa_spec *spec, int index, lk_error *err)
{
    const c2pa_action *a = &spec->actions[index];
    if (!a->action || !a->action[0])
        return LK_FAIL(err, LK_E_ARG, "action %d of a manifest has no name", index);
    bool opened = !strcmp(a->action, "c2pa.opened"), created = !strcmp(a->action, "c2pa.created");
    if ((opened || created) != (index == 0))
        return LK_FAIL(err, LK_E_ARG,
                       "the first action of a manifest, and no other, is c2pa.opened or c2pa.created");
    if (created && !a->source_type) return LK_FAIL(err, LK_E_ARG, "c2pa.created needs a digital source type");
    if (a->ingredient_count < 0 || a->ingredient_count > (int)LK_COUNT(a->ingredients))
        return LK_FAIL(err, LK_E_ARG, "action %d of a manifest has %d ingredients", index,
                       a->ingredient_count);
    for (int i = 0; i < a->ingredient_count; i++)
        if (a->ingredients[i] < 0 || a->ingredients[i] >= spec->ingredient_count)
            return LK_FAIL(err, LK_E_ARG, "action %d of a manifest names ingredient %d, which is not there",
                           index, a->ingredients[i]);
    if (opened &&
        (a->ingredient_count != 1 || spec->ingredients[a->ingredients[0]].relation != C2PA_PARENT_OF))
        return LK_FAIL(err, LK_E_ARG, "c2pa.opened needs the one ingredient that is the parent");
    return LK_OK;
}

static lk_status check_spec(const char *label, const c2pa_spec *spec, lk_error *err)
{
    if (!label || strncmp(label, "urn:c2pa:", 9) || strlen(label) != 45)
        return LK_FAIL(err, LK_E_ARG, "a manifest's label comes from c2pa_label_new");
    if (spec->action_count < 1 || spec->action_count > C2PA_MAX_ACTIONS)
        return LK_FAIL(err, LK_E_ARG, "a manifest has 1 to %d actions, not %d", C2PA_MAX_ACTIONS,
                       spec->action_count);
    if (spec->ingredient_count < 0 || spec->ingredient_count > C2PA_MAX_INGREDIENTS)
        return LK_FAIL(err, LK_E_ARG, "a manifest has at most %d ingredients, not %d", C2PA_MAX_INGREDIENTS,
                       spec->ingredient_count);
    if (spec->watermark && (!spec->watermark_alg || spec->watermark_n == 0))
        return LK_FAIL(err, LK_E_ARG, "a soft binding needs the name of its algorithm and a value");
    int parents = 0;
    for (int i = 0; i < spec->ingredient_count; i++)
        parents += spec->ingredients[i].relation == C2PA_PARENT_OF;
    if (parents > 1) return LK_FAIL(err, LK_E_ARG, "a manifest has one parent at most, not %d", parents);
    for (int i = 0; i < spec->action_count; i++) LK_TRY(check_action(spec, i, err));
    return LK_OK;
}

static bool same_file(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* --- ingredients -------------------------------------------------------------------------- */

static void drop_kept(c2pa_kept *k)
{
    c2pa_report_clear(&k->report);
    lk_arena_free(k->arena);
    lk_free(k->store);
    *k = (c2pa_kept){0};
}

/* Judge the ingredient's file; take its store when it can be read, however it was judged. */
static lk_status look_at(const char *path, const c2pa_signer *signer, c2pa_kept *k, lk_error *err)
{
    lk_error why = {0};
    lk_status s = c2pa_verify_file(path, signer->anchors, signer->anchor_count, 0, &k->report, &why);
    if (s == LK_E_UNSUPPORTED) return LK_OK; /* a kind of file that carries no manifest */
    if (s != LK_OK) {
        if (err) *err = why;
        return s;
    }
    k->marked = k->report.layout.stores > 0;
    if (!k->report.active) return LK_OK;
    jumbf_box *box = NULL;
    size_t n = 0;
    LK_TRY(c2pa_asset_read(path, &k->report.layout, &k->store, &n, err));
    if (lk_arena_new(&k->arena, 1 << 14) != LK_OK)
        return LK_FAIL(err, LK_E_NOMEM, "no memory for the manifest of %s", path);
    LK_TRY(jumbf_parse(k->store, n, k->arena, &box, err));
    const jumbf_box *last = box->child, *signature = NULL;
    while (last && last->next) last = last->next;
    for (const jumbf_box *b = last ? last->child : NULL; b; b = b->next)
        if (jumbf_is(b, "c2cs")) signature = b;
    if (!signature) return LK_FAIL(err, LK_E_BUG, "the manifest of %s was read and has no signature", path);
    k->manifest = lk_hash_bytes(last->data, last->n);
    k->signature = lk_hash_bytes(signature->data, signature->n);
    k->active = last->label;
    k->box = box;
    return LK_OK;
}

/* Two ingredients may carry the same manifest, but not two different ones under one label: the second cannot
 * be kept then, which its results say. */
static lk_status settle(c2pa_kept *k, const c2pa_kept *before, int count, const char *label, lk_error *err)
{
    if (!k->box) return LK_OK;
    bool clash = false;
    for (const jumbf_box *m = k->box->child; m; m = m->next) {
        if (!strcmp(m->label, label))
            return LK_FAIL(err, LK_E_ARG, "the new manifest's label %s is that of an ingredient", label);
        for (int i = 0; i < count; i++)
            for (const jumbf_box *e = before[i].box ? before[i].box->child : NULL; e; e = e->next)
                clash = clash || (!strcmp(e->label, m->label) &&
                                  (e->size != m->size || memcmp(e->start, m->start, m->size)));
    }
    if (!clash) return LK_OK;
    c2pa_finding *f = lk_arena_alloc(k->report.arena, ((size_t)k->report.finding_count + 1) * sizeof *f);
    if (!f) return LK_FAIL(err, LK_E_NOMEM, "no memory for the findings about an ingredient");
    if (k->report.finding_count) memcpy(f, k->report.findings, (size_t)k->report.finding_count * sizeof *f);
    f[k->report.finding_count++] =
        (c2pa_finding){.code = "ingredient.manifest.mismatch",
                       .severity = BAD,
                       .explanation = "another ingredient has a different manifest of the same label"};
    k->report.findings = f;
    k->box = NULL;
    return LK_OK;
}

static lk_status gather(c2pa_draft *d, c2pa_kept *kept, lk_error *err)
{
    LK_TRY(new_uuid("xmp:iid:", d->instance, err));
    for (int i = 0; i < d->spec->ingredient_count; i++) {
        const char *path = d->spec->ingredients[i].path;
        LK_TRY(new_uuid("xmp:iid:", d->ingredient_instance[i], err));
        if (path) LK_TRY(look_at(path, d->signer, &kept[i], err));
        LK_TRY(settle(&kept[i], kept, i, d->label, err));
    }
    return LK_OK;
}

/* The new file has no store but ours: one that `in` carries must live on as an ingredient's, or it would be
 * stripped. */
static lk_status check_inherited(const c2pa_draft *d, const char *in, const c2pa_layout *before,
                                 lk_error *err)
{
    if (before->stores == 0) return LK_OK;
    lk_status s = LK_OK;
    void *store = NULL;
    size_t n = 0;
    bool kept = false;
    if (before->stores == 1) s = c2pa_asset_read(in, before, &store, &n, err);
    for (int i = 0; i < d->spec->ingredient_count && s == LK_OK; i++) {
        const char *path = d->spec->ingredients[i].path;
        bool same = d->kept[i].store && d->kept[i].report.layout.store_size == n &&
                    !memcmp(d->kept[i].store, store, n);
        kept = kept || (path && same_file(path, in)) || same;
    }
    lk_free(store);
    if (s != LK_OK || kept) return s;
    return LK_FAIL(err, LK_E_ARG, "%s carries a manifest, which must be kept: name the file as an ingredient",
                   in);
}

/* --- the file ----------------------------------------------------------------------------- */

static lk_status sync_file(const char *path, lk_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool good = fd >= 0 && !lk_fault_hit(LK_FAULT_SYNC) && fsync(fd) == 0;
    if (fd >= 0) close(fd);
    return good ? LK_OK
                : LK_FAIL(err, LK_E_IO, "%s could not be brought to the disk: %s; check the disk", path,
                          strerror(errno));
}

static lk_status bind(const c2pa_draft *d, const char *out, const c2pa_layout *l, c2pa_digest *hash,
                      lk_error *err)
{
    if (d->format != C2PA_BMFF) return c2pa_hash_ranges(out, &l->hole, 1, "sha256", hash, err);
    c2pa_bmff_skip skips[C2PA_BMFF_SKIPS];
    c2pa_bmff_skips(skips);
    return c2pa_hash_bmff(out, skips, C2PA_BMFF_SKIPS, 3, "sha256", hash, err);
}

/* Our own judge must find nothing wrong but, perhaps, that nobody vouches for the signer. */
static lk_status read_back(const c2pa_draft *d, const char *out, lk_error *err)
{
    c2pa_report r;
    LK_TRY(c2pa_verify_file(out, d->signer->anchors, d->signer->anchor_count, 0, &r, err));
    lk_status s = LK_OK;
    bool ours = r.active && !strcmp(r.active->label, d->label);
    if ((r.state != C2PA_VALID && r.state != C2PA_TRUSTED) || !ours) {
        const char *code = "no manifest", *why = "";
        for (int i = r.finding_count - 1; i >= 0; i--)
            if (r.findings[i].severity == BAD && !r.findings[i].recorded &&
                strcmp(r.findings[i].code, "signingCredential.untrusted"))
                code = r.findings[i].code, why = r.findings[i].explanation;
        s = LK_FAIL(err, LK_E_MARK,
                    "%s was signed but does not pass our own check (%s: %.200s); nothing was left", out, code,
                    why);
    }
    c2pa_report_clear(&r);
    return s;
}

/* The store's size. In a WAV it must be even: readers do not agree whether the byte that evens out a RIFF
 * chunk belongs to what a binding leaves out. */
static lk_status measure(c2pa_draft *d, lk_bytes *store, lk_error *err)
{
    LK_TRY(c2pa_draft_write(d, NULL, NULL, true, store, err));
    if (d->format != C2PA_WAV || store->len % 2 == 0) return LK_OK;
    d->pad = 1;
    store->len = 0;
    return c2pa_draft_write(d, NULL, NULL, true, store, err);
}

static lk_status sign_into(c2pa_draft *d, const char *in, const char *out, lk_error *err)
{
    lk_status s = LK_OK;
    lk_bytes store = {0};
    c2pa_layout l;
    c2pa_digest hash;
    LK_GOTO(done, measure(d, &store, err));
    size_t size = store.len;
    LK_GOTO(done, c2pa_asset_reserve(in, out, size, &l, err));
    LK_GOTO(done, bind(d, out, &l, &hash, err));
    store.len = 0;
    LK_GOTO(done, c2pa_draft_write(d, &l.hole, &hash, false, &store, err));
    if (store.len != size)
        LK_GOTO(done, LK_FAIL(err, LK_E_BUG, "a manifest of %zu bytes grew to %zu", size, store.len));
    LK_GOTO(done, c2pa_asset_fill(out, &l, store.b, store.len, err));
    LK_GOTO(done, sync_file(out, err));
    s = read_back(d, out, err);
done:
    lk_bytes_clear(&store);
    return s;
}

lk_status c2pa_sign_file_as(const char *label, const char *in, const char *out, const c2pa_spec *spec,
                            const c2pa_signer *signer, lk_error *err)
{
    LK_TRY(check_spec(label, spec, err));
    if (same_file(in, out))
        return LK_FAIL(err, LK_E_ARG, "%s cannot be signed into itself; name another output", in);
    c2pa_layout before;
    LK_TRY(c2pa_asset_probe(in, &before, err));
    c2pa_draft *d = lk_calloc(1, sizeof *d);
    c2pa_kept *kept = lk_calloc((size_t)LK_MAX(spec->ingredient_count, 1), sizeof *kept);
    lk_status s = LK_OK;
    if (!d || !kept) LK_GOTO(done, LK_FAIL(err, LK_E_NOMEM, "no memory to sign %s", out));
    *d = (c2pa_draft){.label = label, .spec = spec, .signer = signer, .format = before.format, .kept = kept};
    LK_GOTO(done, gather(d, kept, err));
    LK_GOTO(done, check_inherited(d, in, &before, err));
    s = sign_into(d, in, out, err);
    if (s != LK_OK) unlink(out); /* not signed: not left */
done:
    for (int i = 0; kept && i < spec->ingredient_count; i++) drop_kept(&kept[i]);
    lk_free(kept);
    lk_free(d);
    return s;
}

lk_status c2pa_sign_file(const char *in, const char *out, const c2pa_spec *spec, const c2pa_signer *signer,
                         char label[64], lk_error *err)
{
    char made[64];
    LK_TRY(c2pa_label_new(made, err));
    LK_TRY(c2pa_sign_file_as(made, in, out, spec, signer, err));
    if (label) memcpy(label, made, sizeof made);
    return LK_OK;
}
