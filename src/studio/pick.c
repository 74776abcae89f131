/* pick.c: per-track mapping: this person in the frame, not the others.
 *
 * Each track is described by the mean embedding of a few of its frames and
 * compared with the target's own samples. Several tracks can be the same person
 * (a cut, a face lost for a while), so every track that is alike enough is taken,
 * but never two at the same moment.
 */
#include "studio/pick.h"

#include <math.h>
#include <string.h>

enum { SAMPLES_PER_TRACK = 5, TEMPLATE_SAMPLES = 24 };

/* Same person: the cosine that the embedding network's card gives at a false-accept rate of one in a hundred on
 * people it never saw is near .5; the wanted person must reach this, and come close to the best track. */
#define SAME_PERSON 0.40f
#define NEAR_BEST 0.20f

static void add_to(float *sum, const float *e) { for (int i = 0; i < LK_EMBEDDING; i++) sum[i] += e[i]; }

static void unit(float *v)
{
    double n = 0;
    for (int i = 0; i < LK_EMBEDDING; i++) n += (double)v[i] * v[i];
    if (n > 0)
        for (int i = 0; i < LK_EMBEDDING; i++) v[i] = (float)(v[i] / sqrt(n));
}

lk_status lk_pick_template(lk_analyser *a, const lk_dataset *d, float out[LK_EMBEDDING], lk_error *err)
{
    lk_image crop = {0};
    int n = lk_dataset_count(d), take = LK_MIN(n, TEMPLATE_SAMPLES);
    lk_status s;
    memset(out, 0, LK_EMBEDDING * sizeof *out);
    LK_TRY(lk_image_new(LK_SAMPLE_SIZE, LK_SAMPLE_SIZE, 3, &crop, err));
    for (int i = 0; i < take; i++) {
        float e[LK_EMBEDDING];
        lk_sample sample = lk_dataset_at(d, (int)((int64_t)i * n / take));
        for (int k = 0; k < LK_SAMPLE_SIZE * LK_SAMPLE_SIZE * 3; k++) crop.data[k] = (float)sample.rgb[k] / 255.0f;
        LK_GOTO(done, lk_face_embed(a, &crop, e, err));
        add_to(out, e);
    }
    unit(out);
    s = LK_OK;
done:
    lk_image_clear(&crop);
    return s;
}

typedef struct track_sample { int64_t frames, seen; float sum[LK_EMBEDDING]; int taken; } track_sample;

/* Embed a few frames of each track, spread over its length. */
static lk_status embed_tracks(lk_analyser *a, const char *path, const lk_face_clip *clip, track_sample *t, lk_error *err)
{
    lk_reader *r = NULL;
    lk_image crop = {0}, whole = {0};
    lk_frame *f = NULL;
    lk_status s;
    for (int64_t i = 0; i < clip->count; i++)
        for (int k = 0; k < clip->frames[i].count; k++)
            if (clip->frames[i].faces[k].track >= 0) t[clip->frames[i].faces[k].track].frames++;
    LK_GOTO(done, lk_image_new(LK_SAMPLE_SIZE, LK_SAMPLE_SIZE, 3, &crop, err));
    LK_GOTO(done, lk_reader_open(path, &r, err));
    for (int64_t i = 0; i < clip->count && (s = lk_reader_next(r, &f, err)) == LK_OK; i++) {
        for (int k = 0; k < clip->frames[i].count; k++) {
            const lk_face *face = &clip->frames[i].faces[k];
            if (face->track < 0) continue;
            track_sample *ts = &t[face->track];
            int64_t step = LK_MAX(1, ts->frames / SAMPLES_PER_TRACK);
            if (ts->seen++ % step || ts->taken >= SAMPLES_PER_TRACK) continue;
            if (!whole.data) LK_GOTO(done, lk_frame_to_image(f, &whole, err));
            lk_affine to_crop = lk_face_align(face->lm, LK_SAMPLE_SIZE, LK_FACE_CROP_COVERAGE);
            float e[LK_EMBEDDING];
            lk_image_warp(&whole, &crop, lk_affine_invert(to_crop), LK_FILTER_AREA, LK_BORDER_CLAMP);
            LK_GOTO(done, lk_face_embed(a, &crop, e, err));
            add_to(ts->sum, e);
            ts->taken++;
        }
        lk_image_clear(&whole);
        lk_frame_unref(&f);
    }
    s = s == LK_END || s == LK_OK ? LK_OK : s;
done:
    lk_frame_unref(&f);
    lk_image_clear(&whole);
    lk_image_clear(&crop);
    lk_reader_close(&r);
    return s;
}

