/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deciding a domain's command on the batch's working copies, and what a domain's functions call
 * meanwhile (eventlog/decider.h).
 */
#include "base/arena.h"
#include "eventlog/batch_internal.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const void *decision_payload(const struct decision *d)
{
    return d->write->payload;
}

struct str decision_id(const struct decision *d)
{
    return d->write->id;
}

int64_t decision_occurred_at_us(const struct decision *d)
{
    return d->write->occurred_at_us;
}

struct arena *decision_arena(const struct decision *d)
{
    return d->batch->arena;
}

static struct batch_stream *domain_stream(struct batch *batch, struct str tenant,
                                          const char *category, struct str id)
{
    char name[NAME_STREAM_MAX];
    size_t category_len = strlen(category);

    assert(category_len + 1 + id.len <= sizeof(name));
    memcpy(name, category, category_len);
    name[category_len] = '-';
    memcpy(name + category_len + 1, id.data, id.len);
    return batch_stream(batch, tenant, str_from(name, category_len + 1 + id.len));
}

size_t decision_stream(struct decision *d, const char *category, struct str id)
{
    struct batch_stream *s = domain_stream(d->batch, d->write->tenant, category, id);

    assert(s->base->type != NULL); /* a domain names its own categories */
    for (size_t i = 0; i < d->streams_count; i++) {
        if (d->streams[i] == s)
            return i;
    }
    assert(d->naming && d->streams_count < DECISION_STREAMS_MAX);
    d->streams[d->streams_count] = s;
    return d->streams_count++;
}

const void *decision_state(const struct decision *d, size_t stream)
{
    assert(stream < d->streams_count);
    return batch_stream_state(d->streams[stream]);
}

struct version decision_version(const struct decision *d, size_t stream)
{
    assert(stream < d->streams_count);
    return d->streams[stream]->version;
}

void decision_emit(struct decision *d, size_t stream, const char *type, const void *payload)
{
    assert(!d->naming && stream < d->streams_count && d->emitted_count < DECISION_EVENTS_MAX);
    d->emitted[d->emitted_count++] = (struct emitted){
        .stream = stream,
        .event = {.type = type, .payload = payload, .occurred_at_us = d->write->occurred_at_us},
    };
}

void decision_refuse(struct decision *d, const char *slug, const char *fmt, ...)
{
    char text[ERROR_TEXT_MAX];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    d->refusal = slug;
    d->detail = arena_dup(d->write->arena, str_of(text));
}

struct buf *decision_members(struct decision *d)
{
    return &d->members;
}

static void decision_begin(struct decision *d, struct batch *batch, const struct write *write)
{
    d->batch = batch;
    d->write = write;
    d->naming = false;
    d->streams[DECISION_MAIN] =
        domain_stream(batch, write->tenant, write->command->category, write->id);
    d->streams_count = 1;
    d->emitted_count = 0;
    d->refusal = NULL;
    d->detail = STR_NONE;
    buf_clear(&d->members);
}

static void name_streams(struct decision *d)
{
    d->naming = true;
    if (d->write->command->streams != NULL)
        d->write->command->streams(d);
    d->naming = false;
}

void ask_command(struct batch *batch, struct plan *plan)
{
    struct decision *d = &batch->decision;
    const struct write *write = plan->write;
    struct batch_stream *main_stream;

    decision_begin(d, batch, write);
    main_stream = d->streams[DECISION_MAIN];
    /* A wrong guess is found under the lock, by name. */
    if (main_stream->knowledge == STREAM_UNKNOWN && write->command->expects_new &&
        (write->expected.kind == EXPECT_ANY || write->expected.kind == EXPECT_NONE))
        main_stream->knowledge = STREAM_ABSENT;

    name_streams(d);
    for (size_t i = 0; i < d->streams_count; i++) {
        if (!batch_stream_want_state(d->streams[i]))
            d->streams[i]->asked = true;
    }
}

static bool all_ready(const struct decision *d)
{
    bool ready = true;

    for (size_t i = 0; i < d->streams_count; i++) {
        if (!batch_stream_want_state(d->streams[i])) {
            d->streams[i]->asked = true;
            ready = false;
        }
    }
    return ready;
}

