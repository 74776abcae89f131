/* dsp: level 1. Fourier transforms, windows and filters for sound and for correlation. The only room that
 * includes FFTW. May include base/. Start with fft.c.
 */
#ifndef LK_DSP_H
#define LK_DSP_H

#include "base/base.h"

/* A plan; used by one thread at a time. Planning is serialised inside (FFTW's planner is not safe). */
typedef struct lk_fft lk_fft;
/* Real to half-complex of n samples: n/2+1 complex (re, im interleaved). */
lk_status lk_fft_new(int n, lk_fft **out, lk_error *err);
lk_status lk_fft_new_2d(int rows, int cols, lk_fft **out, lk_error *err); /* rows x (cols/2+1) complex */
void lk_fft_free(lk_fft **f);
void lk_fft_forward(lk_fft *f, const float *real, float *complex_out);   /* unscaled; input kept */
/* Unscaled: forward then inverse is n times; input kept. */
void lk_fft_inverse(lk_fft *f, const float *complex_in, float *real);
void lk_window_hann(float *w, int n, bool periodic);
/* out[i] = in at i * step samples (step 0.01..100; 1 copies), band-limited by a windowed sinc; in is zero
 * outside 0..n-1. No delay: position 0 stays position 0, whatever the step. */
lk_status lk_resample(const float *in, int64_t n, double step, float *out, int64_t out_n, lk_error *err);

#endif
