/* copies.c: registry add, list, remove: the files that a project watches for. */
#include "mark/copies/copies.h"
#include "studio/studio.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_FILES = 1000000, MAX_DEPTH = 32 };

/* --- which files --------------------------------------------------------------------------------- */

typedef struct file_row {
    char *path;
    int64_t bytes;
    bool named; /* on the command line, not found in a folder */
} file_row;

typedef struct file_list {
    file_row *v;
    int count, cap;
    int64_t bytes;
} file_list;

static void list_clear(file_list *l)
{
    for (int i = 0; i < l->count; i++) lk_free(l->v[i].path);
    lk_free(l->v);
    *l = (file_list){0};
}

static lk_status list_add(file_list *l, const char *path, int64_t bytes, bool named, lk_error *err)
{
    if (l->count == MAX_FILES) return LK_FAIL(err, LK_E_RANGE, "more than %d files at once; add the folders one by one", MAX_FILES);
    if (l->count == l->cap) {
        int cap = l->cap ? l->cap * 2 : 64;
        file_row *v = lk_realloc(l->v, (size_t)l->cap * sizeof *v, (size_t)cap * sizeof *v);
        if (!v) return LK_FAIL(err, LK_E_NOMEM, "no memory for a list of %d files", cap);
        l->v = v;
        l->cap = cap;
    }
    char *copy = lk_strdup(path);
    if (!copy) return LK_FAIL(err, LK_E_NOMEM, "no memory for a list of files");
    l->v[l->count++] = (file_row){copy, bytes, named};
    l->bytes += bytes;
    return LK_OK;
}

static bool not_hidden(const char *name) { return name[0] != '.'; }

/* In the order of names, so that the same folder is read the same way each time. Links to folders are not followed, and a
 * project's own folder is no footage. */
static lk_status list_folder(file_list *l, const char *dir, int depth, lk_error *err)
{
    char **names = NULL;
    int n = 0;
    if (depth > MAX_DEPTH) return LK_FAIL(err, LK_E_RANGE, "%s lies more than %d folders deep; add it by itself", dir, MAX_DEPTH);
    lk_status s = lk_dir_list(dir, not_hidden, &names, &n, err);
    for (int i = 0; i < n && s == LK_OK; i++) {
        struct stat st;
        char *path = lk_strfmt("%s/%s", dir, names[i]);
        if (!path) s = LK_FAIL(err, LK_E_NOMEM, "no memory for a list of files");
        if (path && lstat(path, &st) == 0) {
            if (S_ISLNK(st.st_mode) && stat(path, &st) == 0 && S_ISDIR(st.st_mode)) st.st_mode = 0;
            char *db = S_ISDIR(st.st_mode) ? lk_strfmt("%s/registry.db", path) : NULL;
            if (S_ISREG(st.st_mode)) s = list_add(l, path, st.st_size, false, err);
            else if (S_ISDIR(st.st_mode) && !(db && lk_path_exists(db))) s = list_folder(l, path, depth + 1, err);
            lk_free(db);
        }
        lk_free(path);
    }
    lk_dir_list_free(names, n);
    return s;
}

static lk_status list_files(file_list *l, const lk_copies_job *job, lk_error *err)
{
    for (int i = 0; i < job->path_count; i++) {
        struct stat st;
        if (stat(job->paths[i], &st) != 0)
            return LK_FAIL(err, LK_E_NOTFOUND, "there is no file or folder %s; check the name", job->paths[i]);
        LK_TRY(S_ISDIR(st.st_mode) ? list_folder(l, job->paths[i], 0, err) : list_add(l, job->paths[i], st.st_size, true, err));
    }
    if (!l->count) return LK_FAIL(err, LK_E_NOTFOUND, "there are no files in %s", job->path_count ? job->paths[0] : "nothing");
    return LK_OK;
}

/* --- adding ------------------------------------------------------------------------------------------ */

typedef struct adding {
    lk_meter meter;
    int64_t before, bytes; /* of the files that are done, of this one */
    const char *name;
} adding;

static void watch(void *user, double seconds, double duration)
{
    adding *a = user;
    double part = duration > 0 ? LK_CLAMP(seconds / duration, 0.0, 1.0) : 0;
    lk_meter_set(&a->meter, (a->before + (int64_t)(part * (double)a->bytes)) / 1000, a->name);
}

