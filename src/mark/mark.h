/* mark: level 6. The only way out: every made pixel and sample leaves through
 * here. Today's floor: the visible label (on by default), container tags, the
 * lineage row, atomic publication. The watermark, the signed manifest and the
 * registry of hashes are built on the same calls. May include everything below
 * plus media/writer.h. Any failure removes the output and is LK_E_MARK or the cause.
 * Start with video.c; origin.c is who stands behind an output, label.c the plate.
 */
#ifndef LK_MARK_H
#define LK_MARK_H

#include "consent/consent.h"
#include "media/media.h"

typedef enum lk_label_place {
    LK_LABEL_BOTTOM_LEFT,
    LK_LABEL_BOTTOM_RIGHT,
    LK_LABEL_TOP_LEFT,
    LK_LABEL_TOP_RIGHT,
    LK_LABEL_LOWER_THIRD,
    LK_LABEL_PLACES
} lk_label_place;
const char *lk_label_place_name(lk_label_place p); /* "bottom-left"... */
int lk_label_place_parse(const char *name);        /* -1 when unknown */

/* Who stands behind an output. Every one of grants is checked again at open, every 2 s and at finish. */
typedef struct lk_mark_origin {
    lk_registry *registry;
    const lk_grant *const *grants;
    const lk_use *uses; /* one for each grant */
    int grant_count;
    const lk_hash *parents; /* model, source clip... */
    int parent_count;
    const char *action;     /* "face swap", "training preview", "contact sheet", "analysis picture" */
    const char *model_card; /* short JSON kept as a tag, may be NULL */
} lk_mark_origin;

typedef struct lk_mark_video lk_mark_video;
typedef struct lk_mark_video_spec {
    const char *path;
    const lk_media_info *like;
    const char *audio_from;
    int crf;
    const char *preset;
    lk_label_place place;
} lk_mark_video_spec;
lk_status lk_mark_video_open(const lk_mark_video_spec *spec, const lk_mark_origin *origin,
                             lk_mark_video **out, lk_error *err);
/* synthetic: this frame holds made pixels. The label is drawn on every frame of the clip all the same. */
lk_status lk_mark_video_frame(lk_mark_video *v, lk_frame *f, bool synthetic, lk_error *err);
lk_status lk_mark_video_finish(lk_mark_video **v, lk_hash *out_hash, lk_error *err); /* publishes */
void lk_mark_video_abort(lk_mark_video **v);

/* Stills: previews, sheets, analysis pictures; PNG or JPEG by the name. An analysis picture of somebody's own
 * footage (no made pixel) has no grants and is tagged as what it is; synthetic true without grants is
 * refused. */
lk_status lk_mark_still(const char *path, const lk_image *rgb, bool synthetic, lk_label_place place,
                        const lk_mark_origin *origin, lk_error *err);

#endif
