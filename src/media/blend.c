/* blend.c: writing RGB into a frame's own samples.
 *
 * A sample whose alpha is 0 is never touched, so that the rest of the picture
 * stays as it was coded. A chroma sample of a subsampled format stands for
 * several pixels: it takes their colours weighted by their alphas,
 *   c' = (1 - sum w a) c + sum w a c_rgb,
 * with w the triangle (co-sited) or box (centred) that matches how colour.c
 * interpolates it back. Rounding is dithered with noise that depends only on
 * frame index, plane and place, which hides banding in smooth skin.
 */
#include "media/impl.h"

#include <string.h>

#define TILE 512 /* luma pixels a turn */

typedef struct job {
    const lk_frame *f;
    const colour_map *m;
    const lk_image *rgb, *alpha;
    int x, y;     /* of the rectangle */
    uint32_t key; /* of the noise */
} job;

/* A hash of the place with good low bits (two rounds of xor-shift-multiply), as a number in (0,1): strictly
 * inside, so that a value that is already whole is not moved by rounding errors of the colour map. */
MEDIA_INLINE float noise(uint32_t key, uint32_t x)
{
    uint32_t h = key + x * 0x9e3779b9u;
    h ^= h >> 16;
    h *= 0x7feb352du;
    h ^= h >> 15;
    h *= 0x846ca68bu;
    h ^= h >> 16;
    return 0.002f + 0.996f * (float)(h >> 8) * (1.0f / 16777216.0f);
}

MEDIA_INLINE uint32_t row_key(const job *b, int plane, int y)
{
    return b->key + (uint32_t)plane * 0x632be59bu + (uint32_t)y * 0x85ebca6bu;
}

MEDIA_INLINE float unit_clip(float v) { return v > 0.0f ? (v < 1.0f ? v : 1.0f) : 0.0f; }

/* Store the n values v where a > 0. */
MEDIA_INLINE void store_row(uint8_t *row, bool deep, const float *v, const float *a, int n, float max,
                            uint32_t key, int x)
{
    if (deep) {
        uint16_t *p = (uint16_t *)(void *)row;
        for (int i = 0; i < n; i++) {
            float q = v[i] + noise(key, (uint32_t)(x + i));
            uint16_t code = (uint16_t)(int)(q > 0 ? (q < max ? q : max) : 0);
            p[i] = a[i] > 0 ? code : p[i];
        }
    } else {
        for (int i = 0; i < n; i++) {
            float q = v[i] + noise(key, (uint32_t)(x + i));
            uint8_t code = (uint8_t)(int)(q > 0 ? (q < max ? q : max) : 0);
            row[i] = a[i] > 0 ? code : row[i];
        }
    }
}

/* Alpha and one colour plane (as code values) of the rectangle's pixels x .. x+n-1 of row y, frame
 * coordinates. */
MEDIA_INLINE void load_alpha(const job *b, int x, int y, int n, float *a)
{
    if (!b->alpha) {
        for (int i = 0; i < n; i++) a[i] = 1.0f;
        return;
    }
    const float *p = b->alpha->data + (size_t)(y - b->y) * b->alpha->w + (x - b->x);
    for (int i = 0; i < n; i++) a[i] = unit_clip(p[i]);
}

/* The weights of R, G, B in plane 0 (Y or G), 1 (Cb or B), 2 (Cr or R), and the code value of nothing. */
typedef struct plane_map {
    float r, g, b, off;
} plane_map;

static plane_map plane_map_of(const colour_map *m, int plane)
{
    if (m->rgb) {
        float k = m->y_mul;
        return plane == 0   ? (plane_map){0, k, 0, m->y_off}
               : plane == 1 ? (plane_map){0, 0, k, m->y_off}
                            : (plane_map){k, 0, 0, m->y_off};
    }
    if (plane == 0) return (plane_map){m->kr * m->y_mul, m->kg * m->y_mul, m->kb * m->y_mul, m->y_off};
    float k = m->c_mul * 0.5f / (plane == 1 ? 1 - m->kb : 1 - m->kr);
    return plane == 1 ? (plane_map){-m->kr * k, -m->kg * k, (1 - m->kb) * k, m->c_off}
                      : (plane_map){(1 - m->kr) * k, -m->kg * k, -m->kb * k, m->c_off};
}

