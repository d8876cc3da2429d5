/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log of its own for a test: a fresh database with schema, identity and partitions, events on
 * demand, a publisher.
 *
 * Threads: the test's.
 */
#ifndef DAYBOOK_TESTS_INTEGRATION_PUBLISHER_LOG_FIXTURE_H
#define DAYBOOK_TESTS_INTEGRATION_PUBLISHER_LOG_FIXTURE_H
#include "eventlog/identity.h"
#include "postgres/pg.h"
#include "publisher/cursor.h"
#include "publisher/publisher.h"
#include "tests/integration/kafka/kafka_fixture.h"
#include "tests/support/database.h"

struct log_fixture {
    struct database *database;
    char prefix[LOG_PREFIX_MAX + 1];
    char log_id[UUID_TEXT_LEN + 1];
    struct pg_config config;
    struct pg_conn *conn;
    int64_t head; /* as far as this fixture appended */
};

void log_fixture_open(struct log_fixture *log);
void log_fixture_close(struct log_fixture *log); /* drops the database */
/* The same log once more, as a restored database has it. Nobody but FROM may be connected. */
void log_fixture_copy(struct log_fixture *copy, struct log_fixture *from);
/* Takes the log's identity from the database, after it got another one. */
void log_fixture_identify(struct log_fixture *log);
/* One number, on the fixture's own connection (database_i64 makes a new one each time). */
int64_t log_fixture_number(struct log_fixture *log, const char *sql);

/* COUNT events of CATEGORY, spread over STREAMS streams, in one transaction. */
void log_fixture_append(struct log_fixture *log, const char *category, int streams, int count);

struct publisher_config log_fixture_publisher(const struct log_fixture *log, const char *instance);
struct publisher *log_fixture_start(const struct log_fixture *log, const char *instance);
/* Waits until the database's copy of the cursor is at the fixture's head. */
void log_fixture_await(struct log_fixture *log);
void log_fixture_await_position(struct log_fixture *log, int64_t position); /* or beyond it */
/* COUNT events of "order", appended and published; nobody runs any more. */
void log_fixture_publish(struct log_fixture *log, int count);
void log_fixture_await_state(struct log_fixture *log, const char *state, const char *reason);
void log_fixture_topic(const struct log_fixture *log, const char *category,
                       char out[CURSOR_TOPIC_MAX]);

#endif
