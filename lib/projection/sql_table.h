/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a generation runs of a projection that was brought as a file: its statements, with {table}
 * and {events} replaced.
 *
 * Threads: any; pure.
 */
#ifndef DAYBOOK_PROJECTION_SQL_TABLE_H
#define DAYBOOK_PROJECTION_SQL_TABLE_H
#include <stdbool.h>

#include "projection/fold.h"

struct buf;

enum { SQL_EXPANDED_BYTES_MAX = 16 << 20 }; /* of a file; {events} becomes 41 times as long */

/* TEXT with {table} as TABLE and {events} as a subquery over the parameter $1, which is what
 * events_json.h made. Whether there is an {events}, and so a parameter. */
bool sql_expand(const char *text, const char *table, struct buf *out);

/* The declarations as a script. */
void sql_write_create(const struct projection_sql *sql, const char *table, struct buf *out);

/* What another file must be compared by: everything that rows depend on. */
void sql_write_declaration(const struct projection *projection, struct buf *out);

/* A script that makes the view VIEW show TABLE, as it is or anew where the columns are others. */
void sql_write_view(const char *view, const char *table, struct buf *out);

#endif
