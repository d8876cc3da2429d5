/* SPDX-License-Identifier: Apache-2.0 */
/* Raw appends: results, conditions, event ids, categories, limits. */
#include "tests/unit/eventlog/core_fixture.h"

Suite *eventlog_append_suite(void);

START_TEST(the_first_append_makes_the_stream)
{
    struct write *write = run_one(write_append("note-1", 3, NULL));

    EXPECT_OUTCOME(write, WRITE_APPENDED);
    ck_assert_uint_eq(write->events_count, 3);
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(write->events[i].position.n, (int64_t)i + 1);
        ck_assert_int_eq(write->events[i].version.n, (int64_t)i + 1);
        ck_assert_uint_eq(write->events[i].id.len, UUID_TEXT_LEN);
        EXPECT_STR(write->events[i].stream, "note-1");
        EXPECT_STR(write->events[i].type, "Noted");
    }
    ck_assert_uint_eq(write->streams_count, 1);
    EXPECT_STR(write->streams[0].stream, "note-1");
    ck_assert_int_eq(write->streams[0].first_version.n, 1);
    ck_assert_int_eq(write->streams[0].version.n, 3);
    ck_assert_int_eq(write->streams[0].last_position.n, 3);
    ck_assert_int_eq(fake_log_stream(the_log, "note-1")->version, 3);
    ck_assert_str_eq(fake_log_event(the_log, "note-1", 3)->data, "{\"n\":2}");
}
END_TEST

START_TEST(appends_to_one_stream_in_one_batch_follow_each_other)
{
    struct write *first = give(write_append("note-1", 2, NULL));
    struct write *second = give(write_append("note-1", 1, NULL));

    fake_run(&the_session);
    EXPECT_OUTCOME(first, WRITE_APPENDED);
    EXPECT_OUTCOME(second, WRITE_APPENDED);
    ck_assert_int_eq(first->streams[0].version.n, 2);
    ck_assert_int_eq(second->streams[0].first_version.n, 3);
    ck_assert_int_eq(second->events[0].position.n, 3);
    ck_assert_uint_eq(the_log->commits, 1);
}
END_TEST

static const struct {
    int64_t version; /* of the stream */
    struct expectation expected;
    bool holds;
} conditions[] = {
    {0, {EXPECT_ANY, {0}}, true},     {2, {EXPECT_ANY, {0}}, true},
    {0, {EXPECT_NONE, {0}}, true},    {2, {EXPECT_NONE, {0}}, false},
    {0, {EXPECT_EXISTS, {0}}, false}, {2, {EXPECT_EXISTS, {0}}, true},
    {0, {EXPECT_EXACT, {0}}, true},   {2, {EXPECT_EXACT, {2}}, true},
    {2, {EXPECT_EXACT, {1}}, false},  {2, {EXPECT_EXACT, {3}}, false},
    {0, {EXPECT_EXACT, {2}}, false},
};

START_TEST(a_condition_is_checked_against_the_true_version)
{
    struct write *write = write_append("note-1", 1, NULL);

    for (int64_t i = 0; i < conditions[_i].version; i++)
        fake_log_append(the_log, "note-1", "Noted", "{}", NULL);
    write_expect(write, conditions[_i].expected);
    run_one(write);
    if (conditions[_i].holds) {
        EXPECT_OUTCOME(write, WRITE_APPENDED);
        ck_assert_int_eq(write->streams[0].version.n, conditions[_i].version + 1);
        return;
    }
    EXPECT_OUTCOME(write, WRITE_CONFLICT);
    ck_assert_uint_eq(write->conflicts_count, 1);
    EXPECT_STR(write->conflicts[0].stream, "note-1");
    ck_assert_int_eq(write->conflicts[0].actual.n, conditions[_i].version);
    ck_assert_int_eq(write->conflicts[0].expected.kind, conditions[_i].expected.kind);
    ck_assert(!write->conflicts[0].ids_partly_there);
    ck_assert_int_eq((int64_t)the_log->events_count, conditions[_i].version);
}
END_TEST

START_TEST(a_condition_sees_what_the_batch_appended_before)
{
    struct write *first = give(write_append("note-1", 2, NULL));
    struct write *right = give(write_append("note-1", 1, NULL));
    struct write *late = give(write_append("note-1", 1, NULL));

    write_expect(right, EXACT(2));
    write_expect(late, EXACT(2));
    fake_run(&the_session);
    EXPECT_OUTCOME(first, WRITE_APPENDED);
    EXPECT_OUTCOME(right, WRITE_APPENDED);
    EXPECT_OUTCOME(late, WRITE_CONFLICT);
    ck_assert_int_eq(late->conflicts[0].actual.n, 3);
}
END_TEST

