/* output.c: the file that the muxer writes into. See output.h. */
#include "media/output.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define IO_BUFFER (256 * 1024)

static int write_packet(void *user, uint8_t *buf, int n)
{
    output *o = user;
    for (int done = 0; done < n;) {
        ssize_t k = -1;
        errno = EIO;
        if (!lk_fault_hit(LK_FAULT_WRITE)) k = pwrite(o->draft.fd, buf + done, (size_t)(n - done), o->pos);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) {
            o->failed = o->failed ? o->failed : k < 0 ? errno : ENOSPC;
            return AVERROR(o->failed);
        }
        done += (int)k;
        o->pos += k;
    }
    return n;
}

static int64_t seek(void *user, int64_t offset, int whence)
{
    output *o = user;
    struct stat st;
    if (whence & AVSEEK_SIZE) return fstat(o->draft.fd, &st) ? AVERROR(errno) : st.st_size;
    whence &= ~AVSEEK_FORCE;
    int64_t to = whence == SEEK_SET ? offset : whence == SEEK_CUR ? o->pos + offset : -1;
    if (to < 0) return AVERROR(EINVAL);
    return o->pos = to;
}

lk_status media_output_open(const char *path, output **out, lk_error *err)
{
    *out = NULL;
    output *o = lk_calloc(1, sizeof(*o));
    if (!o) return LK_FAIL(err, LK_E_NOMEM, "no memory to write %s", path);
    o->draft.fd = -1;
    lk_status s = lk_draft_open(path, &o->draft, err);
    if (s == LK_OK) snprintf(o->path, sizeof(o->path), "%s", path);
    if (s == LK_OK) {
        uint8_t *buffer = lk_fault_hit(LK_FAULT_ALLOC) ? NULL : av_malloc(IO_BUFFER);
        if (buffer) o->io = avio_alloc_context(buffer, IO_BUFFER, 1, o, NULL, write_packet, seek);
        if (!o->io) {
            av_free(buffer);
            s = LK_FAIL(err, LK_E_NOMEM, "no memory to write %s", path);
        }
    }
    if (s != LK_OK) media_output_abort(&o);
    *out = o;
    return s;
}

lk_status media_output_fail(const output *o, int av_error, lk_error *err)
{
    if (o->failed == ENOSPC || o->failed == EDQUOT || o->failed == EFBIG)
        return LK_FAIL(err, LK_E_IO,
                       "%s: the disk is full (%s), nothing was kept; free some space and run it again",
                       o->path, strerror(o->failed));
    if (o->failed)
        return LK_FAIL(err, LK_E_IO, "%s cannot be written (%s), nothing was kept; check the disk", o->path,
                       strerror(o->failed));
    return media_fail(err, LK_E_IO, "the clip cannot be written", o->path, av_error, NULL);
}

lk_status media_output_sync(output *o, lk_error *err)
{
    avio_flush(o->io);
    if (o->failed) return media_output_fail(o, AVERROR(EIO), err);
    if (lk_fault_hit(LK_FAULT_SYNC) || fsync(o->draft.fd)) {
        o->failed = errno ? errno : EIO;
        return media_output_fail(o, AVERROR(EIO), err);
    }
    return LK_OK;
}

void media_output_abort(output **op)
{
    output *o = *op;
    if (!o) return;
    if (o->io) av_freep(&o->io->buffer);
    avio_context_free(&o->io);
    lk_draft_drop(&o->draft);
    lk_free(o);
    *op = NULL;
}
