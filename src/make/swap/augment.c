/* augment.c: one training picture. What the network sees and what it should make
 * of it share geometry and light; only the warp and a little colour noise are the
 * input's own, so that decoding means undoing them.
 *
 * Light: gain, gamma and a smooth field across the face are drawn at random and
 * put on BOTH pictures. A decoder that has only met its person's own room would
 * paint that room's light into every scene; one that met many follows the light
 * that the code describes. Tone: the source is moved towards skin tones of the
 * destination for the same reason.
 *
 * Warp: a coarse grid of random displacements, as DeepFaceLab and faceswap do. */
#include "make/swap/train.h"

#include <math.h>
#include <string.h>

#define GRID 5       /* nodes a side of the warp */
#define TABLE 256

typedef struct look { float table[3][TABLE]; float field[6], tint[3]; } look;

void swap_sample_tone(const lk_sample *s, float tone[3])
{
    double sum[3] = {0}, n = 0;
    for (int i = 0; i < LK_SAMPLE_SIZE * LK_SAMPLE_SIZE; i += 5) {
        if (s->mask[i] < 128) continue;
        for (int k = 0; k < 3; k++) sum[k] += s->rgb[3 * i + k];
        n++;
    }
    for (int k = 0; k < 3; k++) tone[k] = n > 0 ? (float)LK_MAX(sum[k] / (n * 255.0), 0.02) : 0.5f;
}

/* Draws are taken whether they are used or not, so that one option does not shift the others. */
static void draw_look(const swap_pick *pick, const swap_augment *how, lk_rng *r, look *l)
{
    float gain[3], all = lk_rng_normal(r) * 0.12f * how->light;
    float gamma = expf(lk_rng_normal(r) * 0.10f * how->light);
    float towards = lk_rng_range(r, 0.3f, 1.1f);
    bool move = lk_rng_uniform(r) < how->tone;
    for (int k = 0; k < 3; k++) {
        float own = lk_rng_normal(r) * 0.04f * how->light;
        float tone = 0.0f;
        if (move && pick->tone_from && pick->tone_to)
            tone = logf(pick->tone_to[k] / pick->tone_from[k]) * towards;
        gain[k] = expf(LK_CLAMP(all + own + tone, -1.0f, 1.0f));
        /* gamma about the face's own tone, so that it changes contrast and not brightness */
        float pivot = pick->tone_from ? pick->tone_from[k] : 0.5f;
        float keep = powf(pivot, 1.0f - gamma);
        for (int i = 0; i < TABLE; i++) l->table[k][i] = gain[k] * keep * powf((float)i / 255.0f, gamma);
    }
    for (int i = 0; i < 6; i++) l->field[i] = lk_rng_normal(r) * how->light * (i < 2 ? 0.14f : 0.06f);
    l->field[5] = 0.0f;
    for (int k = 0; k < 3; k++) l->tint[k] = 1.0f + lk_rng_normal(r) * 0.25f;
}

static float light_at(const look *l, float x, float y, int k)
{
    const float *f = l->field;
    float v = 1.0f + l->tint[k] * (f[0] * x + f[1] * y + f[2] * x * y + f[3] * (x * x - 0.33f) +
                                   f[4] * (y * y - 0.33f));
    return LK_CLAMP(v, 0.4f, 1.8f);
}

/* Bilinear, edges clamped; colours through the table before they are mixed. */
static void fetch_rgb(const lk_sample *s, const look *l, float x, float y, float out[3])
{
    const int w = LK_SAMPLE_SIZE;
    x = LK_CLAMP(x, 0.0f, (float)w - 1.001f);
    y = LK_CLAMP(y, 0.0f, (float)w - 1.001f);
    int ix = (int)x, iy = (int)y;
    float fx = x - (float)ix, fy = y - (float)iy;
    const uint8_t *p = s->rgb + 3 * (iy * w + ix), *q = p + 3 * w;
    float a = (1 - fx) * (1 - fy), b = fx * (1 - fy), c = (1 - fx) * fy, d = fx * fy;
    for (int k = 0; k < 3; k++)
        out[k] = a * l->table[k][p[k]] + b * l->table[k][p[3 + k]] + c * l->table[k][q[k]] +
            d * l->table[k][q[3 + k]];
}

static float fetch_mask(const lk_sample *s, float x, float y)
{
    const int w = LK_SAMPLE_SIZE;
    if (x < 0.0f || y < 0.0f || x > (float)w - 1.001f || y > (float)w - 1.001f) return 0.0f;
    int ix = (int)x, iy = (int)y;
    float fx = x - (float)ix, fy = y - (float)iy;
    const uint8_t *p = s->mask + iy * w + ix;
    float v = (1 - fx) * (1 - fy) * p[0] + fx * (1 - fy) * p[1] + (1 - fx) * fy * p[w] + fx * fy * p[w + 1];
    return fminf(v * (1.0f / 255.0f), 1.0f);
}

static void warp_at(const float node[GRID][GRID][2], float u, float v, float *dx, float *dy)
{
    float x = LK_CLAMP(u, 0.0f, 0.9999f) * (GRID - 1), y = LK_CLAMP(v, 0.0f, 0.9999f) * (GRID - 1);
    int ix = (int)x, iy = (int)y;
    float fx = x - (float)ix, fy = y - (float)iy;
    fx = fx * fx * (3 - 2 * fx); /* smooth across cells */
    fy = fy * fy * (3 - 2 * fy);
    for (int k = 0; k < 2; k++) {
        float top = node[iy][ix][k] + fx * (node[iy][ix + 1][k] - node[iy][ix][k]);
        float low = node[iy + 1][ix][k] + fx * (node[iy + 1][ix + 1][k] - node[iy + 1][ix][k]);
        *(k ? dy : dx) = top + fy * (low - top);
    }
}

