/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/migrate.h"

#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "migrations/embedded.h"
#include "tests/support/database.h"
#include "tests/support/expect.h"

Suite *postgres_migrate_suite(void);

static const struct migration good[] = {
    {1, "0001_one.sql", "create table one (i int);\n"},
    {2, "0002_two.sql", "create table two (i int);\ninsert into two values (2);\n"},
    {3, "0003_three.sql", "alter table one add column j int;\n"},
};

static struct database *database;
static struct pg_conn *conn;
static struct error err;

static void set_up(void)
{
    database = database_new();
    conn = database_connect(database, PG_PROFILE_UPKEEP);
    error_clear(&err);
}

static void tear_down(void)
{
    pg_free(conn);
    database_free(database);
}

static size_t up(const struct migration *migrations, size_t count)
{
    size_t applied = 77;

    ck_assert_msg(migrate_up(conn, migrations, count, &applied, &err), "%s", err.text);
    ck_assert(!pg_in_transaction(conn));
    return applied;
}

static void expect_error(enum error_class class, const char *code, const char *text)
{
    ck_assert_msg(strcmp(err.text, text) == 0, "'%s' instead of '%s'", err.text, text);
    ck_assert_int_eq(err.class, class);
    ck_assert_str_eq(err.code, code);
    ck_assert(!pg_in_transaction(conn));
}

static void expect_up_fails(const struct migration *migrations, size_t count,
                            enum error_class class, const char *code, const char *text)
{
    size_t applied = 77;

    error_clear(&err);
    ck_assert(!migrate_up(conn, migrations, count, &applied, &err));
    ck_assert_uint_eq(applied, 77);
    expect_error(class, code, text);
}

static int64_t tables(void)
{
    return database_i64(database, "select count(*) from pg_class c join pg_namespace n on n.oid ="
                                  " relnamespace where nspname = 'public' and relkind = 'r'");
}

START_TEST(up_applies_all_in_order_and_then_nothing)
{
    ck_assert_uint_eq(up(good, 3), 3);
    ck_assert_uint_eq(up(good, 3), 0);
    ck_assert_int_eq(database_i64(database, "select i::bigint from two"), 2);
    ck_assert_int_eq(database_i64(database, "select count(*) from schema_migrations where number ="
                                            " 2 and name = '0002_two.sql' and checksum = "
                                            "sha256(E'create table two (i int);\\ninsert into two"
                                            " values (2);\\n')"),
                     1);
}
END_TEST

START_TEST(up_goes_on_where_it_stopped)
{
    ck_assert_uint_eq(up(good, 1), 1);
    ck_assert_uint_eq(up(good, 3), 2);
}
END_TEST

START_TEST(embedded_migrations_apply)
{
    size_t applied = up(embedded_migrations, embedded_migrations_count);

    ck_assert_uint_eq(applied, embedded_migrations_count);
    ck_assert(migrate_check(conn, embedded_migrations, embedded_migrations_count, &err));
}
END_TEST

START_TEST(status_tells_applied_from_pending_and_changes_nothing)
{
    struct migration_status status[3];

    ck_assert(migrate_status(conn, good, 3, status, &err));
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(status[i].state, MIGRATION_PENDING);
    ck_assert_int_eq(tables(), 0);

    up(good, 2);
    ck_assert(migrate_status(conn, good, 3, status, &err));
    ck_assert_int_eq(status[1].state, MIGRATION_APPLIED);
    ck_assert_ptr_eq(status[1].migration, &good[1]);
    ck_assert_int_le(status[1].applied_at_us, clock_wall_us());
    ck_assert_int_ge(status[1].applied_at_us, clock_wall_us() - 60 * 1000000);
    ck_assert_int_eq(status[2].state, MIGRATION_PENDING);
}
END_TEST

