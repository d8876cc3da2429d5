/* SPDX-License-Identifier: Apache-2.0 */
/* Groups: commands of one request in one transaction, each its own verdict or all as one. */
#include "eventlog/batch_internal.h"
#include "tests/unit/eventlog/core_fixture.h"

Suite *eventlog_group_suite(void);

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

static int64_t version_of(const char *stream)
{
    const struct fake_stream *found = fake_log_stream(the_log, stream);

    return found != NULL ? found->version : 0;
}

START_TEST(each_part_has_a_verdict_and_sees_those_before_it)
{
    struct write *group = write_group(false);
    struct write *open = write_part_open(group, "1", "");
    struct write *again = write_part_open(group, "1", "");
    struct write *add = write_part(group, &account_add, "1", 5);
    struct write *too_much = write_part(group, &account_add, "1", -6);
    struct write *take = write_part(group, &account_add, "1", -5);

    EXPECT_OUTCOME(run_one(group), WRITE_APPENDED);
    ck_assert_ptr_null(group->culprit);
    ck_assert_int_eq(open->outcome, WRITE_APPENDED);
    ck_assert_int_eq(again->outcome, WRITE_REFUSED);
    ck_assert_str_eq(again->slug, "already-exists");
    ck_assert_int_eq(add->outcome, WRITE_APPENDED);
    ck_assert_int_eq(too_much->outcome, WRITE_REFUSED);
    EXPECT_STR(too_much->members, "\"balance\":5");
    ck_assert_int_eq(take->outcome, WRITE_APPENDED);
    ck_assert_int_eq(take->events[0].position.n, 3);
    ck_assert_int_eq(take->streams[0].version.n, 3);
    ck_assert_uint_eq(the_log->commits, 1);
    ck_assert_uint_eq(the_log->events_count, 3);
}
END_TEST

START_TEST(an_atomic_group_is_written_whole)
{
    struct write *group = write_group(true);
    struct write *last;

    store_account("1", "2", 10);
    store_account("2", "", 0);
    write_part(group, &account_give, "1", 4);
    last = write_part(group, &account_add, "2", -4);
    EXPECT_OUTCOME(run_one(group), WRITE_APPENDED);
    ck_assert_int_eq(last->outcome, WRITE_APPENDED);
    ck_assert_int_eq(version_of("account-1"), 3);
    ck_assert_int_eq(version_of("account-2"), 4);
}
END_TEST

START_TEST(an_atomic_group_fails_whole_by_its_first_culprit)
{
    struct write *before;
    struct write *group = write_group(true);
    struct write *culprit;
    struct write *after;

    store_account("1", "", 10);
    before = give(write_command(&account_add, "1", 1));
    write_part_open(group, "2", "");
    write_part(group, &account_add, "1", -11);
    culprit = write_part(group, &account_add, "1", -1);
    write_part(group, &account_add, "9", 1); /* would fail, too */
    give(group);
    after = give(write_command(&account_add, "1", -11));
    fake_run(&the_session);
    EXPECT_OUTCOME(before, WRITE_APPENDED);
    EXPECT_OUTCOME(group, WRITE_REFUSED);
    ck_assert_ptr_eq(group->culprit, culprit);
    ck_assert_str_eq(culprit->slug, "insufficient");
    EXPECT_STR(culprit->members, "\"balance\":0");
    EXPECT_OUTCOME(after, WRITE_APPENDED); /* as if the group had not been there */
    ck_assert_int_eq(version_of("account-1"), 4);
    ck_assert_int_eq(version_of("account-2"), 0);
    ck_assert_uint_eq(the_log->commits, 1);
}
END_TEST

START_TEST(a_condition_is_each_parts_own)
{
    struct write *group = write_group(_i == 1);
    struct write *right;
    struct write *wrong;

    store_account("1", "", 10);
    right = write_part(group, &account_add, "1", 1);
    right->expected = EXACT(2);
    wrong = write_part(group, &account_add, "1", 1);
    wrong->expected = EXACT(2);
    run_one(group);
    ck_assert_int_eq(wrong->outcome, WRITE_CONFLICT);
    ck_assert_int_eq(wrong->conflicts[0].actual.n, 3);
    EXPECT_OUTCOME(group, _i == 1 ? WRITE_CONFLICT : WRITE_APPENDED);
    ck_assert_int_eq(version_of("account-1"), _i == 1 ? 2 : 3);
}
END_TEST

