/* Mask inference: which pixels of an aligned crop show this face, uncovered. */
#include <math.h>

#include "face/nets.h"

struct lk_masker { lk_face_model model; lk_image in, out; };

static lk_node describe(lk_net *net) { return lk_net_face_mask(net, 1); }

lk_status lk_masker_open(const char *models_dir, lk_masker **out, lk_error *err)
{
    *out = NULL;
    lk_masker *m = lk_calloc(1, sizeof *m);
    if (!m) return LK_FAIL(err, LK_E_NOMEM, "no memory for the mask network");
    lk_status s = lk_image_new(LK_NET_CROP, LK_NET_CROP, 3, &m->in, err);
    if (s == LK_OK) s = lk_image_new(LK_NET_CROP, LK_NET_CROP, 1, &m->out, err);
    if (s == LK_OK) s = lk_face_model_open(models_dir, "face-mask", describe, &m->model, err);
    if (s != LK_OK) {
        lk_masker_close(&m);
        return s;
    }
    *out = m;
    return LK_OK;
}

void lk_masker_close(lk_masker **m)
{
    if (!*m) return;
    lk_face_model_close(&(*m)->model);
    lk_image_clear(&(*m)->in);
    lk_image_clear(&(*m)->out);
    lk_free(*m);
    *m = NULL;
}

lk_status lk_masker_run(lk_masker *m, const lk_image *crop, lk_image *mask, lk_error *err)
{
    if (crop->c != 3 || mask->c != 1 || crop->w != mask->w || crop->h != mask->h || crop->w != crop->h)
        return LK_FAIL(err, LK_E_ARG,
                       "the face mask needs a square RGB crop and a one-channel mask of the same size");
    const lk_image *src = crop;
    if (crop->w != LK_NET_CROP) {
        lk_image_resize(crop, &m->in, LK_FILTER_AREA);
        src = &m->in;
    }
    float *in = lk_net_in(m->model.net, m->model.in)->data;
    for (int i = 0; i < LK_NET_CROP * LK_NET_CROP * 3; i++) in[i] = lk_net_pixel(src->data[i]);
    lk_net_forward(m->model.net);
    const float *z = lk_net_out(m->model.net, "mask")->data;
    for (int i = 0; i < LK_NET_CROP * LK_NET_CROP; i++) m->out.data[i] = 1.0f / (1.0f + expf(-z[i]));
    lk_image_resize(&m->out, mask, LK_FILTER_BILINEAR);
    return LK_OK;
}
