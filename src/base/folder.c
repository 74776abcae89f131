/* folder.c: what a folder holds, and where a path leads; in memory that lk_free frees. */
#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

lk_status lk_dir_list(const char *dir, bool (*keep)(const char *name), char ***names, int *count, lk_error *err)
{
    struct dirent **found = NULL;
    *names = NULL;
    *count = 0;
    int n = scandir(dir, &found, NULL, alphasort), kept = 0;
    if (n < 0) return LK_FAIL(err, LK_E_IO, "the folder %s cannot be read (%m); check its name and rights", dir);
    char **list = lk_calloc((size_t)n + 1, sizeof *list);
    lk_status s = list ? LK_OK : LK_FAIL(err, LK_E_NOMEM, "no memory to list the folder %s", dir);
    for (int i = 0; i < n; i++) {
        const char *name = found[i]->d_name;
        if (s == LK_OK && strcmp(name, ".") && strcmp(name, "..") && (!keep || keep(name))) {
            list[kept] = lk_strdup(name);
            if (list[kept]) kept++;
            else s = LK_FAIL(err, LK_E_NOMEM, "no memory to list the folder %s", dir);
        }
        free(found[i]); /* scandir took it from the C library */
    }
    free(found);
    if (s) {
        lk_dir_list_free(list, kept);
        return s;
    }
    *names = list;
    *count = kept;
    return LK_OK;
}

void lk_dir_list_free(char **names, int count)
{
    for (int i = 0; i < count; i++) lk_free(names[i]);
    lk_free(names);
}

char *lk_path_real(const char *path)
{
    char whole[PATH_MAX];
    return realpath(path, whole) ? lk_strdup(whole) : NULL;
}