START_TEST(a_moved_stream_decides_all_of_it_again)
{
    struct write *group = write_group(true);

    store_account("1", "", 10);
    run_one(write_command(&account_add, "1", 1)); /* now it is cached */
    fake_log_append(the_log, "account-1", "Added", "{\"amount\":-11}", NULL);
    write_part_open(group, "2", "");
    write_part(group, &account_add, "1", -5);
    EXPECT_OUTCOME(run_one(group), WRITE_REFUSED);
    ck_assert_int_eq(version_of("account-2"), 0);
}
END_TEST

/* Each adoption names an account that only the one before it makes known. */
START_TEST(a_chain_of_dependent_parts_stays_one_transaction)
{
    enum { CHAIN = 9 };
    struct write *first;
    struct write *group = write_group(true);
    char id[16];
    char next[16];

    for (int i = 0; i <= CHAIN; i++) {
        snprintf(id, sizeof(id), "%d", i);
        snprintf(next, sizeof(next), "%d", i + 1);
        store_account(id, next, 0);
    }
    first = give(write_open("x", ""));
    for (int i = 0; i < CHAIN; i++)
        write_part(group, &account_adopt, "0", 0);
    give(group);
    fake_run(&the_session);
    EXPECT_OUTCOME(first, WRITE_APPENDED);
    EXPECT_OUTCOME(group, WRITE_APPENDED);
    ck_assert_str_eq(fake_log_event(the_log, "account-0", 2 + CHAIN)->data, "{\"partner\":\"10\"}");
    ck_assert_int_eq(group->parts[CHAIN - 1].events[0].position.n,
                     group->parts[0].events[0].position.n + CHAIN - 1);
}
END_TEST

START_TEST(a_spoilt_part_fails_alone_or_with_its_atomic_group)
{
    struct write *group = write_group(_i == 1);
    struct write *spoil;
    struct write *after;

    store_account("1", "", 10);
    write_part(group, &account_add, "1", 1);
    spoil = write_part(group, &account_spoil, "1", 0);
    write_part(group, &account_add, "1", -11);
    give(group);
    after = give(write_command(&account_add, "1", _i == 1 ? -10 : 1));
    fake_run(&the_session);
    ck_assert_int_eq(spoil->outcome, WRITE_FAILED);
    ck_assert_str_eq(spoil->error.code, "internal-error");
    EXPECT_OUTCOME(group, _i == 1 ? WRITE_FAILED : WRITE_APPENDED);
    ck_assert_ptr_eq(group->culprit, _i == 1 ? spoil : NULL);
    EXPECT_OUTCOME(after, WRITE_APPENDED);
    ck_assert_int_eq(version_of("account-1"), _i == 1 ? 3 : 5);
}
END_TEST

/* Before the first part's partner is loaded, the second stands on too little. */
START_TEST(a_part_is_not_spoilt_by_what_is_not_decided_yet)
{
    struct write *group = write_group(_i == 1);

    store_account("x", "p", 10);
    store_account("p", "", 2000000);
    write_part(group, &account_give, "x", -1000000);
    write_part(group, &account_spoil, "x", 0);
    EXPECT_OUTCOME(run_one(group), WRITE_APPENDED);
    ck_assert_int_eq(group->parts[1].outcome, WRITE_APPENDED);
    ck_assert_int_eq(version_of("account-x"), 5);
}
END_TEST

/* Keys. */

START_TEST(a_groups_key_stores_one_answer_for_all)
{
    struct write *group = write_group(false);
    struct write *again = write_group(false);
    struct write *other = write_group(false);

    write_part_open(group, "1", "");
    write_part(group, &account_add, "2", 1); /* refused, and the answer says so */
    write_key(group, "k", "hash");
    EXPECT_OUTCOME(run_one(group), WRITE_APPENDED);
    ck_assert_uint_eq(the_log->answers_count, 1);
    write_part_open(again, "1", "");
    write_key(again, "k", "hash");
    EXPECT_OUTCOME(run_one(again), WRITE_REPLAYED);
    ck_assert_int_eq(again->answer.status, 201);
    write_part_open(other, "3", "");
    write_key(other, "k", "another");
    EXPECT_OUTCOME(run_one(other), WRITE_KEY_REUSED);
    ck_assert_uint_eq(the_log->events_count, 1);
}
END_TEST

START_TEST(a_failed_atomic_group_stores_nothing)
{
    struct write *group = write_group(true);
    struct write *part = write_part_open(group, "1", "");

    write_key(part, "p", "hash");
    write_part(group, &account_add, "2", 1);
    write_key(group, "k", "hash");
    EXPECT_OUTCOME(run_one(group), WRITE_REFUSED);
    ck_assert_uint_eq(the_log->answers_count + the_log->events_count, 0);
}
END_TEST

