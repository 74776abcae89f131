/* audio.h: the sound watermark from the inside. Internal to watermark/; start with audio_embed.c.
 *
 * Everything happens on one grid, whatever the file's rate: sound at 16 kHz, frames of 512 samples every 256,
 * 64 bands of two bins from 500 to 4500 Hz. A *step* is four frames (64 ms). One *chip* is one band of one
 * step: its first half is made louder and its second half softer by the same factor, or the other way round.
 * A *block* is 96 steps (6.144 s), and blocks follow one another from the first sample. A block's 6144 chips
 * carry 768 symbols of eight chips each: the 576 coded bits of the id and 192 that are known (the sync). The
 * key decides which chips and which way round.
 *
 * Each symbol has one chip in each eighth of the block and one in each eighth of the bands, so that pauses,
 * vowels and a codec's cut-off cost all symbols alike.
 */
#ifndef LK_WATERMARK_AUDIO_H
#define LK_WATERMARK_AUDIO_H

#include "dsp/dsp.h"
#include "mark/watermark/watermark.h"

enum {
    AM_RATE = 16000,
    AM_FRAME = 512,
    AM_HOP = 256,
    AM_STEP_FRAMES = 4,
    AM_STEP = AM_STEP_FRAMES * AM_HOP, /* samples */
    AM_BIN = 16,                       /* the first bin: 500 Hz */
    AM_BAND_BINS = 2,
    AM_BANDS = 64,
    AM_BINS = AM_BANDS * AM_BAND_BINS,
    AM_STEPS = 96, /* a block */
    AM_BLOCK = AM_STEPS * AM_STEP,
    AM_CHIPS = AM_STEPS * AM_BANDS,
    AM_SYNC = 192,
    AM_SYMBOLS = WM_CODED_BITS + AM_SYNC,
    AM_CHANNELS = 16,
    AM_PARTS = 8, /* eighths of the block and of the bands: chips of a symbol */
};

/* Whose each chip of the block is, and which half it makes louder (+1: the first) when its symbol is 1. */
typedef struct am_layout {
    uint16_t symbol[AM_STEPS][AM_BANDS]; /* under WM_CODED_BITS: that coded bit; others: sync, always 1 */
    int8_t sign[AM_STEPS][AM_BANDS];
} am_layout;
void am_layout_make(const wm_key *key, am_layout *out);

/* The channels of a sound at AM_RATE, one after the other, *n samples each, for the caller to lk_free. What
 * is not a number becomes 0. At most AM_CHANNELS. */
lk_status am_planes(const lk_audio *a, float **planes, int64_t *n, lk_error *err);

/* Of analysis and of synthesis: a sine, so that the square overlaps to one. */
void am_window(float w[AM_FRAME]);
/* What a step's chips say. early and late are the powers of the two halves, n steps of AM_BANDS each; floors
 * is the level of each band under which nothing is to be trusted. value > 0 where the first half is louder
 * than expected. slope is how fast value grows with the log of the first half's gain. */
void am_measure(const float *early, const float *late, int n, const float floors[AM_BANDS], float *value,
                float *slope);
/* A fifth of all powers of the band lie under its floor. rows: n rows of AM_BANDS; scratch holds n floats. */
void am_floors(const float *rows, int n, float *scratch, float floors[AM_BANDS]);
/* Band powers (AM_BANDS) of a spectrum of AM_FRAME, added to out. */
void am_band_powers(const float *spectrum, float *out);

#endif
