/* Opening a shipped network: the weight file must be there, whole and of the right kind. */
#include <stdlib.h>
#include <string.h>

#include "face/nets.h"

lk_status lk_face_model_open(const char *dir, const char *name, lk_face_describe_fn describe,
                             lk_face_model *out, lk_error *err)
{
    memset(out, 0, sizeof *out);
    if (!dir) dir = lk_models_dir();
    lk_status s;
    lk_safetensors *st = NULL;
    char *path = lk_strfmt("%s/%s.safetensors", dir, name);
    if (!path) return LK_FAIL(err, LK_E_NOMEM, "no memory to open the model %s", name);
    LK_GOTO(fail, lk_safetensors_open(path, &st, err));
    const char *kind = lk_safetensors_meta(st, "net");
    if (!kind || strcmp(kind, name)) {
        s = LK_FAIL(err, LK_E_FORMAT,
                    "%s holds the network \"%s\", not %s; reinstall the models or set LIKENESS_MODELS", path,
                    kind ? kind : "(unnamed)", name);
        goto fail;
    }
    const char *threshold = lk_safetensors_meta(st, "threshold");
    out->threshold = threshold ? strtof(threshold, NULL) : 0.0f;
    lk_dtype type = lk_cpu_has_bf16() ? LK_BF16 : LK_F32;
    LK_GOTO(fail, lk_params_new(&out->params, err));
    if (describe) {
        LK_GOTO(fail, lk_net_new(&out->net, name, out->params, LK_BACKEND_DNN, type, err));
        out->in = describe(out->net);
        LK_GOTO(fail, lk_net_plan(out->net, false, 1, err));
        LK_GOTO(fail, lk_params_load(out->params, st, LK_LOAD_EXACT, NULL, NULL, NULL, err));
        LK_GOTO(fail, lk_net_bind(out->net, err));
        lk_net_refresh(out->net);
        lk_safetensors_close(st);
    } else {
        out->weights = st;
    }
    lk_free(path);
    return LK_OK;
fail:
    lk_safetensors_close(st);
    lk_free(path);
    lk_face_model_close(out);
    return s;
}

void lk_face_model_close(lk_face_model *m)
{
    lk_net_free(m->net);
    lk_params_free(m->params);
    lk_safetensors_close(m->weights);
    memset(m, 0, sizeof *m);
}
