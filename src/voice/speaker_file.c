/* Writing the speaker model: the network's weights, what follows it, and what was measured. */
#include <stdio.h>
#include <string.h>

#include "voice/speaker_net.h"

#define TENSORS 64

static void vector(lk_named_tensor *t, const char *name, const float *data, int64_t rows, int64_t columns)
{
    *t = (lk_named_tensor){.dtype = "F32", .rank = rows ? 2 : 1, .data = data};
    snprintf(t->name, sizeof t->name, "%s", name);
    t->dim[0] = rows ? rows : columns;
    t->dim[1] = rows ? columns : 0;
    t->bytes = (size_t)(rows ? rows * columns : columns) * sizeof(float);
}

lk_status lk_speaker_write(const char *path, const lk_safetensors *from, const lk_speaker_back *back,
                           const char *metadata, lk_error *err)
{
    lk_named_tensor t[TENSORS];
    int n = 0;
    if (lk_safetensors_count(from) > TENSORS - 6)
        return LK_FAIL(err, LK_E_BUG, "the speaker model has more tensors than its writer takes");
    for (int i = 0; i < lk_safetensors_count(from); i++) t[n++] = *lk_safetensors_at(from, i);
    if (back) {
        vector(&t[n++], "deep.mean", back->deep_mean, 0, LK_VOICE_DEEP);
        vector(&t[n++], "flat.mean", back->flat_mean, 0, LK_VOICE_STATS);
        vector(&t[n++], "flat.matrix", back->flat[0], LK_VOICE_FLAT, LK_VOICE_STATS);
        vector(&t[n++], "sounds.weight", back->sounds.weight, 0, LK_GAUSSIANS);
        vector(&t[n++], "sounds.mean", back->sounds.mean[0], LK_GAUSSIANS, LK_CEPSTRA);
        vector(&t[n++], "sounds.deviation", back->sounds.deviation[0], LK_GAUSSIANS, LK_CEPSTRA);
    }
    return lk_safetensors_write(path, t, n, metadata, err);
}

lk_status lk_speaker_set(const char *path, lk_speaker_limits limits, float share, lk_error *err)
{
    static const char *const kept[] = {"net", "version", "steps", "batch", "seed", "data", "share"};
    lk_safetensors *st = NULL;
    LK_TRY(lk_safetensors_open(path, &st, err));
    lk_text m = {0};
    lk_text_add(&m, "{\"accept\":\"%.4f\",\"reject\":\"%.4f\"", (double)limits.accept, (double)limits.reject);
    for (size_t i = 0; i < LK_COUNT(kept); i++) {
        const char *v = lk_safetensors_meta(st, kept[i]);
        char given[32];
        snprintf(given, sizeof given, "%.3f", (double)share);
        if (!strcmp(kept[i], "share") && share >= 0) v = given;
        if (!v) continue;
        lk_text_add(&m, ",\"%s\":", kept[i]);
        lk_json_quote(&m, v);
    }
    lk_text_add(&m, "}");
    lk_status s = m.failed ? LK_FAIL(err, LK_E_NOMEM, "no memory to write %s", path)
                           : lk_speaker_write(path, st, NULL, m.s, err);
    lk_text_clear(&m);
    lk_safetensors_close(st);
    return s;
}
