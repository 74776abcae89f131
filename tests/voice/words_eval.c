/* words_eval.c: false accepts and false rejects of words.c on natural speech.
 *     words_eval lj DIR TEXTS   a reader: sentences judged with their own words, others', and with some exchanged. TEXTS is
 *                               ID|TEXT a line: tests/voice/lj_texts.csv, none of them used in training
 *     words_eval grid DIR       GRID clips, all words of a clip's sentence
 */
#include <dirent.h>
#include <stdio.h>

#include "../check.h"
#include "media/media.h"
#include "voice/words_internal.h"

static lk_error err;
#define MUST(expr) do { if ((expr) != LK_OK) { fprintf(stderr, "%s: %s\n", #expr, err.message); exit(1); } } while (0)

typedef struct clip { char text[1200]; float *x; int64_t n; int words; } clip;
typedef struct tally { int n, verdict[3], places, recognised, first, listed, listed_recognised, listed_first; double time, worst, best; } tally;

static void judge(lk_words_ear *ear, const clip *c, const char *text, tally *t, bool show)
{
    lk_words_result *r = lk_alloc(sizeof *r);
    double began = lk_now();
    lk_status s = lk_words_judge(ear, c->x, c->n, text, r, &err);
    t->time = fmax(t->time, lk_now() - began);
    if (s == LK_E_RANGE) r->verdict = LK_WORDS_NOT, r->chance = 1;
    else if (s != LK_OK) fprintf(stderr, "%s\n", err.message);
    if (!t->n) t->best = 1;
    t->n++;
    t->verdict[r->verdict]++;
    t->worst = fmax(t->worst, r->chance);
    t->best = fmin(t->best, r->chance);
    for (int i = 0; i < r->words; i++) {
        if (!r->place[i].random) continue;
        t->places++;
        t->recognised += r->place[i].share <= LK_WORDS_SHARE;
        t->first += !r->place[i].better;
        if (lk_words_find(r->place[i].word, strlen(r->place[i].word)) >= 0) {
            t->listed++;
            t->listed_recognised += r->place[i].share <= LK_WORDS_SHARE;
            t->listed_first += !r->place[i].better;
        }
        if (show && getenv("WORDS")) printf("  %-12s %.2f-%.2f better %d of %d margin %.3f\n", r->place[i].word, r->place[i].begin, r->place[i].end, r->place[i].better, r->place[i].others, r->place[i].margin);
    }
    if (show) printf("%-12s %d/%d chance %.1e score %.2f other %.2f better texts %d | %.60s\n", lk_words_verdict_name(r->verdict), r->recognised, r->random, r->chance, r->score, r->other_score, r->better_texts, text);
    lk_free(r);
}

static void print(const char *what, const tally *t)
{
    printf("%-44s n %5d  fits %6.2f %%  doubt %6.2f %%  not %6.2f %%  | words in 1/32 %5.1f %%  first %5.1f %%  | chance %.1e..%.1e  longest %.2f s\n", what, t->n,
           100.0 * t->verdict[LK_WORDS_FITS] / LK_MAX(t->n, 1), 100.0 * t->verdict[LK_WORDS_DOUBT] / LK_MAX(t->n, 1),
           100.0 * t->verdict[LK_WORDS_NOT] / LK_MAX(t->n, 1), 100.0 * t->recognised / LK_MAX(t->places, 1),
           100.0 * t->first / LK_MAX(t->places, 1), t->best, t->worst, t->time);
}

/* The text with its last six words behind a ':' as the random ones; `exchange` of them replaced by words of the list. */
static void as_challenge(const char *text, int exchange, lk_rng *r, char *out)
{
    char *word[200], copy[1200];
    int n = 0;
    snprintf(copy, sizeof copy, "%.1199s", text);
    for (char *c = copy; *c; c++) if (*c == ':') *c = ' ';
    for (char *w = strtok(copy, " "); w && n < 200; w = strtok(NULL, " ")) word[n++] = w;
    int first = LK_MAX(n - 6, 0), swap[6] = {0};
    for (int k = 0; k < exchange; k++) {
        int i;
        do i = (int)lk_rng_below(r, 6); while (swap[i]);
        swap[i] = 1;
    }
    out[0] = 0;
    for (int i = 0; i < n; i++) {
        if (i == first) strcat(out, ": ");
        strcat(out, i >= first && swap[i - first] ? lk_words_at((int)lk_rng_below(r, LK_WORDS_LIST)) : word[i]);
        strcat(out, " ");
    }
}

