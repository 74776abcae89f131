/* train.c: the loop that the personal training and the base share. Three phases:
 * warped input (learn what a face is whatever its shape), true input (learn detail),
 * and the adversary (learn texture). Every twentieth of the way the held-out pictures
 * are measured. Every minute consent is looked at again, the plan is fitted to the
 * wall clock, and all of it is written down. The rate falls along a cosine to zero. */
#include "make/swap/train.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define WARM_UP 30            /* steps over which the rate rises */
#define SHARE_WARP 0.72       /* of all steps */
#define SHARE_SHARP 0.14
#define VALIDATIONS 20        /* over a whole training, at fixed steps: the clock must not decide */
#define STALE_LIMIT 5         /* validations without a gain that end a phase */
#define STALE_GAIN 0.998      /* a gain is at least .2 % of the loss */
#define FIT_SECONDS 120.0
#define NAN_LIMIT 4

static const swap_augment HOW[2][SWAP_PHASES] = {
    /* personal */
    {{.warp = 0.020f, .rotate = 2.5f, .scale = 0.03f, .shift = 0.015f, .light = 1.0f, .tone = 0.75f,
      .mirror = false},
     {.warp = 0.0f, .rotate = 1.5f, .scale = 0.015f, .shift = 0.008f, .light = 0.8f, .tone = 0.75f,
      .mirror = false},
     {.warp = 0.0f, .rotate = 1.0f, .scale = 0.01f, .shift = 0.006f, .light = 0.8f, .tone = 0.75f,
      .mirror = false}},
    /* base */
    {{.warp = 0.020f, .rotate = 3.0f, .scale = 0.04f, .shift = 0.02f, .light = 1.0f, .tone = 0.6f,
      .mirror = true},
     {.warp = 0.0f, .rotate = 1.5f, .scale = 0.02f, .shift = 0.01f, .light = 1.0f, .tone = 0.6f,
      .mirror = true},
     {.warp = 0.0f, .rotate = 1.5f, .scale = 0.02f, .shift = 0.01f, .light = 1.0f, .tone = 0.6f,
      .mirror = true}},
};

static swap_phase phase_at(const swap_state *s, int64_t step)
{
    return step < s->end[SWAP_WARP] ? SWAP_WARP : step < s->end[SWAP_SHARP] ? SWAP_SHARP : SWAP_ADVERSARY;
}

/* Phase ends for a training from s->begin to total steps. */
static void plan_steps(const swap_job *j, swap_state *s, int64_t total)
{
    double length = (double)(total - s->begin);
    s->end[SWAP_ADVERSARY] = total;
    s->end[SWAP_WARP] = s->begin + (int64_t)(length * SHARE_WARP);
    s->end[SWAP_SHARP] = j->with_gan ? s->begin + (int64_t)(length * (SHARE_WARP + SHARE_SHARP)) : total;
}

/* A finished training that is given a larger budget goes on: the phases and the rate begin anew on what is
 * left. */
static void extend_plan(const swap_job *j, swap_state *s)
{
    const lk_swap_train_options *o = j->o;
    if (s->step < s->end[SWAP_ADVERSARY] || s->step == 0) return;
    int64_t total = o->steps;
    if (o->steps <= 0 && s->seconds > 0)
        total = s->step + (int64_t)((o->minutes * 60.0 - s->seconds) * (double)s->step / s->seconds);
    if (total < s->step + 100) return;
    s->begin = s->step;
    s->stopped_early = false;
    s->stale = 0;
    s->best = 1e30;
    plan_steps(j, s, total);
}

/* Batches up to step + SWAP_AHEAD are being made under the present plan; no phase end may move across them,
 * or a resumed run would make them otherwise. */
static bool plan_may_move(const swap_state *s, const swap_state *wish)
{
    int64_t safe = s->step + SWAP_AHEAD + 1;
    for (int k = 0; k < SWAP_PHASES; k++) {
        bool past = s->end[k] <= s->step;
        if (past != (wish->end[k] <= s->step)) return false;
        if (!past && (s->end[k] < safe || wish->end[k] < safe)) return false;
    }
    return true;
}

