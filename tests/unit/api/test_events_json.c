/* SPDX-License-Identifier: Apache-2.0 */
#include "api/events_json.h"

#include "base/arena.h"
#include "tests/support/expect.h"

#include <check.h>
#include <string.h>

#define NOW_US INT64_C(1700000000000000)

static struct arena *arena;

static void setup(void)
{
    arena = arena_new(0);
}

static void teardown(void)
{
    arena_free(arena);
}

struct read {
    const struct new_event *events;
    size_t count;
    struct str faults;
};

/* As a route would, from the text of an array. */
static struct read read_text(struct str text)
{
    const struct json_limits limits = {
        .depth_max = 32, .values_max = 100000, .string_bytes_max = 1 << 20};
    struct call call = {.arena = arena, .now_us = NOW_US, .faults = faults_new(arena)};
    SCOPED(json_decref) json_t *parsed = NULL;
    SCOPED_VALUE(buf_release) struct buf faults = BUF_INIT(1 << 20);
    struct error err;
    struct read read;

    ck_assert_msg(json_parse(text, limits, &parsed, &err), "%s", err.text);
    events_read_json(&call, parsed, text, "/events", &read.events, &read.count);
    faults_write(call.faults, &faults);
    read.faults = arena_dup(arena, buf_str(&faults));
    return read;
}

START_TEST(data_and_metadata_go_through_byte_for_byte)
{
    struct read read =
        read_text(STR("[{\"type\":\"T\",\"data\" : { \"a\":1.10,  \"b\":\"\\u00e4\"} ,"
                      "\"metadata\":[{\"z\" :1e2} ]},{\"data\":[],\"type\":\"U\"}]"));

    EXPECT_STR(read.faults, "[]");
    ck_assert_uint_eq(read.count, 2);
    EXPECT_STR(read.events[0].data, "{ \"a\":1.10,  \"b\":\"\\u00e4\"}");
    EXPECT_STR(read.events[0].metadata, "[{\"z\" :1e2} ]");
    EXPECT_STR(read.events[0].type, "T");
    ck_assert_int_eq(read.events[0].occurred_at_us, NOW_US);
    ck_assert_ptr_null(read.events[0].id.data);
    EXPECT_STR(read.events[1].data, "[]");
    ck_assert_ptr_null(read.events[1].metadata.data);
}
END_TEST

START_TEST(data_may_be_any_value)
{
    static const char *const values[] = {"null", "0", "\"x\"", "true", "[1,2]", "{}"};

    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct read read =
            read_text(arena_printf(arena, "[{\"type\":\"T\",\"data\":%s}]", values[i]));

        EXPECT_STR(read.faults, "[]");
        EXPECT_STR(read.events[0].data, values[i]);
    }
}
END_TEST

START_TEST(a_name_with_escapes_is_the_same_name)
{
    struct read read = read_text(STR("[{\"typ\\u0065\":\"T\",\"d\\u0061ta\": [ 1]}]"));

    EXPECT_STR(read.faults, "[]");
    EXPECT_STR(read.events[0].data, "[ 1]");
}
END_TEST

START_TEST(ids_and_times_are_taken)
{
    struct read read = read_text(STR("[{\"id\":\"a:1\",\"type\":\"T\",\"data\":1,"
                                     "\"occurred_at\":\"2020-01-01T00:00:00Z\"}]"));

    EXPECT_STR(read.faults, "[]");
    EXPECT_STR(read.events[0].id, "a:1");
    ck_assert_int_eq(read.events[0].occurred_at_us, 1577836800000000);
}
END_TEST

