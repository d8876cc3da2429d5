/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The publisher's metrics. Position and lag are of the leader's process; elsewhere they stay 0.
 *
 * Threads: any.
 */
#ifndef DAYBOOK_PUBLISHER_GAUGES_H
#define DAYBOOK_PUBLISHER_GAUGES_H
#include <stdbool.h>
#include <stdint.h>

#include "base/units.h"

void gauges_position(struct position position);
/* When the first event that is not in Kafka was recorded; 0: there is none. */
void gauges_pending(int64_t recorded_us);
void gauges_transaction(bool committed);
void gauges_producer(void);

#endif
