/* Other light on a face that was photographed under soft light from the front: the
 * picture times the quotient of two shadings of one rough head (the quotient image:
 * Riklin-Raviv and Shashua 2001). The head is an ellipsoid with a nose; what it
 * lacks in truth it has in variety, and a network that must not care about light
 * needs no more.
 */
#include "face/train/augment.h"

#include <math.h>

/* The head in the unit of the mean shape: distance of the outer eye corners, origin amid the 33 points. */
static const float centre_y = 0.30f, half_w = 0.86f, half_h = 1.15f, deep = 0.85f;

static float depth(float x, float y)
{
    float u = x / half_w, v = (y - centre_y) / half_h, d = 1 - u * u - v * v;
    float ridge = x * x / (0.11f * 0.11f), down = (y - 0.22f) / 0.24f; /* highest at the tip */
    float brow = (y + 0.22f) / 0.10f;
    return deep * sqrtf(fmaxf(d, 0.02f)) + 0.24f * expf(-ridge - down * down) +
           0.04f * expf(-brow * brow - x * x / 0.25f);
}

void lk_augment_relight(float *rgb, int size, float strength, lk_rng *r)
{
    lk_point mean[LK_LANDMARKS];
    lk_face_mean_shape(size, LK_FACE_CROP_COVERAGE, mean);
    float unit = mean[45].x - mean[36].x, ox = mean[30].x, oy = mean[27].y + 0.1079f * unit;
    float azimuth = lk_rng_range(r, -1.25f, 1.25f), height = lk_rng_range(r, -0.35f, 1.0f);
    float light[3] = {sinf(azimuth) * cosf(height), -sinf(height), cosf(azimuth) * cosf(height)};
    float ambient = lk_rng_range(r, 0.25f, 0.8f), direct = (1.15f - ambient) * lk_rng_range(r, 0.8f, 1.5f);
    float tint[3], h = 0.02f;
    for (int c = 0; c < 3; c++) tint[c] = 1 + lk_rng_range(r, -0.12f, 0.12f);
    for (int y = 0; y < size; y++)
        for (int x = 0; x < size; x++) {
            float u = (x - ox) / unit, v = (y - oy) / unit, z = depth(u, v);
            float nx = -(depth(u + h, v) - z) / h, ny = -(depth(u, v + h) - z) / h;
            float n = 1 / sqrtf(nx * nx + ny * ny + 1);
            float now = fmaxf((nx * light[0] + ny * light[1] + light[2]) * n, 0);
            float was = 0.55f + 0.45f * n;
            float *p = rgb + (y * size + x) * 3;
            for (int c = 0; c < 3; c++) {
                float q = (ambient + direct * now * tint[c]) / was;
                p[c] *= 1 + strength * (LK_CLAMP(q, 0.15f, 2.0f) - 1);
            }
        }
}
