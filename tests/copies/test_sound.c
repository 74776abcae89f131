/* test_sound.c: the fingerprint of sound: what it survives, where the runs lie, and that the index finds what
 * the full comparison finds. The sounds are made here. */
#include "mark/copies/sound.h"

#include "check.h"
#include "fault.h"

enum { RATE = 16000 };

/* Something like music over a voice: notes with overtones that change at random times, and bursts of noise.
 */
static lk_audio made_sound(uint64_t seed, double seconds, int rate)
{
    lk_audio a = {rate, 1, (int64_t)(seconds * rate), NULL};
    a.data = lk_calloc((size_t)a.samples, sizeof(float));
    if (!a.data) return (lk_audio){0};
    for (int voice = 0; voice < 4; voice++) {
        lk_rng r = lk_rng_at(seed, 1, 0, (uint64_t)voice);
        double phase = 0, end = 0, f = 200, level = 0, bend = 0;
        for (int64_t i = 0; i < a.samples; i++) {
            const double t = (double)i / rate;
            if (t >= end) {
                f = 110 * pow(2, lk_rng_range(&r, 0, 3));
                level = lk_rng_below(&r, 5) ? lk_rng_range(&r, 0.03f, 0.15f) : 0;
                bend = lk_rng_range(&r, -0.4f, 0.4f);
                end = t + lk_rng_range(&r, 0.08f, 0.5f);
            }
            f *= 1 + bend / rate;
            phase += 2 * M_PI * f / rate;
            for (int h = 1; h < 6 && h * f < 0.45 * rate; h++)
                a.data[i] += (float)(level / h * sin(h * phase));
        }
    }
    lk_rng n = lk_rng_at(seed, 2, 0, 0);
    for (int64_t i = 0; i < a.samples; i++) a.data[i] += 0.01f * lk_rng_normal(&n);
    return a;
}

typedef struct print { uint32_t *w; int n; } print;

static print printed(const lk_audio *a)
{
    print p = {0};
    lk_error err = {0};
    double each = 0;
    CHECK_OK(lk_sound_print(a, &p.w, &p.n, &each, &err), &err);
    CHECK_NEAR(each, LK_SOUND_FRAME, 1e-12);
    return p;
}

static lk_audio part(const lk_audio *a, double from, double to, float volume, float noise)
{
    const int64_t first = (int64_t)(from * a->rate);
    lk_audio p = {a->rate, 1, (int64_t)((to - from) * a->rate), NULL};
    p.data = lk_calloc((size_t)p.samples, sizeof(float));
    lk_rng r = lk_rng_at(99, 0, 0, 0);
    for (int64_t i = 0; i < p.samples; i++)
        p.data[i] = volume * a->data[first + i] + noise * lk_rng_normal(&r);
    return p;
}

static void finds_itself(void)
{
    lk_audio a = made_sound(1, 12, RATE), other = made_sound(2, 12, RATE);
    print p = printed(&a), o = printed(&other);
    CHECK_INT(p.n, (12 * 8000 - 3072) / 192);
    lk_sound_run run = lk_sound_match(p.w, p.n, p.w, p.n);
    CHECK(run.found && run.query == 0 && run.ref == 0 && run.words == p.n && run.errors == 0,
          "%d at %d and %d, errors %g", run.words, run.query, run.ref, run.errors);
    run = lk_sound_match(p.w, p.n, o.w, o.n);
    CHECK(!run.found, "%d words of another sound match, errors %g", run.words, run.errors);
    lk_audio_clear(&a), lk_audio_clear(&other);
    lk_free(p.w), lk_free(o.w);
}

static void finds_changed_parts(void)
{
    static const struct { const char *name; float volume, noise; double most; } cases[] = {
        {"cut", 1, 0, 0.12}, {"quiet", 0.05f, 0, 0.12}, {"noisy", 1, 0.03f, 0.3}};
    lk_audio a = made_sound(3, 30, RATE);
    print ref = printed(&a);
    for (size_t k = 0; k < LK_COUNT(cases); k++) {
        lk_audio b = part(&a, 11.007, 19.3, cases[k].volume, cases[k].noise);
        print q = printed(&b);
        lk_sound_run run = lk_sound_match(q.w, q.n, ref.w, ref.n);
        CHECK(run.found && run.errors < cases[k].most && run.words > q.n * 9 / 10,
              "%s: %d of %d words, errors %.3f", cases[k].name, run.words, q.n, run.errors);
        CHECK_NEAR((run.ref - run.query) * LK_SOUND_FRAME, 11.007, 0.025);
        lk_audio_clear(&b), lk_free(q.w);
    }
    lk_audio_clear(&a), lk_free(ref.w);
}

