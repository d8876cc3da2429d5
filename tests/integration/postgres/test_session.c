/* SPDX-License-Identifier: Apache-2.0 */
/* Connecting, and the settings of the session that comes of it. */
#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/support/database.h"
#include "tests/support/expect.h"

Suite *postgres_session_suite(void);

static struct database *database;
static struct error err;

static void set_up(void)
{
    database = database_new();
    error_clear(&err);
}

static void tear_down(void)
{
    database_free(database);
}

/* "postgresql://USER:PASSWORD@HOST:PORT/NAME": where its parts end. */
static struct parts {
    struct str user;
    struct str password;
    struct str port;
} split_url(void)
{
    struct str rest = str_of(database->url + strlen("postgresql://"));
    struct parts parts;

    parts.user = str_split(rest, ':', &rest);
    parts.password = str_split(rest, '@', &rest);
    str_split(rest, ':', &rest);
    parts.port = str_split(rest, '/', &rest);
    ck_assert_uint_gt(parts.password.len, 0);
    return parts;
}

static struct pg_conn *new_at(const char *url, int64_t connect_timeout_ms)
{
    struct pg_config config = database_config(database);

    config.url = url;
    config.connect_timeout_ms = connect_timeout_ms;
    return pg_new(&config, PG_PROFILE_QUERY);
}

static const char *setting(struct pg_conn *conn, const char *name)
{
    static char value[64];
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    pg_params_init(&params);
    pg_add_str(&params, str_of(name));
    ck_assert_msg(pg_query(conn, "select current_setting($1)", &params, &rows, &err), "%s",
                  err.text);
    snprintf(value, sizeof(value), STR_FMT, STR_ARG(pg_get_str(rows, 0, 0)));
    return value;
}

enum {
    QUERY = 1 << PG_PROFILE_QUERY,
    BATCH = 1 << PG_PROFILE_BATCH,
    UPKEEP = 1 << PG_PROFILE_UPKEEP
};

static const struct {
    unsigned profiles;
    const char *name;
    const char *value;
} settings[] = {
    {QUERY | BATCH | UPKEEP, "client_encoding", "UTF8"},
    {QUERY | BATCH | UPKEEP, "timezone", "UTC"},
    {QUERY | BATCH | UPKEEP, "jit", "off"},
    {QUERY | BATCH | UPKEEP, "synchronous_commit", "on"},
    {QUERY | BATCH | UPKEEP, "application_name", "daybook-test"},
    {QUERY | BATCH | UPKEEP, "statement_timeout", "30s"},
    {QUERY | BATCH | UPKEEP, "idle_in_transaction_session_timeout", "30s"},
    {QUERY | BATCH | UPKEEP, "standard_conforming_strings", "on"},
    {QUERY | BATCH | UPKEEP, "default_transaction_isolation", "read committed"},
    {BATCH, "plan_cache_mode", "force_generic_plan"},
    {BATCH, "enable_hashjoin", "off"},
    {BATCH, "enable_mergejoin", "off"},
    {QUERY | BATCH, "enable_bitmapscan", "off"},
    {BATCH, "enable_sort", "off"},
    {QUERY | BATCH, "enable_seqscan", "off"},
    {BATCH, "enable_nestloop", "on"},
    {QUERY | UPKEEP, "plan_cache_mode", "auto"},
    {QUERY | UPKEEP, "enable_hashjoin", "on"},
    {UPKEEP, "enable_bitmapscan", "on"},
    {QUERY | UPKEEP, "enable_sort", "on"},
    {UPKEEP, "enable_seqscan", "on"},
    {UPKEEP, "lock_timeout", "200ms"},
    {QUERY | BATCH, "lock_timeout", "0"},
};

START_TEST(session_has_the_settings_of_its_profile_whatever_the_databases)
{
    SCOPED(pg_free) struct pg_conn *conn = NULL;
    char sql[1024];

    snprintf(sql, sizeof(sql),
             "alter database %s set timezone = 'Asia/Tokyo';"
             "alter database %s set synchronous_commit = off;"
             "alter database %s set jit = on;"
             "alter database %s set standard_conforming_strings = off;"
             "alter database %s set default_transaction_isolation = 'serializable'",
             database->name, database->name, database->name, database->name, database->name);
    database_run(database, sql);
    conn = database_connect(database, (enum pg_profile)_i);
    for (int i = 0; i < COUNT_OF(settings); i++)
        if (settings[i].profiles & 1U << _i)
            ck_assert_msg(strcmp(setting(conn, settings[i].name), settings[i].value) == 0,
                          "%s is %s, not %s", settings[i].name, setting(conn, settings[i].name),
                          settings[i].value);
}
END_TEST

static const struct {
    const char *servers;
    const char *ours;
} commits[] = {{"off", "on"},
               {"local", "on"},
               {"remote_write", "on"},
               {"on", "on"},
               {"remote_apply", "remote_apply"}};

