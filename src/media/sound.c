/* sound.c: the sound track of a written clip: the packets of another file,
 * unchanged, on the same clock. A codec that the container cannot hold (raw PCM
 * in MP4) is decoded and written as FLAC, which loses nothing.
 */
#include "media/output.h"

#include <math.h>
#include <stdio.h>

#include <libavutil/audio_fifo.h>
#include <libavutil/channel_layout.h>
#include <libswresample/swresample.h>

struct sound {
    source *src;
    int stream;
    AVFormatContext *out;
    AVStream *to;
    AVPacket *pkt;
    bool have; /* pkt holds a packet that is not written yet */
    bool read_all, done;
    int64_t rescale_state; /* of av_rescale_delta: keeps coarse time bases from adding up */
    /* only when the sound is encoded again */
    AVCodecContext *dec, *enc;
    SwrContext *swr;
    AVAudioFifo *fifo;
    AVFrame *frame, *block;
    int64_t next_sample; /* on the clip's clock, in samples; INT64_MIN before the first */
    char how[96];
};

/* --- encoding again ------------------------------------------------------------------ */

static lk_status open_flac(sound *s, lk_error *err)
{
    AVStream *in = s->src->fmt->streams[s->stream];
    const AVCodec *codec = avcodec_find_encoder(AV_CODEC_ID_FLAC);
    LK_TRY(media_decoder_open(s->src, s->stream, 1, &s->dec, err));
    s->enc = codec ? avcodec_alloc_context3(codec) : NULL;
    if (!s->enc) return LK_FAIL(err, LK_E_NOMEM, "no memory for the sound of %s", s->src->path);
    if (s->dec->ch_layout.nb_channels < 1 || s->dec->ch_layout.nb_channels > 8)
        return LK_FAIL(err, LK_E_UNSUPPORTED, "%s: sound of %d channels cannot be kept; mix it down first",
                       s->src->path, s->dec->ch_layout.nb_channels);
    bool deep = av_get_bytes_per_sample(s->dec->sample_fmt) > 2;
    s->enc->sample_fmt = deep ? AV_SAMPLE_FMT_S32 : AV_SAMPLE_FMT_S16;
    s->enc->bits_per_raw_sample = deep ? 24 : 16;
    s->enc->sample_rate = s->dec->sample_rate;
    s->enc->time_base = (AVRational){1, s->dec->sample_rate};
    s->enc->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    av_channel_layout_default(&s->enc->ch_layout, s->dec->ch_layout.nb_channels);
    if (s->dec->ch_layout.order == AV_CHANNEL_ORDER_NATIVE)
        av_channel_layout_copy(&s->enc->ch_layout, &s->dec->ch_layout);
    int e = avcodec_open2(s->enc, codec, NULL);
    if (e >= 0)
        e = swr_alloc_set_opts2(&s->swr, &s->enc->ch_layout, s->enc->sample_fmt, s->enc->sample_rate,
                                &s->enc->ch_layout, s->dec->sample_fmt, s->dec->sample_rate, 0, NULL);
    if (e >= 0) e = swr_init(s->swr);
    if (e >= 0)
        s->fifo = av_audio_fifo_alloc(s->enc->sample_fmt, s->enc->ch_layout.nb_channels, s->enc->frame_size);
    s->frame = av_frame_alloc();
    s->block = av_frame_alloc();
    if (e >= 0 && (!s->fifo || !s->frame || !s->block)) e = AVERROR(ENOMEM);
    if (e >= 0) e = avcodec_parameters_from_context(s->to->codecpar, s->enc);
    if (e < 0)
        return media_fail(err, LK_E_UNSUPPORTED, "its sound cannot be kept", s->src->path, e,
                          "convert it to AAC first");
    s->to->time_base = s->enc->time_base;
    s->next_sample = INT64_MIN;
    snprintf(s->how, sizeof(s->how), "%s to flac", avcodec_get_name(in->codecpar->codec_id));
    return LK_OK;
}

