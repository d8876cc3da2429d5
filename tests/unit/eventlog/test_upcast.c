/* SPDX-License-Identifier: Apache-2.0 */
#include "eventlog/upcast.h"

#include "base/arena.h"
#include "tests/support/meters.h"
#include "tests/unit/eventlog/core_fixture.h"

Suite *eventlog_upcast_suite(void);

static struct arena *arena;
static struct error err;

static void set_up(void)
{
    static const struct domain *const domains[] = {&meters_domain, NULL};
    struct core_config config = fake_core_config();

    arena = arena_new(0);
    core_set_up();
    config.domains = domains;
    core_restart(&config);
}

static void tear_down(void)
{
    core_tear_down();
    arena_free(arena);
}

/* The function. */

static const struct {
    const char *type;
    const char *data;
    const char *to_type;
    const char *to_data;
} changes[] = {
    {"MeterRead", "{\"value\":\"7\"}", "MeterRead", "{\"value\":7,\"unit\":\"kWh\"}"},
    {"MeterRead", "{ \"who\":\"\xc3\xa9\", \"value\":\"7\", \"x\":[1.5,{\"y\":null}]}", "MeterRead",
     "{\"who\":\"\xc3\xa9\",\"value\":7,\"x\":[1.5,{\"y\":null}],\"unit\":\"kWh\"}"},
    {"MeterRead.v2", "{\"value\":7}", "MeterRead", "{\"value\":7,\"unit\":\"kWh\"}"},
    /* The newest is as it is stored, byte for byte. */
    {"MeterRead.v3", "{ \"value\": 7.0 }", "MeterRead", "{ \"value\": 7.0 }"},
    /* No version of a known type: as it is. */
    {"MeterRead.v1", "{}", "MeterRead.v1", "{}"},
    {"MeterRead.v02", "{}", "MeterRead.v02", "{}"},
    {"MeterRead.v", "{}", "MeterRead.v", "{}"},
    {"MeterRead.2", "{}", "MeterRead.2", "{}"},
    {"MeterReadv2", "{}", "MeterReadv2", "{}"},
    {"MeterRead.v99999", "{}", "MeterRead.v99999", "{}"},
    {".v2", "{}", ".v2", "{}"},
    {"v2", "{}", "v2", "{}"},
    {"MeterRead.v2.v2", "{}", "MeterRead.v2.v2", "{}"},
    {"Other", "{ }", "Other", "{ }"},
    {"Other.v2", "{ }", "Other.v2", "{ }"},
};

START_TEST(an_event_is_brought_up_to_the_newest_version)
{
    struct str type = str_of(changes[_i].type);
    struct str data = str_of(changes[_i].data);

    ck_assert(upcast(meters_upcasters, STR("meter"), &type, &data, arena, &err));
    EXPECT_STR(type, changes[_i].to_type);
    EXPECT_STR(data, changes[_i].to_data);
}
END_TEST

static const struct {
    const char *type;
    const char *data;
} poison[] = {
    {"MeterRead.v4", "{}"},                                            /* of a newer program */
    {"MeterRead.v9999", "{}"}, {"MeterRead", "{\"value\":\"seven\"}"}, /* the upcaster refuses */
    {"MeterRead", "[]"},       {"MeterRead", "{\"value\":\"7\""},      /* no JSON */
};

START_TEST(what_can_not_be_brought_up_is_poison)
{
    struct str type = str_of(poison[_i].type);
    struct str data = str_of(poison[_i].data);

    ck_assert(!upcast(meters_upcasters, STR("meter"), &type, &data, arena, &err));
    ck_assert_int_eq(err.class, ERROR_POISON);
    EXPECT_STR(type, poison[_i].type);
    EXPECT_STR(data, poison[_i].data);
}
END_TEST

START_TEST(an_upcaster_is_of_its_category_only)
{
    struct str type = STR("MeterRead.v2");
    struct str data = STR("{ }");

    ck_assert(upcast(meters_upcasters, STR("gauge"), &type, &data, arena, &err));
    EXPECT_STR(type, "MeterRead.v2");
    ck_assert(upcast(NULL, STR("meter"), &type, &data, arena, &err));
    EXPECT_STR(type, "MeterRead.v2");
    EXPECT_STR(upcast_stored_type(meters_upcasters, STR("gauge"), STR("MeterRead"), arena),
               "MeterRead");
}
END_TEST

START_TEST(the_newest_version_is_what_is_stored)
{
    EXPECT_STR(upcast_stored_type(meters_upcasters, STR("meter"), STR("MeterRead"), arena),
               "MeterRead.v3");
    EXPECT_STR(upcast_stored_type(meters_upcasters, STR("meter"), STR("Other"), arena), "Other");
    EXPECT_STR(upcast_stored_type(NULL, STR("meter"), STR("MeterRead"), arena), "MeterRead");
}
END_TEST

