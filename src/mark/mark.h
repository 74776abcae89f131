/* mark: level 6. The only way out: every made pixel and sample leaves through
 * here, in one call: label -> watermark -> encode -> C2PA manifest -> sign ->
 * fsync -> lineage and registry rows -> rename. Any failure removes the output and
 * is LK_E_MARK or the cause. May include everything below plus media/writer.h.
 * Start with video.c; seal.c is what clips, stills and sound share, origin.c who
 * stands behind an output, desk.c what a project marks with. c2pa/, asset/,
 * watermark/ and copies/ are the four crafts; read.h is the reading half.
 */
#ifndef LK_MARK_H
#define LK_MARK_H

#include "consent/consent.h"
#include "mark/keys.h"
#include "mark/label.h"
#include "media/media.h"

/* What outputs are marked with: a signing identity and the registry of looks in DIR, which is made on first use. One desk
 * for each project, used by one job at a time. dir: the project, or any folder of the user's for pictures that belong to
 * no project. keys: taken over, also on failure. */
typedef struct lk_mark_desk lk_mark_desk;
lk_status lk_mark_desk_open(const char *dir, lk_keys *keys, lk_mark_desk **out, lk_error *err);
void lk_mark_desk_close(lk_mark_desk **d);

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
    lk_mark_desk *desk;     /* nothing leaves without one */
    const char *opened;     /* the file that this is an edit of: its manifest is kept; NULL = made anew */
    const char *model;      /* what drew it, by hash and without names of people; NULL = no model */
} lk_mark_origin;

typedef struct lk_mark_video lk_mark_video;
typedef struct lk_mark_video_spec {
    const char *path;
    const lk_media_info *like;
    const char *audio_from;
    int crf;
    const char *preset;
    lk_label_place place;
    lk_label_style style;
} lk_mark_video_spec;
lk_status lk_mark_video_open(const lk_mark_video_spec *spec, const lk_mark_origin *origin,
                             lk_mark_video **out, lk_error *err);
/* synthetic: this frame holds made pixels. The label is drawn on every frame of the clip all the same. */
lk_status lk_mark_video_frame(lk_mark_video *v, lk_frame *f, bool synthetic, lk_error *err);
/* Seconds that marking took: hidden mark, looks for the registry, manifest with signature and rows. */
typedef struct lk_mark_cost {
    double watermark, looks, seal;
} lk_mark_cost;
/* Publishes. out_hash and cost may be NULL. */
lk_status lk_mark_video_finish(lk_mark_video **v, lk_hash *out_hash, lk_mark_cost *cost, lk_error *err);
void lk_mark_video_abort(lk_mark_video **v);

/* Stills: previews, sheets, analysis pictures; PNG or JPEG by the name. An analysis picture of somebody's own
 * footage (no made pixel) has no grants and is tagged as what it is; synthetic true without grants is
 * refused. */
lk_status lk_mark_still(const char *path, const lk_image *rgb, bool synthetic, lk_label_place place,
                        const lk_mark_origin *origin, lk_error *err);

/* Sound that was made: hidden mark, spoken notice before it (on unless notice is false and something visible discloses it
 * in its place: the caller says what in disclosed_by), WAV with manifest. a is changed. */
typedef struct lk_mark_sound_spec {
    const char *path; /* .wav */
    bool notice;
    const char *disclosed_by; /* needed without notice: "label on the picture" */
} lk_mark_sound_spec;
lk_status lk_mark_sound(const lk_mark_sound_spec *spec, lk_audio *a, const lk_mark_origin *origin, lk_hash *out_hash,
                        lk_error *err);

#endif
