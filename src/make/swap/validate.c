/* validate.c: what a model can do, measured on pictures that it never trained on
 * with the averaged weights, and drawn for a person to see. */
#include <string.h>

#include "make/swap/score.h"
#include "make/swap/train.h"

/* Sum of squared differences of neighbours where the mask is set. */
static double energy(const float *x, const float *mask, int size)
{
    double sum = 0;
    for (int y = 0; y < size - 1; y++)
        for (int i = y * size; i < y * size + size - 1; i++) {
            if (mask[i] < 0.5f) continue;
            for (int k = 0; k < 3; k++) {
                double dx = (double)(x[3 * (i + 1) + k] - x[3 * i + k]),
                    dy = (double)(x[3 * (i + size) + k] - x[3 * i + k]);
                sum += dx * dx + dy * dy;
            }
        }
    return sum;
}

static void average(swap_net *net)
{
    lk_params_swap_ema(net->params);
    lk_net_refresh(net->net);
}

static void put_item(const swap_net *net, const swap_material *m, const swap_item *it, swap_batch *b, int at)
{
    size_t pixels = (size_t)net->config.size * (size_t)net->config.size, i = (size_t)at;
    swap_item_plain(m, it, &net->config, b->input + 3 * pixels * i, b->target + 3 * pixels * i,
                    b->mask + pixels * i, b->weight + pixels * i);
    float *who = b->who + i * SWAP_ID_UNITS;
    memset(who, 0, SWAP_ID_UNITS * sizeof *who);
    if (net->who >= 0) who[it->wanted_person] = 1.0f;
}

swap_validation swap_validate(swap_net *net, const swap_material *m, swap_step *s, swap_batch *b)
{
    swap_validation v = {0};
    const int size = net->config.size, at_once = net->side[0].count;
    const size_t pixels = (size_t)size * (size_t)size;
    double made = 0, real = 0;
    int rounds = m->held_out_count / at_once, n = 0;
    average(net);
    for (int round = 0; round < rounds; round++) {
        /* Side 1 has nothing held out: it gets side 0's pictures and its losses are not read. */
        for (int i = 0; i < net->batch; i++)
            put_item(net, m, &m->held_out[round * at_once + i % at_once], b, i);
        swap_net_feed(net, b);
        lk_net_forward(net->net);
        swap_net first = *net;
        first.sides = 1;
        v.loss += swap_step_losses(s, &first, b, false).total;
        float *face = lk_net_out(net->net, net->side[0].face)->data;
        for (int i = 0; i < at_once; i++, n++) {
            float *x = face + 3 * pixels * (size_t)i, *y = b->target + 3 * pixels * (size_t)i,
                *k = b->mask + pixels * (size_t)i;
            lk_image made_im = {.w = size, .h = size, .c = 3, .data = x},
                true_im = {.w = size, .h = size, .c = 3, .data = y};
            for (size_t p = 0; p < pixels; p++) k[p] = k[p] >= 0.5f;
            double ssim = lk_score_ssim(&made_im, &true_im, k, s->ssim);
            v.ssim += ssim == ssim ? ssim : 0; /* a picture without a face counts nothing */
            made += energy(x, k, size);
            real += energy(y, k, size);
        }
    }
    average(net);
    if (n) {
        v.loss /= rounds;
        v.ssim /= n;
        v.detail = real > 0 ? made / real : 0;
    }
    return v;
}

static int columns(const swap_net *net, const swap_material *m)
{
    int n = LK_MIN(net->side[0].count, m->shown_count[0]);
    if (net->sides > 1) n = LK_MIN(n, LK_MIN(net->side[1].count, m->shown_count[1]));
    return n;
}

void swap_preview_size(const swap_net *net, const swap_material *m, int *w, int *h)
{
    *w = columns(net, m) * net->config.size;
    *h = (net->sides > 1 ? 5 : 2) * net->config.size;
}

static void paste(lk_image *sheet, const float *picture, int size, int column, int row)
{
    lk_image im = {.w = size, .h = size, .c = 3, .data = (float *)(uintptr_t)picture};
    lk_draw_paste(sheet, &im, column * size, row * size);
}

/* One pass: pictures of shown side `from` at the place of side `at`; the face made there goes to `row`. */
static void preview_row(swap_net *net, const swap_material *m, swap_batch *b, lk_image *sheet, int from,
                        int at, int row_seen, int row_made)
{
    const int size = net->config.size, n = columns(net, m);
    const size_t pixels = (size_t)size * (size_t)size;
    const swap_item *shown = m->shown + (from ? m->shown_count[0] : 0);
    for (int i = 0; i < net->side[at].count; i++) put_item(net, m, &shown[i % n], b, net->side[at].from + i);
    swap_net_feed(net, b);
    lk_net_forward(net->net);
    const float *face = lk_net_out(net->net, net->side[at].face)->data;
    for (int i = 0; i < n; i++) {
        if (row_seen >= 0)
            paste(sheet, b->input + 3 * pixels * (size_t)(net->side[at].from + i), size, i, row_seen);
        paste(sheet, face + 3 * pixels * (size_t)i, size, i, row_made);
    }
}

void swap_preview_draw(swap_net *net, const swap_material *m, swap_batch *b, lk_image *sheet)
{
    average(net);
    preview_row(net, m, b, sheet, 0, 0, 0, 1);
    if (net->sides > 1) {
        preview_row(net, m, b, sheet, 1, 1, 2, 3);
        /* the destination's pictures through the source's decoder */
        preview_row(net, m, b, sheet, 1, 0, -1, 4);
    }
    average(net);
}
