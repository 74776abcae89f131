/* clip.c: a whole clip, once. One thread decodes, this one looks; the faces go into
 * the clip's arena. A face that a detection finds late, while others were being
 * followed, is walked back through the last pictures to where it came in. After the
 * last picture: tracks too short to be true are dropped, short gaps bridged, every
 * track smoothed from both sides (clip_tracks.c).
 */
#include "face/clip.h"

#include <string.h>

#define QUEUE_FRAMES 4
#define ARENA_CHUNK (1 << 20)
#define RING_BYTES (256 << 20) /* of pictures kept for walking back */
#define RING_MAX 32

/* --- decoding ------------------------------------------------------------------- */

typedef struct decoder { lk_reader *reader; lk_queue *queue; } decoder;

static lk_status decode(void *user, lk_error *err)
{
    decoder *d = user;
    lk_status s;
    for (;;) {
        lk_frame *f = NULL;
        s = lk_reader_next(d->reader, &f, err);
        if (s != LK_OK) break;
        s = lk_queue_put(d->queue, f);
        if (s != LK_OK) {
            lk_frame_unref(&f);
            break;
        }
    }
    lk_queue_close(d->queue);
    return s == LK_END ? LK_OK : s;
}

static void drop_frame(void *item)
{
    lk_frame *f = item;
    lk_frame_unref(&f);
}

/* --- one clip ---------------------------------------------------------------------- */

typedef struct job {
    lk_analyser *a;
    lk_face_clip *clip;
    int64_t room;             /* frames allocated, in the list while it grows */
    lk_face_frame *frames;    /* moved into the arena at the end */
    lk_frame *ring[RING_MAX]; /* the last pictures of this scene, newest last */
    int kept, ring_size;
} job;

static void forget_ring(job *j)
{
    for (int i = 0; i < j->kept; i++) lk_frame_unref(&j->ring[i]);
    j->kept = 0;
}

static void remember(job *j, lk_frame *f)
{
    if (j->kept == j->ring_size) {
        lk_frame_unref(&j->ring[0]);
        memmove(j->ring, j->ring + 1, (size_t)(j->kept - 1) * sizeof *j->ring);
        j->kept--;
    }
    j->ring[j->kept++] = lk_frame_ref(f);
}

lk_status lk_clip_add_face(lk_arena *arena, lk_face_frame *frame, const lk_face *face, lk_error *err)
{
    lk_face *more = lk_arena_alloc(arena, (size_t)(frame->count + 1) * sizeof *more);
    if (!more) return LK_FAIL(err, LK_E_NOMEM, "no memory for the faces of the clip");
    if (frame->count) memcpy(more, frame->faces, (size_t)frame->count * sizeof *more);
    more[frame->count++] = *face;
    frame->faces = more;
    return LK_OK;
}

/* Follow a face that was just found back through the pictures before, as far as it was there. */
static lk_status walk_back(job *j, const lk_face *found, lk_error *err)
{
    lk_face at = *found;
    lk_point motion = {0, 0};
    int64_t i = j->clip->count - 2; /* the picture before the newest */
    for (int r = j->kept - 2; r >= 0 && i >= 0; r--, i--) {
        lk_frame_info info = lk_frame_get_info(j->ring[r]);
        lk_picture_size size = {info.width, info.height};
        lk_face_eyes eyes = lk_analyser_eyes(j->a, j->ring[r]);
        lk_continued c;
        lk_status s = lk_face_continue(&eyes, &size, at.lm, motion, LK_QUALITY_MIN, &c, err);
        if (s == LK_E_NOTFOUND) break;
        LK_TRY(s);
        for (int k = 0; k < j->frames[i].count; k++)
            if (lk_rect_iou(j->frames[i].faces[k].box, c.box) > 0.3f)
                return LK_OK; /* somebody else is there */
        motion.x = 0.5f * (c.box.x0 + c.box.x1 - at.box.x0 - at.box.x1);
        motion.y = 0.5f * (c.box.y0 + c.box.y1 - at.box.y0 - at.box.y1);
        memcpy(at.lm, c.lm, sizeof at.lm);
        at.box = c.box;
        at.quality = c.quality;
        LK_TRY(lk_clip_add_face(j->clip->arena, &j->frames[i], &at, err));
    }
    return LK_OK;
}

