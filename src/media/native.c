/* native.c: from whatever a decoder delivers to the few formats that the pixel
 * code works on, upright. Planar YUV, grey and planar RGB at 8 and 10 bits pass
 * as they are; semi-planar and packed relatives are rearranged without loss; the
 * rest goes to the nearest native format that keeps the depth (10 at most).
 */
#include "media/impl.h"

#include <stdlib.h>

#include <libavutil/imgutils.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>

static const struct {
    enum AVPixelFormat fmt;
    lk_chroma chroma;
    int depth;
} natives[] = {
    {AV_PIX_FMT_YUV420P, LK_CHROMA_420, 8}, {AV_PIX_FMT_YUV420P10LE, LK_CHROMA_420, 10},
    {AV_PIX_FMT_YUV422P, LK_CHROMA_422, 8}, {AV_PIX_FMT_YUV422P10LE, LK_CHROMA_422, 10},
    {AV_PIX_FMT_YUV444P, LK_CHROMA_444, 8}, {AV_PIX_FMT_YUV444P10LE, LK_CHROMA_444, 10},
    {AV_PIX_FMT_GRAY8, LK_CHROMA_GREY, 8},  {AV_PIX_FMT_GRAY10LE, LK_CHROMA_GREY, 10},
    {AV_PIX_FMT_GBRP, LK_CHROMA_RGB, 8},    {AV_PIX_FMT_GBRP10LE, LK_CHROMA_RGB, 10},
};

enum AVPixelFormat media_native_format(lk_chroma chroma, int bit_depth)
{
    for (size_t i = 0; i < LK_COUNT(natives); i++)
        if (natives[i].chroma == chroma && natives[i].depth == bit_depth) return natives[i].fmt;
    return AV_PIX_FMT_NONE;
}

bool media_native_chroma(enum AVPixelFormat fmt, lk_chroma *chroma, int *bit_depth)
{
    for (size_t i = 0; i < LK_COUNT(natives); i++) {
        if (natives[i].fmt != fmt) continue;
        *chroma = natives[i].chroma;
        *bit_depth = natives[i].depth;
        return true;
    }
    return false;
}

/* The old "J" formats say full range in their name; the modern ones in a tag. */
static enum AVPixelFormat without_j(enum AVPixelFormat fmt)
{
    switch (fmt) {
    case AV_PIX_FMT_YUVJ420P: return AV_PIX_FMT_YUV420P;
    case AV_PIX_FMT_YUVJ422P: return AV_PIX_FMT_YUV422P;
    case AV_PIX_FMT_YUVJ444P: return AV_PIX_FMT_YUV444P;
    case AV_PIX_FMT_YUVJ440P: return AV_PIX_FMT_YUV440P;
    default: return fmt;
    }
}

static enum AVPixelFormat nearest(const AVPixFmtDescriptor *d)
{
    int depth = d->comp[0].depth > 8 ? 10 : 8;
    lk_chroma chroma = LK_CHROMA_444;
    if (d->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL)) chroma = LK_CHROMA_RGB;
    else if (d->nb_components < 3) chroma = LK_CHROMA_GREY;
    else if (d->log2_chroma_w == 1 && d->log2_chroma_h == 1) chroma = LK_CHROMA_420;
    else if (d->log2_chroma_w == 1 && d->log2_chroma_h == 0) chroma = LK_CHROMA_422;
    if (chroma == LK_CHROMA_RGB && d->comp[0].depth <= 8) depth = 8;
    return media_native_format(chroma, depth);
}

lk_status media_relayout(const AVFrame *in, enum AVPixelFormat want, struct SwsContext **sws, AVFrame **out,
                         lk_error *err)
{
    LK_TRY(media_avframe_new(want, in->width, in->height, in, out, err));
    enum AVPixelFormat from = without_j(in->format);
    bool full = in->color_range == AVCOL_RANGE_JPEG || from != in->format;
    *sws = sws_getCachedContext(*sws, in->width, in->height, from, in->width, in->height, want,
                                SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP,
                                NULL, NULL, NULL);
    if (*sws) {
        /* Same range and matrix on both sides: a change of layout, not of colour. */
        const int *m = sws_getCoefficients(SWS_CS_DEFAULT);
        sws_setColorspaceDetails(*sws, m, full, m, full, 0, 1 << 16, 1 << 16);
    }
    if (!*sws || sws_scale(*sws, (const uint8_t *const *)in->data, in->linesize, 0, in->height, (*out)->data,
                           (*out)->linesize) < 0) {
        av_frame_free(out);
        return LK_FAIL(err, LK_E_UNSUPPORTED,
                       "pictures in the format %s cannot be read; convert the clip to yuv420p first",
                       av_get_pix_fmt_name(in->format) ? av_get_pix_fmt_name(in->format) : "unknown");
    }
    return LK_OK;
}

