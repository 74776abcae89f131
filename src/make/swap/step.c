/* step.c: the losses of one training step. Per person: ten times masked DSSIM
 * (what the eye reads as structure), ten times squared error and some absolute
 * error with eyes and mouth counting more, and the mask's cross entropy. Outside
 * the face a small weight holds the picture, so that it does not drift to false
 * colours that an edge pixel could show. */
#include <string.h>

#include "make/swap/score.h"
#include "make/swap/train.h"

#define W_DSSIM 10.0f
#define W_MSE 10.0f
#define W_L1 2.0f
#define W_MASK 0.5f

/* The window of the measure at 96 px is 11 px (Wang et al. 2004); it grows with the picture. */
static int window_of(int size)
{
    int w = (size * 11 / 96) | 1;
    return LK_MAX(w, 3);
}

lk_status swap_step_new(swap_step *s, const swap_net *net, lk_error *err)
{
    memset(s, 0, sizeof *s);
    int most = 0;
    for (int k = 0; k < net->sides; k++) most = LK_MAX(most, net->side[k].count);
    const int size = net->config.size;
    s->scratch = lk_alloc(lk_loss_dssim_scratch((lk_shape){most, size, size, 3}, window_of(size)));
    s->ssim = lk_alloc(lk_score_ssim_floats(size, size) * sizeof(float));
    if (!s->scratch || !s->ssim)
        return LK_FAIL(err, LK_E_NOMEM, "no memory for the losses of the swap network");
    return LK_OK;
}

void swap_step_clear(swap_step *s)
{
    lk_free(s->scratch);
    lk_free(s->ssim);
    memset(s, 0, sizeof *s);
}

void swap_net_feed(swap_net *net, const swap_batch *b)
{
    lk_tensor *in = lk_net_in(net->net, net->pictures);
    memcpy(in->data, b->input, lk_tensor_bytes(in));
    if (net->who >= 0) {
        in = lk_net_in(net->net, net->who);
        memcpy(in->data, b->who, lk_tensor_bytes(in));
    }
}

swap_losses swap_step_losses(swap_step *s, swap_net *net, const swap_batch *b, bool grad)
{
    swap_losses sum = {0};
    const int size = net->config.size;
    const size_t pixels = (size_t)size * (size_t)size;
    for (int k = 0; k < net->sides; k++) {
        const swap_side *side = &net->side[k];
        size_t at = (size_t)side->from * pixels;
        lk_shape rgb = {side->count, size, size, 3}, one = {side->count, size, size, 1};
        lk_tensor target = {LK_F32, rgb, b->target + 3 * at}, mask = {LK_F32, one, b->mask + at};
        lk_tensor weight = {LK_F32, one, b->weight + at};
        const lk_tensor *face = lk_net_out(net->net, side->face), *logits = lk_net_out(net->net, side->mask);
        lk_tensor *dface = grad ? lk_net_out_grad(net->net, side->face) : NULL;
        lk_tensor *dlogits = grad ? lk_net_out_grad(net->net, side->mask) : NULL;
        double dssim = lk_loss_dssim(face, &target, &mask, window_of(size), 1.5f * (float)size / 96.0f,
                                     W_DSSIM, dface, s->scratch);
        double mse = lk_loss_mse(face, &target, &weight, W_MSE, dface);
        double l1 = lk_loss_l1(face, &target, &weight, W_L1, dface);
        double bce = lk_loss_bce(logits, &mask, 0.0f, NULL, W_MASK, dlogits);
        sum.dssim += dssim / net->sides;
        sum.mse += mse / net->sides;
        sum.mask += bce / net->sides;
        sum.total += (dssim + mse + l1 + bce) / net->sides;
    }
    return sum;
}
