/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events as JSON, out and in. Data and metadata go through byte for byte.
 *
 * Threads: any; pure.
 */
#ifndef DAYBOOK_API_EVENTS_JSON_H
#define DAYBOOK_API_EVENTS_JSON_H
#include "api/call.h"
#include "eventlog/write.h"

/* The bytes of a member of the object RAW that jansson has found in it. */
struct str events_raw(struct str raw, const char *key);

void event_write_json(const struct event *event, struct buf *out);

enum { APPEND_EVENTS_MAX = 1000 };

/*
 * Reads {"id"?, "type", "data", "metadata"?, "occurred_at"?} of an array: PARSED is what jansson
 * made of the text RAW. PREFIX is the array's pointer. Adds every fault; the result is whole only
 * when none was added. Slices of RAW live as long as the request.
 */
void events_read_json(struct call *call, json_t *parsed, struct str raw, const char *prefix,
                      const struct new_event **ret_events, size_t *ret_count);

#endif
