/* watermark.h: a 64-bit id hidden in pictures, clips and sound. code.c is the channel code that all share, video*.c the
 * tiled spread spectrum, audio*.c the patchwork. Embedding is for mark/ alone; reading is free and open to anyone.
 * What defeats it is said in docs/WATERMARK.md.
 */
#ifndef LK_WATERMARK_H
#define LK_WATERMARK_H

#include "media/media.h"

/* --- channel code (code.c) --------------------------------------------------------------------------- */

#define WM_ID_BITS 64
#define WM_CRC_BITS 24
#define WM_CODED_BITS ((WM_ID_BITS + WM_CRC_BITS + 8) * 6) /* rate 1/6, K = 9, zero tail: 576 */
void wm_encode(uint64_t id, uint8_t bit[WM_CODED_BITS]); /* 0 or 1 */
/* Soft decision list Viterbi: soft[i] > 0 means 1, any scale. True when a likely word's CRC fits: 1 in 6e7 of pure noise. */
bool wm_decode(const float soft[WM_CODED_BITS], uint64_t *id);

/* The key of a watermark: which pattern. The built-in public key makes a mark that everybody's copy of the program reads;
 * a studio may use a private one besides. */
typedef struct wm_key { uint8_t b[32]; } wm_key;
wm_key wm_public_key(void);

/* --- pictures and clips (video*.c) ---------------------------------------------------------------------- */

typedef struct wm_embedder wm_embedder;
/* For pictures of one size. psnr: 0 = default (43.7 dB). Refuses pictures under 64 px a side (LK_E_RANGE). */
lk_status wm_embed_open(int width, int height, uint64_t id, const wm_key *key, double psnr, wm_embedder **out, lk_error *err);
/* Change the luma of a writable frame in place. seconds: the frame's time (the sign flips every half second or so, by
 * time and not by count). 8 and 10 bit, every chroma. Frames of one clip may come from one thread only. */
lk_status wm_embed_frame(wm_embedder *w, lk_frame *f, double seconds, lk_error *err);
lk_status wm_embed_image(wm_embedder *w, lk_image *rgb, lk_error *err); /* stills: RGB 0..1, equal change of R, G, B */
void wm_embed_close(wm_embedder **w);

typedef struct wm_found {
    bool found;
    uint64_t id;
    double z;          /* strength of the sync pattern, in deviations */
    double errors;     /* share of coded bits that disagreed */
    double scale;      /* of what is seen against the marked picture shown whole at this size: 1.67 after cropping to 60 % */
    double shift_x, shift_y; /* of the pattern, in its units (chips, 37 a tile), against an uncropped picture's */
    double begin, end; /* seconds that were used */
    double angle;      /* degrees by which the picture was turned, about */
    bool mirrored;
    int64_t attempts;  /* decodings tried: each of them fits by chance once in 6e7 */
} wm_found;
typedef struct wm_detector wm_detector;
lk_status wm_detect_open(const wm_key *key, wm_detector **out, lk_error *err);
lk_status wm_detect_frame(wm_detector *d, const lk_frame *f, lk_error *err);     /* any number, any size but all one size */
lk_status wm_detect_image(wm_detector *d, const lk_image *rgb, lk_error *err);
lk_status wm_detect_result(wm_detector *d, wm_found *out, lk_error *err);        /* may be asked again after more frames */
void wm_detect_close(wm_detector **d);
/* A clip or still from a file; stops as soon as the id is sure. */
lk_status wm_detect_file(const char *path, const wm_key *key, wm_found *out, const lk_cancel *cancel,
                         const lk_progress_sink *progress, lk_error *err);

/* --- sound (audio*.c) -------------------------------------------------------------------------------------- */

/* In place; any rate from 16 kHz, 1 to 16 channels (the same pattern in each). strength: 0 = default, which lies 28.6 dB
 * under the sound; otherwise a factor of it, up to 4. Sound shorter than a block (6.144 s) or silent carries nothing, and
 * 12 s of speech are needed to be sure: *marked (may be NULL) says whether the id can be read back. After a failure the
 * sound may be half marked. */
lk_status wm_audio_embed(lk_audio *a, uint64_t id, const wm_key *key, double strength, bool *marked, lk_error *err);
/* Played 5 % faster or slower, with its pitch or without, cut anywhere: scale says the speed. */
lk_status wm_audio_detect(const lk_audio *a, const wm_key *key, wm_found *out, lk_error *err);
lk_status wm_audio_detect_file(const char *path, const wm_key *key, wm_found *out, lk_error *err);

#endif
