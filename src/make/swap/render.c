/* render.c: lk_swap_renderer: the frame's crops through the model, then each made
 * face onto the frame.
 */
#include <math.h>
#include <string.h>

#include "make/swap/render.h"

#define STEADY_SLOTS 32
#define VISIBLE_SIZE 128 /* px, crop for the visible-face mask */

struct lk_swap_renderer {
    lk_swap_model *model;
    lk_analyser *analyser;
    lk_swap_render_options o;
    lk_swap_compositor *compositor;
    int size, batch;
    lk_image *crops, *faces, *masks; /* batch of each */
    lk_image visible_crop, visible_wide, visible;
    lk_swap_steady steady[STEADY_SLOTS];
};

lk_swap_render_options lk_swap_render_defaults(void)
{
    /* Chosen on the truth pairs of actors E and F alone, with a made face simulated from truth (blurred,
     * under the light of the source's own footage); tests and benchmarks use other actors. There the low
     * frequencies of the frame differ from truth's by 2-3 units of Lab at any sigma, those of another light
     * by 5-18, so they are taken over fully; full sharpening gains .02 SSIM; half the measured grain keeps
     * the flicker nearest to truth's (.80 and 1.02 of it, 1.08 and 1.54 at full grain), because skin texture
     * measures as noise too. */
    return (lk_swap_render_options){
        .color = LK_COLOR_LOWFREQ,
        .color_amount = 1,
        .light_sigma = 0.12f,
        .mask_erode = 0.01f,
        .mask_feather = 0.08f,
        .face_scale = 1,
        .sharpen = 1,
        .grain = 0.5f,
        .pyramid_levels = 5,
    };
}

static lk_status check_options(const lk_swap_render_options *o, lk_error *err)
{
    const struct { const char *name; float value, most;
    } share[] = {{"color amount", o->color_amount, 1},   {"light sigma", o->light_sigma, 1},
                 {"mask erosion", o->mask_erode, 0.25f}, {"mask feather", o->mask_feather, 0.5f},
                 {"sharpening", o->sharpen, 1},          {"grain", o->grain, 1}};
    for (size_t i = 0; i < LK_COUNT(share); i++)
        if (!(share[i].value >= 0 && share[i].value <= share[i].most))
            return LK_FAIL(err, LK_E_RANGE, "%s is %g; give 0 to %g", share[i].name, (double)share[i].value,
                           (double)share[i].most);
    if (!(o->face_scale >= 0.8f && o->face_scale <= 1.25f))
        return LK_FAIL(err, LK_E_RANGE, "face scale is %g; give 0.8 to 1.25", (double)o->face_scale);
    if (o->pyramid_levels < 0 || o->pyramid_levels > 8)
        return LK_FAIL(err, LK_E_RANGE, "blend levels %d; give 0 to 8", o->pyramid_levels);
    if ((int)o->color < 0 || o->color >= LK_COLORS)
        return LK_FAIL(err, LK_E_ARG, "unknown colour matching %d", (int)o->color);
    return LK_OK;
}

lk_status lk_swap_renderer_open(lk_swap_model *m, lk_analyser *analyser, const lk_swap_render_options *o,
                                lk_swap_renderer **out, lk_error *err)
{
    *out = NULL;
    lk_swap_render_options options = o ? *o : lk_swap_render_defaults();
    if (!m) return LK_FAIL(err, LK_E_ARG, "rendering needs an open model");
    LK_TRY(check_options(&options, err));
    lk_swap_renderer *r = lk_calloc(1, sizeof *r);
    lk_status s = LK_OK;
    if (!r) return LK_FAIL(err, LK_E_NOMEM, "no memory for rendering");
    r->model = m;
    r->analyser = analyser;
    r->o = options;
    r->size = lk_swap_model_config(m)->size;
    r->batch = lk_swap_model_batch(m);
    r->crops = lk_calloc((size_t)r->batch, sizeof *r->crops);
    r->faces = lk_calloc((size_t)r->batch, sizeof *r->faces);
    r->masks = lk_calloc((size_t)r->batch, sizeof *r->masks);
    if (!r->crops || !r->faces || !r->masks)
        LK_GOTO(fail, LK_FAIL(err, LK_E_NOMEM, "no memory for rendering"));
    for (int i = 0; i < r->batch; i++) {
        LK_GOTO(fail, lk_image_new(r->size, r->size, 3, &r->crops[i], err));
        LK_GOTO(fail, lk_image_new(r->size, r->size, 3, &r->faces[i], err));
        LK_GOTO(fail, lk_image_new(r->size, r->size, 1, &r->masks[i], err));
    }
    LK_GOTO(fail, lk_image_new(VISIBLE_SIZE, VISIBLE_SIZE, 3, &r->visible_crop, err));
    LK_GOTO(fail, lk_image_new(VISIBLE_SIZE, VISIBLE_SIZE, 1, &r->visible_wide, err));
    LK_GOTO(fail, lk_image_new(r->size, r->size, 1, &r->visible, err));
    LK_GOTO(fail, lk_swap_compositor_open(r->size, &r->o, &r->compositor, err));
    *out = r;
    return LK_OK;
fail:
    lk_swap_renderer_close(&r);
    return s;
}

void lk_swap_renderer_close(lk_swap_renderer **pr)
{
    lk_swap_renderer *r = *pr;
    if (!r) return;
    for (int i = 0; i < r->batch; i++) {
        if (r->crops) lk_image_clear(&r->crops[i]);
        if (r->faces) lk_image_clear(&r->faces[i]);
        if (r->masks) lk_image_clear(&r->masks[i]);
    }
    lk_free(r->crops);
    lk_free(r->faces);
    lk_free(r->masks);
    lk_image_clear(&r->visible_crop);
    lk_image_clear(&r->visible_wide);
    lk_image_clear(&r->visible);
    lk_swap_compositor_close(&r->compositor);
    lk_free(r);
    *pr = NULL;
}

