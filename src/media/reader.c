/* reader.c: one clip or picture as a run of upright frames in the order of time.
 *
 * The first picture is decoded when the file is opened: only then are its size,
 * depth, turn and tags really known, and a clip without one readable picture is
 * refused there and then.
 */
#include "media/impl.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/display.h>

struct lk_reader {
    lk_media_info info;
    source *src;
    AVCodecContext *dec;
    AVPacket *pkt;
    AVFrame *raw;
    struct SwsContext *sws;
    int stream;
    bool flushing, ended, reindex;
    turn upright;
    int64_t start; /* clip clock's zero in the stream's time base */
    int64_t last_pts, next_index, skipped;
    lk_frame *pending; /* decoded at open, not handed out yet */
};

static void shut(lk_reader *r)
{
    lk_frame_unref(&r->pending);
    av_packet_free(&r->pkt);
    av_frame_free(&r->raw);
    avcodec_free_context(&r->dec);
    sws_freeContext(r->sws);
    r->sws = NULL;
    media_source_close(&r->src);
}

static bool is_still(const AVFormatContext *fmt, const AVStream *st)
{
    const char *name = fmt->iformat->name;
    size_t n = strlen(name);
    return (n > 5 && !strcmp(name + n - 5, "_pipe")) || (!strcmp(name, "ico") && st->nb_frames <= 1);
}

/* A clip has a variable rate when its index shows unequal steps, or, without one, when libav's two estimates
 * differ. */
static bool varies(AVStream *st)
{
    int n = avformat_index_get_entries_count(st), checked = 0;
    if (st->codecpar->video_delay == 0 && n > 2) {
        int64_t step = avformat_index_get_entry(st, 1)->timestamp -
                       avformat_index_get_entry(st, 0)->timestamp;
        for (int i = 1; i < n && checked < 5000; i++, checked++) {
            int64_t d = avformat_index_get_entry(st, i)->timestamp -
                        avformat_index_get_entry(st, i - 1)->timestamp;
            if (llabs(d - step) > 1) return true;
        }
        return false;
    }
    AVRational a = st->avg_frame_rate, b = st->r_frame_rate;
    return a.num > 0 && b.num > 0 && fabs(av_q2d(a) / av_q2d(b) - 1) > 0.005;
}

static void fill_info(lk_reader *r, const AVStream *st, const lk_frame *first)
{
    lk_media_info *m = &r->info;
    AVFormatContext *fmt = r->src->fmt;
    const AVFrame *av = first->av;
    snprintf(m->path, sizeof(m->path), "%s", r->src->path);
    snprintf(m->format, sizeof(m->format), "%s", fmt->iformat->name);
    snprintf(m->video_codec, sizeof(m->video_codec), "%s", avcodec_get_name(st->codecpar->codec_id));
    m->has_video = true;
    m->is_still = is_still(fmt, st);
    m->width = first->info.width;
    m->height = first->info.height;
    m->rotation = media_turn_degrees(r->upright);
    m->bit_depth = first->info.bit_depth;
    m->chroma = first->chroma;
    m->pixel_aspect = (lk_rational){av->sample_aspect_ratio.num,
                                    av->sample_aspect_ratio.den ? av->sample_aspect_ratio.den : 1};
    m->time_base = (lk_rational){st->time_base.num, st->time_base.den};
    AVRational rate = av_guess_frame_rate(fmt, (AVStream *)st, NULL);
    m->frame_rate = (lk_rational){rate.num, rate.den};
    m->variable_rate = !m->is_still && varies((AVStream *)st);
    m->bit_rate = fmt->bit_rate;
    double seconds = st->duration > 0    ? (double)st->duration * av_q2d(st->time_base)
                     : fmt->duration > 0 ? (double)fmt->duration / AV_TIME_BASE
                                         : 0;
    m->duration = m->is_still ? 0 : seconds;
    m->frames = m->is_still         ? 1
                : st->nb_frames > 0 ? st->nb_frames
                : rate.num > 0      ? llround(seconds * av_q2d(rate))
                                    : 0;
    m->color_primaries = av->color_primaries;
    m->color_transfer = av->color_trc;
    m->color_matrix = av->colorspace;
    m->color_range = av->color_range;
    int a = av_find_best_stream(fmt, AVMEDIA_TYPE_AUDIO, -1, r->stream, NULL, 0);
    if (a >= 0) {
        const AVCodecParameters *p = fmt->streams[a]->codecpar;
        m->has_audio = true;
        snprintf(m->audio_codec, sizeof(m->audio_codec), "%s", avcodec_get_name(p->codec_id));
        m->sample_rate = p->sample_rate;
        m->channels = p->ch_layout.nb_channels;
    }
}

/* Give the decoder the file's next packet, or its end. Packets that the demuxer or decoder cannot take are
 * counted. */
