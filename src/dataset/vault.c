/* vault.c: between tensors and containers. */
#include "dataset/vault.h"

#include <string.h>

/* --- writing ---------------------------------------------------------------------------------- */

typedef struct container {
    const lk_bind_key *key;
    const char *path;
    lk_bind_info *what;
    lk_bind_writer *writer;
} container;

static lk_status begin(void *user, uint64_t bytes, const lk_hash *data, lk_error *err)
{
    container *c = user;
    c->what->bytes = bytes;
    c->what->content = *data;
    return lk_bind_write(c->key, c->path, c->what, &c->writer, err);
}

static lk_status put(void *user, const void *data, size_t n, lk_error *err)
{
    return lk_bind_put(((container *)user)->writer, data, n, err);
}

lk_status lk_vault_write(const lk_bind_key *k, const char *path, const lk_bind_info *what, const lk_named_tensor *t,
                         int count, const char *metadata_json, lk_hash *hash, lk_error *err)
{
    lk_draft draft;
    lk_bind_info *copy = lk_alloc(sizeof *copy);
    if (!copy) return LK_FAIL(err, LK_E_NOMEM, "no memory to write '%s'", path);
    *copy = *what;
    container c = {k, path, copy, NULL};
    const lk_sink sink = {&c, begin, put};
    lk_status s = lk_safetensors_put(&sink, path, t, count, metadata_json, err);
    lk_free(copy);
    if (s != LK_OK) {
        lk_bind_abort(&c.writer);
        return s;
    }
    LK_TRY(lk_bind_finish(&c.writer, &draft, err));
    LK_TRY(lk_draft_publish(&draft, path, err));
    return hash ? lk_hash_file(path, hash, err) : LK_OK;
}

/* --- reading ------------------------------------------------------------------------------------ */

lk_status lk_vault_open(const char *path, const lk_grant *const *grants, int count, lk_bind_info *info,
                        lk_safetensors **out, lk_error *err)
{
    lk_bind_reader *reader = NULL;
    *out = NULL;
    lk_bind_info *h = info ? info : lk_alloc(sizeof *h);
    if (!h) return LK_FAIL(err, LK_E_NOMEM, "no memory to read '%s'", path);
    lk_status s = lk_bind_read(path, grants, count, h, &reader, err);
    const lk_source from = {reader, path, s == LK_OK ? h->bytes : 0, lk_bind_get};
    if (s == LK_OK) s = lk_safetensors_get(&from, out, err);
    lk_bind_close(&reader);
    if (h != info) lk_free(h);
    return s;
}

/* --- checkpoints ---------------------------------------------------------------------------------- */

static lk_status begin_checkpoint(void *user, uint64_t bytes, const lk_hash *data, lk_error *err)
{
    lk_checkpoint_vault *v = user;
    if (!v->key) LK_TRY(lk_bind_key_new(v->kind, v->path, v->grants, v->grant_count, &v->key, err));
    v->what->bytes = bytes;
    v->what->content = *data;
    return lk_bind_write(v->key, v->path, v->what, &v->writer, err);
}

static lk_status put_checkpoint(void *user, const void *data, size_t n, lk_error *err)
{
    return lk_bind_put(((lk_checkpoint_vault *)user)->writer, data, n, err);
}

static lk_status finish_checkpoint(void *user, lk_draft *out, lk_error *err)
{
    lk_checkpoint_vault *v = user;
    if (out) return lk_bind_finish(&v->writer, out, err);
    lk_bind_abort(&v->writer);
    return LK_OK;
}

/* The key of what was loaded is that of what will be saved. */
static lk_status open_checkpoint(void *user, const char *path, lk_safetensors **out, lk_error *err)
{
    lk_checkpoint_vault *v = user;
    lk_bind_info *h = lk_alloc(sizeof *h);
    if (!h) return LK_FAIL(err, LK_E_NOMEM, "no memory to read '%s'", path);
    lk_status s = lk_vault_open(path, v->grants, v->grant_count, h, out, err);
    if (s == LK_OK && strcmp(h->kind, v->kind)) {
        lk_safetensors_close(*out);
        *out = NULL;
        s = LK_FAIL(err, LK_E_FORMAT, "'%s' is a %s, not a %s", path, h->kind, v->kind);
    }
    if (s == LK_OK && !v->key) s = lk_bind_key_open(h, path, v->grants, v->grant_count, &v->key, err);
    lk_free(h);
    return s;
}

lk_status lk_checkpoint_vault_open(lk_checkpoint_vault *v, const char *kind, const char *path, const lk_grant *const *grants,
                                   int count, lk_error *err)
{
    *v = (lk_checkpoint_vault){.vault = {{v, begin_checkpoint, put_checkpoint}, finish_checkpoint, open_checkpoint},
                               .kind = kind,
                               .path = path,
                               .grants = grants,
                               .grant_count = count};
    v->what = lk_calloc(1, sizeof *v->what);
    return v->what ? LK_OK : LK_FAIL(err, LK_E_NOMEM, "no memory for the checkpoints in '%s'", path);
}

void lk_checkpoint_vault_close(lk_checkpoint_vault *v)
{
    lk_bind_abort(&v->writer);
    lk_bind_key_free(&v->key);
    lk_free(v->what);
    *v = (lk_checkpoint_vault){.path = NULL};
}
