/* still.c: stills and sound in memory: PNG, JPEG, WAV, with their tags. */
#include <math.h>
#include <string.h>
#include <strings.h>

#include "media/impl.h"
#include "media/writer.h"

#define PNG_HEAD (8 + 25) /* signature and IHDR, which come first in every PNG */
#define JPEG_QSCALE 2     /* the quality of libavcodec's scale that is close to 95 of the usual one */

static void put_be32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++) p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static void put_le(uint8_t *p, uint32_t v, int bytes)
{
    for (int i = 0; i < bytes; i++) p[i] = (uint8_t)(v >> (8 * i));
}

static bool is_ascii(const char *s)
{
    while (*s > 0) s++;
    return !*s;
}

/* One chunk for each tag: tEXt, which every reader knows, or iTXt where it takes UTF-8. */
static void png_tags(lk_text *t, const char *const *tags)
{
    for (; tags && tags[0] && tags[1]; tags += 2) {
        bool plain = is_ascii(tags[1]);
        size_t key = strnlen(tags[0], 79), text = strlen(tags[1]), gap = plain ? 1 : 5;
        uint8_t number[4];
        put_be32(number, (uint32_t)(key + gap + text));
        lk_text_addn(t, (const char *)number, 4);
        size_t from = t->len;
        lk_text_addn(t, plain ? "tEXt" : "iTXt", 4);
        lk_text_addn(t, tags[0], key);
        lk_text_addn(t, "\0\0\0\0",
                     gap); /* end of key; iTXt: not compressed, method, no language, no translated key */
        lk_text_addn(t, tags[1], text);
        if (t->failed) return;
        put_be32(number, lk_crc32(0, t->s + from, t->len - from));
        lk_text_addn(t, (const char *)number, 4);
    }
}

/* One comment segment for each tag, "key: value". */
static void jpeg_tags(lk_text *t, const char *const *tags)
{
    for (; tags && tags[0] && tags[1]; tags += 2) {
        size_t n = LK_MIN(strlen(tags[0]) + 2 + strlen(tags[1]), 65000);
        char head[4] = {(char)0xff, (char)0xfe, (char)((n + 2) >> 8), (char)((n + 2) & 255)};
        lk_text_addn(t, head, 4);
        size_t end = t->len + n;
        lk_text_add(t, "%s: %s", tags[0], tags[1]);
        if (!t->failed && t->len > end) t->len = end;
    }
}

static lk_status encode(const AVFrame *f, enum AVCodecID id, AVPacket *pkt, lk_error *err)
{
    const AVCodec *codec = avcodec_find_encoder(id);
    AVCodecContext *c = codec && !lk_fault_hit(LK_FAULT_ALLOC) ? avcodec_alloc_context3(codec) : NULL;
    if (!c) return LK_FAIL(err, LK_E_NOMEM, "no memory to encode a picture of %d x %d", f->width, f->height);
    c->width = f->width;
    c->height = f->height;
    c->pix_fmt = f->format;
    c->color_range = AVCOL_RANGE_JPEG;
    c->time_base = (AVRational){1, 25};
    c->thread_count = 1;
    if (id == AV_CODEC_ID_MJPEG) {
        c->flags |= AV_CODEC_FLAG_QSCALE;
        c->global_quality = JPEG_QSCALE * FF_QP2LAMBDA;
    }
    int e = avcodec_open2(c, codec, NULL);
    if (e >= 0) e = avcodec_send_frame(c, f);
    if (e >= 0) e = avcodec_receive_packet(c, pkt);
    avcodec_free_context(&c);
    return e < 0 ? media_fail(err, LK_E_UNSUPPORTED, "cannot be encoded", "the picture", e, NULL) : LK_OK;
}

/* The picture as the encoder wants it: packed RGB, or full-range 4:4:4 by BT.601 as JPEG defines. */
static lk_status make_frame(const lk_image *rgb, bool png, AVFrame **out, lk_error *err)
{
    lk_frame *planar = NULL;
    AVFrame *av = NULL, tags = {.colorspace = AVCOL_SPC_SMPTE170M, .color_range = AVCOL_RANGE_JPEG};
    struct SwsContext *sws = NULL;
    lk_status s;
    if (png) {
        s = lk_frame_from_image(rgb, &planar, err);
        if (s == LK_OK) s = media_relayout(planar->av, AV_PIX_FMT_RGB24, &sws, out, err);
    } else {
        lk_frame_info info = {.time_base = {1, 1000}};
        s = media_avframe_new(AV_PIX_FMT_YUV444P, rgb->w, rgb->h, &tags, &av, err);
        if (s == LK_OK) s = media_frame_wrap(&av, &info, &planar, err);
        if (s == LK_OK) {
            planar->writable = true;
            s = lk_frame_blend_rgb(planar, 0, 0, rgb, NULL, err);
        }
        if (s == LK_OK) {
            *out = av_frame_clone(planar->av);
            if (!*out) s = LK_FAIL(err, LK_E_NOMEM, "no memory for a frame");
            else
                (*out)->format =
                    AV_PIX_FMT_YUVJ444P; /* the name by which the JPEG encoder knows full range */
        }
    }
    sws_freeContext(sws);
    lk_frame_unref(&planar);
    av_frame_free(&av);
    return s;
}

