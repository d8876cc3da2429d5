/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A projection that somebody brings as a file, without C: projections/<name>.sql.
 *
 *   -- name: revenue
 *   -- categories: order
 *   -- kind: roll-up              (or: by stream)
 *   create table {table} (...);   one, with a primary key; then its indexes
 *   insert into {table} ...       statements over each batch: insert, update, delete, merge, with
 *     from {events} e ...
 *
 * docs/sql-projections.md says what is allowed and why; here it is checked. Comments and the layout
 * are no part of what is built: they may change without a rebuild.
 *
 * Threads: any; pure.
 */
#ifndef DAYBOOK_PROJECTION_SQL_FILE_H
#define DAYBOOK_PROJECTION_SQL_FILE_H
#include <stdbool.h>

#include "base/str.h"
#include "projection/fold.h"

struct arena;
struct buf;

enum {
    SQL_FILE_BYTES_MAX = 256 * 1024,
    SQL_DECLARATIONS_MAX = 1 + PROJECTION_INDEXES_MAX,
    SQL_STATEMENTS_MAX = 8,
    SQL_CATEGORIES_MAX = 16,
};

/*
 * TEXT is the content of PATH, whose last part is <name>.sql; OTHERS (ends with NULL) have the
 * names that are taken. *ret lives in ARENA. False: FAULTS has a line "path:line: ..." for each
 * fault.
 */
MUST_CHECK bool sql_file_parse(const char *path, struct str text,
                               const struct projection *const *others, struct arena *arena,
                               struct buf *faults, const struct projection **ret);

#endif