static int load_lj(const char *dir, const char *texts, clip *out)
{
    char line[4000];
    FILE *f = fopen(texts, "r");
    int n = 0;
    while (f && n < 200 && fgets(line, sizeof line, f)) {
        char *id = strtok(line, "|"), *text = strtok(NULL, "|\n"), *spelt = strtok(NULL, "|\n");
        if (spelt) text = spelt;
        if (!text) continue;
        char *file = lk_strfmt("%s/%s.flac", dir, id);
        lk_audio a;
        MUST(lk_audio_read(file, LK_WORDS_RATE, 1, &a, &err));
        snprintf(out[n].text, sizeof out[n].text, "%s", text);
        out[n].x = a.data;
        out[n++].n = a.samples;
        lk_free(file);
    }
    if (f) fclose(f);
    return n;
}

static int load_grid(const char *dir, clip *out)
{
    struct dirent *e;
    DIR *d = opendir(dir);
    int n = 0;
    while (d && (e = readdir(d))) {
        char *dot = strstr(e->d_name, ".align"), line[200], word[64];
        if (!dot) continue;
        char *file = lk_strfmt("%s/%s", dir, e->d_name);
        FILE *f = fopen(file, "r");
        out[n].text[0] = 0;
        while (fgets(line, sizeof line, f))
            if (sscanf(line, "%*d %*d %60s", word) == 1 && strcmp(word, "sil") && strcmp(word, "sp")) strcat(strcat(out[n].text, word), " ");
        fclose(f);
        lk_free(file);
        file = lk_strfmt("%s/%.*s.mpg", dir, (int)(dot - e->d_name), e->d_name);
        lk_audio a;
        if (lk_audio_read(file, LK_WORDS_RATE, 1, &a, &err) == LK_OK) out[n].x = a.data, out[n++].n = a.samples;
        lk_free(file);
    }
    if (d) closedir(d);
    return n;
}

int main(int argc, char **argv)
{
    static clip c[200];
    if (argc < 3) return 2;
    lk_words_ear *ear;
    MUST(lk_words_open(NULL, &ear, &err));
    bool lj = !strcmp(argv[1], "lj");
    int n = lj ? load_lj(argv[2], argc > 3 ? argv[3] : "tests/voice/lj_texts.csv", c) : load_grid(argv[2], c);
    tally own = {0}, other = {0}, list = {0}, half[7] = {{0}};
    char text[2400];
    lk_rng r = lk_rng_at(5, 5, 0, 0);
    for (int i = 0; i < n; i++) {
        if (lj) {
            as_challenge(c[i].text, 0, &r, text);
            judge(ear, &c[i], text, &own, true);
        } else {
            judge(ear, &c[i], c[i].text, &own, true);
        }
    }
    int rounds = getenv("ROUNDS") ? atoi(getenv("ROUNDS")) : 4;
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < n; k++) {
            if (k == i || (k - i + n) % n > rounds) continue;
            if (lj) as_challenge(c[k].text, 0, &r, text);
            judge(ear, &c[i], lj ? text : c[k].text, &other, false);
        }
        for (int x = 1; lj && x <= 6; x++)
            for (int k = 0; k < rounds; k++) {
                as_challenge(c[i].text, x, &r, text);
                judge(ear, &c[i], text, &half[x], false);
            }
        for (int k = 0; k < 5 * rounds; k++) { /* six words of the list */
            uint32_t key[4] = {lk_rng_u32(&r), lk_rng_u32(&r), lk_rng_u32(&r), lk_rng_u32(&r)};
            MUST(lk_words_pick(key, sizeof key, 6, text, sizeof text, &err));
            judge(ear, &c[i], text, &list, false);
        }
    }
    print("its own words", &own);
    if (lj) { /* every word of the sentence, to find those of the list */
        tally all = {0};
        for (int i = 0; i < n; i++) {
            snprintf(text, sizeof text, "%.1199s", c[i].text);
            for (char *p = text; *p; p++) if (*p == ':') *p = ' ';
            judge(ear, &c[i], text, &all, false);
        }
        print("all words of its sentence", &all);
        printf("%-44s n %5d  in 1/32 %.1f %%  first %.1f %%\n", "  of them words of the list", all.listed,
               100.0 * all.listed_recognised / LK_MAX(all.listed, 1), 100.0 * all.listed_first / LK_MAX(all.listed, 1));
    }
    print("the words of another recording", &other);
    print("six words of the list", &list);
    for (int x = 1; lj && x <= 6; x++) {
        char what[60];
        snprintf(what, sizeof what, "its own, %d of the last 6 exchanged", x);
        print(what, &half[x]);
    }
    for (int i = 0; i < n; i++) lk_free(c[i].x);
    lk_words_close(&ear);
    return 0;
}
