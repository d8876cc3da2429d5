/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One HTTP request to Daybook and what came of it: data, or one line on standard error and the exit
 * status that says the same.
 *
 * Threads: main.
 */
#ifndef DAYBOOK_CMD_DAYBOOK_CLIENT_H
#define DAYBOOK_CMD_DAYBOOK_CLIENT_H
#include "base/buf.h"
#include "base/program.h"
#include "base/str.h"

enum { CLIENT_BODY_BYTES_MAX = 64 << 20, CLIENT_HEADERS_MAX = 4 };

struct client_request {
    const char *method;                      /* "GET", "POST" */
    struct str path;                         /* escaped, with the query */
    struct str body;                         /* JSON; empty: none */
    const char *headers[CLIENT_HEADERS_MAX]; /* "Name: value"; ends with NULL unless full */
    const char *accept;                      /* NULL: JSON */
};

/*
 * EXIT_OK: *ret_body is the answer's JSON, checked; it lives in the invocation's arena. Anything
 * else was told on standard error.
 */
int client_send(struct invocation *invocation, const struct client_request *request,
                struct str *ret_body);

int client_get(struct invocation *invocation, struct str path, struct str *ret_body);

/*
 * GETs an answer without an end: TAKE has its bytes as they come; false ends it. EXIT_OK: it began,
 * and ended, or broke off, or is silent for a minute. Anything else was told.
 */
typedef bool (*client_take_fn)(void *arg, struct str bytes);
int client_follow(struct invocation *invocation, const struct client_request *request,
                  client_take_fn take, void *arg);

/* Appends a path segment or query value, percent-encoded. */
void client_escape(struct buf *out, const char *text);

#endif
