/* video_embed.c: adding the tiled pattern to luma: y += s(t) * gain * mask(x) * chip(x).
 *
 * The mask is the local deviation: noise hides in texture and shows on a flat wall. But only mildly so, because codecs at
 * low rates keep just what lies on flat ground or is strong, and an edge between two flat areas is no texture: the least
 * strength of the neighbourhood is taken. The gain is solved per frame from a histogram of mask times chip, so that the
 * mean square of the change after rounding is the one asked for, whatever the picture. Rounding is dithered by an
 * ordered pattern: half a code value of strength becomes one code value on half of the pixels, and the same frame gives
 * the same bytes.
 */
#include "mark/watermark/video.h"

#include <math.h>
#include <string.h>

#define DEFAULT_PSNR 43.7
#define SIDE_MIN 64
#define FULL 64 /* pattern and mask value of 1 */
#define ROOM 4 /* code values; hardly any change is larger */
#define WINDOW 2 /* cells around the middle one in the mask's window */

struct wm_embedder {
    int w, h;
    int q;          /* pixels a side of the mask's cells */
    int cw, ch;     /* cells */
    double mse;     /* of 8-bit code values */
    int8_t *pattern; /* w x h, +-FULL */
    uint8_t *cell, *mask, *level; /* cw x ch: mean luma, strength; w x h: strength times |chip| */
    uint8_t *luma;   /* one row: scratch, as what follows */
    uint16_t *row;
    float *sum;
    int16_t *change;
};

/* What is to be marked: a frame's samples, or a float picture. */
typedef struct canvas {
    lk_luma l;
    lk_image *im; /* NULL for a frame */
} canvas;

/* --- the pattern of a whole picture -------------------------------------------------------------------- */

/* Pixel p sees a window about half a chip wide, so that large chips have soft edges: share of chip *first, the rest is
 * its neighbour's. */
static double chip_share(int p, double chip, int *first)
{
    const double width = LK_MAX(chip / 2, 1.0), from = p + 0.5 - width / 2, to = p + 0.5 + width / 2;
    const double at = floor(from / chip);
    *first = ((int)at + WM_TILE) % WM_TILE;
    return LK_MIN(to, (at + 1) * chip) / width - from / width;
}

static void spread_pattern(wm_embedder *w, const int8_t chips[WM_CHIPS])
{
    const double chip = (double)LK_MIN(w->w, w->h) / wm_chips_across(LK_MIN(w->w, w->h));
    for (int y = 0; y < w->h; y++) {
        int cy, cx;
        const double sy = chip_share(y, chip, &cy);
        const int8_t *a = chips + cy * WM_TILE, *b = chips + (cy + 1) % WM_TILE * WM_TILE;
        int8_t *out = w->pattern + (size_t)y * w->w;
        for (int x = 0; x < w->w; x++) {
            const double sx = chip_share(x, chip, &cx);
            const int c1 = (cx + 1) % WM_TILE;
            const double left = a[cx] * sy + b[cx] * (1 - sy), right = a[c1] * sy + b[c1] * (1 - sy);
            out[x] = (int8_t)lrint(FULL * (left * sx + right * (1 - sx)));
        }
    }
}

lk_status wm_embed_open(int width, int height, uint64_t id, const wm_key *key, double psnr, wm_embedder **out, lk_error *err)
{
    *out = NULL;
    if (width < SIDE_MIN || height < SIDE_MIN || width > 16384 || height > 16384)
        return LK_FAIL(err, LK_E_RANGE, "a picture of %d x %d cannot be watermarked; its sides must be %d to 16384", width,
                       height, SIDE_MIN);
    if (psnr == 0) psnr = DEFAULT_PSNR;
    if (!(psnr >= 30 && psnr <= 70))
        return LK_FAIL(err, LK_E_RANGE, "a watermark at %g dB cannot be made; ask for 30 to 70", psnr);
    wm_embedder *w = lk_calloc(1, sizeof *w);
    if (!w) return LK_FAIL(err, LK_E_NOMEM, "no memory for a watermark of %d x %d", width, height);
    w->w = width;
    w->h = height;
    w->q = LK_MAX(1, LK_MIN(width, height) / 360);
    w->cw = width / w->q;
    w->ch = height / w->q;
    w->mse = 255.0 * 255.0 / pow(10, psnr / 10);
    const size_t pixels = (size_t)width * (size_t)height, cells = (size_t)w->cw * (size_t)w->ch;
    w->pattern = lk_alloc(pixels);
    w->level = lk_alloc(pixels);
    w->cell = lk_alloc(cells);
    w->mask = lk_alloc(cells);
    w->row = lk_alloc((size_t)(width + 64) * sizeof *w->row);
    w->sum = lk_alloc((size_t)(w->cw + 64) * 2 * sizeof *w->sum);
    w->luma = lk_alloc((size_t)width);
    w->change = lk_alloc((size_t)width * sizeof *w->change);
    if (!w->pattern || !w->level || !w->cell || !w->mask || !w->row || !w->sum || !w->luma || !w->change) {
        wm_embed_close(&w);
        return LK_FAIL(err, LK_E_NOMEM, "no memory for a watermark of %d x %d", width, height);
    }
    wm_tile tile;
    int8_t chips[WM_CHIPS];
    wm_tile_make(key, &tile);
    wm_tile_chips(&tile, id, chips);
    spread_pattern(w, chips);
    *out = w;
    return LK_OK;
}

