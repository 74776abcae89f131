/* colour.c: reading a frame as RGB.
 *
 * Y'CbCr to R'G'B' follows ITU-T H.273: code = offset + value * scale for the
 * range and depth, then the linear map that the matrix's kr and kb define.
 * Subsampled chroma is interpolated linearly from where its samples sit.
 * Rows are worked in tiles small enough for the first-level cache.
 */
#include "media/impl.h"

#include <string.h>

#define TILE 512

colour_map media_colour_map(const lk_frame *f)
{
    static const struct {
        enum AVColorSpace matrix;
        float kr, kb;
    } known[] = {
        {AVCOL_SPC_BT709, 0.2126f, 0.0722f},     {AVCOL_SPC_FCC, 0.30f, 0.11f},
        {AVCOL_SPC_BT470BG, 0.299f, 0.114f},     {AVCOL_SPC_SMPTE170M, 0.299f, 0.114f},
        {AVCOL_SPC_SMPTE240M, 0.212f, 0.087f},   {AVCOL_SPC_BT2020_NCL, 0.2627f, 0.0593f},
        {AVCOL_SPC_BT2020_CL, 0.2627f, 0.0593f},
    };
    const AVFrame *av = f->av;
    colour_map m = {0};
    m.rgb = f->chroma == LK_CHROMA_RGB;
    m.grey = f->chroma == LK_CHROMA_GREY;
    /* Untagged pictures: standard definition was 601, high definition 709; players guess the same way. */
    bool hd = av->width >= 1280 || av->height > 576;
    m.kr = m.rgb || !hd ? 0.299f : 0.2126f;
    m.kb = m.rgb || !hd ? 0.114f : 0.0722f;
    for (size_t i = 0; i < LK_COUNT(known); i++) {
        if (known[i].matrix != av->colorspace) continue;
        m.kr = known[i].kr;
        m.kb = known[i].kb;
    }
    m.kg = 1.0f - m.kr - m.kb;
    float unit = (float)(1 << (f->info.bit_depth - 8));
    m.max = (float)((1 << f->info.bit_depth) - 1);
    m.c_off = 128.0f * unit;
    if (av->color_range == AVCOL_RANGE_JPEG) {
        m.y_off = 0;
        m.y_mul = m.c_mul = m.max;
    } else {
        m.y_off = 16.0f * unit;
        m.y_mul = 219.0f * unit;
        m.c_mul = 224.0f * unit;
    }
    m.shift_x = f->chroma == LK_CHROMA_420 || f->chroma == LK_CHROMA_422;
    m.shift_y = f->chroma == LK_CHROMA_420;
    enum AVChromaLocation loc = av->chroma_location;
    m.cosited_x = loc != AVCHROMA_LOC_CENTER && loc != AVCHROMA_LOC_TOP && loc != AVCHROMA_LOC_BOTTOM;
    m.cosited_y = loc == AVCHROMA_LOC_TOPLEFT || loc == AVCHROMA_LOC_TOP;
    return m;
}

/* Samples x .. x+n-1 of a row of w as float; places outside repeat the edge. */
MEDIA_INLINE void load_row(const uint8_t *row, bool deep, int w, int x, int n, float *out)
{
    int left = LK_CLAMP(-x, 0, n), right = LK_CLAMP(x + n - w, 0, n);
    if (deep) {
        const uint16_t *p = (const uint16_t *)(const void *)row;
        for (int i = 0; i < left; i++) out[i] = (float)p[0];
        for (int i = left; i < n - right; i++) out[i] = (float)p[x + i];
        for (int i = LK_MAX(left, n - right); i < n; i++) out[i] = (float)p[w - 1];
    } else {
        for (int i = 0; i < left; i++) out[i] = (float)row[0];
        for (int i = left; i < n - right; i++) out[i] = (float)row[x + i];
        for (int i = LK_MAX(left, n - right); i < n; i++) out[i] = (float)row[w - 1];
    }
}

/* Chroma plane p at luma places x .. x+n-1 of luma row y (already inside the frame); x may be outside. */
MEDIA_INLINE void load_chroma(const lk_frame *f, const colour_map *m, int p, int x, int y, int n, float *out)
{
    const AVFrame *av = f->av;
    bool deep = f->info.bit_depth > 8;
    ptrdiff_t stride = av->linesize[p];
    if (!m->shift_x) {
        load_row(av->data[p] + y * stride, deep, av->width, x, n, out);
        return;
    }
    int cw = (av->width + 1) >> 1, ch = m->shift_y ? (av->height + 1) >> 1 : av->height;
    int first = (x >> 1) - 1, count = ((x + n - 1) >> 1) + 1 - first + 1;
    float row[TILE / 2 + 8], other[TILE / 2 + 8], wide[TILE + 8];
    if (!m->shift_y) {
        load_row(av->data[p] + y * stride, deep, cw, first, count, row);
    } else {
        /* Nearest chroma row and its neighbour: 3/4 and 1/4 for samples between rows, 1 and 0 or halves
         * otherwise. */
        int j = y >> 1, k = m->cosited_y ? j + (y & 1) : (y & 1) ? j + 1 : j - 1;
        float wk = m->cosited_y ? ((y & 1) ? 0.5f : 0.0f) : 0.25f, wj = 1.0f - wk;
        load_row(av->data[p] + j * stride, deep, cw, first, count, row);
        load_row(av->data[p] + LK_CLAMP(k, 0, ch - 1) * stride, deep, cw, first, count, other);
        for (int i = 0; i < count; i++) row[i] = wj * row[i] + wk * other[i];
    }
    int odd = x & 1, pairs = (n + odd + 1) >> 1;
    const float *a = row + 1;
    if (m->cosited_x) {
        for (int i = 0; i < pairs; i++) {
            wide[2 * i] = a[i];
            wide[2 * i + 1] = 0.5f * (a[i] + a[i + 1]);
        }
    } else {
        for (int i = 0; i < pairs; i++) {
            wide[2 * i] = 0.25f * a[i - 1] + 0.75f * a[i];
            wide[2 * i + 1] = 0.75f * a[i] + 0.25f * a[i + 1];
        }
    }
    memcpy(out, wide + odd, (size_t)n * sizeof(float));
}

