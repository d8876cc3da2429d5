/* SPDX-License-Identifier: Apache-2.0 */
#include "api/request_log.h"

#include "api/call.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"

#include <assert.h>
#include <stdatomic.h>

enum {
    SUCCESS_LINES_A_SECOND = 20,
    METHODS = HTTP_OTHER_KNOWN + 1,
    STATUS_CLASSES = 4, /* 2xx to 5xx */
};

/* Every label is out of a table, so that nothing a client sends makes a series, and none is left
 * over for "other". */
static struct metric requests_total = {
    .kind = METRIC_COUNTER,
    .name = "daybook_http_requests_total",
    .help = "Requests answered, by route and class of status.",
    .labels = {"method", "route", "status"},
    .series_max = (ROUTES_MAX + METHODS) * STATUS_CLASSES + 1,
};

static struct metric request_seconds = {
    .kind = METRIC_HISTOGRAM,
    .name = "daybook_http_request_duration_seconds",
    .help = "Time from a request's head to its answer, by route.",
    .labels = {"route"},
    .bounds = metric_bounds_seconds,
    .bounds_count = METRIC_BOUNDS_SECONDS,
    .series_max = ROUTES_MAX + 2,
};

/* Whether this second has room for one more line of a success. */
static bool sample(int64_t now_us)
{
    static _Atomic int64_t second;
    static _Atomic int lines;
    int64_t now = now_us / 1000000;

    if (atomic_exchange(&second, now) != now)
        atomic_store(&lines, 0);
    return atomic_fetch_add(&lines, 1) < SUCCESS_LINES_A_SECOND;
}

void request_log_count(const struct route *route, enum http_method method, int status,
                       double seconds)
{
    static const char *const classes[] = {"2xx", "3xx", "4xx", "5xx"};
    const char *pattern = route != NULL ? route->pattern : "none";
    const char *name = http_method_name(route != NULL ? route->method : method);

    assert(status >= 200 && status < 600);
    metric_add(METRIC_AT(&requests_total, name, pattern, classes[status / 100 - 2]), 1);
    metric_observe(METRIC_AT(&request_seconds, pattern), seconds);
}

void request_log_finished(void *api, struct http_request *request, int status, size_t body_bytes)
{
    const struct call *call = http_request_data(request);
    const char *method = http_method_name(http_request_method(request));
    const struct route *route = call != NULL ? call->route : NULL;
    int64_t now_us = clock_monotonic_us();
    int64_t taken_us = now_us - http_request_started_us(request);

    (void)api;
    request_log_count(route, http_request_method(request), status, (double)taken_us / 1e6);
    if (status < 400 && !sample(now_us))
        return;
    log_info("request", LOG_CSTR("method", method),
             LOG_CSTR("route", route != NULL ? route->pattern : "none"), LOG_I64("status", status),
             LOG_F64("ms", (double)taken_us / 1e3), LOG_I64("bytes", body_bytes),
             LOG_STR("request_id", call != NULL ? call->origin.request_id : STR("")),
             LOG_STR("traceparent", call != NULL ? call->origin.traceparent : STR("")));
}
