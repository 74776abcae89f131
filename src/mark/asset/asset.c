/* asset.c: the public calls: which format a file is, and the order of the steps. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mark/asset/impl.h"

static const asset_format *const formats[C2PA_FORMATS] = {
    [C2PA_JPEG] = &asset_jpeg, [C2PA_PNG] = &asset_png, [C2PA_WAV] = &asset_riff, [C2PA_BMFF] = &asset_bmff};

lk_status asset_scan_add(asset_scan *sc, const asset_source *src, c2pa_range hole, uint64_t store_size,
                         lk_error *err)
{
    if (store_size == 0) return DAMAGED(err, src, "its manifest store is empty");
    if (store_size > C2PA_STORE_MAX)
        return DAMAGED(err, src, "its manifest store claims %llu bytes, more than any reader takes",
                       (unsigned long long)store_size);
    if (sc->old_count == ASSET_STORES_KEPT)
        return DAMAGED(err, src, "it has more than %d manifest stores", ASSET_STORES_KEPT);
    sc->old[sc->old_count++] = hole;
    if (sc->l.stores++ == 0) sc->l.hole = hole, sc->l.store_size = store_size;
    return LK_OK;
}

lk_status asset_scan_source(const asset_source *src, asset_scan *sc, lk_error *err)
{
    uint8_t head[16];
    size_t n = (size_t)LK_MIN(src->size, sizeof head);
    *sc = (asset_scan){0};
    LK_TRY(asset_source_read(src, 0, head, n, err));
    for (int f = 0; f < C2PA_FORMATS; f++) {
        if (!formats[f]->is(head, n)) continue;
        sc->l.format = (c2pa_format)f;
        sc->l.file_size = src->size;
        return formats[f]->scan(src, sc, err);
    }
    return LK_FAIL(err, LK_E_UNSUPPORTED,
                   "%s is no JPEG, PNG, WAV, MP4, MOV or M4A file, so no manifest can be in it; convert it "
                   "to one of these",
                   src->name);
}

lk_status asset_read_source(const asset_source *src, const c2pa_layout *l, void **data, size_t *n,
                            lk_error *err)
{
    *data = NULL;
    *n = 0;
    if (l->stores == 0) return LK_FAIL(err, LK_E_NOTFOUND, "%s carries no manifest", src->name);
    if ((unsigned)l->format >= C2PA_FORMATS || l->store_size > C2PA_STORE_MAX || l->file_size != src->size)
        return LK_FAIL(err, LK_E_ARG, "%s is not the file that was looked at; look at it again", src->name);
    uint8_t *store = lk_alloc((size_t)l->store_size);
    if (!store) return asset_no_memory(err, src->name);
    lk_status s = formats[l->format]->read(src, l, store, err);
    if (s != LK_OK) {
        lk_free(store);
        return s;
    }
    *data = store;
    *n = (size_t)l->store_size;
    return LK_OK;
}

uint64_t asset_room(c2pa_format f, size_t store_size)
{
    asset_sink count = {.name = "", .fd = -1};
    c2pa_layout l = {.store_size = store_size};
    return formats[f]->wrap(&count, &l, NULL, NULL) == LK_OK ? count.at : 0;
}

uint64_t asset_hole(c2pa_format f, size_t store_size)
{
    /* The pad byte after a WAV chunk of odd size belongs to no chunk: it is hashed, as c2pa-rs does it. */
    return asset_room(f, store_size) - (f == C2PA_WAV ? store_size & 1 : 0);
}

lk_status asset_plan_source(const asset_source *src, const asset_scan *sc, size_t store_size, asset_plan *p,
                            c2pa_layout *l, lk_error *err)
{
    *p = (asset_plan){.store_size = store_size};
    *l = sc->l;
    if (store_size < ASSET_STORE_MIN || store_size > C2PA_STORE_MAX)
        return LK_FAIL(err, LK_E_ARG,
                       "a manifest store of %zu bytes cannot be put into %s: %u to %llu bytes can",
                       store_size, src->name, ASSET_STORE_MIN, (unsigned long long)C2PA_STORE_MAX);
    LK_TRY(formats[sc->l.format]->plan(src, sc, p, err));
    if (p->failed) return asset_no_memory(err, src->name);
    l->stores = 1;
    l->store_size = store_size;
    l->instance = p->instance;
    l->file_size = 0;
    for (int i = 0; i < p->count; i++) {
        asset_piece *q = &p->pieces[i];
        if (q->kind == PIECE_ROOM) {
            q->length = asset_room(l->format, store_size);
            l->hole = (c2pa_range){l->file_size, asset_hole(l->format, store_size)};
        }
        l->file_size += q->length;
    }
    return LK_OK;
}

lk_status asset_plan_write(const asset_plan *p, const asset_source *src, const c2pa_layout *l, asset_sink *k,
                           lk_error *err)
{
    for (int i = 0; i < p->count; i++) {
        const asset_piece *q = &p->pieces[i];
        switch (q->kind) {
        case PIECE_COPY: LK_TRY(asset_sink_copy(k, src, q->from, q->length, err)); break;
        case PIECE_BYTES: LK_TRY(asset_sink_put(k, q->bytes, (size_t)q->length, err)); break;
        case PIECE_ROOM: LK_TRY(formats[l->format]->wrap(k, l, NULL, err)); break;
        }
    }
    return LK_OK;
}

/* --- on paths ---------------------------------------------------------------------------------------------
 */

