/* state.c: what survives: the checkpoint of a training under way, the model file,
 * and the base that a model starts from.
 *
 * A checkpoint is one file: weights, averages and moments of both networks, the
 * optimisers' counters, and as JSON the cursor, the plan of the phases in steps and
 * what the training was asked for. The plan is kept in steps, so that a resumed run
 * goes the way the first would have gone. It holds the same likeness as the model,
 * and is bound to the same records. */
#include "make/swap/train.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

lk_status swap_check_grants(const swap_job *j, lk_error *err)
{
    for (int k = 0; k < SWAP_SIDES; k++)
        for (int i = 0; i < j->grant_count[k]; i++) LK_TRY(lk_grant_check(j->grants[k][i], j->use[k], err));
    return LK_OK;
}

lk_status swap_vault_open(swap_job *j, lk_error *err)
{
    if (j->base) return LK_OK;
    for (int k = 0; k < SWAP_SIDES; k++) {
        int first = j->bound_count;
        for (int i = 0; i < j->grant_count[k]; i++) {
            bool seen = false;
            for (int m = first; m < j->bound_count; m++)
                seen = seen || !strcmp(lk_grant_record_id(j->bound[m]), lk_grant_record_id(j->grants[k][i]));
            if (seen) continue;
            if (j->bound_count == LK_BIND_PEOPLE)
                return LK_FAIL(err, LK_E_RANGE, "a model stands on at most %d consent records", LK_BIND_PEOPLE);
            j->bound[j->bound_count++] = j->grants[k][i];
        }
    }
    LK_TRY(lk_checkpoint_vault_open(&j->vault, "swap checkpoint", j->o->work_path, j->bound, j->bound_count, err));
    lk_bind_info *what = j->vault.what;
    if (j->material.person_count > LK_BIND_PARENTS)
        return LK_FAIL(err, LK_E_RANGE, "a model is trained on at most %d datasets", LK_BIND_PARENTS);
    for (int i = 0; i < j->material.person_count; i++)
        what->parents[what->parent_count++] = lk_dataset_hash(j->material.people[i].data);
    strcpy(what->detail, "{}");
    return LK_OK;
}

static int parts_of(swap_job *j, lk_checkpoint_part parts[2])
{
    parts[0] = (lk_checkpoint_part){"swap", j->net.params, &j->optim};
    parts[1] = (lk_checkpoint_part){"patch", j->gan.params, &j->gan.optim};
    return j->with_gan ? 2 : 1;
}

/* What must be the same for a checkpoint to be continued. */
static void add_identity(const swap_job *j, lk_text *t)
{
    const lk_swap_config *c = &j->net.config;
    char hex[LK_HASH_HEX];
    lk_hash_hex(&j->material.fingerprint, hex);
    lk_text_add(t, "\"kind\":\"%s\",\"seed\":\"%llu\",", j->base ? "base" : "swap",
                (unsigned long long)j->o->seed);
    lk_text_add(t, "\"size\":%d,\"enc\":%d,\"ae\":%d,\"dec\":%d,\"mask\":%d,\"coverage\":", c->size, c->enc,
                c->ae,
                c->dec, c->mask);
    lk_json_add_number(t, (double)c->coverage);
    lk_text_add(t, ",\"batch\":%d,\"dtype\":\"%s\",\"data\":\"%s\"", j->net.batch,
                j->dtype == LK_BF16 ? "bf16" : "f32", hex);
}

static void add_number(lk_text *t, const char *key, double v)
{
    lk_text_add(t, ",\"%s\":", key);
    lk_json_add_number(t, v);
}

