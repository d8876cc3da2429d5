/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP server, on libmicrohttpd: framing, limits and timers; no routes.
 *
 * A request whose head and body arrived whole is given to the handler on an http thread. The
 * handler may answer at once, or keep the request and answer later from any thread: exactly one
 * http_respond* ends it. What framing and limits refuse (docs/security.md) is answered with
 * problem+json by the `refuse` callback's body without the handler being called.
 *
 * Threads: the handler runs on http threads and must not block; http_respond* from any thread,
 * once; http_hand_back likewise.
 */
#ifndef DAYBOOK_HTTP_SERVER_H
#define DAYBOOK_HTTP_SERVER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/scope.h"
#include "base/str.h"

struct arena;
struct buf;
struct http_server;
struct http_request;

enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_POST,
    HTTP_PATCH,
    HTTP_DELETE,
    HTTP_PUT,
    HTTP_OPTIONS,
    HTTP_OTHER_KNOWN /* TRACE, CONNECT */
};
const char *http_method_name(enum http_method method);

typedef void (*http_handler_fn)(void *arg, struct http_request *request);

/* The most a body may be, by route; called when the head has arrived. */
typedef size_t (*http_body_max_fn)(void *arg, const struct http_request *request);

/* Writes the problem+json body for a refusal of this layer: slug and detail. */
typedef void (*http_refuse_fn)(void *arg, const struct http_request *request, int status,
                               const char *slug, const char *detail, struct buf *out_body);

/* Whether a request waits for a thread that streams have: of those that are read slowly one after
 * the other is cut until none does. May be NULL. On the http threads. */
typedef bool (*http_hurried_fn)(void *arg);

struct http_config {
    const char *listen; /* "127.0.0.1:8080", "[::1]:0", "0.0.0.0:80" */
    unsigned threads;
    unsigned connections_max;
    unsigned connections_per_address_max;
    int64_t header_timeout_ms;
    int64_t idle_timeout_ms;
    size_t body_rate_min; /* bytes a second */
    http_handler_fn handler;
    http_body_max_fn body_max;
    http_refuse_fn refuse;
    http_hurried_fn hurried;
    void *arg;
};

MUST_CHECK bool http_server_start(const struct http_config *config, struct http_server **ret_server,
                                  struct error *err);
/* Stops accepting; open connections are served until their answer is out ("Connection: close"). */
void http_server_drain(struct http_server *server);
/* Waits until no request is in flight, at most TIMEOUT_MS; false: some are. */
bool http_server_wait_idle(struct http_server *server, int64_t timeout_ms);
void http_server_stop(
    struct http_server *server); /* ends all; every request must have been answered */
const char *
http_server_address(const struct http_server *server); /* "http://127.0.0.1:8080", real port */

/* A request's strings live until it is answered. */

enum http_method http_request_method(const struct http_request *r);
struct str http_request_method_text(const struct http_request *r);
struct str http_request_target(const struct http_request *r); /* raw, with the query */
struct str http_request_path(const struct http_request *r);   /* raw, still percent-encoded */
struct str http_request_query(const struct http_request *r);  /* raw, without '?' */
struct str http_request_body(const struct http_request *r);
struct str http_request_remote(const struct http_request *r); /* address without port */
bool http_request_is_loopback(const struct http_request *r);
/* The one value of a header (name in any case). Absent: data NULL. *ret_count (may be NULL): how
 * many lines. */
struct str http_request_header(const struct http_request *r, const char *name, size_t *ret_count);
struct arena *http_request_arena(const struct http_request *r); /* dies with the request */
int64_t http_request_started_us(const struct http_request *r);  /* monotonic */
void http_request_set_data(struct http_request *r, void *data); /* the handler's own */
void *http_request_data(const struct http_request *r);

/* Undoes %xx into ARENA; false for a bad escape, NUL, or what is no UTF-8. */
bool http_unescape(struct arena *arena, struct str raw, bool plus_is_space, struct str *ret);

struct http_header {
    const char *name; /* a literal: not copied */
    struct str value; /* printable and not empty: CR, LF and controls are asserted absent */
};

struct http_response {
    int status;
    const struct http_header *headers;
    size_t headers_count;
    struct str body;    /* copied */
    bool body_in_arena; /* it lies in the request's arena already: not copied */
    bool close;         /* end the connection behind it */
};

/*
 * Called once for each request that was answered, refusals of this layer included, when the answer
 * is out or the connection is gone; then the request is freed. BODY_BYTES is 0 when nothing could
 * be sent. On an http thread.
 */
typedef void (*http_finished_fn)(void *arg, struct http_request *request, int status,
                                 size_t body_bytes);
void http_server_on_finished(struct http_server *server, http_finished_fn fn, void *arg);

void http_respond(struct http_request *r, const struct http_response *response);

/*
 * Gives a request that was kept back to its http thread, which calls FN with it as it would call
 * the handler: for an owner who has no time to write the answer. What FN needs lives until then.
 */
void http_hand_back(struct http_request *r, http_handler_fn fn, void *arg);

/*
 * A body of unknown length, written from one thread at its own pace: http_stream_write waits while
 * the client reads slower (at most its buffer of 256 KiB is held) and returns false when the client
 * is gone, did not read for idle_timeout_ms, or read less than body_rate_min for header_timeout_ms.
 * http_stream_end frees the stream; ok false cuts the connection so that the client sees a
 * truncated body.
 */
struct http_stream;
struct http_stream *http_respond_stream(struct http_request *r, int status,
                                        const struct http_header *headers, size_t headers_count);
MUST_CHECK bool http_stream_write(struct http_stream *stream, struct str bytes);
void http_stream_end(struct http_stream *stream, bool ok);

/*
 * A body of unknown length and no hurry, asked for by the server: for a thousand clients that wait.
 * The connection ends with it. At most 64 KiB are under way to a client, in this process and in the
 * kernel; a client that stops sending (half-closes) is taken for gone.
 */
struct http_feed;
struct http_feed_source {
    /* Up to MAX bytes into OUT. 0: nothing now, ask again after a wake, or *ret_ended: that was
     * all. On an http thread: must not block. */
    size_t (*read)(void *arg, char *out, size_t max, bool *ret_ended);
    /* The client is gone or has all; the feed may not be woken from here on. Once, on an http
     * thread. */
    void (*closed)(void *arg);
};
/* Made first, so that whoever wakes it can know it before it is answered with. */
struct http_feed *http_feed_new(struct http_request *r, const struct http_feed_source *source,
                                void *arg);
void http_feed_free(struct http_feed *feed); /* one that was not answered with */
/* Not to a HEAD. The feed is the server's from here on, until `closed`. */
void http_respond_feed(struct http_feed *feed, int status, const struct http_header *headers,
                       size_t headers_count);
void http_feed_wake(struct http_feed *feed); /* any thread */

#endif
