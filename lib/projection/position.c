/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/position.h"

#include <assert.h>

#include "base/mem.h"
#include "postgres/pg.h"
#include "projection/sql.h"
#include "projection/table.h"

bool read_position_load(struct pg_conn *conn, const struct projection *projection,
                        struct read_position *ret, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    char *declaration = projection_declaration(projection);
    int64_t lag_ms;

    pg_params_init(&params);
    pg_add_str(&params, str_of(projection->name));
    pg_array_open(&params, PG_TEXT);
    for (size_t i = 0; projection->categories[i]; i++)
        pg_array_str(&params, str_of(projection->categories[i]));
    pg_array_close(&params);
    pg_add_str(&params, str_of(declaration));
    mem_free(declaration);
    if (!pg_query(conn, sql_read_position, &params, &rows, err))
        return error_wrap(err, "find the read position of projection '%s'", projection->name);

    assert(pg_rows_count(rows) == 1);
    ret->head = POSITION(pg_get_i64(rows, 0, 0));
    ret->position = POSITION(pg_get_i64(rows, 0, 1));
    ret->generation = (int)pg_get_i64(rows, 0, 2);
    lag_ms = pg_get_i64(rows, 0, 3);
    ret->lag_ms = lag_ms > 0 ? lag_ms : 0;
    return true;
}
