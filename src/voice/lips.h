/* lips.h: does the mouth move with the sound? Of the room voice, level 3.
 *
 * How far the mouth is open follows how loud the speech is, some tens of milliseconds apart (Chandrasekaran et al. 2009). The
 * correlation of the two at the best lag within +-200 ms is compared with the same at lags beyond a second, where nothing
 * holds them together: a dubbed or mismatched sound track looks like those. What it does not prove: that the words fit
 * (words.h), or that the picture is no fake; a good lip-sync forgery passes.
 */
#ifndef LK_VOICE_LIPS_H
#define LK_VOICE_LIPS_H

#include "base/base.h"

enum {
    LK_LIPS_FRAMES_MAX = 40000, /* mouth openings */
    LK_LIPS_SECONDS_MAX = 600,
};
#define LK_LIPS_SECONDS_LEAST 2.5

typedef enum lk_lips_verdict { LK_LIPS_NOT, LK_LIPS_DOUBT, LK_LIPS_MOVE } lk_lips_verdict;
const char *lk_lips_verdict_name(lk_lips_verdict v); /* "does not move with the sound", "doubt", "moves with the sound" */

typedef struct lk_lips_result {
    lk_lips_verdict verdict;
    double correlation; /* best within +-200 ms */
    double lag;         /* s; positive: the sound comes later than the mouth */
    double control;     /* the best of a control window of the same width, on the average */
    double z;           /* how many deviations of the controls the true one lies above them */
    double p;           /* share of controls that do as well, itself counted: (better + 1) / (controls + 1) */
    int controls;
    double seconds;     /* of picture and sound together */
} lk_lips_result;

/* opening[i]: how far the mouth is open at time[i] (s on the sound's clock, rising), in any unit that follows the face's
 * size, such as inner lip distance over eye distance; NaN = not seen. samples: mono at rate Hz from time 0. Refused with
 * a sentence: less than 2.5 s of both, a mouth that never moves or is seen less than half of the time, silence, times
 * that do not rise. */
lk_status lk_lips_judge(const float *opening, const double *time, int64_t frames, const float *samples, int64_t n, int rate,
                        lk_lips_result *out, lk_error *err);

#endif
