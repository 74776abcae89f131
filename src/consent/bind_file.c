/* bind_file.c: containers on the disk. Data streams through in pieces of one box, so that a checkpoint of some hundred
 * megabytes costs no second copy in memory. Every length in a file is checked before it is believed. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/aead.h"
#include "base/cbor.h"
#include "consent/bound.h"

static const char magic[8] = {'L', 'K', 'B', 'O', 'U', 'N', 'D', '1'};
enum { BEFORE = sizeof magic + 4 }; /* bytes before the header */

static lk_status damaged(const char *path, const char *what, lk_error *err)
{
    return LK_FAIL(err, LK_E_FORMAT, "'%s' is no whole file of this program: %s; take another copy", path, what);
}

/* --- writing ---------------------------------------------------------------------------------------------- */

struct lk_bind_writer {
    const lk_bind_key *key;
    lk_draft draft;
    lk_aead stream;
    lk_bytes head;          /* everything before the body: what the first box covers */
    uint64_t left;          /* plain bytes still to come */
    uint8_t *plain, *box;   /* one box */
    size_t fill;
    bool begun;             /* the first box is out */
    char path[1024];
};

static lk_status write_all(lk_bind_writer *w, const void *data, size_t n, lk_error *err)
{
    const uint8_t *p = data;
    while (n > 0) {
        ssize_t put = lk_fault_hit(LK_FAULT_WRITE) ? (errno = ENOSPC, -1) : write(w->draft.fd, p, n);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0)
            return LK_FAIL(err, LK_E_IO, "%s cannot be written (%s); free some space or choose another folder", w->path,
                           strerror(errno));
        p += put;
        n -= (size_t)put;
    }
    return LK_OK;
}

static lk_status write_box(lk_bind_writer *w, const void *plain, size_t n, bool last, lk_error *err)
{
    LK_TRY(lk_aead_push(&w->stream, plain, n, w->begun ? NULL : w->head.b, w->begun ? 0 : w->head.len, last, w->box, err));
    w->begun = true;
    return write_all(w, w->box, n + LK_AEAD_EXTRA, err);
}

void lk_bind_abort(lk_bind_writer **pw)
{
    lk_bind_writer *w = *pw;
    if (!w) return;
    lk_draft_drop(&w->draft);
    lk_aead_clear(&w->stream);
    lk_bytes_clear(&w->head);
    if (w->plain) lk_wipe(w->plain, LK_AEAD_CHUNK);
    lk_free(w->plain);
    lk_free(w->box);
    lk_free(w);
    *pw = NULL;
}

/* magic | length | header */
static lk_status encode_before(const lk_bind_info *h, lk_bytes *out, lk_error *err)
{
    lk_bytes head = {0};
    lk_status s = bind_head_encode(h, &head, err);
    if (s == LK_OK) {
        lk_bytes_add(out, magic, sizeof magic);
        lk_bytes_be(out, head.len, 4);
        lk_bytes_add(out, head.b, head.len);
        if (out->failed) s = consent_no_memory(err);
    }
    lk_bytes_clear(&head);
    return s;
}

static lk_status start(lk_bind_writer *w, const lk_bind_info *what, lk_error *err)
{
    uint8_t stream_head[LK_AEAD_HEAD];
    lk_bind_info *h = lk_alloc(sizeof *h);
    if (!h) return consent_no_memory(err);
    *h = w->key->head;
    memcpy(h->parents, what->parents, sizeof h->parents);
    h->parent_count = what->parent_count;
    h->content = what->content;
    memcpy(h->detail, what->detail, sizeof h->detail);
    h->detail[sizeof h->detail - 1] = '\0';
    h->bytes = w->left = what->bytes;
    lk_status s = h->parent_count < 0 || h->parent_count > LK_BIND_PARENTS
                      ? LK_FAIL(err, LK_E_RANGE, "%s would have %d parents, more than %d", w->path, h->parent_count,
                                LK_BIND_PARENTS)
                      : bind_head_complete(h, err);
    if (s == LK_OK) s = encode_before(h, &w->head, err);
    lk_free(h);
    LK_TRY(s);
    LK_TRY(lk_draft_open(w->path, &w->draft, err));
    LK_TRY(lk_aead_seal_begin(&w->stream, w->key->secret, stream_head, err));
    LK_TRY(write_all(w, w->head.b, w->head.len, err));
    return write_all(w, stream_head, sizeof stream_head, err);
}