MEDIA_INLINE float unit_clip(float v) { return v > 0.0f ? (v < 1.0f ? v : 1.0f) : 0.0f; }

/* n <= TILE pixels from (x, y) on; c 3: RGB, 1: luma. */
MEDIA_CLONES static void read_tile(const lk_frame *f, const colour_map *m, int x, int y, int n, int c,
                                   float *restrict out)
{
    const AVFrame *av = f->av;
    bool deep = f->info.bit_depth > 8;
    float a[TILE], b[TILE], d[TILE];
    float off = m->y_off, mul = 1.0f / m->y_mul;
    y = LK_CLAMP(y, 0, av->height - 1);
    load_row(av->data[0] + (ptrdiff_t)y * av->linesize[0], deep, av->width, x, n, a);
    if (m->rgb) { /* planes are G, B, R */
        load_row(av->data[1] + (ptrdiff_t)y * av->linesize[1], deep, av->width, x, n, b);
        load_row(av->data[2] + (ptrdiff_t)y * av->linesize[2], deep, av->width, x, n, d);
        if (c == 3) {
            for (int i = 0; i < n; i++) {
                out[3 * i] = unit_clip((d[i] - off) * mul);
                out[3 * i + 1] = unit_clip((a[i] - off) * mul);
                out[3 * i + 2] = unit_clip((b[i] - off) * mul);
            }
        } else {
            for (int i = 0; i < n; i++)
                out[i] = unit_clip((m->kr * d[i] + m->kg * a[i] + m->kb * b[i] - off) * mul);
        }
        return;
    }
    if (c == 1) {
        for (int i = 0; i < n; i++) out[i] = unit_clip((a[i] - off) * mul);
        return;
    }
    if (m->grey) {
        for (int i = 0; i < n; i++)
            out[3 * i] = out[3 * i + 1] = out[3 * i + 2] = unit_clip((a[i] - off) * mul);
        return;
    }
    load_chroma(f, m, 1, x, y, n, b);
    load_chroma(f, m, 2, x, y, n, d);
    float c_off = m->c_off, c_mul = 1.0f / m->c_mul;
    float r_v = 2 * (1 - m->kr) * c_mul, b_u = 2 * (1 - m->kb) * c_mul;
    float g_v = -r_v * m->kr / m->kg, g_u = -b_u * m->kb / m->kg;
    for (int i = 0; i < n; i++) {
        float luma = (a[i] - off) * mul, u = b[i] - c_off, v = d[i] - c_off;
        out[3 * i] = unit_clip(luma + r_v * v);
        out[3 * i + 1] = unit_clip(luma + g_u * u + g_v * v);
        out[3 * i + 2] = unit_clip(luma + b_u * u);
    }
}

lk_status lk_frame_get_rgb(const lk_frame *f, int x, int y, lk_image *out, lk_error *err)
{
    if (out->w < 1 || out->h < 1 || (out->c != 1 && out->c != 3))
        return LK_FAIL(err, LK_E_ARG, "cannot read a frame into a picture of %d x %d x %d", out->w, out->h,
                       out->c);
    if (x < -(1 << 20) || x > 1 << 20 || y < -(1 << 20) || y > 1 << 20)
        return LK_FAIL(err, LK_E_RANGE, "the place (%d, %d) is too far outside the frame", x, y);
    colour_map m = media_colour_map(f);
#pragma omp parallel for schedule(static) if ((int64_t)out->w * out->h > MEDIA_PARALLEL)
    for (int j = 0; j < out->h; j++)
        for (int i = 0; i < out->w; i += TILE)
            read_tile(f, &m, x + i, y + j, LK_MIN(TILE, out->w - i), out->c,
                      out->data + ((size_t)j * out->w + i) * out->c);
    return LK_OK;
}

lk_status lk_frame_to_image(const lk_frame *f, lk_image *out, lk_error *err)
{
    LK_TRY(lk_image_new(f->info.width, f->info.height, 3, out, err));
    lk_status s = lk_frame_get_rgb(f, 0, 0, out, err);
    if (s != LK_OK) lk_image_clear(out);
    return s;
}
