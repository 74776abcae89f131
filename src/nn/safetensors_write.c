/* safetensors_write.c: the writer. The header is made first, since it carries the
 * hash of the data; then everything goes to a sink: a temporary file that replaces
 * the old one only once it is on the disk, or somebody else's container. */
#include "nn/safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static lk_status check_tensors(const char *path, const lk_named_tensor *t, int count, lk_error *err)
{
    if (count > LK_ST_TENSOR_LIMIT)
        return LK_FAIL(err, LK_E_ARG, "%s: %d tensors are too many for one file", path, count);
    for (int i = 0; i < count; i++) {
        int64_t bytes = (int64_t)lk_safetensors_dtype_size(t[i].dtype);
        bool good = bytes > 0 && t[i].rank >= 0 && t[i].rank <= (int)LK_COUNT(t[i].dim) && t[i].name[0] &&
                    strcmp(t[i].name, "__metadata__");
        for (int k = 0; good && k < t[i].rank; k++)
            good = t[i].dim[k] >= 0 && !__builtin_mul_overflow(bytes, t[i].dim[k], &bytes);
        if (!good || (size_t)bytes != t[i].bytes)
            return LK_FAIL(err, LK_E_ARG, "%s: tensor '%s' has %zu bytes that do not fit its shape and type",
                           path, t[i].name, t[i].bytes);
    }
    return LK_OK;
}

static lk_status add_metadata(lk_text *h, const char *metadata_json, lk_error *err)
{
    if (!metadata_json || !*metadata_json) return LK_OK;
    lk_arena *arena;
    lk_json *root;
    if (lk_arena_new(&arena, 16 << 10) != LK_OK)
        return LK_FAIL(err, LK_E_NOMEM, "no memory for the metadata of a file");
    lk_status s = lk_json_parse(metadata_json, strlen(metadata_json), arena, &root, err);
    if (s == LK_OK && root->kind != LK_JSON_OBJECT)
        s = LK_FAIL(err, LK_E_ARG, "metadata must be a JSON object of strings");
    for (const lk_json *m = s == LK_OK ? root->child : NULL; m && s == LK_OK; m = m->next) {
        if (m->kind != LK_JSON_STRING) {
            s = LK_FAIL(err, LK_E_ARG, "metadata '%s' must be a string", m->key);
        } else if (strcmp(m->key, "data_sha256") &&
                   strcmp(m->key, "header_sha256")) { /* those two are made anew */
            lk_text_add(h, ",");
            lk_json_quote(h, m->key);
            lk_text_add(h, ":");
            lk_json_quote(h, m->string);
        }
    }
    lk_arena_free(arena);
    return s;
}

static lk_status make_header(lk_text *h, const char *path, const lk_named_tensor *t, int count,
                             const char *metadata_json, lk_hash *data, lk_error *err)
{
    char hex[LK_HASH_HEX];
    lk_hasher *hasher;
    if (lk_hasher_new(&hasher) != LK_OK) return LK_FAIL(err, LK_E_NOMEM, "no memory to write %s", path);
    for (int i = 0; i < count; i++) lk_hasher_add(hasher, t[i].data, t[i].bytes);
    lk_hash hash = *data = lk_hasher_finish(hasher);
    lk_hash_hex(&hash, hex);
    lk_text_add(h, "{\"__metadata__\":{%s%s\",\"data_sha256\":\"%s\"", LK_ST_HEADER_KEY, LK_ST_ZEROS, hex);
    LK_TRY(add_metadata(h, metadata_json, err));
    lk_text_add(h, "}");
    uint64_t at = 0;
    for (int i = 0; i < count; i++) {
        lk_text_add(h, ",");
        lk_json_quote(h, t[i].name);
        lk_text_add(h, ":{\"dtype\":\"%s\",\"shape\":[", t[i].dtype);
        for (int k = 0; k < t[i].rank; k++) lk_text_add(h, "%s%lld", k ? "," : "", (long long)t[i].dim[k]);
        lk_text_add(h, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)at,
                    (unsigned long long)(at + t[i].bytes));
        at += t[i].bytes;
    }
    lk_text_add(h, "}");
    while (!h->failed && h->len % 8) lk_text_add(h, " "); /* the data starts on a multiple of 8 */
    if (h->failed) return LK_FAIL(err, LK_E_NOMEM, "no memory for the header of %s", path);
    if (h->len > LK_ST_HEADER_LIMIT)
        return LK_FAIL(err, LK_E_ARG, "%s: the header would have %zu bytes", path, h->len);
    hash = lk_hash_bytes(h->s, h->len);
    lk_hash_hex(&hash, hex);
    memcpy(strstr(h->s, LK_ST_HEADER_KEY) + strlen(LK_ST_HEADER_KEY), hex, 64);
    return LK_OK;
}

