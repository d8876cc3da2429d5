/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbered schema changes, applied in order under a lock, each in one transaction with its record
 * (number, name, checksum, applied_at) in schema_migrations.
 *
 * A recorded one that is changed or missing here, a number twice, and a schema newer than this
 * program are errors that say which. A syntax error names file and line.
 *
 * Threads: the connection's owner only.
 */
#ifndef DAYBOOK_POSTGRES_MIGRATE_H
#define DAYBOOK_POSTGRES_MIGRATE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct pg_conn;
struct arena;

struct migration {
    int number;
    const char *name; /* "0001_log.sql" */
    const char *sql;
};

enum migration_state { MIGRATION_APPLIED, MIGRATION_PENDING };

struct migration_status {
    const struct migration *migration;
    enum migration_state state;
    int64_t applied_at_us; /* APPLIED only */
};

/* Reads *.sql of a directory instead of the embedded ones; strings live in ARENA. */
MUST_CHECK bool migrations_from_dir(const char *dir, struct arena *arena, struct migration **ret,
                                    size_t *ret_count, struct error *err);

/* Applies what is pending; *ret_applied: how many. Waits for the lock at most 10 s. */
MUST_CHECK bool migrate_up(struct pg_conn *conn, const struct migration *migrations, size_t count,
                           size_t *ret_applied, struct error *err);

/* Fills RET_STATUS[count]; fails as migrate_up would on a changed, missing or newer one. */
MUST_CHECK bool migrate_status(struct pg_conn *conn, const struct migration *migrations,
                               size_t count, struct migration_status *ret_status,
                               struct error *err);

/* For daemons: fails with a hint that names `daybookd migrate up` unless all are applied. */
MUST_CHECK bool migrate_check(struct pg_conn *conn, const struct migration *migrations,
                              size_t count, struct error *err);

#endif
