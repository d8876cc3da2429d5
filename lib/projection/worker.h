/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker: one thread with one database connection that applies what comes for its partitions.
 * What it decides is in partition_core.h.
 *
 * Threads: worker_start and worker_stop from the supervisor; the notices from the poll thread;
 * worker_look from any.
 */
#ifndef DAYBOOK_PROJECTION_WORKER_H
#define DAYBOOK_PROJECTION_WORKER_H
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/units.h"
#include "eventlog/identity.h"
#include "postgres/pg.h"
#include "projection/parking_core.h"
#include "projection/partition.h"

struct look;
struct queue;
struct table;
struct worker;

/* What it points to must live until worker_stop(). */
struct worker_config {
    struct pg_config postgres;
    const struct table *table;
    const struct log_identity *identity;
    const char *owner; /* shown in the checkpoints */
    struct partition_limits limits;
    struct parking_policy parking;
    struct look *look;
    struct queue *starts;       /* struct start, to the poll thread */
    const atomic_bool *is_live; /* only what readers see is counted */
    atomic_bool *log_replaced;  /* set when the database holds another log, or other partitions */
};

/* Asks the poll thread to deliver a partition from OFFSET on. Heap; holds the partition. */
struct start {
    struct partition *partition;
    struct kafka_offset offset;
};

MUST_CHECK bool worker_start(const struct worker_config *config, struct worker **ret_worker,
                             struct error *err);
void worker_request_stop(struct worker *worker);
/* Ends after the batch in flight; drops its partitions. */
void worker_stop(struct worker *worker);

void worker_assigned(struct worker *worker, struct partition *partition);
void worker_revoked(struct worker *worker, struct partition *partition);
void worker_offset_lost(struct worker *worker, struct partition *partition);
void worker_start_failed(struct worker *worker, struct partition *partition,
                         const struct error *err);
void worker_wake(struct worker *worker); /* messages arrived */

/* The trouble with its connection, if there is any (class ERROR_NONE else). */
void worker_look(struct worker *worker, struct error *ret_trouble);

#endif
