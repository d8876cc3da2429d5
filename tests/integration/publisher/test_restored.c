/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A database that is an older, or another, state of the log than Kafka has: a copy made before more
 * was appended and published.
 */
#include <stdio.h>

#include "publisher/control.h"
#include "tests/integration/publisher/log_fixture.h"
#include "tests/integration/publisher/log_verify.h"

Suite *publisher_restored_suite(void);

enum { FIRST = 60, LATER = 40 };

static struct log_fixture logs;
static struct log_fixture copy;
static struct publisher *publisher;

static void setup(void)
{
    log_fixture_open(&logs);
    log_fixture_publish(&logs, FIRST);
    log_fixture_copy(&copy, &logs);
    log_fixture_publish(&logs, LATER);
}

static void teardown(void)
{
    publisher_stop(publisher);
    publisher = NULL;
    log_fixture_close(&copy);
    log_fixture_close(&logs);
}

static void accept_new_log(char prefix[FIXTURE_NAME_MAX])
{
    struct accept_request request = {.kind = ACCEPT_NEW_LOG, .by = STR("somebody")};
    struct error err = {0};

    fixture_name(prefix, "log");
    request.prefix = str_of(prefix);
    ck_ok(publisher_accept(copy.conn, &request, &err));
}

static bool may_accept(enum accept_kind kind)
{
    struct accept_request request = {.kind = kind, .by = STR("somebody")};
    struct error err = {0};

    return publisher_accept(copy.conn, &request, &err);
}

/* Published from 1 under another name; the topics of before stay as they were. */
static void goes_on_as_another_log(void)
{
    char prefix[FIXTURE_NAME_MAX], id[UUID_TEXT_LEN + 1];

    snprintf(id, sizeof(id), "%s", copy.log_id);
    accept_new_log(prefix);
    log_fixture_await_state(&copy, "running", "");
    log_fixture_await(&copy);
    log_fixture_identify(&copy);
    ck_assert_str_eq(copy.prefix, prefix);
    ck_assert_str_ne(copy.log_id, id);
    log_fixture_append(&copy, "order", 20, LATER);
    log_fixture_await(&copy);
    log_verify(&copy, "order");
    log_verify(&logs, "order");
}

START_TEST(a_log_that_ends_before_kafka_s_cursor_stops)
{
    publisher = log_fixture_start(&copy, "restored");
    log_fixture_await_state(&copy, "stopped", "log-behind");
    ck_assert(!may_accept(ACCEPT_LOSS));
    goes_on_as_another_log();
}
END_TEST

/* It was written to before anybody looked: the position is there, with another event. */
START_TEST(a_log_with_another_event_at_the_cursor_s_position_stops)
{
    log_fixture_append(&copy, "order", 20, LATER + 10);
    database_run(copy.database, "update events set id = 'other-' || position where position > 60");
    publisher = log_fixture_start(&copy, "restored");
    log_fixture_await_state(&copy, "stopped", "log-differs");
    ck_assert(!may_accept(ACCEPT_LOSS));
    goes_on_as_another_log();
}
END_TEST

/* The standby catches up, or the right backup is found: the same events are there after all. */
START_TEST(a_log_that_catches_up_needs_a_retry_only)
{
    publisher = log_fixture_start(&copy, "restored");
    log_fixture_await_state(&copy, "stopped", "log-behind");
    log_fixture_append(&copy, "order", 20, LATER + 10); /* ids follow from positions */
    ck_assert(may_accept(ACCEPT_RETRY));
    log_fixture_await(&copy);
    log_verify(&copy, "order");
}
END_TEST

/* The database is replaced under a running publisher: it looks again after each reconnect. */
START_TEST(a_log_that_goes_back_under_a_running_publisher_is_seen)
{
    publisher = log_fixture_start(&logs, "one");
    log_fixture_await_state(&logs, "running", "");
    database_run(logs.database,
                 "delete from events where position > 60; update log_head set position = 60;"
                 " delete from streams where first_position > 60;"
                 " update streams s set version = e.version, last_position = e.position"
                 "  from (select stream_id, max(version) as version, max(position) as position"
                 "  from events group by stream_id) e where e.stream_id = s.id");
    log_fixture_number(&logs, "select count(pg_terminate_backend(pid)) from pg_stat_activity"
                              " where datname = current_database() and pid <> pg_backend_pid()");
    log_fixture_await_state(&logs, "stopped", "log-behind");
}
END_TEST

Suite *publisher_restored_suite(void)
{
    Suite *suite = suite_create("publisher_restored");
    TCase *tcase = tcase_create("restored");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 240);
    tcase_add_test(tcase, a_log_that_ends_before_kafka_s_cursor_stops);
    tcase_add_test(tcase, a_log_with_another_event_at_the_cursor_s_position_stops);
    tcase_add_test(tcase, a_log_that_catches_up_needs_a_retry_only);
    tcase_add_test(tcase, a_log_that_goes_back_under_a_running_publisher_is_seen);
    suite_add_tcase(suite, tcase);
    return suite;
}
