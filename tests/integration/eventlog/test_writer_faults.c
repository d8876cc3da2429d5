/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer while things break. A test holds a lock of its own where it wants the writer's backend
 * to wait, so that a connection is lost at one certain moment and not by luck.
 */
#include "base/clock.h"
#include "eventlog/writer_core.h"
#include "tests/integration/eventlog/rig.h"
#include "tests/support/proxy.h"

#include <signal.h>
#include <stdio.h>

Suite *eventlog_writer_faults_suite(void);

static struct proxy *proxy;
static struct writer *writer;
static struct pg_conn *holder;

static void set_up(void)
{
    char url[512];

    rig_set_up();
    proxy = proxy_new(rig_server_port());
    rig_url_at_port(proxy_port(proxy), url, sizeof(url));
    writer = rig_writer_at(url);
    holder = database_connect(the_log.database, PG_PROFILE_QUERY);
}

static void tear_down(void)
{
    pg_free(holder);
    writer_stop(writer);
    proxy_free(proxy);
    rig_tear_down();
}

static void hold(const char *lock)
{
    struct error err;

    ck_assert(pg_begin(holder, &err));
    ck_assert_msg(pg_query_once(holder, lock, NULL, NULL, &err), "%s", err.text);
}

static void let_go(void)
{
    pg_rollback(holder);
}

/* The writer's look-ups wait for the head; its COMMIT's statements wait at the events. */
static const char head_lock[] = "select 1 from log_head for update";
static const char events_lock[] = "lock table events in share mode";

static void kill_backend(void)
{
    database_run(the_log.database,
                 "select pg_terminate_backend(pid) from pg_stat_activity"
                 " where application_name = 'writer' and datname = current_database()");
}

static struct write *give_note(void)
{
    struct write *write = write_append("note-1", 2, NULL);

    rig_submit(writer, write);
    return write;
}

static void expect_appended_once(struct write *write, int64_t events)
{
    ck_assert_ptr_eq(rig_await(), write);
    ck_assert_msg(write->outcome == WRITE_APPENDED, "outcome %d: %s", (int)write->outcome,
                  write->error.text);
    ck_assert_int_eq(rig_check(), events);
    write_drop(write);
}

START_TEST(a_commit_that_the_server_made_is_found_after_its_answer_was_lost)
{
    struct write *write;

    hold(events_lock);
    write = give_note();
    rig_eventually(BACKEND_WAITS, 1);
    if (_i == 0)
        proxy_set(proxy, PROXY_CUT_AT_ANSWER);
    else
        proxy_cut(proxy); /* before the server knows; it commits all the same */
    let_go();
    if (_i == 0)
        rig_eventually("select position from log_head", 2);
    proxy_set(proxy, PROXY_PASS);
    expect_appended_once(write, 2);
}
END_TEST

START_TEST(a_commit_that_the_server_never_got_is_made_again)
{
    struct write *write;

    hold(head_lock);
    write = give_note();
    rig_eventually(BACKEND_WAITS, 1);
    proxy_set(proxy, PROXY_CUT_AT_REQUEST);
    let_go();
    rig_eventually("select 1 - count(*) from pg_stat_activity where application_name = 'writer'"
                   " and datname = current_database()",
                   1);
    proxy_set(proxy, PROXY_PASS);
    expect_appended_once(write, 2);
}
END_TEST

START_TEST(a_backend_killed_in_its_commit_is_seen_through)
{
    struct write *write;

    hold(events_lock);
    write = give_note();
    rig_eventually(BACKEND_WAITS, 1);
    kill_backend();
    let_go();
    expect_appended_once(write, 2);
}
END_TEST

START_TEST(a_backend_killed_at_the_lock_is_replaced)
{
    struct write *write;

    hold(head_lock);
    write = give_note();
    rig_eventually(BACKEND_WAITS, 1);
    kill_backend();
    let_go();
    expect_appended_once(write, 2);
}
END_TEST

