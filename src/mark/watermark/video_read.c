/* video_read.c: the id at one assumed geometry. The stack is folded onto one tile; the tile's place is where the sync
 * chips correlate best, over all shifts (by Fourier transform), moments of the flip and both signs; the chips of each
 * coded bit are summed there and handed to the channel decoder.
 */
#include "mark/watermark/video.h"

#include <math.h>
#include <string.h>

#define N WM_CELLS
#define TILE_CELLS (N * N)
#define HALF_PLANE (N * (N / 2 + 1)) /* complex */
#define PHASES (WM_SLOTS / 2 + 1)    /* moments of the flip (the other half differ by the sign alone), and none */
#define PEAKS 3                      /* places looked at in each phase */
#define TRIES 4                      /* decodings at one geometry */
#define SCORE_TRY 5.2                /* weaker places are not worth a decoding */

/* A place where the tile may lie. z: the sync chips' correlation; score: what the coded bits say is added. */
typedef struct peak {
    double z, score;
    int phase, x, y;
    float fx, fy, sign;
} peak;

lk_status wm_read_open(const wm_key *key, wm_read *r, lk_error *err)
{
    *r = (wm_read){.fft = NULL};
    wm_tile_make(key, &r->tile);
    r->sync = lk_alloc(HALF_PLANE * 2 * sizeof(float));
    r->freq = lk_alloc(HALF_PLANE * 2 * sizeof(float));
    r->folded = lk_alloc(WM_SLOTS * TILE_CELLS * sizeof(float));
    r->sum = lk_alloc(TILE_CELLS * sizeof(float));
    r->corr = lk_alloc(TILE_CELLS * sizeof(float));
    r->guard = lk_alloc((N + 1) * (N + 1) * sizeof(float));
    lk_status s = r->sync && r->freq && r->folded && r->sum && r->corr && r->guard
                      ? lk_fft_new_2d(N, N, &r->fft, err)
                      : LK_FAIL(err, LK_E_NOMEM, "no memory to look for a watermark");
    if (s != LK_OK) {
        wm_read_clear(r);
        return s;
    }
    for (int y = 0; y < N; y++)
        for (int x = 0; x < N; x++) {
            const int chip = y / 2 * WM_TILE + x / 2;
            r->sum[y * N + x] = r->tile.bit[chip] < 0 ? r->tile.sign[chip] : 0;
        }
    lk_fft_forward(r->fft, r->sum, r->sync);
    return LK_OK;
}

void wm_read_clear(wm_read *r)
{
    lk_fft_free(&r->fft);
    lk_free(r->sync);
    lk_free(r->freq);
    lk_free(r->folded);
    lk_free(r->sum);
    lk_free(r->corr);
    lk_free(r->guard);
    *r = (wm_read){.fft = NULL};
}

/* Positions are shares of a tile in 32 bits, which wrap by themselves: cell and fraction of one. */
#define TILE_TURN 4294967296.0
static inline int cell_at(uint32_t p, float *fraction)
{
    const uint64_t c = (uint64_t)p * N;
    *fraction = (float)(int32_t)((uint32_t)c >> 8) * 0x1p-24f;
    return (int)(c >> 32);
}

static uint32_t place(double cells) { return (uint32_t)(int64_t)llrint(cells * (TILE_TURN / N)); }

WM_CLONES static void add_to_two(const float *restrict in, float f, float *restrict a, float *restrict b, int n)
{
    for (int x = 0; x < n; x++) {
        const float part = in[x] * f;
        b[x] += part;
        a[x] += in[x] - part;
    }
}

/* Axes that lie along the picture's: rows first, many columns at once, onto the tile's; then the columns of those few.
 * Position along a row = x0 + x dx, down a column = y0 + y dy, in cells; the tile comes out with rows down. */
#define STRIP 256
static void fold_straight(const float *in, int w, int h, double x0, double dx, double y0, double dy, float *guard)
{
    static const float zero[STRIP];
    float strip[N + 1][STRIP], f;
    const uint32_t step = place(dx);
    for (int from = 0; from < w; from += STRIP) {
        const int n = LK_MIN(STRIP, w - from);
        for (int v = 0; v <= N; v++) memcpy(strip[v], zero, sizeof zero);
        for (int y = 0; y < h; y++) {
            const int v = cell_at(place(y0 + y * dy), &f);
            add_to_two(in + (size_t)y * w + from, f, strip[v], strip[v + 1], n);
        }
        for (int v = 0; v <= N; v++) {
            uint32_t p = place(x0 + from * dx);
            float *line = guard + v * (N + 1);
            for (int x = 0; x < n; x++, p += step) {
                const int u = cell_at(p, &f);
                const float part = strip[v][x] * f;
                line[u] += strip[v][x] - part;
                line[u + 1] += part;
            }
        }
    }
}