START_TEST(all_failed_conditions_are_listed_and_nothing_is_written)
{
    struct write *write = write_append("note-1", 1, NULL);

    fake_log_append(the_log, "note-2", "Noted", "{}", NULL);
    fake_log_append(the_log, "note-5", "Noted", "{}", NULL);
    write_expect(write, EXISTS);
    write_also(write, "note-2", NONE, 1, NULL);
    write_also(write, "note-3", NONE, 1, NULL);
    write_also(write, "note-5", EXACT(1), 0, NULL);
    write_also(write, "note-4", EXACT(7), 0, NULL);
    run_one(write);
    EXPECT_OUTCOME(write, WRITE_CONFLICT);
    ck_assert_uint_eq(write->conflicts_count, 3);
    EXPECT_STR(write->conflicts[0].stream, "note-1");
    EXPECT_STR(write->conflicts[1].stream, "note-2");
    ck_assert_int_eq(write->conflicts[1].actual.n, 1);
    EXPECT_STR(write->conflicts[2].stream, "note-4");
    ck_assert_int_eq(write->conflicts[2].expected.version.n, 7);
    ck_assert_uint_eq(the_log->events_count, 2);
}
END_TEST

START_TEST(several_streams_are_written_together_and_checks_write_nothing)
{
    struct write *write = write_append("note-1", 2, NULL);

    fake_log_append(the_log, "note-2", "Noted", "{}", NULL);
    write_also(write, "note-2", EXACT(1), 0, NULL);
    write_also(write, "memo-1", NONE, 1, NULL);
    run_one(write);
    EXPECT_OUTCOME(write, WRITE_APPENDED);
    ck_assert_uint_eq(write->streams_count, 3);
    ck_assert_int_eq(write->streams[0].last_position.n, 3);
    ck_assert_int_eq(write->streams[1].version.n, 1);
    ck_assert_int_eq(write->streams[1].first_version.n, 2);
    ck_assert_int_eq(write->streams[1].last_position.n, 1);
    ck_assert_int_eq(write->streams[2].version.n, 1);
    ck_assert_int_eq(write->streams[2].last_position.n, 4);
    ck_assert_int_eq(fake_log_stream(the_log, "note-2")->version, 1);
    ck_assert_uint_eq(the_log->commits, 1);
}
END_TEST

static void store_ids(void)
{
    fake_log_append(the_log, "note-1", "Noted", "{}", "a");
    fake_log_append(the_log, "other-1", "Noted", "{}", "x");
    fake_log_append(the_log, "note-1", "Noted", "{}", "b");
    fake_log_append(the_log, "note-1", "Noted", "{}", "c");
}

START_TEST(the_same_ids_again_are_answered_as_then)
{
    struct write *write = write_append("note-1", 2, "b c");

    store_ids();
    write_expect(write, NONE);
    run_one(write);
    EXPECT_OUTCOME(write, WRITE_REPEATED);
    ck_assert_uint_eq(write->events_count, 2);
    ck_assert_int_eq(write->events[0].version.n, 2);
    ck_assert_int_eq(write->events[0].position.n, 3);
    EXPECT_STR(write->events[0].id, "b");
    ck_assert_int_eq(write->events[1].version.n, 3);
    ck_assert_int_eq(write->events[1].position.n, 4);
    ck_assert_int_eq(write->streams[0].first_version.n, 2);
    ck_assert_int_eq(write->streams[0].version.n, 3);
    ck_assert_int_eq(write->streams[0].last_position.n, 4);
    ck_assert_uint_eq(the_log->events_count, 4);
}
END_TEST

static const struct {
    const char *ids;
    size_t count;
    enum write_outcome outcome;
} id_rows[] = {
    {"d e", 2, WRITE_APPENDED},   {"x", 1, WRITE_APPENDED}, /* of another stream */
    {"a b c", 3, WRITE_REPEATED}, {"a c", 2, WRITE_REPEATED}, {"c d", 2, WRITE_CONFLICT},
    {"d a", 2, WRITE_CONFLICT},   {"b a", 2, WRITE_CONFLICT}, {"a a", 2, WRITE_CONFLICT},
    {"d d", 2, WRITE_CONFLICT},
};

