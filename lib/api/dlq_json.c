/* SPDX-License-Identifier: Apache-2.0 */
#include "api/dlq_json.h"

#include "api/base64url.h"
#include "api/events_json.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "eventlog/audit.h"
#include "projection/dead_letter.h"

#include <string.h>

static void write_event_members(const struct letter *letter, struct buf *out)
{
    json_add_str(out, "tenant", letter->tenant);
    json_add_str(out, "stream", letter->stream);
    json_add_i64(out, "version", letter->version.n);
    json_add_i64(out, "position", letter->position.n);
    json_add_str(out, "event_id", letter->event_id);
    json_add_str(out, "event_type", letter->event_type);
    json_add_i64(out, "queued_behind", letter->queued_behind);
}

static void write_members(const struct letter *letter, struct buf *out)
{
    json_add_i64(out, "id", letter->id);
    json_add_str(out, "kind", letter->is_record ? STR("record") : STR("event"));
    json_add_str(out, "projection", letter->projection);
    json_add_i64(out, "generation", letter->generation);
    json_add_str(out, "state", letter->state);
    if (!letter->is_record)
        write_event_members(letter, out);
    json_add_str(out, "class", letter->class);
    json_add_str(out, "code", letter->code);
    json_add_str(out, "message", letter->message);
    json_add_i64(out, "attempts", letter->attempts);
    json_add_i64(out, "redrives", letter->redrives);
    json_add_str(out, "topic", letter->topic);
    json_add_i64(out, "partition", letter->partition);
    if (letter->offset.n >= 0)
        json_add_i64(out, "offset", letter->offset.n);
    json_add_time(out, "parked_at", letter->parked_us);
    json_add_time(out, "failed_at", letter->failed_us);
    json_add_time(out, "announced_at", letter->announced_us);
    json_add_time(out, "closed_at", letter->closed_us);
    json_add_str(out, "closed_by", letter->closed_by);
    json_add_str(out, "reason", letter->reason);
}

void dlq_write_letter(const struct letter *letter, struct buf *out)
{
    buf_add_char(out, '{');
    write_members(letter, out);
    buf_add_char(out, '}');
}

/* Bytes of a record: a string where they are one, else base64url under the name that says so. */
static void write_bytes(struct buf *out, const char *key, const char *key_of_bytes,
                        struct str bytes)
{
    SCOPED(arena_free) struct arena *arena = NULL;

    if (bytes.data == NULL || (str_is_utf8(bytes, NULL) && !memchr(bytes.data, 0, bytes.len))) {
        json_add_str(out, key, bytes);
        return;
    }
    arena = arena_new(0);
    json_add_str(out, key_of_bytes,
                 base64url_encode(arena, (const unsigned char *)bytes.data, bytes.len));
}

static void write_record(const struct letter_shown *shown, struct buf *out)
{
    write_bytes(out, "key", "key_base64url", shown->key);
    write_bytes(out, "value", "value_base64url", shown->value);
    json_add_i64(out, "value_bytes", shown->value_bytes);
    json_write_key(out, "headers");
    buf_add_str(out, shown->headers.data != NULL ? shown->headers : STR("[]"));
}

static void write_event(struct buf *out, const char *key, const struct event *event)
{
    json_write_key(out, key);
    if (event != NULL)
        event_write_json(event, out);
    else
        buf_add_cstr(out, "null");
}

void dlq_write_shown(const struct letter_shown *shown, struct buf *out)
{
    buf_add_char(out, '{');
    write_members(&shown->letter, out);
    if (shown->letter.is_record) {
        write_record(shown, out);
    } else {
        write_event(out, "event", shown->has_event ? &shown->event : NULL);
        json_write_key(out, "queue");
        buf_add_char(out, '[');
        for (size_t i = 0; i < shown->queue_count; i++) {
            if (i > 0)
                buf_add_char(out, ',');
            event_write_json(&shown->queue[i], out);
        }
        buf_add_char(out, ']');
        write_event(out, "last_good", shown->has_last_good ? &shown->last_good : NULL);
    }
    buf_add_char(out, '}');
}

void dlq_write_group(const struct letter_group *group, struct buf *out)
{
    buf_add_char(out, '{');
    json_add_str(out, "projection", group->projection);
    json_add_str(out, "class", group->class);
    json_add_str(out, "code", group->code);
    json_add_str(out, "event_type", group->event_type);
    json_add_i64(out, "letters", group->letters);
    json_add_i64(out, "queued_behind", group->queued_behind);
    json_add_time(out, "first_failed_at", group->first_failed_us);
    json_add_time(out, "last_failed_at", group->last_failed_us);
    json_add_i64(out, "sample", group->sample);
    json_add_str(out, "message", group->message);
    buf_add_char(out, '}');
}

void dlq_write_requested(const struct letter_requested *requested, struct buf *out)
{
    buf_add_char(out, '{');
    json_write_key(out, "batch");
    if (requested->batch > 0)
        buf_add_i64(out, requested->batch);
    else
        buf_add_cstr(out, "null");
    json_add_i64(out, "matched", (int64_t)requested->matched);
    json_add_i64(out, "requested", (int64_t)requested->requested);
    json_add_i64(out, "busy", (int64_t)requested->busy);
    json_add_i64(out, "guarded", (int64_t)requested->guarded);
    json_add_i64(out, "records", (int64_t)requested->records);
    json_add_i64(out, "last_begins_in_ms", requested->until_ms);
    buf_add_char(out, '}');
}

void dlq_write_batch(const struct letter_batch *batch, struct buf *out)
{
    buf_add_char(out, '{');
    json_add_i64(out, "total", batch->total);
    json_add_i64(out, "done", batch->done);
    json_add_i64(out, "resolved", batch->resolved);
    json_add_i64(out, "discarded", batch->discarded);
    json_add_i64(out, "failed", batch->failed);
    json_add_i64(out, "gone", batch->gone);
    json_add_i64(out, "cancelled", batch->cancelled);
    buf_add_char(out, '}');
}

void audit_write_entry(const struct audit_entry *entry, struct buf *out)
{
    buf_add_char(out, '{');
    json_add_i64(out, "id", entry->id);
    json_add_time(out, "at", entry->at_us);
    json_add_str(out, "actor", entry->actor);
    json_add_str(out, "action", entry->action);
    json_add_str(out, "subject", entry->subject);
    json_add_str(out, "reason", entry->reason);
    json_write_key(out, "detail");
    buf_add_str(out, entry->detail.data != NULL ? entry->detail : STR("null"));
    buf_add_char(out, '}');
}
