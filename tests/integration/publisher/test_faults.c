/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes killed, connections cut, the broker gone: nothing is lost or repeated.
 * Runs alone: it stops the broker that all tests share.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/metrics.h"
#include "base/buf.h"
#include "base/clock.h"
#include "tests/integration/publisher/log_verify.h"
#include "tests/support/await.h"

Suite *publisher_faults_suite(void);

enum { KILLS = 20, CUTS = 40 };

static struct log_fixture logs;

static void setup(void)
{
    log_fixture_open(&logs);
}

static void teardown(void)
{
    fixture_control("start", "kafka"); /* whatever a test that failed left */
    log_fixture_close(&logs);
}

/* A publisher in a process of its own, which nobody can stop but by a signal. */
static pid_t fork_publisher(void)
{
    pid_t pid = fork();

    if (pid != 0)
        return pid;
    log_fixture_start(&logs, "one");
    for (;;)
        pause();
}

START_TEST(a_killed_publisher_leaves_nothing_lost_and_nothing_twice)
{
    for (int i = 0; i < KILLS; i++) {
        pid_t pid = fork_publisher();
        int64_t published =
            log_fixture_number(&logs, "select coalesce(max(position), 0) from publisher_cursor");

        log_fixture_append(&logs, i % 2 == 0 ? "order" : "stock", 30, 400);
        if (i % 2 == 0) /* in the middle of its start, or of its work */
            await_any_moment(200);
        else
            for (int64_t end_ms = fixture_deadline();
                 log_fixture_number(&logs,
                                    "select coalesce(max(position), 0) from publisher_cursor") ==
                     published &&
                 clock_monotonic_ms() < end_ms;)
                log_fixture_append(&logs, "order", 30, 50);
        ck_assert_int_eq(kill(pid, SIGKILL), 0);
        ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    }

    struct publisher *publisher = log_fixture_start(&logs, "one");
    log_fixture_await(&logs);
    publisher_stop(publisher);
    log_verify(&logs, "order stock");
}
END_TEST

static double producers_made(void)
{
    SCOPED_VALUE(buf_release) struct buf out = BUF_INIT(1 << 20);
    const char *line;

    metrics_write(&out);
    buf_add_char(&out, '\0');
    line = strstr(out.data, "\ndaybook_publisher_producers_total ");
    ck_assert_ptr_nonnull(line);
    return strtod(strchr(line, ' '), NULL);
}

START_TEST(every_connection_cut_makes_a_new_producer)
{
    struct publisher *publisher = log_fixture_start(&logs, "one");

    log_fixture_append(&logs, "order", 30, 10);
    log_fixture_await(&logs);
    ck_assert_double_eq(producers_made(), 1);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_gt(fixture_cut_kafka(), 0);
        log_fixture_append(&logs, "order", 30, 10);
        log_fixture_await(&logs);
        ck_assert_double_ge(producers_made(), i + 2);
    }
    publisher_stop(publisher);
    log_verify(&logs, "order");
}
END_TEST

START_TEST(connections_cut_at_random_lose_and_repeat_nothing)
{
    struct publisher *publisher = log_fixture_start(&logs, "one");

    for (int i = 0; i < CUTS; i++) {
        log_fixture_append(&logs, "order", 30, 300);
        log_fixture_append(&logs, "stock", 30, 30);
        await_any_moment(60);
        fixture_cut_kafka();
    }
    log_fixture_await(&logs);
    publisher_stop(publisher);
    log_verify(&logs, "order stock");
}
END_TEST

/* Right behind a commit: a broker that was still to write the markers may drop them when it comes
 * back, and then a transaction hangs that only another one of ours ends. */
START_TEST(a_broker_killed_behind_a_commit_is_waited_for)
{
    struct publisher *publisher = log_fixture_start(&logs, "one");

    log_fixture_append(&logs, "order", 30, 10000);
    log_fixture_await_position(&logs, 1);
    fixture_control("kill", "kafka");
    log_fixture_append(&logs, "order", 30, 100);
    log_fixture_await_state(&logs, "retrying", "kafka-timed-out");
    fixture_control("start", "kafka");
    log_fixture_append(&logs, "order", 30, 100);
    log_fixture_await(&logs);
    publisher_stop(publisher);
    log_verify(&logs, "order");
}
END_TEST

START_TEST(it_starts_and_stops_without_a_broker_in_time)
{
    struct publisher_config config = log_fixture_publisher(&logs, "one");
    struct kafka_pair pairs[1];
    struct publisher *publisher;
    struct error err = {0};
    int64_t began_ms;

    config.kafka = fixture_kafka_at("127.0.0.1:9", pairs);
    ck_ok(publisher_start(&config, &publisher, &err));
    log_fixture_await_state(&logs, "starting", "");
    began_ms = clock_monotonic_ms();
    publisher_stop(publisher);
    ck_assert_int_lt(clock_monotonic_ms() - began_ms, 3000);
}
END_TEST

START_TEST(it_starts_and_stops_without_a_database_in_time)
{
    struct publisher_config config = log_fixture_publisher(&logs, "one");
    struct publisher *publisher;
    struct publisher_status status;
    struct error err = {0};

    config.postgres.url = "postgresql://daybook@127.0.0.1:9/none";
    ck_ok(publisher_start(&config, &publisher, &err));
    publisher_status(publisher, &status);
    ck_assert_int_eq(status.state, PUBLISHER_STANDBY);
    publisher_stop(publisher);
}
END_TEST

START_TEST(a_database_connection_lost_is_made_again)
{
    struct publisher *publisher = log_fixture_start(&logs, "one");

    for (int i = 0; i < 5; i++) {
        log_fixture_append(&logs, "order", 30, 200);
        await_any_moment(60);
        log_fixture_number(&logs, "select count(pg_terminate_backend(pid)) from pg_stat_activity "
                                  "where datname = current_database() and pid <> pg_backend_pid()");
    }
    log_fixture_await(&logs);
    publisher_stop(publisher);
    log_verify(&logs, "order");
}
END_TEST

Suite *publisher_faults_suite(void)
{
    Suite *suite = suite_create("publisher_faults");
    TCase *tcase = tcase_create("faults");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 300);
    tcase_add_test(tcase, a_killed_publisher_leaves_nothing_lost_and_nothing_twice);
    tcase_add_test(tcase, every_connection_cut_makes_a_new_producer);
    tcase_add_test(tcase, connections_cut_at_random_lose_and_repeat_nothing);
    tcase_add_test(tcase, a_broker_killed_behind_a_commit_is_waited_for);
    tcase_add_test(tcase, it_starts_and_stops_without_a_broker_in_time);
    tcase_add_test(tcase, it_starts_and_stops_without_a_database_in_time);
    tcase_add_test(tcase, a_database_connection_lost_is_made_again);
    suite_add_tcase(suite, tcase);
    return suite;
}
