/* attacks.c: rows of name and function. */
#include "mark/watermark/attacks.h"

#include <math.h>

static lk_status none(const lk_image *in, int64_t frame, lk_image *out, lk_error *err) { return lk_image_copy(in, out, err); }

static lk_status noise(const lk_image *in, int64_t frame, lk_image *out, lk_error *err)
{
    lk_rng rng = lk_rng_at(1, 0, 0, (uint64_t)frame);
    LK_TRY(lk_image_copy(in, out, err));
    for (int i = 0; i < in->w * in->h; i++) out->data[i] += 10.0f / 255 * (2 * lk_rng_uniform(&rng) - 1);
    return LK_OK;
}

static lk_status blur(const lk_image *in, int64_t frame, lk_image *out, lk_error *err)
{
    LK_TRY(lk_image_copy(in, out, err));
    return lk_image_blur(out, 1.0f, err);
}

static lk_status bright(const lk_image *in, int64_t frame, lk_image *out, lk_error *err)
{
    LK_TRY(lk_image_copy(in, out, err));
    for (int i = 0; i < in->w * in->h; i++) out->data[i] = LK_CLAMP(0.6f + 1.2f * (out->data[i] - 0.5f), 0.0f, 1.0f);
    return LK_OK;
}

static lk_status dark(const lk_image *in, int64_t frame, lk_image *out, lk_error *err)
{
    LK_TRY(lk_image_copy(in, out, err));
    for (int i = 0; i < in->w * in->h; i++) out->data[i] = floorf(out->data[i] * 0.5f * 255 + 0.5f) / 255;
    return LK_OK;
}

static lk_status coarse(const lk_image *in, int64_t frame, lk_image *out, lk_error *err)
{
    LK_TRY(lk_image_copy(in, out, err));
    for (int i = 0; i < in->w * in->h; i++) out->data[i] = floorf(out->data[i] * 63 + 0.5f) / 63;
    return LK_OK;
}

static lk_status resized(const lk_image *in, double by, lk_image *out, lk_error *err)
{
    LK_TRY(lk_image_new((int)(in->w * by), (int)(in->h * by), 1, out, err));
    lk_image_resize(in, out, LK_FILTER_AREA);
    return LK_OK;
}

static lk_status half(const lk_image *in, int64_t frame, lk_image *out, lk_error *err) { return resized(in, 0.5, out, err); }
static lk_status larger(const lk_image *in, int64_t frame, lk_image *out, lk_error *err) { return resized(in, 1.5, out, err); }

/* From an affine map of pixels of out to pixels of in; outside is grey. */
static lk_status mapped(const lk_image *in, lk_affine to_src, lk_image *out, lk_error *err)
{
    LK_TRY(lk_image_new(in->w, in->h, 1, out, err));
    lk_image_warp(in, out, to_src, LK_FILTER_CUBIC, LK_BORDER_ZERO);
    return LK_OK;
}

static lk_status crop(const lk_image *in, int64_t frame, lk_image *out, lk_error *err)
{
    const float k = 0.7f;
    return mapped(in, (lk_affine){k, 0, 0.17f * (float)in->w, 0, k, 0.12f * (float)in->h}, out, err);
}

static lk_status closer(const lk_image *in, int64_t frame, lk_image *out, lk_error *err)
{
    const float k = 0.6f;
    return mapped(in, (lk_affine){k, 0, 0.31f * (float)in->w, 0, k, 0.05f * (float)in->h}, out, err);
}

static lk_status pad(const lk_image *in, int64_t frame, lk_image *out, lk_error *err)
{
    const float k = 1.5f;
    return mapped(in, (lk_affine){k, 0, -0.2f * (float)in->w, 0, k, -0.3f * (float)in->h}, out, err);
}

static lk_status turn(const lk_image *in, int64_t frame, lk_image *out, lk_error *err)
{
    const float a = 2 * 3.14159265f / 180, c = cosf(a), s = sinf(a), x = 0.5f * (float)in->w, y = 0.5f * (float)in->h;
    return mapped(in, (lk_affine){c, -s, x - c * x + s * y, s, c, y - s * x - c * y}, out, err);
}

static lk_status mirror(const lk_image *in, int64_t frame, lk_image *out, lk_error *err)
{
    return mapped(in, (lk_affine){-1, 0, (float)in->w - 1, 0, 1, 0}, out, err);
}

