/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of lib/http share: server, connection, request.
 *
 * A connection carries one request at a time, so the request is a part of it and its memory serves
 * the next one: no allocation per request but what its arena lacks.
 *
 * A request's state says who owns it:
 *
 *   RECEIVING  the http thread: head and body are coming in
 *   HANDLED    the handler, or whom it gave the request to; its http thread has not left the
 *              handler's call yet
 *   SUSPENDED  the same, and the http thread has left: the connection rests in libmicrohttpd
 *   ANSWERED   the http thread again: the answer is stored and is to be queued
 *   SENDING    the http thread: libmicrohttpd sends
 *
 * Only HANDLED, SUSPENDED and ANSWERED are seen by two threads. The answering one swaps ANSWERED in
 * and resumes the connection if it found SUSPENDED; the http thread, having suspended the
 * connection, turns HANDLED into SUSPENDED, and where that fails the answer was quicker, so it
 * resumes the connection itself. After its swap the answering thread does not touch the request.
 *
 * libmicrohttpd never ends a suspended connection, so a request that somebody else owns cannot
 * vanish: a client that is gone is seen when its answer is queued. What ends a request, whatever
 * became of it, is one call of http_request_finish.
 *
 * Threads: as noted at the fields.
 */
#ifndef DAYBOOK_HTTP_INTERNAL_H
#define DAYBOOK_HTTP_INTERNAL_H
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "base/thread.h"
#include "http/head.h"
#include "http/server.h"
#include "http/timers.h"

enum request_state {
    REQUEST_RECEIVING,
    REQUEST_HANDLED,
    REQUEST_SUSPENDED,
    REQUEST_ANSWERED,
    REQUEST_SENDING,
};

struct answer_header {
    const char *name;
    const char *value;
};

/* In the request's arena. */
struct http_answer {
    int status;
    struct answer_header *headers;
    size_t headers_count;
    struct str body;
    bool close;
    struct http_stream *stream; /* instead of a body */
    size_t streamed_bytes;      /* of a stream that has ended */
};

struct http_request {
    struct http_connection *connection;
    _Atomic(enum request_state) state;

    struct str method_text;
    struct str target;      /* in the arena */
    const char *target_raw; /* where libmicrohttpd has it; valid until the head was checked */
    struct http_head_facts facts;
    const struct http_field *fields; /* array in the arena, texts in libmicrohttpd's memory */
    size_t fields_count;

    bool head_seen;
    bool discarding; /* the body is over its limit, and is read only to be answered */
    size_t body_max;
    size_t body_seen; /* bytes, discarded ones too */
    struct buf body;

    struct arena *arena;
    int64_t started_us;
    void *data;
    struct http_answer answer;
};

struct http_connection {
    struct http_server *server;
    struct MHD_Connection *mhd;
    int fd; /* closed by libmicrohttpd after http_connection_notify has removed the connection */
    bool loopback;
    char remote[INET6_ADDRSTRLEN];

    _Atomic uint64_t stage; /* a timer_stage and how often it changed; written by the http thread */
    _Atomic uint64_t body_bytes; /* of the body that is coming in; likewise */
    struct http_timer timer;     /* the keeper's */

    struct http_connection *next; /* guarded by server->lock */
    struct http_connection *prev; /* likewise */
    struct http_stream *stream;   /* likewise: an open one, so that stopping can cut it */

    struct http_request request;
};

struct http_server {
    struct http_config config; /* listen is not kept */
    char address[80];
    bool check_layout; /* this is the libmicrohttpd whose memory http_layout_is_plain knows */
    struct MHD_Daemon *daemon;

    int listen_fd; /* the keeper's; -1 once closed */
    int wake_fd;   /* an eventfd that ends the keeper's poll */
    struct thread *keeper;
    atomic_bool keeper_stop;

    atomic_bool draining;
    atomic_bool stopping;

    atomic_uint held;      /* requests with the handler, until its answering thread is through */
    atomic_uint in_flight; /* requests whose head was seen and that are not finished */
    atomic_bool awaited;   /* somebody waits for in_flight to be 0 */
    struct signal *idle;

    atomic_uint connections; /* accepted and not closed */
    pthread_mutex_t lock;    /* the list below, and stream of each connection in it */
    struct http_connection *first;

    void *finished_arg;
    _Atomic(http_finished_fn) finished; /* set after its argument */
};

/* --- connection.c: http threads ------------------------------------------------------------------
 */

void http_connection_notify(void *cls, struct MHD_Connection *mhd, void **socket_context,
                            enum MHD_ConnectionNotificationCode code);
struct http_connection *http_connection_of(struct MHD_Connection *mhd);
void http_connection_set_stage(struct http_connection *connection, enum timer_stage stage);

/* --- receive.c: http threads ---------------------------------------------------------------------
 */

void *http_receive_target(void *cls, const char *target, struct MHD_Connection *mhd);
enum MHD_Result http_receive(void *cls, struct MHD_Connection *mhd, const char *url,
                             const char *method, const char *version, const char *data,
                             size_t *data_len, void **request);

/* --- request.c: http threads ---------------------------------------------------------------------
 */

void http_request_begin(struct http_request *r, const char *target);
void http_request_finish(void *cls, struct MHD_Connection *mhd, void **request,
                         enum MHD_RequestTerminationCode code);

/* --- answer.c ------------------------------------------------------------------------------------
 */

/* Stores what the handler answered; the owner's thread. */
void http_answer_store(struct http_request *r, const struct http_response *response);
/* Gives the request back with its stored answer; the owner's thread, which then forgets it. */
void http_answer_deliver(struct http_request *r);
/* Hands the stored answer to libmicrohttpd; the http thread. */
enum MHD_Result http_answer_queue(struct http_request *r);
/* Answers in this layer's name and closes the connection behind it; the http thread. */
enum MHD_Result http_refuse(struct http_request *r, const struct http_refusal *refusal);

/* --- stream.c ------------------------------------------------------------------------------------
 */

struct MHD_Response *http_stream_response(struct http_stream *stream);
/* The connection is done with the stream: the writer is told, the memory goes with the last of the
 * two. Returns how many bytes were taken for the client. */
size_t http_stream_detach(struct http_stream *stream);
/* The server stops: ends the stream's connection; server->lock is held. */
void http_stream_cut(struct http_stream *stream);

/* --- keeper.c: the thread that accepts connections and ends those whose time is over
 * --------------
 */

void http_keeper_run(void *server);
void http_keeper_wake(struct http_server *server);

#endif