START_TEST(an_outcome_that_stays_unknown_is_said_and_the_key_finds_it)
{
    struct write *write = write_append("note-1", 2, NULL);
    struct write *again = write_append("note-1", 2, NULL);

    write_key(write, "k", "hash");
    write_key(again, "k", "hash");
    hold(events_lock);
    write->deadline_ms = clock_monotonic_ms() + 1000;
    rig_submit(writer, write);
    rig_eventually(BACKEND_WAITS, 1);
    proxy_set(proxy, PROXY_CUT_AT_REQUEST); /* nothing gets through from now on */
    proxy_cut(proxy);
    let_go();
    ck_assert_ptr_eq(rig_await(), write);
    ck_assert_int_eq(write->outcome, WRITE_FAILED);
    ck_assert_str_eq(write->error.code, "outcome-unknown");
    ck_assert(write->error.outcome_unknown);
    proxy_set(proxy, PROXY_PASS);
    rig_write(writer, again);
    ck_assert_int_eq(again->outcome, WRITE_REPLAYED);
    ck_assert_int_eq(rig_check(), 2);
    write_drop(write);
    write_drop(again);
}
END_TEST

START_TEST(what_another_writer_put_at_our_positions_is_not_taken_for_ours)
{
    struct writer *other = rig_writer();
    struct write *write;

    RIG_EXPECT(writer, write_append("note-1", 1, NULL), WRITE_APPENDED);
    hold(head_lock);
    write = give_note();
    rig_eventually(BACKEND_WAITS, 1);
    proxy_set(proxy, PROXY_CUT_AT_REQUEST);
    let_go();
    rig_eventually("select 1 - count(*) from pg_stat_activity where application_name = 'writer'"
                   " and datname = current_database() and wait_event_type = 'Lock'",
                   1);
    RIG_EXPECT(other, write_append("note-1", 2, NULL), WRITE_APPENDED);
    proxy_set(proxy, PROXY_PASS);
    expect_appended_once(write, 5);
    writer_stop(other);
}
END_TEST

START_TEST(a_client_frozen_at_the_lock_does_not_stop_the_others)
{
    struct pg_config config = database_config(the_log.database);
    struct error err;

    pg_free(holder);
    config.idle_in_transaction_timeout_ms = 300;
    holder = pg_new(&config, PG_PROFILE_QUERY);
    ck_assert(pg_open(holder, &err));
    hold(head_lock); /* and never speaks again */
    expect_appended_once(give_note(), 2);
}
END_TEST

START_TEST(a_writer_cut_off_between_its_trips_holds_nobody_up)
{
    struct writer_config config = rig_writer_config();
    struct writer *frozen;
    struct writer *other = rig_writer();
    struct write *write = write_append("note-1", 2, NULL);
    char url[512];

    rig_url_at_port(proxy_port(proxy), url, sizeof(url));
    config.postgres.url = url;
    config.postgres.idle_in_transaction_timeout_ms = 300;
    config.postgres.statement_timeout_ms = 1000;
    frozen = rig_writer_with(&config);
    hold(head_lock);
    rig_submit(frozen, write);
    rig_eventually(BACKEND_WAITS, 1);
    proxy_set(proxy, PROXY_SILENT); /* its look-ups are answered, but it hears nothing */
    let_go();
    RIG_EXPECT(other, write_append("note-1", 1, NULL), WRITE_APPENDED);
    proxy_set(proxy, PROXY_PASS);
    expect_appended_once(write, 3);
    writer_stop(frozen);
    writer_stop(other);
}
END_TEST

/* Frozen, not dead: connections stay, and nothing is answered any more. */
static const struct {
    const char *lock; /* where the writer stands when it freezes; NULL: nowhere, it is idle */
    const char *code;
} freezes[] = {
    {NULL, "dependency-down"},
    {head_lock, "dependency-down"},
    {events_lock, "outcome-unknown"},
};

