/* SPDX-License-Identifier: Apache-2.0 */
/* A projection's file: what it becomes, and every way it can be wrong. */
#include "projection/sql_file.h"

#include "base/arena.h"
#include "base/buf.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#define PATH "projections/revenue.sql"
#define HEADER \
    "-- name: revenue\n" \
    "-- categories: order\n" \
    "-- kind: roll-up\n"
#define TABLE "create table {table} (day date primary key, orders bigint not null);\n"
#define INSERT "insert into {table} select e.occurred_at::date, 1 from {events} e;\n"
#define WHOLE HEADER TABLE INSERT

static const struct projection orders = {.name = "orders"};
static const struct projection *const others[] = {&orders, NULL};

static struct arena *arena;
static struct buf faults;

static void set_up(void)
{
    arena = arena_new(0);
    buf_init(&faults, 1 << 20);
}

static void tear_down(void)
{
    buf_release(&faults);
    arena_free(arena);
}

static const char *told(void)
{
    return arena_cstr(arena, buf_str(&faults));
}

static const struct projection *parse_as(const char *path, const char *text)
{
    const struct projection *projection = NULL;

    ck_assert_msg(sql_file_parse(path, str_of(text), others, arena, &faults, &projection), "%s",
                  told());
    ck_assert_uint_eq(faults.len, 0);
    return projection;
}

static const struct projection *parse(const char *text)
{
    return parse_as(PATH, text);
}

static void refused_as(const char *path, struct str text, const char *line)
{
    const struct projection *projection = NULL;

    ck_assert(!sql_file_parse(path, text, others, arena, &faults, &projection));
    ck_assert_ptr_null(projection);
    ck_assert_msg(strstr(told(), line) != NULL, "not told '%s', but:\n%s", line, told());
}

START_TEST(a_file_is_a_name_categories_a_table_and_statements)
{
    const struct projection *p =
        parse("-- SPDX-License-Identifier: Apache-2.0\n"
              "-- Revenue: by day, as a remark may say.\n"
              "\n"
              "-- name: revenue\n"
              "--categories:  order , stock\n"
              "-- kind: roll-up \r\n" TABLE "create unique index on {table} (orders);\n" INSERT
              "delete from {table} where orders = 0;");

    ck_assert_str_eq(p->name, "revenue");
    ck_assert_int_eq(p->kind, PROJECTION_SQL);
    ck_assert_str_eq(p->categories[0], "order");
    ck_assert_str_eq(p->categories[1], "stock");
    ck_assert_ptr_null(p->categories[2]);
    ck_assert(!p->sql->by_stream);
    ck_assert_str_eq(p->sql->declarations[0],
                     "create table {table} (day date primary key, orders bigint not null)");
    ck_assert_str_eq(p->sql->declarations[1], "create unique index on {table} (orders)");
    ck_assert_ptr_null(p->sql->declarations[2]);
    ck_assert_str_eq(p->sql->statements[0],
                     "insert into {table} select e.occurred_at::date, 1 from {events} e");
    ck_assert_str_eq(p->sql->statements[1], "delete from {table} where orders = 0");
    ck_assert_ptr_null(p->sql->statements[2]);
}
END_TEST

START_TEST(by_stream_is_the_other_kind)
{
    const struct projection *p = parse("-- name: revenue\n-- categories: order\n"
                                       "-- kind: by stream\n" TABLE INSERT);

    ck_assert(p->sql->by_stream);
}
END_TEST

START_TEST(comments_and_layout_are_no_part_of_it)
{
    const struct projection *a = parse(WHOLE);
    const struct projection *b = parse(HEADER "\n\n/* the /* whole */ table; */\n"
                                              "create   table\t{table} -- of days; and\n"
                                              "(day date primary key, orders bigint not null);"
                                              "insert into {table} select e.occurred_at::date,\n"
                                              "    1 from {events} e");

    ck_assert_str_eq(a->sql->declarations[0], b->sql->declarations[0]);
    ck_assert_str_eq(a->sql->statements[0], b->sql->statements[0]);
}
END_TEST

static const char *const quoted[] = {
    "';'",         "'it''s; {this} $1 now('", "e'\\';'", "E'a\\\\'", "\"a;\"\"{b}\"",
    "$$;now();$$", "$a_1$ $$ ; $b$ $a_1$",
};

