/* voice: level 3. What is in a recording of speech: where somebody speaks (activity.h), who it may be
 * (speaker.h), and what was said. Analysis only: knows no policy and makes nothing. May include base/, flow/,
 * media/, dsp/, tensor/, nn/. Start with mel.c (mel power, which everything here reads), then activity.c
 * and speaker.c. train/ holds the training of the room's own network and eval.c says how good it is.
 *
 * Sound is mono float at LK_VOICE_RATE; lk_audio_read(path, LK_VOICE_RATE, 1, ...) loads any file so. Counts of
 * samples and frames are 64 bits; times are seconds from the first sample.
 */
#ifndef LK_VOICE_H
#define LK_VOICE_H

#include "media/media.h"

#define LK_VOICE_RATE 16000

#endif
