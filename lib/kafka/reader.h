/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks into topics without a group: where partitions begin and end, and their messages in given
 * ranges of offsets.
 *
 * Offsets have holes: transactions leave control records, aborted ones leave records that a
 * committed reader never shows.
 *
 * Threads: one owner. Every call ends at its deadline (monotonic ms).
 */
#ifndef DAYBOOK_KAFKA_READER_H
#define DAYBOOK_KAFKA_READER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/scope.h"
#include "kafka/config.h"
#include "kafka/message.h"

struct kafka_reader;

enum kafka_isolation {
    KAFKA_READ_COMMITTED,   /* up to the last stable offset, without aborted messages */
    KAFKA_READ_UNCOMMITTED, /* everything */
};

MUST_CHECK bool kafka_reader_new(const struct kafka_config *config, enum kafka_isolation isolation,
                                 struct kafka_reader **ret_reader, struct error *err);
void kafka_reader_free(struct kafka_reader *reader);
SCOPED_DEFINE(struct kafka_reader *, kafka_reader_free);

struct kafka_range {
    const char *topic;
    int32_t partition;
    int64_t from; /* offset, inclusive */
    int64_t to;   /* exclusive */
};

/*
 * Sets from and to: the first offset there is, and the end: the last stable offset for a committed
 * reader, the high watermark for an uncommitted one. They differ while a transaction is open.
 */
MUST_CHECK bool kafka_reader_bounds(struct kafka_reader *reader, struct kafka_range *range,
                                    int64_t deadline_ms, struct error *err);

/* May take *MESSAGE (set it to NULL); else it is freed when the visit returns. False: stops the
 * whole read, with *err set. Messages must be freed before the reader is. */
typedef bool (*kafka_visit_fn)(void *arg, struct kafka_message **message, struct error *err);

/* Visits all visible messages of the ranges: each partition (at most once in RANGES) in order of
 * its offsets. Ends when every range is read. */
MUST_CHECK bool kafka_reader_read(struct kafka_reader *reader, const struct kafka_range *ranges,
                                  size_t count, kafka_visit_fn visit, void *arg,
                                  int64_t deadline_ms, struct error *err);

/* The newest message with this key in a partition, read backwards in growing windows (a compacted
 * topic's current record). *ret_message is NULL if there is none. */
MUST_CHECK bool kafka_reader_find_key(struct kafka_reader *reader, const char *topic,
                                      int32_t partition, struct str key, int64_t deadline_ms,
                                      struct kafka_message **ret_message, struct error *err);

#endif