static const char *const writes[] = {
    "insert into {table} as t select 1, 2 from {events} e on conflict (day) do update set orders = "
    "1",
    "update {table} t set orders = 1 from {events} e",
    "delete from {table} t using {events} e where t.orders = e.version",
    "merge into {table} t using {events} e on true when matched then update set orders = 1",
    "merge into {table} t using {events} e on true when matched then delete",
    "with l as (select 1 from {table} for no key update) insert into {table} select 1 from "
    "{events} e",
    "with l as (select 1 from {table} t for update of t) insert into {table} select 1 from "
    "{events} e",
    "insert into {table} select e.update, e.into from {events} e",
};

START_TEST(whatever_writes_to_the_table_alone_is_taken)
{
    char text[1024];

    snprintf(text, sizeof(text), HEADER TABLE "%s;", writes[_i]);
    ck_assert_str_eq(parse(text)->sql->statements[0], writes[_i]);
}
END_TEST

START_TEST(what_is_quoted_is_left_as_it_is)
{
    char text[1024], statement[512];
    const struct projection *p;

    snprintf(statement, sizeof(statement), "insert into {table} select %s from {events} as e",
             quoted[_i]);
    snprintf(text, sizeof(text), HEADER TABLE "%s;delete from {table} where orders = 0", statement);
    p = parse(text);
    ck_assert_str_eq(p->sql->statements[0], statement);
    ck_assert_str_eq(p->sql->statements[1], "delete from {table} where orders = 0");
}
END_TEST