static void fold_slanted(const float *in, int w, int h, double ux, double uy, double vx, double vy, float *guard)
{
    const uint32_t step_u = place(ux), step_v = place(vx);
    for (int y = 0; y < h; y++) {
        uint32_t pu = place(0.5 * ux + (y + 0.5) * uy - 0.5), pv = place(0.5 * vx + (y + 0.5) * vy - 0.5);
        const float *row = in + (size_t)y * w;
        for (int x = 0; x < w; x++, pu += step_u, pv += step_v) {
            float fu, fv;
            const int u = cell_at(pu, &fu), v = cell_at(pv, &fv);
            float *c = guard + v * (N + 1) + u;
            const float low = row[x] * fv, high = row[x] - low;
            c[0] += high - high * fu;
            c[1] += high * fu;
            c[N + 1] += low - low * fu;
            c[N + 2] += low * fu;
        }
    }
}

/* Sum a picture into the tile; each pixel is shared by the four cells around it. guard: (N + 1) x (N + 1), its last row
 * and column belong to the first. */
static void fold(const float *in, int w, int h, const wm_view *m, float *guard, float *tile)
{
    const double det = m->xx * m->yy - m->xy * m->yx;
    const double ux = m->yy / det, uy = -m->xy / det, vx = -m->yx / det, vy = m->xx / det;
    const bool straight = m->xy == 0 && m->yx == 0, crossed = m->xx == 0 && m->yy == 0;
    memset(guard, 0, (N + 1) * (N + 1) * sizeof *guard);
    if (straight) fold_straight(in, w, h, 0.5 * ux - 0.5, ux, 0.5 * vy - 0.5, vy, guard);
    else if (crossed) fold_straight(in, w, h, 0.5 * vx - 0.5, vx, 0.5 * uy - 0.5, uy, guard);
    else fold_slanted(in, w, h, ux, uy, vx, vy, guard);
    for (int i = 0; i <= N; i++) guard[i] += guard[N * (N + 1) + i];
    for (int i = 0; i < N; i++) guard[i * (N + 1)] += guard[i * (N + 1) + N];
    for (int v = 0; v < N; v++)
        for (int u = 0; u < N; u++) tile[v * N + u] = guard[crossed ? u * (N + 1) + v : v * (N + 1) + u];
}

/* The folded slots with the signs that they have when the flip comes `phase` slots late. */
static void sum_phase(const wm_read *r, const wm_stack *s, int phase, float *out)
{
    memset(out, 0, TILE_CELLS * sizeof *out);
    for (int k = 0; k < WM_SLOTS; k++) {
        if (!s->slot[k]) continue;
        const float *in = r->folded + (size_t)k * TILE_CELLS;
        const float sign = phase == PHASES - 1 || (k - phase + WM_SLOTS) % WM_SLOTS < WM_SLOTS / 2 ? 1.0f : -1.0f;
        for (int i = 0; i < TILE_CELLS; i++) out[i] += sign * in[i];
    }
}

/* corr[shift] = sum of sum[x + shift] * sync[x]. */
static void correlate(wm_read *r)
{
    lk_fft_forward(r->fft, r->sum, r->freq);
    for (int i = 0; i < HALF_PLANE; i++) {
        const float a = r->freq[2 * i], b = r->freq[2 * i + 1], c = r->sync[2 * i], d = r->sync[2 * i + 1];
        r->freq[2 * i] = a * c + b * d;
        r->freq[2 * i + 1] = b * c - a * d;
    }
    lk_fft_inverse(r->fft, r->freq, r->corr);
}

/* Offset of the top of the parabola through three points, at most half a step. */
static float top_of(float a, float b, float c)
{
    const float bend = a - 2 * b + c;
    return bend < 0 ? LK_CLAMP(0.5f * (a - c) / bend, -0.5f, 0.5f) : 0;
}

/* The strongest correlations of a phase, and how far they stand out. */
static int find_peaks(const wm_read *r, int phase, int most_peaks, peak peaks[PEAKS])
{
    const float *c = r->corr;
    double square = 0, first = 0;
    int count = 0;
    for (int i = 0; i < TILE_CELLS; i++) square += (double)c[i] * c[i];
    while (count < most_peaks) {
        float most = 0;
        int at = -1;
        for (int i = 0; i < TILE_CELLS; i++) {
            if (fabsf(c[i]) <= most) continue;
            bool taken = false;
            for (int k = 0; k < count && !taken; k++) {
                const int dx = (i % N - peaks[k].x + N) % N, dy = (i / N - peaks[k].y + N) % N;
                taken = LK_MIN(dx, N - dx) < 3 && LK_MIN(dy, N - dy) < 3;
            }
            if (taken) continue;
            most = fabsf(c[i]);
            at = i;
        }
        if (at < 0) break;
        if (count == 0) first = most;
        peak *p = &peaks[count++];
        *p = (peak){.phase = phase, .x = at % N, .y = at / N, .sign = c[at] < 0 ? -1.0f : 1.0f};
        /* The first peak and its slopes are no noise: its square times the sum of a chip's squared autocorrelation. */
        const double noise = (square - 16.0 / 9 * first * first) / (TILE_CELLS - 9);
        p->z = noise > 0 ? most / sqrt(noise) : 0;
        const int left = p->y * N + (p->x + N - 1) % N, right = p->y * N + (p->x + 1) % N;
        const int up = (p->y + N - 1) % N * N + p->x, down = (p->y + 1) % N * N + p->x;
        p->fx = top_of(c[left] * p->sign, most, c[right] * p->sign);
        p->fy = top_of(c[up] * p->sign, most, c[down] * p->sign);
    }
    return count;
}

