/* Reference normalisations: batch (Ioffe & Szegedy 2015), instance (Ulyanov et
 * al. 2016), pixel (Karras et al. 2018, here over the whole sample) and L2.
 *
 * Batch and instance norm share one body: a group of values is normalised by its
 * own mean and deviation, then scaled and shifted by channel. The groups of a
 * batch norm are the channels, those of an instance norm are (sample, channel). */
#include "tensor/ref/ref.h"

typedef struct group {
    int64_t first, count; /* elements first, first + c, ...; count of them */
    int channel;
} group;

static int64_t group_count(const lk_op *op)
{
    const lk_shape s = op->desc.in[0];
    return op->desc.kind == LK_OP_CHANNEL_NORM ? s.c : (int64_t)s.n * s.c;
}

static group group_at(const lk_op *op, int64_t g)
{
    const lk_shape s = op->desc.in[0];
    const int64_t area = (int64_t)s.h * s.w;
    if (op->desc.kind == LK_OP_CHANNEL_NORM) return (group){g, area * s.n, (int)g};
    return (group){g / s.c * area * s.c + g % s.c, area, (int)(g % s.c)};
}

static void group_moments(const lk_op *op, const lk_tensor *x, group g, double *mean, double *var)
{
    const int c = op->desc.in[0].c;
    double sum = 0, square = 0;
    for (int64_t i = 0; i < g.count; i++) sum += get(x, g.first + i * c);
    *mean = sum / (double)g.count;
    for (int64_t i = 0; i < g.count; i++) {
        const double d = get(x, g.first + i * c) - *mean;
        square += d * d;
    }
    *var = square / (double)g.count;
}

static void norm_forward(lk_op *op, const lk_tensor *const *in, lk_tensor *out, float *const *params,
                         const lk_op_memory *mem)
{
    const int c = op->desc.in[0].c;
    const bool batch = op->desc.kind == LK_OP_CHANNEL_NORM;
    for (int64_t k = 0; k < group_count(op); k++) {
        const group g = group_at(op, k);
        double mean, var;
        if (batch && !op->desc.train) {
            mean = params[2][k];
            var = params[3][k];
        } else {
            group_moments(op, in[0], g, &mean, &var);
        }
        const double inverse = 1 / sqrt(var + LK_NORM_EPSILON);
        if (op->desc.train) {
            ((float *)mem->saved)[2 * k] = (float)mean;
            ((float *)mem->saved)[2 * k + 1] = (float)inverse;
        }
        if (batch && op->desc.train) {
            const double m = op->desc.attr.momentum, count = (double)g.count;
            params[2][k] = (float)((1 - m) * params[2][k] + m * mean);
            params[3][k] = (float)((1 - m) * params[3][k] + m * var * (count > 1 ? count / (count - 1) : 1));
        }
        for (int64_t i = 0; i < g.count; i++) {
            const int64_t at_i = g.first + i * c;
            put(out, at_i,
                (float)((get(in[0], at_i) - mean) * inverse * params[0][g.channel] + params[1][g.channel]));
        }
    }
}

static void norm_backward(lk_op *op, const lk_tensor *const *in, const lk_tensor *out, const lk_tensor *dout,
                          lk_tensor *const *din, float *const *params, float *const *dparams,
                          const lk_op_memory *mem)
{
    (void)out;
    const int c = op->desc.in[0].c;
    for (int64_t k = 0; k < group_count(op); k++) {
        const group g = group_at(op, k);
        const double mean = ((const float *)mem->saved)[2 * k],
                     inverse = ((const float *)mem->saved)[2 * k + 1];
        double sum = 0, dot = 0; /* of dout, and of dout with the normalised input */
        for (int64_t i = 0; i < g.count; i++) {
            const double d = get(dout, g.first + i * c);
            sum += d;
            dot += d * (get(in[0], g.first + i * c) - mean) * inverse;
        }
        if (dparams && dparams[0]) dparams[0][g.channel] += (float)dot;
        if (dparams && dparams[1]) dparams[1][g.channel] += (float)sum;
        for (int64_t i = 0; din[0] && i < g.count; i++) {
            const int64_t at_i = g.first + i * c;
            const double xhat = (get(in[0], at_i) - mean) * inverse;
            put(din[0], at_i,
                (float)(params[0][g.channel] * inverse *
                        (get(dout, at_i) - sum / (double)g.count - xhat * dot / (double)g.count)));
        }
    }
}

/* Pixel and L2 norm: y = x * r with r = (sum(x^2) / divisor + epsilon)^-1/2 for each sample. */
static void sample_terms(const lk_op *op, double *divisor, double *epsilon)
{
    const bool pixel = op->desc.kind == LK_OP_PIXEL_NORM;
    *divisor = pixel ? (double)(lk_shape_count(op->info.out) / op->info.out.n) : 1;
    *epsilon = pixel ? LK_PIXEL_EPSILON : LK_L2_EPSILON;
}

static void sample_forward(lk_op *op, const lk_tensor *const *in, lk_tensor *out, float *const *params,
                           const lk_op_memory *mem)
{
    (void)params;
    const int64_t sample = lk_shape_count(op->info.out) / op->info.out.n;
    double divisor, epsilon;
    sample_terms(op, &divisor, &epsilon);
    for (int64_t n = 0; n < op->info.out.n; n++) {
        double square = 0;
        for (int64_t i = n * sample; i < (n + 1) * sample; i++)
            square += (double)get(in[0], i) * get(in[0], i);
        const double r = 1 / sqrt(square / divisor + epsilon);
        if (op->desc.train) ((float *)mem->saved)[n] = (float)r;
        for (int64_t i = n * sample; i < (n + 1) * sample; i++) put(out, i, (float)(get(in[0], i) * r));
    }
}

static void sample_backward(lk_op *op, const lk_tensor *const *in, const lk_tensor *out,
                            const lk_tensor *dout, lk_tensor *const *din, float *const *params,
                            float *const *dparams, const lk_op_memory *mem)
{
    (void)out, (void)params, (void)dparams;
    const int64_t sample = lk_shape_count(op->info.out) / op->info.out.n;
    double divisor, epsilon;
    if (!din[0]) return;
    sample_terms(op, &divisor, &epsilon);
    for (int64_t n = 0; n < op->info.out.n; n++) {
        const double r = ((const float *)mem->saved)[n];
        double dot = 0;
        for (int64_t i = n * sample; i < (n + 1) * sample; i++) dot += (double)get(in[0], i) * get(dout, i);
        for (int64_t i = n * sample; i < (n + 1) * sample; i++)
            put(din[0], i, (float)(r * (get(dout, i) - get(in[0], i) * r * r * dot / divisor)));
    }
}

const lk_op_impl lk_ref_channel_norm = {.forward = norm_forward, .backward = norm_backward};
const lk_op_impl lk_ref_instance_norm = {.forward = norm_forward, .backward = norm_backward};
const lk_op_impl lk_ref_pixel_norm = {.forward = sample_forward, .backward = sample_backward};
const lk_op_impl lk_ref_l2_norm = {.forward = sample_forward, .backward = sample_backward};
