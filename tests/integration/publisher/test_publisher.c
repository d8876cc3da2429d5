/* SPDX-License-Identifier: Apache-2.0 */
#include "publisher/publisher.h"

#include "base/thread.h"
#include "publisher/control.h"
#include "tests/integration/publisher/log_verify.h"
#include "tests/support/await.h"

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

START_TEST(every_event_is_in_kafka_once_and_in_order)
{
    struct publisher *publisher;

    log_fixture_append(&logs, "order", 20, 500);
    publisher = log_fixture_start(&logs, "one");
    log_fixture_await(&logs);
    log_fixture_append(&logs, "order", 20, 50);
    log_fixture_await(&logs);
    publisher_stop(publisher);
    log_verify(&logs, "order");
}
END_TEST

START_TEST(a_restart_goes_on_where_it_was)
{
    for (int i = 0; i < 3; i++) {
        struct publisher *publisher = log_fixture_start(&logs, "one");

        log_fixture_append(&logs, "order", 20, 50);
        log_fixture_append(&logs, "stock", 5, 50);
        log_fixture_await(&logs);
        publisher_stop(publisher);
    }
    log_verify(&logs, "order stock");
}
END_TEST

START_TEST(a_backlog_larger_than_a_batch_is_published_in_order)
{
    struct publisher *publisher;

    for (int i = 0; i < 4; i++)
        log_fixture_append(&logs, i % 2 == 0 ? "order" : "stock", 300, 6000);
    publisher = log_fixture_start(&logs, "one");
    log_fixture_await(&logs);
    publisher_stop(publisher);
    log_verify(&logs, "order stock");
}
END_TEST

START_TEST(a_category_that_appears_while_running_gets_its_topic)
{
    struct publisher *publisher = log_fixture_start(&logs, "one");
    struct kafka_topic_setting settings[] = {{.key = "max.message.bytes"}, {.key = "retention.ms"}};
    SCOPED(kafka_admin_free) struct kafka_admin *admin = NULL;
    char topic[CURSOR_TOPIC_MAX];
    struct error err = {0};

    log_fixture_append(&logs, "order", 3, 10);
    log_fixture_await(&logs);
    log_fixture_append(&logs, "parcel", 3, 10);
    log_fixture_append(&logs, "order", 3, 10);
    log_fixture_await(&logs);
    publisher_stop(publisher);
    log_verify(&logs, "order parcel");

    log_fixture_topic(&logs, "parcel", topic);
    ck_ok(kafka_admin_new(fixture_kafka(), &admin, &err));
    ck_ok(kafka_admin_describe(admin, topic, settings, 2, fixture_deadline(), &err));
    ck_assert_str_eq(settings[0].value, "2097152");
    ck_assert_str_eq(settings[1].value, "604800000");
}
END_TEST

START_TEST(the_topics_of_configured_categories_are_made_before_any_event)
{
    static const char *const categories[] = {"order", "stock", NULL};
    struct publisher_config config = log_fixture_publisher(&logs, "one");
    SCOPED(kafka_admin_free) struct kafka_admin *admin = NULL;
    struct publisher *publisher;
    char topic[CURSOR_TOPIC_MAX];
    struct error err = {0};
    int32_t partitions = 0;

    config.categories = categories;
    ck_ok(publisher_start(&config, &publisher, &err));
    log_fixture_await_state(&logs, "running", "");
    publisher_stop(publisher);
    log_fixture_topic(&logs, "stock", topic);
    ck_ok(kafka_admin_new(fixture_kafka(), &admin, &err));
    ck_ok(kafka_admin_partitions(admin, topic, fixture_deadline(), &partitions, &err));
    ck_assert_int_eq(partitions, 3);
}
END_TEST

START_TEST(kafka_s_cursor_and_the_copy_say_the_same)
{
    struct publisher *publisher = log_fixture_start(&logs, "one");
    SCOPED(kafka_reader_free) struct kafka_reader *reader = NULL;
    SCOPED_VALUE(cursor_release) struct cursor cursor = {0};
    SCOPED_VALUE(cursor_release) struct cursor copy = {0};
    struct error err = {0};
    bool found = false;

    log_fixture_append(&logs, "order", 9, 100);
    log_fixture_await(&logs);
    publisher_stop(publisher);
    ck_ok(kafka_reader_new(fixture_kafka(), KAFKA_READ_COMMITTED, &reader, &err));
    for (struct await await = await_for(FIXTURE_TIMEOUT_MS);;) {
        cursor_release(&cursor);
        ck_ok(cursor_fetch(reader, logs.prefix, logs.log_id, fixture_deadline(), &cursor, &found,
                           &err));
        if (cursor.position.n >= 100)
            break;
        await_more(&await, "Kafka's cursor is at %lld", (long long)cursor.position.n);
    }
    ck_ok(cursor_load(logs.conn, &copy, &found, &err));
    ck_assert(found);
    ck_assert_int_eq(cursor.position.n, 100);
    ck_assert_str_eq(cursor.event_id, "event-100");
    ck_assert_int_eq(copy.position.n, 100);
    for (int32_t p = 0; p < 3; p++) {
        ck_assert_int_eq(cursor.topics[0].lanes[p].last.n, copy.topics[0].lanes[p].last.n);
        ck_assert_int_ge(copy.topics[0].lanes[p].offset.n, 0);
    }
}
END_TEST

