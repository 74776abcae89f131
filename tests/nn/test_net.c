/* test_net.c: whole networks. Gradients against finite differences, pruning of
 * the backward pass, determinism, and the promise that nothing allocates. */
#include "nets.h"

#include <float.h>

typedef struct bound {
    zoo z;
    lk_params *params;
} bound;

static bool make(bound *b, lk_backend backend, lk_dtype type, bool train, bool wants_grad)
{
    lk_error err = {0};
    CHECK_OK(lk_params_new(&b->params, &err), &err);
    CHECK_OK(zoo_describe(&b->z, b->params, backend, type, wants_grad, &err), &err);
    lk_status s = lk_net_plan(b->z.net, train, 3, &err);
    CHECK(s == LK_OK, "%s", err.message);
    if (s != LK_OK) return false;
    if (train) CHECK_OK(lk_params_train(b->params, true, &err), &err);
    CHECK_OK(lk_net_bind(b->z.net, &err), &err);
    fill_random(lk_net_in(b->z.net, b->z.image), 1, 0, 1);
    fill_random(lk_net_in(b->z.net, b->z.code), 2, -1, 1);
    for (int i = 0; i < lk_params_count(b->params); i++) { /* biases and shifts away from zero too */
        lk_param *q = lk_params_at(b->params, i);
        if (!strstr(q->name, ".bias") && !strstr(q->name, ".shift")) continue;
        lk_tensor t = {LK_F32, q->shape, q->value};
        fill_random(&t, 50 + (uint32_t)i, -0.3f, 0.3f);
    }
    lk_net_refresh(b->z.net);
    return true;
}

static void drop(bound *b)
{
    lk_net_free(b->z.net);
    lk_params_free(b->params);
}

static const char *const OUTPUTS[] = {"code", "image", "id"};

/* The loss is a fixed random projection of all outputs; its gradient is that projection. */
static void seed_gradients(lk_net *net)
{
    for (uint32_t o = 0; o < 3; o++) fill_random(lk_net_out_grad(net, OUTPUTS[o]), 20 + o, -1, 1);
}

static double loss_of(lk_net *net)
{
    lk_net_forward(net);
    double sum = 0;
    for (uint32_t o = 0; o < 3; o++) {
        const lk_tensor *t = lk_net_out(net, OUTPUTS[o]);
        const float *x = t->data;
        lk_rng r = lk_rng_at(7, 20 + o, 0, 0);
        for (int64_t i = 0; i < lk_shape_count(t->shape); i++) sum += (double)x[i] * lk_rng_range(&r, -1, 1);
    }
    return sum;
}

/* Central difference; a kink (ReLU, max) within reach shows as disagreement of the two one-sided
 * differences, and the value is passed over (false). */
static bool difference(lk_net *net, float *x, double *out)
{
    const float h = 2e-3f;
    float old = *x;
    double middle = loss_of(net);
    *x = old + h;
    lk_net_refresh(net);
    double up = loss_of(net);
    *x = old - h;
    lk_net_refresh(net);
    double down = loss_of(net);
    *x = old;
    lk_net_refresh(net);
    *out = (up - down) / (2.0 * h);
    return fabs((up - middle) - (middle - down)) / h <= 0.01 + 0.01 * fabs(*out);
}

static void compare(lk_net *net, const char *what, float *x, const float *grad, int64_t count, int *tried,
                    int *passed_over)
{
    int64_t stride = count > 24 ? count / 24 : 1;
    for (int64_t i = 0; i < count; i += stride) {
        double d;
        (*tried)++;
        if (!difference(net, x + i, &d)) {
            (*passed_over)++;
            continue;
        }
        double tolerance = 6e-3 + 0.015 * fabs(d); /* half of what a kink may add, and rounding */
        if (fabs(grad[i] - d) > tolerance)
            check_fail(__FILE__, __LINE__, "%s[%lld]: gradient %.6f, difference %.6f", what, (long long)i,
                       grad[i], d);
    }
}

