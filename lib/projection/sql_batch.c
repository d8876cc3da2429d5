/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/sql_batch.h"

#include <assert.h>

#include "postgres/pg.h"
#include "projection/table.h"

static const char sql_take_turn[] =
    "select pg_advisory_xact_lock(hashtextextended('daybook batch of ' || $1, 0)) is null";

static bool takes_turns(const struct table *table)
{
    assert(table->projection->kind == PROJECTION_SQL);
    return !table->projection->sql->by_stream;
}

static bool send_turn(struct pg_conn *conn, const struct table *table, struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    pg_add_str(&params, str_of(table->name));
    return pg_pipe_send(conn, sql_take_turn, &params, err);
}

bool sql_batch_send(struct pg_conn *conn, const struct table *table, struct str events,
                    struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    pg_add_str(&params, events);
    if (takes_turns(table) && !send_turn(conn, table, err))
        return false;
    for (size_t i = 0; i < table->apply_count; i++)
        if (!pg_pipe_send(conn, table->apply[i].sql, table->apply[i].reads_events ? &params : NULL,
                          err))
            return false;
    return true;
}

bool sql_batch_receive(struct pg_conn *conn, const struct table *table, struct error *err)
{
    size_t sent = table->apply_count + (takes_turns(table) ? 1 : 0);

    while (sent-- > 0) {
        SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

        if (!pg_pipe_next(conn, &rows, err))
            return false;
        pg_rows_skip(rows); /* whatever RETURNING says */
    }
    return true;
}

bool sql_batch_run(struct pg_conn *conn, const struct table *table, struct str events,
                   struct error *err)
{
    bool ok;

    assert(pg_in_transaction(conn));
    ok = pg_pipe_open(conn, err) && sql_batch_send(conn, table, events, err) &&
         pg_pipe_sync(conn, err) && sql_batch_receive(conn, table, err);
    pg_pipe_close(conn);
    return ok;
}
