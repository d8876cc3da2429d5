/* SPDX-License-Identifier: Apache-2.0 */
/* What a writer need not ask for while nobody else writes, and when it has to ask again. */
#include "tests/unit/eventlog/core_fixture.h"

Suite *eventlog_core_alone_suite(void);

enum { AT_ONCE = -1 };

static void note(const char *stream)
{
    fake_log_append(the_log, stream, "Noted", "{}", NULL);
}

static struct write *append(const char *stream)
{
    return run_one(write_append(stream, 1, NULL));
}

/* As far as the lock: AT_ONCE with the COMMIT, or how many streams are asked for with it by what is
 * known of them. */
static int run_to_lock(void)
{
    for (;;) {
        enum core_step step = core_next(the_session.core, the_session.now_ms);

        if (step == CORE_COMMIT && core_commit(the_session.core)->at_once)
            return AT_ONCE;
        if (step == CORE_LOOK && core_lookups(the_session.core)->lock)
            return (int)core_lookups(the_session.core)->known_count;
        ck_assert_int_eq(fake_step(&the_session, FAULT_NONE), FAKE_DONE);
    }
}

static void lock_asks(int asked, const char *stream, int64_t version)
{
    struct write *write = give(write_append(stream, 1, NULL));

    ck_assert_int_eq(run_to_lock(), asked);
    fake_run(&the_session);
    EXPECT_OUTCOME(write, WRITE_APPENDED);
    ck_assert_int_eq(write->streams[0].version.n, version);
}

/* Commits: the second lock finds the head as the first left it. */
static void be_alone(void)
{
    append("note-1");
    append("note-2");
    run_one(write_open("0", ""));
}

START_TEST(what_we_wrote_is_not_asked_for_while_we_are_alone)
{
    be_alone();
    lock_asks(AT_ONCE, "note-1", 2);
    lock_asks(AT_ONCE, "note-2", 2);
    lock_asks(AT_ONCE, "note-3", 1);
    ck_assert_uint_eq(the_log->commits, 6);
}
END_TEST

START_TEST(another_commit_is_noticed_by_the_head)
{
    size_t commits;
    struct write *write;

    be_alone();
    note("note-1");
    commits = the_session.steps[CORE_COMMIT];
    write = append("note-1");
    EXPECT_OUTCOME(write, WRITE_APPENDED);
    ck_assert_int_eq(write->streams[0].version.n, 3);
    ck_assert_uint_eq(the_session.steps[CORE_COMMIT] - commits, 2); /* the first was overtaken */
}
END_TEST

START_TEST(where_others_write_all_is_asked_for_with_the_lock)
{
    be_alone();
    note("note-9");
    append("note-1");
    note("note-1");
    lock_asks(1, "note-1", 4);
    lock_asks(1, "note-1", 5);
    lock_asks(AT_ONCE, "note-1", 6); /* the last lock found nobody else's */
}
END_TEST

/* It moved while this writer had to do with other streams, which saw to the head. */
START_TEST(what_was_known_before_another_s_commit_is_asked_for)
{
    be_alone();
    note("note-1");
    append("note-2");
    append("note-2");
    lock_asks(AT_ONCE, "note-2", 4);
    lock_asks(1, "note-1", 3);
    lock_asks(AT_ONCE, "note-1", 4);
}
END_TEST

START_TEST(a_new_stream_that_another_made_meanwhile_is_found)
{
    struct write *open;

    be_alone();
    open = give(write_open("1", ""));
    ck_assert_int_eq(run_to_lock(), AT_ONCE);
    fake_log_append(the_log, "account-1", "Opened", "{\"partner\":\"\"}", NULL);
    fake_run(&the_session);
    EXPECT_OUTCOME(open, WRITE_REFUSED);
    ck_assert_str_eq(open->slug, "already-exists");
}
END_TEST

/* The head did not move: its name alone says that it is there. */
START_TEST(a_stream_believed_new_that_was_forgotten_is_found)
{
    struct core_config config = fake_core_config();
    struct write *write = write_append("note-1", 1, NULL);

    config.cache_bytes_max = 0;
    core_restart(&config);
    be_alone();
    write_expect(write, NONE);
    give(write);
    ck_assert_int_eq(run_to_lock(), AT_ONCE);
    fake_run(&the_session);
    EXPECT_OUTCOME(write, WRITE_CONFLICT);
    ck_assert_int_eq(write->conflicts[0].actual.n, 1);
}
END_TEST

