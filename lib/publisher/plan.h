/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a slice of the log goes into one Kafka transaction.
 *
 * Planning moves the cursor as the transaction would leave it. Whoever cannot commit the
 * transaction throws the cursor away and reads it again from Kafka.
 *
 * Threads: owner only; no I/O.
 */
#ifndef DAYBOOK_PUBLISHER_PLAN_H
#define DAYBOOK_PUBLISHER_PLAN_H
#include <stddef.h>
#include <stdint.h>

#include "base/units.h"
#include "eventlog/event.h"
#include "publisher/cursor.h"

/* Key and headers of a record and Kafka's own framing, at most; for the byte limit of a batch. */
enum { PLAN_RECORD_OVERHEAD = 1024 };

enum plan_mode {
    PLAN_FORWARD,  /* events behind the cursor: publish what its partition has not, move the cursor
                    */
    PLAN_COMPLETE, /* events at or below the cursor: publish what a torn transaction left out */
    PLAN_COUNT,    /* publish nothing: each partition's entry and the cursor move along */
};

struct plan_record {
    const struct event *event;
    const struct cursor_topic *topic; /* valid until a topic is added */
    int32_t partition;
    struct position previous; /* the partition's event before; 0: none */
};

struct plan {
    struct plan_record *records;
    size_t count;
    size_t capacity;
    size_t bytes;
    size_t events_taken;         /* of those given, the skipped ones included */
    struct str missing_category; /* data NULL: none. The next event needs this topic first */
    char category[CURSOR_CATEGORY_MAX + 1]; /* what missing_category may borrow from */
};

struct plan_limits {
    size_t records_max;
    size_t bytes_max; /* one record always fits */
};

void plan_release(struct plan *plan);

/* Replaces what PLAN held. EVENTS are in order and follow what was planned before. */
void plan_make(struct plan *plan, enum plan_mode mode, struct cursor *cursor,
               const struct event *events, size_t count, struct plan_limits limits);

/* The record's key "<tenant>/<stream>", which decides its partition. */
enum { PLAN_KEY_MAX = NAME_TENANT_MAX + 1 + NAME_STREAM_MAX };
struct str plan_key(const struct event *event, char out[PLAN_KEY_MAX]);
int32_t plan_partition(const struct event *event, int32_t partitions_count);

#endif
