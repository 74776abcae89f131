/* Making and running oneDNN primitives; see dnn.h. */
#include "tensor/dnn/dnn.h"

#include <assert.h>
#include <pthread.h>

static dnnl_engine_t engine;
static pthread_once_t engine_once = PTHREAD_ONCE_INIT;

static void make_engine(void)
{
    if (dnnl_engine_create(&engine, dnnl_cpu, 0) != dnnl_success) engine = NULL;
}

dnnl_engine_t lk_dnn_engine(void)
{
    pthread_once(&engine_once, make_engine);
    return engine;
}

lk_status lk_dnn_fail(lk_error *err, const lk_op *op, dnnl_status_t status, const char *what)
{
    const lk_shape x = op->desc.in[0];
    const char *type = op->desc.type == LK_F32 ? "f32" : "bf16";
    if (status == dnnl_out_of_memory)
        return LK_FAIL(err, LK_E_NOMEM, "no memory for the %s of operator %s; close other programs and retry",
                       what, lk_op_name(op->desc.kind));
    return LK_FAIL(err, LK_E_UNSUPPORTED,
                   "oneDNN has no %s of operator %s on %dx%dx%dx%d (n,h,w,c) in %s (status %d); "
                   "set LIKENESS_DTYPE=f32 or use the reference backend",
                   what, lk_op_name(op->desc.kind), x.n, x.h, x.w, x.c, type, (int)status);
}

static dnnl_status_t add_arg(dnn_call *c, int id, const dnnl_memory_desc_t *md)
{
    assert(c->args < DNN_MAX_ARGS);
    dnnl_memory_t memory;
    const dnnl_status_t s = dnnl_memory_create(&memory, md, lk_dnn_engine(), DNNL_MEMORY_NONE);
    if (s == dnnl_success) c->arg[c->args++] = (dnnl_exec_arg_t){id, memory};
    return s;
}

dnnl_status_t lk_dnn_call_make(dnn_call *c, const_dnnl_primitive_desc_t pd, int args, const int *id,
                               const dnnl_memory_desc_t *const *md)
{
    dnnl_status_t s = dnnl_primitive_create(&c->primitive, pd);
    for (int i = 0; s == dnnl_success && i < args; i++) s = add_arg(c, id[i], md[i]);
    const dnnl_memory_desc_t *pad = dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
    c->scratchpad_bytes = pad ? dnnl_memory_desc_get_size(pad) : 0;
    if (s == dnnl_success && c->scratchpad_bytes) s = add_arg(c, DNNL_ARG_SCRATCHPAD, pad);
    return s;
}

void lk_dnn_call_run(dnn_call *c, dnnl_stream_t stream, void *const *handle, void *scratchpad)
{
    const int given = c->args - (c->scratchpad_bytes != 0);
    for (int i = 0; i < c->args; i++)
        dnnl_memory_set_data_handle_v2(c->arg[i].memory, i < given ? handle[i] : scratchpad, stream);
    const dnnl_status_t s = dnnl_primitive_execute(c->primitive, stream, c->args, c->arg);
    assert(s == dnnl_success); /* everything that can be refused was refused when the primitive was made */
    (void)s;
    dnnl_stream_wait(stream);
}

void lk_dnn_call_clear(dnn_call *c)
{
    for (int i = 0; i < c->args; i++) dnnl_memory_destroy(c->arg[i].memory);
    if (c->primitive) dnnl_primitive_destroy(c->primitive);
    *c = (dnn_call){0};
}

dnnl_status_t lk_dnn_reorder_make(dnn_call *c, const dnnl_memory_desc_t *src, const dnnl_memory_desc_t *dst,
                                  bool add)
{
    dnnl_primitive_attr_t attr = NULL;
    dnnl_post_ops_t post = NULL;
    dnnl_primitive_desc_t pd = NULL;
    dnnl_status_t s = dnnl_primitive_attr_create(&attr);
    if (s == dnnl_success) s = dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
    if (s == dnnl_success) s = dnnl_post_ops_create(&post);
    if (s == dnnl_success && add) s = dnnl_post_ops_append_sum(post, 1.0f);
    if (s == dnnl_success && add) s = dnnl_primitive_attr_set_post_ops(attr, post);
    if (s == dnnl_success)
        s = dnnl_reorder_primitive_desc_create(&pd, src, lk_dnn_engine(), dst, lk_dnn_engine(), attr);
    if (s == dnnl_success)
        s = lk_dnn_call_make(c, pd, 2, (const int[]){DNNL_ARG_FROM, DNNL_ARG_TO},
                             (const dnnl_memory_desc_t *const[]){src, dst});
    if (pd) dnnl_primitive_desc_destroy(pd);
    if (post) dnnl_post_ops_destroy(post);
    if (attr) dnnl_primitive_attr_destroy(attr);
    return s;
}
