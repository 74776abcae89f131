/* measure.c: how samples are told apart, and which of too many stay. */
#include "dataset/internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static float gap(const float *lm, int a, int b)
{
    return hypotf(lm[2 * a] - lm[2 * b], lm[2 * a + 1] - lm[2 * b + 1]);
}

dataset_look dataset_look_of(const lk_sample *s)
{
    dataset_look k = {.yaw = s->yaw, .pitch = s->pitch};
    float eyes = fmaxf(gap(s->lm, 36, 45), 1.0f);
    k.mouth = gap(s->lm, 62, 66) / eyes;
    k.eye_right = (gap(s->lm, 37, 41) + gap(s->lm, 38, 40)) * 0.5f / eyes;
    k.eye_left = (gap(s->lm, 43, 47) + gap(s->lm, 44, 46)) * 0.5f / eyes;
    uint64_t sum = 0, n = 0;
    for (int i = 0; i < DATASET_PIXELS; i += 7) {
        if (s->mask[i] < 128) continue;
        sum += s->rgb[3 * i] * 2u + s->rgb[3 * i + 1] * 5u + s->rgb[3 * i + 2];
        n++;
    }
    k.light = n ? (float)((double)sum / (double)n / (8.0 * 255.0)) : 0.0f;
    return k;
}

static int luma(const uint8_t *p) { return (p[0] * 77 + p[1] * 150 + p[2] * 29) >> 8; }

float dataset_sharpness(const uint8_t *rgb, const uint8_t *mask)
{
    const int w = LK_SAMPLE_SIZE;
    double sum = 0, squares = 0;
    int64_t n = 0;
    for (int y = 1; y < w - 1; y++)
        for (int x = 1; x < w - 1; x++) {
            int i = y * w + x;
            if (mask[i] < 128) continue;
            const uint8_t *p = rgb + 3 * i;
            int around = luma(p - 3) + luma(p + 3) + luma(p - 3 * w) + luma(p + 3 * w),
                l = 4 * luma(p) - around;
            sum += l;
            squares += (double)l * l;
            n++;
        }
    if (!n) return 0.0f;
    double mean = sum / (double)n;
    return (float)(squares / (double)n - mean * mean);
}

/* One sample and the cell of looks that it falls into. */
typedef struct ranked { uint64_t cell; float sharpness; int at; } ranked;

static uint64_t step_of(float v, float step, int offset)
{
    int k = (int)floorf(v / step) + offset;
    return (uint64_t)LK_CLAMP(k, 0, 127);
}

static uint64_t cell_of(const lk_sample *s)
{
    dataset_look k = dataset_look_of(s);
    uint64_t cell = step_of(k.yaw, 5.0f, 64);
    cell = cell << 7 | step_of(k.pitch, 5.0f, 64);
    cell = cell << 7 | step_of(k.mouth, 0.06f, 0);
    cell = cell << 7 | step_of(k.eye_right + k.eye_left, 0.05f, 0);
    return cell << 7 | step_of(k.light, 0.1f, 0);
}

static int by_cell(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->cell != y->cell) return x->cell < y->cell ? -1 : 1;
    if (x->sharpness != y->sharpness) return x->sharpness > y->sharpness ? -1 : 1;
    return x->at - y->at;
}

lk_status dataset_thin(const lk_sample *s, int count, int keep, bool *chosen, lk_error *err)
{
    for (int i = 0; i < count; i++) chosen[i] = count <= keep;
    if (count <= keep) return LK_OK;
    ranked *r = lk_alloc((size_t)count * sizeof *r);
    if (!r) return LK_FAIL(err, LK_E_NOMEM, "no memory to choose among %d samples", count);
    for (int i = 0; i < count; i++)
        r[i] = (ranked){.cell = cell_of(&s[i]), .sharpness = s[i].sharpness, .at = i};
    qsort(r, (size_t)count, sizeof *r, by_cell);
    /* Rounds: each takes the next sharpest of every cell, so that rare looks stay whole and crowded ones
     * give way. */
    int taken = 0;
    for (int round = 0; taken < keep; round++) {
        int in_cell = 0;
        for (int i = 0; i < count && taken < keep; i++) {
            in_cell = i && r[i].cell == r[i - 1].cell ? in_cell + 1 : 0;
            if (in_cell != round) continue;
            chosen[r[i].at] = true;
            taken++;
        }
    }
    lk_free(r);
    return LK_OK;
}
