/* face-detect: a small anchor-free detector (after FCOS and CenterNet): plain
 * convolutions down to stride 64, a feature pyramid back up to stride 8, and one head
 * with shared weights on three levels. A level answers for faces of about 3 to 6 of
 * its strides, so that the head sees every face at much the same size.
 */
#include <stdio.h>

#include "face/nets.h"

#define LEAK 0.1f
#define PYRAMID 48

static lk_node merge(lk_net *net, const char *name, lk_node fine, lk_node coarse)
{
    char sub[64];
    lk_op_attr up = {.factor = 2};
    snprintf(sub, sizeof sub, "%s.lat", name);
    fine = lk_net_conv(net, sub, fine, PYRAMID, 1, 1, LK_ACT_NONE, 0);
    snprintf(sub, sizeof sub, "%s.up", name);
    coarse = lk_net_op(net, sub, LK_OP_RESIZE, &up, &coarse, 1);
    return lk_net_add(net, fine, coarse, LK_ACT_LEAKY, LEAK);
}

static void head(lk_net *net, lk_node x, const char *output)
{
    x = lk_net_conv(net, "head1", x, PYRAMID, 3, 1, LK_ACT_LEAKY, LEAK);
    lk_net_output(net, lk_net_conv(net, "head2", x, LK_DETECT_OUT, 1, 1, LK_ACT_NONE, 0), output);
}

lk_node lk_net_face_detect(lk_net *net, int batch, int h, int w)
{
    lk_node in = lk_net_input(net, (lk_shape){batch, h, w, 3}, false);
    lk_node x = lk_net_conv(net, "stem", in, 16, 3, 2, LK_ACT_LEAKY, LEAK);
    x = lk_net_conv(net, "down4", x, 32, 3, 2, LK_ACT_LEAKY, LEAK);
    lk_node s8 = lk_net_conv(net, "down8", x, 48, 3, 2, LK_ACT_LEAKY, LEAK);
    s8 = lk_net_residual(net, "r8", s8, 48);
    lk_node s16 = lk_net_conv(net, "down16", s8, 80, 3, 2, LK_ACT_LEAKY, LEAK);
    s16 = lk_net_residual(net, "r16a", s16, 80);
    s16 = lk_net_residual(net, "r16b", s16, 80);
    lk_node s32 = lk_net_conv(net, "down32", s16, 96, 3, 2, LK_ACT_LEAKY, LEAK);
    s32 = lk_net_residual(net, "r32a", s32, 96);
    s32 = lk_net_residual(net, "r32b", s32, 96);
    lk_node s64 = lk_net_conv(net, "down64", s32, 96, 3, 2, LK_ACT_LEAKY, LEAK);
    s64 = lk_net_residual(net, "r64", s64, 96);

    s64 = lk_net_conv(net, "lat64", s64, PYRAMID, 1, 1, LK_ACT_NONE, 0);
    lk_node p32 = merge(net, "p32", s32, s64);
    lk_node p16 = merge(net, "p16", s16, p32);
    lk_node p8 = merge(net, "p8", s8, p16);
    head(net, p8, "p8");
    head(net, p16, "p16");
    head(net, p32, "p32");
    return in;
}