static void fit_plan(const swap_job *j, swap_state *s, double elapsed, double steps_per_second)
{
    if (j->o->minutes <= 0 || j->o->steps > 0 || s->stopped_early || steps_per_second <= 0) return;
    double left = j->o->minutes * 60.0 - elapsed;
    swap_state wish = *s;
    int64_t total = s->step + (int64_t)(fmax(left, 1.0) * steps_per_second);
    plan_steps(j, &wish, LK_MAX(total, s->step + SWAP_AHEAD + 4));
    /* A phase that is over stays over. */
    for (int k = 0; k < SWAP_PHASES; k++)
        if (s->end[k] <= s->step) wish.end[k] = s->end[k];
    if (plan_may_move(s, &wish)) memcpy(s->end, wish.end, sizeof s->end);
}

/* The held-out loss no longer falls: go on to the next phase. */
static void end_phase_early(swap_state *s)
{
    swap_phase now = phase_at(s, s->step);
    int64_t cut = s->end[now] - (s->step + SWAP_AHEAD + 1);
    if (cut <= 0) return;
    for (int k = now; k < SWAP_PHASES; k++) s->end[k] -= cut;
    s->stopped_early = true;
}

static float rate_at(const swap_job *j, const swap_state *s)
{
    int64_t length = s->end[SWAP_ADVERSARY] - s->begin;
    return s->rate_scale * lk_schedule_factor(s->step - s->begin, WARM_UP, length, length * 7 / 10);
}

typedef struct runner {
    swap_job *j;
    swap_feed *feed;
    lk_meter meter;
    int64_t asked;          /* next step to ask a batch for */
    double started, last_checkpoint, last_preview, base_seconds;
    int64_t steps_here;     /* made by this process */
    int64_t fit_step, mid_step; /* between which and now the rate is measured: the last two to four minutes */
    double fit_time, mid_time;
    lk_image sheet;
    char note[160];
} runner;

static double elapsed(const runner *r) { return r->base_seconds + lk_now() - r->started; }

static lk_status ask_ahead(runner *r)
{
    swap_job *j = r->j;
    for (; r->asked < j->state.step + SWAP_AHEAD; r->asked++)
        LK_TRY(swap_feed_ask(r->feed, r->asked, &HOW[j->base][phase_at(&j->state, r->asked)]));
    return LK_OK;
}

/* Throw away what was made ahead and start again at the present step. */
static lk_status restart_feed(runner *r, lk_error *err)
{
    swap_feed_free(&r->feed);
    LK_TRY(swap_feed_new(&r->feed, &r->j->material, &r->j->net, r->j->o->seed, err));
    r->asked = r->j->state.step;
    return LK_OK;
}

static void write_note(runner *r)
{
    const swap_state *s = &r->j->state;
    static const char *const names[SWAP_PHASES] = {"shape", "detail", "adversary"};
    snprintf(r->note, sizeof r->note, "%s  loss %.4f  held-out %.4f  SSIM %.3f", names[phase_at(s, s->step)],
             s->losses.total, s->last.loss, s->last.ssim);
}

static lk_status preview(runner *r, lk_error *err)
{
    swap_job *j = r->j;
    r->last_preview = lk_now();
    if (!j->o->preview) return LK_OK;
    if (!r->sheet.data) {
        int w, h;
        swap_preview_size(&j->net, &j->material, &w, &h);
        LK_TRY(lk_image_new(w, h, 3, &r->sheet, err));
    }
    swap_preview_draw(&j->net, &j->material, &j->spare, &r->sheet);
    lk_swap_preview p = {.sheet = r->sheet, .step = j->state.step};
    return j->o->preview(j->o->preview_user, &p, err);
}

static void measure(runner *r)
{
    swap_job *j = r->j;
    swap_state *s = &j->state;
    if (!j->material.held_out_count) return;
    s->last = swap_validate(&j->net, &j->material, &j->step, &j->spare);
    if (s->last.loss < s->best * STALE_GAIN) {
        s->best = s->last.loss;
        s->stale = 0;
    } else {
        s->stale++;
    }
    lk_log(2, "swap", "step %lld of %lld: loss %.4f, held-out %.4f, SSIM %.4f, detail %.3f",
           (long long)s->step, (long long)s->end[SWAP_ADVERSARY], s->losses.total, s->last.loss, s->last.ssim,
               s->last.detail);
}

