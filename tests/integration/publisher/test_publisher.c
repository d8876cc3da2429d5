/* SPDX-License-Identifier: Apache-2.0 */
#include "publisher/publisher.h"

#include "tests/integration/publisher/log_fixture.h"

Suite *publisher_publisher_suite(void);

static struct log_fixture logs;

static void setup(void)
{
    log_fixture_open(&logs);
}

static void teardown(void)
{
    log_fixture_close(&logs);
}

static struct publisher *start(const char *instance)
{
    struct publisher_config config = log_fixture_publisher(&logs, instance);
    struct publisher *publisher;
    struct error err = {0};

    ck_ok(publisher_start(&config, &publisher, &err));
    return publisher;
}

START_TEST(every_event_is_in_kafka_once_and_in_order)
{
    struct publisher *publisher;

    log_fixture_append(&logs, "order", 20, 500);
    publisher = start("one");
    log_fixture_await(&logs);
    log_fixture_append(&logs, "order", 20, 50);
    log_fixture_await(&logs);
    publisher_stop(publisher);
    log_fixture_verify(&logs, "order");
}
END_TEST

START_TEST(a_restart_goes_on_where_it_was)
{
    for (int i = 0; i < 3; i++) {
        struct publisher *publisher = start("one");

        log_fixture_append(&logs, "order", 20, 50);
        log_fixture_append(&logs, "stock", 5, 50);
        log_fixture_await(&logs);
        publisher_stop(publisher);
    }
    log_fixture_verify(&logs, "order stock");
}
END_TEST

Suite *publisher_publisher_suite(void)
{
    Suite *suite = suite_create("publisher_publisher");
    TCase *tcase = tcase_create("publisher");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 90);
    tcase_add_test(tcase, every_event_is_in_kafka_once_and_in_order);
    tcase_add_test(tcase, a_restart_goes_on_where_it_was);
    suite_add_tcase(suite, tcase);
    return suite;
}
