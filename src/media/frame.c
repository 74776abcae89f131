/* frame.c: reference-counted frames: pixels in a native format, time, tags. */
#include "media/impl.h"

#include <string.h>

#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>

lk_status media_avframe_new(enum AVPixelFormat fmt, int w, int h, const AVFrame *tags, AVFrame **out,
                            lk_error *err)
{
    AVFrame *f = av_frame_alloc();
    *out = NULL;
    if (f) {
        f->format = fmt;
        f->width = w;
        f->height = h;
        if (tags) {
            f->color_primaries = tags->color_primaries;
            f->color_trc = tags->color_trc;
            f->colorspace = tags->colorspace;
            f->color_range = tags->color_range;
            f->chroma_location = tags->chroma_location;
            f->sample_aspect_ratio = tags->sample_aspect_ratio;
        }
        if (!lk_fault_hit(LK_FAULT_ALLOC) && av_frame_get_buffer(f, 0) >= 0) {
            *out = f;
            return LK_OK;
        }
    }
    av_frame_free(&f);
    return LK_FAIL(err, LK_E_NOMEM, "no memory for a frame of %d x %d", w, h);
}

lk_status media_frame_wrap(AVFrame **av, const lk_frame_info *info, lk_frame **out, lk_error *err)
{
    lk_frame *f = lk_calloc(1, sizeof(*f));
    *out = NULL;
    if (!f) return LK_FAIL(err, LK_E_NOMEM, "no memory for a frame");
    atomic_init(&f->refs, 1);
    f->info = *info;
    if (!media_native_chroma((*av)->format, &f->chroma, &f->info.bit_depth)) {
        lk_free(f);
        return LK_FAIL(err, LK_E_BUG, "a frame was made in the format %s",
                       av_get_pix_fmt_name((*av)->format));
    }
    f->info.width = (*av)->width;
    f->info.height = (*av)->height;
    f->av = *av;
    *av = NULL;
    *out = f;
    return LK_OK;
}

lk_frame *lk_frame_ref(lk_frame *f)
{
    atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed);
    return f;
}

void lk_frame_unref(lk_frame **f)
{
    if (*f && atomic_fetch_sub_explicit(&(*f)->refs, 1, memory_order_acq_rel) == 1) {
        av_frame_free(&(*f)->av);
        lk_free(*f);
    }
    *f = NULL;
}

lk_frame_info lk_frame_get_info(const lk_frame *f) { return f->info; }

lk_status lk_frame_writable(const lk_frame *f, lk_frame **out, lk_error *err)
{
    AVFrame *copy = NULL;
    *out = NULL;
    LK_TRY(media_avframe_new(f->av->format, f->av->width, f->av->height, f->av, &copy, err));
    av_image_copy(copy->data, copy->linesize, (const uint8_t **)f->av->data, f->av->linesize, copy->format,
                  copy->width, copy->height);
    lk_status s = media_frame_wrap(&copy, &f->info, out, err);
    av_frame_free(&copy);
    if (s == LK_OK) (*out)->writable = true;
    return s;
}

lk_status lk_frame_from_image(const lk_image *rgb, lk_frame **out, lk_error *err)
{
    AVFrame *av = NULL;
    lk_frame_info info = {.time_base = {1, 1000}, .bit_depth = 8};
    *out = NULL;
    if (rgb->w < 1 || rgb->h < 1 || rgb->w > MEDIA_SIDE_MAX || rgb->h > MEDIA_SIDE_MAX)
        return LK_FAIL(err, LK_E_ARG, "a picture of %d x %d cannot become a frame", rgb->w, rgb->h);
    LK_TRY(media_avframe_new(AV_PIX_FMT_GBRP, rgb->w, rgb->h, NULL, &av, err));
    av->color_primaries = AVCOL_PRI_BT709;
    av->color_trc = AVCOL_TRC_IEC61966_2_1;
    av->colorspace = AVCOL_SPC_RGB;
    av->color_range = AVCOL_RANGE_JPEG;
    static const int channel_of_plane[3] = {1, 2, 0};
    for (int p = 0; p < 3; p++) {
        int k = rgb->c == 3 ? channel_of_plane[p] : 0;
        for (int y = 0; y < rgb->h; y++) {
            const float *in = rgb->data + (size_t)y * rgb->w * rgb->c + k;
            uint8_t *row = av->data[p] + (ptrdiff_t)y * av->linesize[p];
            for (int x = 0; x < rgb->w; x++) {
                float v = in[(size_t)x * rgb->c];
                row[x] = v > 0 ? (v < 1 ? (uint8_t)(v * 255.0f + 0.5f) : 255) : 0;
            }
        }
    }
    lk_status s = media_frame_wrap(&av, &info, out, err);
    av_frame_free(&av);
    if (s == LK_OK) (*out)->writable = true;
    return s;
}

lk_luma lk_frame_luma(const lk_frame *f)
{
    const colour_map map = media_colour_map(f);
    lk_luma l = {.planes = f->chroma == LK_CHROMA_RGB ? 3 : 1,
                 .width = f->info.width,
                 .height = f->info.height,
                 .bit_depth = f->info.bit_depth,
                 .black = (int)map.y_off,
                 .white = (int)(map.y_off + map.y_mul)};
    for (int i = 0; i < l.planes; i++) {
        l.plane[i] = f->av->data[i];
        l.stride[i] = f->av->linesize[i];
    }
    return l;
}

lk_status lk_frame_luma_writable(lk_frame *f, lk_luma *out, lk_error *err)
{
    if (!f->writable)
        return LK_FAIL(err, LK_E_STATE, "the samples of a shared frame cannot be changed; make it writable first");
    *out = lk_frame_luma(f);
    return LK_OK;
}

lk_status lk_frame_set_time(lk_frame *f, int64_t pts, int64_t duration, lk_rational tb, lk_error *err)
{
    if (!f->writable)
        return LK_FAIL(err, LK_E_STATE,
                       "the time of a shared frame cannot be changed; make it writable first");
    if (tb.num < 1 || tb.den < 1) return LK_FAIL(err, LK_E_ARG, "%d/%d is no time base", tb.num, tb.den);
    f->info.pts = pts;
    f->info.duration = duration;
    f->info.time_base = tb;
    f->info.seconds = (double)pts * tb.num / tb.den;
    return LK_OK;
}
