/* attacks.h: what pictures go through on their way, as one table: tests and `likeness bench mark` walk it. Nothing here is
 * aimed at the mark; these are the honest accidents of copying. Real codecs are in tools/bench_mark.py.
 */
#ifndef LK_WATERMARK_ATTACKS_H
#define LK_WATERMARK_ATTACKS_H

#include "media/media.h"

typedef struct wm_attack {
    const char *name, *what;
    /* in is grey; out is allocated here. out->data stays NULL when the frame is dropped. */
    lk_status (*run)(const lk_image *in, int64_t frame, lk_image *out, lk_error *err);
    bool must; /* the id has to come back; else it is only told */
} wm_attack;
extern const wm_attack wm_attacks[];
extern const int wm_attack_count;

#endif