void wm_embed_close(wm_embedder **wp)
{
    wm_embedder *w = *wp;
    if (!w) return;
    lk_free(w->pattern);
    lk_free(w->level);
    lk_free(w->cell);
    lk_free(w->mask);
    lk_free(w->row);
    lk_free(w->sum);
    lk_free(w->luma);
    lk_free(w->change);
    lk_free(w);
    *wp = NULL;
}

/* --- the mask ---------------------------------------------------------------------------------------------- */

WM_CLONES static void image_row(const float *in, int channels, int n, uint8_t *out)
{
    for (int x = 0; x < n; x++) {
        const float *p = in + (size_t)x * (size_t)channels;
        const float v = channels == 3 ? 0.25f * (p[0] + p[2]) + 0.5f * p[1] : p[0];
        out[x] = (uint8_t)(int)(v > 0 ? (v < 1 ? v * 255.0f + 0.5f : 255.0f) : 0.0f);
    }
}

/* One row of luma at 8 bits; (R + 2G + B) / 4 of RGB. */
WM_CLONES static void luma_row(const lk_luma *l, int y, uint8_t *out)
{
    const int n = l->width, down = l->bit_depth - 8;
    const uint8_t *p[3];
    for (int i = 0; i < l->planes; i++) p[i] = (const uint8_t *)l->plane[i] + y * l->stride[i];
    if (l->planes == 1 && !down) {
        memcpy(out, p[0], (size_t)n);
    } else if (l->planes == 1) {
        const uint16_t *a = (const uint16_t *)p[0];
        for (int x = 0; x < n; x++) out[x] = (uint8_t)(a[x] >> down);
    } else if (!down) {
        for (int x = 0; x < n; x++) out[x] = (uint8_t)((2 * p[0][x] + p[1][x] + p[2][x]) >> 2);
    } else {
        const uint16_t *a = (const uint16_t *)p[0], *b = (const uint16_t *)p[1], *c = (const uint16_t *)p[2];
        for (int x = 0; x < n; x++) out[x] = (uint8_t)((2 * a[x] + b[x] + c[x]) >> (2 + down));
    }
}

WM_CLONES static void row_add(uint16_t *restrict sum, const uint8_t *restrict row, int n)
{
    for (int x = 0; x < n; x++) sum[x] = (uint16_t)(sum[x] + row[x]);
}

static void read_row(wm_embedder *w, const canvas *c, int y)
{
    if (c->im) image_row(c->im->data + (size_t)y * w->w * c->im->c, c->im->c, w->w, w->luma);
    else luma_row(&c->l, y, w->luma);
}

/* Mean luma of each cell. */
static void make_cells(wm_embedder *w, const canvas *c)
{
    const int q = w->q;
    for (int cy = 0; cy < w->ch; cy++) {
        uint8_t *out = w->cell + (size_t)cy * w->cw;
        if (q == 1) {
            read_row(w, c, cy);
            memcpy(out, w->luma, (size_t)w->cw);
            continue;
        }
        memset(w->row, 0, (size_t)w->w * sizeof *w->row);
        for (int y = 0; y < q; y++) {
            read_row(w, c, cy * q + y);
            row_add(w->row, w->luma, w->w);
        }
        const uint32_t scale = (1u << 20) / (uint32_t)(q * q); /* q <= 45: the product stays below 2^32 */
        for (int cx = 0; cx < w->cw; cx++) {
            uint32_t s = 0;
            for (int x = 0; x < q; x++) s += w->row[cx * q + x];
            out[cx] = (uint8_t)(s * scale >> 20);
        }
    }
}

