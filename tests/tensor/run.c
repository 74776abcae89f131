#include "run.h"

#include <math.h>
#include <string.h>

#define GUARD 64
#define GUARD_BYTE 0xA5

/* A buffer of exactly these bytes with guards that touch it on both sides; its size is kept in front of the
 * first. */
static void *guarded(size_t bytes)
{
    unsigned char *p = lk_alloc(GUARD + GUARD + bytes + GUARD);
    if (!p) return NULL;
    memcpy(p, &bytes, sizeof bytes);
    memset(p + GUARD, GUARD_BYTE, GUARD + bytes + GUARD);
    return p + 2 * GUARD;
}

static int broken(const void *buffer)
{
    if (!buffer) return 0;
    const unsigned char *p = buffer;
    size_t bytes;
    memcpy(&bytes, p - 2 * GUARD, sizeof bytes);
    for (int i = 0; i < GUARD; i++)
        if (p[-1 - i] != GUARD_BYTE || p[bytes + (size_t)i] != GUARD_BYTE) return 1;
    return 0;
}

static void release(void *buffer)
{
    if (buffer) lk_free((unsigned char *)buffer - 2 * GUARD);
}

static lk_tensor tensor(lk_shape s, lk_dtype type)
{
    lk_tensor t = {type, s, NULL};
    t.data = guarded(lk_tensor_bytes(&t));
    return t;
}

static float draw(lk_rng *r, double range)
{
    return lk_bf16_to_f32(lk_bf16_from_f32(lk_rng_range(r, (float)-range, (float)range)));
}

static void draw_tensor(lk_tensor *t, lk_rng *r, double range)
{
    for (int64_t i = 0; i < lk_shape_count(t->shape); i++) {
        const float v = draw(r, range);
        if (t->type == LK_F32) ((float *)t->data)[i] = v;
        else ((lk_bf16 *)t->data)[i] = lk_bf16_from_f32(v);
    }
}

lk_status run_open(op_run *r, const op_case *c, lk_backend backend, lk_dtype type, bool train, uint64_t seed,
                   lk_error *err)
{
    memset(r, 0, sizeof *r);
    r->desc = (lk_op_desc){c->kind, c->attr, c->inputs, {{0}}, type, train};
    memcpy(r->desc.in, c->in, sizeof c->in);
    LK_TRY(lk_op_open(backend, &r->desc, &r->op, err));
    r->info = lk_op_query(r->op);
    lk_rng rng = lk_rng_at(seed, 1, 0, 0);
    for (int i = 0; i < c->inputs; i++) {
        r->in[i] = tensor(c->in[i], type);
        r->din[i] = tensor(c->in[i], type);
        draw_tensor(&r->in[i], &rng, c->range ? c->range : 1);
    }
    r->out = tensor(r->info->out, r->info->out_type);
    r->dout = tensor(r->info->out, r->info->out_type);
    draw_tensor(&r->dout, &rng, 1);
    for (int i = 0; i < r->info->params; i++) {
        const int64_t count = lk_shape_count(r->info->param[i]);
        r->param[i] = guarded((size_t)count * sizeof(float));
        r->dparam[i] = guarded((size_t)count * sizeof(float));
        for (int64_t k = 0; k < count; k++) {
            r->param[i][k] = draw(&rng, 0.5);
            if (c->kind == LK_OP_CHANNEL_NORM && i == 3) r->param[i][k] = fabsf(r->param[i][k]) + 0.25f;
            r->dparam[i][k] = draw(&rng, 0.5);
        }
    }
    r->mem = (lk_op_memory){guarded(r->info->packed_bytes), guarded(r->info->saved_bytes),
                            guarded(r->info->scratch_bytes)};
    return LK_OK;
}

void run_forward(op_run *r)
{
    const lk_tensor *in[LK_OP_MAX_INPUTS];
    for (int i = 0; i < r->desc.inputs; i++) in[i] = &r->in[i];
    lk_op_pack(r->op, (const float *const *)r->param, &r->mem);
    lk_op_forward(r->op, in, &r->out, r->param, &r->mem);
}

void run_backward(op_run *r, bool want_params, unsigned inputs)
{
    const lk_tensor *in[LK_OP_MAX_INPUTS];
    lk_tensor *din[LK_OP_MAX_INPUTS];
    float *none[LK_OP_MAX_PARAMS] = {NULL};
    for (int i = 0; i < r->desc.inputs; i++) {
        in[i] = &r->in[i];
        din[i] = inputs >> i & 1 ? &r->din[i] : NULL;
    }
    lk_op_backward(r->op, in, &r->out, &r->dout, din, r->param, want_params ? r->dparam : none, &r->mem);
}

int run_guards_broken(const op_run *r)
{
    int n = broken(r->out.data) + broken(r->dout.data) + broken(r->mem.packed) + broken(r->mem.saved) +
            broken(r->mem.scratch);
    for (int i = 0; i < r->desc.inputs; i++) n += broken(r->in[i].data) + broken(r->din[i].data);
    for (int i = 0; i < r->info->params; i++) n += broken(r->param[i]) + broken(r->dparam[i]);
    return n;
}

void run_close(op_run *r)
{
    for (int i = 0; i < LK_OP_MAX_INPUTS; i++) {
        release(r->in[i].data);
        release(r->din[i].data);
    }
    for (int i = 0; i < LK_OP_MAX_PARAMS; i++) {
        release(r->param[i]);
        release(r->dparam[i]);
    }
    release(r->out.data);
    release(r->dout.data);
    release(r->mem.packed);
    release(r->mem.saved);
    release(r->mem.scratch);
    lk_op_close(&r->op);
}

float tensor_get(const lk_tensor *t, int64_t i)
{
    return t->type == LK_F32 ? ((const float *)t->data)[i] : lk_bf16_to_f32(((const lk_bf16 *)t->data)[i]);
}

double nmse(const lk_tensor *a, const lk_tensor *b, double floor)
{
    const int64_t count = lk_shape_count(a->shape);
    double error = 0, power = 0;
    for (int64_t i = 0; i < count; i++) {
        const double x = tensor_get(a, i), y = tensor_get(b, i);
        error += (x - y) * (x - y);
        power += y * y;
    }
    power = fmax(power, floor * floor * (double)count);
    return power > 0 ? error / power : error;
}
