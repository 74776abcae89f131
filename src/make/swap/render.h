/* render.h: the steps of putting a made face on a frame, each usable alone so
 * that it can be tested alone. Internal to make/swap. No likeness is made here:
 * these steps only place pixels that lk_swap_model_run made, behind its grants.
 */
#ifndef LK_SWAP_RENDER_H
#define LK_SWAP_RENDER_H

#include "make/swap/color.h"
#include "make/swap/swap.h"

/* Pixel loops are compiled for several instruction sets and picked at load time; not under sanitizers, whose
 * runtime is not up yet when the loader picks. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) \
    && !defined(__SANITIZE_THREAD__)
#define SWAP_CLONES __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define SWAP_CLONES
#endif

/* Memory that grows and is kept: after the largest request nothing is allocated any more. */
typedef struct lk_swap_buffer { float *data; size_t cap; } lk_swap_buffer;
lk_status lk_swap_reserve(lk_swap_buffer *b, size_t floats,
                          lk_error *err); /* content is lost when it grows */

/* --- render_mask.c ------------------------------------------------------------------- */

/* Where the made face goes, in crop space: made mask x visible face (NULL = all) x hull of the landmarks
 * (crop pixels), shrunk by erode and softened over feather (fractions of the crop; the result is .5 at the
 * shrunk outline). The border of the crop counts as outside. All pictures: size x size, one channel; scratch:
 * size^2 floats. */
lk_status lk_swap_mask_build(const lk_image *made, const lk_image *visible, const lk_point lm[LK_LANDMARKS],
                             float erode, float feather, lk_image *mask, float *scratch, lk_error *err);
/* 1 around eyes, brows and mouth, `elsewhere` on the skin, in between a soft rim. */
void lk_swap_feature_weights(const lk_point lm[LK_LANDMARKS], float elsewhere, lk_image *weight);

/* --- sharpen.c -------------------------------------------------------------------------- */

/* Of the two finest bands (what a 5-tap binomial blur removes, and the same blur twice as wide after it). */
typedef struct lk_swap_detail { float fine, coarse; } lk_swap_detail;
/* Ratios of target's detail to that of made inside weight; noise: standard deviation that target's fine band
 * owes to grain, which is not to be matched. 1 where there is nothing to go by. scratch: 4 planes. */
lk_swap_detail lk_swap_detail_ratio(const lk_image *made, const lk_image *target, const float *weight,
                                    float noise, float *scratch);
/* made += weight x (gain.fine x fine band + gain.coarse x coarse band), the change limited to +-limit; gains
 * of -1..0 soften. scratch: 9 planes. */
void lk_swap_sharpen(lk_image *made, const float *weight, lk_swap_detail gain, float limit, float *scratch);

/* --- grain.c ---------------------------------------------------------------------------- */

/* Noise of a picture's luma: standard deviation in coded values, from its flattest tiles inside mask
 * (Immerkaer 1996); coarse: the same of the picture halved, which tells fine grain (ratio near .5) from the
 * blotches of a codec. */
typedef struct lk_swap_noise { float fine, coarse; } lk_swap_noise;
lk_swap_noise lk_swap_noise_measure(const lk_image *rgb, const float *mask,
                                    float *scratch /* 4 floats a pixel */);
/* rgb += noise of that kind x weight, keyed by (seed, frame) and the absolute pixel place x0, y0. */
void lk_swap_noise_add(lk_image *rgb, const float *weight, lk_swap_noise level, uint64_t seed, int64_t frame,
                       int x0, int y0, float *scratch /* 4 (w + 1) floats */);

/* --- blend.c ------------------------------------------------------------------------------ */

/* Multi-band blend (Burt & Adelson 1983) of a difference: delta (RGB, made - frame, known where mask > 0)
 * becomes the difference to add to the frame, each band cut with the mask of its own scale. levels 0: delta x
 * mask. Where mask is 0 the difference made inside is continued outwards, never what delta held there. */
typedef struct lk_swap_pyramid { lk_swap_buffer mem; } lk_swap_pyramid;
lk_status lk_swap_blend(lk_swap_pyramid *p, lk_image *delta, const float *mask, int levels, lk_error *err);

/* --- render_face.c ---------------------------------------------------------------------- */

/* What is steadied over time for one track. */
typedef struct lk_swap_steady {
    int track;
    int64_t seen;
    bool live;
    lk_color_map color;
    lk_swap_detail detail;
    lk_swap_noise noise;
} lk_swap_steady;

/* Workspace for compositing; opened once a renderer, grows to the largest face. */
typedef struct lk_swap_compositor lk_swap_compositor;
lk_status lk_swap_compositor_open(int crop_size, const lk_swap_render_options *o, lk_swap_compositor **out,
                                  lk_error *err);
void lk_swap_compositor_close(lk_swap_compositor **c);
/* Put `made` (crop-size RGB, changed on the way: colour, sharpness) with its mask on the writable frame
 * `out`, whose faces' place is to_crop. crop: the frame's own aligned crop. lm: landmarks in frame pixels.
 * visible: crop space or NULL. */
lk_status lk_swap_composite(lk_swap_compositor *c, lk_frame *out, lk_affine to_crop,
                            const lk_point lm[LK_LANDMARKS], const lk_image *crop, lk_image *made,
                            const lk_image *made_mask, const lk_image *visible, lk_swap_steady *steady,
                            lk_error *err);
/* Cut the aligned crop of a frame: only the part of the frame under it is read. */
lk_status lk_swap_cut(lk_swap_compositor *c, const lk_frame *f, lk_affine to_crop, lk_image *crop,
                      lk_error *err);
/* Seconds spent since open: cut, mask, colour, sharpness, warp, blend, grain, write. */
enum {
    LK_SWAP_T_CUT,
    LK_SWAP_T_MASK,
    LK_SWAP_T_COLOR,
    LK_SWAP_T_SHARPEN,
    LK_SWAP_T_WARP,
    LK_SWAP_T_BLEND,
    LK_SWAP_T_GRAIN,
    LK_SWAP_T_WRITE,
    LK_SWAP_TIMES
};
const double *lk_swap_compositor_times(const lk_swap_compositor *c);

#endif
