/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of a domain: states, refusals, streams that only a state names, stored streams that can
 * not be folded. */
#include "tests/unit/eventlog/core_fixture.h"

Suite *eventlog_decide_suite(void);

static void store_account(const char *id, const char *partner, int64_t balance)
{
    char stream[64];
    char data[96];

    snprintf(stream, sizeof(stream), "account-%s", id);
    snprintf(data, sizeof(data), "{\"partner\":\"%s\"}", partner);
    fake_log_append(the_log, stream, "Opened", data, NULL);
    snprintf(data, sizeof(data), "{\"amount\":%lld}", (long long)balance);
    fake_log_append(the_log, stream, "Added", data, NULL);
}

START_TEST(a_command_decides_on_the_stored_state)
{
    struct write *write;

    store_account("1", "", 10);
    write = run_one(write_command(&account_add, "1", -10));
    EXPECT_OUTCOME(write, WRITE_APPENDED);
    ck_assert_uint_eq(write->events_count, 1);
    EXPECT_STR(write->events[0].stream, "account-1");
    EXPECT_STR(write->events[0].type, "Added");
    ck_assert_int_eq(write->events[0].version.n, 3);
    ck_assert_uint_eq(write->streams_count, 1);
    EXPECT_STR(write->streams[0].stream, "account-1");
    ck_assert_int_eq(write->streams[0].first_version.n, 3);
    ck_assert_str_eq(fake_log_event(the_log, "account-1", 3)->data, "{\"amount\":-10}");
}
END_TEST

START_TEST(a_refusal_says_why_and_writes_nothing)
{
    struct write *write;

    store_account("1", "", 10);
    write = run_one(write_command(&account_add, "1", -11));
    EXPECT_OUTCOME(write, WRITE_REFUSED);
    ck_assert_str_eq(write->slug, "insufficient");
    EXPECT_STR(write->detail, "the balance is 10");
    EXPECT_STR(write->members, "\"balance\":10");
    ck_assert_uint_eq(the_log->events_count, 2);
}
END_TEST

START_TEST(later_commands_of_a_batch_see_the_earlier_ones)
{
    struct write *open = give(write_open("1", ""));
    struct write *twice = give(write_open("1", ""));
    struct write *add = give(write_command(&account_add, "1", 5));
    struct write *take = give(write_command(&account_add, "1", -5));
    struct write *more = give(write_command(&account_add, "1", -1));

    fake_run(&the_session);
    EXPECT_OUTCOME(open, WRITE_APPENDED);
    EXPECT_OUTCOME(twice, WRITE_REFUSED);
    ck_assert_str_eq(twice->slug, "already-exists");
    EXPECT_OUTCOME(add, WRITE_APPENDED);
    EXPECT_OUTCOME(take, WRITE_APPENDED);
    EXPECT_OUTCOME(more, WRITE_REFUSED);
    ck_assert_uint_eq(the_log->commits, 1);
    ck_assert_int_eq(fake_log_stream(the_log, "account-1")->version, 3);
}
END_TEST

START_TEST(a_command_that_emits_nothing_tells_its_stream)
{
    struct write *write;
    struct write *absent;

    store_account("1", "", 10);
    write = run_one(write_command(&account_touch, "1", 0));
    EXPECT_OUTCOME(write, WRITE_APPENDED);
    ck_assert_uint_eq(write->events_count, 0);
    ck_assert_uint_eq(write->streams_count, 1);
    ck_assert_int_eq(write->streams[0].version.n, 2);
    ck_assert_int_eq(write->streams[0].first_version.n, 3);
    ck_assert_int_eq(write->streams[0].last_position.n, 2);
    absent = run_one(write_command(&account_touch, "2", 0));
    ck_assert_int_eq(absent->streams[0].version.n, 0);
    ck_assert_uint_eq(the_log->events_count, 2);
}
END_TEST

START_TEST(a_state_may_name_further_streams)
{
    struct write *write;

    store_account("1", "2", 10);
    store_account("2", "", 1);
    write = run_one(write_command(&account_give, "1", 4));
    EXPECT_OUTCOME(write, WRITE_APPENDED);
    ck_assert_uint_eq(write->events_count, 2);
    EXPECT_STR(write->events[0].stream, "account-1");
    EXPECT_STR(write->events[1].stream, "account-2");
    ck_assert_uint_eq(write->streams_count, 2);
    ck_assert_int_eq(write->streams[1].version.n, 3);
    ck_assert_str_eq(fake_log_event(the_log, "account-2", 3)->data, "{\"amount\":4}");
}
END_TEST

