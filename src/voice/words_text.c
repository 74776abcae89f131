/* words_text.c: from text to phones, by the lexicon and the letter rules of flite (Black & Lenzo 2001), and flite's voices
 * for tests and training. The only file that includes flite.
 *
 * flite keeps state in globals and ends the program on errors of its own, so it is used under one lock and is given
 * nothing but short plain ASCII.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <threads.h>

#include <flite/flite.h>

#include "voice/words_internal.h"

cst_voice *register_cmu_us_awb(const char *voxdir);
cst_voice *register_cmu_us_kal16(const char *voxdir);
cst_voice *register_cmu_us_rms(const char *voxdir);
cst_voice *register_cmu_us_slt(const char *voxdir);

static const char phones[LK_PHONES][4] = {
    "pau", "aa", "ae", "ah", "ao", "aw", "ax", "ay", "b",  "ch", "d",  "dh", "eh", "er",
    "ey",  "f",  "g",  "hh", "ih", "iy", "jh", "k",  "l",  "m",  "n",  "ng", "ow", "oy",
    "p",   "r",  "s",  "sh", "t",  "th", "uh", "uw", "v",  "w",  "y",  "z",  "zh",
};

static const struct {
    const char *name;
    cst_voice *(*open)(const char *);
} voices[] = {
    {"kal16", register_cmu_us_kal16}, {"rms", register_cmu_us_rms}, {"slt", register_cmu_us_slt}, {"awb", register_cmu_us_awb}};

static once_flag once = ONCE_FLAG_INIT;
static mtx_t lock;

static void start(void)
{
    mtx_init(&lock, mtx_plain);
    flite_init();
}

int lk_phone_find(const char *name)
{
    size_t n = strlen(name);
    if (n && isdigit((unsigned char)name[n - 1])) n--; /* stress */
    for (int i = 0; i < LK_PHONES; i++)
        if (strlen(phones[i]) == n && !memcmp(phones[i], name, n)) return i;
    return -1;
}

/* Plain letters for those of Latin-1 and Latin Extended-A (U+00C0..U+017F); "" has none. */
static const char *plain_letter(unsigned code)
{
    static const char *const latin1[] = {
        "A", "A", "A", "A", "A", "A", "Ae", "C", "E", "E", "E", "E", "I", "I", "I", "I", "D", "N", "O", "O", "O", "O", "O", "",
        "O", "U", "U", "U", "U", "Y", "Th", "ss", "a", "a", "a", "a", "a", "a", "ae", "c", "e", "e", "e", "e", "i", "i", "i", "i",
        "d", "n", "o", "o", "o", "o", "o", "", "o", "u", "u", "u", "u", "y", "th", "y"};
    static const char extended[] = "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkkllllllllll"
                                   "nnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";
    static char one[2];
    if (code >= 0xC0 && code <= 0xFF) return latin1[code - 0xC0];
    if (code >= 0x100 && code < 0x100 + sizeof extended - 1) {
        one[0] = extended[code - 0x100]; /* under the lock */
        return one;
    }
    return "";
}

/* One code point; 0 when the bytes are no UTF-8. */
static unsigned next_code(const unsigned char **p)
{
    const unsigned char *s = *p;
    int more = s[0] < 0x80 ? 0 : (s[0] & 0xE0) == 0xC0 ? 1 : (s[0] & 0xF0) == 0xE0 ? 2 : (s[0] & 0xF8) == 0xF0 ? 3 : -1;
    if (more < 0) return 0;
    unsigned code = more == 0 ? s[0] : s[0] & (0x3Fu >> more);
    for (int i = 1; i <= more; i++) {
        if ((s[i] & 0xC0) != 0x80) return 0;
        code = code << 6 | (s[i] & 0x3F);
    }
    *p += more + 1;
    return code;
}

typedef struct token {
    char s[128]; /* ASCII that flite may read; empty: cannot be spoken */
    bool random;
} token;

/* Blank-separated tokens, letters and digits alone (apostrophes inside words kept): flite guesses abbreviations, dates and
 * sums of money from signs, and the guess would have to agree with the reader's. */
