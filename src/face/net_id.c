/* face-id: residual networks (towers) of one shape but separate weights, from the aligned
 * 96 px crop to a unit vector of 128 numbers each; side by side they are the embedding, and the
 * cosine of two says whether they show one person. Each tower was trained by itself as a
 * large-margin classifier (CosFace: Wang et al. 2018) whose class weights are dropped; they
 * began at other random weights, so what one mistakes by chance the others do not.
 */
#include "face/nets.h"

#include <stdio.h>

#define LEAK 0.1f

typedef struct tower { lk_net *net; const char *prefix; char name[32]; } tower;

static const char *named(tower *t, const char *name)
{
    snprintf(t->name, sizeof t->name, "%s%s", t->prefix, name);
    return t->name;
}

static lk_node down(tower *t, const char *name, lk_node x, int c)
{
    return lk_net_conv(t->net, named(t, name), x, c, 3, 2, LK_ACT_LEAKY, LEAK);
}

static lk_node deeper(tower *t, const char *name, lk_node x, int c)
{
    return lk_net_residual(t->net, named(t, name), x, c);
}

static lk_node describe(lk_net *net, const char *prefix, lk_node in)
{
    lk_op_attr none = {0};
    tower t = {.net = net, .prefix = prefix};
    lk_node x = down(&t, "stem", in, 16);
    x = deeper(&t, "r4", down(&t, "down4", x, 32), 32);
    x = deeper(&t, "r8", down(&t, "down8", x, 64), 64);
    x = deeper(&t, "r16a", down(&t, "down16", x, 112), 112);
    x = deeper(&t, "r16b", x, 112);
    x = down(&t, "down32", x, 128);
    x = lk_net_dense(net, named(&t, "embed"), x, LK_FACE_TOWER, LK_ACT_NONE, 0);
    return lk_net_op(net, named(&t, "unit"), LK_OP_L2_NORM, &none, &x, 1);
}

static lk_node input(lk_net *net, int batch)
{
    return lk_net_input(net, (lk_shape){batch, LK_NET_CROP, LK_NET_CROP, 3}, false);
}

lk_node lk_net_face_id_tower(lk_net *net, int batch, lk_node *embedding)
{
    lk_node in = input(net, batch), x = describe(net, "", in);
    lk_net_output(net, x, "embedding");
    if (embedding) *embedding = x;
    return in;
}

lk_node lk_net_face_id(lk_net *net, int batch)
{
    lk_node in = input(net, batch), unit[LK_FACE_TOWERS];
    for (int k = 0; k < LK_FACE_TOWERS; k++) {
        char prefix[8];
        snprintf(prefix, sizeof prefix, "t%d.", k);
        unit[k] = describe(net, prefix, in);
    }
    lk_net_output(net, lk_net_concat(net, unit, LK_FACE_TOWERS), "embedding");
    return in;
}
