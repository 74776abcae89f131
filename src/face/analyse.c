/* analyse.c: the pipeline of the room. A still: detect, then points twice. A clip,
 * picture by picture: cut? follow every known face from its own points; detect now
 * and then; smooth; pose. Only the surroundings of each face are converted to RGB
 * while nothing has to be detected.
 */
#include "face/analyser.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PATCH_MARGIN 4  /* px around the crop, for filters */

lk_analyser_options lk_analyser_defaults(void)
{
    return (lk_analyser_options){
        .min_face = 24, .threshold = 0, .max_faces = 16, .redetect_every = 12, .smooth = true};
}

static lk_status need_model(const char *dir, const char *name, lk_error *err)
{
    char *path = lk_strfmt("%s/%s.safetensors", dir, name);
    if (!path) return LK_FAIL(err, LK_E_NOMEM, "no memory to look for the model %s", name);
    lk_status s = LK_OK;
    if (!lk_path_exists(path))
        s = LK_FAIL(err, LK_E_NOTFOUND,
                    "the model %s is missing: install the models of this version or set LIKENESS_MODELS to "
                    "their folder",
                    path);
    lk_free(path);
    return s;
}

lk_status lk_analyser_open(const lk_analyser_options *o, lk_analyser **out, lk_error *err)
{
    static const char *const names[] = {"face-detect", "face-landmark", "face-mask", "face-id"};
    *out = NULL;
    lk_analyser_options use = o ? *o : lk_analyser_defaults(), standard = lk_analyser_defaults();
    if (!use.models_dir) use.models_dir = lk_models_dir();
    if (!(use.min_face > 0)) use.min_face = standard.min_face;
    if (use.max_faces <= 0) use.max_faces = standard.max_faces;
    if (use.redetect_every <= 0) use.redetect_every = standard.redetect_every;
    use.max_faces = LK_MIN(use.max_faces, LK_TRACKER_MAX);
    for (size_t i = 0; i < LK_COUNT(names); i++) LK_TRY(need_model(use.models_dir, names[i], err));

    lk_analyser *a = lk_calloc(1, sizeof *a);
    if (!a) return LK_FAIL(err, LK_E_NOMEM, "no memory for the face analyser");
    lk_status s = LK_OK;
    a->o = use;
    a->models_dir = lk_strdup(use.models_dir);
    if (!a->models_dir) LK_GOTO(fail, LK_FAIL(err, LK_E_NOMEM, "no memory for the face analyser"));
    a->o.models_dir = a->models_dir;
    LK_GOTO(fail, lk_detector_open(a->models_dir, &a->detector, err));
    LK_GOTO(fail, lk_landmarker_open(a->models_dir, &a->landmarker, err));
    if (!(a->o.threshold > 0)) a->o.threshold = lk_detector_threshold(a->detector);
    lk_tracker_options t = lk_tracker_defaults();
    t.redetect_every = use.redetect_every;
    t.max_faces = use.max_faces;
    LK_GOTO(fail, lk_tracker_new(&t, &a->tracker, err));
    *out = a;
    return LK_OK;
fail:
    lk_analyser_close(&a);
    return s;
}

void lk_analyser_close(lk_analyser **a)
{
    if (!*a) return;
    lk_detector_close(&(*a)->detector);
    lk_landmarker_close(&(*a)->landmarker);
    lk_masker_close(&(*a)->masker);
    lk_embedder_close(&(*a)->embedder);
    lk_face_calibration_close(&(*a)->calibration);
    lk_tracker_free((*a)->tracker);
    lk_image_clear(&(*a)->whole);
    lk_free((*a)->patch.data);
    lk_free((*a)->models_dir);
    lk_free(*a);
    *a = NULL;
}

void lk_analyser_reset(lk_analyser *a)
{
    lk_tracker_reset(a->tracker);
    a->cut = (lk_cut_state){0};
    memset(a->smooth, 0, sizeof a->smooth);
}

/* --- the picture the eyes look at ---------------------------------------------- */

static lk_status whole_picture(lk_analyser *a, lk_error *err)
{
    if (a->still || a->whole_ready) return LK_OK;
    lk_frame_info f = lk_frame_get_info(a->frame);
    if (a->whole.w != f.width || a->whole.h != f.height) {
        lk_image_clear(&a->whole);
        LK_TRY(lk_image_new(f.width, f.height, 3, &a->whole, err));
    }
    LK_TRY(lk_frame_get_rgb(a->frame, 0, 0, &a->whole, err));
    a->whole_ready = true;
    return LK_OK;
}

static lk_status eyes_detect(void *user, lk_detection *out, int max, int *count, lk_error *err)
{
    lk_analyser *a = user;
    LK_TRY(whole_picture(a, err));
    return lk_detector_run(a->detector, a->still ? a->still : &a->whole, a->o.min_face, a->o.threshold, out,
                           max, count, err);
}

