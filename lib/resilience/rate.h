/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A token bucket: so many at once, then so many a second. A token that is not there yet can be
 * reserved; the answer is how long it takes to come.
 *
 * Threads: owner only. Time comes in as an argument and must not run backwards.
 */
#ifndef DAYBOOK_RESILIENCE_RATE_H
#define DAYBOOK_RESILIENCE_RATE_H
#include <stdint.h>

struct rate_policy {
    double per_second; /* refill; 0: no limit */
    double capacity;   /* tokens of a full bucket; at least 1 */
};

struct rate {
    struct rate_policy policy;
    double tokens; /* below 0: reserved ahead */
    int64_t at_ms; /* as of */
};

/* Full. */
void rate_init(struct rate *rate, struct rate_policy policy, int64_t now_ms);

/* Takes a token; returns in how many milliseconds it may be used, 0: now. Rounded up. */
int64_t rate_reserve(struct rate *rate, int64_t now_ms);

#endif
