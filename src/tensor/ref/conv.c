/* Reference convolution and dense layer. Both gradients are written as gathers
 * (each result element sums over what reached it), so that every sum is a
 * double and nothing is rounded half-way. */
#include "tensor/ref/ref.h"

static lk_status open_weighted(lk_op *op, lk_error *err)
{
    (void)err;
    if (op->desc.train) op->info.scratch_bytes = sizeof(float) * (size_t)lk_shape_count(op->info.out);
    return LK_OK;
}

/* Fill scratch with the gradient before the activation and add the bias gradient. */
static float *start_backward(lk_op *op, const lk_tensor *out, const lk_tensor *dout, float *const *dparams,
                             const lk_op_memory *mem)
{
    float *g = mem->scratch;
    const int64_t count = lk_shape_count(op->info.out);
    const int channels = op->info.out.c;
    for (int64_t i = 0; i < count; i++) g[i] = (float)dpre(op, out, dout, i, mem->saved);
    if (op->desc.attr.bias && dparams && dparams[1]) {
        for (int c = 0; c < channels; c++) {
            double sum = 0;
            for (int64_t i = c; i < count; i += channels) sum += g[i];
            dparams[1][c] += (float)sum;
        }
    }
    return g;
}

static void conv_forward(lk_op *op, const lk_tensor *const *in, lk_tensor *out, float *const *params,
                         const lk_op_memory *mem)
{
    const lk_op_attr *a = &op->desc.attr;
    const lk_shape xs = op->desc.in[0], ys = op->info.out, ws = op->info.param[0];
    const bool depthwise = ws.c != xs.c;
    for (int n = 0; n < ys.n; n++)
        for (int oy = 0; oy < ys.h; oy++)
            for (int ox = 0; ox < ys.w; ox++)
                for (int oc = 0; oc < ys.c; oc++) {
                    double sum = a->bias ? params[1][oc] : 0;
                    for (int ky = 0; ky < a->kernel; ky++)
                        for (int kx = 0; kx < a->kernel; kx++) {
                            const int iy = oy * a->stride + ky - a->pad, ix = ox * a->stride + kx - a->pad;
                            if (iy < 0 || iy >= xs.h || ix < 0 || ix >= xs.w) continue;
                            for (int ic = 0; ic < ws.c; ic++)
                                sum += (double)get(in[0], at(xs, n, iy, ix, depthwise ? oc : ic)) *
                                       params[0][at(ws, oc, ky, kx, ic)];
                        }
                    put_act(op, out, at(ys, n, oy, ox, oc), sum, mem->saved);
                }
}

static void conv_input_grad(const lk_op *op, const float *g, const float *weight, lk_tensor *din)
{
    const lk_op_attr *a = &op->desc.attr;
    const lk_shape xs = op->desc.in[0], ys = op->info.out, ws = op->info.param[0];
    const bool depthwise = ws.c != xs.c;
    for (int n = 0; n < xs.n; n++)
        for (int iy = 0; iy < xs.h; iy++)
            for (int ix = 0; ix < xs.w; ix++)
                for (int ic = 0; ic < xs.c; ic++) {
                    double sum = 0;
                    for (int ky = 0; ky < a->kernel; ky++)
                        for (int kx = 0; kx < a->kernel; kx++) {
                            const int sy = iy + a->pad - ky, sx = ix + a->pad - kx;
                            if (sy < 0 || sx < 0 || sy % a->stride || sx % a->stride) continue;
                            const int oy = sy / a->stride, ox = sx / a->stride;
                            if (oy >= ys.h || ox >= ys.w) continue;
                            if (depthwise) {
                                sum += (double)g[at(ys, n, oy, ox, ic)] * weight[at(ws, ic, ky, kx, 0)];
                                continue;
                            }
                            for (int oc = 0; oc < ys.c; oc++)
                                sum += (double)g[at(ys, n, oy, ox, oc)] * weight[at(ws, oc, ky, kx, ic)];
                        }
                    put(din, at(xs, n, iy, ix, ic), (float)sum);
                }
}

static void conv_weight_grad(const lk_op *op, const float *g, const lk_tensor *in, float *dweight)
{
    const lk_op_attr *a = &op->desc.attr;
    const lk_shape xs = op->desc.in[0], ys = op->info.out, ws = op->info.param[0];
    const bool depthwise = ws.c != xs.c;
    for (int oc = 0; oc < ws.n; oc++)
        for (int ky = 0; ky < ws.h; ky++)
            for (int kx = 0; kx < ws.w; kx++)
                for (int ic = 0; ic < ws.c; ic++) {
                    double sum = 0;
                    for (int n = 0; n < ys.n; n++)
                        for (int oy = 0; oy < ys.h; oy++)
                            for (int ox = 0; ox < ys.w; ox++) {
                                const int iy = oy * a->stride + ky - a->pad,
                                          ix = ox * a->stride + kx - a->pad;
                                if (iy < 0 || iy >= xs.h || ix < 0 || ix >= xs.w) continue;
                                sum += (double)g[at(ys, n, oy, ox, oc)] *
                                       get(in, at(xs, n, iy, ix, depthwise ? oc : ic));
                            }
                    dweight[at(ws, oc, ky, kx, ic)] += (float)sum;
                }
}

static void conv_backward(lk_op *op, const lk_tensor *const *in, const lk_tensor *out, const lk_tensor *dout,
                          lk_tensor *const *din, float *const *params, float *const *dparams,
                          const lk_op_memory *mem)
{
    const float *g = start_backward(op, out, dout, dparams, mem);
    if (din[0]) conv_input_grad(op, g, params[0], din[0]);
    if (dparams && dparams[0]) conv_weight_grad(op, g, in[0], dparams[0]);
}

static void dense_forward(lk_op *op, const lk_tensor *const *in, lk_tensor *out, float *const *params,
                          const lk_op_memory *mem)
{
    const int64_t features = op->info.param[0].c, units = op->info.out.c;
    for (int64_t n = 0; n < op->info.out.n; n++)
        for (int64_t u = 0; u < units; u++) {
            double sum = op->desc.attr.bias ? params[1][u] : 0;
            for (int64_t f = 0; f < features; f++)
                sum += (double)get(in[0], n * features + f) * params[0][u * features + f];
            put_act(op, out, n * units + u, sum, mem->saved);
        }
}

static void dense_backward(lk_op *op, const lk_tensor *const *in, const lk_tensor *out, const lk_tensor *dout,
                           lk_tensor *const *din, float *const *params, float *const *dparams,
                           const lk_op_memory *mem)
{
    const int64_t features = op->info.param[0].c, units = op->info.out.c, batch = op->info.out.n;
    const float *g = start_backward(op, out, dout, dparams, mem);
    for (int64_t n = 0; din[0] && n < batch; n++)
        for (int64_t f = 0; f < features; f++) {
            double sum = 0;
            for (int64_t u = 0; u < units; u++) sum += (double)g[n * units + u] * params[0][u * features + f];
            put(din[0], n * features + f, (float)sum);
        }
    for (int64_t u = 0; dparams && dparams[0] && u < units; u++)
        for (int64_t f = 0; f < features; f++) {
            double sum = 0;
            for (int64_t n = 0; n < batch; n++)
                sum += (double)g[n * units + u] * get(in[0], n * features + f);
            dparams[0][u * features + f] += (float)sum;
        }
}

const lk_op_impl lk_ref_conv = {.open = open_weighted, .forward = conv_forward, .backward = conv_backward};
const lk_op_impl lk_ref_dense = {.open = open_weighted, .forward = dense_forward, .backward = dense_backward};