/* At every twentieth of the way: held-out loss and the stop rule. */
static void validate_at_step(runner *r)
{
    swap_state *s = &r->j->state;
    int64_t every = LK_MAX(s->end[SWAP_ADVERSARY] / VALIDATIONS, 25);
    if (s->step % every) return;
    measure(r);
    if (s->stale < STALE_LIMIT || phase_at(s, s->step) == SWAP_ADVERSARY) return;
    end_phase_early(s);
    s->stale = 0;
    s->best = 1e30;
}

static lk_status checkpoint(runner *r, lk_error *err)
{
    swap_job *j = r->j;
    swap_state *s = &j->state;
    LK_TRY(swap_check_grants(j, err));
    double now = lk_now();
    /* The rate of some minutes: not of the last one, so that another program's busy minute does not cut a
     * phase short, and not since the start, so that a machine that has become free is used to the end. */
    if (now - r->mid_time > FIT_SECONDS) {
        r->fit_step = r->mid_step, r->fit_time = r->mid_time;
        r->mid_step = s->step, r->mid_time = now;
    }
    if (s->step > r->fit_step && now > r->fit_time)
        fit_plan(j, s, elapsed(r), (double)(s->step - r->fit_step) / (now - r->fit_time));
    s->seconds = elapsed(r);
    lk_status status = j->o->work_path ? swap_state_save(j, err) : LK_OK;
    r->last_checkpoint = lk_now();
    return status;
}

/* A loss or gradient that is not a number: back to the last checkpoint with half the rate. */
static lk_status roll_back(runner *r, lk_error *err)
{
    swap_job *j = r->j;
    int times = j->state.rollbacks + 1;
    float scale = j->state.rate_scale * 0.5f;
    if (times > NAN_LIMIT)
        return LK_FAIL(err, LK_E_STATE, "training diverged %d times at ever lower rates; restart with a "
                       "lower learning rate or with f32", times);
    lk_log(1, "swap", "step %lld gave no finite loss; going back with half the rate",
           (long long)j->state.step);
    lk_status s = swap_state_load(j, err);
    if (s == LK_E_NOTFOUND)
        return LK_FAIL(err, LK_E_STATE, "training diverged before its first checkpoint; restart with a lower "
                       "learning rate or with f32");
    LK_TRY(s);
    j->state.rollbacks = times;
    j->state.rate_scale = scale;
    return restart_feed(r, err);
}

/* One step. *bad: no finite gradient. */
static lk_status one_step(runner *r, bool *bad, lk_error *err)
{
    swap_job *j = r->j;
    swap_state *s = &j->state;
    swap_batch *b = NULL;
    *bad = false;
    if (ask_ahead(r) != LK_OK || swap_feed_take(r->feed, &b) != LK_OK || b->step != s->step)
        return LK_FAIL(err, LK_E_BUG, "the batch of step %lld was not made", (long long)s->step);
    swap_net_feed(&j->net, b);
    lk_net_forward(j->net.net);
    lk_net_zero_out_grads(j->net.net);
    swap_losses l = swap_step_losses(&j->step, &j->net, b, true);
    float factor = rate_at(j, s);
    if (j->with_gan && phase_at(s, s->step) == SWAP_ADVERSARY)
        swap_gan_step(&j->gan, &j->net, b, j->o->gan_power, s->rate_scale);
    lk_params_zero_grad(j->net.params);
    lk_net_backward(j->net.net, true);
    j->optim.lr = j->o->lr * factor;
    double norm = isfinite(l.total) ? lk_optim_step(&j->optim, j->net.params) : NAN;
    swap_feed_give_back(r->feed, b);
    if (!isfinite(norm)) {
        *bad = true;
        return LK_OK;
    }
    lk_net_refresh(j->net.net);
    double keep = s->step ? 0.97 : 0.0;
    s->losses.total = s->losses.total * keep + l.total * (1 - keep);
    swap_phase before = phase_at(s, s->step);
    s->step++;
    r->steps_here++;
    if (phase_at(s, s->step) != before) { /* a new phase has its own best */
        s->best = 1e30;
        s->stale = 0;
    }
    return LK_OK;
}

