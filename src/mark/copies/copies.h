/* copies.h: finding copies by looks and sound: PDQ (stills), PDQ a frame with alignment in time (clips, vPDQ), a fingerprint
 * of sound; an index over all that a project made or was shown. pdq.c, clip.c, sound.c make hashes, index.c finds near
 * ones (multi-index hashing), registry.c keeps them (SQLite).
 */
#ifndef LK_COPIES_H
#define LK_COPIES_H

#include "media/media.h"
#include "store/store.h"

typedef struct lk_pdq { uint64_t w[4]; } lk_pdq; /* 256 bits, word 0 = lowest coefficients */
lk_status lk_pdq_image(const lk_image *rgb_or_grey, lk_pdq *out, int *quality, lk_error *err);
void lk_pdq_turned(const lk_image *img, lk_pdq out[8], int *quality, lk_error *err, lk_status *s); /* the eight dihedral views */
int lk_pdq_distance(const lk_pdq *a, const lk_pdq *b);
#define LK_PDQ_NEAR 31
#define LK_PDQ_QUALITY 50

/* The registry of looks of a project: DIR/copies.db. */
typedef struct lk_copies lk_copies;
lk_status lk_copies_open(const char *dir, bool create, lk_copies **out, lk_error *err);
void lk_copies_close(lk_copies **c);

typedef struct lk_copy_entry {
    lk_hash file;          /* SHA-256 */
    char path[1024], kind[16]; /* "output", "added" */
    char manifest[64];     /* label of its C2PA manifest, "" = none */
    uint64_t watermark;    /* its id, 0 = none */
    int64_t created;
    double duration;
} lk_copy_entry;
/* While a clip is made its frames are hashed on the way; or a whole file later. */
typedef struct lk_copies_hashes lk_copies_hashes;
lk_status lk_copies_hashes_new(lk_copies_hashes **out, lk_error *err);
lk_status lk_copies_hashes_frame(lk_copies_hashes *h, const lk_frame *f, double seconds, lk_error *err); /* keeps one each second or so: cheap otherwise */
lk_status lk_copies_hashes_image(lk_copies_hashes *h, const lk_image *rgb, lk_error *err);
lk_status lk_copies_hashes_sound(lk_copies_hashes *h, const lk_audio *a, lk_error *err);
void lk_copies_hashes_free(lk_copies_hashes **h);
lk_status lk_copies_hashes_file(const char *path, lk_copies_hashes **out, const lk_cancel *cancel, lk_error *err);
/* The same, telling now and then how far it is; watch may be NULL. */
typedef void (*lk_copies_watch_fn)(void *user, double seconds, double duration);
lk_status lk_copies_hashes_watch(const char *path, lk_copies_hashes **out, lk_copies_watch_fn watch, void *user, const lk_cancel *cancel,
                                 lk_error *err);
lk_status lk_copies_add(lk_copies *c, const lk_copy_entry *e, const lk_copies_hashes *h, lk_error *err);
lk_status lk_copies_remove(lk_copies *c, const lk_hash *file, lk_error *err);

/* Two takes of one person before one wall look the same frame by frame. What tells them apart is how the light moves
 * in time, and the sound. */
typedef enum lk_copy_level {
    LK_COPY_ALIKE = 1, /* near in looks, but it moves differently, or there is too little to tell */
    LK_COPY_SURE,      /* a copy or an edit of it: looks and motion run together, or the sound does */
    LK_COPY_SAME       /* the same bytes */
} lk_copy_level;
const char *lk_copy_level_name(lk_copy_level l); /* "alike", "copy", "same" */

typedef struct lk_copy_match {
    lk_copy_entry entry;
    bool exact;            /* same bytes */
    double share;          /* of the query that was found, 0..1 */
    double query_begin, query_end, entry_begin; /* seconds: where the two run together */
    double distance;       /* mean bits */
    bool turned;           /* mirrored or rotated */
    bool by_sound;         /* its sound was found (too) */
    lk_copy_level level;
    bool by_looks;         /* its pictures were found */
    int view;              /* how it is turned: 0 not, 1 to 3 by 90, 180, 270 degrees, 4 mirrored, 5 upside down, 6, 7 both */
    int hits, of;          /* moments of the query that were hashed and found, of how many */
    double zoom;           /* the query shows so much of the entry's width: 0.9 = a crop of 10 %; above 1 the entry is the crop */
    double speed;          /* how much faster than the entry the query runs, 1 = as fast */
    double motion;         /* correlation of how light moves, -1 to 1; 0 = nothing moved that could be compared */
    double sound_errors;   /* share of wrong bits of the sound's fingerprint */
} lk_copy_match;
/* Best first: same bytes, copies, look-alikes. file_or_null: the query's SHA-256. A file that only looks alike is told
 * too (level); callers that act on matches take LK_COPY_SURE and up. count may be 0: nothing like it is registered. */
lk_status lk_copies_search(lk_copies *c, const lk_copies_hashes *query, const lk_hash *file_or_null, lk_copy_match *out, int max,
                           int *count, lk_error *err);
/* The entry of a watermark id; LK_E_NOTFOUND. */
lk_status lk_copies_by_watermark(lk_copies *c, uint64_t id, lk_copy_entry *out, lk_error *err);
/* The entry of a file's SHA-256; LK_E_NOTFOUND. */
lk_status lk_copies_by_file(lk_copies *c, const lk_hash *file, lk_copy_entry *out, lk_error *err);
lk_status lk_copies_count(lk_copies *c, int64_t *files, lk_error *err);
lk_status lk_copies_each(lk_copies *c, lk_status (*fn)(void *user, const lk_copy_entry *e), void *user, lk_error *err);

#endif
