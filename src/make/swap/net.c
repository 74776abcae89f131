/* net.c: the df-ud autoencoder (DeepFaceLab, Perov et al. 2020): one encoder for
 * everybody, pixel-normalised, a narrow code, one decoder a person with a mask
 * branch and a head that doubles the resolution by pixel shuffling.
 *
 * Two things differ. The layer that unfolds the code into a 3 x 3 picture belongs
 * to the decoder, so that a person's shape has its own weights from the first layer
 * on. And the base's only decoder is told who it draws, by units appended to the
 * code: what the encoder need not say about the person it does not learn to say,
 * and a code that names no person is what a swap needs. Trained with 3 x 3 kernels,
 * the head's four sub-pixel groups are one convolution: a superset of the cited
 * 1 x 1 and three 3 x 3 at no measurable cost. */
#include "make/swap/train.h"

#include <stdio.h>
#include <string.h>

lk_swap_config lk_swap_config_default(int size)
{
    return (lk_swap_config){.size = size, .enc = 32, .ae = 128, .dec = 32, .mask = 16, .coverage = 1.0f};
}

lk_status swap_config_check(const lk_swap_config *c, const char *where, lk_error *err)
{
    if (c->size < 32 || c->size > 256 || c->size % 32)
        return LK_FAIL(err, LK_E_RANGE, "%s: a face of %d px cannot be made; 64, 96 and 128 can", where,
                       c->size);
    if (c->enc < 1 || c->enc > 256 || c->ae < 1 || c->ae > 1024 || c->dec < 1 || c->dec > 256 ||
        c->mask < 1 || c->mask > 256)
        return LK_FAIL(err, LK_E_RANGE, "%s: layer widths %d %d %d %d are outside 1..256 (code 1..1024)",
                       where, c->enc, c->ae, c->dec, c->mask);
    if (!(c->coverage >= 0.5f && c->coverage <= LK_SAMPLE_COVERAGE))
        return LK_FAIL(err, LK_E_RANGE, "%s: crop coverage %.3f is outside 0.5..%.2f", where,
                       (double)c->coverage, (double)LK_SAMPLE_COVERAGE);
    return LK_OK;
}

/* "src." "up1" -> "src.up1" */
static const char *join(char buf[48], const char *prefix, const char *name)
{
    snprintf(buf, 48, "%s%s", prefix, name);
    return buf;
}

lk_node swap_describe_encoder(lk_net *net, lk_node x, const lk_swap_config *c)
{
    x = lk_net_conv(net, "enc.down1", x, c->enc, 5, 2, LK_ACT_LEAKY, 0.1f);
    x = lk_net_conv(net, "enc.down2", x, 2 * c->enc, 5, 2, LK_ACT_LEAKY, 0.1f);
    x = lk_net_conv(net, "enc.down3", x, 4 * c->enc, 5, 2, LK_ACT_LEAKY, 0.1f);
    x = lk_net_conv(net, "enc.down4", x, 8 * c->enc, 5, 2, LK_ACT_LEAKY, 0.1f);
    x = lk_net_op(net, "enc.norm", LK_OP_PIXEL_NORM, NULL, &x, 1);
    return lk_net_dense(net, "inter.code", x, c->ae, LK_ACT_NONE, 0.0f);
}

static lk_node up(lk_net *net, const char *prefix, const char *name, lk_node x, int channels)
{
    char buf[48];
    x = lk_net_conv(net, join(buf, prefix, name), x, 4 * channels, 3, 1, LK_ACT_LEAKY, 0.1f);
    return lk_net_shuffle(net, x, 2);
}

static lk_node residual(lk_net *net, const char *prefix, const char *name, lk_node x, int channels)
{
    char a[48], b[48];
    snprintf(a, sizeof a, "%s%s.a", prefix, name);
    snprintf(b, sizeof b, "%s%s.b", prefix, name);
    lk_node y = lk_net_conv(net, a, x, channels, 3, 1, LK_ACT_LEAKY, 0.2f);
    y = lk_net_conv(net, b, y, channels, 3, 1, LK_ACT_NONE, 0.0f);
    return lk_net_add(net, y, x, LK_ACT_LEAKY, 0.2f);
}

