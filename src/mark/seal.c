/* seal.c: what every output gets, whatever its kind: a name, a watermark id that follows from the name, looks for the
 * registry, a signed C2PA manifest that says what was done and from what, rows that account for it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "mark/internal.h"
#include "mark/read.h"

#define TERM "http://cv.iptc.org/newscodes/digitalsourcetype/"
#define COMPOSITE TERM "compositeWithTrainedAlgorithmicMedia"
#define ENHANCED TERM "algorithmicallyEnhanced"

lk_status mark_seal_begin(seal *s, const origin *o, lk_error *err)
{
    *s = (seal){.marked = false};
    LK_TRY(c2pa_label_new(s->label, err));
    s->id = lk_mark_id_of(s->label, o->synthetic);
    return lk_copies_hashes_new(&s->looks, err);
}

void mark_seal_clear(seal *s)
{
    lk_copies_hashes_free(&s->looks);
    *s = (seal){.marked = false};
}

/* --- what the manifest says ---------------------------------------------------------------------- */

typedef struct story {
    c2pa_action actions[4];
    c2pa_ingredient ingredients[2];
    int action_count, ingredient_count;
    lk_hash consent[64];
    char what[160];
} story;

/* opened -> edited -> watermarked for footage that somebody filmed; created -> watermarked for the rest. The model is an
 * ingredient of the step that drew with it. */
static void tell(const origin *o, const seal *s, story *t)
{
    const char *type = o->synthetic ? COMPOSITE : ENHANCED;
    int64_t now = lk_wall_time();
    int model = -1;
    snprintf(t->what, sizeof(t->what), "%s%s", o->action, o->synthetic ? ", with the recorded consent of the people shown" : "");
    if (o->opened) {
        t->ingredients[t->ingredient_count++] =
            (c2pa_ingredient){.relation = C2PA_PARENT_OF, .title = lk_path_base(o->opened), .path = o->opened};
        t->actions[t->action_count++] =
            (c2pa_action){.action = "c2pa.opened", .when = now, .ingredients = {0}, .ingredient_count = 1};
    }
    if (o->model) {
        model = t->ingredient_count;
        t->ingredients[t->ingredient_count++] = (c2pa_ingredient){
            .relation = C2PA_INPUT_TO, .title = o->model, .model = true, .description = "model trained on consenting people"};
    }
    c2pa_action *made = &t->actions[t->action_count++];
    *made = (c2pa_action){.action = o->opened ? "c2pa.edited" : "c2pa.created",
                          .source_type = type,
                          .description = t->what,
                          .when = now};
    if (model >= 0) made->ingredients[made->ingredient_count++] = model;
    if (s->marked) t->actions[t->action_count++] = (c2pa_action){.action = "c2pa.watermarked", .when = now};
    for (int i = 0; i < o->grant_count; i++) t->consent[i] = *lk_grant_consent_hash(o->grants[i]);
}

/* Whatever went wrong here is a failure to mark, unless it is the caller's or the machine's. */
static lk_status unmarked(lk_status s, const char *title, const lk_error *why, lk_error *err)
{
    if (s == LK_OK) return s;
    if (s == LK_E_NOMEM || s == LK_E_CONSENT || s == LK_E_CANCELLED || s == LK_E_IO) {
        if (err) *err = *why;
        return s;
    }
    return LK_FAIL(err, LK_E_MARK, "%s could not be marked, so it was not kept: %s", title, why->message);
}

lk_status mark_seal_file(seal *s, const origin *o, const char *in, const char *path, lk_draft *out, lk_hash *hash,
                         lk_error *err)
{
    const char *title = lk_path_base(path);
    story t = {.action_count = 0};
    c2pa_signer signer;
    lk_error why = {0};
    uint8_t id[8];
    *out = (lk_draft){.fd = -1};
    tell(o, s, &t);
    for (int i = 0; i < 8; i++) id[i] = (uint8_t)(s->id >> (56 - 8 * i));
    c2pa_spec spec = {.title = title,
                      .actions = t.actions,
                      .action_count = t.action_count,
                      .ingredients = t.ingredients,
                      .ingredient_count = t.ingredient_count,
                      .watermark = s->marked ? id : NULL,
                      .watermark_n = s->marked ? sizeof(id) : 0,
                      .watermark_alg = s->watermark,
                      .consent = t.consent,
                      .consent_count = o->grant_count,
                      .log_index = -1,
                      .no_training = true};
    lk_status r = mark_desk_signer(o->desk, &signer, &why);
    if (r != LK_OK) return unmarked(r, title, &why, err);
    LK_TRY(lk_draft_open(path, out, err));
    r = c2pa_sign_file_as(s->label, in, out->name, &spec, &signer, &why);
    if (r == LK_OK) r = lk_hash_file(out->name, hash, &why);
    if (r != LK_OK) lk_draft_drop(out);
    return unmarked(r, title, &why, err);
}

lk_status mark_seal_record(seal *s, const origin *o, const char *path, const lk_hash *hash, const char *note, lk_error *err)
{
    lk_error why = {0};
    LK_TRY(mark_origin_record(o, path, hash, note, err));
    lk_copy_entry e = {.file = *hash,
                       .kind = "output",
                       .watermark = s->marked ? s->id : 0,
                       .created = lk_wall_time(),
                       .duration = s->duration};
    snprintf(e.path, sizeof(e.path), "%s", path);
    snprintf(e.manifest, sizeof(e.manifest), "%s", s->label);
    return unmarked(lk_copies_add(mark_desk_copies(o->desk), &e, s->looks, &why), path, &why, err);
}

static lk_status write_draft(const lk_draft *d, const char *path, const uint8_t *data, size_t n, lk_error *err)
{
    for (size_t done = 0; done < n;) {
        ssize_t k = lk_fault_hit(LK_FAULT_WRITE) ? (errno = ENOSPC, -1) : write(d->fd, data + done, n - done);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0)
            return LK_FAIL(err, LK_E_IO, "%s cannot be written (%s), nothing was kept; free some space or check the disk", path,
                           strerror(k ? errno : ENOSPC));
        done += (size_t)k;
    }
    return LK_OK;
}

lk_status mark_seal_bytes(seal *s, const origin *o, const char *path, const void *data, size_t n, const char *note,
                          lk_hash *hash, lk_error *err)
{
    lk_draft plain, done = {.fd = -1};
    LK_TRY(lk_draft_open(path, &plain, err));
    lk_status r = write_draft(&plain, path, data, n, err);
    if (r == LK_OK) r = mark_seal_file(s, o, plain.name, path, &done, hash, err);
    if (r == LK_OK) r = mark_origin_check(o, err);
    if (r == LK_OK) r = mark_seal_record(s, o, path, hash, note, err);
    if (r == LK_OK) r = lk_draft_publish(&done, path, err);
    lk_draft_drop(&done);
    lk_draft_drop(&plain);
    return r;
}
