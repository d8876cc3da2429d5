/* SPDX-License-Identifier: Apache-2.0 */
#include "api/writes.h"

#include "api/api_internal.h"
#include "api/conditions.h"
#include "api/dry_run.h"
#include "api/events_json.h"
#include "api/write_answer.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/name.h"
#include "eventlog/read.h"
#include "eventlog/writer.h"

#include <string.h>

enum { CONFLICT_EVENTS_MAX = 20 };

struct pending { /* a write's `data` */
    struct call *call;
    const struct write_shape *shape;
    void (*answer)(struct write *write);
};

static void compose(struct write *write, struct stored_answer *ret_answer)
{
    const struct pending *pending = write->data;

    write_answer_compose(pending->call, write, pending->shape, ret_answer);
}

static void answer_success(struct call *call, struct write *write, const struct write_shape *shape)
{
    if (write->dry_run)
        dry_run_answer(call, write, shape);
    else
        write_answer_success(call, write, shape);
}

/* SINCE: the events the caller has not seen; NULL: they were not read. */
static void refuse_version(struct call *call, const struct conflict *conflict,
                           const struct event_page *since)
{
    SCOPED_VALUE(buf_release) struct buf members = BUF_INIT(CALL_BODY_MAX);

    buf_add_cstr(&members, "\"expected_version\":");
    write_answer_expected(&conflict->expected, &members);
    json_add_i64(&members, "actual_version", conflict->actual.n);
    if (since != NULL) {
        json_write_key(&members, "events");
        buf_add_char(&members, '[');
        for (size_t i = 0; i < since->count && since->events[i].version.n <= conflict->actual.n;
             i++) {
            if (i > 0)
                buf_add_char(&members, ',');
            event_write_json(&since->events[i], &members);
        }
        buf_add_char(&members, ']');
    }
    if (conflict->actual.n > 0)
        call_etag(call, conflict->actual);
    call_problem(call, "version-conflict", buf_str(&members),
                 "the stream '" STR_FMT "' is at version %lld", STR_ARG(conflict->stream),
                 (long long)conflict->actual.n);
}

/* On a query thread. */
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
    refuse_version(call, conflict, &page);
    return true;
}

static void answer_refused(struct call *call, struct write *write, const struct write_shape *shape)
{
    struct problem problem;

    if (write->outcome == WRITE_CONFLICT && !shape->conditions_in_body &&
        !write->conflicts[0].ids_partly_there) {
        call->data = write;
        /* The command was decided: reads that are short of threads do not change its answer. */
        if (!query_try(call->api->queries, call, answer_version_conflict))
            refuse_version(call, &write->conflicts[0], NULL);
        return;
    }
    problem = write_answer_problem(call, write);
    if (strcmp(problem.slug, "already-exists") == 0 && shape->location != NULL)
        call_header(call, "Location", write_answer_location(write, shape));
    call_refuse(call, &problem);
}

static void answer(struct write *write)
{
    const struct pending *pending = write->data;
    struct call *call = pending->call;

    switch (write->outcome) {
    case WRITE_APPENDED:
    case WRITE_REPEATED:
        answer_success(call, write, pending->shape);
        return;
    case WRITE_REPLAYED:
        call_header(call, "Idempotent-Replayed", STR("true"));
        write_answer_send(call, &write->answer);
        return;
    case WRITE_KEY_REUSED:
    case WRITE_KEY_BUSY:
    case WRITE_REFUSED:
    case WRITE_CONFLICT:
    case WRITE_UNREADABLE:
    case WRITE_TOO_MANY_CATEGORIES:
    case WRITE_FAILED:
        answer_refused(call, write, pending->shape);
        return;
    }
}

static void answer_on_http_thread(void *arg, struct http_request *request)
{
    struct write *write = arg;
    const struct pending *pending = write->data;

    (void)request;
    pending->answer(write);
}

/* The writer's next batch does not wait for the answers of this one. */
static void hand_back(struct write *write)
{
    const struct pending *pending = write->data;

    http_hand_back(pending->call->request, answer_on_http_thread, write);
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

    *pending = (struct pending){.call = call, .shape = shape, .answer = answer};
    *write = (struct write){
        .kind = kind,
        .arena = call->arena,
        .tenant = call->tenant,
        .credential = call->credential,
        .origin = call->origin,
        .dry_run = dry_run,
        .deadline_ms = clock_monotonic_ms() + call->api->config.command_timeout_ms,
        .compose = compose,
        .done = hand_back,
        .data = pending,
    };
    if (!conditions_idempotency(call, write))
        return NULL;
    if (dry_run)
        write->idempotency_key = STR_NONE;
    return write;
}

void writes_answer_with(struct write *write,
                        void (*own_compose)(struct write *, struct stored_answer *),
                        void (*own_answer)(struct write *))
{
    struct pending *pending = write->data;

    write->compose = own_compose;
    pending->answer = own_answer;
}

void writes_init_part(struct write *part, const struct write *group,
                      const struct write_shape *shape)
{
    struct pending *pending = ARENA_NEW(group->arena, struct pending);

    *pending = (struct pending){.call = writes_call(group), .shape = shape};
    *part = (struct write){
        .kind = WRITE_COMMAND,
        .arena = group->arena,
        .tenant = group->tenant,
        .credential = group->credential,
        .origin = group->origin,
        .dry_run = group->dry_run,
        .compose = compose,
        .data = pending,
    };
}

struct call *writes_call(const struct write *write)
{
    const struct pending *pending = write->data;

    return pending->call;
}

const struct write_shape *writes_shape(const struct write *write)
{
    const struct pending *pending = write->data;

    return pending->shape;
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
