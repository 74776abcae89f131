/* Do the words fit, and does the mouth move with the sound? Speech by flite: quick and without data. It proves that the
 * parts work together, not how well they do on people; words_eval and lips_eval measure that. */
#include "../check.h"
#include "../fault.h"
#include "voice/lips.h"
#include "voice/words_internal.h"

#define SENTENCE "I, Mary Jones, agree to this recording: "
#define RANDOM "castle pumpkin violin thunder monkey shepherd"

static lk_error err;
static lk_words_result r;

static lk_words_ear *ear(void)
{
    static lk_words_ear *e;
    if (!e) CHECK_OK(lk_words_open(NULL, &e, &err), &err);
    return e;
}

static lk_words_speech said(const char *voice, const char *text)
{
    lk_words_speech s;
    char plain[500];
    size_t n = 0;
    for (const char *c = text; *c && n + 1 < sizeof plain; c++) plain[n++] = *c == ':' ? ',' : *c;
    plain[n] = 0;
    CHECK_OK(lk_words_speak(voice, plain, 1.1, &s, &err), &err);
    return s;
}

/* Sound that training has not seen: a flite voice with another vocal tract (played 8 % slower) and a little noise. */
static lk_words_speech heard(const char *text)
{
    lk_words_speech s = said("rms", text);
    int64_t n = (int64_t)((double)s.n * 1.08);
    float *x = lk_alloc(sizeof(float) * (size_t)n);
    lk_rng g = lk_rng_at(1, 1, 1, 1);
    for (int64_t i = 0; i < n; i++) {
        double at = (double)i / 1.08;
        int64_t k = LK_MIN((int64_t)at, s.n - 2);
        x[i] = (float)(s.samples[k] + (at - (double)k) * (s.samples[k + 1] - s.samples[k])) + 0.002f * lk_rng_normal(&g);
    }
    lk_free(s.samples);
    s.samples = x;
    s.n = n;
    return s;
}

static void the_list(void)
{
    static lk_spoken_word w[LK_WORDS_LIST];
    CHECK_OK(lk_words_of_list(w, &err), &err);
    int near = 0;
    for (int i = 0; i < LK_WORDS_LIST; i++) {
        CHECK(w[i].phones >= 4 && w[i].phones <= LK_WORD_PHONES, "%s has %d phones", w[i].word, w[i].phones);
        CHECK_INT(lk_words_find(lk_words_at(i), strlen(lk_words_at(i))), i);
        for (int k = 0; k < w[i].phones; k++)
            if (w[i].phone[k] == lk_phone_find("ax")) w[i].phone[k] = (uint8_t)lk_phone_find("ah");
    }
    for (int i = 0; i < LK_WORDS_LIST; i++)
        for (int j = i + 1; j < LK_WORDS_LIST; j++) { /* edit distance */
            int d[LK_WORD_PHONES + 1];
            if (abs(w[i].phones - w[j].phones) >= 2) continue;
            for (int k = 0; k <= w[j].phones; k++) d[k] = k;
            for (int a = 1; a <= w[i].phones; a++) {
                int corner = d[0];
                d[0] = a;
                for (int b = 1; b <= w[j].phones; b++) {
                    int keep = corner + (w[i].phone[a - 1] != w[j].phone[b - 1]);
                    corner = d[b];
                    d[b] = LK_MIN(keep, LK_MIN(d[b], d[b - 1]) + 1);
                }
            }
            if (d[w[j].phones] < 2) near++;
        }
    CHECK(!near, "%d pairs of words are less than two phones apart", near);
    CHECK(lk_words_find("cas", 3) < 0 && lk_words_find("castles", 7) < 0 && !lk_words_at(-1) && !lk_words_at(LK_WORDS_LIST), "no such words");
}

