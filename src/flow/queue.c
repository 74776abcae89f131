/* queue.c: the bounded queue between two stages. One lock, two conditions: items
 * are whole frames or batches, so the lock is never the bottleneck. */
#include <pthread.h>

#include "flow/flow.h"

struct lk_queue {
    pthread_mutex_t lock;
    pthread_cond_t not_full, not_empty;
    int capacity, count, head; /* items sit at head .. head + count - 1, modulo capacity */
    bool closed, stopped;
    void *items[];
};

lk_status lk_queue_new(lk_queue **out, int capacity, lk_error *err)
{
    *out = NULL;
    if (capacity < 1 || capacity > 1 << 20)
        return LK_FAIL(err, LK_E_ARG, "a queue of %d places makes no sense; 1 to %d are possible", capacity,
                       1 << 20);
    lk_queue *q = lk_calloc(1, sizeof *q + (size_t)capacity * sizeof *q->items);
    if (!q) return LK_FAIL(err, LK_E_NOMEM, "no memory for a queue of %d places", capacity);
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->not_full, NULL);
    pthread_cond_init(&q->not_empty, NULL);
    q->capacity = capacity;
    *out = q;
    return LK_OK;
}

lk_status lk_queue_put(lk_queue *q, void *item)
{
    lk_status s = LK_OK;
    pthread_mutex_lock(&q->lock);
    while (q->count == q->capacity && !q->stopped && !q->closed) pthread_cond_wait(&q->not_full, &q->lock);
    if (q->stopped) s = LK_E_CANCELLED;
    else if (q->closed) s = LK_E_STATE;
    else {
        q->items[(q->head + q->count++) % q->capacity] = item;
        pthread_cond_signal(&q->not_empty);
    }
    pthread_mutex_unlock(&q->lock);
    return s;
}

lk_status lk_queue_take(lk_queue *q, void **item)
{
    lk_status s = LK_OK;
    *item = NULL;
    pthread_mutex_lock(&q->lock);
    while (q->count == 0 && !q->stopped && !q->closed) pthread_cond_wait(&q->not_empty, &q->lock);
    if (q->stopped) s = LK_E_CANCELLED;
    else if (q->count == 0) s = LK_END;
    else {
        *item = q->items[q->head];
        q->head = (q->head + 1) % q->capacity;
        q->count--;
        pthread_cond_signal(&q->not_full);
    }
    pthread_mutex_unlock(&q->lock);
    return s;
}

static void raise_flag(lk_queue *q, bool *flag)
{
    pthread_mutex_lock(&q->lock);
    *flag = true;
    pthread_cond_broadcast(&q->not_full);
    pthread_cond_broadcast(&q->not_empty);
    pthread_mutex_unlock(&q->lock);
}

void lk_queue_close(lk_queue *q) { raise_flag(q, &q->closed); }

void lk_queue_stop(lk_queue *q) { raise_flag(q, &q->stopped); }

void lk_queue_free(lk_queue *q, void (*free_item)(void *))
{
    if (!q) return;
    for (int i = 0; free_item && i < q->count; i++) free_item(q->items[(q->head + i) % q->capacity]);
    pthread_cond_destroy(&q->not_empty);
    pthread_cond_destroy(&q->not_full);
    pthread_mutex_destroy(&q->lock);
    lk_free(q);
}
