/* SPDX-License-Identifier: Apache-2.0 */
/* Prepared statements, scripts, transactions, and what the server says against them. */
#include <check.h>
#include <string.h>

#include "tests/support/database.h"
#include "tests/support/expect.h"

Suite *postgres_statements_suite(void);

static struct database *database;
static struct pg_conn *conn;
static struct error err;

static void set_up(void)
{
    database = database_new();
    conn = database_connect(database, PG_PROFILE_QUERY);
    error_clear(&err);
}

static void tear_down(void)
{
    pg_free(conn);
    database_free(database);
}

static void script(const char *sql)
{
    ck_assert_msg(pg_script(conn, sql, &err), "%s: %s", sql, err.text);
}

static int64_t number(const char *sql)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    ck_assert_msg(pg_query(conn, sql, NULL, &rows, &err), "%s: %s", sql, err.text);
    return pg_get_i64(rows, 0, 0);
}

static void expect_failure(const char *sql, enum error_class class, const char *sqlstate)
{
    struct pg_rows *rows = NULL;

    error_clear(&err);
    ck_assert_msg(!pg_query(conn, sql, NULL, &rows, &err), "%s worked", sql);
    ck_assert_ptr_null(rows);
    ck_assert_msg(err.class == class, "%s: %s is %s", sql, err.text, error_class_name(err.class));
    ck_assert_str_eq(err.sqlstate, sqlstate);
    ck_assert(!err.outcome_unknown);
    ck_assert(pg_is_open(conn));
}

START_TEST(statement_is_prepared_once)
{
    static const char sql[] = "select 1::bigint";

    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(number(sql), 1);
    ck_assert_int_eq(number("select count(*) from pg_prepared_statements"
                            " where statement = 'select 1::bigint'"),
                     1);
}
END_TEST

START_TEST(statement_built_at_run_time_is_not_kept)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    char sql[] = "select 2::bigint";

    ck_assert(pg_query_once(conn, sql, NULL, &rows, &err));
    ck_assert_int_eq(pg_get_i64(rows, 0, 0), 2);
    ck_assert_int_eq(number("select count(*) from pg_prepared_statements"
                            " where statement like 'select 2%' and name <> ''"),
                     0);
}
END_TEST

START_TEST(equal_texts_at_different_addresses_do_not_collide)
{
    char first[] = "select 3::bigint";
    char second[] = "select 3::bigint";

    ck_assert_int_eq(number(first), 3);
    ck_assert_int_eq(number(second), 3);
}
END_TEST

START_TEST(changed_columns_are_transient_and_the_next_use_prepares_again)
{
    static const char sql[] = "select * from t";
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    script("create table t (i bigint); insert into t values (4)");
    ck_assert_int_eq(number(sql), 4);
    script("alter table t add column j bigint default 5");

    expect_failure(sql, ERROR_TRANSIENT, "0A000");
    ck_assert_msg(pg_query(conn, sql, NULL, &rows, &err), "%s", err.text);
    ck_assert_int_eq(pg_get_i64(rows, 0, 0), 4);
    ck_assert_int_eq(pg_get_i64(rows, 0, 1), 5);
}
END_TEST

/* In a failed transaction nothing can be prepared: what was lost on the way is known to be lost. */
START_TEST(changed_columns_within_a_transaction_are_prepared_again_after_it)
{
    static const char sql[] = "select * from t";

    script("create table t (i bigint); insert into t values (4)");
    ck_assert_int_eq(number(sql), 4);
    script("alter table t alter column i type integer");

    ck_assert(pg_begin(conn, &err));
    expect_failure(sql, ERROR_TRANSIENT, "0A000");
    expect_failure(sql, ERROR_FATAL, "25P02");
    expect_failure(sql, ERROR_FATAL, "25P02");
    pg_rollback(conn);
    ck_assert_int_eq(number(sql), 4);
    ck_assert_int_eq(number(sql), 4);
}
END_TEST

