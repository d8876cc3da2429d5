/* SPDX-License-Identifier: Apache-2.0 */
/* Deciding a raw append: event ids first, then conditions, all of them, then the events. */
#include "base/arena.h"
#include "base/name.h"
#include "eventlog/aggregate_internal.h"
#include "eventlog/batch_internal.h"

#include <assert.h>
#include <stdlib.h>

void ask_append(struct batch *batch, struct plan *plan)
{
    const struct write *write = plan->write;

    for (size_t i = 0; i < write->appends_count; i++) {
        struct batch_stream *s = batch_stream(batch, write->tenant, write->appends[i].stream);

        /* A wrong guess is found under the lock, by name. */
        if (s->knowledge == STREAM_UNKNOWN && write->appends[i].expected.kind == EXPECT_NONE)
            s->knowledge = STREAM_ABSENT;
        if (!batch_stream_ready(s))
            s->asked = true;
    }
}

static bool known_id_equal(const void *item, const void *key)
{
    const struct known_id *a = item;
    const struct known_id *b = key;

    return a->stream == b->stream && str_equal(a->id, b->id);
}

static uint64_t known_id_hash(const struct known_id *id)
{
    return table_hash_more(id->stream->base->hash, id->id);
}

static const struct known_id *find_id(const struct batch *batch, struct batch_stream *stream,
                                      struct str id)
{
    struct known_id key = {.stream = stream, .id = id};
    uint64_t hash = known_id_hash(&key);
    const struct known_id *found = table_find(&batch->stored_ids, hash, known_id_equal, &key);

    return found != NULL ? found : table_find(&batch->own_ids, hash, known_id_equal, &key);
}

void batch_store_id(struct batch *batch, struct known_id id)
{
    struct table *table = id.index == NO_INDEX ? &batch->stored_ids : &batch->own_ids;
    uint64_t hash = known_id_hash(&id);
    struct known_id *copy;

    if (table_find(table, hash, known_id_equal, &id) != NULL)
        return; /* two writes asked for it */
    copy = ARENA_NEW(batch->arena, struct known_id);
    *copy = id;
    if (id.index == NO_INDEX)
        copy->id =
            arena_dup(batch->arena, id.id); /* what is stored outlives the write that asked */
    table_add(table, hash, copy);
}

void batch_forget_id(struct batch *batch, struct batch_stream *stream, struct str id)
{
    struct known_id key = {.stream = stream, .id = id};
    uint64_t hash = known_id_hash(&key);
    const void *found = table_find(&batch->own_ids, hash, known_id_equal, &key);

    assert(found != NULL);
    table_remove(&batch->own_ids, hash, found);
}

static int compare_ids(const void *a, const void *b)
{
    const struct str *x = a;
    const struct str *y = b;

    return str_compare(*x, *y);
}

static bool has_twins(struct batch *batch, const struct stream_append *append)
{
    struct str *ids = ARENA_ARRAY(batch->arena, struct str, append->events_count);
    size_t count = 0;

    for (size_t i = 0; i < append->events_count; i++) {
        if (append->events[i].id.data != NULL)
            ids[count++] = append->events[i].id;
    }
    qsort(ids, count, sizeof(*ids), compare_ids);
    for (size_t i = 1; i < count; i++) {
        if (str_equal(ids[i - 1], ids[i]))
            return true;
    }
    return false;
}

enum presence { IDS_NEW, IDS_PARTLY, IDS_ALL };

/* Whether the stream has the append's ids. FOUND: one for each event, if all are there. */
static enum presence ids_presence(struct batch *batch, struct batch_stream *s,
                                  const struct stream_append *append, const struct known_id **found)
{
    struct version last = VERSION(0);
    size_t count = 0;
    bool rising = true;

    for (size_t i = 0; i < append->events_count; i++) {
        if (append->events[i].id.data == NULL)
            continue;
        found[count] = find_id(batch, s, append->events[i].id);
        if (found[count] == NULL)
            continue;
        rising = rising && found[count]->version.n > last.n;
        last = found[count]->version;
        count++;
    }
    if (count == append->events_count && rising && count > 0)
        return IDS_ALL;
    return count > 0 || has_twins(batch, append) ? IDS_PARTLY : IDS_NEW;
}

