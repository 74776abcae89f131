/* lips_eval.c: lips_eval CLIP... -- SOUND...
 * Four clips make a take of the length of an enrolment; its mouth is judged with its own sound and with pieces of the other
 * sounds (people speaking). Each clip alone is judged too. */
#include <stdio.h>

#include "../check.h"
#include "face/face.h"
#include "media/media.h"
#include "voice/lips.h"

#define RATE 16000
static lk_error err;
#define MUST(expr) do { if ((expr) != LK_OK) { fprintf(stderr, "%s: %s\n", #expr, err.message); exit(1); } } while (0)

typedef struct take { float *opening; double *time; int64_t frames; lk_audio a; } take;

static void read_take(lk_analyser *an, const char *path, take *t)
{
    lk_face_clip c;
    lk_reader *r;
    MUST(lk_analyse_clip(an, path, &c, NULL, NULL, &err));
    MUST(lk_reader_open(path, &r, &err));
    lk_rational tb = lk_reader_info(r)->time_base;
    lk_frame *f = NULL;
    if (lk_reader_next(r, &f, &err) == LK_OK) tb = lk_frame_get_info(f).time_base;
    double zero = f ? lk_frame_get_info(f).seconds - (double)lk_frame_get_info(f).pts * tb.num / tb.den : 0;
    lk_frame_unref(&f);
    lk_reader_close(&r);
    t->opening = lk_alloc(sizeof(float) * (size_t)c.count);
    t->time = lk_alloc(sizeof(double) * (size_t)c.count);
    t->frames = c.count;
    for (int64_t i = 0; i < c.count; i++) {
        t->time[i] = zero + (double)c.frames[i].pts * tb.num / tb.den;
        t->opening[i] = NAN;
        if (!c.frames[i].count) continue;
        const lk_point *p = c.frames[i].faces[0].lm;
        double d = 0;
        for (int k = 61; k <= 63; k++) d += hypot(p[k].x - p[128 - k].x, p[k].y - p[128 - k].y) / 3;
        t->opening[i] = (float)d / lk_face_interocular(p);
    }
    lk_face_clip_clear(&c);
    MUST(lk_audio_read(path, RATE, 1, &t->a, &err));
}

static void show(const char *what, const int *v, int n, double worst, double best)
{
    printf("%-28s n %5d  moves %6.2f %%  doubt %6.2f %%  not %6.2f %%  | z %.2f..%.2f\n", what, n, 100.0 * v[LK_LIPS_MOVE] / LK_MAX(n, 1),
           100.0 * v[LK_LIPS_DOUBT] / LK_MAX(n, 1), 100.0 * v[LK_LIPS_NOT] / LK_MAX(n, 1), worst, best);
}

int main(int argc, char **argv)
{
    static take t[128];
    lk_analyser *an;
    lk_analyser_options o = lk_analyser_defaults();
    MUST(lk_analyser_open(&o, &an, &err));
    int n = 0, arg = 1;
    for (; arg < argc && strcmp(argv[arg], "--") && n < 128; arg++) read_take(an, argv[arg], &t[n++]);
    float *foreign = NULL;
    int64_t have = 0;
    for (arg++; arg < argc; arg++) {
        lk_audio a;
        MUST(lk_audio_read(argv[arg], RATE, 1, &a, &err));
        foreign = lk_realloc(foreign, sizeof(float) * (size_t)have, sizeof(float) * (size_t)(have + a.samples));
        memcpy(foreign + have, a.data, sizeof(float) * (size_t)a.samples);
        have += a.samples;
        lk_audio_clear(&a);
    }
    for (int group = 1; group <= 4; group += 3) {
        int count[2] = {0}, verdict[2][3] = {{0}};
        double least[2] = {99, 99}, most[2] = {-99, -99};
        for (int i = 0; i < n; i++) {
            take g = {.opening = lk_alloc(sizeof(float) * 4000), .time = lk_alloc(sizeof(double) * 4000)};
            float *own = lk_calloc(RATE * 100, sizeof *own);
            double at = 0;
            for (int k = 0; k < group; k++) { /* a different mixture for each */
                const take *c = &t[(i * 7 + k * 3 + i / 4) % n];
                for (int64_t f = 0; f < c->frames && g.frames < 4000; f++, g.frames++) {
                    g.opening[g.frames] = c->opening[f];
                    g.time[g.frames] = at + c->time[f];
                }
                memcpy(own + (int64_t)(at * RATE), c->a.data, sizeof(float) * (size_t)c->a.samples);
                at += c->time[c->frames - 1] + 0.04;
            }
            int64_t samples = (int64_t)(at * RATE);
            for (int k = 0; k < 21; k++) {
                const float *sound = own;
                if (k) {
                    lk_rng r = lk_rng_at(3, 1, (uint32_t)i, (uint64_t)k);
                    if (have <= samples) break;
                    sound = foreign + lk_rng_below(&r, (uint32_t)(have - samples));
                }
                lk_lips_result r;
                if (lk_lips_judge(g.opening, g.time, g.frames, sound, samples, RATE, &r, &err) != LK_OK) {
                    printf("%d: %s\n", i, err.message);
                    continue;
                }
                int w = k > 0;
                count[w]++;
                verdict[w][r.verdict]++;
                least[w] = fmin(least[w], r.z);
                most[w] = fmax(most[w], r.z);
                if (!w || getenv("ALL"))
                    printf("%s %-30s correlation %.2f lag %+.2f z %.2f p %.3f controls %d\n", w ? "other" : "own",
                           lk_lips_verdict_name(r.verdict), r.correlation, r.lag, r.z, r.p, r.controls);
            }
            lk_free(g.opening);
            lk_free(g.time);
            lk_free(own);
        }
        printf("%d clips together\n", group);
        show("own sound", verdict[0], count[0], least[0], most[0]);
        show("sound of other people", verdict[1], count[1], least[1], most[1]);
    }
    lk_free(foreign);
    lk_analyser_close(&an);
    return 0;
}
