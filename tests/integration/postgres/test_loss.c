/* SPDX-License-Identifier: Apache-2.0 */
/* Servers that die, freeze or vanish in the middle of something. */
#include <check.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tests/support/database.h"
#include "tests/support/expect.h"
#include "tests/support/proxy.h"

Suite *postgres_loss_suite(void);

enum { STATEMENT_TIMEOUT_MS = 300, GRACE_MS = 2000 };

static struct database *database;
static struct proxy *proxy;
static struct pg_conn *conn; /* through the proxy */
static struct error err;

static int port_of(const char *url)
{
    const char *at = strrchr(url, ':');

    return (int)strtol(at + 1, NULL, 10);
}

/* The database's URL with another port. */
static void url_at_port(int port, char *out, size_t out_bytes)
{
    const char *colon = strrchr(database->url, ':');

    snprintf(out, out_bytes, "%.*s:%d%s", (int)(colon - database->url), database->url, port,
             strchr(colon, '/'));
}

static void set_up(void)
{
    char url[sizeof(database->url)];
    struct pg_config config;

    database = database_new();
    database_run(database, "create table t (i bigint)");
    proxy = proxy_new(port_of(database->url));
    url_at_port(proxy_port(proxy), url, sizeof(url));
    config = database_config(database);
    config.url = url;
    config.statement_timeout_ms = STATEMENT_TIMEOUT_MS;
    conn = pg_new(&config, PG_PROFILE_BATCH);
    error_clear(&err);
    ck_assert_msg(pg_open(conn, &err), "%s", err.text);
}

static void tear_down(void)
{
    pg_free(conn);
    proxy_free(proxy);
    database_free(database);
}

static int64_t number(const char *sql)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    ck_assert_msg(pg_query(conn, sql, NULL, &rows, &err), "%s: %s", sql, err.text);
    return pg_get_i64(rows, 0, 0);
}

static void expect_lost(const char *sqlstate, bool outcome_unknown)
{
    ck_assert_int_eq(err.class, ERROR_TRANSIENT);
    ck_assert_str_eq(err.code, "dependency-down");
    ck_assert_str_eq(err.sqlstate, sqlstate);
    ck_assert_int_eq(err.outcome_unknown, outcome_unknown);
    ck_assert(!pg_is_open(conn));
    ck_assert(!pg_in_transaction(conn));
}

static void expect_usable_again(void)
{
    uint64_t connects = pg_connects(conn);

    ck_assert_msg(pg_open(conn, &err), "%s", err.text);
    ck_assert_uint_eq(pg_connects(conn), connects + 1);
    ck_assert_int_eq(number("select 1::bigint"), 1);
    ck_assert_int_eq(number("select (current_setting('jit') = 'off')::int"), 1);
}

/* Ends all backends of the database but the one that does so. */
static void terminate_backends(void)
{
    database_run(database, "select pg_terminate_backend(pid) from pg_stat_activity"
                           " where datname = current_database() and pid <> pg_backend_pid()");
}

static void await_wait_event(const char *event)
{
    char sql[256];

    snprintf(sql, sizeof(sql),
             "select count(*) from pg_stat_activity where datname = current_database()"
             " and wait_event = '%s'",
             event);
    while (database_i64(database, sql) == 0)
        ;
}

START_TEST(backend_ended_in_mid_statement_loses_the_outcome)
{
    ck_assert(pg_script(conn, "set statement_timeout = 0", &err));
    ck_assert(pg_pipe_open(conn, &err));
    ck_assert(pg_pipe_send(conn, "select pg_sleep(60)", NULL, &err));
    ck_assert(pg_pipe_sync(conn, &err));
    await_wait_event("PgSleep");
    terminate_backends();
    ck_assert(!pg_pipe_next(conn, NULL, &err));
    pg_pipe_close(conn);

    expect_lost("57P01", true);
    expect_usable_again();
}
END_TEST

START_TEST(backend_ended_between_statements_is_told_by_the_next)
{
    static const char sql[] = "select 2::bigint";

    ck_assert_int_eq(number(sql), 2);
    terminate_backends();
    ck_assert(!pg_query(conn, sql, NULL, NULL, &err));
    expect_lost("57P01", true);

    /* The new session knows no prepared statement. */
    expect_usable_again();
    ck_assert_int_eq(number(sql), 2);
}
END_TEST

START_TEST(transaction_does_not_outlive_its_connection)
{
    ck_assert(pg_begin(conn, &err));
    ck_assert(pg_query(conn, "insert into t values (1)", NULL, NULL, &err));
    proxy_cut(proxy);
    ck_assert(!pg_query(conn, "insert into t values (2)", NULL, NULL, &err));
    expect_lost("", true);

    /* What comes next must not run by itself, outside the transaction it was meant for. */
    ck_assert(!pg_query(conn, "insert into t values (3)", NULL, NULL, &err));
    expect_lost("", false);
    ck_assert(!pg_commit(conn, &err));
    expect_lost("", false);
    ck_assert_int_eq(database_i64(database, "select count(*) from t"), 0);
}
END_TEST

START_TEST(commit_whose_answer_is_lost_may_have_happened_and_has)
{
    ck_assert(pg_begin(conn, &err));
    ck_assert(pg_query(conn, "insert into t values (1)", NULL, NULL, &err));
    proxy_set(proxy, PROXY_CUT_AT_ANSWER);
    ck_assert(!pg_commit(conn, &err));
    expect_lost("", true);
    ck_assert_int_eq(database_i64(database, "select count(*) from t"), 1);
}
END_TEST