/* Sums over 5 rows of luma and of its square, for one row of cells (clamped at the borders). */
WM_CLONES static void column_sums(const uint8_t *const row[5], float *restrict s1, float *restrict s2, int n)
{
    const uint8_t *restrict a = row[0], *restrict b = row[1], *restrict c = row[2], *restrict d = row[3],
                  *restrict e = row[4];
    for (int x = 0; x < n; x++) {
        s1[x] = (float)(a[x] + b[x] + c[x] + d[x] + e[x]);
        s2[x] = (float)(a[x] * a[x] + b[x] * b[x] + c[x] * c[x] + d[x] * d[x] + e[x] * e[x]);
    }
}

WM_CLONES static void strengths(const float *restrict s1, const float *restrict s2, uint8_t *restrict out, int n)
{
    for (int x = 0; x < n; x++) {
        const float a = s1[x - 2] + s1[x - 1] + s1[x] + s1[x + 1] + s1[x + 2];
        const float b = s2[x - 2] + s2[x - 1] + s2[x] + s2[x + 1] + s2[x + 2];
        const float var = (25.0f * b - a * a) * (1.0f / 625.0f);
        const float m = 0.7f * FULL + sqrtf(var > 0 ? var : 0) * (FULL / 16.0f);
        out[x] = (uint8_t)(int)(m < 2.0f * FULL - 1 ? m : 2.0f * FULL - 1);
    }
}

static void make_mask(wm_embedder *w)
{
    float *s1 = w->sum + 16, *s2 = w->sum + w->cw + 48;
    for (int y = 0; y < w->ch; y++) {
        const uint8_t *row[5];
        for (int k = 0; k < 5; k++) row[k] = w->cell + (size_t)LK_CLAMP(y + k - WINDOW, 0, w->ch - 1) * w->cw;
        column_sums(row, s1, s2, w->cw);
        for (int k = 1; k <= WINDOW; k++) {
            s1[-k] = s1[0];
            s2[-k] = s2[0];
            s1[w->cw - 1 + k] = s1[w->cw - 1];
            s2[w->cw - 1 + k] = s2[w->cw - 1];
        }
        strengths(s1, s2, w->mask + (size_t)y * w->cw, w->cw);
    }
}

WM_CLONES static void least_of(const uint8_t *const row[5], uint8_t *restrict out, int n)
{
    const uint8_t *restrict a = row[0], *restrict b = row[1], *restrict c = row[2], *restrict d = row[3],
                  *restrict e = row[4];
    for (int x = 0; x < n; x++) {
        const uint8_t ab = a[x] < b[x] ? a[x] : b[x], cd = c[x] < d[x] ? c[x] : d[x], abcd = ab < cd ? ab : cd;
        out[x] = abcd < e[x] ? abcd : e[x];
    }
}

/* An edge is not texture: take the least strength of the neighbourhood. Overwrites the cells. */
static void shrink_mask(wm_embedder *w)
{
    uint8_t *line = (uint8_t *)w->sum + 32;
    for (int y = 0; y < w->ch; y++) {
        const uint8_t *row[5];
        for (int k = 0; k < 5; k++) row[k] = w->mask + (size_t)LK_CLAMP(y + k - WINDOW, 0, w->ch - 1) * w->cw;
        least_of(row, line, w->cw);
        for (int k = 1; k <= WINDOW; k++) {
            line[-k] = line[0];
            line[w->cw - 1 + k] = line[w->cw - 1];
        }
        for (int k = 0; k < 5; k++) row[k] = line + k - WINDOW;
        least_of(row, w->cell + (size_t)y * w->cw, w->cw);
    }
    uint8_t *swap = w->mask;
    w->mask = w->cell;
    w->cell = swap;
}

/* --- strength ------------------------------------------------------------------------------------------- */

WM_CLONES static void level_row(const uint8_t *restrict mask, const int8_t *restrict pattern, uint8_t *restrict level, int n)
{
    for (int x = 0; x < n; x++) {
        const int p = pattern[x] < 0 ? -pattern[x] : pattern[x];
        level[x] = (uint8_t)(mask[x] * p >> 5); /* 2 * FULL is a strength of 1 */
    }
}