static void test_gradient(void)
{
    bound b;
    if (!make(&b, LK_BACKEND_REF, LK_F32, true, true)) return;
    lk_net *net = b.z.net;
    int tried = 0, passed_over = 0;
    loss_of(net);
    seed_gradients(net);
    lk_params_zero_grad(b.params);
    lk_net_backward(net, true);
    int64_t n_image = 4 * 8 * 8 * 3, n_code = 16;
    float *image = malloc((size_t)n_image * 4), *code = malloc((size_t)n_code * 4);
    memcpy(image, lk_net_in_grad(net, b.z.image)->data, (size_t)n_image * 4);
    memcpy(code, lk_net_in_grad(net, b.z.code)->data, (size_t)n_code * 4);
    for (int i = 0; i < lk_params_count(b.params); i++) {
        lk_param *q = lk_params_at(b.params, i);
        if (!q->learned) continue;
        double size = 0;
        for (int64_t k = 0; k < q->count; k++) size += fabs(q->grad[k]);
        if (strcmp(q->name, "enc.b.bias"))
            CHECK(size > 0, "%s has no gradient at all", q->name); /* the norm removes that bias */
        compare(net, q->name, q->value, q->grad, q->count, &tried, &passed_over);
    }
    compare(net, "image", lk_net_in(net, b.z.image)->data, image, n_image, &tried, &passed_over);
    compare(net, "code", lk_net_in(net, b.z.code)->data, code, n_code, &tried, &passed_over);
    CHECK(tried > 300, "only %d values tried", tried);
    CHECK(passed_over * 5 < tried, "%d of %d passed over", passed_over, tried);
    free(image);
    free(code);
    drop(&b);
}

/* The generator's pass through a discriminator: the same input gradient, no parameter gradient touched. */
static void test_input_gradient_only(void)
{
    bound b;
    if (!make(&b, LK_BACKEND_REF, LK_F32, true, true)) return;
    lk_net *net = b.z.net;
    size_t bytes = 4 * 8 * 8 * 3 * 4;
    float *full = malloc(bytes);
    loss_of(net);
    seed_gradients(net);
    lk_params_zero_grad(b.params);
    lk_net_backward(net, true);
    memcpy(full, lk_net_in_grad(net, b.z.image)->data, bytes);
    lk_params_zero_grad(b.params);
    lk_net_forward(net);
    lk_net_backward(net, false);
    CHECK(!memcmp(full, lk_net_in_grad(net, b.z.image)->data, bytes),
          "input gradient differs without parameter gradients");
    for (int i = 0; i < lk_params_count(b.params); i++) {
        const lk_param *q = lk_params_at(b.params, i);
        for (int64_t k = 0; k < q->count; k++)
            if (q->grad[k] != 0) check_fail(__FILE__, __LINE__, "%s was given a gradient", q->name);
    }
    /* Frozen parameters get none either, and the others are not disturbed. */
    lk_params_freeze(b.params, "enc.", true);
    lk_net_forward(net);
    lk_net_backward(net, true);
    CHECK(!memcmp(full, lk_net_in_grad(net, b.z.image)->data, bytes),
          "input gradient differs with a frozen encoder");
    double frozen = 0, rest = 0;
    for (int i = 0; i < lk_params_count(b.params); i++) {
        const lk_param *q = lk_params_at(b.params, i);
        for (int64_t k = 0; k < q->count; k++)
            *(strncmp(q->name, "enc.", 4) ? &rest : &frozen) += fabs(q->grad[k]);
    }
    CHECK(frozen == 0 && rest > 0, "frozen %g, others %g", frozen, rest);
    free(full);
    drop(&b);
}

/* The planner's memory sharing must not show: inference and training nets give the same values. */
static void test_inference_plan(void)
{
    lk_error err = {0};
    bound t;
    if (!make(&t, LK_BACKEND_REF, LK_F32, true, false)) return;
    lk_params_find(t.params, "enc.bn.mean");
    zoo z;
    CHECK_OK(zoo_describe(&z, t.params, LK_BACKEND_REF, LK_F32, false, &err), &err);
    CHECK_OK(lk_net_plan(z.net, false, 3, &err), &err);
    CHECK_OK(lk_net_bind(z.net, &err), &err);
    fill_random(lk_net_in(z.net, z.image), 1, 0, 1);
    fill_random(lk_net_in(z.net, z.code), 2, -1, 1);
    for (int i = 0; i < 400; i++)
        lk_net_forward(t.z.net); /* running statistics reach those of this one batch */
    lk_net_refresh(z.net);
    lk_net_forward(z.net);
    for (int o = 0; o < 3; o++) {
        const lk_tensor *x = lk_net_out(t.z.net, OUTPUTS[o]), *y = lk_net_out(z.net, OUTPUTS[o]);
        double worst = 0, size = 0;
        for (int64_t i = 0; i < lk_shape_count(x->shape); i++) {
            worst = fmax(worst, fabs(((float *)x->data)[i] - ((float *)y->data)[i]));
            size = fmax(size, fabs(((float *)x->data)[i]));
        }
        CHECK(worst < 0.02 && size > 0.05, "%s: differs by %g of %g", OUTPUTS[o], worst,
              size); /* biased against unbiased variance */
    }
    lk_net_stats train, infer;
    lk_net_stats_get(t.z.net, &train);
    lk_net_stats_get(z.net, &infer);
    CHECK(infer.activation_bytes < train.activation_bytes / 2, "inference %zu, training %zu bytes",
          infer.activation_bytes, train.activation_bytes);
    CHECK_INT(train.param_count, infer.param_count);
    lk_text text = {0};
    lk_net_describe(z.net, &text);
    CHECK(text.s && strstr(text.s, "dec.out") && strstr(text.s, "GFLOP"), "description: %s",
          text.s ? text.s : "none");
    lk_text_clear(&text);
    lk_net_free(z.net);
    drop(&t);
}

