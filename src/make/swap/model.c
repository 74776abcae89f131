/* model.c: a trained model, opened for rendering. The header can be read by
 * anybody; the weights, which are a likeness, are encrypted (consent/bind.h) and
 * open only with the grants of the two people whom the file names. */
#include "make/swap/train.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MODEL_BATCH_MAX 8
#define LIDS_GAIN 1.2f /* the measured step shuts eyes that the code already half shuts; a little more shuts all */

struct lk_swap_model {
    lk_swap_config config;
    lk_params *params;
    lk_net *net;
    lk_node pictures, lids; /* lids: what is added to the code to shut the eyes */
    int batch;
    float *shut, usual;     /* direction and the performer's usual opening; NULL = this model cannot blink */
};

static lk_status bad(const char *path, const char *what, lk_error *err)
{
    return LK_FAIL(err, LK_E_FORMAT, "'%s' is no swap model that can be used: %s", path, what);
}

/* "96 32 128 32 16 1" */
static bool read_config(const char *text, lk_swap_config *c)
{
    char tail;
    return text && sscanf(text, "%d %d %d %d %d %f%c", &c->size, &c->enc, &c->ae, &c->dec, &c->mask,
                          &c->coverage, &tail) == 6;
}

static const lk_bind_person *person_as(const lk_bind_info *h, lk_use use)
{
    for (int i = 0; i < h->people_count; i++)
        if (h->people[i].use == use) return &h->people[i];
    return NULL;
}

/* What the craft wrote into the header. usual (may be NULL): how far the performer's eyes stand open, 0 = not said. */
static lk_status read_detail(const char *path, const char *detail, lk_swap_info *out, float *usual, lk_error *err)
{
    lk_arena *arena = NULL;
    lk_json *root = NULL;
    if (lk_arena_new(&arena, 16384) != LK_OK) return LK_FAIL(err, LK_E_NOMEM, "no memory to read '%s'", path);
    lk_status s = lk_json_parse(detail, strlen(detail), arena, &root, NULL);
    if (s != LK_OK || strcmp(lk_json_string(root, "format", ""), SWAP_MODEL_FORMAT))
        s = bad(path, "it was written by another version of the program; train it again", err);
    if (s == LK_OK && !read_config(lk_json_string(root, "config", NULL), &out->config))
        s = bad(path, "its configuration is missing or damaged", err);
    if (s == LK_OK) {
        s = swap_config_check(&out->config, path, err);
        /* It is shown as JSON inside JSON: what is none is not shown. */
        const char *card = lk_json_string(root, "card", "");
        lk_json *v = NULL;
        bool good = strlen(card) < sizeof out->card && lk_json_parse(card, strlen(card), arena, &v, NULL) == LK_OK;
        snprintf(out->card, sizeof out->card, "%s", good ? card : "{}");
        if (usual) *usual = strtof(lk_json_string(root, "eyes_usual", "0"), NULL);
    }
    lk_arena_free(arena);
    return s;
}

static lk_status read_info(const char *path, lk_bind_info *h, lk_swap_info *out, float *usual, lk_error *err)
{
    if (!lk_bind_is(path) && lk_path_exists(path))
        return bad(path, "models are bound to consent and encrypted, and this file is not; train it again with `likeness "
                   "train swap`", err);
    LK_TRY(lk_bind_info_read(path, h, err));
    const lk_bind_person *source = person_as(h, LK_USE_FACE_SOURCE), *target = person_as(h, LK_USE_FACE_TARGET);
    if (strcmp(h->kind, SWAP_MODEL_KIND) || !source || !target)
        return bad(path, "it is of another kind; train one with `likeness train swap`", err);
    LK_TRY(read_detail(path, h->detail, out, usual, err));
    strcpy(out->source_subject, source->subject);
    strcpy(out->source_record, source->record);
    strcpy(out->target_subject, target->subject);
    strcpy(out->target_record, target->record);
    out->weights = h->content;
    out->training_root = h->training_root;
    out->made = h->made;
    out->expires = h->expires;
    memcpy(out->studio.b, h->grantee, sizeof out->studio.b);
    return LK_OK;
}

