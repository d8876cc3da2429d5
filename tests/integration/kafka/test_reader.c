/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/reader.h"

#include "tests/integration/kafka/kafka_fixture.h"

#include <stdio.h>
#include <stdlib.h>

Suite *kafka_reader_suite(void);

static char topic[FIXTURE_NAME_MAX];
static char transactional_id[FIXTURE_NAME_MAX];

static void setup(void)
{
    fixture_topic(topic, 3);
    fixture_name(transactional_id, "id");
}

static struct kafka_reader *reader_new(enum kafka_isolation isolation)
{
    struct kafka_reader *reader;
    struct error err = {0};

    ck_ok(kafka_reader_new(fixture_kafka(), isolation, &reader, &err));
    return reader;
}

static void expect_bounds(enum kafka_isolation isolation, int32_t partition, int64_t from,
                          int64_t to)
{
    SCOPED(kafka_reader_free) struct kafka_reader *reader = reader_new(isolation);
    struct kafka_range range = {.topic = topic, .partition = partition};
    struct error err = {0};

    ck_ok(kafka_reader_bounds(reader, &range, fixture_deadline(), &err));
    ck_assert_int_eq(range.from, from);
    ck_assert_int_eq(range.to, to);
}

START_TEST(an_open_transaction_parts_last_stable_offset_and_high_watermark)
{
    SCOPED(kafka_producer_free)
    struct kafka_producer *producer = fixture_producer(transactional_id);
    struct kafka_offset delivered;
    struct kafka_record record = {.topic = topic, .value = STR("open"), .delivered = &delivered};
    struct error err = {0};

    fixture_transaction(producer, topic, 0, 1, 2); /* and a control record: 3 offsets */
    fixture_await_markers(topic, 0);
    expect_bounds(KAFKA_READ_COMMITTED, 0, 0, 3);
    ck_ok(kafka_producer_begin(producer, &err));
    ck_ok(kafka_producer_produce(producer, &record, fixture_deadline(), &err));
    while (delivered.n < 0)
        kafka_producer_poll(producer, 10);
    expect_bounds(KAFKA_READ_COMMITTED, 0, 0, 3);
    expect_bounds(KAFKA_READ_UNCOMMITTED, 0, 0, 4);
    ck_ok(kafka_producer_commit(producer, fixture_deadline(), &err));
    fixture_await_markers(topic, 0);
    expect_bounds(KAFKA_READ_COMMITTED, 0, 0, 5);
}
END_TEST

struct seen {
    int count[3];
    int last[3];
    bool in_order;
};

static bool visit(void *arg, struct kafka_message **message, struct error *err)
{
    struct seen *seen = arg;
    int32_t partition = kafka_message_partition(*message);
    int value = (int)strtol(kafka_message_value(*message).data, NULL, 10);

    (void)err;
    seen->in_order = seen->in_order && value == seen->last[partition] + 1;
    seen->last[partition] = value;
    seen->count[partition]++;
    return true;
}

START_TEST(ranges_of_several_partitions_are_read_in_one_go)
{
    SCOPED(kafka_producer_free)
    struct kafka_producer *producer = fixture_producer(transactional_id);
    SCOPED(kafka_reader_free) struct kafka_reader *reader = reader_new(KAFKA_READ_COMMITTED);
    struct kafka_range ranges[3];
    struct seen seen = {.in_order = true};
    struct error err = {0};

    fixture_transaction(producer, topic, 0, 1, 100);
    fixture_transaction(producer, topic, 1, 1, 1);
    fixture_await_markers(topic, 0);
    fixture_await_markers(topic, 1);
    for (int i = 0; i < 3; i++) {
        ranges[i] = (struct kafka_range){.topic = topic, .partition = i};
        ck_ok(kafka_reader_bounds(reader, &ranges[i], fixture_deadline(), &err));
    }
    ck_ok(kafka_reader_read(reader, ranges, 3, visit, &seen, fixture_deadline(), &err));
    ck_assert(seen.in_order);
    ck_assert_int_eq(seen.count[0], 100);
    ck_assert_int_eq(seen.count[1], 1);
    ck_assert_int_eq(seen.count[2], 0);

    /* The same reader again, and a part only. */
    seen = (struct seen){.in_order = true, .last = {49}};
    ranges[0].from = 49;
    ranges[0].to = 60;
    ck_ok(kafka_reader_read(reader, ranges, 1, visit, &seen, fixture_deadline(), &err));
    ck_assert(seen.in_order);
    ck_assert_int_eq(seen.count[0], 11);
}
END_TEST

