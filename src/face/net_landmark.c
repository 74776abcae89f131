/* face-landmark: an hourglass from 96 px down to 6 px and back to 24x24, where each
 * of the 68 points has a heatmap; the point is the heatmap's mean (soft-argmax: Sun
 * et al., "Integral Human Pose Regression", 2018). A heatmap follows its point when
 * the crop shifts, which keeps consecutive frames quiet; the 6 px floor sees the
 * whole face and places what is hidden. One more output says whether this is a face.
 */
#include "face/nets.h"

#define LEAK 0.1f

lk_node lk_net_face_landmark(lk_net *net, int batch)
{
    lk_node in = lk_net_input(net, (lk_shape){batch, LK_NET_CROP, LK_NET_CROP, 3}, false);
    lk_node x = lk_net_conv(net, "stem", in, 16, 3, 2, LK_ACT_LEAKY, LEAK);
    lk_node s4 = lk_net_conv(net, "down4", x, 48, 3, 2, LK_ACT_LEAKY, LEAK);
    s4 = lk_net_residual(net, "r4", s4, 48);
    lk_node s8 = lk_net_conv(net, "down8", s4, 80, 3, 2, LK_ACT_LEAKY, LEAK);
    s8 = lk_net_residual(net, "r8a", s8, 80);
    s8 = lk_net_residual(net, "r8b", s8, 80);
    lk_node s16 = lk_net_conv(net, "down16", s8, 128, 3, 2, LK_ACT_LEAKY, LEAK);
    s16 = lk_net_residual(net, "r16a", s16, 128);
    s16 = lk_net_residual(net, "r16b", s16, 128);

    lk_op_attr up = {.factor = 2};
    lk_node floor = lk_net_conv(net, "lat16", s16, 80, 1, 1, LK_ACT_NONE, 0);
    floor = lk_net_op(net, "up8", LK_OP_RESIZE, &up, &floor, 1);
    lk_node m8 = lk_net_add(net, s8, floor, LK_ACT_LEAKY, LEAK);
    m8 = lk_net_residual(net, "m8", m8, 80);
    lk_node m4 = lk_net_conv(net, "lat8", m8, 48, 1, 1, LK_ACT_NONE, 0);
    m4 = lk_net_op(net, "up4", LK_OP_RESIZE, &up, &m4, 1);
    m4 = lk_net_add(net, s4, m4, LK_ACT_LEAKY, LEAK);
    m4 = lk_net_conv(net, "m4", m4, 64, 3, 1, LK_ACT_LEAKY, LEAK);
    lk_net_output(net, lk_net_conv(net, "heat", m4, LK_LANDMARKS, 1, 1, LK_ACT_NONE, 0), "heat");

    lk_op_attr none = {0};
    lk_node pooled = lk_net_op(net, "pool", LK_OP_GLOBAL_POOL, &none, &s16, 1);
    pooled = lk_net_dense(net, "face1", pooled, 32, LK_ACT_LEAKY, LEAK);
    lk_net_output(net, lk_net_dense(net, "face2", pooled, 1, LK_ACT_NONE, 0), "face");
    return in;
}
