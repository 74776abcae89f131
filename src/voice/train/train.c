/* The training loop of the speaker network. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "voice/train/train.h"

#define STEPS 3000
#define BATCH 48
#define RATE 1.5e-3f
#define SCALE 24.0f
#define MARGIN 0.2f
#define WEIGHT_DECAY 0.02f
#define CLIP_NORM 5.0f
#define EMA_DECAY 0.995f
#define DAMP 0.25f
#define KEEP 2
#define CHECKPOINT_SECONDS 60
#define SHARE 0.35f /* until it is measured */

typedef struct job {
    lk_voice_train_options options;
    lk_voice_data data;
    lk_params *params;
    lk_net *net;
    lk_node in;
    int batch;
    int64_t total;
    int *own;       /* class of each sample of the batch */
    float *scratch; /* power and pitch of one piece */
    lk_optim optim;
} job;

lk_voice_train_options lk_voice_train_defaults(void)
{
    return (lk_voice_train_options){.seed = 1, .type = lk_cpu_has_bf16() ? LK_BF16 : LK_F32};
}

static void damp_residuals(lk_params *params)
{
    for (int i = 0; i < lk_params_count(params); i++) {
        lk_param *p = lk_params_at(params, i);
        if (!strstr(p->name, ".second.weight")) continue;
        for (int64_t k = 0; k < p->count; k++) p->value[k] *= DAMP;
    }
}

/* Class vectors are kept at unit length, so that their dot product with an embedding is the cosine. */
static void unit_classes(lk_params *params)
{
    lk_param *w = lk_params_find(params, "classes.weight");
    for (int64_t row = 0; w && row < w->count / LK_VOICE_DEEP; row++) {
        float *v = w->value + row * LK_VOICE_DEEP;
        double n = 0;
        for (int i = 0; i < LK_VOICE_DEEP; i++) n += (double)v[i] * v[i];
        float k = (float)(1 / sqrt(fmax(n, 1e-20)));
        for (int i = 0; i < LK_VOICE_DEEP; i++) v[i] *= k;
    }
}

/* Frequency and time masks (SpecAugment: Park et al. 2019). */
static void mask(float *x, lk_rng *r)
{
    for (int k = 0; k < 2; k++) {
        if (lk_rng_uniform(r) < 0.5f) {
            int n = 1 + (int)lk_rng_below(r, 7), from = (int)lk_rng_below(r, (uint32_t)(LK_MEL_BANDS - n));
            for (int t = 0; t < LK_CHUNK; t++) memset(x + t * LK_MEL_BANDS + from, 0, (size_t)n * sizeof *x);
        }
        if (lk_rng_uniform(r) < 0.5f) {
            int n = 1 + (int)lk_rng_below(r, 25), from = (int)lk_rng_below(r, (uint32_t)(LK_CHUNK - n));
            memset(x + from * LK_MEL_BANDS, 0, (size_t)(n * LK_MEL_BANDS) * sizeof *x);
        }
    }
}

/* Depends on nothing but (seed, step). */
static void fill(job *j, int64_t step)
{
    float *x = lk_net_in(j->net, j->in)->data;
    for (int b = 0; b < j->batch; b++) {
        lk_rng r = lk_rng_at(j->options.seed, 7, 0, (uint64_t)step * 4096 + (uint64_t)b);
        float *to = x + (size_t)b * LK_CHUNK * LK_MEL_BANDS;
        j->own[b] = (int)lk_rng_below(&r, (uint32_t)j->data.classes);
        lk_voice_draw(&j->data, j->own[b], LK_CHUNK, &r, j->scratch, j->scratch + LK_CHUNK * LK_MEL_BANDS);
        lk_chunk_make(j->scratch, LK_CHUNK, to);
        mask(to, &r);
    }
}

static double loss(job *j)
{
    const lk_tensor *t = lk_net_out(j->net, "classes");
    int classes = t->shape.c;
    float *g = lk_net_out_grad(j->net, "classes")->data;
    double total = 0;
    for (int b = 0; b < j->batch; b++) {
        const float *cosine = (const float *)t->data + (size_t)b * (size_t)classes;
        float top = -1e30f, sum = 0;
        for (int k = 0; k < classes; k++) top = fmaxf(top, SCALE * (cosine[k] - (k == j->own[b] ? MARGIN : 0)));
        for (int k = 0; k < classes; k++) sum += expf(SCALE * (cosine[k] - (k == j->own[b] ? MARGIN : 0)) - top);
        for (int k = 0; k < classes; k++) {
            float z = SCALE * (cosine[k] - (k == j->own[b] ? MARGIN : 0)) - top;
            g[(size_t)b * (size_t)classes + (size_t)k] += SCALE * (expf(z) / sum - (k == j->own[b])) / (float)j->batch;
            if (k == j->own[b]) total -= (z - logf(sum)) / j->batch;
        }
    }
    return total;
}

