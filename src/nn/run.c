/* run.c: binding memory and stepping. Everything here follows the plan; nothing
 * after lk_net_bind allocates. */
#include "nn/internal.h"

#include <assert.h>
#include <string.h>

static lk_status take(uint8_t **out, size_t bytes, const char *name, lk_error *err)
{
    *out = lk_alloc_pages(LK_MAX(bytes, 64));
    if (*out) return LK_OK;
    return LK_FAIL(err, LK_E_NOMEM, "network '%s' needs %zu MB of memory that cannot be had", name,
                   bytes >> 20);
}

static void resolve(lk_net *net, lk_slot *s)
{
    if (s->buffer != LK_BUFFER_NONE) s->t.data = net->arena + net->buffers[s->buffer].offset + s->at;
}

static lk_op_memory memory_of(const lk_net *net, const lk_net_node *n)
{
    return (lk_op_memory){.packed = net->packed + n->packed_at,
                          .saved =
                              n->saved == LK_BUFFER_NONE ? NULL : net->arena + net->buffers[n->saved].offset,
                          .scratch = net->scratch};
}

lk_status lk_net_bind(lk_net *net, lk_error *err)
{
    if (!net->planned || net->failed)
        return LK_FAIL(err, LK_E_STATE, "network '%s' must be planned before it is bound", net->name);
    if (net->bound) return LK_FAIL(err, LK_E_STATE, "network '%s' is bound already", net->name);
    LK_TRY(take(&net->arena, net->arena_bytes, net->name, err));
    LK_TRY(take(&net->scratch, net->scratch_bytes, net->name, err));
    LK_TRY(take(&net->packed, net->packed_bytes, net->name, err));
    for (int i = 0; i < net->count; i++) {
        lk_net_node *n = &net->nodes[i];
        resolve(net, &n->value);
        resolve(net, &n->user);
        resolve(net, &n->user_grad);
        resolve(net, &n->dout);
        for (int k = 0; k < n->inputs; k++) resolve(net, &n->din[k]);
    }
    for (int o = 0; o < net->output_count; o++) {
        resolve(net, &net->outputs[o].value);
        resolve(net, &net->outputs[o].grad);
    }
    for (int s = 0; s < net->step_count; s++) {
        resolve(net, &net->steps[s].dst);
        resolve(net, &net->steps[s].src);
    }
    net->bound = true;
    lk_net_refresh(net);
    return LK_OK;
}

void lk_net_refresh(lk_net *net)
{
    assert(net->bound);
    const lk_params *p = net->params;
    for (int i = 0; i < net->count; i++) {
        lk_net_node *n = &net->nodes[i];
        if (!n->info || !n->info->packed_bytes) continue;
        bool same = n->packed;
        const float *value[LK_OP_MAX_PARAMS] = {NULL};
        for (int k = 0; k < n->info->params; k++) {
            const lk_param *q = p->list[n->param[k]];
            value[k] = q->value;
            if (!q->learned || !q->frozen || n->packed_version[k] != p->version[n->param[k]]) same = false;
            n->packed_version[k] = p->version[n->param[k]];
        }
        if (same) continue;
        lk_op_memory mem = memory_of(net, n);
        lk_op_pack(n->op, value, &mem);
        n->packed = true;
    }
}

lk_tensor *lk_net_in(lk_net *net, lk_node input)
{
    assert(net->bound && input >= 0 && input < net->count && net->nodes[input].is_input);
    lk_net_node *n = &net->nodes[input];
    return n->user.buffer == LK_BUFFER_NONE ? &n->value.t : &n->user.t;
}

static lk_net_output_entry *find_output(lk_net *net, const char *name)
{
    for (int o = 0; o < net->output_count; o++)
        if (!strcmp(net->outputs[o].name, name)) return &net->outputs[o];
    return NULL;
}

const lk_tensor *lk_net_out(lk_net *net, const char *name)
{
    lk_net_output_entry *o = find_output(net, name);
    return o ? &o->value.t : NULL;
}

lk_tensor *lk_net_out_grad(lk_net *net, const char *name)
{
    lk_net_output_entry *o = find_output(net, name);
    return o && o->grad.buffer != LK_BUFFER_NONE ? &o->grad.t : NULL;
}

const lk_tensor *lk_net_in_grad(lk_net *net, lk_node input)
{
    assert(net->bound && input >= 0 && input < net->count);
    lk_net_node *n = &net->nodes[input];
    return n->user_grad.buffer == LK_BUFFER_NONE ? NULL : &n->user_grad.t;
}

void lk_net_zero_out_grads(lk_net *net)
{
    for (int o = 0; o < net->output_count; o++) {
        lk_tensor *t = &net->outputs[o].grad.t;
        if (t->data) memset(t->data, 0, lk_tensor_bytes(t));
    }
}

