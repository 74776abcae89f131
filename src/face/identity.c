/* Identity inference: the embedding of an aligned crop. */
#include <math.h>
#include <string.h>

#include "face/nets.h"

struct lk_embedder { lk_face_model model; lk_image in; };

static lk_node describe(lk_net *net) { return lk_net_face_id(net, 2); }

lk_status lk_embedder_open(const char *models_dir, lk_embedder **out, lk_error *err)
{
    *out = NULL;
    lk_embedder *e = lk_calloc(1, sizeof *e);
    if (!e) return LK_FAIL(err, LK_E_NOMEM, "no memory for the identity network");
    lk_status s = lk_image_new(LK_NET_CROP, LK_NET_CROP, 3, &e->in, err);
    if (s == LK_OK) s = lk_face_model_open(models_dir, "face-id", describe, &e->model, err);
    if (s != LK_OK) {
        lk_embedder_close(&e);
        return s;
    }
    *out = e;
    return LK_OK;
}

void lk_embedder_close(lk_embedder **e)
{
    if (!*e) return;
    lk_face_model_close(&(*e)->model);
    lk_image_clear(&(*e)->in);
    lk_free(*e);
    *e = NULL;
}

/* The picture and its mirror image are both embedded and added: a face has no handedness. */
lk_status lk_embedder_run(lk_embedder *e, const lk_image *crop, float out[LK_EMBEDDING], lk_error *err)
{
    if (crop->c != 3 || crop->w != crop->h || crop->w < 1)
        return LK_FAIL(err, LK_E_ARG, "the embedding needs a square RGB crop");
    const lk_image *src = crop;
    if (crop->w != LK_NET_CROP) {
        lk_image_resize(crop, &e->in, LK_FILTER_AREA);
        src = &e->in;
    }
    float *in = lk_net_in(e->model.net, e->model.in)->data;
    float *mirrored = in + LK_NET_CROP * LK_NET_CROP * 3;
    for (int y = 0; y < LK_NET_CROP; y++)
        for (int x = 0; x < LK_NET_CROP; x++)
            for (int c = 0; c < 3; c++) {
                float v = lk_net_pixel(src->data[(y * LK_NET_CROP + x) * 3 + c]);
                in[(y * LK_NET_CROP + x) * 3 + c] = v;
                mirrored[(y * LK_NET_CROP + LK_NET_CROP - 1 - x) * 3 + c] = v;
            }
    lk_net_forward(e->model.net);
    const float *v = lk_net_out(e->model.net, "embedding")->data;
    double norm = 0;
    for (int i = 0; i < LK_EMBEDDING; i++) {
        out[i] = v[i] + v[LK_EMBEDDING + i];
        norm += (double)out[i] * out[i];
    }
    float scale = norm > 1e-20 ? (float)(1.0 / sqrt(norm)) : 0.0f;
    for (int i = 0; i < LK_EMBEDDING; i++) out[i] *= scale;
    return LK_OK;
}

float lk_embedding_cosine(const float *a, const float *b)
{
    double ab = 0, aa = 0, bb = 0;
    for (int i = 0; i < LK_EMBEDDING; i++) {
        ab += (double)a[i] * b[i];
        aa += (double)a[i] * a[i];
        bb += (double)b[i] * b[i];
    }
    return aa > 0 && bb > 0 ? (float)(ab / sqrt(aa * bb)) : 0.0f;
}
