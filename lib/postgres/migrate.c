/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/migrate.h"

#include "base/clock.h"
#include "postgres/pg_internal.h"

#include <assert.h>
#include <openssl/evp.h>
#include <string.h>

enum {
    CHECKSUM_BYTES = 32,  /* SHA-256 */
    LOCK_WAIT_MS = 13000, /* the server gives up after its lock_timeout of 10 s */
};

/*
 * A transaction's lock, not a session's: poolers break those. DDL that waits behind a long reader
 * stops everybody behind it, so it gives up as well.
 */
static const char lock_sql[] = "SET LOCAL statement_timeout = 0;"
                               "SET LOCAL idle_in_transaction_session_timeout = 0;"
                               "SET LOCAL lock_timeout = '10s';"
                               "SELECT pg_advisory_xact_lock(6004231871370723703)";

static const char exists_sql[] = "SELECT to_regclass('schema_migrations') IS NOT NULL";

static const char create_sql[] = "CREATE TABLE schema_migrations ("
                                 " number integer PRIMARY KEY,"
                                 " name text COLLATE \"C\" NOT NULL,"
                                 " checksum bytea NOT NULL,"
                                 " applied_at timestamptz NOT NULL DEFAULT clock_timestamp())";

static const char records_sql[] =
    "SELECT number, name, checksum, applied_at FROM schema_migrations ORDER BY number";
enum { RECORD_NUMBER, RECORD_NAME, RECORD_CHECKSUM, RECORD_APPLIED_AT };

static const char insert_sql[] =
    "INSERT INTO schema_migrations (number, name, checksum) VALUES ($1::integer, $2, $3)";

static struct str checksum(const char *sql, unsigned char out[CHECKSUM_BYTES])
{
    unsigned len = 0;
    int ok = EVP_Digest(sql, strlen(sql), out, &len, EVP_sha256(), NULL);

    assert(ok == 1 && len == CHECKSUM_BYTES);
    (void)ok;
    return str_from((const char *)out, CHECKSUM_BYTES);
}

/* Numbers are 1, 2, 3, ...: what is missing between two files is seen without a database. */
static bool check_numbers(const struct migration *migrations, size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        int expected = (int)i + 1;

        if (migrations[i].number == expected)
            continue;
        if (i > 0 && migrations[i].number == migrations[i - 1].number)
            return error_set(err, ERROR_FATAL, "migration-duplicate",
                             "migrations '%s' and '%s' have the same number",
                             migrations[i - 1].name, migrations[i].name);
        return error_set(err, ERROR_FATAL, "migration-missing",
                         "migration %d is missing: '%s' follows number %d", expected,
                         migrations[i].name, expected - 1);
    }
    return true;
}

static bool check_record(const struct pg_rows *records, size_t row, const struct migration *ours,
                         struct error *err)
{
    unsigned char sum[CHECKSUM_BYTES];

    if (pg_get_i64(records, row, RECORD_NUMBER) != ours->number)
        return error_set(err, ERROR_FATAL, "migration-missing",
                         "schema_migrations lacks number %d, though later ones were applied",
                         ours->number);
    if (!str_equal(pg_get_str(records, row, RECORD_CHECKSUM), checksum(ours->sql, sum))) {
        error_set(err, ERROR_FATAL, "migration-changed",
                  "migration '%s' was changed after it had been applied", ours->name);
        return error_hint(err, "Restore the file and put the change into a new migration.");
    }
    return true;
}

static bool check_records(const struct pg_rows *records, const struct migration *migrations,
                          size_t count, struct error *err)
{
    size_t applied = pg_rows_count(records);
    int64_t newest = applied > 0 ? pg_get_i64(records, applied - 1, RECORD_NUMBER) : 0;

    pg_rows_skip(records); /* a fault is told before all is read */
    if (newest > (int64_t)count) {
        struct str name = pg_get_str(records, applied - 1, RECORD_NAME);

        error_set(err, ERROR_FATAL, "schema-newer",
                  "the schema is newer than this program: it has migration '" STR_FMT
                  "', the newest known here is number %zu",
                  STR_ARG(name), count);
        return error_hint(err, "Run the version of daybookd that made it, or a later one.");
    }
    for (size_t i = 0; i < applied; i++)
        if (!check_record(records, i, &migrations[i], err))
            return false;
    return true;
}

