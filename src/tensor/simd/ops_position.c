/* The fast implementations of operators that are pointwise or move values
 * around: each is a call or two into the kernels of the CPU's instruction set. */
#include "tensor/simd/simd.h"

static int64_t outputs(const lk_op *op) { return lk_shape_count(op->info.out); }

static void act_forward(lk_op *op, const lk_tensor *const *in, lk_tensor *out, float *const *params,
                        const lk_op_memory *mem)
{
    (void)params, (void)mem;
    lk_simd()->act(op->desc.type, op->desc.attr.act, op->desc.attr.slope, in[0]->data, out->data,
                   outputs(op));
}

static void act_backward(lk_op *op, const lk_tensor *const *in, const lk_tensor *out, const lk_tensor *dout,
                         lk_tensor *const *din, float *const *params, float *const *dparams,
                         const lk_op_memory *mem)
{
    (void)params, (void)dparams, (void)mem;
    const lk_op_attr *a = &op->desc.attr;
    const void *v = a->act == LK_ACT_SWISH       ? in[0]->data
                    : lk_act_from_output(a->act) ? out->data
                                                 : dout->data;
    if (din[0])
        lk_simd()->act_grad(op->desc.type, a->act, a->slope, v, dout->data, din[0]->data, outputs(op));
}

static void add_forward(lk_op *op, const lk_tensor *const *in, lk_tensor *out, float *const *params,
                        const lk_op_memory *mem)
{
    (void)params;
    void *pre = op->info.saved_bytes ? mem->saved : NULL;
    lk_simd()->add_act(op->desc.type, op->desc.attr.act, op->desc.attr.slope, in[0]->data, in[1]->data, pre,
                       out->data, outputs(op));
}

static void add_backward(lk_op *op, const lk_tensor *const *in, const lk_tensor *out, const lk_tensor *dout,
                         lk_tensor *const *din, float *const *params, float *const *dparams,
                         const lk_op_memory *mem)
{
    (void)in, (void)params, (void)dparams;
    const lk_op_attr *a = &op->desc.attr;
    const void *v = a->act == LK_ACT_SWISH ? mem->saved : lk_act_from_output(a->act) ? out->data : dout->data;
    lk_tensor *first = din[0] ? din[0] : din[1];
    if (!first) return;
    if (a->act != LK_ACT_NONE)
        lk_simd()->act_grad(op->desc.type, a->act, a->slope, v, dout->data, first->data, outputs(op));
    else lk_tensor_convert(dout, first);
    if (din[0] && din[1]) lk_tensor_convert(din[0], din[1]);
}

static void concat_move(lk_op *op, lk_tensor *whole, const lk_tensor *const *part, bool back)
{
    const int64_t size = (int64_t)lk_dtype_size(op->desc.type), step = op->info.out.c * size;
    const int64_t rows = outputs(op) / op->info.out.c;
    char *at = whole->data;
    for (int k = 0; k < op->desc.inputs; k++) {
        const int64_t bytes = op->desc.in[k].c * size;
        if (part[k] && !back) lk_simd()->copy_columns(part[k]->data, bytes, at, step, bytes, rows);
        if (part[k] && back) lk_simd()->copy_columns(at, step, part[k]->data, bytes, bytes, rows);
        at += bytes;
    }
}

static void concat_forward(lk_op *op, const lk_tensor *const *in, lk_tensor *out, float *const *params,
                           const lk_op_memory *mem)
{
    (void)params, (void)mem;
    concat_move(op, out, in, false);
}

static void concat_backward(lk_op *op, const lk_tensor *const *in, const lk_tensor *out,
                            const lk_tensor *dout, lk_tensor *const *din, float *const *params,
                            float *const *dparams, const lk_op_memory *mem)
{
    (void)in, (void)out, (void)params, (void)dparams, (void)mem;
    lk_tensor whole = *dout; /* read only, in this direction */
    concat_move(op, &whole, (const lk_tensor *const *)din, true);
}

