/* blink.c: shut eyes. After a short training the code of a performer with shut eyes still reads as "open" to the other
 * person's decoder: a blink is one frame in thirty, and nothing ties the two people's blinks together. But a decoder that
 * has seen its own person blink shuts the eyes along one direction of the code (vector arithmetic in a latent space, as in
 * Radford et al. 2016, sec. 6.3.2). The direction is measured when a model is written: the mean, over the source's samples
 * with shut eyes, of their code less that of samples that look the same but for the lids. Rendering adds as much of it as
 * the performer's landmarks say.
 */
#include "make/swap/train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LIKE = 5, OPEN_MAX = 480, SHUT_MAX = 96, SHUT_MIN = 3, BATCH = 8 };
#define FAR 6.0f /* a shut sample that nothing with open eyes resembles tells nothing */

/* As parts of the person's usual opening. Samples below SHUT count as shut and above OPEN as open; rendering begins to
 * shut at LOWERED (a downward look lowers the lids too, and the network draws that by itself) and is done at SHUT. */
#define SHUT 0.5f
#define LOWERED 0.68f
#define OPEN 0.85f

static float gap(const float *lm, int a, int b)
{
    return hypotf(lm[2 * a] - lm[2 * b], lm[2 * a + 1] - lm[2 * b + 1]);
}

float swap_eyes_open(const float lm[136])
{
    return (gap(lm, 37, 41) + gap(lm, 38, 40) + gap(lm, 43, 47) + gap(lm, 44, 46)) / fmaxf(gap(lm, 36, 45), 1.0f);
}

