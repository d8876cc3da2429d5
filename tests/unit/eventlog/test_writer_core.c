/* SPDX-License-Identifier: Apache-2.0 */
/* The interleavings and faults of docs/writer.md, one by one. */
#include "tests/unit/eventlog/core_fixture.h"

Suite *eventlog_writer_core_suite(void);

static void note(const char *stream)
{
    fake_log_append(the_log, stream, "Noted", "{}", NULL);
}

static void deposit(const char *stream, int64_t amount)
{
    char data[64];

    snprintf(data, sizeof(data), "{\"amount\":%lld}", (long long)amount);
    fake_log_append(the_log, stream, "Added", data, NULL);
}

static void store_account(const char *stream, int64_t balance)
{
    fake_log_append(the_log, stream, "Opened", "{\"partner\":\"\"}", NULL);
    deposit(stream, balance);
}

/* Before the batch takes the lock: it has decided, nothing is locked. */
static void run_to_before_lock(void)
{
    while (core_next(the_session.core, the_session.now_ms) != CORE_LOOK ||
           !core_lookups(the_session.core)->lock)
        ck_assert_int_eq(fake_step(&the_session, FAULT_NONE), FAKE_DONE);
}

START_TEST(a_stream_that_moved_before_the_lock_is_decided_again)
{
    struct write *take;
    struct write *rest;

    store_account("account-1", 10);
    run_one(write_command(&account_add, "1", 1));
    take = give(write_command(&account_add, "1", -11));
    rest = give(write_command(&account_add, "1", 3));
    run_to_before_lock();
    deposit("account-1", -5);
    fake_run(&the_session);
    EXPECT_OUTCOME(take, WRITE_REFUSED);
    EXPECT_STR(take->detail, "the balance is 6");
    EXPECT_OUTCOME(rest, WRITE_APPENDED);
    ck_assert_int_eq(rest->streams[0].version.n, 5);
    ck_assert_uint_eq(the_session.steps[CORE_ROLLBACK], 0);
}
END_TEST

START_TEST(a_refusal_rests_on_verified_streams_too)
{
    struct write *take;

    store_account("account-1", 10);
    run_one(write_command(&account_add, "1", 0));
    take = give(write_command(&account_add, "1", -15));
    run_to_before_lock();
    deposit("account-1", 5);
    fake_run(&the_session);
    EXPECT_OUTCOME(take, WRITE_APPENDED);
}
END_TEST

START_TEST(an_event_refused_on_a_stale_stream_is_decided_again)
{
    struct write *draw;
    struct write *beside;

    store_account("account-1", 10);
    run_one(write_command(&account_add, "1", 0));
    deposit("account-1", 5);
    draw = give(write_command(&account_draw, "1", 15)); /* by what the cache says: too much */
    beside = give(write_command(&account_draw, "1", 1));
    fake_run(&the_session);
    EXPECT_OUTCOME(draw, WRITE_APPENDED);
    EXPECT_OUTCOME(beside, WRITE_FAILED);
    ck_assert_str_eq(beside->error.code, "internal-error");
    ck_assert_int_eq(fake_log_stream(the_log, "account-1")->version, 5);
}
END_TEST

START_TEST(a_refused_event_rests_on_verified_streams_too)
{
    struct write *draw;

    store_account("account-1", 10);
    run_one(write_command(&account_add, "1", 0));
    draw = give(write_command(&account_draw, "1", 15));
    run_to_before_lock();
    deposit("account-1", 5);
    fake_run(&the_session);
    EXPECT_OUTCOME(draw, WRITE_APPENDED);
}
END_TEST

START_TEST(any_never_conflicts_and_exact_only_when_it_is_wrong)
{
    struct write *any;
    struct write *right = write_append("note-1", 1, NULL);
    struct write *wrong = write_append("note-2", 1, NULL);

    run_one(write_append("note-1", 1, NULL));
    run_one(write_append("note-2", 1, NULL));
    run_one(write_append("note-3", 1, NULL));
    write_expect(right, EXACT(2)); /* wrong by what the cache says, right by the log */
    write_expect(wrong, EXACT(1));
    give(right);
    give(wrong);
    any = give(write_append("note-3", 1, NULL));
    note("note-1");
    note("note-2");
    note("note-3");
    fake_run(&the_session);
    EXPECT_OUTCOME(right, WRITE_APPENDED);
    EXPECT_OUTCOME(wrong, WRITE_CONFLICT);
    ck_assert_int_eq(wrong->conflicts[0].actual.n, 2);
    EXPECT_OUTCOME(any, WRITE_APPENDED);
    ck_assert_int_eq(any->streams[0].version.n, 3);
}
END_TEST

