/* Times each operator of the 96 px df-ud swap network (E32 AE128 D32 M16; batch
 * 16 through the encoder, 8 through each of two decoders) and the losses of its
 * training step. Built with the tests, run by hand:
 *
 *     bench_tensor_ops [f32|bf16] [name prefix]
 *
 * Times are the best of many, in microseconds; count is how often the step runs
 * the row. The last lines are what a step would cost if it were the sum of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

#define S(n_, h_, w_, c_) {.n = n_, .h = h_, .w = w_, .c = c_}
#define CONV(o, k, s, ...) {.out_c = o, .kernel = k, .stride = s, .pad = k / 2, .bias = true, __VA_ARGS__}
#define LEAKY .act = LK_ACT_LEAKY, .slope = 0.1f

typedef struct bench_row { op_case c; int count; bool no_input_grad; } bench_row;

static const bench_row rows[] = {
    {{"cast in 96", LK_OP_CAST, {.type = LK_BF16}, 1, {S(16, 96, 96, 3)}}, 1, true},
    {{"enc conv5s2 3-32", LK_OP_CONV, CONV(32, 5, 2, LEAKY), 1, {S(16, 96, 96, 3)}}, 1, true},
    {{"enc conv5s2 32-64", LK_OP_CONV, CONV(64, 5, 2, LEAKY), 1, {S(16, 48, 48, 32)}}, 1},
    {{"enc conv5s2 64-128", LK_OP_CONV, CONV(128, 5, 2, LEAKY), 1, {S(16, 24, 24, 64)}}, 1},
    {{"enc conv5s2 128-256", LK_OP_CONV, CONV(256, 5, 2, LEAKY), 1, {S(16, 12, 12, 128)}}, 1},
    {{"dense 9216-128", LK_OP_DENSE, {.out_c = 128, .bias = true}, 1, {S(16, 6, 6, 256)}}, 1},
    {{"dense 128-1152", LK_OP_DENSE, {.out_c = 1152, .bias = true}, 1, {S(16, 1, 1, 128)}}, 1},
    {{"inter conv3 128-512 3px", LK_OP_CONV, CONV(512, 3, 1, LEAKY), 1, {S(16, 3, 3, 128)}}, 1},
    {{"shuffle 3px-6px 128", LK_OP_PIXEL_SHUFFLE, {.factor = 2}, 1, {S(16, 3, 3, 512)}}, 1},
    {{"dec conv3 128-1024 6px", LK_OP_CONV, CONV(1024, 3, 1, LEAKY), 1, {S(8, 6, 6, 128)}}, 2},
    {{"shuffle 6px-12px 256", LK_OP_PIXEL_SHUFFLE, {.factor = 2}, 1, {S(8, 6, 6, 1024)}}, 2},
    {{"res conv3 256 12px", LK_OP_CONV, CONV(256, 3, 1, .act = LK_ACT_LEAKY, .slope = 0.2f),
      1, {S(8, 12, 12, 256)}}, 2},
    {{"res conv3 256 12px linear", LK_OP_CONV, CONV(256, 3, 1), 1, {S(8, 12, 12, 256)}}, 2},
    {{"res add 256 12px", LK_OP_ADD, {.act = LK_ACT_LEAKY, .slope = 0.2f},
      2, {S(8, 12, 12, 256), S(8, 12, 12, 256)}}, 2},
    {{"dec conv3 256-512 12px", LK_OP_CONV, CONV(512, 3, 1, LEAKY), 1, {S(8, 12, 12, 256)}}, 2},
    {{"shuffle 12px-24px 128", LK_OP_PIXEL_SHUFFLE, {.factor = 2}, 1, {S(8, 12, 12, 512)}}, 2},
    {{"res conv3 128 24px", LK_OP_CONV, CONV(128, 3, 1, .act = LK_ACT_LEAKY, .slope = 0.2f),
      1, {S(8, 24, 24, 128)}}, 2},
    {{"res conv3 128 24px linear", LK_OP_CONV, CONV(128, 3, 1), 1, {S(8, 24, 24, 128)}}, 2},
    {{"res add 128 24px", LK_OP_ADD, {.act = LK_ACT_LEAKY, .slope = 0.2f},
      2, {S(8, 24, 24, 128), S(8, 24, 24, 128)}}, 2},
    {{"dec conv3 128-256 24px", LK_OP_CONV, CONV(256, 3, 1, LEAKY), 1, {S(8, 24, 24, 128)}}, 2},
    {{"shuffle 24px-48px 64", LK_OP_PIXEL_SHUFFLE, {.factor = 2}, 1, {S(8, 24, 24, 256)}}, 2},
    {{"res conv3 64 48px", LK_OP_CONV, CONV(64, 3, 1, .act = LK_ACT_LEAKY, .slope = 0.2f),
      1, {S(8, 48, 48, 64)}}, 2},
    {{"res conv3 64 48px linear", LK_OP_CONV, CONV(64, 3, 1), 1, {S(8, 48, 48, 64)}}, 2},
    {{"res add 64 48px", LK_OP_ADD, {.act = LK_ACT_LEAKY, .slope = 0.2f},
      2, {S(8, 48, 48, 64), S(8, 48, 48, 64)}}, 2},
    {{"head conv3 64-12 48px", LK_OP_CONV, CONV(12, 3, 1), 1, {S(8, 48, 48, 64)}}, 2},
    {{"head shuffle 48px-96px 3", LK_OP_PIXEL_SHUFFLE, {.factor = 2}, 1, {S(8, 48, 48, 12)}}, 2},
    {{"head sigmoid", LK_OP_ACT, {.act = LK_ACT_SIGMOID}, 1, {S(8, 96, 96, 3)}}, 2},
    {{"mask conv3 128-512 6px", LK_OP_CONV, CONV(512, 3, 1, LEAKY), 1, {S(8, 6, 6, 128)}}, 2},
    {{"shuffle 6px-12px 128", LK_OP_PIXEL_SHUFFLE, {.factor = 2}, 1, {S(8, 6, 6, 512)}}, 2},
    {{"mask conv3 128-256 12px", LK_OP_CONV, CONV(256, 3, 1, LEAKY), 1, {S(8, 12, 12, 128)}}, 2},
    {{"shuffle 12px-24px 64", LK_OP_PIXEL_SHUFFLE, {.factor = 2}, 1, {S(8, 12, 12, 256)}}, 2},
    {{"mask conv3 64-128 24px", LK_OP_CONV, CONV(128, 3, 1, LEAKY), 1, {S(8, 24, 24, 64)}}, 2},
    {{"shuffle 24px-48px 32", LK_OP_PIXEL_SHUFFLE, {.factor = 2}, 1, {S(8, 24, 24, 128)}}, 2},
    {{"mask conv3 32-64 48px", LK_OP_CONV, CONV(64, 3, 1, LEAKY), 1, {S(8, 48, 48, 32)}}, 2},
    {{"shuffle 48px-96px 16", LK_OP_PIXEL_SHUFFLE, {.factor = 2}, 1, {S(8, 48, 48, 64)}}, 2},
    {{"mask conv1 16-1 96px", LK_OP_CONV, CONV(1, 1, 1), 1, {S(8, 96, 96, 16)}}, 2},
    /* not of that network: what other networks of the project lean on */
    {{"other: depthwise 3 64 48px", LK_OP_CONV, CONV(64, 3, 1, .groups = 64, .act = LK_ACT_RELU),
      1, {S(8, 48, 48, 64)}}, 0},
    {{"other: depthwise 5s2 128 24px", LK_OP_CONV, CONV(128, 5, 2, .groups = 128, .act = LK_ACT_RELU),
      1, {S(8, 24, 24, 128)}}, 0},
    {{"other: conv1 64-128 24px", LK_OP_CONV, CONV(128, 1, 1, .act = LK_ACT_RELU), 1, {S(8, 24, 24, 64)}}, 0},
    {{"other: conv4s2 32-64 48px", LK_OP_CONV,
      {.out_c = 64, .kernel = 4, .stride = 2, .pad = 1, .bias = true, LEAKY},
      1, {S(8, 48, 48, 32)}}, 0},
    {{"other: conv3 swish 64 24px", LK_OP_CONV, CONV(64, 3, 1, .act = LK_ACT_SWISH),
      1, {S(8, 24, 24, 64)}}, 0},
    {{"other: batch norm 64 48px", LK_OP_CHANNEL_NORM, {.momentum = 0.1f}, 1, {S(8, 48, 48, 64)}}, 0},
    {{"other: instance norm 64 48px", LK_OP_INSTANCE_NORM, {0}, 1, {S(8, 48, 48, 64)}}, 0},
    {{"other: resize 2 64 24px", LK_OP_RESIZE, {.factor = 2}, 1, {S(8, 24, 24, 64)}}, 0},
    {{"other: max pool 2 64 48px", LK_OP_MAX_POOL, {.kernel = 2}, 1, {S(8, 48, 48, 64)}}, 0},
    {{"other: concat 64+64 48px", LK_OP_CONCAT, {0}, 2, {S(8, 48, 48, 64), S(8, 48, 48, 64)}}, 0},
    {{"other: gates 64 48px", LK_OP_SCALE_ROWS, {0}, 2, {S(8, 48, 48, 64), S(8, 1, 1, 64)}}, 0},
};

