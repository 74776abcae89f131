/* Reference operators that move values between positions: pixel shuffle
 * (Shi et al. 2016), bilinear enlargement and pooling. */
#include "tensor/ref/ref.h"

/* Index of output element i's source in a pixel shuffle by r. */
static int64_t shuffle_source(const lk_op *op, int n, int y, int x, int c)
{
    const int r = op->desc.attr.factor;
    return at(op->desc.in[0], n, y / r, x / r, (c * r + y % r) * r + x % r);
}

static void shuffle_forward(lk_op *op, const lk_tensor *const *in, lk_tensor *out, float *const *params,
                            const lk_op_memory *mem)
{
    (void)params, (void)mem;
    const lk_shape s = op->info.out;
    for (int n = 0; n < s.n; n++)
        for (int y = 0; y < s.h; y++)
            for (int x = 0; x < s.w; x++)
                for (int c = 0; c < s.c; c++)
                    put(out, at(s, n, y, x, c), get(in[0], shuffle_source(op, n, y, x, c)));
}

static void shuffle_backward(lk_op *op, const lk_tensor *const *in, const lk_tensor *out,
                             const lk_tensor *dout, lk_tensor *const *din, float *const *params,
                             float *const *dparams, const lk_op_memory *mem)
{
    (void)in, (void)out, (void)params, (void)dparams, (void)mem;
    const lk_shape s = op->info.out;
    if (!din[0]) return;
    for (int n = 0; n < s.n; n++)
        for (int y = 0; y < s.h; y++)
            for (int x = 0; x < s.w; x++)
                for (int c = 0; c < s.c; c++)
                    put(din[0], shuffle_source(op, n, y, x, c), get(dout, at(s, n, y, x, c)));
}

/* The two source rows (or columns) of output position o and the second one's weight; half-pixel centres,
 * edges repeated. */
static void source_pair(int o, int factor, int size, int *first, int *second, double *weight)
{
    const double centre = (o + 0.5) / factor - 0.5;
    const int lower = (int)floor(centre);
    *weight = centre - lower;
    *first = LK_CLAMP(lower, 0, size - 1);
    *second = LK_CLAMP(lower + 1, 0, size - 1);
}

static void resize_forward(lk_op *op, const lk_tensor *const *in, lk_tensor *out, float *const *params,
                           const lk_op_memory *mem)
{
    (void)params, (void)mem;
    const lk_shape xs = op->desc.in[0], ys = op->info.out;
    for (int n = 0; n < ys.n; n++)
        for (int oy = 0; oy < ys.h; oy++)
            for (int ox = 0; ox < ys.w; ox++) {
                int y0, y1, x0, x1;
                double wy, wx;
                source_pair(oy, op->desc.attr.factor, xs.h, &y0, &y1, &wy);
                source_pair(ox, op->desc.attr.factor, xs.w, &x0, &x1, &wx);
                for (int c = 0; c < ys.c; c++) {
                    const double top =
                        (1 - wx) * get(in[0], at(xs, n, y0, x0, c)) + wx * get(in[0], at(xs, n, y0, x1, c));
                    const double low =
                        (1 - wx) * get(in[0], at(xs, n, y1, x0, c)) + wx * get(in[0], at(xs, n, y1, x1, c));
                    put(out, at(ys, n, oy, ox, c), (float)((1 - wy) * top + wy * low));
                }
            }
}

/* Weight with which output o reads source i along one axis. */
static double source_weight(int o, int factor, int size, int i)
{
    int first, second;
    double weight;
    source_pair(o, factor, size, &first, &second, &weight);
    return (first == i ? 1 - weight : 0) + (second == i ? weight : 0);
}

static void resize_backward(lk_op *op, const lk_tensor *const *in, const lk_tensor *out,
                            const lk_tensor *dout, lk_tensor *const *din, float *const *params,
                            float *const *dparams, const lk_op_memory *mem)
{
    (void)in, (void)out, (void)params, (void)dparams, (void)mem;
    const lk_shape xs = op->desc.in[0], ys = op->info.out;
    const int r = op->desc.attr.factor;
    if (!din[0]) return;
    for (int n = 0; n < xs.n; n++)
        for (int y = 0; y < xs.h; y++)
            for (int x = 0; x < xs.w; x++)
                for (int c = 0; c < xs.c; c++) {
                    double sum = 0;
                    for (int oy = LK_MAX(0, (y - 1) * r); oy < LK_MIN(ys.h, (y + 2) * r); oy++)
                        for (int ox = LK_MAX(0, (x - 1) * r); ox < LK_MIN(ys.w, (x + 2) * r); ox++)
                            sum += source_weight(oy, r, xs.h, y) * source_weight(ox, r, xs.w, x) *
                                   get(dout, at(ys, n, oy, ox, c));
                    put(din[0], at(xs, n, y, x, c), (float)sum);
                }
}