START_TEST(statement_that_fails_to_prepare_is_prepared_at_its_next_use)
{
    static const char sql[] = "select i from later";

    expect_failure(sql, ERROR_FATAL, "42P01");
    expect_failure(sql, ERROR_FATAL, "42P01");
    script("create table later (i bigint); insert into later values (6)");
    ck_assert_int_eq(number(sql), 6);
}
END_TEST

START_TEST(feature_not_supported_is_not_taken_for_a_stale_plan)
{
    script("create table t (i bigint)");
    expect_failure("select i from t group by i for update", ERROR_FATAL, "0A000");
}
END_TEST

START_TEST(statement_names_lost_to_a_pooler_end_the_session)
{
    static const char sql[] = "select 7::bigint";

    ck_assert_int_eq(number(sql), 7);
    script("deallocate all");
    ck_assert(!pg_query(conn, sql, NULL, NULL, &err));
    ck_assert_int_eq(err.class, ERROR_TRANSIENT);
    ck_assert_str_eq(err.sqlstate, "26000");
    ck_assert(!pg_is_open(conn));
    ck_assert(pg_open(conn, &err));
    ck_assert_int_eq(number(sql), 7);
}
END_TEST

static const struct {
    const char *sql;
    enum error_class class;
    const char *sqlstate;
    const char *code;
} failures[] = {
    {"insert into t values (1, 'x')", ERROR_POISON, "23505", ""},
    {"insert into t values (2, null)", ERROR_POISON, "23502", ""},
    {"insert into t values (-2, 'x')", ERROR_POISON, "23514", ""},
    {"select 'x'::json", ERROR_POISON, "22P02", ""},
    {"select 1 / 0", ERROR_POISON, "22012", ""},
    {"insert into t values (1, 'x', 2)", ERROR_FATAL, "42601", ""},
    {"selec", ERROR_FATAL, "42601", ""},
    {"select nothing from t", ERROR_FATAL, "42703", ""},
    {"insert into days values ('2020-01-01')", ERROR_TRANSIENT, "23514", "no-partition"},
    {"insert into day1 values ('2020-01-01')", ERROR_TRANSIENT, "23514", "no-partition"},
    {"insert into bounded values (0)", ERROR_POISON, "23514", ""},
    {"select raise('told so')", ERROR_POISON, "P0001", ""},
};

START_TEST(failure_has_the_class_of_its_sqlstate)
{
    script("create table t (i bigint primary key check (i > 0), s text not null);"
           "insert into t values (1, 'a');"
           "create table days (d date) partition by range (d);"
           "create table day1 partition of days for values from ('2026-01-01') to ('2026-01-02');"
           "create domain positive as int check (value > 0);"
           "create table bounded (p positive);"
           "create function raise(t text) returns void language plpgsql as"
           " $$ begin raise exception '%', t; end $$");
    expect_failure(failures[_i].sql, failures[_i].class, failures[_i].sqlstate);
    ck_assert_str_eq(err.code, failures[_i].code);
}
END_TEST

START_TEST(error_names_the_constraint_but_not_the_row)
{
    script("create table t (s text constraint only_once unique); insert into t values ('s3cret')");
    expect_failure("insert into t values ('s3cret')", ERROR_POISON, "23505");
    ck_assert_ptr_nonnull(strstr(err.text, "'only_once'"));
    ck_assert_ptr_null(strstr(err.text, "s3cret"));
    ck_assert_ptr_null(strstr(err.hint, "s3cret"));
}
END_TEST

START_TEST(deadlocks_victim_may_try_again)
{
    SCOPED(pg_free) struct pg_conn *other = database_connect(database, PG_PROFILE_QUERY);

    script("create table t (i bigint); insert into t values (1), (2)");
    ck_assert(pg_begin(conn, &err));
    ck_assert(pg_begin(other, &err));
    ck_assert(pg_query(conn, "update t set i = i where i = 1", NULL, NULL, &err));
    ck_assert(pg_query(other, "update t set i = i where i = 2", NULL, NULL, &err));
    ck_assert(pg_pipe_open(other, &err));
    ck_assert(pg_pipe_send(other, "update t set i = i where i = 1", NULL, &err));
    ck_assert(pg_pipe_sync(other, &err));

    /* One of the two is ended by the server; a rollback lets the other go on. */
    if (pg_query(conn, "update t set i = i where i = 2", NULL, NULL, &err)) {
        ck_assert(!pg_pipe_next(other, NULL, &err));
    }
    ck_assert_int_eq(err.class, ERROR_TRANSIENT);
    ck_assert_str_eq(err.sqlstate, "40P01");
    pg_rollback(conn);
    pg_rollback(other);
}
END_TEST

