/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots on a real PostgreSQL: what is kept, what a cold load reads, and every damage planted.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "eventlog/snapshotter_internal.h"
#include "tests/integration/eventlog/rig.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *eventlog_snapshots_suite(void);

enum { EVERY = 100, LONG = 5000 };

static struct writer *writer;

static struct writer *start_writer(void)
{
    struct writer_config config = rig_writer_config();

    config.snapshot_every = EVERY;
    return rig_writer_with(&config);
}

static void set_up(void)
{
    rig_set_up();
    writer = start_writer();
}

static void tear_down(void)
{
    writer_stop(writer);
    rig_tear_down();
}

static void go_cold(void)
{
    writer_stop(writer);
    writer = start_writer();
}

static int64_t metric(const char *line_start)
{
    SCOPED_VALUE(buf_release) struct buf text = BUF_INIT(1 << 20);
    const char *line;

    metrics_write(&text);
    buf_add(&text, "", 1);
    line = strstr(text.data, line_start);
    return line == NULL ? 0 : strtoll(line + strlen(line_start), NULL, 10);
}

static int64_t rows_loaded(void)
{
    return metric("\ndaybook_load_rows_total ");
}

/* What it takes to know the balance, which must be this; returns how many rows were read for it. */
static int64_t expect_balance(const char *id, int64_t balance)
{
    int64_t before = rows_loaded();
    struct write *write = rig_write(writer, write_command(&account_add, id, -balance - 1));
    char detail[64];

    snprintf(detail, sizeof(detail), "the balance is %" PRId64, balance);
    ck_assert_int_eq(write->outcome, WRITE_REFUSED);
    EXPECT_STR(write->detail, detail);
    write_drop(write);
    return rows_loaded() - before;
}

#define SNAPSHOT_AT \
    "select coalesce(max(n.version), 0) from snapshots n join streams s on s.id = n.stream_id" \
    " where s.name = 'account-1'"

/* account-1 with LONG events, a snapshot of them, and EVERY - 1 behind it. */
static void make_long_stream(void)
{
    RIG_EXPECT(writer, write_open("1", ""), WRITE_APPENDED);
    for (int left = LONG - 1; left > 0; left -= left < 1000 ? left : 1000)
        RIG_EXPECT(writer, write_command(&account_bulk, "1", left < 1000 ? left : 1000),
                   WRITE_APPENDED);
    rig_eventually(SNAPSHOT_AT, LONG);
    RIG_EXPECT(writer, write_command(&account_bulk, "1", EVERY - 1), WRITE_APPENDED);
    go_cold();
}

START_TEST(a_cold_load_reads_a_snapshot_and_what_is_behind_it)
{
    make_long_stream();
    ck_assert_int_eq(expect_balance("1", LONG + EVERY - 2), EVERY);
    ck_assert_int_eq(expect_balance("1", LONG + EVERY - 2), 0); /* cached */
    RIG_EXPECT(writer, write_command(&account_add, "1", 1), WRITE_APPENDED);
    rig_eventually(SNAPSHOT_AT, LONG + EVERY);
    go_cold();
    ck_assert_int_eq(expect_balance("1", LONG + EVERY - 1), 1);
    rig_check();
}
END_TEST

START_TEST(a_stream_that_grew_before_there_were_snapshots_gets_one_when_it_is_read)
{
    RIG_EXPECT(writer, write_open("1", ""), WRITE_APPENDED);
    RIG_EXPECT(writer, write_command(&account_bulk, "1", 1000), WRITE_APPENDED);
    rig_eventually(SNAPSHOT_AT, 1001);
    database_run(the_log.database, "delete from snapshots");
    go_cold();
    ck_assert_int_eq(expect_balance("1", 1000), 1001);
    rig_eventually(SNAPSHOT_AT, 1001);
}
END_TEST

START_TEST(commands_do_not_wait_for_snapshots)
{
    SCOPED(pg_free)
    struct pg_conn *holder = database_connect(the_log.database, PG_PROFILE_QUERY);
    struct error err;

    ck_assert(pg_begin(holder, &err));
    ck_assert(pg_query(holder, "lock table snapshots in exclusive mode", NULL, NULL, &err));
    RIG_EXPECT(writer, write_open("1", ""), WRITE_APPENDED);
    RIG_EXPECT(writer, write_command(&account_bulk, "1", EVERY), WRITE_APPENDED);
    rig_eventually(BACKEND_WAITS, 1); /* the snapshots' */
    for (int i = 0; i < 20; i++)
        RIG_EXPECT(writer, write_command(&account_bulk, "1", EVERY), WRITE_APPENDED);
    ck_assert_int_eq(database_i64(the_log.database, BACKEND_WAITS), 1);
    pg_rollback(holder);
    rig_eventually(SNAPSHOT_AT, 1 + 21 * EVERY); /* the newest alone was worth writing */
}
END_TEST

