/* calibrate.c: gives a trained face-id file the thresholds of its scores, measured between
 * templates of people it never saw. The weights, and so the templates made with them, stay
 * as they are.
 */
#include "face/train/calibrate.h"

#include <string.h>

#include "face/eval/templates.h"
#include "face/train/data.h"

static void keep_metadata(lk_text *t, const lk_safetensors *st)
{
    static const char *const keys[] = {"net", "version", "steps", "batch", "seed", "data", "held_out", "recipe"};
    for (size_t i = 0; i < LK_COUNT(keys); i++) {
        const char *v = lk_safetensors_meta(st, keys[i]);
        if (!v) continue;
        lk_text_add(t, "%s\"%s\":", t->len > 1 ? "," : "", keys[i]);
        lk_json_quote(t, v);
    }
}

/* The file again, the same weights, with the thresholds. */
static lk_status rewrite(const char *path, const lk_face_thresholds *at, lk_error *err)
{
    lk_safetensors *st = NULL;
    lk_text meta = {0};
    LK_TRY(lk_safetensors_open(path, &st, err));
    int n = lk_safetensors_count(st);
    lk_named_tensor *t = lk_calloc((size_t)n, sizeof *t);
    for (int i = 0; t && i < n; i++) t[i] = *lk_safetensors_at(st, i);
    lk_text_add(&meta, "{");
    keep_metadata(&meta, st);
    lk_text_add(&meta, ",\"template_accept\":\"%.4f\",\"template_reject\":\"%.4f\"}", (double)at->accept,
                (double)at->reject);
    lk_status s = t && !meta.failed ? lk_safetensors_write(path, t, n, meta.s, err)
                                    : LK_FAIL(err, LK_E_NOMEM, "no memory to write %s", path);
    lk_text_clear(&meta);
    lk_free(t);
    lk_safetensors_close(st);
    return s;
}

lk_status lk_face_calibrate(const lk_face_calibrate_options *o, lk_eval_row_fn row, void *user, const lk_cancel *cancel,
                            const lk_progress_sink *progress, lk_error *err)
{
    const char *data = lk_face_data_dir(o->data_dir);
    char *path = lk_strfmt("%s/face-id.safetensors", o->models_dir);
    if (!path) return LK_FAIL(err, LK_E_NOMEM, "no memory to calibrate face-id");
    lk_status s = LK_OK;
    lk_face_eval_options eo = {.data = data, .models_dir = o->models_dir, .cancel = cancel, .progress = progress};
    lk_eval e = {.o = &eo, .row = row, .user = user};
    lk_analyser_options ao = lk_analyser_defaults();
    ao.models_dir = o->models_dir;
    lk_face_thresholds at;
    if (s == LK_OK) s = lk_analyser_open(&ao, &e.a, err);
    lk_meter_init(&e.meter, progress, "calibrate", "pictures", 0);
    if (s == LK_OK) s = lk_eval_templates(&e, &at, err);
    lk_meter_finish(&e.meter, NULL);
    lk_analyser_close(&e.a);
    if (s == LK_OK) s = rewrite(path, &at, err);
    lk_free(path);
    return s;
}
