/* SPDX-License-Identifier: Apache-2.0 */
/* Dry runs: they tell what a write would come to, and leave no trace in log, batch or cache. */
#include "tests/unit/eventlog/core_fixture.h"

Suite *eventlog_dry_run_suite(void);

static struct write *dry(struct write *write)
{
    write_dry(write);
    return write;
}

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

START_TEST(a_dry_run_tells_its_events_and_writes_none)
{
    struct write *write;

    store_account("1", "2", 10);
    store_account("2", "", 1);
    write = run_one(dry(write_command(&account_give, "1", 4)));
    EXPECT_OUTCOME(write, WRITE_APPENDED);
    ck_assert_uint_eq(write->events_count, 2);
    EXPECT_STR(write->events[0].stream, "account-1");
    EXPECT_STR(write->events[0].type, "Added");
    EXPECT_STR(write->events[0].data, "{\"amount\":-4}");
    ck_assert_int_eq(write->events[0].version.n, 3);
    ck_assert_int_eq(write->events[0].position.n, 0);
    ck_assert_ptr_null(write->events[0].id.data);
    ck_assert_int_eq(write->events[0].occurred_at_us, write->occurred_at_us);
    EXPECT_STR(write->events[1].stream, "account-2");
    EXPECT_STR(write->events[1].data, "{\"amount\":4}");
    ck_assert_uint_eq(write->streams_count, 2);
    EXPECT_STR(write->streams[0].stream, "account-1");
    ck_assert_int_eq(write->streams[0].first_version.n, 3);
    ck_assert_int_eq(write->streams[0].version.n, 3);
    ck_assert_uint_eq(the_log->events_count, 4);
    ck_assert_int_eq(fake_log_stream(the_log, "account-1")->version, 2);
}
END_TEST

START_TEST(its_batch_goes_on_as_if_it_had_not_been_there)
{
    struct write *before;
    struct write *tried;
    struct write *after;
    struct write *too_much;

    store_account("1", "", 10);
    before = give(write_command(&account_add, "1", 5));
    tried = give(dry(write_command(&account_add, "1", -15)));
    after = give(write_command(&account_add, "1", -15));
    too_much = give(write_command(&account_add, "1", -1));
    fake_run(&the_session);
    EXPECT_OUTCOME(before, WRITE_APPENDED);
    EXPECT_OUTCOME(tried, WRITE_APPENDED); /* it sees what was decided before it */
    ck_assert_int_eq(tried->events[0].version.n, 4);
    EXPECT_OUTCOME(after, WRITE_APPENDED);
    ck_assert_int_eq(after->events[0].version.n, 4);
    EXPECT_OUTCOME(too_much, WRITE_REFUSED);
    ck_assert_uint_eq(the_log->commits, 1);
    ck_assert_int_eq(fake_log_stream(the_log, "account-1")->version, 4);
}
END_TEST

START_TEST(the_cache_keeps_the_state_of_before)
{
    store_account("1", "", 10);
    run_one(dry(write_command(&account_add, "1", -10)));
    EXPECT_OUTCOME(run_one(write_command(&account_add, "1", -10)), WRITE_APPENDED);
    EXPECT_OUTCOME(run_one(write_command(&account_add, "1", -1)), WRITE_REFUSED);
    ck_assert_uint_eq(the_session.loaded_events, 2);
}
END_TEST

START_TEST(a_stream_that_it_would_begin_is_not_begun)
{
    struct write *tried = run_one(dry(write_open("1", "")));
    struct write *again = run_one(dry(write_open("1", "")));

    EXPECT_OUTCOME(tried, WRITE_APPENDED);
    ck_assert_int_eq(tried->streams[0].version.n, 1);
    EXPECT_OUTCOME(again, WRITE_APPENDED);
    ck_assert_ptr_null(fake_log_stream(the_log, "account-1"));
    ck_assert_uint_eq(the_log->streams_count + the_log->categories_count, 0);
    EXPECT_OUTCOME(run_one(write_open("1", "")), WRITE_APPENDED);
}
END_TEST

START_TEST(refusals_and_conflicts_are_those_of_the_real_write)
{
    struct write *refused;
    struct write *conflict = dry(write_command(&account_add, "1", 1));
    struct write *spoilt;

    store_account("1", "", 10);
    refused = run_one(dry(write_command(&account_add, "1", -11)));
    EXPECT_OUTCOME(refused, WRITE_REFUSED);
    EXPECT_STR(refused->members, "\"balance\":10");
    write_expect(conflict, EXACT(1));
    run_one(conflict);
    EXPECT_OUTCOME(conflict, WRITE_CONFLICT);
    ck_assert_int_eq(conflict->conflicts[0].actual.n, 2);
    spoilt = run_one(dry(write_command(&account_spoil, "1", 0)));
    EXPECT_OUTCOME(spoilt, WRITE_FAILED);
    ck_assert_str_eq(spoilt->error.code, "internal-error");
    EXPECT_OUTCOME(run_one(write_command(&account_add, "1", -10)), WRITE_APPENDED);
}
END_TEST