static lk_status next_picture(job *j, lk_frame *f, lk_error *err)
{
    lk_face faces[LK_TRACKER_MAX];
    int count = 0, ids = lk_tracker_ids(j->a->tracker);
    bool cut = false;
    lk_frame_info info = lk_frame_get_info(f);
    LK_TRY(lk_analyser_follow(j->a, f, faces, LK_TRACKER_MAX, &count, &cut, err));
    if (j->clip->count == j->room) {
        int64_t room = j->room ? j->room * 2 : 256;
        lk_face_frame *more =
            lk_realloc(j->frames, (size_t)j->room * sizeof *more, (size_t)room * sizeof *more);
        if (!more)
            return LK_FAIL(err, LK_E_NOMEM, "no memory for more than %lld pictures", (long long)j->room);
        j->frames = more;
        j->room = room;
    }
    lk_face_frame *here = &j->frames[j->clip->count++];
    *here = (lk_face_frame){.index = info.index, .pts = info.pts, .seconds = info.seconds, .count = count};
    if (count) {
        here->faces = lk_arena_alloc(j->clip->arena, (size_t)count * sizeof *faces);
        if (!here->faces) return LK_FAIL(err, LK_E_NOMEM, "no memory for the faces of the clip");
        memcpy(here->faces, faces, (size_t)count * sizeof *faces);
    }
    if (!j->ring_size) {
        int64_t bytes = (int64_t)info.width * info.height * (info.bit_depth > 8 ? 6 : 3);
        j->ring_size =
            (int)LK_CLAMP(RING_BYTES / LK_MAX(bytes, 1), 1, LK_MIN(RING_MAX, j->a->o.redetect_every + 1));
        j->clip->width = info.width;
        j->clip->height = info.height;
    }
    if (cut) forget_ring(j);
    remember(j, f);
    for (int i = 0; i < count; i++)
        if (faces[i].track >= ids) LK_TRY(walk_back(j, &faces[i], err));
    return LK_OK;
}

static lk_status watch(job *j, lk_queue *queue, int64_t expected, const lk_cancel *cancel,
                       const lk_progress_sink *progress, lk_error *err)
{
    lk_meter meter;
    lk_meter_init(&meter, progress, "faces", "frames", expected);
    for (;;) {
        void *item = NULL;
        lk_status s = lk_queue_take(queue, &item);
        if (s == LK_END) break;
        LK_TRY(s);
        lk_frame *f = item;
        s = lk_cancel_raised(cancel) ? LK_FAIL(err, LK_E_CANCELLED, "looking for faces was cancelled")
                                     : next_picture(j, f, err);
        lk_frame_unref(&f);
        LK_TRY(s);
        lk_meter_set(&meter, j->clip->count, NULL);
    }
    lk_meter_finish(&meter, NULL);
    return LK_OK;
}

lk_status lk_analyse_clip(lk_analyser *a, const char *path, lk_face_clip *out, const lk_cancel *cancel,
                          const lk_progress_sink *progress, lk_error *err)
{
    memset(out, 0, sizeof *out);
    job j = {.a = a, .clip = out};
    decoder d = {0};
    lk_thread *thread = NULL;
    lk_status s;
    LK_TRY(lk_reader_open(path, &d.reader, err));
    if (!lk_reader_info(d.reader)->has_video)
        LK_GOTO(done, LK_FAIL(err, LK_E_FORMAT, "%s has no picture, only sound: a clip or a photo is needed",
                              path));
    if (lk_arena_new(&out->arena, ARENA_CHUNK) != LK_OK)
        LK_GOTO(done, LK_FAIL(err, LK_E_NOMEM, "no memory for the faces of %s", path));
    lk_analyser_reset(a);
    LK_GOTO(done, lk_queue_new(&d.queue, QUEUE_FRAMES, err));
    LK_GOTO(done, lk_thread_start(&thread, decode, &d, err));
    s = watch(&j, d.queue, lk_reader_info(d.reader)->frames, cancel, progress, err);
    lk_queue_stop(d.queue); /* no harm when all is read; else the decoder stops at its next picture */
    lk_error decode_error = {0};
    lk_status ds = lk_thread_join(&thread, &decode_error);
    if (s == LK_OK && ds != LK_OK) {
        s = ds;
        if (err) *err = decode_error;
    }
    if (s != LK_OK) goto done;
    if (out->count == 0) LK_GOTO(done, LK_FAIL(err, LK_E_FORMAT, "%s has no readable picture", path));
    LK_GOTO(done, lk_clip_finish(out, j.frames, a->o.smooth, err));
done:
    forget_ring(&j);
    lk_analyser_reset(a);
    if (d.queue) lk_queue_free(d.queue, drop_frame);
    lk_reader_close(&d.reader);
    lk_free(j.frames);
    if (s != LK_OK) lk_face_clip_clear(out);
    return s;
}

void lk_face_clip_clear(lk_face_clip *c)
{
    if (c->arena) lk_arena_free(c->arena);
    memset(c, 0, sizeof *c);
}
