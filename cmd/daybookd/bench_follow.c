/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/daybookd/bench_follow.h"

#include "base/clock.h"
#include "cmd/daybookd/bench.h"

bool follow(const struct follow *follow, struct followed *ret, struct error *err)
{
    int64_t first, left;

    if (!follow->look(follow->arg, &first, err))
        return false;
    left = first;
    ret->begun_us = ret->ended_us = clock_monotonic_us();
    int64_t moved_us = ret->begun_us;
    while (left > 0) {
        int64_t before = left;
        int64_t asked_us;

        bench_pause();
        asked_us = clock_monotonic_us();
        if (!follow->look(follow->arg, &left, err))
            return false;
        ret->ended_us = clock_monotonic_us();
        if (left != before)
            moved_us = ret->ended_us;
        else if (ret->ended_us - moved_us > follow->patience_ms * 1000)
            return error_set(err, ERROR_TRANSIENT, "dependency-down",
                             "%s did not move for %lld s, with %lld positions left", follow->what,
                             (long long)(follow->patience_ms / 1000), (long long)left);
        if (left == first)
            ret->begun_us = asked_us;
    }
    return true;
}
