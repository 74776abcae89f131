/* data.h: the speech and noise that the speaker model learns from, and the one place that knows who is held out:
 * every fifth of LibriSpeech's one_utt speakers, all of ten_utt, LJ, GRID and the actors, every second noise and the
 * basement's echo. Training opens none of those.
 */
#ifndef LK_VOICE_TRAIN_DATA_H
#define LK_VOICE_TRAIN_DATA_H

#include "flow/flow.h"
#include "voice/speaker_net.h"

#define LK_VOICE_SPEEDS 5   /* of each speaker; each counts as a person of its own */
#define LK_VOICE_VARIANTS 3 /* dry, and in two rooms */

const char *lk_voice_data_dir(const char *given); /* given, $LIKENESS_DATA or ../shared/data */
/* Number i of the sorted one_utt speakers or noises. */
static inline bool lk_voice_speaker_held(int i) { return i % 5 == 4; }
static inline bool lk_voice_noise_held(int i) { return i % 2 == 1; }
#define LK_VOICE_ROOM_HELD "rir_ir-basement.flac"

/* The speech of one person at one speed, frame by frame; rooms share pitch and frames with the dry voice. */
typedef struct lk_voice_clip { int64_t frames; float *power[LK_VOICE_VARIANTS], *pitch; } lk_voice_clip;
typedef struct lk_voice_data {
    lk_voice_clip *clip;    /* class c is speaker c / LK_VOICE_SPEEDS at speed c % LK_VOICE_SPEEDS */
    int classes;
    lk_mel *noise;
    int noises;
    lk_hash fingerprint;    /* of names and samples */
} lk_voice_data;
lk_status lk_voice_data_load(const char *dir, lk_voice_data *out, const lk_progress_sink *progress, lk_error *err);
/* Instead of data: buzzing sources through fixed formants, so that tests can train. */
lk_status lk_voice_data_synthetic(uint64_t seed, int speakers, lk_voice_data *out, lk_error *err);
void lk_voice_data_clear(lk_voice_data *d);

/* Samples of a file's sound at `speed` times its own, heard in a room (NULL: none). */
lk_status lk_voice_speed(const lk_audio *in, double speed, lk_audio *out, lk_error *err);
lk_status lk_voice_echo(const lk_audio *in, const lk_audio *room, lk_audio *out, lk_error *err);

/* A piece of clip c of `frames` frames, disturbed: room, equaliser, band limits, noise, reversed time. */
void lk_voice_draw(const lk_voice_data *d, int c, int64_t frames, lk_rng *r, float *power, float *pitch);

#endif
