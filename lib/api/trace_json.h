/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where an event went, as JSON.
 *
 * Threads: any; pure.
 */
#ifndef DAYBOOK_API_TRACE_JSON_H
#define DAYBOOK_API_TRACE_JSON_H

struct buf;
struct event;
struct event_trace;

void trace_write_json(const struct event *event, const struct event_trace *trace, struct buf *out);

#endif
