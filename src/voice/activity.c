/* Speech activity: divergence from the noise floor, voiced stretches, hangover. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "voice/activity.h"

#define FLOOR_BLOCK 25      /* frames that share one noise estimate */
#define FLOOR_REACH 200     /* frames to either side that it looks at */
#define FLOOR_SHARE 0.12f   /* the noise is the power that this share of frames is below */
#define SMOOTH 2            /* frames to either side */
#define DIVERGENCE 5.0f     /* dB, mean over the bands, that a frame must stand out */
#define DIVERGENCE_PART 0.3f /* and this part of what loud speech in the recording has */
#define RANGE_DB 30.0f      /* a band counts for no more */
#define BOTTOM 1e-7f        /* of the loudest frame: what is lower counts as silence */
#define VOICED 0.55f        /* periodicity of a voiced frame */
#define VOICED_FRAMES 6
#define VOICED_SHARE 0.12f
#define GAP 25              /* frames of pause that belong to the speech around it */
#define SHORTEST 10         /* frames */
#define BEFORE 2            /* frames: consonants begin softly */
#define AFTER 4             /* and end so */
#define ALONE 2.5f          /* dB that one third of the bands must stand out more, if it does so alone */

/* Thirds of the spectrum: in loud noise of one colour speech shows in some of them only. Below the first is rumble. */
static const int edges[] = {2, 15, 30, LK_MEL_BANDS};

typedef struct state {
    int64_t frames;
    float *smooth;      /* dB, frames x bands */
    float *divergence;  /* dB */
    float *voiced;
    uint8_t *on;
} state;

static int ascending(const void *a, const void *b)
{
    float p = *(const float *)a, q = *(const float *)b;
    return (p > q) - (p < q);
}

static void smooth_power(const lk_mel *mel, state *s)
{
    float loudest = 0;
    for (int64_t i = 0; i < mel->frames * LK_MEL_BANDS; i++) loudest = fmaxf(loudest, mel->power[i]);
    float bottom = loudest * BOTTOM + 1e-30f;
    for (int64_t t = 0; t < s->frames; t++)
        for (int b = 0; b < LK_MEL_BANDS; b++) {
            int64_t from = LK_MAX(t - SMOOTH, 0), to = LK_MIN(t + SMOOTH, s->frames - 1);
            float sum = 0;
            for (int64_t u = from; u <= to; u++) sum += mel->power[u * LK_MEL_BANDS + b];
            s->smooth[t * LK_MEL_BANDS + b] = 10 * log10f(sum / (float)(to - from + 1) + bottom);
        }
}

static void diverge(state *s)
{
    float near[2 * FLOOR_REACH + FLOOR_BLOCK], low[LK_MEL_BANDS];
    for (int64_t block = 0; block < s->frames; block += FLOOR_BLOCK) {
        int64_t end = LK_MIN(block + FLOOR_BLOCK, s->frames), from = LK_MAX(block - FLOOR_REACH, 0),
                to = LK_MIN(end + FLOOR_REACH, s->frames);
        for (int b = 0; b < LK_MEL_BANDS; b++) {
            int n = 0;
            for (int64_t u = from; u < to; u++) near[n++] = s->smooth[u * LK_MEL_BANDS + b];
            qsort(near, (size_t)n, sizeof *near, ascending);
            low[b] = near[(int)(FLOOR_SHARE * (float)n)];
        }
        for (int64_t t = block; t < end; t++) {
            float all = 0, most = 0;
            for (int g = 0; g + 1 < (int)LK_COUNT(edges); g++) {
                float sum = 0;
                for (int b = edges[g]; b < edges[g + 1]; b++)
                    sum += LK_CLAMP(s->smooth[t * LK_MEL_BANDS + b] - low[b], 0, RANGE_DB);
                all += sum / (float)(edges[LK_COUNT(edges) - 1] - edges[0]);
                most = fmaxf(most, sum / (float)(edges[g + 1] - edges[g]));
            }
            s->divergence[t] = fmaxf(all, most - ALONE);
        }
    }
}