static void picks(void)
{
    char a[300], b[300];
    uint8_t seed[32] = {1, 2, 3};
    static int seen[LK_WORDS_LIST];
    CHECK_OK(lk_words_pick(seed, sizeof seed, 6, a, sizeof a, &err), &err);
    CHECK_OK(lk_words_pick(seed, sizeof seed, 6, b, sizeof b, &err), &err);
    CHECK_STR(a, b);
    for (int round = 0; round < 3000; round++) {
        memcpy(seed + 20, &round, sizeof round);
        CHECK_OK(lk_words_pick(seed, sizeof seed, 6, b, sizeof b, &err), &err);
        int own[6], n = 0;
        for (char *w = strtok(b, " "); w; w = strtok(NULL, " ")) {
            own[n] = lk_words_find(w, strlen(w));
            if (own[n] < 0) { CHECK(0, "%s is not of the list", w); return; }
            for (int k = 0; k < n; k++) CHECK(own[k] != own[n], "%s twice", w);
            seen[own[n++]]++;
        }
        CHECK_INT(n, 6);
    }
    double chi = 0, expected = 18000.0 / LK_WORDS_LIST;
    for (int i = 0; i < LK_WORDS_LIST; i++) chi += (seen[i] - expected) * (seen[i] - expected) / expected;
    CHECK(chi > 840 && chi < 1210, "chi squared of 1023 degrees is %.0f: draws are not uniform", chi);
    CHECK_STATUS(lk_words_pick(seed, 8, 6, a, sizeof a, &err), LK_E_RANGE, &err);
    CHECK_STATUS(lk_words_pick(seed, 32, 0, a, sizeof a, &err), LK_E_RANGE, &err);
    CHECK_STATUS(lk_words_pick(seed, 32, 17, a, sizeof a, &err), LK_E_RANGE, &err);
    CHECK_STATUS(lk_words_pick(seed, 32, 6, a, 10, &err), LK_E_RANGE, &err);
}

static void text_to_phones(void)
{
    static lk_spoken_word w[LK_WORDS_MAX];
    int n;
    CHECK_OK(lk_words_of_text("I, Zo\xc3\xab O'Neil, \xe2\x80\x93 agree 20 \xe6\x9d\x8e: violin", w, &n, &err), &err);
    CHECK_INT(n, 7);
    CHECK_STR(w[1].word, "zoe");
    CHECK_STR(w[4].word, "twenty");
    CHECK_INT(w[5].phones, 0); /* a name in another script is taken as anything */
    CHECK(w[6].random && !w[5].random, "what is random stands behind the colon");
    static const char *const vi[] = {"v", "ay", "ax", "l", "ih", "n"};
    CHECK_INT(w[6].phones, 6);
    for (int i = 0; i < 6; i++) CHECK_INT(w[6].phone[i], lk_phone_find(vi[i]));
    CHECK_STATUS(lk_words_of_text("", w, &n, &err), LK_E_ARG, &err);
    CHECK_STATUS(lk_words_of_text(" ,.: ", w, &n, &err), LK_E_ARG, &err);
    CHECK_STATUS(lk_words_of_text("caf\xe9 au lait", w, &n, &err), LK_E_FORMAT, &err);
    CHECK_STATUS(lk_words_of_text("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", w, &n, &err), LK_E_RANGE, &err);
    char many[1200] = "";
    for (int i = 0; i < 120; i++) strcat(many, "a b ");
    CHECK_STATUS(lk_words_of_text(many, w, &n, &err), LK_E_RANGE, &err);
    CHECK_STATUS(lk_words_of_text("1234567890123 1234567890123 1234567890123 1234567890123 1234567890123 1234567890123 1234567890123 "
                                  "1234567890123 1234567890123 1234567890123", w, &n, &err), LK_E_RANGE, &err);
}

static void right_words_fit(void)
{
    if (!ear()) return;
    lk_words_speech s = heard(SENTENCE RANDOM);
    CHECK_OK(lk_words_judge(ear(), s.samples, s.n, SENTENCE RANDOM, &r, &err), &err);
    CHECK_INT(r.verdict, LK_WORDS_FITS);
    CHECK_INT(r.random, 6);
    CHECK_INT(r.words, 13);
    CHECK(r.recognised >= 5 && r.chance < 1e-8, "%d recognised, chance %g", r.recognised, r.chance);
    CHECK(r.score > r.other_score && !r.better_texts, "score %g, others %g", r.score, r.other_score);
    for (int i = 1; i < r.words; i++) CHECK(r.place[i].begin >= r.place[i - 1].end, "word %d begins before %d ends", i, i - 1);
    CHECK_NEAR(r.speech, (double)s.n / LK_WORDS_RATE, 0.8);
    lk_words_speech_clear(&s);
}

