/* SPDX-License-Identifier: Apache-2.0 */
#include "publisher/control.h"

#include "base/arena.h"
#include "eventlog/identity.h"
#include "postgres/pg.h"
#include "publisher/core.h"
#include "publisher/sql.h"

#include <stdio.h>

static const char sql_stop[] = "select s.state, s.reason, s.stops, h.position, i.prefix "
                               "from publisher_state s cross join log_head h cross join log_info i";

static const char *const accept_names[] = {
    [ACCEPT_RETRY] = "retry",
    [ACCEPT_NEW_LOG] = "new-log",
    [ACCEPT_LOSS] = "loss",
};

const char *publisher_state_name(enum publisher_state state)
{
    static const char *const names[] = {
        [PUBLISHER_STANDBY] = "standby", [PUBLISHER_STARTING] = "starting",
        [PUBLISHER_RUNNING] = "running", [PUBLISHER_RETRYING] = "retrying",
        [PUBLISHER_PAUSED] = "paused",   [PUBLISHER_STOPPED] = "stopped",
    };

    return names[state];
}

bool accept_kind_parse(struct str name, enum accept_kind *ret)
{
    for (size_t i = 0; i < sizeof(accept_names) / sizeof(accept_names[0]); i++)
        if (str_equal(str_of(accept_names[i]), name)) {
            *ret = (enum accept_kind)i;
            return true;
        }
    return false;
}

bool publisher_view_load(struct pg_conn *conn, struct arena *arena, struct publisher_view *ret,
                         struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    if (!pg_query(conn, sql_view, NULL, &rows, err))
        return error_wrap(err, "read the publisher's state");
    if (pg_rows_count(rows) != 1)
        return error_set(err, ERROR_FATAL, "internal-error", "the log has no identity yet");
    *ret = (struct publisher_view){
        .state = arena_dup(arena, pg_get_str(rows, 0, 0)),
        .reason = arena_dup(arena, pg_get_str(rows, 0, 1)),
        .detail = arena_dup(arena, pg_get_str(rows, 0, 2)),
        .holder = arena_dup(arena, pg_get_str(rows, 0, 3)),
        .leader_alive = pg_get_bool(rows, 0, 4),
        .epoch = pg_get_i64(rows, 0, 5),
        .since_us = pg_get_time(rows, 0, 6),
        .updated_us = pg_get_time(rows, 0, 7),
        .paused = pg_get_bool(rows, 0, 8),
        .position = POSITION(pg_get_i64(rows, 0, 9)),
        .head = POSITION(pg_get_i64(rows, 0, 10)),
        .lag_ms = pg_get_i64(rows, 0, 11),
    };
    return true;
}

struct request {
    const char *kind;
    struct position position; /* 0: none */
    struct str prefix;        /* data NULL: none */
    int64_t stop;             /* which stop it answers; 0: none */
    struct str by;
};

static bool add_request(struct pg_conn *conn, const struct request *request, struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    pg_add_str(&params, str_of(request->kind));
    pg_add_i64(&params, request->position.n);
    pg_add_str(&params, request->prefix);
    pg_add_i64(&params, request->stop);
    pg_add_str(&params, request->by);
    return pg_query(conn, sql_request_add, &params, NULL, err) ||
           error_wrap(err, "ask the publisher to %s", request->kind);
}

bool publisher_pause(struct pg_conn *conn, struct str by, struct error *err)
{
    return add_request(conn, &(struct request){.kind = "pause", .by = by}, err);
}

bool publisher_resume(struct pg_conn *conn, struct str by, struct error *err)
{
    return add_request(conn, &(struct request){.kind = "resume", .by = by}, err);
}

/* Legal in a topic's name with the longest category behind it, and not ambiguous in Kafka's metrics
 * (where `.` and `_` are the same). */
static bool prefix_is_legal(struct str prefix)
{
    if (prefix.len == 0 || prefix.len > LOG_PREFIX_MAX)
        return false;
    for (size_t i = 0; i < prefix.len; i++) {
        char c = prefix.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
              (i > 0 && (c == '-' || c == '.'))))
            return false;
    }
    return prefix.data[prefix.len - 1] != '.';
}

/* ROWS: of sql_stop. */
static bool check_accept(const struct accept_request *request, const struct pg_rows *rows,
                         struct error *err)
{
    struct str state = pg_get_str(rows, 0, 0);
    struct str reason = pg_get_str(rows, 0, 1);
    int64_t head = pg_get_i64(rows, 0, 3);
    struct str prefix = pg_get_str(rows, 0, 4);

    if (!str_equal(state, str_of(publisher_state_name(PUBLISHER_STOPPED))))
        return error_set(err, ERROR_REFUSED, "publisher-state",
                         "the publisher is " STR_FMT ", not stopped", STR_ARG(state));
    if (!pub_reason_allows(reason, request->kind))
        return error_set(err, ERROR_REFUSED, "publisher-state",
                         "it stopped for " STR_FMT ": \"%s\" does not answer that", STR_ARG(reason),
                         accept_names[request->kind]);
    if (request->kind == ACCEPT_NEW_LOG && !prefix_is_legal(request->prefix))
        return error_set(err, ERROR_REFUSED, "validation-failed",
                         "the prefix must be of a-z, 0-9, '-' and '.', 1 to %d long",
                         LOG_PREFIX_MAX);
    if (request->kind == ACCEPT_NEW_LOG && str_equal(request->prefix, prefix))
        return error_set(err, ERROR_REFUSED, "validation-failed",
                         "the prefix must be another one: no topic holds two logs");
    if (request->kind == ACCEPT_LOSS && (request->position.n < 0 || request->position.n > head))
        return error_set(err, ERROR_REFUSED, "validation-failed",
                         "the position must be from 0 to the log's head, %lld", (long long)head);
    return true;
}

bool publisher_accept(struct pg_conn *conn, const struct accept_request *request, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    struct request row = {
        .kind = accept_names[request->kind],
        .position = request->position,
        .prefix = request->prefix,
        .by = request->by,
    };

    if (!pg_query(conn, sql_stop, NULL, &rows, err))
        return error_wrap(err, "read the publisher's state");
    if (pg_rows_count(rows) != 1)
        return error_set(err, ERROR_FATAL, "internal-error", "the log has no identity yet");
    pg_rows_skip(rows);
    if (!check_accept(request, rows, err))
        return false;
    row.stop = pg_get_i64(rows, 0, 2);
    return add_request(conn, &row, err);
}
