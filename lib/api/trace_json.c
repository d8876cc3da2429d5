/* SPDX-License-Identifier: Apache-2.0 */
#include "api/trace_json.h"

#include "api/dlq_json.h"
#include "base/buf.h"
#include "base/json.h"
#include "projection/trace.h"

static const char *const published_words[] = {
    [TRACE_PENDING] = "pending", [TRACE_PUBLISHED] = "published", [TRACE_LOG_ONLY] = "log_only"};

static const char *const state_words[] = {
    [TRACE_NOT_READ_YET] = "pending", [TRACE_APPLIED] = "applied",
    [TRACE_PARKED] = "parked",        [TRACE_QUEUED_BEHIND] = "queued_behind",
    [TRACE_DISCARDED] = "discarded",
};

/* What is not known is below 0. */
static void write_known(struct buf *out, const char *key, int64_t value)
{
    json_write_key(out, key);
    if (value < 0)
        buf_add_cstr(out, "null");
    else
        buf_add_i64(out, value);
}

static void write_topic(const struct event_trace *trace, struct buf *out)
{
    json_write_key(out, "topic");
    buf_add_char(out, '{');
    json_add_str(out, "name", trace->topic);
    write_known(out, "partition", trace->partition);
    write_known(out, "offset", trace->offset.n);
    json_add_str(out, "state", str_of(published_words[trace->published]));
    json_add_i64(out, "published_to", trace->cursor.n);
    buf_add_char(out, '}');
}

static void write_projection(const struct traced_projection *of, struct buf *out)
{
    buf_add_char(out, '{');
    json_add_str(out, "name", of->name);
    json_add_i64(out, "generation", of->generation);
    json_add_str(out, "state", str_of(state_words[of->state]));
    json_add_i64(out, "checkpoint", of->checkpoint.n);
    if (of->state == TRACE_PARKED || of->state == TRACE_QUEUED_BEHIND) {
        json_add_i64(out, "parked_version", of->parked_version.n);
        json_add_str(out, "parked_state", of->parked_state);
        json_add_i64(out, "attempts", of->attempts);
        json_add_str(out, "message", of->message);
    }
    buf_add_char(out, '}');
}

static void write_event(const struct event *event, struct buf *out)
{
    json_add_str(out, "id", event->id);
    json_add_str(out, "type", event->type);
    json_add_str(out, "stream", event->stream);
    json_add_i64(out, "version", event->version.n);
    json_add_i64(out, "position", event->position.n);
    json_write_key(out, "recorded_at");
    json_write_time(out, event->recorded_at_us);
    json_add_str(out, "correlation_id", event->origin.correlation_id);
    json_add_str(out, "request_id", event->origin.request_id);
    json_add_str(out, "traceparent", event->origin.traceparent);
}

void trace_write_json(const struct event *event, const struct event_trace *trace, struct buf *out)
{
    buf_add_char(out, '{');
    write_event(event, out);
    write_topic(trace, out);
    json_write_key(out, "projections");
    buf_add_char(out, '[');
    for (size_t i = 0; i < trace->projections_count; i++) {
        if (i > 0)
            buf_add_char(out, ',');
        write_projection(&trace->projections[i], out);
    }
    buf_add_char(out, ']');
    json_write_key(out, "dead_letters");
    buf_add_char(out, '[');
    for (size_t i = 0; i < trace->letters_count; i++) {
        if (i > 0)
            buf_add_char(out, ',');
        dlq_write_letter(&trace->letters[i], out);
    }
    buf_add_cstr(out, "]}");
}
