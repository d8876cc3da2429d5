/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Kafka record read as an event: CloudEvents in binary mode, as docs/kafka.md has them. Anything
 * may arrive from Kafka, so every part is checked, and what is not ours says why.
 *
 * Threads: any; pure.
 */
#ifndef DAYBOOK_PROJECTION_RECORD_H
#define DAYBOOK_PROJECTION_RECORD_H
#include <stdbool.h>
#include <stdint.h>

#include "eventlog/event.h"

/* What a record must agree with to be ours. */
struct record_frame {
    struct str source;   /* this log's ce_source */
    struct str category; /* of the topic */
    int32_t partition;
    int32_t partitions_count; /* in the published cursor */
};

/* A record, whoever has it. */
struct record_view {
    struct str key;   /* data NULL: none */
    struct str value; /* data NULL: none */
    bool (*header)(const void *from, const char *name, struct str *ret_value);
    const void *from;
};

enum { RECORD_FAULT_MAX = 160 };

/*
 * True: *ret_event borrows from VIEW, *ret_previous is the position of this partition's record
 * before it. False: the record is foreign or malformed; FAULT says why.
 */
bool record_read(const struct record_view *view, const struct record_frame *frame,
                 struct event *ret_event, struct position *ret_previous,
                 char fault[RECORD_FAULT_MAX]);

#endif
