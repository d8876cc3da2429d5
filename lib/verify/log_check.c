/* SPDX-License-Identifier: Apache-2.0 */
/* The log itself: slices of positions, and the streams' rows against their last events. */
#include "verify/tally.h"
#include "verify/verify_internal.h"

#include "eventlog/read.h"
#include "postgres/pg.h"
#include "verify/sql.h"

#include <stdio.h>

struct slice {
    struct verifier *v;
    const struct log_pass *pass;
    struct position after;
    struct position up_to;
};

static void log_found(struct verifier *v, enum finding_kind kind, struct str tenant,
                      struct str stream, struct position position, struct version version,
                      struct str text)
{
    struct finding finding = {.kind = kind,
                              .part = VERIFY_LOG,
                              .partition = -1,
                              .tenant = tenant,
                              .key = stream,
                              .position = position,
                              .version = version,
                              .text = text};

    verifier_found(v, &finding);
}

static bool query_slice(const struct slice *slice, const char *sql, struct pg_rows **ret_rows,
                        struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    pg_add_i64(&params, slice->after.n);
    pg_add_i64(&params, slice->up_to.n);
    return pg_query(slice->v->conn, sql, &params, ret_rows, err);
}

static bool check_order(const struct slice *slice, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    if (!query_slice(slice, sql_log_faults, &rows, err))
        return false;
    for (size_t i = 0; i < pg_rows_count(rows); i++)
        log_found(slice->v, FINDING_DRIFTED, pg_get_str(rows, i, 2), pg_get_str(rows, i, 3),
                  POSITION(pg_get_i64(rows, i, 0)), VERSION(pg_get_i64(rows, i, 1)),
                  pg_get_str(rows, i, 4));
    return true;
}

static bool hand_out(const struct slice *slice, const struct event_page *page, struct error *err)
{
    const struct log_pass *pass = slice->pass;

    for (size_t i = 0; i < page->count; i++) {
        const struct event *event = &page->events[i];

        slice->v->report->events++;
        if (pass->topics && !topic_check_event(pass->topics, event, err))
            return false;
        for (size_t k = 0; pass->tallies && pass->tallies[k]; k++)
            if (!tally_add(pass->tallies[k], event, err))
                return false;
        if (pass->event && !pass->event(pass->arg, event, err))
            return false;
    }
    return true;
}

/* Positions above AFTER and up to UP_TO, all of which are there. */
static bool read_range(const struct slice *slice, int64_t after, int64_t up_to, struct error *err)
{
    struct verifier *v = slice->v;

    while (after < up_to) {
        struct event_page page;

        arena_clear(v->arena);
        if (!log_read(v->conn, POSITION(after), POSITION(up_to), &(struct log_filter){0},
                      SLICE_POSITIONS, v->arena, &page, err) ||
            !hand_out(slice, &page, err))
            return false;
        if (page.read_to.n <= after)
            return error_set(err, ERROR_TRANSIENT, "log-behind",
                             "the log ends at position %lld, it was at %lld before",
                             (long long)page.head.n, (long long)up_to);
        after = page.read_to.n;
    }
    return true;
}

static void tell_gap(const struct slice *slice, int64_t first, int64_t last)
{
    char text[TEXT_MAX];

    snprintf(text, sizeof(text), "positions %lld to %lld are not in the log", (long long)first,
             (long long)last);
    log_found(slice->v, FINDING_LOST, STR_NONE, STR_NONE, POSITION(first), VERSION(0),
              str_of(text));
}

static bool read_slice(const struct slice *slice, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *gaps = NULL;
    int64_t after = slice->after.n;

    if (slice->pass->check && !check_order(slice, err))
        return false;
    if (!query_slice(slice, sql_log_gaps, &gaps, err))
        return false;
    for (size_t i = 0; i < pg_rows_count(gaps); i++) {
        int64_t first = pg_get_i64(gaps, i, 0);
        int64_t last = pg_get_i64(gaps, i, 1);

        if (slice->pass->check)
            tell_gap(slice, first, last);
        if (!read_range(slice, after, first - 1, err))
            return false;
        after = last;
    }
    return read_range(slice, after, slice->up_to.n, err);
}

bool verify_log_pass(struct verifier *v, const struct log_pass *pass, struct position after,
                     struct position up_to, struct error *err)
{
    struct slice slice = {.v = v, .pass = pass, .after = after};

    while (slice.after.n < up_to.n) {
        int64_t end = slice.after.n + SLICE_POSITIONS;

        slice.up_to = POSITION(end < up_to.n ? end : up_to.n);
        if (!verifier_go_on(v, pass->doing, slice.after.n, up_to.n, err) ||
            !read_slice(&slice, err))
            return error_wrap(err, "read the log after position %lld", (long long)slice.after.n);
        slice.after = slice.up_to;
    }
    return true;
}

/* Streams. */

static bool streams_page(struct verifier *v, struct str tenant, struct str name,
                         struct pg_rows **ret_rows, struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    pg_add_str(&params, tenant);
    pg_add_str(&params, name);
    pg_add_i64(&params, PAGE_ROWS);
    return pg_query(v->conn, sql_streams_faults, &params, ret_rows, err);
}

static void tell_torn(struct verifier *v, const struct pg_rows *rows, size_t row)
{
    log_found(v, FINDING_LOST, pg_get_str(rows, row, 0), pg_get_str(rows, row, 1),
              POSITION(pg_get_i64(rows, row, 3)), VERSION(pg_get_i64(rows, row, 2)),
              STR("is the last event that the stream speaks of, and not in the log"));
}

bool verify_streams(struct verifier *v, struct error *err)
{
    char tenant[NAME_TENANT_MAX + 1] = "";
    char name[NAME_STREAM_MAX + 1] = "";
    size_t count = PAGE_ROWS;

    while (count == PAGE_ROWS) {
        SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

        if (!streams_page(v, str_of(tenant), str_of(name), &rows, err))
            return error_wrap(err, "look at the streams");
        count = pg_rows_count(rows);
        for (size_t i = 0; i < count; i++) {
            if (!pg_get_bool(rows, i, 4))
                tell_torn(v, rows, i);
        }
        v->report->streams += count;
        if (count == 0)
            break;
        snprintf(tenant, sizeof(tenant), STR_FMT, STR_ARG(pg_get_str(rows, count - 1, 0)));
        snprintf(name, sizeof(name), STR_FMT, STR_ARG(pg_get_str(rows, count - 1, 1)));
        pg_rows_skip(rows);
        if (!verifier_go_on(v, "streams", (int64_t)v->report->streams, 0, err))
            return false;
    }
    return true;
}
