/* augment.h: what disturbs training pictures, so that a few hundred faces teach
 * nets that meet every camera. All draws come from the given generator.
 */
#ifndef LK_FACE_TRAIN_AUGMENT_H
#define LK_FACE_TRAIN_AUGMENT_H

#include "face/train/data.h"

/* Light, colour, blur, low resolution, noise, block artefacts and grey, in place on (h, w, 3) floats 0..1.
 * strength 0..1 scales how often and how far. */
void lk_augment_photo(float *rgb, int w, int h, float strength, lk_rng *r, float *scratch /* w*h*3 */);
/* One more light from a random side on the face of an aligned crop (coverage LK_FACE_CROP_COVERAGE). strength
 * 0..1 mixes it with the light that was there. (relight.c) */
void lk_augment_relight(float *rgb, int size, float strength, lk_rng *r);
/* A rectangle or ellipse of flat colour or of `texture` over part of the picture. Pixels covered are set to 0
 * in mask (w*h floats, may be NULL). */
void lk_augment_occlude(float *rgb, int w, int h, const lk_pic *texture, float *mask, lk_rng *r);

/* Similarity about a centre: rotation in degrees, scale, and non-uniform stretch. */
lk_affine lk_affine_about(float cx, float cy, float degrees, float sx, float sy, float shear);
lk_affine lk_affine_shift(float x, float y);
/* Mirror a 96 px style crop: x -> w-1-x. */
lk_affine lk_affine_mirror(int w);
/* perm[i]: the point that i becomes under mirroring. */
void lk_mirror_permutation(int perm[LK_LANDMARKS]);

#endif