START_TEST(a_stream_believed_absent_that_gets_no_event_is_asked_for)
{
    struct core_config config = fake_core_config();
    struct write *write = write_append("note-9", 1, NULL);

    config.cache_bytes_max = 0;
    core_restart(&config);
    be_alone();
    write_expect(write, NONE);
    write_also(write, "note-1", NONE, 0, NULL);
    run_one(write);
    EXPECT_OUTCOME(write, WRITE_CONFLICT);
    EXPECT_STR(write->conflicts[0].stream, "note-1");
}
END_TEST

START_TEST(what_the_head_can_not_verify_is_asked_for)
{
    struct write *keyed = write_append("note-1", 1, NULL);
    struct write *named = write_append("note-1", 1, "a");
    struct write *refused = write_command(&account_add, "7", 1); /* of an account there is not */

    be_alone();
    write_key(keyed, "k", "hash");
    give(keyed);
    ck_assert_int_eq(run_to_lock(), 0);
    fake_run(&the_session);
    give(named);
    ck_assert_int_eq(run_to_lock(), 0);
    fake_run(&the_session);
    give(refused);
    ck_assert_int_eq(run_to_lock(), 0);
    fake_run(&the_session);
    EXPECT_OUTCOME(refused, WRITE_REFUSED);
    lock_asks(AT_ONCE, "note-1", 4);
}
END_TEST

/* Given up while the COMMIT was under way, which then turned out not to be made. */
START_TEST(a_write_given_up_in_an_overtaken_commit_is_not_written)
{
    struct write *late = write_append("note-1", 1, NULL);
    struct write *other = write_append("note-2", 1, NULL);

    be_alone();
    late->deadline_ms = the_session.now_ms + CORE_LATE_MS;
    give(late);
    give(other);
    ck_assert_int_eq(run_to_lock(), AT_ONCE);
    note("note-9");
    the_session.step_takes_ms = CORE_LATE_MS;
    fake_run(&the_session);
    EXPECT_OUTCOME(late, WRITE_FAILED);
    EXPECT_OUTCOME(other, WRITE_APPENDED);
    ck_assert_int_eq(fake_log_stream(the_log, "note-1")->version, 1);
}
END_TEST

START_TEST(the_same_head_on_another_connection_means_nothing)
{
    struct write *write;

    be_alone();
    write = give(write_append("note-1", 1, NULL));
    the_session.open = false;
    ck_assert_int_eq(fake_step(&the_session, FAULT_NONE), FAKE_DONE); /* connects */
    ck_assert_int_eq(run_to_lock(), 1);
    fake_run(&the_session);
    EXPECT_OUTCOME(write, WRITE_APPENDED);
    ck_assert_int_eq(write->streams[0].version.n, 2);
}
END_TEST

Suite *eventlog_core_alone_suite(void)
{
    Suite *suite = suite_create("eventlog_core_alone");
    TCase *tc = tcase_create("alone");

    tcase_add_checked_fixture(tc, core_set_up, core_tear_down);
    tcase_add_test(tc, what_we_wrote_is_not_asked_for_while_we_are_alone);
    tcase_add_test(tc, another_commit_is_noticed_by_the_head);
    tcase_add_test(tc, where_others_write_all_is_asked_for_with_the_lock);
    tcase_add_test(tc, what_was_known_before_another_s_commit_is_asked_for);
    tcase_add_test(tc, a_new_stream_that_another_made_meanwhile_is_found);
    tcase_add_test(tc, a_stream_believed_new_that_was_forgotten_is_found);
    tcase_add_test(tc, a_stream_believed_absent_that_gets_no_event_is_asked_for);
    tcase_add_test(tc, what_the_head_can_not_verify_is_asked_for);
    tcase_add_test(tc, a_write_given_up_in_an_overtaken_commit_is_not_written);
    tcase_add_test(tc, the_same_head_on_another_connection_means_nothing);
    suite_add_tcase(suite, tc);
    return suite;
}
