/* pose.c: head angles from 68 points, by fitting the 3-D mean face under a scaled
 * orthographic camera (POSIT's camera, DeMenthon and Davis 1995) with
 * Levenberg-Marquardt over yaw, pitch and roll. Scale and shift have a closed form
 * for given angles and are eliminated (variable projection), so that only three
 * unknowns are searched.
 */
#include "face/shape.h"

#include <math.h>

#define DEG 0.017453292519943295
#define MAX_STEPS 30

/* First two rows of Ry(yaw) Rx(-pitch) Rz(-roll) in x right, y down, z to the viewer: the order that the
 * truth of the rendered actors uses. */
static void rotation_rows(const double a[3], double r[6])
{
    double cy = cos(a[0] * DEG), sy = sin(a[0] * DEG), cx = cos(-a[1] * DEG), sx = sin(-a[1] * DEG);
    double cz = cos(-a[2] * DEG), sz = sin(-a[2] * DEG);
    r[0] = cy * cz + sy * sx * sz;
    r[1] = -cy * sz + sy * sx * cz;
    r[2] = sy * cx;
    r[3] = cx * sz;
    r[4] = cx * cz;
    r[5] = -sx;
}

/* Weighted residuals of the best scale and shift at angles a; returns their sum of squares. centred: the
 * picture's points less their weighted mean. */
static double residuals(const double a[3], const double centred[LK_LANDMARKS][2],
                        double out[2 * LK_LANDMARKS])
{
    double r[6], q[LK_LANDMARKS][2], mx = 0, my = 0, sw = 0;
    rotation_rows(a, r);
    for (int i = 0; i < LK_LANDMARKS; i++) {
        const float *p = lk_shape_3d[i];
        double w = lk_shape_weight[i];
        q[i][0] = r[0] * p[0] + r[1] * p[1] + r[2] * p[2];
        q[i][1] = r[3] * p[0] + r[4] * p[1] + r[5] * p[2];
        mx += w * q[i][0];
        my += w * q[i][1];
        sw += w;
    }
    mx /= sw, my /= sw;
    double dot = 0, norm = 0;
    for (int i = 0; i < LK_LANDMARKS; i++) {
        double w = lk_shape_weight[i], x = q[i][0] -= mx, y = q[i][1] -= my;
        dot += w * (x * centred[i][0] + y * centred[i][1]);
        norm += w * (x * x + y * y);
    }
    double scale = dot > 0 ? dot / norm : 0,
           total = 0; /* a negative scale would be a face seen through its back */
    for (int i = 0; i < LK_LANDMARKS; i++) {
        double w = sqrt(lk_shape_weight[i]);
        double ex = w * (scale * q[i][0] - centred[i][0]), ey = w * (scale * q[i][1] - centred[i][1]);
        out[2 * i] = ex;
        out[2 * i + 1] = ey;
        total += ex * ex + ey * ey;
    }
    return total;
}

/* Solve the 3x3 system h d = g by Cramer's rule; false when singular. */
static bool solve3(double h[3][3], const double g[3], double d[3])
{
    double c0 = h[1][1] * h[2][2] - h[1][2] * h[2][1], c1 = h[1][2] * h[2][0] - h[1][0] * h[2][2];
    double c2 = h[1][0] * h[2][1] - h[1][1] * h[2][0], det = h[0][0] * c0 + h[0][1] * c1 + h[0][2] * c2;
    if (!(fabs(det) > 1e-30)) return false;
    for (int k = 0; k < 3; k++) {
        double m[3][3];
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++) m[i][j] = j == k ? g[i] : h[i][j];
        d[k] = (m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1])
                - m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0])
                + m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0]))
               / det;
    }
    return true;
}

static double refine(double a[3], const double centred[LK_LANDMARKS][2])
{
    const double eps = 0.05; /* degrees: small against the fit, large against rounding */
    double e[2 * LK_LANDMARKS], e1[2 * LK_LANDMARKS], jac[3][2 * LK_LANDMARKS],
        cost = residuals(a, centred, e), damp = 1e-3;
    for (int step = 0; step < MAX_STEPS; step++) {
        double h[3][3] = {{0}}, g[3] = {0}, d[3], b[3];
        for (int k = 0; k < 3; k++) {
            double moved[3] = {a[0], a[1], a[2]};
            moved[k] += eps;
            residuals(moved, centred, e1);
            for (int i = 0; i < 2 * LK_LANDMARKS; i++) jac[k][i] = (e1[i] - e[i]) / eps;
        }
        for (int k = 0; k < 3; k++)
            for (int i = 0; i < 2 * LK_LANDMARKS; i++) {
                g[k] -= jac[k][i] * e[i];
                for (int l = 0; l < 3; l++) h[k][l] += jac[k][i] * jac[l][i];
            }
        for (int k = 0; k < 3; k++) h[k][k] *= 1 + damp;
        if (!solve3(h, g, d)) break;
        for (int k = 0; k < 3; k++) b[k] = a[k] + LK_CLAMP(d[k], -25, 25);
        double next = residuals(b, centred, e1);
        if (next < cost) {
            for (int k = 0; k < 3; k++) a[k] = b[k];
            for (int i = 0; i < 2 * LK_LANDMARKS; i++) e[i] = e1[i];
            cost = next;
            damp *= 0.3;
        } else damp *= 10;
        if (fabs(d[0]) + fabs(d[1]) + fabs(d[2]) < 0.01) break;
    }
    return cost;
}

static double wrap(double deg) { return deg - 360 * floor((deg + 180) / 360); }

void lk_face_pose(const lk_point lm[LK_LANDMARKS], float *yaw, float *pitch, float *roll)
{
    double centred[LK_LANDMARKS][2], mx = 0, my = 0, sw = 0;
    for (int i = 0; i < LK_LANDMARKS; i++) {
        mx += (double)lk_shape_weight[i] * lm[i].x;
        my += (double)lk_shape_weight[i] * lm[i].y;
        sw += lk_shape_weight[i];
    }
    for (int i = 0; i < LK_LANDMARKS; i++) {
        centred[i][0] = lm[i].x - mx / sw;
        centred[i][1] = lm[i].y - my / sw;
    }
    /* The roll of the flat fit is a good start whatever the head does in the picture (upside down too); the
     * sign of the yaw is not known, so three starts. */
    lk_point mean[LK_LANDMARKS];
    for (int i = 0; i < LK_LANDMARKS; i++) mean[i] = (lk_point){lk_shape_2d[i][0], lk_shape_2d[i][1]};
    lk_affine flat = lk_similarity_rigid(lm, mean);
    double roll0 = atan2(flat.d, flat.a) / DEG, best = INFINITY, answer[3] = {0};
    for (int start = -1; start <= 1; start++) {
        double a[3] = {40.0 * start, 0, roll0};
        double cost = refine(a, centred);
        if (cost < best) {
            best = cost;
            for (int k = 0; k < 3; k++) answer[k] = a[k];
        }
    }
    *yaw = (float)wrap(answer[0]);
    *pitch = (float)wrap(answer[1]);
    *roll = (float)wrap(answer[2]);
}
