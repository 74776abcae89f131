/* params.c: named parameter sets. Values, gradients, moments and averages of all
 * parameters lie in five contiguous stretches of one block once lk_params_train
 * has run, so that the optimiser's pass and the clearing of gradients stream. */
#include "nn/internal.h"

#include <string.h>
#include <sys/mman.h>

/* Touched now, so that the first step does not page-fault. Large pages spare many TLB misses where the
 * system offers them (an eighth of the optimiser's time); refusal does no harm. */
void *lk_alloc_pages(size_t bytes)
{
    uint8_t *b = lk_alloc(bytes);
    if (!b) return NULL;
    const uintptr_t page = 2u << 20;
    uintptr_t from = ((uintptr_t)b + page - 1) & ~(page - 1), to = ((uintptr_t)b + bytes) & ~(page - 1);
    if (to > from) (void)madvise((void *)from, to - from, MADV_HUGEPAGE);
    memset(b, 0, bytes);
    return b;
}

lk_status lk_grow(void **array, int *cap, int count, size_t size, lk_error *err)
{
    if (count < *cap) return LK_OK;
    int cap_new = *cap ? *cap * 2 : 16;
    void *grown = lk_realloc(*array, (size_t)*cap * size, (size_t)cap_new * size);
    if (!grown) return LK_FAIL(err, LK_E_NOMEM, "no memory for %d entries of a network description", cap_new);
    *array = grown;
    *cap = cap_new;
    return LK_OK;
}

lk_status lk_params_new(lk_params **out, lk_error *err)
{
    *out = lk_calloc(1, sizeof **out);
    return *out ? LK_OK : LK_FAIL(err, LK_E_NOMEM, "no memory for a parameter set");
}

void lk_params_free(lk_params *p)
{
    if (!p) return;
    for (int i = 0; i < p->count; i++) lk_free(p->list[i]);
    for (int i = 0; i < p->block_count; i++) lk_free(p->blocks[i]);
    lk_free(p->list);
    lk_free(p->version);
    lk_free(p->blocks);
    lk_free(p->chunks);
    lk_free(p->chunk_norm);
    lk_free(p);
}

int lk_params_count(const lk_params *p) { return p->count; }
lk_param *lk_params_at(lk_params *p, int i) { return i >= 0 && i < p->count ? p->list[i] : NULL; }

static int find_index(const lk_params *p, const char *name)
{
    for (int i = 0; i < p->count; i++)
        if (!strcmp(p->list[i]->name, name)) return i;
    return -1;
}

lk_param *lk_params_find(lk_params *p, const char *name)
{
    int i = find_index(p, name);
    return i < 0 ? NULL : p->list[i];
}

void lk_params_touch_at(lk_params *p, int index) { p->version[index]++; }

void lk_params_touch(lk_params *p)
{
    for (int i = 0; i < p->count; i++) p->version[i]++;
}

lk_status lk_params_claim(lk_params *p, const char *name, lk_shape shape, bool learned, int *index,
                          lk_error *err)
{
    int i = find_index(p, name);
    if (i >= 0) {
        const lk_shape *s = &p->list[i]->shape;
        if (s->n != shape.n || s->h != shape.h || s->w != shape.w || s->c != shape.c ||
            p->list[i]->learned != learned)
            return LK_FAIL(err, LK_E_ARG,
                           "parameter '%s' is %dx%dx%dx%d already, but is described again as %dx%dx%dx%d",
                           name, s->n, s->h, s->w, s->c, shape.n, shape.h, shape.w, shape.c);
        *index = i;
        return LK_OK;
    }
    if (strlen(name) >= sizeof p->list[0]->name)
        return LK_FAIL(err, LK_E_ARG, "parameter name '%s' is longer than %zu characters", name,
                       sizeof p->list[0]->name - 1);
    if (lk_shape_count(shape) <= 0) return LK_FAIL(err, LK_E_ARG, "parameter '%s' has no elements", name);
    int cap = p->cap;
    LK_TRY(lk_grow((void **)&p->list, &cap, p->count, sizeof *p->list, err));
    LK_TRY(lk_grow((void **)&p->version, &p->cap, p->count, sizeof *p->version, err));
    lk_param *prm = lk_calloc(1, sizeof *prm);
    if (!prm) return LK_FAIL(err, LK_E_NOMEM, "no memory for parameter '%s'", name);
    strcpy(prm->name, name);
    prm->shape = shape;
    prm->count = lk_shape_count(shape);
    prm->learned = learned;
    prm->lr_scale = 1.0f;
    p->list[p->count] = prm;
    p->version[p->count] = 1;
    *index = p->count++;
    return LK_OK;
}

