/* notice.h: the spoken disclosure before made sound. */
#ifndef LK_NOTICE_H
#define LK_NOTICE_H

#include "media/media.h"

#define LK_NOTICE_PAUSE 0.3 /* s between the notice and what follows */

/* "This sound was made with A I.", spoken, at rate and on channels (the same on each, but not on a 5.1 or 7.1
 * effects channel). lang: "en". Its loudness is -23 LUFS. */
lk_status lk_notice_make(int rate, int channels, const char *lang, lk_audio *out, lk_error *err);
/* Put the notice and a pause before a's sound, as loud as that sound is. */
lk_status mark_notice_prepend(lk_audio *a, lk_error *err);
/* Programme loudness in LUFS by ITU-R BS.1770-4 (K weighting, gated); -INFINITY for silence or less than 0.4
 * s. */
double mark_loudness(const lk_audio *a);

#endif
