/* color.c: CIELAB and the CIEDE2000 colour difference.
 *
 * G. Sharma, W. Wu, E. N. Dalal, "The CIEDE2000 color-difference formula:
 * implementation notes, supplementary test data, and mathematical observations",
 * Color Research and Application 30(1), 2005. The equation numbers are theirs.
 */
#include <math.h>
#include <string.h>

#include "make/swap/color.h"

/* linear RGB of BT.709 to XYZ over the white point D65, and back */
static const double to_xyz[3][3] = {{0.4124564 / 0.95047, 0.3575761 / 0.95047, 0.1804375 / 0.95047},
                                    {0.2126729, 0.7151522, 0.0721750},
                                    {0.0193339 / 1.08883, 0.1191920 / 1.08883, 0.9503041 / 1.08883}};
static const float from_xyz[3][3] = {{3.2404542f * 0.95047f, -1.5371385f, -0.4985314f * 1.08883f},
                                     {-0.9692660f * 0.95047f, 1.8760108f, 0.0415560f * 1.08883f},
                                     {0.0556434f * 0.95047f, -0.2040259f, 1.0572252f * 1.08883f}};
#define DELTA (6.0 / 29.0)

void lk_color_lab(const double rgb[3], double lab[3])
{
    double lin[3], f[3];
    for (int c = 0; c < 3; c++) {
        double x = LK_CLAMP(rgb[c], 0.0, 1.0);
        lin[c] = x <= 0.04045 ? x / 12.92 : pow((x + 0.055) / 1.055, 2.4);
    }
    for (int c = 0; c < 3; c++) {
        double t = to_xyz[c][0] * lin[0] + to_xyz[c][1] * lin[1] + to_xyz[c][2] * lin[2];
        f[c] = t > DELTA * DELTA * DELTA ? cbrt(t) : t / (3 * DELTA * DELTA) + 4.0 / 29;
    }
    lab[0] = 116 * f[1] - 16;
    lab[1] = 500 * (f[0] - f[1]);
    lab[2] = 200 * (f[1] - f[2]);
}

static double degrees(double y, double x)
{
    if (x == 0 && y == 0) return 0;
    double h = atan2(y, x) * (180 / M_PI);
    return h < 0 ? h + 360 : h;
}

static double pow7(double x) { return x * x * x * x * x * x * x; }

double lk_color_delta_e(const double p[3], const double q[3])
{
    const double twenty_five7 = 6103515625.0, rad = M_PI / 180;
    /* (2)-(7): chroma and hue, a* stretched for near-neutral colours */
    double c_mean = (hypot(p[1], p[2]) + hypot(q[1], q[2])) / 2;
    double g = 0.5 * (1 - sqrt(pow7(c_mean) / (pow7(c_mean) + twenty_five7)));
    double a1 = (1 + g) * p[1], a2 = (1 + g) * q[1];
    double c1 = hypot(a1, p[2]), c2 = hypot(a2, q[2]);
    double h1 = degrees(p[2], a1), h2 = degrees(q[2], a2);
    bool grey = c1 * c2 == 0;

    /* (8)-(11): the differences */
    double dl = q[0] - p[0], dc = c2 - c1, dh = 0;
    if (!grey) {
        dh = h2 - h1;
        if (dh > 180) dh -= 360;
        else if (dh < -180) dh += 360;
    }
    double dhue = 2 * sqrt(c1 * c2) * sin(dh / 2 * rad);

    /* (12)-(14): the means; the mean hue lies on the shorter arc */
    double l = (p[0] + q[0]) / 2, c = (c1 + c2) / 2, h = h1 + h2;
    if (!grey) {
        if (fabs(h1 - h2) <= 180) h = (h1 + h2) / 2;
        else h = h1 + h2 < 360 ? (h1 + h2 + 360) / 2 : (h1 + h2 - 360) / 2;
    }

    /* (15)-(22): the weights and the rotation for blue */
    double t = 1 - 0.17 * cos((h - 30) * rad) + 0.24 * cos(2 * h * rad) + 0.32 * cos((3 * h + 6) * rad) -
               0.20 * cos((4 * h - 63) * rad);
    double theta = 30 * exp(-((h - 275) / 25) * ((h - 275) / 25));
    double rc = 2 * sqrt(pow7(c) / (pow7(c) + twenty_five7));
    double l50 = (l - 50) * (l - 50);
    double sl = 1 + 0.015 * l50 / sqrt(20 + l50), sc = 1 + 0.045 * c, sh = 1 + 0.015 * c * t;
    double rt = -sin(2 * theta * rad) * rc;
    double x = dl / sl, y = dc / sc, z = dhue / sh;
    return sqrt(LK_MAX(x * x + y * y + z * z + rt * y * z, 0.0));
}

