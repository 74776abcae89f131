/* fft.c: real transforms of one and two dimensions, over FFTW (Frigo and Johnson, 2005).
 *
 * A plan keeps two aligned buffers of its own. Callers' arrays may then lie anywhere, FFTW may destroy what
 * it reads (its inverse does), and every call runs the code that was planned for: the cost is one copy each
 * way, a few per cent of the transform. Plans are estimated, not measured, so that the same input gives the
 * same bytes on every run of one machine.
 */
#include "dsp/dsp.h"

#include <fftw3.h>
#include <pthread.h>
#include <string.h>

enum { SIDE_MAX = 1 << 24 };

struct lk_fft {
    size_t reals, complexes;
    float *real;
    fftwf_complex *half;
    fftwf_plan forward, inverse;
};

/* FFTW's planner shares tables between all plans; only executing a plan is safe beside it. */
static pthread_mutex_t planner = PTHREAD_MUTEX_INITIALIZER;

static lk_status fft_new(int rows, int cols, bool flat, lk_fft **out, lk_error *err)
{
    *out = NULL;
    if (rows < 1 || cols < 1 || (int64_t)rows * cols > SIDE_MAX)
        return LK_FAIL(err, LK_E_RANGE, "a transform of %d x %d samples is outside 1..%d", rows, cols,
                       SIDE_MAX);
    lk_fft *f = lk_calloc(1, sizeof *f);
    if (!f) return LK_FAIL(err, LK_E_NOMEM, "no memory for a transform of %d x %d", rows, cols);
    f->reals = (size_t)rows * (size_t)cols;
    f->complexes = (size_t)rows * ((size_t)cols / 2 + 1);
    f->real = lk_calloc(f->reals, sizeof(float));
    f->half = lk_calloc(f->complexes, sizeof(fftwf_complex));
    if (f->real && f->half) {
        pthread_mutex_lock(&planner);
        if (flat) {
            f->forward = fftwf_plan_dft_r2c_1d(cols, f->real, f->half, FFTW_ESTIMATE);
            f->inverse = fftwf_plan_dft_c2r_1d(cols, f->half, f->real, FFTW_ESTIMATE);
        } else {
            f->forward = fftwf_plan_dft_r2c_2d(rows, cols, f->real, f->half, FFTW_ESTIMATE);
            f->inverse = fftwf_plan_dft_c2r_2d(rows, cols, f->half, f->real, FFTW_ESTIMATE);
        }
        pthread_mutex_unlock(&planner);
    }
    if (!f->forward || !f->inverse) {
        lk_fft_free(&f);
        return LK_FAIL(err, LK_E_NOMEM, "no memory for a transform of %d x %d", rows, cols);
    }
    *out = f;
    return LK_OK;
}

lk_status lk_fft_new(int n, lk_fft **out, lk_error *err) { return fft_new(1, n, true, out, err); }

lk_status lk_fft_new_2d(int rows, int cols, lk_fft **out, lk_error *err)
{
    return fft_new(rows, cols, false, out, err);
}

void lk_fft_free(lk_fft **f)
{
    if (!f || !*f) return;
    pthread_mutex_lock(&planner);
    if ((*f)->forward) fftwf_destroy_plan((*f)->forward);
    if ((*f)->inverse) fftwf_destroy_plan((*f)->inverse);
    pthread_mutex_unlock(&planner);
    lk_free((*f)->real);
    lk_free((*f)->half);
    lk_free(*f);
    *f = NULL;
}

void lk_fft_forward(lk_fft *f, const float *real, float *complex_out)
{
    memcpy(f->real, real, f->reals * sizeof(float));
    fftwf_execute(f->forward);
    memcpy(complex_out, f->half, f->complexes * sizeof(fftwf_complex));
}

void lk_fft_inverse(lk_fft *f, const float *complex_in, float *real)
{
    memcpy(f->half, complex_in, f->complexes * sizeof(fftwf_complex));
    fftwf_execute(f->inverse);
    memcpy(real, f->real, f->reals * sizeof(float));
}
