/* file.c: whole files, written so that a crash leaves the old or the new one. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/base.h"

#define NO_MEMORY(err, path)                                                                                 \
    LK_FAIL(err, LK_E_NOMEM, "no memory to handle %s; close other programs and try again", path)

static const char *remedy(int e)
{
    switch (e) {
    case ENOENT: return "check the name";
    case EACCES:
    case EPERM: return "check the rights of the file and its folder";
    case ENOSPC:
    case EDQUOT: return "free some space on that disk";
    case EROFS: return "choose a folder that can be written";
    case EISDIR: return "name a file, not a folder";
    case ENOTDIR: return "a part of the path is a file, not a folder";
    case EMFILE:
    case ENFILE: return "close other programs";
    default: return "check the disk";
    }
}

static lk_status fail_errno(lk_error *err, const char *verb, const char *path, int e)
{
    lk_status code = e == ENOENT ? LK_E_NOTFOUND : LK_E_IO;
    return LK_FAIL(err, code, "%s cannot be %s (%s): %s", path, verb, strerror(e), remedy(e));
}

lk_status lk_file_read(const char *path, size_t limit, void **data, size_t *n, lk_error *err)
{
    *data = NULL;
    *n = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return fail_errno(err, "opened", path, errno);

    lk_status s = LK_OK;
    unsigned char *buf = NULL;
    size_t len = 0, cap = 0;
    struct stat st;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        if ((uint64_t)st.st_size > limit) goto too_large;
        cap = (size_t)st.st_size + 2; /* one for the NUL, one to see the end in the first read */
    } else {
        cap = 65536; /* a pipe or /proc: its size is known only at its end */
    }
    buf = lk_alloc(cap);
    if (!buf) {
        s = NO_MEMORY(err, path);
        goto failed;
    }
    for (;;) {
        if (cap - len < 2) {
            size_t more = cap > PTRDIFF_MAX / 2 ? cap : cap * 2;
            void *grown = lk_realloc(buf, len, more);
            if (!grown) {
                s = NO_MEMORY(err, path);
                goto failed;
            }
            buf = grown;
            cap = more;
        }
        ssize_t got = lk_fault_hit(LK_FAULT_READ) ? (errno = EIO, -1) : read(fd, buf + len, cap - len - 1);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            s = fail_errno(err, "read", path, errno);
            goto failed;
        }
        if (got == 0) break;
        len += (size_t)got;
        if (len > limit) goto too_large;
    }
    close(fd);
    buf[len] = '\0';
    *data = buf;
    *n = len;
    return LK_OK;

too_large:
    s = LK_FAIL(err, LK_E_RANGE,
                "%s is larger than the %zu bytes that such a file may have; is it the right file?", path,
                limit);
failed:
    lk_free(buf);
    close(fd);
    return s;
}

static lk_status write_all(int fd, const char *path, const void *data, size_t n, lk_error *err)
{
    const unsigned char *p = data;
    while (n > 0) {
        ssize_t put = lk_fault_hit(LK_FAULT_WRITE) ? (errno = ENOSPC, -1) : write(fd, p, n);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return fail_errno(err, "written", path, errno);
        p += put;
        n -= (size_t)put;
    }
    return LK_OK;
}

/* The folder's own entry must reach the disk too, or a crash forgets the rename. */
static lk_status sync_folder_of(const char *path, lk_error *err)
{
    const char *base = lk_path_base(path);
    char *folder = base == path ? lk_strdup(".") : lk_strfmt("%.*s", (int)(base - path), path);
    if (!folder) return NO_MEMORY(err, path);
    lk_status s = LK_OK;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || lk_fault_hit(LK_FAULT_SYNC) || (fsync(fd) != 0 && errno != EINVAL))
        s = fail_errno(err, "synchronised", folder, fd < 0 ? errno : EIO);
    if (fd >= 0) close(fd);
    lk_free(folder);
    return s;
}

