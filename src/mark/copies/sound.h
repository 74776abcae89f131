/* sound.h: a fingerprint of sound, and where one recording runs inside another. Internal to copies/.
 *
 * After Haitsma and Kalker, "A Highly Robust Audio Fingerprinting System" (ISMIR 2002), with our own figures:
 * 33 bands from 300 to 3000 Hz of mono sound at 8 kHz, windows of 0.384 s, one 32-bit word every
 * LK_SOUND_FRAME seconds; a bit says whether the difference of two neighbouring bands grew since the frame
 * before. Volume does not change it. Silence gives the word 0, which matches nothing.
 */
#ifndef LK_COPIES_SOUND_H
#define LK_COPIES_SOUND_H

#include "media/media.h"

#define LK_SOUND_FRAME 0.024 /* seconds from one word to the next */
#define LK_SOUND_MATCH 0.35  /* share of wrong bits under which a run is the same sound; chance gives 0.5 */
#define LK_SOUND_RUN 128     /* words (3.07 s) a run must have to count */

/* The words of a sound of any rate and channels (mixed to mono). *words is for the caller to lk_free; a sound
 * shorter than one window has none (*words NULL, *n 0, LK_OK). seconds_per_word may be NULL. */
lk_status lk_sound_print(const lk_audio *a, uint32_t **words, int *n, double *seconds_per_word,
                         lk_error *err);

typedef struct lk_sound_run {
    bool found;      /* errors under LK_SOUND_MATCH over at least LK_SOUND_RUN words that are not silent */
    int query, ref;  /* query[query + i] is ref[ref + i] ... */
    int words;       /* ... for i < words */
    double errors;   /* share of wrong bits of that run, silence left out */
    double score;    /* allowed less wrong bits over the run: longer and cleaner is more */
} lk_sound_run;
/* The best run where query word i lies at ref word i + offset. */
lk_sound_run lk_sound_run_at(const uint32_t *query, int query_n, const uint32_t *ref, int ref_n, int offset);
/* The best run of all offsets: exact, in query_n * ref_n steps of about a nanosecond, for a pair of clips. */
lk_sound_run lk_sound_match(const uint32_t *query, int query_n, const uint32_t *ref, int ref_n);

/* Many references: an inverted index over the words. Ids are the caller's. */
typedef struct lk_sound_index lk_sound_index;
lk_status lk_sound_index_new(lk_sound_index **out, lk_error *err);
void lk_sound_index_free(lk_sound_index **x);
/* Copies the words. */
lk_status lk_sound_index_add(lk_sound_index *x, int64_t id, const uint32_t *words, int n, lk_error *err);
typedef struct lk_sound_hit {
    int64_t id;
    lk_sound_run run;
} lk_sound_hit;
/* References that share a run with the query, the longest and cleanest first; at most max, one a reference.
 */
lk_status lk_sound_index_search(lk_sound_index *x, const uint32_t *query, int query_n, lk_sound_hit *out,
                                int max, int *count, lk_error *err);

#endif
