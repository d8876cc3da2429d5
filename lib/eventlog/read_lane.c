/* SPDX-License-Identifier: Apache-2.0 */
/* The log as several readers share it, each with all events of its streams. */
#include <assert.h>
#include <inttypes.h>

#include "eventlog/read.h"
#include "eventlog/read_internal.h"
#include "eventlog/sql.h"

/* Streams counted in a statement: some 100 ms. */
enum { COUNT_STREAMS = 200000 };

static void add_categories(struct pg_params *params, const char *const *categories)
{
    pg_array_open(params, PG_TEXT);
    for (size_t i = 0; categories[i]; i++)
        pg_array_str(params, str_of(categories[i]));
    pg_array_close(params);
}

bool log_read_lane(struct pg_conn *conn, struct position after, struct position up_to,
                   const struct log_lane *lane, size_t limit, struct arena *arena,
                   struct event_page *ret_page, struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    bool cut;

    assert(limit > 0 && limit <= LOG_LANE_EVENTS_MAX);
    assert(lane->lane >= 0 && lane->lane < lane->lanes);

    pg_params_init(&params);
    pg_add_i64(&params, after.n);
    pg_add_i64(&params, up_to.n);
    pg_add_i64(&params, lane->lane);
    pg_add_i64(&params, lane->lanes);
    add_categories(&params, lane->categories);
    pg_add_i64(&params, (int64_t)limit);
    pg_add_i64(&params, LOG_SLICE_BYTES_MAX);
    if (!pg_query(conn, sql_log_read_lane, &params, &rows, err))
        return error_wrap(err, "read lane %d of the log after position %" PRId64, lane->lane,
                          after.n);
    event_page_of_rows(rows, 0, arena, ret_page, &cut);
    ret_page->read_to = up_to;
    if (ret_page->count > 0 && (cut || ret_page->count == limit))
        ret_page->read_to = ret_page->events[ret_page->count - 1].position;
    return event_page_check_order(ret_page, false, err);
}

bool log_count(struct pg_conn *conn, const char *const *categories, int64_t *ret_count,
               struct error *err)
{
    int64_t from = 0, last = 1;

    *ret_count = 0;
    while (from < last) {
        SCOPED_VALUE(pg_params_release) struct pg_params params;
        SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

        pg_params_init(&params);
        pg_add_i64(&params, from);
        pg_add_i64(&params, from + COUNT_STREAMS);
        add_categories(&params, categories);
        if (!pg_query(conn, sql_log_count, &params, &rows, err))
            return error_wrap(err, "count the log's events");
        *ret_count += pg_get_i64(rows, 0, 0);
        last = pg_get_i64(rows, 0, 1);
        from += COUNT_STREAMS;
    }
    return true;
}

static void add_time(struct pg_params *params, int64_t wall_us)
{
    if (wall_us == 0)
        pg_add_null(params);
    else
        pg_add_time(params, wall_us);
}

bool log_count_slice(struct pg_conn *conn, struct position after, struct position up_to,
                     const struct log_filter *filter, int64_t *ret_count, struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    pg_params_init(&params);
    pg_add_i64(&params, after.n);
    pg_add_i64(&params, up_to.n);
    pg_add_str(&params, filter->tenant);
    pg_add_str(&params, filter->category);
    pg_add_str(&params, filter->type);
    add_time(&params, filter->since_us);
    add_time(&params, filter->until_us);
    if (!pg_query(conn, sql_log_count_slice, &params, &rows, err))
        return error_wrap(err, "count the log's events after position %" PRId64, after.n);
    *ret_count = pg_get_i64(rows, 0, 0);
    return true;
}
