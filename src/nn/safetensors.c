/* safetensors.c: the reader. Everything in the file is doubted: lengths before
 * they are used, offsets before they are added, names before they are copied. */
#include "nn/safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct lk_safetensors {
    lk_arena *arena;          /* the parsed header */
    const char *what;         /* what it was read from, for errors; in the arena */
    const lk_json *meta;      /* NULL when absent */
    lk_named_tensor *tensors; /* in the order of their data */
    int *by_name;             /* indices, sorted by name */
    int count;
    uint8_t *data;
    size_t data_bytes;
    bool sealed;
};

size_t lk_safetensors_dtype_size(const char *dtype)
{
    static const struct {
        const char *name;
        size_t bytes;
    } types[] = {
        {"F32", 4}, {"BF16", 2}, {"F16", 2}, {"F64", 8}, {"I64", 8}, {"U64", 8},  {"I32", 4},
        {"U32", 4}, {"I16", 2},  {"U16", 2}, {"I8", 1},  {"U8", 1},  {"BOOL", 1},
    };
    for (size_t i = 0; i < LK_COUNT(types); i++)
        if (!strcmp(dtype, types[i].name)) return types[i].bytes;
    return 0;
}

#define DAMAGED(...) LK_FAIL(err, LK_E_FORMAT, "%s is not a whole safetensors file: " __VA_ARGS__)

/* A JSON number that is a size: an integer that a double holds exactly. */
static bool size_of(const lk_json *v, int64_t *out)
{
    if (v->kind != LK_JSON_NUMBER || !(v->number >= 0 && v->number <= 9007199254740992.0)) return false;
    *out = (int64_t)v->number;
    return (double)*out == v->number;
}

static lk_status read_entry(const lk_json *e, size_t data_bytes, lk_named_tensor *t, int64_t *begin,
                            const char *what, lk_error *err)
{
    if (strlen(e->key) >= sizeof t->name)
        return DAMAGED("the name '%.40s...' is longer than %zu characters", what, e->key, sizeof t->name - 1);
    strcpy(t->name, e->key);
    const char *dtype = lk_json_string(e, "dtype", "");
    size_t element = strlen(dtype) < sizeof t->dtype ? lk_safetensors_dtype_size(dtype) : 0;
    if (!element) return DAMAGED("tensor '%s' has the unknown type '%.20s'", what, t->name, dtype);
    strcpy(t->dtype, dtype);
    const lk_json *shape = lk_json_get(e, "shape"), *offsets = lk_json_get(e, "data_offsets");
    if (!shape || shape->kind != LK_JSON_ARRAY || shape->count > LK_COUNT(t->dim))
        return DAMAGED("tensor '%s' has no shape of at most %zu dimensions", what, t->name, LK_COUNT(t->dim));
    int64_t bytes = (int64_t)element, end;
    for (const lk_json *d = shape->child; d; d = d->next) {
        int64_t *dim = &t->dim[t->rank++];
        if (!size_of(d, dim) || __builtin_mul_overflow(bytes, *dim, &bytes))
            return DAMAGED("tensor '%s' has an impossible shape", what, t->name);
    }
    if (!offsets || offsets->kind != LK_JSON_ARRAY || offsets->count != 2 ||
        !size_of(offsets->child, begin) || !size_of(offsets->child->next, &end) || *begin > end ||
        (uint64_t)end > data_bytes)
        return DAMAGED("tensor '%s' lies outside the file", what, t->name);
    if (end - *begin != bytes)
        return DAMAGED("tensor '%s' has %lld bytes, its shape and type need %lld", what, t->name,
                       (long long)(end - *begin), (long long)bytes);
    t->bytes = (size_t)bytes;
    return LK_OK;
}

typedef struct placed {
    lk_named_tensor tensor;
    int64_t begin;
} placed;

static int by_place(const void *a, const void *b)
{
    const placed *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    if (x->tensor.bytes != y->tensor.bytes) return x->tensor.bytes < y->tensor.bytes ? -1 : 1;
    return strcmp(x->tensor.name, y->tensor.name);
}

