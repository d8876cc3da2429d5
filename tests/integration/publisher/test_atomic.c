/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events and cursor are one transaction: where Kafka refuses a part of it, none of it is visible.
 */
#include "tests/integration/kafka/operator.h"
#include "tests/integration/publisher/log_verify.h"
#include "tests/support/expect.h"

Suite *publisher_atomic_suite(void);

enum { FIRST = 60, MORE = 40 };

static struct log_fixture logs;
static struct publisher *publisher;

static void setup(void)
{
    log_fixture_open(&logs);
    publisher = log_fixture_start(&logs, "one");
    log_fixture_append(&logs, "order", 20, FIRST);
    log_fixture_await(&logs);
}

static void teardown(void)
{
    publisher_stop(publisher);
    publisher = NULL;
    log_fixture_close(&logs);
}

static const struct {
    const char *category;
    const char *policy;
} parts[] = {{"cursor", "compact"}, {"order", "delete"}};

/* BYTES_MAX: of a batch that the topic takes. */
static void configure(int part, const char *bytes_max)
{
    const struct kafka_pair settings[] = {
        {"cleanup.policy", parts[part].policy},
        {"max.message.bytes", bytes_max},
    };
    char topic[CURSOR_TOPIC_MAX];

    log_fixture_topic(&logs, parts[part].category, topic);
    operator_configure(topic, settings, 2);
}

static int64_t cursor_in_kafka(void)
{
    SCOPED(kafka_reader_free) struct kafka_reader *reader = NULL;
    SCOPED_VALUE(cursor_release) struct cursor cursor = {0};
    struct error err = {0};
    bool found;

    ck_ok(kafka_reader_new(fixture_kafka(), KAFKA_READ_COMMITTED, &reader, &err));
    ck_ok(
        cursor_fetch(reader, logs.prefix, logs.log_id, fixture_deadline(), &cursor, &found, &err));
    ck_assert(found);
    return cursor.position.n;
}

/* Both orders: events that would be visible without their cursor, a cursor without its events. */
START_TEST(what_kafka_refuses_a_part_of_is_not_there_at_all)
{
    configure(_i, "100");
    log_fixture_append(&logs, "order", 20, MORE);
    log_fixture_await_state(&logs, "retrying", "kafka-refused");
    ck_assert_int_eq(log_visible(&logs, "order"), FIRST);
    ck_assert_int_eq(cursor_in_kafka(), FIRST);
    configure(_i, "2097152");
    log_fixture_await(&logs);
    log_verify(&logs, "order");
    ck_assert_int_eq(cursor_in_kafka(), FIRST + MORE);
}
END_TEST

Suite *publisher_atomic_suite(void)
{
    Suite *suite = suite_create("publisher_atomic");
    TCase *tcase = tcase_create("atomic");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 240);
    tcase_add_loop_test(tcase, what_kafka_refuses_a_part_of_is_not_there_at_all, 0,
                        COUNT_OF(parts));
    suite_add_tcase(suite, tcase);
    return suite;
}
