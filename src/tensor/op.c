/* The operator table and the calls that go through it. To add an operator: a
 * kind in tensor.h, a row here, a shape function, a reference in ref/, a case in
 * tests/tensor/cases.c; a fast implementation when it is worth one. */
#include "tensor/op.h"

#include <assert.h>

static const lk_op_row rows[] = {
    {LK_OP_CONV, "conv", 1, 1, lk_shape_conv, &lk_ref_conv, &lk_dnn_conv},
    {LK_OP_DENSE, "dense", 1, 1, lk_shape_dense, &lk_ref_dense, &lk_dnn_dense},
    {LK_OP_ACT, "act", 1, 1, lk_shape_act, &lk_ref_act, &lk_fast_act},
    {LK_OP_PIXEL_SHUFFLE, "pixel_shuffle", 1, 1, lk_shape_shuffle, &lk_ref_shuffle, &lk_fast_shuffle},
    {LK_OP_RESIZE, "resize", 1, 1, lk_shape_resize, &lk_ref_resize, &lk_fast_resize},
    {LK_OP_AVG_POOL, "avg_pool", 1, 1, lk_shape_pool, &lk_ref_avg_pool, &lk_fast_pool},
    {LK_OP_MAX_POOL, "max_pool", 1, 1, lk_shape_pool, &lk_ref_max_pool, &lk_fast_pool},
    {LK_OP_GLOBAL_POOL, "global_pool", 1, 1, lk_shape_global_pool, &lk_ref_global_pool, &lk_fast_global_pool},
    {LK_OP_ADD, "add", 2, 2, lk_shape_add, &lk_ref_add, &lk_fast_add},
    {LK_OP_CONCAT, "concat", 2, LK_OP_MAX_INPUTS, lk_shape_concat, &lk_ref_concat, &lk_fast_concat},
    {LK_OP_CHANNEL_NORM, "channel_norm", 1, 1, lk_shape_norm, &lk_ref_channel_norm, &lk_fast_norm},
    {LK_OP_INSTANCE_NORM, "instance_norm", 1, 1, lk_shape_norm, &lk_ref_instance_norm, &lk_fast_norm},
    {LK_OP_PIXEL_NORM, "pixel_norm", 1, 1, lk_shape_sample_norm, &lk_ref_pixel_norm, &lk_fast_sample_norm},
    {LK_OP_SLICE, "slice", 1, 1, lk_shape_slice, &lk_view_slice, &lk_view_slice},
    {LK_OP_RESHAPE, "reshape", 1, 1, lk_shape_reshape, &lk_view_reshape, &lk_view_reshape},
    {LK_OP_CAST, "cast", 1, 1, lk_shape_cast, &lk_ref_cast, &lk_fast_cast},
    {LK_OP_SCALE_ROWS, "scale_rows", 2, 2, lk_shape_scale_rows, &lk_ref_scale_rows, &lk_fast_scale_rows},
    {LK_OP_L2_NORM, "l2_norm", 1, 1, lk_shape_sample_norm, &lk_ref_l2_norm, &lk_fast_sample_norm},
};
_Static_assert(LK_COUNT(rows) == LK_OP_KINDS, "every operator kind has a row");

static const lk_op_row *find_row(lk_op_kind kind)
{
    for (size_t i = 0; i < LK_COUNT(rows); i++)
        if (rows[i].kind == kind) return &rows[i];
    return NULL;
}

const char *lk_op_name(lk_op_kind kind)
{
    const lk_op_row *row = find_row(kind);
    return row ? row->name : "unknown";
}

lk_status lk_op_open(lk_backend backend, const lk_op_desc *desc, lk_op **out, lk_error *err)
{
    *out = NULL;
    const lk_op_row *row = find_row(desc->kind);
    if (!row)
        return LK_FAIL(err, LK_E_ARG, "operator kind %d is unknown; correct the network description",
                       desc->kind);
    if (desc->inputs < row->min_inputs || desc->inputs > row->max_inputs)
        return LK_FAIL(err, LK_E_ARG,
                       "operator %s takes %d to %d inputs, not %d; correct the network description",
                       row->name, row->min_inputs, row->max_inputs, desc->inputs);
    if (desc->type != LK_F32 && desc->type != LK_BF16)
        return LK_FAIL(err, LK_E_ARG, "operator %s: element type %d is unknown; use f32 or bf16", row->name,
                       desc->type);
    lk_op *op = lk_calloc(1, sizeof *op);
    if (!op)
        return LK_FAIL(err, LK_E_NOMEM, "no memory for operator %s; close other programs and retry",
                       row->name);
    op->desc = *desc;
    op->impl = backend == LK_BACKEND_REF ? row->ref : row->fast;
    lk_status s = row->shape(desc, &op->info, err);
    if (s == LK_OK && op->impl->open) s = op->impl->open(op, err);
    if (s != LK_OK) lk_op_close(&op);
    *out = op;
    return s;
}

const lk_op_info *lk_op_query(const lk_op *op) { return &op->info; }

void lk_op_close(lk_op **op)
{
    if (!*op) return;
    if ((*op)->impl->close) (*op)->impl->close(*op);
    lk_free(*op);
    *op = NULL;
}

void lk_op_pack(lk_op *op, const float *const *params, const lk_op_memory *mem)
{
    if (op->impl->pack) op->impl->pack(op, params, mem);
}

/* Our own planner makes these calls, so a mismatch is our own bug. Builds without assert do not call it. */
static __attribute__((unused)) bool fits(const lk_tensor *t, lk_shape s, lk_dtype type)
{
    return t->type == type && t->shape.n == s.n && lk_shape_count(t->shape) == lk_shape_count(s) && t->data;
}

void lk_op_forward(lk_op *op, const lk_tensor *const *in, lk_tensor *out, float *const *params,
                   const lk_op_memory *mem)
{
    for (int i = 0; i < op->desc.inputs; i++) assert(fits(in[i], op->desc.in[i], op->desc.type));
    assert(fits(out, op->info.out, op->info.out_type));
    op->impl->forward(op, in, out, params, mem);
}

void lk_op_backward(lk_op *op, const lk_tensor *const *in, const lk_tensor *out, const lk_tensor *dout,
                    lk_tensor *const *din, float *const *params, float *const *dparams,
                    const lk_op_memory *mem)
{
    assert(op->desc.train);
    assert(fits(dout, op->info.out, op->info.out_type));
    for (int i = 0; i < op->desc.inputs; i++) assert(!din[i] || fits(din[i], op->desc.in[i], op->desc.type));
    op->impl->backward(op, in, out, dout, din, params, dparams, mem);
}
