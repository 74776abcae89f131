/* bench_copies.c: the registry of copies: speed among a million hashes, and what is found of edited clips. */
#include "mark/copies/eval.h"
#include "studio/studio.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_CLIPS = 256, HASHES = 1000000 };

static lk_status row(void *user, const char *what, const char *figure, double value, const char *unit, const char *target, lk_error *err)
{
    return lk_bench_row(user, what, figure, value, unit, target, err);
}

typedef struct clip_list {
    lk_copies_eval_clip v[MAX_CLIPS];
    int count;
} clip_list;

static bool wanted(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && (!strcmp(dot, ".mp4") || !strcmp(dot, ".mpg"));
}

/* Clips that show one performance: X_face_on_Y_perf and Y_perf_smile are edits of Y's. */
static void group_of(const char *folder, const char *name, char out[64])
{
    const char *actor = strstr(name, "_face_on_");
    char c = actor ? actor[9] : name[0];
    if (strstr(folder, "truth/")) snprintf(out, 64, "%c perf", c);
    else if (strstr(folder, "actors/")) snprintf(out, 64, "%c %.4s", folder[strlen(folder) - 1], name);
    else snprintf(out, 64, "%.60s", name);
}

static void add_folder(clip_list *l, const char *data, const char *folder)
{
    char path[1024];
    char **names = NULL;
    int n = 0;
    snprintf(path, sizeof path, "%.700s/%s", data, folder);
    if (lk_dir_list(path, wanted, &names, &n, NULL)) return; /* what is not there is not measured */
    for (int i = 0; i < n; i++) {
        if (l->count < MAX_CLIPS) {
            lk_copies_eval_clip *c = &l->v[l->count++];
            snprintf(c->path, sizeof c->path, "%.760s/%.200s", path, names[i]);
            group_of(folder, names[i], c->group);
        }
    }
    lk_dir_list_free(names, n);
}

static lk_status clips(const lk_bench *b, const char *data, const char *dir, lk_error *err)
{
    static const char *const folders[] = {"grid/s1", "grid/other", "video_intel", "actors/actors/A", "actors/actors/B", "actors/actors/C",
                                          "actors/actors/D", "actors/actors/E", "actors/actors/F", "actors/truth/swap",
                                          "actors/truth/expression", "actors/truth/lipsync"};
    lk_bench copy = *b;
    clip_list *l = lk_calloc(1, sizeof *l);
    if (!l) return LK_FAIL(err, LK_E_NOMEM, "no memory for the bench");
    for (size_t i = 0; i < LK_COUNT(folders); i++) add_folder(l, data, folders[i]);
    lk_status s = l->count ? lk_copies_eval_clips(dir, l->v, l->count, row, &copy, b->cancel, b->progress, err) : LK_OK;
    if (!l->count) lk_bench_line(b, "no clips in %s: say where they are with --data or LIKENESS_DATA", data);
    lk_free(l);
    return s;
}

/* A database of its own each time. */
static lk_status fresh(const lk_bench *b, const char *name, char out[1024], lk_error *err)
{
    static const char *const sides[] = {"", "-wal", "-shm"};
    const char *tmp = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
    if (b->job->work) snprintf(out, 1024, "%.900s/%s", b->job->work, name);
    else snprintf(out, 1024, "%.900s/likeness-bench-%ld-%s", tmp, (long)getpid(), name);
    LK_TRY(lk_dir_make(out, err));
    for (size_t i = 0; i < LK_COUNT(sides); i++) {
        char path[1100];
        snprintf(path, sizeof path, "%s/copies.db%s", out, sides[i]);
        unlink(path);
    }
    return LK_OK;
}

lk_status lk_bench_copies(const lk_bench *b, lk_error *err)
{
    char dir[1024], path[1100];
    lk_bench copy = *b;
    const char *only = b->job->only, *given = b->job->data ? b->job->data : getenv("LIKENESS_DATA");
    lk_status s = LK_OK;
    if (!only || !strcmp(only, "index")) {
        LK_TRY(fresh(b, "index", dir, err));
        s = lk_copies_eval_index(dir, HASHES, row, &copy, err);
        snprintf(path, sizeof path, "%s/copies.db", dir);
        unlink(path);
        rmdir(dir);
    }
    if (s || (only && strcmp(only, "clips"))) return s;
    LK_TRY(fresh(b, "clips", dir, err));
    s = clips(b, given && *given ? given : "../shared/data", dir, err);
    snprintf(path, sizeof path, "%s/copies.db", dir);
    if (!b->job->work) {
        unlink(path);
        rmdir(dir);
    }
    return s;
}
