/* render_face.c: one made face onto one frame.
 *
 * Crop space holds colour and sharpness (small and aligned), the frame's own
 * pixels hold the blend and the grain (nothing of the frame is resampled). A face
 * much larger than the network's crop is blended at a whole fraction of the
 * frame's resolution; only the last step, band by band, runs at full size.
 */
#include <math.h>
#include <string.h>

#include "make/swap/render.h"

#define WORK_MAX 640        /* px, longer side of the blended rectangle; larger ones are reduced */
#define BAND_ROWS 64
#define STALE_FRAMES 12     /* a track unseen for longer starts anew */
#define MASK_LEAST (1 / 512.0f)
/* Limits of sharpening: how far each band may be raised, how far any value may move, and the share that skin
 * gets of what eyes, brows and mouth get. */
#define FINE_MAX 2.5f
#define COARSE_MAX 1.6f
#define DETAIL_LIMIT 0.06f
#define SKIN 0.6f

struct lk_swap_compositor {
    lk_swap_render_options o;
    int size;
    lk_color_light light;
    float *lab_made, *lab_crop;    /* 3 planes each */
    lk_image mask, weight;         /* crop space */
    lk_swap_buffer crop_scratch, frame_scratch, work, delta, alpha, band, band_alpha, cut;
    lk_swap_pyramid pyramid;
    double times[LK_SWAP_TIMES], mark;
};

typedef struct place { int x, y, w, h, factor; } place; /* in the frame; w and h multiples of factor */

static void lap(lk_swap_compositor *c, int what)
{
    double now = lk_now();
    c->times[what] += now - c->mark;
    c->mark = now;
}

const double *lk_swap_compositor_times(const lk_swap_compositor *c) { return c->times; }

lk_status lk_swap_compositor_open(int crop_size, const lk_swap_render_options *o, lk_swap_compositor **out,
                                  lk_error *err)
{
    *out = NULL;
    if (crop_size < 16 || crop_size > 1024)
        return LK_FAIL(err, LK_E_ARG, "a crop of %d px cannot be rendered (16 to 1024)", crop_size);
    lk_swap_compositor *c = lk_calloc(1, sizeof *c);
    lk_status s = LK_OK;
    size_t n = (size_t)crop_size * (size_t)crop_size;
    if (!c) return LK_FAIL(err, LK_E_NOMEM, "no memory for rendering");
    c->o = *o;
    c->size = crop_size;
    c->lab_made = lk_alloc(3 * n * sizeof(float));
    c->lab_crop = lk_alloc(3 * n * sizeof(float));
    if (!c->lab_made || !c->lab_crop) LK_GOTO(fail, LK_FAIL(err, LK_E_NOMEM, "no memory for rendering"));
    LK_GOTO(fail, lk_image_new(crop_size, crop_size, 1, &c->mask, err));
    LK_GOTO(fail, lk_image_new(crop_size, crop_size, 1, &c->weight, err));
    LK_GOTO(fail, lk_color_light_open(crop_size, crop_size, &c->light, err));
    LK_GOTO(fail, lk_swap_reserve(&c->crop_scratch, 9 * n, err));
    *out = c;
    return LK_OK;
fail:
    lk_swap_compositor_close(&c);
    return s;
}

void lk_swap_compositor_close(lk_swap_compositor **pc)
{
    lk_swap_compositor *c = *pc;
    if (!c) return;
    lk_swap_buffer *buffers[] = {&c->crop_scratch, &c->frame_scratch, &c->work, &c->delta,      &c->alpha,
                                 &c->band,         &c->band_alpha,    &c->cut,  &c->pyramid.mem};
    for (size_t i = 0; i < LK_COUNT(buffers); i++) lk_free(buffers[i]->data);
    lk_free(c->lab_made);
    lk_free(c->lab_crop);
    lk_image_clear(&c->mask);
    lk_image_clear(&c->weight);
    lk_color_light_close(&c->light);
    lk_free(c);
    *pc = NULL;
}

/* --- reading ----------------------------------------------------------------------------- */

/* The part of the frame under a rectangle of crop pixels, with `pad` frame pixels around; false when there is
 * none. */
