/* SPDX-License-Identifier: Apache-2.0 */
/* A directory of projections. */
#include "projection/sql_files.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"
#include "projection/sql_file.h"
#include "tests/support/temp.h"

Suite *projection_sql_files_suite(void);

#define REST \
    "-- categories: order\n-- kind: roll-up\n" \
    "create table {table} (id text primary key);\n" \
    "insert into {table} select e.id from {events} e;\n"

static const struct projection orders = {.name = "orders"};
static const struct projection *const built_in[] = {&orders, NULL};

static struct temp_dir *dir;
static struct arena *arena;
static struct buf faults;
static const struct projection *const *all;

static void set_up(void)
{
    dir = temp_dir_new();
    arena = arena_new(0);
    buf_init(&faults, 1 << 20);
}

static void tear_down(void)
{
    buf_release(&faults);
    arena_free(arena);
    temp_dir_free(dir);
}

static bool load(void)
{
    return sql_files_load(dir->path, built_in, arena, &faults, &all);
}

static bool told(const char *text)
{
    return strstr(arena_cstr(arena, buf_str(&faults)), text) != NULL;
}

START_TEST(no_directory_leaves_the_built_in_ones)
{
    ck_assert(sql_files_load("", built_in, arena, &faults, &all));
    ck_assert_ptr_eq(all[0], &orders);
    ck_assert_ptr_null(all[1]);
}
END_TEST

START_TEST(files_come_behind_in_the_order_of_their_names)
{
    temp_write(dir, "b.sql", STR("-- name: b\n" REST), 0600);
    temp_write(dir, "a.sql", STR("-- name: a\n" REST), 0600);
    temp_write(dir, "a.sql~", STR("not one"), 0600);
    temp_write(dir, ".c.sql", STR("nor this"), 0600);
    ck_assert(load());
    ck_assert_ptr_eq(all[0], &orders);
    ck_assert_str_eq(all[1]->name, "a");
    ck_assert_str_eq(all[2]->name, "b");
    ck_assert_ptr_null(all[3]);
}
END_TEST

START_TEST(the_faults_of_all_files_are_told_at_once)
{
    temp_write(dir, "a.sql", STR("-- name: b\n" REST), 0600);
    temp_write(dir, "orders.sql", STR("-- name: orders\n" REST), 0600);
    ck_assert(!load());
    ck_assert(told("/a.sql:1: the name is 'b', but the file's is 'a'"));
    ck_assert(told("/orders.sql:1: there is a projection 'orders' already"));
}
END_TEST

START_TEST(a_directory_that_is_not_there_is_a_fault)
{
    ck_assert(!sql_files_load("/no/such", built_in, arena, &faults, &all));
    ck_assert(told("projection.directory: '/no/such': No such file or directory"));
}
END_TEST

START_TEST(a_directory_named_as_a_file_is_a_fault)
{
    ck_assert(!sql_files_load("/dev/null", built_in, arena, &faults, &all));
    ck_assert(told("projection.directory: '/dev/null': Not a directory"));
}
END_TEST

START_TEST(a_file_may_be_as_long_as_is_said_and_no_longer)
{
    static const char text[] = "-- name: long\n" REST;
    size_t len = SQL_FILE_BYTES_MAX + 1;
    char *bytes = mem_alloc(len);

    memset(bytes, '\n', len);
    memcpy(bytes, text, sizeof(text) - 1);
    temp_write(dir, "long.sql", str_from(bytes, len - 1), 0600);
    ck_assert(load());
    temp_write(dir, "long.sql", str_from(bytes, len), 0600);
    ck_assert(!load());
    ck_assert(told("/long.sql: the file is longer than 256 KiB"));
    mem_free(bytes);
}
END_TEST

START_TEST(there_may_be_so_many_and_no_more)
{
    for (int i = 1; i < PROJECTIONS_ALL_MAX; i++) {
        char name[32], text[512];

        snprintf(name, sizeof(name), "p%d.sql", i);
        snprintf(text, sizeof(text), "-- name: p%d\n" REST, i);
        temp_write(dir, name, str_of(text), 0600);
    }
    ck_assert(load());
    temp_write(dir, "q.sql", STR("-- name: q\n" REST), 0600);
    ck_assert(!load());
    ck_assert(told("/q.sql: there are more than 32 projections"));
}
END_TEST

Suite *projection_sql_files_suite(void)
{
    Suite *suite = suite_create("projection_sql_files");
    TCase *tc = tcase_create("sql_files");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, no_directory_leaves_the_built_in_ones);
    tcase_add_test(tc, files_come_behind_in_the_order_of_their_names);
    tcase_add_test(tc, the_faults_of_all_files_are_told_at_once);
    tcase_add_test(tc, a_directory_that_is_not_there_is_a_fault);
    tcase_add_test(tc, a_directory_named_as_a_file_is_a_fault);
    tcase_add_test(tc, a_file_may_be_as_long_as_is_said_and_no_longer);
    tcase_add_test(tc, there_may_be_so_many_and_no_more);
    suite_add_tcase(suite, tc);
    return suite;
}
