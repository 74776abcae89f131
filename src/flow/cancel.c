/* cancel.c: the token that stops a job. One lock-free flag, so that a signal
 * handler may raise it. */
#include <stdatomic.h>

#include "flow/flow.h"

_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "a signal handler may only touch lock-free atomics");

struct lk_cancel {
    atomic_int raised;
};

lk_cancel *lk_cancel_new(void) { return lk_calloc(1, sizeof(lk_cancel)); }

void lk_cancel_free(lk_cancel *c) { lk_free(c); }

void lk_cancel_raise(lk_cancel *c)
{
    if (c) atomic_store(&c->raised, 1);
}

int lk_cancel_raised(const lk_cancel *c) { return c ? atomic_load(&c->raised) : 0; }
