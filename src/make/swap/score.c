/* score.c: lk_swap_score_clip, the measures of a rendered clip against truth.
 *
 * Pixels first, the three clips read in step; then our own landmarks on the
 * result and on the truth, each clip from its start, because tracking is
 * sequential.
 */
#include <math.h>
#include <string.h>

#include "make/swap/score.h"
#include "make/swap/swap.h"

#define N ((size_t)LK_SCORE_CANVAS * LK_SCORE_CANVAS)
#define SEAM_BINS 1000     /* of 0.05 delta E */
#define SEAM_BIN 0.05
#define ID_CROP 128        /* px, of the identity crop */

enum { RESULT, TRUTH, UNTOUCHED, CLIPS };

typedef struct work {
    lk_image canvas[CLIPS], id_crop, box; /* box: the part of the frame that is warped, reused */
    float *mask, *scratch;
    float *luma[2][3];                    /* [result, truth][time]: for the second difference */
    double *seam;                         /* histogram */
    double *mouth_result, *mouth_truth;
    lk_point (*found)[LK_LANDMARKS];      /* [2 * frames]: result, then truth */
    bool *has;                            /* [2 * frames] */
} work;

static void work_clear(work *w)
{
    for (int i = 0; i < CLIPS; i++) lk_image_clear(&w->canvas[i]);
    lk_image_clear(&w->id_crop);
    lk_image_clear(&w->box);
    for (int i = 0; i < 6; i++) lk_free(w->luma[i / 3][i % 3]);
    lk_free(w->mask);
    lk_free(w->scratch);
    lk_free(w->seam);
    lk_free(w->mouth_result);
    lk_free(w->mouth_truth);
    lk_free(w->found);
    lk_free(w->has);
}

static lk_status work_new(work *w, int frames, lk_error *err)
{
    *w = (work){0};
    for (int i = 0; i < CLIPS; i++)
        LK_TRY(lk_image_new(LK_SCORE_CANVAS, LK_SCORE_CANVAS, 3, &w->canvas[i], err));
    LK_TRY(lk_image_new(ID_CROP, ID_CROP, 3, &w->id_crop, err));
    bool ok = true;
    for (int i = 0; i < 6; i++) ok = (w->luma[i / 3][i % 3] = lk_calloc(N, sizeof(float))) && ok;
    w->mask = lk_calloc(N, sizeof(float));
    w->scratch = lk_calloc(lk_score_ssim_floats(LK_SCORE_CANVAS, LK_SCORE_CANVAS), sizeof(float));
    w->seam = lk_calloc(SEAM_BINS, sizeof(double));
    w->mouth_result = lk_calloc((size_t)frames, sizeof(double));
    w->mouth_truth = lk_calloc((size_t)frames, sizeof(double));
    w->found = lk_calloc(2 * (size_t)frames, sizeof *w->found);
    w->has = lk_calloc(2 * (size_t)frames, sizeof *w->has);
    ok = ok && w->mask && w->scratch && w->seam && w->mouth_result && w->mouth_truth && w->found && w->has;
    return ok ? LK_OK : LK_FAIL(err, LK_E_NOMEM, "no memory to measure %d frames", frames);
}

/* Warps the part of f under dst; only that part is converted to RGB. */
static lk_status warp_frame(work *w, const lk_frame *f, lk_affine to_dst, lk_filter filter, lk_image *dst,
                            lk_error *err)
{
    lk_affine back = lk_affine_invert(to_dst);
    lk_frame_info info = lk_frame_get_info(f);
    float x0 = INFINITY, y0 = INFINITY, x1 = -INFINITY, y1 = -INFINITY;
    for (int i = 0; i < 4; i++) {
        float x, y;
        lk_affine_apply(back, i & 1 ? (float)dst->w : -1, i & 2 ? (float)dst->h : -1, &x, &y);
        x0 = fminf(x0, x); y0 = fminf(y0, y);
        x1 = fmaxf(x1, x); y1 = fmaxf(y1, y);
    }
    int left = (int)LK_CLAMP(floorf(x0) - 2, 0.0f, (float)(info.width - 1));
    int top = (int)LK_CLAMP(floorf(y0) - 2, 0.0f, (float)(info.height - 1));
    int right = (int)LK_CLAMP(ceilf(x1) + 3, (float)left + 1, (float)info.width);
    int bottom = (int)LK_CLAMP(ceilf(y1) + 3, (float)top + 1, (float)info.height);
    if (w->box.w != right - left || w->box.h != bottom - top) {
        lk_image_clear(&w->box);
        LK_TRY(lk_image_new(right - left, bottom - top, 3, &w->box, err));
    }
    LK_TRY(lk_frame_get_rgb(f, left, top, &w->box, err));
    lk_affine shift = {1, 0, (float)-left, 0, 1, (float)-top};
    lk_image_warp(&w->box, dst, lk_affine_mul(shift, back), filter, LK_BORDER_CLAMP);
    return LK_OK;
}

