/* checkpoint.c: everything that training needs to go on as if it had never
 * stopped, in one safetensors file: values, moments and averages of every part,
 * step counters, and the caller's state. The file is sealed by both hashes. A new
 * one is complete on the disk before the old one is linked to PATH.1, and takes
 * PATH's place by one rename, so that at every instant PATH is a whole file. */
#include "nn/internal.h"
#include "nn/safetensors.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char KIND[] = "likeness checkpoint 1";
static const char *const OPTIMS[LK_OPTIM_KINDS] = {"adam", "adabelief", "sgd"};
enum { ARRAYS = 4, GENERATIONS = 64 };

/* The arrays of a parameter that are kept; NULL data where there is none. Running statistics have no
 * moments. */
static void arrays_of(const lk_param *q, float *data[ARRAYS])
{
    data[0] = q->value;
    data[1] = q->learned ? q->m : NULL;
    data[2] = q->learned ? q->v : NULL;
    data[3] = q->ema;
}

static bool array_name(char *out, size_t n, const char *part, int array, const char *param)
{
    static const char *const names[ARRAYS] = {"value", "m", "v", "ema"};
    return snprintf(out, n, "%s/%s/%s", part, names[array], param) < (int)n;
}

static lk_status check_parts(const char *path, const lk_checkpoint_part *parts, int count, lk_error *err)
{
    for (int i = 0; i < count; i++) {
        lk_params *p = parts[i].params;
        if (p->swapped)
            return LK_FAIL(err, LK_E_STATE,
                           "%s: the averaged weights of '%s' are swapped in; swap back first", path,
                           parts[i].name);
        for (int k = 0; k < p->count; k++)
            if (!p->list[k]->value)
                return LK_FAIL(err, LK_E_STATE, "%s: parameter '%s' has no value; plan the network first",
                               path, p->list[k]->name);
    }
    return LK_OK;
}

static lk_status make_metadata(lk_text *meta, const lk_checkpoint_part *parts, int count,
                               const char *state_json)
{
    lk_text_add(meta, "{\"kind\":\"%s\",\"state\":", KIND);
    lk_json_quote(meta, state_json ? state_json : "");
    for (int i = 0; i < count; i++) {
        if (!parts[i].optim) continue;
        char key[96];
        snprintf(key, sizeof key, "optim.%s", parts[i].name);
        lk_text_add(meta, ",");
        lk_json_quote(meta, key);
        lk_text_add(meta, ":\"%s %lld\"", OPTIMS[parts[i].optim->kind], (long long)parts[i].optim->t);
    }
    lk_text_add(meta, "}");
    return meta->failed ? LK_E_NOMEM : LK_OK;
}

static char *generation(const char *path, int n) { return n ? lk_strfmt("%s.%d", path, n) : lk_strdup(path); }

/* PATH.1 becomes PATH.2 and so on, then PATH gets the second name PATH.1. Never leaves PATH absent, save on
 * file systems without links, where a crash in between leaves PATH.1 as the newest. */
static lk_status shift_generations(const char *path, int keep, lk_error *err)
{
    lk_status s = LK_OK;
    if (!lk_path_exists(path)) return LK_OK;
    for (int n = keep - 1; n >= 1 && s == LK_OK; n--) {
        char *from = generation(path, n - 1), *to = generation(path, n);
        if (!from || !to) {
            s = LK_FAIL(err, LK_E_NOMEM, "no memory to keep older generations of %s", path);
        } else if (lk_path_exists(from)) {
            unlink(to);
            bool done = n == 1 ? link(from, to) == 0 || rename(from, to) == 0 : rename(from, to) == 0;
            if (!done)
                s = LK_FAIL(err, LK_E_IO, "%s cannot be kept as %s (%s); check the folder", from, to,
                            strerror(errno));
        }
        lk_free(from);
        lk_free(to);
    }
    return s;
}

/* To the disk, then into PATH's place. */
static lk_status write_plain(const char *path, const lk_named_tensor *t, int n, const char *meta, int keep,
                             lk_error *err)
{
    char *tmp = NULL;
    LK_TRY(lk_safetensors_write_tmp(path, t, n, meta, &tmp, err));
    lk_status s = shift_generations(path, keep, err);
    if (s == LK_OK) s = lk_file_sync_rename(tmp, path, err);
    if (s != LK_OK) unlink(tmp);
    lk_free(tmp);
    return s;
}

