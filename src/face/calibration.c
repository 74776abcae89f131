/* calibration.c: the cohort of strangers and the measured thresholds in the file of the
 * identity network, and the hash by which templates know their network.
 */
#include "face/calibration.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "face/analyser.h"

#define COHORT_MOST 4096
#define DEVIATION_LEAST 1e-3f

static float bf16(const uint8_t *b)
{
    uint32_t u = (uint32_t)b[0] << 16 | (uint32_t)b[1] << 24;
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

static lk_status read_cohort(lk_face_calibration *c, const lk_safetensors *st, const char *path, lk_error *err)
{
    const lk_named_tensor *t = lk_safetensors_find(st, "cohort");
    if (!t) return LK_OK;
    if (strcmp(t->dtype, "BF16") || t->rank != 2 || t->dim[0] < 2 || t->dim[0] > COHORT_MOST ||
        t->dim[1] != LK_EMBEDDING)
        return LK_FAIL(err, LK_E_FORMAT, "%s holds a cohort that is no table of %d columns; reinstall the models", path,
                       LK_EMBEDDING);
    c->cohort = (int)t->dim[0];
    c->stranger = lk_alloc((size_t)c->cohort * LK_EMBEDDING * sizeof(float));
    if (!c->stranger) return LK_FAIL(err, LK_E_NOMEM, "no memory for the cohort in %s", path);
    for (int r = 0; r < c->cohort; r++) {
        float *v = c->stranger + (size_t)r * LK_EMBEDDING;
        double n = 0;
        for (int i = 0; i < LK_EMBEDDING; i++) {
            v[i] = bf16((const uint8_t *)t->data + 2 * ((size_t)r * LK_EMBEDDING + (size_t)i));
            n += (double)v[i] * v[i];
        }
        if (!(n > 1e-6) || !isfinite(n))
            return LK_FAIL(err, LK_E_FORMAT, "%s holds a cohort with an empty row %d; reinstall the models", path, r);
        for (int i = 0; i < LK_EMBEDDING; i++) v[i] = (float)(v[i] / sqrt(n));
    }
    const char *nearest = lk_safetensors_meta(st, "cohort_nearest");
    int k = nearest ? atoi(nearest) : LK_COHORT_NEAREST;
    c->nearest = LK_CLAMP(k, 2, c->cohort);
    return LK_OK;
}

static lk_status read_file(lk_face_calibration *c, const lk_safetensors *st, const char *path, lk_error *err)
{
    const char *hash = lk_safetensors_meta(st, "data_sha256");
    if (!hash || !lk_hash_from_hex(hash, &c->model))
        return LK_FAIL(err, LK_E_FORMAT, "%s does not carry the hash of its weights; reinstall the models", path);
    const char *accept = lk_safetensors_meta(st, "template_accept"),
               *reject = lk_safetensors_meta(st, "template_reject");
    if (accept && reject) {
        c->thresholds = (lk_face_thresholds){strtof(accept, NULL), strtof(reject, NULL)};
        if (!isfinite(c->thresholds.accept) || !(c->thresholds.reject <= c->thresholds.accept))
            return LK_FAIL(err, LK_E_FORMAT, "%s holds thresholds that contradict each other (accept %s, reject %s); "
                           "reinstall the models", path, accept, reject);
        c->has_thresholds = true;
    }
    return read_cohort(c, st, path, err);
}

lk_status lk_face_calibration_open(const char *models_dir, lk_face_calibration **out, lk_error *err)
{
    *out = NULL;
    lk_safetensors *st = NULL;
    lk_face_calibration *c = lk_calloc(1, sizeof *c);
    char *path = lk_strfmt("%s/face-id.safetensors", models_dir ? models_dir : lk_models_dir());
    lk_status s = c && path ? LK_OK : LK_FAIL(err, LK_E_NOMEM, "no memory for the calibration of face-id");
    if (s == LK_OK) s = lk_safetensors_open(path, &st, err);
    if (s == LK_OK) s = read_file(c, st, path, err);
    lk_safetensors_close(st);
    lk_free(path);
    if (s != LK_OK) lk_face_calibration_close(&c);
    *out = c;
    return s;
}

void lk_face_calibration_close(lk_face_calibration **c)
{
    if (!*c) return;
    lk_free((*c)->stranger);
    lk_free(*c);
    *c = NULL;
}

void lk_face_calibration_scale(const lk_face_calibration *c, const float v[LK_EMBEDDING], float *mean,
                               float *deviation)
{
    float top[COHORT_MOST]; /* the nearest so far, falling */
    int held = 0;
    *mean = 0;
    *deviation = 1;
    if (!c->cohort) return;
    for (int r = 0; r < c->cohort; r++) {
        float cosine = lk_embedding_cosine(v, c->stranger + (size_t)r * LK_EMBEDDING);
        int at = held < c->nearest ? held++ : c->nearest;
        for (; at > 0 && top[at - 1] < cosine; at--)
            if (at < c->nearest) top[at] = top[at - 1];
        if (at < c->nearest) top[at] = cosine;
    }
    double sum = 0, square = 0;
    for (int i = 0; i < held; i++) sum += top[i];
    for (int i = 0; i < held; i++) square += (top[i] - sum / held) * (top[i] - sum / held);
    *mean = (float)(sum / held);
    *deviation = fmaxf((float)sqrt(square / held), DEVIATION_LEAST);
}

lk_status lk_analyser_calibration(lk_analyser *a, const lk_face_calibration **out, lk_error *err)
{
    if (!a->calibration) LK_TRY(lk_face_calibration_open(a->models_dir, &a->calibration, err));
    *out = a->calibration;
    return LK_OK;
}

lk_status lk_analyser_identity_model(lk_analyser *a, lk_hash *out, lk_error *err)
{
    const lk_face_calibration *c;
    LK_TRY(lk_analyser_calibration(a, &c, err));
    *out = c->model;
    return LK_OK;
}

lk_status lk_analyser_thresholds(lk_analyser *a, lk_face_thresholds *out, lk_error *err)
{
    const lk_face_calibration *c;
    LK_TRY(lk_analyser_calibration(a, &c, err));
    if (!c->has_thresholds)
        return LK_FAIL(err, LK_E_NOTFOUND,
                       "the identity network in %s was never calibrated, so its scores decide nothing; reinstall the "
                       "models", a->models_dir);
    *out = c->thresholds;
    return LK_OK;
}
