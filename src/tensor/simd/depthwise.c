/* Weight gradient of a depthwise convolution. oneDNN has a fast one for stride 1
 * only; with stride 2 it falls to its grouped path, 40 times slower than this.
 *
 * Sixteen channels at a time hold all kernel positions in registers along a row.
 * The rows of the batch are dealt to LK_SIMD_SLICES slices with sums of their own. */
#include "tensor/simd/kernels.h"

typedef struct frame {
    const void *x, *g;
    lk_shape in, out;
    int k, stride, pad;
} frame;

/* One output position, whichever of the kernel's positions fall inside the picture; sums in memory. */
INLINE void edge(lk_dtype type, const frame *f, float *sum, int64_t n, int64_t oy, int64_t ox, int64_t c,
                 int lanes)
{
    const vf g = load_upto(type, f->g, ((n * f->out.h + oy) * f->out.w + ox) * f->in.c + c, lanes);
    for (int t = 0; t < f->k * f->k; t++) {
        const int64_t iy = oy * f->stride + t / f->k - f->pad, ix = ox * f->stride + t % f->k - f->pad;
        if (iy < 0 || iy >= f->in.h || ix < 0 || ix >= f->in.w) continue;
        const vf x = load_upto(type, f->x, ((n * f->in.h + iy) * f->in.w + ix) * f->in.c + c, lanes);
        store_f32(sum + t * LANES, load_f32(sum + t * LANES) + g * x);
    }
}

/* Output positions from .. to of a row, where the whole kernel is inside; k and lanes are constants. */
INLINE void inner(lk_dtype type, const frame *f, float *sum, int64_t n, int64_t oy, int64_t from, int64_t to,
                  int64_t c, int k, int lanes)
{
    vf acc[25];
    for (int t = 0; t < k * k; t++) acc[t] = load_f32(sum + t * LANES);
    for (int64_t ox = from; ox < to; ox++) {
        const vf g = load_upto(type, f->g, ((n * f->out.h + oy) * f->out.w + ox) * f->in.c + c, lanes);
        const int64_t corner = (n * f->in.h + oy * f->stride - f->pad) * f->in.w + ox * f->stride - f->pad;
#pragma GCC unroll 25
        for (int t = 0; t < k * k; t++)
            acc[t] +=
                g * load_upto(type, f->x, (corner + (int64_t)(t / k) * f->in.w + t % k) * f->in.c + c, lanes);
    }
    for (int t = 0; t < k * k; t++) store_f32(sum + t * LANES, acc[t]);
}

/* Rows first .. end of the batch (sample and output row in one number) for the channels from c. */
INLINE void slice_body(lk_dtype type, const frame *f, float *sum, int64_t first, int64_t end, int64_t c)
{
    const int lanes = (int)LK_MIN(f->in.c - c, LANES);
    /* output columns whose whole kernel is inside */
    const int64_t from = LK_MIN((f->pad + f->stride - 1) / f->stride, f->out.w);
    const int64_t room = (int64_t)f->in.w - f->k + f->pad,
                  to = room < 0 ? from : LK_CLAMP(room / f->stride + 1, from, f->out.w);
    for (int64_t row = first; row < end; row++) {
        const int64_t n = row / f->out.h, oy = row % f->out.h, iy = oy * f->stride - f->pad;
        const bool whole = iy >= 0 && iy + f->k <= f->in.h && lanes == LANES && (f->k == 3 || f->k == 5);
        for (int64_t ox = 0; ox < (whole ? from : f->out.w); ox++) edge(type, f, sum, n, oy, ox, c, lanes);
        if (!whole) continue;
        if (f->k == 3) inner(type, f, sum, n, oy, from, to, c, 3, LANES);
        else inner(type, f, sum, n, oy, from, to, c, 5, LANES);
        for (int64_t ox = to; ox < f->out.w; ox++) edge(type, f, sum, n, oy, ox, c, lanes);
    }
}

void KERNEL(depthwise_weight_grad)(lk_dtype type, const void *x, const void *g, float *dweight,
                                   float *partial, lk_shape in, lk_shape out, int k, int stride, int pad)
{
    const frame f = {x, g, in, out, k, stride, pad};
    const int64_t blocks = (in.c + LANES - 1) / LANES, rows = (int64_t)out.n * out.h,
                  size = (int64_t)k * k * LANES;
#pragma omp parallel for collapse(2) schedule(static) if (rows * out.w * in.c > SERIAL_BELOW)
    for (int64_t s = 0; s < LK_SIMD_SLICES; s++)
        for (int64_t b = 0; b < blocks; b++) {
            float *sum = partial + (s * blocks + b) * size;
            memset(sum, 0, (size_t)size * sizeof *sum);
            BY_TYPE(type, slice_body, &f, sum, rows * s / LK_SIMD_SLICES, rows * (s + 1) / LK_SIMD_SLICES,
                    b * LANES);
        }
    for (int64_t c = 0; c < in.c; c++)
        for (int t = 0; t < k * k; t++) {
            float total = 0;
            for (int64_t s = 0; s < LK_SIMD_SLICES; s++)
                total += partial[(s * blocks + c / LANES) * size + t * LANES + c % LANES];
            dweight[c * k * k + t] += total;
        }
}
