/* SPDX-License-Identifier: Apache-2.0 */
#include "eventlog/cloud_event.h"

#include "base/buf.h"
#include "base/json.h"

#include <check.h>

static struct buf out;

static void setup(void)
{
    json_setup();
    buf_init(&out, 1 << 20);
}

static void teardown(void)
{
    buf_release(&out);
}

static struct event whole(void)
{
    return (struct event){
        .position = {4711},
        .version = {7},
        .occurred_at_us = 1700000000000000,
        .recorded_at_us = 1700000000250000,
        .id = STR("id-1"),
        .type = STR("OrderPaid"),
        .tenant = STR("main"),
        .stream = STR("order-1"),
        .data = STR("{ \"n\" : 1.50 }"),
        .metadata = STR("{\"who\":\"x\"}"),
        .origin = {.correlation_id = STR("c"),
                   .causation_id = STR("k"),
                   .request_id = STR("r"),
                   .traceparent = STR("00-1-2-01")},
    };
}

static void ck_out(const char *text)
{
    ck_assert_msg(str_equal(buf_str(&out), str_of(text)), STR_FMT, STR_ARG(buf_str(&out)));
}

START_TEST(all_attributes_and_the_data_byte_for_byte)
{
    struct event event = whole();

    cloud_event_write(&event, STR("/daybook/u"), &out);
    ck_out("{\"specversion\":\"1.0\",\"id\":\"id-1\",\"source\":\"/daybook/u\","
           "\"type\":\"OrderPaid\",\"subject\":\"order-1\",\"time\":\"2023-11-14T22:13:20Z\","
           "\"datacontenttype\":\"application/json\","
           "\"recordedtime\":\"2023-11-14T22:13:20.25Z\","
           "\"sequence\":\"00000000000000004711\",\"streamversion\":\"7\","
           "\"globalposition\":\"4711\",\"tenantid\":\"main\",\"correlationid\":\"c\","
           "\"causationid\":\"k\",\"traceparent\":\"00-1-2-01\","
           "\"metadata\":\"{\\\"who\\\":\\\"x\\\"}\",\"data\":{ \"n\" : 1.50 }}");
}
END_TEST

START_TEST(what_an_event_lacks_is_left_out)
{
    struct event event = whole();

    event.metadata = STR_NONE;
    event.origin = (struct origin){0};
    cloud_event_write(&event, STR("/daybook/u"), &out);
    ck_assert_ptr_null(memmem(out.data, out.len, "null", 4));
    ck_assert_ptr_null(memmem(out.data, out.len, "metadata", 8));
    ck_assert_ptr_null(memmem(out.data, out.len, "correlationid", 13));
}
END_TEST

START_TEST(numbers_beyond_an_integer_of_cloudevents_are_strings)
{
    SCOPED(json_decref) json_t *parsed = NULL;
    struct event event = whole();
    struct error err;

    event.position.n = INT64_MAX;
    cloud_event_write(&event, STR("/daybook/u"), &out);
    ck_assert(json_parse_stored(buf_str(&out), &parsed, &err));
    ck_assert_str_eq(json_string_value(json_object_get(parsed, "globalposition")),
                     "9223372036854775807");
    ck_assert_str_eq(json_string_value(json_object_get(parsed, "sequence")),
                     "09223372036854775807");
}
END_TEST

Suite *eventlog_cloud_event_suite(void);
Suite *eventlog_cloud_event_suite(void)
{
    Suite *suite = suite_create("eventlog_cloud_event");
    TCase *tc = tcase_create("cloud_event");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, all_attributes_and_the_data_byte_for_byte);
    tcase_add_test(tc, what_an_event_lacks_is_left_out);
    tcase_add_test(tc, numbers_beyond_an_integer_of_cloudevents_are_strings);
    suite_add_tcase(suite, tc);
    return suite;
}
