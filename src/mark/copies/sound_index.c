/* sound_index.c: which of many sounds a query runs inside, by an inverted index.
 *
 * As in Haitsma and Kalker (2002): of the words of a few seconds, some survive coding whole or but for one
 * bit. Every word of the query and its 32 neighbours are looked up; each hit votes for a reference and an
 * offset, and the offsets with most votes are compared word by word. Postings are one array sorted by word:
 * built once, small, and without pointers.
 */
#include "mark/copies/sound.h"

#include <stdlib.h>
#include <string.h>

enum {
    POSTINGS_MOST = 512, /* of one word: a word that common (hum, a held tone) says nothing of where */
    TRIALS = 96,         /* offsets that are compared in full */
};

typedef struct posting { uint32_t word, ref, at; } posting;
typedef struct vote { int64_t offset; uint32_t ref, count; } vote;
typedef struct entry { int64_t id; size_t first; int n; } entry;

struct lk_sound_index {
    entry *refs;
    size_t ref_count, ref_room;
    uint32_t *words;  /* of all references, one after the other */
    size_t word_count, word_room;
    posting *postings; /* sorted up to word_count when fresh */
    bool fresh;
};

lk_status lk_sound_index_new(lk_sound_index **out, lk_error *err)
{
    *out = lk_calloc(1, sizeof **out);
    return *out ? LK_OK : LK_FAIL(err, LK_E_NOMEM, "no memory for an index of sounds");
}

void lk_sound_index_free(lk_sound_index **x)
{
    if (!x || !*x) return;
    lk_free((*x)->refs);
    lk_free((*x)->words);
    lk_free((*x)->postings);
    lk_free(*x);
    *x = NULL;
}

/* Room for `need` elements; grows by half. */
static bool grow(void **p, size_t *room, size_t need, size_t size)
{
    if (need <= *room) return true;
    const size_t more = LK_MAX(need, *room + *room / 2 + 64);
    void *q = lk_realloc(*p, *room * size, more * size);
    if (!q) return false;
    *p = q;
    *room = more;
    return true;
}

lk_status lk_sound_index_add(lk_sound_index *x, int64_t id, const uint32_t *words, int n, lk_error *err)
{
    if (n < 0 || (n > 0 && !words)) return LK_FAIL(err, LK_E_ARG, "a fingerprint of %d words", n);
    if (x->ref_count >= UINT32_MAX ||
        !grow((void **)&x->refs, &x->ref_room, x->ref_count + 1, sizeof *x->refs) ||
        !grow((void **)&x->words, &x->word_room, x->word_count + (size_t)n, sizeof *x->words))
        return LK_FAIL(err, LK_E_NOMEM, "no memory to index a sound of %d words", n);
    x->refs[x->ref_count++] = (entry){id, x->word_count, n};
    if (n) memcpy(x->words + x->word_count, words, (size_t)n * sizeof *words);
    x->word_count += (size_t)n;
    x->fresh = false;
    return LK_OK;
}

static int by_word(const void *a, const void *b)
{
    const posting *p = a, *q = b;
    if (p->word != q->word) return p->word < q->word ? -1 : 1;
    if (p->ref != q->ref) return p->ref < q->ref ? -1 : 1;
    return (p->at > q->at) - (p->at < q->at);
}

static lk_status refresh(lk_sound_index *x, lk_error *err)
{
    if (x->fresh) return LK_OK;
    posting *p = lk_alloc((x->word_count + 1) * sizeof *p);
    if (!p) return LK_FAIL(err, LK_E_NOMEM, "no memory to index %zu words of sound", x->word_count);
    size_t k = 0;
    for (size_t r = 0; r < x->ref_count; r++)
        for (int i = 0; i < x->refs[r].n; i++)
            p[k++] = (posting){x->words[x->refs[r].first + (size_t)i], (uint32_t)r, (uint32_t)i};
    qsort(p, k, sizeof *p, by_word);
    lk_free(x->postings);
    x->postings = p;
    x->fresh = true;
    return LK_OK;
}