/* Between the decision and the lock another process takes the money. */
START_TEST(it_is_decided_again_when_its_stream_moved)
{
    struct write *tried;

    store_account("1", "", 10);
    run_one(write_command(&account_add, "1", 1)); /* now it is cached */
    fake_log_append(the_log, "account-1", "Added", "{\"amount\":-11}", NULL);
    tried = run_one(dry(write_command(&account_add, "1", -5)));
    EXPECT_OUTCOME(tried, WRITE_REFUSED);
    EXPECT_STR(tried->members, "\"balance\":0");
}
END_TEST

START_TEST(a_raw_append_is_tried_with_its_ids)
{
    struct write *tried = give(dry(write_append("note-1", 2, "a b")));
    struct write *done = give(write_append("note-1", 2, "a b"));
    struct write *repeated = give(dry(write_append("note-1", 2, "a b")));
    struct write *partly = give(dry(write_append("note-1", 2, "b c")));

    fake_run(&the_session);
    EXPECT_OUTCOME(tried, WRITE_APPENDED);
    ck_assert_uint_eq(tried->events_count, 2);
    EXPECT_STR(tried->events[1].id, "b");
    EXPECT_STR(tried->events[1].data, "{\"n\":1}");
    EXPECT_OUTCOME(done, WRITE_APPENDED); /* not repeated: the ids were not taken */
    EXPECT_OUTCOME(repeated, WRITE_REPEATED);
    ck_assert_uint_eq(repeated->events_count, 0);
    ck_assert_int_eq(repeated->streams[0].version.n, 2);
    EXPECT_OUTCOME(partly, WRITE_CONFLICT);
    ck_assert_uint_eq(the_log->events_count, 2);
}
END_TEST

START_TEST(a_raw_event_that_it_would_append_spoils_no_stream)
{
    struct write *before;
    struct write *raw;
    struct write *after;

    store_account("1", "", 10);
    before = give(write_command(&account_add, "1", 1));
    raw = give(dry(write_append("account-1", 1, "culprit")));
    after = give(write_command(&account_add, "1", 1));
    fake_run(&the_session);
    EXPECT_OUTCOME(before, WRITE_APPENDED);
    EXPECT_OUTCOME(raw, WRITE_APPENDED);
    EXPECT_OUTCOME(after, WRITE_APPENDED);
}
END_TEST

START_TEST(categories_are_counted_and_not_taken)
{
    struct core_config config = fake_core_config();

    fake_log_category(the_log, "a");
    config.categories_max = 2;
    core_restart(&config);
    EXPECT_OUTCOME(run_one(dry(write_append("b-1", 1, NULL))), WRITE_APPENDED);
    EXPECT_OUTCOME(run_one(write_append("c-1", 1, NULL)), WRITE_APPENDED);
    EXPECT_OUTCOME(run_one(dry(write_append("d-1", 1, NULL))), WRITE_TOO_MANY_CATEGORIES);
    ck_assert_uint_eq(the_log->categories_count, 2);
}
END_TEST

START_TEST(a_full_batch_ends_before_it_too)
{
    struct core_config config = fake_core_config();
    struct write *first;
    struct write *second;
    struct write *third;

    config.batch_events_max = 10;
    core_restart(&config);
    store_account("1", "", 0);
    first = give(write_command(&account_bulk, "1", 8));
    second = give(dry(write_command(&account_bulk, "1", 8)));
    third = give(dry(write_command(&account_bulk, "1", 8)));
    fake_run(&the_session);
    EXPECT_OUTCOME(first, WRITE_APPENDED);
    EXPECT_OUTCOME(second, WRITE_APPENDED);
    EXPECT_OUTCOME(third, WRITE_APPENDED);
    ck_assert_int_eq(third->events[7].version.n, 18);
    ck_assert_uint_eq(the_log->events_count, 10);
}
END_TEST

Suite *eventlog_dry_run_suite(void)
{
    Suite *suite = suite_create("eventlog_dry_run");
    TCase *tc = tcase_create("dry_run");

    tcase_add_checked_fixture(tc, core_set_up, core_tear_down);
    tcase_add_test(tc, a_dry_run_tells_its_events_and_writes_none);
    tcase_add_test(tc, its_batch_goes_on_as_if_it_had_not_been_there);
    tcase_add_test(tc, the_cache_keeps_the_state_of_before);
    tcase_add_test(tc, a_stream_that_it_would_begin_is_not_begun);
    tcase_add_test(tc, refusals_and_conflicts_are_those_of_the_real_write);
    tcase_add_test(tc, it_is_decided_again_when_its_stream_moved);
    tcase_add_test(tc, a_raw_append_is_tried_with_its_ids);
    tcase_add_test(tc, a_raw_event_that_it_would_append_spoils_no_stream);
    tcase_add_test(tc, categories_are_counted_and_not_taken);
    tcase_add_test(tc, a_full_batch_ends_before_it_too);
    suite_add_tcase(suite, tc);
    return suite;
}