START_TEST(an_account_may_give_to_itself)
{
    struct write *write;

    store_account("1", "1", 10);
    write = run_one(write_command(&account_give, "1", 4));
    EXPECT_OUTCOME(write, WRITE_APPENDED);
    ck_assert_uint_eq(write->streams_count, 1);
    ck_assert_int_eq(write->streams[0].version.n, 4);
}
END_TEST

/* Each give names a stream that only the open before it makes known, and that is not loaded. */
START_TEST(streams_named_only_after_earlier_decisions_are_fetched)
{
    enum { CHAIN = 8 };
    struct write *gives[CHAIN];
    char id[16];
    char partner[16];

    for (int i = 0; i < CHAIN; i++) {
        snprintf(partner, sizeof(partner), "p%d", i);
        store_account(partner, "", 0);
    }
    for (int i = 0; i < CHAIN; i++) {
        snprintf(id, sizeof(id), "%d", i);
        snprintf(partner, sizeof(partner), "p%d", i);
        give(write_open(id, partner));
        give(write_command(&account_add, id, 3));
        gives[i] = give(write_command(&account_give, id, 3));
    }
    fake_run(&the_session);
    for (int i = 0; i < CHAIN; i++)
        EXPECT_OUTCOME(gives[i], WRITE_APPENDED);
    ck_assert_uint_eq(the_log->commits, 1); /* one fetch serves them all */
    ck_assert_uint_eq(the_session.steps[CORE_LOAD], 1);
}
END_TEST

/* Each adoption names an account that only the one before it makes known: a fetch for each. */
START_TEST(a_chain_of_dependent_commands_is_cut_into_batches)
{
    enum { CHAIN = 9 };
    struct write *adopts[CHAIN];
    char id[16];
    char next[16];

    for (int i = 0; i <= CHAIN; i++) {
        snprintf(id, sizeof(id), "%d", i);
        snprintf(next, sizeof(next), "%d", i + 1);
        store_account(id, next, 0);
    }
    for (int i = 0; i < CHAIN; i++)
        adopts[i] = give(write_command(&account_adopt, "0", 0));
    fake_run(&the_session);
    for (int i = 0; i < CHAIN; i++)
        EXPECT_OUTCOME(adopts[i], WRITE_APPENDED);
    ck_assert_str_eq(fake_log_event(the_log, "account-0", 2 + CHAIN)->data, "{\"partner\":\"10\"}");
    ck_assert_uint_gt(the_log->commits, 1);
    ck_assert_uint_lt(the_log->commits, CHAIN);
}
END_TEST

START_TEST(the_condition_is_checked_before_the_domain_decides)
{
    struct write *write = write_command(&account_add, "1", -99);

    store_account("1", "", 10);
    write_expect(write, EXACT(1));
    run_one(write);
    EXPECT_OUTCOME(write, WRITE_CONFLICT);
    ck_assert_uint_eq(write->conflicts_count, 1);
    EXPECT_STR(write->conflicts[0].stream, "account-1");
    ck_assert_int_eq(write->conflicts[0].actual.n, 2);
}
END_TEST

START_TEST(an_event_the_domain_itself_refuses_fails_its_command_only)
{
    struct write *before;
    struct write *spoil;
    struct write *after;

    store_account("1", "", 10);
    before = give(write_command(&account_add, "1", 1));
    spoil = give(write_command(&account_spoil, "1", 0));
    after = give(write_command(&account_add, "1", -11));
    fake_run(&the_session);
    EXPECT_OUTCOME(before, WRITE_APPENDED);
    EXPECT_OUTCOME(spoil, WRITE_FAILED);
    ck_assert_int_eq(spoil->error.class, ERROR_FATAL);
    ck_assert_str_eq(spoil->error.code, "internal-error");
    EXPECT_OUTCOME(after, WRITE_APPENDED);
    ck_assert_int_eq(fake_log_stream(the_log, "account-1")->version, 4);
}
END_TEST

