/* activity.h: where somebody speaks. Nothing is learned: a frame counts when its spectrum stands out of what
 * was lowest around it, band by band (long-term spectral divergence: Ramirez et al. 2004), and a stretch of such
 * frames counts when enough of it is voiced. Steady noise of any colour and hum fall away; singing and
 * melodious instruments may be taken for speech.
 */
#ifndef LK_VOICE_ACTIVITY_H
#define LK_VOICE_ACTIVITY_H

#include "voice/mel.h"

typedef struct lk_speech_segment { double start, end; } lk_speech_segment; /* s */
typedef struct lk_speech {
    lk_speech_segment *segment; /* in order, not touching */
    int64_t count;
    double seconds;             /* of all segments */
} lk_speech;
/* Mono at LK_VOICE_RATE. No speech is LK_OK with count 0; LK_E_FORMAT for samples that are not numbers. The answer
 * does not depend on the loudness of the recording. */
lk_status lk_speech_find(const float *samples, int64_t n, lk_speech *out, lk_error *err);
/* The same where the mel power is there already; must be of the same samples. */
lk_status lk_speech_find_in(const float *samples, int64_t n, const lk_mel *mel, lk_speech *out, lk_error *err);
void lk_speech_clear(lk_speech *s);

#endif