/* Read the part of the frame that the crop shows into the patch. */
static lk_status read_patch(lk_analyser *a, lk_affine to_crop, int *px, int *py, lk_error *err)
{
    lk_frame_info f = lk_frame_get_info(a->frame);
    lk_affine back = lk_affine_invert(to_crop);
    float x0 = INFINITY, y0 = INFINITY, x1 = -INFINITY, y1 = -INFINITY;
    for (int i = 0; i < 4; i++) {
        float x, y;
        lk_affine_apply(back, i & 1 ? LK_NET_CROP : -1, i & 2 ? LK_NET_CROP : -1, &x, &y);
        x0 = fminf(x0, x), y0 = fminf(y0, y), x1 = fmaxf(x1, x), y1 = fmaxf(y1, y);
    }
    if (!(x1 - x0 < 1e6f) || !(y1 - y0 < 1e6f))
        return LK_FAIL(err, LK_E_BUG, "the frame of a followed face is degenerate");
    /* Clamped so that the patch holds at least the picture's edge that such a crop would show. */
    int left = (int)LK_CLAMP(floorf(x0) - PATCH_MARGIN, 0, (float)(f.width - 1));
    int top = (int)LK_CLAMP(floorf(y0) - PATCH_MARGIN, 0, (float)(f.height - 1));
    int right = (int)LK_CLAMP(ceilf(x1) + PATCH_MARGIN, (float)left, (float)(f.width - 1));
    int bottom = (int)LK_CLAMP(ceilf(y1) + PATCH_MARGIN, (float)top, (float)(f.height - 1));
    size_t need = (size_t)(right - left + 1) * (size_t)(bottom - top + 1) * 3;
    if (need > a->patch_room) {
        lk_free(a->patch.data);
        a->patch_room = 0;
        a->patch.data = lk_alloc(need * sizeof(float));
        if (!a->patch.data)
            return LK_FAIL(err, LK_E_NOMEM, "no memory for a face of %d x %d px", right - left + 1,
                           bottom - top + 1);
        a->patch_room = need;
    }
    a->patch.w = right - left + 1;
    a->patch.h = bottom - top + 1;
    a->patch.c = 3;
    *px = left;
    *py = top;
    return lk_frame_get_rgb(a->frame, left, top, &a->patch, err);
}

static lk_status eyes_locate(void *user, lk_affine to_crop, lk_point lm[LK_LANDMARKS], float *quality,
                             lk_error *err)
{
    lk_analyser *a = user;
    if (a->still || a->whole_ready)
        return lk_landmarker_run(a->landmarker, a->still ? a->still : &a->whole, to_crop, lm, quality, NULL,
                                 err);
    int px = 0, py = 0;
    LK_TRY(read_patch(a, to_crop, &px, &py, err));
    lk_affine shift = {1, 0, (float)px, 0, 1, (float)py};
    LK_TRY(
        lk_landmarker_run(a->landmarker, &a->patch, lk_affine_mul(to_crop, shift), lm, quality, NULL, err));
    for (int i = 0; i < LK_LANDMARKS; i++) lm[i].x += (float)px, lm[i].y += (float)py;
    return LK_OK;
}

lk_face_eyes lk_analyser_eyes(lk_analyser *a, const lk_frame *f)
{
    if (f) {
        a->frame = f;
        a->whole_ready = false;
    }
    return (lk_face_eyes){.user = a, .detect = eyes_detect, .locate = eyes_locate};
}

/* --- stills ---------------------------------------------------------------------- */

lk_status lk_analyse_image(lk_analyser *a, const lk_image *rgb, lk_face *faces, int max, int *count,
                           lk_error *err)
{
    *count = 0;
    if (rgb->c != 3 || rgb->w < 1 || rgb->h < 1)
        return LK_FAIL(err, LK_E_ARG, "face analysis needs an RGB picture");
    lk_detection found[4 * LK_TRACKER_MAX];
    int n = 0;
    lk_face_eyes eyes = lk_analyser_eyes(a, NULL);
    a->still = rgb;
    lk_status s = eyes.detect(a, found, (int)LK_COUNT(found), &n, err);
    for (int d = 0; d < n && s == LK_OK && *count < LK_MIN(max, a->o.max_faces); d++) {
        lk_face f = {.score = found[d].score, .track = -1};
        s = lk_face_locate(&eyes, found[d].box, f.lm, &f.quality, err);
        if (s == LK_E_NOTFOUND) {
            s = LK_OK;
            continue;
        }
        f.box = lk_face_box(f.lm);
        bool twice = f.quality < LK_QUALITY_MIN;
        for (int k = 0; k < *count; k++) twice |= lk_rect_iou(faces[k].box, f.box) > 0.45f;
        if (s != LK_OK || twice) continue;
        lk_face_pose(f.lm, &f.yaw, &f.pitch, &f.roll);
        faces[(*count)++] = f;
    }
    a->still = NULL;
    return s;
}

/* --- clips ------------------------------------------------------------------------ */

/* Luma thumbnail from four thin strips a row: enough for the pattern of the picture and little to read of a
 * large one. */