void lk_swap_renderer_reset(lk_swap_renderer *r)
{
    memset(r->steady, 0, sizeof r->steady);
}

/* The slot of a track; a new track takes the one unseen for longest. */
static lk_swap_steady *steady_of(lk_swap_renderer *r, int track)
{
    if (track < 0) return NULL;
    lk_swap_steady *oldest = &r->steady[0];
    for (int i = 0; i < STEADY_SLOTS; i++) {
        lk_swap_steady *s = &r->steady[i];
        if (s->live && s->track == track) return s;
        if (!s->live || (oldest->live && s->seen < oldest->seen)) oldest = s;
    }
    *oldest = (lk_swap_steady){.track = track};
    return oldest;
}

/* A place that can be rendered: finite points, an eye distance of at least 4 px, and some of the crop in the
 * frame. */
static bool usable(const lk_face *face, lk_affine to_crop, int size, lk_frame_info info)
{
    for (int i = 0; i < LK_LANDMARKS; i++)
        if (!isfinite(face->lm[i].x) || !isfinite(face->lm[i].y)) return false;
    if (!(lk_face_interocular(face->lm) >= 4) || !isfinite(to_crop.a) || !isfinite(to_crop.c) ||
        !isfinite(to_crop.f))
        return false;
    lk_affine back = lk_affine_invert(to_crop);
    float x0 = INFINITY, y0 = INFINITY, x1 = -INFINITY, y1 = -INFINITY;
    for (int i = 0; i < 4; i++) {
        float x, y;
        lk_affine_apply(back, i & 1 ? (float)size : 0, i & 2 ? (float)size : 0, &x, &y);
        x0 = fminf(x0, x); x1 = fmaxf(x1, x);
        y0 = fminf(y0, y); y1 = fmaxf(y1, y);
    }
    return x1 > 1 && y1 > 1 && x0 < (float)info.width - 2 && y0 < (float)info.height - 2;
}

/* The map to the made face's crop, when it is put on larger or smaller than the crop it was made from. The
 * centre of the 33 aligned points stays: it is what the two people's faces have in common. */
static lk_affine resized(lk_affine to_crop, int size, float coverage, float scale)
{
    lk_point mean[LK_LANDMARKS];
    float cx = 0, cy = 0, k = 1 / scale;
    lk_face_mean_shape(size, coverage, mean);
    for (int i = 17; i < 48; i++) {
        cx += mean[i].x / 31;
        cy += mean[i].y / 31;
    }
    return lk_affine_mul((lk_affine){k, 0, cx - k * cx, 0, k, cy - k * cy}, to_crop);
}

/* The visible-face mask of the frame, brought from its wider crop into the model's. */
static lk_status find_visible(lk_swap_renderer *r, const lk_frame *f, const lk_face *face, lk_affine to_crop,
                              lk_error *err)
{
    lk_affine wide = lk_face_align(face->lm, VISIBLE_SIZE, LK_FACE_CROP_COVERAGE);
    LK_TRY(lk_swap_cut(r->compositor, f, wide, &r->visible_crop, err));
    LK_TRY(lk_face_mask(r->analyser, &r->visible_crop, &r->visible_wide, err));
    lk_image_warp(&r->visible_wide, &r->visible, lk_affine_mul(wide, lk_affine_invert(to_crop)),
                  LK_FILTER_BILINEAR, LK_BORDER_CLAMP);
    return LK_OK;
}

lk_status lk_swap_render_frame(lk_swap_renderer *r, const lk_frame *f, const lk_face *faces, int count,
                               lk_frame **out, lk_error *err)
{
    *out = NULL;
    lk_frame *made = NULL;
    lk_status s = LK_OK;
    lk_frame_info info = lk_frame_get_info(f);
    float coverage = lk_swap_model_config(r->model)->coverage;
    for (int first = 0; first < count;) {
        int batch[64], n = 0;
        lk_affine to_crop[64];
        float shut[64];
        for (; first < count && n < LK_MIN(r->batch, 64); first++) {
            to_crop[n] = lk_face_align(faces[first].lm, r->size, coverage);
            if (!usable(&faces[first], to_crop[n], r->size, info)) continue;
            LK_GOTO(fail, lk_swap_cut(r->compositor, f, to_crop[n], &r->crops[n], err));
            shut[n] = lk_swap_model_shut(r->model, faces[first].lm);
            batch[n++] = first;
        }
        if (n == 0) break;
        LK_GOTO(fail, lk_swap_model_run(r->model, r->crops, n, shut, r->faces, r->masks, err));
        if (!made) LK_GOTO(fail, lk_frame_writable(f, &made, err));
        for (int i = 0; i < n; i++) {
            const lk_face *face = &faces[batch[i]];
            if (r->o.face_scale != 1) {
                to_crop[i] = resized(to_crop[i], r->size, coverage, r->o.face_scale);
                LK_GOTO(fail, lk_swap_cut(r->compositor, f, to_crop[i], &r->crops[i], err));
            }
            if (r->analyser) LK_GOTO(fail, find_visible(r, f, face, to_crop[i], err));
            LK_GOTO(fail, lk_swap_composite(r->compositor, made, to_crop[i], face->lm, &r->crops[i],
                                            &r->faces[i], &r->masks[i], r->analyser ? &r->visible : NULL,
                                            steady_of(r, face->track), err));
        }
    }
    *out = made ? made : lk_frame_ref((lk_frame *)f);
    return LK_OK;
fail:
    lk_frame_unref(&made);
    return s;
}
