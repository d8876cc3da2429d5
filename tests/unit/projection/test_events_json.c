/* SPDX-License-Identifier: Apache-2.0 */
/* The batch as a statement's parameter. */
#include "projection/events_json.h"

#include <check.h>
#include <string.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/mem.h"
#include "projection/fold.h"
#include "tests/support/expect.h"

Suite *projection_events_json_suite(void);

static const struct projection plain = {.name = "plain"};
static struct arena *arena;
static struct events_json json;
static struct error err;

static void set_up(void)
{
    arena = arena_new(0);
    events_json_init(&json);
}

static void tear_down(void)
{
    events_json_release(&json);
    arena_free(arena);
}

static struct event event_of(struct str data)
{
    return (struct event){.position = {7},
                          .version = {3},
                          .id = STR("e\"1"),
                          .type = STR("Added"),
                          .tenant = STR("main"),
                          .stream = STR("item-a-1"),
                          .data = data};
}

static enum events_add add(struct event event)
{
    return events_json_add(&json, &plain, &event, arena, &err);
}

START_TEST(an_event_is_an_object_with_its_data_byte_for_byte)
{
    struct event event = event_of(STR("{\"n\" : 1.50}"));

    event.occurred_at_us = 1;
    ck_assert_int_eq(add(event), EVENTS_ADDED);
    event.metadata = STR("[]");
    ck_assert_int_eq(add(event), EVENTS_ADDED);
    EXPECT_STR(events_json_end(&json),
               "[{\"position\":7,\"tenant\":\"main\",\"stream\":\"item-a-1\",\"category\":\"item\","
               "\"version\":3,\"id\":\"e\\\"1\",\"type\":\"Added\",\"data\":{\"n\" : 1.50},"
               "\"metadata\":null,\"occurred_at\":\"1970-01-01T00:00:00.000001Z\","
               "\"recorded_at\":\"1970-01-01T00:00:00Z\"},"
               "{\"position\":7,\"tenant\":\"main\",\"stream\":\"item-a-1\",\"category\":\"item\","
               "\"version\":3,\"id\":\"e\\\"1\",\"type\":\"Added\",\"data\":{\"n\" : 1.50},"
               "\"metadata\":[],\"occurred_at\":\"1970-01-01T00:00:00.000001Z\","
               "\"recorded_at\":\"1970-01-01T00:00:00Z\"}]");
}
END_TEST

START_TEST(no_event_is_an_empty_array)
{
    EXPECT_STR(events_json_end(&json), "[]");
}
END_TEST

static const struct str forged[] = {
    STR_INIT(""),      STR_INIT("{"),    STR_INIT("1}, {\"position\":1"),
    STR_INIT("{} {}"), STR_INIT("\xff"),
};

START_TEST(data_that_is_no_json_is_poison_and_not_in_it)
{
    ck_assert_int_eq(add(event_of(forged[_i])), EVENTS_POISON);
    ck_assert_int_eq(err.class, ERROR_POISON);
    EXPECT_STR(events_json_end(&json), "[]");
}
END_TEST

START_TEST(data_that_is_longer_than_an_events_is_poison)
{
    char *bytes = mem_alloc(EVENT_BYTES_MAX + 1);

    memset(bytes, ' ', EVENT_BYTES_MAX + 1);
    bytes[0] = '1';
    ck_assert_int_eq(add(event_of(str_from(bytes, EVENT_BYTES_MAX))), EVENTS_ADDED);
    ck_assert_int_eq(add(event_of(str_from(bytes, EVENT_BYTES_MAX + 1))), EVENTS_POISON);
    mem_free(bytes);
}
END_TEST

START_TEST(it_fills_up_and_stays_whole)
{
    char *bytes = mem_alloc(EVENT_BYTES_MAX);
    enum events_add added;
    size_t count = 0;

    memset(bytes, ' ', EVENT_BYTES_MAX);
    bytes[0] = '1';
    while ((added = add(event_of(str_from(bytes, EVENT_BYTES_MAX)))) == EVENTS_ADDED)
        count++;
    ck_assert_int_eq(added, EVENTS_FULL);
    ck_assert_uint_eq(json.count, count);
    ck_assert_uint_eq(count, EVENTS_JSON_BYTES_MAX / EVENT_BYTES_MAX - 1);
    ck_assert_uint_le(events_json_end(&json).len, EVENTS_JSON_BYTES_MAX + EVENT_BYTES_MAX);
    mem_free(bytes);
}
END_TEST

static bool rename_n(json_t *data, struct error *why)
{
    json_t *n = json_object_get(data, "n");

    if (!n)
        return error_set(why, ERROR_POISON, "no-n", "there is no n");
    json_object_set(data, "number", n);
    json_object_del(data, "n");
    return true;
}

static const struct upcaster upcasters[] = {{"item", "Added", 1, rename_n}, {0}};
static const struct projection newer = {.name = "newer", .upcasters = upcasters};

START_TEST(statements_see_events_as_they_are_today)
{
    struct event event = event_of(STR("{\"n\":1}"));
    struct str raw;
    struct json_cursor cursor;
    struct str key, item;

    ck_assert_int_eq(events_json_add(&json, &newer, &event, arena, &err), EVENTS_ADDED);
    event.data = STR("{}");
    ck_assert_int_eq(events_json_add(&json, &newer, &event, arena, &err), EVENTS_POISON);
    ck_assert_str_eq(err.code, "no-n");
    ck_assert(json_open(events_json_end(&json), &cursor));
    ck_assert(json_next(&cursor, &key, &item));
    ck_assert(json_member(item, "data", &raw));
    EXPECT_STR(raw, "{\"number\":1}");
    ck_assert(!json_next(&cursor, &key, &item));
}
END_TEST

Suite *projection_events_json_suite(void)
{
    Suite *suite = suite_create("projection_events_json");
    TCase *tc = tcase_create("events_json");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, an_event_is_an_object_with_its_data_byte_for_byte);
    tcase_add_test(tc, no_event_is_an_empty_array);
    tcase_add_loop_test(tc, data_that_is_no_json_is_poison_and_not_in_it, 0, COUNT_OF(forged));
    tcase_add_test(tc, data_that_is_longer_than_an_events_is_poison);
    tcase_add_test(tc, it_fills_up_and_stays_whole);
    tcase_add_test(tc, statements_see_events_as_they_are_today);
    suite_add_tcase(suite, tc);
    return suite;
}
