/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "eventlog/sql.h"
#include "eventlog/writer_core.h"
#include "eventlog/writer_io_internal.h"

static const char sql_commit[] = "commit";

static bool send_new_streams(const struct writer_io *io, const struct core_commit *c,
                             struct error *err)
{
    struct pg_params *p = io_fresh(io);
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
    return io_send(io, sql_streams_insert, err);
}

static bool send_moved_streams(const struct writer_io *io, const struct core_commit *c,
                               struct error *err)
{
    struct pg_params *p = io_fresh(io);
    const struct core_moved_stream *s = c->moved_streams;
    size_t n = c->moved_streams_count;

    if (n == 0)
        return true;
    ADD_ARRAY(p, PG_INT8, pg_array_i64, s, n, id);
    ADD_ARRAY(p, PG_INT8, pg_array_i64, s, n, version.n);
    ADD_ARRAY(p, PG_INT8, pg_array_i64, s, n, last_position.n);
    return io_send(io, sql_streams_update, err);
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
    struct pg_params *p = io_fresh(io);
    const struct core_new_event *e = c->events;
    size_t n = c->events_count;

    if (n == 0)
        return true;
    pg_add_i64(p, c->base.n);
    if (c->at_once)
        pg_add_null(p);
    else
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
    return io_send(io, sql_events_insert, err);
}

static bool send_categories(const struct writer_io *io, const struct core_commit *c,
                            struct error *err)
{
    struct pg_params *p = io_fresh(io);

    if (c->categories_count == 0)
        return true;
    pg_array_open(p, PG_TEXT);
    for (size_t i = 0; i < c->categories_count; i++)
        pg_array_str(p, c->categories[i]);
    pg_array_close(p);
    return io_send(io, sql_categories_insert, err);
}

static bool send_answers(const struct writer_io *io, const struct core_commit *c, struct error *err)
{
    struct pg_params *p = io_fresh(io);
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
    return io_send(io, sql_keys_insert, err);
}

static struct position new_head(const struct core_commit *c)
{
    return POSITION(c->base.n + (int64_t)c->events_count);
}

static bool send_begin(const struct writer_io *io, const struct core_commit *c, struct error *err)
{
    struct pg_params *p = io_fresh(io);

    if (!c->at_once)
        return true;
    pg_add_i64(p, c->base.n);
    pg_add_i64(p, new_head(c).n);
    return pg_pipe_send(io->conn, io_sql_begin, NULL, err) && io_send(io, sql_head_take, err);
}

static bool send_head(const struct writer_io *io, const struct core_commit *c, struct error *err)
{
    struct pg_params *p = io_fresh(io);

    if (c->events_count == 0 || c->at_once)
        return true;
    pg_add_i64(p, new_head(c).n);
    pg_add_time(p, c->recorded_at_us);
    return io_send(io, sql_head_update, err);
}

static bool send_commit(const struct writer_io *io, const struct core_commit *c, struct error *err)
{
    return send_begin(io, c, err) && send_new_streams(io, c, err) &&
           send_moved_streams(io, c, err) && send_events(io, c, err) &&
           send_categories(io, c, err) && send_answers(io, c, err) && send_head(io, c, err) &&
           pg_pipe_send(io->conn, sql_commit, NULL, err) && pg_pipe_sync(io->conn, err);
}

static bool read_begin(const struct writer_io *io, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    if (!pg_pipe_next(io->conn, NULL, err) || !pg_pipe_next(io->conn, &rows, err))
        return false;
    core_recorded(io->core, pg_get_time(rows, 0, 0));
    pg_rows_skip(rows);
    return true;
}

static bool read_commit(const struct writer_io *io, const struct core_commit *c, struct error *err)
{
    unsigned statements = (c->new_streams_count > 0) + (c->moved_streams_count > 0) +
                          (c->events_count > 0) * (c->at_once ? 1 : 2) + (c->categories_count > 0) +
                          (c->answers_count > 0) + 1;

    if (c->at_once && !read_begin(io, err))
        return false;
    while (statements-- > 0) {
        if (!pg_pipe_next(io->conn, NULL, err))
            return false;
    }
    return true;
}

/* By the division in head_take.sql, or by a name that is taken. */
static bool is_overtaken(const struct core_commit *c, const struct error *err)
{
    return c->at_once &&
           (strcmp(err->sqlstate, "22012") == 0 || strcmp(err->sqlstate, "23505") == 0);
}

bool io_commit(const struct writer_io *io, struct error *err)
{
    const struct core_commit *c = core_commit(io->core);
    bool ok;

    if (!pg_pipe_open(io->conn, err))
        return false;
    ok = send_commit(io, c, err) && read_commit(io, c, err);
    pg_pipe_close(io->conn);
    if (!ok && is_overtaken(c, err)) {
        pg_rollback(io->conn);
        core_overtaken(io->core);
        return true;
    }
    /* Whatever ended the session may have done so after COMMIT, and before its answer. */
    if (!ok && !pg_is_open(io->conn))
        err->outcome_unknown = true;
    return ok || error_wrap(err, "append events");
}
