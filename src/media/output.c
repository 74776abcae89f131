/* output.c: a file that appears whole or not at all. See output.h. */
#include "media/output.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define IO_BUFFER (256 * 1024)
#define SUFFIX ".part-"

static int write_packet(void *user, uint8_t *buf, int n)
{
    output *o = user;
    for (int done = 0; done < n;) {
        ssize_t k = -1;
        errno = EIO;
        if (!lk_fault_hit(LK_FAULT_WRITE)) k = pwrite(o->fd, buf + done, (size_t)(n - done), o->pos);
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
    if (whence & AVSEEK_SIZE) return fstat(o->fd, &st) ? AVERROR(errno) : st.st_size;
    whence &= ~AVSEEK_FORCE;
    int64_t to = whence == SEEK_SET ? offset : whence == SEEK_CUR ? o->pos + offset : -1;
    if (to < 0) return AVERROR(EINVAL);
    return o->pos = to;
}

/* The folder of path, in buf; the part after it. */
static const char *split(const char *path, char *buf, size_t n)
{
    const char *slash = strrchr(path, '/');
    if (!slash) snprintf(buf, n, ".");
    else snprintf(buf, n, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    return slash ? slash + 1 : path;
}

/* Temporaries that writers of this target left when they were killed. */
static void remove_stale(const char *path)
{
    char folder[1024], full[2048];
    const char *base = split(path, folder, sizeof(folder));
    size_t len = strlen(base);
    DIR *d = opendir(folder);
    if (!d) return;
    for (struct dirent *e; (e = readdir(d));) {
        if (strncmp(e->d_name, base, len) || strncmp(e->d_name + len, SUFFIX, strlen(SUFFIX))) continue;
        const char *hex = e->d_name + len + strlen(SUFFIX);
        if (strlen(hex) != 16 || strspn(hex, "0123456789abcdef") != 16) continue;
        snprintf(full, sizeof(full), "%s/%s", folder, e->d_name);
        int fd = open(full, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0) continue;
        struct stat st;
        if (!fstat(fd, &st) && S_ISREG(st.st_mode) && !flock(fd, LOCK_EX | LOCK_NB)) unlink(full);
        close(fd);
    }
    closedir(d);
}

/* Create and lock. Another writer may find the file between the two and take it for a dead one's: then again.
 */
static lk_status create(output *o, lk_error *err)
{
    for (int tries = 0; tries < 8; tries++) {
        uint64_t id;
        struct stat st;
        LK_TRY(lk_random_bytes(&id, sizeof(id), err));
        snprintf(o->tmp, sizeof(o->tmp), "%s" SUFFIX "%016llx", o->path, (unsigned long long)id);
        o->fd = open(o->tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (o->fd < 0) {
            if (errno == EEXIST) continue;
            return LK_FAIL(err, LK_E_IO,
                           "%s cannot be created: %s; check that its folder exists and can be written",
                           o->path, strerror(errno));
        }
        if (!flock(o->fd, LOCK_EX | LOCK_NB) && !fstat(o->fd, &st) && st.st_nlink > 0) return LK_OK;
        close(o->fd);
        o->fd = -1;
        unlink(o->tmp);
    }
    o->tmp[0] = 0;
    return LK_FAIL(err, LK_E_IO, "%s cannot be created: its folder does not allow file locks", o->path);
}

lk_status media_output_open(const char *path, output **out, lk_error *err)
{
    struct stat st;
    *out = NULL;
    if (!path || !*path) return LK_FAIL(err, LK_E_ARG, "no name for the output was given");
    output *o = lk_calloc(1, sizeof(*o));
    if (!o) return LK_FAIL(err, LK_E_NOMEM, "no memory to write %s", path);
    o->fd = -1;
    lk_status s = LK_OK;
    if (strlen(path) >= sizeof(o->path))
        s = LK_FAIL(err, LK_E_ARG, "the path is longer than %zu bytes: %.60s...", sizeof(o->path) - 1, path);
    else strcpy(o->path, path);
    if (s == LK_OK && !stat(path, &st) && !S_ISREG(st.st_mode))
        s = LK_FAIL(err, LK_E_ARG, "%s is there already and is not a file; choose another name", path);
    if (s == LK_OK) {
        remove_stale(path);
        s = create(o, err);
    }
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
    if (lk_fault_hit(LK_FAULT_SYNC) || fsync(o->fd)) {
        o->failed = errno ? errno : EIO;
        return media_output_fail(o, AVERROR(EIO), err);
    }
    return LK_OK;
}

static void shut(output *o)
{
    if (o->io) av_freep(&o->io->buffer);
    avio_context_free(&o->io);
    if (o->fd >= 0) close(o->fd);
    lk_free(o);
}

lk_status media_output_publish(output **op, lk_error *err)
{
    output *o = *op;
    lk_status s = lk_file_sync_rename(o->tmp, o->path, err);
    if (s != LK_OK) {
        /* Either the rename failed, or the folder's sync after it: a name that may not survive a crash is
         * taken back. */
        if (unlink(o->tmp) && errno == ENOENT) unlink(o->path);
    }
    shut(o);
    *op = NULL;
    return s;
}

void media_output_abort(output **op)
{
    output *o = *op;
    if (!o) return;
    if (o->tmp[0] && o->fd >= 0) unlink(o->tmp);
    shut(o);
    *op = NULL;
}
