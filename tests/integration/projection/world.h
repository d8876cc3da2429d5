/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log of its own in a database of its own, its topics in the test's broker, and a small publisher
 * that can also do what a good one never does: lose records, repeat them, write foreign ones.
 *
 * Threads: the test's.
 */
#ifndef DAYBOOK_TESTS_INTEGRATION_PROJECTION_WORLD_H
#define DAYBOOK_TESTS_INTEGRATION_PROJECTION_WORLD_H
#include <check.h>

#include "base/scope.h"
#include "eventlog/identity.h"
#include "kafka/admin.h"
#include "kafka/producer.h"
#include "projection/projector.h"
#include "publisher/cursor.h"
#include "tests/integration/kafka/kafka_fixture.h"
#include "tests/support/database.h"

enum { WORLD_PARTITIONS = 6, WORLD_TIMEOUT_MS = 60000 };

struct world {
    struct database *database;
    struct pg_conn *conn;
    struct log_identity identity;
    struct kafka_admin *admin;
    struct kafka_producer *producer; /* NULL: made at the next publish */
    struct cursor cursor;
    char topic[CURSOR_TOPIC_MAX];
};

struct world *world_new(void);
void world_free(struct world *world);
SCOPED_DEFINE(struct world *, world_free);

/* Appends COUNT events Added {"owner": "o<i % OWNERS>", "n": i} to streams item-s0 .. in turn. */
void world_append(struct world *world, int count, int streams, int owners);
void world_append_one(struct world *world, const char *stream, const char *type, const char *data);
int64_t world_head(struct world *world);

enum world_fault {
    WORLD_NONE,
    WORLD_LOSE,          /* the records are not written, but the cursor passes them */
    WORLD_REPEAT,        /* each record twice */
    WORLD_FORGET_COPY,   /* the database's copy of the cursor stays behind */
    WORLD_FORGET_CURSOR, /* Kafka's too */
};
/* Publishes everything behind the cursor. */
void world_publish(struct world *world, enum world_fault fault);
/* One record that no publisher of this log would write: its headers are those of the log's event at
 * POSITION, but for NAME, which becomes VALUE (NULL: is missing). */
void world_forge(struct world *world, int64_t position, const char *name, const char *value);
/* The topic is deleted and made anew, empty. */
void world_recreate_topic(struct world *world);

/* For projector_start(); two workers and small batches and queues. Asserts nothing: also for a
 * process that is no test. */
struct projector_config world_projector(const struct database *database,
                                        const struct kafka_config *kafka, const char *instance);
struct projector *world_start(const struct world *world, const char *instance);

/* Waits until both projections have reached the head of the log (all of it is published). */
void world_await(struct world *world);
/* Waits until SQL gives the number. */
void world_await_i64(struct world *world, const char *sql, int64_t expected);
/* Both read models equal what SQL makes of the events. */
void world_check(struct world *world);
/* The same of these generations of theirs. */
void world_check_generations(struct world *world, int items, int totals);

#endif