static lk_status loop(runner *r, const lk_cancel *cancel, lk_error *err)
{
    swap_job *j = r->j;
    swap_state *s = &j->state;
    const double every = j->o->checkpoint_seconds > 0 ? j->o->checkpoint_seconds : 60;
    const double look = j->o->preview_seconds > 0 ? j->o->preview_seconds : 20;
    while (s->step < s->end[SWAP_ADVERSARY]) {
        if (lk_cancel_raised(cancel)) {
            LK_TRY(checkpoint(r, err));
            return LK_FAIL(err, LK_E_CANCELLED, "training stopped at step %lld; the same command goes on "
                           "from there", (long long)s->step);
        }
        bool bad;
        LK_TRY(one_step(r, &bad, err));
        if (bad) {
            LK_TRY(roll_back(r, err));
            continue;
        }
        double now = lk_now();
        if (r->steps_here == 4) { /* the first steps warm caches */
            r->fit_step = r->mid_step = s->step;
            r->fit_time = r->mid_time = now;
        }
        if (r->steps_here == 16)
            fit_plan(j, s, elapsed(r), (double)(s->step - r->fit_step) / (now - r->fit_time));
        validate_at_step(r);
        r->meter.total = s->end[SWAP_ADVERSARY];
        write_note(r);
        lk_meter_set(&r->meter, s->step, r->note);
        if (now - r->last_checkpoint >= every) LK_TRY(checkpoint(r, err));
        if (now - r->last_preview >= look) LK_TRY(preview(r, err));
        if (j->o->minutes > 0 && j->o->steps <= 0 && elapsed(r) > j->o->minutes * 66.0 + 10.0)
            s->end[SWAP_ADVERSARY] = s->step;
    }
    return LK_OK;
}

/* Everything that the job will hold at once: predicted before it starts. */
static size_t predict_memory(const swap_job *j)
{
    lk_net_stats st;
    lk_net_stats_get(j->net.net, &st);
    /* averages and what they shadow */
    size_t n = st.activation_bytes + st.scratch_bytes + st.param_bytes + (size_t)st.param_count * 5;
    if (j->with_gan) {
        lk_net_stats_get(j->gan.net, &st);
        n += st.activation_bytes + st.scratch_bytes + st.param_bytes;
    }
    const size_t pixels = (size_t)j->net.config.size * (size_t)j->net.config.size;
    n += (size_t)(SWAP_AHEAD + 1) * (size_t)j->net.batch * pixels * 8 * sizeof(float);
    for (int i = 0; i < j->material.person_count; i++)
        n += (size_t)lk_dataset_count(j->material.people[i].data) * LK_SAMPLE_SIZE * LK_SAMPLE_SIZE * 4;
    return n;
}

/* Describe, plan and bind the networks; weights from the base or from scratch. */
static lk_status prepare(swap_job *j, lk_error *err)
{
    const lk_swap_train_options *o = j->o;
    const int count[SWAP_SIDES] = {o->batch, j->base ? 0 : o->batch_target > 0 ? o->batch_target : o->batch};
    j->dtype = o->dtype_auto ? (lk_cpu_has_bf16() ? LK_BF16 : LK_F32) : o->dtype;
    LK_TRY(swap_net_new(&j->net, &o->config, count, j->base, LK_BACKEND_DNN, j->dtype, o->seed, err));
    if (o->base) LK_TRY(swap_base_load(j, o->base, err));
    LK_TRY(lk_params_train(j->net.params, true, err));
    j->with_gan = o->gan_power > 0 && !j->base;
    if (j->with_gan) LK_TRY(swap_gan_new(&j->gan, &j->net, LK_BACKEND_DNN, j->dtype, o->seed, err));
    j->memory = predict_memory(j);
    LK_TRY(lk_net_bind(j->net.net, err));
    LK_TRY(swap_step_new(&j->step, &j->net, err));
    LK_TRY(swap_batch_new(&j->spare, &j->net, err));
    j->optim = lk_optim_default(LK_OPTIM_ADAM);
    j->optim.lr = o->lr;
    j->optim.ema_decay = 0.99f;
    j->state.rate_scale = 1.0f;
    j->state.best = 1e30;
    plan_steps(j, &j->state, o->steps > 0 ? o->steps : (int64_t)(o->minutes * 60.0 * 2.0) + 40);
    lk_log(2, "swap", "about %zu MB of memory will be used", j->memory >> 20);
    return LK_OK;
}