static const struct {
    const char *text;
    const char *told;
} refusals[] = {
    /* header */
    {"-- categories: order\n-- kind: roll-up\n" TABLE INSERT,
     PATH ":1: the header lacks a line '-- name: revenue'"},
    {"-- name: revenue\n-- kind: roll-up\n" TABLE INSERT,
     PATH ":1: the header lacks a line '-- categories: order'"},
    {"-- name: revenue\n-- categories: order\n" TABLE INSERT,
     PATH ":1: the header lacks a line '-- kind: roll-up'"},
    {HEADER "-- kinds: roll-up\n" TABLE INSERT,
     PATH ":4: the header has no key 'kinds' (did you mean 'kind'?); its keys are name, "
          "categories, kind"},
    {HEADER "-- name: revenue\n" TABLE INSERT, PATH ":4: 'name' is given twice, first in line 1"},
    {"-- name: Revenue\n-- categories: order\n-- kind: roll-up\n" TABLE INSERT,
     PATH ":1: a name is a small letter"},
    {"-- name: sales\n-- categories: order\n-- kind: roll-up\n" TABLE INSERT,
     PATH ":1: the name is 'sales', but the file's is 'revenue'"},
    {"-- name: revenue\n-- categories: order stock\n-- kind: roll-up\n" TABLE INSERT,
     PATH ":2: 'order stock' is no category"},
    {"-- name: revenue\n-- categories: dlq\n-- kind: roll-up\n" TABLE INSERT,
     PATH ":2: 'dlq' is no category"},
    {"-- name: revenue\n-- categories:\n-- kind: roll-up\n" TABLE INSERT,
     PATH ":2: '' is no category"},
    {"-- name: revenue\n-- categories: order, order\n-- kind: roll-up\n" TABLE INSERT,
     PATH ":2: category 'order' is given twice"},
    {"-- name: revenue\n-- categories: a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q\n-- kind: roll-up\n" TABLE
         INSERT,
     PATH ":2: at most 16 categories"},
    {"-- name: revenue\n-- categories: order\n-- kind: rollup\n" TABLE INSERT,
     PATH ":3: the kind is 'roll-up'"},
    /* declaration */
    {HEADER INSERT, PATH ":5: there is no table"},
    {HEADER "create table revenue (a int primary key);" INSERT,
     PATH ":4: a declaration is: create table {table}"},
    {HEADER "create unlogged table {table} (a int primary key);" INSERT,
     PATH ":4: of what CREATE makes, only a table and its indexes"},
    {HEADER "create table {table} as select 1;" INSERT,
     PATH ":4: a declaration is: create table {table}"},
    {HEADER TABLE TABLE INSERT, PATH ":5: one table"},
    {HEADER "create table {table} (a int, \"primary key\" int);" INSERT,
     PATH ":4: the table needs a primary key"},
    {HEADER "create table {table} (a int primary key\nreferences streams (id));" INSERT,
     PATH ":5: a foreign key may not be here"},
    {HEADER "create table {table} (a int primary key) partition\nby range (a);" INSERT,
     PATH ":5: the table can not be partitioned"},
    {HEADER TABLE "create unique index on events using btree ({table});" INSERT,
     PATH ":5: an index must be on {table}"},
    {HEADER TABLE "create index on events (id);" INSERT, PATH ":5: an index must be on {table}"},
    {HEADER TABLE "create index by_day on {table} (day);" INSERT,
     PATH ":5: an index has no name of its own"},
    {HEADER TABLE "create unique index if not exists a on {table} (day);" INSERT,
     PATH ":5: an index has no name of its own"},
    {HEADER "create table {table} (a int, constraint pk\nprimary key (a));" INSERT,
     PATH ":5: a key has no name of its own"},
    {HEADER "create table {table} (a int primary key, b serial);" INSERT,
     PATH ":4: 'serial' gives another value at each run"},
    {HEADER "create index on {table} (day);" TABLE INSERT,
     PATH ":4: indexes stand behind the table"},
    {HEADER "create function f() returns int;" TABLE INSERT,
     PATH ":4: of what CREATE makes, only a table and its indexes"},
    {HEADER
     "create table {table} (a int primary key check (a in (select 1 from {events} e)));" INSERT,
     PATH ":4: {events} is the batch; a declaration has none"},
    {HEADER TABLE "create index on {table} (a); create index on {table} (b);"
                  "create index on {table} (c); create index on {table} (d);"
                  "create index on {table} (e); create index on {table} (f);"
                  "create index on {table} (g); create index on {table} (h);"
                  "create index on {table} (i);" INSERT,
     PATH ":5: at most 8 indexes"},
    /* statements */
    {HEADER TABLE, PATH ":5: there is no statement over the batch"},
    {HEADER TABLE "delete from {table};", PATH ":5: no statement reads {events}"},
    {HEADER TABLE "insert into revenue select 1 from {events} e;",
     PATH ":5: 'revenue' would be written to: a statement writes to {table} alone"},
    {HEADER TABLE "insert into {table} select 1 from {events} e join\nevents on true;" INSERT
                  "with a as (select 1) select 1;",
     PATH ":7: a statement must write to {table}"},
    {HEADER TABLE "with gone as (delete\nfrom streams returning 1) insert into {table} select 1 "
                  "from gone, {events} e;",
     PATH ":6: 'streams' would be written to"},
    {HEADER TABLE "with set as (update\n\"log_head\" set position = 1 returning 1) "
                  "insert into {table} select 1 from {events} e;",
     PATH ":6: '\"log_head\"' would be written to"},
    {HEADER TABLE "delete from {events} e using {table} t;" INSERT,
     PATH ":5: '{events}' would be written to"},
    {HEADER TABLE "merge into only t using {events} e on true when matched then delete;" INSERT,
     PATH ":5: 'only' would be written to"},
    {HEADER TABLE "insert into {table} select set_config\n('search_path', e.id, false) "
                  "from {events} e;",
     PATH ":5: 'set_config' reaches beyond the batch"},
    {HEADER TABLE "insert into {table} select pg_advisory_lock(1) from {events} e;",
     PATH ":5: 'pg_advisory_lock' reaches beyond the batch"},
    {HEADER TABLE INSERT "commit;", PATH ":6: 'commit' has no place here"},
    {HEADER TABLE "BEGIN;" INSERT, PATH ":5: 'BEGIN' has no place here"},
    {HEADER TABLE INSERT "savepoint a;", PATH ":6: 'savepoint' has no place here"},
    {HEADER TABLE INSERT "lock table {table};", PATH ":6: 'lock' has no place here"},
    {HEADER TABLE INSERT "drop table {table};", PATH ":6: 'drop' may not be here"},
    {HEADER TABLE INSERT "alter table {table} add a int;", PATH ":6: 'alter' may not be here"},
    {HEADER TABLE INSERT "truncate {table};", PATH ":6: 'truncate' may not be here"},
    {HEADER TABLE INSERT "select 1 from {table};", PATH ":6: 'select' may not be here"},
    {HEADER TABLE INSERT "set timezone = 'UTC';", PATH ":6: 'set' may not be here"},
    {HEADER TABLE INSERT "do $$ begin end $$;", PATH ":6: 'do' may not be here"},
    {HEADER TABLE INSERT INSERT INSERT INSERT INSERT INSERT INSERT INSERT INSERT,
     PATH ":13: too many statements: at most 8 over a batch"},
    /* anywhere */
    {HEADER TABLE "insert into {tabel} select 1 from {events} e;",
     PATH ":5: {tabel} is not known; there are {table} and {events}"},
    {HEADER TABLE "insert into {table} select 1 from {events};",
     PATH ":5: {events} needs an alias, as in: from {events} e"},
    {HEADER TABLE "insert into {table} select 1 from {events}\nwhere true;",
     PATH ":5: {events} needs an alias"},
    {HEADER TABLE "insert into {table} select 1 from {events}", PATH ":5: {events} needs an alias"},
    {HEADER TABLE "insert into {table} select $1 from {events} e;",
     PATH ":5: parameters are the engine's"},
    {HEADER TABLE "insert into {table} select\nnow (), 1 from {events} e;",
     PATH ":6: 'now' gives another value at each run"},
    {HEADER TABLE "insert into {table} select current_date, 1 from {events} e;",
     PATH ":5: 'current_date' gives another value at each run"},
    {HEADER TABLE "insert into {table} select 'a, 1 from {events} e;",
     PATH ":5: this quote or comment does not end"},
    {HEADER TABLE INSERT "/* as far as here", PATH ":6: this quote or comment does not end"},
    {HEADER TABLE INSERT "insert into {table} values ($a$);", PATH ":6: this quote or comment"},
    {HEADER TABLE INSERT "delete from {table} where a = e'\\", PATH ":6: this quote or comment"},
    {HEADER TABLE "\xff" INSERT, PATH ":5: a file is text in UTF-8, without NUL"},
};