lk_status swap_state_save(swap_job *j, lk_error *err)
{
    const swap_state *s = &j->state;
    lk_text t = {0};
    lk_text_add(&t, "{\"format\":\"likeness-swap-training-1\",");
    add_identity(j, &t);
    add_number(&t, "step", (double)s->step);
    add_number(&t, "begin", (double)s->begin);
    add_number(&t, "end0", (double)s->end[0]);
    add_number(&t, "end1", (double)s->end[1]);
    add_number(&t, "end2", (double)s->end[2]);
    add_number(&t, "seconds", s->seconds);
    add_number(&t, "rate_scale", (double)s->rate_scale);
    add_number(&t, "rollbacks", s->rollbacks);
    add_number(&t, "best", isfinite(s->best) ? s->best : 1e30);
    add_number(&t, "stale", s->stale);
    add_number(&t, "stopped_early", s->stopped_early);
    add_number(&t, "held_out_loss", s->last.loss);
    add_number(&t, "held_out_ssim", s->last.ssim);
    add_number(&t, "held_out_detail", s->last.detail);
    add_number(&t, "loss", s->losses.total);
    lk_text_add(&t, "}");
    lk_status status = LK_OK;
    if (t.failed) status = LK_FAIL(err, LK_E_NOMEM, "no memory for the checkpoint '%s'", j->o->work_path);
    lk_checkpoint_part parts[2];
    int n = parts_of(j, parts);
    if (status == LK_OK) status = lk_checkpoint_save_in(j->base ? NULL : &j->vault.vault, j->o->work_path, parts, n, t.s, 2, err);
    lk_text_clear(&t);
    return status;
}

static lk_status read_state(swap_job *j, const char *text, lk_error *err)
{
    lk_arena *arena = NULL;
    lk_json *root = NULL;
    lk_text want = {0};
    LK_TRY(lk_arena_new(&arena, 4096));
    lk_status s = lk_json_parse(text, strlen(text), arena, &root, err);
    if (s == LK_OK && strcmp(lk_json_string(root, "format", ""), "likeness-swap-training-1"))
        s = LK_FAIL(err, LK_E_FORMAT, "'%s' is no checkpoint of a swap training", j->o->work_path);
    if (s == LK_OK) {
        /* Every member of what this training is must be there with the same value. */
        lk_json *mine = NULL;
        lk_text_add(&want, "{");
        add_identity(j, &want);
        lk_text_add(&want, "}");
        if (want.failed)
            s = LK_FAIL(err, LK_E_NOMEM, "no memory to compare the checkpoint '%s'", j->o->work_path);
        else s = lk_json_parse(want.s, want.len, arena, &mine, err);
        for (lk_json *m = s == LK_OK ? mine->child : NULL; m && s == LK_OK; m = m->next) {
            const lk_json *o = lk_json_get(root, m->key);
            bool same = o && o->kind == m->kind;
            if (same)
                same = m->kind == LK_JSON_STRING ? !strcmp(o->string, m->string) : o->number == m->number;
            if (!same)
                s = LK_FAIL(err, LK_E_ARG, "checkpoint '%s' belongs to a training with another %s; restart, "
                            "or use another name", j->o->work_path, m->key);
        }
    }
    if (s == LK_OK) {
        swap_state *st = &j->state;
        st->step = (int64_t)lk_json_number(root, "step", 0);
        st->begin = (int64_t)lk_json_number(root, "begin", 0);
        st->end[0] = (int64_t)lk_json_number(root, "end0", 0);
        st->end[1] = (int64_t)lk_json_number(root, "end1", 0);
        st->end[2] = (int64_t)lk_json_number(root, "end2", 0);
        st->seconds = lk_json_number(root, "seconds", 0);
        st->rate_scale = (float)lk_json_number(root, "rate_scale", 1);
        st->rollbacks = (int)lk_json_number(root, "rollbacks", 0);
        st->best = lk_json_number(root, "best", 1e30);
        st->stale = (int)lk_json_number(root, "stale", 0);
        st->stopped_early = lk_json_number(root, "stopped_early", 0) != 0;
        st->last.loss = lk_json_number(root, "held_out_loss", 0);
        st->last.ssim = lk_json_number(root, "held_out_ssim", 0);
        st->last.detail = lk_json_number(root, "held_out_detail", 0);
        st->losses.total = lk_json_number(root, "loss", 0);
        if (st->begin < 0 || st->step < st->begin || st->end[0] < 0 || st->end[1] < st->end[0] ||
            st->end[2] < st->end[1])
            s = LK_FAIL(err, LK_E_FORMAT, "checkpoint '%s' holds a plan that makes no sense",
                        j->o->work_path);
    }
    lk_text_clear(&want);
    lk_arena_free(arena);
    return s;
}

