/* media: level 1. Frames, sound, reading anything FFmpeg reads, colour, pixel
 * work (warp, resize, blur, draw). The only room that includes libav*. writer.h
 * is the encoder and may be included by mark/ alone. May include base/, flow/.
 *
 * Start with reader.c: source.c opens the file, native.c turns what the decoder
 * gives into one of five layouts, upright. colour.c reads a frame as RGB, blend.c
 * writes RGB into it. image.c, warp.c, resize.c, draw.c and font.c work on float
 * pictures. writer.c, sound.c and output.c write clips, still.c stills and WAV.
 *
 * Time: every frame carries its PTS in the stream's time base; never frame/fps.
 * A clip's clock starts at its container's zero; for broadcast streams, whose
 * zero is anywhere, at their first packet. Frames and sound share that clock.
 */
#ifndef LK_MEDIA_H
#define LK_MEDIA_H

#include "base/base.h"
#include "flow/flow.h"

/* --- pictures to work on -------------------------------------------------------- */

/* Interleaved float picture: RGB (c = 3) or grey/mask (c = 1), row-major, values as coded (gamma), 0..1.
 * (0,0) is the centre of the top-left pixel. Owns data when made by lk_image_new. */
typedef struct lk_image {
    int w, h, c;
    float *data;
} lk_image;
lk_status lk_image_new(int w, int h, int c, lk_image *out, lk_error *err); /* zeroed; limit 16384x16384 */
void lk_image_clear(lk_image *im);
lk_status lk_image_copy(const lk_image *src, lk_image *out, lk_error *err);

/* 2x3 affine map p' = [a b; d e] p + [c f]. */
typedef struct lk_affine {
    float a, b, c, d, e, f;
} lk_affine;
lk_affine lk_affine_invert(lk_affine m);
lk_affine lk_affine_mul(lk_affine outer, lk_affine inner); /* outer(inner(p)) */
static inline void lk_affine_apply(lk_affine m, float x, float y, float *ox, float *oy)
{
    *ox = m.a * x + m.b * y + m.c;
    *oy = m.d * x + m.e * y + m.f;
}

typedef enum lk_border { LK_BORDER_ZERO, LK_BORDER_CLAMP, LK_BORDER_MIRROR } lk_border;
typedef enum lk_filter {
    LK_FILTER_BILINEAR,
    LK_FILTER_CUBIC, /* Catmull-Rom */
    LK_FILTER_AREA   /* bilinear, supersampled when shrinking */
} lk_filter;
/* dst(p) = src(to_src(p)). dst is allocated by the caller, with src's channels. Large ones are threaded by
 * rows (OpenMP). The mirror border does not repeat the edge pixel. */
void lk_image_warp(const lk_image *src, lk_image *dst, lk_affine to_src, lk_filter filter, lk_border border);
/* dst(x,y) = src at grid (2 floats per dst pixel: source x, y). */
void lk_image_remap(const lk_image *src, lk_image *dst, const float *grid, lk_filter filter,
                    lk_border border);
/* Any size to any size, antialiased when shrinking (area: each pixel is the mean of what it covers). Needs no
 * memory to succeed, only to be fast. */
void lk_image_resize(const lk_image *src, lk_image *dst, lk_filter filter);
lk_status lk_image_blur(lk_image *im, float sigma, lk_error *err); /* Gaussian, in place, clamp border */

/* Drawing for contact sheets and labels: antialiased, RGB or grey. Colours 0..1. */
void lk_draw_line(lk_image *im, float x0, float y0, float x1, float y1, float width, const float rgb[3]);
void lk_draw_dot(lk_image *im, float x, float y, float radius, const float rgb[3]);
void lk_draw_box(lk_image *im, float x0, float y0, float x1, float y1, float width, const float rgb[3]);
void lk_draw_fill(lk_image *im, float x0, float y0, float x1, float y1, const float rgb[3], float alpha);
void lk_draw_paste(lk_image *dst, const lk_image *src, int x, int y);
/* ASCII text in a built-in stroke font drawn for this project; (x, y) is the top left corner, height runs
 * from the top of the capitals to the descenders (legible from 10 px). Returns the width in pixels. */
int lk_draw_text(lk_image *im, float x, float y, float height, const char *text, const float rgb[3]);
int lk_draw_text_width(float height, const char *text);

/* --- frames ----------------------------------------------------------------------- */

/* How a frame stores colour. Whatever the file held, a frame is one of these at 8 or 10 bits; RGB sources
 * (PNG, GIF) stay RGB. */
typedef enum lk_chroma {
    LK_CHROMA_420,
    LK_CHROMA_422,
    LK_CHROMA_444,
    LK_CHROMA_GREY,
    LK_CHROMA_RGB
} lk_chroma;

typedef struct lk_frame lk_frame; /* reference counted; immutable unless made by lk_frame_writable */
lk_frame *lk_frame_ref(lk_frame *f);
void lk_frame_unref(lk_frame **f);
typedef struct lk_rational {
    int num, den;
} lk_rational;
typedef struct lk_frame_info {
    int width, height;     /* upright: the rotation flag has been applied */
    int64_t pts, duration; /* in time_base units */
    lk_rational time_base;
    double seconds; /* pts on the clip's clock */
    int bit_depth;  /* 8 or 10 */
    int64_t index;  /* 0, 1, 2... in presentation order */
} lk_frame_info;
lk_frame_info lk_frame_get_info(const lk_frame *f);
/* Read rectangle x,y,out->w,out->h as RGB (out->c 3) or luma (out->c 1); parts outside the frame are clamped
 * to its edge. Uses the frame's own matrix, range and chroma siting; colours outside 0..1 are clipped.
 * Threaded. */
