/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/eventlog/fake_snapshots.h"

#include "base/buf.h"
#include "base/mem.h"

#include <check.h>
#include <string.h>

static struct fake_snapshot *of_stream(const struct fake_log *log, int64_t stream_id)
{
    for (size_t i = 0; i < log->snapshots_count; i++) {
        if (log->snapshots[i].stream_id == stream_id)
            return &log->snapshots[i];
    }
    return NULL;
}

static bool holds_event(const struct fake_log *log, int64_t position, int64_t stream_id,
                        int64_t version, int64_t recorded_at_us)
{
    const struct fake_event *e;

    if (position < 1 || (size_t)position > log->events_count)
        return false;
    e = &log->events[position - 1];
    return e->stream_id == stream_id && e->version == version &&
           e->recorded_at_us == recorded_at_us;
}

static int64_t stream_version(const struct fake_log *log, int64_t stream_id)
{
    for (size_t i = 0; i < log->streams_count; i++) {
        if (log->streams[i].id == stream_id)
            return log->streams[i].version;
    }
    return 0;
}

static struct fake_snapshot *place_for(struct fake_log *log, const struct snapshot *s)
{
    struct fake_snapshot *old = of_stream(log, s->stream_id);

    if (old == NULL) {
        log->snapshots = mem_grow(log->snapshots, &log->snapshots_capacity,
                                  log->snapshots_count + 1, sizeof(struct fake_snapshot));
        old = &log->snapshots[log->snapshots_count++];
        *old = (struct fake_snapshot){0};
        return old;
    }
    if (s->version.n >= old->version || old->version > stream_version(log, s->stream_id))
        return old;
    return NULL;
}

static char *write_state(const struct snapshot *s, int64_t *ret_hash)
{
    SCOPED_VALUE(buf_release) struct buf state = BUF_INIT(SNAPSHOT_BYTES_MAX);

    ck_assert(snapshot_write(s, &state, ret_hash));
    return mem_strdup_str(buf_str(&state));
}

void fake_snapshots_keep(struct fake_log *log, const struct snapshot *s)
{
    struct fake_snapshot *place;

    if (!holds_event(log, s->position.n, s->stream_id, s->version.n, s->recorded_at_us))
        return;
    place = place_for(log, s);
    if (place == NULL)
        return;
    mem_free(place->state);
    *place = (struct fake_snapshot){.stream_id = s->stream_id,
                                    .version = s->version.n,
                                    .schema = s->type->state_schema,
                                    .position = s->position.n,
                                    .recorded_at_us = s->recorded_at_us};
    place->state = write_state(s, &place->hash);
}

struct fake_snapshot *fake_snapshot(const struct fake_log *log, const char *stream)
{
    const struct fake_stream *s = fake_log_stream(log, stream);

    return s == NULL ? NULL : of_stream(log, s->id);
}

static const char *rigged_text;

static void write_rigged(const void *state, struct buf *out)
{
    (void)state;
    buf_add_cstr(out, rigged_text);
}

void fake_snapshot_damage(struct fake_snapshot *snapshot, const struct aggregate_type *type,
                          const char *text, bool rightly)
{
    struct aggregate_type rigged = *type;
    struct snapshot s = {.stream_id = snapshot->stream_id,
                         .version = VERSION(snapshot->version),
                         .position = POSITION(snapshot->position),
                         .recorded_at_us = snapshot->recorded_at_us,
                         .type = &rigged};
    int64_t hash;

    rigged.state_write = write_rigged;
    rigged_text = text;
    mem_free(snapshot->state);
    snapshot->state = write_state(&s, &hash);
    if (rightly)
        snapshot->hash = hash;
}

const struct fake_snapshot *fake_snapshots_find(const struct fake_log *log,
                                                const struct core_load *load)
{
    const struct fake_snapshot *s = of_stream(log, load->stream_id);

    if (s == NULL || load->schema == 0 || s->schema != load->schema ||
        s->version <= load->after.n || s->version > load->up_to.n)
        return NULL;
    /* An event that is not there was archived with its partition; this log archives none. */
    return holds_event(log, s->position, s->stream_id, s->version, s->recorded_at_us) ? s : NULL;
}

void fake_snapshots_release(struct fake_log *log)
{
    for (size_t i = 0; i < log->snapshots_count; i++)
        mem_free(log->snapshots[i].state);
    mem_free(log->snapshots);
}