static void cast_forward(lk_op *op, const lk_tensor *const *in, lk_tensor *out, float *const *params,
                         const lk_op_memory *mem)
{
    (void)op, (void)params, (void)mem;
    lk_tensor_convert(in[0], out);
}

static void cast_backward(lk_op *op, const lk_tensor *const *in, const lk_tensor *out, const lk_tensor *dout,
                          lk_tensor *const *din, float *const *params, float *const *dparams,
                          const lk_op_memory *mem)
{
    (void)op, (void)in, (void)out, (void)params, (void)dparams, (void)mem;
    if (din[0]) lk_tensor_convert(dout, din[0]);
}

static void shuffle_move(lk_op *op, void *narrow, void *wide, bool back)
{
    const lk_shape s = op->desc.in[0];
    lk_simd()->shuffle(op->desc.type, narrow, wide, (int64_t)s.n * s.h, s.w, op->info.out.c,
                       op->desc.attr.factor, back);
}

static void shuffle_forward(lk_op *op, const lk_tensor *const *in, lk_tensor *out, float *const *params,
                            const lk_op_memory *mem)
{
    (void)params, (void)mem;
    shuffle_move(op, in[0]->data, out->data, false);
}

static void shuffle_backward(lk_op *op, const lk_tensor *const *in, const lk_tensor *out,
                             const lk_tensor *dout, lk_tensor *const *din, float *const *params,
                             float *const *dparams, const lk_op_memory *mem)
{
    (void)in, (void)out, (void)params, (void)dparams, (void)mem;
    if (din[0]) shuffle_move(op, din[0]->data, dout->data, true);
}

static void resize_forward(lk_op *op, const lk_tensor *const *in, lk_tensor *out, float *const *params,
                           const lk_op_memory *mem)
{
    (void)params, (void)mem;
    lk_simd()->resize(op->desc.type, in[0]->data, out->data, op->desc.in[0], op->desc.attr.factor);
}

static void resize_backward(lk_op *op, const lk_tensor *const *in, const lk_tensor *out,
                            const lk_tensor *dout, lk_tensor *const *din, float *const *params,
                            float *const *dparams, const lk_op_memory *mem)
{
    (void)in, (void)out, (void)params, (void)dparams, (void)mem;
    if (din[0])
        lk_simd()->resize_grad(op->desc.type, dout->data, din[0]->data, op->desc.in[0], op->desc.attr.factor);
}

static void pool_forward(lk_op *op, const lk_tensor *const *in, lk_tensor *out, float *const *params,
                         const lk_op_memory *mem)
{
    (void)params, (void)mem;
    lk_simd()->pool(op->desc.type, op->desc.kind == LK_OP_MAX_POOL, in[0]->data, out->data, op->desc.in[0],
                    op->desc.attr.kernel);
}

static void pool_backward(lk_op *op, const lk_tensor *const *in, const lk_tensor *out, const lk_tensor *dout,
                          lk_tensor *const *din, float *const *params, float *const *dparams,
                          const lk_op_memory *mem)
{
    (void)out, (void)params, (void)dparams, (void)mem;
    const bool largest = op->desc.kind == LK_OP_MAX_POOL;
    if (din[0])
        lk_simd()->pool_grad(op->desc.type, largest, largest ? in[0]->data : NULL, dout->data, din[0]->data,
                             op->desc.in[0], op->desc.attr.kernel);
}

const lk_op_impl lk_fast_act = {.forward = act_forward, .backward = act_backward};
const lk_op_impl lk_fast_add = {.forward = add_forward, .backward = add_backward};
const lk_op_impl lk_fast_concat = {.forward = concat_forward, .backward = concat_backward};
const lk_op_impl lk_fast_cast = {.forward = cast_forward, .backward = cast_backward};
const lk_op_impl lk_fast_shuffle = {.forward = shuffle_forward, .backward = shuffle_backward};
const lk_op_impl lk_fast_resize = {.forward = resize_forward, .backward = resize_backward};
const lk_op_impl lk_fast_pool = {.forward = pool_forward, .backward = pool_backward};
