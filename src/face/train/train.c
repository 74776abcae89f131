/* The training loop of the face networks: a loader thread fills batches ahead, the
 * caller's thread steps, averages, scores, checkpoints and at the end exports.
 *
 * Every batch is a function of (seed, step), and a checkpoint holds all that the next
 * step reads, so a resumed run repeats what an unbroken one would have done.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "face/train/task.h"

#define AHEAD 3              /* batches */
#define HELD_BATCHES 4
#define CHECKPOINT_SECONDS 60
#define KEEP 2               /* checkpoint generations */
#define EMA_DECAY 0.997f
#define WEIGHT_DECAY 0.01f
#define CLIP_NORM 5.0f
#define DAMP_RESIDUALS 0.25f
#define FINE_TUNE 0.4f        /* of the learning rate, when starting from trained weights */

static const lk_face_task *const tasks[] = {&lk_face_task_detect, &lk_face_task_landmark, &lk_face_task_mask,
                                            &lk_face_task_id};

typedef struct batch { float *x, *y; } batch;

typedef struct loader {
    lk_face_job *job;
    lk_queue *full, *empty;
    uint64_t from, to;
    float *scratch;
} loader;

lk_face_train_options lk_face_train_defaults(void)
{
    return (lk_face_train_options){
        .seed = 1, .backend = LK_BACKEND_DNN, .type = lk_cpu_has_bf16() ? LK_BF16 : LK_F32};
}

const lk_example *lk_face_job_pick(const lk_face_job *job, lk_example_source source, bool held, lk_rng *r)
{
    for (int turn = 0; turn < 2 * LK_SOURCES; turn++) { /* this source; the others; then the other slice */
        int i = ((int)source + turn) % LK_SOURCES + (held == (turn < LK_SOURCES) ? LK_SOURCES : 0);
        if (job->pool_count[i])
            return &job->data.all[job->pool[i][lk_rng_below(r, (uint32_t)job->pool_count[i])]];
    }
    return NULL;
}

static lk_status make_pools(lk_face_job *job, lk_error *err)
{
    for (int i = 0; i < 2 * LK_SOURCES; i++)
        if (!(job->pool[i] = lk_calloc((size_t)job->data.count + 1, sizeof(int))))
            return LK_FAIL(err, LK_E_NOMEM, "no memory to train %s", job->task->name);
    for (int k = 0; k < job->data.count; k++) {
        int i = (int)job->data.all[k].source + (job->data.all[k].held ? LK_SOURCES : 0);
        job->pool[i][job->pool_count[i]++] = k;
    }
    return job->data.count ? LK_OK
                           : LK_FAIL(err, LK_E_NOTFOUND, "no training pictures for %s", job->task->name);
}

static lk_status load_loop(void *user, lk_error *err)
{
    loader *l = user;
    for (uint64_t step = l->from; step < l->to; step++) {
        void *item = NULL;
        lk_status s = lk_queue_take(l->empty, &item);
        if (s != LK_OK) return s == LK_END || s == LK_E_CANCELLED ? LK_OK : s;
        batch *b = item;
        l->job->task->fill(l->job, step, false, b->x, b->y, l->scratch);
        s = lk_queue_put(l->full, b);
        if (s != LK_OK) return s == LK_E_CANCELLED ? LK_OK : s;
    }
    lk_queue_close(l->full);
    return LK_OK;
}

static size_t sample_floats(const lk_face_job *job)
{
    return (size_t)job->task->height * job->task->width * 3;
}

static lk_status batch_new(const lk_face_job *job, batch *b, lk_error *err)
{
    b->x = lk_calloc((size_t)job->batch * sample_floats(job), sizeof(float));
    b->y = lk_calloc((size_t)job->batch * (size_t)job->task->labels, sizeof(float));
    return b->x && b->y
               ? LK_OK
               : LK_FAIL(err, LK_E_NOMEM, "no memory to train %s; try a smaller batch", job->task->name);
}

static lk_status build(lk_face_job *job, lk_error *err)
{
    const lk_face_task *t = job->task;
    LK_TRY(lk_params_new(&job->params, err));
    LK_TRY(lk_net_new(&job->net, t->name, job->params, job->options.backend, job->options.type, err));
    job->in = t->describe(job, job->net, job->batch);
    LK_TRY(lk_net_plan(job->net, true, job->options.seed, err));
    lk_net_damp_residuals(job->params, DAMP_RESIDUALS);
    if (t->init) t->init(job);
    if (job->options.start_from) {
        lk_safetensors *st = NULL;
        LK_TRY(lk_safetensors_open(job->options.start_from, &st, err));
        lk_status s = lk_params_load(job->params, st, LK_LOAD_MATCHING, NULL, NULL, NULL, err);
        lk_safetensors_close(st);
        LK_TRY(s);
    }
    LK_TRY(lk_params_train(job->params, true, err));
    return lk_net_bind(job->net, err);
}