static void to_luma(const lk_image *rgb, float *y)
{
    for (size_t i = 0; i < N; i++)
        y[i] = 0.2126f * rgb->data[3 * i] + 0.7152f * rgb->data[3 * i + 1] + 0.0722f * rgb->data[3 * i + 2];
}

/* Mean |second difference| of luma over the region, of result and truth, for the frame before this one. */
static void luma_flicker(const work *w, double sum[2])
{
    for (int c = 0; c < 2; c++) {
        double s = 0, n = 0;
        for (size_t i = 0; i < N; i++) {
            if (!(w->mask[i] > 0)) continue;
            s += fabs((double)(w->luma[c][0][i] - 2 * w->luma[c][1][i] + w->luma[c][2][i]));
            n++;
        }
        if (n > 0) sum[c] += s / n;
    }
}

static lk_status next_frame(lk_reader *r, const char *path, int at, int frames, lk_frame **out, lk_error *err)
{
    lk_status s = lk_reader_next(r, out, err);
    if (s != LK_END) return s;
    return LK_FAIL(err, LK_E_FORMAT, "%s ends after %d of %d frames; compare clips of the same length", path,
                   at, frames);
}

typedef struct refs { const float *source, *dest; const lk_rect *label; } refs;

static lk_status pixel_measures(work *w, lk_analyser *a, const char *const *paths, lk_reader *const *readers,
                                const lk_point (*lm)[LK_LANDMARKS], int frames, refs ref, lk_swap_score *out,
                                lk_frame **f, const lk_cancel *cancel, lk_error *err)
{
    double ssim[2] = {0}, psnr[2] = {0}, flicker[2] = {0}, id[2] = {0}, seam_sum = 0, seam_count = 0;
    int measured = 0;
    out->id_margin_min = INFINITY;
    out->ssim_min = INFINITY;
    for (int i = 0; i < frames; i++) {
        if (lk_cancel_raised(cancel)) return LK_FAIL(err, LK_E_CANCELLED, "measuring was stopped");
        lk_affine align = lk_score_align(lm[i]);
        lk_point on_canvas[LK_LANDMARKS];
        for (int k = 0; k < LK_LANDMARKS; k++)
            lk_affine_apply(align, lm[i][k].x, lm[i][k].y, &on_canvas[k].x, &on_canvas[k].y);
        for (int c = 0; c < CLIPS; c++) {
            lk_frame_unref(&f[c]);
            LK_TRY(next_frame(readers[c], paths[c], i, frames, &f[c], err));
            LK_TRY(warp_frame(w, f[c], align, LK_FILTER_BILINEAR, &w->canvas[c], err));
        }
        lk_rect skip;
        if (ref.label) { /* the box around the turned label */
            skip = (lk_rect){INFINITY, INFINITY, -INFINITY, -INFINITY};
            for (int k = 0; k < 4; k++) {
                float x, y;
                lk_affine_apply(align, k & 1 ? ref.label->x1 : ref.label->x0,
                                k & 2 ? ref.label->y1 : ref.label->y0, &x, &y);
                skip = (lk_rect){fminf(skip.x0, x), fminf(skip.y0, y), fmaxf(skip.x1, x), fmaxf(skip.y1, y)};
            }
        }
        for (int c = 0; c < 2; c++) { /* keep the last three */
            float *oldest = w->luma[c][0];
            w->luma[c][0] = w->luma[c][1];
            w->luma[c][1] = w->luma[c][2];
            w->luma[c][2] = oldest;
            to_luma(&w->canvas[c], oldest);
        }
        if (lk_score_region(on_canvas, ref.label ? &skip : NULL, w->mask) == 0)
            continue; /* wholly under the label */
        if (i >= 2) luma_flicker(w, flicker);
        double s = lk_score_ssim(&w->canvas[RESULT], &w->canvas[TRUTH], w->mask, w->scratch);
        ssim[0] += s;
        out->ssim_min = fmin(out->ssim_min, s);
        psnr[0] += lk_score_psnr(&w->canvas[RESULT], &w->canvas[TRUTH], w->mask);
        ssim[1] += lk_score_ssim(&w->canvas[UNTOUCHED], &w->canvas[TRUTH], w->mask, w->scratch);
        psnr[1] += lk_score_psnr(&w->canvas[UNTOUCHED], &w->canvas[TRUTH], w->mask);
        double seam[LK_SCORE_SEAM_POINTS];
        int points =
            lk_score_seam(&w->canvas[RESULT], &w->canvas[TRUTH], on_canvas, ref.label ? &skip : NULL, seam);
        for (int k = 0; k < points; k++) {
            seam_sum += seam[k];
            seam_count++;
            w->seam[LK_MIN((int)(seam[k] / SEAM_BIN), SEAM_BINS - 1)]++;
        }
        if (a && ref.source && ref.dest) {
            float e[LK_EMBEDDING];
            lk_affine wide = lk_face_align(lm[i], ID_CROP, LK_FACE_CROP_COVERAGE);
            LK_TRY(warp_frame(w, f[RESULT], wide, LK_FILTER_AREA, &w->id_crop, err));
            LK_TRY(lk_face_embed(a, &w->id_crop, e, err));
            double s1 = (double)lk_embedding_cosine(e, ref.source),
                   s2 = (double)lk_embedding_cosine(e, ref.dest);
            id[0] += s1;
            id[1] += s2;
            out->id_margin_min = fmin(out->id_margin_min, s1 - s2);
        }
        measured++;
    }
    if (!measured)
        return LK_FAIL(err, LK_E_RANGE, "no frame of %s shows the face beside the label; nothing to measure",
                       paths[TRUTH]);
    bool identity = a && ref.source && ref.dest;
    out->frames = measured;
    out->ssim = ssim[0] / measured;
    out->psnr = psnr[0] / measured;
    out->ssim_untouched = ssim[1] / measured;
    out->psnr_untouched = psnr[1] / measured;
    out->id_source = identity ? id[0] / measured : NAN;
    out->id_dest = identity ? id[1] / measured : NAN;
    if (!identity) out->id_margin_min = NAN;
    out->flicker_luma = flicker[1] > 0 ? flicker[0] / flicker[1] : NAN;
    out->seam_mean = seam_count > 0 ? seam_sum / seam_count : NAN;
    double below = 0;
    int bin = 0;
    while (bin < SEAM_BINS - 1 && (below += w->seam[bin]) < 0.95 * seam_count) bin++;
    out->seam_p95 = seam_count > 0 ? (bin + 1) * SEAM_BIN : NAN;
    return LK_OK;
}

