/* SLICE and RESHAPE. The planner lets the output (and the gradient) share memory
 * with the input, and then there is nothing to do; when it could not, these copy. */
#include "tensor/op.h"

#include <string.h>

static size_t slice_offset(const lk_op *op)
{
    const lk_shape s = op->desc.in[0];
    if (op->desc.kind != LK_OP_SLICE) return 0;
    return (size_t)op->desc.attr.from * (size_t)(lk_shape_count(s) / s.n) * lk_dtype_size(op->desc.type);
}

static void view_forward(lk_op *op, const lk_tensor *const *in, lk_tensor *out, float *const *params,
                         const lk_op_memory *mem)
{
    (void)params, (void)mem;
    const char *from = (const char *)in[0]->data + slice_offset(op);
    if (out->data != from) memcpy(out->data, from, lk_tensor_bytes(out));
}

/* When the gradient is aliased, the samples outside the slice belong to whoever else reads the input. */
static void view_backward(lk_op *op, const lk_tensor *const *in, const lk_tensor *out, const lk_tensor *dout,
                          lk_tensor *const *din, float *const *params, float *const *dparams,
                          const lk_op_memory *mem)
{
    (void)in, (void)out, (void)params, (void)dparams, (void)mem;
    if (!din[0]) return;
    char *to = (char *)din[0]->data, *slice = to + slice_offset(op), *end = slice + lk_tensor_bytes(dout);
    if (slice == dout->data) return;
    memset(to, 0, (size_t)(slice - to));
    memcpy(slice, dout->data, lk_tensor_bytes(dout));
    memset(end, 0, (size_t)(to + lk_tensor_bytes(din[0]) - end));
}

const lk_op_impl lk_view_slice = {.forward = view_forward, .backward = view_backward};
const lk_op_impl lk_view_reshape = {.forward = view_forward, .backward = view_backward};
