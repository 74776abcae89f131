/* words_train.c: trains models/voice-words: words_train OUT.safetensors [STEPS [PROSE [SPEECH_LJ [half]]]]
 *
 * First stage: flite's four voices speak random words of the list and sentences of a text file (PROSE, "-" none); flite says
 * where each phone lies. Each utterance is changed (another vocal tract, rate, room, noise, microphone). Second stage, when
 * a folder of read speech with text is given: the network of the first aligns it, and what it heard is learned too.
 * "half" keeps every second sentence of it for measuring (words_eval lj).
 */
#include <ctype.h>
#include <stdio.h>

#include "../check.h"
#include "dsp/dsp.h"
#include "media/media.h"
#include "voice/words_internal.h"

#define BATCH 512
#define POOL_FRAMES 2400000
#define SEED 20

typedef struct pool {
    float *x;      /* [frames][LK_WORDS_MEL] */
    uint8_t *y;
    int64_t frames, natural_from;
    int64_t *begin; /* of each frame's utterance, and its end */
    int32_t *length;
} pool;

static lk_error err;
#define MUST(expr) do { if ((expr) != LK_OK) { fprintf(stderr, "%s: %s\n", #expr, err.message); exit(1); } } while (0)

/* A room: direct sound and a tail of decaying noise. */
static void room(float *x, int64_t n, lk_rng *r)
{
    int taps = 1600 + (int)lk_rng_below(r, 3200);
    float *h = lk_alloc(sizeof(float) * (size_t)taps), *y = lk_calloc((size_t)n, sizeof(float));
    double rt = lk_rng_range(r, 0.1f, 0.5f), level = lk_rng_range(r, 0.01f, 0.06f);
    int sparse = 12;
    for (int k = 0; k < taps; k++) h[k] = k % sparse ? 0 : (float)(level * 3 * lk_rng_normal(r) * exp(-6.9 * k / (rt * LK_WORDS_RATE)));
    for (int k = 0; k < taps; k += sparse) {
        int shift = LK_MIN(k + (int)lk_rng_below(r, (uint32_t)sparse), taps);
        for (int64_t i = shift; i < n; i++) y[i] += h[k] * x[i - shift];
    }
    for (int64_t i = 0; i < n; i++) x[i] += y[i];
    lk_free(h);
    lk_free(y);
}

static void noise(float *x, int64_t n, lk_rng *r)
{
    double p = 0;
    for (int64_t i = 0; i < n; i++) p += (double)x[i] * x[i];
    double snr = lk_rng_range(r, 8, 45), g = sqrt(p / (double)n / pow(10, snr / 10));
    float colour = lk_rng_range(r, 0, 0.97f), state = 0, gain = (float)(g * sqrt(1 - (double)colour * colour));
    for (int64_t i = 0; i < n; i++) {
        state = colour * state + lk_rng_normal(r);
        x[i] += gain * state;
    }
}

/* A microphone: one resonance or dip of some width and a tilt. */
static void microphone(float *x, int64_t n, lk_rng *r)
{
    float tilt = lk_rng_range(r, -0.5f, 0.5f), last = 0;
    double f = lk_rng_range(r, 200, 5000), q = lk_rng_range(r, 0.5f, 2), db = lk_rng_range(r, -10, 10);
    double a = pow(10, db / 40), w = 2 * M_PI * f / LK_WORDS_RATE, al = sin(w) / (2 * q), a0 = 1 + al / a;
    double b0 = (1 + al * a) / a0, b1 = -2 * cos(w) / a0, b2 = (1 - al * a) / a0, a2 = (1 - al / a) / a0;
    double x1 = 0, x2 = 0, y1 = 0, y2 = 0;
    for (int64_t i = 0; i < n; i++) {
        double in = x[i] + tilt * last, y = b0 * in + b1 * x1 + b2 * x2 - b1 * y1 - a2 * y2;
        last = x[i];
        x2 = x1, x1 = in, y2 = y1, y1 = y;
        x[i] = (float)y;
    }
}

