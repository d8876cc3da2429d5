/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/database.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/uuid.h"
#include "migrations/embedded.h"
#include "postgres/migrate.h"

static const char *server_url(void)
{
    const char *url = getenv("DAYBOOK_TEST_DATABASE_URL");

    ck_assert_msg(url != NULL, "DAYBOOK_TEST_DATABASE_URL is not set: see `make help`");
    return url;
}

static struct pg_config config_of(const char *url)
{
    return (struct pg_config){
        .url = url,
        .application_name = "daybook-test",
        .connect_timeout_ms = 10000,
        .statement_timeout_ms = 30000,
        .tcp_user_timeout_ms = 10000,
        .idle_in_transaction_timeout_ms = 30000,
    };
}

static struct pg_conn *connect_to(const char *url, enum pg_profile profile)
{
    struct pg_config config = config_of(url);
    struct pg_conn *conn = pg_new(&config, profile);
    struct error err = {0};

    ck_assert_msg(pg_open(conn, &err), "connect: %s", err.text);
    return conn;
}

static void run(const char *url, const char *sql)
{
    SCOPED(pg_free) struct pg_conn *conn = connect_to(url, PG_PROFILE_QUERY);
    struct error err = {0};

    ck_assert_msg(pg_script(conn, sql, &err), "%s: %s", sql, err.text);
}

/* The server's URL with the database's name in the place of its own. */
static void write_url(struct database *database)
{
    const char *server = server_url();
    const char *authority = strstr(server, "//");
    const char *path = authority ? strchr(authority + 2, '/') : NULL;
    const char *options = path ? strchr(path, '?') : NULL;
    int len;

    ck_assert_msg(path != NULL, "DAYBOOK_TEST_DATABASE_URL must be postgresql://.../database");
    len = snprintf(database->url, sizeof(database->url), "%.*s/%s%s", (int)(path - server), server,
                   database->name, options ? options : "");
    ck_assert_uint_lt((size_t)len, sizeof(database->url));
}

static struct database *copy_of(const char *template)
{
    struct database *database = mem_zalloc(sizeof(*database));
    char sql[192];

    snprintf(database->name, sizeof(database->name), "test_%016" PRIx64, random_u64());
    write_url(database);
    snprintf(sql, sizeof(sql), "CREATE DATABASE %s TEMPLATE %s", database->name, template);
    run(server_url(), sql);
    return database;
}

struct database *database_new(void)
{
    /* Nobody is connected to it, which a copy would have to wait for. */
    return copy_of("template0");
}

struct database *database_copy(const struct database *from)
{
    return copy_of(from->name);
}

void database_free(struct database *database)
{
    char sql[128];

    if (!database)
        return;
    snprintf(sql, sizeof(sql), "DROP DATABASE %s WITH (FORCE)", database->name);
    run(server_url(), sql);
    mem_free(database);
}

void database_migrate(struct database *database)
{
    SCOPED(pg_free) struct pg_conn *conn = database_connect(database, PG_PROFILE_QUERY);
    struct error err = {0};
    size_t applied;

    ck_assert_msg(migrate_up(conn, embedded_migrations, embedded_migrations_count, &applied, &err),
                  "migrate: %s", err.text);
    ck_assert_uint_eq(applied, embedded_migrations_count);
}

struct pg_config database_config(const struct database *database)
{
    return config_of(database->url);
}

struct pg_conn *database_connect(const struct database *database, enum pg_profile profile)
{
    return connect_to(database->url, profile);
}

void database_run(const struct database *database, const char *sql)
{
    run(database->url, sql);
}

int64_t database_i64(const struct database *database, const char *sql)
{
    SCOPED(pg_free) struct pg_conn *conn = database_connect(database, PG_PROFILE_QUERY);
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    struct error err = {0};

    ck_assert_msg(pg_query_once(conn, sql, NULL, &rows, &err), "%s: %s", sql, err.text);
    ck_assert_uint_eq(pg_rows_count(rows), 1);
    return pg_get_i64(rows, 0, 0);
}
