/* find.c: from a file to the row that knows it: by its bytes, else by the marks it carries; and from a row to its file. */
#include "studio/lineage.h"
#include "studio/keys.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMPARED_MAX ((int64_t)64 << 20)

#define PEM_MAX ((size_t)1 << 20)
#define FILE_ROOTS_MAX 64

/* The certificates of a file that the user names behind those of the project. */
static lk_status add_file(lk_anchors *a, const char *path, lk_error *err)
{
    void *pem;
    size_t n;
    int got = 0;
    LK_TRY(lk_file_read(path, PEM_MAX, &pem, &n, err));
    lk_der *grown = lk_realloc(a->list, (size_t)a->count * sizeof *grown, (size_t)(a->count + FILE_ROOTS_MAX) * sizeof *grown);
    lk_status s = grown ? LK_OK : LK_FAIL(err, LK_E_NOMEM, "no memory for the certificates of %s", path);
    if (grown) a->list = grown;
    if (s == LK_OK) s = lk_cert_from_pem(pem, n, a->list + a->count, FILE_ROOTS_MAX, &got, err);
    lk_free(pem);
    if (s == LK_OK && !got) s = LK_FAIL(err, LK_E_FORMAT, "%s holds no certificate in PEM form", path);
    a->count += got;
    return s;
}

/* --- marks --------------------------------------------------------------------------------------------- */

lk_status lk_find_verify(lk_project *p, const char *path, const char *trust, bool quick, lk_verify_report *out,
                         const lk_cancel *cancel, const lk_progress_sink *progress, lk_error *err)
{
    lk_anchors a = {.count = 0};
    lk_copies *copies = NULL;
    lk_status s;
    LK_GOTO(done, lk_project_anchors(p, &a, err));
    if (trust) LK_GOTO(done, add_file(&a, trust, err));
    if (p) {
        s = lk_copies_open(p->dir, false, &copies, err);
        if (s && s != LK_E_NOTFOUND) goto done;
    }
    const lk_verify_spec spec = {.path = path, .anchors = a.list, .anchor_count = a.count, .registry = p ? p->registry : NULL,
                                 .copies = copies, .quick = quick};
    s = lk_verify_file(&spec, out, cancel, progress, err);
done:
    lk_copies_close(&copies);
    lk_anchors_clear(&a);
    return s;
}

typedef struct label_search { const char *label; lk_hash *out; bool found; } label_search;

static lk_status match_label(void *user, const lk_copy_entry *e)
{
    label_search *l = user;
    if (*e->manifest && !strcmp(e->manifest, l->label)) {
        *l->out = e->file;
        l->found = true;
    }
    return LK_OK;
}

bool lk_find_by_marks(lk_project *p, const lk_verify_report *r, lk_hash *asset, char how[96])
{
    lk_copies *copies = NULL;
    const c2pa_manifest *m = r->c2pa.active;
    how[0] = '\0';
    if (!p) return false;
    if (m && m->label && lk_copies_open(p->dir, false, &copies, NULL) == LK_OK) {
        label_search l = {m->label, asset, false};
        lk_status s = lk_copies_each(copies, match_label, &l, NULL);
        lk_copies_close(&copies);
        if (s == LK_OK && l.found) {
            snprintf(how, 96, "its manifest%s", r->c2pa.state == C2PA_INVALID ? ", which no longer fits the file" : "");
            return true;
        }
    }
    if (r->mark_known) {
        *asset = r->marked.file;
        snprintf(how, 96, "the hidden mark in its %s", r->picture.found ? "picture" : "sound");
        return true;
    }
    for (int i = 0; i < r->copy_count; i++) {
        const lk_copy_match *c = &r->copies[i];
        if (strcmp(c->entry.kind, "output") || c->level < LK_COPY_SURE) continue;
        *asset = c->entry.file;
        snprintf(how, 96, "its %s: a copy of it, or of a part (%.0f %%)", c->by_looks ? "looks" : "sound", 100 * c->share);
        return true;
    }
    return false;
}

/* --- by name -------------------------------------------------------------------------------------------- */

static lk_status is_child(void *user, const lk_asset *a)
{
    *(bool *)user = true;
    return LK_OK;
}