START_TEST(commit_that_never_arrived_may_have_happened_and_has_not)
{
    ck_assert(pg_begin(conn, &err));
    ck_assert(pg_query(conn, "insert into t values (1)", NULL, NULL, &err));
    proxy_set(proxy, PROXY_CUT_AT_REQUEST);
    ck_assert(!pg_commit(conn, &err));
    expect_lost("", true);
    ck_assert_int_eq(database_i64(database, "select count(*) from t"), 0);
}
END_TEST

START_TEST(pipe_whose_answers_are_lost_says_so_for_each)
{
    ck_assert(pg_pipe_open(conn, &err));
    ck_assert(pg_pipe_send(conn, "begin", NULL, &err));
    ck_assert(pg_pipe_send(conn, "insert into t values (1)", NULL, &err));
    ck_assert(pg_pipe_send(conn, "commit", NULL, &err));
    proxy_set(proxy, PROXY_CUT_AT_ANSWER);
    ck_assert(pg_pipe_sync(conn, &err));
    for (int i = 0; i < 3; i++) {
        error_clear(&err);
        ck_assert(!pg_pipe_next(conn, NULL, &err));
        expect_lost("", true);
    }
    ck_assert(!pg_pipe_send(conn, "select 1", NULL, &err));
    ck_assert(!pg_pipe_sync(conn, &err));
    pg_pipe_close(conn);

    ck_assert_int_eq(database_i64(database, "select count(*) from t"), 1);
    proxy_set(proxy, PROXY_PASS);
    expect_usable_again();
}
END_TEST

START_TEST(script_whose_answer_is_lost_may_have_happened)
{
    proxy_set(proxy, PROXY_CUT_AT_ANSWER);
    ck_assert(!pg_script(conn, "insert into t values (1)", &err));
    expect_lost("", true);
    ck_assert_int_eq(database_i64(database, "select count(*) from t"), 1);
}
END_TEST

static void expect_waited(int64_t since_ms, int64_t at_least_ms, int64_t at_most_ms)
{
    int64_t waited_ms = clock_monotonic_ms() - since_ms;

    ck_assert_int_ge(waited_ms, at_least_ms);
    ck_assert_int_le(waited_ms, at_most_ms);
}

START_TEST(frozen_backend_is_given_up_at_the_deadline)
{
    pid_t backend = (pid_t)number("select pg_backend_pid()");
    int64_t since_ms;

    ck_assert_int_eq(kill(backend, SIGSTOP), 0);
    since_ms = clock_monotonic_ms();
    ck_assert(!pg_query(conn, "insert into t values (1)", NULL, NULL, &err));
    expect_waited(since_ms, STATEMENT_TIMEOUT_MS + GRACE_MS, STATEMENT_TIMEOUT_MS + 4 * GRACE_MS);
    expect_lost("", true);
    ck_assert_str_eq(err.text, "no answer from postgresql in time");
    ck_assert_int_eq(kill(backend, SIGCONT), 0);
    expect_usable_again();
}
END_TEST

/* The socket is full: without a deadline there too, the sender would wait for ever. */
START_TEST(silent_network_is_given_up_while_sending)
{
    static char block[32 << 20];
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    int64_t since_ms = clock_monotonic_ms();

    memset(block, 'x', sizeof(block));
    pg_params_init(&params);
    pg_add_str(&params, str_from(block, sizeof(block)));
    proxy_set(proxy, PROXY_SILENT);
    ck_assert(!pg_query(conn, "select length($1::text)", &params, NULL, &err));
    expect_waited(since_ms, STATEMENT_TIMEOUT_MS + GRACE_MS, STATEMENT_TIMEOUT_MS + 4 * GRACE_MS);
    expect_lost("", true);
}
END_TEST

START_TEST(transaction_left_idle_is_ended_by_the_server)
{
    ck_assert(pg_script(conn, "set idle_in_transaction_session_timeout = '50ms'", &err));
    ck_assert(pg_begin(conn, &err));
    while (database_i64(database, "select count(*) from pg_stat_activity where datname ="
                                  " current_database() and state = 'idle in transaction'") > 0)
        ;
    ck_assert(!pg_query(conn, "insert into t values (1)", NULL, NULL, &err));
    expect_lost("25P03", true);
}
END_TEST

START_TEST(server_that_only_reads_is_left)
{
    ck_assert(pg_script(conn, "set default_transaction_read_only = on", &err));
    ck_assert(!pg_query(conn, "insert into t values (1)", NULL, NULL, &err));
    ck_assert_str_eq(err.sqlstate, "25006");
    ck_assert_ptr_nonnull(strstr(err.hint, "target_session_attrs=read-write"));
    ck_assert(!pg_is_open(conn));
}
END_TEST

Suite *postgres_loss_suite(void)
{
    Suite *suite = suite_create("postgres_loss");
    TCase *tcase = tcase_create("lost");

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, backend_ended_in_mid_statement_loses_the_outcome);
    tcase_add_test(tcase, backend_ended_between_statements_is_told_by_the_next);
    tcase_add_test(tcase, transaction_does_not_outlive_its_connection);
    tcase_add_test(tcase, commit_whose_answer_is_lost_may_have_happened_and_has);
    tcase_add_test(tcase, commit_that_never_arrived_may_have_happened_and_has_not);
    tcase_add_test(tcase, pipe_whose_answers_are_lost_says_so_for_each);
    tcase_add_test(tcase, script_whose_answer_is_lost_may_have_happened);
    tcase_add_test(tcase, frozen_backend_is_given_up_at_the_deadline);
    tcase_add_test(tcase, silent_network_is_given_up_while_sending);
    tcase_add_test(tcase, transaction_left_idle_is_ended_by_the_server);
    tcase_add_test(tcase, server_that_only_reads_is_left);
    suite_add_tcase(suite, tcase);
    return suite;
}
