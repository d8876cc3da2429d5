/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Categories that a file names and nothing is of: a typo, or streams that are still to come.
 *
 * Threads: the connection's owner only.
 */
#ifndef DAYBOOK_PROJECTION_SQL_CATEGORY_H
#define DAYBOOK_PROJECTION_SQL_CATEGORY_H
#include <stddef.h>

#include "base/error.h"
#include "projection/fold.h"

struct arena;
struct pg_conn;

struct sql_category_doubt {
    const char *category; /* the projection's */
    const char *nearest;  /* that there is; NULL: none is near */
};

/*
 * The categories of PROJECTION that no stream of the log is of, nor any of PROJECTIONS without a
 * file (COUNT are looked at), which the program itself knows. *ret and what it points to lives in
 * ARENA.
 */
MUST_CHECK bool sql_categories_doubt(struct pg_conn *conn, const struct projection *projection,
                                     const struct projection *const *projections, size_t count,
                                     struct arena *arena, struct sql_category_doubt **ret,
                                     size_t *ret_count, struct error *err);

#endif
