/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An event as the log has it.
 *
 * Threads: values; strings borrow from whatever read the event (an arena, a Kafka message).
 */
#ifndef DAYBOOK_EVENTLOG_EVENT_H
#define DAYBOOK_EVENTLOG_EVENT_H
#include <stdint.h>

#include "base/str.h"
#include "base/units.h"

enum { EVENT_BYTES_MAX = 512 * 1024 }; /* data and metadata of one event */

/* Where a request came from; stored with its events and carried to Kafka. Absent: data NULL. */
struct origin {
    struct str correlation_id;
    struct str causation_id;
    struct str request_id;
    struct str traceparent;
};

struct event {
    struct position position;
    struct version version;
    int64_t occurred_at_us; /* the client's */
    int64_t recorded_at_us; /* ours; never runs backwards along positions */
    struct str id;
    struct str type;
    struct str tenant;
    struct str stream;
    struct str data;     /* JSON, byte for byte as it came */
    struct str metadata; /* JSON, or data NULL */
    struct origin origin;
};

#endif