static lk_status quarter(const lk_image *in, int64_t frame, lk_image *out, lk_error *err)
{
    LK_TRY(lk_image_new(in->h, in->w, 1, out, err));
    for (int y = 0; y < out->h; y++)
        for (int x = 0; x < out->w; x++)
            out->data[(size_t)y * out->w + x] = in->data[(size_t)(in->h - 1 - x) * in->w + y];
    return LK_OK;
}

static lk_status every_other(const lk_image *in, int64_t frame, lk_image *out, lk_error *err)
{
    *out = (lk_image){.data = NULL};
    return frame & 1 ? LK_OK : lk_image_copy(in, out, err);
}

/* --- JPEG of quality 50, its luma alone: the cosine transform of 8 x 8, the table of ITU-T T.81 K.1 ------------------ */

static const uint8_t jpeg_step[64] = {
    16, 11, 10, 16, 24,  40,  51,  61, 12, 12, 14, 19, 26,  58,  60,  55, 14, 13, 16, 24, 40,  57,  69,  56,
    14, 17, 22, 29, 51,  87,  80,  62, 18, 22, 37, 56, 68,  109, 103, 77, 24, 35, 55, 64, 81,  104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99};

/* out = basis * in * basis', or with the basis turned for the way back. */
static void cosine(float basis[8][8], bool back, float block[8][8])
{
    float half_way[8][8];
    for (int i = 0; i < 8; i++)
        for (int j = 0; j < 8; j++) {
            half_way[i][j] = 0;
            for (int k = 0; k < 8; k++) half_way[i][j] += (back ? basis[k][i] : basis[i][k]) * block[k][j];
        }
    for (int i = 0; i < 8; i++)
        for (int j = 0; j < 8; j++) {
            block[i][j] = 0;
            for (int k = 0; k < 8; k++) block[i][j] += half_way[i][k] * (back ? basis[k][j] : basis[j][k]);
        }
}

static lk_status jpeg(const lk_image *in, int64_t frame, lk_image *out, lk_error *err)
{
    float basis[8][8], block[8][8];
    for (int u = 0; u < 8; u++)
        for (int x = 0; x < 8; x++)
            basis[u][x] = (u == 0 ? 0.35355339f : 0.5f) * cosf((float)(2 * x + 1) * (float)u * 3.14159265f / 16);
    LK_TRY(lk_image_copy(in, out, err));
    for (int by = 0; by < in->h; by += 8)
        for (int bx = 0; bx < in->w; bx += 8) {
            for (int y = 0; y < 8; y++)
                for (int x = 0; x < 8; x++)
                    block[y][x] = 255 * in->data[(size_t)LK_MIN(by + y, in->h - 1) * in->w + LK_MIN(bx + x, in->w - 1)] - 128;
            cosine(basis, false, block);
            for (int i = 0; i < 64; i++) block[i / 8][i % 8] = rintf(block[i / 8][i % 8] / jpeg_step[i]) * jpeg_step[i];
            cosine(basis, true, block);
            for (int y = 0; y < LK_MIN(8, in->h - by); y++)
                for (int x = 0; x < LK_MIN(8, in->w - bx); x++)
                    out->data[(size_t)(by + y) * in->w + bx + x] = LK_CLAMP((block[y][x] + 128) / 255, 0.0f, 1.0f);
        }
    return LK_OK;
}

const wm_attack wm_attacks[] = {
    {"none", "as it is", none, true},
    {"noise", "noise of 10 code values", noise, true},
    {"blur", "blurred, sigma 1", blur, true},
    {"bright", "brighter by 10 %, contrast 1.2", bright, true},
    {"dark", "half the brightness", dark, true},
    {"coarse", "6 bits a sample", coarse, true},
    {"half", "half the size", half, true},
    {"larger", "half as large again", larger, true},
    {"crop", "cropped to 70 %, rescaled", crop, true},
    {"closer", "cropped to 60 %, rescaled", closer, true},
    {"pad", "shrunk to two thirds, with a border", pad, true},
    {"mirror", "mirrored", mirror, true},
    {"quarter", "turned by 90 degrees", quarter, true},
    {"turn", "turned by 2 degrees", turn, true},
    {"fps", "every other frame", every_other, true},
    {"jpeg", "JPEG of quality 50", jpeg, true},
};
const int wm_attack_count = LK_COUNT(wm_attacks);
