/* align.c: the similarity that brings a face to the mean shape, and the mean shape
 * in crop pixels.
 *
 * A crop of coverage 1 is 2.2 outer-eye distances wide. Its middle lies half such a
 * distance below the centroid of the 33 points, so that the frontal mean face takes
 * 69 % of its width and 71 % of its height (brows 12 %, chin 17 % from the edges).
 * A turned head would leave that crop on one side, because the fit follows the front
 * of the face; the crop is therefore slid sideways with the nose, whose offset from
 * the fit tells how far the head is turned. Measured on 12,400 rendered frames: all
 * 68 points are inside in every frame to +-45 degrees of yaw and in 98.8 % of the
 * frames between 45 and 60 (without the slide 25 % of the frames between 30 and 45,
 * or a crop a quarter wider for everybody).
 */
#include "face/shape.h"

#include <math.h>

#define CROP_SIDE 2.2f    /* outer-eye distances, coverage 1 */
#define CROP_DROP 0.5f    /* from the centroid of the 33 points down to the middle of the crop */
/* Middle of the 68 points' extent over the offset of the nose ridge (points 29, 30), both in mean-shape
 * units: regression over the same frames, residual deviation 0.026. */
#define SLIDE_GAIN (-1.69f)
#define SLIDE_LIMIT 0.4f  /* of the nose offset; a profile shows 0.35 */

int lk_align_point(int i)
{
    static const int corners[2] = {48, 54};
    return i < 31 ? 17 + i : corners[i - 31];
}

/* Umeyama (1991) for two dimensions: with the points as complex numbers the best rotation and scale is one
 * complex division, which can never be a reflection, so that no SVD is needed. */
lk_affine lk_similarity_fit(const lk_point *from, const lk_point *to, const float *weight, int n)
{
    double fx = 0, fy = 0, tx = 0, ty = 0, sum = 0;
    for (int i = 0; i < n; i++) {
        double w = weight ? weight[i] : 1.0;
        fx += w * from[i].x;
        fy += w * from[i].y;
        tx += w * to[i].x;
        ty += w * to[i].y;
        sum += w;
    }
    if (!(sum > 0)) return (lk_affine){1, 0, 0, 0, 1, 0};
    fx /= sum, fy /= sum, tx /= sum, ty /= sum;
    double re = 0, im = 0, var = 0;
    for (int i = 0; i < n; i++) {
        double w = weight ? weight[i] : 1.0;
        double px = from[i].x - fx, py = from[i].y - fy, qx = to[i].x - tx, qy = to[i].y - ty;
        re += w * (px * qx + py * qy);
        im += w * (px * qy - py * qx);
        var += w * (px * px + py * py);
    }
    double c = 1, s = 0;
    if (var > 1e-12 * sum && re * re + im * im > 0) c = re / var, s = im / var;
    return (lk_affine){(float)c, (float)-s, (float)(tx - c * fx + s * fy),
                       (float)s, (float)c,  (float)(ty - s * fx - c * fy)};
}

lk_affine lk_similarity_rigid(const lk_point from[LK_LANDMARKS], const lk_point to[LK_LANDMARKS])
{
    lk_point f[LK_ALIGN_POINTS], t[LK_ALIGN_POINTS];
    for (int i = 0; i < LK_ALIGN_POINTS; i++) {
        f[i] = from[lk_align_point(i)];
        t[i] = to[lk_align_point(i)];
    }
    return lk_similarity_fit(f, t, NULL, LK_ALIGN_POINTS);
}

/* Mean-shape units to crop pixels. */
static lk_affine unit_to_crop(int size, float coverage)
{
    float k = (float)size / (CROP_SIDE * coverage), mid = 0.5f * (float)(size - 1);
    return (lk_affine){k, 0, mid, 0, k, mid - CROP_DROP * k};
}

lk_affine lk_face_align(const lk_point lm[LK_LANDMARKS], int size, float coverage)
{
    lk_point mean[LK_LANDMARKS];
    for (int i = 0; i < LK_LANDMARKS; i++) mean[i] = (lk_point){lk_shape_2d[i][0], lk_shape_2d[i][1]};
    lk_affine m = lk_similarity_rigid(lm, mean);
    float nose = 0.5f * (lk_point_map(m, lm[29]).x + lk_point_map(m, lm[30]).x);
    m.c -= SLIDE_GAIN * LK_CLAMP(nose, -SLIDE_LIMIT, SLIDE_LIMIT);
    return lk_affine_mul(unit_to_crop(size, coverage), m);
}

void lk_face_mean_shape(int size, float coverage, lk_point out[LK_LANDMARKS])
{
    lk_affine m = unit_to_crop(size, coverage);
    for (int i = 0; i < LK_LANDMARKS; i++)
        out[i] = lk_point_map(m, (lk_point){lk_shape_2d[i][0], lk_shape_2d[i][1]});
}

float lk_face_interocular(const lk_point lm[LK_LANDMARKS])
{
    return hypotf(lm[45].x - lm[36].x, lm[45].y - lm[36].y);
}

int lk_landmark_twin(int i)
{
    static const unsigned char twin[LK_LANDMARKS] = {
        16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, /* jaw */
        26, 25, 24, 23, 22, 21, 20, 19, 18, 17,                   /* brows */
        27, 28, 29, 30, 35, 34, 33, 32, 31,                       /* nose */
        45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40,           /* eyes */
        54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55,           /* outer lips */
        64, 63, 62, 61, 60, 67, 66, 65,                           /* inner lips */
    };
    return twin[i];
}

void lk_landmarks_mirror(lk_point lm[LK_LANDMARKS], float w)
{
    lk_point old[LK_LANDMARKS];
    for (int i = 0; i < LK_LANDMARKS; i++) old[i] = lm[i];
    for (int i = 0; i < LK_LANDMARKS; i++) {
        lm[i] = old[lk_landmark_twin(i)];
        lm[i].x = w - 1 - lm[i].x;
    }
}
