/* bench_vault: what binding costs. Tensors of the size of a 96 px model, of its checkpoint and of a dataset, written and
 * read plain and in a container, best of a few runs each: by the clock, and (in brackets) in time of the processor, which
 * other programs do not disturb.
 *
 *     bench_vault [MIB...]
 */
#include "dataset/drawn.h"
#include "dataset/vault.h"

#include <time.h>

enum { RUNS = 5 };

static lk_error err;

static double cpu_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

typedef struct moment { double clock, cpu; } moment;

static moment now(void) { return (moment){lk_now(), cpu_now()}; }

static double best_of(double *t)
{
    double best = t[0];
    for (int i = 1; i < RUNS; i++) best = LK_MIN(best, t[i]);
    return best;
}

static void measure(const drawn_world *w, double mib)
{
    size_t bytes = (size_t)(mib * 1048576) / 4 * 4;
    uint8_t *data = lk_alloc(bytes);
    lk_rng r = lk_rng_at(1, 2, 3, 4);
    for (size_t i = 0; i < bytes; i += 4) {
        uint32_t x = lk_rng_u32(&r);
        memcpy(data + i, &x, 4);
    }
    lk_named_tensor t = {.name = "weights", .dtype = "F32", .rank = 1, .dim = {(int64_t)(bytes / 4)}, .data = data, .bytes = bytes};
    const lk_grant *grants[2] = {w->source, w->target};
    static lk_bind_info what;
    char plain[128], bound[128];
    double took[4][RUNS], cpu[4][RUNS];
    lk_bind_key *key = NULL;
    lk_safetensors *st = NULL;
    strcpy(what.detail, "{}");
    drawn_path(w, "plain.safetensors", plain);
    drawn_path(w, "bound.likeness", bound);
    CHECK_OK(lk_bind_key_new("swap model", bound, grants, 2, &key, &err), &err);
    for (int i = 0; i < RUNS; i++) {
        moment t0 = now();
        CHECK_OK(lk_safetensors_write(plain, &t, 1, "", &err), &err);
        moment t1 = now();
        CHECK_OK(lk_vault_write(key, bound, &what, &t, 1, "", NULL, &err), &err);
        moment t2 = now();
        CHECK_OK(lk_safetensors_open(plain, &st, &err), &err);
        moment t3 = now();
        lk_safetensors_close(st);
        moment t4 = now();
        CHECK_OK(lk_vault_open(bound, grants, 2, NULL, &st, &err), &err);
        moment t5 = now();
        lk_safetensors_close(st);
        const moment from[] = {t0, t1, t2, t4}, to[] = {t1, t2, t3, t5};
        for (int m = 0; m < 4; m++) took[m][i] = to[m].clock - from[m].clock, cpu[m][i] = to[m].cpu - from[m].cpu;
    }
    static const char *const names[] = {"write plain", "write bound", "read plain", "read bound"};
    printf("%7.1f MiB", mib);
    for (int m = 0; m < 4; m++) printf("   %s %6.1f ms (%6.1f)", names[m], 1e3 * best_of(took[m]), 1e3 * best_of(cpu[m]));
    printf("\n");
    lk_bind_key_free(&key);
    lk_free(data);
}

int main(int argc, char **argv)
{
    drawn_world w;
    drawn_world_open(&w);
    for (int i = 1; i < argc; i++) measure(&w, atof(argv[i]));
    if (argc == 1) {
        measure(&w, 15.6); /* a 96 px model, bf16 */
        measure(&w, 200);  /* its checkpoint, or 2000 samples of a dataset */
    }
    drawn_world_close(&w);
    return check_failures != 0;
}
