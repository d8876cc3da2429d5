/* SPDX-License-Identifier: Apache-2.0 */
/* When states are kept, and what a load makes of those that were. */
#include "base/mem.h"
#include "tests/unit/eventlog/core_fixture.h"
#include "tests/unit/eventlog/fake_snapshots.h"

Suite *eventlog_core_snapshot_suite(void);

enum { EVERY = 10 };

static struct core_config config;

static void set_up(void)
{
    core_set_up();
    config = fake_core_config();
    config.snapshot_every = EVERY;
    core_restart(&config);
    the_session.now_ms = 77; /* recorded_at of what is committed */
}

static void deposit(const char *stream, int64_t amount)
{
    char data[64];

    snprintf(data, sizeof(data), "{\"amount\":%lld}", (long long)amount);
    fake_log_append(the_log, stream, "Added", data, NULL);
}

/* Another process's stream of so many events; its balance is one less. */
static void store_account(const char *stream, int events)
{
    fake_log_append(the_log, stream, "Opened", "{\"partner\":\"2\"}", NULL);
    for (int i = 1; i < events; i++)
        deposit(stream, 1);
}

/* A process that knows nothing. */
static void go_cold(void)
{
    core_restart(&config);
    the_session.now_ms = 78;
}

/* What it takes to know the balance, which must be this. */
static void expect_balance(const char *id, int64_t balance)
{
    struct write *write = run_one(write_command(&account_add, id, -balance - 1));
    char detail[64];

    snprintf(detail, sizeof(detail), "the balance is %lld", (long long)balance);
    EXPECT_OUTCOME(write, WRITE_REFUSED);
    EXPECT_STR(write->detail, detail);
}

static struct fake_snapshot *the_snapshot(void)
{
    struct fake_snapshot *s = fake_snapshot(the_log, "account-1");

    ck_assert_ptr_nonnull(s);
    return s;
}

static void expect_snapshot_at(int64_t version)
{
    ck_assert_int_eq(the_snapshot()->version, version);
    ck_assert_int_eq(the_log->events[the_snapshot()->position - 1].version, version);
}

START_TEST(a_stream_is_kept_each_time_it_has_grown_by_so_many_events)
{
    int64_t versions[3 * EVERY];

    run_one(write_open("1", ""));
    for (int i = 0; i < 3 * EVERY - 1; i++) {
        const struct fake_snapshot *s;

        run_one(write_command(&account_add, "1", 1));
        s = fake_snapshot(the_log, "account-1");
        versions[i] = s == NULL ? 0 : s->version;
    }
    ck_assert_int_eq(versions[EVERY - 3], 0);
    ck_assert_int_eq(versions[EVERY - 2], EVERY);
    ck_assert_int_eq(versions[2 * EVERY - 3], EVERY);
    ck_assert_int_eq(versions[2 * EVERY - 2], 2 * EVERY);
    ck_assert_str_eq(the_snapshot()->state, "29 .");
}
END_TEST

START_TEST(a_batch_keeps_the_state_it_ends_with)
{
    give(write_open("1", ""));
    give(write_command(&account_bulk, "1", 3 * EVERY));
    give(write_command(&account_add, "1", 1));
    fake_run(&the_session);
    expect_snapshot_at(3 * EVERY + 2);
}
END_TEST

START_TEST(a_refused_command_keeps_what_it_had_to_load)
{
    store_account("account-1", 5 * EVERY);
    expect_balance("1", 5 * EVERY - 1);
    expect_snapshot_at(5 * EVERY);
    ck_assert_uint_eq(the_session.loaded_events, 5 * EVERY);
}
END_TEST

START_TEST(nothing_is_kept_of_a_commit_that_may_not_have_happened)
{
    run_one(write_open("1", ""));
    give(write_command(&account_bulk, "1", EVERY));
    while (core_next(the_session.core, 0) != CORE_COMMIT)
        fake_step(&the_session, FAULT_NONE);
    fake_step(&the_session, FAULT_ANSWER_LOST);
    fake_run(&the_session);
    ck_assert_ptr_null(fake_snapshot(the_log, "account-1"));
    run_one(write_command(&account_touch, "1", 0)); /* it happened, and is known now */
    expect_snapshot_at(EVERY + 1);
}
END_TEST

START_TEST(a_new_connection_drops_what_was_not_taken)
{
    struct snapshot snapshot;

    store_account("account-1", EVERY);
    give(write_command(&account_touch, "1", 0));
    while (core_next(the_session.core, 0) != CORE_COMMIT)
        fake_step(&the_session, FAULT_NONE);
    the_log->locked_by = NULL;
    core_done(the_session.core, 0);
    core_reconnected(the_session.core);
    ck_assert(!core_take_snapshot(the_session.core, &snapshot));
}
END_TEST

START_TEST(what_is_dropped_is_due_again_so_many_events_later)
{
    store_account("account-1", EVERY);
    the_session.drops_snapshots = true;
    run_one(write_command(&account_touch, "1", 0));
    the_session.drops_snapshots = false;
    run_one(write_command(&account_bulk, "1", EVERY - 1));
    ck_assert_ptr_null(fake_snapshot(the_log, "account-1"));
    run_one(write_command(&account_bulk, "1", 1));
    expect_snapshot_at(2 * EVERY);
}
END_TEST

