/* SPDX-License-Identifier: Apache-2.0 */
#include "eventlog/read.h"
#include "eventlog/read_internal.h"

#include "base/arena.h"
#include "eventlog/sql.h"

#include <assert.h>
#include <inttypes.h>

/* With a filter a statement looks at so many positions at most, whatever it finds. */
enum { SCAN_POSITIONS_MAX = 20000 };

static const char sql_head[] = "select position from log_head";

struct event event_of_row(const struct pg_rows *rows, size_t row, int first, struct arena *arena)
{
#define TEXT(column) arena_dup(arena, pg_get_str(rows, row, first + (column)))
#define TEXT_OR_NONE(column) (pg_is_null(rows, row, first + (column)) ? STR_NONE : TEXT(column))
    return (struct event){
        .position = POSITION(pg_get_i64(rows, row, first)),
        .version = VERSION(pg_get_i64(rows, row, first + 1)),
        .occurred_at_us = pg_get_time(rows, row, first + 2),
        .recorded_at_us = pg_get_time(rows, row, first + 3),
        .id = TEXT(4),
        .type = TEXT(5),
        .tenant = TEXT(6),
        .stream = TEXT(7),
        .data = TEXT(8),
        .metadata = TEXT_OR_NONE(9),
        .origin = {.correlation_id = TEXT_OR_NONE(10),
                   .causation_id = TEXT_OR_NONE(11),
                   .request_id = TEXT_OR_NONE(12),
                   .traceparent = TEXT_OR_NONE(13)},
    };
#undef TEXT
#undef TEXT_OR_NONE
}

void event_page_of_rows(const struct pg_rows *rows, int first, struct arena *arena,
                        struct event_page *ret_page, bool *ret_cut)
{
    size_t count = pg_rows_count(rows);
    bool none = count == 0 || pg_is_null(rows, 0, first);
    size_t bytes = 0;

    *ret_page = (struct event_page){0};
    *ret_cut = false;
    pg_rows_skip(rows);
    if (none)
        return;
    ret_page->events = ARENA_ARRAY(arena, struct event, count);
    /* The statement has cut by bytes as stored; those of partitions that are not upkeep's may be
     * compressed to a hundredth. */
    while (ret_page->count < count && bytes < LOG_SLICE_BYTES_MAX) {
        struct event *event = &ret_page->events[ret_page->count];

        *event = event_of_row(rows, ret_page->count++, first + 1, arena);
        bytes += event->data.len + event->metadata.len;
    }
    *ret_cut = ret_page->count < count || pg_get_i64(rows, count - 1, first) >= LOG_SLICE_BYTES_MAX;
}

bool event_page_check_order(const struct event_page *page, bool falling, struct error *err)
{
    for (size_t i = 1; i < page->count; i++) {
        int64_t step = page->events[i].position.n - page->events[i - 1].position.n;

        if (falling ? step >= 0 : step <= 0)
            return error_set(err, ERROR_FATAL, "internal-error",
                             "events were read out of order at position %" PRId64,
                             page->events[i].position.n);
    }
    return true;
}

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

bool log_find_event(struct pg_conn *conn, struct position position, struct arena *arena,
                    struct event *ret_event, bool *ret_found, struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    pg_params_init(&params);
    pg_add_i64(&params, position.n);
    if (!pg_query(conn, sql_event_find, &params, &rows, err))
        return error_wrap(err, "read the event at position %" PRId64, position.n);
    *ret_found = pg_rows_count(rows) == 1;
    if (*ret_found)
        *ret_event = event_of_row(rows, 0, 0, arena);
    return true;
}

bool events_find(struct pg_conn *conn, struct str tenant, struct str id, struct str stream,
                 size_t limit, struct arena *arena, struct event_page *ret_page, struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    pg_params_init(&params);
    pg_add_str(&params, tenant);
    pg_add_str(&params, id);
    pg_add_str(&params, stream);
    pg_add_i64(&params, (int64_t)limit);
    if (!pg_query(conn, sql_events_named, &params, &rows, err))
        return error_wrap(err, "look for event '" STR_FMT "'", STR_ARG(id));
    *ret_page = (struct event_page){.count = pg_rows_count(rows)};
    ret_page->events = ARENA_ARRAY(arena, struct event, ret_page->count);
    for (size_t i = 0; i < ret_page->count; i++)
        ret_page->events[i] = event_of_row(rows, i, 0, arena);
    return true;
}

static bool recorded_at(struct pg_conn *conn, int64_t position, int64_t *ret_us, struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    pg_params_init(&params);
    pg_add_i64(&params, position);
    if (!pg_query(conn, sql_log_seek, &params, &rows, err))
        return false;
    /* Archived partitions lie in front of all that is there. */
    *ret_us = pg_rows_count(rows) == 1 ? pg_get_time(rows, 0, 0) : INT64_MIN;
    return true;
}