struct append_decision {
    struct batch_stream **streams; /* one for each append */
    enum presence *presence;
    const struct known_id **found; /* of all appends, behind each other */
    size_t events_count;           /* of all appends */
    size_t bytes;
};

/* False: a stream has to be fetched first. */
static bool gather(struct batch *batch, struct plan *plan, struct append_decision *d)
{
    const struct write *write = plan->write;
    bool ready = true;

    d->streams = ARENA_ARRAY(batch->arena, struct batch_stream *, write->appends_count);
    for (size_t i = 0; i < write->appends_count; i++) {
        struct batch_stream *s = batch_stream(batch, write->tenant, write->appends[i].stream);

        d->streams[i] = s;
        if (!batch_stream_ready(s)) {
            s->asked = true;
            ready = false;
        }
    }
    for (size_t i = 0; ready && i < write->appends_count; i++)
        d->streams[i]->used = true;
    return ready;
}

static void measure(const struct write *write, struct append_decision *d)
{
    d->events_count = d->bytes = 0;
    for (size_t i = 0; i < write->appends_count; i++) {
        const struct stream_append *append = &write->appends[i];

        d->events_count += append->events_count;
        for (size_t j = 0; j < append->events_count; j++)
            d->bytes += append->events[j].data.len + append->events[j].metadata.len;
    }
}

/* Whether all appends with events were made before. */
static bool find_ids(struct batch *batch, struct plan *plan, struct append_decision *d)
{
    const struct write *write = plan->write;
    size_t repeated = 0;
    bool all = true;

    d->presence = ARENA_ARRAY(batch->arena, enum presence, write->appends_count);
    if (!plan->has_ids)
        return false;
    d->found = ARENA_ARRAY(write->arena, const struct known_id *, d->events_count);
    for (size_t i = 0; i < write->appends_count; i++) {
        const struct stream_append *append = &write->appends[i];

        if (append->events_count == 0)
            continue;
        d->presence[i] = ids_presence(batch, d->streams[i], append, d->found + repeated);
        all = all && d->presence[i] == IDS_ALL;
        repeated += append->events_count;
    }
    return all;
}

/* Every condition that does not hold, at once. */
static bool has_conflicts(struct plan *plan, const struct append_decision *d)
{
    struct write *write = plan->write;
    struct conflict *conflicts = NULL;
    size_t count = 0;

    for (size_t i = 0; i < write->appends_count; i++) {
        const struct stream_append *append = &write->appends[i];
        struct version actual = d->streams[i]->version;

        if (d->presence[i] == IDS_NEW && expectation_holds(append->expected, actual))
            continue;
        if (conflicts == NULL)
            conflicts = ARENA_ARRAY(write->arena, struct conflict, write->appends_count);
        conflicts[count++] = (struct conflict){.stream = append->stream,
                                               .expected = append->expected,
                                               .actual = actual,
                                               .ids_partly_there = d->presence[i] != IDS_NEW};
    }
    write->conflicts = conflicts;
    write->conflicts_count = count;
    return count > 0;
}

static bool register_categories(struct batch *batch, const struct write *write,
                                const struct append_decision *d)
{
    size_t before = batch->new_categories.count;

    for (size_t i = 0; i < write->appends_count; i++) {
        if (write->appends[i].events_count > 0 && d->streams[i]->version.n == 0 &&
            !batch_category(batch, name_category(write->appends[i].stream))) {
            batch->new_categories.count = before;
            return false;
        }
    }
    return true;
}

static bool too_large(const struct write *write)
{
    for (size_t i = 0; i < write->appends_count; i++) {
        const struct stream_append *append = &write->appends[i];

        for (size_t j = 0; j < append->events_count; j++) {
            if (append->events[j].data.len + append->events[j].metadata.len > EVENT_BYTES_MAX)
                return true;
        }
    }
    return false;
}

