/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/select.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "projection/install.h"
#include "projection/live.h"
#include "tests/integration/projection/items.h"
#include "tests/support/database.h"
#include "tests/support/expect.h"

Suite *projection_select_suite(void);

static const struct log_identity identity = {.id = "0198f300-0000-7000-8000-000000000001"};

static struct database *database;
static struct pg_conn *conn;
static struct live_tables *live;
static struct arena *arena;

static void setup(void)
{
    struct error err = {0};
    int generation = 0;

    database = database_new();
    database_migrate(database);
    conn = database_connect(database, PG_PROFILE_QUERY);
    live = live_tables_new();
    arena = arena_new(0);
    for (int i = 0; items_projections[i]; i++)
        ck_assert_msg(projection_install(conn, items_projections[i], &identity, &generation, &err),
                      "%s", err.text);
    ck_assert_int_eq(generation, 1);
    /* Streams a to h; n 10 20 20 30 - - 40 50; last_at the same in microseconds; another tenant. */
    ck_assert(pg_script(
        conn,
        "insert into rm_items_1 (tenant, stream, version, owner, n, last_at, note) select 'main',"
        " 'item-' || s, 3, case when s in ('a', 'c', 'e') then 'x' else 'y' end, n,"
        " timestamptz 'epoch' + n * interval '1 microsecond', '{\"of\":  1}'"
        " from (values ('a', 10), ('b', 20), ('c', 20), ('d', 30), ('e', null), ('f', null),"
        " ('g', 40), ('h', 50)) v (s, n);"
        "insert into rm_items_1 (tenant, stream, version, n) values ('other', 'item-a', 1, 1);"
        "insert into rm_totals_1 values ('main', 'x', 3, 12345678901234567890123), ('main', 'y', 1,"
        " -5), ('other', 'x', 1, 1)",
        &err));
}

static void teardown(void)
{
    pg_free(conn);
    live_tables_free(live);
    arena_free(arena);
    database_free(database);
}

static struct row_query query_new(size_t limit)
{
    return (struct row_query){.tenant = STR("main"), .limit = limit};
}

/* The last letters of the streams selected. */
static const char *select_letters(const struct row_query *query)
{
    static char letters[32];
    struct error err = {0};
    struct row *rows;
    size_t count;

    ck_assert_msg(rows_select(conn, live, &items_projection, query, arena, &rows, &count, &err),
                  "%s", err.text);
    ck_assert_uint_lt(count, sizeof(letters));
    for (size_t i = 0; i < count; i++)
        letters[i] = rows[i].stream.data[rows[i].stream.len - 1];
    letters[count] = '\0';
    return letters;
}

START_TEST(without_an_order_rows_come_by_stream)
{
    struct row_query query = query_new(100);

    ck_assert_str_eq(select_letters(&query), "abcdefgh");
    query.descending = true;
    query.limit = 3;
    ck_assert_str_eq(select_letters(&query), "hgf");
}
END_TEST

static const struct {
    const char *column;
    enum row_match_op op;
    const char *str; /* NULL: i64 */
    int64_t i64;
    const char *letters;
} matches[] = {
    {"owner", ROW_EQUAL, "x", 0, "ace"},
    {"owner", ROW_NOT_EQUAL, "x", 0, "bdfgh"},
    {"owner", ROW_EQUAL, "x' or true --", 0, ""},
    {"owner", ROW_BELOW, "y", 0, "ace"},
    {"n", ROW_EQUAL, NULL, 20, "bc"},
    {"n", ROW_NOT_EQUAL, NULL, 20, "adgh"},
    {"n", ROW_AT_LEAST, NULL, 30, "dgh"},
    {"n", ROW_BELOW, NULL, 30, "abc"},
    {"n", ROW_NOT_NULL, NULL, 0, "abcdgh"},
    {"last_at", ROW_AT_LEAST, NULL, 40, "gh"},
    {"last_at", ROW_BELOW, NULL, 20, "a"},
    {"last_at", ROW_EQUAL, NULL, 50, "h"},
    {"stream", ROW_AT_LEAST, "item-g", 0, "gh"},
    {"version", ROW_EQUAL, NULL, 3, "abcdefgh"},
    {"version", ROW_BELOW, NULL, 3, ""},
};