START_TEST(raw_events_nobody_folded_are_not_kept)
{
    run_one(write_open("1", ""));
    give(write_append("account-1", EVERY, NULL));
    fake_run(&the_session);
    ck_assert_ptr_null(fake_snapshot(the_log, "account-1"));
}
END_TEST

START_TEST(a_cold_load_begins_with_the_snapshot)
{
    store_account("account-1", 100 * EVERY);
    run_one(write_command(&account_touch, "1", 0));
    for (int i = 0; i < EVERY - 1; i++)
        deposit("account-1", 1);
    go_cold();
    expect_balance("1", 101 * EVERY - 2);
    ck_assert_uint_eq(the_session.loaded_snapshots, 1);
    ck_assert_uint_eq(the_session.loaded_events, EVERY - 1);
    ck_assert_uint_eq(the_session.steps[CORE_LOAD], 1);
}
END_TEST

START_TEST(all_of_the_state_is_kept)
{
    store_account("account-1", EVERY);
    store_account("account-2", 1);
    run_one(write_command(&account_touch, "1", 0));
    go_cold();
    EXPECT_OUTCOME(run_one(write_command(&account_give, "1", 4)), WRITE_APPENDED);
    expect_balance("2", 4); /* the partner that the snapshot names */
}
END_TEST

START_TEST(a_short_stream_is_not_asked_for_a_snapshot)
{
    size_t count;

    store_account("account-1", EVERY - 1);
    give(write_command(&account_touch, "1", 0));
    while (core_next(the_session.core, 0) != CORE_LOAD)
        fake_step(&the_session, FAULT_NONE);
    ck_assert_int_eq(core_loads(the_session.core, &count)->schema, 0);
    fake_run(&the_session);
}
END_TEST

/* Loads the stream, and so keeps it. */
static void other_process_touches(const char *id)
{
    struct write *write = write_command(&account_touch, id, 0);
    struct fake_session other;

    fake_session_start(&other, the_log, &config);
    core_add(other.core, write);
    fake_run(&other);
    ck_assert_ptr_eq(core_take_finished(other.core), write);
    write_drop(write);
    fake_session_stop(&other);
}

START_TEST(a_long_reload_uses_the_snapshot_of_another_process)
{
    store_account("account-1", EVERY);
    expect_balance("1", EVERY - 1);
    for (int i = 0; i <= CORE_LOCKED_LOAD_EVENTS_MAX; i++)
        deposit("account-1", 1);
    other_process_touches("1");
    the_session.loaded_events = 0;
    expect_balance("1", EVERY + CORE_LOCKED_LOAD_EVENTS_MAX);
    ck_assert_uint_eq(the_session.loaded_snapshots, 1);
    ck_assert_uint_eq(the_session.loaded_events, 0);
}
END_TEST

static void keep_and_go_cold(void)
{
    store_account("account-1", 3 * EVERY);
    run_one(write_command(&account_touch, "1", 0));
    expect_snapshot_at(3 * EVERY);
    deposit("account-1", 1);
    go_cold();
}

static void expect_loaded_from_the_first(size_t refused)
{
    struct error err;

    expect_balance("1", 3 * EVERY);
    ck_assert_uint_eq(the_session.loaded_events, 3 * EVERY + 1 + refused);
    ck_assert_uint_eq(core_refused_snapshots(the_session.core, &err), refused);
    ck_assert(refused == 0 || err.class == ERROR_POISON);
    expect_snapshot_at(3 * EVERY + 1); /* and there is a good one now */
    go_cold();
    expect_balance("1", 3 * EVERY);
    ck_assert_uint_eq(the_session.loaded_events, 0);
}

START_TEST(a_snapshot_ahead_of_the_stream_is_not_read)
{
    keep_and_go_cold();
    the_snapshot()->version = 3 * EVERY + 2;
    expect_loaded_from_the_first(0);
}
END_TEST

START_TEST(a_snapshot_of_another_schema_is_not_read)
{
    keep_and_go_cold();
    the_snapshot()->schema = 2;
    expect_loaded_from_the_first(0);
}
END_TEST

START_TEST(a_snapshot_of_another_history_is_not_read)
{
    keep_and_go_cold();
    the_snapshot()->recorded_at_us++;
    expect_loaded_from_the_first(0);
}
END_TEST

START_TEST(a_state_that_was_edited_is_refused)
{
    keep_and_go_cold();
    fake_snapshot_damage(the_snapshot(), &account_type, "999 2.", false);
    expect_loaded_from_the_first(1);
}
END_TEST

START_TEST(a_state_its_decider_can_not_read_is_refused)
{
    keep_and_go_cold();
    fake_snapshot_damage(the_snapshot(), &account_type, "\x01garbage", true);
    expect_loaded_from_the_first(1);
}
END_TEST

