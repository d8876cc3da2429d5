/* SPDX-License-Identifier: Apache-2.0 */
#include "resilience/backoff.h"

#include <assert.h>

static int64_t ceiling_ms(struct backoff_policy policy, unsigned attempt)
{
    int64_t ceiling = policy.base_ms;

    while (attempt-- > 0) {
        if (ceiling > policy.max_ms / 2)
            return policy.max_ms;
        ceiling *= 2;
    }
    return ceiling;
}

int64_t backoff_delay_ms(struct backoff_policy policy, unsigned attempt, uint64_t draw)
{
    assert(policy.base_ms >= 1);
    assert(policy.max_ms >= policy.base_ms);

    return (int64_t)(draw % ((uint64_t)ceiling_ms(policy, attempt) + 1));
}
