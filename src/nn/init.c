/* init.c: start values. He-uniform (He et al. 2015) with the gain of the
 * activation that is fused to the operator. Each parameter draws from its own
 * stream, keyed by the seed and its name, so that adding a layer changes no other. */
#include "nn/internal.h"

#include <math.h>
#include <string.h>

const char *lk_param_place_name(lk_op_kind kind, int place)
{
    static const char *const weights[] = {"weight", "bias", "weight2", "bias2"};
    static const char *const norms[] = {"scale", "shift", "mean", "var"};
    bool norm = kind == LK_OP_CHANNEL_NORM || kind == LK_OP_INSTANCE_NORM;
    return norm ? norms[place] : weights[place];
}

static float gain(lk_act act, float slope)
{
    switch (act) {
    case LK_ACT_RELU:
    case LK_ACT_SWISH: return 1.41421356f;
    case LK_ACT_LEAKY: return sqrtf(2.0f / (1.0f + slope * slope));
    case LK_ACT_TANH: return 5.0f / 3.0f;
    default: return 1.0f;
    }
}

/* FNV-1a, 64 bit. */
static uint64_t name_key(const char *name)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (; *name; name++) h = (h ^ (uint8_t)*name) * 0x100000001b3u;
    return h;
}

static void fill(lk_param *prm, float v)
{
    for (int64_t i = 0; i < prm->count; i++) prm->value[i] = v;
}

void lk_param_initialise(lk_param *prm, lk_op_kind kind, int place, const lk_op_attr *attr, uint64_t seed)
{
    const char *what = lk_param_place_name(kind, place);
    if (!strcmp(what, "scale") || !strcmp(what, "var")) {
        fill(prm, 1.0f);
    } else if (strncmp(what, "weight", 6)) {
        fill(prm, 0.0f);
    } else {
        int64_t fan_in = (int64_t)prm->shape.h * prm->shape.w * prm->shape.c;
        float bound = gain(attr->act, attr->slope) * sqrtf(3.0f / (float)fan_in);
        uint64_t key = name_key(prm->name);
        lk_rng r = lk_rng_at(seed ^ key, (uint32_t)(key >> 32), 0, 0);
        for (int64_t i = 0; i < prm->count; i++) prm->value[i] = lk_rng_range(&r, -bound, bound);
    }
}
