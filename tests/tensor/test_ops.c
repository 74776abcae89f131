/* Every operator against its reference, the reference against finite
 * differences, and what a caller may rely on: untouched neighbours, equal bytes
 * for equal calls, clean failure. */
#include "../check.h"
#include "run.h"

/* The reference rounds once at the end; the others also round the gradient before the activation. */
static double tolerance(lk_dtype type) { return type == LK_F32 ? 1e-10 : 2e-5; }

static const char *type_name(lk_dtype t) { return t == LK_F32 ? "f32" : "bf16"; }

static lk_tensor vector_of(const float *p, lk_shape s)
{
    return (lk_tensor){LK_F32, s, (void *)(uintptr_t)p};
}

static void compare_case(const op_case *c, lk_dtype type)
{
    lk_error err;
    op_run ref, dnn;
    CHECK_OK(run_open(&ref, c, LK_BACKEND_REF, type, true, 7, &err), &err);
    CHECK_OK(run_open(&dnn, c, LK_BACKEND_DNN, type, true, 7, &err), &err);
    if (!ref.op || !dnn.op) return;
    run_forward(&ref);
    run_forward(&dnn);
    double e = nmse(&dnn.out, &ref.out, c->floor);
    CHECK(e <= tolerance(type), "%s %s: forward NMSE %.3g", c->name, type_name(type), e);
    run_backward(&ref, true, ~0u);
    run_backward(&dnn, true, ~0u);
    for (int i = 0; i < c->inputs; i++) {
        e = nmse(&dnn.din[i], &ref.din[i], c->floor);
        CHECK(e <= tolerance(type), "%s %s: gradient of input %d NMSE %.3g", c->name, type_name(type), i, e);
    }
    for (int i = 0; i < ref.info->params; i++) {
        const lk_shape s = ref.info->param[i];
        const lk_tensor want = vector_of(ref.dparam[i], s), got = vector_of(dnn.dparam[i], s);
        const lk_tensor want_value = vector_of(ref.param[i], s), got_value = vector_of(dnn.param[i], s);
        e = nmse(&got, &want, c->floor);
        CHECK(e <= tolerance(type), "%s %s: gradient of parameter %d NMSE %.3g", c->name, type_name(type), i,
              e);
        /* running statistics; the others must not have changed at all */
        e = nmse(&got_value, &want_value, c->floor);
        CHECK(e <= (ref.info->learned[i] ? 0 : 1e-10), "%s %s: value of parameter %d NMSE %.3g", c->name,
              type_name(type), i, e);
    }
    CHECK(!run_guards_broken(&ref), "%s %s: the reference wrote outside a buffer", c->name, type_name(type));
    CHECK(!run_guards_broken(&dnn), "%s %s: wrote outside a buffer", c->name, type_name(type));
    run_close(&ref);
    run_close(&dnn);

    CHECK_OK(run_open(&ref, c, LK_BACKEND_REF, type, false, 8, &err), &err);
    CHECK_OK(run_open(&dnn, c, LK_BACKEND_DNN, type, false, 8, &err), &err);
    run_forward(&ref);
    run_forward(&dnn);
    e = nmse(&dnn.out, &ref.out, c->floor);
    CHECK(e <= tolerance(type), "%s %s: inference NMSE %.3g", c->name, type_name(type), e);
    CHECK(!run_guards_broken(&dnn), "%s %s: inference wrote outside a buffer", c->name, type_name(type));
    run_close(&ref);
    run_close(&dnn);
}

static void test_agreement(void)
{
    for (int i = 0; i < op_case_count; i++)
        for (int t = 0; t < 2; t++) compare_case(&op_cases[i], (lk_dtype)t);
}

/* sum(out * dout): the scalar whose gradient backward computes. */
static double scalar(op_run *r)
{
    double sum = 0;
    run_forward(r);
    for (int64_t i = 0; i < lk_shape_count(r->out.shape); i++)
        sum += (double)tensor_get(&r->out, i) * tensor_get(&r->dout, i);
    return sum;
}

typedef struct fd_count {
    int checked, kinks;
} fd_count;

