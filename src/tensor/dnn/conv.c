/* Convolution and dense layers over oneDNN. A dense layer is a 1x1 convolution
 * over a 1x1 picture whose channels are the flattened input.
 *
 * Activations are nhwc as everywhere; weights are in whatever blocked format the
 * chosen implementation likes, written by pack from the f32 masters (one copy for
 * forward, another for backward-data when its format differs). Measured on Zen 4,
 * nhwc costs these implementations 0 to 5 % against their own blocked activations.
 *
 * Scratch holds, in backward: the gradient before the activation, the partial
 * bias sums, the f32 weight gradient in its blocked format (or its partial sums),
 * and the scratchpad. */
#include "tensor/dnn/dnn.h"
#include "tensor/simd/simd.h"

#include <string.h>

typedef struct weighted {
    dnnl_stream_t stream;
    dnn_call forward, data, weights;  /* the three convolutions */
    dnn_call pack_forward, pack_data; /* masters -> packed */
    dnn_call unpack;                  /* dparams += blocked weight gradient */
    size_t data_offset;               /* of the backward-data weights in mem.packed */
    size_t partial_offset, dweight_offset,
        pad_offset;   /* in mem.scratch; the gradient before the activation is first */
    bool act_fused;   /* the forward primitive applies the activation itself */
    bool own_weights; /* the weight gradient is one of our own kernels: depthwise, small dense */
} weighted;

/* Past this many samples the weight gradient of a dense layer is a real matrix product and oneDNN's turn. */
#define DENSE_OWN_BATCH 64

typedef struct problem {
    lk_shape x, y; /* a dense layer's input is seen as n,1,1,features */
    int kernel, stride, pad;
    bool depthwise;
} problem;

static problem problem_of(const lk_op *op)
{
    const lk_op_attr *a = &op->desc.attr;
    const lk_shape w = op->info.param[0], x = op->desc.in[0];
    if (op->desc.kind == LK_OP_DENSE) return (problem){{x.n, 1, 1, w.c}, op->info.out, 1, 1, 0, false};
    return (problem){x, op->info.out, a->kernel, a->stride, a->pad, w.c != x.c};
}

typedef struct descriptors {
    dnnl_memory_desc_t x, y, bias, weights_any, dweights_any, master;
    dnnl_dims_t stride, pad;
} descriptors;

static dnnl_status_t describe(const lk_op *op, const problem *p, descriptors *d)
{
    const dnnl_data_type_t type = dnn_type(op->desc.type);
    const dnnl_dims_t x = {p->x.n, p->x.c, p->x.h, p->x.w}, y = {p->y.n, p->y.c, p->y.h, p->y.w},
                      bias = {p->y.c};
    const int64_t k = p->kernel;
    /* (out,in,kh,kw), or (group,out,in,kh,kw) with one channel a group */
    const int rank = p->depthwise ? 5 : 4;
    const dnnl_dims_t dense = {p->y.c, p->x.c, k, k}, grouped = {p->y.c, 1, 1, k, k};
    const dnnl_dims_t dense_step = {k * k * p->x.c, 1, k * p->x.c, p->x.c},
                      grouped_step = {k * k, 1, 1, k, 1};
    const int64_t *w = p->depthwise ? grouped : dense;
    dnnl_status_t s = dnnl_memory_desc_init_by_tag(&d->x, 4, x, type, dnnl_nhwc);
    if (s == dnnl_success) s = dnnl_memory_desc_init_by_tag(&d->y, 4, y, type, dnnl_nhwc);
    if (s == dnnl_success) s = dnnl_memory_desc_init_by_tag(&d->bias, 1, bias, dnnl_f32, dnnl_a);
    if (s == dnnl_success)
        s = dnnl_memory_desc_init_by_tag(&d->weights_any, rank, w, type, dnnl_format_tag_any);
    if (s == dnnl_success)
        s = dnnl_memory_desc_init_by_tag(&d->dweights_any, rank, w, dnnl_f32, dnnl_format_tag_any);
    if (s == dnnl_success)
        s = dnnl_memory_desc_init_by_strides(&d->master, rank, w, dnnl_f32,
                                             p->depthwise ? grouped_step : dense_step);
    for (int i = 0; i < 2; i++) {
        d->stride[i] = p->stride;
        d->pad[i] = p->pad;
    }
    return s;
}

