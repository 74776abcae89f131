/* pick.c: per-track mapping: this person in the frame, not the others.
 *
 * Each track's template is compared with the target's enrolled one. Several tracks can be the same person (a cut, a face
 * lost for a while), so every track that is alike enough is taken, but never two at the same moment. A track that was
 * named by its number is compared too: nobody's face is covered who did not agree to it.
 */
#include "studio/pick.h"

#include <math.h>
#include <string.h>

#define NOT_SEEN (-1e9f) /* score of a track without any picture that could be compared */

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

/* The most alike first. What is in doubt by itself must come as near to the best as doubt is wide. */
static void take_alike(const lk_face_clip *clip, const float *score, const lk_face_thresholds *limits, lk_pick *out)
{
    for (;;) {
        int best = -1;
        for (int t = 0; t < out->tracks; t++)
            if (!out->wanted[t] && score[t] >= limits->reject && score[t] >= out->best_score - (limits->accept - limits->reject) &&
                (best < 0 || score[t] > score[best]) && !overlaps_wanted(clip, out, t))
                best = t;
        if (best < 0) return;
        out->wanted[best] = true;
    }
}

/* Whatever is seen of a track is compared: here it matters who it is, not how well a template could be kept. */
static lk_status score_tracks(lk_analyser *a, const char *path, const lk_face_clip *clip, const lk_pick_who *who, float *score,
                              lk_error *err)
{
    lk_template_options o = lk_template_defaults();
    o.max_frames = 6;
    o.min_frames = 1;
    o.min_quality = 0.2f;
    o.max_yaw = 70;
    o.min_eyes = 8;
    o.min_sharp = 0;
    lk_track_template *t = lk_calloc((size_t)clip->tracks, sizeof *t);
    if (!t) return LK_FAIL(err, LK_E_NOMEM, "no memory for %d tracks", clip->tracks);
    lk_status s = lk_face_clip_templates(a, path, clip, &o, t, NULL, NULL, err);
    for (int i = 0; i < clip->tracks && s == LK_OK; i++) {
        score[i] = NOT_SEEN;
        if (t[i].t.frames > 0) s = lk_face_template_compare(&who->face, &t[i].t, &score[i], err);
    }
    lk_free(t);
    return s;
}

static lk_status refuse(const char *path, const lk_pick_who *who, const lk_pick *p, lk_error *err)
{
    if (p->best_score <= NOT_SEEN)
        return LK_FAIL(err, LK_E_CONSENT, "no face of %s is clear enough to tell whether it is %s (rule: match)", path, who->person);
    return LK_FAIL(err, LK_E_CONSENT, "%s in %s does not look like %s (score %.2f, needed %.2f): only who agreed gets another face; if it is "
                                      "%s, enroll them with a clip in this light (rule: match)",
                   p->by_number ? "the chosen track" : "nobody", path, who->person, (double)p->best_score, (double)who->limits.reject, who->person);
}

lk_status lk_pick_tracks(lk_analyser *a, const char *path, const lk_face_clip *clip, int track, const lk_pick_who *who, lk_pick *out,
                         lk_error *err)
{
    *out = (lk_pick){.best = -1, .by_number = track >= 0};
    if (clip->tracks < 1) return LK_FAIL(err, LK_E_NOTFOUND, "no face was found in %s; look at it with: likeness faces", path);
    if (track >= clip->tracks)
        return LK_FAIL(err, LK_E_RANGE, "%s has tracks 0 to %d, not %d; see likeness faces", path, clip->tracks - 1, track);
    out->tracks = clip->tracks;
    out->wanted = lk_calloc((size_t)clip->tracks, sizeof *out->wanted);
    float *score = lk_calloc((size_t)clip->tracks, sizeof *score);
    lk_status s = out->wanted && score ? LK_OK : LK_FAIL(err, LK_E_NOMEM, "no memory for %d tracks", clip->tracks);
    if (!s) s = score_tracks(a, path, clip, who, score, err);
    for (int i = 0; i < clip->tracks && !s; i++)
        if ((track < 0 || i == track) && (out->best < 0 || score[i] > out->best_score)) {
            out->best = i;
            out->best_score = score[i];
        }
    if (!s && out->best_score < who->limits.reject) s = refuse(path, who, out, err);
    if (!s && track >= 0) out->wanted[track] = true;
    else if (!s) take_alike(clip, score, &who->limits, out);
    lk_free(score);
    if (s) {
        lk_free(out->wanted);
        out->wanted = NULL;
    }
    return s;
}