/* Names streams until nothing new is named. False: some are not there yet. */
static bool gather_streams(struct decision *d)
{
    for (unsigned round = 0; round < DECISION_ROUNDS_MAX; round++) {
        size_t before = d->streams_count;

        if (!all_ready(d))
            return false;
        name_streams(d);
        if (d->streams_count == before)
            return true;
    }
    return all_ready(d);
}

static void set_conflict(struct plan *plan, struct conflict conflict)
{
    struct conflict *copy = ARENA_NEW(plan->write->arena, struct conflict);

    *copy = conflict;
    copy->stream = arena_dup(plan->write->arena, conflict.stream);
    if (conflict.event_id.data != NULL)
        copy->event_id = arena_dup(plan->write->arena, conflict.event_id);
    plan->write->conflicts = copy;
    plan->write->conflicts_count = 1;
}

/* Whether a condition or an unreadable stream keeps the domain from being asked. */
static bool hindered(struct decision *d, struct plan *plan)
{
    const struct batch_stream *main_stream = d->streams[DECISION_MAIN];

    if (!expectation_holds(d->write->expected, main_stream->version)) {
        plan->outcome = WRITE_CONFLICT;
        set_conflict(plan, (struct conflict){.stream = main_stream->base->name,
                                             .expected = d->write->expected,
                                             .actual = main_stream->version});
        return true;
    }
    for (size_t i = 0; i < d->streams_count; i++) {
        const struct batch_stream *s = d->streams[i];

        if (!s->unreadable && !s->broken)
            continue;
        plan->outcome = WRITE_UNREADABLE;
        set_conflict(plan, (struct conflict){.stream = s->base->name,
                                             .actual = s->bad_version,
                                             .event_id = s->bad_event_id});
        return true;
    }
    return false;
}

/* Writes the events' data behind what the batch has, and fills ENDS. False: one is too large. */
static bool write_data(struct decision *d, struct buf *data, size_t *ends)
{
    for (size_t i = 0; i < d->emitted_count; i++) {
        const struct emitted *e = &d->emitted[i];
        size_t begin = data->len;

        d->streams[e->stream]->base->type->event_write(&e->event, data);
        ends[i] = data->len;
        if (data->failed || data->len - begin > EVENT_BYTES_MAX)
            return false;
    }
    return true;
}

static bool register_categories(struct batch *batch, const struct decision *d)
{
    size_t before = batch->new_categories.count;

    for (size_t i = 0; i < d->emitted_count; i++) {
        const struct batch_stream *s = d->streams[d->emitted[i].stream];

        if (s->version.n == 0 && !batch_category(batch, str_of(s->base->type->category))) {
            batch->new_categories.count = before;
            return false;
        }
    }
    return true;
}

/* The main stream first, then the others in the order their first events were emitted. */
static void note_streams(struct decision *d, struct plan *plan, const struct version *before)
{
    plan->streams = ARENA_ARRAY(d->write->arena, struct plan_stream, d->streams_count);
    plan->streams_count = 0;
    for (size_t i = 0; i < d->streams_count; i++) {
        struct batch_stream *s = d->streams[i];

        if (i != DECISION_MAIN && s->version.n == before[i].n)
            continue;
        plan->streams[plan->streams_count++] = (struct plan_stream){
            .stream = s,
            .before = before[i],
            .after = s->version,
            .last_index = s->last_index,
            .last_position = s->base->last_position,
        };
    }
}

/* In the write's arena, because its results name it. */
static struct str stored_type(const struct decision *d, const struct emitted *emitted)
{
    const struct aggregate_type *type = d->streams[emitted->stream]->base->type;

    return upcast_stored_type(type->upcasters, str_of(type->category), str_of(emitted->event.type),
                              d->write->arena);
}

static enum verdict apply(struct batch *batch, struct decision *d, struct plan *plan, size_t begin,
                          const size_t *ends)
{
    struct version before[DECISION_STREAMS_MAX];
    struct error *err = &plan->write->error;

    for (size_t i = 0; i < d->streams_count; i++)
        before[i] = d->streams[i]->version;

    plan->outcome = WRITE_APPENDED;
    plan->first_event = batch->events_count;
    plan->events_count = d->emitted_count;
    for (size_t i = 0; i < d->emitted_count; i++) {
        struct batch_stream *s = d->streams[d->emitted[i].stream];
        struct batch_event *e;

        batch_touch(batch, s);
        if (!batch_stream_fold(s, &d->emitted[i].event, err)) {
            error_wrap(err, "command '%s' emitted an event its own domain refuses",
                       d->write->command->name);
            err->class = ERROR_FATAL;
            snprintf(err->code, sizeof(err->code), "internal-error");
            batch->spoilt = plan;
            return VERDICT_SPOILT;
        }
        e = batch_add_event(batch, s, d->write);
        e->type = stored_type(d, &d->emitted[i]);
        e->data_offset = begin;
        e->data_len = ends[i] - begin;
        e->occurred_at_us = d->emitted[i].event.occurred_at_us;
        begin = ends[i];
    }
    note_streams(d, plan, before);
    return VERDICT_DONE;
}

