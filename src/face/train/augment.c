#include "face/train/augment.h"

#include <math.h>
#include <string.h>

#define PI 3.14159265f

lk_affine lk_affine_shift(float x, float y) { return (lk_affine){1, 0, x, 0, 1, y}; }
lk_affine lk_affine_mirror(int w) { return (lk_affine){-1, 0, (float)(w - 1), 0, 1, 0}; }

lk_affine lk_affine_about(float cx, float cy, float degrees, float sx, float sy, float shear)
{
    float c = cosf(degrees * PI / 180), s = sinf(degrees * PI / 180);
    lk_affine turn = {c, -s, 0, s, c, 0}, stretch = {sx, shear, 0, 0, sy, 0};
    return lk_affine_mul(lk_affine_shift(cx, cy),
                         lk_affine_mul(lk_affine_mul(turn, stretch), lk_affine_shift(-cx, -cy)));
}

void lk_mirror_permutation(int perm[LK_LANDMARKS])
{
    lk_point p[LK_LANDMARKS];
    for (int i = 0; i < LK_LANDMARKS; i++) p[i] = (lk_point){(float)i, 0};
    lk_landmarks_mirror(p, 1); /* x -> -x, order mirrored */
    for (int i = 0; i < LK_LANDMARKS; i++) perm[i] = (int)lrintf(-p[i].x);
}

/* Exposure, contrast, gamma, white balance and saturation, and a gradient of light across the picture. */
static void light(float *rgb, int w, int h, float strength, lk_rng *r)
{
    float gain[3], base = expf(lk_rng_range(r, -0.45f, 0.35f) * strength);
    for (int c = 0; c < 3; c++) gain[c] = base * expf(lk_rng_range(r, -0.16f, 0.16f) * strength);
    float lift = lk_rng_range(r, -0.06f, 0.08f) * strength;
    float curve = lk_rng_range(r, -0.5f, 0.5f) * strength; /* y + curve * y * (1 - y): a gamma without powf */
    float saturation = 1 + lk_rng_range(r, -0.6f, 0.4f) * strength;
    if (lk_rng_uniform(r) < 0.15f * strength) saturation = 0;
    float angle = lk_rng_range(r, 0, 2 * PI),
          slope = lk_rng_uniform(r) < 0.6f ? lk_rng_range(r, 0, 1.0f) * strength : 0;
    float gx = cosf(angle) * slope / w, gy = sinf(angle) * slope / h;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            float *p = rgb + (y * w + x) * 3;
            float lit = 1 + gx * (x - w * 0.5f) + gy * (y - h * 0.5f);
            float grey = 0.3f * p[0] + 0.59f * p[1] + 0.11f * p[2];
            for (int c = 0; c < 3; c++) {
                float v = (grey + (p[c] - grey) * saturation) * gain[c] * lit + lift;
                v = LK_CLAMP(v, 0.0f, 1.0f);
                p[c] = v + curve * v * (1 - v);
            }
        }
}

/* Three-tap binomial blur, both ways; weight of the neighbours 0..1/3. */
static void blur(float *rgb, int w, int h, float side, float *scratch)
{
    float mid = 1 - 2 * side;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            const float *a = rgb + (y * w + LK_MAX(x - 1, 0)) * 3, *b = rgb + (y * w + x) * 3,
                        *c = rgb + (y * w + LK_MIN(x + 1, w - 1)) * 3;
            for (int k = 0; k < 3; k++) scratch[(y * w + x) * 3 + k] = side * (a[k] + c[k]) + mid * b[k];
        }
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w * 3; x++)
            rgb[y * w * 3 + x] =
                side * (scratch[LK_MAX(y - 1, 0) * w * 3 + x] + scratch[LK_MIN(y + 1, h - 1) * w * 3 + x]) +
                mid * scratch[y * w * 3 + x];
}

/* Down to 1/f of the resolution and back up: a face that was small in its frame. */
static void low_resolution(float *rgb, int w, int h, float f, float *scratch)
{
    int sw = LK_MAX((int)(w / f), 2), sh = LK_MAX((int)(h / f), 2);
    for (int y = 0; y < sh; y++)
        for (int x = 0; x < sw; x++) {
            int x0 = x * w / sw, x1 = LK_MAX((x + 1) * w / sw, x0 + 1), y0 = y * h / sh,
                y1 = LK_MAX((y + 1) * h / sh, y0 + 1);
            float sum[3] = {0};
            for (int yy = y0; yy < y1; yy++)
                for (int xx = x0; xx < x1; xx++)
                    for (int c = 0; c < 3; c++) sum[c] += rgb[(yy * w + xx) * 3 + c];
            for (int c = 0; c < 3; c++) scratch[(y * sw + x) * 3 + c] = sum[c] / ((x1 - x0) * (y1 - y0));
        }
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            float sx = LK_CLAMP((x + 0.5f) * sw / w - 0.5f, 0.0f, sw - 1.0f),
                  sy = LK_CLAMP((y + 0.5f) * sh / h - 0.5f, 0.0f, sh - 1.0f);
            int x0 = (int)sx, y0 = (int)sy, x1 = LK_MIN(x0 + 1, sw - 1), y1 = LK_MIN(y0 + 1, sh - 1);
            float fx = sx - x0, fy = sy - y0;
            for (int c = 0; c < 3; c++) {
                float top = scratch[(y0 * sw + x0) * 3 + c] * (1 - fx) + scratch[(y0 * sw + x1) * 3 + c] * fx;
                float low = scratch[(y1 * sw + x0) * 3 + c] * (1 - fx) + scratch[(y1 * sw + x1) * 3 + c] * fx;
                rgb[(y * w + x) * 3 + c] = top * (1 - fy) + low * fy;
            }
        }
}