static int by_name(const void *a, const void *b, void *user)
{
    const lk_named_tensor *t = user;
    return strcmp(t[*(const int *)a].name, t[*(const int *)b].name);
}

static lk_status read_entries(lk_safetensors *st, const lk_json *root, const char *what, lk_error *err)
{
    size_t entries = 0;
    for (const lk_json *e = root->child; e; e = e->next) entries += strcmp(e->key, "__metadata__") != 0;
    if (entries > LK_ST_TENSOR_LIMIT)
        return DAMAGED("it names %zu tensors, more than %d", what, entries, LK_ST_TENSOR_LIMIT);
    placed *list = lk_calloc(LK_MAX(entries, 1), sizeof *list);
    st->tensors = lk_calloc(LK_MAX(entries, 1), sizeof *st->tensors);
    st->by_name = lk_calloc(LK_MAX(entries, 1), sizeof *st->by_name);
    lk_status s = LK_OK;
    if (!list || !st->tensors || !st->by_name) {
        s = LK_FAIL(err, LK_E_NOMEM, "no memory for the %zu tensors of %s", entries, what);
        goto done;
    }
    for (const lk_json *e = root->child; e; e = e->next) {
        if (!strcmp(e->key, "__metadata__")) continue;
        LK_GOTO(done,
                read_entry(e, st->data_bytes, &list[st->count].tensor, &list[st->count].begin, what, err));
        st->count++;
    }
    qsort(list, entries, sizeof *list, by_place);
    int64_t at = 0;
    for (int i = 0; i < st->count; i++) {
        if (list[i].begin != at) {
            s = DAMAGED("tensor '%s' overlaps another or leaves a hole", what, list[i].tensor.name);
            goto done;
        }
        st->tensors[i] = list[i].tensor;
        st->tensors[i].data = st->data + at;
        st->by_name[i] = i;
        at += (int64_t)list[i].tensor.bytes;
    }
    if ((uint64_t)at != st->data_bytes) {
        s = DAMAGED("%zu bytes of data, but its tensors make %lld", what, st->data_bytes, (long long)at);
        goto done;
    }
    qsort_r(st->by_name, entries, sizeof *st->by_name, by_name, st->tensors);
    for (int i = 1; i < st->count; i++) {
        if (strcmp(st->tensors[st->by_name[i - 1]].name, st->tensors[st->by_name[i]].name)) continue;
        s = DAMAGED("two tensors are called '%s'", what, st->tensors[st->by_name[i]].name);
        goto done;
    }
done:
    lk_free(list);
    return s;
}

static lk_status check_header_hash(const char *header, size_t n, const char *hex, const char *what,
                                   lk_error *err)
{
    const size_t key = sizeof LK_ST_HEADER_KEY - 1;
    const char *at = memmem(header, n, LK_ST_HEADER_KEY, key);
    lk_hash want;
    bool fits = at && n - (size_t)(at - header) >= key + 64 && lk_hash_from_hex(hex, &want);
    if (fits) {
        lk_hasher *h;
        size_t before = (size_t)(at - header) + key;
        if (lk_hasher_new(&h) != LK_OK) return LK_FAIL(err, LK_E_NOMEM, "no memory to check %s", what);
        lk_hasher_add(h, header, before);
        lk_hasher_add(h, LK_ST_ZEROS, 64);
        lk_hasher_add(h, header + before + 64, n - before - 64);
        lk_hash got = lk_hasher_finish(h);
        fits = lk_hash_equal(&got, &want);
    }
    return fits ? LK_OK
                : LK_FAIL(err, LK_E_FORMAT,
                          "%s is damaged: its header does not match its hash; take another copy", what);
}