/* Change and store; phones of 10 ms frames. */
static void add(pool *p, const float *samples, int64_t n, const uint8_t *phone, lk_rng *r, bool natural)
{
    double step = natural ? lk_rng_range(r, 0.9f, 1.12f) : lk_rng_range(r, 0.85f, 1.25f);
    int64_t m = (int64_t)((double)n / step);
    int64_t frames = lk_words_frames(m), have = lk_words_frames(n);
    if (frames < 20 || p->frames + frames > POOL_FRAMES) return;
    float *x = lk_alloc(sizeof(float) * (size_t)m);
    MUST(lk_resample(samples, n, step, x, m, &err));
    if (lk_rng_below(r, 2)) room(x, m, r);
    if (lk_rng_below(r, 4)) microphone(x, m, r);
    noise(x, m, r);
    MUST(lk_words_features(x, m, lk_rng_range(r, 0.87f, 1.15f), p->x + p->frames * LK_WORDS_MEL, &err));
    for (int64_t t = 0; t < frames; t++) {
        int64_t from = (int64_t)(((double)t + 0.5) * step);
        p->y[p->frames + t] = phone[LK_MIN(from, have - 1)];
        p->begin[p->frames + t] = p->frames;
        p->length[p->frames + t] = (int32_t)frames;
    }
    p->frames += frames;
    lk_free(x);
}

static char *prose;
static size_t prose_n;

/* A run of 4 to 12 words of the prose. */
static void sentence(char *out, size_t cap, lk_rng *r)
{
    size_t at = 0, i = lk_rng_below(r, (uint32_t)(prose_n - 400)), words = 4 + lk_rng_below(r, 9);
    while (prose[i] && !isspace((unsigned char)prose[i])) i++;
    while (prose[i] && words && at + 2 < cap) {
        unsigned char c = (unsigned char)prose[i++];
        if (isalpha(c) || (c == '\'' && at && isalpha((unsigned char)out[at - 1]))) out[at++] = (char)tolower(c);
        else if (c == ',' && at && out[at - 1] != ' ') out[at++] = ',';
        else if (isspace(c) && at && out[at - 1] != ' ') out[at++] = ' ', words--;
    }
    out[at] = 0;
}

static void speak(pool *p, int utterances)
{
    static const char *const voice[] = {"rms", "slt", "awb", "kal16"};
    for (int u = 0; u < utterances; u++) {
        lk_rng r = lk_rng_at(SEED, 1, 0, (uint64_t)u);
        char text[400] = "";
        if (prose && lk_rng_below(&r, 2)) {
            sentence(text, sizeof text, &r);
        } else {
            uint32_t key[4] = {lk_rng_u32(&r), lk_rng_u32(&r), lk_rng_u32(&r), lk_rng_u32(&r)};
            MUST(lk_words_pick(key, sizeof key, 4 + (int)lk_rng_below(&r, 5), text, sizeof text, &err));
            for (char *c = text; *c; c++) /* some with pauses */
                if (*c == ' ' && lk_rng_below(&r, 3) == 0) *c = ',';
        }
        lk_words_speech s;
        if (lk_words_speak(voice[u % 4], text, lk_rng_range(&r, 0.75f, 1.4f), &s, &err) != LK_OK) continue;
        for (int k = 0; k < 2; k++) add(p, s.samples, s.n, s.phone, &r, false);
        lk_words_speech_clear(&s);
        if (u % 500 == 0) fprintf(stderr, "spoken %d of %d, %.2f h\n", u, utterances, (double)p->frames / 360000);
    }
}

