/* doctor.c: is everything here that the program needs? In lines a person can send along. */
#include "make/swap/swap.h"
#include "studio/studio.h"

#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#include <unistd.h>

const char *lk_version(void) { return LK_VERSION; }
const char *lk_models_where(void) { return lk_models_dir(); }
void lk_threads_set(int n) { if (n > 0) lk_thread_budget_set(n); else lk_thread_budget_set(lk_thread_budget()); }

const char *lk_samples_where(void)
{
    static char found[1024];
    const char *given = getenv("LIKENESS_SAMPLES");
    const char *places[] = {given, LK_SAMPLES_DIR, LK_SOURCE_DIR "/samples", "samples"};
    for (size_t i = 0; i < LK_COUNT(places); i++) {
        if (!places[i] || !*places[i]) continue;
        snprintf(found, sizeof found, "%s/actor-a-train.mp4", places[i]);
        if (!lk_path_exists(found)) continue;
        snprintf(found, sizeof found, "%s", places[i]);
        return found;
    }
    return NULL;
}

static void say(lk_line_fn out, void *user, bool ok, const char *what, const char *fmt, ...) LK_PRINTF(5, 6);
static void say(lk_line_fn out, void *user, bool ok, const char *what, const char *fmt, ...)
{
    char text[900], row[1000];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    snprintf(row, sizeof row, "%-8s %-12s %s", ok ? "ok" : "MISSING", what, text);
    out(user, row);
}

static bool check_cpu(lk_line_fn out, void *user)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"), avx512 = __builtin_cpu_supports("avx512f");
    say(out, user, avx2, "CPU", "%d threads, %s%s%s", lk_thread_budget(), avx2 ? "AVX2" : "no AVX2: much slower",
        avx512 ? ", AVX-512" : "", lk_cpu_has_bf16() ? ", bf16 arithmetic" : "; networks run in f32");
#else
    say(out, user, true, "CPU", "%d threads; networks run in f32", lk_thread_budget());
#endif
    return true; /* a slow CPU is still enough */
}

static bool check_memory(lk_line_fn out, void *user)
{
    double total = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE) / 1e9;
    bool ok = total > 1.9;
    say(out, user, ok, "memory", "%.1f GB%s", total, ok ? "" : ": training a 96 px model wants 2 GB");
    return ok;
}

static bool check_disk(lk_line_fn out, void *user)
{
    double disk = (double)lk_disk_free(".") / 1e9;
    bool ok = disk > 1.0;
    say(out, user, ok, "disk", "%.1f GB free here%s", disk, ok ? "" : ": a project wants 1 GB");
    return ok;
}

static bool check_models(lk_line_fn out, void *user)
{
    static const char *const names[] = {"face-detect", "face-landmark", "face-mask", "face-id", "voice-speaker", "swap-base-96"};
    bool all = true;
    for (size_t i = 0; i < LK_COUNT(names); i++) {
        char path[1200];
        lk_safetensors *st = NULL;
        lk_error err = {0};
        snprintf(path, sizeof path, "%s/%s.safetensors", lk_models_dir(), names[i]);
        lk_status s = lk_safetensors_open(path, &st, &err);
        if (s) say(out, user, false, names[i], "%s", err.message);
        else say(out, user, true, names[i], "%d tensors, %.1f MB", lk_safetensors_count(st), (double)lk_file_size(path) / 1e6);
        all &= s == LK_OK;
        lk_safetensors_close(st);
    }
    return all;
}

/* A clean open of the analyser runs every analysis network's plan: libraries included. */
static bool check_engine(lk_line_fn out, void *user)
{
    lk_analyser *a = NULL;
    lk_error err = {0};
    lk_status s = lk_analyser_open(NULL, &a, &err);
    say(out, user, s == LK_OK, "engine", "%s", s ? err.message : "networks plan and bind");
    lk_analyser_close(&a);
    return s == LK_OK;
}

lk_status lk_doctor_run(lk_line_fn out, void *user, lk_error *err)
{
    char versions[400];
    lk_media_versions(versions, sizeof versions);
    say(out, user, true, "likeness", "%s, models in %s", LK_VERSION, lk_models_dir());
    say(out, user, true, "libraries", "%s", versions);
    bool ok = check_cpu(out, user);
    ok &= check_memory(out, user);
    ok &= check_disk(out, user);
    ok &= check_models(out, user);
    ok &= check_engine(out, user);
    const char *samples = lk_samples_where();
    say(out, user, true, "samples", "%s", samples ? samples : "not installed (only the demo wants them)");
    return ok ? LK_OK : LK_FAIL(err, LK_E_NOTFOUND, "something that is needed is missing, see above; in the source folder `make deps` installs it");
}