START_TEST(matches_select)
{
    struct row_query query = query_new(100);

    query.matches_count = 1;
    query.matches[0] =
        (struct row_match){.column = matches[_i].column,
                           .op = matches[_i].op,
                           .value = {.i64 = matches[_i].i64, .str = str_of(matches[_i].str)}};
    ck_assert_str_eq(select_letters(&query), matches[_i].letters);
}
END_TEST

START_TEST(all_matches_must_hold)
{
    struct row_query query = query_new(100);

    query.matches_count = 2;
    query.matches[0] = (struct row_match){"owner", ROW_EQUAL, {.str = STR("y")}};
    query.matches[1] = (struct row_match){"n", ROW_BELOW, {.i64 = 40}};
    ck_assert_str_eq(select_letters(&query), "bd");
}
END_TEST

static const struct {
    const char *order_by;
    bool descending;
    const char *letters;
} orders[] = {
    {NULL, false, "abcdefgh"},    {NULL, true, "hgfedcba"},       {"n", false, "abcdghef"},
    {"n", true, "hgdcbafe"},      {"last_at", false, "abcdghef"}, {"last_at", true, "hgdcbafe"},
    {"owner", false, "acebdfgh"}, {"owner", true, "hgfdbeca"},
};

START_TEST(rows_without_a_value_come_last_in_both_directions)
{
    struct row_query query = query_new(100);

    query.order_by = orders[_i].order_by;
    query.descending = orders[_i].descending;
    ck_assert_str_eq(select_letters(&query), orders[_i].letters);
}
END_TEST

/* Pages of every size give what one page gives. */
START_TEST(pages_join_without_a_gap_or_a_repetition)
{
    for (size_t limit = 1; limit <= 9; limit++) {
        struct row_query query = query_new(limit);
        struct row_key after;
        char letters[32] = "";
        struct error err = {0};
        struct row *rows;
        size_t count;

        query.order_by = orders[_i].order_by;
        query.descending = orders[_i].descending;
        do {
            ck_assert(
                rows_select(conn, live, &items_projection, &query, arena, &rows, &count, &err));
            for (size_t i = 0; i < count; i++)
                strncat(letters, &rows[i].stream.data[rows[i].stream.len - 1], 1);
            if (count > 0)
                after.stream = rows[count - 1].stream;
            for (size_t c = 0; count > 0 && c < items_projection.columns_count; c++)
                if (query.order_by && strcmp(items_projection.columns[c].name, query.order_by) == 0)
                    after.value = rows[count - 1].values[c];
            query.after = &after;
        } while (count == limit);
        ck_assert_str_eq(letters, orders[_i].letters);
    }
}
END_TEST

START_TEST(a_row_has_its_values)
{
    struct row_query query = query_new(1);
    struct error err = {0};
    struct row *rows;
    size_t count;

    query.matches_count = 1;
    query.matches[0] = (struct row_match){"stream", ROW_EQUAL, {.str = STR("item-d")}};
    ck_assert(rows_select(conn, live, &items_projection, &query, arena, &rows, &count, &err));
    ck_assert_uint_eq(count, 1);
    ck_assert(rows[0].exists);
    EXPECT_STR(rows[0].tenant, "main");
    ck_assert_int_eq(rows[0].version.n, 3);
    EXPECT_STR(rows[0].values[0].str, "y");
    ck_assert_int_eq(rows[0].values[1].i64, 30);
    ck_assert_int_eq(rows[0].values[2].i64, 30);
    EXPECT_STR(rows[0].values[3].str, "{\"of\":  1}"); /* byte for byte */
}
END_TEST