static lk_status check_hashes(lk_safetensors *st, const char *header, size_t n, const char *what,
                              lk_error *err)
{
    const char *header_hex = lk_safetensors_meta(st, "header_sha256"),
               *data_hex = lk_safetensors_meta(st, "data_sha256");
    if (header_hex) LK_TRY(check_header_hash(header, n, header_hex, what, err));
    if (data_hex) {
        lk_hash want;
        lk_hash got = lk_hash_bytes(st->data, st->data_bytes);
        if (!lk_hash_from_hex(data_hex, &want) || !lk_hash_equal(&got, &want))
            return LK_FAIL(err, LK_E_FORMAT,
                           "%s is damaged: its data does not match its hash; take another copy", what);
    }
    st->sealed = header_hex && data_hex;
    return LK_OK;
}

/* Takes over st->data, which holds data_bytes. */
static lk_status read_header(lk_safetensors *st, const char *header, size_t n, const char *what,
                             lk_error *err)
{
    lk_json *root;
    lk_error why = {0};
    if (lk_arena_new(&st->arena, 64 << 10) != LK_OK)
        return LK_FAIL(err, LK_E_NOMEM, "no memory to read %s", what);
    if (!(st->what = lk_arena_strdup(st->arena, what))) return LK_FAIL(err, LK_E_NOMEM, "no memory to read %s", what);
    if (!n || header[0] != '{') return DAMAGED("the header is not a JSON object", what);
    lk_status s = lk_json_parse(header, n, st->arena, &root, &why);
    if (s == LK_E_NOMEM) return LK_FAIL(err, s, "no memory to read %s", what);
    if (s != LK_OK) return DAMAGED("its header cannot be read (%s)", what, why.message);
    const lk_json *meta = lk_json_get(root, "__metadata__");
    if (meta && meta->kind != LK_JSON_OBJECT) return DAMAGED("its metadata is not an object", what);
    for (const lk_json *m = meta ? meta->child : NULL; m; m = m->next)
        if (m->kind != LK_JSON_STRING) return DAMAGED("its metadata is not all text", what);
    st->meta = meta;
    LK_TRY(read_entries(st, root, what, err));
    return check_hashes(st, header, n, what, err);
}

static uint64_t little64(const uint8_t *b)
{
    uint64_t v = 0;
    for (int i = 7; i >= 0; i--) v = v << 8 | b[i];
    return v;
}

static lk_status check_header_length(uint64_t header, uint64_t file, const char *what, lk_error *err)
{
    if (header > LK_ST_HEADER_LIMIT)
        return DAMAGED("it announces a header of %llu bytes", what, (unsigned long long)header);
    if (header > file - 8) return DAMAGED("it ends inside its header", what);
    return LK_OK;
}

lk_status lk_safetensors_parse(const void *data, size_t n, lk_safetensors **out, lk_error *err)
{
    const char *what = "the data";
    const uint8_t *bytes = data;
    *out = NULL;
    if (n < 8) return DAMAGED("it has only %zu bytes", what, n);
    uint64_t header = little64(bytes);
    LK_TRY(check_header_length(header, n, what, err));
    lk_safetensors *st = lk_calloc(1, sizeof *st);
    if (!st) return LK_FAIL(err, LK_E_NOMEM, "no memory to read %s", what);
    st->data_bytes = n - 8 - (size_t)header;
    st->data = lk_alloc(LK_MAX(st->data_bytes, 1));
    lk_status s =
        st->data ? LK_OK : LK_FAIL(err, LK_E_NOMEM, "no memory for %zu bytes of tensors", st->data_bytes);
    if (s == LK_OK) {
        memcpy(st->data, bytes + 8 + header, st->data_bytes);
        s = read_header(st, (const char *)bytes + 8, (size_t)header, what, err);
    }
    if (s != LK_OK) {
        lk_safetensors_close(st);
        return s;
    }
    *out = st;
    return LK_OK;
}