/* Our landmarks of one clip: the found face nearest to the truth's, if it is at most an eye distance away. */
static lk_status track_clip(lk_analyser *a, const char *path, lk_reader *r,
                            const lk_point (*lm)[LK_LANDMARKS], int frames, lk_point (*found)[LK_LANDMARKS],
                            bool *has, const lk_cancel *cancel, lk_error *err)
{
    lk_status s = LK_OK;
    lk_frame *f = NULL;
    lk_face faces[16];
    lk_analyser_reset(a);
    for (int i = 0; i < frames; i++) {
        int count = 0;
        double best = 0.5; /* mean point distance / inter-ocular */
        if (lk_cancel_raised(cancel)) LK_GOTO(done, LK_FAIL(err, LK_E_CANCELLED, "measuring was stopped"));
        LK_GOTO(done, next_frame(r, path, i, frames, &f, err));
        LK_GOTO(done, lk_analyse_frame(a, f, faces, (int)LK_COUNT(faces), &count, err));
        lk_frame_unref(&f);
        for (int k = 0; k < count; k++) {
            double d = lk_score_landmark_error(faces[k].lm, lm[i]);
            if (!(d < best)) continue;
            best = d;
            has[i] = true;
            memcpy(found[i], faces[k].lm, sizeof found[i]);
        }
    }
done:
    lk_frame_unref(&f);
    return s;
}