START_TEST(a_batch_ends_before_a_command_that_would_pass_its_limit)
{
    struct core_config config = fake_core_config();
    struct write *first;
    struct write *second;

    store_account("1", "", 0);
    config.batch_events_max = 10;
    core_restart(&config);
    first = give(write_command(&account_bulk, "1", 6));
    second = give(write_command(&account_bulk, "1", 6));
    fake_run(&the_session);
    EXPECT_OUTCOME(first, WRITE_APPENDED);
    EXPECT_OUTCOME(second, WRITE_APPENDED);
    ck_assert_uint_eq(the_log->commits, 2);
    ck_assert_int_eq(second->streams[0].version.n, 14);
}
END_TEST

START_TEST(an_event_that_can_not_be_folded_stops_its_stream_only)
{
    struct write *bad;
    struct write *good;
    struct write *condition = write_command(&account_add, "1", 1);

    store_account("1", "", 10);
    fake_log_append(the_log, "account-1", "Unheard", "{}", "culprit");
    fake_log_append(the_log, "account-1", "Added", "{\"amount\":1}", NULL);
    store_account("2", "", 10);
    bad = give(write_command(&account_add, "1", 1));
    good = give(write_command(&account_add, "2", 1));
    write_expect(condition, EXACT(1));
    give(condition);
    fake_run(&the_session);
    EXPECT_OUTCOME(bad, WRITE_UNREADABLE);
    EXPECT_STR(bad->conflicts[0].stream, "account-1");
    ck_assert_int_eq(bad->conflicts[0].actual.n, 3);
    EXPECT_STR(bad->conflicts[0].event_id, "culprit");
    EXPECT_OUTCOME(good, WRITE_APPENDED);
    EXPECT_OUTCOME(condition, WRITE_CONFLICT);
}
END_TEST

START_TEST(a_missing_version_makes_a_stream_unreadable)
{
    struct write *write;

    store_account("1", "", 10);
    fake_log_append(the_log, "account-1", "Added", "{\"amount\":1}", NULL);
    the_log->events[_i].stream_id = 999; /* version 1, 2 or 3 is lost */
    write = run_one(write_command(&account_add, "1", 1));
    EXPECT_OUTCOME(write, WRITE_UNREADABLE);
    ck_assert_int_eq(write->conflicts[0].actual.n, _i + 1);
    ck_assert_ptr_null(write->conflicts[0].event_id.data);
}
END_TEST

START_TEST(raw_events_are_folded_for_commands_behind_them)
{
    struct write *raw;
    struct write *take;
    struct write *more;
    struct stream_append *append;
    struct new_event *event;

    store_account("1", "", 10);
    raw = write_append("account-1", 1, NULL);
    append = ARENA_NEW(raw->arena, struct stream_append);
    event = ARENA_NEW(raw->arena, struct new_event);
    *append = raw->appends[0];
    *event = append->events[0];
    event->type = STR("Added");
    event->data = STR("{\"amount\":7}");
    append->events = event;
    raw->appends = append;
    give(raw);
    take = give(write_command(&account_add, "1", -17));
    more = give(write_command(&account_add, "1", -1));
    fake_run(&the_session);
    EXPECT_OUTCOME(raw, WRITE_APPENDED);
    EXPECT_OUTCOME(take, WRITE_APPENDED);
    EXPECT_OUTCOME(more, WRITE_REFUSED);
}
END_TEST

START_TEST(a_raw_event_that_can_not_be_folded_spoils_the_stream_from_there)
{
    struct write *before;
    struct write *raw;
    struct write *after;

    store_account("1", "", 10);
    before = give(write_command(&account_add, "1", 1));
    raw = give(write_append("account-1", 1, "culprit"));
    after = give(write_command(&account_add, "1", 1));
    fake_run(&the_session);
    EXPECT_OUTCOME(before, WRITE_APPENDED);
    EXPECT_OUTCOME(raw, WRITE_APPENDED);
    EXPECT_OUTCOME(after, WRITE_UNREADABLE);
    ck_assert_int_eq(after->conflicts[0].actual.n, 4);
    EXPECT_STR(after->conflicts[0].event_id, "culprit");
    /* And likewise when it is loaded. */
    after = run_one(write_command(&account_add, "1", 1));
    EXPECT_OUTCOME(after, WRITE_UNREADABLE);
    EXPECT_STR(after->conflicts[0].event_id, "culprit");
}
END_TEST

