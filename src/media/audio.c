/* audio.c: the whole sound of a file as interleaved float at the rate and
 * channels asked for. Sample 0 is the clip clock's zero: a track that begins
 * late is preceded by silence, one that begins early is cut.
 */
#include "media/impl.h"

#include <string.h>

#include <libavutil/channel_layout.h>
#include <libavutil/opt.h>
#include <libswresample/swresample.h>

#define HOURS_MAX 4

typedef struct taking {
    source *src;
    AVCodecContext *dec;
    SwrContext *swr;
    AVPacket *pkt;
    AVFrame *frame;
    lk_audio *out;
    int64_t capacity; /* samples per channel */
    bool placed;      /* the first sample has found its place */
    int64_t cut;      /* samples still to drop at the front */
    int stream, decoded;
    AVChannelLayout in_layout;
    int in_rate, in_format;
} taking;

static lk_status reserve(taking *t, int64_t more, lk_error *err)
{
    lk_audio *a = t->out;
    int64_t need = a->samples + more, limit = (int64_t)HOURS_MAX * 3600 * a->rate;
    if (need > limit)
        return LK_FAIL(err, LK_E_RANGE, "%s: the sound is longer than %d hours; cut it into parts",
                       t->src->path, HOURS_MAX);
    if (need <= t->capacity) return LK_OK;
    int64_t cap = LK_MAX(need, LK_MAX(t->capacity * 2, (int64_t)a->rate * 10));
    size_t unit = (size_t)a->channels * sizeof(float);
    float *p = lk_realloc(a->data, (size_t)a->samples * unit, (size_t)cap * unit);
    if (!p) return LK_FAIL(err, LK_E_NOMEM, "no memory for the sound of %s", t->src->path);
    a->data = p;
    t->capacity = cap;
    return LK_OK;
}

/* A resampler from what the decoder delivers now; some streams change on the way. */
static lk_status set_resampler(taking *t, lk_error *err)
{
    const AVFrame *f = t->frame;
    if (t->swr && f->sample_rate == t->in_rate && f->format == t->in_format &&
        !av_channel_layout_compare(&f->ch_layout, &t->in_layout))
        return LK_OK;
    if (f->ch_layout.nb_channels < 1 || f->ch_layout.nb_channels > 64 || f->sample_rate < 1)
        return LK_FAIL(err, LK_E_FORMAT, "%s: sound of %d channels at %d Hz; the file is damaged",
                       t->src->path, f->ch_layout.nb_channels, f->sample_rate);
    if (!t->out->rate) t->out->rate = f->sample_rate;
    if (!t->out->channels) t->out->channels = f->ch_layout.nb_channels;
    AVChannelLayout from = {0}, to = {0};
    if (f->ch_layout.order == AV_CHANNEL_ORDER_UNSPEC)
        av_channel_layout_default(&from, f->ch_layout.nb_channels);
    else av_channel_layout_copy(&from, &f->ch_layout);
    if (t->out->channels == from.nb_channels) av_channel_layout_copy(&to, &from);
    else av_channel_layout_default(&to, t->out->channels);
    swr_free(&t->swr);
    int e = lk_fault_hit(LK_FAULT_ALLOC) ? AVERROR(ENOMEM)
                                         : swr_alloc_set_opts2(&t->swr, &to, AV_SAMPLE_FMT_FLT, t->out->rate,
                                                               &from, f->format, f->sample_rate, 0, NULL);
    /* Mixing down averages: no sum of channels may pass full scale. */
    if (e >= 0) e = av_opt_set_double(t->swr, "rematrix_maxval", 1.0, 0);
    if (e >= 0) e = swr_init(t->swr);
    av_channel_layout_uninit(&from);
    av_channel_layout_uninit(&to);
    if (e < 0)
        return media_fail(err, LK_E_UNSUPPORTED, "its sound cannot be converted", t->src->path, e,
                          "convert it to WAV first");
    av_channel_layout_uninit(&t->in_layout);
    if (av_channel_layout_copy(&t->in_layout, &f->ch_layout) < 0)
        return LK_FAIL(err, LK_E_NOMEM, "no memory for the sound of %s", t->src->path);
    t->in_rate = f->sample_rate;
    t->in_format = f->format;
    return LK_OK;
}

/* Silence or a cut, so that the first sample lands where its time stamp says. */
static lk_status place_start(taking *t, lk_error *err)
{
    t->placed = true;
    if (t->frame->best_effort_timestamp == AV_NOPTS_VALUE) return LK_OK;
    AVRational tb = t->src->fmt->streams[t->stream]->time_base, unit = {1, t->out->rate};
    int64_t at = av_rescale_q(t->frame->best_effort_timestamp, tb, unit) -
                 av_rescale_q(t->src->start, AV_TIME_BASE_Q, unit);
    if (at <= 0) {
        t->cut = LK_MIN(-at, (int64_t)10 * t->out->rate);
        return LK_OK;
    }
    LK_TRY(reserve(t, at, err));
    memset(t->out->data + t->out->samples * t->out->channels, 0,
           (size_t)at * (size_t)t->out->channels * sizeof(float));
    t->out->samples += at;
    return LK_OK;
}