/* In a row of its own, or as what something was made from. */
static lk_status known(lk_project *p, const lk_hash *h, bool *yes, lk_error *err)
{
    lk_asset a;
    lk_error why = {0};
    lk_status s = lk_asset_find(p->registry, h, &a, &why);
    *yes = s == LK_OK;
    if (s == LK_E_NOTFOUND) return lk_asset_near(p->registry, h, false, is_child, yes, err);
    return s == LK_OK ? s : LK_FAIL(err, s, "%s", why.message);
}

static lk_status by_marks(lk_project *p, const char *path, lk_hash *out, char how[96], bool *found, const lk_cancel *cancel,
                          const lk_progress_sink *progress, lk_error *err)
{
    lk_status s = LK_OK;
    lk_verify_report *r = lk_calloc(1, sizeof *r);
    if (!r) return LK_FAIL(err, LK_E_NOMEM, "no memory to look for the marks of %s", path);
    *found = false;
    for (int deep = 0; deep < 2 && s == LK_OK && !*found; deep++) {
        s = lk_find_verify(p, path, NULL, !deep, r, cancel, progress, err);
        if (s != LK_OK) break;
        *found = lk_find_by_marks(p, r, out, how);
        lk_verify_clear(r);
    }
    lk_free(r);
    return s == LK_E_FORMAT ? LK_OK : s; /* no clip, picture or sound: then it has no marks */
}

lk_status lk_find_asset(lk_project *p, const char *what, lk_hash *out, char how[96], const lk_cancel *cancel,
                        const lk_progress_sink *progress, lk_error *err)
{
    char path[1024];
    bool yes = false;
    how[0] = '\0';
    if (lk_path_exists(what) && strlen(what) < sizeof path) {
        strcpy(path, what);
    } else if (strlen(what) == LK_HASH_HEX - 1 && lk_hash_from_hex(what, out)) {
        LK_TRY(known(p, out, &yes, err));
        return yes ? LK_OK : LK_FAIL(err, LK_E_NOTFOUND, "%s knows nothing of %.16s...", p->dir, what);
    } else {
        lk_error ignored;
        if (lk_project_model(p, what, path, &ignored) != LK_OK)
            return LK_FAIL(err, LK_E_NOTFOUND, "%s is no file, no model of %s and no SHA-256; check the name", what, p->dir);
    }
    LK_TRY(lk_hash_file(path, out, err));
    LK_TRY(known(p, out, &yes, err));
    if (!yes) LK_TRY(by_marks(p, path, out, how, &yes, cancel, progress, err));
    return yes ? LK_OK
               : LK_FAIL(err, LK_E_NOTFOUND, "%s knows nothing of %s: it was made elsewhere, or changed beyond recognition; see: "
                         "likeness verify %s", p->dir, what, what);
}

/* --- files ------------------------------------------------------------------------------------------------ */

const char *lk_file_state_word(lk_file_state s)
{
    static const char *const words[] = {"there", "replaced", "gone", "erased"};
    return words[s];
}

/* The same name in the folder that the project keeps such things in: it may have been moved, or named from elsewhere. */
static bool in_project(const lk_project *p, const lk_asset *a, char where[1024])
{
    static const char *const folders[] = {"datasets", "models", "previews"};
    for (size_t i = 0; i < LK_COUNT(folders); i++) {
        int n = snprintf(where, 1024, "%s/%s/%s", p->dir, folders[i], lk_path_base(a->path));
        if (n > 0 && n < 1024 && lk_path_exists(where)) return true;
    }
    return false;
}

lk_file_state lk_file_look(const lk_project *p, const lk_asset *a, char where[1024])
{
    lk_hash h;
    where[0] = '\0';
    if (!*a->path) return LK_FILE_FORGOTTEN;
    if (!lk_path_exists(a->path) && !in_project(p, a, where)) {
        snprintf(where, 1024, "%s", a->path);
        return LK_FILE_GONE;
    }
    if (lk_path_exists(a->path)) snprintf(where, 1024, "%s", a->path);
    if (lk_file_size(where) > COMPARED_MAX) return LK_FILE_THERE;
    return lk_hash_file(where, &h, NULL) == LK_OK && lk_hash_equal(&h, &a->hash) ? LK_FILE_THERE : LK_FILE_CHANGED;
}

bool lk_file_inside(const lk_project *p, const char *path)
{
    char dir[PATH_MAX], file[PATH_MAX];
    if (!realpath(p->dir, dir) || !realpath(path, file)) return false;
    size_t n = strlen(dir);
    return !strncmp(dir, file, n) && file[n] == '/';
}
