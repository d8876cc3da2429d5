/* SPDX-License-Identifier: Apache-2.0 */
/* What goes to PostgreSQL in binary and comes back. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/database.h"
#include "tests/support/expect.h"

Suite *postgres_params_suite(void);

static struct database *database;
static struct pg_conn *conn;
static struct pg_params params;
static struct pg_rows *rows;
static struct error err;

static void set_up(void)
{
    database = database_new();
    conn = database_connect(database, PG_PROFILE_QUERY);
    pg_params_init(&params);
    rows = NULL;
    error_clear(&err);
}

static void tear_down(void)
{
    pg_rows_free(rows);
    pg_params_release(&params);
    pg_free(conn);
    database_free(database);
}

static void query(const char *sql)
{
    ck_assert_msg(pg_query(conn, sql, &params, &rows, &err), "%s", err.text);
}

START_TEST(numbers_come_back)
{
    pg_add_i64(&params, INT64_MIN);
    pg_add_i64(&params, INT64_MAX);
    pg_add_i32(&params, INT32_MIN);
    pg_add_bool(&params, true);
    pg_add_bool(&params, false);
    query("select $1::bigint, $2::bigint, $3::integer, $4::boolean, $5::boolean, (-7)::smallint,"
          " 4000000000::oid, 0.5::float8, (-0.25)::float4, 'NaN'::float8");

    ck_assert_int_eq(pg_get_i64(rows, 0, 0), INT64_MIN);
    ck_assert_int_eq(pg_get_i64(rows, 0, 1), INT64_MAX);
    ck_assert_int_eq(pg_get_i64(rows, 0, 2), INT32_MIN);
    ck_assert(pg_get_bool(rows, 0, 3));
    ck_assert(!pg_get_bool(rows, 0, 4));
    ck_assert_int_eq(pg_get_i64(rows, 0, 5), -7);
    ck_assert_int_eq(pg_get_i64(rows, 0, 6), INT64_C(4000000000));
    ck_assert_double_eq(pg_get_f64(rows, 0, 7), 0.5);
    ck_assert_double_eq(pg_get_f64(rows, 0, 8), -0.25);
    ck_assert(isnan(pg_get_f64(rows, 0, 9)));
}
END_TEST

START_TEST(texts_come_back_byte_for_byte)
{
    static const char json[] = "{ \"b\": 1,\n \"a\":\t\"\\u00fc\", \"b\": 2.0e+1 }";

    pg_add_str(&params, STR("gr\xc3\xbc\xc3\x9f dich, \xf0\x9f\x93\x92 'quoted' \\ \n"));
    pg_add_str(&params, STR(""));
    pg_add_str(&params, str_of(json));
    pg_add_str(&params, STR("{\"a\":1}"));
    pg_add_bytes(&params, STR("\0\xff\0"));
    query("select $1::text, $2::text, $3::json, $4::json::jsonb, $5::bytea, 'x'::name, "
          "'v'::varchar(3),"
          " 'c'::char(2)");

    EXPECT_STR(pg_get_str(rows, 0, 0), "gr\xc3\xbc\xc3\x9f dich, \xf0\x9f\x93\x92 'quoted' \\ \n");
    EXPECT_STR(pg_get_str(rows, 0, 1), "");
    ck_assert_ptr_nonnull(pg_get_str(rows, 0, 1).data);
    EXPECT_STR(pg_get_str(rows, 0, 2), json);
    EXPECT_STR(pg_get_str(rows, 0, 3), "{\"a\": 1}");
    ck_assert(str_equal(pg_get_str(rows, 0, 4), STR("\0\xff\0")));
    EXPECT_STR(pg_get_str(rows, 0, 5), "x");
    EXPECT_STR(pg_get_str(rows, 0, 6), "v");
    EXPECT_STR(pg_get_str(rows, 0, 7), "c ");
}
END_TEST

START_TEST(times_dates_and_uuids_are_those_the_server_means)
{
    struct uuid uuid;

    ck_assert(uuid_parse(STR("0198f3a0-0001-7abc-8def-0123456789ab"), &uuid));
    pg_add_time(&params, INT64_C(1790000000123456));
    pg_add_time(&params, INT64_C(-62135596800000000)); /* year 1 */
    pg_add_date(&params, 20000);
    pg_add_uuid(&params, uuid);
    query("select $1::timestamptz, $1::text, $2::timestamptz, $2::text, $3::date, $3::text,"
          " $4::uuid, $4::text, 'infinity'::timestamptz, '-infinity'::timestamptz");

    ck_assert_int_eq(pg_get_time(rows, 0, 0), INT64_C(1790000000123456));
    EXPECT_STR(pg_get_str(rows, 0, 1), "2026-09-21 14:13:20.123456+00");
    ck_assert_int_eq(pg_get_time(rows, 0, 2), INT64_C(-62135596800000000));
    EXPECT_STR(pg_get_str(rows, 0, 3), "0001-01-01 00:00:00+00");
    ck_assert_int_eq(pg_get_i64(rows, 0, 4), 20000);
    EXPECT_STR(pg_get_str(rows, 0, 5), "2024-10-04");
    EXPECT_STR(pg_get_str(rows, 0, 6), "0198f3a0-0001-7abc-8def-0123456789ab");
    EXPECT_STR(pg_get_str(rows, 0, 7), "0198f3a0-0001-7abc-8def-0123456789ab");
    ck_assert_int_eq(pg_get_time(rows, 0, 8), INT64_MAX);
    ck_assert_int_eq(pg_get_time(rows, 0, 9), INT64_MIN);
}
END_TEST

