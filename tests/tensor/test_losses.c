/* Losses: values against a direct evaluation in double, gradients against
 * finite differences, and the corners of their domains. */
#include "../check.h"
#include "tensor/tensor.h"

typedef enum kind { MSE, L1, DSSIM, BCE, WING } kind;

typedef struct loss_case {
    const char *name;
    kind kind;
    lk_shape s;
    bool masked; /* a position mask, or element weights */
    int window;
} loss_case;

#define S(n_, h_, w_, c_)                  \
    {                                      \
        .n = n_, .h = h_, .w = w_, .c = c_ \
    }

static const loss_case cases[] = {
    {"mse", MSE, S(3, 5, 4, 3)},
    {"mse masked", MSE, S(3, 5, 4, 3), true},
    {"mse threaded", MSE, S(9, 33, 31, 3), true},
    {"l1", L1, S(2, 4, 4, 3)},
    {"l1 masked", L1, S(2, 4, 7, 1), true},
    {"dssim", DSSIM, S(2, 14, 13, 3), false, 11},
    {"dssim masked", DSSIM, S(2, 13, 15, 3), true, 11},
    {"dssim one position", DSSIM, S(1, 7, 7, 1), false, 7},
    {"dssim small window", DSSIM, S(3, 9, 21, 2), true, 3},
    {"dssim even window", DSSIM, S(1, 9, 9, 5), false, 4},
    {"dssim window of one", DSSIM, S(1, 3, 5, 1), false, 1},
    {"bce", BCE, S(2, 3, 3, 1)},
    {"bce weighted", BCE, S(4, 17, 5, 2), true},
    {"wing", WING, S(2, 1, 1, 136)},
    {"wing weighted", WING, S(3, 1, 1, 20), true},
};

typedef struct loss_data {
    lk_tensor x, y, mask, grad;
    void *scratch;
} loss_data;

static lk_tensor new_tensor(lk_shape s)
{
    lk_tensor t = {LK_F32, s, lk_calloc((size_t)lk_shape_count(s), sizeof(float))};
    return t;
}

static loss_data make(const loss_case *c)
{
    loss_data d;
    const bool by_element = c->kind == BCE || c->kind == WING;
    d.x = new_tensor(c->s);
    d.y = new_tensor(c->s);
    d.grad = new_tensor(c->s);
    d.mask = new_tensor((lk_shape){c->s.n, c->s.h, c->s.w, by_element ? c->s.c : 1});
    d.scratch = c->kind == DSSIM ? lk_alloc(lk_loss_dssim_scratch(c->s, c->window)) : NULL;
    lk_rng r = lk_rng_at(3, 9, 0, 0);
    for (int64_t i = 0; i < lk_shape_count(c->s); i++) {
        float *x = d.x.data, *y = d.y.data;
        x[i] = c->kind == BCE    ? lk_rng_range(&r, -4, 4)
               : c->kind == WING ? lk_rng_range(&r, -0.5f, 0.5f)
                                 : lk_rng_uniform(&r);
        y[i] = c->kind == WING ? lk_rng_range(&r, -0.5f, 0.5f) : lk_rng_uniform(&r);
    }
    for (int64_t i = 0; i < lk_shape_count(d.mask.shape); i++) {
        const float v = lk_rng_uniform(&r);
        ((float *)d.mask.data)[i] = v < 0.2f ? 0 : v; /* some positions fully masked out */
    }
    return d;
}

static void clear(loss_data *d)
{
    lk_free(d->x.data);
    lk_free(d->y.data);
    lk_free(d->mask.data);
    lk_free(d->grad.data);
    lk_free(d->scratch);
}

#define WEIGHT 0.75f
#define WING_W 0.3f
#define WING_EPSILON 0.05f
#define SIGMA 1.5f

static double call(const loss_case *c, loss_data *d, lk_tensor *grad)
{
    const lk_tensor *mask = c->masked ? &d->mask : NULL;
    switch (c->kind) {
    case MSE: return lk_loss_mse(&d->x, &d->y, mask, WEIGHT, grad);
    case L1: return lk_loss_l1(&d->x, &d->y, mask, WEIGHT, grad);
    case DSSIM: return lk_loss_dssim(&d->x, &d->y, mask, c->window, SIGMA, WEIGHT, grad, d->scratch);
    case BCE: return lk_loss_bce(&d->x, &d->y, 0, mask, WEIGHT, grad);
    case WING: return lk_loss_wing(&d->x, &d->y, mask, WING_W, WING_EPSILON, WEIGHT, grad);
    }
    return 0;
}

static double pixel(const loss_case *c, const lk_tensor *t, const lk_tensor *mask, int n, int y, int x,
                    int ch)
{
    const int64_t p = ((int64_t)n * c->s.h + y) * c->s.w + x;
    const double m = mask ? ((const float *)mask->data)[p] : 1;
    return m * ((const float *)t->data)[p * c->s.c + ch];
}

