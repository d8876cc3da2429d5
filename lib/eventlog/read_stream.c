/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"
#include "eventlog/read_internal.h"
#include "eventlog/sql.h"

#include <assert.h>
#include <inttypes.h>

static struct stream_head head_of_row(const struct pg_rows *rows, size_t row)
{
    return (struct stream_head){
        .id = pg_get_i64(rows, row, 0),
        .version = VERSION(pg_get_i64(rows, row, 1)),
        .first_position = POSITION(pg_get_i64(rows, row, 2)),
        .last_position = POSITION(pg_get_i64(rows, row, 3)),
    };
}

bool stream_find(struct pg_conn *conn, struct str tenant, struct str stream,
                 struct stream_head *ret_head, struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    pg_params_init(&params);
    pg_add_str(&params, tenant);
    pg_add_str(&params, stream);
    if (!pg_query(conn, sql_stream_find, &params, &rows, err))
        return error_wrap(err, "look for stream '" STR_FMT "'", STR_ARG(stream));
    *ret_head = pg_rows_count(rows) == 1 ? head_of_row(rows, 0) : (struct stream_head){0};
    return true;
}

/* Versions 1..n are all there, or the stream is damaged and must not be served as if it were not.
 */
static bool check_complete(const struct event_page *page, const struct stream_head *head,
                           struct version from, enum stream_direction direction, size_t limit,
                           bool cut, struct error *err)
{
    bool forward = direction == STREAM_FORWARD;
    int64_t step = forward ? 1 : -1;
    int64_t next = forward || from.n < head->version.n ? from.n : head->version.n;
    int64_t left = forward ? head->version.n - from.n + 1 : next;
    int64_t expected = left < (int64_t)limit ? left : (int64_t)limit;
    size_t i = 0;

    for (; i < page->count && page->events[i].version.n == next; i++)
        next += step;
    if (i == page->count && (cut || (int64_t)i >= expected))
        return true;
    return error_set(err, ERROR_POISON, "stream-unreadable", "version %" PRId64 " is missing",
                     next);
}

static bool read_page(struct pg_conn *conn, const struct pg_params *params,
                      enum stream_direction direction, struct arena *arena,
                      struct stream_head *ret_head, struct event_page *ret_page, bool *ret_cut,
                      struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    const char *sql =
        direction == STREAM_FORWARD ? sql_stream_read_forward : sql_stream_read_backward;

    if (!pg_query(conn, sql, params, &rows, err))
        return false;
    *ret_head = pg_rows_count(rows) > 0 ? head_of_row(rows, 0) : (struct stream_head){0};
    event_page_of_rows(rows, 4, arena, ret_page, ret_cut);
    return true;
}

bool stream_read(struct pg_conn *conn, struct str tenant, struct str stream, struct version from,
                 enum stream_direction direction, struct str type, size_t limit,
                 struct arena *arena, struct stream_head *ret_head, struct event_page *ret_page,
                 struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    bool cut;

    assert(limit > 0 && limit <= LOG_SLICE_EVENTS_MAX);
    assert(from.n >= 1);

    pg_params_init(&params);
    pg_add_str(&params, tenant);
    pg_add_str(&params, stream);
    pg_add_i64(&params, from.n);
    pg_add_str(&params, type);
    pg_add_i64(&params, (int64_t)limit);
    pg_add_i64(&params, LOG_SLICE_BYTES_MAX);
    return (read_page(conn, &params, direction, arena, ret_head, ret_page, &cut, err) &&
            event_page_check_order(ret_page, direction == STREAM_BACKWARD, err) &&
            (type.data != NULL ||
             check_complete(ret_page, ret_head, from, direction, limit, cut, err))) ||
           error_wrap(err, "read stream '" STR_FMT "'", STR_ARG(stream));
}

bool streams_list(struct pg_conn *conn, struct str tenant, struct str prefix, struct str after,
                  size_t limit, struct arena *arena, struct stream_info **ret, size_t *ret_count,
                  struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    pg_params_init(&params);
    pg_add_str(&params, tenant);
    pg_add_str(&params, after.data != NULL ? after : STR(""));
    pg_add_str(&params, prefix.data != NULL ? prefix : STR(""));
    pg_add_i64(&params, (int64_t)limit);
    if (!pg_query(conn, sql_streams_list, &params, &rows, err))
        return error_wrap(err, "list streams");

    *ret_count = pg_rows_count(rows);
    *ret = ARENA_ARRAY(arena, struct stream_info, *ret_count);
    for (size_t i = 0; i < *ret_count; i++)
        (*ret)[i] = (struct stream_info){
            .stream = arena_dup(arena, pg_get_str(rows, i, 0)),
            .version = VERSION(pg_get_i64(rows, i, 1)),
            .last_position = POSITION(pg_get_i64(rows, i, 2)),
        };
    return true;
}
