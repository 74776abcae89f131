/* dnn.h: what the files over oneDNN share; no other folder may include dnnl.h.
 *
 * A `call` is a primitive with its arguments: memory objects are made when the
 * operator is opened and only pointed at the caller's buffers when it runs, so
 * that nothing of ours is allocated afterwards. oneDNN's own working memory is
 * user-mode scratchpad and comes out of the planner's shared scratch. */
#ifndef LK_TENSOR_DNN_H
#define LK_TENSOR_DNN_H

#include <dnnl.h>

#include "tensor/op.h"

#define DNN_MAX_ARGS 5

typedef struct dnn_call {
    dnnl_primitive_t primitive;
    dnnl_exec_arg_t arg[DNN_MAX_ARGS];
    int args;
    size_t scratchpad_bytes; /* the last argument when not 0 */
} dnn_call;

/* The process's CPU engine, made at first use; NULL when oneDNN cannot give one. */
dnnl_engine_t lk_dnn_engine(void);
lk_status lk_dnn_fail(lk_error *err, const lk_op *op, dnnl_status_t status, const char *what);

static inline dnnl_data_type_t dnn_type(lk_dtype t) { return t == LK_F32 ? dnnl_f32 : dnnl_bf16; }
static inline size_t dnn_align(size_t n) { return (n + 63) & ~(size_t)63; }

/* Make the primitive of pd with these arguments (DNNL_ARG_*, descriptor), plus the scratchpad when it needs
 * one. */
dnnl_status_t lk_dnn_call_make(dnn_call *c, const_dnnl_primitive_desc_t pd, int args, const int *id,
                               const dnnl_memory_desc_t *const *md);
/* handle[i] belongs to argument i as given to make. */
void lk_dnn_call_run(dnn_call *c, dnnl_stream_t stream, void *const *handle, void *scratchpad);
void lk_dnn_call_clear(dnn_call *c);
/* dst = reorder(src), or dst += reorder(src) when add. */
dnnl_status_t lk_dnn_reorder_make(dnn_call *c, const dnnl_memory_desc_t *src, const dnnl_memory_desc_t *dst,
                                  bool add);

#endif
