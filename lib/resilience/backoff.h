/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long to wait before trying again: exponential with full jitter, so that many who failed
 * together do not come back together.
 *
 * Threads: any; no state. The randomness comes in as an argument.
 */
#ifndef DAYBOOK_RESILIENCE_BACKOFF_H
#define DAYBOOK_RESILIENCE_BACKOFF_H
#include <stdint.h>

struct backoff_policy {
    int64_t base_ms; /* the first ceiling, doubled for each attempt; at least 1 */
    int64_t max_ms;  /* the last ceiling; at least base_ms */
};

/*
 * A delay from 0 to the ceiling of ATTEMPT (0: the first retry), each equally likely for a random
 * DRAW of 64 bits.
 */
int64_t backoff_delay_ms(struct backoff_policy policy, unsigned attempt, uint64_t draw);

#endif
