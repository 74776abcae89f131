/* text.c: the growing string. */
#include <stdio.h>
#include <string.h>

#include "base/base.h"

/* Room for n more bytes and the final NUL. */
static bool reserve(lk_text *t, size_t n)
{
    if (t->failed) return false;
    if (n > PTRDIFF_MAX / 2 - t->len - 1) {
        t->failed = true;
        return false;
    }
    size_t need = t->len + n + 1;
    if (need <= t->cap) return true;
    size_t cap = LK_MAX(need, LK_MAX(t->cap * 2, (size_t)128));
    char *s = lk_realloc(t->s, t->len + (t->s ? 1 : 0), cap);
    if (!s) {
        t->failed = true;
        return false;
    }
    t->s = s;
    t->cap = cap;
    return true;
}

void lk_text_addn(lk_text *t, const char *s, size_t n)
{
    if (!reserve(t, n)) return;
    memcpy(t->s + t->len, s, n);
    t->len += n;
    t->s[t->len] = '\0';
}

void lk_text_add(lk_text *t, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0) t->failed = true;
    if (n < 0 || !reserve(t, (size_t)n)) return;
    va_start(ap, fmt);
    vsnprintf(t->s + t->len, (size_t)n + 1, fmt, ap);
    va_end(ap);
    t->len += (size_t)n;
}

void lk_text_clear(lk_text *t)
{
    lk_free(t->s);
    *t = (lk_text){0};
}
