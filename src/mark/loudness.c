/* loudness.c: programme loudness by ITU-R BS.1770-4: K weighting, mean square over
 * 400 ms blocks that overlap by three quarters, an absolute gate at -70 LUFS and
 * a relative one 10 LU below the mean.
 */
#include <math.h>

#include "mark/notice.h"

typedef struct biquad {
    double b0, b1, b2, a1, a2;
} biquad;

/* The recommendation gives coefficients for 48 kHz alone. These are the analogue prototypes behind them, by
 * the bilinear transform at any rate: a high shelf of +4 dB for the head, and a high pass (38 Hz). */
static biquad head_shelf(double rate)
{
    const double f0 = 1681.974450955533, gain = 3.999843853973347, q = 0.7071752369554196;
    double k = tan(M_PI * f0 / rate), vh = pow(10, gain / 20), vb = pow(vh, 0.4996667741545416);
    double a0 = 1 + k / q + k * k;
    return (biquad){(vh + vb * k / q + k * k) / a0, 2 * (k * k - vh) / a0, (vh - vb * k / q + k * k) / a0,
                    2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0};
}

static biquad high_pass(double rate)
{
    const double f0 = 38.13547087602444, q = 0.5003270373238773;
    double k = tan(M_PI * f0 / rate), a0 = 1 + k / q + k * k;
    return (biquad){1, -2, 1, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0};
}

static double run(const biquad *f, double z[2], double x)
{
    double y = f->b0 * x + z[0];
    z[0] = f->b1 * x - f->a1 * y + z[1];
    z[1] = f->b2 * x - f->a2 * y;
    return y;
}

/* Left, right, centre, effects, surrounds: as FFmpeg and WAV order 5.1 and 7.1. */
static double channel_weight(int channels, int c) { return channels < 6 || c < 3 ? 1 : c == 3 ? 0 : 1.41; }

/* Mean square of each 100 ms, weighted over channels. */
static void step_powers(const lk_audio *a, double *power, int64_t steps, int64_t step)
{
    biquad shelf = head_shelf(a->rate), pass = high_pass(a->rate);
    for (int c = 0; c < a->channels; c++) {
        double w = channel_weight(a->channels, c), z1[2] = {0, 0}, z2[2] = {0, 0};
        for (int64_t s = 0; w > 0 && s < steps; s++) {
            double sum = 0;
            for (int64_t i = s * step; i < (s + 1) * step; i++) {
                double y = run(&pass, z2, run(&shelf, z1, a->data[i * a->channels + c]));
                sum += y * y;
            }
            power[s] += w * sum / (double)step;
        }
    }
}

static double lufs(double power) { return -0.691 + 10 * log10(power); }

/* Mean of the blocks above a threshold; 0 when there is none. */
static double gated_mean(const double *power, int64_t steps, double threshold)
{
    double sum = 0;
    int64_t n = 0;
    for (int64_t s = 0; s + 4 <= steps; s++) {
        double block = (power[s] + power[s + 1] + power[s + 2] + power[s + 3]) / 4;
        if (block > 0 && lufs(block) > threshold) sum += block, n++;
    }
    return n ? sum / (double)n : 0;
}

double mark_loudness(const lk_audio *a)
{
    int64_t step = a->rate / 10, steps = step > 0 ? a->samples / step : 0;
    double *power = steps >= 4 ? lk_calloc((size_t)steps, sizeof *power) : NULL;
    if (!power) return -INFINITY;
    step_powers(a, power, steps, step);
    double loud = gated_mean(power, steps, -70);
    if (loud > 0) loud = gated_mean(power, steps, lufs(loud) - 10);
    lk_free(power);
    return loud > 0 ? lufs(loud) : -INFINITY;
}