static lk_status save_checkpoint(const lk_face_job *job, const char *path, const lk_optim *o, int64_t total,
                                 lk_error *err)
{
    char hex[LK_HASH_HEX], state[512];
    lk_hash_hex(&job->data.fingerprint, hex);
    snprintf(state, sizeof state,
             "{\"net\":\"%s\",\"total\":%lld,\"seed\":\"%llu\",\"batch\":%d,\"data\":\"%s\"}",
             job->task->name, (long long)total, (unsigned long long)job->options.seed, job->batch, hex);
    lk_checkpoint_part part = {"net", job->params, (lk_optim *)o}; /* read only here */
    return lk_checkpoint_save(path, &part, 1, state, KEEP, err);
}

/* A checkpoint may be gone on with only by the same network, data, seed and batch. */
static lk_status load_checkpoint(lk_face_job *job, const char *path, lk_optim *o, int64_t *total,
                                 lk_error *err)
{
    char *state = NULL, hex[LK_HASH_HEX], seed[32];
    lk_arena *arena = NULL;
    lk_json *root = NULL;
    lk_checkpoint_part part = {"net", job->params, o};
    LK_TRY(lk_checkpoint_load(path, &part, 1, &state, err));
    lk_status s = lk_arena_new(&arena, 4096);
    if (s == LK_OK) s = lk_json_parse(state, strlen(state), arena, &root, err);
    if (s == LK_OK) {
        lk_hash_hex(&job->data.fingerprint, hex);
        snprintf(seed, sizeof seed, "%llu", (unsigned long long)job->options.seed);
        *total = (int64_t)lk_json_number(root, "total", 0);
        if (strcmp(lk_json_string(root, "net", ""), job->task->name) ||
            (int)lk_json_number(root, "batch", 0) != job->batch ||
            strcmp(lk_json_string(root, "seed", ""), seed) || strcmp(lk_json_string(root, "data", ""), hex))
            s = LK_FAIL(err, LK_E_STATE,
                        "%s was made by another network, batch, seed or data; start again without resuming",
                        path);
    }
    lk_arena_free(arena);
    lk_free(state);
    return s;
}

/* The score of the averaged weights on the held-out slice; the batches are the same every time. */
static double held_out(lk_face_job *job, batch *b, float *scratch)
{
    double sum = 0, weight = 0;
    lk_params_swap_ema(job->params);
    lk_net_refresh(job->net);
    for (uint64_t i = 0; i < HELD_BATCHES; i++) {
        job->task->fill(job, i, true, b->x, b->y, scratch);
        memcpy(lk_net_in(job->net, job->in)->data, b->x,
               (size_t)job->batch * sample_floats(job) * sizeof(float));
        lk_net_forward(job->net);
        job->task->score(job, b->y, &sum, &weight);
    }
    lk_params_swap_ema(job->params);
    lk_net_refresh(job->net);
    return weight > 0 ? sum / weight : NAN;
}

/* Write the averaged weights of the network as it is used: what only training needs stays behind. */
static lk_status export_weights(lk_face_job *job, int64_t steps, double score, lk_error *err)
{
    lk_params *p = NULL;
    lk_net *net = NULL;
    lk_text meta = {0};
    char hex[LK_HASH_HEX];
    lk_status s;
    LK_GOTO(done, lk_params_new(&p, err));
    LK_GOTO(done, lk_net_new(&net, job->task->name, p, LK_BACKEND_REF, LK_F32, err));
    job->task->shipped(net);
    LK_GOTO(done, lk_net_plan(net, false, 1, err));
    for (int i = 0; i < lk_params_count(p); i++) {
        lk_param *to = lk_params_at(p, i), *from = lk_params_find(job->params, to->name);
        if (!from || from->count != to->count) {
            s = LK_FAIL(err, LK_E_BUG, "%s: the trained and the shipped network disagree on %s",
                        job->task->name, to->name);
            goto done;
        }
        memcpy(to->value, from->ema ? from->ema : from->value, (size_t)to->count * sizeof(float));
    }
    lk_hash_hex(&job->data.fingerprint, hex);
    lk_text_add(&meta,
                "{\"net\":\"%s\",\"version\":\"1\",\"steps\":\"%lld\",\"batch\":\"%d\",\"seed\":\"%llu\","
                "\"data\":\"%s\",\"held_out\":\"%.4f %s\"",
                job->task->name, (long long)steps, job->batch, (unsigned long long)job->options.seed, hex,
                score, job->task->score_name);
    if (job->task->threshold > 0) lk_text_add(&meta, ",\"threshold\":\"%.3f\"", (double)job->task->threshold);
    lk_text_add(&meta, "}");
    if (meta.failed) s = LK_FAIL(err, LK_E_NOMEM, "no memory to export %s", job->task->name);
    else s = lk_params_save(p, job->options.output, LK_BF16, false, meta.s, err);
done:
    lk_text_clear(&meta);
    lk_net_free(net);
    lk_params_free(p);
    return s;
}