/* Compare gradient[k] of a few spread elements of value with central differences. */
static void check_gradient(op_run *r, const op_case *c, float *value, const float *gradient,
                           const float *before, int64_t count, const char *what, int number, fd_count *seen)
{
    const float eps = 1.0f / 256;
    double rms = 0;
    for (int64_t k = 0; k < count; k++) {
        const double g = gradient[k] - (before ? before[k] : 0);
        rms += g * g / (double)count;
    }
    rms = sqrt(rms);
    const int64_t step = count / 12 + 1;
    for (int64_t k = 0; k < count; k += step) {
        const float keep = value[k];
        const double here = scalar(r);
        value[k] = keep + eps;
        const double up = scalar(r);
        value[k] = keep - eps;
        const double down = scalar(r);
        value[k] = keep;
        const double got = gradient[k] - (before ? before[k] : 0), want = (up - down) / (2.0 * eps);
        const double bend = fabs((up - here) - (here - down)) / eps;
        const double allowed = 4e-3 * fmax(rms, fabs(want)) + 2e-4;
        seen->checked++;
        if (c->kinked && fabs(got - want) > allowed && fabs(got - want) <= allowed + 0.55 * bend) {
            /* a corner inside the interval moves the central difference by at most half the bend */
            seen->kinks++;
            continue;
        }
        CHECK(fabs(got - want) <= allowed, "%s: %s %d element %lld: gradient %.6g, finite difference %.6g",
              c->name, what, number, (long long)k, got, want);
    }
}

static void test_finite_differences(void)
{
    for (int i = 0; i < op_case_count; i++) {
        const op_case *c = &op_cases[i];
        if (c->slow) continue;
        lk_error err;
        op_run r;
        CHECK_OK(run_open(&r, c, LK_BACKEND_REF, LK_F32, true, 11, &err), &err);
        if (!r.op) continue;
        float *before[LK_OP_MAX_PARAMS] = {NULL};
        for (int k = 0; k < r.info->params; k++) {
            const size_t bytes = (size_t)lk_shape_count(r.info->param[k]) * sizeof(float);
            before[k] = lk_alloc(bytes);
            memcpy(before[k], r.dparam[k], bytes);
        }
        run_forward(&r);
        run_backward(&r, true, ~0u);
        fd_count seen = {0, 0};
        for (int k = 0; k < c->inputs; k++)
            check_gradient(&r, c, r.in[k].data, r.din[k].data, NULL, lk_shape_count(c->in[k]), "input", k,
                           &seen);
        for (int k = 0; k < r.info->params; k++)
            if (r.info->learned[k])
                check_gradient(&r, c, r.param[k], r.dparam[k], before[k], lk_shape_count(r.info->param[k]),
                               "parameter", k, &seen);
        CHECK(seen.kinks * 4 <= seen.checked, "%s: %d of %d differences crossed a kink", c->name, seen.kinks,
              seen.checked);
        for (int k = 0; k < r.info->params; k++) lk_free(before[k]);
        run_close(&r);
    }
}

/* Same call, same bytes; and asking for fewer gradients changes none of the others. */
static void test_determinism(void)
{
    for (int i = 0; i < op_case_count; i++)
        for (int t = 0; t < 2; t++) {
            const op_case *c = &op_cases[i];
            lk_error err;
            op_run a, b;
            CHECK_OK(run_open(&a, c, LK_BACKEND_DNN, (lk_dtype)t, true, 5, &err), &err);
            CHECK_OK(run_open(&b, c, LK_BACKEND_DNN, (lk_dtype)t, true, 5, &err), &err);
            run_forward(&a);
            run_forward(&b);
            CHECK(!memcmp(a.out.data, b.out.data, lk_tensor_bytes(&a.out)),
                  "%s: forward differs between equal calls", c->name);
            run_backward(&a, true, ~0u);
            run_backward(&b, true, 0u);
            for (int k = 0; k < a.info->params; k++)
                CHECK(!memcmp(a.dparam[k], b.dparam[k],
                              (size_t)lk_shape_count(a.info->param[k]) * sizeof(float)),
                      "%s: gradient of parameter %d depends on what else is wanted", c->name, k);
            run_backward(&b, false, ~0u);
            for (int k = 0; k < c->inputs; k++)
                CHECK(!memcmp(a.din[k].data, b.din[k].data, lk_tensor_bytes(&a.din[k])),
                      "%s: gradient of input %d depends on what else is wanted", c->name, k);
            run_close(&a);
            run_close(&b);
        }
}

static void test_alloc_faults(void)
{
    for (int i = 0; i < op_case_count; i++)
        for (int backend = 0; backend < 2; backend++) {
            const op_case *c = &op_cases[i];
            bool opened = false;
            for (int nth = 1; nth < 16 && !opened; nth++) {
                lk_error err = {0};
                lk_op *op = (lk_op *)(uintptr_t)1;
                lk_op_desc d = {c->kind, c->attr, c->inputs, {{0}}, LK_F32, true};
                memcpy(d.in, c->in, sizeof c->in);
                lk_fault_set(LK_FAULT_ALLOC, nth, false);
                const lk_status s = lk_op_open((lk_backend)backend, &d, &op, &err);
                lk_fault_set(LK_FAULT_ALLOC, 0, false);
                opened = s == LK_OK;
                CHECK(s == LK_OK || s == LK_E_NOMEM, "%s: allocation %d failed, status %d", c->name, nth, s);
                CHECK((s == LK_OK) == (op != NULL), "%s: status %d with operator %p", c->name, s, (void *)op);
                CHECK(s == LK_OK || err.message[0], "%s: a failure without a message", c->name);
                lk_op_close(&op);
            }
            CHECK(opened, "%s: never opened", c->name);
        }
}

