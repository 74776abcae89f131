/* test_train.c: the optimisers, the schedule, and a small network that learns. */
#include "../check.h"
#include "nn/nn.h"

enum { N = 16 };

/* Mean brightness of the left half minus the right half, and the product of two pixels: neither is linear in
 * a pixel. */
static void make_batch(uint64_t index, float *x, float *y)
{
    lk_rng r = lk_rng_at(11, 1, 0, index);
    for (int n = 0; n < N; n++) {
        float *img = x + n * 64, left = 0, right = 0;
        for (int i = 0; i < 64; i++) {
            img[i] = lk_rng_uniform(&r);
            *(i % 8 < 4 ? &left : &right) += img[i] / 32;
        }
        y[n * 2] = 4 * (left - right);
        y[n * 2 + 1] = img[0] * img[63];
    }
}

static double train(lk_backend backend, lk_dtype type, lk_optim_kind kind, int steps)
{
    lk_error err = {0};
    lk_params *p;
    lk_net *net;
    CHECK_OK(lk_params_new(&p, &err), &err);
    CHECK_OK(lk_net_new(&net, "fit", p, backend, type, &err), &err);
    lk_node x = lk_net_input(net, (lk_shape){N, 8, 8, 1}, false);
    lk_node h = lk_net_conv(net, "c1", x, 8, 3, 2, LK_ACT_LEAKY, 0.1f);
    h = lk_net_conv(net, "c2", h, 16, 3, 2, LK_ACT_LEAKY, 0.1f);
    h = lk_net_dense(net, "d1", h, 32, LK_ACT_LEAKY, 0.1f);
    lk_net_output(net, lk_net_dense(net, "d2", h, 2, LK_ACT_NONE, 0), "y");
    lk_status s = lk_net_plan(net, true, 5, &err);
    CHECK_OK(s, &err);
    if (s != LK_OK) return INFINITY;
    CHECK_OK(lk_params_train(p, true, &err), &err);
    CHECK_OK(lk_net_bind(net, &err), &err);
    lk_optim o = lk_optim_default(kind);
    o.lr = kind == LK_OPTIM_SGD ? 0.05f : 5e-3f;
    float lr = o.lr;
    o.ema_decay = 0.98f;
    o.clip_norm = 5.0f;
    float target[N * 2];
    lk_tensor y = {LK_F32, {N, 1, 1, 2}, target};
    double loss = 0;
    for (int i = 0; i < steps + 8; i++) { /* the last batches only measure, with averaged weights */
        if (i == steps) {
            lk_params_swap_ema(p);
            lk_net_refresh(net);
            loss = 0;
        }
        make_batch((uint64_t)i, lk_net_in(net, x)->data, target);
        lk_net_forward(net);
        lk_net_zero_out_grads(net);
        loss += lk_loss_mse(lk_net_out(net, "y"), &y, NULL, 1.0f, lk_net_out_grad(net, "y"));
        if (i >= steps) continue;
        lk_params_zero_grad(p);
        lk_net_backward(net, true);
        o.lr = lr * lk_schedule_factor(i, 10, steps, steps / 2);
        double norm = lk_optim_step(&o, p);
        CHECK(isfinite(norm) && norm > 0, "step %d: gradient norm %g", i, norm);
        lk_net_refresh(net);
    }
    lk_params_swap_ema(p);
    lk_net_free(net);
    lk_params_free(p);
    return loss / 8;
}

/* One thread: so small a network only waits at barriers with more. The variance of the targets is about 0.19
 * (1/6 and 7/144, averaged it is 0.11): predicting the mean costs that. */
static void test_fit(void)
{
    lk_thread_budget_set(1);
    double adam = train(LK_BACKEND_REF, LK_F32, LK_OPTIM_ADAM, 1500);
    CHECK(adam < 0.006, "Adam reached %g", adam);
    double belief = train(LK_BACKEND_REF, LK_F32, LK_OPTIM_ADABELIEF, 1500);
    CHECK(belief < 0.006, "AdaBelief reached %g", belief);
    double sgd = train(LK_BACKEND_REF, LK_F32, LK_OPTIM_SGD, 1500);
    CHECK(sgd < 0.02, "SGD reached %g", sgd);
}

static void test_fit_fast(void)
{
    lk_thread_budget_set(1);
    double f32 = train(LK_BACKEND_DNN, LK_F32, LK_OPTIM_ADAM, 1500);
    CHECK(f32 < 0.006, "f32 reached %g", f32);
    if (!lk_cpu_has_bf16()) SKIP("no bf16 arithmetic");
    double bf16 = train(LK_BACKEND_DNN, LK_BF16, LK_OPTIM_ADAM, 1500);
    CHECK(bf16 < 0.010, "bf16 reached %g", bf16);
}