static void landmark_measures(work *w, const lk_point (*lm)[LK_LANDMARKS], int frames, lk_swap_score *out)
{
    double error[2] = {0}, jitter[2] = {0};
    int seen[2] = {0}, triples = 0, pairs = 0;
    const bool *has[2] = {w->has, w->has + frames};
    lk_point (*found[2])[LK_LANDMARKS] = {w->found, w->found + frames};
    for (int i = 0; i < frames; i++) {
        for (int c = 0; c < 2; c++) {
            if (!has[c][i]) continue;
            error[c] += lk_score_landmark_error(found[c][i], lm[i]);
            seen[c]++;
        }
        if (has[1][i] && !has[0][i]) out->missed++;
        if (has[0][i]) {
            w->mouth_result[pairs] = lk_score_mouth(found[0][i]);
            w->mouth_truth[pairs++] = lk_score_mouth(lm[i]);
        }
        bool both = i >= 2;
        for (int k = 0; k < 3 && both; k++) both = has[0][i - k] && has[1][i - k];
        if (!both) continue;
        triples++;
        for (int c = 0; c < 2; c++) {
            double scale = (double)lk_face_interocular(lm[i]);
            for (int k = 0; k < LK_LANDMARKS && scale > 0; k++) {
                lk_point p = found[c][i - 2][k], q = found[c][i - 1][k], r = found[c][i][k];
                jitter[c] += (double)hypotf(p.x - 2 * q.x + r.x, p.y - 2 * q.y + r.y) / scale;
            }
        }
    }
    out->landmark_error = seen[0] ? error[0] / seen[0] : NAN;
    out->landmark_floor = seen[1] ? error[1] / seen[1] : NAN;
    out->mouth_corr = pairs > 1 ? lk_score_correlation(w->mouth_result, w->mouth_truth, pairs) : NAN;
    out->flicker_landmarks = triples && jitter[1] > 0 ? jitter[0] / jitter[1] : NAN;
}

lk_status lk_swap_score_clip(lk_analyser *a, const char *result, const char *truth, const char *untouched,
                             const lk_point (*truth_landmarks)[LK_LANDMARKS], int frames,
                             const float *source_ref, const float *dest_ref, const lk_rect *label_box,
                             lk_swap_score *out, const lk_cancel *cancel, lk_error *err)
{
    const char *paths[CLIPS] = {result, truth, untouched};
    lk_reader *readers[CLIPS] = {NULL};
    lk_frame *f[CLIPS] = {NULL};
    work w = {0};
    lk_status s;
    *out = (lk_swap_score){
        .landmark_error = NAN, .landmark_floor = NAN, .mouth_corr = NAN, .flicker_landmarks = NAN};
    if (frames < 1) return LK_FAIL(err, LK_E_ARG, "a score needs at least one frame");
    LK_GOTO(done, work_new(&w, frames, err));
    for (int c = 0; c < CLIPS; c++) LK_GOTO(done, lk_reader_open(paths[c], &readers[c], err));
    refs ref = {source_ref, dest_ref, label_box};
    LK_GOTO(done, pixel_measures(&w, a, paths, readers, truth_landmarks, frames, ref, out, f, cancel, err));
    for (int c = 0; c < 2 && a; c++) {
        LK_GOTO(done, lk_reader_rewind(readers[c], err));
        LK_GOTO(done, track_clip(a, paths[c], readers[c], truth_landmarks, frames,
                                 w.found + (size_t)c * (size_t)frames, w.has + (size_t)c * (size_t)frames,
                                 cancel, err));
    }
    if (a) landmark_measures(&w, truth_landmarks, frames, out);
done:
    for (int c = 0; c < CLIPS; c++) {
        lk_frame_unref(&f[c]);
        lk_reader_close(&readers[c]);
    }
    work_clear(&w);
    return s;
}
