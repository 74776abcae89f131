/* weights.c: parameter sets to and from safetensors, for shipping. */
#include "nn/internal.h"
#include "nn/safetensors.h"

#include <stdio.h>
#include <string.h>

/* Vectors are written with one dimension, weights with four (out, height, width, in). */
static void describe(const lk_param *q, const char *dtype, size_t element, lk_named_tensor *t)
{
    memset(t, 0, sizeof *t);
    snprintf(t->name, sizeof t->name, "%s", q->name);
    snprintf(t->dtype, sizeof t->dtype, "%s", dtype);
    lk_shape s = q->shape;
    if (s.n == 1 && s.h == 1 && s.w == 1) {
        t->rank = 1;
        t->dim[0] = s.c;
    } else {
        t->rank = 4;
        t->dim[0] = s.n;
        t->dim[1] = s.h;
        t->dim[2] = s.w;
        t->dim[3] = s.c;
    }
    t->bytes = (size_t)q->count * element;
}

lk_status lk_params_save(lk_params *p, const char *path, lk_dtype dtype, bool use_ema,
                         const char *metadata_json, lk_error *err)
{
    lk_status s = LK_OK;
    int64_t total = 0;
    for (int i = 0; i < p->count; i++) {
        if (!p->list[i]->value)
            return LK_FAIL(err, LK_E_STATE, "parameter '%s' has no value to save to %s", p->list[i]->name,
                           path);
        total += p->list[i]->count;
    }
    lk_named_tensor *t = lk_calloc((size_t)LK_MAX(p->count, 1), sizeof *t);
    lk_bf16 *half = dtype == LK_BF16 ? lk_alloc((size_t)LK_MAX(total, 1) * sizeof *half) : NULL;
    if (!t || (dtype == LK_BF16 && !half)) {
        s = LK_FAIL(err, LK_E_NOMEM, "no memory to save %s", path);
        goto done;
    }
    int64_t at = 0;
    for (int i = 0; i < p->count; i++) {
        const lk_param *q = p->list[i];
        describe(q, dtype == LK_BF16 ? "BF16" : "F32", lk_dtype_size(dtype), &t[i]);
        const float *from = use_ema && q->ema && !p->swapped   ? q->ema
                            : !use_ema && q->ema && p->swapped ? q->ema
                                                               : q->value;
        t[i].data = from;
        if (dtype != LK_BF16) continue;
        for (int64_t k = 0; k < q->count; k++) half[at + k] = lk_bf16_from_f32(from[k]);
        t[i].data = half + at;
        at += q->count;
    }
    s = lk_safetensors_write(path, t, p->count, metadata_json, err);
done:
    lk_free(t);
    lk_free(half);
    return s;
}

static float f16_to_f32(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, fraction = h & 1023, bits;
    if (exponent == 31) {
        bits = sign | 0x7f800000 | fraction << 13;
    } else if (exponent) {
        bits = sign | (exponent + 112) << 23 | fraction << 13;
    } else {
        float v = (float)fraction * 0x1p-24f;
        return sign ? -v : v;
    }
    float v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static bool shape_fits(const lk_param *q, const lk_named_tensor *t)
{
    const int64_t want[4] = {q->shape.n, q->shape.h, q->shape.w, q->shape.c};
    int k = 4; /* from the last dimension on; dimensions that are not there count as 1 */
    for (int i = t->rank - 1; i >= 0; i--)
        if (k > 0 ? t->dim[i] != want[--k] : t->dim[i] != 1) return false;
    while (k > 0)
        if (want[--k] != 1) return false;
    return true;
}

static bool loadable(const lk_param *q, const lk_named_tensor *t)
{
    return shape_fits(q, t) &&
           (!strcmp(t->dtype, "F32") || !strcmp(t->dtype, "BF16") || !strcmp(t->dtype, "F16"));
}

static void copy_in(lk_param *q, const lk_named_tensor *t)
{
    const uint8_t *from = t->data; /* possibly unaligned */
    if (!strcmp(t->dtype, "F32")) {
        memcpy(q->value, from, (size_t)q->count * 4);
    } else {
        bool brain = t->dtype[0] == 'B';
        for (int64_t i = 0; i < q->count; i++) {
            uint16_t h;
            memcpy(&h, from + 2 * i, 2);
            q->value[i] = brain ? lk_bf16_to_f32(h) : f16_to_f32(h);
        }
    }
    if (q->ema) memcpy(q->ema, q->value, (size_t)q->count * 4);
}

/* The file's tensor for a parameter: its own name, or with prefix_to exchanged for prefix_from. */
static const lk_named_tensor *source_of(const lk_param *q, const lk_safetensors *st, const char *prefix_from,
                                        const char *prefix_to)
{
    char name[256];
    size_t n = strlen(prefix_to);
    if (strncmp(q->name, prefix_to, n)) return NULL;
    snprintf(name, sizeof name, "%s%s", prefix_from, q->name + n);
    return lk_safetensors_find(st, name);
}

lk_status lk_params_load(lk_params *p, const lk_safetensors *st, lk_load_mode mode, const char *prefix_from,
                         const char *prefix_to, int *loaded, lk_error *err)
{
    int count = 0;
    const char *from = prefix_from ? prefix_from : "", *to = prefix_to ? prefix_to : "";
    if (loaded) *loaded = 0;
    if (mode == LK_LOAD_EXACT) { /* look before anything is changed */
        for (int i = 0; i < p->count; i++) {
            const lk_param *q = p->list[i];
            if (strncmp(q->name, to, strlen(to))) continue;
            const lk_named_tensor *t = source_of(q, st, from, to);
            if (!t)
                return LK_FAIL(err, LK_E_FORMAT, "%s has no weights '%s': it is of another network or version; use the one that "
                               "came with this version", lk_safetensors_what(st), q->name);
            if (!loadable(q, t))
                return LK_FAIL(err, LK_E_FORMAT, "%s: '%s' has another shape or type: it is of another network or version; use the "
                               "one that came with this version", lk_safetensors_what(st), t->name);
        }
    }
    for (int i = 0; i < p->count; i++) {
        lk_param *q = p->list[i];
        const lk_named_tensor *t = source_of(q, st, from, to);
        if (!t || !loadable(q, t)) continue;
        if (!q->value) LK_TRY(lk_params_give_value(p, i, err));
        copy_in(q, t);
        lk_params_touch_at(p, i);
        count++;
    }
    if (loaded) *loaded = count;
    return LK_OK;
}
