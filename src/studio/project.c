/* project.c: the folder, its paths and names. */
#include "studio/keys.h"
#include "studio/studio.h"

#include <stdio.h>
#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* The project's name, for its consent records, is what its folder is called when the name is first asked for; renaming
 * the folder later changes nothing. That no name could be given is no reason not to open: a refusal comes later, with
 * its reason. */
static void name_project(lk_registry *r, const char *dir)
{
    char whole[PATH_MAX];
    if (realpath(dir, whole) && lk_registry_name(r, lk_path_base(whole), NULL) != LK_OK)
        lk_log(1, "studio", "the project in %s has no name yet", dir);
}

lk_status lk_project_open(const char *dir, bool create, lk_project **out, lk_error *err)
{
    *out = NULL;
    if (!dir || !*dir || strlen(dir) >= sizeof((lk_project *)0)->dir)
        return LK_FAIL(err, LK_E_ARG, "the project folder's name is empty or longer than %zu bytes", sizeof((lk_project *)0)->dir);
    if (!create && !lk_path_exists(dir))
        return LK_FAIL(err, LK_E_NOTFOUND, "there is no project in %s; begin one with: likeness subject add NAME, or name it with --project", dir);
    if (create) LK_TRY(lk_dir_make(dir, err));
    lk_project *p = lk_calloc(1, sizeof *p);
    if (!p) return LK_FAIL(err, LK_E_NOMEM, "no memory for the project %s", dir);
    memcpy(p->dir, dir, strlen(dir) + 1);
    lk_status s = lk_registry_open(dir, create, &p->registry, err);
    if (s) {
        lk_free(p);
        return s;
    }
    name_project(p->registry, dir);
    *out = p;
    return LK_OK;
}

void lk_project_close(lk_project **p)
{
    if (!p || !*p) return;
    lk_mark_desk_close(&(*p)->desk);
    lk_registry_close(&(*p)->registry);
    lk_free(*p);
    *p = NULL;
}

lk_status lk_project_desk(lk_project *p, lk_mark_desk **desk, bool *own, lk_error *err)
{
    char dir[1024], keys_dir[1100];
    lk_keys *keys = NULL;
    *own = !p;
    *desk = NULL;
    if (p) {
        if (!p->desk) {
            LK_TRY(lk_project_keys(p, &keys, NULL, err));
            LK_TRY(lk_mark_desk_open(p->dir, keys, &p->desk, err));
        }
        *desk = p->desk;
        return LK_OK;
    }
    LK_TRY(lk_keys_config("desk", dir, err));
    LK_TRY(lk_dir_make(dir, err));
    /* The user's own identity, else a demo one of this folder's. */
    lk_status s = lk_project_keys(NULL, &keys, NULL, err);
    if (s == LK_E_NOTFOUND) {
        static const lk_keys_pass plain = {.file = NULL};
        snprintf(keys_dir, sizeof keys_dir, "%s/keys", dir);
        LK_TRY(lk_keys_make_demo(keys_dir, err));
        s = lk_keys_open(keys_dir, &plain, &keys, err);
    }
    LK_TRY(s);
    return lk_mark_desk_open(dir, keys, desk, err);
}

void lk_project_file_name(const char *name, char out[160])
{
    size_t n = 0;
    bool changed = false;
    for (const char *c = name; *c; c++) {
        bool plain = isalnum((unsigned char)*c) || *c == '-' || *c == '_' || (*c == '.' && n > 0);
        changed |= !plain || n >= 128;
        if (n < 128) out[n++] = plain ? *c : '_';
    }
    out[n] = 0;
    if (changed || !n) {
        lk_hash h = lk_hash_bytes(name, strlen(name));
        char hex[LK_HASH_HEX];
        lk_hash_hex(&h, hex);
        snprintf(out + n, 160 - n, "-%.8s", hex);
    }
}

lk_status lk_project_path(const lk_project *p, const char *folder, const char *file, const char *ending, char out[1024], lk_error *err)
{
    char name[160];
    lk_project_file_name(file, name);
    int n = snprintf(out, 1024, "%s/%s", p->dir, folder);
    if (n < 0 || n >= 700 + 160) return LK_FAIL(err, LK_E_RANGE, "the path of %s in %s is too long", file, p->dir);
    LK_TRY(lk_dir_make(out, err));
    snprintf(out + n, 1024 - (size_t)n, "/%s%s", name, ending);
    return LK_OK;
}

lk_use lk_role_use(const char *role, lk_error *err)
{
    if (role && !strcmp(role, "source")) return LK_USE_FACE_SOURCE;
    if (role && !strcmp(role, "target")) return LK_USE_FACE_TARGET;
    LK_FAIL(err, LK_E_ARG, "a person is imported as source or as target, not as \"%s\"", role ? role : "");
    return 0;
}

lk_status lk_project_dataset(const lk_project *p, const char *subject, const char *role, char out[1024], lk_error *err)
{
    char ending[48];
    snprintf(ending, sizeof ending, ".%s" LK_BOUND_ENDING, role);
    return lk_project_path(p, "datasets", subject, ending, out, err);
}

lk_status lk_project_model(const lk_project *p, const char *name_or_path, char out[1024], lk_error *err)
{
    if (p) {
        char plain[1024];
        LK_TRY(lk_project_path(p, "models", name_or_path, ".safetensors", plain, err));
        LK_TRY(lk_project_path(p, "models", name_or_path, LK_BOUND_ENDING, out, err));
        if (lk_path_exists(out)) return LK_OK;
        if (lk_path_exists(plain))
            return LK_FAIL(err, LK_E_FORMAT, "%s is a plain file of an older version; models are bound to consent and encrypted "
                           "now: train it again, then delete it", plain);
    }
    if (lk_path_exists(name_or_path) && strlen(name_or_path) < 1024) {
        memcpy(out, name_or_path, strlen(name_or_path) + 1);
        return LK_OK;
    }
    return LK_FAIL(err, LK_E_NOTFOUND, "there is no model %s%s%s and no file of that name; train one with: likeness train swap",
                   name_or_path, p ? " in " : "", p ? p->dir : "");
}
