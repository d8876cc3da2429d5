/* SPDX-License-Identifier: Apache-2.0 */
/* What a dry run tells: copied while the events are there, because they are undone right after. */
#include "base/arena.h"
#include "eventlog/batch_internal.h"

#include <assert.h>

static struct str copy(struct arena *arena, struct str s)
{
    return s.data == NULL ? STR_NONE : arena_dup(arena, s);
}

static void note_streams(struct write *write, const struct plan *plan)
{
    struct written_stream *streams =
        ARENA_ARRAY(write->arena, struct written_stream, plan->streams_count);

    for (size_t i = 0; i < plan->streams_count; i++) {
        const struct plan_stream *p = &plan->streams[i];

        streams[i] = (struct written_stream){
            .stream = arena_dup(write->arena, p->stream->base->name),
            .first_version = VERSION(p->before.n + 1),
            .version = p->after,
        };
    }
    write->streams = streams;
    write->streams_count = plan->streams_count;
}

static struct str stream_name(const struct plan *plan, const struct batch_stream *s)
{
    size_t i = 0;

    while (plan->streams[i].stream != s)
        i++;
    assert(i < plan->streams_count);
    return plan->write->streams[i].stream;
}

/* A repetition would append nothing. */
static void note_events(const struct batch *batch, struct write *write, const struct plan *plan)
{
    size_t count = plan->outcome == WRITE_APPENDED ? plan->events_count : 0;
    struct written_event *events = ARENA_ARRAY(write->arena, struct written_event, count);

    for (size_t i = 0; i < count; i++) {
        const struct batch_event *e = &batch->events[plan->first_event + i];

        events[i] = (struct written_event){
            .version = e->version,
            .id = copy(write->arena, e->id),
            .type = copy(write->arena, e->type),
            .stream = stream_name(plan, e->stream),
            .data = copy(write->arena, batch_event_data(batch, e)),
            .metadata = copy(write->arena, e->metadata),
            .occurred_at_us = e->occurred_at_us,
        };
    }
    write->events = events;
    write->events_count = count;
}

void dry_run_note(struct batch *batch, struct plan *plan)
{
    for (size_t i = 0; i < plan->parts_count; i++) {
        if (plan->parts[i].outcome == WRITE_APPENDED)
            dry_run_note(batch, &plan->parts[i]);
    }
    if (plan->write->kind == WRITE_GROUP)
        return;
    note_streams(plan->write, plan);
    note_events(batch, plan->write, plan);
}