lk_status lk_safetensors_put(const lk_sink *to, const char *what, const lk_named_tensor *t, int count,
                             const char *metadata_json, lk_error *err)
{
    LK_TRY(check_tensors(what, t, count, err));
    lk_text header = {0};
    lk_hash data;
    uint8_t length[8];
    lk_status s;
    LK_GOTO(done, make_header(&header, what, t, count, metadata_json, &data, err));
    uint64_t bytes = 8 + header.len;
    for (int i = 0; i < count; i++) bytes += t[i].bytes;
    for (int i = 0; i < 8; i++) length[i] = (uint8_t)(header.len >> (8 * i));
    LK_GOTO(done, to->begin(to->user, bytes, &data, err));
    LK_GOTO(done, to->put(to->user, length, 8, err));
    LK_GOTO(done, to->put(to->user, header.s, header.len, err));
    for (int i = 0; i < count; i++) LK_GOTO(done, to->put(to->user, t[i].data, t[i].bytes, err));
done:
    lk_text_clear(&header);
    return s;
}

/* --- plain files -------------------------------------------------------------------------------- */

typedef struct plain_file {
    const char *path;
    char *tmp;
    int fd;
} plain_file;

static lk_status file_begin(void *user, uint64_t bytes, const lk_hash *data, lk_error *err)
{
    plain_file *f = user;
    uint64_t tag;
    LK_TRY(lk_random_bytes(&tag, sizeof tag, err));
    f->tmp = lk_strfmt("%s.tmp-%016llx", f->path, (unsigned long long)tag);
    if (!f->tmp) return LK_FAIL(err, LK_E_NOMEM, "no memory to write %s", f->path);
    f->fd = open(f->tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    return f->fd >= 0 ? LK_OK
                      : LK_FAIL(err, LK_E_IO, "%s cannot be created (%s); check the folder and its rights", f->path,
                                strerror(errno));
}

static lk_status file_put(void *user, const void *data, size_t n, lk_error *err)
{
    plain_file *f = user;
    const uint8_t *p = data;
    while (n) {
        ssize_t put =
            lk_fault_hit(LK_FAULT_WRITE) ? (errno = ENOSPC, -1) : write(f->fd, p, LK_MIN(n, (size_t)1 << 30));
        if (put < 0 && errno == EINTR) continue;
        if (put < 0)
            return LK_FAIL(err, LK_E_IO,
                           "%s cannot be written (%s); free some space or choose another folder", f->path,
                           strerror(errno));
        p += put;
        n -= (size_t)put;
    }
    return LK_OK;
}

lk_status lk_safetensors_write_tmp(const char *path, const lk_named_tensor *t, int count,
                                   const char *metadata_json, char **tmp, lk_error *err)
{
    plain_file f = {.path = path, .fd = -1};
    const lk_sink sink = {&f, file_begin, file_put};
    lk_status s = lk_safetensors_put(&sink, path, t, count, metadata_json, err);
    if (s == LK_OK && (lk_fault_hit(LK_FAULT_SYNC) || fsync(f.fd) != 0))
        s = LK_FAIL(err, LK_E_IO, "%s cannot be brought to the disk; check the disk", path);
    if (f.fd >= 0 && close(f.fd) != 0 && s == LK_OK)
        s = LK_FAIL(err, LK_E_IO, "%s cannot be written (%s)", path, strerror(errno));
    if (s != LK_OK) {
        if (f.fd >= 0) unlink(f.tmp);
        lk_free(f.tmp);
        f.tmp = NULL;
    }
    *tmp = f.tmp;
    return s;
}

lk_status lk_safetensors_write(const char *path, const lk_named_tensor *t, int count,
                               const char *metadata_json, lk_error *err)
{
    char *tmp;
    LK_TRY(lk_safetensors_write_tmp(path, t, count, metadata_json, &tmp, err));
    lk_status s = lk_file_sync_rename(tmp, path, err);
    if (s != LK_OK) unlink(tmp);
    lk_free(tmp);
    return s;
}
