/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A member of a consumer group that keeps its own offsets: read_committed, eager assignment
 * ("range,roundrobin"), static membership, no commits, auto.offset.reset=error.
 *
 * The group only shares out partitions. Where each begins is the application's word, from its
 * checkpoint: in the assigned callback or, when that takes longer, later by kafka_consumer_start().
 *
 * Errors: TRANSIENT may pass by itself (go on polling). FATAL and FENCED: throw the consumer away;
 * FENCED says that another member has our instance id.
 *
 * Threads: one owner, the poll thread; callbacks run inside kafka_consumer_poll(). Messages may be
 * handed to others. Every call but poll returns within a few seconds.
 */
#ifndef DAYBOOK_KAFKA_CONSUMER_H
#define DAYBOOK_KAFKA_CONSUMER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/scope.h"
#include "base/units.h"
#include "kafka/config.h"
#include "kafka/message.h"

struct kafka_consumer;

struct kafka_assignment {
    const char *topic; /* lives during the callback only */
    int32_t partition;
    /* The assigned callback fills it; KAFKA_START_LATER: nothing is fetched until
     * kafka_consumer_start(). */
    struct kafka_offset start;
};

#define KAFKA_START_LATER ((struct kafka_offset){-1})

/* The whole assignment is given, and the whole of it revoked (eager). After a revocation no message
 * of it is delivered any more. LOST: others may have the partitions already. */
typedef void (*kafka_assigned_fn)(void *arg, struct kafka_assignment *partitions, size_t count);
typedef void (*kafka_revoked_fn)(void *arg, const struct kafka_assignment *partitions, size_t count,
                                 bool lost);

struct kafka_consumer_config {
    const struct kafka_config *kafka;
    const char *group;
    const char *instance; /* group.instance.id; NULL: a dynamic member */
    int session_timeout_ms;
    size_t fetch_queue_bytes_max;
    kafka_assigned_fn assigned;
    kafka_revoked_fn revoked;
    void *arg;
};

MUST_CHECK bool kafka_consumer_new(const struct kafka_consumer_config *config,
                                   struct kafka_consumer **ret_consumer, struct error *err);
/* Closes at once, without callbacks and without leaving the group: a static member keeps its
 * partitions until its session ends or it is back. All messages must be freed before. */
void kafka_consumer_free(struct kafka_consumer *consumer);
SCOPED_DEFINE(struct kafka_consumer *, kafka_consumer_free);

MUST_CHECK bool kafka_consumer_subscribe(struct kafka_consumer *consumer, const char *const *topics,
                                         size_t count, struct error *err);
enum kafka_polled {
    KAFKA_POLLED_NOTHING,
    KAFKA_POLLED_MESSAGE,      /* *ret_message */
    KAFKA_POLLED_OUT_OF_RANGE, /* *ret_place: retention or a recreated topic took its offset; fill
                                  from the log, then kafka_consumer_start() */
    KAFKA_POLLED_FAILED,       /* *err */
};

struct kafka_place {
    char topic[256];
    int32_t partition;
};

/* Must be called at least every max.poll.interval.ms (5 min), or the group takes all away. */
MUST_CHECK enum kafka_polled kafka_consumer_poll(struct kafka_consumer *consumer,
                                                 int64_t timeout_ms,
                                                 struct kafka_message **ret_message,
                                                 struct kafka_place *ret_place, struct error *err);

/*
 * For assigned partitions; REFUSED with code "not-assigned" otherwise. start goes on at OFFSET,
 * whatever was fetched before, and ends a pause. pause and resume may be repeated and lose or
 * repeat nothing: a partition that is not paused is never resumed (librdkafka before 2.4 would then
 * deliver old messages again).
 */
MUST_CHECK bool kafka_consumer_start(struct kafka_consumer *consumer, const char *topic,
                                     int32_t partition, struct kafka_offset offset,
                                     struct error *err);
MUST_CHECK bool kafka_consumer_pause(struct kafka_consumer *consumer, const char *topic,
                                     int32_t partition, struct error *err);
MUST_CHECK bool kafka_consumer_resume(struct kafka_consumer *consumer, const char *topic,
                                      int32_t partition, struct error *err);

#endif