static void noise(float *rgb, int w, int h, float sigma, lk_rng *r)
{
    float k = sigma * 3.46f / 65536; /* a uniform draw of that deviation; two to a word */
    int n = w * h * 3;
    for (int i = 0; i < n; i += 2) {
        uint32_t u = lk_rng_u32(r);
        rgb[i] += ((float)(u & 0xffff) - 32767.5f) * k;
        if (i + 1 < n) rgb[i + 1] += ((float)(u >> 16) - 32767.5f) * k;
    }
}

/* What 8x8 block coding does to a picture: coefficients rounded to a step that grows with frequency. */
static void blocks(float *rgb, int w, int h, float step, lk_rng *r)
{
    float basis[8][8], grid[8][8], tmp[8][8];
    for (int u = 0; u < 8; u++)
        for (int x = 0; x < 8; x++) basis[u][x] = (u ? 0.5f : 0.35355339f) * cosf((2 * x + 1) * u * PI / 16);
    int ox = (int)lk_rng_below(r, 8), oy = (int)lk_rng_below(r, 8);
    for (int by = oy; by + 8 <= h; by += 8)
        for (int bx = ox; bx + 8 <= w; bx += 8)
            for (int c = 0; c < 3; c++) {
                float *p = rgb + (by * w + bx) * 3 + c;
                for (int y = 0; y < 8; y++)
                    for (int u = 0; u < 8; u++) {
                        float s = 0;
                        for (int x = 0; x < 8; x++) s += basis[u][x] * p[(y * w + x) * 3];
                        tmp[y][u] = s;
                    }
                for (int v = 0; v < 8; v++)
                    for (int u = 0; u < 8; u++) {
                        float s = 0, q = step * (1 + 0.5f * (u + v));
                        for (int y = 0; y < 8; y++) s += basis[v][y] * tmp[y][u];
                        grid[v][u] = rintf(s / q) * q;
                    }
                for (int v = 0; v < 8; v++)
                    for (int x = 0; x < 8; x++) {
                        float s = 0;
                        for (int u = 0; u < 8; u++) s += basis[u][x] * grid[v][u];
                        tmp[v][x] = s;
                    }
                for (int y = 0; y < 8; y++)
                    for (int x = 0; x < 8; x++) {
                        float s = 0;
                        for (int v = 0; v < 8; v++) s += basis[v][y] * tmp[v][x];
                        p[(y * w + x) * 3] = s;
                    }
            }
}

void lk_augment_photo(float *rgb, int w, int h, float strength, lk_rng *r, float *scratch)
{
    light(rgb, w, h, strength, r);
    float u = lk_rng_uniform(r);
    if (u < 0.30f * strength) {
        int times = 1 + (int)lk_rng_below(r, 3);
        for (int i = 0; i < times; i++) blur(rgb, w, h, lk_rng_range(r, 0.1f, 0.3f), scratch);
    } else if (u < 0.50f * strength) {
        low_resolution(rgb, w, h, lk_rng_range(r, 1.3f, 3.5f), scratch);
    }
    if (lk_rng_uniform(r) < 0.5f * strength) noise(rgb, w, h, lk_rng_range(r, 0.005f, 0.05f) * strength, r);
    if (lk_rng_uniform(r) < 0.25f * strength) blocks(rgb, w, h, lk_rng_range(r, 0.02f, 0.12f), r);
    for (int i = 0; i < w * h * 3; i++) rgb[i] = LK_CLAMP(rgb[i], 0.0f, 1.0f);
}

void lk_augment_occlude(float *rgb, int w, int h, const lk_pic *texture, float *mask, lk_rng *r)
{
    float cx = lk_rng_range(r, 0, (float)w), cy = lk_rng_range(r, 0.1f * h, 1.1f * h);
    float rx = lk_rng_range(r, 0.06f, 0.25f) * w, ry = lk_rng_range(r, 0.06f, 0.25f) * h;
    bool ellipse = lk_rng_uniform(r) < 0.5f, flat = !texture || lk_rng_uniform(r) < 0.4f;
    float colour[3] = {lk_rng_uniform(r), lk_rng_uniform(r), lk_rng_uniform(r)};
    float turn = lk_rng_range(r, 0, 180);
    lk_affine in = lk_affine_about(cx, cy, turn, 1, 1, 0);
    lk_affine to_texture = {0};
    if (!flat) {
        float s = lk_rng_range(r, 0.5f, 2.0f);
        to_texture = (lk_affine){s, 0, lk_rng_range(r, 0, (float)texture->w) - s * cx,
                                 0, s, lk_rng_range(r, 0, (float)texture->h) - s * cy};
    }
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            float px, py;
            lk_affine_apply(in, (float)x, (float)y, &px, &py);
            px = (px - cx) / rx;
            py = (py - cy) / ry;
            if (ellipse ? px * px + py * py > 1 : fabsf(px) > 1 || fabsf(py) > 1) continue;
            float *p = rgb + (y * w + x) * 3;
            if (flat) memcpy(p, colour, sizeof colour);
            else
                lk_pic_sample(texture, lk_affine_mul(to_texture, lk_affine_shift((float)x, (float)y)), true,
                              p, 1, 1);
            if (mask) mask[y * w + x] = 0;
        }
}