static lk_status add_one(lk_copies *c, const file_row *f, adding *a, lk_copies_result *r, const lk_cancel *cancel, lk_error *err)
{
    lk_copy_entry *e = lk_calloc(1, sizeof *e), *old = lk_calloc(1, sizeof *old);
    lk_copies_hashes *h = NULL;
    char *full = lk_path_real(f->path);
    lk_status s = e && old ? LK_OK : LK_FAIL(err, LK_E_NOMEM, "no memory to register %s", f->path);
    if (s) goto done;
    if (!full || strlen(full) >= sizeof e->path) {
        s = LK_FAIL(err, LK_E_RANGE, "the path of %s is too long or gone", f->path);
        goto done;
    }
    LK_GOTO(done, lk_hash_file(full, &e->file, err));
    s = lk_copies_by_file(c, &e->file, old, NULL);
    if (s == LK_OK && !strcmp(old->path, full)) {
        r->known++;
        goto done;
    }
    if (s != LK_OK && s != LK_E_NOTFOUND) LK_GOTO(done, lk_copies_by_file(c, &e->file, old, err));
    LK_GOTO(done, lk_copies_hashes_watch(full, &h, watch, a, cancel, err));
    strcpy(e->path, full);
    strcpy(e->kind, "added");
    e->created = lk_wall_time();
    LK_GOTO(done, lk_copies_add(c, e, h, err));
    r->added++;
    if (lk_copies_by_file(c, &e->file, old, NULL) == LK_OK) r->clip_seconds += old->duration;
done:
    lk_copies_hashes_free(&h);
    lk_free(full);
    lk_free(e);
    lk_free(old);
    return s;
}

/* These say something about one file; the rest (disk, memory, the database, Ctrl-C) about all that would follow. */
static bool only_this_file(lk_status s)
{
    return s == LK_E_FORMAT || s == LK_E_NOTFOUND || s == LK_E_RANGE || s == LK_E_UNSUPPORTED || s == LK_E_IO;
}

lk_status lk_copies_job_add(lk_project *p, const lk_copies_job *job, lk_copies_result *result, lk_line_fn out, void *user,
                            const lk_cancel *cancel, const lk_progress_sink *progress, lk_error *err)
{
    file_list list = {0};
    lk_copies *c = NULL;
    lk_error first = {0}, why = {0};
    lk_status failed = LK_OK;
    adding a = {.name = ""};
    double start = lk_now();
    memset(result, 0, sizeof *result);
    lk_status s;
    LK_GOTO(done, list_files(&list, job, err));
    LK_GOTO(done, lk_copies_open(p->dir, true, &c, err));
    result->files = list.count;
    lk_meter_init(&a.meter, progress, "register", "kB", list.bytes / 1000);
    for (int i = 0; i < list.count; i++) {
        if (lk_cancel_raised(cancel)) {
            s = LK_E_CANCELLED;
            break;
        }
        a.name = lk_path_base(list.v[i].path);
        a.bytes = list.v[i].bytes;
        lk_meter_set(&a.meter, a.before / 1000, a.name);
        s = add_one(c, &list.v[i], &a, result, cancel, &why);
        if (s && !only_this_file(s)) {
            if (err) *err = why;
            break;
        }
        if (s) {
            lk_text line = {0};
            lk_text_add(&line, "skipped: %s", why.message);
            if (out && line.s && !line.failed) out(user, line.s);
            lk_text_clear(&line);
            result->skipped++;
            if (list.v[i].named && !failed) {
                failed = s;
                first = why;
            }
        }
        s = LK_OK;
        a.before += list.v[i].bytes;
    }
    if (!s) {
        lk_meter_set(&a.meter, list.bytes / 1000, NULL);
        lk_meter_finish(&a.meter, NULL);
    }
    if (!s && failed) {
        s = failed;
        if (err) *err = first;
    } else if (!s && result->skipped == result->files) {
        s = LK_FAIL(err, LK_E_FORMAT, "none of the %lld files is a clip, a picture or sound that can be read", (long long)result->files);
    }
done:
    result->seconds = lk_now() - start;
    lk_copies_close(&c);
    list_clear(&list);
    return s;
}

/* --- listing and removing ---------------------------------------------------------------------------------- */

typedef struct listing {
    lk_line_fn out;
    void *user;
    bool json;
    int64_t count;
} listing;

