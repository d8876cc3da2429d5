/* SPDX-License-Identifier: Apache-2.0 */
/* From a request to a subscription. What is sent then is live_feed.c's matter. */
#include "api/live.h"

#include "api/api_internal.h"
#include "api/live_feed.h"
#include "api/log_id.h"
#include "api/read_headers.h"
#include "base/arena.h"
#include "base/name.h"
#include "eventlog/identity.h"
#include "eventlog/read.h"
#include "eventlog/subscriptions.h"

#include <inttypes.h>

struct live_request { /* a call's `data` */
    struct subscription_filter filter;
    int64_t after; /* position, of a stream the version; as the client names it */
    bool from_head;
    const char *pointer; /* where it stands, for faults */
};

static const struct http_header *headers_of(struct call *call)
{
    call_header(call, "Content-Type", STR("text/event-stream; charset=utf-8"));
    call_header(call, "Cache-Control", STR("no-store"));
    call_header(call, "X-Accel-Buffering", STR("no")); /* nginx would wait for more */
    return call->headers;
}

static void open_feed(struct call *call, const struct live_request *request,
                      const struct live_begin *begin)
{
    struct live_feed *feed;

    if (http_request_method(call->request) == HTTP_HEAD) {
        (void)headers_of(call);
        call_no_body(call, 200);
        return;
    }
    feed = live_feed_new(call->api, call->request, &request->filter, begin);
    if (feed == NULL) {
        call_problem(call, "overloaded", STR_NONE, "there are too many live readers already");
        return;
    }
    const struct http_header *headers = headers_of(call);

    live_feed_respond(feed, headers, call->headers_count);
}

/* On a query thread. */

static bool look_at_log(struct call *call, struct reader *reader, struct position *ret_head,
                        struct error *err)
{
    struct log_identity identity;

    if (!log_identity_load(reader->conn, &identity, err) ||
        !log_read_head(reader->conn, ret_head, err))
        return false;
    log_id_note(call->api, str_of(identity.id));
    return true;
}

/* A reader of a log that was put back from a copy would wait for what is other than it believes. */
static bool check_begin(struct call *call, const struct live_request *request, int64_t last)
{
    if (request->from_head || request->after <= last)
        return true;
    faults_add(call->faults,
               arena_printf(call->arena, "is beyond the last, which is %" PRId64, last).data, "%s",
               request->pointer);
    call_faults(call);
    return false;
}

static bool open_log(struct call *call, struct reader *reader, struct error *err)
{
    const struct live_request *request = call->data;
    struct live_begin begin = {0};

    if (!look_at_log(call, reader, &begin.head, err))
        return false;
    if (!check_begin(call, request, begin.head.n))
        return true;
    begin.at = request->from_head ? begin.head : POSITION(request->after);
    read_headers_set(call, begin.head, 0);
    open_feed(call, request, &begin);
    return true;
}

/* The head is read first: one that wants only what comes has, at or below it, nothing to miss. */
static bool open_stream(struct call *call, struct reader *reader, struct error *err)
{
    const struct live_request *request = call->data;
    struct live_begin begin = {0};
    struct stream_head stream;

    if (!look_at_log(call, reader, &begin.head, err) ||
        !stream_find(reader->conn, call->tenant, request->filter.stream, &stream, err))
        return false;
    if (stream.version.n == 0) {
        call_problem(call, "not-found", STR_NONE, "there is no stream of this name");
        return true;
    }
    if (!check_begin(call, request, stream.version.n))
        return true;
    begin.seen = request->from_head ? stream.version : VERSION(request->after);
    if (begin.seen.n == stream.version.n)
        begin.at = begin.head;
    read_headers_set(call, begin.head, 0);
    open_feed(call, request, &begin);
    return true;
}

/* On the http thread. */

/* False: answered 400. */
static bool take_last_event_id(struct call *call, struct live_request *request)
{
    size_t lines;
    struct str text = http_request_header(call->request, "Last-Event-ID", &lines);
    uint64_t id;

    if (lines == 0)
        return true;
    if (lines > 1 || !str_to_u64(str_trim(text), INT64_MAX, &id)) {
        call_problem(call, "bad-request", STR_NONE, "the Last-Event-ID is none of ours");
        return false;
    }
    request->after = (int64_t)id;
    request->from_head = false;
    request->pointer = "Last-Event-ID";
    return true;
}

/* A number from MIN on, or "head". *ret: one less than MIN when absent. */
static void take_begin(struct call *call, const char *parameter, int64_t min,
                       struct live_request *request)
{
    struct str text;

    request->after = 0;
    request->pointer = arena_printf(call->arena, "?%s", parameter).data;
    if (call_query_str(call, parameter, &text) && str_equal(text, STR("head"))) {
        request->from_head = true;
        return;
    }
    request->after = min;
    call_query_number(call, parameter, min, INT64_MAX, &request->after);
    request->after -= min; /* what lies in front of it */
}

static struct subscription_filter keep_filter(const struct log_filter *filter)
{
    return (struct subscription_filter){.tenant = filter->tenant,
                                        .category = filter->category,
                                        .type = filter->type,
                                        .correlation_id = filter->correlation_id};
}

bool live_start(struct api *api, struct error *err)
{
    struct subscriptions_config config = {
        .postgres = api->config.postgres,
        .limits = api->config.subscriptions,
        .poll_ms = api->config.subscriptions_poll_ms,
        .appended = api->config.appended,
        .render = live_feed_render,
        .render_arg = api,
        .wake = live_feed_wake,
        .release = live_feed_release,
    };

    return subscriptions_start(&config, &api->subscriptions, err);
}

void live_serve_log(struct call *call, const struct log_filter *filter)
{
    struct live_request *request = ARENA_NEW(call->arena, struct live_request);

    take_begin(call, "after", 0, request);
    if (!call_query_done(call) || !take_last_event_id(call, request))
        return;
    request->filter = keep_filter(filter);
    call->data = request;
    query_submit(call->api->queries, call, open_log);
}

void live_serve_stream(struct call *call, struct str stream, struct str type)
{
    struct live_request *request = ARENA_NEW(call->arena, struct live_request);

    take_begin(call, "from", 1, request);
    if (!call_query_done(call) || !take_last_event_id(call, request))
        return;
    request->filter =
        (struct subscription_filter){.tenant = call->tenant, .stream = stream, .type = type};
    call->data = request;
    query_submit(call->api->queries, call, open_stream);
}
