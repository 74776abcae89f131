/* plan.c: from a description to operators, parameters and buffers with lifetimes.
 * Inference frees each activation after its last reader. Training keeps an
 * activation until the backward of those operators that read it again, as the
 * operators themselves declare (needs_input, needs_output). */
#include "nn/internal.h"

#include <stdio.h>
#include <string.h>

static lk_status open_params(lk_net *net, lk_net_node *n, uint64_t seed, lk_error *err)
{
    for (int k = 0; k < n->info->params; k++) {
        char name[128];
        if (!n->name[0])
            return LK_FAIL(err, LK_E_ARG, "network '%s': a %s node needs a name for its parameters",
                           net->name, lk_op_name(n->kind));
        snprintf(name, sizeof name, "%s.%s", n->name, lk_param_place_name(n->kind, k));
        LK_TRY(lk_params_claim(net->params, name, n->info->param[k], n->info->learned[k], &n->param[k], err));
        lk_param *prm = lk_params_at(net->params, n->param[k]);
        if (prm->value) continue;
        LK_TRY(lk_params_give_value(net->params, n->param[k], err));
        lk_param_initialise(prm, n->kind, k, &n->attr, seed);
    }
    return LK_OK;
}

static lk_status open_node(lk_net *net, int i, uint64_t seed, lk_error *err)
{
    lk_net_node *n = &net->nodes[i];
    lk_op_desc d = {.kind = n->kind, .inputs = n->inputs, .train = net->train};
    for (int k = 0; k < n->inputs; k++) {
        const lk_net_node *from = &net->nodes[n->in[k]];
        d.in[k] = from->shape;
        if (k && from->type != d.type)
            return LK_FAIL(err, LK_E_ARG, "network '%s', node %d: inputs of different types; cast one",
                           net->name, i);
        d.type = from->type;
    }
    if (n->kind == LK_OP_CONV) { /* the short form for depthwise could not know its channels */
        if (n->attr.groups < 0) n->attr.groups = d.in[0].c;
        if (n->attr.out_c < 0) n->attr.out_c = d.in[0].c;
    }
    d.attr = n->attr;
    lk_error why = {0};
    lk_status s = lk_op_open(net->backend, &d, &n->op, &why);
    if (s != LK_OK)
        return LK_FAIL(err, s, "network '%s', node %d '%s': %s", net->name, i, n->name, why.message);
    n->info = lk_op_query(n->op);
    n->shape = n->info->out;
    n->type = n->info->out_type;
    if (n->info->view) {
        const lk_net_node *of = &net->nodes[n->in[0]];
        n->root = of->root;
        n->from = of->from + (n->kind == LK_OP_SLICE ? n->attr.from : 0);
    }
    net->flops += n->info->flops;
    return open_params(net, n, seed, err);
}

/* Does a gradient have to pass through here? Views share their root's answer. */
static void find_carriers(lk_net *net)
{
    for (int i = 0; i < net->count; i++) {
        lk_net_node *n = &net->nodes[i];
        if (n->is_input) {
            n->carries_grad = n->wants_grad;
            continue;
        }
        if (n->root != i) continue;
        for (int k = 0; k < n->inputs; k++)
            if (net->nodes[net->nodes[n->in[k]].root].carries_grad) n->carries_grad = true;
        for (int k = 0; k < n->info->params; k++)
            if (n->info->learned[k]) n->carries_grad = true;
    }
}

static lk_slot slot(lk_dtype type, lk_shape shape, int buffer, size_t at)
{
    return (lk_slot){{type, shape, NULL}, buffer, at};
}

static lk_status plan_values(lk_net *net, lk_error *err)
{
    int end = lk_time_end(net);
    for (int i = 0; i < net->count; i++) {
        lk_net_node *n = &net->nodes[i];
        if (n->root != i) {
            const lk_net_node *root = &net->nodes[n->root];
            size_t sample = (size_t)(lk_shape_count(root->shape) / root->shape.n) * lk_dtype_size(root->type);
            n->value = slot(n->type, n->shape, root->value.buffer, sample * (size_t)n->from);
        } else {
            lk_tensor t = {n->type, n->shape, NULL};
            int born = n->is_input ? 0 : lk_time_forward(i), b;
            LK_TRY(lk_net_add_buffer(net, lk_tensor_bytes(&t), born, born, &b, err));
            n->value = slot(n->type, n->shape, b, 0);
            if (n->is_input && n->type == LK_F32) {
                lk_net_keep(net, b,
                            end); /* the caller's own tensor: what it wrote stays until it writes again */
            } else if (n->is_input) {
                LK_TRY(lk_net_add_buffer(net, (size_t)lk_shape_count(n->shape) * 4, 0, end, &b, err));
                n->user = slot(LK_F32, n->shape, b, 0);
            }
        }
        if (n->is_input) continue;
        bool back = net->train && net->nodes[n->root].carries_grad && !n->info->view;
        for (int k = 0; k < n->inputs; k++) {
            int b = net->nodes[n->in[k]].value.buffer;
            lk_net_keep(net, b, lk_time_forward(i));
            if (back && n->info->needs_input) lk_net_keep(net, b, lk_time_backward(net, i));
        }
        if (back && n->info->needs_output) lk_net_keep(net, n->value.buffer, lk_time_backward(net, i));
        if (n->info->saved_bytes)
            LK_TRY(lk_net_add_buffer(net, n->info->saved_bytes, lk_time_forward(i),
                                     net->train ? lk_time_backward(net, i) : lk_time_forward(i), &n->saved,
                                     err));
        n->packed_at = net->packed_bytes;
        net->packed_bytes += LK_ALIGN64(n->info->packed_bytes);
        net->scratch_bytes = LK_MAX(net->scratch_bytes, LK_ALIGN64(n->info->scratch_bytes));
    }
    for (int o = 0; o < net->output_count; o++) {
        lk_net_output_entry *out = &net->outputs[o];
        const lk_net_node *n = &net->nodes[out->node];
        if (n->type == LK_F32) {
            lk_net_keep(net, n->value.buffer, end);
            out->value = n->value;
        } else {
            int b;
            LK_TRY(lk_net_add_buffer(net, (size_t)lk_shape_count(n->shape) * 4, lk_time_forward(out->node),
                                     end, &b, err));
            out->value = slot(LK_F32, n->shape, b, 0);
        }
    }
    return LK_OK;
}

static lk_status plan(lk_net *net, bool train, uint64_t seed, lk_error *err)
{
    if (!net->output_count) return LK_FAIL(err, LK_E_ARG, "network '%s' has no output", net->name);
    net->planned = true;
    net->train = train;
    for (int i = 0; i < net->count; i++)
        if (!net->nodes[i].is_input) LK_TRY(open_node(net, i, seed, err));
    if (train) find_carriers(net);
    LK_TRY(plan_values(net, err));
    if (train) LK_TRY(lk_net_plan_backward(net, err));
    return lk_net_place_buffers(net, err);
}

/* A network that failed once stays failed and says why. */
lk_status lk_net_plan(lk_net *net, bool train, uint64_t seed, lk_error *err)
{
    if (net->planned && !net->failed)
        return LK_FAIL(err, LK_E_STATE, "network '%s' is planned already", net->name);
    if (!net->failed) net->failed = plan(net, train, seed, &net->failure);
    if (net->failed && err) *err = net->failure;
    return net->failed;
}