START_TEST(a_frozen_database_holds_up_no_answer)
{
    enum { TIMEOUT_MS = 1500, MARGIN_MS = CORE_LATE_MS + 500, LATER = 20 };
    struct write *first = write_append("note-1", 2, NULL);
    int64_t began_ms;

    write_key(first, "k", "hash");
    if (freezes[_i].lock != NULL)
        hold(freezes[_i].lock);
    else
        proxy_set(proxy, PROXY_SILENT);
    began_ms = clock_monotonic_ms();
    first->deadline_ms = began_ms + TIMEOUT_MS;
    rig_submit(writer, first);
    if (freezes[_i].lock != NULL) {
        rig_eventually(BACKEND_WAITS, 1);
        proxy_set(proxy, PROXY_SILENT);
        let_go();
    }
    /* They come while it stands still; statement_timeout is far away. */
    for (int i = 0; i < LATER; i++) {
        struct write *later = write_append("note-2", 1, NULL);

        later->deadline_ms = clock_monotonic_ms() + TIMEOUT_MS;
        rig_submit(writer, later);
    }
    for (int i = 0; i < 1 + LATER; i++) {
        struct write *write = rig_await();

        ck_assert_int_lt(clock_monotonic_ms(), write->deadline_ms + MARGIN_MS);
        ck_assert_int_eq(write->outcome, WRITE_FAILED);
        ck_assert_str_eq(write->error.code, write == first ? freezes[_i].code : "dependency-down");
        write_drop(write);
    }

    proxy_set(proxy, PROXY_PASS);
    first = write_append("note-1", 2, NULL);
    write_key(first, "k", "hash");
    first = rig_write(writer, first);
    ck_assert_int_eq(first->outcome,
                     freezes[_i].lock == events_lock ? WRITE_REPLAYED : WRITE_APPENDED);
    write_drop(first);
    ck_assert_int_eq(rig_check(), 2);
}
END_TEST

START_TEST(without_a_database_at_start_writes_wait_for_it)
{
    struct writer_status status;
    struct writer *early;
    struct write *hasty = write_append("note-1", 1, NULL);
    struct write *patient = write_append("note-1", 1, NULL);
    char url[512];

    proxy_set(proxy, PROXY_CUT_AT_REQUEST);
    rig_url_at_port(proxy_port(proxy), url, sizeof(url));
    early = rig_writer_at(url);
    hasty->deadline_ms = clock_monotonic_ms() + 300;
    rig_submit(early, hasty);
    rig_submit(early, patient);
    ck_assert_ptr_eq(rig_await(), hasty);
    ck_assert_int_ge(clock_monotonic_ms(), hasty->deadline_ms);
    ck_assert_int_eq(hasty->outcome, WRITE_FAILED);
    ck_assert_str_eq(hasty->error.code, "dependency-down");
    ck_assert(!hasty->error.outcome_unknown);
    writer_status(early, &status);
    ck_assert(!status.connected);
    ck_assert_int_eq(status.last_error.class, ERROR_TRANSIENT);
    proxy_set(proxy, PROXY_PASS);
    expect_appended_once(patient, 1);
    write_drop(hasty);
    writer_stop(early);
}
END_TEST

START_TEST(a_stop_without_a_database_ends_at_the_deadlines)
{
    struct write *write = write_append("note-1", 1, NULL);
    struct writer *early;
    int64_t began_ms = clock_monotonic_ms();
    char url[512];

    proxy_set(proxy, PROXY_CUT_AT_REQUEST);
    rig_url_at_port(proxy_port(proxy), url, sizeof(url));
    early = rig_writer_at(url);
    write->deadline_ms = began_ms + 300;
    rig_submit(early, write);
    writer_stop(early);
    ck_assert_int_lt(clock_monotonic_ms(), began_ms + 5000);
    ck_assert_ptr_eq(rig_await(), write);
    ck_assert_int_eq(write->outcome, WRITE_FAILED);
    write_drop(write);
    proxy_set(proxy, PROXY_PASS);
}
END_TEST

START_TEST(an_idle_writer_notices_that_its_connection_is_gone)
{
    struct writer_status status;
    int64_t deadline_ms;

    RIG_EXPECT(writer, write_append("note-1", 1, NULL), WRITE_APPENDED);
    proxy_set(proxy, PROXY_CUT_AT_REQUEST);
    proxy_cut(proxy);
    deadline_ms = clock_monotonic_ms() + 10000;
    do {
        writer_status(writer, &status);
        ck_assert_int_lt(clock_monotonic_ms(), deadline_ms);
    } while (status.connected);
    proxy_set(proxy, PROXY_PASS);
    do {
        writer_status(writer, &status);
        ck_assert_int_lt(clock_monotonic_ms(), deadline_ms);
    } while (!status.connected);
}
END_TEST

static struct write *not_json(void)
{
    struct write *write = write_append("note-1", 1, NULL);
    struct new_event *event = ARENA_NEW(write->arena, struct new_event);
    struct stream_append *append = ARENA_NEW(write->arena, struct stream_append);

    *append = write->appends[0];
    *event = append->events[0];
    event->data = STR("{\"never\" let through at the door");
    append->events = event;
    write->appends = append;
    return write;
}

