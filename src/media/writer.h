/* writer.h: the encoder. Only mark/ may include this: it is the way out. A clip is
 * written into a draft beside its target, which has no name: nothing unsigned can
 * be left behind, and the writer itself cannot publish. mark/ signs a copy of the
 * draft and publishes that.
 */
#ifndef LK_MEDIA_WRITER_H
#define LK_MEDIA_WRITER_H

#include "media/media.h"

typedef struct lk_writer lk_writer;
typedef struct lk_writer_spec {
    const char *path;
    const lk_media_info *like; /* size, chroma, depth, time base, tags, rate; NULL for a plain 8-bit clip */
    int width, height;         /* used when like is NULL */
    lk_rational time_base;     /* likewise */
    const char *audio_from;    /* a file whose sound is copied packet by packet, unchanged; NULL = none */
    int crf;                   /* x264 quality, 0 = default 16 */
    const char *preset;        /* NULL = "veryfast" */
    int threads;               /* 0 = as the thread budget says */
    const char *const *tags;   /* container tags: key, value, key, value, NULL */
} lk_writer_spec;
/* MP4 or MOV by the name. Chroma and depth follow like: 4:2:0, 4:2:2 or 4:4:4 at 8 or 10 bits. Odd sizes
 * become 4:4:4 (4:2:0 needs even sides) and keep their size; grey and RGB become 4:2:0. The track's timescale
 * is the source's, so that each PTS is kept to the tick. Sound that the container cannot hold (PCM in MP4) is
 * written as FLAC. */
lk_status lk_writer_open(const lk_writer_spec *spec, lk_writer **out, lk_error *err);
/* How the sound gets in: "aac, copied", "pcm_s16le to flac", "no sound". Lives as long as w. */
const char *lk_writer_sound(const lk_writer *w);
/* Takes its own reference. PTS must grow. A frame of another format than the clip's is converted. */
lk_status lk_writer_frame(lk_writer *w, lk_frame *f, lk_error *err);
/* Flush, fsync, and give a name by which this process can read the whole clip for as long as w lives. */
lk_status lk_writer_finish(lk_writer *w, char *name, size_t n, lk_error *err);
void lk_writer_abort(lk_writer **w); /* forget the draft, free */
/* Encoded stills, in memory (lk_free). kind: "png" or "jpg". tags: as above, as PNG text or JPEG comments. */
lk_status lk_still_encode(const lk_image *rgb, const char *kind, const char *const *tags, void **data,
                          size_t *n, lk_error *err);
/* 16-bit WAV in memory. */
lk_status lk_wav_encode(const lk_audio *a, void **data, size_t *n, lk_error *err);

#endif