static bool place_of(lk_affine to_frame, lk_rect in_crop, int pad, lk_frame_info info, int work_max,
                     place *out)
{
    float x0 = INFINITY, y0 = INFINITY, x1 = -INFINITY, y1 = -INFINITY;
    for (int i = 0; i < 4; i++) {
        float x, y;
        lk_affine_apply(to_frame, i & 1 ? in_crop.x1 : in_crop.x0, i & 2 ? in_crop.y1 : in_crop.y0, &x, &y);
        if (!isfinite(x) || !isfinite(y)) return false;
        x0 = fminf(x0, x); x1 = fmaxf(x1, x);
        y0 = fminf(y0, y); y1 = fmaxf(y1, y);
    }
    float w = (float)info.width, h = (float)info.height;
    int left = (int)LK_CLAMP(floorf(x0) - (float)pad, 0.0f, w),
        right = (int)LK_CLAMP(ceilf(x1) + (float)pad + 1, 0.0f, w);
    int top = (int)LK_CLAMP(floorf(y0) - (float)pad, 0.0f, h),
        bottom = (int)LK_CLAMP(ceilf(y1) + (float)pad + 1, 0.0f, h);
    if (right - left < 2 || bottom - top < 2) return false;
    int longer = LK_MAX(right - left, bottom - top), f = LK_MAX((longer + work_max - 1) / work_max, 1);
    /* Whole cells only; what is cut off lies beyond the frame's edge or in the pad. lk_frame_get_rgb repeats
     * the edge. */
    *out = (place){left, top, (right - left + f - 1) / f * f, (bottom - top + f - 1) / f * f, f};
    return true;
}

/* Frame pixels -> work pixels. */
static lk_affine to_work(place p)
{
    float k = 1.0f / (float)p.factor, half = 0.5f * k - 0.5f;
    return (lk_affine){k, 0, half - k * (float)p.x, 0, k, half - k * (float)p.y};
}

/* Reads p reduced by its factor (mean of factor x factor pixels) into buffer; out is a view of it. */
static lk_status read_place(const lk_frame *f, place p, lk_swap_buffer *buffer, lk_swap_buffer *band,
                            lk_image *out, lk_error *err)
{
    int w = p.w / p.factor, h = p.h / p.factor;
    LK_TRY(lk_swap_reserve(buffer, 3 * (size_t)w * (size_t)h, err));
    *out = (lk_image){w, h, 3, buffer->data};
    if (p.factor == 1) return lk_frame_get_rgb(f, p.x, p.y, out, err);
    LK_TRY(lk_swap_reserve(band, 3 * (size_t)p.w * (size_t)p.factor, err));
    lk_image rows = {p.w, p.factor, 3, band->data};
    float norm = 1.0f / (float)(p.factor * p.factor);
    for (int y = 0; y < h; y++) {
        LK_TRY(lk_frame_get_rgb(f, p.x, p.y + y * p.factor, &rows, err));
        float *q = out->data + 3 * (size_t)y * (size_t)w;
        memset(q, 0, 3 * (size_t)w * sizeof *q);
        for (int j = 0; j < p.factor; j++) {
            const float *s = rows.data + 3 * (size_t)j * (size_t)p.w;
            for (int x = 0; x < p.w; x++)
                for (int c = 0; c < 3; c++) q[3 * (x / p.factor) + c] += norm * s[3 * x + c];
        }
    }
    return LK_OK;
}

static float scale_of(lk_affine m) { return sqrtf(fabsf(m.a * m.e - m.b * m.d)); }

lk_status lk_swap_cut(lk_swap_compositor *c, const lk_frame *f, lk_affine to_crop, lk_image *crop,
                      lk_error *err)
{
    c->mark = lk_now();
    lk_affine to_frame = lk_affine_invert(to_crop);
    lk_rect all = {-1, -1, (float)crop->w, (float)crop->h};
    place p;
    lk_image part;
    if (!place_of(to_frame, all, 2, lk_frame_get_info(f), 4 * WORK_MAX, &p))
        return LK_FAIL(err, LK_E_RANGE, "a face lies wholly outside the frame");
    LK_TRY(read_place(f, p, &c->cut, &c->band, &part, err));
    lk_affine m = lk_affine_mul(to_work(p), to_frame);
    lk_image_warp(&part, crop, m, scale_of(m) > 1.05f ? LK_FILTER_AREA : LK_FILTER_CUBIC, LK_BORDER_CLAMP);
    lap(c, LK_SWAP_T_CUT);
    return LK_OK;
}

