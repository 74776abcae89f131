/* calibration.c: the measured thresholds in the file of the identity network, and the
 * hash by which templates know their network.
 */
#include "face/calibration.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "face/analyser.h"

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
    return LK_OK;
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
    lk_free(*c);
    *c = NULL;
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