START_TEST(check_names_the_command_while_something_is_pending)
{
    ck_assert(!migrate_check(conn, good, 3, &err));
    expect_error(ERROR_FATAL, "schema-old",
                 "the schema is older than this program: migration '0001_one.sql' was not applied");
    ck_assert_str_eq(err.hint, "Run: daybookd migrate up");

    up(good, 2);
    ck_assert(!migrate_check(conn, good, 3, &err));
    expect_error(
        ERROR_FATAL, "schema-old",
        "the schema is older than this program: migration '0003_three.sql' was not applied");
    up(good, 3);
    ck_assert(migrate_check(conn, good, 3, &err));
}
END_TEST

START_TEST(changed_migration_is_named)
{
    struct migration changed[3];
    struct migration_status status[3];
    static const char text[] = "migration '0002_two.sql' was changed after it had been applied";

    memcpy(changed, good, sizeof(changed));
    changed[1].sql = "create table two (i int);\ninsert into two values (3);\n";
    up(good, 2);
    expect_up_fails(changed, 3, ERROR_FATAL, "migration-changed", text);
    ck_assert(!migrate_status(conn, changed, 3, status, &err));
    expect_error(ERROR_FATAL, "migration-changed", text);
    ck_assert(!migrate_check(conn, changed, 3, &err));
    expect_error(ERROR_FATAL, "migration-changed", text);
    ck_assert_int_eq(database_i64(database, "select count(*) from schema_migrations"), 2);
}
END_TEST

START_TEST(newer_schema_is_told_by_its_last_migration)
{
    static const char text[] = "the schema is newer than this program: it has migration"
                               " '0003_three.sql', the newest known here is number 2";

    up(good, 3);
    expect_up_fails(good, 2, ERROR_FATAL, "schema-newer", text);
    ck_assert(!migrate_check(conn, good, 2, &err));
    expect_error(ERROR_FATAL, "schema-newer", text);
}
END_TEST

START_TEST(record_missing_between_others_is_told)
{
    up(good, 3);
    database_run(database, "delete from schema_migrations where number = 2");
    expect_up_fails(good, 3, ERROR_FATAL, "migration-missing",
                    "schema_migrations lacks number 2, though later ones were applied");
}
END_TEST

START_TEST(missing_file_is_told)
{
    const struct migration gap[] = {good[0], good[2]};

    expect_up_fails(gap, 2, ERROR_FATAL, "migration-missing",
                    "migration 2 is missing: '0003_three.sql' follows number 1");
    expect_up_fails(&good[1], 2, ERROR_FATAL, "migration-missing",
                    "migration 1 is missing: '0002_two.sql' follows number 0");
    ck_assert_int_eq(tables(), 0);
}
END_TEST

START_TEST(number_given_twice_is_told_with_both_names)
{
    const struct migration twice[] = {good[0], {1, "0001_other.sql", "select 1;\n"}, good[1]};

    expect_up_fails(twice, 3, ERROR_FATAL, "migration-duplicate",
                    "migrations '0001_one.sql' and '0001_other.sql' have the same number");
    ck_assert_int_eq(tables(), 0);
}
END_TEST

static const struct {
    const char *sql;
    const char *text;
} broken[] = {
    {"create table x (i int);\n\ncreate tabel y (i int);\n",
     "0002_broken.sql:3: syntax error at or near \"tabel\""},
    {"selec", "0002_broken.sql:1: syntax error at or near \"selec\""},
    {"\n\n-- \xc3\xa4\xc3\xb6\xc3\xbc\xf0\x9f\x93\x92\n\nselect nothing from one;\n",
     "0002_broken.sql:5: column \"nothing\" does not exist"},
    {"create table x (i int);\nselect (", "0002_broken.sql:2: syntax error at end of input"},
    /* at run time the server tells no position */
    {"create table x (i int);\ninsert into x values (1 / 0);\n",
     "0002_broken.sql: division by zero"},
    {"create table one (i int);\n", "0002_broken.sql: relation \"one\" already exists"},
};