/* --- in crop space ------------------------------------------------------------------------- */

static void match_color(lk_swap_compositor *c, const lk_image *crop, lk_image *made, lk_swap_steady *steady,
                        bool fresh)
{
    size_t n = (size_t)c->size * (size_t)c->size;
    if (c->o.color == LK_COLOR_NONE || !(c->o.color_amount > 0)) return;
    lk_color_rgb_to_lab(made->data, c->lab_made, n);
    lk_color_rgb_to_lab(crop->data, c->lab_crop, n);
    lk_color_stats from, to;
    lk_color_measure(c->lab_made, c->mask.data, n, &from);
    lk_color_measure(c->lab_crop, c->mask.data, n, &to);
    if (from.weight < 16) return; /* a few pixels say nothing about light */
    if (c->o.color == LK_COLOR_MEANSTD) {
        lk_color_map map = lk_color_map_between(&from, &to, c->o.color_amount);
        if (steady && !fresh) map = lk_color_map_steady(steady->color, map);
        if (steady) steady->color = map;
        lk_color_map_apply(map, c->lab_made, n);
    } else {
        /* Follows each frame's own light and leaves nothing to steady. */
        lk_color_light_match(&c->light, c->lab_made, c->lab_crop, c->mask.data, c->size, c->size,
                             c->o.light_sigma * (float)c->size, c->o.color_amount);
    }
    lk_color_lab_to_rgb(c->lab_made, made->data, n);
}

static void match_sharpness(lk_swap_compositor *c, const lk_image *crop, lk_image *made, const lk_point *lm,
                            float crop_scale, lk_swap_noise noise, lk_swap_steady *steady, bool fresh)
{
    /* A crop that enlarges the face holds no detail of its own to compare with. */
    if (!(c->o.sharpen > 0) || crop_scale > 1.25f) return;
    lk_swap_feature_weights(lm, SKIN, &c->weight);
    for (int i = 0; i < c->size * c->size; i++) c->weight.data[i] *= c->mask.data[i];
    lk_swap_detail d = lk_swap_detail_ratio(
        made, crop, c->weight.data, 0.9f * noise.fine * LK_MIN(crop_scale, 1.0f), c->crop_scratch.data);
    d.fine = LK_CLAMP(d.fine, 0.5f, FINE_MAX);
    d.coarse = LK_CLAMP(d.coarse, 0.8f, COARSE_MAX);
    if (steady && !fresh) {
        d.fine = steady->detail.fine + 0.2f * (d.fine - steady->detail.fine);
        d.coarse = steady->detail.coarse + 0.2f * (d.coarse - steady->detail.coarse);
    }
    if (steady) steady->detail = d;
    lk_swap_detail gain = {c->o.sharpen * (d.fine - 1), c->o.sharpen * (d.coarse - 1)};
    lk_swap_sharpen(made, c->weight.data, gain, DETAIL_LIMIT, c->crop_scratch.data);
}

/* The rectangle of the crop in which the mask is not zero; false when it is nowhere. */
static bool mask_bounds(const lk_image *mask, lk_rect *out)
{
    int x0 = mask->w, y0 = mask->h, x1 = -1, y1 = -1;
    for (int y = 0; y < mask->h; y++)
        for (int x = 0; x < mask->w; x++)
            if (mask->data[y * mask->w + x] > MASK_LEAST) {
                x0 = LK_MIN(x0, x); x1 = LK_MAX(x1, x);
                y0 = LK_MIN(y0, y); y1 = LK_MAX(y1, y);
            }
    *out = (lk_rect){(float)(x0 - 1), (float)(y0 - 1), (float)(x1 + 1), (float)(y1 + 1)};
    return x1 >= 0;
}

/* Grain at the frame's own resolution: of the work picture, or, where that is reduced, of a patch in its
 * middle. */
