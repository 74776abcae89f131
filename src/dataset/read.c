/* read.c: opening a dataset. The file comes from outside: every tensor is checked
 * for its type and shape, every float for being a number, before a pointer into it
 * is handed out. */
#include "dataset/internal.h"
#include "dataset/vault.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static lk_status tensor_of(const lk_safetensors *file, const char *path, const char *name, const char *dtype,
                           const int64_t *tail, int rank, int64_t *count, const void **data, lk_error *err)
{
    const lk_named_tensor *t = lk_safetensors_find(file, name);
    if (!t)
        return LK_FAIL(err, LK_E_FORMAT, "'%s' is no dataset: '%s' is missing; import the clip again", path,
                       name);
    bool good = !strcmp(t->dtype, dtype) && t->rank == rank && t->dim[0] > 0 && t->dim[0] <= DATASET_LIMIT;
    for (int i = 1; good && i < rank; i++) good = t->dim[i] == tail[i - 1];
    if (good && *count && t->dim[0] != *count) good = false;
    if (!good)
        return LK_FAIL(err, LK_E_FORMAT, "dataset '%s': '%s' has the wrong type or shape; import the clip "
                       "again", path, name);
    *count = t->dim[0];
    *data = t->data;
    return LK_OK;
}

static lk_status numbers_only(const float *v, int64_t n, const char *path, lk_error *err)
{
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(v[i]) || fabsf(v[i]) > 1e6f)
            return LK_FAIL(err, LK_E_FORMAT, "dataset '%s' holds a value that is not a sensible number; "
                           "import the clip again", path);
    return LK_OK;
}

static lk_status read_tensors(lk_dataset *d, const char *path, lk_error *err)
{
    const int64_t w = LK_SAMPLE_SIZE;
    int64_t n = 0;
    const void *rgb, *mask, *lm, *info, *index;
    LK_TRY(tensor_of(d->file, path, "rgb", "U8", (int64_t[]){w, w, 3}, 4, &n, &rgb, err));
    LK_TRY(tensor_of(d->file, path, "mask", "U8", (int64_t[]){w, w}, 3, &n, &mask, err));
    LK_TRY(tensor_of(d->file, path, "landmarks", "F32", (int64_t[]){LK_LANDMARKS, 2}, 3, &n, &lm, err));
    LK_TRY(tensor_of(d->file, path, "info", "F32", (int64_t[]){DATASET_INFO}, 2, &n, &info, err));
    LK_TRY(tensor_of(d->file, path, "index", "I32", (int64_t[]){2}, 2, &n, &index, err));
    LK_TRY(numbers_only(lm, n * 2 * LK_LANDMARKS, path, err));
    LK_TRY(numbers_only(info, n * DATASET_INFO, path, err));
    d->count = (int)n;
    d->rgb = rgb;
    d->mask = mask;
    d->lm = lm;
    d->info = info;
    d->index = index;
    return LK_OK;
}

/* What the header says, before anything is decrypted: the words for a wrong person or record are clearer here. */
static lk_status check_header(const char *path, const lk_grant *g, lk_bind_info *h, lk_error *err)
{
    if (!lk_bind_is(path) && lk_path_exists(path))
        return LK_FAIL(err, LK_E_FORMAT, "'%s' is no dataset of this program: datasets are bound to consent and encrypted; "
                       "import the clip again", path);
    LK_TRY(lk_bind_info_read(path, h, err));
    const lk_bind_person *p = &h->people[0];
    if (strcmp(h->kind, DATASET_KIND) || h->people_count != 1 || !strstr(h->detail, "\"" DATASET_FORMAT "\""))
        return LK_FAIL(err, LK_E_FORMAT, "'%s' is no dataset of this program", path);
    if (strcmp(p->subject, lk_grant_subject_id(g)))
        return LK_FAIL(err, LK_E_CONSENT, "dataset '%s' shows subject %s, but the consent at hand is %s's", path, p->subject,
                       lk_grant_subject_name(g));
    if (strcmp(p->record, lk_grant_record_id(g)))
        return LK_FAIL(err, LK_E_CONSENT, "dataset '%s' was made under consent record %s, not under the one that is valid "
                       "now (%s): import the clip again", path, p->record, lk_grant_record_id(g));
    return LK_OK;
}

lk_status lk_dataset_open(const char *path, const lk_grant *g, lk_use use, lk_dataset **out, lk_error *err)
{
    *out = NULL;
    LK_TRY(lk_grant_check(g, use, err));
    lk_dataset *d = lk_calloc(1, sizeof *d);
    if (!d) return LK_FAIL(err, LK_E_NOMEM, "no memory for dataset '%s'", path);
    lk_bind_info *h = lk_alloc(sizeof *h);
    lk_status s = h ? LK_OK : LK_FAIL(err, LK_E_NOMEM, "no memory for dataset '%s'", path);
    if (s == LK_OK) s = check_header(path, g, h, err);
    if (s == LK_OK) s = lk_vault_open(path, &g, 1, h, &d->file, err);
    if (s == LK_OK) {
        strcpy(d->subject, h->people[0].subject);
        strcpy(d->record, h->people[0].record);
        d->content = h->content;
        s = read_tensors(d, path, err);
    }
    if (s == LK_OK) s = lk_hash_file(path, &d->hash, err);
    lk_free(h);
    if (s != LK_OK) lk_dataset_close(&d);
    *out = d;
    return s;
}

void lk_dataset_close(lk_dataset **d)
{
    if (!*d) return;
    lk_safetensors_close((*d)->file);
    lk_free(*d);
    *d = NULL;
}

int lk_dataset_count(const lk_dataset *d) { return d->count; }
lk_hash lk_dataset_hash(const lk_dataset *d) { return d->hash; }
lk_hash lk_dataset_content(const lk_dataset *d) { return d->content; }
const char *lk_dataset_subject(const lk_dataset *d) { return d->subject; }
const char *lk_dataset_record(const lk_dataset *d) { return d->record; }

lk_sample lk_dataset_at(const lk_dataset *d, int i)
{
    const float *info = d->info + (size_t)i * DATASET_INFO;
    return (lk_sample){.rgb = d->rgb + (size_t)i * DATASET_PIXELS * 3,
                       .mask = d->mask + (size_t)i * DATASET_PIXELS,
                       .lm = d->lm + (size_t)i * 2 * LK_LANDMARKS,
                       .yaw = info[0], .pitch = info[1], .roll = info[2], .sharpness = info[3],
                           .scale = info[4],
                       .frame = d->index[2 * i], .clip = d->index[2 * i + 1]};
}