/* --- many colours ----------------------------------------------------------------
 * Powers through log2 and exp2 polynomials that the compiler turns into vector
 * code: some 40k values a frame would cost a millisecond in libm. */

static inline float as_float(int32_t i) { float f; memcpy(&f, &i, 4); return f; }
static inline int32_t as_int(float f) { int32_t i; memcpy(&i, &f, 4); return i; }

/* log2 of a positive normal number: exponent, and atanh series of (m-1)/(m+1), m in [0.7, 1.41] */
static inline float log2_fast(float x)
{
    int32_t e = (as_int(x) - 0x3f3504f3) >> 23;
    float m = as_float(as_int(x) - (int32_t)((uint32_t)e << 23));
    float s = (m - 1) / (m + 1), s2 = s * s;
    return (float)e + s * (2.8853900818f + s2 * (0.9617966939f + s2 * (0.5770780164f + s2 * 0.4121985831f)));
}

/* 2^x for |x| < 120: Taylor series of 2^f, f in [-0.5, 0.5] */
static inline float exp2_fast(float x)
{
    int32_t i = (int32_t)(x + (x < 0 ? -0.5f : 0.5f));
    float f = x - (float)i;
    float p = 1 + f * (0.6931471806f + f * (0.2402265070f + f * (0.0555041087f + f * (0.0096181291f +
              f * (0.0013333558f + f * 0.0001540353f)))));
    return p * as_float((int32_t)((uint32_t)(i + 127) << 23));
}

static inline float power(float x, float y) { return exp2_fast(y * log2_fast(x)); }

static inline float decode(float x)
{
    x = x < 0 ? 0 : x > 1 ? 1 : x;
    float curved = power((x + 0.055f) * (1 / 1.055f), 2.4f);
    return x <= 0.04045f ? x * (1 / 12.92f) : curved;
}

static inline float encode(float x)
{
    x = x < 0 ? 0 : x > 1 ? 1 : x;
    float curved = 1.055f * power(x + 1e-20f, 1 / 2.4f) - 0.055f;
    return x <= 0.0031308f ? x * 12.92f : curved;
}

static inline float lab_f(float t)
{
    float root = power(t + 1e-20f, 1.0f / 3);
    return t > 0.008856452f ? root : t * 7.787037f + 4.0f / 29;
}

static inline float lab_f_inverse(float f)
{
    return f > 6.0f / 29 ? f * f * f : (f - 4.0f / 29) * 0.12841855f;
}

void lk_color_rgb_to_lab(const float *restrict rgb, float *restrict lab, size_t n)
{
    float m[3][3];
    for (int i = 0; i < 9; i++) m[i / 3][i % 3] = (float)to_xyz[i / 3][i % 3];
    float *restrict lp = lab, *restrict ap = lab + n, *restrict bp = lab + 2 * n;
    for (size_t i = 0; i < n; i++) {
        float r = decode(rgb[3 * i]), g = decode(rgb[3 * i + 1]), b = decode(rgb[3 * i + 2]);
        float x = lab_f(m[0][0] * r + m[0][1] * g + m[0][2] * b);
        float y = lab_f(m[1][0] * r + m[1][1] * g + m[1][2] * b);
        float z = lab_f(m[2][0] * r + m[2][1] * g + m[2][2] * b);
        lp[i] = 116 * y - 16;
        ap[i] = 500 * (x - y);
        bp[i] = 200 * (y - z);
    }
}

void lk_color_lab_to_rgb(const float *restrict lab, float *restrict rgb, size_t n)
{
    const float *restrict lp = lab, *restrict ap = lab + n, *restrict bp = lab + 2 * n;
    for (size_t i = 0; i < n; i++) {
        float fy = (lp[i] + 16) * (1.0f / 116);
        float x = lab_f_inverse(fy + ap[i] * (1.0f / 500));
        float y = lab_f_inverse(fy);
        float z = lab_f_inverse(fy - bp[i] * (1.0f / 200));
        rgb[3 * i] = encode(from_xyz[0][0] * x + from_xyz[0][1] * y + from_xyz[0][2] * z);
        rgb[3 * i + 1] = encode(from_xyz[1][0] * x + from_xyz[1][1] * y + from_xyz[1][2] * z);
        rgb[3 * i + 2] = encode(from_xyz[2][0] * x + from_xyz[2][1] * y + from_xyz[2][2] * z);
    }
}
