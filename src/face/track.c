/* track.c: which face of this picture is which face of the last one.
 *
 * A followed face is framed by where its own points should be now (last points plus
 * motion), so that most pictures need no detection. Detections run every few
 * pictures, and at once when a face is lost or none is known; they are matched with
 * tracks by overlap. A lost face is remembered at its place for a while, so that a
 * hand before the face or a turned head does not make a new person of it.
 */
#include "face/track.h"

#include "face/shape.h"

#include <math.h>
#include <string.h>

#define MATCH_IOU 0.25f   /* detection against track */
#define SAME_IOU 0.45f    /* two tracks on one face */
#define MAX_JUMP 0.5f     /* of the face's size, between where it should be and where it is found */
#define MAX_RESIZE 1.35f  /* size against the last picture's */
/* Rms distance of the 33 points from the mean shape in outer-eye distances; a profile at 75 degrees shows
 * 0.35, a shapeless cloud 0.45. */
#define MAX_MISFIT 0.38f
#define MOTION_KEPT 0.8f  /* share of the motion that goes on in the prediction */
#define UNSEEN_LIMIT 3    /* detections in a row that do not confirm a doubtful track */

typedef struct track {
    int id, age, lost, unseen; /* lost: pictures since it was seen, 0 = seen now */
    lk_point lm[LK_LANDMARKS], motion;
    lk_rect box;
    float score, quality, jump; /* jump: of the last step, in face sizes */
} track;

struct lk_tracker {
    lk_tracker_options o;
    track tracks[LK_TRACKER_MAX]; /* by rising id */
    int count, next_id, since_detect;
    lk_detection found[4 * LK_TRACKER_MAX];
};

lk_tracker_options lk_tracker_defaults(void)
{
    return (lk_tracker_options){.redetect_every = 12, .max_faces = 16, .start_quality = LK_QUALITY_MIN,
                                .keep_quality = 0.3f, .forget_after = 10};
}

lk_status lk_tracker_new(const lk_tracker_options *o, lk_tracker **out, lk_error *err)
{
    *out = NULL;
    if (o->redetect_every < 1 || o->max_faces < 1 || o->max_faces > LK_TRACKER_MAX)
        return LK_FAIL(err, LK_E_ARG,
                       "a tracker needs a detection interval of at least 1 and 1 to %d faces, not %d and %d",
                       LK_TRACKER_MAX, o->redetect_every, o->max_faces);
    lk_tracker *t = lk_calloc(1, sizeof *t);
    if (!t) return LK_FAIL(err, LK_E_NOMEM, "no memory for the face tracker");
    t->o = *o;
    *out = t;
    return LK_OK;
}

void lk_tracker_free(lk_tracker *t) { lk_free(t); }

void lk_tracker_reset(lk_tracker *t)
{
    lk_tracker_options o = t->o;
    memset(t, 0, sizeof *t);
    t->o = o;
}

void lk_tracker_cut(lk_tracker *t) { t->count = 0; }

int lk_tracker_ids(const lk_tracker *t) { return t->next_id; }

bool lk_landmarks_plausible(const lk_point lm[LK_LANDMARKS])
{
    lk_point mean[LK_LANDMARKS];
    for (int i = 0; i < LK_LANDMARKS; i++) {
        if (!isfinite(lm[i].x) || !isfinite(lm[i].y)) return false;
        mean[i] = (lk_point){lk_shape_2d[i][0], lk_shape_2d[i][1]};
    }
    lk_affine m = lk_similarity_rigid(lm, mean);
    double sum = 0;
    for (int i = 0; i < LK_ALIGN_POINTS; i++) {
        int k = lk_align_point(i);
        lk_point p = lk_point_map(m, lm[k]);
        sum += (p.x - mean[k].x) * (p.x - mean[k].x) + (p.y - mean[k].y) * (p.y - mean[k].y);
    }
    float px = 1 / fmaxf(hypotf(m.a, m.d), 1e-9f); /* outer-eye distance of a frontal face of this size */
    return sqrt(sum / LK_ALIGN_POINTS) < MAX_MISFIT && px > 3 && px < 1e5f;
}