static int ascending(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

lk_status swap_eyes_usual(const swap_person *people, int count, float *median, lk_error *err)
{
    int total = 0, n = 0;
    *median = 0;
    for (int p = 0; p < count; p++) total += lk_dataset_count(people[p].data);
    float *v = lk_alloc((size_t)LK_MAX(total, 1) * sizeof *v);
    if (!v) return LK_FAIL(err, LK_E_NOMEM, "no memory to measure how far eyes open");
    for (int p = 0; p < count; p++)
        for (int i = 0; i < lk_dataset_count(people[p].data); i++) v[n++] = swap_eyes_open(lk_dataset_at(people[p].data, i).lm);
    qsort(v, (size_t)n, sizeof *v, ascending);
    if (n) *median = v[n / 2];
    lk_free(v);
    return LK_OK;
}

float swap_eyes_shut(float opening, float usual)
{
    if (!(usual > 0) || !isfinite(opening)) return 0;
    return LK_CLAMP((LOWERED - opening / usual) / (LOWERED - SHUT), 0.0f, 1.0f);
}

/* --- the direction -------------------------------------------------------------------------------- */

typedef struct coded {
    float look[6]; /* all but the lids, scaled so that 1 matters */
    float *code;
    swap_item item;
} coded;

static void look_of(const lk_sample *s, coded *c)
{
    const float *lm = s->lm, eyes = fmaxf(gap(lm, 36, 45), 1.0f);
    const float look[6] = {s->yaw / 6.0f,
                           s->pitch / 6.0f,
                           s->roll / 12.0f,
                           gap(lm, 62, 66) / eyes / 0.04f,
                           gap(lm, 48, 54) / eyes / 0.05f,
                           gap(lm, 37, 19) / eyes / 0.1f};
    memcpy(c->look, look, sizeof look);
}

/* The source's samples with lids in [lo, hi) of the usual opening, at most `most`, evenly chosen. */
static int gather(const swap_job *j, float usual, float lo, float hi, int most, coded *out)
{
    int n = 0;
    int64_t fit = 0;
    for (int pass = 0; pass < 2; pass++) {
        int64_t seen = 0;
        for (int p = 0; p < j->material.person_count && j->material.people[p].side == 0; p++)
            for (int i = 0; i < lk_dataset_count(j->material.people[p].data); i++) {
                lk_sample s = lk_dataset_at(j->material.people[p].data, i);
                float open = swap_eyes_open(s.lm) / usual;
                if (open < lo || open >= hi) continue;
                if (!pass) fit++;
                else if (n < most && seen++ * LK_MIN(most, fit) >= n * fit) {
                    look_of(&s, &out[n]);
                    out[n++].item = (swap_item){p, i, p, i};
                }
            }
    }
    return n;
}

/* Codes of samples by the averaged encoder. */
static void encode(const swap_job *j, lk_net *net, lk_node pictures, coded *list, int n)
{
    const lk_swap_config *c = &j->net.config;
    const swap_batch *b = &j->spare; /* only the input is of use here */
    const size_t pixels = (size_t)c->size * (size_t)c->size;
    float *in = lk_net_in(net, pictures)->data;
    for (int first = 0; first < n; first += BATCH) {
        int some = LK_MIN(BATCH, n - first);
        for (int i = 0; i < some; i++)
            swap_item_plain(&j->material, &list[first + i].item, c, in + 3 * pixels * (size_t)i, b->target, b->mask,
                            b->weight);
        lk_net_forward(net);
        const float *code = lk_net_out(net, "code")->data;
        for (int i = 0; i < some; i++)
            memcpy(list[first + i].code, code + (size_t)i * (size_t)c->ae, (size_t)c->ae * sizeof *code);
    }
}

/* The encoder alone, with the averaged weights of the training. */
static lk_status open_encoder(const swap_job *j, lk_params **params, lk_net **net, lk_node *pictures, lk_error *err)
{
    const lk_swap_config *c = &j->net.config;
    LK_TRY(lk_params_new(params, err));
    LK_TRY(lk_net_new(net, "lids", *params, LK_BACKEND_DNN, LK_F32, err));
    *pictures = lk_net_input(*net, (lk_shape){BATCH, c->size, c->size, 3}, false);
    lk_net_output(*net, swap_describe_encoder(*net, *pictures, c), "code");
    LK_TRY(lk_net_plan(*net, false, 0, err));
    for (int i = 0; i < lk_params_count(*params); i++) {
        lk_param *to = lk_params_at(*params, i);
        const lk_param *from = lk_params_find(j->net.params, to->name);
        if (!from || from->count != to->count)
            return LK_FAIL(err, LK_E_BUG, "layer %s of the encoder is not in the training", to->name);
        memcpy(to->value, from->ema, (size_t)to->count * sizeof *to->value);
    }
    LK_TRY(lk_net_bind(*net, err));
    lk_net_refresh(*net);
    return LK_OK;
}

/* Adds to sum the code of shut less the mean code of the open samples that look most like it. */
static bool add_difference(const coded *shut, const coded *open, int count, int ae, double *sum)
{
    float best[LIKE];
    int at[LIKE], n = 0;
    for (int i = 0; i < count; i++) {
        float d = 0;
        for (int q = 0; q < 6; q++) d += (open[i].look[q] - shut->look[q]) * (open[i].look[q] - shut->look[q]);
        if (n == LIKE && d >= best[n - 1]) continue;
        int p = n < LIKE ? n++ : n - 1;
        for (; p > 0 && best[p - 1] > d; p--) best[p] = best[p - 1], at[p] = at[p - 1];
        best[p] = d;
        at[p] = i;
    }
    if (n < LIKE || best[n - 1] > FAR) return false;
    for (int k = 0; k < ae; k++) {
        double mean = 0;
        for (int i = 0; i < n; i++) mean += (double)open[at[i]].code[k] / n;
        sum[k] += (double)shut->code[k] - mean;
    }
    return true;
}

lk_status swap_blink_measure(const swap_job *j, float *direction, bool *found, lk_error *err)
{
    const int ae = j->net.config.ae;
    float usual;
    int sources = 0, used = 0;
    lk_params *params = NULL;
    lk_net *net = NULL;
    lk_node pictures;
    *found = false;
    while (sources < j->material.person_count && j->material.people[sources].side == 0) sources++;
    LK_TRY(swap_eyes_usual(j->material.people, sources, &usual, err));
    coded *list = lk_calloc(OPEN_MAX + SHUT_MAX, sizeof *list);
    float *codes = lk_calloc((size_t)(OPEN_MAX + SHUT_MAX) * (size_t)ae, sizeof *codes);
    double *sum = lk_calloc((size_t)ae, sizeof *sum);
    lk_status s = list && codes && sum ? LK_OK : LK_FAIL(err, LK_E_NOMEM, "no memory to learn how eyes shut");
    if (s == LK_OK && usual > 0) {
        for (int i = 0; i < OPEN_MAX + SHUT_MAX; i++) list[i].code = codes + (size_t)i * (size_t)ae;
        int shut = gather(j, usual, 0, SHUT, SHUT_MAX, list), open = gather(j, usual, OPEN, 2, OPEN_MAX, list + SHUT_MAX);
        if (shut >= SHUT_MIN && open >= LIKE) {
            s = open_encoder(j, &params, &net, &pictures, err);
            if (s == LK_OK) encode(j, net, pictures, list, shut);
            if (s == LK_OK) encode(j, net, pictures, list + SHUT_MAX, open);
            for (int i = 0; i < shut && s == LK_OK; i++) used += add_difference(&list[i], list + SHUT_MAX, open, ae, sum);
            for (int k = 0; k < ae && used; k++) direction[k] = (float)(sum[k] / used);
            *found = s == LK_OK && used >= SHUT_MIN;
        }
    }
    lk_net_free(net);
    lk_params_free(params);
    lk_free(sum);
    lk_free(codes);
    lk_free(list);
    return s;
}
