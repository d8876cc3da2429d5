/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/daybook/ask.h"
#include "cmd/daybook/client.h"
#include "cmd/daybook/verbs.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"

#include <inttypes.h>

enum { PATH_BYTES_MAX = 8 << 10, ROW_BYTES_MAX = 64 << 10 };

static const char *const show_members[] = {
    "id", "type", "stream", "version", "position", "occurred_at", "recorded_at", "data", NULL};
static const char *const trace_members[] = {"kind", "name", "state", "position", "detail", NULL};

static void write_path(const struct invocation *invocation, const char *action, struct buf *out)
{
    buf_add_cstr(out, "/v1/events/");
    client_escape(out, invocation->arguments[0]);
    buf_add_cstr(out, action);
    buf_add_char(out, '?');
    ask_parameter(invocation, "stream", "stream", out);
    out->len--; /* the last '?' or '&' */
}

int event_show_run(struct invocation *invocation)
{
    SCOPED_VALUE(buf_release) struct buf path = BUF_INIT(PATH_BYTES_MAX);

    write_path(invocation, "", &path);
    return ask_object(invocation, buf_str(&path), show_members);
}

/* A line for each place the event is, or is on its way to. */

struct trace_row {
    const char *kind;
    const char *name;
    const char *state;
    int64_t position; /* -1: none */
    struct str detail;
};

static void add_row(struct rows *rows, struct arena *arena, const struct trace_row *row)
{
    SCOPED_VALUE(buf_release) struct buf out = BUF_INIT(ROW_BYTES_MAX);

    buf_add_cstr(&out, "{\"kind\":");
    json_write_cstr(&out, row->kind);
    json_write_key(&out, "name");
    json_write_cstr(&out, row->name);
    json_write_key(&out, "state");
    json_write_cstr(&out, row->state);
    if (row->position >= 0)
        buf_printf(&out, ",\"position\":%" PRId64, row->position);
    json_write_key(&out, "detail");
    json_write_str(&out, row->detail);
    buf_add_char(&out, '}');
    rows_add(rows, arena_dup(arena, buf_str(&out)));
}

static const char *text(json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));

    return value != NULL ? value : "";
}

static int64_t number(json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);

    return json_is_integer(value) ? json_integer_value(value) : -1;
}

static struct str topic_detail(json_t *topic, struct arena *arena)
{
    int64_t offset = number(topic, "offset");

    if (number(topic, "partition") < 0)
        return STR("");
    if (offset < 0)
        return arena_printf(arena, "partition %" PRId64, number(topic, "partition"));
    return arena_printf(arena, "partition %" PRId64 ", offset %" PRId64, number(topic, "partition"),
                        offset);
}

static void fill(struct rows *rows, struct arena *arena, json_t *trace)
{
    json_t *topic = json_object_get(trace, "topic");
    size_t index;
    json_t *item;

    add_row(rows, arena,
            &(struct trace_row){"log", text(trace, "stream"), "written", number(trace, "position"),
                                arena_printf(arena, "%s, version %" PRId64, text(trace, "type"),
                                             number(trace, "version"))});
    add_row(rows, arena,
            &(struct trace_row){"topic", text(topic, "name"), text(topic, "state"),
                                number(topic, "published_to"), topic_detail(topic, arena)});
    json_array_foreach(json_object_get(trace, "projections"), index, item)
        add_row(rows, arena,
                &(struct trace_row){"projection", text(item, "name"), text(item, "state"),
                                    number(item, "checkpoint"), str_of(text(item, "message"))});
    json_array_foreach(json_object_get(trace, "dead_letters"), index, item) add_row(
        rows, arena,
        &(struct trace_row){"dead_letter", text(item, "projection"), text(item, "state"), -1,
                            arena_printf(arena, "letter %" PRId64 ": %s", number(item, "id"),
                                         text(item, "message"))});
}

int event_trace_run(struct invocation *invocation)
{
    SCOPED_VALUE(buf_release) struct buf path = BUF_INIT(PATH_BYTES_MAX);
    SCOPED_VALUE(rows_release) struct rows rows = {0};
    struct str answer;

    write_path(invocation, "/trace", &path);
    int status = client_get(invocation, buf_str(&path), &answer);
    if (status != EXIT_OK)
        return status;
    if (output_is_json(invocation))
        return output_json(answer);
    SCOPED(json_decref) json_t *parsed = json_loadb(answer.data, answer.len, 0, NULL);
    fill(&rows, invocation->arena, parsed);
    return output_rows(invocation, trace_members, &rows);
}
