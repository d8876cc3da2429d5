/* SPDX-License-Identifier: Apache-2.0 */
/* GET /v1/events: the log in order, as pages of JSON, streamed to the head as NDJSON, or live. */
#include "api/api_internal.h"
#include "api/events_json.h"
#include "api/live.h"
#include "api/read_headers.h"
#include "base/arena.h"
#include "base/log.h"
#include "base/name.h"
#include "eventlog/read.h"

enum { LOG_LIMIT = 50, LOG_LIMIT_MAX = 5000, LINES_BYTES = 64 << 10, LINES_BYTES_MAX = 32 << 20 };

#define NDJSON "application/x-ndjson"

struct log_request { /* a call's `data` */
    struct position after;
    struct log_filter filter;
    int64_t limit; /* NDJSON: 0 means to the head */
};

/* Pages. */

static bool read_page(struct call *call, struct reader *reader, struct error *err)
{
    const struct log_request *request = call->data;
    SCOPED_VALUE(buf_release) struct buf body = BUF_INIT(CALL_BODY_MAX);
    struct event_page page;

    if (!log_read(reader->conn, request->after, POSITION(0), &request->filter,
                  (size_t)request->limit, call->arena, &page, err))
        return false;
    read_headers_set(call, page.head, 0);
    buf_add_cstr(&body, "{\"items\":[");
    for (size_t i = 0; i < page.count; i++) {
        if (i > 0)
            buf_add_char(&body, ',');
        event_write_json(&page.events[i], &body);
    }
    buf_printf(&body, "],\"next_after\":%lld,\"head\":%lld}", (long long)page.read_to.n,
               (long long)page.head.n);
    call_json(call, 200, &body);
    return true;
}

/* NDJSON: slice by slice, each a statement of its own, so that no snapshot lives long. */

static bool send_slice(struct http_stream *stream, const struct event_page *page, int64_t *left)
{
    struct buf lines = BUF_INIT(LINES_BYTES_MAX);
    bool sent = true;

    for (size_t i = 0; sent && i < page->count && *left != 0; i++) {
        event_write_json(&page->events[i], &lines);
        buf_add_char(&lines, '\n');
        if (*left > 0)
            (*left)--;
        if (lines.len >= LINES_BYTES || i + 1 == page->count || *left == 0) {
            sent = !lines.failed && http_stream_write(stream, buf_str(&lines));
            buf_clear(&lines);
        }
    }
    buf_release(&lines);
    return sent;
}

/* Reads on from where FIRST ended, up to the head that FIRST saw. False: the client must see a cut.
 */
static bool send_rest(const struct log_request *request, struct reader *reader,
                      struct http_stream *stream, const struct event_page *first, int64_t left)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    struct position after = first->read_to;
    struct event_page page;
    struct error err;

    while (after.n < first->head.n && left != 0) {
        arena_clear(arena);
        if (!log_read(reader->conn, after, first->head, &request->filter, LOG_SLICE_EVENTS_MAX,
                      arena, &page, &err)) {
            log_warn("export of the log broke off", LOG_I64("after", after.n), LOG_ERR(&err));
            return false;
        }
        if (!send_slice(stream, &page, &left))
            return false;
        if (page.read_to.n == after.n)
            break; /* the rest is later than `until` */
        after = page.read_to;
    }
    return true;
}

static struct str keep(struct arena *arena, struct str s)
{
    return s.data != NULL ? arena_dup(arena, s) : STR_NONE;
}

static struct log_request keep_request(const struct log_request *request, struct arena *arena)
{
    struct log_request kept = *request;

    kept.filter.tenant = keep(arena, request->filter.tenant);
    kept.filter.category = keep(arena, request->filter.category);
    kept.filter.type = keep(arena, request->filter.type);
    kept.filter.correlation_id = keep(arena, request->filter.correlation_id);
    return kept;
}

static bool export_log(struct call *call, struct reader *reader, struct error *err)
{
    SCOPED(arena_free) struct arena *kept = arena_new(0);
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    struct log_request request = keep_request(call->data, kept);
    int64_t left = request.limit > 0 ? request.limit : -1;
    struct event_page first;

    if (!log_read(reader->conn, request.after, POSITION(0), &request.filter, LOG_SLICE_EVENTS_MAX,
                  arena, &first, err))
        return false;
    read_headers_set(call, first.head, 0);
    call_header(call, "Content-Type", STR(NDJSON));
    /* The call may be gone from here on: its client may leave before the stream ends. */
    struct http_stream *stream =
        http_respond_stream(call->request, 200, call->headers, call->headers_count);
    bool ok =
        send_slice(stream, &first, &left) && send_rest(&request, reader, stream, &first, left);
    http_stream_end(stream, ok);
    return true;
}

/* The request. */

static void take_filter(struct call *call, struct log_filter *filter)
{
    filter->tenant = call->tenant;
    if (call_query_str(call, "category", &filter->category) && !name_is_category(filter->category))
        faults_add(call->faults, "is no category", "?category");
    if (call_query_str(call, "type", &filter->type) && !name_is_event_type(filter->type))
        faults_add(call->faults, "is no event type", "?type");
    if (call_query_str(call, "correlation_id", &filter->correlation_id) &&
        !name_is_id(filter->correlation_id))
        faults_add(call->faults, "is no id", "?correlation_id");
}

static void take_times(struct call *call, struct log_filter *filter)
{
    call_query_time(call, "since", &filter->since_us);
    /* Nothing was recorded in 1970, and 0 would mean any time. */
    if (call_query_time(call, "until", &filter->until_us) && filter->until_us == 0)
        filter->until_us = -1;
}

static void serve_log(struct call *call)
{
    struct log_request *request = ARENA_NEW(call->arena, struct log_request);
    bool as_lines = call_prefers(call, NDJSON);

    take_filter(call, &request->filter);
    if (!as_lines && call_prefers(call, LIVE_TYPE)) {
        live_serve_log(call, &request->filter);
        return;
    }
    if (!as_lines)
        request->limit = LOG_LIMIT;
    call_query_number(call, "after", 0, INT64_MAX, &request->after.n);
    call_query_number(call, "limit", 1, as_lines ? INT64_MAX : LOG_LIMIT_MAX, &request->limit);
    take_times(call, &request->filter);
    if ((!as_lines && !call_accepts(call, "application/json")) || !call_query_done(call))
        return;
    call->data = request;
    if (as_lines)
        query_submit(call->api->exports, call, export_log);
    else
        query_submit(call->api->queries, call, read_page);
}

void log_routes(struct api *api)
{
    api_route(api, HTTP_GET, "/v1/events", serve_log, NULL);
}
