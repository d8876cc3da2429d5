/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a table's rows are told apart by, as the database knows it: for tables whose declaration is
 * SQL.
 *
 * Threads: the connection's owner only. Strings live in the ARENA given.
 */
#ifndef DAYBOOK_PROJECTION_TABLE_KEYS_H
#define DAYBOOK_PROJECTION_TABLE_KEYS_H
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/str.h"

struct arena;
struct pg_conn;

enum { TABLE_KEYS_MAX = 8 };

struct table_keys {
    struct str names[TABLE_KEYS_MAX]; /* as SQL needs them: quoted where they must be */
    struct str types[TABLE_KEYS_MAX];
    size_t count;
};

/* The primary key's. REFUSED "projection-state" when the table is not there, or its key has more
 * columns than TABLE_KEYS_MAX. */
MUST_CHECK bool table_keys_load(struct pg_conn *conn, const char *table, struct arena *arena,
                                struct table_keys *ret, struct error *err);

#endif