static lk_status check_options(const lk_swap_train_options *o, lk_error *err)
{
    LK_TRY(swap_config_check(&o->config, "training", err));
    if (!o->model_path) return LK_FAIL(err, LK_E_ARG, "training needs a path for the model");
    if (o->minutes <= 0 && o->steps <= 0)
        return LK_FAIL(err, LK_E_ARG, "training needs a budget: minutes or steps");
    if (o->batch < 1 || o->batch > 64)
        return LK_FAIL(err, LK_E_RANGE, "a batch of %d faces is outside 1..64", o->batch);
    if (o->batch_target < 0 || o->batch_target > 64)
        return LK_FAIL(err, LK_E_RANGE, "%d faces of the destination a step are outside 0..64",
                       o->batch_target);
    if (!(o->lr > 0 && o->lr < 0.1f))
        return LK_FAIL(err, LK_E_RANGE, "a learning rate of %g is outside 0..0.1", (double)o->lr);
    if (!(o->gan_power >= 0 && o->gan_power <= 10))
        return LK_FAIL(err, LK_E_RANGE, "an adversary of strength %g is outside 0..10", (double)o->gan_power);
    return LK_OK;
}

lk_status swap_train_run(swap_job *j, lk_swap_train_report *report, const lk_cancel *cancel,
                         const lk_progress_sink *progress, lk_error *err)
{
    runner r = {.j = j};
    memset(report, 0, sizeof *report);
    lk_status s = check_options(j->o, err);
    if (s == LK_OK && j->o->threads > 0) lk_thread_budget_set(j->o->threads);
    if (s == LK_OK) s = swap_check_grants(j, err);
    if (s == LK_OK) s = swap_vault_open(j, err);
    if (s == LK_OK) s = prepare(j, err);
    if (s == LK_OK && j->o->resume) {
        s = swap_state_load(j, err);
        if (s == LK_E_NOTFOUND) s = LK_OK;
        else if (s == LK_OK) extend_plan(j, &j->state);
    }
    if (s != LK_OK) goto done;
    r.base_seconds = j->state.seconds;
    r.asked = j->state.step;
    r.fit_step = r.mid_step = j->state.step;
    r.started = r.fit_time = r.mid_time = r.last_checkpoint = r.last_preview = lk_now();
    lk_meter_init(&r.meter, progress, "train", "steps", j->state.end[SWAP_ADVERSARY]);
    LK_GOTO(done, swap_feed_new(&r.feed, &j->material, &j->net, j->o->seed, err));
    LK_GOTO(done, loop(&r, cancel, err));
    measure(&r);
    LK_GOTO(done, checkpoint(&r, err));
    LK_GOTO(done, preview(&r, err));
    report->steps = j->state.step;
    report->minutes = j->state.seconds / 60.0;
    report->images_per_second = lk_now() > r.started
        ? (double)(r.steps_here * j->net.batch) / (lk_now() - r.started) : 0;
    report->loss_train = (float)j->state.losses.total;
    report->loss_held_out = (float)j->state.last.loss;
    report->ssim_held_out = (float)j->state.last.ssim;
    report->stopped_early = j->state.stopped_early;
    report->data_fingerprint = j->material.fingerprint;
    LK_GOTO(done, swap_model_save(j, report, err));
    write_note(&r);
    lk_meter_finish(&r.meter, r.note);
done:
    swap_feed_free(&r.feed);
    lk_image_clear(&r.sheet);
    swap_gan_clear(&j->gan);
    swap_step_clear(&j->step);
    swap_batch_clear(&j->spare);
    swap_net_clear(&j->net);
    lk_checkpoint_vault_close(&j->vault);
    return s;
}
