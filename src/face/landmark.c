/* Landmark inference: warp the face into the net's frame, read the heatmaps, map back. */
#include <math.h>
#include <string.h>

#include "face/nets.h"

struct lk_landmarker { lk_face_model model; lk_image crop; };

lk_rect lk_face_box(const lk_point lm[LK_LANDMARKS])
{
    lk_rect r = {lm[0].x, lm[0].y, lm[0].x, lm[0].y};
    for (int i = 1; i < LK_LANDMARKS; i++) {
        r.x0 = fminf(r.x0, lm[i].x);
        r.y0 = fminf(r.y0, lm[i].y);
        r.x1 = fmaxf(r.x1, lm[i].x);
        r.y1 = fmaxf(r.y1, lm[i].y);
    }
    float wx = (r.x1 - r.x0) * LK_BOX_WIDEN, wy = (r.y1 - r.y0) * LK_BOX_WIDEN;
    return (lk_rect){r.x0 - wx, r.y0 - wy, r.x1 + wx, r.y1 + wy};
}

/* Picture -> crop: (cx, cy) to the middle, `side` picture pixels across, the picture direction (ux, uy)
 * upright. */
static lk_affine frame_at(float cx, float cy, float side, float ux, float uy)
{
    float s = LK_NET_CROP / fmaxf(side, 1e-3f), mid = (LK_NET_CROP - 1) * 0.5f;
    /* down = (ux, uy), right = (uy, -ux) */
    lk_affine m = {.a = s * uy, .b = -s * ux, .d = s * ux, .e = s * uy};
    m.c = mid - (m.a * cx + m.b * cy);
    m.f = mid - (m.d * cx + m.e * cy);
    return m;
}

lk_affine lk_landmark_frame_box(lk_rect box)
{
    float side = fmaxf(box.x1 - box.x0, box.y1 - box.y0) * LK_LANDMARK_MARGIN;
    return frame_at((box.x0 + box.x1) * 0.5f, (box.y0 + box.y1) * 0.5f, side, 0, 1);
}

lk_affine lk_landmark_frame_points(const lk_point lm[LK_LANDMARKS])
{
    float ex = 0, ey = 0, mx = 0, my = 0;
    for (int i = 36; i < 48; i++) ex += lm[i].x / 12, ey += lm[i].y / 12;
    for (int i = 48; i < 60; i++)
        mx += lm[i].x / 12, my += lm[i].y / 12; /* outer lips: the inner ones come and go with speech */
    float ux = mx - ex, uy = my - ey, n = sqrtf(ux * ux + uy * uy);
    if (!(n > 1e-3f)) return lk_landmark_frame_box(lk_face_box(lm));
    ux /= n;
    uy /= n;
    /* The box of the points as they lie once turned upright. */
    lk_point turned[LK_LANDMARKS];
    for (int i = 0; i < LK_LANDMARKS; i++)
        turned[i] = (lk_point){uy * lm[i].x - ux * lm[i].y, ux * lm[i].x + uy * lm[i].y};
    lk_rect b = lk_face_box(turned);
    float tx = (b.x0 + b.x1) * 0.5f, ty = (b.y0 + b.y1) * 0.5f;
    float side = fmaxf(b.x1 - b.x0, b.y1 - b.y0) * LK_LANDMARK_MARGIN;
    return frame_at(uy * tx + ux * ty, -ux * tx + uy * ty, side, ux, uy);
}

void lk_heat_points(const float *logits, lk_point lm[LK_LANDMARKS], float spread[LK_LANDMARKS])
{
    enum { N = LK_LANDMARKS };
    float top[N], sum[N], sx[N], sy[N], sq[N];
    for (int k = 0; k < N; k++) top[k] = -1e30f, sum[k] = sx[k] = sy[k] = sq[k] = 0;
    for (int i = 0; i < LK_HEAT * LK_HEAT; i++)
        for (int k = 0; k < N; k++) top[k] = fmaxf(top[k], logits[i * N + k]);
    for (int y = 0; y < LK_HEAT; y++)
        for (int x = 0; x < LK_HEAT; x++) {
            const float *z = logits + (y * LK_HEAT + x) * N;
            for (int k = 0; k < N; k++) {
                float p = expf(z[k] - top[k]);
                sum[k] += p;
                sx[k] += p * x;
                sy[k] += p * y;
                sq[k] += p * (x * x + y * y);
            }
        }
    for (int k = 0; k < N; k++) {
        float mx = sx[k] / sum[k], my = sy[k] / sum[k];
        float var = sq[k] / sum[k] - mx * mx - my * my;
        lm[k] = (lk_point){(mx + 0.5f) * LK_HEAT_STRIDE - 0.5f, (my + 0.5f) * LK_HEAT_STRIDE - 0.5f};
        if (spread) spread[k] = LK_HEAT_STRIDE * sqrtf(fmaxf(var, 0));
    }
}

static lk_node describe(lk_net *net) { return lk_net_face_landmark(net, 1); }

lk_status lk_landmarker_open(const char *models_dir, lk_landmarker **out, lk_error *err)
{
    *out = NULL;
    lk_landmarker *l = lk_calloc(1, sizeof *l);
    if (!l) return LK_FAIL(err, LK_E_NOMEM, "no memory for the landmark network");
    lk_status s = lk_image_new(LK_NET_CROP, LK_NET_CROP, 3, &l->crop, err);
    if (s == LK_OK) s = lk_face_model_open(models_dir, "face-landmark", describe, &l->model, err);
    if (s != LK_OK) {
        lk_landmarker_close(&l);
        return s;
    }
    *out = l;
    return LK_OK;
}

void lk_landmarker_close(lk_landmarker **l)
{
    if (!*l) return;
    lk_face_model_close(&(*l)->model);
    lk_image_clear(&(*l)->crop);
    lk_free(*l);
    *l = NULL;
}

lk_status lk_landmarker_run(lk_landmarker *l, const lk_image *rgb, lk_affine to_crop,
                            lk_point lm[LK_LANDMARKS], float *quality, float spread[LK_LANDMARKS],
                            lk_error *err)
{
    if (rgb->c != 3 || rgb->w < 1 || rgb->h < 1)
        return LK_FAIL(err, LK_E_ARG, "landmarks need an RGB picture");
    float det = to_crop.a * to_crop.e - to_crop.b * to_crop.d;
    if (!isfinite(det) || !(fabsf(det) > 1e-12f) || !isfinite(to_crop.c) || !isfinite(to_crop.f))
        return LK_FAIL(err, LK_E_ARG, "the landmark frame is degenerate");
    lk_affine back = lk_affine_invert(to_crop);
    lk_image_warp(rgb, &l->crop, back, det < 0.7f ? LK_FILTER_AREA : LK_FILTER_BILINEAR, LK_BORDER_CLAMP);
    float *in = lk_net_in(l->model.net, l->model.in)->data;
    for (int i = 0; i < LK_NET_CROP * LK_NET_CROP * 3; i++) in[i] = lk_net_pixel(l->crop.data[i]);
    lk_net_forward(l->model.net);
    lk_heat_points(lk_net_out(l->model.net, "heat")->data, lm, spread);
    float scale = 1.0f / sqrtf(fabsf(det));
    for (int i = 0; i < LK_LANDMARKS; i++) {
        lk_affine_apply(back, lm[i].x, lm[i].y, &lm[i].x, &lm[i].y);
        if (spread) spread[i] *= scale;
    }
    float z = *(const float *)lk_net_out(l->model.net, "face")->data;
    if (quality) *quality = 1.0f / (1.0f + expf(-z));
    return LK_OK;
}
