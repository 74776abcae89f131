/* words_align.c: the best path of a text's phones through a recording (Viterbi 1967; the time warping of Sakoe & Chiba 1978
 * with phones in place of a template), kept forwards and backwards so that any one word can be exchanged at its place at
 * the cost of that word alone.
 *
 * Each phone is a chain of STATES states, the last of which may stay: a phone lasts 30 ms at least. Between words and around
 * them lies a gap of any length, none included, of silence or of anything at a price (breath, a cough, "um").
 *
 * edge[i][t]: the best score of frames 0..t-1 when words 0..i-1 are said and the gap behind them is over (or absent);
 * back[i][t]: of frames t..T-1 with words i..n-1, a gap before them included. The whole through word i at t..u is then
 * edge[i][t] + word(t, u) + back[i+1][u].
 */
#include <math.h>
#include <string.h>

#include "voice/words_internal.h"

enum { STATES = 3, CHAIN = STATES * LK_WORD_PHONES };
#define NEVER (-1e30f)
#define ANYTHING_PRICE 1.5f  /* a frame, below the best phone */
#define FREE_PHONE_PRICE 2.0f /* each new phone of the free path */
#define WORD_SPREAD 400 /* frames around a word's place in which others are sought: as good as everywhere */
_Static_assert(STATES == 3, "lk_words_instead unrolls the chain of a phone");

struct lk_words_aligner {
    const float *like; /* [frames][LK_PHONES] */
    int frames, count;
    float *gap;  /* [frames] of one gap frame */
    float *free_sum; /* [frames + 1] best free path */
    float *edge, *back; /* [count + 1][frames + 1] */
    lk_spoken_word word[LK_WORDS_MAX];
    float *scratch; /* two rows */
    lk_words_path path;
};

lk_status lk_words_aligner_new(const float *like, int frames, lk_words_aligner **out, lk_error *err)
{
    lk_words_aligner *a = *out = lk_calloc(1, sizeof *a);
    size_t row = (size_t)frames + 1;
    if (!a) return LK_FAIL(err, LK_E_NOMEM, "no memory to align %d frames", frames);
    a->like = like;
    a->frames = frames;
    a->gap = lk_alloc(sizeof(float) * row);
    a->free_sum = lk_alloc(sizeof(float) * row);
    a->edge = lk_alloc(sizeof(float) * row * (LK_WORDS_MAX + 1));
    a->back = lk_alloc(sizeof(float) * row * (LK_WORDS_MAX + 1));
    a->scratch = lk_alloc(sizeof(float) * row * 2);
    if (!a->scratch || !a->gap || !a->free_sum || !a->edge || !a->back) {
        lk_words_aligner_free(out);
        return LK_FAIL(err, LK_E_NOMEM, "no memory to align %d frames", frames);
    }
    float run[LK_PHONES];
    a->free_sum[0] = 0;
    for (int t = 0; t < frames; t++) {
        const float *l = like + (size_t)t * LK_PHONES;
        float best = l[1], top = NEVER;
        for (int p = 2; p < LK_PHONES; p++) best = fmaxf(best, l[p]);
        a->gap[t] = fmaxf(l[LK_PHONE_SILENCE], best - ANYTHING_PRICE);
        for (int p = 0; p < LK_PHONES; p++) {
            float enter = a->free_sum[t] - FREE_PHONE_PRICE;
            run[p] = (t ? fmaxf(run[p], enter) : enter) + l[p];
            top = fmaxf(top, run[p]);
        }
        a->free_sum[t + 1] = top;
    }
    return LK_OK;
}

void lk_words_aligner_free(lk_words_aligner **a)
{
    if (!*a) return;
    lk_free((*a)->gap);
    lk_free((*a)->free_sum);
    lk_free((*a)->edge);
    lk_free((*a)->back);
    lk_free((*a)->scratch);
    lk_free(*a);
    *a = NULL;
}

static inline float like_at(const lk_words_aligner *a, int t, int phone) { return a->like[(size_t)t * LK_PHONES + phone]; }

/* out[u] = max over t of in[t] + word(t, u), for u in lo..hi; in is read at lo..hi. A word that cannot be spoken costs like a
 * gap of at least one phone's length. */
