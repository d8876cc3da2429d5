/* SPDX-License-Identifier: Apache-2.0 */
#include "eventlog/writer_io_internal.h"

#include <assert.h>

#include "eventlog/sql.h"
#include "eventlog/writer_core.h"
#include "postgres/pg.h"

static const char sql_begin[] = "begin isolation level read committed";
static const char sql_commit[] = "commit";
static const char sql_categories[] = "select name from categories";

static bool send(const struct writer_io *io, const char *sql, struct error *err)
{
    return pg_pipe_send(io->conn, sql, io->params, err);
}

static struct pg_params *fresh(const struct writer_io *io)
{
    pg_params_clear(io->params);
    return io->params;
}

/* Values of one member of an array of structs, as one array parameter. */
#define ADD_ARRAY(params, type, adder, items, count, member) \
    do { \
        pg_array_open((params), (type)); \
        for (size_t add_i = 0; add_i < (count); add_i++) \
            adder((params), (items)[add_i].member); \
        pg_array_close(params); \
    } while (0)

/* --- look-ups -----------------------------------------------------------------------------------
 */

static bool send_streams(const struct writer_io *io, const struct core_lookups *l,
                         struct error *err)
{
    struct pg_params *p = fresh(io);

    if (l->known_count > 0) {
        ADD_ARRAY(p, PG_INT8, pg_array_i64, l->known, l->known_count, stream_id);
        ADD_ARRAY(p, PG_INT8, pg_array_i64, l->known, l->known_count, version.n);
        if (!send(io, sql_streams_moved, err))
            return false;
        fresh(io);
    }
    if (l->names_count > 0) {
        ADD_ARRAY(p, PG_TEXT, pg_array_str, l->names, l->names_count, tenant);
        ADD_ARRAY(p, PG_TEXT, pg_array_str, l->names, l->names_count, name);
        if (!send(io, sql_streams_find, err))
            return false;
    }
    return true;
}

static bool send_keys(const struct writer_io *io, const struct core_lookups *l, struct error *err)
{
    struct pg_params *p = fresh(io);

    if (l->keys_count > 0) {
        ADD_ARRAY(p, PG_TEXT, pg_array_str, l->keys, l->keys_count, tenant);
        ADD_ARRAY(p, PG_TEXT, pg_array_str, l->keys, l->keys_count, credential);
        ADD_ARRAY(p, PG_TEXT, pg_array_str, l->keys, l->keys_count, key);
        if (!send(io, sql_keys_find, err))
            return false;
        fresh(io);
    }
    if (l->event_ids_count > 0) {
        ADD_ARRAY(p, PG_INT8, pg_array_i64, l->event_ids, l->event_ids_count, stream_id);
        ADD_ARRAY(p, PG_TEXT, pg_array_str, l->event_ids, l->event_ids_count, id);
        if (!send(io, sql_event_ids_find, err))
            return false;
    }
    return true;
}