static lk_status tokens_of(const char *text, token *out, int *count, lk_error *err)
{
    const char *colon = strrchr(text, ':');
    const unsigned char *p = (const unsigned char *)text;
    int n = 0;
    while (*p) {
        while (*p && (isspace(*p) || *p == ',' || *p == '.' || *p == ':' || *p == ';' || *p == '-')) p++;
        if (!*p) break;
        token t = {.random = !colon || (const char *)p > colon};
        size_t len = 0;
        bool any = false;
        while (*p && !isspace(*p) && !strchr(",.:;-", *p)) {
            unsigned code = next_code(&p);
            if (!code) return LK_FAIL(err, LK_E_FORMAT, "the text is not UTF-8; save it as UTF-8");
            char self[2] = {(char)code, 0};
            const char *add = code >= 128                      ? plain_letter(code)
                              : isalnum((int)code) ? self
                              : code == '\'' && len            ? "'"
                                                               : "";
            any = any || (code >= 0xC0 && (code < 0x2000 || code > 0x206F)) || (code < 128 && isalnum((int)code)); /* no sign alone */
            for (; *add && len + 1 < sizeof t.s; add++) t.s[len++] = *add;
        }
        while (len && t.s[len - 1] == '\'') t.s[--len] = 0;
        if (!any) continue; /* a dash between blanks */
        if (len > 40)
            return LK_FAIL(err, LK_E_RANGE, "the text has a word of more than 40 letters (\"%.20s...\"); shorten it", t.s);
        if (n >= LK_WORDS_MAX)
            return LK_FAIL(err, LK_E_RANGE, "the text has more than %d words; shorten it", LK_WORDS_MAX);
        out[n++] = t;
    }
    *count = n;
    return n ? LK_OK : LK_FAIL(err, LK_E_ARG, "the text has no words; give the sentence that was to be said");
}

static void add_phone(lk_spoken_word *w, const char *name)
{
    int p = lk_phone_find(name);
    if (p > 0 && w->phones < LK_WORD_PHONES) w->phone[w->phones++] = (uint8_t)p;
}

/* Text analysis needs no sound: the module that would make it is replaced in the utterance. */
static cst_utterance *no_sound(cst_utterance *u) { return u; }

/* A token's words: one, or several for a number. */
static lk_status words_of_token(cst_voice *v, const token *t, lk_spoken_word *out, int *count, lk_error *err)
{
    cst_utterance *u = new_utterance();
    if (!u) return LK_FAIL(err, LK_E_NOMEM, "no memory to read the text");
    utt_init(u, v);
    utt_set_input_text(u, t->s);
    feat_set(u->features, "wave_synth_func", uttfunc_val(&no_sound));
    lk_status s = LK_OK;
    if (!utt_synth(u) || !utt_relation(u, "Word")) {
        s = LK_FAIL(err, LK_E_FORMAT, "\"%s\" cannot be read; replace it by plain words", t->s);
        goto done;
    }
    for (cst_item *i = relation_head(utt_relation(u, "Word")); i; i = item_next(i)) {
        if (*count >= LK_WORDS_MAX) {
            s = LK_FAIL(err, LK_E_RANGE, "the text has more than %d words; shorten it", LK_WORDS_MAX);
            goto done;
        }
        lk_spoken_word w = {.random = t->random};
        snprintf(w.word, sizeof w.word, "%s", item_name(i));
        for (cst_item *y = item_daughter(item_as(i, "SylStructure")); y; y = item_next(y))
            for (cst_item *g = item_daughter(y); g; g = item_next(g)) add_phone(&w, item_name(g));
        if (w.phones) out[(*count)++] = w;
    }
done:
    delete_utterance(u);
    return s;
}

lk_status lk_words_of_text(const char *text, lk_spoken_word *out, int *count, lk_error *err)
{
    *count = 0;
    if (strlen(text) > LK_WORDS_TEXT_MAX)
        return LK_FAIL(err, LK_E_RANGE, "the text has more than %d bytes; shorten it", LK_WORDS_TEXT_MAX);
    token *t = lk_calloc(LK_WORDS_MAX, sizeof *t);
    if (!t) return LK_FAIL(err, LK_E_NOMEM, "no memory to read the text");
    call_once(&once, start);
    mtx_lock(&lock);
    int tokens = 0;
    lk_status s = tokens_of(text, t, &tokens, err);
    cst_voice *v = voices[0].open(NULL);
    for (int i = 0; s == LK_OK && i < tokens; i++) {
        int before = *count;
        if (t[i].s[0]) s = words_of_token(v, &t[i], out, count, err);
        if (s != LK_OK || *count > before) continue;
        if (*count >= LK_WORDS_MAX) {
            s = LK_FAIL(err, LK_E_RANGE, "the text has more than %d words; shorten it", LK_WORDS_MAX);
        } else {
            out[*count] = (lk_spoken_word){.random = t[i].random, .word = "?"};
            (*count)++;
        }
    }
    mtx_unlock(&lock);
    lk_free(t);
    return s;
}

