/* SPDX-License-Identifier: Apache-2.0 */
/* The writer on a real PostgreSQL, undisturbed: what is stored, keys, ids, limits, stopping. */
#include "base/clock.h"
#include "base/thread.h"
#include "eventlog/sql.h"
#include "tests/integration/eventlog/rig.h"

#include <stdio.h>

Suite *eventlog_writer_suite(void);

static struct writer *writer;

static void set_up(void)
{
    rig_set_up();
    writer = rig_writer();
}

static void tear_down(void)
{
    writer_stop(writer);
    rig_tear_down();
}

static struct event read_one(struct arena *arena, int64_t position)
{
    SCOPED(pg_free)
    struct pg_conn *conn = database_connect(the_log.database, PG_PROFILE_QUERY);
    struct event event;
    struct error err;
    bool found;

    ck_assert_msg(log_find_event(conn, POSITION(position), arena, &event, &found, &err), "%s",
                  err.text);
    ck_assert(found);
    return event;
}

START_TEST(an_event_is_stored_as_it_came)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    struct write *write = write_append("note-1", 2, "my-id other-id");
    struct new_event events[2] = {write->appends->events[0], write->appends->events[1]};
    struct stream_append append = write->appends[0];
    int64_t began_us = clock_wall_us();
    struct event event;

    events[0].type = STR("Noted.v1");
    events[0].data = STR("{ \"b\": 1.0,\"a\" : \"\\u00e9 \xc3\xa9\" , \"a\":2}");
    events[0].metadata = STR("{\"m\":  null}");
    events[0].occurred_at_us = 123456789;
    append.events = events;
    write->appends = &append;
    write->tenant = STR("shop");
    write->origin = (struct origin){STR("corr"), STR("cause"), STR("req"), STR("00-trace")};
    rig_write(writer, write);
    ck_assert_int_eq(write->outcome, WRITE_APPENDED);

    event = read_one(arena, 1);
    EXPECT_STR(event.id, "my-id");
    EXPECT_STR(event.type, "Noted.v1");
    EXPECT_STR(event.tenant, "shop");
    EXPECT_STR(event.stream, "note-1");
    ck_assert(str_equal(event.data, events[0].data));
    ck_assert(str_equal(event.metadata, events[0].metadata));
    ck_assert_int_eq(event.version.n, 1);
    ck_assert_int_eq(event.occurred_at_us, 123456789);
    ck_assert_int_ge(event.recorded_at_us, began_us - 1000);
    ck_assert_int_le(event.recorded_at_us, clock_wall_us());
    EXPECT_STR(event.origin.correlation_id, "corr");
    EXPECT_STR(event.origin.causation_id, "cause");
    EXPECT_STR(event.origin.request_id, "req");
    EXPECT_STR(event.origin.traceparent, "00-trace");

    event = read_one(arena, 2);
    EXPECT_STR(event.id, "other-id");
    ck_assert_ptr_null(event.metadata.data);
    EXPECT_STR(event.data, "{\"n\":1}");
    ck_assert_int_eq(database_i64(the_log.database,
                                  "select count(*) from streams where tenant = 'shop'"
                                  " and category = 'note' and name = 'note-1'"),
                     1);
    write_drop(write);
    ck_assert_int_eq(rig_check(), 2);
}
END_TEST

START_TEST(origins_may_differ_within_a_batch)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    struct write *with = write_append("note-1", 1, NULL);
    struct write *without = write_append("note-2", 1, NULL);
    struct event event;

    with->origin.request_id = STR("r");
    rig_submit(writer, without);
    rig_submit(writer, with);
    rig_await_all(2);
    event = read_one(arena, with->events[0].position.n);
    EXPECT_STR(event.origin.request_id, "r");
    ck_assert_ptr_null(event.origin.traceparent.data);
    event = read_one(arena, without->events[0].position.n);
    ck_assert_ptr_null(event.origin.request_id.data);
    write_drop(with);
    write_drop(without);
}
END_TEST

