/* SPDX-License-Identifier: Apache-2.0 */
/* The faults of docs/writer.md, one by one. */
#include "tests/unit/eventlog/core_fixture.h"

Suite *eventlog_core_fault_suite(void);

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

static void run_to_before(enum core_step step)
{
    while (core_next(the_session.core, the_session.now_ms) != step)
        ck_assert_int_eq(fake_step(&the_session, FAULT_NONE), FAKE_DONE);
}

static const enum core_step steps_before_commit[] = {CORE_LOOK, CORE_LOAD, CORE_COMMIT};

START_TEST(what_was_not_committed_is_done_again)
{
    struct write *write;
    enum fake_fault fault = _i % 2 == 0 ? FAULT_LOST : FAULT_REFUSED;
    enum core_step step = steps_before_commit[_i / 2];

    store_account("account-1", 10);
    write = give(write_command(&account_add, "1", -10));
    run_to_before(step);
    fake_step(&the_session, fault);
    ck_assert(!is_finished(write));
    deposit("account-1", -1); /* while we were away */
    fake_run(&the_session);
    EXPECT_OUTCOME(write, WRITE_REFUSED);
    EXPECT_STR(write->detail, "the balance is 9");
}
END_TEST

START_TEST(a_commit_whose_answer_was_lost_is_found)
{
    struct write *write = write_append("note-1", 2, "a b");
    struct write *plain;

    write_key(write, "k", "hash");
    give(write);
    plain = give(write_append("note-2", 1, NULL));
    run_to_before(CORE_COMMIT);
    fake_step(&the_session, FAULT_ANSWER_LOST);
    ck_assert(!is_finished(write));
    fake_run(&the_session);
    EXPECT_OUTCOME(write, WRITE_APPENDED);
    EXPECT_OUTCOME(plain, WRITE_APPENDED);
    ck_assert_int_eq(plain->events[0].position.n, 3);
    ck_assert_str_eq(fake_log_event(the_log, "note-2", 1)->id, plain->events[0].id.data);
    ck_assert_uint_eq(the_log->events_count, 3);
    ck_assert_uint_eq(the_session.steps[CORE_PROBE], 1);
}
END_TEST

START_TEST(a_commit_that_did_not_happen_is_made_again)
{
    struct write *write = give(write_append("note-1", 2, NULL));

    run_to_before(CORE_COMMIT);
    fake_step(&the_session, FAULT_LOST);
    note("note-1"); /* somebody else takes the position */
    fake_run(&the_session);
    EXPECT_OUTCOME(write, WRITE_APPENDED);
    ck_assert_int_eq(write->streams[0].first_version.n, 2);
    ck_assert_uint_eq(the_log->events_count, 3);
}
END_TEST

START_TEST(events_of_another_at_our_positions_are_not_ours)
{
    struct write *write;

    run_one(write_append("note-1", 1, NULL));
    write = give(write_append("note-1", 2, NULL));
    run_to_before(CORE_COMMIT);
    fake_step(&the_session, FAULT_LOST);
    note("note-1"); /* the same stream and version at the same position, but not our event */
    note("note-1");
    fake_run(&the_session);
    EXPECT_OUTCOME(write, WRITE_APPENDED);
    ck_assert_int_eq(write->streams[0].version.n, 5);
}
END_TEST

START_TEST(the_cache_takes_no_state_of_an_unknown_outcome)
{
    struct write *take;

    store_account("account-1", 10);
    run_one(write_command(&account_add, "1", 0));
    take = give(write_command(&account_add, "1", -10));
    run_to_before(CORE_COMMIT);
    fake_step(&the_session, FAULT_ANSWER_LOST);
    /* Found to be committed; but meanwhile another writer has the stream. */
    deposit("account-1", 7);
    fake_run(&the_session);
    EXPECT_OUTCOME(take, WRITE_APPENDED);
    the_session.loaded_events = 0;
    take = run_one(write_command(&account_add, "1", -8));
    EXPECT_OUTCOME(take, WRITE_REFUSED);
    EXPECT_STR(take->detail, "the balance is 7");
    ck_assert_uint_eq(the_session.loaded_events, 5); /* all of it, not from the cache */
}
END_TEST

