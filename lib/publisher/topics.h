/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names and settings of a log's topics.
 *
 * Threads: any; no I/O but what `admin` does.
 */
#ifndef DAYBOOK_PUBLISHER_TOPICS_H
#define DAYBOOK_PUBLISHER_TOPICS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"
#include "kafka/admin.h"
#include "publisher/cursor.h"

/* Above the largest event with its key, headers and Kafka's framing; uncompressed. */
enum { TOPIC_MESSAGE_BYTES_MAX = 1 << 20, TOPIC_BATCH_BYTES_MAX = 2 << 20 };

struct topics_config {
    int32_t partitions;
    int replication;
    int64_t retention_ms;
};

void topics_event_name(const char *prefix, struct str category, char out[CURSOR_TOPIC_MAX]);
void topics_cursor_name(const char *prefix, char out[CURSOR_TOPIC_MAX]);

/* Makes the topic unless it is there; *ret_partitions: how many it has. */
MUST_CHECK bool topics_make_event(struct kafka_admin *admin, const struct topics_config *config,
                                  const char *topic, int64_t deadline_ms, int32_t *ret_partitions,
                                  struct error *err);
MUST_CHECK bool topics_make_cursor(struct kafka_admin *admin, const struct topics_config *config,
                                   const char *topic, int64_t deadline_ms, struct error *err);

/*
 * Settings that would lose events or refuse them: a compacted event topic, a cursor topic that is
 * not compacted, batches of the largest event refused. Writes what is wrong into FAULT, "" when
 * nothing is.
 */
enum topics_kind { TOPICS_EVENTS, TOPICS_CURSOR };
MUST_CHECK bool topics_check(struct kafka_admin *admin, enum topics_kind kind, const char *topic,
                             int64_t deadline_ms, char *fault, size_t fault_bytes,
                             struct error *err);

#endif