START_TEST(commands_decide_on_what_is_stored)
{
    RIG_EXPECT(writer, write_open("1", "2"), WRITE_APPENDED);
    RIG_EXPECT(writer, write_open("2", ""), WRITE_APPENDED);
    RIG_EXPECT(writer, write_command(&account_add, "1", 5), WRITE_APPENDED);
    RIG_EXPECT(writer, write_command(&account_give, "1", 6), WRITE_REFUSED);
    RIG_EXPECT(writer, write_command(&account_give, "1", 3), WRITE_APPENDED);
    /* Another writer, with nothing in its cache. */
    writer_stop(writer);
    writer = rig_writer();
    RIG_EXPECT(writer, write_command(&account_give, "1", 3), WRITE_REFUSED);
    RIG_EXPECT(writer, write_command(&account_give, "1", 2), WRITE_APPENDED);
    RIG_EXPECT(writer, write_command(&account_add, "2", -6), WRITE_REFUSED);
    RIG_EXPECT(writer, write_command(&account_add, "2", -5), WRITE_APPENDED);
    RIG_EXPECT(writer, write_open("2", ""), WRITE_REFUSED);
    ck_assert_int_eq(rig_check(), 8);
}
END_TEST

START_TEST(a_long_stream_is_loaded_cold)
{
    struct writer *cold;

    RIG_EXPECT(writer, write_open("1", ""), WRITE_APPENDED);
    for (int i = 0; i < 10; i++)
        RIG_EXPECT(writer, write_command(&account_bulk, "1", 1000), WRITE_APPENDED);
    cold = rig_writer();
    RIG_EXPECT(cold, write_command(&account_add, "1", -10001), WRITE_REFUSED);
    RIG_EXPECT(cold, write_command(&account_add, "1", -10000), WRITE_APPENDED);
    /* The first one has to load what the other appended, and more than may be under the lock. */
    for (int i = 0; i < 2; i++)
        RIG_EXPECT(cold, write_command(&account_bulk, "1", 1000), WRITE_APPENDED);
    RIG_EXPECT(writer, write_command(&account_add, "1", -2000), WRITE_APPENDED);
    writer_stop(cold);
    ck_assert_int_eq(rig_check(), 12003);
}
END_TEST

/* 240 events of 480 kB, which compress to a hundredth, are loaded slice by slice. */
START_TEST(a_load_is_cut_by_its_bytes)
{
    SCOPED(pg_free)
    struct pg_conn *conn = database_connect(the_log.database, PG_PROFILE_BATCH);
    SCOPED_VALUE(buf_release) struct buf prepare = BUF_INIT(1 << 16);
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    struct write *write;
    struct error err;

    database_run(the_log.database,
                 "insert into streams values (1, 'main', 'account-1', 'account', 240, 1, 240);"
                 "insert into events (position, stream_id, version, occurred_at, recorded_at, id,"
                 " type, data) select n, 1, n, now(), now(), 'id' || n, 'Opened',"
                 " ('{\"partner\":\"2\"}' || repeat(' ', 480000))::json"
                 " from generate_series(1, 240) n;"
                 "update log_head set position = 240");
    buf_printf(&prepare, "prepare p as %s", sql_events_load);
    buf_add(&prepare, "", 1);
    ck_assert(pg_script(conn, prepare.data, &err));
    ck_assert_msg(pg_query_once(conn,
                                "execute p('{1}', '{0}', '{240}', '{1}', '{240}', '{0}', 4096,"
                                " 16777216)",
                                NULL, &rows, &err),
                  "%s", err.text);
    ck_assert_uint_eq(pg_rows_count(rows), 35); /* the first that pass 16 MiB */
    pg_rows_skip(rows);

    write = rig_write(writer, write_command(&account_add, "1", -1));
    ck_assert_int_eq(write->outcome, WRITE_REFUSED);
    EXPECT_STR(write->detail, "the balance is 0");
    write_drop(write);
}
END_TEST

START_TEST(a_damaged_stream_is_not_folded)
{
    struct write *write;

    RIG_EXPECT(writer, write_open("1", ""), WRITE_APPENDED);
    RIG_EXPECT(writer, write_command(&account_bulk, "1", 5), WRITE_APPENDED);
    database_run(the_log.database, _i == 0 ? "delete from events where version = 4"
                                           : "update events set data = '{}' where version = 4");
    writer_stop(writer);
    writer = rig_writer();
    write = rig_write(writer, write_command(&account_add, "1", 1));
    ck_assert_int_eq(write->outcome, WRITE_UNREADABLE);
    ck_assert_int_eq(write->conflicts[0].actual.n, 4);
    ck_assert_int_eq(write->conflicts[0].event_id.data != NULL, _i);
    write_drop(write);
    RIG_EXPECT(writer, write_append("account-1", 1, NULL), WRITE_APPENDED); /* raw, for repairs */
}
END_TEST