static bool send_lookups(const struct writer_io *io, const struct core_lookups *l,
                         struct error *err)
{
    if (l->lock && (!pg_pipe_send(io->conn, sql_begin, NULL, err) ||
                    !pg_pipe_send(io->conn, sql_head_lock, NULL, err)))
        return false;
    if (!send_streams(io, l, err) || !send_keys(io, l, err))
        return false;
    if (l->categories && !pg_pipe_send(io->conn, sql_categories, NULL, err))
        return false;
    if (l->id_blocks > 0) {
        pg_add_i32(fresh(io), (int32_t)l->id_blocks);
        if (!send(io, sql_stream_ids_take, err))
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

/* --- loading ------------------------------------------------------------------------------------
 */

enum { LOAD_N, LOAD_VERSION, LOAD_OCCURRED_AT, LOAD_ID, LOAD_TYPE, LOAD_DATA };

bool io_load(const struct writer_io *io, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    struct pg_params *p = fresh(io);
    size_t count;
    const struct core_load *loads = core_loads(io->core, &count);

    ADD_ARRAY(p, PG_INT8, pg_array_i64, loads, count, stream_id);
    ADD_ARRAY(p, PG_INT8, pg_array_i64, loads, count, after.n);
    ADD_ARRAY(p, PG_INT8, pg_array_i64, loads, count, up_to.n);
    ADD_ARRAY(p, PG_INT8, pg_array_i64, loads, count, first_position.n);
    ADD_ARRAY(p, PG_INT8, pg_array_i64, loads, count, last_position.n);
    pg_add_i64(p, CORE_LOAD_EVENTS_MAX);
    if (!pg_query(io->conn, sql_events_load, p, &rows, err))
        return error_wrap(err, "load streams");

    for (size_t i = 0; i < pg_rows_count(rows); i++) {
        struct core_event_row row = {
            .version = VERSION(pg_get_i64(rows, i, LOAD_VERSION)),
            .occurred_at_us = pg_get_time(rows, i, LOAD_OCCURRED_AT),
            .id = pg_get_str(rows, i, LOAD_ID),
            .type = pg_get_str(rows, i, LOAD_TYPE),
            .data = pg_get_str(rows, i, LOAD_DATA),
        };

        core_loaded(io->core, (size_t)pg_get_i64(rows, i, LOAD_N) - 1, &row);
    }
    return true;
}

/* --- committing ---------------------------------------------------------------------------------
 */

static bool send_new_streams(const struct writer_io *io, const struct core_commit *c,
                             struct error *err)
{
    struct pg_params *p = fresh(io);
    const struct core_new_stream *s = c->new_streams;
    size_t n = c->new_streams_count;

    if (n == 0)
        return true;
    ADD_ARRAY(p, PG_INT8, pg_array_i64, s, n, id);
    ADD_ARRAY(p, PG_TEXT, pg_array_str, s, n, tenant);
    ADD_ARRAY(p, PG_TEXT, pg_array_str, s, n, name);
    ADD_ARRAY(p, PG_TEXT, pg_array_str, s, n, category);
    ADD_ARRAY(p, PG_INT8, pg_array_i64, s, n, version.n);
    ADD_ARRAY(p, PG_INT8, pg_array_i64, s, n, first_position.n);
    ADD_ARRAY(p, PG_INT8, pg_array_i64, s, n, last_position.n);
    return send(io, sql_streams_insert, err);
}

static bool send_moved_streams(const struct writer_io *io, const struct core_commit *c,
                               struct error *err)
{
    struct pg_params *p = fresh(io);
    const struct core_moved_stream *s = c->moved_streams;
    size_t n = c->moved_streams_count;

    if (n == 0)
        return true;
    ADD_ARRAY(p, PG_INT8, pg_array_i64, s, n, id);
    ADD_ARRAY(p, PG_INT8, pg_array_i64, s, n, version.n);
    ADD_ARRAY(p, PG_INT8, pg_array_i64, s, n, last_position.n);
    return send(io, sql_streams_update, err);
}

/* Most batches have no metadata, or no trace: unnest fills up what is shorter with NULL. */
#define ADD_OPTIONAL_ARRAY(params, type, items, count, member) \
    do { \
        size_t some = 0; \
        while (some < (count) && (items)[some].member.data == NULL) \
            some++; \
        if (some < (count)) \
            ADD_ARRAY((params), (type), pg_array_str, (items), (count), member); \
        else \
            pg_add_null(params); \
    } while (0)

static bool send_events(const struct writer_io *io, const struct core_commit *c, struct error *err)
{
    struct pg_params *p = fresh(io);
    const struct core_new_event *e = c->events;
    size_t n = c->events_count;

    if (n == 0)
        return true;
    pg_add_i64(p, c->base.n);
    pg_add_time(p, c->recorded_at_us);
    ADD_ARRAY(p, PG_INT8, pg_array_i64, e, n, stream_id);
    ADD_ARRAY(p, PG_INT8, pg_array_i64, e, n, version.n);
    ADD_ARRAY(p, PG_TIMESTAMPTZ, pg_array_i64, e, n, occurred_at_us);
    ADD_ARRAY(p, PG_TEXT, pg_array_str, e, n, id);
    ADD_ARRAY(p, PG_TEXT, pg_array_str, e, n, type);
    ADD_ARRAY(p, PG_JSON, pg_array_str, e, n, data);
    ADD_OPTIONAL_ARRAY(p, PG_JSON, e, n, metadata);
    ADD_OPTIONAL_ARRAY(p, PG_TEXT, e, n, origin->correlation_id);
    ADD_OPTIONAL_ARRAY(p, PG_TEXT, e, n, origin->causation_id);
    ADD_OPTIONAL_ARRAY(p, PG_TEXT, e, n, origin->request_id);
    ADD_OPTIONAL_ARRAY(p, PG_TEXT, e, n, origin->traceparent);
    return send(io, sql_events_insert, err);
}

static bool send_categories(const struct writer_io *io, const struct core_commit *c,
                            struct error *err)
{
    struct pg_params *p = fresh(io);

    if (c->categories_count == 0)
        return true;
    pg_array_open(p, PG_TEXT);
    for (size_t i = 0; i < c->categories_count; i++)
        pg_array_str(p, c->categories[i]);
    pg_array_close(p);
    return send(io, sql_categories_insert, err);
}

static bool send_answers(const struct writer_io *io, const struct core_commit *c, struct error *err)
{
    struct pg_params *p = fresh(io);
    const struct core_new_answer *a = c->answers;
    size_t n = c->answers_count;

    if (n == 0)
        return true;
    pg_add_time(p, c->recorded_at_us);
    ADD_ARRAY(p, PG_TEXT, pg_array_str, a, n, key.tenant);
    ADD_ARRAY(p, PG_TEXT, pg_array_str, a, n, key.credential);
    ADD_ARRAY(p, PG_TEXT, pg_array_str, a, n, key.key);
    ADD_ARRAY(p, PG_BYTEA, pg_array_str, a, n, hash);
    ADD_ARRAY(p, PG_INT4, pg_array_i64, a, n, answer->status);
    ADD_ARRAY(p, PG_TEXT, pg_array_str, a, n, answer->headers);
    ADD_ARRAY(p, PG_TEXT, pg_array_str, a, n, answer->body);
    return send(io, sql_keys_insert, err);
}

static bool send_head(const struct writer_io *io, const struct core_commit *c, struct error *err)
{
    struct pg_params *p = fresh(io);

    if (c->events_count == 0)
        return true;
    pg_add_i64(p, c->base.n + (int64_t)c->events_count);
    pg_add_time(p, c->recorded_at_us);
    return send(io, sql_head_update, err);
}

static bool send_commit(const struct writer_io *io, const struct core_commit *c, struct error *err)
{
    return send_new_streams(io, c, err) && send_moved_streams(io, c, err) &&
           send_events(io, c, err) && send_categories(io, c, err) && send_answers(io, c, err) &&
           send_head(io, c, err) && pg_pipe_send(io->conn, sql_commit, NULL, err) &&
           pg_pipe_sync(io->conn, err);
}

static bool read_commit(const struct writer_io *io, const struct core_commit *c, struct error *err)
{
    unsigned statements = (c->new_streams_count > 0) + (c->moved_streams_count > 0) +
                          (c->events_count > 0) * 2 + (c->categories_count > 0) +
                          (c->answers_count > 0) + 1;

    while (statements-- > 0) {
        if (!pg_pipe_next(io->conn, NULL, err))
            return false;
    }
    return true;
}

bool io_commit(const struct writer_io *io, struct error *err)
{
    const struct core_commit *c = core_commit(io->core);
    bool ok;

    if (!pg_pipe_open(io->conn, err))
        return false;
    ok = send_commit(io, c, err) && read_commit(io, c, err);
    pg_pipe_close(io->conn);
    /* Whatever ended the session may have done so after COMMIT, and before its answer. */
    if (!ok && !pg_is_open(io->conn))
        err->outcome_unknown = true;
    return ok || error_wrap(err, "append events");
}

/* --- after an unknown outcome -------------------------------------------------------------------
 */

static bool probe(const struct writer_io *io, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    struct pg_params *p = fresh(io);
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