/* *ret_records: NULL while there is no table. */
static bool read_records(struct pg_conn *conn, const struct migration *migrations, size_t count,
                         struct pg_rows **ret_records, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *exists = NULL;
    SCOPED(pg_rows_free) struct pg_rows *records = NULL;

    if (!pg_query(conn, exists_sql, NULL, &exists, err))
        return false;
    if (!pg_get_bool(exists, 0, 0)) {
        *ret_records = NULL;
        return true;
    }
    if (!pg_query(conn, records_sql, NULL, &records, err) ||
        !check_records(records, migrations, count, err))
        return false;
    *ret_records = TAKE(records);
    return true;
}

static bool lock(struct pg_conn *conn, struct error *err)
{
    if (pg_script_by(conn, lock_sql, clock_monotonic_ms() + LOCK_WAIT_MS, NULL, err))
        return true;
    if (strcmp(err->sqlstate, "55P03") != 0)
        return false;
    error_wrap(err, "another migration is running");
    return error_hint(err, "Wait for it to end and try again.");
}

/* Line of the character CHARACTER (from 1) of UTF-8 text. */
static size_t line_of(const char *sql, size_t character)
{
    size_t line = 1;

    for (size_t seen = 0; *sql != '\0'; sql++) {
        if (((unsigned char)*sql & 0xC0U) != 0x80U && ++seen == character)
            break;
        line += *sql == '\n';
    }
    return line;
}

static bool run(struct pg_conn *conn, const struct migration *migration, struct error *err)
{
    size_t character = 0;

    if (!pg_script_by(conn, migration->sql, INT64_MAX, &character, err)) {
        if (err->class != ERROR_TRANSIENT)
            err->class = ERROR_FATAL; /* whatever the table says of data: this one is broken */
        if (character > 0)
            return error_wrap(err, "%s:%zu", migration->name, line_of(migration->sql, character));
        return error_wrap(err, "%s", migration->name);
    }
    if (!pg_in_transaction(conn))
        return error_set(err, ERROR_FATAL, "migration-transaction",
                         "%s: the migration ends its transaction itself", migration->name);
    return true;
}

static bool record(struct pg_conn *conn, const struct migration *migration, struct error *err)
{
    unsigned char sum[CHECKSUM_BYTES];
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    pg_add_i32(&params, migration->number);
    pg_add_str(&params, str_of(migration->name));
    pg_add_bytes(&params, checksum(migration->sql, sum));
    return pg_query(conn, insert_sql, &params, NULL, err);
}

static bool apply_next(struct pg_conn *conn, const struct migration *migrations, size_t count,
                       bool *ret_applied, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *records = NULL;
    size_t done;

    if (!lock(conn, err) || !read_records(conn, migrations, count, &records, err))
        return false;
    done = records ? pg_rows_count(records) : 0;
    *ret_applied = done < count;
    if (done == count)
        return true;
    return (records || pg_query(conn, create_sql, NULL, NULL, err)) &&
           run(conn, &migrations[done], err) && record(conn, &migrations[done], err);
}

bool migrate_up(struct pg_conn *conn, const struct migration *migrations, size_t count,
                size_t *ret_applied, struct error *err)
{
    size_t applied = 0;
    bool one_applied = true;

    if (!check_numbers(migrations, count, err))
        return false;
    while (one_applied) {
        if (!pg_begin(conn, err))
            return false;
        if (!apply_next(conn, migrations, count, &one_applied, err)) {
            pg_rollback(conn);
            return false;
        }
        if (!pg_commit(conn, err))
            return false;
        applied += one_applied;
    }
    *ret_applied = applied;
    return true;
}

bool migrate_status(struct pg_conn *conn, const struct migration *migrations, size_t count,
                    struct migration_status *ret_status, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *records = NULL;
    size_t applied;

    if (!check_numbers(migrations, count, err) ||
        !read_records(conn, migrations, count, &records, err))
        return false;
    applied = records ? pg_rows_count(records) : 0;
    for (size_t i = 0; i < count; i++) {
        bool is_applied = i < applied;

        ret_status[i] = (struct migration_status){
            .migration = &migrations[i],
            .state = is_applied ? MIGRATION_APPLIED : MIGRATION_PENDING,
            .applied_at_us = is_applied ? pg_get_time(records, i, RECORD_APPLIED_AT) : 0,
        };
    }
    return true;
}

bool migrate_check(struct pg_conn *conn, const struct migration *migrations, size_t count,
                   struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *records = NULL;
    size_t applied;

    if (!check_numbers(migrations, count, err) ||
        !read_records(conn, migrations, count, &records, err))
        return false;
    applied = records ? pg_rows_count(records) : 0;
    if (applied == count)
        return true;
    error_set(err, ERROR_FATAL, "schema-old",
              "the schema is older than this program: migration '%s' was not applied",
              migrations[applied].name);
    return error_hint(err, "Run: daybookd migrate up");
}
