/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"
#include "eventlog/aggregate_internal.h"
#include "eventlog/core_internal.h"

#include <assert.h>

bool core_prepare_loads(struct writer_core *core)
{
    struct batch *batch = &core->batch;

    core->loads = ARENA_ARRAY(core->scratch, struct core_load, batch->streams_count);
    core->load_streams = ARENA_ARRAY(core->scratch, struct batch_stream *, batch->streams_count);
    core->loads_count = core->loaded_count = 0;
    core->load_cut = false;
    for (size_t i = 0; i < batch->streams_count; i++) {
        struct batch_stream *s = batch->streams[i];

        if (!batch_stream_is_needed(s) || batch_stream_ready(s) || s->knowledge == STREAM_UNKNOWN)
            continue;
        core->load_streams[core->loads_count] = s;
        core->loads[core->loads_count++] = (struct core_load){s->base->id,
                                                              s->base->folded,
                                                              s->base->version,
                                                              s->base->first_position,
                                                              s->base->last_position,
                                                              core_snapshot_schema(core, s)};
    }
    return core->loads_count > 0;
}

int64_t core_loads_events(const struct writer_core *core)
{
    int64_t events = 0;

    for (size_t i = 0; i < core->loads_count; i++)
        events += core->loads[i].up_to.n - core->loads[i].after.n;
    return events;
}

const struct core_load *core_loads(const struct writer_core *core, size_t *ret_count)
{
    assert(core->step == CORE_LOAD);
    *ret_count = core->loads_count;
    return core->loads;
}

static void unreadable(struct writer_core *core, struct batch_stream *s, struct version version,
                       struct str event_id)
{
    s->unreadable = true;
    s->bad_version = version;
    s->bad_event_id = event_id.data == NULL ? STR_NONE : arena_dup(core->batch.arena, event_id);
    stream_base_forget(s->base);
}

static bool fold(struct writer_core *core, struct stream_base *base,
                 const struct core_event_row *row)
{
    const struct aggregate_type *type = base->type;
    struct domain_event event;
    struct error err;

    if (!aggregate_parse_event(type, row->type, row->data, row->occurred_at_us, core->scratch,
                               &event, &err))
        return false;
    if (base->state == NULL)
        base->state = type->state_new();
    if (!type->evolve(base->state, &event, &err))
        return false;
    base->folded = row->version;
    base->last_at_us = row->recorded_at_us;
    return true;
}

/* This step's rows of the stream begin with a snapshot that is none: they are loaded again. */
static bool refused_now(const struct writer_core *core, size_t load)
{
    return core->loads[load].schema > 0 && core->load_streams[load]->snapshot_refused;
}

void core_snapshot_loaded(struct writer_core *core, size_t load,
                          const struct core_snapshot_row *row)
{
    const struct core_load *asked;
    struct batch_stream *s;
    void *state;

    assert(core->step == CORE_LOAD && load < core->loads_count);
    asked = &core->loads[load];
    s = core->load_streams[load];
    assert(asked->schema > 0 && row->version.n > asked->after.n &&
           row->version.n <= asked->up_to.n);
    core->loaded_count++;
    if (!snapshot_parse(s->base->type, asked->stream_id, row, &state, &core->refused_last)) {
        s->snapshot_refused = true;
        core->refused_count++;
        return;
    }
    stream_base_forget(s->base);
    s->base->state = state;
    s->base->folded = s->base->snapshot = row->version;
    s->base->last_at_us = row->recorded_at_us;
}

void core_loaded(struct writer_core *core, size_t load, const struct core_event_row *row)
{
    struct batch_stream *s;
    struct version next;

    assert(core->step == CORE_LOAD && load < core->loads_count);
    core->loaded_count++;
    s = core->load_streams[load];
    if (s->unreadable || refused_now(core, load))
        return;
    next = VERSION(s->base->folded.n + 1);
    if (row->version.n != next.n)
        unreadable(core, s, next, STR_NONE);
    else if (!fold(core, s->base, row))
        unreadable(core, s, row->version, row->id);
}

void core_load_cut(struct writer_core *core)
{
    assert(core->step == CORE_LOAD && core->loaded_count > 0);
    core->load_cut = true;
}

void core_loads_done(struct writer_core *core)
{
    core->batch.decided = false;
    if (core->loaded_count >= CORE_LOAD_EVENTS_MAX || core->load_cut)
        return; /* there is more */
    for (size_t i = 0; i < core->loads_count; i++) {
        struct batch_stream *s = core->load_streams[i];

        if (!s->unreadable && !refused_now(core, i) && s->base->folded.n < s->base->version.n)
            unreadable(core, s, VERSION(s->base->folded.n + 1), STR_NONE);
    }
}
