/* SPDX-License-Identifier: Apache-2.0 */
/* Reads of streams: pages both ways, one event, the head, the names. */
#include "api/api_internal.h"
#include "api/events_json.h"
#include "api/live.h"
#include "api/read_headers.h"
#include "base/arena.h"
#include "base/name.h"
#include "eventlog/read.h"

enum { STREAM_LIMIT = 50, STREAM_LIMIT_MAX = 5000, NAMES_LIMIT_MAX = 500 };

struct stream_request { /* a call's `data` */
    struct str stream;
    struct version from;
    size_t direction; /* index into `directions` */
    struct str type;
    int64_t limit;
    struct str prefix; /* of names */
    struct str after;
};

static const char *const directions[] = {"forward", "backward", NULL};

static void answer_no_stream(struct call *call)
{
    call_problem(call, "not-found", STR_NONE, "there is no stream of this name");
}

/* The stream of the path; false, and 404 answered, for what can be none. */
static bool take_stream(struct call *call, struct stream_request *request)
{
    request->stream = call_path_parameter(call, "stream");
    if (name_is_stream(request->stream))
        return true;
    answer_no_stream(call);
    return false;
}

/* Pages. */

/* The version the next page begins with; 0: there is none. A page may be shorter than its limit and
 * not the last: large events cut it, and what a filter drops is not counted. */
static int64_t next_from(const struct stream_request *request, const struct stream_head *head,
                         const struct event_page *page)
{
    if (page->count == 0)
        return 0;
    int64_t last = page->events[page->count - 1].version.n;
    if (request->direction == STREAM_BACKWARD)
        return last - 1;
    return last < head->version.n ? last + 1 : 0;
}

static void answer_page(struct call *call, const struct stream_request *request,
                        const struct stream_head *head, const struct event_page *page)
{
    SCOPED_VALUE(buf_release) struct buf body = BUF_INIT(CALL_BODY_MAX);
    int64_t next = next_from(request, head, page);

    buf_add_cstr(&body, "{\"stream\":");
    json_write_str(&body, request->stream);
    json_write_key(&body, "version");
    buf_add_i64(&body, head->version.n);
    json_write_key(&body, "items");
    buf_add_char(&body, '[');
    for (size_t i = 0; i < page->count; i++) {
        if (i > 0)
            buf_add_char(&body, ',');
        event_write_json(&page->events[i], &body);
    }
    buf_add_char(&body, ']');
    json_write_key(&body, "next_from");
    if (next > 0)
        buf_add_i64(&body, next);
    else
        buf_add_cstr(&body, "null");
    buf_add_char(&body, '}');
    call_json(call, 200, &body);
}

static bool read_page(struct call *call, struct reader *reader, struct error *err)
{
    const struct stream_request *request = call->data;
    struct version from = request->from;
    struct stream_head head;
    struct event_page page;

    if (from.n == 0)
        from.n = request->direction == STREAM_FORWARD ? 1 : INT64_MAX;
    if (!stream_read(reader->conn, call->tenant, request->stream, from,
                     (enum stream_direction)request->direction, request->type,
                     (size_t)request->limit, call->arena, &head, &page, err))
        return false;
    read_headers_set(call, head.last_position, 0);
    if (head.version.n == 0)
        answer_no_stream(call);
    else if (!call_not_modified(call, head.version))
        answer_page(call, request, &head, &page);
    return true;
}

static void serve_page(struct call *call)
{
    struct stream_request *request = ARENA_NEW(call->arena, struct stream_request);

    if (call_query_str(call, "type", &request->type) && !name_is_event_type(request->type))
        faults_add(call->faults, "is no event type", "?type");
    if (call_prefers(call, LIVE_TYPE)) {
        if (take_stream(call, request))
            live_serve_stream(call, request->stream, request->type);
        return;
    }
    request->limit = STREAM_LIMIT;
    call_query_number(call, "from", 1, INT64_MAX, &request->from.n);
    call_query_number(call, "limit", 1, STREAM_LIMIT_MAX, &request->limit);
    call_query_choice(call, "direction", directions, &request->direction);
    if (!call_accepts(call, "application/json") || !call_query_done(call) ||
        !take_stream(call, request))
        return;
    call->data = request;
    query_submit(call->api->queries, call, read_page);
}

/* One event. */

static bool read_event(struct call *call, struct reader *reader, struct error *err)
{
    const struct stream_request *request = call->data;
    SCOPED_VALUE(buf_release) struct buf body = BUF_INIT(CALL_BODY_MAX);
    struct stream_head head;
    struct event_page page;

    if (!stream_read(reader->conn, call->tenant, request->stream, request->from, STREAM_FORWARD,
                     STR_NONE, 1, call->arena, &head, &page, err))
        return false;
    read_headers_set(call, head.last_position, 0);
    if (page.count == 0 || page.events[0].version.n != request->from.n) {
        call_problem(call, "not-found", STR_NONE, "there is no event of this stream and version");
        return true;
    }
    call_header(call, "Cache-Control", STR("private, max-age=31536000, immutable"));
    if (call_not_modified(call, page.events[0].version))
        return true;
    event_write_json(&page.events[0], &body);
    call_json(call, 200, &body);
    return true;
}