/* Ellipses over eyes and mouth, in crop pixels: where people look first. */
typedef struct spot { float x, y, rx, ry; } spot;

static spot spot_of(const lk_point *p, int from, int to, float widen, float least)
{
    float x0 = p[from].x, x1 = x0, y0 = p[from].y, y1 = y0;
    for (int i = from + 1; i <= to; i++) {
        x0 = fminf(x0, p[i].x);
        x1 = fmaxf(x1, p[i].x);
        y0 = fminf(y0, p[i].y);
        y1 = fmaxf(y1, p[i].y);
    }
    float rx = (x1 - x0) * 0.5f * widen, ry = fmaxf((y1 - y0) * 0.5f * widen, rx * least);
    return (spot){(x0 + x1) * 0.5f, (y0 + y1) * 0.5f, fmaxf(rx, 1.0f), fmaxf(ry, 1.0f)};
}

static float spot_weight(const spot *s, float x, float y)
{
    float u = (x - s->x) / s->rx, v = (y - s->y) / s->ry, d = u * u + v * v;
    return d < 1.0f ? 1.0f : d < 2.25f ? (2.25f - d) * 0.8f : 0.0f;
}

void swap_augment_make(const swap_pick *pick, const swap_augment *how, const lk_swap_config *c, lk_rng *r,
                       float *input, float *target, float *mask, float *weight)
{
    const int size = c->size;
    const float half = 0.5f * (float)(size - 1);
    look light, noise;
    draw_look(pick, how, r, &light);
    memcpy(noise.field, light.field, sizeof noise.field);
    memcpy(noise.tint, light.tint, sizeof noise.tint);
    for (int k = 0; k < 3; k++) {
        float g = 1.0f + lk_rng_normal(r) * 0.02f * how->light;
        for (int i = 0; i < TABLE; i++) noise.table[k][i] = light.table[k][i] * g;
    }
    float angle = lk_rng_normal(r) * how->rotate * 0.01745329f, zoom = expf(lk_rng_normal(r) * how->scale);
    float sx = lk_rng_normal(r) * how->shift * (float)size, sy = lk_rng_normal(r) * how->shift * (float)size;
    bool mirror = lk_rng_uniform(r) < 0.5f && how->mirror;
    float node[GRID][GRID][2];
    float strength = how->warp * (float)size * lk_rng_range(r, 0.3f, 1.3f);
    for (int y = 0; y < GRID; y++)
        for (int x = 0; x < GRID; x++)
            for (int k = 0; k < 2; k++) node[y][x][k] = lk_rng_normal(r) * strength;

    /* Crop pixel -> jitter about the centre -> sample pixel. The sample's own landmarks say where the crop
     * lies. */
    lk_point lm[LK_LANDMARKS];
    memcpy(lm, pick->seen.lm, sizeof lm);
    lk_affine crop = lk_face_align(lm, size, c->coverage), to_sample = lk_affine_invert(crop);
    float ca = cosf(angle) * zoom, sa = sinf(angle) * zoom, flip = mirror ? -1.0f : 1.0f;
    lk_affine jitter = {ca * flip, -sa, half + sx - ca * flip * half + sa * half, sa * flip, ca,
                        half + sy - sa * flip * half - ca * half};
    lk_affine m = lk_affine_mul(to_sample, jitter), back = lk_affine_invert(m);

    for (int i = 0; i < LK_LANDMARKS; i++) {
        lk_point p = {pick->wanted.lm[2 * i], pick->wanted.lm[2 * i + 1]};
        lk_affine_apply(back, p.x, p.y, &lm[i].x, &lm[i].y);
    }
    spot spots[3] = {spot_of(lm, 36, 41, 1.25f, 0.55f), spot_of(lm, 42, 47, 1.25f, 0.55f),
                     spot_of(lm, 48, 67, 1.1f, 0.5f)};

    for (int y = 0; y < size; y++)
        for (int x = 0; x < size; x++) {
            int i = y * size + x;
            float px, py, dx, dy;
            lk_affine_apply(m, (float)x, (float)y, &px, &py);
            float u = ((float)x - half) / half, v = ((float)y - half) / half;
            float rgb[3], seen[3];
            fetch_rgb(&pick->wanted, &light, px, py, rgb);
            warp_at(node, (u + 1) * 0.5f, (v + 1) * 0.5f, &dx, &dy);
            lk_affine_apply(m, (float)x + dx, (float)y + dy, &px, &py);
            fetch_rgb(&pick->seen, &noise, px, py, seen);
            for (int k = 0; k < 3; k++) {
                float g = light_at(&light, u, v, k);
                target[3 * i + k] = LK_CLAMP(rgb[k] * g, 0.0f, 1.0f);
                input[3 * i + k] = LK_CLAMP(seen[k] * g, 0.0f, 1.0f);
            }
            lk_affine_apply(m, (float)x, (float)y, &px, &py);
            mask[i] = fetch_mask(&pick->wanted, px, py);
            float eyes = 0.0f;
            for (int k = 0; k < 3; k++) eyes = fmaxf(eyes, spot_weight(&spots[k], (float)x, (float)y));
            weight[i] = 0.02f + mask[i] * (1.0f + 3.0f * eyes);
        }
}