static lk_status write_in(const lk_vault *v, const char *path, const lk_named_tensor *t, int n, const char *meta,
                          int keep, lk_error *err)
{
    lk_draft draft;
    lk_status s = lk_safetensors_put(&v->sink, path, t, n, meta, err);
    if (s != LK_OK) {
        (void)v->finish(v->sink.user, NULL, NULL);
        return s;
    }
    LK_TRY(v->finish(v->sink.user, &draft, err));
    s = shift_generations(path, keep, err);
    if (s == LK_OK) return lk_draft_publish(&draft, path, err);
    lk_draft_drop(&draft);
    return s;
}

lk_status lk_checkpoint_save(const char *path, const lk_checkpoint_part *parts, int count,
                             const char *state_json, int keep, lk_error *err)
{
    return lk_checkpoint_save_in(NULL, path, parts, count, state_json, keep, err);
}

lk_status lk_checkpoint_save_in(const lk_vault *v, const char *path, const lk_checkpoint_part *parts, int count,
                                const char *state_json, int keep, lk_error *err)
{
    LK_TRY(check_parts(path, parts, count, err));
    size_t most = 0;
    for (int i = 0; i < count; i++) most += (size_t)parts[i].params->count * ARRAYS;
    lk_named_tensor *t = lk_calloc(LK_MAX(most, 1), sizeof *t);
    lk_text meta = {0};
    int n = 0;
    lk_status s = LK_OK;
    if (!t || make_metadata(&meta, parts, count, state_json) != LK_OK) {
        s = LK_FAIL(err, LK_E_NOMEM, "no memory to save %s", path);
        goto done;
    }
    for (int i = 0; i < count; i++) {
        for (int k = 0; k < parts[i].params->count; k++) {
            const lk_param *q = parts[i].params->list[k];
            float *data[ARRAYS];
            arrays_of(q, data);
            for (int a = 0; a < ARRAYS; a++) {
                if (!data[a]) continue;
                if (!array_name(t[n].name, sizeof t[n].name, parts[i].name, a, q->name)) {
                    s = LK_FAIL(err, LK_E_ARG, "%s: the name of part '%s' is too long", path, parts[i].name);
                    goto done;
                }
                strcpy(t[n].dtype, "F32");
                t[n].rank = 4;
                const int64_t dim[4] = {q->shape.n, q->shape.h, q->shape.w, q->shape.c};
                memcpy(t[n].dim, dim, sizeof dim);
                t[n].data = data[a];
                t[n++].bytes = (size_t)q->count * sizeof(float);
            }
        }
    }
    s = v ? write_in(v, path, t, n, meta.s, keep, err) : write_plain(path, t, n, meta.s, keep, err);
done:
    lk_free(t);
    lk_text_clear(&meta);
    return s;
}

/* Opens a file and makes sure that it is a whole checkpoint. */
static lk_status open_sealed(const lk_vault *v, const char *path, lk_safetensors **st, lk_error *err)
{
    *st = NULL;
    LK_TRY(v ? v->open(v->sink.user, path, st, err) : lk_safetensors_open(path, st, err));
    const char *kind = lk_safetensors_meta(*st, "kind");
    if (lk_safetensors_sealed(*st) && kind && !strcmp(kind, KIND)) return LK_OK;
    lk_safetensors_close(*st);
    *st = NULL;
    return LK_FAIL(err, LK_E_FORMAT, "%s is not a checkpoint of this program", path);
}

/* The newest older generation that is whole, lk_free; NULL when there is none. */
static char *find_older(const lk_vault *v, const char *path)
{
    for (int n = 1; n < GENERATIONS; n++) {
        char *older = generation(path, n);
        lk_safetensors *st;
        if (!older) return NULL;
        if (lk_path_exists(older) && open_sealed(v, older, &st, NULL) == LK_OK) {
            lk_safetensors_close(st);
            return older;
        }
        lk_free(older);
    }
    return NULL;
}

