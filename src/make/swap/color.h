/* color.h: CIELAB, colour difference and colour matching, for rendering and for
 * measuring. Internal to make/swap. RGB is as coded (sRGB curve, BT.709
 * primaries, 0..1); Lab is CIELAB under D65 (L 0..100).
 */
#ifndef LK_SWAP_COLOR_H
#define LK_SWAP_COLOR_H

#include "base/base.h"

/* One colour, in double precision: for measuring. */
void lk_color_lab(const double rgb[3], double lab[3]);
/* CIEDE2000 (Sharma, Wu, Dalal 2005), kL = kC = kH = 1. */
double lk_color_delta_e(const double lab1[3], const double lab2[3]);

/* Many colours, fast (relative error below 2e-5 in RGB): interleaved RGB to and from three Lab planes of n
 * values each. Values outside 0..1 are clamped. */
void lk_color_rgb_to_lab(const float *rgb, float *lab, size_t n);
void lk_color_lab_to_rgb(const float *lab, float *rgb, size_t n);

/* Weighted mean and deviation of each Lab plane. weight: sum of the mask; below 1 the rest is meaningless. */
typedef struct lk_color_stats { float mean[3], std[3], weight; } lk_color_stats;
void lk_color_measure(const float *lab, const float *mask, size_t n, lk_color_stats *out);

/* lab' = lab * scale + shift. */
typedef struct lk_color_map { float scale[3], shift[3]; } lk_color_map;
/* Reinhard et al. 2001: gives `from` the mean and, within limits, the deviation of `to`; amount 0 = identity.
 */
lk_color_map lk_color_map_between(const lk_color_stats *from, const lk_color_stats *to, float amount);
void lk_color_map_apply(lk_color_map m, float *lab, size_t n);
/* Steady a map over time: small changes are noise of the measurement and are averaged, large ones are the
 * light and are followed at once. */
lk_color_map lk_color_map_steady(lk_color_map before, lk_color_map now);

/* Moves the low frequencies of lab (planes, w x h) towards those of target inside mask: lab += amount *
 * G(target - lab), G a masked (normalised) Gaussian of sigma px. Scratch is held here; w and h at most max_w,
 * max_h. */
typedef struct lk_color_light { int max_w, max_h; float *mem; } lk_color_light;
lk_status lk_color_light_open(int max_w, int max_h, lk_color_light *out, lk_error *err);
void lk_color_light_close(lk_color_light *l);
void lk_color_light_match(lk_color_light *l, float *lab, const float *target, const float *mask, int w, int h,
                          float sigma, float amount);

#endif