static float rect_size(lk_rect r) { return sqrtf(fmaxf((r.x1 - r.x0) * (r.y1 - r.y0), 1)); }

static lk_point rect_middle(lk_rect r) { return (lk_point){0.5f * (r.x0 + r.x1), 0.5f * (r.y0 + r.y1)}; }

lk_status lk_face_locate(const lk_face_eyes *eyes, lk_rect box, lk_point lm[LK_LANDMARKS], float *quality,
                         lk_error *err)
{
    LK_TRY(eyes->locate(eyes->user, lk_landmark_frame_box(box), lm, quality, err));
    if (!lk_landmarks_plausible(lm)) return LK_E_NOTFOUND;
    LK_TRY(eyes->locate(eyes->user, lk_landmark_frame_points(lm), lm, quality, err));
    return lk_landmarks_plausible(lm) ? LK_OK : LK_E_NOTFOUND;
}

/* Take points measured in this picture. */
static void accept(track *k, const lk_point lm[LK_LANDMARKS], float quality, bool moving)
{
    lk_rect box = lk_face_box(lm);
    lk_point from = rect_middle(k->box), to = rect_middle(box);
    k->motion.x = moving ? 0.5f * (k->motion.x + to.x - from.x) : 0;
    k->motion.y = moving ? 0.5f * (k->motion.y + to.y - from.y) : 0;
    memcpy(k->lm, lm, sizeof k->lm);
    k->box = box;
    k->quality = quality;
    k->lost = 0;
    k->age++;
}

lk_status lk_face_continue(const lk_face_eyes *eyes, const lk_picture_size *in,
                           const lk_point from[LK_LANDMARKS], lk_point motion, float keep_quality,
                           lk_continued *out, lk_error *err)
{
    lk_point lm[LK_LANDMARKS];
    lk_rect old = lk_face_box(from);
    lk_point aim = rect_middle(old);
    aim.x += MOTION_KEPT * motion.x;
    aim.y += MOTION_KEPT * motion.y;
    for (int i = 0; i < LK_LANDMARKS; i++)
        lm[i] = (lk_point){from[i].x + MOTION_KEPT * motion.x, from[i].y + MOTION_KEPT * motion.y};
    LK_TRY(eyes->locate(eyes->user, lk_landmark_frame_points(lm), out->lm, &out->quality, err));
    if (out->quality < keep_quality || !lk_landmarks_plausible(out->lm)) return LK_E_NOTFOUND;
    out->box = lk_face_box(out->lm);
    lk_point at = rect_middle(out->box);
    float size = rect_size(old), now = rect_size(out->box);
    out->jump = hypotf(at.x - aim.x, at.y - aim.y) / size;
    if (out->jump > MAX_JUMP || now > MAX_RESIZE * size || size > MAX_RESIZE * now) return LK_E_NOTFOUND;
    bool inside = at.x >= 0 && at.y >= 0 && at.x < (float)in->w && at.y < (float)in->h;
    return inside ? LK_OK : LK_E_NOTFOUND;
}

/* Follow one track from its own points into this picture. */
static lk_status follow(lk_tracker *t, track *k, const lk_picture_size *in, const lk_face_eyes *eyes,
                        lk_error *err)
{
    lk_continued c;
    k->lost = 1; /* until shown otherwise */
    lk_status s = lk_face_continue(eyes, in, k->lm, k->motion, t->o.keep_quality, &c, err);
    if (s == LK_E_NOTFOUND) return LK_OK;
    LK_TRY(s);
    k->jump = c.jump;
    accept(k, c.lm, c.quality, true);
    return LK_OK;
}

/* Two tracks on one face: lost is the one that had to jump there (its own face is hidden), else the younger
 * one. */
static void part_doubles(lk_tracker *t, const track *before)
{
    for (int i = 0; i < t->count; i++)
        for (int j = i + 1; j < t->count; j++) {
            track *a = &t->tracks[i], *b = &t->tracks[j];
            if (a->lost || b->lost || lk_rect_iou(a->box, b->box) < SAME_IOU) continue;
            bool a_goes = fabsf(a->jump - b->jump) > 0.08f ? a->jump > b->jump : a->age < b->age;
            int k = a_goes ? i : j;
            t->tracks[k] = before[k];
            t->tracks[k].lost = 1;
            if (a_goes) break;
        }
}

