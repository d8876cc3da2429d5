/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/table_keys.h"

#include "base/arena.h"
#include "postgres/pg.h"
#include "projection/sql.h"

bool table_keys_load(struct pg_conn *conn, const char *table, struct arena *arena,
                     struct table_keys *ret, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    pg_add_str(&params, str_of(table));
    if (!pg_query(conn, sql_table_keys, &params, &rows, err))
        return error_wrap(err, "look at the key of table '%s'", table);
    ret->count = pg_rows_count(rows);
    if (ret->count == 0 || ret->count > TABLE_KEYS_MAX) {
        pg_rows_skip(rows);
        return error_set(err, ERROR_REFUSED, "projection-state",
                         "table '%s' has a key of %zu columns; it must be 1 to %d", table,
                         ret->count, (int)TABLE_KEYS_MAX);
    }
    for (size_t i = 0; i < ret->count; i++) {
        ret->names[i] = arena_dup(arena, pg_get_str(rows, i, 0));
        ret->types[i] = arena_dup(arena, pg_get_str(rows, i, 1));
    }
    return true;
}