lk_status lk_frame_get_rgb(const lk_frame *f, int x, int y, lk_image *out, lk_error *err);
/* Whole frame as RGB; out is allocated here. */
lk_status lk_frame_to_image(const lk_frame *f, lk_image *out, lk_error *err);
/* A copy that may be changed, same format, depth, tags and time. */
lk_status lk_frame_writable(const lk_frame *f, lk_frame **out, lk_error *err);
/* Blend RGB into a writable frame at x,y: frame = frame*(1-alpha) + rgb*alpha, in the frame's own planar YUV;
 * where alpha is 0 the coded samples stay bit-exact. alpha (c 1, same size) NULL = 1 everywhere. Chroma of
 * subsampled formats is blended at chroma resolution. Rounding is dithered: +-0.5 code value of noise keyed
 * by the frame's index and the place, so that the same frame gives the same bytes. */
lk_status lk_frame_blend_rgb(lk_frame *f, int x, int y, const lk_image *rgb, const lk_image *alpha,
                             lk_error *err);
/* A writable 8-bit RGB frame from a picture, at time 0 (1/1000 s), for stills, sheets and made clips; the
 * writer turns it into what its clip needs. */
lk_status lk_frame_from_image(const lk_image *rgb, lk_frame **out, lk_error *err);
/* The samples that carry brightness, in place, for marks: one plane of luma, or an RGB frame's three. Words are
 * 8 bits, or 16 when bit_depth is above 8. */
typedef struct lk_luma {
    void *plane[3];
    ptrdiff_t stride[3]; /* bytes */
    int planes;          /* 1, or 3: green, blue, red */
    int width, height, bit_depth;
    int black, white; /* code values of 0 and 1; others may occur */
} lk_luma;
lk_luma lk_frame_luma(const lk_frame *f); /* to read: do not write through it */
lk_status lk_frame_luma_writable(lk_frame *f, lk_luma *out, lk_error *err); /* refuses shared frames */
/* Give a writable frame its place in a made clip. */
lk_status lk_frame_set_time(lk_frame *f, int64_t pts, int64_t duration, lk_rational time_base, lk_error *err);

/* --- reading ------------------------------------------------------------------------ */

typedef struct lk_media_info {
    char path[1024], format[64], video_codec[32], audio_codec[32];
    bool has_video, has_audio, is_still;
    int width, height; /* upright */
    int rotation;      /* degrees that were undone */
    int bit_depth;
    lk_chroma chroma;
    lk_rational pixel_aspect;          /* 0/1 unknown */
    lk_rational time_base, frame_rate; /* frame_rate is nominal: information only */
    bool variable_rate;
    double duration;                                   /* seconds, 0 unknown */
    int64_t frames;                                    /* estimate, 0 unknown */
    int color_primaries, color_transfer, color_matrix; /* H.273 code points */
    int color_range;                                   /* 1 tv, 2 pc, 0 unknown */
    int sample_rate, channels;
    int64_t bit_rate;
} lk_media_info;

typedef struct lk_reader lk_reader;
/* Only the local file at path (no URLs, no playlists, nothing that a file may point at). What it is, is
 * decided by its content. Limits: 16384 px a side, 64 streams, 10 s probe. The first picture is decoded here.
 * Errors name the file and the remedy: absent (LK_E_NOTFOUND), empty, damaged, no picture (LK_E_FORMAT), too
 * large (LK_E_RANGE). */
lk_status lk_reader_open(const char *path, lk_reader **out, lk_error *err);
const lk_media_info *lk_reader_info(const lk_reader *r);
/* The next picture in presentation order: LK_OK and one reference, or LK_END, or an error; *out NULL unless
 * LK_OK. A damaged picture inside is skipped and counted; a stream with none readable is LK_E_FORMAT. */
lk_status lk_reader_next(lk_reader *r, lk_frame **out, lk_error *err);
int64_t lk_reader_skipped(const lk_reader *r);
lk_status lk_reader_rewind(lk_reader *r, lk_error *err);
/* To the last key frame at or before seconds; the next frames come from there (decode on until your PTS).
 * Their index is counted on from an estimate by the nominal rate; after a rewind it is exact again. */
lk_status lk_reader_seek(lk_reader *r, double seconds, lk_error *err);
void lk_reader_close(lk_reader **r);

/* Sound as interleaved float at rate, mixed to channels (0 = as is); whole clip, limit 4 hours. Sample 0 is
 * the clip clock's zero: a track that begins late is preceded by silence. */
typedef struct lk_audio {
    int rate, channels;
    int64_t samples; /* per channel */
    float *data;
} lk_audio;
lk_status lk_audio_read(const char *path, int rate, int channels, lk_audio *out, lk_error *err);
void lk_audio_clear(lk_audio *a);

/* One line: FFmpeg's version and whether the H.264 encoder is there. */
void lk_media_versions(char *out, size_t n);

#endif