/* Read speech with a text, aligned by the network as it is. */
static void hear(pool *p, lk_words_ear *ear, const char *dir, bool half)
{
    char line[4000], *path = lk_strfmt("%s/metadata.csv", dir);
    FILE *f = fopen(path, "r");
    lk_spoken_word *w = lk_calloc(LK_WORDS_MAX, sizeof *w);
    p->natural_from = p->frames;
    for (int number = 0; f && fgets(line, sizeof line, f); number++) {
        char *id = strtok(line, "|"), *text = strtok(NULL, "|\n"), *spelt = strtok(NULL, "|\n");
        if (spelt) text = spelt;
        if (!text || (half && number % 2)) continue;
        lk_audio a;
        char *clip = lk_strfmt("%s/%s.flac", dir, id);
        MUST(lk_audio_read(clip, LK_WORDS_RATE, 1, &a, &err));
        int count = 0, frames = (int)lk_words_frames(a.samples);
        MUST(lk_words_of_text(text, w, &count, &err));
        float *x = lk_alloc(sizeof(float) * LK_WORDS_MEL * (size_t)frames), *like = lk_alloc(sizeof(float) * LK_PHONES * (size_t)frames);
        uint8_t *phone = lk_alloc((size_t)frames);
        lk_words_aligner *al;
        MUST(lk_words_features(a.data, a.samples, 1, x, &err));
        MUST(lk_words_listen(ear, x, frames, like, &err));
        MUST(lk_words_aligner_new(like, frames, &al, &err));
        lk_words_path way;
        if (lk_words_align(al, w, count, &way, phone) == LK_OK) {
            fprintf(stderr, "%s %.2f\n", id, (way.score - lk_words_free_score(al, 0, frames)) / frames);
            for (int k = 0; k < 16; k++) {
                lk_rng r = lk_rng_at(SEED, 2, (uint32_t)k, (uint64_t)number);
                add(p, a.data, a.samples, phone, &r, true);
            }
        }
        lk_words_aligner_free(&al);
        lk_free(x);
        lk_free(like);
        lk_free(phone);
        lk_free(clip);
        lk_audio_clear(&a);
    }
    if (f) fclose(f);
    lk_free(w);
    lk_free(path);
}

static void train(pool *p, lk_net *net, lk_node in, lk_params *params, lk_optim *o, int64_t steps, float lr, uint32_t stage)
{
    static int labels[BATCH];
    double loss = 0, right = 0;
    for (int64_t s = 0; s < steps; s++) {
        lk_rng r = lk_rng_at(SEED, 3, stage, (uint64_t)s);
        float *x = lk_net_in(net, in)->data;
        for (int b = 0; b < BATCH; b++) {
            int64_t t;
            if (p->natural_from && p->natural_from < p->frames && b % 5 < 2)
                t = p->natural_from + lk_rng_below(&r, (uint32_t)(p->frames - p->natural_from));
            else t = lk_rng_below(&r, (uint32_t)(p->natural_from ? p->natural_from : p->frames));
            labels[b] = p->y[t];
            float *row = x + (int64_t)b * LK_WORDS_IN;
            lk_words_splice(p->x + p->begin[t] * LK_WORDS_MEL, p->length[t], t - p->begin[t], row);
            if (lk_rng_below(&r, 2)) { /* a band that is not heard (Park et al. 2019) */
                int m0 = (int)lk_rng_below(&r, LK_WORDS_MEL), wide = 1 + (int)lk_rng_below(&r, 6);
                for (int k = 0; k < LK_WORDS_SPLICE; k++)
                    for (int m = m0; m < LK_MIN(m0 + wide, LK_WORDS_MEL); m++) row[k * LK_WORDS_MEL + m] = -0.4f;
            }
        }
        lk_net_forward(net);
        lk_net_zero_out_grads(net);
        lk_params_zero_grad(params);
        const lk_tensor *z = lk_net_out(net, "phones");
        loss += lk_loss_softmax(z, labels, 1, lk_net_out_grad(net, "phones"));
        for (int b = 0; b < BATCH; b++) {
            const float *v = (const float *)z->data + b * LK_PHONES;
            int best = 0;
            for (int k = 1; k < LK_PHONES; k++) best = v[k] > v[best] ? k : best;
            right += best == labels[b];
        }
        lk_net_backward(net, true);
        o->lr = lr * lk_schedule_factor(s, 50, steps, steps / 2);
        lk_optim_step(o, params);
        lk_net_refresh(net);
        if (s % 200 == 199) {
            fprintf(stderr, "stage %u step %lld: cross entropy %.3f, %.1f %% of the frames\n", stage, (long long)s + 1, loss / 200,
                    100 * right / 200 / BATCH);
            loss = right = 0;
        }
    }
}

