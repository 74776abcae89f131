/* output.h: the pieces of the encoder, between output.c (the file), sound.c (the
 * sound track) and writer.c (the picture track and the life of a clip).
 */
#ifndef LK_MEDIA_OUTPUT_H
#define LK_MEDIA_OUTPUT_H

#include "media/impl.h"

/* --- output.c: a draft that libav writes ---------------------------------------- */

typedef struct output {
    lk_draft draft;
    AVIOContext *io;
    int64_t pos;
    int failed; /* errno of the first write that failed, 0 = none */
    char path[1024];
} output;
lk_status media_output_open(const char *path, output **out, lk_error *err);
/* Says what went wrong when libav reports a failure: a full disk most of all. */
lk_status media_output_fail(const output *o, int av_error, lk_error *err);
lk_status media_output_sync(output *o, lk_error *err); /* flush and fsync */
void media_output_abort(output **o);                   /* remove, close */

/* --- sound.c: the sound of another file --------------------------------------------- */

typedef struct sound sound;
/* Adds the sound stream of path to out. *snd is NULL when that file has no sound. */
lk_status media_sound_open(const char *path, AVFormatContext *out, sound **snd, lk_error *err);
/* Write the packets that begin before seconds on the clip's clock; INFINITY = all the rest. */
lk_status media_sound_pump(sound *snd, double seconds, lk_error *err);
int media_sound_rate(const sound *snd);        /* Hz */
const char *media_sound_how(const sound *snd); /* "aac, copied", "pcm_s16le to flac" */
void media_sound_close(sound **snd);

#endif
