/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/migrate.h"

#include <check.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "migrations/embedded.h"
#include "tests/support/expect.h"
#include "tests/support/temp.h"

Suite *postgres_migrate_dir_suite(void);

static struct temp_dir *dir;
static struct arena *arena;
static struct error err;
static struct migration *migrations;
static size_t count;

static void set_up(void)
{
    dir = temp_dir_new();
    arena = arena_new(0);
    migrations = NULL;
    count = 77;
}

static void tear_down(void)
{
    arena_free(arena);
    temp_dir_free(dir);
}

static void write_file(const char *name, const char *text)
{
    temp_write(dir, name, str_of(text), 0644);
}

static bool load(void)
{
    return migrations_from_dir(dir->path, arena, &migrations, &count, &err);
}

static void expect_refused(const char *text_has)
{
    ck_assert(!load());
    ck_assert_ptr_null(migrations);
    ck_assert_uint_eq(count, 77);
    ck_assert_int_eq(err.class, ERROR_FATAL);
    ck_assert_msg(strstr(err.text, text_has) != NULL, "'%s' lacks '%s'", err.text, text_has);
}

START_TEST(files_come_in_order_of_number_and_others_are_left_alone)
{
    write_file("0010_later.sql", "select 10;\n");
    write_file("0002_two.sql", "select 2;\n");
    write_file("README", "x");
    write_file(".0003_hidden.sql", "x");

    ck_assert(load());
    ck_assert_uint_eq(count, 2);
    ck_assert_int_eq(migrations[0].number, 2);
    ck_assert_str_eq(migrations[0].name, "0002_two.sql");
    ck_assert_str_eq(migrations[0].sql, "select 2;\n");
    ck_assert_int_eq(migrations[1].number, 10);
}
END_TEST

START_TEST(embedded_ones_are_the_files_byte_for_byte)
{
    ck_assert(migrations_from_dir("migrations", arena, &migrations, &count, &err));
    ck_assert_uint_gt(count, 0);
    ck_assert_uint_eq(count, embedded_migrations_count);
    for (size_t i = 0; i < count; i++) {
        ck_assert_int_eq(embedded_migrations[i].number, migrations[i].number);
        ck_assert_str_eq(embedded_migrations[i].name, migrations[i].name);
        ck_assert_str_eq(embedded_migrations[i].sql, migrations[i].sql);
    }
}
END_TEST

START_TEST(empty_directory_has_none)
{
    ck_assert(load());
    ck_assert_uint_eq(count, 0);
}
END_TEST

static const char *const bad_names[] = {"1_x.sql", "0000_x.sql", "00001_x.sql",
                                        "x.sql",   "0001x.sql",  "000a_x.sql"};

START_TEST(misnamed_file_is_an_error_that_names_it)
{
    write_file("0001_good.sql", "select 1;\n");
    write_file(bad_names[_i], "select 1;\n");
    expect_refused(bad_names[_i]);
}
END_TEST

START_TEST(nul_byte_would_cut_the_file_short)
{
    temp_write(dir, "0001_nul.sql", STR("select 1;\0 drop"), 0644);
    expect_refused("0001_nul.sql: has a NUL byte");
}
END_TEST

START_TEST(what_is_no_file_is_refused)
{
    ck_assert_int_eq(mkfifo(temp_path(dir, "0001_fifo.sql"), 0644), 0);
    expect_refused("0001_fifo.sql: not a file");
}
END_TEST

START_TEST(oversized_file_is_refused)
{
    write_file("0001_big.sql", "x");
    ck_assert_int_eq(truncate(temp_path(dir, "0001_big.sql"), INT64_C(1) << 30), 0);
    expect_refused("0001_big.sql: larger than 16 MiB");
}
END_TEST

START_TEST(missing_directory_is_named)
{
    ck_assert(!migrations_from_dir("/nonexistent/x", arena, &migrations, &count, &err));
    ck_assert_str_eq(err.text, "/nonexistent/x: No such file or directory");
}
END_TEST

Suite *postgres_migrate_dir_suite(void)
{
    Suite *suite = suite_create("postgres_migrate_dir");
    TCase *tcase = tcase_create("files");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, files_come_in_order_of_number_and_others_are_left_alone);
    tcase_add_test(tcase, embedded_ones_are_the_files_byte_for_byte);
    tcase_add_test(tcase, empty_directory_has_none);
    tcase_add_loop_test(tcase, misnamed_file_is_an_error_that_names_it, 0, COUNT_OF(bad_names));
    tcase_add_test(tcase, nul_byte_would_cut_the_file_short);
    tcase_add_test(tcase, what_is_no_file_is_refused);
    tcase_add_test(tcase, oversized_file_is_refused);
    tcase_add_test(tcase, missing_directory_is_named);
    suite_add_tcase(suite, tcase);
    return suite;
}
