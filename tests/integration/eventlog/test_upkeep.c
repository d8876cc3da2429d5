/* SPDX-License-Identifier: Apache-2.0 */
/* Partitions made ahead, days removed, by any number of processes and beside readers. */
#include "eventlog/identity.h"
#include "eventlog/upkeep.h"
#include "tests/integration/eventlog/rig.h"

#include <pthread.h>
#include <stdio.h>

Suite *eventlog_upkeep_suite(void);

static struct pg_conn *conn;
static struct pg_conn *other;

/* Without the rig's own upkeep. */
static void set_up(void)
{
    the_log = (struct rig){.database = database_new()};
    database_migrate(the_log.database);
    conn = database_connect(the_log.database, PG_PROFILE_UPKEEP);
    other = database_connect(the_log.database, PG_PROFILE_QUERY);
}

static void tear_down(void)
{
    pg_free(conn);
    pg_free(other);
    database_free(the_log.database);
}

static bool run(int64_t size, unsigned ahead, struct error *err)
{
    struct upkeep_config config = {
        .partition_events = size, .partitions_ahead = ahead, .idempotency_days = 7};

    return upkeep_run(conn, &config, err);
}

static void expect_run(int64_t size, unsigned ahead)
{
    struct error err;

    ck_assert_msg(run(size, ahead, &err), "%s", err.text);
}

static void in_other(const char *sql)
{
    struct error err;

    ck_assert(pg_begin(other, &err));
    ck_assert_msg(pg_query_once(other, sql, NULL, NULL, &err), "%s", err.text);
}

static int64_t count(const char *what)
{
    char sql[512];

    snprintf(sql, sizeof(sql), "select count(*) from %s", what);
    return database_i64(the_log.database, sql);
}

#define PARTITIONS "pg_inherits where inhparent = 'events'::regclass"
#define DAYS "pg_inherits where inhparent = 'idempotency_keys'::regclass"

START_TEST(partitions_reach_ahead_of_the_head)
{
    expect_run(100000, 2);
    ck_assert_int_eq(count(PARTITIONS), 3);
    expect_run(100000, 2);
    ck_assert_int_eq(count(PARTITIONS), 3);
    database_run(the_log.database, "update log_head set position = 99999");
    expect_run(100000, 2);
    ck_assert_int_eq(count(PARTITIONS), 3); /* 100000 lies in the first one */
    database_run(the_log.database, "update log_head set position = 100000");
    expect_run(100000, 2);
    ck_assert_int_eq(count(PARTITIONS), 4);
    ck_assert_int_eq(count("pg_class where relname = 'events_300001'"), 1);
}
END_TEST

START_TEST(small_partitions_still_hold_the_largest_batch)
{
    expect_run(1000, 0);
    ck_assert_int_ge(count(PARTITIONS), 32);
    database_run(the_log.database,
                 "insert into events (position, stream_id, version, occurred_at, recorded_at, id,"
                 " type, data) select n, 1, n, now(), now(), 'x', 'A', '{}'"
                 " from generate_series(1, 32768) n");
}
END_TEST

START_TEST(each_partition_has_its_own_keys)
{
    expect_run(100000, 0);
    ck_assert_int_eq(count("pg_index where indrelid = 'events_1'::regclass and indisprimary"), 1);
    ck_assert_int_eq(count("pg_index where indrelid = 'events_1'::regclass and indisunique"), 2);
    ck_assert_int_eq(count("pg_index where indrelid = 'events_1'::regclass"), 3);
    ck_assert_int_eq(count("pg_constraint where conrelid = 'events_1'::regclass and contype = 'c'"),
                     0);
}
END_TEST

START_TEST(a_log_keeps_the_size_it_began_with)
{
    expect_run(100000, 0);
    database_run(the_log.database, "update log_head set position = 100000");
    expect_run(700000, 0);
    ck_assert_int_eq(count("pg_class where relname in ('events_100001', 'events_200001')"), 1);
    database_run(the_log.database, "update log_head set position = 200000");
    expect_run(700000, 0);
    ck_assert_int_eq(count("pg_class where relname in ('events_100001', 'events_200001')"), 2);
}
END_TEST

