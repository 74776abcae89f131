/* pieces.h: recordings of people who were held out, cut into pieces of speech and embedded. */
#ifndef LK_VOICE_EVAL_PIECES_H
#define LK_VOICE_EVAL_PIECES_H

#include "voice/eval.h"

typedef enum lk_heard { LK_HEARD_CLEAN, LK_HEARD_NOISE, LK_HEARD_ROOM, LK_HEARD_WAYS } lk_heard;
typedef struct lk_piece { float v[LK_SPEAKER_EMBEDDING]; int person, recording, seconds; lk_heard how; } lk_piece;
typedef struct lk_pieces {
    lk_piece *all;
    int64_t count, cap;
    int people, recordings;
    int64_t embedded;
    double busy;     /* s spent embedding */
    double heard;    /* s of speech embedded */
} lk_pieces;
/* LibriSpeech's held-out speakers, LJ, GRID (sentences joined by threes): 3 s and 6 s, heard in each way. */
lk_status lk_pieces_people(const lk_voice_asker *a, lk_speaker *sp, lk_pieces *out, lk_error *err);
/* The made voices of actors A to F, 3 s, clean. person is the letter's number. */
lk_status lk_pieces_actors(const lk_voice_asker *a, lk_speaker *sp, lk_pieces *out, lk_error *err);
void lk_pieces_clear(lk_pieces *p);

#endif
