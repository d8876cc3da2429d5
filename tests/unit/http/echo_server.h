/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server whose routes answer in the ways that are to be tested:
 *
 *   /echo    at once: "METHOD path?query body-length"; 405 to TRACE and CONNECT
 *   /body    at once: the request's body
 *   /later   by another thread
 *   /race    by another thread, before the handler returns
 *   /back    as /echo, handed back by another thread
 *   /rounds  handed back by another thread, then kept anew and answered by it as /later
 *   /hold    when echo_release is called
 *   /release calls it for one
 *   /block   keeps its http thread until `unblocked`
 *   /other   at once, with all that a response can have
 *
 * Any other route is answered by `handler`, when there is one.
 *
 * Threads: as noted.
 */
#ifndef DAYBOOK_TESTS_UNIT_HTTP_ECHO_SERVER_H
#define DAYBOOK_TESTS_UNIT_HTTP_ECHO_SERVER_H
#include <stdatomic.h>

#include "base/queue.h"
#include "base/thread.h"
#include "http/server.h"

enum {
    ECHO_BODY_MAX = 64 * 1024, /* and 256 bytes for /small, 2 MiB for /body */
    ECHO_SMALL_MAX = 256,
    ECHO_LARGE_MAX = 2 * 1024 * 1024,
};

struct echo_server {
    struct http_server *server;
    struct queue *later; /* requests for the answering thread */
    struct queue *held;  /* requests of /hold */
    struct thread *answerer;
    http_handler_fn handler; /* for other routes */
    atomic_bool unblocked;
    atomic_uint handled; /* requests that reached the handler */
    atomic_uint raced;   /* answers given by the other thread to /race */
    atomic_uint finished;
    atomic_int last_status;   /* of a finished request */
    atomic_size_t last_bytes; /* likewise */
};

/* Defaults that no test waits for; a test changes what it is about. */
struct http_config echo_config(void);
void echo_start(struct echo_server *echo, const struct http_config *config);
void echo_stop(struct echo_server *echo); /* checks that each request was finished once */

const char *echo_address(const struct echo_server *echo);
void echo_answer(struct http_request *r, int status, struct str body); /* any thread */
void echo_release(struct echo_server *echo, size_t count); /* answers so many of /hold; waits */
/* Waits until *COUNTER is at least VALUE. */
void echo_await(atomic_uint *counter, unsigned value);

#endif
