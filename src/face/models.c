/* models.c: where the shipped weights are. */
#include "face/face.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>
#include <unistd.h>

#ifndef LK_INSTALLED_MODELS
#define LK_INSTALLED_MODELS "/usr/local/share/likeness/models"
#endif
#define PROBE "face-detect.safetensors"
#define LEVELS_UP 4 /* from the program to the top of a source tree built inside itself */

static char chosen[1024];
static once_flag once = ONCE_FLAG_INIT;

static bool holds_models(const char *dir)
{
    char path[1200];
    snprintf(path, sizeof path, "%s/" PROBE, dir);
    return lk_path_exists(path);
}

/* Beside the program: PREFIX/bin/.. /share/likeness/models of an installation that was moved, or models/ of
 * the source tree that the build folder lies in. */
static bool beside_program(char *out, size_t n)
{
    char exe[800];
    ssize_t len = readlink("/proc/self/exe", exe, sizeof exe - 1);
    if (len <= 0) return false;
    exe[len] = 0;
    for (int up = 0; up < LEVELS_UP; up++) {
        char *slash = strrchr(exe, '/');
        if (!slash) return false;
        *slash = 0;
        snprintf(out, n, "%s/share/likeness/models", exe);
        if (up == 1 && holds_models(out)) return true;
        snprintf(out, n, "%s/models", exe);
        if (holds_models(out)) return true;
    }
    return false;
}

static void choose(void)
{
    if (!beside_program(chosen, sizeof chosen)) snprintf(chosen, sizeof chosen, "%s", LK_INSTALLED_MODELS);
}

const char *lk_models_dir(void)
{
    const char *given = getenv("LIKENESS_MODELS");
    if (given && *given) return given;
    call_once(&once, choose);
    return chosen;
}
