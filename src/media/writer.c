/* writer.c: a clip from frames: H.264 by libx264 in MP4 or MOV, with the sound
 * of another file beside it, on the source's own time base.
 *
 * Chroma and depth follow the source where H.264 has them. 4:2:0 needs even
 * sides, so a clip of odd size is written as 4:4:4 and keeps its size. Grey is
 * written as 4:2:0 with neutral chroma and RGB as BT.709, which every player
 * understands.
 */
#include "media/writer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include <libavutil/avstring.h>
#include <libavutil/mathematics.h>
#include <libavutil/pixdesc.h>

#include "media/output.h"

#define DURATIONS 256 /* pictures that may be inside the encoder at once, and more */

struct lk_writer {
    output *out;
    AVFormatContext *mux;
    AVCodecContext *enc;
    AVStream *video;
    AVPacket *pkt;
    sound *snd;
    struct SwsContext *sws;
    AVFrame *blank; /* carries the clip's tags to converted frames */
    lk_chroma chroma;
    bool finished, complete; /* no more frames; everything on disk */
    int64_t last_pts, frames;
    struct {
        int64_t pts, duration;
    } durations[DURATIONS];
};

/* --- opening ---------------------------------------------------------------------------- */

static lk_status container_of(const char *path, const char **name, lk_error *err)
{
    const char *dot = strrchr(lk_path_base(path ? path : ""), '.');
    if (dot && (!strcasecmp(dot, ".mp4") || !strcasecmp(dot, ".m4v"))) *name = "mp4";
    else if (dot && !strcasecmp(dot, ".mov")) *name = "mov";
    else
        return LK_FAIL(err, LK_E_ARG, "%s: a clip is written as .mp4 or .mov; choose such a name",
                       path ? path : "no name");
    return LK_OK;
}

/* x264 itself prints about names that it does not know. */
static bool known_preset(const char *name)
{
    static const char *const names[] = {"ultrafast", "superfast", "veryfast", "faster",   "fast",
                                        "medium",    "slow",      "slower",   "veryslow", "placebo"};
    for (size_t i = 0; i < LK_COUNT(names); i++)
        if (!strcmp(name, names[i])) return true;
    return false;
}

/* The movie's own clock, in which the offsets between tracks are told: fine enough for both tracks' ticks. */
static int movie_scale(int video, const sound *snd)
{
    int rate = snd ? media_sound_rate(snd) : 0;
    if (rate < 1) return LK_CLAMP(video, 1000, 1000000);
    int64_t both = (int64_t)video / av_gcd(video, rate) * rate;
    return both <= 10000000 ? (int)LK_MAX(both, 1000) : LK_CLAMP(video, 1000, 1000000);
}

/* What the clip is like: from the source, or a plain 8-bit one. */
static lk_status settle(const lk_writer_spec *spec, lk_media_info *like, lk_error *err)
{
    if (spec->like) {
        *like = *spec->like;
    } else {
        *like = (lk_media_info){.width = spec->width,
                                .height = spec->height,
                                .bit_depth = 8,
                                .chroma = LK_CHROMA_420,
                                .time_base = spec->time_base,
                                .color_primaries = AVCOL_PRI_BT709,
                                .color_transfer = AVCOL_TRC_BT709,
                                .color_matrix = AVCOL_SPC_BT709,
                                .color_range = AVCOL_RANGE_MPEG,
                                .pixel_aspect = {1, 1}};
    }
    if (like->width < 2 || like->height < 2 || like->width > MEDIA_SIDE_MAX || like->height > MEDIA_SIDE_MAX)
        return LK_FAIL(err, LK_E_RANGE, "%s: a clip of %d x %d pixels cannot be written; 2 to %d a side",
                       spec->path, like->width, like->height, MEDIA_SIDE_MAX);
    if (like->time_base.num < 1 || like->time_base.den < 1)
        return LK_FAIL(err, LK_E_ARG, "%s: %d/%d is no time base", spec->path, like->time_base.num,
                       like->time_base.den);
    if (like->bit_depth != 10) like->bit_depth = 8;
    if (like->chroma == LK_CHROMA_RGB) { /* RGB tags make no sense on YUV */
        like->color_matrix = AVCOL_SPC_BT709;
        like->color_range = AVCOL_RANGE_MPEG;
    }
    if (like->chroma == LK_CHROMA_GREY || like->chroma == LK_CHROMA_RGB) like->chroma = LK_CHROMA_420;
    if (like->chroma == LK_CHROMA_420 && ((like->width | like->height) & 1)) like->chroma = LK_CHROMA_444;
    if (like->chroma == LK_CHROMA_422 && (like->width & 1)) like->chroma = LK_CHROMA_444;
    return LK_OK;
}

