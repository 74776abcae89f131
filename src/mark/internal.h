/* internal.h: what video.c and still.c share: who stands behind an output
 * (origin.c) and the visible label (label.c).
 */
#ifndef LK_MARK_INTERNAL_H
#define LK_MARK_INTERNAL_H

#include "mark/mark.h"

/* --- origin.c ------------------------------------------------------------------------ */

/* An origin copied out of the caller's hands for the life of a clip. Grants are the caller's and must outlive
 * it. */
typedef struct origin {
    lk_registry *registry;
    const lk_grant **grants;
    lk_use *uses;
    int grant_count;
    lk_hash *parents;
    int parent_count;
    char action[64];
    char *model_card;
    bool synthetic;
} origin;
/* Refuses an origin that no grant stands behind when synthetic. */
lk_status mark_origin_init(const lk_mark_origin *from, bool synthetic, origin *o, lk_error *err);
void mark_origin_clear(origin *o);
/* Every grant, now. */
lk_status mark_origin_check(const origin *o, lk_error *err);
/* The lineage row of a file that is about to appear at path. */
lk_status mark_origin_record(const origin *o, const char *path, const lk_hash *hash, const char *note,
                             lk_error *err);

#define MARK_TAGS 24
/* Key, value, key, value, NULL for the container. */
typedef struct tag_list {
    const char *pair[MARK_TAGS];
    int count;
    char *owned[MARK_TAGS];
    int owned_count;
} tag_list;
lk_status mark_tags_make(const origin *o, tag_list *t, lk_error *err);
void mark_tags_clear(tag_list *t);

/* --- label.c -------------------------------------------------------------------------- */

/* A plate with words for pictures of one size: made once, laid over each. */
typedef struct label {
    lk_image rgb, alpha;
    int x, y;
} label;
lk_status mark_label_make(int width, int height, lk_label_place place, const char *action, label *l,
                          lk_error *err);
void mark_label_clear(label *l);

#endif
