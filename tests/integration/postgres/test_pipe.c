/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "tests/support/database.h"
#include "tests/support/expect.h"

Suite *postgres_pipe_suite(void);

static struct database *database;
static struct pg_conn *conn;
static struct error err;

static void set_up(void)
{
    database = database_new();
    database_run(database, "create table t (i bigint primary key)");
    conn = database_connect(database, PG_PROFILE_BATCH);
    error_clear(&err);
}

static void tear_down(void)
{
    pg_free(conn);
    database_free(database);
}

static void open_pipe(void)
{
    ck_assert_msg(pg_pipe_open(conn, &err), "%s", err.text);
}

static void send_statement(const char *sql)
{
    ck_assert_msg(pg_pipe_send(conn, sql, NULL, &err), "%s: %s", sql, err.text);
}

static void sync_pipe(void)
{
    ck_assert_msg(pg_pipe_sync(conn, &err), "%s", err.text);
}

static void expect_done(void)
{
    ck_assert_msg(pg_pipe_next(conn, NULL, &err), "%s", err.text);
}

static void expect_number(int64_t expected)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    ck_assert_msg(pg_pipe_next(conn, &rows, &err), "%s", err.text);
    ck_assert_uint_eq(pg_rows_count(rows), 1);
    ck_assert_int_eq(pg_get_i64(rows, 0, 0), expected);
}

static void expect_failure(const char *sqlstate)
{
    struct pg_rows *rows = NULL;

    error_clear(&err);
    ck_assert(!pg_pipe_next(conn, &rows, &err));
    ck_assert_ptr_null(rows);
    ck_assert_str_eq(err.sqlstate, sqlstate);
    ck_assert(!err.outcome_unknown);
}

static int64_t rows_in_t(void)
{
    return database_i64(database, "select count(*) from t");
}

START_TEST(answers_come_in_order)
{
    open_pipe();
    send_statement("begin");
    send_statement("insert into t values (1)");
    send_statement("select 11::bigint");
    send_statement("select 12::bigint");
    send_statement("commit");
    sync_pipe();
    expect_done();
    expect_done();
    expect_number(11);
    expect_number(12);
    expect_done();
    pg_pipe_close(conn);
    ck_assert(!pg_in_transaction(conn));
    ck_assert_int_eq(rows_in_t(), 1);
}
END_TEST

START_TEST(same_statement_twice_is_prepared_once)
{
    static const char sql[] = "select 13::bigint";

    for (int round = 0; round < 2; round++) {
        open_pipe();
        send_statement(sql);
        send_statement(sql);
        sync_pipe();
        expect_number(13);
        expect_number(13);
        pg_pipe_close(conn);
    }
}
END_TEST

START_TEST(first_failure_is_the_answer_to_all_behind_it)
{
    open_pipe();
    send_statement("begin");
    send_statement("insert into t values (1)");
    send_statement("insert into t values (1)");
    send_statement("insert into nothing values (1)");
    send_statement("commit");
    sync_pipe();
    expect_done();
    expect_done();
    expect_failure("23505");
    expect_failure("23505");
    expect_failure("23505");
    pg_pipe_close(conn);

    ck_assert(pg_in_transaction(conn)); /* failed: the commit was skipped */
    pg_rollback(conn);
    ck_assert(pg_is_open(conn));
    ck_assert_int_eq(rows_in_t(), 0);
}
END_TEST

START_TEST(skipped_preparation_is_made_up_for)
{
    static const char sql[] = "select 14::bigint";

    open_pipe();
    send_statement("select 1/0");
    send_statement(sql);
    sync_pipe();
    expect_failure("22012");
    expect_failure("22012");
    pg_pipe_close(conn);

    open_pipe();
    send_statement(sql);
    sync_pipe();
    expect_number(14);
    pg_pipe_close(conn);
}
END_TEST

START_TEST(failed_preparation_is_the_statements_failure)
{
    open_pipe();
    send_statement("select * from nothing");
    send_statement("select 15::bigint");
    sync_pipe();
    expect_failure("42P01");
    ck_assert_int_eq(err.class, ERROR_FATAL);
    expect_failure("42P01");
    pg_pipe_close(conn);
}
END_TEST

START_TEST(after_a_sync_the_pipe_goes_on)
{
    open_pipe();
    send_statement("select 1/0");
    sync_pipe();
    send_statement("select 16::bigint");
    sync_pipe();
    expect_failure("22012");
    expect_number(16);
    send_statement("select 17::bigint");
    sync_pipe();
    expect_number(17);
    pg_pipe_close(conn);
}
END_TEST

/* The writer's second trip waits for what the first one told. */
START_TEST(commit_of_a_later_trip_after_a_failure_is_an_error)
{
    open_pipe();
    send_statement("begin");
    send_statement("select 1/0");
    sync_pipe();
    send_statement("commit");
    sync_pipe();
    expect_done();
    expect_failure("22012");
    ck_assert(!pg_pipe_next(conn, NULL, &err));
    ck_assert_int_eq(err.class, ERROR_FATAL);
    pg_pipe_close(conn);
    ck_assert(!pg_in_transaction(conn));
}
END_TEST