static void through_word(const lk_words_aligner *a, const lk_spoken_word *w, const float *in, float *out, int lo, int hi)
{
    int states = STATES * LK_MAX(w->phones, 1);
    float c[CHAIN];
    for (int k = 0; k < states; k++) c[k] = NEVER;
    out[lo] = NEVER;
    for (int t = lo; t < hi; t++) {
        for (int k = states - 1; k >= 0; k--) {
            float enter = k ? c[k - 1] : in[t];
            float best = k % STATES == STATES - 1 ? fmaxf(c[k], enter) : enter;
            c[k] = best + (w->phones ? like_at(a, t, w->phone[k / STATES]) : a->gap[t]);
        }
        out[t + 1] = c[states - 1];
    }
}

/* The same from behind: out[t] = max over u of word(t, u) + in[u]. */
static void through_word_back(const lk_words_aligner *a, const lk_spoken_word *w, const float *in, float *out, int lo, int hi)
{
    int states = STATES * LK_MAX(w->phones, 1);
    float c[CHAIN];
    for (int k = 0; k < states; k++) c[k] = NEVER;
    out[hi] = NEVER;
    for (int t = hi - 1; t >= lo; t--) {
        for (int k = 0; k < states; k++) {
            float enter = k + 1 < states ? c[k + 1] : in[t + 1];
            float best = k % STATES == STATES - 1 ? fmaxf(c[k], enter) : enter;
            c[k] = best + (w->phones ? like_at(a, t, w->phone[k / STATES]) : a->gap[t]);
        }
        out[t] = c[0];
    }
}

static void gap_on(const lk_words_aligner *a, float *row)
{
    for (int t = 1; t <= a->frames; t++) row[t] = fmaxf(row[t], row[t - 1] + a->gap[t - 1]);
}

static void gap_back(const lk_words_aligner *a, float *row)
{
    for (int t = a->frames - 1; t >= 0; t--) row[t] = fmaxf(row[t], row[t + 1] + a->gap[t]);
}

static float *row_of(const lk_words_aligner *a, float *rows, int i) { return rows + (size_t)i * ((size_t)a->frames + 1); }

/* Where word i begins and ends on the best path: the pair that attains the whole score. */
static void place_word(lk_words_aligner *a, int i, int from)
{
    const lk_spoken_word *w = &a->word[i];
    const float *edge = row_of(a, a->edge, i), *back = row_of(a, a->back, i + 1);
    int T = a->frames, states = STATES * LK_MAX(w->phones, 1), hi = T;
    float c[CHAIN], best = NEVER;
    int begin[CHAIN];
    for (int k = 0; k < states; k++) c[k] = NEVER, begin[k] = from;
    a->path.begin[i] = a->path.end[i] = from;
    for (int t = from; t < hi; t++) {
        for (int k = states - 1; k >= 0; k--) {
            float enter = k ? c[k - 1] : edge[t];
            int enter_begin = k ? begin[k - 1] : t;
            if (k % STATES != STATES - 1 || enter > c[k]) c[k] = enter, begin[k] = enter_begin;
            c[k] += w->phones ? like_at(a, t, w->phone[k / STATES]) : a->gap[t];
        }
        if (c[states - 1] + back[t + 1] > best) {
            best = c[states - 1] + back[t + 1];
            a->path.begin[i] = begin[states - 1];
            a->path.end[i] = t + 1;
        }
    }
}

