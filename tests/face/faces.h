/* faces.h: faces made from the mean shape, for tests: in the plane, and turned in
 * space with the angles of the room's convention.
 */
#ifndef LK_TESTS_FACE_FACES_H
#define LK_TESTS_FACE_FACES_H

#include "face/shape.h"

#include <math.h>

/* Frontal mean face: centroid of the 33 points at x, y; outer-eye distance `io` px; turned clockwise by
 * `roll` degrees. */
static inline void flat_face(float x, float y, float io, float roll, lk_point lm[LK_LANDMARKS])
{
    float c = io * cosf(roll * 0.01745329f), s = io * sinf(roll * 0.01745329f);
    for (int i = 0; i < LK_LANDMARKS; i++) {
        float u = lk_shape_2d[i][0], v = lk_shape_2d[i][1];
        lm[i] = (lk_point){x + c * u - s * v, y + s * u + c * v};
    }
}

/* The 3-D mean face seen by an orthographic camera. Angles as in lk_face: yaw > 0 to the right of the
 * picture, pitch > 0 down, roll > 0 anticlockwise. Written out step by step, unlike pose.c: first roll, then
 * pitch, then yaw. */
static inline void posed_face(float x, float y, float io, float yaw, float pitch, float roll,
                              lk_point lm[LK_LANDMARKS])
{
    const double deg = 0.017453292519943295;
    for (int i = 0; i < LK_LANDMARKS; i++) {
        double px = lk_shape_3d[i][0], py = lk_shape_3d[i][1], pz = lk_shape_3d[i][2], a, b;
        a = px * cos(roll * deg)
            + py * sin(roll * deg); /* y is down: anticlockwise lifts what lies to the right */
        b = -px * sin(roll * deg) + py * cos(roll * deg);
        px = a, py = b;
        a = py * cos(pitch * deg) + pz * sin(pitch * deg); /* the nose, nearest to the viewer, goes down */
        b = -py * sin(pitch * deg) + pz * cos(pitch * deg);
        py = a, pz = b;
        a = px * cos(yaw * deg) + pz * sin(yaw * deg); /* and to the right */
        px = a;
        lm[i] = (lk_point){(float)(x + io * px), (float)(y + io * py)};
    }
}

#endif
