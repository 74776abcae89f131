/* coverage.c: what a dataset shows and what it lacks, in words a person can act on. */
#include "dataset/internal.h"

#include <math.h>

static const float yaw_edge[] = {-180, -45, -25, -10, 10, 25, 45, 180};
static const char *const yaw_name[] = {"<-45", "-45..-25", "-25..-10", "-10..10", "10..25", "25..45", ">45"};
static const float pitch_edge[] = {-180, -20, -8, 8, 20, 180};
static const char *const pitch_name[] = {"up >20", "up 8..20", "level", "down 8..20", "down >20"};
#define YAWS ((int)LK_COUNT(yaw_name))
#define PITCHES ((int)LK_COUNT(pitch_name))

static int bin_of(float v, const float *edge, int bins)
{
    for (int i = 0; i < bins - 1; i++)
        if (v < edge[i + 1]) return i;
    return bins - 1;
}

void lk_dataset_coverage(const lk_dataset *d, lk_text *out)
{
    int table[5][7] = {{0}}, mouth[3] = {0}, eyes[2] = {0}, soft = 0, small = 0;
    float dark = 1.0f, bright = 0.0f;
    for (int i = 0; i < d->count; i++) {
        lk_sample s = lk_dataset_at(d, i);
        dataset_look k = dataset_look_of(&s);
        table[bin_of(k.pitch, pitch_edge, PITCHES)][bin_of(k.yaw, yaw_edge, YAWS)]++;
        mouth[k.mouth < 0.03f ? 0 : k.mouth < 0.15f ? 1 : 2]++;
        eyes[(k.eye_left + k.eye_right) * 0.5f < 0.05f ? 0 : 1]++;
        dark = fminf(dark, k.light);
        bright = fmaxf(bright, k.light);
        soft += s.sharpness < 15.0f;
        small += s.scale > 1.6f; /* fewer than 100 px across the crop */
    }
    lk_text_add(out, "%d samples\n%-12s", d->count, "yaw");
    for (int x = 0; x < YAWS; x++) lk_text_add(out, "%10s", yaw_name[x]);
    for (int y = 0; y < PITCHES; y++) {
        lk_text_add(out, "\n%-12s", pitch_name[y]);
        for (int x = 0; x < YAWS; x++) lk_text_add(out, "%10d", table[y][x]);
    }
    lk_text_add(out, "\nmouth closed %d, ajar %d, open %d; eyes closed %d, open %d; brightness %.2f..%.2f\n",
                mouth[0], mouth[1], mouth[2], eyes[0], eyes[1], (double)dark, (double)bright);

    int left = 0, right = 0, level = 0;
    for (int y = 0; y < PITCHES; y++) {
        left += table[y][0] + table[y][1];
        right += table[y][5] + table[y][6];
    }
    for (int x = 0; x < YAWS; x++) level += table[2][x];
    const int few = LK_MAX(d->count / 50, 5);
    if (d->count < 200) lk_text_add(out, "advice: few samples; a minute of clear footage gives about 1500\n");
    if (left < few) lk_text_add(out, "advice: hardly any head turned to the left of the picture\n");
    if (right < few) lk_text_add(out, "advice: hardly any head turned to the right of the picture\n");
    if (level == d->count) lk_text_add(out, "advice: no look up or down\n");
    if (mouth[2] < few) lk_text_add(out, "advice: hardly any open mouth; add speech or a smile with teeth\n");
    if (eyes[0] < LK_MAX(few / 4, 2)) lk_text_add(out, "advice: hardly any blink; a longer take has some\n");
    if (bright - dark < 0.08f)
        lk_text_add(out, "advice: one light only; a second room helps the face to fit other scenes\n");
    if (soft * 3 > d->count) lk_text_add(out, "advice: %d samples are blurred\n", soft);
    if (small * 3 > d->count)
        lk_text_add(out, "advice: %d faces are smaller than 100 px; film closer\n", small);
}
