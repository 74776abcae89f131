/* How well voices are told apart: equal error rate, and misses where one stranger in a thousand passes. */
#include <stdio.h>
#include <string.h>

#include "voice/eval/pieces.h"

#define FAR 0.001 /* share of strangers that may pass */
#define FRR 0.02  /* share of true pairs that may be refused */
#define SHARES 11

/* As the embedding would score them with this share of the statistics. */
static float score(const lk_piece *a, const lk_piece *b, float share)
{
    double d = 0, da = 0, db = 0, f = 0, fa = 0, fb = 0;
    for (int i = 0; i < LK_SPEAKER_EMBEDDING; i++) {
        double x = a->v[i], y = b->v[i];
        if (i < LK_VOICE_DEEP) d += x * y, da += x * x, db += y * y;
        else f += x * y, fa += x * x, fb += y * y;
    }
    d = da > 0 && db > 0 ? d / __builtin_sqrt(da * db) : 0;
    f = fa > 0 && fb > 0 ? f / __builtin_sqrt(fa * fb) : 0;
    return (float)((1 - share) * d + share * f);
}

/* Clean pieces against pieces heard in this way, never of one recording. */
static void pairs(const lk_pieces *p, int seconds, lk_heard how, float share, lk_trials *t)
{
    for (int64_t i = 0; i < p->count; i++)
        for (int64_t k = 0; k < p->count; k++) {
            const lk_piece *a = &p->all[i], *b = &p->all[k];
            if (a->how != LK_HEARD_CLEAN || b->how != how || a->recording == b->recording || a->seconds != seconds ||
                b->seconds != seconds || (how == LK_HEARD_CLEAN && k <= i))
                continue;
            lk_trials_add(t, a->person == b->person, score(a, b, share));
        }
}

static lk_status enough(const lk_trials *t, lk_error *err)
{
    if (t->failed) return LK_FAIL(err, LK_E_NOMEM, "no memory for the pairs of voices");
    if (t->ns < 20 || t->no < 200)
        return LK_FAIL(err, LK_E_NOTFOUND, "the bench data has too few recordings of people to compare");
    return LK_OK;
}

static lk_status figures(const lk_voice_asker *a, const lk_pieces *p, float share, const char *name, lk_error *err)
{
    static const char *const ways[] = {"clean", "noise 15 dB", "basement"};
    for (int seconds = 3; seconds <= 6; seconds += 3)
        for (int how = 0; how < LK_HEARD_WAYS; how++) {
            lk_trials t = {0};
            pairs(p, seconds, (lk_heard)how, share, &t);
            lk_status s = enough(&t, err);
            lk_trials_sort(&t);
            if (s == LK_OK)
                s = lk_voice_tell(a, "speaker", lk_trials_eer(&t), "%", "", t.ns + t.no, err, "%s %d s %s: equal error",
                                  name, seconds, ways[how]);
            if (s == LK_OK)
                s = lk_voice_tell(a, "speaker", lk_trials_frr(&t, lk_trials_at_far(&t, FAR)), "%", "", t.ns, err,
                                  "%s %d s %s: missed at FAR 0.1 %%", name, seconds, ways[how]);
            lk_trials_clear(&t);
            LK_TRY(s);
        }
    return LK_OK;
}

/* 3 s against 3 s, clean and noisy together: what the thresholds are read off. */
static lk_status usual(const lk_pieces *p, float share, lk_trials *t, lk_error *err)
{
    memset(t, 0, sizeof *t);
    pairs(p, 3, LK_HEARD_CLEAN, share, t);
    pairs(p, 3, LK_HEARD_NOISE, share, t);
    lk_trials_sort(t);
    return enough(t, err);
}

static lk_status best_share(const lk_pieces *p, float *share, lk_error *err)
{
    double best = 1e9;
    for (int i = 0; i < SHARES; i++) {
        lk_trials t;
        float s = (float)i / (SHARES - 1);
        lk_status st = usual(p, s, &t, err);
        /* both ends of the scale count: equal error, and what is missed at the strict one */
        double cost = st == LK_OK ? lk_trials_eer(&t) + 0.1 * lk_trials_frr(&t, lk_trials_at_far(&t, FAR)) : 0;
        lk_trials_clear(&t);
        LK_TRY(st);
        if (cost < best) {
            best = cost;
            *share = s;
        }
    }
    return LK_OK;
}

