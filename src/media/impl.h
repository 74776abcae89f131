/* impl.h: what the files of media/ share and nobody else sees: the frame's
 * inside, the safe way to open a file, the colour maps. Includes libav*.
 */
#ifndef LK_MEDIA_IMPL_H
#define LK_MEDIA_IMPL_H

#include <stdatomic.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/frame.h>
#include <libswscale/swscale.h>

#include "media/media.h"

/* Row kernels are compiled for several instruction sets and picked at load time. gcc only, and not under
 * sanitizers, whose runtime is not up yet when the loader picks. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define MEDIA_CLONES __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define MEDIA_CLONES
#endif
#define MEDIA_INLINE static inline __attribute__((always_inline))

#define MEDIA_SIDE_MAX 16384
#define MEDIA_PARALLEL 400000 /* pixels below which waking a second thread costs more than it brings */

/* --- frame.c --------------------------------------------------------------------- */

/* The pixels are always one of the native formats of native.c: planar YUV 4:2:0, 4:2:2 or 4:4:4, grey or
 * planar RGB, 8 bits or 10 bits in 16-bit little-endian words. */
struct lk_frame {
    atomic_int refs;
    bool writable;
    AVFrame *av;
    lk_chroma chroma;
    lk_frame_info info;
};
/* Takes over *av (NULL afterwards), which must be native and of info's size. */
lk_status media_frame_wrap(AVFrame **av, const lk_frame_info *info, lk_frame **out, lk_error *err);
/* A native picture buffer of undefined content, with the tags of tags (may be NULL). */
lk_status media_avframe_new(enum AVPixelFormat fmt, int w, int h, const AVFrame *tags, AVFrame **out,
                            lk_error *err);

/* --- native.c -------------------------------------------------------------------- */

enum AVPixelFormat media_native_format(lk_chroma chroma, int bit_depth);
bool media_native_chroma(enum AVPixelFormat fmt, lk_chroma *chroma, int *bit_depth); /* false: not native */
/* Turn a decoded picture into a native one; exact wherever a native format can hold the samples, through
 * swscale otherwise. *out may be a new reference to in's buffers. *sws is kept between calls, freed by the
 * caller. */
lk_status media_native_frame(const AVFrame *in, struct SwsContext **sws, AVFrame **out, lk_error *err);

/* The same picture in another layout (subsampling, depth, packing) by swscale; matrix and range do not
 * change. */
lk_status media_relayout(const AVFrame *in, enum AVPixelFormat want, struct SwsContext **sws, AVFrame **out,
                         lk_error *err);

/* How the stored picture has to be turned to stand upright: transposed first, then mirrored. */
typedef struct turn {
    bool transpose, flip_x, flip_y;
} turn;
turn media_turn_from_matrix(const int32_t *matrix); /* NULL = none */
int media_turn_degrees(turn t);                     /* clockwise */
bool media_turn_none(turn t);
/* Replace *av (native) by its upright copy. */
lk_status media_turn_frame(AVFrame **av, turn t, struct SwsContext **sws, lk_error *err);

/* --- colour.c -------------------------------------------------------------------- */

/* Code value = offset + value * mul; R'G'B' from Y'CbCr by the usual constants of kr and kb (H.273). */
typedef struct colour_map {
    bool rgb;  /* planes are G, B, R */
    bool grey; /* no chroma planes */
    float kr, kg, kb;
    float y_off, y_mul, c_off, c_mul;
    float max;                 /* largest code value */
    int shift_x, shift_y;      /* chroma subsampling, 0 or 1 */
    bool cosited_x, cosited_y; /* chroma sample sits on the even luma sample, else between two */
} colour_map;
colour_map media_colour_map(const lk_frame *f);

/* --- draw.c ---------------------------------------------------------------------- */

/* Round-ended segments (x0, y0, x1, y1) as one stroke: overlaps are not blended twice. */
void media_draw_segments(lk_image *im, const float *seg, int count, float width, const float rgb[3]);

/* --- source.c -------------------------------------------------------------------- */

/* One local file opened by a demuxer that can reach nothing else. */
typedef struct source {
    AVFormatContext *fmt;
    AVIOContext *io;
    int fd;
    int64_t size, pos;
    double deadline; /* while probing; 0 = none */
    bool read_failed;
    int64_t start; /* clip clock's zero in AV_TIME_BASE units: 0 but for broadcast streams */
    char path[1024];
} source;
lk_status media_source_open(const char *path, source **out, lk_error *err);
void media_source_close(source **s);
/* Why av_read_frame ended: LK_END, or LK_E_IO when the disk failed. */
lk_status media_source_ended(source *s, int av_error, lk_error *err);
/* The error that says what libav did to this file. */
lk_status media_fail(lk_error *err, lk_status code, const char *what, const char *path, int av_error,
                     const char *remedy);
void media_quiet(void); /* libav's own messages go to lk_log, never to the terminal */
/* An opened decoder for a stream of s. */
lk_status media_decoder_open(source *s, int stream, int threads, AVCodecContext **out, lk_error *err);

#endif
