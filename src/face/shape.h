/* shape.h: the mean face (tables in shape.c, made by tools/mean_shape.py) and the
 * small geometry that alignment, pose, tracking and smoothing share. Internal to
 * the room.
 */
#ifndef LK_FACE_SHAPE_H
#define LK_FACE_SHAPE_H

#include "face/face.h"

/* Unit: distance of the outer eye corners; origin: centroid of the 33 alignment points; x right, y down,
 * z to the viewer. */
extern const float lk_shape_2d[LK_LANDMARKS][2];
extern const float lk_shape_3d[LK_LANDMARKS][3];
extern const float lk_shape_weight[LK_LANDMARKS]; /* inverse mean squared residual of each point, mean 1 */

/* The 33 points that speech does not move: brows, nose, eyes and the two outer mouth corners. */
#define LK_ALIGN_POINTS 33
int lk_align_point(int i); /* 0..32 -> landmark number */

/* Least-squares similarity (no reflection) from `from` to `to`. weight may be NULL. When the points of `from`
 * coincide, a pure shift. */
lk_affine lk_similarity_fit(const lk_point *from, const lk_point *to, const float *weight, int n);
/* The same from the 33 alignment points of one face to those of another. */
lk_affine lk_similarity_rigid(const lk_point from[LK_LANDMARKS], const lk_point to[LK_LANDMARKS]);
static inline lk_point lk_point_map(lk_affine m, lk_point p)
{
    return (lk_point){m.a * p.x + m.b * p.y + m.c, m.d * p.x + m.e * p.y + m.f};
}

/* Landmark number of point i in the mirrored face. */
int lk_landmark_twin(int i);

#endif