/* Decoded samples into the fifo. */
static int take_frame(sound *s)
{
    AVStream *in = s->src->fmt->streams[s->stream];
    if (s->next_sample == INT64_MIN) {
        int64_t pts = s->frame->best_effort_timestamp == AV_NOPTS_VALUE ? 0 : s->frame->best_effort_timestamp;
        s->next_sample = av_rescale_q(pts, in->time_base, s->enc->time_base) -
                         av_rescale_q(s->src->start, AV_TIME_BASE_Q, s->enc->time_base);
    }
    av_frame_unref(s->block);
    s->block->format = s->enc->sample_fmt;
    s->block->sample_rate = s->enc->sample_rate;
    s->block->nb_samples = s->frame->nb_samples;
    int e = av_channel_layout_copy(&s->block->ch_layout, &s->enc->ch_layout);
    if (e >= 0) e = av_frame_get_buffer(s->block, 0);
    if (e >= 0)
        e = swr_convert(s->swr, s->block->data, s->block->nb_samples, (const uint8_t **)s->frame->data,
                        s->frame->nb_samples);
    if (e > 0) e = av_audio_fifo_write(s->fifo, (void **)s->block->data, e);
    return e;
}

/* The next FLAC packet in s->pkt: 1, 0 at the end, negative on failure. */
static int encode_next(sound *s)
{
    for (;;) {
        int e = avcodec_receive_packet(s->enc, s->pkt);
        if (e >= 0) return 1;
        if (e == AVERROR_EOF) return 0;
        if (e != AVERROR(EAGAIN)) return e;
        int ready = av_audio_fifo_size(s->fifo), want = s->enc->frame_size;
        if (ready >= want || (s->read_all && ready > 0)) {
            av_frame_unref(s->block);
            s->block->format = s->enc->sample_fmt;
            s->block->sample_rate = s->enc->sample_rate;
            s->block->nb_samples = LK_MIN(ready, want);
            e = av_channel_layout_copy(&s->block->ch_layout, &s->enc->ch_layout);
            if (e >= 0) e = av_frame_get_buffer(s->block, 0);
            if (e >= 0) e = av_audio_fifo_read(s->fifo, (void **)s->block->data, s->block->nb_samples);
            if (e < 0) return e;
            s->block->pts = s->next_sample;
            s->next_sample += s->block->nb_samples;
            e = avcodec_send_frame(s->enc, s->block);
            if (e < 0) return e;
            continue;
        }
        if (s->read_all) {
            e = avcodec_send_frame(s->enc, NULL);
            if (e < 0 && e != AVERROR_EOF) return e;
            continue;
        }
        e = avcodec_receive_frame(s->dec, s->frame);
        if (e >= 0) {
            e = take_frame(s);
            if (e < 0) return e;
        } else if (e == AVERROR_EOF) {
            s->read_all = true;
        } else if ((e = av_read_frame(s->src->fmt, s->pkt)) < 0) {
            avcodec_send_packet(s->dec, NULL);
        } else {
            if (s->pkt->stream_index == s->stream)
                avcodec_send_packet(s->dec, s->pkt); /* a damaged one is left out */
            av_packet_unref(s->pkt);
        }
    }
}

/* --- copying --------------------------------------------------------------------------- */

static int copy_next(sound *s)
{
    AVStream *in = s->src->fmt->streams[s->stream];
    for (int bad = 0;;) {
        int e = av_read_frame(s->src->fmt, s->pkt);
        if (e == AVERROR_INVALIDDATA && ++bad < 256) continue; /* a damaged stretch: go on behind it */
        if (e < 0) return e == AVERROR(ENOMEM) ? e : 0;
        if (s->pkt->stream_index == s->stream && s->pkt->size > 0) break;
        av_packet_unref(s->pkt);
    }
    AVPacket *p = s->pkt;
    int64_t start = av_rescale_q(s->src->start, AV_TIME_BASE_Q, in->time_base);
    if (p->dts == AV_NOPTS_VALUE) p->dts = p->pts;
    if (p->dts == AV_NOPTS_VALUE) return AVERROR_INVALIDDATA;
    int64_t dts = p->dts - start;
    /* Milliseconds (Matroska) or 90 kHz (broadcast) cannot say where an audio frame begins; counting its
     * samples can. */
    int frame = av_get_audio_frame_duration2(in->codecpar, p->size);
    int64_t to;
    if (frame > 0 && in->codecpar->sample_rate > 0 && in->time_base.den != in->codecpar->sample_rate)
        to = av_rescale_delta(in->time_base, dts, (AVRational){1, in->codecpar->sample_rate}, frame,
                              &s->rescale_state, s->to->time_base);
    else to = av_rescale_q(dts, in->time_base, s->to->time_base);
    p->duration = av_rescale_q(p->duration, in->time_base, s->to->time_base);
    p->dts = p->pts = to; /* no sound codec reorders */
    return 1;
}