lk_status lk_bind_write(const lk_bind_key *k, const char *path, const lk_bind_info *what, lk_bind_writer **out,
                        lk_error *err)
{
    *out = NULL;
    LK_TRY(bind_key_check(k, err));
    lk_bind_writer *w = lk_calloc(1, sizeof *w);
    if (!w) return consent_no_memory(err);
    w->key = k;
    w->draft.fd = -1;
    w->plain = lk_alloc(LK_AEAD_CHUNK);
    w->box = lk_alloc(LK_AEAD_BOX);
    lk_status s = w->plain && w->box ? LK_OK : consent_no_memory(err);
    if (s == LK_OK && strlen(path) >= sizeof w->path) s = LK_FAIL(err, LK_E_ARG, "the path %.60s... is too long", path);
    if (s == LK_OK) {
        strcpy(w->path, path);
        s = start(w, what, err);
    }
    if (s != LK_OK) lk_bind_abort(&w);
    *out = w;
    return s;
}

lk_status lk_bind_put(void *writer, const void *data, size_t n, lk_error *err)
{
    lk_bind_writer *w = writer;
    const uint8_t *p = data;
    if (n > w->left)
        return LK_FAIL(err, LK_E_BUG, "%s gets %zu bytes more than were announced", w->path, n - (size_t)w->left);
    w->left -= n;
    while (n > 0) {
        /* The last box is written by finish: only there it is known to be the last. */
        if (w->fill == LK_AEAD_CHUNK) {
            LK_TRY(write_box(w, w->plain, w->fill, false, err));
            w->fill = 0;
        }
        if (w->fill == 0 && n > LK_AEAD_CHUNK) {
            LK_TRY(write_box(w, p, LK_AEAD_CHUNK, false, err));
            p += LK_AEAD_CHUNK;
            n -= LK_AEAD_CHUNK;
            continue;
        }
        size_t piece = LK_MIN(n, LK_AEAD_CHUNK - w->fill);
        memcpy(w->plain + w->fill, p, piece);
        w->fill += piece;
        p += piece;
        n -= piece;
    }
    return LK_OK;
}

lk_status lk_bind_finish(lk_bind_writer **pw, lk_draft *out, lk_error *err)
{
    lk_bind_writer *w = *pw;
    *out = (lk_draft){.fd = -1};
    lk_status s = LK_OK;
    if (w->left) s = LK_FAIL(err, LK_E_BUG, "%s got %llu bytes less than were announced", w->path, (unsigned long long)w->left);
    if (s == LK_OK) s = write_box(w, w->plain, w->fill, true, err);
    if (s == LK_OK && (lk_fault_hit(LK_FAULT_SYNC) || fsync(w->draft.fd) != 0))
        s = LK_FAIL(err, LK_E_IO, "%s cannot be brought to the disk; check the disk", w->path);
    if (s == LK_OK) s = bind_key_check(w->key, err);
    if (s == LK_OK) {
        *out = w->draft;
        w->draft.fd = -1; /* the caller's now */
    }
    lk_bind_abort(pw);
    return s;
}

/* --- reading ------------------------------------------------------------------------------------------------ */

struct lk_bind_reader {
    int fd;
    lk_aead stream;
    lk_bind_key *key;
    uint8_t *head;             /* everything before the body, for the first box */
    size_t head_n;
    uint64_t left;             /* plain bytes not yet decrypted */
    uint8_t *box, *plain;
    size_t at, fill;           /* what of plain was handed out, and what is there */
    bool begun;
    char path[1024];
};

