/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"
#include "eventlog/read_internal.h"
#include "eventlog/sql.h"

#include <assert.h>

static void add_spans(struct pg_params *params, const struct stream_span *spans, size_t count)
{
    pg_array_open(params, PG_INT8);
    for (size_t i = 0; i < count; i++)
        pg_array_i64(params, spans[i].id);
    pg_array_close(params);
    pg_array_open(params, PG_INT8);
    for (size_t i = 0; i < count; i++)
        pg_array_i64(params, spans[i].after.n);
    pg_array_close(params);
    pg_array_open(params, PG_INT8);
    for (size_t i = 0; i < count; i++)
        pg_array_i64(params, spans[i].up_to.n);
    pg_array_close(params);
    pg_array_open(params, PG_INT8);
    for (size_t i = 0; i < count; i++)
        pg_array_i64(params, spans[i].first_position.n);
    pg_array_close(params);
}

bool spans_read(struct pg_conn *conn, const struct stream_span *spans, size_t count, size_t limit,
                struct arena *arena, struct event_page *ret_page, size_t **ret_spans,
                struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    size_t events;

    pg_params_init(&params);
    add_spans(&params, spans, count);
    pg_add_i64(&params, (int64_t)limit);
    if (!pg_query(conn, sql_spans_read, &params, &rows, err))
        return error_wrap(err, "read events of %zu streams", count);

    events = pg_rows_count(rows);
    *ret_page =
        (struct event_page){.events = ARENA_ARRAY(arena, struct event, events), .count = events};
    *ret_spans = ARENA_ARRAY(arena, size_t, events);
    for (size_t i = 0; i < events; i++) {
        int64_t span = pg_get_i64(rows, i, 0);

        assert(span >= 1 && (size_t)span <= count);
        (*ret_spans)[i] = (size_t)span - 1;
        ret_page->events[i] = event_of_row(rows, i, 1, arena);
    }
    return true;
}