/* Everything that a run holds besides the network. */
typedef struct run {
    char *path; /* of the checkpoint */
    batch ring[AHEAD], held;
    loader loader;
    lk_thread *thread;
    lk_optim optim;
    int64_t total;
} run;

static lk_status no_memory(const lk_face_job *job, lk_error *err)
{
    return LK_FAIL(err, LK_E_NOMEM, "no memory to train %s; try a smaller batch", job->task->name);
}

static lk_status run_open(run *r, lk_face_job *job, lk_error *err)
{
    const lk_face_train_options *o = &job->options;
    r->total = o->steps ? o->steps : job->task->steps;
    r->optim = lk_optim_default(LK_OPTIM_ADAM);
    r->optim.weight_decay = WEIGHT_DECAY;
    r->optim.clip_norm = CLIP_NORM;
    r->optim.ema_decay = EMA_DECAY;
    r->path = o->checkpoint ? lk_strdup(o->checkpoint) : lk_strfmt("%s.ckpt", o->output);
    if (!r->path) return no_memory(job, err);
    if (o->resume) LK_TRY(load_checkpoint(job, r->path, &r->optim, &r->total, err));
    lk_net_refresh(job->net);
    loader *l = &r->loader;
    *l = (loader){.job = job, .from = (uint64_t)r->optim.t, .to = (uint64_t)r->total};
    l->scratch = lk_calloc(2 * sample_floats(job), sizeof(float)); /* the loader's and ours */
    if (!l->scratch) return no_memory(job, err);
    LK_TRY(lk_queue_new(&l->full, AHEAD, err));
    LK_TRY(lk_queue_new(&l->empty, AHEAD, err));
    LK_TRY(batch_new(job, &r->held, err));
    for (int i = 0; i < AHEAD; i++) {
        LK_TRY(batch_new(job, &r->ring[i], err));
        LK_TRY(lk_queue_put(l->empty, &r->ring[i]));
    }
    return lk_thread_start(&r->thread, load_loop, l, err);
}

static void run_close(run *r)
{
    if (r->loader.full) lk_queue_stop(r->loader.full); /* the loader thread ends at its next put or take */
    if (r->loader.empty) lk_queue_stop(r->loader.empty);
    if (r->thread) lk_thread_join(&r->thread, NULL);
    lk_queue_free(r->loader.full, NULL);
    lk_queue_free(r->loader.empty, NULL);
    for (int i = 0; i < AHEAD; i++) lk_free(r->ring[i].x), lk_free(r->ring[i].y);
    lk_free(r->held.x);
    lk_free(r->held.y);
    lk_free(r->loader.scratch);
    lk_free(r->path);
}

/* One batch forward, back and into the weights. */
static lk_status step(lk_face_job *job, run *r, double *loss, double *norm)
{
    const lk_face_task *t = job->task;
    void *item = NULL;
    LK_TRY(lk_queue_take(r->loader.full, &item));
    batch *b = item;
    memcpy(lk_net_in(job->net, job->in)->data, b->x, (size_t)job->batch * sample_floats(job) * sizeof(float));
    lk_net_forward(job->net);
    lk_net_zero_out_grads(job->net);
    *loss = t->loss(job, b->y);
    lk_params_zero_grad(job->params);
    lk_net_backward(job->net, true);
    LK_TRY(lk_queue_put(r->loader.empty, b));
    lk_optim *o = &r->optim;
    float rate = t->lr * (job->options.start_from ? FINE_TUNE : 1);
    o->lr = rate * lk_schedule_factor(o->t, LK_MIN(200, r->total / 10), r->total, r->total * 6 / 10);
    *norm = lk_optim_step(o, job->params);
    if (!isfinite(*norm)) o->t++; /* a step that was not taken; its batch is not met again */
    if (t->after_step) t->after_step(job);
    lk_net_refresh(job->net);
    return LK_OK;
}