START_TEST(a_roll_up_has_keys_and_sums)
{
    struct row_query query = query_new(10);
    struct error err = {0};
    struct row *rows;
    size_t count;

    ck_assert(rows_select(conn, live, &totals_projection, &query, arena, &rows, &count, &err));
    ck_assert_uint_eq(count, 2);
    EXPECT_STR(rows[0].values[0].str, "x");
    EXPECT_STR(rows[0].values[1].str, "3");
    EXPECT_STR(rows[0].values[2].str, "12345678901234567890123");
    EXPECT_STR(rows[1].values[2].str, "-5");
    query.matches_count = 1;
    query.matches[0] = (struct row_match){"owner", ROW_EQUAL, {.str = STR("y")}};
    ck_assert(rows_select(conn, live, &totals_projection, &query, arena, &rows, &count, &err));
    ck_assert_uint_eq(count, 1);
}
END_TEST

START_TEST(a_projection_that_is_not_made_has_no_rows_until_it_is)
{
    struct row_query query = query_new(10);
    struct error err = {0};
    int generation;

    ck_assert(pg_script(conn,
                        "delete from projections; delete from generations;"
                        " drop table rm_items_1",
                        &err));
    ck_assert_str_eq(select_letters(&query), "");
    ck_assert(projection_install(conn, &items_projection, &identity, &generation, &err));
    ck_assert(pg_script(conn,
                        "insert into rm_items_1 (tenant, stream, version) values"
                        " ('main', 'item-z', 1)",
                        &err));
    ck_assert_str_eq(select_letters(&query), "z");
}
END_TEST

/* An index of the declaration must serve a sorted page, in both directions: no sort, no scan. */
START_TEST(a_sorted_page_comes_from_its_index)
{
    static const char *const directions[] = {"last_at, stream", "last_at desc, stream desc"};
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    struct error err = {0};
    char sql[512];

    ck_assert(pg_script(conn,
                        "insert into rm_items_1 (tenant, stream, version, owner, last_at) select"
                        " 'main', 'item-' || i, 1, 'o' || i % 50, timestamptz 'epoch' + i *"
                        " interval '1 s' from generate_series(1, 20000) i; analyze rm_items_1",
                        &err));
    snprintf(sql, sizeof(sql),
             "explain (format json) select * from rm_items_1 where tenant = 'main' and owner ="
             " 'o7' and last_at is not null and (last_at, stream) %s (timestamptz '1970-01-01"
             " 01:00Z', 'item-7') order by %s limit 50",
             _i == 0 ? ">" : "<", directions[_i]);
    ck_assert_msg(pg_query_once(conn, sql, NULL, &rows, &err), "%s", err.text);
    sql[0] = '\0';
    snprintf(sql, sizeof(sql), STR_FMT, STR_ARG(pg_get_str(rows, 0, 0)));
    ck_assert_msg(strstr(sql, "Index Scan") != NULL, "%s", sql);
    ck_assert_msg(strstr(sql, "Sort\"") == NULL, "%s", sql);
}
END_TEST

Suite *projection_select_suite(void)
{
    Suite *suite = suite_create("projection_select");
    TCase *tc = tcase_create("select");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, without_an_order_rows_come_by_stream);
    tcase_add_loop_test(tc, matches_select, 0, COUNT_OF(matches));
    tcase_add_test(tc, all_matches_must_hold);
    tcase_add_loop_test(tc, rows_without_a_value_come_last_in_both_directions, 0, COUNT_OF(orders));
    tcase_add_loop_test(tc, pages_join_without_a_gap_or_a_repetition, 0, COUNT_OF(orders));
    tcase_add_test(tc, a_row_has_its_values);
    tcase_add_test(tc, a_roll_up_has_keys_and_sums);
    tcase_add_test(tc, a_projection_that_is_not_made_has_no_rows_until_it_is);
    tcase_add_loop_test(tc, a_sorted_page_comes_from_its_index, 0, 2);
    suite_add_tcase(suite, tc);
    return suite;
}