static bool refuse(void *arg, struct kafka_message **message, struct error *err)
{
    (void)arg;
    (void)message;
    return error_set(err, ERROR_POISON, "mine", "not this one");
}

START_TEST(a_visit_that_fails_ends_the_read)
{
    SCOPED(kafka_producer_free)
    struct kafka_producer *producer = fixture_producer(transactional_id);
    SCOPED(kafka_reader_free) struct kafka_reader *reader = reader_new(KAFKA_READ_COMMITTED);
    struct kafka_range range = {.topic = topic};
    struct error err = {0};

    fixture_transaction(producer, topic, 0, 1, 5);
    fixture_await_markers(topic, 0);
    ck_ok(kafka_reader_bounds(reader, &range, fixture_deadline(), &err));
    ck_assert(!kafka_reader_read(reader, &range, 1, refuse, NULL, fixture_deadline(), &err));
    ck_assert_str_eq(err.code, "mine");
}
END_TEST

START_TEST(the_newest_record_of_a_key_is_found_far_from_the_end)
{
    SCOPED(kafka_producer_free)
    struct kafka_producer *producer = fixture_producer(transactional_id);
    SCOPED(kafka_reader_free) struct kafka_reader *reader = reader_new(KAFKA_READ_COMMITTED);
    SCOPED(kafka_message_free) struct kafka_message *found = NULL;
    struct error err = {0};

    ck_ok(kafka_producer_begin(producer, &err));
    fixture_produce(producer, topic, 0, "mine", "old");
    fixture_produce(producer, topic, 0, "mine", "new");
    ck_ok(kafka_producer_commit(producer, fixture_deadline(), &err));
    fixture_transaction(producer, topic, 0, 1, 1000);
    fixture_await_markers(topic, 0);
    ck_ok(kafka_reader_find_key(reader, topic, 0, STR("mine"), fixture_deadline(), &found, &err));
    ck_assert(found != NULL);
    ck_assert(str_equal(kafka_message_value(found), STR("new")));

    kafka_message_free(TAKE(found));
    ck_ok(kafka_reader_find_key(reader, topic, 0, STR("absent"), fixture_deadline(), &found, &err));
    ck_assert(found == NULL);
    ck_ok(kafka_reader_find_key(reader, topic, 2, STR("mine"), fixture_deadline(), &found, &err));
    ck_assert(found == NULL);
}
END_TEST

START_TEST(a_missing_topic_is_said_to_be_missing)
{
    SCOPED(kafka_reader_free) struct kafka_reader *reader = reader_new(KAFKA_READ_COMMITTED);
    struct kafka_range range = {.topic = "test.no.such.topic"};
    struct error err = {0};

    ck_assert(!kafka_reader_bounds(reader, &range, fixture_deadline(), &err));
    ck_assert_str_eq(err.code, "kafka-no-topic");
}
END_TEST

Suite *kafka_reader_suite(void)
{
    Suite *suite = suite_create("kafka_reader");
    TCase *tcase = tcase_create("reader");

    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_set_timeout(tcase, 180);
    tcase_add_test(tcase, an_open_transaction_parts_last_stable_offset_and_high_watermark);
    tcase_add_test(tcase, ranges_of_several_partitions_are_read_in_one_go);
    tcase_add_test(tcase, a_visit_that_fails_ends_the_read);
    tcase_add_test(tcase, the_newest_record_of_a_key_is_found_far_from_the_end);
    tcase_add_test(tcase, a_missing_topic_is_said_to_be_missing);
    suite_add_tcase(suite, tcase);
    return suite;
}