static lk_status build(job *j, lk_error *err)
{
    lk_node embedding;
    LK_TRY(lk_params_new(&j->params, err));
    LK_TRY(lk_net_new(&j->net, LK_SPEAKER_NET, j->params, LK_BACKEND_DNN, j->options.type, err));
    j->in = lk_net_speaker(j->net, j->batch, &embedding);
    lk_net_output(j->net, lk_net_dense(j->net, "classes", embedding, j->data.classes, LK_ACT_NONE, 0), "classes");
    LK_TRY(lk_net_plan(j->net, true, j->options.seed, err));
    damp_residuals(j->params);
    lk_params_freeze(j->params, "classes.bias", true);
    unit_classes(j->params);
    LK_TRY(lk_params_train(j->params, true, err));
    LK_TRY(lk_net_bind(j->net, err));
    j->own = lk_calloc((size_t)j->batch, sizeof *j->own);
    j->scratch = lk_calloc(LK_CHUNK * (LK_MEL_BANDS + 1), sizeof *j->scratch);
    return j->own && j->scratch ? LK_OK : LK_FAIL(err, LK_E_NOMEM, "no memory to train the speaker network");
}

/* A checkpoint may be gone on with only by the same data, seed, batch and length. */
static void identity(const job *j, char *out, size_t n)
{
    char hex[LK_HASH_HEX];
    lk_hash_hex(&j->data.fingerprint, hex);
    snprintf(out, n, "{\"net\":\"" LK_SPEAKER_NET "\",\"total\":%lld,\"seed\":\"%llu\",\"batch\":%d,\"data\":\"%s\"}",
             (long long)j->total, (unsigned long long)j->options.seed, j->batch, hex);
}

static lk_status resume(job *j, const char *path, lk_error *err)
{
    char want[512], *state = NULL;
    lk_checkpoint_part part = {"net", j->params, &j->optim};
    LK_TRY(lk_checkpoint_load(path, &part, 1, &state, err));
    identity(j, want, sizeof want);
    bool same = state && !strcmp(state, want);
    lk_free(state);
    if (same) return LK_OK;
    return LK_FAIL(err, LK_E_STATE, "%s was made with another length, batch, seed or data; start again without resuming",
                   path);
}

static lk_status export_model(job *j, lk_error *err)
{
    lk_params *p = NULL;
    lk_net *net = NULL;
    lk_safetensors *st = NULL;
    lk_speaker_back back = {.share = SHARE};
    char meta[512], hex[LK_HASH_HEX], *bare = lk_strfmt("%s.net", j->options.output);
    lk_status s = bare ? LK_OK : LK_FAIL(err, LK_E_NOMEM, "no memory to write the speaker model");
    if (s != LK_OK) return s;
    LK_GOTO(done, lk_params_new(&p, err));
    LK_GOTO(done, lk_net_new(&net, LK_SPEAKER_NET, p, LK_BACKEND_DNN, LK_F32, err));
    lk_node in = lk_net_speaker(net, 1, NULL);
    LK_GOTO(done, lk_net_plan(net, false, 1, err));
    for (int i = 0; i < lk_params_count(p); i++) {
        lk_param *to = lk_params_at(p, i), *from = lk_params_find(j->params, to->name);
        if (!from || from->count != to->count) {
            s = LK_FAIL(err, LK_E_BUG, "the trained and the shipped speaker network disagree on %s", to->name);
            goto done;
        }
        for (int64_t k = 0; k < to->count; k++) /* as they will be read back */
            to->value[k] = lk_bf16_to_f32(lk_bf16_from_f32(from->ema ? from->ema[k] : from->value[k]));
    }
    LK_GOTO(done, lk_net_bind(net, err));
    lk_net_refresh(net);
    LK_GOTO(done, lk_voice_back_fit(&j->data, net, in, j->options.seed, &back, err));
    LK_GOTO(done, lk_params_save(p, bare, LK_BF16, false, "{}", err));
    LK_GOTO(done, lk_safetensors_open(bare, &st, err));
    lk_hash_hex(&j->data.fingerprint, hex);
    snprintf(meta, sizeof meta,
             "{\"net\":\"" LK_SPEAKER_NET "\",\"version\":\"1\",\"steps\":\"%lld\",\"batch\":\"%d\",\"seed\":\"%llu\","
             "\"data\":\"%s\",\"share\":\"%.3f\"}",
             (long long)j->optim.t, j->batch, (unsigned long long)j->options.seed, hex, (double)back.share);
    s = lk_speaker_write(j->options.output, st, &back, meta, err);
done:
    lk_safetensors_close(st);
    remove(bare);
    lk_free(bare);
    lk_net_free(net);
    lk_params_free(p);
    return s;
}