static lk_status check_optim(const lk_safetensors *st, const lk_checkpoint_part *part, const char *path,
                             int64_t *t, lk_error *err)
{
    char key[96], *end;
    snprintf(key, sizeof key, "optim.%s", part->name);
    const char *text = lk_safetensors_meta(st, key), *space = text ? strchr(text, ' ') : NULL;
    const char *want = OPTIMS[part->optim->kind];
    if (!space)
        return LK_FAIL(err, LK_E_FORMAT,
                       "%s holds no optimiser for '%s'; start training anew from its weights", path,
                       part->name);
    if (strlen(want) != (size_t)(space - text) || strncmp(text, want, strlen(want)))
        return LK_FAIL(err, LK_E_ARG, "%s was trained with %.*s; go on with the same optimiser", path,
                       (int)(space - text), text);
    *t = strtoll(space + 1, &end, 10);
    return *end || *t < 0
               ? LK_FAIL(err, LK_E_FORMAT, "%s: the step counter of '%s' is damaged", path, part->name)
               : LK_OK;
}

/* One pass that looks, then one that copies: a file that does not fit changes nothing. */
static lk_status walk(const lk_safetensors *st, const lk_checkpoint_part *part, const char *path, bool copy,
                      lk_error *err)
{
    for (int k = 0; k < part->params->count; k++) {
        const lk_param *q = part->params->list[k];
        float *data[ARRAYS];
        arrays_of(q, data);
        for (int a = 0; a < ARRAYS; a++) {
            char name[160];
            if (!data[a]) continue;
            array_name(name, sizeof name, part->name, a, q->name);
            const lk_named_tensor *t = lk_safetensors_find(st, name);
            if (!t)
                return LK_FAIL(err, LK_E_FORMAT, "%s has no '%s'; it belongs to another network", path, name);
            if (strcmp(t->dtype, "F32") || t->rank != 4 || t->dim[0] != q->shape.n ||
                t->dim[1] != q->shape.h || t->dim[2] != q->shape.w || t->dim[3] != q->shape.c)
                return LK_FAIL(err, LK_E_FORMAT, "%s: '%s' has another shape; it belongs to another network",
                               path, name);
            if (copy) memcpy(data[a], t->data, t->bytes);
        }
        if (copy) lk_params_touch_at(part->params, k);
    }
    return LK_OK;
}

lk_status lk_checkpoint_load(const char *path, const lk_checkpoint_part *parts, int count, char **state_json,
                             lk_error *err)
{
    return lk_checkpoint_load_from(NULL, path, parts, count, state_json, err);
}

lk_status lk_checkpoint_load_from(const lk_vault *v, const char *path, const lk_checkpoint_part *parts, int count,
                                  char **state_json, lk_error *err)
{
    lk_safetensors *st;
    lk_error why = {0};
    if (state_json) *state_json = NULL;
    LK_TRY(check_parts(path, parts, count, err));
    lk_status s = open_sealed(v, path, &st, &why);
    if (s != LK_OK) {
        char *older = s == LK_E_FORMAT || s == LK_E_NOTFOUND ? find_older(v, path) : NULL;
        LK_FAIL(err, s, "%.300s%s%.100s%s", why.message, older ? "; the newest whole older one is " : "",
                older ? older : "", older ? ", copy it into place to go on from there" : "");
        lk_free(older);
        return s;
    }
    int64_t t = 0;
    for (int i = 0; i < count; i++) {
        LK_GOTO(done, walk(st, &parts[i], path, false, err));
        if (parts[i].optim) LK_GOTO(done, check_optim(st, &parts[i], path, &t, err));
    }
    if (state_json && !(*state_json = lk_strdup(lk_safetensors_meta(st, "state")))) {
        s = LK_FAIL(err, LK_E_NOMEM, "no memory to read %s", path);
        goto done;
    }
    for (int i = 0; i < count; i++) {
        LK_GOTO(done, walk(st, &parts[i], path, true, err));
        if (parts[i].optim) LK_GOTO(done, check_optim(st, &parts[i], path, &parts[i].optim->t, err));
    }
done:
    lk_safetensors_close(st);
    return s;
}