/* Loud speech: the upper tenth of what stands out at all, so that silence around it changes nothing. */
static lk_status threshold(const state *s, float *out, lk_error *err)
{
    float *all = lk_alloc(((size_t)s->frames + 1) * sizeof *all);
    if (!all) return LK_FAIL(err, LK_E_NOMEM, "no memory to look for speech");
    int64_t n = 0;
    for (int64_t t = 0; t < s->frames; t++)
        if (s->divergence[t] > DIVERGENCE) all[n++] = s->divergence[t];
    qsort(all, (size_t)n, sizeof *all, ascending);
    *out = n ? fmaxf(DIVERGENCE, DIVERGENCE_PART * all[n - 1 - n / 10]) : DIVERGENCE;
    lk_free(all);
    return LK_OK;
}

/* Next stretch of frames that are on, from *at; pauses up to GAP are bridged. */
static bool next_stretch(const state *s, int64_t *at, int64_t *from, int64_t *to)
{
    int64_t t = *at;
    while (t < s->frames && !s->on[t]) t++;
    if (t == s->frames) return false;
    *from = t;
    *to = t;
    for (; t < s->frames && t - *to <= GAP; t++)
        if (s->on[t]) *to = t + 1;
    *at = *to;
    return true;
}

static bool is_speech(const state *s, int64_t from, int64_t to)
{
    int64_t on = 0, voiced = 0;
    for (int64_t t = from; t < to; t++) {
        on += s->on[t];
        voiced += s->voiced[t] > VOICED;
    }
    return to - from >= SHORTEST && voiced >= VOICED_FRAMES && (float)voiced >= VOICED_SHARE * (float)on;
}

static lk_status collect(const state *s, lk_speech *out, lk_error *err)
{
    int64_t at = 0, from, to, most = 0;
    while (next_stretch(s, &at, &from, &to)) most++;
    out->segment = lk_calloc((size_t)most + 1, sizeof *out->segment);
    if (!out->segment) return LK_FAIL(err, LK_E_NOMEM, "no memory to look for speech");
    for (at = 0; next_stretch(s, &at, &from, &to);) {
        if (!is_speech(s, from, to)) continue;
        from = LK_MAX(from - BEFORE, 0);
        to = LK_MIN(to + AFTER, s->frames);
        lk_speech_segment g = {(double)from / LK_MEL_RATE, (double)to / LK_MEL_RATE};
        if (out->count && out->segment[out->count - 1].end >= g.start) out->segment[out->count - 1].end = g.end;
        else out->segment[out->count++] = g;
    }
    for (int64_t i = 0; i < out->count; i++) out->seconds += out->segment[i].end - out->segment[i].start;
    return LK_OK;
}

lk_status lk_speech_find_in(const float *samples, int64_t n, const lk_mel *mel, lk_speech *out, lk_error *err)
{
    memset(out, 0, sizeof *out);
    state s = {.frames = mel->frames};
    float limit = 0;
    size_t rows = (size_t)mel->frames + 1;
    s.smooth = lk_alloc(rows * LK_MEL_BANDS * sizeof(float));
    s.divergence = lk_alloc(rows * sizeof(float));
    s.voiced = lk_calloc(rows, sizeof(float));
    s.on = lk_calloc(rows, 1);
    lk_status st = s.smooth && s.divergence && s.voiced && s.on
                       ? LK_OK
                       : LK_FAIL(err, LK_E_NOMEM, "no memory to look for speech");
    if (st == LK_OK) {
        smooth_power(mel, &s);
        diverge(&s);
        st = threshold(&s, &limit, err);
    }
    if (st == LK_OK) {
        for (int64_t t = 0; t < s.frames; t++) s.on[t] = s.divergence[t] > limit;
        st = lk_voice_periodicity(samples, n, s.on, s.voiced, NULL, err);
    }
    if (st == LK_OK) st = collect(&s, out, err);
    lk_free(s.smooth);
    lk_free(s.divergence);
    lk_free(s.voiced);
    lk_free(s.on);
    if (st != LK_OK) lk_speech_clear(out);
    return st;
}

lk_status lk_speech_find(const float *samples, int64_t n, lk_speech *out, lk_error *err)
{
    memset(out, 0, sizeof *out);
    lk_mel mel;
    LK_TRY(lk_mel_make(samples, n, &mel, err));
    lk_status s = lk_speech_find_in(samples, n, &mel, out, err);
    lk_mel_clear(&mel);
    return s;
}

void lk_speech_clear(lk_speech *s)
{
    lk_free(s->segment);
    memset(s, 0, sizeof *s);
}