START_TEST(the_other_takes_over_when_the_leader_stops)
{
    struct publisher *one = log_fixture_start(&logs, "one");
    struct publisher *two;
    struct publisher_status status;

    log_fixture_append(&logs, "order", 9, 10);
    log_fixture_await(&logs);
    two = log_fixture_start(&logs, "two");
    log_fixture_append(&logs, "order", 9, 10);
    log_fixture_await(&logs);
    publisher_status(two, &status);
    ck_assert_int_eq(status.state, PUBLISHER_STANDBY);
    publisher_stop(one);
    log_fixture_append(&logs, "order", 9, 10);
    log_fixture_await(&logs);
    publisher_status(two, &status);
    ck_assert_int_eq(status.state, PUBLISHER_RUNNING);
    publisher_stop(two);
    log_verify(&logs, "order");
}
END_TEST

/* A second one steals the lease and fences, as after a freeze of the first. */
START_TEST(two_who_both_believe_to_lead_lose_and_repeat_nothing)
{
    struct publisher *one = log_fixture_start(&logs, "one");
    struct publisher *two = log_fixture_start(&logs, "two");

    for (int i = 0; i < 12; i++) {
        database_run(logs.database, i % 2 == 0
                                        ? "update publisher_lease set holder = 'two', epoch = "
                                          "epoch + 1, expires_at = clock_timestamp() + '300 ms'"
                                        : "update publisher_lease set holder = 'one', epoch = "
                                          "epoch + 1, expires_at = clock_timestamp() + '300 ms'");
        log_fixture_append(&logs, "order", 9, 20);
        log_fixture_await(&logs);
    }
    publisher_stop(one);
    publisher_stop(two);
    log_verify(&logs, "order");
}
END_TEST

START_TEST(pause_and_resume_are_asked_through_the_database)
{
    struct publisher *publisher = log_fixture_start(&logs, "one");
    struct error err = {0};

    log_fixture_append(&logs, "order", 9, 10);
    log_fixture_await(&logs);
    ck_ok(publisher_pause(logs.conn, STR("somebody"), &err));
    log_fixture_await_state(&logs, "paused", "");
    log_fixture_append(&logs, "order", 9, 10);
    publisher_stop(publisher);

    publisher = log_fixture_start(&logs, "two");
    log_fixture_await_state(&logs, "paused", "");
    ck_assert_int_eq(log_visible(&logs, "order"), 10);
    ck_ok(publisher_resume(logs.conn, STR("somebody"), &err));
    log_fixture_await(&logs);
    publisher_stop(publisher);
    log_verify(&logs, "order");
}
END_TEST

/* Nobody polls here: the writer's signal is what wakes it, and its own wakes who waits for it. */
START_TEST(signals_wake_it_and_its_readers)
{
    struct publisher_config config = log_fixture_publisher(&logs, "one");
    SCOPED(signal_free) struct signal *appended = signal_new();
    SCOPED(signal_free) struct signal *published = signal_new();
    struct publisher *publisher;
    struct error err = {0};
    uint64_t seen = 0;

    config.appended = appended;
    config.published = published;
    config.poll_interval_ms = 3600 * 1000;
    ck_ok(publisher_start(&config, &publisher, &err));
    log_fixture_await_state(&logs, "running", "");
    log_fixture_append(&logs, "order", 9, 10);
    signal_raise(appended);
    ck_assert(signal_wait(published, &seen, FIXTURE_TIMEOUT_MS));
    log_fixture_await(&logs);
    signal_raise(appended);
    publisher_stop(publisher);
}
END_TEST

Suite *publisher_publisher_suite(void)
{
    Suite *suite = suite_create("publisher_publisher");
    TCase *tcase = tcase_create("publisher");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 240);
    tcase_add_test(tcase, every_event_is_in_kafka_once_and_in_order);
    tcase_add_test(tcase, a_restart_goes_on_where_it_was);
    tcase_add_test(tcase, a_backlog_larger_than_a_batch_is_published_in_order);
    tcase_add_test(tcase, a_category_that_appears_while_running_gets_its_topic);
    tcase_add_test(tcase, the_topics_of_configured_categories_are_made_before_any_event);
    tcase_add_test(tcase, kafka_s_cursor_and_the_copy_say_the_same);
    tcase_add_test(tcase, the_other_takes_over_when_the_leader_stops);
    tcase_add_test(tcase, two_who_both_believe_to_lead_lose_and_repeat_nothing);
    tcase_add_test(tcase, pause_and_resume_are_asked_through_the_database);
    tcase_add_test(tcase, signals_wake_it_and_its_readers);
    suite_add_tcase(suite, tcase);
    return suite;
}
