/* Reference operators that look at one position at a time: activation, sum of
 * two, concatenation, type cast and gates. */
#include "tensor/ref/ref.h"

static void act_forward(lk_op *op, const lk_tensor *const *in, lk_tensor *out, float *const *params,
                        const lk_op_memory *mem)
{
    (void)params, (void)mem;
    const int64_t count = lk_shape_count(op->info.out);
    for (int64_t i = 0; i < count; i++)
        put(out, i, (float)act_value(op->desc.attr.act, op->desc.attr.slope, get(in[0], i)));
}

static void act_backward(lk_op *op, const lk_tensor *const *in, const lk_tensor *out, const lk_tensor *dout,
                         lk_tensor *const *din, float *const *params, float *const *dparams,
                         const lk_op_memory *mem)
{
    (void)params, (void)dparams, (void)mem;
    const lk_act a = op->desc.attr.act;
    const int64_t count = lk_shape_count(op->info.out);
    if (!din[0]) return;
    for (int64_t i = 0; i < count; i++) {
        const double x = a == LK_ACT_SWISH ? get(in[0], i) : 0, y = lk_act_from_output(a) ? get(out, i) : 0;
        put(din[0], i, (float)(get(dout, i) * act_slope(a, op->desc.attr.slope, x, y)));
    }
}

static void add_forward(lk_op *op, const lk_tensor *const *in, lk_tensor *out, float *const *params,
                        const lk_op_memory *mem)
{
    (void)params;
    const int64_t count = lk_shape_count(op->info.out);
    for (int64_t i = 0; i < count; i++)
        put_act(op, out, i, (double)get(in[0], i) + get(in[1], i), mem->saved);
}

static void add_backward(lk_op *op, const lk_tensor *const *in, const lk_tensor *out, const lk_tensor *dout,
                         lk_tensor *const *din, float *const *params, float *const *dparams,
                         const lk_op_memory *mem)
{
    (void)in, (void)params, (void)dparams;
    const int64_t count = lk_shape_count(op->info.out);
    for (int64_t i = 0; i < count; i++) {
        const float g = (float)dpre(op, out, dout, i, mem->saved);
        for (int k = 0; k < 2; k++)
            if (din[k]) put(din[k], i, g);
    }
}

static void concat_forward(lk_op *op, const lk_tensor *const *in, lk_tensor *out, float *const *params,
                           const lk_op_memory *mem)
{
    (void)params, (void)mem;
    const lk_shape s = op->info.out;
    const int64_t positions = (int64_t)s.n * s.h * s.w;
    int first = 0;
    for (int k = 0; k < op->desc.inputs; first += op->desc.in[k++].c)
        for (int64_t p = 0; p < positions; p++)
            for (int c = 0; c < op->desc.in[k].c; c++)
                put(out, p * s.c + first + c, get(in[k], p * op->desc.in[k].c + c));
}

static void concat_backward(lk_op *op, const lk_tensor *const *in, const lk_tensor *out,
                            const lk_tensor *dout, lk_tensor *const *din, float *const *params,
                            float *const *dparams, const lk_op_memory *mem)
{
    (void)in, (void)out, (void)params, (void)dparams, (void)mem;
    const lk_shape s = op->info.out;
    const int64_t positions = (int64_t)s.n * s.h * s.w;
    int first = 0;
    for (int k = 0; k < op->desc.inputs; first += op->desc.in[k++].c)
        for (int64_t p = 0; din[k] && p < positions; p++)
            for (int c = 0; c < op->desc.in[k].c; c++)
                put(din[k], p * op->desc.in[k].c + c, get(dout, p * s.c + first + c));
}

static void cast_forward(lk_op *op, const lk_tensor *const *in, lk_tensor *out, float *const *params,
                         const lk_op_memory *mem)
{
    (void)params, (void)mem;
    const int64_t count = lk_shape_count(op->info.out);
    for (int64_t i = 0; i < count; i++) put(out, i, get(in[0], i));
}

static void cast_backward(lk_op *op, const lk_tensor *const *in, const lk_tensor *out, const lk_tensor *dout,
                          lk_tensor *const *din, float *const *params, float *const *dparams,
                          const lk_op_memory *mem)
{
    (void)in, (void)out, (void)params, (void)dparams, (void)mem;
    const int64_t count = lk_shape_count(op->info.out);
    for (int64_t i = 0; din[0] && i < count; i++) put(din[0], i, get(dout, i));
}

static void scale_forward(lk_op *op, const lk_tensor *const *in, lk_tensor *out, float *const *params,
                          const lk_op_memory *mem)
{
    (void)params, (void)mem;
    const lk_shape s = op->info.out;
    const int64_t count = lk_shape_count(s), sample = count / s.n;
    for (int64_t i = 0; i < count; i++) put(out, i, get(in[0], i) * get(in[1], i / sample * s.c + i % s.c));
}

static void scale_backward(lk_op *op, const lk_tensor *const *in, const lk_tensor *out, const lk_tensor *dout,
                           lk_tensor *const *din, float *const *params, float *const *dparams,
                           const lk_op_memory *mem)
{
    (void)out, (void)params, (void)dparams, (void)mem;
    const lk_shape s = op->info.out;
    const int64_t count = lk_shape_count(s), sample = count / s.n;
    for (int64_t i = 0; din[0] && i < count; i++)
        put(din[0], i, get(dout, i) * get(in[1], i / sample * s.c + i % s.c));
    for (int64_t g = 0; din[1] && g < (int64_t)s.n * s.c; g++) {
        double sum = 0;
        for (int64_t i = g / s.c * sample + g % s.c; i < (g / s.c + 1) * sample; i += s.c)
            sum += (double)get(dout, i) * get(in[0], i);
        put(din[1], g, (float)sum);
    }
}

const lk_op_impl lk_ref_act = {.forward = act_forward, .backward = act_backward};
const lk_op_impl lk_ref_add = {.forward = add_forward, .backward = add_backward};
const lk_op_impl lk_ref_concat = {.forward = concat_forward, .backward = concat_backward};
const lk_op_impl lk_ref_cast = {.forward = cast_forward, .backward = cast_backward};
const lk_op_impl lk_ref_scale_rows = {.forward = scale_forward, .backward = scale_backward};
