/* Kernels that move values between positions: pixel shuffle, concatenation,
 * bilinear enlargement, pooling. Threads share out the rows of the picture that
 * is written (of the input, for a shuffle), so nobody writes another's row. */
#include "tensor/simd/kernels.h"

/* --- pixel shuffle ----------------------------------------------------------
 * In memory an input pixel is (c, dy, dx) with dx fastest and an output pixel is
 * c: a transpose of small blocks. Factor 2, which every upscaling layer here
 * uses, is spelled out so that the compiler turns it into permutes. */

#define SHUFFLE2(T)                                                                                          \
    INLINE void unshuffle2_##T(const T *const *wide, T *narrow, int64_t c)                                   \
    {                                                                                                        \
        const T *a = wide[0], *b = wide[1], *d = wide[2], *e = wide[3];                                      \
        for (int64_t i = 0; i < c; i++) {                                                                    \
            narrow[4 * i] = a[i];                                                                            \
            narrow[4 * i + 1] = b[i];                                                                        \
            narrow[4 * i + 2] = d[i];                                                                        \
            narrow[4 * i + 3] = e[i];                                                                        \
        }                                                                                                    \
    }                                                                                                        \
    INLINE void shuffle2_##T(const T *restrict narrow, T *restrict a, T *restrict b, T *restrict d,          \
                             T *restrict e, int64_t c)                                                       \
    {                                                                                                        \
        for (int64_t i = 0; i < c; i++) {                                                                    \
            a[i] = narrow[4 * i];                                                                            \
            b[i] = narrow[4 * i + 1];                                                                        \
            d[i] = narrow[4 * i + 2];                                                                        \
            e[i] = narrow[4 * i + 3];                                                                        \
        }                                                                                                    \
    }                                                                                                        \
    /* One input row of w pixels; out is the first of its r output rows. */                                  \
    INLINE void shuffle_row_##T(T *in, T *out, int64_t w, int64_t c, int r, bool back)                       \
    {                                                                                                        \
        const int64_t line = w * r * c;                                                                      \
        for (int64_t x = 0; x < w; x++) {                                                                    \
            T *narrow = in + x * c * r * r, *wide = out + x * r * c;                                         \
            if (r == 2 && !back) shuffle2_##T(narrow, wide, wide + c, wide + line, wide + line + c, c);      \
            else if (r == 2)                                                                                 \
                unshuffle2_##T((const T *const[]){wide, wide + c, wide + line, wide + line + c}, narrow, c); \
            else                                                                                             \
                for (int k = 0; k < r * r; k++) {                                                            \
                    T *o = wide + k / r * line + k % r * c;                                                  \
                    for (int64_t i = 0; i < c; i++) {                                                        \
                        if (back) narrow[i * r * r + k] = o[i];                                              \
                        else o[i] = narrow[i * r * r + k];                                                   \
                    }                                                                                        \
                }                                                                                            \
        }                                                                                                    \
    }

SHUFFLE2(uint16_t)
SHUFFLE2(uint32_t)

void KERNEL(shuffle)(lk_dtype type, void *narrow, void *wide, int64_t rows, int64_t w, int64_t c, int r,
                     bool back)
{
    const int64_t line = w * r * r * c; /* elements of an input row, and of its r output rows */
#pragma omp parallel for schedule(static) if (rows * line > SERIAL_BELOW)
    for (int64_t y = 0; y < rows; y++) {
        if (type == LK_F32)
            shuffle_row_uint32_t((uint32_t *)narrow + y * line, (uint32_t *)wide + y * line, w, c, r, back);
        else shuffle_row_uint16_t((uint16_t *)narrow + y * line, (uint16_t *)wide + y * line, w, c, r, back);
    }
}

void KERNEL(copy_columns)(const void *src, int64_t src_step, void *dst, int64_t dst_step, int64_t bytes,
                          int64_t rows)
{
#pragma omp parallel for schedule(static) if (rows * bytes > 2 * SERIAL_BELOW)
    for (int64_t i = 0; i < rows; i++)
        memcpy((char *)dst + i * dst_step, (const char *)src + i * src_step, (size_t)bytes);
}