void swap_describe_decoder(lk_net *net, const char *prefix, lk_node code, const lk_swap_config *c,
                           const char *face_out, const char *mask_out)
{
    char buf[48];
    const int low = c->size / 32;
    lk_node x = lk_net_dense(net, join(buf, prefix, "unfold"), code, low * low * c->ae, LK_ACT_NONE, 0.0f);
    x = lk_net_reshape(net, x, low, low, c->ae);
    x = up(net, prefix, "up0", x, c->ae);

    lk_node f = up(net, prefix, "up1", x, 8 * c->dec);
    f = residual(net, prefix, "res1", f, 8 * c->dec);
    f = up(net, prefix, "up2", f, 4 * c->dec);
    f = residual(net, prefix, "res2", f, 4 * c->dec);
    f = up(net, prefix, "up3", f, 2 * c->dec);
    f = residual(net, prefix, "res3", f, 2 * c->dec);
    f = lk_net_conv(net, join(buf, prefix, "face"), f, 12, 3, 1, LK_ACT_SIGMOID, 0.0f);
    lk_net_output(net, lk_net_shuffle(net, f, 2), face_out);

    lk_node m = up(net, prefix, "mask1", x, 8 * c->mask);
    m = up(net, prefix, "mask2", m, 4 * c->mask);
    m = up(net, prefix, "mask3", m, 2 * c->mask);
    m = up(net, prefix, "mask4", m, c->mask);
    lk_net_output(net, lk_net_conv(net, join(buf, prefix, "mask"), m, 1, 1, 1, LK_ACT_NONE, 0.0f), mask_out);
}

lk_node swap_describe_patch(lk_net *net, lk_node x)
{
    x = lk_net_conv(net, "disc.conv1", x, 16, 3, 1, LK_ACT_LEAKY, 0.2f);
    x = lk_net_conv(net, "disc.conv2", x, 32, 3, 2, LK_ACT_LEAKY, 0.2f);
    x = lk_net_conv(net, "disc.conv3", x, 64, 3, 2, LK_ACT_LEAKY, 0.2f);
    x = lk_net_conv(net, "disc.conv4", x, 64, 3, 1, LK_ACT_LEAKY, 0.2f);
    return lk_net_conv(net, "disc.logit", x, 1, 3, 1, LK_ACT_NONE, 0.0f);
}

/* The second convolution of a residual starts small (x 0.2), so that a deep stack begins near the
 * identity. */
static void calm_residuals(lk_params *p)
{
    for (int i = 0; i < lk_params_count(p); i++) {
        lk_param *q = lk_params_at(p, i);
        size_t n = strlen(q->name);
        if (!strstr(q->name, ".res") || n < 9 || strcmp(q->name + n - 9, ".b.weight")) continue;
        for (int64_t k = 0; k < q->count; k++) q->value[k] *= 0.2f;
    }
}

lk_status swap_net_new(swap_net *out, const lk_swap_config *c, const int count[SWAP_SIDES], bool base,
                       lk_backend backend, lk_dtype type, uint64_t seed, lk_error *err)
{
    memset(out, 0, sizeof *out);
    LK_TRY(swap_config_check(c, "swap model", err));
    out->config = *c;
    out->sides = base ? 1 : 2;
    out->batch = count[0] + (base ? 0 : count[1]);
    out->who = -1;
    LK_TRY(lk_params_new(&out->params, err));
    LK_TRY(lk_net_new(&out->net, "swap", out->params, backend, type, err));
    lk_net *net = out->net;
    out->pictures = lk_net_input(net, (lk_shape){out->batch, c->size, c->size, 3}, false);
    lk_node code = swap_describe_encoder(net, out->pictures, c);
    if (base) {
        out->who = lk_net_input(net, (lk_shape){out->batch, 1, 1, SWAP_ID_UNITS}, false);
        out->side[0] = (swap_side){.prefix = "dec.", .from = 0, .count = count[0], .face = "face",
                                   .mask = "mask"};
        swap_describe_decoder(net, "dec.", lk_net_concat(net, (lk_node[]){code, out->who}, 2), c, "face",
                              "mask");
    } else {
        out->side[0] = (swap_side){.prefix = "src.", .from = 0, .count = count[0], .face = "src.face",
                                   .mask = "src.mask"};
        out->side[1] = (swap_side){.prefix = "dst.", .from = count[0], .count = count[1], .face = "dst.face",
                                   .mask = "dst.mask"};
        for (int k = 0; k < 2; k++) {
            swap_side *s = &out->side[k];
            swap_describe_decoder(net, s->prefix, lk_net_slice(net, code, s->from, s->count), c, s->face,
                                  s->mask);
        }
    }
    LK_TRY(lk_net_plan(net, true, seed, err));
    calm_residuals(out->params);
    return LK_OK;
}

void swap_net_clear(swap_net *n)
{
    lk_net_free(n->net);
    lk_params_free(n->params);
    memset(n, 0, sizeof *n);
}