static void save(const char *path, lk_params *params, const float *prior)
{
    lk_named_tensor t[32];
    int n = 0;
    for (int i = 0; i < lk_params_count(params); i++) {
        lk_param *p = lk_params_at(params, i);
        lk_named_tensor *k = &t[n++];
        memset(k, 0, sizeof *k);
        snprintf(k->name, sizeof k->name, "%s", p->name);
        strcpy(k->dtype, "BF16");
        lk_bf16 *v = lk_alloc(sizeof *v * (size_t)p->count);
        for (int64_t j = 0; j < p->count; j++) v[j] = lk_bf16_from_f32(p->value[j]);
        k->data = v;
        k->bytes = sizeof *v * (size_t)p->count;
        int64_t dims[4] = {p->shape.n, p->shape.h, p->shape.w, p->shape.c};
        bool vector = p->count == p->shape.c;
        k->rank = vector ? 1 : 4;
        for (int d = 0; d < k->rank; d++) k->dim[d] = vector ? p->count : dims[d];
    }
    t[n] = (lk_named_tensor){.name = "prior", .dtype = "F32", .rank = 1, .dim = {LK_PHONES}, .data = prior,
                             .bytes = sizeof(float) * LK_PHONES};
    MUST(lk_safetensors_write(path, t, n + 1, "{\"net\": \"" LK_WORDS_NET "\"}", &err));
    for (int i = 0; i < n; i++) lk_free((void *)t[i].data);
}

int main(int argc, char **argv)
{
    if (argc < 2) return fprintf(stderr, "words_train OUT.safetensors [STEPS [PROSE [SPEECH_LJ [half]]]]\n"), 2;
    int64_t steps = argc > 2 ? atoll(argv[2]) : 6000;
    if (argc > 3 && strcmp(argv[3], "-")) MUST(lk_file_read(argv[3], 64 << 20, (void **)&prose, &prose_n, &err));
    pool p = {.x = lk_alloc(sizeof(float) * LK_WORDS_MEL * (size_t)POOL_FRAMES), .y = lk_alloc(POOL_FRAMES),
              .begin = lk_alloc(sizeof(int64_t) * POOL_FRAMES), .length = lk_alloc(sizeof(int32_t) * POOL_FRAMES)};
    int utterances = getenv("UTTERANCES") ? atoi(getenv("UTTERANCES")) : 1800;
    double began = lk_now();
    speak(&p, utterances);
    float prior[LK_PHONES] = {0};
    for (int64_t t = 0; t < p.frames; t++) prior[p.y[t]] += 1.0f / (float)p.frames;
    fprintf(stderr, "%.2f h in %.0f s\n", (double)p.frames / 360000, lk_now() - began);
    lk_params *params;
    lk_net *net;
    MUST(lk_params_new(&params, &err));
    MUST(lk_net_new(&net, LK_WORDS_NET, params, LK_BACKEND_DNN, lk_cpu_has_bf16() ? LK_BF16 : LK_F32, &err));
    lk_node in = lk_words_describe(net, BATCH);
    MUST(lk_net_plan(net, true, SEED, &err));
    MUST(lk_params_train(params, false, &err));
    MUST(lk_net_bind(net, &err));
    lk_net_refresh(net);
    lk_optim o = lk_optim_default(LK_OPTIM_ADAM);
    o.weight_decay = 1e-3f;
    o.clip_norm = 5;
    train(&p, net, in, params, &o, steps, 1.5e-3f, 1);
    save(argv[1], params, prior);
    lk_words_ear *ear;
    for (uint32_t round = 0; argc > 4 && round < 2; round++) {
        p.frames = p.natural_from ? p.natural_from : p.frames;
        MUST(lk_words_ear_of(net, in, BATCH, prior, &ear, &err));
        hear(&p, ear, argv[4], argc > 5 && !strcmp(argv[5], "half"));
        lk_words_close(&ear);
        train(&p, net, in, params, &o, steps / 3, 7e-4f, 2 + round);
        save(argv[1], params, prior);
    }
    fprintf(stderr, "%.0f s\n", lk_now() - began);
    return 0;
}