START_TEST(what_can_not_be_stored_fails_alone)
{
    enum { COUNT = 60 };
    struct write *writes[COUNT];

    struct write *first = write_append("note-2", 1, NULL);

    hold(head_lock);
    rig_submit(writer, first);
    rig_eventually(BACKEND_WAITS, 1); /* so that the others come as one batch */
    for (int i = 0; i < COUNT; i++) {
        writes[i] = i == 17 || i == 59 ? not_json() : write_append("note-1", 1, NULL);
        rig_submit(writer, writes[i]);
    }
    let_go();
    ck_assert_ptr_eq(rig_await(), first);
    write_drop(first);
    for (int i = 0, version = 1; i < COUNT; i++) {
        ck_assert_ptr_eq(rig_await(), writes[i]);
        if (i == 17 || i == 59) {
            ck_assert_int_eq(writes[i]->outcome, WRITE_FAILED);
            ck_assert_str_eq(writes[i]->error.code, "not-storable");
            ck_assert_str_eq(writes[i]->error.sqlstate, "22P02");
        } else {
            ck_assert_int_eq(writes[i]->outcome, WRITE_APPENDED);
            ck_assert_int_eq(writes[i]->streams[0].version.n, version++);
        }
        write_drop(writes[i]);
    }
    ck_assert_int_eq(rig_check(), COUNT - 1);
}
END_TEST

START_TEST(a_missing_partition_is_made)
{
    struct write *write = write_append("note-1", 1, NULL);

    write_key(write, "k", "hash");
    database_run(the_log.database, "drop table events_1; drop table events_1000001");
    RIG_EXPECT(writer, write_append("note-1", 3, NULL), WRITE_APPENDED);
    database_run(the_log.database,
                 "do $$ declare t text; begin for t in select inhrelid::regclass from pg_inherits"
                 " where inhparent = 'idempotency_keys'::regclass loop execute 'drop table ' || t;"
                 " end loop; end $$");
    RIG_EXPECT(writer, write, WRITE_APPENDED);
    ck_assert_int_eq(rig_check(), 4);
}
END_TEST

START_TEST(a_broken_schema_fails_writes_at_once)
{
    struct write *write;

    database_run(the_log.database, "alter table events rename column type to kind");
    write = rig_write(writer, write_append("note-1", 1, NULL));
    ck_assert_int_eq(write->outcome, WRITE_FAILED);
    ck_assert_int_eq(write->error.class, ERROR_FATAL);
    ck_assert_str_eq(write->error.code, "internal-error");
    write_drop(write);
    database_run(the_log.database, "alter table events rename column kind to type");
    RIG_EXPECT(writer, write_append("note-1", 1, NULL), WRITE_APPENDED);
}
END_TEST

Suite *eventlog_writer_faults_suite(void)
{
    Suite *suite = suite_create("eventlog_writer_faults");
    TCase *tc = tcase_create("faults");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_loop_test(tc, a_commit_that_the_server_made_is_found_after_its_answer_was_lost, 0, 2);
    tcase_add_test(tc, a_commit_that_the_server_never_got_is_made_again);
    tcase_add_test(tc, a_backend_killed_in_its_commit_is_seen_through);
    tcase_add_test(tc, a_backend_killed_at_the_lock_is_replaced);
    tcase_add_test(tc, an_outcome_that_stays_unknown_is_said_and_the_key_finds_it);
    tcase_add_test(tc, what_another_writer_put_at_our_positions_is_not_taken_for_ours);
    tcase_add_test(tc, a_client_frozen_at_the_lock_does_not_stop_the_others);
    tcase_add_test(tc, a_writer_cut_off_between_its_trips_holds_nobody_up);
    tcase_add_loop_test(tc, a_frozen_database_holds_up_no_answer, 0,
                        sizeof(freezes) / sizeof(*freezes));
    tcase_add_test(tc, without_a_database_at_start_writes_wait_for_it);
    tcase_add_test(tc, a_stop_without_a_database_ends_at_the_deadlines);
    tcase_add_test(tc, an_idle_writer_notices_that_its_connection_is_gone);
    tcase_add_test(tc, what_can_not_be_stored_fails_alone);
    tcase_add_test(tc, a_missing_partition_is_made);
    tcase_add_test(tc, a_broken_schema_fails_writes_at_once);
    suite_add_tcase(suite, tc);
    return suite;
}