START_TEST(commit_is_synchronous_at_least)
{
    SCOPED(pg_free) struct pg_conn *conn = NULL;
    char sql[128];

    snprintf(sql, sizeof(sql), "alter database %s set synchronous_commit = %s", database->name,
             commits[_i].servers);
    database_run(database, sql);
    conn = database_connect(database, PG_PROFILE_BATCH);
    ck_assert_str_eq(setting(conn, "synchronous_commit"), commits[_i].ours);
}
END_TEST

START_TEST(no_timeout_is_none)
{
    struct pg_config config = database_config(database);
    SCOPED(pg_free) struct pg_conn *conn = NULL;

    config.statement_timeout_ms = 0;
    conn = pg_new(&config, PG_PROFILE_QUERY);
    ck_assert(pg_open(conn, &err));
    ck_assert_str_eq(setting(conn, "statement_timeout"), "0");
}
END_TEST

START_TEST(open_when_open_does_nothing)
{
    SCOPED(pg_free) struct pg_conn *conn = database_connect(database, PG_PROFILE_QUERY);

    ck_assert(pg_begin(conn, &err));
    ck_assert(pg_open(conn, &err));
    ck_assert(pg_in_transaction(conn));
    ck_assert_uint_eq(pg_connects(conn), 1);
}
END_TEST

static void expect_no_connection(const char *url, const char *sqlstate, const char *hint_has)
{
    SCOPED(pg_free) struct pg_conn *conn = new_at(url, 5000);

    error_clear(&err);
    ck_assert(!pg_open(conn, &err));
    ck_assert(!pg_is_open(conn));
    ck_assert_uint_eq(pg_connects(conn), 0);
    ck_assert_int_eq(err.class, ERROR_TRANSIENT);
    ck_assert_str_eq(err.code, "dependency-down");
    ck_assert_msg(strcmp(err.sqlstate, sqlstate) == 0, "'%s': %s", err.sqlstate, err.text);
    ck_assert_msg(strstr(err.hint, hint_has) != NULL, "%s", err.hint);
    ck_assert(!err.outcome_unknown);
}

START_TEST(wrong_password_is_told_but_never_shown)
{
    struct parts parts = split_url();
    char url[512];

    snprintf(url, sizeof(url), "postgresql://" STR_FMT ":wr0ngw0rd@127.0.0.1:" STR_FMT "/%s",
             STR_ARG(parts.user), STR_ARG(parts.port), database->name);
    expect_no_connection(url, "28P01", "password");
    ck_assert_ptr_null(strstr(err.text, "wr0ngw0rd"));
    ck_assert_ptr_null(strstr(err.hint, "wr0ngw0rd"));
    ck_assert_ptr_null(strstr(err.text, "LOCATION"));
    ck_assert_ptr_null(strchr(err.text, '\n'));
}
END_TEST

START_TEST(missing_database_is_transient_and_says_how_to_make_it)
{
    char url[600];

    snprintf(url, sizeof(url), "%sx", database->url);
    expect_no_connection(url, "3D000", "createdb");
    ck_assert_ptr_nonnull(strstr(err.text, "does not exist"));
}
END_TEST

START_TEST(nobody_listening_is_transient)
{
    struct parts parts = split_url();
    char password[128];

    expect_no_connection("postgresql://u:s3cret@127.0.0.1:1/d", "", "host and port");
    ck_assert_ptr_nonnull(strstr(err.text, "Connection refused"));
    ck_assert_ptr_null(strstr(err.text, "s3cret"));
    snprintf(password, sizeof(password), STR_FMT, STR_ARG(parts.password));
    ck_assert_ptr_null(strstr(err.text, password));
}
END_TEST

START_TEST(string_that_can_not_be_read_is_refused)
{
    SCOPED(pg_free) struct pg_conn *conn = new_at("postgresql://u:s3cret/@h/d", 1000);

    ck_assert(!pg_open(conn, &err));
    ck_assert_int_eq(err.class, ERROR_REFUSED);
    ck_assert(!pg_is_open(conn));
}
END_TEST

