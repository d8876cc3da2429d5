/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/reach.h"

#include <assert.h>
#include <stdio.h>

#include "base/arena.h"
#include "kafka/partition.h"
#include "postgres/pg.h"
#include "projection/generation.h"
#include "projection/sql.h"
#include "projection/table.h"

bool written_load(struct pg_conn *conn, struct position first, struct position last,
                  struct arena *arena, struct written *ret, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    assert(first.n <= last.n);

    *ret = (struct written){.first = first, .last = last};
    ret->whole = last.n - first.n >= WRITE_POSITIONS_MAX;
    if (ret->whole)
        return true;
    pg_add_i64(&params, first.n);
    pg_add_i64(&params, last.n);
    if (!pg_query(conn, sql_written_streams, &params, &rows, err))
        return error_wrap(err, "find the streams of a write");

    ret->streams_count = pg_rows_count(rows);
    ret->streams = ARENA_ARRAY(arena, struct written_at, ret->streams_count);
    for (size_t i = 0; i < ret->streams_count; i++)
        ret->streams[i] = (struct written_at){
            .category = arena_dup(arena, pg_get_str(rows, i, 0)),
            .key = arena_printf(arena, STR_FMT "/" STR_FMT, STR_ARG(pg_get_str(rows, i, 1)),
                                STR_ARG(pg_get_str(rows, i, 2))),
            .last = POSITION(pg_get_i64(rows, i, 3)),
            .tenant = arena_dup(arena, pg_get_str(rows, i, 1)),
            .stream = arena_dup(arena, pg_get_str(rows, i, 2)),
            .version = VERSION(pg_get_i64(rows, i, 4)),
        };
    return true;
}

static void add_streams(struct pg_params *params, const struct written *written)
{
    pg_array_open(params, PG_TEXT);
    for (size_t i = 0; i < written->streams_count; i++)
        pg_array_str(params, written->streams[i].tenant);
    pg_array_close(params);
    pg_array_open(params, PG_TEXT);
    for (size_t i = 0; i < written->streams_count; i++)
        pg_array_str(params, written->streams[i].stream);
    pg_array_close(params);
    pg_array_open(params, PG_INT8);
    for (size_t i = 0; i < written->streams_count; i++)
        pg_array_i64(params, written->streams[i].version.n);
    pg_array_close(params);
}

bool written_find_parked(struct pg_conn *conn, const struct projection *projection, int generation,
                         const struct written *written, struct arena *arena,
                         struct written_parked *ret, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    const char *sql = written->whole ? sql_range_parked : sql_written_parked;

    pg_params_init(&params);
    pg_add_str(&params, str_of(projection->name));
    pg_add_i32(&params, generation);
    if (written->whole) {
        pg_add_i64(&params, written->first.n);
        pg_add_i64(&params, written->last.n);
    } else {
        add_streams(&params, written);
    }
    if (!pg_query(conn, sql, &params, &rows, err))
        return error_wrap(err, "look for parked streams of projection '%s'", projection->name);

    *ret = (struct written_parked){0};
    if (pg_rows_count(rows) > 0)
        *ret = (struct written_parked){
            .stream = arena_dup(arena, pg_get_str(rows, 0, 0)),
            .version = VERSION(pg_get_i64(rows, 0, 1)),
            .state = arena_dup(arena, pg_get_str(rows, 0, 2)),
        };
    return true;
}

static void add_names(struct pg_params *params, const struct projection *const *projections,
                      size_t count)
{
    generation_add_programs(params, projections, count);
    pg_array_open(params, PG_TEXT);
    for (size_t i = 0; i < count; i++)
        for (const char *const *category = projections[i]->categories; *category; category++)
            pg_array_str(params, str_of(*category));
    pg_array_close(params);
}

static void read_lanes(const struct pg_rows *rows, struct arena *arena, struct reach *ret)
{
    enum { FIRST = 3 };

    ret->lanes_count = pg_is_null(rows, 0, FIRST) ? 0 : pg_rows_count(rows);
    ret->lanes = ARENA_ARRAY(arena, struct reach_lane, ret->lanes_count);
    for (size_t i = 0; i < ret->lanes_count; i++)
        ret->lanes[i] = (struct reach_lane){
            .projection = arena_dup(arena, pg_get_str(rows, i, FIRST)),
            .category = arena_dup(arena, pg_get_str(rows, i, FIRST + 1)),
            .partition = (int32_t)pg_get_i64(rows, i, FIRST + 2),
            .entry = POSITION(pg_get_i64(rows, i, FIRST + 3)),
            .reached = POSITION(pg_get_i64(rows, i, FIRST + 4)),
        };
    pg_rows_skip(rows); /* of a row without a projection */
}

bool reach_load(struct pg_conn *conn, const struct projection *const *projections, size_t count,
                int generation, struct arena *arena, struct reach *ret, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    add_names(&params, projections, count);
    if (generation > 0)
        pg_add_i32(&params, generation);
    else
        pg_add_null(&params);
    if (!pg_query(conn, sql_reach_load, &params, &rows, err))
        return error_wrap(err, "find how far the projections are");
    if (pg_rows_count(rows) == 0)
        return error_set(err, ERROR_FATAL, "internal-error", "the log has no identity or no head");

    snprintf(ret->log, sizeof(ret->log), STR_FMT, STR_ARG(pg_get_str(rows, 0, 0)));
    ret->head = POSITION(pg_get_i64(rows, 0, 1));
    ret->published = POSITION(pg_get_i64(rows, 0, 2));
    read_lanes(rows, arena, ret);
    return true;
}

/* The lanes of one topic; *ret_count 0: there are none. */
static const struct reach_lane *find_topic(const struct reach *reach, struct str projection,
                                           struct str category, int32_t *ret_count)
{
    const struct reach_lane *first = NULL;

    *ret_count = 0;
    for (size_t i = 0; i < reach->lanes_count; i++) {
        const struct reach_lane *lane = &reach->lanes[i];

        if (!str_equal(lane->projection, projection) || !str_equal(lane->category, category))
            continue;
        if (!first)
            first = lane;
        assert(lane->partition == *ret_count);
        ++*ret_count;
    }
    return first;
}

static bool reads(const struct projection *projection, struct str category)
{
    for (const char *const *read = projection->categories; *read; read++)
        if (str_equal(category, str_of(*read)))
            return true;
    return false;
}

static bool holds_stream(const struct reach *reach, const struct projection *projection,
                         const struct written_at *stream)
{
    int32_t count;
    const struct reach_lane *lanes =
        find_topic(reach, str_of(projection->name), stream->category, &count);

    return lanes && lanes[kafka_partition_of(stream->key, count)].reached.n >= stream->last.n;
}

/* Everything up to LAST: published, and in each partition as far as it goes. */
static bool holds_all(const struct reach *reach, const struct projection *projection,
                      struct position last)
{
    bool made = false;

    for (size_t i = 0; i < reach->lanes_count; i++) {
        const struct reach_lane *lane = &reach->lanes[i];

        if (!str_equal(lane->projection, str_of(projection->name)))
            continue;
        made = true;
        if (reads(projection, lane->category) && lane->reached.n < lane->entry.n &&
            lane->reached.n < last.n)
            return false;
    }
    return made && reach->published.n >= last.n;
}

bool reach_holds(const struct reach *reach, const struct projection *projection,
                 const struct written *written)
{
    if (written->whole)
        return holds_all(reach, projection, written->last);
    for (size_t i = 0; i < written->streams_count; i++)
        if (reads(projection, written->streams[i].category) &&
            !holds_stream(reach, projection, &written->streams[i]))
            return false;
    return true;
}
