/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of lib/http share: server, worker, connection, request.
 *
 * A worker is an http thread with a libmicrohttpd daemon and connections of its own; nothing of
 * them is touched by another thread. Only a request leaves it, from the handler's call until its
 * answer, and comes back through the worker's list `ready`:
 *
 *   RECEIVING  the worker's: head and body are coming in
 *   HELD       the handler's, or whom it gave the request to; the connection waits (hold.c)
 *   RETURNED   the worker's: handed back, and the function it came with is to be called
 *   ANSWERED   the worker's: the answer is stored and is to be queued
 *   SENDING    the worker's: libmicrohttpd sends
 *
 * A handler that answers before it returns is on the worker's thread: nothing waits. Any other
 * answer is put on `ready`, after which the answering thread does not touch the request. The worker
 * looks there only between its rounds, so it has always left the handler's call, however quick the
 * answer was.
 *
 * A request that somebody else owns cannot vanish: when libmicrohttpd ends a connection whose
 * request is held, the connection stays, without mhd and fd, until the answer is there. Nothing of
 * a request that its owner may see lies in libmicrohttpd's memory. What ends a request, whatever
 * became of it, is one call of http_request_end.
 *
 * A connection carries one request at a time, so the request is a part of it and its memory serves
 * the next one: no allocation per request but what its arena lacks.
 *
 * Threads: the worker's, but for what is noted.
 */
#ifndef DAYBOOK_HTTP_HTTP_INTERNAL_H
#define DAYBOOK_HTTP_HTTP_INTERNAL_H
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "base/thread.h"
#include "http/census.h"
#include "http/head.h"
#include "http/server.h"
#include "http/timers.h"

enum request_state {
    REQUEST_RECEIVING,
    REQUEST_HELD,
    REQUEST_RETURNED,
    REQUEST_ANSWERED,
    REQUEST_SENDING,
};

struct answer_header {
    const char *name;
    const char *value;
};

/* In the request's arena. */
struct http_answer {
    int status; /* 0: none yet */
    struct answer_header *headers;
    size_t headers_count;
    struct str body;
    bool close;
    struct http_stream *stream; /* instead of a body */
    struct http_feed *feed;     /* likewise */
    size_t streamed_bytes;      /* of a stream or feed that has ended */
};

struct http_request {
    struct http_connection *connection;
    enum request_state state;

    struct str method_text;
    struct str target;      /* in the arena */
    const char *target_raw; /* where libmicrohttpd has it; valid until the head was checked */
    struct http_head_facts facts;
    struct http_field *fields; /* texts in libmicrohttpd's memory until the head was checked */
    size_t fields_count;

    bool head_seen;
    bool discarding; /* the body is over its limit, and is read only to be answered */
    size_t body_max;
    size_t body_seen; /* bytes, discarded ones too */
    struct buf body;

    struct arena *arena;
    int64_t started_us;
    bool suspended;       /* the connection, while the request is held */
    unsigned calls;       /* how often libmicrohttpd has called for it in vain */
    http_handler_fn next; /* whom it goes to, being handed back; NULL: it is answered */
    void *next_arg;
    void *data;
    struct http_answer answer;
    struct http_request *next_ready; /* of worker->ready */
};

struct http_connection {
    struct http_worker *worker;
    struct MHD_Connection *mhd;
    int fd;     /* closed by libmicrohttpd, after it has told that the connection ended */
    bool ended; /* it has told so, and the request is still held */
    bool loopback;
    char remote[INET6_ADDRSTRLEN];
    struct census_address address;

    uint64_t stage; /* a timer_stage and how often it changed */
    struct http_timer timer;

    struct http_connection *next; /* of worker->first */
    struct http_connection *prev;

    struct http_request request;
};

struct http_worker {
    struct http_server *server;
    struct MHD_Daemon *daemon;
    struct thread *thread;
    int epoll_fd; /* libmicrohttpd's */
    int wake_fd;  /* an eventfd that ends the worker's sleep; any thread */

    _Atomic(struct http_request *) ready; /* newest first; pushed by any thread */
    atomic_bool asleep;                   /* or about to be; cleared by who wakes it */