MEDIA_INLINE void load_colour(const job *b, const plane_map *pm, int x, int y, int n, float *v)
{
    const float *p = b->rgb->data + ((size_t)(y - b->y) * b->rgb->w + (x - b->x)) * b->rgb->c;
    if (b->rgb->c == 3)
        for (int i = 0; i < n; i++)
            v[i] = pm->off + pm->r * unit_clip(p[3 * i]) + pm->g * unit_clip(p[3 * i + 1]) +
                   pm->b * unit_clip(p[3 * i + 2]);
    else
        for (int i = 0; i < n; i++) v[i] = pm->off + (pm->r + pm->g + pm->b) * unit_clip(p[i]);
}

/* A plane at luma resolution. */
MEDIA_CLONES static void blend_full(const job *b, int plane, const plane_map *pm, int x, int y, int n)
{
    const AVFrame *av = b->f->av;
    bool deep = b->f->info.bit_depth > 8;
    float a[TILE], v[TILE], old[TILE];
    uint8_t *row = av->data[plane] + (ptrdiff_t)y * av->linesize[plane] + (deep ? 2 * x : x);
    load_alpha(b, x, y, n, a);
    load_colour(b, pm, x, y, n, v);
    if (deep) {
        const uint16_t *p = (const uint16_t *)(const void *)row;
        for (int i = 0; i < n; i++) old[i] = (float)p[i];
    } else {
        for (int i = 0; i < n; i++) old[i] = (float)row[i];
    }
    for (int i = 0; i < n; i++) v[i] = old[i] + a[i] * (v[i] - old[i]);
    store_row(row, deep, v, a, n, b->m->max, row_key(b, plane, y), x);
}

/* n chroma samples from cx on of chroma row cy in both planes; n <= TILE / 2. */
MEDIA_CLONES static void blend_chroma(const job *b, int cx, int cy, int n)
{
    const AVFrame *av = b->f->av;
    const colour_map *m = b->m;
    bool deep = b->f->info.bit_depth > 8;
    /* Luma columns lo .. lo+span-1 cover every sample's footprint; those outside the rectangle count as alpha
     * 0, those outside the frame as the frame's edge. */
    int lo = 2 * cx - 1, span = 2 * n + 1, x1 = b->x + b->rgb->w, y1 = b->y + b->rgb->h;
    int from = LK_MAX(lo, LK_MAX(b->x, 0)), to = LK_MIN(lo + span, LK_MIN(x1, av->width));
    float a[TILE + 8] = {0}, u[TILE + 8] = {0}, v[TILE + 8] = {0}, ra[TILE + 8], rc[TILE + 8];
    float ca[TILE / 2 + 4], cu[TILE / 2 + 4], cv[TILE / 2 + 4];
    if (from >= to) return;
    static const float one[3] = {0, 1, 0}, box[3] = {0, 0.5f, 0.5f}, triangle[3] = {0.25f, 0.5f, 0.25f};
    const float *wy = !m->shift_y ? one : m->cosited_y ? triangle : box;
    const float *wx = m->cosited_x ? triangle : box;
    plane_map pu = plane_map_of(m, 1), pv = plane_map_of(m, 2);
    for (int k = 0; k < 3; k++) {
        int y = LK_CLAMP((m->shift_y ? 2 * cy : cy) + k - 1, 0, av->height - 1);
        if (wy[k] == 0 || y < b->y || y >= y1) continue;
        int o = from - lo, len = to - from;
        load_alpha(b, from, y, len, ra);
        for (int i = 0; i < len; i++) ra[i] *= wy[k];
        for (int i = 0; i < len; i++) a[o + i] += ra[i];
        load_colour(b, &pu, from, y, len, rc);
        for (int i = 0; i < len; i++) u[o + i] += ra[i] * rc[i];
        load_colour(b, &pv, from, y, len, rc);
        for (int i = 0; i < len; i++) v[o + i] += ra[i] * rc[i];
    }
    if (from == 0 && lo < 0) {
        a[0] = a[1];
        u[0] = u[1];
        v[0] = v[1];
    }
    if (to == av->width && to - lo < span) {
        int e = to - lo;
        a[e] = a[e - 1];
        u[e] = u[e - 1];
        v[e] = v[e - 1];
    }
    for (int i = 0; i < n; i++) {
        ca[i] = wx[0] * a[2 * i] + wx[1] * a[2 * i + 1] + wx[2] * a[2 * i + 2];
        cu[i] = wx[0] * u[2 * i] + wx[1] * u[2 * i + 1] + wx[2] * u[2 * i + 2];
        cv[i] = wx[0] * v[2 * i] + wx[1] * v[2 * i + 1] + wx[2] * v[2 * i + 2];
    }
    for (int p = 1; p <= 2; p++) {
        uint8_t *row = av->data[p] + (ptrdiff_t)cy * av->linesize[p] + (deep ? 2 * cx : cx);
        float *c = p == 1 ? cu : cv;
        if (deep) {
            const uint16_t *q = (const uint16_t *)(const void *)row;
            for (int i = 0; i < n; i++) c[i] += (1.0f - ca[i]) * (float)q[i];
        } else {
            for (int i = 0; i < n; i++) c[i] += (1.0f - ca[i]) * (float)row[i];
        }
        store_row(row, deep, c, ca, n, m->max, row_key(b, p, cy), cx);
    }
}