START_TEST(a_stream_that_is_only_checked_is_verified)
{
    struct write *write = write_append("note-1", 1, NULL);

    run_one(write_append("note-2", 1, NULL));
    write_also(write, "note-2", EXACT(1), 0, NULL);
    give(write);
    run_to_before_lock();
    note("note-2");
    fake_run(&the_session);
    EXPECT_OUTCOME(write, WRITE_CONFLICT);
    EXPECT_STR(write->conflicts[0].stream, "note-2");
    ck_assert_int_eq(write->conflicts[0].actual.n, 2);
}
END_TEST

START_TEST(a_stream_that_was_absent_is_found_under_the_lock)
{
    struct write *none = write_append("note-1", 1, NULL);
    struct write *open;

    write_expect(none, NONE);
    give(none);
    open = give(write_open("1", ""));
    run_to_before_lock();
    note("note-1");
    store_account("account-1", 1);
    fake_run(&the_session);
    EXPECT_OUTCOME(none, WRITE_CONFLICT);
    ck_assert_int_eq(none->conflicts[0].actual.n, 1);
    EXPECT_OUTCOME(open, WRITE_REFUSED);
    ck_assert_str_eq(open->slug, "already-exists");
}
END_TEST

START_TEST(a_short_reload_is_made_under_the_lock)
{
    struct write *write;

    store_account("account-1", 0);
    run_one(write_command(&account_add, "1", 1));
    write = give(write_command(&account_add, "1", -1001));
    for (int i = 0; i < CORE_LOCKED_LOAD_EVENTS_MAX; i++)
        deposit("account-1", 1);
    fake_run(&the_session);
    EXPECT_OUTCOME(write, WRITE_APPENDED);
    ck_assert_uint_eq(the_session.steps[CORE_ROLLBACK], 0);
}
END_TEST

START_TEST(a_long_reload_is_made_outside_and_begun_again)
{
    struct write *write;

    store_account("account-1", 0);
    run_one(write_command(&account_add, "1", 1));
    write = give(write_command(&account_add, "1", -1003));
    for (int i = 0; i <= CORE_LOCKED_LOAD_EVENTS_MAX; i++)
        deposit("account-1", 1);
    fake_run_to(&the_session, CORE_ROLLBACK);
    ck_assert_ptr_null(the_log->locked_by);
    fake_run_to(&the_session, CORE_LOAD);
    deposit("account-1", 1); /* and it moves again meanwhile */
    fake_run(&the_session);
    EXPECT_OUTCOME(write, WRITE_APPENDED);
    ck_assert_uint_eq(the_session.steps[CORE_ROLLBACK], 1);
}
END_TEST

START_TEST(a_new_decision_may_name_streams_that_are_fetched_under_the_lock)
{
    struct write *write;

    store_account("account-1", 10);
    store_account("account-2", 0);
    write = give(write_command(&account_give, "1", 4)); /* as decided first: no partner */
    run_to_before_lock();
    fake_log_append(the_log, "account-1", "Opened", "{\"partner\":\"2\"}", NULL);
    fake_run(&the_session);
    EXPECT_OUTCOME(write, WRITE_APPENDED);
    ck_assert_int_eq(fake_log_stream(the_log, "account-2")->version, 3);
    ck_assert_uint_eq(the_session.steps[CORE_ROLLBACK], 0);
    ck_assert_uint_eq(the_log->commits, 1);
}
END_TEST

START_TEST(a_stream_that_went_back_is_loaded_anew)
{
    struct write *write;

    store_account("account-1", 10);
    run_one(write_command(&account_add, "1", 5));
    /* Somebody deletes version 3, and version 2 was another. */
    the_log->events[2].stream_id = 999;
    fake_log_stream(the_log, "account-1")->version = 2;
    the_log->events[1].data[strlen(the_log->events[1].data) - 2] = '1';
    write = run_one(write_command(&account_add, "1", -12));
    EXPECT_OUTCOME(write, WRITE_REFUSED);
    EXPECT_STR(write->detail, "the balance is 11");
}
END_TEST

START_TEST(a_stream_whose_row_is_gone_is_looked_for_by_name)
{
    struct write *write;

    run_one(write_append("note-1", 1, NULL));
    fake_log_stream(the_log, "note-1")->id = 77777; /* restored under another id */
    the_log->events[0].stream_id = 77777;
    write = run_one(write_append("note-1", 1, NULL));
    EXPECT_OUTCOME(write, WRITE_APPENDED);
    ck_assert_int_eq(write->streams[0].version.n, 2);
    ck_assert_uint_eq(the_log->streams_count, 1);
}
END_TEST

START_TEST(an_answer_is_stored_with_its_events)
{
    struct write *write = write_append("note-1", 2, NULL);

    write_key(write, "k", "hash");
    run_one(write);
    EXPECT_OUTCOME(write, WRITE_APPENDED);
    ck_assert_uint_eq(the_log->answers_count, 1);
    ck_assert_str_eq(the_log->answers[0].body, "{\"version\":2}");
    EXPECT_STR(write->answer.body, "{\"version\":2}");
}
END_TEST

