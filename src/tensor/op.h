/* op.h: inside of tensor/. What an operator's implementation is, and the table
 * that names them all. The kinds are rows in op.c; shapes and requirements are
 * worked out in shape.c, before any implementation sees the descriptor, so the
 * implementations may trust what they are given.
 */
#ifndef LK_TENSOR_OP_H
#define LK_TENSOR_OP_H

#include "tensor/tensor.h"

/* An implementation of one kind. Slots may be NULL: open (nothing to prepare),
 * close, pack (no packed weights). */
typedef struct lk_op_impl {
    /* Fill info.packed_bytes, saved_bytes, scratch_bytes and op->state. On failure close is called. */
    lk_status (*open)(lk_op *op, lk_error *err);
    void (*close)(lk_op *op);
    void (*pack)(lk_op *op, const float *const *params, const lk_op_memory *mem);
    void (*forward)(lk_op *op, const lk_tensor *const *in, lk_tensor *out, float *const *params,
                    const lk_op_memory *mem);
    void (*backward)(lk_op *op, const lk_tensor *const *in, const lk_tensor *out, const lk_tensor *dout,
                     lk_tensor *const *din, float *const *params, float *const *dparams,
                     const lk_op_memory *mem);
} lk_op_impl;

typedef struct lk_op_row {
    lk_op_kind kind;
    const char *name;
    int min_inputs, max_inputs;
    lk_status (*shape)(const lk_op_desc *d, lk_op_info *info, lk_error *err);
    const lk_op_impl *ref, *fast;
} lk_op_row;

struct lk_op {
    lk_op_desc desc;
    lk_op_info info;
    const lk_op_impl *impl;
    void *state; /* the implementation's own */
};

/* Epsilons of the normalisations; both implementations use the same. */
#define LK_NORM_EPSILON 1e-5f
#define LK_PIXEL_EPSILON 1e-6f
#define LK_L2_EPSILON 1e-12f

/* --- shape.c: check the attributes, fill info.out, params, flops, needs ---- */
lk_status lk_shape_conv(const lk_op_desc *d, lk_op_info *info, lk_error *err);
lk_status lk_shape_dense(const lk_op_desc *d, lk_op_info *info, lk_error *err);
lk_status lk_shape_act(const lk_op_desc *d, lk_op_info *info, lk_error *err);
lk_status lk_shape_shuffle(const lk_op_desc *d, lk_op_info *info, lk_error *err);
lk_status lk_shape_resize(const lk_op_desc *d, lk_op_info *info, lk_error *err);
lk_status lk_shape_pool(const lk_op_desc *d, lk_op_info *info, lk_error *err);
lk_status lk_shape_global_pool(const lk_op_desc *d, lk_op_info *info, lk_error *err);
lk_status lk_shape_add(const lk_op_desc *d, lk_op_info *info, lk_error *err);
lk_status lk_shape_concat(const lk_op_desc *d, lk_op_info *info, lk_error *err);
lk_status lk_shape_norm(const lk_op_desc *d, lk_op_info *info, lk_error *err);
lk_status lk_shape_sample_norm(const lk_op_desc *d, lk_op_info *info, lk_error *err);
lk_status lk_shape_slice(const lk_op_desc *d, lk_op_info *info, lk_error *err);
lk_status lk_shape_reshape(const lk_op_desc *d, lk_op_info *info, lk_error *err);
lk_status lk_shape_cast(const lk_op_desc *d, lk_op_info *info, lk_error *err);
lk_status lk_shape_scale_rows(const lk_op_desc *d, lk_op_info *info, lk_error *err);

/* Which of input, output or a saved pre-activation an activation's derivative is taken from. */
static inline bool lk_act_from_output(lk_act a) { return a != LK_ACT_NONE && a != LK_ACT_SWISH; }

/* --- implementations -------------------------------------------------------- */
extern const lk_op_impl lk_ref_conv, lk_ref_dense, lk_ref_act, lk_ref_shuffle, lk_ref_resize, lk_ref_avg_pool,
    lk_ref_max_pool, lk_ref_global_pool, lk_ref_add, lk_ref_concat, lk_ref_channel_norm, lk_ref_instance_norm,
    lk_ref_pixel_norm, lk_ref_l2_norm, lk_ref_scale_rows, lk_ref_cast;
extern const lk_op_impl lk_dnn_conv, lk_dnn_dense;
extern const lk_op_impl lk_fast_act, lk_fast_add, lk_fast_concat, lk_fast_cast, lk_fast_shuffle,
    lk_fast_resize, lk_fast_pool, lk_fast_global_pool, lk_fast_norm, lk_fast_scale_rows, lk_fast_sample_norm;
/* SLICE and RESHAPE are views; this copies when the planner did not alias them. */
extern const lk_op_impl lk_view_slice, lk_view_reshape;

#endif
