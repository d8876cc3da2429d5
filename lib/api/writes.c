/* SPDX-License-Identifier: Apache-2.0 */
#include "api/writes.h"

#include "api/api_internal.h"
#include "api/conditions.h"
#include "api/dry_run.h"
#include "api/events_json.h"
#include "api/log_id.h"
#include "api/token.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/name.h"
#include "eventlog/read.h"
#include "eventlog/writer.h"

#include <assert.h>
#include <string.h>

enum { CONFLICT_EVENTS_MAX = 20, ANSWER_BYTES_MAX = 4 << 20 };

struct pending { /* a write's `data` */
    struct call *call;
    const struct write_shape *shape;
};

/* A success. */

static void write_member_str(struct buf *out, const char *key, struct str value)
{
    json_write_key(out, key);
    json_write_str(out, value);
}

static void write_member_number(struct buf *out, const char *key, int64_t value)
{
    json_write_key(out, key);
    buf_add_i64(out, value);
}

static void write_events(const struct write *write, struct buf *out)
{
    json_write_key(out, "events");
    buf_add_char(out, '[');
    for (size_t i = 0; i < write->events_count; i++) {
        const struct written_event *event = &write->events[i];

        buf_add_cstr(out, i > 0 ? ",{" : "{");
        write_member_str(out, "id", event->id);
        write_member_str(out, "type", event->type);
        write_member_str(out, "stream", event->stream);
        write_member_number(out, "version", event->version.n);
        write_member_number(out, "position", event->position.n);
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
}

/* A read model that has reached it shows all of the write. */
static struct position last_position(const struct write *write)
{
    struct position last = write->streams[0].last_position;

    for (size_t i = 0; i < write->events_count; i++)
        if (i == 0 || write->events[i].position.n > last.n)
            last = write->events[i].position;
    return last;
}

/* What a read must hold to show this write. */
static struct str token_of(struct call *call, const struct write *write)
{
    struct consistency_token token = {.log = log_id_get(call->api), .last = last_position(write)};

    token.first = token.last;
    for (size_t i = 0; i < write->events_count; i++)
        if (write->events[i].position.n < token.first.n)
            token.first = write->events[i].position;
    return token_format(write->arena, &token);
}

void writes_command_body(const struct write *write, const struct write_shape *shape,
                         struct buf *out)
{
    const struct written_stream *main_stream = &write->streams[0];

    buf_add_char(out, '{');
    write_member_str(out, shape->id_name, write->id);
    write_member_str(out, "stream", main_stream->stream);
    write_member_number(out, "version", main_stream->version.n);
    write_member_number(out, "position", last_position(write).n);
    write_events(write, out);
    buf_add_char(out, '}');
}

/* The pattern with the id in the place of {id}: ids need no escaping in a path. */
static struct str location_of(const struct write *write, const char *pattern)
{
    struct str before = str_of(pattern);
    size_t brace = str_index(before, '{');

    return arena_printf(write->arena, STR_FMT STR_FMT, (int)brace, pattern, STR_ARG(write->id));
}

static void compose(struct write *write, struct stored_answer *ret_answer)
{
    const struct pending *pending = write->data;
    const struct write_shape *shape = pending->shape;
    SCOPED_VALUE(buf_release) struct buf body = BUF_INIT(ANSWER_BYTES_MAX);
    SCOPED_VALUE(buf_release) struct buf headers = BUF_INIT(1024);

    shape->body(write, shape, &body);
    assert(!body.failed);
    if (write->streams_count == 1 || write->kind == WRITE_COMMAND)
        buf_printf(&headers, "ETag: \"%lld\"\n", (long long)write->streams[0].version.n);
    if (shape->location != NULL)
        buf_printf(&headers, "Location: " STR_FMT "\n",
                   STR_ARG(location_of(write, shape->location)));
    buf_printf(&headers, "Consistency-Token: " STR_FMT "\n",
               STR_ARG(token_of(pending->call, write)));
    *ret_answer = (struct stored_answer){.status = shape->status,
                                         .headers = arena_dup(write->arena, buf_str(&headers)),
                                         .body = arena_dup(write->arena, buf_str(&body))};
}

static void send_stored(struct call *call, const struct stored_answer *answer)
{
    struct str lines = answer->headers;

    while (lines.len > 0) {
        struct str value;
        struct str name = str_split(str_split(lines, '\n', &lines), ':', &value);

        call_header(call, arena_cstr(call->arena, name), str_trim(value));
    }
    call_answer(call, answer->status, "application/json; charset=utf-8", answer->body);
}

/* Refusals. */

static void write_expected(struct buf *out, const struct expectation *expected)
{
    switch (expected->kind) {
    case EXPECT_ANY:
        json_write_cstr(out, "any");
        break;
    case EXPECT_NONE:
        json_write_cstr(out, "none");
        break;
    case EXPECT_EXISTS:
        json_write_cstr(out, "exists");
        break;
    case EXPECT_EXACT:
        buf_add_i64(out, expected->version.n);
        break;
    }
}

static void answer_condition_failed(struct call *call, const struct write *write)
{
    SCOPED_VALUE(buf_release) struct buf members = BUF_INIT(CALL_BODY_MAX);
    bool by_ids = false;

    json_write_key(&members, "failed");
    buf_add_char(&members, '[');
    for (size_t i = 0; i < write->conflicts_count; i++) {
        const struct conflict *conflict = &write->conflicts[i];

        by_ids |= conflict->ids_partly_there;
        buf_add_cstr(&members, i > 0 ? ",{" : "{");
        write_member_str(&members, "stream", conflict->stream);
        json_write_key(&members, "expected");
        write_expected(&members, &conflict->expected);
        write_member_number(&members, "actual_version", conflict->actual.n);
        buf_add_char(&members, '}');
    }
    buf_add_char(&members, ']');
    call_problem(call, "condition-failed", buf_str(&members), "%s",
                 by_ids ? "some of the event ids are in the stream already, not all"
                        : "a stream is not at the version that was expected");
}

/* On a query thread: the events the caller has not seen, then the answer. */
static bool answer_version_conflict(struct call *call, struct reader *reader, struct error *err)
{
    const struct write *write = call->data;
    const struct conflict *conflict = &write->conflicts[0];
    bool exact = conflict->expected.kind == EXPECT_EXACT;
    struct version since = exact ? conflict->expected.version : VERSION(0);
    struct stream_head head;
    struct event_page page = {0};

    if (since.n < conflict->actual.n &&
        !stream_read(reader->conn, call->tenant, conflict->stream, VERSION(since.n + 1),
                     STREAM_FORWARD, STR_NONE, CONFLICT_EVENTS_MAX, call->arena, &head, &page, err))
        return false;

    SCOPED_VALUE(buf_release) struct buf members = BUF_INIT(CALL_BODY_MAX);
    buf_add_cstr(&members, "\"expected_version\":");
    write_expected(&members, &conflict->expected);
    write_member_number(&members, "actual_version", conflict->actual.n);
    json_write_key(&members, "events");
    buf_add_char(&members, '[');
    for (size_t i = 0; i < page.count && page.events[i].version.n <= conflict->actual.n; i++) {
        if (i > 0)
            buf_add_char(&members, ',');
        event_write_json(&page.events[i], &members);
    }
    buf_add_char(&members, ']');
    if (conflict->actual.n > 0)
        call_etag(call, conflict->actual);
    call_problem(call, "version-conflict", buf_str(&members),
                 "the stream '" STR_FMT "' is at version %lld", STR_ARG(conflict->stream),
                 (long long)conflict->actual.n);
    return true;
}

static void answer_conflict(struct call *call, struct write *write, const struct write_shape *shape)
{
    if (shape->conditions_in_body || write->conflicts[0].ids_partly_there) {
        answer_condition_failed(call, write);
        return;
    }
    call->data = write;
    query_submit(call->api->queries, call, answer_version_conflict);
}

static void answer_unreadable(struct call *call, const struct conflict *conflict)
{
    struct buf members = BUF_INIT(1024);

    buf_printf(&members, "\"version\":%lld,\"event_id\":", (long long)conflict->actual.n);
    json_write_str(&members, conflict->event_id);
    call_problem(call, "stream-unreadable", arena_dup(call->arena, buf_str(&members)),
                 "the stream '" STR_FMT "' can not be folded at this event",
                 STR_ARG(conflict->stream));
    buf_release(&members);
}

static void answer_refused(struct call *call, const struct write *write,
                           const struct write_shape *shape)
{
    if (strcmp(write->slug, "already-exists") == 0 && shape->location != NULL)
        call_header(call, "Location", location_of(write, shape->location));
    call_problem(call, write->slug, write->members, STR_FMT, STR_ARG(write->detail));
}

static void answer(struct write *write)
{
    const struct pending *pending = write->data;
    struct call *call = pending->call;
    struct stored_answer composed;

    switch (write->outcome) {
    case WRITE_APPENDED:
    case WRITE_REPEATED:
        if (write->dry_run) {
            dry_run_answer(call, write, pending->shape);
            return;
        }
        compose(write, &composed);
        send_stored(call, &composed);
        return;
    case WRITE_REPLAYED:
        call_header(call, "Idempotent-Replayed", STR("true"));
        send_stored(call, &write->answer);
        return;
    case WRITE_KEY_REUSED:
        call_problem(call, "idempotency-key-reused", STR_NONE,
                     "this Idempotency-Key was used with another request");
        return;
    case WRITE_KEY_BUSY:
        call_problem(call, "idempotency-in-progress", STR_NONE,
                     "the first request with this Idempotency-Key still runs");
        return;
    case WRITE_REFUSED:
        answer_refused(call, write, pending->shape);
        return;
    case WRITE_CONFLICT:
        answer_conflict(call, write, pending->shape);
        return;
    case WRITE_UNREADABLE:
        answer_unreadable(call, &write->conflicts[0]);
        return;
    case WRITE_TOO_MANY_CATEGORIES:
        faults_add(call->faults, "a new category would be more than the log may have", "%s",
                   "/stream");
        call_faults(call);
        return;
    case WRITE_FAILED:
        call_failed(call, &write->error);
        return;
    }
    assert(false && "an outcome without an answer");
}

/* On the way. */

bool writes_take_dry_run(struct call *call)
{
    static const char *const choices[] = {"false", "true", NULL};
    size_t index = 0;

    call_query_choice(call, "dry_run", choices, &index);
    return index == 1;
}

struct write *writes_new(struct call *call, enum write_kind kind, const struct write_shape *shape,
                         bool dry_run)
{
    struct write *write = ARENA_NEW(call->arena, struct write);
    struct pending *pending = ARENA_NEW(call->arena, struct pending);

    *pending = (struct pending){.call = call, .shape = shape};
    *write = (struct write){
        .kind = kind,
        .arena = call->arena,
        .tenant = call->tenant,
        .credential = call->credential,
        .origin = call->origin,
        .dry_run = dry_run,
        .deadline_ms = clock_monotonic_ms() + call->api->config.command_timeout_ms,
        .compose = compose,
        .done = answer,
        .data = pending,
    };
    if (!conditions_idempotency(call, write))
        return NULL;
    if (dry_run)
        write->idempotency_key = STR_NONE;
    return write;
}

void writes_submit(struct call *call, struct write *write)
{
    switch (writer_submit(atomic_load(&call->api->writer), write)) {
    case WRITER_TAKEN:
        return;
    case WRITER_FULL:
        call_problem(call, "overloaded", STR_NONE, "too many commands wait already");
        return;
    case WRITER_KEY_BUSY:
        call_problem(call, "idempotency-in-progress", STR_NONE,
                     "the first request with this Idempotency-Key still runs");
        return;
    case WRITER_STOPPING:
        call_problem(call, "overloaded", STR_NONE, "this process is stopping");
        return;
    }
}