lk_status lk_words_of_list(lk_spoken_word *out, lk_error *err)
{
    call_once(&once, start);
    mtx_lock(&lock);
    const cst_lexicon *lex = val_lexicon(feat_val(voices[0].open(NULL)->features, "lexicon"));
    for (int i = 0; i < LK_WORDS_LIST; i++) {
        out[i] = (lk_spoken_word){.random = true};
        snprintf(out[i].word, sizeof out[i].word, "%s", lk_words_at(i));
        cst_val *p = lex_lookup(lex, lk_words_at(i), NULL, NULL);
        for (const cst_val *q = p; q; q = val_cdr(q)) add_phone(&out[i], val_string(val_car(q)));
        delete_val(p);
    }
    mtx_unlock(&lock);
    return LK_OK;
}

lk_status lk_words_speak(const char *voice, const char *text, double stretch, lk_words_speech *out, lk_error *err)
{
    memset(out, 0, sizeof *out);
    if (!(stretch >= 0.5 && stretch <= 2)) return LK_FAIL(err, LK_E_RANGE, "speech can be stretched by 0.5 to 2, not by %g", stretch);
    if (strlen(text) > LK_WORDS_TEXT_MAX)
        return LK_FAIL(err, LK_E_RANGE, "the text has more than %d bytes; shorten it", LK_WORDS_TEXT_MAX);
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c >= 127 || (unsigned char)*c < 32)
            return LK_FAIL(err, LK_E_FORMAT, "only plain ASCII can be spoken; replace other signs");
    size_t k = 0;
    while (k < LK_COUNT(voices) && strcmp(voices[k].name, voice)) k++;
    if (k == LK_COUNT(voices)) return LK_FAIL(err, LK_E_ARG, "there is no voice \"%s\"; take kal16, rms, slt or awb", voice);
    call_once(&once, start);
    mtx_lock(&lock);
    lk_status s = LK_OK;
    cst_voice *v = voices[k].open(NULL);
    feat_set_float(v->features, "duration_stretch", (float)stretch);
    cst_utterance *u = flite_synth_text(text, v);
    cst_wave *w = u ? utt_wave(u) : NULL;
    if (!w || w->sample_rate != LK_WORDS_RATE || w->num_samples <= 0 || w->num_channels != 1) {
        s = LK_FAIL(err, LK_E_FORMAT, "the voice %s gave no sound for \"%.40s\"", voice, text);
        goto done;
    }
    out->n = w->num_samples;
    int64_t frames = lk_words_frames(out->n);
    out->samples = lk_alloc(sizeof(float) * (size_t)out->n);
    out->phone = lk_calloc((size_t)LK_MAX(frames, 1), 1);
    if (!out->samples || !out->phone) {
        s = LK_FAIL(err, LK_E_NOMEM, "no memory for %lld samples of speech", (long long)out->n);
        goto done;
    }
    for (int64_t i = 0; i < out->n; i++) out->samples[i] = (float)w->samples[i] / 32768.0f;
    int64_t at = 0;
    for (cst_item *i = relation_head(utt_relation(u, "Segment")); i; i = item_next(i)) {
        int p = lk_phone_find(item_name(i));
        int64_t end = (int64_t)((double)item_feat_float(i, "end") * 100 + 0.5);
        for (; at < LK_MIN(end, frames); at++) out->phone[at] = (uint8_t)LK_MAX(p, 0);
    }
done:
    if (u) delete_utterance(u);
    mtx_unlock(&lock);
    if (s != LK_OK) lk_words_speech_clear(out);
    return s;
}

void lk_words_speech_clear(lk_words_speech *s)
{
    lk_free(s->samples);
    lk_free(s->phone);
    memset(s, 0, sizeof *s);
}
