/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `daybook stream tail`: server-sent events, printed as they come. A connection that breaks off is
 * made again behind the last event that was printed.
 */
#include "cmd/daybook/ask.h"
#include "cmd/daybook/client.h"
#include "cmd/daybook/verbs.h"

#include "base/arena.h"
#include "base/buf.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>

enum {
    PATH_BYTES_MAX = 8 << 10,
    FIELD_BYTES_MAX = 16 << 20, /* of one event: its data as JSON */
    RETRY_MS = 1000,
    PAUSE_MS_MAX = 30000,
};

static const char *const members[] = {"globalposition", "streamversion", "subject", "type",
                                      "time",           "data",          NULL};

struct tail {
    struct invocation *invocation;
    struct str path;
    int64_t count; /* left; -1: no end */
    bool once;

    struct buf line;  /* that is coming in */
    struct buf event; /* of the message that is coming in */
    struct buf data;
    int64_t id;      /* of the message that is coming in; -1: none yet */
    int64_t last_id; /* of the last one */
    int64_t retry_ms;
    bool first; /* nothing was printed yet */
    bool done;
    int status;
};

/* Messages. */

static bool is_own(const struct tail *tail, const char *name)
{
    /* An event of the log may have the same type, but is a CloudEvent. */
    return str_equal(buf_str(&tail->event), str_of(name)) &&
           !str_starts_with(buf_str(&tail->data), STR("{\"specversion\""));
}

static void finish(struct tail *tail, int status)
{
    tail->done = true;
    tail->status = status;
}

static void take_closing(struct tail *tail)
{
    struct str data = buf_str(&tail->data);

    if (str_equal(data, STR("{\"reason\":\"stopping\"}")))
        return; /* and connect again */
    fprintf(stderr, "%s: the server ends this: " STR_FMT "\n", tail->invocation->program->name,
            STR_ARG(data));
    finish(tail, EXIT_FAILED);
}

static void take_message(struct tail *tail)
{
    tail->last_id = tail->id;
    if (tail->data.len == 0)
        return;
    if (is_own(tail, "caught-up")) {
        if (tail->once)
            finish(tail, EXIT_OK);
        return;
    }
    if (is_own(tail, "closing")) {
        take_closing(tail);
        return;
    }
    if (is_own(tail, "lagging")) /* and connect again */
        return;
    int status = output_next(tail->invocation, members, buf_str(&tail->data), tail->first);

    tail->first = false;
    if (status != EXIT_OK || (tail->count > 0 && --tail->count == 0))
        finish(tail, status);
}

/* Lines. */

static void take_number(struct str value, int64_t max, int64_t *ret)
{
    uint64_t number;

    if (str_to_u64(value, (uint64_t)max, &number))
        *ret = (int64_t)number;
}

static void take_field(struct tail *tail, struct str name, struct str value)
{
    if (value.len > 0 && value.data[0] == ' ')
        value = str_from(value.data + 1, value.len - 1);
    if (str_equal(name, STR("data"))) {
        if (tail->data.len > 0)
            buf_add_char(&tail->data, '\n');
        buf_add_str(&tail->data, value);
    } else if (str_equal(name, STR("event"))) {
        buf_clear(&tail->event);
        buf_add_str(&tail->event, value);
    } else if (str_equal(name, STR("id"))) {
        take_number(value, INT64_MAX, &tail->id);
    } else if (str_equal(name, STR("retry"))) {
        take_number(value, PAUSE_MS_MAX, &tail->retry_ms);
    }
}

static void take_line(struct tail *tail, struct str line)
{
    struct str value;
    struct str name;

    if (line.len > 0) {
        name = str_split(line, ':', &value);
        take_field(tail, name, value); /* a comment has no name */
        return;
    }
    take_message(tail);
    buf_clear(&tail->event);
    buf_clear(&tail->data);
}