static lk_status feed(lk_reader *r, lk_error *err)
{
    int e = av_read_frame(r->src->fmt, r->pkt);
    for (int again = 0; e == AVERROR_INVALIDDATA && again < 256; again++) {
        r->skipped++;
        e = av_read_frame(r->src->fmt, r->pkt);
    }
    if (e < 0) {
        lk_status s = media_source_ended(r->src, e, err);
        if (s != LK_END) return s;
        r->flushing = true;
        avcodec_send_packet(r->dec, NULL);
        return LK_OK;
    }
    if (r->pkt->stream_index == r->stream) {
        e = avcodec_send_packet(r->dec, r->pkt);
        if (e < 0 && e != AVERROR(EAGAIN)) r->skipped++;
    }
    av_packet_unref(r->pkt);
    return LK_OK;
}

/* The decoder's next picture in r->raw. Pictures that it cannot decode, or says are broken, are passed over.
 */
static lk_status decode(lk_reader *r, lk_error *err)
{
    for (int failures = 0;;) {
        int e = avcodec_receive_frame(r->dec, r->raw);
        if (e >= 0 && !(r->raw->flags & AV_FRAME_FLAG_CORRUPT) && !r->raw->decode_error_flags) return LK_OK;
        if (e == AVERROR_EOF) return LK_END;
        if (e == AVERROR(ENOMEM)) return LK_FAIL(err, LK_E_NOMEM, "no memory to decode %s", r->src->path);
        if (e == AVERROR(EAGAIN)) {
            LK_TRY(feed(r, err));
            failures = 0;
        } else {
            r->skipped++;
            if (e < 0 && ++failures > 64) return LK_END; /* a decoder that does nothing but complain */
        }
    }
}

static turn frame_turn(const lk_reader *r)
{
    const AVFrameSideData *sd = av_frame_get_side_data(r->raw, AV_FRAME_DATA_DISPLAYMATRIX);
    if (sd && sd->size >= 9 * sizeof(int32_t))
        return media_turn_from_matrix((const int32_t *)(const void *)sd->data);
    size_t n = 0;
    const uint8_t *m = av_stream_get_side_data(r->src->fmt->streams[r->stream], AV_PKT_DATA_DISPLAYMATRIX,
                                               &n);
    return media_turn_from_matrix(m && n >= 9 * sizeof(int32_t) ? (const int32_t *)(const void *)m : NULL);
}

static lk_frame_info frame_time(lk_reader *r)
{
    AVStream *st = r->src->fmt->streams[r->stream];
    lk_frame_info i = {.time_base = {st->time_base.num, st->time_base.den}};
    AVRational rate = st->avg_frame_rate.num > 0 ? st->avg_frame_rate : (AVRational){25, 1};
    i.duration = r->raw->pkt_duration > 0 ? r->raw->pkt_duration
                                          : LK_MAX(1, av_rescale_q(1, av_inv_q(rate), st->time_base));
    int64_t pts = r->raw->best_effort_timestamp;
    if (pts == AV_NOPTS_VALUE) pts = r->last_pts == INT64_MIN ? 0 : r->last_pts + i.duration;
    else pts -= r->start;
    /* Only broken files repeat a time; order must hold for whoever writes these frames. */
    if (r->last_pts != INT64_MIN && pts <= r->last_pts) pts = r->last_pts + 1;
    if (r->info.is_still) pts = 0;
    i.pts = r->last_pts = pts;
    i.seconds = (double)pts * av_q2d(st->time_base);
    if (r->reindex) r->next_index = LK_MAX(0, llround(i.seconds * av_q2d(rate)));
    r->reindex = false;
    i.index = r->next_index++;
    return i;
}

static lk_status decode_frame(lk_reader *r, lk_frame **out, lk_error *err)
{
    LK_TRY(decode(r, err));
    AVFrame *av = NULL;
    lk_status s = media_native_frame(r->raw, &r->sws, &av, err);
    if (s == LK_OK) {
        r->upright = frame_turn(r);
        s = media_turn_frame(&av, r->upright, &r->sws, err);
    }
    if (s == LK_OK) {
        lk_frame_info time = frame_time(r);
        s = media_frame_wrap(&av, &time, out, err);
    }
    av_frame_free(&av);
    av_frame_unref(r->raw);
    return s;
}

/* Picks the moving or still picture, not the cover art of a song. */
static int find_picture(AVFormatContext *fmt)
{
    int best = av_find_best_stream(fmt, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0);
    if (best >= 0 && !(fmt->streams[best]->disposition & AV_DISPOSITION_ATTACHED_PIC)) return best;
    for (unsigned i = 0; i < fmt->nb_streams; i++)
        if (fmt->streams[i]->codecpar->codec_type == AVMEDIA_TYPE_VIDEO &&
            !(fmt->streams[i]->disposition & AV_DISPOSITION_ATTACHED_PIC))
            return (int)i;
    return -1;
}

