/* bench.c: how fast a training step is on this machine, by parts. Pictures are
 * noise: the arithmetic does not care. */
#include "make/swap/train.h"

#include <string.h>

static void noise(float *v, size_t n, uint64_t seed)
{
    lk_rng r = lk_rng_at(seed, 1, 0, 0);
    for (size_t i = 0; i < n; i++) v[i] = lk_rng_uniform(&r);
}

lk_status lk_swap_bench_train(const lk_swap_config *config, int batch, double seconds, lk_dtype dtype,
                              lk_swap_bench *out, const lk_cancel *cancel, lk_error *err)
{
    memset(out, 0, sizeof *out);
    if (batch < 1 || batch > 64)
        return LK_FAIL(err, LK_E_RANGE, "a batch of %d faces is outside 1..64", batch);
    swap_net net = {0};
    swap_step step = {0};
    swap_batch b = {0};
    lk_optim optim = lk_optim_default(LK_OPTIM_ADAM);
    optim.ema_decay = 0.99f;
    double forward = 0, loss = 0, backward = 0, optimise = 0;
    lk_status s = swap_net_new(&net, config, (int[]){batch, batch}, false, LK_BACKEND_DNN, dtype, 1, err);
    if (s == LK_OK) s = lk_params_train(net.params, true, err);
    if (s == LK_OK) s = lk_net_bind(net.net, err);
    if (s == LK_OK) s = swap_step_new(&step, &net, err);
    if (s == LK_OK) s = swap_batch_new(&b, &net, err);
    if (s != LK_OK) goto done;
    size_t pixels = (size_t)net.batch * (size_t)config->size * (size_t)config->size;
    noise(b.input, 8 * pixels, 7); /* input, target, mask and weight lie together */
    const double start = lk_now();
    double from = start;
    for (int64_t i = 0; i < 2 || lk_now() - from < seconds; i++) {
        if (lk_cancel_raised(cancel)) {
            s = LK_FAIL(err, LK_E_CANCELLED, "the bench was stopped");
            goto done;
        }
        if (i == 2) { /* two steps to warm caches and kernels */
            forward = loss = backward = optimise = 0;
            from = lk_now();
            out->steps = 0;
        }
        double t0 = lk_now();
        swap_net_feed(&net, &b);
        lk_net_forward(net.net);
        double t1 = lk_now();
        lk_net_zero_out_grads(net.net);
        swap_step_losses(&step, &net, &b, true);
        double t2 = lk_now();
        lk_params_zero_grad(net.params);
        lk_net_backward(net.net, true);
        double t3 = lk_now();
        lk_optim_step(&optim, net.params);
        lk_net_refresh(net.net);
        double t4 = lk_now();
        forward += t1 - t0;
        loss += t2 - t1;
        backward += t3 - t2;
        optimise += t4 - t3;
        out->steps++;
    }
    double total = forward + loss + backward + optimise;
    lk_net_stats st;
    lk_net_stats_get(net.net, &st);
    out->size = config->size;
    out->batch = batch;
    out->dtype = dtype;
    out->gflop_per_image = 3.0 * st.flops_forward / net.batch * 1e-9;
    out->images_per_second = (double)(out->steps * net.batch) / total;
    out->gflops = out->gflop_per_image * out->images_per_second;
    out->forward = forward / total;
    out->loss = loss / total;
    out->backward = backward / total;
    out->optimise = optimise / total;
    out->memory = st.activation_bytes + st.scratch_bytes + st.param_bytes + (size_t)st.param_count * 4;
done:
    swap_batch_clear(&b);
    swap_step_clear(&step);
    swap_net_clear(&net);
    return s;
}