#define PATCH 192
static lk_status measure_grain(lk_swap_compositor *c, const lk_frame *f, place p, const lk_image *work,
                               const lk_image *alpha, lk_swap_noise *out, lk_error *err)
{
    if (p.factor == 1) {
        *out = lk_swap_noise_measure(work, alpha->data, c->frame_scratch.data);
        return LK_OK;
    }
    const int n = PATCH * PATCH;
    LK_TRY(lk_swap_reserve(&c->band, 8 * (size_t)n, err));
    lk_image patch = {PATCH, PATCH, 3, c->band.data}, inside = {PATCH, PATCH, 1, patch.data + 3 * n};
    int x = p.x + (p.w - PATCH) / 2, y = p.y + (p.h - PATCH) / 2;
    LK_TRY(lk_frame_get_rgb(f, x, y, &patch, err));
    lk_image_warp(alpha, &inside, lk_affine_mul(to_work(p), (lk_affine){1, 0, (float)x, 0, 1, (float)y}),
                  LK_FILTER_BILINEAR, LK_BORDER_ZERO);
    *out = lk_swap_noise_measure(&patch, inside.data, inside.data + n);
    return LK_OK;
}

/* --- onto the frame -------------------------------------------------------------------------- */

/* A face larger than the work rectangle: the blended difference is enlarged and the frame's finer detail, one
 * more band that the made face does not have, is taken out inside. */
static lk_status write_bands(lk_swap_compositor *c, lk_frame *out, place p, const lk_image *work,
                             const lk_image *delta, const lk_image *alpha, const lk_image *inner,
                             lk_swap_noise noise, int track, int64_t frame, lk_error *err)
{
    size_t n = (size_t)p.w * BAND_ROWS;
    LK_TRY(lk_swap_reserve(&c->band, 9 * n, err));
    LK_TRY(lk_swap_reserve(&c->band_alpha, 2 * n + 4 * (size_t)p.w + 4, err));
    for (int y = 0; y < p.h; y += BAND_ROWS) {
        int rows = LK_MIN(BAND_ROWS, p.h - y);
        lk_image own = {p.w, rows, 3, c->band.data}, more = {p.w, rows, 3, own.data + 3 * n},
                 low = {p.w, rows, 3, more.data + 3 * n};
        lk_image a = {p.w, rows, 1, c->band_alpha.data}, m = {p.w, rows, 1, a.data + n};
        float k = 1.0f / (float)p.factor, half = 0.5f * k - 0.5f;
        lk_affine up = {k, 0, half, 0, k, half + k * (float)y};
        LK_TRY(lk_frame_get_rgb(out, p.x, p.y + y, &own, err));
        lk_image_warp(delta, &more, up, LK_FILTER_BILINEAR, LK_BORDER_CLAMP);
        lk_image_warp(work, &low, up, LK_FILTER_BILINEAR, LK_BORDER_CLAMP);
        lk_image_warp(alpha, &a, up, LK_FILTER_BILINEAR, LK_BORDER_CLAMP);
        lk_image_warp(inner, &m, up, LK_FILTER_BILINEAR, LK_BORDER_CLAMP);
        for (size_t i = 0; i < (size_t)p.w * (size_t)rows; i++)
            for (size_t j = 0; j < 3; j++) {
                float *q = &own.data[3 * i + j];
                *q += more.data[3 * i + j] - m.data[i] * (*q - low.data[3 * i + j]);
            }
        lk_swap_noise_add(&own, m.data, noise, (uint64_t)(track + 1), frame, p.x, p.y + y,
                          c->band_alpha.data + 2 * n);
        LK_TRY(lk_frame_blend_rgb(out, p.x, p.y + y, &own, &a, err));
    }
    return LK_OK;
}

