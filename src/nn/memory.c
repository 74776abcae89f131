/* memory.c: one arena for everything whose lifetime is known. Each buffer has a
 * first and a last step; two buffers may share bytes when these do not overlap.
 * Greedy by size (Pisarchyk & Lee 2020): the largest buffers first, each at the
 * lowest gap between those that live at the same time. */
#include "nn/internal.h"

#include <stdlib.h>

lk_status lk_net_add_buffer(lk_net *net, size_t bytes, int first, int last, int *index, lk_error *err)
{
    LK_TRY(lk_grow((void **)&net->buffers, &net->buffer_cap, net->buffer_count, sizeof *net->buffers, err));
    net->buffers[net->buffer_count] = (lk_buffer){LK_ALIGN64(bytes), 0, first, last};
    *index = net->buffer_count++;
    return LK_OK;
}

void lk_net_keep(lk_net *net, int buffer, int time)
{
    lk_buffer *b = &net->buffers[buffer];
    b->first = LK_MIN(b->first, time);
    b->last = LK_MAX(b->last, time);
}

static int by_size(const void *a, const void *b)
{
    const lk_buffer *x = *(const lk_buffer *const *)a, *y = *(const lk_buffer *const *)b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    return x < y ? -1 : x > y; /* a total order, so that the layout never depends on the sort */
}

static int by_offset(const void *a, const void *b)
{
    const lk_buffer *x = *(const lk_buffer *const *)a, *y = *(const lk_buffer *const *)b;
    if (x->offset != y->offset) return x->offset < y->offset ? -1 : 1;
    return x < y ? -1 : x > y;
}

lk_status lk_net_place_buffers(lk_net *net, lk_error *err)
{
    int n = net->buffer_count;
    lk_buffer **order = lk_calloc((size_t)LK_MAX(n, 1), sizeof *order);
    lk_buffer **busy = lk_calloc((size_t)LK_MAX(n, 1), sizeof *busy);
    if (!order || !busy) {
        lk_free(order);
        lk_free(busy);
        return LK_FAIL(err, LK_E_NOMEM, "no memory to plan network '%s'", net->name);
    }
    for (int i = 0; i < n; i++) order[i] = &net->buffers[i];
    qsort(order, (size_t)n, sizeof *order, by_size);
    net->arena_bytes = 0;
    for (int i = 0; i < n; i++) {
        lk_buffer *b = order[i];
        int m = 0;
        for (int j = 0; j < i; j++)
            if (order[j]->first <= b->last && b->first <= order[j]->last) busy[m++] = order[j];
        qsort(busy, (size_t)m, sizeof *busy, by_offset);
        size_t at = 0;
        for (int j = 0; j < m; j++) {
            if (busy[j]->offset >= at + b->bytes) break;
            at = LK_MAX(at, busy[j]->offset + busy[j]->bytes);
        }
        b->offset = at;
        net->arena_bytes = LK_MAX(net->arena_bytes, at + b->bytes);
    }
    lk_free(order);
    lk_free(busy);
    return LK_OK;
}
