/* speaker.h: does one person speak in two recordings? A recording becomes a unit vector from the speech in it;
 * the cosine of two says how alike the voices are. The network was taught by few people (models/voice-speaker.md):
 * it helps to notice another person's voice and to refuse a mismatch, and identifies nobody.
 */
#ifndef LK_VOICE_SPEAKER_H
#define LK_VOICE_SPEAKER_H

#include "voice/activity.h"

#define LK_SPEAKER_EMBEDDING 192
#define LK_SPEAKER_LEAST 1.5 /* s of speech that an embedding needs; thresholds hold from 3 s on */

/* One owner thread. models_dir must be given: the folder with voice-speaker.safetensors. A missing, damaged or
 * wrong file is refused with its name. */
typedef struct lk_speaker lk_speaker;
lk_status lk_speaker_open(const char *models_dir, lk_speaker **out, lk_error *err);
void lk_speaker_close(lk_speaker **sp);

/* speech_seconds (may be NULL) is set also when the call is refused for too little speech (LK_E_NOTFOUND). Neither
 * loudness nor silence around the speech changes the vector by more than rounding. */
lk_status lk_speaker_embed(lk_speaker *sp, const float *samples, int64_t n, float out[LK_SPEAKER_EMBEDDING],
                           float *speech_seconds, lk_error *err);
float lk_speaker_cosine(const float a[LK_SPEAKER_EMBEDDING], const float b[LK_SPEAKER_EMBEDDING]);

/* Measured on people the network never heard, 3 s against 3 s, and kept in the model file. At accept or above, one
 * pair of strangers in a thousand passes; below reject lie two in a hundred pairs of one person. Between: unsure.
 * LK_E_STATE when the model was never measured. */
typedef struct lk_speaker_limits { float accept, reject; } lk_speaker_limits;
lk_status lk_speaker_thresholds(const lk_speaker *sp, lk_speaker_limits *out, lk_error *err);

/* The recording in pieces of `window` seconds of speech (2 to 10; 0: 3), half overlapping, pauses left out: a caller
 * compares each with the person expected and finds stretches of somebody else. */
typedef struct lk_speaker_piece {
    double start, end;  /* s in the recording, pauses included */
    float embedding[LK_SPEAKER_EMBEDDING];
} lk_speaker_piece;
typedef struct lk_speaker_pieces { lk_speaker_piece *piece; int64_t count; } lk_speaker_pieces;
/* LK_E_NOTFOUND when there is less than LK_SPEAKER_LEAST of speech in all. */
lk_status lk_speaker_track(lk_speaker *sp, const float *samples, int64_t n, double window, lk_speaker_pieces *out,
                           lk_error *err);
void lk_speaker_pieces_clear(lk_speaker_pieces *p);

#endif