/* The first posting of a word or of a larger one. */
static size_t lower(const lk_sound_index *x, uint32_t word)
{
    size_t lo = 0, hi = x->word_count;
    while (lo < hi) {
        const size_t mid = lo + (hi - lo) / 2;
        if (x->postings[mid].word < word) lo = mid + 1;
        else hi = mid;
    }
    return lo;
}

typedef struct votes {
    vote *v;
    size_t n, room;
    bool failed;
} votes;

static void look_up(const lk_sound_index *x, uint32_t word, int at, votes *out)
{
    if (!word) return;
    const size_t first = lower(x, word);
    size_t end = first;
    while (end < x->word_count && x->postings[end].word == word && end - first <= POSTINGS_MOST) end++;
    if (end - first > POSTINGS_MOST) return;
    if (!grow((void **)&out->v, &out->room, out->n + (end - first), sizeof *out->v)) {
        out->failed = true;
        return;
    }
    for (size_t i = first; i < end; i++)
        out->v[out->n++] = (vote){(int64_t)x->postings[i].at - at, x->postings[i].ref, 1};
}

static int by_place(const void *a, const void *b)
{
    const vote *p = a, *q = b;
    if (p->ref != q->ref) return p->ref < q->ref ? -1 : 1;
    return (p->offset > q->offset) - (p->offset < q->offset);
}

static int by_count(const void *a, const void *b)
{
    const vote *p = a, *q = b;
    if (p->count != q->count) return p->count > q->count ? -1 : 1;
    return by_place(a, b);
}

/* One vote a place, with its count, most first. */
static void count_votes(votes *v)
{
    if (!v->n) return;
    qsort(v->v, v->n, sizeof *v->v, by_place);
    size_t k = 0;
    for (size_t i = 1; i < v->n; i++)
        if (v->v[i].ref == v->v[k].ref && v->v[i].offset == v->v[k].offset) v->v[k].count++;
        else v->v[++k] = v->v[i];
    v->n = k + 1;
    qsort(v->v, v->n, sizeof *v->v, by_count);
}

static int by_score(const void *a, const void *b)
{
    const lk_sound_hit *p = a, *q = b;
    if (p->run.score != q->run.score) return p->run.score > q->run.score ? -1 : 1;
    return (p->id > q->id) - (p->id < q->id);
}

lk_status lk_sound_index_search(lk_sound_index *x, const uint32_t *query, int query_n, lk_sound_hit *out,
                                int max, int *count, lk_error *err)
{
    *count = 0;
    if (max < 1 || query_n < LK_SOUND_RUN || !x->word_count) return LK_OK;
    LK_TRY(refresh(x, err));
    votes v = {0};
    for (int i = 0; i < query_n; i++) {
        look_up(x, query[i], i, &v);
        for (int bit = 0; query[i] && bit < 32; bit++) look_up(x, query[i] ^ 1u << bit, i, &v);
    }
    lk_sound_hit *hits = v.failed ? NULL : lk_alloc(TRIALS * sizeof *hits);
    if (!hits) {
        lk_free(v.v);
        return LK_FAIL(err, LK_E_NOMEM, "no memory to search an index of sounds");
    }
    count_votes(&v);
    int n = 0;
    for (size_t i = 0; i < LK_MIN(v.n, (size_t)TRIALS); i++) {
        const entry *e = &x->refs[v.v[i].ref];
        const lk_sound_run run =
            lk_sound_run_at(query, query_n, x->words + e->first, e->n, (int)v.v[i].offset);
        if (!run.found) continue;
        int k = 0;
        while (k < n && hits[k].id != e->id) k++;
        if (k == n) hits[n++] = (lk_sound_hit){e->id, run};
        else if (run.score > hits[k].run.score) hits[k].run = run;
    }
    qsort(hits, (size_t)n, sizeof *hits, by_score);
    *count = LK_MIN(n, max);
    memcpy(out, hits, (size_t)*count * sizeof *hits);
    lk_free(hits);
    lk_free(v.v);
    return LK_OK;
}
