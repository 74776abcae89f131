/* draft.c: a file that nobody sees until it is whole. It has no name at all (O_TMPFILE), so that the kernel takes it away
 * when the process dies, however it dies; only where the file system knows no such files does it carry a temporary name
 * and a lock, and the next draft beside the same target removes what dead processes left.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base.h"

#define SUFFIX ".part-"

/* The folder of path, in buf; the part after it. */
static const char *split(const char *path, char *buf, size_t n)
{
    const char *slash = strrchr(path, '/');
    if (!slash) snprintf(buf, n, ".");
    else snprintf(buf, n, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    return slash ? slash + 1 : path;
}

/* Temporaries that drafts of this target left when they were killed. */
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

static lk_status cannot(const char *path, lk_error *err)
{
    return LK_FAIL(err, LK_E_IO, "%s cannot be created: %s; check that its folder exists and can be written", path,
                   strerror(errno));
}

static lk_status temporary_name(const char *path, char *out, size_t n, lk_error *err)
{
    uint64_t id;
    LK_TRY(lk_random_bytes(&id, sizeof(id), err));
    snprintf(out, n, "%s" SUFFIX "%016llx", path, (unsigned long long)id);
    return LK_OK;
}

/* Create and lock. Another draft may find the file between the two and take it for a dead one's: then again. */
static lk_status open_named(const char *path, lk_draft *d, lk_error *err)
{
    for (int tries = 0; tries < 8; tries++) {
        struct stat st;
        LK_TRY(temporary_name(path, d->name, sizeof(d->name), err));
        d->fd = open(d->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (d->fd < 0) {
            if (errno == EEXIST) continue;
            return cannot(path, err);
        }
        d->named = true;
        if (!flock(d->fd, LOCK_EX | LOCK_NB) && !fstat(d->fd, &st) && st.st_nlink > 0) return LK_OK;
        lk_draft_drop(d);
    }
    return LK_FAIL(err, LK_E_IO, "%s cannot be created: its folder does not allow file locks", path);
}

lk_status lk_draft_open(const char *path, lk_draft *d, lk_error *err)
{
    struct stat st;
    char folder[1024];
    *d = (lk_draft){.fd = -1};
    if (!path || !*path) return LK_FAIL(err, LK_E_ARG, "no name for the output was given");
    if (strlen(path) >= sizeof(folder))
        return LK_FAIL(err, LK_E_ARG, "the path is longer than %zu bytes: %.60s...", sizeof(folder) - 1, path);
    if (!stat(path, &st) && !S_ISREG(st.st_mode))
        return LK_FAIL(err, LK_E_ARG, "%s is there already and is not a file; choose another name", path);
    remove_stale(path);
    split(path, folder, sizeof(folder));
    d->fd = lk_fault_hit(LK_FAULT_UNNAMED) ? (errno = EOPNOTSUPP, -1)
                                           : open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
    if (d->fd >= 0) {
        /* /proc gives it a path for those who open by name; without /proc it needs a real one. */
        snprintf(d->name, sizeof(d->name), "/proc/self/fd/%d", d->fd);
        if (!access(d->name, R_OK | W_OK)) return LK_OK;
        lk_draft_drop(d);
    }
    return open_named(path, d, err);
}

lk_status lk_draft_publish(lk_draft *d, const char *path, lk_error *err)
{
    char name[1100];
    lk_status s = LK_OK;
    if (lk_fault_hit(LK_FAULT_SYNC) || fsync(d->fd))
        s = LK_FAIL(err, LK_E_IO, "%s cannot be written (%s), nothing was kept; check the disk", path,
                    strerror(errno ? errno : EIO));
    snprintf(name, sizeof(name), "%s", d->name);
    if (s == LK_OK && !d->named) s = temporary_name(path, name, sizeof(name), err);
    if (s == LK_OK && !d->named && linkat(AT_FDCWD, d->name, AT_FDCWD, name, AT_SYMLINK_FOLLOW)) s = cannot(path, err);
    if (s == LK_OK) {
        s = lk_file_sync_rename(name, path, err);
        /* Either the rename failed, or the folder's sync after it: a name that may not survive a crash is taken back. */
        if (s != LK_OK && unlink(name) && errno == ENOENT) unlink(path);
        d->named = false;
    }
    lk_draft_drop(d);
    return s;
}

void lk_draft_drop(lk_draft *d)
{
    if (d->fd < 0) return;
    if (d->named) unlink(d->name);
    close(d->fd);
    *d = (lk_draft){.fd = -1};
}
