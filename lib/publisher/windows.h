/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which offsets of a topic to read next, from its partitions' ends backwards: few at first, as what
 * is looked for is mostly near, then more, but never more than WINDOWS_OFFSETS_MAX at once: a look
 * holds what it found in them.
 *
 * Threads: owner only.
 */
#ifndef DAYBOOK_PUBLISHER_WINDOWS_H
#define DAYBOOK_PUBLISHER_WINDOWS_H
#include <stdbool.h>
#include <stdint.h>

#include "kafka/reader.h"
#include "publisher/lane.h"

enum { WINDOWS_OFFSETS_MAX = 1 << 18 }; /* of all partitions together */

/* Whether a partition's older records are wanted, too. */
typedef bool (*windows_wanted_fn)(const void *arg, int32_t partition);

struct windows {
    const struct lane_seen *seen; /* where each partition begins and ends */
    int32_t partitions;
    struct kafka_range *ranges; /* one a partition; empty: nothing to read of it */
    int64_t span;
};

/* RANGES are the caller's, and are set. The first are those of windows_next(). */
void windows_open(struct windows *windows, const char *topic, const struct lane_seen *seen,
                  struct kafka_range *ranges, int32_t partitions);
/* False: everything that is wanted was read. */
bool windows_next(struct windows *windows, windows_wanted_fn wanted, const void *arg);

#endif
