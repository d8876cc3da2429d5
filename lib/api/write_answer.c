/* SPDX-License-Identifier: Apache-2.0 */
#include "api/write_answer.h"

#include "api/log_id.h"
#include "base/arena.h"

#include <assert.h>
#include <string.h>

enum {
    ANSWER_BYTES_MAX = 4 << 20,
    MOST_ANSWERS = 1024, /* bytes of a command's that appends a few events */
    HEADERS_MAX = 3,
};

/* A success. */

static void write_events(const struct write *write, struct buf *out)
{
    json_write_key(out, "events");
    buf_add_char(out, '[');
    for (size_t i = 0; i < write->events_count; i++) {
        const struct written_event *event = &write->events[i];

        buf_add_cstr(out, i > 0 ? ",{" : "{");
        json_add_str(out, "id", event->id);
        json_add_str(out, "type", event->type);
        json_add_str(out, "stream", event->stream);
        json_add_i64(out, "version", event->version.n);
        json_add_i64(out, "position", event->position.n);
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

struct consistency_token write_answer_token(struct call *call, const struct write *write)
{
    struct consistency_token token = {.log = log_id_get(call->api), .last = last_position(write)};

    token.first = token.last;
    for (size_t i = 0; i < write->events_count; i++)
        if (write->events[i].position.n < token.first.n)
            token.first = write->events[i].position;
    return token;
}

void writes_command_body(const struct write *write, const struct write_shape *shape,
                         struct buf *out)
{
    const struct written_stream *main_stream = &write->streams[0];

    buf_add_char(out, '{');
    json_add_str(out, shape->id_name, write->id);
    json_add_str(out, "stream", main_stream->stream);
    json_add_i64(out, "version", main_stream->version.n);
    json_add_i64(out, "position", last_position(write).n);
    write_events(write, out);
    buf_add_char(out, '}');
}

/* Ids need no escaping in a path. */
struct str write_answer_location(const struct write *write, const struct write_shape *shape)
{
    size_t brace = str_index(str_of(shape->location), '{');
    char *text = arena_alloc(write->arena, brace + write->id.len);

    memcpy(text, shape->location, brace);
    memcpy(text + brace, write->id.data, write->id.len);
    return str_from(text, brace + write->id.len);
}

/* Returns how many. */
static size_t headers_of(struct call *call, const struct write *write,
                         const struct write_shape *shape, struct http_header headers[HEADERS_MAX])
{
    struct consistency_token token = write_answer_token(call, write);
    size_t count = 0;

    if (write->streams_count == 1 || write->kind == WRITE_COMMAND)
        headers[count++] =
            (struct http_header){"ETag", call_etag_of(write->arena, write->streams[0].version)};
    if (shape->location != NULL)
        headers[count++] = (struct http_header){"Location", write_answer_location(write, shape)};
    headers[count++] =
        (struct http_header){"Consistency-Token", token_format(write->arena, &token)};
    return count;
}

static struct str body_of(const struct write *write, const struct write_shape *shape)
{
    SCOPED_VALUE(buf_release) struct buf body = BUF_INIT(ANSWER_BYTES_MAX);

    (void)buf_reserve(&body, MOST_ANSWERS); /* at once, not by doubling */
    shape->body(write, shape, &body);
    assert(!body.failed);
    return arena_dup(write->arena, buf_str(&body));
}

void write_answer_compose(struct call *call, const struct write *write,
                          const struct write_shape *shape, struct stored_answer *ret)
{
    SCOPED_VALUE(buf_release) struct buf lines = BUF_INIT(1024);
    struct http_header headers[HEADERS_MAX];
    size_t count = headers_of(call, write, shape, headers);

    for (size_t i = 0; i < count; i++) {
        buf_add_cstr(&lines, headers[i].name);
        buf_add_cstr(&lines, ": ");
        buf_add_str(&lines, headers[i].value);
        buf_add_char(&lines, '\n');
    }
    assert(!lines.failed);
    *ret = (struct stored_answer){.status = shape->status,
                                  .headers = arena_dup(write->arena, buf_str(&lines)),
                                  .body = body_of(write, shape)};
}

static void send_body(struct call *call, int status, struct str body)
{
    call_answer_kept(call, status, "application/json; charset=utf-8", body);
}

void write_answer_success(struct call *call, const struct write *write,
                          const struct write_shape *shape)
{
    struct http_header headers[HEADERS_MAX];
    size_t count = headers_of(call, write, shape, headers);

    for (size_t i = 0; i < count; i++)
        call_header(call, headers[i].name, headers[i].value);
    send_body(call, shape->status, body_of(write, shape));
}

void write_answer_send(struct call *call, const struct stored_answer *answer)
{
    struct str lines = answer->headers;

    while (lines.len > 0) {
        struct str value;
        struct str name = str_split(str_split(lines, '\n', &lines), ':', &value);

        call_header(call, arena_cstr(call->arena, name), str_trim(value));
    }
    send_body(call, answer->status, answer->body);
}

/* Refusals. */

void write_answer_expected(const struct expectation *expected, struct buf *out)
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

static struct problem problem_of_conditions(struct call *call, const struct write *write)
{
    SCOPED_VALUE(buf_release) struct buf members = BUF_INIT(CALL_BODY_MAX);
    bool by_ids = false;

    json_write_key(&members, "failed");
    buf_add_char(&members, '[');
    for (size_t i = 0; i < write->conflicts_count; i++) {
        const struct conflict *conflict = &write->conflicts[i];

        by_ids |= conflict->ids_partly_there;
        buf_add_cstr(&members, i > 0 ? ",{" : "{");
        json_add_str(&members, "stream", conflict->stream);
        json_write_key(&members, "expected");
        write_answer_expected(&conflict->expected, &members);
        json_add_i64(&members, "actual_version", conflict->actual.n);
        buf_add_char(&members, '}');
    }
    buf_add_char(&members, ']');
    return (struct problem){
        .slug = "condition-failed",
        .detail = by_ids ? STR("some of the event ids are in the stream already, not all")
                         : STR("a stream is not at the version that was expected"),
        .members = arena_dup(call->arena, buf_str(&members))};
}

static struct problem problem_of_unreadable(struct call *call, const struct conflict *conflict)
{
    SCOPED_VALUE(buf_release) struct buf members = BUF_INIT(1024);

    buf_printf(&members, "\"version\":%lld,\"event_id\":", (long long)conflict->actual.n);
    json_write_str(&members, conflict->event_id);
    return (struct problem){.slug = "stream-unreadable",
                            .detail = arena_printf(call->arena,
                                                   "the stream '" STR_FMT
                                                   "' can not be folded at this event",
                                                   STR_ARG(conflict->stream)),
                            .members = arena_dup(call->arena, buf_str(&members))};
}

static struct problem problem_of_categories(struct call *call)
{
    struct faults *faults = faults_new(call->arena);

    faults_add(faults, "a new category would be more than the log may have", "%s", "/stream");
    return (struct problem){
        .slug = "validation-failed", .detail = STR("1 fault"), .faults = faults};
}

struct problem write_answer_problem(struct call *call, const struct write *write)
{
    switch (write->outcome) {
    case WRITE_KEY_REUSED:
        return (struct problem){.slug = "idempotency-key-reused",
                                .detail =
                                    STR("this Idempotency-Key was used with another request")};
    case WRITE_KEY_BUSY:
        return (struct problem){.slug = "idempotency-in-progress",
                                .detail =
                                    STR("the first request with this Idempotency-Key still runs")};
    case WRITE_REFUSED:
        return (struct problem){
            .slug = write->slug, .detail = write->detail, .members = write->members};
    case WRITE_CONFLICT:
        return problem_of_conditions(call, write);
    case WRITE_UNREADABLE:
        return problem_of_unreadable(call, &write->conflicts[0]);
    case WRITE_TOO_MANY_CATEGORIES:
        return problem_of_categories(call);
    case WRITE_FAILED:
        return call_problem_of(call, &write->error);
    case WRITE_APPENDED:
    case WRITE_REPEATED:
    case WRITE_REPLAYED:
        break;
    }
    assert(false && "a success is no problem");
    return (struct problem){.slug = "internal-error"};
}
