/* feed.c: batches, made on one thread while the network trains on the one before.
 * Every draw is keyed by (seed, stream, step, position), so a batch is the same
 * whether it was made ahead, late or after a resume. */
#include "make/swap/train.h"

#include <math.h>
#include <string.h>

enum { STREAM_PICK = 11, STREAM_LOOK = 12 };

struct swap_feed {
    const swap_material *material;
    const swap_net *net;
    uint64_t seed;
    lk_queue *asked, *done;
    lk_thread *thread;
    swap_batch batch[SWAP_AHEAD];
    swap_augment how[SWAP_AHEAD];
    bool busy[SWAP_AHEAD];
};

lk_status swap_batch_new(swap_batch *b, const swap_net *net, lk_error *err)
{
    memset(b, 0, sizeof *b);
    size_t pixels = (size_t)net->batch * (size_t)net->config.size * (size_t)net->config.size;
    size_t who = (size_t)net->batch * SWAP_ID_UNITS;
    float *f = lk_calloc(pixels * 8 + who, sizeof *f);
    if (!f) return LK_FAIL(err, LK_E_NOMEM, "no memory for a training batch (%zu MB)", pixels * 32 >> 20);
    b->block = b->input = f;
    b->target = f + 3 * pixels;
    b->mask = f + 6 * pixels;
    b->weight = f + 7 * pixels;
    b->who = f + 8 * pixels;
    return LK_OK;
}

void swap_batch_clear(swap_batch *b)
{
    lk_free(b->block);
    memset(b, 0, sizeof *b);
}

static const swap_item *draw_item(const swap_source *s, lk_rng *r)
{
    double total = 0, at;
    for (int g = 0; g < s->count; g++) total += s->groups[g].share;
    at = (double)lk_rng_uniform(r) * total;
    int g = 0;
    while (g < s->count - 1 && at >= s->groups[g].share) at -= s->groups[g++].share;
    return &s->groups[g].items[lk_rng_below(r, (uint32_t)s->groups[g].count)];
}

static void fill_one(const swap_material *m, const swap_net *net, const swap_item *it, const float *tone_to,
                     const swap_augment *how, lk_rng *r, swap_batch *b, int at)
{
    size_t pixels = (size_t)net->config.size * (size_t)net->config.size, i = (size_t)at;
    swap_pick pick = {.seen = lk_dataset_at(m->people[it->seen_person].data, it->seen),
                      .wanted = lk_dataset_at(m->people[it->wanted_person].data, it->wanted),
                      .who = it->wanted_person};
    float tone[3];
    swap_sample_tone(&pick.wanted, tone);
    pick.tone_from = tone;
    pick.tone_to = tone_to;
    swap_augment_make(&pick, how, &net->config, r, b->input + 3 * pixels * i, b->target + 3 * pixels * i,
                      b->mask + pixels * i, b->weight + pixels * i);
    float *who = b->who + i * SWAP_ID_UNITS;
    memset(who, 0, SWAP_ID_UNITS * sizeof *who);
    if (net->who >= 0) who[pick.who] = 1.0f;
}

void swap_batch_fill(const swap_material *m, const swap_net *net, uint64_t seed, int64_t step,
                     const swap_augment *how, swap_batch *b)
{
    b->step = step;
    for (int k = 0; k < net->sides; k++)
        for (int i = 0; i < net->side[k].count; i++) {
            int at = net->side[k].from + i;
            uint64_t index = (uint64_t)step * 256 + (uint64_t)at;
            lk_rng choose = lk_rng_at(seed, STREAM_PICK, 0, index);
            lk_rng look = lk_rng_at(seed, STREAM_LOOK, 0, index);
            const swap_item *it = draw_item(&m->side[k], &choose);
            /* Only the face that will be put on has to meet the other's skin tones. */
            const float *tone_to = NULL;
            if (k == 0 && m->tone_count) tone_to = m->tones[lk_rng_below(&choose, (uint32_t)m->tone_count)];
            fill_one(m, net, it, tone_to, how, &look, b, at);
        }
}

void swap_item_plain(const swap_material *m, const swap_item *it, const lk_swap_config *c, float *input,
                     float *target, float *mask, float *weight)
{
    static const swap_augment plain = {0};
    swap_pick pick = {.seen = lk_dataset_at(m->people[it->seen_person].data, it->seen),
                      .wanted = lk_dataset_at(m->people[it->wanted_person].data, it->wanted),
                      .who = it->wanted_person};
    lk_rng r = lk_rng_at(0, STREAM_LOOK, 0, 0);
    swap_augment_make(&pick, &plain, c, &r, input, target, mask, weight);
}

static lk_status work(void *user, lk_error *err)
{
    swap_feed *f = user;
    void *item;
    lk_status s;
    while ((s = lk_queue_take(f->asked, &item)) == LK_OK) {
        swap_batch *b = item;
        swap_batch_fill(f->material, f->net, f->seed, b->step, &f->how[b - f->batch], b);
        s = lk_queue_put(f->done, b);
        if (s != LK_OK) break;
    }
    if (s == LK_END || s == LK_E_CANCELLED) return LK_OK;
    return LK_FAIL(err, s, "the thread that makes training batches failed");
}

lk_status swap_feed_new(swap_feed **out, const swap_material *m, const swap_net *net, uint64_t seed,
                        lk_error *err)
{
    *out = NULL;
    swap_feed *f = lk_calloc(1, sizeof *f);
    if (!f) return LK_FAIL(err, LK_E_NOMEM, "no memory for training batches");
    f->material = m;
    f->net = net;
    f->seed = seed;
    lk_status s = LK_OK;
    for (int i = 0; i < SWAP_AHEAD && s == LK_OK; i++) s = swap_batch_new(&f->batch[i], net, err);
    if (s == LK_OK) s = lk_queue_new(&f->asked, SWAP_AHEAD, err);
    if (s == LK_OK) s = lk_queue_new(&f->done, SWAP_AHEAD, err);
    if (s == LK_OK) s = lk_thread_start(&f->thread, work, f, err);
    if (s != LK_OK) swap_feed_free(&f);
    *out = f;
    return s;
}

void swap_feed_free(swap_feed **pf)
{
    swap_feed *f = *pf;
    if (!f) return;
    if (f->asked) lk_queue_stop(f->asked);
    if (f->done) lk_queue_stop(f->done);
    if (f->thread) lk_thread_join(&f->thread, NULL);
    if (f->asked) lk_queue_free(f->asked, NULL);
    if (f->done) lk_queue_free(f->done, NULL);
    for (int i = 0; i < SWAP_AHEAD; i++) swap_batch_clear(&f->batch[i]);
    lk_free(f);
    *pf = NULL;
}

lk_status swap_feed_ask(swap_feed *f, int64_t step, const swap_augment *how)
{
    int i = 0;
    while (i < SWAP_AHEAD && f->busy[i]) i++;
    if (i == SWAP_AHEAD) return LK_E_BUG;
    f->busy[i] = true;
    f->batch[i].step = step;
    f->how[i] = *how;
    return lk_queue_put(f->asked, &f->batch[i]);
}

lk_status swap_feed_take(swap_feed *f, swap_batch **out)
{
    void *item = NULL;
    lk_status s = lk_queue_take(f->done, &item);
    *out = item;
    return s;
}

void swap_feed_give_back(swap_feed *f, swap_batch *b) { f->busy[b - f->batch] = false; }
