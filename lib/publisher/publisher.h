/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies the log to Kafka, in order, exactly once. One leader per log; the others stand by.
 *
 * See docs/publisher.md for its states and the faults it is built against, core.h for the part
 * without I/O, control.h for what any process can see and ask.
 *
 * Threads: the program's main thread; publisher_status() from any.
 */
#ifndef DAYBOOK_PUBLISHER_PUBLISHER_H
#define DAYBOOK_PUBLISHER_PUBLISHER_H
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/scope.h"
#include "base/units.h"
#include "kafka/config.h"
#include "postgres/pg.h"

struct publisher;
struct signal;

struct publisher_config {
    struct pg_config postgres;
    struct kafka_config kafka; /* what it points to must live until publisher_stop() */
    const char *instance;      /* instance.name: the lease's holder */
    /* Categories whose topics are made at the start, so that projections find them; ends with
     * NULL. Others are made before their first record. May be NULL. */
    const char *const *categories;

    size_t batch_events_max;
    size_t batch_bytes_max;
    int64_t pause_ms;         /* between the end and the begin of transactions */
    int64_t poll_interval_ms; /* how often the log's head is looked at */
    int64_t lease_ms;
    int64_t call_timeout_ms; /* the longest wait for Kafka */

    /* Of topics that it makes. */
    int32_t partitions;
    int replication;
    int64_t retention_ms;

    struct signal *appended;  /* raised by the writer of this process; may be NULL */
    struct signal *published; /* raised after each commit in Kafka; may be NULL */
};

/* PostgreSQL and Kafka may be away: it then goes on trying. */
MUST_CHECK bool publisher_start(const struct publisher_config *config,
                                struct publisher **ret_publisher, struct error *err);
/* Ends the threads within a few seconds (bounded also when Kafka is away), gives the lease back. */
void publisher_stop(struct publisher *publisher);

enum publisher_state {
    PUBLISHER_STANDBY,  /* another process leads */
    PUBLISHER_STARTING, /* has the lease, finds out where to go on */
    PUBLISHER_RUNNING,
    PUBLISHER_RETRYING, /* a fault that may pass: `error` */
    PUBLISHER_PAUSED,   /* asked to */
    PUBLISHER_STOPPED,  /* needs a person's word: `reason`, `detail` */
};

const char *publisher_state_name(enum publisher_state state);

enum { PUBLISHER_REASON_MAX = 32, PUBLISHER_DETAIL_MAX = 512 };

struct publisher_status {
    enum publisher_state state;
    char reason[PUBLISHER_REASON_MAX]; /* STOPPED: see control.h */
    char detail[PUBLISHER_DETAIL_MAX]; /* what was seen */
    struct position position;          /* in Kafka, as this process knows; leaders only */
    struct position head;              /* of the log, as last read; leaders only */
    struct error error;                /* RETRYING: the last */
};

void publisher_status(struct publisher *publisher, struct publisher_status *ret);

#endif