/* Does track b appear in a frame that a wanted track is in? */
static bool overlaps_wanted(const lk_face_clip *clip, const lk_pick *p, int b)
{
    for (int64_t i = 0; i < clip->count; i++) {
        bool has = false, other = false;
        for (int k = 0; k < clip->frames[i].count; k++) {
            int t = clip->frames[i].faces[k].track;
            has |= t == b;
            other |= lk_pick_has(p, t);
        }
        if (has && other) return true;
    }
    return false;
}

static void take_alike(const lk_face_clip *clip, const float *cosine, lk_pick *out)
{
    for (;;) {
        int best = -1;
        for (int t = 0; t < out->tracks; t++)
            if (!out->wanted[t] && cosine[t] >= SAME_PERSON && cosine[t] >= out->best_cosine - NEAR_BEST &&
                (best < 0 || cosine[t] > cosine[best]) && !overlaps_wanted(clip, out, t))
                best = t;
        if (best < 0) return;
        out->wanted[best] = true;
    }
}

lk_status lk_pick_tracks(lk_analyser *a, const char *clip_path, const lk_face_clip *clip, int track, const float *template_or_null,
                         const char *person, lk_pick *out, lk_error *err)
{
    *out = (lk_pick){.best = -1};
    if (clip->tracks < 1)
        return LK_FAIL(err, LK_E_NOTFOUND, "no face was found in %s; look at it with: likeness faces", clip_path);
    if (track >= clip->tracks)
        return LK_FAIL(err, LK_E_RANGE, "%s has tracks 0 to %d, not %d; see likeness faces", clip_path, clip->tracks - 1, track);
    if (track < 0 && clip->tracks > 1 && !template_or_null)
        return LK_FAIL(err, LK_E_NOTFOUND, "%s shows %d tracks of faces and %s was never imported here to compare with; choose one with --track (see likeness faces)",
                       clip_path, clip->tracks, person);
    out->tracks = clip->tracks;
    out->wanted = lk_calloc((size_t)clip->tracks, sizeof *out->wanted);
    track_sample *t = lk_calloc((size_t)clip->tracks, sizeof *t);
    float *cosine = lk_calloc((size_t)clip->tracks, sizeof *cosine);
    lk_status s = out->wanted && t && cosine ? LK_OK : LK_FAIL(err, LK_E_NOMEM, "no memory for %d tracks", clip->tracks);
    if (!s && (track >= 0 || !template_or_null)) {
        out->best = track >= 0 ? track : 0;
        out->wanted[out->best] = true;
    } else if (!s && !(s = embed_tracks(a, clip_path, clip, t, err))) {
        for (int i = 0; i < clip->tracks; i++) {
            unit(t[i].sum);
            cosine[i] = t[i].taken ? lk_embedding_cosine(t[i].sum, template_or_null) : -1;
            if (out->best < 0 || cosine[i] > out->best_cosine) {
                out->best = i;
                out->best_cosine = cosine[i];
            }
        }
        take_alike(clip, cosine, out);
        if (!out->wanted[out->best])
            s = LK_FAIL(err, LK_E_NOTFOUND, "nobody in %s looks like %s (best likeness %.2f, needed %.2f); choose with --track if you are sure (see likeness faces)",
                        clip_path, person, (double)out->best_cosine, (double)SAME_PERSON);
    }
    lk_free(t);
    lk_free(cosine);
    if (s) {
        lk_free(out->wanted);
        out->wanted = NULL;
    }
    return s;
}