static dnnl_status_t append_act(dnnl_post_ops_t post, lk_act act, float slope)
{
    switch (act) {
    case LK_ACT_NONE: return dnnl_success;
    case LK_ACT_RELU: return dnnl_post_ops_append_eltwise(post, 1, dnnl_eltwise_relu, 0, 0);
    case LK_ACT_LEAKY: return dnnl_post_ops_append_eltwise(post, 1, dnnl_eltwise_relu, slope, 0);
    case LK_ACT_SIGMOID: return dnnl_post_ops_append_eltwise(post, 1, dnnl_eltwise_logistic, 0, 0);
    case LK_ACT_TANH: return dnnl_post_ops_append_eltwise(post, 1, dnnl_eltwise_tanh, 0, 0);
    case LK_ACT_SWISH: return dnnl_post_ops_append_eltwise(post, 1, dnnl_eltwise_swish, 1, 0);
    }
    return dnnl_unimplemented;
}

static dnnl_status_t forward_desc(const lk_op *op, const descriptors *d, bool fused,
                                  dnnl_primitive_desc_t *pd)
{
    dnnl_convolution_desc_t c;
    dnnl_primitive_attr_t attr = NULL;
    dnnl_post_ops_t post = NULL;
    dnnl_status_t s = dnnl_convolution_forward_desc_init(
        &c, op->desc.train ? dnnl_forward_training : dnnl_forward_inference, dnnl_convolution_direct, &d->x,
        &d->weights_any, op->desc.attr.bias ? &d->bias : NULL, &d->y, d->stride, d->pad, d->pad);
    if (s == dnnl_success) s = dnnl_primitive_attr_create(&attr);
    if (s == dnnl_success) s = dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
    if (s == dnnl_success) s = dnnl_post_ops_create(&post);
    if (s == dnnl_success && fused) s = append_act(post, op->desc.attr.act, op->desc.attr.slope);
    if (s == dnnl_success) s = dnnl_primitive_attr_set_post_ops(attr, post);
    if (s == dnnl_success) s = dnnl_primitive_desc_create(pd, &c, attr, lk_dnn_engine(), NULL);
    if (post) dnnl_post_ops_destroy(post);
    if (attr) dnnl_primitive_attr_destroy(attr);
    return s;
}

static dnnl_status_t backward_desc(const dnnl_convolution_desc_t *c, const_dnnl_primitive_desc_t hint,
                                   dnnl_primitive_desc_t *pd)
{
    dnnl_primitive_attr_t attr = NULL;
    dnnl_status_t s = dnnl_primitive_attr_create(&attr);
    if (s == dnnl_success) s = dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
    if (s == dnnl_success) s = dnnl_primitive_desc_create(pd, c, attr, lk_dnn_engine(), hint);
    if (attr) dnnl_primitive_attr_destroy(attr);
    return s;
}

static dnnl_status_t make_forward(lk_op *op, weighted *w, const descriptors *d, dnnl_primitive_desc_t *pd)
{
    const bool keeps_pre = op->info.saved_bytes != 0;
    w->act_fused = !keeps_pre;
    dnnl_status_t s = forward_desc(op, d, w->act_fused, pd);
    if (s == dnnl_unimplemented && w->act_fused && op->desc.attr.act != LK_ACT_NONE) {
        w->act_fused = false;
        s = forward_desc(op, d, false, pd);
    }
    if (s != dnnl_success) return s;
    const dnnl_memory_desc_t *packed = dnnl_primitive_desc_query_md(*pd, dnnl_query_weights_md, 0);
    const int id[] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST, DNNL_ARG_BIAS};
    const dnnl_memory_desc_t *const md[] = {&d->x, packed, &d->y, &d->bias};
    s = lk_dnn_call_make(&w->forward, *pd, op->desc.attr.bias ? 4 : 3, id, md);
    if (s == dnnl_success) s = lk_dnn_reorder_make(&w->pack_forward, &d->master, packed, false);
    op->info.packed_bytes = dnn_align(dnnl_memory_desc_get_size(packed));
    return s;
}

