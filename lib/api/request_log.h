/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line and the metrics for each request, when its answer is out. Successes are sampled under
 * load; refusals and failures are always told. Never bodies.
 *
 * Threads: http threads.
 */
#ifndef DAYBOOK_API_REQUEST_LOG_H
#define DAYBOOK_API_REQUEST_LOG_H
#include <stddef.h>

#include "api/router.h"

struct http_request;

/* A http_finished_fn. */
void request_log_finished(void *api, struct http_request *request, int status, size_t body_bytes);

/* The metrics alone. ROUTE is NULL where there is none for the request. */
void request_log_count(const struct route *route, enum http_method method, int status,
                       double seconds);

#endif
