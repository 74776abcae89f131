/* keys.h: which signing identity a project uses, for the jobs of this room. */
#ifndef LK_STUDIO_KEYS_H
#define LK_STUDIO_KEYS_H

#include "mark/keys.h"
#include "studio/studio.h"

/* PROJECT/keys/mark, or with p NULL the user's own folder. */
lk_status lk_project_keys_dir(const lk_project *p, char out[1024], lk_error *err);
/* The project's own identity, else the user's, else the project's demo identity, made now when there is none.
 * Where it was found goes to dir (1024 bytes), may be NULL. */
lk_status lk_project_keys(const lk_project *p, lk_keys **out, char *dir, lk_error *err);
/* All issuers that the user and the project (may be NULL) trust. */
lk_status lk_project_anchors(const lk_project *p, lk_anchors *out, lk_error *err);

#endif