/* --- bilinear enlargement --------------------------------------------------- */

typedef struct tap {
    int64_t first, second;
    float weight;
} tap; /* weight of the second */

INLINE tap tap_at(int64_t o, int r, int64_t size)
{
    const float centre = ((float)o + 0.5f) / (float)r - 0.5f;
    const int64_t lower = (int64_t)__builtin_floorf(centre);
    return (tap){LK_CLAMP(lower, 0, size - 1), LK_CLAMP(lower + 1, 0, size - 1), centre - (float)lower};
}

INLINE void resize_row(lk_dtype type, const void *x, void *y, int64_t row, lk_shape s, int r)
{
    const int64_t n = row / ((int64_t)s.h * r), oy = row % ((int64_t)s.h * r), width = (int64_t)s.w * r,
                  c = s.c;
    const tap ty = tap_at(oy, r, s.h);
    const int64_t top = (n * s.h + ty.first) * s.w, low = (n * s.h + ty.second) * s.w;
    const vf wy = vset(ty.weight);
    for (int64_t ox = 0; ox < width; ox++) {
        const tap tx = tap_at(ox, r, s.w);
        const vf wx = vset(tx.weight);
        for (int64_t i = 0; i < c; i += LANES) {
            const int k = (int)LK_MIN(c - i, LANES);
            const vf a = load_upto(type, x, (top + tx.first) * c + i, k),
                     b = load_upto(type, x, (top + tx.second) * c + i, k);
            const vf d = load_upto(type, x, (low + tx.first) * c + i, k),
                     e = load_upto(type, x, (low + tx.second) * c + i, k);
            const vf t = a + wx * (b - a), l = d + wx * (e - d);
            store_upto(type, y, (row * width + ox) * c + i, k, t + wy * (l - t));
        }
    }
}

void KERNEL(resize)(lk_dtype type, const void *x, void *y, lk_shape s, int r)
{
    const int64_t rows = (int64_t)s.n * s.h * r;
#pragma omp parallel for schedule(static) if (rows * s.w * r * s.c > SERIAL_BELOW)
    for (int64_t row = 0; row < rows; row++) BY_TYPE(type, resize_row, x, y, row, s, r);
}

#define MAX_FACTOR 64 /* as shape.c allows */

/* Outputs that read source i along one axis: where they start, and their weights. */
INLINE int readers(int64_t i, int r, int64_t size, int64_t *start, float *weight)
{
    const int64_t from = LK_MAX(0, (i - 1) * r), to = LK_MIN(size * r, (i + 2) * r);
    int n = 0;
    *start = from;
    for (int64_t o = from; o < to; o++) {
        const tap t = tap_at(o, r, size);
        const float v = (t.first == i ? 1 - t.weight : 0) + (t.second == i ? t.weight : 0);
        if (v == 0 && n == 0) *start = o + 1;
        else weight[n++] = v;
    }
    return n;
}

INLINE void resize_grad_row(lk_dtype type, const void *dy, void *dx, int64_t row, lk_shape s, int r)
{
    float wy[3 * MAX_FACTOR], wx[3 * MAX_FACTOR];
    int64_t y0, x0;
    const int64_t n = row / s.h, width = (int64_t)s.w * r, c = s.c;
    const int rows = readers(row % s.h, r, s.h, &y0, wy);
    for (int64_t x = 0; x < s.w; x++) {
        const int columns = readers(x, r, s.w, &x0, wx);
        for (int64_t i = 0; i < c; i += LANES) {
            const int k = (int)LK_MIN(c - i, LANES);
            vf sum = vset(0);
            for (int a = 0; a < rows; a++)
                for (int b = 0; b < columns; b++)
                    sum += vset(wy[a] * wx[b]) *
                           load_upto(type, dy, (((n * s.h * r) + y0 + a) * width + x0 + b) * c + i, k);
            store_upto(type, dx, (row * s.w + x) * c + i, k, sum);
        }
    }
}

