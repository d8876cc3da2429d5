/* SPDX-License-Identifier: Apache-2.0 */
#include "api/events_json.h"

#include "base/arena.h"
#include "base/name.h"
#include "eventlog/event.h"

#include <assert.h>

static void write_text(struct buf *out, const char *key, struct str value)
{
    if (value.data != NULL)
        json_add_str(out, key, value);
}

void event_write_json(const struct event *event, struct buf *out)
{
    buf_add_cstr(out, "{\"id\":");
    json_write_str(out, event->id);
    write_text(out, "type", event->type);
    write_text(out, "stream", event->stream);
    json_add_i64(out, "version", event->version.n);
    json_add_i64(out, "position", event->position.n);
    buf_add_cstr(out, ",\"data\":");
    buf_add_str(out, event->data);
    buf_add_cstr(out, ",\"metadata\":");
    buf_add_str(out, event->metadata.data == NULL ? STR("null") : event->metadata);
    json_write_key(out, "occurred_at");
    json_write_time(out, event->occurred_at_us);
    json_write_key(out, "recorded_at");
    json_write_time(out, event->recorded_at_us);
    write_text(out, "correlation_id", event->origin.correlation_id);
    write_text(out, "causation_id", event->origin.causation_id);
    write_text(out, "request_id", event->origin.request_id);
    write_text(out, "traceparent", event->origin.traceparent);
    buf_add_char(out, '}');
}

/* Reading. */

static void read_names(struct fields *fields, struct new_event *event)
{
    if (fields_str(fields, "id", FIELD_OPTIONAL, NAME_ID_MAX, &event->id) && !name_is_id(event->id))
        faults_add(fields->faults, "must be 1 to 128 of A-Z a-z 0-9 . _ ~ : @ -", "%s/id",
                   fields->prefix);
    if (fields_str(fields, "type", FIELD_REQUIRED, NAME_TYPE_MAX, &event->type) &&
        !name_is_event_type(event->type))
        faults_add(fields->faults, "must be a letter, then up to 127 of A-Z a-z 0-9 . _ -",
                   "%s/type", fields->prefix);
}

/* What jansson found in the text is there for the walk over its bytes, too. */
struct str events_raw(struct str raw, const char *key)
{
    struct str value = STR_NONE;
    bool found = json_member(raw, key, &value);

    assert(found);
    (void)found;
    return value;
}

static void read_raw(struct fields *fields, struct str raw, struct new_event *event)
{
    json_t *value;

    if (fields_any(fields, "data", FIELD_REQUIRED, &value))
        event->data = events_raw(raw, "data");
    if (!fields_any(fields, "metadata", FIELD_OPTIONAL, &value))
        return;
    if (json_is_null(value)) /* would come back as if none had been given */
        faults_add(fields->faults, "must not be null", "%s/metadata", fields->prefix);
    else
        event->metadata = events_raw(raw, "metadata");
}

static void read_event(struct call *call, json_t *parsed, struct str raw, const char *prefix,
                       struct new_event *event)
{
    struct fields fields;

    if (!fields_open(&fields, parsed, prefix, call->arena, call->faults))
        return;
    event->occurred_at_us = call_take_occurred_at(call, parsed, prefix);
    read_names(&fields, event);
    read_raw(&fields, raw, event);
    fields_done(&fields);
    if (event->data.len + event->metadata.len > EVENT_BYTES_MAX)
        faults_add(call->faults, "data and metadata are more than 512 KiB", "%s", prefix);
}

static bool id_is_repeated(const struct new_event *events, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (events[i].id.data != NULL && str_equal(events[i].id, events[index].id))
            return true;
    return false;
}

void events_read_json(struct call *call, json_t *parsed, struct str raw, const char *prefix,
                      const struct new_event **ret_events, size_t *ret_count)
{
    size_t count = json_array_size(parsed);
    struct new_event *events = ARENA_ARRAY(call->arena, struct new_event, count);
    struct json_cursor cursor;
    struct str key;
    struct str item;

    bool opened = json_open(raw, &cursor);
    assert(opened);
    (void)opened;
    for (size_t i = 0; i < count; i++) {
        bool found = json_next(&cursor, &key, &item);
        assert(found);
        (void)found;
        struct str pointer = arena_printf(call->arena, "%s/%zu", prefix, i);

        read_event(call, json_array_get(parsed, i), item, pointer.data, &events[i]);
        if (events[i].id.data != NULL && id_is_repeated(events, i))
            faults_add(call->faults, "an event's id may stand once", "%s/id", pointer.data);
    }
    *ret_events = events;
    *ret_count = count;
}