static lk_status read_all(int fd, void *to, size_t n, const char *path, lk_error *err)
{
    uint8_t *p = to;
    while (n > 0) {
        ssize_t got = lk_fault_hit(LK_FAULT_READ) ? (errno = EIO, -1) : read(fd, p, n);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return LK_FAIL(err, LK_E_IO, "%s cannot be read (%s); check the disk", path, strerror(errno));
        if (got == 0) return damaged(path, "it ends too early", err);
        p += got;
        n -= (size_t)got;
    }
    return LK_OK;
}

static lk_status open_file(const char *path, int *fd, lk_error *err)
{
    struct stat st;
    *fd = open(path, O_RDONLY | O_CLOEXEC);
    if (*fd < 0)
        return LK_FAIL(err, errno == ENOENT ? LK_E_NOTFOUND : LK_E_IO,
                       "%s cannot be opened (%s); check the name and its rights", path, strerror(errno));
    if (fstat(*fd, &st) == 0 && S_ISREG(st.st_mode)) return LK_OK;
    close(*fd);
    *fd = -1;
    return LK_FAIL(err, LK_E_IO, "%s is not a file", path);
}

/* Everything before the body, *before with its length *n (lk_free), and the header. The file's length must be the one
 * that the header speaks of. */
static lk_status read_before(int fd, const char *path, uint8_t **before, size_t *n, lk_bind_info *h, lk_error *err)
{
    uint8_t start_of[BEFORE];
    struct stat st;
    *before = NULL;
    if (fstat(fd, &st) != 0 || st.st_size < (off_t)BEFORE) return damaged(path, "it is too short", err);
    LK_TRY(read_all(fd, start_of, BEFORE, path, err));
    if (memcmp(start_of, magic, sizeof magic)) return damaged(path, "it does not begin like one", err);
    size_t head = (size_t)start_of[8] << 24 | (size_t)start_of[9] << 16 | (size_t)start_of[10] << 8 | start_of[11];
    if (head == 0 || head > BIND_HEAD_MAX) return damaged(path, "the length of its header is impossible", err);
    uint8_t *all = lk_alloc(BEFORE + head);
    if (!all) return consent_no_memory(err);
    memcpy(all, start_of, BEFORE);
    lk_error why = {0};
    lk_status s = read_all(fd, all + BEFORE, head, path, err);
    if (s == LK_OK) {
        s = lk_bind_info_decode(all + BEFORE, head, h, &why);
        if (s == LK_E_FORMAT) s = damaged(path, "its header is damaged or of another version", err);
        else if (s != LK_OK) LK_FAIL(err, s, "%s", why.message);
    }
    if (s == LK_OK && (uint64_t)st.st_size - BEFORE - head != lk_aead_sealed_size(h->bytes))
        s = damaged(path, "it was cut, or something stands behind its end", err);
    if (s != LK_OK) {
        lk_free(all);
        return s;
    }
    *before = all;
    *n = BEFORE + head;
    return LK_OK;
}

bool lk_bind_is(const char *path)
{
    char start_of[sizeof magic];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool is = fd >= 0 && read(fd, start_of, sizeof start_of) == (ssize_t)sizeof start_of &&
              !memcmp(start_of, magic, sizeof magic);
    if (fd >= 0) close(fd);
    return is;
}

lk_status lk_bind_info_read(const char *path, lk_bind_info *out, lk_error *err)
{
    int fd;
    size_t n;
    uint8_t *before;
    LK_TRY(open_file(path, &fd, err));
    lk_status s = read_before(fd, path, &before, &n, out, err);
    lk_free(before);
    close(fd);
    return s;
}