/* Another writer's event gets the very version and position that ours would have had. */
START_TEST(a_state_that_was_not_committed_is_never_used)
{
    struct write *take;

    store_account("account-1", 10);
    run_one(write_command(&account_add, "1", 0));
    take = give(write_command(&account_add, "1", -10));
    run_to_before(CORE_COMMIT);
    fake_step(&the_session, _i == 0 ? FAULT_REFUSED : FAULT_LOST);
    deposit("account-1", 7);
    fake_run(&the_session);
    EXPECT_OUTCOME(take, WRITE_APPENDED);
    ck_assert_int_eq(take->streams[0].version.n, 5);
    take = run_one(write_command(&account_add, "1", -8));
    EXPECT_OUTCOME(take, WRITE_REFUSED);
    EXPECT_STR(take->detail, "the balance is 7");
}
END_TEST

START_TEST(a_batch_without_events_is_simply_run_again)
{
    struct write *write = write_command(&account_touch, "1", 0);

    write_key(write, "k", "hash");
    give(write);
    run_to_before(CORE_COMMIT);
    fake_step(&the_session, FAULT_ANSWER_LOST); /* its key was stored */
    fake_run(&the_session);
    EXPECT_OUTCOME(write, WRITE_REPLAYED);
    EXPECT_STR(write->answer.body, "{\"version\":0}");
    ck_assert_uint_eq(the_session.steps[CORE_PROBE], 0);
    ck_assert_uint_eq(the_log->answers_count, 1);
}
END_TEST

START_TEST(an_outcome_not_found_out_in_time_is_called_unknown)
{
    struct write *hasty = write_append("note-1", 1, NULL);
    struct write *patient;

    hasty->deadline_ms = 500;
    give(hasty);
    patient = give(write_append("note-2", 1, NULL));
    run_to_before(CORE_COMMIT);
    fake_step(&the_session, _i == 0 ? FAULT_ANSWER_LOST : FAULT_LOST);
    the_session.down = true;
    for (;;) {
        enum fake_outcome outcome = fake_step(&the_session, FAULT_NONE);

        if (is_finished(hasty))
            break;
        if (outcome == FAKE_WAITING)
            the_session.now_ms = core_wait_until_ms(the_session.core);
    }
    ck_assert_int_eq(the_session.now_ms, 500);
    EXPECT_OUTCOME(hasty, WRITE_FAILED);
    ck_assert(hasty->error.outcome_unknown);
    ck_assert_str_eq(hasty->error.code, "outcome-unknown");
    ck_assert_int_eq(hasty->error.class, ERROR_TRANSIENT);
    ck_assert(!is_finished(patient));

    the_session.down = false;
    fake_run(&the_session);
    EXPECT_OUTCOME(patient, WRITE_APPENDED);
    /* Not committed: the answered one is not run again. */
    ck_assert_ptr_eq(fake_log_stream(the_log, "note-1") == NULL ? NULL : the_log,
                     _i == 0 ? the_log : NULL);
    ck_assert_int_eq(fake_log_stream(the_log, "note-2")->version, 1);
}
END_TEST

START_TEST(when_all_are_answered_the_doubt_is_over)
{
    struct write *write = write_append("note-1", 1, NULL);
    struct write *next;

    write->deadline_ms = 500;
    give(write);
    run_to_before(CORE_COMMIT);
    fake_step(&the_session, FAULT_ANSWER_LOST);
    the_session.now_ms = 500;
    next = run_one(write_append("note-1", 1, NULL));
    EXPECT_OUTCOME(write, WRITE_FAILED);
    ck_assert(write->error.outcome_unknown);
    EXPECT_OUTCOME(next, WRITE_APPENDED);
    ck_assert_int_eq(next->streams[0].version.n, 2);
    ck_assert_uint_eq(the_session.steps[CORE_PROBE], 0);
}
END_TEST

START_TEST(a_reconnect_forgets_what_was_known)
{
    store_account("account-1", 10);
    run_one(write_command(&account_add, "1", 5));
    /* Failed over to a standby that had not got version 3; another writer appended there. */
    the_log->events[2].data[strlen(the_log->events[2].data) - 2] = '1';
    the_session.open = false;
    if (_i == 1) /* also when the stream is not in the batch that meets the new connection */
        run_one(write_append("note-1", 1, NULL));
    EXPECT_OUTCOME(run_one(write_command(&account_add, "1", -12)), WRITE_REFUSED);
    EXPECT_OUTCOME(run_one(write_command(&account_add, "1", -11)), WRITE_APPENDED);
}
END_TEST

