/* The fast implementations of operators that reduce: normalisation, global
 * pooling and gates. The formulas are those of ref/norm.c, arranged so that each
 * direction reads its tensors twice at most. */
#include "tensor/simd/simd.h"

#include <math.h>

typedef struct grouping {
    int64_t groups, rows, channels;
} grouping;

static grouping grouping_of(const lk_op *op)
{
    const lk_shape s = op->desc.in[0];
    const int64_t area = (int64_t)s.h * s.w;
    if (op->desc.kind == LK_OP_CHANNEL_NORM) return (grouping){1, s.n * area, s.c};
    return (grouping){s.n, area, s.c};
}

/* Scratch: the partial sums, then vectors of groups * channels floats. */
static size_t partial_floats(grouping g)
{
    return 2 * (size_t)LK_MAX(g.groups, LK_SIMD_SLICES) * (size_t)g.channels;
}

#define NORM_VECTORS 5

static lk_status open_reducing(lk_op *op, lk_error *err)
{
    (void)err;
    const grouping g = grouping_of(op);
    op->info.scratch_bytes =
        sizeof(float) * (partial_floats(g) + NORM_VECTORS * (size_t)(g.groups * g.channels));
    return LK_OK;
}

static void update_running(const lk_op *op, float *const *params, const float *mean, const float *var,
                           grouping g)
{
    const float m = op->desc.attr.momentum, unbiased = g.rows > 1 ? (float)g.rows / (float)(g.rows - 1) : 1;
    for (int64_t c = 0; c < g.channels; c++) {
        params[2][c] = (1 - m) * params[2][c] + m * mean[c];
        params[3][c] = (1 - m) * params[3][c] + m * var[c] * unbiased;
    }
}

static void norm_forward(lk_op *op, const lk_tensor *const *in, lk_tensor *out, float *const *params,
                         const lk_op_memory *mem)
{
    const grouping g = grouping_of(op);
    const int64_t n = g.groups * g.channels;
    const bool batch = op->desc.kind == LK_OP_CHANNEL_NORM;
    float *partial = mem->scratch, *mean = partial + partial_floats(g), *var = mean + n, *k1 = var + n,
          *k2 = k1 + n;
    if (batch && !op->desc.train) {
        mean = params[2];
        var = params[3];
    } else {
        lk_simd()->moments(op->desc.type, in[0]->data, partial, mean, var, g.groups, g.rows, g.channels);
    }
    if (batch && op->desc.train) update_running(op, params, mean, var, g);
    for (int64_t i = 0; i < n; i++) {
        const float inverse = 1.0f / sqrtf(var[i] + LK_NORM_EPSILON);
        if (op->desc.train) {
            ((float *)mem->saved)[i] = mean[i];
            ((float *)mem->saved)[n + i] = inverse;
        }
        k1[i] = inverse * params[0][i % g.channels];
        k2[i] = params[1][i % g.channels];
    }
    lk_simd()->affine(op->desc.type, in[0]->data, NULL, out->data, mean, k1, k2, NULL, g.groups, g.rows,
                      g.channels);
}

static void norm_backward(lk_op *op, const lk_tensor *const *in, const lk_tensor *out, const lk_tensor *dout,
                          lk_tensor *const *din, float *const *params, float *const *dparams,
                          const lk_op_memory *mem)
{
    (void)out;
    const grouping g = grouping_of(op);
    const int64_t n = g.groups * g.channels;
    const float *mean = mem->saved, *inverse = mean + n;
    float *partial = mem->scratch, *sum = partial + partial_floats(g), *dot = sum + n, *k1 = dot + n,
          *k2 = k1 + n, *k3 = k2 + n;
    lk_simd()->norm_sums(op->desc.type, in[0]->data, dout->data, mean, inverse, partial, sum, dot, g.groups,
                         g.rows, g.channels);
    for (int64_t i = 0; i < n; i++) {
        const int64_t c = i % g.channels;
        if (dparams && dparams[0]) dparams[0][c] += dot[i];
        if (dparams && dparams[1]) dparams[1][c] += sum[i];
        k3[i] = params[0][c] * inverse[i];
        k1[i] = -k3[i] * inverse[i] * dot[i] / (float)g.rows;
        k2[i] = -k3[i] * sum[i] / (float)g.rows;
    }
    if (din[0])
        lk_simd()->affine(op->desc.type, in[0]->data, dout->data, din[0]->data, mean, k1, k2, k3, g.groups,
                          g.rows, g.channels);
}