START_TEST(a_table_with_a_hole_is_none)
{
    const struct upcaster late[] = {{"meter", "MeterRead", 2, NULL}, {0}};
    const struct upcaster torn[] = {
        {"meter", "MeterRead", 3, NULL}, {"meter", "MeterRead", 1, NULL}, {0}};
    const struct upcaster zero[] = {
        {"meter", "MeterRead", 0, NULL}, {"meter", "MeterRead", 1, NULL}, {0}};

    ck_assert(upcasters_are_whole(NULL));
    ck_assert(upcasters_are_whole(meters_upcasters));
    ck_assert(!upcasters_are_whole(late));
    ck_assert(!upcasters_are_whole(torn));
    ck_assert(!upcasters_are_whole(zero));
}
END_TEST

/* Deciding. */

START_TEST(commands_decide_on_old_events_and_write_new_ones)
{
    struct write *back;
    struct write *on;

    fake_log_append(the_log, "meter-1", "MeterRead", "{\"value\":\"7\"}", NULL);
    back = run_one(write_meter("1", 6));
    EXPECT_OUTCOME(back, WRITE_REFUSED);
    EXPECT_STR(back->detail, "the last value is 7");
    fake_log_append(the_log, "meter-1", "MeterRead.v2", "{\"value\":8}", NULL);
    fake_log_append(the_log, "meter-1", "MeterRead.v3", "{\"value\":9,\"unit\":\"kWh\"}", NULL);
    back = run_one(write_meter("1", 8));
    EXPECT_STR(back->detail, "the last value is 9");
    on = run_one(write_meter("1", 10));
    EXPECT_OUTCOME(on, WRITE_APPENDED);
    EXPECT_STR(on->events[0].type, "MeterRead.v3");
    ck_assert_str_eq(fake_log_event(the_log, "meter-1", 4)->type, "MeterRead.v3");
    ck_assert_str_eq(fake_log_event(the_log, "meter-1", 4)->data,
                     "{\"value\":10,\"unit\":\"kWh\"}");
}
END_TEST

static const char *const unreadable[][2] = {
    {"MeterRead", "{\"value\":\"seven\"}"},
    {"MeterRead.v4", "{\"value\":9,\"unit\":\"kWh\",\"phase\":1}"},
};

START_TEST(what_can_not_be_brought_up_makes_the_stream_unreadable)
{
    struct write *write;

    fake_log_append(the_log, "meter-1", "MeterRead", "{\"value\":\"7\"}", NULL);
    fake_log_append(the_log, "meter-1", unreadable[_i][0], unreadable[_i][1], "bad");
    write = run_one(write_meter("1", 100));
    EXPECT_OUTCOME(write, WRITE_UNREADABLE);
    ck_assert_int_eq(write->conflicts[0].actual.n, 2);
    EXPECT_STR(write->conflicts[0].event_id, "bad");
}
END_TEST

/* Raw events (for repairs) that a command of the same batch looks at. */
START_TEST(raw_events_of_a_batch_are_brought_up_too)
{
    struct write *raw = write_append("meter-1", 1, NULL);
    struct new_event event = raw->appends->events[0];
    struct stream_append append = raw->appends[0];
    struct write *back;

    event.type = STR("MeterRead");
    event.data = STR("{\"value\":\"50\"}");
    append.events = &event;
    raw->appends = &append;
    give(write_meter("1", 1));
    give(raw);
    back = give(write_meter("1", 49));
    fake_run(&the_session);
    EXPECT_OUTCOME(raw, WRITE_APPENDED);
    EXPECT_OUTCOME(back, WRITE_REFUSED);
    EXPECT_STR(back->detail, "the last value is 50");
    ck_assert_str_eq(fake_log_event(the_log, "meter-1", 2)->type, "MeterRead"); /* as it came */
}
END_TEST

#define ROWS(table) (int)(sizeof(table) / sizeof(*(table)))

Suite *eventlog_upcast_suite(void)
{
    Suite *suite = suite_create("eventlog_upcast");
    TCase *tc = tcase_create("upcast");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_loop_test(tc, an_event_is_brought_up_to_the_newest_version, 0, ROWS(changes));
    tcase_add_loop_test(tc, what_can_not_be_brought_up_is_poison, 0, ROWS(poison));
    tcase_add_test(tc, an_upcaster_is_of_its_category_only);
    tcase_add_test(tc, the_newest_version_is_what_is_stored);
    tcase_add_test(tc, a_table_with_a_hole_is_none);
    tcase_add_test(tc, commands_decide_on_old_events_and_write_new_ones);
    tcase_add_loop_test(tc, what_can_not_be_brought_up_makes_the_stream_unreadable, 0,
                        ROWS(unreadable));
    tcase_add_test(tc, raw_events_of_a_batch_are_brought_up_too);
    suite_add_tcase(suite, tc);
    return suite;
}
