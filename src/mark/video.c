/* video.c: a made clip on its way out.
 *
 * Each frame: grants (every two seconds) -> label -> watermark -> encoder. At the
 * end: the finished file under its temporary name -> manifest and signature ->
 * hash -> grants -> rows -> rename. Marks that live in the pixels belong in
 * mark_frame; marks that live in the file in seal.c, where the file is whole and
 * nobody has seen it.
 */
#include <stdio.h>
#include <string.h>

#include "mark/internal.h"
#include "media/writer.h"

#define RECHECK_SECONDS 2.0

struct lk_mark_video {
    origin who;
    label plate;
    seal marks;
    wm_embedder *watermark;
    lk_writer *writer;
    char path[1024], audio_from[1024];
    double checked; /* lk_now() of the last check of the grants */
    int64_t frames, synthetic;
    lk_mark_cost cost;
    lk_status failed; /* once set, the output is gone for good */
    lk_error why;
};

/* Remove what was written and remember why: no later call can bring it back. */
static lk_status give_up(lk_mark_video *v, lk_status s, const lk_error *why, lk_error *err)
{
    lk_writer_abort(&v->writer);
    v->failed = s;
    v->why = *why;
    if (err) *err = *why;
    return s;
}

static lk_status open_watermark(lk_mark_video *v, const lk_media_info *like, lk_error *err)
{
    wm_key key = wm_public_key();
    lk_error why = {0};
    lk_status s = wm_embed_open(like->width, like->height, v->marks.id, &key, 0, &v->watermark, &why);
    v->marks.marked = s == LK_OK;
    v->marks.watermark = MARK_WATERMARK_VIDEO;
    if (s == LK_E_RANGE)
        return LK_FAIL(err, LK_E_MARK, "%s is too small to carry a mark: %s", v->path, why.message);
    if (s != LK_OK && err) *err = why;
    return s;
}

lk_status lk_mark_video_open(const lk_mark_video_spec *spec, const lk_mark_origin *from, lk_mark_video **out,
                             lk_error *err)
{
    *out = NULL;
    if (!spec->like || !spec->path || strlen(spec->path) >= sizeof((*out)->path))
        return LK_FAIL(err, LK_E_ARG, "a clip needs a path and the clip that it is like");
    lk_mark_video *v = lk_calloc(1, sizeof(*v));
    if (!v) return LK_FAIL(err, LK_E_NOMEM, "no memory to write %s", spec->path);
    strcpy(v->path, spec->path);
    snprintf(v->audio_from, sizeof(v->audio_from), "%s", spec->audio_from ? spec->audio_from : "");
    tag_list tags = {.count = 0};
    lk_status s = mark_origin_init(from, true, &v->who, err);
    if (s == LK_OK)
        s = mark_label_make(spec->like->width, spec->like->height, spec->place, spec->style, v->who.action, &v->plate,
                            err);
    if (s == LK_OK) s = mark_seal_begin(&v->marks, &v->who, err);
    if (s == LK_OK) s = open_watermark(v, spec->like, err);
    if (s == LK_OK) s = mark_tags_make(&v->who, &tags, err);
    if (s == LK_OK) {
        lk_writer_spec ws = {.path = spec->path,
                             .like = spec->like,
                             .audio_from = spec->audio_from,
                             .crf = spec->crf,
                             .preset = spec->preset,
                             .tags = tags.pair};
        s = lk_writer_open(&ws, &v->writer, err);
    }
    mark_tags_clear(&tags);
    v->checked = lk_now();
    if (s != LK_OK) lk_mark_video_abort(&v);
    *out = v;
    return s;
}

/* Everything that is put into the pixels. */
static lk_status mark_frame(lk_mark_video *v, lk_frame *f, lk_error *err)
{
    double seconds = lk_frame_get_info(f).seconds;
    LK_TRY(lk_frame_blend_rgb(f, v->plate.x, v->plate.y, &v->plate.rgb, &v->plate.alpha, err));
    double begin = lk_now();
    LK_TRY(wm_embed_frame(v->watermark, f, seconds, err));
    double middle = lk_now();
    LK_TRY(lk_copies_hashes_frame(v->marks.looks, f, seconds, err));
    v->cost.watermark += middle - begin;
    v->cost.looks += lk_now() - middle;
    v->marks.duration = LK_MAX(v->marks.duration, seconds);
    return LK_OK;
}

lk_status lk_mark_video_frame(lk_mark_video *v, lk_frame *f, bool synthetic, lk_error *err)
{
    lk_error why = {0};
    lk_status s = LK_OK;
    lk_frame *own = NULL;
    if (v->failed) {
        if (err) *err = v->why;
        return v->failed;
    }
    if (lk_now() - v->checked >= RECHECK_SECONDS) {
        s = mark_origin_check(&v->who, &why);
        v->checked = lk_now();
    }
    /* The caller's frame stays as it is: others may hold it. */
    if (s == LK_OK) s = lk_frame_writable(f, &own, &why);
    if (s == LK_OK) s = mark_frame(v, own, &why);
    if (s == LK_OK) s = lk_writer_frame(v->writer, own, &why);
    lk_frame_unref(&own);
    if (s != LK_OK) return give_up(v, s, &why, err);
    v->frames++;
    v->synthetic += synthetic;
    return LK_OK;
}

/* Everything that is put into the finished file before anyone sees it; the hash is of the result. */
static lk_status finish_file(lk_mark_video *v, lk_draft *out, lk_hash *hash, lk_error *err)
{
    char unsigned_clip[1100];
    lk_audio sound = {0};
    LK_TRY(lk_writer_finish(v->writer, unsigned_clip, sizeof(unsigned_clip), err));
    v->cost.seal = lk_now();
    /* The sound is passed through, not made; its print lets the registry find the clip by ear. */
    if (*v->audio_from && lk_audio_read(v->audio_from, 16000, 1, &sound, NULL) == LK_OK) {
        lk_status s = lk_copies_hashes_sound(v->marks.looks, &sound, err);
        lk_audio_clear(&sound);
        LK_TRY(s);
    }
    return mark_seal_file(&v->marks, &v->who, unsigned_clip, v->path, out, hash, err);
}

lk_status lk_mark_video_finish(lk_mark_video **vp, lk_hash *out_hash, lk_mark_cost *cost, lk_error *err)
{
    lk_mark_video *v = *vp;
    lk_hash hash;
    lk_draft done = {.fd = -1};
    lk_error why = v->why;
    char note[96];
    lk_status s = v->failed;
    if (s == LK_OK) s = finish_file(v, &done, &hash, &why);
    if (s == LK_OK) s = mark_origin_check(&v->who, &why);
    snprintf(note, sizeof(note), "%lld frames, %lld of them synthetic", (long long)v->frames,
             (long long)v->synthetic);
    if (s == LK_OK) s = mark_seal_record(&v->marks, &v->who, v->path, &hash, note, &why);
    if (s == LK_OK) s = lk_draft_publish(&done, v->path, &why);
    lk_draft_drop(&done);
    v->cost.seal = lk_now() - v->cost.seal;
    if (cost) *cost = v->cost;
    if (s == LK_OK && out_hash) *out_hash = hash;
    if (s != LK_OK && err) *err = why;
    lk_mark_video_abort(vp);
    return s;
}

void lk_mark_video_abort(lk_mark_video **vp)
{
    lk_mark_video *v = *vp;
    if (!v) return;
    lk_writer_abort(&v->writer);
    wm_embed_close(&v->watermark);
    mark_seal_clear(&v->marks);
    mark_label_clear(&v->plate);
    mark_origin_clear(&v->who);
    lk_free(v);
    *vp = NULL;
}