#define SECONDS 0.03
#define MOST 200

/* Best of calls of fn for SECONDS, in seconds. */
static double best(void (*fn)(void *), void *arg)
{
    double least = 1e9;
    const double start = lk_now();
    fn(arg);
    for (int i = 0; i < MOST && (i < 3 || lk_now() - start < SECONDS); i++) {
        const double t = lk_now();
        fn(arg);
        const double d = lk_now() - t;
        if (d < least) least = d;
    }
    return least;
}

static unsigned wanted_inputs; /* as run_backward's */

static void do_pack(void *r)
{
    op_run *o = r;
    lk_op_pack(o->op, (const float *const *)o->param, &o->mem);
}

static void do_forward(void *r)
{
    op_run *o = r;
    const lk_tensor *in[LK_OP_MAX_INPUTS];
    for (int i = 0; i < o->desc.inputs; i++) in[i] = &o->in[i];
    lk_op_forward(o->op, in, &o->out, o->param, &o->mem);
}

static void do_backward(void *r) { run_backward(r, true, wanted_inputs); }

typedef struct totals {
    double gflop, product, other;
} totals;

static bool bench(const bench_row *row, lk_dtype type, totals *sum)
{
    lk_error err;
    op_run r;
    lk_dtype own = row->c.kind == LK_OP_CAST ? LK_F32 : type;
    if (run_open(&r, &row->c, LK_BACKEND_DNN, own, true, 1, &err) != LK_OK) {
        printf("%s: %s\n", row->c.name, err.message);
        return false;
    }
    wanted_inputs = row->no_input_grad ? 0 : ~0u;
    do_pack(&r);
    const double pack = best(do_pack, &r), forward = best(do_forward, &r), backward = best(do_backward, &r);
    const double gflop = r.info->flops * 1e-9, times = row->no_input_grad ? 1 : 2;
    printf("%-32s %2d %9.0f %9.0f %9.0f", row->c.name, row->count, pack * 1e6, forward * 1e6, backward * 1e6);
    if (gflop > 0) printf(" %9.3f %9.1f %9.1f", gflop, gflop / forward, times * gflop / backward);
    printf("\n");
    const double spent = row->count * (pack + forward + backward);
    if (gflop > 0) sum->product += spent;
    else sum->other += spent;
    sum->gflop += row->count * (1 + times) * gflop;
    run_close(&r);
    return true;
}