lk_status lk_swap_model_info(const char *path, lk_swap_info *out, lk_error *err)
{
    memset(out, 0, sizeof *out);
    lk_bind_info *h = lk_alloc(sizeof *h);
    if (!h) return LK_FAIL(err, LK_E_NOMEM, "no memory to read '%s'", path);
    lk_status s = read_info(path, h, out, NULL, err);
    lk_free(h);
    if (s == LK_OK) s = lk_hash_file(path, &out->hash, err);
    return s;
}

static lk_status same_person(const char *path, const lk_grant *g, lk_use use, const char *subject,
                             const char *record, const char *role, lk_error *err)
{
    LK_TRY(lk_grant_check(g, use, err));
    if (strcmp(subject, lk_grant_subject_id(g)))
        return LK_FAIL(err, LK_E_CONSENT, "model '%s' has subject %s as its %s, but the consent at hand is "
                       "%s's", path, subject, role, lk_grant_subject_name(g));
    if (strcmp(record, lk_grant_record_id(g)))
        return LK_FAIL(err, LK_E_CONSENT, "model '%s' stands on consent record %s of %s, not on the one that "
                       "is valid now (%s): train it again", path, record,
                       lk_grant_subject_name(g), lk_grant_record_id(g));
    return LK_OK;
}

static lk_status finite_only(const char *path, lk_params *p, lk_error *err)
{
    for (int i = 0; i < lk_params_count(p); i++) {
        const lk_param *q = lk_params_at(p, i);
        for (int64_t k = 0; k < q->count; k++)
            if (!isfinite(q->value[k])) return bad(path, "a weight is not a number", err);
    }
    return LK_OK;
}

/* How this model shuts eyes; files of before that was measured have none. */
static lk_status read_blink(const char *path, const lk_safetensors *st, float usual, lk_swap_model *m, lk_error *err)
{
    const lk_named_tensor *t = lk_safetensors_find(st, SWAP_BLINK);
    const size_t bytes = (size_t)m->config.ae * sizeof(float);
    if (!t || usual == 0) return LK_OK;
    m->usual = usual;
    if (strcmp(t->dtype, "F32") || t->bytes != bytes || !(m->usual > 0 && m->usual < 4))
        return bad(path, "what it says of shut eyes is damaged", err);
    m->shut = lk_alloc(bytes);
    if (!m->shut) return LK_FAIL(err, LK_E_NOMEM, "no memory for model '%s'", path);
    memcpy(m->shut, t->data, bytes);
    for (int k = 0; k < m->config.ae; k++)
        if (!isfinite(m->shut[k])) return bad(path, "what it says of shut eyes is damaged", err);
    return LK_OK;
}

float lk_swap_model_shut(const lk_swap_model *m, const lk_point lm[LK_LANDMARKS])
{
    float flat[2 * LK_LANDMARKS];
    if (!m->shut) return 0;
    for (int i = 0; i < LK_LANDMARKS; i++) flat[2 * i] = lm[i].x, flat[2 * i + 1] = lm[i].y;
    return swap_eyes_shut(swap_eyes_open(flat), m->usual);
}