/* 8-bit RGB over white by its alpha: what a viewer shows of a cut-out PNG or a GIF. */
static void flatten(AVFrame *f, const AVFrame *rgba)
{
    for (int p = 0; p < 3; p++)
        for (int y = 0; y < f->height; y++) {
            const uint8_t *in = rgba->data[p] + (ptrdiff_t)y * rgba->linesize[p];
            const uint8_t *a = rgba->data[3] + (ptrdiff_t)y * rgba->linesize[3];
            uint8_t *out = f->data[p] + (ptrdiff_t)y * f->linesize[p];
            for (int x = 0; x < f->width; x++)
                out[x] = (uint8_t)((in[x] * a[x] + 255 * (255 - a[x]) + 127) / 255);
        }
}

lk_status media_native_frame(const AVFrame *in, struct SwsContext **sws, AVFrame **out, lk_error *err)
{
    lk_chroma chroma = LK_CHROMA_444;
    int depth = 8;
    *out = NULL;
    if (in->width < 1 || in->height < 1 || in->width > MEDIA_SIDE_MAX || in->height > MEDIA_SIDE_MAX)
        return LK_FAIL(err, LK_E_RANGE, "a picture of %d x %d pixels is outside 1..%d a side", in->width,
                       in->height, MEDIA_SIDE_MAX);
    enum AVPixelFormat fmt = without_j(in->format);
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(in->format);
    if (!d || (d->flags & (AV_PIX_FMT_FLAG_HWACCEL | AV_PIX_FMT_FLAG_BITSTREAM)) == AV_PIX_FMT_FLAG_HWACCEL)
        return LK_FAIL(err, LK_E_UNSUPPORTED,
                       "pictures in this format cannot be read; convert the clip to yuv420p first");
    if (media_native_chroma(fmt, &chroma, &depth)) {
        *out = av_frame_clone(in);
        if (!*out) return LK_FAIL(err, LK_E_NOMEM, "no memory for a frame");
    } else if ((d->flags & (AV_PIX_FMT_FLAG_ALPHA | AV_PIX_FMT_FLAG_PAL)) && nearest(d) == AV_PIX_FMT_GBRP) {
        AVFrame *rgba = NULL;
        LK_TRY(media_relayout(in, AV_PIX_FMT_GBRAP, sws, &rgba, err));
        lk_status s = media_avframe_new(AV_PIX_FMT_GBRP, in->width, in->height, in, out, err);
        if (s == LK_OK) flatten(*out, rgba);
        av_frame_free(&rgba);
        LK_TRY(s);
    } else {
        LK_TRY(media_relayout(in, nearest(d), sws, out, err));
    }
    if (fmt != in->format) (*out)->color_range = AVCOL_RANGE_JPEG;
    (*out)->format = media_native_chroma(fmt, &chroma, &depth) ? fmt : (*out)->format;
    media_native_chroma((*out)->format, &chroma, &depth);
    if (chroma == LK_CHROMA_RGB) {
        (*out)->colorspace = AVCOL_SPC_RGB;
        if ((*out)->color_range == AVCOL_RANGE_UNSPECIFIED) (*out)->color_range = AVCOL_RANGE_JPEG;
    }
    return LK_OK;
}

/* --- upright ----------------------------------------------------------------------- */

turn media_turn_from_matrix(const int32_t *m)
{
    /* The display matrix maps (x, y) to (a x + c y, b x + d y), y downwards. Only right angles and mirrors
     * are honoured; anything between is rounded to the nearest of them. */
    turn t = {0};
    if (!m) return t;
    int64_t a = m[0], b = m[1], c = m[3], d = m[4];
    if (llabs(a) + llabs(d) >= llabs(b) + llabs(c)) return (turn){false, a < 0, d < 0};
    return (turn){true, c < 0, b < 0};
}