static const struct damage {
    const char *name;
    const char *sql;
} damages[] = {
    {"ahead of the stream", "update snapshots set version = 100000"},
    {"ahead of the log", "update snapshots set version = 100000, position = 100000"},
    {"of another decider", "update snapshots set schema = 2"},
    {"of an event this log does not have",
     "update events set recorded_at = recorded_at - '1us'::interval where version = 5000"},
    {"recorded at another time",
     "update snapshots set recorded_at = recorded_at - '1us'::interval"},
    {"beyond the log", "update snapshots set position = position + 100000"},
    {"at another event's position", "update snapshots set position = position - 1"},
    {"an edited state", "update snapshots set state = '999999 .'"},
    {"a state cut off", "update snapshots set state = substring(state from 1 for 3)"},
    {"an empty state", "update snapshots set state = ''"},
    {"of an earlier version than it says", "update snapshots set version = version - 1"},
    {"gone", "delete from snapshots"},
};

START_TEST(a_snapshot_that_can_not_be_trusted_costs_a_load_from_the_first_event)
{
    int64_t rows;

    make_long_stream();
    database_run(the_log.database, damages[_i].sql);
    rows = expect_balance("1", LONG + EVERY - 2);
    ck_assert_msg(rows >= LONG + EVERY - 1, "%s: %" PRId64 " rows", damages[_i].name, rows);
    /* And is replaced. */
    rig_eventually("select count(*) from snapshots where schema = 1 and version = (select version"
                   " from streams where name = 'account-1')",
                   1);
    go_cold();
    ck_assert_int_eq(expect_balance("1", LONG + EVERY - 2), 1);
}
END_TEST

/* The damage that no checksum finds: a program that wrote what it can not read. */
static void write_garbage(const void *state, struct buf *out)
{
    (void)state;
    buf_add_cstr(out, "\xff{]");
}

static struct snapshot snapshot_of(const char *stream, int64_t version,
                                   const struct aggregate_type *type)
{
    char sql[256];
    struct snapshot s = {.version = VERSION(version), .type = type, .state = type->state_new()};

    snprintf(sql, sizeof(sql), "select id from streams where name = '%s'", stream);
    s.stream_id = database_i64(the_log.database, sql);
#define OF_EVENT(column) \
    (snprintf(sql, sizeof(sql), \
              "select (%s)::bigint from events where stream_id = %" PRId64 \
              " and version = %" PRId64, \
              (column), s.stream_id, version), \
     database_i64(the_log.database, sql))
    s.position = POSITION(OF_EVENT("position"));
    s.recorded_at_us = OF_EVENT("extract(epoch from recorded_at) * 1000000");
#undef OF_EVENT
    return s;
}

static struct snapshotter *start_snapshotter(void)
{
    struct writer_config config = rig_writer_config();
    struct snapshotter *snapshotter;
    struct error err;

    ck_assert(snapshotter_start(&config.postgres, &snapshotter, &err));
    return snapshotter;
}

START_TEST(a_state_its_decider_can_not_read_costs_the_same)
{
    struct aggregate_type garbling = account_type;
    struct snapshotter *snapshotter;

    make_long_stream();
    garbling.state_write = write_garbage;
    snapshotter = start_snapshotter();
    snapshotter_offer(snapshotter, snapshot_of("account-1", LONG + EVERY - 1, &garbling));
    rig_eventually(SNAPSHOT_AT, LONG + EVERY - 1);
    snapshotter_stop(snapshotter);
    ck_assert_int_eq(expect_balance("1", LONG + EVERY - 2), LONG + EVERY);
    ck_assert_int_ge(metric("daybook_snapshots_total{result=\"refused\"} "), 1);
    rig_eventually("select count(*) from snapshots where state = '5098 .'", 1);
}
END_TEST

START_TEST(an_event_that_is_missing_behind_the_snapshot_is_missed)
{
    struct write *write;

    make_long_stream();
    database_run(the_log.database, "delete from events where version = 5017");
    write = rig_write(writer, write_command(&account_add, "1", 1));
    ck_assert_int_eq(write->outcome, WRITE_UNREADABLE);
    ck_assert_int_eq(write->conflicts[0].actual.n, 5017);
    ck_assert_ptr_null(write->conflicts[0].event_id.data);
    write_drop(write);
}
END_TEST

/* What is before it may be archived: then the snapshot is where the stream begins. */
START_TEST(events_before_the_snapshot_need_not_be_there)
{
    make_long_stream();
    database_run(the_log.database, "delete from events where version <= 5000");
    ck_assert_int_eq(expect_balance("1", LONG + EVERY - 2), EVERY);
}
END_TEST

/* Whatever was offered before this one was written was dealt with. */
static void offer_last(struct snapshotter *snapshotter, int64_t version)
{
    snapshotter_offer(snapshotter, snapshot_of("account-2", version, &account_type));
    rig_eventually("select coalesce(max(n.version), 0) from snapshots n join streams s"
                   " on s.id = n.stream_id where s.name = 'account-2'",
                   version);
}

