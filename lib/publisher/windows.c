/* SPDX-License-Identifier: Apache-2.0 */
#include "publisher/windows.h"

#include <assert.h>

enum { SPAN_FIRST = 64, SPAN_GROWTH = 8 }; /* offsets of a partition */

void windows_open(struct windows *windows, const char *topic, const struct lane_seen *seen,
                  struct kafka_range *ranges, int32_t partitions)
{
    assert(partitions > 0);
    *windows = (struct windows){
        .seen = seen, .partitions = partitions, .ranges = ranges, .span = SPAN_FIRST};
    for (int32_t p = 0; p < partitions; p++)
        ranges[p] = (struct kafka_range){
            .topic = topic, .partition = p, .from = seen[p].high, .to = seen[p].high};
}

/* At least one offset: a topic with more partitions than WINDOWS_OFFSETS_MAX is none of ours. */
static int64_t span_max(const struct windows *windows)
{
    int64_t max = WINDOWS_OFFSETS_MAX / windows->partitions;

    return max > 0 ? max : 1;
}

bool windows_next(struct windows *windows, windows_wanted_fn wanted, const void *arg)
{
    int64_t max = span_max(windows);
    int64_t span = windows->span < max ? windows->span : max;
    bool more = false;

    for (int32_t p = 0; p < windows->partitions; p++) {
        struct kafka_range *range = &windows->ranges[p];
        int64_t low = windows->seen[p].low;

        range->to = range->from;
        if (range->to <= low || !wanted(arg, p))
            continue;
        range->from = range->to - low > span ? range->to - span : low;
        more = true;
    }
    windows->span = span < max ? span * SPAN_GROWTH : max;
    return more;
}
