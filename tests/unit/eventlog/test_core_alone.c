/* SPDX-License-Identifier: Apache-2.0 */
/* What a writer need not ask for while nobody else writes, and when it has to ask again. */
#include "tests/unit/eventlog/core_fixture.h"

Suite *eventlog_core_alone_suite(void);

static void note(const char *stream)
{
    fake_log_append(the_log, stream, "Noted", "{}", NULL);
}

static struct write *append(const char *stream)
{
    return run_one(write_append(stream, 1, NULL));
}

/* As far as the lock: how many streams are asked for by what is known of them. */
static size_t known_at_lock(void)
{
    while (core_next(the_session.core, the_session.now_ms) != CORE_LOOK ||
           !core_lookups(the_session.core)->lock)
        ck_assert_int_eq(fake_step(&the_session, FAULT_NONE), FAKE_DONE);
    return core_lookups(the_session.core)->known_count;
}

static void lock_asks(size_t known, const char *stream, int64_t version)
{
    struct write *write = give(write_append(stream, 1, NULL));

    ck_assert_uint_eq(known_at_lock(), known);
    fake_run(&the_session);
    EXPECT_OUTCOME(write, WRITE_APPENDED);
    ck_assert_int_eq(write->streams[0].version.n, version);
}

START_TEST(what_we_wrote_is_not_asked_for_while_we_are_alone)
{
    append("note-1");
    append("note-2");
    lock_asks(0, "note-1", 2);
    lock_asks(0, "note-2", 2);
    lock_asks(0, "note-1", 3);
}
END_TEST

START_TEST(another_commit_is_noticed_by_the_head)
{
    size_t looks;
    struct write *write;

    append("note-1");
    append("note-1");
    note("note-1");
    looks = the_session.steps[CORE_LOOK];
    write = append("note-1");
    EXPECT_OUTCOME(write, WRITE_APPENDED);
    ck_assert_int_eq(write->streams[0].version.n, 4);
    ck_assert_uint_eq(the_session.steps[CORE_LOOK] - looks, 2); /* the lock, then what it needs */
}
END_TEST

START_TEST(where_others_write_all_is_asked_for_with_the_lock)
{
    append("note-1");
    note("note-9");
    append("note-1");
    note("note-1");
    lock_asks(1, "note-1", 4);
    lock_asks(1, "note-1", 5); /* the last lock found the other's */
    lock_asks(0, "note-1", 6);
}
END_TEST

/* It moved while this writer had to do with other streams, which saw to the head. */
START_TEST(what_was_known_before_another_s_commit_is_asked_for)
{
    append("note-1");
    append("note-2");
    note("note-1");
    append("note-2");
    append("note-2");
    append("note-2");
    lock_asks(1, "note-1", 3);
    lock_asks(0, "note-1", 4);
}
END_TEST

/* A standby took over that lacked our last event, and somebody appended another in its place. */
START_TEST(the_same_head_on_another_connection_means_nothing)
{
    struct write *write;

    append("note-1");
    append("note-1");
    write = give(write_append("note-1", 1, NULL));
    the_session.open = false;
    ck_assert_int_eq(fake_step(&the_session, FAULT_NONE), FAKE_DONE); /* connects */
    ck_assert_uint_eq(known_at_lock(), 1);
    fake_run(&the_session);
    EXPECT_OUTCOME(write, WRITE_APPENDED);
    ck_assert_int_eq(write->streams[0].version.n, 3);
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
    tcase_add_test(tc, the_same_head_on_another_connection_means_nothing);
    suite_add_tcase(suite, tc);
    return suite;
}