static void other_words_do_not(void)
{
    if (!ear()) return;
    lk_words_speech s = heard(SENTENCE RANDOM);
    CHECK_OK(lk_words_judge(ear(), s.samples, s.n, SENTENCE "basket dolphin ocean justice teacher yellow", &r, &err), &err);
    CHECK_INT(r.verdict, LK_WORDS_NOT);
    CHECK(r.recognised <= 1 && r.chance > 0.01, "%d recognised, chance %g", r.recognised, r.chance);
    /* two of six exchanged are seen at their places, and do not pass as clean */
    CHECK_OK(lk_words_judge(ear(), s.samples, s.n, SENTENCE "castle dolphin violin thunder justice shepherd", &r, &err), &err);
    CHECK(r.place[8].share > LK_WORDS_SHARE && r.place[11].share > LK_WORDS_SHARE, "shares %g %g", r.place[8].share, r.place[11].share);
    CHECK(r.place[7].share <= LK_WORDS_SHARE && r.place[9].share <= LK_WORDS_SHARE, "shares %g %g", r.place[7].share, r.place[9].share);
    CHECK(r.verdict != LK_WORDS_FITS, "two words were exchanged");
    lk_words_speech_clear(&s);
    /* the random words without the promise before them */
    s = heard(RANDOM);
    CHECK_OK(lk_words_judge(ear(), s.samples, s.n, SENTENCE RANDOM, &r, &err), &err);
    CHECK(r.verdict != LK_WORDS_FITS, "the fixed part was not said");
    lk_words_speech_clear(&s);
}

static void bad_recordings(void)
{
    if (!ear()) return;
    int64_t n = 10 * LK_WORDS_RATE;
    float *x = lk_calloc((size_t)n * 7, sizeof *x);
    CHECK_STATUS(lk_words_judge(ear(), x, n, SENTENCE RANDOM, &r, &err), LK_E_FORMAT, &err);
    lk_rng g = lk_rng_at(2, 2, 2, 2);
    for (int64_t i = 0; i < n; i++) x[i] = 0.1f * lk_rng_normal(&g);
    CHECK_OK(lk_words_judge(ear(), x, n, SENTENCE RANDOM, &r, &err), &err);
    CHECK_INT(r.verdict, LK_WORDS_NOT);
    CHECK_STATUS(lk_words_judge(ear(), x, 4000, SENTENCE RANDOM, &r, &err), LK_E_RANGE, &err);
    CHECK_STATUS(lk_words_judge(ear(), x, -1, SENTENCE RANDOM, &r, &err), LK_E_RANGE, &err);
    CHECK_STATUS(lk_words_judge(ear(), x, LK_WORDS_RATE, SENTENCE RANDOM, &r, &err), LK_E_RANGE, &err);
    CHECK_STATUS(lk_words_judge(ear(), x, 7 * n, SENTENCE RANDOM, &r, &err), LK_E_RANGE, &err);
    CHECK_STATUS(lk_words_judge(ear(), x, n, "", &r, &err), LK_E_ARG, &err);
    x[77] = NAN;
    CHECK_STATUS(lk_words_judge(ear(), x, n, SENTENCE RANDOM, &r, &err), LK_E_FORMAT, &err);
    x[77] = INFINITY;
    CHECK_STATUS(lk_words_judge(ear(), x, n, SENTENCE RANDOM, &r, &err), LK_E_FORMAT, &err);
    lk_free(x);
    lk_words_ear *none;
    CHECK_STATUS(lk_words_open("/nonexistent", &none, &err), LK_E_NOTFOUND, &err);
}

static void faults(void)
{
    if (!ear()) return;
    lk_words_speech s = said("slt", RANDOM);
    FAULT_LOOP(LK_FAULT_ALLOC, false, {
        lk_status st = lk_words_judge(ear(), s.samples, s.n, RANDOM, &r, &err);
        CHECK(fault_clean(st), "status %d", (int)st);
    });
    FAULT_LOOP(LK_FAULT_ALLOC, false, {
        lk_words_ear *e = NULL;
        lk_status st = lk_words_open(NULL, &e, &err);
        CHECK(fault_clean(st) && (st == LK_OK) == (e != NULL), "status %d", (int)st);
        lk_words_close(&e);
    });
    lk_words_speech_clear(&s);
}