START_TEST(null_of_each_type_is_null)
{
    pg_add_null(&params);
    pg_add_str(&params, STR_NONE);
    pg_add_bytes(&params, STR_NONE);
    query("select $1::bigint, $2::text, $3::bytea, null::uuid, null::timestamptz, 1 as one");

    for (int column = 0; column < 5; column++)
        ck_assert(pg_is_null(rows, 0, column));
    ck_assert_ptr_null(pg_get_str(rows, 0, 1).data);
    ck_assert_ptr_null(pg_get_str(rows, 0, 3).data);
    ck_assert(!pg_is_null(rows, 0, 5));
}
END_TEST

static void add_arrays(struct uuid uuid)
{
    pg_array_open(&params, PG_INT8);
    pg_array_i64(&params, INT64_MIN);
    pg_array_null(&params);
    pg_array_close(&params);
    pg_array_open(&params, PG_INT4);
    pg_array_i64(&params, -1);
    pg_array_close(&params);
    pg_array_open(&params, PG_TEXT);
    pg_array_str(&params, STR("a,\"b\" {NULL}"));
    pg_array_str(&params, STR(""));
    pg_array_str(&params, STR_NONE);
    pg_array_close(&params);
    pg_array_open(&params, PG_JSON);
    pg_array_str(&params, STR("[1, 2]"));
    pg_array_close(&params);
    pg_array_open(&params, PG_BYTEA);
    pg_array_str(&params, STR("\0\1"));
    pg_array_close(&params);
    pg_array_open(&params, PG_BOOL);
    pg_array_bool(&params, true);
    pg_array_bool(&params, false);
    pg_array_close(&params);
    pg_array_open(&params, PG_TIMESTAMPTZ);
    pg_array_i64(&params, 1);
    pg_array_close(&params);
    pg_array_open(&params, PG_DATE);
    pg_array_i64(&params, -1);
    pg_array_close(&params);
    pg_array_open(&params, PG_UUID);
    pg_array_uuid(&params, uuid);
    pg_array_close(&params);
    pg_array_open(&params, PG_TEXT);
    pg_array_close(&params);
}

START_TEST(arrays_of_each_type_are_those_the_server_means)
{
    static const char *const expected[] = {
        "{-9223372036854775808,NULL}",
        "{-1}",
        "{\"a,\\\"b\\\" {NULL}\",\"\",NULL}",
        "{\"[1, 2]\"}",
        "{\"\\\\x0001\"}",
        "{t,f}",
        "{\"1970-01-01 00:00:00.000001+00\"}",
        "{1969-12-31}",
        "{00112233-4455-6677-8899-aabbccddeeff}",
        "{}",
    };
    struct uuid uuid;

    ck_assert(uuid_parse(STR("00112233-4455-6677-8899-aabbccddeeff"), &uuid));
    add_arrays(uuid);
    query("select $1::bigint[]::text, $2::integer[]::text, $3::text[]::text, $4::json[]::text,"
          " $5::bytea[]::text, $6::boolean[]::text, $7::timestamptz[]::text, $8::date[]::text,"
          " $9::uuid[]::text, $10::text[]::text");

    for (int i = 0; i < COUNT_OF(expected); i++)
        EXPECT_STR(pg_get_str(rows, 0, i), expected[i]);
}
END_TEST

