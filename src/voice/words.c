/* words.c: the judgement: each word against the list at its place, the whole against other sentences, and what follows. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "voice/words_internal.h"

#define SECONDS_LEAST 0.5
#define FIXED_STEP 8 /* words of the fixed part are tried against every 8th of the list */
#define STREAM_DECOY 0x6465636fu

/* Thresholds, from tests/voice/words_eval on natural speech (models/voice-words.md). */
#define CHANCE_FITS 1e-4 /* a false accept of a recording of other words */
#define CHANCE_NOT 1e-2
#define MISSED_MOST 1    /* random words not recognised, of four or more */
#define SHARE_OTHER 0.2  /* beyond it another word was said there */
#define FIXED_SHARE_FITS 0.5

const char *lk_words_verdict_name(lk_words_verdict v)
{
    return v == LK_WORDS_FITS ? "fits" : v == LK_WORDS_DOUBT ? "doubt" : "does not fit";
}

/* P(Fisher's sum of n uniform shares is as large): the upper tail of chi squared with 2n degrees of freedom. */
static double fisher(double log_sum, int n)
{
    double x = -log_sum, term = 1, sum = 0;
    if (!n) return 1;
    for (int k = 0; k < n; k++) {
        sum += term;
        term *= x / (k + 1);
    }
    return LK_CLAMP(exp(-x) * sum, 0.0, 1.0);
}

static bool same_sound(const lk_spoken_word *a, const lk_spoken_word *b)
{
    return a->phones == b->phones && !memcmp(a->phone, b->phone, (size_t)a->phones);
}

static void judge_place(lk_words_aligner *a, const lk_spoken_word *w, int i, const lk_spoken_word *list, lk_word_place *p)
{
    double own = lk_words_instead(a, i, w), top = -1e30;
    if (!w->phones) return;
    p->judged = true;
    for (int k = 0; k < LK_WORDS_LIST; k += w->random ? 1 : FIXED_STEP) {
        if (same_sound(w, &list[k])) continue;
        double other = lk_words_instead(a, i, &list[k]);
        p->others++;
        p->better += other >= own; /* a tie counts against */
        top = fmax(top, other);
    }
    p->share = (p->better + 1.0) / (p->others + 1.0);
    p->margin = (own - top) / fmax(100 * (p->end - p->begin), 1);
}

/* Sentences with the same fixed part and other random words, drawn by the text. */
static void judge_whole(lk_words_aligner *a, lk_spoken_word *w, int count, const char *text, const lk_spoken_word *list,
                        double frames, double free_score, lk_words_result *out)
{
    lk_hash h = lk_hash_bytes(text, strlen(text));
    uint64_t seed;
    memcpy(&seed, h.b, sizeof seed);
    double own = lk_words_text_score(a, w, count), top = -1e30;
    for (int d = 0; d < LK_WORDS_DECOYS; d++) {
        lk_rng r = lk_rng_at(seed, STREAM_DECOY, 0, (uint64_t)d);
        for (int i = 0; i < count; i++)
            if (w[i].random) w[i] = list[lk_rng_below(&r, LK_WORDS_LIST)];
        double other = lk_words_text_score(a, w, count);
        out->better_texts += other >= own;
        top = fmax(top, other);
    }
    out->score = (own - free_score) / frames;
    out->other_score = LK_MAX((top - free_score) / frames, -99.0);
}

