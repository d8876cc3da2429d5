/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the API share: the running API, and the groups of routes that main wires.
 *
 * Threads: read-only after api_start, but for the parts that have locks of their own.
 */
#ifndef DAYBOOK_API_API_INTERNAL_H
#define DAYBOOK_API_API_INTERNAL_H
#include "api/api.h"
#include "api/call.h"
#include "api/query.h"
#include "api/router.h"
#include "base/uuid.h"

#include <pthread.h>
#include <stdatomic.h>

struct api {
    struct arena *arena; /* what lives as long as the API */
    struct api_config config;
    struct http_server *server;
    struct router *router;
    const struct command_entry *commands; /* of all domains */
    struct query_pool *queries;           /* short reads */
    struct query_pool *exports; /* streamed reads, so that they never hold up short ones */
    struct subscriptions *subscriptions;
    struct waits *waits; /* reads that wait for their own write */
    bool is_loopback;    /* where it listens */
    /* Set by api_open(); NULL: the database is not known yet. */
    _Atomic(struct writer *) writer;
    pthread_mutex_t log_id_lock; /* guards log_id (log_id.h) */
    struct uuid log_id;
};

void api_route(struct api *api, enum http_method method, const char *pattern, route_fn serve,
               const void *spec);
/* Served before api_open(), too. */
void api_route_plumbing(struct api *api, const char *pattern, route_fn serve);

/* Each adds its routes. */
void plumbing_routes(struct api *api);
void command_routes_add(struct api *api, const struct command_route *routes);
void view_routes_add(struct api *api, const struct view_route *routes);
void history_routes_add(struct api *api, const struct domain *domain,
                        const struct history_route *routes);
void list_routes_add(struct api *api, const struct list_route *routes);
void summary_routes_add(struct api *api, const struct summary_route *routes);
void bulk_routes(struct api *api); /* POST /v1/commands */
void stream_write_routes(struct api *api);
void stream_read_routes(struct api *api);
void event_routes(struct api *api); /* GET /v1/events/{id} and its trace */
void log_routes(struct api *api);
void admin_routes(struct api *api);
void dlq_routes(struct api *api);
void projection_routes(struct api *api);
void job_routes(struct api *api);
void verify_routes(struct api *api);
void replay_routes(struct api *api);

/* The {projection} of the path; NULL, and 404 answered, when there is none. */
const struct projection *projection_in_path(struct call *call);
void projection_diff_serve(struct call *call);

/* Who asks for a change, for the audit. */
struct str admin_requester(const struct call *call);
/* The job in the path; false, and 404 answered, when its id can be none. */
bool admin_take_job(struct call *call, int64_t *ret_job);
/* Answers with the job; with its Location for long work that was taken on (202). */
MUST_CHECK bool admin_answer_job(struct call *call, struct reader *reader, int64_t id, int status,
                                 struct error *err);
/* An object without members, or no body; else answers and returns false. */
bool admin_take_empty_body(struct call *call);

/* Host and Origin (DNS rebinding, CSRF): answers 403 and returns false for what is not ours. */
bool guard_check(struct call *call);

#endif
