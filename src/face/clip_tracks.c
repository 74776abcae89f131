/* clip_tracks.c: from the faces of single pictures to the tracks of a clip. */
#include "face/clip.h"

#include <math.h>
#include <string.h>

#define BRIDGE 5            /* pictures a gap may have */
#define BRIDGE_MOVE 0.5f    /* of the face's size, between its two sides */
#define BRIDGE_RESIZE 1.25f
#define BRIDGE_TURN 25.0f   /* degrees of yaw */
#define SHORT 3             /* a track of fewer pictures must be sure of itself */
#define SURE 0.8f

/* Where the faces of each track are: refs[start[t] .. start[t + 1]), by time. */
typedef struct face_ref { int64_t frame; int face; } face_ref;
typedef struct track_index { int64_t *start; face_ref *refs; int tracks; } track_index;

static void index_clear(track_index *x)
{
    lk_free(x->start);
    lk_free(x->refs);
    *x = (track_index){0};
}

static lk_status index_make(const lk_face_frame *frames, int64_t count, int tracks, track_index *out,
                            lk_error *err)
{
    *out = (track_index){.tracks = tracks};
    int64_t total = 0;
    out->start = lk_calloc((size_t)tracks + 2, sizeof *out->start);
    for (int64_t f = 0; f < count && out->start; f++) {
        total += frames[f].count;
        for (int i = 0; i < frames[f].count; i++) out->start[frames[f].faces[i].track + 2]++;
    }
    out->refs = lk_calloc((size_t)total + 1, sizeof *out->refs);
    if (!out->start || !out->refs) {
        index_clear(out);
        return LK_FAIL(err, LK_E_NOMEM, "no memory to put the tracks of the clip in order");
    }
    for (int t = 2; t < tracks + 2; t++) out->start[t] += out->start[t - 1];
    for (int64_t f = 0; f < count; f++) /* start[t + 1] runs from the track's first place to its end */
        for (int i = 0; i < frames[f].count; i++)
            out->refs[out->start[frames[f].faces[i].track + 1]++] = (face_ref){f, i};
    return LK_OK;
}

static lk_face *face_at(lk_face_frame *frames, face_ref r) { return &frames[r.frame].faces[r.face]; }

/* Drop tracks that are too short and unsure; number the rest from 0 in order of appearance. */
static lk_status settle_ids(lk_face_frame *frames, int64_t count, int *tracks, lk_error *err)
{
    int ids = 0;
    for (int64_t f = 0; f < count; f++)
        for (int i = 0; i < frames[f].count; i++) ids = LK_MAX(ids, frames[f].faces[i].track + 1);
    int *number = lk_calloc((size_t)ids + 1, sizeof *number);
    int *seen = lk_calloc((size_t)ids + 1, sizeof *seen);
    float *sure = lk_calloc((size_t)ids + 1, sizeof *sure);
    lk_status s = number && seen && sure
                      ? LK_OK
                      : LK_FAIL(err, LK_E_NOMEM, "no memory to number the tracks of the clip");
    for (int64_t f = 0; f < count && s == LK_OK; f++)
        for (int i = 0; i < frames[f].count; i++) {
            const lk_face *k = &frames[f].faces[i];
            seen[k->track]++;
            sure[k->track] = fmaxf(sure[k->track], fminf(k->quality, k->score));
        }
    int next = 0;
    for (int64_t f = 0; f < count && s == LK_OK; f++) {
        int kept = 0;
        for (int i = 0; i < frames[f].count; i++) {
            lk_face *k = &frames[f].faces[i];
            if (seen[k->track] < LK_MIN(SHORT, count) && sure[k->track] < SURE) continue;
            if (!number[k->track]) number[k->track] = ++next;
            k->track = number[k->track] - 1;
            if (kept != i) frames[f].faces[kept] = *k;
            kept++;
        }
        frames[f].count = kept;
    }
    *tracks = next;
    lk_free(number);
    lk_free(seen);
    lk_free(sure);
    return s;
}

static bool agree(const lk_face *a, const lk_face *b)
{
    float wa = a->box.x1 - a->box.x0, ha = a->box.y1 - a->box.y0;
    float wb = b->box.x1 - b->box.x0, hb = b->box.y1 - b->box.y0;
    float size = sqrtf(fmaxf(wa * ha, 1)), other = sqrtf(fmaxf(wb * hb, 1));
    float dx = 0.5f * (a->box.x0 + a->box.x1 - b->box.x0 - b->box.x1);
    float dy = 0.5f * (a->box.y0 + a->box.y1 - b->box.y0 - b->box.y1);
    if (hypotf(dx, dy) > BRIDGE_MOVE * size || fmaxf(size, other) > BRIDGE_RESIZE * fminf(size, other))
        return false;
    float ya, yb, pitch, roll;
    lk_face_pose(a->lm, &ya, &pitch, &roll);
    lk_face_pose(b->lm, &yb, &pitch, &roll);
    return fabsf(ya - yb) <= BRIDGE_TURN;
}

