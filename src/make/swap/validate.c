/* validate.c: what a model can do, measured on pictures that it never trained on
 * with the averaged weights, and drawn for a person to see. */
#include "make/swap/train.h"

#include <math.h>
#include <string.h>

/* Gaussian window of 11 px, deviation 1.5 (Wang et al. 2004); the weights of one axis. */
static void window11(float w[11])
{
    double sum = 0, v[11];
    for (int i = 0; i < 11; i++) sum += v[i] = exp(-(i - 5) * (i - 5) / (2.0 * 1.5 * 1.5));
    for (int i = 0; i < 11; i++) w[i] = (float)(v[i] / sum);
}

double swap_ssim(const float *x, const float *y, const float *mask, int size)
{
    float w[11];
    window11(w);
    const double c1 = 0.0001, c2 = 0.0009;
    double sum = 0;
    int64_t n = 0;
    for (int cy = 5; cy < size - 5; cy++)
        for (int cx = 5; cx < size - 5; cx++) {
            if (mask[cy * size + cx] < 0.5f) continue;
            for (int k = 0; k < 3; k++) {
                double mx = 0, my = 0, xx = 0, yy = 0, xy = 0;
                for (int dy = -5; dy <= 5; dy++)
                    for (int dx = -5; dx <= 5; dx++) {
                        int i = 3 * ((cy + dy) * size + cx + dx) + k;
                        double g = (double)(w[dy + 5] * w[dx + 5]), a = (double)x[i], b = (double)y[i];
                        mx += g * a;
                        my += g * b;
                        xx += g * a * a;
                        yy += g * b * b;
                        xy += g * a * b;
                    }
                double vx = xx - mx * mx, vy = yy - my * my, cov = xy - mx * my;
                sum += (2 * mx * my + c1) * (2 * cov + c2) / ((mx * mx + my * my + c1) * (vx + vy + c2));
            }
            n += 3;
        }
    return n ? sum / (double)n : 0.0;
}

/* Sum of squared differences of neighbours where the mask is set. */
static double energy(const float *x, const float *mask, int size)
{
    double sum = 0;
    for (int y = 0; y < size - 1; y++)
        for (int i = y * size; i < y * size + size - 1; i++) {
            if (mask[i] < 0.5f) continue;
            for (int k = 0; k < 3; k++) {
                double dx = (double)(x[3 * (i + 1) + k] - x[3 * i + k]), dy = (double)(x[3 * (i + size) + k] - x[3 * i + k]);
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
    swap_item_plain(m, it, &net->config, b->input + 3 * pixels * i, b->target + 3 * pixels * i, b->mask + pixels * i, b->weight + pixels * i);
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
        for (int i = 0; i < net->batch; i++) put_item(net, m, &m->held_out[round * at_once + i % at_once], b, i);
        swap_net_feed(net, b);
        lk_net_forward(net->net);
        swap_net first = *net;
        first.sides = 1;
        v.loss += swap_step_losses(s, &first, b, false).total;
        const float *face = lk_net_out(net->net, net->side[0].face)->data;
        for (int i = 0; i < at_once; i++, n++) {
            const float *x = face + 3 * pixels * (size_t)i, *y = b->target + 3 * pixels * (size_t)i, *k = b->mask + pixels * (size_t)i;
            v.ssim += swap_ssim(x, y, k, size);
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
static void preview_row(swap_net *net, const swap_material *m, swap_batch *b, lk_image *sheet, int from, int at, int row_seen, int row_made)
{
    const int size = net->config.size, n = columns(net, m);
    const size_t pixels = (size_t)size * (size_t)size;
    const swap_item *shown = m->shown + (from ? m->shown_count[0] : 0);
    for (int i = 0; i < net->side[at].count; i++) put_item(net, m, &shown[i % n], b, net->side[at].from + i);
    swap_net_feed(net, b);
    lk_net_forward(net->net);
    const float *face = lk_net_out(net->net, net->side[at].face)->data;
    for (int i = 0; i < n; i++) {
        if (row_seen >= 0) paste(sheet, b->input + 3 * pixels * (size_t)(net->side[at].from + i), size, i, row_seen);
        paste(sheet, face + 3 * pixels * (size_t)i, size, i, row_made);
    }
}

void swap_preview_draw(swap_net *net, const swap_material *m, swap_batch *b, lk_image *sheet)
{
    average(net);
    preview_row(net, m, b, sheet, 0, 0, 0, 1);
    if (net->sides > 1) {
        preview_row(net, m, b, sheet, 1, 1, 2, 3);
        preview_row(net, m, b, sheet, 1, 0, -1, 4); /* the destination's pictures through the source's decoder */
    }
    average(net);
}