START_TEST(a_parts_key_stores_that_parts_answer)
{
    struct write *group = write_group(true);
    struct write *part = write_part_open(group, "1", "");
    struct write *alone;
    struct write *retry = write_group(true);
    struct write *replayed;
    struct write *fresh;

    write_key(part, "p", "hash");
    write_part(group, &account_add, "1", 1);
    EXPECT_OUTCOME(run_one(group), WRITE_APPENDED);
    ck_assert_uint_eq(the_log->answers_count, 1);
    alone = write_open("1", "");
    write_key(alone, "p", "hash");
    EXPECT_OUTCOME(run_one(alone), WRITE_REPLAYED);

    replayed = write_part_open(retry, "1", "");
    write_key(replayed, "p", "hash");
    fresh = write_part(retry, &account_add, "1", 1);
    write_key(fresh, "q", "hash");
    EXPECT_OUTCOME(run_one(retry), WRITE_APPENDED);
    ck_assert_int_eq(replayed->outcome, WRITE_REPLAYED);
    EXPECT_STR(replayed->answer.body, "{\"version\":1}");
    ck_assert_int_eq(fresh->outcome, WRITE_APPENDED);
    ck_assert_uint_eq(the_log->answers_count, 2);
    ck_assert_int_eq(version_of("account-1"), 3);
}
END_TEST

START_TEST(a_reused_or_busy_key_is_its_parts_verdict)
{
    struct write *group = write_group(_i == 1);
    struct write *culprit;

    fake_log_answer(the_log, "used", "hash", "{}");
    write_part_open(group, "1", "");
    culprit = write_part_open(group, "2", "");
    if (_i < 2)
        write_key(culprit, "used", "another");
    culprit->key_busy = _i == 2;
    write_part_open(group, "3", "");
    EXPECT_OUTCOME(run_one(group), _i == 1 ? WRITE_KEY_REUSED : WRITE_APPENDED);
    ck_assert_int_eq(culprit->outcome, _i == 2 ? WRITE_KEY_BUSY : WRITE_KEY_REUSED);
    ck_assert_uint_eq(the_log->events_count, _i == 1 ? 0 : 2);
}
END_TEST

START_TEST(stored_answers_are_bounded_in_sum)
{
    struct write *group = write_group(false);
    size_t len = GROUP_REPLAYED_BYTES_MAX / 2 + 1;
    char *body = calloc(1, len + 1);
    struct write *parts[2];

    memset(body, ' ', len);
    fake_log_answer(the_log, "a", "hash", body);
    fake_log_answer(the_log, "b", "hash", body);
    free(body);
    for (int i = 0; i < 2; i++) {
        parts[i] = write_part_open(group, "1", "");
        write_key(parts[i], i == 0 ? "a" : "b", "hash");
    }
    EXPECT_OUTCOME(run_one(group), WRITE_APPENDED);
    ck_assert_int_eq(parts[0]->outcome, WRITE_REPLAYED);
    ck_assert_int_eq(parts[1]->outcome, WRITE_FAILED);
    ck_assert_str_eq(parts[1]->error.code, "payload-too-large");
}
END_TEST

START_TEST(stored_answers_are_counted_anew_when_a_commit_failed)
{
    struct write *group = write_group(false);
    size_t len = GROUP_REPLAYED_BYTES_MAX / 2 + 1;
    char *body = calloc(1, len + 1);

    memset(body, ' ', len);
    fake_log_answer(the_log, "a", "hash", body);
    free(body);
    write_key(write_part_open(group, "1", ""), "a", "hash");
    write_part_open(group, "2", "");
    give(group);
    fake_run_to(&the_session, CORE_LOOK);
    fake_step(&the_session, FAULT_REFUSED);
    fake_run(&the_session);
    EXPECT_OUTCOME(group, WRITE_APPENDED);
    ck_assert_int_eq(group->parts[0].outcome, WRITE_REPLAYED);
}
END_TEST

/* Limits. */

START_TEST(a_group_that_does_not_fit_opens_the_next_batch)
{
    struct core_config config = fake_core_config();
    struct write *first;
    struct write *group = write_group(true);
    struct write *last;

    config.batch_events_max = 10;
    core_restart(&config);
    store_account("1", "", 0);
    first = give(write_command(&account_bulk, "1", 6));
    for (int i = 0; i < 5; i++)
        write_part(group, &account_bulk, "1", 6);
    give(group);
    last = give(write_command(&account_bulk, "1", 6));
    fake_run(&the_session);
    EXPECT_OUTCOME(first, WRITE_APPENDED);
    EXPECT_OUTCOME(group, WRITE_APPENDED);
    EXPECT_OUTCOME(last, WRITE_APPENDED);
    ck_assert_uint_eq(the_log->commits, 3);
    ck_assert_int_eq(group->parts[0].events[0].version.n, 9);
    ck_assert_int_eq(last->events[5].version.n, 44);
}
END_TEST

