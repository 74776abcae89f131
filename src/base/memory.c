/* memory.c: allocation, fault injection and arenas.
 *
 * Blocks are 64-byte aligned: a cache line, and the widest vector register.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

#define ALIGN ((size_t)64)

/* --- fault injection ------------------------------------------------------ */

static struct {
    atomic_llong nth; /* 0 = off */
    atomic_bool sticky;
    atomic_llong seen;
} faults[LK_FAULT_KINDS];

void lk_fault_set(lk_fault_kind kind, int64_t nth, bool sticky)
{
    atomic_store(&faults[kind].nth, 0); /* quiet while the rest changes */
    atomic_store(&faults[kind].seen, 0);
    atomic_store(&faults[kind].sticky, sticky);
    atomic_store(&faults[kind].nth, nth);
}

bool lk_fault_hit(lk_fault_kind kind)
{
    long long nth = atomic_load_explicit(&faults[kind].nth, memory_order_relaxed);
    if (nth == 0) return false; /* one relaxed load when nobody injects */
    long long now = atomic_fetch_add(&faults[kind].seen, 1) + 1;
    return now == nth || (now > nth && atomic_load(&faults[kind].sticky));
}

int64_t lk_fault_count(lk_fault_kind kind) { return atomic_load(&faults[kind].seen); }

/* --- blocks --------------------------------------------------------------- */

void *lk_alloc(size_t bytes)
{
    if (lk_fault_hit(LK_FAULT_ALLOC)) return NULL;
    if (bytes > PTRDIFF_MAX - ALIGN) return NULL;
    if (bytes == 0) bytes = 1;
    return aligned_alloc(ALIGN, (bytes + ALIGN - 1) & ~(ALIGN - 1));
}

void *lk_calloc(size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) return NULL;
    void *p = lk_alloc(bytes);
    if (p) memset(p, 0, bytes);
    return p;
}

void *lk_realloc(void *p, size_t old_bytes, size_t bytes)
{
    void *q = lk_alloc(bytes);
    if (!q) return NULL; /* p stays valid */
    if (p) memcpy(q, p, LK_MIN(old_bytes, bytes));
    lk_free(p);
    return q;
}

void lk_free(void *p) { free(p); }

char *lk_strdup(const char *s)
{
    size_t n = strlen(s) + 1;
    char *copy = lk_alloc(n);
    return copy ? memcpy(copy, s, n) : NULL;
}

char *lk_strfmt(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0) return NULL;
    char *s = lk_alloc((size_t)n + 1);
    if (!s) return NULL;
    va_start(ap, fmt);
    vsnprintf(s, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return s;
}

/* --- arenas --------------------------------------------------------------- */

typedef struct chunk {
    struct chunk *next;
    size_t used, size; /* of data; used stays a multiple of ALIGN */
    _Alignas(64) unsigned char data[];
} chunk;

struct lk_arena {
    chunk *head; /* the chunk being filled */
    size_t chunk_bytes;
};

lk_status lk_arena_new(lk_arena **out, size_t chunk_bytes)
{
    lk_arena *a = *out = lk_calloc(1, sizeof *a);
    if (!a) return LK_E_NOMEM;
    a->chunk_bytes = LK_MAX(chunk_bytes, (size_t)4096);
    return LK_OK;
}

void *lk_arena_alloc(lk_arena *a, size_t bytes)
{
    if (bytes > PTRDIFF_MAX - 2 * ALIGN - sizeof(chunk)) return NULL;
    bytes = LK_MAX((bytes + ALIGN - 1) & ~(ALIGN - 1), ALIGN);
    chunk *c = a->head;
    if (!c || c->size - c->used < bytes) {
        size_t size = LK_MAX(bytes, a->chunk_bytes);
        c = lk_alloc(sizeof *c + size);
        if (!c) return NULL;
        c->used = 0;
        c->size = size;
        if (size > a->chunk_bytes && a->head) {
            /* One large block: keep filling the present chunk after it. */
            c->next = a->head->next;
            a->head->next = c;
        } else {
            c->next = a->head;
            a->head = c;
        }
    }
    void *p = c->data + c->used;
    c->used += bytes;
    return memset(p, 0, bytes);
}

char *lk_arena_strdup(lk_arena *a, const char *s)
{
    size_t n = strlen(s) + 1;
    char *copy = lk_arena_alloc(a, n);
    return copy ? memcpy(copy, s, n) : NULL;
}

/* Keeps the chunk being filled, so that an arena that is cleared once a step
 * soon stops asking for memory. */
void lk_arena_clear(lk_arena *a)
{
    if (!a || !a->head) return;
    for (chunk *c = a->head->next, *next; c; c = next) {
        next = c->next;
        lk_free(c);
    }
    a->head->next = NULL;
    a->head->used = 0;
}

void lk_arena_free(lk_arena *a)
{
    if (!a) return;
    lk_arena_clear(a);
    lk_free(a->head);
    lk_free(a);
}