/* SSIM straight from its definition, one window at a time. */
static double direct_dssim(const loss_case *c, const loss_data *d)
{
    const lk_tensor *mask = c->masked ? &d->mask : NULL;
    double total = 0;
    int64_t windows = 0;
    for (int n = 0; n < c->s.n; n++)
        for (int y0 = 0; y0 + c->window <= c->s.h; y0++)
            for (int x0 = 0; x0 + c->window <= c->s.w; x0++)
                for (int ch = 0; ch < c->s.c; ch++) {
                    double norm = 0, mx = 0, my = 0, vx = 0, vy = 0, cov = 0;
                    for (int pass = 0; pass < 2; pass++) {
                        for (int dy = 0; dy < c->window; dy++)
                            for (int dx = 0; dx < c->window; dx++) {
                                const double half = (c->window - 1) / 2.0;
                                const double g =
                                    exp(-((dy - half) * (dy - half) + (dx - half) * (dx - half)) /
                                        (2.0 * SIGMA * SIGMA));
                                const double a = pixel(c, &d->x, mask, n, y0 + dy, x0 + dx, ch);
                                const double b = pixel(c, &d->y, mask, n, y0 + dy, x0 + dx, ch);
                                if (pass == 0) {
                                    norm += g;
                                    mx += g * a;
                                    my += g * b;
                                } else {
                                    vx += g / norm * (a - mx) * (a - mx);
                                    vy += g / norm * (b - my) * (b - my);
                                    cov += g / norm * (a - mx) * (b - my);
                                }
                            }
                        if (pass == 0) {
                            mx /= norm;
                            my /= norm;
                        }
                    }
                    total += (2 * mx * my + 1e-4) * (2 * cov + 9e-4) /
                             ((mx * mx + my * my + 1e-4) * (vx + vy + 9e-4));
                    windows++;
                }
    return 0.5 * (1 - total / (double)windows);
}

static double direct(const loss_case *c, const loss_data *d)
{
    if (c->kind == DSSIM) return WEIGHT * direct_dssim(c, d);
    const float *x = d->x.data, *y = d->y.data, *m = d->mask.data;
    const int64_t count = lk_shape_count(c->s), sample = count / c->s.n;
    double total = 0;
    for (int n = 0; n < c->s.n; n++) {
        double sum = 0, by = 0;
        for (int64_t i = n * sample; i < (n + 1) * sample; i++) {
            const double e = fabs((double)x[i] - y[i]);
            if (c->kind == MSE || c->kind == L1) {
                const double w = c->masked ? m[i / c->s.c] : 1;
                sum += w * (c->kind == MSE ? e * e : e);
                by += w;
            } else if (c->kind == BCE) {
                const double p = 1 / (1 + exp(-(double)x[i]));
                sum -= (c->masked ? m[i] : 1) * (y[i] * log(p) + (1 - y[i]) * log(1 - p));
            } else {
                const double c0 = WING_W - WING_W * log(1 + WING_W / WING_EPSILON);
                sum += (c->masked ? m[i] : 1) * (e < WING_W ? WING_W * log(1 + e / WING_EPSILON) : e - c0);
            }
        }
        total += c->kind == MSE || c->kind == L1 ? sum / by / c->s.n : sum / (double)count;
    }
    return WEIGHT * total;
}

static void test_values(void)
{
    for (size_t i = 0; i < LK_COUNT(cases); i++) {
        loss_data d = make(&cases[i]);
        const double got = call(&cases[i], &d, NULL), want = direct(&cases[i], &d);
        CHECK(fabs(got - want) <= 2e-5 * fabs(want) + 1e-8, "%s: %.9g, directly %.9g", cases[i].name, got,
              want);
        CHECK(call(&cases[i], &d, &d.grad) == got, "%s: the value depends on whether the gradient is wanted",
              cases[i].name);
        clear(&d);
    }
}

