/* template_clip.c: one template for each track of an analysed clip. The fit frames of a
 * track are dealt out into as many stretches of time as a template sums; every other stretch gives its best
 * frame, the others the one most turned, so that time and pose are both covered. Then the clip is read once.
 */
#include "face/template.h"

#include <math.h>
#include <string.h>

#define NOT_SEEN (-1)

typedef struct stretch { int64_t frame; float merit; } stretch;
typedef struct work {
    lk_template_builder builder;
    int64_t fit, met;                /* fit frames of the track, and how many of them were dealt out */
    stretch chosen[LK_TEMPLATE_FRAMES];
} work;

static lk_status count_frames(const lk_face_clip *clip, const lk_template_options *o, work *w, lk_track_template *out,
                              lk_error *err)
{
    for (int64_t i = 0; i < clip->count; i++)
        for (int k = 0; k < clip->frames[i].count; k++) {
            const lk_face *f = &clip->frames[i].faces[k];
            if (f->track < 0) continue;
            if (f->track >= clip->tracks)
                return LK_FAIL(err, LK_E_BUG, "a face of track %d in a clip of %d tracks", f->track, clip->tracks);
            lk_track_template *t = &out[f->track];
            if (t->first == NOT_SEEN) t->first = i;
            t->last = i;
            t->frames++;
            w[f->track].fit += lk_template_fit(o, f, &t->tally);
        }
    return LK_OK;
}

static void deal(const lk_face_clip *clip, const lk_template_options *o, work *w)
{
    for (int64_t i = 0; i < clip->count; i++)
        for (int k = 0; k < clip->frames[i].count; k++) {
            const lk_face *f = &clip->frames[i].faces[k];
            if (f->track < 0 || !lk_template_fit(o, f, NULL)) continue;
            work *t = &w[f->track];
            int64_t parts = LK_MIN(t->fit, (int64_t)o->max_frames), part = t->met++ * parts / t->fit;
            float merit = lk_template_merit(f);
            if (part & 1) merit = f->quality * (0.2f + fabsf(f->yaw) / 90); /* poses: the most turned of the fit ones */
            if (t->chosen[part].frame == NOT_SEEN || merit > t->chosen[part].merit)
                t->chosen[part] = (stretch){i, merit};
        }
}

static bool is_chosen(const work *w, int64_t frame)
{
    for (int i = 0; i < LK_TEMPLATE_FRAMES; i++)
        if (w->chosen[i].frame == frame) return true;
    return false;
}

static lk_status look(const lk_face_frame *here, int64_t i, const lk_frame *f, work *w, lk_error *err)
{
    lk_image whole = {0};
    lk_status s = LK_OK;
    for (int k = 0; k < here->count && s == LK_OK; k++) {
        const lk_face *face = &here->faces[k];
        if (face->track < 0 || !is_chosen(&w[face->track], i)) continue;
        if (!whole.data) s = lk_frame_to_image(f, &whole, err);
        if (s == LK_OK) s = lk_template_add_face(&w[face->track].builder, face, &whole, i, err);
    }
    lk_image_clear(&whole);
    return s;
}

static lk_status read_clip(const char *path, const lk_face_clip *clip, work *w, lk_track_template *out,
                           const lk_cancel *cancel, const lk_progress_sink *progress, lk_error *err)
{
    lk_reader *r = NULL;
    lk_meter meter;
    int64_t end = 0;
    for (int t = 0; t < clip->tracks; t++) end = LK_MAX(end, out[t].last + 1);
    LK_TRY(lk_reader_open(path, &r, err));
    lk_meter_init(&meter, progress, "identity", "frames", end);
    lk_status s = LK_OK;
    for (int64_t i = 0; i < end && s == LK_OK; i++) {
        lk_frame *f = NULL;
        s = lk_cancel_raised(cancel) ? LK_FAIL(err, LK_E_CANCELLED, "looking at the faces of %s was cancelled", path)
                                     : lk_reader_next(r, &f, err);
        if (s == LK_END || (s == LK_OK && lk_frame_get_info(f).pts != clip->frames[i].pts))
            s = LK_FAIL(err, LK_E_FORMAT, "%s is not the clip that was analysed: it differs at picture %lld", path,
                        (long long)i);
        if (s == LK_OK) {
            double seconds = lk_frame_get_info(f).seconds;
            for (int t = 0; t < clip->tracks; t++) {
                if (out[t].first == i) out[t].first_seconds = seconds;
                if (out[t].last == i) out[t].last_seconds = seconds;
            }
            s = look(&clip->frames[i], i, f, w, err);
            lk_meter_set(&meter, i + 1, NULL);
            for (int t = 0; t < clip->tracks; t++) /* the best so far; a later best overwrites it */
                if (lk_template_best(&w[t].builder) == i) out[t].best_seconds = seconds;
        }
        lk_frame_unref(&f);
    }
    lk_meter_finish(&meter, NULL);
    lk_reader_close(&r);
    return s;
}

static lk_status finish_track(const work *w, lk_track_template *out, lk_error *err)
{
    lk_status s = lk_template_finish(&w->builder, &out->t, err);
    if (s == LK_E_NOTFOUND) s = LK_OK; /* too few: told by frames 0 and the tally */
    out->tally.used = out->t.frames;
    out->tally.blurred = w->builder.tally.blurred;
    if (out->t.frames) out->tally.blurred += w->builder.count - out->t.frames;
    out->best = lk_template_best(&w->builder);
    return s;
}

lk_status lk_face_clip_templates(lk_analyser *a, const char *path, const lk_face_clip *clip,
                                 const lk_template_options *o, lk_track_template *out, const lk_cancel *cancel,
                                 const lk_progress_sink *progress, lk_error *err)
{
    lk_template_options use = o ? *o : lk_template_defaults();
    use.max_frames = LK_CLAMP(use.max_frames, 1, LK_TEMPLATE_FRAMES);
    if (clip->count == 1) use.min_frames = 1;
    if (clip->tracks < 1) return LK_OK;
    work *w = lk_calloc((size_t)clip->tracks, sizeof *w);
    if (!w) return LK_FAIL(err, LK_E_NOMEM, "no memory for the faces of %d tracks", clip->tracks);
    lk_status s = LK_OK;
    for (int t = 0; t < clip->tracks; t++) {
        out[t] = (lk_track_template){.first = NOT_SEEN, .last = NOT_SEEN, .best = NOT_SEEN};
        for (int i = 0; i < LK_TEMPLATE_FRAMES; i++) w[t].chosen[i].frame = NOT_SEEN;
        if (s == LK_OK) s = lk_template_begin(&w[t].builder, a, &use, err);
    }
    if (s == LK_OK) s = count_frames(clip, &use, w, out, err);
    if (s == LK_OK) deal(clip, &use, w);
    if (s == LK_OK) s = read_clip(path, clip, w, out, cancel, progress, err);
    for (int t = 0; t < clip->tracks; t++) {
        if (s == LK_OK) s = finish_track(&w[t], &out[t], err);
        lk_template_clear(&w[t].builder);
    }
    lk_free(w);
    return s;
}