/* One parameter of each size class against the update written out in double precision. */
static void one_set(lk_params **p, lk_net **net, lk_error *err)
{
    CHECK_OK(lk_params_new(p, err), err);
    CHECK_OK(lk_net_new(net, "one", *p, LK_BACKEND_REF, LK_F32, err), err);
    lk_node x = lk_net_input(*net, (lk_shape){1, 1, 1, 300}, false);
    lk_net_output(*net, lk_net_dense(*net, "d", x, 333, LK_ACT_NONE, 0), "y");
    CHECK_OK(lk_net_plan(*net, true, 1, err), err);
    CHECK_OK(lk_params_train(*p, true, err), err);
    CHECK_OK(lk_net_bind(*net, err), err);
}

static void set_gradients(lk_params *p, int t)
{
    for (int i = 0; i < lk_params_count(p); i++) {
        lk_param *q = lk_params_at(p, i);
        lk_rng r = lk_rng_at(4, (uint32_t)i, (uint32_t)t, 0);
        for (int64_t k = 0; k < q->count; k++) q->grad[k] = lk_rng_range(&r, -1, 1);
    }
}

static void test_formulas(void)
{
    for (int kind = 0; kind < LK_OPTIM_KINDS; kind++) {
        lk_error err = {0};
        lk_params *p;
        lk_net *net;
        one_set(&p, &net, &err);
        lk_optim o = lk_optim_default((lk_optim_kind)kind);
        o.lr = 1e-2f;
        o.weight_decay = 0.1f;
        o.clip_norm = 3.0f;
        o.ema_decay = 0.9f;
        lk_param *q = lk_params_find(p, "d.weight");
        q->lr_scale = 0.5f;
        int64_t at[] = {0, 1, 32767, 32768, 65537, q->count - 1};
        double x[6], m[6] = {0}, v[6] = {0}, e[6];
        for (int i = 0; i < 6; i++) x[i] = e[i] = q->value[at[i]];
        for (int t = 1; t <= 5; t++) {
            set_gradients(p, t);
            double sum = 0, g[6];
            for (int i = 0; i < lk_params_count(p); i++)
                for (int64_t k = 0; k < lk_params_at(p, i)->count; k++)
                    sum += pow(lk_params_at(p, i)->grad[k], 2);
            for (int i = 0; i < 6; i++) g[i] = q->grad[at[i]] * 3.0 / sqrt(sum);
            CHECK_NEAR(lk_optim_step(&o, p), sqrt(sum), 1e-4 * sqrt(sum));
            double keep = fmin(0.9, (1.0 + t) / (10.0 + t)), lr = 0.01 * 0.5, eps = o.epsilon;
            for (int i = 0; i < 6; i++) {
                double update;
                if (kind == LK_OPTIM_SGD) {
                    update = m[i] = 0.9 * m[i] + g[i];
                } else {
                    m[i] = 0.9 * m[i] + 0.1 * g[i];
                    double d = kind == LK_OPTIM_ADAM ? g[i] : g[i] - m[i];
                    v[i] = 0.999 * v[i] + 0.001 * d * d + (kind == LK_OPTIM_ADAM ? 0 : eps);
                    update = m[i] / (1 - pow(0.9, t)) / (sqrt(v[i] / (1 - pow(0.999, t))) + eps);
                }
                x[i] = x[i] * (1 - lr * 0.1) - lr * update;
                e[i] = keep * e[i] + (1 - keep) * x[i];
                CHECK_NEAR(q->value[at[i]], x[i], 2e-6);
                CHECK_NEAR(q->ema[at[i]], e[i], 2e-6);
            }
        }
        CHECK_INT(o.t, 5);
        lk_net_free(net);
        lk_params_free(p);
    }
}