lk_status swap_state_load(swap_job *j, lk_error *err)
{
    if (!j->o->work_path || !lk_path_exists(j->o->work_path)) return LK_E_NOTFOUND;
    lk_checkpoint_part parts[2];
    int n = parts_of(j, parts);
    char *text = NULL;
    LK_TRY(lk_checkpoint_load_from(j->base ? NULL : &j->vault.vault, j->o->work_path, parts, n, &text, err));
    lk_status s = LK_E_FORMAT;
    if (text) s = read_state(j, text, err);
    else LK_FAIL(err, LK_E_FORMAT, "checkpoint '%s' lost its state", j->o->work_path);
    lk_free(text);
    if (s == LK_OK) lk_net_refresh(j->net.net);
    if (s == LK_OK && j->with_gan) lk_net_refresh(j->gan.net);
    return s;
}

/* --- model files ---------------------------------------------------------------------- */

static void card_text(const swap_job *j, const lk_swap_train_report *r, lk_text *t)
{
    const lk_swap_config *c = &j->net.config;
    const swap_state *s = &j->state;
    char hex[LK_HASH_HEX], when[32];
    lk_hash_hex(&j->material.fingerprint, hex);
    lk_time_iso(lk_wall_time(), when);
    lk_text_add(t, "{\"kind\":\"%s\",\"version\":\"0.1.0\",\"made\":\"%s\",\"architecture\":\"df-ud\"",
                j->base ? "swap base" : "swap model", when);
    lk_text_add(t, ",\"size\":%d,\"widths\":[%d,%d,%d,%d]", c->size, c->enc, c->ae, c->dec, c->mask);
    lk_text_add(t, ",\"seed\":%llu,\"batch\":%d,\"dtype\":\"%s\",\"data_fingerprint\":\"%s\"",
                (unsigned long long)j->o->seed, j->net.batch,
                j->dtype == LK_BF16 ? "bf16" : "f32", hex);
    if (j->has_base) {
        lk_hash_hex(&j->base_hash, hex);
        lk_text_add(t, ",\"base_sha256\":\"%s\"", hex);
    }
    add_number(t, "steps", (double)s->step);
    add_number(t, "minutes", floor(s->seconds / 0.6 + 0.5) / 100);
    add_number(t, "images_per_second", floor(r->images_per_second * 10 + 0.5) / 10);
    lk_text_add(t, ",\"phase_ends\":[%lld,%lld,%lld]", (long long)s->end[0], (long long)s->end[1],
                (long long)s->end[2]);
    add_number(t, "held_out_loss", floor(s->last.loss * 1e4 + 0.5) / 1e4);
    add_number(t, "held_out_ssim", floor(s->last.ssim * 1e4 + 0.5) / 1e4);
    add_number(t, "held_out_detail", floor(s->last.detail * 1e3 + 0.5) / 1e3);
    add_number(t, "gan_power", floor((double)j->o->gan_power * 1e4 + 0.5) / 1e4);
    add_number(t, "predicted_memory_mb", (double)(j->memory >> 20));
    lk_text_add(t, ",\"stopped_early\":%s}", s->stopped_early ? "true" : "false");
}

static void meta_pair(lk_text *t, const char *key, const char *value)
{
    lk_text_add(t, ",\"%s\":", key);
    lk_json_quote(t, value);
}

static bool belongs(const swap_job *j, const char *name)
{
    return !strncmp(name, "enc.", 4) || !strncmp(name, "inter.", 6) ||
        !strncmp(name, j->net.side[0].prefix, 4);
}

/* Fold the "who" units of the base's first decoder layer into its bias at their mean: the face of nobody in
 * particular. (units, ae + who) -> (units, ae). */
static bool fold_who(const swap_job *j, const lk_param *w, const lk_param *b, float *weight, float *bias)
{
    const int ae = j->net.config.ae, units = w->shape.n, in = w->shape.c, people = j->material.person_count;
    if (w->count != (int64_t)units * in || in != ae + SWAP_ID_UNITS) return false;
    for (int u = 0; u < units; u++) {
        const float *row = w->ema + (size_t)u * (size_t)in;
        double mean = 0;
        for (int k = 0; k < people; k++) mean += (double)row[ae + k];
        memcpy(weight + (size_t)u * (size_t)ae, row, (size_t)ae * sizeof *weight);
        bias[u] = b->ema[u] + (float)(mean / people);
    }
    return true;
}

