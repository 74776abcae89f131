/* resize.c: separable resizing and Gaussian blur.
 *
 * Resizing runs the columns first and the rows second, each output being a
 * weighted sum of neighbouring inputs. Shrinking widens the kernel by the scale,
 * which is what keeps fine detail from turning into false patterns.
 */
#include "media/impl.h"

#include <assert.h>
#include <math.h>
#include <string.h>

typedef struct kernel {
    lk_filter filter;
    double scale, width, support;
    int in;
} kernel;

/* scale: input pixels per output pixel. */
static kernel kernel_make(lk_filter filter, int in, int out)
{
    kernel k = {filter, (double)in / out, 1, 1, in};
    bool shrink = k.scale > 1;
    k.width = shrink ? k.scale : 1;
    if (filter == LK_FILTER_AREA && !shrink) k.filter = LK_FILTER_BILINEAR;
    k.support = k.filter == LK_FILTER_CUBIC  ? 2 * k.width
                : k.filter == LK_FILTER_AREA ? k.scale / 2
                                             : k.width;
    return k;
}

/* Weight of input i for an output centred on input place at. */
static double kernel_weight(const kernel *k, double at, int i)
{
    double d = fabs(i - at);
    switch (k->filter) {
    case LK_FILTER_AREA: { /* the part of pixel i that the output pixel covers */
        double lo = fmax(i - 0.5, at - k->scale / 2), hi = fmin(i + 0.5, at + k->scale / 2);
        return hi > lo ? hi - lo : 0;
    }
    case LK_FILTER_CUBIC:
        d /= k->width;
        return d < 1 ? 1 + d * d * (1.5 * d - 2.5) : d < 2 ? 2 + d * (-4 + d * (2.5 - 0.5 * d)) : 0;
    default: d /= k->width; return d < 1 ? 1 - d : 0;
    }
}

/* First input and number of inputs of output o; inputs outside the picture count as its edge pixel. */
static int kernel_span(const kernel *k, int o, double *at, int *first)
{
    *at = (o + 0.5) * k->scale - 0.5;
    *first = (int)floor(*at - k->support);
    return (int)ceil(*at + k->support) - *first + 1;
}

typedef struct taps {
    int count;
    int *first;
    float *weight;
} taps;

static void taps_clear(taps *t)
{
    lk_free(t->first);
    lk_free(t->weight);
    *t = (taps){0};
}

/* Tables for one axis. Weights that fall outside are added to the edge pixel's, so that reading needs no
 * test. */
static bool taps_make(const kernel *k, int out, taps *t)
{
    *t = (taps){0};
    int span = (int)ceil(2 * k->support) + 3;
    if (span > k->in) span = k->in;
    t->count = span;
    t->first = lk_alloc((size_t)out * sizeof(int));
    t->weight = lk_calloc((size_t)out * (size_t)span, sizeof(float));
    if (!t->first || !t->weight) {
        taps_clear(t);
        return false;
    }
    for (int o = 0; o < out; o++) {
        double at, sum = 0;
        int first, n = kernel_span(k, o, &at, &first);
        int base = LK_CLAMP(first, 0, k->in - span);
        float *w = t->weight + (size_t)o * span;
        for (int i = 0; i < n; i++) sum += kernel_weight(k, at, first + i);
        for (int i = 0; i < n; i++) {
            int in = LK_CLAMP(first + i, 0, k->in - 1);
            double v = kernel_weight(k, at, first + i) / sum;
            if (v != 0) w[LK_CLAMP(in - base, 0, span - 1)] += (float)v;
        }
        t->first[o] = base;
    }
    return true;
}

MEDIA_CLONES static void across_row(const float *in, float *out, const taps *t, int n, int c)
{
    for (int o = 0; o < n; o++) {
        const float *w = t->weight + (size_t)o * t->count, *p = in + (size_t)t->first[o] * c;
        if (c == 3) {
            float r = 0, g = 0, b = 0;
            for (int i = 0; i < t->count; i++) {
                r += w[i] * p[3 * i];
                g += w[i] * p[3 * i + 1];
                b += w[i] * p[3 * i + 2];
            }
            out[3 * o] = r;
            out[3 * o + 1] = g;
            out[3 * o + 2] = b;
        } else {
            float v = 0;
            for (int i = 0; i < t->count; i++) v += w[i] * p[i];
            out[o] = v;
        }
    }
}

/* out += w * in, the step that both the vertical pass and the blur are made of. */
MEDIA_CLONES static void add_scaled(float *restrict out, const float *restrict in, float w, int n)
{
    for (int i = 0; i < n; i++) out[i] += w * in[i];
}

static void down_row(const float *in, size_t stride, float *out, const taps *t, int o)
{
    const float *w = t->weight + (size_t)o * t->count, *p = in + (size_t)t->first[o] * stride;
    memset(out, 0, stride * sizeof(float));
    for (int i = 0; i < t->count; i++)
        if (w[i] != 0) add_scaled(out, p + (size_t)i * stride, w[i], (int)stride);
}