static void test_not_finite(void)
{
    lk_error err = {0};
    lk_params *p;
    lk_net *net;
    one_set(&p, &net, &err);
    lk_optim o = lk_optim_default(LK_OPTIM_ADAM);
    set_gradients(p, 1);
    lk_optim_step(&o, p);
    lk_param *q = lk_params_find(p, "d.weight"), *bias = lk_params_find(p, "d.bias");
    size_t bytes = (size_t)q->count * 4;
    float *old = malloc(bytes * 4);
    memcpy(old, q->value, bytes);
    memcpy(old + q->count, q->m, bytes);
    memcpy(old + 2 * q->count, q->v, bytes);
    memcpy(old + 3 * q->count, q->ema, bytes);
    static const float bad[] = {NAN, INFINITY, -INFINITY, 3e38f};
    for (int i = 0; i < 4; i++) {
        set_gradients(p, 2);
        bias->grad[7] = bad[i];
        CHECK(!isfinite(lk_optim_step(&o, p)), "gradient %g gave a finite norm", bad[i]);
        CHECK_INT(o.t, 1);
        CHECK(!memcmp(old, q->value, bytes) && !memcmp(old + q->count, q->m, bytes) &&
                  !memcmp(old + 2 * q->count, q->v, bytes) && !memcmp(old + 3 * q->count, q->ema, bytes),
              "a gradient of %g changed something", bad[i]);
    }
    free(old);
    lk_net_free(net);
    lk_params_free(p);
}

static void test_freeze(void)
{
    lk_error err = {0};
    lk_params *p;
    lk_net *net;
    one_set(&p, &net, &err);
    lk_optim o = lk_optim_default(LK_OPTIM_ADAM);
    lk_params_freeze(p, "d.weight", true);
    lk_param *q = lk_params_find(p, "d.weight"), *bias = lk_params_find(p, "d.bias");
    float w = q->value[5], b = bias->value[5];
    set_gradients(p, 1);
    lk_optim_step(&o, p);
    CHECK(q->value[5] == w && bias->value[5] != b, "weight %g to %g, bias %g to %g", w, q->value[5], b,
          bias->value[5]);
    lk_params_freeze(p, "", false);
    lk_optim_step(&o, p);
    CHECK(q->value[5] != w, "unfrozen, yet unchanged");
    lk_net_free(net);
    lk_params_free(p);
}

static void test_schedule(void)
{
    CHECK_NEAR(lk_schedule_factor(0, 10, 100, 20), 0.1, 1e-6);
    CHECK_NEAR(lk_schedule_factor(9, 10, 100, 20), 1.0, 1e-6);
    CHECK_NEAR(lk_schedule_factor(79, 10, 100, 20), 1.0, 1e-6);
    CHECK_NEAR(lk_schedule_factor(90, 10, 100, 20), 0.5, 1e-6);
    CHECK_NEAR(lk_schedule_factor(100, 10, 100, 20), 0.0, 1e-6);
    CHECK_NEAR(lk_schedule_factor(500, 0, 0, 0), 1.0, 0);
}

/* Adding a layer must not change how the others start. */
static void test_keyed_start(void)
{
    lk_error err = {0};
    float first[2];
    for (int extra = 0; extra < 2; extra++) {
        lk_params *p;
        lk_net *net;
        CHECK_OK(lk_params_new(&p, &err), &err);
        CHECK_OK(lk_net_new(&net, "key", p, LK_BACKEND_REF, LK_F32, &err), &err);
        lk_node x = lk_net_input(net, (lk_shape){1, 4, 4, 3}, false);
        if (extra) x = lk_net_conv(net, "more", x, 3, 3, 1, LK_ACT_RELU, 0);
        lk_net_output(net, lk_net_conv(net, "c", x, 64, 3, 1, LK_ACT_RELU, 0), "y");
        CHECK_OK(lk_net_plan(net, false, 9, &err), &err);
        const lk_param *q = lk_params_find(p, "c.weight");
        first[extra] = q->value[100];
        double sum = 0, squares = 0, bound = sqrt(2.0) * sqrt(3.0 / 27.0);
        for (int64_t i = 0; i < q->count; i++) {
            CHECK(fabs(q->value[i]) <= bound, "value %g beyond %g", q->value[i], bound);
            sum += q->value[i];
            squares += (double)q->value[i] * q->value[i];
        }
        CHECK_NEAR(sum / (double)q->count, 0, 0.02);
        CHECK_NEAR(squares / (double)q->count, 2.0 / 27.0, 0.006);
        lk_net_free(net);
        lk_params_free(p);
    }
    CHECK(first[0] == first[1], "%g with, %g without another layer", first[1], first[0]);
}

static const check_test tests[] = {
    {"fit", test_fit},
    {"fit_fast", test_fit_fast},
    {"formulas", test_formulas},
    {"not_finite", test_not_finite},
    {"freeze", test_freeze},
    {"schedule", test_schedule},
    {"keyed_start", test_keyed_start},
};
CHECK_MAIN(tests)
