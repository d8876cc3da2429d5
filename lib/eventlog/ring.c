/* SPDX-License-Identifier: Apache-2.0 */
#include "eventlog/ring.h"

#include "eventlog/chunk.h"

#include <assert.h>

static struct chunk *chunk_at(const struct ring *ring, size_t index)
{
    return ring->chunks[(ring->first + index) % RING_CHUNKS_MAX];
}

void ring_init(struct ring *ring, size_t bytes_max)
{
    *ring = (struct ring){.bytes_max = bytes_max};
}

static void drop_oldest(struct ring *ring)
{
    struct chunk *oldest = chunk_at(ring, 0);

    ring->floor = oldest->to;
    ring->bytes -= oldest->bytes;
    ring->first = (ring->first + 1) % RING_CHUNKS_MAX;
    ring->count--;
    chunk_unref(oldest);
}

void ring_reset(struct ring *ring, struct position tail)
{
    while (ring->count > 0)
        drop_oldest(ring);
    ring->floor = tail;
    ring->tail = tail;
}

void ring_push(struct ring *ring, struct chunk *chunk)
{
    assert(chunk->after.n == ring->tail.n);
    assert(chunk->to.n > chunk->after.n);

    if (ring->count == RING_CHUNKS_MAX)
        drop_oldest(ring);
    ring->chunks[(ring->first + ring->count) % RING_CHUNKS_MAX] = chunk;
    ring->count++;
    ring->bytes += chunk->bytes;
    ring->tail = chunk->to;
    while (ring->bytes > ring->bytes_max && ring->count > 1)
        drop_oldest(ring);
}

struct chunk *ring_find(const struct ring *ring, struct position at)
{
    size_t low = 0;
    size_t high = ring->count;

    assert(at.n >= ring->floor.n && at.n < ring->tail.n);

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;

        if (chunk_at(ring, middle)->after.n <= at.n)
            low = middle;
        else
            high = middle;
    }
    return chunk_ref(chunk_at(ring, low));
}