lk_status lk_safetensors_get(const lk_source *from, lk_safetensors **out, lk_error *err)
{
    const char *what = from->what;
    lk_safetensors *st = NULL;
    char *header = NULL;
    uint8_t length[8];
    lk_status s;
    *out = NULL;
    if (from->size < 8) return DAMAGED("it has only %llu bytes", what, (unsigned long long)from->size);
    LK_TRY(from->get(from->user, length, 8, err));
    uint64_t n = little64(length);
    LK_TRY(check_header_length(n, from->size, what, err));
    st = lk_calloc(1, sizeof *st);
    header = lk_alloc((size_t)n + 1);
    if (st) {
        st->data_bytes = (size_t)(from->size - 8 - n);
        st->data = lk_alloc(LK_MAX(st->data_bytes, 1));
    }
    if (!st || !header || !st->data) {
        s = LK_FAIL(err, LK_E_NOMEM, "no memory for the %llu MB of %s", (unsigned long long)from->size >> 20, what);
        goto done;
    }
    LK_GOTO(done, from->get(from->user, header, (size_t)n, err));
    LK_GOTO(done, from->get(from->user, st->data, st->data_bytes, err));
    LK_GOTO(done, read_header(st, header, (size_t)n, what, err));
    *out = st;
    st = NULL;
done:
    lk_free(header);
    lk_safetensors_close(st);
    return s;
}

/* --- plain files -------------------------------------------------------------------------------- */

typedef struct plain_file {
    const char *path;
    int fd;
} plain_file;

static lk_status file_get(void *user, void *to, size_t n, lk_error *err)
{
    const plain_file *f = user;
    uint8_t *p = to;
    while (n) {
        ssize_t got =
            lk_fault_hit(LK_FAULT_READ) ? (errno = EIO, -1) : read(f->fd, p, LK_MIN(n, (size_t)1 << 30));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0)
            return LK_FAIL(err, LK_E_IO, "%s cannot be read (%s); check the disk", f->path, strerror(errno));
        if (!got)
            return LK_FAIL(err, LK_E_FORMAT,
                           "%s became shorter while it was read; wait until its writer is done", f->path);
        p += got;
        n -= (size_t)got;
    }
    return LK_OK;
}

lk_status lk_safetensors_open(const char *path, lk_safetensors **out, lk_error *err)
{
    struct stat info;
    *out = NULL;
    plain_file f = {path, open(path, O_RDONLY | O_CLOEXEC)};
    if (f.fd < 0)
        return LK_FAIL(err, errno == ENOENT ? LK_E_NOTFOUND : LK_E_IO,
                       "%s cannot be opened (%s); check the name and its rights", path, strerror(errno));
    lk_status s = fstat(f.fd, &info) == 0 && S_ISREG(info.st_mode) ? LK_OK
                                                                    : LK_FAIL(err, LK_E_IO, "%s is not a file", path);
    const lk_source from = {&f, path, s == LK_OK ? (uint64_t)info.st_size : 0, file_get};
    if (s == LK_OK) s = lk_safetensors_get(&from, out, err);
    close(f.fd);
    return s;
}

void lk_safetensors_close(lk_safetensors *st)
{
    if (!st) return;
    if (st->arena) lk_arena_free(st->arena);
    lk_free(st->tensors);
    lk_free(st->by_name);
    lk_free(st->data);
    lk_free(st);
}

int lk_safetensors_count(const lk_safetensors *st) { return st->count; }
const char *lk_safetensors_what(const lk_safetensors *st) { return st->what; }
bool lk_safetensors_sealed(const lk_safetensors *st) { return st->sealed; }
const lk_named_tensor *lk_safetensors_at(const lk_safetensors *st, int i)
{
    return i >= 0 && i < st->count ? &st->tensors[i] : NULL;
}

const lk_named_tensor *lk_safetensors_find(const lk_safetensors *st, const char *name)
{
    int lo = 0, hi = st->count;
    while (lo < hi) {
        int mid = lo + (hi - lo) / 2, order = strcmp(name, st->tensors[st->by_name[mid]].name);
        if (!order) return &st->tensors[st->by_name[mid]];
        if (order < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return NULL;
}

const char *lk_safetensors_meta(const lk_safetensors *st, const char *key)
{
    return st->meta ? lk_json_string(st->meta, key, NULL) : NULL;
}