static void any_rate_and_channels(void)
{
    lk_audio a = made_sound(4, 8, 48000);
    print ref = printed(&a);
    lk_audio third = {16000, 2, a.samples / 3, lk_calloc((size_t)a.samples, sizeof(float))};
    for (int64_t i = 1; i < third.samples; i++) /* a plain triangle filter: rough, as cheap programs are */
        third.data[2 * i] = third.data[2 * i + 1] = 0.25f * a.data[3 * i - 1] + 0.5f * a.data[3 * i] +
                                                    0.25f * a.data[LK_MIN(3 * i + 1, a.samples - 1)];
    print q = printed(&third);
    lk_sound_run run = lk_sound_match(q.w, q.n, ref.w, ref.n);
    CHECK(run.found && run.errors < 0.15 && run.query == run.ref, "errors %.3f, %d words", run.errors,
          run.words);
    lk_audio_clear(&a), lk_audio_clear(&third);
    lk_free(ref.w), lk_free(q.w);
}

static void silence_matches_nothing(void)
{
    lk_error err = {0};
    lk_audio s = {RATE, 1, 10 * RATE, lk_calloc(10 * RATE, sizeof(float))};
    print p = printed(&s);
    int loud = 0;
    for (int i = 0; i < p.n; i++) loud += p.w[i] != 0;
    CHECK(p.n > 300 && loud == 0, "%d of %d words are not silence", loud, p.n);
    CHECK(!lk_sound_match(p.w, p.n, p.w, p.n).found, "silence matches silence");
    lk_free(p.w);
    s.samples = 3000; /* under one window */
    p = printed(&s);
    CHECK(p.n == 0 && !p.w, "%d words of a moment", p.n);
    for (int i = 0; i < 20; i++) s.data[i] = NAN;
    s.samples = 10 * RATE;
    p = printed(&s);
    CHECK(p.n > 0, "not-a-number is silence");
    lk_free(p.w);
    s.rate = 0;
    CHECK_STATUS(lk_sound_print(&s, &p.w, &p.n, NULL, &err), LK_E_RANGE, &err);
    lk_audio_clear(&s);
}

static void index_finds_what_comparing_finds(void)
{
    enum { REFS = 40 };
    lk_error err = {0};
    lk_sound_index *x = NULL;
    lk_sound_hit hits[8];
    int n = 0;
    CHECK_OK(lk_sound_index_new(&x, &err), &err);
    lk_audio kept[REFS];
    print ref[REFS];
    for (int i = 0; i < REFS; i++) {
        kept[i] = made_sound(100 + (uint64_t)i, 12, RATE);
        ref[i] = printed(&kept[i]);
        CHECK_OK(lk_sound_index_add(x, 1000 + i, ref[i].w, ref[i].n, &err), &err);
    }
    for (int i = 0; i < REFS; i += 7) {
        lk_audio b = part(&kept[i], 3.3, 9.3, 0.3f, 0.002f);
        print q = printed(&b);
        CHECK_OK(lk_sound_index_search(x, q.w, q.n, hits, 8, &n, &err), &err);
        lk_sound_run want = lk_sound_match(q.w, q.n, ref[i].w, ref[i].n);
        CHECK(n == 1 && hits[0].id == 1000 + i, "sound %d: %d hits, the first %lld", i, n,
              n ? (long long)hits[0].id : -1LL);
        if (n)
            CHECK(hits[0].run.ref == want.ref && hits[0].run.query == want.query &&
                      hits[0].run.words == want.words,
                  "run at %d, compared %d", hits[0].run.ref, want.ref);
        lk_audio_clear(&b), lk_free(q.w);
    }
    lk_audio stranger = made_sound(777, 12, RATE);
    print q = printed(&stranger);
    CHECK_OK(lk_sound_index_search(x, q.w, q.n, hits, 8, &n, &err), &err);
    CHECK_INT(n, 0);
    CHECK_OK(lk_sound_index_search(x, q.w, 5, hits, 8, &n, &err), &err);
    CHECK_INT(n, 0);
    lk_audio_clear(&stranger), lk_free(q.w);
    for (int i = 0; i < REFS; i++) lk_audio_clear(&kept[i]), lk_free(ref[i].w);
    lk_sound_index_free(&x);
    CHECK(!x, "the handle is cleared");
}

static void no_memory(void)
{
    lk_audio a = made_sound(5, 6, RATE);
    FAULT_LOOP(LK_FAULT_ALLOC, false, {
        lk_error err = {0};
        print p = {0};
        lk_sound_index *x = NULL;
        lk_sound_hit hits[2];
        int n = 0;
        lk_status s = lk_sound_print(&a, &p.w, &p.n, NULL, &err);
        if (s == LK_OK) s = lk_sound_index_new(&x, &err);
        if (s == LK_OK) s = lk_sound_index_add(x, 7, p.w, p.n, &err);
        if (s == LK_OK) s = lk_sound_index_search(x, p.w, p.n, hits, 2, &n, &err);
        CHECK(fault_clean(s) && (s != LK_OK || n == 1), "status %d, %d hits", s, n);
        lk_sound_index_free(&x);
        lk_free(p.w);
    });
    lk_audio_clear(&a);
}

static const check_test tests[] = {
    {"finds-itself", finds_itself}, {"finds-changed-parts", finds_changed_parts},
    {"any-rate-and-channels", any_rate_and_channels}, {"silence-matches-nothing", silence_matches_nothing},
    {"index-finds-what-comparing-finds", index_finds_what_comparing_finds}, {"no-memory", no_memory},
};
CHECK_MAIN(tests)