/* A mouth that opens with the syllables of 12 s of sound, `late` s after it. */
static int64_t mouth(float *opening, double *time, float *x, int64_t n, double late, uint64_t seed)
{
    double until = 0, level = 0;
    lk_rng g = lk_rng_at(seed, 9, 9, 9), g2 = lk_rng_at(seed, 9, 9, 10);
    static float env[1300];
    for (int i = 0; i < 1300; i++) {
        if (i * 0.01 >= until) {
            level = lk_rng_below(&g, 3) ? lk_rng_range(&g, 0.2f, 1) : 0.02;
            until = i * 0.01 + lk_rng_range(&g, 0.08f, 0.35f);
        }
        env[i] = (float)(i ? 0.7 * env[i - 1] + 0.3 * level : 0);
    }
    for (int64_t i = 0; i < n; i++) x[i] = 0.2f * env[i * 100 / LK_WORDS_RATE] * (float)sin(2 * M_PI * 150 * (double)i / LK_WORDS_RATE);
    for (int i = 0; i < 300; i++) {
        time[i] = i / 25.0;
        int k = (int)LK_CLAMP((time[i] - late) * 100, 0, 1299);
        opening[i] = 0.2f * env[k] + 0.01f * lk_rng_normal(&g2);
    }
    return 300;
}

static void lips(void)
{
    int64_t n = 12 * LK_WORDS_RATE, frames;
    float *x = lk_alloc(sizeof(float) * (size_t)n * 2), *y = x + n, o[300], o2[300];
    double t[300];
    lk_lips_result l;
    frames = mouth(o, t, x, n, 0.08, 1);
    CHECK_OK(lk_lips_judge(o, t, frames, x, n, LK_WORDS_RATE, &l, &err), &err);
    CHECK_INT(l.verdict, LK_LIPS_MOVE);
    CHECK_NEAR(l.lag, -0.08, 0.045);
    CHECK(l.correlation > 0.6 && l.p < 0.05, "correlation %g p %g", l.correlation, l.p);
    int moves = 0;
    for (uint64_t k = 2; k < 12; k++) { /* other sound */
        mouth(o2, t, y, n, 0, k);
        CHECK_OK(lk_lips_judge(o, t, frames, y, n, LK_WORDS_RATE, &l, &err), &err);
        moves += l.verdict == LK_LIPS_MOVE;
    }
    CHECK(moves <= 1, "%d of 10 other sounds were taken for its own", moves);
    for (int i = 100; i < 200; i++) o[i] = NAN; /* a third unseen is bridged */
    CHECK_OK(lk_lips_judge(o, t, frames, x, n, LK_WORDS_RATE, &l, &err), &err);
    for (int i = 50; i < 300; i++) o[i] = NAN;
    CHECK_STATUS(lk_lips_judge(o, t, frames, x, n, LK_WORDS_RATE, &l, &err), LK_E_NOTFOUND, &err);
    for (int i = 0; i < 300; i++) o[i] = 0.1f;
    CHECK_STATUS(lk_lips_judge(o, t, frames, x, n, LK_WORDS_RATE, &l, &err), LK_E_FORMAT, &err);
    memset(y, 0, sizeof(float) * (size_t)n);
    CHECK_STATUS(lk_lips_judge(o2, t, frames, y, n, LK_WORDS_RATE, &l, &err), LK_E_FORMAT, &err);
    CHECK_STATUS(lk_lips_judge(o2, t, 30, x, n, LK_WORDS_RATE, &l, &err), LK_E_RANGE, &err);
    CHECK_STATUS(lk_lips_judge(o2, t, frames, x, n, 4000, &l, &err), LK_E_RANGE, &err);
    CHECK_STATUS(lk_lips_judge(o2, t, 1, x, n, LK_WORDS_RATE, &l, &err), LK_E_RANGE, &err);
    x[9] = NAN;
    CHECK_STATUS(lk_lips_judge(o2, t, frames, x, n, LK_WORDS_RATE, &l, &err), LK_E_FORMAT, &err);
    t[5] = t[4];
    CHECK_STATUS(lk_lips_judge(o2, t, frames, x, n, LK_WORDS_RATE, &l, &err), LK_E_FORMAT, &err);
    t[5] = 0.2, x[9] = 0;
    FAULT_LOOP(LK_FAULT_ALLOC, false, {
        lk_status st = lk_lips_judge(o2, t, frames, x, n, LK_WORDS_RATE, &l, &err);
        CHECK(fault_clean(st), "status %d", (int)st);
    });
    lk_free(x);
}

static const check_test tests[] = {
    {"list", the_list}, {"picks", picks}, {"text", text_to_phones}, {"right words fit", right_words_fit},
    {"other words do not", other_words_do_not}, {"bad recordings", bad_recordings}, {"faults", faults}, {"lips", lips}};
CHECK_MAIN(tests)
