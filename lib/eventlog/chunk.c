/* SPDX-License-Identifier: Apache-2.0 */
#include "eventlog/chunk.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/name.h"

#include <assert.h>

static struct str keep(struct arena *arena, struct str s)
{
    return s.data != NULL ? arena_dup(arena, s) : STR_NONE;
}

static struct chunk_event make_event(struct arena *arena, const struct event *event,
                                     struct str text)
{
    struct str stream = arena_dup(arena, event->stream);

    return (struct chunk_event){
        .position = event->position,
        .version = event->version,
        .tenant = arena_dup(arena, event->tenant),
        .stream = stream,
        .category = name_category(stream),
        .type = arena_dup(arena, event->type),
        .correlation_id = keep(arena, event->origin.correlation_id),
        .text = arena_dup(arena, text),
    };
}

/* What make_event() needs, rounded up as the arena does it. */
static size_t bytes_of(const struct event *event)
{
    enum { STRINGS = 5, ROUND = 16 };

    return sizeof(struct chunk_event) + event->stream.len + event->tenant.len + event->type.len +
           event->origin.correlation_id.len + STRINGS * (1 + ROUND);
}

/* Renders events one behind the other until CHUNK_BYTES are passed; *ret_ends tells where each one
 * ends. Returns how many. */
static size_t render_all(const struct chunk_source *source, chunk_render_fn render, void *arg,
                         struct buf *text, size_t *ret_ends, size_t *ret_bytes)
{
    size_t count = 0;

    *ret_bytes = sizeof(struct chunk) + sizeof(struct chunk_event);
    while (count < source->count && text->len < CHUNK_BYTES) {
        render(arg, &source->events[count], text);
        ret_ends[count] = text->len;
        *ret_bytes += bytes_of(&source->events[count]);
        count++;
    }
    assert(!text->failed); /* an event has its bound, and so has what is written around it */
    *ret_bytes += text->len;
    return count;
}

/* In a block of just its size: a slow client may be the last to hold it. */
static struct chunk *make_chunk(const struct chunk_source *source, struct str text,
                                const size_t *ends, size_t count, size_t bytes)
{
    struct arena *arena = arena_new(bytes);
    struct chunk *chunk = ARENA_NEW(arena, struct chunk);
    struct chunk_event *events = ARENA_ARRAY(arena, struct chunk_event, count);
    size_t begin = 0;

    for (size_t i = 0; i < count; i++) {
        events[i] =
            make_event(arena, &source->events[i], str_from(text.data + begin, ends[i] - begin));
        begin = ends[i];
    }
    atomic_init(&chunk->refs, 1);
    chunk->arena = arena;
    chunk->after = source->after;
    chunk->to = count < source->count ? events[count - 1].position : source->to;
    chunk->events = events;
    chunk->count = count;
    chunk->bytes = arena_bytes(arena);
    return chunk;
}

struct chunk *chunk_new(struct chunk_source *source, chunk_render_fn render, void *arg)
{
    SCOPED_VALUE(buf_release) struct buf text = BUF_INIT(CHUNK_BYTES + CHUNK_EVENT_BYTES_MAX);
    size_t *ends = mem_calloc(source->count + 1, sizeof(*ends));
    size_t bytes;
    size_t count = render_all(source, render, arg, &text, ends, &bytes);
    struct chunk *chunk = make_chunk(source, buf_str(&text), ends, count, bytes);

    mem_free(ends);
    source->events += count;
    source->count -= count;
    source->after = chunk->to;
    return chunk;
}

struct chunk *chunk_ref(struct chunk *chunk)
{
    atomic_fetch_add_explicit(&chunk->refs, 1, memory_order_relaxed);
    return chunk;
}

void chunk_unref(struct chunk *chunk)
{
    if (chunk != NULL && atomic_fetch_sub_explicit(&chunk->refs, 1, memory_order_acq_rel) == 1)
        arena_free(chunk->arena);
}