lk_status c2pa_asset_probe(const char *path, c2pa_layout *out, lk_error *err)
{
    asset_source src;
    asset_scan sc = {0};
    *out = (c2pa_layout){0};
    LK_TRY(asset_source_open(path, &src, err));
    lk_status s = asset_scan_source(&src, &sc, err);
    if (s == LK_OK) *out = sc.l;
    asset_source_close(&src);
    return s;
}

lk_status c2pa_asset_read(const char *path, const c2pa_layout *l, void **data, size_t *n, lk_error *err)
{
    asset_source src;
    *data = NULL;
    *n = 0;
    LK_TRY(asset_source_open(path, &src, err));
    lk_status s = asset_read_source(&src, l, data, n, err);
    asset_source_close(&src);
    return s;
}

/* Opens out for writing, empty; never the source itself under another name. */
static lk_status open_out(const char *out, const asset_source *src, asset_sink *k, lk_error *err)
{
    struct stat a, b;
    *k = (asset_sink){.name = out, .fd = open(out, O_WRONLY | O_CREAT | O_CLOEXEC, 0666)};
    if (k->fd < 0)
        return LK_FAIL(err, LK_E_IO, "%s cannot be created (%s); check the folder and its rights", out,
                       strerror(errno));
    if (fstat(src->fd, &a) != 0 || fstat(k->fd, &b) != 0 || (a.st_dev == b.st_dev && a.st_ino == b.st_ino))
        return LK_FAIL(err, LK_E_ARG, "%s cannot be written into itself; choose another name", out);
    if (ftruncate(k->fd, 0) != 0)
        return LK_FAIL(err, LK_E_IO, "%s cannot be emptied (%s); choose another name", out, strerror(errno));
    return LK_OK;
}

lk_status c2pa_asset_reserve(const char *in, const char *out, size_t store_size, c2pa_layout *l,
                             lk_error *err)
{
    asset_source src;
    asset_scan sc;
    asset_plan plan = {0};
    asset_sink k = {.fd = -1};
    lk_status s;
    *l = (c2pa_layout){0};
    LK_TRY(asset_source_open(in, &src, err));
    LK_GOTO(done, asset_scan_source(&src, &sc, err));
    LK_GOTO(done, asset_plan_source(&src, &sc, store_size, &plan, l, err));
    asset_source_advise(&src);
    LK_GOTO(done, open_out(out, &src, &k, err));
    LK_GOTO(done, asset_plan_write(&plan, &src, l, &k, err));
    /* A hole at the end was not written, only counted. */
    if (lk_fault_hit(LK_FAULT_WRITE) || ftruncate(k.fd, (off_t)l->file_size) != 0)
        s = LK_FAIL(err, LK_E_IO, "%s cannot get its full size; free some space on that disk", out);
done:
    if (k.fd >= 0 && close(k.fd) != 0 && s == LK_OK)
        s = LK_FAIL(err, LK_E_IO, "%s cannot be written (%s); check the disk", out, strerror(errno));
    if (s != LK_OK) *l = (c2pa_layout){0};
    asset_plan_clear(&plan);
    asset_source_close(&src);
    return s;
}

lk_status c2pa_asset_fill(const char *path, const c2pa_layout *l, const void *store, size_t n, lk_error *err)
{
    const uint8_t *b = store;
    if ((unsigned)l->format >= C2PA_FORMATS || n != l->store_size || n > C2PA_STORE_MAX ||
        l->hole.length != asset_hole(l->format, n))
        return LK_FAIL(err, LK_E_ARG, "a store of %zu bytes does not fit the room that %s has for it", n,
                       path);
    if (n < ASSET_STORE_MIN || be32(b) != n || !tag_is(b + 4, "jumb") || !tag_is(b + 12, "jumd") ||
        !tag_is(b + 16, "c2pa"))
        return LK_FAIL(err, LK_E_ARG, "what should go into %s is no manifest store", path);

    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return LK_FAIL(err, errno == ENOENT ? LK_E_NOTFOUND : LK_E_IO,
                       "%s cannot be opened for writing (%s); check its rights", path, strerror(errno));
    lk_status s = LK_OK;
    off_t size = lseek(fd, 0, SEEK_END);
    if (size < 0 || (uint64_t)size != l->file_size || l->hole.start > l->file_size ||
        l->hole.length > l->file_size - l->hole.start)
        s = LK_FAIL(err, LK_E_STATE, "%s is not the file in which room was made; start again", path);
    asset_sink k = {.name = path, .fd = fd, .at = l->hole.start};
    if (s == LK_OK) s = formats[l->format]->wrap(&k, l, store, err);
    if (close(fd) != 0 && s == LK_OK)
        s = LK_FAIL(err, LK_E_IO, "%s cannot be written (%s); check the disk", path, strerror(errno));
    return s;
}

lk_status c2pa_hash_ranges(const char *path, const c2pa_range *skip, int count, const char *alg,
                           c2pa_digest *out, lk_error *err)
{
    asset_source src;
    *out = (c2pa_digest){0};
    LK_TRY(asset_source_open(path, &src, err));
    lk_status s = asset_hash_ranges_source(&src, skip, count, alg, out, err);
    asset_source_close(&src);
    return s;
}

lk_status c2pa_hash_bmff(const char *path, const c2pa_bmff_skip *skip, int count, int version,
                         const char *alg, c2pa_digest *out, lk_error *err)
{
    asset_source src;
    *out = (c2pa_digest){0};
    LK_TRY(asset_source_open(path, &src, err));
    lk_status s = asset_hash_bmff_source(&src, skip, count, version, alg, out, err);
    asset_source_close(&src);
    return s;
}
