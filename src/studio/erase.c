/* erase.c: forgetting a person. Consent ends and every key goes first, in one step of the registry (consent/erase.c):
 * whatever happens after that, nothing of theirs opens any more. Then files are removed, one by one, then the names. */
#include "consent/bind.h"
#include "studio/lineage.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct erasing {
    lk_project *p;
    lk_copies *copies;        /* NULL: nothing was ever registered */
    lk_erasure e;
    lk_erase_result *result;
    lk_hash *gone;            /* assets whose path is forgotten */
    int gone_count, gone_cap;
    lk_line_fn out;
    void *user;
    lk_error *err;
} erasing;

static lk_status no_memory(lk_error *err) { return LK_FAIL(err, LK_E_NOMEM, "no memory to erase a person"); }

static void say(erasing *x, const char *what, const char *path)
{
    char line[4352];
    snprintf(line, sizeof line, "%s %s", what, path);
    x->out(x->user, line);
}

/* A file that cannot be removed stops the erasure: it is not over until everything is gone, and can be taken up again. */
static lk_status remove_file(erasing *x, const char *path)
{
    if (unlink(path) != 0) {
        if (errno == ENOENT) return LK_OK;
        return LK_FAIL(x->err, LK_E_IO, "%s cannot be removed (%s); see to that, then run the same command again: consent is "
                       "revoked and the keys are destroyed already", path, strerror(errno));
    }
    x->result->removed++;
    say(x, "removed", path);
    return LK_OK;
}

static lk_status forget(erasing *x, const lk_hash *h)
{
    if (x->gone_count == x->gone_cap) {
        int cap = x->gone_cap * 2 + 32;
        lk_hash *more = lk_realloc(x->gone, (size_t)x->gone_count * sizeof *more, (size_t)cap * sizeof *more);
        if (!more) return no_memory(x->err);
        x->gone = more;
        x->gone_cap = cap;
    }
    x->gone[x->gone_count++] = *h;
    return LK_OK;
}

/* Pictures that show how a training goes are made by the project for itself: they go with the model. */
static bool working_picture(const lk_asset *a) { return !strncmp(a->note, "training preview", 16); }

/* How outputs look stays registered: copies of them can still be found, and taken down. Previews were never published. */
static lk_status drop_look(erasing *x, const lk_hash *h)
{
    lk_error why = {0};
    lk_status s = lk_copies_remove(x->copies, h, &why);
    return s == LK_OK || s == LK_E_NOTFOUND ? LK_OK : LK_FAIL(x->err, s, "%s", why.message);
}

static lk_status see_asset(void *user, const lk_asset *a)
{
    erasing *x = user;
    char where[1024];
    lk_file_state s = lk_file_look(x->p, a, where);
    bool there = s == LK_FILE_THERE || s == LK_FILE_CHANGED;
    if (!strcmp(a->kind, "dataset") || !strcmp(a->kind, "model")) {
        /* A copy outside the project is of no use to anybody: its key is gone. */
        if (there && lk_file_inside(x->p, where)) LK_TRY(remove_file(x, where));
        return forget(x, &a->hash);
    }
    if (!strcmp(a->kind, "media")) {
        if (there) say(x, "your own footage stays, delete it yourself:", where);
        return forget(x, &a->hash);
    }
    if (working_picture(a)) {
        if (there && lk_file_inside(x->p, where)) LK_TRY(remove_file(x, where));
        if (x->copies) LK_TRY(drop_look(x, &a->hash));
        return forget(x, &a->hash);
    }
    if (x->e.outputs && s == LK_FILE_THERE && lk_file_inside(x->p, where)) {
        LK_TRY(remove_file(x, where));
        return forget(x, &a->hash);
    }
    if (s == LK_FILE_THERE) {
        x->result->left++;
        say(x, "still there:", where);
    } else if (s == LK_FILE_GONE) {
        say(x, "made, but no longer where it was put:", where);
    }
    return LK_OK;
}

static lk_status see_key(void *user, const lk_bound *b)
{
    erasing *x = user;
    char path[1100];
    if (strcmp(b->kind, "swap checkpoint") || !*b->path) return LK_OK;
    for (int generation = 0; generation < 3; generation++) {
        int n = generation ? snprintf(path, sizeof path, "%s/work/%s.%d", x->p->dir, lk_path_base(b->path), generation)
                           : snprintf(path, sizeof path, "%s/work/%s", x->p->dir, lk_path_base(b->path));
        if (n > 0 && n < (int)sizeof path) LK_TRY(remove_file(x, path));
    }
    return LK_OK;
}

static lk_status see_record(void *user, const lk_consent_record *c, const char *state)
{
    erasing *x = user;
    return lk_bound_each(x->p->registry, c->id, see_key, x, x->err);
}

/* What belongs to the person by its name: datasets that never made it into the lineage, drafts of a killed import. */
static lk_status sweep(erasing *x, const char *folder)
{
    char dir[900], prefix[164], path[1200];
    lk_project_file_name(x->e.name, prefix);
    strcat(prefix, ".");
    snprintf(dir, sizeof dir, "%s/%s", x->p->dir, folder);
    DIR *d = opendir(dir);
    lk_status s = LK_OK;
    for (struct dirent *f; d && s == LK_OK && (f = readdir(d));) {
        if (strncmp(f->d_name, prefix, strlen(prefix))) continue;
        snprintf(path, sizeof path, "%s/%s", dir, f->d_name);
        s = remove_file(x, path);
    }
    if (d) closedir(d);
    return s;
}

lk_status lk_people_erase(lk_project *p, const char *name, bool outputs, lk_erase_result *result, lk_line_fn out, void *user,
                          lk_error *err)
{
    erasing x = {.p = p, .result = result, .out = out, .user = user, .err = err};
    memset(result, 0, sizeof *result);
    LK_TRY(lk_erase_begin(p->registry, name, outputs, &x.e, err));
    result->resumed = x.e.resumed;
    lk_status s = lk_copies_open(p->dir, false, &x.copies, err);
    if (s == LK_E_NOTFOUND) s = LK_OK;
    if (s == LK_OK) s = lk_asset_of_subject(p->registry, x.e.subject, see_asset, &x, err);
    if (s == LK_OK) s = lk_consent_each(p->registry, x.e.subject, see_record, &x, err);
    if (s == LK_OK) s = sweep(&x, "datasets");
    if (s == LK_OK) s = sweep(&x, "enrolment");
    if (s == LK_OK) s = lk_erase_finish(p->registry, &x.e, x.gone, x.gone_count, result->removed, err);
    lk_copies_close(&x.copies);
    lk_free(x.gone);
    return s;
}
