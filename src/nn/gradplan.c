/* gradplan.c: the backward program. Operators run in reverse; each writes the
 * gradient of its inputs. Where several gradients meet at one value, the first
 * one is written in place and the others go through a temporary buffer that is
 * added. Views have no step of their own: their consumers write straight into
 * the range of samples of the root's gradient that the view names, so two
 * decoders that each read half of an encoder's batch fill one buffer without a
 * copy. Which samples have been written is followed here, at planning time;
 * samples that nothing writes are cleared.
 *
 * A step is left out only when its root carries no gradient, and at run time only
 * when the whole value is not wanted, so the choice "first one in place" made
 * here stays right for every way to run (see find_wanted in run.c). */
#include "nn/internal.h"

#include <string.h>

typedef struct grad_plan {
    lk_net *net;
    bool *written; /* per sample of every root */
    int *first;    /* where a root's samples start in written */
    bool *seeded;  /* per root: the outputs' gradients have been put in */
} grad_plan;

static size_t sample_bytes(const lk_net_node *root)
{
    return (size_t)(lk_shape_count(root->shape) / root->shape.n) * lk_dtype_size(root->type);
}

static lk_slot grad_slot(const lk_net_node *root, lk_shape shape, int from)
{
    return (lk_slot){{root->type, shape, NULL}, root->grad, sample_bytes(root) * (size_t)from};
}

static lk_status emit(lk_net *net, lk_back_kind kind, int node, lk_slot dst, lk_slot src, lk_error *err)
{
    LK_TRY(lk_grow((void **)&net->steps, &net->step_cap, net->step_count, sizeof *net->steps, err));
    net->steps[net->step_count++] = (lk_back_step){kind, node, dst, src};
    return LK_OK;
}

static lk_status touch_grad(grad_plan *g, int root, int time, lk_error *err)
{
    lk_net_node *r = &g->net->nodes[root];
    if (r->grad == LK_BUFFER_NONE) {
        lk_tensor t = {r->type, r->shape, NULL};
        LK_TRY(lk_net_add_buffer(g->net, lk_tensor_bytes(&t), time, time, &r->grad, err));
    }
    lk_net_keep(g->net, r->grad, time);
    return LK_OK;
}

/* Clear the samples from..from+count-1 that nothing has written. */
static lk_status clear_rest(grad_plan *g, int root, int from, int count, lk_error *err)
{
    const lk_net_node *r = &g->net->nodes[root];
    bool *w = g->written + g->first[root];
    for (int i = from; i < from + count;) {
        int j = i;
        while (j < from + count && !w[j]) w[j++] = true;
        if (j > i) {
            lk_shape s = r->shape;
            s.n = j - i;
            LK_TRY(emit(g->net, LK_BACK_ZERO, root, grad_slot(r, s, i), (lk_slot){.buffer = LK_BUFFER_NONE},
                        err));
        }
        i = j > i ? j : i + 1;
    }
    return LK_OK;
}

static lk_status seed_outputs(grad_plan *g, int root, int time, lk_error *err);

/* Where to write a gradient for `shape` samples from `from` on of a root: dst, and whether that is a
 * temporary buffer which must be added to *sum afterwards. */
static lk_status contribute(grad_plan *g, int root, lk_shape shape, int from, int time, lk_slot *dst,
                            bool *add, lk_slot *sum, lk_error *err)
{
    LK_TRY(seed_outputs(g, root, time, err));
    LK_TRY(touch_grad(g, root, time, err));
    const lk_net_node *r = &g->net->nodes[root];
    bool *w = g->written + g->first[root];
    int done = 0;
    for (int i = 0; i < shape.n; i++) done += w[from + i];
    *sum = grad_slot(r, shape, from);
    *add = done > 0;
    if (!done) {
        memset(w + from, true, (size_t)shape.n * sizeof *w);
        *dst = *sum;
        return LK_OK;
    }
    LK_TRY(clear_rest(g, root, from, shape.n, err));
    *dst = *sum;
    dst->at = 0;
    lk_tensor t = {r->type, shape, NULL};
    return lk_net_add_buffer(g->net, lk_tensor_bytes(&t), time, time, &dst->buffer, err);
}

/* The caller's f32 gradients of the outputs go in before anything else, so that they overwrite. */
static lk_status seed_outputs(grad_plan *g, int root, int time, lk_error *err)
{
    lk_net *net = g->net;
    if (g->seeded[root]) return LK_OK;
    g->seeded[root] = true;
    for (int o = 0; o < net->output_count; o++) {
        lk_net_output_entry *out = &net->outputs[o];
        const lk_net_node *n = &net->nodes[out->node];
        if (n->root != root) continue;
        lk_net_node *r = &net->nodes[root];
        if (r->type == LK_F32 && r->contributions == 1 && n->shape.n == r->shape.n && !r->is_input) {
            r->grad = out->grad.buffer; /* nothing else is added: the operator reads the caller's tensor */
            memset(g->written + g->first[root], true, (size_t)r->shape.n * sizeof *g->written);
            continue;
        }
        lk_slot dst, sum;
        bool add;
        LK_TRY(contribute(g, root, n->shape, n->from, time, &dst, &add, &sum, err));
        LK_TRY(emit(net, LK_BACK_CONVERT, root, dst, out->grad, err));
        if (add) LK_TRY(emit(net, LK_BACK_ADD, root, sum, dst, err));
    }
    return LK_OK;
}

