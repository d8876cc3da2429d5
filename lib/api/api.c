/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api_internal.h"

#include "api/live.h"
#include "api/log_id.h"
#include "api/problem.h"
#include "api/request_log.h"
#include "api/waits.h"
#include "base/arena.h"
#include "base/mem.h"
#include "eventlog/identity.h"
#include "eventlog/subscriptions.h"
#include "http/address.h"

enum {
    EXPORT_THREADS = 4,
    EXPORT_QUEUE_MAX = 16,
    WAITS_MAX = 1024,
    DRAIN_WAIT_MS = 2000, /* for reads that wait for their own write */
};

void api_route(struct api *api, enum http_method method, const char *pattern, route_fn serve,
               const void *spec)
{
    router_add(api->router,
               &(struct route){.method = method, .pattern = pattern, .serve = serve, .spec = spec});
}

void api_route_plumbing(struct api *api, const char *pattern, route_fn serve)
{
    router_add(
        api->router,
        &(struct route){.method = HTTP_GET, .pattern = pattern, .serve = serve, .plumbing = true});
}

/* Before the body arrives: which route it is for, and so how large it may be. */
static size_t body_max(void *arg, const struct http_request *request)
{
    const struct api *api = arg;
    struct path_match match;

    if (router_match(api->router, http_request_method(request), http_request_path(request),
                     http_request_arena(request), &match) &&
        match.route != NULL && match.route->bulk)
        return api->config.bulk_body_bytes_max;
    return api->config.body_bytes_max;
}

static void refuse(void *arg, const struct http_request *request, int status, const char *slug,
                   const char *detail, struct buf *out_body)
{
    struct problem_type type = *problem_type_get(slug);

    (void)arg;
    type.status = status;
    problem_write(out_body, &type, str_of(detail),
                  request != NULL ? http_request_target(request) : STR(""), NULL, STR_NONE);
}

static bool exports_wait(void *arg)
{
    const struct api *api = arg;

    return api->exports != NULL && query_pool_has_waiting(api->exports);
}

static void add_routes(struct api *api)
{
    plumbing_routes(api);
    if (!api->config.serves_api)
        return;
    bulk_routes(api);
    stream_write_routes(api);
    stream_read_routes(api);
    event_routes(api);
    log_routes(api);
    admin_routes(api);
    dlq_routes(api);
    projection_routes(api);
    job_routes(api);
    verify_routes(api);
    replay_routes(api);
    for (const struct route_table *const *table = api->config.routes; *table != NULL; table++) {
        command_routes_add(api, (*table)->commands);
        view_routes_add(api, (*table)->views);
        history_routes_add(api, (*table)->domain, (*table)->histories);
        list_routes_add(api, (*table)->lists);
        summary_routes_add(api, (*table)->summaries);
    }
}

static bool start_queries(struct api *api, struct error *err)
{
    const struct api_config *config = &api->config;

    return query_pool_start(&config->postgres, config->query_threads, config->query_queue_max,
                            &api->queries, err) &&
           query_pool_start(&config->postgres, EXPORT_THREADS, EXPORT_QUEUE_MAX, &api->exports,
                            err) &&
           waits_start(&config->postgres, WAITS_MAX, &api->waits, err) && live_start(api, err);
}

static bool start_server(struct api *api, struct error *err)
{
    struct http_config http = api->config.http;

    http.handler = call_begin;
    http.body_max = body_max;
    http.refuse = refuse;
    http.hurried = exports_wait;
    http.arg = api;
    if (!http_server_start(&http, &api->server, err))
        return error_wrap(err, "start the HTTP server on %s", http.listen);
    http_server_on_finished(api->server, request_log_finished, api);
    return true;
}

bool api_start(const struct api_config *config, struct api **ret_api, struct error *err)
{
    struct api *api = mem_zalloc(sizeof *api);

    api->config = *config;
    api->arena = arena_new(0);
    pthread_mutex_init(&api->log_id_lock, NULL);
    api->router = router_new();
    api->is_loopback = http_address_is_loopback(config->http.listen);
    add_routes(api);
    if ((config->serves_api && !start_queries(api, err)) || !start_server(api, err)) {
        api_stop(api);
        return false;
    }
    *ret_api = api;
    return true;
}

void api_open(struct api *api, struct writer *writer, struct str log_id)
{
    log_id_note(api, log_id);
    atomic_store_explicit(&api->writer, writer, memory_order_release);
}

const char *api_address(const struct api *api)
{
    return http_server_address(api->server);
}

bool api_drain(struct api *api, int64_t timeout_ms)
{
    http_server_drain(api->server);
    if (api->waits != NULL)
        waits_hurry(api->waits, DRAIN_WAIT_MS);
    if (api->subscriptions != NULL)
        subscriptions_close(api->subscriptions);
    return http_server_wait_idle(api->server, timeout_ms);
}

void api_stop(struct api *api)
{
    if (api == NULL)
        return;
    if (api->waits != NULL)
        waits_close(api->waits);
    /* A connection that was kept alive may bring one more query: the pools go behind the server. */
    if (api->queries != NULL)
        query_pool_close(api->queries);
    if (api->exports != NULL)
        query_pool_refuse(api->exports); /* those that wait; the others stream and are cut */
    if (api->server != NULL)
        http_server_stop(api->server);
    query_pool_stop(api->queries);
    query_pool_stop(api->exports);
    waits_free(api->waits);
    subscriptions_stop(api->subscriptions);
    pthread_mutex_destroy(&api->log_id_lock);
    router_free(api->router);
    arena_free(api->arena);
    mem_free(api);
}
