/* pick.h: which track of a clip is the wanted person. */
#ifndef LK_STUDIO_PICK_H
#define LK_STUDIO_PICK_H

#include "dataset/dataset.h"
#include "studio/studio.h"

/* One bit a track: wanted or not. Owned by the caller (lk_free). */
typedef struct lk_pick { bool *wanted; int tracks; int best; float best_cosine; } lk_pick;

/* Mean embedding of a dataset's samples (up to 24, spread over it), unit length. */
lk_status lk_pick_template(lk_analyser *a, const lk_dataset *d, float out[LK_EMBEDDING], lk_error *err);
/* track >= 0: that one. Otherwise the tracks whose faces look like the template; person names them in errors.
 * A clip with a single track and no template (NULL) takes that track. */
lk_status lk_pick_tracks(lk_analyser *a, const char *clip_path, const lk_face_clip *clip, int track, const float *template_or_null,
                         const char *person, lk_pick *out, lk_error *err);
static inline bool lk_pick_has(const lk_pick *p, int track) { return track >= 0 && track < p->tracks && p->wanted[track]; }

#endif