static struct write *keyed(struct write *write, const char *key, const char *hash)
{
    write_key(write, key, hash);
    return write;
}

START_TEST(a_key_is_answered_by_every_writer)
{
    struct writer *other = rig_writer();
    struct write *first = keyed(write_append("note-1", 2, NULL), "k", "hash");
    struct write *again = keyed(write_append("note-1", 2, NULL), "k", "hash");
    struct write *credential = keyed(write_append("note-1", 2, NULL), "k", "hash");

    rig_write(writer, first);
    ck_assert_int_eq(first->outcome, WRITE_APPENDED);
    rig_write(other, again);
    ck_assert_int_eq(again->outcome, WRITE_REPLAYED);
    ck_assert_int_eq(again->answer.status, 201);
    ck_assert(str_equal(again->answer.headers, first->answer.headers));
    EXPECT_STR(again->answer.body, "{\"version\":2}");
    RIG_EXPECT(other, keyed(write_append("note-1", 1, NULL), "k", "hash2"), WRITE_KEY_REUSED);
    credential->credential = STR("somebody else");
    RIG_EXPECT(other, credential, WRITE_APPENDED);
    write_drop(first);
    write_drop(again);
    writer_stop(other);
    ck_assert_int_eq(rig_check(), 4);
}
END_TEST

START_TEST(a_key_is_found_in_all_live_days)
{
    database_run(the_log.database,
                 "create table idempotency_keys_old (like idempotency_keys including defaults,"
                 " primary key (tenant, credential, key));"
                 "alter table idempotency_keys attach partition idempotency_keys_old"
                 " for values from ('2001-01-01') to ('2001-01-02');"
                 "insert into idempotency_keys (day, tenant, credential, key, hash, status,"
                 " headers, body) values ('2001-01-01', 'main', '', 'k', 'hash', 200, '', 'old')");
    RIG_EXPECT(writer, keyed(write_append("note-1", 1, NULL), "k", "hash"), WRITE_REPLAYED);
    RIG_EXPECT(writer, keyed(write_append("note-1", 1, NULL), "l", "hash"), WRITE_APPENDED);
    ck_assert_int_eq(database_i64(the_log.database,
                                  "select count(*) from idempotency_keys where key = 'l' and"
                                  " day = (now() at time zone 'UTC')::date"),
                     1);
}
END_TEST

START_TEST(a_busy_key_is_not_taken)
{
    struct write *first = keyed(write_append("note-1", 1, NULL), "k", "hash");
    struct write *second = keyed(write_append("note-1", 1, NULL), "k", "hash");
    SCOPED(pg_free)
    struct pg_conn *holder = database_connect(the_log.database, PG_PROFILE_QUERY);
    struct error err;

    ck_assert(pg_begin(holder, &err));
    ck_assert(pg_query(holder, "select 1 from log_head for update", NULL, NULL, &err));
    rig_submit(writer, first);
    rig_eventually(BACKEND_WAITS, 1);
    ck_assert_int_eq(writer_submit(writer, second), WRITER_KEY_BUSY);
    pg_rollback(holder);
    rig_await_all(1);
    RIG_EXPECT(writer, second, WRITE_REPLAYED);
    write_drop(first);
}
END_TEST

START_TEST(repeated_ids_are_found_by_every_writer)
{
    struct writer *other = rig_writer();
    struct write *again;

    RIG_EXPECT(writer, write_append("note-1", 2, "a b"), WRITE_APPENDED);
    RIG_EXPECT(writer, write_append("note-2", 2, "a b"), WRITE_APPENDED);
    again = rig_write(other, write_append("note-2", 2, "a b"));
    ck_assert_int_eq(again->outcome, WRITE_REPEATED);
    ck_assert_int_eq(again->events[0].position.n, 3);
    ck_assert_int_eq(again->events[1].version.n, 2);
    write_drop(again);
    RIG_EXPECT(other, write_append("note-2", 2, "b c"), WRITE_CONFLICT);
    RIG_EXPECT(other, write_append("note-2", 1, "c"), WRITE_APPENDED);
    RIG_EXPECT(writer, write_append("note-2", 1, "c"), WRITE_REPEATED);
    writer_stop(other);
    ck_assert_int_eq(rig_check(), 5);
}
END_TEST