static lk_status train(lk_face_job *job, run *r, lk_face_train_result *result, const lk_cancel *cancel,
                       const lk_progress_sink *progress, lk_error *err)
{
    const lk_face_task *t = job->task;
    const lk_optim *o = &r->optim;
    double start = lk_now(), saved = start, smooth = NAN, loss, norm, first[10] = {0}, last[10] = {0};
    double score = NAN, limit = job->options.minutes * 60;
    float *scratch = r->loader.scratch + sample_floats(job);
    int64_t taken = 0;
    lk_meter meter;
    char note[160] = "";
    lk_meter_init(&meter, progress, "train", "steps", r->total);
    while (o->t < r->total) {
        lk_status s = step(job, r, &loss, &norm);
        if (s != LK_OK)
            return LK_FAIL(err, LK_E_BUG, "the batches of %s ended at step %lld", t->name, (long long)o->t);
        smooth = isfinite(smooth) ? 0.98 * smooth + 0.02 * loss : loss;
        if (taken < 10) first[taken] = loss;
        last[taken++ % 10] = loss;
        if (o->t % LK_MAX(r->total / 20, 1) == 0 || o->t == r->total)
            score = held_out(job, &r->held, scratch);
        snprintf(note, sizeof note, "loss %.4f  norm %.2f  held-out %.3f %s", smooth, norm, score,
                 t->score_name);
        lk_meter_set(&meter, o->t, note);
        bool stop = lk_cancel_raised(cancel) || (limit > 0 && lk_now() - start > limit);
        if (stop || o->t == r->total || lk_now() - saved > CHECKPOINT_SECONDS) {
            LK_TRY(save_checkpoint(job, r->path, o, r->total, err));
            saved = lk_now();
        }
        if (stop) break;
    }
    lk_meter_finish(&meter, note);
    result->steps = o->t;
    result->finished = o->t >= r->total;
    for (int64_t i = 0, n = LK_MIN(taken, 10); i < n; i++) {
        result->first_loss += first[i] / (double)n;
        result->last_loss += last[i] / (double)n;
    }
    if (!isfinite(score)) score = held_out(job, &r->held, scratch);
    result->held_out = score;
    LK_TRY(export_weights(job, o->t, score, err));
    if (result->finished || !lk_cancel_raised(cancel)) return LK_OK;
    return LK_FAIL(err, LK_E_CANCELLED, "training %s was stopped at step %lld; resume goes on from there",
                   t->name, (long long)o->t);
}

lk_status lk_face_train(const char *net, const lk_face_train_options *o, lk_face_train_result *result,
                        const lk_cancel *cancel, const lk_progress_sink *progress, lk_error *err)
{
    lk_face_job job = {.options = *o};
    lk_face_train_result own = {0};
    if (!result) result = &own;
    memset(result, 0, sizeof *result);
    for (size_t i = 0; i < LK_COUNT(tasks); i++)
        if (!strcmp(tasks[i]->name, net)) job.task = tasks[i];
    if (!job.task)
        return LK_FAIL(
            err, LK_E_ARG,
            "there is no face network \"%s\": choose face-detect, face-landmark, face-mask or face-id", net);
    if (!o->output) return LK_FAIL(err, LK_E_ARG, "training %s needs an output file", net);
    job.batch = o->batch > 0 ? o->batch : job.task->batch;
    if (job.batch > LK_FACE_BATCH_MAX)
        return LK_FAIL(err, LK_E_RANGE, "a batch of %d is too large: at most %d", job.batch,
                       LK_FACE_BATCH_MAX);
    lk_status s = o->synthetic
                      ? lk_face_data_synthetic(o->seed, 96, &job.data, err)
                      : lk_face_data_load(o->data_dir, job.task->want, &job.data, cancel, progress, err);
    if (s == LK_OK && job.task->prepare) s = job.task->prepare(&job, err);
    if (s == LK_OK) s = make_pools(&job, err);
    if (s == LK_OK) s = build(&job, err);
    run r = {0};
    if (s == LK_OK) s = run_open(&r, &job, err);
    if (s == LK_OK) s = train(&job, &r, result, cancel, progress, err);
    run_close(&r);
    lk_net_free(job.net);
    lk_params_free(job.params);
    for (int i = 0; i < 2 * LK_SOURCES; i++) lk_free(job.pool[i]);
    lk_free(job.own);
    lk_face_data_clear(&job.data);
    return s;
}