    struct http_connection *first;
    size_t receiving;                      /* connections whose request comes in */
    size_t called;                         /* requests held in connections that are not suspended */
    bool suspends;                         /* this round suspends those */
    bool goes_on;                          /* what this round's callbacks did is not all of it */
    unsigned quiet_rounds;                 /* since bytes came in, as far as we see */
    const struct census_address *arriving; /* of the connection that is being added */
    int64_t looked_ms;                     /* when it looked at the timers last */
    int64_t accept_at_ms;                  /* accept nothing before */
};

struct http_server {
    struct http_config config; /* listen is not kept */
    struct http_timer_limits limits;
    char address[80];
    bool check_layout; /* this is the libmicrohttpd whose memory http_layout_is_plain knows */
    int listen_fd;
    struct http_census *census;
    struct http_worker *workers;
    size_t workers_count;

    atomic_bool draining;
    atomic_bool stopping; /* no request goes to the handler any more */
    atomic_bool ending;   /* workers end */

    atomic_uint held;      /* requests with the handler, until its answering thread is through */
    atomic_uint in_flight; /* requests whose head was seen and that are not finished */
    atomic_bool awaited;   /* somebody waits for in_flight to be 0 */
    struct signal *idle;

    void *finished_arg;
    _Atomic(http_finished_fn) finished; /* set after its argument */
};

/* In worker.c. */

void http_worker_run(void *arg); /* a worker */
/* Has the worker go on with a request that is held, or resume a stream's connection; any thread. */
void http_worker_push_ready(struct http_worker *worker, struct http_request *r);
void http_worker_wake(struct http_worker *worker); /* any thread */

/* In connection.c. */

void http_connection_notify(void *arg, struct MHD_Connection *mhd, void **socket_context,
                            enum MHD_ConnectionNotificationCode code);
struct http_connection *http_connection_of(struct MHD_Connection *mhd);
void http_connection_set_stage(struct http_connection *connection, enum timer_stage stage);
/* One whose request was held when libmicrohttpd ended it, and is answered now. */
void http_connection_end(struct http_connection *connection);

/* In hold.c. */

void http_hold(struct http_request *r);      /* the handler keeps it */
void http_hold_on(struct http_request *r);   /* libmicrohttpd calls for it, and it is still kept */
void http_hold_lost(struct http_request *r); /* libmicrohttpd has ended the connection */
void http_hold_end(struct http_request *r);  /* it is answered */
/* Whether libmicrohttpd, which says so, has anything to do but to call for what is held. */
bool http_hold_leaves_work(const struct http_worker *worker);

/* In receive.c. */

void *http_receive_target(void *worker, const char *target, struct MHD_Connection *mhd);
enum MHD_Result http_receive(void *worker, struct MHD_Connection *mhd, const char *url,
                             const char *method, const char *version, const char *data,
                             size_t *data_len, void **request);
/* Gives a request that was handed back to whom it goes next; true: that answered it. */
bool http_receive_returned(struct http_request *r);
/* Called with each answer, on any thread: true if this is the worker's thread, still in the
 * handler's call with R. */
bool http_receive_answered(const struct http_request *r);

/* In request.c. */

void http_request_begin(struct http_request *r, const char *target);
/* libmicrohttpd is through with it. */
void http_request_finish(void *worker, struct MHD_Connection *mhd, void **request,
                         enum MHD_RequestTerminationCode code);
void http_request_end(struct http_request *r);

/* In answer.c. */

/* Stores what the handler answered; the owner's thread. */
void http_answer_store(struct http_request *r, const struct http_response *response);
/* Gives the request back with its stored answer; the owner's thread, which then forgets it. */
void http_answer_deliver(struct http_request *r);
/* Hands the stored answer to libmicrohttpd. */
enum MHD_Result http_answer_queue(struct http_request *r);
/* Answers in this layer's name and closes the connection behind it. */
enum MHD_Result http_refuse(struct http_request *r, const struct http_refusal *refusal);

/* In stream.c. */

struct MHD_Response *http_stream_response(struct http_stream *stream);
/* The connection is done with the stream: the writer is told, the memory goes with the last of the
 * two. Returns how many bytes were taken for the client. */
size_t http_stream_detach(struct http_stream *stream);
/* The server stops: ends the stream's connection. */
void http_stream_cut(struct http_stream *stream);

/* In feed.c. */

struct MHD_Response *http_feed_response(struct http_feed *feed);
/* The connection is done with the feed: tells its source and frees it. Returns how many bytes were
 * taken for the client. */
size_t http_feed_detach(struct http_feed *feed);
void http_feed_cut(struct http_feed *feed); /* ends its connection */

#endif
