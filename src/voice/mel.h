/* mel.h: the mel power spectrum that activity and speaker recognition read. */
#ifndef LK_VOICE_MEL_H
#define LK_VOICE_MEL_H

#include "voice/voice.h"

#define LK_MEL_BANDS 48
#define LK_MEL_HOP 160      /* samples, 10 ms */
#define LK_MEL_WINDOW 512   /* samples, 32 ms */
#define LK_MEL_RATE (LK_VOICE_RATE / LK_MEL_HOP)
#define LK_VOICE_HOURS 4    /* longest recording taken */

/* Power in LK_MEL_BANDS triangular bands from 60 to 7600 Hz, a row a frame; frame t is centred on sample
 * (t + 0.5) * LK_MEL_HOP. */
typedef struct lk_mel { int64_t frames; float *power; } lk_mel;
/* Samples must be finite (LK_E_FORMAT) and no more than LK_VOICE_HOURS (LK_E_RANGE). */
lk_status lk_mel_make(const float *samples, int64_t n, lk_mel *out, lk_error *err);
void lk_mel_clear(lk_mel *m);

/* How periodic each frame with want[t] is at a voice's pitch (70 to 400 Hz), 0..1: the highest peak of the
 * autocorrelation over that at 0, both freed of the window's own (Boersma 1993). Others get 0. hertz (may be NULL): the pitch at that peak. */
lk_status lk_voice_periodicity(const float *samples, int64_t n, const uint8_t *want, float *out, float *hertz,
                               lk_error *err);

#endif