static lk_status list_entry(void *user, const lk_copy_entry *e)
{
    listing *l = user;
    char when[32], hex[LK_HASH_HEX];
    lk_text t = {0};
    lk_time_iso(e->created, when);
    lk_hash_hex(&e->file, hex);
    if (l->json) {
        lk_text_add(&t, "{\"sha256\":\"%s\",\"path\":", hex);
        lk_json_quote(&t, e->path);
        lk_text_add(&t, ",\"kind\":\"%s\",\"created\":\"%s\",\"duration\":", e->kind, when);
        lk_json_add_number(&t, e->duration);
        lk_text_add(&t, ",\"watermark\":\"%016llx\",\"manifest\":", (unsigned long long)e->watermark);
        lk_json_quote(&t, e->manifest);
        lk_text_add(&t, "}");
    } else {
        lk_text_add(&t, "%.12s  %.10s  %-6s  %8.1f s  %s", hex, when, e->kind, e->duration, e->path);
    }
    lk_status s = t.failed ? LK_E_NOMEM : LK_OK;
    if (s == LK_OK) l->out(l->user, t.s);
    lk_text_clear(&t);
    l->count++;
    return s;
}

lk_status lk_copies_job_list(lk_project *p, bool json, lk_line_fn out, void *user, lk_error *err)
{
    listing l = {out, user, json, 0};
    lk_copies *c = NULL;
    lk_status s = lk_copies_open(p->dir, false, &c, err);
    if (s == LK_OK) s = lk_copies_each(c, list_entry, &l, err);
    lk_copies_close(&c);
    if (s == LK_E_NOTFOUND) s = LK_OK;
    if (s == LK_OK && !l.count && !json) out(user, "nothing is registered here yet; begin with: likeness registry add FOLDER");
    return s;
}

typedef struct wanted {
    const char *path, *digits; /* either may be NULL */
    int found;
    lk_copy_entry entry;
} wanted;

static lk_status compare_entry(void *user, const lk_copy_entry *e)
{
    wanted *w = user;
    char hex[LK_HASH_HEX];
    lk_hash_hex(&e->file, hex);
    if ((w->path && !strcmp(w->path, e->path)) || (w->digits && !strncmp(w->digits, hex, strlen(w->digits)))) {
        w->entry = *e;
        w->found++;
    }
    return LK_OK;
}

/* By the path under which it was added, else by the digits of its hash, else by what is in the file now. */
static lk_status find_entry(lk_copies *c, const char *file, wanted *w, lk_error *err)
{
    char *full = lk_path_real(file);
    size_t digits = strspn(file, "0123456789abcdef");
    *w = (wanted){.path = full ? full : file, .digits = digits >= 8 && !file[digits] ? file : NULL};
    lk_status s = lk_copies_each(c, compare_entry, w, err);
    if (s == LK_OK && !w->found && full) {
        lk_hash hash;
        s = lk_hash_file(full, &hash, err);
        if (s == LK_OK && lk_copies_by_file(c, &hash, &w->entry, NULL) == LK_OK) w->found = 1;
    }
    lk_free(full);
    if (s) return s;
    if (!w->found) return LK_FAIL(err, LK_E_NOTFOUND, "%s is not registered here; likeness registry list shows what is", file);
    if (w->found > 1) return LK_FAIL(err, LK_E_ARG, "%d registered files fit %s; give more digits of the SHA-256", w->found, file);
    return LK_OK;
}

lk_status lk_copies_job_remove(lk_project *p, const char *file, lk_line_fn out, void *user, lk_error *err)
{
    lk_copies *c = NULL;
    wanted *w = lk_calloc(1, sizeof *w);
    lk_text line = {0};
    lk_status s = w ? lk_copies_open(p->dir, false, &c, err) : LK_FAIL(err, LK_E_NOMEM, "no memory to look for %s", file);
    if (s) goto done;
    LK_GOTO(done, find_entry(c, file, w, err));
    if (!strcmp(w->entry.kind, "output")) {
        s = LK_FAIL(err, LK_E_STATE, "%s is an output of this project: its hidden mark leads to this row, so the row stays", w->entry.path);
        goto done;
    }
    LK_GOTO(done, lk_copies_remove(c, &w->entry.file, err));
    lk_text_add(&line, "no longer registered: %s (the file itself was not touched)", w->entry.path);
    if (out && line.s && !line.failed) out(user, line.s);
done:
    lk_text_clear(&line);
    lk_free(w);
    lk_copies_close(&c);
    return s;
}
