/* face-id: a residual network from the aligned 96 px crop to a unit vector of 128
 * numbers; the cosine of two says whether they show one person. Trained as a
 * large-margin classifier (CosFace: Wang et al. 2018) whose class weights are dropped.
 */
#include "face/nets.h"

#define LEAK 0.1f

lk_node lk_net_face_id(lk_net *net, int batch, lk_node *embedding)
{
    lk_op_attr none = {0};
    lk_node in = lk_net_input(net, (lk_shape){batch, LK_NET_CROP, LK_NET_CROP, 3}, false);
    lk_node x = lk_net_conv(net, "stem", in, 16, 3, 2, LK_ACT_LEAKY, LEAK);
    x = lk_net_conv(net, "down4", x, 32, 3, 2, LK_ACT_LEAKY, LEAK);
    x = lk_net_residual(net, "r4", x, 32);
    x = lk_net_conv(net, "down8", x, 64, 3, 2, LK_ACT_LEAKY, LEAK);
    x = lk_net_residual(net, "r8", x, 64);
    x = lk_net_conv(net, "down16", x, 112, 3, 2, LK_ACT_LEAKY, LEAK);
    x = lk_net_residual(net, "r16a", x, 112);
    x = lk_net_residual(net, "r16b", x, 112);
    x = lk_net_conv(net, "down32", x, 128, 3, 2, LK_ACT_LEAKY, LEAK);
    x = lk_net_dense(net, "embed", x, LK_EMBEDDING, LK_ACT_NONE, 0);
    x = lk_net_op(net, "unit", LK_OP_L2_NORM, &none, &x, 1);
    lk_net_output(net, x, "embedding");
    if (embedding) *embedding = x;
    return in;
}