/* Coded bits at a place: each chip's mean is taken over its two cells a side, by linear interpolation between cells.
 * Returns how far the chips of each bit agree with each other, in deviations: whatever the bits are, they agree only where
 * the tile lies. */
static double soft_bits(const wm_read *r, const peak *p, float soft[WM_CODED_BITS])
{
    double power = 0, energy = 0;
    const float px = (float)p->x + p->fx, py = (float)p->y + p->fy;
    const int x0 = (int)floorf(px), y0 = (int)floorf(py);
    const float fx = px - (float)x0, fy = py - (float)y0;
    const float wx[3] = {1 - fx, 1, fx}, wy[3] = {1 - fy, 1, fy};
    memset(soft, 0, WM_CODED_BITS * sizeof *soft);
    for (int cy = 0; cy < WM_TILE; cy++)
        for (int cx = 0; cx < WM_TILE; cx++) {
            const int chip = cy * WM_TILE + cx, bit = r->tile.bit[chip];
            if (bit < 0) continue;
            float v = 0;
            for (int j = 0; j < 3; j++) {
                const float *row = r->sum + (y0 + 2 * cy + j + N) % N * N;
                for (int i = 0; i < 3; i++) v += wy[j] * wx[i] * row[(x0 + 2 * cx + i + N) % N];
            }
            soft[bit] += p->sign * (float)r->tile.sign[chip] * v;
            power += (double)v * v;
        }
    for (int i = 0; i < WM_CODED_BITS; i++) energy += (double)soft[i] * soft[i];
    return power > 0 ? (energy / power - 1) * sqrt(WM_CODED_BITS * WM_CHIPS_PER_BIT / 2.0 / (WM_CHIPS_PER_BIT - 1)) : 0;
}

static bool decode(wm_read *r, const peak *p, wm_found *found)
{
    float soft[WM_CODED_BITS];
    uint8_t bit[WM_CODED_BITS];
    uint64_t id;
    int wrong = 0;
    soft_bits(r, p, soft);
    found->attempts++;
    if (!wm_decode(soft, &id)) return false;
    wm_encode(id, bit);
    for (int i = 0; i < WM_CODED_BITS; i++) wrong += (soft[i] > 0) != bit[i];
    found->found = true;
    found->id = id;
    found->shift_x = (p->x + (double)p->fx) / 2;
    found->shift_y = (p->y + (double)p->fy) / 2;
    found->z = p->z;
    found->errors = (double)wrong / WM_CODED_BITS;
    return true;
}

bool wm_read_view(wm_read *r, const wm_stack *s, const wm_view *v, bool read, double *score, wm_found *found)
{
    peak best[PHASES * PEAKS];
    float soft[WM_CODED_BITS];
    int used = 0, count = 0;
    for (int k = 0; k < WM_SLOTS; k++) {
        if (!s->slot[k]) continue;
        fold(s->slot[k], s->w, s->h, v, r->guard, r->folded + (size_t)k * TILE_CELLS);
        used++;
    }
    for (int phase = 0; phase < (used > 1 ? PHASES : 1); phase++) {
        peak here[PEAKS];
        sum_phase(r, s, phase, r->sum);
        correlate(r);
        const int n = find_peaks(r, phase, read ? PEAKS : 1, here);
        for (int k = 0; k < n; k++) {
            const double agree = soft_bits(r, &here[k], soft);
            here[k].score = sqrt(here[k].z * here[k].z + LK_MAX(agree, 0) * LK_MAX(agree, 0));
            found->z = LK_MAX(found->z, here[k].z);
            int i = count++;
            for (; i > 0 && best[i - 1].score < here[k].score; i--) best[i] = best[i - 1];
            best[i] = here[k];
        }
    }
    if (score) *score = count ? best[0].score : 0;
    for (int i = 0; read && i < LK_MIN(count, TRIES) && best[i].score >= SCORE_TRY; i++) {
        sum_phase(r, s, best[i].phase, r->sum);
        if (decode(r, &best[i], found)) return true;
    }
    return false;
}