/* Zeroed, and remembered by the set. */
static void *take_block(lk_params *p, size_t bytes, lk_error *err)
{
    if (lk_grow((void **)&p->blocks, &p->block_cap, p->block_count, sizeof *p->blocks, err) != LK_OK)
        return NULL;
    void *b = lk_alloc_pages(bytes);
    if (!b) {
        lk_error_set(err, LK_E_NOMEM, __FILE__, __LINE__, "no memory for %zu MB of parameters", bytes >> 20);
        return NULL;
    }
    p->blocks[p->block_count++] = b;
    return b;
}

static void drop_block(lk_params *p, const void *block)
{
    for (int i = 0; i < p->block_count; i++) {
        if (p->blocks[i] != block) continue;
        lk_free(p->blocks[i]);
        p->blocks[i] = p->blocks[--p->block_count];
        return;
    }
}

lk_status lk_params_give_value(lk_params *p, int index, lk_error *err)
{
    lk_param *prm = p->list[index];
    prm->value = take_block(p, (size_t)prm->count * sizeof(float), err);
    return prm->value ? LK_OK : LK_E_NOMEM;
}

/* The optimiser's work list: every parameter in pieces, in order. */
static lk_status make_chunks(lk_params *p, lk_error *err)
{
    int64_t total = 0;
    for (int i = 0; i < p->count; i++) total += (p->list[i]->count + LK_PARAM_CHUNK - 1) / LK_PARAM_CHUNK;
    lk_param_chunk *chunks = lk_calloc((size_t)total, sizeof *chunks);
    double *norm = lk_calloc((size_t)total, sizeof *norm);
    if (!chunks || !norm) {
        lk_free(chunks);
        lk_free(norm);
        return LK_FAIL(err, LK_E_NOMEM, "no memory for the optimiser's work list");
    }
    int n = 0;
    for (int i = 0; i < p->count; i++)
        for (int64_t at = 0; at < p->list[i]->count; at += LK_PARAM_CHUNK)
            chunks[n++] = (lk_param_chunk){i, at, LK_MIN(p->list[i]->count - at, LK_PARAM_CHUNK)};
    lk_free(p->chunks);
    lk_free(p->chunk_norm);
    p->chunks = chunks;
    p->chunk_norm = norm;
    p->chunk_count = n;
    return LK_OK;
}

lk_status lk_params_train(lk_params *p, bool ema, lk_error *err)
{
    if (p->swapped)
        return LK_FAIL(err, LK_E_STATE,
                       "averaged weights are swapped in: swap back before preparing to train");
    size_t floats = 0; /* each parameter starts on a cache line */
    for (int i = 0; i < p->count; i++) {
        if (!p->list[i]->value)
            return LK_FAIL(err, LK_E_STATE, "parameter '%s' has no value yet: plan the network first",
                           p->list[i]->name);
        if (!p->list[i]->grad || (ema && !p->list[i]->ema))
            floats += LK_ALIGN64((size_t)p->list[i]->count * 4) / 4;
    }
    if (floats) {
        int parts = ema ? 5 : 4;
        float *block = take_block(p, floats * parts * sizeof(float), err);
        if (!block) return LK_E_NOMEM;
        size_t at = 0;
        for (int i = 0; i < p->count; i++) {
            lk_param *q = p->list[i];
            if (q->grad && (!ema || q->ema)) continue;
            size_t bytes = (size_t)q->count * sizeof(float);
            float *part[5];
            for (int k = 0; k < parts; k++) part[k] = block + (size_t)k * floats + at;
            memcpy(part[0], q->value, bytes);
            if (q->grad) { /* trained without an average until now */
                memcpy(part[1], q->grad, bytes);
                memcpy(part[2], q->m, bytes);
                memcpy(part[3], q->v, bytes);
            } else {
                drop_block(p, q->value);
            }
            q->value = part[0];
            q->grad = part[1];
            q->m = part[2];
            q->v = part[3];
            if (ema) memcpy(q->ema = part[4], q->value, bytes);
            at += LK_ALIGN64(bytes) / 4;
        }
    }
    return make_chunks(p, err);
}

void lk_params_zero_grad(lk_params *p)
{
#pragma omp parallel for schedule(static)
    for (int c = 0; c < p->chunk_count; c++) {
        lk_param *q = p->list[p->chunks[c].param];
        if (q->grad) memset(q->grad + p->chunks[c].from, 0, (size_t)p->chunks[c].count * sizeof(float));
    }
}

void lk_params_freeze(lk_params *p, const char *prefix, bool frozen)
{
    size_t n = strlen(prefix);
    for (int i = 0; i < p->count; i++)
        if (!strncmp(p->list[i]->name, prefix, n)) p->list[i]->frozen = frozen;
}

void lk_params_swap_ema(lk_params *p)
{
    for (int i = 0; i < p->count; i++) {
        lk_param *q = p->list[i];
        if (!q->ema) continue;
        float *t = q->value;
        q->value = q->ema;
        q->ema = t;
    }
    p->swapped = !p->swapped;
    lk_params_touch(p);
}
