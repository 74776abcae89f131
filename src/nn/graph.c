/* graph.c: describing a network. Nodes are appended in the order in which they
 * will run; an input of a node is always an earlier node, so no sorting is needed.
 * A mistake is remembered and reported by lk_net_plan, which lets a description
 * be written as plain straight-line code. */
#include "nn/internal.h"

#include <stdio.h>
#include <string.h>

lk_status lk_net_new(lk_net **out, const char *name, lk_params *params, lk_backend backend, lk_dtype type,
                     lk_error *err)
{
    *out = NULL;
    if (!params) return LK_FAIL(err, LK_E_ARG, "network '%s' needs a parameter set", name);
    lk_net *net = lk_calloc(1, sizeof *net);
    if (!net) return LK_FAIL(err, LK_E_NOMEM, "no memory for network '%s'", name);
    snprintf(net->name, sizeof net->name, "%s", name);
    net->params = params;
    net->backend = backend;
    net->type = type;
    *out = net;
    return LK_OK;
}

void lk_net_free(lk_net *net)
{
    if (!net) return;
    for (int i = 0; i < net->count; i++)
        if (net->nodes[i].op) lk_op_close(&net->nodes[i].op);
    lk_free(net->nodes);
    lk_free(net->outputs);
    lk_free(net->buffers);
    lk_free(net->steps);
    lk_free(net->arena);
    lk_free(net->scratch);
    lk_free(net->packed);
    lk_free(net);
}

static lk_node fail(lk_net *net, lk_status code, const char *what, const char *name)
{
    if (!net->failed) {
        net->failed = code;
        lk_error_set(&net->failure, code, __FILE__, __LINE__, "network '%s', node '%s': %s", net->name,
                     name ? name : "", what);
    }
    return -1;
}

static lk_net_node *append(lk_net *net, const char *name)
{
    if (net->planned) {
        fail(net, LK_E_STATE, "described after planning", name);
        return NULL;
    }
    if (lk_grow((void **)&net->nodes, &net->cap, net->count, sizeof *net->nodes, &net->failure) != LK_OK) {
        fail(net, LK_E_NOMEM, "no memory", name);
        return NULL;
    }
    lk_net_node *n = &net->nodes[net->count];
    memset(n, 0, sizeof *n);
    snprintf(n->name, sizeof n->name, "%s", name ? name : "");
    n->root = net->count;
    n->saved = n->grad = LK_BUFFER_NONE;
    n->value.buffer = n->user.buffer = n->user_grad.buffer = n->dout.buffer = LK_BUFFER_NONE;
    for (int i = 0; i < LK_OP_MAX_INPUTS; i++) n->din[i].buffer = LK_BUFFER_NONE;
    return n;
}

lk_node lk_net_input(lk_net *net, lk_shape shape, bool wants_grad)
{
    if (shape.n <= 0 || shape.h <= 0 || shape.w <= 0 || shape.c <= 0)
        return fail(net, LK_E_ARG, "an input has no size", "input");
    lk_net_node *n = append(net, "input");
    if (!n) return -1;
    n->is_input = true;
    n->wants_grad = wants_grad;
    n->shape = shape;
    n->type = net->type;
    return net->count++;
}

lk_node lk_net_op(lk_net *net, const char *name, lk_op_kind kind, const lk_op_attr *attr, const lk_node *in,
                  int inputs)
{
    if (inputs < 1 || inputs > LK_OP_MAX_INPUTS)
        return fail(net, LK_E_ARG, "number of inputs out of range", name);
    for (int i = 0; i < inputs; i++) {
        if (in[i] < 0) return fail(net, LK_E_ARG, "an input is the result of a failed description", name);
        if (in[i] >= net->count) return fail(net, LK_E_ARG, "an input is not described yet", name);
    }
    if (name && strlen(name) >= sizeof net->nodes->name)
        return fail(net, LK_E_ARG, "the name is too long", name);
    lk_net_node *n = append(net, name);
    if (!n) return -1;
    n->kind = kind;
    if (attr) n->attr = *attr;
    memcpy(n->in, in, (size_t)inputs * sizeof *in);
    n->inputs = inputs;
    return net->count++;
}

lk_node lk_net_conv(lk_net *net, const char *name, lk_node x, int out_c, int kernel, int stride, lk_act act,
                    float slope)
{
    lk_op_attr a = {.out_c = out_c,
                    .kernel = kernel,
                    .stride = stride,
                    .pad = kernel / 2,
                    .groups = 1,
                    .bias = true,
                    .act = act,
                    .slope = slope};
    return lk_net_op(net, name, LK_OP_CONV, &a, &x, 1);
}

/* Channels are only known after planning, for operators in between; groups < 0 says "as many as channels". */
lk_node lk_net_dwconv(lk_net *net, const char *name, lk_node x, int kernel, int stride, lk_act act,
                      float slope)
{
    lk_op_attr a = {.out_c = -1,
                    .kernel = kernel,
                    .stride = stride,
                    .pad = kernel / 2,
                    .groups = -1,
                    .bias = true,
                    .act = act,
                    .slope = slope};
    return lk_net_op(net, name, LK_OP_CONV, &a, &x, 1);
}