START_TEST(hundred_thousand_elements_arrive_in_order)
{
    char text[16];

    pg_array_open(&params, PG_INT8);
    for (int i = 0; i < 100000; i++)
        pg_array_i64(&params, i);
    pg_array_close(&params);
    pg_array_open(&params, PG_TEXT);
    for (int i = 0; i < 100000; i++) {
        int len = snprintf(text, sizeof(text), "t%d", i);

        pg_array_str(&params, str_from(text, (size_t)len));
    }
    pg_array_close(&params);
    query(
        "select n, t from unnest($1::bigint[], $2::text[]) with ordinality u(n, t, o) order by o");

    ck_assert_uint_eq(pg_rows_count(rows), 100000);
    for (int i = 0; i < 100000; i += 997) {
        snprintf(text, sizeof(text), "t%d", i);
        ck_assert_int_eq(pg_get_i64(rows, (size_t)i, 0), i);
        EXPECT_STR(pg_get_str(rows, (size_t)i, 1), text);
    }
}
END_TEST

/* The server answers while we still send: who does not read meanwhile waits for ever. */
START_TEST(many_mebibytes_go_both_ways_in_one_pipe)
{
    enum { ELEMENTS = 64, ELEMENT_BYTES = 1 << 20, STATEMENTS = 3 };
    static char element[ELEMENT_BYTES];

    memset(element, 'x', sizeof(element));
    pg_array_open(&params, PG_TEXT);
    for (int i = 0; i < ELEMENTS; i++)
        pg_array_str(&params, str_from(element, sizeof(element)));
    pg_array_close(&params);

    ck_assert(pg_pipe_open(conn, &err));
    for (int i = 0; i < STATEMENTS; i++)
        ck_assert(pg_pipe_send(conn, "select unnest($1::text[])", &params, &err));
    ck_assert_msg(pg_pipe_sync(conn, &err), "%s", err.text);
    for (int i = 0; i < STATEMENTS; i++) {
        SCOPED(pg_rows_free) struct pg_rows *answer = NULL;

        ck_assert_msg(pg_pipe_next(conn, &answer, &err), "%s", err.text);
        ck_assert_uint_eq(pg_rows_count(answer), ELEMENTS);
        ck_assert_uint_eq(pg_get_str(answer, ELEMENTS - 1, 0).len, ELEMENT_BYTES);
    }
    pg_pipe_close(conn);
    ck_assert(pg_is_open(conn));
}
END_TEST

START_TEST(bytes_of_another_type_are_our_own_fault)
{
    pg_add_i64(&params, 1);
    ck_assert(!pg_query(conn, "select $1::integer", &params, &rows, &err));
    ck_assert_int_eq(err.class, ERROR_FATAL);
    ck_assert_str_eq(err.sqlstate, "22P03");
    ck_assert(pg_is_open(conn));
}
END_TEST

START_TEST(affected_rows_are_counted)
{
    ck_assert(pg_script(conn, "create table t (i int); insert into t values (1), (2), (3)", &err));
    query("update t set i = i + 1 where i > 1");
    ck_assert_int_eq(pg_rows_affected(rows), 2);
    ck_assert_uint_eq(pg_rows_count(rows), 0);
    pg_rows_free(rows);
    rows = NULL;
    query("create table u (i int)");
    ck_assert_int_eq(pg_rows_affected(rows), 0);
}
END_TEST

Suite *postgres_params_suite(void)
{
    Suite *suite = suite_create("postgres_params");
    TCase *tcase = tcase_create("round trip");

    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, numbers_come_back);
    tcase_add_test(tcase, texts_come_back_byte_for_byte);
    tcase_add_test(tcase, times_dates_and_uuids_are_those_the_server_means);
    tcase_add_test(tcase, null_of_each_type_is_null);
    tcase_add_test(tcase, arrays_of_each_type_are_those_the_server_means);
    tcase_add_test(tcase, hundred_thousand_elements_arrive_in_order);
    tcase_add_test(tcase, many_mebibytes_go_both_ways_in_one_pipe);
    tcase_add_test(tcase, bytes_of_another_type_are_our_own_fault);
    tcase_add_test(tcase, affected_rows_are_counted);
    suite_add_tcase(suite, tcase);
    return suite;
}