static lk_status start(lk_reader *r, const char *path, lk_error *err)
{
    LK_TRY(media_source_open(path, &r->src, err));
    AVFormatContext *fmt = r->src->fmt;
    r->stream = find_picture(fmt);
    if (r->stream < 0) {
        bool sound = av_find_best_stream(fmt, AVMEDIA_TYPE_AUDIO, -1, -1, NULL, 0) >= 0;
        return LK_FAIL(err, LK_E_FORMAT, "%s has %s and no picture; give a video or a still", path,
                       sound ? "only sound" : "no sound");
    }
    AVStream *st = fmt->streams[r->stream];
    const AVCodecParameters *p = st->codecpar;
    if (p->width > MEDIA_SIDE_MAX || p->height > MEDIA_SIDE_MAX)
        return LK_FAIL(err, LK_E_RANGE, "%s is %d x %d pixels, more than %d a side; scale it down first",
                       path, p->width, p->height, MEDIA_SIDE_MAX);
    for (unsigned i = 0; i < fmt->nb_streams; i++)
        if ((int)i != r->stream) fmt->streams[i]->discard = AVDISCARD_ALL;
    LK_TRY(media_decoder_open(r->src, r->stream, LK_MIN(2, lk_thread_budget()), &r->dec, err));
    r->pkt = av_packet_alloc();
    r->raw = av_frame_alloc();
    if (!r->pkt || !r->raw) return LK_FAIL(err, LK_E_NOMEM, "no memory to decode %s", path);
    r->start = av_rescale_q(r->src->start, AV_TIME_BASE_Q, st->time_base);
    r->last_pts = INT64_MIN;
    r->next_index = r->skipped = 0;
    r->flushing = r->ended = r->reindex = false;
    r->info.is_still = is_still(fmt, st);
    lk_status s = decode_frame(r, &r->pending, err);
    if (s == LK_END)
        return LK_FAIL(
            err, LK_E_FORMAT,
            "%s: not one picture could be decoded, the file is damaged or cut off; copy or record it again",
            path);
    LK_TRY(s);
    fill_info(r, st, r->pending);
    return LK_OK;
}

lk_status lk_reader_open(const char *path, lk_reader **out, lk_error *err)
{
    *out = NULL;
    lk_reader *r = lk_calloc(1, sizeof(*r));
    if (!r) return LK_FAIL(err, LK_E_NOMEM, "no memory to open %s", path);
    lk_status s = start(r, path, err);
    if (s != LK_OK) {
        lk_reader_close(&r);
        return s;
    }
    *out = r;
    return LK_OK;
}

void lk_reader_close(lk_reader **r)
{
    if (!*r) return;
    shut(*r);
    lk_free(*r);
    *r = NULL;
}

const lk_media_info *lk_reader_info(const lk_reader *r) { return &r->info; }
int64_t lk_reader_skipped(const lk_reader *r) { return r->skipped; }

lk_status lk_reader_next(lk_reader *r, lk_frame **out, lk_error *err)
{
    *out = NULL;
    if (r->pending) {
        *out = r->pending;
        r->pending = NULL;
        r->ended = r->info.is_still;
        return LK_OK;
    }
    if (r->ended) return LK_END;
    if (!r->src) return LK_FAIL(err, LK_E_STATE, "%s could not be reopened; open it again", r->info.path);
    lk_status s = decode_frame(r, out, err);
    /* A clip whose picture changes its size on the way cannot be written as one clip. */
    if (s == LK_OK && ((*out)->info.width != r->info.width || (*out)->info.height != r->info.height)) {
        int w = (*out)->info.width, h = (*out)->info.height;
        lk_frame_unref(out);
        return LK_FAIL(err, LK_E_UNSUPPORTED, "%s changes from %d x %d to %d x %d on the way; split it there",
                       r->info.path, r->info.width, r->info.height, w, h);
    }
    r->ended = s == LK_END;
    return s;
}

/* Opening again is the one way to the start that works for every demuxer. */
lk_status lk_reader_rewind(lk_reader *r, lk_error *err)
{
    char path[sizeof(r->info.path)];
    memcpy(path, r->info.path, sizeof(path));
    shut(r);
    lk_status s = start(r, path, err);
    if (s != LK_OK) shut(r);
    return s;
}

lk_status lk_reader_seek(lk_reader *r, double seconds, lk_error *err)
{
    if (!isfinite(seconds)) return LK_FAIL(err, LK_E_ARG, "%g is no time to seek to", seconds);
    if (!r->src || r->info.is_still || seconds <= 0) return lk_reader_rewind(r, err);
    AVStream *st = r->src->fmt->streams[r->stream];
    double ticks = fmin(seconds, 1e9) / av_q2d(st->time_base);
    int64_t ts = (ticks < 4e18 ? (int64_t)ticks : INT64_MAX / 4) + r->start;
    if (av_seek_frame(r->src->fmt, r->stream, ts, AVSEEK_FLAG_BACKWARD) < 0) return lk_reader_rewind(r, err);
    lk_frame_unref(&r->pending);
    avcodec_flush_buffers(r->dec);
    r->flushing = r->ended = false;
    r->reindex = true;
    r->last_pts = INT64_MIN;
    return LK_OK;
}