/* The last position in FROM..TO recorded before TIME, else FROM: recorded_at never runs backwards,
 * so some 30 look-ups find it in any log. */
static bool seek_time(struct pg_conn *conn, int64_t from, int64_t to, int64_t time_us,
                      int64_t *ret_position, struct error *err)
{
    while (from < to) {
        int64_t middle = from + (to - from + 1) / 2;
        int64_t at_us;

        if (!recorded_at(conn, middle, &at_us, err))
            return error_wrap(err, "look for a time in the log");
        if (at_us < time_us)
            from = middle;
        else
            to = middle - 1;
    }
    *ret_position = from;
    return true;
}

/* Turns the filter's times into positions. */
static bool narrow(struct pg_conn *conn, const struct log_filter *filter, int64_t *after,
                   int64_t *up_to, struct error *err)
{
    struct position head = POSITION(0);

    if (filter->since_us == 0 && filter->until_us == 0)
        return true;
    if (!log_read_head(conn, &head, err))
        return false;
    if (*up_to > head.n)
        *up_to = head.n;
    if (*after > *up_to)
        return true;
    if (filter->since_us != 0 && !seek_time(conn, *after, *up_to, filter->since_us, after, err))
        return false;
    return filter->until_us == 0 || seek_time(conn, *after, *up_to, filter->until_us, up_to, err);
}

/* Positions have no gaps; a reader that skips one would never know. */
static bool check_complete(const struct event_page *page, int64_t after, struct error *err)
{
    for (size_t i = 0; i < page->count; i++) {
        if (page->events[i].position.n != after + 1 + (int64_t)i)
            return error_set(err, ERROR_FATAL, "internal-error",
                             "the log has no event at position %" PRId64, after + 1 + (int64_t)i);
    }
    if (page->read_to.n != after + (int64_t)page->count)
        return error_set(err, ERROR_FATAL, "internal-error",
                         "the log has no event at position %" PRId64,
                         after + 1 + (int64_t)page->count);
    return true;
}

static void add_request(struct pg_params *p, int64_t after, int64_t up_to, bool filtered,
                        const struct log_filter *filter, size_t limit)
{
    int64_t scanned = filtered ? SCAN_POSITIONS_MAX : (int64_t)limit;

    pg_add_i64(p, after);
    pg_add_i64(p, up_to);
    pg_add_i64(p, scanned < INT64_MAX - after ? scanned : INT64_MAX - after);
    pg_add_i64(p, (int64_t)limit);
    pg_add_i64(p, LOG_SLICE_BYTES_MAX);
    pg_add_str(p, filter->tenant);
    pg_add_str(p, filter->category);
    pg_add_str(p, filter->type);
    pg_add_str(p, filter->correlation_id);
}

static bool is_filtered(const struct log_filter *filter)
{
    return filter->tenant.data != NULL || filter->category.data != NULL ||
           filter->type.data != NULL || filter->correlation_id.data != NULL;
}

bool log_read(struct pg_conn *conn, struct position after, struct position up_to,
              const struct log_filter *filter, size_t limit, struct arena *arena,
              struct event_page *ret_page, struct error *err)
{
    static const struct log_filter everything = {0};
    const struct log_filter *f = filter != NULL ? filter : &everything;
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    int64_t from = after.n;
    int64_t to = up_to.n == 0 ? INT64_MAX : up_to.n;
    bool filtered = is_filtered(f);
    bool cut;

    assert(limit > 0 && limit <= LOG_SLICE_EVENTS_MAX);
    assert(after.n >= 0);

    pg_params_init(&params);
    if (!narrow(conn, f, &from, &to, err))
        return false;
    add_request(&params, from, to, filtered, f, limit);
    if (!pg_query(conn, sql_log_read, &params, &rows, err))
        return error_wrap(err, "read the log after position %" PRId64, from);
    if (pg_rows_count(rows) == 0)
        return error_set(err, ERROR_FATAL, "internal-error", "log_head has no row");

    event_page_of_rows(rows, 2, arena, ret_page, &cut);
    ret_page->head = POSITION(pg_get_i64(rows, 0, 0));
    ret_page->read_to = POSITION(pg_get_i64(rows, 0, 1));
    if (ret_page->count > 0 && (cut || ret_page->count == limit))
        ret_page->read_to = ret_page->events[ret_page->count - 1].position;
    /* Asked for what is beyond the head (or the times): nothing was looked at. */
    if (ret_page->read_to.n < from)
        ret_page->read_to = POSITION(from);
    return filtered ? event_page_check_order(ret_page, false, err)
                    : check_complete(ret_page, from, err);
}