static lk_status open_encoder(lk_writer *w, const lk_writer_spec *spec, const lk_media_info *like,
                              lk_error *err)
{
    const char *preset = spec->preset ? spec->preset : "veryfast";
    if (!known_preset(preset))
        return LK_FAIL(err, LK_E_ARG, "%s: x264 has no preset %s; take one from ultrafast to placebo",
                       spec->path, preset);
    const AVCodec *codec = avcodec_find_encoder_by_name("libx264");
    if (!codec)
        return LK_FAIL(err, LK_E_UNSUPPORTED,
                       "this libavcodec has no libx264; install Debian's libavcodec-extra or libavcodec59");
    w->enc = lk_fault_hit(LK_FAULT_ALLOC) ? NULL : avcodec_alloc_context3(codec);
    if (!w->enc) return LK_FAIL(err, LK_E_NOMEM, "no memory to encode %s", spec->path);
    AVCodecContext *c = w->enc;
    c->width = like->width;
    c->height = like->height;
    c->pix_fmt = media_native_format(like->chroma, like->bit_depth);
    c->time_base = (AVRational){like->time_base.num, like->time_base.den};
    if (like->frame_rate.num > 0 && like->frame_rate.den > 0)
        c->framerate = (AVRational){like->frame_rate.num, like->frame_rate.den};
    c->color_primaries = like->color_primaries ? like->color_primaries : AVCOL_PRI_UNSPECIFIED;
    c->color_trc = like->color_transfer ? like->color_transfer : AVCOL_TRC_UNSPECIFIED;
    c->colorspace = like->color_matrix == AVCOL_SPC_RGB ? AVCOL_SPC_UNSPECIFIED
                                                        : (enum AVColorSpace)like->color_matrix;
    c->color_range = like->color_range;
    if (like->pixel_aspect.num > 0)
        c->sample_aspect_ratio = (AVRational){like->pixel_aspect.num, like->pixel_aspect.den};
    c->thread_count = LK_CLAMP(spec->threads > 0 ? spec->threads : lk_thread_budget(), 1, 16);
    c->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    AVDictionary *opts = NULL;
    char crf[16];
    snprintf(crf, sizeof(crf), "%d", spec->crf > 0 ? LK_MIN(spec->crf, 51) : 16);
    av_dict_set(&opts, "crf", crf, 0);
    av_dict_set(&opts, "preset", preset, 0);
    int e = avcodec_open2(c, codec, &opts);
    av_dict_free(&opts);
    if (e < 0)
        return media_fail(err, LK_E_UNSUPPORTED, "the H.264 encoder refuses this clip", spec->path, e,
                          "check its size");
    w->chroma = like->chroma;
    return LK_OK;
}

static lk_status open_muxer(lk_writer *w, const lk_writer_spec *spec, const char *container, lk_error *err)
{
    int e = avformat_alloc_output_context2(&w->mux, NULL, container, NULL);
    if (e < 0) return media_fail(err, LK_E_NOMEM, "cannot be set up", spec->path, e, NULL);
    /* The muxer reads its own file back to move the index to the front, by this name. */
    av_freep(&w->mux->url);
    w->mux->url = av_asprintf("file:%s", w->out->draft.name);
    w->mux->pb = w->out->io;
    w->mux->flags |= AVFMT_FLAG_CUSTOM_IO;
    w->video = avformat_new_stream(w->mux, NULL);
    if (!w->mux->url || !w->video || avcodec_parameters_from_context(w->video->codecpar, w->enc) < 0)
        return LK_FAIL(err, LK_E_NOMEM, "no memory to write %s", spec->path);
    w->video->time_base = w->enc->time_base;
    w->video->avg_frame_rate = w->enc->framerate;
    w->video->sample_aspect_ratio = w->enc->sample_aspect_ratio;
    if (spec->audio_from) LK_TRY(media_sound_open(spec->audio_from, w->mux, &w->snd, err));
    for (const char *const *t = spec->tags; t && t[0] && t[1]; t += 2)
        av_dict_set(&w->mux->metadata, t[0], t[1], 0);
    AVDictionary *opts = NULL;
    /* The source's ticks become the track's, so that every PTS is kept to the tick. */
    int scale = w->enc->time_base.den;
    av_dict_set(&opts, "movflags", "+faststart+use_metadata_tags", 0);
    av_dict_set_int(&opts, "video_track_timescale", scale, 0);
    av_dict_set_int(&opts, "movie_timescale", movie_scale(scale, w->snd), 0);
    e = avformat_write_header(w->mux, &opts);
    av_dict_free(&opts);
    if (e < 0) return media_output_fail(w->out, e, err);
    return LK_OK;
}

