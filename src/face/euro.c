/* euro.c: landmark smoothing without the future. A low-pass whose cut-off rises with
 * the speed of what it follows: at rest it averages, in motion it lets through (the
 * 1-euro filter: Casiez, Roussel and Vogel, CHI 2012). Eyelids and lips start at a
 * cut-off so high that only their trembling at rest is touched.
 */
#include "face/shape.h"
#include "face/smooth.h"

#include <math.h>
#include <string.h>

#define SPEED_HZ 2.0f        /* cut-off of the speed estimate */
#define RIGID_HZ 3.0f        /* cut-off at rest */
#define RIGID_GAIN 30.0f     /* Hz per outer-eye distance a second */
#define STILL_HZ 1.5f
#define STILL_GAIN 40.0f
#define FREE_HZ 9.0f
#define FREE_GAIN 90.0f

static float blend(float hz, float dt)
{
    float tau = 1 / (6.2831853f * hz);
    return 1 / (1 + tau / dt);
}

/* unit: how much of the value one outer-eye distance is. */
static float step(lk_euro *e, float x, float dt, float hz, float gain, float unit)
{
    float speed = (x - e->value) / dt;
    e->speed += blend(SPEED_HZ, dt) * (speed - e->speed);
    /* The larger of the two: a blink must not wait for the averaged speed. */
    float fast = fmaxf(fabsf(e->speed), fabsf(speed) * 0.5f) / unit;
    e->value += blend(hz + gain * fast, dt) * (x - e->value);
    return e->value;
}

void lk_smoother_step(lk_smoother *s, double seconds, lk_point lm[LK_LANDMARKS])
{
    lk_point mean[LK_LANDMARKS];
    for (int i = 0; i < LK_LANDMARKS; i++) mean[i] = (lk_point){lk_shape_2d[i][0], lk_shape_2d[i][1]};
    lk_affine to_mean = lk_similarity_rigid(lm, mean), back = lk_affine_invert(to_mean);
    float r[4] = {back.c, back.f, back.a, back.d}, dt = (float)(seconds - s->seconds);
    if (!s->started || !(dt > 0) || dt > 1) {
        for (int k = 0; k < 4; k++) s->rigid[k] = (lk_euro){r[k], 0};
        for (int i = 0; i < LK_LANDMARKS; i++) {
            lk_point q = lk_point_map(to_mean, lm[i]);
            s->shape[i][0] = (lk_euro){q.x, 0};
            s->shape[i][1] = (lk_euro){q.y, 0};
        }
        s->started = true;
        s->seconds = seconds;
        s->size = hypotf(r[2], r[3]);
        return;
    }
    s->seconds = seconds;
    s->size = hypotf(r[2], r[3]);
    float unit = fmaxf(s->size, 1e-3f);
    for (int k = 0; k < 4; k++) r[k] = step(&s->rigid[k], r[k], dt, RIGID_HZ, RIGID_GAIN, unit);
    lk_affine out = {r[2], -r[3], r[0], r[3], r[2], r[1]};
    for (int i = 0; i < LK_LANDMARKS; i++) {
        float free = lk_point_freedom(i);
        float hz = STILL_HZ + free * (FREE_HZ - STILL_HZ),
              gain = STILL_GAIN + free * (FREE_GAIN - STILL_GAIN);
        lk_point q = lk_point_map(to_mean, lm[i]);
        q.x = step(&s->shape[i][0], q.x, dt, hz, gain, 1);
        q.y = step(&s->shape[i][1], q.y, dt, hz, gain, 1);
        lm[i] = lk_point_map(out, q);
    }
}