START_TEST(stream_ids_of_an_old_connection_are_not_used)
{
    struct write *write;

    run_one(write_append("note-1", 1, NULL));
    the_log->next_stream_id = 2; /* the standby gives the same block out again: to another */
    note("note-2");
    the_session.open = false;
    write = run_one(write_append("note-3", 1, NULL));
    EXPECT_OUTCOME(write, WRITE_APPENDED);
    ck_assert_int_eq(fake_log_stream(the_log, "note-3")->id, 2 + STREAM_IDS_BLOCK);
}
END_TEST

START_TEST(many_new_streams_take_several_blocks_of_ids)
{
    struct write *writes[3 * STREAM_IDS_BLOCK / 2];
    char name[32];

    for (size_t i = 0; i < 3 * STREAM_IDS_BLOCK / 2; i++) {
        snprintf(name, sizeof(name), "note-%zu", i);
        writes[i] = give(write_append(name, 1, NULL));
    }
    fake_run(&the_session);
    for (size_t i = 0; i < 3 * STREAM_IDS_BLOCK / 2; i++)
        EXPECT_OUTCOME(writes[i], WRITE_APPENDED);
    ck_assert_int_eq(the_log->next_stream_id, 1 + 2 * STREAM_IDS_BLOCK);
}
END_TEST

START_TEST(without_a_database_writes_fail_at_their_deadlines)
{
    struct write *first = write_append("note-1", 1, NULL);
    struct write *second = write_append("note-1", 1, NULL);

    the_session.open = false;
    the_session.down = true;
    first->deadline_ms = 300;
    second->deadline_ms = 900;
    give(first);
    give(second);
    fake_run(&the_session);
    ck_assert_int_eq(the_session.now_ms, 900);
    EXPECT_OUTCOME(first, WRITE_FAILED);
    ck_assert_str_eq(first->error.code, "dependency-down");
    ck_assert_int_eq(first->error.class, ERROR_TRANSIENT);
    ck_assert(!first->error.outcome_unknown);
    EXPECT_OUTCOME(second, WRITE_FAILED);
}
END_TEST

START_TEST(a_write_that_waited_too_long_is_not_begun)
{
    struct write *write = write_append("note-1", 1, NULL);

    write->deadline_ms = 10;
    the_session.now_ms = 10;
    run_one(write);
    EXPECT_OUTCOME(write, WRITE_FAILED);
    ck_assert_str_eq(write->error.code, "overloaded");
    ck_assert_uint_eq(the_session.steps[CORE_LOOK], 0);
}
END_TEST

/* What is known when the time is up while the database has not answered the step. */
static const struct {
    enum core_step step;
    const char *code;
    bool written; /* the write that was given up is in the log in the end */
} frozen_steps[] = {
    {CORE_LOOK, "dependency-down", false},
    {CORE_LOAD, "dependency-down", false},
    {CORE_COMMIT, "outcome-unknown", true},
};

START_TEST(a_step_that_takes_too_long_holds_nobody_up)
{
    struct write *hasty = write_command(&account_add, "1", 5);
    struct write *patient;
    struct write *late = write_append("note-2", 1, NULL);

    store_account("account-1", 10);
    write_key(hasty, "k", "hash");
    hasty->deadline_ms = 500;
    late->deadline_ms = 2000;
    give(hasty);
    patient = give(write_command(&account_add, "1", 7));
    run_to_before(frozen_steps[_i].step);
    give(late); /* it waits behind the batch */
    the_session.step_takes_ms = 3000;
    fake_step(&the_session, FAULT_NONE);
    EXPECT_OUTCOME(hasty, WRITE_FAILED);
    ck_assert_str_eq(hasty->error.code, frozen_steps[_i].code);
    ck_assert_int_eq(hasty->error.outcome_unknown, frozen_steps[_i].step == CORE_COMMIT);
    ck_assert_int_eq(hasty->error.class, ERROR_TRANSIENT);
    EXPECT_OUTCOME(late, WRITE_FAILED);
    ck_assert_str_eq(late->error.code, "dependency-down");

    fake_run(&the_session);
    EXPECT_OUTCOME(patient, WRITE_APPENDED);
    ck_assert_int_eq(patient->streams[0].version.n, frozen_steps[_i].written ? 4 : 3);
    ck_assert_uint_eq(the_log->answers_count, frozen_steps[_i].written);
    ck_assert_ptr_null(fake_log_stream(the_log, "note-2"));
}
END_TEST

