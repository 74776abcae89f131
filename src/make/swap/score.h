/* score.h: the measures behind lk_swap_score_clip, each on plain pictures and
 * points so that it can be tested alone. Internal to make/swap.
 */
#ifndef LK_SWAP_SCORE_H
#define LK_SWAP_SCORE_H

#include "face/face.h"

#define LK_SCORE_CROP 96    /* px, the aligned crop that is compared */
#define LK_SCORE_MARGIN 8   /* px around it, so that every SSIM window is whole */
#define LK_SCORE_CANVAS (LK_SCORE_CROP + 2 * LK_SCORE_MARGIN)
#define LK_SCORE_ERODE 0.02f /* of the crop */

/* Frame pixels -> canvas pixels for the truth's landmarks. */
lk_affine lk_score_align(const lk_point lm[LK_LANDMARKS]);
/* The convex hull of n points, anticlockwise in a y-up plane; out holds n. Returns its corners (fewer than 3:
 * no area). */
int lk_score_hull(const lk_point *p, int n, lk_point *out);
/* 1 where a pixel of the LK_SCORE_CANVAS square lies inside the hull of lm (canvas pixels) by at least the
 * erosion, else 0. skip: a box in canvas pixels that is left out, with room for the SSIM window; NULL = none.
 * Returns the pixels. */
int lk_score_region(const lk_point lm[LK_LANDMARKS], const lk_rect *skip, float *mask);

/* Mean SSIM over mask and channels (Wang et al. 2004; window 11 px, sigma 1.5); a, b: same size and channels.
 * scratch: at least lk_score_ssim_floats(w, h) floats. NAN when the mask is empty. */
size_t lk_score_ssim_floats(int w, int h);
double lk_score_ssim(const lk_image *a, const lk_image *b, const float *mask, float *scratch);
/* Peak 1; 100 dB when equal. NAN when the mask is empty. */
double lk_score_psnr(const lk_image *a, const lk_image *b, const float *mask);

/* Colour steps across the outline of the face: for points along it, delta E 2000 between the colour found
 * just inside the made face and the one expected there from the colour outside and the truth's own step. out
 * gets up to max values; returns how many. a: result, truth: same canvas; lm in canvas pixels. skip as above.
 */
#define LK_SCORE_SEAM_POINTS 96
int lk_score_seam(const lk_image *a, const lk_image *truth, const lk_point lm[LK_LANDMARKS],
                  const lk_rect *skip, double out[LK_SCORE_SEAM_POINTS]);

double lk_score_mouth(const lk_point lm[LK_LANDMARKS]); /* inner-lip gap / inter-ocular */
double lk_score_landmark_error(const lk_point a[LK_LANDMARKS], const lk_point truth[LK_LANDMARKS]);
double lk_score_correlation(const double *x, const double *y, int n); /* Pearson; NAN when one is constant */

#endif
