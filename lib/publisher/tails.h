/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks at the ends of partitions: what is the last committed record that is ours, is a transaction
 * open, does another log publish here.
 *
 * Threads: owner only. Every call ends at its deadline.
 */
#ifndef DAYBOOK_PUBLISHER_TAILS_H
#define DAYBOOK_PUBLISHER_TAILS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "kafka/reader.h"
#include "publisher/cursor.h"
#include "publisher/lane.h"

/* Whether the log has this event id at this position: only then a record is ours. */
typedef bool (*tails_known_fn)(void *arg, struct position position, struct str event_id,
                               bool *ret_known, struct error *err);

struct tails {
    struct kafka_reader *committed;
    struct kafka_reader *uncommitted;
    const char *source; /* of our log's records */
    tails_known_fn known;
    void *arg;
};

/* Whether a transaction is open in a partition. */
MUST_CHECK bool tails_hanging(const struct tails *tails, const char *topic, int32_t partition,
                              int64_t deadline_ms, bool *ret_hanging, struct error *err);

/* LANES: one for each partition of TOPIC, as the cursor has it. Fills SEEN, one each. */
MUST_CHECK bool tails_look(const struct tails *tails, const struct cursor_topic *topic,
                           int64_t deadline_ms, struct lane_seen *seen, struct error *err);

#endif
