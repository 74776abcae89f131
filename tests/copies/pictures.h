/* pictures.h: pictures to hash: frames of the bundled clips, drawn scenes, and what people do to pictures. */
#ifndef LK_TESTS_COPIES_PICTURES_H
#define LK_TESTS_COPIES_PICTURES_H

#include "check.h"
#include "media/media.h"

#define SAMPLE_A SAMPLES "/actor-a-train.mp4"
#define SAMPLE_B SAMPLES "/actor-b-performance.mp4"

/* The picture of a clip at a second. */
__attribute__((unused)) static bool frame_at(const char *path, double seconds, lk_image *out)
{
    lk_error err = {0};
    lk_reader *r = NULL;
    lk_frame *f = NULL;
    bool found = false;
    if (lk_reader_open(path, &r, &err) != LK_OK) return false;
    while (!found && lk_reader_next(r, &f, &err) == LK_OK) {
        found = lk_frame_get_info(f).seconds >= seconds - 1e-3;
        if (found) found = lk_frame_to_image(f, out, &err) == LK_OK;
        lk_frame_unref(&f);
    }
    lk_reader_close(&r);
    return found;
}

/* A scene of soft blobs and hard shapes that follows from its number. */
__attribute__((unused)) static lk_image scene(int w, int h, uint64_t number)
{
    lk_image im = {0};
    lk_error err = {0};
    lk_rng rng = lk_rng_at(number, 1, 0, 0);
    CHECK_OK(lk_image_new(w, h, 3, &im, &err), &err);
    for (int i = 0; i < 24; i++) {
        float x = lk_rng_range(&rng, 0, (float)w), y = lk_rng_range(&rng, 0, (float)h), r = lk_rng_range(&rng, 0.04f, 0.3f) * (float)w;
        float rgb[3] = {lk_rng_uniform(&rng), lk_rng_uniform(&rng), lk_rng_uniform(&rng)};
        if (i % 3 == 0) lk_draw_dot(&im, x, y, r * 0.5f, rgb);
        else
            for (int py = 0; py < h; py++)
                for (int px = 0; px < w; px++) {
                    float dx = ((float)px - x) / r, dy = ((float)py - y) / r, k = expf(-(dx * dx + dy * dy));
                    for (int c = 0; c < 3; c++) {
                        float *p = &im.data[((size_t)py * w + px) * 3 + c];
                        *p += (rgb[c] - *p) * k;
                    }
                }
    }
    return im;
}

__attribute__((unused)) static lk_image resized(const lk_image *im, int w, int h)
{
    lk_image out = {0};
    lk_error err = {0};
    CHECK_OK(lk_image_new(w, h, im->c, &out, &err), &err);
    lk_image_resize(im, &out, LK_FILTER_AREA);
    return out;
}

/* view as in lk_pdq_turned: 1, 2, 3 clockwise by 90, 180, 270 degrees; 4 mirrored, 5 upside down, 6 transposed, 7 the other way. */
__attribute__((unused)) static lk_image turned(const lk_image *im, int view)
{
    bool swap = view == 1 || view == 3 || view >= 6;
    int w = swap ? im->h : im->w, h = swap ? im->w : im->h;
    lk_image out = {0};
    lk_error err = {0};
    CHECK_OK(lk_image_new(w, h, im->c, &out, &err), &err);
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            int sx = x, sy = y;
            switch (view) {
            case 1: sx = y, sy = im->h - 1 - x; break;
            case 2: sx = im->w - 1 - x, sy = im->h - 1 - y; break;
            case 3: sx = im->w - 1 - y, sy = x; break;
            case 4: sx = im->w - 1 - x; break;
            case 5: sy = im->h - 1 - y; break;
            case 6: sx = y, sy = x; break;
            case 7: sx = im->w - 1 - y, sy = im->h - 1 - x; break;
            default: break;
            }
            memcpy(&out.data[((size_t)y * w + x) * im->c], &im->data[((size_t)sy * im->w + sx) * im->c], (size_t)im->c * sizeof(float));
        }
    return out;
}

/* What JPEG does at about quality 30: blocks of 8 x 8 to cosines, rounded coarsely, and back. */
__attribute__((unused)) static void jpeg_like(lk_image *im)
{
    double basis[8][8];
    for (int k = 0; k < 8; k++)
        for (int n = 0; n < 8; n++) basis[k][n] = sqrt((k ? 2.0 : 1.0) / 8) * cos(M_PI * (n + 0.5) * k / 8);
    for (int c = 0; c < im->c; c++)
        for (int by = 0; by + 8 <= im->h; by += 8)
            for (int bx = 0; bx + 8 <= im->w; bx += 8) {
                double f[8][8] = {{0}}, t[8][8] = {{0}};
                for (int u = 0; u < 8; u++)
                    for (int x = 0; x < 8; x++)
                        for (int y = 0; y < 8; y++) t[u][x] += basis[u][y] * im->data[((size_t)(by + y) * im->w + bx + x) * im->c + c];
                for (int u = 0; u < 8; u++)
                    for (int v = 0; v < 8; v++) {
                        for (int x = 0; x < 8; x++) f[u][v] += basis[v][x] * t[u][x];
                        double step = (16 + 6 * (u + v)) * 1.6 / 255;
                        f[u][v] = round(f[u][v] / step) * step;
                    }
                memset(t, 0, sizeof t);
                for (int u = 0; u < 8; u++)
                    for (int x = 0; x < 8; x++)
                        for (int v = 0; v < 8; v++) t[u][x] += f[u][v] * basis[v][x];
                for (int y = 0; y < 8; y++)
                    for (int x = 0; x < 8; x++) {
                        double s = 0;
                        for (int u = 0; u < 8; u++) s += basis[u][y] * t[u][x];
                        im->data[((size_t)(by + y) * im->w + bx + x) * im->c + c] = (float)LK_CLAMP(s, 0.0, 1.0);
                    }
            }
}

#endif
