/* The half that needs no network: long-term statistics of cepstra and pitch, projected so that pieces of one voice,
 * however disturbed, lie close and voices lie apart (linear discriminants: Fisher 1936; within-class covariance
 * normalisation: Hatch et al. 2006). */
#include <math.h>
#include <string.h>

#include "voice/train/train.h"

#define N LK_VOICE_STATS
#define PIECE 300     /* frames */
#define DRAWS 24      /* pieces of each class */
#define SHRINK 0.3    /* of the within-class covariance towards its diagonal */
#define SWEEPS 30
#define ROUNDS 15    /* of expectation and maximisation */
#define THIN 2       /* every second frame teaches the sounds */

typedef struct moments {
    double within[N][N], between[N][N], mean[N];
    double v[LK_VOICE_FLAT][N], next[LK_VOICE_FLAT][N], value[LK_VOICE_FLAT];
} moments;

/* x: pieces of all classes, DRAWS of each, freed of the mean here. */
static void gather(float *x, int classes, moments *m)
{
    int64_t total = (int64_t)classes * DRAWS;
    for (int64_t i = 0; i < total; i++)
        for (int k = 0; k < N; k++) m->mean[k] += x[i * N + k] / (double)total;
    for (int c = 0; c < classes; c++) {
        double mean[N] = {0};
        float *own = x + (int64_t)c * DRAWS * N;
        for (int64_t i = 0; i < DRAWS; i++)
            for (int k = 0; k < N; k++) mean[k] += (own[i * N + k] - m->mean[k]) / DRAWS;
        for (int64_t i = 0; i < DRAWS; i++)
            for (int p = 0; p < N; p++) {
                double d = own[i * N + p] - m->mean[p] - mean[p];
                for (int q = 0; q <= p; q++)
                    m->within[p][q] += d * (own[i * N + q] - m->mean[q] - mean[q]) / (double)total;
            }
        for (int p = 0; p < N; p++)
            for (int q = 0; q < N; q++) m->between[p][q] += mean[p] * mean[q] / classes;
    }
}

/* within becomes its lower triangular root L. */
static void root(moments *m)
{
    for (int p = 0; p < N; p++)
        for (int q = 0; q <= p; q++) {
            double sum = m->within[p][q];
            for (int k = 0; k < q; k++) sum -= m->within[p][k] * m->within[q][k];
            m->within[p][q] = p == q ? sqrt(fmax(sum, 1e-9)) : sum / m->within[q][q];
        }
}

/* between becomes inv(L) between inv(L)': how voices differ where pieces of one vary equally in all directions. */
static void whiten(moments *m)
{
    for (int turn = 0; turn < 2; turn++) {
        for (int p = 0; p < N; p++) {
            for (int k = 0; k < p; k++)
                for (int q = 0; q < N; q++) m->between[p][q] -= m->within[p][k] * m->between[k][q];
            for (int q = 0; q < N; q++) m->between[p][q] /= m->within[p][p];
        }
        for (int p = 0; p < N; p++)
            for (int q = 0; q < p; q++) {
                double x = m->between[p][q];
                m->between[p][q] = m->between[q][p];
                m->between[q][p] = x;
            }
    }
}

/* The leading eigenvectors of between, by orthogonal iteration. */
static void leading(moments *m, uint64_t seed)
{
    lk_rng r = lk_rng_at(seed, 12, 0, 0);
    for (int row = 0; row < LK_VOICE_FLAT; row++)
        for (int k = 0; k < N; k++) m->next[row][k] = lk_rng_normal(&r);
    for (int i = 0; i <= SWEEPS; i++) {
        for (int row = 0; row < LK_VOICE_FLAT; row++) {
            double *v = m->next[row], norm = 0;
            for (int above = 0; above < row; above++) {
                double dot = 0;
                for (int k = 0; k < N; k++) dot += v[k] * m->v[above][k];
                for (int k = 0; k < N; k++) v[k] -= dot * m->v[above][k];
            }
            for (int k = 0; k < N; k++) norm += v[k] * v[k];
            m->value[row] = sqrt(norm); /* in the end the eigenvalue */
            for (int k = 0; k < N; k++) m->v[row][k] = v[k] / fmax(m->value[row], 1e-12);
        }
        if (i == SWEEPS) break;
        for (int row = 0; row < LK_VOICE_FLAT; row++)
            for (int p = 0; p < N; p++) {
                double sum = 0;
                for (int k = 0; k < N; k++) sum += m->between[p][k] * m->v[row][k];
                m->next[row][p] = sum;
            }
    }
}

static void project(moments *m, uint64_t seed, lk_speaker_back *out)
{
    for (int p = 0; p < N; p++) {
        for (int q = 0; q < p; q++) m->within[p][q] *= 1 - SHRINK;
        m->within[p][p] += 1e-8;
    }
    root(m);
    whiten(m);
    leading(m, seed);
    for (int row = 0; row < LK_VOICE_FLAT; row++) {
        double *u = m->v[row], weigh = sqrt(m->value[row] / (m->value[row] + 1));
        for (int p = N - 1; p >= 0; p--) { /* inv(L)' v */
            for (int k = p + 1; k < N; k++) u[p] -= m->within[k][p] * u[k];
            u[p] /= m->within[p][p];
        }
        /* directions in which voices hardly differ weigh little */
        for (int k = 0; k < N; k++) out->flat[row][k] = (float)(u[k] * weigh);
    }
    for (int k = 0; k < N; k++) out->flat_mean[k] = (float)m->mean[k];
}