lk_status lk_swap_composite(lk_swap_compositor *c, lk_frame *out, lk_affine to_crop,
                            const lk_point lm[LK_LANDMARKS], const lk_image *crop, lk_image *made,
                            const lk_image *made_mask, const lk_image *visible, lk_swap_steady *steady,
                            lk_error *err)
{
    c->mark = lk_now();
    lk_frame_info info = lk_frame_get_info(out);
    lk_affine to_frame = lk_affine_invert(to_crop);
    lk_point in_crop[LK_LANDMARKS];
    for (int i = 0; i < LK_LANDMARKS; i++)
        lk_affine_apply(to_crop, lm[i].x, lm[i].y, &in_crop[i].x, &in_crop[i].y);
    bool fresh =
        !steady || !steady->live || info.index < steady->seen || info.index - steady->seen > STALE_FRAMES;
    if (steady) {
        steady->live = true;
        steady->seen = info.index;
    }

    LK_TRY(lk_swap_mask_build(made_mask, visible, in_crop, c->o.mask_erode, c->o.mask_feather, &c->mask,
                              c->crop_scratch.data, err));
    lk_rect bounds;
    place p;
    if (!mask_bounds(&c->mask, &bounds) || !place_of(to_frame, bounds, 1, info, WORK_MAX, &p))
        return LK_OK; /* hidden */
    lap(c, LK_SWAP_T_MASK);

    lk_image work;
    size_t n = (size_t)(p.w / p.factor) * (size_t)(p.h / p.factor);
    LK_TRY(read_place(out, p, &c->work, &c->band, &work, err));
    LK_TRY(lk_swap_reserve(&c->delta, 3 * n, err));
    LK_TRY(lk_swap_reserve(&c->alpha, 2 * n, err));
    LK_TRY(lk_swap_reserve(&c->frame_scratch, 4 * n + 4 * (size_t)p.w + 16, err));
    lk_image delta = {work.w, work.h, 3, c->delta.data};
    lk_image alpha = {work.w, work.h, 1, c->alpha.data}, inner = {work.w, work.h, 1, c->alpha.data + n};
    lk_affine from_work = lk_affine_mul(to_crop, lk_affine_invert(to_work(p)));
    float crop_scale = scale_of(to_crop); /* crop pixels a frame pixel */
    bool shrinks = scale_of(from_work) > 1.05f;
    lk_image_warp(&c->mask, &alpha, from_work, shrinks ? LK_FILTER_AREA : LK_FILTER_BILINEAR, LK_BORDER_ZERO);
    lap(c, LK_SWAP_T_WARP);

    lk_swap_noise noise = {0, 0};
    if (c->o.grain > 0) {
        LK_TRY(measure_grain(c, out, p, &work, &alpha, &noise, err));
        if (steady && !fresh) {
            noise.fine = steady->noise.fine + 0.1f * (noise.fine - steady->noise.fine);
            noise.coarse = steady->noise.coarse + 0.1f * (noise.coarse - steady->noise.coarse);
        }
        if (steady) steady->noise = noise;
    }
    lap(c, LK_SWAP_T_GRAIN);
    match_color(c, crop, made, steady, fresh);
    lap(c, LK_SWAP_T_COLOR);
    match_sharpness(c, crop, made, in_crop, crop_scale, noise, steady, fresh);
    lap(c, LK_SWAP_T_SHARPEN);
    lk_image_warp(made, &delta, from_work, shrinks ? LK_FILTER_AREA : LK_FILTER_CUBIC, LK_BORDER_CLAMP);
    lap(c, LK_SWAP_T_WARP);

    for (size_t i = 0; i < 3 * n; i++) delta.data[i] -= work.data[i];
    if (c->o.pyramid_levels > 0) {
        /* The middle of the soft rim cuts the bands, its outer quarter lets them run out onto the frame. */
        for (size_t i = 0; i < n; i++) {
            float h = alpha.data[i];
            inner.data[i] = LK_CLAMP(2 * h - 0.5f, 0.0f, 1.0f);
            alpha.data[i] = LK_CLAMP(4 * h - MASK_LEAST, 0.0f, 1.0f);
        }
        LK_TRY(lk_swap_blend(&c->pyramid, &delta, inner.data, c->o.pyramid_levels, err));
    } else {
        for (size_t i = 0; i < n; i++) inner.data[i] = alpha.data[i];
    }
    lap(c, LK_SWAP_T_BLEND);
    noise.fine *= c->o.grain;
    noise.coarse *= c->o.grain;
    int track = steady ? steady->track : -1;
    lk_status s;
    if (p.factor > 1) {
        s = write_bands(c, out, p, &work, &delta, &alpha, &inner, noise, track, info.index, err);
    } else {
        for (size_t i = 0; i < 3 * n; i++) delta.data[i] += work.data[i];
        lk_swap_noise_add(&delta, inner.data, noise, (uint64_t)(track + 1), info.index, p.x, p.y,
                          c->frame_scratch.data);
        lap(c, LK_SWAP_T_GRAIN);
        s = lk_frame_blend_rgb(out, p.x, p.y, &delta, &alpha, err);
    }
    lap(c, LK_SWAP_T_WRITE);
    return s;
}
