/* words_internal.h: between the words*.c. Phones, features, the network and the aligner. */
#ifndef LK_VOICE_WORDS_INTERNAL_H
#define LK_VOICE_WORDS_INTERNAL_H

#include "nn/nn.h"
#include "voice/words.h"

/* --- phones (words_text.c): those of flite's American lexicon, without stress; 0 is silence --------------------- */

enum { LK_PHONES = 41, LK_PHONE_SILENCE = 0, LK_WORD_PHONES = 24 };
int lk_phone_find(const char *name); /* "ah", "ah1"; -1 when it is none */

typedef struct lk_spoken_word {
    char word[32];
    bool random;
    int phones; /* 0: cannot be spoken */
    uint8_t phone[LK_WORD_PHONES];
} lk_spoken_word;
/* The words of a text as flite reads it: numbers spelt out, unknown names by its letter rules, Latin letters with
 * accents as their plain ones. At most LK_WORDS_MAX. */
lk_status lk_words_of_text(const char *text, lk_spoken_word *out, int *count, lk_error *err);
/* The list's words, in its order. */
lk_status lk_words_of_list(lk_spoken_word *out, lk_error *err);

/* --- features (words_feature.c) -------------------------------------------------------------------------------- */

enum { LK_WORDS_HOP = 160, LK_WORDS_WINDOW = 400, LK_WORDS_FFT = 512, LK_WORDS_MEL = 32 };
static inline int64_t lk_words_frames(int64_t n) { return n / LK_WORDS_HOP; }
/* Log mel energies of each 10 ms, mean of the active frames taken off: out[frames][LK_WORDS_MEL]. warp moves the bands'
 * frequencies (1 = none): another length of the vocal tract, for training. LK_E_FORMAT when it is silent throughout. */
lk_status lk_words_features(const float *samples, int64_t n, double warp, float *out, lk_error *err);

/* --- the network (words_net.c) ---------------------------------------------------------------------------------- */

enum { LK_WORDS_CONTEXT = 10, LK_WORDS_SPLICE = 2 * LK_WORDS_CONTEXT + 1, LK_WORDS_IN = LK_WORDS_SPLICE * LK_WORDS_MEL };
#define LK_WORDS_NET "voice-words"
lk_node lk_words_describe(lk_net *net, int batch); /* output "phones": logits */
/* The input of frame t: its neighbours, the edges repeated. */
void lk_words_splice(const float *features, int64_t frames, int64_t t, float *out);

/* Log of posterior over prior of each frame and phone: out[frames][LK_PHONES]. */
lk_status lk_words_listen(lk_words_ear *ear, const float *features, int64_t frames, float *out, lk_error *err);
/* A view of an ear in training, to score with. */
lk_status lk_words_ear_of(lk_net *net, lk_node in, int batch, const float prior[LK_PHONES], lk_words_ear **out, lk_error *err);

/* --- the aligner (words_align.c) --------------------------------------------------------------------------------- */

typedef struct lk_words_path {
    double score;                 /* of the whole recording */
    int begin[LK_WORDS_MAX], end[LK_WORDS_MAX]; /* frames, end exclusive */
} lk_words_path;

typedef struct lk_words_aligner lk_words_aligner;
lk_status lk_words_aligner_new(const float *like, int frames, lk_words_aligner **out, lk_error *err);
void lk_words_aligner_free(lk_words_aligner **a);
/* The best path through the words, gaps of silence or of anything between and around them. phone: when not NULL, the phone of
 * each frame (LK_PHONE_SILENCE in gaps). LK_END when the words do not fit into the frames. */
lk_status lk_words_align(lk_words_aligner *a, const lk_spoken_word *w, int count, lk_words_path *out, uint8_t *phone);
/* After lk_words_align: the best score of the whole with `other` in the place of word i and the rest kept. */
double lk_words_instead(lk_words_aligner *a, int i, const lk_spoken_word *other);
/* The score of a whole text; the alignment stays. */
double lk_words_text_score(lk_words_aligner *a, const lk_spoken_word *w, int count);
/* The best score of frames from..to-1 under free phones: what no text can beat by much. */
double lk_words_free_score(const lk_words_aligner *a, int from, int to);

#endif
