/* SPDX-License-Identifier: Apache-2.0 */
/* /livez, /readyz, /metrics, /version: what machines ask of a process. */
#include "api/api_internal.h"
#include "base/arena.h"
#include "base/metrics.h"

#include <string.h>

enum { METRICS_BYTES_MAX = 8 << 20 };

static void serve_livez(struct call *call)
{
    if (call_query_done(call))
        call_answer(call, 200, "application/json; charset=utf-8", STR("{\"status\":\"live\"}"));
}

static void write_role(struct buf *out, const struct role_health *role)
{
    json_write_key(out, role->role);
    buf_add_cstr(out, "{\"state\":");
    json_write_cstr(out, role->state);
    json_write_key(out, "reason");
    json_write_str(out, role->reason);
    buf_add_char(out, '}');
}

/* 503 when any role is down; degraded (Kafka away) still takes requests. */
static void serve_readyz(struct call *call)
{
    const struct api_config *config = &call->api->config;
    SCOPED_VALUE(buf_release) struct buf body = BUF_INIT(16 << 10);
    struct role_health roles[3];
    size_t count;
    bool down = false;
    bool degraded = false;

    if (!call_query_done(call))
        return;
    config->health(config->health_arg, call->arena, roles, &count);
    for (size_t i = 0; i < count; i++) {
        down |= strcmp(roles[i].state, "down") == 0;
        degraded |= strcmp(roles[i].state, "degraded") == 0;
    }
    buf_add_cstr(&body, "{\"status\":");
    json_write_cstr(&body, down ? "not ready" : degraded ? "degraded" : "ready");
    json_write_key(&body, "roles");
    buf_add_char(&body, '{');
    for (size_t i = 0; i < count; i++)
        write_role(&body, &roles[i]);
    buf_add_cstr(&body, "}}");
    if (down)
        call_header(call, "Retry-After", STR("1"));
    call_json(call, down ? 503 : 200, &body);
}

static void serve_metrics(struct call *call)
{
    SCOPED_VALUE(buf_release) struct buf body = BUF_INIT(METRICS_BYTES_MAX);

    if (!call_query_done(call))
        return;
    metrics_write(&body);
    call_answer(call, 200, "text/plain; version=0.0.4; charset=utf-8", buf_str(&body));
}

static void serve_version(struct call *call)
{
    SCOPED_VALUE(buf_release) struct buf body = BUF_INIT(1024);

    if (!call_query_done(call))
        return;
    buf_add_cstr(&body, "{\"name\":\"daybook\",\"version\":");
    json_write_cstr(&body, DAYBOOK_VERSION);
    json_write_key(&body, "instance");
    json_write_cstr(&body, call->api->config.instance);
    buf_add_char(&body, '}');
    call_json(call, 200, &body);
}

void plumbing_routes(struct api *api)
{
    api_route_plumbing(api, "/livez", serve_livez);
    api_route_plumbing(api, "/readyz", serve_readyz);
    api_route_plumbing(api, "/metrics", serve_metrics);
    api_route_plumbing(api, "/version", serve_version);
}