void lk_bind_close(lk_bind_reader **pr)
{
    lk_bind_reader *r = *pr;
    if (!r) return;
    if (r->fd >= 0) close(r->fd);
    lk_aead_clear(&r->stream);
    lk_bind_key_free(&r->key);
    lk_free(r->head);
    lk_free(r->box);
    if (r->plain) lk_wipe(r->plain, LK_AEAD_CHUNK);
    lk_free(r->plain);
    lk_free(r);
    *pr = NULL;
}

/* The next box, of the length that it must have there. */
static lk_status read_box(lk_bind_reader *r, uint8_t *to, size_t *n, lk_error *err)
{
    bool last = false;
    *n = (size_t)LK_MIN(r->left, (uint64_t)LK_AEAD_CHUNK);
    LK_TRY(read_all(r->fd, r->box, *n + LK_AEAD_EXTRA, r->path, err));
    lk_status s = lk_aead_pull(&r->stream, r->box, *n + LK_AEAD_EXTRA, r->begun ? NULL : r->head, r->begun ? 0 : r->head_n,
                               &last, to, NULL);
    r->begun = true;
    r->left -= *n;
    if (s != LK_OK || last != (r->left == 0))
        return LK_FAIL(err, LK_E_FORMAT,
                       "'%s' was changed after it was made: its header and its content do not belong together; take "
                       "another copy",
                       r->path);
    return LK_OK;
}

lk_status lk_bind_read(const char *path, const lk_grant *const *grants, int count, lk_bind_info *out,
                       lk_bind_reader **reader, lk_error *err)
{
    uint8_t stream_head[LK_AEAD_HEAD];
    *reader = NULL;
    if (strlen(path) >= sizeof((lk_bind_reader *)0)->path) return LK_FAIL(err, LK_E_ARG, "the path %.60s... is too long", path);
    lk_bind_reader *r = lk_calloc(1, sizeof *r);
    lk_bind_info *h = lk_alloc(sizeof *h);
    lk_status s = r && h ? LK_OK : consent_no_memory(err);
    if (r) r->fd = -1;
    if (s == LK_OK) strcpy(r->path, path);
    if (s == LK_OK) s = open_file(path, &r->fd, err);
    if (s == LK_OK) s = read_before(r->fd, path, &r->head, &r->head_n, h, err);
    if (s == LK_OK) s = lk_bind_key_open(h, path, grants, count, &r->key, err);
    if (s == LK_OK) s = read_all(r->fd, stream_head, sizeof stream_head, path, err);
    if (s == LK_OK) {
        lk_aead_open_begin(&r->stream, r->key->secret, stream_head);
        r->left = h->bytes;
        r->box = lk_alloc(LK_AEAD_BOX);
        r->plain = lk_alloc(LK_AEAD_CHUNK);
        if (!r->box || !r->plain) s = consent_no_memory(err);
    }
    /* The first box is opened at once: from then on the header is what was sealed. */
    if (s == LK_OK) s = read_box(r, r->plain, &r->fill, err);
    if (s == LK_OK && out) *out = *h;
    lk_free(h);
    if (s != LK_OK) lk_bind_close(&r);
    *reader = r;
    return s;
}

lk_status lk_bind_get(void *reader, void *to, size_t n, lk_error *err)
{
    lk_bind_reader *r = reader;
    uint8_t *p = to;
    while (n > 0) {
        if (r->at == r->fill) {
            size_t got;
            if (!r->left) return damaged(r->path, "its content is shorter than what should be in it", err);
            r->at = r->fill = 0;
            if (n >= LK_AEAD_CHUNK || n >= r->left) { /* straight to where it is wanted */
                LK_TRY(read_box(r, p, &got, err));
                p += got;
                n -= got;
                continue;
            }
            LK_TRY(read_box(r, r->plain, &r->fill, err));
        }
        size_t piece = LK_MIN(n, r->fill - r->at);
        memcpy(p, r->plain + r->at, piece);
        r->at += piece;
        p += piece;
        n -= piece;
    }
    return LK_OK;
}
