/* video_stack.c: from frames to a whitened sum. What is smooth is taken away (the mean of 5 x 5), what is busy is turned
 * down (the deviation of 9 x 9), outliers are clipped: what is left of the picture is near white noise of even
 * strength, in which the pattern adds up.
 */
#include "mark/watermark/video.h"

#include <math.h>
#include <string.h>

#define WORKING_SIDE 360
#define MEAN_RADIUS 3
#define RMS_RADIUS 6
#define RMS_FLOOR 0.05f /* code values, squared */
#define CLIP 2.0f
#define PAD 16

static lk_status start(wm_stack *s, int w, int h, lk_error *err)
{
    s->frame_w = w;
    s->frame_h = h;
    s->q = LK_MAX(1, LK_MIN(w, h) / WORKING_SIDE);
    s->w = w / s->q;
    s->h = h / s->q;
    const size_t n = (size_t)s->w * (size_t)s->h;
    s->cell = lk_alloc(n * sizeof(float));
    s->flat = lk_alloc(n * sizeof(float));
    s->box = lk_alloc(n * sizeof(float));
    s->pad = lk_alloc(((size_t)w + 2 * PAD) * 2 * sizeof(float));
    if (s->cell && s->flat && s->box && s->pad) return LK_OK;
    wm_stack_clear(s);
    return LK_FAIL(err, LK_E_NOMEM, "no memory to look for a watermark in %d x %d", w, h);
}

void wm_stack_clear(wm_stack *s)
{
    for (int i = 0; i < WM_SLOTS; i++) lk_free(s->slot[i]);
    lk_free(s->cell);
    lk_free(s->flat);
    lk_free(s->box);
    lk_free(s->pad);
    *s = (wm_stack){.frames = 0};
}

/* Adds a row of luma, in 8-bit code values, to row. */
WM_CLONES static void gather_frame(const lk_luma *l, int y, float *restrict row, int n)
{
    const float unit = 1.0f / (float)(1 << (l->bit_depth - 8));
    for (int i = 0; i < l->planes; i++) {
        const uint8_t *p = (const uint8_t *)l->plane[i] + y * l->stride[i];
        const float k = l->planes == 1 ? unit : i == 0 ? 0.5f * unit : 0.25f * unit;
        if (l->bit_depth > 8)
            for (int x = 0; x < n; x++) row[x] += k * (float)((const uint16_t *)p)[x];
        else
            for (int x = 0; x < n; x++) row[x] += k * (float)p[x];
    }
}

WM_CLONES static void gather_image(const lk_image *im, int y, float *restrict row, int n)
{
    const float *p = im->data + (size_t)y * im->w * im->c;
    for (int x = 0; x < n; x++) {
        const float v = im->c == 3 ? 0.25f * (p[3 * x] + p[3 * x + 2]) + 0.5f * p[3 * x + 1] : p[(size_t)x * im->c];
        row[x] += 255.0f * v;
    }
}

static void make_cells(wm_stack *s, const lk_frame *f, const lk_image *im)
{
    const int q = s->q, n = s->w * q;
    const lk_luma l = f ? lk_frame_luma(f) : (lk_luma){.planes = 0};
    for (int cy = 0; cy < s->h; cy++) {
        float *out = s->cell + (size_t)cy * s->w, *row = q == 1 ? out : s->pad;
        memset(row, 0, (size_t)n * sizeof *row);
        for (int y = cy * q; y < (cy + 1) * q; y++) {
            if (f) gather_frame(&l, y, row, n);
            else gather_image(im, y, row, n);
        }
        if (q == 1) continue;
        for (int cx = 0; cx < s->w; cx++) {
            float sum = 0;
            for (int x = 0; x < q; x++) sum += row[cx * q + x];
            out[cx] = sum / (float)(q * q);
        }
    }
}

/* Mean over (2r+1) x (2r+1), borders repeated. pad: 2 (w + 2 PAD) floats. */
WM_CLONES static void box_mean(const float *in, float *out, int w, int h, int r, float *pad)
{
    float *restrict column = pad + PAD, *restrict sum = pad + w + 2 * PAD + PAD;
    const float scale = 1.0f / (float)((2 * r + 1) * (2 * r + 1));
    memset(column, 0, (size_t)w * sizeof *column);
    for (int k = -r; k <= r; k++) {
        const float *row = in + (size_t)LK_CLAMP(k, 0, h - 1) * w;
        for (int x = 0; x < w; x++) column[x] += row[x];
    }
    for (int y = 0; y < h; y++) {
        for (int k = 1; k <= r; k++) {
            column[-k] = column[0];
            column[w - 1 + k] = column[w - 1];
        }
        memset(sum, 0, (size_t)w * sizeof *sum);
        for (int k = -r; k <= r; k++)
            for (int x = 0; x < w; x++) sum[x] += column[x + k];
        float *o = out + (size_t)y * w;
        for (int x = 0; x < w; x++) o[x] = sum[x] * scale;
        const float *gone = in + (size_t)LK_MAX(y - r, 0) * w, *next = in + (size_t)LK_MIN(y + r + 1, h - 1) * w;
        for (int x = 0; x < w; x++) column[x] += next[x] - gone[x];
    }
}

WM_CLONES static void take_mean(float *restrict a, float *restrict square, const float *restrict mean, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        a[i] -= mean[i];
        square[i] = a[i] * a[i];
    }
}

WM_CLONES static void add_white(float *restrict slot, const float *restrict a, const float *restrict power, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const float p = power[i] > 0 ? power[i] : 0;
        float v = a[i] / sqrtf(p + RMS_FLOOR);
        v = v > CLIP ? CLIP : v;
        slot[i] += v < -CLIP ? -CLIP : v;
    }
}

lk_status wm_stack_add(wm_stack *s, const lk_frame *f, const lk_image *im, double im_seconds, lk_error *err)
{
    const lk_frame_info info =
        f ? lk_frame_get_info(f) : (lk_frame_info){.width = im->w, .height = im->h, .seconds = im_seconds};
    if (!s->cell) LK_TRY(start(s, info.width, info.height, err));
    if (info.width != s->frame_w || info.height != s->frame_h)
        return LK_FAIL(err, LK_E_ARG, "a picture of %d x %d came to a search in %d x %d; use one search a size", info.width,
                       info.height, s->frame_w, s->frame_h);
    const double turns = info.seconds / (2 * WM_FLIP);
    const int k = LK_CLAMP((int)((turns - floor(turns)) * WM_SLOTS), 0, WM_SLOTS - 1);
    const size_t n = (size_t)s->w * (size_t)s->h;
    if (!s->slot[k]) s->slot[k] = lk_calloc(n, sizeof(float));
    if (!s->slot[k]) return LK_FAIL(err, LK_E_NOMEM, "no memory to look for a watermark in %d x %d", s->w, s->h);
    make_cells(s, f, im);
    box_mean(s->cell, s->box, s->w, s->h, MEAN_RADIUS, s->pad);
    take_mean(s->cell, s->flat, s->box, n);
    box_mean(s->flat, s->box, s->w, s->h, RMS_RADIUS, s->pad);
    add_white(s->slot[k], s->cell, s->box, n);
    if (s->frames++ == 0) s->begin = s->end = info.seconds;
    s->begin = LK_MIN(s->begin, info.seconds);
    s->end = LK_MAX(s->end, info.seconds);
    return LK_OK;
}