static lk_status sync_file(const char *path, lk_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return fail_errno(err, "opened", path, errno);
    int rc = lk_fault_hit(LK_FAULT_SYNC) ? (errno = EIO, -1) : fsync(fd);
    int e = errno;
    close(fd);
    return rc == 0 ? LK_OK : fail_errno(err, "synchronised", path, e);
}

lk_status lk_file_sync_rename(const char *tmp, const char *path, lk_error *err)
{
    LK_TRY(sync_file(tmp, err));
    if (rename(tmp, path) != 0) return fail_errno(err, "renamed into place", path, errno);
    return sync_folder_of(path, err);
}

lk_status lk_file_sync_new(const char *tmp, const char *path, lk_error *err)
{
    LK_TRY(sync_file(tmp, err));
    int rc = renameat2(AT_FDCWD, tmp, AT_FDCWD, path, RENAME_NOREPLACE);
    if (rc != 0 && (errno == EINVAL || errno == ENOSYS)) { /* a file system without it, such as NFS */
        rc = link(tmp, path);
        if (rc == 0) unlink(tmp);
    }
    if (rc != 0 && errno == EEXIST) return LK_FAIL(err, LK_E_STATE, "%s is already there", path);
    if (rc != 0) return fail_errno(err, "renamed into place", path, errno);
    return sync_folder_of(path, err);
}

lk_status lk_file_write_mode(const char *path, const void *data, size_t n, unsigned mode, lk_error *err)
{
    uint64_t tag;
    LK_TRY(lk_random_bytes(&tag, sizeof tag, err));
    char *tmp = lk_strfmt("%s.tmp-%016llx", path, (unsigned long long)tag);
    if (!tmp) return NO_MEMORY(err, path);
    int fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, (mode_t)mode);
    if (fd < 0) {
        lk_status s = fail_errno(err, "created", path, errno);
        lk_free(tmp);
        return s;
    }
    lk_status s = write_all(fd, path, data, n, err);
    if (close(fd) != 0 && s == LK_OK) s = fail_errno(err, "written", path, errno);
    if (s == LK_OK) s = lk_file_sync_rename(tmp, path, err);
    if (s != LK_OK) unlink(tmp); /* already gone when only the last sync failed */
    lk_free(tmp);
    return s;
}

lk_status lk_file_write_atomic(const char *path, const void *data, size_t n, lk_error *err)
{
    return lk_file_write_mode(path, data, n, 0666, err);
}

lk_status lk_dir_make(const char *path, lk_error *err)
{
    if (!*path) return LK_FAIL(err, LK_E_ARG, "an empty path names no folder");
    char *copy = lk_strdup(path);
    if (!copy) return NO_MEMORY(err, path);
    lk_status s = LK_OK;
    for (char *p = copy + 1; s == LK_OK; p++) {
        if (*p != '/' && *p != '\0') continue;
        char end = *p;
        *p = '\0';
        struct stat st;
        if (mkdir(copy, 0777) != 0) {
            int e = errno;
            if (stat(copy, &st) != 0) s = fail_errno(err, "created", copy, e);
            else if (!S_ISDIR(st.st_mode)) s = fail_errno(err, "created", path, ENOTDIR);
        }
        if (end == '\0') break;
        *p = end;
    }
    lk_free(copy);
    return s;
}

bool lk_path_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

int64_t lk_file_size(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) ? (int64_t)st.st_size : -1;
}

uint64_t lk_disk_free(const char *path)
{
    struct statvfs v;
    return statvfs(path, &v) == 0 ? (uint64_t)v.f_bavail * v.f_frsize : 0;
}

const char *lk_path_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

void lk_path_absolute(const char *path, char *out, size_t cap)
{
    char here[4096];
    int n = -1;
    if (*path && *path != '/' && getcwd(here, sizeof here)) {
        while (!strncmp(path, "./", 2)) path += 2;
        n = snprintf(out, cap, "%s/%s", here, path);
    }
    if (n < 0 || (size_t)n >= cap) snprintf(out, cap, "%s", path);
}
