/* Weight gradient of a dense layer at small batch: an outer product whose cost
 * is reading and writing the f32 gradient once, added to straight in its own
 * layout. oneDNN's, at 16 samples, is ten times slower: it writes a blocked
 * gradient first and has to be reordered. */
#include "tensor/simd/kernels.h"

#define UNITS 4 /* gradients rows that share one load of the input */

INLINE void tile(lk_dtype type, const void *x, const void *g, float *dweight, int64_t n, int64_t features,
                 int64_t units, int64_t u, int rows, int64_t f, int width)
{
    vf acc[UNITS];
    for (int k = 0; k < rows; k++) acc[k] = load_tail(LK_F32, dweight, (u + k) * features + f, width);
    for (int64_t i = 0; i < n; i++) {
        const vf v =
            width == LANES ? load(type, x, i * features + f) : load_tail(type, x, i * features + f, width);
        for (int k = 0; k < rows; k++) acc[k] += v * vset(load_one(type, g, i * units + u + k));
    }
    for (int k = 0; k < rows; k++) {
        if (width == LANES) store(LK_F32, dweight, (u + k) * features + f, acc[k]);
        else store_tail(LK_F32, dweight, (u + k) * features + f, width, acc[k]);
    }
}

INLINE void rows_body(lk_dtype type, const void *x, const void *g, float *dweight, int64_t n,
                      int64_t features, int64_t units, int64_t u, int rows)
{
    int64_t f = 0;
    for (; f + LANES <= features; f += LANES)
        tile(type, x, g, dweight, n, features, units, u, rows, f, LANES);
    if (f < features) tile(type, x, g, dweight, n, features, units, u, rows, f, (int)(features - f));
}

INLINE void group(lk_dtype type, const void *x, const void *g, float *dweight, int64_t n, int64_t features,
                  int64_t units, int64_t u)
{
    if (u + UNITS <= units) rows_body(type, x, g, dweight, n, features, units, u, UNITS);
    else
        for (; u < units; u++) rows_body(type, x, g, dweight, n, features, units, u, 1);
}

void KERNEL(dense_weight_grad)(lk_dtype type, const void *x, const void *g, float *dweight, int64_t n,
                               int64_t features, int64_t units)
{
#pragma omp parallel for schedule(static) if (features * units > SERIAL_BELOW)
    for (int64_t u = 0; u < units; u += UNITS) BY_TYPE(type, group, x, g, dweight, n, features, units, u);
}
