/* SPDX-License-Identifier: Apache-2.0 */
#include "api/dry_run.h"

#include "base/json.h"

static void write_text(struct buf *out, const char *key, struct str value)
{
    if (value.data != NULL)
        json_add_str(out, key, value);
}

static void write_raw(struct buf *out, const char *key, struct str json)
{
    json_write_key(out, key);
    buf_add_str(out, json.data == NULL ? STR("null") : json);
}

static void write_event(struct buf *out, const struct written_event *event)
{
    buf_add_char(out, '{');
    write_text(out, "id", event->id);
    write_text(out, "type", event->type);
    write_text(out, "stream", event->stream);
    json_add_i64(out, "version", event->version.n);
    write_raw(out, "data", event->data);
    write_raw(out, "metadata", event->metadata);
    json_write_key(out, "occurred_at");
    json_write_time(out, event->occurred_at_us);
    buf_add_char(out, '}');
}

static void write_stream(struct buf *out, const struct written_stream *stream)
{
    buf_add_char(out, '{');
    write_text(out, "stream", stream->stream);
    json_add_i64(out, "first_version", stream->first_version.n);
    json_add_i64(out, "version", stream->version.n);
    buf_add_char(out, '}');
}

void dry_run_body(const struct write *write, const struct write_shape *shape, struct buf *out)
{
    buf_add_cstr(out, "{\"dry_run\":true");
    if (shape->id_name != NULL)
        write_text(out, shape->id_name, write->id);
    json_write_key(out, "streams");
    buf_add_char(out, '[');
    for (size_t i = 0; i < write->streams_count; i++) {
        if (i > 0)
            buf_add_char(out, ',');
        write_stream(out, &write->streams[i]);
    }
    buf_add_cstr(out, "],\"events\":[");
    for (size_t i = 0; i < write->events_count; i++) {
        if (i > 0)
            buf_add_char(out, ',');
        write_event(out, &write->events[i]);
    }
    buf_add_cstr(out, "]}");
}

void dry_run_answer(struct call *call, const struct write *write, const struct write_shape *shape)
{
    SCOPED_VALUE(buf_release) struct buf body = BUF_INIT(CALL_BODY_MAX);

    dry_run_body(write, shape, &body);
    call_json(call, 200, &body);
}
