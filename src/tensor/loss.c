/* Losses that look at one element at a time. Each returns weight times the loss
 * and adds that product's gradient, so that values of several losses can be
 * summed and a finite difference of the sum is the gradient.
 *
 * Samples are dealt to a fixed number of slices, each summed in order and in
 * double, so that a value does not depend on the number of threads. */
#include "tensor/tensor.h"

#include <assert.h>
#include <math.h>

#include "tensor/simd/simd.h"

#define SLICES LK_SIMD_SLICES

static double sum_slices(const double slice[SLICES])
{
    double sum = 0;
    for (int i = 0; i < SLICES; i++) sum += slice[i];
    return sum;
}

static const float *floats(const lk_tensor *t)
{
    assert(!t || t->type == LK_F32);
    return t ? t->data : NULL;
}

typedef enum distance { SQUARED, ABSOLUTE } distance;

/* Masked distance of one sample of `area` positions: the mean and, when grad is wanted, its gradient times
 * scale. */
static double sample_distance(distance kind, const float *x, const float *y, const float *mask, float *grad,
                              int64_t area, int c, double scale)
{
    double covered = mask ? 0 : (double)area;
    for (int64_t p = 0; mask && p < area; p++) covered += mask[p];
    if (!(covered > 0)) return 0;
    const double share = 1 / (covered * c);
    const float pull = (float)(scale * share * (kind == SQUARED ? 2 : 1));
    double sum = 0;
    for (int64_t p = 0; p < area; p++) {
        const float m = mask ? mask[p] : 1;
        if (m == 0) continue;
        for (int64_t i = p * c; i < (p + 1) * c; i++) {
            const float d = x[i] - y[i];
            sum += m * (kind == SQUARED ? d * d : fabsf(d));
            if (grad) grad[i] += pull * m * (kind == SQUARED ? d : (float)((d > 0) - (d < 0)));
        }
    }
    return sum * share;
}

static double mean_distance(distance kind, const lk_tensor *x, const lk_tensor *y, const lk_tensor *mask,
                            float weight, lk_tensor *grad)
{
    const lk_shape s = x->shape;
    const int64_t area = (int64_t)s.h * s.w, sample = area * s.c;
    const float *xs = floats(x), *ys = floats(y), *ms = floats(mask);
    float *gs = grad ? grad->data : NULL;
    double slice[SLICES];
    const double scale = (double)weight / s.n;
#pragma omp parallel for schedule(static) if (s.n * sample > 16384)
    for (int k = 0; k < SLICES; k++) {
        slice[k] = 0;
        for (int64_t n = (int64_t)s.n * k / SLICES; n < (int64_t)s.n * (k + 1) / SLICES; n++)
            slice[k] += sample_distance(kind, xs + n * sample, ys + n * sample, ms ? ms + n * area : NULL,
                                        gs ? gs + n * sample : NULL, area, s.c, scale);
    }
    return scale * sum_slices(slice);
}

double lk_loss_mse(const lk_tensor *x, const lk_tensor *y, const lk_tensor *mask, float weight,
                   lk_tensor *grad)
{
    return mean_distance(SQUARED, x, y, mask, weight, grad);
}

double lk_loss_l1(const lk_tensor *x, const lk_tensor *y, const lk_tensor *mask, float weight,
                  lk_tensor *grad)
{
    return mean_distance(ABSOLUTE, x, y, mask, weight, grad);
}

double lk_loss_bce(const lk_tensor *logits, const lk_tensor *target, float label, const lk_tensor *weights,
                   float weight, lk_tensor *grad)
{
    const int64_t count = lk_shape_count(logits->shape);
    const float *x = floats(logits), *t = floats(target), *w = floats(weights);
    float *g = grad ? grad->data : NULL;
    const double scale = (double)weight / (double)count;
    return scale * lk_simd()->bce(x, t, label, w, g, (float)scale, count);
}

double lk_loss_softmax(const lk_tensor *logits, const int *labels, float weight, lk_tensor *grad)
{
    const int64_t classes = lk_shape_count(logits->shape) / logits->shape.n;
    const float *x = floats(logits);
    int64_t counted = 0;
    for (int n = 0; n < logits->shape.n; n++) counted += labels[n] >= 0;
    if (!counted) return 0;
    const double scale = (double)weight / (double)counted;
    double loss = 0;
    for (int64_t n = 0; n < logits->shape.n; n++) {
        if (labels[n] < 0) continue;
        assert(labels[n] < classes);
        const float *row = x + n * classes;
        float *g = grad ? (float *)grad->data + n * classes : NULL;
        double top = row[0], sum = 0;
        for (int64_t c = 1; c < classes; c++) top = fmax(top, row[c]);
        for (int64_t c = 0; c < classes; c++) sum += exp(row[c] - top);
        loss += log(sum) + top - row[labels[n]];
        for (int64_t c = 0; g && c < classes; c++)
            g[c] += (float)(scale * (exp(row[c] - top) / sum - (c == labels[n])));
    }
    return scale * loss;
}

double lk_loss_wing(const lk_tensor *x, const lk_tensor *y, const lk_tensor *weights, float w, float epsilon,
                    float weight, lk_tensor *grad)
{
    const int64_t count = lk_shape_count(x->shape);
    const float *xs = floats(x), *ys = floats(y), *by = floats(weights);
    const double scale = (double)weight / (double)count, joint = w - w * log1p(w / epsilon);
    double loss = 0;
    for (int64_t i = 0; i < count; i++) {
        const double d = (double)xs[i] - ys[i], size = fabs(d), factor = by ? by[i] : 1;
        loss += factor * (size < w ? w * log1p(size / epsilon) : size - joint);
        const double slope = size < w ? w / (epsilon + size) : 1;
        if (grad) ((float *)grad->data)[i] += (float)(scale * factor * slope * ((d > 0) - (d < 0)));
    }
    return scale * loss;
}