START_TEST(statement_timeout_is_the_servers_and_keeps_the_connection)
{
    script("set statement_timeout = '50ms'");
    expect_failure("select pg_sleep(10)", ERROR_TRANSIENT, "57014");
}
END_TEST

START_TEST(script_is_all_or_nothing)
{
    ck_assert(!pg_script(conn, "create table t (i int); select 1/0; create table u (i int)", &err));
    ck_assert_str_eq(err.sqlstate, "22012");
    ck_assert(pg_is_open(conn));
    ck_assert(!err.outcome_unknown);
    ck_assert_int_eq(number("select count(*) from pg_class where relname in ('t', 'u')"), 0);
}
END_TEST

START_TEST(empty_script_is_fine)
{
    script("");
    script("-- nothing\n;;");
}
END_TEST

START_TEST(copy_in_a_script_is_refused_and_does_not_hang)
{
    script("create table t (i int)");
    ck_assert(!pg_script(conn, "copy t from stdin", &err));
    ck_assert_int_eq(err.class, ERROR_FATAL);
    ck_assert(!pg_is_open(conn));
}
END_TEST

START_TEST(copy_as_a_statement_is_refused_and_does_not_hang)
{
    script("create table t (i int)");
    ck_assert(!pg_query(conn, "copy t to stdout", NULL, NULL, &err));
    ck_assert_int_eq(err.class, ERROR_FATAL);
    ck_assert(!pg_is_open(conn));
}
END_TEST

START_TEST(transaction_is_read_committed_whatever_the_default)
{
    script("set default_transaction_isolation = 'serializable'");
    ck_assert(pg_begin(conn, &err));
    ck_assert(pg_in_transaction(conn));
    ck_assert_int_eq(number("select (current_setting('transaction_isolation') = "
                            "'read committed')::int"),
                     1);
    ck_assert(pg_commit(conn, &err));
    ck_assert(!pg_in_transaction(conn));
}
END_TEST

START_TEST(commit_after_a_failure_is_an_error_and_nothing_is_written)
{
    script("create table t (i bigint)");
    ck_assert(pg_begin(conn, &err));
    ck_assert(pg_query(conn, "insert into t values (1)", NULL, NULL, &err));
    ck_assert(!pg_query(conn, "select 1/0", NULL, NULL, &err));

    ck_assert(!pg_commit(conn, &err));
    ck_assert_int_eq(err.class, ERROR_FATAL);
    ck_assert(!err.outcome_unknown);
    ck_assert(!pg_in_transaction(conn));
    ck_assert_int_eq(number("select count(*) from t"), 0);
}
END_TEST

START_TEST(deferred_constraint_fails_the_commit)
{
    script("create table t (i bigint primary key deferrable initially deferred);"
           "insert into t values (1)");
    ck_assert(pg_begin(conn, &err));
    ck_assert(pg_query(conn, "insert into t values (1)", NULL, NULL, &err));
    ck_assert(!pg_commit(conn, &err));
    ck_assert_str_eq(err.sqlstate, "23505");
    ck_assert(!err.outcome_unknown);
    ck_assert(pg_is_open(conn));
    ck_assert(!pg_in_transaction(conn));
}
END_TEST

/* There the server commits at the sync, after it answered the statement. */
START_TEST(deferred_constraint_fails_a_statement_outside_a_transaction)
{
    script("create table t (i bigint primary key deferrable initially deferred);"
           "insert into t values (1)");
    expect_failure("insert into t values (1)", ERROR_POISON, "23505");
    ck_assert_int_eq(number("select count(*) from t"), 1);
}
END_TEST

