/* bench_step.c: where the time of one training step of the swap network goes.  bench_nn_step [--size 96]
 * [--steps 20] [--type bf16|f32] [--backend dnn|ref] [--describe] [--ops]  The network (df-ud: encoder 32,
 * code 128, decoder 32, mask 16), batch (8 + 8) and loss are those of tools/bench_pytorch.py; the data are
 * synthetic. Prints images/s (16 a step), GFLOP/s (backward counted as twice the forward) and the share of
 * each phase. --ops times each operator by itself, forward and backward. */
#include "nn/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HALF = 8 };

static lk_node up(lk_net *n, const char *prefix, const char *name, lk_node x, int c)
{
    char full[48];
    snprintf(full, sizeof full, "%.8s.%.16s", prefix, name);
    return lk_net_shuffle(n, lk_net_conv(n, full, x, 4 * c, 3, 1, LK_ACT_LEAKY, 0.1f), 2);
}

static lk_node residual(lk_net *n, const char *prefix, const char *name, lk_node x, int c)
{
    char full[48];
    snprintf(full, sizeof full, "%.8s.%.16sa", prefix, name);
    lk_node y = lk_net_conv(n, full, x, c, 3, 1, LK_ACT_LEAKY, 0.2f);
    snprintf(full, sizeof full, "%.8s.%.16sb", prefix, name);
    y = lk_net_conv(n, full, y, c, 3, 1, LK_ACT_NONE, 0);
    return lk_net_add(n, y, x, LK_ACT_LEAKY, 0.2f);
}

static void decoder(lk_net *n, const char *prefix, lk_node code)
{
    char name[48];
    lk_node x = code;
    static const int width[3] = {256, 128, 64};
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "up%d", i);
        x = up(n, prefix, name, x, width[i]);
        snprintf(name, sizeof name, "res%d", i);
        x = residual(n, prefix, name, x, width[i]);
    }
    lk_node head[4];
    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "%s.head%d", prefix, i);
        head[i] = lk_net_conv(n, name, x, 3, i ? 3 : 1, 1, LK_ACT_SIGMOID, 0);
    }
    lk_net_output(n, lk_net_shuffle(n, lk_net_concat(n, head, 4), 2), *prefix == 'a' ? "a.rgb" : "b.rgb");
    lk_node m = code;
    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "mask%d", i);
        m = up(n, prefix, name, m, 128 >> i);
    }
    snprintf(name, sizeof name, "%s.mask", prefix);
    lk_net_output(n, lk_net_conv(n, name, m, 1, 1, 1, LK_ACT_SIGMOID, 0),
                  *prefix == 'a' ? "a.mask" : "b.mask");
}

static lk_node describe(lk_net *n, int size)
{
    lk_node input = lk_net_input(n, (lk_shape){2 * HALF, size, size, 3}, false), x = input;
    int low = size / 32;
    for (int i = 0; i < 4; i++) {
        char name[16];
        snprintf(name, sizeof name, "enc.%d", i);
        x = lk_net_conv(n, name, x, 32 << i, 5, 2, LK_ACT_LEAKY, 0.1f);
    }
    x = lk_net_op(n, "norm", LK_OP_PIXEL_NORM, NULL, &x, 1);
    x = lk_net_dense(n, "mid.code", x, 128, LK_ACT_NONE, 0);
    x = lk_net_dense(n, "mid.spread", x, low * low * 128, LK_ACT_NONE, 0);
    x = lk_net_reshape(n, x, low, low, 128);
    x = up(n, "mid", "up", x, 128);
    decoder(n, "a", lk_net_slice(n, x, 0, HALF));
    decoder(n, "b", lk_net_slice(n, x, HALF, HALF));
    return input;
}

typedef struct phases {
    double feed, forward, loss, backward, optimiser, refresh;
} phases;

typedef struct setup {
    lk_net *net;
    lk_params *params;
    lk_node input;
    float *target, *mask;
    void *scratch;
    int size;
} setup;