static void test_gradients(void)
{
    for (size_t i = 0; i < LK_COUNT(cases); i++) {
        const loss_case *c = &cases[i];
        loss_data d = make(c);
        const int64_t count = lk_shape_count(c->s), step = count / 60 + 1;
        float *x = d.x.data, *g = d.grad.data;
        for (int64_t k = 0; k < count; k++) g[k] = 0.5f; /* gradients are added to what is there */
        call(c, &d, &d.grad);
        double rms = 0;
        int kinks = 0, checked = 0;
        for (int64_t k = 0; k < count; k++) rms += (g[k] - 0.5) * (g[k] - 0.5) / (double)count;
        rms = sqrt(rms);
        for (int64_t k = 0; k < count; k += step) {
            /* L1 and wing are not smooth where x = y; wing bends again where the two meet */
            const float eps = 1.0f / 512, keep = x[k];
            const double here = direct(c, &d);
            x[k] = keep + eps;
            const double up = direct(c, &d);
            x[k] = keep - eps;
            const double down = direct(c, &d);
            x[k] = keep;
            const double want = (up - down) / (2.0 * eps), bend = fabs(up - 2 * here + down) / eps;
            const double allowed = 0.01 * fmax(rms, fabs(want)) + 1e-7, error = fabs(g[k] - 0.5 - want);
            checked++;
            if ((c->kind == L1 || c->kind == WING) && error > allowed && error <= allowed + 0.6 * bend) {
                kinks++;
                continue;
            }
            CHECK(error <= allowed, "%s element %lld: gradient %.6g, finite difference %.6g", c->name,
                  (long long)k, g[k] - 0.5, want);
        }
        CHECK(kinks * 10 <= checked, "%s: %d of %d differences crossed a kink", c->name, kinks, checked);
        clear(&d);
    }
}

static void test_equal_pictures(void)
{
    const loss_case c = {"equal", DSSIM, S(2, 12, 12, 3), false, 11};
    loss_data d = make(&c);
    memcpy(d.x.data, d.y.data, lk_tensor_bytes(&d.x));
    CHECK_NEAR(call(&c, &d, &d.grad), 0, 1e-6);
    for (int64_t i = 0; i < lk_shape_count(c.s); i++) CHECK_NEAR(((float *)d.grad.data)[i], 0, 1e-6);
    clear(&d);
}

/* One sample's mask is empty: it contributes nothing, and nothing is divided by zero. */
static void test_empty_mask(void)
{
    const loss_case c = {"empty", MSE, S(2, 4, 4, 3), true};
    loss_data d = make(&c);
    memset(d.mask.data, 0, 16 * sizeof(float));
    const double v = call(&c, &d, &d.grad);
    CHECK(isfinite(v) && v > 0, "value %g", v);
    for (int64_t i = 0; i < 48; i++)
        CHECK(((float *)d.grad.data)[i] == 0, "a gradient where the mask is empty");
    memset(d.mask.data, 0, lk_tensor_bytes(&d.mask));
    CHECK_NEAR(call(&c, &d, NULL), 0, 0);
    clear(&d);
}

static void test_bce_extremes(void)
{
    float x[4] = {1e4f, -1e4f, 1e4f, -1e4f}, t[4] = {1, 0, 0, 1}, g[4] = {0};
    const lk_tensor logits = {LK_F32, {4, 1, 1, 1}, x}, target = {LK_F32, {4, 1, 1, 1}, t};
    lk_tensor grad = {LK_F32, {4, 1, 1, 1}, g};
    CHECK_NEAR(lk_loss_bce(&logits, &target, 0, NULL, 1, &grad), 5000, 1e-3);
    CHECK_NEAR(g[0], 0, 1e-7);
    CHECK_NEAR(g[2], 0.25, 1e-7);
    CHECK_NEAR(g[3], -0.25, 1e-7);
    memset(g, 0, sizeof g);
    CHECK_NEAR(lk_loss_bce(&logits, NULL, 1, NULL, 1, &grad), 5000, 1e-3);
    CHECK_NEAR(g[1], -0.25, 1e-7);
}

static void test_softmax(void)
{
    float x[3][5] = {{0.5f, -1, 2, 0, 1}, {3, 3, 3, 3, 3}, {1000, 0, -1000, 0, 0}}, g[3][5] = {{0}};
    const int labels[3] = {2, -1, 0};
    const lk_tensor logits = {LK_F32, {3, 1, 1, 5}, x};
    lk_tensor grad = {LK_F32, {3, 1, 1, 5}, g};
    double sum = 0;
    for (int c = 0; c < 5; c++) sum += exp(x[0][c]);
    const double got = lk_loss_softmax(&logits, labels, 2, &grad), first = log(sum) - x[0][2];
    CHECK_NEAR(got, 2 * (first + 0) / 2, 1e-6);
    for (int c = 0; c < 5; c++) {
        CHECK_NEAR(g[0][c], exp(x[0][c]) / sum - (c == 2), 1e-6);
        CHECK(g[1][c] == 0, "a sample without a label has a gradient");
        CHECK_NEAR(g[2][c], 0, 1e-7);
    }
    const int none[3] = {-1, -1, -1};
    CHECK_NEAR(lk_loss_softmax(&logits, none, 2, NULL), 0, 0);
}

static const check_test tests[] = {
    {"values", test_values},
    {"gradients", test_gradients},
    {"equal_pictures", test_equal_pictures},
    {"empty_mask", test_empty_mask},
    {"bce_extremes", test_bce_extremes},
    {"softmax", test_softmax},
};
CHECK_MAIN(tests)