static void gather_params(const lk_net *net, const lk_net_node *n, float *value[LK_OP_MAX_PARAMS])
{
    for (int k = 0; k < n->info->params; k++) value[k] = net->params->list[n->param[k]]->value;
}

void lk_net_forward_range(lk_net *net, int from, int to)
{
    for (int i = from; i < to; i++) {
        lk_net_node *n = &net->nodes[i];
        if (n->is_input) {
            if (n->user.buffer != LK_BUFFER_NONE) lk_tensor_convert(&n->user.t, &n->value.t);
        } else if (!n->info->view) {
            const lk_tensor *in[LK_OP_MAX_INPUTS];
            for (int k = 0; k < n->inputs; k++) in[k] = &net->nodes[n->in[k]].value.t;
            float *value[LK_OP_MAX_PARAMS] = {NULL};
            gather_params(net, n, value);
            lk_op_memory mem = memory_of(net, n);
            lk_op_forward(n->op, in, &n->value.t, value, &mem);
        }
        for (int o = 0; o < net->output_count; o++) {
            lk_net_output_entry *out = &net->outputs[o];
            if (out->node == i && out->value.t.data != n->value.t.data)
                lk_tensor_convert(&n->value.t, &out->value.t);
        }
    }
}

void lk_net_forward(lk_net *net)
{
    assert(net->bound);
    lk_net_forward_range(net, 0, net->count);
    net->fresh = true;
}

static bool wants_param(const lk_net *net, const lk_net_node *n, int k, bool param_grads)
{
    const lk_param *q = net->params->list[n->param[k]];
    return param_grads && q->learned && !q->frozen;
}

/* Which values need a gradient in this very pass. If a value is wanted, so is every value computed from it;
 * therefore all contributions to a wanted value are there, as the plan assumed. */
static void find_wanted(lk_net *net, bool param_grads)
{
    for (int i = 0; i < net->count; i++) {
        lk_net_node *n = &net->nodes[i];
        n->wanted = false;
        if (n->is_input) {
            n->wanted = n->wants_grad;
            continue;
        }
        if (n->root != i) continue;
        for (int k = 0; k < n->inputs; k++)
            if (net->nodes[net->nodes[n->in[k]].root].wanted) n->wanted = true;
        for (int k = 0; k < n->info->params; k++)
            if (wants_param(net, n, k, param_grads)) n->wanted = true;
    }
}

static void backward_op(lk_net *net, lk_net_node *n, bool param_grads)
{
    const lk_tensor *in[LK_OP_MAX_INPUTS];
    lk_tensor *din[LK_OP_MAX_INPUTS] = {NULL};
    for (int k = 0; k < n->inputs; k++) {
        const lk_net_node *from = &net->nodes[n->in[k]];
        in[k] = &from->value.t;
        if (n->din[k].buffer != LK_BUFFER_NONE && net->nodes[from->root].wanted) din[k] = &n->din[k].t;
    }
    float *value[LK_OP_MAX_PARAMS] = {NULL}, *grad[LK_OP_MAX_PARAMS] = {NULL};
    gather_params(net, n, value);
    for (int k = 0; k < n->info->params; k++) {
        if (!wants_param(net, n, k, param_grads)) continue;
        grad[k] = net->params->list[n->param[k]]->grad;
        assert(grad[k] && "lk_params_train must run after lk_net_plan and before the first backward");
    }
    lk_op_memory mem = memory_of(net, n);
    lk_op_backward(n->op, in, &n->value.t, &n->dout.t, din, value, grad, &mem);
}

void lk_net_backward_range(lk_net *net, bool param_grads, int from, int to)
{
    for (int s = from; s < to; s++) {
        lk_back_step *step = &net->steps[s];
        lk_net_node *n = &net->nodes[step->node];
        if (!n->wanted) continue;
        switch (step->kind) {
        case LK_BACK_OP: backward_op(net, n, param_grads); break;
        case LK_BACK_ADD: lk_tensor_accumulate(&step->dst.t, &step->src.t); break;
        case LK_BACK_CONVERT: lk_tensor_convert(&step->src.t, &step->dst.t); break;
        case LK_BACK_ZERO: memset(step->dst.t.data, 0, lk_tensor_bytes(&step->dst.t)); break;
        }
    }
}

void lk_net_backward(lk_net *net, bool param_grads)
{
    assert(net->bound && net->train);
    assert(net->fresh && "each backward needs a forward of its own");
    net->fresh = false;
    find_wanted(net, param_grads);
    lk_net_backward_range(net, param_grads, 0, net->step_count);
}