/* Resample the frame, or with frame NULL what the resampler still holds. */
static lk_status convert(taking *t, const AVFrame *f, lk_error *err)
{
    lk_audio *a = t->out;
    int64_t room = swr_get_out_samples(t->swr, f ? f->nb_samples : 0);
    if (room <= 0) return LK_OK;
    LK_TRY(reserve(t, room, err));
    float *to = a->data + a->samples * a->channels;
    uint8_t *dst = (uint8_t *)to;
    int got = swr_convert(t->swr, &dst, (int)room, f ? (const uint8_t **)f->extended_data : NULL,
                          f ? f->nb_samples : 0);
    if (got < 0)
        return media_fail(err, LK_E_FORMAT, "its sound cannot be converted", t->src->path, got, NULL);
    int64_t drop = LK_MIN(t->cut, got);
    if (drop > 0) {
        memmove(to, to + drop * a->channels, (size_t)(got - drop) * (size_t)a->channels * sizeof(float));
        t->cut -= drop;
    }
    a->samples += got - drop;
    return LK_OK;
}

static lk_status take_frames(taking *t, lk_error *err)
{
    for (;;) {
        int e = avcodec_receive_frame(t->dec, t->frame);
        if (e == AVERROR(EAGAIN) || e == AVERROR_EOF) return LK_OK;
        if (e == AVERROR(ENOMEM))
            return LK_FAIL(err, LK_E_NOMEM, "no memory for the sound of %s", t->src->path);
        if (e < 0) return LK_OK; /* a damaged packet: go on with the next */
        LK_TRY(set_resampler(t, err));
        if (!t->placed) LK_TRY(place_start(t, err));
        LK_TRY(convert(t, t->frame, err));
        t->decoded++;
    }
}

static lk_status take_all(taking *t, const char *path, lk_error *err)
{
    LK_TRY(media_source_open(path, &t->src, err));
    AVFormatContext *fmt = t->src->fmt;
    t->stream = av_find_best_stream(fmt, AVMEDIA_TYPE_AUDIO, -1, -1, NULL, 0);
    if (t->stream < 0) return LK_FAIL(err, LK_E_FORMAT, "%s has no sound; give a file that has", path);
    for (unsigned i = 0; i < fmt->nb_streams; i++)
        if ((int)i != t->stream) fmt->streams[i]->discard = AVDISCARD_ALL;
    LK_TRY(media_decoder_open(t->src, t->stream, 1, &t->dec, err));
    t->pkt = av_packet_alloc();
    t->frame = av_frame_alloc();
    if (!t->pkt || !t->frame) return LK_FAIL(err, LK_E_NOMEM, "no memory for the sound of %s", path);
    int e, bad = 0;
    for (;;) {
        e = av_read_frame(fmt, t->pkt);
        if (e == AVERROR_INVALIDDATA && ++bad < 1000) continue;
        if (e < 0) break;
        if (t->pkt->stream_index == t->stream) avcodec_send_packet(t->dec, t->pkt);
        av_packet_unref(t->pkt);
        LK_TRY(take_frames(t, err));
    }
    lk_status s = media_source_ended(t->src, e, err);
    if (s != LK_END) return s;
    avcodec_send_packet(t->dec, NULL);
    LK_TRY(take_frames(t, err));
    if (!t->decoded)
        return LK_FAIL(err, LK_E_FORMAT,
                       "%s: no sound could be decoded, the file is damaged; copy or record it again", path);
    return convert(t, NULL, err);
}

lk_status lk_audio_read(const char *path, int rate, int channels, lk_audio *out, lk_error *err)
{
    *out = (lk_audio){0};
    if (rate < 0 || rate > 768000 || channels < 0 || channels > 8)
        return LK_FAIL(err, LK_E_ARG, "sound cannot be read as %d channels at %d Hz", channels, rate);
    lk_audio a = {.rate = rate, .channels = channels};
    taking t = {.out = &a};
    lk_status s = take_all(&t, path, err);
    av_channel_layout_uninit(&t.in_layout);
    swr_free(&t.swr);
    av_packet_free(&t.pkt);
    av_frame_free(&t.frame);
    avcodec_free_context(&t.dec);
    media_source_close(&t.src);
    if (s == LK_OK) *out = a;
    else lk_audio_clear(&a);
    return s;
}

void lk_audio_clear(lk_audio *a)
{
    lk_free(a->data);
    *a = (lk_audio){0};
}
