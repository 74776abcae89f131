/* nets.h: small networks that the tests of nn/ share. */
#ifndef LK_TESTS_NN_NETS_H
#define LK_TESTS_NN_NETS_H

#include "../check.h"
#include "nn/nn.h"

/* Inputs and both outputs of the net below. */
typedef struct zoo {
    lk_net *net;
    lk_node image, code;
} zoo;

/* Every operator kind, branches that meet, a node with several consumers, slices that overlap, slices that
 * leave samples out, an output that is also read inside, a shared parameter, and two outputs. */
__attribute__((unused)) static lk_status zoo_describe(zoo *z, lk_params *params, lk_backend backend,
                                                      lk_dtype type, bool wants_grad, lk_error *err)
{
    LK_TRY(lk_net_new(&z->net, "zoo", params, backend, type, err));
    lk_net *n = z->net;
    z->image = lk_net_input(n, (lk_shape){4, 8, 8, 3}, wants_grad);
    z->code = lk_net_input(n, (lk_shape){4, 1, 1, 4}, wants_grad);

    lk_node a = lk_net_conv(n, "enc.a", z->image, 8, 5, 2, LK_ACT_LEAKY, 0.1f); /* 4x4x8 */
    lk_node b = lk_net_dwconv(n, "enc.b", a, 3, 1, LK_ACT_NONE, 0);
    lk_node bn = lk_net_op(n, "enc.bn", LK_OP_CHANNEL_NORM, &(lk_op_attr){.momentum = 0.1f}, &b, 1);
    lk_node act = lk_net_op(n, "act", LK_OP_ACT, &(lk_op_attr){.act = LK_ACT_SWISH}, &bn, 1);
    lk_node sum = lk_net_add(n, act, a, LK_ACT_LEAKY, 0.2f); /* a has two consumers */
    lk_node in_norm = lk_net_op(n, "enc.in", LK_OP_INSTANCE_NORM, &(lk_op_attr){0}, &sum, 1);
    lk_node curved = lk_net_op(n, "act", LK_OP_ACT, &(lk_op_attr){.act = LK_ACT_SWISH}, &in_norm, 1);
    lk_node gate = lk_net_op(n, "gp", LK_OP_GLOBAL_POOL, NULL, &curved, 1);
    gate = lk_net_dense(n, "enc.gate", gate, 8, LK_ACT_SIGMOID, 0);
    lk_node rows[2] = {sum, gate};
    lk_node gated = lk_net_op(n, "rows", LK_OP_SCALE_ROWS, NULL, rows, 2);

    lk_node flat = lk_net_reshape(n, gated, 1, 1, 128);
    lk_node norm = lk_net_op(n, "pn", LK_OP_PIXEL_NORM, NULL, &flat, 1);
    lk_node code = lk_net_dense(n, "mid.code", norm, 4, LK_ACT_TANH, 0);
    lk_node mixed = lk_net_add(n, code, z->code, LK_ACT_NONE, 0);
    lk_net_output(n, mixed, "code"); /* an output that goes on */
    lk_node up = lk_net_dense(n, "mid.up", mixed, 16, LK_ACT_NONE, 0);
    up = lk_net_reshape(n, up, 2, 2, 4);
    up = lk_net_conv(n, "mid.conv", up, 16, 3, 1, LK_ACT_LEAKY, 0.1f);
    up = lk_net_shuffle(n, up, 2); /* 4x4x4 */

    lk_node first = lk_net_slice(n, up, 0, 2),
            middle = lk_net_slice(n, up, 1, 2); /* overlap in 1, leave 3 out */
    lk_node d0 = lk_net_conv(n, "dec.c", first, 8, 3, 1, LK_ACT_RELU, 0);
    lk_node d1 = lk_net_conv(n, "dec.c", middle, 8, 3, 1, LK_ACT_RELU, 0); /* the same parameters */
    lk_node both = lk_net_add(n, d0, d1, LK_ACT_NONE, 0);
    lk_node big = lk_net_op(n, "resize", LK_OP_RESIZE, &(lk_op_attr){.factor = 2}, &both, 1); /* 8x8x8 */
    lk_node avg = lk_net_op(n, "avg", LK_OP_AVG_POOL, &(lk_op_attr){.kernel = 2}, &big, 1);
    lk_node max = lk_net_op(n, "max", LK_OP_MAX_POOL, &(lk_op_attr){.kernel = 2}, &big, 1);
    lk_node cat[3] = {avg, max, both};
    lk_node all = lk_net_concat(n, cat, 3); /* 4x4x24 */
    lk_node out = lk_net_conv(n, "dec.out", all, 3, 1, 1, LK_ACT_SIGMOID, 0);
    out = lk_net_op(n, "cast", LK_OP_CAST, &(lk_op_attr){.type = LK_F32}, &out, 1);
    lk_net_output(n, out, "image");
    lk_node id = lk_net_reshape(n, all, 1, 1, 384);
    id = lk_net_op(n, "l2", LK_OP_L2_NORM, NULL, &id, 1);
    lk_net_output(n, lk_net_slice(n, id, 1, 1), "id"); /* a view as output */
    return LK_OK;
}

__attribute__((unused)) static void fill_random(lk_tensor *t, uint32_t stream, float lo, float hi)
{
    lk_rng r = lk_rng_at(7, stream, 0, 0);
    float *x = t->data;
    for (int64_t i = 0; i < lk_shape_count(t->shape); i++) x[i] = lk_rng_range(&r, lo, hi);
}

#endif