/* One round over rows of cepstra. */
static void maximise(const float *x, int64_t rows, lk_voice_sounds *s)
{
    static const double least = 0.05; /* narrower than this no sound is */
    double n[LK_GAUSSIANS] = {0}, f[LK_GAUSSIANS][LK_CEPSTRA] = {{0}}, ff[LK_GAUSSIANS][LK_CEPSTRA] = {{0}};
    for (int64_t i = 0; i < rows; i++) {
        const float *c = x + i * LK_CEPSTRA;
        float sure[LK_GAUSSIANS];
        lk_sounds_guess(s, c, sure);
        for (int g = 0; g < LK_GAUSSIANS; g++) {
            if (sure[g] < 1e-4f) continue;
            n[g] += sure[g];
            for (int k = 0; k < LK_CEPSTRA; k++) f[g][k] += sure[g] * c[k], ff[g][k] += (double)sure[g] * c[k] * c[k];
        }
    }
    for (int g = 0; g < LK_GAUSSIANS; g++) {
        s->weight[g] = (float)(n[g] / (double)rows);
        if (n[g] < 2) continue;
        for (int k = 0; k < LK_CEPSTRA; k++) {
            double m = f[g][k] / n[g];
            s->mean[g][k] = (float)m;
            s->deviation[g][k] = (float)sqrt(fmax(ff[g][k] / n[g] - m * m, least));
        }
    }
}

static lk_status learn_sounds(const lk_voice_data *d, uint64_t seed, lk_voice_sounds *out, lk_error *err)
{
    int64_t each = PIECE / THIN, rows = d->classes * each;
    float *x = lk_calloc((size_t)rows * LK_CEPSTRA, sizeof *x);
    float *power = lk_alloc(PIECE * (LK_MEL_BANDS + 1) * sizeof(float));
    lk_status s = x && power ? LK_OK : LK_FAIL(err, LK_E_NOMEM, "no memory to finish the speaker model");
    for (int c = 0; s == LK_OK && c < d->classes; c++) {
        lk_rng r = lk_rng_at(seed, 10, 0, (uint64_t)c);
        float mean[LK_CEPSTRA] = {0}, *mine = x + c * each * LK_CEPSTRA;
        lk_voice_draw(d, c, PIECE, &r, power, power + PIECE * LK_MEL_BANDS);
        float gain = lk_gain_of(power, PIECE);
        for (int64_t t = 0; t < each; t++) {
            lk_cepstra_make(power + t * THIN * LK_MEL_BANDS, gain, mine + t * LK_CEPSTRA);
            for (int k = 0; k < LK_CEPSTRA; k++) mean[k] += mine[t * LK_CEPSTRA + k] / (float)each;
        }
        for (int64_t i = 0; i < each * LK_CEPSTRA; i++) mine[i] -= mean[i % LK_CEPSTRA];
    }
    if (s == LK_OK) {
        lk_rng r = lk_rng_at(seed, 11, 0, 0);
        for (int g = 0; g < LK_GAUSSIANS; g++) {
            const float *from = x + (size_t)lk_rng_below(&r, (uint32_t)rows) * LK_CEPSTRA;
            out->weight[g] = 1.0f / LK_GAUSSIANS;
            memcpy(out->mean[g], from, sizeof out->mean[g]);
            for (int k = 0; k < LK_CEPSTRA; k++) out->deviation[g][k] = 1.0f;
        }
        for (int i = 0; i < ROUNDS; i++) maximise(x, rows, out);
    }
    lk_free(x);
    lk_free(power);
    return s;
}

lk_status lk_voice_back_fit(const lk_voice_data *d, lk_net *net, lk_node in, uint64_t seed, lk_speaker_back *out,
                            lk_error *err)
{
    LK_TRY(learn_sounds(d, seed, &out->sounds, err));
    moments *m = lk_calloc(1, sizeof *m);
    float *x = lk_calloc((size_t)d->classes * DRAWS, N * sizeof(float));
    float *power = lk_alloc(PIECE * (LK_MEL_BANDS + 1) * sizeof(float));
    double deep[LK_VOICE_DEEP] = {0};
    lk_status s = m && x && power ? LK_OK : LK_FAIL(err, LK_E_NOMEM, "no memory to finish the speaker model");
    for (int i = 0; s == LK_OK && i < d->classes * DRAWS; i++) {
        lk_rng r = lk_rng_at(seed, 9, 0, (uint64_t)i);
        lk_voice_draw(d, i / DRAWS, PIECE, &r, power, power + PIECE * LK_MEL_BANDS);
        lk_stats_make(power, power + PIECE * LK_MEL_BANDS, PIECE, &out->sounds, x + (size_t)i * N);
        if (i % 4) continue;
        lk_chunk_make(power, PIECE, lk_net_in(net, in)->data);
        lk_net_forward(net);
        const float *y = lk_net_out(net, "embedding")->data;
        for (int k = 0; k < LK_VOICE_DEEP; k++) deep[k] += y[k];
    }
    if (s == LK_OK) {
        for (int k = 0; k < LK_VOICE_DEEP; k++) out->deep_mean[k] = (float)(deep[k] * 4 / (d->classes * DRAWS));
        gather(x, d->classes, m);
        project(m, seed, out);
    }
    lk_free(m);
    lk_free(x);
    lk_free(power);
    return s;
}