START_TEST(outside_a_transaction_all_up_to_the_sync_is_one)
{
    open_pipe();
    send_statement("insert into t values (1)");
    send_statement("insert into t values (1)");
    sync_pipe();
    expect_done();
    expect_failure("23505");
    pg_pipe_close(conn);
    ck_assert_int_eq(rows_in_t(), 0);
}
END_TEST

START_TEST(failure_at_the_sync_is_the_last_statements)
{
    database_run(database, "create table d (i bigint unique deferrable initially deferred)");
    open_pipe();
    send_statement("insert into d values (1)");
    send_statement("insert into d values (1)");
    sync_pipe();
    send_statement("select 18::bigint");
    sync_pipe();
    expect_done();
    expect_failure("23505");
    expect_number(18);
    pg_pipe_close(conn);
    ck_assert(pg_is_open(conn));
}
END_TEST

START_TEST(close_reads_what_nobody_asked_for)
{
    open_pipe();
    send_statement("begin");
    send_statement("select 1/0");
    send_statement("select generate_series(1, 10000)");
    sync_pipe();
    expect_done();
    pg_pipe_close(conn);

    ck_assert(pg_is_open(conn));
    ck_assert(pg_in_transaction(conn));
    pg_rollback(conn);
    ck_assert_uint_eq(pg_connects(conn), 1);
}
END_TEST

/* A sync, at closing, would commit it. */
START_TEST(pipe_closed_before_its_sync_leaves_nothing_behind)
{
    open_pipe();
    send_statement("insert into t values (1)");
    pg_pipe_close(conn);
    ck_assert(!pg_is_open(conn));
    ck_assert_int_eq(rows_in_t(), 0);
}
END_TEST

START_TEST(parameters_too_large_leave_an_unused_pipe_as_it_was)
{
    static char block[1 << 20];
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    params.bytes.max = 1 << 20;
    pg_add_bytes(&params, str_from(block, sizeof(block)));
    pg_add_i64(&params, 1);
    open_pipe();
    ck_assert(!pg_pipe_send(conn, "select $1::bytea, $2::bigint", &params, &err));
    ck_assert_int_eq(err.class, ERROR_POISON);
    pg_pipe_close(conn);
    ck_assert(pg_is_open(conn));
}
END_TEST

START_TEST(stale_plan_in_a_pipe_is_prepared_again_in_the_next)
{
    static const char sql[] = "select * from t";

    database_run(database, "insert into t values (19)");
    open_pipe();
    send_statement(sql);
    sync_pipe();
    expect_number(19);
    pg_pipe_close(conn);
    database_run(database, "alter table t alter column i type integer");

    open_pipe();
    send_statement(sql);
    send_statement(sql);
    sync_pipe();
    expect_failure("0A000");
    expect_failure("0A000");
    send_statement("select 1/0");
    send_statement(sql); /* deallocate and prepare are skipped with it */
    sync_pipe();
    expect_failure("22012");
    expect_failure("22012");
    send_statement(sql);
    send_statement(sql);
    sync_pipe();
    expect_number(19);
    expect_number(19);
    pg_pipe_close(conn);
}
END_TEST

START_TEST(as_many_statements_as_promised_fit_however_many_went_before)
{
    open_pipe();
    for (int round = 0; round < 6; round++) {
        for (int i = 0; i < PG_PIPE_MAX; i++)
            send_statement("select 20::bigint");
        sync_pipe();
        for (int i = 0; i < PG_PIPE_MAX; i++)
            expect_number(20);
    }
    pg_pipe_close(conn);
}
END_TEST

START_TEST(pipe_on_a_closed_handle_fails_at_once)
{
    pg_close(conn);
    ck_assert(!pg_pipe_open(conn, &err));
    ck_assert_int_eq(err.class, ERROR_TRANSIENT);
    pg_pipe_close(conn);
}
END_TEST

Suite *postgres_pipe_suite(void)
{
    Suite *suite = suite_create("postgres_pipe");
    TCase *tcase = tcase_create("pipes");

    tcase_set_timeout(tcase, 30);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, answers_come_in_order);
    tcase_add_test(tcase, same_statement_twice_is_prepared_once);
    tcase_add_test(tcase, first_failure_is_the_answer_to_all_behind_it);
    tcase_add_test(tcase, skipped_preparation_is_made_up_for);
    tcase_add_test(tcase, failed_preparation_is_the_statements_failure);
    tcase_add_test(tcase, after_a_sync_the_pipe_goes_on);
    tcase_add_test(tcase, commit_of_a_later_trip_after_a_failure_is_an_error);
    tcase_add_test(tcase, outside_a_transaction_all_up_to_the_sync_is_one);
    tcase_add_test(tcase, failure_at_the_sync_is_the_last_statements);
    tcase_add_test(tcase, close_reads_what_nobody_asked_for);
    tcase_add_test(tcase, pipe_closed_before_its_sync_leaves_nothing_behind);
    tcase_add_test(tcase, parameters_too_large_leave_an_unused_pipe_as_it_was);
    tcase_add_test(tcase, stale_plan_in_a_pipe_is_prepared_again_in_the_next);
    tcase_add_test(tcase, as_many_statements_as_promised_fit_however_many_went_before);
    tcase_add_test(tcase, pipe_on_a_closed_handle_fails_at_once);
    suite_add_tcase(suite, tcase);
    return suite;
}