static void serve_event(struct call *call)
{
    struct stream_request *request = ARENA_NEW(call->arena, struct stream_request);
    uint64_t version;

    if (!call_accepts(call, "application/json") || !call_query_done(call) ||
        !take_stream(call, request))
        return;
    if (!str_to_u64(call_path_parameter(call, "version"), INT64_MAX, &version) || version == 0) {
        call_problem(call, "not-found", STR_NONE, "there is no event of this stream and version");
        return;
    }
    request->from.n = (int64_t)version;
    call->data = request;
    query_submit(call->api->queries, call, read_event);
}

/* The head. */

static bool read_head(struct call *call, struct reader *reader, struct error *err)
{
    const struct stream_request *request = call->data;
    SCOPED_VALUE(buf_release) struct buf body = BUF_INIT(1024);
    struct stream_head head;

    if (!stream_find(reader->conn, call->tenant, request->stream, &head, err))
        return false;
    read_headers_set(call, head.last_position, 0);
    if (head.version.n == 0) {
        answer_no_stream(call);
        return true;
    }
    if (call_not_modified(call, head.version))
        return true;
    buf_add_cstr(&body, "{\"stream\":");
    json_write_str(&body, request->stream);
    buf_printf(&body, ",\"version\":%lld,\"first_position\":%lld,\"last_position\":%lld}",
               (long long)head.version.n, (long long)head.first_position.n,
               (long long)head.last_position.n);
    call_json(call, 200, &body);
    return true;
}

static void serve_head(struct call *call)
{
    struct stream_request *request = ARENA_NEW(call->arena, struct stream_request);

    if (!call_accepts(call, "application/json") || !call_query_done(call) ||
        !take_stream(call, request))
        return;
    call->data = request;
    query_submit(call->api->queries, call, read_head);
}

/* Names. */

static bool read_names(struct call *call, struct reader *reader, struct error *err)
{
    const struct stream_request *request = call->data;
    SCOPED_VALUE(buf_release) struct buf body = BUF_INIT(CALL_BODY_MAX);
    size_t headers_count = call->headers_count;
    struct stream_info *streams;
    size_t count;

    if (!read_headers_log(call, reader, err))
        return false;
    if (!streams_list(reader->conn, call->tenant, request->prefix, request->after,
                      (size_t)request->limit + 1, call->arena, &streams, &count, err)) {
        call->headers_count = headers_count; /* the pool may run this once more */
        return false;
    }
    size_t shown = count > (size_t)request->limit ? (size_t)request->limit : count;
    buf_add_cstr(&body, "{\"items\":[");
    for (size_t i = 0; i < shown; i++) {
        buf_add_cstr(&body, i > 0 ? ",{\"stream\":" : "{\"stream\":");
        json_write_str(&body, streams[i].stream);
        buf_printf(&body, ",\"version\":%lld,\"last_position\":%lld}",
                   (long long)streams[i].version.n, (long long)streams[i].last_position.n);
    }
    buf_add_cstr(&body, "],\"next_cursor\":");
    if (count > shown)
        json_write_str(&body, streams[shown - 1].stream);
    else
        buf_add_cstr(&body, "null");
    buf_add_char(&body, '}');
    call_json(call, 200, &body);
    return true;
}

static void serve_names(struct call *call)
{
    struct stream_request *request = ARENA_NEW(call->arena, struct stream_request);

    request->limit = STREAM_LIMIT;
    request->prefix = STR("");
    call_query_number(call, "limit", 1, NAMES_LIMIT_MAX, &request->limit);
    (void)call_query_str(call, "prefix", &request->prefix);
    if (request->prefix.len > NAME_STREAM_MAX)
        faults_add(call->faults, "is longer than any stream's name", "?prefix");
    if (call_query_str(call, "cursor", &request->after) && !name_is_stream(request->after))
        faults_add(call->faults, "is no cursor of this list", "?cursor");
    if (!call_accepts(call, "application/json") || !call_query_done(call))
        return;
    call->data = request;
    query_submit(call->api->queries, call, read_names);
}

void stream_read_routes(struct api *api)
{
    api_route(api, HTTP_GET, "/v1/streams", serve_names, NULL);
    api_route(api, HTTP_GET, "/v1/streams/{stream}", serve_head, NULL);
    api_route(api, HTTP_GET, "/v1/streams/{stream}/events", serve_page, NULL);
    api_route(api, HTTP_GET, "/v1/streams/{stream}/events/{version}", serve_event, NULL);
}
