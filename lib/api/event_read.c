/* SPDX-License-Identifier: Apache-2.0 */
/* GET of one event by its id, and where it went. */
#include "api/api_internal.h"
#include "api/events_json.h"
#include "api/read_headers.h"
#include "api/trace_json.h"
#include "base/arena.h"
#include "base/name.h"
#include "eventlog/read.h"
#include "projection/trace.h"

enum { STREAMS_NAMED_MAX = 20 }; /* where an id is ambiguous */

/* Ids are unique in their stream only: clients may choose them. */
static void answer_ambiguous(struct call *call, const struct event_page *page)
{
    SCOPED_VALUE(buf_release) struct buf members = BUF_INIT(64 << 10);

    json_write_key(&members, "streams");
    buf_add_char(&members, '[');
    for (size_t i = 0; i < page->count; i++) {
        if (i > 0)
            buf_add_char(&members, ',');
        json_write_str(&members, page->events[i].stream);
    }
    buf_add_char(&members, ']');
    call_problem(call, "ambiguous-id", buf_str(&members),
                 "several streams have an event of this id: name one with ?stream=");
}

/* *ret_event is NULL, and the call answered, unless there is exactly one. */
static bool find_event(struct call *call, struct reader *reader, const struct event **ret_event,
                       struct error *err)
{
    const struct str *stream = call->data;
    struct event_page page;

    *ret_event = NULL;
    if (!events_find(reader->conn, call->tenant, call_path_parameter(call, "id"), *stream,
                     STREAMS_NAMED_MAX, call->arena, &page, err) ||
        !read_headers_log(call, reader, err))
        return false;
    if (page.count == 1)
        *ret_event = &page.events[0];
    else if (page.count == 0)
        call_problem(call, "not-found", STR_NONE, "there is no event of this id");
    else
        answer_ambiguous(call, &page);
    return true;
}

static bool read_event(struct call *call, struct reader *reader, struct error *err)
{
    SCOPED_VALUE(buf_release) struct buf body = BUF_INIT(CALL_BODY_MAX);
    const struct event *event;

    if (!find_event(call, reader, &event, err))
        return false;
    if (event == NULL)
        return true;
    call_header(call, "Cache-Control", STR("private, max-age=31536000, immutable"));
    /* By position: two streams may have the id in one version. */
    if (call_not_modified(call, VERSION(event->position.n)))
        return true;
    event_write_json(event, &body);
    call_json(call, 200, &body);
    return true;
}

static bool read_trace(struct call *call, struct reader *reader, struct error *err)
{
    SCOPED_VALUE(buf_release) struct buf body = BUF_INIT(CALL_BODY_MAX);
    size_t headers_count = call->headers_count;
    const struct event *event;
    struct event_trace trace;

    if (!find_event(call, reader, &event, err))
        return false;
    if (event == NULL)
        return true;
    if (!event_trace_load(reader->conn, call->api->config.projections, event, call->arena, &trace,
                          err)) {
        call->headers_count = headers_count; /* the pool may run this once more */
        return false;
    }
    trace_write_json(event, &trace, &body);
    call_json(call, 200, &body);
    return true;
}

static void serve(struct call *call, query_fn read)
{
    struct str *stream = ARENA_NEW(call->arena, struct str);

    if (call_query_str(call, "stream", stream) && !name_is_stream(*stream))
        faults_add(call->faults, "a stream is <category>-<id>", "?stream");
    if (!call_accepts(call, "application/json") || !call_query_done(call))
        return;
    if (!name_is_id(call_path_parameter(call, "id"))) {
        call_problem(call, "not-found", STR_NONE, "there is no event of this id");
        return;
    }
    call->data = stream;
    query_submit(call->api->queries, call, read);
}

static void serve_event(struct call *call)
{
    serve(call, read_event);
}

static void serve_trace(struct call *call)
{
    serve(call, read_trace);
}

void event_routes(struct api *api)
{
    api_route(api, HTTP_GET, "/v1/events/{id}", serve_event, NULL);
    api_route(api, HTTP_GET, "/v1/events/{id}/trace", serve_trace, NULL);
}
