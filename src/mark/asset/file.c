/* file.c: sources, sinks and plans: all reading and writing of the room. Every read says where and how much,
 * and is checked against the size that the file had when it was opened; a file that shrinks meanwhile is an
 * error.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mark/asset/impl.h"

enum { BLOCK = 1 << 20 };

lk_status asset_no_memory(lk_error *err, const char *name)
{
    return LK_FAIL(err, LK_E_NOMEM, "no memory to handle %s; close other programs and try again", name);
}

lk_status asset_damaged(lk_error *err, const asset_source *src, const char *file, int line, const char *fmt,
                        ...)
{
    char what[240];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    return lk_error_set(err, LK_E_FORMAT, file, line,
                        "%s is damaged: %s; get the file again from where it came", src->name, what);
}

static lk_status fail_errno(lk_error *err, const char *name, const char *verb, int e)
{
    const char *remedy =
        e == ENOSPC || e == EDQUOT ? "free some space on that disk" : "check the disk and its rights";
    return LK_FAIL(err, e == ENOENT ? LK_E_NOTFOUND : LK_E_IO, "%s cannot be %s (%s); %s", name, verb,
                   strerror(e), e == ENOENT ? "check the name" : remedy);
}

/* --- source ------------------------------------------------------------------------------------------ */

lk_status asset_source_open(const char *path, asset_source *out, lk_error *err)
{
    *out = (asset_source){.name = path, .fd = -1};
    /* O_NONBLOCK: a named pipe must be refused, not waited for. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return fail_errno(err, path, "opened", errno);
    struct stat st;
    if (fstat(fd, &st) != 0) {
        int e = errno;
        close(fd);
        return fail_errno(err, path, "opened", e);
    }
    if (!S_ISREG(st.st_mode)) {
        close(fd);
        return LK_FAIL(err, LK_E_UNSUPPORTED, "%s is no ordinary file; name a picture, clip or sound file",
                       path);
    }
    out->fd = fd;
    out->size = (uint64_t)st.st_size;
    return LK_OK;
}

void asset_source_close(asset_source *src)
{
    if (src->fd >= 0) close(src->fd);
    src->fd = -1;
}

void asset_source_advise(const asset_source *src)
{
    if (src->fd >= 0) posix_fadvise(src->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
}

lk_status asset_source_read(const asset_source *src, uint64_t off, void *buf, size_t n, lk_error *err)
{
    if (off > src->size || n > src->size - off) return DAMAGED(err, src, "it ends too early");
    if (src->fd < 0) {
        if (n) memcpy(buf, src->memory + off, n);
        return LK_OK;
    }
    for (uint8_t *p = buf; n > 0;) {
        ssize_t got = lk_fault_hit(LK_FAULT_READ) ? (errno = EIO, -1) : pread(src->fd, p, n, (off_t)off);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail_errno(err, src->name, "read", errno);
        if (got == 0)
            return LK_FAIL(err, LK_E_IO, "%s became shorter while it was read; wait until it is complete",
                           src->name);
        p += got, off += (uint64_t)got, n -= (size_t)got;
    }
    return LK_OK;
}

/* --- sink ---------------------------------------------------------------------------------------------- */

lk_status asset_sink_put(asset_sink *k, const void *data, size_t n, lk_error *err)
{
    if (k->fd < 0) {
        if (k->memory) {
            if (k->at > k->size || n > k->size - k->at)
                return LK_FAIL(err, LK_E_BUG, "%s: too little room", k->name);
            memcpy(k->memory + k->at, data, n);
        }
        k->at += n;
        return LK_OK;
    }
    for (const uint8_t *p = data; n > 0;) {
        ssize_t put = lk_fault_hit(LK_FAULT_WRITE) ? (errno = ENOSPC, -1) : pwrite(k->fd, p, n, (off_t)k->at);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return fail_errno(err, k->name, "written", errno);
        p += put, k->at += (uint64_t)put, n -= (size_t)put;
    }
    return LK_OK;
}

lk_status asset_sink_zeros(asset_sink *k, uint64_t n, lk_error *err)
{
    static const uint8_t zeros[4096];
    for (; n > 0; n -= LK_MIN(n, sizeof zeros))
        LK_TRY(asset_sink_put(k, zeros, (size_t)LK_MIN(n, sizeof zeros), err));
    return LK_OK;
}

/* Where data lies from off on, up to end: *from = its start (end when there is none), *to = its end. File
 * systems without holes, and memory, are all data. */
static void next_data(const asset_source *src, uint64_t off, uint64_t end, uint64_t *from, uint64_t *to)
{
    *from = off, *to = end;
    if (src->fd < 0) return;
    off_t data = lseek(src->fd, (off_t)off, SEEK_DATA);
    if (data < 0 && errno == ENXIO) *from = end;
    if (data < 0) return;
    off_t hole = lseek(src->fd, data, SEEK_HOLE);
    *from = LK_MIN((uint64_t)data, end);
    if (hole > data) *to = LK_MIN((uint64_t)hole, end);
}

static lk_status copy_block(asset_sink *k, const asset_source *src, uint64_t from, uint64_t to,
                            uint8_t **block, lk_error *err)
{
    if (src->fd < 0) return asset_sink_put(k, src->memory + from, (size_t)(to - from), err);
    bool kernel = k->fd >= 0;
    while (from < to) {
        if (kernel) {
            off_t in = (off_t)from, out = (off_t)k->at;
            bool bad_read = lk_fault_hit(LK_FAULT_READ), bad_write = lk_fault_hit(LK_FAULT_WRITE);
            ssize_t got = bad_read    ? (errno = EIO, -1)
                          : bad_write ? (errno = ENOSPC, -1)
                                      : copy_file_range(src->fd, &in, k->fd, &out,
                                                        (size_t)LK_MIN(to - from, (uint64_t)1 << 30), 0);
            if (got > 0) {
                from += (uint64_t)got, k->at += (uint64_t)got;
                continue;
            }
            if (got < 0 && errno == EINTR) continue;
            if (got < 0 && (errno == EIO || errno == ENOSPC || errno == EDQUOT))
                return fail_errno(err, bad_read ? src->name : k->name, bad_read ? "read" : "written", errno);
            /* Two file systems, or one that cannot do it; that a file became short shows in the read below.
             */
            kernel = false;
        }
        if (!*block && !(*block = lk_alloc(BLOCK))) return asset_no_memory(err, src->name);
        size_t n = (size_t)LK_MIN(to - from, (uint64_t)BLOCK);
        LK_TRY(asset_source_read(src, from, *block, n, err));
        LK_TRY(asset_sink_put(k, *block, n, err));
        from += n;
    }
    return LK_OK;
}

lk_status asset_sink_copy(asset_sink *k, const asset_source *src, uint64_t off, uint64_t length,
                          lk_error *err)
{
    if (off > src->size || length > src->size - off) return DAMAGED(err, src, "it ends too early");
    lk_status s = LK_OK;
    uint8_t *block = NULL;
    const uint64_t end = off + length;
    while (s == LK_OK && off < end) {
        uint64_t from, to;
        next_data(src, off, end, &from, &to);
        k->at += from - off; /* a hole: the new file is empty there, and gets its full size at the end */
        s = copy_block(k, src, from, to, &block, err);
        off = from < end ? to : end;
    }
    lk_free(block);
    return s;
}

/* --- plan -------------------------------------------------------------------------------------------------
 */

static asset_piece *plan_add(asset_plan *p, asset_piece_kind kind, uint64_t length)
{
    if (p->failed) return NULL;
    if (p->count == p->cap) {
        int cap = p->cap ? 2 * p->cap : 16;
        asset_piece *grown =
            lk_realloc(p->pieces, (size_t)p->cap * sizeof *grown, (size_t)cap * sizeof *grown);
        if (!grown) {
            p->failed = true;
            return NULL;
        }
        p->pieces = grown;
        p->cap = cap;
    }
    p->pieces[p->count] = (asset_piece){.kind = kind, .length = length};
    return &p->pieces[p->count++];
}

void asset_plan_copy(asset_plan *p, uint64_t from, uint64_t length)
{
    if (!length) return;
    asset_piece *last = p->count ? &p->pieces[p->count - 1] : NULL;
    if (last && last->kind == PIECE_COPY && last->from + last->length == from) {
        last->length += length;
        return;
    }
    asset_piece *q = plan_add(p, PIECE_COPY, length);
    if (q) q->from = from;
}

uint8_t *asset_plan_buffer(asset_plan *p, size_t n)
{
    if (!p->arena && lk_arena_new(&p->arena, 4096) != LK_OK) p->failed = true;
    uint8_t *kept = p->failed ? NULL : lk_arena_alloc(p->arena, n);
    asset_piece *q = kept ? plan_add(p, PIECE_BYTES, n) : NULL;
    if (q) q->bytes = kept;
    else p->failed = true;
    return q ? kept : NULL;
}

void asset_plan_bytes(asset_plan *p, const void *bytes, size_t n)
{
    uint8_t *kept = n ? asset_plan_buffer(p, n) : NULL;
    if (kept) memcpy(kept, bytes, n);
}

void asset_plan_room(asset_plan *p) { plan_add(p, PIECE_ROOM, 0); }

void asset_plan_kept(asset_plan *p, const asset_scan *sc, uint64_t from, uint64_t to)
{
    for (int i = 0; i < sc->old_count; i++) {
        const c2pa_range *o = &sc->old[i];
        if (o->start + o->length <= from || o->start >= to) continue;
        if (o->start > from) asset_plan_copy(p, from, o->start - from);
        from = LK_MIN(o->start + o->length, to);
    }
    asset_plan_copy(p, from, to - from);
}

void asset_plan_clear(asset_plan *p)
{
    lk_free(p->pieces);
    lk_arena_free(p->arena);
    *p = (asset_plan){0};
}
