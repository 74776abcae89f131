/* gan.c: the adversary of the last phase, a patch discriminator (PatchGAN, Isola et
 * al. 2017). It sees the source's faces only, cut out by their mask, true ones in
 * the first half of its batch and made ones in the second, under the same light.
 * Each round the judge looks, the decoder is pushed to fool it, and the judge learns
 * from the same pictures with its own rate: they are trained against each other. */
#include "make/swap/train.h"

#include <math.h>
#include <string.h>

lk_status swap_gan_new(swap_gan *g, const swap_net *net, lk_backend backend, lk_dtype type, uint64_t seed,
                       lk_error *err)
{
    memset(g, 0, sizeof *g);
    g->count = net->side[0].count;
    g->optim = lk_optim_default(LK_OPTIM_ADAM);
    g->optim.beta1 = 0.5f;
    g->optim.lr = 2e-4f;
    LK_TRY(lk_params_new(&g->params, err));
    LK_TRY(lk_net_new(&g->net, "patch", g->params, backend, type, err));
    const int size = net->config.size;
    g->pictures = lk_net_input(g->net, (lk_shape){2 * g->count, size, size, 3}, true);
    lk_net_output(g->net, swap_describe_patch(g->net, g->pictures), "logit");
    LK_TRY(lk_net_plan(g->net, true, seed + 1, err));
    LK_TRY(lk_params_train(g->params, false, err));
    return lk_net_bind(g->net, err);
}

void swap_gan_clear(swap_gan *g)
{
    lk_net_free(g->net);
    lk_params_free(g->params);
    memset(g, 0, sizeof *g);
}

static void show(swap_gan *g, const float *picture, const float *mask, int half, size_t pixels)
{
    float *in = (float *)lk_net_in(g->net, g->pictures)->data + (size_t)half * (size_t)g->count * pixels * 3;
    for (size_t i = 0; i < (size_t)g->count * pixels; i++)
        for (size_t k = 0; k < 3; k++) in[3 * i + k] = picture[3 * i + k] * mask[i];
}

/* Halves of a tensor over the batch: first the true, then the made. */
static lk_tensor half_of(const lk_tensor *t, int half)
{
    lk_tensor h = *t;
    h.shape.n /= 2;
    h.data = (float *)t->data + (size_t)half * (size_t)lk_shape_count(h.shape);
    return h;
}

static double share_right(const lk_tensor *logits, bool positive)
{
    int64_t n = lk_shape_count(logits->shape), right = 0;
    const float *v = logits->data;
    for (int64_t i = 0; i < n; i++) right += (v[i] > 0.0f) == positive;
    return (double)right / (double)n;
}

/* Adds the part of `fool` under the mask to `face`, a gradient of n RGB pixels, at `power` times its length: what the
 * judge says keeps its weight beside the other losses however sure it is (adaptive weight, Esser et al. 2021, eq. 7,
 * taken at the picture). Where there are no other losses, at its own length times power. */
static void add_weighed(float *face, const float *fool, const float *mask, size_t n, float power)
{
    double known = 0, asked = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < 3; k++) {
            const double a = face[3 * i + k], b = fool[3 * i + k] * mask[i];
            known += a * a;
            asked += b * b;
        }
    if (!(asked > 0)) return;
    const float weight = power * (known > 0 ? (float)sqrt(known / asked) : 1.0f);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < 3; k++) face[3 * i + k] += weight * fool[3 * i + k] * mask[i];
}

swap_gan_losses swap_gan_step(swap_gan *g, swap_net *net, const swap_batch *b, float power, float lr_factor)
{
    swap_gan_losses out = {0};
    const size_t pixels = (size_t)net->config.size * (size_t)net->config.size;
    const lk_tensor *face = lk_net_out(net->net, net->side[0].face);
    show(g, b->target, b->mask, 0, pixels);
    show(g, face->data, b->mask, 1, pixels);

    /* Fool: only the gradient with respect to the made pictures is wanted. */
    lk_net_forward(g->net);
    lk_net_zero_out_grads(g->net);
    const lk_tensor *logit = lk_net_out(g->net, "logit");
    lk_tensor *dlogit = lk_net_out_grad(g->net, "logit");
    lk_tensor real = half_of(logit, 0), fake = half_of(logit, 1), dreal = half_of(dlogit, 0);
    lk_tensor dfake = half_of(dlogit, 1);
    out.real_right = share_right(&real, true);
    out.fake_right = share_right(&fake, false);
    out.fool = lk_loss_bce(&fake, NULL, 1.0f, NULL, 1.0f, &dfake);
    lk_net_backward(g->net, false);
    const float *din = lk_net_in_grad(g->net, g->pictures)->data;
    add_weighed(lk_net_out_grad(net->net, net->side[0].face)->data, din + (size_t)g->count * pixels * 3, b->mask,
                (size_t)g->count * pixels, power);

    /* Judge: a true picture counts .9, so that it does not grow certain (one-sided smoothing, Salimans et
     * al. 2016). */
    lk_net_forward(g->net);
    lk_net_zero_out_grads(g->net);
    out.judge = lk_loss_bce(&real, NULL, 0.9f, NULL, 0.5f, &dreal);
    out.judge += lk_loss_bce(&fake, NULL, 0.0f, NULL, 0.5f, &dfake);
    lk_params_zero_grad(g->params);
    lk_net_backward(g->net, true);
    float lr = g->optim.lr;
    g->optim.lr = lr * lr_factor;
    lk_optim_step(&g->optim, g->params);
    g->optim.lr = lr;
    lk_net_refresh(g->net);
    return out;
}
