/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows are found by their key, whatever the statistics say. A plan made while the table was empty
 * goes on when it is full; by an index that shares only the tenant each row costs a walk over all.
 */
#include <check.h>

#include "postgres/pg.h"
#include "orders/projections.h"
#include "projection/table.h"
#include "tests/support/database.h"

#include <stdio.h>
#include <string.h>

Suite *projection_table_plans_suite(void);

static void explain(struct pg_conn *conn, const char *sql, struct buf *plan)
{
    SCOPED_VALUE(buf_release) struct buf prepare = BUF_INIT(1 << 16);
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    struct error err;

    buf_printf(&prepare,
               "set plan_cache_mode = force_generic_plan; deallocate all; prepare p as %s", sql);
    buf_add(&prepare, "", 1);
    ck_assert_msg(pg_script(conn, prepare.data, &err), "%s", err.text);
    ck_assert_msg(pg_query_once(conn, "explain execute p(null, null)", NULL, &rows, &err), "%s",
                  err.text);
    for (size_t i = 0; i < pg_rows_count(rows); i++) {
        buf_add_str(plan, pg_get_str(rows, i, 0));
        buf_add_char(plan, '\n');
    }
    buf_add(plan, "", 1);
}

static void check_by_key(struct pg_conn *conn, const char *sql)
{
    SCOPED_VALUE(buf_release) struct buf plan = BUF_INIT(1 << 16);

    explain(conn, sql, &plan);
    ck_assert_msg(strstr(plan.data, "using rm_orders_1_pkey on rm_orders_1") != NULL, "%s",
                  plan.data);
}

static const char *const statistics[] = {
    "select 1",
    "analyze rm_orders_1",
    ("insert into rm_orders_1 (tenant, stream, version)"
     " select 'main', 'order-' || n, 1 from generate_series(1, 5000) n"),
    "analyze rm_orders_1",
};

START_TEST(a_row_is_read_by_its_key_whatever_the_statistics)
{
    struct database *database = database_new();
    struct table *table = table_new(&orders_projection, 1);
    struct pg_conn *batch;
    struct pg_conn *query;

    database_migrate(database);
    database_run(database, table->create);
    batch = database_connect(database, PG_PROFILE_BATCH);
    query = database_connect(database, PG_PROFILE_QUERY);
    for (size_t i = 0; i < sizeof(statistics) / sizeof(*statistics); i++) {
        database_run(database, statistics[i]);
        check_by_key(batch, table->load);
        check_by_key(query, table->current);
    }
    pg_free(batch);
    pg_free(query);
    table_free(table);
    database_free(database);
}
END_TEST

Suite *projection_table_plans_suite(void)
{
    Suite *suite = suite_create("projection_table_plans");
    TCase *tests = tcase_create("all");

    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_row_is_read_by_its_key_whatever_the_statistics);
    suite_add_tcase(suite, tests);
    return suite;
}
