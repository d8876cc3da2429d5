/* SPDX-License-Identifier: Apache-2.0 */
/* COPY FROM STDIN on a real server. */
#include <check.h>
#include <stdio.h>

#include "postgres/pg.h"
#include "tests/support/database.h"
#include "tests/support/expect.h"

Suite *postgres_copy_suite(void);

enum { MANY = 200000, BYTES_MAX = 64 << 20 };

static const char sql_copy[] = "copy things (name, number, at, extra) from stdin (format binary)";

static struct database *database;
static struct pg_conn *conn;

static void set_up(void)
{
    struct error err = {0};

    database = database_new();
    conn = database_connect(database, PG_PROFILE_BATCH);
    ck_assert_msg(pg_script(conn,
                            "create table things (name text primary key, number bigint not null,"
                            " at timestamptz, extra json)",
                            &err),
                  "%s", err.text);
}

static void tear_down(void)
{
    pg_free(conn);
    database_free(database);
}

static void add(struct buf *data, struct str name, int64_t number)
{
    pg_copy_row(data, 4);
    pg_copy_str(data, name);
    pg_copy_i64(data, number);
    pg_copy_time(data, number);
    pg_copy_str(data, number % 2 ? STR("{\"a\":  1}") : STR_NONE);
}

static int64_t count(void)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    struct error err = {0};

    ck_assert_msg(pg_query_once(conn, "select count(*) from things", NULL, &rows, &err), "%s",
                  err.text);
    return pg_get_i64(rows, 0, 0);
}

START_TEST(values_come_back_as_they_were)
{
    SCOPED_VALUE(buf_release) struct buf data = BUF_INIT(BYTES_MAX);
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    struct error err = {0};
    int64_t stored;

    pg_copy_begin(&data);
    add(&data, STR("a\tb\nc\\"), -7);
    add(&data, STR(""), 1700000000000000);
    pg_copy_end(&data);
    ck_assert_msg(pg_copy_in(conn, sql_copy, &data, &stored, &err), "%s", err.text);
    ck_assert_int_eq(stored, 2);
    ck_assert(pg_query_once(conn, "select name, number, at, extra from things order by number",
                            NULL, &rows, &err));
    EXPECT_STR(pg_get_str(rows, 0, 0), "a\tb\nc\\");
    ck_assert_int_eq(pg_get_i64(rows, 0, 1), -7);
    ck_assert_int_eq(pg_get_time(rows, 0, 2), -7);
    EXPECT_STR(pg_get_str(rows, 0, 3), "{\"a\":  1}");
    EXPECT_STR(pg_get_str(rows, 1, 0), "");
    ck_assert_int_eq(pg_get_time(rows, 1, 2), 1700000000000000);
    ck_assert(pg_is_null(rows, 1, 3));
}
END_TEST

START_TEST(a_refused_row_refuses_all_and_the_connection_goes_on)
{
    SCOPED_VALUE(buf_release) struct buf data = BUF_INIT(BYTES_MAX);
    struct error err = {0};
    int64_t stored;

    pg_copy_begin(&data);
    add(&data, STR("x"), 1);
    add(&data, STR("x"), 2);
    pg_copy_end(&data);
    ck_assert(pg_begin(conn, &err));
    ck_assert(!pg_copy_in(conn, sql_copy, &data, &stored, &err));
    ck_assert_str_eq(err.sqlstate, "23505");
    pg_rollback(conn);
    ck_assert(pg_is_open(conn));
    ck_assert_int_eq(count(), 0);
    ck_assert(!pg_copy_in(conn, "copy nothing from stdin (format binary)", &data, &stored, &err));
    ck_assert_str_eq(err.sqlstate, "42P01");
    ck_assert_int_eq(count(), 0);
}
END_TEST

START_TEST(more_than_a_socket_holds_goes_through)
{
    SCOPED_VALUE(buf_release) struct buf data = BUF_INIT(BYTES_MAX);
    struct error err = {0};
    char name[16];
    int64_t stored;

    pg_copy_begin(&data);
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof(name), "n%d", i);
        add(&data, str_of(name), i);
    }
    pg_copy_end(&data);
    ck_assert_msg(pg_copy_in(conn, sql_copy, &data, &stored, &err), "%s", err.text);
    ck_assert_int_eq(stored, MANY);
    ck_assert_int_eq(count(), MANY);
}
END_TEST

START_TEST(rows_that_did_not_fit_their_buffer_are_not_sent)
{
    SCOPED_VALUE(buf_release) struct buf data = BUF_INIT(40);
    struct error err = {0};
    int64_t stored;

    pg_copy_begin(&data);
    add(&data, STR("too long for it"), 1);
    pg_copy_end(&data);
    ck_assert(!pg_copy_in(conn, sql_copy, &data, &stored, &err));
    ck_assert_int_eq(err.class, ERROR_FATAL);
    ck_assert_int_eq(count(), 0);
}
END_TEST

Suite *postgres_copy_suite(void)
{
    Suite *suite = suite_create("postgres_copy");
    TCase *tc = tcase_create("copy");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, values_come_back_as_they_were);
    tcase_add_test(tc, a_refused_row_refuses_all_and_the_connection_goes_on);
    tcase_add_test(tc, more_than_a_socket_holds_goes_through);
    tcase_add_test(tc, rows_that_did_not_fit_their_buffer_are_not_sent);
    suite_add_tcase(suite, tc);
    return suite;
}