static void step(bound *b, lk_optim *o)
{
    lk_net_forward(b->z.net);
    lk_net_zero_out_grads(b->z.net);
    seed_gradients(b->z.net);
    lk_params_zero_grad(b->params);
    lk_net_backward(b->z.net, true);
    lk_optim_step(o, b->params);
    lk_net_refresh(b->z.net);
}

static void test_deterministic(void)
{
    lk_thread_budget_set(2); /* the result must not depend on which thread is faster */
    static const lk_optim_kind kinds[] = {LK_OPTIM_ADAM, LK_OPTIM_ADABELIEF, LK_OPTIM_SGD};
    for (int k = 0; k < 6; k++) {
        bound b[2];
        lk_dtype type = k < 3 || !lk_cpu_has_bf16() ? LK_F32 : LK_BF16;
        for (int r = 0; r < 2; r++) {
            if (!make(&b[r], k < 3 ? LK_BACKEND_REF : LK_BACKEND_DNN, type, true, false)) return;
            lk_optim o = lk_optim_default(kinds[k % 3]);
            o.ema_decay = 0.99f;
            o.clip_norm = 1.0f;
            for (int i = 0; i < 5; i++) step(&b[r], &o);
        }
        for (int i = 0; i < lk_params_count(b[0].params); i++) {
            const lk_param *x = lk_params_at(b[0].params, i), *y = lk_params_at(b[1].params, i);
            CHECK(!memcmp(x->value, y->value, (size_t)x->count * 4), "%s differs between two runs", x->name);
            CHECK(!memcmp(x->ema, y->ema, (size_t)x->count * 4), "%s: average differs between two runs",
                  x->name);
        }
        drop(&b[0]);
        drop(&b[1]);
    }
    lk_thread_budget_set(1);
}

static void test_no_allocation(void)
{
    for (int backend = 0; backend < 2; backend++) {
        bound b;
        if (!make(&b, (lk_backend)backend, LK_F32, true, true)) return;
        lk_optim o = lk_optim_default(LK_OPTIM_ADAM);
        step(&b, &o);
        lk_fault_set(LK_FAULT_ALLOC, 0, false);
        for (int i = 0; i < 3; i++) step(&b, &o);
        CHECK_INT(lk_fault_count(LK_FAULT_ALLOC), 0);
        drop(&b);
    }
}

static void test_mistakes(void)
{
    lk_error err = {0};
    lk_params *p;
    lk_net *net;
    CHECK_OK(lk_params_new(&p, &err), &err);
    CHECK_OK(lk_net_new(&net, "bad", p, LK_BACKEND_REF, LK_F32, &err), &err);
    lk_node x = lk_net_input(net, (lk_shape){1, 4, 4, 3}, false);
    lk_node bad = lk_net_concat(net, NULL, 0);
    CHECK(bad < 0, "a concat of nothing was accepted");
    lk_net_output(net, lk_net_conv(net, "c", bad, 4, 3, 1, LK_ACT_NONE, 0), "y");
    CHECK_STATUS(lk_net_plan(net, false, 1, &err), LK_E_ARG, &err);
    CHECK(strstr(err.message, "concat") || strstr(err.message, "inputs"), "%s", err.message);
    lk_net_free(net);

    CHECK_OK(lk_net_new(&net, "clash", p, LK_BACKEND_REF, LK_F32, &err), &err);
    x = lk_net_input(net, (lk_shape){1, 4, 4, 3}, false);
    x = lk_net_conv(net, "c", x, 4, 3, 1, LK_ACT_NONE, 0);
    x = lk_net_conv(net, "c", x, 4, 3, 1, LK_ACT_NONE, 0); /* 3 inputs first, 4 now */
    lk_net_output(net, x, "y");
    CHECK_STATUS(lk_net_plan(net, false, 1, &err), LK_E_ARG, &err);
    CHECK(strstr(err.message, "c.weight") != NULL, "%s", err.message);
    lk_net_free(net);

    CHECK_OK(lk_net_new(&net, "mute", p, LK_BACKEND_REF, LK_F32, &err), &err);
    lk_net_input(net, (lk_shape){1, 4, 4, 3}, false);
    CHECK_STATUS(lk_net_plan(net, false, 1, &err), LK_E_ARG, &err);
    CHECK_STATUS(lk_net_bind(net, &err), LK_E_STATE, &err);
    lk_net_free(net);
    lk_params_free(p);
}