START_TEST(broken_migration_is_told_with_its_line_and_leaves_no_trace)
{
    const struct migration migrations[] = {good[0], {2, "0002_broken.sql", broken[_i].sql}};

    expect_up_fails(migrations, 2, ERROR_FATAL, "", broken[_i].text);
    ck_assert_int_eq(tables(), 2); /* schema_migrations and one: the first has been applied */
    ck_assert_int_eq(database_i64(database, "select count(*) from schema_migrations"), 1);
    ck_assert(pg_is_open(conn));
}
END_TEST

START_TEST(migration_that_commits_by_itself_is_refused)
{
    const struct migration migrations[] = {{1, "0001_commits.sql", "create table x (); commit;"}};

    expect_up_fails(migrations, 1, ERROR_FATAL, "migration-transaction",
                    "0001_commits.sql: the migration ends its transaction itself");
}
END_TEST

/* A connection as a role that may log in and read. */
static struct pg_conn *connect_as_reader(void)
{
    char sql[512];
    char url[600];
    struct pg_config config = database_config(database);
    const char *server = strchr(database->url, '@');
    struct pg_conn *reader;

    snprintf(sql, sizeof(sql),
             "create role %s_reader login password 'reader';"
             "grant pg_read_all_data to %s_reader",
             database->name, database->name);
    database_run(database, sql);
    snprintf(url, sizeof(url), "postgresql://%s_reader:reader%s", database->name, server);
    config.url = url;
    reader = pg_new(&config, PG_PROFILE_UPKEEP);
    ck_assert_msg(pg_open(reader, &err), "%s", err.text);
    return reader;
}

static void drop_reader(void)
{
    char sql[512];

    snprintf(sql, sizeof(sql), "drop owned by %s_reader; drop role %s_reader", database->name,
             database->name);
    database_run(database, sql);
}

START_TEST(role_that_only_reads_can_not_migrate_but_can_check)
{
    struct pg_conn *owner = conn;
    struct migration_status status[3];

    up(good, 1);
    conn = connect_as_reader();
    expect_up_fails(good, 2, ERROR_FATAL, "",
                    "0002_two.sql:1: permission denied for schema public");
    ck_assert_str_eq(err.sqlstate, "42501");
    ck_assert_str_ne(err.hint, "");
    ck_assert(migrate_status(conn, good, 3, status, &err));
    ck_assert_int_eq(status[0].state, MIGRATION_APPLIED);
    ck_assert(migrate_check(conn, good, 1, &err));
    ck_assert_uint_eq(up(good, 1), 0); /* nothing to do needs no right */
    pg_free(conn);
    conn = owner;
    drop_reader();
    ck_assert_int_eq(tables(), 2);
}
END_TEST

START_TEST(role_that_only_reads_can_not_begin)
{
    struct pg_conn *owner = conn;

    conn = connect_as_reader();
    expect_up_fails(good, 3, ERROR_FATAL, "", "permission denied for schema public");
    pg_free(conn);
    conn = owner;
    drop_reader();
    ck_assert_int_eq(tables(), 0);
}
END_TEST

START_TEST(server_that_only_reads_is_told)
{
    char sql[128];

    snprintf(sql, sizeof(sql), "alter database %s set default_transaction_read_only = on",
             database->name);
    database_run(database, sql);
    pg_close(conn);
    ck_assert(pg_open(conn, &err));
    expect_up_fails(good, 3, ERROR_TRANSIENT, "dependency-down",
                    "cannot execute CREATE TABLE in a read-only transaction");
    ck_assert_ptr_nonnull(strstr(err.hint, "only reads"));
}
END_TEST

/* The first migration of each sleeps, so that they meet. */
static const struct migration slow[] = {
    {1, "0001_slow.sql", "create table slow (i int); select pg_sleep(0.2);\n"},
    {2, "0002_more.sql", "create table more (i int);\n"},
};

