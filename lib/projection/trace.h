/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where one event of the log went: which partition of which topic, whether it is there, and what
 * became of it in each live read model. From the database alone: Kafka is not asked.
 *
 * Threads: the connection's owner only. Strings live in the ARENA given.
 */
#ifndef DAYBOOK_PROJECTION_TRACE_H
#define DAYBOOK_PROJECTION_TRACE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "eventlog/event.h"
#include "projection/dead_letter.h"
#include "projection/fold.h"

struct arena;
struct pg_conn;

enum trace_published {
    TRACE_PENDING,   /* the publisher's cursor is before it */
    TRACE_PUBLISHED, /* the cursor has passed it */
    TRACE_LOG_ONLY,  /* an operator accepted that Kafka lost it; readers take it from the log */
};

enum trace_state {
    TRACE_NOT_READ_YET,  /* the checkpoint of its partition is before it */
    TRACE_APPLIED,       /* it has passed it */
    TRACE_PARKED,        /* it could not be applied, and is tried again or waits for a person */
    TRACE_QUEUED_BEHIND, /* an earlier event of its stream is parked */
    TRACE_DISCARDED,     /* a person decided to go on without it */
};

struct traced_projection {
    struct str name;
    int generation; /* 0: its table is not made yet */
    enum trace_state state;
    struct position checkpoint; /* of the event's partition */
    /* PARKED, QUEUED_BEHIND: of the event that is parked */
    struct version parked_version;
    struct str parked_state; /* "retrying", "dead", "releasing" */
    int64_t attempts;
    struct str message;
    int64_t letter; /* PARKED: its dead letter; 0: none */
};

struct event_trace {
    enum trace_published published;
    struct position cursor;                /* the publisher's */
    struct str topic;                      /* data NULL: its category has none yet */
    int32_t partition;                     /* -1: no topic */
    struct kafka_offset offset;            /* -1: not known; a parked event's is */
    struct traced_projection *projections; /* those that read its category */
    size_t projections_count;
    struct letter *letters; /* of this event, one for each live table that it is dead for */
    size_t letters_count;
};

/* PROJECTIONS: all there are; ends with NULL. */
MUST_CHECK bool event_trace_load(struct pg_conn *conn, const struct projection *const *projections,
                                 const struct event *event, struct arena *arena,
                                 struct event_trace *ret, struct error *err);

#endif