/* Every allocation of describing, planning and binding fails once: a clean error, no leak (ASan watches). */
static void test_allocation_failures(void)
{
    int failed = 0;
    for (int nth = 1; nth < 400; nth++) {
        lk_error err = {0};
        lk_params *p = NULL;
        zoo z = {0};
        lk_fault_set(LK_FAULT_ALLOC, nth, false);
        lk_status s = lk_params_new(&p, &err);
        if (s == LK_OK) s = zoo_describe(&z, p, LK_BACKEND_REF, LK_F32, true, &err);
        if (s == LK_OK) s = lk_net_plan(z.net, true, 1, &err);
        if (s == LK_OK) s = lk_params_train(p, true, &err);
        if (s == LK_OK) s = lk_net_bind(z.net, &err);
        bool reached = lk_fault_count(LK_FAULT_ALLOC) >= nth;
        lk_fault_set(LK_FAULT_ALLOC, 0, false);
        lk_net_free(z.net);
        lk_params_free(p);
        if (!reached) break;
        failed++;
        CHECK(s == LK_E_NOMEM, "allocation %d failed, yet status %d: %s", nth, s, err.message);
    }
    CHECK(failed > 30, "only %d allocations", failed);
}

/* Distance of y from x, relative to the size of x. */
static double distance(const float *x, const float *y, int64_t n)
{
    double apart = 0, size = 0;
    for (int64_t i = 0; i < n; i++) {
        apart += ((double)x[i] - y[i]) * ((double)x[i] - y[i]);
        size += (double)x[i] * x[i];
    }
    return sqrt(apart / (size + 1e-12));
}

/* Outputs, input gradients and parameter gradients of the whole net against the reference in f32. */
static void agree(lk_backend backend, lk_dtype type, double forward, double backward)
{
    bound ref, other;
    if (!make(&ref, LK_BACKEND_REF, LK_F32, true, true) || !make(&other, backend, type, true, true)) return;
    bound *both[2] = {&ref, &other};
    for (int k = 0; k < 2; k++) {
        lk_net_forward(both[k]->z.net);
        seed_gradients(both[k]->z.net);
        lk_params_zero_grad(both[k]->params);
        lk_net_backward(both[k]->z.net, true);
    }
    for (int o = 0; o < 3; o++) {
        const lk_tensor *x = lk_net_out(ref.z.net, OUTPUTS[o]), *y = lk_net_out(other.z.net, OUTPUTS[o]);
        double d = distance(x->data, y->data, lk_shape_count(x->shape));
        CHECK(d < forward, "output %s is %g away", OUTPUTS[o], d);
    }
    lk_node in[2] = {ref.z.image, ref.z.code};
    for (int k = 0; k < 2; k++) {
        const lk_tensor *x = lk_net_in_grad(ref.z.net, in[k]), *y = lk_net_in_grad(other.z.net, in[k]);
        double d = distance(x->data, y->data, lk_shape_count(x->shape));
        CHECK(d < backward, "gradient of input %d is %g away", k, d);
    }
    for (int i = 0; i < lk_params_count(ref.params); i++) {
        const lk_param *x = lk_params_at(ref.params, i), *y = lk_params_find(other.params, x->name);
        if (!x->learned || !strcmp(x->name, "enc.b.bias"))
            continue; /* the norm removes that bias: rounding alone is left */
        double d = distance(x->grad, y->grad, x->count);
        CHECK(d < backward, "gradient of %s is %g away", x->name, d);
    }
    drop(&ref);
    drop(&other);
}

static void test_fast_f32(void) { agree(LK_BACKEND_DNN, LK_F32, 1e-4, 1e-3); }
static void test_ref_bf16(void) { agree(LK_BACKEND_REF, LK_BF16, 0.03, 0.15); }
static void test_fast_bf16(void)
{
    if (!lk_cpu_has_bf16()) SKIP("no bf16 arithmetic");
    agree(LK_BACKEND_DNN, LK_BF16, 0.03, 0.15);
}

static const check_test tests[] = {
    {"gradient", test_gradient},
    {"input_gradient_only", test_input_gradient_only},
    {"inference_plan", test_inference_plan},
    {"fast_f32", test_fast_f32},
    {"ref_bf16", test_ref_bf16},
    {"fast_bf16", test_fast_bf16},
    {"deterministic", test_deterministic},
    {"no_allocation", test_no_allocation},
    {"mistakes", test_mistakes},
    {"allocation_failures", test_allocation_failures},
};
CHECK_MAIN(tests)