/* Code values by which a pixel can change the way that it is asked to, up to ROOM. In place of luma. */
WM_CLONES static void room_row(uint8_t *restrict luma, const int8_t *restrict pattern, int flip, int black, int white, int n)
{
    for (int x = 0; x < n; x++) {
        const int room = (pattern[x] ^ flip) < 0 ? luma[x] - black : white - luma[x];
        luma[x] = (uint8_t)(room < 0 ? 0 : room < ROOM ? room : ROOM);
    }
}

/* How many pixels have each room and level. Two tables take turns, so that one count need not wait for the last. */
static void make_levels(wm_embedder *w, const canvas *c, int flip, uint32_t count[ROOM + 1][256])
{
    const int down = c->im ? 0 : c->l.bit_depth - 8;
    const int black = c->im ? 0 : c->l.black >> down, white = c->im ? 255 : c->l.white >> down;
    uint32_t part[2][ROOM + 1][256] = {{{0}}};
    for (int y = 0; y < w->h; y++) {
        const uint8_t *mask = w->mask + (size_t)LK_MIN(y / w->q, w->ch - 1) * w->cw;
        if (w->q > 1) {
            for (int x = 0, k = 0; k < w->cw; k++)
                for (const int end = k == w->cw - 1 ? w->w : x + w->q; x < end; x++) w->luma[x] = mask[k];
            mask = w->luma;
        }
        uint8_t *level = w->level + (size_t)y * w->w;
        level_row(mask, w->pattern + (size_t)y * w->w, level, w->w);
        if (y % 2) continue;
        read_row(w, c, y);
        room_row(w->luma, w->pattern + (size_t)y * w->w, flip, black, white, w->w);
        for (int x = 0; x + 2 <= w->w; x += 2)
            for (int k = 0; k < 2; k++) part[k][w->luma[x + k]][level[x + k]]++;
    }
    for (int r = 0; r <= ROOM; r++)
        for (int i = 0; i < 256; i++) count[r][i] = part[0][r][i] + part[1][r][i];
}

/* Mean square of the change at a gain: a strength of i + f is rounded up where f passes the dither, whose thresholds
 * are even over a quarter to three quarters; black cannot become darker nor white brighter. In 8-bit code values; unit
 * is 1, or 4 for 10 bits. */
static double mean_square(const uint32_t count[ROOM + 1][256], uint32_t gain, int unit)
{
    double sum = 0, n = 0;
    for (uint32_t v = 0; v < 256; v++) {
        const double a = (double)(v * gain / 256) / 256 * unit, i = floor(a);
        const double up = LK_CLAMP((a - i) * 2 - 0.5, 0.0, 1.0);
        for (int r = 0; r <= ROOM; r++) {
            const double most = r == ROOM ? INFINITY : r * unit, lo = LK_MIN(i, most), hi = LK_MIN(i + 1, most);
            sum += count[r][v] * ((1 - up) * lo * lo + up * hi * hi);
            n += count[r][v];
        }
    }
    return n > 0 ? sum / n / (unit * unit) : 0;
}

/* Where half of the pixels are stuck, as on a flat black ground, the others may change by the root of 2 more. */
static uint32_t solve_gain(const uint32_t count[ROOM + 1][256], double mse, int unit)
{
    uint32_t lo = 0, hi = 65535;
    while (hi - lo > 1) {
        const uint32_t mid = (lo + hi) / 2;
        if (mean_square(count, mid, unit) <= mse) lo = mid;
        else hi = mid;
    }
    return lo;
}

/* Thresholds 64..190 in the order of Bayer's 8x8 matrix (1973). */
static void dither_row(int y, int n, uint16_t *out)
{
    for (int x = 0; x < n; x++) {
        const int a = (x ^ y) & 7, b = y & 7;
        const int rank = (a & 1) << 5 | (b & 1) << 4 | (a & 2) << 2 | (b & 2) << 1 | (a & 4) >> 1 | (b & 4) >> 2;
        out[x] = (uint16_t)(65 + 2 * rank);
    }
}

