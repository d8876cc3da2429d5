/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An event as a Kafka record: CloudEvents 1.0 in binary mode.
 *
 * Threads: any; no I/O.
 */
#ifndef DAYBOOK_PUBLISHER_RECORD_H
#define DAYBOOK_PUBLISHER_RECORD_H
#include "base/clock.h"
#include "kafka/producer.h"
#include "publisher/plan.h"

enum { RECORD_NUMBER_MAX = 24 };

/* What an encoded record's strings live in. */
struct record_space {
    char key[PLAN_KEY_MAX];
    char occurred[CLOCK_RFC3339_MAX];
    char recorded[CLOCK_RFC3339_MAX];
    char sequence[RECORD_NUMBER_MAX];
    char version[RECORD_NUMBER_MAX];
    char position[RECORD_NUMBER_MAX];
    char previous[RECORD_NUMBER_MAX];
    struct kafka_header headers[KAFKA_HEADERS_MAX];
};

/* SOURCE: the log's, "/daybook/<uuid>". The record borrows from the plan, SOURCE and SPACE. */
struct kafka_record record_encode(const struct plan_record *planned, const char *source,
                                  struct record_space *space);

#endif