/* --- the track --------------------------------------------------------------------------- */

lk_status media_sound_open(const char *path, AVFormatContext *out, sound **result, lk_error *err)
{
    *result = NULL;
    sound *s = lk_calloc(1, sizeof(*s));
    if (!s) return LK_FAIL(err, LK_E_NOMEM, "no memory for the sound of %s", path);
    s->out = out;
    s->rescale_state = AV_NOPTS_VALUE;
    lk_status st = media_source_open(path, &s->src, err);
    if (st != LK_OK) goto fail;
    s->stream = av_find_best_stream(s->src->fmt, AVMEDIA_TYPE_AUDIO, -1, -1, NULL, 0);
    if (s->stream < 0) { /* a silent clip stays silent */
        media_sound_close(&s);
        return LK_OK;
    }
    AVFormatContext *fmt = s->src->fmt;
    for (unsigned i = 0; i < fmt->nb_streams; i++)
        if ((int)i != s->stream) fmt->streams[i]->discard = AVDISCARD_ALL;
    AVCodecParameters *par = fmt->streams[s->stream]->codecpar;
    s->to = avformat_new_stream(out, NULL);
    s->pkt = av_packet_alloc();
    if (!s->to || !s->pkt) {
        st = LK_FAIL(err, LK_E_NOMEM, "no memory for the sound of %s", path);
        goto fail;
    }
    if (avformat_query_codec(out->oformat, par->codec_id, FF_COMPLIANCE_NORMAL) == 1) {
        if (avcodec_parameters_copy(s->to->codecpar, par) < 0) {
            st = LK_FAIL(err, LK_E_NOMEM, "no memory for the sound of %s", path);
            goto fail;
        }
        s->to->codecpar->codec_tag = 0;
        s->to->time_base = par->sample_rate > 0 ? (AVRational){1, par->sample_rate}
                                                : fmt->streams[s->stream]->time_base;
        snprintf(s->how, sizeof(s->how), "%s, copied", avcodec_get_name(par->codec_id));
    } else {
        st = open_flac(s, err);
        if (st != LK_OK) goto fail;
    }
    /* FLAC in MP4 has been a settled standard since 2018; this libavformat still wants to be told so. */
    if (s->to->codecpar->codec_id == AV_CODEC_ID_FLAC)
        out->strict_std_compliance = FF_COMPLIANCE_EXPERIMENTAL;
    *result = s;
    return LK_OK;
fail:
    media_sound_close(&s);
    return st;
}

lk_status media_sound_pump(sound *s, double seconds, lk_error *err)
{
    while (s && !s->done) {
        if (!s->have) {
            int e = s->enc ? encode_next(s) : copy_next(s);
            if (s->src->read_failed)
                return LK_FAIL(err, LK_E_IO, "%s cannot be read any further; check the disk", s->src->path);
            if (e < 0)
                return media_fail(err, LK_E_FORMAT, "its sound cannot be copied", s->src->path, e,
                                  "copy or record it again");
            if (e == 0) {
                s->done = true;
                return LK_OK;
            }
            s->have = true;
            if (s->enc) av_packet_rescale_ts(s->pkt, s->enc->time_base, s->to->time_base);
            s->pkt->stream_index = s->to->index;
            s->pkt->pos = -1;
        }
        if ((double)s->pkt->dts * av_q2d(s->to->time_base) > seconds) return LK_OK;
        int e = av_interleaved_write_frame(s->out, s->pkt);
        s->have = false;
        if (e < 0) return media_fail(err, LK_E_IO, "its sound cannot be written", s->src->path, e, NULL);
    }
    return LK_OK;
}

int media_sound_rate(const sound *s) { return s->to->codecpar->sample_rate; }

const char *media_sound_how(const sound *s) { return s ? s->how : "no sound"; }

void media_sound_close(sound **sp)
{
    sound *s = *sp;
    if (!s) return;
    av_packet_free(&s->pkt);
    av_frame_free(&s->frame);
    av_frame_free(&s->block);
    av_audio_fifo_free(s->fifo);
    swr_free(&s->swr);
    avcodec_free_context(&s->dec);
    avcodec_free_context(&s->enc);
    media_source_close(&s->src);
    lk_free(s);
    *sp = NULL;
}