void KERNEL(resize_grad)(lk_dtype type, const void *dy, void *dx, lk_shape s, int r)
{
    const int64_t rows = (int64_t)s.n * s.h;
#pragma omp parallel for schedule(static) if (rows * s.w * r * s.c > SERIAL_BELOW)
    for (int64_t row = 0; row < rows; row++) BY_TYPE(type, resize_grad_row, dy, dx, row, s, r);
}

/* --- pooling ------------------------------------------------------------------ */

INLINE void pool_row(lk_dtype type, bool largest, const void *x, void *y, int64_t row, lk_shape s, int k)
{
    const int64_t oh = s.h / k, ow = s.w / k, c = s.c, n = row / oh, oy = row % oh;
    for (int64_t ox = 0; ox < ow; ox++)
        for (int64_t i = 0; i < c; i += LANES) {
            const int m = (int)LK_MIN(c - i, LANES);
            const int64_t corner = ((n * s.h + oy * k) * s.w + ox * k) * c + i;
            vf v = load_upto(type, x, corner, m);
            for (int p = 1; p < k * k; p++) {
                const vf u = load_upto(type, x, corner + ((int64_t)(p / k) * s.w + p % k) * c, m);
                v = largest ? vselect(u > v, u, v) : v + u;
            }
            if (!largest) v = v * vset(1.0f / (float)(k * k));
            store_upto(type, y, (row * ow + ox) * c + i, m, v);
        }
}

void KERNEL(pool)(lk_dtype type, bool largest, const void *x, void *y, lk_shape s, int k)
{
    const int64_t rows = (int64_t)s.n * (s.h / k);
#pragma omp parallel for schedule(static) if (rows * s.w * s.c * k > SERIAL_BELOW)
    for (int64_t row = 0; row < rows; row++) {
        if (largest) BY_TYPE(type, pool_row, true, x, y, row, s, k);
        else BY_TYPE(type, pool_row, false, x, y, row, s, k);
    }
}

INLINE void pool_grad_row(lk_dtype type, bool largest, const void *x, const void *dy, void *dx, int64_t row,
                          lk_shape s, int k)
{
    const int64_t oh = s.h / k, ow = s.w / k, c = s.c, n = row / oh, oy = row % oh;
    for (int64_t ox = 0; ox < ow; ox++)
        for (int64_t i = 0; i < c; i += LANES) {
            const int m = (int)LK_MIN(c - i, LANES);
            const int64_t corner = ((n * s.h + oy * k) * s.w + ox * k) * c + i;
            vf g = load_upto(type, dy, (row * ow + ox) * c + i, m), best = vset(0);
            vi where = {0}; /* position of the first largest input */
            if (largest) best = load_upto(type, x, corner, m);
            else g = g * vset(1.0f / (float)(k * k));
            for (int p = 1; largest && p < k * k; p++) {
                const vf u = load_upto(type, x, corner + ((int64_t)(p / k) * s.w + p % k) * c, m);
                const vi better = u > best, here = where * 0 + p;
                best = vselect(better, u, best);
                where = (here & better) | (where & ~better);
            }
            for (int p = 0; p < k * k; p++)
                store_upto(type, dx, corner + ((int64_t)(p / k) * s.w + p % k) * c, m,
                           largest ? vselect(where == where * 0 + p, g, vset(0)) : g);
        }
}

void KERNEL(pool_grad)(lk_dtype type, bool largest, const void *x, const void *dy, void *dx, lk_shape s,
                       int k)
{
    const int64_t rows = (int64_t)s.n * (s.h / k);
    if (s.h % k || s.w % k) KERNEL(fill)(type, dx, 0, lk_shape_count(s)); /* the ragged edge was not pooled */
#pragma omp parallel for schedule(static) if (rows * s.w * s.c * k > SERIAL_BELOW)
    for (int64_t row = 0; row < rows; row++) {
        if (largest) BY_TYPE(type, pool_grad_row, true, x, dy, dx, row, s, k);
        else BY_TYPE(type, pool_grad_row, false, x, dy, dx, row, s, k);
    }
}