static void avg_forward(lk_op *op, const lk_tensor *const *in, lk_tensor *out, float *const *params,
                        const lk_op_memory *mem)
{
    (void)params, (void)mem;
    const lk_shape xs = op->desc.in[0], ys = op->info.out;
    const int k = op->desc.attr.kernel;
    for (int n = 0; n < ys.n; n++)
        for (int y = 0; y < ys.h; y++)
            for (int x = 0; x < ys.w; x++)
                for (int c = 0; c < ys.c; c++) {
                    double sum = 0;
                    for (int dy = 0; dy < k; dy++)
                        for (int dx = 0; dx < k; dx++)
                            sum += get(in[0], at(xs, n, y * k + dy, x * k + dx, c));
                    put(out, at(ys, n, y, x, c), (float)(sum / (k * k)));
                }
}

static void avg_backward(lk_op *op, const lk_tensor *const *in, const lk_tensor *out, const lk_tensor *dout,
                         lk_tensor *const *din, float *const *params, float *const *dparams,
                         const lk_op_memory *mem)
{
    (void)in, (void)out, (void)params, (void)dparams, (void)mem;
    const lk_shape xs = op->desc.in[0], ys = op->info.out;
    const int k = op->desc.attr.kernel;
    if (!din[0]) return;
    for (int n = 0; n < xs.n; n++)
        for (int y = 0; y < xs.h; y++)
            for (int x = 0; x < xs.w; x++)
                for (int c = 0; c < xs.c; c++) {
                    const bool inside = y / k < ys.h && x / k < ys.w; /* a ragged edge is not pooled */
                    put(din[0], at(xs, n, y, x, c),
                        inside ? get(dout, at(ys, n, y / k, x / k, c)) / (float)(k * k) : 0);
                }
}

/* Index of the window's largest input; the first one when several are equal. */
static int64_t largest(const lk_op *op, const lk_tensor *in, int n, int y, int x, int c)
{
    const lk_shape xs = op->desc.in[0];
    const int k = op->desc.attr.kernel;
    int64_t best = at(xs, n, y * k, x * k, c);
    for (int dy = 0; dy < k; dy++)
        for (int dx = 0; dx < k; dx++) {
            const int64_t i = at(xs, n, y * k + dy, x * k + dx, c);
            if (get(in, i) > get(in, best)) best = i;
        }
    return best;
}

static void max_forward(lk_op *op, const lk_tensor *const *in, lk_tensor *out, float *const *params,
                        const lk_op_memory *mem)
{
    (void)params, (void)mem;
    const lk_shape ys = op->info.out;
    for (int n = 0; n < ys.n; n++)
        for (int y = 0; y < ys.h; y++)
            for (int x = 0; x < ys.w; x++)
                for (int c = 0; c < ys.c; c++)
                    put(out, at(ys, n, y, x, c), get(in[0], largest(op, in[0], n, y, x, c)));
}

static void max_backward(lk_op *op, const lk_tensor *const *in, const lk_tensor *out, const lk_tensor *dout,
                         lk_tensor *const *din, float *const *params, float *const *dparams,
                         const lk_op_memory *mem)
{
    (void)out, (void)params, (void)dparams, (void)mem;
    const lk_shape ys = op->info.out;
    if (!din[0]) return;
    lk_tensor_fill(din[0], 0);
    for (int n = 0; n < ys.n; n++)
        for (int y = 0; y < ys.h; y++)
            for (int x = 0; x < ys.w; x++)
                for (int c = 0; c < ys.c; c++)
                    put(din[0], largest(op, in[0], n, y, x, c), get(dout, at(ys, n, y, x, c)));
}

static void global_forward(lk_op *op, const lk_tensor *const *in, lk_tensor *out, float *const *params,
                           const lk_op_memory *mem)
{
    (void)params, (void)mem;
    const lk_shape s = op->desc.in[0];
    const int64_t area = (int64_t)s.h * s.w;
    for (int64_t n = 0; n < s.n; n++)
        for (int c = 0; c < s.c; c++) {
            double sum = 0;
            for (int64_t p = 0; p < area; p++) sum += get(in[0], (n * area + p) * s.c + c);
            put(out, n * s.c + c, (float)(sum / (double)area));
        }
}

static void global_backward(lk_op *op, const lk_tensor *const *in, const lk_tensor *out,
                            const lk_tensor *dout, lk_tensor *const *din, float *const *params,
                            float *const *dparams, const lk_op_memory *mem)
{
    (void)in, (void)out, (void)params, (void)dparams, (void)mem;
    const lk_shape s = op->desc.in[0];
    const int64_t area = (int64_t)s.h * s.w;
    for (int64_t i = 0; din[0] && i < lk_shape_count(s); i++)
        put(din[0], i, get(dout, i / (area * s.c) * s.c + i % s.c) / (float)area);
}

const lk_op_impl lk_ref_shuffle = {.forward = shuffle_forward, .backward = shuffle_backward};
const lk_op_impl lk_ref_resize = {.forward = resize_forward, .backward = resize_backward};
const lk_op_impl lk_ref_avg_pool = {.forward = avg_forward, .backward = avg_backward};
const lk_op_impl lk_ref_max_pool = {.forward = max_forward, .backward = max_backward};
const lk_op_impl lk_ref_global_pool = {.forward = global_forward, .backward = global_backward};