static const struct {
    const char *text;
    const char *pointer;
} faults[] = {
    {"[7]", "/events/0"},
    {"[{\"data\":1}]", "/events/0/type"},
    {"[{\"type\":\"T\"}]", "/events/0/data"},
    {"[{\"type\":\"1T\",\"data\":1}]", "/events/0/type"},
    {"[{\"type\":\"T\",\"data\":1,\"id\":\"a b\"}]", "/events/0/id"},
    {"[{\"type\":\"T\",\"data\":1,\"id\":\"\"}]", "/events/0/id"},
    {"[{\"type\":\"T\",\"data\":1,\"metadata\":null}]", "/events/0/metadata"},
    {"[{\"type\":\"T\",\"data\":1,\"version\":3}]", "/events/0/version"},
    {"[{\"type\":\"T\",\"data\":1,\"occurred_at\":\"soon\"}]", "/events/0/occurred_at"},
    {"[{\"type\":\"T\",\"data\":1,\"occurred_at\":\"2999-01-01T00:00:00Z\"}]",
     "/events/0/occurred_at"},
    {"[{\"type\":\"T\",\"data\":1,\"id\":\"a\"},{\"type\":\"T\",\"data\":1,\"id\":\"a\"}]",
     "/events/1/id"},
};

START_TEST(a_fault_is_told_with_its_pointer)
{
    struct read read = read_text(str_of(faults[_i].text));
    struct str wanted = arena_printf(arena, "\"pointer\":\"%s\"", faults[_i].pointer);

    ck_assert_msg(memmem(read.faults.data, read.faults.len, wanted.data, wanted.len) != NULL,
                  STR_FMT, STR_ARG(read.faults));
}
END_TEST

START_TEST(an_event_is_at_most_512_kib)
{
    for (size_t over = 0; over < 2; over++) {
        struct buf text = BUF_INIT(1 << 20);

        buf_add_cstr(&text, "[{\"type\":\"T\",\"data\":\"");
        for (size_t i = 0; i < EVENT_BYTES_MAX - 2 - 2 + over; i++)
            buf_add_char(&text, 'x');
        buf_add_cstr(&text, "\",\"metadata\":{}}]");
        struct read read = read_text(buf_str(&text));
        ck_assert_int_eq(memmem(read.faults.data, read.faults.len, "512 KiB", 7) != NULL,
                         over == 1);
        buf_release(&text);
    }
}
END_TEST

START_TEST(an_event_is_shown_whole)
{
    SCOPED_VALUE(buf_release) struct buf out = BUF_INIT(4096);
    struct event event = {.position = {12},
                          .version = {3},
                          .occurred_at_us = 1577836800000000,
                          .recorded_at_us = 1577836800000001,
                          .id = STR("e\"1"),
                          .type = STR("T"),
                          .stream = STR("note-1"),
                          .data = STR("{ \"a\" : 1}"),
                          .origin = {.correlation_id = STR("c"), .request_id = STR("r")}};

    event_write_json(&event, &out);
    EXPECT_STR(buf_str(&out),
               "{\"id\":\"e\\\"1\",\"type\":\"T\",\"stream\":\"note-1\",\"version\":3,"
               "\"position\":12,\"data\":{ \"a\" : 1},\"metadata\":null,"
               "\"occurred_at\":\"2020-01-01T00:00:00Z\","
               "\"recorded_at\":\"2020-01-01T00:00:00.000001Z\",\"correlation_id\":\"c\","
               "\"request_id\":\"r\"}");
}
END_TEST

Suite *api_events_json_suite(void);
Suite *api_events_json_suite(void)
{
    Suite *suite = suite_create("api_events_json");
    TCase *tc = tcase_create("events_json");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, data_and_metadata_go_through_byte_for_byte);
    tcase_add_test(tc, data_may_be_any_value);
    tcase_add_test(tc, a_name_with_escapes_is_the_same_name);
    tcase_add_test(tc, ids_and_times_are_taken);
    tcase_add_loop_test(tc, a_fault_is_told_with_its_pointer, 0, COUNT_OF(faults));
    tcase_add_test(tc, an_event_is_at_most_512_kib);
    tcase_add_test(tc, an_event_is_shown_whole);
    suite_add_tcase(suite, tc);
    return suite;
}
