/* SPDX-License-Identifier: Apache-2.0 */
#include "eventlog/writer_io_internal.h"

#include "eventlog/sql.h"
#include "eventlog/writer_core.h"
#include "eventlog/writer_metrics_internal.h"

#include <assert.h>

const char io_sql_begin[] = "begin isolation level read committed";
static const char sql_categories[] = "select name from categories";

static bool send_streams(const struct writer_io *io, const struct core_lookups *l,
                         struct error *err)
{
    struct pg_params *p = io_fresh(io);

    if (l->known_count > 0) {
        ADD_ARRAY(p, PG_INT8, pg_array_i64, l->known, l->known_count, stream_id);
        ADD_ARRAY(p, PG_INT8, pg_array_i64, l->known, l->known_count, version.n);
        if (!io_send(io, sql_streams_moved, err))
            return false;
        io_fresh(io);
    }
    if (l->names_count > 0) {
        ADD_ARRAY(p, PG_TEXT, pg_array_str, l->names, l->names_count, tenant);
        ADD_ARRAY(p, PG_TEXT, pg_array_str, l->names, l->names_count, name);
        if (!io_send(io, sql_streams_find, err))
            return false;
    }
    return true;
}

static bool send_keys(const struct writer_io *io, const struct core_lookups *l, struct error *err)
{
    struct pg_params *p = io_fresh(io);

    if (l->keys_count > 0) {
        ADD_ARRAY(p, PG_TEXT, pg_array_str, l->keys, l->keys_count, tenant);
        ADD_ARRAY(p, PG_TEXT, pg_array_str, l->keys, l->keys_count, credential);
        ADD_ARRAY(p, PG_TEXT, pg_array_str, l->keys, l->keys_count, key);
        if (!io_send(io, sql_keys_find, err))
            return false;
        io_fresh(io);
    }
    if (l->event_ids_count > 0) {
        ADD_ARRAY(p, PG_INT8, pg_array_i64, l->event_ids, l->event_ids_count, stream_id);
        ADD_ARRAY(p, PG_TEXT, pg_array_str, l->event_ids, l->event_ids_count, id);
        if (!io_send(io, sql_event_ids_find, err))
            return false;
    }
    return true;
}

static bool send_lookups(const struct writer_io *io, const struct core_lookups *l,
                         struct error *err)
{
    if (l->lock && (!pg_pipe_send(io->conn, io_sql_begin, NULL, err) ||
                    !pg_pipe_send(io->conn, sql_head_lock, NULL, err)))
        return false;
    if (!send_streams(io, l, err) || !send_keys(io, l, err))
        return false;
    if (l->categories && !pg_pipe_send(io->conn, sql_categories, NULL, err))
        return false;
    if (l->id_blocks > 0) {
        pg_add_i32(io_fresh(io), (int32_t)l->id_blocks);
        if (!io_send(io, sql_stream_ids_take, err))
            return false;
    }
    return pg_pipe_sync(io->conn, err);
}

static bool read_head(const struct writer_io *io, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    if (!pg_pipe_next(io->conn, NULL, err) || !pg_pipe_next(io->conn, &rows, err))
        return false;
    if (pg_rows_count(rows) != 1)
        return error_set(err, ERROR_FATAL, "internal-error", "log_head has no row");
    core_head(io->core, POSITION(pg_get_i64(rows, 0, 0)), pg_get_time(rows, 0, 1));
    return true;
}

/* Rows count from 1 (with ordinality), arrays here from 0. */
static size_t row_index(const struct pg_rows *rows, size_t row)
{
    return (size_t)pg_get_i64(rows, row, 0) - 1;
}

typedef void (*stream_row_fn)(struct writer_core *core, size_t i, const struct core_stream_row *r);

static bool read_streams(const struct writer_io *io, stream_row_fn report, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    if (!pg_pipe_next(io->conn, &rows, err))
        return false;
    for (size_t i = 0; i < pg_rows_count(rows); i++) {
        struct core_stream_row row = {0};

        if (!pg_is_null(rows, i, 1)) {
            row.id = pg_get_i64(rows, i, 1);
            row.version = VERSION(pg_get_i64(rows, i, 2));
            row.first_position = POSITION(pg_get_i64(rows, i, 3));
            row.last_position = POSITION(pg_get_i64(rows, i, 4));
        }
        report(io->core, row_index(rows, i), &row);
    }
    pg_rows_skip(rows);
    return true;
}

static bool read_keys(const struct writer_io *io, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    if (!pg_pipe_next(io->conn, &rows, err))
        return false;
    for (size_t i = 0; i < pg_rows_count(rows); i++) {
        struct stored_answer answer = {
            .status = (int)pg_get_i64(rows, i, 2),
            .headers = pg_get_str(rows, i, 3),
            .body = pg_get_str(rows, i, 4),
        };

        core_key_found(io->core, row_index(rows, i), pg_get_str(rows, i, 1), &answer);
    }
    return true;
}

static bool read_event_ids(const struct writer_io *io, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    if (!pg_pipe_next(io->conn, &rows, err))
        return false;
    for (size_t i = 0; i < pg_rows_count(rows); i++)
        core_event_id_found(io->core, row_index(rows, i), VERSION(pg_get_i64(rows, i, 1)),
                            POSITION(pg_get_i64(rows, i, 2)));
    return true;
}

static bool read_categories(const struct writer_io *io, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    if (!pg_pipe_next(io->conn, &rows, err))
        return false;
    for (size_t i = 0; i < pg_rows_count(rows); i++)
        core_category(io->core, pg_get_str(rows, i, 0));
    return true;
}