lk_status lk_frame_blend_rgb(lk_frame *f, int x, int y, const lk_image *rgb, const lk_image *alpha,
                             lk_error *err)
{
    if (!f->writable)
        return LK_FAIL(err, LK_E_STATE, "a shared frame cannot be changed; make it writable first");
    if (rgb->c != 3 && rgb->c != 1)
        return LK_FAIL(err, LK_E_ARG, "a picture of %d channels cannot be blended", rgb->c);
    if (alpha && (alpha->w != rgb->w || alpha->h != rgb->h || alpha->c != 1))
        return LK_FAIL(err, LK_E_ARG, "the alpha of %d x %d x %d does not fit the picture of %d x %d",
                       alpha->w, alpha->h, alpha->c, rgb->w, rgb->h);
    if (x < -(1 << 20) || x > 1 << 20 || y < -(1 << 20) || y > 1 << 20)
        return LK_FAIL(err, LK_E_RANGE, "the place (%d, %d) is too far outside the frame", x, y);
    colour_map m = media_colour_map(f);
    uint64_t index = (uint64_t)f->info.index * 0x9e3779b97f4a7c15u;
    job b = {f, &m, rgb, alpha, x, y, (uint32_t)(index >> 32) ^ (uint32_t)index};
    int x0 = LK_MAX(x, 0), y0 = LK_MAX(y, 0);
    int x1 = LK_MIN(x + rgb->w, f->info.width), y1 = LK_MIN(y + rgb->h, f->info.height);
    if (x0 >= x1 || y0 >= y1) return LK_OK;
    int full = m.rgb || f->chroma == LK_CHROMA_444 ? 3 : 1;
    plane_map pm[3] = {plane_map_of(&m, 0), plane_map_of(&m, 1), plane_map_of(&m, 2)};
#pragma omp parallel for schedule(static) if ((int64_t)(x1 - x0) * (y1 - y0) > MEDIA_PARALLEL)
    for (int j = y0; j < y1; j++)
        for (int p = 0; p < full; p++)
            for (int i = x0; i < x1; i += TILE) blend_full(&b, p, &pm[p], i, j, LK_MIN(TILE, x1 - i));
    if (!m.shift_x) return LK_OK;
    /* One sample more on each side where the footprint reaches over the edge of the rectangle. */
    int cw = (f->info.width + 1) >> 1, ch = m.shift_y ? (f->info.height + 1) >> 1 : f->info.height;
    int cx0 = x0 >> 1, cx1 = LK_MIN((x1 + 2) >> 1, cw);
    int cy0 = m.shift_y ? y0 >> 1 : y0, cy1 = m.shift_y ? LK_MIN((y1 + 2) >> 1, ch) : y1;
#pragma omp parallel for schedule(static) if ((int64_t)(x1 - x0) * (y1 - y0) > MEDIA_PARALLEL)
    for (int j = cy0; j < cy1; j++)
        for (int i = cx0; i < cx1; i += TILE / 2) blend_chroma(&b, i, j, LK_MIN(TILE / 2, cx1 - i));
    return LK_OK;
}