static void *migrate_slowly(void *arg)
{
    SCOPED(pg_free) struct pg_conn *own = database_connect(database, PG_PROFILE_UPKEEP);
    struct error own_err = {0};
    size_t *applied = arg;

    if (!migrate_up(own, slow, 2, applied, &own_err))
        *applied = 1000;
    return NULL;
}

START_TEST(migrations_at_once_wait_for_each_other_and_apply_each_once)
{
    enum { MIGRATORS = 4 };
    pthread_t threads[MIGRATORS];
    size_t applied[MIGRATORS];
    size_t sum = 0;

    for (int i = 0; i < MIGRATORS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, migrate_slowly, &applied[i]), 0);
    for (int i = 0; i < MIGRATORS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        sum += applied[i];
    }
    ck_assert_uint_eq(sum, 2);
    ck_assert_int_eq(tables(), 3);
}
END_TEST

START_TEST(lock_held_too_long_is_told)
{
    SCOPED(pg_free) struct pg_conn *holder = database_connect(database, PG_PROFILE_QUERY);
    int64_t since_ms = clock_monotonic_ms();

    ck_assert(pg_begin(holder, &err));
    ck_assert(
        pg_query(holder, "select pg_advisory_xact_lock(6004231871370723703)", NULL, NULL, &err));
    expect_up_fails(good, 3, ERROR_TRANSIENT, "",
                    "another migration is running: canceling statement due to lock timeout");
    ck_assert_int_ge(clock_monotonic_ms() - since_ms, 9000);
    ck_assert_int_eq(tables(), 0);
    pg_rollback(holder);
    ck_assert_uint_eq(up(good, 3), 3);
}
END_TEST

/* Far longer than any statement of the daemon's may take. */
START_TEST(long_migration_is_not_cut_off)
{
    const struct migration migrations[] = {
        {1, "0001_long.sql", "select pg_sleep(2.5); create table x (i int);\n"}};
    struct pg_config config = database_config(database);

    pg_free(conn);
    config.statement_timeout_ms = 200;
    conn = pg_new(&config, PG_PROFILE_UPKEEP);
    ck_assert(pg_open(conn, &err));
    ck_assert_uint_eq(up(migrations, 1), 1);
}
END_TEST

static TCase *faults_case(void)
{
    TCase *tcase = tcase_create("faults");

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, changed_migration_is_named);
    tcase_add_test(tcase, newer_schema_is_told_by_its_last_migration);
    tcase_add_test(tcase, record_missing_between_others_is_told);
    tcase_add_test(tcase, missing_file_is_told);
    tcase_add_test(tcase, number_given_twice_is_told_with_both_names);
    tcase_add_loop_test(tcase, broken_migration_is_told_with_its_line_and_leaves_no_trace, 0,
                        COUNT_OF(broken));
    tcase_add_test(tcase, migration_that_commits_by_itself_is_refused);
    tcase_add_test(tcase, role_that_only_reads_can_not_migrate_but_can_check);
    tcase_add_test(tcase, role_that_only_reads_can_not_begin);
    tcase_add_test(tcase, server_that_only_reads_is_told);
    tcase_add_test(tcase, lock_held_too_long_is_told);
    return tcase;
}

Suite *postgres_migrate_suite(void)
{
    Suite *suite = suite_create("postgres_migrate");
    TCase *tcase = tcase_create("applying");

    suite_add_tcase(suite, faults_case());
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, up_applies_all_in_order_and_then_nothing);
    tcase_add_test(tcase, up_goes_on_where_it_stopped);
    tcase_add_test(tcase, embedded_migrations_apply);
    tcase_add_test(tcase, status_tells_applied_from_pending_and_changes_nothing);
    tcase_add_test(tcase, check_names_the_command_while_something_is_pending);
    tcase_add_test(tcase, migrations_at_once_wait_for_each_other_and_apply_each_once);
    tcase_add_test(tcase, long_migration_is_not_cut_off);
    suite_add_tcase(suite, tcase);
    return suite;
}
