/* SPDX-License-Identifier: Apache-2.0 */
/* Which states the core has kept, and what it does with those that were. */
#include "base/mem.h"
#include "eventlog/core_internal.h"

#include <assert.h>

int32_t core_snapshot_schema(const struct writer_core *core, const struct batch_stream *s)
{
    int64_t every = core->config.snapshot_every;

    if (every == 0 || s->snapshot_refused || s->base->version.n - s->base->folded.n < every)
        return 0;
    return s->base->type->state_schema;
}

/* The state is known at the stream's version, and the last snapshot is far behind that. */
static bool is_due(const struct writer_core *core, const struct batch_stream *s)
{
    const struct stream_base *base = s->base;
    int64_t every = core->config.snapshot_every;

    return every > 0 && base->type != NULL && base->type->state_schema > 0 &&
           s->version.n - base->snapshot.n >= every && batch_stream_state(s) != NULL;
}

static void note(struct writer_core *core, struct batch_stream *s)
{
    struct stream_base *base = s->base;

    core->snapshots = mem_grow(core->snapshots, &core->snapshots_capacity,
                               core->snapshots_count + 1, sizeof(struct snapshot));
    core->snapshots[core->snapshots_count++] = (struct snapshot){
        .stream_id = base->id,
        .version = s->version,
        .position = base->last_position,
        .recorded_at_us = base->last_at_us,
        .type = base->type,
        .state = base->type->state_clone(batch_stream_state(s)),
    };
    /* Should it get lost, the next one is due so much later: a load reads more, and that is all. */
    base->snapshot = s->version;
}

void core_note_snapshots(struct writer_core *core)
{
    for (size_t i = 0; i < core->batch.streams_count; i++) {
        if (is_due(core, core->batch.streams[i]))
            note(core, core->batch.streams[i]);
    }
}

void core_drop_snapshots(struct writer_core *core)
{
    while (core->snapshots_count > 0)
        snapshot_release(&core->snapshots[--core->snapshots_count]);
}

bool core_take_snapshot(struct writer_core *core, struct snapshot *ret)
{
    if (core->snapshots_count == 0)
        return false;
    *ret = core->snapshots[--core->snapshots_count];
    return true;
}

size_t core_refused_snapshots(struct writer_core *core, struct error *ret_last)
{
    size_t count = core->refused_count;

    if (count > 0)
        *ret_last = core->refused_last;
    core->refused_count = 0;
    return count;
}