static enum verdict refuse_size(struct plan *plan, bool as_group)
{
    struct error *err = &plan->write->error;

    plan->outcome = WRITE_FAILED;
    if (as_group)
        error_set(err, ERROR_REFUSED, "payload-too-large",
                  "the commands of one request touch at most %d streams and append at most %d "
                  "events with %d bytes",
                  GROUP_STREAMS_MAX, GROUP_EVENTS_MAX, GROUP_BYTES_MAX);
    else
        error_set(err, ERROR_REFUSED, "payload-too-large",
                  "an event of command '%s' would be larger than %d bytes",
                  plan->write->command->name, EVENT_BYTES_MAX);
    return VERDICT_DONE;
}

/* Takes it from the group's share; false: there is not so much left. */
static bool use_group(struct group_use *use, size_t events, size_t bytes)
{
    if (use == NULL)
        return true;
    if (use->events + events > GROUP_EVENTS_MAX || use->bytes + bytes > GROUP_BYTES_MAX)
        return false;
    use->events += events;
    use->bytes += bytes;
    return true;
}

static enum verdict accept(struct batch *batch, struct decision *d, struct plan *plan, bool first)
{
    size_t ends[DECISION_EVENTS_MAX];
    size_t begin = batch->data.len;
    bool fits = write_data(d, &batch->data, ends);
    size_t bytes = batch->data.len - begin;
    bool over = batch->events_count + d->emitted_count > batch->limits.events_max ||
                batch->bytes + bytes > batch->limits.bytes_max;

    if (!fits || (over && !first) || !use_group(batch->group, d->emitted_count, bytes)) {
        batch->data.len = begin;
        batch->data.failed = false;
        return over && !first ? VERDICT_FULL : refuse_size(plan, fits);
    }
    if (!register_categories(batch, d)) {
        batch->data.len = begin;
        plan->outcome = WRITE_TOO_MANY_CATEGORIES;
        return VERDICT_DONE;
    }
    batch->bytes += bytes;
    return apply(batch, d, plan, begin, ends);
}

/* Within the group's share: 500 short commands could name 250,000 streams. */
static bool gather_for_group(struct decision *d, struct group_use *use)
{
    bool ready = gather_streams(d);

    if (use != NULL)
        use->streams += d->streams_count;
    return ready;
}

static void note_refusal(struct decision *d, struct plan *plan, struct group_use *use)
{
    struct write *write = plan->write;
    struct str members = buf_str(&d->members);

    plan->outcome = WRITE_REFUSED;
    write->slug = d->refusal;
    write->detail = d->detail;
    if (use != NULL && use->members_bytes + members.len > GROUP_MEMBERS_BYTES_MAX)
        members.len = 0;
    if (use != NULL)
        use->members_bytes += members.len;
    write->members = arena_dup(write->arena, members);
}

enum verdict decide_command(struct batch *batch, struct plan *plan, bool first)
{
    struct decision *d = &batch->decision;

    decision_begin(d, batch, plan->write);
    if (batch->group != NULL && batch->group->streams > GROUP_STREAMS_MAX)
        return refuse_size(plan, true);
    if (!gather_for_group(d, batch->group))
        return VERDICT_LACKS;
    for (size_t i = 0; i < d->streams_count; i++)
        d->streams[i]->used = true;
    /* Its streams are verified all the same: the failure rests on them. */
    if (plan->spoilt || hindered(d, plan))
        return VERDICT_DONE;

    plan->write->command->decide(d);
    if (d->refusal != NULL) {
        note_refusal(d, plan, batch->group);
        return VERDICT_DONE;
    }
    return accept(batch, d, plan, first);
}