/* Greedy by overlap. owner[d] = the track of detection d, or -1. */
static void match(lk_tracker *t, int found, int owner[])
{
    bool taken[LK_TRACKER_MAX] = {false};
    for (int d = 0; d < found; d++) owner[d] = -1;
    for (;;) {
        float best = MATCH_IOU;
        int bt = -1, bd = -1;
        for (int d = 0; d < found; d++)
            for (int k = 0; k < t->count && owner[d] < 0; k++) {
                if (taken[k]) continue;
                float iou = lk_rect_iou(t->found[d].box, t->tracks[k].box);
                if (iou > best) best = iou, bt = k, bd = d;
            }
        if (bt < 0) return;
        owner[bd] = bt;
        taken[bt] = true;
    }
}

static bool covered(const lk_tracker *t, lk_rect box, int but)
{
    for (int k = 0; k < t->count; k++)
        if (k != but && !t->tracks[k].lost && lk_rect_iou(t->tracks[k].box, box) > SAME_IOU) return true;
    return false;
}

/* Detect, confirm tracks, find lost ones again, begin new ones. */
static lk_status look(lk_tracker *t, const lk_face_eyes *eyes, lk_error *err)
{
    int found = 0, owner[4 * LK_TRACKER_MAX];
    LK_TRY(eyes->detect(eyes->user, t->found, (int)LK_COUNT(t->found), &found, err));
    t->since_detect = 0;
    match(t, found, owner);
    for (int k = 0; k < t->count; k++) t->tracks[k].unseen++;
    for (int d = 0; d < found; d++) {
        lk_point lm[LK_LANDMARKS];
        float quality;
        track *k = owner[d] >= 0 ? &t->tracks[owner[d]] : NULL;
        if (k) k->unseen = 0, k->score = t->found[d].score;
        if (k && !k->lost) continue;
        if (!k && (t->count >= t->o.max_faces || covered(t, t->found[d].box, -1))) continue;
        lk_status s = lk_face_locate(eyes, t->found[d].box, lm, &quality, err);
        if (s == LK_E_NOTFOUND) continue;
        LK_TRY(s);
        int self = k ? (int)(k - t->tracks) : -1;
        if (quality < t->o.start_quality || covered(t, lk_face_box(lm), self)) continue;
        if (!k) {
            k = &t->tracks[t->count++];
            *k = (track){.id = t->next_id++, .score = t->found[d].score};
        }
        accept(k, lm, quality, false);
    }
    return LK_OK;
}

lk_status lk_tracker_step(lk_tracker *t, const lk_picture_size *in, const lk_face_eyes *eyes, lk_face *faces,
                          int max, int *count, lk_error *err)
{
    track before[LK_TRACKER_MAX];
    memcpy(before, t->tracks, sizeof before);
    *count = 0;
    bool missing = t->count == 0;
    for (int i = 0; i < t->count; i++) {
        if (!t->tracks[i].lost) LK_TRY(follow(t, &t->tracks[i], in, eyes, err));
        else t->tracks[i].lost++;
    }
    part_doubles(t, before);
    for (int i = 0; i < t->count; i++) missing |= t->tracks[i].lost > 0;
    if (missing || ++t->since_detect >= t->o.redetect_every) LK_TRY(look(t, eyes, err));

    int kept = 0;
    for (int i = 0; i < t->count; i++) {
        const track *k = &t->tracks[i];
        bool doubtful = k->unseen >= UNSEEN_LIMIT && k->quality < t->o.start_quality;
        if (k->lost > t->o.forget_after || (doubtful && !k->lost)) continue;
        if (!k->lost && *count < max) {
            lk_face *f = &faces[(*count)++];
            *f = (lk_face){.box = k->box, .score = k->score, .quality = k->quality, .track = k->id};
            memcpy(f->lm, k->lm, sizeof f->lm);
        }
        if (kept != i) t->tracks[kept] = *k;
        kept++;
    }
    t->count = kept;
    return LK_OK;
}