typedef struct refusal {
    const char *why;
    lk_op_kind kind;
    lk_op_attr attr;
    int inputs;
    lk_shape in[2];
} refusal;

static void test_refusals(void)
{
    static const refusal rows[] = {
        {"no kernel", LK_OP_CONV, {.out_c = 4, .stride = 1}, 1, {{1, 4, 4, 4}}},
        {"no stride", LK_OP_CONV, {.out_c = 4, .kernel = 3, .pad = 1}, 1, {{1, 4, 4, 4}}},
        {"kernel past the edge", LK_OP_CONV, {.out_c = 4, .kernel = 7, .stride = 1}, 1, {{1, 4, 4, 4}}},
        {"negative pad", LK_OP_CONV, {.out_c = 4, .kernel = 3, .stride = 1, .pad = -1}, 1, {{1, 4, 4, 4}}},
        {"odd groups",
         LK_OP_CONV,
         {.out_c = 4, .kernel = 3, .stride = 1, .pad = 1, .groups = 2},
         1,
         {{1, 4, 4, 4}}},
        {"no output channels", LK_OP_CONV, {.kernel = 3, .stride = 1, .pad = 1}, 1, {{1, 4, 4, 4}}},
        {"empty input", LK_OP_DENSE, {.out_c = 4}, 1, {{1, 0, 4, 4}}},
        {"enormous input", LK_OP_DENSE, {.out_c = 4}, 1, {{1 << 20, 1 << 20, 1 << 20, 4}}},
        {"negative slope", LK_OP_ACT, {.act = LK_ACT_LEAKY, .slope = -0.5f}, 1, {{1, 4, 4, 4}}},
        {"unknown activation", LK_OP_ACT, {.act = (lk_act)77}, 1, {{1, 4, 4, 4}}},
        {"ragged shuffle", LK_OP_PIXEL_SHUFFLE, {.factor = 2}, 1, {{1, 4, 4, 6}}},
        {"pool too large", LK_OP_MAX_POOL, {.kernel = 5}, 1, {{1, 4, 4, 4}}},
        {"unequal sum", LK_OP_ADD, {0}, 2, {{1, 4, 4, 4}, {1, 4, 4, 5}}},
        {"one addend", LK_OP_ADD, {0}, 1, {{1, 4, 4, 4}}},
        {"unequal rows", LK_OP_CONCAT, {0}, 2, {{1, 4, 4, 4}, {1, 4, 5, 4}}},
        {"slice outside", LK_OP_SLICE, {.from = 3, .count = 2}, 1, {{4, 4, 4, 4}}},
        {"reshape grows", LK_OP_RESHAPE, {.h = 4, .w = 4, .c = 5}, 1, {{1, 4, 4, 4}}},
        {"resize overflow", LK_OP_RESIZE, {.factor = 64}, 1, {{1, 1 << 26, 1, 1}}},
        {"momentum", LK_OP_CHANNEL_NORM, {.momentum = 2}, 1, {{1, 4, 4, 4}}},
        {"gate of another width", LK_OP_SCALE_ROWS, {0}, 2, {{1, 4, 4, 4}, {1, 1, 1, 5}}},
        {"unknown kind", LK_OP_KINDS, {0}, 1, {{1, 4, 4, 4}}},
    };
    for (size_t i = 0; i < LK_COUNT(rows); i++) {
        lk_error err = {0};
        lk_op *op = NULL;
        const lk_op_desc d = {rows[i].kind, rows[i].attr, rows[i].inputs, {rows[i].in[0], rows[i].in[1]},
                              LK_F32,       true};
        const lk_status s = lk_op_open(LK_BACKEND_DNN, &d, &op, &err);
        CHECK(s == LK_E_ARG && !op && err.message[0], "%s: status %d, message \"%s\"", rows[i].why, s,
              err.message);
        lk_op_close(&op);
    }
}

static const check_test tests[] = {
    {"agreement", test_agreement},     {"finite_differences", test_finite_differences},
    {"determinism", test_determinism}, {"alloc_faults", test_alloc_faults},
    {"refusals", test_refusals},
};
CHECK_MAIN(tests)
