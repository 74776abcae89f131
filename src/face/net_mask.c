/* face-mask: a small U-Net (Ronneberger et al. 2015) from the aligned 96 px crop to
 * one logit a pixel: visible skin, eyes and mouth of this face; not hair, hands,
 * glasses' frames or a microphone before it. The last step is a pixel shuffle from
 * 48 px, which is half the price of convolving at 96.
 */
#include "face/nets.h"

#define LEAK 0.1f

lk_node lk_net_face_mask(lk_net *net, int batch)
{
    lk_op_attr up = {.factor = 2};
    lk_node in = lk_net_input(net, (lk_shape){batch, LK_NET_CROP, LK_NET_CROP, 3}, false);
    lk_node s2 = lk_net_conv(net, "stem", in, 16, 3, 2, LK_ACT_LEAKY, LEAK);
    lk_node s4 = lk_net_conv(net, "down4", s2, 32, 3, 2, LK_ACT_LEAKY, LEAK);
    s4 = lk_net_residual(net, "r4", s4, 32);
    lk_node s8 = lk_net_conv(net, "down8", s4, 48, 3, 2, LK_ACT_LEAKY, LEAK);
    s8 = lk_net_residual(net, "r8", s8, 48);
    lk_node s16 = lk_net_conv(net, "down16", s8, 80, 3, 2, LK_ACT_LEAKY, LEAK);
    s16 = lk_net_residual(net, "r16a", s16, 80);
    s16 = lk_net_residual(net, "r16b", s16, 80);

    lk_node x = lk_net_conv(net, "lat16", s16, 48, 1, 1, LK_ACT_NONE, 0);
    x = lk_net_op(net, "up8", LK_OP_RESIZE, &up, &x, 1);
    x = lk_net_add(net, s8, x, LK_ACT_LEAKY, LEAK);
    x = lk_net_conv(net, "m8", x, 32, 3, 1, LK_ACT_LEAKY, LEAK);
    x = lk_net_op(net, "up4", LK_OP_RESIZE, &up, &x, 1);
    x = lk_net_add(net, s4, x, LK_ACT_LEAKY, LEAK);
    x = lk_net_conv(net, "m4", x, 16, 3, 1, LK_ACT_LEAKY, LEAK);
    x = lk_net_op(net, "up2", LK_OP_RESIZE, &up, &x, 1);
    x = lk_net_add(net, s2, x, LK_ACT_LEAKY, LEAK);
    x = lk_net_conv(net, "m2", x, 16, 3, 1, LK_ACT_LEAKY, LEAK);
    x = lk_net_conv(net, "out", x, 4, 1, 1, LK_ACT_NONE, 0);
    lk_net_output(net, lk_net_shuffle(net, x, 2), "mask");
    return in;
}
