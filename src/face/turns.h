/* turns.h: which way, and in which order, somebody turned the head in a clip. Part of face (level 3). */
#ifndef LK_FACE_TURNS_H
#define LK_FACE_TURNS_H

#include "face/face.h"

/* As the person does them: their own left is the right side of the picture, unless the camera shows a mirror image. */
typedef enum lk_turn { LK_TURN_LEFT, LK_TURN_RIGHT, LK_TURN_UP, LK_TURN_DOWN, LK_TURNS } lk_turn;
const char *lk_turn_name(lk_turn t); /* "left" */

typedef struct lk_turn_event { lk_turn turn; int64_t frame; float degrees; } lk_turn_event; /* at its farthest */

/* Turns in order, at most max; a turn goes out from the rest pose (the clip's median) and comes back, or passes over
 * to another. The largest face of each frame counts. Returns their number. */
int lk_face_turns(const lk_face_clip *clip, lk_turn_event *out, int max);

typedef enum lk_turns_verdict { LK_TURNS_NOT, LK_TURNS_DOUBT, LK_TURNS_FIT } lk_turns_verdict;
typedef struct lk_turns_result {
    lk_turns_verdict verdict;
    int asked, seen, in_order;  /* in_order: longest common subsequence */
    bool mirrored;              /* it fits with left and right exchanged: a selfie camera */
    char said[160];             /* "left up right" */
} lk_turns_result;
/* asked: names divided by spaces. FIT: all of them in order, and at most one more (people nod); DOUBT: one is lacking,
 * or up to three more. LK_E_ARG: a word that is no turn, or none. */
lk_status lk_face_turns_judge(const char *asked, const lk_turn_event *seen, int count, lk_turns_result *out, lk_error *err);

/* n turns from random bytes (one each), no two alike side by side. */
void lk_face_turns_pick(const uint8_t *random, int n, char *out, size_t cap);

#endif