/* The phones of the frames of word i, by Viterbi within its place. */
static void label_word(const lk_words_aligner *a, int i, uint8_t *phone)
{
    const lk_spoken_word *w = &a->word[i];
    int b = a->path.begin[i], n = a->path.end[i] - b;
    int at[LK_WORD_PHONES + 1];
    if (!w->phones) return;
    /* Boundaries by improving an even split: each boundary in turn to its best place between its neighbours. A word has few
     * phones; a few rounds reach the fixed point. */
    for (int k = 0; k <= w->phones; k++) at[k] = b + (int)((int64_t)n * k / w->phones);
    for (int round = 0; round < 20; round++) {
        bool moved = false;
        for (int k = 1; k < w->phones; k++) {
            float best = NEVER, sum = 0;
            int where = at[k];
            for (int t = at[k - 1]; t < at[k + 1]; t++) sum += like_at(a, t, w->phone[k]);
            for (int t = at[k - 1]; t <= at[k + 1]; t++) {
                if (t - at[k - 1] >= LK_MIN(STATES, n / w->phones) && at[k + 1] - t >= LK_MIN(STATES, n / w->phones) && sum > best)
                    best = sum, where = t;
                if (t < at[k + 1]) sum += like_at(a, t, w->phone[k - 1]) - like_at(a, t, w->phone[k]);
            }
            moved = moved || where != at[k];
            at[k] = where;
        }
        if (!moved) break;
    }
    for (int k = 0; k < w->phones; k++)
        for (int t = at[k]; t < at[k + 1]; t++) phone[t] = w->phone[k];
}

lk_status lk_words_align(lk_words_aligner *a, const lk_spoken_word *w, int count, lk_words_path *out, uint8_t *phone)
{
    int T = a->frames;
    a->count = count;
    memcpy(a->word, w, sizeof *w * (size_t)count);
    for (int t = 0; t <= T; t++) row_of(a, a->edge, 0)[t] = t ? NEVER : 0;
    gap_on(a, row_of(a, a->edge, 0));
    for (int i = 0; i < count; i++) {
        through_word(a, &w[i], row_of(a, a->edge, i), row_of(a, a->edge, i + 1), 0, T);
        gap_on(a, row_of(a, a->edge, i + 1));
    }
    for (int t = 0; t <= T; t++) row_of(a, a->back, count)[t] = t < T ? NEVER : 0;
    gap_back(a, row_of(a, a->back, count));
    for (int i = count - 1; i >= 0; i--) {
        through_word_back(a, &w[i], row_of(a, a->back, i + 1), row_of(a, a->back, i), 0, T);
        gap_back(a, row_of(a, a->back, i));
    }
    float whole = row_of(a, a->edge, count)[T];
    if (!(whole > NEVER / 2)) return LK_END;
    a->path.score = whole;
    for (int i = 0; i < count; i++) place_word(a, i, i ? a->path.end[i - 1] : 0);
    if (out) *out = a->path;
    if (phone) {
        memset(phone, LK_PHONE_SILENCE, (size_t)T);
        for (int i = 0; i < count; i++) label_word(a, i, phone);
    }
    return LK_OK;
}

double lk_words_instead(lk_words_aligner *a, int i, const lk_spoken_word *other)
{
    int lo = LK_MAX(a->path.begin[i] - WORD_SPREAD, 0), hi = LK_MIN(a->path.end[i] + WORD_SPREAD, a->frames);
    const float *edge = row_of(a, a->edge, i), *back = row_of(a, a->back, i + 1);
    int states = STATES * LK_MAX(other->phones, 1);
    float c[CHAIN], best = NEVER;
    for (int k = 0; k < states; k++) c[k] = NEVER;
    for (int t = lo; t < hi; t++) {
        const float *l = a->like + (size_t)t * LK_PHONES;
        for (int k = states - STATES; k >= 0; k -= STATES) { /* a phone's chain, from its end */
            float x = other->phones ? l[other->phone[k / STATES]] : a->gap[t];
            c[k + 2] = fmaxf(c[k + 2], c[k + 1]) + x;
            c[k + 1] = c[k] + x;
            c[k] = (k ? c[k - 1] : edge[t]) + x;
        }
        best = fmaxf(best, c[states - 1] + back[t + 1]);
    }
    return best;
}

double lk_words_text_score(lk_words_aligner *a, const lk_spoken_word *w, int count)
{
    float *in = a->scratch, *out = in + a->frames + 1;
    for (int t = 0; t <= a->frames; t++) in[t] = t ? NEVER : 0;
    gap_on(a, in);
    for (int i = 0; i < count; i++) {
        through_word(a, &w[i], in, out, 0, a->frames);
        gap_on(a, out);
        float *swap = in;
        in = out;
        out = swap;
    }
    return in[a->frames];
}

double lk_words_free_score(const lk_words_aligner *a, int from, int to) { return (double)a->free_sum[to] - a->free_sum[from]; }