START_TEST(a_category_too_many_is_refused_whoever_had_the_others)
{
    struct writer_config config = rig_writer_config();
    struct writer *strict;

    config.categories_max = 2;
    strict = rig_writer_with(&config);
    RIG_EXPECT(writer, write_append("note-1", 1, NULL), WRITE_APPENDED);
    RIG_EXPECT(strict, write_append("memo-1", 1, NULL), WRITE_APPENDED);
    RIG_EXPECT(strict, write_append("letter-1", 1, NULL), WRITE_TOO_MANY_CATEGORIES);
    RIG_EXPECT(strict, write_append("note-2", 1, NULL), WRITE_APPENDED);
    ck_assert_int_eq(database_i64(the_log.database, "select count(*) from categories"), 2);
    writer_stop(strict);
}
END_TEST

START_TEST(a_full_queue_is_an_answer)
{
    enum { ROOM = 4 };
    struct writer_config config = rig_writer_config();
    struct writer *narrow;
    struct write *writes[2 * ROOM + 1];
    SCOPED(pg_free)
    struct pg_conn *holder = database_connect(the_log.database, PG_PROFILE_QUERY);
    struct writer_status status;
    struct error err;

    config.queue_commands_max = ROOM;
    config.batch_commands_max = ROOM;
    narrow = rig_writer_with(&config);
    ck_assert(pg_begin(holder, &err));
    ck_assert(pg_query(holder, "select 1 from log_head for update", NULL, NULL, &err));
    writes[0] = write_append("note-1", 1, NULL);
    rig_submit(narrow, writes[0]);
    rig_eventually(BACKEND_WAITS, 1); /* the thread is in its statement and takes no more */
    for (int i = 1; i <= ROOM; i++) {
        writes[i] = write_append("note-1", 1, NULL);
        rig_submit(narrow, writes[i]);
    }
    writes[ROOM + 1] = write_append("note-1", 1, NULL);
    ck_assert_int_eq(writer_submit(narrow, writes[ROOM + 1]), WRITER_FULL);
    writer_status(narrow, &status);
    ck_assert_uint_eq(status.queued, ROOM);
    pg_rollback(holder);
    rig_await_all(ROOM + 1);
    for (int i = 0; i <= ROOM + 1; i++)
        write_drop(writes[i]);
    writer_stop(narrow);
    ck_assert_int_eq(rig_check(), ROOM + 1);
}
END_TEST

START_TEST(a_write_that_waits_too_long_in_the_queue_is_told)
{
    struct writer_config config = rig_writer_config();
    struct writer *narrow;
    struct write *first = write_append("note-1", 1, NULL);
    struct write *late = write_append("note-1", 1, NULL);
    SCOPED(pg_free)
    struct pg_conn *holder = database_connect(the_log.database, PG_PROFILE_QUERY);
    struct error err;

    config.batch_commands_max = 1;
    narrow = rig_writer_with(&config);
    ck_assert(pg_begin(holder, &err));
    ck_assert(pg_query(holder, "select 1 from log_head for update", NULL, NULL, &err));
    rig_submit(narrow, first);
    rig_eventually(BACKEND_WAITS, 1);
    late->deadline_ms = clock_monotonic_ms() - 1;
    rig_submit(narrow, late);
    pg_rollback(holder);
    rig_await_all(2);
    ck_assert_int_eq(first->outcome, WRITE_APPENDED);
    ck_assert_int_eq(late->outcome, WRITE_FAILED);
    ck_assert_str_eq(late->error.code, "overloaded");
    write_drop(first);
    write_drop(late);
    writer_stop(narrow);
}
END_TEST

START_TEST(stopping_answers_all_that_was_taken)
{
    enum { COUNT = 500 };
    struct write *writes[COUNT];
    struct writer *stopped = rig_writer();

    for (int i = 0; i < COUNT; i++) {
        writes[i] = write_append("note-1", 1, NULL);
        rig_submit(stopped, writes[i]);
    }
    writer_stop(stopped);
    ck_assert_uint_eq(queue_count(the_log.finished), COUNT);
    rig_await_all(COUNT);
    for (int i = 0; i < COUNT; i++) {
        ck_assert_int_eq(writes[i]->outcome, WRITE_APPENDED);
        ck_assert_int_eq(writes[i]->streams[0].version.n, i + 1);
        write_drop(writes[i]);
    }
    ck_assert_int_eq(rig_check(), COUNT);
}
END_TEST

