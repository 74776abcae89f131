/* internal.h: what video.c, still.c and sound.c share: who stands behind an output
 * (origin.c), what it is marked with (desk.c, seal.c), the visible label (label.c).
 */
#ifndef LK_MARK_INTERNAL_H
#define LK_MARK_INTERNAL_H

#include "mark/c2pa/c2pa.h"
#include "mark/copies/copies.h"
#include "mark/mark.h"
#include "mark/watermark/watermark.h"

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
    char *model_card, *opened, *model;
    lk_mark_desk *desk;
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

/* --- desk.c ---------------------------------------------------------------------------- */

/* The signer, checked to be usable now. */
lk_status mark_desk_signer(lk_mark_desk *d, c2pa_signer *out, lk_error *err);
lk_copies *mark_desk_copies(lk_mark_desk *d);

/* --- seal.c ---------------------------------------------------------------------------- */

/* One output's marks. Its name (the manifest's label) is chosen first, so that the watermark, which goes into the pixels,
 * can point at the manifest, which comes last. */
typedef struct seal {
    char label[64];
    uint64_t id;             /* of the watermark */
    lk_copies_hashes *looks; /* gathered while the output passes */
    bool marked;             /* the watermark is in */
    const char *watermark;   /* algorithm name of the soft binding */
    double duration;
} seal;
#define MARK_WATERMARK_VIDEO "org.likeness.video.1"
#define MARK_WATERMARK_AUDIO "org.likeness.audio.1"
lk_status mark_seal_begin(seal *s, const origin *o, lk_error *err);
void mark_seal_clear(seal *s);
/* in: the whole unsigned file; out: a draft beside path with its manifest, to be published by the caller. */
lk_status mark_seal_file(seal *s, const origin *o, const char *in, const char *path, lk_draft *out, lk_hash *hash,
                         lk_error *err);
/* Rows of lineage and of the registry, before the file appears at path: a row without its file is a record of an attempt, a
 * file without its rows would be unaccounted for. */
lk_status mark_seal_record(seal *s, const origin *o, const char *path, const lk_hash *hash, const char *note,
                           lk_error *err);

/* All of it for an output that fits into memory: draft, manifest, grants, rows, publication. */
lk_status mark_seal_bytes(seal *s, const origin *o, const char *path, const void *data, size_t n, const char *note,
                          lk_hash *hash, lk_error *err);

/* --- origin.c, tags ------------------------------------------------------------------- */

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

/* A label for pictures of one size: made once, laid over each at x, y. Words come from the action ("face swap"...). */
typedef struct label {
    lk_image rgb, alpha;
    int x, y;
} label;
lk_status mark_label_make(int width, int height, lk_label_place place, lk_label_style style, const char *action, label *l,
                          lk_error *err);
void mark_label_clear(label *l);

#endif
