/* bench_vault: what binding costs. Tensors of the size of a 96 px model, of its checkpoint and of a dataset, written and
 * read plain and in a container, best of a few runs each.
 *
 *     bench_vault [MIB...]
 */
#include "dataset/drawn.h"
#include "dataset/vault.h"

enum { RUNS = 5 };

static lk_error err;

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
    double took[4][RUNS];
    lk_bind_key *key = NULL;
    lk_safetensors *st = NULL;
    strcpy(what.detail, "{}");
    drawn_path(w, "plain.safetensors", plain);
    drawn_path(w, "bound.likeness", bound);
    CHECK_OK(lk_bind_key_new("swap model", bound, grants, 2, &key, &err), &err);
    for (int i = 0; i < RUNS; i++) {
        double t0 = lk_now();
        CHECK_OK(lk_safetensors_write(plain, &t, 1, "", &err), &err);
        double t1 = lk_now();
        CHECK_OK(lk_vault_write(key, bound, &what, &t, 1, "", NULL, &err), &err);
        double t2 = lk_now();
        CHECK_OK(lk_safetensors_open(plain, &st, &err), &err);
        double t3 = lk_now();
        lk_safetensors_close(st);
        double t4 = lk_now();
        CHECK_OK(lk_vault_open(bound, grants, 2, NULL, &st, &err), &err);
        double t5 = lk_now();
        lk_safetensors_close(st);
        took[0][i] = t1 - t0, took[1][i] = t2 - t1, took[2][i] = t3 - t2, took[3][i] = t5 - t4;
    }
    printf("%7.1f MiB  write %7.1f ms plain, %7.1f ms bound   read %7.1f ms plain, %7.1f ms bound\n", mib,
           1e3 * best_of(took[0]), 1e3 * best_of(took[1]), 1e3 * best_of(took[2]), 1e3 * best_of(took[3]));
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
