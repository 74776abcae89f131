/* Shape inference: one function a family of kinds. Everything an outside model
 * description can get wrong is refused here, with a sentence that says which
 * operator and which number. */
#include "tensor/op.h"

/* Sizes past this are refused: 2^33 elements are 16 GiB of bf16, and all index arithmetic stays far from
 * overflow. */
#define MAX_ELEMENTS (INT64_C(1) << 33)
#define MAX_KERNEL 64
#define MAX_CHANNELS (1 << 20)

static lk_status refuse(const lk_op_desc *d, lk_error *err, const char *what, long long value)
{
    return LK_FAIL(err, LK_E_ARG,
                   "operator %s on %dx%dx%dx%d (n,h,w,c): %s (%lld); correct the network description",
                   lk_op_name(d->kind), d->in[0].n, d->in[0].h, d->in[0].w, d->in[0].c, what, value);
}

/* Product of the four, or 0 when a factor is not positive or the product passes the limit. */
static int64_t elements(lk_shape s)
{
    const int f[4] = {s.n, s.h, s.w, s.c};
    int64_t count = 1;
    for (int i = 0; i < 4; i++) {
        if (f[i] <= 0 || count > MAX_ELEMENTS / f[i]) return 0;
        count *= f[i];
    }
    return count;
}

static lk_status set_out(const lk_op_desc *d, lk_op_info *info, lk_error *err, int64_t n, int64_t h,
                         int64_t w, int64_t c)
{
    for (int i = 0; i < d->inputs; i++)
        if (!elements(d->in[i])) return refuse(d, err, "an input has an impossible size, input number", i);
    if (n > INT32_MAX || h > INT32_MAX || w > INT32_MAX || c > INT32_MAX)
        return refuse(d, err, "the output would be too large along an axis",
                      LK_MAX(LK_MAX(n, h), LK_MAX(w, c)));
    info->out = (lk_shape){(int)n, (int)h, (int)w, (int)c};
    info->out_type = d->type;
    if (!elements(info->out))
        return refuse(d, err, "the output would be empty or too large; its channels", c);
    return LK_OK;
}

static void add_param(lk_op_info *info, lk_shape shape, bool learned)
{
    info->param[info->params] = shape;
    info->learned[info->params++] = learned;
}

static lk_shape vector(int c) { return (lk_shape){1, 1, 1, c}; }

static lk_status check_act(const lk_op_desc *d, lk_error *err)
{
    const lk_op_attr *a = &d->attr;
    if ((int)a->act < LK_ACT_NONE || a->act > LK_ACT_SWISH)
        return refuse(d, err, "unknown activation", a->act);
    /* The derivative is read off the output, so the output's sign must tell the input's. */
    if (a->act == LK_ACT_LEAKY && !(a->slope >= 0 && a->slope <= 1))
        return LK_FAIL(err, LK_E_ARG,
                       "operator %s: leaky slope %g is outside 0..1; correct the network description",
                       lk_op_name(d->kind), (double)a->slope);
    return LK_OK;
}

/* What a fused activation asks of the planner: swish is not monotonic, so its
 * derivative needs the value before it, which forward saves. */
static void fused_act_needs(const lk_op_desc *d, lk_op_info *info)
{
    if (!d->train) return;
    if (lk_act_from_output(d->attr.act)) info->needs_output = true;
    if (d->attr.act == LK_ACT_SWISH)
        info->saved_bytes = (size_t)lk_shape_count(info->out) * lk_dtype_size(info->out_type);
}

