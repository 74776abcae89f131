/* words.h: does a recording say these words, and not others? Of the room voice, level 3 (base, dsp, tensor, nn; flite).
 *
 * For enrolment: a person reads a fixed part with random words behind it ("I, NAME, agree: acorn violin ..."), and the
 * recording is judged offline. A small network of our own (words_net.c) gives each 10 ms frame's phones; the text's phones
 * (words_text.c, by flite's lexicon) are aligned with them (words_align.c); then, at the place of each word, every other
 * word of the built-in list is tried in its stead with the rest kept (words.c).
 *
 * Why this can be trusted without knowing how good the network is: the random words were drawn uniformly from the list.
 * If the recording was made without knowledge of them, the true word's rank among the list at its place is uniform too,
 * whatever the acoustics, so its share is a p-value, and Fisher's sum over the words (1925) bounds the chance that
 * a recording of something else fits. The places of one sentence lean on each other, so the sum is not exact (measured:
 * models/voice-words.md) and "fits" asks for a tenth of the allowed chance. This holds for words drawn from the
 * list alone, not for sentences of ordinary short words. A poor network only makes more recordings doubtful. What it does
 * not prove: that a living person spoke (a synthetic voice can say any words), or who.
 */
#ifndef LK_VOICE_WORDS_H
#define LK_VOICE_WORDS_H

#include "base/base.h"

enum {
    LK_WORDS_LIST = 1024,      /* words in the list: 10 bits each when drawn with replacement */
    LK_WORDS_RATE = 16000,     /* Hz, mono */
    LK_WORDS_MAX = 96,         /* words of a text */
    LK_WORDS_TEXT_MAX = 1000,  /* bytes of a text */
    LK_WORDS_PICK_MAX = 16,    /* random words of a sentence */
    LK_WORDS_SECONDS_MAX = 60, /* of a recording */
    LK_WORDS_DECOYS = 99,      /* whole sentences to compare with */
};

#define LK_WORDS_SHARE (1.0 / 32) /* a word is recognised when at most this share of the list fits better */

const char *lk_words_at(int i); /* 0..LK_WORDS_LIST-1, in order of the alphabet; NULL outside */
int lk_words_find(const char *word, size_t n); /* its place, or -1 */

/* n different words, blank between, chosen by random bytes (16 at least, from lk_random_bytes or a nonce): the same
 * bytes give the same words. Six are log2(1024*1023*...*1019) = 59.98 bits. */
lk_status lk_words_pick(const void *random, size_t bytes, int n, char *out, size_t cap, lk_error *err);

typedef enum lk_words_verdict { LK_WORDS_NOT, LK_WORDS_DOUBT, LK_WORDS_FITS } lk_words_verdict;
const char *lk_words_verdict_name(lk_words_verdict v); /* "does not fit", "doubt", "fits" */

typedef struct lk_word_place {
    char word[32];    /* as spoken; cut when longer */
    double begin, end; /* s, where the best alignment puts it */
    bool random;      /* one of the random words */
    bool judged;      /* false: nothing that can be spoken (signs of another script), taken as anything */
    int better;       /* words of the list that fit better here than the true one */
    int others;       /* of how many that do not sound the same */
    double share;     /* (better + 1) / (others + 1): uniform when something else was said */
    double margin;    /* log likelihood a frame of the word, true minus the best other */
} lk_word_place;

typedef struct lk_words_result {
    lk_words_verdict verdict;
    char reason[160]; /* one sentence */
    int words, random, recognised; /* recognised: random words with share <= LK_WORDS_SHARE */
    int fixed, fixed_recognised;   /* the same for the words before */
    double chance;      /* P(a recording of other words does as well), by Fisher */
    double score;       /* mean log likelihood ratio a frame of the alignment against free phones; 0 is best */
    double other_score; /* the same of the best of LK_WORDS_DECOYS sentences with other random words */
    int better_texts;   /* decoy sentences that score better than the true one */
    double speech;      /* s, from the first to the last aligned word */
    lk_word_place place[LK_WORDS_MAX];
} lk_words_result;

/* The network, opened once; used by one thread at a time. dir NULL: $LIKENESS_MODELS, else where they are installed. */
typedef struct lk_words_ear lk_words_ear;
lk_status lk_words_open(const char *dir, lk_words_ear **out, lk_error *err);
void lk_words_close(lk_words_ear **ear);

/* text: UTF-8; the random words are those behind the last ':', without one all are. The recording may begin and end with
 * silence. Refused with a sentence: no text, a text too long, less than 0.5 s or more than 60 s, samples not finite,
 * silence, more words than fit into the time. A recording of other words is no error but LK_WORDS_NOT. */
lk_status lk_words_judge(lk_words_ear *ear, const float *samples, int64_t n, const char *text, lk_words_result *out,
                         lk_error *err);

/* A text spoken by one of flite's voices ("rms", "slt", "awb", "kal16"), 16 kHz mono, for tests and for training.
 * stretch: 1 normal, 2 half as fast. Freed by lk_words_speech_clear. */
typedef struct lk_words_speech {
    float *samples;
    int64_t n;
    uint8_t *phone; /* of each 10 ms frame, n / 160 of them: numbers of words_text.c */
} lk_words_speech;
lk_status lk_words_speak(const char *voice, const char *text, double stretch, lk_words_speech *out, lk_error *err);
void lk_words_speech_clear(lk_words_speech *s);

#endif
