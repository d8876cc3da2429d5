/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP API: requests to commands and queries, answers to JSON and problem+json.
 *
 * Threads: from the program's main thread.
 */
#ifndef DAYBOOK_API_API_H
#define DAYBOOK_API_API_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/route.h"
#include "base/error.h"
#include "eventlog/subscription_core.h"
#include "http/server.h"
#include "postgres/pg.h"

struct api;
struct signal;
struct writer;

/* What /readyz and /admin/v1/status of this process say of a role. */
struct role_health {
    const char *role;  /* "api", "publish", "project" */
    const char *state; /* "ok", "degraded", "down" */
    struct str reason; /* "" when ok; lives in the arena given */
};
typedef void (*api_health_fn)(void *arg, struct arena *arena, struct role_health ret[3],
                              size_t *ret_count);

struct api_config {
    struct http_config http;   /* its callbacks are set by api_start */
    struct pg_config postgres; /* of the query threads */
    unsigned query_threads;
    size_t query_queue_max;
    size_t body_bytes_max;
    size_t bulk_body_bytes_max;
    int64_t command_timeout_ms;
    const char *hosts; /* further Host names, separated by commas; "" none */
    bool serves_api;   /* false: only the plumbing: /livez /readyz /metrics /version */
    const struct route_table *const *routes;     /* the domains'; ends with NULL */
    const struct projection *const *projections; /* all; ends with NULL */
    struct subscription_limits subscriptions;
    int64_t subscriptions_poll_ms;
    struct signal *appended; /* this process's writer committed events */
    const char *instance;
    api_health_fn health;
    void *health_arg;
};

/* Listens. Until api_open() there is only the plumbing; all else is answered 503. */
MUST_CHECK bool api_start(const struct api_config *config, struct api **ret_api, struct error *err);
/* The database is known to fit: serves everything. */
void api_open(struct api *api, struct writer *writer, struct str log_id);
const char *api_address(const struct api *api); /* "http://127.0.0.1:8080" */
/* Stops accepting and waits until what is in flight is answered; false: some is after TIMEOUT_MS.
 */
bool api_drain(struct api *api, int64_t timeout_ms);
/* After api_drain() and writer_stop(): cuts streams that still run. */
void api_stop(struct api *api);

#endif
