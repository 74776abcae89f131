/* internal.h: what the files of copies/ share. Nothing outside the room includes it. */
#ifndef LK_COPIES_INTERNAL_H
#define LK_COPIES_INTERNAL_H

#include "mark/copies/copies.h"

/* Counting bits takes one instruction on any CPU of the last fifteen years, and a table on the ones before. */
#if defined(__x86_64__)
#define COPIES_CLONES __attribute__((target_clones("default", "arch=x86-64-v3")))
#else
#define COPIES_CLONES
#endif

/* --- pdq.c ------------------------------------------------------------------------------------------- */

enum { PDQ_VIEWS = 8 }; /* 0 as is; 1, 2, 3 turned clockwise by 90, 180, 270 degrees; 4 mirrored; 5 upside down; 6, 7 transposed */

/* Hashes of the rectangle x, y, w, h of a grey picture as seen in each view. work: 2 * w * h floats. */
void pdq_area(const lk_image *grey, int x, int y, int w, int h, lk_pdq out[PDQ_VIEWS], int *quality, float *work);
lk_status pdq_grey(const lk_image *rgb_or_grey, lk_image *grey, lk_error *err); /* grey is made here */
static inline int pdq_distance(const lk_pdq *a, const lk_pdq *b)
{
    return __builtin_popcountll(a->w[0] ^ b->w[0]) + __builtin_popcountll(a->w[1] ^ b->w[1]) +
           __builtin_popcountll(a->w[2] ^ b->w[2]) + __builtin_popcountll(a->w[3] ^ b->w[3]);
}

/* --- what is known of a file (clip.c makes it) ---------------------------------------------------------- */

/* PDQ stands a change of scale by 2.5 %, not more: a crop is found because its middle was hashed too. */
enum { COPIES_INNER = 5, COPIES_VARIANTS = 2 * COPIES_INNER }; /* the odd ones leave black bars at the edges out first */
extern const int copies_margin[COPIES_INNER]; /* left out at each side, of COPIES_SIDE */
/* Every picture is brought to this size first: five times 64, so that sampling is symmetric and mirrored pictures hash alike. */
enum { COPIES_SIDE = 320 };
static inline double copies_zoom(int variant) { return 1 - 2.0 * copies_margin[variant / 2] / COPIES_SIDE; }

typedef struct copies_look {
    lk_pdq view[PDQ_VIEWS];
    float begin, end; /* seconds through which the picture stayed like this */
    uint8_t variant, quality; /* variant / 2: which inner part; variant % 2: of what is inside the bars */
} copies_look;

/* How light moves: the mean luma of 8 x 8 cells, in 1/256 of a code value, about eight times a second. */
enum { COPIES_GRID = 8, COPIES_CELLS = COPIES_GRID * COPIES_GRID, COPIES_MOTION_RATE = 8 };
typedef struct copies_motion {
    float seconds;
    uint16_t cell[COPIES_CELLS];
} copies_motion;

typedef struct copies_box {
    int x, y, w, h;
} copies_box;

struct lk_copies_hashes {
    copies_look *looks; /* ascending begin */
    int look_count, look_cap;
    copies_motion *motion; /* ascending seconds */
    int motion_count, motion_cap;
    uint32_t *sound; /* words of sound.h */
    int sound_count;
    bool still;
    double duration;
    /* while frames come in */
    copies_box content; /* of the clip so far, bars left out, at COPIES_SIDE; w 0 = nothing bright yet */
    double next_look, bin_end;
    float last_cell[COPIES_CELLS], bin[COPIES_CELLS]; /* code values: of the frame before, and summed over the bin */
    double bin_time;
    int bin_frames;
    int last_look[COPIES_VARIANTS]; /* index of the newest, -1 none */
};

void *copies_grow(void *p, int count, int *cap, size_t size); /* room for one more; NULL and p kept when memory is gone */
lk_status copies_no_memory(lk_error *err, const char *doing);

/* --- index.c: near hashes among many -------------------------------------------------------------------- */

typedef struct copies_index copies_index;
/* Borrows hashes, which must outlive the index. n up to 2^31. */
lk_status copies_index_new(const lk_pdq *hashes, int64_t n, copies_index **out, lk_error *err);
void copies_index_free(copies_index **x);
typedef lk_status (*copies_found_fn)(void *user, int64_t place, int distance);
/* Every hash at LK_PDQ_NEAR bits or fewer, each once, in no order. What fn answers but LK_OK ends the search. */
lk_status copies_index_find(const copies_index *x, const lk_pdq *q, copies_found_fn fn, void *user);
/* The same by comparing each: the reference, and the faster way for few hashes. */
lk_status copies_scan(const lk_pdq *hashes, int64_t n, const lk_pdq *q, copies_found_fn fn, void *user);

/* --- registry.c: rows on disk and the flat array in memory ------------------------------------------------ */

typedef struct copies_flat {
    int64_t count;
    lk_pdq *hash;
    float *begin, *end;
    int32_t *file; /* place in file_id */
    uint8_t *variant;
    int64_t *file_id;
    int files;
} copies_flat;

struct lk_copies {
    lk_store *db;
    int64_t generation; /* of what is loaded, -1 nothing */
    copies_flat flat;
    copies_index *index; /* NULL while there are few */
    struct lk_sound_index *sound;
};

lk_status copies_load(lk_copies *c, lk_error *err); /* what other processes added is seen */
lk_status copies_entry(lk_copies *c, int64_t id, lk_copy_entry *out, lk_error *err);
lk_status copies_motion_of(lk_copies *c, int64_t id, copies_motion **out, int *count, lk_error *err);
lk_status copies_sound_of(lk_copies *c, int64_t id, uint32_t **words, int *count, lk_error *err);
lk_status copies_id_of(lk_copies *c, const lk_hash *file, int64_t *id, lk_error *err);

#endif