START_TEST(the_newer_snapshot_stays_whoever_is_late)
{
    struct snapshotter *slow;

    RIG_EXPECT(writer, write_open("2", ""), WRITE_APPENDED);
    make_long_stream();
    slow = start_snapshotter();
    snapshotter_offer(slow, snapshot_of("account-1", 10, &account_type));
    offer_last(slow, 1);
    ck_assert_int_eq(database_i64(the_log.database, SNAPSHOT_AT), LONG);
    snapshotter_stop(slow);
}
END_TEST

START_TEST(of_several_that_wait_the_newest_is_written)
{
    static const int64_t versions[] = {30, 10, 50, 20, 40};
    struct snapshotter *snapshotter;

    RIG_EXPECT(writer, write_open("2", ""), WRITE_APPENDED);
    RIG_EXPECT(writer, write_open("1", ""), WRITE_APPENDED);
    RIG_EXPECT(writer, write_command(&account_bulk, "1", EVERY - 10), WRITE_APPENDED);
    snapshotter = start_snapshotter();
    for (size_t i = 0; i < sizeof(versions) / sizeof(*versions); i++)
        snapshotter_offer(snapshotter, snapshot_of("account-1", versions[i], &account_type));
    offer_last(snapshotter, 1);
    ck_assert_int_eq(database_i64(the_log.database, SNAPSHOT_AT), 50);
    snapshotter_stop(snapshotter);
}
END_TEST

/* As after a failover: the snapshot that waits is of a stream that grew otherwise here. */
START_TEST(a_snapshot_of_lost_events_is_not_written)
{
    struct snapshotter *snapshotter;
    struct snapshot lost[4];

    RIG_EXPECT(writer, write_open("2", ""), WRITE_APPENDED);
    RIG_EXPECT(writer, write_command(&account_bulk, "2", 4), WRITE_APPENDED);
    RIG_EXPECT(writer, write_open("1", ""), WRITE_APPENDED);
    RIG_EXPECT(writer, write_command(&account_bulk, "1", EVERY - 10), WRITE_APPENDED);
    snapshotter = start_snapshotter();
    for (int i = 0; i < 4; i++)
        lost[i] = snapshot_of("account-1", 50, &account_type);
    lost[0].recorded_at_us--;
    lost[1].position.n++;
    lost[2].version.n++;
    lost[3].version.n = lost[3].position.n = 5000; /* beyond all that is there */
    for (int i = 0; i < 4; i++) {
        snapshotter_offer(snapshotter, lost[i]);
        offer_last(snapshotter, i + 1);
    }
    ck_assert_int_eq(database_i64(the_log.database, SNAPSHOT_AT), 0);
    snapshotter_stop(snapshotter);
}
END_TEST

START_TEST(without_a_database_snapshots_are_dropped)
{
    struct writer_config config = rig_writer_config();
    int64_t before = metric("daybook_snapshots_total{result=\"dropped\"} ");
    int64_t deadline_ms = clock_monotonic_ms() + 30000;
    struct snapshotter *snapshotter;
    struct error err;

    RIG_EXPECT(writer, write_open("1", ""), WRITE_APPENDED);
    config.postgres.url = "postgresql://127.0.0.1:1/none";
    ck_assert(snapshotter_start(&config.postgres, &snapshotter, &err));
    snapshotter_offer(snapshotter, snapshot_of("account-1", 1, &account_type));
    while (metric("daybook_snapshots_total{result=\"dropped\"} ") == before)
        ck_assert_int_lt(clock_monotonic_ms(), deadline_ms);
    snapshotter_offer(snapshotter, snapshot_of("account-1", 1, &account_type));
    snapshotter_stop(snapshotter); /* with one that waits */
    ck_assert_int_ge(metric("daybook_snapshots_total{result=\"dropped\"} "), before + 2);
}
END_TEST

Suite *eventlog_snapshots_suite(void)
{
    Suite *suite = suite_create("eventlog_snapshots");
    TCase *tc = tcase_create("snapshots");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, a_cold_load_reads_a_snapshot_and_what_is_behind_it);
    tcase_add_test(tc, a_stream_that_grew_before_there_were_snapshots_gets_one_when_it_is_read);
    tcase_add_test(tc, commands_do_not_wait_for_snapshots);
    tcase_add_loop_test(tc, a_snapshot_that_can_not_be_trusted_costs_a_load_from_the_first_event, 0,
                        COUNT_OF(damages));
    tcase_add_test(tc, a_state_its_decider_can_not_read_costs_the_same);
    tcase_add_test(tc, an_event_that_is_missing_behind_the_snapshot_is_missed);
    tcase_add_test(tc, events_before_the_snapshot_need_not_be_there);
    tcase_add_test(tc, the_newer_snapshot_stays_whoever_is_late);
    tcase_add_test(tc, of_several_that_wait_the_newest_is_written);
    tcase_add_test(tc, a_snapshot_of_lost_events_is_not_written);
    tcase_add_test(tc, without_a_database_snapshots_are_dropped);
    suite_add_tcase(suite, tc);
    return suite;
}
