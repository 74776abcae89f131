/* video.h: what the files of the picture's watermark share. The mark is a square tile of 37 x 37 chips of +-1 repeated
 * over the luma (video_pattern.c), added with a strength that follows the texture (video_embed.c). The reader whitens
 * frames and keeps their sum in a few slots of time (video_stack.c), folds the sum onto one tile at some assumed
 * geometry, finds the tile's place by its sync chips and reads the bits (video_read.c), and where the geometry is not
 * known finds it from the mark's own period (video_scale.c). video_detect.c runs these in order of their cost.
 */
#ifndef LK_WATERMARK_VIDEO_H
#define LK_WATERMARK_VIDEO_H

#include "dsp/dsp.h"
#include "mark/watermark/watermark.h"

/* Row kernels are compiled for several instruction sets and picked at load time, as in media/impl.h. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define WM_CLONES __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define WM_CLONES
#endif

/* --- video_pattern.c --------------------------------------------------------------------------------- */

#define WM_TILE 37                    /* chips a side */
#define WM_CHIPS (WM_TILE * WM_TILE)
#define WM_CHIPS_PER_BIT 2            /* in one tile */
#define WM_SYNC_CHIPS (WM_CHIPS - WM_CHIPS_PER_BIT * WM_CODED_BITS)
#define WM_CELLS (2 * WM_TILE)        /* the reader's tile: two cells a chip */
#define WM_FLIP 0.48                  /* seconds between the flips of the sign */

typedef struct wm_tile {
    int16_t bit[WM_CHIPS]; /* which coded bit a chip carries; -1 = sync */
    int8_t sign[WM_CHIPS]; /* +-1: a sync chip's value, or what a coded 1 looks like */
} wm_tile;
void wm_tile_make(const wm_key *key, wm_tile *t);
void wm_tile_chips(const wm_tile *t, uint64_t id, int8_t chip[WM_CHIPS]); /* +-1, row-major */

/* Chips across the shorter side. A chip is a share of the picture, so that resizing needs no search, but never much
 * smaller than five pixels, which codecs would smooth away: small pictures have fewer. The reader tries each rung. */
#define WM_RUNGS 4
extern const int wm_rung[WM_RUNGS];
int wm_chips_across(int shorter);

/* --- video_stack.c: frames, whitened and summed ------------------------------------------------------------- */

/* A period of the sign is two flips. It is cut into slots, and frames are summed by slot: with a sign for each slot the
 * sum of all is then had for any moment of the flip, without the frames. Working pixels are q x q of the frame's. */
#define WM_SLOTS 12
typedef struct wm_stack {
    int frame_w, frame_h, q, w, h;
    float *slot[WM_SLOTS]; /* w x h; NULL where no frame fell */
    int frames;
    double begin, end;     /* seconds */
    float *cell, *flat, *box, *pad; /* scratch */
} wm_stack;
/* The first picture gives the size; others must agree (LK_E_ARG). Exactly one of f and im; im has no time of its own. */
lk_status wm_stack_add(wm_stack *s, const lk_frame *f, const lk_image *im, double im_seconds, lk_error *err);
void wm_stack_clear(wm_stack *s);

/* --- video_read.c: one geometry ------------------------------------------------------------------------------ */

/* Where the cells lie: working pixel = (xx u + xy v, yx u + yy v). */
typedef struct wm_view {
    double xx, xy, yx, yy;
} wm_view;
typedef struct wm_read {
    wm_tile tile;
    lk_fft *fft;        /* WM_CELLS square */
    float *sync;        /* transform of the sync pattern */
    float *folded;      /* WM_SLOTS tiles */
    float *sum, *freq, *corr, *guard; /* scratch */
} wm_read;
lk_status wm_read_open(const wm_key *key, wm_read *r, lk_error *err);
void wm_read_clear(wm_read *r);
/* Look for the mark at one geometry. found->z is raised to the strongest sync seen. score (may be NULL): how far the best
 * place stands out by its sync and by the agreement of its bits, in deviations. With decode, true when an id was read;
 * found then holds all but the geometry. */
bool wm_read_view(wm_read *r, const wm_stack *s, const wm_view *v, bool decode, double *score, wm_found *found);

/* --- video_scale.c: unknown geometry -------------------------------------------------------------------------- */

/* A view in human terms. cell: working pixels; stretch: of x against y; angle: degrees clockwise. */
typedef struct wm_pose {
    double cell, stretch, angle;
    int quarters; /* turns of 90 degrees */
    bool mirrored;
} wm_pose;
/* Try one; true when an id was read, and then found is complete. */
bool wm_try_pose(wm_read *r, const wm_stack *s, const wm_pose *p, wm_found *found);
double wm_rung_cell(const wm_stack *s, int rung); /* the cell of a picture that was not cropped */
/* All scales from about a half to three; then turns of up to six degrees at the scale of an uncropped picture. */
lk_status wm_search(wm_read *r, const wm_stack *s, const lk_cancel *cancel, wm_found *found, lk_error *err);

/* --- video_detect.c --------------------------------------------------------------------------------------------- */

/* How far to go: as it was marked (tens of ms); mirrored or turned by quarters too; cropped, scaled, turned (seconds). */
typedef enum wm_effort { WM_QUICK, WM_TURNED, WM_THOROUGH } wm_effort;
lk_status wm_detect_try(wm_detector *d, wm_effort effort, const lk_cancel *cancel, wm_found *out, lk_error *err);
void wm_detect_forget(wm_detector *d); /* the frames; the key stays */
lk_status wm_detect_image_at(wm_detector *d, const lk_image *rgb, double seconds, lk_error *err);

#endif