START_TEST(rollback_undoes_and_is_harmless_otherwise)
{
    script("create table t (i bigint)");
    pg_rollback(conn);
    ck_assert(pg_begin(conn, &err));
    ck_assert(pg_query(conn, "insert into t values (1)", NULL, NULL, &err));
    pg_rollback(conn);
    ck_assert(!pg_in_transaction(conn));
    ck_assert(pg_is_open(conn));
    ck_assert_int_eq(number("select count(*) from t"), 0);
    pg_close(conn);
    pg_rollback(conn);
}
END_TEST

START_TEST(rollback_ends_an_open_pipe_first)
{
    ck_assert(pg_begin(conn, &err));
    ck_assert(pg_pipe_open(conn, &err));
    ck_assert(pg_pipe_send(conn, "select 1", NULL, &err));
    ck_assert(pg_pipe_sync(conn, &err));
    pg_rollback(conn);
    ck_assert(pg_is_open(conn));
    ck_assert(!pg_in_transaction(conn));
    ck_assert_int_eq(number("select 8::bigint"), 8);
}
END_TEST

START_TEST(closed_handle_answers_and_does_not_connect_by_itself)
{
    pg_close(conn);
    ck_assert(!pg_query(conn, "select 1", NULL, NULL, &err));
    ck_assert_int_eq(err.class, ERROR_TRANSIENT);
    ck_assert(!err.outcome_unknown);
    ck_assert(!pg_script(conn, "select 1", &err));
    ck_assert(!pg_commit(conn, &err));
    ck_assert(!pg_in_transaction(conn));
    ck_assert(!pg_is_open(conn));
    ck_assert_uint_eq(pg_connects(conn), 1);
}
END_TEST

static TCase *statements_case(void)
{
    TCase *tcase = tcase_create("statements");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, statement_is_prepared_once);
    tcase_add_test(tcase, statement_built_at_run_time_is_not_kept);
    tcase_add_test(tcase, equal_texts_at_different_addresses_do_not_collide);
    tcase_add_test(tcase, changed_columns_are_transient_and_the_next_use_prepares_again);
    tcase_add_test(tcase, changed_columns_within_a_transaction_are_prepared_again_after_it);
    tcase_add_test(tcase, statement_that_fails_to_prepare_is_prepared_at_its_next_use);
    tcase_add_test(tcase, feature_not_supported_is_not_taken_for_a_stale_plan);
    tcase_add_test(tcase, statement_names_lost_to_a_pooler_end_the_session);
    tcase_add_loop_test(tcase, failure_has_the_class_of_its_sqlstate, 0, COUNT_OF(failures));
    tcase_add_test(tcase, error_names_the_constraint_but_not_the_row);
    tcase_add_test(tcase, deadlocks_victim_may_try_again);
    tcase_add_test(tcase, statement_timeout_is_the_servers_and_keeps_the_connection);
    tcase_add_test(tcase, script_is_all_or_nothing);
    tcase_add_test(tcase, empty_script_is_fine);
    tcase_add_test(tcase, copy_in_a_script_is_refused_and_does_not_hang);
    tcase_add_test(tcase, copy_as_a_statement_is_refused_and_does_not_hang);
    tcase_add_test(tcase, closed_handle_answers_and_does_not_connect_by_itself);
    return tcase;
}

Suite *postgres_statements_suite(void)
{
    Suite *suite = suite_create("postgres_statements");
    TCase *tcase = tcase_create("transactions");

    suite_add_tcase(suite, statements_case());
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, transaction_is_read_committed_whatever_the_default);
    tcase_add_test(tcase, commit_after_a_failure_is_an_error_and_nothing_is_written);
    tcase_add_test(tcase, deferred_constraint_fails_the_commit);
    tcase_add_test(tcase, deferred_constraint_fails_a_statement_outside_a_transaction);
    tcase_add_test(tcase, rollback_undoes_and_is_harmless_otherwise);
    tcase_add_test(tcase, rollback_ends_an_open_pipe_first);
    suite_add_tcase(suite, tcase);
    return suite;
}