/* Change in code values of one row. */
WM_CLONES static void change_row(const uint8_t *restrict level, const int8_t *restrict pattern,
                                 const uint16_t *restrict dither, uint32_t gain, int flip, int deep, int16_t *restrict out,
                                 int n)
{
    for (int x = 0; x < n; x++) {
        const uint16_t t = (uint16_t)((uint32_t)level[x] * gain >> 8);
        const int16_t a = (int16_t)(deep ? (t + (dither[x] >> 2)) >> 6 : (t + dither[x]) >> 8);
        const int16_t s = (int16_t)((pattern[x] ^ flip) >> 7); /* 0 or -1 */
        out[x] = (int16_t)((a ^ s) - s);
    }
}

/* The change never carries a sample out of the range of its kind; one that is outside already stays. */
WM_CLONES static void add_row8(uint8_t *restrict y, const int16_t *restrict d, int black, int white, int n)
{
    const int16_t b = (int16_t)black, w = (int16_t)white;
    for (int x = 0; x < n; x++) {
        const int16_t v = y[x], lo = v < b ? v : b, hi = v > w ? v : w;
        int16_t r = (int16_t)(v + d[x]);
        r = r < lo ? lo : r;
        r = r > hi ? hi : r;
        y[x] = (uint8_t)r;
    }
}

WM_CLONES static void add_row16(uint16_t *restrict y, const int16_t *restrict d, int black, int white, int n)
{
    const int16_t b = (int16_t)black, w = (int16_t)white;
    for (int x = 0; x < n; x++) {
        const int16_t v = (int16_t)y[x], lo = v < b ? v : b, hi = v > w ? v : w;
        int16_t r = (int16_t)(v + d[x]);
        r = r < lo ? lo : r;
        r = r > hi ? hi : r;
        y[x] = (uint16_t)r;
    }
}

WM_CLONES static void add_image(float *p, int channels, const int16_t *restrict d, int n)
{
    for (int x = 0; x < n; x++) {
        for (int k = 0; k < channels; k++) {
            const float v = p[(size_t)x * channels + k], r = v + (float)d[x] * (1.0f / 255.0f);
            const float lo = v < 0 ? v : 0.0f, hi = v > 1 ? v : 1.0f;
            p[(size_t)x * channels + k] = r < lo ? lo : r > hi ? hi : r;
        }
    }
}

static void mark_row(wm_embedder *w, canvas *c, int y)
{
    if (c->im) {
        add_image(c->im->data + (size_t)y * w->w * c->im->c, c->im->c, w->change, w->w);
        return;
    }
    for (int i = 0; i < c->l.planes; i++) {
        uint8_t *p = (uint8_t *)c->l.plane[i] + y * c->l.stride[i];
        if (c->l.bit_depth > 8) add_row16((uint16_t *)p, w->change, c->l.black, c->l.white, w->w);
        else add_row8(p, w->change, c->l.black, c->l.white, w->w);
    }
}

static void mark(wm_embedder *w, canvas *c, int flip)
{
    uint32_t count[ROOM + 1][256];
    make_cells(w, c);
    make_mask(w);
    shrink_mask(w);
    make_levels(w, c, flip, count);
    const bool deep = !c->im && c->l.bit_depth > 8;
    const uint32_t gain = solve_gain(count, w->mse, deep ? 4 : 1);
    for (int y = 0; y < w->h; y++) {
        dither_row(y, w->w, w->row);
        change_row(w->level + (size_t)y * w->w, w->pattern + (size_t)y * w->w, w->row, gain, flip, deep, w->change, w->w);
        mark_row(w, c, y);
    }
}

static lk_status check_size(const wm_embedder *w, int width, int height, lk_error *err)
{
    if (width == w->w && height == w->h) return LK_OK;
    return LK_FAIL(err, LK_E_ARG, "a picture of %d x %d came to a watermark of %d x %d", width, height, w->w, w->h);
}

lk_status wm_embed_frame(wm_embedder *w, lk_frame *f, double seconds, lk_error *err)
{
    canvas c = {.im = NULL};
    LK_TRY(lk_frame_luma_writable(f, &c.l, err));
    LK_TRY(check_size(w, c.l.width, c.l.height, err));
    mark(w, &c, (int64_t)floor(seconds / WM_FLIP) & 1 ? -128 : 0);
    return LK_OK;
}

lk_status wm_embed_image(wm_embedder *w, lk_image *rgb, lk_error *err)
{
    canvas c = {.im = rgb};
    LK_TRY(check_size(w, rgb->w, rgb->h, err));
    mark(w, &c, 0);
    return LK_OK;
}
