/* The half that needs no network: long-term statistics of cepstra and pitch, projected so that pieces of one voice,
 * however disturbed, lie close and voices lie apart (linear discriminants: Fisher 1936; within-class covariance
 * normalisation: Hatch et al. 2006). */
#include <math.h>
#include <string.h>

#include "voice/train/train.h"

#define N LK_VOICE_STATS
#define PIECE 300     /* frames */
#define DRAWS 24      /* pieces of each class */
#define SHRINK 0.1    /* of the within-class covariance towards its diagonal */
#define SWEEPS 30

/* Eigenvalues (falling) and vectors (rows of v) of the symmetric a, by Jacobi's rotations. */
static void eigen(double a[N][N], double v[N][N], double value[N])
{
    for (int i = 0; i < N; i++)
        for (int k = 0; k < N; k++) v[i][k] = i == k;
    for (int sweep = 0; sweep < SWEEPS; sweep++)
        for (int p = 0; p < N; p++)
            for (int q = p + 1; q < N; q++) {
                if (fabs(a[p][q]) < 1e-300) continue;
                double theta = (a[q][q] - a[p][p]) / (2 * a[p][q]),
                       t = (theta >= 0 ? 1 : -1) / (fabs(theta) + sqrt(theta * theta + 1)), c = 1 / sqrt(t * t + 1),
                       s = t * c;
                for (int k = 0; k < N; k++) {
                    double x = a[k][p], y = a[k][q];
                    a[k][p] = c * x - s * y;
                    a[k][q] = s * x + c * y;
                }
                for (int k = 0; k < N; k++) {
                    double x = a[p][k], y = a[q][k];
                    a[p][k] = c * x - s * y;
                    a[q][k] = s * x + c * y;
                    x = v[p][k], y = v[q][k];
                    v[p][k] = c * x - s * y;
                    v[q][k] = s * x + c * y;
                }
            }
    for (int i = 0; i < N; i++) value[i] = a[i][i];
    for (int i = 0; i < N; i++) {
        int top = i;
        for (int k = i + 1; k < N; k++)
            if (value[k] > value[top]) top = k;
        double x = value[i], row[N];
        value[i] = value[top];
        value[top] = x;
        memcpy(row, v[i], sizeof row);
        memcpy(v[i], v[top], sizeof row);
        memcpy(v[top], row, sizeof row);
    }
}

typedef struct moments { double within[N][N], between[N][N], mean[N], v[N][N], value[N], w[N][N]; } moments;

static void gather(const float *x, int classes, moments *m)
{
    int total = classes * DRAWS;
    for (int i = 0; i < total; i++)
        for (int k = 0; k < N; k++) m->mean[k] += x[i * N + k] / total;
    for (int c = 0; c < classes; c++) {
        double mean[N] = {0};
        for (int i = c * DRAWS; i < (c + 1) * DRAWS; i++)
            for (int k = 0; k < N; k++) mean[k] += x[i * N + k] / DRAWS;
        for (int p = 0; p < N; p++)
            for (int q = 0; q < N; q++) {
                for (int i = c * DRAWS; i < (c + 1) * DRAWS; i++)
                    m->within[p][q] += (x[i * N + p] - mean[p]) * (x[i * N + q] - mean[q]) / total;
                m->between[p][q] += (mean[p] - m->mean[p]) * (mean[q] - m->mean[q]) / classes;
            }
    }
}

static void project(moments *m, lk_speaker_back *out)
{
    for (int p = 0; p < N; p++)
        for (int q = 0; q < N; q++)
            if (p != q) m->within[p][q] *= 1 - SHRINK;
            else m->within[p][q] += 1e-4;
    eigen(m->within, m->v, m->value);
    for (int i = 0; i < N; i++)
        for (int k = 0; k < N; k++) m->w[i][k] = m->v[i][k] / sqrt(fmax(m->value[i], 1e-6));
    for (int p = 0; p < N; p++) /* between, seen through w; within is free again */
        for (int k = 0; k < N; k++) {
            m->v[p][k] = 0;
            for (int i = 0; i < N; i++) m->v[p][k] += m->w[p][i] * m->between[i][k];
        }
    for (int p = 0; p < N; p++)
        for (int q = 0; q < N; q++) {
            m->within[p][q] = 0;
            for (int k = 0; k < N; k++) m->within[p][q] += m->v[p][k] * m->w[q][k];
        }
    eigen(m->within, m->v, m->value);
    for (int row = 0; row < LK_VOICE_FLAT; row++)
        for (int k = 0; k < N; k++) {
            double sum = 0;
            for (int i = 0; i < N; i++) sum += m->v[row][i] * m->w[i][k];
            /* directions in which voices hardly differ weigh little */
            out->flat[row][k] = (float)(sum * sqrt(fmax(m->value[row], 0) / (fmax(m->value[row], 0) + 1)));
        }
    for (int k = 0; k < N; k++) out->flat_mean[k] = (float)m->mean[k];
}

lk_status lk_voice_back_fit(const lk_voice_data *d, lk_net *net, lk_node in, uint64_t seed, lk_speaker_back *out,
                            lk_error *err)
{
    moments *m = lk_calloc(1, sizeof *m);
    float *x = lk_calloc((size_t)d->classes * DRAWS, N * sizeof(float));
    float *power = lk_alloc(PIECE * (LK_MEL_BANDS + 1) * sizeof(float));
    double deep[LK_VOICE_DEEP] = {0};
    lk_status s = m && x && power ? LK_OK : LK_FAIL(err, LK_E_NOMEM, "no memory to finish the speaker model");
    for (int i = 0; s == LK_OK && i < d->classes * DRAWS; i++) {
        lk_rng r = lk_rng_at(seed, 9, 0, (uint64_t)i);
        lk_voice_draw(d, i / DRAWS, PIECE, &r, power, power + PIECE * LK_MEL_BANDS);
        lk_stats_make(power, power + PIECE * LK_MEL_BANDS, PIECE, x + (size_t)i * N);
        if (i % 4) continue;
        lk_chunk_make(power, PIECE, lk_net_in(net, in)->data);
        lk_net_forward(net);
        const float *y = lk_net_out(net, "embedding")->data;
        for (int k = 0; k < LK_VOICE_DEEP; k++) deep[k] += y[k];
    }
    if (s == LK_OK) {
        for (int k = 0; k < LK_VOICE_DEEP; k++) out->deep_mean[k] = (float)(deep[k] * 4 / (d->classes * DRAWS));
        gather(x, d->classes, m);
        project(m, out);
    }
    lk_free(m);
    lk_free(x);
    lk_free(power);
    return s;
}
