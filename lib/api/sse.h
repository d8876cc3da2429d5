/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Server-sent events (WHATWG HTML, "text/event-stream"), as text.
 *
 * Threads: any; pure.
 */
#ifndef DAYBOOK_API_SSE_H
#define DAYBOOK_API_SSE_H
#include <stdint.h>

#include "base/str.h"

struct buf;

/* The lines "event: TYPE", "data: DATA" (one for each of its lines) and the blank one. */
void sse_write_event(struct buf *out, struct str type, struct str data);

/* "id: ID": goes in front of an event's lines, or stands for itself before a comment. */
void sse_write_id(struct buf *out, int64_t id);

void sse_write_comment(struct buf *out, const char *text);   /* and a blank line */
void sse_write_retry(struct buf *out, int64_t reconnect_ms); /* and a blank line */

#endif
