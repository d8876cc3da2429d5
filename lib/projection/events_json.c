/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/events_json.h"

#include <assert.h>

#include "base/json.h"
#include "base/name.h"
#include "projection/fold_event.h"

enum {
    EVENT_ROOM = 4 << 20, /* what the last event may need, its names escaped */
    DEPTH_MAX = 64,
};

void events_json_init(struct events_json *json)
{
    json->count = 0;
    buf_init(&json->text, EVENTS_JSON_BYTES_MAX + EVENT_ROOM);
}

void events_json_release(struct events_json *json)
{
    buf_release(&json->text);
}

/* At least what the door lets in. */
static const struct json_limits limits = {
    .depth_max = DEPTH_MAX,
    .values_max = EVENT_BYTES_MAX,
    .string_bytes_max = EVENT_BYTES_MAX,
};

static void add_raw(struct buf *out, const char *key, struct str raw)
{
    json_write_key(out, key);
    buf_add_str(out, raw.data ? raw : STR("null"));
}

/* A record of somebody else's must not be able to end the array and begin another. */
static bool check(const struct event *event, struct error *err)
{
    if (event->data.len + event->metadata.len > EVENT_BYTES_MAX)
        return error_set(err, ERROR_POISON, "data-malformed", "its data is larger than an event's");
    if (json_check(event->data, limits, err) &&
        (!event->metadata.data || json_check(event->metadata, limits, err)))
        return true;
    err->class = ERROR_POISON;
    return error_wrap(err, "its data is not JSON as the log has it");
}

static void add(struct buf *out, const struct event *event)
{
    buf_add_char(out, '{');
    json_add_i64(out, "position", event->position.n);
    json_add_str(out, "tenant", event->tenant);
    json_add_str(out, "stream", event->stream);
    json_add_str(out, "category", name_category(event->stream));
    json_add_i64(out, "version", event->version.n);
    json_add_str(out, "id", event->id);
    json_add_str(out, "type", event->type);
    add_raw(out, "data", event->data);
    add_raw(out, "metadata", event->metadata);
    json_write_key(out, "occurred_at");
    json_write_time(out, event->occurred_at_us);
    json_write_key(out, "recorded_at");
    json_write_time(out, event->recorded_at_us);
    buf_add_char(out, '}');
}

enum events_add events_json_add(struct events_json *json, const struct projection *projection,
                                const struct event *stored, struct arena *arena, struct error *err)
{
    struct event now = *stored;
    const struct event *event = &now;
    struct buf *out = &json->text;

    if (!check(stored, err) || !event_upcast(projection, &now, arena, err))
        return EVENTS_POISON;
    if (json->count > 0 && out->len + event->data.len + event->metadata.len > EVENTS_JSON_BYTES_MAX)
        return EVENTS_FULL;
    buf_add_char(out, json->count++ == 0 ? '[' : ',');
    add(out, event);
    assert(!out->failed);
    return EVENTS_ADDED;
}

struct str events_json_end(struct events_json *json)
{
    if (json->count == 0)
        buf_add_char(&json->text, '[');
    buf_add_char(&json->text, ']');
    return buf_str(&json->text);
}