/* Fill the gap between two sightings by straight lines. */
static lk_status bridge(lk_face_clip *clip, face_ref from, face_ref to, lk_error *err)
{
    lk_face a = *face_at(clip->frames, from), b = *face_at(clip->frames, to);
    if (!agree(&a, &b)) return LK_OK;
    for (int64_t f = from.frame + 1; f < to.frame; f++) {
        float w = (float)(f - from.frame) / (float)(to.frame - from.frame);
        lk_face mid = a;
        for (int i = 0; i < LK_LANDMARKS; i++) {
            mid.lm[i].x = a.lm[i].x + w * (b.lm[i].x - a.lm[i].x);
            mid.lm[i].y = a.lm[i].y + w * (b.lm[i].y - a.lm[i].y);
        }
        mid.box = lk_face_box(mid.lm);
        mid.quality = 0.5f * fminf(a.quality, b.quality); /* guessed, not seen */
        mid.score = fminf(a.score, b.score);
        LK_TRY(lk_clip_add_face(clip->arena, &clip->frames[f], &mid, err));
    }
    return LK_OK;
}

static lk_status bridge_gaps(lk_face_clip *clip, lk_error *err)
{
    track_index x;
    LK_TRY(index_make(clip->frames, clip->count, clip->tracks, &x, err));
    lk_status s = LK_OK;
    for (int t = 0; t < clip->tracks; t++)
        for (int64_t i = x.start[t] + 1; i < x.start[t + 1] && s == LK_OK; i++) {
            int64_t gap = x.refs[i].frame - x.refs[i - 1].frame - 1;
            if (gap >= 1 && gap <= BRIDGE) s = bridge(clip, x.refs[i - 1], x.refs[i], err);
        }
    index_clear(&x);
    return s;
}

/* Smooth every run of pictures of every track that follow each other. */
static lk_status smooth_runs(lk_face_clip *clip, lk_error *err)
{
    track_index x;
    LK_TRY(index_make(clip->frames, clip->count, clip->tracks, &x, err));
    lk_status s = LK_OK;
    lk_point (*lm)[LK_LANDMARKS] = NULL;
    int64_t longest = 0;
    for (int t = 0; t < clip->tracks; t++) longest = LK_MAX(longest, x.start[t + 1] - x.start[t]);
    if (longest > INT32_MAX / 2)
        s = LK_FAIL(err, LK_E_RANGE, "the clip is too long to be analysed in one piece; cut it");
    else if (longest && !(lm = lk_alloc((size_t)longest * sizeof *lm)))
        s = LK_FAIL(err, LK_E_NOMEM, "no memory to smooth a track of %lld pictures", (long long)longest);
    for (int t = 0; t < clip->tracks && s == LK_OK; t++)
        for (int64_t from = x.start[t], to; from < x.start[t + 1] && s == LK_OK; from = to) {
            for (to = from + 1; to < x.start[t + 1] && x.refs[to].frame == x.refs[to - 1].frame + 1; to++)
                continue;
            for (int64_t i = from; i < to; i++)
                memcpy(lm[i - from], face_at(clip->frames, x.refs[i])->lm, sizeof *lm);
            s = lk_smooth_track(lm, (int)(to - from), err);
            for (int64_t i = from; i < to; i++)
                memcpy(face_at(clip->frames, x.refs[i])->lm, lm[i - from], sizeof *lm);
        }
    lk_free(lm);
    index_clear(&x);
    return s;
}

lk_status lk_clip_finish(lk_face_clip *clip, lk_face_frame *raw, bool smooth, lk_error *err)
{
    LK_TRY(settle_ids(raw, clip->count, &clip->tracks, err));
    clip->frames = lk_arena_alloc(clip->arena, (size_t)clip->count * sizeof *raw);
    if (!clip->frames) return LK_FAIL(err, LK_E_NOMEM, "no memory for %lld pictures", (long long)clip->count);
    memcpy(clip->frames, raw, (size_t)clip->count * sizeof *raw);
    LK_TRY(bridge_gaps(clip, err));
    if (smooth) LK_TRY(smooth_runs(clip, err));
    for (int64_t f = 0; f < clip->count; f++) {
        lk_face_frame *here = &clip->frames[f];
        for (int i = 1; i < here->count; i++) /* few: insertion sort by id */
            for (int k = i; k > 0 && here->faces[k].track < here->faces[k - 1].track; k--) {
                lk_face swap = here->faces[k];
                here->faces[k] = here->faces[k - 1];
                here->faces[k - 1] = swap;
            }
        for (int i = 0; i < here->count; i++) {
            lk_face *k = &here->faces[i];
            k->box = lk_face_box(k->lm);
            lk_face_pose(k->lm, &k->yaw, &k->pitch, &k->roll);
        }
    }
    return LK_OK;
}
