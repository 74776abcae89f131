/* smooth.c: two-sided smoothing of one track.
 *
 * Each picture's points are split into the similarity that brings them to the mean
 * shape and the shape that is left. The similarity (middle, turn and scale as one
 * complex number) gets a local quadratic fit over a few pictures: a Savitzky-Golay
 * filter that also works at the ends, zero-phase, and true to nods and turns. The
 * shape gets a bilateral filter in time: a picture counts the less the further its
 * point lies from this picture's, measured in the point's own noise. A blink or a
 * closing mouth is many times the noise and passes; trembling is averaged.
 */
#include "face/smooth.h"

#include "face/shape.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RIGID_REACH 4      /* pictures each side */
#define RIGID_SIGMA 2.2f
#define SHAPE_REACH 4
#define STILL_SIGMA 2.0f   /* pictures, points that speech and blinks leave alone */
#define FREE_SIGMA 0.7f    /* eyelids and lips */
#define STILL_RANGE 3.5f   /* times the noise */
#define FREE_RANGE 2.5f
#define NOISE_MIN 1e-4f    /* outer-eye distances */

float lk_point_freedom(int i) { return i >= 36 ? 1.0f : i >= 3 && i <= 13 ? 0.6f : 0.0f; }

/* Value at x = 0 of the weighted quadratic through (x_i, y_i), x_i whole pictures from here. Few samples: a
 * line or a mean, as far as they determine one. */
static float local_fit(const float *y, int stride, int from, int to, int at, float sigma)
{
    double s[5] = {0}, b[3] = {0};
    for (int i = from; i <= to; i++) {
        double x = i - at, w = exp(-0.5 * x * x / (sigma * sigma)), p = w;
        for (int k = 0; k < 5; k++, p *= x) {
            s[k] += p;
            if (k < 3) b[k] += p * y[(ptrdiff_t)i * stride];
        }
    }
    if (to - from < 4) { /* a line */
        double det = s[0] * s[2] - s[1] * s[1];
        return (float)(det > 1e-9 * s[0] * s[0] ? (b[0] * s[2] - b[1] * s[1]) / det : b[0] / s[0]);
    }
    double c00 = s[2] * s[4] - s[3] * s[3], c01 = s[1] * s[4] - s[2] * s[3], c02 = s[1] * s[3] - s[2] * s[2];
    double det = s[0] * c00 - s[1] * c01 + s[2] * c02;
    return (float)((b[0] * c00 - b[1] * c01 + b[2] * c02) / det);
}

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return x < y ? -1 : x > y;
}

/* Standard deviation of the white noise in a series, from the median size of its second differences, which
 * smooth motion hardly touches. scratch: n floats. */
static float noise_of(const float *y, int stride, int n, float *scratch)
{
    if (n < 5) return 0;
    for (int i = 1; i + 1 < n; i++) {
        const float *p = y + (ptrdiff_t)i * stride;
        scratch[i - 1] = fabsf(p[-stride] - 2 * p[0] + p[stride]);
    }
    qsort(scratch, (size_t)(n - 2), sizeof *scratch, by_value);
    return scratch[(n - 2) / 2] * 1.4826f / 2.4495f;
}

/* One coordinate pair of one point through the whole track: in -> out, both x,y pairs at the given strides
 * (floats). */
