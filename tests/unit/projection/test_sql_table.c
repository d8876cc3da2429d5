/* SPDX-License-Identifier: Apache-2.0 */
/* What a generation runs of a projection's file. */
#include "projection/sql_table.h"

#include <check.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "projection/table.h"
#include "tests/support/expect.h"

Suite *projection_sql_table_suite(void);

#define CREATE "create table {table} (id text primary key)"
#define INSERT "insert into {table} select e.id from {events} e where e.type <> '{table}{events}'"

static const struct projection_sql sql = {
    .declarations = (const char *const[]){CREATE, "create index on {table} (id)", NULL},
    .statements = (const char *const[]){INSERT, "delete from {table} where id = ''", NULL},
};
static const struct projection projection = {
    .name = "seen",
    .kind = PROJECTION_SQL,
    .categories = (const char *const[]){"order", "stock", NULL},
    .sql = &sql,
};

static bool has(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

START_TEST(placeholders_are_replaced_but_not_in_quotes)
{
    SCOPED(table_free) struct table *table = table_new(&projection, 12);

    ck_assert_str_eq(table->name, "rm_seen_12");
    ck_assert_str_eq(table->create, "create table rm_seen_12 (id text primary key);\n"
                                    "create index on rm_seen_12 (id);\n");
    ck_assert_uint_eq(table->apply_count, 2);
    ck_assert(has(table->apply[0].sql, "insert into rm_seen_12 select e.id from (select * from "
                                       "json_to_recordset($1::json) as events ("));
    ck_assert(has(table->apply[0].sql, ")) e where e.type <> '{table}{events}'"));
    ck_assert_str_eq(table->apply[1].sql, "delete from rm_seen_12 where id = ''");
}
END_TEST

START_TEST(a_statement_without_the_batch_has_no_parameter)
{
    SCOPED(table_free) struct table *table = table_new(&projection, 1);

    ck_assert(table->apply[0].reads_events);
    ck_assert(!table->apply[1].reads_events);
}
END_TEST

START_TEST(the_view_shows_the_generation)
{
    SCOPED(table_free) struct table *table = table_new(&projection, 3);

    ck_assert(has(table->view, "create or replace view rm_seen as select * from rm_seen_3;"));
}
END_TEST

static bool same_declaration(const struct projection *a, const struct projection *b)
{
    char *left = projection_declaration(a);
    char *right = projection_declaration(b);
    bool same = strcmp(left, right) == 0;

    mem_free(left);
    mem_free(right);
    return same;
}

static const char *const one[] = {"create table {table} (id text primary key, n bigint)", NULL};
static const char *const other[] = {"insert into {table} select e.stream from {events} e", NULL};
static const char *const categories[] = {"order", NULL};

START_TEST(whatever_rows_depend_on_is_part_of_the_declaration)
{
    struct projection_sql changed_sql = sql;
    struct projection changed = projection;

    changed.sql = &changed_sql;
    ck_assert(same_declaration(&projection, &changed));
    changed_sql.by_stream = true;
    ck_assert(!same_declaration(&projection, &changed));
    changed_sql = sql;
    changed_sql.declarations = one;
    ck_assert(!same_declaration(&projection, &changed));
    changed_sql = sql;
    changed_sql.statements = other;
    ck_assert(!same_declaration(&projection, &changed));
    changed_sql = sql;
    changed.categories = categories;
    ck_assert(!same_declaration(&projection, &changed));
}
END_TEST

Suite *projection_sql_table_suite(void)
{
    Suite *suite = suite_create("projection_sql_table");
    TCase *tc = tcase_create("sql_table");

    tcase_add_test(tc, placeholders_are_replaced_but_not_in_quotes);
    tcase_add_test(tc, a_statement_without_the_batch_has_no_parameter);
    tcase_add_test(tc, the_view_shows_the_generation);
    tcase_add_test(tc, whatever_rows_depend_on_is_part_of_the_declaration);
    suite_add_tcase(suite, tc);
    return suite;
}
