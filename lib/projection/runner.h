/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One projection in this process: a consumer with its poll thread, which does nothing but poll,
 * and the workers that partitions are dealt out to by number.
 *
 * Threads: the supervisor's; runner_look from any.
 */
#ifndef DAYBOOK_PROJECTION_RUNNER_H
#define DAYBOOK_PROJECTION_RUNNER_H
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "eventlog/identity.h"
#include "kafka/config.h"
#include "postgres/pg.h"
#include "projection/parking_core.h"
#include "projection/partition.h"

struct look;
struct runner;
struct table;

enum { RUNNER_WORKERS_MAX = 64, RUNNER_TOPICS_MAX = 64 };

/* What it points to must live until runner_stop(). */
struct runner_config {
    struct pg_config postgres;
    const struct kafka_config *kafka;
    const struct log_identity *identity;
    struct look *look;
    const struct table *table;
    const char *group;
    const char *member; /* group.instance.id */
    const char *owner;  /* shown in the checkpoints */
    const atomic_bool *is_live;
    unsigned workers;
    struct partition_limits limits;
    struct parking_policy parking;
    size_t fetch_queue_bytes_max;
    int session_timeout_ms;
};

MUST_CHECK bool runner_start(const struct runner_config *config, struct runner **ret_runner,
                             struct error *err);
/* So that several end together. */
void runner_request_stop(struct runner *runner);
/* Batches in flight end, the rest is left to the next owner. The member does not leave its group:
 * started again under its name, it has its partitions back at once. */
void runner_stop(struct runner *runner);

/* Reads these topics from now on; they exist. */
void runner_read(struct runner *runner, const char *const *topics, size_t count);

enum runner_fate {
    RUNNER_RUNS,
    RUNNER_FAILED,       /* its consumer can not go on: stop it and make another */
    RUNNER_FENCED,       /* another process has the member id */
    RUNNER_LOG_REPLACED, /* the database holds another log now */
};

struct runner_partition {
    char topic[PARTITION_TOPIC_MAX + 1];
    int32_t number;
    struct partition_view view;
};

struct runner_view {
    enum runner_fate fate;
    struct error kafka;    /* the consumer's trouble, class NONE if it has none */
    struct error postgres; /* a worker's */
    bool assigned;         /* the group has given it a share, perhaps an empty one */
    size_t partitions_count;
};

/* Kafka answered what it was asked at ASKED_MS about the projection's topics: older trouble is
 * over. A quiet topic would never tell. */
void runner_kafka_answered(struct runner *runner, int64_t asked_ms);

/* Fills at most MAX of PARTITIONS; ret->partitions_count says how many there are. */
void runner_look(struct runner *runner, struct runner_view *ret,
                 struct runner_partition *partitions, size_t max);

#endif