START_TEST(a_batch_that_takes_no_second_is_seen_to_its_end)
{
    struct write *write = write_append("note-1", 1, NULL);

    write->deadline_ms = 500;
    give(write);
    run_to_before(CORE_COMMIT);
    the_session.step_takes_ms = CORE_LATE_MS - 1;
    fake_step(&the_session, FAULT_NONE);
    EXPECT_OUTCOME(write, WRITE_APPENDED);
}
END_TEST

START_TEST(a_commit_that_is_frozen_and_then_lost_is_still_found)
{
    struct write *hasty = write_append("note-1", 1, NULL);
    struct write *patient;

    hasty->deadline_ms = 500;
    give(hasty);
    patient = give(write_append("note-2", 1, NULL));
    run_to_before(CORE_COMMIT);
    the_session.step_takes_ms = 3000;
    fake_step(&the_session, _i == 0 ? FAULT_ANSWER_LOST : FAULT_LOST);
    EXPECT_OUTCOME(hasty, WRITE_FAILED);
    ck_assert_str_eq(hasty->error.code, "outcome-unknown");
    fake_run(&the_session);
    EXPECT_OUTCOME(patient, WRITE_APPENDED);
    ck_assert_uint_eq(the_session.steps[CORE_PROBE], 1);
    ck_assert_uint_eq(the_log->events_count, _i == 0 ? 2 : 1);
}
END_TEST

START_TEST(after_an_outage_all_goes_on)
{
    struct write *write;

    the_session.open = false;
    the_session.down = true;
    write = give(write_append("note-1", 1, NULL));
    for (int i = 0; i < 20; i++) {
        if (fake_step(&the_session, FAULT_NONE) == FAKE_WAITING)
            the_session.now_ms = core_wait_until_ms(the_session.core);
    }
    ck_assert(!is_finished(write));
    the_session.down = false;
    fake_run(&the_session);
    EXPECT_OUTCOME(write, WRITE_APPENDED);
    the_session.now_ms += 1;
    EXPECT_OUTCOME(run_one(write_append("note-1", 1, NULL)), WRITE_APPENDED);
}
END_TEST

static struct write *write_poison(const char *stream)
{
    struct write *write = write_append(stream, 1, NULL);
    struct new_event *event = ARENA_NEW(write->arena, struct new_event);
    struct stream_append *append = ARENA_NEW(write->arena, struct stream_append);

    *append = write->appends[0];
    *event = append->events[0];
    event->type = STR("Poison");
    append->events = event;
    write->appends = append;
    return write;
}

START_TEST(culprits_are_isolated_and_their_neighbours_written_in_order)
{
    enum { WRITES = 100 };
    struct write *writes[WRITES];

    for (int i = 0; i < WRITES; i++)
        writes[i] = give(i == 37 || i == 38 || i == 99 ? write_poison("note-1")
                                                       : write_append("note-1", 1, NULL));
    fake_run(&the_session);
    for (int i = 0, version = 1; i < WRITES; i++) {
        if (i == 37 || i == 38 || i == 99) {
            EXPECT_OUTCOME(writes[i], WRITE_FAILED);
            ck_assert_str_eq(writes[i]->error.code, "not-storable");
            ck_assert_int_eq(writes[i]->error.class, ERROR_POISON);
            continue;
        }
        EXPECT_OUTCOME(writes[i], WRITE_APPENDED);
        ck_assert_int_eq(writes[i]->streams[0].version.n, version++);
    }
    ck_assert_uint_lt(the_session.steps[CORE_COMMIT], 40);
    /* And batches are whole again afterwards. */
    the_log->commits = 0;
    for (int i = 0; i < WRITES; i++)
        writes[i] = give(write_append("note-1", 1, NULL));
    fake_run(&the_session);
    ck_assert_uint_eq(the_log->commits, 1);
}
END_TEST