START_TEST(a_cached_stream_is_not_loaded_again)
{
    store_account("1", "", 10);
    run_one(write_command(&account_add, "1", 1));
    ck_assert_uint_eq(the_session.loaded_events, 2);
    run_one(write_command(&account_add, "1", 1));
    run_one(write_command(&account_add, "1", -99)); /* a refusal keeps it, too */
    run_one(write_command(&account_add, "1", 1));
    ck_assert_uint_eq(the_session.loaded_events, 2);
    ck_assert_uint_eq(the_session.steps[CORE_LOOK], 4); /* one of them without a lock */
    ck_assert_int_eq(fake_log_stream(the_log, "account-1")->version, 5);
}
END_TEST

START_TEST(only_what_is_new_of_a_cached_stream_is_loaded)
{
    store_account("1", "", 10);
    run_one(write_command(&account_add, "1", 1));
    run_one(write_append("account-1", 0, NULL)); /* only a check: the state stays */
    fake_log_append(the_log, "account-1", "Added", "{\"amount\":5}", NULL);
    EXPECT_OUTCOME(run_one(write_command(&account_add, "1", -16)), WRITE_APPENDED);
    ck_assert_uint_eq(the_session.loaded_events, 3);
}
END_TEST

START_TEST(a_command_that_expects_a_new_stream_looks_for_none)
{
    EXPECT_OUTCOME(run_one(write_open("1", "")), WRITE_APPENDED);
    ck_assert_uint_eq(the_session.steps[CORE_LOOK], 1);
    ck_assert_uint_eq(the_session.steps[CORE_LOAD], 0);
}
END_TEST

START_TEST(a_long_stream_is_loaded_in_slices)
{
    struct write *write;

    fake_log_append(the_log, "account-1", "Opened", "{\"partner\":\"\"}", NULL);
    for (int i = 0; i < 2 * CORE_LOAD_EVENTS_MAX; i++)
        fake_log_append(the_log, "account-1", "Added", "{\"amount\":1}", NULL);
    write = run_one(write_command(&account_add, "1", -2 * CORE_LOAD_EVENTS_MAX));
    EXPECT_OUTCOME(write, WRITE_APPENDED);
    ck_assert_uint_eq(the_session.steps[CORE_LOAD], 3);
}
END_TEST

Suite *eventlog_decide_suite(void)
{
    Suite *suite = suite_create("eventlog_decide");
    TCase *tc = tcase_create("decide");

    tcase_add_checked_fixture(tc, core_set_up, core_tear_down);
    tcase_add_test(tc, a_command_decides_on_the_stored_state);
    tcase_add_test(tc, a_refusal_says_why_and_writes_nothing);
    tcase_add_test(tc, later_commands_of_a_batch_see_the_earlier_ones);
    tcase_add_test(tc, a_command_that_emits_nothing_tells_its_stream);
    tcase_add_test(tc, a_state_may_name_further_streams);
    tcase_add_test(tc, an_account_may_give_to_itself);
    tcase_add_test(tc, streams_named_only_after_earlier_decisions_are_fetched);
    tcase_add_test(tc, a_chain_of_dependent_commands_is_cut_into_batches);
    tcase_add_test(tc, the_condition_is_checked_before_the_domain_decides);
    tcase_add_test(tc, an_event_the_domain_itself_refuses_fails_its_command_only);
    tcase_add_test(tc, a_batch_ends_before_a_command_that_would_pass_its_limit);
    tcase_add_test(tc, an_event_that_can_not_be_folded_stops_its_stream_only);
    tcase_add_loop_test(tc, a_missing_version_makes_a_stream_unreadable, 0, 3);
    tcase_add_test(tc, raw_events_are_folded_for_commands_behind_them);
    tcase_add_test(tc, a_raw_event_that_can_not_be_folded_spoils_the_stream_from_there);
    tcase_add_test(tc, a_cached_stream_is_not_loaded_again);
    tcase_add_test(tc, only_what_is_new_of_a_cached_stream_is_loaded);
    tcase_add_test(tc, a_command_that_expects_a_new_stream_looks_for_none);
    tcase_add_test(tc, a_long_stream_is_loaded_in_slices);
    suite_add_tcase(suite, tc);
    return suite;
}
