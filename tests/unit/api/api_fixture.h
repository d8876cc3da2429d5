/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The front of the API on a real socket: calls are made, checked and routed as in the daemon, and
 * end in a route of the test's own. No database.
 *
 * Threads: the test's; a route's function runs on an http thread.
 */
#ifndef DAYBOOK_TESTS_UNIT_API_API_FIXTURE_H
#define DAYBOOK_TESTS_UNIT_API_API_FIXTURE_H
#include "api/api_internal.h"
#include "tests/unit/http/raw_client.h"

struct api_fixture {
    struct api api;
    struct raw_client client;
};

/* LISTEN: "127.0.0.1:0", or "0.0.0.0:0" for a public one; HOSTS as in the configuration. */
void api_fixture_start(struct api_fixture *fixture, const char *listen, const char *hosts,
                       const struct route *routes, size_t routes_count);
void api_fixture_stop(struct api_fixture *fixture);

/* "GET /x", further header lines each with its line end, and a body. Host is 127.0.0.1 unless
 * HEADERS names one. */
struct raw_reply api_fixture_ask(struct api_fixture *fixture, const char *line, const char *headers,
                                 const char *body);

/* The slug of a problem; "" when it is none. Also checks that status and type agree. */
struct str reply_slug(const struct raw_reply *reply);
bool reply_has(const struct raw_reply *reply, const char *text); /* in the body */

/* Answers 200 with TEXT as JSON text would be. */
void answer_text(struct call *call, struct str text);

#endif