lk_node lk_net_dense(lk_net *net, const char *name, lk_node x, int units, lk_act act, float slope)
{
    lk_op_attr a = {.out_c = units, .bias = true, .act = act, .slope = slope};
    return lk_net_op(net, name, LK_OP_DENSE, &a, &x, 1);
}

lk_node lk_net_add(lk_net *net, lk_node a, lk_node b, lk_act act, float slope)
{
    lk_op_attr attr = {.act = act, .slope = slope};
    lk_node in[2] = {a, b};
    return lk_net_op(net, "add", LK_OP_ADD, &attr, in, 2);
}

lk_node lk_net_concat(lk_net *net, const lk_node *in, int inputs)
{
    return lk_net_op(net, "concat", LK_OP_CONCAT, NULL, in, inputs);
}

lk_node lk_net_shuffle(lk_net *net, lk_node x, int factor)
{
    lk_op_attr a = {.factor = factor};
    return lk_net_op(net, "shuffle", LK_OP_PIXEL_SHUFFLE, &a, &x, 1);
}

lk_node lk_net_slice(lk_net *net, lk_node x, int from, int count)
{
    lk_op_attr a = {.from = from, .count = count};
    return lk_net_op(net, "slice", LK_OP_SLICE, &a, &x, 1);
}

lk_node lk_net_reshape(lk_net *net, lk_node x, int h, int w, int c)
{
    lk_op_attr a = {.h = h, .w = w, .c = c};
    return lk_net_op(net, "reshape", LK_OP_RESHAPE, &a, &x, 1);
}

void lk_net_output(lk_net *net, lk_node x, const char *name)
{
    if (x < 0 || x >= net->count || net->planned) {
        fail(net, LK_E_ARG, "not a node that can be an output", name);
        return;
    }
    if (strlen(name) >= sizeof net->outputs->name) {
        fail(net, LK_E_ARG, "the output's name is too long", name);
        return;
    }
    for (int i = 0; i < net->output_count; i++) {
        if (strcmp(net->outputs[i].name, name)) continue;
        fail(net, LK_E_ARG, "two outputs have this name", name);
        return;
    }
    if (lk_grow((void **)&net->outputs, &net->output_cap, net->output_count, sizeof *net->outputs,
                &net->failure) != LK_OK) {
        fail(net, LK_E_NOMEM, "no memory", name);
        return;
    }
    lk_net_output_entry *o = &net->outputs[net->output_count++];
    memset(o, 0, sizeof *o);
    strcpy(o->name, name);
    o->node = x;
    o->value.buffer = o->grad.buffer = LK_BUFFER_NONE;
}

void lk_net_stats_get(const lk_net *net, lk_net_stats *out)
{
    memset(out, 0, sizeof *out);
    for (int i = 0; i < net->count; i++) {
        const lk_net_node *n = &net->nodes[i];
        for (int k = 0; n->info && k < n->info->params; k++) {
            bool shared = false; /* a parameter used by an earlier node counts once */
            for (int j = 0; j < i && !shared; j++)
                for (int l = 0; net->nodes[j].info && l < net->nodes[j].info->params; l++)
                    if (net->nodes[j].param[l] == n->param[k]) shared = true;
            if (!shared) out->param_count += lk_shape_count(n->info->param[k]);
        }
    }
    out->param_bytes = (size_t)out->param_count * sizeof(float) * (net->train ? 4 : 1) + net->packed_bytes;
    out->activation_bytes = net->arena_bytes;
    out->scratch_bytes = net->scratch_bytes;
    out->flops_forward = net->flops;
}

void lk_net_describe(const lk_net *net, lk_text *out)
{
    lk_net_stats st;
    lk_net_stats_get(net, &st);
    lk_text_add(out, "%-4s %-14s %-24s %-20s %-10s %10s %9s\n", "#", "operator", "name", "output (n,h,w,c)",
                "inputs", "params", "MFLOP");
    for (int i = 0; i < net->count; i++) {
        const lk_net_node *n = &net->nodes[i];
        char shape[48], in[64] = "";
        snprintf(shape, sizeof shape, "%d,%d,%d,%d", n->shape.n, n->shape.h, n->shape.w, n->shape.c);
        for (int k = 0, at = 0; k < n->inputs && at < (int)sizeof in - 12; k++)
            at += snprintf(in + at, sizeof in - (size_t)at, "%s%d", k ? "," : "", n->in[k]);
        int64_t params = 0;
        for (int k = 0; n->info && k < n->info->params; k++) params += lk_shape_count(n->info->param[k]);
        lk_text_add(out, "%-4d %-14s %-24s %-20s %-10s %10lld %9.2f\n", i,
                    n->is_input ? "input" : lk_op_name(n->kind), n->name, shape, in, (long long)params,
                    n->info ? n->info->flops * 1e-6 : 0.0);
    }
    for (int i = 0; i < net->output_count; i++)
        lk_text_add(out, "output %s = %d\n", net->outputs[i].name, net->outputs[i].node);
    lk_text_add(out,
                "%lld parameters, %.2f GFLOP forward, %.1f MB of activations, %.1f MB of scratch, %.1f MB of "
                "parameters\n",
                (long long)st.param_count, st.flops_forward * 1e-9, (double)st.activation_bytes * 1e-6,
                (double)st.scratch_bytes * 1e-6, (double)st.param_bytes * 1e-6);
}
