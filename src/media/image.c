/* image.c: the float working picture and the affine maps between pictures. */
#include "media/impl.h"

#include <math.h>
#include <string.h>

lk_status lk_image_new(int w, int h, int c, lk_image *out, lk_error *err)
{
    *out = (lk_image){0};
    if (w < 1 || h < 1 || w > MEDIA_SIDE_MAX || h > MEDIA_SIDE_MAX)
        return LK_FAIL(err, LK_E_RANGE, "a picture of %d x %d pixels is outside 1..%d a side", w, h,
                       MEDIA_SIDE_MAX);
    if (c != 1 && c != 3) return LK_FAIL(err, LK_E_ARG, "a picture has 1 or 3 channels, not %d", c);
    float *data = lk_calloc((size_t)w * (size_t)h, (size_t)c * sizeof(float));
    if (!data) return LK_FAIL(err, LK_E_NOMEM, "no memory for a picture of %d x %d x %d", w, h, c);
    *out = (lk_image){w, h, c, data};
    return LK_OK;
}

void lk_image_clear(lk_image *im)
{
    lk_free(im->data);
    *im = (lk_image){0};
}

lk_status lk_image_copy(const lk_image *src, lk_image *out, lk_error *err)
{
    LK_TRY(lk_image_new(src->w, src->h, src->c, out, err));
    memcpy(out->data, src->data, (size_t)src->w * (size_t)src->h * (size_t)src->c * sizeof(float));
    return LK_OK;
}

lk_affine lk_affine_invert(lk_affine m)
{
    /* In double: crops of large frames lose a tenth of a pixel otherwise. A flat map has no inverse; every
     * point then reads the origin, which draws a uniform picture instead of poisoning it with NaN. */
    double det = (double)m.a * m.e - (double)m.b * m.d;
    if (det == 0 || !isfinite(det)) return (lk_affine){0};
    double a = m.e / det, b = -m.b / det, d = -m.d / det, e = m.a / det;
    return (lk_affine){(float)a, (float)b, (float)-(a * m.c + b * m.f),
                       (float)d, (float)e, (float)-(d * m.c + e * m.f)};
}

lk_affine lk_affine_mul(lk_affine o, lk_affine i)
{
    return (lk_affine){o.a * i.a + o.b * i.d, o.a * i.b + o.b * i.e, o.a * i.c + o.b * i.f + o.c,
                       o.d * i.a + o.e * i.d, o.d * i.b + o.e * i.e, o.d * i.c + o.e * i.f + o.f};
}
