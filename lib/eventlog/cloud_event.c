/* SPDX-License-Identifier: Apache-2.0 */
#include "eventlog/cloud_event.h"

#include "base/buf.h"
#include "base/json.h"

#include <inttypes.h>

static void write_text(struct buf *out, const char *key, struct str value)
{
    if (value.data == NULL)
        return;
    json_write_key(out, key);
    json_write_str(out, value);
}

static void write_time(struct buf *out, const char *key, int64_t at_us)
{
    json_write_key(out, key);
    json_write_time(out, at_us);
}

void cloud_event_write(const struct event *event, struct str source, struct buf *out)
{
    buf_add_cstr(out, "{\"specversion\":\"1.0\"");
    write_text(out, "id", event->id);
    write_text(out, "source", source);
    write_text(out, "type", event->type);
    write_text(out, "subject", event->stream);
    write_time(out, "time", event->occurred_at_us);
    buf_add_cstr(out, ",\"datacontenttype\":\"application/json\"");
    write_time(out, "recordedtime", event->recorded_at_us);
    buf_printf(out,
               ",\"sequence\":\"%020" PRId64 "\",\"streamversion\":\"%" PRId64
               "\",\"globalposition\":\"%" PRId64 "\"",
               event->position.n, event->version.n, event->position.n);
    write_text(out, "tenantid", event->tenant);
    write_text(out, "correlationid", event->origin.correlation_id);
    write_text(out, "causationid", event->origin.causation_id);
    write_text(out, "traceparent", event->origin.traceparent);
    write_text(out, "metadata", event->metadata); /* an attribute is no object: its text */
    json_write_key(out, "data");
    buf_add_str(out, event->data);
    buf_add_char(out, '}');
}