static lk_named_tensor tensor_entry(const lk_param *p)
{
    lk_named_tensor t = {.dtype = "BF16"};
    snprintf(t.name, sizeof t.name, "%s", p->name);
    const lk_shape s = p->shape;
    if (s.n > 1 || s.h > 1 || s.w > 1) {
        int64_t dim[] = {s.n, s.h, s.w, s.c};
        t.rank = 4;
        memcpy(t.dim, dim, sizeof dim);
    } else {
        t.rank = 1;
        t.dim[0] = s.c;
    }
    return t;
}

/* Averaged weights as bf16, rounded to nearest. */
static lk_status pack_tensors(const swap_job *j, lk_named_tensor *out, int *count, lk_arena *arena,
                              lk_error *err)
{
    float *fold_w = NULL, *fold_b = NULL;
    if (j->base) {
        const lk_param *w = lk_params_find(j->net.params, "dec.unfold.weight");
        const lk_param *b = lk_params_find(j->net.params, "dec.unfold.bias");
        fold_w = lk_arena_alloc(arena, (size_t)w->shape.n * (size_t)j->net.config.ae * sizeof(float));
        fold_b = lk_arena_alloc(arena, (size_t)b->count * sizeof(float));
        if (!fold_w || !fold_b) return LK_FAIL(err, LK_E_NOMEM, "no memory to write the model");
        if (!fold_who(j, w, b, fold_w, fold_b))
            return LK_FAIL(err, LK_E_BUG, "the base's first decoder layer has an unexpected shape");
    }
    *count = 0;
    for (int i = 0; i < lk_params_count(j->net.params); i++) {
        const lk_param *p = lk_params_at(j->net.params, i);
        if (!belongs(j, p->name)) continue;
        lk_named_tensor t = tensor_entry(p);
        const float *from = p->ema;
        int64_t n = p->count;
        if (fold_w && !strcmp(p->name, "dec.unfold.weight")) {
            from = fold_w;
            t.dim[t.rank - 1] = j->net.config.ae;
            n = (int64_t)p->shape.n * j->net.config.ae;
        } else if (fold_b && !strcmp(p->name, "dec.unfold.bias")) {
            from = fold_b;
        }
        lk_bf16 *half = lk_arena_alloc(arena, (size_t)n * sizeof *half);
        if (!half) return LK_FAIL(err, LK_E_NOMEM, "no memory to write the model");
        for (int64_t k = 0; k < n; k++) half[k] = lk_bf16_from_f32(from[k]);
        t.data = half;
        t.bytes = (size_t)n * sizeof *half;
        out[(*count)++] = t;
    }
    return LK_OK;
}

/* How the source's eyes shut, and how far the performer's stand open: what rendering needs to keep blinks. */
static lk_status measure_blink(const swap_job *j, float *direction, bool *found, float *usual, lk_error *err)
{
    const swap_material *m = &j->material;
    int first = 0;
    while (first < m->person_count && m->people[first].side == 0) first++;
    LK_TRY(swap_blink_measure(j, direction, found, err));
    return swap_eyes_usual(m->people + first, m->person_count - first, usual, err);
}

/* The weights of a model and what only they need; everything else its header says. */
static lk_status write_model(swap_job *j, const lk_named_tensor *t, int n, float usual, lk_swap_train_report *r, lk_error *err)
{
    const lk_swap_config *c = &j->net.config;
    const char *path = j->o->model_path;
    lk_bind_key *key = NULL;
    lk_text detail = {0};
    lk_bind_info *what = lk_alloc(sizeof *what);
    if (!what) return LK_FAIL(err, LK_E_NOMEM, "no memory to write '%s'", path);
    *what = *j->vault.what;
    lk_text_add(&detail, "{\"format\":\"%s\",\"config\":\"%d %d %d %d %d %.6g\"", SWAP_MODEL_FORMAT, c->size, c->enc, c->ae,
                c->dec, c->mask, (double)c->coverage);
    if (usual > 0) lk_text_add(&detail, ",\"eyes_usual\":\"%.6g\"", (double)usual);
    meta_pair(&detail, "card", r->card);
    lk_text_add(&detail, "}");
    lk_status s = detail.failed || detail.len >= sizeof what->detail
        ? LK_FAIL(err, LK_E_NOMEM, "no memory for the header of '%s'", path) : LK_OK;
    if (s == LK_OK) {
        strcpy(what->detail, detail.s);
        s = lk_bind_key_new(SWAP_MODEL_KIND, path, j->bound, j->bound_count, &key, err);
    }
    if (s == LK_OK) s = lk_vault_write(key, path, what, t, n, "", &r->model_hash, err);
    lk_bind_key_free(&key);
    lk_text_clear(&detail);
    lk_free(what);
    return s;
}

