/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log of its own for a test: a fresh database with schema, identity and partitions, events on
 * demand, and what Kafka holds of it as any consumer sees it.
 */
#ifndef DAYBOOK_TESTS_INTEGRATION_PUBLISHER_LOG_FIXTURE_H
#define DAYBOOK_TESTS_INTEGRATION_PUBLISHER_LOG_FIXTURE_H
#include "postgres/pg.h"
#include "publisher/cursor.h"
#include "publisher/publisher.h"
#include "tests/integration/kafka/kafka_fixture.h"
#include "tests/support/database.h"

struct log_fixture {
    struct database *database;
    char prefix[FIXTURE_NAME_MAX];
    char log_id[UUID_TEXT_LEN + 1];
    struct pg_config config;
    struct pg_conn *conn;
    int64_t head; /* as far as this fixture appended */
};

void log_fixture_open(struct log_fixture *log);
void log_fixture_close(struct log_fixture *log); /* drops the database */
/* One number, on the fixture's own connection (database_i64 makes a new one each time). */
int64_t log_fixture_number(struct log_fixture *log, const char *sql);

/* COUNT events of CATEGORY, spread over STREAMS streams, in one transaction. */
void log_fixture_append(struct log_fixture *log, const char *category, int streams, int count);

struct publisher_config log_fixture_publisher(const struct log_fixture *log, const char *instance);
struct publisher *log_fixture_start(const struct log_fixture *log, const char *instance);
/* Waits until the database's copy of the cursor is at the fixture's head. */
void log_fixture_await(struct log_fixture *log);
void log_fixture_await_state(struct log_fixture *log, const char *state, const char *reason);
void log_fixture_topic(const struct log_fixture *log, const char *category,
                       char out[CURSOR_TOPIC_MAX]);

/*
 * Reads every topic of CATEGORIES (separated by blanks) with read_committed and fails unless each
 * event up to the head is there exactly once, in order within its partition, in its key's
 * partition, with a chain of previous positions, and as the log has it.
 */
void log_fixture_verify(struct log_fixture *log, const char *categories);
/* The same for the events from position FROM on; what is below may be there or not. */
void log_fixture_verify_from(struct log_fixture *log, const char *categories, int64_t from);

/* How many events of this log a committed reader finds. */
int64_t log_fixture_visible(struct log_fixture *log, const char *categories);

#endif
