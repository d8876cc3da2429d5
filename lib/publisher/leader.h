/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps the publisher's lease on a thread and a connection of its own, so that a long wait for
 * Kafka does not lose it. The lease keeps publishers from fighting; Kafka's fencing keeps them
 * right.
 *
 * Threads: start and stop by one owner; leader_epoch() from any.
 */
#ifndef DAYBOOK_PUBLISHER_LEADER_H
#define DAYBOOK_PUBLISHER_LEADER_H
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "postgres/pg.h"

struct leader;

MUST_CHECK bool leader_start(const struct pg_config *postgres, const char *instance,
                             int64_t lease_ms, struct leader **ret_leader, struct error *err);
/* After having stopped to lead: gives the lease back, ends the thread, frees. */
void leader_stop(struct leader *leader);

/* The lease's epoch, or 0 while it is not ours. */
int64_t leader_epoch(struct leader *leader);

#endif