/* Takes connections and never says a word. */
static int silent_server(int *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, len), 0);
    ck_assert_int_eq(listen(fd, 8), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

START_TEST(silent_server_is_given_up_in_time)
{
    int port;
    int fd = silent_server(&port);
    int64_t since_ms = clock_monotonic_ms();
    char url[128];
    SCOPED(pg_free) struct pg_conn *conn = NULL;

    snprintf(url, sizeof(url), "postgresql://u:s3cret@127.0.0.1:%d/d", port);
    conn = new_at(url, 200);
    ck_assert(!pg_open(conn, &err));
    ck_assert_int_ge(clock_monotonic_ms() - since_ms, 200);
    ck_assert_int_lt(clock_monotonic_ms() - since_ms, 5000);
    ck_assert_int_eq(err.class, ERROR_TRANSIENT);
    ck_assert_str_eq(err.text, "no connection to postgresql at host '127.0.0.1' within 200 ms");
    close(fd);
}
END_TEST

/* The database's server behind another one that is at PORT. */
static void url_with_first(int port, const char *attributes, char *out, size_t out_bytes)
{
    struct parts parts = split_url();

    snprintf(out, out_bytes,
             "postgresql://" STR_FMT ":" STR_FMT "@127.0.0.1:%d,127.0.0.1:" STR_FMT "/%s?%s",
             STR_ARG(parts.user), STR_ARG(parts.password), port, STR_ARG(parts.port),
             database->name, attributes);
}

START_TEST(host_that_refuses_is_passed_at_once)
{
    char url[512];
    SCOPED(pg_free) struct pg_conn *conn = NULL;

    url_with_first(1, "", url, sizeof(url));
    conn = new_at(url, 5000);
    ck_assert_msg(pg_open(conn, &err), "%s", err.text);
}
END_TEST

START_TEST(host_that_is_silent_is_passed_by_the_next_attempt)
{
    int port;
    int fd = silent_server(&port);
    char url[512];
    SCOPED(pg_free) struct pg_conn *conn = NULL;

    url_with_first(port, "", url, sizeof(url));
    conn = new_at(url, 1000);
    for (int round = 0; round < 2; round++) { /* a success begins with the first host again */
        ck_assert(!pg_open(conn, &err));
        ck_assert_msg(pg_open(conn, &err), "%s", err.text);
        pg_close(conn);
    }
    close(fd);
}
END_TEST

START_TEST(target_session_attrs_choose_the_host)
{
    char sql[128];
    char url[512];
    SCOPED(pg_free) struct pg_conn *writer = NULL;
    SCOPED(pg_free) struct pg_conn *reader = NULL;

    snprintf(sql, sizeof(sql), "alter database %s set default_transaction_read_only = on",
             database->name);
    database_run(database, sql);

    url_with_first(1, "target_session_attrs=read-write", url, sizeof(url));
    writer = new_at(url, 5000);
    ck_assert(!pg_open(writer, &err));
    ck_assert_int_eq(err.class, ERROR_TRANSIENT);
    ck_assert_ptr_nonnull(strstr(err.text, "session is read-only"));
    url_with_first(1, "target_session_attrs=read-only", url, sizeof(url));
    reader = new_at(url, 5000);
    ck_assert_msg(pg_open(reader, &err), "%s", err.text);
}
END_TEST

START_TEST(database_of_another_encoding_is_refused)
{
    char url[600];
    char sql[256];
    SCOPED(pg_free) struct pg_conn *conn = NULL;

    snprintf(sql, sizeof(sql),
             "create database %s_latin encoding 'LATIN1' locale 'C' template template0",
             database->name);
    database_run(database, sql);
    snprintf(url, sizeof(url), "%s_latin", database->url);
    conn = new_at(url, 5000);
    ck_assert(!pg_open(conn, &err));
    ck_assert_int_eq(err.class, ERROR_FATAL);
    ck_assert_str_eq(err.text, "set up the session: the database's encoding is LATIN1, not UTF8");
    ck_assert(!pg_is_open(conn));
    snprintf(sql, sizeof(sql), "drop database %s_latin with (force)", database->name);
    database_run(database, sql);
}
END_TEST

START_TEST(set_up_that_fails_leaves_no_session)
{
    struct pg_config config = database_config(database);
    SCOPED(pg_free) struct pg_conn *conn = NULL;

    config.idle_in_transaction_timeout_ms = INT64_C(1) << 40; /* beyond what the server takes */
    conn = pg_new(&config, PG_PROFILE_QUERY);
    ck_assert(!pg_open(conn, &err));
    ck_assert(!pg_is_open(conn));
    ck_assert(!err.outcome_unknown);
    ck_assert_uint_eq(pg_connects(conn), 0);
}
END_TEST

Suite *postgres_session_suite(void)
{
    Suite *suite = suite_create("postgres_session");
    TCase *tcase = tcase_create("connecting");

    tcase_set_timeout(tcase, 30);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, session_has_the_settings_of_its_profile_whatever_the_databases,
                        PG_PROFILE_QUERY, PG_PROFILE_UPKEEP + 1);
    tcase_add_loop_test(tcase, commit_is_synchronous_at_least, 0, COUNT_OF(commits));
    tcase_add_test(tcase, no_timeout_is_none);
    tcase_add_test(tcase, open_when_open_does_nothing);
    tcase_add_test(tcase, wrong_password_is_told_but_never_shown);
    tcase_add_test(tcase, missing_database_is_transient_and_says_how_to_make_it);
    tcase_add_test(tcase, nobody_listening_is_transient);
    tcase_add_test(tcase, string_that_can_not_be_read_is_refused);
    tcase_add_test(tcase, silent_server_is_given_up_in_time);
    tcase_add_test(tcase, host_that_refuses_is_passed_at_once);
    tcase_add_test(tcase, host_that_is_silent_is_passed_by_the_next_attempt);
    tcase_add_test(tcase, target_session_attrs_choose_the_host);
    tcase_add_test(tcase, database_of_another_encoding_is_refused);
    tcase_add_test(tcase, set_up_that_fails_leaves_no_session);
    suite_add_tcase(suite, tcase);
    return suite;
}