START_TEST(a_key_is_answered_as_the_first_time)
{
    struct write *again = write_append("note-1", 2, NULL);
    struct write *other = write_append("note-1", 1, NULL);
    struct write *beside;

    fake_log_answer(the_log, "k", "hash", "the body");
    write_key(again, "k", "hash");
    write_key(other, "k", "another hash");
    give(again);
    beside = give(write_append("note-1", 1, NULL));
    fake_run(&the_session);
    EXPECT_OUTCOME(again, WRITE_REPLAYED);
    ck_assert_int_eq(again->answer.status, 201);
    EXPECT_STR(again->answer.body, "the body");
    ck_assert_uint_eq(again->events_count, 0);
    EXPECT_OUTCOME(beside, WRITE_APPENDED);
    ck_assert_int_eq(beside->streams[0].version.n, 1);
    EXPECT_OUTCOME(run_one(other), WRITE_KEY_REUSED);
    ck_assert_uint_eq(the_log->events_count, 1);
    ck_assert_uint_eq(the_log->answers_count, 1);
}
END_TEST

START_TEST(a_key_found_again_may_change_the_others_decisions)
{
    struct write *open = write_open("1", "");
    struct write *add;

    write_key(open, "k", "hash");
    give(open);
    add = give(write_command(&account_add, "1", 1));
    run_to_before_lock();
    fake_log_answer(the_log, "k", "hash", "the body"); /* without events, to see the difference */
    fake_run(&the_session);
    EXPECT_OUTCOME(open, WRITE_REPLAYED);
    EXPECT_OUTCOME(add, WRITE_REFUSED);
    ck_assert_str_eq(add->slug, "not-found");
}
END_TEST

START_TEST(only_successes_are_stored)
{
    struct write *refused = write_command(&account_add, "1", 1);
    struct write *conflict = write_append("note-1", 1, NULL);
    struct write *nothing = write_command(&account_touch, "1", 1);
    struct write *repeated = write_append("note-2", 1, "a");

    fake_log_append(the_log, "note-2", "Noted", "{}", "a");
    write_expect(conflict, EXISTS);
    write_key(refused, "k1", "hash");
    write_key(conflict, "k2", "hash");
    write_key(nothing, "k3", "hash");
    write_key(repeated, "k4", "hash");
    give(refused);
    give(conflict);
    give(nothing);
    give(repeated);
    fake_run(&the_session);
    EXPECT_OUTCOME(refused, WRITE_REFUSED);
    EXPECT_OUTCOME(conflict, WRITE_CONFLICT);
    EXPECT_OUTCOME(nothing, WRITE_APPENDED);
    EXPECT_OUTCOME(repeated, WRITE_REPEATED);
    ck_assert_uint_eq(the_log->answers_count, 2);
    ck_assert_str_eq(the_log->answers[0].key, "k3");
    ck_assert_str_eq(the_log->answers[1].key, "k4");
}
END_TEST

Suite *eventlog_writer_core_suite(void)
{
    Suite *suite = suite_create("eventlog_writer_core");
    TCase *tc = tcase_create("core");

    tcase_add_checked_fixture(tc, core_set_up, core_tear_down);
    tcase_add_test(tc, a_stream_that_moved_before_the_lock_is_decided_again);
    tcase_add_test(tc, a_refusal_rests_on_verified_streams_too);
    tcase_add_test(tc, an_event_refused_on_a_stale_stream_is_decided_again);
    tcase_add_test(tc, a_refused_event_rests_on_verified_streams_too);
    tcase_add_test(tc, any_never_conflicts_and_exact_only_when_it_is_wrong);
    tcase_add_test(tc, a_stream_that_is_only_checked_is_verified);
    tcase_add_test(tc, a_stream_that_was_absent_is_found_under_the_lock);
    tcase_add_test(tc, a_short_reload_is_made_under_the_lock);
    tcase_add_test(tc, a_long_reload_is_made_outside_and_begun_again);
    tcase_add_test(tc, a_new_decision_may_name_streams_that_are_fetched_under_the_lock);
    tcase_add_test(tc, a_stream_that_went_back_is_loaded_anew);
    tcase_add_test(tc, a_stream_whose_row_is_gone_is_looked_for_by_name);
    tcase_add_test(tc, an_answer_is_stored_with_its_events);
    tcase_add_test(tc, a_key_is_answered_as_the_first_time);
    tcase_add_test(tc, a_key_found_again_may_change_the_others_decisions);
    tcase_add_test(tc, only_successes_are_stored);
    suite_add_tcase(suite, tc);
    return suite;
}