static lk_status thumbnail(lk_analyser *a, float thumb[LK_CUT_W * LK_CUT_H], lk_error *err)
{
    enum { STRIP = 2 };
    lk_frame_info f = lk_frame_get_info(a->frame);
    lk_image strip;
    LK_TRY(lk_image_new(f.width, STRIP, 1, &strip, err));
    lk_status s = LK_OK;
    for (int ty = 0; ty < LK_CUT_H && s == LK_OK; ty++) {
        float row[LK_CUT_W] = {0};
        for (int part = 0; part < 2 && s == LK_OK; part++) {
            s = lk_frame_get_rgb(a->frame, 0, (int)((ty + 0.25 + 0.5 * part) * f.height / LK_CUT_H), &strip,
                                 err);
            for (int tx = 0; tx < LK_CUT_W && s == LK_OK; tx++) {
                int from = (int)((int64_t)tx * f.width / LK_CUT_W);
                int to = LK_MAX((int)((int64_t)(tx + 1) * f.width / LK_CUT_W), from + 1);
                double sum = 0;
                for (int y = 0; y < STRIP; y++)
                    for (int x = from; x < to && x < f.width; x++)
                        sum += strip.data[(size_t)y * (size_t)f.width + (size_t)x];
                row[tx] += (float)(sum / (2.0 * STRIP * (to - from)));
            }
        }
        memcpy(thumb + (size_t)ty * LK_CUT_W, row, sizeof row);
    }
    lk_image_clear(&strip);
    return s;
}

lk_status lk_analyser_follow(lk_analyser *a, const lk_frame *frame, lk_face *faces, int max, int *count,
                             bool *cut, lk_error *err)
{
    float thumb[LK_CUT_W * LK_CUT_H];
    lk_face_eyes eyes = lk_analyser_eyes(a, frame);
    lk_frame_info f = lk_frame_get_info(frame);
    lk_picture_size size = {f.width, f.height};
    *count = 0;
    lk_status s = thumbnail(a, thumb, err);
    *cut = s == LK_OK && lk_cut_step(&a->cut, thumb);
    if (*cut) lk_tracker_cut(a->tracker);
    if (s == LK_OK) s = lk_tracker_step(a->tracker, &size, &eyes, faces, max, count, err);
    return s;
}

/* The smoother of a track; a free place or the one that rested longest when it is new. */
static lk_smoother *smoother_of(lk_analyser *a, int track)
{
    int oldest = 0;
    for (int i = 0; i < LK_TRACKER_MAX; i++) {
        if (a->smooth[i].state.started && a->smooth[i].track == track) return &a->smooth[i].state;
        if (!a->smooth[i].state.started) a->smooth[i].state.seconds = -INFINITY;
        if (a->smooth[i].state.seconds < a->smooth[oldest].state.seconds) oldest = i;
    }
    a->smooth[oldest].track = track;
    a->smooth[oldest].state = (lk_smoother){0};
    return &a->smooth[oldest].state;
}

lk_status lk_analyse_frame(lk_analyser *a, const lk_frame *f, lk_face *faces, int max, int *count,
                           lk_error *err)
{
    bool cut;
    LK_TRY(lk_analyser_follow(a, f, faces, max, count, &cut, err));
    double seconds = lk_frame_get_info(f).seconds;
    for (int i = 0; i < *count; i++) {
        if (a->o.smooth) {
            lk_smoother_step(smoother_of(a, faces[i].track), seconds, faces[i].lm);
            faces[i].box = lk_face_box(faces[i].lm);
        }
        lk_face_pose(faces[i].lm, &faces[i].yaw, &faces[i].pitch, &faces[i].roll);
    }
    return LK_OK;
}

/* --- mask and identity: opened when first asked for, so that finding faces starts at once ----------- */

static lk_status check_crop(const lk_image *crop, lk_error *err)
{
    if (crop->c == 3 && crop->w >= 8 && crop->w == crop->h) return LK_OK;
    return LK_FAIL(err, LK_E_ARG,
                   "a face crop must be a square RGB picture of at least 8 px, not %d x %d with %d channels",
                   crop->w, crop->h, crop->c);
}

lk_status lk_face_mask(lk_analyser *a, const lk_image *crop, lk_image *mask, lk_error *err)
{
    LK_TRY(check_crop(crop, err));
    if (!mask->data || mask->c != 1 || mask->w != crop->w || mask->h != crop->h)
        return LK_FAIL(err, LK_E_ARG, "the mask of a %d px crop must have one channel and that size",
                       crop->w);
    if (!a->masker) LK_TRY(lk_masker_open(a->models_dir, &a->masker, err));
    return lk_masker_run(a->masker, crop, mask, err);
}

lk_status lk_face_embed(lk_analyser *a, const lk_image *crop, float out[LK_EMBEDDING], lk_error *err)
{
    LK_TRY(check_crop(crop, err));
    if (!a->embedder) LK_TRY(lk_embedder_open(a->models_dir, &a->embedder, err));
    return lk_embedder_run(a->embedder, crop, out, err);
}