static lk_status plan_op(grad_plan *g, int i, lk_error *err)
{
    lk_net *net = g->net;
    int time = lk_time_backward(net, i);
    LK_TRY(seed_outputs(g, i, time, err));
    LK_TRY(touch_grad(g, i, time, err));
    LK_TRY(clear_rest(g, i, 0, net->nodes[i].shape.n, err));
    lk_net_node *n = &net->nodes[i];
    n->dout = grad_slot(n, n->shape, 0);
    bool add[LK_OP_MAX_INPUTS] = {false};
    lk_slot sum[LK_OP_MAX_INPUTS];
    for (int k = 0; k < n->inputs; k++) {
        const lk_net_node *in = &net->nodes[n->in[k]];
        if (net->nodes[in->root].carries_grad)
            LK_TRY(contribute(g, in->root, in->shape, in->from, time, &n->din[k], &add[k], &sum[k], err));
    }
    LK_TRY(emit(net, LK_BACK_OP, i, n->dout, n->dout, err));
    for (int k = 0; k < n->inputs; k++)
        if (add[k]) LK_TRY(emit(net, LK_BACK_ADD, net->nodes[n->in[k]].root, sum[k], n->din[k], err));
    return LK_OK;
}

static lk_status plan_input(grad_plan *g, int i, lk_error *err)
{
    lk_net *net = g->net;
    int time = lk_time_backward(net, i), end = lk_time_end(net);
    LK_TRY(seed_outputs(g, i, time, err));
    LK_TRY(touch_grad(g, i, time, err));
    LK_TRY(clear_rest(g, i, 0, net->nodes[i].shape.n, err));
    lk_net_node *n = &net->nodes[i];
    lk_slot grad = grad_slot(n, n->shape, 0);
    if (n->type == LK_F32) {
        lk_net_keep(net, n->grad, end);
        n->user_grad = grad;
        return LK_OK;
    }
    int b;
    LK_TRY(lk_net_add_buffer(net, (size_t)lk_shape_count(n->shape) * 4, time, end, &b, err));
    n->user_grad = (lk_slot){{LK_F32, n->shape, NULL}, b, 0};
    return emit(net, LK_BACK_CONVERT, i, n->user_grad, grad, err);
}

static void count_contributions(lk_net *net)
{
    for (int o = 0; o < net->output_count; o++)
        net->nodes[net->nodes[net->outputs[o].node].root].contributions++;
    for (int i = net->count - 1; i >= 0; i--) {
        const lk_net_node *n = &net->nodes[i];
        if (n->is_input || n->root != i || !n->carries_grad || !n->contributions) continue;
        for (int k = 0; k < n->inputs; k++) net->nodes[net->nodes[n->in[k]].root].contributions++;
    }
}

lk_status lk_net_plan_backward(lk_net *net, lk_error *err)
{
    grad_plan g = {.net = net};
    size_t samples = 0;
    for (int i = 0; i < net->count; i++) samples += (size_t)net->nodes[i].shape.n;
    g.written = lk_calloc(samples, sizeof *g.written);
    g.first = lk_calloc((size_t)net->count, sizeof *g.first);
    g.seeded = lk_calloc((size_t)net->count, sizeof *g.seeded);
    lk_status s = LK_OK;
    if (!g.written || !g.first || !g.seeded) {
        s = LK_FAIL(err, LK_E_NOMEM, "no memory to plan the gradients of network '%s'", net->name);
        goto done;
    }
    for (int i = 0, at = 0; i < net->count; at += net->nodes[i++].shape.n) g.first[i] = at;
    for (int o = 0; o < net->output_count; o++) { /* written by the caller at any time */
        lk_net_output_entry *out = &net->outputs[o];
        lk_shape shape = net->nodes[out->node].shape;
        int b;
        LK_GOTO(done,
                lk_net_add_buffer(net, (size_t)lk_shape_count(shape) * 4, 0, lk_time_end(net), &b, err));
        out->grad = (lk_slot){{LK_F32, shape, NULL}, b, 0};
    }
    count_contributions(net);
    for (int i = net->count - 1; i >= 0; i--) {
        const lk_net_node *n = &net->nodes[i];
        if (n->root != i || !n->carries_grad) continue;
        if (n->is_input)
            LK_GOTO(done, plan_input(&g, i, err));
        else if (n->contributions)
            LK_GOTO(done, plan_op(&g, i, err));
    }
done:
    lk_free(g.written);
    lk_free(g.first);
    lk_free(g.seeded);
    return s;
}