static dnnl_status_t make_data(lk_op *op, weighted *w, const descriptors *d,
                               const_dnnl_primitive_desc_t forward)
{
    dnnl_convolution_desc_t c;
    dnnl_primitive_desc_t pd = NULL;
    dnnl_status_t s = dnnl_convolution_backward_data_desc_init(
        &c, dnnl_convolution_direct, &d->x, &d->weights_any, &d->y, d->stride, d->pad, d->pad);
    if (s == dnnl_success) s = backward_desc(&c, forward, &pd);
    if (s != dnnl_success) return s;
    const dnnl_memory_desc_t *packed = dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0);
    const int id[] = {DNNL_ARG_DIFF_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_DST};
    const dnnl_memory_desc_t *const md[] = {&d->x, packed, &d->y};
    s = lk_dnn_call_make(&w->data, pd, 3, id, md);
    if (!dnnl_memory_desc_equal(packed, dnnl_primitive_desc_query_md(forward, dnnl_query_weights_md, 0))) {
        if (s == dnnl_success) s = lk_dnn_reorder_make(&w->pack_data, &d->master, packed, false);
        w->data_offset = op->info.packed_bytes;
        op->info.packed_bytes += dnn_align(dnnl_memory_desc_get_size(packed));
    }
    dnnl_primitive_desc_destroy(pd);
    return s;
}

static dnnl_status_t make_weights(weighted *w, const descriptors *d, const_dnnl_primitive_desc_t forward,
                                  size_t *bytes)
{
    dnnl_convolution_desc_t c;
    dnnl_primitive_desc_t pd = NULL;
    dnnl_status_t s = dnnl_convolution_backward_weights_desc_init(
        &c, dnnl_convolution_direct, &d->x, &d->dweights_any, NULL, &d->y, d->stride, d->pad, d->pad);
    if (s == dnnl_success) s = backward_desc(&c, forward, &pd);
    if (s != dnnl_success) return s;
    const dnnl_memory_desc_t *blocked = dnnl_primitive_desc_query_md(pd, dnnl_query_diff_weights_md, 0);
    const int id[] = {DNNL_ARG_SRC, DNNL_ARG_DIFF_WEIGHTS, DNNL_ARG_DIFF_DST};
    const dnnl_memory_desc_t *const md[] = {&d->x, blocked, &d->y};
    s = lk_dnn_call_make(&w->weights, pd, 3, id, md);
    if (s == dnnl_success) s = lk_dnn_reorder_make(&w->unpack, blocked, &d->master, true);
    *bytes = dnnl_memory_desc_get_size(blocked);
    dnnl_primitive_desc_destroy(pd);
    return s;
}

static dnnl_status_t make_backward(lk_op *op, weighted *w, const problem *p, const descriptors *d,
                                   const_dnnl_primitive_desc_t forward)
{
    size_t blocked_bytes = 0;
    w->own_weights = p->depthwise || (op->desc.kind == LK_OP_DENSE && p->x.n <= DENSE_OWN_BATCH);
    if (p->depthwise) blocked_bytes = sizeof(float) * lk_depthwise_floats(p->x.c, p->kernel);
    dnnl_status_t s = make_data(op, w, d, forward);
    if (s == dnnl_success && !w->own_weights) s = make_weights(w, d, forward, &blocked_bytes);
    const size_t out_bytes = (size_t)lk_shape_count(op->info.out) * lk_dtype_size(op->desc.type);
    w->partial_offset = op->desc.attr.act == LK_ACT_NONE ? 0 : dnn_align(out_bytes);
    w->dweight_offset =
        w->partial_offset + LK_SIMD_SLICES * dnn_align(sizeof(float) * (size_t)op->info.out.c);
    w->pad_offset = w->dweight_offset + dnn_align(blocked_bytes);
    return s;
}

static lk_status open_weighted(lk_op *op, lk_error *err)
{
    weighted *w = lk_calloc(1, sizeof *w);
    if (!w) return lk_dnn_fail(err, op, dnnl_out_of_memory, "state");
    op->state = w;
    if (!lk_dnn_engine()) return lk_dnn_fail(err, op, dnnl_runtime_error, "CPU engine");
    const problem p = problem_of(op);
    descriptors d;
    dnnl_primitive_desc_t forward = NULL;
    dnnl_status_t s = describe(op, &p, &d);
    if (s == dnnl_success) s = dnnl_stream_create(&w->stream, lk_dnn_engine(), dnnl_stream_default_flags);
    if (s == dnnl_success) s = make_forward(op, w, &d, &forward);
    if (s == dnnl_success && op->desc.train) s = make_backward(op, w, &p, &d, forward);
    if (forward) dnnl_primitive_desc_destroy(forward);
    size_t pad =
        LK_MAX(w->forward.scratchpad_bytes, LK_MAX(w->data.scratchpad_bytes, w->weights.scratchpad_bytes));
    pad = LK_MAX(pad, LK_MAX(w->pack_forward.scratchpad_bytes,
                             LK_MAX(w->pack_data.scratchpad_bytes, w->unpack.scratchpad_bytes)));
    op->info.scratch_bytes = w->pad_offset + pad;
    return s == dnnl_success ? LK_OK : lk_dnn_fail(err, op, s, op->desc.train ? "training" : "inference");
}