START_TEST(a_missing_partition_is_made_and_blamed_on_nobody)
{
    struct write *first = give(write_append("note-1", 1, NULL));
    struct write *second = give(write_append("note-2", 1, NULL));

    the_log->partition_missing = true;
    fake_run(&the_session);
    EXPECT_OUTCOME(first, WRITE_APPENDED);
    EXPECT_OUTCOME(second, WRITE_APPENDED);
    ck_assert_uint_eq(the_log->upkeeps, 1);
    ck_assert_uint_eq(the_log->commits, 1);
}
END_TEST

START_TEST(upkeep_that_fails_is_tried_again)
{
    struct write *write = give(write_append("note-1", 1, NULL));

    the_log->partition_missing = true;
    fake_run_to(&the_session, CORE_COMMIT);
    run_to_before(CORE_UPKEEP);
    fake_step(&the_session, FAULT_REFUSED);
    ck_assert(!is_finished(write));
    fake_run(&the_session);
    EXPECT_OUTCOME(write, WRITE_APPENDED);
    ck_assert_uint_eq(the_session.steps[CORE_UPKEEP], 2);
}
END_TEST

START_TEST(a_broken_installation_fails_the_batch_at_once)
{
    struct write *write = give(write_append("note-1", 1, NULL));
    struct write *next;

    fake_step(&the_session, FAULT_FATAL);
    EXPECT_OUTCOME(write, WRITE_FAILED);
    ck_assert_int_eq(write->error.class, ERROR_FATAL);
    ck_assert_str_eq(write->error.code, "internal-error");
    next = run_one(write_append("note-1", 1, NULL));
    EXPECT_OUTCOME(next, WRITE_APPENDED);
}
END_TEST

Suite *eventlog_core_fault_suite(void)
{
    Suite *suite = suite_create("eventlog_core_fault");
    TCase *tc = tcase_create("faults");

    tcase_add_checked_fixture(tc, core_set_up, core_tear_down);
    tcase_add_loop_test(tc, what_was_not_committed_is_done_again, 0, 5);
    tcase_add_test(tc, a_commit_whose_answer_was_lost_is_found);
    tcase_add_test(tc, a_commit_that_did_not_happen_is_made_again);
    tcase_add_test(tc, events_of_another_at_our_positions_are_not_ours);
    tcase_add_test(tc, the_cache_takes_no_state_of_an_unknown_outcome);
    tcase_add_test(tc, a_batch_without_events_is_simply_run_again);
    tcase_add_loop_test(tc, an_outcome_not_found_out_in_time_is_called_unknown, 0, 2);
    tcase_add_test(tc, when_all_are_answered_the_doubt_is_over);
    tcase_add_loop_test(tc, a_reconnect_forgets_what_was_known, 0, 2);
    tcase_add_loop_test(tc, a_state_that_was_not_committed_is_never_used, 0, 2);
    tcase_add_test(tc, stream_ids_of_an_old_connection_are_not_used);
    tcase_add_test(tc, many_new_streams_take_several_blocks_of_ids);
    tcase_add_test(tc, without_a_database_writes_fail_at_their_deadlines);
    tcase_add_test(tc, a_write_that_waited_too_long_is_not_begun);
    tcase_add_loop_test(tc, a_step_that_takes_too_long_holds_nobody_up, 0,
                        sizeof(frozen_steps) / sizeof(*frozen_steps));
    tcase_add_test(tc, a_batch_that_takes_no_second_is_seen_to_its_end);
    tcase_add_loop_test(tc, a_commit_that_is_frozen_and_then_lost_is_still_found, 0, 2);
    tcase_add_test(tc, after_an_outage_all_goes_on);
    tcase_add_test(tc, culprits_are_isolated_and_their_neighbours_written_in_order);
    tcase_add_test(tc, a_missing_partition_is_made_and_blamed_on_nobody);
    tcase_add_test(tc, upkeep_that_fails_is_tried_again);
    tcase_add_test(tc, a_broken_installation_fails_the_batch_at_once);
    suite_add_tcase(suite, tc);
    return suite;
}