bool media_turn_none(turn t) { return !t.transpose && !t.flip_x && !t.flip_y; }

int media_turn_degrees(turn t)
{
    if (!t.transpose) return t.flip_y ? 180 : 0;
    return t.flip_x ? 90 : 270;
}

static void turn_plane(const uint8_t *in, ptrdiff_t in_stride, int w, int h, uint8_t *out,
                       ptrdiff_t out_stride, turn t, int bytes)
{
    int ow = t.transpose ? h : w, oh = t.transpose ? w : h;
    for (int y = 0; y < oh; y++) {
        int v = t.flip_y ? oh - 1 - y : y;
        for (int x = 0; x < ow; x++) {
            int u = t.flip_x ? ow - 1 - x : x;
            const uint8_t *p = t.transpose ? in + u * in_stride + (ptrdiff_t)v * bytes
                                           : in + v * in_stride + (ptrdiff_t)u * bytes;
            uint8_t *q = out + y * out_stride + (ptrdiff_t)x * bytes;
            q[0] = p[0];
            if (bytes == 2) q[1] = p[1];
        }
    }
}

/* Where the chroma samples sit after the turn. A mirrored co-sited sample lies on the odd luma sample, which
 * no tag can say: the middle is then the nearest. */
static enum AVChromaLocation turned_location(enum AVChromaLocation loc, turn t)
{
    bool x = loc != AVCHROMA_LOC_CENTER && loc != AVCHROMA_LOC_TOP && loc != AVCHROMA_LOC_BOTTOM;
    bool y = loc == AVCHROMA_LOC_TOPLEFT || loc == AVCHROMA_LOC_TOP;
    if (t.transpose) {
        bool swap = x;
        x = y;
        y = swap;
    }
    if (t.flip_x) x = false;
    if (t.flip_y) y = false;
    return x ? (y ? AVCHROMA_LOC_TOPLEFT : AVCHROMA_LOC_LEFT) : (y ? AVCHROMA_LOC_TOP : AVCHROMA_LOC_CENTER);
}

lk_status media_turn_frame(AVFrame **av, turn t, struct SwsContext **sws, lk_error *err)
{
    lk_chroma chroma = LK_CHROMA_444;
    int depth = 8;
    if (media_turn_none(t)) return LK_OK;
    media_native_chroma((*av)->format, &chroma, &depth);
    if (chroma == LK_CHROMA_422 && t.transpose) { /* would become 4:4:0 */
        AVFrame *wide = NULL;
        LK_TRY(media_relayout(*av, media_native_format(LK_CHROMA_444, depth), sws, &wide, err));
        av_frame_free(av);
        *av = wide;
        chroma = LK_CHROMA_444;
    }
    AVFrame *in = *av, *out = NULL;
    int w = in->width, h = in->height, planes = chroma == LK_CHROMA_GREY ? 1 : 3;
    LK_TRY(media_avframe_new(in->format, t.transpose ? h : w, t.transpose ? w : h, in, &out, err));
    if (t.transpose)
        out->sample_aspect_ratio = (AVRational){in->sample_aspect_ratio.den, in->sample_aspect_ratio.num};
    if (t.transpose && in->sample_aspect_ratio.num == 0) out->sample_aspect_ratio = in->sample_aspect_ratio;
    for (int p = 0; p < planes; p++) {
        bool sub = p > 0;
        int pw = sub && (chroma == LK_CHROMA_420 || chroma == LK_CHROMA_422) ? (w + 1) / 2 : w;
        int ph = sub && chroma == LK_CHROMA_420 ? (h + 1) / 2 : h;
        turn_plane(in->data[p], in->linesize[p], pw, ph, out->data[p], out->linesize[p], t,
                   depth > 8 ? 2 : 1);
    }
    if (chroma == LK_CHROMA_420 || chroma == LK_CHROMA_422)
        out->chroma_location = turned_location(in->chroma_location, t);
    av_frame_free(av);
    *av = out;
    return LK_OK;
}