/* A clip must not replace the footage that it is made from, under whatever name. */
static lk_status keep_source(const char *target, const char *source_path, lk_error *err)
{
    struct stat a, b;
    if (!source_path || !*source_path || stat(target, &a) || stat(source_path, &b)) return LK_OK;
    if (a.st_dev != b.st_dev || a.st_ino != b.st_ino) return LK_OK;
    return LK_FAIL(err, LK_E_ARG, "%s is the clip that the new one is made from; choose another name", target);
}

lk_status lk_writer_open(const lk_writer_spec *spec, lk_writer **out, lk_error *err)
{
    const char *container = NULL;
    lk_media_info like;
    *out = NULL;
    media_quiet();
    LK_TRY(container_of(spec->path, &container, err));
    LK_TRY(settle(spec, &like, err));
    LK_TRY(keep_source(spec->path, spec->audio_from, err));
    if (spec->like) LK_TRY(keep_source(spec->path, spec->like->path, err));
    lk_writer *w = lk_calloc(1, sizeof(*w));
    if (!w) return LK_FAIL(err, LK_E_NOMEM, "no memory to write %s", spec->path);
    w->last_pts = INT64_MIN;
    lk_status s = media_output_open(spec->path, &w->out, err);
    if (s == LK_OK) s = open_encoder(w, spec, &like, err);
    if (s == LK_OK) s = open_muxer(w, spec, container, err);
    w->pkt = av_packet_alloc();
    w->blank = av_frame_alloc();
    if (s == LK_OK && (!w->pkt || !w->blank))
        s = LK_FAIL(err, LK_E_NOMEM, "no memory to write %s", spec->path);
    if (s != LK_OK) {
        lk_writer_abort(&w);
        return s;
    }
    w->blank->color_primaries = w->enc->color_primaries;
    w->blank->color_trc = w->enc->color_trc;
    w->blank->colorspace = w->enc->colorspace;
    w->blank->color_range = w->enc->color_range;
    *out = w;
    return LK_OK;
}

const char *lk_writer_sound(const lk_writer *w) { return media_sound_how(w->snd); }

/* --- frames ------------------------------------------------------------------------------- */

/* RGB into the clip's format by our own colour code. */
static lk_status from_rgb(lk_writer *w, const lk_frame *f, AVFrame **out, lk_error *err)
{
    lk_image rgb = {0};
    AVFrame *av = NULL;
    lk_frame *made = NULL;
    lk_status s = media_avframe_new(w->enc->pix_fmt, w->enc->width, w->enc->height, w->blank, &av, err);
    if (s == LK_OK) s = lk_frame_to_image(f, &rgb, err);
    if (s == LK_OK) s = media_frame_wrap(&av, &f->info, &made, err);
    if (s == LK_OK) {
        made->writable = true;
        s = lk_frame_blend_rgb(made, 0, 0, &rgb, NULL, err);
    }
    if (s == LK_OK) {
        *out = av_frame_clone(made->av);
        if (!*out) s = LK_FAIL(err, LK_E_NOMEM, "no memory for a frame");
    }
    lk_frame_unref(&made);
    av_frame_free(&av);
    lk_image_clear(&rgb);
    return s;
}

/* A frame the encoder takes: the same buffers where the format fits, otherwise a converted copy. */
static lk_status fit(lk_writer *w, const lk_frame *f, AVFrame **out, lk_error *err)
{
    if (f->chroma == LK_CHROMA_RGB) return from_rgb(w, f, out, err);
    if (f->av->format != w->enc->pix_fmt) return media_relayout(f->av, w->enc->pix_fmt, &w->sws, out, err);
    *out = av_frame_clone(f->av);
    return *out ? LK_OK : LK_FAIL(err, LK_E_NOMEM, "no memory for a frame");
}