static void filter_point(const float *in, float *out, int stride, int n, float sigma, float range)
{
    float span = 2 * range * range;
    for (int t = 0; t < n; t++) {
        const float *here = in + (ptrdiff_t)t * stride;
        int reach =
            LK_MIN(SHAPE_REACH, LK_MIN(t, n - 1 - t)); /* symmetric, so that a drift stays where it is */
        double sum = 1, x = here[0], y = here[1];
        for (int d = 1; d <= reach; d++) {
            /* Both sides get the weight of the further one: symmetric again. */
            const float *a = here - (ptrdiff_t)d * stride, *b = here + (ptrdiff_t)d * stride;
            float da = (a[0] - here[0]) * (a[0] - here[0]) + (a[1] - here[1]) * (a[1] - here[1]);
            float db = (b[0] - here[0]) * (b[0] - here[0]) + (b[1] - here[1]) * (b[1] - here[1]);
            float mid_x = 0.5f * (a[0] + b[0]) - here[0], mid_y = 0.5f * (a[1] + b[1]) - here[1];
            float bend = mid_x * mid_x + mid_y * mid_y; /* a steady drift bends nothing and may be averaged */
            float far = LK_MAX(4 * bend, 0.25f * LK_MAX(da, db));
            double w = exp(-0.5 * (double)(d * d) / (sigma * sigma) - far / span);
            x += w * (a[0] + b[0]);
            y += w * (a[1] + b[1]);
            sum += 2 * w;
        }
        out[(ptrdiff_t)t * stride] = (float)(x / sum);
        out[(ptrdiff_t)t * stride + 1] = (float)(y / sum);
    }
}

lk_status lk_smooth_track(lk_point (*lm)[LK_LANDMARKS], int n, lk_error *err)
{
    if (n < 3) return LK_OK;
    enum { W = 2 * LK_LANDMARKS };
    float *shape = lk_alloc((size_t)n * W * sizeof *shape), *calm = lk_alloc((size_t)n * W * sizeof *calm);
    float (*rigid)[4] = lk_alloc((size_t)n * sizeof *rigid), *scratch = lk_alloc((size_t)n * sizeof *scratch);
    lk_status s = LK_OK;
    if (!shape || !calm || !rigid || !scratch) {
        s = LK_FAIL(err, LK_E_NOMEM, "no memory to smooth a track of %d pictures", n);
        goto done;
    }
    lk_point mean[LK_LANDMARKS];
    for (int i = 0; i < LK_LANDMARKS; i++) mean[i] = (lk_point){lk_shape_2d[i][0], lk_shape_2d[i][1]};
    for (int t = 0; t < n; t++) {
        /* p = z q + c with q in mean-shape units: the inverse of the fit, a similarity as well. */
        lk_affine to_mean = lk_similarity_rigid(lm[t], mean), back = lk_affine_invert(to_mean);
        float r[4] = {back.c, back.f, back.a, back.d};
        memcpy(rigid[t], r, sizeof r);
        for (int i = 0; i < LK_LANDMARKS; i++) {
            lk_point q = lk_point_map(to_mean, lm[t][i]);
            shape[(size_t)t * W + 2 * i] = q.x;
            shape[(size_t)t * W + 2 * i + 1] = q.y;
        }
    }
    for (int i = 0; i < LK_LANDMARKS; i++) {
        float free = lk_point_freedom(i);
        float nx = noise_of(shape + 2 * i, W, n, scratch), ny = noise_of(shape + 2 * i + 1, W, n, scratch);
        float noise = fmaxf(sqrtf(nx * nx + ny * ny), NOISE_MIN);
        filter_point(shape + 2 * i, calm + 2 * i, W, n, STILL_SIGMA + free * (FREE_SIGMA - STILL_SIGMA),
                     noise * (STILL_RANGE + free * (FREE_RANGE - STILL_RANGE)));
    }
    for (int t = 0; t < n; t++) {
        int from = LK_MAX(0, t - RIGID_REACH), to = LK_MIN(n - 1, t + RIGID_REACH);
        float r[4];
        for (int k = 0; k < 4; k++) r[k] = local_fit(rigid[0] + k, 4, from, to, t, RIGID_SIGMA);
        lk_affine back = {r[2], -r[3], r[0], r[3], r[2], r[1]};
        for (int i = 0; i < LK_LANDMARKS; i++)
            lm[t][i] =
                lk_point_map(back, (lk_point){calm[(size_t)t * W + 2 * i], calm[(size_t)t * W + 2 * i + 1]});
    }
done:
    lk_free(shape);
    lk_free(calm);
    lk_free(rigid);
    lk_free(scratch);
    return s;
}
