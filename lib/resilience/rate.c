/* SPDX-License-Identifier: Apache-2.0 */
#include "resilience/rate.h"

#include <assert.h>

#define WAIT_MS_MAX INT64_C(1000000000000000)

void rate_init(struct rate *rate, struct rate_policy policy, int64_t now_ms)
{
    assert(policy.per_second >= 0);
    assert(policy.per_second == 0 || policy.capacity >= 1);

    *rate = (struct rate){.policy = policy, .tokens = policy.capacity, .at_ms = now_ms};
}

static void refill(struct rate *rate, int64_t now_ms)
{
    assert(now_ms >= rate->at_ms);

    rate->tokens += (double)(now_ms - rate->at_ms) / 1000 * rate->policy.per_second;
    if (rate->tokens > rate->policy.capacity)
        rate->tokens = rate->policy.capacity;
    rate->at_ms = now_ms;
}

int64_t rate_reserve(struct rate *rate, int64_t now_ms)
{
    double wait_ms;
    int64_t whole_ms;

    if (rate->policy.per_second == 0)
        return 0;
    refill(rate, now_ms);
    rate->tokens -= 1;
    if (rate->tokens >= 0)
        return 0;
    /* A rate of one in ten thousand years is no reason to overflow. */
    wait_ms = -rate->tokens / rate->policy.per_second * 1000;
    if (wait_ms >= WAIT_MS_MAX)
        return WAIT_MS_MAX;
    whole_ms = (int64_t)wait_ms;
    return (double)whole_ms < wait_ms ? whole_ms + 1 : whole_ms;
}