static void conclude(lk_words_result *r)
{
    double log_sum = 0;
    int judged = 0, other = 0;
    for (int i = 0; i < r->words; i++) {
        const lk_word_place *p = &r->place[i];
        bool heard = p->judged && p->share <= LK_WORDS_SHARE;
        r->random += p->random;
        r->fixed += p->judged && !p->random;
        r->recognised += heard && p->random;
        r->fixed_recognised += heard && !p->random;
        if (p->random && p->judged) {
            log_sum += log(p->share);
            other += p->share > SHARE_OTHER;
            judged++;
        }
    }
    r->chance = fisher(log_sum, judged);
    int need = r->random - (r->random >= 4 ? MISSED_MOST : 0);
    if (r->chance > CHANCE_NOT || r->better_texts > LK_WORDS_DECOYS / 10) {
        r->verdict = LK_WORDS_NOT;
        snprintf(r->reason, sizeof r->reason, "%d of %d random words were heard: other words were said", r->recognised, r->random);
    } else if (r->chance > CHANCE_FITS || r->recognised < need || other || r->better_texts) {
        r->verdict = LK_WORDS_DOUBT;
        snprintf(r->reason, sizeof r->reason, "%d of %d random words were heard clearly; a person must listen", r->recognised,
                 r->random);
    } else if (r->fixed_recognised < FIXED_SHARE_FITS * r->fixed) {
        r->verdict = LK_WORDS_DOUBT;
        snprintf(r->reason, sizeof r->reason, "the random words fit, but only %d of %d words before them; a person must listen",
                 r->fixed_recognised, r->fixed);
    } else {
        r->verdict = LK_WORDS_FITS;
        snprintf(r->reason, sizeof r->reason, "%d of %d random words were heard at their places", r->recognised, r->random);
    }
}

static lk_status check_samples(const float *samples, int64_t n, lk_error *err)
{
    if (!samples || n < (int64_t)(SECONDS_LEAST * LK_WORDS_RATE))
        return LK_FAIL(err, LK_E_RANGE, "the recording lasts %.2f s; the sentence needs %.1f s at least: record it again",
                       (double)LK_MAX(n, 0) / LK_WORDS_RATE, SECONDS_LEAST);
    if (n > (int64_t)LK_WORDS_SECONDS_MAX * LK_WORDS_RATE)
        return LK_FAIL(err, LK_E_RANGE, "the recording lasts %.0f s, more than %d s; cut it to the sentence",
                       (double)n / LK_WORDS_RATE, LK_WORDS_SECONDS_MAX);
    for (int64_t i = 0; i < n; i++)
        if (!(fabsf(samples[i]) < 1e4f))
            return LK_FAIL(err, LK_E_FORMAT, "sample %lld of the recording is no number; decode or record it again",
                           (long long)i);
    return LK_OK;
}

lk_status lk_words_judge(lk_words_ear *ear, const float *samples, int64_t n, const char *text, lk_words_result *out,
                         lk_error *err)
{
    memset(out, 0, sizeof *out);
    LK_TRY(check_samples(samples, n, err));
    int frames = (int)lk_words_frames(n), count = 0;
    lk_status s;
    lk_words_aligner *a = NULL;
    lk_words_path path;
    lk_spoken_word *w = lk_calloc(LK_WORDS_MAX + LK_WORDS_LIST, sizeof *w), *list = w + LK_WORDS_MAX;
    float *features = lk_alloc(sizeof(float) * LK_WORDS_MEL * (size_t)frames);
    float *like = lk_alloc(sizeof(float) * LK_PHONES * (size_t)frames);
    if (!w || !features || !like) {
        s = LK_FAIL(err, LK_E_NOMEM, "no memory to judge %d frames", frames);
        goto done;
    }
    LK_GOTO(done, lk_words_of_text(text, w, &count, err));
    LK_GOTO(done, lk_words_of_list(list, err));
    LK_GOTO(done, lk_words_features(samples, n, 1, features, err));
    LK_GOTO(done, lk_words_listen(ear, features, frames, like, err));
    LK_GOTO(done, lk_words_aligner_new(like, frames, &a, err));
    s = lk_words_align(a, w, count, &path, NULL);
    if (s == LK_END) {
        s = LK_FAIL(err, LK_E_RANGE, "%d words cannot be said in the %.1f s of the recording; record the whole sentence", count,
                    frames / 100.0);
        goto done;
    }
    out->words = count;
    for (int i = 0; i < count; i++) {
        lk_word_place *p = &out->place[i];
        memcpy(p->word, w[i].word, sizeof p->word);
        p->random = w[i].random;
        p->begin = path.begin[i] / 100.0;
        p->end = path.end[i] / 100.0;
        judge_place(a, &w[i], i, list, p);
    }
    out->speech = (path.end[count - 1] - path.begin[0]) / 100.0;
    judge_whole(a, w, count, text, list, LK_MAX(100 * out->speech, 1), lk_words_free_score(a, 0, frames), out);
    conclude(out);
done:
    lk_words_aligner_free(&a);
    lk_free(w);
    lk_free(features);
    lk_free(like);
    return s;
}
