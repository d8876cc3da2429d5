/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A database of the test's own on the PostgreSQL of DAYBOOK_TEST_DATABASE_URL, dropped at the end
 * with all connections to it. What goes wrong here ends the test.
 *
 * Threads: the test's.
 */
#ifndef DAYBOOK_TESTS_SUPPORT_DATABASE_H
#define DAYBOOK_TESTS_SUPPORT_DATABASE_H
#include <stdint.h>

#include "base/scope.h"
#include "postgres/pg.h"

struct database {
    char name[64];
    char url[512];
};

struct database *database_new(void);
/* With all that FROM holds; waits some seconds until nobody is connected to it. */
struct database *database_copy(const struct database *from);
void database_free(struct database *database);
SCOPED_DEFINE(struct database *, database_free);

/* Applies the embedded migrations. */
void database_migrate(struct database *database);

/* Time-outs that suit a test; URL borrows from DATABASE. */
struct pg_config database_config(const struct database *database);
/* An open connection of the caller's. */
struct pg_conn *database_connect(const struct database *database, enum pg_profile profile);

/* On a connection of their own: a script; a query's one number. */
void database_run(const struct database *database, const char *sql);
int64_t database_i64(const struct database *database, const char *sql);

#endif
