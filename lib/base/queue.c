/* SPDX-License-Identifier: Apache-2.0 */
#include "base/queue.h"

#include <assert.h>

#include "base/mem.h"
#include "base/monitor.h"

struct queue {
    struct monitor monitor; /* guards all below */
    void **items;           /* a ring */
    size_t capacity;
    size_t head; /* index of the oldest */
    size_t count;
    bool woken;
    bool closed;
};

struct queue *queue_new(size_t capacity)
{
    struct queue *queue = mem_zalloc(sizeof(*queue));

    assert(capacity > 0);

    monitor_init(&queue->monitor);
    queue->items = mem_calloc(capacity, sizeof(void *));
    queue->capacity = capacity;
    return queue;
}

void queue_free(struct queue *queue)
{
    if (queue == NULL)
        return;
    assert(queue->count == 0);

    monitor_release(&queue->monitor);
    mem_free(queue->items);
    mem_free(queue);
}

enum queue_push queue_push(struct queue *queue, void *item)
{
    enum queue_push result = QUEUE_PUSHED;

    assert(item != NULL); /* queue_pop says "nothing" with NULL */

    monitor_lock(&queue->monitor);
    if (queue->closed) {
        result = QUEUE_CLOSED;
    } else if (queue->count == queue->capacity) {
        result = QUEUE_FULL;
    } else {
        queue->items[(queue->head + queue->count) % queue->capacity] = item;
        queue->count++;
        monitor_notify_one(&queue->monitor);
    }
    monitor_unlock(&queue->monitor);
    return result;
}

/* Locked. */
static size_t take_waiting(struct queue *queue, void **items, size_t max)
{
    size_t taken = queue->count < max ? queue->count : max;

    for (size_t i = 0; i < taken; i++) {
        items[i] = queue->items[queue->head];
        queue->head = (queue->head + 1) % queue->capacity;
    }
    queue->count -= taken;
    return taken;
}

size_t queue_pop_many(struct queue *queue, void **items, size_t max, int64_t timeout_ms)
{
    struct monitor_deadline deadline = monitor_deadline(timeout_ms);
    size_t taken;

    assert(max > 0);

    monitor_lock(&queue->monitor);
    while (queue->count == 0 && !queue->closed && !queue->woken) {
        if (timeout_ms == 0 || !monitor_wait(&queue->monitor, &deadline))
            break;
    }
    /* After a time-out too: an item may have come between its end and the lock. */
    taken = take_waiting(queue, items, max);
    queue->woken = false;
    monitor_unlock(&queue->monitor);
    return taken;
}

void *queue_pop(struct queue *queue, int64_t timeout_ms)
{
    void *item = NULL;

    return queue_pop_many(queue, &item, 1, timeout_ms) == 1 ? item : NULL;
}

void queue_wake(struct queue *queue)
{
    monitor_lock(&queue->monitor);
    queue->woken = true;
    monitor_notify_one(&queue->monitor);
    monitor_unlock(&queue->monitor);
}

void queue_close(struct queue *queue)
{
    monitor_lock(&queue->monitor);
    queue->closed = true;
    monitor_notify_all(&queue->monitor);
    monitor_unlock(&queue->monitor);
}

bool queue_is_closed(struct queue *queue)
{
    bool closed;

    monitor_lock(&queue->monitor);
    closed = queue->closed;
    monitor_unlock(&queue->monitor);
    return closed;
}

size_t queue_count(struct queue *queue)
{
    size_t count;

    monitor_lock(&queue->monitor);
    count = queue->count;
    monitor_unlock(&queue->monitor);
    return count;
}
