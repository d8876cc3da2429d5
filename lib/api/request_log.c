/* SPDX-License-Identifier: Apache-2.0 */
#include "api/request_log.h"

#include "api/call.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"

#include <stdatomic.h>
#include <stdio.h>

enum { SUCCESS_LINES_A_SECOND = 20 };

static struct metric requests_total = {
    .kind = METRIC_COUNTER,
    .name = "daybook_http_requests_total",
    .help = "Requests answered, by route and status.",
    .labels = {"method", "route", "status"},
};

static struct metric request_seconds = {
    .kind = METRIC_HISTOGRAM,
    .name = "daybook_http_request_duration_seconds",
    .help = "Time from a request's head to its answer, by route.",
    .labels = {"route"},
    .bounds = metric_bounds_seconds,
    .bounds_count = METRIC_BOUNDS_SECONDS,
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

static void count(const char *method, const char *route, int status, double seconds)
{
    char status_text[12];

    snprintf(status_text, sizeof status_text, "%d", status);
    metric_add(METRIC_AT(&requests_total, method, route, status_text), 1);
    metric_observe(METRIC_AT(&request_seconds, route), seconds);
}

void request_log_finished(void *api, struct http_request *request, int status, size_t body_bytes)
{
    const struct call *call = http_request_data(request);
    const char *method = http_method_name(http_request_method(request));
    const char *route = call != NULL && call->route != NULL ? call->route->pattern : "none";
    int64_t now_us = clock_monotonic_us();
    int64_t taken_us = now_us - http_request_started_us(request);

    (void)api;
    count(method, route, status, (double)taken_us / 1e6);
    if (status < 400 && !sample(now_us))
        return;
    log_info("request", LOG_CSTR("method", method), LOG_CSTR("route", route),
             LOG_I64("status", status), LOG_F64("ms", (double)taken_us / 1e3),
             LOG_I64("bytes", body_bytes),
             LOG_STR("request_id", call != NULL ? call->origin.request_id : STR("")),
             LOG_STR("traceparent", call != NULL ? call->origin.traceparent : STR("")));
}
