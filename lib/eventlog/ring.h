/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log's newest chunks, one behind the other without a gap, as many as fit: the oldest go first.
 *
 * Threads: owner only; chunks taken out are shared.
 */
#ifndef DAYBOOK_EVENTLOG_RING_H
#define DAYBOOK_EVENTLOG_RING_H
#include <stdbool.h>
#include <stddef.h>

#include "base/units.h"

struct chunk;

enum { RING_CHUNKS_MAX = 4096 };

struct ring {
    struct chunk *chunks[RING_CHUNKS_MAX];
    size_t first; /* where the oldest is */
    size_t count;
    size_t bytes;
    size_t bytes_max;
    struct position floor; /* everything in (floor, tail] is here */
    struct position tail;
};

void ring_init(struct ring *ring, size_t bytes_max);
/* Empties it; TAIL is where the next chunk begins. */
void ring_reset(struct ring *ring, struct position tail);
/* Takes the reference; CHUNK begins where the last one ended. The newest one stays, whatever its
 * size. */
void ring_push(struct ring *ring, struct chunk *chunk);

/* The chunk that looked at what comes behind AT, floor <= AT < tail; a reference of its own. */
struct chunk *ring_find(const struct ring *ring, struct position at);

#endif