START_TEST(each_fault_is_told_with_its_line)
{
    refused_as(PATH, str_of(refusals[_i].text), refusals[_i].told);
    ck_assert_msg(str_index(buf_str(&faults), '\n') == faults.len - 1, "more than that:\n%s",
                  told());
}
END_TEST

START_TEST(a_name_that_is_taken_is_refused)
{
    refused_as("projections/orders.sql",
               STR("-- name: orders\n-- categories: order\n-- kind: roll-up\n" TABLE INSERT),
               "projections/orders.sql:1: there is a projection 'orders' already");
}
END_TEST

START_TEST(a_nul_is_refused)
{
    refused_as(PATH, STR(WHOLE "\0"), PATH ":6: a file is text in UTF-8, without NUL");
}
END_TEST

START_TEST(all_faults_are_told_at_once)
{
    refused_as(PATH,
               STR("-- name: sales\n-- kind: none\n"
                   "create table revenue (a int);\n"
                   "insert into {table} select now(), $1 from {events};\n"
                   "commit;"),
               PATH
               ":1: the header lacks a line '-- categories: order'\n" PATH
               ":1: the name is 'sales', but the file's is 'revenue': make them the same\n" PATH
               ":2: the kind is 'roll-up' (events of several streams change one row) or "
               "'by stream' (each row belongs to one stream), not 'none'\n" PATH
               ":3: a declaration is: create table {table} (columns, primary key (...))\n" PATH
               ":4: 'now' gives another value at each run, so a rebuild would make other "
               "rows; use what the event has, as e.occurred_at or e.id\n" PATH
               ":4: parameters are the engine's; the batch is {events}\n" PATH
               ":4: {events} needs an alias, as in: from {events} e\n" PATH
               ":5: 'commit' has no place here");
}
END_TEST

Suite *projection_sql_file_suite(void);

Suite *projection_sql_file_suite(void)
{
    Suite *suite = suite_create("projection_sql_file");
    TCase *tc = tcase_create("sql_file");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, a_file_is_a_name_categories_a_table_and_statements);
    tcase_add_test(tc, by_stream_is_the_other_kind);
    tcase_add_test(tc, comments_and_layout_are_no_part_of_it);
    tcase_add_loop_test(tc, whatever_writes_to_the_table_alone_is_taken, 0,
                        sizeof(writes) / sizeof(writes[0]));
    tcase_add_loop_test(tc, what_is_quoted_is_left_as_it_is, 0, sizeof(quoted) / sizeof(quoted[0]));
    tcase_add_loop_test(tc, each_fault_is_told_with_its_line, 0,
                        sizeof(refusals) / sizeof(refusals[0]));
    tcase_add_test(tc, a_name_that_is_taken_is_refused);
    tcase_add_test(tc, a_nul_is_refused);
    tcase_add_test(tc, all_faults_are_told_at_once);
    suite_add_tcase(suite, tc);
    return suite;
}