START_TEST(a_group_has_a_share_of_events)
{
    struct write *group = write_group(_i == 1);
    struct write *over = NULL;

    store_account("1", "", 0);
    for (int i = 0; i <= 10; i++)
        over = write_part(group, &account_bulk, "1", 1000);
    write_part(group, &account_touch, "1", 0);
    run_one(group);
    ck_assert_int_eq(over->outcome, WRITE_FAILED);
    ck_assert_str_eq(over->error.code, "payload-too-large");
    EXPECT_OUTCOME(group, _i == 1 ? WRITE_FAILED : WRITE_APPENDED);
    ck_assert_int_eq(version_of("account-1"), _i == 1 ? 2 : 10002);
}
END_TEST

START_TEST(a_group_that_expires_has_no_culprit)
{
    struct write *group = write_group(true);

    store_account("1", "", 0);
    write_part(group, &account_add, "1", -1);
    group->deadline_ms = 100;
    the_session.open = false;
    the_session.down = true;
    run_one(group);
    EXPECT_OUTCOME(group, WRITE_FAILED);
    ck_assert_str_eq(group->error.code, "dependency-down");
    ck_assert_ptr_null(group->culprit);
}
END_TEST

START_TEST(a_dry_group_tells_each_part_and_writes_nothing)
{
    struct write *group = write_group(false);
    struct write *open = write_part_open(group, "1", "");
    struct write *add = write_part(group, &account_add, "1", 5);
    struct write *refused = write_part(group, &account_add, "1", -6);
    struct write *atomic = write_group(true);

    write_dry(group);
    EXPECT_OUTCOME(run_one(group), WRITE_APPENDED);
    EXPECT_STR(open->events[0].type, "Opened");
    ck_assert_int_eq(add->outcome, WRITE_APPENDED);
    EXPECT_STR(add->events[0].data, "{\"amount\":5}");
    ck_assert_int_eq(add->events[0].version.n, 2);
    ck_assert_int_eq(refused->outcome, WRITE_REFUSED);
    write_part_open(atomic, "1", "");
    refused = write_part(atomic, &account_add, "1", -6);
    write_dry(atomic);
    EXPECT_OUTCOME(run_one(atomic), WRITE_REFUSED);
    ck_assert_ptr_eq(atomic->culprit, refused);
    ck_assert_uint_eq(the_log->events_count + the_log->streams_count, 0);
}
END_TEST

Suite *eventlog_group_suite(void)
{
    Suite *suite = suite_create("eventlog_group");
    TCase *tc = tcase_create("group");

    tcase_add_checked_fixture(tc, core_set_up, core_tear_down);
    tcase_add_test(tc, each_part_has_a_verdict_and_sees_those_before_it);
    tcase_add_test(tc, an_atomic_group_is_written_whole);
    tcase_add_test(tc, an_atomic_group_fails_whole_by_its_first_culprit);
    tcase_add_loop_test(tc, a_condition_is_each_parts_own, 0, 2);
    tcase_add_test(tc, a_moved_stream_decides_all_of_it_again);
    tcase_add_test(tc, a_chain_of_dependent_parts_stays_one_transaction);
    tcase_add_loop_test(tc, a_spoilt_part_fails_alone_or_with_its_atomic_group, 0, 2);
    tcase_add_loop_test(tc, a_part_is_not_spoilt_by_what_is_not_decided_yet, 0, 2);
    tcase_add_test(tc, a_groups_key_stores_one_answer_for_all);
    tcase_add_test(tc, a_failed_atomic_group_stores_nothing);
    tcase_add_test(tc, a_parts_key_stores_that_parts_answer);
    tcase_add_loop_test(tc, a_reused_or_busy_key_is_its_parts_verdict, 0, 3);
    tcase_add_test(tc, stored_answers_are_bounded_in_sum);
    tcase_add_test(tc, stored_answers_are_counted_anew_when_a_commit_failed);
    tcase_add_test(tc, a_group_that_does_not_fit_opens_the_next_batch);
    tcase_add_loop_test(tc, a_group_has_a_share_of_events, 0, 2);
    tcase_add_test(tc, a_group_that_expires_has_no_culprit);
    tcase_add_test(tc, a_dry_group_tells_each_part_and_writes_nothing);
    suite_add_tcase(suite, tc);
    return suite;
}