START_TEST(a_missing_event_behind_the_snapshot_makes_the_stream_unreadable)
{
    struct write *write;

    keep_and_go_cold();
    deposit("account-1", 1);
    the_log->events[3 * EVERY].stream_id = -1; /* version 3 * EVERY + 1 */
    write = run_one(write_command(&account_touch, "1", 0));
    EXPECT_OUTCOME(write, WRITE_UNREADABLE);
    ck_assert_int_eq(write->conflicts[0].actual.n, 3 * EVERY + 1);
    ck_assert_uint_eq(the_session.loaded_snapshots, 1);
}
END_TEST

START_TEST(a_missing_event_at_the_end_is_missed_too)
{
    struct write *write;

    keep_and_go_cold();
    the_log->events[3 * EVERY].stream_id = -1;
    write = run_one(write_command(&account_touch, "1", 0));
    EXPECT_OUTCOME(write, WRITE_UNREADABLE);
    ck_assert_int_eq(write->conflicts[0].actual.n, 3 * EVERY + 1);
}
END_TEST

START_TEST(an_event_that_can_not_be_folded_behind_the_snapshot_is_named)
{
    struct write *write;

    keep_and_go_cold();
    fake_log_append(the_log, "account-1", "Added", "{}", "bad");
    write = run_one(write_command(&account_touch, "1", 0));
    EXPECT_OUTCOME(write, WRITE_UNREADABLE);
    ck_assert_int_eq(write->conflicts[0].actual.n, 3 * EVERY + 2);
    EXPECT_STR(write->conflicts[0].event_id, "bad");
    ck_assert_int_eq(the_snapshot()->version, 3 * EVERY);
}
END_TEST

static void lose_last_event(void)
{
    struct fake_event *e = &the_log->events[--the_log->events_count];
    struct fake_stream *s = fake_log_stream(the_log, "account-1");

    ck_assert_int_eq(e->version, s->version);
    mem_free(e->id);
    mem_free(e->type);
    mem_free(e->data);
    s->version--;
    s->last_position--;
}

START_TEST(a_stream_that_went_back_is_loaded_from_what_is_there)
{
    keep_and_go_cold();
    run_one(write_command(&account_touch, "1", 0)); /* cached, at 3 * EVERY + 1 */
    for (int i = 0; i < EVERY + 6; i++)
        lose_last_event(); /* the snapshot is ahead now */
    expect_balance("1", 2 * EVERY - 6);
    expect_snapshot_at(2 * EVERY - 5);
}
END_TEST

START_TEST(without_the_setting_nothing_is_kept_or_read)
{
    keep_and_go_cold();
    config.snapshot_every = 0;
    go_cold();
    deposit("account-1", 1);
    expect_balance("1", 3 * EVERY + 1);
    ck_assert_uint_eq(the_session.loaded_snapshots, 0);
    expect_snapshot_at(3 * EVERY);
}
END_TEST

Suite *eventlog_core_snapshot_suite(void)
{
    Suite *suite = suite_create("eventlog_core_snapshot");
    TCase *tc = tcase_create("snapshots");

    tcase_add_checked_fixture(tc, set_up, core_tear_down);
    tcase_add_test(tc, a_stream_is_kept_each_time_it_has_grown_by_so_many_events);
    tcase_add_test(tc, a_batch_keeps_the_state_it_ends_with);
    tcase_add_test(tc, a_refused_command_keeps_what_it_had_to_load);
    tcase_add_test(tc, nothing_is_kept_of_a_commit_that_may_not_have_happened);
    tcase_add_test(tc, a_new_connection_drops_what_was_not_taken);
    tcase_add_test(tc, what_is_dropped_is_due_again_so_many_events_later);
    tcase_add_test(tc, raw_events_nobody_folded_are_not_kept);
    tcase_add_test(tc, a_cold_load_begins_with_the_snapshot);
    tcase_add_test(tc, all_of_the_state_is_kept);
    tcase_add_test(tc, a_short_stream_is_not_asked_for_a_snapshot);
    tcase_add_test(tc, a_long_reload_uses_the_snapshot_of_another_process);
    tcase_add_test(tc, a_snapshot_ahead_of_the_stream_is_not_read);
    tcase_add_test(tc, a_snapshot_of_another_schema_is_not_read);
    tcase_add_test(tc, a_snapshot_of_another_history_is_not_read);
    tcase_add_test(tc, a_state_that_was_edited_is_refused);
    tcase_add_test(tc, a_state_its_decider_can_not_read_is_refused);
    tcase_add_test(tc, a_missing_event_behind_the_snapshot_makes_the_stream_unreadable);
    tcase_add_test(tc, a_missing_event_at_the_end_is_missed_too);
    tcase_add_test(tc, an_event_that_can_not_be_folded_behind_the_snapshot_is_named);
    tcase_add_test(tc, a_stream_that_went_back_is_loaded_from_what_is_there);
    tcase_add_test(tc, without_the_setting_nothing_is_kept_or_read);
    suite_add_tcase(suite, tc);
    return suite;
}