/* A command of this batch looks at the stream: what a client appends must be folded, too. */
static void fold_raw(struct batch *batch, struct batch_stream *s, const struct batch_event *e)
{
    struct domain_event event;
    struct error err;

    if (!s->wants_state || s->unreadable || s->broken)
        return;
    if (aggregate_parse_event(s->base->type, e->type, e->data, e->occurred_at_us, batch->arena,
                              &event, &err) &&
        batch_stream_fold(s, &event, &err))
        return;
    s->broken = true;
    s->bad_version = e->version;
    s->bad_event_id = e->id;
}

static void append_events(struct batch *batch, struct plan *plan,
                          const struct stream_append *append, struct batch_stream *s)
{
    for (size_t i = 0; i < append->events_count; i++) {
        const struct new_event *event = &append->events[i];
        struct batch_event *e = batch_add_event(batch, s, plan->write);

        e->id = event->id;
        e->type = event->type;
        e->data = event->data;
        e->metadata = event->metadata;
        e->occurred_at_us = event->occurred_at_us;
        if (e->id.data != NULL)
            batch_store_id(batch, (struct known_id){.stream = s,
                                                    .id = e->id,
                                                    .version = e->version,
                                                    .index = s->last_index});
        fold_raw(batch, s, e);
    }
}

static void apply(struct batch *batch, struct plan *plan, const struct append_decision *d)
{
    const struct write *write = plan->write;

    plan->outcome = WRITE_APPENDED;
    plan->first_event = batch->events_count;
    plan->events_count = d->events_count;
    plan->streams = ARENA_ARRAY(write->arena, struct plan_stream, write->appends_count);
    plan->streams_count = write->appends_count;
    for (size_t i = 0; i < write->appends_count; i++) {
        struct batch_stream *s = d->streams[i];
        struct version before = s->version;

        append_events(batch, plan, &write->appends[i], s);
        plan->streams[i] = (struct plan_stream){.stream = s,
                                                .before = before,
                                                .after = s->version,
                                                .last_index = s->last_index,
                                                .last_position = s->base->last_position};
    }
    batch->bytes += d->bytes;
}

static void repeat(struct plan *plan, const struct append_decision *d)
{
    const struct write *write = plan->write;
    const struct known_id **found = d->found;

    plan->outcome = WRITE_REPEATED;
    plan->events_count = d->events_count;
    plan->repeated = d->found;
    plan->streams = ARENA_ARRAY(write->arena, struct plan_stream, write->appends_count);
    plan->streams_count = write->appends_count;
    for (size_t i = 0; i < write->appends_count; i++) {
        size_t count = write->appends[i].events_count;
        struct batch_stream *s = d->streams[i];
        const struct known_id *last = count > 0 ? found[count - 1] : NULL;

        plan->streams[i] = (struct plan_stream){
            .stream = s,
            .before = last != NULL ? VERSION(found[0]->version.n - 1) : s->version,
            .after = last != NULL ? last->version : s->version,
            .last_index = last != NULL ? last->index : s->last_index,
            .last_position = last != NULL ? last->position : s->base->last_position,
        };
        found += count;
    }
}

enum verdict decide_append(struct batch *batch, struct plan *plan, bool first)
{
    struct append_decision d = {0};
    struct write *write = plan->write;

    if (!gather(batch, plan, &d))
        return VERDICT_LACKS;
    measure(write, &d);
    if (!first && (batch->events_count + d.events_count > batch->limits.events_max ||
                   batch->bytes + d.bytes > batch->limits.bytes_max))
        return VERDICT_FULL;

    if (find_ids(batch, plan, &d)) {
        repeat(plan, &d);
    } else if (has_conflicts(plan, &d)) {
        plan->outcome = WRITE_CONFLICT;
    } else if (too_large(write)) {
        plan->outcome = WRITE_FAILED;
        error_set(&write->error, ERROR_REFUSED, "payload-too-large",
                  "an event is larger than %d bytes", EVENT_BYTES_MAX);
    } else if (!register_categories(batch, write, &d)) {
        plan->outcome = WRITE_TOO_MANY_CATEGORIES;
    } else {
        apply(batch, plan, &d);
    }
    return VERDICT_DONE;
}
