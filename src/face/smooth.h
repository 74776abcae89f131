/* smooth.h: steadier landmarks that still blink and speak. smooth.c works on a whole
 * track, two-sided and without delay; euro.c picture by picture. Both first take out
 * the rigid motion (the similarity of the 33 points), which is smoothed gently, and
 * treat what is left point by point, the less the more it moves. Internal to the room.
 */
#ifndef LK_FACE_SMOOTH_H
#define LK_FACE_SMOOTH_H

#include "face/face.h"

/* In place; lm: n pictures that follow each other, of one face. */
lk_status lk_smooth_track(lk_point (*lm)[LK_LANDMARKS], int n, lk_error *err);

/* One-euro filter (Casiez, Roussel and Vogel 2012) over the rigid motion and the shape. */
typedef struct lk_euro { float value, speed; } lk_euro;
typedef struct lk_smoother {
    bool started;
    double seconds;
    float size;                        /* outer-eye distance that speeds are measured in */
    lk_euro rigid[4];                  /* middle x, y; real and imaginary part of the turn and scale */
    lk_euro shape[LK_LANDMARKS][2];
} lk_smoother;
/* In place. {0} starts a track; seconds must rise. */
void lk_smoother_step(lk_smoother *s, double seconds, lk_point lm[LK_LANDMARKS]);

/* How freely a point may move, 0..1: brows, nose and the jaw's ends; the chin follows speech; eyelids and
 * lips. */
float lk_point_freedom(int i);

#endif