static lk_status take_packets(lk_writer *w, lk_error *err)
{
    for (;;) {
        int e = avcodec_receive_packet(w->enc, w->pkt);
        if (e == AVERROR(EAGAIN) || e == AVERROR_EOF) return LK_OK;
        if (e < 0) return media_fail(err, LK_E_IO, "the encoder failed", w->out->path, e, NULL);
        for (int i = 0; i < DURATIONS; i++)
            if (w->durations[i].pts == w->pkt->pts && w->durations[i].duration > 0)
                w->pkt->duration = w->durations[i].duration;
        /* Sound up to here first: the interleaving stays tight and the muxer's queue short. */
        LK_TRY(media_sound_pump(w->snd, (double)w->pkt->dts * av_q2d(w->enc->time_base), err));
        w->pkt->stream_index = w->video->index;
        av_packet_rescale_ts(w->pkt, w->enc->time_base, w->video->time_base);
        e = av_interleaved_write_frame(w->mux, w->pkt);
        if (e < 0 || w->out->failed) return media_output_fail(w->out, e, err);
    }
}

lk_status lk_writer_frame(lk_writer *w, lk_frame *f, lk_error *err)
{
    if (w->finished) return LK_FAIL(err, LK_E_STATE, "%s is finished; no frame can follow", w->out->path);
    if (f->info.width != w->enc->width || f->info.height != w->enc->height)
        return LK_FAIL(err, LK_E_ARG, "%s: a frame of %d x %d does not fit the clip of %d x %d", w->out->path,
                       f->info.width, f->info.height, w->enc->width, w->enc->height);
    AVRational tb = {f->info.time_base.num, f->info.time_base.den};
    int64_t pts = av_rescale_q(f->info.pts, tb, w->enc->time_base);
    if (pts <= w->last_pts && w->frames)
        return LK_FAIL(err, LK_E_ARG, "%s: frame %lld comes at %lld, not after %lld; times must grow",
                       w->out->path, (long long)f->info.index, (long long)pts, (long long)w->last_pts);
    AVFrame *av = NULL;
    LK_TRY(fit(w, f, &av, err));
    av->pts = w->last_pts = pts;
    av->pict_type = AV_PICTURE_TYPE_NONE; /* the encoder decides, not the source */
    av->key_frame = 0;
    w->durations[w->frames % DURATIONS].pts = pts;
    w->durations[w->frames % DURATIONS].duration = av_rescale_q(f->info.duration, tb, w->enc->time_base);
    w->frames++;
    int e = avcodec_send_frame(w->enc, av);
    av_frame_free(&av);
    if (e < 0) return media_fail(err, LK_E_IO, "the encoder failed", w->out->path, e, NULL);
    return take_packets(w, err);
}

/* --- the end -------------------------------------------------------------------------------- */

lk_status lk_writer_finish(lk_writer *w, char *tmp_path, size_t n, lk_error *err)
{
    if (w->finished) return LK_FAIL(err, LK_E_STATE, "%s is finished already", w->out->path);
    if (!w->frames) return LK_FAIL(err, LK_E_STATE, "%s: no frame was written", w->out->path);
    w->finished = true;
    int e = avcodec_send_frame(w->enc, NULL);
    if (e < 0) return media_fail(err, LK_E_IO, "the encoder failed", w->out->path, e, NULL);
    LK_TRY(take_packets(w, err));
    LK_TRY(media_sound_pump(w->snd, INFINITY, err));
    e = av_write_trailer(w->mux);
    if (e < 0 || w->out->failed || w->out->io->error < 0)
        return media_output_fail(w->out, e < 0 ? e : w->out->io->error, err);
    LK_TRY(media_output_sync(w->out, err));
    w->complete = true;
    if (tmp_path) snprintf(tmp_path, n, "%s", w->out->draft.name);
    return LK_OK;
}

static void shut(lk_writer *w)
{
    media_sound_close(&w->snd);
    avcodec_free_context(&w->enc);
    if (w->mux) {
        w->mux->pb = NULL; /* belongs to out */
        avformat_free_context(w->mux);
    }
    sws_freeContext(w->sws);
    av_packet_free(&w->pkt);
    av_frame_free(&w->blank);
    lk_free(w);
}

void lk_writer_abort(lk_writer **wp)
{
    lk_writer *w = *wp;
    if (!w) return;
    media_output_abort(&w->out);
    shut(w);
    *wp = NULL;
}