static bool take_bytes(void *arg, struct str bytes)
{
    struct tail *tail = arg;

    while (bytes.len > 0 && !tail->done) {
        size_t len = str_index(bytes, '\n');

        buf_add(&tail->line, bytes.data, len);
        if (len == bytes.len)
            break;
        take_line(tail, buf_str(&tail->line));
        buf_clear(&tail->line);
        bytes = str_from(bytes.data + len + 1, bytes.len - len - 1);
    }
    if (tail->line.failed || tail->data.failed) {
        fprintf(stderr, "%s: an event is larger than it can be\n", tail->invocation->program->name);
        finish(tail, EXIT_FAILED);
    }
    return !tail->done;
}

/* Connections. */

static int follow(struct tail *tail)
{
    struct client_request request = {
        .method = "GET", .path = tail->path, .accept = "Accept: text/event-stream"};

    if (tail->last_id >= 0)
        request.headers[0] =
            arena_printf(tail->invocation->arena, "Last-Event-ID: %" PRId64, tail->last_id).data;
    buf_clear(&tail->line);
    buf_clear(&tail->event);
    buf_clear(&tail->data);
    tail->id = tail->last_id;
    return client_follow(tail->invocation, &request, take_bytes, tail);
}

/* Until it is done, or cannot be asked for; a server that is away behind the first answer comes
 * back. */
static int run(struct tail *tail)
{
    int64_t pause_ms = RETRY_MS;
    bool begun = false;

    for (;;) {
        int status = follow(tail);

        if (tail->done)
            return tail->status;
        if (status != EXIT_OK && !(begun && status == EXIT_UNAVAILABLE))
            return status;
        begun = true;
        pause_ms = status == EXIT_OK ? tail->retry_ms : 2 * pause_ms;
        if (pause_ms > PAUSE_MS_MAX)
            pause_ms = PAUSE_MS_MAX;
        (void)poll(NULL, 0, (int)pause_ms);
    }
}

/* The command line. */

static void write_path(const struct invocation *invocation, struct buf *path)
{
    bool of_stream = invocation->arguments_count > 0;

    buf_add_cstr(path, of_stream ? "/v1/streams/" : "/v1/events?");
    if (of_stream) {
        client_escape(path, invocation->arguments[0]);
        buf_add_cstr(path, "/events?");
    }
    ask_parameter(invocation, "category", "category", path);
    ask_parameter(invocation, "type", "type", path);
    ask_parameter(invocation, "correlation-id", "correlation_id", path);
}

/* Both count from 1, inclusive; the log's parameter is what lies in front of it. */
static bool write_begin(const struct invocation *invocation, struct buf *path)
{
    const char *from = invocation_option(invocation, "from");
    bool of_stream = invocation->arguments_count > 0;
    int64_t number;

    if (from == NULL) {
        buf_add_cstr(path, of_stream ? "from=head" : "after=head");
        return true;
    }
    if (!ask_number(invocation, "--from", str_of(from), 1, INT64_MAX, &number))
        return false;
    if (of_stream)
        buf_printf(path, "from=%" PRId64, number);
    else
        buf_printf(path, "after=%" PRId64, number - 1);
    return true;
}

static void tail_release(struct tail *tail)
{
    buf_release(&tail->line);
    buf_release(&tail->event);
    buf_release(&tail->data);
}

int stream_tail_run(struct invocation *invocation)
{
    SCOPED_VALUE(buf_release) struct buf path = BUF_INIT(PATH_BYTES_MAX);
    SCOPED_VALUE(tail_release)
    struct tail tail = {.invocation = invocation,
                        .count = -1,
                        .once = invocation_has(invocation, "once"),
                        .line = BUF_INIT(FIELD_BYTES_MAX),
                        .event = BUF_INIT(FIELD_BYTES_MAX),
                        .data = BUF_INIT(FIELD_BYTES_MAX),
                        .last_id = -1,
                        .retry_ms = RETRY_MS,
                        .first = true};
    const char *count = invocation_option(invocation, "count");

    if (count != NULL &&
        !ask_number(invocation, "--count", str_of(count), 1, INT64_MAX, &tail.count))
        return EXIT_USAGE;
    write_path(invocation, &path);
    if (!write_begin(invocation, &path))
        return EXIT_USAGE;
    tail.path = buf_str(&path);
    return run(&tail);
}
