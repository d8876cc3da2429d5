/* SPDX-License-Identifier: Apache-2.0 */
#include "publisher/record.h"

#include <check.h>

#include "tests/support/expect.h"

Suite *publisher_record_suite(void);

static struct cursor_lane lanes[3];
static struct cursor_topic topic = {.category = "order", .topic = "daybook.order", .lanes = lanes};
static struct event event;
static struct record_space space;

static void setup(void)
{
    event = (struct event){
        .position = POSITION(1234),
        .version = VERSION(7),
        .occurred_at_us = 1764000000123456,
        .recorded_at_us = 1764000001000000,
        .id = STR("the id"),
        .type = STR("OrderPlaced"),
        .tenant = STR("main"),
        .stream = STR("order-1"),
        .data = STR("{ \"spaces\" : 1 }"),
    };
}

static struct kafka_record encode(void)
{
    struct plan_record planned = {&event, &topic, 2, POSITION(1200)};

    return record_encode(&planned, "/daybook/the-log", &space);
}

static void expect(const struct kafka_record *record, const char *name, const char *value)
{
    for (size_t i = 0; i < record->headers_count; i++) {
        if (strcmp(record->headers[i].name, name) != 0)
            continue;
        ck_assert_ptr_nonnull(value);
        EXPECT_STR(record->headers[i].value, value);
        return;
    }
    ck_assert_msg(value == NULL, "no header %s", name);
}

START_TEST(it_is_a_cloud_event_in_binary_mode)
{
    struct kafka_record record = encode();

    ck_assert_str_eq(record.topic, "daybook.order");
    ck_assert_int_eq(record.partition, 2);
    EXPECT_STR(record.key, "main/order-1");
    EXPECT_STR(record.value, "{ \"spaces\" : 1 }");
    expect(&record, "ce_id", "the id");
    expect(&record, "ce_source", "/daybook/the-log");
    expect(&record, "ce_specversion", "1.0");
    expect(&record, "ce_type", "OrderPlaced");
    expect(&record, "ce_subject", "order-1");
    expect(&record, "ce_time", "2025-11-24T16:00:00.123456Z");
    expect(&record, "ce_recordedtime", "2025-11-24T16:00:01Z");
    expect(&record, "ce_sequence", "00000000000000001234");
    expect(&record, "ce_streamversion", "7");
    expect(&record, "ce_globalposition", "1234");
    expect(&record, "ce_previousposition", "1200");
    expect(&record, "ce_tenantid", "main");
    expect(&record, "content-type", "application/json");
    ck_assert_uint_eq(record.headers_count, 13);
}
END_TEST

START_TEST(where_it_came_from_is_told_if_it_is_known)
{
    struct kafka_record record;

    event.origin = (struct origin){.correlation_id = STR("c1"),
                                   .causation_id = STR("c2"),
                                   .request_id = STR("r"),
                                   .traceparent = STR("00-1-2-01")};
    record = encode();
    expect(&record, "ce_correlationid", "c1");
    expect(&record, "ce_causationid", "c2");
    expect(&record, "traceparent", "00-1-2-01");
    ck_assert_uint_eq(record.headers_count, 16);
}
END_TEST

START_TEST(the_longest_numbers_fit)
{
    struct kafka_record record;

    event.position = POSITION(INT64_MAX);
    event.version = VERSION(INT64_MAX);
    record = encode();
    expect(&record, "ce_sequence", "09223372036854775807");
    expect(&record, "ce_streamversion", "9223372036854775807");
}
END_TEST

START_TEST(a_dead_letter_s_errors_become_headers)
{
    struct kafka_record record;

    event.stream = STR("dlq-orders");
    event.metadata =
        STR("{\"__dlq.errors.topic\":\"daybook.order\",\"__dlq.errors.partition\":\"3\","
            "\"__dlq.errors.offset\":\"12\",\"__dlq.errors.group\":\"g\","
            "\"__dlq.errors.delivery.count\":\"3\",\"__dlq.errors.message\":\"why\"}");
    record = encode();
    expect(&record, "__dlq.errors.topic", "daybook.order");
    expect(&record, "__dlq.errors.partition", "3");
    expect(&record, "__dlq.errors.offset", "12");
    expect(&record, "__dlq.errors.group", "g");
    expect(&record, "__dlq.errors.delivery.count", "3");
    expect(&record, "__dlq.errors.message", "why");
    ck_assert_uint_eq(record.headers_count, 13 + 6);
    /* Of no other category, whatever its metadata says. */
    event.stream = STR("order-1");
    ck_assert_uint_eq(encode().headers_count, 13);
}
END_TEST

Suite *publisher_record_suite(void)
{
    Suite *suite = suite_create("publisher_record");
    TCase *tcase = tcase_create("record");

    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, it_is_a_cloud_event_in_binary_mode);
    tcase_add_test(tcase, where_it_came_from_is_told_if_it_is_known);
    tcase_add_test(tcase, the_longest_numbers_fit);
    tcase_add_test(tcase, a_dead_letter_s_errors_become_headers);
    suite_add_tcase(suite, tcase);
    return suite;
}