/* The same sums without tables: slow, but resizing must not fail when memory is short. */
static void resize_direct(const lk_image *s, lk_image *d, const kernel *kx, const kernel *ky)
{
    for (int y = 0; y < d->h; y++) {
        for (int x = 0; x < d->w; x++) {
            double ax, ay, sum = 0, v[3] = {0, 0, 0};
            int fx, fy, nx = kernel_span(kx, x, &ax, &fx), ny = kernel_span(ky, y, &ay, &fy);
            for (int j = fy; j < fy + ny; j++) {
                double wy = kernel_weight(ky, ay, j);
                for (int i = fx; wy != 0 && i < fx + nx; i++) {
                    double w = wy * kernel_weight(kx, ax, i);
                    const float *p =
                        s->data + ((size_t)LK_CLAMP(j, 0, s->h - 1) * s->w + LK_CLAMP(i, 0, s->w - 1)) * s->c;
                    for (int k = 0; k < s->c; k++) v[k] += w * p[k];
                    sum += w;
                }
            }
            for (int k = 0; k < s->c; k++) d->data[((size_t)y * d->w + x) * d->c + k] = (float)(v[k] / sum);
        }
    }
}

void lk_image_resize(const lk_image *src, lk_image *dst, lk_filter filter)
{
    assert(src->c == dst->c);
    int c = src->c;
    if (src->w == dst->w && src->h == dst->h) {
        memcpy(dst->data, src->data, (size_t)src->w * (size_t)src->h * (size_t)c * sizeof(float));
        return;
    }
    kernel kx = kernel_make(filter, src->w, dst->w), ky = kernel_make(filter, src->h, dst->h);
    taps tx = {0}, ty = {0};
    size_t stride = (size_t)dst->w * (size_t)c;
    float *mid = lk_alloc(stride * (size_t)src->h * sizeof(float));
    if (mid && taps_make(&kx, dst->w, &tx) && taps_make(&ky, dst->h, &ty)) {
#pragma omp parallel for schedule(static) if ((int64_t)dst->w * src->h > MEDIA_PARALLEL)
        for (int y = 0; y < src->h; y++)
            across_row(src->data + (size_t)y * src->w * c, mid + (size_t)y * stride, &tx, dst->w, c);
#pragma omp parallel for schedule(static) if ((int64_t)dst->w * dst->h > MEDIA_PARALLEL)
        for (int y = 0; y < dst->h; y++) down_row(mid, stride, dst->data + (size_t)y * stride, &ty, y);
    } else {
        resize_direct(src, dst, &kx, &ky);
    }
    taps_clear(&tx);
    taps_clear(&ty);
    lk_free(mid);
}

MEDIA_CLONES static void blur_row(const float *padded, float *out, const float *w, int radius, int n, int c)
{
    for (int i = 0; i < n * c; i++) out[i] = w[0] * padded[i + radius * c];
    for (int k = 1; k <= radius; k++) {
        const float *l = padded + (radius - k) * c, *r = padded + (radius + k) * c;
        for (int i = 0; i < n * c; i++) out[i] += w[k] * (l[i] + r[i]);
    }
}

lk_status lk_image_blur(lk_image *im, float sigma, lk_error *err)
{
    if (!(sigma > 0.05f)) return LK_OK; /* narrower than a pixel can show */
    if (sigma > 2000)
        return LK_FAIL(err, LK_E_RANGE, "a blur of %g pixels is wider than any picture", (double)sigma);
    int radius = (int)ceilf(3.5f * sigma), c = im->c;
    size_t row = (size_t)im->w * (size_t)c, padded = ((size_t)im->w + 2 * (size_t)radius) * (size_t)c;
    lk_status s = LK_E_NOMEM;
    float *w = lk_alloc(((size_t)radius + 1) * sizeof(float));
    float *mid = lk_alloc(row * (size_t)im->h * sizeof(float));
    bool short_of_memory = !w || !mid;
    if (!short_of_memory) {
        double sum = 0;
        for (int k = 0; k <= radius; k++) sum += (k ? 2 : 1) * exp(-0.5 * k * k / ((double)sigma * sigma));
        for (int k = 0; k <= radius; k++) w[k] = (float)(exp(-0.5 * k * k / ((double)sigma * sigma)) / sum);
#pragma omp parallel reduction(|| : short_of_memory) if ((int64_t)im->w * im->h > MEDIA_PARALLEL)
        {
            float *line = lk_alloc(padded * sizeof(float));
            short_of_memory = !line;
#pragma omp for schedule(static)
            for (int y = 0; y < im->h; y++) {
                if (!line) continue;
                const float *in = im->data + (size_t)y * row;
                memcpy(line + (size_t)radius * c, in, row * sizeof(float));
                for (int i = 0; i < radius; i++)
                    for (int k = 0; k < c; k++) {
                        line[i * c + k] = in[k];
                        line[((size_t)im->w + radius + i) * c + k] = in[row - (size_t)c + k];
                    }
                blur_row(line, mid + (size_t)y * row, w, radius, im->w, c);
            }
            lk_free(line);
        }
    }
    if (!short_of_memory) {
#pragma omp parallel for schedule(static) if ((int64_t)im->w * im->h > MEDIA_PARALLEL)
        for (int y = 0; y < im->h; y++) {
            float *out = im->data + (size_t)y * row;
            memset(out, 0, row * sizeof(float));
            for (int k = -radius; k <= radius; k++)
                add_scaled(out, mid + (size_t)LK_CLAMP(y + k, 0, im->h - 1) * row, w[k < 0 ? -k : k],
                           (int)row);
        }
        s = LK_OK;
    }
    lk_free(w);
    lk_free(mid);
    return s == LK_OK ? LK_OK
                      : LK_FAIL(err, LK_E_NOMEM, "no memory to blur a picture of %d x %d", im->w, im->h);
}