lk_status lk_shape_conv(const lk_op_desc *d, lk_op_info *info, lk_error *err)
{
    const lk_op_attr *a = &d->attr;
    const lk_shape x = d->in[0];
    if (!elements(x)) return refuse(d, err, "the input has an impossible size, channels", x.c);
    if (a->kernel < 1 || a->kernel > MAX_KERNEL) return refuse(d, err, "kernel outside 1..64", a->kernel);
    if (a->stride < 1 || a->stride > MAX_KERNEL) return refuse(d, err, "stride outside 1..64", a->stride);
    if (a->pad < 0 || a->pad >= a->kernel) return refuse(d, err, "padding must be 0..kernel-1", a->pad);
    if (a->out_c < 1 || a->out_c > MAX_CHANNELS)
        return refuse(d, err, "impossible number of output channels", a->out_c);
    const int groups = a->groups ? a->groups : 1;
    if (groups != 1 && (groups != x.c || a->out_c != x.c))
        return refuse(d, err, "groups must be 1, or equal to both the input and the output channels", groups);
    const int64_t h = (int64_t)x.h + 2 * a->pad - a->kernel, w = (int64_t)x.w + 2 * a->pad - a->kernel;
    if (h < 0 || w < 0) return refuse(d, err, "the kernel is larger than the padded input", a->kernel);
    LK_TRY(check_act(d, err));
    LK_TRY(set_out(d, info, err, x.n, h / a->stride + 1, w / a->stride + 1, a->out_c));
    const lk_shape weight = {a->out_c, a->kernel, a->kernel, x.c / groups};
    if (!elements(weight)) return refuse(d, err, "too many weights; output channels", a->out_c);
    add_param(info, weight, true);
    if (a->bias) add_param(info, vector(a->out_c), true);
    info->flops = 2.0 * (double)lk_shape_count(info->out) * a->kernel * a->kernel * (x.c / groups);
    info->needs_input = d->train;
    fused_act_needs(d, info);
    return LK_OK;
}

lk_status lk_shape_dense(const lk_op_desc *d, lk_op_info *info, lk_error *err)
{
    const lk_op_attr *a = &d->attr;
    const lk_shape x = d->in[0];
    if (!elements(x)) return refuse(d, err, "the input has an impossible size, channels", x.c);
    const int64_t features = elements(x) / x.n;
    if (features > INT32_MAX) return refuse(d, err, "too many features per sample", features);
    if (a->out_c < 1 || a->out_c > MAX_CHANNELS)
        return refuse(d, err, "impossible number of units", a->out_c);
    LK_TRY(check_act(d, err));
    LK_TRY(set_out(d, info, err, x.n, 1, 1, a->out_c));
    const lk_shape weight = {a->out_c, 1, 1, (int)features};
    if (!elements(weight)) return refuse(d, err, "too many weights; units", a->out_c);
    add_param(info, weight, true);
    if (a->bias) add_param(info, vector(a->out_c), true);
    info->flops = 2.0 * x.n * (double)features * a->out_c;
    info->needs_input = d->train;
    fused_act_needs(d, info);
    return LK_OK;
}

lk_status lk_shape_act(const lk_op_desc *d, lk_op_info *info, lk_error *err)
{
    const lk_shape x = d->in[0];
    LK_TRY(check_act(d, err));
    LK_TRY(set_out(d, info, err, x.n, x.h, x.w, x.c));
    info->needs_input = d->train && d->attr.act == LK_ACT_SWISH;
    info->needs_output = d->train && lk_act_from_output(d->attr.act);
    return LK_OK;
}

lk_status lk_shape_shuffle(const lk_op_desc *d, lk_op_info *info, lk_error *err)
{
    const lk_shape x = d->in[0];
    const int64_t r = d->attr.factor;
    if (r < 1 || r > MAX_KERNEL) return refuse(d, err, "factor outside 1..64", r);
    if (x.c % (r * r))
        return refuse(d, err, "the channels are not a multiple of factor squared; channels", x.c);
    return set_out(d, info, err, x.n, x.h * r, x.w * r, x.c / (r * r));
}

lk_status lk_shape_resize(const lk_op_desc *d, lk_op_info *info, lk_error *err)
{
    const lk_shape x = d->in[0];
    const int64_t r = d->attr.factor;
    if (r < 1 || r > MAX_KERNEL) return refuse(d, err, "factor outside 1..64", r);
    return set_out(d, info, err, x.n, x.h * r, x.w * r, x.c);
}

lk_status lk_shape_pool(const lk_op_desc *d, lk_op_info *info, lk_error *err)
{
    const lk_shape x = d->in[0];
    const int k = d->attr.kernel;
    if (k < 1 || k > MAX_KERNEL) return refuse(d, err, "kernel outside 1..64", k);
    if (x.h < k || x.w < k) return refuse(d, err, "the kernel is larger than the input", k);
    info->needs_input = d->train && d->kind == LK_OP_MAX_POOL;
    return set_out(d, info, err, x.n, x.h / k, x.w / k, x.c);
}

lk_status lk_shape_global_pool(const lk_op_desc *d, lk_op_info *info, lk_error *err)
{
    return set_out(d, info, err, d->in[0].n, 1, 1, d->in[0].c);
}

