/* SPDX-License-Identifier: Apache-2.0 */
/* A request's beginning and end, and what the handler may ask it. */
#include <assert.h>

#include "base/arena.h"
#include "base/clock.h"
#include "http/http_internal.h"

enum {
    /* What an idle connection keeps for its next request. */
    KEEP_ARENA_BYTES = 16 * 1024,
    KEEP_BODY_BYTES = 16 * 1024,
};

void http_request_begin(struct http_request *r, const char *target)
{
    r->target = arena_dup(r->arena, str_of(target));
    r->target_raw = target;
    r->started_us = clock_monotonic_us();
    http_connection_set_stage(r->connection, STAGE_HEADER);
}

static void reset(struct http_request *r)
{
    struct http_connection *connection = r->connection;
    struct arena *arena = r->arena;
    struct buf body = r->body;

    if (arena_bytes(arena) > KEEP_ARENA_BYTES) {
        arena_free(arena);
        arena = arena_new(0);
    } else {
        arena_clear(arena);
    }
    if (body.capacity > KEEP_BODY_BYTES)
        buf_release(&body);
    buf_clear(&body);
    *r = (struct http_request){.connection = connection, .arena = arena, .body = body};
}

static size_t bytes_sent(const struct http_request *r)
{
    /* Never queued: the client was gone. */
    if (r->state != REQUEST_SENDING || r->facts.method == HTTP_HEAD)
        return 0;
    return r->answer.stream != NULL || r->answer.feed != NULL ? r->answer.streamed_bytes
                                                              : r->answer.body.len;
}

static void tell_finished(struct http_server *server, struct http_request *r)
{
    http_finished_fn finished = atomic_load_explicit(&server->finished, memory_order_acquire);

    if (finished != NULL)
        finished(server->finished_arg, r, r->answer.status, bytes_sent(r));
}

static void count_finished(struct http_server *server)
{
    if (atomic_fetch_sub(&server->in_flight, 1) == 1 && atomic_load(&server->awaited))
        signal_raise(server->idle);
}

void http_request_end(struct http_request *r)
{
    struct http_server *server = r->connection->worker->server;
    bool counted = r->head_seen;

    assert(r->state != REQUEST_HELD);

    if (r->answer.stream != NULL)
        r->answer.streamed_bytes = http_stream_detach(r->answer.stream);
    if (r->answer.feed != NULL)
        r->answer.streamed_bytes = http_feed_detach(r->answer.feed);
    if (r->state != REQUEST_RECEIVING)
        tell_finished(server, r);
    reset(r);
    http_connection_set_stage(r->connection, STAGE_BETWEEN);
    if (counted)
        count_finished(server);
}

void http_request_finish(void *worker, struct MHD_Connection *mhd, void **request,
                         enum MHD_RequestTerminationCode code)
{
    struct http_request *r = *request;

    (void)mhd;
    (void)code;
    *request = NULL;
    /* The next request may lie in the buffer, or have been announced while this one waited. */
    ((struct http_worker *)worker)->goes_on = true;
    if (r == NULL)
        return;
    /* The client is gone; whoever holds its request, now or next, does not know. */
    if (r->state == REQUEST_HELD)
        http_hold_lost(r);
    else if (r->state != REQUEST_RETURNED || http_receive_returned(r))
        http_request_end(r);
}

const char *http_method_name(enum http_method method)
{
    switch (method) {
    case HTTP_GET:
        return "GET";
    case HTTP_HEAD:
        return "HEAD";
    case HTTP_POST:
        return "POST";
    case HTTP_PATCH:
        return "PATCH";
    case HTTP_DELETE:
        return "DELETE";
    case HTTP_PUT:
        return "PUT";
    case HTTP_OPTIONS:
        return "OPTIONS";
    case HTTP_OTHER_KNOWN:
        break;
    }
    return "OTHER";
}

enum http_method http_request_method(const struct http_request *r)
{
    return r->facts.method;
}

struct str http_request_method_text(const struct http_request *r)
{
    return r->method_text;
}

struct str http_request_target(const struct http_request *r)
{
    return r->target;
}

struct str http_request_path(const struct http_request *r)
{
    return r->facts.path;
}

struct str http_request_query(const struct http_request *r)
{
    return r->facts.query;
}

struct str http_request_body(const struct http_request *r)
{
    return buf_str(&r->body);
}

struct str http_request_remote(const struct http_request *r)
{
    return str_of(r->connection->remote);
}

bool http_request_is_loopback(const struct http_request *r)
{
    return r->connection->loopback;
}

struct str http_request_header(const struct http_request *r, const char *name, size_t *ret_count)
{
    return http_fields_find(r->fields, r->fields_count, str_of(name), ret_count);
}

struct arena *http_request_arena(const struct http_request *r)
{
    return r->arena;
}

int64_t http_request_started_us(const struct http_request *r)
{
    return r->started_us;
}

void http_request_set_data(struct http_request *r, void *data)
{
    r->data = data;
}

void *http_request_data(const struct http_request *r)
{
    return r->data;
}