static bool read_id_blocks(const struct writer_io *io, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    if (!pg_pipe_next(io->conn, &rows, err))
        return false;
    for (size_t i = 0; i < pg_rows_count(rows); i++)
        core_id_block(io->core, pg_get_i64(rows, i, 0));
    return true;
}

/* In the order of send_lookups. */
static bool read_lookups(const struct writer_io *io, const struct core_lookups *l,
                         struct error *err)
{
    return (!l->lock || read_head(io, err)) &&
           (l->known_count == 0 || read_streams(io, core_moved, err)) &&
           (l->names_count == 0 || read_streams(io, core_found, err)) &&
           (l->keys_count == 0 || read_keys(io, err)) &&
           (l->event_ids_count == 0 || read_event_ids(io, err)) &&
           (!l->categories || read_categories(io, err)) &&
           (l->id_blocks == 0 || read_id_blocks(io, err));
}

bool io_look(const struct writer_io *io, struct error *err)
{
    const struct core_lookups *l = core_lookups(io->core);
    bool ok;

    if (!pg_pipe_open(io->conn, err))
        return false;
    ok = send_lookups(io, l, err) && read_lookups(io, l, err);
    pg_pipe_close(io->conn);
    return ok || error_wrap(err, "look up streams");
}

enum {
    LOAD_N,
    LOAD_VERSION,
    LOAD_RECORDED_AT,
    LOAD_OCCURRED_AT,
    LOAD_ID,
    LOAD_TYPE,
    LOAD_DATA,
    LOAD_POSITION, /* from here on: of a snapshot */
    LOAD_HASH,
    LOAD_STATE,
    LOAD_BYTES, /* of the events so far */
};

static void report_snapshot(struct writer_core *core, size_t load, const struct pg_rows *rows,
                            size_t i)
{
    struct core_snapshot_row row = {
        .version = VERSION(pg_get_i64(rows, i, LOAD_VERSION)),
        .position = POSITION(pg_get_i64(rows, i, LOAD_POSITION)),
        .recorded_at_us = pg_get_time(rows, i, LOAD_RECORDED_AT),
        .hash = pg_get_i64(rows, i, LOAD_HASH),
        .state = pg_get_str(rows, i, LOAD_STATE),
    };

    core_snapshot_loaded(core, load, &row);
}

static void report_event(struct writer_core *core, size_t load, const struct pg_rows *rows,
                         size_t i)
{
    struct core_event_row row = {
        .version = VERSION(pg_get_i64(rows, i, LOAD_VERSION)),
        .recorded_at_us = pg_get_time(rows, i, LOAD_RECORDED_AT),
        .occurred_at_us = pg_get_time(rows, i, LOAD_OCCURRED_AT),
        .id = pg_get_str(rows, i, LOAD_ID),
        .type = pg_get_str(rows, i, LOAD_TYPE),
        .data = pg_get_str(rows, i, LOAD_DATA),
    };

    core_loaded(core, load, &row);
}

static bool is_cut(const struct pg_rows *rows)
{
    size_t count = pg_rows_count(rows);

    return count > 0 && !pg_is_null(rows, count - 1, LOAD_BYTES) &&
           pg_get_i64(rows, count - 1, LOAD_BYTES) >= CORE_LOAD_BYTES_MAX;
}

bool io_load(const struct writer_io *io, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    struct pg_params *p = io_fresh(io);
    size_t count;
    const struct core_load *loads = core_loads(io->core, &count);

    ADD_ARRAY(p, PG_INT8, pg_array_i64, loads, count, stream_id);
    ADD_ARRAY(p, PG_INT8, pg_array_i64, loads, count, after.n);
    ADD_ARRAY(p, PG_INT8, pg_array_i64, loads, count, up_to.n);
    ADD_ARRAY(p, PG_INT8, pg_array_i64, loads, count, first_position.n);
    ADD_ARRAY(p, PG_INT8, pg_array_i64, loads, count, last_position.n);
    ADD_ARRAY(p, PG_INT4, pg_array_i64, loads, count, schema);
    pg_add_i64(p, CORE_LOAD_EVENTS_MAX);
    pg_add_i64(p, CORE_LOAD_BYTES_MAX);
    if (!pg_query(io->conn, sql_events_load, p, &rows, err))
        return error_wrap(err, "load streams");

    for (size_t i = 0; i < pg_rows_count(rows); i++) {
        size_t load = (size_t)pg_get_i64(rows, i, LOAD_N) - 1;

        if (pg_is_null(rows, i, LOAD_STATE))
            report_event(io->core, load, rows, i);
        else
            report_snapshot(io->core, load, rows, i);
    }
    if (is_cut(rows))
        core_load_cut(io->core);
    pg_rows_skip(rows); /* some columns are of snapshots only */
    writer_count_load(pg_rows_count(rows));
    return true;
}

static bool probe(const struct writer_io *io, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    struct pg_params *p = io_fresh(io);
    const struct core_doubt *doubt = core_doubt(io->core);

    if (!pg_begin(io->conn, err) || !pg_query(io->conn, sql_head_lock, NULL, NULL, err))
        return false;
    pg_add_i64(p, doubt->base.n);
    pg_add_i64(p, doubt->base.n + (int64_t)doubt->events_count);
    if (!pg_query(io->conn, sql_events_probe, p, &rows, err))
        return false;
    for (size_t i = 0; i < pg_rows_count(rows); i++)
        core_probed(io->core, POSITION(pg_get_i64(rows, i, 0)), pg_get_i64(rows, i, 1),
                    VERSION(pg_get_i64(rows, i, 2)), pg_get_str(rows, i, 3));
    return true;
}

bool io_probe(const struct writer_io *io, struct error *err)
{
    bool ok = probe(io, err);

    pg_rollback(io->conn);
    return ok || error_wrap(err, "look for a lost commit");
}
