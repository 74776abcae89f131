/* verify.c: gathers what a file's marks say. Each source is asked by itself; what they say together is decided at the end,
 * in one place. A mark that is missing proves nothing; one that does not fit proves that something was changed.
 */
#include <stdio.h>
#include <string.h>

#include "mark/read.h"

static const char mark_salt[] = "likeness watermark id 1:";

uint64_t lk_mark_id_of(const char *manifest_label, bool synthetic)
{
    char text[sizeof(mark_salt) + 128];
    int n = snprintf(text, sizeof(text), "%s%.100s", mark_salt, manifest_label);
    lk_hash h = lk_hash_bytes(text, (size_t)n);
    uint64_t id = 0;
    for (int i = 0; i < 8; i++) id = id << 8 | h.b[i];
    return synthetic ? id | LK_MARK_SYNTHETIC : id & ~LK_MARK_SYNTHETIC;
}

bool lk_mark_id_fits(uint64_t id, const char *manifest_label)
{
    return lk_mark_id_of(manifest_label, (id & LK_MARK_SYNTHETIC) != 0) == id;
}

const char *lk_origin_outcome_name(lk_origin_outcome o)
{
    switch (o) {
    case LK_ORIGIN_PROVEN: return "proven";
    case LK_ORIGIN_CLAIMED: return "claimed";
    case LK_ORIGIN_MARKED: return "marked";
    case LK_ORIGIN_UNKNOWN: return "unknown";
    case LK_ORIGIN_BROKEN: return "broken";
    case LK_ORIGIN_CONTRADICTION: return "contradiction";
    }
    return "unknown";
}

/* --- the manifest ---------------------------------------------------------------------------- */

static lk_status read_manifest(const lk_verify_spec *spec, lk_verify_report *r, lk_error *err)
{
    lk_status s = c2pa_verify_file(spec->path, spec->anchors, spec->anchor_count, 0, &r->c2pa, err);
    if (s == LK_E_UNSUPPORTED) {
        r->c2pa.state = C2PA_NONE;
        return LK_OK;
    }
    LK_TRY(s);
    r->c2pa_supported = true;
    snprintf(r->kind, sizeof(r->kind), "%s", r->c2pa.layout.mime);
    const c2pa_manifest *m = r->c2pa.active;
    r->signer_is_demo = m && m->generator && strstr(m->generator, "demo") != NULL;
    return LK_OK;
}

/* --- the watermarks ---------------------------------------------------------------------------- */

/* A file that cannot be decoded has no watermark to read, but its manifest may still tell: that is no failure here. */
static lk_status tolerate(lk_status s, bool *looked)
{
    *looked = s == LK_OK;
    return s == LK_E_NOMEM || s == LK_E_CANCELLED || s == LK_E_BUG ? s : LK_OK;
}

static lk_status read_watermarks(const lk_verify_spec *spec, lk_verify_report *r, bool *readable, const lk_cancel *cancel,
                                 const lk_progress_sink *progress, lk_error *err)
{
    lk_reader *reader = NULL;
    lk_error why = {0};
    bool video = false, sound = false;
    wm_key key = wm_public_key();
    lk_status s = lk_reader_open(spec->path, &reader, &why);
    if (s == LK_E_NOMEM) return LK_FAIL(err, s, "%s", why.message);
    if (s == LK_OK) {
        const lk_media_info *info = lk_reader_info(reader);
        video = info->has_video;
        sound = info->has_audio;
        if (!*r->kind) snprintf(r->kind, sizeof(r->kind), "%.31s", info->format);
    } else {
        sound = true; /* a file of sound alone has no picture to open */
    }
    lk_reader_close(&reader);
    if (video) {
        s = tolerate(wm_detect_file(spec->path, &key, &r->picture, cancel, progress, &why), &r->looked_at_picture);
        if (s) return LK_FAIL(err, s, "%s", why.message);
    }
    if (sound) {
        s = tolerate(wm_audio_detect_file(spec->path, &key, &r->sound, &why), &r->looked_at_sound);
        if (s) return LK_FAIL(err, s, "%s", why.message);
    }
    *readable = r->looked_at_picture || r->looked_at_sound;
    return LK_OK;
}

/* --- the registries ------------------------------------------------------------------------------ */

static lk_status look_up_mark(const lk_verify_spec *spec, lk_verify_report *r, lk_error *err)
{
    const wm_found *mark = r->picture.found ? &r->picture : r->sound.found ? &r->sound : NULL;
    if (!mark || !spec->copies) return LK_OK;
    lk_status s = lk_copies_by_watermark(spec->copies, mark->id, &r->marked, err);
    r->mark_known = s == LK_OK;
    return s == LK_E_NOTFOUND ? LK_OK : s;
}

static lk_status look_up_copies(const lk_verify_spec *spec, lk_verify_report *r, const lk_cancel *cancel, lk_error *err)
{
    lk_copies_hashes *looks = NULL;
    lk_error why = {0};
    if (!spec->copies) return LK_OK;
    lk_status s = spec->quick ? LK_E_UNSUPPORTED : lk_copies_hashes_file(spec->path, &looks, cancel, &why);
    if (s == LK_E_NOMEM || s == LK_E_CANCELLED) return LK_FAIL(err, s, "%s", why.message);
    s = looks ? LK_OK : lk_copies_hashes_new(&looks, err); /* without looks, the same bytes are still found */
    if (s == LK_OK)
        s = lk_copies_search(spec->copies, looks, &r->sha256, r->copies, LK_VERIFY_COPIES, &r->copy_count, err);
    lk_copies_hashes_free(&looks);
    return s;
}