static void close_weighted(lk_op *op)
{
    weighted *w = op->state;
    if (!w) return;
    dnn_call *const calls[] = {&w->forward,      &w->data,      &w->weights,
                               &w->pack_forward, &w->pack_data, &w->unpack};
    for (size_t i = 0; i < LK_COUNT(calls); i++) lk_dnn_call_clear(calls[i]);
    if (w->stream) dnnl_stream_destroy(w->stream);
    lk_free(w);
}

static void pack(lk_op *op, const float *const *params, const lk_op_memory *mem)
{
    weighted *w = op->state;
    char *packed = mem->packed, *pad = mem->scratch ? (char *)mem->scratch + w->pad_offset : NULL;
    void *master = (void *)(uintptr_t)params[0]; /* oneDNN takes no const, and only reads it */
    lk_dnn_call_run(&w->pack_forward, w->stream, (void *[]){master, packed}, pad);
    if (w->pack_data.primitive)
        lk_dnn_call_run(&w->pack_data, w->stream, (void *[]){master, packed + w->data_offset}, pad);
}

static void forward(lk_op *op, const lk_tensor *const *in, lk_tensor *out, float *const *params,
                    const lk_op_memory *mem)
{
    weighted *w = op->state;
    const lk_op_attr *a = &op->desc.attr;
    void *direct = op->info.saved_bytes ? mem->saved : out->data;
    void *bias = a->bias ? params[1] : NULL;
    lk_dnn_call_run(&w->forward, w->stream, (void *[]){in[0]->data, mem->packed, direct, bias},
                    (char *)mem->scratch + w->pad_offset);
    if (!w->act_fused)
        lk_simd()->act(op->desc.type, a->act, a->slope, direct, out->data, lk_shape_count(op->info.out));
}

static void backward(lk_op *op, const lk_tensor *const *in, const lk_tensor *out, const lk_tensor *dout,
                     lk_tensor *const *din, float *const *params, float *const *dparams,
                     const lk_op_memory *mem)
{
    (void)params;
    weighted *w = op->state;
    const lk_op_attr *a = &op->desc.attr;
    const int64_t channels = op->info.out.c, rows = lk_shape_count(op->info.out) / channels;
    char *scratch = mem->scratch;
    float *dbias = a->bias && dparams ? dparams[1] : NULL, *dweight = dparams ? dparams[0] : NULL;
    void *g = dout->data;
    if (a->act != LK_ACT_NONE) g = scratch;
    if (a->act != LK_ACT_NONE || dbias)
        lk_simd()->act_bias_grad(op->desc.type, a->act, a->slope,
                                 a->act == LK_ACT_SWISH ? mem->saved : out->data, dout->data, g, dbias,
                                 (float *)(scratch + w->partial_offset), rows, channels);
    if (din[0])
        lk_dnn_call_run(&w->data, w->stream,
                        (void *[]){din[0]->data, (char *)mem->packed + w->data_offset, g},
                        scratch + w->pad_offset);
    void *blocked = scratch + w->dweight_offset;
    if (!dweight) return;
    if (w->own_weights && op->desc.kind == LK_OP_DENSE) {
        lk_simd()->dense_weight_grad(op->desc.type, in[0]->data, g, dweight, rows, op->info.param[0].c,
                                     channels);
    } else if (w->own_weights) {
        lk_simd()->depthwise_weight_grad(op->desc.type, in[0]->data, g, dweight, blocked, op->desc.in[0],
                                         op->info.out, a->kernel, a->stride, a->pad);
    } else {
        lk_dnn_call_run(&w->weights, w->stream, (void *[]){in[0]->data, blocked, g}, scratch + w->pad_offset);
        lk_dnn_call_run(&w->unpack, w->stream, (void *[]){blocked, dweight}, scratch + w->pad_offset);
    }
}

const lk_op_impl lk_dnn_conv = {open_weighted, close_weighted, pack, forward, backward};
const lk_op_impl lk_dnn_dense = {open_weighted, close_weighted, pack, forward, backward};
