/* The building blocks that the face networks share. */
#include <stdio.h>
#include <string.h>

#include "face/nets.h"

#define LEAK 0.1f

lk_node lk_net_residual(lk_net *net, const char *name, lk_node x, int c)
{
    char sub[64];
    snprintf(sub, sizeof sub, "%s.first", name);
    lk_node y = lk_net_conv(net, sub, x, c, 3, 1, LK_ACT_LEAKY, LEAK);
    snprintf(sub, sizeof sub, "%s.second", name);
    y = lk_net_conv(net, sub, y, c, 3, 1, LK_ACT_NONE, 0);
    return lk_net_add(net, x, y, LK_ACT_LEAKY, LEAK);
}

void lk_net_damp_residuals(lk_params *params, float factor)
{
    static const char tail[] = ".second.weight";
    for (int i = 0; i < lk_params_count(params); i++) {
        lk_param *p = lk_params_at(params, i);
        size_t n = strlen(p->name);
        if (n < sizeof tail - 1 || strcmp(p->name + n - (sizeof tail - 1), tail)) continue;
        for (int64_t k = 0; k < p->count; k++) p->value[k] *= factor;
    }
}