typedef struct consent_walk {
    lk_verify_report *r;
    lk_registry *registry;
    char ids[LK_VERIFY_RECORDS][37]; /* of the record that each hash names; "" = none here */
} consent_walk;

static lk_status match_record(void *user, const lk_consent_record *c, const char *state)
{
    consent_walk *w = user;
    for (int i = 0; i < w->r->record_count; i++) {
        lk_verify_record *v = &w->r->records[i];
        if (strcmp(w->ids[i], c->id)) continue;
        lk_subject who;
        v->known = true;
        snprintf(v->id, sizeof(v->id), "%s", c->id);
        snprintf(v->state, sizeof(v->state), "%.15s", state);
        if (lk_subject_find(w->registry, c->subject, &who, NULL) == LK_OK)
            snprintf(v->subject, sizeof(v->subject), "%s", who.name);
    }
    return LK_OK;
}

static lk_status look_up_consent(const lk_verify_spec *spec, lk_verify_report *r, lk_error *err)
{
    const c2pa_manifest *m = r->c2pa.active;
    if (!m) return LK_OK;
    for (int i = 0; i < m->consent_count && r->record_count < LK_VERIFY_RECORDS; i++)
        r->records[r->record_count++].hash = m->consent[i];
    if (!r->record_count || !spec->registry) return LK_OK;
    consent_walk w = {.r = r, .registry = spec->registry};
    for (int i = 0; i < r->record_count; i++) {
        lk_status s = lk_consent_find(spec->registry, &r->records[i].hash, w.ids[i], err);
        if (s != LK_OK && s != LK_E_NOTFOUND) return s;
    }
    return lk_consent_each(spec->registry, NULL, match_record, &w, err);
}

/* --- what they say together ------------------------------------------------------------------------- */

/* A mark of an earlier version of the same work may be inside a work made from it: what its manifest lists as an
 * ingredient is no contradiction. */
static bool belongs(const lk_verify_report *r, uint64_t id)
{
    for (int i = 0; i < r->c2pa.manifest_count; i++)
        if (lk_mark_id_fits(id, r->c2pa.manifests[i].label)) return true;
    return false;
}

static lk_origin_outcome decide(const lk_verify_report *r)
{
    bool marked = r->picture.found || r->sound.found;
    switch (r->c2pa.state) {
    case C2PA_INVALID: return LK_ORIGIN_BROKEN;
    case C2PA_VALID:
    case C2PA_TRUSTED:
        if ((r->picture.found && !belongs(r, r->picture.id)) || (r->sound.found && !belongs(r, r->sound.id)))
            return LK_ORIGIN_CONTRADICTION;
        return r->c2pa.state == C2PA_TRUSTED ? LK_ORIGIN_PROVEN : LK_ORIGIN_CLAIMED;
    case C2PA_NONE: break;
    }
    if (marked) return LK_ORIGIN_MARKED;
    for (int i = 0; i < r->copy_count; i++)
        if (!strcmp(r->copies[i].entry.kind, "output")) return LK_ORIGIN_MARKED;
    return LK_ORIGIN_UNKNOWN;
}

lk_status lk_verify_file(const lk_verify_spec *spec, lk_verify_report *r, const lk_cancel *cancel,
                         const lk_progress_sink *progress, lk_error *err)
{
    *r = (lk_verify_report){.has_registry = spec->registry != NULL};
    bool readable = spec->quick;
    lk_status s = LK_OK;
    if (!spec->path || strlen(spec->path) >= sizeof(r->path))
        return LK_FAIL(err, LK_E_ARG, "no file to verify was given, or its name is too long");
    strcpy(r->path, spec->path);
    if (!lk_path_exists(spec->path))
        return LK_FAIL(err, LK_E_NOTFOUND, "%s is not there; check the name", spec->path);
    LK_GOTO(done, lk_hash_file(spec->path, &r->sha256, err));
    r->size = (uint64_t)LK_MAX(lk_file_size(spec->path), 0);
    LK_GOTO(done, read_manifest(spec, r, err));
    if (!spec->quick) LK_GOTO(done, read_watermarks(spec, r, &readable, cancel, progress, err));
    LK_GOTO(done, look_up_mark(spec, r, err));
    LK_GOTO(done, look_up_copies(spec, r, cancel, err));
    LK_GOTO(done, look_up_consent(spec, r, err));
    r->outcome = decide(r);
    if (!readable && r->c2pa.state == C2PA_NONE && !r->copy_count)
        s = LK_FAIL(err, LK_E_FORMAT, "%s is no picture, clip or sound that can be read here, and carries no manifest",
                    spec->path);
done:
    if (s != LK_OK) lk_verify_clear(r);
    return s;
}

void lk_verify_clear(lk_verify_report *r)
{
    c2pa_report_clear(&r->c2pa);
    *r = (lk_verify_report){.size = 0};
}