START_TEST(ids_are_all_there_in_order_or_all_new)
{
    struct write *write = write_append("note-1", id_rows[_i].count, id_rows[_i].ids);

    store_ids();
    run_one(write);
    EXPECT_OUTCOME(write, id_rows[_i].outcome);
    ck_assert_uint_eq(the_log->events_count,
                      id_rows[_i].outcome == WRITE_APPENDED ? 4 + id_rows[_i].count : 4);
    if (id_rows[_i].outcome == WRITE_CONFLICT)
        ck_assert(write->conflicts[0].ids_partly_there);
}
END_TEST

START_TEST(ids_are_found_again_within_the_batch)
{
    struct write *first = give(write_append("note-1", 2, "a b"));
    struct write *again = give(write_append("note-1", 2, "a b"));
    struct write *partly = give(write_append("note-1", 2, "b c"));
    struct write *elsewhere = give(write_append("note-2", 2, "a b"));

    fake_run(&the_session);
    EXPECT_OUTCOME(first, WRITE_APPENDED);
    EXPECT_OUTCOME(again, WRITE_REPEATED);
    ck_assert_int_eq(again->events[1].position.n, 2);
    ck_assert_int_eq(again->streams[0].last_position.n, 2);
    EXPECT_OUTCOME(partly, WRITE_CONFLICT);
    EXPECT_OUTCOME(elsewhere, WRITE_APPENDED);
}
END_TEST

START_TEST(ids_of_several_streams_are_all_there_or_none)
{
    struct write *again = write_append("note-1", 1, "b");
    struct write *torn = write_append("note-1", 1, "b");

    store_ids();
    write_also(again, "other-1", ANY, 1, "x");
    write_also(again, "note-9", EXISTS, 0, NULL); /* a repetition whatever it expects */
    write_also(torn, "other-1", ANY, 1, "y");
    EXPECT_OUTCOME(run_one(again), WRITE_REPEATED);
    ck_assert_int_eq(again->events[1].position.n, 2);
    EXPECT_OUTCOME(run_one(torn), WRITE_CONFLICT);
    ck_assert_uint_eq(torn->conflicts_count, 1);
    EXPECT_STR(torn->conflicts[0].stream, "note-1");
    ck_assert_uint_eq(the_log->events_count, 4);
}
END_TEST

START_TEST(an_id_that_another_writer_appends_before_the_lock_is_found)
{
    struct write *known;
    struct write *fresh;

    run_one(write_append("note-1", 1, "a"));
    known = give(write_append("note-1", 1, "b"));
    fresh = give(write_append("note-2", 1, "b"));
    fake_log_append(the_log, "note-1", "Noted", "{}", "b");
    fake_log_append(the_log, "note-2", "Noted", "{}", "b");
    fake_run(&the_session);
    EXPECT_OUTCOME(known, WRITE_REPEATED);
    ck_assert_int_eq(known->streams[0].version.n, 2);
    EXPECT_OUTCOME(fresh, WRITE_REPEATED);
    ck_assert_uint_eq(the_log->events_count, 3);
}
END_TEST

START_TEST(categories_are_registered_up_to_their_number)
{
    struct core_config config = fake_core_config();
    struct write *third;
    struct write *torn = write_append("note-7", 1, NULL);

    config.categories_max = 2;
    core_restart(&config);
    EXPECT_OUTCOME(run_one(write_append("note-1", 1, NULL)), WRITE_APPENDED);
    EXPECT_OUTCOME(run_one(write_append("memo-1", 1, NULL)), WRITE_APPENDED);
    third = run_one(write_append("letter-1", 1, NULL));
    EXPECT_OUTCOME(third, WRITE_TOO_MANY_CATEGORIES);
    write_also(torn, "letter-1", ANY, 1, NULL);
    EXPECT_OUTCOME(run_one(torn), WRITE_TOO_MANY_CATEGORIES);
    EXPECT_OUTCOME(run_one(write_append("note-2", 1, NULL)), WRITE_APPENDED);
    ck_assert_uint_eq(the_log->categories_count, 2);
    ck_assert_ptr_null(fake_log_stream(the_log, "letter-1"));
    ck_assert_ptr_null(fake_log_stream(the_log, "note-7"));
}
END_TEST

START_TEST(categories_of_other_processes_count)
{
    struct core_config config = fake_core_config();

    config.categories_max = 2;
    core_restart(&config);
    fake_log_category(the_log, "letter");
    fake_log_category(the_log, "card");
    EXPECT_OUTCOME(run_one(write_append("note-1", 1, NULL)), WRITE_TOO_MANY_CATEGORIES);
    EXPECT_OUTCOME(run_one(write_append("card-1", 1, NULL)), WRITE_APPENDED);
}
END_TEST