lk_status lk_shape_add(const lk_op_desc *d, lk_op_info *info, lk_error *err)
{
    const lk_shape x = d->in[0], y = d->in[1];
    if (x.n != y.n || x.h != y.h || x.w != y.w || x.c != y.c)
        return refuse(d, err, "the two inputs differ in shape; channels of the second", y.c);
    LK_TRY(check_act(d, err));
    LK_TRY(set_out(d, info, err, x.n, x.h, x.w, x.c));
    fused_act_needs(d, info);
    return LK_OK;
}

lk_status lk_shape_concat(const lk_op_desc *d, lk_op_info *info, lk_error *err)
{
    const lk_shape x = d->in[0];
    int64_t c = 0;
    for (int i = 0; i < d->inputs; i++) {
        if (d->in[i].n != x.n || d->in[i].h != x.h || d->in[i].w != x.w)
            return refuse(d, err, "an input differs in more than its channels, input number", i);
        c += d->in[i].c;
    }
    return set_out(d, info, err, x.n, x.h, x.w, c);
}

lk_status lk_shape_norm(const lk_op_desc *d, lk_op_info *info, lk_error *err)
{
    const lk_shape x = d->in[0];
    const bool batch = d->kind == LK_OP_CHANNEL_NORM;
    LK_TRY(set_out(d, info, err, x.n, x.h, x.w, x.c));
    if (batch && !(d->attr.momentum >= 0 && d->attr.momentum <= 1))
        return LK_FAIL(err, LK_E_ARG,
                       "operator %s: momentum %g is outside 0..1; correct the network description",
                       lk_op_name(d->kind), (double)d->attr.momentum);
    add_param(info, vector(x.c), true);
    add_param(info, vector(x.c), true);
    if (batch) {
        add_param(info, vector(x.c), false);
        add_param(info, vector(x.c), false);
    }
    /* mean and 1/deviation of each normalised group */
    if (d->train) info->saved_bytes = sizeof(float) * 2 * (size_t)x.c * (batch ? 1 : (size_t)x.n);
    info->needs_input = d->train;
    return LK_OK;
}

lk_status lk_shape_sample_norm(const lk_op_desc *d, lk_op_info *info, lk_error *err)
{
    const lk_shape x = d->in[0];
    LK_TRY(set_out(d, info, err, x.n, x.h, x.w, x.c));
    if (d->train) info->saved_bytes = sizeof(float) * (size_t)x.n; /* 1/norm of each sample */
    info->needs_input = d->train;
    return LK_OK;
}

lk_status lk_shape_slice(const lk_op_desc *d, lk_op_info *info, lk_error *err)
{
    const lk_shape x = d->in[0];
    const int from = d->attr.from, count = d->attr.count;
    if (from < 0 || from >= x.n) return refuse(d, err, "the slice starts outside the batch", from);
    if (count < 1 || count > x.n - from)
        return refuse(d, err, "the slice is empty or leaves the batch; count", count);
    info->view = true;
    return set_out(d, info, err, count, x.h, x.w, x.c);
}

lk_status lk_shape_reshape(const lk_op_desc *d, lk_op_info *info, lk_error *err)
{
    const lk_op_attr *a = &d->attr;
    const lk_shape x = d->in[0];
    info->view = true;
    LK_TRY(set_out(d, info, err, x.n, a->h, a->w, a->c));
    if (lk_shape_count(info->out) != lk_shape_count(x))
        return refuse(d, err, "the new shape has another number of elements", lk_shape_count(info->out));
    return LK_OK;
}

lk_status lk_shape_cast(const lk_op_desc *d, lk_op_info *info, lk_error *err)
{
    const lk_shape x = d->in[0];
    LK_TRY(set_out(d, info, err, x.n, x.h, x.w, x.c));
    if (d->attr.type != LK_F32 && d->attr.type != LK_BF16)
        return refuse(d, err, "unknown type", d->attr.type);
    info->out_type = d->attr.type;
    return LK_OK;
}

lk_status lk_shape_scale_rows(const lk_op_desc *d, lk_op_info *info, lk_error *err)
{
    const lk_shape x = d->in[0], g = d->in[1];
    if (g.n != x.n || g.c != x.c || g.h != 1 || g.w != 1)
        return refuse(d, err, "the gate must be (N,C,1,1) with the N and C of the input; its channels", g.c);
    info->needs_input = d->train;
    return set_out(d, info, err, x.n, x.h, x.w, x.c);
}