static double step(job *j)
{
    fill(j, j->optim.t);
    lk_net_forward(j->net);
    lk_net_zero_out_grads(j->net);
    double l = loss(j);
    lk_params_zero_grad(j->params);
    lk_net_backward(j->net, true);
    j->optim.lr = RATE * lk_schedule_factor(j->optim.t, LK_MIN(200, j->total / 10), j->total, j->total * 6 / 10);
    if (!isfinite(lk_optim_step(&j->optim, j->params))) j->optim.t++; /* not taken; its batch is not met again */
    unit_classes(j->params);
    lk_net_refresh(j->net);
    return l;
}

static lk_status run(job *j, const char *checkpoint, lk_voice_train_result *result, const lk_cancel *cancel,
                     const lk_progress_sink *progress, lk_error *err)
{
    lk_checkpoint_part part = {"net", j->params, &j->optim};
    double start = lk_now(), saved = start, smooth = NAN, last[10] = {0};
    int64_t taken = 0;
    char note[64] = "", state[512];
    lk_meter meter;
    identity(j, state, sizeof state);
    lk_net_refresh(j->net);
    lk_meter_init(&meter, progress, "train", "steps", j->total);
    lk_meter_resume(&meter, j->optim.t);
    while (j->optim.t < j->total) {
        double l = step(j);
        smooth = isfinite(smooth) ? 0.98 * smooth + 0.02 * l : l;
        if (taken < 10) result->first_loss += l / 10;
        last[taken++ % 10] = l;
        snprintf(note, sizeof note, "loss %.4f", smooth);
        lk_meter_set(&meter, j->optim.t, note);
        bool stop = lk_cancel_raised(cancel) ||
                    (j->options.minutes > 0 && lk_now() - start > j->options.minutes * 60);
        if (stop || j->optim.t == j->total || lk_now() - saved > CHECKPOINT_SECONDS) {
            LK_TRY(lk_checkpoint_save(checkpoint, &part, 1, state, KEEP, err));
            saved = lk_now();
        }
        if (stop) break;
    }
    lk_meter_finish(&meter, note);
    for (int i = 0; i < 10; i++) result->last_loss += last[i] / 10;
    result->steps = j->optim.t;
    result->finished = j->optim.t >= j->total;
    return export_model(j, err);
}

lk_status lk_voice_train(const lk_voice_train_options *o, lk_voice_train_result *result, const lk_cancel *cancel,
                         const lk_progress_sink *progress, lk_error *err)
{
    lk_voice_train_result own;
    if (!result) result = &own;
    memset(result, 0, sizeof *result);
    if (!o->output) return LK_FAIL(err, LK_E_ARG, "training the speaker network needs an output file");
    job j = {.options = *o, .batch = o->batch > 0 ? o->batch : BATCH, .total = o->steps > 0 ? o->steps : STEPS};
    if (j.batch > 1024) return LK_FAIL(err, LK_E_RANGE, "a batch of %d is too large: at most 1024", j.batch);
    j.optim = lk_optim_default(LK_OPTIM_ADAM);
    j.optim.weight_decay = WEIGHT_DECAY;
    j.optim.clip_norm = CLIP_NORM;
    j.optim.ema_decay = EMA_DECAY;
    char *path = o->checkpoint ? lk_strdup(o->checkpoint) : lk_strfmt("%s.ckpt", o->output);
    lk_status s = path ? LK_OK : LK_FAIL(err, LK_E_NOMEM, "no memory to train the speaker network");
    if (s == LK_OK)
        s = o->synthetic ? lk_voice_data_synthetic(o->seed, 4, &j.data, err)
                         : lk_voice_data_load(o->data_dir, &j.data, progress, err);
    if (s == LK_OK) s = build(&j, err);
    if (s == LK_OK && o->resume) s = resume(&j, path, err);
    if (s == LK_OK) s = run(&j, path, result, cancel, progress, err);
    lk_net_free(j.net);
    lk_params_free(j.params);
    lk_free(j.own);
    lk_free(j.scratch);
    lk_free(path);
    lk_voice_data_clear(&j.data);
    return s;
}