START_TEST(readers_and_writers_do_not_hold_it_up)
{
    expect_run(100000, 0);
    in_other(_i == 0 ? "select count(*) from events"
                     : "insert into events (position, stream_id, version, occurred_at, recorded_at,"
                       " id, type, data) values (5, 1, 1, now(), now(), 'x', 'A', '{}')");
    expect_run(100000, 3);
    ck_assert_int_eq(count(PARTITIONS), 4);
    pg_rollback(other);
}
END_TEST

START_TEST(what_it_can_not_lock_it_leaves_whole)
{
    struct error err;

    expect_run(100000, 0);
    in_other("lock table events in share update exclusive mode");
    ck_assert(!run(100000, 3, &err));
    ck_assert_str_eq(err.sqlstate, "55P03");
    ck_assert_int_eq(err.class, ERROR_TRANSIENT);
    ck_assert(!pg_in_transaction(conn));
    ck_assert_int_eq(count(PARTITIONS), 1);
    ck_assert_int_eq(count("pg_class where relname like 'events\\_%' and relkind = 'r'"), 1);
    pg_rollback(other);
    expect_run(100000, 3);
    ck_assert_int_eq(count(PARTITIONS), 4);
}
END_TEST

START_TEST(who_finds_another_at_it_leaves)
{
    in_other("select pg_advisory_xact_lock(hashtext('daybook.upkeep'))");
    expect_run(100000, 2);
    ck_assert_int_eq(count(PARTITIONS), 0);
    pg_rollback(other);
    expect_run(100000, 2);
    ck_assert_int_eq(count(PARTITIONS), 3);
}
END_TEST

static void *run_thread(void *arg)
{
    SCOPED(pg_free)
    struct pg_conn *own = database_connect(the_log.database, PG_PROFILE_UPKEEP);
    struct upkeep_config config = {
        .partition_events = 5000, .partitions_ahead = 3, .idempotency_days = 7};
    bool *ok = arg;
    struct error err;

    *ok = upkeep_run(own, &config, &err);
    if (!*ok)
        fprintf(stderr, "%s\n", err.text);
    return NULL;
}

START_TEST(many_at_once_make_each_once)
{
    pthread_t threads[4];
    bool ok[4];

    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, run_thread, &ok[i]), 0);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        ck_assert(ok[i]);
    }
    expect_run(5000, 3);
    ck_assert_int_eq(count(PARTITIONS), 7); /* a batch of 32,768 */
    ck_assert_int_eq(count(DAYS), 3);
}
END_TEST

/* A day so many days ago, with a key in it. */
static void make_day(int days_ago)
{
    char sql[1024];

    snprintf(sql, sizeof(sql),
             "do $$ declare d date := (now() at time zone 'UTC')::date - %d;"
             " t text := 'idempotency_keys_' || to_char(d, 'YYYYMMDD'); begin"
             " execute format('create table %%I partition of idempotency_keys for values from"
             " (%%L) to (%%L)', t, d, d + 1);"
             " insert into idempotency_keys (day, tenant, credential, key, hash, status, headers,"
             " body) values (d, 'main', '', 'k%d', '', 200, '', ''); end $$",
             days_ago, days_ago);
    database_run(the_log.database, sql);
}

START_TEST(days_are_made_ahead_and_dropped_when_they_are_over)
{
    make_day(7);
    make_day(8);
    make_day(30);
    expect_run(100000, 0);
    ck_assert_int_eq(count(DAYS), 4); /* today, two ahead, and the seventh day back */
    ck_assert_int_eq(count("idempotency_keys"), 1);
    ck_assert_int_eq(count("pg_class where relname ~ '^idempotency_keys_' and relkind = 'r'"), 4);
    database_run(the_log.database,
                 "insert into idempotency_keys (day, tenant, credential, key, hash, status,"
                 " headers, body) select (now() at time zone 'UTC')::date + n, 'main', '', 'k',"
                 " '', 200, '', '' from generate_series(0, 2) n");
}
END_TEST