START_TEST(writes_are_answered_in_the_order_they_came)
{
    enum { COUNT = 300 };
    struct write *writes[COUNT];

    for (int i = 0; i < COUNT; i++) {
        char stream[32];

        snprintf(stream, sizeof(stream), "note-%d", i % 7);
        writes[i] = write_append(stream, 1, NULL);
        rig_submit(writer, writes[i]);
    }
    for (int i = 0; i < COUNT; i++) {
        ck_assert_ptr_eq(rig_await(), writes[i]);
        ck_assert_int_eq(writes[i]->events[0].position.n, i + 1);
        write_drop(writes[i]);
    }
}
END_TEST

START_TEST(a_write_that_comes_during_a_look_at_the_head_does_not_wait_for_the_next)
{
    SCOPED(pg_free)
    struct pg_conn *locker = database_connect(the_log.database, PG_PROFILE_QUERY);
    struct write *write = write_append("note-1", 1, NULL);
    struct writer *looking;
    struct error err;
    int64_t released_ms;

    ck_assert(pg_begin(locker, &err));
    ck_assert(pg_script(locker, "lock table log_head in access exclusive mode", &err));
    looking = rig_writer();
    rig_eventually(BACKEND_WAITS, 1); /* with its first look */
    rig_submit(looking, write);
    ck_assert_ptr_null(queue_pop(the_log.finished, 150)); /* taken while the look waits */
    released_ms = clock_monotonic_ms();
    pg_rollback(locker);
    ck_assert_ptr_eq(rig_await(), write);
    ck_assert_int_lt(clock_monotonic_ms() - released_ms, 500); /* it looks every 1,000 ms */
    ck_assert_int_eq(write->outcome, WRITE_APPENDED);
    write_drop(write);
    writer_stop(looking);
}
END_TEST

START_TEST(a_commit_raises_the_signal_and_the_status)
{
    struct signal *committed = signal_new();
    struct writer_config config = rig_writer_config();
    struct writer_status status;
    struct writer *signalling;
    uint64_t seen = 0;

    config.committed = committed;
    signalling = rig_writer_with(&config);
    RIG_EXPECT(signalling, write_command(&account_touch, "1", 0), WRITE_APPENDED);
    ck_assert(!signal_wait(committed, &seen, 0)); /* without events nobody need look */
    RIG_EXPECT(signalling, write_append("note-1", 3, NULL), WRITE_APPENDED);
    ck_assert(signal_wait(committed, &seen, 10000));
    writer_status(signalling, &status);
    ck_assert(status.connected);
    ck_assert_int_eq(status.head.n, 3);
    ck_assert_int_gt(status.last_commit_ms, 0);
    writer_stop(signalling);
    signal_free(committed);
}
END_TEST

Suite *eventlog_writer_suite(void)
{
    Suite *suite = suite_create("eventlog_writer");
    TCase *tc = tcase_create("writer");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, an_event_is_stored_as_it_came);
    tcase_add_test(tc, origins_may_differ_within_a_batch);
    tcase_add_test(tc, commands_decide_on_what_is_stored);
    tcase_add_test(tc, a_long_stream_is_loaded_cold);
    tcase_add_test(tc, a_load_is_cut_by_its_bytes);
    tcase_add_loop_test(tc, a_damaged_stream_is_not_folded, 0, 2);
    tcase_add_test(tc, a_key_is_answered_by_every_writer);
    tcase_add_test(tc, a_key_is_found_in_all_live_days);
    tcase_add_test(tc, a_busy_key_is_not_taken);
    tcase_add_test(tc, repeated_ids_are_found_by_every_writer);
    tcase_add_test(tc, a_category_too_many_is_refused_whoever_had_the_others);
    tcase_add_test(tc, a_full_queue_is_an_answer);
    tcase_add_test(tc, a_write_that_waits_too_long_in_the_queue_is_told);
    tcase_add_test(tc, stopping_answers_all_that_was_taken);
    tcase_add_test(tc, writes_are_answered_in_the_order_they_came);
    tcase_add_test(tc, a_write_that_comes_during_a_look_at_the_head_does_not_wait_for_the_next);
    tcase_add_test(tc, a_commit_raises_the_signal_and_the_status);
    suite_add_tcase(suite, tc);
    return suite;
}
