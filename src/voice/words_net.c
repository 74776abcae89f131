/* words_net.c: the network that hears phones. 21 frames of 32 log mel energies go through three hidden layers to the 41
 * phones of the frame in the middle (the hybrid of Bourlard & Morgan 1994: posteriors over priors take the place of
 * likelihoods). It was trained by this project on flite's voices and read speech: models/voice-words.md. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "voice/words_internal.h"

#define BATCH 256
#define HIDDEN 320
#define LEAK 0.05f
#define PRIOR_LEAST 1e-3f
#define LIKE_LEAST (-9.0f) /* one wrong frame must not decide */

#ifndef LK_INSTALLED_MODELS
#define LK_INSTALLED_MODELS "/usr/local/share/likeness/models"
#endif

struct lk_words_ear {
    lk_params *params; /* NULL: somebody else's */
    lk_net *net;
    lk_node in;
    int batch;
    float log_prior[LK_PHONES];
};

lk_node lk_words_describe(lk_net *net, int batch)
{
    lk_node in = lk_net_input(net, (lk_shape){batch, 1, 1, LK_WORDS_IN}, false);
    lk_node x = lk_net_dense(net, "first", in, HIDDEN, LK_ACT_LEAKY, LEAK);
    x = lk_net_dense(net, "second", x, HIDDEN, LK_ACT_LEAKY, LEAK);
    x = lk_net_dense(net, "third", x, HIDDEN, LK_ACT_LEAKY, LEAK);
    lk_net_output(net, lk_net_dense(net, "phones", x, LK_PHONES, LK_ACT_NONE, 0), "phones");
    return in;
}

void lk_words_splice(const float *features, int64_t frames, int64_t t, float *out)
{
    for (int64_t k = -LK_WORDS_CONTEXT; k <= LK_WORDS_CONTEXT; k++, out += LK_WORDS_MEL)
        memcpy(out, features + LK_CLAMP(t + k, 0, frames - 1) * LK_WORDS_MEL, sizeof(float) * LK_WORDS_MEL);
}

static void set_prior(lk_words_ear *e, const float *prior)
{
    for (int p = 0; p < LK_PHONES; p++) e->log_prior[p] = logf(fmaxf(prior[p], PRIOR_LEAST));
}

lk_status lk_words_ear_of(lk_net *net, lk_node in, int batch, const float prior[LK_PHONES], lk_words_ear **out, lk_error *err)
{
    lk_words_ear *e = *out = lk_calloc(1, sizeof *e);
    if (!e) return LK_FAIL(err, LK_E_NOMEM, "no memory for the network %s", LK_WORDS_NET);
    e->net = net;
    e->in = in;
    e->batch = batch;
    set_prior(e, prior);
    return LK_OK;
}

lk_status lk_words_open(const char *dir, lk_words_ear **out, lk_error *err)
{
    *out = NULL;
    const char *given = getenv("LIKENESS_MODELS");
    if (!dir) dir = given && *given ? given : LK_INSTALLED_MODELS;
    lk_status s;
    lk_safetensors *st = NULL;
    char *path = lk_strfmt("%s/" LK_WORDS_NET ".safetensors", dir);
    lk_words_ear *e = lk_calloc(1, sizeof *e);
    if (!path || !e) {
        s = LK_FAIL(err, LK_E_NOMEM, "no memory to open the model %s", LK_WORDS_NET);
        goto fail;
    }
    LK_GOTO(fail, lk_safetensors_open(path, &st, err));
    const char *kind = lk_safetensors_meta(st, "net");
    const lk_named_tensor *prior = lk_safetensors_find(st, "prior");
    if (!kind || strcmp(kind, LK_WORDS_NET) || !prior || strcmp(prior->dtype, "F32") || prior->bytes != sizeof e->log_prior) {
        s = LK_FAIL(err, LK_E_FORMAT, "%s does not hold the network %s; reinstall the models or set LIKENESS_MODELS", path,
                    LK_WORDS_NET);
        goto fail;
    }
    float p[LK_PHONES];
    memcpy(p, prior->data, sizeof p);
    for (int i = 0; i < LK_PHONES; i++)
        if (!(p[i] >= 0 && p[i] <= 1)) {
            s = LK_FAIL(err, LK_E_FORMAT, "%s holds shares outside 0..1; reinstall the models", path);
            goto fail;
        }
    set_prior(e, p);
    e->batch = BATCH;
    LK_GOTO(fail, lk_params_new(&e->params, err));
    LK_GOTO(fail, lk_net_new(&e->net, LK_WORDS_NET, e->params, LK_BACKEND_DNN, LK_F32, err));
    e->in = lk_words_describe(e->net, BATCH);
    LK_GOTO(fail, lk_net_plan(e->net, false, 1, err));
    LK_GOTO(fail, lk_params_load(e->params, st, LK_LOAD_EXACT, NULL, NULL, NULL, err));
    LK_GOTO(fail, lk_net_bind(e->net, err));
    lk_net_refresh(e->net);
    lk_safetensors_close(st);
    lk_free(path);
    *out = e;
    return LK_OK;
fail:
    lk_safetensors_close(st);
    lk_free(path);
    lk_words_close(&e);
    return s;
}

void lk_words_close(lk_words_ear **ear)
{
    lk_words_ear *e = *ear;
    if (!e) return;
    if (e->params) {
        lk_net_free(e->net);
        lk_params_free(e->params);
    }
    lk_free(e);
    *ear = NULL;
}

lk_status lk_words_listen(lk_words_ear *ear, const float *features, int64_t frames, float *out, lk_error *err)
{
    (void)err;
    float *in = lk_net_in(ear->net, ear->in)->data;
    for (int64_t from = 0; from < frames; from += ear->batch) {
        int64_t n = LK_MIN(ear->batch, frames - from);
        for (int64_t b = 0; b < ear->batch; b++)
            lk_words_splice(features, frames, LK_MIN(from + b, frames - 1), in + b * LK_WORDS_IN);
        lk_net_forward(ear->net);
        const float *z = lk_net_out(ear->net, "phones")->data;
        for (int64_t b = 0; b < n; b++, z += LK_PHONES, out += LK_PHONES) {
            float top = z[0], sum = 0;
            for (int p = 1; p < LK_PHONES; p++) top = fmaxf(top, z[p]);
            for (int p = 0; p < LK_PHONES; p++) sum += expf(z[p] - top);
            float log_sum = top + logf(sum);
            for (int p = 0; p < LK_PHONES; p++) out[p] = fmaxf(z[p] - log_sum - ear->log_prior[p], LIKE_LEAST);
        }
    }
    return LK_OK;
}