typedef struct loss_run {
    lk_tensor x, y, mask, grad;
    void *scratch;
} loss_run;

static void do_dssim(void *a)
{
    loss_run *l = a;
    lk_loss_dssim(&l->x, &l->y, &l->mask, 11, 1.5f, 1, &l->grad, l->scratch);
}
static void do_mse(void *a)
{
    loss_run *l = a;
    lk_loss_mse(&l->x, &l->y, &l->mask, 1, &l->grad);
}
static void do_l1(void *a)
{
    loss_run *l = a;
    lk_loss_l1(&l->x, &l->y, &l->mask, 1, &l->grad);
}
static void do_bce(void *a)
{
    loss_run *l = a;
    lk_loss_bce(&l->x, &l->y, 0, NULL, 1, &l->grad);
}

static void bench_losses(void)
{
    static const struct {
        const char *name;
        void (*fn)(void *);
    } losses[] = {{"dssim", do_dssim}, {"mse", do_mse}, {"l1", do_l1}, {"bce", do_bce}};
    const lk_shape s = {16, 96, 96, 3}, m = {16, 96, 96, 1};
    const size_t bytes = (size_t)lk_shape_count(s) * sizeof(float);
    loss_run l = {{LK_F32, s, lk_calloc(1, bytes)},
                  {LK_F32, s, lk_calloc(1, bytes)},
                  {LK_F32, m, lk_calloc(1, bytes)},
                  {LK_F32, s, lk_calloc(1, bytes)},
                  lk_alloc(lk_loss_dssim_scratch(s, 11))};
    lk_rng r = lk_rng_at(1, 1, 1, 1);
    for (int64_t i = 0; i < lk_shape_count(s); i++) {
        ((float *)l.x.data)[i] = lk_rng_uniform(&r);
        ((float *)l.y.data)[i] = lk_rng_uniform(&r);
    }
    lk_tensor_fill(&l.mask, 1);
    for (size_t i = 0; i < LK_COUNT(losses); i++)
        printf("loss %-8s 16x96x96x3 with gradient %9.0f us\n", losses[i].name, best(losses[i].fn, &l) * 1e6);
    lk_free(l.x.data);
    lk_free(l.y.data);
    lk_free(l.mask.data);
    lk_free(l.grad.data);
    lk_free(l.scratch);
}

int main(int argc, char **argv)
{
    const bool f32 = argc > 1 && !strcmp(argv[1], "f32");
    const char *prefix = argc > 2 ? argv[2] : "";
    totals sum = {0, 0, 0};
    printf("%-32s %2s %9s %9s %9s %9s %9s %9s   (%s)\n", "operator", "n", "pack us", "fwd us", "bwd us",
           "GFLOP", "fwd GF/s", "bwd GF/s", f32 ? "f32" : "bf16");
    for (size_t i = 0; i < LK_COUNT(rows); i++)
        if (!strncmp(rows[i].c.name, prefix, strlen(prefix)) &&
            !bench(&rows[i], f32 ? LK_F32 : LK_BF16, &sum))
            return 1;
    if (sum.product > 0)
        printf("step: %.1f GFLOP; products %.1f ms (%.0f GFLOP/s), everything else %.1f ms (%.1f %%)\n",
               sum.gflop, sum.product * 1e3, sum.gflop / sum.product, sum.other * 1e3,
               100 * sum.other / (sum.product + sum.other));
    if (!*prefix) bench_losses();
    return 0;
}
