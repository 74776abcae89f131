/* Pairs of voices and their scores. */
#include <stdlib.h>
#include <string.h>

#include "voice/eval.h"

static bool grow(float **v, int64_t *cap, int64_t n)
{
    if (n < *cap) return true;
    int64_t more = *cap ? *cap * 2 : 4096;
    float *p = lk_realloc(*v, (size_t)*cap * sizeof **v, (size_t)more * sizeof **v);
    if (!p) return false;
    *v = p;
    *cap = more;
    return true;
}

void lk_trials_add(lk_trials *t, bool same, float score)
{
    if (same ? !grow(&t->same, &t->cap_s, t->ns) : !grow(&t->other, &t->cap_o, t->no)) t->failed = true;
    else if (same) t->same[t->ns++] = score;
    else t->other[t->no++] = score;
}

static int ascending(const void *a, const void *b)
{
    float p = *(const float *)a, q = *(const float *)b;
    return (p > q) - (p < q);
}

void lk_trials_sort(lk_trials *t)
{
    if (t->ns) qsort(t->same, (size_t)t->ns, sizeof(float), ascending);
    if (t->no) qsort(t->other, (size_t)t->no, sizeof(float), ascending);
}

void lk_trials_clear(lk_trials *t)
{
    lk_free(t->same);
    lk_free(t->other);
    memset(t, 0, sizeof *t);
}

static int64_t below(const float *v, int64_t n, float at)
{
    int64_t lo = 0, hi = n;
    while (lo < hi) {
        int64_t mid = (lo + hi) / 2;
        if (v[mid] < at) lo = mid + 1;
        else hi = mid;
    }
    return lo;
}

double lk_trials_frr(const lk_trials *t, float at) { return 100.0 * (double)below(t->same, t->ns, at) / (double)LK_MAX(t->ns, 1); }

double lk_trials_far(const lk_trials *t, float at)
{
    return 100.0 * (double)(t->no - below(t->other, t->no, at)) / (double)LK_MAX(t->no, 1);
}

double lk_trials_eer(const lk_trials *t)
{
    for (int64_t i = 0; i < t->ns; i++) {
        double frr = 100.0 * (double)i / (double)t->ns, far = lk_trials_far(t, t->same[i]);
        if (frr >= far) return (frr + far) / 2;
    }
    return 0;
}

float lk_trials_at_far(const lk_trials *t, double share)
{
    if (!t->no) return 1;
    int64_t pass = (int64_t)(share * (double)t->no); /* the next higher stranger sets the mark */
    return t->other[t->no - 1 - LK_MIN(pass, t->no - 1)] + 1e-4f;
}

float lk_trials_at_frr(const lk_trials *t, double share)
{
    return t->ns ? t->same[LK_MIN((int64_t)(share * (double)t->ns), t->ns - 1)] : -1;
}
