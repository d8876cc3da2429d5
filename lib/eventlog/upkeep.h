/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What keeps the log's tables in shape: partitions of events made ahead of need (created standalone
 * with a matching CHECK, then attached under lock_timeout: CREATE ... PARTITION OF behind a reader
 * stops all inserts), days of idempotency keys made and dropped, dead processes forgotten.
 *
 * Any number of processes may do it at once: each run takes a transaction-scoped advisory lock or
 * leaves.
 *
 * Threads: the connection's owner (upkeep thread; the writer when a partition is missing).
 */
#ifndef DAYBOOK_EVENTLOG_UPKEEP_H
#define DAYBOOK_EVENTLOG_UPKEEP_H
#include <stdint.h>

#include "base/error.h"

struct pg_conn;

struct upkeep_config {
    int64_t partition_events; /* positions in one partition of events; fixed per log at its first
                                 partition */
    unsigned partitions_ahead;
    unsigned idempotency_days;
};

/* One round of everything. Idempotent. Also run by `daybookd migrate up`, so that a new log can
 * take events. */
MUST_CHECK bool upkeep_run(struct pg_conn *conn, const struct upkeep_config *config,
                           struct error *err);

#endif