static void global_forward(lk_op *op, const lk_tensor *const *in, lk_tensor *out, float *const *params,
                           const lk_op_memory *mem)
{
    (void)params;
    const grouping g = grouping_of(op);
    lk_simd()->position_sums(op->desc.type, in[0]->data, NULL, mem->scratch, out->data, g.groups, g.rows,
                             g.channels);
}

static void global_backward(lk_op *op, const lk_tensor *const *in, const lk_tensor *out,
                            const lk_tensor *dout, lk_tensor *const *din, float *const *params,
                            float *const *dparams, const lk_op_memory *mem)
{
    (void)in, (void)out, (void)params, (void)dparams, (void)mem;
    const grouping g = grouping_of(op);
    if (din[0])
        lk_simd()->gate(op->desc.type, NULL, dout->data, 1.0f / (float)g.rows, din[0]->data, g.groups, g.rows,
                        g.channels);
}

static void gate_forward(lk_op *op, const lk_tensor *const *in, lk_tensor *out, float *const *params,
                         const lk_op_memory *mem)
{
    (void)params, (void)mem;
    const grouping g = grouping_of(op);
    lk_simd()->gate(op->desc.type, in[0]->data, in[1]->data, 0, out->data, g.groups, g.rows, g.channels);
}

static void gate_backward(lk_op *op, const lk_tensor *const *in, const lk_tensor *out, const lk_tensor *dout,
                          lk_tensor *const *din, float *const *params, float *const *dparams,
                          const lk_op_memory *mem)
{
    (void)out, (void)params, (void)dparams;
    const grouping g = grouping_of(op);
    if (din[0])
        lk_simd()->gate(op->desc.type, dout->data, in[1]->data, 0, din[0]->data, g.groups, g.rows,
                        g.channels);
    if (din[1])
        lk_simd()->position_sums(op->desc.type, in[0]->data, dout->data, mem->scratch, din[1]->data, g.groups,
                                 g.rows, g.channels);
}

static void sample_terms(const lk_op *op, int64_t *count, float *divisor, float *epsilon)
{
    const bool pixel = op->desc.kind == LK_OP_PIXEL_NORM;
    *count = lk_shape_count(op->info.out) / op->info.out.n;
    *divisor = pixel ? (float)*count : 1;
    *epsilon = pixel ? LK_PIXEL_EPSILON : LK_L2_EPSILON;
}

static void sample_forward(lk_op *op, const lk_tensor *const *in, lk_tensor *out, float *const *params,
                           const lk_op_memory *mem)
{
    (void)params;
    int64_t count;
    float divisor, epsilon;
    sample_terms(op, &count, &divisor, &epsilon);
    lk_simd()->sample_norm(op->desc.type, in[0]->data, out->data, op->desc.train ? mem->saved : NULL,
                           op->info.out.n, count, divisor, epsilon);
}

static void sample_backward(lk_op *op, const lk_tensor *const *in, const lk_tensor *out,
                            const lk_tensor *dout, lk_tensor *const *din, float *const *params,
                            float *const *dparams, const lk_op_memory *mem)
{
    (void)out, (void)params, (void)dparams;
    int64_t count;
    float divisor, epsilon;
    sample_terms(op, &count, &divisor, &epsilon);
    if (din[0])
        lk_simd()->sample_norm_grad(op->desc.type, in[0]->data, dout->data, din[0]->data, mem->saved,
                                    op->info.out.n, count, divisor);
}

const lk_op_impl lk_fast_norm = {.open = open_reducing, .forward = norm_forward, .backward = norm_backward};
const lk_op_impl lk_fast_global_pool = {
    .open = open_reducing, .forward = global_forward, .backward = global_backward};
const lk_op_impl lk_fast_scale_rows = {
    .open = open_reducing, .forward = gate_forward, .backward = gate_backward};
const lk_op_impl lk_fast_sample_norm = {.forward = sample_forward, .backward = sample_backward};
