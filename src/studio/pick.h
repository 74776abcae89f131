/* pick.h: which track of a clip is the wanted person. */
#ifndef LK_STUDIO_PICK_H
#define LK_STUDIO_PICK_H

#include "face/template.h"
#include "studio/studio.h"

typedef struct lk_pick_who {
    lk_face_template face;     /* as enrolled */
    lk_face_thresholds limits;
    const char *person;        /* for errors */
} lk_pick_who;

/* One bit a track: wanted or not. Owned by the caller (lk_free). */
typedef struct lk_pick { bool *wanted; int tracks; int best; float best_score; bool by_number; } lk_pick;

/* track >= 0: that one. Otherwise the tracks that look like the person. LK_E_CONSENT when it is, or they are, somebody else. */
lk_status lk_pick_tracks(lk_analyser *a, const char *clip_path, const lk_face_clip *clip, int track, const lk_pick_who *who,
                         lk_pick *out, lk_error *err);
static inline bool lk_pick_has(const lk_pick *p, int track) { return track >= 0 && track < p->tracks && p->wanted[track]; }

#endif
