/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one queue between threads: bounded, many producers, one or more consumers, of pointers.
 * Full is an answer, never a wait. Closed: pushes are refused, pops drain what is left.
 *
 * Threads: any.
 */
#ifndef DAYBOOK_BASE_QUEUE_H
#define DAYBOOK_BASE_QUEUE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/scope.h"

struct queue;

struct queue *queue_new(size_t capacity);
void queue_free(struct queue *queue); /* must be empty: what it holds has owners */
SCOPED_DEFINE(struct queue *, queue_free);

enum queue_push {
    QUEUE_PUSHED,
    QUEUE_FULL,
    QUEUE_CLOSED,
};

enum queue_push queue_push(struct queue *queue, void *item);

/* Takes up to MAX items that wait, oldest first; waits up to TIMEOUT_MS for the first (-1: for
 * ever, 0: not at all). 0 when the time passed, queue_wake() was called, or it is closed and empty.
 */
size_t queue_pop_many(struct queue *queue, void **items, size_t max, int64_t timeout_ms);
void *queue_pop(struct queue *queue, int64_t timeout_ms); /* NULL as 0 above */

void queue_wake(struct queue *queue);  /* a waiting (or the next) pop returns at once */
void queue_close(struct queue *queue); /* idempotent */
bool queue_is_closed(struct queue *queue);
size_t queue_count(struct queue *queue);

#endif
