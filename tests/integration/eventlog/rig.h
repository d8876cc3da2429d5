/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log on a real PostgreSQL, writers on it, and writes given and awaited.
 *
 * Threads: the test's.
 */
#ifndef DAYBOOK_TESTS_INTEGRATION_EVENTLOG_RIG_H
#define DAYBOOK_TESTS_INTEGRATION_EVENTLOG_RIG_H
#include <check.h>

#include "base/arena.h"
#include "base/queue.h"
#include "eventlog/read.h"
#include "eventlog/writer.h"
#include "tests/support/database.h"
#include "tests/support/expect.h"
#include "tests/support/writes.h"

struct rig {
    struct database *database;
    struct upkeep_config upkeep;
    struct queue *finished; /* of struct write, whoever's */
};

extern struct rig the_log;

void rig_set_up(void); /* a database with schema, partitions and identity */
void rig_tear_down(void);

struct writer_config rig_writer_config(void); /* accounts_domain; wide limits */
struct writer *rig_writer(void);              /* started with that */
struct writer *rig_writer_at(const char *url);
struct writer *rig_writer_with(const struct writer_config *config);

void rig_submit(struct writer *writer, struct write *write); /* must be taken */
struct write *rig_await(void);                               /* the next one that is done */
void rig_await_all(size_t count);
struct write *rig_write(struct writer *writer, struct write *write); /* submit, and await it */

/* Submits, awaits, expects the outcome, and drops it. */
#define RIG_EXPECT(writer, made_write, wanted) \
    do { \
        struct write *write_ = rig_write((writer), (made_write)); \
        ck_assert_msg(write_->outcome == (wanted), "%s: outcome %d, not %d: %s", #made_write, \
                      (int)write_->outcome, (int)(wanted), write_->error.text); \
        write_drop(write_); \
    } while (0)

/* Waits until the query says at least NUMBER; fails the test after some seconds. */
void rig_eventually(const char *query, int64_t number);
/* The writer's backend waits for a lock. */
#define BACKEND_WAITS \
    "select count(*) from pg_stat_activity where application_name = 'writer'" \
    " and datname = current_database() and wait_event_type = 'Lock'"

/* Positions 1.. and each stream's versions 1.. are gapless, heads are right, times never run back.
 * Returns the number of events. */
int64_t rig_check(void);

/* 127.0.0.1 and this port in the place of the server's. */
void rig_url_at_port(int port, char *url, size_t url_bytes);
int rig_server_port(void);

#endif