/* The base is shipped to everybody: a plain file. */
static lk_status write_base(swap_job *j, const lk_named_tensor *t, int n, lk_swap_train_report *r, lk_error *err)
{
    const lk_swap_config *c = &j->net.config;
    const char *path = j->o->model_path;
    lk_text meta = {0};
    lk_text_add(&meta, "{\"format\":\"likeness-swap-base-1\",\"config\":\"%d %d %d %d %d %.6g\"", c->size, c->enc, c->ae,
                c->dec, c->mask, (double)c->coverage);
    meta_pair(&meta, "card", r->card);
    lk_text_add(&meta, "}");
    lk_status s = meta.failed ? LK_FAIL(err, LK_E_NOMEM, "no memory for the header of '%s'", path)
                              : lk_safetensors_write(path, t, n, meta.s, err);
    lk_text_clear(&meta);
    return s == LK_OK ? lk_hash_file(path, &r->model_hash, err) : s;
}

lk_status swap_model_save(swap_job *j, lk_swap_train_report *r, lk_error *err)
{
    LK_TRY(swap_check_grants(j, err));
    const lk_swap_config *c = &j->net.config;
    lk_text card = {0};
    lk_arena *arena = NULL;
    card_text(j, r, &card);
    snprintf(r->card, sizeof r->card, "%s", card.failed ? "{}" : card.s);
    float *blink = lk_calloc((size_t)c->ae, sizeof *blink), usual = 0;
    bool blinks = false;
    int n = lk_params_count(j->net.params);
    lk_named_tensor *t = lk_calloc((size_t)n + 1, sizeof *t);
    lk_status s = LK_OK;
    if (card.failed || !blink || !t || lk_arena_new(&arena, 1 << 20) != LK_OK)
        s = LK_FAIL(err, LK_E_NOMEM, "no memory to write '%s'", j->o->model_path);
    if (s == LK_OK && !j->base) s = measure_blink(j, blink, &blinks, &usual, err);
    if (s == LK_OK) s = pack_tensors(j, t, &n, arena, err);
    if (s == LK_OK && blinks)
        t[n++] = (lk_named_tensor){.name = SWAP_BLINK, .dtype = "F32", .rank = 1, .dim = {c->ae}, .data = blink,
                                   .bytes = (size_t)c->ae * sizeof *blink};
    if (s == LK_OK) s = j->base ? write_base(j, t, n, r, err) : write_model(j, t, n, blinks ? usual : 0, r, err);
    lk_arena_free(arena);
    lk_free(t);
    lk_free(blink);
    lk_text_clear(&card);
    return s;
}

lk_status swap_base_load(swap_job *j, const char *path, lk_error *err)
{
    lk_safetensors *st = NULL;
    LK_TRY(lk_safetensors_open(path, &st, err));
    const char *format = lk_safetensors_meta(st, "format");
    lk_status s = LK_OK;
    int loaded = 0, more = 0;
    if (!format || strcmp(format, "likeness-swap-base-1"))
        s = LK_FAIL(err, LK_E_FORMAT, "'%s' is no base of a swap model", path);
    if (s == LK_OK) s = lk_params_load(j->net.params, st, LK_LOAD_MATCHING, NULL, NULL, &loaded, err);
    for (int k = 0; k < j->net.sides && s == LK_OK; k++) {
        s = lk_params_load(j->net.params, st, LK_LOAD_MATCHING, "dec.", j->net.side[k].prefix, &more, err);
        loaded += more;
    }
    lk_safetensors_close(st);
    if (s == LK_OK && !loaded)
        s = LK_FAIL(err, LK_E_FORMAT, "base '%s' fits no layer of a model of this shape; train from scratch",
                    path);
    if (s == LK_OK) s = lk_hash_file(path, &j->base_hash, err);
    j->has_base = s == LK_OK;
    return s;
}