static double loss(setup *s)
{
    static const char *const rgb[] = {"a.rgb", "b.rgb"}, *const mask[] = {"a.mask", "b.mask"};
    double total = 0;
    int window = (int)((double)s->size / 11.6);
    window += window % 2 == 0;
    lk_shape picture = {HALF, s->size, s->size, 3}, plane = {HALF, s->size, s->size, 1};
    for (int k = 0; k < 2; k++) {
        lk_tensor y = {LK_F32, picture, s->target + k * lk_shape_count(picture)};
        lk_tensor t = {LK_F32, plane, s->mask + k * lk_shape_count(plane)};
        const lk_tensor *x = lk_net_out(s->net, rgb[k]), *m = lk_net_out(s->net, mask[k]);
        lk_tensor *dx = lk_net_out_grad(s->net, rgb[k]), *dm = lk_net_out_grad(s->net, mask[k]);
        total += lk_loss_dssim(x, &y, &t, window, 1.5f, 10.0f, dx, s->scratch);
        total += lk_loss_mse(x, &y, &t, 10.0f, dx);
        total += lk_loss_mse(m, &t, NULL, 10.0f, dm);
    }
    return total;
}

static double step(setup *s, lk_optim *o, phases *p)
{
    double t[7];
    t[0] = lk_now();
    lk_net_forward(s->net);
    t[1] = lk_now();
    lk_net_zero_out_grads(s->net);
    double value = loss(s);
    t[2] = lk_now();
    lk_params_zero_grad(s->params);
    t[3] = lk_now();
    lk_net_backward(s->net, true);
    t[4] = lk_now();
    lk_optim_step(o, s->params);
    t[5] = lk_now();
    lk_net_refresh(s->net);
    t[6] = lk_now();
    p->forward += t[1] - t[0];
    p->loss += t[2] - t[1];
    p->feed += t[3] - t[2]; /* clearing gradients */
    p->backward += t[4] - t[3];
    p->optimiser += t[5] - t[4];
    p->refresh += t[6] - t[5];
    return value;
}

/* Each operator alone, as often as it takes; the sum shows what the graph adds to its operators. */
static void time_operators(setup *s, int rounds)
{
    lk_net *net = s->net;
    double all_forward = 0, all_backward = 0;
    double *forward = calloc((size_t)net->count, sizeof *forward),
           *backward = calloc((size_t)net->step_count, sizeof *backward);
    for (int r = 0; r < rounds; r++) {
        for (int i = 0; i < net->count; i++) {
            double t = lk_now();
            lk_net_forward_range(net, i, i + 1);
            forward[i] += (lk_now() - t) / rounds;
        }
        for (int k = 0; k < net->step_count; k++) {
            double t = lk_now();
            lk_net_backward_range(net, true, k, k + 1);
            backward[k] += (lk_now() - t) / rounds;
        }
    }
    static const char *const kinds[] = {"", "add", "convert", "zero"};
    printf("%-22s %-14s %10s %10s\n", "forward", "operator", "ms", "GFLOP/s");
    for (int i = 0; i < net->count; i++) {
        const lk_net_node *n = &net->nodes[i];
        all_forward += forward[i];
        if (n->root != i) continue;
        printf("%-22s %-14s %10.3f %10.1f\n", n->name, n->is_input ? "input" : lk_op_name(n->kind),
               forward[i] * 1e3, n->info ? n->info->flops / forward[i] * 1e-9 : 0);
    }
    printf("%-22s %-14s %10s %10s\n", "backward", "operator", "ms", "GFLOP/s");
    for (int k = 0; k < net->step_count; k++) {
        const lk_back_step *b = &net->steps[k];
        const lk_net_node *n = &net->nodes[b->node];
        all_backward += backward[k];
        printf("%-22s %-14s %10.3f %10.1f\n", n->name,
               b->kind == LK_BACK_OP ? lk_op_name(n->kind) : kinds[b->kind], backward[k] * 1e3,
               b->kind == LK_BACK_OP ? 2 * n->info->flops / backward[k] * 1e-9 : 0);
    }
    printf("forward %.1f ms, backward %.1f ms\n", all_forward * 1e3, all_backward * 1e3);
    free(forward);
    free(backward);
}

