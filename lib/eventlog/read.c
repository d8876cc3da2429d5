/* SPDX-License-Identifier: Apache-2.0 */
#include "eventlog/read.h"

#include "postgres/pg.h"

static const char sql_head[] = "select position from log_head";

bool log_read_head(struct pg_conn *conn, struct position *ret_head, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    if (!pg_query(conn, sql_head, NULL, &rows, err))
        return error_wrap(err, "read the log's head");
    if (pg_rows_count(rows) != 1)
        return error_set(err, ERROR_FATAL, "internal-error", "log_head has no row");
    *ret_head = POSITION(pg_get_i64(rows, 0, 0));
    return true;
}
