/* ref.h: shared by the references. They are written to be read and to be right:
 * one element at a time, sums in double, rounding to the tensor's type only at
 * the end. Every fast implementation is tested against them. */
#ifndef LK_TENSOR_REF_H
#define LK_TENSOR_REF_H

#include <math.h>

#include "tensor/op.h"

static inline float get(const lk_tensor *t, int64_t i)
{
    return t->type == LK_F32 ? ((const float *)t->data)[i] : lk_bf16_to_f32(((const lk_bf16 *)t->data)[i]);
}

static inline void put(lk_tensor *t, int64_t i, float v)
{
    if (t->type == LK_F32) ((float *)t->data)[i] = v;
    else ((lk_bf16 *)t->data)[i] = lk_bf16_from_f32(v);
}

static inline int64_t at(lk_shape s, int64_t n, int64_t y, int64_t x, int64_t c)
{
    return ((n * s.h + y) * s.w + x) * s.c + c;
}

static inline double act_value(lk_act a, float slope, double x)
{
    switch (a) {
    case LK_ACT_NONE: return x;
    case LK_ACT_RELU: return x > 0 ? x : 0;
    case LK_ACT_LEAKY: return x > 0 ? x : slope * x;
    case LK_ACT_SIGMOID: return 1 / (1 + exp(-x));
    case LK_ACT_TANH: return tanh(x);
    case LK_ACT_SWISH: return x / (1 + exp(-x));
    }
    return x;
}

/* Derivative, from the output y; swish alone takes the input x. */
static inline double act_slope(lk_act a, float slope, double x, double y)
{
    switch (a) {
    case LK_ACT_NONE: return 1;
    case LK_ACT_RELU: return y > 0 ? 1 : 0;
    case LK_ACT_LEAKY: return y > 0 ? 1 : slope;
    case LK_ACT_SIGMOID: return y * (1 - y);
    case LK_ACT_TANH: return 1 - y * y;
    case LK_ACT_SWISH: {
        const double s = 1 / (1 + exp(-x));
        return s * (1 + x * (1 - s));
    }
    }
    return 1;
}

/* Finish one output element of an operator with a fused activation: save the value before it if asked. */
static inline void put_act(const lk_op *op, lk_tensor *out, int64_t i, double v, void *saved)
{
    if (op->info.saved_bytes) {
        lk_tensor pre = {out->type, out->shape, saved};
        put(&pre, i, (float)v);
    }
    put(out, i, (float)act_value(op->desc.attr.act, op->desc.attr.slope, v));
}

/* Gradient before the fused activation, of element i. */
static inline double dpre(const lk_op *op, const lk_tensor *out, const lk_tensor *dout, int64_t i,
                          void *saved)
{
    const double g = get(dout, i);
    const lk_act a = op->desc.attr.act;
    if (a == LK_ACT_NONE) return g;
    if (lk_act_from_output(a)) return g * act_slope(a, op->desc.attr.slope, 0, get(out, i));
    const lk_tensor pre = {dout->type, dout->shape, saved};
    return g * act_slope(a, op->desc.attr.slope, get(&pre, i), 0);
}

#endif
