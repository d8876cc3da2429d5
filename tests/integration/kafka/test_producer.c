/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/producer.h"

#include "base/clock.h"
#include "tests/integration/kafka/kafka_fixture.h"

#include <string.h>

Suite *kafka_producer_suite(void);

static char topic[FIXTURE_NAME_MAX];
static char transactional_id[FIXTURE_NAME_MAX];

static void setup(void)
{
    fixture_topic(topic, 2);
    fixture_name(transactional_id, "id");
}

START_TEST(a_committed_transaction_is_seen_in_order)
{
    SCOPED(kafka_producer_free)
    struct kafka_producer *producer = fixture_producer(transactional_id);
    char values[64];

    fixture_transaction(producer, topic, 0, 1, 3);
    fixture_transaction(producer, topic, 0, 4, 2);
    fixture_values(topic, 0, KAFKA_READ_COMMITTED, values, sizeof(values));
    ck_assert_str_eq(values, "1 2 3 4 5");
}
END_TEST

START_TEST(what_a_producer_leaves_open_is_aborted_by_the_next_of_its_id)
{
    struct kafka_producer *first = fixture_producer(transactional_id);
    struct error err = {0};
    struct kafka_offset delivered;
    struct kafka_record record = {.topic = topic, .value = STR("lost"), .delivered = &delivered};
    char values[64];

    ck_ok(kafka_producer_prepare(first, topic, fixture_deadline(), &err));
    ck_ok(kafka_producer_begin(first, &err));
    ck_ok(kafka_producer_produce(first, &record, fixture_deadline(), &err));
    ck_assert_int_eq(delivered.n, -1);
    for (int64_t end = fixture_deadline(); delivered.n < 0 && clock_monotonic_ms() < end;)
        kafka_producer_poll(first, 10);
    ck_assert_int_eq(delivered.n, 0);
    kafka_producer_free(first);

    SCOPED(kafka_producer_free) struct kafka_producer *second = fixture_producer(transactional_id);
    fixture_transaction(second, topic, 0, 1, 1);
    fixture_values(topic, 0, KAFKA_READ_COMMITTED, values, sizeof(values));
    ck_assert_str_eq(values, "1");
    fixture_values(topic, 0, KAFKA_READ_UNCOMMITTED, values, sizeof(values));
    ck_assert_str_eq(values, "lost 1");
}
END_TEST

START_TEST(a_fenced_producer_is_told_so)
{
    SCOPED(kafka_producer_free) struct kafka_producer *first = fixture_producer(transactional_id);
    struct kafka_record record = {.topic = topic, .value = STR("late")};
    struct error err = {0};
    char values[64];

    ck_ok(kafka_producer_begin(first, &err));
    SCOPED(kafka_producer_free) struct kafka_producer *second = fixture_producer(transactional_id);
    ck_assert(!kafka_producer_produce(first, &record, fixture_deadline(), &err) ||
              !kafka_producer_commit(first, fixture_deadline(), &err));
    ck_assert_msg(err.class == ERROR_FENCED, "%s: %s", error_class_name(err.class), err.text);
    ck_assert_uint_gt(kafka_producer_doubt(first).errors, 0);
    ck_assert_uint_eq(kafka_producer_doubt(second).errors, 0);
    fixture_values(topic, 0, KAFKA_READ_COMMITTED, values, sizeof(values));
    ck_assert_str_eq(values, "");
}
END_TEST

START_TEST(a_producer_that_only_worked_is_not_in_doubt)
{
    SCOPED(kafka_producer_free)
    struct kafka_producer *producer = fixture_producer(transactional_id);
    struct kafka_doubt doubt;

    for (int i = 0; i < 20; i++)
        fixture_transaction(producer, topic, i % 2, i, 1);
    doubt = kafka_producer_doubt(producer);
    ck_assert_uint_eq(doubt.closed_sockets, 0);
    ck_assert_uint_eq(doubt.errors, 0);
}
END_TEST

START_TEST(calls_end_at_their_deadline_without_a_broker)
{
    struct kafka_pair pairs[1];
    struct kafka_config nowhere = fixture_kafka_at("127.0.0.1:9", pairs);
    struct kafka_producer_config config = {
        .kafka = &nowhere,
        .transactional_id = transactional_id,
        .transaction_timeout_ms = 15000,
        .message_bytes_max = 1 << 20,
    };
    SCOPED(kafka_producer_free) struct kafka_producer *producer = NULL;
    struct error err = {0};

    ck_ok(kafka_producer_new(&config, &producer, &err));
    ck_assert(!kafka_producer_init(producer, clock_monotonic_ms() + 300, &err));
    ck_assert_int_eq(err.class, ERROR_TRANSIENT);
    ck_assert_str_eq(err.code, "kafka-timed-out");
    ck_assert_msg(strstr(err.text, "Connection refused") != NULL, "%s", err.text);
}
END_TEST

Suite *kafka_producer_suite(void)
{
    Suite *suite = suite_create("kafka_producer");
    TCase *tcase = tcase_create("producer");

    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_set_timeout(tcase, 180);
    tcase_add_test(tcase, a_committed_transaction_is_seen_in_order);
    tcase_add_test(tcase, what_a_producer_leaves_open_is_aborted_by_the_next_of_its_id);
    tcase_add_test(tcase, a_fenced_producer_is_told_so);
    tcase_add_test(tcase, a_producer_that_only_worked_is_not_in_doubt);
    tcase_add_test(tcase, calls_end_at_their_deadline_without_a_broker);
    suite_add_tcase(suite, tcase);
    return suite;
}
