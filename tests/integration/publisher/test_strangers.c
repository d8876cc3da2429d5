/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records behind ours that no publisher of this log wrote. They are scanned back over, whatever
 * they claim; but where another log publishes, this one does not.
 */
#include <stdio.h>

#include "publisher/control.h"
#include "tests/integration/publisher/hand.h"
#include "tests/integration/publisher/log_verify.h"
#include "tests/support/expect.h"

Suite *publisher_strangers_suite(void);

enum { FIRST = 60, PARTITIONS = 3, WINDOWS = 700 /* wider than the first two looks back */ };

static struct log_fixture logs;
static struct hand hand;

static void setup(void)
{
    log_fixture_open(&logs);
    log_fixture_publish(&logs, FIRST);
    hand_open(&hand, &logs);
}

static void teardown(void)
{
    hand_close(&hand);
    log_fixture_close(&logs);
}

/* OURS: the log's own source. */
#define OURS ""

static const struct hand_forgery forgeries[] = {
    {.source = NULL},
    {.source = "/elsewhere/orders", .id = "event-7", .position = "7"},
    {.source = OURS, .id = "nobody", .position = "90"},   /* above the head */
    {.source = OURS, .id = "nobody", .position = "60"},   /* another id there */
    {.source = OURS, .id = "event-7", .position = "60"},  /* the id of another position */
    {.source = OURS, .id = "event-60", .position = "-1"}, /* no position */
    {.source = OURS, .id = "event-60", .position = "9223372036854775808"},
    {.source = OURS, .id = NULL, .position = "60"},
    {.source = OURS, .id = "event-60", .position = NULL},
    {.source = OURS, .id = "nobody", .position = "60", .count = WINDOWS},
    {.source = NULL, .count = WINDOWS},
};

START_TEST(a_stranger_s_records_are_scanned_back_over)
{
    struct hand_forgery forgery = forgeries[_i];

    if (forgery.source != NULL && forgery.source[0] == '\0')
        forgery.source = hand.identity.source;
    for (int32_t p = 0; p < PARTITIONS; p++)
        hand_forge(&hand, "order", p, forgery);
    log_fixture_publish(&logs, 40);
    log_fixture_publish(&logs, 20);
    log_verify(&logs, "order");
}
END_TEST

/* Between a torn transaction and the end of its partitions. */
START_TEST(a_torn_transaction_is_found_behind_them)
{
    log_fixture_append(&logs, "order", 20, 40);
    hand_write(&hand, (struct hand_transaction){.up_to = 90, .partitions = 1 << 0 | 1 << 1});
    for (int32_t p = 0; p < PARTITIONS; p++)
        hand_forge(&hand, "order", p,
                   (struct hand_forgery){hand.identity.source, "nobody", "95", WINDOWS});
    log_fixture_publish(&logs, 20);
    log_verify(&logs, "order");
}
END_TEST

static void accept_new_log(const char *prefix)
{
    struct accept_request request = {
        .kind = ACCEPT_NEW_LOG, .prefix = str_of(prefix), .by = STR("somebody")};
    struct error err = {0};

    ck_ok(publisher_accept(logs.conn, &request, &err));
}

START_TEST(where_another_log_publishes_this_one_stops)
{
    struct publisher *publisher;
    char prefix[FIXTURE_NAME_MAX];

    hand_forge(&hand, "order", 1,
               (struct hand_forgery){"/daybook/01970000-0000-7000-8000-000000000000", "a", "1", 1});
    publisher = log_fixture_start(&logs, "two");
    log_fixture_await_state(&logs, "stopped", "topic-foreign");
    log_fixture_append(&logs, "order", 20, 10);
    ck_assert_int_eq(log_visible(&logs, "order"), FIRST);
    fixture_name(prefix, "log");
    accept_new_log(prefix);
    log_fixture_await(&logs);
    publisher_stop(publisher);
    log_fixture_identify(&logs);
    ck_assert_str_eq(logs.prefix, prefix);
    log_verify(&logs, "order");
}
END_TEST

/* A second installation that was given the first one's prefix. */
START_TEST(a_second_log_under_one_prefix_writes_nothing)
{
    struct log_fixture second;
    struct publisher *publisher;
    char sql[256];

    log_fixture_open(&second);
    snprintf(sql, sizeof(sql), "update log_info set prefix = '%s'", logs.prefix);
    database_run(second.database, sql);
    log_fixture_append(&second, "order", 20, 30);
    publisher = log_fixture_start(&second, "second");
    log_fixture_await_state(&second, "stopped", "topic-foreign");
    publisher_stop(publisher);
    log_fixture_close(&second);
    log_fixture_publish(&logs, 20); /* and the first goes on as if nothing had been */
    log_verify(&logs, "order");
}
END_TEST

Suite *publisher_strangers_suite(void)
{
    Suite *suite = suite_create("publisher_strangers");
    TCase *tcase = tcase_create("strangers");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 240);
    tcase_add_loop_test(tcase, a_stranger_s_records_are_scanned_back_over, 0, COUNT_OF(forgeries));
    tcase_add_test(tcase, a_torn_transaction_is_found_behind_them);
    tcase_add_test(tcase, where_another_log_publishes_this_one_stops);
    tcase_add_test(tcase, a_second_log_under_one_prefix_writes_nothing);
    suite_add_tcase(suite, tcase);
    return suite;
}