lk_status lk_still_encode(const lk_image *rgb, const char *kind, const char *const *tags, void **data,
                          size_t *n, lk_error *err)
{
    *data = NULL;
    *n = 0;
    media_quiet();
    bool png = !strcasecmp(kind, "png");
    if (!png && strcasecmp(kind, "jpg") && strcasecmp(kind, "jpeg"))
        return LK_FAIL(err, LK_E_ARG, "a still is written as png or jpg, not as %s", kind);
    AVFrame *f = NULL;
    AVPacket *pkt = av_packet_alloc();
    lk_text extra = {0};
    lk_status s = pkt ? make_frame(rgb, png, &f, err)
                      : LK_FAIL(err, LK_E_NOMEM, "no memory to encode a picture");
    if (s == LK_OK) s = encode(f, png ? AV_CODEC_ID_PNG : AV_CODEC_ID_MJPEG, pkt, err);
    if (s == LK_OK) {
        size_t head = png ? PNG_HEAD : 2; /* JPEG: after the start marker */
        if (png) png_tags(&extra, tags);
        else jpeg_tags(&extra, tags);
        uint8_t *all = extra.failed || (size_t)pkt->size < head ? NULL
                                                                : lk_alloc((size_t)pkt->size + extra.len);
        if (all) {
            memcpy(all, pkt->data, head);
            if (extra.len) memcpy(all + head, extra.s, extra.len);
            memcpy(all + head + extra.len, pkt->data + head, (size_t)pkt->size - head);
            *data = all;
            *n = (size_t)pkt->size + extra.len;
        } else {
            s = LK_FAIL(err, LK_E_NOMEM, "no memory to encode a picture of %d x %d", rgb->w, rgb->h);
        }
    }
    lk_text_clear(&extra);
    av_packet_free(&pkt);
    av_frame_free(&f);
    return s;
}

lk_status lk_wav_encode(const lk_audio *a, void **data, size_t *n, lk_error *err)
{
    *data = NULL;
    *n = 0;
    if (a->channels < 1 || a->channels > 64 || a->rate < 1 || a->samples < 0)
        return LK_FAIL(err, LK_E_ARG, "sound of %d channels at %d Hz cannot be written", a->channels,
                       a->rate);
    uint64_t bytes = (uint64_t)a->samples * (uint64_t)a->channels * 2;
    if (bytes > UINT32_MAX - 64 || (uint64_t)a->samples > UINT32_MAX)
        return LK_FAIL(err, LK_E_RANGE, "the sound is too long for a WAV file (4 GiB); write it in parts");
    uint8_t *p = lk_alloc(44 + (size_t)bytes);
    if (!p) return LK_FAIL(err, LK_E_NOMEM, "no memory for %llu bytes of sound", (unsigned long long)bytes);
    memcpy(p, "RIFF....WAVEfmt ", 16);
    put_le(p + 4, (uint32_t)(36 + bytes), 4);
    put_le(p + 16, 16, 4);
    put_le(p + 20, 1, 2); /* PCM */
    put_le(p + 22, (uint32_t)a->channels, 2);
    put_le(p + 24, (uint32_t)a->rate, 4);
    put_le(p + 28, (uint32_t)(a->rate * a->channels * 2), 4);
    put_le(p + 32, (uint32_t)(a->channels * 2), 2);
    put_le(p + 34, 16, 2);
    memcpy(p + 36, "data", 4);
    put_le(p + 40, (uint32_t)bytes, 4);
    int16_t *out = (int16_t *)(void *)(p + 44);
    for (int64_t i = 0; i < a->samples * a->channels; i++) {
        float v = a->data[i] * 32768.0f;
        out[i] = v >= 32767.0f ? 32767 : v <= -32768.0f ? -32768 : v == v ? (int16_t)lrintf(v) : 0;
    }
    *data = p;
    *n = 44 + (size_t)bytes;
    return LK_OK;
}
