/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/record.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "kafka/partition.h"
#include "tests/support/expect.h"

Suite *projection_record_suite(void);

enum { PARTITIONS = 6 };

struct header {
    const char *name;
    const char *value; /* NULL: is missing */
};

static const struct header good[] = {
    {"ce_id", "e1"},
    {"ce_source", "/daybook/log"},
    {"ce_specversion", "1.0"},
    {"ce_type", "OrderPlaced"},
    {"ce_subject", "order-1"},
    {"ce_time", "2026-11-24T05:00:00Z"},
    {"ce_recordedtime", "2026-11-24T05:00:01.5Z"},
    {"ce_streamversion", "3"},
    {"ce_globalposition", "17"},
    {"ce_previousposition", "12"},
    {"ce_tenantid", "main"},
    {"ce_correlationid", "c1"},
};

enum { HEADERS = sizeof(good) / sizeof(good[0]) };

static struct header headers[HEADERS];
static struct record_view view;
static struct record_frame frame;
static struct event event;
static struct position previous;
static char fault[RECORD_FAULT_MAX];

static bool find_header(const void *from, const char *name, struct str *ret_value)
{
    const struct header *all = from;

    for (size_t i = 0; i < HEADERS; i++) {
        if (strcmp(all[i].name, name) == 0 && all[i].value) {
            *ret_value = str_of(all[i].value);
            return true;
        }
    }
    return false;
}

static void setup(void)
{
    memcpy(headers, good, sizeof(good));
    view = (struct record_view){
        .key = STR("main/order-1"), .value = STR("{}"), .header = find_header, .from = headers};
    frame = (struct record_frame){.source = STR("/daybook/log"),
                                  .category = STR("order"),
                                  .partition = kafka_partition_of(view.key, PARTITIONS),
                                  .partitions_count = PARTITIONS};
    fault[0] = '\0';
}

static bool read_it(void)
{
    return record_read(&view, &frame, &event, &previous, fault);
}

static void set(const char *name, const char *value)
{
    for (size_t i = 0; i < HEADERS; i++)
        if (strcmp(headers[i].name, name) == 0)
            headers[i].value = value;
}

START_TEST(a_record_of_ours_is_an_event)
{
    ck_assert_msg(read_it(), "%s", fault);
    ck_assert_int_eq(event.position.n, 17);
    ck_assert_int_eq(previous.n, 12);
    ck_assert_int_eq(event.version.n, 3);
    EXPECT_STR(event.id, "e1");
    EXPECT_STR(event.type, "OrderPlaced");
    EXPECT_STR(event.tenant, "main");
    EXPECT_STR(event.stream, "order-1");
    EXPECT_STR(event.data, "{}");
    EXPECT_STR(event.origin.correlation_id, "c1");
    ck_assert_ptr_null(event.origin.traceparent.data);
    ck_assert_int_eq(event.recorded_at_us - event.occurred_at_us, 1500000);
}
END_TEST

static const struct header bad[] = {
    {"ce_id", ""},
    {"ce_id", "a b"},
    {"ce_source", "/daybook/other"},
    {"ce_source", "/daybook/lo"},
    {"ce_specversion", "1.1"},
    {"ce_type", "1"},
    {"ce_subject", "order"},
    {"ce_subject", "stock-1"},
    {"ce_subject", "order-2"},
    {"ce_time", "1970"},
    {"ce_recordedtime", "2026-13-01T00:00:00Z"},
    {"ce_streamversion", "0"},
    {"ce_streamversion", "-3"},
    {"ce_streamversion", "9223372036854775808"},
    {"ce_globalposition", "0"},
    {"ce_globalposition", "017"},
    {"ce_globalposition", "17 "},
    {"ce_previousposition", "17"},
    {"ce_previousposition", "-1"},
    {"ce_tenantid", "Main"},
    {"ce_tenantid", "other"},
};

START_TEST(a_header_that_is_wrong_is_named)
{
    set(bad[_i].name, bad[_i].value);
    ck_assert_msg(!read_it(), "%s '%s'", bad[_i].name, bad[_i].value);
    ck_assert_uint_gt(strlen(fault), 0);
}
END_TEST

START_TEST(a_missing_header_is_named)
{
    char expected[64];

    /* Only the correlation id, the last, may be missing. */
    set(good[_i].name, NULL);
    snprintf(expected, sizeof(expected), "header %s is missing", good[_i].name);
    ck_assert(!read_it());
    ck_assert_str_eq(fault, expected);
}
END_TEST

START_TEST(a_record_without_a_value_is_foreign)
{
    view.value = STR_NONE;
    ck_assert(!read_it());
    ck_assert_str_eq(fault, "value is missing");
}
END_TEST

static const char *const keys[] = {NULL,          "", "main", "main/order-", "main/order-12",
                                   "main-order-1"};

START_TEST(a_key_that_is_not_tenant_and_stream_is_foreign)
{
    view.key = str_of(keys[_i]);
    ck_assert(!read_it());
}
END_TEST

START_TEST(another_partition_than_its_keys_is_foreign)
{
    frame.partition = (frame.partition + 1) % PARTITIONS;
    ck_assert(!read_it());
    frame.partition = PARTITIONS; /* one the cursor does not know */
    ck_assert(!read_it());
}
END_TEST

START_TEST(a_long_foreign_value_is_cut_in_the_reason)
{
    static char source[4000];

    memset(source, 'x', sizeof(source) - 1);
    set("ce_source", source);
    ck_assert(!read_it());
    ck_assert_uint_lt(strlen(fault), 100);
}
END_TEST

Suite *projection_record_suite(void)
{
    Suite *suite = suite_create("projection_record");
    TCase *tc = tcase_create("record");

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, a_record_of_ours_is_an_event);
    tcase_add_loop_test(tc, a_header_that_is_wrong_is_named, 0, COUNT_OF(bad));
    tcase_add_loop_test(tc, a_missing_header_is_named, 0, HEADERS - 1);
    tcase_add_test(tc, a_record_without_a_value_is_foreign);
    tcase_add_loop_test(tc, a_key_that_is_not_tenant_and_stream_is_foreign, 0, COUNT_OF(keys));
    tcase_add_test(tc, another_partition_than_its_keys_is_foreign);
    tcase_add_test(tc, a_long_foreign_value_is_cut_in_the_reason);
    suite_add_tcase(suite, tc);
    return suite;
}