lk_status lk_swap_model_open(const char *path, const lk_grant *source, const lk_grant *target, int batch,
                             lk_swap_model **out, lk_error *err)
{
    *out = NULL;
    if (batch < 1 || batch > MODEL_BATCH_MAX)
        return LK_FAIL(err, LK_E_RANGE, "%d faces at once is outside 1..%d", batch, MODEL_BATCH_MAX);
    LK_TRY(lk_grant_check(source, LK_USE_FACE_SOURCE, err));
    LK_TRY(lk_grant_check(target, LK_USE_FACE_TARGET, err));
    const lk_grant *grants[] = {source, target};
    lk_safetensors *st = NULL;
    lk_swap_info info = {0};
    float usual = 0;
    lk_swap_model *m = lk_calloc(1, sizeof *m);
    lk_bind_info *h = lk_alloc(sizeof *h), *opened = lk_alloc(sizeof *opened);
    lk_status s = LK_OK;
    if (!m || !h || !opened) s = LK_FAIL(err, LK_E_NOMEM, "no memory for model '%s'", path);
    if (s == LK_OK) s = read_info(path, h, &info, &usual, err);
    if (s == LK_OK)
        s = same_person(path, source, LK_USE_FACE_SOURCE, info.source_subject, info.source_record, "source",
                        err);
    if (s == LK_OK)
        s = same_person(path, target, LK_USE_FACE_TARGET, info.target_subject, info.target_record, "target",
                        err);
    if (s == LK_OK) s = lk_vault_open(path, grants, 2, opened, &st, err);
    if (s == LK_OK && (strcmp(h->detail, opened->detail) || memcmp(h->key_id, opened->key_id, LK_BIND_ID)))
        s = bad(path, "it was replaced while it was opened", err);
    if (s == LK_OK) s = lk_params_new(&m->params, err);
    lk_dtype type = lk_cpu_has_bf16() ? LK_BF16 : LK_F32;
    if (s == LK_OK) s = lk_net_new(&m->net, "swap", m->params, LK_BACKEND_DNN, type, err);
    if (s == LK_OK) {
        m->config = info.config;
        m->batch = batch;
        m->pictures = lk_net_input(m->net, (lk_shape){batch, info.config.size, info.config.size, 3}, false);
        m->lids = lk_net_input(m->net, (lk_shape){batch, 1, 1, info.config.ae}, false);
        lk_node code = swap_describe_encoder(m->net, m->pictures, &m->config);
        swap_describe_decoder(m->net, "src.", lk_net_add(m->net, code, m->lids, LK_ACT_NONE, 0), &m->config, "face", "mask");
        s = lk_net_plan(m->net, false, 0, err);
    }
    if (s == LK_OK) s = lk_params_load(m->params, st, LK_LOAD_EXACT, NULL, NULL, NULL, err);
    if (s == LK_OK) s = finite_only(path, m->params, err);
    if (s == LK_OK) s = lk_net_bind(m->net, err);
    if (s == LK_OK) lk_net_refresh(m->net);
    if (s == LK_OK) s = read_blink(path, st, usual, m, err);
    lk_safetensors_close(st);
    lk_free(h);
    lk_free(opened);
    if (s != LK_OK) lk_swap_model_close(&m);
    *out = m;
    return s;
}

void lk_swap_model_close(lk_swap_model **m)
{
    if (!*m) return;
    lk_net_free((*m)->net);
    lk_params_free((*m)->params);
    lk_free((*m)->shut);
    lk_free(*m);
    *m = NULL;
}

lk_status lk_swap_model_run(lk_swap_model *m, const lk_image *crops, int n, const float *shut, lk_image *faces,
                            lk_image *masks, lk_error *err)
{
    const int size = m->config.size;
    const size_t pixels = (size_t)size * (size_t)size;
    if (n < 1 || n > m->batch)
        return LK_FAIL(err, LK_E_ARG, "%d faces given to a model opened for %d", n, m->batch);
    for (int i = 0; i < n; i++) {
        bool fits = crops[i].w == size && crops[i].h == size && crops[i].c == 3 && faces[i].w == size &&
            faces[i].h == size && faces[i].c == 3;
        if (masks) fits = fits && masks[i].w == size && masks[i].h == size && masks[i].c == 1;
        if (!fits)
            return LK_FAIL(err, LK_E_ARG, "face %d: this model takes and gives pictures of %d x %d", i, size,
                           size);
    }
    float *in = lk_net_in(m->net, m->pictures)->data;
    for (int i = 0; i < m->batch; i++) /* places without a face repeat the last one */
        memcpy(in + 3 * pixels * (size_t)i, crops[LK_MIN(i, n - 1)].data, 3 * pixels * sizeof *in);
    float *lids = lk_net_in(m->net, m->lids)->data;
    for (int i = 0; i < m->batch; i++)
        for (int k = 0; k < m->config.ae; k++)
            lids[i * m->config.ae + k] = shut && m->shut ? LIDS_GAIN * shut[LK_MIN(i, n - 1)] * m->shut[k] : 0;
    lk_net_forward(m->net);
    const float *face = lk_net_out(m->net, "face")->data, *logit = lk_net_out(m->net, "mask")->data;
    for (int i = 0; i < n; i++) {
        memcpy(faces[i].data, face + 3 * pixels * (size_t)i, 3 * pixels * sizeof *face);
        for (size_t k = 0; masks && k < pixels; k++)
            masks[i].data[k] = 1.0f / (1.0f + expf(-logit[pixels * (size_t)i + k]));
    }
    return LK_OK;
}

const lk_swap_config *lk_swap_model_config(const lk_swap_model *m) { return &m->config; }
int lk_swap_model_batch(const lk_swap_model *m) { return m->batch; }