START_TEST(days_follow_a_log_whose_clock_was_put_back)
{
    database_run(the_log.database, "update log_head set recorded_at = now() + interval '10 days'");
    expect_run(100000, 0);
    ck_assert_int_eq(count(DAYS), 6);
    database_run(the_log.database,
                 "insert into idempotency_keys (day, tenant, credential, key, hash, status,"
                 " headers, body) select (recorded_at at time zone 'UTC')::date, 'main', '', 'k',"
                 " '', 200, '', '' from log_head");
}
END_TEST

START_TEST(a_removal_cut_off_half_way_is_finished_later)
{
    struct error err;

    make_day(8);
    in_other("select count(*) from idempotency_keys");
    ck_assert(!run(100000, 0, &err));
    ck_assert_int_eq(err.class, ERROR_TRANSIENT);
    ck_assert_int_eq(count("pg_inherits where inhdetachpending"), 1);
    ck_assert_int_eq(count(PARTITIONS), 1); /* what matters more came first */
    pg_rollback(other);
    expect_run(100000, 0);
    ck_assert_int_eq(count("pg_inherits where inhdetachpending"), 0);
    ck_assert_int_eq(count(DAYS), 3);
    ck_assert_int_eq(count("pg_class where relname ~ '^idempotency_keys_' and relkind = 'r'"), 3);
}
END_TEST

START_TEST(a_day_detached_but_not_dropped_is_dropped_later)
{
    char sql[256];

    make_day(8);
    snprintf(sql, sizeof(sql),
             "do $$ begin execute 'alter table idempotency_keys detach partition"
             " idempotency_keys_' || to_char((now() at time zone 'UTC')::date - 8, 'YYYYMMDD');"
             " end $$");
    database_run(the_log.database, sql);
    expect_run(100000, 0);
    ck_assert_int_eq(count("pg_class where relname ~ '^idempotency_keys_' and relkind = 'r'"), 3);
}
END_TEST

START_TEST(a_log_gets_its_identity_once)
{
    struct log_identity first;
    struct log_identity again;
    struct error err;

    ck_assert(!log_identity_load(conn, &first, &err));
    ck_assert_int_eq(err.class, ERROR_FATAL);
    ck_assert_str_ne(err.hint, "");
    ck_assert(log_identity_create(conn, "main", "shop", &err));
    ck_assert(log_identity_load(conn, &first, &err));
    ck_assert(log_identity_create(conn, "other", "other", &err));
    ck_assert(log_identity_load(conn, &again, &err));
    ck_assert_str_eq(first.id, again.id);
    ck_assert_uint_eq(strlen(first.id), UUID_TEXT_LEN);
    ck_assert_str_eq(again.name, "main");
    ck_assert_str_eq(again.prefix, "shop");
    ck_assert_int_eq(strncmp(first.source, "/daybook/", 9), 0);
    ck_assert_str_eq(first.source + 9, first.id);
}
END_TEST

Suite *eventlog_upkeep_suite(void)
{
    Suite *suite = suite_create("eventlog_upkeep");
    TCase *tc = tcase_create("upkeep");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, partitions_reach_ahead_of_the_head);
    tcase_add_test(tc, small_partitions_still_hold_the_largest_batch);
    tcase_add_test(tc, each_partition_has_its_own_keys);
    tcase_add_test(tc, a_log_keeps_the_size_it_began_with);
    tcase_add_loop_test(tc, readers_and_writers_do_not_hold_it_up, 0, 2);
    tcase_add_test(tc, what_it_can_not_lock_it_leaves_whole);
    tcase_add_test(tc, who_finds_another_at_it_leaves);
    tcase_add_test(tc, many_at_once_make_each_once);
    tcase_add_test(tc, days_are_made_ahead_and_dropped_when_they_are_over);
    tcase_add_test(tc, days_follow_a_log_whose_clock_was_put_back);
    tcase_add_test(tc, a_removal_cut_off_half_way_is_finished_later);
    tcase_add_test(tc, a_day_detached_but_not_dropped_is_dropped_later);
    tcase_add_test(tc, a_log_gets_its_identity_once);
    suite_add_tcase(suite, tc);
    return suite;
}