static int run(int size, int steps, lk_backend backend, lk_dtype type, bool table, bool ops, lk_error *err)
{
    setup s = {.size = size};
    LK_TRY(lk_params_new(&s.params, err));
    LK_TRY(lk_net_new(&s.net, "swap", s.params, backend, type, err));
    s.input = describe(s.net, size);
    double t0 = lk_now();
    LK_TRY(lk_net_plan(s.net, true, 1, err));
    LK_TRY(lk_params_train(s.params, true, err));
    LK_TRY(lk_net_bind(s.net, err));
    double built = lk_now() - t0;
    lk_net_stats st;
    lk_net_stats_get(s.net, &st);
    int64_t pixels = (int64_t)2 * HALF * size * size;
    s.target = lk_alloc((size_t)pixels * 12);
    s.mask = lk_alloc((size_t)pixels * 4);
    s.scratch = lk_alloc(lk_loss_dssim_scratch((lk_shape){HALF, size, size, 3}, 11));
    if (!s.target || !s.mask || !s.scratch) return LK_FAIL(err, LK_E_NOMEM, "no memory for the pictures");
    lk_rng r = lk_rng_at(1, 1, 0, 0);
    float *x = lk_net_in(s.net, s.input)->data;
    for (int64_t i = 0; i < pixels * 3; i++) {
        x[i] = lk_rng_uniform(&r);
        s.target[i] = lk_rng_uniform(&r);
    }
    for (int64_t i = 0; i < pixels; i++) {
        float u = 2.0f * (float)(i % size) / (float)size - 1,
              v = 2.0f * (float)(i / size % size) / (float)size - 1;
        s.mask[i] = u * u + v * v < 0.8f;
    }
    if (table) {
        lk_text text = {0};
        lk_net_describe(s.net, &text);
        fputs(text.s, stdout);
        lk_text_clear(&text);
    }
    lk_optim o = lk_optim_default(LK_OPTIM_ADAM);
    o.ema_decay = 0.999f;
    phases warm = {0}, p = {0};
    double value = 0, best = 1e9, start = 0;
    for (int i = 0; i < steps + 3; i++) {
        if (i == 3) start = lk_now();
        double t = lk_now();
        value = step(&s, &o, i < 3 ? &warm : &p);
        if (i >= 3 && lk_now() - t < best) best = lk_now() - t;
    }
    double mean = (lk_now() - start) / steps;
    printf("%d px %s %s: %.1f images/s, %.1f GFLOP/s, step %.1f ms (best %.1f = %.1f images/s), loss %.4f\n",
           size, backend == LK_BACKEND_DNN ? "dnn" : "ref", type == LK_BF16 ? "bf16" : "f32", 2 * HALF / mean,
           3 * st.flops_forward / mean * 1e-9, mean * 1e3, best * 1e3, 2 * HALF / best, value);
    printf("forward %.1f, loss %.1f, clear %.1f, backward %.1f, optimiser %.1f, refresh %.1f ms; built in "
           "%.2f s\n",
           p.forward / steps * 1e3, p.loss / steps * 1e3, p.feed / steps * 1e3, p.backward / steps * 1e3,
           p.optimiser / steps * 1e3, p.refresh / steps * 1e3, built);
    printf(
        "%.2f M parameters, %.2f GFLOP forward, activations %.1f MB, scratch %.1f MB, parameters %.1f MB\n",
        (double)st.param_count * 1e-6, st.flops_forward * 1e-9, (double)st.activation_bytes * 1e-6,
        (double)st.scratch_bytes * 1e-6, (double)st.param_bytes * 1e-6);
    if (ops) time_operators(&s, steps);
    lk_net_free(s.net);
    lk_params_free(s.params);
    lk_free(s.target);
    lk_free(s.mask);
    lk_free(s.scratch);
    return 0;
}

int main(int argc, char **argv)
{
    int size = 96, steps = 20;
    lk_backend backend = LK_BACKEND_DNN;
    lk_dtype type = lk_cpu_has_bf16() ? LK_BF16 : LK_F32;
    bool table = false, ops = false;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (!strcmp(argv[i], "--describe"))
            table = true;
        else if (!strcmp(argv[i], "--ops"))
            ops = true;
        else if (!strcmp(argv[i], "--size"))
            size = atoi(value), i++;
        else if (!strcmp(argv[i], "--steps"))
            steps = atoi(value), i++;
        else if (!strcmp(argv[i], "--type"))
            type = !strcmp(value, "bf16") ? LK_BF16 : LK_F32, i++;
        else if (!strcmp(argv[i], "--backend"))
            backend = !strcmp(value, "ref") ? LK_BACKEND_REF : LK_BACKEND_DNN, i++;
    }
    lk_error err = {0};
    if (steps < 1 || size < 32 || size % 32 || run(size, steps, backend, type, table, ops, &err)) {
        fprintf(stderr, "bench_nn_step: %s\n",
                *err.message ? err.message : "size must be a multiple of 32, steps positive");
        return 1;
    }
    return 0;
}