static lk_status tell_limits(const lk_voice_asker *a, const lk_trials *t, lk_speaker_limits l, const char *name,
                             lk_error *err)
{
    LK_TRY(lk_voice_tell(a, "speaker", l.accept, "", "", t->no, err, "%s: accept at", name));
    LK_TRY(lk_voice_tell(a, "speaker", lk_trials_frr(t, l.accept), "%", "", t->ns, err, "%s: true pairs below accept", name));
    LK_TRY(lk_voice_tell(a, "speaker", l.reject, "", "", t->ns, err, "%s: reject below", name));
    return lk_voice_tell(a, "speaker", 100 - lk_trials_far(t, l.reject), "%", "", t->no, err,
                         "%s: strangers below reject", name);
}

static lk_status actors(const lk_voice_asker *a, lk_speaker *sp, float share, lk_speaker_limits l, lk_error *err)
{
    lk_pieces p;
    LK_TRY(lk_pieces_actors(a, sp, &p, err));
    lk_status s = LK_OK;
    for (int all = 0; s == LK_OK && all < 2; all++) {
        lk_trials t = {0};
        for (int64_t i = 0; i < p.count; i++)
            for (int64_t k = 0; k < i; k++) {
                const lk_piece *x = &p.all[i], *y = &p.all[k];
                /* D and F are C's voice resampled by 7 %: told apart only in the second row */
                bool shifted = x->person == 3 || x->person == 5 || y->person == 3 || y->person == 5;
                if (x->seconds != 3 || y->seconds != 3 || x->recording == y->recording || (!all && shifted)) continue;
                lk_trials_add(&t, x->person == y->person, score(x, y, share));
            }
        lk_trials_sort(&t);
        s = enough(&t, err);
        const char *name = all ? "actors and C's voice 7 % up and down" : "actors A B C E";
        if (s == LK_OK) s = lk_voice_tell(a, "speaker", lk_trials_eer(&t), "%", "", t.ns + t.no, err, "%s 3 s: equal error", name);
        if (s == LK_OK) s = lk_voice_tell(a, "speaker", lk_trials_far(&t, l.accept), "%", "", t.no, err, "%s 3 s: strangers at accept or above", name);
        if (s == LK_OK) s = lk_voice_tell(a, "speaker", lk_trials_frr(&t, l.reject), "%", "", t.ns, err, "%s 3 s: true pairs below reject", name);
        lk_trials_clear(&t);
    }
    lk_pieces_clear(&p);
    return s;
}

/* The share that the model was shipped with, read off a vector of it. */
static float shipped_share(const lk_pieces *p)
{
    double flat = 0;
    for (int i = LK_VOICE_DEEP; i < LK_SPEAKER_EMBEDDING; i++) flat += (double)p->all[0].v[i] * p->all[0].v[i];
    return (float)flat;
}

lk_status lk_voice_eval_speaker(const lk_voice_asker *a, lk_speaker_limits *limits, float *share, lk_error *err)
{
    lk_speaker *sp = NULL;
    lk_pieces p = {0};
    lk_trials t = {0};
    lk_speaker_limits l, shipped;
    LK_TRY(lk_speaker_open(a->o->models_dir, &sp, err));
    lk_status s = lk_pieces_people(a, sp, &p, err);
    if (s == LK_OK && !p.count) s = LK_FAIL(err, LK_E_NOTFOUND, "the bench data has no speech of people held out");
    if (s != LK_OK) goto done;
    float own = shipped_share(&p), best = own;
    if (share) LK_GOTO(done, best_share(&p, &best, err));
    LK_GOTO(done, figures(a, &p, 0, "network alone", err));
    LK_GOTO(done, figures(a, &p, 1, "statistics alone", err));
    LK_GOTO(done, figures(a, &p, best, "both", err));
    LK_GOTO(done, lk_voice_tell(a, "speaker", best, "", "", 0, err, "share of the statistics"));
    LK_GOTO(done, usual(&p, best, &t, err));
    l = (lk_speaker_limits){lk_trials_at_far(&t, FAR), lk_trials_at_frr(&t, FRR)};
    LK_GOTO(done, tell_limits(a, &t, l, "3 s", err));
    if (lk_speaker_thresholds(sp, &shipped, NULL) == LK_OK) {
        LK_GOTO(done, lk_voice_tell(a, "speaker", shipped.accept, "", "", 0, err, "shipped: accept at"));
        LK_GOTO(done, lk_voice_tell(a, "speaker", shipped.reject, "", "", 0, err, "shipped: reject below"));
    }
    LK_GOTO(done, actors(a, sp, best, l, err));
    LK_GOTO(done, lk_voice_tell(a, "speaker", 1000 * p.busy / p.heard, "ms", "", p.embedded, err, "time a second of speech"));
    LK_GOTO(done, lk_voice_tell(a, "speaker", p.people, "", "", p.recordings, err, "people held out"));
    if (limits) *limits = l;
    if (share) *share = best;
done:
    lk_trials_clear(&t);
    lk_pieces_clear(&p);
    lk_speaker_close(&sp);
    return s;
}