START_TEST(a_batch_ends_before_its_limit_of_events)
{
    struct core_config config = fake_core_config();
    struct write *writes[4];

    config.batch_events_max = 5;
    core_restart(&config);
    for (size_t i = 0; i < 4; i++)
        writes[i] = give(write_append("note-1", i == 3 ? 9 : 2, NULL));
    fake_run(&the_session);
    for (size_t i = 0; i < 4; i++)
        EXPECT_OUTCOME(writes[i], WRITE_APPENDED);
    /* 2 + 2, then 2, then the one that is too long for any batch alone. */
    ck_assert_uint_eq(the_log->commits, 3);
    ck_assert_int_eq(writes[3]->streams[0].first_version.n, 7);
}
END_TEST

START_TEST(a_batch_ends_before_its_limit_of_bytes)
{
    struct core_config config = fake_core_config();
    struct write *first;
    struct write *second;

    config.batch_bytes_max = 15; /* {"n":0}{"n":1} has 14 */
    core_restart(&config);
    first = give(write_append("note-1", 2, NULL));
    second = give(write_append("note-2", 1, NULL));
    fake_run(&the_session);
    EXPECT_OUTCOME(first, WRITE_APPENDED);
    EXPECT_OUTCOME(second, WRITE_APPENDED);
    ck_assert_uint_eq(the_log->commits, 2);
}
END_TEST

START_TEST(an_event_may_have_512_kib_and_no_byte_more)
{
    size_t len = EVENT_BYTES_MAX - 2 + (size_t)_i;
    struct write *write = write_append("note-1", 1, NULL);
    struct new_event *event = ARENA_NEW(write->arena, struct new_event);
    struct stream_append *append = ARENA_NEW(write->arena, struct stream_append);

    *event = write->appends[0].events[0];
    event->data = str_from(arena_zalloc(write->arena, len), len);
    event->metadata = STR("{}");
    *append = write->appends[0];
    append->events = event;
    write->appends = append;
    run_one(write);
    EXPECT_OUTCOME(write, _i == 0 ? WRITE_APPENDED : WRITE_FAILED);
    if (_i == 1) {
        ck_assert_int_eq(write->error.class, ERROR_REFUSED);
        ck_assert_str_eq(write->error.code, "payload-too-large");
    }
}
END_TEST

START_TEST(tenants_do_not_share_streams)
{
    struct write *here = give(write_append("note-1", 2, NULL));
    struct write *there = write_append("note-1", 1, NULL);

    there->tenant = STR("shop");
    give(there);
    fake_run(&the_session);
    EXPECT_OUTCOME(here, WRITE_APPENDED);
    EXPECT_OUTCOME(there, WRITE_APPENDED);
    ck_assert_int_eq(there->streams[0].version.n, 1);
    ck_assert_uint_eq(the_log->streams_count, 2);
}
END_TEST

Suite *eventlog_append_suite(void)
{
    Suite *suite = suite_create("eventlog_append");
    TCase *tc = tcase_create("append");

    tcase_add_checked_fixture(tc, core_set_up, core_tear_down);
    tcase_add_test(tc, the_first_append_makes_the_stream);
    tcase_add_test(tc, appends_to_one_stream_in_one_batch_follow_each_other);
    tcase_add_loop_test(tc, a_condition_is_checked_against_the_true_version, 0,
                        COUNT_OF(conditions));
    tcase_add_test(tc, a_condition_sees_what_the_batch_appended_before);
    tcase_add_test(tc, all_failed_conditions_are_listed_and_nothing_is_written);
    tcase_add_test(tc, several_streams_are_written_together_and_checks_write_nothing);
    tcase_add_test(tc, the_same_ids_again_are_answered_as_then);
    tcase_add_loop_test(tc, ids_are_all_there_in_order_or_all_new, 0, COUNT_OF(id_rows));
    tcase_add_test(tc, ids_are_found_again_within_the_batch);
    tcase_add_test(tc, ids_of_several_streams_are_all_there_or_none);
    tcase_add_test(tc, an_id_that_another_writer_appends_before_the_lock_is_found);
    tcase_add_test(tc, categories_are_registered_up_to_their_number);
    tcase_add_test(tc, categories_of_other_processes_count);
    tcase_add_test(tc, a_batch_ends_before_its_limit_of_events);
    tcase_add_test(tc, a_batch_ends_before_its_limit_of_bytes);
    tcase_add_loop_test(tc, an_event_may_have_512_kib_and_no_byte_more, 0, 2);
    tcase_add_test(tc, tenants_do_not_share_streams);
    suite_add_tcase(suite, tc);
    return suite;
}
